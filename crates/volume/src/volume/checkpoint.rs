//! From local disk to the store: what has changed becomes the next manifest.

use std::collections::HashSet;
use std::sync::Arc;

use super::notes::note_lost;
use super::{State, SubManifest, Volume};
use crate::changes::Changes;
use crate::manifest::{BulkRef, Entry, Kind, Manifest, Tree, encode_path, is_in, places};
use crate::quota::{self, Size};
use crate::rules::{RUNNING, bulk_rules, cache_rules};
use crate::scan::{Found, FoundKind, MAX_FILES, Room, Rules, Stamp, open_top, skipper};
use crate::snapshot::is_at_or_below;
use crate::stamps::Stamps;
use crate::upload::{Known, Upload, pack_inlined, upload};
use crate::{Result, VolumeError, blocking};

/// Packs that sources may be scattered over before they are gathered, when everything is saved,
const MOST_PACKS: usize = 16;
/// and how many of them, those with most in it, stay as they are.
const KEPT_PACKS: usize = 8;

/// What a checkpoint looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All but bulk.
    Sources,
    Everything,
    /// What serves to go on after a crash, too: when nothing runs there any more.
    Final,
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
    /// What would exceed the quota: it, too, is in the store as it was before, if it was.
    pub refused: Vec<String>,
    /// Of that there is at least so much more, which is not listed.
    pub beyond: u64,
    /// How large the workspace is as it was saved.
    pub size: Size,
}

impl Outcome {
    /// How much would exceed the quota, at least.
    pub fn refused_files(&self) -> u64 {
        self.refused.len() as u64 + self.beyond
    }
}

/// What a checkpoint gathers.
struct Saving {
    /// Files that the store had lost, and that are there again.
    found_again: HashSet<String>,
    outcome: Outcome,
    /// Paths of what would exceed the quota.
    refused: HashSet<String>,
}

impl Volume {
    /// Saves what changed as the next manifest; durable when this returns. Folders are handed to
    /// `changes` as they are read. An error leaves the head as it was: try again, unless it is
    /// [`VolumeError::Replaced`].
    pub async fn checkpoint(&self, scope: Scope, changes: Option<Arc<Changes>>) -> Result<Outcome> {
        let mut state = self.state.lock().await;
        if state.replaced {
            return Err(VolumeError::Replaced);
        }
        let old = state.manifest.clone();
        let mut meta = self.meta.lock().clone();
        let is_whole = self.is_whole();
        // Until bulk is in place, it is what it was when it was saved.
        let rules = bulk_rules(if is_whole { &meta } else { &old.meta });
        let is_bulk =
            |entry: &Arc<Entry>| is_in(&rules, &entry.path, matches!(entry.kind, Kind::Folder));
        // What has become bulk must be saved as such before it is passed over, and what is so no more
        // must be taken off the sub-manifest.
        let have_changed =
            is_whole && (rules != bulk_rules(&old.meta) || old.sources.entries.iter().any(is_bulk));
        let everything = have_changed || (is_whole && scope != Scope::Sources);
        let mut never = cache_rules(&meta);
        if scope != Scope::Final {
            never.push(RUNNING.to_owned());
        }
        let skip = skipper(never, (!everything).then(|| rules.clone()));
        // While it is open, the disk that it may be on can't be unmounted: what was found is there to be read.
        let _open = open_top(&self.dir)?;
        let dir = self.dir.clone();
        let (mut before, mut bulk_before) = (old.clone(), Arc::default());
        let mut bulk_key = old.bulk.as_ref().map(|bulk| bulk.key.as_str());
        if everything {
            bulk_before = self.bulk_before(&state, &old).await?;
        }
        // What was saved is looked for where it lies by the rules that hold now.
        if have_changed {
            let sources = &mut Arc::make_mut(&mut before).sources;
            if regroup(sources, Arc::make_mut(&mut bulk_before), &rules) {
                bulk_key = None;
            }
        }
        let (known, known_bulk) = (before.clone(), bulk_before.clone());
        let held = old.size().files.max(state.quota.files);
        let ignored = state.ignored.clone();
        let (scanned, ignored) = blocking(move || {
            let ignored = ignored.read(&dir);
            let rules = Rules {
                skip: &skip,
                ignored: &ignored,
                room: Room::of(held),
                is_known: &|path| known.sources.find(path).is_ok() || known_bulk.find(path).is_ok(),
                changes: changes.as_deref(),
            };
            Ok((rules.scan(&dir)?, ignored))
        })
        .await?;
        state.ignored = ignored;
        if scanned.beyond > 0 && state.quota == Size::UNLIMITED {
            return Err(VolumeError::Limit(format!(
                "there are more than {MAX_FILES} files: delete some, or list their folder under `caches`"
            )));
        }
        let mut saving = Saving {
            found_again: HashSet::new(),
            outcome: Outcome {
                number: state.number,
                left_out: scanned.left_out,
                beyond: scanned.beyond,
                ..Outcome::default()
            },
            refused: HashSet::new(),
        };
        let is_bulk =
            |found: &Found| is_in(&rules, &found.path, matches!(found.kind, FoundKind::Folder));
        let mut found = scanned.found;
        // Empty folders of it say nothing.
        let is_of_a_run = |found: &Found| is_at_or_below(RUNNING, &found.path);
        let is_file = |found: &Found| matches!(found.kind, FoundKind::File(_));
        if !found
            .iter()
            .any(|found| is_of_a_run(found) && is_file(found))
        {
            found.retain(|found| !is_of_a_run(found));
        }
        let mut bulk: Vec<Found> = found.extract_if(.., |found| is_bulk(found)).collect();
        let elsewhere = old.bulk.as_ref().filter(|_| !everything);
        saving.refused = quota::over(
            state.quota,
            elsewhere.map(BulkRef::size).unwrap_or_default(),
            &[&before.sources.entries, &bulk_before.entries],
            &[&found, &bulk],
        );
        if !saving.refused.is_empty() {
            found.retain(|found| !saving.refused.contains(&found.path));
            bulk.retain(|found| !saving.refused.contains(&found.path));
        }
        let (mut sources, stamps) = self
            .save(
                &state,
                &before.sources,
                found,
                true,
                everything,
                &mut saving,
            )
            .await?;
        // A folder whose content is carried over may have become a link meanwhile.
        sources.drop_strays();
        sources.drop_unused_packs();
        let (bulk_ref, bulk, bulk_stamps) = if everything {
            self.save_bulk(&state, bulk_key, bulk_before, bulk, &mut saving)
                .await?
        } else {
            (old.bulk.clone(), state.bulk.clone(), None)
        };
        let Saving {
            found_again,
            mut outcome,
            refused,
        } = saving;
        let restored = meta.restored;
        if !is_whole {
            meta.bulk.clone_from(&old.meta.bulk);
        }
        let manifest = Manifest {
            sources,
            bulk: bulk_ref,
            ..Manifest::empty(meta)
        };
        outcome.size = manifest.size();
        outcome.refused = refused.into_iter().collect();
        outcome.refused.sort_unstable();
        let is_news = !manifest.holds_the_same(&old) || old.epoch != state.writer.epoch;
        if is_news || state.unsure {
            self.commit(&mut state, manifest).await?;
            self.set_meta(|meta| {
                if meta.restored == restored {
                    meta.restored = None;
                }
            });
            outcome.changed = true;
            outcome.number = state.number;
        }
        state.bulk = bulk;
        state.stamps = stamps;
        if let Some(stamps) = bulk_stamps {
            state.bulk_stamps = stamps;
        }
        if !found_again.is_empty() {
            state.lost.retain(|path| !found_again.contains(path));
            note_lost(&self.dir, &state.lost)?;
        }
        Ok(outcome)
    }

    /// Bulk as it was saved.
    async fn bulk_before(&self, state: &State, old: &Manifest) -> Result<Arc<Tree>> {
        let Some(bulk) = &old.bulk else {
            return Ok(Arc::default());
        };
        // The manifest may be one whose answer was lost: then it names another than was read last.
        if let Some((_, tree)) = state.bulk.as_ref().filter(|(key, _)| *key == bulk.key) {
            return Ok(tree.clone());
        }
        match self.store.tree(&bulk.key).await {
            Ok(tree) => Ok(Arc::new(tree)),
            // All of it is here.
            Err(VolumeError::Missing(_) | VolumeError::Damaged(..)) => Ok(Arc::default()),
            Err(error) => Err(error),
        }
    }

    /// Bulk as it is now: what the manifest says of it, and the sub-manifest with its key. `key`: of the one
    /// that lists what was there `before`.
    async fn save_bulk(
        &self,
        state: &State,
        key: Option<&str>,
        before: Arc<Tree>,
        found: Vec<Found>,
        saving: &mut Saving,
    ) -> Result<(Option<BulkRef>, Option<SubManifest>, Option<Stamps>)> {
        let (mut tree, stamps) = self
            .save(state, &before, found, false, true, saving)
            .await?;
        tree.drop_strays_of_bulk();
        // What was a source may be in the manifest itself.
        pack_inlined(&self.store, &self.at, &mut tree, 0).await?;
        tree.drop_unused_packs();
        if tree.entries.is_empty() {
            return Ok((None, None, Some(stamps)));
        }
        let (key, tree) = match key {
            Some(key) if tree == *before => (key.to_owned(), before),
            _ => (self.store.put_tree(&self.at, &tree).await?, Arc::new(tree)),
        };
        let bulk = BulkRef::new(key.clone(), &tree);
        Ok((Some(bulk), Some((key, tree)), Some(stamps)))
    }

    /// What was found, with the content in the store, and which files can be passed over next time; `old`:
    /// how it was.
    async fn save(
        &self,
        state: &State,
        old: &Tree,
        mut found: Vec<Found>,
        may_inline: bool,
        gather: bool,
        saving: &mut Saving,
    ) -> Result<(Tree, Stamps)> {
        let mut stamps = Stamps::default();
        let scattered = if gather {
            scattered_packs(old)
        } else {
            Vec::new()
        };
        let is_scattered = |kind: &Kind| kind.spans().any(|span| scattered.contains(&span.pack));
        let mut tree = Tree {
            packs: old.packs.clone(),
            entries: Vec::with_capacity(found.len()),
        };
        // What stays has to be read.
        found.retain_mut(|found| {
            let before = old.find(&found.path).ok().map(|at| &old.entries[at]);
            let kind = match &found.kind {
                FoundKind::Folder => Some(Kind::Folder),
                FoundKind::Symlink(target) => Some(Kind::Symlink {
                    target: encode_path(target),
                }),
                FoundKind::File(stamp) => before
                    .filter(|_| state.is_saved(&found.path, stamp))
                    .filter(|entry| !is_scattered(&entry.kind))
                    .map(|entry| entry.kind.clone()),
            };
            let Some(kind) = kind else {
                return true;
            };
            if let FoundKind::File(stamp) = &found.kind {
                stamps.note(&found.path, stamp);
            }
            // A link's own time can't be restored everywhere, and says nothing.
            let is_link = matches!(kind, Kind::Symlink { .. });
            tree.entries.push(old.shared(Entry {
                path: std::mem::take(&mut found.path),
                mode: found.mode,
                mtime_ns: if is_link { 0 } else { found.mtime_ns },
                kind,
            }));
            false
        });
        let lost: HashSet<&str> = state.lost.iter().map(String::as_str).collect();
        if !found.is_empty() {
            let reusable = Known::of(old, &lost, scattered.clone());
            let place = Upload {
                store: &self.store,
                at: &self.at,
                dir: &self.dir,
                old,
                may_inline,
            };
            let up = upload(&place, found, reusable, &mut tree).await?;
            tree.entries.extend(up.entries);
            stamps.extend(up.stamps);
            saving.outcome.left_out.extend(up.left_out);
            saving.outcome.files += up.files;
            saving.outcome.bytes += up.bytes;
        }
        let there = tree.entries.iter().map(|entry| &entry.path);
        let found_again = there.filter(|path| lost.contains(path.as_str()));
        saving.found_again.extend(found_again.cloned());
        // What could not be read or is too much stays as it was, and what the store has lost, if nothing
        // took its place.
        let left_out = saving.outcome.left_out.iter().map(String::as_str);
        let left_out: HashSet<&str> = left_out.collect();
        let refused = &saving.refused;
        if !left_out.is_empty() || !refused.is_empty() || !lost.is_empty() {
            let there: HashSet<&str> = tree.entries.iter().map(|e| e.path.as_str()).collect();
            let stays = |path: &str| {
                let is_left_out = places(path).any(|place| left_out.contains(place));
                (is_left_out || refused.contains(path) || lost.contains(path))
                    && !there.contains(path)
            };
            let carried = old.entries.iter().filter(|entry| stays(&entry.path));
            let carried: Vec<Arc<Entry>> = carried.cloned().collect();
            tree.entries.extend(carried);
        }
        tree.sort();
        Ok((tree, stamps))
    }
}

impl State {
    /// Whether a file's content is in the store as it is on disk.
    fn is_saved(&self, path: &str, stamp: &Stamp) -> bool {
        self.stamps.hold(path, stamp) || self.bulk_stamps.hold(path, stamp)
    }
}

/// Puts each entry into the tree that `rules` want it in. Whether any was in the other.
fn regroup(sources: &mut Tree, bulk: &mut Tree, rules: &[String]) -> bool {
    let is_bulk =
        |entry: &Arc<Entry>| is_in(rules, &entry.path, matches!(entry.kind, Kind::Folder));
    let derived: Vec<Arc<Entry>> = sources.entries.extract_if(.., |e| is_bulk(e)).collect();
    let others: Vec<Arc<Entry>> = bulk.entries.extract_if(.., |e| !is_bulk(e)).collect();
    bulk.take_over(sources, &derived);
    sources.take_over(bulk, &others);
    !derived.is_empty() || !others.is_empty()
}

/// Packs that hold little each, when there are many: a restore makes a request for each.
fn scattered_packs(tree: &Tree) -> Vec<u32> {
    let live = tree.live_bytes();
    if live.len() <= MOST_PACKS {
        return Vec::new();
    }
    let mut packs: Vec<u32> = (0..live.len() as u32).collect();
    packs.sort_by_key(|pack| std::cmp::Reverse(live[*pack as usize]));
    packs.split_off(KEPT_PACKS)
}
