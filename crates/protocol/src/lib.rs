//! What the parts of Alcove say to each other, written once: the session protocol between browser
//! and runner, the server's REST models, and the project file that both sides read.
//!
//! TypeScript for the browser is generated from these types into `web/src/api/protocol.gen.ts`; a
//! test fails when the two drift (`make bindings` writes it anew).
//!
//! # Versions of the session protocol
//!
//! | version | subprotocol | what changed |
//! | --- | --- | --- |
//! | 1 | `alcove.session.v1` | the first |
#![forbid(unsafe_code)]

pub mod api;
pub mod binary;
pub mod host;
pub mod names;
pub mod path;
pub mod project;
pub mod search;
pub mod session;
pub mod settings;
pub mod status;
pub mod unpack;

pub use path::WorkspacePath;

/// The WebSocket subprotocol (RFC 6455 §1.9) of the newest version.
pub const SUBPROTOCOL: &str = "alcove.session.v1";

/// Largest WebSocket message that the runner takes, in bytes. What it sends may be larger: the first
/// update of a large document, the list of a large folder.
pub const MAX_MESSAGE_BYTES: usize = 1024 * 1024;

/// Request headers by which the gateway tells the runner who connects. The gateway alone sets them;
/// what a browser sends under these names never gets through.
pub mod headers {
    /// The user's display name, percent-encoded UTF-8.
    pub const USER: &str = "alcove-user";
    /// One of [`crate::session::Role`]'s wire names.
    pub const ROLE: &str = "alcove-role";
    /// Where a part of an upload begins, and how much has come, in bytes.
    pub const UPLOAD_OFFSET: &str = "upload-offset";
    /// Of the whole file that is uploaded, in bytes.
    pub const UPLOAD_LENGTH: &str = "upload-length";
}
