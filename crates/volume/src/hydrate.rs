//! Writes a manifest's files to local disk.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{StreamExt, TryStreamExt};
use rustix::fs::{AtFlags, CWD, Gid, Timespec, Timestamps, Uid};

use crate::manifest::{Entry, Kind, Manifest, decode_path};
use crate::pack::extract;
use crate::scan::Stamp;
use crate::store::Store;
use crate::{Result, VolumeError, blocking};

/// Neighbours in a pack are fetched together up to this many bytes,
const REQUEST_BYTES: u64 = 8 * 1024 * 1024;
/// and even with this many unwanted bytes between them.
const GAP_BYTES: u64 = 64 * 1024;
/// Requests under way at once.
const REQUESTS: usize = 4;

/// Writes `entries` of `manifest` below `target`, a folder that nobody else sees yet. Files belong to
/// `owner` afterwards. `done` counts what has been written. Returns each file's stamp.
pub(crate) async fn write(
    store: &Store,
    manifest: &Arc<Manifest>,
    entries: Vec<usize>,
    target: &Path,
    owner: Option<(u32, u32)>,
    done: &Arc<AtomicU64>,
) -> Result<HashMap<String, Stamp>> {
    let mut files: Vec<(usize, u32, u64, u64)> = Vec::new();
    let mut others = Vec::new();
    for i in entries {
        match manifest.entries[i].kind {
            Kind::File {
                pack,
                offset,
                length,
                ..
            } => files.push((i, pack, offset, length)),
            _ => others.push(i),
        }
    }
    // Folders first, without the permissions that might forbid writing into them.
    let (shared, dir, count) = (manifest.clone(), target.to_path_buf(), done.clone());
    let folders: Vec<usize> = blocking(move || {
        let mut folders = Vec::new();
        for i in others {
            let entry = &shared.entries[i];
            let path = dir.join(name(entry));
            let made = match &entry.kind {
                Kind::Symlink { target } => {
                    symlink(std::ffi::OsStr::from_bytes(&decode_path(target)), &path)
                        .and_then(|()| give(&path, owner))
                }
                _ => {
                    folders.push(i);
                    fs::create_dir_all(&path)
                }
            };
            made.map_err(|e| VolumeError::local(entry.path.clone(), e))?;
            count.fetch_add(1, Ordering::Relaxed);
        }
        Ok(folders)
    })
    .await?;
    files.sort_by_key(|(_, pack, offset, _)| (*pack, *offset));
    let stamps: Vec<Vec<(String, Stamp)>> = futures_util::stream::iter(batches(files))
        .map(|batch| write_batch(store, manifest, batch, target, owner, done))
        .buffer_unordered(REQUESTS)
        .try_collect()
        .await?;
    let (shared, dir) = (manifest.clone(), target.to_path_buf());
    blocking(move || {
        for i in folders.into_iter().rev() {
            let entry = &shared.entries[i];
            finish(&dir.join(name(entry)), entry, owner)
                .map_err(|e| VolumeError::local(entry.path.clone(), e))?;
        }
        Ok(())
    })
    .await?;
    Ok(stamps.into_iter().flatten().collect())
}

/// Files that one request brings.
struct Batch {
    pack: u32,
    start: u64,
    end: u64,
    files: Vec<usize>,
}

fn batches(files: Vec<(usize, u32, u64, u64)>) -> Vec<Batch> {
    let mut batches: Vec<Batch> = Vec::new();
    for (i, pack, offset, length) in files {
        match batches.last_mut() {
            Some(b)
                if b.pack == pack
                    && offset <= b.end + GAP_BYTES
                    && offset + length - b.start <= REQUEST_BYTES =>
            {
                b.end = b.end.max(offset + length);
                b.files.push(i);
            }
            _ => batches.push(Batch {
                pack,
                start: offset,
                end: offset + length,
                files: vec![i],
            }),
        }
    }
    batches
}

async fn write_batch(
    store: &Store,
    manifest: &Arc<Manifest>,
    batch: Batch,
    target: &Path,
    owner: Option<(u32, u32)>,
    done: &Arc<AtomicU64>,
) -> Result<Vec<(String, Stamp)>> {
    let bytes = store
        .range(&manifest.packs[batch.pack as usize], batch.start..batch.end)
        .await?;
    let (manifest, target, done) = (manifest.clone(), target.to_path_buf(), done.clone());
    blocking(move || {
        let mut stamps = Vec::with_capacity(batch.files.len());
        for i in batch.files {
            let entry = &manifest.entries[i];
            let Kind::File { offset, length, .. } = entry.kind else {
                continue;
            };
            let at = (offset - batch.start) as usize;
            let frames = bytes.get(at..at + length as usize).ok_or_else(|| {
                VolumeError::Damaged(entry.path.clone(), "its pack is too short".into())
            })?;
            let path = target.join(name(entry));
            let local = |e: std::io::Error| VolumeError::local(entry.path.clone(), e);
            let file = File::options()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)
                .map_err(local)?;
            let mut out = BufWriter::with_capacity(256 * 1024, file);
            extract(&entry.path, &entry.kind, frames, &mut out)?;
            out.flush().map_err(local)?;
            let file = out.into_inner().map_err(|e| local(e.into_error()))?;
            finish_file(&file, entry, owner).map_err(local)?;
            let stat = rustix::fs::fstat(&file).map_err(|e| local(e.into()))?;
            stamps.push((entry.path.clone(), Stamp::of(&stat)));
            done.fetch_add(1, Ordering::Relaxed);
        }
        Ok(stamps)
    })
    .await
}

fn name(entry: &Entry) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(&decode_path(&entry.path)))
}

fn times(mtime_ns: i64) -> Timestamps {
    let time = Timespec {
        tv_sec: mtime_ns.div_euclid(1_000_000_000),
        tv_nsec: mtime_ns.rem_euclid(1_000_000_000) as _,
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

fn give(path: &Path, owner: Option<(u32, u32)>) -> std::io::Result<()> {
    if let Some((uid, gid)) = owner {
        rustix::fs::chownat(
            CWD,
            path,
            Some(Uid::from_raw(uid)),
            Some(Gid::from_raw(gid)),
            AtFlags::SYMLINK_NOFOLLOW,
        )?;
    }
    Ok(())
}

fn finish_file(file: &File, entry: &Entry, owner: Option<(u32, u32)>) -> std::io::Result<()> {
    if let Some((uid, gid)) = owner {
        rustix::fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    file.set_permissions(fs::Permissions::from_mode(entry.mode & 0o777))?;
    Ok(rustix::fs::futimens(file, &times(entry.mtime_ns))?)
}

fn finish(folder: &Path, entry: &Entry, owner: Option<(u32, u32)>) -> std::io::Result<()> {
    give(folder, owner)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(entry.mode & 0o777))?;
    Ok(rustix::fs::utimensat(
        CWD,
        folder,
        &times(entry.mtime_ns),
        AtFlags::empty(),
    )?)
}

/// Moves each finished bulk folder from `staging` to its place in the workspace below `dir`. What the
/// user made there meanwhile wins. The workspace is in use and hostile: every step is by descriptor.
pub(crate) fn put_in_place(staging: &Path, dir: &Path, folders: &[String]) -> Result<()> {
    let top = crate::scan::open_top(dir)?;
    for folder in folders {
        let path = decode_path(folder);
        let slash = path.iter().rposition(|b| *b == b'/').unwrap_or(0);
        let (parent, name) = (&path[..slash], &path[slash + 1..]);
        let Ok(parent) = crate::scan::open_folder(top.as_fd(), parent) else {
            tracing::debug!(%folder, "its parent is gone: the user's wish");
            continue;
        };
        let from = staging.join(std::ffi::OsStr::from_bytes(&path));
        let name = std::ffi::OsStr::from_bytes(name);
        match rustix::fs::renameat_with(
            CWD,
            &from,
            &parent,
            name,
            rustix::fs::RenameFlags::NOREPLACE,
        ) {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST) => {
                tracing::debug!(%folder, "the user has made one meanwhile")
            }
            Err(error) => return Err(VolumeError::local(folder.clone(), error)),
        }
    }
    Ok(())
}
