//! Towards those who share processors and memory with a program that never stops: its neighbour, the other
//! terminals of its repl, runner and server.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use alcove_testkit::Traces;
use anyhow::Context;
use rustix::process::{Pid, Signal};

use crate::attempt::{Row, Verdict};
use crate::scene::{PYTHON, Scene, put, runner_of, until_said};

/// Takes all processors, by eight processes for each.
const HOG: &str = r#"
import os, signal
for _ in range(8 * os.cpu_count()):
    if os.fork() == 0:
        while True:
            pass
print("all", "taken", flush=True)
signal.pause()
"#;

/// Works for a second of each processor's time; a neighbour's.
const WORK: &str = r#"
import os, time
for _ in range(os.cpu_count()):
    if os.fork() == 0:
        while time.process_time() < 1:
            pass
        os._exit(0)
for _ in range(os.cpu_count()):
    os.wait()
"#;
/// Least of two repls' processor time that each gets when both want all. The half is fair; it is a quarter where
/// the kernel leaves both processes of one on the same of two processors (docs/adr/0019), and what is busy beside
/// them, and a program that is just starting, take from it. Without groups it is a tenth.
const SHARE: f64 = 0.18;

/// Writes without end; says beside its terminal when this many MiB are written.
const FLOOD: &str = r#"
import os, sys
mebibytes, told = int(sys.argv[1]), sys.argv[2]
block = b"".join(b"%06d %s\n" % (n, b"x" * 70) for n in range(16384))
for _ in range(mebibytes * (1 << 20) // len(block) + 1):
    view = memoryview(block)
    while view:
        view = view[os.write(1, view):]
with open(told, "w") as file:
    file.write("written\n")
while True:
    os.write(1, block)
"#;

/// Keeps what another writes, until it has so many MiB; how many of memory that took.
const KEEP: &str = r#"
import resource, subprocess, sys
program, mebibytes = sys.argv[1], int(sys.argv[2])
size = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
before = size()
with subprocess.Popen([sys.executable, program, str(mebibytes), "/dev/null"], stdout=subprocess.PIPE) as flood:
    kept = flood.stdout.read(mebibytes << 20)
    flood.kill()
print(size() - before)
"#;
/// What is written into one terminal,
const FLOOD_MIB: u64 = 64;
/// and by how much its runner, and the server, may grow by it.
const GROWTH_MIB: u64 = 24;

pub async fn attempts(scene: &Scene) -> anyhow::Result<Vec<Row>> {
    Ok(vec![processors(scene).await?, output(scene).await?])
}

async fn processors(scene: &Scene) -> anyhow::Result<Row> {
    let Scene {
        server,
        attacker,
        neighbour,
        ..
    } = scene;
    put(server, &attacker.id, "hog.py", HOG).await?;
    put(server, &neighbour.id, "work.py", WORK).await?;
    let mut page = server.session(&attacker.id).await?;
    let mut other = server.session(&neighbour.id).await?;
    let terminal = page.shell().await?;
    let hog = format!("{PYTHON} attempts/hog.py\n");
    page.input(terminal, &hog).await?;
    page.until_output(terminal, "all taken").await?;
    let hogs = Traces::of(server)?.programs_of(&attacker.id);
    let before = ticks(&hogs)?;
    // Its keys are echoed meanwhile: this is typed.
    other
        .command(&format!("{PYTHON} attempts/work.py"))
        .await
        .context("the neighbour's keys")?;
    let inside = share(ticks(&hogs)? - before)?;
    page.input(terminal, "\x03").await?;

    // The same two, with no groups between them.
    let mut hog = Hog::start(&scene.file("hog.py", HOG)?)?;
    let hogs = hog.children()?;
    let before = ticks(&hogs)?;
    let work = scene.file("work.py", WORK)?;
    let done = Command::new(PYTHON).arg(work).status()?;
    anyhow::ensure!(done.success(), "the work was not done");
    let outside = share(ticks(&hogs)? - before)?;
    hog.end()?;
    let gets = |share: f64| format!("{:.0} % are left", share * 100.0);
    Ok(Row {
        name: "processor-hog",
        tries: "takes all processors by many processes, while a neighbour types and works",
        stopped: &["each has its share"],
        control_words: "the same processes in one group, outside",
        inside: match inside >= SHARE {
            true => Verdict::Stopped("each has its share".into()),
            false => Verdict::Reached(gets(inside)),
        },
        as_user: None,
        control: Verdict::of(outside < SHARE, gets(outside)),
    })
}

/// What the neighbour got, of all that both did.
fn share(hogs_ticks: u64) -> anyhow::Result<f64> {
    let work = std::thread::available_parallelism()?.get() as f64;
    let hogs = hogs_ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    Ok(work / (work + hogs))
}

/// Processor time of processes, in clock ticks (proc(5)).
fn ticks(pids: &[u32]) -> anyhow::Result<u64> {
    let mut ticks = 0;
    for pid in pids {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (_, fields) = stat.rsplit_once(')').context("a name")?;
        for field in fields.split_whitespace().skip(11).take(2) {
            ticks += field.parse::<u64>()?;
        }
    }
    Ok(ticks)
}

/// The hog on this machine, with its children.
struct Hog(Child);

impl Hog {
    fn start(program: &Path) -> anyhow::Result<Self> {
        let child = Command::new(PYTHON)
            .arg(program)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let mut hog = Self(child);
        let said = hog.0.stdout.take().context("its output")?;
        until_said(said, "all taken")?;
        Ok(hog)
    }

    fn children(&self) -> anyhow::Result<Vec<u32>> {
        let pid = self.0.id();
        let text = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let children = text.split_whitespace().map(str::parse);
        Ok(children.collect::<Result<_, _>>()?)
    }

    fn end(&mut self) -> anyhow::Result<()> {
        if self.0.try_wait()?.is_none() {
            rustix::process::kill_process_group(Pid::from_child(&self.0), Signal::KILL)?;
            self.0.wait()?;
        }
        Ok(())
    }
}

impl Drop for Hog {
    fn drop(&mut self) {
        let _ = self.end();
    }
}

async fn output(scene: &Scene) -> anyhow::Result<Row> {
    let Scene {
        server,
        attacker,
        neighbour,
        ..
    } = scene;
    put(server, &attacker.id, "flood.py", FLOOD).await?;
    let (mut page, mut other) = (
        server.session(&attacker.id).await?,
        server.session(&neighbour.id).await?,
    );
    page.command("mkfifo /tmp/flooded").await?;
    let runner = runner_of(server, attacker)?;
    let before = [runner, server.pid()].map(Peak::begin);
    // A page that has the terminal before it, and reads nothing of it.
    let mut stalled = server.session(&attacker.id).await?;
    let terminal = stalled.shell().await?;
    let flood = format!("{PYTHON} attempts/flood.py {FLOOD_MIB} /tmp/flooded\n");
    stalled.input(terminal, &flood).await?;
    // Ends when so much has been written; it goes on being written.
    let (said, _) = page.command("cat /tmp/flooded").await?;
    anyhow::ensure!(said == "written\n", "the flood said {said:?}");
    let (beside, _) = page.command("echo st''ill here").await?;
    let (at_neighbour, _) = other.command("echo st''ill here").await?;
    let served = [beside, at_neighbour].iter().all(|s| s == "still here\n");
    let mut grown = Vec::new();
    for peak in before {
        grown.push(peak?.growth_mib()?);
    }
    stalled.input(terminal, "\x03").await?;
    let (left, _) = page
        .command("while pgrep -f attempts/flood.py > /dev/null; do sleep 0.05; done; echo en''ded")
        .await?;
    let held = served && left == "ended\n" && grown.iter().all(|mib| *mib <= GROWTH_MIB);

    let (flood, keep) = (scene.file("flood.py", FLOOD)?, scene.file("keep.py", KEEP)?);
    let mebibytes = FLOOD_MIB.to_string();
    let kept = Command::new(PYTHON)
        .arg(keep)
        .arg(flood)
        .arg(&mebibytes)
        .output()?;
    let kept: u64 = String::from_utf8(kept.stdout)?.trim().parse()?;
    Ok(Row {
        name: "output-flood",
        tries: "writes into a terminal without end, whose page reads nothing, to fill memory and to silence all other terminals",
        stopped: &["held"],
        control_words: "a reader that keeps what it is given, outside",
        inside: match held {
            true => Verdict::Stopped("held".into()),
            false => Verdict::Reached(format!("served: {served}; MiB more: {grown:?}; {left}")),
        },
        as_user: None,
        control: Verdict::of(kept > GROWTH_MIB, format!("{kept} MiB more")),
    })
}

/// The most memory that a process has had since then.
struct Peak {
    pid: u32,
    before: u64,
}

impl Peak {
    fn begin(pid: u32) -> anyhow::Result<Self> {
        // Has the kernel count anew, proc_pid_clear_refs(5).
        fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
        let before = peak_kib(pid)?;
        Ok(Self { pid, before })
    }

    fn growth_mib(&self) -> anyhow::Result<u64> {
        Ok(peak_kib(self.pid)?.saturating_sub(self.before) >> 10)
    }
}

fn peak_kib(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let line = line.context("a peak")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
