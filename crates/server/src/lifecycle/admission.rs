//! How many repls run at once, and how much memory they may take together: who comes when the machine is full
//! waits in line.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alcove_spawner::Limits;
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::crowd::{Crowd, Member};

/// How often it is looked whether there is memory again: nothing tells of it.
const LOOK: Duration = Duration::from_secs(1);

/// What a machine's repls may take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Repls that run at once.
    pub repls: usize,
    /// Bytes of memory that must be available before another one starts.
    pub spare: u64,
    /// Bytes that all running ones may take together, each as much as its size says; `None`: as many as this
    /// machine has, but for [`Room::spare`].
    pub memory: Option<u64>,
}

pub(super) struct Admission {
    room: Room,
    /// Bytes that may be promised; `None`: nobody knows how many there are.
    memory: Option<u64>,
    line: Mutex<Line>,
    changed: Notify,
    crowd: Arc<Crowd>,
}

#[derive(Default)]
struct Line {
    running: usize,
    /// Bytes that those may take.
    promised: u64,
    waiting: VecDeque<u64>,
    next: u64,
    /// How many of somebody's run or wait.
    owners: HashMap<String, usize>,
}

/// How things stand.
pub struct Standing {
    pub running: usize,
    pub promised: u64,
    pub total: Option<u64>,
    pub available: Option<u64>,
    pub waiting: usize,
}

/// Somebody has as many at once as they may.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany(pub usize);

/// A repl may run, within these limits, for as long as this lives.
pub(super) struct Ticket {
    pub limits: Limits,
    counted: Counted,
    _member: Member,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let admission = &self.counted.0;
        {
            let mut line = admission.line.lock();
            line.running -= 1;
            line.promised -= self.limits.memory;
        }
        admission.look_again();
    }
}

/// One of somebody's that run or wait, for as long as this lives.
struct Counted(Arc<Admission>, String);

impl Drop for Counted {
    fn drop(&mut self) {
        let owners = &mut self.0.line.lock().owners;
        if let Some(count) = owners.get_mut(&self.1) {
            *count -= 1;
            if *count == 0 {
                owners.remove(&self.1);
            }
        }
    }
}

/// A place in line, until it is left.
struct Place<'a>(&'a Admission, u64);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.line.lock().waiting.retain(|other| *other != self.1);
        self.0.look_again();
    }
}

impl Admission {
    pub fn new(room: Room, crowd: Arc<Crowd>) -> Arc<Self> {
        let machine = || Some(meminfo("MemTotal:")?.saturating_sub(room.spare));
        Arc::new(Self {
            room,
            memory: room.memory.or_else(machine),
            line: Mutex::default(),
            changed: Notify::new(),
            crowd,
        })
    }

    /// Whether one that may take so much memory would be let in at once.
    pub fn has_room(&self, memory: u64) -> bool {
        let line = self.line.lock();
        line.waiting.is_empty() && self.may_enter(&line, memory, meminfo("MemAvailable:"))
    }

    /// For one that runs already.
    pub fn at_once(self: &Arc<Self>, owner: &str, limits: Limits) -> Ticket {
        let mut line = self.line.lock();
        line.let_in(limits.memory);
        let counted = self.count(&mut line, owner);
        drop(line);
        self.ticket(limits, counted)
    }

    fn ticket(&self, limits: Limits, counted: Counted) -> Ticket {
        Ticket {
            limits,
            counted,
            _member: self.crowd.enter(),
        }
    }

    /// Something has changed for those in line.
    pub fn look_again(&self) {
        self.changed.notify_waiters();
    }

    /// How many of somebody's run or wait.
    pub fn count_of(&self, owner: &str) -> usize {
        self.line.lock().count_of(owner)
    }

    fn count(self: &Arc<Self>, line: &mut Line, owner: &str) -> Counted {
        *line.owners.entry(owner.to_owned()).or_default() += 1;
        Counted(self.clone(), owner.to_owned())
    }

    pub fn standing(&self) -> Standing {
        let line = self.line.lock();
        Standing {
            running: line.running,
            promised: line.promised,
            total: self.memory,
            available: meminfo("MemAvailable:"),
            waiting: line.waiting.len(),
        }
    }

    /// Waits for room for one of somebody's, who may have `most` at once. Its `limits` may become others meanwhile:
    /// those that it has when it is let in hold. `tell` is called with each place in line, the first is 1.
    pub async fn enter(
        self: &Arc<Self>,
        (owner, most): (&str, usize),
        limits: impl Fn() -> Limits,
        mut tell: impl FnMut(usize),
    ) -> Result<Ticket, TooMany> {
        let (counted, place) = {
            let mut line = self.line.lock();
            if line.count_of(owner) >= most {
                return Err(TooMany(most));
            }
            line.next += 1;
            let number = line.next;
            line.waiting.push_back(number);
            (self.count(&mut line, owner), Place(self, number))
        };
        loop {
            // Asked for first: what changes meanwhile is not missed.
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let limits = limits();
            match self.look(place.1, limits.memory, meminfo("MemAvailable:")) {
                None => return Ok(self.ticket(limits, counted)),
                Some(place) => tell(place),
            }
            let _ = tokio::time::timeout(LOOK, changed).await;
        }
    }

    /// Lets the first in line in, if there is room; else its place.
    fn look(&self, number: u64, memory: u64, available: Option<u64>) -> Option<usize> {
        let mut line = self.line.lock();
        let at = line.waiting.iter().position(|n| *n == number).unwrap_or(0);
        if at == 0 && self.may_enter(&line, memory, available) {
            line.let_in(memory);
            return None;
        }
        Some(at + 1)
    }

    fn may_enter(&self, line: &Line, memory: u64, available: Option<u64>) -> bool {
        let is_there = available.is_none_or(|bytes| bytes >= self.room.spare);
        let promised = line.promised.saturating_add(memory);
        let may_be_promised = self.memory.is_none_or(|bytes| promised <= bytes);
        let has_memory = is_there && may_be_promised;
        // One alone may try: nothing would make room for it.
        line.running < self.room.repls && (has_memory || line.running == 0)
    }
}

impl Line {
    fn count_of(&self, owner: &str) -> usize {
        self.owners.get(owner).copied().unwrap_or(0)
    }

    fn let_in(&mut self, memory: u64) {
        self.running += 1;
        self.promised += memory;
    }
}

/// Bytes of `/proc/meminfo` (proc(5)): what the machine has, or what programs may still take without that
/// others are ended.
fn meminfo(name: &str) -> Option<u64> {
    figure(&std::fs::read_to_string("/proc/meminfo").ok()?, name)
}

fn figure(meminfo: &str, name: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|l| l.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(repls: usize, spare: u64, memory: u64) -> Arc<Admission> {
        let memory = Some(memory);
        let room = Room {
            repls,
            spare,
            memory,
        };
        Admission::new(room, Crowd::new(|_| {}))
    }

    fn limits(memory: u64) -> Limits {
        Limits {
            memory,
            ..Limits::default()
        }
    }

    /// Somebody who may have many.
    const ANY: (&str, usize) = ("eve", 10);

    #[tokio::test]
    async fn nobody_has_more_at_once_than_they_may_those_in_line_included() {
        let admission = admission(2, 0, 100);
        let enter = async |owner, most| admission.enter((owner, most), || limits(7), |_| {}).await;
        let first = enter("eve", 2).await.unwrap();
        let _other = enter("bob", 1).await.unwrap();
        assert_eq!(enter("bob", 1).await.err(), Some(TooMany(1)));
        {
            let mut waits = std::pin::pin!(enter("eve", 2));
            assert!(futures_util::poll!(&mut waits).is_pending());
            assert_eq!(admission.standing().waiting, 1);
            assert_eq!(enter("eve", 2).await.err(), Some(TooMany(2)));
        }
        assert_eq!(admission.count_of("eve"), 1);
        drop(first);
        assert_eq!(admission.count_of("eve"), 0);
        let _found = [7, 7].map(|memory| admission.at_once("eve", limits(memory)));
        assert_eq!(enter("eve", 2).await.err(), Some(TooMany(2)));
    }

    /// Whether the first in line, who may take so much, is let in.
    fn lets_in(admission: &Admission, memory: u64, available: Option<u64>) -> bool {
        admission.line.lock().waiting = VecDeque::from([1]);
        let place = admission.look(1, memory, available);
        assert!(place.is_none_or(|place| place == 1));
        place.is_none()
    }

    #[tokio::test]
    async fn who_comes_when_it_is_full_waits_in_line() {
        let admission = admission(1, 0, 100);
        let first = admission
            .enter(ANY, || limits(7), |_| panic!("there is room"))
            .await;
        let first = first.unwrap();
        let line = ["second", "third"].map(|name| {
            let (admission, (sender, places)) = (admission.clone(), tokio::sync::watch::channel(0));
            let task = tokio::spawn(async move {
                let tell = |place| {
                    sender.send_replace(place);
                };
                let ticket = admission.enter(ANY, || limits(7), tell).await.unwrap();
                (name, ticket)
            });
            (task, places)
        });
        let [(second, mut at_second), (third, mut at_third)] = line;
        at_second.wait_for(|place| *place == 1).await.unwrap();
        at_third.wait_for(|place| *place == 2).await.unwrap();
        drop(first);
        let (name, ticket) = second.await.unwrap();
        assert_eq!(name, "second");
        at_third.wait_for(|place| *place == 1).await.unwrap();
        drop(ticket);
        assert_eq!(third.await.unwrap().0, "third");
        let line = admission.line.lock();
        assert_eq!((line.running, line.promised), (0, 0));
    }

    #[tokio::test]
    async fn who_leaves_the_line_makes_room_in_it() {
        let admission = admission(1, 0, 100);
        let _first = admission.at_once("eve", limits(7));
        let gone = admission.enter(ANY, || limits(7), |_| {});
        let gone = tokio::time::timeout(Duration::ZERO, gone).await;
        assert!(gone.is_err());
        assert!(admission.line.lock().waiting.is_empty());
    }

    #[tokio::test]
    async fn who_becomes_smaller_in_line_keeps_the_place_and_is_let_in_as_that() {
        let admission = admission(5, 0, 100);
        let _first = admission.at_once("eve", limits(60));
        let (size, sizes) = tokio::sync::watch::channel(60);
        let (sender, mut places) = tokio::sync::watch::channel(0);
        let line = admission.clone();
        let second = tokio::spawn(async move {
            let tell = |place| {
                sender.send_replace(place);
            };
            line.enter(ANY, || limits(*sizes.borrow()), tell).await
        });
        places.wait_for(|place| *place == 1).await.unwrap();
        // It fits, and stands behind.
        assert!(!admission.has_room(1));
        size.send_replace(40);
        admission.look_again();
        let ticket = second.await.unwrap().unwrap();
        assert_eq!(ticket.limits.memory, 40);
        assert_eq!(admission.line.lock().promised, 100);
        drop(ticket);
        assert_eq!(admission.line.lock().promised, 60);
    }

    #[test]
    fn without_memory_none_starts_but_the_only_one() {
        let admission = admission(5, 1000, 100);
        assert!(lets_in(&admission, 7, Some(10)), "it is alone");
        assert!(!lets_in(&admission, 7, Some(999)));
        assert!(lets_in(&admission, 7, Some(1000)));
        assert!(lets_in(&admission, 7, None));
    }

    #[test]
    fn no_more_is_promised_than_there_is_but_to_the_only_one() {
        let admission = admission(5, 0, 100);
        assert!(lets_in(&admission, 200, None), "it is alone");
        assert!(!lets_in(&admission, 1, None));
        admission.line.lock().running = 0;
        admission.line.lock().promised = 0;
        // Each by its own size.
        assert!(lets_in(&admission, 60, None));
        assert!(!lets_in(&admission, 41, None));
        assert!(lets_in(&admission, 40, None));
        assert!(!lets_in(&admission, 1, None));
    }

    #[test]
    fn as_much_is_promised_as_the_machine_has_unless_the_operator_says_more() {
        let room = |memory| Room {
            repls: 5,
            spare: 1 << 20,
            memory,
        };
        let machine = meminfo("MemTotal:").unwrap();
        let usual = Admission::new(room(None), Crowd::new(|_| {})).memory;
        assert_eq!(usual, Some(machine - (1 << 20)));
        let more = Some(machine * 4);
        assert_eq!(Admission::new(room(more), Crowd::new(|_| {})).memory, more);
    }

    #[test]
    fn figures_are_read() {
        let text = "MemTotal:       24 kB\nMemFree:  2 kB\nMemAvailable:    7 kB\n";
        assert_eq!(figure(text, "MemAvailable:"), Some(7168));
        assert_eq!(figure(text, "MemTotal:"), Some(24 << 10));
        assert_eq!(figure("", "MemTotal:"), None);
    }
}
