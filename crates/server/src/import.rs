//! Makes the list of repls anew from the store alone.

use alcove_volume::{Location, Store};

use crate::db::{Db, LOCAL_USER, repl};
use crate::names;

/// What an import did.
#[derive(Debug, Default)]
pub struct Imported {
    /// Ids and names of repls that the database did not know.
    pub added: Vec<(String, String)>,
    /// How many it knew.
    pub known: usize,
    /// Ids that could not be read, and why.
    pub failed: Vec<(String, String)>,
}

/// Adds every repl of the store that the database does not know. Those that lie in the bin are known;
/// without the database that knew it, a deleted repl comes back. Whoever owned it owns it again, if there
/// is such a user; else the local user does.
pub async fn import(db: &Db, store: &Store) -> anyhow::Result<Imported> {
    let mut imported = Imported::default();
    for id in store.repls().await? {
        if db.has_repl(&id).await? {
            imported.known += 1;
            continue;
        }
        if !names::is_id(&id) {
            imported.failed.push((id, "it is no repl's id".into()));
            continue;
        }
        let (number, manifest) = match store.head(&Location::Repl(id.clone()), 0).await {
            Ok(Some(head)) => head,
            Ok(None) => continue,
            Err(error) => {
                imported.failed.push((id, error.to_string()));
                continue;
            }
        };
        let (size, meta) = (manifest.size(), manifest.meta);
        let owner = db.user(&meta.owner).await?;
        db.insert_repl(repl::Model {
            id: id.clone(),
            owner_id: owner.map_or_else(|| LOCAL_USER.to_owned(), |user| user.id),
            name: meta.name.clone(),
            template: meta.template,
            created_ms: meta.written_ms as i64,
            edited_ms: meta.written_ms as i64,
            head: number as i64,
            reason: None,
            deleted_ms: None,
            bytes: size.bytes as i64,
            files: size.files as i64,
            settings: repl::NO_SETTINGS.into(),
            started_ms: None,
            program_runs: false,
            halted: None,
        })
        .await?;
        imported.added.push((id, meta.name));
    }
    Ok(imported)
}
