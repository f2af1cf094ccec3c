//! Replaces what a search found, in the texts that were searched and in no others, and puts it back.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use alcove_protocol::WorkspacePath;
use alcove_protocol::search::{
    MAX_REPLACE_FILES, ReplaceFile, ReplaceOutcome, ReplacedFile, SearchQuery,
};
use alcove_protocol::session::{ErrorCode, RunnerMessage};

use super::Failure;
use super::pattern::Prepared;
use super::text::stamp;
use crate::documents::{Changed, Documents, Edit, MAX_DOCUMENT_BYTES, Plan, edited, inverse};

/// What is kept to undo one page's last replacing, in bytes.
const MAX_UNDO_BYTES: usize = 16 * 1024 * 1024;
/// Text that one file's replacing can put in before it is certain to be refused, in bytes.
const MOST_INSERTED_BYTES: usize = 2 * MAX_DOCUMENT_BYTES as usize;
/// What one file more costs there, beside its texts.
const UNDO_FILE_BYTES: usize = 200;

pub struct Replacements {
    documents: Rc<Documents>,
    /// Each page's last one.
    undo: RefCell<HashMap<u64, Undo>>,
}

struct Undo {
    /// The page's own number.
    replace: u32,
    files: Vec<Way>,
    bytes: usize,
    /// It was too much to be kept.
    lost: bool,
}

/// The way back for one file.
struct Way {
    path: WorkspacePath,
    /// Of the text as it was left.
    stamp: String,
    edits: Vec<Edit>,
}

impl Way {
    fn bytes(&self) -> usize {
        let edit = size_of::<Edit>();
        let texts: usize = self.edits.iter().map(|e| e.insert.len() + edit).sum();
        UNDO_FILE_BYTES + self.path.as_bytes().len() + texts
    }
}

impl Replacements {
    pub fn new(documents: Rc<Documents>) -> Self {
        Self {
            documents,
            undo: RefCell::default(),
        }
    }

    pub fn leave(&self, client: u64) {
        self.undo.borrow_mut().remove(&client);
    }

    pub async fn replace(
        &self,
        client: u64,
        replace: u32,
        query: SearchQuery,
        files: Vec<ReplaceFile>,
    ) -> Result<RunnerMessage, Failure> {
        if files.len() > MAX_REPLACE_FILES {
            let message = format!("One message may name {MAX_REPLACE_FILES} files at most.");
            return Err((ErrorCode::Limit, message));
        }
        if query.replacement.is_none() {
            let message = "There is nothing to replace it by.";
            return Err((ErrorCode::BadQuery, message.into()));
        }
        let prepared = Arc::new(Prepared::new(query)?);
        self.begin(client, replace);
        let mut outcomes = Vec::new();
        for ReplaceFile {
            path,
            stamp,
            chosen,
        } in files
        {
            let prepared = prepared.clone();
            let target = path.clone();
            let changed = self
                .documents
                .change(&path, move |text| {
                    plan(&prepared, text, target, &stamp, &chosen)
                })
                .await;
            let outcome = match changed {
                Changed::Yes((matches, way)) => {
                    self.keep(client, replace, way);
                    ReplaceOutcome::Replaced { matches }
                }
                Changed::Meanwhile => ReplaceOutcome::Changed,
                Changed::Failed(message) => ReplaceOutcome::Failed { message },
            };
            outcomes.push(ReplacedFile { path, outcome });
        }
        let undoable = self
            .undo
            .borrow()
            .get(&client)
            .is_some_and(|u| u.replace == replace && !u.lost && !u.files.is_empty());
        Ok(RunnerMessage::Replaced {
            files: outcomes,
            undoable,
        })
    }

    /// Puts back what the page's last replacing changed.
    pub async fn undo(&self, client: u64, replace: u32) -> Result<RunnerMessage, Failure> {
        let undo = {
            let mut all = self.undo.borrow_mut();
            match all.get(&client) {
                Some(undo) if undo.replace == replace && !undo.lost => all.remove(&client),
                _ => None,
            }
        };
        let Some(undo) = undo else {
            let message =
                "There is nothing to undo: it was undone, or something else was replaced since.";
            return Err((ErrorCode::NotFound, message.into()));
        };
        let mut outcomes = Vec::new();
        for way in undo.files {
            let path = way.path.clone();
            let changed = self
                .documents
                .change(&path, move |text| {
                    let matches = way.edits.len() as u32;
                    (stamp(text) == way.stamp).then_some((way.edits, matches))
                })
                .await;
            let outcome = match changed {
                Changed::Yes(matches) => ReplaceOutcome::Replaced { matches },
                Changed::Meanwhile => ReplaceOutcome::Changed,
                Changed::Failed(message) => ReplaceOutcome::Failed { message },
            };
            outcomes.push(ReplacedFile { path, outcome });
        }
        Ok(RunnerMessage::Replaced {
            files: outcomes,
            undoable: false,
        })
    }

    fn begin(&self, client: u64, replace: u32) {
        let mut all = self.undo.borrow_mut();
        if all.get(&client).is_none_or(|u| u.replace != replace) {
            let fresh = Undo {
                replace,
                files: Vec::new(),
                bytes: 0,
                lost: false,
            };
            all.insert(client, fresh);
        }
    }

    fn keep(&self, client: u64, replace: u32, way: Way) {
        let mut all = self.undo.borrow_mut();
        let Some(undo) = all.get_mut(&client).filter(|u| u.replace == replace) else {
            return;
        };
        undo.bytes += way.bytes();
        // A half of it is no way back.
        undo.lost |= undo.bytes > MAX_UNDO_BYTES;
        match undo.lost {
            true => undo.files.clear(),
            false => undo.files.push(way),
        }
    }
}

/// The edits that replace the chosen matches of `text`, if it is the one that was searched.
fn plan(
    prepared: &Prepared,
    text: &str,
    path: WorkspacePath,
    expected: &str,
    chosen: &[u32],
) -> Plan<(u32, Way)> {
    if stamp(text) != expected {
        return None;
    }
    let mut wanted = chosen.iter().peekable();
    let (mut number, mut edits, mut inserted) = (0u32, Vec::new(), 0);
    let result = prepared.each_hit(text, |hit| {
        if wanted.next_if(|w| **w == number).is_some() {
            let start = hit.line_start + hit.range.start;
            inserted += hit.replacement.as_ref().map_or(0, String::len);
            edits.push(Edit {
                range: start..hit.line_start + hit.range.end,
                insert: hit.replacement.unwrap_or_default(),
            });
        }
        number += 1;
        // More than any file may have is refused as it is.
        wanted.peek().is_some() && inserted <= MOST_INSERTED_BYTES
    });
    // A match that is not there: it was another search.
    if result.is_err() || (wanted.next().is_some() && inserted <= MOST_INSERTED_BYTES) {
        return None;
    }
    let way = Way {
        stamp: stamp(&edited(text, &edits)),
        edits: inverse(text, &edits),
        path,
    };
    Some((edits.clone(), (edits.len() as u32, way)))
}

#[cfg(test)]
mod tests {
    use super::super::pattern::tests::query;
    use super::*;
    use proptest::prelude::*;

    fn planned(text: &str, pattern: &str, with: &str, chosen: &[u32]) -> Option<(String, Way)> {
        let prepared = Prepared::new(SearchQuery {
            replacement: Some(with.into()),
            ..query(pattern)
        })
        .unwrap();
        let path = "a".parse().unwrap();
        let (edits, (_, way)) = plan(&prepared, text, path, &stamp(text), chosen)?;
        Some((edited(text, &edits), way))
    }

    #[test]
    fn only_the_chosen_matches_are_replaced() {
        let text = "a b a\na";
        assert_eq!(planned(text, "a", "xy", &[0, 2]).unwrap().0, "xy b a\nxy");
        assert_eq!(planned(text, "a", "", &[1]).unwrap().0, "a b \na");
        assert_eq!(planned(text, "a", "x", &[]).unwrap().0, text);
    }

    #[test]
    fn a_match_that_is_not_there_replaces_nothing() {
        for chosen in [&[3][..], &[1, 0], &[0, 0]] {
            assert!(
                planned("a b a\na", "a", "x", chosen).is_none(),
                "{chosen:?}"
            );
        }
    }

    #[test]
    fn another_text_than_the_one_that_was_searched_is_left_alone() {
        let prepared = Prepared::new(SearchQuery {
            replacement: Some("x".into()),
            ..query("a")
        })
        .unwrap();
        let path = "a".parse().unwrap();
        assert!(plan(&prepared, "a!", path, &stamp("a"), &[0]).is_none());
    }

    proptest! {
        #[test]
        fn the_way_back_leads_to_the_old_text(text in "[abö\n]{0,40}", with in "[abcö]{0,3}", left_out in 0usize..5) {
            let count = text.matches('a').count() as u32;
            let chosen: Vec<u32> = (0..count).filter(|i| *i as usize != left_out).collect();
            let (new, way) = planned(&text, "a", &with, &chosen).unwrap();
            prop_assert_eq!(&stamp(&new), &way.stamp);
            prop_assert_eq!(edited(&new, &way.edits), text);
        }
    }
}
