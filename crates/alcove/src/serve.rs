//! `alcove serve`: wires the parts together.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use alcove_server::{App, Config};
use alcove_spawner::process::ProcessSpawner;
use alcove_spawner::sandbox::{SandboxConfig, SandboxSpawner};
use alcove_spawner::{Limits, Network, Spawner};
use anyhow::{Context, bail};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::banner::Banner;
use crate::options::{NetworkKind, Serve, SpawnerKind};

pub fn main(options: Box<Serve>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(*options))
}

async fn serve(options: Serve) -> anyhow::Result<()> {
    let mut options = options;
    // Before anything is started: the usual reasons why it can't.
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
    let _lock = lock(&options.data_dir)?;
    let mut stop = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // The terminal was closed: the same as being told to end.
    let mut hang_up = signal(SignalKind::hangup())?;

    let spawner = spawner(&options).await?;
    let config = config(&options);
    let address = config.public_url.clone();
    let app = match App::start(config, spawner.clone()).await {
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
    let closing = app.closing.clone();
    let serving = tokio::spawn(app.serve(listener));
    tokio::select! {
        _ = stop.recv() => {}
        _ = interrupt.recv() => {}
        _ = hang_up.recv() => {}
    }
    closing.cancel();
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

/// One server at a time works on a data folder; the lock ends with the process.
fn lock(data_dir: &Path) -> anyhow::Result<File> {
    let path = data_dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
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

/// How repls are started on this machine; `Err` says what to install.
pub async fn spawner(options: &Serve) -> anyhow::Result<Arc<dyn Spawner>> {
    let alcove = std::env::current_exe()?;
    let state_dir = options.data_dir.join("sandboxes");
    match options.spawner {
        SpawnerKind::Process => Ok(Arc::new(ProcessSpawner::new(alcove, state_dir).await?)),
        SpawnerKind::Sandbox => {
            let config = sandbox_config(options, alcove);
            match SandboxSpawner::new(config).await {
                Ok(spawner) => Ok(Arc::new(spawner)),
                Err(error) => bail!(
                    "repls can't be isolated on this machine.\n\n{error}\n\n\
                     `alcove doctor` tells more. Without isolation, for people who trust each other: --spawner process"
                ),
            }
        }
    }
}

pub fn sandbox_config(options: &Serve, alcove: std::path::PathBuf) -> SandboxConfig {
    SandboxConfig {
        allow: options.allow.clone(),
        ..SandboxConfig::new(alcove, options.data_dir.join("sandboxes"))
    }
}

fn network(options: &Serve) -> Network {
    match options.network {
        NetworkKind::Internet => Network::Internet,
        NetworkKind::None => Network::None,
    }
}

fn config(options: &Serve) -> Config {
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
    Config {
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
        grace_period: options.grace_period.0,
        token: options.token.clone(),
        limits: Limits {
            memory: options.memory,
            processes: options.processes,
            ..Limits::default()
        },
        network: network(options),
        stop_patience: options.stop_patience,
        prepare_templates: options.prepare_templates,
        templates: options.templates.clone(),
    }
}

fn hostname() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .map_or_else(|_| "HOST".into(), |name| name.trim().to_owned())
}
