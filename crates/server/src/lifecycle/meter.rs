//! What a repl's programs use, told in steps that a person sees.

use std::time::{Duration, Instant};

use alcove_protocol::api::{self, Resources};
use alcove_spawner::{Limits, Usage};

use crate::db::now_ms;

/// How often it is looked at while somebody is there,
const OFTEN: Duration = Duration::from_secs(2);
/// and while nobody is.
const SELDOM: Duration = Duration::from_secs(20);
/// However short the time is that repls go on for.
const SHORTEST: Duration = Duration::from_millis(250);
/// Memory and disk are told in steps of so many bytes,
const STEP: u64 = 1 << 20;
/// and of so many files.
const FILES_STEP: u64 = 256;

pub(super) struct Meter {
    limits: Limits,
    next: Instant,
    last: Option<(Instant, Usage)>,
    killed_at: Option<String>,
    refused_at: Option<String>,
}

impl Meter {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            next: Instant::now(),
            last: None,
            killed_at: None,
            refused_at: None,
        }
    }

    /// When it is to be looked at next.
    pub fn due(&self) -> Instant {
        self.next
    }

    /// Somebody came.
    pub fn hurry(&mut self) {
        let soon = self.last.map_or_else(Instant::now, |(at, _)| at + OFTEN);
        self.next = self.next.min(soon);
    }

    /// Takes what was found; what is to be told of it. `None`: this machine does not count. `grace`: as in
    /// [`super::Patience`]. Whether programs work is known well before it is over.
    pub fn read(
        &mut self,
        now: Instant,
        usage: Option<Usage>,
        watched: bool,
        grace: Option<Duration>,
    ) -> Option<Resources> {
        let period = if watched { OFTEN } else { SELDOM };
        let most = grace.map_or(SELDOM, |grace| grace / 3);
        self.next = now + period.min(most.max(SHORTEST));
        let usage = usage?;
        let (before, last) = self.last.replace((now, usage)).unzip();
        let time = before.map_or(Duration::ZERO, |before| now.duration_since(before));
        // What was before the first look, another server has told.
        let last = last.unwrap_or(usage);
        let cpu = match time.is_zero() {
            true => 0.0,
            false => usage.cpu.saturating_sub(last.cpu).as_secs_f64() / time.as_secs_f64() * 100.0,
        };
        let at = |happened: bool, before: Option<String>| match happened {
            true => Some(crate::rfc3339(now_ms())),
            false => before,
        };
        self.killed_at = at(usage.killed > last.killed, self.killed_at.take());
        self.refused_at = at(usage.refused > last.refused, self.refused_at.take());
        Some(Resources {
            memory: usage.memory.div_ceil(STEP) * STEP,
            max_memory: self.limits.memory,
            processes: usage.processes,
            max_processes: self.limits.processes,
            cpu: cpu.round() as u32,
            killed: usage.killed,
            killed_at: self.killed_at.clone(),
            refused: usage.refused,
            refused_at: self.refused_at.clone(),
            disk: usage.disk.map(|disk| api::Usage {
                bytes: (disk.bytes.div_ceil(STEP) * STEP).min(disk.max_bytes),
                files: (disk.files.div_ceil(FILES_STEP) * FILES_STEP).min(disk.max_files),
                max_bytes: disk.max_bytes,
                max_files: disk.max_files,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alcove_spawner::DiskUsage;

    fn usage(memory: u64, cpu_ms: u64, killed: u64, refused: u64) -> Option<Usage> {
        Some(Usage {
            memory,
            processes: 3,
            cpu: Duration::from_millis(cpu_ms),
            killed,
            refused,
            disk: None,
        })
    }

    #[test]
    fn a_disk_with_less_than_a_step_left_is_told_as_full() {
        let told = |bytes, files| {
            let disk = DiskUsage {
                bytes,
                files,
                max_bytes: 64 * STEP - 5,
                max_files: 1000,
            };
            let usage = Usage {
                disk: Some(disk),
                ..usage(0, 0, 0, 0).unwrap()
            };
            let mut meter = Meter::new(Limits::default());
            let told = meter.read(Instant::now(), Some(usage), true, None);
            told.unwrap().disk.unwrap()
        };
        let (some, full) = (told(STEP + 1, 1), told(63 * STEP + 1, 999));
        assert_eq!((some.bytes, some.files), (2 * STEP, 256));
        assert_eq!((full.bytes, full.files), (full.max_bytes, full.max_files));
    }

    #[test]
    fn processor_time_is_that_of_the_last_seconds() {
        let (mut meter, begin) = (Meter::new(Limits::default()), Instant::now());
        assert_eq!(
            meter
                .read(begin, usage(0, 9000, 0, 0), true, None)
                .unwrap()
                .cpu,
            0
        );
        assert_eq!(meter.due(), begin + OFTEN);
        let later = begin + Duration::from_secs(2);
        let told = meter.read(later, usage(3 * STEP + 5, 12_000, 0, 0), false, None);
        let told = told.unwrap();
        assert_eq!((told.cpu, told.memory), (150, 4 * STEP));
        assert_eq!(meter.due(), later + SELDOM);
        let mut hasty = Meter::new(Limits::default());
        hasty.read(
            begin,
            usage(0, 0, 0, 0),
            false,
            Some(Duration::from_secs(3)),
        );
        assert_eq!(hasty.due(), begin + Duration::from_secs(1));
        // A group that was made anew counts from nothing.
        let last = later + Duration::from_secs(2);
        assert_eq!(
            meter
                .read(last, usage(0, 10, 0, 0), true, None)
                .unwrap()
                .cpu,
            0
        );
        assert_eq!(meter.read(last, None, true, None), None);
    }

    #[test]
    fn it_is_said_when_the_memory_was_full_last() {
        let (mut meter, now) = (Meter::new(Limits::default()), Instant::now());
        let told = meter.read(now, usage(0, 0, 0, 0), true, None).unwrap();
        assert_eq!((told.killed_at, told.refused_at), (None, None));
        let told = meter.read(now, usage(0, 0, 2, 0), true, None).unwrap();
        assert!(told.killed == 2 && told.killed_at.is_some() && told.refused_at.is_none());
        let again = meter.read(now, usage(0, 0, 2, 7), true, None).unwrap();
        assert_eq!((again.killed_at, again.refused), (told.killed_at, 7));
        assert!(again.refused_at.is_some());
    }
}
