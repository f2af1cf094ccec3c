//! Open text files: Yjs documents that several people edit at once, written to disk when typing
//! pauses, with changes made by programs merged in.

mod change;
mod disk;
mod merge;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use alcove_protocol::WorkspacePath;
use alcove_protocol::session::RefusedReason;
use tokio::sync::Notify;
use tokio::time::Instant;
use yrs::updates::decoder::Decode;
use yrs::updates::encoder::Encode;
use yrs::{
    Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text as _, TextRef, Transact, Update,
};

pub use change::{Changed, Plan, edited, inverse, read_text};
pub use disk::MAX_DOCUMENT_BYTES;
use disk::{Refused, Stamp, Text, Written};
pub use merge::Edit;

use crate::watch::Watcher;

/// A document is written once typing has paused for this long,
const PAUSE: Duration = Duration::from_millis(100);
/// and after this long at most.
const LATEST: Duration = Duration::from_millis(500);
/// After a failed write (a full disk, say) it is tried again this often.
const RETRY: Duration = Duration::from_secs(2);
/// Documents that are kept open although nobody is connected to them, so that a page that lost its
/// connection finds the ids it knows.
const MAX_IDLE: usize = 128;

/// A file that became shorter is believed once it has been still for this long,
const SETTLED: Duration = Duration::from_millis(120);
/// or has been looked at this often.
const MAX_LOOKS: usize = 10;
/// Updates up to this size pass beyond the limit of a document, so that one can delete.
const SMALL_UPDATE_BYTES: usize = 1024;

/// What happens to a document, for those who have it open.
#[derive(Debug, Clone)]
pub enum Event {
    /// A Yjs update; `from` is the client that made it, if one did.
    Update {
        update: Vec<u8>,
        from: Option<u64>,
    },
    /// All that this state vector covers is on disk.
    OnDisk(Vec<u8>),
    Moved(WorkspacePath),
    Gone(bool),
    /// UTF-16 offset.
    Conflict(u32),
    Unwritable(Option<String>),
}

/// Who is told of a document's events.
pub trait Listener {
    fn document_event(&self, document: u64, event: &Event);
}

pub struct Document {
    pub id: u64,
    pub path: RefCell<WorkspacePath>,
    /// Names one life of the ids in it.
    pub epoch: String,
    doc: Doc,
    text: TextRef,
    /// What the file held when it was last read or written, as far as we know.
    base: RefCell<Text>,
    stamp: Cell<Option<Stamp>>,
    first_edit: Cell<Option<Instant>>,
    last_edit: Cell<Instant>,
    edited: Notify,
    unwritable: Cell<bool>,
    clients: RefCell<HashSet<u64>>,
    /// Held while the file is read or written, so that these don't interleave.
    disk: tokio::sync::Mutex<()>,
}

/// Why a document could not be opened.
#[derive(Debug)]
pub enum OpenError {
    Refused(RefusedReason, u64),
    Io(std::io::Error),
}

pub struct Documents {
    top: PathBuf,
    watcher: Rc<Watcher>,
    open: RefCell<HashMap<WorkspacePath, Rc<Document>>>,
    next_id: Cell<u64>,
    listener: RefCell<Option<std::rc::Weak<dyn Listener>>>,
}

impl Documents {
    pub fn new(top: PathBuf, watcher: Rc<Watcher>) -> Self {
        Self {
            top,
            watcher,
            open: RefCell::default(),
            next_id: Cell::new(1),
            listener: RefCell::default(),
        }
    }

    pub fn set_listener(&self, listener: std::rc::Weak<dyn Listener>) {
        *self.listener.borrow_mut() = Some(listener);
    }

    /// The document of a file, read from disk if nobody has it open.
    pub async fn open(
        self: &Rc<Self>,
        path: &WorkspacePath,
        client: u64,
    ) -> Result<Rc<Document>, OpenError> {
        if let Some(document) = self.get(path) {
            document.clients.borrow_mut().insert(client);
            return Ok(document);
        }
        let full = path.under(&self.top);
        let read = tokio::task::spawn_blocking(move || disk::read(&full)).await;
        let (text, stamp) = match read.map_err(|e| OpenError::Io(e.into()))? {
            Ok(read) => read,
            Err(Refused::Reason(reason, size)) => return Err(OpenError::Refused(reason, size)),
            Err(Refused::Io(error)) => return Err(OpenError::Io(error)),
        };
        // Somebody else may have opened it while it was read.
        if let Some(document) = self.get(path) {
            document.clients.borrow_mut().insert(client);
            return Ok(document);
        }
        let id = self.next_id.replace(self.next_id.get() + 1);
        let document = Document::new(id, path.clone(), text, stamp);
        document.clients.borrow_mut().insert(client);
        self.open
            .borrow_mut()
            .insert(path.clone(), document.clone());
        self.watcher.watch(&parent(path));
        let (documents, writing) = (Rc::downgrade(self), document.clone());
        tokio::task::spawn_local(async move { write_when_edited(documents, writing).await });
        Ok(document)
    }

    fn get(&self, path: &WorkspacePath) -> Option<Rc<Document>> {
        self.open.borrow().get(path).cloned()
    }

    fn all(&self) -> Vec<Rc<Document>> {
        self.open.borrow().values().cloned().collect()
    }

    /// A page closed the document: once nobody has it, it is written and forgotten.
    pub async fn close(&self, document: &Rc<Document>, client: u64) {
        document.clients.borrow_mut().remove(&client);
        self.write(document).await;
        if document.clients.borrow().is_empty() && !document.is_dirty() {
            self.forget(document);
        }
    }

    /// A page's connection ended: its documents stay, for it may come back.
    pub fn leave(&self, client: u64) {
        let documents = self.all();
        for document in &documents {
            document.clients.borrow_mut().remove(&client);
        }
        let mut idle: Vec<_> = documents
            .into_iter()
            .filter(|d| d.clients.borrow().is_empty() && !d.is_dirty())
            .collect();
        if idle.len() > MAX_IDLE {
            idle.sort_by_key(|d| d.last_edit.get());
            for document in &idle[..idle.len() - MAX_IDLE] {
                self.forget(document);
            }
        }
    }

    fn forget(&self, document: &Rc<Document>) {
        let path = document.path.borrow().clone();
        let mut open = self.open.borrow_mut();
        if open.get(&path).is_some_and(|d| Rc::ptr_eq(d, document)) {
            open.remove(&path);
            self.watcher.unwatch(&parent(&path));
        }
        // Ends the writer's task.
        document.edited.notify_one();
    }

    /// Takes an update of `client`. An error means that it is no Yjs update, or that the text would
    /// outgrow its limit: then nothing of it was taken.
    pub fn update(
        &self,
        document: &Rc<Document>,
        update: &[u8],
        client: u64,
    ) -> anyhow::Result<()> {
        // What is inserted stands in the update.
        let grown = document.text.len(&document.doc.transact()) as usize + update.len();
        if grown as u64 > 2 * MAX_DOCUMENT_BYTES && update.len() > SMALL_UPDATE_BYTES {
            anyhow::bail!(
                "a document grows to {} bytes at most: undo the last change, or put it into another file",
                2 * MAX_DOCUMENT_BYTES
            );
        }
        let decoded = Update::decode_v1(update)?;
        let before = document.doc.transact().state_vector();
        {
            let mut txn = document.doc.transact_mut();
            txn.apply_update(decoded)?;
            if txn.state_vector() == before && txn.delete_set().is_empty() {
                return Ok(());
            }
        }
        document.note_edit();
        self.tell(
            document,
            &Event::Update {
                update: update.to_vec(),
                from: Some(client),
            },
        );
        Ok(())
    }

    /// Writes a document to disk, if something in it is not there yet. Merges first what a program
    /// wrote meanwhile.
    pub async fn write(&self, document: &Rc<Document>) {
        // A program that writes without end must not hold us for ever.
        for _ in 0..5 {
            let _busy = document.disk.lock().await;
            if !document.is_dirty() {
                return;
            }
            let first_edit = document.first_edit.take();
            let text = document.string();
            let vector = document.state_vector();
            let content = document.base.borrow().encode(&text);
            let (full, stamp) = (
                document.path.borrow().under(&self.top),
                document.stamp.get(),
            );
            let result =
                tokio::task::spawn_blocking(move || disk::write(&full, &content, stamp)).await;
            match result.unwrap_or_else(|e| Err(e.into())) {
                Ok(Written::Yes(stamp)) => {
                    let was_gone = document.stamp.replace(Some(stamp)).is_none();
                    document.base.borrow_mut().text = text;
                    if document.unwritable.replace(false) {
                        self.tell(document, &Event::Unwritable(None));
                    }
                    if was_gone {
                        self.tell(document, &Event::Gone(false));
                    }
                    self.tell(document, &Event::OnDisk(vector));
                    return;
                }
                Ok(Written::Changed) => {
                    document.first_edit.set(first_edit);
                    self.merge_from_disk(document).await;
                }
                Err(error) => {
                    document.first_edit.set(first_edit);
                    document.unwritable.set(true);
                    tracing::warn!(path = %document.path.borrow(), %error, "document not written");
                    self.tell(document, &Event::Unwritable(Some(error.to_string())));
                    return;
                }
            }
        }
        if document.is_dirty() && !document.unwritable.replace(true) {
            let message =
                "A program has made something else of this file, or writes to it without end.";
            self.tell(document, &Event::Unwritable(Some(message.into())));
        }
    }

    /// At the end: text that could not be written is put beside its file, as `<name>.unsaved`.
    pub async fn keep_unwritten(&self) {
        for document in self.all() {
            self.write(&document).await;
            if !document.is_dirty() {
                continue;
            }
            let mut place = document.path.borrow().under(&self.top).into_os_string();
            place.push(".unsaved");
            let text = document.string();
            let written = tokio::task::spawn_blocking(move || std::fs::write(place, text)).await;
            match written.map_err(std::io::Error::other).and_then(|w| w) {
                Ok(()) => tracing::warn!(path = %document.path.borrow(), "kept beside its file"),
                Err(error) => {
                    tracing::error!(path = %document.path.borrow(), %error, "text is lost")
                }
            }
        }
    }

    /// Writes everything; the number of documents that could not be written.
    pub async fn flush(&self) -> usize {
        for document in self.all() {
            self.write(&document).await;
        }
        self.unwritten()
    }

    /// Documents with edits that are not on disk.
    pub fn unwritten(&self) -> usize {
        self.open.borrow().values().filter(|d| d.is_dirty()).count()
    }

    /// Something happened in a folder: looks at the documents in it.
    pub async fn refresh(&self, folder: &WorkspacePath) {
        for document in self.all() {
            if &parent(&document.path.borrow()) == folder {
                let _busy = document.disk.lock().await;
                self.merge_from_disk(&document).await;
            }
        }
    }

    /// What is in a file now, unless it is as `known`. One that became shorter may be in the middle of
    /// being rewritten (emptied, then filled): it is believed once it has held still.
    async fn read_settled(
        &self,
        full: PathBuf,
        known: Option<Stamp>,
        before: usize,
    ) -> Option<Result<(Text, Stamp), Refused>> {
        let mut last = None;
        let mut looks = 0;
        loop {
            let path = full.clone();
            let read = tokio::task::spawn_blocking(move || {
                if known.is_some() && Stamp::read(&path).ok() == known {
                    return None;
                }
                Some(disk::read(&path))
            });
            let read = read.await.ok()??;
            let stamp = match &read {
                Ok((text, stamp)) if text.text.len() < before => *stamp,
                _ => return Some(read),
            };
            looks += 1;
            if last == Some(stamp) || looks > MAX_LOOKS {
                return Some(read);
            }
            last = Some(stamp);
            tokio::time::sleep(SETTLED).await;
        }
    }

    /// Brings what is on disk into the document, if it differs from what we know. Call it with the
    /// document's `disk` held.
    async fn merge_from_disk(&self, document: &Rc<Document>) {
        let full = document.path.borrow().under(&self.top);
        let looked_at = full.clone();
        let known = document.stamp.get();
        let before = document.base.borrow().text.len();
        let Some(read) = self.read_settled(full, known, before).await else {
            return;
        };
        if document.path.borrow().under(&self.top) != looked_at {
            // Moved meanwhile: what was read is another place's.
            return;
        }
        let (theirs, stamp) = match read {
            Ok(read) => read,
            Err(Refused::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                if document.stamp.take().is_some() {
                    self.tell(document, &Event::Gone(true));
                }
                return;
            }
            // It became binary, too large, a folder: the text stays as it is until it can be read again,
            // and is not written over it.
            Err(error) => {
                tracing::debug!(path = %document.path.borrow(), ?error, "the file can't be merged");
                return;
            }
        };
        let was_gone = document.stamp.replace(Some(stamp)).is_none();
        if was_gone {
            self.tell(document, &Event::Gone(false));
        }
        let (base, mine) = (document.base.borrow().text.clone(), document.string());
        let merged = merge::merge(&base, &mine, &theirs.text);
        *document.base.borrow_mut() = theirs;
        self.apply(document, &merged.edits);
        for offset in merged.conflicts {
            let offset = mine[..offset].encode_utf16().count() as u32;
            self.tell(document, &Event::Conflict(offset));
        }
        if document.string() == document.base.borrow().text {
            document.first_edit.set(None);
            self.tell(document, &Event::OnDisk(document.state_vector()));
        } else {
            document.note_edit();
        }
    }

    /// Makes edits of the runner's own, and tells them.
    fn apply(&self, document: &Document, edits: &[Edit]) {
        if edits.is_empty() {
            return;
        }
        let update = {
            let mut txn = document.doc.transact_mut();
            for edit in edits.iter().rev() {
                let (start, end) = (edit.range.start as u32, edit.range.end as u32);
                document.text.remove_range(&mut txn, start, end - start);
                document.text.insert(&mut txn, start, &edit.insert);
            }
            txn.encode_update_v1()
        };
        self.tell(document, &Event::Update { update, from: None });
    }

    /// Documents below `from` move along with their files.
    pub fn moved(&self, from: &WorkspacePath, to: &WorkspacePath) {
        for document in self.all() {
            let old = document.path.borrow().clone();
            let Some(new) = old.rebase(from, to) else {
                continue;
            };
            self.watcher.watch(&parent(&new));
            self.watcher.unwatch(&parent(&old));
            let mut open = self.open.borrow_mut();
            open.remove(&old);
            open.insert(new.clone(), document.clone());
            drop(open);
            *document.path.borrow_mut() = new.clone();
            self.tell(&document, &Event::Moved(new));
        }
    }

    fn tell(&self, document: &Document, event: &Event) {
        let listener = self
            .listener
            .borrow()
            .as_ref()
            .and_then(std::rc::Weak::upgrade);
        if let Some(listener) = listener {
            listener.document_event(document.id, event);
        }
    }
}

impl Document {
    fn new(id: u64, path: WorkspacePath, text: Text, stamp: Stamp) -> Rc<Self> {
        // Offsets in bytes, like Rust's own: positions sent to browsers are converted.
        let options = Options {
            offset_kind: OffsetKind::Bytes,
            ..Options::default()
        };
        let doc = Doc::with_options(options);
        let shared = doc.get_or_insert_text("text");
        if !text.text.is_empty() {
            shared.insert(&mut doc.transact_mut(), 0, &text.text);
        }
        Rc::new(Self {
            id,
            path: RefCell::new(path),
            epoch: format!("{:016x}", rand::random::<u64>()),
            doc,
            text: shared,
            base: RefCell::new(text),
            stamp: Cell::new(Some(stamp)),
            first_edit: Cell::new(None),
            last_edit: Cell::new(Instant::now()),
            edited: Notify::new(),
            unwritable: Cell::new(false),
            clients: RefCell::default(),
            disk: tokio::sync::Mutex::new(()),
        })
    }

    /// What a client that has `vector` lacks; an error means that it is no state vector.
    pub fn missing(&self, vector: &[u8]) -> anyhow::Result<Vec<u8>> {
        let vector = StateVector::decode_v1(vector)?;
        Ok(self.doc.transact().encode_state_as_update_v1(&vector))
    }

    pub fn state_vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    pub fn is_dirty(&self) -> bool {
        self.first_edit.get().is_some()
    }

    fn string(&self) -> String {
        self.text.get_string(&self.doc.transact())
    }

    fn note_edit(&self) {
        let now = Instant::now();
        self.last_edit.set(now);
        if self.first_edit.get().is_none() {
            self.first_edit.set(Some(now));
        }
        self.edited.notify_one();
    }
}

async fn write_when_edited(documents: std::rc::Weak<Documents>, document: Rc<Document>) {
    loop {
        document.edited.notified().await;
        while let Some(first) = document.first_edit.get() {
            let due = (document.last_edit.get() + PAUSE).min(first + LATEST);
            if Instant::now() < due {
                tokio::time::sleep_until(due).await;
                continue;
            }
            let Some(documents) = documents.upgrade() else {
                return;
            };
            documents.write(&document).await;
            if document.unwritable.get() {
                tokio::time::sleep(RETRY).await;
            }
        }
        let Some(documents) = documents.upgrade() else {
            return;
        };
        let path = document.path.borrow().clone();
        if !documents
            .get(&path)
            .is_some_and(|d| Rc::ptr_eq(&d, &document))
        {
            return;
        }
    }
}

fn parent(path: &WorkspacePath) -> WorkspacePath {
    path.parent().unwrap_or_default()
}
