//! The REST API. Every handler that names a repl begins with [`owned`].

mod archives;
mod bin;
mod files;
mod history;
mod host;
mod media;
mod previews;
mod repls;
mod saved;
mod settings;
mod sign_in;
mod stored;
mod uploads;

use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_protocol::api::{ApiError, Me, Template};
use alcove_volume::MAX_WRITTEN_BYTES;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Operator, User};
use crate::db::repl;
use crate::{ApiFailure, App, events, gateway, names};

/// How long an answer of `/readyz` holds.
const READY: Duration = Duration::from_secs(1);
/// How long a body may take: who asks was looked at before.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
/// Largest body of a request, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Alcove",
        description = "Sign in with `Authorization: Bearer <token>`, the token that `alcove serve` prints, or a person's key. \
            Errors are `{error: {code, message}}`. Beside these: `GET /api/repls/{id}/session`, the WebSocket of \
            docs/reference/session-protocol.md."
    ),
    components(schemas(ApiError))
)]
struct Api;

/// All addresses below `/api`, and those for operators.
pub fn router(app: &Arc<App>) -> Router {
    // Its body is larger than those of others.
    let stored_files = OpenApiRouter::new()
        .routes(routes!(stored::read, stored::write))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_WRITTEN_BYTES));
    let (router, api) = OpenApiRouter::<Arc<App>>::with_openapi(Api::openapi())
        .routes(routes!(me))
        .routes(routes!(settings::show, settings::change))
        .routes(routes!(templates))
        .routes(routes!(sign_in::sign_in))
        .routes(routes!(sign_in::sign_out))
        .routes(routes!(repls::list, repls::create))
        .routes(routes!(repls::show, repls::change, repls::delete))
        .routes(routes!(repls::duplicate))
        .routes(routes!(bin::list, bin::empty))
        .routes(routes!(bin::remove))
        .routes(routes!(bin::restore))
        .routes(routes!(repls::start))
        .routes(routes!(repls::stop))
        .routes(routes!(repls::save))
        .routes(routes!(repls::keep))
        .routes(routes!(saved::show))
        .routes(routes!(files::read, files::write))
        .routes(routes!(files::download))
        .routes(routes!(history::list, history::name_now))
        .routes(routes!(history::changes))
        .routes(routes!(history::name, history::unname))
        .routes(routes!(history::restore))
        .routes(routes!(stored::folder))
        .routes(routes!(stored::download))
        .merge(stored_files)
        .routes(routes!(archives::fill))
        .routes(routes!(uploads::write, uploads::abandon))
        .routes(routes!(previews::ticket))
        .routes(routes!(previews::open))
        .routes(routes!(host::show))
        .routes(routes!(host::checks))
        .routes(routes!(host::stop))
        .routes(routes!(host::people, host::let_in))
        .routes(routes!(host::update, host::send_away))
        .routes(routes!(host::renew_key))
        .routes(routes!(events::of_user))
        .routes(routes!(events::of_repl))
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
        .split_for_parts();
    let document = Arc::new(api);
    router
        .route(
            "/api/openapi.json",
            get(move || async move { Json((*document).clone()) }),
        )
        .route("/api/repls/{id}/session", get(gateway::session))
        .route("/sign-in", get(sign_in::by_address))
        .route(
            "/api/{*rest}",
            axum::routing::any(|| async { ApiFailure::NotFound }),
        )
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(app.clone())
}

/// The repl of that id, if this user may see it.
pub async fn owned(app: &App, user: &User, id: &str) -> Result<repl::Model, ApiFailure> {
    if !names::is_id(id) {
        return Err(ApiFailure::NotFound);
    }
    app.db
        .repl(id)
        .await?
        .filter(|repl| repl.owner_id == user.id)
        .ok_or(ApiFailure::NotFound)
}

/// A JSON body, or a clear refusal.
pub struct Body<T>(pub T);

impl<T: serde::de::DeserializeOwned> axum::extract::FromRequest<Arc<App>> for Body<T> {
    type Rejection = ApiFailure;

    async fn from_request(
        request: axum::extract::Request,
        app: &Arc<App>,
    ) -> Result<Self, ApiFailure> {
        use axum::extract::rejection::{BytesRejection, JsonRejection};
        let body = Json::<T>::from_request(request, app);
        let Ok(body) = tokio::time::timeout(BODY_PATIENCE, body).await else {
            return Err(ApiFailure::BadRequest(format!(
                "The request's body did not come within {} s.",
                BODY_PATIENCE.as_secs()
            )));
        };
        match body {
            Ok(Json(body)) => Ok(Self(body)),
            Err(JsonRejection::BytesRejection(BytesRejection::FailedToBufferBody(e)))
                if e.status() == StatusCode::PAYLOAD_TOO_LARGE =>
            {
                Err(ApiFailure::TooLarge(format!(
                    "The request has more than {MAX_BODY_BYTES} bytes."
                )))
            }
            Err(error) => Err(ApiFailure::BadRequest(error.body_text())),
        }
    }
}

/// Who is signed in, and what server this is.
#[utoipa::path(get, path = "/api/me", responses((status = 200, body = Me)))]
async fn me(State(app): State<Arc<App>>, user: User) -> Result<Json<Me>, ApiFailure> {
    let used = app.db.size_of_repls_of(&user.id, None).await?;
    Ok(Json(Me {
        id: user.id,
        name: user.name,
        role: user.role,
        is_operator: user.is_operator,
        version: env!("CARGO_PKG_VERSION").into(),
        store_is_local: app.store.is_local(),
        isolated: app.spawner.isolates(),
        usage: user.policy.quotas.usage_of_user(used),
        repl_limits: user.policy.lifetimes.told(),
        repl_sizes: user.policy.sizes.told(),
        repl_networks: user.policy.networks.told(),
    }))
}

/// What repls can be made from.
#[utoipa::path(get, path = "/api/templates", responses((status = 200, body = Vec<Template>)))]
async fn templates(State(app): State<Arc<App>>, _user: User) -> Json<Vec<Template>> {
    Json(app.templates.list())
}

/// The process is alive.
#[utoipa::path(get, path = "/healthz", responses((status = 200)))]
async fn healthz() -> &'static str {
    "ok\n"
}

/// Database and store can be used. The answer is at most a second old: anybody may ask.
#[utoipa::path(get, path = "/readyz", responses((status = 200), (status = 503)))]
async fn readyz(State(app): State<Arc<App>>) -> impl IntoResponse {
    let mut last = app.readiness.lock().await;
    let problem = match &*last {
        Some((at, problem)) if at.elapsed() < READY => problem.clone(),
        _ => {
            let database = app
                .db
                .ping()
                .await
                .err()
                .map(|e| format!("database: {e}\n"));
            let store = app
                .store
                .probe()
                .await
                .err()
                .map(|e| format!("store: {e}\n"));
            let problem = database.unwrap_or_default() + &store.unwrap_or_default();
            *last = Some((Instant::now(), problem.clone()));
            problem
        }
    };
    match problem.is_empty() {
        true => (StatusCode::OK, "ready\n".to_owned()),
        false => (StatusCode::SERVICE_UNAVAILABLE, problem),
    }
}

/// Figures in the OpenMetrics text format, for the operator.
#[utoipa::path(get, path = "/metrics", responses((status = 200, content_type = "application/openmetrics-text"), (status = 403)))]
async fn metrics(State(app): State<Arc<App>>, _operator: Operator) -> impl IntoResponse {
    app.metrics.store_requests(app.store.requests());
    app.metrics.warm(app.repls.ready());
    (
        [(
            CONTENT_TYPE,
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
        )],
        app.metrics.encode(),
    )
}
