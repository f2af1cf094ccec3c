//! What the runner tells the server, and what the server asks of it (HTTP on the runner's socket,
//! for the server alone). The server takes it as hostile.

use serde::{Deserialize, Serialize};

use crate::session::PortInfo;

/// Largest line of `GET /status` that the server reads, in bytes.
pub const MAX_STATUS_BYTES: usize = 256 * 1024;

/// One line of `GET /status` (newline-delimited JSON), sent at once and after every change.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Status {
    pub ports: Vec<PortInfo>,
    /// Sessions that are connected.
    pub people: usize,
    /// Whether the project's program runs.
    pub running: bool,
    /// How the project's main program ended, when it has, and nobody stopped it.
    #[serde(default)]
    pub exit_code: Option<i32>,
    /// How often it has ended, however that was.
    #[serde(default)]
    pub exits: u64,
    /// Documents with edits that are not on disk yet.
    pub unwritten: usize,
    /// When somebody last did something in a session: seconds since the runner's start.
    #[serde(default)]
    pub active: u64,
    /// Programs have been told to end: it takes no sessions any more.
    #[serde(default)]
    pub stopping: bool,
}

/// Body of `POST /begin`: the repl's files are there. Until then the runner serves nothing else; again, it does
/// nothing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BeginRequest {
    /// Its bulk is still being restored: `POST /ready` says when it is there.
    pub restoring: bool,
}

/// Body of `POST /run`: one command, without a terminal, its output in the answer's body as it comes
/// (standard output and error together), then the trailer line `\0exit <code>\n`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRequest {
    pub command: String,
}

/// Body of `POST /stop`: ends all programs: HUP, then TERM, then KILL.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StopRequest {
    /// Milliseconds between HUP and TERM, and between TERM and KILL.
    pub patience_ms: u64,
}

/// Body of `POST /notice`: one line for all terminals but those of full-screen programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NoticeRequest {
    pub text: String,
}

/// First member of the archive that `POST /restore` takes: a [`RestorePlan`] in JSON.
pub const RESTORE_PLAN: &str = ".~alcove-restore";

/// What may be touched when files are brought back: whatever else lies in the way of what comes is in no
/// state, and stays.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RestorePlan {
    /// What goes.
    pub remove: Vec<crate::WorkspacePath>,
    /// What comes in the place of something that is saved.
    pub replace: Vec<crate::WorkspacePath>,
}

/// Largest answer of `POST /restore` that the server reads, in bytes.
pub const MAX_RESTORE_ANSWER_BYTES: usize = 1024 * 1024;

/// What could not be brought back, or made to go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RestoreAnswer {
    /// The first of them.
    pub left: Vec<crate::WorkspacePath>,
    pub left_out: u32,
}
