//! Finding files by name and text in files, and replacing what was found: parts of session messages.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::WorkspacePath;

/// Longest text by which files are looked for, in bytes.
pub const MAX_FIND_BYTES: usize = 256;
/// Most files that `files_found` names.
pub const MAX_FOUND_FILES: usize = 50;

/// Longest pattern of a search, in bytes.
pub const MAX_PATTERN_BYTES: usize = 1_000;
/// Longest replacement, in bytes.
pub const MAX_REPLACEMENT_BYTES: usize = 10_000;
/// Most globs in `include` and in `exclude`,
pub const MAX_GLOBS: usize = 50;
/// and the longest one, in bytes.
pub const MAX_GLOB_BYTES: usize = 300;
/// A search ends with this many matches,
pub const MAX_MATCHES: usize = 5_000;
/// and tells this many of one file.
pub const MAX_FILE_MATCHES: usize = 500;
/// What is shown of a line, and of a replacement, in bytes.
pub const MAX_EXCERPT_BYTES: usize = 240;
/// Most files in one `replace`.
pub const MAX_REPLACE_FILES: usize = 200;

/// One of `files_found`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FileName {
    pub path: WorkspacePath,
    /// UTF-16 offsets in `path` of the letters that were found, ascending.
    pub positions: Vec<u32>,
}

/// What is looked for in files, and in which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SearchQuery {
    /// Found within one line.
    pub pattern: String,
    /// `pattern` is a regular expression, as of Rust's crate `regex`; else it stands for itself.
    pub regex: bool,
    /// Capital and small letters are different.
    pub case: bool,
    /// Whole words alone.
    pub word: bool,
    /// As in a `.gitignore`. Files that one of these names; all when there is none.
    pub include: Vec<String>,
    /// Files and folders that are left out.
    pub exclude: Vec<String>,
    /// What each match is to become. In a regular expression's, `$1` and `${name}` are its groups and
    /// `$$` is a dollar.
    pub replacement: Option<String>,
}

/// One file with matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FoundFile {
    pub path: WorkspacePath,
    /// Names the text that was searched: `replace` finds by it whether it is the same still.
    pub stamp: String,
    pub matches: Vec<FoundMatch>,
    /// It has more than are told.
    pub more: bool,
}

/// One match. Columns are UTF-16 offsets in the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FoundMatch {
    /// From 1.
    pub line: u32,
    pub start: u32,
    pub end: u32,
    /// The line, or the part of it round the match.
    pub text: String,
    /// The column where `text` begins.
    pub from: u32,
    /// What the match would become; cut where it is long.
    pub replacement: Option<String>,
}

/// Why a search ended before it had seen everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SearchBound {
    Matches,
    Time,
    Files,
}

/// One file of a `replace`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReplaceFile {
    pub path: WorkspacePath,
    /// As in [`FoundFile`].
    pub stamp: String,
    /// Which of the file's matches, from 0, ascending.
    pub chosen: Vec<u32>,
}

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ReplacedFile {
    pub path: WorkspacePath,
    pub outcome: ReplaceOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum ReplaceOutcome {
    Replaced {
        matches: u32,
    },
    /// It is not the text that was searched: nothing was done.
    Changed,
    Failed {
        message: String,
    },
}
