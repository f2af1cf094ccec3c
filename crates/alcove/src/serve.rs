//! `alcove serve`: wires the parts together.

use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_server::config::{
    Lifetimes, Networks, Patience, Policy, Proxy, Quotas, Registries, Roles, Room, Sizes,
};
use alcove_server::{App, Config, Farewell, Page};
use alcove_spawner::none::NoSpawner;
use alcove_spawner::process::ProcessSpawner;
use alcove_spawner::sandbox::{SandboxConfig, SandboxSpawner};
use alcove_spawner::{Limits, Spawner, Started, still_running};
use alcove_volume::Size;
use anyhow::{Context, bail};
use clap::ValueEnum;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::banner::Banner;
use crate::options::{Isolation, Serve, SpawnerKind};

/// How long the lock of a data folder is waited for,
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// and how often it is tried.
const LOCK_AGAIN: Duration = Duration::from_millis(20);

pub fn main(options: Box<Serve>, page: Page) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(*options, page))
}

async fn serve(options: Serve, page: Page) -> anyhow::Result<()> {
    let mut options = options;
    // Before anything is started: the usual reasons why it can't.
    roles(&options)?;
    let listener = listen(&options).await?;
    options.listen = listener.local_addr()?;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&options.data_dir)
        .with_context(|| {
            format!(
                "the data folder {} can't be made",
                options.data_dir.display()
            )
        })?;
    options.data_dir = options.data_dir.canonicalize()?;
    let mut lock = lock_soon(&options.data_dir).await?;
    refuse_another_kind(&options)?;
    Noted::write(&mut lock, &options)?;
    let mut stop = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // The terminal was closed: the same as being told to end.
    let mut hang_up = signal(SignalKind::hangup())?;

    let spawner = spawner(&options).await?;
    let config = config(&options)?;
    let address = config.public_url.clone();
    let app = match App::start(config, spawner.clone(), page).await {
        Ok(app) => app,
        Err(error) => {
            spawner.shutdown().await;
            return Err(error);
        }
    };
    Banner {
        address: &format!("{address}/sign-in?token={}", app.keys.token()),
        listen: options.listen,
        data: options.data_dir.display().to_string(),
        isolated: spawner.isolates(),
        hostname: &hostname(),
    }
    .print();
    let serving = tokio::spawn(app.clone().serve(listener));
    // The first process of a container takes all others with it.
    let can_leave = std::process::id() != 1;
    app.end(tokio::select! {
        _ = stop.recv() => if can_leave { Farewell::Leave } else { Farewell::Stop },
        _ = interrupt.recv() => Farewell::Stop,
        _ = hang_up.recv() => Farewell::Stop,
    });
    drop(app);
    tokio::select! {
        saved = serving => saved?,
        // A second Ctrl-C: the person does not want to wait.
        _ = interrupt.recv() => bail!("stopped at once; what was not saved is kept in {}, and saved at the next start", options.data_dir.display()),
    }
}

async fn listen(options: &Serve) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(options.listen).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == ErrorKind::AddrInUse => {
            let free = options.listen.port().saturating_add(1);
            bail!(
                "port {} is in use by another program (another Alcove, perhaps). End it, or choose another port: --listen {}:{free}",
                options.listen.port(),
                options.listen.ip()
            )
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            bail!(
                "listening on {} is not allowed: ports below 1024 need root. Choose another: --listen {}:8080",
                options.listen,
                options.listen.ip()
            )
        }
        Err(error) => bail!("listening on {} failed: {error}", options.listen),
    }
}

/// What a server notes of itself in the lock file of its data folder, for whoever drains it.
pub struct Noted {
    pub process: i32,
    pub store: Option<String>,
    pub database: Option<String>,
    pub spawner: SpawnerKind,
}

impl Noted {
    fn write(lock: &mut File, options: &Serve) -> anyhow::Result<()> {
        let noted = serde_json::json!({
            "process": std::process::id(),
            "store": options.store,
            "database": options.database,
            "spawner": options.spawner.to_possible_value().map(|value| value.get_name().to_owned()),
        });
        lock.set_len(0)?;
        lock.write_all(noted.to_string().as_bytes())?;
        Ok(())
    }

    /// Of the server that worked on the folder last, if there was one.
    pub fn read(data_dir: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(data_dir.join("lock")).ok()?;
        let noted: serde_json::Value = serde_json::from_str(&text).ok()?;
        let text = |name: &str| noted[name].as_str().map(str::to_owned);
        Some(Self {
            process: noted["process"].as_i64()?.try_into().ok()?,
            store: text("store"),
            database: text("database"),
            spawner: SpawnerKind::from_str(&text("spawner")?, false).ok()?,
        })
    }
}

/// A server that was killed while it started a program has left it the lock, for the moment until that
/// program runs.
async fn lock_soon(data_dir: &Path) -> anyhow::Result<File> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match lock(data_dir) {
            Err(_) if Instant::now() < deadline => tokio::time::sleep(LOCK_AGAIN).await,
            locked => return locked,
        }
    }
}

/// One server at a time works on a data folder; the lock ends with the process.
pub fn lock(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| path.display().to_string())?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!(
                "another server works on the data folder {}. End it, or choose another folder: --data-dir DIR",
                data_dir.display()
            )
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} can't be locked", path.display()))
        }
    }
}

/// What another kind of spawner started is not known to this one: it would be saved while it is written.
fn refuse_another_kind(options: &Serve) -> anyhow::Result<()> {
    let state_dir = options.data_dir.join("sandboxes");
    let others: &[Started] = match options.spawner {
        SpawnerKind::Sandbox => &[Started::Processes],
        SpawnerKind::Process => &[Started::Sandboxes],
        SpawnerKind::None => &[Started::Processes, Started::Sandboxes],
    };
    for kind in others {
        let running = still_running(&state_dir, *kind);
        if !running.is_empty() {
            bail!(
                "a server with another --spawner has left repls running, or files of theirs: {}. Save and end them first: alcove drain --data-dir {}",
                running.join(", "),
                options.data_dir.display()
            );
        }
    }
    Ok(())
}

/// How repls are started on this machine; `Err` says what to install.
pub async fn spawner(options: &Serve) -> anyhow::Result<Arc<dyn Spawner>> {
    let alcove = std::env::current_exe()?;
    let state_dir = options.data_dir.join("sandboxes");
    let is_strict = options.require_isolation == Isolation::Strict;
    match options.spawner {
        SpawnerKind::Process if is_strict => {
            bail!("--spawner process isolates nothing, and --require-isolation strict asks for all")
        }
        SpawnerKind::Process => Ok(Arc::new(ProcessSpawner::new(alcove, state_dir).await?)),
        SpawnerKind::None => Ok(Arc::new(NoSpawner::new().await?)),
        SpawnerKind::Sandbox => {
            let config = sandbox_config(options, alcove);
            match SandboxSpawner::new(config).await {
                Ok(spawner) => {
                    let missing = spawner.missing_barriers();
                    if is_strict && !missing.is_empty() {
                        spawner.shutdown().await;
                        bail!(
                            "--require-isolation strict: this machine lacks\n- {}\n\n`alcove doctor` tells more.",
                            missing.join("\n- ")
                        );
                    }
                    Ok(Arc::new(spawner))
                }
                Err(error) => bail!(
                    "repls can't be isolated on this machine.\n\n{error}\n\n\
                     `alcove doctor` tells more. Without isolation, for people who trust each other: --spawner process. \
                     To look at code and edit it, and start nothing: --spawner none"
                ),
            }
        }
    }
}

pub fn sandbox_config(options: &Serve, alcove: std::path::PathBuf) -> SandboxConfig {
    SandboxConfig {
        allow: options.allow.clone(),
        disk: disk(options),
        crates: options.crates_mirror.clone(),
        registries: options.data_dir.join("registries"),
        ..SandboxConfig::new(alcove, options.data_dir.join("sandboxes"))
    }
}

fn networks(options: &Serve) -> Networks {
    Networks {
        most: options.network.network(),
        holds: options.spawner != SpawnerKind::Process,
    }
}

/// The server's own, as its environment says.
fn proxy() -> Option<Proxy> {
    let of = |names: [&str; 2]| names.into_iter().find_map(|name| std::env::var(name).ok());
    let address = of(["HTTPS_PROXY", "https_proxy"]).filter(|address| !address.is_empty())?;
    let except = of(["NO_PROXY", "no_proxy"]).unwrap_or_default();
    let proxy = Proxy::parse(&address, &except);
    proxy
        .inspect_err(|error| tracing::warn!("{error}: package registries are reached without it"))
        .ok()
}

/// What people's repls may be, for everybody and by role.
pub fn roles(options: &Serve) -> anyhow::Result<Roles> {
    let usual = Policy {
        sizes: sizes(options)?,
        networks: networks(options),
        lifetimes: Lifetimes {
            patience: Patience {
                grace: options.grace_period.0,
                idle: options.idle_period.0,
                busy: options.busy_period,
            },
            wake_on_touch: options.wake_on_touch,
            keep_alive_allowed: options.keep_alive_allowed,
            max_grace: options.max_grace_period.0,
            max_idle: options.max_idle_period.0,
            max_life: options.max_life.0,
        },
        quotas: Quotas {
            repl: Size {
                bytes: options.repl_size,
                files: options.repl_files,
            },
            user: Size {
                bytes: options.user_size,
                files: options.user_files,
            },
        },
        running: options.user_running.map(|most| most as usize),
    };
    Roles::new(usual, &options.roles).map_err(anyhow::Error::msg)
}

fn sizes(options: &Serve) -> anyhow::Result<Sizes> {
    let standard = Limits {
        memory: options.memory,
        processes: options.processes,
        disk: disk(options),
        ..Limits::default()
    };
    Sizes::new(standard, &options.sizes, &options.max_size).map_err(anyhow::Error::msg)
}

fn disk(options: &Serve) -> Option<u64> {
    (options.disk > 0).then_some(options.disk)
}

pub fn config(options: &Serve) -> anyhow::Result<Config> {
    let port = options.listen.port();
    let public_url = options.public_url.as_deref().map_or_else(
        || {
            if port == 80 {
                "http://alcove.localhost".to_owned()
            } else {
                format!("http://alcove.localhost:{port}")
            }
        },
        |url| url.trim_end_matches('/').to_owned(),
    );
    let host = public_url
        .split_once("://")
        .map_or(public_url.as_str(), |(_, host)| host);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    Ok(Config {
        listen: options.listen,
        preview_domain: options
            .preview_domain
            .clone()
            .unwrap_or_else(|| name.to_owned()),
        public_url,
        data_dir: options.data_dir.clone(),
        store: options
            .store
            .clone()
            .unwrap_or_else(|| options.data_dir.join("store").display().to_string()),
        database: options.database.clone(),
        room: Room {
            repls: options.max_running as usize,
            spare: options.spare_memory,
            memory: options.total_memory,
        },
        warm: options.warm.into(),
        wake_patience: options.wake_patience,
        token: options.token.clone(),
        roles: roles(options)?,
        registries: Registries::new(&options.registries),
        proxy: proxy(),
        stop_patience: options.stop_patience,
        prepare_templates: options.prepare_templates,
        templates: options.templates.clone(),
    })
}

fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "HOST".into(), |name| name.trim().to_owned())
}
