//! What is looked for, checked and compiled, and where it stands in a text.

use std::ops::Range;

use alcove_protocol::WorkspacePath;
use alcove_protocol::search::{
    MAX_GLOB_BYTES, MAX_GLOBS, MAX_PATTERN_BYTES, MAX_REPLACEMENT_BYTES, SearchQuery,
};
use alcove_protocol::session::ErrorCode;
use grep_matcher::{Captures, Matcher};
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use grep_searcher::{Searcher, SearcherBuilder, Sink, SinkMatch};
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::Failure;
use crate::documents::MAX_DOCUMENT_BYTES;

/// Largest compiled expression, and largest cache of its automaton, in bytes.
const MAX_REGEX_BYTES: usize = 1024 * 1024;
/// Deepest nesting of an expression.
const MAX_NESTING: u32 = 100;

pub struct Prepared {
    matcher: RegexMatcher,
    include: Option<Gitignore>,
    exclude: Option<Gitignore>,
    replacement: Option<Replacement>,
}

enum Replacement {
    Literal(String),
    /// With `$1` and the like.
    Groups(String),
}

/// One match.
pub struct Hit<'a> {
    /// From 1.
    pub line: u64,
    /// Where the line begins, in bytes.
    pub line_start: usize,
    pub text: &'a str,
    /// In `text`, in bytes.
    pub range: Range<usize>,
    pub replacement: Option<String>,
}

impl Prepared {
    pub fn new(query: SearchQuery) -> Result<Self, Failure> {
        let too_long = |what: &str, most: usize| {
            let message = format!("{what} may have {most} bytes at most.");
            Err((ErrorCode::Limit, message))
        };
        if query.pattern.is_empty() {
            return Err((ErrorCode::BadQuery, "There is nothing to look for.".into()));
        }
        if query.pattern.len() > MAX_PATTERN_BYTES {
            return too_long("What is looked for", MAX_PATTERN_BYTES);
        }
        if query
            .replacement
            .as_ref()
            .is_some_and(|r| r.len() > MAX_REPLACEMENT_BYTES)
        {
            return too_long("A replacement", MAX_REPLACEMENT_BYTES);
        }
        if query.pattern.contains('\n') {
            let message =
                "Text is found within one line: what is looked for can’t have a line’s end.";
            return Err((ErrorCode::BadQuery, message.into()));
        }
        let matcher = RegexMatcherBuilder::new()
            .fixed_strings(!query.regex)
            .case_insensitive(!query.case)
            .word(query.word)
            .multi_line(true)
            .line_terminator(Some(b'\n'))
            .size_limit(MAX_REGEX_BYTES)
            .dfa_size_limit(MAX_REGEX_BYTES)
            .nest_limit(MAX_NESTING)
            .build(&query.pattern)
            .map_err(|e| {
                (
                    ErrorCode::BadQuery,
                    format!("The expression can’t be read: {e}"),
                )
            })?;
        Ok(Self {
            matcher,
            include: globs(&query.include)?,
            exclude: globs(&query.exclude)?,
            replacement: query.replacement.map(|text| match query.regex {
                true => Replacement::Groups(text),
                false => Replacement::Literal(text),
            }),
        })
    }

    /// Whether a folder is looked into.
    pub fn enters(&self) -> impl Fn(&WorkspacePath) -> bool + Send + Sync + 'static {
        let exclude = self.exclude.clone();
        move |path| !exclude.as_ref().is_some_and(|g| names(g, path, true))
    }

    pub fn wants(&self, file: &WorkspacePath) -> bool {
        self.include.as_ref().is_none_or(|g| names(g, file, false))
            && !self.exclude.as_ref().is_some_and(|g| names(g, file, false))
    }

    /// Calls `take` for each match in their order, until it says `false`.
    pub fn each_hit(
        &self,
        text: &str,
        take: impl FnMut(Hit) -> bool,
    ) -> Result<(), std::io::Error> {
        let mut searcher = SearcherBuilder::new()
            .line_number(true)
            .bom_sniffing(false)
            .build();
        let mut lines = Lines {
            prepared: self,
            text,
            take,
        };
        searcher.search_slice(&self.matcher, text.as_bytes(), &mut lines)
    }

    fn each_in_line(
        &self,
        line: &str,
        mut take: impl FnMut(Range<usize>, Option<String>) -> bool,
    ) -> Result<(), std::io::Error> {
        let whole = |range: &Range<usize>| {
            // An expression can be made to match parts of a character.
            line.is_char_boundary(range.start) && line.is_char_boundary(range.end)
        };
        let bytes = line.as_bytes();
        let never = |_| std::io::ErrorKind::InvalidInput.into();
        let Some(Replacement::Groups(template)) = &self.replacement else {
            return self
                .matcher
                .find_iter(bytes, |found| {
                    let range = found.start()..found.end();
                    let replacement = match &self.replacement {
                        Some(Replacement::Literal(text)) => Some(text.clone()),
                        _ => None,
                    };
                    !whole(&range) || take(range, replacement)
                })
                .map_err(never);
        };
        let mut captures = self.matcher.new_captures().map_err(never)?;
        let mut too_large = false;
        self.matcher
            .captures_iter(bytes, &mut captures, |found| {
                let Some(all) = found.get(0) else { return true };
                let range = all.start()..all.end();
                let Some(replacement) = self.replaced(found, bytes, template) else {
                    too_large = true;
                    return false;
                };
                !whole(&range) || take(range, Some(replacement))
            })
            .map_err(never)?;
        if too_large {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        Ok(())
    }

    /// What stands in place of a match; `None` when that may be more than a file may have. A template can
    /// name a group, and so a whole line, a thousand times: it is measured before it is written.
    fn replaced(&self, found: &impl Captures, line: &[u8], template: &str) -> Option<String> {
        let names = template.bytes().filter(|b| *b == b'$').count();
        let longest = found.get(0).map_or(0, |all| all.len());
        if names * longest + template.len() > MAX_DOCUMENT_BYTES as usize {
            return None;
        }
        let index = |name: &str| self.matcher.capture_index(name);
        let mut out = Vec::new();
        found.interpolate(index, line, template.as_bytes(), &mut out);
        Some(String::from_utf8_lossy(&out).into_owned())
    }
}

struct Lines<'a, F> {
    prepared: &'a Prepared,
    text: &'a str,
    take: F,
}

impl<F: FnMut(Hit) -> bool> Sink for Lines<'_, F> {
    type Error = std::io::Error;

    fn matched(&mut self, _: &Searcher, found: &SinkMatch<'_>) -> Result<bool, Self::Error> {
        let line_start = found.absolute_byte_offset() as usize;
        let line = self.text[line_start..]
            .split('\n')
            .next()
            .unwrap_or_default();
        let mut goes_on = true;
        let number = found.line_number().unwrap_or(1);
        self.prepared.each_in_line(line, |range, replacement| {
            goes_on = (self.take)(Hit {
                line: number,
                line_start,
                text: line,
                range,
                replacement,
            });
            goes_on
        })?;
        Ok(goes_on)
    }
}

fn globs(globs: &[String]) -> Result<Option<Gitignore>, Failure> {
    if globs.is_empty() {
        return Ok(None);
    }
    if globs.len() > MAX_GLOBS || globs.iter().any(|g| g.len() > MAX_GLOB_BYTES) {
        let message = format!("There may be {MAX_GLOBS} globs of {MAX_GLOB_BYTES} bytes each.");
        return Err((ErrorCode::Limit, message));
    }
    // Paths are given relative to the top.
    let mut builder = GitignoreBuilder::new("");
    builder.allow_unclosed_class(false);
    let bad = |e: ignore::Error| (ErrorCode::BadQuery, format!("A glob can’t be read: {e}"));
    for glob in globs {
        builder
            .add_line(None, glob.trim().trim_start_matches("./"))
            .map_err(bad)?;
    }
    Ok(Some(builder.build().map_err(bad)?))
}

fn names(globs: &Gitignore, path: &WorkspacePath, is_folder: bool) -> bool {
    globs
        .matched_path_or_any_parents(path.as_path(), is_folder)
        .is_ignore()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::prelude::*;

    pub fn query(pattern: &str) -> SearchQuery {
        SearchQuery {
            pattern: pattern.into(),
            regex: false,
            case: true,
            word: false,
            include: vec![],
            exclude: vec![],
            replacement: None,
        }
    }

    fn hits(text: &str, query: SearchQuery) -> Vec<(u64, String)> {
        let mut hits = Vec::new();
        Prepared::new(query)
            .unwrap()
            .each_hit(text, |hit| {
                hits.push((hit.line, hit.text[hit.range].to_owned()));
                true
            })
            .unwrap();
        hits
    }

    fn code(query: SearchQuery) -> Option<ErrorCode> {
        Prepared::new(query).err().map(|(code, _)| code)
    }

    #[test]
    fn letters_words_and_expressions_are_found_in_their_lines() {
        let text = "one two\nTwo twofold\n\nthe end";
        let found = |q| {
            hits(text, q)
                .into_iter()
                .map(|(l, t)| format!("{l}{t}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(found(query("two")), ["1two", "2two"]);
        assert_eq!(
            found(SearchQuery {
                case: false,
                ..query("two")
            }),
            ["1two", "2Two", "2two"]
        );
        assert_eq!(
            found(SearchQuery {
                case: false,
                word: true,
                ..query("two")
            }),
            ["1two", "2Two"]
        );
        assert_eq!(
            found(SearchQuery {
                regex: true,
                ..query("e.d$")
            }),
            ["4end"]
        );
        assert_eq!(
            found(SearchQuery {
                regex: true,
                ..query("^t")
            }),
            ["4t"]
        );
        assert!(found(query("e.d$")).is_empty());
        assert!(
            found(SearchQuery {
                regex: true,
                ..query("o\\s+T")
            })
            .is_empty()
        );
    }

    #[test]
    fn what_cant_be_read_is_refused_with_words() {
        let regex = |p: &str| {
            code(SearchQuery {
                regex: true,
                ..query(p)
            })
        };
        assert_eq!(regex("("), Some(ErrorCode::BadQuery));
        assert_eq!(regex("a\\nb"), Some(ErrorCode::BadQuery));
        assert_eq!(regex("(a{1000}){1000}"), Some(ErrorCode::BadQuery));
        assert_eq!(code(query("")), Some(ErrorCode::BadQuery));
        assert_eq!(code(query("a\nb")), Some(ErrorCode::BadQuery));
        assert_eq!(code(query(&"a".repeat(MAX_PATTERN_BYTES))), None);
        assert_eq!(
            code(query(&"a".repeat(MAX_PATTERN_BYTES + 1))),
            Some(ErrorCode::Limit)
        );
        let replaced = |n: usize| {
            code(SearchQuery {
                replacement: Some("a".repeat(n)),
                ..query("a")
            })
        };
        assert_eq!(replaced(MAX_REPLACEMENT_BYTES), None);
        assert_eq!(replaced(MAX_REPLACEMENT_BYTES + 1), Some(ErrorCode::Limit));
        let globs = |g: &[&str]| {
            code(SearchQuery {
                include: g.iter().map(|g| (*g).to_owned()).collect(),
                ..query("a")
            })
        };
        assert_eq!(globs(&["a[", "b"]), Some(ErrorCode::BadQuery));
        assert_eq!(globs(&["*"; MAX_GLOBS]), None);
        assert_eq!(globs(&["*"; MAX_GLOBS + 1]), Some(ErrorCode::Limit));
        assert_eq!(
            globs(&[&"a".repeat(MAX_GLOB_BYTES + 1)]),
            Some(ErrorCode::Limit)
        );
    }

    #[test]
    fn globs_name_files_and_folders() {
        let with = |include: &[&str], exclude: &[&str]| {
            let own = |g: &[&str]| g.iter().map(|g| (*g).to_owned()).collect();
            Prepared::new(SearchQuery {
                include: own(include),
                exclude: own(exclude),
                ..query("a")
            })
            .unwrap()
        };
        let wants = |p: &Prepared, path: &str| p.wants(&path.parse().unwrap());
        let scripts = with(&["*.ts", "docs/"], &["gen", "*.d.ts"]);
        assert!(
            wants(&scripts, "a.ts") && wants(&scripts, "src/a.ts") && wants(&scripts, "docs/a.md")
        );
        assert!(
            !wants(&scripts, "a.md") && !wants(&scripts, "a.d.ts") && !wants(&scripts, "gen/a.ts")
        );
        assert!(!scripts.enters()(&"src/gen".parse().unwrap()));
        assert!(scripts.enters()(&"src".parse().unwrap()));
        assert!(wants(&with(&["./src/*.ts"], &[]), "src/a.ts"));
    }

    #[test]
    fn a_replacement_that_names_a_long_line_a_thousand_times_is_refused_unwritten() {
        let line = "x".repeat(1024 * 1024);
        let prepared = Prepared::new(SearchQuery {
            regex: true,
            replacement: Some("$0".repeat(MAX_REPLACEMENT_BYTES / 2)),
            ..query("x+")
        })
        .unwrap();
        let error = prepared.each_hit(&line, |_| true).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn groups_are_put_into_a_replacement() {
        let replaced = |pattern: &str, with: &str, regex| {
            let mut out = Vec::new();
            Prepared::new(SearchQuery {
                regex,
                replacement: Some(with.into()),
                ..query(pattern)
            })
            .unwrap()
            .each_hit("let x = f(1, 2)", |hit| {
                out.extend(hit.replacement);
                true
            })
            .unwrap();
            out
        };
        assert_eq!(
            replaced(r"f\((\d), (?P<b>\d)\)", "g(${b}, $1)", true),
            ["g(2, 1)"]
        );
        assert_eq!(replaced("f(", "$1(", false), ["$1("]);
    }

    proptest! {
        #[test]
        fn every_place_of_a_text_is_found_once(text in "[abö\n]{0,60}", pattern in "[abö]{1,2}") {
            let mut places = Vec::new();
            Prepared::new(query(&pattern)).unwrap().each_hit(&text, |hit| {
                places.push(hit.line_start + hit.range.start);
                true
            }).unwrap();
            let expected: Vec<_> = text.match_indices(&pattern).map(|(at, _)| at).collect();
            prop_assert_eq!(places, expected);
        }

        #[test]
        fn no_expression_and_text_make_it_panic(text in "\\PC{0,40}", pattern in "\\PC{1,10}", with in "\\PC{0,10}") {
            let wanted = SearchQuery { regex: true, replacement: Some(with), ..query(&pattern) };
            if let Ok(prepared) = Prepared::new(wanted) {
                prepared.each_hit(&text, |_| true).unwrap();
            }
        }
    }
}
