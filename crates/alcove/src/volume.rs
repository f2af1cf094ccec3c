//! `alcove volume`: a volume as a process of its own.

use std::path::PathBuf;

use alcove_volume::{Location, Meta, Scope, Store, Volume};
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    pub action: VolumeAction,
}

#[derive(Debug, Subcommand)]
pub enum VolumeAction {
    /// Restore a repl's files into a folder
    Hydrate(VolumePlace),
    /// Save a folder as a repl's next manifest
    Checkpoint(VolumePlace),
}

#[derive(Debug, Args)]
pub struct VolumePlace {
    /// Object store: a folder, s3://bucket/prefix, gs://bucket/prefix or az://container/prefix
    #[arg(long, env = "ALCOVE_STORE", value_name = "URL")]
    pub store: String,
    /// The repl's id
    #[arg(long, value_name = "ID")]
    pub repl: String,
    /// The folder that holds `workspace` and `home`
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
}

pub fn main(options: Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match options.action {
            VolumeAction::Hydrate(place) => hydrate(place).await,
            VolumeAction::Checkpoint(place) => checkpoint(place).await,
        }
    })
}

async fn hydrate(place: VolumePlace) -> anyhow::Result<()> {
    let at = Location::Repl(place.repl);
    std::fs::create_dir_all(&place.dir)?;
    if std::fs::read_dir(&place.dir)?.next().is_some() {
        anyhow::bail!("{} is not empty: nothing was restored", place.dir.display());
    }
    let volume = Volume::open(Store::open(&place.store)?, at, 0, place.dir, None).await?;
    volume.restore_sources().await?;
    volume.restore_bulk().await?;
    println!(
        "{}",
        serde_json::json!({ "number": volume.number().await, "entries": volume.progress().total.files })
    );
    Ok(())
}

async fn checkpoint(place: VolumePlace) -> anyhow::Result<()> {
    let store = Store::open(&place.store)?;
    let at = Location::Repl(place.repl);
    let meta = store
        .head(&at, 0)
        .await?
        .map_or_else(Meta::default, |(_, manifest)| manifest.meta);
    let volume = Volume::adopt(store, at, place.dir, None, meta).await?;
    let done = volume.checkpoint(Scope::Everything, None).await?;
    println!(
        "{}",
        serde_json::json!({ "number": done.number, "changed": done.changed, "files": done.files, "bytes": done.bytes, "left_out": done.left_out })
    );
    Ok(())
}
