//! Files as bytes over HTTP, for the server: reading (with ranges), writing, a folder as a zip archive.
//! Links are followed, as by any program of the sandbox.

mod archive;
mod range;
mod read;
mod restore;
mod upload;
mod write;

use std::io;

use alcove_protocol::WorkspacePath;
use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::{Response, StatusCode};

use crate::http::percent_decode;

pub use archive::{Downloads, download};
pub use read::read;
pub use restore::restore;
pub use upload::{Uploads, abandon, upload};
pub use write::write;

/// What the runner's addresses answer with.
pub type Body = UnsyncBoxBody<Bytes, io::Error>;

/// A short text as an answer.
pub fn plain(status: StatusCode, text: &str) -> Response<Body> {
    let body = Full::new(Bytes::copy_from_slice(text.as_bytes()));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// What went wrong with a file, as an answer.
fn failed(error: &io::Error) -> Response<Body> {
    let status = match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StatusCode::NOT_FOUND,
        io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory => StatusCode::CONFLICT,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            StatusCode::INSUFFICIENT_STORAGE
        }
        io::ErrorKind::FileTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        io::ErrorKind::PermissionDenied => StatusCode::FORBIDDEN,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    plain(status, &error.to_string())
}

/// The value of `name` in an address's query.
fn value(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = query?.split('&').filter_map(|p| p.split_once('='));
    let (_, value) = pairs.find(|(n, _)| *n == name)?;
    Some(percent_decode(value))
}

/// The path that an address's query names.
fn path_of(query: Option<&str>) -> Result<WorkspacePath, Box<Response<Body>>> {
    let text = value(query, "path").unwrap_or_default();
    let path = text.parse::<WorkspacePath>();
    path.map_err(|e| Box::new(plain(StatusCode::BAD_REQUEST, &e.to_string())))
}
