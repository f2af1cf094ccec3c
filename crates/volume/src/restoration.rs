//! What has to happen to a workspace so that it holds what an earlier state held: for whoever does it
//! there, as a tar archive. Sources only: what is derived stays as it is.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use crate::manifest::{Entry, Kind, Manifest, decode_path, is_in, places};
use crate::pack::{END, header, pad, padding};
use crate::rules::{bulk_rules, cache_rules};
use crate::scan::TOPS;
use crate::snapshot::{Snapshot, are_alike, in_workspace, is_at_or_below};
use crate::{Result, VolumeError};

/// What goes, and what comes.
pub struct Restoration {
    /// Paths below `/workspace`, folders before what is in them.
    pub going: Vec<Vec<u8>>,
    /// Those of what comes that the state now has: it may be replaced. What lies at any other is in no state.
    pub replaced: Vec<Vec<u8>>,
    coming: Vec<Arc<Entry>>,
}

impl Restoration {
    /// From the state `now` to what `then` held at and below a path; the empty one is the whole workspace.
    /// Where `then` held nothing there, that is refused, or `or_remove`. `not_saved`: what the workspace may
    /// hold otherwise than `now`, as [`crate::Outcome`] lists it.
    pub fn between(
        now: &Manifest,
        not_saved: &[String],
        then: &Manifest,
        path: &[u8],
        or_remove: bool,
    ) -> Result<Self> {
        let not_saved: HashSet<&str> = not_saved.iter().map(String::as_str).collect();
        let place = in_workspace(path);
        if !or_remove && !path.is_empty() && then.sources.find(&place).is_err() {
            return Err(VolumeError::Missing(
                String::from_utf8_lossy(path).into_owned(),
            ));
        }
        let find = |tree: &crate::manifest::Tree, path: &str| {
            tree.find(path).ok().map(|at| tree.entries[at].clone())
        };
        let is_kind = |a: &Entry, b: &Entry| {
            std::mem::discriminant(&a.kind) == std::mem::discriminant(&b.kind)
        };
        // Derived by what holds now, whatever it was then.
        let mut derived = bulk_rules(&now.meta);
        derived.extend(cache_rules(&now.meta));
        let in_place = |entry: &&Arc<Entry>| {
            let is_folder = matches!(entry.kind, Kind::Folder);
            is_at_or_below(&place, &entry.path) && !is_in(&derived, &entry.path, is_folder)
        };
        let old = now.sources.entries.iter().filter(in_place);
        let going = old.filter(|entry| {
            let then = find(&then.sources, &entry.path);
            !then.is_some_and(|then| is_kind(&then, entry))
        });
        let new = then.sources.entries.iter().filter(in_place);
        let coming = new.filter(|entry| {
            let now = find(&now.sources, &entry.path);
            let is_the_same = now.is_some_and(|now| are_alike(&now, entry));
            !is_the_same || is_named(&not_saved, &entry.path)
        });
        let coming: Vec<Arc<Entry>> = coming.cloned().collect();
        let replaced = coming.iter().filter(|entry| {
            let now = find(&now.sources, &entry.path);
            now.is_some_and(|now| is_kind(&now, entry))
        });
        Ok(Self {
            going: going.map(|entry| below_workspace(entry)).collect(),
            replaced: replaced.map(|entry| below_workspace(entry)).collect(),
            coming,
        })
    }

    /// Leaves out what is `not_saved` now and was not itself asked for (`path`): nothing that is on disk alone
    /// goes for what lies beside it. Which they are.
    pub fn leave_not_saved(&mut self, not_saved: &[String], path: &[u8]) -> Vec<Vec<u8>> {
        let asked = in_workspace(path);
        let not_saved: HashSet<&str> = not_saved.iter().map(String::as_str).collect();
        self.leave(|path| path != asked && is_named(&not_saved, path))
    }

    /// Leaves out files whose content the store has lost, and what is in their places now; which they are.
    pub async fn leave_lost(&mut self, then: &Snapshot) -> Result<Vec<Vec<u8>>> {
        let spans = self.coming.iter().flat_map(|entry| entry.kind.spans());
        let packs = spans.map(|span| span.pack).collect();
        let lost = then.lost(packs).await?;
        let is_lost =
            |entry: &&Arc<Entry>| entry.kind.spans().any(|span| lost.contains(&span.pack));
        let lost = self.coming.iter().filter(is_lost);
        let lost: HashSet<String> = lost.map(|entry| entry.path.clone()).collect();
        Ok(self.leave(|path| lost.contains(path)))
    }

    /// Leaves out what `is_left`, and what is in its place now; which paths these are.
    fn leave(&mut self, is_left: impl Fn(&str) -> bool) -> Vec<Vec<u8>> {
        let mut left = BTreeSet::new();
        self.coming.retain(|entry| {
            let stays = is_left(&entry.path);
            if stays {
                left.insert(entry.path.clone());
            }
            !stays
        });
        self.going.retain(|path| {
            let path = in_workspace(path);
            if is_left(&path) {
                left.insert(path);
                return false;
            }
            !places(&path).any(|at| left.contains(at))
        });
        left.iter().map(|path| below(path)).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.going.is_empty() && self.coming.is_empty()
    }

    /// Bytes of the files that come.
    pub fn bytes(&self) -> u64 {
        let sizes = self.coming.iter().map(|entry| match entry.kind {
            Kind::File { size, .. } => size,
            _ => 0,
        });
        sizes.sum()
    }

    /// A tar archive: a file `name` with `content` first, then what comes, whose contents are read from
    /// `then` as they are sent.
    pub fn archive(
        self,
        then: Arc<Snapshot>,
        name: &str,
        content: Vec<u8>,
    ) -> impl Stream<Item = Result<Bytes>> + Send + use<> {
        let mut first = header(name, content.len() as u64, 0o644, 0);
        first.extend(content);
        pad(&mut first);
        let begin = stream::once(async move { Ok(first.into()) });
        let members = stream::iter(self.coming).flat_map(move |entry| member(&then, entry));
        let end = stream::once(async { Ok(Bytes::from_static(&END)) });
        begin.chain(members).chain(end)
    }
}

/// Whether `paths` name it, or a folder that it lies in: of one that could not be read nothing is known.
fn is_named(paths: &HashSet<&str>, path: &str) -> bool {
    places(path).any(|place| paths.contains(place))
}

fn below_workspace(entry: &Entry) -> Vec<u8> {
    below(&entry.path)
}

fn below(path: &str) -> Vec<u8> {
    decode_path(path)[TOPS[0].len() + 1..].to_vec()
}

fn member(then: &Arc<Snapshot>, entry: Arc<Entry>) -> stream::BoxStream<'static, Result<Bytes>> {
    let size = match &entry.kind {
        Kind::File { size, .. } => *size,
        Kind::Folder => return plain(&entry, tar::EntryType::Directory, None),
        Kind::Symlink { target } => {
            let target = decode_path(target);
            return plain(&entry, tar::EntryType::Symlink, Some(target));
        }
    };
    let path = decode_path(&entry.path);
    let content = match then.content(&path[TOPS[0].len() + 1..]) {
        Ok(content) => content,
        Err(error) => return stream::once(async { Err(error) }).boxed(),
    };
    let head = header(&entry.path, size, entry.mode, entry.mtime_ns);
    stream::once(async move { Ok(head.into()) })
        .chain(content)
        .chain(stream::once(async move {
            Ok(Bytes::from_static(padding(size)))
        }))
        .try_filter(|bytes: &Bytes| {
            let is_some = !bytes.is_empty();
            async move { is_some }
        })
        .boxed()
}

/// A folder or a link.
fn plain(
    entry: &Entry,
    kind: tar::EntryType,
    target: Option<Vec<u8>>,
) -> stream::BoxStream<'static, Result<Bytes>> {
    use std::os::unix::ffi::OsStrExt;
    let path = decode_path(&entry.path);
    let path = std::ffi::OsStr::from_bytes(&path);
    let mut archive = tar::Builder::new(Vec::new());
    let mut head = tar::Header::new_gnu();
    head.set_entry_type(kind);
    head.set_mode(entry.mode);
    head.set_size(0);
    let written = match target {
        Some(target) => archive.append_link(&mut head, path, std::ffi::OsStr::from_bytes(&target)),
        None => archive.append_data(&mut head, path, std::io::empty()),
    };
    let bytes = archive.get_ref().clone();
    let result = written.map(|()| bytes.into());
    let result = result.map_err(|e| VolumeError::Damaged(entry.path.clone(), e.to_string()));
    stream::once(async move { result }).boxed()
}
