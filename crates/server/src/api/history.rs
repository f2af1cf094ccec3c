//! A repl's history: its states, what changed between them, their names, and bringing one back.

use std::sync::Arc;
use std::time::Duration;

use alcove_protocol::WorkspacePath;
use alcove_protocol::api::{
    HistoryChanges, HistoryPage, HistoryState, MAX_HISTORY_PATHS, MAX_STATE_NAME_CHARS, NameState,
    NamedState, RestoreState, RestoredState,
};
use alcove_protocol::status::{RESTORE_PLAN, RestoreAnswer, RestorePlan};
use alcove_volume::{
    Amendment, Moment, Restoration, Snapshot, VolumeError, changes_between, timeline,
};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use futures_util::TryStreamExt;
use serde::Deserialize;

use super::files::parse;
use super::stored::{StateName, open};
use super::{Body as JsonBody, owned};
use crate::auth::User;
use crate::db::{now_ms, repl};
use crate::lifecycle::location;
use crate::{ApiFailure, App, rfc3339, runner};

/// Most bytes of files that are brought back at once in a repl that runs.
pub const MAX_RESTORED_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// How long bringing back may take.
const RESTORE: Duration = Duration::from_secs(15 * 60);

#[derive(Deserialize)]
pub struct Asked {
    before: Option<u64>,
    #[serde(default)]
    path: String,
}

/// States of a repl, the newest first, page by page. `path`: only those in which a file or folder changed.
#[utoipa::path(get, path = "/api/repls/{id}/history", responses((status = 200, body = HistoryPage), (status = 404)), params(("id" = String, Path), ("before" = Option<u64>, Query), ("path" = Option<String>, Query)))]
pub async fn list(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<HistoryPage>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let path = parse(&asked.path)?;
    let (at, now) = (location(&row), now_ms() as u64);
    let page = timeline(&app.store, &at, asked.before, path.as_bytes(), now).await?;
    let mut states = Vec::new();
    for moment in page.moments {
        states.push(shown(&app, moment).await?);
    }
    let before = page.before;
    Ok(Json(HistoryPage { states, before }))
}

async fn shown(app: &App, moment: Moment) -> Result<HistoryState, ApiFailure> {
    let by = match moment.by {
        None => None,
        Some(ids) => {
            let mut names = Vec::new();
            for id in ids {
                // Of a user who is no more only the id is left.
                let user = app.db.user(&id).await?;
                names.push(user.map_or(id, |user| user.name));
            }
            Some(names)
        }
    };
    Ok(HistoryState {
        number: moment.number,
        since: moment.since,
        at: rfc3339(moment.written_ms as i64),
        by,
        name: moment.name,
        restored: moment.restored,
        added: moment.added,
        changed: moment.changed,
        removed: moment.removed,
    })
}

#[derive(Deserialize)]
pub struct Compared {
    since: Option<u64>,
    #[serde(default)]
    path: String,
}

/// Which files are different in a state, compared with the state `since`; with none, all of them are new.
#[utoipa::path(get, path = "/api/repls/{id}/history/{state}/changes", responses((status = 200, body = HistoryChanges), (status = 404)), params(("id" = String, Path), ("state" = u64, Path), ("since" = Option<u64>, Query), ("path" = Option<String>, Query)))]
pub async fn changes(
    State(app): State<Arc<App>>,
    user: User,
    Path((id, state)): Path<(String, u64)>,
    Query(compared): Query<Compared>,
) -> Result<Json<HistoryChanges>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let path = parse(&compared.path)?;
    let (at, since) = (location(&row), compared.since);
    let differences = changes_between(&app.store, &at, since, state, path.as_bytes()).await;
    let differences = differences.map_err(of_state)?;
    let mut more = 0;
    let mut paths = |all: Vec<Vec<u8>>| {
        more += all.len().saturating_sub(MAX_HISTORY_PATHS);
        let first = all.into_iter().take(MAX_HISTORY_PATHS);
        let paths = first.filter_map(|path| WorkspacePath::from_bytes(&path).ok());
        paths.collect()
    };
    Ok(Json(HistoryChanges {
        added: paths(differences.added),
        changed: paths(differences.changed),
        removed: paths(differences.removed),
        more,
    }))
}

/// Gives the repl as it is now a name, by which it is kept for as long as it has one. A running repl is
/// saved first.
#[utoipa::path(post, path = "/api/repls/{id}/history", request_body = NameState, responses((status = 201, body = NamedState), (status = 404), (status = 409)), params(("id" = String, Path)))]
pub async fn name_now(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
    JsonBody(body): JsonBody<NameState>,
) -> Result<(StatusCode, Json<NamedState>), ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let name = checked(&body.name)?;
    let newest = saved(&app, &row).await?;
    let named = app.store.name(&location(&row), newest.number, &name).await;
    named.map_err(of_state)?;
    let number = newest.number;
    Ok((StatusCode::CREATED, Json(NamedState { number })))
}

/// Gives a state a name, or another one.
#[utoipa::path(put, path = "/api/repls/{id}/history/{state}/name", request_body = NameState, responses((status = 204), (status = 404), (status = 409)), params(("id" = String, Path), ("state" = u64, Path)))]
pub async fn name(
    State(app): State<Arc<App>>,
    user: User,
    Path((id, state)): Path<(String, u64)>,
    JsonBody(body): JsonBody<NameState>,
) -> Result<StatusCode, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let name = checked(&body.name)?;
    let named = app.store.name(&location(&row), state, &name).await;
    named.map_err(of_state)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes a state's name off: it thins out with age like the others from then on.
#[utoipa::path(delete, path = "/api/repls/{id}/history/{state}/name", responses((status = 204), (status = 404)), params(("id" = String, Path), ("state" = u64, Path)))]
pub async fn unname(
    State(app): State<Arc<App>>,
    user: User,
    Path((id, state)): Path<(String, u64)>,
) -> Result<StatusCode, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    match app.store.unname(&location(&row), state).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(ApiFailure::NotFound),
    }
}

/// Brings a file, a folder or everything back as it was in a state: the newest state is another one
/// then, and the one before it can be brought back likewise. In a running repl open documents show it.
#[utoipa::path(post, path = "/api/repls/{id}/history/{state}/restore", request_body = RestoreState, responses((status = 200, body = RestoredState), (status = 404), (status = 409), (status = 413), (status = 503)), params(("id" = String, Path), ("state" = u64, Path)))]
pub async fn restore(
    State(app): State<Arc<App>>,
    user: User,
    Path((id, state)): Path<(String, u64)>,
    JsonBody(body): JsonBody<RestoreState>,
) -> Result<Json<RestoredState>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let path = parse(&body.path.unwrap_or_default())?;
    let or_remove = body.or_remove.unwrap_or(false);
    let then = open(&app, &row, StateName::Number(state)).await?;
    let before = saved(&app, &row).await?;
    let before_number = before.number;
    let answer = match app.repls.socket(&row.id) {
        Some(socket) => {
            app.repls.did(&row.id, &user.id);
            let _awake = app.repls.keep(&row.id);
            in_runner(&app, &row, &socket, before, then, &path, or_remove).await?
        }
        None => {
            let amendment = Amendment::Restore {
                from: Arc::new(then.manifest),
                number: state,
                path: path.as_bytes().to_vec(),
                or_remove,
            };
            app.repls.amend(&row, &user.id, amendment).await?;
            RestoreAnswer::default()
        }
    };
    let newest = Snapshot::newest(&app.store, &location(&row), before_number).await?;
    tracing::info!(repl = row.id, state, number = newest.number, "brought back");
    Ok(Json(RestoredState {
        number: newest.number,
        before: before_number,
        left: answer.left,
        left_out: answer.left_out,
    }))
}

async fn in_runner(
    app: &Arc<App>,
    row: &repl::Model,
    socket: &std::path::Path,
    now: Snapshot,
    then: Snapshot,
    path: &WorkspacePath,
    or_remove: bool,
) -> Result<RestoreAnswer, ApiFailure> {
    let not_saved = app.repls.not_saved(&row.id);
    let restoration = Restoration::between(
        &now.manifest,
        &not_saved,
        &then.manifest,
        path.as_bytes(),
        or_remove,
    );
    let mut restoration = restoration.map_err(of_state)?;
    let mut left = restoration.leave_not_saved(&not_saved, path.as_bytes());
    left.extend(restoration.leave_lost(&then).await?);
    let left_out = u32::try_from(left.len()).unwrap_or(u32::MAX);
    let left = left.iter().take(MAX_HISTORY_PATHS);
    let left = left.filter_map(|path| WorkspacePath::from_bytes(path).ok());
    let mut all = RestoreAnswer {
        left: left.collect(),
        left_out,
    };
    if restoration.is_empty() {
        return Ok(all);
    }
    if restoration.bytes() > MAX_RESTORED_BYTES {
        return Err(ApiFailure::TooLarge(
            "More than 2 GiB would be brought back: do it folder by folder, or stop the repl first."
                .into(),
        ));
    }
    let paths = |all: &[Vec<u8>]| {
        let paths = all.iter().map(|path| WorkspacePath::from_bytes(path));
        paths.flatten().collect()
    };
    let plan = RestorePlan {
        remove: paths(&restoration.going),
        replace: paths(&restoration.replaced),
    };
    let plan = serde_json::to_vec(&plan).map_err(anyhow::Error::from)?;
    let number = then.number;
    let archive = restoration.archive(Arc::new(then), RESTORE_PLAN, plan);
    let archive = archive.map_err(std::io::Error::other);
    let sent = runner::restore(socket, Body::from_stream(archive));
    let answer = tokio::time::timeout(RESTORE, sent).await;
    let broken = |error: String| {
        tracing::warn!(repl = row.id, error, "bringing back");
        ApiFailure::Unavailable(
            "It could not all be brought back. What is there was kept; try it again.".into(),
        )
    };
    let answer = answer
        .map_err(|e| broken(e.to_string()))?
        .map_err(|e| broken(format!("{e:#}")))?;
    let saving = tokio::spawn(save_restored(app.clone(), row.clone(), number));
    let saved = saving.await.map_err(anyhow::Error::from)?;
    saved.map_err(|e| {
        ApiFailure::Unavailable(format!(
            "It was brought back, but is not saved yet: {e}. It is tried again."
        ))
    })?;
    all.left.extend(answer.left);
    all.left_out = all.left_out.saturating_add(answer.left_out);
    Ok(all)
}

/// Saves what was brought back, as what it is. To its end, though whoever asked may have gone away: nothing
/// that is saved later came about like this.
async fn save_restored(app: Arc<App>, row: repl::Model, number: u64) -> Result<(), String> {
    app.repls.restored(&row.id, Some(number));
    let saved = app.repls.save(&row).await;
    app.repls.restored(&row.id, None);
    saved
}

/// The newest state; of a running repl what it holds now.
async fn saved(app: &Arc<App>, row: &repl::Model) -> Result<Snapshot, ApiFailure> {
    if app.repls.socket(&row.id).is_some() {
        app.repls.save(row).await.map_err(|e| {
            ApiFailure::Unavailable(format!(
                "Nothing was done, since the repl could not be saved: {e}"
            ))
        })?;
    }
    open(app, row, StateName::Newest).await
}

/// What went wrong with a state that somebody named.
pub(super) fn of_state(error: VolumeError) -> ApiFailure {
    match error {
        VolumeError::Missing(_) => ApiFailure::NotFound,
        VolumeError::Limit(why) => ApiFailure::Conflict(format!("{why}.")),
        other => other.into(),
    }
}

/// A state's name as it is kept.
fn checked(name: &str) -> Result<String, ApiFailure> {
    let name = name.trim();
    let chars = name.chars().count();
    if chars == 0 || chars > MAX_STATE_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(ApiFailure::BadRequest(format!(
            "A state's name has 1 to {MAX_STATE_NAME_CHARS} characters, and no control characters."
        )));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_at_their_limit() {
        assert_eq!(checked(" works ").unwrap(), "works");
        assert!(checked(&"é".repeat(MAX_STATE_NAME_CHARS)).is_ok());
        for bad in ["", " ", "a\nb", &"x".repeat(MAX_STATE_NAME_CHARS + 1)] {
            assert!(checked(bad).is_err(), "{bad:?}");
        }
    }
}
