//! For the operator: what runs on this machine, what keeps it apart, and who may use it.

use std::sync::Arc;

use alcove_protocol::host::{
    AddPerson, CheckState, Host, HostCheck, NewKey, People, StopRepl, UpdatePerson,
};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::Body;
use crate::auth::Operator;
use crate::{ApiFailure, App};

/// What runs on this machine, and how much room there is.
#[utoipa::path(get, path = "/api/host", responses((status = 200, body = Host), (status = 403)))]
pub async fn show(
    State(app): State<Arc<App>>,
    _operator: Operator,
) -> Result<Json<Host>, ApiFailure> {
    app.host().await.map(Json)
}

/// Looks at what keeps repls apart on this machine, and what they need; starts and ends a sandbox, which takes
/// a second or a few.
#[utoipa::path(get, path = "/api/host/checks", responses((status = 200, body = Vec<HostCheck>), (status = 403)))]
pub async fn checks(State(app): State<Arc<App>>, _operator: Operator) -> Json<Vec<HostCheck>> {
    // One look at a time, however many ask.
    let _looking = app.looking.lock().await;
    let mut checks: Vec<HostCheck> = app.spawner.checks().await.into_iter().map(told).collect();
    checks.push(previews(
        app.hosts.previews_are_same_site(),
        app.people.all().len(),
    ));
    Json(checks)
}

/// What a page of a preview is kept from in its visitor's browser.
fn previews(same_site: bool, people: usize) -> HostCheck {
    let (state, detail, remedy) = match (same_site, people) {
        (false, _) => (CheckState::Ok, "on another site than the editor", None),
        (true, 1) => (
            CheckState::Ok,
            "on the editor's site: fine for one person",
            None,
        ),
        (true, _) => (
            CheckState::Warn,
            "on the editor's site: a page of one person's can set cookies for the others', and have a browser forget who is signed in",
            Some("Give them another registrable domain: --preview-domain DOMAIN.".into()),
        ),
    };
    HostCheck {
        name: "previews".into(),
        state,
        detail: detail.into(),
        remedy,
    }
}

fn told(check: alcove_spawner::doctor::Check) -> HostCheck {
    use alcove_spawner::doctor::State;
    HostCheck {
        name: check.name,
        state: match check.state {
            State::Ok => CheckState::Ok,
            State::Warn => CheckState::Warn,
            State::Fail => CheckState::Fail,
        },
        detail: check.detail,
        remedy: check.remedy,
    }
}

/// Saves and stops anybody's repl. Its people read why, and can start it again.
#[utoipa::path(post, path = "/api/host/repls/{id}/stop", request_body = StopRepl, responses((status = 204), (status = 403), (status = 404), (status = 503)), params(("id" = String, Path)))]
pub async fn stop(
    State(app): State<Arc<App>>,
    operator: Operator,
    Path(id): Path<String>,
    Body(body): Body<StopRepl>,
) -> Result<StatusCode, ApiFailure> {
    operator.still(&app)?;
    app.halt(&id, body.reason.as_deref()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who may use this server, and what the repls of each role may be.
#[utoipa::path(get, path = "/api/people", responses((status = 200, body = People), (status = 403)))]
pub async fn people(
    State(app): State<Arc<App>>,
    _operator: Operator,
) -> Result<Json<People>, ApiFailure> {
    app.people_told().await.map(Json)
}

/// Lets somebody in, or in again: what was theirs is theirs again.
#[utoipa::path(post, path = "/api/people", request_body = AddPerson, responses((status = 201, body = NewKey), (status = 403), (status = 409)))]
pub async fn let_in(
    State(app): State<Arc<App>>,
    operator: Operator,
    Body(body): Body<AddPerson>,
) -> Result<(StatusCode, Json<NewKey>), ApiFailure> {
    operator.still(&app)?;
    let key = app.let_in(&body.name, body.role.as_deref()).await?;
    Ok((StatusCode::CREATED, Json(key)))
}

/// Gives somebody another role: it holds for what is started from now on.
#[utoipa::path(patch, path = "/api/people/{id}", request_body = UpdatePerson, responses((status = 204), (status = 403), (status = 404), (status = 409)), params(("id" = String, Path)))]
pub async fn update(
    State(app): State<Arc<App>>,
    operator: Operator,
    Path(id): Path<String>,
    Body(body): Body<UpdatePerson>,
) -> Result<StatusCode, ApiFailure> {
    operator.still(&app)?;
    app.set_role(&id, &body.role).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives somebody another key, and signs out whoever came with the one before.
#[utoipa::path(post, path = "/api/people/{id}/key", responses((status = 201, body = NewKey), (status = 403), (status = 404), (status = 409)), params(("id" = String, Path)))]
pub async fn renew_key(
    State(app): State<Arc<App>>,
    operator: Operator,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<NewKey>), ApiFailure> {
    operator.still(&app)?;
    Ok((StatusCode::CREATED, Json(app.renew_key(&id).await?)))
}

/// Signs somebody out for good, and stops what they have running. Their repls are kept.
#[utoipa::path(delete, path = "/api/people/{id}", responses((status = 204), (status = 403), (status = 404), (status = 409)), params(("id" = String, Path)))]
pub async fn send_away(
    State(app): State<Arc<App>>,
    operator: Operator,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiFailure> {
    operator.still(&app)?;
    app.send_away(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
