//! What a repl's folder takes where nothing holds it to a limit: measured from time to time. A program is not
//! told that its disk is full then; it is stopped.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use alcove_spawner::DiskUsage;
use alcove_volume::Size;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tracing::warn;

use super::running::until;
use super::size_in_words;

/// Pause between two measurements, at least,
const OFTEN: Duration = Duration::from_secs(5);
/// and as a multiple of what the last one took.
const COST_FACTOR: u32 = 20;
/// but not longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Longest that one may take,
const PATIENCE: Duration = Duration::from_secs(60);
/// and how often it may take longer than that, in a row.
const MOST_LATE: u32 = 3;
/// One file for each of so many bytes, as a disk of its own would have.
const BYTES_OF_FILE: u64 = 8 << 10;
/// What a file takes at least, however little is in it.
const BLOCK: u64 = 4 << 10;
/// What one may take that takes too much as it starts, and could not be saved: deleting needs some room.
const ROOM: Size = Size {
    bytes: 64 << 20,
    files: 1024,
};

const UNKNOWN: &str = "what its files take could not be measured";

pub(super) struct Measured {
    folder: PathBuf,
    most: Size,
    next: Instant,
    began: Instant,
    task: Option<JoinHandle<io::Result<Size>>>,
    last: Option<Size>,
    /// How many of the last took too long.
    late: u32,
}

impl Drop for Measured {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

impl Measured {
    /// Of a repl that does not run yet: one that takes too much already may take somewhat more than that.
    pub async fn before_start(folder: &Path, disk: u64, holds: Size) -> Self {
        let mut measured = Self::new(folder, disk, holds);
        match measure(folder.to_owned()).await {
            Ok(there) if !there.is_within(measured.most) => {
                measured.most = measured.most.at_least(there.and(ROOM));
            }
            Ok(_) => {}
            Err(error) => warn!(%error, "{UNKNOWN}"),
        }
        measured
    }

    /// `disk`: bytes that it may take. One that `holds` more in the store may take somewhat more than that.
    pub fn new(folder: &Path, disk: u64, holds: Size) -> Self {
        let now = Instant::now();
        Self {
            folder: folder.to_owned(),
            most: most(disk, holds),
            next: now,
            began: now,
            task: None,
            last: None,
            late: 0,
        }
    }

    /// Measures when it is time to. Nothing is lost when this is dropped.
    pub async fn next(&mut self) {
        if self.task.is_none() {
            until(Some(self.next)).await;
            self.began = Instant::now();
            self.task = Some(tokio::spawn(measure(self.folder.clone())));
        }
        let Some(task) = &mut self.task else {
            return;
        };
        let size = task.await.unwrap_or_else(|e| Err(io::Error::other(e)));
        self.task = None;
        let now = Instant::now();
        let pause = now.duration_since(self.began) * COST_FACTOR;
        self.next = now + pause.clamp(OFTEN, LONGEST_PAUSE);
        match size {
            Ok(size) => (self.last, self.late) = (Some(size), 0),
            Err(error) => {
                self.late += u32::from(error.kind() == io::ErrorKind::TimedOut);
                warn!(%error, "{UNKNOWN}");
            }
        }
    }

    pub fn usage(&self) -> Option<DiskUsage> {
        self.last.map(|size| DiskUsage {
            bytes: size.bytes,
            files: size.files,
            max_bytes: self.most.bytes,
            max_files: self.most.files,
        })
    }

    /// Why its programs end, for a person, once its files take too much.
    pub fn excess(&self) -> Option<String> {
        if self.late >= MOST_LATE {
            return Some(
                "It holds so many files that what they take can't be measured. Its programs were stopped; its \
                 files are kept. Open it and delete what is not needed, or can be made again."
                    .into(),
            );
        }
        let last = self.last.filter(|last| !last.is_within(self.most))?;
        let (is, may) = match last.bytes > self.most.bytes {
            true => (size_in_words(last.bytes), size_in_words(self.most.bytes)),
            false => (format!("{} files", last.files), self.most.files.to_string()),
        };
        Some(format!(
            "The disk was full: it held {is}, and may hold {may}. Its programs were stopped; its files are kept. \
             Open it and delete what is not needed, or can be made again, such as dependencies and builds."
        ))
    }
}

fn most(disk: u64, holds: Size) -> Size {
    let and_a_quarter = |n: u64| n + n / 4;
    Size {
        bytes: disk.max(and_a_quarter(holds.bytes + holds.files * BLOCK)),
        files: (disk / BYTES_OF_FILE).max(and_a_quarter(holds.files)),
    }
}

/// Links are not followed, and neither depth nor what is made and deleted meanwhile is an obstacle to `du`.
async fn measure(folder: PathBuf) -> io::Result<Size> {
    let measuring = async {
        Ok(Size {
            bytes: du("--block-size=1", &folder).await?,
            files: du("--inodes", &folder).await?,
        })
    };
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    tokio::time::timeout(PATIENCE, measuring)
        .await
        .map_err(late)?
}

async fn du(what: &str, folder: &Path) -> io::Result<u64> {
    let output = Command::new("nice")
        .args(["du", "--summarize", "--one-file-system", what, "--"])
        .arg(folder)
        .kill_on_drop(true)
        .output()
        .await?;
    // What it could not read is not in the sum, and an exit code of 1.
    let said = String::from_utf8_lossy(&output.stdout);
    let sum = said.split_whitespace().next();
    sum.and_then(|sum| sum.parse().ok())
        .ok_or_else(|| io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn size(bytes: u64, files: u64) -> Size {
        Size { bytes, files }
    }

    #[test]
    fn one_that_holds_more_already_may_hold_somewhat_more_than_that() {
        let limit = size(64 * MIB, 8192);
        assert_eq!(most(64 * MIB, size(0, 0)), limit);
        assert_eq!(most(64 * MIB, size(40 * MIB, 100)), limit);
        let more = most(64 * MIB, size(100 * MIB, 10_000));
        assert_eq!(more.bytes, 125 * MIB + 50_000_000 + 1_200_000);
        assert_eq!(more.files, 12_500);
    }

    #[test]
    fn its_programs_end_beyond_the_limit_and_it_is_said_which() {
        let mut measured = Measured::new(Path::new("/nowhere"), 64 * MIB, size(0, 0));
        assert!(measured.excess().is_none() && measured.usage().is_none());
        measured.last = Some(size(64 * MIB, 8192));
        assert_eq!(measured.excess(), None);
        assert_eq!(measured.usage().unwrap().max_bytes, 64 * MIB);
        measured.last = Some(size(65 * MIB, 8192));
        let words = measured.excess().unwrap();
        assert!(
            words.contains("held 65 MiB, and may hold 64 MiB"),
            "{words}"
        );
        measured.last = Some(size(MIB, 8193));
        let words = measured.excess().unwrap();
        assert!(words.contains("8193 files, and may hold 8192"), "{words}");
    }

    #[tokio::test]
    async fn one_that_takes_too_much_as_it_starts_has_room_to_delete_something() {
        let top = tempfile::tempdir().unwrap();
        std::fs::write(top.path().join("big"), vec![1; 2 << 20]).unwrap();
        let measured = Measured::before_start(top.path(), MIB, size(0, 0)).await;
        let more = measured.most.bytes - ROOM.bytes;
        assert!((2 * MIB..3 * MIB).contains(&more), "{more}");
        assert_eq!(measured.most.files, 2 + ROOM.files);
        let measured = Measured::before_start(top.path(), 4 * MIB, size(0, 0)).await;
        assert_eq!(measured.most.bytes, 4 * MIB);
    }

    #[tokio::test]
    async fn a_folder_is_measured_without_what_it_leads_to() {
        let top = tempfile::tempdir().unwrap();
        let folder = top.path().join("repl");
        std::fs::create_dir_all(folder.join("a/b")).unwrap();
        std::fs::write(top.path().join("outside"), vec![1; 4 << 20]).unwrap();
        std::fs::write(folder.join("a/inside"), vec![1; 1 << 20]).unwrap();
        std::os::unix::fs::symlink(top.path(), folder.join("a/b/link")).unwrap();
        let mut measured = Measured::new(&folder, 64 * MIB, size(0, 0));
        measured.next().await;
        let usage = measured.usage().unwrap();
        assert!((MIB..2 * MIB).contains(&usage.bytes), "{usage:?}");
        assert_eq!(usage.files, 5);
    }
}
