//! How many repls run at once: who comes when the machine is full waits in line.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// How often it is looked whether there is memory again: nothing tells of it.
const LOOK: Duration = Duration::from_secs(1);

/// What a machine's repls may take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Repls that run at once.
    pub repls: usize,
    /// Bytes of memory that must be available before another one starts.
    pub memory: u64,
}

pub(super) struct Admission {
    room: Room,
    line: Mutex<Line>,
    changed: Notify,
}

#[derive(Default)]
struct Line {
    running: usize,
    waiting: VecDeque<u64>,
    next: u64,
}

/// A repl may run for as long as this lives.
pub(super) struct Ticket(Arc<Admission>);

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.line.lock().running -= 1;
        self.0.changed.notify_waiters();
    }
}

/// A place in line, until it is left.
struct Place<'a>(&'a Admission, u64);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.line.lock().waiting.retain(|other| *other != self.1);
        self.0.changed.notify_waiters();
    }
}

impl Admission {
    pub fn new(room: Room) -> Arc<Self> {
        Arc::new(Self {
            room,
            line: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// For one that runs already.
    pub fn at_once(self: &Arc<Self>) -> Ticket {
        self.line.lock().running += 1;
        Ticket(self.clone())
    }

    /// Waits for room; `tell` is called with each place in line, the first is 1.
    pub async fn enter(self: &Arc<Self>, mut tell: impl FnMut(usize)) -> Ticket {
        let place = {
            let mut line = self.line.lock();
            line.next += 1;
            let number = line.next;
            line.waiting.push_back(number);
            Place(self, number)
        };
        loop {
            // Asked for first: what changes meanwhile is not missed.
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            match self.look(place.1, available_memory()) {
                None => return Ticket(self.clone()),
                Some(place) => tell(place),
            }
            let _ = tokio::time::timeout(LOOK, changed).await;
        }
    }

    /// Lets the first in line in, if there is room; else its place.
    fn look(&self, number: u64, available: Option<u64>) -> Option<usize> {
        let mut line = self.line.lock();
        let at = line.waiting.iter().position(|n| *n == number).unwrap_or(0);
        let has_memory = available.is_none_or(|bytes| bytes >= self.room.memory);
        // One alone may try: nothing would make room for it.
        if at == 0 && line.running < self.room.repls && (has_memory || line.running == 0) {
            line.running += 1;
            return None;
        }
        Some(at + 1)
    }
}

/// Bytes that programs may still take, without that others are ended (`MemAvailable`, proc(5)).
fn available_memory() -> Option<u64> {
    available(&std::fs::read_to_string("/proc/meminfo").ok()?)
}

fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admission(repls: usize, memory: u64) -> Arc<Admission> {
        Admission::new(Room { repls, memory })
    }

    #[tokio::test]
    async fn who_comes_when_it_is_full_waits_in_line() {
        let admission = admission(1, 0);
        let first = admission.enter(|_| panic!("there is room")).await;
        let line = ["second", "third"].map(|name| {
            let (admission, (sender, places)) = (admission.clone(), tokio::sync::watch::channel(0));
            let task = tokio::spawn(async move {
                let tell = |place| {
                    sender.send_replace(place);
                };
                let ticket = admission.enter(tell).await;
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
        assert_eq!(admission.line.lock().running, 0);
    }

    #[tokio::test]
    async fn who_leaves_the_line_makes_room_in_it() {
        let admission = admission(1, 0);
        let _first = admission.at_once();
        let gone = tokio::time::timeout(Duration::ZERO, admission.enter(|_| {})).await;
        assert!(gone.is_err());
        assert!(admission.line.lock().waiting.is_empty());
    }

    #[test]
    fn without_memory_none_starts_but_the_only_one() {
        let admission = admission(5, 1000);
        let place = |n| {
            admission.line.lock().waiting = VecDeque::from([n]);
            n
        };
        assert_eq!(admission.look(place(1), Some(10)), None, "it is alone");
        assert_eq!(admission.look(place(2), Some(999)), Some(1));
        assert_eq!(admission.look(place(3), Some(1000)), None);
        assert_eq!(admission.look(place(4), None), None);
    }

    #[test]
    fn what_is_available_is_read() {
        let text = "MemTotal:       24 kB\nMemFree:  2 kB\nMemAvailable:    7 kB\n";
        assert_eq!(available(text), Some(7168));
        assert_eq!(available(""), None);
    }
}
