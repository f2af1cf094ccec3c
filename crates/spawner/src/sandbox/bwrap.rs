//! Builds bubblewrap's argument list. Pure: what it depends on is handed in.

use std::ffi::OsString;
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};

use super::crates;

/// Where something lies on the stage, and its own path.
pub type Tool = (PathBuf, PathBuf);

/// All that decides how a sandbox looks inside.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// Folder in which the launcher has mounted what comes from the host, see [`super::launch`].
    pub stage: &'a Path,
    pub host: &'a HostLayout,
    /// Folders of language tools, and other files shown read-only at their own path.
    pub tools: &'a [Tool],
    /// Cargo is told of a mirror of crates.io.
    pub has_mirror: bool,
    pub env: &'a [(String, String)],
    /// Bytes of `/tmp`.
    pub tmp: u64,
    /// Give it a network namespace with nothing but a loopback; else it stays in the launcher's.
    pub unshare_net: bool,
    pub info_fd: RawFd,
    pub status_fd: RawFd,
    pub seccomp_fds: &'a [RawFd],
}

/// What of the host's own system a sandbox is shown.
#[derive(Debug, Clone, Default)]
pub struct HostLayout {
    /// Links in the root folder: name and target, as `("bin", "usr/bin")`.
    pub links: Vec<(String, String)>,
    /// Such folders that are no links (systems without merged /usr).
    pub folders: Vec<PathBuf>,
}

impl HostLayout {
    pub fn read() -> Self {
        let mut layout = Self::default();
        for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
            let path = Path::new("/").join(name);
            match std::fs::read_link(&path) {
                Ok(target) => {
                    let target = target.to_string_lossy().trim_start_matches('/').to_owned();
                    layout.links.push((name.to_owned(), target));
                }
                Err(_) if path.is_dir() => layout.folders.push(path),
                Err(_) => {}
            }
        }
        layout
    }
}

/// Everything before `-- /opt/alcove runner --confined`.
pub fn arguments(view: &View<'_>) -> Vec<OsString> {
    let mut args = Arguments::default();
    args.add(["--unshare-user", "--uid", "1000", "--gid", "1000"]);
    args.add([
        "--unshare-pid",
        "--unshare-ipc",
        "--unshare-uts",
        "--unshare-cgroup-try",
    ]);
    if view.unshare_net {
        args.add(["--unshare-net"]);
    }
    args.add(["--hostname", "repl", "--clearenv"]);
    for (name, value) in view.env {
        args.add(["--setenv", name.as_str(), value.as_str()]);
    }

    args.bind("--ro-bind", Path::new("/usr"), Path::new("/usr"));
    for (name, target) in &view.host.links {
        args.add(["--symlink", target.as_str(), &format!("/{name}")]);
    }
    for folder in &view.host.folders {
        args.bind("--ro-bind", folder, folder);
    }
    // One folder for all of /etc: every mount costs bubblewrap a reading of the mount table.
    args.bind("--ro-bind", &view.stage.join("etc"), Path::new("/etc"));
    if view.has_mirror {
        let (target, link) = crates::LINK;
        args.add(["--symlink", target, link]);
    }
    args.bind(
        "--ro-bind",
        &view.stage.join("resolv.conf"),
        Path::new("/etc/resolv.conf"),
    );
    args.add(["--proc", "/proc", "--dev", "/dev"]);
    // A tmpfs counts against the memory limit; without a size it could take half the machine's.
    args.add([
        "--size",
        &view.tmp.to_string(),
        "--perms",
        "1777",
        "--tmpfs",
        "/tmp",
    ]);
    args.add([
        "--size",
        &(view.tmp / 4).to_string(),
        "--perms",
        "1777",
        "--tmpfs",
        "/dev/shm",
    ]);
    args.add(["--size", "16777216", "--tmpfs", "/run"]);
    for (source, target) in view.tools {
        args.bind("--ro-bind", source, target);
    }
    args.bind(
        "--ro-bind",
        &view.stage.join("alcove"),
        Path::new("/opt/alcove"),
    );
    args.bind(
        "--bind",
        &view.stage.join("workspace"),
        Path::new("/workspace"),
    );
    args.bind("--bind", &view.stage.join("home"), Path::new("/home/user"));
    args.add([
        "--chdir",
        "/workspace",
        "--cap-drop",
        "ALL",
        "--as-pid-1",
        "--new-session",
    ]);
    args.add([
        "--info-fd",
        &view.info_fd.to_string(),
        "--json-status-fd",
        &view.status_fd.to_string(),
    ]);
    for fd in view.seccomp_fds {
        args.add(["--add-seccomp-fd", &fd.to_string()]);
    }
    // Last: everything above is made in the root folder.
    args.add(["--remount-ro", "/"]);
    args.0
}

#[derive(Default)]
struct Arguments(Vec<OsString>);

impl Arguments {
    fn add<const N: usize>(&mut self, args: [&str; N]) {
        self.0.extend(args.map(OsString::from));
    }

    fn bind(&mut self, how: &str, source: &Path, target: &Path) {
        self.0.extend([how.into(), source.into(), target.into()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_is_shown_what_is_listed_and_no_more() {
        let host = HostLayout {
            links: vec![("bin".into(), "usr/bin".into())],
            folders: vec!["/lib32".into()],
        };
        let view = View {
            stage: Path::new("/stage"),
            host: &host,
            tools: &[("/stage/tool0".into(), "/root/.pyenv/versions/3".into())],
            has_mirror: true,
            env: &[("HOME".into(), "/home/user".into())],
            tmp: 4096,
            unshare_net: true,
            info_fd: 64,
            status_fd: 65,
            seccomp_fds: &[66, 67],
        };
        let text: Vec<String> = arguments(&view)
            .into_iter()
            .map(|a| a.to_string_lossy().into_owned())
            .collect();
        // A line for each option.
        insta::assert_snapshot!("arguments", text.join(" ").replace(" --", "\n--"));
    }
}
