//! What a program changed on disk is brought into the open document as edits, beside what people
//! have typed meanwhile.

use std::ops::Range;
use std::time::{Duration, Instant};

use similar::{Algorithm, DiffOp, capture_diff_slices_deadline};

/// Up to this many bytes on both sides together, differences are found letter by letter; beyond, line
/// by line.
const FINE_BYTES: usize = 8 * 1024;
/// After this long a difference is settled for as it is found so far.
const DIFF_TIME: Duration = Duration::from_millis(200);

/// Replaces the bytes `range` of a text by `insert`. Ranges lie on character boundaries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub range: Range<usize>,
    pub insert: String,
}

/// A merge: edits for the document's text, and where both sides had changed one place.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// In ascending order, not overlapping, in the document's own offsets.
    pub edits: Vec<Edit>,
    /// Byte offsets in the document before the edits.
    pub conflicts: Vec<usize>,
}

/// Edits that lead from `old` to `new`, ascending.
pub fn diff(old: &str, new: &str) -> Vec<Edit> {
    let prefix = common_prefix(old, new);
    let suffix = common_suffix(&old[prefix..], &new[prefix..]);
    let (a, b) = (
        &old[prefix..old.len() - suffix],
        &new[prefix..new.len() - suffix],
    );
    if a.is_empty() && b.is_empty() {
        return Vec::new();
    }
    if a.is_empty() || b.is_empty() {
        return vec![Edit {
            range: prefix..prefix + a.len(),
            insert: b.to_owned(),
        }];
    }
    let (a, b): (Vec<&str>, Vec<&str>) = if a.len() + b.len() <= FINE_BYTES {
        (letters(a), letters(b))
    } else {
        (
            a.split_inclusive('\n').collect(),
            b.split_inclusive('\n').collect(),
        )
    };
    let starts = offsets(&a, prefix);
    capture_diff_slices_deadline(Algorithm::Myers, &a, &b, Some(Instant::now() + DIFF_TIME))
        .into_iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .map(|op| Edit {
            range: starts[op.old_range().start]..starts[op.old_range().end],
            insert: b[op.new_range()].concat(),
        })
        .collect()
}

/// Brings the change `base` → `theirs` into `mine`, which came from `base` too. Where both changed one
/// place, theirs is put behind mine, so that neither is lost.
pub fn merge(base: &str, mine: &str, theirs: &str) -> Merge {
    let mine = diff(base, mine);
    // How far a position behind the first n of my edits has moved.
    let mut shift = vec![0isize];
    for edit in &mine {
        shift.push(shift[shift.len() - 1] + edit.insert.len() as isize - edit.range.len() as isize);
    }
    let at = |offset: usize, edits_before: usize| offset.saturating_add_signed(shift[edits_before]);
    let mut merge = Merge::default();
    for edit in diff(base, theirs) {
        let mut before = mine.partition_point(|m| m.range.end < edit.range.start);
        let mut touched = None;
        for (i, m) in mine
            .iter()
            .enumerate()
            .skip(before)
            .take_while(|(_, m)| m.range.start <= edit.range.end)
        {
            if touches(&m.range, &edit.range) {
                touched = Some(i);
            } else if m.range.end <= edit.range.start {
                before = i + 1;
            }
        }
        let Some(last) = touched else {
            merge.edits.push(Edit {
                range: at(edit.range.start, before)..at(edit.range.end, before),
                insert: edit.insert,
            });
            continue;
        };
        if mine[last] == edit {
            // Both made the same change.
            continue;
        }
        let end = at(mine[last].range.end, last + 1);
        merge.conflicts.push(end);
        merge.edits.push(Edit {
            range: end..end,
            insert: edit.insert,
        });
    }
    merge
}

/// Makes the edits; they must be ascending and not overlap.
#[cfg(test)]
pub fn apply(text: &str, edits: &[Edit]) -> String {
    let mut out = text.to_owned();
    for edit in edits.iter().rev() {
        out.replace_range(edit.range.clone(), &edit.insert);
    }
    out
}

/// Whether two changes concern one place: they share bytes, or one inserts inside or exactly where
/// the other inserts.
fn touches(a: &Range<usize>, b: &Range<usize>) -> bool {
    if a.is_empty() && b.is_empty() {
        return a.start == b.start;
    }
    if a.is_empty() {
        return b.start < a.start && a.start < b.end;
    }
    if b.is_empty() {
        return a.start < b.start && b.start < a.end;
    }
    a.start < b.end && b.start < a.end
}

fn letters(text: &str) -> Vec<&str> {
    text.char_indices()
        .map(|(i, c)| &text[i..i + c.len_utf8()])
        .collect()
}

fn offsets(parts: &[&str], start: usize) -> Vec<usize> {
    let mut at = start;
    let mut offsets = vec![at];
    for part in parts {
        at += part.len();
        offsets.push(at);
    }
    offsets
}

fn common_prefix(a: &str, b: &str) -> usize {
    let same = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    (0..=same)
        .rev()
        .find(|n| a.is_char_boundary(*n) && b.is_char_boundary(*n))
        .unwrap_or(0)
}

fn common_suffix(a: &str, b: &str) -> usize {
    let same = a
        .bytes()
        .rev()
        .zip(b.bytes().rev())
        .take_while(|(x, y)| x == y)
        .count();
    let boundary = |n: &usize| a.is_char_boundary(a.len() - n) && b.is_char_boundary(b.len() - n);
    (0..=same).rev().find(boundary).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn merged(base: &str, mine: &str, theirs: &str) -> (String, usize) {
        let merge = merge(base, mine, theirs);
        (apply(mine, &merge.edits), merge.conflicts.len())
    }

    #[test]
    fn changes_of_different_places_both_hold() {
        let base = "one\ntwo\nthree\nfour\n";
        assert_eq!(
            merged(base, "ONE\ntwo\nthree\nfour\n", "one\ntwo\nthree\nFOUR\n"),
            ("ONE\ntwo\nthree\nFOUR\n".into(), 0)
        );
        assert_eq!(
            merged(
                base,
                "one\ntwo\nthree\nfour\nfive\n",
                "zero\none\ntwo\nthree\nfour\n"
            ),
            ("zero\none\ntwo\nthree\nfour\nfive\n".into(), 0)
        );
        assert_eq!(merged(base, base, ""), (String::new(), 0));
    }

    #[test]
    fn where_both_changed_one_place_both_texts_stay() {
        let (text, conflicts) = merged("port = 1\n", "port = 8080\n", "port = 3000\n");
        assert!(text.contains("8080") || text.contains("808"), "{text}");
        assert!(text.contains('3'), "{text}");
        assert!(conflicts >= 1);
        let (text, conflicts) = merged("a\n", "a\nmine\n", "a\ntheirs\n");
        assert!(text.contains("mine") && text.contains("theirs"), "{text}");
        assert_eq!(conflicts, 1);
    }

    #[test]
    fn the_same_change_is_made_once() {
        assert_eq!(merged("a b c", "a X c", "a X c"), ("a X c".into(), 0));
    }

    proptest! {
        #[test]
        fn a_diff_leads_to_the_new_text(old in "[ab\nöz]{0,60}", new in "[ab\nöz]{0,60}") {
            prop_assert_eq!(apply(&old, &diff(&old, &new)), new);
        }

        #[test]
        fn without_typing_the_disk_wins(base in "[ab\nö]{0,40}", theirs in "[ab\nö]{0,40}") {
            prop_assert_eq!(merged(&base, &base, &theirs), (theirs, 0));
        }

        #[test]
        fn without_a_program_typing_stays(base in "[ab\nö]{0,40}", mine in "[ab\nö]{0,40}") {
            prop_assert_eq!(merged(&base, &mine, &base), (mine, 0));
        }

        #[test]
        fn edits_are_ascending_and_on_boundaries(base in "[ab\nö]{0,30}", mine in "[ab\nö]{0,30}", theirs in "[ab\nö]{0,30}") {
            let merge = merge(&base, &mine, &theirs);
            let mut at = 0;
            for edit in &merge.edits {
                prop_assert!(edit.range.start >= at && edit.range.end <= mine.len(), "{merge:?}");
                prop_assert!(mine.is_char_boundary(edit.range.start) && mine.is_char_boundary(edit.range.end));
                at = edit.range.end;
            }
        }

        #[test]
        fn inserted_lines_of_both_sides_are_never_lost(
            lines in proptest::collection::vec("[a-e]{1,4}", 1..8), mine_at in 0usize..8, theirs_at in 0usize..8,
        ) {
            let with = |at: usize, line: &str| {
                let mut all = lines.clone();
                all.insert(at.min(lines.len()), line.to_owned());
                all.join("\n") + "\n"
            };
            let base = lines.join("\n") + "\n";
            let (text, _) = merged(&base, &with(mine_at, "MINE"), &with(theirs_at, "THEIRS"));
            prop_assert_eq!(text.matches("MINE").count(), 1, "{}", &text);
            for letter in "THEIRS".chars() {
                prop_assert!(text.contains(letter), "{}", &text);
            }
        }
    }
}
