//! Which folders are bulk, and which are never saved.

use crate::manifest::Meta;

/// Folders that are bulk wherever they are, whatever the project says.
/// Cargo's index and downloads are among them, so that a prepared project builds without a network;
/// Go's build cache (`GOCACHE` in sandboxes), so that it builds without compiling Go's own library.
const USUAL_BULK: [&str; 9] = [
    "node_modules",
    "target",
    ".venv",
    "venv",
    "__pycache__",
    ".next",
    "home/.cargo/registry/cache",
    "home/.cargo/registry/index",
    "home/go/build-cache",
];
/// Folders that are never saved: what programs can fetch or make again.
const USUAL_CACHES: [&str; 6] = [
    "home/.cache",
    "home/.npm",
    "home/.cargo/registry/src",
    "home/.cargo/git",
    "home/go/pkg/mod",
    "home/.local/share/Trash",
];

/// What the runner keeps of what is open, so that it goes on after a crash. It belongs to one run: no state
/// has it but one that was saved after a crash, and no other repl gets it.
pub(crate) const RUNNING: &str = "home/.local/state/alcove";

pub(crate) fn bulk_rules(meta: &Meta) -> Vec<String> {
    meta.bulk
        .iter()
        .cloned()
        .chain(USUAL_BULK.map(str::to_owned))
        .collect()
}

pub(crate) fn cache_rules(meta: &Meta) -> Vec<String> {
    let caches = meta.caches.iter().cloned();
    caches.chain(USUAL_CACHES.map(str::to_owned)).collect()
}
