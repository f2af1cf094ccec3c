//! When the next checkpoint is due: pure, with time handed in.

use std::time::{Duration, Instant};

/// After the last change,
const QUIET: Duration = Duration::from_secs(2);
/// and at most after the first that is not saved.
const AT_MOST: Duration = Duration::from_secs(10);
/// Pause after a checkpoint, as a multiple of its own cost, so that programs that write all the time
/// don't keep the machine busy with saving,
const COST_FACTOR: u32 = 20;
/// up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(120);
/// First and longest wait after a failure.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));
/// How often a workspace is scanned of which not all folders can be watched,
const SCAN: Duration = Duration::from_secs(30);
/// and any other: writes through shared memory, mmap(2), are never announced.
const SELDOM_SCAN: Duration = Duration::from_secs(300);

#[derive(Debug, Default)]
pub(super) struct Schedule {
    first: Option<Instant>,
    last: Option<Instant>,
    /// Not before.
    pause: Option<Instant>,
    failures: u32,
    /// When a checkpoint last succeeded.
    scanned: Option<Instant>,
}

impl Schedule {
    /// Something changed.
    pub fn changed(&mut self, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
    }

    /// Whether changes wait.
    pub fn is_dirty(&self) -> bool {
        self.first.is_some()
    }

    /// A checkpoint begins; changes from now on are for the next.
    pub fn began(&mut self) {
        (self.first, self.last) = (None, None);
    }

    /// It ended well.
    pub fn succeeded(&mut self, now: Instant, cost: Duration) {
        self.failures = 0;
        self.scanned = Some(now);
        self.pause = Some(now + (cost * COST_FACTOR).min(LONGEST_PAUSE));
    }

    /// It failed: what changed is still to be saved.
    pub fn failed(&mut self, now: Instant) {
        let wait = RETRY
            .0
            .saturating_mul(1 << self.failures.min(8))
            .min(RETRY.1);
        self.failures += 1;
        self.first.get_or_insert(now);
        self.last.get_or_insert(now);
        self.pause = Some(now + wait);
    }

    /// When the next is due; `watched`: changes are noticed wherever they are.
    pub fn due(&self, now: Instant, watched: bool) -> Option<Instant> {
        let due = match (self.first, self.last) {
            (Some(first), Some(last)) => (last + QUIET).min(first + AT_MOST),
            _ if !watched => self.scanned.unwrap_or(now) + SCAN,
            _ => self.scanned? + SELDOM_SCAN,
        };
        Some(self.pause.map_or(due, |pause| due.max(pause)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, seconds: f64) -> Instant {
        start + Duration::from_secs_f64(seconds)
    }

    #[test]
    fn it_waits_for_a_pause_in_typing_but_not_for_ever() {
        let now = Instant::now();
        let mut schedule = Schedule::default();
        assert_eq!(schedule.due(now, true), None);
        schedule.changed(now);
        assert_eq!(schedule.due(now, true), Some(at(now, 2.0)));
        for i in 1..12 {
            schedule.changed(at(now, f64::from(i)));
        }
        assert_eq!(schedule.due(now, true), Some(at(now, 10.0)));
    }

    #[test]
    fn a_costly_checkpoint_is_followed_by_a_pause() {
        let now = Instant::now();
        let mut schedule = Schedule::default();
        schedule.changed(now);
        schedule.began();
        schedule.succeeded(now, Duration::from_secs(1));
        schedule.changed(now);
        assert_eq!(schedule.due(now, true), Some(at(now, 20.0)));
        schedule.began();
        schedule.succeeded(now, Duration::from_secs(60));
        schedule.changed(now);
        assert_eq!(schedule.due(now, true), Some(now + LONGEST_PAUSE));
    }

    #[test]
    fn a_failure_is_tried_again_ever_more_seldom() {
        let now = Instant::now();
        let mut schedule = Schedule::default();
        let mut waits = Vec::new();
        for _ in 0..8 {
            schedule.began();
            schedule.failed(now);
            waits.push((schedule.due(now, true).unwrap() - now).as_secs());
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 60, 60, 60]);
        assert!(schedule.is_dirty());
    }

    #[test]
    fn unwatched_folders_are_scanned_now_and_then() {
        let now = Instant::now();
        let mut schedule = Schedule::default();
        assert_eq!(schedule.due(now, false), Some(now + SCAN));
        schedule.succeeded(now, Duration::ZERO);
        assert_eq!(schedule.due(now, false), Some(now + SCAN));
        assert_eq!(schedule.due(now, true), Some(now + SELDOM_SCAN));
    }
}
