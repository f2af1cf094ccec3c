//! Reads a workspace as hostile input: by descriptors from the top down, following no link, opening
//! nothing but regular files.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat as RawStat};
use rustix::io::Errno;

use crate::changes::Changes;
use crate::ignored::Ignored;
use crate::manifest::{Manifest, encode_path};
use crate::{Result, VolumeError};

/// Files and folders of one workspace.
pub const MAX_FILES: usize = 1_000_000;
/// Of those that may not be saved, so many are listed, to be told.
const TOLD_BEYOND: usize = 1000;
/// Bytes of memory that a listed file's path and link may take on average.
const NAME_BYTES: usize = 128;
/// Folders inside each other; deeper ones are not saved, and named in the outcome.
pub const MAX_DEPTH: usize = 256;
/// Bytes of a path below the top: a longer one could not be written by its name where files are restored
/// (PATH_MAX is 4096). It is not saved, and named in the outcome.
pub const MAX_PATH_BYTES: usize = 3500;
/// The runner's temporary files.
pub(crate) const TEMPORARY_PREFIX: &[u8] = b".~alcove-";
/// The two top folders. Where both are missing, the disk that they were on has been unmounted, and nothing was
/// deleted. One alone may be: where nothing isolates it, a program can delete it.
pub(crate) const TOPS: [&str; 2] = ["workspace", "home"];

/// What lies under one path.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// As in a manifest.
    pub path: String,
    pub mode: u32,
    pub mtime_ns: i64,
    pub kind: FoundKind,
}

#[derive(Debug, Clone)]
pub(crate) enum FoundKind {
    Folder,
    Symlink(Vec<u8>),
    File(Stamp),
}

/// Twice a kernel's longest tick, of 100 in a second.
const TICK_NS: i64 = 20_000_000;

/// Tells whether a file may have changed, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    pub inode: u64,
    pub size: u64,
    pub ctime_ns: i64,
    pub mtime_ns: i64,
}

impl Stamp {
    pub fn of(stat: &RawStat) -> Self {
        Self {
            inode: stat.st_ino,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            ctime_ns: nanoseconds(stat.st_ctime, stat.st_ctime_nsec as i64),
            mtime_ns: mtime(stat),
        }
    }

    /// Whether a change after `read_ns` (since 1970) gives the file another stamp, even in place and to the
    /// same size. Kernels before 6.13 stamp all changes of one tick alike.
    pub fn is_settled(&self, read_ns: i64) -> bool {
        self.ctime_ns < read_ns.saturating_sub(TICK_NS)
    }
}

/// What a scan brought.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Sorted as in a manifest.
    pub found: Vec<Found>,
    /// Paths that could not be read, or are beyond a limit.
    pub left_out: Vec<String>,
    /// How many more there are at least, beyond what there was room for: they are in neither list.
    pub beyond: u64,
}

/// What a scan may hold in memory. What is in a workspace may be more by far than what may be saved of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    files: usize,
    /// Of their names and links, in bytes.
    bytes: usize,
}

impl Room {
    /// For so many files that may be saved, and some of those that may not.
    pub fn of(files: u64) -> Self {
        let files = usize::try_from(files).unwrap_or(MAX_FILES).min(MAX_FILES) + TOLD_BEYOND;
        Self {
            files,
            bytes: files * NAME_BYTES,
        }
    }
}

/// What a scan goes by.
pub(crate) struct Rules<'a> {
    /// Folders that are passed over.
    pub skip: &'a dyn Fn(&str) -> bool,
    pub ignored: &'a Ignored,
    pub room: Room,
    /// Has room in any case: what was saved before.
    pub is_known: &'a dyn Fn(&str) -> bool,
    /// Each folder is handed to it before it is read.
    pub changes: Option<&'a Changes>,
}

impl Rules<'_> {
    /// Scans both top folders below `dir`.
    pub fn scan(&self, dir: &Path) -> Result<Scan> {
        let top = open_top(dir)?;
        let mut walk = Walk {
            rules: self,
            room: self.room,
            scan: Scan::default(),
        };
        let mut is_there = false;
        for name in TOPS {
            match open_folder(top.as_fd(), name.as_bytes()) {
                Ok(folder) => {
                    is_there = true;
                    walk.folder(folder, name.as_bytes(), 1);
                }
                Err(Errno::NOENT) => {}
                Err(error) => return Err(VolumeError::local(name, error)),
            }
        }
        if !is_there {
            return Err(VolumeError::local(TOPS[0], Errno::NOENT));
        }
        let mut scan = walk.scan;
        scan.found
            .sort_unstable_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        Ok(scan)
    }
}

struct Walk<'a> {
    rules: &'a Rules<'a>,
    /// What is left.
    room: Room,
    scan: Scan,
}

impl Walk<'_> {
    fn folder(&mut self, folder: OwnedFd, path: &[u8], depth: usize) {
        if let Some(changes) = self.rules.changes {
            changes.watch(folder.as_fd(), encode_path(path));
        }
        let Ok(mut entries) = Dir::read_from(&folder) else {
            self.leave_out(encode_path(path));
            return;
        };
        while let Some(entry) = entries.read() {
            let Ok(entry) = entry else {
                self.leave_out(encode_path(path));
                return;
            };
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..")
                || name.to_bytes().starts_with(TEMPORARY_PREFIX)
            {
                continue;
            }
            let full = [path, b"/", name.to_bytes()].concat();
            let shown = encode_path(&full);
            if full.len() > MAX_PATH_BYTES {
                self.leave_out(shown);
                continue;
            }
            let stat = match rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                // Gone between reading the name and looking at it.
                Err(Errno::NOENT) => continue,
                Err(_) => {
                    self.leave_out(shown);
                    continue;
                }
            };
            let file_type = FileType::from_raw_mode(stat.st_mode);
            if self
                .rules
                .ignored
                .matches(&full, file_type == FileType::Directory)
            {
                continue;
            }
            let kind = match file_type {
                FileType::Directory if (self.rules.skip)(&shown) => continue,
                FileType::Directory => FoundKind::Folder,
                FileType::RegularFile => FoundKind::File(Stamp::of(&stat)),
                FileType::Symlink => match rustix::fs::readlinkat(&folder, name, Vec::new()) {
                    Ok(target) => FoundKind::Symlink(target.into_bytes()),
                    Err(_) => {
                        self.leave_out(shown);
                        continue;
                    }
                },
                // Sockets, FIFOs and devices are of a running system, not of a workspace.
                _ => continue,
            };
            let has_room = self.take(Found {
                path: shown,
                mode: stat.st_mode & 0o777,
                mtime_ns: mtime(&stat),
                kind,
            });
            if has_room && file_type == FileType::Directory {
                match open_folder(folder.as_fd(), name.to_bytes()) {
                    Ok(below) if depth < MAX_DEPTH => self.folder(below, &full, depth + 1),
                    _ => self.leave_out(encode_path(&full)),
                }
            }
        }
    }

    /// Whether there was room for it.
    fn take(&mut self, found: Found) -> bool {
        let target = match &found.kind {
            FoundKind::Symlink(target) => target.len(),
            _ => 0,
        };
        let bytes = found.path.len() + target;
        let has_room = self.room.files > 0 && self.room.bytes >= bytes;
        if !has_room && !(self.rules.is_known)(&found.path) {
            self.scan.beyond += 1;
            return false;
        }
        self.room.files = self.room.files.saturating_sub(1);
        self.room.bytes = self.room.bytes.saturating_sub(bytes);
        self.scan.found.push(found);
        true
    }

    fn leave_out(&mut self, path: String) {
        // What is known and not listed would count as deleted.
        let is_known = TOPS.contains(&path.as_str()) || (self.rules.is_known)(&path);
        if self.room.bytes < path.len() && !is_known {
            self.scan.beyond += 1;
            return;
        }
        self.room.bytes = self.room.bytes.saturating_sub(path.len());
        self.scan.left_out.push(path);
    }
}

/// Opens a regular file of the workspace for reading.
pub(crate) fn open_file(top: BorrowedFd<'_>, path: &[u8]) -> io::Result<(std::fs::File, Stamp)> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let fd = rustix::fs::openat2(top, cstring(path)?, flags, Mode::empty(), strict())?;
    let stat = rustix::fs::fstat(&fd)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(io::Error::other("no longer a file"));
    }
    Ok((std::fs::File::from(fd), Stamp::of(&stat)))
}

pub(crate) fn open_top(dir: &Path) -> Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(
        CWD,
        cstring(dir.as_os_str().as_bytes()).map_err(|e| VolumeError::local("path", e))?,
        flags,
        Mode::empty(),
    )
    .map_err(|e| VolumeError::local(dir.display().to_string(), e))
}

/// Opens a folder below `top`, through no link.
pub(crate) fn open_folder(top: BorrowedFd<'_>, path: &[u8]) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let path = CString::new(path).map_err(|_| Errno::INVAL)?;
    rustix::fs::openat2(top, path, flags, Mode::empty(), strict())
}

fn strict() -> ResolveFlags {
    ResolveFlags::BENEATH
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_XDEV
}

fn cstring(bytes: &[u8]) -> io::Result<CString> {
    CString::new(bytes).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn mtime(stat: &RawStat) -> i64 {
    nanoseconds(stat.st_mtime, stat.st_mtime_nsec as i64)
}

pub(crate) fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}

/// Which folders a scan passes over: caches always, bulk when asked to.
pub(crate) fn skipper(caches: Vec<String>, bulk: Option<Vec<String>>) -> impl Fn(&str) -> bool {
    move |path| {
        Manifest::matches(&caches, path)
            || bulk.as_ref().is_some_and(|b| Manifest::matches(b, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_within_a_tick_of_its_reading_is_read_again() {
        let changed_at = 1_000_000_000;
        let stamp = Stamp {
            inode: 1,
            size: 1,
            ctime_ns: changed_at,
            mtime_ns: 0,
        };
        let read = [
            (changed_at, false),
            (changed_at + TICK_NS, false),
            (changed_at + TICK_NS + 1, true),
            // A clock that was set back, or never set.
            (changed_at - 1, false),
            (i64::MIN, false),
        ];
        for (read_ns, settled) in read {
            assert_eq!(stamp.is_settled(read_ns), settled, "{read_ns}");
        }
    }
}
