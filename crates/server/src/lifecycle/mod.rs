//! What brings repls to life and to rest. Each repl that somebody asks for has one task, its
//! [`life::Life`], which alone changes its phase: many starts at once are one start.

mod activity;
mod admission;
mod amend;
mod comeback;
mod entry;
mod fill;
mod folder;
mod ledger;
mod life;
mod lifetime;
mod line;
mod measured;
mod meter;
mod networks;
mod policy;
mod quota;
mod rest;
mod running;
mod saving;
mod schedule;
mod sizes;
mod start;
mod transitions;
mod warm;
mod who;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alcove_protocol::api::{Phase, ReplState, Saved, Unsaved};
use alcove_spawner::{Sandbox, Spawner};
use alcove_volume::{Amendment, Changes, Location, Store, Watcher};
use parking_lot::Mutex;
use sea_orm::ActiveValue::Set;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::ApiFailure;
use crate::config::Config;
use crate::crowd::Crowd;
use crate::db::{Db, repl};
use crate::metrics::Metrics;
use crate::people::People;
pub use activity::Patience;
use admission::Admission;
pub use admission::{Room, Standing};
use amend::Amend;
use entry::{Chosen, Entry, Terms};
pub use entry::{Held, Presence, Program, Waking, Watching};
pub use folder::Folder;
use life::{Command, Life, Start};
pub use lifetime::Lifetimes;
pub use networks::Networks;
#[cfg(test)]
pub(crate) use policy::tests::usual as usual_policy;
pub use policy::{MEMBER, NamedRole, OPERATOR, Policy, Roles};
pub use quota::{Quotas, size_in_words};
pub use sizes::{NamedSize, STANDARD, Sizes};
use transitions::{Event, Stage};
use warm::{Ready, Warm};

/// Changes that a slow listener may be behind.
const CHANGES: usize = 256;

/// A change of a repl's state.
#[derive(Debug, Clone)]
pub struct Change {
    pub id: String,
    pub owner: String,
    pub state: ReplState,
}

/// All repls of this server.
pub struct Repls {
    config: Config,
    people: Arc<People>,
    db: Db,
    store: Store,
    spawner: Arc<dyn Spawner>,
    metrics: Arc<Metrics>,
    admission: Arc<Admission>,
    warm: Warm,
    entries: Mutex<HashMap<String, Arc<Entry>>>,
    changes: broadcast::Sender<Change>,
    /// The server ends: what can't be saved at once stays on disk for the next start.
    closing: AtomicBool,
    /// Hears of changes in the folders of all that run.
    watcher: Mutex<Option<Arc<Watcher>>>,
    /// Repls that are on their way to the bin.
    deleting: Mutex<HashSet<String>>,
}

/// What becomes of running repls when the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// Their programs end.
    Stop,
    /// Their programs go on: the next server takes them over.
    Leave,
}

/// A repl is on its way to the bin, for as long as this lives: nobody can bring it back yet.
pub struct Deleting(Arc<Repls>, String);

impl Drop for Deleting {
    fn drop(&mut self) {
        self.0.deleting.lock().remove(&self.1);
    }
}

impl Repls {
    /// Takes over what an earlier server left running, and saves what else it left on disk (in the
    /// background; a repl that is opened meanwhile waits for its own).
    pub async fn start(
        config: &Config,
        db: Db,
        store: Store,
        spawner: Arc<dyn Spawner>,
        metrics: Arc<Metrics>,
        people: Arc<People>,
        crowd: Arc<Crowd>,
    ) -> anyhow::Result<Arc<Self>> {
        let repls = Arc::new(Self {
            config: config.clone(),
            people,
            db,
            store,
            spawner,
            metrics,
            admission: Admission::new(config.room, crowd),
            warm: Warm::new(config.warm),
            entries: Mutex::default(),
            changes: broadcast::Sender::new(CHANGES),
            closing: AtomicBool::new(false),
            watcher: Mutex::default(),
            deleting: Mutex::default(),
        });
        // Of archives whose import was cut short.
        Folder::new(config.imports_dir()).delete().await?;
        std::fs::create_dir_all(config.repls_dir())?;
        let mut sandboxes = HashMap::new();
        for sandbox in repls.spawner.list().await? {
            sandboxes.insert(sandbox.id.clone(), sandbox);
        }
        for left in std::fs::read_dir(config.repls_dir())? {
            let id = left?.file_name().to_string_lossy().into_owned();
            let sandbox = sandboxes.remove(&id);
            repls.take_over(&id, sandbox).await?;
        }
        // Without a folder there is nothing to work on: of a template, for one.
        let mut running = HashSet::new();
        for id in sandboxes.into_keys() {
            if !repls.end_left_over(&id).await {
                running.insert(id);
            }
        }
        // An earlier server may have been killed before their files were there, or after they were gone.
        for id in repls.spawner.owners().await? {
            if !repls.folder(&id).exists()
                && !running.contains(&id)
                && let Err(error) = repls.spawner.release(&id).await
            {
                tracing::warn!(repl = id, %error, "a user could not be given back");
            }
        }
        Ok(repls)
    }

    /// Goes on with what an earlier server left of a repl on this machine.
    async fn take_over(self: &Arc<Self>, id: &str, sandbox: Option<Sandbox>) -> anyhow::Result<()> {
        // Where this fails, it fails again before anything is done with it.
        if let Err(error) = self.folder(id).attach().await {
            tracing::error!(repl = id, %error, "what an earlier server left on this machine can't be read");
        }
        let Some(row) = self.db.any_repl(id).await? else {
            if !self.folder(id).is_restored() {
                // Nobody has been in it.
                self.end_warm(id).await;
                return Ok(());
            }
            tracing::warn!(
                folder = id,
                "a folder of a repl that the database does not know is left alone"
            );
            if sandbox.is_some() {
                self.end_left_over(id).await;
            }
            return Ok(());
        };
        let entry = self.entry(&row);
        entry.update(|state| state.saved = Saved::Saving);
        let has_owner = self.people.may_use(&row.owner_id);
        let may_run = row.deleted_ms.is_none() && row.halted.is_none() && has_owner;
        match sandbox.filter(|sandbox| sandbox.runs && may_run) {
            Some(sandbox) => {
                self.happens(&entry, Event::Adopt, Some("Finding its programs again"));
                entry.send(Command::Adopt(Box::new(sandbox)));
            }
            // One that lies in the bin can be brought back, with all that it held.
            None => entry.send(Command::Rescue),
        }
        Ok(())
    }

    /// Starts those again that are kept alive, and ran when the server before this one ended, unless they
    /// still do. What they left on this machine is saved first.
    pub async fn come_back(self: &Arc<Self>) {
        let rows = match self.db.repls_that_ran().await {
            Ok(rows) => rows,
            Err(error) => return tracing::warn!(%error, "database"),
        };
        for row in rows {
            let lifetime = self.chosen(&row).lifetime;
            let has_owner = self.people.may_use(&row.owner_id);
            if lifetime.keep_alive && has_owner && !self.is_halted(&row) {
                self.entry(&row).send(Command::ComeBack);
            }
        }
    }

    /// `false`: it may still run.
    async fn end_left_over(&self, id: &str) -> bool {
        tracing::info!(repl = id, "ending a sandbox that an earlier server left");
        // Its repl tries again before anything else is done with it.
        let ended = self.spawner.stop(id).await;
        if let Err(error) = &ended {
            tracing::warn!(repl = id, %error, "it could not be ended");
        }
        ended.is_ok()
    }

    fn entry(self: &Arc<Self>, row: &repl::Model) -> Arc<Entry> {
        self.entry_with(row, None)
    }

    /// A repl is new, and its sandbox is ready.
    fn begin(self: &Arc<Self>, row: &repl::Model, ready: Ready) {
        self.entry_with(row, Some(ready));
    }

    fn entry_with(self: &Arc<Self>, row: &repl::Model, ready: Option<Ready>) -> Arc<Entry> {
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(&row.id) {
            return entry.clone();
        }
        let (commands, queue) = mpsc::unbounded_channel();
        let resting = resting(row, &self.policy(row).quotas);
        let chosen = self.chosen(row);
        let changes = self.changes.clone();
        let entry = Arc::new(Entry::new(row, resting, chosen, commands, changes));
        entries.insert(row.id.clone(), entry.clone());
        tokio::spawn(Life::new(self.clone(), entry.clone(), queue, ready).run());
        entry
    }

    /// A repl's life goes on; `detail` is for a person.
    fn happens(&self, entry: &Entry, event: Event, detail: Option<&str>) {
        if let Some(phase) = entry.happens(event, detail) {
            self.metrics.phase(phase);
        }
    }

    /// What the operator lets the repls of its owner be.
    pub fn policy(&self, row: &repl::Model) -> Arc<Policy> {
        self.people.policy(&row.owner_id)
    }

    /// As the operator and a repl's settings say.
    fn chosen(&self, row: &repl::Model) -> Chosen {
        let (settings, policy) = (row.settings(), self.policy(row));
        Chosen {
            lifetime: policy.lifetimes.of(&settings),
            terms: Terms::of(&policy, &settings),
        }
    }

    /// Where a repl's files are while it runs, or could not be saved.
    pub fn folder(&self, id: &str) -> Folder {
        let path = self.config.repls_dir().join(id);
        Folder::of(self.spawner.clone(), id, path)
    }

    /// Hears of changes in a folder; `Err`: this user has no more instances of inotify.
    fn watch_files(&self) -> std::io::Result<Changes> {
        let mut watcher = self.watcher.lock();
        if let Some(watcher) = &*watcher {
            return Ok(watcher.changes());
        }
        Ok(watcher.insert(Watcher::start()?).changes())
    }

    fn known(&self, id: &str) -> Option<Arc<Entry>> {
        self.entries.lock().get(id).cloned()
    }

    /// A repl's state as it is now.
    pub fn state(&self, row: &repl::Model) -> ReplState {
        self.known(&row.id).map_or_else(
            || resting(row, &self.policy(row).quotas),
            |entry| entry.state(),
        )
    }

    /// A repl's state, now and from now on.
    pub fn watch(self: &Arc<Self>, row: &repl::Model) -> watch::Receiver<ReplState> {
        self.entry(row).watch()
    }

    /// Changes of all repls.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// States of all that run, or are about to, or are being stopped.
    pub fn live(&self) -> Vec<(String, ReplState)> {
        let entries = self.entries.lock();
        let states = entries
            .values()
            .map(|entry| (entry.id.clone(), entry.state()));
        let lives = |state: &ReplState| !matches!(state.phase, Phase::Stopped | Phase::Failed);
        states.filter(|(_, state)| lives(state)).collect()
    }

    /// How much room there is.
    pub fn standing(&self) -> Standing {
        self.admission.standing()
    }

    /// How many repls of somebody run or wait for it.
    pub fn running_of(&self, owner: &str) -> usize {
        self.admission.count_of(owner)
    }

    /// Keeps a repl awake while the answer lives.
    pub fn enter(self: &Arc<Self>, row: &repl::Model, user: &str) -> Presence {
        Presence::new(self.entry(row), user)
    }

    /// A user has changed something in a running repl, though not in a session.
    pub fn did(&self, id: &str, user: &str) {
        if let Some(entry) = self.known(id) {
            entry.who.lock().did(user);
        }
    }

    /// What is saved next in a running repl was restored from this state.
    pub fn restored(&self, id: &str, state: Option<u64>) {
        if let Some(entry) = self.known(id) {
            entry.send(Command::Restored(state));
        }
    }

    /// Changes what is in the store of a repl that does not run; the newest state's number.
    pub async fn amend(
        self: &Arc<Self>,
        row: &repl::Model,
        user: &str,
        amendment: Amendment,
    ) -> Result<u64, ApiFailure> {
        let (reply, answer) = oneshot::channel();
        let user = user.to_owned();
        let amend = Amend {
            amendment,
            user,
            reply,
        };
        self.entry(row).send(Command::Amend(Box::new(amend)));
        let ending = || ApiFailure::Unavailable("The server is stopping.".into());
        answer.await.unwrap_or_else(|_| Err(ending()))
    }

    /// Keeps a repl awake that has been asked for before.
    pub fn keep(&self, id: &str) -> Option<Watching> {
        self.known(id).map(Watching::new)
    }

    /// A repl is being woken for a port while the answer lives; `None`: its start is under way already.
    pub fn waking(self: &Arc<Self>, row: &repl::Model, port: u16) -> Option<Waking> {
        Waking::new(self.entry(row), port)
    }

    /// Whether a repl is being woken, for whatever port.
    pub fn is_waking(&self, id: &str) -> bool {
        self.known(id).is_some_and(|entry| entry.is_waking())
    }

    /// A request to a repl's preview is held while the answer lives; `None`: too many are.
    pub fn hold(self: &Arc<Self>, row: &repl::Model) -> Option<Held> {
        Held::new(self.entry(row))
    }

    /// What became of a repl's program.
    pub fn program(&self, id: &str) -> Program {
        self.known(id)
            .map(|entry| entry.program.lock().clone())
            .unwrap_or_default()
    }

    /// The state of a repl that has been asked for since the server started.
    pub fn known_state(&self, id: &str) -> Option<ReplState> {
        self.known(id).map(|entry| entry.state())
    }

    /// Somebody used a repl's preview, or wants it to go on: the time until it stops begins anew.
    pub fn touch(&self, id: &str) {
        if let Some(entry) = self.known(id) {
            entry.touch();
        }
    }

    /// Starts a repl if need be; the runner's socket, or why there is none (for a person).
    pub async fn ensure_running(self: &Arc<Self>, row: &repl::Model) -> Result<PathBuf, String> {
        match self.entry(row).socket() {
            Some(socket) => Ok(socket),
            None => self.run(row, false).await,
        }
    }

    /// The same, and starts what Run does, unless it runs.
    pub async fn ensure_program(self: &Arc<Self>, row: &repl::Model) -> Result<PathBuf, String> {
        self.run(row, true).await
    }

    async fn run(self: &Arc<Self>, row: &repl::Model, run: bool) -> Result<PathBuf, String> {
        let (reply, answer) = oneshot::channel();
        let entry = self.entry(row);
        entry.set_put_to_rest(false);
        entry.set_halted(None);
        entry.send(Command::Start(Start { reply, run }));
        answer
            .await
            .unwrap_or_else(|_| Err("The server is stopping.".into()))
    }

    /// Who owns a repl that has been asked for since the server started.
    pub fn owner(&self, id: &str) -> Option<String> {
        self.known(id).map(|entry| entry.owner.clone())
    }

    /// The socket of a repl that runs.
    pub fn socket(&self, id: &str) -> Option<PathBuf> {
        self.known(id)?.socket()
    }

    /// Saves and stops a repl; returns when its local copy is gone.
    pub async fn stop(self: &Arc<Self>, row: &repl::Model) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        let entry = self.entry(row);
        entry.set_put_to_rest(true);
        entry.send(Command::Stop(reply));
        answer
            .await
            .unwrap_or_else(|_| Err("The server is stopping.".into()))
    }

    /// The same, by the operator: `words` are what is told of it until somebody starts it. Nothing else does.
    pub async fn halt(self: &Arc<Self>, row: &repl::Model, words: String) -> Result<(), String> {
        // First, so that the next server knows, too.
        let change = repl::ActiveModel {
            id: Set(row.id.clone()),
            halted: Set(Some(words.clone())),
            ..Default::default()
        };
        let noted = self.db.update_repl(change).await;
        noted.map_err(|e| format!("The database can't be written: {e}"))?;
        self.entry(row).set_halted(Some(words));
        self.stop(row).await
    }

    /// Whether the operator stopped a repl, and nobody has started it since.
    pub fn is_halted(&self, row: &repl::Model) -> bool {
        match self.known(&row.id) {
            Some(entry) => entry.halted().is_some(),
            None => row.halted.is_some(),
        }
    }

    /// Whether a person stopped a repl, and nobody has started it since. (A server that starts knows of none.)
    pub fn is_put_to_rest(&self, id: &str) -> bool {
        self.known(id).is_some_and(|entry| entry.is_put_to_rest())
    }

    /// Saves a running repl now.
    pub async fn save(self: &Arc<Self>, row: &repl::Model) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        self.entry(row).send(Command::Save(reply));
        answer
            .await
            .unwrap_or_else(|_| Err("The server is stopping.".into()))
    }

    /// What of a running repl is not in its newest state as it is: paths of the manifest. Up to date after
    /// [`Repls::save`].
    pub fn not_saved(&self, id: &str) -> Arc<[String]> {
        self.known(id)
            .map_or_else(|| Arc::new([]) as Arc<[String]>, |entry| entry.not_saved())
    }

    /// A repl has got a new name.
    pub fn renamed(&self, row: &repl::Model) {
        if let Some(entry) = self.known(&row.id) {
            entry.send(Command::Rename(row.name.clone()));
            entry.announce();
        }
    }

    /// A repl has got other settings.
    pub fn settings_changed(&self, row: &repl::Model) {
        if let Some(entry) = self.known(&row.id) {
            entry.set_chosen(self.chosen(row));
            entry.announce();
            // It may stand in line, and need less room now.
            self.admission.look_again();
        }
    }

    /// Whether a request to a repl's preview may start it.
    pub fn wakes_on_touch(&self, row: &repl::Model) -> bool {
        self.chosen(row).lifetime.wake_on_touch && !self.is_halted(row)
    }

    /// Begins to delete a repl; `None`: somebody else does.
    pub fn begin_deleting(self: &Arc<Self>, id: &str) -> Option<Deleting> {
        let begins = self.deleting.lock().insert(id.to_owned());
        begins.then(|| Deleting(self.clone(), id.to_owned()))
    }

    pub fn is_deleting(&self, id: &str) -> bool {
        self.deleting.lock().contains(id)
    }

    /// Deletes what of a resting repl is on this machine alone, since it would exceed its quota.
    pub async fn discard(self: &Arc<Self>, row: &repl::Model) {
        let (reply, done) = oneshot::channel();
        self.entry(row).send(Command::Discard(reply));
        // Dropped when the server ends: the next deletes it with the repl.
        let _ = done.await;
    }

    /// A repl is no more: nobody can ask for it again.
    pub fn forget(&self, id: &str) {
        if let Some(entry) = self.entries.lock().remove(id) {
            entry.forget();
        }
    }

    /// Saves everything and stops it, or leaves what runs to the next server. `Err` names what could not be
    /// saved: it stays on disk.
    pub async fn end_all(&self, farewell: Farewell) -> anyhow::Result<()> {
        self.closing.store(true, Ordering::Release);
        let entries: Vec<_> = self.entries.lock().values().cloned().collect();
        let ends = entries.iter().map(|entry| async move {
            let (reply, answer) = oneshot::channel();
            entry.send(match farewell {
                Farewell::Stop => Command::Stop(reply),
                Farewell::Leave => Command::Leave(reply),
            });
            let answer = answer
                .await
                .unwrap_or_else(|_| Err("its task has ended".into()));
            answer.map_err(|reason| format!("{}: {reason}", entry.id))
        });
        let failed: Vec<String> = futures_util::future::join_all(ends)
            .await
            .into_iter()
            .filter_map(Result::err)
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        anyhow::bail!(
            "not everything could be saved; it is kept on this machine, and saved at the next start: {}",
            failed.join("; ")
        )
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }
}

/// Where a repl's files are in the store.
pub fn location(row: &repl::Model) -> Location {
    Location::Repl(row.id.clone())
}

/// The state of a repl that nothing has happened to since the server started.
fn resting(row: &repl::Model, quotas: &Quotas) -> ReplState {
    ReplState {
        phase: Stage::resting(row.reason.is_some()).phase(),
        detail: row.reason.as_ref().or(row.halted.as_ref()).cloned(),
        progress: None,
        saved: Saved::Saved,
        unsaved: Unsaved::default(),
        usage: quotas.usage_of_repl(row.size()),
        awake: None,
        resources: None,
        network: None,
        running: false,
        people: 0,
    }
}
