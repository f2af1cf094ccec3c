//! Where attempts happen: servers, the repl of the attacker, its neighbour, and this machine.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use alcove_testkit::{Options, Server, Traces};
use anyhow::{Context, ensure};
use bytes::Bytes;
use hyper::Method;

use crate::attempt::{Attempt, Control, Row, Verdict};
use crate::registries;

/// The same interpreter inside and outside; ordinary users can run it.
pub const PYTHON: &str = "/usr/bin/python3";
/// A uid that nobody has.
const USER: u32 = 69_992;
/// How long one program may take, in seconds.
const PATIENCE: &str = "50";
/// Programs that are run by one command: an answer is awaited for a minute.
const AT_ONCE: usize = 1;
/// In the command line of a process of the neighbour.
const MARK: &str = "neighbours-secret-business";

/// What the neighbour has, for others to find.
const NEIGHBOUR: &str = r#"
import ctypes, socket, sys, threading
libc = ctypes.CDLL(None)
assert libc.shmget(0xA1C0, 4096, 0o1666) >= 0 and libc.msgget(0xA1C0, 0o1666) >= 0
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\0alcove-attempt")
abstract.listen()
for folder in ("/workspace", "/tmp", "/dev/shm"):
    with open(folder + "/neighbour", "w") as file:
        file.write("secret")
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.bind(("0.0.0.0", 8000))
def echo():
    while True:
        data, peer = datagrams.recvfrom(64)
        datagrams.sendto(data, peer)
threading.Thread(target=echo, daemon=True).start()
listener = socket.create_server(("0.0.0.0", 8000))
print("neighbour", "is there", flush=True)
while True:
    listener.accept()
"#;

/// A repl. Pages are connected when they are needed: one that is not looked at for a minute is closed.
pub struct Repl {
    pub id: String,
    /// In its own network; only known of one that is busy.
    address: String,
}

pub struct Scene {
    pub server: Server,
    pub attacker: Repl,
    pub neighbour: Repl,
    /// A server that allows the host's address, and a repl of it.
    pub allowing: Server,
    pub allowed: Repl,
    /// What stands for `{name}` in arguments.
    values: BTreeMap<&'static str, String>,
    folder: tempfile::TempDir,
    /// The root folder, left open for all that is started here, the servers too.
    _open: std::fs::File,
    _abstract: UnixListener,
}

pub fn options() -> Options {
    Options::new(env!("CARGO_BIN_EXE_alcove"))
        .arg("--grace-period", "never")
        .arg("--stop-patience", "200ms")
}

/// Puts values into arguments.
fn fill(values: &BTreeMap<&str, String>, arguments: &[&str]) -> Vec<String> {
    let filled = arguments.iter().map(|argument| {
        values
            .iter()
            .fold((*argument).to_owned(), |text, (name, value)| {
                text.replace(&format!("{{{name}}}"), value)
            })
    });
    filled.collect()
}

/// What a server has that attempts are aimed at.
fn of_server(
    server: &Server,
    attacker: &Repl,
    neighbour: &Repl,
) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let backwards = |text: &str| text.chars().rev().collect::<String>();
    let data = server.data_dir.display().to_string();
    let file = format!("{data}/repls/{}/workspace/neighbour", neighbour.id);
    let socket = runner_socket(server, &attacker.id)?;
    Ok(BTreeMap::from([
        ("data", data),
        ("mark_backwards", backwards(MARK)),
        ("neighbour_address", neighbour.address.clone()),
        ("neighbour_file", file),
        ("neighbour_process", process_of(MARK)?.to_string()),
        ("runner_socket", socket.display().to_string()),
        ("server", server.pid().to_string()),
        ("server_port", server.address.port().to_string()),
        ("token_backwards", backwards(&server.token)),
    ]))
}

/// A repl that has something to hide.
async fn busy(server: &Server, programs: &[&[Attempt]]) -> anyhow::Result<Repl> {
    let mut repl = repl(server, programs).await?;
    put(server, &repl.id, &format!("{MARK}.py"), NEIGHBOUR).await?;
    let mut page = server.session(&repl.id).await?;
    let terminal = page.shell().await?;
    let command = format!("{PYTHON} attempts/{MARK}.py\n");
    page.input(terminal, &command).await?;
    page.until_output(terminal, "neighbour is there").await?;
    let (inside, _) = page.command("hostname -I").await?;
    repl.address = inside.trim().to_owned();
    Ok(repl)
}

/// A new repl of a server, with all that attempts need in it.
pub async fn repl(server: &Server, programs: &[&[Attempt]]) -> anyhow::Result<Repl> {
    let id = server.create("blank").await?;
    let start = format!("/api/repls/{id}/start");
    let answer = server.http().post(&start, serde_json::json!({})).await?;
    ensure!(answer.status == 200, "{id}: {}", answer.text());
    put(server, &id, "attempt.py", include_str!("attempt.py")).await?;
    for attempt in programs.iter().copied().flatten() {
        put(
            server,
            &id,
            &format!("{}.py", attempt.name),
            attempt.program,
        )
        .await?;
    }
    let address = String::new();
    Ok(Repl { id, address })
}

pub async fn put(server: &Server, id: &str, name: &str, text: &str) -> anyhow::Result<()> {
    let path = format!("/api/repls/{id}/files/attempts/{name}?overwrite=true");
    let content = Bytes::copy_from_slice(text.as_bytes());
    let answer = server.http().send(Method::PUT, &path, content).await?;
    ensure!(
        matches!(answer.status, 201 | 204),
        "{name}: {}",
        answer.text()
    );
    Ok(())
}

impl Scene {
    /// Starts everything; `programs` are put into the repls.
    pub async fn set(programs: &[&[Attempt]]) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("alcove-attempts-")
            .tempdir()?;
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755))?;
        let scratch = folder.path().join("scratch");
        std::fs::create_dir(&scratch)?;
        std::fs::set_permissions(&scratch, PermissionsExt::from_mode(0o777))?;
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "the host's own")?;
        std::fs::write(folder.path().join("attempt.py"), include_str!("attempt.py"))?;
        std::fs::write(folder.path().join("alone.py"), include_str!("alone.py"))?;
        for attempt in programs.iter().copied().flatten() {
            let path = folder.path().join(format!("{}.py", attempt.name));
            std::fs::write(path, attempt.program)?;
        }

        let open = std::fs::File::open("/")?;
        rustix::io::fcntl_setfd(&open, rustix::io::FdFlags::empty())?;
        let address = host_address()?;
        let port = serve_on_all_addresses(&address)?;
        let name = format!("alcove-attempt-{}", std::process::id());
        let abstract_socket = UnixListener::bind_addr(&SocketAddr::from_abstract_name(&name)?)?;

        let server = Server::start(options()).await?;
        let attacker = repl(&server, programs).await?;
        let neighbour = busy(&server, programs).await?;

        let allowing = Server::start(options().arg("--allow", &address)).await?;
        let allowed = repl(&allowing, programs).await?;

        let mut values = of_server(&server, &attacker, &neighbour)?;
        values.extend([
            ("abstract", name),
            ("host_address", address),
            ("host_port", port.to_string()),
            ("scratch", scratch.display().to_string()),
            ("secret", secret.display().to_string()),
        ]);
        Ok(Self {
            server,
            attacker,
            neighbour,
            allowing,
            allowed,
            values,
            folder,
            _open: open,
            _abstract: abstract_socket,
        })
    }

    /// Ends all of it, and looks whether anything is left on this machine.
    pub async fn end(self) -> anyhow::Result<()> {
        for server in [self.server, self.allowing] {
            leave_nothing(server).await?;
        }
        Ok(())
    }

    /// Tries all of them in the attacker's repl, and their controls.
    pub async fn attempt(&self, attempts: &'static [Attempt]) -> anyhow::Result<Vec<Row>> {
        let calls: Vec<_> = attempts
            .iter()
            .map(|a| (a.name, self.fill(a.inside)))
            .collect();
        let inside = run(&self.server, &self.attacker, &calls).await?;
        self.rows(attempts, inside, None).await
    }

    /// As [`Scene::attempt`], in the repl that may reach the host's address.
    pub async fn attempt_allowed(&self, attempts: &'static [Attempt]) -> anyhow::Result<Vec<Row>> {
        let calls: Vec<_> = attempts
            .iter()
            .map(|a| (a.name, self.fill(a.inside)))
            .collect();
        let inside = run(&self.allowing, &self.allowed, &calls).await?;
        self.rows(attempts, inside, None).await
    }

    /// As [`Scene::attempt`], in a repl that reaches one registry, and nothing else.
    pub async fn attempt_registries(&self) -> anyhow::Result<Vec<Row>> {
        registries::answer().context("port 443 of this machine's loopback")?;
        let options = options()
            .arg("--network", "registries")
            .arg("--registries", "localhost")
            .env("HTTPS_PROXY", "");
        let server = Server::start(options).await?;
        let repl = repl(&server, &[registries::ATTEMPTS]).await?;
        let calls: Vec<_> = registries::ATTEMPTS
            .iter()
            .map(|a| (a.name, self.fill(a.inside)))
            .collect();
        let inside = run(&server, &repl, &calls).await?;
        let rows = self.rows(registries::ATTEMPTS, inside, Some((&server, &repl)));
        let rows = rows.await?;
        leave_nothing(server).await?;
        Ok(rows)
    }

    /// As [`Scene::attempt`], in another repl.
    pub async fn attempt_in(
        &self,
        server: &Server,
        repl: &Repl,
        attempts: &'static [Attempt],
    ) -> anyhow::Result<Vec<Row>> {
        let calls: Vec<_> = attempts
            .iter()
            .map(|a| (a.name, self.fill(a.inside)))
            .collect();
        let inside = run(server, repl, &calls).await?;
        self.rows(attempts, inside, None).await
    }

    async fn rows(
        &self,
        attempts: &'static [Attempt],
        mut inside: BTreeMap<String, Verdict>,
        registry: Option<(&Server, &Repl)>,
    ) -> anyhow::Result<Vec<Row>> {
        let of = |pick: fn(&Control) -> Option<&'static [&'static str]>| -> Vec<_> {
            let picked = attempts
                .iter()
                .filter_map(|a| Some((a.name, pick(&a.control)?)));
            picked.map(|(name, args)| (name, self.fill(args))).collect()
        };
        let to_neighbour = of(|c| match c {
            Control::Neighbour(args) => Some(*args),
            _ => None,
        });
        let to_allowed = of(|c| match c {
            Control::Allowed(args) => Some(*args),
            _ => None,
        });
        let mut controls = run(&self.server, &self.neighbour, &to_neighbour).await?;
        controls.extend(run(&self.allowing, &self.allowed, &to_allowed).await?);
        let to_registry = of(|c| match c {
            Control::Registry(args) => Some(*args),
            _ => None,
        });
        if let Some((server, repl)) = registry {
            controls.extend(run(server, repl, &to_registry).await?);
        }
        let mut rows = Vec::new();
        for attempt in attempts {
            let control = match controls.remove(attempt.name) {
                Some(verdict) => verdict,
                None => self.outside(attempt)?,
            };
            let missing = || Verdict::Broken("it said nothing".into());
            rows.push(Row {
                name: attempt.name,
                tries: attempt.tries,
                stopped: attempt.stopped,
                control_words: attempt.control.words(),
                inside: inside.remove(attempt.name).unwrap_or_else(missing),
                as_user: None,
                control,
            });
        }
        Ok(rows)
    }

    /// What the same programs say in a repl of a server that an ordinary user has started. Without network:
    /// /dev/net/tun is not open to everyone.
    pub async fn as_ordinary_user(
        &self,
        groups: &[&'static [Attempt]],
    ) -> anyhow::Result<BTreeMap<String, Verdict>> {
        // Everyone may write there.
        let top = self.folder.path().join("scratch");
        let mut options = options().arg("--network", "none");
        let text = format!(
            "#!/bin/sh\nexec setpriv --reuid {USER} --regid {USER} --clear-groups env HOME={} \
             PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin {} \"$@\"\n",
            top.display(),
            options.alcove.display()
        );
        options.alcove = top.join("alcove");
        std::fs::write(&options.alcove, text)?;
        std::fs::set_permissions(&options.alcove, PermissionsExt::from_mode(0o755))?;
        let server = Server::start_over(options, &top.join("data")).await?;
        let attacker = repl(&server, groups).await?;
        let neighbour = busy(&server, groups).await?;
        let mut values = self.values.clone();
        values.extend(of_server(&server, &attacker, &neighbour)?);
        let mut said = BTreeMap::new();
        for attempts in groups {
            let calls: Vec<_> = attempts
                .iter()
                .map(|a| (a.name, fill(&values, a.inside)))
                .collect();
            said.extend(run(&server, &attacker, &calls).await?);
        }
        leave_nothing(server).await?;
        Ok(said)
    }

    fn fill(&self, arguments: &[&str]) -> Vec<String> {
        fill(&self.values, arguments)
    }

    /// Writes a program for this machine; its path.
    pub fn file(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path)
    }

    /// Runs a control on this machine.
    fn outside(&self, attempt: &Attempt) -> anyhow::Result<Verdict> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let program = [
            PYTHON.to_owned(),
            path("attempt.py"),
            path(&format!("{}.py", attempt.name)),
        ];
        let line = |before: &[&str], arguments: &[&str]| -> Vec<String> {
            let before = before.iter().map(|word| (*word).to_owned());
            before
                .chain(program.iter().cloned())
                .chain(self.fill(arguments))
                .collect()
        };
        let user = USER.to_string();
        let as_user = [
            "setpriv",
            "--reuid",
            &user,
            "--regid",
            &user,
            "--clear-groups",
        ];
        let (line, sleeper) = match attempt.control {
            Control::Root(arguments) => (line(&[], arguments), arguments.contains(&"{sleeper}")),
            Control::User(arguments) => {
                (line(&as_user, arguments), arguments.contains(&"{sleeper}"))
            }
            Control::Own {
                namespaces,
                setup,
                arguments,
            } => {
                let script = format!("{setup} && exec \"$@\"");
                let before = ["unshare", namespaces, "--", "bash", "-c", &script, "bash"];
                (line(&before, arguments), false)
            }
            Control::Alone(address, port) => {
                let (alone, filled) = (path("alone.py"), self.fill(&[port]));
                let before = [
                    "unshare", "--net", "--", PYTHON, &alone, address, &filled[0],
                ];
                (line(&before, &[address, port]), false)
            }
            Control::Neighbour(_) | Control::Allowed(_) | Control::Registry(_) => {
                return Ok(Verdict::Broken("it was not run".into()));
            }
        };
        let sleeper = match sleeper {
            true => Some(Sleeper::start(&as_user)?),
            false => None,
        };
        let pid = sleeper.as_ref().map_or(0, |s| s.0.id()).to_string();
        let line: Vec<String> = line.iter().map(|w| w.replace("{sleeper}", &pid)).collect();
        let output = Command::new("timeout")
            .arg(PATIENCE)
            .args(line)
            .current_dir(self.folder.path().join("scratch"))
            .stdin(Stdio::null())
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let last = said.lines().last().map(str::to_owned);
        let last = last.unwrap_or_else(|| String::from_utf8_lossy(&output.stderr).into_owned());
        Ok(Verdict::parse(&last))
    }
}

/// Ends all repls of a server, then the server; an error, or a panic, where something is left.
pub async fn leave_nothing(server: Server) -> anyhow::Result<()> {
    let traces = Traces::of(&server)?;
    let list = server.http().get("/api/repls").await?.json();
    for repl in list.as_array().context("a list")? {
        let id = repl["id"].as_str().context("an id")?;
        server.stop_repl(id).await?;
    }
    traces.of_repls_gone().await;
    server.stop().await?;
    traces.all_gone().await;
    Ok(())
}

/// A process of an ordinary user, which stands in for a runner.
struct Sleeper(Child);

impl Sleeper {
    fn start(as_user: &[&str]) -> anyhow::Result<Self> {
        let child = Command::new(as_user[0])
            .args(&as_user[1..])
            .args(["sleep", "600"])
            .stdin(Stdio::null())
            .spawn()?;
        let sleeper = Self(child);
        // It has become that user once it is `sleep`.
        let name = format!("/proc/{}/comm", sleeper.0.id());
        let deadline = std::time::Instant::now() + alcove_testkit::DEADLINE;
        while std::fs::read_to_string(&name)? != "sleep\n" {
            ensure!(
                std::time::Instant::now() < deadline,
                "no `sleep` was started"
            );
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        Ok(sleeper)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs programs inside, one after the other; what each said last.
pub async fn run(
    server: &Server,
    repl: &Repl,
    calls: &[(&str, Vec<String>)],
) -> anyhow::Result<BTreeMap<String, Verdict>> {
    let mut verdicts = BTreeMap::new();
    let mut page = server.session(&repl.id).await?;
    for calls in calls.chunks(AT_ONCE) {
        let mut script = format!(
            "run() {{\n  name=$1; shift\n  said=$(timeout -k 1 {PATIENCE} {PYTHON} attempt.py \"$name.py\" \"$@\" 2>&1 | tail -n 1)\n  \
             printf '@%s %s\\n' \"$name\" \"$said\"\n}}\n"
        );
        for (name, arguments) in calls {
            let quoted: Vec<_> = arguments.iter().map(|a| format!(" '{a}'")).collect();
            script += &format!("run {name}{}\n", quoted.concat());
        }
        put(server, &repl.id, "run.sh", &script).await?;
        let (text, _) = page.command("cd attempts && sh run.sh").await?;
        for line in text.lines().filter_map(|line| line.strip_prefix('@')) {
            if let Some((name, said)) = line.split_once(' ') {
                verdicts.insert(name.to_owned(), Verdict::parse(said));
            }
        }
    }
    Ok(verdicts)
}

/// The address by which this machine is known to others; packets are not sent for it.
fn host_address() -> anyhow::Result<String> {
    let output = Command::new("hostname").arg("-I").output()?;
    let text = String::from_utf8(output.stdout)?;
    let found = text.split_whitespace().find(|a| !a.contains(':'));
    Ok(found
        .context("this machine has no address but its loopback's")?
        .to_owned())
}

/// A service that takes connections, gives datagrams back, and knows how many went to the name service
/// beside it; its port.
fn serve_on_all_addresses(address: &str) -> anyhow::Result<u16> {
    let (listener, socket) = (0..100)
        .find_map(|_| {
            let listener = TcpListener::bind("0.0.0.0:0").ok()?;
            let port = listener.local_addr().ok()?.port();
            Some((listener, UdpSocket::bind(("0.0.0.0", port)).ok()?))
        })
        .context("a port that is free for both")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        // Held, until this process ends.
        let mut held = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            held.push(stream);
        }
    });
    let names = UdpSocket::bind((address, 53)).context("port 53 of this machine's address")?;
    let count = Arc::new(AtomicU64::new(0));
    let counted = count.clone();
    std::thread::spawn(move || {
        while names.recv_from(&mut [0; 512]).is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    std::thread::spawn(move || {
        let mut buffer = [0; 2048];
        while let Ok((length, peer)) = socket.recv_from(&mut buffer) {
            let said = match &buffer[..length] {
                b"count" => count.load(Ordering::Relaxed).to_string().into_bytes(),
                other => other.to_vec(),
            };
            let _ = socket.send_to(&said, peer);
        }
    });
    Ok(port)
}

/// The newest process on this machine whose command line has a mark.
fn process_of(mark: &str) -> anyhow::Result<u32> {
    let output = Command::new("pgrep")
        .args(["-f", "-n", &format!("attempts/{mark}")])
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text
        .lines()
        .next()
        .context("the neighbour's process")?
        .parse()?)
}

/// Where the server reaches a repl's runner.
pub fn runner_socket(server: &Server, id: &str) -> anyhow::Result<PathBuf> {
    let record = record(server, id)?;
    Ok(Path::new(record["socket"].as_str().context("a socket")?).to_owned())
}

/// The host's number of a repl's runner.
pub fn runner_of(server: &Server, repl: &Repl) -> anyhow::Result<u32> {
    let record = record(server, &repl.id)?;
    let pid = record["first"]["pid"].as_u64().context("a runner")?;
    Ok(u32::try_from(pid)?)
}

/// Waits until a program's first line, which is to be this one.
pub fn until_said(output: impl Read, line: &str) -> anyhow::Result<()> {
    let mut said = String::new();
    BufReader::new(output).read_line(&mut said)?;
    ensure!(said.trim_end() == line, "it said {said:?}, not {line:?}");
    Ok(())
}

/// What the server has written down of a repl's sandbox.
fn record(server: &Server, id: &str) -> anyhow::Result<serde_json::Value> {
    let path = server
        .data_dir
        .join(format!("sandboxes/sandboxes/{id}.json"));
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    Ok(serde_json::from_slice(&text)?)
}
