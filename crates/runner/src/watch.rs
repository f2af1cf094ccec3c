//! Tells which of the watched folders changed. Events are hints: whoever is told looks for itself.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use alcove_protocol::WorkspacePath;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// How often a folder is looked at when the system's watches are used up.
const POLL: Duration = Duration::from_secs(2);

pub struct Watcher {
    top: PathBuf,
    /// None where this user has no more instances.
    inotify: Option<AsyncFd<OwnedFd>>,
    state: RefCell<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// One folder can be reached by several paths; the kernel gives them one number.
    folders: HashMap<i32, Vec<WorkspacePath>>,
    /// Number, if the system gave one, and how many asked for it.
    watched: HashMap<WorkspacePath, (Option<i32>, usize)>,
    dirty: HashSet<WorkspacePath>,
}

impl Watcher {
    pub fn start(top: PathBuf) -> io::Result<Rc<Self>> {
        let inotify = match inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC) {
            // SAFETY: an `OwnedFd` answers the same open descriptor for as long as it lives.
            Ok(fd) => Some(unsafe { AsyncFd::register(fd)? }),
            Err(error) => {
                tracing::warn!(%error, "this user has no more instances of inotify: folders are polled");
                None
            }
        };
        Ok(Self::over(top, inotify))
    }

    /// Without an instance of inotify, every folder is polled.
    fn over(top: PathBuf, inotify: Option<AsyncFd<OwnedFd>>) -> Rc<Self> {
        let watcher = Rc::new(Self {
            top,
            inotify,
            state: RefCell::default(),
            changed: Notify::new(),
        });
        let reader = watcher.clone();
        tokio::task::spawn_local(async move { reader.read().await });
        let poller = watcher.clone();
        tokio::task::spawn_local(async move { poller.poll().await });
        watcher
    }

    /// Begins to watch; each call needs its [`Watcher::unwatch`].
    pub fn watch(&self, folder: &WorkspacePath) {
        let mut state = self.state.borrow_mut();
        if let Some((_, users)) = state.watched.get_mut(folder) {
            *users += 1;
            return;
        }
        let flags = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ATTRIB
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ONLYDIR;
        let add = |inotify| inotify::add_watch(inotify, folder.under(&self.top), flags);
        let number = match self.inotify.as_ref().map(add) {
            Some(Ok(number)) => {
                state
                    .folders
                    .entry(number)
                    .or_default()
                    .push(folder.clone());
                Some(number)
            }
            Some(Err(error)) => {
                tracing::debug!(%folder, %error, "no watch: the folder is polled");
                None
            }
            None => None,
        };
        state.watched.insert(folder.clone(), (number, 1));
    }

    pub fn unwatch(&self, folder: &WorkspacePath) {
        let mut state = self.state.borrow_mut();
        let Some((number, users)) = state.watched.get_mut(folder) else {
            return;
        };
        *users -= 1;
        if *users > 0 {
            return;
        }
        let number = *number;
        state.watched.remove(folder);
        let (Some(number), Some(inotify)) = (number, &self.inotify) else {
            return;
        };
        let Some(paths) = state.folders.get_mut(&number) else {
            return;
        };
        paths.retain(|p| p != folder);
        if paths.is_empty() {
            state.folders.remove(&number);
            // It may have gone with its folder.
            let _ = inotify::remove_watch(inotify, number);
        }
    }

    /// Waits for changes, and takes the folders they happened in.
    pub async fn changes(&self) -> HashSet<WorkspacePath> {
        loop {
            let dirty = std::mem::take(&mut self.state.borrow_mut().dirty);
            if !dirty.is_empty() {
                return dirty;
            }
            self.changed.notified().await;
        }
    }

    /// Has a folder looked at again.
    pub fn touch(&self, folder: &WorkspacePath) {
        self.state.borrow_mut().dirty.insert(folder.clone());
        self.changed.notify_one();
    }

    async fn read(&self) {
        let Some(inotify) = &self.inotify else { return };
        let mut buffer = [const { MaybeUninit::uninit() }; 4096];
        loop {
            let Ok(mut ready) = inotify.readable().await else {
                return;
            };
            let mut events = inotify::Reader::new(inotify.get_ref(), &mut buffer);
            loop {
                match events.next() {
                    Ok(event) => self.note(event.wd(), event.events()),
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => break,
                    Err(error) => {
                        tracing::error!(%error, "file events stopped");
                        return;
                    }
                }
            }
            ready.clear_ready();
        }
    }

    fn note(&self, number: i32, flags: ReadFlags) {
        let state = &mut *self.state.borrow_mut();
        if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
            state.dirty.extend(state.watched.keys().cloned());
        } else if let Some(paths) = state.folders.get(&number) {
            state.dirty.extend(paths.iter().cloned());
            if flags.contains(ReadFlags::IGNORED) {
                for path in state.folders.remove(&number).into_iter().flatten() {
                    if let Some(entry) = state.watched.get_mut(&path) {
                        entry.0 = None;
                    }
                }
            }
        }
        self.changed.notify_one();
    }

    async fn poll(&self) {
        let mut timer = tokio::time::interval(POLL);
        loop {
            timer.tick().await;
            let state = &mut *self.state.borrow_mut();
            let before = state.dirty.len();
            state.dirty.extend(
                state
                    .watched
                    .iter()
                    .filter(|(_, (n, _))| n.is_none())
                    .map(|(p, _)| p.clone()),
            );
            if state.dirty.len() > before {
                self.changed.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_an_instance_of_inotify_folders_are_polled() {
        let top = tempfile::tempdir().unwrap();
        let local = tokio::task::LocalSet::new();
        let polled = local.run_until(async {
            let watcher = Watcher::over(top.path().to_owned(), None);
            let folder = "folder".parse::<WorkspacePath>().unwrap();
            watcher.watch(&folder);
            assert!(watcher.changes().await.contains(&folder));
            watcher.unwatch(&folder);
            assert!(watcher.state.borrow().watched.is_empty());
        });
        tokio::time::timeout(POLL * 10, polled).await.unwrap();
    }
}
