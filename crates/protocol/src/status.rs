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
    /// Documents with edits that are not on disk yet.
    pub unwritten: usize,
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
