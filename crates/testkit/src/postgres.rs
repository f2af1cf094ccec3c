//! A PostgreSQL server of a test's own, in a temporary folder, as the system's package brings it.

use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::{DEADLINE, eventually};

/// `nobody`: PostgreSQL does not run as root, and asks for the name of its user.
const USER: u32 = 65534;

/// Ended with the value.
pub struct Postgres {
    server: Child,
    folder: TempDir,
}

impl Postgres {
    pub async fn start() -> anyhow::Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("alcove-pg-").tempdir()?;
        if is_root() {
            std::os::unix::fs::chown(folder.path(), Some(USER), Some(USER))?;
        }
        let data = folder.path().join("data");
        let made = as_user(&programs.join("initdb"))
            .args([
                "--auth=trust",
                "--username=alcove",
                "--encoding=UTF8",
                "--no-sync",
            ])
            .arg(&data)
            .output()
            .await?;
        if !made.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&made.stderr));
        }
        // A Unix socket alone, in a folder that only its user can enter.
        let server = as_user(&programs.join("postgres"))
            .args(["-h", "", "-F", "-D"])
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let postgres = Self { server, folder };
        eventually("PostgreSQL answers", || async {
            let answer = Command::new(programs.join("pg_isready"))
                .args(["-q", "-h"])
                .arg(postgres.folder.path())
                .status()
                .await;
            answer.is_ok_and(|s| s.success()).then_some(())
        })
        .await;
        Ok(postgres)
    }

    /// For `--database`.
    pub fn address(&self) -> String {
        format!(
            "postgres://alcove@localhost/postgres?host={}",
            self.folder.path().display()
        )
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(pid) = self.server.id() else { return };
        // Killed, it would leave its shared memory behind.
        // SAFETY: kill(2) takes two numbers; the child has not been waited for, so the pid is its own.
        unsafe { libc::kill(pid as i32, libc::SIGQUIT) };
        let began = std::time::Instant::now();
        while began.elapsed() < DEADLINE && matches!(self.server.try_wait(), Ok(None)) {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

fn is_root() -> bool {
    // SAFETY: geteuid(2) takes nothing and can't fail.
    unsafe { libc::geteuid() == 0 }
}

fn as_user(program: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    if is_root() {
        command.uid(USER).gid(USER);
    }
    command.current_dir("/").stdin(Stdio::null());
    command
}

/// The folder with `initdb` and `postgres`: on the PATH, or where Debian puts them; the newest.
fn programs() -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let debian = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut versions: Vec<PathBuf> = debian.flatten().map(|e| e.path().join("bin")).collect();
    versions.sort();
    versions
        .into_iter()
        .rev()
        .chain(std::env::split_paths(&path))
        .find(|p| p.join("initdb").exists() && p.join("postgres").exists())
        .context("PostgreSQL's server is not installed: apt-get install postgresql")
}
