//! `PUT /file?path=…`: writes a file from the request's body, whole or not at all.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tokio::io::AsyncWriteExt;

use super::{Body, failed, path_of, plain, value};
use crate::Runner;
use crate::tree::TEMPORARY_PREFIX;

/// What is being written, gone unless it came to its place.
pub(super) struct Temporary {
    path: PathBuf,
    in_place: bool,
}

impl Temporary {
    pub(super) fn new(path: PathBuf) -> Self {
        let in_place = false;
        Self { path, in_place }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// It has come to its place.
    pub(super) fn keep(mut self) {
        self.in_place = true;
    }

    /// Brings it to its place, where there is nothing.
    pub(super) fn put(self, target: &Path) -> io::Result<()> {
        renameat_with(CWD, &self.path, CWD, target, RenameFlags::NOREPLACE)?;
        self.keep();
        Ok(())
    }

    /// Brings it to its place, over what is there.
    pub(super) fn rename(self, target: &Path) -> io::Result<()> {
        fs::rename(&self.path, target)?;
        self.keep();
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.in_place {
            // Nothing more can be done about it; the name is one that is neither shown nor saved.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Puts the body at a path, with the folders above it. What is there is replaced only when the query
/// says `overwrite=true`; then its permissions stay.
pub async fn write(runner: &Runner, request: Request<Incoming>) -> Response<Body> {
    let query = request.uri().query();
    let path = match path_of(query) {
        Ok(path) if path.is_root() => return plain(StatusCode::BAD_REQUEST, "this needs a name"),
        Ok(path) => path,
        Err(answer) => return *answer,
    };
    let overwrite = value(query, "overwrite").as_deref() == Some("true");
    let target = path.under(&runner.workspace);
    runner.note_activity();
    match receive(target, overwrite, request.into_body()).await {
        Ok(replaced) => {
            runner.touch_parent(&path);
            let status = match replaced {
                true => StatusCode::OK,
                false => StatusCode::CREATED,
            };
            plain(status, "")
        }
        Err(error) => failed(&error),
    }
}

/// `true`: something was there before.
async fn receive(target: PathBuf, overwrite: bool, mut body: Incoming) -> io::Result<bool> {
    let place = target.clone();
    let begun = tokio::task::spawn_blocking(move || begin(&place, overwrite)).await?;
    let (file, temporary) = begun?;
    let mut file = tokio::fs::File::from_std(file);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(io::Error::other)?;
        if let Ok(data) = frame.into_data() {
            file.write_all(&data).await?;
        }
    }
    file.flush().await?;
    drop(file);
    tokio::task::spawn_blocking(move || {
        let replaced = put(&temporary.path, &target, overwrite)?;
        temporary.keep();
        Ok(replaced)
    })
    .await?
}

pub(super) fn begin(target: &Path, overwrite: bool) -> io::Result<(fs::File, Temporary)> {
    match fs::symlink_metadata(target) {
        Ok(meta) if meta.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) if !overwrite => return Err(io::ErrorKind::AlreadyExists.into()),
        _ => {}
    }
    // Beside the target, that is on its disk; folders that are missing are made at the end only.
    let mut folder = target.parent().unwrap_or(target);
    while fs::metadata(folder).is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
        folder = folder.parent().unwrap_or(Path::new("/"));
    }
    let name = format!("{TEMPORARY_PREFIX}upload-{:016x}", rand::random::<u64>());
    let path = folder.join(name);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)?;
    Ok((file, Temporary::new(path)))
}

pub(super) fn put(temporary: &Path, target: &Path, overwrite: bool) -> io::Result<bool> {
    if let Some(parent) = target.parent() {
        fs::create_dir_all(parent)?;
    }
    if !overwrite {
        renameat_with(CWD, temporary, CWD, target, RenameFlags::NOREPLACE)?;
        return Ok(false);
    }
    let before = fs::symlink_metadata(target).ok();
    if let Some(meta) = before.as_ref().filter(|m| m.is_file()) {
        fs::set_permissions(temporary, meta.permissions())?;
    }
    fs::rename(temporary, target)?;
    Ok(before.is_some())
}
