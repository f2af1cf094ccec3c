//! Garbage collection: states of repls that have grown old, and what no state refers to any more.
//!
//! It runs beside writers. A writer puts packs into the store before the manifest that refers to them, so
//! what nothing refers to is *condemned* first, in a list in the store, and deleted a day later if there
//! is still nothing. A new manifest refers to what a manifest before it did, or to packs of its own: so
//! what is condemned can come back only by one that was on its way the whole day.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use crate::history::kept;
use crate::manifest::{Manifest, Tree};
use crate::store::{Location, Object, Store};
use crate::{Result, VolumeError};

/// How long something is condemned before it is deleted, and how old it is at least, in milliseconds.
pub const GRACE_MS: u64 = 24 * 60 * 60 * 1000;

/// What a collection did, or would do.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Manifests that were thinned out.
    pub thinned: usize,
    /// Packs and sub-manifests that nothing refers to: they are deleted when they have been so for a day.
    pub condemned: usize,
    /// Those that were deleted, and their bytes.
    pub deleted: usize,
    pub bytes: u64,
}

/// The list of what is condemned: since when, in milliseconds since 1970.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Condemned {
    since_ms: BTreeMap<String, u64>,
}

/// Collects at the time `now_ms` (milliseconds since 1970). `dry_run`: deletes and writes nothing. May be
/// cut short and repeated; of two at once one is refused.
pub async fn collect(store: &Store, now_ms: u64, dry_run: bool) -> Result<Collected> {
    let mut collected = Collected::default();
    let last = store.last_condemned().await?;
    let condemned: Condemned = match &last {
        Some((_, bytes)) => serde_json::from_slice(bytes).map_err(|e| {
            VolumeError::Damaged("the list of what is condemned".into(), e.to_string())
        })?,
        None => Condemned::default(),
    };
    let objects = store.objects("repl").await?;
    let mut marks = Marks::default();
    for (at, numbers) in manifests(&objects) {
        let old = marks.repl(store, &at, &numbers, now_ms).await?;
        collected.thinned += old.len();
        if !dry_run {
            for number in old {
                store.delete_manifest(&at, number).await?;
            }
        }
    }
    for object in &objects {
        if Location::of_named(&object.key).is_some() {
            marks.named(store, &object.key).await?;
        }
    }
    let mut next = Condemned::default();
    let mut doomed = Vec::new();
    for object in &objects {
        if is_state(&object.key) || marks.used.contains(&object.key) {
            continue;
        }
        let since = condemned
            .since_ms
            .get(&object.key)
            .copied()
            .unwrap_or(now_ms);
        next.since_ms.insert(object.key.clone(), since);
        if now_ms >= since.max(object.modified_ms) + GRACE_MS {
            doomed.push(object);
        }
    }
    collected.condemned = next.since_ms.len() - doomed.len();
    collected.deleted = doomed.len();
    collected.bytes = doomed.iter().map(|object| object.bytes).sum();
    if dry_run {
        return Ok(collected);
    }
    // Whoever collects at the same time has taken this number.
    let number = last.as_ref().map_or(0, |(number, _)| *number) + 1;
    let list = serde_json::to_vec(&next).expect("names and numbers");
    store.put_condemned(number, list).await?;
    for object in doomed {
        store.delete(&object.key).await?;
    }
    Ok(collected)
}

/// Whether it is a state of a repl: those are deleted by age, if at all.
pub(crate) fn is_state(key: &str) -> bool {
    key.contains("/manifests/") || Location::of_named(key).is_some()
}

/// Numbers of manifests, by where they lie.
pub(crate) fn manifests(objects: &[Object]) -> BTreeMap<Location, Vec<u64>> {
    let mut all: BTreeMap<Location, Vec<u64>> = BTreeMap::new();
    for object in objects {
        if let Some((at, number)) = Location::of_manifest(&object.key) {
            all.entry(at).or_default().push(number);
        }
    }
    all
}

/// The manifests among those of one place that hold something: neither old ones, nor those that only
/// stay since an epoch began with them. What the others refer to may be gone.
pub(crate) struct Present {
    /// By number.
    pub manifests: BTreeMap<u64, Manifest>,
    /// Numbers of those that can be deleted.
    pub old: Vec<u64>,
}

impl Present {
    /// One that is deleted meanwhile is none. `damaged` is told of those that can't be read, and may go on.
    pub async fn read(
        store: &Store,
        at: &Location,
        numbers: &[u64],
        now_ms: u64,
        mut damaged: impl FnMut(VolumeError) -> Result<()>,
    ) -> Result<Self> {
        let mut manifests = BTreeMap::new();
        for number in numbers {
            match store.manifest(at, *number).await {
                Ok(manifest) => drop(manifests.insert(*number, manifest)),
                Err(VolumeError::Missing(_)) => {}
                Err(error @ VolumeError::Damaged(..)) => damaged(error)?,
                Err(error) => return Err(error),
            }
        }
        let versions: Vec<(u64, u64)> = manifests
            .iter()
            .map(|(number, manifest)| (*number, manifest.meta.written_ms))
            .collect();
        let kept = kept(&versions, now_ms);
        let is_old =
            |(number, manifest): &(&u64, &Manifest)| !kept.contains(number) && !manifest.begins;
        let old = manifests
            .iter()
            .filter(is_old)
            .map(|(number, _)| *number)
            .collect();
        manifests.retain(|number, _| kept.contains(number));
        Ok(Self { manifests, old })
    }
}

/// Keys of packs and sub-manifests that something refers to.
#[derive(Default)]
struct Marks {
    used: HashSet<String>,
}

impl Marks {
    /// Numbers of manifests that can be deleted.
    async fn repl(
        &mut self,
        store: &Store,
        at: &Location,
        numbers: &[u64],
        now_ms: u64,
    ) -> Result<Vec<u64>> {
        // What can't be read might refer to anything.
        let present = Present::read(store, at, numbers, now_ms, Err).await?;
        for manifest in present.manifests.values() {
            self.manifest(store, manifest).await?;
        }
        Ok(present.old)
    }

    /// One whose name was taken off meanwhile is none.
    async fn named(&mut self, store: &Store, key: &str) -> Result<()> {
        match store.manifest_at(key).await {
            Ok(manifest) => self.manifest(store, &manifest).await,
            Err(VolumeError::Missing(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn manifest(&mut self, store: &Store, manifest: &Manifest) -> Result<()> {
        self.tree(&manifest.sources);
        if let Some(bulk) = &manifest.bulk
            && self.used.insert(bulk.key.clone())
        {
            self.tree(&store.tree(&bulk.key).await?);
        }
        Ok(())
    }

    fn tree(&mut self, tree: &Tree) {
        for pack in &tree.packs {
            if !self.used.contains(pack) {
                self.used.insert(pack.clone());
            }
        }
    }
}
