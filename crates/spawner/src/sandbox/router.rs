//! The router: one network namespace for all repls of a server, with one user-mode stack
//! (slirp4netns) as its way out and one packet filter. The host's own addresses, forwarding and
//! firewall stay untouched.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::task::JoinHandle;

use super::record::{read_json, remove_file, write_json};
use super::rules::{self, Allowed};
use super::tools::{finish, run};
use crate::SpawnError;
use crate::inherit;
use crate::pid::ProcessRef;

/// The router's address on every link.
pub const GATEWAY: &str = "10.213.255.254";

/// How long slirp4netns may take to be up,
const UPLINK_PATIENCE: Duration = Duration::from_secs(10);
/// how often the host's addresses are read again,
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// and the pause before a dead uplink is started again; it doubles up to the second.
const RESTART_PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));

/// Places of each repl's own table of TCP connections (ip-sysctl, `tcp_child_ehash_entries`, since Linux 6.1).
/// Looking which ports are listened on goes through all of it: 0.2 ms, and 7 ms through the machine's. Half as
/// many connections may be on their way out (TIME_WAIT).
const CONNECTION_PLACES: u32 = 8192;

/// What is written down.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct RouterRecord {
    holder: Option<ProcessRef>,
    uplink: Option<ProcessRef>,
}

pub struct Router {
    place: Place,
    record_path: PathBuf,
    record: Mutex<RouterRecord>,
    allow: Vec<Allowed>,
    supervisor: Mutex<Option<JoinHandle<()>>>,
    /// Held while the uplink is first connected: one at a time.
    connecting: tokio::sync::Mutex<()>,
}

/// Where the router's namespace is.
#[derive(Debug, Clone)]
pub enum Place {
    /// As root: a named namespace.
    Named(String),
    /// As an ordinary user: the namespaces of a process that does nothing else.
    Holder(ProcessRef),
}

impl Router {
    /// Makes the router's namespace, or finds the one an earlier server made. No way out yet: see
    /// [`Router::connect`].
    pub async fn open(
        name: &str,
        record_path: PathBuf,
        as_root: bool,
        allow: &[String],
    ) -> Result<Arc<Self>, SpawnError> {
        let io = |source| SpawnError::Io {
            what: "the router's record".into(),
            source,
        };
        let mut record: RouterRecord = read_json(&record_path).map_err(io)?.unwrap_or_default();
        let place = if as_root {
            Place::Named(name.to_owned())
        } else if let Some(holder) = record.holder.filter(|h| h.is_alive()) {
            Place::Holder(holder)
        } else {
            let holder = super::holder::start().await?;
            record = RouterRecord {
                holder: Some(holder),
                uplink: None,
            };
            Place::Holder(holder)
        };
        write_json(&record_path, &record).map_err(io)?;
        let router = Self {
            place,
            record_path,
            record: Mutex::new(record),
            allow: rules::resolve(allow).await?,
            supervisor: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
        };
        if as_root && !router.namespace_path(name).exists() {
            run("ip", &["netns", "add", name], "").await?;
        }
        Ok(Arc::new(router))
    }

    /// Loads the packet filter, then connects the uplink and keeps it connected.
    pub async fn connect(self: &Arc<Self>) -> Result<(), SpawnError> {
        let _one_at_a_time = self.connecting.lock().await;
        let has_supervisor = self
            .lock_supervisor()
            .as_ref()
            .is_some_and(|s| !s.is_finished());
        if has_supervisor {
            return Ok(());
        }
        if !Path::new("/dev/net/tun").exists() {
            return Err(SpawnError::Unable(
                "Programs can't reach the internet: /dev/net/tun is missing. Run `sudo modprobe tun`; \
                 in a container, start it with `--device /dev/net/tun`."
                    .into(),
            ));
        }
        let setup = format!(
            "set -e; echo 1 > /proc/sys/net/ipv4/ip_forward\n\
             echo 1 > /proc/sys/net/ipv4/conf/all/rp_filter\n\
             echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 2>/dev/null || true\n\
             echo {CONNECTION_PLACES} > /proc/sys/net/ipv4/tcp_child_ehash_entries 2>/dev/null || true\n\
             ip link set lo up; ip addr replace {GATEWAY}/32 dev lo"
        );
        self.inside("sh", &["-c", &setup], "").await?;
        let mut host = rules::host_addresses().await?;
        self.load(&host).await?;
        let known = self.lock_record().uplink.filter(|u| u.is_alive());
        let first = match known {
            Some(uplink) => uplink,
            None => self.start_uplink().await?,
        };
        let router = self.clone();
        *self.lock_supervisor() = Some(tokio::spawn(async move {
            let mut uplink = first;
            loop {
                if tokio::time::timeout(LOOK_AGAIN, uplink.ended())
                    .await
                    .is_ok()
                {
                    tracing::warn!("slirp4netns has ended; it is started again");
                    uplink = router.restart_uplink().await;
                }
                match rules::host_addresses().await {
                    Ok(now) if now != host && router.load(&now).await.is_ok() => host = now,
                    _ => {}
                }
            }
        }));
        Ok(())
    }

    async fn restart_uplink(&self) -> ProcessRef {
        let (mut pause, longest) = RESTART_PAUSE;
        loop {
            match self.start_uplink().await {
                Ok(uplink) => return uplink,
                Err(error) => {
                    tracing::error!(%error, "no sandbox has network until this is repaired")
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Starts slirp4netns, and waits until its interface is up.
    async fn start_uplink(&self) -> Result<ProcessRef, SpawnError> {
        let failed = |source| SpawnError::Io {
            what: "slirp4netns can't be started".into(),
            source,
        };
        let (ready, ready_end) = std::io::pipe().map_err(failed)?;
        let ready_end = inherit::lift(ready_end).map_err(failed)?;
        let mut ready = tokio::net::unix::pipe::Receiver::from_owned_fd(OwnedFd::from(ready))
            .map_err(failed)?;
        // It confines itself (no capability but one, no files but /etc and /run); in a mount
        // namespace of its own, because its bind mounts would break the host's named namespaces.
        let mut command = match &self.place {
            Place::Named(_) => {
                let mut command = std::process::Command::new("unshare");
                command.args(["--mount", "--propagation", "private", "slirp4netns"]);
                command
            }
            Place::Holder(_) => std::process::Command::new("slirp4netns"),
        };
        command.args([
            "--configure",
            "--mtu=65520",
            "--disable-host-loopback",
            "--enable-seccomp",
            "--enable-sandbox",
        ]);
        command.arg(format!(
            "--ready-fd={}",
            std::os::fd::AsRawFd::as_raw_fd(&ready_end)
        ));
        match &self.place {
            Place::Named(name) => command
                .arg("--netns-type=path")
                .arg(self.namespace_path(name)),
            Place::Holder(holder) => command.arg(holder.pid.to_string()),
        };
        let log = self.record_path.with_extension("uplink.log");
        let log_file = std::fs::File::create(&log).map_err(failed)?;
        command
            .arg("tap0")
            .stdin(Stdio::null())
            .stdout(log_file.try_clone().map_err(failed)?)
            .stderr(log_file);
        inherit::detach(&mut command, vec![ready_end]);
        // One for each connection of any repl.
        inherit::raise_open_files(&mut command);
        let child = command.spawn().map_err(failed)?;
        // The command holds our copy of the pipe's end.
        drop(command);
        let uplink = ProcessRef::of(child.id());
        // Written down before it is of use: whoever comes after us can end it.
        let record = {
            let mut record = self.lock_record();
            record.uplink = uplink;
            record.clone()
        };
        write_json(&self.record_path, &record).map_err(failed)?;
        let mut byte = [0];
        let is_up = matches!(
            tokio::time::timeout(UPLINK_PATIENCE, ready.read(&mut byte)).await,
            Ok(Ok(1))
        );
        match uplink {
            Some(uplink) if is_up => Ok(uplink),
            _ => {
                if let Some(uplink) = uplink {
                    uplink.signal(Signal::KILL);
                    let _ = uplink.ended().await;
                }
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                Err(SpawnError::Unable(format!(
                    "Programs can't reach the internet: slirp4netns did not come up. It says: {}. \
                     Is /dev/net/tun open to this user (`ls -l /dev/net/tun`)?",
                    said.trim()
                )))
            }
        }
    }

    async fn load(&self, host: &[String]) -> Result<(), SpawnError> {
        self.inside("nft", &["-f", "-"], &rules::ruleset(host, &self.allow))
            .await
    }

    /// Forgets how many connections an address has: another repl will have it.
    pub async fn forget(&self, address: &str) {
        let element = format!("{{ {address} }}");
        let words = [
            "delete",
            "element",
            "inet",
            "alcove",
            "connections",
            &element,
        ];
        // Most have none, and then there is nothing to be deleted.
        if let Err(error) = self.inside("nft", &words, "").await {
            tracing::debug!(%error, "connections of a repl that has ended");
        }
    }

    /// Runs `ip` in the router's namespace, where namespaces of repls have names.
    pub async fn ip(&self, args: &[&str], input: &str) -> Result<(), SpawnError> {
        self.inside("ip", args, input).await
    }

    /// Runs a batch of `ip` in a repl's namespace.
    pub async fn ip_in(&self, namespace: &str, batch: &str) -> Result<(), SpawnError> {
        let args = ["-netns", namespace, "-batch", "-"];
        match &self.place {
            Place::Named(_) => run("ip", &args, batch).await,
            Place::Holder(_) => self.inside("ip", &args, batch).await,
        }
    }

    async fn inside(&self, program: &str, args: &[&str], input: &str) -> Result<(), SpawnError> {
        match &self.place {
            Place::Named(name) => {
                let path = self.namespace_path(name);
                let namespace = std::fs::File::open(&path).map_err(|source| SpawnError::Io {
                    what: format!("the router's network namespace {}", path.display()),
                    source,
                })?;
                // Not by nsenter, which costs some milliseconds on the way of every start.
                let mut command = std::process::Command::new(program);
                inherit::join_network(command.args(args), namespace.into());
                finish(command, input).await.map(drop)
            }
            Place::Holder(holder) => {
                let pid = holder.pid.to_string();
                let mut all = vec![
                    "--target",
                    &pid,
                    "--user",
                    "--mount",
                    "--net",
                    "--preserve-credentials",
                    "--",
                ];
                all.push(program);
                all.extend(args);
                run("nsenter", &all, input).await
            }
        }
    }

    /// Where a named namespace can be opened from outside.
    pub fn namespace_path(&self, name: &str) -> PathBuf {
        match &self.place {
            Place::Named(_) => Path::new("/run/netns").join(name),
            Place::Holder(holder) => {
                PathBuf::from(format!("/proc/{}/root/run/netns/{name}", holder.pid))
            }
        }
    }

    /// The user namespace in which repls are started; none as root.
    pub fn user_namespace(&self) -> std::io::Result<Option<OwnedFd>> {
        match &self.place {
            Place::Named(_) => Ok(None),
            Place::Holder(holder) => Ok(Some(
                std::fs::File::open(format!("/proc/{}/ns/user", holder.pid))?.into(),
            )),
        }
    }

    /// Ends the uplink and removes the namespace.
    pub async fn close(&self) -> Result<(), SpawnError> {
        let supervisor = self.lock_supervisor().take();
        if let Some(supervisor) = supervisor {
            supervisor.abort();
            let _ = supervisor.await;
        }
        let RouterRecord { holder, uplink } = self.lock_record().clone();
        for process in [uplink, holder].into_iter().flatten() {
            process.signal(Signal::KILL);
            let _ = process.ended().await;
        }
        if let Place::Named(name) = &self.place
            && self.namespace_path(name).exists()
        {
            run("ip", &["netns", "del", name], "").await?;
        }
        let _ = remove_file(&self.record_path.with_extension("uplink.log"));
        remove_file(&self.record_path).map_err(|source| SpawnError::Io {
            what: "the router's record".into(),
            source,
        })
    }

    fn lock_record(&self) -> std::sync::MutexGuard<'_, RouterRecord> {
        self.record
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Leaves everything as it is, for another server to take over.
    pub fn abandon(&self) {
        if let Some(supervisor) = self.lock_supervisor().take() {
            supervisor.abort();
        }
    }

    fn lock_supervisor(&self) -> std::sync::MutexGuard<'_, Option<JoinHandle<()>>> {
        self.supervisor
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
