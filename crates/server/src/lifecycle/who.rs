//! Who was there between two states of a repl, for its history.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub struct Who {
    /// Sessions, by user.
    here: BTreeMap<String, usize>,
    /// All who were here, or did something, since the last state was saved.
    seen: BTreeSet<String>,
}

impl Who {
    pub fn came(&mut self, user: &str) {
        *self.here.entry(user.to_owned()).or_default() += 1;
        self.did(user);
    }

    pub fn left(&mut self, user: &str) {
        let Some(sessions) = self.here.get_mut(user) else {
            return;
        };
        *sessions -= 1;
        if *sessions == 0 {
            self.here.remove(user);
        }
    }

    /// A user did something without a session.
    pub fn did(&mut self, user: &str) {
        self.seen.insert(user.to_owned());
    }

    /// A state is being saved: who it is of, sorted; none: programs alone were at work. What is changed
    /// from now on is of those who are still here.
    pub fn began(&mut self) -> Vec<String> {
        let here = self.here.keys().cloned().collect();
        std::mem::replace(&mut self.seen, here)
            .into_iter()
            .collect()
    }

    /// It was not: the next is of these, too.
    pub fn nothing_saved(&mut self, seen: Vec<String>) {
        self.seen.extend(seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_left_is_told_once() {
        let mut who = Who::default();
        assert!(who.began().is_empty());
        who.came("ada");
        who.came("ada");
        who.came("bob");
        who.left("bob");
        who.did("cy");
        assert_eq!(who.began(), ["ada", "bob", "cy"]);
        // Whoever comes while that is saved is told with the next.
        who.did("dee");
        assert_eq!(who.began(), ["ada", "dee"]);
        who.nothing_saved(vec!["cy".into(), "dee".into()]);
        assert_eq!(who.began(), ["ada", "cy", "dee"]);
        who.left("ada");
        assert_eq!(who.began(), ["ada"]);
        who.left("ada");
        assert_eq!(who.began(), ["ada"]);
        assert!(who.began().is_empty());
    }
}
