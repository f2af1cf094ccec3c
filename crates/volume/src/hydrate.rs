//! Writes the files of a manifest to local disk.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use blake3::Hash;
use futures_util::{StreamExt, TryStreamExt};
use rustix::fs::{AtFlags, CWD, Gid, Timespec, Timestamps, Uid};

use crate::manifest::{Chunk, Entry, Kind, Place, Span, Tree, decode_path};
use crate::pack::{CHUNK_BYTES, Unpacker};
use crate::quota::Size;
use crate::scan::Stamp;
use crate::stamps::Stamps;
use crate::store::Store;
use crate::{Result, VolumeError, blocking};

/// Neighbours in a pack are fetched together up to this many bytes,
const REQUEST_BYTES: u64 = 4 * 1024 * 1024;
/// and even with this many unwanted bytes between them.
const GAP_BYTES: u64 = 64 * 1024;
/// Requests under way at once: with the bytes of each, what a restore needs of memory.
const REQUESTS: usize = 8;

/// How much has been written.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    bytes: AtomicU64,
    files: AtomicU64,
}

impl Counter {
    fn add(&self, size: Size) {
        self.bytes.fetch_add(size.bytes, Ordering::Relaxed);
        self.files.fetch_add(size.files, Ordering::Relaxed);
    }

    pub fn set(&self, size: Size) {
        self.bytes.store(size.bytes, Ordering::Relaxed);
        self.files.store(size.files, Ordering::Relaxed);
    }

    pub fn get(&self) -> Size {
        Size {
            bytes: self.bytes.load(Ordering::Relaxed),
            files: self.files.load(Ordering::Relaxed),
        }
    }
}

/// What a restore wrote.
#[derive(Default)]
pub(crate) struct Written {
    pub stamps: Stamps,
    /// Paths of files whose bytes are not in the store any more, or damaged there.
    pub lost: Vec<String>,
}

/// Writes all of `tree` below `target`, a folder that nobody else sees yet. Files belong to
/// `owner` afterwards. `done` counts what has been written. A pack that is missing or damaged costs
/// the files in it alone.
pub(crate) async fn write(
    store: &Store,
    tree: &Arc<Tree>,
    target: &Path,
    owner: Option<(u32, u32)>,
    done: &Arc<Counter>,
) -> Result<Written> {
    let to = Arc::new(Target {
        tree: tree.clone(),
        dir: target.to_path_buf(),
        owner,
        done: done.clone(),
    });
    let at = to.clone();
    let made = blocking(move || at.begin()).await?;
    let parts = made.parts;
    let large = made.large;
    let mut written = made.written;
    let batches: Vec<Done> = futures_util::stream::iter(batches(parts))
        .map(|batch| write_batch(store, &to, batch))
        .buffer_unordered(REQUESTS)
        .try_collect()
        .await?;
    let mut lost: HashSet<usize> = HashSet::new();
    for batch in batches {
        written.stamps.extend(batch.stamps);
        lost.extend(batch.lost);
    }
    let folders = made.folders;
    blocking(move || to.finish(&folders, &large, lost, written)).await
}

/// Reads the content of a tree's files, but for members that are in `checked` (pack and offset), to which
/// it adds. Paths that can't be read, and why.
pub(crate) async fn check_content(
    store: &Store,
    tree: &Tree,
    checked: &mut HashSet<(String, u64)>,
) -> Result<Vec<(String, &'static str)>> {
    let mut parts = Vec::new();
    let mut bad = Vec::new();
    for (i, entry) in tree.entries.iter().enumerate() {
        let Kind::File { size, hash, place } = &entry.kind else {
            continue;
        };
        let mut part = |span: Span, check| {
            let pack = tree.packs[span.pack as usize].clone();
            if checked.insert((pack, span.offset)) {
                parts.push(Part {
                    entry: i,
                    span,
                    check,
                    offset: None,
                });
            }
        };
        match place {
            Place::Inline(content) if blake3::hash(content) != *hash => {
                bad.push((entry.path.clone(), "is not what was saved"));
            }
            Place::Inline(_) => {}
            Place::Packed(span) => part(*span, (*size, *hash)),
            Place::Chunked(chunks) => {
                for chunk in chunks {
                    part(chunk.span, (chunk.size, chunk.hash));
                }
            }
        }
    }
    let mut unpacker = Unpacker::new();
    for batch in batches(parts) {
        let pack = &tree.packs[batch.pack as usize];
        let bytes = match store.range(pack, batch.start..batch.end).await {
            Ok(bytes) => bytes,
            // That is said of the pack.
            Err(VolumeError::Missing(_) | VolumeError::Damaged(..)) => continue,
            Err(error) => return Err(error),
        };
        for part in batch.parts {
            let path = &tree.entries[part.entry].path;
            let frames = part.frames(&bytes, batch.start);
            let read = unpacker.extract(path, part.check, frames, &mut std::io::sink());
            if read.is_err() {
                bad.push((path.clone(), "is not what was saved"));
            }
        }
    }
    Ok(bad)
}

/// A piece of a file that one member holds.
struct Part {
    /// Index of its entry.
    entry: usize,
    span: Span,
    check: (u64, Hash),
    /// Where it belongs in the file; `None` when it is all of it.
    offset: Option<u64>,
}

impl Part {
    /// Its frames, in bytes of its pack from `start` on.
    fn frames<'a>(&self, bytes: &'a [u8], start: u64) -> &'a [u8] {
        let at = (self.span.offset - start) as usize;
        &bytes[at..at + self.span.length as usize]
    }
}

/// Parts that one request brings.
struct Batch {
    pack: u32,
    start: u64,
    end: u64,
    parts: Vec<Part>,
}

/// What a batch brought.
#[derive(Default)]
struct Done {
    stamps: Stamps,
    lost: Vec<usize>,
}

/// What has been made before the first request.
#[derive(Default)]
struct Begun {
    folders: Vec<usize>,
    parts: Vec<Part>,
    /// Entries of files that are written in parts.
    large: Vec<usize>,
    written: Written,
}

/// Where files are written to.
struct Target {
    tree: Arc<Tree>,
    dir: PathBuf,
    owner: Option<(u32, u32)>,
    done: Arc<Counter>,
}

impl Target {
    /// Makes folders (without the permissions that might forbid writing into them), links, and files
    /// whose content is in the manifest.
    fn begin(&self) -> Result<Begun> {
        let mut begun = Begun::default();
        for (i, entry) in self.tree.entries.iter().enumerate() {
            let path = self.dir.join(name(entry));
            let local = |e: std::io::Error| VolumeError::local(entry.path.clone(), e);
            match &entry.kind {
                Kind::Symlink { target } => {
                    symlink(std::ffi::OsStr::from_bytes(&decode_path(target)), &path)
                        .and_then(|()| give(&path, self.owner))
                        .map_err(local)?;
                }
                Kind::Folder => {
                    begun.folders.push(i);
                    fs::create_dir_all(&path).map_err(local)?;
                }
                Kind::File { size, hash, place } => match place {
                    Place::Inline(content) if blake3::hash(content) != *hash => {
                        begun.written.lost.push(entry.path.clone());
                    }
                    Place::Inline(content) => {
                        let stamp =
                            self.file(entry, |out| out.write_all(content).map_err(local))?;
                        begun.written.stamps.note(&entry.path, &stamp);
                    }
                    Place::Packed(span) => {
                        begun.parts.push(Part {
                            entry: i,
                            span: *span,
                            check: (*size, *hash),
                            offset: None,
                        });
                        continue;
                    }
                    Place::Chunked(chunks) => {
                        let file = create(&path).map_err(local)?;
                        // What is zero need not be written: it stays a hole.
                        file.set_len(*size).map_err(local)?;
                        begun.large.push(i);
                        let mut offset = 0;
                        for Chunk { size, hash, span } in chunks.iter().copied() {
                            if is_zeros(size, hash) {
                                self.done.add(Size {
                                    bytes: size,
                                    files: 0,
                                });
                            } else {
                                begun.parts.push(Part {
                                    entry: i,
                                    span,
                                    check: (size, hash),
                                    offset: Some(offset),
                                });
                            }
                            offset += size;
                        }
                        continue;
                    }
                },
            }
            self.done.add(Size::of(std::slice::from_ref(entry)));
        }
        Ok(begun)
    }

    /// Writes a whole file.
    fn file(&self, entry: &Entry, write: impl FnOnce(&mut File) -> Result<()>) -> Result<Stamp> {
        let local = |e: std::io::Error| VolumeError::local(entry.path.clone(), e);
        let path = self.dir.join(name(entry));
        let mut file = create(&path).map_err(local)?;
        if let Err(error) = write(&mut file) {
            let _ = fs::remove_file(&path);
            return Err(error);
        }
        finish_file(&file, entry, self.owner).map_err(local)
    }

    /// A file that has been made.
    fn open(&self, entry: &Entry) -> Result<File> {
        let file = File::options().write(true).open(self.dir.join(name(entry)));
        file.map_err(|e| VolumeError::local(entry.path.clone(), e))
    }

    /// Completes what was written in parts, and folders.
    fn finish(
        &self,
        folders: &[usize],
        large: &[usize],
        lost: HashSet<usize>,
        mut written: Written,
    ) -> Result<Written> {
        for i in large {
            let entry = &self.tree.entries[*i];
            let local = |e: std::io::Error| VolumeError::local(entry.path.clone(), e);
            if lost.contains(i) {
                fs::remove_file(self.dir.join(name(entry))).map_err(local)?;
                continue;
            }
            let file = self.open(entry)?;
            let stamp = finish_file(&file, entry, self.owner).map_err(local)?;
            written.stamps.note(&entry.path, &stamp);
            self.done.add(Size { bytes: 0, files: 1 });
        }
        for i in folders.iter().rev() {
            let entry = &self.tree.entries[*i];
            finish(&self.dir.join(name(entry)), entry, self.owner)
                .map_err(|e| VolumeError::local(entry.path.clone(), e))?;
        }
        let lost = lost.iter().map(|i| self.tree.entries[*i].path.clone());
        written.lost.extend(lost);
        written.lost.sort();
        Ok(written)
    }
}

fn batches(mut parts: Vec<Part>) -> Vec<Batch> {
    parts.sort_by_key(|part| (part.span.pack, part.span.offset));
    let mut batches: Vec<Batch> = Vec::new();
    for part in parts {
        let Span {
            pack,
            offset,
            length,
        } = part.span;
        match batches.last_mut() {
            Some(b)
                if b.pack == pack
                    && offset <= b.end + GAP_BYTES
                    && offset + length - b.start <= REQUEST_BYTES =>
            {
                b.end = b.end.max(offset + length);
                b.parts.push(part);
            }
            _ => batches.push(Batch {
                pack,
                start: offset,
                end: offset + length,
                parts: vec![part],
            }),
        }
    }
    batches
}

async fn write_batch(store: &Store, to: &Arc<Target>, batch: Batch) -> Result<Done> {
    let key = &to.tree.packs[batch.pack as usize];
    let bytes = match store.range(key, batch.start..batch.end).await {
        Ok(bytes) => bytes,
        Err(error @ (VolumeError::Missing(_) | VolumeError::Damaged(..))) => {
            tracing::error!(%error, files = batch.parts.len(), "files can't be restored");
            return Ok(Done {
                lost: batch.parts.iter().map(|part| part.entry).collect(),
                ..Done::default()
            });
        }
        Err(error) => return Err(error),
    };
    let to = to.clone();
    blocking(move || {
        let mut done = Done::default();
        let mut unpacker = Unpacker::new();
        for part in batch.parts {
            let entry = &to.tree.entries[part.entry];
            let frames = part.frames(&bytes, batch.start);
            let result = match part.offset {
                None => to
                    .file(entry, |out| {
                        unpacker.extract(&entry.path, part.check, frames, out)
                    })
                    .map(|stamp| {
                        done.stamps.note(&entry.path, &stamp);
                        to.done.add(Size::of(std::slice::from_ref(entry)));
                    }),
                Some(offset) => {
                    let file = &to.open(entry)?;
                    let mut out = At { file, offset };
                    let bytes = part.check.0;
                    unpacker
                        .extract(&entry.path, part.check, frames, &mut out)
                        .map(|()| to.done.add(Size { bytes, files: 0 }))
                }
            };
            match result {
                Err(error @ VolumeError::Damaged(..)) => {
                    tracing::error!(%error, "a file can't be restored");
                    done.lost.push(part.entry);
                }
                other => other?,
            }
        }
        Ok(done)
    })
    .await
}

/// Whether it is a whole chunk of nothing.
fn is_zeros(size: u64, hash: Hash) -> bool {
    static ZEROS: LazyLock<Hash> = LazyLock::new(|| blake3::hash(&vec![0; CHUNK_BYTES as usize]));
    size == CHUNK_BYTES && hash == *ZEROS
}

/// Writes into a file from an offset on.
struct At<'a> {
    file: &'a File,
    offset: u64,
}

impl Write for At<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.file.write_at(bytes, self.offset)?;
        self.offset += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn create(path: &Path) -> std::io::Result<File> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
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

fn finish_file(file: &File, entry: &Entry, owner: Option<(u32, u32)>) -> std::io::Result<Stamp> {
    if let Some((uid, gid)) = owner {
        rustix::fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    }
    file.set_permissions(fs::Permissions::from_mode(entry.mode & 0o777))?;
    rustix::fs::futimens(file, &times(entry.mtime_ns))?;
    Ok(Stamp::of(&rustix::fs::fstat(file)?))
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
/// Returns those folders that could not be moved.
pub(crate) fn put_in_place(staging: &Path, dir: &Path, folders: &[&str]) -> Result<Vec<String>> {
    let top = crate::scan::open_top(dir)?;
    let mut refused = Vec::new();
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
        let before = rustix::fs::fstat(&parent).map_err(|e| VolumeError::local(*folder, e))?;
        match rustix::fs::renameat_with(
            CWD,
            &from,
            &parent,
            name,
            rustix::fs::RenameFlags::NOREPLACE,
        ) {
            // For its user nothing has changed in there.
            Ok(()) => rustix::fs::futimens(&parent, &times(Stamp::of(&before).mtime_ns))
                .map_err(|e| VolumeError::local(*folder, e))?,
            Err(rustix::io::Errno::EXIST) => {
                tracing::debug!(%folder, "the user has made one meanwhile")
            }
            Err(error) => {
                tracing::error!(%folder, %error, "it can't be put in place");
                refused.push((*folder).to_owned());
            }
        }
    }
    Ok(refused)
}
