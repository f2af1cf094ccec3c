//! Checkpoints of a repl: what is saved of it, and what is told of that.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_protocol::api::{Saved, Unsaved};
use alcove_protocol::project::{FILE_NAME, MAX_FILE_BYTES, Project};
use alcove_volume::{Changes, Outcome, Scope, Volume};
use sea_orm::ActiveValue::Set;
use tokio::task::JoinHandle;
use tracing::{Instrument, info, warn};

use super::Repls;
use super::entry::Entry;
use super::life::Life;
use crate::db::{now_ms, repl};

/// What came of a checkpoint.
pub(super) struct Saving {
    pub outcome: Outcome,
    /// What is to be told of what it refused.
    pub partly: Option<Saved>,
    pub took: Duration,
}

impl Life {
    pub(super) fn begin_checkpoint(
        &self,
        volume: &Arc<Volume>,
        changes: Option<Arc<Changes>>,
    ) -> JoinHandle<Result<Saving, String>> {
        let (volume, repls, entry) = (volume.clone(), self.repls.clone(), self.entry.clone());
        tokio::spawn(
            async move { checkpoint(&repls, &entry, &volume, Scope::Sources, changes).await }
                .in_current_span(),
        )
    }

    pub(super) async fn checkpoint(
        &self,
        volume: &Volume,
        scope: Scope,
        changes: Option<Arc<Changes>>,
    ) -> Result<Saving, String> {
        checkpoint(&self.repls, &self.entry, volume, scope, changes).await
    }

    pub(super) fn tell_saved(
        &self,
        result: Result<&Saving, &String>,
        dirty: bool,
        unsaved: Unsaved,
    ) {
        self.entry.update(|state| {
            state.unsaved = unsaved;
            if let Ok(saving) = result {
                state.usage = self.quotas().usage_of_repl(saving.outcome.size);
            }
            state.saved = match (result, &state.saved) {
                (
                    Ok(Saving {
                        partly: Some(partly),
                        ..
                    }),
                    _,
                ) => partly.clone(),
                (Ok(_), _) if dirty => Saved::Saving,
                (Ok(_), _) => Saved::Saved,
                (Err(message), Saved::Failing { since, .. }) => Saved::Failing {
                    since: since.clone(),
                    message: message.clone(),
                },
                (Err(message), _) => Saved::Failing {
                    since: Some(crate::rfc3339(now_ms())),
                    message: message.clone(),
                },
            };
        });
    }
}

async fn checkpoint(
    repls: &Repls,
    entry: &Entry,
    volume: &Volume,
    scope: Scope,
    changes: Option<Arc<Changes>>,
) -> Result<Saving, String> {
    let began = Instant::now();
    let quotas = repls.people.policy(&entry.owner).quotas;
    let others = repls.db.size_of_repls_of(&entry.owner, Some(&entry.id));
    let others = others
        .await
        .map_err(|e| format!("the database can't be read: {e}"))?;
    let quota = quotas.of_repl(others);
    volume.set_quota(quota).await;
    if let Some(files) = project_files(volume).await {
        volume.set_meta(|meta| (meta.bulk, meta.caches) = files);
    }
    let by = entry.who.lock().began();
    volume.set_meta(|meta| meta.by = Some(by.clone()));
    let saved = volume.checkpoint(scope, changes).await;
    if !saved.as_ref().is_ok_and(|outcome| outcome.changed) {
        entry.who.lock().nothing_saved(by);
    }
    let outcome = saved.map_err(|e| {
        repls.metrics.checkpoint(Err(()));
        e.to_string()
    })?;
    entry.set_not_saved(outcome.refused.iter().chain(&outcome.left_out).cloned());
    if outcome.changed {
        repls.metrics.checkpoint(Ok(outcome.bytes));
        info!(
            number = outcome.number,
            files = outcome.files,
            bytes = outcome.bytes,
            "checkpoint"
        );
        let change = repl::ActiveModel {
            id: Set(entry.id.clone()),
            head: Set(outcome.number as i64),
            edited_ms: Set(now_ms()),
            bytes: Set(outcome.size.bytes as i64),
            files: Set(outcome.size.files as i64),
            ..Default::default()
        };
        // A head that is not remembered is found by a longer listing.
        if let Err(error) = repls.db.update_repl(change).await {
            warn!(%error, "database");
        }
    }
    Ok(Saving {
        partly: quotas.partly(&outcome, quota),
        outcome,
        took: began.elapsed(),
    })
}

/// What the project file says of bulk and caches; hostile input: a link is not followed, a broken or
/// huge file is as none.
pub(super) async fn project_files(volume: &Volume) -> Option<(Vec<String>, Vec<String>)> {
    use std::io::Read;
    use std::os::unix::fs::OpenOptionsExt;
    let path = volume.workspace().join(FILE_NAME);
    tokio::task::spawn_blocking(move || {
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let file = std::fs::OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits() as i32)
            .open(path)
            .ok()?;
        let mut text = String::new();
        file.metadata().ok()?.is_file().then_some(())?;
        file.take(MAX_FILE_BYTES as u64 + 1)
            .read_to_string(&mut text)
            .ok()?;
        let files = Project::parse(&text).ok()?.files;
        let names = |list: Vec<alcove_protocol::WorkspacePath>| {
            list.iter().map(ToString::to_string).collect()
        };
        Some((names(files.bulk), names(files.caches)))
    })
    .await
    .ok()?
}
