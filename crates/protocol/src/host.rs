//! What the operator of a server sees of it, and says: `/api/host` and `/api/people`.

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

use crate::api::{Phase, ReplNetwork, Resources, Usage};

/// `GET /api/host`: what runs on this machine, and how much room there is.
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct Host {
    pub version: String,
    /// When the server was started (RFC 3339).
    pub started_at: String,
    pub room: HostRoom,
    /// Whose sandboxes are there, or are being made or ended; those with the most memory first.
    pub repls: Vec<HostRepl>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct HostRoom {
    /// Repls that run, and may at once.
    pub running: usize,
    pub max_running: usize,
    /// Bytes that those may take, and that may be promised; `null`: nobody knows how many there are.
    pub promised_memory: u64,
    pub total_memory: Option<u64>,
    /// Bytes that programs of this machine may still take, and that must be left before another repl starts.
    pub available_memory: Option<u64>,
    pub spare_memory: u64,
    /// Repls that wait in line,
    pub waiting: usize,
    /// and sandboxes that are ready for new ones.
    pub ready: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct HostRepl {
    pub id: String,
    pub name: String,
    /// The owner's name.
    pub owner: String,
    pub phase: Phase,
    pub detail: Option<String>,
    /// Since when it runs (RFC 3339); `null` before.
    pub started_at: Option<String>,
    /// Who is there.
    pub people: usize,
    pub resources: Option<Resources>,
}

/// `POST /api/host/repls/{id}/stop`
#[derive(Debug, Clone, Default, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
#[ts(optional_fields)]
pub struct StopRepl {
    /// Why, in a line that its people read.
    pub reason: Option<String>,
}

/// One of `GET /api/host/checks`: something that keeps repls apart, or that they need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
pub struct HostCheck {
    pub name: String,
    pub state: CheckState,
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckState {
    Ok,
    /// Repls run, but something is missing.
    Warn,
    /// Repls can't be isolated.
    Fail,
}

/// `GET /api/people`
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct People {
    /// In the order in which they came.
    pub people: Vec<Person>,
    pub roles: Vec<Role>,
}

/// Somebody who may sign in.
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
#[ts(rename = "KnownPerson")]
#[schema(as = KnownPerson)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub role: String,
    /// Has the server's own token: can be neither changed nor sent away.
    pub is_local: bool,
    /// When they were let in (RFC 3339).
    pub since: String,
    /// Their repls but for those in the bin,
    pub repls: usize,
    /// how many of them run or are about to,
    pub running: usize,
    /// and what all hold, those in the bin included.
    pub usage: Usage,
}

/// What the repls of those of a role may be.
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
#[ts(rename = "PersonRole")]
#[schema(as = PersonRole)]
pub struct Role {
    pub name: String,
    /// The largest size,
    pub max_size: String,
    /// the most of the network; `null`: nothing holds them to any,
    pub network: Option<ReplNetwork>,
    pub keep_alive_allowed: bool,
    /// and the longest time in one go; `null`: for ever.
    pub max_life_seconds: Option<u64>,
    /// Of one person: how many run at once; `null`: as many as all may;
    pub max_running: Option<usize>,
    /// and what all may hold in the store.
    pub max_bytes: u64,
    pub max_files: u64,
}

/// `POST /api/people`
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
#[ts(optional_fields)]
pub struct AddPerson {
    pub name: String,
    /// `member` unless it is said.
    pub role: Option<String>,
}

/// `PATCH /api/people/{id}`
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdatePerson {
    pub role: String,
}

/// A key that is told this once.
#[derive(Debug, Clone, Serialize, Deserialize, TS, ToSchema)]
pub struct NewKey {
    pub id: String,
    pub name: String,
    pub key: String,
    /// Where they sign in with it.
    pub address: String,
    /// How many repls are theirs again, since they were here before.
    pub repls: usize,
}
