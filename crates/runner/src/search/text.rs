//! Looks through the files of a workspace for text, those that are open as they stand in the editors.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use alcove_protocol::WorkspacePath;
use alcove_protocol::project::Files;
use alcove_protocol::search::{
    FoundFile, FoundMatch, MAX_EXCERPT_BYTES, MAX_FILE_MATCHES, MAX_MATCHES, SearchBound,
};
use alcove_protocol::session::RefusedReason;
use tokio::sync::mpsc;

use super::pattern::{Hit, Prepared};
use super::{Stop, walk};
use crate::documents::{OpenError, read_text};

/// Most files that one search looks into,
const MAX_FILES: u32 = 100_000;
/// and how long it goes on.
const MAX_TIME: Duration = Duration::from_secs(30);
/// What is found is sent after this many matches,
const PARCEL_MATCHES: usize = 100;
/// or after this long.
const PARCEL_TIME: Duration = Duration::from_millis(50);
/// How much of a line is shown before a match, in bytes.
const BEFORE_BYTES: usize = 60;

/// What is looked through.
pub struct Sources {
    pub top: PathBuf,
    pub derived: Files,
    /// Texts of documents that are not on disk yet.
    pub unsaved: HashMap<WorkspacePath, String>,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Done {
    pub files: u32,
    pub matches: u32,
    pub bound: Option<SearchBound>,
    /// Too large to be looked into.
    pub skipped: u32,
}

/// How far a search may go.
struct Bounds {
    files: u32,
    matches: usize,
    until: Instant,
}

/// Searches until all is seen, a bound is reached, `stop` is set, or nobody takes the parcels.
pub fn search(
    sources: &Sources,
    prepared: &Prepared,
    stop: &Stop,
    parcels: &mpsc::Sender<Vec<FoundFile>>,
) -> Done {
    let bounds = Bounds {
        files: MAX_FILES,
        matches: MAX_MATCHES,
        until: Instant::now() + MAX_TIME,
    };
    search_bounded(sources, prepared, stop, parcels, &bounds)
}

fn search_bounded(
    sources: &Sources,
    prepared: &Prepared,
    stop: &Stop,
    parcels: &mpsc::Sender<Vec<FoundFile>>,
    bounds: &Bounds,
) -> Done {
    let mut done = Done::default();
    let mut parcel = Vec::new();
    let mut in_parcel = 0;
    let mut sent = Instant::now();
    let mut looked_at = 0;
    walk::files(&sources.top, &sources.derived, prepared.enters(), |path| {
        if stop.is_set() {
            return false;
        }
        if !prepared.wants(&path) {
            return true;
        }
        done.bound = if looked_at >= bounds.files {
            Some(SearchBound::Files)
        } else if Instant::now() >= bounds.until {
            Some(SearchBound::Time)
        } else if done.matches as usize >= bounds.matches {
            Some(SearchBound::Matches)
        } else {
            None
        };
        if done.bound.is_some() {
            return false;
        }
        looked_at += 1;
        let left = bounds.matches - done.matches as usize;
        match look_into(sources, prepared, stop, path, left) {
            Look::Found(file) => {
                done.files += 1;
                done.matches += file.matches.len() as u32;
                in_parcel += file.matches.len();
                parcel.push(file);
            }
            Look::TooLarge => done.skipped += 1,
            Look::Nothing => {}
        }
        if in_parcel >= PARCEL_MATCHES || (in_parcel > 0 && sent.elapsed() >= PARCEL_TIME) {
            in_parcel = 0;
            sent = Instant::now();
            return parcels.blocking_send(std::mem::take(&mut parcel)).is_ok();
        }
        true
    });
    if !parcel.is_empty() {
        // Whoever asked may be gone.
        let _ = parcels.blocking_send(parcel);
    }
    done
}

enum Look {
    Found(FoundFile),
    Nothing,
    TooLarge,
}

fn look_into(
    sources: &Sources,
    prepared: &Prepared,
    stop: &Stop,
    path: WorkspacePath,
    left: usize,
) -> Look {
    let read;
    let text = match sources.unsaved.get(&path) {
        Some(text) => text,
        None => match read_text(&path.under(&sources.top)) {
            Ok(text) => {
                read = text;
                &read
            }
            Err(OpenError::Refused(RefusedReason::TooLarge, _)) => return Look::TooLarge,
            // Binary, gone, or not to be read.
            Err(_) => return Look::Nothing,
        },
    };
    let most = MAX_FILE_MATCHES.min(left);
    let mut matches = Vec::new();
    let mut more = false;
    let mut column = Column::default();
    let result = prepared.each_hit(text, |hit| {
        more = matches.len() >= most;
        if !more {
            matches.push(told(&hit, &mut column));
        }
        !more && !stop.is_set()
    });
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::FileTooLarge => return Look::TooLarge,
        Ok(()) if !matches.is_empty() => {}
        _ => return Look::Nothing,
    }
    Look::Found(FoundFile {
        stamp: stamp(text),
        path,
        matches,
        more,
    })
}

/// Names a text, for as long as this process lives.
pub fn stamp(text: &str) -> String {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Counts UTF-16 units of a line only once, however many matches are in it.
#[derive(Default)]
struct Column {
    line: u64,
    bytes: usize,
    units: u32,
}

impl Column {
    fn at(&mut self, hit: &Hit, bytes: usize) -> u32 {
        if self.line != hit.line || self.bytes > bytes {
            *self = Self {
                line: hit.line,
                ..Self::default()
            };
        }
        self.units += units(&hit.text[self.bytes..bytes]);
        self.bytes = bytes;
        self.units
    }
}

fn units(text: &str) -> u32 {
    text.encode_utf16().count() as u32
}

fn told(hit: &Hit, column: &mut Column) -> FoundMatch {
    let shown = excerpt(hit.text, &hit.range);
    let from = column.at(hit, shown.start);
    let start = column.at(hit, hit.range.start);
    let end = column.at(hit, hit.range.end);
    FoundMatch {
        line: hit.line as u32,
        start,
        end,
        text: hit.text[shown].to_owned(),
        from,
        replacement: hit
            .replacement
            .as_ref()
            .map(|text| text[..boundary(text, MAX_EXCERPT_BYTES)].to_owned()),
    }
}

/// The part of a line that is shown: all of a short one, else what is round the match.
fn excerpt(line: &str, found: &Range<usize>) -> Range<usize> {
    if line.len() <= MAX_EXCERPT_BYTES {
        return 0..line.len();
    }
    let start = boundary(line, found.start.saturating_sub(BEFORE_BYTES));
    start..boundary(line, start + MAX_EXCERPT_BYTES)
}

/// The last beginning of a character that is not behind `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len()))
        .rev()
        .find(|i| text.is_char_boundary(*i))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::super::pattern::tests::query;
    use super::*;
    use std::fs;

    fn found(
        files: &[(&str, &str)],
        unsaved: &[(&str, &str)],
        pattern: &str,
        bounds: Option<Bounds>,
    ) -> (Vec<FoundFile>, Done) {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(dir.path().join(name), text).unwrap();
        }
        let sources = Sources {
            top: dir.path().to_path_buf(),
            derived: Files::default(),
            unsaved: unsaved
                .iter()
                .map(|(p, t)| (p.parse().unwrap(), (*t).to_owned()))
                .collect(),
        };
        let (sender, mut parcels) = mpsc::channel(1_000);
        let bounds = bounds.unwrap_or(Bounds {
            files: 100,
            matches: MAX_MATCHES,
            until: Instant::now() + MAX_TIME,
        });
        let prepared = Prepared::new(query(pattern)).unwrap();
        let done = search_bounded(&sources, &prepared, &Stop::default(), &sender, &bounds);
        let mut all = Vec::new();
        while let Ok(parcel) = parcels.try_recv() {
            all.extend(parcel);
        }
        all.sort_by(|a, b| a.path.cmp(&b.path));
        (all, done)
    }

    #[test]
    fn matches_have_their_line_and_the_browsers_columns() {
        let (files, done) = found(&[("a", "x\r\n😀 the cat, the\r\n")], &[], "the", None);
        let at: Vec<_> = files[0]
            .matches
            .iter()
            .map(|m| (m.line, m.start, m.end))
            .collect();
        assert_eq!(at, [(2, 3, 6), (2, 12, 15)]);
        assert_eq!(files[0].matches[0].text, "😀 the cat, the");
        assert_eq!((done.files, done.matches), (1, 2));
    }

    #[test]
    fn open_documents_are_looked_into_as_they_are_typed() {
        let (files, _) = found(&[("a", "old"), ("b", "old")], &[("a", "new")], "old", None);
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].path.to_string(), "b");
    }

    #[test]
    fn binary_files_are_left_out_and_large_ones_are_counted() {
        let large = "the ".repeat(crate::documents::MAX_DOCUMENT_BYTES as usize / 4 + 1);
        let (files, done) = found(
            &[("bin", "the\0"), ("large", &large), ("text", "the")],
            &[],
            "the",
            None,
        );
        assert_eq!(files.len(), 1);
        assert_eq!(done.skipped, 1);
    }

    #[test]
    fn a_long_line_is_shown_round_the_match() {
        let line = format!("{}NEEDLE{}", "é".repeat(1_000), "é".repeat(1_000));
        let (files, _) = found(&[("a", &line)], &[], "NEEDLE", None);
        let found = &files[0].matches[0];
        assert!(found.text.len() <= MAX_EXCERPT_BYTES);
        assert_eq!((found.start, found.end), (1_000, 1_006));
        let at = (found.start - found.from) as usize;
        let shown: String = found.text.chars().skip(at).take(6).collect();
        assert_eq!(shown, "NEEDLE");
    }

    #[test]
    fn a_search_ends_at_its_bounds_and_says_which() {
        let later = Instant::now() + MAX_TIME;
        let bound = |files, matches, until| {
            let all = [("a", "x\nx"), ("b", "x"), ("c", "x")];
            let bounds = Bounds {
                files,
                matches,
                until,
            };
            found(&all, &[], "x", Some(bounds)).1
        };
        assert_eq!(bound(3, 5, later).bound, None);
        assert_eq!(bound(2, 5, later).bound, Some(SearchBound::Files));
        assert_eq!(bound(3, 5, Instant::now()).bound, Some(SearchBound::Time));
        let few = bound(3, 2, later);
        assert_eq!((few.bound, few.matches), (Some(SearchBound::Matches), 2));
    }

    #[test]
    fn a_file_full_of_matches_leaves_room_for_others() {
        let full = "x".repeat(MAX_FILE_MATCHES + 1);
        let (files, done) = found(&[("a", &full), ("b", "x")], &[], "x", None);
        assert!(files[0].more && files[0].matches.len() == MAX_FILE_MATCHES);
        assert!(!files[1].more);
        assert_eq!(done.bound, None);
    }
}
