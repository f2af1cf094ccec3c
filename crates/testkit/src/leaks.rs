//! Looks for what a server has left on this machine: processes, namespaces, control groups, mounts, links,
//! elements of the packet filter, sockets, folders, users.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::Server;

/// How often it is looked whether what goes by itself has gone.
const AGAIN: Duration = Duration::from_millis(50);

/// By what all that a server has made on this machine is known.
pub struct Traces {
    /// `alcove-<hash>`: begins the names of namespaces and control groups.
    name: String,
    /// Where sockets of runners are.
    run: PathBuf,
    data: PathBuf,
}

impl Traces {
    /// Of a server of which a repl runs: its record says by which name.
    pub fn of(server: &Server) -> anyhow::Result<Self> {
        Self::of_folder(&server.data_dir)
    }

    /// The same by the server's data folder.
    pub fn of_folder(data_dir: &Path) -> anyhow::Result<Self> {
        let data = data_dir.canonicalize()?;
        let record = entries(&data.join("sandboxes/sandboxes"))
            .into_iter()
            .find(|path| path.extension().is_some_and(|end| end == "json"))
            .context("no repl runs")?;
        let record: serde_json::Value = serde_json::from_slice(&fs::read(record)?)?;
        let socket = record["socket"].as_str().context("its socket")?;
        let run = Path::new(socket).parent().context("a folder")?.to_owned();
        let hash = run.file_name().and_then(|n| n.to_str()).context("a name")?;
        Ok(Self {
            name: format!("alcove-{hash}"),
            run,
            data,
        })
    }

    /// What is there of repls, while the server may run on: nothing, once it has ended all of them.
    pub fn of_repls(&self) -> Vec<String> {
        let (name, data) = (&self.name, self.data.display().to_string());
        let repls = format!("{data}/repls/");
        let mut found = named(processes(|process| {
            self.is_in_group(process, "") || process.mounts.contains(&repls)
        }));
        let of_repl = format!("{name}-");
        found.extend(mounts(|line| {
            line.contains(&of_repl) || line.contains(&repls)
        }));
        let namespaces = entries(Path::new("/run/netns")).into_iter();
        let namespaces = namespaces.filter(|path| name_of(path).starts_with(&of_repl));
        found.extend(namespaces.map(|path| format!("network namespace {}", path.display())));
        for group in self.groups() {
            let below = entries(&group).into_iter().filter(|path| path.is_dir());
            found.extend(below.map(|path| format!("control group {}", path.display())));
        }
        if Path::new("/run/netns").join(name).exists() {
            let links = output(
                "ip",
                &["-netns", name, "-oneline", "link", "show", "type", "veth"],
            );
            found.extend(links.lines().map(|line| format!("link {line}")));
            let sets = ["connections", "names"];
            for set in sets {
                let list = [
                    "netns", "exec", name, "nft", "list", "set", "inet", "alcove", set,
                ];
                if output("ip", &list).contains("elements") {
                    found.push(format!("elements of the packet filter's set {set}"));
                }
            }
        }
        let sockets = entries(&self.run).into_iter();
        let sockets = sockets.filter(|path| path.extension().is_some_and(|end| end == "sock"));
        found.extend(sockets.map(|path| format!("socket {}", path.display())));
        for folder in ["repls", "sandboxes/sandboxes", "sandboxes/disks"] {
            let left = entries(&self.data.join(folder)).into_iter();
            found.extend(left.map(|path| format!("folder or record {}", path.display())));
        }
        for user in entries(Path::new("/run/alcove/uids")) {
            let owner = fs::read_to_string(&user).unwrap_or_default();
            if owner.starts_with(&data) {
                found.push(format!("user {} of {owner}", user.display()));
            }
        }
        found
    }

    /// What is there of anything: nothing, once the server has ended as well.
    pub fn all(&self) -> Vec<String> {
        let (name, data) = (&self.name, self.data.display().to_string());
        let mut found = self.of_repls();
        found.extend(named(processes(|process| {
            process.command.contains(name) || process.command.contains(&data)
        })));
        found.extend(mounts(|line| line.contains(name)));
        let groups = self.groups().into_iter();
        found.extend(groups.map(|path| format!("control group {}", path.display())));
        for path in [
            Path::new("/run/netns").join(name),
            self.run.clone(),
            self.data.join("sandboxes/router.json"),
        ] {
            if path.exists() {
                found.push(format!("namespace, folder or record {}", path.display()));
            }
        }
        found
    }

    /// Waits until nothing is there of repls.
    pub async fn of_repls_gone(&self) {
        none(&self.left_of_repls().await);
    }

    /// Waits until nothing is there of anything.
    pub async fn all_gone(&self) {
        none(&self.left().await);
    }

    /// Of what was found, that which does not belong to a repl whose files are kept since they could not be saved:
    /// its folder, its disk and its user stay.
    pub fn not_kept(&self, found: Vec<String>) -> Vec<String> {
        let folders = ["repls", "unsaved"].map(|folder| entries(&self.data.join(folder)));
        let kept: Vec<_> = folders
            .iter()
            .flatten()
            .map(|path| path.file_stem())
            .collect();
        let may_stay = |left: &String| {
            let of = left.rsplit(' ').next().map(Path::new);
            let is_kept = kept.contains(&of.and_then(Path::file_stem));
            is_kept
                && ["folder or record", "user"]
                    .iter()
                    .any(|kind| left.starts_with(kind))
        };
        let found = found.into_iter();
        found.filter(|left| !may_stay(left)).collect()
    }

    /// The same, where nothing can be awaited, but for what is kept.
    pub fn none_left(&self) {
        let look = || self.not_kept(self.all());
        let deadline = Instant::now() + crate::DEADLINE;
        while !look().is_empty() && Instant::now() < deadline {
            std::thread::sleep(AGAIN);
        }
        none(&look());
    }

    /// What is there of repls even after [`crate::DEADLINE`].
    pub async fn left_of_repls(&self) -> Vec<String> {
        until_none(|| self.of_repls()).await
    }

    /// What is there of anything even after [`crate::DEADLINE`].
    pub async fn left(&self) -> Vec<String> {
        until_none(|| self.all()).await
    }

    /// Pids of what people run in a repl.
    pub fn programs_of(&self, repl: &str) -> Vec<u32> {
        self.in_group(repl, "programs")
    }

    /// Pids of a repl's runner, and of what it waits in.
    pub fn runner_of(&self, repl: &str) -> Vec<u32> {
        self.in_group(repl, "runner")
    }

    fn in_group(&self, repl: &str, group: &str) -> Vec<u32> {
        let below = format!("{repl}/{group}");
        let within = processes(|process| self.is_in_group(process, &below));
        within.into_iter().map(|(pid, _)| pid).collect()
    }

    /// Whether a process is in a group whose path in one of the server's folders begins so.
    fn is_in_group(&self, process: &Process, below: &str) -> bool {
        let [all, programs] = self.folders_of_groups();
        let is_below = |folder: String| process.cgroup.contains(&format!("/{folder}/{below}"));
        is_below(all) || is_below(programs)
    }

    /// Names of the folders that groups are in: all, or where programs are apart, all but those.
    fn folders_of_groups(&self) -> [String; 2] {
        [self.name.clone(), format!("{}-programs", self.name)]
    }

    /// Folders of the server's control groups, in all hierarchies that it uses.
    pub fn groups(&self) -> Vec<PathBuf> {
        let [all, programs] = self.folders_of_groups();
        let folders = output(
            "find",
            &[
                "/sys/fs/cgroup",
                "-type",
                "d",
                "(",
                "-name",
                &all,
                "-o",
                "-name",
                &programs,
                ")",
            ],
        );
        folders.lines().map(PathBuf::from).collect()
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Folder of its sockets.
    pub fn run(&self) -> &Path {
        &self.run
    }
}

/// What is still there after a while. Some goes by itself, a moment later: a killed process, an element
/// without connections.
async fn until_none(look: impl Fn() -> Vec<String>) -> Vec<String> {
    let deadline = Instant::now() + crate::DEADLINE;
    loop {
        let left = look();
        if left.is_empty() || Instant::now() > deadline {
            return left;
        }
        tokio::time::sleep(AGAIN).await;
    }
}

fn none(left: &[String]) {
    assert!(left.is_empty(), "left on this machine: {left:#?}");
}

struct Process {
    command: String,
    cgroup: String,
    mounts: String,
}

/// Living processes, but for this one.
fn processes(is_one: impl Fn(&Process) -> bool) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for folder in entries(Path::new("/proc")) {
        let Ok(pid) = name_of(&folder).parse::<u32>() else {
            continue;
        };
        let read = |name: &str| {
            let bytes = fs::read(folder.join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).replace('\0', " ")
        };
        let process = Process {
            command: read("cmdline"),
            cgroup: read("cgroup"),
            mounts: read("mountinfo"),
        };
        if pid != std::process::id() && is_one(&process) {
            found.push((pid, process.command));
        }
    }
    found
}

fn named(processes: Vec<(u32, String)>) -> Vec<String> {
    let processes = processes.into_iter();
    processes
        .map(|(pid, command)| format!("process {pid} {command}"))
        .collect()
}

fn mounts(is_one: impl Fn(&str) -> bool) -> Vec<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let lines = text.lines().filter(|line| is_one(line));
    lines.map(|line| format!("mount {line}")).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn name_of(path: &Path) -> &str {
    path.file_name()
        .and_then(|n| n.to_str())
        .unwrap_or_default()
}

/// What a tool prints; nothing where it fails.
fn output(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).into_owned(),
    )
}
