//! Hints that something below a folder changed, so that an idle workspace costs nothing. A hint is
//! never trusted to be complete: scans happen without one too, now and then.
//!
//! One instance of inotify(7) serves all workspaces of a process, since a user may have few of them
//! (`fs.inotify.max_user_instances`).

use std::collections::{HashMap, HashSet};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::manifest::encode_path;
use crate::rules::RUNNING;
use crate::scan::TEMPORARY_PREFIX;

/// Watches of one workspace; beyond, changes are found by scans alone.
const MAX_WATCHES: usize = 16 * 1024;
/// What their names may have together, in bytes; beyond, there are no more watches either.
const MAX_NAME_BYTES: usize = 4 * 1024 * 1024;
/// Names that are kept of what changed at once.
const MAX_NAMES: usize = 1000;
/// The kernel merges what a program does to one file again and again, for as long as nobody reads of it.
const PAUSE: Duration = Duration::from_millis(10);
/// A workspace whose programs change files faster than they are read costs all others a scan: once in so long.
const RESCAN: Duration = Duration::from_secs(30);
/// Events that are read without a pause.
const MAX_EVENTS: usize = 16 * 1024;
/// Bytes that are read at once.
const BUFFER_BYTES: usize = 16 * 1024;

/// Hears of changes in all watched folders, and tells the workspace whose they are.
pub struct Watcher {
    watches: Arc<Watches>,
    reader: JoinHandle<()>,
}

struct Watches {
    inotify: AsyncFd<OwnedFd>,
    /// Whose folder a watch is of.
    owners: Mutex<HashMap<i32, Arc<Workspace>>>,
    workspaces: Mutex<Vec<Weak<Workspace>>>,
}

/// What is heard of one workspace.
struct Workspace {
    complete: AtomicBool,
    /// Where each watched folder was when it was scanned last, as in a manifest.
    folders: Mutex<Folders>,
    heard: Mutex<Heard>,
    news: Notify,
}

/// The watched folders of one workspace.
pub struct Changes {
    watcher: Arc<Watcher>,
    workspace: Arc<Workspace>,
}

/// What happened at once.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// As in a manifest. A folder that was moved is known by its old name until it is scanned again.
    pub paths: Vec<String>,
    /// There is more than these, which is not known by name.
    pub more: bool,
}

/// What nobody has asked for yet.
#[derive(Default)]
struct Heard {
    any: bool,
    paths: HashSet<String>,
    more: bool,
}

/// Folders by their watches.
#[derive(Default)]
struct Folders {
    names: HashMap<i32, String>,
    /// Of all names.
    bytes: usize,
}

impl Folders {
    /// Whether there was room for it. One that was moved has another name than before.
    fn add(&mut self, watch: i32, name: String) -> bool {
        self.remove(watch);
        if self.names.len() == MAX_WATCHES || self.bytes + name.len() > MAX_NAME_BYTES {
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

impl Watcher {
    /// Makes the instance. `Err`: there are too many of this user's.
    pub fn start() -> std::io::Result<Arc<Self>> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        // SAFETY: an `OwnedFd` answers the same open descriptor for as long as it lives.
        let inotify = unsafe { AsyncFd::register(fd).map_err(std::io::Error::from)? };
        let watches = Arc::new(Watches {
            inotify,
            owners: Mutex::default(),
            workspaces: Mutex::default(),
        });
        let reader = tokio::spawn(read(watches.clone()));
        Ok(Arc::new(Self { watches, reader }))
    }

    /// For one workspace, of which nothing is watched yet.
    pub fn changes(self: &Arc<Self>) -> Changes {
        let workspace = Arc::new(Workspace {
            complete: AtomicBool::new(true),
            folders: Mutex::default(),
            heard: Mutex::default(),
            news: Notify::new(),
        });
        let mut workspaces = self.watches.workspaces.lock();
        workspaces.retain(|other| other.strong_count() > 0);
        workspaces.push(Arc::downgrade(&workspace));
        Changes {
            watcher: self.clone(),
            workspace,
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Events that the kernel had no room for.
#[derive(Default)]
struct Losses {
    is_any: bool,
    told: Option<Instant>,
}

impl Losses {
    /// When the workspaces are to be told.
    fn due(&self, now: Instant) -> Option<Instant> {
        let due = self.told.map_or(now, |told| now.max(told + RESCAN));
        self.is_any.then_some(due)
    }

    fn told(&mut self, now: Instant) {
        (self.is_any, self.told) = (false, Some(now));
    }
}

async fn read(watches: Arc<Watches>) {
    let mut buffer = [const { MaybeUninit::uninit() }; BUFFER_BYTES];
    let mut losses = Losses::default();
    loop {
        let now = Instant::now();
        let due = losses.due(now);
        if due == Some(now) {
            losses.told(now);
            watches.tell_of_losses();
        }
        tokio::select! {
            // Fails when the runtime ends.
            ready = watches.inotify.readable() => {
                let Ok(mut ready) = ready else { return };
                if watches.read(&mut buffer, &mut losses) {
                    ready.clear_ready();
                }
                tokio::time::sleep(PAUSE).await;
            }
            () = tokio::time::sleep_until(due.unwrap_or(now).into()), if due > Some(now) => {}
        }
    }
}

impl Watches {
    /// Tells the workspaces of what has happened; whether that was all.
    fn read(&self, buffer: &mut [MaybeUninit<u8>], losses: &mut Losses) -> bool {
        let mut events = inotify::Reader::new(self.inotify.get_ref(), buffer);
        let mut read = 0;
        while read < MAX_EVENTS || !events.is_buffer_empty() {
            match events.next() {
                Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => {
                    losses.is_any = true;
                }
                Ok(event) => self.tell(&event),
                Err(Errno::INTR) => {}
                Err(_) => return true,
            }
            read += 1;
        }
        false
    }

    /// Nobody knows whose the lost ones are.
    fn tell_of_losses(&self) {
        let workspaces = self.workspaces.lock();
        for workspace in workspaces.iter().filter_map(Weak::upgrade) {
            workspace.hear(None, true);
        }
    }

    fn tell(&self, event: &inotify::Event<'_>) {
        let owner = {
            let mut owners = self.owners.lock();
            match event.events().contains(ReadFlags::IGNORED) {
                true => owners.remove(&event.wd()),
                false => owners.get(&event.wd()).cloned(),
            }
        };
        if let Some(workspace) = owner {
            workspace.hear(workspace.path_of(event), false);
        }
    }
}

impl Workspace {
    fn hear(&self, path: Option<String>, more: bool) {
        {
            let mut heard = self.heard.lock();
            heard.any = true;
            heard.more |= more;
            if let Some(path) = path {
                match heard.paths.len() < MAX_NAMES {
                    true => drop(heard.paths.insert(path)),
                    false => heard.more |= !heard.paths.contains(&path),
                }
            }
        }
        self.news.notify_one();
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

impl Changes {
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
        let watches = &self.watcher.watches;
        // Held meanwhile: its owner is known before its end is heard of.
        let mut owners = watches.owners.lock();
        match inotify::add_watch(watches.inotify.get_ref(), path, flags) {
            Ok(number) if self.workspace.folders.lock().add(number, name) => {
                owners.insert(number, self.workspace.clone());
            }
            Ok(number) => {
                self.workspace.complete.store(false, Ordering::Relaxed);
                owners.remove(&number);
                // The kernel gave it a moment ago.
                let _ = inotify::remove_watch(watches.inotify.get_ref(), number);
            }
            Err(error) => {
                tracing::debug!(%error, "no more watches: scanning instead");
                self.workspace.complete.store(false, Ordering::Relaxed);
            }
        }
    }

    /// Whether all folders are watched. If not, scan from time to time.
    pub fn complete(&self) -> bool {
        self.workspace.complete.load(Ordering::Relaxed)
    }

    /// Waits until something happened, and takes all that is there.
    pub async fn wait(&self) -> Changed {
        loop {
            let heard = std::mem::take(&mut *self.workspace.heard.lock());
            if heard.any {
                return Changed {
                    paths: heard.paths.into_iter().collect(),
                    more: heard.more,
                };
            }
            self.workspace.news.notified().await;
        }
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        let folders = std::mem::take(&mut *self.workspace.folders.lock());
        let watches = &self.watcher.watches;
        for number in folders.names.into_keys() {
            // Not for all at once: others add theirs, and hear of their own, in between.
            let mut owners = watches.owners.lock();
            let owner = owners.get(&number);
            if owner.is_some_and(|owner| Arc::ptr_eq(owner, &self.workspace)) {
                owners.remove(&number);
                // It may have gone with its folder a moment ago.
                let _ = inotify::remove_watch(watches.inotify.get_ref(), number);
            }
        }
    }
}

#[cfg(test)]
mod tests;
