//! One workspace on local disk, and its way from and to the store.

mod checkpoint;
mod notes;
mod restore;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Mutex;

pub use checkpoint::{Outcome, Scope};
pub use restore::export;

use crate::ignored::Ignored;
use crate::manifest::{Manifest, Meta, Tree};
use crate::quota::Size;
use crate::scan::TOPS;
use crate::stamps::Stamps;
use crate::store::{Location, Store};
use crate::{Result, VolumeError, blocking, hydrate};
use notes::{Writer, noted_lost};

/// How far a restore has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: Size,
    pub total: Size,
}

/// A workspace: `<dir>/workspace` and `<dir>/home`, backed by a place in the store.
pub struct Volume {
    store: Store,
    at: Location,
    dir: PathBuf,
    owner: Option<(u32, u32)>,
    state: Mutex<State>,
    /// What the next manifest says of the repl; apart from the rest, which a checkpoint holds for its whole time.
    meta: parking_lot::Mutex<Meta>,
    bulk_restored: AtomicBool,
    done: Arc<hydrate::Counter>,
    /// Of the manifest that it began with.
    total: Size,
}

/// A sub-manifest, with its key.
type SubManifest = (String, Arc<Tree>);

struct State {
    number: u64,
    manifest: Arc<Manifest>,
    /// The sub-manifest that was read or written last.
    bulk: Option<SubManifest>,
    /// Files whose content is in the store: of the sources, and of bulk.
    stamps: Stamps,
    bulk_stamps: Stamps,
    /// Files that the store has lost: they stay in the manifest for as long as nothing is in their place.
    lost: Vec<String>,
    /// What was not to be saved when it was scanned last.
    ignored: Arc<Ignored>,
    quota: Size,
    writer: Writer,
    /// A later epoch was there before this one began: nothing may be written here.
    replaced: bool,
    /// A manifest may have been written after `manifest`: the store's answer to that did not arrive.
    unsure: bool,
}

impl Volume {
    /// Over folders that hold a workspace already (an error where they were saved, but not in this store): one that a crash left behind, or a template's
    /// files. The head in the store, if there is one, is what the next checkpoint follows. If another
    /// writer has begun an epoch since, [`Volume::is_replaced`] holds.
    pub async fn adopt(
        store: Store,
        at: Location,
        dir: PathBuf,
        owner: Option<(u32, u32)>,
        meta: Meta,
    ) -> Result<Self> {
        let noted = Writer::noted(&dir);
        let (number, manifest) = match store.head(&at, 0).await? {
            Some((number, manifest)) => (number, manifest),
            // It came from a store, and this one knows nothing of it: what is saved here is not saved there.
            None if noted.is_some() && matches!(at, Location::Repl(_)) => {
                let what = format!("{at:?}, which lies in {},", dir.display());
                return Err(VolumeError::Missing(what));
            }
            None => (0, Manifest::empty(Meta::default())),
        };
        let replaced = match noted {
            Some(writer) => writer.is_replaced_by(&manifest),
            // A template's files are always brought anew.
            None => manifest.epoch > 0 && matches!(at, Location::Repl(_)),
        };
        let lost = noted_lost(&dir);
        // Bulk that was still being restored is not in the folder: then it must not count as deleted.
        let staging = dir.join("staging").exists();
        let volume = Self::new(store, at, dir, owner, number, manifest, meta);
        {
            let mut state = volume.state.lock().await;
            (state.replaced, state.lost) = (replaced, lost);
        }
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
        let meta = manifest.meta.lasting();
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
        let total = manifest.size();
        let state = State {
            number,
            writer: Writer::after(&manifest),
            manifest: Arc::new(manifest),
            bulk: None,
            stamps: Stamps::default(),
            bulk_stamps: Stamps::default(),
            lost: Vec::new(),
            ignored: Arc::default(),
            quota: Size::UNLIMITED,
            replaced: false,
            unsure: false,
        };
        Self {
            store,
            at,
            dir,
            owner,
            state: Mutex::new(state),
            meta: parking_lot::Mutex::new(meta),
            bulk_restored: AtomicBool::new(false),
            done: Arc::default(),
            total,
        }
    }

    /// The same folder as the first state of another repl: what a replaced writer holds is not lost.
    /// [`Volume::checkpoint`] is next.
    pub async fn fork(&self, at: Location, meta: Meta) -> Self {
        let state = self.state.lock().await;
        let mut manifest = Manifest::empty(meta.clone());
        // What is on disk is written anew: the states that hold it may be gone, after a long pause.
        if !self.is_whole() {
            manifest.bulk.clone_from(&state.manifest.bulk);
            manifest.meta.bulk.clone_from(&state.manifest.meta.bulk);
        }
        let (store, dir) = (self.store.clone(), self.dir.clone());
        let fork = Self::new(store, at, dir, self.owner, 0, manifest, meta);
        fork.bulk_restored.store(self.is_whole(), Ordering::Release);
        fork
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
            done: self.done.get(),
            total: self.total,
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
    pub fn set_meta(&self, change: impl FnOnce(&mut Meta)) {
        change(&mut self.meta.lock());
    }

    /// How much the next checkpoints may save.
    pub async fn set_quota(&self, quota: Size) {
        self.state.lock().await.quota = quota;
    }

    /// Whether another writer has begun a later epoch: what is here can't be saved in its place any
    /// more, only as a [`Volume::fork`].
    pub async fn is_replaced(&self) -> bool {
        self.state.lock().await.replaced
    }

    /// Files that could not be restored, since the store does not have them any more, or damaged. They
    /// stay in manifests, for as long as nothing is made in their place.
    pub async fn lost(&self) -> Vec<String> {
        self.state.lock().await.lost.clone()
    }

    /// Makes `manifest` the next one. A number that is taken is either this writer's own earlier
    /// attempt, whose answer was lost: that is durable then, and `manifest` follows it; or somebody
    /// else's, who has replaced this writer.
    async fn commit(&self, state: &mut State, mut manifest: Manifest) -> Result<()> {
        manifest.meta.written_ms = now_ms();
        (manifest.epoch, manifest.writer) = (state.writer.epoch, state.writer.id.clone());
        loop {
            let number = state.number + 1;
            manifest.begins = state.manifest.epoch != manifest.epoch;
            if manifest.begins {
                let (dir, writer) = (self.dir.clone(), state.writer.clone());
                blocking(move || writer.note(&dir)).await?;
            }
            state.unsure = true;
            match self.store.put_manifest(&self.at, number, &manifest).await {
                Ok(()) => {
                    (state.number, state.manifest) = (number, Arc::new(manifest));
                    state.unsure = false;
                    return Ok(());
                }
                Err(VolumeError::Replaced) => {}
                Err(error) => return Err(error),
            }
            let there = self.store.manifest(&self.at, number).await?;
            if there.writer != state.writer.id {
                state.replaced = true;
                return Err(VolumeError::Replaced);
            }
            let is_all = there.holds_the_same(&manifest);
            (state.number, state.manifest) = (number, Arc::new(there));
            if is_all {
                state.unsure = false;
                return Ok(());
            }
        }
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |d| d.as_millis() as u64)
}
