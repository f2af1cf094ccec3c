//! What is noted beside a workspace on disk, for whoever adopts it after a crash: who writes it, and what
//! could not be restored.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use crate::manifest::Manifest;
use crate::store::new_id;
use crate::{Result, VolumeError};

/// Beside the workspace: who writes it, in which epoch.
const WRITER_FILE: &str = "writer";
/// Beside it: what could not be restored.
const LOST_FILE: &str = "lost";

/// Who writes, in which epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Writer {
    pub epoch: u64,
    pub id: String,
}

impl Writer {
    /// The next after whoever wrote `manifest`.
    pub fn after(manifest: &Manifest) -> Self {
        Self {
            epoch: manifest.epoch + 1,
            id: new_id(),
        }
    }

    /// Before the first manifest of the epoch: if that is never written, nobody is replaced by it.
    pub fn note(&self, dir: &Path) -> Result<()> {
        let text = format!("{} {}", self.epoch, self.id);
        write_whole(&dir.join(WRITER_FILE), text.as_bytes())
    }

    /// Whose workspace it is that lies in `dir`.
    pub fn noted(dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(dir.join(WRITER_FILE)).ok()?;
        let (epoch, id) = text.split_once(' ')?;
        Some(Self {
            epoch: epoch.parse().ok()?,
            id: id.to_owned(),
        })
    }

    /// Whether somebody else has written `manifest`, later than this one could.
    pub fn is_replaced_by(&self, manifest: &Manifest) -> bool {
        manifest.epoch > self.epoch || (manifest.epoch == self.epoch && manifest.writer != self.id)
    }
}

/// Paths of what a restore could not bring, one a line.
pub(super) fn note_lost(dir: &Path, lost: &[String]) -> Result<()> {
    let path = dir.join(LOST_FILE);
    if lost.is_empty() && !path.exists() {
        return Ok(());
    }
    write_whole(&path, lost.join("\n").as_bytes())
}

pub(super) fn noted_lost(dir: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(dir.join(LOST_FILE)).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The whole of it, or nothing.
/// Where there is no room for another file, the one that is there is written over: a note that is cut short
/// is none.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let new = path.with_extension("new");
    let write = |file: &mut File| {
        file.write_all(bytes)?;
        file.set_len(bytes.len() as u64)?;
        file.sync_all()
    };
    let written = File::create(&new)
        .and_then(|mut file| write(&mut file))
        .and_then(|()| std::fs::rename(&new, path))
        .or_else(|error| match error.kind() {
            ErrorKind::StorageFull => {
                let _ = std::fs::remove_file(&new);
                write(&mut File::options().write(true).open(path)?)
            }
            _ => Err(error),
        });
    written.map_err(|e| VolumeError::local(path.display().to_string(), e))
}
