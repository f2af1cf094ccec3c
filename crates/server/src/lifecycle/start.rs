//! How a repl comes to run: its files are brought to disk while its sandbox starts, unless one was ready. The
//! runner waits for the files.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_protocol::api::Progress;
use alcove_protocol::status::Status;
use alcove_spawner::{Holds, Limits, Sandbox};
use alcove_volume::{Location, Scope, Size, Volume};
use tokio::sync::watch;
use tracing::{Instrument, info, warn};

use super::entry::{Entry, Program, Terms};
use super::life::{Life, RETRY, Running};
use super::measured::Measured;
use super::transitions::Event;
use crate::db::repl;
use crate::metrics::Metrics;
use crate::runner;

/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(100);
/// How long a runner may take to begin, once its files are there.
const BEGIN: Duration = Duration::from_secs(20);
/// Until a runner is asked again how it is, when the connection has ended.
const FOLLOW: Duration = Duration::from_secs(1);

impl Life {
    /// Brings files to disk, unless they are there, and starts the sandbox.
    pub(super) async fn start(
        &mut self,
        terms: &Terms,
        kept: Option<Arc<Volume>>,
    ) -> Result<Running, String> {
        self.happens(Event::Start, Some("Getting ready"));
        if let Some(running) = self.start_ready(terms, kept.is_some()).await {
            return Ok(running);
        }
        // Something of an earlier life may have been left by a stop that failed.
        let stopped = self.repls.spawner.stop(&self.entry.id).await;
        stopped.map_err(|e| e.to_string())?;
        // From here on it may hold what is not saved.
        self.is_in_the_way = false;
        let there = match kept {
            Some(volume) => Some(volume),
            None => self.saved_what_is_left().await?,
        };
        let started = match there {
            Some(volume) => self.start_over(volume, terms).await,
            None => self.start_anew(terms).await,
        };
        if started.is_ok() {
            self.repls.metrics.started(false);
        }
        started
    }

    /// In the sandbox that was made before its repl, if there is one that fits. `None`: it is started like any
    /// other, which ends that one.
    async fn start_ready(&mut self, terms: &Terms, is_kept: bool) -> Option<Running> {
        let ready = self.ready.take()?;
        let row = self.row().await.ok()?;
        if is_kept || !ready.fits(terms, holds(&row)) {
            return None;
        }
        let begun = async {
            self.entry.tell("Restoring files");
            let volume = self.opened(row, self.owner().await?).await?;
            self.restore(&volume).await?;
            self.begun(volume, Ok(ready.sandbox), terms).await
        };
        match begun.await {
            Ok(running) => {
                self.repls.metrics.started(true);
                Some(running)
            }
            Err(error) => {
                warn!(error, "the sandbox that was ready can't be used");
                None
            }
        }
    }

    /// Over files that are there, and that nobody else may have.
    async fn start_over(&mut self, volume: Arc<Volume>, terms: &Terms) -> Result<Running, String> {
        self.entry.tell("Starting the sandbox");
        let sandbox = match self.folder.mark_restored() {
            Ok(()) => self.sandbox(terms).await,
            Err(error) => Err(format!(
                "The folder of its files can't be written: {error}."
            )),
        };
        match self.begun(volume.clone(), sandbox, terms).await {
            Ok(running) => Ok(running),
            Err(error) => {
                let saved = self.end_and_save(&volume).await;
                saved.map_err(|e| format!("{error} Besides: {e}"))?;
                Err(error)
            }
        }
    }

    /// With the store's files, which are brought while the sandbox starts.
    async fn start_anew(&mut self, terms: &Terms) -> Result<Running, String> {
        let started = self.bring_files(terms).await;
        if started.is_err() {
            // Nothing has been done in it.
            if let Err(error) = self.repls.spawner.stop(&self.entry.id).await {
                warn!(%error, "its sandbox could not be ended");
            }
            self.delete_local_copy().await;
        }
        started
    }

    async fn bring_files(&self, terms: &Terms) -> Result<Running, String> {
        self.entry.tell("Restoring files");
        let volume = self.empty(terms).await?;
        let (restored, sandbox) = tokio::join!(self.restore(&volume), self.sandbox(terms));
        restored?;
        self.begun(volume, sandbox, terms).await
    }

    /// Starts the sandbox over its folder. Its runner waits.
    async fn sandbox(&self, terms: &Terms) -> Result<Sandbox, String> {
        let began = Instant::now();
        let spec = self.repls.sandbox_spec(&self.entry.id, terms);
        let started = self.repls.spawner.start(&spec).await;
        self.repls.metrics.step("sandbox", began.elapsed());
        started.map_err(|e| format!("The sandbox could not be started: {e}"))
    }

    /// Tells the runner that the files are there. After an error the sandbox may still be there.
    async fn begun(
        &self,
        volume: Arc<Volume>,
        sandbox: Result<Sandbox, String>,
        terms: &Terms,
    ) -> Result<Running, String> {
        let sandbox = sandbox?;
        let measured = self.measured(&terms.limits).await?;
        let begun = runner::begin(&sandbox.socket, !volume.is_whole(), BEGIN).await;
        begun.map_err(|error| format!("The sandbox could not be started: {error:#}."))?;
        Ok(self.running(volume, sandbox.socket, terms, measured))
    }

    /// What its folder takes, if nothing else holds it to the limit of a disk.
    pub(super) async fn measured(&self, limits: &Limits) -> Result<Option<Measured>, String> {
        let spawner = &self.repls.spawner;
        let is_measured = spawner.isolates() && !spawner.has_disk(&self.entry.id);
        let Some(disk) = limits.disk.filter(|_| is_measured) else {
            return Ok(None);
        };
        let holds = self.row().await?.size();
        let measured = Measured::before_start(self.folder.path(), disk, holds);
        Ok(Some(measured.await))
    }

    pub(super) fn running(
        &self,
        volume: Arc<Volume>,
        socket: PathBuf,
        terms: &Terms,
        measured: Option<Measured>,
    ) -> Running {
        self.entry.touch();
        *self.entry.program.lock() = Program::default();
        let (sender, status) = watch::channel(Status::default());
        let at = socket.clone();
        let follow = tokio::spawn(async move {
            loop {
                let told = runner::follow(&at, |status| drop(sender.send_replace(status))).await;
                if let Err(error) = told {
                    tracing::debug!(%error, "status of a runner");
                }
                tokio::time::sleep(FOLLOW).await;
            }
        });
        let bulk = tokio::spawn(
            restore_bulk(
                volume.clone(),
                socket.clone(),
                self.entry.clone(),
                self.repls.metrics.clone(),
            )
            .in_current_span(),
        );
        Running {
            volume,
            socket,
            terms: terms.clone(),
            measured,
            bulk,
            follow,
            status,
            active: 0,
            exits: 0,
            began: Instant::now(),
        }
    }

    /// What is on disk from an earlier life, saved; `None` when nothing is, or it is another's by now.
    async fn saved_what_is_left(&mut self) -> Result<Option<Arc<Volume>>, String> {
        self.attach_left().await?;
        if !self.folder.exists() || !self.folder.is_restored() {
            return Ok(None);
        }
        // It may have been deleted since.
        self.row().await?;
        self.entry
            .tell("Saving what an earlier run left on this machine");
        let volume = Arc::new(self.adopt(self.owner().await?).await?);
        if volume.is_replaced().await {
            self.keep_as_fork(&volume).await?;
            return Ok(None);
        }
        self.checkpoint(&volume, Scope::Final, None).await?;
        Ok(Some(volume))
    }

    /// A folder for the store's files, with nothing in it.
    async fn empty(&self, terms: &Terms) -> Result<Arc<Volume>, String> {
        let owner = self.owner().await?;
        let row = self.row().await?;
        let deleted = self.folder.delete().await;
        deleted.map_err(|e| format!("The folder for its files could not be made: {e}"))?;
        let limits = &terms.limits;
        let made = self.folder.create_empty(limits, holds(&row), owner);
        made.await?;
        self.opened(row, owner).await
    }

    /// The newest state in the store, over a folder with nothing in it.
    async fn opened(
        &self,
        row: repl::Model,
        owner: Option<(u32, u32)>,
    ) -> Result<Arc<Volume>, String> {
        let dir = self.folder.path().to_owned();
        let (store, at) = (
            self.repls.store.clone(),
            Location::Repl(self.entry.id.clone()),
        );
        let volume = Volume::open(store, at, row.head as u64, dir, owner).await;
        let volume = volume.map_err(|e| {
            format!("Its files could not be read: {e}. Nothing is lost; try again.")
        })?;
        volume.set_meta(|meta| meta.name = row.name);
        Ok(Arc::new(volume))
    }

    /// The store's files, but for bulk.
    async fn restore(&self, volume: &Volume) -> Result<(), String> {
        let began = Instant::now();
        let restored = telling_progress(&self.entry, volume, volume.restore_sources()).await;
        let marked = restored
            .map_err(|e| e.to_string())
            .and_then(|()| self.folder.mark_restored().map_err(|e| e.to_string()));
        marked.map_err(|error| {
            format!("Its files could not be restored: {error}. Nothing is lost; try again.")
        })?;
        self.repls.metrics.step("hydrate", began.elapsed());
        info!(
            ms = began.elapsed().as_millis() as u64,
            files = volume.progress().done.files,
            "restored"
        );
        Ok(())
    }
}

fn holds(row: &repl::Model) -> Holds {
    let Size { bytes, files } = row.size();
    Holds { bytes, files }
}

/// Does `work` of a volume, and tells how far it is.
async fn telling_progress<T>(entry: &Entry, volume: &Volume, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(PROGRESS) => {
                let at = volume.progress();
                entry.update(|s| s.progress = Some(told(at)));
            }
        }
    }
}

fn told(alcove_volume::Progress { done, total }: alcove_volume::Progress) -> Progress {
    Progress {
        done: done.files,
        total: total.files,
        done_bytes: done.bytes,
        total_bytes: total.bytes,
    }
}

async fn restore_bulk(
    volume: Arc<Volume>,
    socket: PathBuf,
    entry: Arc<Entry>,
    metrics: Arc<Metrics>,
) {
    if !volume.is_whole() {
        restore_until_whole(&volume, &entry, &metrics).await;
    }
    // One that did not wait for it does nothing; of an earlier server's it is not known.
    if let Err(error) = runner::ready(&socket).await {
        warn!(%error, "the runner was not told that bulk is there");
    }
}

async fn restore_until_whole(volume: &Volume, entry: &Entry, metrics: &Metrics) {
    let began = Instant::now();
    let mut wait = RETRY.0;
    while let Err(error) = telling_progress(entry, volume, volume.restore_bulk()).await {
        warn!(%error, "restoring bulk; trying again");
        let why = format!("Dependencies could not be restored yet: {error}. It is tried again.");
        entry.update(|s| s.detail = Some(why));
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY.1);
    }
    entry.update(|s| (s.progress, s.detail) = (None, None));
    metrics.step("restore_bulk", began.elapsed());
    info!(ms = began.elapsed().as_millis() as u64, "bulk restored");
}
