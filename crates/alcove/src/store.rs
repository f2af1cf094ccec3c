//! `alcove store`: looks after the object store, without a server.

use std::path::{Path, PathBuf};

use alcove_server::db::now_ms;
use alcove_volume::{Location, Snapshot, Store, VolumeError, check, collect, export};
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct StoreCommand {
    #[command(subcommand)]
    pub action: StoreAction,
}

#[derive(Debug, Subcommand)]
pub enum StoreAction {
    /// Whether all that manifests refer to is there; fails when something is missing or damaged
    Check {
        #[command(flatten)]
        store: StoreUrl,
        /// Read all files too, and compare their hashes
        #[arg(long)]
        content: bool,
    },
    /// Thin out old states, and delete what nothing refers to; servers do so once a day
    Gc {
        #[command(flatten)]
        store: StoreUrl,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// List all repls of the store in the database again; the server must not run
    Import {
        #[command(flatten)]
        store: StoreUrl,
        /// Folder for the database, and what else the server keeps
        #[arg(
            long,
            env = "ALCOVE_DATA_DIR",
            value_name = "DIR",
            default_value = "data"
        )]
        data_dir: PathBuf,
        /// Database, if it is not in that folder: postgres://…
        #[arg(long, env = "ALCOVE_DATABASE", value_name = "URL")]
        database: Option<String>,
    },
    /// Write a repl's files into an empty folder; the repl itself is left alone
    Export {
        #[command(flatten)]
        store: StoreUrl,
        /// The repl's id
        #[arg(value_name = "ID")]
        repl: String,
        /// An empty folder, made when missing; `workspace` and `home` will be in it
        #[arg(value_name = "DIR")]
        dir: PathBuf,
        /// The number of a manifest, instead of the newest
        #[arg(long, value_name = "N")]
        number: Option<u64>,
    },
}

#[derive(Debug, Args)]
pub struct StoreUrl {
    /// Object store: a folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix
    #[arg(long, env = "ALCOVE_STORE", value_name = "URL")]
    pub store: String,
}

pub fn main(options: StoreCommand) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match options.action {
            StoreAction::Check { store, content } => {
                check_all(&Store::open_existing(&store.store)?, content).await
            }
            StoreAction::Gc { store, dry_run } => {
                collect_all(&Store::open_existing(&store.store)?, dry_run).await
            }
            StoreAction::Import {
                store,
                data_dir,
                database,
            } => {
                let store = Store::open_existing(&store.store)?;
                import_all(&store, &data_dir, database.as_deref()).await
            }
            StoreAction::Export {
                store,
                repl,
                dir,
                number,
            } => export_one(&Store::open_existing(&store.store)?, repl, &dir, number).await,
        }
    })
}

async fn check_all(store: &Store, content: bool) -> anyhow::Result<()> {
    let report = check(store, content, now_ms() as u64).await?;
    for problem in &report.problems {
        println!("{problem}");
    }
    println!(
        "{} manifests and {} other objects, {} of which ({} bytes) nothing refers to; {} problems",
        report.manifests,
        report.objects,
        report.unreferenced,
        report.unreferenced_bytes,
        report.problems.len()
    );
    anyhow::ensure!(report.problems.is_empty(), "the store is damaged");
    Ok(())
}

async fn collect_all(store: &Store, dry_run: bool) -> anyhow::Result<()> {
    let done = collect(store, now_ms() as u64, dry_run).await?;
    println!(
        "{}{} old manifests and {} other objects ({} bytes) deleted; {} are condemned, and deleted after a day",
        if dry_run { "would be: " } else { "" },
        done.thinned,
        done.deleted,
        done.bytes,
        done.condemned
    );
    Ok(())
}

async fn import_all(store: &Store, data_dir: &Path, database: Option<&str>) -> anyhow::Result<()> {
    std::fs::create_dir_all(data_dir)?;
    let _lock = crate::serve::lock(data_dir)?;
    let db = alcove_server::db::Db::open(data_dir, database).await?;
    let done = alcove_server::import(&db, store).await?;
    for (id, name) in &done.added {
        println!("{id}  {name}");
    }
    for (id, why) in &done.failed {
        println!("{id}  can't be read: {why}");
    }
    println!(
        "{} repls added, {} were known, {} can't be read",
        done.added.len(),
        done.known,
        done.failed.len()
    );
    anyhow::ensure!(done.failed.is_empty(), "not all repls could be read");
    Ok(())
}

async fn export_one(
    store: &Store,
    repl: String,
    dir: &Path,
    number: Option<u64>,
) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)?;
    if std::fs::read_dir(dir)?.next().is_some() {
        anyhow::bail!("{} is not empty: nothing was written", dir.display());
    }
    let at = Location::Repl(repl);
    let manifest = match number {
        Some(number) => match store.manifest(&at, number).await {
            // It may be there by its name alone.
            Err(VolumeError::Missing(_)) => Snapshot::numbered(store, &at, number).await?.manifest,
            found => found?,
        },
        None => match store.head(&at, 0).await? {
            Some((_, manifest)) => manifest,
            None => anyhow::bail!("there is no such repl in the store"),
        },
    };
    let lost = export(store, &manifest, dir).await?;
    for path in &lost {
        println!("{path} is lost");
    }
    println!(
        "{} ({}) is in {}",
        manifest.meta.name,
        manifest.meta.template,
        dir.display()
    );
    anyhow::ensure!(
        lost.is_empty(),
        "{} files could not be restored",
        lost.len()
    );
    Ok(())
}
