//! What `alcove unpack` answers to the server that started it. The server takes it as hostile.

use serde::{Deserialize, Serialize};

/// Largest answer that the server reads, in bytes.
pub const MAX_ANSWER_BYTES: u64 = 1024 * 1024;

/// What became of an archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unpacked {
    Done {
        files: u32,
        /// The first names of what was left out.
        left: Vec<String>,
        left_out: u32,
    },
    /// It can't be read, or holds too much: for a person.
    Refused { message: String, is_too_much: bool },
}
