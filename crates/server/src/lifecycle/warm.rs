//! Sandboxes that are ready before anybody asks: empty ones, each under the id that a new repl will get. What is
//! slow in a start (a disk, a network, processes) is done by then. Nobody has been in one, and nobody is in it twice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use alcove_protocol::api::ReplSettings;
use alcove_spawner::{Holds, Sandbox, SandboxSpec};
use alcove_volume::Volume;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Repls;
use super::entry::Terms;
use super::policy::Policy;
use crate::db::repl;

/// How long it is remembered that a repl was made.
const MEMORY: Duration = Duration::from_secs(10 * 60);
/// After the last one was made: its own start comes first.
const QUIET: Duration = Duration::from_secs(1);
/// How often it is looked whether there are too many, or whether there is room again,
const LOOK: Duration = Duration::from_secs(60);
/// and until it is tried again, after one could not be made, or not be ended.
const AGAIN: Duration = Duration::from_secs(30);
/// How long one stays for a repl that nobody opens, at most: its grace period may be longer.
const UNOPENED: Duration = Duration::from_secs(5 * 60);

/// A sandbox that nobody has been in.
#[derive(Debug)]
pub(super) struct Ready {
    pub sandbox: Sandbox,
    terms: Terms,
    _one: One,
}

/// How many there are, those of repls that nobody has opened yet included.
#[derive(Debug, Default)]
struct Count {
    there: AtomicUsize,
    /// One fewer, or something else to look at.
    changed: Notify,
}

/// One of those that there are.
#[derive(Debug)]
struct One(Arc<Count>);

impl Drop for One {
    fn drop(&mut self) {
        self.0.there.fetch_sub(1, Ordering::Relaxed);
        self.0.changed.notify_one();
    }
}

impl Ready {
    /// How long it stays once it is a repl's, unless that is started.
    pub fn stays(grace: Option<Duration>) -> Duration {
        grace.map_or(UNOPENED, |grace| grace.min(UNOPENED))
    }

    /// Whether it can be that of a repl on these terms, with so much in the store.
    pub fn fits(&self, terms: &Terms, holds: Holds) -> bool {
        let disk = terms.limits.disk;
        self.terms == *terms && disk.is_none_or(|disk| holds.fits(disk))
    }
}

/// Those of a server.
pub(super) struct Warm {
    /// At most so many, with those of repls that nobody has opened yet.
    most: usize,
    count: Arc<Count>,
    pool: Mutex<Pool>,
}

#[derive(Debug, Default)]
struct Pool {
    ready: VecDeque<Ready>,
    demand: Demand,
    /// Ids of those that are to end, and not before when.
    unwanted: VecDeque<(Instant, String)>,
}

/// What is to be done for the pool.
#[derive(Debug)]
enum Next {
    Make,
    End(String),
    Wait(Duration),
}

impl Warm {
    pub fn new(most: usize) -> Self {
        Self {
            most,
            count: Arc::default(),
            pool: Mutex::default(),
        }
    }

    /// One on these terms, if there is one.
    fn take(&self, terms: &Terms, now: Instant) -> Option<Ready> {
        if self.most == 0 {
            return None;
        }
        let mut pool = self.pool.lock();
        pool.demand.note(now, self.most);
        self.count.changed.notify_one();
        let at = pool.ready.iter().position(|r| r.terms == *terms)?;
        pool.ready.remove(at)
    }

    fn made(&self, sandbox: Sandbox, terms: Terms) -> Ready {
        self.count.there.fetch_add(1, Ordering::Relaxed);
        Ready {
            sandbox,
            terms,
            _one: One(self.count.clone()),
        }
    }

    /// It is nobody's, and nobody's any more.
    fn end(&self, id: String, at: Instant) {
        self.pool.lock().unwanted.push_back((at, id));
        self.count.changed.notify_one();
    }

    fn next(&self, now: Instant) -> Next {
        let mut pool = self.pool.lock();
        let wanted = pool.demand.wanted(now, self.most);
        if pool.ready.len() > wanted
            && let Some(ready) = pool.ready.pop_back()
        {
            pool.unwanted.push_back((now, ready.sandbox.id));
        }
        let due = pool.unwanted.iter().position(|(at, _)| *at <= now);
        if let Some((_, id)) = due.and_then(|at| pool.unwanted.remove(at)) {
            return Next::End(id);
        }
        let there = self.count.there.load(Ordering::Relaxed);
        let is_enough = pool.ready.len() == wanted || there >= self.most;
        match pool.demand.quiet_in(now) {
            _ if is_enough => Next::Wait(LOOK),
            Some(quiet) => Next::Wait(quiet),
            None => Next::Make,
        }
    }
}

/// When repls were made lately.
#[derive(Debug, Default)]
struct Demand(VecDeque<Instant>);

impl Demand {
    /// `most`: as many as can be wanted.
    fn note(&mut self, now: Instant, most: usize) {
        self.0.push_back(now);
        while self.0.len() > most {
            self.0.pop_front();
        }
    }

    /// As many as were made lately, `most` at most; one in any case.
    fn wanted(&mut self, now: Instant, most: usize) -> usize {
        while self.0.front().is_some_and(|at| now - *at >= MEMORY) {
            self.0.pop_front();
        }
        self.0.len().max(1).min(most)
    }

    /// How long it is until the last one has had its time to start.
    fn quiet_in(&self, now: Instant) -> Option<Duration> {
        let until = *self.0.back()? + QUIET;
        Some(until.saturating_duration_since(now)).filter(|left| !left.is_zero())
    }
}

/// The id of a new repl, and what is ready under it: without a repl that ends. (Files may be in the store under
/// the id by then: it is never another's.)
pub struct NewId {
    repls: Arc<Repls>,
    id: String,
    ready: Option<Ready>,
}

impl NewId {
    pub fn id(&self) -> &str {
        &self.id
    }

    /// It is that of this repl, which nobody can know of yet.
    pub fn take(mut self, row: &repl::Model) {
        if let Some(ready) = self.ready.take() {
            self.repls.begin(row, ready);
        }
    }
}

impl Drop for NewId {
    fn drop(&mut self) {
        if let Some(ready) = self.ready.take() {
            self.repls.warm.end(ready.sandbox.id, Instant::now());
        }
    }
}

impl Repls {
    /// For a new repl with these settings, of somebody to whom this applies.
    pub fn new_id(self: &Arc<Self>, policy: &Policy, settings: &ReplSettings) -> NewId {
        let terms = Terms::of(policy, settings);
        let ready = self.warm.take(&terms, Instant::now());
        let id = ready.as_ref().map(|ready| ready.sandbox.id.clone());
        NewId {
            repls: self.clone(),
            id: id.unwrap_or_else(crate::names::new_id),
            ready,
        }
    }

    /// What is left under this id is nobody's.
    pub(super) fn let_go(&self, id: &str) {
        self.warm.end(id.to_owned(), Instant::now());
    }

    /// How many are ready.
    pub fn ready(&self) -> usize {
        self.warm.pool.lock().ready.len()
    }

    /// Keeps as many ready as are wanted, until the server ends; then none.
    pub async fn keep_warm(self: Arc<Self>, closing: CancellationToken) {
        if self.warm.most == 0 || !self.spawner.isolates() {
            return;
        }
        while !closing.is_cancelled() {
            let wait = match self.warm.next(Instant::now()) {
                Next::End(id) => {
                    if !self.end_warm(&id).await {
                        self.warm.end(id, Instant::now() + AGAIN);
                    }
                    Duration::ZERO
                }
                Next::Make if !self.admission.has_room(self.usual().limits.memory) => LOOK,
                Next::Make => match self.warm_up().await {
                    Ok(()) => Duration::ZERO,
                    Err(error) => {
                        warn!(error, "no sandbox could be made ready; it is tried again");
                        AGAIN
                    }
                },
                Next::Wait(wait) => wait,
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.warm.count.changed.notified(), if wait == LOOK => {}
                () = closing.cancelled() => {}
            }
        }
        let Pool {
            ready, unwanted, ..
        } = std::mem::take(&mut *self.warm.pool.lock());
        let ids = ready.into_iter().map(|ready| ready.sandbox.id);
        let unwanted = unwanted.into_iter().map(|(_, id)| id);
        let ids: Vec<String> = ids.chain(unwanted).collect();
        futures_util::future::join_all(ids.iter().map(|id| self.end_warm(id))).await;
    }

    /// Those of a repl for which nothing was chosen, whosoever it may be.
    fn usual(&self) -> Terms {
        Terms::of(self.config.roles.usual(), &ReplSettings::default())
    }

    async fn warm_up(&self) -> Result<(), String> {
        let id = crate::names::new_id();
        match self.made_warm(&id).await {
            Ok(sandbox) => {
                let ready = self.warm.made(sandbox, self.usual());
                self.warm.pool.lock().ready.push_back(ready);
                Ok(())
            }
            Err(error) => {
                self.warm.end(id, Instant::now());
                Err(error)
            }
        }
    }

    async fn made_warm(&self, id: &str) -> Result<Sandbox, String> {
        let (terms, folder) = (self.usual(), self.folder(id));
        let owner = self.spawner.owner(id).await.map_err(|e| e.to_string())?;
        folder
            .create_empty(&terms.limits, Holds::default(), owner.other())
            .await?;
        let spec = self.sandbox_spec(id, &terms);
        self.spawner.start(&spec).await.map_err(|e| e.to_string())
    }

    /// Of a repl's sandbox, over its folder.
    pub(super) fn sandbox_spec(&self, id: &str, terms: &Terms) -> SandboxSpec {
        let [workspace, home] = Volume::tops(self.folder(id).path());
        SandboxSpec {
            id: id.to_owned(),
            workspace,
            home,
            env: Vec::new(),
            limits: terms.limits.clone(),
            network: terms.network,
        }
    }

    /// Ends one that nobody has been in. `false`: something of it is left.
    pub(super) async fn end_warm(&self, id: &str) -> bool {
        let ended = async {
            let failed = |e: &dyn std::fmt::Display| e.to_string();
            self.spawner.stop(id).await.map_err(|e| failed(&e))?;
            self.folder(id).delete().await.map_err(|e| failed(&e))?;
            self.spawner.release(id).await.map_err(|e| failed(&e))
        };
        match ended.await {
            Ok(()) => {
                info!(id, "a sandbox that nobody needed has ended");
                true
            }
            Err(error) => {
                warn!(id, error, "a sandbox that nobody needs could not be ended");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alcove_spawner::{Limits, Network};

    use super::*;

    fn usual() -> Terms {
        Terms {
            limits: Limits::default(),
            network: Network::Internet,
        }
    }

    fn ready(warm: &Warm, id: &str, terms: &Terms) -> Ready {
        let sandbox = Sandbox {
            id: id.into(),
            socket: "/nowhere".into(),
            pid: 1,
            runs: true,
            limits: Some(terms.limits.clone()),
            network: Some(terms.network),
        };
        warm.made(sandbox, terms.clone())
    }

    #[test]
    fn as_many_are_wanted_as_were_made_lately() {
        let (mut demand, now) = (Demand::default(), Instant::now());
        assert_eq!(demand.wanted(now, 4), 1);
        for second in 0..3 {
            demand.note(now + Duration::from_secs(second), 4);
        }
        assert_eq!(demand.wanted(now + Duration::from_secs(3), 4), 3);
        assert_eq!(demand.wanted(now + Duration::from_secs(3), 2), 2);
        assert_eq!(demand.wanted(now + Duration::from_secs(3), 0), 0);
        for _ in 0..10_000 {
            demand.note(now + Duration::from_secs(4), 4);
        }
        assert_eq!(
            demand.0.len(),
            4,
            "no more is remembered than can be wanted"
        );
        let end = now + Duration::from_secs(4) + MEMORY;
        assert_eq!(demand.wanted(end - Duration::from_millis(1), 4), 4);
        assert_eq!(demand.wanted(end, 4), 1);
    }

    #[test]
    fn a_repl_that_starts_comes_before_the_next() {
        let (warm, terms) = (Warm::new(2), usual());
        let now = Instant::now();
        assert!(matches!(warm.next(now), Next::Make));
        assert!(warm.take(&terms, now).is_none());
        assert!(matches!(warm.next(now), Next::Wait(wait) if wait <= QUIET));
        assert!(matches!(warm.next(now + QUIET), Next::Make));
    }

    #[test]
    fn one_is_given_to_a_repl_on_its_terms_and_there_are_never_too_many() {
        let (warm, terms) = (Warm::new(2), usual());
        let now = Instant::now();
        let smaller = Terms {
            limits: Limits {
                memory: 1,
                ..Limits::default()
            },
            ..usual()
        };
        let shut = Terms {
            network: Network::None,
            ..usual()
        };
        for id in ["one", "two"] {
            let ready = ready(&warm, id, &terms);
            warm.pool.lock().ready.push_back(ready);
        }
        assert!(warm.take(&smaller, now).is_none());
        assert!(warm.take(&shut, now).is_none());
        let given = warm.take(&terms, now).unwrap();
        assert_eq!(given.sandbox.id, "one");
        // Nobody has opened its repl: with the one that is left there are as many as may be.
        warm.pool.lock().demand.note(now, 2);
        let later = now + QUIET;
        assert!(matches!(warm.next(later), Next::Wait(LOOK)));
        drop(given);
        assert!(matches!(warm.next(later), Next::Make));
        let third = ready(&warm, "three", &terms);
        warm.pool.lock().ready.push_back(third);
        let later = now + MEMORY * 2;
        assert!(matches!(warm.next(later), Next::End(id) if id == "three"));
        assert!(matches!(warm.next(later), Next::Wait(LOOK)));
        // What could not be ended holds up nothing else.
        warm.end("four".into(), later + AGAIN);
        assert!(matches!(warm.next(later), Next::Wait(LOOK)));
        assert!(matches!(warm.next(later + AGAIN), Next::End(id) if id == "four"));
    }

    #[test]
    fn what_nobody_opens_stays_for_its_grace_period_but_not_for_ever() {
        let minute = Duration::from_secs(60);
        assert_eq!(Ready::stays(Some(minute)), minute);
        assert_eq!(Ready::stays(Some(minute * 60)), UNOPENED);
        assert_eq!(Ready::stays(None), UNOPENED);
    }

    #[test]
    fn a_repl_with_more_than_its_disk_holds_has_another() {
        let terms = Terms {
            limits: Limits {
                disk: Some(1 << 30),
                ..Limits::default()
            },
            ..usual()
        };
        let holds = |bytes| Holds { bytes, files: 10 };
        let ready = ready(&Warm::new(1), "one", &terms);
        assert!(ready.fits(&terms, holds(800 << 20)));
        assert!(!ready.fits(&terms, holds(900 << 20)));
        assert!(!ready.fits(&usual(), holds(0)));
        let shut = Terms {
            network: Network::None,
            ..terms
        };
        assert!(!ready.fits(&shut, holds(0)));
    }
}
