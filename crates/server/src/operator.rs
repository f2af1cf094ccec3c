//! What the operator of a server may ask of it beside: over a socket in the data folder, which nobody else
//! can reach. `alcove stop` and `alcove user` are the other side.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove_protocol::api::ApiError;
use alcove_protocol::host::{AddPerson, NewKey, People, Person, StopRepl, UpdatePerson};
use alcove_socket::QuietStream;
use anyhow::{Context, anyhow, bail};
use axum::body::Bytes;
use axum::extract::{Path as At, State};
use axum::http::{Method, StatusCode};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixListener;

use crate::{ApiFailure, App};

/// Bytes of an answer: all people.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

fn socket(data_dir: &Path) -> PathBuf {
    data_dir.join("operator.sock")
}

/// Answers the operator for as long as the server goes on.
pub(crate) async fn serve(app: Arc<App>) {
    let path = socket(&app.config.data_dir);
    let listener = match listen(&path) {
        Ok(listener) => listener,
        Err(error) => {
            return tracing::warn!(%error, socket = %path.display(), "`alcove stop` and `alcove user` can't reach this server");
        }
    };
    let router = Router::new()
        .route("/repls/{id}/stop", post(stop))
        .route("/people", get(people).post(let_in))
        .route("/people/{id}", patch(set_role).delete(send_away))
        .route("/people/{id}/key", post(renew_key))
        .with_state(app);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "operator's socket");
    }
}

/// Whoever holds the data folder's lock may take the place of the server before.
fn listen(path: &Path) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

type Server = State<Arc<App>>;

async fn stop(
    State(app): Server,
    At(id): At<String>,
    Json(StopRepl { reason }): Json<StopRepl>,
) -> Result<StatusCode, ApiFailure> {
    app.halt(&id, reason.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn people(State(app): Server) -> Result<Json<People>, ApiFailure> {
    app.people_told().await.map(Json)
}

async fn let_in(
    State(app): Server,
    Json(AddPerson { name, role }): Json<AddPerson>,
) -> Result<Json<NewKey>, ApiFailure> {
    app.let_in(&name, role.as_deref()).await.map(Json)
}

async fn set_role(
    State(app): Server,
    At(id): At<String>,
    Json(UpdatePerson { role }): Json<UpdatePerson>,
) -> Result<StatusCode, ApiFailure> {
    app.set_role(&id, &role).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn renew_key(State(app): Server, At(id): At<String>) -> Result<Json<NewKey>, ApiFailure> {
    app.renew_key(&id).await.map(Json)
}

async fn send_away(State(app): Server, At(id): At<String>) -> Result<StatusCode, ApiFailure> {
    app.send_away(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The way to the server that works on a data folder. All errors are for the operator.
pub struct OperatorClient(PathBuf);

impl OperatorClient {
    pub fn new(data_dir: &Path) -> Self {
        Self(data_dir.to_owned())
    }

    /// Has a repl saved and stopped.
    pub async fn stop(&self, id: &str, reason: Option<&str>) -> anyhow::Result<()> {
        let no_repl =
            || anyhow!("there is no repl {id}: its id stands in its page's address, after /r/");
        let reason = reason.map(str::to_owned);
        let path = format!("/repls/{id}/stop");
        let stopped = self.ask(Method::POST, &path, &StopRepl { reason }).await?;
        stopped.map(drop).ok_or_else(no_repl)
    }

    pub async fn people(&self) -> anyhow::Result<People> {
        parsed(self.ask(Method::GET, "/people", &()).await?)
    }

    pub async fn let_in(&self, name: &str, role: Option<&str>) -> anyhow::Result<NewKey> {
        let (name, role) = (name.to_owned(), role.map(str::to_owned));
        parsed(
            self.ask(Method::POST, "/people", &AddPerson { name, role })
                .await?,
        )
    }

    pub async fn set_role(&self, name: &str, role: &str) -> anyhow::Result<()> {
        let path = self.path_of(name).await?;
        let role = role.to_owned();
        done(
            self.ask(Method::PATCH, &path, &UpdatePerson { role })
                .await?,
        )
    }

    pub async fn renew_key(&self, name: &str) -> anyhow::Result<NewKey> {
        let path = format!("{}/key", self.path_of(name).await?);
        parsed(self.ask(Method::POST, &path, &()).await?)
    }

    pub async fn send_away(&self, name: &str) -> anyhow::Result<()> {
        let path = self.path_of(name).await?;
        done(self.ask(Method::DELETE, &path, &()).await?)
    }

    async fn path_of(&self, name: &str) -> anyhow::Result<String> {
        let people = self.people().await?.people;
        let folded = crate::people::folded;
        let is_theirs = |person: &Person| folded(&person.name) == folded(name);
        let person = people.into_iter().find(is_theirs);
        let person = person.with_context(|| {
            format!("there is nobody of the name {name}: `alcove user list` tells who there is")
        })?;
        Ok(format!("/people/{}", person.id))
    }

    /// The answer's body; `None`: there is no such thing.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<Option<Bytes>> {
        let stream = QuietStream::connect(&socket(&self.0)).await.with_context(|| {
            format!(
                "no server works on the data folder {}: name its folder (--data-dir DIR); what one has left running is ended by `alcove drain`",
                self.0.display()
            )
        })?;
        let Ok(uri) = path.parse::<hyper::Uri>() else {
            return Ok(None);
        };
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = hyper::Request::builder()
            .method(method)
            .uri(uri)
            .header(hyper::header::HOST, "operator")
            .header(hyper::header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(serde_json::to_vec(body)?)))?;
        let answer = sender.send_request(request).await?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), MAX_ANSWER_BYTES);
        let body = body.collect().await.map_err(|e| anyhow!(e))?.to_bytes();
        connection.abort();
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            _ if status.is_success() => Ok(Some(body)),
            _ => match serde_json::from_slice::<ApiError>(&body) {
                Ok(answer) => bail!(answer.error.message),
                Err(_) => bail!("the server answers {status}"),
            },
        }
    }
}

fn parsed<T: DeserializeOwned>(body: Option<Bytes>) -> anyhow::Result<T> {
    let body = body.context("it is not there any more")?;
    serde_json::from_slice(&body).context("the server's answer can't be read")
}

fn done(body: Option<Bytes>) -> anyhow::Result<()> {
    body.map(drop).context("they are not there any more")
}
