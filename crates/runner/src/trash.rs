//! What was deleted in the file list, kept aside for a while so that it can be put back. It lies at the
//! workspace's top under a name that is neither shown nor saved.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use alcove_protocol::WorkspacePath;

use crate::tree::{TEMPORARY_PREFIX, rename};

/// How long it is kept: longer than a page offers to put it back.
const KEPT: Duration = Duration::from_secs(60);
/// Deletions of a repl that are kept; with one more the oldest goes.
pub const MAX_KEPT: usize = 20;

pub struct Trash {
    top: PathBuf,
    kept: RefCell<VecDeque<Rc<Kept>>>,
}

/// One deletion.
struct Kept {
    /// The page that did it, and its number for it.
    client: String,
    number: u32,
    folder: WorkspacePath,
    /// Entry `n` lies in the folder under the name `n`.
    paths: Vec<WorkspacePath>,
}

impl Trash {
    /// Empties what an earlier life left behind.
    pub fn new(top: PathBuf) -> Self {
        let left = top.clone();
        tokio::task::spawn_blocking(move || {
            for item in fs::read_dir(left).into_iter().flatten().flatten() {
                let name = item.file_name();
                if name.to_string_lossy().starts_with(&prefix()) {
                    // It is neither shown nor saved: the next life tries it again.
                    let _ = fs::remove_dir_all(item.path());
                }
            }
        });
        Self {
            top,
            kept: RefCell::default(),
        }
    }

    /// Moves these aside: all of them, or none.
    pub async fn throw(
        self: &Rc<Self>,
        client: &str,
        number: u32,
        paths: Vec<WorkspacePath>,
    ) -> io::Result<()> {
        let name = format!("{}{:016x}", prefix(), rand::random::<u64>());
        let folder: WorkspacePath = name.parse().map_err(io::Error::other)?;
        let (top, to, all) = (self.top.clone(), folder.clone(), paths.clone());
        tokio::task::spawn_blocking(move || put_aside(&top, &to, &all)).await??;
        let kept = Rc::new(Kept {
            client: client.to_owned(),
            number,
            folder,
            paths,
        });
        self.kept.borrow_mut().push_back(kept.clone());
        if self.kept.borrow().len() > MAX_KEPT
            && let Some(oldest) = self.kept.borrow_mut().pop_front()
        {
            self.empty(&oldest);
        }
        let trash = self.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep(KEPT).await;
            if trash.take(|k| Rc::ptr_eq(k, &kept)).is_some() {
                trash.empty(&kept);
            }
        });
        Ok(())
    }

    /// Puts back what a page threw away under this number: those paths, and of them what had to stay
    /// away, because something is in its place. `None`: it is not kept any more.
    pub async fn restore(
        &self,
        client: &str,
        number: u32,
    ) -> Option<(Vec<WorkspacePath>, Vec<WorkspacePath>)> {
        let kept = self.take(|k| k.client == client && k.number == number)?;
        let (top, folder, paths) = (self.top.clone(), kept.folder.clone(), kept.paths.clone());
        let work = tokio::task::spawn_blocking(move || {
            let mut left = Vec::new();
            for (n, path) in paths.iter().enumerate() {
                let from = aside(&folder, n);
                if from.and_then(|from| rename(&top, &from, path)).is_err() {
                    left.push(path.clone());
                }
            }
            left
        });
        let left = work.await.unwrap_or_default();
        self.empty(&kept);
        Some((kept.paths.clone(), left))
    }

    fn take(&self, is_it: impl Fn(&Rc<Kept>) -> bool) -> Option<Rc<Kept>> {
        let mut kept = self.kept.borrow_mut();
        let at = kept.iter().position(is_it)?;
        kept.remove(at)
    }

    fn empty(&self, kept: &Kept) {
        let folder = kept.folder.under(&self.top);
        tokio::task::spawn_blocking(move || fs::remove_dir_all(folder));
    }
}

fn prefix() -> String {
    format!("{TEMPORARY_PREFIX}trash-")
}

fn aside(folder: &WorkspacePath, n: usize) -> io::Result<WorkspacePath> {
    folder
        .child(n.to_string().as_ref())
        .map_err(io::Error::other)
}

fn put_aside(top: &Path, folder: &WorkspacePath, paths: &[WorkspacePath]) -> io::Result<()> {
    fs::create_dir(folder.under(top))?;
    for (n, path) in paths.iter().enumerate() {
        let moved = aside(folder, n).and_then(|to| rename(top, path, &to));
        let Err(error) = moved else { continue };
        for (n, path) in paths[..n].iter().enumerate() {
            aside(folder, n).and_then(|from| rename(top, &from, path))?;
        }
        fs::remove_dir(folder.under(top))?;
        return Err(io::Error::new(error.kind(), format!("{path}: {error}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_put_aside_whole_stays_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("a"), "a").unwrap();
        let paths = ["a".parse().unwrap(), "none".parse().unwrap()];
        let folder = ".~alcove-trash-1".parse().unwrap();
        let error = put_aside(dir.path(), &folder, &paths).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(dir.path().join("a").exists());
        assert!(!dir.path().join(".~alcove-trash-1").exists());
    }
}
