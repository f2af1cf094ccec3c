//! Which states of a repl are kept as time goes by.

use std::collections::{HashMap, HashSet};

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;
const WEEK_MS: u64 = 7 * DAY_MS;
const MONTH_MS: u64 = 30 * DAY_MS;

/// Whether a state of the time `at_ms` stays when the next was written at `next_ms`: as [`kept`] has it.
pub(crate) fn stays(at_ms: u64, next_ms: u64, now_ms: u64) -> bool {
    kept(&[(0, at_ms), (1, next_ms)], now_ms).contains(&0)
}

/// The manifests that stay, of those with number and time (milliseconds since 1970): all of the last
/// hour, the last of each hour for a day, of each day for 30 days, of each week after; the newest always.
///
/// Hours lie within days, days within weeks, and each grows old as a whole: so what is not kept once,
/// never is again.
pub(crate) fn kept(versions: &[(u64, u64)], now_ms: u64) -> HashSet<u64> {
    let mut kept = HashSet::new();
    let mut last_of: HashMap<(u64, u64), u64> = HashMap::new();
    for (number, at_ms) in versions {
        let end_of = |length: u64| (at_ms / length + 1) * length;
        let length = if now_ms < at_ms + HOUR_MS {
            kept.insert(*number);
            continue;
        } else if now_ms < end_of(HOUR_MS) + DAY_MS {
            HOUR_MS
        } else if now_ms < end_of(DAY_MS) + MONTH_MS {
            DAY_MS
        } else {
            WEEK_MS
        };
        let last = last_of.entry((length, at_ms / length)).or_default();
        *last = (*last).max(*number);
    }
    kept.extend(last_of.into_values());
    kept.extend(versions.iter().map(|(number, _)| *number).max());
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_past_thins_out() {
        // One every ten minutes for a hundred days.
        let step = HOUR_MS / 6;
        let now = 1000 * WEEK_MS;
        let count = 100 * 24 * 6;
        let versions: Vec<(u64, u64)> =
            (1..=count).map(|n| (n, now - (count - n) * step)).collect();
        let kept = kept(&versions, now);
        let within = |from: u64, to: u64| {
            let ages = versions
                .iter()
                .filter(|(n, _)| kept.contains(n))
                .map(|(_, at)| now - at);
            ages.filter(|age| (from..to).contains(age)).count()
        };
        assert_eq!(within(0, HOUR_MS), 6);
        assert_eq!(within(HOUR_MS, DAY_MS), 24);
        assert_eq!(within(DAY_MS, MONTH_MS), 29);
        assert_eq!(within(MONTH_MS, 100 * DAY_MS), 11);
        assert_eq!(
            kept.len(),
            6 + 24 + 29 + 11 + within(100 * DAY_MS, u64::MAX)
        );
    }

    proptest! {
        /// Whenever it is asked: the newest stays, and nothing that was dropped is wanted later.
        #[test]
        fn what_was_dropped_is_never_wanted_again(
            gaps in proptest::collection::vec(0..3 * DAY_MS, 1..80),
            steps in proptest::collection::vec(0..40 * DAY_MS, 1..12),
        ) {
            let mut at = 1000 * WEEK_MS;
            let mut versions = Vec::new();
            for (n, gap) in gaps.iter().enumerate() {
                at += gap;
                versions.push((n as u64 + 1, at));
            }
            let newest = versions.len() as u64;
            let mut dropped = HashSet::new();
            let mut now = at;
            for step in steps {
                now += step;
                // What was dropped is there still, as that which begins an epoch is.
                let kept = kept(&versions, now);
                prop_assert!(kept.contains(&newest));
                prop_assert!(kept.is_disjoint(&dropped));
                dropped.extend(versions.iter().map(|(n, _)| *n).filter(|n| !kept.contains(n)));
            }
        }
    }
}
