//! Real sandboxes: bubblewrap in control groups, with a network of their own. As root each repl has
//! a user of its own; without root all share the server's, and namespaces keep them apart.

pub mod bwrap;
pub mod cgroup;
pub mod cgroup_plan;
pub mod cgroup_usage;
pub mod crates;
pub mod disk;
pub mod env;
mod etc;
mod holder;
pub mod host;
pub mod landlock;
mod launch;
mod loops;
mod net;
pub mod record;
pub mod registries;
pub mod router;
pub mod rules;
pub mod seccomp;
mod start;
mod stop;
mod tools;
pub mod uids;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::doctor::{self, Check, State};
use crate::languages::Languages;
use crate::names::{check_id, short_hash};
use crate::pid::ProcessRef;
use crate::{Exit, Holds, Owner, Sandbox, SandboxSpec, SpawnError, Spawner, Started, Usage};
use bwrap::HostLayout;
use cgroup::Cgroups;
use crates::Mirror;
use disk::Disks;
use landlock::Reach;
use record::{Record, Records, parse_status};
use router::Router;
use uids::Uids;

/// How sandboxes are made on this machine.
#[derive(Debug, Clone)]
pub struct SandboxConfig {
    /// The `alcove` program, which is the runner inside; one static or system-linked file.
    pub alcove: PathBuf,
    /// Folder for records, within the data folder. It decides the names of all that is made on
    /// this machine: servers over different folders don't meet.
    pub state_dir: PathBuf,
    /// What repls may reach although it is private: `address`, `address/bits` or `name`, each with
    /// `:port` if you like. For package registries within a company.
    pub allow: Vec<String>,
    /// What stands in for crates.io.
    pub crates: Option<Mirror>,
    /// Folder with the server's way to package registries, for repls that reach those alone.
    pub registries: PathBuf,
    /// Bytes of a disk that is tried at the start; `None`: repls' folders have no limit.
    pub disk: Option<u64>,
}

impl SandboxConfig {
    pub fn new(alcove: impl Into<PathBuf>, state_dir: impl Into<PathBuf>) -> Self {
        let state_dir = state_dir.into();
        Self {
            alcove: alcove.into(),
            registries: state_dir.join("registries"),
            state_dir,
            allow: Vec::new(),
            crates: None,
            disk: None,
        }
    }
}

/// Starts repls in sandboxes of this machine.
pub struct SandboxSpawner {
    config: SandboxConfig,
    alcove: PathBuf,
    /// `alcove-<hash>`: begins all names that count on the whole machine.
    name: String,
    /// Sockets; short, because a socket's path ends at 108 bytes. For us alone.
    run: PathBuf,
    /// Where the stage is mounted, in mount namespaces that nobody else sees.
    stage: PathBuf,
    /// The server's way to package registries.
    registries: PathBuf,
    /// What stands in for crates.io.
    crates: Option<Mirror>,
    records: Records,
    /// None as an ordinary user.
    uids: Option<Uids>,
    /// None as an ordinary user, and where the machine can't.
    disks: Option<Disks>,
    cgroups: Cgroups,
    /// Control groups above those of repls: ours, and an earlier server's where that ran in another place.
    bases: BTreeSet<PathBuf>,
    router: Arc<Router>,
    languages: Languages,
    host: HostLayout,
    seccomp: Vec<Vec<u8>>,
    has_landlock: bool,
    settings: Vec<(String, String)>,
    /// Files that the settings name, shown inside.
    setting_files: Vec<PathBuf>,
    /// One operation at a time for each id.
    busy: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
    /// The end of each that runs, or ended and was not yet stopped.
    ends: Mutex<HashMap<String, watch::Receiver<Option<Exit>>>>,
    /// Links to the router in use.
    links: Mutex<BTreeMap<String, u16>>,
}

impl SandboxSpawner {
    /// Looks at the machine, takes up what an earlier server left, and connects the network. Fails
    /// with [`SpawnError::Unable`] when this machine can't isolate.
    pub async fn new(config: SandboxConfig) -> Result<Self, SpawnError> {
        host::require_tools()?;
        let io = |what: &str| {
            let what = what.to_owned();
            move |source| SpawnError::Io { what, source }
        };
        crate::inherit::keep_to_ourselves().map_err(io("descriptors that were inherited"))?;
        std::fs::create_dir_all(&config.state_dir)
            .map_err(io("the folder for records can't be made"))?;
        let state = config
            .state_dir
            .canonicalize()
            .map_err(io("the folder for records"))?;
        let alcove = config
            .alcove
            .canonicalize()
            .map_err(io("the alcove program"))?;
        let hash = short_hash(&state);
        let name = format!("alcove-{hash}");
        let as_root = rustix::process::geteuid().is_root();
        let (base, uids) = if as_root {
            let base = PathBuf::from("/run/alcove");
            host::make_folder(&base, 0o711)?;
            let uids = Uids::open(&state, base.join("uids"))?;
            (base, Some(uids))
        } else {
            (user_run_folder(&hash), None)
        };
        let (run, stage) = (base.join(&hash), base.join("stage"));
        host::make_folder(&base, if as_root { 0o711 } else { 0o700 })?;
        host::make_folder(&run, 0o700)?;
        host::make_folder(&stage, 0o755)?;
        etc::write(&run)?;
        if let Some(mirror) = &config.crates {
            let written = mirror.write(&run.join("etc"));
            written.map_err(io("cargo's file for sandboxes can't be written"))?;
        }

        let cgroups = Cgroups::detect(&name);
        if !cgroups.limits() {
            tracing::warn!(
                "no control groups that Alcove may use: repls' memory and processes are not limited"
            );
        }
        if !cgroups.yields() {
            tracing::info!(
                "repls' programs take processors from terminals in turn: no group for processors that can be idle"
            );
        }
        let disks = match as_root {
            true => match Disks::open(&state, config.disk).await {
                Ok(disks) => Some(disks),
                // What is in them must not be taken for lost.
                Err(error) if !Disks::all(&state).is_empty() => {
                    return Err(SpawnError::Unable(format!(
                        "there are disks of repls in {}, which this machine can't mount: {error}",
                        state.join("disks").display()
                    )));
                }
                Err(error) => {
                    tracing::warn!(%error, "what repls write to the disk is measured, not limited");
                    None
                }
            },
            false => None,
        };
        let records = Records::open(state.join(Started::Sandboxes.folder()))
            .map_err(io("the folder for records"))?;
        let router = Router::open(&name, state.join("router.json"), as_root, &config.allow).await?;
        let (settings, setting_files) = env::client_settings(std::env::vars());
        let languages = tokio::task::spawn_blocking(Languages::detect)
            .await
            .unwrap_or_default();
        let seccomp = seccomp::filters().map_err(|error| {
            SpawnError::Unable(format!(
                "system calls can't be filtered on this processor: {error}"
            ))
        })?;
        let left: Vec<Record> = records.all().map_err(io("records of sandboxes"))?;
        let bases = cgroups.hierarchies.iter().map(|h| h.base.as_path());
        let bases = bases.chain(left.iter().flat_map(Record::bases));
        let bases = bases.map(Path::to_owned).collect();
        let spawner = Self {
            registries: config.registries.clone(),
            crates: config.crates.clone(),
            config,
            alcove,
            name,
            run,
            stage,
            records,
            uids,
            disks,
            cgroups,
            bases,
            router,
            languages,
            host: HostLayout::read(),
            seccomp,
            has_landlock: !matches!(landlock::reach(), Reach::Nothing(_)),
            settings,
            setting_files,
            busy: Mutex::default(),
            ends: Mutex::default(),
            links: Mutex::default(),
        };
        for record in left {
            if let Some(link) = record.link {
                lock(&spawner.links).insert(record.id.clone(), link);
            }
            if let Some(monitor) = record.monitor {
                spawner.follow(&record.id, monitor);
            }
        }
        // Without it, repls that need no network start all the same.
        if let Err(error) = spawner.router.connect().await {
            tracing::warn!(%error, "no network for repls");
        }
        Ok(spawner)
    }

    /// Begins to wait for a sandbox's end.
    fn follow(&self, id: &str, monitor: ProcessRef) {
        let (sender, receiver) = watch::channel(None);
        lock(&self.ends).insert(id.to_owned(), receiver);
        let status = self.records.status(id);
        tokio::spawn(async move {
            if let Err(error) = monitor.ended().await {
                tracing::error!(%error, pid = monitor.pid, "can't wait for a sandbox's end");
            }
            let text = tokio::fs::read_to_string(status).await.unwrap_or_default();
            sender.send_replace(Some(
                parse_status(&text).code.map_or(Exit::Unknown, Exit::Code),
            ));
        });
    }

    fn busy(&self, id: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut busy = lock(&self.busy);
        // Those that nobody holds are forgotten.
        busy.retain(|_, held| Arc::strong_count(held) > 1);
        busy.entry(id.to_owned()).or_default().clone()
    }

    fn allot_link(&self, id: &str) -> Result<u16, SpawnError> {
        let mut links = lock(&self.links);
        if let Some(link) = links.get(id) {
            return Ok(*link);
        }
        let taken: BTreeSet<u16> = links.values().copied().collect();
        let link = (1..=net::LAST_LINK).find(|n| !taken.contains(n));
        let link = link.ok_or_else(|| SpawnError::Unable("Too many repls run at once.".into()))?;
        links.insert(id.to_owned(), link);
        Ok(link)
    }

    /// Name of a repl's network namespace.
    fn namespace(&self, id: &str) -> String {
        format!("{}-{id}", self.name)
    }

    fn read_record(&self, id: &str) -> Result<Option<Record>, SpawnError> {
        self.records.read(id).map_err(|source| SpawnError::Io {
            what: format!("the record of {id}"),
            source,
        })
    }

    fn write_record(&self, record: &Record) -> Result<(), SpawnError> {
        let what = || format!("the record of {}", record.id);
        self.records
            .write(&record.id, record)
            .map_err(|source| SpawnError::Io {
                what: what(),
                source,
            })
    }

    /// What keeps repls apart elsewhere, and does not on this machine: in words, with what to do.
    pub fn missing_barriers(&self) -> Vec<&'static str> {
        let barriers = [
            (
                self.uids.is_some(),
                "a user of its own for each repl: start Alcove as root",
            ),
            (
                self.limits(),
                "limits of memory and processes: control groups that Alcove may use",
            ),
            (
                self.disks.as_ref().is_some_and(Disks::limits),
                "a limit of the disk: --disk SIZE, as root, with loop devices and mkfs.ext4",
            ),
            (
                self.has_landlock,
                "Landlock: Linux 5.19 or newer, with `landlock` among `lsm=` where it is started",
            ),
        ];
        let missing = barriers.into_iter().filter(|(is_there, _)| !is_there);
        missing.map(|(_, barrier)| barrier).collect()
    }

    /// Whether programs can be held to limits of memory and processes here.
    pub fn limits(&self) -> bool {
        self.cgroups.limits()
    }
}

/// A short folder that is the user's own.
fn user_run_folder(hash: &str) -> PathBuf {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|d| d.is_dir());
    match runtime {
        Some(folder) if folder.as_os_str().len() < 40 => folder.join("alcove"),
        _ => Path::new("/tmp").join(format!(
            "alcove-{}-{hash}",
            rustix::process::geteuid().as_raw()
        )),
    }
}

/// A panic elsewhere leaves these maps whole: each change to them is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Sandboxes go on; nobody looks after their network until a spawner takes them over.
impl Drop for SandboxSpawner {
    fn drop(&mut self) {
        self.router.abandon();
    }
}

#[async_trait]
impl Spawner for SandboxSpawner {
    async fn owner(&self, id: &str) -> Result<Owner, SpawnError> {
        check_id(id)?;
        match &self.uids {
            Some(uids) => uids.of(id).map(|uid| Owner { uid, gid: uid }),
            None => Ok(Owner {
                uid: rustix::process::geteuid().as_raw(),
                gid: rustix::process::getegid().as_raw(),
            }),
        }
    }

    async fn attach(
        &self,
        id: &str,
        folder: &Path,
        disk: Option<u64>,
        holds: Holds,
    ) -> Result<(), SpawnError> {
        check_id(id)?;
        match &self.disks {
            Some(disks) => disks.attach(id, folder, disk, holds).await,
            None => Ok(()),
        }
    }

    async fn detach(&self, id: &str, folder: &Path) -> Result<(), SpawnError> {
        check_id(id)?;
        match &self.disks {
            Some(disks) => disks.detach(id, folder).await,
            None => Ok(()),
        }
    }

    async fn set_aside(&self, id: &str, folder: &Path, place: &Path) -> Result<bool, SpawnError> {
        check_id(id)?;
        match &self.disks {
            Some(disks) => disks.set_aside(id, folder, place).await,
            None => Ok(false),
        }
    }

    fn has_disk(&self, id: &str) -> bool {
        self.disks
            .as_ref()
            .is_some_and(|disks| disks.is_attached(id))
    }

    async fn start(&self, spec: &SandboxSpec) -> Result<Sandbox, SpawnError> {
        check_id(&spec.id)?;
        let busy = self.busy(&spec.id);
        let _one_at_a_time = busy.lock().await;
        if let Some(record) = self.read_record(&spec.id)? {
            if record.monitor.is_some_and(ProcessRef::is_alive) {
                return Err(SpawnError::AlreadyRuns(spec.id.clone()));
            }
            self.clean(&record).await?;
        }
        self.launch(spec).await
    }

    async fn wait(&self, id: &str) -> Exit {
        let Some(mut end) = lock(&self.ends).get(id).cloned() else {
            return Exit::Unknown;
        };
        let exit = end.wait_for(Option::is_some).await;
        exit.ok()
            .and_then(|exit| exit.clone())
            .unwrap_or(Exit::Unknown)
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
        check_id(id)?;
        let Some(uids) = &self.uids else {
            return Ok(());
        };
        uids.release(id).map_err(|source| SpawnError::Io {
            what: format!("the user of {id}"),
            source,
        })
    }

    async fn owners(&self) -> Result<Vec<String>, SpawnError> {
        let Some(uids) = &self.uids else {
            return Ok(Vec::new());
        };
        uids.owners().map_err(|source| SpawnError::Io {
            what: "users of repls".into(),
            source,
        })
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

    async fn usage(&self, id: &str) -> Option<Usage> {
        let programs = self.cgroups.usage(id)?;
        let disk = self.disks.as_ref().and_then(|disks| disks.usage(id));
        Some(Usage { disk, ..programs })
    }

    fn crowded(&self, several: bool) {
        if let Err(error) = self.cgroups.set_yielding(several) {
            tracing::warn!(%error, several, "whether programs yield processors can't be changed");
        }
    }

    async fn shutdown(&self) {
        // What goes on needs its network.
        let records = self.records.all::<Record>().unwrap_or_default();
        if let Some(disks) = &self.disks {
            let runs = |id: &str| records.iter().any(|r| r.id == id && r.runs());
            disks.leave(runs).await;
        }
        if records.iter().any(Record::runs) {
            return self.router.abandon();
        }
        if let Err(error) = self.router.close().await {
            tracing::warn!(%error, "the network's router could not be removed");
        }
        for base in &self.bases {
            // Stays while a repl runs.
            let _ = std::fs::remove_dir(base);
        }
        // Sockets of what still runs stay.
        if self
            .records
            .all::<Record>()
            .is_ok_and(|records| records.is_empty())
        {
            let _ = std::fs::remove_dir_all(&self.run);
            if self.uids.is_none() {
                let _ = std::fs::remove_dir(&self.stage);
                let _ = self.stage.parent().map(std::fs::remove_dir);
            }
        }
    }

    fn isolates(&self) -> bool {
        true
    }

    async fn checks(&self) -> Vec<Check> {
        let (config, runtime) = (self.config.clone(), tokio::runtime::Handle::current());
        // It waits for programs. To its end, though whoever asked may have gone: what it makes must go.
        let looked = tokio::task::spawn_blocking(move || runtime.block_on(doctor::check(&config)));
        looked.await.unwrap_or_else(|error| {
            vec![Check {
                name: "checks".into(),
                state: State::Fail,
                detail: format!("they ended too soon: {error}"),
                remedy: None,
            }]
        })
    }

    fn languages(&self) -> &Languages {
        &self.languages
    }
}
