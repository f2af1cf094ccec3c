//! One state of a repl, read without a workspace: what lies in a folder, the content of a file. Of packs
//! only the ranges asked for are read. Derived folders and the home folder are not shown.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, try_unfold};
use futures_util::{Stream, StreamExt, TryStreamExt};

use crate::manifest::{
    Entry, Kind, Manifest, Place, Span, Tree, decode_path, encode_path, is_below, parent,
};
use crate::pack::{MAX_CONTENT_BYTES, Unpacker};
use crate::scan::TOPS;
use crate::store::{Location, Store};
use crate::{Result, VolumeError, blocking};

/// The longest member that is read in one piece: a file that grew from one chunk to two while it was saved,
/// with its header, that could not be compressed.
const MAX_MEMBER_BYTES: u64 = MAX_CONTENT_BYTES + 64 * 1024;

/// Packs that are asked for at once.
const PACKS_ASKED_AT_ONCE: usize = 8;

/// One state, for reading.
pub struct Snapshot {
    pub number: u64,
    pub manifest: Manifest,
    store: Store,
}

/// One thing in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Below `/workspace`.
    pub path: Vec<u8>,
    pub kind: ItemKind,
    /// Permission bits.
    pub mode: u32,
    /// Nanoseconds since 1970.
    pub mtime_ns: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemKind {
    /// Size, and BLAKE3 of the content in hexadecimal.
    File(u64, String),
    Folder,
    Symlink(Vec<u8>),
}

impl Snapshot {
    /// The newest; `after`: as in [`Store::head`].
    pub async fn newest(store: &Store, at: &Location, after: u64) -> Result<Self> {
        let _place = store.reading().await;
        let head = store.head(at, after).await?;
        let (number, manifest) = head.ok_or_else(|| VolumeError::Missing(at.prefix()))?;
        Ok(Self::new(store, number, manifest))
    }

    /// The one of that number; a named one is there even when time has thinned it out.
    pub async fn numbered(store: &Store, at: &Location, number: u64) -> Result<Self> {
        let _place = store.reading().await;
        let manifest = store.state(at, number).await?;
        Ok(Self::new(store, number, manifest))
    }

    fn new(store: &Store, number: u64, manifest: Manifest) -> Self {
        Self {
            number,
            manifest,
            store: store.clone(),
        }
    }

    /// What is at a path below `/workspace`; the workspace itself is at the empty one.
    pub fn item(&self, path: &[u8]) -> Option<Item> {
        if path.is_empty() {
            return Some(Item {
                path: Vec::new(),
                kind: ItemKind::Folder,
                mode: 0o755,
                mtime_ns: 0,
            });
        }
        self.entry(path).map(item)
    }

    fn entry(&self, path: &[u8]) -> Option<&Entry> {
        let sources = &self.manifest.sources;
        let at = sources.find(&in_workspace(path)).ok()?;
        Some(&sources.entries[at])
    }

    /// Those of packs of the sources that the store has lost, by their indices.
    pub(crate) async fn lost(&self, packs: HashSet<u32>) -> Result<HashSet<u32>> {
        let asked = stream::iter(packs).map(|pack| async move {
            let key = &self.manifest.sources.packs[pack as usize];
            match self.store.range(key, 0..1).await {
                Ok(_) => Ok(None),
                Err(VolumeError::Missing(_) | VolumeError::Damaged(..)) => Ok(Some(pack)),
                Err(error) => Err(error),
            }
        });
        let asked = asked.buffer_unordered(PACKS_ASKED_AT_ONCE);
        let lost: Vec<Option<u32>> = asked.try_collect().await?;
        Ok(lost.into_iter().flatten().collect())
    }

    /// What lies in a folder, sorted by name; `None`: there is no such folder.
    pub fn items(&self, folder: &[u8]) -> Option<Vec<Item>> {
        let is_folder = self.item(folder)?.kind == ItemKind::Folder;
        let place = in_workspace(folder);
        let below = self.manifest.sources.below(&place);
        let direct = below.iter().filter(|entry| parent(&entry.path) == place);
        is_folder.then(|| direct.map(|entry| item(entry)).collect())
    }

    /// All that lies below a folder, at any depth; each folder stands before what is in it.
    pub fn all_below(&self, folder: &[u8]) -> Vec<Item> {
        let below = self.manifest.sources.below(&in_workspace(folder));
        below.iter().map(|entry| item(entry)).collect()
    }

    /// A file's content, piece by piece, each checked against its hash; an error where there is none.
    pub fn content(&self, path: &[u8]) -> Result<impl Stream<Item = Result<Bytes>> + Send + use<>> {
        let missing = || VolumeError::Missing(String::from_utf8_lossy(path).into_owned());
        let entry = self.entry(path).ok_or_else(missing)?;
        let Kind::File { size, hash, place } = &entry.kind else {
            return Err(missing());
        };
        let sources = &self.manifest.sources;
        let member = |size, hash, span: Span| Piece::Member {
            pack: sources.packs[span.pack as usize].clone(),
            span,
            check: (size, hash),
        };
        let pieces: Vec<Piece> = match place {
            Place::Inline(content) if blake3::hash(content) != *hash => {
                let why = "its content is not what was saved".to_owned();
                return Err(VolumeError::Damaged(entry.path.clone(), why));
            }
            Place::Inline(content) => vec![Piece::Inline(content.clone())],
            Place::Packed(span) => vec![member(*size, *hash, *span)],
            Place::Chunked(chunks) => chunks
                .iter()
                .map(|chunk| member(chunk.size, chunk.hash, chunk.span))
                .collect(),
        };
        let (store, path) = (self.store.clone(), entry.path.clone());
        let start = (pieces.into_iter(), store, path);
        Ok(try_unfold(start, |(mut pieces, store, path)| async move {
            let Some(piece) = pieces.next() else {
                return Ok(None);
            };
            let bytes = piece.read(&store, &path).await?;
            Ok(Some((bytes, (pieces, store, path))))
        }))
    }
}

enum Piece {
    Inline(Bytes),
    Member {
        pack: String,
        span: Span,
        check: (u64, blake3::Hash),
    },
}

impl Piece {
    async fn read(self, store: &Store, path: &str) -> Result<Bytes> {
        let (pack, span, check) = match self {
            Self::Inline(bytes) => return Ok(bytes),
            Self::Member { pack, span, check } => (pack, span, check),
        };
        if span.length > MAX_MEMBER_BYTES || check.0 > MAX_CONTENT_BYTES {
            let why = "a piece of it is larger than any that is written".to_owned();
            return Err(VolumeError::Damaged(path.to_owned(), why));
        }
        let end = span.offset.saturating_add(span.length);
        let frames = store.range(&pack, span.offset..end).await?;
        let path = path.to_owned();
        blocking(move || {
            let mut out = Vec::with_capacity(check.0 as usize);
            Unpacker::new().extract(&path, check, &frames, &mut out)?;
            Ok(out.into())
        })
        .await
    }
}

fn item(entry: &Entry) -> Item {
    let kind = match &entry.kind {
        Kind::File { size, hash, .. } => ItemKind::File(*size, hash.to_hex().to_string()),
        Kind::Folder => ItemKind::Folder,
        Kind::Symlink { target } => ItemKind::Symlink(decode_path(target)),
    };
    let path = decode_path(&entry.path);
    Item {
        path: path[TOPS[0].len() + 1..].to_vec(),
        kind,
        mode: entry.mode,
        mtime_ns: entry.mtime_ns,
    }
}

/// A path below `/workspace`, as manifests have it.
pub(crate) fn in_workspace(path: &[u8]) -> String {
    match path {
        [] => TOPS[0].to_owned(),
        path => format!("{}/{}", TOPS[0], encode_path(path)),
    }
}

/// What differs between two states, by paths below `/workspace`: files and links, each list sorted.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Differences {
    pub added: Vec<Vec<u8>>,
    pub changed: Vec<Vec<u8>>,
    pub removed: Vec<Vec<u8>>,
}

impl Differences {
    /// From `before` to `after`, at and below a path. A file that was only touched has not changed.
    pub fn between(before: &Manifest, after: &Manifest, path: &[u8]) -> Self {
        let place = in_workspace(path);
        let mut differences = Self::default();
        let mut old = files(&before.sources, &place).peekable();
        let mut new = files(&after.sources, &place).peekable();
        let below_workspace = |entry: &Arc<Entry>| item(entry).path;
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some(old), Some(new)) => old.path.as_bytes().cmp(new.path.as_bytes()),
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (None, None) => return differences,
            };
            if order.is_lt() {
                differences.removed.extend(old.next().map(below_workspace));
            } else if order.is_gt() {
                differences.added.extend(new.next().map(below_workspace));
            } else if let (Some(old), Some(new)) = (old.next(), new.next())
                && !are_alike(old, new)
            {
                differences.changed.push(below_workspace(new));
            }
        }
    }

    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }
}

/// Files and links at and below a place.
fn files<'a>(tree: &'a Tree, place: &'a str) -> impl Iterator<Item = &'a Arc<Entry>> {
    let itself = tree.find(place).ok().map(|at| &tree.entries[at]);
    let all = itself.into_iter().chain(tree.below(place));
    all.filter(|entry| entry.kind != Kind::Folder)
}

/// Whether a reader of the two would see no difference, wherever the bytes are.
pub(crate) fn are_alike(a: &Entry, b: &Entry) -> bool {
    let same_content = match (&a.kind, &b.kind) {
        (Kind::File { hash: a, .. }, Kind::File { hash: b, .. }) => a == b,
        // A link has no permissions of its own.
        (Kind::Symlink { target: a }, Kind::Symlink { target: b }) => return a == b,
        (Kind::Folder, Kind::Folder) => true,
        _ => false,
    };
    same_content && a.mode == b.mode
}

/// Whether `path` is `place`, or lies in it.
pub(crate) fn is_at_or_below(place: &str, path: &str) -> bool {
    place == path || is_below(place, path)
}

#[cfg(test)]
mod tests {

    use super::*;
    use crate::manifest::Meta;
    use crate::scan::{Found, FoundKind, Stamp};
    use crate::upload::{Known, Upload, upload};

    #[tokio::test]
    async fn a_file_that_grew_while_it_was_saved_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("workspace/grown");
        std::fs::create_dir(dir.path().join("workspace")).unwrap();
        std::fs::write(&file, "").unwrap();
        let stamp = Stamp::of(&rustix::fs::stat(&file).unwrap());
        // As much as is read at most, and nothing that could be compressed.
        let mut content = vec![0; MAX_CONTENT_BYTES as usize];
        blake3::Hasher::new().finalize_xof().fill(&mut content);
        std::fs::write(&file, &content).unwrap();
        let store = Store::over(Arc::new(object_store::memory::InMemory::new()));
        let at = Location::Repl("abcdefghijkl".into());
        let found = Found {
            path: "workspace/grown".into(),
            mode: 0o644,
            mtime_ns: 0,
            kind: FoundKind::File(stamp),
        };
        let mut manifest = Manifest::empty(Meta::default());
        let known = Known::of(&manifest.sources, &HashSet::new(), Vec::new());
        let tree = &mut manifest.sources;
        let place = Upload {
            store: &store,
            at: &at,
            dir: dir.path(),
            old: &Tree::default(),
            may_inline: false,
        };
        let saved = upload(&place, vec![found], known, tree);
        manifest.sources.entries = saved.await.unwrap().entries;
        let snapshot = Snapshot::new(&store, 1, manifest);
        let pieces = snapshot.content(b"grown").unwrap();
        let pieces: Vec<Bytes> = pieces.try_collect().await.unwrap();
        assert!(pieces.concat() == content);
    }
}
