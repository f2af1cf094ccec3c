//! What is known of one repl, for all who ask: its state, who is there, the way to its task.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use alcove_protocol::api::{AwakeWhy, Phase, ReplSettings, ReplState};
use alcove_spawner::{Limits, Network};
use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast, mpsc, watch};

use super::Change;
use super::life::Command;
use super::lifetime::Lifetime;
use super::policy::Policy;
use super::transitions::{Event, Stage};
use super::who::Who;
use crate::db::repl;

/// Requests to previews of one repl that are held at once.
const MAX_HELD: usize = 100;

pub(super) struct Entry {
    pub id: String,
    pub owner: String,
    commands: mpsc::UnboundedSender<Command>,
    stage: Mutex<Stage>,
    state: watch::Sender<ReplState>,
    changes: broadcast::Sender<Change>,
    socket: Mutex<Option<PathBuf>>,
    presence: Mutex<Present>,
    pub who: Mutex<Who>,
    /// What of the running repl the last checkpoint left as it was in the store, as paths of the manifest.
    not_saved: Mutex<Arc<[String]>>,
    pub program: Mutex<Program>,
    chosen: Mutex<Chosen>,
    /// A person stopped it, and nobody has started it since.
    put_to_rest: AtomicBool,
    /// The operator stopped it, and nobody has started it since: what is told of that.
    halted: Mutex<Option<String>>,
    /// It has been deleted: its task ends once it rests.
    forgotten: AtomicBool,
    /// Ports of previews that have asked for its start, until it has started or failed,
    asking: Mutex<Vec<u16>>,
    /// and how many wait for something to listen.
    waking: AtomicUsize,
    /// Requests to previews that are held meanwhile.
    held: AtomicUsize,
    /// People came or went.
    pub moved: Notify,
    /// Somebody did something after nobody had for long.
    pub touched: Notify,
}

/// As the operator and its settings say.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub lifetime: Lifetime,
    /// From its next start on.
    pub terms: Terms,
}

/// What programs may use and reach, from a start until the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Terms {
    pub limits: Limits,
    pub network: Network,
}

impl Terms {
    /// As the operator and a repl's settings say.
    pub fn of(policy: &Policy, settings: &ReplSettings) -> Self {
        Self {
            limits: policy.sizes.of(settings.size.as_deref()).clone(),
            network: policy.networks.of(settings.network),
        }
    }
}

/// What became of what Run does, if it does not run.
#[derive(Debug, Clone, Default)]
pub struct Program {
    /// Why the server could not start it, for a person.
    pub refusal: Option<String>,
    /// How it ended, unless somebody stopped it.
    pub exit_code: Option<i32>,
}

#[derive(Clone, Copy)]
pub(super) struct Present {
    pub people: usize,
    /// Answers and connections of previews, and transfers of files, that are under way.
    pub watching: usize,
    /// When somebody last came, left, used a preview or did something.
    pub last_seen: Instant,
}

impl Entry {
    pub fn new(
        row: &repl::Model,
        resting: ReplState,
        chosen: Chosen,
        commands: mpsc::UnboundedSender<Command>,
        changes: broadcast::Sender<Change>,
    ) -> Self {
        Self {
            id: row.id.clone(),
            owner: row.owner_id.clone(),
            commands,
            stage: Mutex::new(Stage::resting(resting.phase == Phase::Failed)),
            state: watch::Sender::new(resting),
            changes,
            socket: Mutex::default(),
            presence: Mutex::new(Present {
                people: 0,
                watching: 0,
                last_seen: Instant::now(),
            }),
            who: Mutex::default(),
            not_saved: Mutex::new(Arc::new([])),
            program: Mutex::default(),
            chosen: Mutex::new(chosen),
            put_to_rest: AtomicBool::new(false),
            halted: Mutex::new(row.halted.clone()),
            forgotten: AtomicBool::new(false),
            asking: Mutex::default(),
            waking: AtomicUsize::new(0),
            held: AtomicUsize::new(0),
            moved: Notify::new(),
            touched: Notify::new(),
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

    /// Goes on to what follows `event`, unless that can't happen now; `detail` is for a person. The phase, if it
    /// is another now.
    pub fn happens(&self, event: Event, detail: Option<&str>) -> Option<Phase> {
        let mut stage = self.stage.lock();
        let Some(next) = stage.after(event) else {
            tracing::error!(repl = self.id, stage = ?*stage, ?event, "this can't happen now");
            debug_assert!(false, "{event:?} can't happen in {:?}", *stage);
            return None;
        };
        let phase = next.phase();
        let is_another = std::mem::replace(&mut *stage, next).phase() != phase;
        self.update(|state| {
            state.phase = phase;
            state.detail = detail.map(str::to_owned);
            state.progress = None;
        });
        is_another.then_some(phase)
    }

    /// What goes on, for a person.
    pub fn tell(&self, detail: &str) {
        self.update(|state| {
            state.detail = Some(detail.to_owned());
            state.progress = None;
        });
    }

    /// Its task ends once it rests.
    pub fn forget(&self) {
        self.forgotten.store(true, Ordering::Release);
        self.send(Command::Forget);
    }

    pub fn is_forgotten(&self) -> bool {
        self.forgotten.load(Ordering::Acquire)
    }

    pub fn socket(&self) -> Option<PathBuf> {
        self.socket.lock().clone()
    }

    pub fn set_socket(&self, socket: Option<PathBuf>) {
        *self.socket.lock() = socket;
    }

    pub fn not_saved(&self) -> Arc<[String]> {
        self.not_saved.lock().clone()
    }

    pub fn set_not_saved(&self, paths: impl Iterator<Item = String>) {
        *self.not_saved.lock() = paths.collect();
    }

    pub fn lifetime(&self) -> Lifetime {
        self.chosen.lock().lifetime
    }

    pub fn terms(&self) -> Terms {
        self.chosen.lock().terms.clone()
    }

    pub fn set_chosen(&self, chosen: Chosen) {
        *self.chosen.lock() = chosen;
        self.moved.notify_one();
    }

    pub fn present(&self) -> Present {
        *self.presence.lock()
    }

    pub fn touch(&self) {
        self.presence.lock().last_seen = Instant::now();
        let awake = self.state.borrow().awake.as_ref().map(|awake| awake.why);
        if awake == Some(AwakeWhy::Idle) {
            self.touched.notify_one();
        }
    }

    pub fn set_put_to_rest(&self, yes: bool) {
        self.put_to_rest.store(yes, Ordering::Release);
    }

    pub fn is_put_to_rest(&self) -> bool {
        self.put_to_rest.load(Ordering::Acquire)
    }

    pub fn halted(&self) -> Option<String> {
        self.halted.lock().clone()
    }

    pub fn set_halted(&self, words: Option<String>) {
        *self.halted.lock() = words;
    }

    pub fn is_waking(&self) -> bool {
        self.waking.load(Ordering::Acquire) > 0
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
pub struct Presence {
    entry: Arc<Entry>,
    user: String,
}

impl Presence {
    pub(super) fn new(entry: Arc<Entry>, user: &str) -> Self {
        entry.who.lock().came(user);
        entry.count(|p| p.people += 1);
        let user = user.to_owned();
        Self { entry, user }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.entry.who.lock().left(&self.user);
        self.entry.count(|p| p.people -= 1);
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

/// A repl is being woken for a port for as long as this lives, which keeps it awake.
pub struct Waking {
    entry: Arc<Entry>,
    /// While its start is under way.
    port: Option<u16>,
    _watching: Watching,
}

impl Waking {
    /// `None`: its start has been asked for from this port, and is under way.
    pub(super) fn new(entry: Arc<Entry>, port: u16) -> Option<Self> {
        {
            let mut asking = entry.asking.lock();
            if asking.contains(&port) {
                return None;
            }
            asking.push(port);
        }
        entry.waking.fetch_add(1, Ordering::AcqRel);
        let _watching = Watching::new(entry.clone());
        Some(Self {
            entry,
            port: Some(port),
            _watching,
        })
    }

    /// It has started, or could not be: should it rest again, it is to be woken again.
    pub fn asked(&mut self) {
        if let Some(asked) = self.port.take() {
            self.entry.asking.lock().retain(|port| *port != asked);
        }
    }
}

impl Drop for Waking {
    fn drop(&mut self) {
        self.asked();
        self.entry.waking.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A request to a preview is held for as long as this lives.
pub struct Held(Arc<Entry>);

impl Held {
    /// `None`: too many are.
    pub(super) fn new(entry: Arc<Entry>) -> Option<Self> {
        let held = entry
            .held
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |n| {
                (n < MAX_HELD).then_some(n + 1)
            });
        held.is_ok().then(|| Self(entry))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Arc<Entry> {
        let row = repl::Model::sample("abcdefghijkl");
        let quotas = crate::config::Quotas {
            repl: row.size(),
            user: row.size(),
        };
        let (commands, _queue) = mpsc::unbounded_channel();
        let resting = crate::lifecycle::resting(&row, &quotas);
        let changes = broadcast::Sender::new(1);
        let lifetime = Lifetime {
            patience: crate::config::Patience {
                grace: None,
                idle: None,
                busy: std::time::Duration::ZERO,
            },
            wake_on_touch: true,
            keep_alive: false,
            max_life: None,
        };
        let chosen = Chosen {
            lifetime,
            terms: Terms {
                limits: Limits::default(),
                network: Network::None,
            },
        };
        Arc::new(Entry::new(&row, resting, chosen, commands, changes))
    }

    #[test]
    fn so_many_requests_are_held_and_no_more() {
        let entry = entry();
        let mut held: Vec<_> = (0..MAX_HELD).map(|_| Held::new(entry.clone())).collect();
        assert!(held.iter().all(Option::is_some));
        assert!(Held::new(entry.clone()).is_none());
        held.pop();
        assert!(Held::new(entry).is_some());
    }

    #[test]
    fn what_can_not_happen_is_noticed_and_changes_nothing() {
        let entry = entry();
        assert_eq!(entry.happens(Event::Queue, None), Some(Phase::Starting));
        assert_eq!(entry.happens(Event::Start, Some("a")), None);
        let before = entry.state();
        let impossible = std::panic::AssertUnwindSafe(|| entry.happens(Event::Save, Some("b")));
        let noticed = std::panic::catch_unwind(impossible);
        assert_eq!(noticed.is_err(), cfg!(debug_assertions));
        assert_eq!(entry.state(), before);
        assert_eq!(entry.happens(Event::Run, None), Some(Phase::Running));
    }
}
