//! State files: what a sandbox has on this machine is written down before it is made, so that any
//! later server can remove it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::pid::ProcessRef;
use crate::{Limits, Network, Sandbox};

/// All that a sandbox may have; parts of it may not exist yet, or no longer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record {
    pub id: String,
    pub socket: PathBuf,
    /// Number of its link to the router; none without network.
    pub link: Option<u16>,
    pub cgroups: Vec<PathBuf>,
    /// The launcher outside; it ends when the sandbox has ended.
    pub monitor: Option<ProcessRef>,
    /// First process inside.
    pub first: Option<ProcessRef>,
    /// Earlier versions did not note them.
    #[serde(default)]
    pub limits: Option<Limits>,
    #[serde(default)]
    pub network: Option<Network>,
}

impl Record {
    /// Whether its first process is alive.
    pub fn runs(&self) -> bool {
        self.first.is_some_and(ProcessRef::is_alive)
    }

    /// Folders that its control groups are in.
    pub fn bases(&self) -> impl Iterator<Item = &Path> {
        self.cgroups.iter().filter_map(|group| group.parent())
    }
}

impl From<Record> for Sandbox {
    fn from(record: Record) -> Self {
        // Versions that did not note it knew these two.
        let network = match record.link {
            Some(_) => Network::Internet,
            None => Network::None,
        };
        Self {
            pid: record.first.map_or(0, |process| process.pid),
            runs: record.runs(),
            limits: record.limits,
            network: Some(record.network.unwrap_or(network)),
            id: record.id,
            socket: record.socket,
        }
    }
}

/// The folder of records, and the files that go with each.
#[derive(Debug, Clone)]
pub struct Records {
    folder: PathBuf,
}

impl Records {
    pub fn open(folder: PathBuf) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// A folder that may not be there.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// Where bubblewrap says how the sandbox began and ended.
    pub fn status(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.status"))
    }

    /// What bubblewrap and the runner print.
    pub fn log(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.log"))
    }

    pub fn write<T: Serialize>(&self, id: &str, record: &T) -> io::Result<()> {
        write_json(&self.path(id), record)
    }

    pub fn read<T: DeserializeOwned>(&self, id: &str) -> io::Result<Option<T>> {
        read_json(&self.path(id))
    }

    /// Every readable record; the others are left, and logged.
    pub fn all<T: DeserializeOwned>(&self) -> io::Result<Vec<T>> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let path = entry?.path();
            if path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            match read_json(&path) {
                Ok(record) => records.extend(record),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "a sandbox's record can't be read")
                }
            }
        }
        Ok(records)
    }

    /// Removes the record last, so that a failure on the way can be repeated.
    pub fn remove(&self, id: &str) -> io::Result<()> {
        remove_file(&self.status(id))?;
        remove_file(&self.log(id))?;
        remove_file(&self.path(id))
    }
}

/// Replaces a file in one step; a reader sees the old or the new, never half.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, serde_json::to_vec_pretty(value)?)?;
    fs::rename(&new, path)
}

/// `None` when there is no such file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a file that may not be there.
pub fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The end that bubblewrap wrote (`--json-status-fd`): one JSON object a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub child: Option<u32>,
    /// Inode of the child's process namespace; stands for it (namespaces(7)).
    pub pid_namespace: Option<u64>,
    pub code: Option<i32>,
}

pub fn parse_status(text: &str) -> Status {
    let mut status = Status::default();
    for line in text.lines() {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        status.child = status
            .child
            .or(value["child-pid"].as_u64().and_then(|n| n.try_into().ok()));
        status.pid_namespace = status.pid_namespace.or(value["pid-namespace"].as_u64());
        status.code = status
            .code
            .or(value["exit-code"].as_i64().and_then(|n| n.try_into().ok()));
    }
    status
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_of_bubblewrap_is_read() {
        let text = "{ \"child-pid\": 42, \"pid-namespace\": 4026532206 }\n{ \"exit-code\": 137 }\n";
        assert_eq!(
            parse_status(text),
            Status {
                child: Some(42),
                pid_namespace: Some(4_026_532_206),
                code: Some(137)
            }
        );
        assert_eq!(parse_status("{ \"child-pid\": 42"), Status::default());
    }
}
