//! Keeps the logs of open documents. What happens to a document is told only when its log has it, so that
//! nobody knows more of an epoch than what a runner that dies and starts again knows.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::ErrorKind;
use std::rc::Rc;
use std::sync::Arc;

use alcove_protocol::WorkspacePath;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use yrs::{ReadTxn, StateVector, Transact};

use super::disk::{self, Refused};
use super::log::{Frames, MAX_LOG_BYTES, replay};
use super::{Document, Documents, Event};

/// A log is written anew as a whole when it is larger than this
const SLACK_BYTES: u64 = 64 * 1024;
/// and so many times the text, and twice what it was when it was last written so.
const TEXTS: u64 = 4;

/// The log of one document, as the document sees it.
#[derive(Default)]
pub struct Recorder {
    phase: Cell<Phase>,
    file: RefCell<Option<Opened>>,
    pending: RefCell<Pending>,
    /// What is told once `pending` is in the log.
    held: RefCell<Vec<Event>>,
    /// Of the log with `pending`, and of what it was begun with.
    size: Cell<(u64, u64)>,
    /// The log says what is being written to the file.
    is_writing: Cell<bool>,
    is_recording: Cell<bool>,
    /// Counts what was to be recorded or told,
    asked: Cell<u64>,
    /// and what has been.
    done: watch::Sender<u64>,
    /// Counts the logs that this document has had.
    life: Cell<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    /// There is no log: nobody has edited the document.
    #[default]
    None,
    Live,
    /// It could not be written: with the next write of the file it begins anew.
    Failed,
    /// It outgrew its limit: there will be none.
    Lost,
}

/// What is not in the log yet.
#[derive(Default)]
struct Pending {
    frames: Frames,
    /// They begin the log anew.
    is_whole: bool,
}

struct Opened {
    file: Arc<File>,
    path: WorkspacePath,
}

impl Documents {
    /// A page's edit, which is in the document by now. The first one begins a log.
    pub(super) fn log_edit(self: &Rc<Self>, document: &Rc<Document>, update: &[u8]) {
        match document.log.phase.get() {
            Phase::None => self.log_whole(document),
            _ => self.log_update(document, update),
        }
    }

    pub(super) fn log_update(self: &Rc<Self>, document: &Rc<Document>, update: &[u8]) {
        self.log(document, |frames| frames.update(update));
    }

    /// `text`, which is the document's now, is about to be written to its file.
    pub(super) fn log_writing(self: &Rc<Self>, document: &Rc<Document>, text: &str) {
        self.log(document, |frames| frames.writing(text));
        document.log.is_writing.set(true);
    }

    /// It has been; the document's `base` is that text.
    pub(super) fn log_written(self: &Rc<Self>, document: &Rc<Document>) {
        if document.log.phase.get() == Phase::Failed {
            return self.log_whole(document);
        }
        if document.log.is_writing.get() {
            self.log(document, Frames::written);
        } else {
            let base = document.base.borrow();
            self.log(document, |frames| frames.base(&base.text));
        }
        self.shorten_log(document);
    }

    /// The file holds another text now, the document's `base`.
    pub(super) fn log_base(self: &Rc<Self>, document: &Rc<Document>) {
        let base = document.base.borrow();
        self.log(document, |frames| {
            if document.string() == base.text {
                frames.writing(&base.text);
                frames.written();
            } else {
                frames.base(&base.text);
            }
        });
    }

    /// Writes the log anew, where it has grown beyond its measure.
    pub(super) fn shorten_log(self: &Rc<Self>, document: &Rc<Document>) {
        let (size, first) = document.log.size.get();
        let text = document.base.borrow().text.len() as u64;
        if document.log.is_live() && size > (SLACK_BYTES + TEXTS * text).max(2 * first) {
            self.log_whole(document);
        }
    }

    /// The document has another path: so has its log.
    pub(super) fn move_log(self: &Rc<Self>, document: &Rc<Document>) {
        if document.log.is_live() {
            self.log_whole(document);
        }
    }

    /// There is nothing to bring back any more.
    pub(super) fn discard_log(&self, document: &Document) {
        self.end_log(document, Phase::None);
    }

    fn end_log(&self, document: &Document, phase: Phase) {
        let log = &document.log;
        if !log.is_live() {
            return;
        }
        log.phase.set(phase);
        log.life.set(log.life.get() + 1);
        log.pending.take();
        log.size.take();
        // One that is being made goes as well: this is done after it.
        self.logs.remove(&document.path.borrow());
        if let Some(opened) = log.file.take() {
            self.logs.remove(&opened.path);
        }
    }

    /// The log becomes the document as it is now.
    fn log_whole(self: &Rc<Self>, document: &Rc<Document>) {
        let state = document
            .doc
            .transact()
            .encode_state_as_update_v1(&StateVector::default());
        let frames = Frames::whole(&state, &document.string(), &document.base.borrow().text);
        let log = &document.log;
        log.phase.set(Phase::Live);
        log.is_writing.set(false);
        log.size.set((0, frames.len()));
        *log.pending.borrow_mut() = Pending {
            frames: Frames::default(),
            is_whole: true,
        };
        self.log(document, |pending| *pending = frames);
    }

    /// Adds to the log, if there is one.
    fn log(self: &Rc<Self>, document: &Rc<Document>, add: impl FnOnce(&mut Frames)) {
        let log = &document.log;
        if !log.is_live() {
            return;
        }
        let grown = {
            let frames = &mut log.pending.borrow_mut().frames;
            let before = frames.len();
            add(frames);
            frames.len() - before
        };
        let (size, first) = log.size.get();
        log.size.set((size + grown, first));
        if size + grown > MAX_LOG_BYTES {
            tracing::warn!(path = %document.path.borrow(), "a document's log has outgrown its limit");
            self.end_log(document, Phase::Lost);
        }
        self.record_soon(document);
    }

    /// Tells an event, once all that was logged before it is in the log.
    pub(super) fn tell(self: &Rc<Self>, document: &Rc<Document>, event: Event) {
        if document.log.is_recording.get() {
            document.log.held.borrow_mut().push(event);
            self.record_soon(document);
        } else {
            self.notify(document, &event);
        }
    }

    fn record_soon(self: &Rc<Self>, document: &Rc<Document>) {
        document.log.asked.set(document.log.asked.get() + 1);
        if !document.log.is_recording.replace(true) {
            let (documents, document) = (self.clone(), document.clone());
            tokio::task::spawn_local(async move { documents.record(&document).await });
        }
    }

    async fn record(&self, document: &Document) {
        let log = &document.log;
        loop {
            let asked = log.asked.get();
            let (pending, held) = (log.pending.take(), log.held.take());
            if !pending.frames.is_empty() {
                self.put(document, pending).await;
            }
            for event in held {
                self.notify(document, &event);
            }
            log.done.send_replace(asked);
            if log.asked.get() == asked {
                log.is_recording.set(false);
                return;
            }
        }
    }

    async fn put(&self, document: &Document, pending: Pending) {
        let log = &document.log;
        let life = log.life.get();
        let path = document.path.borrow().clone();
        let file = log.file.borrow().as_ref().map(|opened| opened.file.clone());
        let result = match file {
            Some(file) if !pending.is_whole => {
                self.logs.append(&file, pending.frames).await.map(|()| None)
            }
            _ => self
                .logs
                .create(&path, &document.epoch, pending.frames)
                .await
                .map(Some),
        };
        if log.life.get() != life {
            return;
        }
        match result {
            Ok(None) => {}
            Ok(Some(file)) => {
                let opened = Opened { file, path };
                let before = log.file.borrow_mut().replace(opened);
                if let Some(before) = before.filter(|b| b.path != *document.path.borrow()) {
                    self.logs.remove(&before.path);
                }
            }
            Err(error) => {
                tracing::warn!(path = %document.path.borrow(), %error, "a document's log can't be written");
                self.end_log(document, Phase::Failed);
            }
        }
    }

    /// All that has been logged by now is in the log.
    pub(super) async fn settled(&self, document: &Document) {
        let asked = document.log.asked.get();
        let mut done = document.log.done.subscribe();
        // The sender lives as long as the document.
        let _ = done.wait_for(|done| *done >= asked).await;
    }

    /// Nothing is in the document that is not in its log, if it has one: who gets it now knows no more.
    pub async fn at_rest(&self, document: &Document) {
        while document.log.is_recording.get() {
            self.settled(document).await;
        }
    }

    /// Opens the documents that an earlier runner left logs of, so that all of their texts come to their files.
    /// Call it before any document is opened. `restoring`: files that are not there may come yet.
    pub fn take_up(self: &Rc<Self>, restoring: bool) -> JoinHandle<()> {
        let found = self.logs.take_up();
        let documents = self.clone();
        tokio::task::spawn_local(async move {
            for path in found.await {
                if documents.revive(&path, restoring).await.is_some() {
                    tracing::info!(%path, "a document goes on from its log");
                }
            }
            documents.logs.taken_up();
        })
    }

    /// The document that a log tells of, with its epoch; what a program made of its file meanwhile is merged.
    /// Where there is none, or it can't go on, nothing. Its log stays only where its file can't be read, or is
    /// not there while things are restored.
    pub(super) async fn revive(
        self: &Rc<Self>,
        path: &WorkspacePath,
        restoring: bool,
    ) -> Option<Rc<Document>> {
        self.logs.read(path).await?;
        let _once = self.reviving.lock().await;
        if let Some(document) = self.get(path) {
            return Some(document);
        }
        let bytes = self.logs.read(path).await?;
        let (full, known, boot) = (path.under(&self.top), path.clone(), self.logs.boot());
        let replayed = tokio::task::spawn_blocking(move || match disk::read(&full) {
            Ok((text, stamp)) => {
                let replayed = replay(&bytes, &known, &boot, &text.text).ok_or(false)?;
                let merged = alcove_merge::merge(&replayed.base, &replayed.text, &text.text);
                Ok((replayed, merged, text, stamp))
            }
            Err(refused) => {
                tracing::debug!(path = %known, ?refused, "a log is of no file that can be read");
                let is_gone = matches!(&refused, Refused::Io(e) if e.kind() == ErrorKind::NotFound);
                Err(!is_gone || restoring)
            }
        });
        // A panic, too, is no more than a log that makes no sense.
        let replayed = replayed.await.unwrap_or(Err(false));
        if let Some(document) = self.get(path) {
            return Some(document);
        }
        let (replayed, merged, file, stamp) = match replayed {
            Ok(replayed) => replayed,
            Err(stays) => {
                if !stays {
                    self.logs.remove(path);
                }
                return None;
            }
        };
        let (epoch, doc) = (replayed.epoch, replayed.doc);
        let document = Document::of(self.next_id(), path.clone(), epoch, doc, file, stamp);
        self.apply(&document, &merged.edits);
        let clashes = merged.conflicts.iter().map(|c| document.clash(c));
        *document.clashes.borrow_mut() = clashes.collect();
        if document.string() != document.base.borrow().text {
            document.note_edit();
        }
        self.keep_open(&document);
        // With the ids of what was merged; `open` waits for it.
        self.log_whole(&document);
        Some(document)
    }
}

impl Recorder {
    fn is_live(&self) -> bool {
        self.phase.get() == Phase::Live
    }
}

#[cfg(test)]
impl Recorder {
    pub fn size(&self) -> u64 {
        self.size.get().0
    }

    pub fn pretend_size(&self, size: u64) {
        self.size.set((size, 0));
    }
}
