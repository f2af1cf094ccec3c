//! Takes an imported archive apart, in a process of its own (`alcove unpack`): in this one it is bytes only.

use std::fs::File;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use alcove_protocol::unpack::{MAX_ANSWER_BYTES, Unpacked};
use alcove_volume::Size;
use anyhow::Context;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use crate::ApiFailure;

/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// Whom it becomes where this server is root: `nobody`, as the kernel has it.
const NOBODY: u32 = 65534;

/// Takes an archive apart into an empty folder; what came of it. `strip`: without the one folder that all of
/// it lies in.
pub async fn unpack(
    archive: File,
    dir: &Path,
    strip: bool,
    most: Size,
) -> Result<Unpacked, ApiFailure> {
    // This program, whatever its file is called by now.
    let mut command = Command::new("/proc/self/exe");
    command.arg("unpack").arg("--dir").arg(dir);
    let entries = u32::try_from(most.files).unwrap_or(u32::MAX);
    command.args(["--entries", &entries.to_string()]);
    command.args(["--bytes", &most.bytes.to_string()]);
    if strip {
        command.arg("--strip");
    }
    if rustix::process::geteuid().is_root() {
        chown(dir, Some(NOBODY), Some(NOBODY)).context("a folder for an archive's files")?;
        command.args(["--user", &NOBODY.to_string()]);
    }
    command
        .env_clear()
        .stdin(Stdio::from(archive))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let mut child = command.spawn().context("alcove unpack")?;
    let mut answer = Vec::new();
    let talk = async {
        if let Some(stdout) = child.stdout.take() {
            stdout
                .take(MAX_ANSWER_BYTES)
                .read_to_end(&mut answer)
                .await?;
        }
        child.wait().await
    };
    let ended = tokio::time::timeout(PATIENCE, talk).await;
    let unpacked = match ended {
        Ok(Ok(status)) if status.success() => serde_json::from_slice(&answer).ok(),
        ended => {
            tracing::warn!(?ended, "alcove unpack");
            None
        }
    };
    unpacked.ok_or_else(|| {
        ApiFailure::BadRequest(
            "The archive could not be taken apart: the disk is full, or it takes more memory or time than \
             any should. Take it apart on your own machine, and upload what you need."
                .into(),
        )
    })
}
