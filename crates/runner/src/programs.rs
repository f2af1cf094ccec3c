//! Starts the user's programs, reaps every process that ends, and ends them all when asked.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// Descriptors of the control group's `cgroup.procs` that programs join, from
/// `ALCOVE_CGROUP_FDS` (comma-separated numbers; one for each hierarchy).
#[derive(Default)]
pub struct Programs {
    cgroup_fds: Vec<RawFd>,
    waiting: RefCell<HashMap<i32, oneshot::Sender<i32>>>,
}

/// Where a program's standard streams lead.
pub enum Streams {
    /// A terminal: becomes the controlling terminal of a session of its own.
    Terminal(OwnedFd),
    /// One pipe for output and errors; no input.
    Pipe(OwnedFd),
}

impl Programs {
    /// Takes the control group's descriptors out of the environment, and begins to reap.
    pub fn start() -> io::Result<Rc<Self>> {
        let cgroup_fds: Vec<RawFd> = std::env::var("ALCOVE_CGROUP_FDS")
            .unwrap_or_default()
            .split(',')
            .filter_map(|n| n.parse::<RawFd>().ok())
            .filter(|fd| *fd > 2)
            .collect();
        for fd in &cgroup_fds {
            close_on_exec(*fd);
        }
        let programs = Rc::new(Self {
            cgroup_fds,
            waiting: RefCell::default(),
        });
        // Not pid 1: processes whose parent ended come to us all the same (prctl(2)).
        if std::process::id() != 1 {
            rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        }
        let mut children = signal(SignalKind::child())?;
        let reaper = programs.clone();
        tokio::task::spawn_local(async move {
            loop {
                reaper.reap();
                if children.recv().await.is_none() {
                    return;
                }
            }
        });
        Ok(programs)
    }

    /// Runs `program` with `args`; the receiver yields its exit code, 128 + signal where a signal
    /// ended it.
    pub fn spawn(
        &self,
        program: &str,
        args: &[&str],
        env: &[(&str, &str)],
        folder: &std::path::Path,
        streams: Streams,
    ) -> io::Result<(Pid, oneshot::Receiver<i32>)> {
        let mut command = Command::new(program);
        command.args(args).current_dir(folder);
        command
            .env_remove("ALCOVE_CGROUP_FDS")
            .env_remove("ALCOVE_REGISTRIES_WAY")
            .env_remove("LISTEN_FDS")
            .env_remove("LISTEN_PID");
        command.envs(env.iter().copied());
        let terminal = match streams {
            Streams::Terminal(fd) => {
                // What xterm.js is, and what nearly every machine has a description of, terminfo(5).
                command
                    .env("TERM", "xterm-256color")
                    .env("COLORTERM", "truecolor");
                command
                    .stdin(fd.try_clone()?)
                    .stdout(fd.try_clone()?)
                    .stderr(fd);
                true
            }
            Streams::Pipe(fd) => {
                command
                    .stdin(Stdio::null())
                    .stdout(fd.try_clone()?)
                    .stderr(fd);
                false
            }
        };
        let cgroup_fds = self.cgroup_fds.clone();
        // SAFETY: between fork and exec only async-signal-safe system calls are made, on values
        // prepared before.
        unsafe {
            command.pre_exec(move || {
                for fd in &cgroup_fds {
                    let fd = std::os::fd::BorrowedFd::borrow_raw(*fd);
                    rustix::io::write(fd, b"0")?;
                }
                rustix::process::setsid()?;
                if terminal {
                    rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                }
                Ok(())
            });
        }
        let child = command.spawn()?;
        let (sender, receiver) = oneshot::channel();
        let pid = child.id() as i32;
        // One thread: the reaper can't have seen this child before it is entered here.
        self.waiting.borrow_mut().insert(pid, sender);
        let pid = Pid::from_raw(pid).expect("a child's pid is never 0");
        Ok((pid, receiver))
    }

    fn reap(&self) {
        while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
            let code = status
                .exit_status()
                .or_else(|| status.terminating_signal().map(|s| 128 + s));
            let Some(code) = code else { continue };
            if let Some(sender) = self
                .waiting
                .borrow_mut()
                .remove(&pid.as_raw_nonzero().get())
            {
                // Whoever asked may no longer care.
                let _ = sender.send(code);
            }
        }
    }

    /// Ends every program: HUP, after `patience` TERM, after `patience` KILL.
    pub async fn end_all(&self, patience: Duration) {
        for signal in [Signal::HUP, Signal::TERM, Signal::KILL] {
            // A stopped program takes no signal but KILL until it goes on.
            let mut any = false;
            for pid in others() {
                any = true;
                let _ = rustix::process::kill_process(pid, signal);
                let _ = rustix::process::kill_process(pid, Signal::CONT);
            }
            if !any || wait_until_gone(patience, others).await {
                return;
            }
        }
    }

    /// Ends all processes of the session that `leader` began: TERM, after `patience` KILL.
    pub async fn end_session(&self, leader: Pid, first: Signal, patience: Duration) {
        let members = || {
            processes()
                .filter(|p| p.session == leader.as_raw_nonzero().get())
                .map(|p| p.pid)
                .collect::<Vec<_>>()
        };
        for signal in [first, Signal::KILL] {
            for pid in members() {
                let _ = rustix::process::kill_process(pid, signal);
                let _ = rustix::process::kill_process(pid, Signal::CONT);
            }
            if wait_until_gone(patience, members).await {
                return;
            }
        }
    }
}

/// Waits until `list` is empty, `patience` at most. There is no event for "none of these is left",
/// so it looks at growing intervals.
async fn wait_until_gone(patience: Duration, list: impl Fn() -> Vec<Pid>) -> bool {
    let deadline = tokio::time::Instant::now() + patience;
    let mut pause = Duration::from_millis(1);
    loop {
        if list().is_empty() {
            return true;
        }
        if tokio::time::Instant::now() >= deadline {
            return false;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

/// What `/proc/<pid>/stat` says of a living process, proc(5).
struct Process {
    pid: Pid,
    parent: i32,
    session: i32,
}

fn processes() -> impl Iterator<Item = Process> {
    fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name is in brackets and may hold anything, brackets too.
            let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
            if fields.next()? == "Z" {
                return None;
            }
            let parent = fields.next()?.parse().ok()?;
            let session = fields.nth(1)?.parse().ok()?;
            Some(Process {
                pid: Pid::from_raw(pid)?,
                parent,
                session,
            })
        })
}

/// All living processes below this one.
fn others() -> Vec<Pid> {
    let me = std::process::id() as i32;
    let all: Vec<Process> = processes().collect();
    if me == 1 {
        return all
            .into_iter()
            .map(|p| p.pid)
            .filter(|p| p.as_raw_nonzero().get() != 1)
            .collect();
    }
    let mut found = vec![me];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(
            all.iter()
                .filter(|p| p.parent == parent)
                .map(|p| p.pid.as_raw_nonzero().get()),
        );
        next += 1;
    }
    found[1..]
        .iter()
        .filter_map(|pid| Pid::from_raw(*pid))
        .collect()
}

/// Marks an inherited descriptor close-on-exec.
pub fn close_on_exec(fd: RawFd) {
    // SAFETY: the number came from our parent for this purpose; a wrong one makes fcntl fail only.
    let fd = unsafe { std::os::fd::BorrowedFd::borrow_raw(fd) };
    if let Err(error) = rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC) {
        tracing::warn!(fd = fd.as_raw_fd(), %error, "an inherited descriptor is not open");
    }
}
