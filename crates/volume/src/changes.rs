//! Hints that something below a folder changed, so that an idle workspace costs nothing. A hint is
//! never trusted to be complete: scans happen without one too, now and then.

use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

/// Watches of one workspace; beyond, changes are found by scans alone.
const MAX_WATCHES: i32 = 16 * 1024;

/// The watched folders of one workspace. inotify(7).
pub struct Changes {
    inotify: AsyncFd<OwnedFd>,
    complete: AtomicBool,
}

impl Changes {
    pub fn start() -> std::io::Result<Self> {
        let fd = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        // SAFETY: an `OwnedFd` answers the same open descriptor for as long as it lives.
        let inotify = unsafe { AsyncFd::register(fd).map_err(std::io::Error::from)? };
        Ok(Self {
            inotify,
            complete: AtomicBool::new(true),
        })
    }

    /// Adds an open folder. Doing it again is harmless.
    pub(crate) fn watch(&self, folder: BorrowedFd<'_>) {
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
            Ok(number) if number <= MAX_WATCHES => {}
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
    pub async fn wait(&self) {
        let mut buffer = [const { MaybeUninit::uninit() }; 4096];
        loop {
            let Ok(mut ready) = self.inotify.readable().await else {
                return std::future::pending().await;
            };
            let mut any = false;
            let mut events = inotify::Reader::new(self.inotify.get_ref(), &mut buffer);
            loop {
                match events.next() {
                    Ok(_) => any = true,
                    Err(Errno::INTR) => {}
                    Err(_) => break,
                }
            }
            ready.clear_ready();
            if any {
                return;
            }
        }
    }
}
