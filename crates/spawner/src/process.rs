//! Runs repls as plain processes of the server's own user: no isolation and no limits. For
//! development, for one person on a trusted machine, and for tests.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use rustix::process::Signal;
use tokio::sync::watch;

use crate::doctor::{Check, State};
use crate::languages::Languages;
use crate::names::{check_id, short_hash};
use crate::pid::{self, ProcessRef};
use crate::sandbox::host::make_folder;
use crate::sandbox::record::{Record, Records, remove_file};
use crate::{Exit, Owner, Sandbox, SandboxSpec, SpawnError, Spawner, Started, Usage, inherit};

/// In the environment of every process of a repl: finds those whose runner is gone.
const MARK: &str = "ALCOVE_PROCESS_OF";

/// How long killed processes may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

type End = watch::Receiver<Option<Exit>>;

/// Starts runners without a sandbox.
pub struct ProcessSpawner {
    alcove: PathBuf,
    hash: String,
    /// Sockets; short, because a socket's path ends at 108 bytes. For us alone.
    run: PathBuf,
    records: Records,
    languages: Languages,
    busy: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    ends: Mutex<HashMap<String, End>>,
}

impl ProcessSpawner {
    /// `alcove` is the program that becomes the runner, `state_dir` the folder for records.
    pub async fn new(
        alcove: impl Into<PathBuf>,
        state_dir: impl Into<PathBuf>,
    ) -> Result<Self, SpawnError> {
        let io = |what: &str| {
            let what = what.to_owned();
            move |source| SpawnError::Io { what, source }
        };
        let state = state_dir.into();
        fs::create_dir_all(&state).map_err(io("the folder for records can't be made"))?;
        let state = state.canonicalize().map_err(io("the folder for records"))?;
        let alcove = alcove
            .into()
            .canonicalize()
            .map_err(io("the alcove program"))?;
        let hash = short_hash(&state);
        let run = Path::new("/tmp").join(format!(
            "alcove-p{}-{hash}",
            rustix::process::geteuid().as_raw()
        ));
        make_folder(&run, 0o700)?;
        let records = Records::open(state.join(Started::Processes.folder()))
            .map_err(io("the folder for records"))?;
        let languages = tokio::task::spawn_blocking(Languages::detect)
            .await
            .unwrap_or_default();
        let (busy, ends) = (Mutex::default(), Mutex::default());
        Ok(Self {
            alcove,
            hash,
            run,
            records,
            languages,
            busy,
            ends,
        })
    }

    fn mark(&self, id: &str) -> String {
        format!("{}-{id}", self.hash)
    }

    fn busy(&self, id: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = lock(&self.busy);
        busy.retain(|_, held| Arc::strong_count(held) > 1);
        busy.entry(id.to_owned()).or_default().clone()
    }

    fn read_record(&self, id: &str) -> Result<Option<Record>, SpawnError> {
        self.records.read(id).map_err(|source| SpawnError::Io {
            what: format!("the record of {id}"),
            source,
        })
    }

    fn launch(&self, spec: &SandboxSpec) -> io::Result<Sandbox> {
        let id = &spec.id;
        let socket = self.run.join(format!("{id}.sock"));
        let mut record = Record {
            id: id.clone(),
            socket: socket.clone(),
            link: None,
            cgroups: Vec::new(),
            monitor: None,
            first: None,
            limits: Some(spec.limits.clone()),
            network: Some(spec.network),
        };
        self.records.write(id, &record)?;
        remove_file(&socket)?;
        let listener = UnixListener::bind(&socket)?;
        let log = File::create(self.records.log(id))?;
        let mut command = Command::new(&self.alcove);
        command.arg("runner").current_dir(&spec.workspace);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        // LISTEN_PID would be the child's own number, which nobody knows before it is there.
        command
            .env("LISTEN_FDS", "1")
            .env_remove("LISTEN_PID")
            .env_remove("ALCOVE_CGROUP_FDS");
        command
            .env("ALCOVE_WORKSPACE", &spec.workspace)
            .env("HOME", &spec.home)
            .env(MARK, self.mark(id));
        command.envs(spec.env.iter().map(|(name, value)| (name, value)));
        // Ctrl-C in the server's terminal is not for runners, which outlive it.
        command.process_group(0);
        inherit::keep_open(&mut command, inherit::lift(listener)?, Vec::new())?;
        // Its task ends with the server, and the runner does not.
        let mut command = tokio::process::Command::from(command);
        let mut child = command.spawn()?;
        drop(command);
        let pid = child.id().unwrap_or_default();
        // A child that ended already stays a zombie until it is waited for below.
        let process = ProcessRef {
            pid,
            start: pid::stat(pid).map_or(0, |stat| stat.start),
        };
        (record.monitor, record.first) = (Some(process), Some(process));
        let (sender, receiver) = watch::channel(None);
        lock(&self.ends).insert(id.clone(), receiver);
        tokio::spawn(async move {
            use std::os::unix::process::ExitStatusExt;
            let ended = child.wait().await;
            let code = ended
                .ok()
                .and_then(|s| s.code().or(s.signal().map(|signal| 128 + signal)));
            sender.send_replace(Some(code.map_or(Exit::Unknown, Exit::Code)));
        });
        self.records.write(id, &record)?;
        Ok(Sandbox {
            id: id.clone(),
            socket,
            pid,
            runs: true,
            limits: record.limits,
            network: record.network,
        })
    }

    /// Kills the runner and everything it started.
    async fn end(&self, record: &Record) -> Result<(), SpawnError> {
        let runner = record.first.filter(|p| p.is_alive());
        // A stopped runner starts nothing more, and stays the parent of all that is orphaned.
        if let Some(runner) = runner {
            runner.signal(Signal::STOP);
        }
        let mark = format!("{MARK}={}", self.mark(&record.id));
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(1);
        loop {
            let left = family(runner, &mark);
            if left.is_empty() {
                break;
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(SpawnError::Unable(format!(
                    "{} does not end: processes {left:?} remain.",
                    record.id
                )));
            }
            for process in left {
                process.signal(Signal::KILL);
            }
            // They are not all our children: nothing tells of their end.
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(50));
        }
        if let Some(runner) = runner {
            runner.signal(Signal::KILL);
            while runner.is_alive() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        Ok(())
    }

    async fn clean(&self, record: &Record) -> Result<(), SpawnError> {
        let id = &record.id;
        self.end(record).await?;
        let failed = |source| SpawnError::Io {
            what: format!("the files of {id} can't be removed"),
            source,
        };
        remove_file(&record.socket).map_err(failed)?;
        self.records.remove(id).map_err(failed)?;
        lock(&self.ends).remove(id);
        Ok(())
    }
}

/// Living processes below `runner`, and those that carry `mark`; not `runner` itself.
fn family(runner: Option<ProcessRef>, mark: &str) -> Vec<ProcessRef> {
    let me = std::process::id();
    let all: Vec<(u32, u32)> = pid::all()
        .filter_map(|n| Some((n, pid::stat(n)?.parent)))
        .collect();
    let mut found: BTreeSet<u32> = all
        .iter()
        .map(|(n, _)| *n)
        .filter(|n| carries(*n, mark))
        .collect();
    let mut next: Vec<u32> = found.iter().copied().chain(runner.map(|r| r.pid)).collect();
    while let Some(parent) = next.pop() {
        next.extend(
            all.iter()
                .filter(|(_, p)| *p == parent)
                .map(|(n, _)| *n)
                .filter(|n| found.insert(*n)),
        );
    }
    let others = found
        .into_iter()
        .filter(|n| *n != me && runner.is_none_or(|r| r.pid != *n));
    others.filter_map(ProcessRef::of).collect()
}

fn carries(pid: u32, mark: &str) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment
        .split(|byte| *byte == 0)
        .any(|entry| entry == mark.as_bytes())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[async_trait]
impl Spawner for ProcessSpawner {
    async fn owner(&self, id: &str) -> Result<Owner, SpawnError> {
        check_id(id)?;
        Ok(Owner {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        })
    }

    async fn start(&self, spec: &SandboxSpec) -> Result<Sandbox, SpawnError> {
        check_id(&spec.id)?;
        let busy = self.busy(&spec.id);
        let _one_at_a_time = busy.lock().await;
        if let Some(record) = self.read_record(&spec.id)? {
            if record.runs() {
                return Err(SpawnError::AlreadyRuns(spec.id.clone()));
            }
            self.clean(&record).await?;
        }
        self.launch(spec).map_err(|source| SpawnError::Io {
            what: format!("{} can't be started", spec.id),
            source,
        })
    }

    async fn wait(&self, id: &str) -> Exit {
        let end = lock(&self.ends).get(id).cloned();
        if let Some(mut end) = end {
            let exit = end.wait_for(Option::is_some).await;
            return exit
                .ok()
                .and_then(|exit| exit.clone())
                .unwrap_or(Exit::Unknown);
        }
        // One that an earlier server started is not our child: its code is nobody's to read.
        if let Ok(Some(Record {
            first: Some(process),
            ..
        })) = self.read_record(id)
        {
            let _ = process.ended().await;
        }
        Exit::Unknown
    }

    async fn stop(&self, id: &str) -> Result<(), SpawnError> {
        check_id(id)?;
        let busy = self.busy(id);
        let _one_at_a_time = busy.lock().await;
        match self.read_record(id)? {
            Some(record) => self.clean(&record).await,
            None => Ok(()),
        }
    }

    async fn release(&self, id: &str) -> Result<(), SpawnError> {
        check_id(id)
    }

    async fn list(&self) -> Result<Vec<Sandbox>, SpawnError> {
        let records = self
            .records
            .all::<Record>()
            .map_err(|source| SpawnError::Io {
                what: "records".into(),
                source,
            })?;
        Ok(records.into_iter().map(Sandbox::from).collect())
    }

    async fn usage(&self, _: &str) -> Option<Usage> {
        None
    }

    async fn shutdown(&self) {
        // Stays while a runner has its socket there.
        let _ = fs::remove_dir(&self.run);
    }

    fn isolates(&self) -> bool {
        false
    }

    async fn checks(&self) -> Vec<Check> {
        vec![Check {
            name: "isolation".into(),
            state: State::Fail,
            detail: "none (`--spawner process`): programs can do all that the server's user can"
                .into(),
            remedy: Some(
                "Start it with --spawner sandbox; `alcove doctor` says what that needs.".into(),
            ),
        }]
    }

    fn languages(&self) -> &Languages {
        &self.languages
    }
}
