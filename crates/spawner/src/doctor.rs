//! Looks at a machine and says, in words for people, what works, what doesn't, and what to do.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Serialize;

use crate::languages::Languages;
use crate::sandbox::cgroup::Cgroups;
use crate::sandbox::cgroup_plan::Kind;
use crate::sandbox::disk::Disks;
use crate::sandbox::host;
use crate::sandbox::landlock::{Reach, reach};
use crate::sandbox::{SandboxConfig, SandboxSpawner};
use crate::{Exit, Limits, Network, SandboxSpec, SpawnError, Spawner};

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: String,
    pub state: State,
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Ok,
    /// Repls run, but something is missing.
    Warn,
    /// Repls can't be isolated.
    Fail,
}

/// How long the trial sandbox may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Looks at everything, and starts and ends a real sandbox. `config.state_dir` is not touched: the
/// trial has a folder of its own.
pub async fn check(config: &SandboxConfig) -> Vec<Check> {
    let mut checks = vec![user(), namespaces(), control_groups(), landlock(reach())];
    checks.extend(
        host::TOOLS
            .iter()
            .filter(|(tool, _)| !matches!(*tool, "nsenter" | "unshare"))
            .map(|t| tool(t.0, t.1)),
    );
    checks.push(tun());
    checks.push(disks(config).await);
    let languages = tokio::task::spawn_blocking(Languages::detect)
        .await
        .unwrap_or_default();
    checks.extend(
        ["node", "python", "rust", "go", "java", "c", "cpp"].map(|name| language(&languages, name)),
    );
    for network in [Network::None, Network::Internet] {
        checks.push(trial(config, network).await);
    }
    checks
}

fn check_of(name: &str, state: State, detail: impl Into<String>, remedy: Option<String>) -> Check {
    Check {
        name: name.to_owned(),
        state,
        detail: detail.into(),
        remedy,
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn user() -> Check {
    if is_root() {
        return check_of(
            "user",
            State::Ok,
            "root: each repl has a user of its own on this machine",
            None,
        );
    }
    check_of(
        "user",
        State::Warn,
        "an ordinary user: all repls share it on this machine; namespaces keep them apart",
        Some("Fine for people who trust each other; start Alcove as root for others.".into()),
    )
}

fn namespaces() -> Check {
    let all = ["user", "mnt", "pid", "net", "ipc", "uts", "cgroup"];
    let missing: Vec<&str> = all
        .into_iter()
        .filter(|n| !Path::new("/proc/self/ns").join(n).exists())
        .collect();
    if !missing.is_empty() {
        let detail = format!("this kernel lacks namespaces: {}", missing.join(", "));
        return check_of(
            "namespaces",
            State::Fail,
            detail,
            Some("Use a kernel of a usual distribution.".into()),
        );
    }
    let tried = Command::new("unshare")
        .args(["--user", "--map-root-user", "true"])
        .stderr(Stdio::null())
        .status();
    match tried {
        Ok(status) if status.success() => {
            check_of("namespaces", State::Ok, "user namespaces can be made", None)
        }
        _ if is_root() => check_of(
            "namespaces",
            State::Warn,
            "`unshare --user` failed",
            Some(host::why_no_user_namespaces()),
        ),
        _ => check_of(
            "namespaces",
            State::Fail,
            "user namespaces are denied",
            Some(host::why_no_user_namespaces()),
        ),
    }
}

fn control_groups() -> Check {
    let cgroups = Cgroups::detect("alcove-doctor");
    for hierarchy in &cgroups.hierarchies {
        // Made by looking.
        let _ = fs::remove_dir(&hierarchy.base);
    }
    if cgroups.limits() {
        let v2 = cgroups.hierarchies.iter().any(|h| h.kind == Kind::V2);
        let version = if v2 { 2 } else { 1 };
        let mut detail = format!("version {version}: memory and processes can be limited");
        if cgroups.yields() {
            detail += "; programs yield processors to the terminals of other repls";
        }
        return check_of("control groups", State::Ok, detail, None);
    }
    let remedy = if is_root() {
        "In a container, start it with `--cgroupns=private` and a writable /sys/fs/cgroup."
    } else {
        "Have systemd hand a group down: start Alcove with `systemd-run --user --scope -p Delegate=yes alcove serve`."
    };
    check_of(
        "control groups",
        State::Warn,
        "a repl can use all of this machine's memory",
        Some(remedy.into()),
    )
}

fn landlock(reach: Reach) -> Check {
    let name = "Landlock";
    match reach {
        Reach::Whole => check_of(
            name,
            State::Ok,
            "repls' files, signals and abstract sockets are held a second time",
            None,
        ),
        Reach::Part(version) => check_of(
            name,
            State::Warn,
            format!("version {version}: a part of what Alcove asks for"),
            Some("Linux 6.12 has all of it.".into()),
        ),
        Reach::Nothing(why) => check_of(
            name,
            State::Warn,
            format!("{why}: sandboxes hold without it, by one wall fewer"),
            Some("Use Linux 5.19 or newer, and start it with `landlock` in its list `lsm=`; what is there now is in /sys/kernel/security/lsm.".into()),
        ),
    }
}

/// Makes a disk for no repl, and removes it.
async fn disks(config: &SandboxConfig) -> Check {
    let name = "disk limit";
    let Some(limit) = config.disk else {
        let detail = "none: a repl can fill this machine's disk";
        return check_of(name, State::Warn, detail, Some("Give --disk SIZE.".into()));
    };
    if !is_root() {
        let detail = "an ordinary user can't mount: it is measured, and who exceeds it is stopped";
        let remedy = "Start Alcove as root for one that holds at once, or watch the disk.";
        return check_of(name, State::Warn, detail, Some(remedy.into()));
    }
    let tried = match tempfile::tempdir() {
        Ok(folder) => Disks::open(folder.path(), Some(limit)).await.map(drop),
        Err(error) => Err(SpawnError::Unable(error.to_string())),
    };
    match tried {
        Ok(()) => {
            let detail = format!("{} MiB for each repl's files", limit >> 20);
            check_of(name, State::Ok, detail, None)
        }
        Err(error) => check_of(
            name,
            State::Warn,
            format!("it is measured, and who exceeds it is stopped: {error}"),
            Some("sudo apt install e2fsprogs util-linux; sudo modprobe loop. In a container, start it with `--privileged`.".into()),
        ),
    }
}

fn tool(name: &str, package: &str) -> Check {
    let install = || Some(format!("sudo apt install {package}"));
    let Some(path) = host::find_tool(name) else {
        return check_of(
            name,
            State::Fail,
            format!("`{name}` is not installed"),
            install(),
        );
    };
    let version_arg = if name == "ip" { "-V" } else { "--version" };
    let output = Command::new(&path)
        .arg(version_arg)
        .stdin(Stdio::null())
        .output();
    let text = output
        .map(|o| String::from_utf8_lossy(&o.stdout).into_owned())
        .unwrap_or_default();
    match text.lines().next() {
        Some(version) => check_of(name, State::Ok, version, None),
        None => check_of(
            name,
            State::Fail,
            format!("{} does not run", path.display()),
            install(),
        ),
    }
}

fn tun() -> Check {
    let device = Path::new("/dev/net/tun");
    if !device.exists() {
        let remedy = "sudo modprobe tun; in a container, start it with `--device /dev/net/tun`.";
        return check_of(
            "/dev/net/tun",
            State::Warn,
            "missing: repls have no internet",
            Some(remedy.into()),
        );
    }
    match fs::OpenOptions::new().read(true).write(true).open(device) {
        Ok(_) => check_of("/dev/net/tun", State::Ok, "can be opened", None),
        Err(error) => {
            let remedy = "sudo chmod 666 /dev/net/tun".to_owned();
            check_of(
                "/dev/net/tun",
                State::Warn,
                format!("{error}: repls have no internet"),
                Some(remedy),
            )
        }
    }
}

fn language(languages: &Languages, name: &str) -> Check {
    match languages.found.iter().find(|l| l.name == name) {
        Some(found) => check_of(
            name,
            State::Ok,
            format!("{} at {}", found.version, found.program.display()),
            None,
        ),
        None => {
            let missing = languages.missing(name);
            let (why, install) = missing.map_or_else(Default::default, |m| (m.why, m.install));
            check_of(name, State::Warn, why, Some(install))
        }
    }
}

/// Starts a sandbox with a small program in the runner's place, and sees it end well.
async fn trial(config: &SandboxConfig, network: Network) -> Check {
    let name = match network {
        Network::None | Network::Registries => "trial sandbox",
        Network::Internet => "trial sandbox with network",
    };
    match tokio::time::timeout(PATIENCE, run_trial(config, network)).await {
        Ok(Ok(took)) => check_of(
            name,
            State::Ok,
            format!("started and ended in {} ms", took.as_millis()),
            None,
        ),
        Ok(Err(error)) => {
            let state = if network == Network::None {
                State::Fail
            } else {
                State::Warn
            };
            check_of(
                name,
                state,
                error.to_string(),
                Some("See the checks above; then run this again.".into()),
            )
        }
        Err(_) => check_of(
            name,
            State::Fail,
            format!("no end after {} s", PATIENCE.as_secs()),
            None,
        ),
    }
}

async fn run_trial(config: &SandboxConfig, network: Network) -> Result<Duration, SpawnError> {
    let io = |source| SpawnError::Io {
        what: "the folder for a trial can't be made".into(),
        source,
    };
    let folder = tempfile::tempdir().map_err(io)?;
    // `true` ignores that it is called as a runner.
    let program = host::find_tool("true").unwrap_or_else(|| config.alcove.clone());
    let config = SandboxConfig {
        alcove: program,
        state_dir: folder.path().join("state"),
        allow: config.allow.clone(),
        registries: config.registries.clone(),
        crates: None,
        disk: None,
    };
    let spawner = SandboxSpawner::new(config).await?;
    let id = "trial";
    let outcome = async {
        let owner = spawner.owner(id).await?;
        let (workspace, home) = (folder.path().join("workspace"), folder.path().join("home"));
        for path in [&workspace, &home] {
            fs::create_dir(path).map_err(io)?;
            std::os::unix::fs::chown(path, Some(owner.uid), Some(owner.gid)).map_err(io)?;
        }
        let limits = Limits::default();
        let spec = SandboxSpec {
            id: id.into(),
            workspace,
            home,
            env: Vec::new(),
            limits,
            network,
        };
        let began = std::time::Instant::now();
        spawner.start(&spec).await?;
        match spawner.wait(id).await {
            Exit::Code(0) => Ok(began.elapsed()),
            exit => Err(SpawnError::Unable(format!(
                "The program inside ended with {exit:?}."
            ))),
        }
    }
    .await;
    // What was made goes, however it went.
    let stopped = spawner.stop(id).await;
    let released = spawner.release(id).await;
    spawner.shutdown().await;
    let took = outcome?;
    stopped.and(released)?;
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_with_less_than_all_of_landlock_is_told_with_what_to_do() {
        let state = |reach| {
            let check = landlock(reach);
            assert_eq!(check.remedy.is_none(), check.state == State::Ok);
            (check.state, check.detail)
        };
        assert_eq!(state(Reach::Whole).0, State::Ok);
        let (part, detail) = state(Reach::Part(3));
        assert!(part == State::Warn && detail.contains("version 3"));
        let (nothing, detail) = state(Reach::Nothing("this kernel lacks it".into()));
        assert!(nothing == State::Warn && detail.starts_with("this kernel lacks it"));
    }
}
