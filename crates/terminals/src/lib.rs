//! Terminals: real PTYs whose output is numbered and kept in a ring, with a screen to show to those
//! who come later.

mod attachment;
pub mod marks;
mod pty;
mod ring;
mod screen;
mod skim;
mod wrap;

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};
use std::time::Duration;

use alcove_protocol::session::{TerminalInfo, TerminalKind};
use rustix::process::Pid;
use tokio::sync::{Notify, OwnedSemaphorePermit};

pub use attachment::{Attachment, WINDOW_BYTES};
use pty::Pty;
use ring::Ring;
pub use screen::{Screens, Snapshot};

/// Output kept of each terminal, in bytes.
const RING_BYTES: usize = 2 * 1024 * 1024;
/// Largest piece of output that is read, and sent, at once.
pub const CHUNK_BYTES: usize = 64 * 1024;
/// Output that gathers before the emulator is given it, in bytes: less than the ring holds, and enough
/// that most lines of a flood have scrolled away within one batch.
const SCREEN_BATCH_BYTES: usize = 512 * 1024;
/// A client that acknowledges nothing for this long no longer holds the program back.
const STALL: Duration = Duration::from_secs(10);
/// Clients whose input is counted, for each terminal.
const MAX_INPUT_CLIENTS: usize = 64;
/// Terminals of one repl.
pub const MAX_TERMINALS: usize = 32;
/// Largest width and height, in cells.
pub const MAX_CELLS: u16 = 1000;

pub struct Terminal {
    pub id: u32,
    pub kind: TerminalKind,
    name: RefCell<String>,
    screens: Rc<Screens>,
    ring: RefCell<Ring>,
    /// Number of the first output byte that the emulator has not been given.
    given: Cell<u64>,
    size: Cell<(u16, u16)>,
    pty: RefCell<Option<Rc<Pty>>>,
    /// First process of the program that runs.
    pub leader: Cell<Option<Pid>>,
    pub exit_code: Cell<Option<i32>>,
    attachments: RefCell<Vec<Weak<Attachment>>>,
    /// Signalled when a client acknowledged output, came or went.
    room: Notify,
    /// Bytes received from each client, the one that typed last at the end.
    inputs: RefCell<Vec<(String, u64)>>,
    /// Signalled when all output of an ended program has been read.
    drained: Notify,
    /// Signalled when a person closes it.
    closing: Notify,
}

/// What became of input.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// All bytes up to this number have been received.
    Received(u64),
    /// It begins after bytes that were never received.
    Gap,
    /// The program does not read, and too much waits for it: received, but dropped.
    Dropped(u64),
}

impl Terminal {
    pub fn new(
        id: u32,
        kind: TerminalKind,
        name: String,
        screens: Rc<Screens>,
        cols: u16,
        rows: u16,
    ) -> Rc<Self> {
        let (cols, rows) = clamp(cols, rows);
        screens.resize(id, cols, rows);
        Rc::new(Self {
            id,
            kind,
            name: RefCell::new(name),
            screens,
            ring: RefCell::new(Ring::new(RING_BYTES)),
            given: Cell::new(0),
            size: Cell::new((cols, rows)),
            pty: RefCell::default(),
            leader: Cell::new(None),
            exit_code: Cell::new(None),
            attachments: RefCell::default(),
            room: Notify::new(),
            inputs: RefCell::default(),
            drained: Notify::new(),
            closing: Notify::new(),
        })
    }

    pub fn info(&self) -> TerminalInfo {
        let (cols, rows) = self.size.get();
        TerminalInfo {
            terminal: self.id,
            kind: self.kind,
            name: self.name.borrow().clone(),
            cols,
            rows,
            exit_code: self.exit_code.get(),
        }
    }

    pub fn is_called(&self, name: &str) -> bool {
        *self.name.borrow() == name
    }

    pub fn rename(&self, name: &str) {
        name.clone_into(&mut self.name.borrow_mut());
    }

    /// Opens a PTY for the next program; its output flows from now on. Returns the program's side.
    pub fn open(self: &Rc<Self>) -> io::Result<OwnedFd> {
        let (cols, rows) = self.size.get();
        let (pty, slave) = Pty::open(cols, rows)?;
        let pty = Rc::new(pty);
        *self.pty.borrow_mut() = Some(pty.clone());
        self.exit_code.set(None);
        let terminal = self.clone();
        tokio::task::spawn_local(async move {
            tokio::select! {
                () = terminal.pump(&pty) => {}
                () = pty.drain_input() => {}
                // What still has it open gets a hang-up, as from any terminal that is closed.
                () = terminal.closing.notified() => {}
            }
            terminal.closed(&pty);
        });
        Ok(slave)
    }

    async fn pump(&self, pty: &Pty) {
        let mut buffer = vec![0; CHUNK_BYTES];
        loop {
            self.wait_for_room().await;
            let Some(n) = pty.read(&mut buffer).await else {
                return;
            };
            self.ring.borrow_mut().push(&buffer[..n]);
            self.wake_all();
            // Other tasks get their turn between chunks of a flood.
            tokio::task::yield_now().await;
            if self.not_given() >= SCREEN_BATCH_BYTES {
                let room = self.screens.room().await;
                self.feed_screen(room);
            }
        }
    }

    fn closed(&self, pty: &Rc<Pty>) {
        let mut current = self.pty.borrow_mut();
        if current.as_ref().is_some_and(|p| Rc::ptr_eq(p, pty)) {
            *current = None;
        }
        self.drained.notify_one();
    }

    /// Waits until the output of an ended program has been read; briefly, for a process that it
    /// left behind may hold the terminal open for ever.
    pub async fn drain(&self) {
        let closed = async {
            while self.pty.borrow().is_some() {
                self.drained.notified().await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(200), closed).await;
    }

    /// Adds output: of the program, or words of the runner's own.
    pub fn output(&self, bytes: &[u8]) {
        self.ring.borrow_mut().push(bytes);
        self.wake_all();
    }

    /// Bytes of output that the emulator has not been given.
    fn not_given(&self) -> usize {
        (self.end() - self.given.get()) as usize
    }

    /// Gives the emulator the output that it has not had. Nobody asks for the screen until somebody
    /// attaches, and waking the emulators' thread for each key would cost a part of the key's echo.
    fn feed_screen(&self, room: Option<OwnedSemaphorePermit>) {
        let count = self.not_given();
        if count == 0 {
            return;
        }
        let mut bytes = Vec::with_capacity(count);
        // All of it is there: a batch and a chunk are less than the ring holds.
        self.read(self.given.get(), count, &mut bytes);
        self.given.set(self.end());
        self.screens.feed(self.id, bytes, room);
    }

    fn wake_all(&self) {
        for attachment in self.attached() {
            attachment.wake();
        }
    }

    /// The program goes on while one client at least keeps up, or none is there. So the fastest
    /// client sets the pace; who falls behind gets the screen, and one that is stalled is not waited for.
    async fn wait_for_room(&self) {
        loop {
            let end = self.ring.borrow().end();
            let attached = self.attached();
            let mut waited_for = attached.iter().filter(|a| !a.stalled()).peekable();
            if waited_for.peek().is_none() || waited_for.any(|a| a.has_room(end)) {
                return;
            }
            drop(attached);
            if tokio::time::timeout(STALL, self.room.notified())
                .await
                .is_err()
            {
                self.attached().iter().for_each(|a| a.set_stalled());
            }
        }
    }

    pub fn attach(&self, attachment: &Rc<Attachment>) {
        let mut attachments = self.attachments.borrow_mut();
        attachments.retain(|a| a.strong_count() > 0);
        attachments.push(Rc::downgrade(attachment));
        self.room.notify_one();
    }

    fn attached(&self) -> Vec<Rc<Attachment>> {
        self.attachments
            .borrow()
            .iter()
            .filter_map(Weak::upgrade)
            .collect()
    }

    /// A client acknowledged output, or left.
    pub fn room_changed(&self) {
        self.room.notify_one();
    }

    /// Number of the next output byte.
    pub fn end(&self) -> u64 {
        self.ring.borrow().end()
    }

    /// As [`Ring::read`].
    pub fn read(&self, from: u64, most: usize, out: &mut Vec<u8>) -> Option<usize> {
        self.ring.borrow().read(from, most, out)
    }

    pub async fn snapshot(&self) -> Option<Snapshot> {
        self.feed_screen(None);
        self.screens.snapshot(self.id).await
    }

    /// Takes input of `client` that begins with its byte number `offset`.
    pub fn input(&self, client: &str, offset: u64, bytes: &[u8]) -> Input {
        let mut inputs = self.inputs.borrow_mut();
        match inputs.iter().position(|(known, _)| known == client) {
            Some(last) if last + 1 == inputs.len() => {}
            Some(at) => inputs[at..].rotate_left(1),
            None => {
                // Whoever has been silent for longest is a page that was left.
                if inputs.len() >= MAX_INPUT_CLIENTS {
                    inputs.remove(0);
                }
                inputs.push((client.to_owned(), 0));
            }
        }
        let Some((_, received)) = inputs.last_mut() else {
            return Input::Gap;
        };
        if offset > *received {
            return Input::Gap;
        }
        let end = offset + bytes.len() as u64;
        if end <= *received {
            return Input::Received(*received);
        }
        let new = &bytes[(*received - offset) as usize..];
        *received = end;
        match self.pty.borrow().as_ref() {
            // Input for a program that has ended goes nowhere, as in any terminal.
            None => Input::Received(end),
            Some(pty) if pty.write(new) => Input::Received(end),
            Some(_) => Input::Dropped(end),
        }
    }

    /// How much input of `client` has been received.
    pub fn received(&self, client: &str) -> u64 {
        let inputs = self.inputs.borrow();
        inputs
            .iter()
            .find(|(known, _)| known == client)
            .map_or(0, |(_, received)| *received)
    }

    /// Gives the terminal a size; `true` when it is another one.
    pub fn resize(&self, cols: u16, rows: u16) -> bool {
        let size = clamp(cols, rows);
        if self.size.get() == size {
            return false;
        }
        self.size.set(size);
        self.feed_screen(None);
        self.screens.resize(self.id, size.0, size.1);
        if let Some(pty) = self.pty.borrow().as_ref()
            && let Err(error) = pty.resize(size.0, size.1)
        {
            tracing::debug!(terminal = self.id, %error, "resize");
        }
        true
    }

    pub fn size(&self) -> (u16, u16) {
        self.size.get()
    }

    pub fn close(&self) {
        self.closing.notify_one();
        *self.pty.borrow_mut() = None;
        self.screens.remove(self.id);
    }
}

fn clamp(cols: u16, rows: u16) -> (u16, u16) {
    (cols.clamp(2, MAX_CELLS), rows.clamp(1, MAX_CELLS))
}
