//! What one repl's keystrokes feel of another that is at full tilt: in processor, memory, disk and output, in
//! turn, each beside quiet turns of the same run; and what those of the bare peer feel of the same load in
//! another of its shells, so that it is seen what of it is the machine's.

use std::time::Duration;

use alcove_testkit::Server;
use anyhow::{Context, anyhow, bail};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until, timeout};

use crate::line::{LIMIT, Line};
use crate::peer::Peer;
use crate::report::{Case, Report, Target, percentile};
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

/// Keys while the neighbour is under a load, and MB/s of output that its page read meanwhile; `ask` is awaited
/// while the load is there.
async fn beside<T>(
    line: &mut Line,
    mut other: Line,
    command: &str,
    ask: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<(Line, Vec<f64>, f64, T)> {
    other
        .send(&format!("echo lo''aded; {command}; echo load-en''ded\n"))
        .await?;
    other.until("loaded").await?;
    let (stop, stopped) = oneshot::channel();
    let began = Instant::now();
    // A task of its own, as it is a page of its own: a key's echo is not to wait for this client.
    let mut page = tokio::spawn(async move {
        let mut seen = 0;
        tokio::select! {
            _ = stopped => Ok((other, seen)),
            error = read(&mut other, &mut seen) => Err(error),
        }
    });
    let keys = tokio::select! {
        keys = keys(line, KEYS) => keys?,
        page = &mut page => bail!("the neighbour's page: {:?}", page?.err()),
    };
    let _ = stop.send(());
    let (mut other, seen) = page.await??;
    let output = seen as f64 / 1e6 / began.elapsed().as_secs_f64();
    let answer = ask.await?;
    // An interrupted list of commands is not gone on with.
    other.send("\x03").await?;
    other.until("^C").await?;
    other
        .send("kill $(jobs -p); wait; rm -f load; echo o''ver\n")
        .await?;
    other.until("over").await?;
    Ok((other, keys, output, answer))
}

/// Percent of a processor, and MB of memory, that a repl's programs take.
async fn usage(server: &Server, repl: &str) -> anyhow::Result<(f64, f64)> {
    let state = server.state(repl).await?;
    let used = |name: &str| state["resources"][name].as_f64().unwrap_or(f64::NAN);
    Ok((used("cpu"), used("memory") / 1e6))
}

/// A line whose keys are measured.
async fn ready(mut line: Line) -> anyhow::Result<Line> {
    line.send("echo re''ady; exec cat\n").await?;
    line.until("ready").await?;
    Ok(line)
}

/// Samples of one subject: quiet, and by load.
#[derive(Default)]
struct Samples {
    quiet: Vec<f64>,
    loads: Vec<(&'static str, Vec<f64>)>,
}

impl Samples {
    fn report(
        &self,
        report: &mut Report,
        subject: &str,
        target: Option<Target>,
    ) -> anyhow::Result<()> {
        let case = |case, samples| Case {
            section: SECTION,
            case,
            subject,
            metric: "echo",
            unit: "ms",
            samples,
        };
        report.add(&case("quiet", &self.quiet), None, None)?;
        for (name, samples) in &self.loads {
            if target.is_some() {
                let quiet = ("quiet", self.quiet.as_slice());
                report.add(&case(name, samples), Some(quiet), target)?;
                continue;
            }
            report.add(&case(name, samples), None, None)?;
            let ratio = percentile(samples, 0.99) / percentile(&self.quiet, 0.99);
            report.say(
                SECTION,
                &format!("{subject}, {name}: p99 {ratio:.2} x quiet"),
            )?;
        }
        Ok(())
    }
}

pub fn run(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    block_on(async {
        let given = options.server().arg("--network", "none");
        let server = Server::start(given.arg("--grace-period", "never")).await?;
        let repl = server.create("blank").await?;
        let mut line = ready(Line::of_repl(&server, &repl).await?).await?;
        let neighbour = server.create("blank").await?;
        let mut other = Line::of_repl(&server, &neighbour).await?;
        let peer = Peer::start().await?;
        let mut bare_line = ready(Line::of_peer(peer.port).await?).await?;
        let mut bare_other = Line::of_peer(peer.port).await?;
        // On the disk that repls are on, too.
        let folder = server.data_dir.join("bare");
        std::fs::create_dir(&folder)?;
        let go = format!("cd '{}' && echo th''ere\n", folder.display());
        bare_other.send(&go).await?;
        bare_other.until("there").await?;
        let (mut ours, mut bare) = (Samples::default(), Samples::default());
        for (case, command) in LOADS {
            bare.quiet.extend(keys(&mut bare_line, QUIET_KEYS).await?);
            ours.quiet.extend(keys(&mut line, QUIET_KEYS).await?);
            let nothing = async { Ok(()) };
            let load = beside(&mut bare_line, bare_other, command, nothing);
            let felt;
            (bare_other, felt, ..) = load.await.with_context(|| case)?;
            bare.loads.push((case, felt));
            let asked = usage(&server, &neighbour);
            let load = beside(&mut line, other, command, asked);
            let (felt, output, cpu, memory);
            (other, felt, output, (cpu, memory)) = load.await.with_context(|| case)?;
            ours.loads.push((case, felt));
            let used = format!(
                "{case}: the neighbour took {cpu:.0} % of a processor and {memory:.0} MB, and wrote {output:.1} MB/s to its page"
            );
            report.say(SECTION, &used)?;
        }
        bare.report(report, "bare", None)?;
        ours.report(report, "alcove", Some(Target::TailRatioAtMost(3.0)))?;
        server.stop().await?;
        Ok(())
    })
}
