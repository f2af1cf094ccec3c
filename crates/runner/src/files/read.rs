//! `GET /file?path=…`: a file's bytes, whole or one range of them.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use futures_util::StreamExt;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_NONE_MATCH, IF_RANGE, LAST_MODIFIED,
    RANGE,
};
use hyper::{Request, Response, StatusCode};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::range::{Wanted, wanted};
use super::{Body, failed, path_of, plain};
use crate::Runner;
use crate::http::header;

/// Bytes that are read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Answers with a file, as it is on disk once all that was typed is there.
pub async fn read(runner: &Runner, request: Request<Incoming>) -> Response<Body> {
    let path = match path_of(request.uri().query()) {
        Ok(path) => path,
        Err(answer) => return *answer,
    };
    runner.documents.flush().await;
    let full = path.under(&runner.workspace);
    let opened = tokio::task::spawn_blocking(move || open(&full)).await;
    let (file, meta) = match opened.unwrap_or_else(|e| Err(e.into())) {
        Ok(opened) => opened,
        Err(error) => return failed(&error),
    };
    let tag = tag(&meta);
    let date = meta
        .modified()
        .map(httpdate::fmt_http_date)
        .unwrap_or_default();
    if header(&request, IF_NONE_MATCH.as_str())
        .is_some_and(|tags| tags.split(',').any(|t| t.trim() == tag))
    {
        return with(plain(StatusCode::NOT_MODIFIED, ""), &[(ETAG, &tag)]);
    }
    // Parts of two states of a file must not be put together.
    let range = header(&request, RANGE.as_str())
        .filter(|_| header(&request, IF_RANGE.as_str()).is_none_or(|known| known == tag));
    let size = meta.len();
    let (status, first, length) = match wanted(range, size) {
        Wanted::Whole => (StatusCode::OK, 0, size),
        Wanted::Part(first, last) => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Wanted::Nothing => {
            let answer = plain(StatusCode::RANGE_NOT_SATISFIABLE, "");
            return with(answer, &[(CONTENT_RANGE, &format!("bytes */{size}"))]);
        }
    };
    let mut file = tokio::fs::File::from_std(file);
    if let Err(error) = file.seek(SeekFrom::Start(first)).await {
        return failed(&error);
    }
    let frames = ReaderStream::with_capacity(file.take(length), CHUNK_BYTES)
        .map(|chunk| chunk.map(Frame::data));
    let mut answer = Response::new(StreamBody::new(frames).boxed_unsync());
    *answer.status_mut() = status;
    let mut answer = with(
        answer,
        &[
            (ETAG, &tag),
            (LAST_MODIFIED, &date),
            (ACCEPT_RANGES, "bytes"),
            (CONTENT_LENGTH, &length.to_string()),
        ],
    );
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {first}-{}/{size}", first + length - 1);
        answer = with(answer, &[(CONTENT_RANGE, &range)]);
    }
    answer
}

fn open(full: &Path) -> io::Result<(File, Metadata)> {
    // Opening a pipe would wait for whoever writes to it.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(nonblocking)
        .open(full)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok((file, meta))
}

/// Another one for every state of a file: who writes it anew leaves another inode or another time.
fn tag(meta: &Metadata) -> String {
    format!(
        "\"{:x}-{:x}-{:x}-{:x}\"",
        meta.ino(),
        meta.len(),
        meta.mtime(),
        meta.mtime_nsec()
    )
}

fn with(
    mut answer: Response<Body>,
    headers: &[(hyper::header::HeaderName, &str)],
) -> Response<Body> {
    for (name, value) in headers {
        if let Ok(value) = value.parse() {
            answer.headers_mut().insert(name.clone(), value);
        }
    }
    answer
}
