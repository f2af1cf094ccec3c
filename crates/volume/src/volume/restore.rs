//! From the store to local disk: sources first, bulk beside a workspace that is in use.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::Volume;
use super::notes::note_lost;
use crate::manifest::{Manifest, Tree, decode_path, is_below};
use crate::quota::Size;
use crate::scan::TOPS;
use crate::store::Store;
use crate::{Result, VolumeError, blocking, hydrate};

impl Volume {
    /// Where a sandbox's workspace and home are in a volume's folder.
    pub fn tops(dir: &Path) -> [PathBuf; 2] {
        TOPS.map(|top| dir.join(top))
    }

    /// Makes them, empty, unless they are there: a sandbox may be started before its files are.
    pub async fn make_tops(dir: &Path, owner: Option<(u32, u32)>) -> Result<()> {
        let tops = Self::tops(dir);
        blocking(move || {
            for path in tops {
                std::fs::create_dir_all(&path)
                    .and_then(|()| chown(&path, owner))
                    .map_err(|e| VolumeError::local(path.to_string_lossy(), e))?;
            }
            Ok(())
        })
        .await
    }

    /// Restores all that is not bulk into the folder, which must not hold any of it, and begins an
    /// epoch: from then on nobody else can write to the repl unnoticed.
    pub async fn restore_sources(&self) -> Result<()> {
        let mut state = self.state.lock().await;
        Self::make_tops(&self.dir, self.owner).await?;
        let mut begin = (*state.manifest).clone();
        begin.meta = begin.meta.lasting();
        let sources = Arc::new(state.manifest.sources.clone());
        let restore = hydrate::write(&self.store, &sources, &self.dir, self.owner, &self.done);
        let (written, ()) = tokio::try_join!(restore, self.commit(&mut state, begin))?;
        (state.stamps, state.lost) = (written.stamps, written.lost);
        note_lost(&self.dir, &state.lost)?;
        let is_whole = state.manifest.bulk.is_none();
        if !is_whole {
            // While this folder is there, what is missing of bulk was not deleted by anybody.
            let staging = self.dir.join("staging");
            std::fs::create_dir_all(&staging).map_err(|e| VolumeError::local("staging", e))?;
        }
        self.bulk_restored.store(is_whole, Ordering::Release);
        Ok(())
    }

    /// Restores bulk beside a workspace that is in use, and puts it in place when it is whole.
    pub async fn restore_bulk(&self) -> Result<()> {
        if self.is_whole() {
            return Ok(());
        }
        let manifest = self.state.lock().await.manifest.clone();
        let Some(bulk) = &manifest.bulk else {
            return Ok(());
        };
        self.done.set(Size::of(&manifest.sources.entries));
        let tree = match self.store.tree(&bulk.key).await {
            Ok(tree) => Arc::new(tree),
            // What is bulk can be made again, and is saved then.
            Err(error @ (VolumeError::Missing(_) | VolumeError::Damaged(..))) => {
                tracing::error!(%error, "derived folders can't be restored");
                remove_all(&self.dir.join("staging"))?;
                self.bulk_restored.store(true, Ordering::Release);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let staging = self.dir.join("staging");
        let (shared, at) = (tree.clone(), staging.clone());
        blocking(move || prepare_staging(&at, &shared)).await?;
        let written = hydrate::write(&self.store, &tree, &staging, self.owner, &self.done).await?;
        let mut state = self.state.lock().await;
        let (dir, shared) = (self.dir.clone(), tree.clone());
        let refused = blocking(move || {
            let refused = hydrate::put_in_place(&staging, &dir, &shared.roots())?;
            remove_all(&staging)?;
            Ok(refused)
        })
        .await?;
        state.lost.extend(written.lost);
        // They are in the store, and must not count as deleted.
        let is_refused = |path: &str| refused.iter().any(|r| r == path || is_below(r, path));
        let paths = tree.entries.iter().map(|entry| &entry.path);
        let paths: Vec<String> = paths.filter(|path| is_refused(path)).cloned().collect();
        state.lost.extend(paths);
        note_lost(&self.dir, &state.lost)?;
        state.bulk = Some((bulk.key.clone(), tree));
        state.bulk_stamps.extend(written.stamps);
        self.bulk_restored.store(true, Ordering::Release);
        Ok(())
    }
}

/// Writes all files of a manifest, bulk included, below `dir`: for reading, no epoch begins. Returns the
/// paths of files that the store has lost.
pub async fn export(store: &Store, manifest: &Manifest, dir: &Path) -> Result<Vec<String>> {
    for top in TOPS {
        std::fs::create_dir_all(dir.join(top)).map_err(|e| VolumeError::local(top, e))?;
    }
    let done = Arc::default();
    let sources = Arc::new(manifest.sources.clone());
    let mut lost = hydrate::write(store, &sources, dir, None, &done)
        .await?
        .lost;
    let Some(bulk) = &manifest.bulk else {
        return Ok(lost);
    };
    let tree = match store.tree(&bulk.key).await {
        Ok(tree) => Arc::new(tree),
        Err(VolumeError::Missing(_) | VolumeError::Damaged(..)) => {
            lost.push(bulk.key.clone());
            return Ok(lost);
        }
        Err(error) => return Err(error),
    };
    // It goes where no link of the sources can lead it astray.
    let staging = dir.join("staging");
    prepare_staging(&staging, &tree)?;
    lost.extend(
        hydrate::write(store, &tree, &staging, None, &done)
            .await?
            .lost,
    );
    lost.extend(hydrate::put_in_place(&staging, dir, &tree.roots())?);
    remove_all(&staging)?;
    Ok(lost)
}

/// An empty folder with the folders that bulk lies in. One may have been left by a restore that was cut short.
fn prepare_staging(staging: &Path, bulk: &Tree) -> Result<()> {
    remove_all(staging)?;
    for root in bulk.roots() {
        let path = staging.join(path_of(root));
        std::fs::create_dir_all(path.parent().unwrap_or(staging))
            .map_err(|e| VolumeError::local("staging", e))?;
    }
    Ok(())
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
