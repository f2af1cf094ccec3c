//! Finding files by name and text in files, and replacing what was found. The work is done on blocking
//! threads, a page's newer request in place of its older one: no keystroke waits for it.

mod names;
mod pattern;
mod replace;
mod text;
mod walk;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use alcove_protocol::project::Files;
use alcove_protocol::search::{FoundFile, MAX_FIND_BYTES, SearchQuery};
use alcove_protocol::session::{ErrorCode, RunnerMessage};
use tokio::sync::{Mutex, Semaphore, mpsc};

use crate::documents::Documents;
use names::Names;
use pattern::Prepared;
pub use replace::Replacements;

/// How many searches go on at once, over all pages: the other blocking threads are for files.
const MAX_AT_ONCE: usize = 2;
/// How long a list of all files serves. What is made, moved or deleted here ends it sooner.
const NAMES_LAST: Duration = Duration::from_secs(5);
/// Parcels of matches that wait to be sent.
const MAX_WAITING_PARCELS: usize = 4;

pub type Failure = (ErrorCode, String);

/// Says that what was asked for is not wanted any more.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error once it is set.
    fn check(&self) -> Result<(), Failure> {
        match self.is_set() {
            false => Ok(()),
            true => Err((
                ErrorCode::Cancelled,
                "A newer request took its place.".into(),
            )),
        }
    }
}

/// What a page has one of at a time.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Names,
    Text,
}

pub struct Search {
    top: PathBuf,
    documents: Rc<Documents>,
    derived: RefCell<Files>,
    names: RefCell<Option<Arc<Names>>>,
    /// Counts what made a list of names old.
    changes: Cell<u64>,
    /// One walk serves all who wait for it.
    walking: Mutex<()>,
    slots: Semaphore,
    /// What goes on, by page; for text with the page's own number.
    running: RefCell<HashMap<(u64, Kind), (u32, Stop)>>,
    pub replacements: Replacements,
}

impl Search {
    pub fn new(top: PathBuf, documents: Rc<Documents>) -> Self {
        Self {
            replacements: Replacements::new(documents.clone()),
            top,
            documents,
            derived: RefCell::default(),
            names: RefCell::default(),
            changes: Cell::new(0),
            walking: Mutex::default(),
            slots: Semaphore::new(MAX_AT_ONCE),
            running: RefCell::default(),
        }
    }

    /// Folders that are not looked into.
    pub fn set_derived(&self, files: Files) {
        *self.derived.borrow_mut() = files;
        self.files_changed();
    }

    /// Files came, went or moved.
    pub fn files_changed(&self) {
        self.changes.set(self.changes.get() + 1);
        self.names.take();
    }

    /// Forgets a page that left, and ends what it asked for.
    pub fn leave(&self, client: u64) {
        self.running.borrow_mut().retain(|(id, _), (_, stop)| {
            if *id == client {
                stop.set();
            }
            *id != client
        });
    }

    /// Takes the place of the page's older one, at once: what is asked next may be to end this one.
    pub fn begin(&self, client: u64, kind: Kind, number: u32) -> Stop {
        let stop = Stop::default();
        let now = (number, stop.clone());
        if let Some((_, older)) = self.running.borrow_mut().insert((client, kind), now) {
            older.set();
        }
        stop
    }

    /// Ends a page's search for text.
    pub fn cancel(&self, client: u64, number: u32) {
        if let Some((running, stop)) = self.running.borrow().get(&(client, Kind::Text))
            && *running == number
        {
            stop.set();
        }
    }

    /// Files whose path has these letters.
    pub async fn find(
        self: &Rc<Self>,
        stop: Stop,
        query: String,
    ) -> Result<RunnerMessage, Failure> {
        if query.len() > MAX_FIND_BYTES {
            return Err((
                ErrorCode::Limit,
                format!("A file is looked for by {MAX_FIND_BYTES} bytes at most."),
            ));
        }
        let names = self.names().await?;
        stop.check()?;
        let _slot = self.slots.acquire().await.map_err(closed)?;
        stop.check()?;
        let (all, whole) = (names.len(), names.whole);
        let running = stop.clone();
        let found = tokio::task::spawn_blocking(move || names.best(&query, &running))
            .await
            .map_err(closed)?;
        stop.check()?;
        Ok(RunnerMessage::FilesFound {
            found,
            files: all as u32,
            whole,
        })
    }

    async fn names(self: &Rc<Self>) -> Result<Arc<Names>, Failure> {
        let _one = self.walking.lock().await;
        if let Some(names) = self.names.borrow().clone() {
            return Ok(names);
        }
        let change = self.changes.get();
        let (top, derived) = (self.top.clone(), self.derived.borrow().clone());
        let names = {
            let _slot = self.slots.acquire().await.map_err(closed)?;
            let walk = tokio::task::spawn_blocking(move || Names::read(&top, &derived));
            Arc::new(walk.await.map_err(closed)?)
        };
        if change == self.changes.get() {
            *self.names.borrow_mut() = Some(names.clone());
            let search = Rc::downgrade(self);
            tokio::task::spawn_local(async move {
                tokio::time::sleep(NAMES_LAST).await;
                if let Some(search) = search.upgrade()
                    && change == search.changes.get()
                {
                    search.files_changed();
                }
            });
        }
        Ok(names)
    }

    /// Looks for text; `found` is called with what comes.
    pub async fn text(
        &self,
        stop: Stop,
        number: u32,
        query: SearchQuery,
        mut found: impl FnMut(Vec<FoundFile>),
    ) -> Result<RunnerMessage, Failure> {
        let prepared = Prepared::new(query)?;
        let _slot = self.slots.acquire().await.map_err(closed)?;
        stop.check()?;
        let sources = text::Sources {
            top: self.top.clone(),
            derived: self.derived.borrow().clone(),
            unsaved: self.documents.unsaved(),
        };
        let (sender, mut parcels) = mpsc::channel(MAX_WAITING_PARCELS);
        let running = stop.clone();
        let work = tokio::task::spawn_blocking(move || {
            text::search(&sources, &prepared, &running, &sender)
        });
        while let Some(files) = parcels.recv().await {
            if !stop.is_set() {
                found(files);
            }
        }
        let done = work.await.map_err(closed)?;
        stop.check()?;
        Ok(RunnerMessage::SearchDone {
            search: number,
            files: done.files,
            matches: done.matches,
            bound: done.bound,
            skipped: done.skipped,
        })
    }
}

fn closed(error: impl std::fmt::Display) -> Failure {
    (
        ErrorCode::Failed,
        format!("The search ended with an error: {error}"),
    )
}
