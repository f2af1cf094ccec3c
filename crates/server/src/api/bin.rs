//! The bin: repls that were deleted are listed, brought back, or deleted for good.

use std::sync::Arc;

use alcove_protocol::api::{BinnedRepl, Repl};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::repls::{refuse_too_many, shown};
use crate::auth::User;
use crate::db::{now_ms, repl};
use crate::upkeep::{self, BIN_MS};
use crate::{ApiFailure, App, rfc3339};

/// When a repl must have been deleted to be in the bin still.
fn bin_begins() -> i64 {
    now_ms() - BIN_MS
}

/// One that lies in this user's bin.
async fn binned(app: &App, user: &User, id: &str) -> Result<repl::Model, ApiFailure> {
    let rows = app.db.binned_repls_of(&user.id, bin_begins()).await?;
    rows.into_iter()
        .find(|row| row.id == id)
        .ok_or(ApiFailure::NotFound)
}

/// What you deleted in the last 30 days, the last one first.
#[utoipa::path(get, path = "/api/bin", responses((status = 200, body = Vec<BinnedRepl>)))]
pub async fn list(
    State(app): State<Arc<App>>,
    user: User,
) -> Result<Json<Vec<BinnedRepl>>, ApiFailure> {
    let rows = app.db.binned_repls_of(&user.id, bin_begins()).await?;
    let binned = |row: repl::Model| {
        let deleted_ms = row.deleted_ms.unwrap_or_default();
        BinnedRepl {
            id: row.id,
            name: row.name,
            template: row.template,
            deleted_at: rfc3339(deleted_ms),
            kept_until: rfc3339(deleted_ms + BIN_MS),
        }
    };
    Ok(Json(rows.into_iter().map(binned).collect()))
}

/// Takes a repl out of the bin again, with all files.
#[utoipa::path(post, path = "/api/repls/{id}/restore", responses((status = 200, body = Repl), (status = 404)), params(("id" = String, Path)))]
pub async fn restore(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
) -> Result<Json<Repl>, ApiFailure> {
    let mut row = binned(&app, &user, &id).await?;
    refuse_too_many(&app, &user).await?;
    if app.repls.is_deleting(&row.id) {
        return Err(ApiFailure::Conflict(
            "It is being saved on its way to the bin: try again in a moment.".into(),
        ));
    }
    if !app.db.set_deleted(&row.id, bin_begins(), None).await? {
        return Err(ApiFailure::NotFound);
    }
    row.deleted_ms = None;
    tracing::info!(repl = row.id, "brought back");
    Ok(Json(shown(&app, &row)))
}

/// Deletes one for good. It can't be brought back.
#[utoipa::path(delete, path = "/api/bin/{id}", responses((status = 204), (status = 404)), params(("id" = String, Path)))]
pub async fn remove(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiFailure> {
    let row = binned(&app, &user, &id).await?;
    delete_for_good(app, vec![row]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes all that is in the bin for good.
#[utoipa::path(delete, path = "/api/bin", responses((status = 204)))]
pub async fn empty(State(app): State<Arc<App>>, user: User) -> Result<StatusCode, ApiFailure> {
    let rows = app.db.binned_repls_of(&user.id, bin_begins()).await?;
    delete_for_good(app, rows).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Their time is over: from then on they are nobody's. What they have in the store is removed beside the
/// answer; what is cut short is done by the daily upkeep.
async fn delete_for_good(app: Arc<App>, rows: Vec<repl::Model>) -> Result<(), ApiFailure> {
    let mut expired = Vec::with_capacity(rows.len());
    for row in rows {
        if app.repls.is_deleting(&row.id) {
            continue;
        }
        // Not one that was brought back meanwhile.
        if app.db.set_deleted(&row.id, bin_begins(), Some(0)).await? {
            tracing::info!(repl = row.id, "deleted for good");
            expired.push(row.id);
        }
    }
    tokio::spawn(async move {
        let folder = |id: &str| app.repls.folder(id);
        if let Err(error) = upkeep::purge(&app.db, &app.store, folder, &expired).await {
            tracing::warn!(%error, "what was deleted for good is removed with the daily upkeep");
        }
    });
    Ok(())
}
