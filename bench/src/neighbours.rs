//! What one repl's keystrokes feel of another that is at full tilt: in processor, memory, disk and output, in
//! turn, each beside quiet turns of the same run.

use std::time::Duration;

use alcove_testkit::Server;
use anyhow::{Context, anyhow};
use tokio::time::{Instant, sleep_until, timeout};

use crate::line::{LIMIT, Line};
use crate::report::{Case, Report, Target};
use crate::{Options, block_on};

const SECTION: &str = "neighbours";
/// Keystrokes of one turn beside a load, of one quiet turn, and the time from each to the next.
const KEYS: usize = 1000;
const QUIET_KEYS: usize = 500;
const PACE: Duration = Duration::from_millis(15);
/// Keystrokes at the start of a turn that do not count: the load is getting going.
const WARM: usize = 100;

/// What a repl's programs do, until they are interrupted.
const LOADS: [(&str, &str); 4] = [
    // More than there are processors, on most machines.
    (
        "processor",
        "for i in 1 2 3 4 5 6 7; do while :; do :; done & done; while :; do :; done",
    ),
    // Three quarters of what it may, written anew again and again.
    (
        "memory",
        "python3 -c \"while True: bytes(1) * (1536 << 20)\"",
    ),
    ("output", "yes"),
    // The last: what it wrote is still being saved afterwards.
    (
        "disk",
        "while :; do dd if=/dev/zero of=load bs=1M count=256 conv=fsync status=none; done",
    ),
];
/// What is written where a load ends by itself.
const ENDED: &str = "load-ended";

/// Milliseconds from each key to its echo, at the pace of someone who types fast: a key that is late by an
/// earlier one's echo counts from when it was due.
async fn keys(line: &mut Line, count: usize) -> anyhow::Result<Vec<f64>> {
    let (mut samples, mut due) = (Vec::with_capacity(count), Instant::now());
    for i in 0..WARM + count {
        due += PACE;
        let mut began = due;
        if Instant::now() < due {
            sleep_until(due).await;
            began = Instant::now();
        }
        if i % 60 == 59 {
            // A line is not to grow without end; `cat` answers with it.
            line.send("\n").await?;
            line.until("x\r\n").await?;
            continue;
        }
        line.send("x").await?;
        timeout(LIMIT, line.take()).await.context("no echo")??;
        if i >= WARM {
            samples.push(began.elapsed().as_secs_f64() * 1000.0);
        }
    }
    Ok(samples)
}

/// Takes what comes, as a page does, and counts its bytes, until there is an error.
async fn read(line: &mut Line, seen: &mut u64) -> anyhow::Error {
    let mut tail = Vec::new();
    loop {
        let piece = match line.take().await {
            Ok(piece) => piece,
            Err(error) => return error,
        };
        *seen += piece.len() as u64;
        tail.extend_from_slice(&piece[piece.len().saturating_sub(ENDED.len())..]);
        if String::from_utf8_lossy(&tail).contains(ENDED) {
            return anyhow!("it ended by itself");
        }
        tail.drain(..tail.len().saturating_sub(ENDED.len()));
    }
}

/// What the neighbour did meanwhile.
struct Load {
    keys: Vec<f64>,
    /// MB/s of output that its page read,
    output: f64,
    /// percent of a processor, and MB of memory, of its programs.
    cpu: f64,
    memory: f64,
}

/// Keys while the neighbour is under a load.
async fn beside(
    server: &Server,
    line: &mut Line,
    neighbour: &str,
    command: &str,
) -> anyhow::Result<Load> {
    let mut other = Line::of_repl(server, neighbour).await?;
    other
        .send(&format!("echo lo''aded; {command}; echo load-en''ded\n"))
        .await?;
    other.until("loaded").await?;
    let (mut seen, began) = (0, Instant::now());
    let keys = tokio::select! {
        keys = keys(line, KEYS) => keys?,
        error = read(&mut other, &mut seen) => return Err(error),
    };
    let output = seen as f64 / 1e6 / began.elapsed().as_secs_f64();
    let state = server.state(neighbour).await?;
    let used = |name: &str| state["resources"][name].as_f64().unwrap_or(f64::NAN);
    // An interrupted list of commands is not gone on with.
    other.send("\x03").await?;
    other.until("^C").await?;
    other
        .send("kill $(jobs -p); wait; rm -f load; echo o''ver\n")
        .await?;
    other.until("over").await?;
    Ok(Load {
        keys,
        output,
        cpu: used("cpu"),
        memory: used("memory") / 1e6,
    })
}

pub fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    block_on(async {
        let given = options.server().arg("--network", "none");
        let server = Server::start(given.arg("--grace-period", "never")).await?;
        let repl = server.create("blank").await?;
        let mut line = Line::of_repl(&server, &repl).await?;
        line.send("echo re''ady; exec cat\n").await?;
        line.until("ready").await?;
        let neighbour = server.create("blank").await?;
        let (mut quiet, mut loads) = (Vec::new(), Vec::new());
        for (case, command) in LOADS {
            quiet.extend(keys(&mut line, QUIET_KEYS).await?);
            let load = beside(&server, &mut line, &neighbour, command);
            loads.push((case, load.await.with_context(|| case)?));
        }
        report.add(&echo("quiet", &quiet), None, None)?;
        for (case, load) in &loads {
            let used = format!(
                "{case}: the neighbour took {:.0} % of a processor and {:.0} MB, and wrote {:.1} MB/s to its page",
                load.cpu, load.memory, load.output
            );
            report.say(SECTION, &used)?;
            report.add(
                &echo(case, &load.keys),
                Some(("quiet", &quiet)),
                Some(Target::TailRatioAtMost(3.0)),
            )?;
        }
        server.stop().await?;
        Ok(())
    })
}

fn echo<'a>(case: &'a str, samples: &'a [f64]) -> Case<'a> {
    Case {
        section: SECTION,
        case,
        subject: "alcove",
        metric: "echo",
        unit: "ms",
        samples,
    }
}
