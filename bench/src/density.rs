//! Many idle repls on one machine, each with a shell at its prompt and nobody there: what each takes, how
//! soon the last one starts, and where and how it ends before there are as many as are wanted.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use alcove_testkit::{DEADLINE, Server, Traces};
use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio::time::sleep;

use crate::machine::{Sandbox, available_memory, cpu, pss};
use crate::report::{Case, Report, Target};
use crate::{Options, block_on};

const SECTION: &str = "density";
/// No further repl is started with less memory available,
const SPARE_BYTES: u64 = 2 << 30;
/// nor after this. With what follows it is ten minutes.
const STARTING: Duration = Duration::from_secs(4 * 60);
/// How long all may take to stop.
const STOPPING: Duration = Duration::from_secs(4 * 60);
/// From when on they are idle, and how long it is looked what they take.
const SETTLING: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(60);
/// How long what was left may take to go by itself.
const GOING: Duration = Duration::from_secs(30);
/// Starts that are compared: the first, and the last.
const EDGE: usize = 25;
/// So many, and what else happens on the machine counts little beside what they take of its memory.
const COUNTING: usize = 100;

/// A server with many repls: none of them stays, however it ends.
struct Many {
    server: Option<Server>,
    alcove: PathBuf,
    data: PathBuf,
    _dir: TempDir,
}

impl Drop for Many {
    fn drop(&mut self) {
        drop(self.server.take());
        // There as long as a server runs, or has died.
        if !self.data.join("sandboxes/router.json").exists() && Sandbox::all(&self.data).is_empty()
        {
            return;
        }
        let mut drain = Command::new(&self.alcove);
        let drained = drain.args(["drain", "--data-dir"]).arg(&self.data).status();
        if !drained.as_ref().is_ok_and(|status| status.success()) {
            eprintln!(
                "{SECTION}: not all repls could be ended ({drained:?}): {:?}",
                Sandbox::all(&self.data)
            );
        }
    }
}

impl Many {
    async fn host(options: &Options) -> anyhow::Result<Self> {
        // On the same disk as the data of `make run`.
        std::fs::create_dir_all("target/bench")?;
        let dir = tempfile::Builder::new()
            .prefix("density-")
            .tempdir_in("target/bench")?;
        let data = dir.path().canonicalize()?.join("data");
        // Where it is full, it warns a thousand times.
        let log = std::env::var("ALCOVE_LOG").unwrap_or_else(|_| "error".into());
        let mut given = options
            .server()
            .env("ALCOVE_LOG", &log)
            .arg("--grace-period", "never")
            .arg("--max-running", &options.repls.to_string());
        given.patience = STOPPING;
        let mut many = Self {
            server: None,
            alcove: options.alcove.clone(),
            data,
            _dir: dir,
        };
        many.server = Some(Server::start_over(given, &many.data).await?);
        Ok(many)
    }

    fn server(&self) -> anyhow::Result<&Server> {
        self.server.as_ref().context("it is stopped")
    }

    /// Saves and stops everything; looks whether anything is left.
    async fn stop(mut self, traces: Option<Traces>) -> anyhow::Result<()> {
        let server = self.server.take().context("it is stopped")?;
        server.stop().await?;
        let Some(traces) = traces else { return Ok(()) };
        let began = Instant::now();
        loop {
            let left = traces.all();
            if left.is_empty() {
                return Ok(());
            }
            ensure!(
                began.elapsed() < GOING,
                "left on this machine: {}",
                left.join(", ")
            );
            sleep(Duration::from_millis(200)).await;
        }
    }
}

/// Starts one, up to its prompt: its id, and milliseconds. Then nobody is there.
async fn started(server: &Server) -> anyhow::Result<(String, f64)> {
    let began = Instant::now();
    let repl = server.create("blank").await.context("not made")?;
    let prompt = async {
        let mut session = server.session(&repl).await?;
        let terminal = session.shell().await?;
        session.until_output(terminal, "$ ").await
    };
    if let Err(error) = prompt.await {
        let state = server.state(&repl).await.unwrap_or_default();
        return Err(error.context(format!("{} {}", state["phase"], state["detail"])));
    }
    Ok((repl, began.elapsed().as_secs_f64() * 1000.0))
}

/// Repls, and how long each took to start.
#[derive(Default)]
struct Running {
    repls: Vec<String>,
    starts: Vec<f64>,
}

/// Starts as many as are wanted, or can be; then also why there are no more.
async fn fill(server: &Server, wanted: usize) -> anyhow::Result<(Running, Option<String>)> {
    let (mut running, began) = (Running::default(), Instant::now());
    while running.repls.len() < wanted {
        let available = available_memory()?;
        if available < SPARE_BYTES {
            let words = format!("less than 2 GiB of memory are available ({available} bytes)");
            return Ok((running, Some(words)));
        }
        if began.elapsed() > STARTING {
            let words = format!("{} s are over", STARTING.as_secs());
            return Ok((running, Some(words)));
        }
        match started(server).await {
            Ok((repl, took)) => {
                running.repls.push(repl);
                running.starts.push(took);
            }
            Err(error) => return Ok((running, Some(format!("{error:#}")))),
        }
    }
    Ok((running, None))
}

/// What repls and their server take while nobody does anything.
struct Idle {
    /// MB of each: of ours, and of its programs.
    own: Vec<f64>,
    programs: Vec<f64>,
    /// MB of the server.
    server: f64,
    /// Milliseconds of a processor in a minute.
    cpu: Vec<f64>,
    server_cpu: f64,
}

async fn idle(data: &Path, server: u32, repls: &[String]) -> anyhow::Result<Idle> {
    sleep(SETTLING).await;
    let sandboxes = repls.iter().map(|repl| Sandbox::read(data, repl));
    let sandboxes = sandboxes.collect::<anyhow::Result<Vec<_>>>()?;
    let times = || -> Vec<Option<f64>> { sandboxes.iter().map(Sandbox::cpu).collect() };
    let (began, before, of_server) = (Instant::now(), times(), cpu(server));
    sleep(IDLE).await;
    let (after, of_server_after) = (times(), cpu(server));
    let per_minute = 60.0 / began.elapsed().as_secs_f64();
    let taken = before.into_iter().zip(after);
    let taken = taken.filter_map(|(before, after)| Some((after? - before?) * per_minute));
    let of_server = of_server.zip(of_server_after).context("the server")?;
    let own = sandboxes.iter().map(Sandbox::own_memory);
    Ok(Idle {
        own: own.collect::<Option<_>>().context("a sandbox has ended")?,
        programs: sandboxes.iter().map(Sandbox::programs_memory).collect(),
        server: pss(server).context("the server's memory")?,
        cpu: taken.collect(),
        server_cpu: (of_server.1 - of_server.0) * per_minute,
    })
}

/// Until all pages are known to be closed.
async fn nobody_is_there(server: &Server) -> anyhow::Result<()> {
    let look = async {
        loop {
            let list = server.http().get("/api/repls").await?.json();
            let mut repls = list.as_array().context("a list")?.iter();
            if repls.all(|r| r["state"]["people"] == 0) {
                return Ok(());
            }
            sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(DEADLINE, look)
        .await
        .context("somebody is still there")?
}

pub fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    block_on(async {
        let wanted = options.repls as usize;
        let many = Many::host(options).await?;
        let server = many.server()?;
        let before = pss(server.pid()).context("the server's memory")?;
        let available = available_memory()?;
        let began = Instant::now();
        let (running, why) = fill(server, wanted).await?;
        let seconds = began.elapsed().as_secs_f64();
        let Running { repls, starts } = running;
        let n = repls.len();
        let all = Some(Target::AtLeast(wanted as f64));
        add(report, "running at once", "repls", "", &[n as f64], all)?;
        add(report, "all of them", "started", "s", &[seconds], None)?;
        add(report, "server, no repl", "PSS", "MB", &[before], None)?;
        if let Some(why) = &why {
            report.say(SECTION, &format!("no more than {n} of {wanted}: {why}"))?;
        }
        if n == 0 {
            return many.stop(None).await;
        }
        edges(&starts, report)?;
        nobody_is_there(server).await?;
        let traces = Traces::of(server)?;
        let taken = idle(&many.data, server.pid(), &repls).await?;
        let available = (available as f64 - available_memory()? as f64) / 1e6 / n as f64;
        let share = (taken.server - before).max(0.0) / n as f64;
        let ours: Vec<f64> = taken.own.iter().map(|own| own + share).collect();
        add(report, "server", "PSS", "MB", &[taken.server], None)?;
        add(report, "share of the server", "PSS", "MB", &[share], None)?;
        let most = Some(Target::AtMost(5.0));
        add(report, "idle repl, all of ours", "PSS", "MB", &ours, most)?;
        add(
            report,
            "idle repl, its shell",
            "PSS",
            "MB",
            &taken.programs,
            None,
        )?;
        if n >= COUNTING {
            let case = "idle repl, kernel's too";
            add(report, case, "MemAvailable", "MB", &[available], None)?;
        }
        add(report, "server", "CPU", "ms/min", &[taken.server_cpu], None)?;
        if taken.cpu.is_empty() {
            report.say(
                SECTION,
                "no control group counts the processor time of repls here",
            )?;
        } else {
            add(report, "idle repl", "CPU", "ms/min", &taken.cpu, None)?;
        }
        let began = Instant::now();
        many.stop(Some(traces)).await?;
        let seconds = began.elapsed().as_secs_f64();
        add(report, "all of them", "stopped", "s", &[seconds], None)
    })
}

fn case<'a>(case: &'a str, metric: &'a str, unit: &'a str, samples: &'a [f64]) -> Case<'a> {
    Case {
        section: SECTION,
        case,
        subject: "alcove",
        metric,
        unit,
        samples,
    }
}

fn add(
    report: &mut Report,
    name: &str,
    metric: &str,
    unit: &str,
    samples: &[f64],
    target: Option<Target>,
) -> anyhow::Result<()> {
    report.add(&case(name, metric, unit, samples), None, target)
}

/// The first starts, and the last.
fn edges(starts: &[f64], report: &mut Report) -> anyhow::Result<()> {
    let edge = EDGE.min(starts.len() / 2);
    let (first, last) = (&starts[..edge], &starts[starts.len() - edge..]);
    if edge == 0 {
        return Ok(());
    }
    add(report, "a start, the first", "prompt", "ms", first, None)?;
    report.add(
        &case("a start, the last", "prompt", "ms", last),
        Some(("the first", first)),
        None,
    )
}
