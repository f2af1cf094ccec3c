//! What a page does to the files of the tree: making, moving, copying, deleting, and bringing back.

use std::collections::HashSet;
use std::io;
use std::rc::Rc;

use alcove_protocol::WorkspacePath;
use alcove_protocol::session::{ClientMessage, ErrorCode, MAX_TRASHED, RunnerMessage};

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
        _ => Err((ErrorCode::Malformed, "not a request about files".into())),
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
    runner.note_activity();
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
    runner.note_activity();
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
