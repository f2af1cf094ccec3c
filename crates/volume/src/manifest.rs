//! A manifest: every file of a workspace at one moment, and where its bytes are.
//! How it is written: [`crate::encoding`].

use std::collections::HashSet;
use std::sync::Arc;

use blake3::Hash;
use bytes::Bytes;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};
use serde::{Deserialize, Serialize};

use crate::quota::Size;

/// What is escaped in a path besides control characters and bytes above 127 (RFC 3986 §2.1).
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// One durable state of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub meta: Meta,
    /// The life of the repl that it was written in. A higher one fences off writers of lower ones.
    pub epoch: u64,
    /// Whether it begins its epoch: then it stays for as long as the repl does.
    pub begins: bool,
    /// Who wrote it: a writer whose number is taken knows its own earlier attempt by it.
    pub writer: String,
    /// All but bulk.
    pub sources: Tree,
    pub bulk: Option<BulkRef>,
}

/// Names the sub-manifest that lists bulk, which changes rarely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BulkRef {
    pub key: String,
    /// Files and folders in it.
    pub entries: u64,
    /// Bytes of their content; 0 where it was not counted.
    #[serde(default)]
    pub bytes: u64,
    /// How many of them lie in the home folder; absent where it was not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home: Option<u64>,
}

impl BulkRef {
    pub(crate) fn new(key: String, tree: &Tree) -> Self {
        let Size { bytes, files } = Size::of(&tree.entries);
        Self {
            key,
            entries: files,
            bytes,
            home: Some(tree.below("home").len() as u64),
        }
    }

    pub(crate) fn size(&self) -> Size {
        Size {
            bytes: self.bytes,
            files: self.entries,
        }
    }
}

/// Files and folders, and the packs that hold their bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// Keys of the packs that entries refer to by their index.
    pub packs: Vec<String>,
    /// Sorted by path; a folder stands before what is in it. Trees that follow each other share what is the
    /// same: of very many files there is one list in memory, not several.
    pub entries: Vec<Arc<Entry>>,
}

/// What is known of the workspace beside its files, so that a database can be rebuilt from the store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meta {
    pub name: String,
    pub owner: String,
    pub template: String,
    /// When it was written, milliseconds since 1970.
    pub written_ms: u64,
    /// Ids of those who were there since the state before, sorted; none: programs alone were at work.
    /// Absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Vec<String>>,
    /// The number of the state that was restored here, all of it or a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<u64>,
    /// Of a named state: its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// For a template: digest of the files it was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// For a template: its setup has been done, the result is among the entries.
    #[serde(default)]
    pub prepared: bool,
    /// Folders (names, or paths below `workspace/`) that are derived and replaceable.
    #[serde(default)]
    pub bulk: Vec<String>,
    /// Folders that are never saved.
    #[serde(default)]
    pub caches: Vec<String>,
}

impl Meta {
    /// What holds for the states that follow as well: neither when it was written, nor how it came about.
    pub(crate) fn lasting(&self) -> Self {
        Self {
            written_ms: 0,
            by: None,
            restored: None,
            label: None,
            ..self.clone()
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// From the top: `workspace/…` or `home/…`; percent-encoded where it isn't printable ASCII.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Nanoseconds since 1970.
    pub mtime_ns: i64,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    File {
        size: u64,
        /// Of the whole content.
        hash: Hash,
        place: Place,
    },
    Folder,
    Symlink {
        /// Percent-encoded like a path.
        target: String,
    },
}

/// Where a file's bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the manifest itself.
    Inline(Bytes),
    /// One member of a pack.
    Packed(Span),
    /// Members of packs, one after the other: so that a change of a large file uploads a part of it.
    Chunked(Vec<Chunk>),
}

/// Where a member lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Span {
    /// Index into the tree's packs.
    pub pack: u32,
    /// Bytes in the pack.
    pub offset: u64,
    pub length: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    pub size: u64,
    pub hash: Hash,
    pub span: Span,
}

impl Manifest {
    /// How large the workspace is, bulk included.
    pub fn size(&self) -> Size {
        let bulk = self.bulk.as_ref().map(BulkRef::size).unwrap_or_default();
        Size::of(&self.sources.entries).and(bulk)
    }

    pub fn empty(meta: Meta) -> Self {
        Self {
            meta,
            epoch: 0,
            begins: false,
            writer: String::new(),
            sources: Tree::default(),
            bulk: None,
        }
    }

    /// The first manifest of another repl with the same files: it refers to the packs that there are.
    pub fn fork(&self, meta: Meta) -> Self {
        Self {
            meta: Meta {
                restored: None,
                label: None,
                ..meta
            },
            epoch: 0,
            begins: false,
            writer: String::new(),
            ..self.clone()
        }
    }

    /// Whether files and what lasts beside them are the same, whoever wrote it when.
    pub(crate) fn holds_the_same(&self, other: &Self) -> bool {
        (&self.sources, &self.bulk, self.meta.lasting())
            == (&other.sources, &other.bulk, other.meta.lasting())
    }

    /// Whether a path lies in, or is, one of `rules`' folders: a rule without a slash is a folder's
    /// name anywhere in the workspace, one with a slash a path below `workspace/` or from the top.
    pub fn matches(rules: &[String], path: &str) -> bool {
        rules.iter().any(|rule| {
            if rule.contains('/') {
                let below = |p: &str| {
                    p == rule
                        || p.strip_prefix(rule.as_str())
                            .is_some_and(|r| r.starts_with('/'))
                };
                below(path) || path.strip_prefix("workspace/").is_some_and(below)
            } else {
                path.split('/').skip(1).any(|name| name == rule)
            }
        })
    }
}

/// Whether an entry is in a folder that `rules` name. A file by itself is in none, whatever its name.
pub(crate) fn is_in(rules: &[String], path: &str, is_folder: bool) -> bool {
    let folder = if is_folder { path } else { parent(path) };
    Manifest::matches(rules, folder)
}

impl Tree {
    /// Takes out every entry whose parent is not a folder here, and all but the first of a path.
    pub(crate) fn drop_strays(&mut self) {
        let strays = self.strays();
        let mut index = 0;
        self.entries.retain(|_| {
            index += 1;
            strays.binary_search(&(index - 1)).is_err()
        });
    }

    /// Indices of entries that are in no folder of this tree, in order; entries must be sorted.
    pub(crate) fn strays(&self) -> Vec<usize> {
        let mut folders = HashSet::from(["workspace", "home"]);
        let mut last = None;
        let mut strays = Vec::new();
        for (i, entry) in self.entries.iter().enumerate() {
            let path = entry.path.as_str();
            if !folders.contains(parent(path)) || last == Some(path) {
                strays.push(i);
                continue;
            }
            last = Some(path);
            if entry.kind == Kind::Folder {
                folders.insert(path);
            }
        }
        strays
    }

    /// The outermost folders, of a tree that is bulk: they lie in folders which are not of it.
    pub(crate) fn roots(&self) -> Vec<&str> {
        let mut folders = HashSet::new();
        let mut roots = Vec::new();
        for entry in &self.entries {
            if !folders.contains(parent(&entry.path)) {
                roots.push(entry.path.as_str());
            }
            if entry.kind == Kind::Folder {
                folders.insert(entry.path.as_str());
            }
        }
        roots
    }

    /// The first entry that is in no folder, of a tree that is bulk.
    pub(crate) fn stray_of_bulk(&self) -> Option<&str> {
        let stray = self.strays_of_bulk().into_iter().next()?;
        Some(&self.entries[stray].path)
    }

    /// Takes out what is in no folder, of a tree that is bulk.
    pub(crate) fn drop_strays_of_bulk(&mut self) {
        // What lay in one that goes is in none either.
        loop {
            let strays: HashSet<usize> = self.strays_of_bulk().into_iter().collect();
            if strays.is_empty() {
                return;
            }
            let mut index = 0;
            self.entries.retain(|_| {
                index += 1;
                !strays.contains(&(index - 1))
            });
        }
    }

    fn strays_of_bulk(&self) -> Vec<usize> {
        let roots: HashSet<&str> = self.roots().into_iter().collect();
        let mut paths = HashSet::new();
        let mut strays = Vec::new();
        for (i, entry) in self.entries.iter().enumerate() {
            let path = entry.path.as_str();
            let lies_in_one = places(path).skip(1).any(|above| paths.contains(above));
            let is_root = roots.contains(path);
            let is_new = paths.insert(path);
            if !is_new || (is_root && (entry.kind != Kind::Folder || lies_in_one)) {
                strays.push(i);
            }
        }
        strays
    }

    /// An entry of another tree as one of this: the packs that hold its bytes are listed here.
    pub(crate) fn adopt(&mut self, of: &Self, entry: &Arc<Entry>) -> Arc<Entry> {
        let mut adopted = entry.clone();
        if entry.kind.spans().next().is_none() {
            return adopted;
        }
        for span in Arc::make_mut(&mut adopted).kind.spans_mut() {
            let key = &of.packs[span.pack as usize];
            let known = self.packs.iter().position(|pack| pack == key);
            span.pack = known.unwrap_or_else(|| {
                self.packs.push(key.clone());
                self.packs.len() - 1
            }) as u32;
        }
        adopted
    }

    /// Adds entries of another tree.
    pub(crate) fn take_over(&mut self, of: &Self, entries: &[Arc<Entry>]) {
        for entry in entries {
            let entry = self.adopt(of, entry);
            self.entries.push(entry);
        }
        self.sort();
    }

    pub(crate) fn sort(&mut self) {
        self.entries
            .sort_unstable_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
    }

    /// Where an entry is, or would be.
    pub(crate) fn find(&self, path: &str) -> Result<usize, usize> {
        let by = |entry: &Arc<Entry>| entry.path.as_bytes().cmp(path.as_bytes());
        self.entries.binary_search_by(by)
    }

    /// This tree's own entry, where it has the same.
    pub(crate) fn shared(&self, entry: Entry) -> Arc<Entry> {
        let own = self.find(&entry.path).ok().map(|at| &self.entries[at]);
        let own = own.filter(|own| ***own == entry);
        own.cloned().unwrap_or_else(|| Arc::new(entry))
    }

    /// The entries that lie in a folder, at any depth.
    pub(crate) fn below(&self, folder: &str) -> &[Arc<Entry>] {
        let first = format!("{folder}/");
        let start = self.find(&first).unwrap_or_else(|at| at);
        let rest = &self.entries[start..];
        let length = rest.partition_point(|entry| entry.path.starts_with(&first));
        &rest[..length]
    }

    /// Bytes that entries refer to, by pack.
    pub(crate) fn live_bytes(&self) -> Vec<u64> {
        let mut live = vec![0; self.packs.len()];
        for span in self.entries.iter().flat_map(|e| e.kind.spans()) {
            live[span.pack as usize] += span.length;
        }
        live
    }

    /// Takes packs that no entry refers to off the list.
    pub(crate) fn drop_unused_packs(&mut self) {
        let live = self.live_bytes();
        let mut next = 0;
        let numbers: Vec<u32> = live
            .iter()
            .map(|bytes| {
                next += u32::from(*bytes > 0);
                next.wrapping_sub(1)
            })
            .collect();
        for entry in &mut self.entries {
            let moves = |span: &Span| numbers[span.pack as usize] != span.pack;
            if entry.kind.spans().any(moves) {
                for span in Arc::make_mut(entry).kind.spans_mut() {
                    span.pack = numbers[span.pack as usize];
                }
            }
        }
        let mut keep = live.iter().map(|bytes| *bytes > 0);
        self.packs.retain(|_| keep.next().unwrap_or(false));
    }
}

impl Kind {
    pub(crate) fn spans(&self) -> Box<dyn Iterator<Item = &Span> + '_> {
        match self {
            Self::File { place, .. } => place.spans(),
            _ => Box::new(std::iter::empty()),
        }
    }

    fn spans_mut(&mut self) -> Box<dyn Iterator<Item = &mut Span> + '_> {
        match self {
            Self::File { place, .. } => place.spans_mut(),
            _ => Box::new(std::iter::empty()),
        }
    }
}

impl Place {
    pub(crate) fn spans(&self) -> Box<dyn Iterator<Item = &Span> + '_> {
        match self {
            Self::Inline(_) => Box::new(std::iter::empty()),
            Self::Packed(span) => Box::new(std::iter::once(span)),
            Self::Chunked(chunks) => Box::new(chunks.iter().map(|chunk| &chunk.span)),
        }
    }

    fn spans_mut(&mut self) -> Box<dyn Iterator<Item = &mut Span> + '_> {
        match self {
            Self::Inline(_) => Box::new(std::iter::empty()),
            Self::Packed(span) => Box::new(std::iter::once(span)),
            Self::Chunked(chunks) => Box::new(chunks.iter_mut().map(|chunk| &mut chunk.span)),
        }
    }
}

/// The folder that something lies in.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// A path, and the folders that it lies in, up to the top.
pub(crate) fn places(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(path), |at| {
        Some(parent(at)).filter(|above| !above.is_empty())
    })
}

/// Whether `path` lies in the folder `folder`.
pub(crate) fn is_below(folder: &str, path: &str) -> bool {
    path.strip_prefix(folder)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// Bytes of a path, as it is written in a manifest.
pub fn encode_path(bytes: &[u8]) -> String {
    percent_encode(bytes, ESCAPED).to_string()
}

/// The reverse of [`encode_path`].
pub fn decode_path(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rules_match_names_anywhere_and_paths_from_the_top() {
        let rules = [
            "node_modules".to_owned(),
            "build/out".to_owned(),
            "home/.cache".to_owned(),
        ];
        for path in [
            "workspace/node_modules",
            "workspace/a/node_modules/b/c.js",
            "workspace/build/out/x",
            "home/.cache/pip",
        ] {
            assert!(Manifest::matches(&rules, path), "{path}");
        }
        for path in [
            "workspace/node_modules2",
            "workspace/a/build/out",
            "workspace/build/outer",
            "home/.cached",
        ] {
            assert!(!Manifest::matches(&rules, path), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_name_survives(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decode_path(&encode_path(&bytes)), bytes);
        }
    }
}
