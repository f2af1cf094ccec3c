//! What the operator of a server may ask of it beside: over a socket in the data folder, which nobody else
//! can reach. `alcove stop` is the other side.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove_protocol::api::ApiError;
use alcove_socket::QuietStream;
use anyhow::{Context, anyhow, bail};
use axum::body::Bytes;
use axum::extract::{Path as At, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::UnixListener;

use crate::{ApiFailure, App};

/// Characters of why a repl is stopped.
pub const MAX_REASON_CHARS: usize = 200;
/// Bytes of an answer.
const MAX_ANSWER_BYTES: usize = 16 * 1024;

#[derive(Serialize, Deserialize)]
struct Stop {
    reason: Option<String>,
}

fn socket(data_dir: &Path) -> PathBuf {
    data_dir.join("operator.sock")
}

/// Answers the operator for as long as the server goes on.
pub(crate) async fn serve(app: Arc<App>) {
    let path = socket(&app.config.data_dir);
    let listener = match listen(&path) {
        Ok(listener) => listener,
        Err(error) => {
            return tracing::warn!(%error, socket = %path.display(), "`alcove stop` can't reach this server");
        }
    };
    let router = Router::new()
        .route("/repls/{id}/stop", post(stop))
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

async fn stop(
    State(app): State<Arc<App>>,
    At(id): At<String>,
    Json(Stop { reason }): Json<Stop>,
) -> Result<StatusCode, ApiFailure> {
    let row = app.db.repl(&id).await?;
    let row = row.ok_or(ApiFailure::NotFound)?;
    let words = words(reason.as_deref()).map_err(ApiFailure::BadRequest)?;
    tracing::info!(repl = row.id, words, "stopped by the operator");
    let stopped = app.repls.halt(&row, words).await;
    stopped.map_err(ApiFailure::Unavailable)?;
    Ok(StatusCode::NO_CONTENT)
}

/// As a person is told of it.
fn words(reason: Option<&str>) -> Result<String, String> {
    let reason = reason.unwrap_or_default().trim();
    if reason.chars().count() > MAX_REASON_CHARS || reason.contains(char::is_control) {
        return Err(format!(
            "A reason is one line of {MAX_REASON_CHARS} characters at most."
        ));
    }
    Ok(
        match reason.strip_suffix(['.', '!', '?']).unwrap_or(reason) {
            "" => "Stopped by the operator of this server.".into(),
            _ if reason.ends_with(['.', '!', '?']) => format!("Stopped by the operator: {reason}"),
            _ => format!("Stopped by the operator: {reason}."),
        },
    )
}

/// Has the server of a data folder save and stop a repl. `Err` is for the operator.
pub async fn ask_to_stop(data_dir: &Path, id: &str, reason: Option<&str>) -> anyhow::Result<()> {
    let path = socket(data_dir);
    let stream = QuietStream::connect(&path).await.with_context(|| {
        format!(
            "no server works on the data folder {}: name its folder (--data-dir DIR); what one has left running is ended by `alcove drain`",
            data_dir.display()
        )
    })?;
    let no_repl =
        || anyhow!("there is no repl {id}: its id stands in its page's address, after /r/");
    let uri = format!("/repls/{id}/stop").parse::<hyper::Uri>();
    let uri = uri.map_err(|_| no_repl())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let body = serde_json::to_vec(&Stop {
        reason: reason.map(str::to_owned),
    })?;
    let request = hyper::Request::post(uri)
        .header(hyper::header::HOST, "operator")
        .header(hyper::header::CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body)))?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let words = Limited::new(answer.into_body(), MAX_ANSWER_BYTES);
    let words = words.collect().await.map_err(|e| anyhow!(e))?;
    connection.abort();
    match status {
        StatusCode::NO_CONTENT => Ok(()),
        StatusCode::NOT_FOUND => Err(no_repl()),
        _ => match serde_json::from_slice::<ApiError>(&words.to_bytes()) {
            Ok(answer) => bail!(answer.error.message),
            Err(_) => bail!("the server answers {status}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line() {
        let told = |reason| words(Some(reason)).unwrap();
        assert_eq!(
            words(None).unwrap(),
            "Stopped by the operator of this server."
        );
        assert_eq!(told("  "), "Stopped by the operator of this server.");
        assert_eq!(told("maintenance"), "Stopped by the operator: maintenance.");
        assert_eq!(
            told("Please wait!"),
            "Stopped by the operator: Please wait!"
        );
        assert!(words(Some(&"ü".repeat(MAX_REASON_CHARS))).is_ok());
        assert!(words(Some(&"ü".repeat(MAX_REASON_CHARS + 1))).is_err());
        assert!(words(Some("two\nlines")).is_err());
    }
}
