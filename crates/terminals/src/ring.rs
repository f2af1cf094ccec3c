//! The last bytes that a terminal's programs wrote, each with its number.

/// A byte queue of bounded size that remembers how much ever went through it.
pub struct Ring {
    bytes: Vec<u8>,
    /// Where the oldest byte lies in `bytes`, once it is full.
    head: usize,
    limit: usize,
    end: u64,
}

impl Ring {
    /// Holds `limit` bytes at most; memory grows with what is written.
    pub fn new(limit: usize) -> Self {
        Self {
            bytes: Vec::new(),
            head: 0,
            limit,
            end: 0,
        }
    }

    /// Number of the next byte to be written.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Number of the oldest byte still held.
    pub fn start(&self) -> u64 {
        self.end - self.bytes.len() as u64
    }

    pub fn push(&mut self, mut new: &[u8]) {
        self.end += new.len() as u64;
        if new.len() > self.limit {
            new = &new[new.len() - self.limit..];
        }
        let free = self.limit - self.bytes.len();
        if free > 0 {
            let (fits, rest) = new.split_at(free.min(new.len()));
            self.bytes.extend_from_slice(fits);
            new = rest;
        }
        while !new.is_empty() {
            let (fits, rest) = new.split_at((self.limit - self.head).min(new.len()));
            self.bytes[self.head..self.head + fits.len()].copy_from_slice(fits);
            self.head = (self.head + fits.len()) % self.limit;
            new = rest;
        }
    }

    /// Appends at most `most` bytes from number `from` on to `out`, and says how many; `None` when
    /// they are no longer, or not yet, there.
    pub fn read(&self, from: u64, most: usize, out: &mut Vec<u8>) -> Option<usize> {
        if from < self.start() || from > self.end {
            return None;
        }
        let count = usize::try_from(self.end - from).map_or(most, |n| n.min(most));
        let skip = (from - self.start()) as usize;
        let (newer, older) = self.bytes.split_at(self.head);
        let mut left = count;
        let mut skip = skip;
        for part in [older, newer] {
            let begin = skip.min(part.len());
            let take = left.min(part.len() - begin);
            out.extend_from_slice(&part[begin..begin + take]);
            left -= take;
            skip -= begin;
        }
        Some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_holds_the_last_bytes_under_their_numbers(
            writes in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..30),
            limit in 1usize..50,
        ) {
            let mut ring = Ring::new(limit);
            let mut all = Vec::new();
            for write in writes {
                ring.push(&write);
                all.extend_from_slice(&write);
                prop_assert_eq!(ring.end(), all.len() as u64);
                prop_assert_eq!(ring.start() as usize, all.len().saturating_sub(limit));
                for from in ring.start()..=ring.end() {
                    let mut out = Vec::new();
                    let n = ring.read(from, 7, &mut out).unwrap();
                    prop_assert_eq!(n, out.len());
                    let from = from as usize;
                    prop_assert_eq!(&out[..], &all[from..all.len().min(from + 7)]);
                }
            }
            prop_assert_eq!(ring.read(ring.end() + 1, 1, &mut Vec::new()), None);
        }
    }
}
