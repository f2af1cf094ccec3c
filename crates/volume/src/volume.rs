//! One workspace on local disk, and its way from and to the store.

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::{Mutex, mpsc};

use crate::changes::Changes;
use crate::manifest::{Entry, Kind, Manifest, Meta, decode_path, encode_path};
use crate::pack::{LARGE_BYTES, PackWriter, header, large_member, member};
use crate::scan::{Found, FoundKind, Stamp, TOPS, open_file, open_top, scan, skipper};
use crate::store::{Location, Store};
use crate::{Result, VolumeError, blocking, hydrate};

/// Folders that are bulk wherever they are, whatever the project says.
/// Cargo's index and downloads are among them, so that a prepared project builds without a network;
/// Go's build cache (`GOCACHE` in sandboxes), so that it builds without compiling Go's own library.
const USUAL_BULK: [&str; 9] = [
    "node_modules",
    "target",
    ".venv",
    "venv",
    "__pycache__",
    ".next",
    "home/.cargo/registry/cache",
    "home/.cargo/registry/index",
    "home/go/build-cache",
];
/// Folders that are never saved: what programs can fetch or make again.
const USUAL_CACHES: [&str; 6] = [
    "home/.cache",
    "home/.npm",
    "home/.cargo/registry/src",
    "home/.cargo/git",
    "home/go/pkg/mod",
    "home/.local/share/Trash",
];
/// Pieces of files that wait for the store while the next are read.
const PIECES_AHEAD: usize = 8;
/// A file that changes while it is read is read again this often.
const READS: usize = 3;

/// How far a restore has come, in files and folders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    pub total: u64,
}

/// What a checkpoint looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All but bulk.
    Sources,
    Everything,
}

/// What a checkpoint did.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// The head's number now.
    pub number: u64,
    /// Whether a new manifest was written.
    pub changed: bool,
    /// Files whose content was uploaded, and how many bytes that took, compressed.
    pub files: usize,
    pub bytes: u64,
    /// What could not be read: it is in the store as it was before, if it was.
    pub left_out: Vec<String>,
}

/// A workspace: `<dir>/workspace` and `<dir>/home`, backed by a place in the store.
pub struct Volume {
    store: Store,
    at: Location,
    dir: PathBuf,
    owner: Option<(u32, u32)>,
    state: Mutex<State>,
    bulk_restored: AtomicBool,
    done: Arc<AtomicU64>,
    total: AtomicU64,
}

struct State {
    number: u64,
    manifest: Arc<Manifest>,
    /// Stamps of files whose content is in the manifest.
    stamps: HashMap<String, Stamp>,
    meta: Meta,
}

impl Volume {
    /// Over folders that hold a workspace already: one that a crash left behind, or a template's
    /// files. The head in the store, if there is one, is what the next checkpoint follows.
    pub async fn adopt(
        store: Store,
        at: Location,
        dir: PathBuf,
        owner: Option<(u32, u32)>,
        meta: Meta,
    ) -> Result<Self> {
        let (number, manifest) = match store.head(&at, 0).await? {
            Some((number, manifest)) => (number, manifest),
            None => (0, Manifest::empty(Meta::default())),
        };
        // Bulk that was still being restored is not in the folder: then it must not count as deleted.
        let staging = dir.join("staging").exists();
        let volume = Self::new(store, at, dir, owner, number, manifest, meta);
        volume.bulk_restored.store(!staging, Ordering::Release);
        Ok(volume)
    }

    /// Over an empty folder, and the newest manifest: [`Volume::restore_sources`] is next. `after`: as
    /// in [`Store::head`].
    pub async fn open(
        store: Store,
        at: Location,
        after: u64,
        dir: PathBuf,
        owner: Option<(u32, u32)>,
    ) -> Result<Self> {
        let Some((number, manifest)) = store.head(&at, after).await? else {
            return Err(VolumeError::Missing(format!("{at:?}")));
        };
        let meta = manifest.meta.clone();
        Ok(Self::new(store, at, dir, owner, number, manifest, meta))
    }

    fn new(
        store: Store,
        at: Location,
        dir: PathBuf,
        owner: Option<(u32, u32)>,
        number: u64,
        manifest: Manifest,
        meta: Meta,
    ) -> Self {
        let total = manifest.entries.len() as u64;
        let state = State {
            number,
            manifest: Arc::new(manifest),
            stamps: HashMap::new(),
            meta,
        };
        Self {
            store,
            at,
            dir,
            owner,
            state: Mutex::new(state),
            bulk_restored: AtomicBool::new(false),
            done: Arc::default(),
            total: AtomicU64::new(total),
        }
    }

    /// The folder that is `/workspace` in the sandbox.
    pub fn workspace(&self) -> PathBuf {
        self.dir.join(TOPS[0])
    }

    /// The folder that is `$HOME` in the sandbox.
    pub fn home(&self) -> PathBuf {
        self.dir.join(TOPS[1])
    }

    pub fn progress(&self) -> Progress {
        Progress {
            done: self.done.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
        }
    }

    /// The head's number.
    pub async fn number(&self) -> u64 {
        self.state.lock().await.number
    }

    /// Whether bulk is in place, or there is none.
    pub fn is_whole(&self) -> bool {
        self.bulk_restored.load(Ordering::Acquire)
    }

    /// Changes what the next manifest says beside its files.
    pub async fn set_meta(&self, change: impl FnOnce(&mut Meta)) {
        change(&mut self.state.lock().await.meta);
    }

    /// Restores all that is not bulk into the folder, which must not hold any of it.
    pub async fn restore_sources(&self) -> Result<()> {
        let mut state = self.state.lock().await;
        let manifest = state.manifest.clone();
        let bulk = bulk_rules(&manifest.meta);
        let dir = self.dir.clone();
        let owner = self.owner;
        blocking(move || {
            for top in TOPS {
                let path = dir.join(top);
                std::fs::create_dir_all(&path)
                    .and_then(|()| chown(&path, owner))
                    .map_err(|e| VolumeError::local(top, e))?;
            }
            Ok(())
        })
        .await?;
        let is_bulk = |i: &usize| Manifest::matches(&bulk, &manifest.entries[*i].path);
        let (later, now): (Vec<usize>, Vec<usize>) = (0..manifest.entries.len()).partition(is_bulk);
        state.stamps = hydrate::write(
            &self.store,
            &manifest,
            now,
            &self.dir,
            self.owner,
            &self.done,
        )
        .await?;
        if !later.is_empty() {
            // While this folder is there, what is missing of bulk was not deleted by anybody.
            let staging = self.dir.join("staging");
            std::fs::create_dir_all(&staging).map_err(|e| VolumeError::local("staging", e))?;
        }
        self.bulk_restored
            .store(later.is_empty(), Ordering::Release);
        Ok(())
    }

    /// Restores bulk beside a workspace that is in use, and puts it in place when it is whole.
    pub async fn restore_bulk(&self) -> Result<()> {
        if self.is_whole() {
            return Ok(());
        }
        let manifest = self.state.lock().await.manifest.clone();
        let bulk = bulk_rules(&manifest.meta);
        let entries: Vec<usize> = (0..manifest.entries.len())
            .filter(|i| Manifest::matches(&bulk, &manifest.entries[*i].path))
            .collect();
        let sources = manifest.entries.len() - entries.len();
        self.done.store(sources as u64, Ordering::Relaxed);
        // The outermost folders: what is in them moves along.
        let mut folders: Vec<String> = Vec::new();
        for i in &entries {
            let path = &manifest.entries[*i].path;
            let inside = folders.last().is_some_and(|f| {
                path.strip_prefix(f.as_str())
                    .is_some_and(|r| r.starts_with('/'))
            });
            if !inside {
                folders.push(path.clone());
            }
        }
        let staging = self.dir.join("staging");
        let (parents, at) = (folders.clone(), staging.clone());
        blocking(move || {
            // Left by a restore that was cut short.
            remove_all(&at)?;
            for folder in parents {
                let path = at.join(path_of(&folder));
                let parent = path.parent().unwrap_or(&at);
                std::fs::create_dir_all(parent).map_err(|e| VolumeError::local("staging", e))?;
            }
            Ok(())
        })
        .await?;
        let stamps = hydrate::write(
            &self.store,
            &manifest,
            entries,
            &staging,
            self.owner,
            &self.done,
        )
        .await?;
        let mut state = self.state.lock().await;
        let dir = self.dir.clone();
        blocking(move || {
            hydrate::put_in_place(&staging, &dir, &folders)?;
            remove_all(&staging)
        })
        .await?;
        state.stamps.extend(stamps);
        self.bulk_restored.store(true, Ordering::Release);
        Ok(())
    }

    /// Saves what changed as the next manifest; durable when this returns. Folders are handed to
    /// `changes` as they are read. An error leaves the head as it was: try again.
    pub async fn checkpoint(&self, scope: Scope, changes: Option<Arc<Changes>>) -> Result<Outcome> {
        let mut state = self.state.lock().await;
        let old = state.manifest.clone();
        let caches: Vec<String> = state
            .meta
            .caches
            .iter()
            .cloned()
            .chain(USUAL_CACHES.map(str::to_owned))
            .collect();
        let bulk = bulk_rules(&state.meta);
        let whole = self.is_whole();
        let without_bulk = scope == Scope::Sources || !whole;
        let skip = skipper(caches, without_bulk.then(|| bulk.clone()));
        let dir = self.dir.clone();
        let scanned = blocking(move || scan(&dir, &skip, changes.as_deref())).await?;
        let mut outcome = Outcome {
            number: state.number,
            left_out: scanned.left_out,
            ..Outcome::default()
        };

        let known: HashMap<&str, usize> = old
            .entries
            .iter()
            .enumerate()
            .map(|(i, e)| (e.path.as_str(), i))
            .collect();
        let mut packs = old.packs.clone();
        let mut entries = Vec::with_capacity(scanned.found.len());
        let mut read = Vec::new();
        for found in scanned.found {
            let before = known.get(found.path.as_str()).map(|i| &old.entries[*i]);
            let kind = match &found.kind {
                FoundKind::Folder => Some(Kind::Folder),
                FoundKind::Symlink(target) => Some(Kind::Symlink {
                    target: encode_path(target),
                }),
                FoundKind::File(stamp) => before
                    .filter(|_| state.stamps.get(&found.path) == Some(stamp))
                    .map(|e| e.kind.clone()),
            };
            match kind {
                Some(kind) => {
                    // A link's own time can't be restored everywhere, and says nothing.
                    let mtime_ns = if matches!(kind, Kind::Symlink { .. }) {
                        0
                    } else {
                        found.mtime_ns
                    };
                    entries.push(Entry {
                        path: found.path,
                        mode: found.mode,
                        mtime_ns,
                        kind,
                    });
                }
                None => read.push(found),
            }
        }
        let fresh = self.upload(read, &known, &old, &mut outcome).await?;
        let first_new = packs.len() as u32;
        packs.extend(fresh.packs);
        for (mut entry, is_new) in fresh.entries {
            if let (Kind::File { pack, .. }, true) = (&mut entry.kind, is_new) {
                *pack += first_new;
            }
            entries.push(entry);
        }
        if without_bulk {
            let carried = old
                .entries
                .iter()
                .filter(|e| Manifest::matches(&bulk, &e.path));
            entries.extend(carried.cloned());
        }
        // What could not be read now stays as it was.
        for path in &outcome.left_out {
            let carried = old.entries.iter().filter(|e| {
                e.path == *path
                    || e.path
                        .strip_prefix(path.as_str())
                        .is_some_and(|r| r.starts_with('/'))
            });
            entries.extend(carried.cloned());
        }
        entries.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));

        let mut manifest = Manifest {
            version: crate::manifest::VERSION,
            meta: state.meta.clone(),
            packs,
            entries,
        };
        manifest.meta.written_ms = old.meta.written_ms;
        // A folder whose content is carried forward may have become a link meanwhile.
        manifest.drop_strays();
        drop_unused_packs(&mut manifest);
        if manifest != *old || state.number == 0 {
            manifest.meta.written_ms = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |d| d.as_millis() as u64);
            self.store
                .put_manifest(&self.at, state.number + 1, &manifest)
                .await?;
            state.number += 1;
            state.manifest = Arc::new(manifest);
            outcome.number = state.number;
            outcome.changed = true;
        }
        state.stamps.extend(fresh.stamps);
        Ok(outcome)
    }

    /// Reads the given files and puts those whose content is new into packs.
    async fn upload(
        &self,
        files: Vec<Found>,
        known: &HashMap<&str, usize>,
        old: &Manifest,
        outcome: &mut Outcome,
    ) -> Result<Fresh> {
        let mut fresh = Fresh::default();
        if files.is_empty() {
            return Ok(fresh);
        }
        let before: Vec<Option<String>> = files
            .iter()
            .map(
                |f| match known.get(f.path.as_str()).map(|i| &old.entries[*i].kind) {
                    Some(Kind::File { hash, .. }) => Some(hash.clone()),
                    _ => None,
                },
            )
            .collect();
        let (sender, mut pieces) = mpsc::channel(PIECES_AHEAD);
        let dir = self.dir.clone();
        let reader = tokio::task::spawn_blocking(move || read_files(&dir, files, &before, &sender));
        let mut writer = PackWriter::new(&self.store, &self.at);
        let mut began = 0;
        let written: Result<()> = async {
            while let Some(piece) = pieces.recv().await {
                let (file, hash, size, placed) = match piece {
                    Piece::Same(file) => {
                        let kind = old.entries[known[file.found.path.as_str()]].kind.clone();
                        fresh.add(file, kind, false);
                        continue;
                    }
                    Piece::LeftOut(path) => {
                        outcome.left_out.push(path);
                        continue;
                    }
                    Piece::Small {
                        file,
                        hash,
                        size,
                        frames,
                    } => (file, hash, size, writer.add(frames).await?),
                    Piece::Begin => {
                        began = writer.begin().await?;
                        continue;
                    }
                    Piece::More(frames) => {
                        writer.write(&frames).await?;
                        continue;
                    }
                    Piece::End { file, hash, size } => (file, hash, size, writer.place(began)?),
                };
                outcome.files += 1;
                let pack = placed.pack as u32;
                fresh.add(
                    file,
                    Kind::File {
                        size,
                        hash,
                        pack,
                        offset: placed.offset,
                        length: placed.length,
                    },
                    true,
                );
            }
            Ok(())
        }
        .await;
        // Ends the reader too, if it is still at work.
        drop(pieces);
        let read = reader
            .await
            .unwrap_or_else(|e| Err(VolumeError::local("reading", std::io::Error::other(e))));
        if let Err(error) = written.and(read) {
            writer.abort().await;
            return Err(error);
        }
        (fresh.packs, outcome.bytes) = writer.finish().await?;
        Ok(fresh)
    }
}

/// What an upload brought.
#[derive(Default)]
struct Fresh {
    /// With whether the pack's index counts from the first new pack.
    entries: Vec<(Entry, bool)>,
    packs: Vec<String>,
    stamps: Vec<(String, Stamp)>,
}

impl Fresh {
    fn add(&mut self, file: Read, kind: Kind, is_new: bool) {
        if let Some(stamp) = file.stamp {
            self.stamps.push((file.found.path.clone(), stamp));
        }
        let Found {
            path,
            mode,
            mtime_ns,
            ..
        } = file.found;
        self.entries.push((
            Entry {
                path,
                mode,
                mtime_ns,
                kind,
            },
            is_new,
        ));
    }
}

/// A file that was read; `stamp` only when it held still meanwhile.
struct Read {
    found: Found,
    stamp: Option<Stamp>,
}

enum Piece {
    /// Content as in the manifest before.
    Same(Read),
    Small {
        file: Read,
        hash: String,
        size: u64,
        frames: Vec<u8>,
    },
    Begin,
    More(Vec<u8>),
    End {
        file: Read,
        hash: String,
        size: u64,
    },
    LeftOut(String),
}

/// Reads files on a thread of its own. Ends early when nobody takes the pieces any more.
fn read_files(
    dir: &Path,
    files: Vec<Found>,
    before: &[Option<String>],
    out: &mpsc::Sender<Piece>,
) -> Result<()> {
    let top = open_top(dir)?;
    for (found, before) in files.into_iter().zip(before) {
        let path = found.path.clone();
        let pieces = if matches!(found.kind, FoundKind::File(s) if s.size > LARGE_BYTES) {
            read_large(top.as_fd(), found, out)
        } else {
            read_small(top.as_fd(), found, before.as_deref())
        };
        let piece = match pieces {
            Ok(piece) => piece,
            // Gone since the scan: then it is not part of this checkpoint.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            Err(error) => {
                tracing::debug!(%path, %error, "left out");
                Piece::LeftOut(path)
            }
        };
        if out.blocking_send(piece).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn read_small(
    top: std::os::fd::BorrowedFd<'_>,
    found: Found,
    before: Option<&str>,
) -> std::io::Result<Piece> {
    use std::io::Read as _;
    let mut content = Vec::new();
    let mut stamp = None;
    for _ in 0..READS {
        let (mut file, first) = open_file(top, &decode_path(&found.path))?;
        content.clear();
        // It may grow without end while it is read.
        (&mut file)
            .take(2 * LARGE_BYTES)
            .read_to_end(&mut content)?;
        let after = Stamp::of(&rustix::fs::fstat(&file)?);
        if first == after && content.len() as u64 == after.size {
            stamp = Some(after);
            break;
        }
    }
    let hash = blake3::hash(&content).to_hex().to_string();
    let size = content.len() as u64;
    let mtime_ns = stamp.map_or(found.mtime_ns, |s| s.mtime_ns);
    let found = Found { mtime_ns, ..found };
    if before == Some(hash.as_str()) {
        return Ok(Piece::Same(Read { found, stamp }));
    }
    let frames = member(header(&found.path, size, found.mode, mtime_ns), &content);
    Ok(Piece::Small {
        file: Read { found, stamp },
        hash,
        size,
        frames,
    })
}

fn read_large(
    top: std::os::fd::BorrowedFd<'_>,
    found: Found,
    out: &mpsc::Sender<Piece>,
) -> std::io::Result<Piece> {
    let broken = |_| std::io::Error::from(std::io::ErrorKind::BrokenPipe);
    let (mut file, first) = open_file(top, &decode_path(&found.path))?;
    out.blocking_send(Piece::Begin).map_err(broken)?;
    let mut hasher = blake3::Hasher::new();
    let head = header(&found.path, first.size, found.mode, first.mtime_ns);
    large_member(head, first.size, &mut file, |content, frames| {
        hasher.update(content);
        out.blocking_send(Piece::More(frames)).map_err(broken)
    })?;
    let after = Stamp::of(&rustix::fs::fstat(&file)?);
    let stamp = (first == after).then_some(after);
    let hash = hasher.finalize().to_hex().to_string();
    Ok(Piece::End {
        file: Read {
            found: Found {
                mtime_ns: first.mtime_ns,
                ..found
            },
            stamp,
        },
        hash,
        size: first.size,
    })
}

fn drop_unused_packs(manifest: &mut Manifest) {
    let mut used = vec![false; manifest.packs.len()];
    for entry in &manifest.entries {
        if let Kind::File { pack, .. } = entry.kind {
            used[pack as usize] = true;
        }
    }
    let mut next = 0;
    let numbers: Vec<u32> = used
        .iter()
        .map(|u| {
            next += u32::from(*u);
            next.wrapping_sub(1)
        })
        .collect();
    for entry in &mut manifest.entries {
        if let Kind::File { pack, .. } = &mut entry.kind {
            *pack = numbers[*pack as usize];
        }
    }
    let mut keep = used.iter();
    manifest.packs.retain(|_| *keep.next().unwrap_or(&false));
}

fn bulk_rules(meta: &Meta) -> Vec<String> {
    meta.bulk
        .iter()
        .cloned()
        .chain(USUAL_BULK.map(str::to_owned))
        .collect()
}

fn path_of(path: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    PathBuf::from(std::ffi::OsString::from_vec(decode_path(path)))
}

fn chown(path: &Path, owner: Option<(u32, u32)>) -> std::io::Result<()> {
    owner.map_or(Ok(()), |(uid, gid)| {
        std::os::unix::fs::chown(path, Some(uid), Some(gid))
    })
}

fn remove_all(dir: &Path) -> Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(VolumeError::local(dir.display().to_string(), error))
        }
        _ => Ok(()),
    }
}
