//! Writes the next state of a repl that does not run, without a workspace: a file, or what an earlier
//! state held. Epochs hold as for a workspace: whoever has begun one meanwhile wins, and nothing is written.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;

use crate::manifest::{BulkRef, Entry, Kind, Manifest, Meta, Place, is_below, parent};
use crate::pack::{PackWriter, header, member};
use crate::quota::Size;
use crate::rules::RUNNING;
use crate::scan::{MAX_PATH_BYTES, TOPS};
use crate::snapshot::{are_alike, in_workspace, is_at_or_below};
use crate::store::{Location, Store, new_id};
use crate::upload::{INLINE_BYTES, INLINE_FILE_BYTES, pack_inlined};
use crate::volume::now_ms;
use crate::{Result, VolumeError};

/// Largest file that is written without a workspace, in bytes.
pub const MAX_WRITTEN_BYTES: usize = 1024 * 1024;

/// What is to be different.
pub enum Amendment {
    /// What is at a path below `/workspace` becomes what was there in another state; the empty path is all
    /// of the workspace, derived folders included. Where there was nothing, that is refused, or `or_remove`.
    Restore {
        from: Arc<Manifest>,
        number: u64,
        path: Vec<u8>,
        or_remove: bool,
    },
    /// A file gets this content. `before`: BLAKE3 of the one that it must have now, in hexadecimal; none:
    /// there must be no file yet.
    Write {
        path: Vec<u8>,
        content: Bytes,
        before: Option<String>,
    },
}

/// Writes states of one repl that does not run. What it writes one after the other is one epoch.
#[derive(Default)]
pub struct Amender {
    writer: String,
    quota: Option<Size>,
    size: Size,
}

impl Amender {
    /// How large the repl may become.
    pub fn set_quota(&mut self, quota: Size) {
        self.quota = Some(quota);
    }

    /// How large the repl is in the last state that was made.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Makes the change, as the next state after the newest; its number. `after`: as in [`Store::head`].
    /// `meta` says what is known beside the files. Nothing is written where nothing would be different.
    /// [`VolumeError::Replaced`]: somebody else has written meanwhile.
    pub async fn amend(
        &mut self,
        store: &Store,
        at: &Location,
        after: u64,
        amendment: Amendment,
        meta: impl FnOnce(&mut Meta),
    ) -> Result<u64> {
        let head = store.head(at, after).await?;
        let (number, head) = head.ok_or_else(|| VolumeError::Missing(at.prefix()))?;
        let mut next = Manifest {
            meta: head.meta.lasting(),
            ..head.clone()
        };
        match amendment {
            Amendment::Restore {
                from,
                number,
                path,
                or_remove,
            } => {
                restore(&mut next, &from, &path, or_remove)?;
                next.meta.restored = Some(number);
            }
            Amendment::Write {
                path,
                content,
                before,
            } => write(store, at, &mut next, &path, content, before).await?,
        }
        pack_inlined(store, at, &mut next.sources, INLINE_BYTES).await?;
        next.sources.drop_strays();
        next.sources.drop_unused_packs();
        self.size = next.size();
        if next.holds_the_same(&head) {
            return Ok(number);
        }
        // What is too large already may become smaller.
        let is_too_large = |quota| !self.size.is_within(quota) && !self.size.is_within(head.size());
        if self.quota.is_some_and(is_too_large) {
            let why = "It would exceed what this repl, or all of yours together, may hold";
            return Err(VolumeError::Limit(why.into()));
        }
        meta(&mut next.meta);
        next.meta.written_ms = now_ms();
        // A writer that was paused before this finds its number taken for as long as the repl is there.
        next.begins = self.writer.is_empty() || head.writer != self.writer;
        if next.begins {
            self.writer = new_id();
            next.epoch = head.epoch + 1;
        }
        next.writer.clone_from(&self.writer);
        match store.put_manifest(at, number + 1, &next).await {
            Err(VolumeError::Replaced) => {
                // An answer may have been lost.
                let there = store.manifest(at, number + 1).await?;
                if there.writer != self.writer || !there.holds_the_same(&next) {
                    return Err(VolumeError::Replaced);
                }
            }
            other => other?,
        }
        Ok(number + 1)
    }
}

fn restore(next: &mut Manifest, from: &Manifest, path: &[u8], or_remove: bool) -> Result<()> {
    let place = in_workspace(path);
    let shown = || String::from_utf8_lossy(path).into_owned();
    let is_there = path.is_empty() || from.sources.find(&place).is_ok();
    if !is_there && !or_remove {
        return Err(VolumeError::Missing(shown()));
    }
    let (stays, goes): (Vec<Arc<Entry>>, Vec<Arc<Entry>>) =
        std::mem::take(&mut next.sources.entries)
            .into_iter()
            .partition(|entry| !is_at_or_below(&place, &entry.path));
    next.sources.entries = stays;
    let before: HashMap<&str, &Entry> = goes.iter().map(|e| (e.path.as_str(), &**e)).collect();
    let now_ns = i64::try_from(now_ms()).unwrap_or(0) * 1_000_000;
    for entry in &from.sources.entries {
        let is_above = is_there && is_below(&entry.path, &place);
        if is_above {
            match next.sources.find(&entry.path) {
                Ok(at) if next.sources.entries[at].kind == Kind::Folder => {}
                Ok(_) => {
                    return Err(VolumeError::Limit(format!(
                        "{} can't be restored: a folder that it lay in is a file now",
                        shown()
                    )));
                }
                Err(at) => next.sources.entries.insert(at, entry.clone()),
            }
        } else if is_at_or_below(&place, &entry.path) {
            let mut entry = next.sources.adopt(&from.sources, entry);
            match before.get(entry.path.as_str()) {
                // For tools that go by the time, it has just changed.
                Some(old) if !are_alike(old, &entry) => Arc::make_mut(&mut entry).mtime_ns = now_ns,
                Some(old) if old.kind != Kind::Folder && old.mtime_ns != entry.mtime_ns => {
                    Arc::make_mut(&mut entry).mtime_ns = old.mtime_ns;
                }
                _ => {}
            }
            next.sources.entries.push(entry);
        }
    }
    next.sources.sort();
    if path.is_empty() {
        next.bulk.clone_from(&from.bulk);
        next.meta.bulk.clone_from(&from.meta.bulk);
        next.meta.caches.clone_from(&from.meta.caches);
    }
    Ok(())
}

async fn write(
    store: &Store,
    at: &Location,
    next: &mut Manifest,
    path: &[u8],
    content: Bytes,
    before: Option<String>,
) -> Result<()> {
    let place = in_workspace(path);
    let shown = String::from_utf8_lossy(path).into_owned();
    let refused = |why: &str| Err(VolumeError::Limit(format!("{shown} {why}")));
    if content.len() > MAX_WRITTEN_BYTES {
        return refused("is too large to be edited while its repl does not run");
    }
    if TOPS[0].len() + 1 + path.len() > MAX_PATH_BYTES {
        return refused("has too long a path");
    }
    let found = next.sources.find(&place);
    let mode = match (&found, before) {
        (Err(_), None) => 0o644,
        (Err(_), Some(_)) => return refused("is not there any more"),
        (Ok(i), before) => match &*next.sources.entries[*i] {
            entry @ Entry {
                kind: Kind::File { hash, .. },
                ..
            } if before.as_deref() == Some(hash.to_hex().as_str()) => entry.mode,
            Entry {
                kind: Kind::File { .. },
                ..
            } if before.is_some() => return refused("has been changed meanwhile"),
            _ => return refused("is there already"),
        },
    };
    let folder = parent(&place);
    let is_folder = |at: usize| next.sources.entries[at].kind == Kind::Folder;
    if folder != in_workspace(b"") && !next.sources.find(folder).is_ok_and(is_folder) {
        return refused("lies in a folder that is not there");
    }
    let mtime_ns = i64::try_from(now_ms()).unwrap_or(0) * 1_000_000;
    let (size, hash) = (content.len() as u64, blake3::hash(&content));
    let new_place = if size <= INLINE_FILE_BYTES {
        Place::Inline(content)
    } else {
        let mut writer = PackWriter::new(store, at, next.sources.packs.len());
        let head = header(&place, size, mode, mtime_ns);
        let span = writer.add(member(head, &content)).await?;
        next.sources.packs.extend(writer.finish().await?.0);
        Place::Packed(span)
    };
    let entry = Entry {
        path: place,
        mode,
        mtime_ns,
        kind: Kind::File {
            size,
            hash,
            place: new_place,
        },
    };
    match found {
        // Content that is as it was is no change.
        Ok(at) if are_alike(&next.sources.entries[at], &entry) => {}
        Ok(at) => next.sources.entries[at] = Arc::new(entry),
        Err(at) => next.sources.entries.insert(at, Arc::new(entry)),
    }
    Ok(())
}

/// The first state of another repl, with the files of a state: refers to the packs that there are. How large
/// it is. `with_home`: what lies in the home folder comes along, as only its owner may have it.
pub async fn fork(
    store: &Store,
    from: &Manifest,
    at: &Location,
    meta: Meta,
    with_home: bool,
) -> Result<Size> {
    let mut manifest = from.fork(meta);
    let is_of_a_run = |entry: &Arc<Entry>| is_at_or_below(RUNNING, &entry.path);
    if manifest.sources.entries.iter().any(is_of_a_run) {
        manifest.sources.entries.retain(|entry| !is_of_a_run(entry));
        manifest.sources.drop_unused_packs();
    }
    if !with_home {
        let in_home = |entry: &Arc<Entry>| is_at_or_below("home", &entry.path);
        manifest.sources.entries.retain(|entry| !in_home(entry));
        manifest.sources.drop_unused_packs();
        // Very many files may be listed there: it is read only where one of them may have to go.
        if let Some(bulk) = manifest.bulk.as_mut().filter(|bulk| bulk.home != Some(0)) {
            let mut tree = store.tree(&bulk.key).await?;
            let mut key = bulk.key.clone();
            if tree.entries.iter().any(in_home) {
                tree.entries.retain(|entry| !in_home(entry));
                tree.drop_unused_packs();
                key = match tree.entries.is_empty() {
                    true => String::new(),
                    false => store.put_tree(at, &tree).await?,
                };
            }
            *bulk = BulkRef::new(key, &tree);
        }
        manifest.bulk = manifest.bulk.filter(|bulk| bulk.entries > 0);
    }
    store.put_manifest(at, 1, &manifest).await?;
    Ok(manifest.size())
}
