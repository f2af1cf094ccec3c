//! Why a repl goes on, and until when: a pure function of what was seen of it.

use std::time::{Duration, Instant};

use alcove_protocol::api::AwakeWhy;

use super::lifetime::Lifetime;

/// A program that takes this part of a processor is at work.
pub(super) const BUSY_PERCENT: u32 = 5;

/// How long before a repl has run for as long as it may that is told.
pub(super) const WARNING: Duration = Duration::from_secs(600);

/// How long a repl may go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// After the last person has left, or the last work was seen; `None`: for ever.
    pub grace: Option<Duration>,
    /// An open page in which nobody does anything for so long counts as left; `None`: never.
    pub idle: Option<Duration>,
    /// How long programs that work keep it awake after the last person has left.
    pub busy: Duration,
}

/// What was seen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    /// Whether pages are open, or answers of previews under way.
    pub is_open: bool,
    /// When somebody last came, left, used a preview or did something.
    pub person: Instant,
    /// When programs were last at work.
    pub work: Option<Instant>,
    /// When it was started.
    pub began: Instant,
}

/// Why it goes on, and until when if nothing else happens; `None`: for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub why: AwakeWhy,
    pub until: Option<Instant>,
    /// When the reason becomes another, before that.
    pub changes: Option<Instant>,
}

/// Whatever else is so: its longest life ends it.
pub(super) fn verdict(lifetime: Lifetime, seen: Seen, now: Instant) -> Verdict {
    let verdict = needed(lifetime, seen, now);
    let Some(life) = lifetime.max_life else {
        return verdict;
    };
    let end = seen.began + life;
    if verdict.until.is_some_and(|until| until <= end) {
        return verdict;
    }
    let warns = seen.began + life.saturating_sub(WARNING);
    if now >= warns {
        return Verdict {
            why: AwakeWhy::MaxLife,
            until: Some(end),
            changes: None,
        };
    }
    Verdict {
        until: Some(end),
        changes: Some(verdict.changes.map_or(warns, |changes| changes.min(warns))),
        ..verdict
    }
}

/// Why somebody needs it.
fn needed(lifetime: Lifetime, seen: Seen, now: Instant) -> Verdict {
    let patience = lifetime.patience;
    let for_ever = |why| Verdict {
        why,
        until: None,
        changes: None,
    };
    let Some(grace) = patience.grace else {
        return for_ever(AwakeWhy::Always);
    };
    let left = match (seen.is_open, patience.idle) {
        (true, None) => return for_ever(AwakeWhy::People),
        (true, Some(idle)) => seen.person + idle,
        (false, _) => seen.person,
    };
    if lifetime.keep_alive {
        return match seen.is_open && now <= left {
            true => Verdict {
                changes: Some(left),
                ..for_ever(AwakeWhy::People)
            },
            false => for_ever(AwakeWhy::KeepAlive),
        };
    }
    let people_until = left + grace;
    let cap = seen.person + patience.busy;
    let work_until = seen.work.map(|work| (work + grace).min(cap));
    if let Some(until) = work_until
        && until > people_until
        && now > left
    {
        return Verdict {
            why: AwakeWhy::Busy,
            until: Some(until),
            changes: None,
        };
    }
    let (why, changes) = match (seen.is_open, now > left) {
        (true, false) => (AwakeWhy::People, Some(left)),
        (true, true) => (AwakeWhy::Idle, None),
        (false, _) => (AwakeWhy::Recent, None),
    };
    Verdict {
        why,
        until: Some(people_until.max(work_until.unwrap_or(people_until))),
        changes,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Patience = Patience {
        grace: Some(Duration::from_secs(300)),
        idle: Some(Duration::from_secs(7200)),
        busy: Duration::from_secs(43_200),
    };

    const LIFETIME: Lifetime = Lifetime {
        patience: PATIENCE,
        wake_on_touch: true,
        keep_alive: false,
        max_life: None,
    };

    fn with(patience: Patience) -> Lifetime {
        Lifetime {
            patience,
            ..LIFETIME
        }
    }

    struct World {
        begin: Instant,
    }

    impl World {
        fn at(&self, seconds: u64) -> Instant {
            self.begin + Duration::from_secs(seconds)
        }

        fn verdict(
            &self,
            is_open: bool,
            person: u64,
            work: Option<u64>,
            now: u64,
        ) -> (AwakeWhy, Option<u64>) {
            let seen = Seen {
                is_open,
                person: self.at(person),
                work: work.map(|work| self.at(work)),
                began: self.begin,
            };
            let verdict = verdict(LIFETIME, seen, self.at(now));
            (
                verdict.why,
                verdict
                    .until
                    .map(|u| u.duration_since(self.begin).as_secs()),
            )
        }
    }

    fn world() -> World {
        World {
            begin: Instant::now(),
        }
    }

    #[test]
    fn it_goes_on_for_a_while_after_the_last_has_left() {
        let world = world();
        assert_eq!(
            world.verdict(false, 100, None, 200),
            (AwakeWhy::Recent, Some(400))
        );
        assert_eq!(
            world.verdict(true, 100, None, 200),
            (AwakeWhy::People, Some(7600))
        );
    }

    #[test]
    fn a_forgotten_page_does_not_count_for_ever() {
        let world = world();
        assert_eq!(
            world.verdict(true, 0, None, 7201),
            (AwakeWhy::Idle, Some(7500))
        );
        let seen = Seen {
            is_open: true,
            person: world.begin,
            work: None,
            began: world.begin,
        };
        let before = verdict(LIFETIME, seen, world.at(10));
        assert_eq!(before.changes, Some(world.at(7200)));
        let never = Patience {
            idle: None,
            ..PATIENCE
        };
        assert_eq!(verdict(with(never), seen, world.at(999_999)).until, None);
    }

    #[test]
    fn programs_that_work_keep_it_awake_but_not_for_ever() {
        let world = world();
        assert_eq!(
            world.verdict(false, 0, Some(200), 250),
            (AwakeWhy::Busy, Some(500))
        );
        assert_eq!(
            world.verdict(false, 0, Some(43_100), 43_100),
            (AwakeWhy::Busy, Some(43_200))
        );
        // While somebody is there, that is why.
        assert_eq!(world.verdict(true, 0, Some(200), 250).0, AwakeWhy::People);
        let none = Patience {
            busy: Duration::ZERO,
            ..PATIENCE
        };
        let seen = Seen {
            is_open: false,
            person: world.begin,
            work: Some(world.at(200)),
            began: world.begin,
        };
        assert_eq!(
            verdict(with(none), seen, world.at(200)).until,
            Some(world.at(300))
        );
    }

    #[test]
    fn one_that_is_kept_alive_needs_nobody() {
        let world = world();
        let kept = Lifetime {
            keep_alive: true,
            ..LIFETIME
        };
        let seen = |is_open| Seen {
            is_open,
            person: world.begin,
            work: None,
            began: world.begin,
        };
        let at = |is_open, now| verdict(kept, seen(is_open), world.at(now));
        for (is_open, now) in [(false, 0), (false, 999_999), (true, 7201)] {
            let verdict = at(is_open, now);
            assert_eq!((verdict.why, verdict.until), (AwakeWhy::KeepAlive, None));
        }
        // While somebody is there, that is why.
        let verdict = at(true, 7200);
        assert_eq!((verdict.why, verdict.until), (AwakeWhy::People, None));
        assert_eq!(verdict.changes, Some(world.at(7200)));
    }

    #[test]
    fn the_longest_life_ends_it_whatever_it_does_and_is_told_before() {
        let world = world();
        let life = Duration::from_secs(3600);
        let seen = Seen {
            is_open: true,
            person: world.begin,
            work: None,
            began: world.begin,
        };
        let never = Patience {
            grace: None,
            ..PATIENCE
        };
        for (patience, keep_alive) in [(never, false), (PATIENCE, true), (PATIENCE, false)] {
            let lifetime = Lifetime {
                keep_alive,
                max_life: Some(life),
                ..with(patience)
            };
            let early = verdict(lifetime, seen, world.at(2999));
            assert_ne!(early.why, AwakeWhy::MaxLife);
            assert_eq!(early.until, Some(world.at(3600)));
            assert_eq!(early.changes, Some(world.at(3000)));
            let late = verdict(lifetime, seen, world.at(3000));
            assert_eq!(late.why, AwakeWhy::MaxLife);
            assert_eq!(late.until, Some(world.at(3600)));
        }
        // It stops before that: nothing is said of it.
        let left = Seen {
            is_open: false,
            person: world.at(3100),
            ..seen
        };
        let lifetime = Lifetime {
            max_life: Some(life),
            ..LIFETIME
        };
        let verdict = verdict(lifetime, left, world.at(3200));
        assert_eq!(
            (verdict.why, verdict.until),
            (AwakeWhy::Recent, Some(world.at(3400)))
        );
    }

    #[test]
    fn never_is_never() {
        let world = world();
        let never = Patience {
            grace: None,
            ..PATIENCE
        };
        let seen = Seen {
            is_open: false,
            person: world.begin,
            work: None,
            began: world.begin,
        };
        let verdict = verdict(with(never), seen, world.at(1_000_000));
        assert_eq!((verdict.why, verdict.until), (AwakeWhy::Always, None));
    }

    proptest! {
        /// Whatever a runner says of its programs: the caps hold.
        #[test]
        fn nothing_lasts_longer_than_the_caps(is_open: bool, person in 0u64..100_000, work in proptest::option::of(0u64..200_000), later in 0u64..100_000) {
            let world = world();
            let (_, until) = world.verdict(is_open, person, work, person + later);
            let until = until.unwrap();
            let left = if is_open { person + 7200 } else { person };
            prop_assert!(until >= left + 300);
            prop_assert!(until <= (left + 300).max(person + 43_200));
        }
    }
}
