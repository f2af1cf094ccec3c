//! Reads a workspace as hostile input: by descriptors from the top down, following no link, opening
//! nothing but regular files.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat as RawStat};

use crate::changes::Changes;
use crate::manifest::{Manifest, encode_path};
use crate::{Result, VolumeError};

/// Files and folders of one workspace.
pub const MAX_FILES: usize = 1_000_000;
/// Folders inside each other; deeper ones are not saved, and named in the outcome.
pub const MAX_DEPTH: usize = 256;
/// The runner's temporary files.
const TEMPORARY_PREFIX: &[u8] = b".~alcove-";
/// The two top folders.
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

/// Tells whether a file may have changed, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
}

/// What a scan brought.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Sorted as in a manifest.
    pub found: Vec<Found>,
    /// Paths that could not be read, or are beyond a limit.
    pub left_out: Vec<String>,
}

/// Scans both top folders below `dir`. Folders for which `skip` holds are passed over. Each folder
/// is handed to `changes` before it is read.
pub(crate) fn scan(
    dir: &Path,
    skip: &dyn Fn(&str) -> bool,
    changes: Option<&Changes>,
) -> Result<Scan> {
    let top = open_top(dir)?;
    let mut scan = Scan::default();
    for name in TOPS {
        match open_folder(top.as_fd(), name.as_bytes()) {
            Ok(folder) => walk(folder, name.as_bytes(), 1, skip, changes, &mut scan)?,
            Err(rustix::io::Errno::NOENT) => {}
            Err(error) => return Err(VolumeError::local(name, error)),
        }
    }
    scan.found
        .sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    Ok(scan)
}

fn walk(
    folder: OwnedFd,
    path: &[u8],
    depth: usize,
    skip: &dyn Fn(&str) -> bool,
    changes: Option<&Changes>,
    scan: &mut Scan,
) -> Result<()> {
    if let Some(changes) = changes {
        changes.watch(folder.as_fd());
    }
    let shown = || encode_path(path);
    let mut entries = match Dir::read_from(&folder) {
        Ok(dir) => dir,
        Err(_) => {
            scan.left_out.push(shown());
            return Ok(());
        }
    };
    while let Some(entry) = entries.read() {
        let Ok(entry) = entry else {
            scan.left_out.push(shown());
            break;
        };
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") || name.to_bytes().starts_with(TEMPORARY_PREFIX)
        {
            continue;
        }
        if scan.found.len() >= MAX_FILES {
            return Err(VolumeError::Limit(format!(
                "there are more than {MAX_FILES} files: delete some, or list their folder under `caches`"
            )));
        }
        let full = [path, b"/", name.to_bytes()].concat();
        let shown = encode_path(&full);
        // Gone between reading the name and looking at it.
        let Ok(stat) = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW) else {
            continue;
        };
        let mut found = Found {
            path: shown,
            mode: stat.st_mode & 0o777,
            mtime_ns: mtime(&stat),
            kind: FoundKind::Folder,
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => {
                if skip(&found.path) {
                    continue;
                }
                let shown = found.path.clone();
                scan.found.push(found);
                if depth >= MAX_DEPTH {
                    scan.left_out.push(shown);
                    continue;
                }
                match open_folder(folder.as_fd(), name.to_bytes()) {
                    Ok(below) => walk(below, &full, depth + 1, skip, changes, scan)?,
                    Err(_) => scan.left_out.push(shown),
                }
            }
            FileType::RegularFile => {
                found.kind = FoundKind::File(Stamp::of(&stat));
                scan.found.push(found);
            }
            FileType::Symlink => match rustix::fs::readlinkat(&folder, name, Vec::new()) {
                Ok(target) => {
                    found.kind = FoundKind::Symlink(target.into_bytes());
                    scan.found.push(found);
                }
                Err(_) => scan.left_out.push(found.path),
            },
            // Sockets, FIFOs and devices are of a running system, not of a workspace.
            _ => {}
        }
    }
    Ok(())
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
    let path = CString::new(path).map_err(|_| rustix::io::Errno::INVAL)?;
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

fn nanoseconds(seconds: i64, nanoseconds: i64) -> i64 {
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
