//! Sandboxes that are ready before anybody asks: empty ones, each under the id that a new repl will get. What is
//! slow in a start (a disk, a network, processes) is done by then. Nobody has been in one, and nobody is in it twice.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_spawner::{Holds, Limits, Owner, Sandbox, SandboxSpec};
use alcove_volume::Volume;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Repls;
use crate::db::repl;

/// How long it is remembered that a repl was made.
const MEMORY: Duration = Duration::from_secs(10 * 60);
/// After the last one was made: its own start comes first.
const QUIET: Duration = Duration::from_secs(1);
/// How often it is looked whether there are too many, or whether there is room again,
const LOOK: Duration = Duration::from_secs(60);
/// and until another one is tried after one could not be made.
const AGAIN: Duration = Duration::from_secs(30);

/// A sandbox that nobody has been in.
#[derive(Debug)]
pub(super) struct Ready {
    pub sandbox: Sandbox,
    pub limits: Limits,
}

impl Ready {
    /// Whether it can be that of a repl of this size, with so much in the store.
    pub fn fits(&self, limits: &Limits, holds: Holds) -> bool {
        self.limits == *limits && limits.disk.is_none_or(|disk| holds.fits(disk))
    }
}

/// Those of a server.
pub(super) struct Warm {
    /// At most so many.
    most: usize,
    pool: Mutex<Pool>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Pool {
    ready: VecDeque<Ready>,
    demand: Demand,
    is_closed: bool,
}

/// What is to be done for the pool.
#[derive(Debug)]
enum Next {
    Make,
    End(Ready),
    Wait(Duration),
}

impl Warm {
    pub fn new(most: usize) -> Self {
        Self {
            most,
            pool: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// One of this size, if there is one.
    fn take(&self, limits: &Limits, now: Instant) -> Option<Ready> {
        let mut pool = self.pool.lock();
        pool.demand.note(now);
        self.changed.notify_one();
        let at = pool.ready.iter().position(|r| r.limits == *limits)?;
        pool.ready.remove(at)
    }

    /// `Some`: the server ends, and it is not to be kept.
    fn give_back(&self, ready: Ready) -> Option<Ready> {
        let mut pool = self.pool.lock();
        if pool.is_closed {
            return Some(ready);
        }
        pool.ready.push_front(ready);
        None
    }

    fn next(&self, now: Instant) -> Next {
        let mut pool = self.pool.lock();
        let wanted = pool.demand.wanted(now, self.most);
        if pool.ready.len() > wanted
            && let Some(ready) = pool.ready.pop_back()
        {
            return Next::End(ready);
        }
        match pool.demand.quiet_in(now) {
            _ if pool.ready.len() == wanted => Next::Wait(LOOK),
            Some(quiet) => Next::Wait(quiet),
            None => Next::Make,
        }
    }
}

/// When repls were made lately.
#[derive(Debug, Default)]
struct Demand(VecDeque<Instant>);

impl Demand {
    fn note(&mut self, now: Instant) {
        self.0.push_back(now);
    }

    /// As many as were made lately, `most` at most; one in any case.
    fn wanted(&mut self, now: Instant, most: usize) -> usize {
        while self.0.front().is_some_and(|at| now - *at >= MEMORY) || self.0.len() > most {
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

/// The id of a new repl, and what is ready under it: without a repl that is there for the next.
pub struct Place {
    repls: Arc<Repls>,
    id: String,
    ready: Option<Ready>,
}

impl Place {
    pub fn id(&self) -> &str {
        &self.id
    }

    /// It is that of this repl.
    pub fn take(mut self, row: &repl::Model) {
        if let Some(ready) = self.ready.take() {
            self.repls.begin(row, ready);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(ready) = self.ready.take()
            && let Some(ready) = self.repls.warm.give_back(ready)
        {
            let repls = self.repls.clone();
            tokio::spawn(async move { repls.end_warm(&ready.sandbox.id).await });
        }
    }
}

impl Repls {
    /// For a new repl of this size.
    pub fn place(self: &Arc<Self>, size: Option<&str>) -> Place {
        let ready = self.warm.take(self.config.sizes.of(size), Instant::now());
        Place {
            repls: self.clone(),
            id: match &ready {
                Some(ready) => ready.sandbox.id.clone(),
                None => crate::names::new_id(),
            },
            ready,
        }
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
                Next::End(ready) => {
                    self.end_warm(&ready.sandbox.id).await;
                    Duration::ZERO
                }
                Next::Make if !self.admission.has_room(self.usual().memory) => LOOK,
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
                () = self.warm.changed.notified(), if wait > QUIET => {}
                () = closing.cancelled() => {}
            }
        }
        let left = {
            let mut pool = self.warm.pool.lock();
            pool.is_closed = true;
            std::mem::take(&mut pool.ready)
        };
        for ready in left {
            self.end_warm(&ready.sandbox.id).await;
        }
    }

    /// What a repl may use for which nothing was chosen.
    fn usual(&self) -> &Limits {
        self.config.sizes.of(None)
    }

    async fn warm_up(&self) -> Result<(), String> {
        let id = crate::names::new_id();
        match self.made_warm(&id).await {
            Ok(sandbox) => {
                let limits = self.usual().clone();
                let ready = Ready { sandbox, limits };
                self.warm.pool.lock().ready.push_back(ready);
                Ok(())
            }
            Err(error) => {
                self.end_warm(&id).await;
                Err(error)
            }
        }
    }

    async fn made_warm(&self, id: &str) -> Result<Sandbox, String> {
        let (limits, folder) = (self.usual().clone(), self.folder(id));
        let owner = self.spawner.owner(id).await.map_err(|e| e.to_string())?;
        let made = folder.create(limits.disk, Holds::default()).await;
        made.map_err(|e| e.to_string())?;
        let tops = Volume::make_tops(folder.path(), Owner::other(owner)).await;
        tops.map_err(|e| e.to_string())?;
        let [workspace, home] = Volume::tops(folder.path());
        let spec = SandboxSpec {
            id: id.to_owned(),
            workspace,
            home,
            env: Vec::new(),
            limits,
            network: self.config.network,
        };
        self.spawner.start(&spec).await.map_err(|e| e.to_string())
    }

    /// Ends one that is nobody's. What can't be deleted now, the next server deletes.
    pub(super) async fn end_warm(&self, id: &str) {
        let ended = async {
            let failed = |e: &dyn std::fmt::Display| e.to_string();
            self.spawner.stop(id).await.map_err(|e| failed(&e))?;
            self.folder(id).delete().await.map_err(|e| failed(&e))?;
            self.spawner.release(id).await.map_err(|e| failed(&e))
        };
        match ended.await {
            Ok(()) => info!(id, "a sandbox that nobody needed has ended"),
            Err(error) => warn!(id, error, "a sandbox that nobody needs could not be ended"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ready(id: &str, limits: &Limits) -> Ready {
        let sandbox = Sandbox {
            id: id.into(),
            socket: "/nowhere".into(),
            pid: 1,
            runs: true,
            limits: Some(limits.clone()),
        };
        let limits = limits.clone();
        Ready { sandbox, limits }
    }

    #[test]
    fn as_many_are_wanted_as_were_made_lately() {
        let (mut demand, now) = (Demand::default(), Instant::now());
        assert_eq!(demand.wanted(now, 4), 1);
        for second in 0..3 {
            demand.note(now + Duration::from_secs(second));
        }
        assert_eq!(demand.wanted(now + Duration::from_secs(3), 4), 3);
        assert_eq!(demand.wanted(now + Duration::from_secs(3), 2), 2);
        assert_eq!(demand.wanted(now + Duration::from_secs(3), 0), 0);
        for _ in 0..10_000 {
            demand.note(now + Duration::from_secs(4));
            demand.wanted(now + Duration::from_secs(4), 4);
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
        let (warm, limits) = (Warm::new(2), Limits::default());
        let now = Instant::now();
        assert!(matches!(warm.next(now), Next::Make));
        assert!(warm.take(&limits, now).is_none());
        assert!(matches!(warm.next(now), Next::Wait(wait) if wait <= QUIET));
        assert!(matches!(warm.next(now + QUIET), Next::Make));
    }

    #[test]
    fn one_is_given_to_a_repl_of_its_size_and_there_are_never_too_many() {
        let (warm, limits) = (Warm::new(2), Limits::default());
        let now = Instant::now();
        let other = Limits {
            memory: 1,
            ..Limits::default()
        };
        for id in ["one", "two"] {
            warm.pool.lock().ready.push_back(ready(id, &limits));
        }
        assert!(warm.take(&other, now).is_none());
        let given = warm.take(&limits, now).unwrap();
        assert_eq!(given.sandbox.id, "one");
        assert!(warm.give_back(given).is_none());
        let later = now + MEMORY * 2;
        assert!(matches!(warm.next(later), Next::End(ready) if ready.sandbox.id == "two"));
        assert!(matches!(warm.next(later), Next::Wait(LOOK)));
        warm.pool.lock().is_closed = true;
        assert!(warm.give_back(ready("three", &limits)).is_some());
    }

    #[test]
    fn a_repl_with_more_than_its_disk_holds_has_another() {
        let limits = Limits {
            disk: Some(1 << 30),
            ..Limits::default()
        };
        let holds = |bytes| Holds { bytes, files: 10 };
        let ready = ready("one", &limits);
        assert!(ready.fits(&limits, holds(800 << 20)));
        assert!(!ready.fits(&limits, holds(900 << 20)));
        assert!(!ready.fits(&Limits::default(), holds(0)));
    }
}
