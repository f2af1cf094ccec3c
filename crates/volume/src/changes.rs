//! Hints that something below a folder changed, so that an idle workspace costs nothing. A hint is
//! never trusted to be complete: scans happen without one too, now and then.

use std::collections::{HashMap, HashSet};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use crate::manifest::encode_path;
use crate::rules::RUNNING;
use crate::scan::TEMPORARY_PREFIX;

/// Watches of one workspace; beyond, changes are found by scans alone.
const MAX_WATCHES: i32 = 16 * 1024;
/// What their names may have together, in bytes; beyond, there are no more watches either.
const MAX_NAME_BYTES: usize = 4 * 1024 * 1024;

/// Names that are kept of what changed at once.
const MAX_NAMES: usize = 1000;

/// Folders by their watches.
#[derive(Default)]
struct Folders {
    names: HashMap<i32, String>,
    /// Of all names.
    bytes: usize,
}

impl Folders {
    /// Whether there was room for its name. One that was moved has another than before.
    fn add(&mut self, watch: i32, name: String) -> bool {
        self.remove(watch);
        if self.bytes + name.len() > MAX_NAME_BYTES {
            return false;
        }
        self.bytes += name.len();
        self.names.insert(watch, name);
        true
    }

    fn remove(&mut self, watch: i32) {
        let name = self.names.remove(&watch);
        self.bytes -= name.map_or(0, |name| name.len());
    }
}

/// The watched folders of one workspace. inotify(7).
pub struct Changes {
    inotify: AsyncFd<OwnedFd>,
    complete: AtomicBool,
    /// Where each watched folder was when it was scanned last, as in a manifest.
    folders: Mutex<Folders>,
}

/// What happened at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// As in a manifest. A folder that was moved is known by its old name until it is scanned again.
    pub paths: Vec<String>,
    /// There is more than these, which is not known by name.
    pub more: bool,
}

impl Changes {
    pub fn start() -> std::io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        // SAFETY: an `OwnedFd` answers the same open descriptor for as long as it lives.
        let inotify = unsafe { AsyncFd::register(fd).map_err(std::io::Error::from)? };
        Ok(Self {
            inotify,
            complete: AtomicBool::new(true),
            folders: Mutex::default(),
        })
    }

    /// Adds an open folder; `name`: where it is, as in a manifest. Doing it again is harmless.
    pub(crate) fn watch(&self, folder: BorrowedFd<'_>, name: String) {
        let flags = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVE
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::MODIFY
            | WatchFlags::ATTRIB
            | WatchFlags::ONLYDIR;
        // By descriptor, so that no link can lead elsewhere.
        let path = format!("/proc/self/fd/{}", folder.as_raw_fd());
        match inotify::add_watch(self.inotify.get_ref(), path, flags) {
            Ok(number) if number <= MAX_WATCHES && self.folders.lock().add(number, name) => {}
            Ok(number) => {
                self.complete.store(false, Ordering::Relaxed);
                // The kernel gave it a moment ago.
                let _ = inotify::remove_watch(self.inotify.get_ref(), number);
            }
            Err(error) => {
                tracing::debug!(%error, "no more watches: scanning instead");
                self.complete.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Whether all folders are watched. If not, scan from time to time.
    pub fn complete(&self) -> bool {
        self.complete.load(Ordering::Relaxed)
    }

    /// Waits until something happened, and takes all that is there.
    pub async fn wait(&self) -> Changed {
        let mut buffer = [const { MaybeUninit::uninit() }; 4096];
        loop {
            let Ok(mut ready) = self.inotify.readable().await else {
                return std::future::pending().await;
            };
            let mut any = false;
            let mut paths = HashSet::new();
            let mut more = false;
            let mut events = inotify::Reader::new(self.inotify.get_ref(), &mut buffer);
            loop {
                match events.next() {
                    Ok(event) => {
                        any = true;
                        if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
                            more = true;
                        } else if let Some(path) = self.path_of(&event) {
                            match paths.len() < MAX_NAMES {
                                true => drop(paths.insert(path)),
                                false => more |= !paths.contains(&path),
                            }
                        }
                    }
                    Err(Errno::INTR) => {}
                    Err(_) => break,
                }
            }
            ready.clear_ready();
            if any {
                return Changed {
                    paths: paths.into_iter().collect(),
                    more,
                };
            }
        }
    }

    /// What an event is about; nothing where that is not a file or folder of the workspace.
    fn path_of(&self, event: &inotify::Event<'_>) -> Option<String> {
        let mut folders = self.folders.lock();
        if event.events().contains(ReadFlags::IGNORED) {
            folders.remove(event.wd());
            return None;
        }
        let name = event.file_name()?.to_bytes();
        if name.starts_with(TEMPORARY_PREFIX) {
            return None;
        }
        let path = format!("{}/{}", folders.names.get(&event.wd())?, encode_path(name));
        (path != RUNNING).then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::ignored::Ignored;
    use crate::scan::{Room, Rules};

    fn everything(dir: &std::path::Path, changes: &Changes) {
        let rules = Rules {
            skip: &|_| false,
            ignored: &Ignored::default(),
            room: Room::of(100),
            is_known: &|_| false,
            changes: Some(changes),
        };
        rules.scan(dir).unwrap();
    }

    /// What is said until `path` is among it.
    async fn until(changes: &Changes, path: &str) -> HashSet<String> {
        let mut all = HashSet::new();
        let waiting = async {
            while !all.contains(path) {
                all.extend(changes.wait().await.paths);
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(60), waiting)
            .await
            .unwrap_or_else(|_| panic!("{path} did not change"));
        all
    }

    #[tokio::test]
    async fn what_changes_is_named_as_in_a_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let at = |path: &str| dir.path().join(path);
        fs::create_dir_all(at("workspace/src")).unwrap();
        fs::create_dir_all(at("home")).unwrap();
        let changes = Changes::start().unwrap();
        let look = || everything(dir.path(), &changes);
        look();
        fs::write(at("workspace/src/.~alcove-1"), "x").unwrap();
        fs::rename(at("workspace/src/.~alcove-1"), at("workspace/src/ü.txt")).unwrap();
        fs::write(at("home/last"), "").unwrap();
        let all = until(&changes, "home/last").await;
        let wanted = ["workspace/src/%C3%BC.txt", "home/last"].map(str::to_owned);
        assert_eq!(all, wanted.into());
        // After a move the next scan knows the new name.
        fs::rename(at("workspace/src"), at("workspace/lib")).unwrap();
        look();
        fs::write(at("workspace/lib/a"), "").unwrap();
        let all = until(&changes, "workspace/lib/a").await;
        assert!(all.contains("workspace/src"), "{all:?}");
    }

    #[tokio::test]
    async fn names_are_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let workspace = dir.path().join("workspace");
        fs::create_dir_all(&workspace).unwrap();
        let changes = Changes::start().unwrap();
        everything(dir.path(), &changes);
        for i in 0..=MAX_NAMES {
            fs::create_dir(workspace.join(i.to_string())).unwrap();
        }
        let changed = changes.wait().await;
        assert_eq!((changed.paths.len(), changed.more), (MAX_NAMES, true));
    }
}
