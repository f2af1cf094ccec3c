//! What is measured against each other in a process of its own, so that its processor time is its own:
//! Alcove's volume, by the calls that a server makes, and the plain way. It is told what to do by lines of
//! JSON, and answers each.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_volume::{Location, Meta, Scope, Snapshot, Store, Volume, fork};
use anyhow::{Context, bail, ensure};
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::server::{ACCESS, BUCKET, REGION, SECRET};
use super::tree;

/// Requests of the plain way under way at once.
pub const PLAIN_AT_ONCE: usize = 50;
/// Longest that one order may take.
const LIMIT: Duration = Duration::from_secs(900);

/// What to do. `repl` is an id, `under` a prefix of keys.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// Saves a folder that holds `workspace` and `home` as a repl.
    Import { repl: String, dir: PathBuf },
    /// Starts a repl: into an empty folder. The orders that follow are about it.
    Start {
        repl: String,
        after: u64,
        dir: PathBuf,
    },
    /// Saves the repl that was imported or started last.
    Checkpoint { is_final: bool },
    /// Reads what [`Order::Create`] makes repls from, as a server does when it starts.
    Template { repl: String },
    /// A new repl.
    Create { repl: String },
    /// A repl with the files of another.
    Fork { repl: String, from: String },
    /// Puts all files of a folder.
    PlainPut { under: String, dir: PathBuf },
    /// Lists, and gets each file.
    PlainGet { under: String, dir: PathBuf },
    /// Puts one file.
    PlainPutOne { under: String, path: PathBuf },
    /// Lists, and copies each file.
    PlainCopy { under: String, to: String },
}

/// What it took.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Took {
    /// Seconds.
    pub all: f64,
    /// Of [`Order::Start`]: until the repl could be used.
    pub usable: f64,
    /// Seconds of processor time, of all threads.
    pub cpu: f64,
    /// Of the state that is the newest now.
    pub number: u64,
}

/// The process, seen from the bench. It ends when this is dropped.
pub struct Subject {
    _child: Child,
    orders: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Subject {
    /// `port`: of the store.
    pub fn start(port: u16) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--subject", &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let orders = child.stdin.take().context("stdin")?;
        let answers = BufReader::new(child.stdout.take().context("stdout")?).lines();
        Ok(Self {
            _child: child,
            orders,
            answers,
        })
    }

    pub async fn order(&mut self, order: &Order) -> anyhow::Result<Took> {
        let line = serde_json::to_string(order)? + "\n";
        self.orders.write_all(line.as_bytes()).await?;
        let answer = tokio::time::timeout(LIMIT, self.answers.next_line()).await;
        let answer = answer.with_context(|| format!("{order:?} takes too long"))??;
        let answer = answer.context("the subject has ended")?;
        let took: Result<Took, String> = serde_json::from_str(&answer)?;
        took.map_err(|why| anyhow::anyhow!("{order:?}: {why}"))
    }
}

/// The process itself: until its input ends.
pub fn serve(port: u16) -> anyhow::Result<()> {
    // As `alcove serve`.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut worker = Worker::new(port)?;
    for line in std::io::stdin().lock().lines() {
        let order: Order = serde_json::from_str(&line?)?;
        let took = runtime.block_on(worker.carry_out(order));
        let took = took.map_err(|e| format!("{e:#}"));
        let mut out = std::io::stdout().lock();
        writeln!(out, "{}", serde_json::to_string(&took)?)?;
        out.flush()?;
    }
    Ok(())
}

struct Worker {
    store: Store,
    /// The client that Alcove has, for the plain way.
    plain: Arc<AmazonS3>,
    volume: Option<Volume>,
    template: Option<Snapshot>,
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn meta(name: &str) -> Meta {
    Meta {
        name: name.to_owned(),
        ..Meta::default()
    }
}

impl Worker {
    fn new(port: u16) -> anyhow::Result<Self> {
        let endpoint = format!("http://127.0.0.1:{port}");
        let environment = [
            ("AWS_ACCESS_KEY_ID", ACCESS),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ];
        let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let url = format!("s3://{BUCKET}/alcove?endpoint={endpoint}&region={REGION}");
        // The first: it installs what TLS is made with, though none is spoken here.
        let store = Store::open_with(&url, &environment.into())?;
        let plain = AmazonS3Builder::new()
            .with_endpoint(&endpoint)
            .with_allow_http(true)
            .with_region(REGION)
            .with_bucket_name(BUCKET)
            .with_access_key_id(ACCESS)
            .with_secret_access_key(SECRET)
            .build()?;
        Ok(Self {
            store,
            plain: Arc::new(plain),
            volume: None,
            template: None,
        })
    }

    async fn carry_out(&mut self, order: Order) -> anyhow::Result<Took> {
        let (began, cpu_before) = (Instant::now(), cpu());
        let mut took = Took::default();
        match order {
            Order::Import { repl, dir } => {
                let (at, meta) = (Location::Repl(repl.clone()), meta(&repl));
                let volume = Volume::adopt(self.store.clone(), at, dir, None, meta).await?;
                took.number = saved(&volume, Scope::Everything).await?;
                self.volume = Some(volume);
            }
            Order::Start { repl, after, dir } => {
                let at = Location::Repl(repl);
                let volume = Volume::open(self.store.clone(), at, after, dir, None).await?;
                volume.restore_sources().await?;
                took.usable = began.elapsed().as_secs_f64();
                volume.restore_bulk().await?;
                let lost = volume.lost().await;
                ensure!(lost.is_empty(), "lost: {lost:?}");
                took.number = volume.number().await;
                self.volume = Some(volume);
            }
            Order::Checkpoint { is_final } => {
                let volume = self.volume.as_ref().context("no repl")?;
                let scope = match is_final {
                    true => Scope::Everything,
                    false => Scope::Sources,
                };
                took.number = saved(volume, scope).await?;
            }
            Order::Template { repl } => {
                let template = Snapshot::newest(&self.store, &Location::Repl(repl), 0).await?;
                self.template = Some(template);
            }
            Order::Create { repl } => {
                let template = self.template.as_ref().context("no template")?;
                let (at, meta) = (Location::Repl(repl.clone()), meta(&repl));
                fork(&self.store, &template.manifest, &at, meta, true).await?;
            }
            Order::Fork { repl, from } => {
                let from = Snapshot::newest(&self.store, &Location::Repl(from), 0).await?;
                let (at, meta) = (Location::Repl(repl.clone()), meta(&repl));
                // By somebody else, whom the home folder is not for.
                fork(&self.store, &from.manifest, &at, meta, false).await?;
            }
            Order::PlainPut { under, dir } => {
                let files = tree::files(&dir)?.into_iter();
                let puts = files.map(|file| self.put(&under, &dir, file));
                run(puts).await?;
            }
            Order::PlainGet { under, dir } => {
                let keys = self.keys(&under).await?;
                let top = Key::from(under);
                run(keys.into_iter().map(|key| self.get(&top, &dir, key))).await?;
            }
            Order::PlainPutOne { under, path } => {
                let dir = path.parent().context("a folder")?;
                let name = path.file_name().context("a name")?;
                self.put(&under, dir, name.into()).await?;
            }
            Order::PlainCopy { under, to } => {
                let keys = self.keys(&under).await?;
                let (from, to) = (Key::from(under), Key::from(to));
                let copies = keys.into_iter().map(|key| {
                    let parts = key.prefix_match(&from).into_iter().flatten();
                    let to = to.parts().chain(parts).collect();
                    let plain = self.plain.clone();
                    async move { Ok(plain.copy(&key, &to).await?) }
                });
                run(copies).await?;
            }
        }
        took.all = began.elapsed().as_secs_f64();
        took.cpu = (cpu() - cpu_before).as_secs_f64();
        Ok(took)
    }

    async fn keys(&self, under: &str) -> anyhow::Result<Vec<Key>> {
        let list = self.plain.list(Some(&Key::from(under)));
        Ok(list.map_ok(|object| object.location).try_collect().await?)
    }

    fn put(
        &self,
        under: &str,
        dir: &Path,
        file: PathBuf,
    ) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
        let (plain, path) = (self.plain.clone(), dir.join(&file));
        let key = Key::parse(format!("{under}/{}", file.display()));
        async move {
            let content = tokio::fs::read(path).await?;
            plain.put(&key?, content.into()).await?;
            Ok(())
        }
    }

    fn get(
        &self,
        under: &Key,
        dir: &Path,
        key: Key,
    ) -> impl Future<Output = anyhow::Result<()>> + Send + 'static {
        let parts = key.prefix_match(under).into_iter().flatten();
        let path = parts.fold(dir.to_owned(), |path, part| path.join(part.as_ref()));
        let plain = self.plain.clone();
        async move {
            let content = plain.get(&key).await?.bytes().await?;
            let written = tokio::task::spawn_blocking(move || {
                std::fs::create_dir_all(path.parent().unwrap_or(&path))?;
                std::fs::write(&path, content)
            });
            Ok(written.await??)
        }
    }
}

/// Many requests of the plain way, on all threads.
async fn run(
    requests: impl Iterator<Item = impl Future<Output = anyhow::Result<()>> + Send + 'static>,
) -> anyhow::Result<()> {
    let mut done = futures_util::stream::iter(requests)
        .map(tokio::spawn)
        .buffer_unordered(PLAIN_AT_ONCE);
    while let Some(result) = done.next().await {
        result??;
    }
    Ok(())
}

/// A checkpoint that saves something, all of it: the state's number.
async fn saved(volume: &Volume, scope: Scope) -> anyhow::Result<u64> {
    let outcome = volume.checkpoint(scope, None).await?;
    if !outcome.changed || !outcome.left_out.is_empty() {
        bail!("not all was saved: {outcome:?}");
    }
    Ok(outcome.number)
}
