//! Which files have changed since they were saved last, as far as the kernel named them: for people to
//! see. What is saved doesn't rest on it.

use std::collections::BTreeSet;

use alcove_protocol::api::Unsaved;
use alcove_volume::Changed;

/// Files that are known by name; of more, only that there are more.
const KNOWN: usize = 1000;
/// Names that are told.
const TOLD: usize = 50;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// Changed since the last checkpoint began,
    waiting: Files,
    /// and before, while that is at work.
    on_the_way: Files,
}

#[derive(Debug, Default)]
struct Files {
    paths: BTreeSet<String>,
    more: bool,
}

impl Files {
    fn add(&mut self, paths: impl IntoIterator<Item = String>, more: bool) {
        self.more |= more;
        for path in paths {
            if self.paths.len() >= KNOWN && !self.paths.contains(&path) {
                self.more = true;
                return;
            }
            self.paths.insert(path);
        }
    }
}

impl Ledger {
    pub fn changed(&mut self, changed: Changed) {
        self.waiting.add(changed.paths, changed.more);
    }

    /// A checkpoint begins.
    pub fn began(&mut self) {
        let Files { paths, more } = std::mem::take(&mut self.waiting);
        self.on_the_way.add(paths, more);
    }

    /// It ended: well, or with nothing saved.
    pub fn ended(&mut self, well: bool) {
        let Files { paths, more } = std::mem::take(&mut self.on_the_way);
        if !well {
            self.waiting.add(paths, more);
        }
    }

    pub fn told(&self) -> Unsaved {
        let all: BTreeSet<&String> = self
            .waiting
            .paths
            .iter()
            .chain(&self.on_the_way.paths)
            .collect();
        Unsaved {
            files: all.len() as u64,
            more: self.waiting.more || self.on_the_way.more,
            paths: all.into_iter().take(TOLD).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(paths: &[&str]) -> Changed {
        Changed {
            paths: paths.iter().map(|p| (*p).to_owned()).collect(),
            more: false,
        }
    }

    #[test]
    fn a_file_is_unsaved_until_the_checkpoint_that_began_after_its_change_has_ended() {
        let mut ledger = Ledger::default();
        ledger.changed(changed(&["a", "b"]));
        ledger.began();
        ledger.changed(changed(&["b", "c"]));
        assert_eq!(ledger.told().paths, ["a", "b", "c"]);
        ledger.ended(true);
        assert_eq!(ledger.told().paths, ["b", "c"]);
        ledger.began();
        ledger.ended(false);
        assert_eq!(ledger.told().paths, ["b", "c"]);
        ledger.began();
        ledger.ended(true);
        assert_eq!(ledger.told(), Unsaved::default());
    }

    #[test]
    fn names_are_bounded() {
        let mut ledger = Ledger::default();
        let many: Vec<String> = (0..KNOWN).map(|i| format!("{i:05}")).collect();
        ledger.changed(Changed {
            paths: many,
            more: false,
        });
        let told = ledger.told();
        assert_eq!((told.files, told.more), (KNOWN as u64, false));
        assert_eq!(told.paths.len(), TOLD);
        // One that is known is not one more.
        ledger.changed(changed(&["00000"]));
        assert!(!ledger.told().more);
        ledger.changed(changed(&["one more"]));
        assert_eq!(
            (ledger.told().files, ledger.told().more),
            (KNOWN as u64, true)
        );
        ledger.began();
        ledger.ended(true);
        assert_eq!(ledger.told(), Unsaved::default());
    }
}
