//! What a page does to the files of the tree: making, moving, copying, deleting, and bringing back.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::rc::Rc;

use alcove_archive::Limits;
use alcove_protocol::WorkspacePath;
use alcove_protocol::session::{
    ClientMessage, ErrorCode, MAX_EXTRACTED, MAX_EXTRACTED_BYTES, MAX_TRASHED, RunnerMessage,
};

use super::Client;
use super::dispatch::{Answer, failure};
use crate::Runner;
use crate::copy;
use crate::tree;

pub async fn handle(runner: &Rc<Runner>, client: &Client, message: ClientMessage) -> Answer {
    match message {
        ClientMessage::FileCreate { path, kind } => {
            change(runner, &path, move |top, path| {
                tree::create(top, path, kind)
            })
            .await
        }
        ClientMessage::FileMove { from, to } => {
            if from.is_root() || to.is_root() || to.starts_with(&from) {
                return Err((
                    ErrorCode::BadPath,
                    "A folder can't be moved into itself.".into(),
                ));
            }
            // What is typed must move along, not appear at the old place.
            runner.documents.flush().await;
            let target = to.clone();
            let origin = from.clone();
            let result = change(runner, &to, move |top, _| {
                tree::rename(top, &origin, &target)
            })
            .await;
            if result.is_ok() {
                runner.documents.moved(&from, &to);
                runner.touch_parent(&from);
            }
            result
        }
        ClientMessage::FileCopy { from, to } => {
            if from.is_root() || to.starts_with(&from) {
                return Err((
                    ErrorCode::BadPath,
                    "A folder can't be copied into itself.".into(),
                ));
            }
            // What is typed belongs to the copy, too.
            runner.documents.flush().await;
            change(runner, &to, move |top, to| copy::copy(top, &from, to)).await
        }
        ClientMessage::FilesTrash { trash, paths } => throw(runner, client, trash, paths).await,
        ClientMessage::FilesRestore { trash } => {
            let token = client.token.borrow().clone();
            match runner.trash.restore(&token, trash).await {
                Some((paths, left)) => {
                    for path in &paths {
                        runner.touch_parent(path);
                    }
                    Ok(RunnerMessage::FilesRestored { left })
                }
                None => Err((
                    ErrorCode::NotFound,
                    "It is not kept any more: what is deleted can be put back for a minute.".into(),
                )),
            }
        }
        ClientMessage::FileDelete { path } => {
            if path.is_root() {
                return Err((
                    ErrorCode::BadPath,
                    "The top folder can't be deleted.".into(),
                ));
            }
            change(runner, &path, tree::delete).await
        }
        ClientMessage::ArchiveExtract {
            path,
            strip,
            remove,
        } => extract(runner, path, strip, remove).await,
        _ => Err((ErrorCode::Malformed, "not a request about files".into())),
    }
}

async fn extract(runner: &Rc<Runner>, path: WorkspacePath, strip: bool, remove: bool) -> Answer {
    let archive = path.under(&runner.workspace);
    let work = tokio::task::spawn_blocking(move || {
        let folder = File::open(archive.parent().unwrap_or(Path::new("/")))?;
        let limits = Limits {
            entries: MAX_EXTRACTED,
            bytes: MAX_EXTRACTED_BYTES,
        };
        let done = alcove_archive::extract(&File::open(&archive)?, folder.as_fd(), strip, limits)?;
        if remove && done.left_out == 0 {
            std::fs::remove_file(&archive)?;
        }
        Ok(done)
    });
    let result = work.await.unwrap_or_else(|e| Err(io::Error::from(e)));
    runner.touch_parent(&path);
    match result {
        Ok(done) => Ok(RunnerMessage::ArchiveExtracted {
            files: done.files,
            left: done.left,
            left_out: done.left_out,
        }),
        // These say in their own words what is wrong.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err((ErrorCode::Failed, error.to_string()))
        }
        Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
            Err((ErrorCode::Limit, error.to_string()))
        }
        Err(error) => Err(failure(&path, &error)),
    }
}

/// Deletes entries of the tree, and keeps them aside.
async fn throw(
    runner: &Rc<Runner>,
    client: &Client,
    number: u32,
    mut paths: Vec<WorkspacePath>,
) -> Answer {
    if paths.iter().any(WorkspacePath::is_root) {
        return Err((
            ErrorCode::BadPath,
            "The top folder can't be deleted.".into(),
        ));
    }
    if paths.is_empty() || paths.len() > MAX_TRASHED {
        let text = format!("1 to {MAX_TRASHED} entries are deleted at once.");
        return Err((ErrorCode::Limit, text));
    }
    // What lies in a folder goes with it.
    let all: HashSet<WorkspacePath> = paths.drain(..).collect();
    let goes_along = |path: &WorkspacePath| {
        let above = std::iter::successors(path.parent(), WorkspacePath::parent);
        above.into_iter().any(|folder| all.contains(&folder))
    };
    paths.extend(all.iter().filter(|path| !goes_along(path)).cloned());
    // What was typed must be there when it is put back.
    runner.documents.flush().await;
    let token = client.token.borrow().clone();
    let first = paths[0].clone();
    let touched = paths.clone();
    match runner.trash.throw(&token, number, paths).await {
        Ok(()) => {
            for path in &touched {
                runner.touch_parent(path);
            }
            Ok(RunnerMessage::Done)
        }
        Err(error) => Err(failure(&first, &error)),
    }
}

/// Does a change of the tree on a blocking thread, and has the folder looked at again.
async fn change(
    runner: &Rc<Runner>,
    path: &WorkspacePath,
    work: impl FnOnce(&std::path::Path, &WorkspacePath) -> io::Result<()> + Send + 'static,
) -> Answer {
    if path.is_root() {
        return Err((ErrorCode::BadPath, "This needs a name.".into()));
    }
    let (top, target) = (runner.workspace.clone(), path.clone());
    let result = tokio::task::spawn_blocking(move || work(&top, &target)).await;
    match result.unwrap_or_else(|e| Err(e.into())) {
        Ok(()) => {
            runner.touch_parent(path);
            Ok(RunnerMessage::Done)
        }
        Err(error) => Err(failure(path, &error)),
    }
}
