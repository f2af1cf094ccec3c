//! `GET /download?path=…`: a folder as a zip archive, made while it is sent.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use alcove_protocol::WorkspacePath;
use alcove_protocol::project::Files;
use alcove_zip::{Entry, Pieces, Zip, in_pieces};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, StatusCode};
use tokio::sync::Semaphore;

use super::{Body, failed, path_of, plain};
use crate::Runner;
use crate::tree::{TEMPORARY_PREFIX, covers};

/// Most entries of an archive, and most bytes of their contents: both well below what the plain form
/// of the format holds (65,535 entries, 4 GiB).
pub const MAX_ENTRIES: usize = 60_000;
pub const MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Archives that are made at once; each has a thread, which waits for whoever reads it.
pub const MAX_DOWNLOADS: usize = 4;

/// Places for archives that are being made.
pub struct Downloads(Arc<Semaphore>);

impl Default for Downloads {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MAX_DOWNLOADS)))
    }
}

/// Answers with a folder. Of the top folder what is bulk or cache is left out.
pub async fn download(runner: &Runner, request: Request<Incoming>) -> Response<Body> {
    let path = match path_of(request.uri().query()) {
        Ok(path) => path,
        Err(answer) => return *answer,
    };
    let Ok(place) = runner.downloads.0.clone().try_acquire_owned() else {
        return plain(StatusCode::TOO_MANY_REQUESTS, "too many downloads at once");
    };
    runner.documents.flush().await;
    let left_out = match path.is_root() {
        true => runner.tree.derived(),
        false => Files::default(),
    };
    let top = runner.workspace.clone();
    let listed = tokio::task::spawn_blocking(move || {
        let entries = list(&top, &path, &left_out)?;
        Ok((top, path, entries))
    });
    let (top, path, entries) = match listed.await.unwrap_or_else(|e| Err(e.into())) {
        Ok(listed) => listed,
        Err(error) => return failed(&error),
    };
    let receiver = match in_pieces(move |out| pack(&top, &path, &entries, out)) {
        Ok(receiver) => receiver,
        Err(error) => return failed(&error),
    };
    let frames = stream::unfold((receiver, place), |(mut receiver, place)| async move {
        let piece: io::Result<Bytes> = receiver.recv().await?;
        Some((piece.map(Frame::data), (receiver, place)))
    });
    Response::new(StreamBody::new(frames).boxed_unsync())
}

/// All below a folder that can be packed, in order; an error where that is too much.
fn list(top: &Path, folder: &WorkspacePath, left_out: &Files) -> io::Result<Vec<WorkspacePath>> {
    let too_much = |what: &str| io::Error::new(io::ErrorKind::FileTooLarge, what.to_owned());
    let rules = || left_out.bulk.iter().chain(&left_out.caches);
    let mut found = Vec::new();
    let mut bytes = 0;
    let mut folders = vec![folder.clone()];
    while let Some(folder) = folders.pop() {
        let mut names: Vec<_> = match fs::read_dir(folder.under(top)) {
            Ok(items) => items.flatten().map(|i| i.file_name()).collect(),
            // One that can't be read is packed empty; the first must be there.
            Err(_) if !found.is_empty() => continue,
            Err(error) => return Err(error),
        };
        names.sort_unstable();
        for name in names {
            if name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
                continue;
            }
            let Ok(path) = folder.child(&name) else {
                continue;
            };
            // Gone between reading the name and looking at it.
            let Ok(meta) = fs::symlink_metadata(path.under(top)) else {
                continue;
            };
            if meta.is_dir() {
                if rules().any(|rule| covers(rule, &path)) {
                    continue;
                }
                folders.push(path.clone());
            } else if !meta.is_file() && !meta.is_symlink() {
                continue;
            }
            bytes += meta.len();
            found.push(path);
            if found.len() > MAX_ENTRIES {
                return Err(too_much("too many entries"));
            }
            if bytes > MAX_BYTES {
                return Err(too_much("too many bytes"));
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn pack(
    top: &Path,
    folder: &WorkspacePath,
    entries: &[WorkspacePath],
    out: &mut Pieces,
) -> io::Result<()> {
    // Names begin with that of the folder, so that it is unpacked as one.
    let cut = folder.parent().map_or(0, |above| match above.is_root() {
        true => 0,
        false => above.as_bytes().len() + 1,
    });
    let mut zip = Zip::new(out);
    let mut missing = 0;
    for path in entries {
        let full = path.under(top);
        let Ok(meta) = fs::symlink_metadata(&full) else {
            missing += 1;
            continue;
        };
        let name = alcove_protocol::path::encode_name(&path.as_bytes()[cut..]);
        let entry = Entry {
            name: &name,
            mode: meta.mode(),
            modified: meta.mtime(),
        };
        if meta.is_dir() {
            zip.folder(entry)?;
        } else if meta.is_symlink() {
            match fs::read_link(&full) {
                Ok(to) => zip.small(entry, to.as_os_str().as_bytes())?,
                Err(_) => missing += 1,
            }
        } else if meta.is_file() {
            match fs::File::open(&full) {
                Ok(file) => zip.file(entry, file, meta.len())?,
                Err(_) => missing += 1,
            }
        }
    }
    let comment = match missing {
        0 => String::new(),
        n => format!("{n} entries could not be read, and are left out."),
    };
    zip.finish(&comment)
}
