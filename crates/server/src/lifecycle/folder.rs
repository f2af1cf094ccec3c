//! A repl's folder on this machine: `<data>/repls/<id>`. What it holds has a hard limit, where its spawner
//! can set one.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove_spawner::{Holds, Limits, Spawner};
use alcove_volume::Volume;

/// Stands in a folder whose sources have been restored: what is missing there was deleted by its
/// user. Without it the folder is a restore that was cut short, and holds nothing new.
const MARK: &str = "restored";

/// What `cp` says of a file for which this machine's disk has no room (strerror(3)).
const NO_ROOM: &str = "No space left on device";
/// Files that `cp` could not copy, of which it says so: as many are named.
const NAMED: usize = 20;

/// Not all of a folder could be copied: its disk is kept as well.
#[derive(Debug)]
pub struct Uncopied {
    /// The image of the disk.
    pub disk: PathBuf,
    /// What could not be copied, and why: in lines, as `cp` says it.
    pub said: String,
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

    /// Moves it to `place`, out of everybody's way. What is limited can't be moved: it is copied, and then
    /// deleted. Where not all of it can be copied, its disk is kept beside what could.
    pub async fn keep(&self, place: &Path) -> io::Result<Option<Uncopied>> {
        if let Some(parent) = place.parent() {
            std::fs::create_dir_all(parent)?;
        }
        match std::fs::rename(&self.path, place) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {}
            moved => return moved.map(|()| None),
        }
        let copy = Self::new(with_ending(place, ".part"));
        // Of a copy that was cut short.
        copy.delete().await?;
        let both = [self.path.as_path(), copy.path.as_path()];
        let copied = run("cp", &["-a", "-T"], &both).await;
        let uncopied = match copied {
            Ok(()) => None,
            Err(error) => Some(self.set_aside(place, error).await?),
        };
        let has_room = uncopied.as_ref().is_none_or(|u| !u.said.contains(NO_ROOM));
        match has_room && copy.exists() {
            true => std::fs::rename(&copy.path, place)?,
            false => copy.delete().await?,
        }
        let kept = uncopied.as_ref().map_or(place, |u| &u.disk);
        run("sync", &["--file-system"], &[kept]).await?;
        self.delete().await?;
        Ok(uncopied)
    }

    /// Keeps its disk beside `place`, since not all of it could be copied: `error`, where it has none.
    async fn set_aside(&self, place: &Path, error: io::Error) -> io::Result<Uncopied> {
        let disk = with_ending(place, ".img");
        let Some((spawner, id)) = &self.disk else {
            return Err(error);
        };
        let kept = spawner.set_aside(id, &self.path, &disk).await;
        match kept.map_err(io::Error::other)? {
            true => Ok(Uncopied {
                disk,
                said: error.to_string(),
            }),
            false => Err(error),
        }
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
