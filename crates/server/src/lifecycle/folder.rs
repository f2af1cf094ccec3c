//! A repl's folder on this machine: `<data>/repls/<id>`. What it holds has a hard limit, where its spawner
//! can set one.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove_spawner::{Holds, Limits, Spawner};
use alcove_volume::Volume;

/// Stands in a folder whose sources have been restored: what is missing there was deleted by its
/// user. Without it the folder is a restore that was cut short, and holds nothing new. Made anew at each start:
/// a copy with a mark of the same time has all that is in the folder.
const MARK: &str = "restored";

/// Files that `cp` could not copy, of which it says so: as many are named.
const NAMED: usize = 20;

/// Where what is in a folder is, once it is to be kept.
#[derive(Debug)]
pub enum Kept {
    /// At the place for it.
    Aside,
    /// Beside that place: as the image of its disk, since not all of it could be copied.
    AsDisk(PathBuf),
    /// In the folder, since this is what an earlier run has left at the place for it.
    Here(PathBuf),
}

#[derive(Clone)]
pub struct Folder {
    path: PathBuf,
    /// Who limits what it holds, and by which id it knows it.
    disk: Option<(Arc<dyn Spawner>, String)>,
}

impl Folder {
    /// One without a limit.
    pub fn new(path: PathBuf) -> Self {
        Self { path, disk: None }
    }

    /// That of `id`, for its sandbox.
    pub fn of(spawner: Arc<dyn Spawner>, id: &str, path: PathBuf) -> Self {
        Self {
            path,
            disk: Some((spawner, id.to_owned())),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Whether a user may have worked in it.
    pub fn is_restored(&self) -> bool {
        self.path.join(MARK).exists()
    }

    pub fn mark_restored(&self) -> io::Result<()> {
        std::fs::write(self.path.join(MARK), "")
    }

    /// Makes it, for us alone, with a disk of so many bytes where it can have one, and with room for what is to
    /// be brought into it.
    pub async fn create(&self, disk: Option<u64>, holds: Holds) -> io::Result<()> {
        std::fs::create_dir_all(&self.path)?;
        self.attach_for(disk, holds).await?;
        std::fs::set_permissions(&self.path, std::fs::Permissions::from_mode(0o711))
    }

    /// The same, with all that a sandbox shows of it, empty. `owner`: whose that is, unless it is ours. `Err` is
    /// for a person.
    pub async fn create_empty(
        &self,
        limits: &Limits,
        holds: Holds,
        owner: Option<(u32, u32)>,
    ) -> Result<(), String> {
        let failed =
            |e: &dyn std::fmt::Display| format!("The folder for its files could not be made: {e}");
        let made = self.create(limits.disk, holds).await;
        made.map_err(|e| failed(&e))?;
        let tops = Volume::make_tops(&self.path, owner).await;
        tops.map_err(|e| failed(&e))
    }

    /// Shows what it held before the machine was restarted.
    pub async fn attach(&self) -> io::Result<()> {
        self.attach_for(None, Holds::default()).await
    }

    async fn attach_for(&self, disk: Option<u64>, holds: Holds) -> io::Result<()> {
        let Some((spawner, id)) = &self.disk else {
            return Ok(());
        };
        let attached = spawner.attach(id, &self.path, disk, holds).await;
        attached.map_err(io::Error::other)
    }

    /// Keeps what is in it at `place`, out of everybody's way; the folder can be deleted then, unless that is where
    /// it stays. What is limited can't be moved: it is copied, and where not all of it can be, its disk is kept
    /// instead. Cut short, it is completed by another call.
    pub async fn keep(&self, place: &Path) -> io::Result<Kept> {
        if let Some(parent) = place.parent() {
            std::fs::create_dir_all(parent)?;
            // The users whose files these are may be other repls' by and by.
            std::fs::set_permissions(parent, std::fs::Permissions::from_mode(0o700))?;
        }
        let name = self.path.file_name().unwrap_or_default();
        let copy = Self::new(with_ending(&place.with_file_name(name), ".part"));
        // Of a copy that was cut short.
        copy.delete().await?;
        let disk = with_ending(place, ".img");
        if disk.exists() {
            return Ok(match self.set_aside(&disk).await? {
                true => Kept::AsDisk(disk),
                false => Kept::Here(disk),
            });
        }
        if place.exists() {
            return Ok(match self.is_copied_to(place) {
                true => Kept::Aside,
                false => Kept::Here(place.to_owned()),
            });
        }
        match std::fs::rename(&self.path, place) {
            // A mount point, or on another file system.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices
                ) => {}
            moved => return moved.map(|()| Kept::Aside),
        }
        let both = [self.path.as_path(), copy.path.as_path()];
        if let Err(error) = run("cp", &["-a", "-T"], &both).await {
            copy.delete().await?;
            if !self.set_aside(&disk).await? {
                return Err(error);
            }
            tracing::error!(disk = %disk.display(), %error, "not all of it could be copied: its disk is kept");
            sync(&disk).await?;
            return Ok(Kept::AsDisk(disk));
        }
        // Under its own name only once it is whole.
        sync(&copy.path).await?;
        std::fs::rename(&copy.path, place)?;
        sync(place).await?;
        Ok(Kept::Aside)
    }

    fn is_copied_to(&self, place: &Path) -> bool {
        let marked = |folder: &Path| folder.join(MARK).metadata()?.modified();
        match (marked(&self.path), marked(place)) {
            (Ok(here), Ok(there)) => here == there,
            _ => false,
        }
    }

    /// Makes its disk the file `disk`. `false`: it has none, or another one is there.
    async fn set_aside(&self, disk: &Path) -> io::Result<bool> {
        let Some((spawner, id)) = &self.disk else {
            return Ok(false);
        };
        let kept = spawner.set_aside(id, &self.path, disk).await;
        kept.map_err(io::Error::other)
    }

    /// Deletes it with all that is in it. Neither depth nor missing permissions are an obstacle: what
    /// users make is walked by `rm` and `chmod`, which use no recursion. A disk goes as one; else the mark goes
    /// first, so that a deletion that is cut short is not taken for the user's.
    pub async fn delete(&self) -> io::Result<()> {
        if let Some((spawner, id)) = &self.disk {
            let detached = spawner.detach(id, &self.path).await;
            detached.map_err(io::Error::other)?;
        }
        if !self.exists() {
            return Ok(());
        }
        std::fs::remove_file(self.path.join(MARK)).or_else(absent_is_fine)?;
        let path = [self.path.as_path()];
        let remove = || run("rm", &["-rf", "--one-file-system"], &path);
        if remove().await.is_ok() {
            return Ok(());
        }
        run("chmod", &["-R", "u+rwX"], &path).await?;
        remove().await
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(ending);
    path.into()
}

/// Until what is in its file system is durable.
async fn sync(path: &Path) -> io::Result<()> {
    run("sync", &["--file-system"], &[path]).await
}

async fn run(program: &str, arguments: &[&str], paths: &[&Path]) -> io::Result<()> {
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .arg("--")
        .args(paths)
        .env("LC_ALL", "C")
        .output()
        .await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = said.lines().take(NAMED).collect();
    Err(io::Error::other(match lines.is_empty() {
        true => program.to_owned(),
        false => lines.join("\n"),
    }))
}

fn absent_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound {
        Ok(())
    } else {
        Err(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_without_permissions_is_deleted_too() {
        let top = tempfile::tempdir().unwrap();
        let folder = Folder::new(top.path().join("repl"));
        folder.create(None, Holds::default()).await.unwrap();
        folder.mark_restored().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::set_permissions(
            folder.path().join("a"),
            std::fs::Permissions::from_mode(0o0),
        )
        .unwrap();
        folder.delete().await.unwrap();
        assert!(!folder.exists());
        folder.delete().await.unwrap();
    }

    #[tokio::test]
    async fn a_folder_of_any_depth_is_deleted() {
        let top = tempfile::tempdir().unwrap();
        let folder = Folder::new(top.path().join("repl"));
        folder.create(None, Holds::default()).await.unwrap();
        let script = "import os\nfor _ in range(30000):\n os.mkdir('d'); os.chdir('d')";
        let made = std::process::Command::new("python3")
            .args(["-c", script])
            .current_dir(folder.path())
            .status();
        assert!(made.unwrap().success());
        folder.delete().await.unwrap();
        assert!(!folder.exists());
    }
}
