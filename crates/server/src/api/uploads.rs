//! A file that comes in parts, and goes on where it stood when a connection broke. What has come is kept
//! by the repl's runner; here it is bounded, and handed on.

use std::sync::Arc;

use alcove_protocol::WorkspacePath;
use alcove_protocol::headers::{UPLOAD_LENGTH, UPLOAD_OFFSET};
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::files::{MAX_UPLOAD_BYTES, Place, parse, refusal, runner_request, silent, too_large};
use super::owned;
use crate::auth::User;
use crate::{ApiFailure, App};

/// Longest id of an upload. Whoever uploads makes it up.
const MAX_ID_CHARS: usize = 64;

#[derive(Deserialize)]
pub struct Part {
    path: String,
    #[serde(default)]
    overwrite: bool,
}

/// Adds a part to a file: `Upload-Offset` says where it begins, `Upload-Length` how long the whole is.
/// Once all has come, the file is in its place; before that the answer is 202, with `Upload-Offset` as
/// far as it came. A part that begins elsewhere is not taken in, so an empty one asks how far it came.
#[utoipa::path(put, path = "/api/repls/{id}/uploads/{upload}", responses((status = 201), (status = 202), (status = 204), (status = 409), (status = 413), (status = 503)), params(("id" = String, Path), ("upload" = String, Path), ("path" = String, Query), ("overwrite" = Option<bool>, Query)))]
pub async fn write(
    State(app): State<Arc<App>>,
    user: User,
    Path((id, upload)): Path<(String, String)>,
    Query(query): Query<Part>,
    request: Request,
) -> Result<Response, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let path = parse(&query.path)?;
    if path.is_root() {
        return Err(ApiFailure::BadRequest("A file needs a name.".into()));
    }
    let upload = checked_id(&upload)?;
    let (Some(offset), Some(length)) = (
        number(request.headers(), UPLOAD_OFFSET),
        number(request.headers(), UPLOAD_LENGTH),
    ) else {
        return Err(ApiFailure::BadRequest(
            "A part of an upload says its Upload-Offset, and the Upload-Length of all.".into(),
        ));
    };
    if length > MAX_UPLOAD_BYTES {
        return Err(too_large());
    }
    if offset > length {
        return Err(more_than_all());
    }
    let place = Place::of(&app, &row)?;
    place.check_room_for(&app, length, query.overwrite).await?;
    app.repls.did(&place.repl, &user.id);
    let overwrite = match query.overwrite {
        true => "&overwrite=true",
        false => "",
    };
    let more = format!("&id={upload}{overwrite}");
    let answer = place.send("upload", &path, &more, request).await?;
    match answer.status() {
        StatusCode::OK => Ok(StatusCode::NO_CONTENT.into_response()),
        StatusCode::CREATED => Ok(StatusCode::CREATED.into_response()),
        StatusCode::ACCEPTED => {
            let come = number(answer.headers(), UPLOAD_OFFSET).filter(|come| *come <= length);
            let come = come.ok_or_else(silent)?.to_string();
            Ok((StatusCode::ACCEPTED, [(UPLOAD_OFFSET, come)]).into_response())
        }
        StatusCode::PAYLOAD_TOO_LARGE => Err(more_than_all()),
        status => Err(refusal(status)),
    }
}

fn more_than_all() -> ApiFailure {
    ApiFailure::BadRequest("This is more than the Upload-Length says.".into())
}

/// Forgets an upload of which a part has come.
#[utoipa::path(delete, path = "/api/repls/{id}/uploads/{upload}", responses((status = 204), (status = 404), (status = 503)), params(("id" = String, Path), ("upload" = String, Path)))]
pub async fn abandon(
    State(app): State<Arc<App>>,
    user: User,
    Path((id, upload)): Path<(String, String)>,
) -> Result<StatusCode, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let more = format!("&id={}", checked_id(&upload)?);
    let place = Place::of(&app, &row)?;
    let root = WorkspacePath::root();
    let asked = runner_request(Method::DELETE, "upload", &root, &more, Body::empty())?;
    match place.ask(asked).await?.status() {
        StatusCode::NO_CONTENT => Ok(StatusCode::NO_CONTENT),
        status => Err(refusal(status)),
    }
}

fn checked_id(id: &str) -> Result<&str, ApiFailure> {
    let fits = (1..=MAX_ID_CHARS).contains(&id.len());
    if fits && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Ok(id);
    }
    Err(ApiFailure::BadRequest(format!(
        "The id of an upload is 1 to {MAX_ID_CHARS} ASCII letters, digits and hyphens."
    )))
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_sixty_four_plain_characters_at_most() {
        assert!(checked_id(&"x".repeat(MAX_ID_CHARS)).is_ok());
        assert!(checked_id("0c7e-4a").is_ok());
        for bad in [
            "",
            "a b",
            "a&id=b",
            "a/b",
            "é",
            &"x".repeat(MAX_ID_CHARS + 1),
        ] {
            assert!(checked_id(bad).is_err(), "{bad:?}");
        }
    }
}
