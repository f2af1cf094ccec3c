//! What of a repl is in the store, for programs that wait for it.

use std::sync::Arc;

use alcove_protocol::api::{SavedFile, SavedState};
use alcove_volume::{ItemKind, Snapshot};
use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use super::files::parse;
use super::owned;
use crate::auth::User;
use crate::lifecycle::location;
use crate::{ApiFailure, App, rfc3339};

#[derive(Deserialize)]
pub struct Asked {
    path: Option<String>,
}

/// What of a repl is in the store; with `?path=`, which content of that file.
#[utoipa::path(get, path = "/api/repls/{id}/saved", responses((status = 200, body = SavedState), (status = 404)), params(("id" = String, Path), ("path" = Option<String>, Query)))]
pub async fn show(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
    Query(asked): Query<Asked>,
) -> Result<Json<SavedState>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let path = asked.path.as_deref().map(parse).transpose()?;
    // Before the store is looked at: what is saved meanwhile may be told as unsaved, never the reverse.
    let state = app.repls.state(&row);
    let newest = Snapshot::newest(&app.store, &location(&row), row.head as u64).await?;
    let item = path.and_then(|path| newest.item(path.as_bytes()));
    let file = item.and_then(|item| match item.kind {
        ItemKind::File(size, hash) => Some(SavedFile { size, hash }),
        ItemKind::Folder | ItemKind::Symlink(_) => None,
    });
    Ok(Json(SavedState {
        number: newest.number,
        saved_at: rfc3339(newest.manifest.meta.written_ms as i64),
        saved: state.saved,
        unsaved: state.unsaved,
        file,
    }))
}
