//! What brings repls to life and to rest. Each repl that somebody asks for has one task, its
//! [`life::Life`], which alone changes its phase: many starts at once are one start.

mod entry;
mod folder;
mod life;
mod schedule;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alcove_protocol::api::{Phase, ReplState, Saved};
use alcove_spawner::Spawner;
use alcove_volume::Store;
use parking_lot::Mutex;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

use crate::config::Config;
use crate::db::{Db, repl};
use crate::metrics::Metrics;
use entry::Entry;
pub use entry::{Presence, Watching};
use life::{Command, Life};

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
    db: Db,
    store: Store,
    spawner: Arc<dyn Spawner>,
    metrics: Arc<Metrics>,
    entries: Mutex<HashMap<String, Arc<Entry>>>,
    changes: broadcast::Sender<Change>,
    /// The server ends: what can't be saved at once stays on disk for the next start.
    closing: AtomicBool,
}

impl Repls {
    /// Ends what an earlier server left running, and saves what it left on disk (in the background;
    /// a repl that is opened meanwhile waits for its own).
    pub async fn start(
        config: &Config,
        db: Db,
        store: Store,
        spawner: Arc<dyn Spawner>,
        metrics: Arc<Metrics>,
    ) -> anyhow::Result<Arc<Self>> {
        for sandbox in spawner.list().await? {
            tracing::info!(
                repl = sandbox.id,
                "ending a sandbox that an earlier server left"
            );
            // Its repl tries again before anything else is done with it.
            if let Err(error) = spawner.stop(&sandbox.id).await {
                tracing::warn!(repl = sandbox.id, %error, "it could not be ended");
            }
        }
        let repls = Arc::new(Self {
            config: config.clone(),
            db,
            store,
            spawner,
            metrics,
            entries: Mutex::default(),
            changes: broadcast::Sender::new(CHANGES),
            closing: AtomicBool::new(false),
        });
        std::fs::create_dir_all(config.repls_dir())?;
        for left in std::fs::read_dir(config.repls_dir())? {
            let id = left?.file_name().to_string_lossy().into_owned();
            match repls.db.repl(&id).await? {
                Some(row) => repls.entry(&row).send(Command::Rescue),
                None => tracing::warn!(
                    folder = id,
                    "a folder of a repl that the database does not know is left alone"
                ),
            }
        }
        Ok(repls)
    }

    fn entry(self: &Arc<Self>, row: &repl::Model) -> Arc<Entry> {
        let mut entries = self.entries.lock();
        if let Some(entry) = entries.get(&row.id) {
            return entry.clone();
        }
        let (commands, queue) = mpsc::unbounded_channel();
        let entry = Arc::new(Entry::new(row, commands, self.changes.clone()));
        entries.insert(row.id.clone(), entry.clone());
        tokio::spawn(Life::new(self.clone(), entry.clone(), queue).run());
        entry
    }

    fn known(&self, id: &str) -> Option<Arc<Entry>> {
        self.entries.lock().get(id).cloned()
    }

    /// A repl's state as it is now.
    pub fn state(&self, row: &repl::Model) -> ReplState {
        self.known(&row.id)
            .map_or_else(|| resting(row), |entry| entry.state())
    }

    /// A repl's state, now and from now on.
    pub fn watch(self: &Arc<Self>, row: &repl::Model) -> watch::Receiver<ReplState> {
        self.entry(row).watch()
    }

    /// Changes of all repls.
    pub fn changes(&self) -> broadcast::Receiver<Change> {
        self.changes.subscribe()
    }

    /// Keeps a repl awake while the answer lives.
    pub fn enter(self: &Arc<Self>, row: &repl::Model) -> Presence {
        Presence::new(self.entry(row))
    }

    /// Keeps a repl awake that has been asked for before.
    pub fn keep(&self, id: &str) -> Option<Watching> {
        self.known(id).map(Watching::new)
    }

    pub fn phase(&self, id: &str) -> Option<Phase> {
        self.known(id).map(|entry| entry.state().phase)
    }

    /// Somebody used a repl's preview: the grace period begins anew.
    pub fn touch(&self, id: &str) {
        if let Some(entry) = self.known(id) {
            entry.touch();
        }
    }

    /// Starts a repl if need be; the runner's socket, or why there is none (for a person).
    pub async fn ensure_running(self: &Arc<Self>, row: &repl::Model) -> Result<PathBuf, String> {
        let entry = self.entry(row);
        if let Some(socket) = entry.socket() {
            return Ok(socket);
        }
        let (reply, answer) = oneshot::channel();
        entry.send(Command::Start(reply));
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
        self.entry(row).send(Command::Stop(reply));
        answer
            .await
            .unwrap_or_else(|_| Err("The server is stopping.".into()))
    }

    /// Saves a running repl now.
    pub async fn save(self: &Arc<Self>, row: &repl::Model) -> Result<(), String> {
        let (reply, answer) = oneshot::channel();
        self.entry(row).send(Command::Save(reply));
        answer
            .await
            .unwrap_or_else(|_| Err("The server is stopping.".into()))
    }

    /// A repl has got a new name.
    pub fn renamed(&self, row: &repl::Model) {
        if let Some(entry) = self.known(&row.id) {
            entry.send(Command::Rename(row.name.clone()));
            entry.announce();
        }
    }

    /// A repl is no more: nobody can ask for it again.
    pub fn forget(&self, id: &str) {
        self.entries.lock().remove(id);
    }

    /// Saves and stops everything. `Err` names what could not be saved: it stays on disk.
    pub async fn stop_all(&self) -> anyhow::Result<()> {
        self.closing.store(true, Ordering::Release);
        let entries: Vec<_> = self.entries.lock().values().cloned().collect();
        let stops = entries.iter().map(|entry| async move {
            let (reply, answer) = oneshot::channel();
            entry.send(Command::Stop(reply));
            let answer = answer
                .await
                .unwrap_or_else(|_| Err("its task has ended".into()));
            answer.map_err(|reason| format!("{}: {reason}", entry.id))
        });
        let failed: Vec<String> = futures_util::future::join_all(stops)
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

/// The state of a repl that nothing has happened to since the server started.
fn resting(row: &repl::Model) -> ReplState {
    ReplState {
        phase: if row.reason.is_some() {
            Phase::Failed
        } else {
            Phase::Stopped
        },
        detail: row.reason.clone(),
        progress: None,
        saved: Saved::Saved,
        running: false,
        people: 0,
    }
}
