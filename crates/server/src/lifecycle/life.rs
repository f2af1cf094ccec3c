//! One repl's life: restored, started, watched over, saved, put to rest. Every step can be repeated;
//! what fails leaves the local copy where it is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_protocol::api::{Phase, Progress, Saved};
use alcove_protocol::project::{FILE_NAME, MAX_FILE_BYTES, Project};
use alcove_protocol::status::Status;
use alcove_spawner::{Exit, Owner, SandboxSpec};
use alcove_volume::{Changes, Location, Meta, Outcome, Scope, Volume};
use sea_orm::ActiveValue::Set;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tracing::{Instrument, info, warn};

use super::Repls;
use super::entry::Entry;
use super::folder::Folder;
use super::schedule::Schedule;
use crate::db::{now_ms, repl};
use crate::runner;

type Reply<T> = oneshot::Sender<Result<T, String>>;

pub(super) enum Command {
    Start(Reply<PathBuf>),
    Stop(Reply<()>),
    Save(Reply<()>),
    Rename(String),
    /// Save what an earlier server left on disk.
    Rescue,
}

/// How often progress is told.
const PROGRESS: Duration = Duration::from_millis(100);
/// Changes within this of each other are one.
const BURST: Duration = Duration::from_millis(50);
/// A change that is this old is due.
const LONG_AGO: Duration = Duration::from_secs(60);
/// How long the runner may take to write its documents before everything is ended.
const FLUSH: Duration = Duration::from_secs(10);
/// How often a final checkpoint is tried before a closing server gives up.
const CLOSING_TRIES: u32 = 3;
/// Wait between two tries of a final checkpoint: first, longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

pub(super) struct Life {
    repls: Arc<Repls>,
    entry: Arc<Entry>,
    commands: mpsc::UnboundedReceiver<Command>,
    folder: Folder,
}

/// A repl that runs.
struct Running {
    volume: Arc<Volume>,
    socket: PathBuf,
    /// Restores bulk, then tells the runner.
    bulk: JoinHandle<()>,
    /// Follows the runner's status.
    follow: JoinHandle<()>,
    status: mpsc::Receiver<Status>,
}

/// Why a repl stops running.
#[derive(Default)]
struct Ending {
    /// For a person, when nobody asked for it.
    reason: Option<String>,
    asked: Vec<Reply<()>>,
}

impl Life {
    pub fn new(
        repls: Arc<Repls>,
        entry: Arc<Entry>,
        commands: mpsc::UnboundedReceiver<Command>,
    ) -> Self {
        let folder = Folder::new(repls.config.repls_dir().join(&entry.id));
        Self {
            repls,
            entry,
            commands,
            folder,
        }
    }

    /// Serves commands until the server ends.
    pub async fn run(mut self) {
        let span = tracing::info_span!("repl", id = self.entry.id);
        async {
            while let Some(command) = self.commands.recv().await {
                match command {
                    Command::Start(reply) => self.live(reply).await,
                    Command::Rescue => self.rescue().await,
                    // Nothing runs, and everything is saved: unless a rescue failed.
                    Command::Stop(reply) | Command::Save(reply) => {
                        let left = self.folder.exists() && self.folder.is_restored();
                        let _ = reply.send(if left {
                            Err("what is on disk is not saved yet".into())
                        } else {
                            Ok(())
                        });
                    }
                    Command::Rename(_) => {}
                }
            }
        }
        .instrument(span)
        .await;
    }

    /// From the first who asks until it rests again.
    async fn live(&mut self, first: Reply<PathBuf>) {
        let mut waiting = vec![first];
        let mut kept = None;
        loop {
            let began = Instant::now();
            let running = match self.start(kept.take()).await {
                Ok(running) => running,
                Err(reason) => {
                    warn!(reason, "could not be started");
                    self.rest(Some(reason.clone())).await;
                    // Those who asked meanwhile asked for this start.
                    while let Ok(command) = self.commands.try_recv() {
                        match command {
                            Command::Start(reply) => waiting.push(reply),
                            Command::Stop(reply) | Command::Save(reply) => drop(reply.send(Ok(()))),
                            Command::Rename(_) | Command::Rescue => {}
                        }
                    }
                    for reply in waiting {
                        let _ = reply.send(Err(reason.clone()));
                    }
                    return;
                }
            };
            self.repls.metrics.step("start", began.elapsed());
            info!(ms = began.elapsed().as_millis() as u64, "running");
            self.entry.set_socket(Some(running.socket.clone()));
            self.phase(Phase::Running, None);
            for reply in waiting.drain(..) {
                let _ = reply.send(Ok(running.socket.clone()));
            }
            let (ending, volume) = self.watch_over(running).await;
            match self.put_to_rest(ending, volume).await {
                None => return,
                Some((volume, starts)) => (kept, waiting) = (Some(volume), starts),
            }
        }
    }

    fn phase(&self, phase: Phase, detail: Option<&str>) {
        self.repls.metrics.phase(phase);
        self.entry.phase(phase, detail);
    }

    /// Ends in `stopped`, or in `failed` with a reason.
    async fn rest(&self, reason: Option<String>) {
        let change = repl::ActiveModel {
            id: Set(self.entry.id.clone()),
            reason: Set(reason.clone()),
            ..Default::default()
        };
        if let Err(error) = self.repls.db.update_repl(change).await {
            warn!(%error, "database");
        }
        self.phase(
            if reason.is_some() {
                Phase::Failed
            } else {
                Phase::Stopped
            },
            reason.as_deref(),
        );
        self.entry.update(|state| state.running = false);
    }

    /// Who owns the files here; `None` when it is we.
    async fn owner(&self) -> Result<Option<(u32, u32)>, String> {
        let owner = self.repls.spawner.owner(&self.entry.id).await;
        owner.map(Owner::other).map_err(|e| e.to_string())
    }

    /// Brings files to disk, unless they are there, and starts the sandbox.
    async fn start(&mut self, kept: Option<Arc<Volume>>) -> Result<Running, String> {
        self.phase(Phase::Starting, Some("Getting ready"));
        // Something of an earlier life may have been left by a stop that failed.
        self.repls
            .spawner
            .stop(&self.entry.id)
            .await
            .map_err(|e| e.to_string())?;
        let volume = match kept {
            Some(volume) => volume,
            None => self.bring_files().await?,
        };
        self.phase(Phase::Starting, Some("Starting the sandbox"));
        let began = Instant::now();
        let mut env = Vec::new();
        if !volume.is_whole() {
            env.push(("ALCOVE_RESTORING".to_owned(), "1".to_owned()));
        }
        let spec = SandboxSpec {
            id: self.entry.id.clone(),
            workspace: volume.workspace(),
            home: volume.home(),
            env,
            limits: self.repls.config.limits.clone(),
            network: self.repls.config.network,
        };
        let sandbox = match self.repls.spawner.start(&spec).await {
            Ok(sandbox) => sandbox,
            Err(error) => {
                self.save_and_delete(&volume)
                    .await
                    .map_err(|e| format!("{error}. Besides: {e}"))?;
                return Err(format!("The sandbox could not be started: {error}"));
            }
        };
        self.repls.metrics.step("sandbox", began.elapsed());
        self.entry.touch();
        let (sender, status) = mpsc::channel(1);
        let socket = sandbox.socket;
        let at = socket.clone();
        let follow = tokio::spawn(async move {
            let told = runner::follow(&at, |status| drop(sender.try_send(status))).await;
            if let Err(error) = told {
                tracing::debug!(%error, "status of a runner");
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
        Ok(Running {
            volume,
            socket,
            bulk,
            follow,
            status,
        })
    }

    /// What is on disk from an earlier life, saved; else the store's.
    async fn bring_files(&mut self) -> Result<Arc<Volume>, String> {
        let owner = self.owner().await?;
        if self.folder.exists() && self.folder.is_restored() {
            self.phase(
                Phase::Starting,
                Some("Saving what an earlier run left on this machine"),
            );
            let volume = Arc::new(self.adopt(owner).await?);
            self.checkpoint(&volume, Scope::Everything, None).await?;
            return Ok(volume);
        }
        let began = Instant::now();
        self.phase(Phase::Starting, Some("Restoring files"));
        let local = |e: std::io::Error| format!("The folder for its files could not be made: {e}");
        let row = self.row().await?;
        self.folder.delete().await.map_err(local)?;
        self.folder.create().map_err(local)?;
        let at = Location::Repl(self.entry.id.clone());
        let dir = self.folder.path().to_owned();
        let volume = Volume::open(self.repls.store.clone(), at, row.head as u64, dir, owner)
            .await
            .map_err(|e| {
                format!("Its files could not be read: {e}. Nothing is lost; try again.")
            })?;
        let restored = telling_progress(&self.entry, &volume, volume.restore_sources()).await;
        if let Err(error) = restored
            .map_err(|e| e.to_string())
            .and_then(|()| self.folder.mark_restored().map_err(|e| e.to_string()))
        {
            let _ = self.folder.delete().await;
            return Err(format!(
                "Its files could not be restored: {error}. Nothing is lost; try again."
            ));
        }
        volume.set_meta(|meta| meta.name = row.name).await;
        self.repls.metrics.step("hydrate", began.elapsed());
        info!(
            ms = began.elapsed().as_millis() as u64,
            files = volume.progress().done,
            "restored"
        );
        Ok(Arc::new(volume))
    }

    async fn row(&self) -> Result<repl::Model, String> {
        match self.repls.db.repl(&self.entry.id).await {
            Ok(Some(row)) => Ok(row),
            Ok(None) => Err("It has been deleted.".into()),
            Err(error) => Err(format!("The database can't be read: {error}")),
        }
    }

    async fn adopt(&self, owner: Option<(u32, u32)>) -> Result<Volume, String> {
        let row = self.row().await?;
        let at = Location::Repl(self.entry.id.clone());
        let dir = self.folder.path().to_owned();
        let meta = Meta {
            name: row.name,
            owner: row.owner_id,
            template: row.template,
            ..Meta::default()
        };
        Volume::adopt(self.repls.store.clone(), at, dir, owner, meta)
            .await
            .map_err(|e| format!("What an earlier run left on this machine could not be saved: {e}. It is kept; try again."))
    }

    /// While it runs: checkpoints, people, the sandbox's end.
    async fn watch_over(&mut self, mut running: Running) -> (Ending, Arc<Volume>) {
        let volume = running.volume.clone();
        let changes = match Changes::start() {
            Ok(changes) => Some(Arc::new(changes)),
            Err(error) => {
                warn!(%error, "changes can't be watched: scanning instead");
                None
            }
        };
        let mut schedule = Schedule::default();
        // The first scan, at once, sets the watches and finds what changed since the files were restored.
        schedule.changed(Instant::now() - LONG_AGO);
        // What comes in a burst is one change.
        let mut quiet = Instant::now();
        let mut saving: Option<JoinHandle<Result<Duration, String>>> = None;
        // Those who wait for a checkpoint that begins after they asked, and for the one under way.
        let mut asked_to_save: Vec<Reply<()>> = Vec::new();
        let mut being_saved: Vec<Reply<()>> = Vec::new();
        let spawner = self.repls.spawner.clone();
        let id = self.entry.id.clone();
        let mut ended = tokio::spawn(async move { spawner.wait(&id).await });
        let ending = loop {
            if saving.is_none() && !asked_to_save.is_empty() {
                being_saved = std::mem::take(&mut asked_to_save);
                schedule.began();
                saving = Some(self.begin_checkpoint(&volume, changes.clone()));
            }
            let watched = changes.as_ref().is_some_and(|c| c.complete());
            let due = if saving.is_some() {
                None
            } else {
                schedule.due(Instant::now(), watched)
            };
            let leave = self.leave_at();
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Start(reply)) => drop(reply.send(Ok(running.socket.clone()))),
                    Some(Command::Stop(reply)) => break Ending { reason: None, asked: vec![reply] },
                    Some(Command::Save(reply)) => {
                        if let Err(error) = runner::flush(&running.socket, FLUSH).await {
                            warn!(%error, "flush");
                        }
                        asked_to_save.push(reply);
                    }
                    Some(Command::Rename(name)) => {
                        volume.set_meta(|meta| meta.name = name).await;
                        schedule.changed(Instant::now());
                    }
                    Some(Command::Rescue) => {}
                    None => break Ending::default(),
                },
                () = changed(changes.as_deref(), quiet) => {
                    quiet = Instant::now() + BURST;
                    schedule.changed(Instant::now());
                    self.entry.update(|s| if s.saved == Saved::Saved { s.saved = Saved::Saving });
                }
                () = until(due) => {
                    schedule.began();
                    saving = Some(self.begin_checkpoint(&volume, changes.clone()));
                }
                done = finished(&mut saving) => {
                    saving = None;
                    let result = done.unwrap_or_else(|e| Err(e.to_string()));
                    match &result {
                        Ok(cost) => schedule.succeeded(Instant::now(), *cost),
                        Err(error) => {
                            warn!(error, "checkpoint");
                            schedule.failed(Instant::now());
                        }
                    }
                    self.tell_saved(result.as_ref().err(), schedule.is_dirty());
                    for reply in being_saved.drain(..) {
                        let _ = reply.send(result.clone().map(drop));
                    }
                }
                Some(status) = running.status.recv() => {
                    self.entry.update(|s| s.running = status.running);
                }
                exit = &mut ended => {
                    let exit = exit.unwrap_or(Exit::Unknown);
                    break Ending { reason: Some(why_it_ended(&exit)), asked: vec![] };
                }
                () = self.entry.moved.notified() => {}
                () = until(leave) => {
                    info!("nobody is here any more");
                    break Ending::default();
                }
            }
        };
        self.entry.set_socket(None);
        self.phase(Phase::Stopping, Some("Ending its programs"));
        if ending.reason.is_none() {
            let began = Instant::now();
            if let Err(error) = runner::flush(&running.socket, FLUSH).await {
                warn!(%error, "flush");
            }
            if let Err(error) = runner::stop(&running.socket, self.repls.config.stop_patience).await
            {
                warn!(%error, "the runner could not end its programs: they are killed");
            }
            self.repls.metrics.step("end_programs", began.elapsed());
        }
        ended.abort();
        running.bulk.abort();
        running.follow.abort();
        // A restore that is cut off leaves its staging folder, by which the volume knows.
        let _ = (&mut running.bulk).await;
        if let Some(saving) = saving {
            let _ = saving.await;
        }
        for reply in asked_to_save.into_iter().chain(being_saved) {
            let _ = reply.send(Err("The repl is stopping: it is saved now.".into()));
        }
        (ending, volume)
    }

    /// When it is left alone: nobody is here, and the grace period has passed.
    fn leave_at(&self) -> Option<Instant> {
        let present = self.entry.present();
        let grace = self.repls.config.grace_period?;
        (present.people == 0 && present.watching == 0).then(|| present.last_seen + grace)
    }

    fn begin_checkpoint(
        &self,
        volume: &Arc<Volume>,
        changes: Option<Arc<Changes>>,
    ) -> JoinHandle<Result<Duration, String>> {
        let (volume, repls, id) = (volume.clone(), self.repls.clone(), self.entry.id.clone());
        tokio::spawn(
            async move {
                let began = Instant::now();
                checkpoint(&repls, &id, &volume, Scope::Sources, changes).await?;
                Ok(began.elapsed())
            }
            .in_current_span(),
        )
    }

    async fn checkpoint(
        &self,
        volume: &Volume,
        scope: Scope,
        changes: Option<Arc<Changes>>,
    ) -> Result<Outcome, String> {
        checkpoint(&self.repls, &self.entry.id, volume, scope, changes).await
    }

    fn tell_saved(&self, error: Option<&String>, dirty: bool) {
        self.entry.update(|state| {
            state.saved = match (error, &state.saved) {
                (None, _) if dirty => Saved::Saving,
                (None, _) => Saved::Saved,
                (Some(message), Saved::Failing { since, .. }) => Saved::Failing {
                    since: since.clone(),
                    message: message.clone(),
                },
                (Some(message), _) => Saved::Failing {
                    since: Some(crate::rfc3339(now_ms())),
                    message: message.clone(),
                },
            };
        });
    }

    /// Ends the sandbox, saves, deletes the local copy. Saving is tried until it succeeds; meanwhile
    /// somebody may want it to run again: then the workspace is handed back with those who ask.
    async fn put_to_rest(
        &mut self,
        ending: Ending,
        volume: Arc<Volume>,
    ) -> Option<(Arc<Volume>, Vec<Reply<PathBuf>>)> {
        self.phase(Phase::Stopping, Some("Saving"));
        let mut asked = ending.asked;
        let mut wait = RETRY.0;
        let mut tries = 0;
        loop {
            let Err(error) = self.end_and_save(&volume).await else {
                break;
            };
            tries += 1;
            warn!(error, tries, "final checkpoint");
            self.tell_saved(Some(&error), true);
            for reply in asked.drain(..) {
                let _ = reply.send(Err(error.clone()));
            }
            if self.repls.is_closing() && tries >= CLOSING_TRIES {
                self.phase(
                    Phase::Failed,
                    Some("It could not be saved yet; its files are kept on the server."),
                );
                return None;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(RETRY.1),
                command = self.commands.recv() => match command? {
                    Command::Start(reply) => return Some((volume, vec![reply])),
                    Command::Stop(reply) | Command::Save(reply) => asked.push(reply),
                    Command::Rename(name) => volume.set_meta(|meta| meta.name = name).await,
                    Command::Rescue => {}
                }
            }
        }
        self.rest(ending.reason).await;
        for reply in asked {
            let _ = reply.send(Ok(()));
        }
        info!("at rest");
        None
    }

    /// Nothing is saved for good, or deleted, while a program may still write.
    async fn end_and_save(&self, volume: &Volume) -> Result<(), String> {
        let stopped = self.repls.spawner.stop(&self.entry.id).await;
        stopped.map_err(|e| format!("its sandbox could not be ended: {e}"))?;
        self.save_and_delete(volume).await
    }

    /// The final checkpoint; the local copy is deleted only after it is durable.
    async fn save_and_delete(&self, volume: &Volume) -> Result<(), String> {
        let began = Instant::now();
        let outcome = self.checkpoint(volume, Scope::Everything, None).await?;
        self.tell_saved(None, false);
        self.repls.metrics.step("final_checkpoint", began.elapsed());
        let began = Instant::now();
        if !outcome.left_out.is_empty() {
            // Only an ordinary user's server meets what it may not read.
            let kept =
                self.repls
                    .config
                    .unsaved_dir()
                    .join(format!("{}-{}", self.entry.id, now_ms()));
            self.folder
                .keep(&kept)
                .map_err(|e| format!("what could not be read can't be kept: {e}"))?;
            warn!(files = ?outcome.left_out, kept = %kept.display(), "could not be read, and so not saved: the folder is kept");
            return Ok(());
        }
        if let Err(error) = self.folder.delete().await {
            // It is saved: what is left is only in the way.
            warn!(%error, "the local copy could not be deleted");
        } else if let Err(error) = self.repls.spawner.release(&self.entry.id).await {
            warn!(%error, "its user could not be given back");
        }
        self.repls
            .metrics
            .step("delete_local_copy", began.elapsed());
        Ok(())
    }

    /// Saves what an earlier server left, and deletes it.
    async fn rescue(&mut self) {
        if !self.folder.exists() {
            return;
        }
        if !self.folder.is_restored() {
            info!("deleting a restore that was cut short");
            if let Err(error) = self.folder.delete().await {
                warn!(%error, "it could not be deleted");
            }
            return;
        }
        info!("saving what an earlier server left on this machine");
        self.phase(
            Phase::Stopping,
            Some("Saving what an earlier run left on this machine"),
        );
        let rescued = async {
            let owner = self.owner().await?;
            let volume = self.adopt(owner).await?;
            self.end_and_save(&volume).await
        };
        let reason = rescued.await.err();
        if let Some(reason) = &reason {
            warn!(reason, "rescue");
            self.tell_saved(Some(reason), true);
        }
        self.rest(reason).await;
    }
}

async fn checkpoint(
    repls: &Repls,
    id: &str,
    volume: &Volume,
    scope: Scope,
    changes: Option<Arc<Changes>>,
) -> Result<Outcome, String> {
    if let Some(files) = project_files(volume).await {
        volume
            .set_meta(|meta| (meta.bulk, meta.caches) = files)
            .await;
    }
    let outcome = volume.checkpoint(scope, changes).await.map_err(|e| {
        repls.metrics.checkpoint(Err(()));
        e.to_string()
    })?;
    if outcome.changed {
        repls.metrics.checkpoint(Ok(outcome.bytes));
        info!(
            number = outcome.number,
            files = outcome.files,
            bytes = outcome.bytes,
            "checkpoint"
        );
        let change = repl::ActiveModel {
            id: Set(id.to_owned()),
            head: Set(outcome.number as i64),
            edited_ms: Set(now_ms()),
            ..Default::default()
        };
        // A head that is not remembered is found by a longer listing.
        if let Err(error) = repls.db.update_repl(change).await {
            warn!(%error, "database");
        }
    }
    Ok(outcome)
}

/// What the project file says of bulk and caches; hostile input: a link is not followed, a broken or
/// huge file is as none.
async fn project_files(volume: &Volume) -> Option<(Vec<String>, Vec<String>)> {
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;
    let path = volume.workspace().join(FILE_NAME);
    tokio::task::spawn_blocking(move || {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let file = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits() as i32)
            .open(path)
            .ok()?;
        let mut text = String::new();
        file.metadata().ok()?.is_file().then_some(())?;
        file.take(MAX_FILE_BYTES as u64 + 1)
            .read_to_string(&mut text)
            .ok()?;
        let files = Project::parse(&text).ok()?.files;
        let names = |list: Vec<alcove_protocol::WorkspacePath>| {
            list.iter().map(ToString::to_string).collect()
        };
        Some((names(files.bulk), names(files.caches)))
    })
    .await
    .ok()?
}

/// Does `work` of a volume, and tells how far it is.
async fn telling_progress<T>(entry: &Entry, volume: &Volume, work: impl Future<Output = T>) -> T {
    tokio::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(PROGRESS) => {
                let at = volume.progress();
                entry.update(|s| s.progress = Some(Progress { done: at.done, total: at.total }));
            }
        }
    }
}

async fn restore_bulk(
    volume: Arc<Volume>,
    socket: PathBuf,
    entry: Arc<Entry>,
    metrics: Arc<crate::metrics::Metrics>,
) {
    if volume.is_whole() {
        return;
    }
    let began = Instant::now();
    let mut wait = RETRY.0;
    while let Err(error) = telling_progress(&entry, &volume, volume.restore_bulk()).await {
        warn!(%error, "restoring bulk; trying again");
        let why = format!("Dependencies could not be restored yet: {error}. It is tried again.");
        entry.update(|s| s.detail = Some(why));
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(RETRY.1);
    }
    entry.update(|s| (s.progress, s.detail) = (None, None));
    metrics.step("restore_bulk", began.elapsed());
    info!(ms = began.elapsed().as_millis() as u64, "bulk restored");
    if let Err(error) = runner::ready(&socket).await {
        warn!(%error, "the runner was not told that bulk is there");
    }
}

fn why_it_ended(exit: &Exit) -> String {
    match exit {
        Exit::Code(137) => "Its sandbox was killed: by the system for want of memory, or by an operator of the server.".into(),
        Exit::Code(code) => format!("Its sandbox ended unexpectedly (exit code {code})."),
        Exit::Unknown => "Its sandbox ended unexpectedly.".into(),
    }
}

/// The next change after `quiet`. No change is lost when this is dropped.
async fn changed(changes: Option<&Changes>, quiet: Instant) {
    match changes {
        Some(changes) => {
            tokio::time::sleep_until(quiet.into()).await;
            changes.wait().await;
        }
        None => std::future::pending().await,
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

async fn finished<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, tokio::task::JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}
