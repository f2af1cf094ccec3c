//! A PostgreSQL server of a test's own, in a temporary folder, as the system's package brings it.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::eventually;

/// `nobody`: PostgreSQL does not run as root, and asks for the name of its user.
const USER: u32 = 65534;

/// Ended with the value.
pub struct Postgres {
    _server: Child,
    folder: TempDir,
    port: u16,
}

impl Postgres {
    pub async fn start() -> anyhow::Result<Self> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("alcove-pg-").tempdir()?;
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777))?;
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
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let server = as_user(&programs.join("postgres"))
            .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-F", "-D"])
            .arg(&data)
            .arg("-k")
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let postgres = Self {
            _server: server,
            folder,
            port,
        };
        eventually("PostgreSQL answers", || async {
            let answer = Command::new(programs.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &port.to_string()])
                .status()
                .await;
            answer.is_ok_and(|s| s.success()).then_some(())
        })
        .await;
        Ok(postgres)
    }

    /// For `--database`.
    pub fn address(&self) -> String {
        format!("postgres://alcove@127.0.0.1:{}/postgres", self.port)
    }

    /// Where its data lies.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }
}

fn as_user(program: &std::path::Path) -> Command {
    let mut command = Command::new(program);
    // SAFETY: geteuid(2) takes nothing and can't fail.
    if unsafe { libc::geteuid() } == 0 {
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
