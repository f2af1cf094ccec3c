//! How often, and when, what is kept alive is started again after it ended by itself.

use std::time::Duration;

/// Tries in a row.
const TRIES: u32 = 5;
/// Wait before the first; each next one is twice as long.
const WAIT: Duration = Duration::from_secs(2);
/// What went on for so long is not at its first try any more.
const STEADY: Duration = Duration::from_secs(600);

#[derive(Debug, Default)]
pub(super) struct Comebacks {
    /// How often it ended in a row.
    ended: u32,
}

/// What follows when something ended by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// It is started again after so long; which try of how many.
    Again(Duration, u32, u32),
    /// It has been tried so often in a row.
    Never(u32),
}

impl Comebacks {
    /// It ended by itself, after so long.
    pub fn next(&mut self, lived: Duration) -> Next {
        if lived >= STEADY {
            self.ended = 0;
        }
        self.ended += 1;
        match self.ended <= TRIES {
            true => Next::Again(WAIT * 2u32.pow(self.ended - 1), self.ended, TRIES),
            false => Next::Never(TRIES),
        }
    }

    /// Somebody started it.
    pub fn forget(&mut self) {
        self.ended = 0;
    }
}

impl Next {
    /// For a person, after why it ended.
    pub fn words(self) -> String {
        match self {
            Self::Again(after, at, of) => format!(
                "It is started again in {} s (try {at} of {of}).",
                after.as_secs()
            ),
            Self::Never(tries) => format!(
                "It was started again {tries} times in a row; now it stays stopped until somebody starts it."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_tried_so_often_with_ever_longer_waits() {
        let mut comebacks = Comebacks::default();
        let short = STEADY - Duration::from_millis(1);
        for (at, seconds) in [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32)] {
            let next = comebacks.next(short);
            assert_eq!(next, Next::Again(Duration::from_secs(seconds), at, 5));
            assert!(next.words().contains(&format!("try {at} of 5")));
        }
        for _ in 0..3 {
            assert_eq!(comebacks.next(short), Next::Never(5));
        }
        assert!(comebacks.next(short).words().contains("5 times in a row"));
        // It went on for long: its end is a new one. So it is when somebody started it.
        assert_eq!(comebacks.next(STEADY), Next::Again(WAIT, 1, 5));
        assert_eq!(comebacks.next(short), Next::Again(WAIT * 2, 2, 5));
        comebacks.forget();
        assert_eq!(comebacks.next(short), Next::Again(WAIT, 1, 5));
    }
}
