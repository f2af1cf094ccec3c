//! A running repl's files as bytes: read, written, a folder downloaded. The runner has them; it is
//! hostile, so of its answers only status, length, range and state pass, each checked.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alcove_protocol::WorkspacePath;
use alcove_protocol::api::Usage;
use alcove_protocol::headers::{UPLOAD_LENGTH, UPLOAD_OFFSET};
use axum::body::{Body, Bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED, RANGE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use futures_util::{Stream, StreamExt, TryStreamExt};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio::sync::oneshot;

use super::{media, owned};
use crate::auth::User;
use crate::db::repl;
use crate::lifecycle::{Watching, size_in_words};
use crate::{ApiFailure, App, runner};

/// Largest file that is written, in bytes.
pub const MAX_UPLOAD_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// How long a runner may take for the head of an answer (a large folder is looked through first),
const HEAD: Duration = Duration::from_secs(60);
/// and how long either side may be silent in the middle of a body.
const SILENCE: Duration = Duration::from_secs(60);
/// Opened by itself, a file runs no script and is of no origin.
const POLICY: &str = "sandbox; default-src 'none'; img-src 'self' data:; media-src 'self'; \
    style-src 'unsafe-inline'; frame-ancestors 'none'";
/// Longest value of a header of the runner's that is passed on.
const MAX_VALUE_BYTES: usize = 100;

#[derive(Deserialize)]
pub struct Reading {
    #[serde(default)]
    pub(super) download: bool,
}

/// A file's bytes. `?download=true` sends what could be shown as a download, too.
#[utoipa::path(get, path = "/api/repls/{id}/files/{*path}", responses((status = 200, content_type = "application/octet-stream"), (status = 206), (status = 304), (status = 404), (status = 416), (status = 503)), params(("id" = String, Path), ("path" = String, Path), ("download" = Option<bool>, Query)))]
pub async fn read(
    State(app): State<Arc<App>>,
    user: User,
    path: Result<Path<(String, String)>, PathRejection>,
    Query(query): Query<Reading>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiFailure> {
    let (place, path) = Place::of_file(&app, &user, path).await?;
    from_own_page(&headers)?;
    let mut asked = runner_request(Method::GET, "file", &path, "", Body::empty())?;
    for name in [RANGE, IF_RANGE, IF_NONE_MATCH] {
        if let Some(value) = headers.get(&name) {
            asked.headers_mut().insert(name, value.clone());
        }
    }
    let answer = place.ask(asked).await?;
    let status = answer.status();
    let passed = [
        StatusCode::OK,
        StatusCode::PARTIAL_CONTENT,
        StatusCode::NOT_MODIFIED,
        StatusCode::RANGE_NOT_SATISFIABLE,
    ];
    if !passed.contains(&status) {
        return Err(refusal(status));
    }
    let name = path.name().unwrap_or_default().to_string_lossy();
    let shown = media::shown(&name).filter(|_| !query.download);
    let (head, body) = answer.into_parts();
    let mut out = place.answer(status, body);
    let to = out.headers_mut();
    for name in [
        CONTENT_LENGTH,
        CONTENT_RANGE,
        ACCEPT_RANGES,
        ETAG,
        LAST_MODIFIED,
    ] {
        if let Some(value) = head.headers.get(&name).filter(|v| is_plain(&name, v)) {
            to.insert(name, value.clone());
        }
    }
    let octets = "application/octet-stream";
    set(to, CONTENT_TYPE, shown.unwrap_or(octets));
    if shown.is_none() {
        set(to, CONTENT_DISPOSITION, &media::attachment(&name));
    }
    Ok(out)
}

#[derive(Deserialize)]
pub struct Writing {
    #[serde(default)]
    overwrite: bool,
}

/// Writes a file, whole or not at all, with the folders above it. What is there is replaced by
/// `?overwrite=true` only.
#[utoipa::path(put, path = "/api/repls/{id}/files/{*path}", responses((status = 201), (status = 204), (status = 409), (status = 413), (status = 503)), params(("id" = String, Path), ("path" = String, Path), ("overwrite" = Option<bool>, Query)))]
pub async fn write(
    State(app): State<Arc<App>>,
    user: User,
    path: Result<Path<(String, String)>, PathRejection>,
    Query(query): Query<Writing>,
    request: Request,
) -> Result<StatusCode, ApiFailure> {
    let (place, path) = Place::of_file(&app, &user, path).await?;
    if path.is_root() {
        return Err(ApiFailure::BadRequest("A file needs a name.".into()));
    }
    let only_new = request
        .headers()
        .get(IF_NONE_MATCH)
        .is_some_and(|v| v == "*");
    let more = match query.overwrite && !only_new {
        true => "&overwrite=true",
        false => "",
    };
    let length = request.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|l| l.to_str().ok()?.parse().ok());
    let length = length.unwrap_or(0);
    place.check_room_for(&app, length, !more.is_empty()).await?;
    app.repls.did(&place.repl, &user.id);
    let answer = place.send("file", &path, more, request).await?;
    match answer.status() {
        StatusCode::OK => Ok(StatusCode::NO_CONTENT),
        StatusCode::CREATED => Ok(StatusCode::CREATED),
        status => Err(refusal(status)),
    }
}

#[derive(Deserialize)]
pub struct Folder {
    #[serde(default)]
    pub(super) path: String,
}

/// A folder as a zip archive; all of it when `path` is absent.
#[utoipa::path(get, path = "/api/repls/{id}/download", responses((status = 200, content_type = "application/zip"), (status = 404), (status = 413), (status = 503)), params(("id" = String, Path), ("path" = Option<String>, Query)))]
pub async fn download(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
    Query(query): Query<Folder>,
    headers: HeaderMap,
) -> Result<Response<Body>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    from_own_page(&headers)?;
    let path = parse(&query.path)?;
    let place = Place::of(&app, &row)?;
    let asked = runner_request(Method::GET, "download", &path, "", Body::empty())?;
    let answer = place.ask(asked).await?;
    match answer.status() {
        StatusCode::OK => {}
        StatusCode::PAYLOAD_TOO_LARGE => {
            return Err(ApiFailure::TooLarge(
                "This folder has more than 60,000 entries or 2 GiB: download parts of it.".into(),
            ));
        }
        status => return Err(refusal(status)),
    }
    let name = match path.name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => row.name.clone(),
    };
    let mut out = place.answer(StatusCode::OK, answer.into_body());
    set(out.headers_mut(), CONTENT_TYPE, "application/zip");
    let disposition = media::attachment(&format!("{name}.zip"));
    set(out.headers_mut(), CONTENT_DISPOSITION, &disposition);
    Ok(out)
}

/// A running repl that is kept awake meanwhile.
pub(super) struct Place {
    pub(super) repl: String,
    pub(super) socket: PathBuf,
    owner: String,
    /// As it was saved last.
    usage: Usage,
    awake: Option<Watching>,
}

impl Place {
    async fn of_file(
        app: &App,
        user: &User,
        path: Result<Path<(String, String)>, PathRejection>,
    ) -> Result<(Self, WorkspacePath), ApiFailure> {
        let Path((id, path)) = path.map_err(|e| ApiFailure::BadRequest(e.body_text()))?;
        let row = owned(app, user, &id).await?;
        let path = parse(&path)?;
        Ok((Self::of(app, &row)?, path))
    }

    pub(super) fn of(app: &App, row: &repl::Model) -> Result<Self, ApiFailure> {
        let asleep = || ApiFailure::Unavailable("This repl does not run: start it first.".into());
        Ok(Self {
            repl: row.id.clone(),
            owner: row.owner_id.clone(),
            usage: app.repls.state(row).usage,
            socket: app.repls.socket(&row.id).ok_or_else(asleep)?,
            awake: app.repls.keep(&row.id),
        })
    }

    /// What would not be saved is better not sent. What is replaced makes room, nobody knows yet how much.
    pub(super) async fn check_room_for(
        &self,
        app: &App,
        bytes: u64,
        replaces: bool,
    ) -> Result<(), ApiFailure> {
        let others = app.db.size_of_repls_of(&self.owner, Some(&self.repl));
        let most = app
            .people
            .policy(&self.owner)
            .quotas
            .of_repl(others.await?)
            .bytes;
        let held = if replaces { 0 } else { self.usage.bytes };
        let room = most.saturating_sub(held);
        if bytes <= room {
            return Ok(());
        }
        let who = match most == self.usage.max_bytes {
            true => "This repl",
            false => "With what your other repls hold, this one",
        };
        Err(ApiFailure::TooLarge(format!(
            "{who} may hold {} more, and the file has {}: delete something first.",
            size_in_words(room),
            size_in_words(bytes)
        )))
    }

    pub(super) async fn ask(&self, request: Request) -> Result<Response<Incoming>, ApiFailure> {
        let answer = tokio::time::timeout(HEAD, runner::exchange(&self.socket, request)).await;
        answer.map_err(|_| silent())?.map_err(|error| {
            tracing::debug!(%error, "files of a runner");
            silent()
        })
    }

    /// Hands a body on to the runner, with what it says of itself.
    pub(super) async fn send(
        &self,
        what: &str,
        path: &WorkspacePath,
        more: &str,
        request: Request,
    ) -> Result<Response<Incoming>, ApiFailure> {
        let (head, body) = request.into_parts();
        let number = |name: &HeaderName| head.headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
        if number(&CONTENT_LENGTH).is_some_and(|bytes| bytes > MAX_UPLOAD_BYTES) {
            return Err(too_large());
        }
        let (sent, all_sent) = oneshot::channel();
        let over = Arc::new(AtomicBool::new(false));
        let body = Body::from_stream(bounded(body, sent, over.clone()));
        let mut asked = runner_request(Method::PUT, what, path, more, body)?;
        let passed = [UPLOAD_OFFSET, UPLOAD_LENGTH].map(HeaderName::from_static);
        for name in passed.into_iter().chain([CONTENT_LENGTH]) {
            if let Some(value) = number(&name) {
                asked.headers_mut().insert(name, HeaderValue::from(value));
            }
        }
        let answer = tokio::select! {
            answer = runner::exchange(&self.socket, asked) => answer,
            // The sender's way is as long as it takes; the runner's is not.
            () = async { let _ = all_sent.await; tokio::time::sleep(HEAD).await } => return Err(silent()),
        };
        answer.map_err(|error| {
            if over.load(Ordering::Relaxed) {
                return too_large();
            }
            tracing::debug!(%error, "upload");
            ApiFailure::Unavailable(
                "The upload broke off; nothing was written. Try it again.".into(),
            )
        })
    }

    /// An answer whose body nothing runs in; the repl stays awake until it has been sent.
    fn answer(self, status: StatusCode, body: Incoming) -> Response<Body> {
        let awake = self.awake;
        let pieces = body.into_data_stream().map(move |piece| {
            let _awake = &awake;
            piece
        });
        let mut answer = Response::new(Body::from_stream(pieces));
        *answer.status_mut() = status;
        inert(answer.headers_mut());
        answer
    }
}

/// What a user wrote runs nothing in the editor's origin, and is nobody else's.
pub(super) fn inert(headers: &mut HeaderMap) {
    set(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, CONTENT_SECURITY_POLICY, POLICY);
    let resource_policy = HeaderName::from_static("cross-origin-resource-policy");
    set(headers, resource_policy, "same-origin");
    set(headers, CACHE_CONTROL, "private, no-cache");
}

/// Previews are of the same site, so the browser sends the cookie along: they may load nothing of it.
pub(super) fn from_own_page(headers: &HeaderMap) -> Result<(), ApiFailure> {
    let site = headers.get("sec-fetch-site").and_then(|v| v.to_str().ok());
    match site {
        None | Some("same-origin" | "none") => Ok(()),
        Some(_) => Err(ApiFailure::Forbidden(
            "Files can be read by the editor's own page, or with a Bearer token.",
        )),
    }
}

pub(super) fn parse(path: &str) -> Result<WorkspacePath, ApiFailure> {
    path.parse()
        .map_err(|e| ApiFailure::BadRequest(format!("This is not a path of a repl: {e}.")))
}

pub(super) fn runner_request(
    method: Method,
    what: &str,
    path: &WorkspacePath,
    more: &str,
    body: Body,
) -> Result<Request, ApiFailure> {
    let path = utf8_percent_encode(&path.to_string(), NON_ALPHANUMERIC).to_string();
    Request::builder()
        .method(method)
        .uri(format!("/{what}?path={path}{more}"))
        .body(body)
        .map_err(|e| ApiFailure::Internal(e.into()))
}

/// The pieces of a body, up to the bound and without long silence. `sent` is told of its end, `over` that
/// there would be more.
pub(super) fn bounded(
    body: Body,
    sent: oneshot::Sender<()>,
    over: Arc<AtomicBool>,
) -> impl Stream<Item = std::io::Result<Bytes>> {
    let broken = std::io::Error::other::<String>;
    let start = (body.into_data_stream(), 0, sent, over);
    futures_util::stream::try_unfold(start, move |(mut body, before, sent, over)| async move {
        let piece = tokio::time::timeout(SILENCE, body.try_next()).await;
        let piece = piece
            .map_err(|_| broken("nothing more came".into()))?
            .map_err(|e| broken(e.to_string()))?;
        let Some(piece) = piece else {
            // Whoever asked may have gone.
            let _ = sent.send(());
            return Ok(None);
        };
        let all = before + piece.len() as u64;
        if all > MAX_UPLOAD_BYTES {
            over.store(true, Ordering::Relaxed);
            return Err(broken("too large".into()));
        }
        Ok(Some((piece, (body, all, sent, over))))
    })
}

/// Whether a header of the runner's is what it should be.
fn is_plain(name: &HeaderName, value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    let fits = |extra: &[u8]| {
        bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || extra.contains(b))
    };
    bytes.len() <= MAX_VALUE_BYTES
        && match *name {
            CONTENT_LENGTH => bytes.iter().all(u8::is_ascii_digit),
            ACCEPT_RANGES => bytes == b"bytes",
            CONTENT_RANGE => fits(b" -/*"),
            ETAG => bytes.starts_with(b"\"") && bytes.ends_with(b"\"") && fits(b"\"-"),
            LAST_MODIFIED => fits(b" ,:"),
            _ => false,
        }
}

pub(super) fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

pub(super) fn too_large() -> ApiFailure {
    ApiFailure::TooLarge(format!(
        "A file that is uploaded has {} GiB at most.",
        MAX_UPLOAD_BYTES >> 30
    ))
}

pub(super) fn silent() -> ApiFailure {
    ApiFailure::Unavailable("The repl does not answer. Stop it and start it again.".into())
}

pub(super) fn refusal(status: StatusCode) -> ApiFailure {
    match status {
        StatusCode::NOT_FOUND => ApiFailure::NotFound,
        StatusCode::CONFLICT => ApiFailure::Conflict(
            "Something of this name is there already, or it is a folder.".into(),
        ),
        StatusCode::FORBIDDEN => {
            ApiFailure::Forbidden("The permissions of this file or folder do not allow it.")
        }
        StatusCode::INSUFFICIENT_STORAGE => ApiFailure::Unavailable(
            "The repl’s disk is full: delete something first. Nothing was written.".into(),
        ),
        StatusCode::TOO_MANY_REQUESTS => ApiFailure::Unavailable(
            "Other downloads are under way: try it again when they are done.".into(),
        ),
        StatusCode::BAD_REQUEST => {
            ApiFailure::BadRequest("The repl can’t do this with that path.".into())
        }
        _ => ApiFailure::Unavailable("The repl could not do this. Try it again.".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_headers_of_a_runner_do_not_pass() {
        let good = [
            (CONTENT_LENGTH, "12"),
            (CONTENT_RANGE, "bytes 0-1/2"),
            (CONTENT_RANGE, "bytes */2"),
            (ETAG, "\"1f-2\""),
            (LAST_MODIFIED, "Thu, 26 Nov 2026 12:00:00 GMT"),
        ];
        for (name, value) in good {
            assert!(is_plain(&name, &HeaderValue::from_static(value)), "{value}");
        }
        let bad = [
            (CONTENT_LENGTH, "-1"),
            (CONTENT_RANGE, "bytes 0-1/2; x"),
            (ETAG, "W/\"1\""),
            (ETAG, "\"<script>\""),
            (ACCEPT_RANGES, "none"),
            (LAST_MODIFIED, "<b>"),
            (CONTENT_TYPE, "text/html"),
        ];
        for (name, value) in bad {
            assert!(
                !is_plain(&name, &HeaderValue::from_static(value)),
                "{value}"
            );
        }
    }
}
