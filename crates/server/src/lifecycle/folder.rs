//! A repl's folder on this machine: `<data>/repls/<id>`.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Stands in a folder whose sources have been restored: what is missing there was deleted by its
/// user. Without it the folder is a restore that was cut short, and holds nothing new.
const MARK: &str = "restored";

#[derive(Clone)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn exists(&self) -> bool {
        self.0.exists()
    }

    /// Whether a user may have worked in it.
    pub fn is_restored(&self) -> bool {
        self.0.join(MARK).exists()
    }

    pub fn mark_restored(&self) -> io::Result<()> {
        std::fs::write(self.0.join(MARK), "")
    }

    /// Makes it, for us alone.
    pub fn create(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.0)?;
        std::fs::set_permissions(&self.0, std::fs::Permissions::from_mode(0o711))
    }

    /// Moves it to `place`, out of everybody's way.
    pub fn keep(&self, place: &Path) -> io::Result<()> {
        if let Some(parent) = place.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::rename(&self.0, place)
    }

    /// Deletes it with all that is in it. A folder without permissions is no obstacle. The mark goes
    /// first, so that a deletion that is cut short is not taken for the user's.
    pub async fn delete(&self) -> io::Result<()> {
        let path = self.0.clone();
        tokio::task::spawn_blocking(move || {
            for _ in 0..2 {
                let gone = std::fs::remove_file(path.join(MARK)).or_else(absent_is_fine);
                match gone.and_then(|()| std::fs::remove_dir_all(&path).or_else(absent_is_fine)) {
                    Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                        open_up(&path)?
                    }
                    done => return done,
                }
            }
            std::fs::remove_dir_all(&path)
        })
        .await
        .map_err(io::Error::other)?
    }
}

fn absent_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound {
        Ok(())
    } else {
        Err(error)
    }
}

/// Gives us back the right to change every folder below `path`.
fn open_up(path: &Path) -> io::Result<()> {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_folder_without_permissions_is_deleted_too() {
        let top = tempfile::tempdir().unwrap();
        let folder = Folder::new(top.path().join("repl"));
        folder.create().unwrap();
        folder.mark_restored().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::set_permissions(folder.path().join("a"), std::fs::Permissions::from_mode(0))
            .unwrap();
        folder.delete().await.unwrap();
        assert!(!folder.exists());
        folder.delete().await.unwrap();
    }
}
