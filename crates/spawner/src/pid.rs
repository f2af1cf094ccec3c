//! Names a process by number and start time, so that a number given out again is never mistaken
//! for it, and waits for its end.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;

use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use serde::{Deserialize, Serialize};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// A process that was alive when this was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ProcessRef {
    pub pid: u32,
    /// Field 22 of `/proc/<pid>/stat`: clock ticks from boot to its start.
    pub start: u64,
}

/// What `/proc/<pid>/stat` says, proc(5).
pub struct Stat {
    pub name: String,
    pub state: char,
    pub parent: u32,
    pub start: u64,
}

/// Reads the state of a process; `None` when there is none of that number.
pub fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text);
    // The name is in brackets and may hold anything, brackets too.
    let (open, close) = (text.find('(')?, text.rfind(')')?);
    let fields: Vec<&str> = text[close + 1..].split_ascii_whitespace().collect();
    Some(Stat {
        name: text[open + 1..close].to_owned(),
        state: fields.first()?.chars().next()?,
        parent: fields.get(1)?.parse().ok()?,
        start: fields.get(19)?.parse().ok()?,
    })
}

/// Numbers of all processes that this machine shows.
pub fn all() -> impl Iterator<Item = u32> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

impl ProcessRef {
    /// The living process of this number. One that ended and is not yet reaped doesn't live.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = stat(pid)?;
        (!matches!(stat.state, 'Z' | 'X')).then_some(Self {
            pid,
            start: stat.start,
        })
    }

    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// A descriptor that stays with this process, whatever becomes of the number.
    fn open(self) -> Option<OwnedFd> {
        let pid = Pid::from_raw(i32::try_from(self.pid).ok()?)?;
        let fd = rustix::process::pidfd_open(pid, PidfdFlags::NONBLOCK).ok()?;
        // The number may have changed hands before we opened it, not after.
        (stat(self.pid)?.start == self.start).then_some(fd)
    }

    /// Sends a signal; does nothing when the process is gone.
    pub fn signal(self, signal: Signal) {
        if let Some(fd) = self.open() {
            // It may end meanwhile: that is what was wanted.
            let _ = rustix::process::pidfd_send_signal(fd, signal);
        }
    }

    /// Resolves once the process has ended, and reaps it where it is our child.
    pub async fn ended(self) -> io::Result<()> {
        if let Some(fd) = self.open() {
            // A pidfd is readable when its process has ended, pidfd_open(2).
            // SAFETY: the AsyncFd owns the descriptor, so none but it can close it while registered.
            let fd = unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE)? };
            let _ready = fd.readable().await?;
        }
        self.reap();
        Ok(())
    }

    /// Takes the exit status off the kernel's hands. Another's child, or one that was reaped, is
    /// none of our business.
    fn reap(self) {
        if stat(self.pid).is_some_and(|s| s.start == self.start) {
            let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
            let _ = rustix::process::waitpid(pid, WaitOptions::NOHANG);
        }
    }
}
