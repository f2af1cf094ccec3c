//! Ends a sandbox and removes what it had, whatever of it there is: after a crash at any step of
//! its start, too.

use std::time::Duration;

use rustix::process::Signal;
use std::os::unix::fs::MetadataExt;

use super::record::{Record, parse_status, remove_file};
use super::{SandboxSpawner, cgroup, lock, net};
use crate::SpawnError;
use crate::pid::ProcessRef;

/// A killed process is gone in milliseconds, unless it hangs in the kernel.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the launcher outside may take to note the exit code.
const MONITOR_PATIENCE: Duration = Duration::from_secs(2);

impl SandboxSpawner {
    /// Idempotent; the record goes last.
    pub(super) async fn clean(&self, record: &Record) -> Result<(), SpawnError> {
        let id = &record.id;
        let failed = |what: &str, source| SpawnError::Io {
            what: format!("{what} of {id} can't be removed"),
            source,
        };
        if let Some(first) = record.first.or_else(|| self.first_by_status(id)) {
            first.signal(Signal::KILL);
            // The kernel ends the rest of its namespace before it.
            if tokio::time::timeout(PATIENCE, first.ended()).await.is_err() {
                return Err(SpawnError::Unable(format!(
                    "{id} does not end: its first process hangs in the kernel."
                )));
            }
        }
        if let Some(monitor) = record.monitor {
            if tokio::time::timeout(MONITOR_PATIENCE, monitor.ended())
                .await
                .is_err()
            {
                monitor.signal(Signal::KILL);
            }
            let _ = tokio::time::timeout(PATIENCE, monitor.ended()).await;
        }
        let end = lock(&self.ends).get(id).cloned();
        if let Some(mut end) = end {
            // Whoever waits learns the exit code before its file goes.
            let _ = tokio::time::timeout(MONITOR_PATIENCE, end.wait_for(Option::is_some)).await;
        }
        for group in &record.cgroups {
            cgroup::remove(group, PATIENCE)
                .await
                .map_err(|source| failed("the control group", source))?;
        }
        if let Some(link) = record.link {
            net::remove(&self.router, &self.namespace(id), link).await?;
            lock(&self.links).remove(id);
        }
        remove_file(&record.socket).map_err(|source| failed("the socket", source))?;
        self.records
            .remove(id)
            .map_err(|source| failed("the record", source))?;
        lock(&self.ends).remove(id);
        Ok(())
    }

    /// The first process as bubblewrap noted it, where the server ended before it could. The
    /// namespace must agree, as the number may be another's by now.
    fn first_by_status(&self, id: &str) -> Option<ProcessRef> {
        let status = parse_status(&std::fs::read_to_string(self.records.status(id)).ok()?);
        let process = ProcessRef::of(status.child?)?;
        let namespace = std::fs::metadata(format!("/proc/{}/ns/pid", process.pid))
            .ok()?
            .ino();
        (Some(namespace) == status.pid_namespace).then_some(process)
    }
}
