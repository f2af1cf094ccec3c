//! Starts and stops the sandboxes in which repls run. It knows nothing of sessions, files in the
//! store, or the database: it is given folders, limits and a program, and hands back a socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

pub mod doctor;
mod inherit;
pub mod languages;
mod names;
pub mod none;
mod pid;
pub mod process;
pub mod sandbox;

pub use sandbox::registries::SOCKET as REGISTRIES_SOCKET;

/// What a spawner starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    Sandboxes,
    Processes,
}

impl Started {
    /// The folder of records below a state folder.
    fn folder(self) -> &'static str {
        match self {
            Self::Sandboxes => "sandboxes",
            Self::Processes => "processes",
        }
    }
}

/// Ids of what still runs of a kind, or has files, though no spawner may know of it.
pub fn still_running(state_dir: &Path, kind: Started) -> Vec<String> {
    let records = sandbox::record::Records::at(state_dir.join(kind.folder()));
    let records = records.all::<sandbox::record::Record>().unwrap_or_default();
    let alive = records.into_iter().filter(|record| record.runs());
    let mut ids: Vec<String> = alive.map(|record| record.id).collect();
    // Their files are seen by the spawner of their kind alone. Templates are prepared anew.
    if kind == Started::Sandboxes {
        let disks = sandbox::disk::Disks::all(state_dir).into_iter();
        ids.extend(disks.filter(|id| !id.starts_with("template")));
        ids.sort_unstable();
        ids.dedup();
    }
    ids
}

/// Starts, finds and ends sandboxes. Every method is idempotent: a failure is repaired by calling it
/// again.
#[async_trait]
pub trait Spawner: Send + Sync + 'static {
    /// Who owns the files of repl `id` on this machine. The first call for an id allots a user of
    /// its own (as root); it is kept until [`Spawner::release`].
    async fn owner(&self, id: &str) -> Result<Owner, SpawnError>;

    /// Has the folder of repl `id`, which is there, hold no more than `disk` ([`Limits::disk`]), where this
    /// machine can; or than somewhat more than it `holds` in the store. What it held before the machine was
    /// restarted is in it again, whatever is said here.
    async fn attach(
        &self,
        _id: &str,
        _folder: &Path,
        _disk: Option<u64>,
        _holds: Holds,
    ) -> Result<(), SpawnError> {
        Ok(())
    }

    /// Ends that: what was in the folder is gone. Nothing happens to a folder without such a limit.
    async fn detach(&self, _id: &str, _folder: &Path) -> Result<(), SpawnError> {
        Ok(())
    }

    /// The same, but what was in the folder is kept: as the image of a disk, `place`. `false`: the folder has no
    /// such limit, or something else is at `place`, and nothing has happened. Cut short, it is completed by
    /// another call, also with another `place`.
    async fn set_aside(
        &self,
        _id: &str,
        _folder: &Path,
        _place: &Path,
    ) -> Result<bool, SpawnError> {
        Ok(false)
    }

    /// Whether the folder of repl `id` has a limit by [`Spawner::attach`].
    fn has_disk(&self, _id: &str) -> bool {
        false
    }

    /// Starts the runner in a sandbox. Its socket takes connections when this returns (they wait in
    /// the listen queue until the runner serves them). Fails when `spec.id` already runs.
    async fn start(&self, spec: &SandboxSpec) -> Result<Sandbox, SpawnError>;

    /// Waits until the sandbox has ended, by itself or by [`Spawner::stop`], and says how. At once
    /// when none of that id runs.
    async fn wait(&self, id: &str) -> Exit;

    /// Ends every process of the sandbox (SIGKILL to its first process, the kernel ends the rest)
    /// and removes what it had: namespaces, control groups, socket, records. Files stay.
    async fn stop(&self, id: &str) -> Result<(), SpawnError>;

    /// Gives the repl's user back, once no file of it remains.
    async fn release(&self, id: &str) -> Result<(), SpawnError>;

    /// Ids that have a user of their own.
    async fn owners(&self) -> Result<Vec<String>, SpawnError> {
        Ok(Vec::new())
    }

    /// Sandboxes on this machine that were started by this or an earlier server over the same state
    /// folder and may still run.
    async fn list(&self) -> Result<Vec<Sandbox>, SpawnError>;

    /// What a sandbox's programs use; `None` where this machine does not count it, or none of that id runs.
    async fn usage(&self, id: &str) -> Option<Usage>;

    /// Several repls run or templates are set up, or one at most: programs need not make way for others where
    /// there are none. Quick.
    fn crowded(&self, _several: bool) {}

    /// Ends what serves all sandboxes (the network's router). Call after the last stop.
    async fn shutdown(&self);

    /// Whether code in these sandboxes is kept apart from the host and from other repls.
    fn isolates(&self) -> bool;

    /// What keeps repls apart on this machine, and what they need, one by one; takes a second or a few.
    async fn checks(&self) -> Vec<doctor::Check>;

    /// Languages that programs inside will find.
    fn languages(&self) -> &languages::Languages;
}

/// What to start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SandboxSpec {
    /// 1 to 32 characters of `0-9a-z`.
    pub id: String,
    /// Folder on the host, seen inside as `/workspace`.
    pub workspace: PathBuf,
    /// Folder on the host, seen inside as `/home/user`.
    pub home: PathBuf,
    /// Further environment of the runner, and so of all programs.
    pub env: Vec<(String, String)>,
    pub limits: Limits,
    pub network: Network,
}

/// What all programs of a repl together may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes; swap is not given.
    pub memory: u64,
    pub processes: u32,
    /// Share of the CPU under contention; 100 is usual (cgroup v2 `cpu.weight`).
    pub cpu_weight: u32,
    /// Bytes of `/tmp`; `/dev/shm` has a quarter of it.
    pub tmp: u64,
    /// Bytes of its folder, for [`Spawner::attach`]; `None`: no limit.
    pub disk: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 2 << 30,
            processes: 512,
            cpu_weight: 100,
            tmp: 512 << 20,
            disk: None,
        }
    }
}

/// What programs may reach, the least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Their own loopback alone.
    None,
    /// Besides, package registries: by a socket of the server's.
    Registries,
    /// Public addresses; never the host, private ranges, other repls or mail ports.
    Internet,
}

/// A user and group on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}

impl Owner {
    /// Whom files must be given to; `None` when they are ours anyway.
    pub fn other(self) -> Option<(u32, u32)> {
        let ours = rustix::process::geteuid().as_raw();
        (self.uid != ours).then_some((self.uid, self.gid))
    }
}

/// A sandbox that was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sandbox {
    pub id: String,
    /// Unix socket of the runner, on the host.
    pub socket: PathBuf,
    /// The sandbox's first process, as the host counts.
    pub pid: u32,
    /// Whether that process is alive.
    pub runs: bool,
    /// What it was started with; `None`: by a version that did not note it.
    pub limits: Option<Limits>,
    pub network: Option<Network>,
}

/// What all programs of a repl together use, the runner not counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes of memory, without what the kernel would give back.
    pub memory: u64,
    pub processes: u32,
    /// Processor time since the start.
    pub cpu: Duration,
    /// Processes that were killed since the memory was full, since the start,
    pub killed: u64,
    /// and how often a process was not started since there were too many.
    pub refused: u64,
    /// What its folder holds, where that has a limit.
    pub disk: Option<DiskUsage>,
}

/// What is to be brought into a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Holds {
    pub bytes: u64,
    /// Files, folders and links.
    pub files: u64,
}

impl Holds {
    /// With room to work in.
    pub(crate) fn with_room(self) -> Self {
        Self {
            bytes: self.bytes + self.bytes / 4,
            files: self.files + self.files / 4,
        }
    }

    /// Whether it can be brought into a disk of so many bytes, or is given a larger one.
    pub fn fits(self, disk: u64) -> bool {
        let Self { bytes, files } = self.with_room();
        bytes <= disk && files <= sandbox::disk::files_of(disk)
    }
}

/// What a repl's folder holds, and may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskUsage {
    pub bytes: u64,
    /// Files, folders and links.
    pub files: u64,
    pub max_bytes: u64,
    pub max_files: u64,
}

impl DiskUsage {
    /// Whether less than `spare` bytes, or no file, is left.
    pub fn is_full(&self, spare: u64) -> bool {
        self.bytes + spare > self.max_bytes || self.files >= self.max_files
    }
}

/// How a sandbox ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// Exit code of the runner; 128 + signal where a signal ended it.
    Code(i32),
    /// It ended, but nobody can tell how.
    Unknown,
}

/// Why a sandbox could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum SpawnError {
    #[error("{0} is already running")]
    AlreadyRuns(String),
    /// For a person: what is missing and what to do.
    #[error("{0}")]
    Unable(String),
    #[error("{what}: {source}")]
    Io {
        what: String,
        #[source]
        source: std::io::Error,
    },
}
