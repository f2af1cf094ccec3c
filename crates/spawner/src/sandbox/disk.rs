//! Hard limits of what repls' folders hold, as root: each folder is a file system of its own (ext4), in an
//! image that grows as it fills (loop(4), sparse) and gives back what is deleted (`discard`).

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::{host, lock, loops, tools};
use crate::{DiskUsage, Holds, SpawnError};

/// How images are made, whatever the machine's own settings are: a small journal, nothing written that is not
/// needed, times in nanoseconds, and a hundredth that only root gets: what a server notes in a folder that is
/// full. Nothing is encrypted: a file system that could be has no large folios (Linux 6.16,
/// `ext4_set_inode_mapping_order`), which the kernel truncates and writes in stretches of milliseconds that
/// keep everybody else waiting (docs/adr/0020). Programs can't use it (`seccomp.rs`). Nothing is reserved for
/// growing, and there are two copies of what describes the groups, since these are many.
const FORMAT: [&str; 18] = [
    "-q",
    "-F",
    "-O",
    "encrypt,sparse_super2,^resize_inode",
    "-T",
    "default",
    "-b",
    "4096",
    "-I",
    "256",
    "-m",
    "1",
    "-J",
    "size=8",
    "-E",
    "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0",
    "-L",
    "repl",
];
/// One file for each of so many bytes: dependencies are many small files.
const BYTES_OF_FILE: u64 = 8 << 10;
/// Blocks of a group, of 4 KiB each, and groups of a disk whose groups are not larger: nothing longer than its
/// group is allotted at once, and the kernel submits an extent, and ends it, in a stretch. More groups would take
/// time to make.
const GROUP: u64 = 1024;
const GROUPS: u64 = 4096;
/// The most that a group can have: what one block has bits for.
const MAX_GROUP: u64 = 8 * BLOCK;
const BLOCK: u64 = 4096;
/// What is deleted is given back; the kernel's filling of the tables, which would make the image grow, is left
/// out; what is written ends with each request of its own, as before Linux 5.6, not with many in one stretch
/// (ext4(5), docs/adr/0020).
const OPTIONS: &CStr = c"discard,noinit_itable,dioread_lock";
/// What must be free on the disk that all images are on, for another to be used: a program that writes must
/// find its own disk full before the machine's is, since that fails what others have written already.
const SPARE: u64 = 1 << 30;

/// Files, folders and links that a disk of so many bytes has room for.
pub fn files_of(bytes: u64) -> u64 {
    bytes / BYTES_OF_FILE
}

/// Blocks of each group of a disk of so many bytes.
fn blocks_of_group(bytes: u64) -> u64 {
    let least = bytes.div_ceil(BLOCK * GROUPS).next_power_of_two();
    least.clamp(GROUP, MAX_GROUP)
}

/// The images of a server's repls.
#[derive(Debug)]
pub struct Disks {
    images: PathBuf,
    /// Whether new folders have a limit.
    limits: bool,
    /// Held while something is mounted, and while a process that will have mounts of its own begins: none
    /// of them must hold another repl's.
    pub mounting: Arc<tokio::sync::Mutex<()>>,
    /// Where disks are mounted, by repl.
    attached: Mutex<HashMap<String, PathBuf>>,
}

impl Disks {
    /// Tries it, with an image of so many bytes that goes again.
    pub async fn open(state: &Path, size: Option<u64>) -> Result<Self, SpawnError> {
        let images = state.join("disks");
        host::make_folder(&images, 0o700)?;
        let disks = Self {
            images,
            limits: size.is_some(),
            mounting: Arc::default(),
            attached: Mutex::default(),
        };
        let (id, trial) = ("trial", disks.images.join("trial"));
        // Of one that was cut short.
        disks.detach(id, &trial).await?;
        host::make_folder(&trial, 0o700)?;
        let tried = disks.attach(id, &trial, size, Holds::default()).await;
        disks.detach(id, &trial).await?;
        fs::remove_dir(&trial).map_err(io("a folder to try a disk with"))?;
        tried?;
        Ok(disks)
    }

    /// Ids of those whose folder is a disk.
    pub fn all(state_dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(state_dir.join("disks")).into_iter().flatten();
        let names = entries.flatten().map(|entry| entry.file_name());
        let ids = names.filter_map(|name| name.to_str()?.strip_suffix(".img").map(str::to_owned));
        ids.collect()
    }

    /// Whether new folders have a limit.
    pub fn limits(&self) -> bool {
        self.limits
    }

    fn image(&self, id: &str) -> PathBuf {
        self.images.join(format!("{id}.img"))
    }

    /// Mounts a repl's disk on `folder`; a new one of `size` bytes where there is none, unless something is in
    /// the folder. A new one has room for what the repl `holds` in any case.
    pub async fn attach(
        &self,
        id: &str,
        folder: &Path,
        size: Option<u64>,
        holds: Holds,
    ) -> Result<(), SpawnError> {
        let image = self.image(id);
        if is_mounted(folder).map_err(io("a repl's folder"))? {
            self.note(id, folder);
            return Ok(());
        }
        let mut inside = fs::read_dir(folder).map_err(io("a repl's folder"))?;
        let is_empty = inside.next().is_none();
        match (image.exists(), size) {
            (true, _) if !is_empty => {
                return Err(SpawnError::Unable(format!(
                    "there are files in {}, and others in {}: move one of both away",
                    folder.display(),
                    image.display()
                )));
            }
            (true, _) => {}
            (false, Some(size)) if is_empty => self.make(&image, size, holds).await?,
            (false, _) => return Ok(()),
        }
        if let Err(error) = self.mount(&image, folder).await {
            tracing::warn!(repl = id, %error, "its disk can't be mounted; it is checked");
            // An exit code other than 0 says that it has mended something, or could not: it is tried.
            let _ = tools::run("e2fsck", &["-p", text(&image)?], "").await;
            self.mount(&image, folder).await?;
        }
        self.note(id, folder);
        // Nothing is ever found in there.
        let _ = fs::remove_dir(folder.join("lost+found"));
        Ok(())
    }

    /// A file system that is empty: under its own name only once it is whole.
    async fn make(&self, image: &Path, size: u64, holds: Holds) -> Result<(), SpawnError> {
        let failed = io("a repl's disk can't be made");
        let host = rustix::fs::statvfs(&self.images).map_err(|error| failed(error.into()))?;
        if host.f_bavail * host.f_frsize < SPARE {
            return Err(SpawnError::Unable(
                "this machine's disk is almost full: whoever runs it has to make room".into(),
            ));
        }
        let holds = holds.with_room();
        let size = size.max(holds.bytes);
        let files = files_of(size).max(holds.files);
        let new = new(image);
        let made = File::create(&new).and_then(|file| file.set_len(size));
        made.map_err(&failed)?;
        let (files, group) = (files.to_string(), blocks_of_group(size).to_string());
        let mut arguments = FORMAT.to_vec();
        arguments.extend(["-g", &group, "-N", &files, text(&new)?]);
        tools::run("mkfs.ext4", &arguments, "").await?;
        fs::rename(&new, image).map_err(failed)
    }

    async fn mount(&self, image: &Path, folder: &Path) -> Result<(), SpawnError> {
        let (image, folder) = (image.to_owned(), folder.to_owned());
        let alone = self.mounting.clone().lock_owned().await;
        let mount = move || {
            // Whoever asked may be gone before it is mounted.
            let _alone = alone;
            loops::mount(&image, &folder, OPTIONS)
        };
        let mounted = tokio::task::spawn_blocking(mount).await;
        mounted.unwrap_or_else(|panic| Err(io("a disk can't be mounted")(panic.into())))
    }

    fn note(&self, id: &str, folder: &Path) {
        lock(&self.attached).insert(id.to_owned(), folder.to_owned());
    }

    pub fn is_attached(&self, id: &str) -> bool {
        lock(&self.attached).contains_key(id)
    }

    /// What a repl's disk holds; `None` where it has none.
    pub fn usage(&self, id: &str) -> Option<DiskUsage> {
        let folder = lock(&self.attached).get(id)?.clone();
        let disk = rustix::fs::statvfs(&folder).ok()?;
        let used = disk.f_blocks.saturating_sub(disk.f_bfree);
        // Some blocks are the file system's own, or root's: nobody gets them.
        Some(DiskUsage {
            bytes: used * disk.f_frsize,
            files: disk.f_files.saturating_sub(disk.f_ffree),
            max_bytes: (used + disk.f_bavail) * disk.f_frsize,
            max_files: disk.f_files,
        })
    }

    /// Unmounts what does not run, as the server ends. The next one finds it by its image.
    pub async fn leave(&self, runs: impl Fn(&str) -> bool) {
        let attached = std::mem::take(&mut *lock(&self.attached));
        for (id, folder) in attached.into_iter().filter(|(id, _)| !runs(id)) {
            if let Err(error) = unmount(&folder).await {
                tracing::warn!(repl = id, %error, "its disk could not be unmounted");
            }
        }
    }

    /// Deletes a repl's disk with all that is in it, and unmounts it. No program may run in it any more. Cut
    /// short, it leaves a folder that is whole until it is unmounted, and empty from then on.
    pub async fn detach(&self, id: &str, folder: &Path) -> Result<(), SpawnError> {
        let image = self.image(id);
        for file in [new(&image), image] {
            let deleted = tokio::fs::remove_file(file).await;
            if let Err(error) = deleted
                && error.kind() != io::ErrorKind::NotFound
            {
                return Err(io("a repl's disk can't be deleted")(error));
            }
        }
        unmount(folder).await?;
        lock(&self.attached).remove(id);
        Ok(())
    }

    /// Unmounts a repl's disk, and keeps it as `place`, unless another file is there. Cut short, it leaves a folder
    /// that is whole until it is unmounted.
    pub async fn set_aside(
        &self,
        id: &str,
        folder: &Path,
        place: &Path,
    ) -> Result<bool, SpawnError> {
        if !is_mounted(folder).map_err(io("a repl's folder"))? {
            return Ok(false);
        }
        let failed = io("a repl's disk can't be kept");
        let mut image = self.image(id);
        if !image.exists() {
            // It was cut short.
            image = file_of(folder).map_err(&failed)?;
        }
        match place.canonicalize() {
            Ok(there) if image.canonicalize().is_ok_and(|image| image == there) => {}
            Ok(_) => return Ok(false),
            Err(_) => fs::rename(&image, place).map_err(&failed)?,
        }
        unmount(folder).await?;
        lock(&self.attached).remove(id);
        Ok(true)
    }

    /// Where disks are mounted, but for `own`. Ask with `mounting` held.
    pub fn others(&self, own: &Path) -> io::Result<Vec<CString>> {
        let attached = lock(&self.attached);
        let others = attached.values().filter(|folder| *folder != own);
        let others = others.map(|folder| CString::new(folder.as_os_str().as_bytes()));
        Ok(others.collect::<Result<_, _>>()?)
    }
}

/// What is to become a disk, and is left of one that was cut short.
fn new(image: &Path) -> PathBuf {
    image.with_extension("new")
}

async fn unmount(folder: &Path) -> Result<(), SpawnError> {
    while is_mounted(folder).map_err(io("a repl's folder"))? {
        tools::run("umount", &["--lazy", text(folder)?], "").await?;
    }
    Ok(())
}

/// Whether it is on another device than the folder that it lies in, which may be a link.
fn is_mounted(folder: &Path) -> io::Result<bool> {
    let inside = match fs::symlink_metadata(folder) {
        Ok(metadata) => metadata.dev(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let parent = fs::metadata(folder.parent().unwrap_or(folder))?;
    Ok(inside != parent.dev())
}

/// What is mounted on a folder by a loop device, wherever that has been moved (`loop_attr_backing_file_show`).
fn file_of(folder: &Path) -> io::Result<PathBuf> {
    let device = fs::metadata(folder)?.dev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let file = format!("/sys/dev/block/{major}:{minor}/loop/backing_file");
    Ok(PathBuf::from(
        fs::read_to_string(file)?.trim_end_matches('\n'),
    ))
}

fn text(path: &Path) -> Result<&str, SpawnError> {
    path.to_str()
        .ok_or_else(|| SpawnError::Unable(format!("{} is not UTF-8", path.display())))
}

fn io(what: &str) -> impl Fn(io::Error) -> SpawnError {
    move |source| SpawnError::Io {
        what: what.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_small_and_not_too_many() {
        let of = blocks_of_group;
        assert_eq!([of(64 << 20), of(16 << 30)], [GROUP, GROUP]);
        assert_eq!([of((16 << 30) + 1), of(32 << 30)], [2048, 2048]);
        assert_eq!([of(512 << 30), of(u64::MAX)], [MAX_GROUP, MAX_GROUP]);
    }

    #[tokio::test]
    async fn a_disk_that_was_never_made_whole_goes_with_its_folder() {
        let state = tempfile::tempdir().expect("a folder");
        let disks = Disks {
            images: state.path().to_owned(),
            limits: true,
            mounting: Arc::default(),
            attached: Mutex::default(),
        };
        let image = disks.image("abcdefghijkl");
        for file in [&image, &new(&image), &disks.image("mnopqrstuvwx")] {
            fs::write(file, "").expect("a file");
        }
        let folder = state.path().join("nothing");
        let deleted = disks.detach("abcdefghijkl", &folder).await;
        deleted.expect("deleted");
        let left = fs::read_dir(state.path()).expect("a folder").count();
        assert_eq!(left, 1, "the other's");
    }
}
