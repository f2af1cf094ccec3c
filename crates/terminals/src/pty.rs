//! A pseudo-terminal's master side, non-blocking, on the event loop. pty(7).

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

/// Input that may wait for a program that does not read, in bytes.
pub const MAX_WAITING_INPUT: usize = 1024 * 1024;

pub struct Pty {
    master: AsyncFd<OwnedFd>,
    waiting: RefCell<VecDeque<u8>>,
    more: Notify,
}

impl Pty {
    /// A new terminal: the master, and the slave for the program.
    pub fn open(cols: u16, rows: u16) -> io::Result<(Self, OwnedFd)> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        let slave = rustix::fs::open(
            name.as_c_str(),
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        set_utf8(&slave)?;
        let flags = rustix::fs::fcntl_getfl(&master)?;
        rustix::fs::fcntl_setfl(&master, flags | OFlags::NONBLOCK)?;
        // SAFETY: an `OwnedFd` answers the same open descriptor for as long as it lives.
        let master = unsafe { AsyncFd::register(master)? };
        let pty = Self {
            master,
            waiting: RefCell::default(),
            more: Notify::new(),
        };
        pty.resize(cols, rows)?;
        Ok((pty, slave))
    }

    pub fn resize(&self, cols: u16, rows: u16) -> io::Result<()> {
        let size = Winsize {
            ws_row: rows,
            ws_col: cols,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        Ok(tcsetwinsize(self.master.get_ref(), size)?)
    }

    /// Waits for output and reads what is there, until `buffer` is full or nothing is left; `None`
    /// once no process has the terminal open any more.
    pub async fn read(&self, buffer: &mut [u8]) -> Option<usize> {
        let mut filled = 0;
        while filled == 0 {
            let mut ready = self.master.readable().await.ok()?;
            // The kernel hands out 4,095 bytes a read at most.
            while filled < buffer.len() {
                match rustix::io::read(self.master.get_ref(), &mut buffer[filled..]) {
                    Ok(n) if n > 0 => filled += n,
                    Err(Errno::AGAIN) => {
                        ready.clear_ready();
                        break;
                    }
                    Err(Errno::INTR) => {}
                    // What was read before the end is still output.
                    _ if filled > 0 => break,
                    _ => return None,
                }
            }
        }
        Some(filled)
    }

    /// Hands input to the program, in order; what it does not take yet waits. `false`: too much
    /// waits already, and these bytes were dropped.
    pub fn write(&self, bytes: &[u8]) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let mut rest = bytes;
        if waiting.is_empty() {
            while !rest.is_empty() {
                match rustix::io::write(self.master.get_ref(), rest) {
                    Ok(n) => rest = &rest[n..],
                    Err(Errno::INTR) => {}
                    Err(_) => break,
                }
            }
        } else if rest == [3] {
            // Ctrl-C must not queue behind input that the program does not read: the line
            // discipline would discard that input anyway (termios(3), ISIG without NOFLSH).
            waiting.clear();
        }
        if rest.is_empty() {
            return true;
        }
        if waiting.len() + rest.len() > MAX_WAITING_INPUT {
            return false;
        }
        waiting.extend(rest);
        self.more.notify_one();
        true
    }

    /// Brings waiting input to the program, until the terminal is closed.
    pub async fn drain_input(&self) {
        loop {
            if self.waiting.borrow().is_empty() {
                self.more.notified().await;
                continue;
            }
            let Ok(mut ready) = self.master.writable().await else {
                return;
            };
            let result = ready.try_io(|master| {
                let mut waiting = self.waiting.borrow_mut();
                let n = rustix::io::write(master.get_ref(), waiting.as_slices().0)?;
                waiting.drain(..n);
                Ok(())
            });
            if matches!(result, Ok(Err(_))) {
                return;
            }
        }
    }
}

/// Erasing takes whole characters (IUTF8, termios(3)).
fn set_utf8(slave: &OwnedFd) -> io::Result<()> {
    let mut settings = rustix::termios::tcgetattr(slave)?;
    settings.input_modes |= rustix::termios::InputModes::IUTF8;
    Ok(rustix::termios::tcsetattr(
        slave,
        rustix::termios::OptionalActions::Now,
        &settings,
    )?)
}
