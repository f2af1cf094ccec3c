//! Hands descriptors to a child: none of them is open in any other child that starts meanwhile.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Mutex;

use rustix::io::FdFlags;
use rustix::process::Resource;

/// Where the runner looks for its listening socket (sd_listen_fds(3)).
pub const LISTEN_FD: RawFd = 3;

/// Numbers below are left to whatever the child opens at its start.
const LOWEST: RawFd = 64;

/// Keeps from all children what this process was started with, but for its standard streams: a folder
/// that its starter left open would lead out of every sandbox.
pub fn keep_to_ourselves() -> io::Result<()> {
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|n| n.parse().ok());
        let Some(fd) = number.filter(|fd: &RawFd| *fd > 2) else {
            continue;
        };
        // SAFETY: it is borrowed for one call, which fails when it has been closed meanwhile (as the
        // listing's own has).
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        match rustix::io::fcntl_setfd(fd, FdFlags::CLOEXEC) {
            Ok(()) | Err(rustix::io::Errno::BADF) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Copies `fd` to a high number, closed on exec. [`keep_open`] opens it for one child.
pub fn lift(fd: impl AsFd) -> io::Result<OwnedFd> {
    Ok(rustix::io::fcntl_dupfd_cloexec(fd, LOWEST)?)
}

/// Has `command`'s child find `listener` as descriptor 3, and `kept` under the numbers they have
/// now.
pub fn keep_open(command: &mut Command, listener: OwnedFd, kept: Vec<OwnedFd>) -> io::Result<()> {
    occupy_listen_fd()?;
    // SAFETY: between fork and exec only async-signal-safe system calls are made, on values
    // prepared before; descriptor 3 is no one's in this child, see `occupy_listen_fd`.
    unsafe {
        command.pre_exec(move || {
            if libc::dup2(listener.as_raw_fd(), LISTEN_FD) < 0 {
                return Err(io::Error::last_os_error());
            }
            for fd in &kept {
                rustix::io::fcntl_setfd(fd, FdFlags::empty())?;
            }
            Ok(())
        });
    }
    Ok(())
}

/// Makes sure that descriptor 3 is in use in this process: else `Command` might put the pipe there
/// by which the child reports a failed exec, and the child would overwrite it.
fn occupy_listen_fd() -> io::Result<()> {
    static HELD: Mutex<Option<OwnedFd>> = Mutex::new(None);
    let mut held = HELD.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if held.is_none() {
        let lowest = rustix::io::fcntl_dupfd_cloexec(File::open("/dev/null")?, LISTEN_FD)?;
        if lowest.as_raw_fd() == LISTEN_FD {
            *held = Some(lowest);
        }
    }
    Ok(())
}

/// Writes into a control group's `cgroup.procs` from a forked child: "0" stands for the writer.
pub fn join_group(procs: BorrowedFd<'_>) -> io::Result<()> {
    rustix::io::write(procs, b"0")?;
    Ok(())
}

/// Has `command`'s child leave our session (Ctrl-C in our terminal is not for it), and keep `kept`
/// open.
pub fn detach(command: &mut Command, kept: Vec<OwnedFd>) {
    // SAFETY: between fork and exec only async-signal-safe system calls are made, on values
    // prepared before.
    unsafe {
        command.pre_exec(move || {
            rustix::process::setsid()?;
            for fd in &kept {
                rustix::io::fcntl_setfd(fd, FdFlags::empty())?;
            }
            Ok(())
        });
    }
}

/// Has `command`'s child open as many files as this process may.
pub fn raise_open_files(command: &mut Command) {
    // SAFETY: between fork and exec two async-signal-safe system calls are made.
    unsafe {
        command.pre_exec(|| {
            let mut limit = rustix::process::getrlimit(Resource::Nofile);
            limit.current = limit.maximum;
            Ok(rustix::process::setrlimit(Resource::Nofile, limit)?)
        });
    }
}

/// Has `command`'s child run in another network namespace; of the rest it stays where it is.
pub fn join_network(command: &mut Command, namespace: OwnedFd) {
    // SAFETY: between fork and exec one async-signal-safe system call is made, on a descriptor
    // opened before.
    unsafe {
        command.pre_exec(move || {
            let kind = Some(rustix::thread::LinkNameSpaceType::Network);
            rustix::thread::move_into_link_name_space(namespace.as_fd(), kind)?;
            Ok(())
        });
    }
}
