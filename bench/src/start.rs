//! From the click on Create to a shell's prompt, as a client of the protocol sees it: with a sandbox that was ready
//! (warm), and with one that is made then (cold); beside the same without sandboxes, and a shell in a bare
//! bubblewrap.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use alcove_testkit::Server;
use anyhow::{Context, ensure};

use crate::machine::figure;
use crate::report::{Case, Report, Target};
use crate::{Options, block_on, peer};

const SECTION: &str = "start";
const COLD: &str = "node, cold";
const WARM: &str = "node, warm";
/// Starts before those that count: they fill the page cache.
const FIRST: u32 = 2;

/// How long a sandbox may take to be ready.
const READY: Duration = Duration::from_secs(60);
/// How often it is asked whether one is.
const ASK: Duration = Duration::from_millis(20);

/// Milliseconds of one start, part by part.
struct Took {
    /// The API has made the repl.
    create: f64,
    /// What the server says that its start took,
    start: f64,
    /// its files in that,
    hydrate: f64,
    /// and its sandbox.
    sandbox: f64,
    /// The session, opened by a client, but for the start.
    session: f64,
    /// A shell, made and shown, up to its prompt.
    shell: f64,
    /// All of it.
    prompt: f64,
    stop: f64,
}

/// Milliseconds that a server has spent in each of these steps.
async fn steps(server: &Server) -> anyhow::Result<[f64; 3]> {
    let text = server.http().get("/metrics").await?.text();
    let of = |step| {
        figure(
            &text,
            &format!("alcove_step_seconds_sum{{step=\"{step}\"}}"),
        )
    };
    Ok(["start", "hydrate", "sandbox"].map(|step| of(step).unwrap_or(0.0) * 1000.0))
}

/// Waits until a sandbox is ready.
async fn warm(server: &Server) -> anyhow::Result<()> {
    let ready = async {
        loop {
            let text = server.http().get("/metrics").await?.text();
            if figure(&text, "alcove_warm_sandboxes").is_some_and(|ready| ready >= 1.0) {
                return Ok(());
            }
            tokio::time::sleep(ASK).await;
        }
    };
    tokio::time::timeout(READY, ready)
        .await
        .context("no sandbox gets ready")?
}

/// `prompt`: how that of a shell ends.
async fn started(server: &Server, prompt: &str) -> anyhow::Result<Took> {
    let before = steps(server).await?;
    let began = Instant::now();
    let repl = server.create("node").await?;
    let create = ms(began);
    let mut session = server.session(&repl).await?;
    let open = ms(began);
    let terminal = session.shell().await?;
    session.until_output(terminal, prompt).await?;
    let all = ms(began);
    let after = steps(server).await?;
    let began = Instant::now();
    server.stop_repl(&repl).await?;
    let [start, hydrate, sandbox] = [0, 1, 2].map(|i| after[i] - before[i]);
    ensure!(start > 0.0, "the server says nothing of the start");
    Ok(Took {
        create,
        start,
        hydrate,
        sandbox,
        session: open - create - start,
        shell: all - open,
        prompt: all,
        stop: ms(began),
    })
}

/// Milliseconds until a shell in a bare bubblewrap shows its prompt.
fn bare() -> anyhow::Result<f64> {
    let began = Instant::now();
    let (mut master, slave) = peer::pty()?;
    let (input, output) = (slave.try_clone()?, slave.try_clone()?);
    // The command goes at once, and with it what it holds of the terminal: else no end of it would be seen.
    let mut child = Command::new("bwrap")
        .args(["--unshare-all", "--die-with-parent"])
        .args(["--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev"])
        .args(["setsid", "--ctty", "--wait", "bash", "--norc"])
        .env("PS1", "$ ")
        .stdin(Stdio::from(input))
        .stdout(Stdio::from(output))
        .stderr(Stdio::from(slave))
        .spawn()
        .context("bwrap")?;
    let (mut seen, mut buffer) = (Vec::new(), [0; 4096]);
    let shown = loop {
        match master.read(&mut buffer) {
            Ok(n) if n > 0 => seen.extend_from_slice(&buffer[..n]),
            _ => break None,
        }
        if seen.windows(2).any(|text| text == b"$ ") {
            break Some(ms(began));
        }
    };
    child.kill()?;
    child.wait()?;
    shown.with_context(|| {
        format!(
            "a bare shell shows no prompt, but: {}",
            String::from_utf8_lossy(&seen)
        )
    })
}

fn ms(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1000.0
}

/// A part's name, its figure, and what is to be reached.
type Part = (&'static str, fn(&Took) -> f64, Option<Target>);

fn part_of(all: &[Took], part: fn(&Took) -> f64) -> Vec<f64> {
    all.iter().map(part).collect()
}

pub fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    block_on(async {
        let server = Server::start(options.server()).await?;
        let prepared = Server::start(options.server().arg("--warm", "1")).await?;
        let open = Server::start(options.server().arg("--spawner", "process")).await?;
        // Without a sandbox, people are who the server is.
        let as_server = match rustix::process::geteuid().is_root() {
            true => "# ",
            false => "$ ",
        };
        let (mut floor, mut without) = (Vec::new(), Vec::new());
        let (mut cold, mut ready) = (Vec::new(), Vec::new());
        for turn in 0..options.starts + FIRST {
            let shell = tokio::task::spawn_blocking(bare).await??;
            let process = started(&open, as_server).await?;
            let sandbox = started(&server, "$ ").await?;
            warm(&prepared).await?;
            let made = started(&prepared, "$ ").await?;
            if turn >= FIRST {
                floor.push(shell);
                without.push(process);
                cold.push(sandbox);
                ready.push(made);
            }
        }
        let beside = Some(("bare bwrap", &floor[..]));
        report.add(&case(COLD, "bare bwrap", "prompt", &floor), None, None)?;
        let prompts = part_of(&without, |t| t.prompt);
        report.add(&case(COLD, "no sandbox", "prompt", &prompts), beside, None)?;
        for (name, all, most) in [(COLD, &cold, 70.0), (WARM, &ready, 20.0)] {
            let parts: [Part; 7] = [
                ("create", |t| t.create, None),
                ("start", |t| t.start, Some(Target::AtMost(most))),
                ("- hydrate", |t| t.hydrate, None),
                ("- sandbox", |t| t.sandbox, None),
                ("session", |t| t.session, None),
                ("shell", |t| t.shell, None),
                ("stop", |t| t.stop, None),
            ];
            for (metric, part, target) in parts {
                let samples = part_of(all, part);
                report.add(&case(name, "alcove", metric, &samples), None, target)?;
            }
            let prompts = part_of(all, |t| t.prompt);
            let target = Some(Target::AtMost(200.0));
            report.add(&case(name, "alcove", "prompt", &prompts), beside, target)?;
        }
        open.stop().await?;
        prepared.stop().await?;
        server.stop().await?;
        Ok(())
    })
}

fn case<'a>(case: &'a str, subject: &'a str, metric: &'a str, samples: &'a [f64]) -> Case<'a> {
    Case {
        section: SECTION,
        case,
        subject,
        metric,
        unit: "ms",
        samples,
    }
}
