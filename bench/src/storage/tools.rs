//! Programs that people move files to object stores with, as their manuals advise for many small files.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::process::Command;

use super::server::{ACCESS, BUCKET, REGION, SECRET};
use super::subject::PLAIN_AT_ONCE;

/// Longest that one run may take.
const LIMIT: Duration = Duration::from_secs(900);

/// Both programs, before one store.
pub struct Tools {
    port: u16,
    /// For what they keep.
    dir: PathBuf,
}

impl Tools {
    /// `port`: of the store. `dir`: an empty folder.
    pub fn new(port: u16, dir: PathBuf) -> Self {
        Self { port, dir }
    }

    /// `rclone copy`: seconds. Each is a folder, or a prefix of keys as `bench:prefix`.
    pub async fn rclone(&self, from: &str, to: &str) -> anyhow::Result<f64> {
        let at_once = PLAIN_AT_ONCE.to_string();
        let mut command = self.command("rclone");
        command
            .args(["copy", "--quiet", "--fast-list"])
            .args(["--transfers", &at_once, "--checkers", &at_once])
            // Else it asks for each file's time: https://rclone.org/s3/#modification-times-and-hashes
            .args(["--update", "--use-server-modtime"])
            .args([from, to])
            .env("RCLONE_CONFIG", self.dir.join("rclone.conf"))
            .env("RCLONE_CONFIG_BENCH_TYPE", "s3")
            .env("RCLONE_CONFIG_BENCH_PROVIDER", "Other")
            .env("RCLONE_CONFIG_BENCH_ENDPOINT", self.endpoint())
            .env("RCLONE_CONFIG_BENCH_REGION", REGION)
            .env("RCLONE_CONFIG_BENCH_ACCESS_KEY_ID", ACCESS)
            .env("RCLONE_CONFIG_BENCH_SECRET_ACCESS_KEY", SECRET)
            // Each run would ask for the bucket.
            .env("RCLONE_CONFIG_BENCH_NO_CHECK_BUCKET", "true");
        run(command).await
    }

    /// Where rclone finds the keys below a prefix.
    pub fn rclone_place(under: &str) -> String {
        format!("bench:{BUCKET}/{under}")
    }

    /// `restic` with some arguments, in the repository below a prefix: seconds. `knows`: what it has read
    /// before is still there, as on the machine that saves.
    pub async fn restic(
        &self,
        under: &str,
        arguments: &[&str],
        knows: bool,
    ) -> anyhow::Result<f64> {
        let cache = self.dir.join(if knows { "restic" } else { "restic-new" });
        let repository = format!("s3:{}/{BUCKET}/{under}", self.endpoint());
        let mut command = self.command("restic");
        command
            .args(["--quiet", "--repo", &repository])
            .args(["-o", &format!("s3.connections={PLAIN_AT_ONCE}")])
            .args(arguments)
            .env("RESTIC_PASSWORD", "bench")
            .env("RESTIC_CACHE_DIR", &cache)
            .env("AWS_DEFAULT_REGION", REGION)
            .env("AWS_ACCESS_KEY_ID", ACCESS)
            .env("AWS_SECRET_ACCESS_KEY", SECRET);
        let took = run(command).await;
        if !knows {
            remove(&cache)?;
        }
        took
    }

    /// Settings of whoever measures change nothing.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", &self.dir);
        command
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

/// Seconds that a program takes.
async fn run(mut command: Command) -> anyhow::Result<f64> {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let name = format!("{:?}", command.as_std().get_program());
    let began = Instant::now();
    let output = tokio::time::timeout(LIMIT, command.output())
        .await
        .with_context(|| format!("{name} takes too long"))?
        .with_context(|| {
            format!("{name}: `scripts/system-packages bench` says how to install it")
        })?;
    let took = began.elapsed().as_secs_f64();
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{name}: {words}");
    Ok(took)
}

fn remove(dir: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
