//! One repl's life: restored, started, watched over, saved, put to rest. Every step can be repeated;
//! what fails leaves the local copy where it is.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_protocol::api::Phase;
use alcove_protocol::status::Status;
use alcove_spawner::{Owner, Sandbox};
use alcove_volume::{Amender, Location, Meta, Volume};
use sea_orm::ActiveValue::{NotSet, Set};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tracing::{Instrument, info, warn};

use super::Repls;
use super::amend::Amend;
use super::comeback::{Comebacks, Next};
use super::entry::{Entry, Terms};
use super::fill::Fill;
use super::folder::Folder;
use super::measured::Measured;
use super::policy::Policy;
use super::quota::Quotas;
use super::running::until;
use super::transitions::Event;
use super::warm::Ready;
use crate::db::{now_ms, repl};
use crate::runner;

pub(super) type Reply<T> = oneshot::Sender<Result<T, String>>;

/// Somebody wants it to run.
pub(super) struct Start {
    pub reply: Reply<PathBuf>,
    /// What Run does, too.
    pub run: bool,
}

pub(super) enum Command {
    Start(Start),
    Stop(Reply<()>),
    Save(Reply<()>),
    /// Save, and leave what runs to the next server.
    Leave(Reply<()>),
    Rename(String),
    /// The next state holds what this one held.
    Restored(Option<u64>),
    /// Change what is in the store: nothing runs.
    Amend(Box<Amend>),
    /// Go on with the sandbox that an earlier server left.
    Adopt(Box<Sandbox>),
    /// Bring files into it: nothing runs, and it is empty.
    Fill(Box<Fill>),
    /// Save what an earlier server left on disk.
    Rescue,
    /// It is kept alive, and ran when an earlier server ended: start it again, unless it was found running.
    ComeBack,
    /// Delete what is on disk alone since it would exceed a quota.
    Discard(oneshot::Sender<()>),
    /// It has been deleted.
    Forget,
}

/// How long a runner that is taken over may take to say how it is,
const ADOPTION: Duration = Duration::from_secs(60);
/// and how often the store is asked for its repl before.
const ADOPTION_TRIES: u32 = 8;
/// Why a repl stops that another server runs now.
pub(super) const REPLACED: &str = "Another server has opened this repl, and writes it now.";
/// Wait between two tries of a final checkpoint: first, longest.
pub(super) const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

pub(super) struct Life {
    pub(super) repls: Arc<Repls>,
    pub(super) entry: Arc<Entry>,
    pub(super) commands: mpsc::UnboundedReceiver<Command>,
    pub(super) folder: Folder,
    pub(super) amender: Amender,
    /// Once it runs, what Run does is started.
    pub(super) wants_program: bool,
    /// When it is started again, since it is kept alive and ended by itself.
    pub(super) again: Option<Instant>,
    pub(super) comebacks: Comebacks,
    /// It still ran when this server started.
    was_found: bool,
    /// What an earlier server left of it is being saved.
    pub(super) is_rescued: bool,
    /// It rests, and what is in its folder is saved but for what would exceed a quota.
    pub(super) is_partly_saved: bool,
    /// It rests, and what of it can't be saved stays in its folder, even in the bin.
    pub(super) is_kept_here: bool,
    /// It rests, and is saved, but its sandbox could not be ended, its folder not be deleted, or its user not be
    /// given back.
    pub(super) is_in_the_way: bool,
    /// Its sandbox, made before it was: until it is started, or ended since nobody does.
    pub(super) ready: Option<Ready>,
    /// When that is due, or what is in the way is tried again,
    pub(super) cools: Option<Instant>,
    /// and how long after that once more.
    pub(super) patience: Duration,
}

/// A repl that runs.
pub(super) struct Running {
    pub volume: Arc<Volume>,
    pub socket: PathBuf,
    /// Until it stops.
    pub terms: Terms,
    /// What its folder takes, where there is a limit and nothing else holds it to that.
    pub measured: Option<Measured>,
    /// Restores bulk, then tells the runner.
    pub bulk: JoinHandle<()>,
    /// Follows the runner's status.
    pub follow: JoinHandle<()>,
    pub status: watch::Receiver<Status>,
    /// When somebody last did something, as the runner counts.
    pub active: u64,
    /// How often its program has ended, as the runner counts.
    pub exits: u64,
    /// When it was started, by whichever server.
    pub began: Instant,
}

impl Running {
    /// Ends what goes on beside the sandbox; not the sandbox.
    pub async fn end(&mut self) {
        self.bulk.abort();
        self.follow.abort();
        // A restore that is cut off leaves its staging folder, by which the volume knows.
        let _ = (&mut self.bulk).await;
    }
}

impl Life {
    pub fn new(
        repls: Arc<Repls>,
        entry: Arc<Entry>,
        commands: mpsc::UnboundedReceiver<Command>,
        ready: Option<Ready>,
    ) -> Self {
        let folder = repls.folder(&entry.id);
        let stays = Ready::stays(entry.lifetime().patience.grace);
        let cools = ready.is_some().then(|| Instant::now() + stays);
        Self {
            repls,
            entry,
            commands,
            folder,
            amender: Amender::default(),
            wants_program: false,
            again: None,
            comebacks: Comebacks::default(),
            was_found: false,
            is_rescued: false,
            is_partly_saved: false,
            is_kept_here: false,
            is_in_the_way: false,
            ready,
            cools,
            patience: RETRY.0,
        }
    }

    /// Serves commands until the server ends, or its repl is deleted.
    pub async fn run(mut self) {
        let span = tracing::info_span!("repl", id = self.entry.id);
        async {
            while !self.commands.is_closed() && !self.entry.is_forgotten() {
                let command = tokio::select! {
                    command = self.commands.recv() => match command {
                        Some(command) => command,
                        None => break,
                    },
                    () = until(self.again) => {
                        self.come_back().await;
                        continue;
                    }
                    () = until(self.cools) => {
                        let _ = self.cool().await;
                        continue;
                    }
                };
                match command {
                    // It may have come to its end since it was found running.
                    Command::ComeBack if self.was_found => {}
                    Command::ComeBack => self.come_back().await,
                    Command::Start(start) => {
                        self.comebacks.forget();
                        let reply = self.asked(start);
                        self.live(vec![reply], None).await;
                    }
                    Command::Adopt(sandbox) => match self.adopt_running(*sandbox).await {
                        Ok(running) => {
                            self.was_found = true;
                            self.live(Vec::new(), Some(running)).await;
                        }
                        Err(reason) => {
                            warn!(reason, "what an earlier server left can't go on");
                            self.rescue().await;
                        }
                    },
                    Command::Rescue => self.rescue().await,
                    Command::Stop(reply) if self.again.is_some() && !self.repls.is_closing() => {
                        self.again = None;
                        if self.at_rest().is_ok() {
                            self.rest(None).await;
                        }
                        let cooled = self.cool().await;
                        self.save_what_is_left().await;
                        let _ = reply.send(cooled.and(self.at_rest()));
                    }
                    // Nothing runs, and everything is saved: unless a rescue failed.
                    Command::Stop(reply) => {
                        let cooled = self.cool().await;
                        self.save_what_is_left().await;
                        self.tell_halted().await;
                        let _ = reply.send(cooled.and(self.at_rest()));
                    }
                    Command::Save(reply) => {
                        self.clear_the_way().await;
                        self.save_what_is_left().await;
                        let _ = reply.send(self.at_rest());
                    }
                    Command::Leave(reply) => {
                        let cooled = self.cool().await;
                        let _ = reply.send(cooled.and(self.at_rest()));
                    }
                    Command::Amend(amend) => self.amend(*amend).await,
                    Command::Fill(fill) => self.fill(*fill).await,
                    Command::Rename(_) | Command::Restored(_) | Command::Forget => {}
                    Command::Discard(done) => {
                        self.discard().await;
                        let _ = done.send(());
                    }
                }
            }
            if self.entry.is_forgotten() {
                let _ = self.cool().await;
                self.hand_over().await;
                self.happens(Event::Delete, None);
            }
        }
        .instrument(span)
        .await;
    }

    /// Ends its sandbox if that is ready, and nobody has started it, and clears away what could not be before. `Err`:
    /// its sandbox may still run. It is tried again.
    pub(super) async fn cool(&mut self) -> Result<(), String> {
        self.cools = None;
        // It counts as one until it has ended.
        let ready = self.ready.take();
        if ready.is_none() && !self.is_in_the_way {
            return Ok(());
        }
        if let Err(error) = self.repls.spawner.stop(&self.entry.id).await {
            warn!(%error, "a sandbox that nobody needs could not be ended");
            self.try_again();
            return Err(format!("its sandbox could not be ended: {error}"));
        }
        self.delete_local_copy().await;
        Ok(())
    }

    /// Tries again what could not be cleared away.
    pub(super) async fn clear_the_way(&mut self) {
        if self.is_in_the_way {
            let _ = self.cool().await;
        }
    }

    /// Something is in the way.
    pub(super) fn try_again(&mut self) {
        self.is_in_the_way = true;
        self.cools = Some(Instant::now() + self.patience);
        self.patience = (self.patience * 2).min(RETRY.1);
    }

    /// What is in the way of a repl that was never made is nobody's.
    async fn hand_over(&self) {
        let row = self.repls.db.any_repl(&self.entry.id).await;
        if self.is_in_the_way && matches!(row, Ok(None)) {
            self.repls.let_go(&self.entry.id);
        }
    }

    /// Somebody who asks for it is answered when it runs.
    pub(super) fn asked(&mut self, start: Start) -> Reply<PathBuf> {
        self.wants_program |= start.run;
        start.reply
    }

    /// The operator stopped it while it rested.
    async fn tell_halted(&self) {
        if self.entry.halted().is_none() {
            return;
        }
        match self.entry.state().phase {
            Phase::Stopped => self.rest(None).await,
            Phase::Failed => self.rest(self.reason().await).await,
            Phase::Starting | Phase::Running | Phase::Stopping => {}
        }
    }

    /// Starts what Run does, and notes why if it can't be.
    pub(super) async fn start_program(&mut self, socket: &Path) {
        self.wants_program = false;
        let refusal = match runner::start_run(socket).await {
            Ok(started) => started.err(),
            Err(error) => Some(format!("{error:#}")),
        };
        match &refusal {
            Some(reason) => info!(reason, "what Run does was not started"),
            // Before anybody is told: however this server ends, the next one knows.
            None => self.note_program_runs(true).await,
        }
        self.entry.program.lock().refusal = refusal;
    }

    /// Starts it with its program and nobody there, unless it is not to be kept alive any more.
    async fn come_back(&mut self) {
        self.again = None;
        if self.repls.is_closing() {
            return;
        }
        if !self.entry.lifetime().keep_alive {
            let reason = self.reason().await;
            return self.rest(reason).await;
        }
        let row = self.any_row().await;
        self.wants_program = row.is_ok_and(|row| row.program_runs);
        info!(
            program = self.wants_program,
            "it is kept alive: started again"
        );
        self.live(Vec::new(), None).await;
    }

    /// It ended by itself, after so long: when it is kept alive it is started again after a while, which
    /// its `reason` says then.
    fn plan_comeback(&mut self, lived: Duration, reason: &mut String) {
        if !self.entry.lifetime().keep_alive {
            return;
        }
        let next = self.comebacks.next(lived);
        if let Next::Again(after, ..) = next {
            self.again = Some(Instant::now() + after);
        }
        *reason = format!("{reason} {}", next.words());
    }

    /// From the first who asks until it rests again; `running` when it runs already.
    async fn live(&mut self, mut waiting: Vec<Reply<PathBuf>>, mut running: Option<Running>) {
        let mut kept = None;
        let is_due = self.again.take().is_some();
        let is_asked_for = !waiting.is_empty();
        // Held until it rests again.
        let ticket = match &running {
            Some(running) => {
                let limits = running.terms.limits.clone();
                self.repls.admission.at_once(&self.entry.owner, limits)
            }
            None => match self.admitted(&mut waiting, is_due || !is_asked_for).await {
                Some(ticket) => ticket,
                None => return,
            },
        };
        loop {
            let began = Instant::now();
            let was_running = running.is_some();
            let started = match running.take() {
                Some(running) => Ok(running),
                None => {
                    // It was admitted with its size; what it may reach may be less by now.
                    let terms = Terms {
                        limits: ticket.limits.clone(),
                        ..self.entry.terms()
                    };
                    self.start(&terms, kept.take()).await
                }
            };
            let running = match started {
                Ok(running) => running,
                Err(mut reason) => {
                    warn!(reason, "could not be started");
                    if !is_asked_for {
                        self.plan_comeback(Duration::ZERO, &mut reason);
                    }
                    self.rest(Some(reason.clone())).await;
                    self.wants_program = false;
                    // Those who asked meanwhile asked for this start.
                    while let Ok(command) = self.commands.try_recv() {
                        match command {
                            Command::Start(start) => waiting.push(start.reply),
                            Command::Stop(reply) | Command::Save(reply) | Command::Leave(reply) => {
                                drop(reply.send(Ok(())));
                            }
                            Command::Amend(amend) => self.amend(*amend).await,
                            Command::Fill(fill) => self.fill(*fill).await,
                            Command::Rename(_)
                            | Command::Restored(_)
                            | Command::Adopt(_)
                            | Command::Rescue
                            | Command::ComeBack
                            | Command::Discard(_)
                            | Command::Forget => {}
                        }
                    }
                    for reply in waiting {
                        let _ = reply.send(Err(reason.clone()));
                    }
                    return;
                }
            };
            (self.is_partly_saved, self.is_kept_here) = (false, false);
            self.is_in_the_way = false;
            self.repls.metrics.step("start", began.elapsed());
            info!(ms = began.elapsed().as_millis() as u64, "running");
            self.entry.set_socket(Some(running.socket.clone()));
            let network = self.policy().networks.shown(running.terms.network);
            self.entry.update(|state| state.network = network);
            self.happens(Event::Run, None);
            if self.wants_program {
                self.start_program(&running.socket).await;
            }
            for reply in waiting.drain(..) {
                let _ = reply.send(Ok(running.socket.clone()));
            }
            if !was_running {
                let change = repl::ActiveModel {
                    started_ms: Set(Some(now_ms())),
                    halted: Set(self.entry.halted()),
                    ..Default::default()
                };
                self.note(change).await;
            }
            let began = running.began;
            let (mut ending, volume) = self.watch_over(running).await;
            if ending.is_gone
                && let Some(reason) = &mut ending.reason
            {
                self.plan_comeback(began.elapsed(), reason);
            }
            if let Some(reply) = ending.leave.take() {
                let _ = reply.send(self.save_and_leave(&volume).await);
                return;
            }
            match self.put_to_rest(ending, volume).await {
                None => return,
                Some((volume, starts)) => (kept, waiting) = (Some(volume), starts),
            }
        }
    }

    /// What the operator lets its owner's repls be.
    pub(super) fn policy(&self) -> Arc<Policy> {
        self.repls.people.policy(&self.entry.owner)
    }

    pub(super) fn quotas(&self) -> Quotas {
        self.policy().quotas
    }

    /// `Err` when something is left to be saved while nothing runs: after a rescue that failed.
    pub(super) fn at_rest(&self) -> Result<(), String> {
        let left = self.folder.exists() && self.folder.is_restored();
        let may_be_left = self.is_partly_saved || self.is_kept_here || self.is_in_the_way;
        match left && !may_be_left {
            true => Err("what is on disk is not saved yet".into()),
            false => Ok(()),
        }
    }

    pub(super) fn happens(&self, event: Event, detail: Option<&str>) {
        self.repls.happens(&self.entry, event, detail);
    }

    /// Deletes what is on disk alone, since it would exceed a quota.
    pub(super) async fn discard(&mut self) {
        if self.is_partly_saved {
            self.delete_local_copy().await;
            self.is_partly_saved = false;
            self.rest(None).await;
        }
    }

    /// Ends in `stopped`, or in `failed` with a reason.
    pub(super) async fn rest(&self, reason: Option<String>) {
        self.rest_after(reason, None).await;
    }

    /// The same; `note` is what is said of an ordinary stop.
    pub(super) async fn rest_after(&self, reason: Option<String>, note: Option<&str>) {
        let halted = self.entry.halted();
        let reason = reason.map(|reason| match &halted {
            Some(words) if !reason.starts_with(words) => format!("{words} {reason}"),
            _ => reason,
        });
        let change = repl::ActiveModel {
            reason: Set(reason.clone()),
            halted: Set(halted.clone()),
            started_ms: match self.comes_back(reason.as_deref()) {
                true => NotSet,
                false => Set(None),
            },
            ..Default::default()
        };
        self.note(change).await;
        let event = match &reason {
            Some(_) => Event::Fail,
            None => Event::Rest,
        };
        let note = halted.as_deref().or(note);
        self.happens(event, reason.as_deref().or(note));
        self.repls.metrics.resources(&self.entry.id, None);
        self.entry.update(|state| {
            (state.running, state.resources, state.awake) = (false, None, None);
            state.network = None;
        });
    }

    /// Whether one that rests is to run again by itself, by this server or the next.
    fn comes_back(&self, reason: Option<&str>) -> bool {
        let is_elsewhere = reason.is_some_and(|reason| reason.starts_with(REPLACED));
        let is_interrupted = self.again.is_some() || self.is_rescued || self.repls.is_closing();
        let may = self.entry.lifetime().keep_alive && self.entry.halted().is_none();
        may && is_interrupted && !is_elsewhere
    }

    pub(super) async fn note_program_runs(&self, runs: bool) {
        let change = repl::ActiveModel {
            program_runs: Set(runs),
            ..Default::default()
        };
        self.note(change).await;
    }

    /// Changes its row.
    async fn note(&self, change: repl::ActiveModel) {
        let change = repl::ActiveModel {
            id: Set(self.entry.id.clone()),
            ..change
        };
        if let Err(error) = self.repls.db.update_repl(change).await {
            warn!(%error, "database");
        }
    }

    /// Who owns the files here; `None` when it is we.
    pub(super) async fn owner(&self) -> Result<Option<(u32, u32)>, String> {
        let owner = self.repls.spawner.owner(&self.entry.id).await;
        owner.map(Owner::other).map_err(|e| e.to_string())
    }

    /// The sandbox that an earlier server left, and the folder that it works in.
    async fn adopt_running(&mut self, sandbox: Sandbox) -> Result<Running, String> {
        if !self.folder.is_restored() {
            return Err("its files had not been restored".into());
        }
        let owner = self.owner().await?;
        let (mut wait, mut tries) = (RETRY.0, 1);
        let volume = loop {
            match self.adopt(owner).await {
                Ok(volume) => break Arc::new(volume),
                Err(error) if tries == ADOPTION_TRIES => return Err(error),
                Err(error) => warn!(error, tries, "taking over"),
            }
            tries += 1;
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(RETRY.1);
        };
        if volume.is_replaced().await {
            return Err(REPLACED.into());
        }
        let now = self.entry.terms();
        let terms = Terms {
            limits: sandbox.limits.unwrap_or(now.limits),
            network: sandbox.network.unwrap_or(now.network),
        };
        let row = self.row().await?;
        let measured = self.measured(&terms.limits).await?;
        // The server before this one may have been killed before it said so.
        let begun = runner::begin(&sandbox.socket, !volume.is_whole(), ADOPTION).await;
        begun.map_err(|error| format!("its runner does not answer: {error:#}"))?;
        let mut running = self.running(volume, sandbox.socket, &terms, measured);
        if let Some(started_ms) = row.started_ms {
            let ago = Duration::from_millis((now_ms() - started_ms).try_into().unwrap_or(0));
            running.began = running.began.checked_sub(ago).unwrap_or(running.began);
        }
        let answer = tokio::time::timeout(ADOPTION, running.status.changed()).await;
        let status = running.status.borrow_and_update().clone();
        let why = match answer {
            Ok(Ok(())) if !status.stopping => {
                self.entry.update(|state| state.running = status.running);
                self.entry.program.lock().exit_code = status.exit_code;
                (running.active, running.exits) = (status.active, status.exits);
                return Ok(running);
            }
            Ok(Ok(())) => "it was about to stop",
            Ok(Err(_)) | Err(_) => "its runner does not answer",
        };
        running.end().await;
        Err(why.into())
    }

    /// What an earlier life left in its folder is there again.
    pub(super) async fn attach_left(&self) -> Result<(), String> {
        if !self.folder.exists() {
            return Ok(());
        }
        self.folder.attach().await.map_err(|e| {
            format!("What an earlier run left on this machine can't be read: {e}. It is kept; try again.")
        })
    }

    /// It may be in the bin.
    pub(super) async fn any_row(&self) -> Result<repl::Model, String> {
        match self.repls.db.any_repl(&self.entry.id).await {
            Ok(Some(row)) => Ok(row),
            Ok(None) => Err("It has been deleted for good.".into()),
            Err(error) => Err(format!("The database can't be read: {error}")),
        }
    }

    /// What was said of it when it came to rest last still holds.
    pub(super) async fn reason(&self) -> Option<String> {
        self.any_row().await.ok()?.reason
    }

    pub(super) async fn row(&self) -> Result<repl::Model, String> {
        match self.repls.db.repl(&self.entry.id).await {
            Ok(Some(row)) => Ok(row),
            Ok(None) => Err("It has been deleted.".into()),
            Err(error) => Err(format!("The database can't be read: {error}")),
        }
    }

    pub(super) async fn adopt(&self, owner: Option<(u32, u32)>) -> Result<Volume, String> {
        let row = self.any_row().await?;
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
}
