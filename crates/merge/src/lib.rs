//! Differences of texts, and the merge of three: what a program changed on disk is brought into the
//! open document as edits, beside what people have typed meanwhile. It knows texts alone.

use std::ops::Range;
use std::time::{Duration, Instant};

pub use similar::DiffOp;
use similar::{Algorithm, capture_diff_slices, capture_diff_slices_deadline};

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

impl Edit {
    fn growth(&self) -> isize {
        self.insert.len() as isize - self.range.len() as isize
    }
}

/// A merge: edits for the document's text, and where both sides had changed one place.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// In ascending order, not overlapping, in the document's own offsets.
    pub edits: Vec<Edit>,
    pub conflicts: Vec<Conflict>,
}

/// Where both texts of one place stand, one behind the other: byte offsets in the document after the edits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    pub mine: Range<usize>,
    pub theirs: Range<usize>,
}

/// How lines became others, line by line.
pub fn lines(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    capture_diff_slices(Algorithm::Myers, old, new)
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
    edits_between(&a, &b, prefix)
}

/// Edits of whole lines.
fn diff_lines(old: &str, new: &str) -> Vec<Edit> {
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<_>>();
    edits_between(&lines(old), &lines(new), 0)
}

/// `start`: where the first of the old parts begins.
fn edits_between(old: &[&str], new: &[&str], start: usize) -> Vec<Edit> {
    let starts = offsets(old, start);
    capture_diff_slices_deadline(Algorithm::Myers, old, new, Some(Instant::now() + DIFF_TIME))
        .into_iter()
        .filter(|op| !matches!(op, DiffOp::Equal { .. }))
        .map(|op| Edit {
            range: starts[op.old_range().start]..starts[op.old_range().end],
            insert: new[op.new_range()].concat(),
        })
        .collect()
}

/// Brings the change `base` → `theirs` into `mine`, which came from `base` too. Where both changed one
/// place, theirs is put behind mine in whole lines, so that neither is lost and a person can choose.
pub fn merge(base: &str, mine: &str, theirs: &str) -> Merge {
    match merge_letters(base, mine, theirs) {
        Some(edits) => Merge {
            edits,
            conflicts: Vec::new(),
        },
        None => merge_lines(base, mine, theirs),
    }
}

/// `None` where both changed one place, each in its own way.
fn merge_letters(base: &str, mine: &str, theirs: &str) -> Option<Vec<Edit>> {
    let (mine, theirs) = (diff(base, mine), diff(base, theirs));
    let mut edits = Vec::new();
    for hunk in hunks(&mine, &theirs) {
        match (hunk.mine, hunk.theirs) {
            ([], [edit]) => edits.push(Edit {
                range: hunk.at..hunk.at + hunk.place.len(),
                insert: edit.insert.clone(),
            }),
            (mine, theirs) if mine == theirs => {}
            _ => return None,
        }
    }
    Some(edits)
}

fn merge_lines(base: &str, mine: &str, theirs: &str) -> Merge {
    let (mine, theirs) = (diff_lines(base, mine), diff_lines(base, theirs));
    let mut merge = Merge::default();
    // How much longer the text before has become.
    let mut grown = 0isize;
    for hunk in hunks(&mine, &theirs) {
        let (mine, theirs) = (hunk.with(base, hunk.mine), hunk.with(base, hunk.theirs));
        let start = hunk.at.saturating_add_signed(grown);
        let end = hunk.at + mine.len();
        let edits = merge_letters(&base[hunk.place.clone()], &mine, &theirs).map_or_else(
            || {
                let ended = mine.is_empty() || theirs.is_empty() || mine.ends_with('\n');
                let between = if ended { "" } else { "\n" };
                let middle = start + mine.len() + between.len();
                merge.conflicts.push(Conflict {
                    mine: start..middle,
                    theirs: middle..middle + theirs.len(),
                });
                vec![Edit {
                    range: end..end,
                    insert: format!("{between}{theirs}"),
                }]
            },
            |edits| {
                let shifted = |Edit { range, insert }| Edit {
                    range: hunk.at + range.start..hunk.at + range.end,
                    insert,
                };
                edits.into_iter().map(shifted).collect()
            },
        );
        grown += edits.iter().map(Edit::growth).sum::<isize>();
        merge.edits.extend(edits);
    }
    merge
}

/// Edits of both sides that concern one place of the base; at least one of theirs.
struct Hunk<'a> {
    place: Range<usize>,
    /// Where the place begins in my text.
    at: usize,
    mine: &'a [Edit],
    theirs: &'a [Edit],
}

impl Hunk<'_> {
    /// What is in the place after some edits of it.
    fn with(&self, base: &str, edits: &[Edit]) -> String {
        let start = self.place.start;
        let edits: Vec<Edit> = edits
            .iter()
            .map(|e| Edit {
                range: e.range.start - start..e.range.end - start,
                insert: e.insert.clone(),
            })
            .collect();
        apply(&base[self.place.clone()], &edits)
    }
}

fn hunks<'a>(mine: &'a [Edit], theirs: &'a [Edit]) -> Vec<Hunk<'a>> {
    let mut hunks = Vec::new();
    // How far my edits so far have moved what is behind them.
    let mut moved = 0isize;
    let (mut i, mut j) = (0, 0);
    while let Some(edit) = theirs.get(j) {
        let mut place = edit.range.clone();
        if let Some(m) = mine.get(i)
            && m.range.end <= place.start
            && !touches(&m.range, &place)
        {
            moved += m.growth();
            i += 1;
            continue;
        }
        let (first_i, first_j) = (i, j);
        j += 1;
        loop {
            let next = if mine.get(i).is_some_and(|m| touches(&m.range, &place)) {
                i += 1;
                &mine[i - 1]
            } else if i > first_i && theirs.get(j).is_some_and(|t| touches(&t.range, &place)) {
                j += 1;
                &theirs[j - 1]
            } else {
                break;
            };
            place = place.start.min(next.range.start)..place.end.max(next.range.end);
        }
        hunks.push(Hunk {
            at: place.start.saturating_add_signed(moved),
            place,
            mine: &mine[first_i..i],
            theirs: &theirs[first_j..j],
        });
        moved += mine[first_i..i].iter().map(Edit::growth).sum::<isize>();
    }
    hunks
}

/// Makes the edits; they must be ascending and not overlap.
fn apply(text: &str, edits: &[Edit]) -> String {
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
    fn where_both_changed_one_place_both_lines_stay() {
        for (base, mine, theirs, both) in [
            (
                "port = 1\n",
                "port = 8080\n",
                "port = 3000\n",
                "port = 8080\nport = 3000\n",
            ),
            ("a\n", "a\nmine\n", "a\ntheirs\n", "a\nmine\ntheirs\n"),
            ("a\nb", "a\nmine", "a\ntheirs", "a\nmine\ntheirs"),
            ("a\nb\nc\n", "a\nmine\nc\n", "a\nc\n", "a\nmine\nc\n"),
            (
                "é\nb\nc\n",
                "é!\nmine\nc\n",
                "é\ntheirs\nc!\n",
                "é!\nmine\nc\né\ntheirs\nc!\n",
            ),
        ] {
            assert_eq!(merged(base, mine, theirs), (both.into(), 1));
        }
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
        fn a_conflict_says_where_both_texts_stand(base in "[ab\n]{0,30}", mine in "[ab\nö]{0,30}", theirs in "[ab\nö]{0,30}") {
            let merge = merge(&base, &mine, &theirs);
            let text = apply(&mine, &merge.edits);
            for c in &merge.conflicts {
                prop_assert_eq!(c.mine.end, c.theirs.start);
                prop_assert!(mine.contains(text[c.mine.clone()].trim_end_matches('\n')));
                prop_assert!(theirs.contains(&text[c.theirs.clone()]));
            }
            if let ([c], [_]) = (&merge.conflicts[..], &merge.edits[..]) {
                let kept = Edit { range: c.theirs.clone(), insert: String::new() };
                let kept = apply(&text, &[kept]);
                prop_assert_eq!(kept.trim_end_matches('\n'), mine.trim_end_matches('\n'));
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
