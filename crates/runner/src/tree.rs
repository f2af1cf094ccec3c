//! The folder tree: one folder at a time, on demand; listed folders push what changes in them.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use alcove_protocol::WorkspacePath;
use alcove_protocol::path::encode_name;
use alcove_protocol::project::Files;
use alcove_protocol::session::{Entry, EntryKind, RunnerMessage};

use crate::ignored::Ignored;
use crate::watch::Watcher;

/// Entries of one folder that are listed.
pub const MAX_ENTRIES: usize = 100_000;
/// Names with this beginning are our own temporary files, and are shown to nobody.
pub const TEMPORARY_PREFIX: &str = ".~alcove-";

pub struct Tree {
    top: PathBuf,
    watcher: Rc<Watcher>,
    folders: RefCell<HashMap<WorkspacePath, Folder>>,
    derived: RefCell<Files>,
}

#[derive(Default)]
struct Folder {
    entries: BTreeMap<String, Entry>,
    clients: HashSet<u64>,
    /// When it may be read again, so that a busy large folder doesn't eat the CPU.
    rest_until: Option<Instant>,
}

impl Tree {
    pub fn new(top: PathBuf, watcher: Rc<Watcher>) -> Self {
        Self {
            top,
            watcher,
            folders: RefCell::default(),
            derived: RefCell::default(),
        }
    }

    pub fn watcher(&self) -> &Watcher {
        &self.watcher
    }

    pub fn set_derived(&self, files: Files) {
        *self.derived.borrow_mut() = files;
    }

    /// Folders that the project file calls derived.
    pub fn derived(&self) -> Files {
        self.derived.borrow().clone()
    }

    /// A folder's entries; `client` is told of changes from now on.
    pub async fn list(&self, path: &WorkspacePath, client: u64) -> io::Result<Vec<Entry>> {
        // Watched first, so that nothing is missed between reading and watching.
        let known = self.folders.borrow().contains_key(path);
        if !known {
            self.watcher.watch(path);
        }
        let entries = match self.read(path).await {
            Ok(entries) => entries,
            Err(error) => {
                if !known {
                    self.watcher.unwatch(path);
                }
                return Err(error);
            }
        };
        let list = entries.values().cloned().collect();
        let mut folders = self.folders.borrow_mut();
        if !known && folders.contains_key(path) {
            // Somebody else listed it meanwhile: one watch is enough.
            self.watcher.unwatch(path);
        }
        let folder = folders.entry(path.clone()).or_default();
        if folder.clients.is_empty() {
            folder.entries = entries;
        }
        folder.clients.insert(client);
        Ok(list)
    }

    pub fn unwatch(&self, path: &WorkspacePath, client: u64) {
        let mut folders = self.folders.borrow_mut();
        if let Some(folder) = folders.get_mut(path) {
            folder.clients.remove(&client);
            if folder.clients.is_empty() {
                folders.remove(path);
                self.watcher.unwatch(path);
            }
        }
    }

    /// Forgets a client that left.
    pub fn leave(&self, client: u64) {
        let watched: Vec<_> = self
            .folders
            .borrow()
            .iter()
            .filter(|(_, f)| f.clients.contains(&client))
            .map(|(p, _)| p.clone())
            .collect();
        for path in watched {
            self.unwatch(&path, client);
        }
    }

    /// Looks at a folder again; what changed, and for whom. `None`: nothing, or it is not watched.
    pub async fn refresh(&self, path: &WorkspacePath) -> Option<(RunnerMessage, HashSet<u64>)> {
        let rest = self.folders.borrow().get(path)?.rest_until;
        if let Some(rest) = rest {
            tokio::time::sleep_until(rest.into()).await;
        }
        let began = Instant::now();
        let now = self.read(path).await;
        let mut folders = self.folders.borrow_mut();
        let folder = folders.get_mut(path)?;
        folder.rest_until =
            Some(Instant::now() + Duration::from_millis(20).max(began.elapsed() * 5));
        let Ok(now) = now else {
            let clients = std::mem::take(&mut folder.clients);
            folders.remove(path);
            self.watcher.unwatch(path);
            let message = RunnerMessage::TreeChanged {
                path: path.clone(),
                upserted: vec![],
                removed: vec![],
                gone: true,
            };
            return Some((message, clients));
        };
        let upserted: Vec<Entry> = now
            .iter()
            .filter(|(name, e)| folder.entries.get(*name) != Some(e))
            .map(|(_, e)| e.clone())
            .collect();
        let removed: Vec<String> = folder
            .entries
            .keys()
            .filter(|n| !now.contains_key(*n))
            .cloned()
            .collect();
        if upserted.is_empty() && removed.is_empty() {
            return None;
        }
        folder.entries = now;
        let message = RunnerMessage::TreeChanged {
            path: path.clone(),
            upserted,
            removed,
            gone: false,
        };
        Some((message, folder.clients.clone()))
    }

    async fn read(&self, path: &WorkspacePath) -> io::Result<BTreeMap<String, Entry>> {
        let (top, path) = (self.top.clone(), path.clone());
        let derived = self.derived.borrow().clone();
        tokio::task::spawn_blocking(move || read_folder(&top, &path, &derived)).await?
    }
}

fn read_folder(
    top: &Path,
    path: &WorkspacePath,
    derived: &Files,
) -> io::Result<BTreeMap<String, Entry>> {
    let mut entries = BTreeMap::new();
    let ignored = Ignored::of(top, path);
    for item in fs::read_dir(path.under(top))? {
        let item = item?;
        let name = item.file_name();
        if name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
            continue;
        }
        if entries.len() >= MAX_ENTRIES {
            return Err(io::Error::other(format!(
                "this folder has more than {MAX_ENTRIES} entries"
            )));
        }
        // Gone between reading the name and looking at it.
        let Ok(meta) = item.metadata() else { continue };
        let kind = if meta.is_file() {
            EntryKind::File
        } else if meta.is_dir() {
            EntryKind::Folder
        } else if meta.is_symlink() {
            EntryKind::Symlink
        } else {
            EntryKind::Other
        };
        let leads_to_folder =
            kind == EntryKind::Symlink && fs::metadata(item.path()).is_ok_and(|m| m.is_dir());
        let entry = Entry {
            name: encode_name(name.as_bytes()),
            kind,
            size: if kind == EntryKind::File {
                meta.len()
            } else {
                0
            },
            version: if kind == EntryKind::File {
                // Clocks of disks tick in milliseconds: the low bits tell one write from the next.
                (meta.mtime() as u32).wrapping_mul(1_000) ^ (meta.mtime_nsec() / 1_000_000) as u32
            } else {
                0
            },
            executable: kind == EntryKind::File && meta.permissions().mode() & 0o111 != 0,
            leads_to_folder,
            ignored: ignored.has(&item.path(), kind == EntryKind::Folder),
            derived: kind == EntryKind::Folder
                && path.child(&name).is_ok_and(|p| {
                    derived
                        .bulk
                        .iter()
                        .chain(&derived.caches)
                        .any(|d| covers(d, &p))
                }),
        };
        entries.insert(entry.name.clone(), entry);
    }
    Ok(entries)
}

/// Whether a rule of `[files]` names this folder: by its name alone, or by its path.
pub fn covers(rule: &WorkspacePath, folder: &WorkspacePath) -> bool {
    rule == folder || (!rule.as_bytes().contains(&b'/') && rule.name() == folder.name())
}

/// Makes an empty file or a folder, with the folders above; fails when it exists.
pub fn create(top: &Path, path: &WorkspacePath, kind: EntryKind) -> io::Result<()> {
    let full = path.under(top);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent.under(top))?;
    }
    match kind {
        EntryKind::Folder => fs::create_dir(full),
        EntryKind::File => fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(full)
            .map(drop),
        EntryKind::Symlink | EntryKind::Other => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Renames or moves, and never replaces (`RENAME_NOREPLACE`, rename(2)).
pub fn rename(top: &Path, from: &WorkspacePath, to: &WorkspacePath) -> io::Result<()> {
    if let Some(parent) = to.parent() {
        fs::create_dir_all(parent.under(top))?;
    }
    let flags = rustix::fs::RenameFlags::NOREPLACE;
    let cwd = rustix::fs::CWD;
    Ok(rustix::fs::renameat_with(
        cwd,
        from.under(top),
        cwd,
        to.under(top),
        flags,
    )?)
}

/// Deletes a file, a link, or a folder with all in it.
pub fn delete(top: &Path, path: &WorkspacePath) -> io::Result<()> {
    let full = path.under(top);
    if fs::symlink_metadata(&full)?.is_dir() {
        fs::remove_dir_all(full)
    } else {
        fs::remove_file(full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> WorkspacePath {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_is_ever_replaced() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), &path("a/b.txt"), EntryKind::File).unwrap();
        create(dir.path(), &path("c.txt"), EntryKind::File).unwrap();
        let kind = |r: io::Result<()>| r.unwrap_err().kind();
        assert_eq!(
            kind(create(dir.path(), &path("c.txt"), EntryKind::File)),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(
            kind(create(dir.path(), &path("a"), EntryKind::Folder)),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(
            kind(rename(dir.path(), &path("c.txt"), &path("a/b.txt"))),
            io::ErrorKind::AlreadyExists
        );
        rename(dir.path(), &path("c.txt"), &path("new/folder/c.txt")).unwrap();
        assert!(dir.path().join("new/folder/c.txt").exists());
    }

    #[test]
    fn deleting_a_link_leaves_what_it_leads_to() {
        let dir = tempfile::tempdir().unwrap();
        create(dir.path(), &path("a/b.txt"), EntryKind::File).unwrap();
        std::os::unix::fs::symlink("a", dir.path().join("link")).unwrap();
        delete(dir.path(), &path("link")).unwrap();
        assert!(dir.path().join("a/b.txt").exists());
        delete(dir.path(), &path("a")).unwrap();
        assert!(!dir.path().join("a").exists());
    }

    #[test]
    fn a_listing_shows_kinds_and_odd_names() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("node_modules")).unwrap();
        fs::write(dir.path().join(".~alcove-x"), "").unwrap();
        fs::write(dir.path().join(std::ffi::OsStr::from_bytes(b"\xff")), "12").unwrap();
        std::os::unix::fs::symlink("node_modules", dir.path().join("link")).unwrap();
        let files = Files {
            bulk: vec![path("node_modules")],
            caches: vec![],
        };
        fs::write(dir.path().join(".gitignore"), "link\n").unwrap();
        let entries = read_folder(dir.path(), &WorkspacePath::root(), &files).unwrap();
        assert_eq!(
            entries.keys().collect::<Vec<_>>(),
            [".gitignore", "\\xff", "link", "node_modules"]
        );
        assert_eq!(entries["\\xff"].size, 2);
        assert!(entries["link"].leads_to_folder && entries["link"].ignored);
        assert!(entries["node_modules"].derived && !entries["link"].derived);
    }
}
