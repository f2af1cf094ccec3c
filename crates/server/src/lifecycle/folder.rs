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

    /// Deletes it with all that is in it. Neither depth nor missing permissions are an obstacle: what
    /// users make is walked by `rm` and `chmod`, which use no recursion. The mark goes first, so that
    /// a deletion that is cut short is not taken for the user's.
    pub async fn delete(&self) -> io::Result<()> {
        if !self.exists() {
            return Ok(());
        }
        std::fs::remove_file(self.0.join(MARK)).or_else(absent_is_fine)?;
        if run("rm", &["-rf", "--one-file-system"], &self.0)
            .await
            .is_ok()
        {
            return Ok(());
        }
        run("chmod", &["-R", "u+rwX"], &self.0).await?;
        run("rm", &["-rf", "--one-file-system"], &self.0).await
    }
}

async fn run(program: &str, arguments: &[&str], path: &Path) -> io::Result<()> {
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .arg("--")
        .arg(path)
        .output()
        .await?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(
        said.lines().next().unwrap_or(program).to_owned(),
    ))
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
        folder.create().unwrap();
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
        folder.create().unwrap();
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
