//! Towards the innermost wall, Landlock, where the ones before it are taken away or let through. The control
//! is the same program in the same namespaces, by the same user, entered from outside and so not behind it.

use std::process::{Child, Command, Stdio};

use alcove_testkit::Server;
use anyhow::{Context, ensure};

use crate::attempt::{Row, Verdict};
use crate::scene::{self, PYTHON, run, runner_of};

struct Attempt {
    name: &'static str,
    tries: &'static str,
    program: &'static str,
    stopped: &'static str,
}

/// Of the outsider: a process of the repl's user in the repl's namespaces, which none of the repl's has
/// started.
const OUTSIDER: &str = r#"
import signal, socket
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\0alcove-outsider")
abstract.listen()
print("outsider is there", flush=True)
signal.pause()
"#;

const ATTEMPTS: &[Attempt] = &[
    Attempt {
        name: "root-folder-writable",
        tries: "makes a file in the root folder, once that is mounted to be written",
        program: r#"
open("/made", "w").close()
os.unlink("/made")
reached()
"#,
        stopped: "EACCES",
    },
    Attempt {
        name: "files-among-devices",
        tries: "makes a file in /dev, which is memory without a size",
        program: r#"
open("/dev/made", "w").close()
os.unlink("/dev/made")
reached()
"#,
        stopped: "EACCES",
    },
    Attempt {
        name: "fifo-among-devices",
        tries: "makes a named pipe in /dev, for others to take for a device",
        program: r#"
os.mkfifo("/dev/made")
os.unlink("/dev/made")
reached()
"#,
        stopped: "EACCES",
    },
    Attempt {
        name: "device-node",
        tries: "makes the one device node that the kernel lets everyone make (0:0)",
        program: r#"
os.mknod("/workspace/made", stat.S_IFCHR | 0o600)
os.unlink("/workspace/made")
reached()
"#,
        stopped: "EACCES",
    },
    Attempt {
        name: "outsider-signal",
        tries: "signals a process of its user in its own namespace, which none of its repl has started",
        program: r#"
for pid in filter(str.isdigit, os.listdir("/proc")):
    with open(f"/proc/{pid}/cmdline") as file:
        is_outsider = "attempts/outsider.py" in file.read()
    if is_outsider:
        os.kill(int(pid), signal.SIGCONT)
        reached(pid)
"#,
        stopped: "EPERM",
    },
    Attempt {
        name: "outsider-abstract-socket",
        tries: "connects to an abstract socket of such a process",
        program: r#"
socket.socket(socket.AF_UNIX).connect("\0alcove-outsider")
reached()
"#,
        stopped: "EPERM",
    },
];

pub async fn attempts() -> anyhow::Result<Vec<Row>> {
    let server = Server::start(scene::options().arg("--network", "none")).await?;
    let repl = scene::repl(&server, &[]).await?;
    let programs = ATTEMPTS.iter().map(|a| (a.name, a.program));
    for (name, text) in programs.chain([("outsider", OUTSIDER)]) {
        scene::put(&server, &repl.id, &format!("{name}.py"), text).await?;
    }
    let runner = runner_of(&server, &repl)?;
    remount_root(runner)?;
    let _outsider = Outsider::start(runner)?;
    let calls: Vec<_> = ATTEMPTS.iter().map(|a| (a.name, Vec::new())).collect();
    let mut inside = run(&server, &repl, &calls).await?;
    let mut rows = Vec::new();
    for attempt in ATTEMPTS {
        let missing = || Verdict::Broken("it said nothing".into());
        rows.push(Row {
            name: attempt.name,
            tries: attempt.tries,
            stopped: std::slice::from_ref(&attempt.stopped),
            control_words: "its user, entered past Landlock",
            inside: inside.remove(attempt.name).unwrap_or_else(missing),
            as_user: None,
            control: entered(runner, attempt.name)?,
        });
    }
    drop(_outsider);
    scene::leave_nothing(server).await?;
    Ok(rows)
}

/// Takes away that the root folder can't be written.
fn remount_root(runner: u32) -> anyhow::Result<()> {
    let done = Command::new("nsenter")
        .args(["--target", &runner.to_string(), "--mount", "--"])
        .args(["mount", "--options", "remount,bind,rw", "/"])
        .status()?;
    ensure!(done.success(), "the root folder could not be remounted");
    Ok(())
}

/// A program in a repl's namespaces and folder, as its user.
fn enter(runner: u32, program: &[&str]) -> Command {
    let mut command = Command::new("nsenter");
    command
        .args(["--target", &runner.to_string()])
        .args(["--user", "--mount", "--net", "--pid", "--ipc", "--uts"])
        .args(["--setuid", "1000", "--setgid", "1000"])
        .args(["--wdns=/workspace/attempts", "--", PYTHON])
        .args(program)
        .stdin(Stdio::null());
    command
}

fn entered(runner: u32, name: &str) -> anyhow::Result<Verdict> {
    let program = format!("{name}.py");
    let output = enter(runner, &["attempt.py", &program]).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().last().map(str::to_owned);
    let last = last.unwrap_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned());
    Ok(Verdict::parse(&last))
}

struct Outsider(Child);

impl Outsider {
    fn start(runner: u32) -> anyhow::Result<Self> {
        let program = "/workspace/attempts/outsider.py";
        let child = enter(runner, &[program]).stdout(Stdio::piped()).spawn()?;
        let mut outsider = Self(child);
        let said = outsider.0.stdout.take().context("its output")?;
        scene::until_said(said, "outsider is there")?;
        Ok(outsider)
    }
}

impl Drop for Outsider {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
