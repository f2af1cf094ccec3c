//! `alcove drain`: everything is saved, nothing runs any more.

use std::fs::File;
use std::path::Path;

use alcove_server::{App, Farewell, Page};
use anyhow::{Context, bail, ensure};

use crate::options::Serve;
use crate::serve::{self, Noted};

pub fn main(options: Box<Serve>, page: Page) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(drain(*options, page))
}

async fn drain(mut options: Serve, page: Page) -> anyhow::Result<()> {
    let data_dir = options.data_dir.canonicalize().with_context(|| {
        let folder = options.data_dir.display();
        format!("there is no data folder {folder}; name it: --data-dir DIR")
    })?;
    options.data_dir = data_dir;
    let noted = Noted::read(&options.data_dir);
    let _lock = match serve::lock(&options.data_dir) {
        Ok(lock) => lock,
        Err(busy) => {
            let server = noted.as_ref().and_then(|n| holder(n, &options.data_dir));
            end_server(server.ok_or(busy)?, &options.data_dir).await?
        }
    };
    if let Some(noted) = noted {
        as_noted(&mut options.store, noted.store, "--store")?;
        as_noted(&mut options.database, noted.database, "--database")?;
        options.spawner = noted.spawner;
    }
    options.prepare_templates = false;
    // What that server could not save, and what an earlier one left running.
    let spawner = serve::spawner(&options).await?;
    let drained = async {
        let config = serve::config(&options)?;
        let repls = config.repls_dir();
        if !spawner.list().await?.is_empty() || !left(&repls)?.is_empty() {
            let app = App::start(config, spawner.clone(), page).await?;
            app.end_all(Farewell::Stop).await?;
        }
        let left = left(&repls)?;
        ensure!(
            left.is_empty(),
            "nothing runs any more, but not all could be saved; it is kept in {}: {}. The dashboard says why",
            repls.display(),
            left.join(", ")
        );
        Ok(())
    };
    let drained = drained.await;
    spawner.shutdown().await;
    drained?;
    println!("Everything is saved, and nothing runs any more.");
    Ok(())
}

/// What was left running belongs to the store and the database of the server that left it.
fn as_noted(option: &mut Option<String>, noted: Option<String>, flag: &str) -> anyhow::Result<()> {
    if option.is_some() && *option != noted {
        let was = noted.unwrap_or_else(|| "the one in the data folder".into());
        bail!("the server of this data folder had another {flag}: {was}");
    }
    *option = noted;
    Ok(())
}

/// The server that holds the lock: a process of that number that has the file open, and never the first one.
fn holder(noted: &Noted, data_dir: &Path) -> Option<rustix::process::Pid> {
    let lock = data_dir.join("lock");
    let open = std::fs::read_dir(format!("/proc/{}/fd", noted.process)).ok()?;
    let holds = open
        .flatten()
        .any(|fd| std::fs::read_link(fd.path()).is_ok_and(|path| path == lock));
    let process = rustix::process::Pid::from_raw(noted.process)?;
    (holds && process != rustix::process::Pid::INIT).then_some(process)
}

/// Tells the server to end, and waits until it has; the lock is ours then.
async fn end_server(server: rustix::process::Pid, data_dir: &Path) -> anyhow::Result<File> {
    let number = server.as_raw_nonzero();
    println!("The server (process {number}) saves and stops every repl …");
    rustix::process::kill_process(server, rustix::process::Signal::INT)
        .with_context(|| format!("the server (process {number}) can't be told to end"))?;
    let path = data_dir.join("lock");
    tokio::task::spawn_blocking(move || {
        let file = File::options().write(true).open(path)?;
        file.lock()?;
        Ok(file)
    })
    .await?
}

/// Repls that have files on this machine.
fn left(repls: &Path) -> anyhow::Result<Vec<String>> {
    let mut left = Vec::new();
    match std::fs::read_dir(repls) {
        Ok(folders) => {
            for folder in folders {
                left.push(folder?.file_name().to_string_lossy().into_owned());
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).context(repls.display().to_string()),
    }
    left.sort_unstable();
    Ok(left)
}
