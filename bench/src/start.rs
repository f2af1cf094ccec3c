//! From the click on Create to a shell's prompt, cold, as a client of the protocol sees it; beside the same
//! without sandboxes, and a shell in a bare bubblewrap.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Instant;

use alcove_testkit::Server;
use anyhow::{Context, ensure};

use crate::machine::figure;
use crate::report::{Case, Report, Target};
use crate::{Options, block_on, peer};

const SECTION: &str = "start";
/// Starts before those that count: they fill the page cache.
const WARM: u32 = 2;

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
        let open = Server::start(options.server().arg("--spawner", "process")).await?;
        // Without a sandbox, people are who the server is.
        let as_server = match rustix::process::geteuid().is_root() {
            true => "# ",
            false => "$ ",
        };
        let (mut floor, mut without, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for turn in 0..options.starts + WARM {
            let shell = tokio::task::spawn_blocking(bare).await??;
            let process = started(&open, as_server).await?;
            let sandbox = started(&server, "$ ").await?;
            if turn >= WARM {
                floor.push(shell);
                without.push(process);
                all.push(sandbox);
            }
        }
        let beside = Some(("bare bwrap", &floor[..]));
        report.add(&case("bare bwrap", "prompt", &floor), None, None)?;
        let prompts = part_of(&without, |t| t.prompt);
        report.add(&case("no sandbox", "prompt", &prompts), beside, None)?;
        let parts: [Part; 7] = [
            ("create", |t| t.create, None),
            ("start", |t| t.start, Some(Target::AtMost(70.0))),
            ("- hydrate", |t| t.hydrate, None),
            ("- sandbox", |t| t.sandbox, None),
            ("session", |t| t.session, None),
            ("shell", |t| t.shell, None),
            ("stop", |t| t.stop, None),
        ];
        for (metric, part, target) in parts {
            let samples = part_of(&all, part);
            report.add(&case("alcove", metric, &samples), None, target)?;
        }
        let prompts = part_of(&all, |t| t.prompt);
        let target = Some(Target::AtMost(200.0));
        report.add(&case("alcove", "prompt", &prompts), beside, target)?;
        open.stop().await?;
        server.stop().await?;
        Ok(())
    })
}

fn case<'a>(subject: &'a str, metric: &'a str, samples: &'a [f64]) -> Case<'a> {
    Case {
        section: SECTION,
        case: "node, cold",
        subject,
        metric,
        unit: "ms",
        samples,
    }
}
