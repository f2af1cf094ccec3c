//! Models of the server's REST API. Reference: `/api/openapi.json` of a running server.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

/// Longest name of a repl, in characters.
pub const MAX_REPL_NAME_CHARS: usize = 100;

/// `GET /api/me`
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct Me {
    pub id: String,
    pub name: String,
    /// Version of the server.
    pub version: String,
    /// Where "saved" is: `true` when the store is this machine's own disk.
    pub store_is_local: bool,
    /// Shown when repls run without isolation.
    pub isolated: bool,
}

/// One of `GET /api/templates`.
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct Template {
    pub name: String,
    pub title: String,
    pub description: String,
    /// One to three characters.
    pub icon: String,
    pub language: String,
    /// What is missing on this machine, when its repls could not run.
    pub missing: Option<MissingLanguage>,
    pub setup: SetupState,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct MissingLanguage {
    /// In words: `Rust is not installed on this machine`.
    pub message: String,
    /// The command that installs it.
    pub command: String,
}

/// Where a template's dependencies stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SetupState {
    /// Installed (or none are needed): the first Run needs no network.
    Ready,
    /// Being installed, or about to be; the first Run does it itself meanwhile.
    Preparing,
    /// It failed: the first Run tries it itself.
    Failed { message: String },
}

/// `POST /api/repls`
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRepl {
    pub template: String,
    /// 1 to 100 characters; a generated one when absent or empty.
    #[serde(default)]
    #[ts(optional)]
    pub name: Option<String>,
}

/// `PATCH /api/repls/{id}`: what is absent stays.
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateRepl {
    #[serde(default)]
    #[ts(optional)]
    pub name: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct Repl {
    /// Twelve characters of `0-9a-z`; part of the preview's host name.
    pub id: String,
    pub name: String,
    pub template: String,
    /// RFC 3339.
    pub created_at: String,
    /// Last time that something in it was saved, RFC 3339.
    pub edited_at: String,
    pub state: ReplState,
}

/// `POST /api/repls/{id}/duplicate`
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateRepl {
    /// 1 to 100 characters; the original's with `copy` behind it when absent or empty.
    #[serde(default)]
    #[ts(optional)]
    pub name: Option<String>,
}

/// Days that a deleted repl lies in the bin.
pub const BIN_DAYS: u32 = 30;

/// One of `GET /api/bin`: a repl that was deleted, and can be brought back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct BinnedRepl {
    pub id: String,
    pub name: String,
    pub template: String,
    /// RFC 3339.
    pub deleted_at: String,
    /// Until when it can be brought back, RFC 3339.
    pub kept_until: String,
}

/// What happens to a repl; also each message of `GET /api/repls/{id}/events` (event `state`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct ReplState {
    pub phase: Phase,
    /// For a person: what is being done while it starts or stops, why it failed or was stopped.
    pub detail: Option<String>,
    /// While files are restored: all of them while it starts, derived folders while it runs.
    pub progress: Option<Progress>,
    pub saved: Saved,
    /// The project's program runs.
    pub running: bool,
    /// People who are here.
    pub people: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Stopped,
    Starting,
    Running,
    Stopping,
    Failed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// Whether what is on the runner's disk is also in the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Saved {
    Saved,
    /// Changes are waiting, or on their way.
    Saving,
    /// The store could not be written; it is tried again. `since`: RFC 3339 of the last success.
    Failing {
        since: Option<String>,
        message: String,
    },
}

/// `POST /api/repls/{id}/preview`
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreviewRequest {
    pub port: u16,
    /// Where to go after sign-in, from `/` on; `/` when absent.
    #[serde(default)]
    #[ts(optional)]
    pub path: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct PreviewAddress {
    /// Open this in the frame: it holds a single-use ticket, and leads on to the clean address.
    pub url: String,
    /// The preview's origin, for display and for `postMessage`.
    pub origin: String,
}

/// Body of every answer with a status of 400 and above.
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct ApiError {
    pub error: ApiErrorBody,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct ApiErrorBody {
    /// Stable, for programs: `not_found`, `bad_request`, …
    pub code: String,
    /// For people: what happened, what to do.
    pub message: String,
}
