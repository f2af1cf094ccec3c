//! Files for an empty repl, from an archive, where nothing runs: taken apart beside this server, and written
//! to the store.

use std::path::Path as FsPath;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alcove_protocol::api::ImportedArchive;
use alcove_protocol::session::{MAX_EXTRACTED, MAX_EXTRACTED_BYTES};
use alcove_protocol::unpack::Unpacked;
use alcove_spawner::Holds;
use alcove_volume::Size;
use anyhow::Context;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::CONTENT_LENGTH;
use futures_util::TryStreamExt;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Semaphore, oneshot};

use super::files::{MAX_UPLOAD_BYTES, bounded, too_large};
use super::owned;
use crate::auth::User;
use crate::db::repl;
use crate::lifecycle::Folder;
use crate::unpack::unpack;
use crate::{ApiFailure, App, names};

/// Archives that are taken in at once: each may fill the disk, and a processor, for a while.
const MAX_IMPORTS: usize = 4;
/// How long nothing of one may come: others may wait for its place.
const PIECE_PATIENCE: Duration = Duration::from_secs(30);
/// The same of all of it.
const PATIENCE: Duration = Duration::from_secs(15 * 60);
/// Names that are told of what was left out.
const MAX_TOLD: usize = 100;

static IMPORTS: Semaphore = Semaphore::const_new(MAX_IMPORTS);

#[derive(Deserialize)]
pub struct How {
    #[serde(default)]
    strip: bool,
}

/// Fills an empty repl that does not run with what is in an archive (zip, tar, tar.gz; the body), as its next
/// state. `?strip=true`: without the one folder that all of it lies in. 409: it runs, or has files already.
#[utoipa::path(put, path = "/api/repls/{id}/archive", responses((status = 200, body = ImportedArchive), (status = 400), (status = 404), (status = 409), (status = 413), (status = 503)), params(("id" = String, Path), ("strip" = Option<bool>, Query)))]
pub async fn fill(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
    Query(how): Query<How>,
    request: Request,
) -> Result<Json<ImportedArchive>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let length = request.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|bytes: u64| bytes > MAX_UPLOAD_BYTES) {
        return Err(too_large());
    }
    app.repls.refuse_to_fill(&row).await?;
    let place = IMPORTS.try_acquire().map_err(|_| {
        ApiFailure::Unavailable(
            "Other archives are being taken apart: try it again when they are done.".into(),
        )
    })?;
    // To its end, though whoever asked may have gone: what it made here must go.
    let work = tokio::spawn(async move {
        let _place = place;
        let folder = Folder::new(app.config.imports_dir().join(names::new_id()));
        let filled = import(&app, &user, &row, &folder, how.strip, request.into_body()).await;
        if let Err(error) = folder.delete().await {
            tracing::warn!(%error, "what was made of an archive could not be deleted");
        }
        filled
    });
    work.await.map_err(anyhow::Error::from)?.map(Json)
}

async fn import(
    app: &App,
    user: &User,
    row: &repl::Model,
    folder: &Folder,
    strip: bool,
    body: Body,
) -> Result<ImportedArchive, ApiFailure> {
    folder
        .create(None, Holds::default())
        .await
        .context("a folder for an archive")?;
    let archive = folder.path().join("archive");
    let received = tokio::time::timeout(PATIENCE, receive(&archive, body)).await;
    let archive = received.map_err(|_| broke_off())??;
    let workspace = folder.path().join("workspace");
    std::fs::create_dir(&workspace).context("a folder for an archive's files")?;
    let others = app.db.size_of_repls_of(&row.owner_id, Some(&row.id));
    let most = app
        .repls
        .policy(row)
        .quotas
        .of_repl(others.await?)
        .at_most(Size {
            bytes: MAX_EXTRACTED_BYTES,
            files: MAX_EXTRACTED.into(),
        });
    let (files, mut left, mut left_out) = match unpack(archive, &workspace, strip, most).await? {
        Unpacked::Done {
            files,
            left,
            left_out,
        } => (files, left, left_out),
        Unpacked::Refused {
            message,
            is_too_much: true,
        } => return Err(ApiFailure::TooLarge(message)),
        Unpacked::Refused { message, .. } => return Err(ApiFailure::BadRequest(message)),
    };
    let not_saved = app.repls.fill(row, &user.id, folder.path()).await?;
    left_out = left_out.saturating_add(u32::try_from(not_saved.len()).unwrap_or(u32::MAX));
    left.extend(not_saved);
    left.truncate(MAX_TOLD);
    tracing::info!(repl = row.id, files, left_out, "filled from an archive");
    Ok(ImportedArchive {
        files,
        left,
        left_out,
    })
}

fn broke_off() -> ApiFailure {
    ApiFailure::BadRequest("The archive broke off; nothing was written. Try it again.".into())
}

/// Writes a body to a file, and opens that for reading.
async fn receive(path: &FsPath, body: Body) -> Result<std::fs::File, ApiFailure> {
    let what = "an archive that is imported";
    let mut file = tokio::fs::File::create(path).await.context(what)?;
    let over = Arc::new(AtomicBool::new(false));
    let (sent, _) = oneshot::channel();
    let mut pieces = pin!(bounded(body, sent, over.clone()));
    loop {
        let next = tokio::time::timeout(PIECE_PATIENCE, pieces.try_next());
        let next = next.await.map_err(|_| broke_off())?;
        let piece = next.map_err(|error| {
            if over.load(Ordering::Relaxed) {
                return too_large();
            }
            tracing::debug!(%error, "an archive");
            broke_off()
        })?;
        let Some(piece) = piece else { break };
        file.write_all(&piece).await.context(what)?;
    }
    file.flush().await.context(what)?;
    Ok(std::fs::File::open(path).context(what)?)
}
