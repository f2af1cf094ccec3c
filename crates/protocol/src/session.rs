//! Text frames of the session between browser and runner: JSON, one message a frame.
//!
//! A frame of the browser may carry an `id`; the answer then carries it as `re`. Every request with
//! an `id` is answered exactly once, by its own message or by `error`; messages without `re` are
//! news. Frames that are not JSON, or of an unknown `type`, are answered by `error` and change
//! nothing; a client that sends a hundred of them is disconnected.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::WorkspacePath;
use crate::project::{MAIN_RUN, NamedRun};
use crate::search::{FileName, FoundFile, ReplaceFile, ReplacedFile, SearchBound, SearchQuery};

/// Most entries of an archive that is taken apart,
pub const MAX_EXTRACTED: u32 = 200_000;
/// and most bytes of all its files together.
pub const MAX_EXTRACTED_BYTES: u64 = 4 * 1024 * 1024 * 1024;
/// Most entries that are deleted at once.
pub const MAX_TRASHED: usize = 1_000;
/// Longest name of a terminal, in characters.
pub const MAX_TERMINAL_NAME_CHARS: usize = 64;
/// Most malformed frames that a connection survives.
pub const MAX_BAD_FRAMES: usize = 100;

/// One frame of the browser.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct ClientFrame {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub id: Option<u32>,
    #[serde(flatten)]
    pub message: ClientMessage,
}

/// One frame of the runner.
#[derive(Debug, Clone, Serialize, Deserialize, TS)]
pub struct RunnerFrame {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub re: Option<u32>,
    #[serde(flatten)]
    pub message: RunnerMessage,
}

/// What a browser says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ClientMessage {
    /// The first frame. `client` is chosen at random by the page (16 to 64 letters, digits, `-`) and
    /// kept over reconnects, so that repeated input is recognised. Answer: `welcome`.
    Hello {
        client: String,
    },
    /// Answer: `pong` with the same `time`.
    Ping {
        time: f64,
    },

    /// One folder's entries; it is watched from then on (`tree_changed`). Answer: `tree_listed`.
    TreeList {
        path: WorkspacePath,
    },
    TreeUnwatch {
        path: WorkspacePath,
    },

    /// Makes an empty file or a folder, with the folders above it. Fails when it exists. Answer: `done`.
    FileCreate {
        path: WorkspacePath,
        kind: EntryKind,
    },
    /// Renames or moves; never replaces what is at `to`. Open documents move along. Answer: `done`.
    FileMove {
        from: WorkspacePath,
        to: WorkspacePath,
    },
    /// Copies a file, a link, or a folder with all in it; never replaces what is at `to`. Answer: `done`.
    FileCopy {
        from: WorkspacePath,
        to: WorkspacePath,
    },
    /// Deletes a file, or a folder with all in it. Answer: `done`.
    FileDelete {
        path: WorkspacePath,
    },
    /// Deletes these, all or none, and keeps them aside for a minute. `trash` is the page's own number
    /// for it. Answer: `done`.
    FilesTrash {
        trash: u32,
        paths: Vec<WorkspacePath>,
    },
    /// Puts back what the page's `files_trash` of this number deleted. Answer: `files_restored`.
    FilesRestore {
        trash: u32,
    },

    /// Takes an archive of the workspace apart, into the folder that it lies in: zip, tar, or tar.gz, by
    /// their first bytes. Nothing that is there is replaced. `strip`: without the one folder that all of
    /// it lies in, if there is one; `remove`: the archive is deleted when all of it is there. Answer:
    /// `archive_extracted`.
    ArchiveExtract {
        path: WorkspacePath,
        strip: bool,
        remove: bool,
    },

    /// Files whose path has these letters in this order, the best first; the first of all when there
    /// are none. A page's next one takes its place: the older is answered by `cancelled`. Answer:
    /// `files_found`.
    FilesFind {
        query: String,
    },
    /// Looks for text in files. `search` is the page's own number for it. What is found comes as
    /// `search_found`; a page's next one takes its place: the older is answered by `cancelled`.
    /// Answer: `search_done`, after all that was found.
    Search {
        search: u32,
        query: SearchQuery,
    },
    /// Ends a page's search, if it is this one. Answer: `done`.
    SearchCancel {
        search: u32,
    },
    /// Replaces matches of a search. `replace` is the page's own number for it; those with one number
    /// are undone together. Answer: `replaced`.
    Replace {
        replace: u32,
        query: SearchQuery,
        files: Vec<ReplaceFile>,
    },
    /// Puts back what the page's last `replace` changed, in files that have not changed since.
    /// Answer: `replaced`.
    ReplaceUndo {
        replace: u32,
    },

    /// Opens a text file as a shared document. `epoch` is the one the page knows from an earlier
    /// connection, if any. Answer: `document_opened` or `document_refused`.
    DocumentOpen {
        path: WorkspacePath,
        epoch: Option<String>,
    },
    DocumentClose {
        channel: u32,
    },
    /// Writes the document to disk at once. Answer: `done`.
    DocumentFlush {
        channel: u32,
    },
    /// Gives all lines of the file the same end, `mixed` excepted. Answer: `done`.
    DocumentLineEnds {
        channel: u32,
        line_ends: LineEnds,
    },

    /// Starts a shell. Answer: `terminal_created`.
    TerminalCreate {
        cols: u16,
        rows: u16,
    },
    /// Begins the output of a terminal on a channel: from byte `from` on when the runner still has
    /// it, else with the screen as it is. Answer: `terminal_attached`.
    TerminalAttach {
        terminal: u32,
        from: Option<u64>,
        cols: u16,
        rows: u16,
    },
    TerminalDetach {
        channel: u32,
    },
    /// The size of the client that acted last holds.
    TerminalResize {
        terminal: u32,
        cols: u16,
        rows: u16,
    },
    /// Gives a terminal the name that everybody sees: 1 to [`MAX_TERMINAL_NAME_CHARS`] characters,
    /// none of them a control character. Answer: `done`.
    TerminalRename {
        terminal: u32,
        name: String,
    },
    /// Ends the program in a terminal (HUP, then KILL) and removes it. Answer: `done`.
    TerminalClose {
        terminal: u32,
    },

    /// Runs what the project file says under this name (`Run` when there is none), after its setup
    /// where that is missing. While it runs, this starts nothing. Answer: `done`; then `run_state`.
    RunStart {
        #[serde(default = "main_run")]
        #[ts(as = "Option<String>", optional)]
        name: String,
        cols: u16,
        rows: u16,
    },
    /// Ends the program and all it started. Answer: `done`.
    RunStop {
        #[serde(default = "main_run")]
        #[ts(as = "Option<String>", optional)]
        name: String,
    },
    /// Writes these run configurations to the project file, which keeps all else that is in it. `before`:
    /// those that the page knows; when the file has others by now, nothing is written (`exists`).
    /// Answer: `done`; then `project`.
    RunsSave {
        before: Option<RunSet>,
        now: RunSet,
    },
    /// Gets a repository into a workspace in which there is nothing yet, in a terminal that shows how.
    /// Answer: `terminal_created`.
    GitClone {
        url: String,
        cols: u16,
        rows: u16,
    },
}

fn main_run() -> String {
    MAIN_RUN.to_owned()
}

/// What a runner says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RunnerMessage {
    /// `runner` is a random id of this runner's life. `inputs` holds how much input each terminal has
    /// received from this client before.
    Welcome {
        runner: String,
        role: Role,
        project: ProjectInfo,
        inputs: Vec<TerminalInput>,
    },
    Pong {
        time: f64,
    },
    Done,
    Error {
        code: ErrorCode,
        message: String,
    },

    TreeListed {
        path: WorkspacePath,
        entries: Vec<Entry>,
    },
    /// What changed in a watched folder. `gone`: the folder itself is no more, nor watched.
    TreeChanged {
        path: WorkspacePath,
        upserted: Vec<Entry>,
        removed: Vec<String>,
        gone: bool,
    },

    /// `left`: what was not put back, since something else is in its place.
    FilesRestored {
        left: Vec<WorkspacePath>,
    },

    /// `files`: how many were made. `left`: what was not, the first hundred of `left_out`: something of
    /// that name is there, or the name leads out of the folder, or it is no file, folder or link.
    ArchiveExtracted {
        files: u32,
        left: Vec<String>,
        left_out: u32,
    },

    /// `files`: how many there are; `whole`: all of them were looked at.
    FilesFound {
        found: Vec<FileName>,
        files: u32,
        whole: bool,
    },
    SearchFound {
        search: u32,
        files: Vec<FoundFile>,
    },
    /// How much was found, and what ended it before its end. `skipped`: files that are too large to be
    /// opened, which were not looked into.
    SearchDone {
        search: u32,
        files: u32,
        matches: u32,
        bound: Option<SearchBound>,
        skipped: u32,
    },
    /// `undoable`: `replace_undo` can put it back.
    Replaced {
        files: Vec<ReplacedFile>,
        undoable: bool,
    },

    /// `epoch` names one life of the document's ids: when it is not the page's own, the page must
    /// start from an empty Yjs document. The text lies in the Yjs text named `text`.
    DocumentOpened {
        path: WorkspacePath,
        channel: u32,
        epoch: String,
        line_ends: LineEnds,
    },
    DocumentRefused {
        path: WorkspacePath,
        reason: RefusedReason,
        size: u64,
    },
    /// The file was moved; the channel stays.
    DocumentMoved {
        channel: u32,
        path: WorkspacePath,
    },
    /// The file is no longer on disk (`gone`), or is there again. The next edit writes it anew.
    DocumentGone {
        channel: u32,
        gone: bool,
    },
    /// A program rewrote lines that were being typed in: both texts are in the document, the program's
    /// behind the person's.
    DocumentConflict {
        channel: u32,
        clash: Clash,
    },
    /// How the lines of the file on disk end, when it has changed.
    DocumentLineEndsAre {
        channel: u32,
        line_ends: LineEnds,
    },
    /// The file could not be written; the text is kept and tried again. `None`: it works again.
    DocumentUnwritable {
        channel: u32,
        message: Option<String>,
    },

    TerminalCreated {
        terminal: u32,
    },
    TerminalAttached {
        terminal: u32,
        channel: u32,
    },
    /// All terminals there are, after every change.
    Terminals {
        terminals: Vec<TerminalInfo>,
    },

    /// Also of every one that is not idle, to who comes.
    RunState {
        name: String,
        run: RunState,
    },
    /// `alcove.toml` was changed or repaired.
    Project {
        project: ProjectInfo,
    },
    /// All ports that programs listen on, after every change.
    Ports {
        ports: Vec<PortInfo>,
    },
    /// All who are here, after every change.
    People {
        people: Vec<Person>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Owner,
    Editor,
    /// Sees all, changes nothing.
    Viewer,
}

impl Role {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Editor => "editor",
            Self::Viewer => "viewer",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        [Self::Owner, Self::Editor, Self::Viewer]
            .into_iter()
            .find(|r| r.as_str() == text)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not JSON, an unknown `type`, a missing or wrong field.
    Malformed,
    BadPath,
    /// A pattern or a glob that can't be read; the message says why.
    BadQuery,
    /// A newer request took this one's place.
    Cancelled,
    NotFound,
    Exists,
    /// The role does not allow it.
    Forbidden,
    /// A limit was reached; the message names it.
    Limit,
    /// The operating system refused; the message says what it said.
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    File,
    Folder,
    Symlink,
    /// A socket, FIFO or device.
    Other,
}

/// One entry of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Entry {
    /// As in [`WorkspacePath`]: `\xNN` for what isn't UTF-8.
    pub name: String,
    pub kind: EntryKind,
    /// Bytes; 0 for what is not a file.
    pub size: u64,
    /// Another number when the file was written since; 0 for what is not a file.
    pub version: u32,
    pub executable: bool,
    /// For a symlink: what it leads to is a folder.
    pub leads_to_folder: bool,
    /// Bulk or cache by the project file.
    pub derived: bool,
    /// `.gitignore` names it.
    pub ignored: bool,
}

/// Where both texts of a clash stand, one behind the other: relative positions, as Yjs encodes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Clash {
    /// Where the person's begins,
    pub mine: Vec<u8>,
    /// where the program's begins,
    pub theirs: Vec<u8>,
    /// and where that ends.
    pub end: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum RefusedReason {
    Binary,
    TooLarge,
    NotAFile,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
pub enum LineEnds {
    Lf,
    CrLf,
    Cr,
    Mixed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TerminalInput {
    pub terminal: u32,
    pub received: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum TerminalKind {
    Shell,
    /// One that Run, or a further run configuration, uses.
    Run,
    /// A repository is fetched in it.
    Clone,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct TerminalInfo {
    pub terminal: u32,
    pub kind: TerminalKind,
    /// `Shell 1`, `Run`, or what somebody called it.
    pub name: String,
    pub cols: u16,
    pub rows: u16,
    /// Exit code of the program, once it has ended; 128 + signal where a signal ended it.
    pub exit_code: Option<i32>,
}

/// The state of the Run button, the same for all who are here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum RunState {
    Idle,
    Running {
        terminal: u32,
        command: String,
        /// Milliseconds since it was started.
        elapsed_ms: u64,
        /// The setup runs first.
        setup: bool,
    },
    /// It ended: `exit_code` as in [`TerminalInfo`]; `stopped`: by Stop.
    Exited {
        terminal: u32,
        command: String,
        exit_code: i32,
        stopped: bool,
        elapsed_ms: u64,
    },
}

/// What `[run]` of the project file says; an empty command: nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct RunConfiguration {
    pub command: String,
    pub port: Option<u16>,
}

/// All run configurations of a project file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct RunSet {
    pub run: RunConfiguration,
    /// The further ones.
    pub runs: Vec<NamedRun>,
}

/// What the page needs of `alcove.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProjectInfo {
    pub run_command: String,
    pub run_port: Option<u16>,
    /// Further run configurations.
    pub runs: Vec<NamedRun>,
    pub open: Vec<WorkspacePath>,
    /// What is wrong with the file, for a person to read.
    pub error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PortInfo {
    pub port: u16,
    /// Name of the program that listens; empty when it can't be told.
    pub process: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Person {
    /// As chosen by their page in `hello`.
    pub client: String,
    pub name: String,
    pub role: Role,
}
