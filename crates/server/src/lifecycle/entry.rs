//! What is known of one repl, for all who ask: its state, who is there, the way to its task.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use alcove_protocol::api::{Phase, ReplState};
use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast, mpsc, watch};

use super::life::Command;
use super::{Change, resting};
use crate::db::repl;

pub(super) struct Entry {
    pub id: String,
    pub owner: String,
    commands: mpsc::UnboundedSender<Command>,
    state: watch::Sender<ReplState>,
    changes: broadcast::Sender<Change>,
    socket: Mutex<Option<PathBuf>>,
    presence: Mutex<Present>,
    /// People came or went.
    pub moved: Notify,
}

#[derive(Clone, Copy)]
pub(super) struct Present {
    pub people: usize,
    /// Answers and connections of previews, and transfers of files, that are under way.
    pub watching: usize,
    /// When the last one left, or a preview was last used.
    pub last_seen: Instant,
}

impl Entry {
    pub fn new(
        row: &repl::Model,
        commands: mpsc::UnboundedSender<Command>,
        changes: broadcast::Sender<Change>,
    ) -> Self {
        Self {
            id: row.id.clone(),
            owner: row.owner_id.clone(),
            commands,
            state: watch::Sender::new(resting(row)),
            changes,
            socket: Mutex::default(),
            presence: Mutex::new(Present {
                people: 0,
                watching: 0,
                last_seen: Instant::now(),
            }),
            moved: Notify::new(),
        }
    }

    pub fn send(&self, command: Command) {
        // When its task has ended the server ends too; the asker's channel is closed then.
        let _ = self.commands.send(command);
    }

    pub fn state(&self) -> ReplState {
        self.state.borrow().clone()
    }

    pub fn watch(&self) -> watch::Receiver<ReplState> {
        self.state.subscribe()
    }

    /// Changes the state, and tells all who listen if it is another now.
    pub fn update(&self, change: impl FnOnce(&mut ReplState)) {
        let changed = self.state.send_if_modified(|state| {
            let before = state.clone();
            change(state);
            *state != before
        });
        if changed {
            self.announce();
        }
    }

    /// Tells the lists of repls.
    pub fn announce(&self) {
        // Nobody may be listening.
        let _ = self.changes.send(Change {
            id: self.id.clone(),
            owner: self.owner.clone(),
            state: self.state(),
        });
    }

    pub fn phase(&self, phase: Phase, detail: Option<&str>) {
        self.update(|state| {
            state.phase = phase;
            state.detail = detail.map(str::to_owned);
            state.progress = None;
        });
    }

    pub fn socket(&self) -> Option<PathBuf> {
        self.socket.lock().clone()
    }

    pub fn set_socket(&self, socket: Option<PathBuf>) {
        *self.socket.lock() = socket;
    }

    pub fn present(&self) -> Present {
        *self.presence.lock()
    }

    pub fn touch(&self) {
        self.presence.lock().last_seen = Instant::now();
    }

    fn count(&self, change: impl FnOnce(&mut Present)) {
        let people = {
            let mut present = self.presence.lock();
            change(&mut present);
            present.last_seen = Instant::now();
            present.people
        };
        self.update(|state| state.people = people);
        self.moved.notify_one();
    }
}

/// Somebody is there, for as long as this lives.
pub struct Presence(Arc<Entry>);

impl Presence {
    pub(super) fn new(entry: Arc<Entry>) -> Self {
        entry.count(|p| p.people += 1);
        Self(entry)
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.count(|p| p.people -= 1);
    }
}

/// A preview's answer or connection, or a transfer of files, is under way for as long as this lives.
pub struct Watching(Arc<Entry>);

impl Watching {
    pub(super) fn new(entry: Arc<Entry>) -> Self {
        entry.count(|p| p.watching += 1);
        Self(entry)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.count(|p| p.watching -= 1);
    }
}
