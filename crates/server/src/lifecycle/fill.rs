//! Fills an empty repl that does not run with files that lie in a folder of this machine. Its task does it, like
//! every change: a start waits, and one that comes after a start is refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove_volume::manifest::Manifest;
use alcove_volume::{Scope, Snapshot, Volume};
use tokio::sync::oneshot;
use tracing::info;

use super::life::{Command, Life};
use super::{Repls, location};
use crate::ApiFailure;
use crate::db::repl;

/// Where the files are, and who brought them. The answer names those that could not be saved.
pub struct Fill {
    pub dir: PathBuf,
    pub user: String,
    pub reply: oneshot::Sender<Result<Vec<String>, ApiFailure>>,
}

const RUNS: &str = "This repl runs: bring the archive into its file list, and take it apart there.";
const NOT_EMPTY: &str =
    "This repl has files already: an archive is brought into an empty one while nothing runs.";

impl Fill {
    /// It runs, or is about to.
    pub fn refuse(self) {
        // Whoever asked may have gone.
        let _ = self.reply.send(Err(ApiFailure::Conflict(RUNS.into())));
    }
}

impl Repls {
    /// Unless [`Repls::fill`] would do it as things are now: before much has been sent for nothing.
    pub async fn refuse_to_fill(&self, row: &repl::Model) -> Result<(), ApiFailure> {
        if self.socket(&row.id).is_some() {
            return Err(ApiFailure::Conflict(RUNS.into()));
        }
        let newest = Snapshot::newest(&self.store, &location(row), row.head as u64).await?;
        match is_empty(&newest.manifest) {
            true => Ok(()),
            false => Err(ApiFailure::Conflict(NOT_EMPTY.into())),
        }
    }

    /// Makes what lies in `<dir>/workspace` the next state of an empty repl; paths of what could not be saved.
    /// The folder may be deleted then.
    pub async fn fill(
        self: &Arc<Self>,
        row: &repl::Model,
        user: &str,
        dir: &Path,
    ) -> Result<Vec<String>, ApiFailure> {
        let (reply, answer) = oneshot::channel();
        let (dir, user) = (dir.to_owned(), user.to_owned());
        let fill = Fill { dir, user, reply };
        self.entry(row).send(Command::Fill(Box::new(fill)));
        let ending = || ApiFailure::Unavailable("The server is stopping.".into());
        answer.await.unwrap_or_else(|_| Err(ending()))
    }
}

/// Nothing is in its workspace; something may be in its home folder.
fn is_empty(manifest: &Manifest) -> bool {
    let in_workspace = |path: &str| path.starts_with("workspace/");
    let bulk = manifest.bulk.as_ref();
    let entries = &manifest.sources.entries;
    !entries.iter().any(|entry| in_workspace(&entry.path))
        && bulk.is_none_or(|bulk| bulk.home == Some(bulk.entries))
}

impl Life {
    pub(super) async fn fill(&mut self, fill: Fill) {
        let Fill { dir, user, reply } = fill;
        let _ = reply.send(self.try_fill(dir, &user).await);
    }

    async fn try_fill(&mut self, dir: PathBuf, user: &str) -> Result<Vec<String>, ApiFailure> {
        self.refuse_unsaved().await?;
        let row = self.repls.db.repl(&self.entry.id).await?;
        let row = row.ok_or(ApiFailure::NotFound)?;
        let (store, at) = (self.repls.store.clone(), location(&row));
        let newest = Snapshot::newest(&store, &at, row.head as u64).await?;
        if !is_empty(&newest.manifest) {
            return Err(ApiFailure::Conflict(NOT_EMPTY.into()));
        }
        let volume = Volume::open(store, at, newest.number, dir, None).await?;
        volume.restore_sources().await?;
        volume.restore_bulk().await?;
        volume.set_meta(|meta| meta.name = row.name);
        self.entry.who.lock().did(user);
        let saving = self.checkpoint(&volume, Scope::Everything, None).await;
        let outcome = saving
            .map_err(|e| ApiFailure::Unavailable(format!("It could not be saved: {e}")))?
            .outcome;
        info!(number = outcome.number, "filled in the store");
        let usage = self.quotas().usage_of_repl(outcome.size);
        self.entry.update(|state| state.usage = usage);
        self.entry.announce();
        self.entry.set_not_saved(std::iter::empty());
        let not_saved = outcome.refused.into_iter().chain(outcome.left_out);
        let below = |path: String| path.trim_start_matches("workspace/").to_owned();
        Ok(not_saved.map(below).collect())
    }
}
