//! Changes to a repl that does not run, made in the store. Its task makes them: a start waits for one, and
//! one that comes after a start is refused.

use alcove_volume::{Amendment, VolumeError};
use sea_orm::ActiveValue::Set;
use tokio::sync::oneshot;
use tracing::{info, warn};

use super::life::Life;
use crate::ApiFailure;
use crate::db::{now_ms, repl};

/// What is to be changed, and by whom.
pub struct Amend {
    pub amendment: Amendment,
    pub user: String,
    pub reply: oneshot::Sender<Result<u64, ApiFailure>>,
}

/// In words, why nothing was written.
const STARTED: &str = "This repl has been started meanwhile: nothing was written here. Open it, and make \
    your change there.";
const UNSAVED: &str = "What an earlier run left on this machine is not saved yet: nothing was written. \
    Start the repl, which saves it, and try again.";

const IN_PART: &str = "Not all of this repl could be saved: the rest is on this machine alone. Nothing was \
    written. Open the repl, and make your change there.";

impl Amend {
    /// It runs, or is about to.
    pub fn refuse(self) {
        // Whoever asked may have gone.
        let _ = self.reply.send(Err(ApiFailure::Conflict(STARTED.into())));
    }
}

impl Life {
    pub(super) async fn amend(&mut self, amend: Amend) {
        let Amend {
            amendment,
            user,
            reply,
        } = amend;
        let _ = reply.send(self.try_amend(amendment, user).await);
    }

    /// Unless all of it is in the store.
    pub(super) async fn refuse_unsaved(&mut self) -> Result<(), ApiFailure> {
        self.clear_the_way().await;
        if !self.folder.exists() || !self.folder.is_restored() {
            return Ok(());
        }
        let why = if self.is_partly_saved || self.is_kept_here {
            IN_PART
        } else {
            UNSAVED
        };
        Err(ApiFailure::Conflict(why.into()))
    }

    async fn try_amend(&mut self, amendment: Amendment, user: String) -> Result<u64, ApiFailure> {
        self.refuse_unsaved().await?;
        let row = self.repls.db.repl(&self.entry.id).await?;
        let row = row.ok_or(ApiFailure::NotFound)?;
        let others = self.repls.db.size_of_repls_of(&row.owner_id, Some(&row.id));
        let quota = self.quotas().of_repl(others.await?);
        self.amender.set_quota(quota);
        let (store, at) = (&self.repls.store, super::location(&row));
        let amended = self
            .amender
            .amend(store, &at, row.head as u64, amendment, |meta| {
                meta.name.clone_from(&row.name);
                meta.by = Some(vec![user]);
            });
        let number = amended.await.map_err(|error| match error {
            VolumeError::Replaced => ApiFailure::Conflict(STARTED.into()),
            VolumeError::Missing(_) => ApiFailure::NotFound,
            VolumeError::Limit(why) => ApiFailure::Conflict(format!("{why}. Nothing was written.")),
            other => other.into(),
        })?;
        if number as i64 != row.head {
            info!(number, "changed in the store");
            let size = self.amender.size();
            let change = repl::ActiveModel {
                id: Set(row.id),
                head: Set(number as i64),
                edited_ms: Set(now_ms()),
                bytes: Set(size.bytes as i64),
                files: Set(size.files as i64),
                ..Default::default()
            };
            // A head that is not remembered is found by a longer listing.
            if let Err(error) = self.repls.db.update_repl(change).await {
                warn!(%error, "database");
            }
            let usage = self.quotas().usage_of_repl(size);
            self.entry.update(|state| state.usage = usage);
            self.entry.announce();
        }
        Ok(number)
    }
}
