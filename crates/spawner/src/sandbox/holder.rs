//! Without root: a process that does nothing but hold a user, a network and a mount namespace, in
//! which this user may do what root does outside.

use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;

use crate::SpawnError;
use crate::inherit;
use crate::pid::ProcessRef;

const PATIENCE: Duration = Duration::from_secs(10);

/// Its own /run, so that namespaces can be named there.
const SCRIPT: &str =
    "mount -t tmpfs run /run && mkdir /run/netns && echo ready && exec sleep infinity >&2";

pub async fn start() -> Result<ProcessRef, SpawnError> {
    let failed = |source| SpawnError::Io {
        what: "the holder of the network can't be started".into(),
        source,
    };
    let (ready, ready_end) = std::io::pipe().map_err(failed)?;
    let mut ready =
        tokio::net::unix::pipe::Receiver::from_owned_fd(OwnedFd::from(ready)).map_err(failed)?;
    let mut command = Command::new("unshare");
    command.args([
        "--user",
        "--map-root-user",
        "--net",
        "--mount",
        "sh",
        "-c",
        SCRIPT,
    ]);
    command
        .stdin(Stdio::null())
        .stdout(ready_end)
        .stderr(Stdio::null());
    inherit::detach(&mut command, Vec::new());
    let child = command.spawn().map_err(failed)?;
    drop(command);
    let holder = ProcessRef::of(child.id());
    let mut text = [0; 6];
    let is_ready = matches!(
        tokio::time::timeout(PATIENCE, ready.read_exact(&mut text)).await,
        Ok(Ok(_))
    );
    match holder {
        Some(holder) if is_ready => Ok(holder),
        _ => {
            if let Some(holder) = holder {
                holder.signal(rustix::process::Signal::KILL);
                let _ = holder.ended().await;
            }
            Err(SpawnError::Unable(super::host::why_no_user_namespaces()))
        }
    }
}
