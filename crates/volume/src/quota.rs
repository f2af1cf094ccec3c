//! How much a workspace may hold, and what of it is not saved when that is exceeded.

use std::collections::HashSet;
use std::sync::Arc;

use crate::manifest::{Entry, Kind};
use crate::scan::{Found, FoundKind};

/// How large a workspace is, or may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Size {
    /// Of all files' content, holes included.
    pub bytes: u64,
    /// Files, folders and links.
    pub files: u64,
}

impl Size {
    pub const UNLIMITED: Self = Self {
        bytes: u64::MAX,
        files: u64::MAX,
    };

    pub(crate) fn of(entries: &[Arc<Entry>]) -> Self {
        Self {
            bytes: entries.iter().map(|entry| bytes_of(&entry.kind)).sum(),
            files: entries.len() as u64,
        }
    }

    pub fn is_within(self, quota: Self) -> bool {
        self.bytes <= quota.bytes && self.files <= quota.files
    }

    /// What is left when `used` is taken off.
    pub fn less(self, used: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_sub(used.bytes),
            files: self.files.saturating_sub(used.files),
        }
    }

    pub fn and(self, more: Self) -> Self {
        Self {
            bytes: self.bytes.saturating_add(more.bytes),
            files: self.files.saturating_add(more.files),
        }
    }

    /// The larger of both, in bytes and in files.
    pub fn at_least(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.max(other.bytes),
            files: self.files.max(other.files),
        }
    }

    /// The smaller of both, in bytes and in files.
    pub fn at_most(self, other: Self) -> Self {
        Self {
            bytes: self.bytes.min(other.bytes),
            files: self.files.min(other.files),
        }
    }
}

fn bytes_of(kind: &Kind) -> u64 {
    match kind {
        Kind::File { size, .. } => *size,
        Kind::Folder | Kind::Symlink { .. } => 0,
    }
}

/// Paths of what was found that would exceed `quota`. What was saved before, as `old` lists it, and is
/// no larger now, always may stay, so that nothing is lost by a smaller quota; beyond that, what grows
/// least comes first: one huge file keeps no small edit from being saved. Each list of `old` is sorted by
/// path. `besides`: what belongs to the
/// workspace, and is not among what was found.
pub(crate) fn over(
    quota: Size,
    besides: Size,
    old: &[&[Arc<Entry>]],
    found: &[&[Found]],
) -> HashSet<String> {
    let all = || found.iter().copied().flatten();
    let bytes = |found: &Found| match &found.kind {
        FoundKind::File(stamp) => stamp.size,
        FoundKind::Folder | FoundKind::Symlink(_) => 0,
    };
    let whole = Size {
        bytes: all().map(bytes).sum(),
        files: all().count() as u64,
    };
    // What is renamed, or made in another's place, is no more than there was.
    let held = old.iter().map(|entries| Size::of(entries));
    let quota = quota.at_least(held.fold(besides, Size::and));
    if besides.and(whole).is_within(quota) {
        return HashSet::new();
    }
    let known = |path: &str| {
        old.iter().find_map(|entries| {
            let by = |entry: &Arc<Entry>| entry.path.as_bytes().cmp(path.as_bytes());
            let at = entries.binary_search_by(by).ok()?;
            Some(bytes_of(&entries[at].kind))
        })
    };
    let mut used = besides;
    let mut growing = Vec::new();
    for found in all() {
        let (before, now) = (known(&found.path), bytes(found));
        // What was saved counts, whether it may grow or not.
        used = used.and(Size {
            bytes: before.unwrap_or(0).min(now),
            files: u64::from(before.is_some()),
        });
        let more = Size {
            bytes: now.saturating_sub(before.unwrap_or(0)),
            files: u64::from(before.is_none()),
        };
        if more != Size::default() {
            growing.push((more, found.path.as_str()));
        }
    }
    // A folder grows by nothing, and stands before what is in it.
    growing.sort_by_key(|(more, path)| (more.bytes, *path));
    let mut refused = HashSet::new();
    for (more, path) in growing {
        let then = used.and(more);
        if then.is_within(quota) {
            used = then;
        } else {
            refused.insert(path.to_owned());
        }
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Place;
    use crate::scan::Stamp;

    fn file(path: &str, size: u64) -> Found {
        let kind = FoundKind::File(Stamp {
            inode: 1,
            size,
            ctime_ns: 0,
            mtime_ns: 0,
        });
        found(path, kind)
    }

    fn found(path: &str, kind: FoundKind) -> Found {
        Found {
            path: path.to_owned(),
            mode: 0o644,
            mtime_ns: 0,
            kind,
        }
    }

    fn saved(path: &str, size: u64) -> Arc<Entry> {
        let kind = Kind::File {
            size,
            hash: blake3::hash(b""),
            place: Place::Inline(bytes::Bytes::new()),
        };
        Arc::new(Entry {
            path: path.to_owned(),
            mode: 0o644,
            mtime_ns: 0,
            kind,
        })
    }

    fn refused(bytes: u64, files: u64, old: &[Arc<Entry>], now: &[Found]) -> Vec<String> {
        let quota = Size { bytes, files };
        let refused = over(quota, Size::default(), &[old], &[now]);
        let mut refused: Vec<String> = refused.into_iter().collect();
        refused.sort();
        refused
    }

    #[test]
    fn up_to_the_quota_all_is_saved() {
        let now = [file("a", 60), file("b", 40)];
        assert_eq!(refused(100, 2, &[], &now), Vec::<String>::new());
        assert_eq!(refused(99, 2, &[], &now), ["a"]);
        assert_eq!(refused(100, 1, &[], &now), ["a"]);
    }

    #[test]
    fn small_edits_are_saved_beside_a_huge_file() {
        let now = [file("huge.log", 1000), file("main.py", 12)];
        assert_eq!(
            refused(100, 10, &[saved("main.py", 10)], &now),
            ["huge.log"]
        );
    }

    #[test]
    fn what_was_saved_stays_when_the_quota_has_become_smaller() {
        let old = [saved("a", 60), saved("b", 40)];
        let now = [file("a", 60), file("b", 30), file("c", 1)];
        assert_eq!(refused(50, 1, &old, &now), ["c"]);
    }

    #[test]
    fn what_is_renamed_stays_when_the_quota_has_become_smaller() {
        let old = [saved("a", 60), saved("b", 40)];
        let now = [file("b", 40), file("c", 60)];
        assert!(refused(50, 1, &old, &now).is_empty());
    }

    #[test]
    fn what_is_deleted_makes_room() {
        let old = [saved("a", 60), saved("b", 40)];
        assert!(refused(100, 2, &old, &[file("b", 40), file("c", 60)]).is_empty());
    }

    #[test]
    fn a_file_that_may_not_grow_counts_as_it_was_saved() {
        let old = [saved("a", 60)];
        let now = [file("a", 200), file("b", 41)];
        assert_eq!(refused(100, 9, &old, &now), ["a", "b"]);
        let now = [file("a", 200), file("b", 40)];
        assert_eq!(refused(100, 9, &old, &now), ["a"]);
    }

    #[test]
    fn nothing_is_saved_into_a_folder_that_is_not() {
        let now = [
            found("d", FoundKind::Folder),
            found("d/e", FoundKind::Folder),
            file("d/e/f", 0),
        ];
        assert_eq!(refused(100, 1, &[], &now), ["d/e", "d/e/f"]);
    }

    #[test]
    fn what_is_elsewhere_counts() {
        let besides = Size {
            bytes: 90,
            files: 3,
        };
        let quota = Size {
            bytes: 100,
            files: 4,
        };
        let over = |size| over(quota, besides, &[], &[&[file("a", size)]]);
        assert!(over(10).is_empty());
        assert_eq!(over(11).len(), 1);
    }
}
