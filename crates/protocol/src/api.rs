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
    pub role: String,
    /// May see what runs on this server, stop it, and let people in.
    pub is_operator: bool,
    /// Version of the server.
    pub version: String,
    /// Where "saved" is: `true` when the store is this machine's own disk.
    pub store_is_local: bool,
    /// Shown when repls run without isolation.
    pub isolated: bool,
    /// Of all your repls together, those in the bin included.
    pub usage: Usage,
    /// What holds for repls whose settings say nothing, and what these may say.
    pub repl_limits: ReplLimits,
    /// The sizes that a repl's settings may name, the smallest first.
    pub repl_sizes: Vec<ReplSize>,
    /// What a repl's settings may say of the network, the least first; the last is the default. None where
    /// nothing holds programs to it.
    pub repl_networks: Vec<ReplNetwork>,
}

/// What a repl's programs may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReplNetwork {
    /// Each other alone.
    None,
    /// Besides, package registries, as the operator lists them.
    Registries,
    /// Public addresses.
    Internet,
}

/// What all programs of a repl together may use, under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct ReplSize {
    pub name: String,
    /// Bytes.
    pub memory: u64,
    pub processes: u32,
    /// Share of the processors beside other repls; 100 is usual.
    pub cpu_weight: u32,
    /// Bytes of its folders on the server's disk; `null`: no limit.
    pub disk: Option<u64>,
    /// That of repls whose settings name none.
    pub usual: bool,
}

/// What the operator says of how long repls go on. Times in seconds; `null`: for ever, or no cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct ReplLimits {
    pub wake_on_touch: bool,
    /// Whether a repl may go on with nobody there.
    pub keep_alive_allowed: bool,
    pub grace_seconds: Option<u64>,
    pub max_grace_seconds: Option<u64>,
    pub idle_seconds: Option<u64>,
    pub max_idle_seconds: Option<u64>,
    /// How long a repl runs in one go at most, whatever it says.
    pub max_life_seconds: Option<u64>,
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

/// Answer of `PUT /api/repls/{id}/archive`
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct ImportedArchive {
    /// Files and links that came out of it.
    pub files: u32,
    /// Names of what stayed in it, or could not be saved; the first hundred of them.
    pub left: Vec<String>,
    pub left_out: u32,
}

/// `POST /api/repls`
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRepl {
    /// Absent: a repl without any file, for what is imported.
    #[serde(default)]
    #[ts(optional)]
    pub template: Option<String>,
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
    /// Replaces all of them.
    #[serde(default)]
    #[ts(optional)]
    pub settings: Option<ReplSettings>,
}

/// How long a repl goes on, what starts it, how much it may use, and what it may reach. What is absent is as the
/// operator says ([`ReplLimits`], [`ReplSize`], [`ReplNetwork`]).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplSettings {
    /// A request to its preview starts it, and what Run does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub wake_on_touch: Option<bool>,
    /// It goes on with nobody there, for as long as it may run.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub keep_alive: Option<bool>,
    /// Minutes that it goes on after the last person has left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub grace_minutes: Option<u32>,
    /// Minutes, 1 at least, after which an open page in which nobody does anything counts as left.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub idle_minutes: Option<u32>,
    /// Hours, 1 at least, after which it is stopped whatever it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub max_life_hours: Option<u32>,
    /// The name of a [`ReplSize`]; holds from its next start on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub size: Option<String>,
    /// Holds from its next start on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub network: Option<ReplNetwork>,
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
    pub settings: ReplSettings,
    pub state: ReplState,
}

/// `POST /api/repls/{id}/duplicate`
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DuplicateRepl {
    /// Number of an earlier state, of [`HistoryPage`]; as it is now when absent.
    #[serde(default)]
    #[ts(optional)]
    pub state: Option<u64>,
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
    /// Files that have changed since they were saved.
    pub unsaved: Unsaved,
    /// As it was saved last.
    pub usage: Usage,
    /// Why it goes on, and until when; `null` while it does not run.
    pub awake: Option<Awake>,
    /// What its programs use; `null` while it does not run, and where the machine does not count it.
    pub resources: Option<Resources>,
    /// What its programs may reach; `null` while it does not run, and where nothing holds them to it.
    pub network: Option<ReplNetwork>,
    /// The project's program runs.
    pub running: bool,
    /// People who are here.
    pub people: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Awake {
    pub why: AwakeWhy,
    /// When it stops if nothing else happens (RFC 3339, rounded up to a minute); `null`: never.
    pub until: Option<String>,
}

/// Why a repl goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AwakeWhy {
    /// Somebody is there.
    People,
    /// A page is open in which nobody has done anything for long.
    Idle,
    /// Somebody was there a short while ago, or used a preview.
    Recent,
    /// Nobody is there, but programs are at work.
    Busy,
    /// Nobody needs to be there: its settings say so.
    KeepAlive,
    /// It will soon have run for as long as it may, and stops then whatever happens.
    MaxLife,
    /// Repls of this server are not stopped.
    Always,
}

/// What all programs of a repl use together, and what they may.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct Resources {
    /// Bytes, rounded up to 1 MiB, without what the kernel would give back.
    pub memory: u64,
    pub max_memory: u64,
    pub processes: u32,
    pub max_processes: u32,
    /// Percent of one processor, of the last seconds.
    pub cpu: u32,
    /// Programs that were ended since the memory was full, since it started; when the last was (RFC 3339).
    pub killed: u64,
    pub killed_at: Option<String>,
    /// How often a process could not be started since there were too many; when that was last.
    pub refused: u64,
    pub refused_at: Option<String>,
    /// What is in its folders on the server's disk, rounded up to 1 MiB and 256 files; absent where that
    /// has no limit.
    pub disk: Option<Usage>,
    /// Nothing holds programs to that limit: beyond it they are stopped.
    pub disk_is_measured: bool,
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
    /// Files, folders and links,
    pub done: u64,
    pub total: u64,
    /// and bytes of their content; of all `0` where it is not known.
    pub done_bytes: u64,
    pub total_bytes: u64,
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
    /// What would exceed a quota is not in the store: `files` of it, some of them by `paths`. All else is
    /// saved. `message`: which quota, and what to do.
    Partly {
        files: u64,
        paths: Vec<String>,
        message: String,
    },
}

/// Files that are on the runner's disk otherwise than in the store, those made by programs among them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS, ToSchema)]
pub struct Unsaved {
    pub files: u64,
    /// Some of them: from `workspace/` or `home/` on, percent-encoded where it isn't printable ASCII.
    pub paths: Vec<String>,
    /// There are more, which are not counted.
    pub more: bool,
}

/// `GET /api/repls/{id}/saved`
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct SavedState {
    /// The newest state in the store,
    pub number: u64,
    /// and when it was saved, RFC 3339.
    pub saved_at: String,
    pub saved: Saved,
    pub unsaved: Unsaved,
    /// The file that was asked for, as it is in the store; absent when it is not there.
    pub file: Option<SavedFile>,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct SavedFile {
    /// In bytes.
    pub size: u64,
    /// BLAKE3 of the content, in hexadecimal.
    pub hash: String,
}

/// How much is in the store, and how much may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct Usage {
    pub bytes: u64,
    /// Files, folders and links.
    pub files: u64,
    pub max_bytes: u64,
    pub max_files: u64,
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

/// Longest name of a state, in characters.
pub const MAX_STATE_NAME_CHARS: usize = 100;
/// Most paths of each kind in [`HistoryChanges`], and most entries of a [`StoredFolder`].
pub const MAX_HISTORY_PATHS: usize = 1000;
pub const MAX_STORED_ITEMS: usize = 10_000;

/// `GET /api/repls/{id}/history`: states of a repl, the newest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct HistoryPage {
    pub states: Vec<HistoryState>,
    /// There is more: ask for what is before this number.
    #[ts(type = "number | null")]
    pub before: Option<u64>,
}

/// One state of a repl: what was saved at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct HistoryState {
    #[ts(type = "number")]
    pub number: u64,
    /// The state that its changes are counted from; none for the first.
    #[ts(type = "number | null")]
    pub since: Option<u64>,
    /// RFC 3339.
    pub at: String,
    /// Names of those who were there; none: programs alone were at work. Absent where that is not known.
    pub by: Option<Vec<String>>,
    /// The name that it was given.
    pub name: Option<String>,
    /// Number of the state that was brought back here, all of it or a part.
    #[ts(type = "number | null")]
    pub restored: Option<u64>,
    /// Files that it has and the one before did not,
    pub added: usize,
    /// that are different,
    pub changed: usize,
    /// and that are gone.
    pub removed: usize,
}

/// `GET /api/repls/{id}/history/{state}/changes`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct HistoryChanges {
    #[schema(value_type = Vec<String>)]
    pub added: Vec<crate::WorkspacePath>,
    #[schema(value_type = Vec<String>)]
    pub changed: Vec<crate::WorkspacePath>,
    #[schema(value_type = Vec<String>)]
    pub removed: Vec<crate::WorkspacePath>,
    /// How many more there are.
    pub more: usize,
}

/// `POST /api/repls/{id}/history` and `PUT /api/repls/{id}/history/{state}/name`
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NameState {
    /// 1 to 100 characters.
    pub name: String,
}

/// Answer of `POST /api/repls/{id}/history`
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct NamedState {
    #[ts(type = "number")]
    pub number: u64,
}

/// `POST /api/repls/{id}/history/{state}/restore`
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestoreState {
    /// A file or folder; everything when absent or empty.
    #[serde(default)]
    #[ts(optional)]
    pub path: Option<String>,
    /// Where the state has nothing there, what is there now goes. Otherwise that is refused.
    #[serde(default)]
    #[ts(optional)]
    pub or_remove: Option<bool>,
}

/// What a restore did.
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct RestoredState {
    /// The newest state now,
    #[ts(type = "number")]
    pub number: u64,
    /// and the one before: restoring it undoes this.
    #[ts(type = "number")]
    pub before: u64,
    /// The first of those files that could not be brought back: something was in their way.
    #[schema(value_type = Vec<String>)]
    pub left: Vec<crate::WorkspacePath>,
    pub left_out: u32,
}

/// `GET /api/repls/{id}/history/{state}/folder`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct StoredFolder {
    /// The state's number.
    #[ts(type = "number")]
    pub number: u64,
    /// RFC 3339.
    pub at: String,
    /// Folders, files and links, sorted by name.
    pub items: Vec<StoredItem>,
    /// How many more there are.
    pub more: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, ToSchema)]
pub struct StoredItem {
    #[schema(value_type = String)]
    pub path: crate::WorkspacePath,
    pub kind: StoredKind,
    /// Bytes of a file.
    #[ts(type = "number")]
    pub size: u64,
    /// BLAKE3 of a file's content, hexadecimal.
    pub hash: Option<String>,
    /// Where a link leads to.
    pub target: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StoredKind {
    File,
    Folder,
    Symlink,
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
