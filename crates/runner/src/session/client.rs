//! One connected page: what is on its way to it, and the channels it has open.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use alcove_protocol::binary::{frame, terminal};
use alcove_protocol::session::{Person, Role, RunnerFrame, RunnerMessage};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;

use crate::documents::Document;
use alcove_terminals::Attachment;

/// What may wait for a page that does not read, in bytes (terminal output not counted: that waits in
/// the terminal). Beyond it the connection is closed; the page reconnects and catches up.
pub const MAX_WAITING_BYTES: usize = 32 * 1024 * 1024;

pub struct Client {
    pub id: u64,
    /// Chosen by the page; the same after a reconnect.
    pub token: RefCell<String>,
    pub name: String,
    pub role: Role,
    outbox: RefCell<VecDeque<Message>>,
    /// Input received, by channel, of which the page has not been told.
    input_acks: RefCell<BTreeMap<u32, u64>>,
    waiting_bytes: Cell<usize>,
    overflowed: Cell<bool>,
    /// Signalled when there is something to send.
    pub wake: Rc<Notify>,
    pub attachments: RefCell<BTreeMap<u32, Rc<Attachment>>>,
    pub documents: RefCell<BTreeMap<u32, Rc<Document>>>,
    next_channel: Cell<u32>,
}

impl Client {
    pub fn new(id: u64, name: String, role: Role) -> Rc<Self> {
        Rc::new(Self {
            id,
            token: RefCell::default(),
            name,
            role,
            outbox: RefCell::default(),
            input_acks: RefCell::default(),
            waiting_bytes: Cell::new(0),
            overflowed: Cell::new(false),
            wake: Rc::new(Notify::new()),
            attachments: RefCell::default(),
            documents: RefCell::default(),
            next_channel: Cell::new(1),
        })
    }

    pub fn new_channel(&self) -> u32 {
        self.next_channel.replace(self.next_channel.get() + 1)
    }

    pub fn person(&self) -> Person {
        Person {
            client: self.token.borrow().clone(),
            name: self.name.clone(),
            role: self.role,
        }
    }

    /// News.
    pub fn tell(&self, message: &RunnerMessage) {
        self.send(None, message.clone());
    }

    /// An answer, when `re` is set.
    pub fn send(&self, re: Option<u32>, message: RunnerMessage) {
        match serde_json::to_string(&RunnerFrame { re, message }) {
            Ok(text) => self.push(Message::text(text)),
            Err(error) => tracing::error!(%error, "a message could not be written"),
        }
    }

    pub fn send_binary(&self, frame: Vec<u8>) {
        self.push(Message::binary(frame));
    }

    fn push(&self, message: Message) {
        let waiting = self.waiting_bytes.get() + message.len();
        if waiting > MAX_WAITING_BYTES {
            self.overflowed.set(true);
        } else {
            self.waiting_bytes.set(waiting);
            self.outbox.borrow_mut().push_back(message);
        }
        self.wake.notify_one();
    }

    /// Input was received. The page is told with whatever goes out next, or a moment later: a frame
    /// of its own would come before the echo, and cost as much.
    pub fn acknowledge_input(&self, channel: u32, received: u64) {
        let first = self.input_acks.borrow().is_empty();
        self.input_acks.borrow_mut().insert(channel, received);
        if first {
            self.wake.notify_one();
        }
    }

    pub fn has_input_acks(&self) -> bool {
        !self.input_acks.borrow().is_empty()
    }

    /// The acknowledgements that are due.
    pub fn take_input_acks(&self) -> Vec<Message> {
        let acks = self.input_acks.take();
        acks.into_iter()
            .map(|(channel, received)| {
                Message::binary(frame(channel, terminal::INPUT_ACK, Some(received), &[]))
            })
            .collect()
    }

    /// Too much waited: the connection must be closed.
    pub fn overflowed(&self) -> bool {
        self.overflowed.get()
    }

    /// The next message to send: messages first, then output of the terminals in turn.
    pub async fn next(&self, turn: &mut u32) -> Option<Message> {
        if let Some(message) = self.outbox.borrow_mut().pop_front() {
            self.waiting_bytes
                .set(self.waiting_bytes.get() - message.len());
            return Some(message);
        }
        let attachments: Vec<_> = {
            let all = self.attachments.borrow();
            all.range(*turn + 1..)
                .chain(all.range(..=*turn))
                .map(|(_, a)| a.clone())
                .collect()
        };
        for attachment in attachments {
            if let Some(frame) = attachment.next_frame().await {
                *turn = attachment.channel;
                return Some(Message::binary(frame));
            }
        }
        None
    }
}
