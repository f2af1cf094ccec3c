//! Files as the store has them, of any state: for history, and for a repl that does not run. Nothing is
//! started for it. What is derived, and the home folder, are not shown.

use std::io::{self, Read};
use std::sync::Arc;

use alcove_protocol::WorkspacePath;
use alcove_protocol::api::{MAX_STORED_ITEMS, StoredFolder, StoredItem, StoredKind};
use alcove_protocol::path::encode_name;
use alcove_volume::{Amendment, Item, ItemKind, MAX_WRITTEN_BYTES, Snapshot, VolumeError};
use alcove_zip::{Entry, Pieces, Zip, in_pieces};
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use tokio::runtime::Handle;

use super::files::{Folder, Reading, from_own_page, inert, parse, set};
use super::history::of_state;
use super::{media, owned};
use crate::auth::User;
use crate::db::repl;
use crate::lifecycle::location;
use crate::{ApiFailure, App, rfc3339};

/// Most entries of an archive, and most bytes of their contents: as of a running repl's.
const MAX_ENTRIES: usize = 60_000;
const MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Archives that this server makes at once; each has a thread, which waits for whoever reads it.
const MAX_ARCHIVES: usize = 8;

/// Places for archives that are being made.
static ARCHIVES: tokio::sync::Semaphore = tokio::sync::Semaphore::const_new(MAX_ARCHIVES);

/// Which state: its number, or `latest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateName {
    Newest,
    Number(u64),
}

impl std::str::FromStr for StateName {
    type Err = ApiFailure;

    fn from_str(text: &str) -> Result<Self, ApiFailure> {
        match text {
            "latest" => Ok(Self::Newest),
            number => number
                .parse()
                .map(Self::Number)
                .map_err(|_| ApiFailure::NotFound),
        }
    }
}

/// A state of a repl, for reading.
pub async fn open(app: &App, row: &repl::Model, state: StateName) -> Result<Snapshot, ApiFailure> {
    let at = location(row);
    let found = match state {
        StateName::Newest => Snapshot::newest(&app.store, &at, row.head as u64).await,
        StateName::Number(number) => Snapshot::numbered(&app.store, &at, number).await,
    };
    found.map_err(of_state)
}

/// What lies in a folder of a state (a number, or `latest`).
#[utoipa::path(get, path = "/api/repls/{id}/history/{state}/folder", responses((status = 200, body = StoredFolder), (status = 404)), params(("id" = String, Path), ("state" = String, Path), ("path" = Option<String>, Query)))]
pub async fn folder(
    State(app): State<Arc<App>>,
    user: User,
    Path((id, state)): Path<(String, String)>,
    Query(query): Query<Folder>,
) -> Result<Json<StoredFolder>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let path = parse(&query.path)?;
    let snapshot = open(&app, &row, state.parse()?).await?;
    let mut items = snapshot
        .items(path.as_bytes())
        .ok_or(ApiFailure::NotFound)?;
    let more = items.len().saturating_sub(MAX_STORED_ITEMS);
    items.truncate(MAX_STORED_ITEMS);
    Ok(Json(StoredFolder {
        number: snapshot.number,
        at: rfc3339(snapshot.manifest.meta.written_ms as i64),
        items: items.into_iter().filter_map(shown).collect(),
        more,
    }))
}

fn shown(item: Item) -> Option<StoredItem> {
    let (kind, size, hash, target) = match item.kind {
        ItemKind::File(size, hash) => (StoredKind::File, size, Some(hash), None),
        ItemKind::Folder => (StoredKind::Folder, 0, None, None),
        ItemKind::Symlink(target) => (StoredKind::Symlink, 0, None, Some(encode_name(&target))),
    };
    Some(StoredItem {
        path: WorkspacePath::from_bytes(&item.path).ok()?,
        kind,
        size,
        hash,
        target,
    })
}

/// A file's bytes in a state (a number, or `latest`). `ETag` is its hash. `?download=true` sends what could
/// be shown as a download, too.
#[utoipa::path(get, path = "/api/repls/{id}/history/{state}/files/{*path}", responses((status = 200, content_type = "application/octet-stream"), (status = 404)), params(("id" = String, Path), ("state" = String, Path), ("path" = String, Path), ("download" = Option<bool>, Query)))]
pub async fn read(
    State(app): State<Arc<App>>,
    user: User,
    path: Result<Path<(String, String, String)>, PathRejection>,
    Query(query): Query<Reading>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiFailure> {
    let Path((id, state, path)) = path.map_err(|e| ApiFailure::BadRequest(e.body_text()))?;
    let row = owned(&app, &user, &id).await?;
    from_own_page(&headers)?;
    let path = parse(&path)?;
    let snapshot = open(&app, &row, state.parse()?).await?;
    send(&snapshot, &path, query.download).await
}

async fn send(
    snapshot: &Snapshot,
    path: &WorkspacePath,
    download: bool,
) -> Result<Response<Body>, ApiFailure> {
    let item = snapshot.item(path.as_bytes()).ok_or(ApiFailure::NotFound)?;
    let ItemKind::File(size, hash) = item.kind else {
        return Err(ApiFailure::Conflict(
            "This is a folder or a link, not a file.".into(),
        ));
    };
    let content = snapshot.content(path.as_bytes()).map_err(lost)?;
    let mut content = Box::pin(content);
    // What can't be read is said before anything is sent.
    let first = content.try_next().await.map_err(lost)?;
    let content = stream::iter(first.map(Ok)).chain(content).map_err(|error| {
        tracing::warn!(%error, "a file of the store");
        io::Error::other(error)
    });
    let mut out = Response::new(Body::from_stream(content));
    let headers = out.headers_mut();
    inert(headers);
    let name = path.name().unwrap_or_default().to_string_lossy();
    let media = media::shown(&name).filter(|_| !download);
    set(headers, CONTENT_LENGTH, &size.to_string());
    set(headers, ETAG, &format!("\"{hash}\""));
    set(
        headers,
        CONTENT_TYPE,
        media.unwrap_or("application/octet-stream"),
    );
    if media.is_none() {
        set(headers, CONTENT_DISPOSITION, &media::attachment(&name));
    }
    Ok(out)
}

/// Why a file that the state has can't be read.
fn lost(error: VolumeError) -> ApiFailure {
    match error {
        VolumeError::Missing(_) | VolumeError::Damaged(..) => {
            tracing::warn!(%error, "a file of the store");
            ApiFailure::Unavailable(
                "The content of this file is lost or damaged in the store. Others may be there: look at \
                 an earlier state of it."
                    .into(),
            )
        }
        other => other.into(),
    }
}

#[derive(Deserialize)]
pub struct Before {
    before: Option<String>,
}

/// Writes a file of a repl that does not run, 1 MiB at most, as its next state (`state` is `latest`). `before` is the hash
/// of the content that it replaces; without one there must be no such file yet. 409: that has changed
/// meanwhile, or the repl was started. `ETag` is the hash of what is there then.
#[utoipa::path(put, path = "/api/repls/{id}/history/{state}/files/{*path}", responses((status = 204), (status = 404), (status = 409), (status = 413)), params(("id" = String, Path), ("state" = String, Path), ("path" = String, Path), ("before" = Option<String>, Query)))]
pub async fn write(
    State(app): State<Arc<App>>,
    user: User,
    path: Result<Path<(String, String, String)>, PathRejection>,
    Query(query): Query<Before>,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Result<impl IntoResponse, ApiFailure> {
    let Path((id, state, path)) = path.map_err(|e| ApiFailure::BadRequest(e.body_text()))?;
    let row = owned(&app, &user, &id).await?;
    if state.parse::<StateName>()? != StateName::Newest {
        return Err(ApiFailure::Conflict(
            "Only the latest state can be followed by another.".into(),
        ));
    }
    let path = parse(&path)?;
    if path.is_root() {
        return Err(ApiFailure::BadRequest("A file needs a name.".into()));
    }
    let content = body.map_err(|_| {
        ApiFailure::TooLarge(format!(
            "A file that is edited while its repl does not run has {} MiB at most.",
            MAX_WRITTEN_BYTES >> 20
        ))
    })?;
    let tag = format!("\"{}\"", blake3::hash(&content).to_hex());
    let amendment = Amendment::Write {
        path: path.as_bytes().to_vec(),
        content,
        before: query.before,
    };
    app.repls.amend(&row, &user.id, amendment).await?;
    Ok((StatusCode::NO_CONTENT, [(ETAG, tag)]))
}

/// A folder of a state (a number, or `latest`) as a zip archive; all of it when `path` is absent.
#[utoipa::path(get, path = "/api/repls/{id}/history/{state}/download", responses((status = 200, content_type = "application/zip"), (status = 404), (status = 413), (status = 503)), params(("id" = String, Path), ("state" = String, Path), ("path" = Option<String>, Query)))]
pub async fn download(
    State(app): State<Arc<App>>,
    user: User,
    Path((id, state)): Path<(String, String)>,
    Query(query): Query<Folder>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    from_own_page(&headers)?;
    let path = parse(&query.path)?;
    let snapshot = open(&app, &row, state.parse()?).await?;
    let top = snapshot.item(path.as_bytes());
    if top.is_none_or(|item| item.kind != ItemKind::Folder) {
        return Err(ApiFailure::NotFound);
    }
    let items = snapshot.all_below(path.as_bytes());
    let sizes = items.iter().map(|item| match item.kind {
        ItemKind::File(size, _) => size,
        _ => 0,
    });
    if items.len() > MAX_ENTRIES || sizes.sum::<u64>() > MAX_BYTES {
        return Err(ApiFailure::TooLarge(
            "This folder has more than 60,000 entries or 2 GiB: download parts of it.".into(),
        ));
    }
    let place = ARCHIVES.try_acquire().map_err(|_| {
        ApiFailure::Unavailable(
            "Other downloads are under way: try it again when they are done.".into(),
        )
    })?;
    let name = match path.name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => row.name.clone(),
    };
    // Names begin with that of the folder, so that it is unpacked as one.
    let cut = path.parent().map_or(0, |above| match above.is_root() {
        true => 0,
        false => above.as_bytes().len() + 1,
    });
    let handle = Handle::current();
    let made = in_pieces(move |out| {
        pack(&handle, &snapshot, &items, cut, out)
            .inspect_err(|error| tracing::debug!(%error, "an archive"))
    });
    let receiver = made.map_err(anyhow::Error::from)?;
    let pieces = stream::unfold((receiver, place), |(mut receiver, place)| async move {
        let piece: io::Result<Bytes> = receiver.recv().await?;
        Some((piece, (receiver, place)))
    });
    let mut out = Response::new(Body::from_stream(pieces));
    let headers = out.headers_mut();
    inert(headers);
    set(headers, CONTENT_TYPE, "application/zip");
    let disposition = media::attachment(&format!("{name}.zip"));
    set(headers, CONTENT_DISPOSITION, &disposition);
    Ok(out)
}

fn pack(
    handle: &Handle,
    snapshot: &Snapshot,
    items: &[Item],
    cut: usize,
    out: &mut Pieces,
) -> io::Result<()> {
    const FOLDER: u32 = 0o040_000;
    const FILE: u32 = 0o100_000;
    const LINK: u32 = 0o120_000;
    let mut zip = Zip::new(out);
    for item in items {
        let name = encode_name(&item.path[cut..]);
        let entry = |kind: u32| Entry {
            name: &name,
            mode: kind | (item.mode & 0o777),
            modified: item.mtime_ns.div_euclid(1_000_000_000),
        };
        match &item.kind {
            ItemKind::Folder => zip.folder(entry(FOLDER))?,
            ItemKind::Symlink(target) => zip.small(entry(LINK), target)?,
            ItemKind::File(size, _) => {
                let content = snapshot.content(&item.path).map_err(io::Error::other)?;
                let content = Box::pin(content.map_err(io::Error::other));
                let content = Content {
                    handle,
                    content,
                    piece: Bytes::new(),
                };
                zip.file(entry(FILE), content, *size)?;
            }
        }
    }
    zip.finish("")
}

/// A file's pieces, read on a thread that may wait.
struct Content<'a, S> {
    handle: &'a Handle,
    content: S,
    piece: Bytes,
}

impl<S: futures_util::Stream<Item = io::Result<Bytes>> + Unpin> Read for Content<'_, S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.piece.is_empty() {
            match self.handle.block_on(self.content.try_next())? {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let length = self.piece.len().min(buffer.len());
        buffer[..length].copy_from_slice(&self.piece.split_to(length));
        Ok(length)
    }
}
