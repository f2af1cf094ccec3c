//! The paths of all files, and those among them that fit some letters best.

use std::path::Path;
use std::time::{Duration, Instant};

use alcove_protocol::project::Files;
use alcove_protocol::search::{FileName, MAX_FOUND_FILES};
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

use super::{Stop, walk};

/// Most files that are listed,
const MAX_NAMES: usize = 200_000;
/// the most bytes of their paths,
const MAX_NAMES_BYTES: usize = 32 * 1024 * 1024;
/// and the longest that listing them takes.
const MAX_WALK: Duration = Duration::from_secs(5);
/// After this many names it is looked whether a newer question came.
const CHECK_EVERY: usize = 512;

pub struct Names {
    /// As on the wire; shallow ones first, then by name.
    paths: Vec<Box<str>>,
    /// No bound was reached.
    pub whole: bool,
}

impl Names {
    pub fn read(top: &Path, derived: &Files) -> Self {
        Self::read_bounded(top, derived, MAX_NAMES, Instant::now() + MAX_WALK)
    }

    fn read_bounded(top: &Path, derived: &Files, most: usize, until: Instant) -> Self {
        let mut names = Self {
            paths: Vec::new(),
            whole: true,
        };
        let mut bytes = 0;
        walk::files(
            top,
            derived,
            |_| true,
            |path| {
                let path = path.to_string();
                bytes += path.len();
                names.whole =
                    names.paths.len() < most && bytes <= MAX_NAMES_BYTES && Instant::now() < until;
                if names.whole {
                    names.paths.push(path.into());
                }
                names.whole
            },
        );
        let depth = |path: &str| path.bytes().filter(|b| *b == b'/').count();
        names
            .paths
            .sort_by(|a, b| depth(a).cmp(&depth(b)).then_with(|| a.cmp(b)));
        names
    }

    pub fn len(&self) -> usize {
        self.paths.len()
    }

    /// The best fitting first. Gives up once `stop` is set.
    pub fn best(&self, query: &str, stop: &Stop) -> Vec<FileName> {
        let mut matcher = Matcher::new(Config::DEFAULT.match_paths());
        let pattern = Pattern::new(
            query,
            CaseMatching::Ignore,
            Normalization::Smart,
            AtomKind::Fuzzy,
        );
        let mut buffer = Vec::new();
        let mut scored: Vec<(u32, &str)> = Vec::new();
        for (i, path) in self.paths.iter().enumerate() {
            if i % CHECK_EVERY == 0 && stop.is_set() {
                return Vec::new();
            }
            if let Some(score) = pattern.score(Utf32Str::new(path, &mut buffer), &mut matcher) {
                scored.push((score, path));
            }
            // Kept small: only the best of them are told. The sort is stable, so that among equals
            // the shallow ones stay before the deep ones.
            if scored.len() >= 20 * MAX_FOUND_FILES {
                keep_best(&mut scored);
            }
        }
        keep_best(&mut scored);
        scored
            .into_iter()
            .map(|(_, path)| {
                let mut found = Vec::new();
                pattern.indices(Utf32Str::new(path, &mut buffer), &mut matcher, &mut found);
                found.sort_unstable();
                found.dedup();
                FileName {
                    positions: utf16_offsets(path, &found),
                    // It was written from one.
                    path: path.parse().unwrap_or_default(),
                }
            })
            .collect()
    }
}

fn keep_best(scored: &mut Vec<(u32, &str)>) {
    scored.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.len().cmp(&b.1.len())));
    scored.truncate(MAX_FOUND_FILES);
}

/// Offsets of characters, given by their number, ascending.
fn utf16_offsets(text: &str, characters: &[u32]) -> Vec<u32> {
    let mut wanted = characters.iter().peekable();
    let (mut offset, mut offsets) = (0, Vec::new());
    for (number, character) in text.chars().enumerate() {
        if wanted.next_if(|w| **w == number as u32).is_some() {
            offsets.push(offset);
        }
        offset += character.len_utf16() as u32;
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn names(paths: &[&str]) -> Names {
        Names {
            paths: paths.iter().map(|p| (*p).into()).collect(),
            whole: true,
        }
    }

    fn best(names: &Names, query: &str) -> Vec<String> {
        let found = names.best(query, &Stop::default());
        found.into_iter().map(|f| f.path.to_string()).collect()
    }

    #[test]
    fn what_fits_best_comes_first() {
        let all = names(&[
            "README.md",
            "src/app/Main.tsx",
            "src/domain.ts",
            "src/main.ts",
        ]);
        assert_eq!(best(&all, "main")[0], "src/main.ts");
        assert_eq!(best(&all, "samain"), ["src/app/Main.tsx"]);
        assert_eq!(best(&all, "app main"), ["src/app/Main.tsx"]);
        assert_eq!(best(&all, "READ")[0], "README.md");
        assert!(best(&all, "zzz").is_empty());
        assert_eq!(best(&all, "").len(), 4);
    }

    #[test]
    fn positions_are_those_of_browsers() {
        let all = names(&["😀é/ab.ts"]);
        let found = all.best("éab", &Stop::default());
        assert_eq!(found[0].positions, [2, 4, 5]);
    }

    #[test]
    fn a_newer_question_ends_an_older_one() {
        let stop = Stop::default();
        stop.set();
        assert!(names(&["a"]).best("a", &stop).is_empty());
    }

    #[test]
    fn a_list_ends_at_its_bounds_and_says_so() {
        let dir = tempfile::tempdir().unwrap();
        for i in 0..5 {
            fs::write(dir.path().join(format!("{i}")), "").unwrap();
        }
        let read = |most, until| Names::read_bounded(dir.path(), &Files::default(), most, until);
        let later = Instant::now() + Duration::from_secs(60);
        let (all, some, none) = (read(5, later), read(4, later), read(5, Instant::now()));
        assert!(all.whole && all.len() == 5);
        assert!(!some.whole && some.len() == 4);
        assert!(!none.whole && none.len() == 0);
    }

    #[test]
    fn only_the_best_are_told() {
        let paths: Vec<String> = (0..3_000).map(|i| format!("f{i}")).collect();
        let all = names(&paths.iter().map(String::as_str).collect::<Vec<_>>());
        let found = best(&all, "f2999");
        assert_eq!(found[0], "f2999");
        assert_eq!(best(&all, "f").len(), MAX_FOUND_FILES);
    }

    proptest! {
        #[test]
        fn positions_are_ascending_and_in_the_path(path in "[a-cé😀/]{1,20}", query in "[a-cé]{0,4}") {
            let all = names(&[&path]);
            for file in all.best(&query, &Stop::default()) {
                let units = path.encode_utf16().count() as u32;
                prop_assert!(file.positions.windows(2).all(|w| w[0] < w[1]));
                prop_assert!(file.positions.iter().all(|p| *p < units));
            }
        }
    }
}
