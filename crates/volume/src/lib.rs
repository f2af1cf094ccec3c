//! Moves a workspace between local disk and the object store: hydrate, checkpoint. It alone holds
//! the store's credentials, and reads the local folder as hostile input. It knows nothing of
//! sandboxes, sessions or the database.
//!
//! ```text
//! repl/base/<template>/{manifests/<n>, packs/<id>.tar.zst, bulk/<id>.tar.zst}
//! repl/code/<repl-id>/{manifests/<n>, packs/<id>.tar.zst, bulk/<id>.tar.zst}
//! ```
//!
//! Nothing in the store is ever overwritten. The head is the manifest with the highest number; the
//! next is created only if absent, and the first of an epoch fences off the writers of earlier ones.
//! Format: docs/reference/store-format.md.

mod amend;
mod backend;
mod changes;
mod check;
mod encoding;
mod folder;
mod gc;
mod history;
mod hydrate;
mod ignored;
pub mod manifest;
mod named;
mod pack;
mod quota;
mod restoration;
mod rules;
mod scan;
mod snapshot;
mod stamps;
pub mod store;
mod timeline;
mod upload;
mod volume;

pub use amend::{Amender, Amendment, MAX_WRITTEN_BYTES, fork};
pub use backend::{Environment, FORMS};
pub use changes::{Changed, Changes, Watcher};
pub use check::{Report, check};
pub use gc::{Collected, GRACE_MS, collect};
pub use ignored::{IGNORE_FILE, MAX_IGNORE_BYTES};
pub use manifest::{Manifest, Meta};
pub use named::MAX_NAMED;
pub use quota::Size;
pub use restoration::Restoration;
pub use scan::{MAX_DEPTH, MAX_FILES, MAX_PATH_BYTES};
pub use snapshot::{Differences, Item, ItemKind, Snapshot};
pub use store::{Location, MAX_READERS, Store};
pub use timeline::{
    Moment, PAGE_BYTES, PAGE_MANIFESTS, PAGE_STATES, Page, changes_between, timeline,
};
pub use volume::{Outcome, Progress, Scope, Volume, export};

/// Why a workspace could not be moved.
#[derive(Debug, thiserror::Error)]
pub enum VolumeError {
    /// The store can't be reached, is full, or refuses.
    #[error("the store does not answer as it should: {0}")]
    Store(#[from] object_store::Error),
    /// What the store holds is not what was written.
    #[error("{0} in the store is damaged: {1}")]
    Damaged(String, String),
    #[error("{0} is not in the store")]
    Missing(String),
    /// Another writer made the next manifest.
    #[error("another server has written to this repl")]
    Replaced,
    /// A limit, named in the message.
    #[error("{0}")]
    Limit(String),
    #[error("{what}: {source}")]
    Local {
        what: String,
        #[source]
        source: std::io::Error,
    },
}

impl VolumeError {
    fn local(what: impl Into<String>, source: impl Into<std::io::Error>) -> Self {
        Self::Local {
            what: what.into(),
            source: source.into(),
        }
    }
}

/// Shorthand of this crate.
pub type Result<T, E = VolumeError> = std::result::Result<T, E>;

/// Blocking work on a thread for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(VolumeError::local(
            "a worker thread",
            std::io::Error::other(error),
        )),
    }
}
