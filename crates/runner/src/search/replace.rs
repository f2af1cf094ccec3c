//! Replaces what a search found, in the texts that were searched and in no others, and puts it back.

use std::cell::RefCell;
use std::collections::VecDeque;
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

/// What is kept to undo replacings, in bytes: those of all pages, of each its last one. The oldest go first.
const MAX_UNDO_BYTES: usize = 16 * 1024 * 1024;
/// Of how many pages: those that left are among them, since nobody knows which of them come back.
const MAX_UNDO_PAGES: usize = 32;
/// Text that one file's replacing can put in before it is certain to be refused, in bytes.
const MOST_INSERTED_BYTES: usize = 2 * MAX_DOCUMENT_BYTES as usize;
/// What one file more costs there, beside its texts.
const UNDO_FILE_BYTES: usize = 200;

pub struct Replacements {
    documents: Rc<Documents>,
    undo: RefCell<Kept>,
}

/// Each page's last replacing, the oldest first.
#[derive(Default)]
struct Kept(VecDeque<Undo>);

struct Undo {
    /// The page, whatever connection it has, and its own number.
    client: String,
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

    pub async fn replace(
        &self,
        client: &str,
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
        self.undo.borrow_mut().begin(client, replace);
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
                    self.undo.borrow_mut().keep(client, replace, way);
                    ReplaceOutcome::Replaced { matches }
                }
                Changed::Meanwhile => ReplaceOutcome::Changed,
                Changed::Failed(message) => ReplaceOutcome::Failed { message },
            };
            outcomes.push(ReplacedFile { path, outcome });
        }
        let undoable = self.undo.borrow().is_undoable(client, replace);
        Ok(RunnerMessage::Replaced {
            files: outcomes,
            undoable,
        })
    }

    /// Puts back what the page's last replacing changed.
    pub async fn undo(&self, client: &str, replace: u32) -> Result<RunnerMessage, Failure> {
        let Some(undo) = self.undo.borrow_mut().take(client, replace) else {
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
}

impl Kept {
    fn of(&self, client: &str, replace: u32) -> Option<usize> {
        let is_it = |undo: &Undo| undo.client == client && undo.replace == replace;
        self.0.iter().position(is_it)
    }

    fn is_undoable(&self, client: &str, replace: u32) -> bool {
        let undo = self.of(client, replace).map(|at| &self.0[at]);
        undo.is_some_and(|undo| !undo.lost && !undo.files.is_empty())
    }

    fn take(&mut self, client: &str, replace: u32) -> Option<Undo> {
        let at = self.of(client, replace)?;
        self.0.remove(at).filter(|undo| !undo.lost)
    }

    /// What has the same number goes on; another one takes the place of the page's last.
    fn begin(&mut self, client: &str, replace: u32) {
        if self.of(client, replace).is_some() {
            return;
        }
        self.0.retain(|undo| undo.client != client);
        if self.0.len() == MAX_UNDO_PAGES {
            self.0.pop_front();
        }
        self.0.push_back(Undo {
            client: client.to_owned(),
            replace,
            files: Vec::new(),
            bytes: 0,
            lost: false,
        });
    }

    fn keep(&mut self, client: &str, replace: u32, way: Way) {
        let Some(at) = self.of(client, replace).filter(|at| !self.0[*at].lost) else {
            return;
        };
        let undo = &mut self.0[at];
        undo.bytes += way.bytes();
        undo.files.push(way);
        if undo.bytes > MAX_UNDO_BYTES {
            // A half of it is no way back.
            undo.forget();
        }
        let mut too_much = self.bytes().saturating_sub(MAX_UNDO_BYTES);
        for other in self.0.iter_mut().filter(|undo| undo.client != client) {
            if too_much > 0 {
                too_much = too_much.saturating_sub(other.bytes);
                other.forget();
            }
        }
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|undo| undo.bytes).sum()
    }
}

impl Undo {
    fn forget(&mut self) {
        self.lost = true;
        self.bytes = 0;
        self.files = Vec::new();
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

    fn way(bytes: usize) -> Way {
        let insert = "x".repeat(bytes - UNDO_FILE_BYTES - size_of::<Edit>() - 1);
        let edits = vec![Edit {
            range: 0..0,
            insert,
        }];
        let path = "a".parse().unwrap();
        let stamp = String::new();
        let way = Way { path, stamp, edits };
        assert_eq!(way.bytes(), bytes);
        way
    }

    #[test]
    fn a_page_keeps_its_last_replacing_alone() {
        let mut kept = Kept::default();
        for replace in [1, 2] {
            kept.begin("me", replace);
            kept.keep("me", replace, way(1000));
        }
        kept.begin("me", 2);
        kept.keep("me", 2, way(1000));
        assert!(kept.take("me", 1).is_none() && kept.take("you", 2).is_none());
        assert_eq!(kept.take("me", 2).unwrap().files.len(), 2);
        assert!(kept.take("me", 2).is_none(), "once");
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_oldest_goes_first() {
        let mut kept = Kept::default();
        for page in ["a", "b", "c"] {
            kept.begin(page, 1);
        }
        kept.keep("a", 1, way(MAX_UNDO_BYTES / 2));
        kept.keep("b", 1, way(MAX_UNDO_BYTES / 2));
        assert!(kept.is_undoable("a", 1) && kept.is_undoable("b", 1));
        kept.keep("c", 1, way(1000));
        assert!(!kept.is_undoable("a", 1) && kept.is_undoable("b", 1));
        kept.keep("b", 1, way(MAX_UNDO_BYTES / 2));
        assert!(kept.is_undoable("b", 1) && !kept.is_undoable("c", 1));
        kept.keep("b", 1, way(1000));
        kept.keep("b", 1, way(1000));
        assert!(!kept.is_undoable("b", 1), "half of it is no way back");
        assert!(kept.take("b", 1).is_none());
        assert_eq!(kept.bytes(), 0);
        for page in 0..=MAX_UNDO_PAGES {
            kept.begin(&page.to_string(), 1);
            kept.keep(&page.to_string(), 1, way(1000));
        }
        assert!(!kept.is_undoable("0", 1) && kept.is_undoable("1", 1));
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
