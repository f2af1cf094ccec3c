//! Users of their own for repls: which is whose is kept in the state folder, and a registry under
//! `/run` keeps several servers of one machine apart.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::record::{read_json, remove_file, write_json};
use crate::SpawnError;

/// Above what Debian gives people and services, below what it gives containers (`/etc/subuid`
/// begins at 100000), and beside nobody (65534).
const FIRST: u32 = 70_001;
const LAST: u32 = 99_999;

/// Gives out users. Every call reads the disk: there is no state to fall out of step.
#[derive(Debug, Clone)]
pub struct Uids {
    /// One file for each repl, in the state folder: survives a reboot.
    owners: PathBuf,
    /// One file for each user given out on this machine, created with `O_EXCL`.
    registry: PathBuf,
}

impl Uids {
    /// Opens both folders, registers anew what a reboot has emptied, and gives back what was being given out
    /// when a server was killed.
    pub fn open(state: &Path, registry: PathBuf) -> Result<Self, SpawnError> {
        let uids = Self {
            owners: state.join("owners"),
            registry,
        };
        let io = |source| SpawnError::Io {
            what: "the register of repls' users can't be opened".into(),
            source,
        };
        fs::create_dir_all(&uids.owners).map_err(io)?;
        fs::create_dir_all(&uids.registry).map_err(io)?;
        uids.give_back_unowned().map_err(io)?;
        for entry in fs::read_dir(&uids.owners).map_err(io)? {
            let path = entry.map_err(io)?.path();
            // One conflict must not keep all other repls from starting; `of` reports it.
            if let Ok(Some(uid)) = read_json::<u32>(&path)
                && let Err(error) = uids.register(uid, &path)
            {
                tracing::error!(uid, owner = %path.display(), %error, "this repl's user is taken by another server");
            }
        }
        Ok(uids)
    }

    /// A user is registered first, its owner's file is written then, under another name until it is whole.
    fn give_back_unowned(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.owners)? {
            let path = entry?.path();
            if path.extension().is_some() {
                remove_file(&path)?;
            }
        }
        for entry in fs::read_dir(&self.registry)? {
            let entry = entry?.path();
            // Another server may just have removed it.
            let Ok(owner) = fs::read(&entry) else {
                continue;
            };
            let owner = PathBuf::from(OsString::from_vec(owner));
            let uid = entry
                .file_name()
                .and_then(|name| name.to_str()?.parse().ok());
            if owner.parent() == Some(&self.owners) && read_json::<u32>(&owner)? != uid {
                remove_file(&entry)?;
            }
        }
        Ok(())
    }

    fn owner(&self, id: &str) -> PathBuf {
        self.owners.join(id)
    }

    /// The repl's user; the first call allots one.
    pub fn of(&self, id: &str) -> Result<u32, SpawnError> {
        let owner = self.owner(id);
        let io = |source| SpawnError::Io {
            what: format!("no user can be given to {id}"),
            source,
        };
        if let Some(uid) = read_json::<u32>(&owner).map_err(io)? {
            self.register(uid, &owner).map_err(io)?;
            return Ok(uid);
        }
        let taken: BTreeSet<u32> = fs::read_dir(&self.registry)
            .map_err(io)?
            .flatten()
            .filter_map(|e| e.file_name().to_str()?.parse().ok())
            .collect();
        for uid in (FIRST..=LAST).filter(|uid| !taken.contains(uid)) {
            match self.register(uid, &owner) {
                Ok(()) => {
                    write_json(&owner, &uid).map_err(io)?;
                    return Ok(uid);
                }
                // Another server was faster.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io(error)),
            }
        }
        Err(SpawnError::Unable(format!(
            "All users from {FIRST} to {LAST} are given out: delete repls first."
        )))
    }

    /// Claims `uid` for the repl whose file is `owner`; fails when it is another's.
    fn register(&self, uid: u32, owner: &Path) -> io::Result<()> {
        let path = self.registry.join(uid.to_string());
        let mine = owner.as_os_str().as_encoded_bytes();
        match fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
        {
            Ok(mut file) => file.write_all(mine),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if fs::read(&path)? == mine {
                    Ok(())
                } else {
                    Err(error)
                }
            }
            Err(error) => Err(error),
        }
    }

    /// Ids of repls that have a user.
    pub fn owners(&self) -> io::Result<Vec<String>> {
        fs::read_dir(&self.owners)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect()
    }

    /// Gives the repl's user back. The registry comes last: a failure on the way loses nothing.
    pub fn release(&self, id: &str) -> io::Result<()> {
        let owner = self.owner(id);
        let Some(uid) = read_json::<u32>(&owner)? else {
            return Ok(());
        };
        let entry = self.registry.join(uid.to_string());
        let mine = fs::read(&entry).is_ok_and(|text| text == owner.as_os_str().as_encoded_bytes());
        remove_file(&owner)?;
        if mine { remove_file(&entry) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_kept_until_it_is_released_and_never_shared() {
        let folder = tempfile::tempdir().expect("a folder");
        let registry = folder.path().join("registry");
        let one = Uids::open(&folder.path().join("one"), registry.clone()).expect("opens");
        let two = Uids::open(&folder.path().join("two"), registry.clone()).expect("opens");
        let a = one.of("a").expect("a user");
        assert_eq!(one.of("a").expect("the same user"), a);
        let b = two.of("a").expect("another server's user");
        assert_ne!(a, b);

        // One server was killed while it gave out a user; the other has nothing to do with that.
        let cut_short = one.owner("cut");
        one.register(LAST, &cut_short).expect("registered");
        fs::write(cut_short.with_extension("new"), "9999").expect("written");
        Uids::open(&folder.path().join("two"), registry.clone()).expect("opens");
        assert!(registry.join(LAST.to_string()).exists());
        let one = Uids::open(&folder.path().join("one"), registry.clone()).expect("opens");
        assert!(!registry.join(LAST.to_string()).exists());
        assert_eq!(one.owners().expect("read"), ["a"]);

        // A reboot empties the registry.
        fs::remove_dir_all(&registry).expect("removed");
        let one = Uids::open(&folder.path().join("one"), registry).expect("opens");
        let c = one.of("c").expect("a user");
        assert_ne!(c, a, "a's files are still there");
        assert_eq!(one.of("a").expect("kept"), a);

        assert_eq!(one.owners().expect("read").len(), 2);
        one.release("a").expect("released");
        assert_eq!(one.owners().expect("read"), ["c"]);
        one.release("a").expect("again is no error");
        assert_eq!(one.of("d").expect("a user"), a, "free again");
    }
}
