//! Open text files: Yjs documents that several people edit at once, written to disk when typing
//! pauses, with changes made by programs merged in.

mod change;
mod disk;
mod log;
mod recorder;
#[cfg(test)]
mod tests;
pub mod updates;

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use alcove_protocol::WorkspacePath;
use alcove_protocol::session::{Clash, LineEnds, RefusedReason};
use tokio::sync::Notify;
use tokio::time::Instant;
use yrs::updates::encoder::Encode;
use yrs::{
    Assoc, Doc, GetString, IndexedSequence, OffsetKind, Options, ReadTxn, StateVector, StickyIndex,
    Text as _, TextRef, Transact,
};

use alcove_merge::Conflict;
pub use alcove_merge::{Edit, diff};
pub use change::{Changed, Plan, edited, inverse, read_text};
pub use disk::MAX_DOCUMENT_BYTES;
use disk::{Refused, Stamp, Text, Written};
use log::Logs;
use recorder::Recorder;

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
    Conflict(Clash),
    Unwritable(Option<String>),
    LineEnds(LineEnds),
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
    /// Where programs and people changed one place while no page was there to be told.
    clashes: RefCell<Vec<Clash>>,
    log: Recorder,
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
    logs: Logs,
    /// Held while a document is brought back from its log, so that it is done once.
    reviving: tokio::sync::Mutex<()>,
    open: RefCell<HashMap<WorkspacePath, Rc<Document>>>,
    next_id: Cell<u64>,
    listener: RefCell<Option<std::rc::Weak<dyn Listener>>>,
}

impl Documents {
    /// `home`: where the logs lie.
    pub fn new(top: PathBuf, home: &Path, watcher: Rc<Watcher>) -> std::io::Result<Self> {
        Ok(Self {
            top,
            watcher,
            logs: Logs::start(home)?,
            reviving: tokio::sync::Mutex::default(),
            open: RefCell::default(),
            next_id: Cell::new(1),
            listener: RefCell::default(),
        })
    }

    pub fn set_listener(&self, listener: std::rc::Weak<dyn Listener>) {
        *self.listener.borrow_mut() = Some(listener);
    }

    /// The document of a file: if nobody has it open, as its log has it, or read from disk.
    pub async fn open(
        self: &Rc<Self>,
        path: &WorkspacePath,
        client: u64,
    ) -> Result<Rc<Document>, OpenError> {
        let document = match self.get(path) {
            Some(document) => document,
            None => match self.revive(path, false).await {
                Some(document) => document,
                None => self.read(path).await?,
            },
        };
        document.clients.borrow_mut().insert(client);
        self.settled(&document).await;
        Ok(document)
    }

    async fn read(self: &Rc<Self>, path: &WorkspacePath) -> Result<Rc<Document>, OpenError> {
        let full = path.under(&self.top);
        let read = tokio::task::spawn_blocking(move || disk::read(&full)).await;
        let (text, stamp) = match read.map_err(|e| OpenError::Io(e.into()))? {
            Ok(read) => read,
            Err(Refused::Reason(reason, size)) => return Err(OpenError::Refused(reason, size)),
            Err(Refused::Io(error)) => return Err(OpenError::Io(error)),
        };
        // Somebody else may have opened it while it was read.
        if let Some(document) = self.get(path) {
            return Ok(document);
        }
        let document = Document::new(self.next_id(), path.clone(), text, stamp);
        self.keep_open(&document);
        Ok(document)
    }

    fn next_id(&self) -> u64 {
        self.next_id.replace(self.next_id.get() + 1)
    }

    fn keep_open(self: &Rc<Self>, document: &Rc<Document>) {
        let path = document.path.borrow().clone();
        self.watcher.watch(&parent(&path));
        self.open.borrow_mut().insert(path, document.clone());
        let (documents, writing) = (Rc::downgrade(self), document.clone());
        tokio::task::spawn_local(async move { write_when_edited(documents, writing).await });
    }

    fn get(&self, path: &WorkspacePath) -> Option<Rc<Document>> {
        self.open.borrow().get(path).cloned()
    }

    fn all(&self) -> Vec<Rc<Document>> {
        self.open.borrow().values().cloned().collect()
    }

    /// A page closed the document: once nobody has it, it is written and forgotten.
    pub async fn close(self: &Rc<Self>, document: &Rc<Document>, client: u64) {
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
            self.discard_log(document);
        }
        // Ends the writer's task.
        document.edited.notify_one();
    }

    /// Takes an update of `client`. An error means that it is no Yjs update, or that the text would
    /// outgrow its limit: then nothing of it was taken.
    pub fn update(
        self: &Rc<Self>,
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
        if !updates::apply(&document.doc, update)? {
            return Ok(());
        }
        document.note_edit();
        self.log_edit(document, update);
        let (update, from) = (update.to_vec(), Some(client));
        self.tell(document, Event::Update { update, from });
        Ok(())
    }

    /// Writes a document to disk, if something in it is not there yet. Merges first what a program
    /// wrote meanwhile.
    pub async fn write(self: &Rc<Self>, document: &Rc<Document>) {
        // A program that writes without end must not hold us for ever.
        for _ in 0..5 {
            let _busy = document.disk.lock().await;
            if !document.is_dirty() {
                return;
            }
            let first_edit = document.first_edit.take();
            let text = document.string();
            let vector = document.state_vector();
            // What is in the file must be in the log: else it would be taken for a program's.
            self.log_writing(document, &text);
            self.settled(document).await;
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
                    self.log_written(document);
                    if document.unwritable.replace(false) {
                        self.tell(document, Event::Unwritable(None));
                    }
                    if was_gone {
                        self.tell(document, Event::Gone(false));
                    }
                    self.tell(document, Event::OnDisk(vector));
                    return;
                }
                Ok(Written::Changed) => {
                    document.first_edit.set(first_edit);
                    self.merge_from_disk(document).await;
                }
                Err(error) => {
                    document.first_edit.set(first_edit);
                    document.unwritable.set(true);
                    self.shorten_log(document);
                    tracing::warn!(path = %document.path.borrow(), %error, "document not written");
                    self.tell(document, Event::Unwritable(Some(error.to_string())));
                    return;
                }
            }
        }
        if document.is_dirty() && !document.unwritable.replace(true) {
            let message =
                "A program has made something else of this file, or writes to it without end.";
            self.tell(document, Event::Unwritable(Some(message.into())));
        }
    }

    /// At the end: text that could not be written is put beside its file, as `<name>.unsaved`.
    /// Their logs go: this is no crash.
    pub async fn keep_unwritten(self: &Rc<Self>) {
        for document in self.all() {
            self.write(&document).await;
            if !document.is_dirty() {
                self.discard_log(&document);
                continue;
            }
            let mut place = document.path.borrow().under(&self.top).into_os_string();
            place.push(".unsaved");
            let text = document.string();
            let written = tokio::task::spawn_blocking(move || std::fs::write(place, text)).await;
            match written.map_err(std::io::Error::other).and_then(|w| w) {
                Ok(()) => {
                    self.discard_log(&document);
                    tracing::warn!(path = %document.path.borrow(), "kept beside its file");
                }
                Err(error) => {
                    tracing::error!(path = %document.path.borrow(), %error, "text is in its log alone, if there");
                }
            }
        }
        self.logs.done().await;
    }

    /// Writes everything that has been typed by now; the number of documents that could not be written.
    pub async fn flush(self: &Rc<Self>) -> usize {
        let documents = self.all();
        for document in &documents {
            self.write(document).await;
        }
        // Who types on meanwhile makes it dirty again, which is no failure.
        documents.iter().filter(|d| d.unwritable.get()).count()
    }

    /// Documents with edits that are not on disk.
    pub fn unwritten(&self) -> usize {
        self.open.borrow().values().filter(|d| d.is_dirty()).count()
    }

    /// Something happened in a folder: looks at the documents in it.
    pub async fn refresh(self: &Rc<Self>, folder: &WorkspacePath) {
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
    async fn merge_from_disk(self: &Rc<Self>, document: &Rc<Document>) {
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
                    self.tell(document, Event::Gone(true));
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
            self.tell(document, Event::Gone(false));
        }
        let (base, mine) = (document.base.borrow().text.clone(), document.string());
        let merged = alcove_merge::merge(&base, &mine, &theirs.text);
        let line_ends = theirs.format.line_ends();
        let before = document.base.replace(theirs).format.line_ends();
        if line_ends != before {
            self.tell(document, Event::LineEnds(line_ends));
        }
        self.apply(document, &merged.edits);
        self.log_base(document);
        for conflict in merged.conflicts {
            self.tell(document, Event::Conflict(document.clash(&conflict)));
        }
        if document.string() == document.base.borrow().text {
            document.first_edit.set(None);
            self.tell(document, Event::OnDisk(document.state_vector()));
        } else {
            document.note_edit();
        }
    }

    /// Gives all lines of the file the same end, with the next write.
    pub fn set_line_ends(self: &Rc<Self>, document: &Rc<Document>, line_ends: LineEnds) {
        if document.base.borrow_mut().format.set_line_ends(line_ends) {
            document.note_edit();
            self.tell(document, Event::LineEnds(line_ends));
        }
    }

    /// Makes edits of the runner's own, and tells them.
    fn apply(self: &Rc<Self>, document: &Rc<Document>, edits: &[Edit]) {
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
        self.log_update(document, &update);
        self.tell(document, Event::Update { update, from: None });
    }

    /// Documents below `from` move along with their files.
    pub fn moved(self: &Rc<Self>, from: &WorkspacePath, to: &WorkspacePath) {
        for document in self.all() {
            let old = document.path.borrow().clone();
            let Some(new) = old.rebase(from, to) else {
                continue;
            };
            self.watcher.watch(&parent(&new));
            self.watcher.unwatch(&parent(&old));
            let mut open = self.open.borrow_mut();
            open.remove(&old);
            let replaced = open.insert(new.clone(), document.clone());
            drop(open);
            if let Some(replaced) = replaced {
                self.discard_log(&replaced);
            }
            *document.path.borrow_mut() = new.clone();
            self.move_log(&document);
            self.tell(&document, Event::Moved(new));
        }
    }

    fn notify(&self, document: &Document, event: &Event) {
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

/// An empty document, and the text in it.
/// The name of the text in a Yjs document.
const TEXT: &str = "text";

fn new_doc() -> (Doc, TextRef) {
    // Offsets in bytes, like Rust's own: positions sent to browsers are converted.
    let options = Options {
        offset_kind: OffsetKind::Bytes,
        ..Options::default()
    };
    let doc = Doc::with_options(options);
    let text = doc.get_or_insert_text(TEXT);
    (doc, text)
}

impl Document {
    fn new(id: u64, path: WorkspacePath, text: Text, stamp: Stamp) -> Rc<Self> {
        let (doc, shared) = new_doc();
        if !text.text.is_empty() {
            shared.insert(&mut doc.transact_mut(), 0, &text.text);
        }
        let epoch = format!("{:016x}", rand::random::<u64>());
        Self::of(id, path, epoch, doc, text, stamp)
    }

    fn of(
        id: u64,
        path: WorkspacePath,
        epoch: String,
        doc: Doc,
        text: Text,
        stamp: Stamp,
    ) -> Rc<Self> {
        Rc::new(Self {
            id,
            path: RefCell::new(path),
            epoch,
            text: doc.get_or_insert_text(TEXT),
            doc,
            base: RefCell::new(text),
            stamp: Cell::new(Some(stamp)),
            first_edit: Cell::new(None),
            last_edit: Cell::new(Instant::now()),
            edited: Notify::new(),
            unwritable: Cell::new(false),
            clients: RefCell::default(),
            clashes: RefCell::default(),
            log: Recorder::default(),
            disk: tokio::sync::Mutex::new(()),
        })
    }

    /// What a client that has `vector` lacks. Send it when the document is at rest
    /// ([`Documents::at_rest`]).
    pub fn missing(&self, vector: &StateVector) -> Vec<u8> {
        self.doc.transact().encode_state_as_update_v1(vector)
    }

    /// The clashes that nobody has been told of yet.
    pub fn take_clashes(&self) -> Vec<Clash> {
        self.clashes.take()
    }

    pub fn state_vector(&self) -> Vec<u8> {
        self.doc.transact().state_vector().encode_v1()
    }

    fn clash(&self, conflict: &Conflict) -> Clash {
        let txn = self.doc.transact();
        let at = |offset: usize| {
            self.text
                .sticky_index(&txn, offset as u32, Assoc::After)
                // The end of the text has nothing behind it to stick to.
                .unwrap_or_else(|| StickyIndex::from_type(&txn, &self.text, Assoc::After))
                .encode_v1()
        };
        Clash {
            mine: at(conflict.mine.start),
            theirs: at(conflict.theirs.start),
            end: at(conflict.theirs.end),
        }
    }

    /// How the lines of the file end.
    pub fn line_ends(&self) -> LineEnds {
        self.base.borrow().format.line_ends()
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
