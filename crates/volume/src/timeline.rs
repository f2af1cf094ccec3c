//! A repl's history, the newest first: who changed what, when. States in which nothing changed that a
//! person works on (a start, a derived folder, the shell's history) are passed over, unless they have a name.

use crate::history::stays;
use crate::manifest::{Manifest, Meta};
use crate::named::Kept;
use crate::snapshot::Differences;
use crate::store::{Location, Store};
use crate::{Result, VolumeError};

/// States on one page,
pub const PAGE_STATES: usize = 50;
/// and what is read at most for one: manifests, and their bytes in the store.
pub const PAGE_MANIFESTS: usize = 200;
pub const PAGE_BYTES: u64 = 32 * 1024 * 1024;

/// One state in the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    pub number: u64,
    /// The state before it here, which its changes are counted from; none before the first.
    pub since: Option<u64>,
    /// Milliseconds since 1970.
    pub written_ms: u64,
    /// Ids of those who were there; none: programs. Absent where that is not known.
    pub by: Option<Vec<String>>,
    pub name: Option<String>,
    /// The number of the state that was restored.
    pub restored: Option<u64>,
    pub added: usize,
    pub changed: usize,
    pub removed: usize,
}

/// A part of the history.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The newest first.
    pub moments: Vec<Moment>,
    /// There is more, before the state of this number.
    pub before: Option<u64>,
}

/// The history before the state `before`, or from now on; at `path` below `/workspace`, or all of it.
pub async fn timeline(
    store: &Store,
    at: &Location,
    before: Option<u64>,
    path: &[u8],
    now_ms: u64,
) -> Result<Page> {
    let _place = store.reading().await;
    let mut kept = store.kept(at).await?;
    let mut page = Page::default();
    // When the state after the present one was written.
    let mut next_ms = None;
    if let Some(before) = before {
        let later = kept.iter().find(|k| k.number >= before && k.is_numbered);
        if let Some(later) = later {
            next_ms = read(store, at, later).await?.map(|m| m.meta.written_ms);
        }
        kept.retain(|k| k.number < before);
    }
    let newest = kept.last().map_or(0, |k| k.number);
    let begin = before.unwrap_or(newest + 1);
    let (mut manifests, mut bytes) = (0, 0);
    // The state whose predecessor is being looked for.
    let mut open: Option<(&Kept, Manifest)> = None;
    for state in kept.iter().rev() {
        let is_spent = page.moments.len() >= PAGE_STATES
            || manifests >= PAGE_MANIFESTS
            || (manifests >= 2 && bytes + state.bytes > PAGE_BYTES);
        // The next page begins with the one that is open, or here. One that this page began with is read to
        // its predecessor, however far that is: the next page would come no further.
        let next = open.as_ref().map_or(state, |(pending, _)| *pending).number + 1;
        if is_spent && next < begin {
            page.before = Some(next);
            return Ok(page);
        }
        (manifests, bytes) = (manifests + 1, bytes + state.bytes);
        let Some(manifest) = read(store, at, state).await? else {
            continue;
        };
        let written_ms = manifest.meta.written_ms;
        // One that stays since an epoch began with it: what it refers to may be gone.
        let is_bare = state.named.is_empty()
            && manifest.begins
            && next_ms.is_some_and(|next| !stays(written_ms, next, now_ms));
        if state.is_numbered {
            next_ms = Some(written_ms);
        }
        if is_bare {
            continue;
        }
        if let Some((pending, later)) = open.take() {
            page.add(
                pending.number,
                &later,
                Some((state.number, &manifest)),
                path,
            );
        }
        open = Some((state, manifest));
    }
    if let Some((first, manifest)) = open {
        if page.moments.len() >= PAGE_STATES {
            page.before = Some(first.number + 1);
            return Ok(page);
        }
        page.add(first.number, &manifest, None, path);
    }
    Ok(page)
}

/// `None`: it has been thinned out, or its name taken off, meanwhile.
async fn read(store: &Store, at: &Location, kept: &Kept) -> Result<Option<Manifest>> {
    // The last: of two names the one that it is being changed to, or has been changed from.
    let found = match kept.named.last() {
        Some(key) => store.manifest_at(key).await,
        None => store.manifest(at, kept.number).await,
    };
    match found {
        Ok(manifest) => Ok(Some(manifest)),
        Err(VolumeError::Missing(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

impl Page {
    fn add(
        &mut self,
        number: u64,
        state: &Manifest,
        before: Option<(u64, &Manifest)>,
        path: &[u8],
    ) {
        let nothing = Manifest::empty(Meta::default());
        let earlier = before.map_or(&nothing, |(_, manifest)| manifest);
        let differences = Differences::between(earlier, state, path);
        let is_whole = path.is_empty();
        let is_first = before.is_none() && is_whole;
        let stands_out = is_whole && (state.meta.label.is_some() || state.meta.restored.is_some());
        if differences.is_empty() && !stands_out && !is_first {
            return;
        }
        self.moments.push(Moment {
            number,
            since: before.map(|(number, _)| number),
            written_ms: state.meta.written_ms,
            by: state.meta.by.clone(),
            name: state.meta.label.clone(),
            restored: state.meta.restored,
            added: differences.added.len(),
            changed: differences.changed.len(),
            removed: differences.removed.len(),
        });
    }
}

/// What changed from the state `since` to another, at and below a path; `since` absent: from nothing.
pub async fn changes_between(
    store: &Store,
    at: &Location,
    since: Option<u64>,
    number: u64,
    path: &[u8],
) -> Result<Differences> {
    let _place = store.reading().await;
    let after = store.state(at, number).await?;
    let before = match since {
        Some(since) => store.state(at, since).await?,
        None => Manifest::empty(Meta::default()),
    };
    Ok(Differences::between(&before, &after, path))
}
