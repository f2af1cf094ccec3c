//! What a repl's settings and the operator's say together of how long it goes on, and what starts it.

use std::time::Duration;

use alcove_protocol::api::{ReplLimits, ReplSettings};

use super::Patience;

/// Longest time that a repl's settings may say at all: a year.
const MAX_MINUTES: u32 = 365 * 24 * 60;

/// What the operator says: defaults, and what users may not exceed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetimes {
    /// Where a repl says nothing.
    pub patience: Patience,
    pub wake_on_touch: bool,
    /// Whether repls may go on with nobody there.
    pub keep_alive_allowed: bool,
    /// The longest [`Patience::grace`] and [`Patience::idle`] that a repl may say, unless the default is
    /// longer; `None`: no cap.
    pub max_grace: Option<Duration>,
    pub max_idle: Option<Duration>,
    /// How long a repl may run in one go, default and cap; `None`: for ever.
    pub max_life: Option<Duration>,
}

/// How long one repl goes on, and what starts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lifetime {
    pub patience: Patience,
    pub wake_on_touch: bool,
    pub keep_alive: bool,
    pub max_life: Option<Duration>,
}

impl Lifetimes {
    /// What holds for a repl. What the operator has forbidden since it was set does not.
    pub(super) fn of(&self, settings: &ReplSettings) -> Lifetime {
        let (max_grace, max_idle) = (self.max_grace(), self.max_idle());
        let chosen = |minutes: Option<u32>, cap, default| match minutes {
            Some(minutes) => shorter(Some(self::minutes(minutes)), cap),
            None => default,
        };
        let life = settings.max_life_hours.map(hours);
        Lifetime {
            patience: Patience {
                grace: chosen(settings.grace_minutes, max_grace, self.patience.grace),
                idle: chosen(settings.idle_minutes, max_idle, self.patience.idle),
                busy: self.patience.busy,
            },
            wake_on_touch: settings.wake_on_touch.unwrap_or(self.wake_on_touch),
            keep_alive: settings.keep_alive == Some(true) && self.keep_alive_allowed,
            max_life: shorter(life, self.max_life),
        }
    }

    /// Why a repl may not have these settings, for a person.
    pub fn refusal(&self, settings: &ReplSettings) -> Option<String> {
        if settings.keep_alive == Some(true) && !self.keep_alive_allowed {
            return Some("On this server no repl goes on with nobody there.".into());
        }
        let minutes = |name: &str, value: Option<u32>, least: u32, cap: Option<Duration>| {
            let value = value?;
            let most = cap.map_or(MAX_MINUTES, |cap| whole(cap, 60).min(MAX_MINUTES));
            (value < least || value > most).then(|| {
                format!("`{name}` is {least} to {most} minutes on this server, not {value}.")
            })
        };
        let life = || {
            let value = settings.max_life_hours?;
            let year = MAX_MINUTES / 60;
            let most = self.max_life.map_or(year, |cap| whole(cap, 3600).min(year));
            (value < 1 || value > most.max(1)).then(|| match most {
                0 => "A repl runs for less than an hour on this server: `max_life_hours` says nothing.".into(),
                _ => format!("`max_life_hours` is 1 to {most} hours on this server, not {value}."),
            })
        };
        minutes("grace_minutes", settings.grace_minutes, 0, self.max_grace())
            .or_else(|| minutes("idle_minutes", settings.idle_minutes, 1, self.max_idle()))
            .or_else(life)
    }

    /// For pages.
    pub fn told(&self) -> ReplLimits {
        let seconds = |time: Option<Duration>| time.map(|time| time.as_secs());
        ReplLimits {
            wake_on_touch: self.wake_on_touch,
            keep_alive_allowed: self.keep_alive_allowed,
            grace_seconds: seconds(self.patience.grace),
            max_grace_seconds: seconds(self.max_grace()),
            idle_seconds: seconds(self.patience.idle),
            max_idle_seconds: seconds(self.max_idle()),
            max_life_seconds: seconds(self.max_life),
        }
    }

    /// What is longer by default may be said, too.
    fn max_grace(&self) -> Option<Duration> {
        self.patience
            .grace
            .and_then(|default| self.max_grace.map(|cap| cap.max(default)))
    }

    fn max_idle(&self) -> Option<Duration> {
        self.patience
            .idle
            .and_then(|default| self.max_idle.map(|cap| cap.max(default)))
    }
}

fn minutes(n: u32) -> Duration {
    Duration::from_secs(u64::from(n) * 60)
}

fn hours(n: u32) -> Duration {
    Duration::from_secs(u64::from(n) * 3600)
}

/// How many times `seconds` fit.
fn whole(time: Duration, seconds: u64) -> u32 {
    u32::try_from(time.as_secs() / seconds).unwrap_or(u32::MAX)
}

/// `None` is for ever.
fn shorter(a: Option<Duration>, b: Option<Duration>) -> Option<Duration> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    const OPERATOR: Lifetimes = Lifetimes {
        patience: Patience {
            grace: Some(Duration::from_secs(300)),
            idle: Some(Duration::from_secs(7200)),
            busy: Duration::from_secs(43_200),
        },
        wake_on_touch: true,
        keep_alive_allowed: true,
        max_grace: Some(Duration::from_secs(3600)),
        max_idle: Some(Duration::from_secs(3600)),
        max_life: Some(Duration::from_secs(36_000)),
    };

    fn refuses(operator: Lifetimes, change: impl FnOnce(&mut ReplSettings)) -> Option<String> {
        let mut settings = ReplSettings::default();
        change(&mut settings);
        operator.refusal(&settings)
    }

    #[test]
    fn where_a_repl_says_nothing_the_operator_does() {
        let lifetime = OPERATOR.of(&ReplSettings::default());
        assert_eq!(lifetime.patience, OPERATOR.patience);
        assert!(lifetime.wake_on_touch && !lifetime.keep_alive);
        assert_eq!(lifetime.max_life, OPERATOR.max_life);
    }

    #[test]
    fn what_a_repl_says_holds_up_to_the_cap() {
        let settings = ReplSettings {
            wake_on_touch: Some(false),
            keep_alive: Some(true),
            grace_minutes: Some(0),
            idle_minutes: Some(60),
            max_life_hours: Some(2),
            size: None,
            network: None,
        };
        assert_eq!(OPERATOR.refusal(&settings), None);
        let lifetime = OPERATOR.of(&settings);
        assert_eq!(lifetime.patience.grace, Some(Duration::ZERO));
        assert_eq!(lifetime.patience.idle, Some(60 * MINUTE));
        assert!(!lifetime.wake_on_touch && lifetime.keep_alive);
        assert_eq!(lifetime.max_life, Some(120 * MINUTE));
        // The operator has changed their mind since.
        let stricter = Lifetimes {
            keep_alive_allowed: false,
            max_life: Some(MINUTE),
            ..OPERATOR
        };
        let lifetime = stricter.of(&settings);
        assert!(!lifetime.keep_alive);
        assert_eq!(lifetime.max_life, Some(MINUTE));
    }

    #[test]
    fn caps_hold_at_their_edge_and_are_named() {
        assert_eq!(refuses(OPERATOR, |s| s.grace_minutes = Some(60)), None);
        let words = refuses(OPERATOR, |s| s.grace_minutes = Some(61)).unwrap();
        assert!(words.contains("0 to 60 minutes"), "{words}");
        // The default is longer than the cap: it may be said.
        assert_eq!(refuses(OPERATOR, |s| s.idle_minutes = Some(120)), None);
        let words = refuses(OPERATOR, |s| s.idle_minutes = Some(121)).unwrap();
        assert!(words.contains("1 to 120 minutes"), "{words}");
        assert!(refuses(OPERATOR, |s| s.idle_minutes = Some(0)).is_some());
        assert_eq!(refuses(OPERATOR, |s| s.max_life_hours = Some(10)), None);
        let words = refuses(OPERATOR, |s| s.max_life_hours = Some(11)).unwrap();
        assert!(words.contains("1 to 10 hours"), "{words}");
        assert!(refuses(OPERATOR, |s| s.max_life_hours = Some(0)).is_some());
        let none = Lifetimes {
            keep_alive_allowed: false,
            max_grace: None,
            max_life: None,
            ..OPERATOR
        };
        assert!(refuses(none, |s| s.keep_alive = Some(true)).is_some());
        assert_eq!(refuses(none, |s| s.keep_alive = Some(false)), None);
        assert_eq!(refuses(none, |s| s.grace_minutes = Some(MAX_MINUTES)), None);
        assert!(refuses(none, |s| s.grace_minutes = Some(MAX_MINUTES + 1)).is_some());
        assert_eq!(refuses(none, |s| s.max_life_hours = Some(8760)), None);
        assert!(refuses(none, |s| s.max_life_hours = Some(8761)).is_some());
    }
}
