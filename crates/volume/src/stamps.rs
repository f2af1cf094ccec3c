//! Which files are in the store as they are on disk.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use crate::scan::Stamp;

/// Its keys are this process's own: nobody can choose paths and stamps that collide.
static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Files by path and [`Stamp`]: a few bytes each, since there may be very many.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stamps(HashSet<u64>);

impl Stamps {
    pub fn note(&mut self, path: &str, stamp: &Stamp) {
        self.0.insert(HASHER.hash_one((path, stamp)));
    }

    pub fn hold(&self, path: &str, stamp: &Stamp) -> bool {
        self.0.contains(&HASHER.hash_one((path, stamp)))
    }

    pub fn extend(&mut self, more: Self) {
        self.0.extend(more.0);
    }
}
