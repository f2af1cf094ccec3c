//! Once a day: repls that have been in the bin for 30 days are deleted for good, and garbage is collected.

use std::sync::Arc;
use std::time::Duration;

use alcove_volume::{Collected, Location, Store, collect};

use crate::App;
use crate::db::{Db, now_ms};
use crate::lifecycle::Folder;
use alcove_protocol::api::BIN_DAYS;

/// After the start, so that it does not meet the import of templates.
const FIRST: Duration = Duration::from_secs(10 * 60);
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a deleted repl can be brought back, in milliseconds.
pub const BIN_MS: i64 = BIN_DAYS as i64 * 24 * 60 * 60 * 1000;

/// Goes on until the server ends. What fails is tried again the next day.
pub async fn keep_up(app: Arc<App>) {
    tokio::time::sleep(FIRST).await;
    let mut every = tokio::time::interval(EVERY);
    loop {
        every.tick().await;
        let folder = |id: &str| app.repls.folder(id);
        match tidy(&app.db, &app.store, folder, now_ms()).await {
            Ok((deleted, collected)) => tracing::info!(
                repls = deleted,
                thinned = collected.thinned,
                condemned = collected.condemned,
                deleted = collected.deleted,
                bytes = collected.bytes,
                "garbage collected"
            ),
            Err(error) => tracing::warn!(%error, "garbage could not be collected"),
        }
    }
}

/// How many repls were deleted for good, and what was collected.
async fn tidy(
    db: &Db,
    store: &Store,
    folder: impl Fn(&str) -> Folder,
    now_ms: i64,
) -> anyhow::Result<(usize, Collected)> {
    let expired = db.binned_before(now_ms - BIN_MS).await?;
    purge(db, store, folder, &expired).await?;
    let collected = collect(store, u64::try_from(now_ms)?, false).await?;
    Ok((expired.len(), collected))
}

/// Removes repls whose time in the bin is over, and what of them could not be saved, which is in
/// their `folder`. Garbage collection then removes what only they had.
pub async fn purge(
    db: &Db,
    store: &Store,
    folder: impl Fn(&str) -> Folder,
    expired: &[String],
) -> anyhow::Result<()> {
    for id in expired {
        let folder = folder(id);
        if folder.exists() {
            folder.delete().await?;
        }
        store.delete_manifests(&Location::Repl(id.clone())).await?;
        // Only then: whoever is cut short does it again.
        db.remove_repl(id).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::repl;
    use alcove_volume::{Manifest, Meta};

    #[tokio::test]
    async fn what_lay_in_the_bin_for_thirty_days_goes() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path(), None).await.unwrap();
        let store = Store::open(dir.path().join("store").to_str().unwrap()).unwrap();
        let local = dir.path().join("repls");
        // What could not be saved of one that goes, and of one that stays.
        for id in ["aaaaaaaaaaaa", "bbbbbbbbbbbb"] {
            std::fs::create_dir_all(local.join(id).join("workspace")).unwrap();
        }
        let now = now_ms();
        for (id, deleted_ms) in [
            ("aaaaaaaaaaaa", Some(now - BIN_MS - 1)),
            ("bbbbbbbbbbbb", Some(now - BIN_MS + 1000)),
            ("cccccccccccc", None),
        ] {
            let at = Location::Repl(id.into());
            let manifest = Manifest::empty(Meta::default());
            store.put_manifest(&at, 1, &manifest).await.unwrap();
            db.insert_repl(repl::Model {
                deleted_ms,
                ..repl::Model::sample(id)
            })
            .await
            .unwrap();
        }
        let folder = |id: &str| Folder::new(local.join(id));
        assert_eq!(tidy(&db, &store, folder, now).await.unwrap().0, 1);
        assert_eq!(
            store.repls().await.unwrap(),
            ["bbbbbbbbbbbb", "cccccccccccc"]
        );
        assert!(!db.has_repl("aaaaaaaaaaaa").await.unwrap());
        assert!(!local.join("aaaaaaaaaaaa").exists() && local.join("bbbbbbbbbbbb").exists());
        assert!(db.has_repl("bbbbbbbbbbbb").await.unwrap());
        assert_eq!(tidy(&db, &store, folder, now).await.unwrap().0, 0);
    }
}
