//! Starts a sandbox: writes it down, makes its groups, network and socket, and launches it.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::fs::MemfdFlags;
use tokio::io::AsyncReadExt;

use super::bwrap::{self, View};
use super::launch::{self, Setup};
use super::record::{Record, parse_status, remove_file};
use super::{SandboxSpawner, env, etc, host, net, registries};
use crate::inherit;
use crate::pid::{self, ProcessRef};
use crate::{Network, Sandbox, SandboxSpec, SpawnError, Spawner};

/// How long until the runner's first instruction; it takes some 20 ms.
const PATIENCE: Duration = Duration::from_secs(20);

impl SandboxSpawner {
    pub(super) async fn launch(&self, spec: &SandboxSpec) -> Result<Sandbox, SpawnError> {
        let id = &spec.id;
        let user = match &self.uids {
            Some(_) => Some(self.owner(id).await?.uid),
            None => None,
        };
        let link = match spec.network {
            Network::Internet => {
                self.router.connect().await?;
                Some(self.allot_link(id)?)
            }
            Network::None | Network::Registries => None,
        };
        let mut record = Record {
            id: id.clone(),
            socket: self.run.join(format!("{id}.sock")),
            link,
            cgroups: self.cgroups.groups(id),
            monitor: None,
            first: None,
            limits: Some(spec.limits.clone()),
            network: Some(spec.network),
        };
        self.write_record(&record)?;
        match self.make(spec, &mut record, user).await {
            Ok(sandbox) => Ok(sandbox),
            Err(error) => {
                if let Err(left) = self.clean(&record).await {
                    tracing::warn!(%id, error = %left, "what a failed start left can't be removed yet");
                }
                Err(error)
            }
        }
    }

    async fn make(
        &self,
        spec: &SandboxSpec,
        record: &mut Record,
        user: Option<u32>,
    ) -> Result<Sandbox, SpawnError> {
        let id = &spec.id;
        let failed = |source| SpawnError::Io {
            what: format!("{id} can't be started"),
            source,
        };
        let namespace = self.namespace(id);
        // The network's tools run while we make the groups.
        let network = async {
            match record.link {
                Some(link) => net::add(&self.router, &namespace, link).await,
                None => Ok(()),
            }
        };
        let (linked, made) = tokio::join!(network, async { self.cgroups.create(id, &spec.limits) });
        made?;
        linked?;
        remove_file(&record.socket).map_err(failed)?;
        let listener = UnixListener::bind(&record.socket).map_err(failed)?;

        let (info, info_end) = io::pipe().map_err(failed)?;
        let info =
            tokio::net::unix::pipe::Receiver::from_owned_fd(OwnedFd::from(info)).map_err(failed)?;
        let _mounting = match &self.disks {
            Some(disks) => Some(disks.mounting.lock().await),
            None => None,
        };
        // All files and the fork are made in one go, without an await: it takes a millisecond.
        let monitor = self
            .spawn(spec, record, user, listener, info_end.into())
            .map_err(failed)?;
        record.monitor = Some(monitor);
        self.write_record(record)?;
        self.follow(id, monitor);

        let first = match tokio::time::timeout(PATIENCE, self.began(id, monitor, info)).await {
            Ok(Some(first)) => first,
            Ok(None) => {
                let said = tokio::fs::read_to_string(self.records.log(id))
                    .await
                    .unwrap_or_default();
                return Err(SpawnError::Unable(explain(said.trim())));
            }
            Err(_) => {
                monitor.signal(rustix::process::Signal::KILL);
                return Err(SpawnError::Unable(format!(
                    "{id} did not start within {} s.",
                    PATIENCE.as_secs()
                )));
            }
        };
        record.first = Some(first);
        self.write_record(record)?;
        Ok(Sandbox {
            id: id.clone(),
            socket: record.socket.clone(),
            pid: first.pid,
            runs: true,
            limits: record.limits.clone(),
            network: record.network,
        })
    }

    /// Forks; gives the launcher outside.
    fn spawn(
        &self,
        spec: &SandboxSpec,
        record: &Record,
        user: Option<u32>,
        listener: UnixListener,
        info: OwnedFd,
    ) -> io::Result<ProcessRef> {
        let id = &spec.id;
        let mut kept = vec![inherit::lift(info)?];
        let info_fd = kept[0].as_raw_fd();
        let mut keep = |fd: OwnedFd| -> io::Result<RawFd> {
            kept.push(inherit::lift(fd)?);
            Ok(kept[kept.len() - 1].as_raw_fd())
        };
        let status_fd = keep(File::create(self.records.status(id))?.into())?;
        let mut group_fds = Vec::new();
        for group in self.cgroups.open_procs(id, "programs")? {
            group_fds.push(keep(group)?.to_string());
        }
        let mut seccomp_fds = Vec::new();
        for filter in &self.seccomp {
            seccomp_fds.push(keep(in_memory(filter)?)?);
        }

        let mut environment = env::environment(spec, &self.languages, &self.settings);
        for (name, value) in [
            ("LISTEN_FDS", "1"),
            ("LISTEN_PID", "1"),
            ("ALCOVE_CGROUP_FDS", &group_fds.join(",")),
        ] {
            environment.push((name.to_owned(), value.to_owned()));
        }
        let (items, tools) = self.items(spec);
        let arguments = bwrap::arguments(&View {
            stage: &self.stage,
            host: &self.host,
            tools: &tools,
            has_mirror: self.crates.as_ref().is_some_and(|m| m.is_for(spec.network)),
            env: &environment,
            tmp: spec.limits.tmp,
            unshare_net: record.link.is_none(),
            info_fd,
            status_fd,
            seccomp_fds: &seccomp_fds,
        });
        // By descriptor: a command line is open to everyone on the host, and holds the repl's
        // environment, which must not become bubblewrap's own (LD_PRELOAD) either.
        let mut text = Vec::new();
        for argument in arguments {
            text.extend(argument.as_encoded_bytes());
            text.push(0);
        }
        let args_fd = keep(in_memory(&text)?)?;

        let program = host::find_tool("bwrap").unwrap_or_else(|| PathBuf::from("bwrap"));
        let log = File::create(self.records.log(id))?;
        let mut command = Command::new(program);
        command.args([
            "--args",
            &args_fd.to_string(),
            "--",
            "/opt/alcove",
            "runner",
            "--confined",
        ]);
        command.env_clear().current_dir("/");
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let groups = self.cgroups.open_procs(id, "runner")?;
        let network_namespace = match record.link {
            Some(_) => Some(File::open(self.router.namespace_path(&self.namespace(id)))?.into()),
            None => None,
        };
        let others = match (&self.disks, spec.workspace.parent()) {
            (Some(disks), Some(own)) => disks.others(own)?,
            _ => Vec::new(),
        };
        launch::prepare(
            &mut command,
            Setup {
                groups,
                user_namespace: self.router.user_namespace()?,
                network_namespace,
                stage: self.stage.clone(),
                items,
                user,
                others,
            },
        )?;
        inherit::keep_open(&mut command, inherit::lift(listener)?, kept)?;
        let child = command.spawn()?;
        // Our copies of the listener and of the pipe's end go with the command: connections to a
        // runner that ended are refused, and the pipe ends when bubblewrap closes it.
        drop(command);
        // An ended child stays a zombie until `follow` reaps it, so the number is still its own.
        let start = pid::stat(child.id()).map_or(0, |stat| stat.start);
        Ok(ProcessRef {
            pid: child.id(),
            start,
        })
    }

    /// What the stage holds, and what of it is shown at its own path.
    fn items(&self, spec: &SandboxSpec) -> (Vec<launch::Item>, Vec<bwrap::Tool>) {
        let mut items = vec![
            (spec.workspace.clone(), "workspace".to_owned()),
            (spec.home.clone(), "home".to_owned()),
            (self.alcove.clone(), "alcove".to_owned()),
            (self.run.join("etc"), "etc".to_owned()),
            (
                etc::resolver(&self.run, spec.network),
                "resolv.conf".to_owned(),
            ),
        ];
        let mut tools = Vec::new();
        if spec.network == Network::Registries {
            items.push((self.registries.clone(), "registries".to_owned()));
            tools.push((self.stage.join("registries"), registries::folder()));
        }
        let shown: BTreeSet<&PathBuf> = self
            .languages
            .binds
            .iter()
            .chain(&self.setting_files)
            .collect();
        for (index, path) in shown.into_iter().enumerate() {
            items.push((path.clone(), format!("tool{index}")));
            tools.push((self.stage.join(format!("tool{index}")), path.clone()));
        }
        (items, tools)
    }

    /// Waits until the runner has been executed; gives the first process. `None` when the launcher
    /// ended before.
    async fn began(
        &self,
        id: &str,
        monitor: ProcessRef,
        mut info: tokio::net::unix::pipe::Receiver,
    ) -> Option<ProcessRef> {
        let mut text = String::new();
        // The pipe ends once bubblewrap has written, or died.
        info.read_to_string(&mut text).await.ok()?;
        let child = parse_status(&text.replace('\n', " ")).child?;
        // There is no event for an exec in another process; it takes some milliseconds.
        let mut pause = Duration::from_micros(500);
        loop {
            match pid::stat(child).filter(|s| s.state != 'Z') {
                Some(stat) if stat.name != "bwrap" => {
                    return Some(ProcessRef {
                        pid: child,
                        start: stat.start,
                    });
                }
                Some(_) => {}
                None => break,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(20));
        }
        // It has ended: bubblewrap notes an exit code only of what it has executed.
        monitor.ended().await.ok()?;
        let status = tokio::fs::read_to_string(self.records.status(id))
            .await
            .ok()?;
        parse_status(&status).code.map(|_| ProcessRef {
            pid: child,
            start: 0,
        })
    }
}

/// A file without a name, to be read from its beginning.
fn in_memory(bytes: &[u8]) -> io::Result<OwnedFd> {
    let mut file = File::from(rustix::fs::memfd_create(c"alcove", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

/// What bubblewrap said, and what to do where we know.
fn explain(said: &str) -> String {
    let denied = [
        "Creating new namespace failed",
        "setting up uid map",
        "No permissions to create new namespace",
    ];
    if denied.iter().any(|text| said.contains(text)) {
        return format!(
            "{}\nbubblewrap says: {said}",
            host::why_no_user_namespaces()
        );
    }
    format!("The sandbox could not be started. It says: {said}")
}
