//! One client's view of one terminal: what it was sent, what it has drawn.

use std::cell::Cell;
use std::rc::Rc;

use alcove_protocol::binary::{begin_frame, frame, terminal as kind};
use tokio::sync::Notify;

use crate::{CHUNK_BYTES, Terminal};

/// Output that may be under way to a client without its acknowledgement, in bytes.
pub const WINDOW_BYTES: u64 = 512 * 1024;

pub struct Attachment {
    pub channel: u32,
    pub terminal: Rc<Terminal>,
    /// The client's own size, which holds once it acts.
    pub size: Cell<(u16, u16)>,
    sent: Cell<u64>,
    acknowledged: Cell<u64>,
    needs_screen: Cell<bool>,
    stalled: Cell<bool>,
    wake: Rc<Notify>,
}

impl Attachment {
    /// From output byte `from` on, when it is still there; else, and for a new client, with the
    /// screen first. `wake` is signalled when there is something to send.
    pub fn new(
        channel: u32,
        terminal: Rc<Terminal>,
        from: Option<u64>,
        size: (u16, u16),
        wake: Rc<Notify>,
    ) -> Rc<Self> {
        let from = from.filter(|n| terminal.read(*n, 0, &mut Vec::new()).is_some());
        let attachment = Rc::new(Self {
            channel,
            size: Cell::new(size),
            sent: Cell::new(from.unwrap_or(0)),
            acknowledged: Cell::new(from.unwrap_or(0)),
            needs_screen: Cell::new(from.is_none()),
            stalled: Cell::new(false),
            terminal,
            wake,
        });
        attachment.terminal.attach(&attachment);
        attachment.wake();
        attachment
    }

    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// The next frame for this client, if there is one.
    pub async fn next_frame(&self) -> Option<Vec<u8>> {
        if !self.needs_screen.get() {
            let from = self.sent.get();
            let there = self.terminal.end() - from;
            if there == 0 || from - self.acknowledged.get() >= WINDOW_BYTES {
                return None;
            }
            let most = CHUNK_BYTES.min(there as usize);
            let mut out = begin_frame(self.channel, kind::OUTPUT, Some(from), most);
            if let Some(n) = self.terminal.read(from, most, &mut out) {
                self.sent.set(from + n as u64);
                return Some(out);
            }
            self.needs_screen.set(true);
        }
        let snapshot = self.terminal.snapshot().await?;
        self.needs_screen.set(false);
        self.sent.set(snapshot.offset);
        self.acknowledged.set(snapshot.offset);
        Some(frame(
            self.channel,
            kind::SCREEN,
            Some(snapshot.offset),
            &snapshot.bytes,
        ))
    }

    pub fn acknowledge(&self, offset: u64) {
        if offset > self.acknowledged.get() && offset <= self.sent.get() {
            self.acknowledged.set(offset);
            self.stalled.set(false);
            self.terminal.room_changed();
            self.wake();
        }
    }

    pub(crate) fn has_room(&self, end: u64) -> bool {
        self.needs_screen.get() || end - self.acknowledged.get().min(end) < WINDOW_BYTES
    }

    pub(crate) fn stalled(&self) -> bool {
        self.stalled.get()
    }

    pub(crate) fn set_stalled(&self) {
        self.stalled.set(true);
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.terminal.room_changed();
    }
}
