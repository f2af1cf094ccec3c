//! How a repl comes to rest: saved, its local copy deleted. So do what earlier servers left on disk, and what
//! another server has taken over.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use alcove_protocol::api::{Saved, Unsaved};
use alcove_volume::{Location, Meta, Outcome, Scope, Volume};
use tracing::{info, warn};

use super::comeback::Comebacks;
use super::folder::Kept;
use super::life::{Command, Life, REPLACED, RETRY, Reply};
use super::saving::project_files;
use super::transitions::Event;
use crate::db::now_ms;

/// How often a final checkpoint is tried before a closing server gives up.
const CLOSING_TRIES: u32 = 3;

/// Why a repl stops running.
#[derive(Default)]
pub(super) struct Ending {
    /// For a person, when nobody asked for it.
    pub reason: Option<String>,
    /// For a person, of an ordinary stop.
    pub note: Option<String>,
    /// The sandbox has ended by itself: nobody is there to be told.
    pub is_gone: bool,
    pub asked: Vec<Reply<()>>,
    /// The server ends, and its programs go on.
    pub leave: Option<Reply<()>>,
}

impl Life {
    /// Saves what runs, and leaves it as it is. Whoever takes it over saves what it does until then.
    pub(super) async fn save_and_leave(&mut self, volume: &Volume) -> Result<(), String> {
        let saved = self.checkpoint(volume, Scope::Everything, None).await;
        // Nobody can wake it here any more.
        self.commands.close();
        self.happens(Event::Leave, None);
        saved.map(drop)
    }

    /// Ends the sandbox, saves, deletes the local copy. Saving is tried until it succeeds; meanwhile
    /// somebody may want it to run again: then the workspace is handed back with those who ask.
    pub(super) async fn put_to_rest(
        &mut self,
        mut ending: Ending,
        volume: Arc<Volume>,
    ) -> Option<(Arc<Volume>, Vec<Reply<PathBuf>>)> {
        let mut asked = std::mem::take(&mut ending.asked);
        let mut wait = RETRY.0;
        let mut tries = 0;
        loop {
            self.happens(Event::Save, Some("Saving"));
            let error = match self.end_and_save(&volume).await {
                Ok(None) => break,
                Ok(Some(kept)) => {
                    ending.reason = Some(match ending.reason.take() {
                        Some(reason) if !kept.starts_with(REPLACED) => format!("{reason} {kept}"),
                        _ => kept,
                    });
                    break;
                }
                Err(error) => error,
            };
            tries += 1;
            warn!(error, tries, "final checkpoint");
            self.happens(Event::SaveFailed, Some("Saving"));
            let unsaved = self.entry.state().unsaved;
            self.tell_saved(Err(&error), true, unsaved);
            for reply in asked.drain(..) {
                let _ = reply.send(Err(error.clone()));
            }
            if self.repls.is_closing() && tries >= CLOSING_TRIES {
                self.happens(
                    Event::Fail,
                    Some("It could not be saved yet; its files are kept on the server."),
                );
                return None;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(RETRY.1),
                command = self.commands.recv() => match command? {
                    Command::Start(start) => {
                        (self.again, self.comebacks) = (None, Comebacks::default());
                        let reply = self.asked(start);
                        return Some((volume, vec![reply]));
                    }
                    Command::Stop(reply) => {
                        if !self.repls.is_closing() {
                            self.again = None;
                        }
                        asked.push(reply);
                    }
                    Command::Save(reply) | Command::Leave(reply) => asked.push(reply),
                    Command::Rename(name) => volume.set_meta(|meta| meta.name = name),
                    Command::Amend(amend) => amend.refuse(),
                    Command::Fill(fill) => fill.refuse(),
                    Command::Restored(_)
                    | Command::Adopt(_)
                    | Command::Rescue
                    | Command::ComeBack
                    | Command::Discard(_)
                    | Command::Forget => {}
                }
            }
        }
        self.rest_after(ending.reason, ending.note.as_deref()).await;
        for reply in asked {
            let _ = reply.send(Ok(()));
        }
        info!("at rest");
        None
    }

    /// Nothing is saved for good, or deleted, while a program may still write. Says where it is kept if
    /// that is not its own place.
    pub(super) async fn end_and_save(&mut self, volume: &Volume) -> Result<Option<String>, String> {
        let stopped = self.repls.spawner.stop(&self.entry.id).await;
        stopped.map_err(|e| format!("its sandbox could not be ended: {e}"))?;
        if volume.is_replaced().await {
            return self.keep_as_fork(volume).await.map(Some);
        }
        match self.save_and_delete(volume).await {
            Ok(kept) => Ok(kept),
            Err(_) if volume.is_replaced().await => self.keep_as_fork(volume).await.map(Some),
            Err(error) => Err(error),
        }
    }

    /// Another server has begun an epoch of this repl: what is here becomes a repl of its own, which may hold
    /// as much as this one might, though their owner holds it twice then. Says so.
    pub(super) async fn keep_as_fork(&mut self, volume: &Volume) -> Result<String, String> {
        let mut row = self.any_row().await?;
        row.name = crate::names::derived(&row.name, " (kept)");
        row.id = crate::names::new_id();
        (row.created_ms, row.edited_ms) = (now_ms(), now_ms());
        (row.reason, row.halted) = (None, None);
        let meta = Meta {
            name: row.name.clone(),
            owner: row.owner_id.clone(),
            template: row.template.clone(),
            ..Meta::default()
        };
        let at = Location::Repl(row.id.clone());
        let others = self
            .repls
            .db
            .size_of_repls_of(&row.owner_id, Some(&self.entry.id));
        let others = others
            .await
            .map_err(|e| format!("the database can't be read: {e}"))?;
        // What was saved of it may be more by now than may be.
        let quota = self.quotas().of_repl(others).at_least(row.size());
        let fork = volume.fork(at.clone(), meta).await;
        fork.set_quota(quota).await;
        if let Some(files) = project_files(&fork).await {
            fork.set_meta(|meta| (meta.bulk, meta.caches) = files);
        }
        let saved = fork.checkpoint(Scope::Final, None).await;
        let outcome = saved.map_err(|e| format!("what was not saved could not be kept: {e}"))?;
        row.head = outcome.number as i64;
        (row.bytes, row.files) = (outcome.size.bytes as i64, outcome.size.files as i64);
        // Of the fork: what an earlier run of this one left may be at its own place.
        let aside = self.aside(&row.id);
        let mut told = format!(
            "{REPLACED} What was not saved here is kept as the repl “{}”.",
            row.name
        );
        let refused = outcome.refused_files();
        if refused > 0 {
            told = format!(
                "{told} Not in there is what exceeds what a repl may hold (files: {refused}): whoever runs \
                 this server finds it in `unsaved/{}` of the data folder.",
                row.id
            );
            row.reason = Some(told.clone());
        }
        info!(
            fork = row.id,
            "another server has opened it: what was not saved is kept as a fork"
        );
        if let Err(error) = self.repls.db.insert_repl(row).await {
            // It is tried again, as another.
            let _ = self.repls.store.delete_manifests(&at).await;
            return Err(format!("The database can't be written: {error}"));
        }
        let kept = self.delete_what_is_saved(&outcome, aside).await?;
        Ok(match kept {
            Some(words) => format!("{told} {words}"),
            None => told,
        })
    }

    /// Where what could not be saved of a repl is kept: one thing at most, so that what a repl takes on this
    /// machine is bounded by twice its disk.
    fn aside(&self, id: &str) -> PathBuf {
        self.repls.config.unsaved_dir().join(id)
    }

    /// The final checkpoint; the local copy is deleted only after it is durable. Says what of it stays on
    /// this machine, if not all could be saved.
    pub(super) async fn save_and_delete(
        &mut self,
        volume: &Volume,
    ) -> Result<Option<String>, String> {
        let saving = self.checkpoint(volume, Scope::Final, None).await?;
        self.tell_saved(Ok(&saving), false, Unsaved::default());
        self.repls.metrics.step("final_checkpoint", saving.took);
        if let Some(Saved::Partly { message, .. }) = &saving.partly {
            self.is_partly_saved = true;
            return Ok(Some(format!(
                "{message} Until then it is on this machine alone: open the repl to make room."
            )));
        }
        let began = Instant::now();
        let aside = self.aside(&self.entry.id);
        let kept = self.delete_what_is_saved(&saving.outcome, aside).await?;
        self.repls
            .metrics
            .step("delete_local_copy", began.elapsed());
        Ok(kept)
    }

    /// Deletes the local copy; keeps it `aside` if not all of it could be saved, or as it is if something lies there
    /// already. Says where it is, for a person, if it is not there.
    async fn delete_what_is_saved(
        &mut self,
        outcome: &Outcome,
        aside: PathBuf,
    ) -> Result<Option<String>, String> {
        let refused = outcome.refused_files();
        if outcome.left_out.is_empty() && refused == 0 {
            self.delete_local_copy().await;
            return Ok(None);
        }
        let kept = self.folder.keep(&aside).await;
        let kept = kept.map_err(|e| format!("what could not be saved can't be kept: {e}"))?;
        warn!(unread = ?outcome.left_out, refused, ?kept, "not all could be saved");
        let words = match &kept {
            Kept::Aside => None,
            Kept::AsDisk(disk) => Some(format!(
                "Some of its files could neither be saved nor be read. Nothing is deleted: whoever runs this \
                 server finds all that it held in `unsaved/{}` of the data folder.",
                name(disk)
            )),
            Kept::Here(earlier) => {
                self.is_kept_here = true;
                return Ok(Some(format!(
                    "Some of its files could not be saved: they are on this machine alone, in the repl itself. \
                     What an earlier run could not save is in `unsaved/{}` of the data folder: until whoever \
                     runs this server has taken that away, nothing more is kept there.",
                    name(earlier)
                )));
            }
        };
        self.delete_local_copy().await;
        Ok(words)
    }

    /// It is saved, or in the store anyway: what could not be deleted is only in the way.
    pub(super) async fn delete_local_copy(&mut self) {
        if let Err(error) = self.folder.delete().await {
            warn!(%error, "the local copy could not be deleted");
            return self.try_again();
        }
        if let Err(error) = self.repls.spawner.release(&self.entry.id).await {
            warn!(%error, "its user could not be given back");
            return self.try_again();
        }
        (self.is_in_the_way, self.patience) = (false, RETRY.0);
    }

    /// Tries again to save what could not be when it came to rest.
    pub(super) async fn save_what_is_left(&mut self) {
        if self.at_rest().is_err() {
            self.rescue().await;
        }
    }

    /// Saves what an earlier server left, and deletes it.
    pub(super) async fn rescue(&mut self) {
        if !self.folder.exists() {
            return self.rest_without_files().await;
        }
        if let Err(error) = self.attach_left().await {
            warn!(error, "rescue");
            self.tell_saved(Err(&error), true, Unsaved::default());
            return self.rest_rescued(Some(error)).await;
        }
        if !self.folder.is_restored() {
            info!("deleting a restore that was cut short");
            return self.rest_without_files().await;
        }
        info!("saving what an earlier server left on this machine");
        self.happens(
            Event::Save,
            Some("Saving what an earlier run left on this machine"),
        );
        let rescued = async {
            let owner = self.owner().await?;
            let volume = self.adopt(owner).await?;
            self.end_and_save(&volume).await
        };
        let reason = match rescued.await {
            Ok(kept) => kept,
            Err(error) => {
                warn!(error, "rescue");
                self.tell_saved(Err(&error), true, Unsaved::default());
                // Nobody watches over it.
                if let Err(error) = self.repls.spawner.stop(&self.entry.id).await {
                    warn!(%error, "its sandbox could not be ended");
                }
                Some(error)
            }
        };
        self.rest_rescued(reason).await;
    }

    /// Nothing of it is on this machine alone; its sandbox may wait for files that never come.
    async fn rest_without_files(&mut self) {
        if let Err(error) = self.repls.spawner.stop(&self.entry.id).await {
            let reason = format!("Its sandbox could not be ended: {error}");
            return self.rest_rescued(Some(reason)).await;
        }
        self.delete_local_copy().await;
        self.entry.update(|state| state.saved = Saved::Saved);
        let reason = self.reason().await;
        self.rest_rescued(reason).await;
    }

    /// Nobody wanted it to end: it may come back.
    async fn rest_rescued(&mut self, reason: Option<String>) {
        self.is_rescued = true;
        self.rest(reason).await;
        self.is_rescued = false;
    }
}

fn name(path: &Path) -> Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}
