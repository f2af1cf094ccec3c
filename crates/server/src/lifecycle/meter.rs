//! What a repl's programs use, told in steps that a person sees.

use std::time::{Duration, Instant};

use alcove_protocol::api::{self, Resources};
use alcove_spawner::{Limits, Usage};

use super::quota::size_in_words;
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
/// What programs met is said in the terminals once in so long.
const SAID_AGAIN: Duration = Duration::from_secs(60);

pub(super) struct Meter {
    limits: Limits,
    disk_is_measured: bool,
    next: Instant,
    last: Option<(Instant, Usage)>,
    killed_at: Option<String>,
    refused_at: Option<String>,
    news: Option<String>,
    said: Option<Instant>,
}

impl Meter {
    pub fn new(limits: Limits, disk_is_measured: bool) -> Self {
        Self {
            limits,
            disk_is_measured,
            next: Instant::now(),
            last: None,
            killed_at: None,
            refused_at: None,
            news: None,
            said: None,
        }
    }

    /// What programs have met since this was asked last, for the terminals.
    pub fn take_news(&mut self) -> Option<String> {
        self.news.take()
    }

    fn hear(&mut self, now: Instant, usage: &Usage, last: &Usage) {
        let words = self.words(usage, last);
        if words.is_some() && self.said.is_none_or(|at| now >= at + SAID_AGAIN) {
            (self.news, self.said) = (words, Some(now));
        }
    }

    fn words(&self, usage: &Usage, last: &Usage) -> Option<String> {
        let Limits {
            memory, processes, ..
        } = &self.limits;
        let is_full = |usage: &Usage| usage.disk.filter(|disk| disk.is_full(STEP));
        if usage.killed > last.killed {
            let size = size_in_words(*memory);
            return Some(format!(
                "Memory was full ({size}), so a program was ended: run less at once"
            ));
        }
        if usage.refused > last.refused {
            return Some(format!(
                "There were too many processes ({processes}), so a program could not start another: end some"
            ));
        }
        // Nothing keeps them from writing where it is only measured: they are stopped, with words of their own.
        let is_new = is_full(last).is_none() && !self.disk_is_measured;
        let disk = is_full(usage).filter(|_| is_new)?;
        let size = size_in_words(disk.max_bytes);
        Some(format!(
            "The disk is full ({size}), so programs can't write: delete what is not needed, or can be made again"
        ))
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
        self.hear(now, &usage, &last);
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
            disk_is_measured: self.disk_is_measured,
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
            let mut meter = Meter::new(Limits::default(), false);
            let told = meter.read(Instant::now(), Some(usage), true, None);
            told.unwrap().disk.unwrap()
        };
        let (some, full) = (told(STEP + 1, 1), told(63 * STEP + 1, 999));
        assert_eq!((some.bytes, some.files), (2 * STEP, 256));
        assert_eq!((full.bytes, full.files), (full.max_bytes, full.max_files));
    }

    #[test]
    fn processor_time_is_that_of_the_last_seconds() {
        let (mut meter, begin) = (Meter::new(Limits::default(), false), Instant::now());
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
        let mut hasty = Meter::new(Limits::default(), false);
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
    fn what_programs_meet_is_said_in_the_terminals_once_in_a_while() {
        let (mut meter, begin) = (Meter::new(Limits::default(), false), Instant::now());
        let mut hears = |after: u64, usage| {
            meter.read(begin + Duration::from_secs(after), usage, true, None);
            meter.take_news().unwrap_or_default()
        };
        // What was before, another server has said.
        assert_eq!(hears(0, usage(0, 0, 3, 3)), "");
        assert!(hears(2, usage(0, 0, 4, 3)).starts_with("Memory was full (2 GiB)"));
        assert_eq!(hears(4, usage(0, 0, 5, 3)), "");
        assert!(hears(62, usage(0, 0, 5, 4)).contains("processes (512)"));
        let full = |bytes| {
            let disk = DiskUsage {
                bytes,
                files: 1,
                max_bytes: 64 * STEP,
                max_files: 1000,
            };
            let disk = Some(disk);
            usage(0, 0, 5, 4).map(|usage| Usage { disk, ..usage })
        };
        assert_eq!(hears(200, full(3)), "");
        assert!(hears(202, full(64 * STEP)).starts_with("The disk is full (64 MiB)"));
        assert_eq!(hears(300, full(64 * STEP)), "", "it still is");
    }

    #[test]
    fn it_is_said_when_the_memory_was_full_last() {
        let (mut meter, now) = (Meter::new(Limits::default(), false), Instant::now());
        let told = meter.read(now, usage(0, 0, 0, 0), true, None).unwrap();
        assert_eq!((told.killed_at, told.refused_at), (None, None));
        let told = meter.read(now, usage(0, 0, 2, 0), true, None).unwrap();
        assert!(told.killed == 2 && told.killed_at.is_some() && told.refused_at.is_none());
        let again = meter.read(now, usage(0, 0, 2, 7), true, None).unwrap();
        assert_eq!((again.killed_at, again.refused), (told.killed_at, 7));
        assert!(again.refused_at.is_some());
    }
}
