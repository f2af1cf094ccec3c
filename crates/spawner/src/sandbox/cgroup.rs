//! Control groups: finds what this machine has (v1, v2, or nothing that we may use), and holds
//! each repl's programs to their limits.
//!
//! Each repl has a group with two below it: `runner` for the runner, `programs` for what people
//! start. The limits stand on `programs`, so that a full memory costs a program its life and never
//! the runner; the group above bounds both together.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;

use crate::pid::ProcessRef;
use crate::{Limits, SpawnError};

/// What the runner may need beyond its programs.
const RUNNER_MEMORY: u64 = 256 << 20;
const RUNNER_PROCESSES: u32 = 64;

/// A hierarchy that we may make groups in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Folder in which repls' groups are made.
    pub base: PathBuf,
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// One folder for all controllers.
    V2,
    /// One folder for each controller.
    V1 { memory: bool, pids: bool, cpu: bool },
}

/// The hierarchies in use; empty where none is ours to use.
#[derive(Debug, Clone, Default)]
pub struct Cgroups {
    pub hierarchies: Vec<Hierarchy>,
}

/// A file to write: what, where, and whether the machine may lack it.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    pub file: PathBuf,
    pub value: String,
    pub optional: bool,
}

/// Finds mounted hierarchies in `/proc/self/mountinfo` and our place in them in
/// `/proc/self/cgroup` (cgroups(7)).
pub fn find(mountinfo: &str, own: &str) -> Vec<Hierarchy> {
    let mut found = Vec::new();
    for line in mountinfo.lines() {
        let Some((mount, kind)) = line.split_once(" - ") else {
            continue;
        };
        let (mount, kind): (Vec<&str>, Vec<&str>) =
            (mount.split(' ').collect(), kind.split(' ').collect());
        let ([.., root, target, _], Some(fs_type)) = (&mount[..mount.len().min(6)], kind.first())
        else {
            continue;
        };
        let super_options = kind.get(2).copied().unwrap_or_default();
        let has = |controller: &str| super_options.split(',').any(|o| o == controller);
        let (kind, place) = match *fs_type {
            "cgroup2" => (Kind::V2, own.lines().find_map(|l| l.strip_prefix("0::"))),
            "cgroup" => {
                let (memory, pids, cpu) = (has("memory"), has("pids"), has("cpu"));
                let named = [(memory, "memory"), (pids, "pids"), (cpu, "cpu")];
                let Some((_, controller)) = named.into_iter().find(|(is_here, _)| *is_here) else {
                    continue;
                };
                let place = own.lines().find_map(|l| {
                    let (controllers, path) = l.split_once(':')?.1.split_once(':')?;
                    controllers
                        .split(',')
                        .any(|c| c == controller)
                        .then_some(path)
                });
                (Kind::V1 { memory, pids, cpu }, place)
            }
            _ => continue,
        };
        // Within a container only a part of the hierarchy is mounted.
        let place = place.unwrap_or("/");
        let place = if *root == "/" {
            place
        } else {
            place.strip_prefix(root).unwrap_or("/")
        };
        let base = Path::new(target).join(place.trim_start_matches('/'));
        found.push(Hierarchy { base, kind });
    }
    found
}

/// What to write for one repl, in order; `group` is the repl's folder in this hierarchy.
pub fn plan(kind: &Kind, group: &Path, limits: &Limits) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut set = |folder: &Path, file: &str, value: String, optional: bool| {
        settings.push(Setting {
            file: folder.join(file),
            value,
            optional,
        });
    };
    let programs = group.join("programs");
    let (all_memory, all_processes) = (
        limits.memory + RUNNER_MEMORY,
        limits.processes + RUNNER_PROCESSES,
    );
    let levels = [
        (group, all_memory, all_processes),
        (programs.as_path(), limits.memory, limits.processes),
    ];
    match kind {
        Kind::V2 => {
            set(
                group,
                "cgroup.subtree_control",
                "+memory +pids".into(),
                false,
            );
            for (folder, memory, processes) in levels {
                set(folder, "memory.max", memory.to_string(), false);
                // Only there when the kernel swaps.
                set(folder, "memory.swap.max", "0".into(), true);
                set(folder, "pids.max", processes.to_string(), false);
            }
            set(
                group,
                "cpu.weight",
                limits.cpu_weight.clamp(1, 10_000).to_string(),
                true,
            );
        }
        Kind::V1 { memory, pids, cpu } => {
            for (folder, bytes, processes) in levels {
                if *memory {
                    set(folder, "memory.limit_in_bytes", bytes.to_string(), false);
                    // Memory and swap together; needs the kernel's swapaccount.
                    set(
                        folder,
                        "memory.memsw.limit_in_bytes",
                        bytes.to_string(),
                        true,
                    );
                }
                if *pids {
                    set(folder, "pids.max", processes.to_string(), false);
                }
            }
            if *cpu {
                let shares = (u64::from(limits.cpu_weight) * 1024 / 100).clamp(2, 262_144);
                set(group, "cpu.shares", shares.to_string(), true);
            }
        }
    }
    settings
}

impl Cgroups {
    /// Finds the hierarchies of this machine that we may make groups in; `name` is our folder
    /// there.
    pub fn detect(name: &str) -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let found = find(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"));
        let hierarchies = found.into_iter().filter_map(|h| usable(h, name)).collect();
        Self { hierarchies }
    }

    /// Whether memory and processes can both be held to limits.
    pub fn limits(&self) -> bool {
        let any = |f: fn(&Kind) -> bool| self.hierarchies.iter().any(|h| f(&h.kind));
        any(|k| matches!(k, Kind::V2 | Kind::V1 { memory: true, .. }))
            && any(|k| matches!(k, Kind::V2 | Kind::V1 { pids: true, .. }))
    }

    /// Folders of a repl's groups.
    pub fn groups(&self, id: &str) -> Vec<PathBuf> {
        self.hierarchies.iter().map(|h| h.base.join(id)).collect()
    }

    /// Makes a repl's groups.
    pub fn create(&self, id: &str, limits: &Limits) -> Result<(), SpawnError> {
        for hierarchy in &self.hierarchies {
            let group = hierarchy.base.join(id);
            let failed = |source| SpawnError::Io {
                what: format!("control group {}", group.display()),
                source,
            };
            // A group from a start that failed may be there.
            for folder in [&group, &group.join("runner"), &group.join("programs")] {
                fs::create_dir_all(folder).map_err(failed)?;
                // Files of the group above exist only once its controllers are switched on.
                if folder == &group && hierarchy.kind == Kind::V2 {
                    apply(&plan(&hierarchy.kind, &group, limits)[..1]).map_err(failed)?;
                }
            }
            apply(&plan(&hierarchy.kind, &group, limits)).map_err(failed)?;
        }
        Ok(())
    }
}

fn apply(settings: &[Setting]) -> io::Result<()> {
    for Setting {
        file,
        value,
        optional,
    } in settings
    {
        match fs::write(file, value) {
            Err(_) if *optional => {}
            Err(error) => {
                return Err(io::Error::new(
                    error.kind(),
                    format!("{}: {error}", file.display()),
                ));
            }
            Ok(()) => {}
        }
    }
    Ok(())
}

/// Makes our folder in a hierarchy; `None` where that isn't allowed, or gives no limits.
fn usable(found: Hierarchy, name: &str) -> Option<Hierarchy> {
    let above = found.base;
    let base = above.join(name);
    if found.kind == Kind::V2 {
        let controllers = fs::read_to_string(above.join("cgroup.controllers")).unwrap_or_default();
        let has = |c| controllers.split_whitespace().any(|x| x == c);
        if !has("memory") || !has("pids") {
            return None;
        }
        let wanted: &[&str] = if has("cpu") {
            &["+memory +pids", "+cpu"]
        } else {
            &["+memory +pids"]
        };
        fs::create_dir_all(&base).ok()?;
        if fs::write(above.join("cgroup.subtree_control"), wanted[0]).is_err() {
            // A group with processes can't hand controllers down (cgroups(7)): ours move below.
            let leaf = above.join("alcove-server");
            fs::create_dir_all(&leaf).ok()?;
            for pid in members(&above) {
                let _ = fs::write(leaf.join("cgroup.procs"), pid.to_string());
            }
            fs::write(above.join("cgroup.subtree_control"), wanted[0]).ok()?;
        }
        for wanted in wanted {
            // The first is needed, and was written above; CPU shares are welcome.
            let _ = fs::write(above.join("cgroup.subtree_control"), wanted);
            let _ = fs::write(base.join("cgroup.subtree_control"), wanted);
        }
        return Some(Hierarchy {
            base,
            kind: found.kind,
        });
    }
    fs::create_dir_all(&base).ok()?;
    Some(Hierarchy {
        base,
        kind: found.kind,
    })
}

/// Opens `<group>/<child>/cgroup.procs` for writing.
pub fn open_procs(group: &Path, child: &str) -> io::Result<OwnedFd> {
    let path = group.join(child).join("cgroup.procs");
    Ok(rustix::fs::open(
        path,
        OFlags::WRONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )?)
}

fn members(group: &Path) -> Vec<u32> {
    let text = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|l| l.parse().ok()).collect()
}

/// Kills all that is left in a repl's group, and removes the group. Done when it returns `Ok`.
pub async fn remove(group: &Path, patience: Duration) -> io::Result<()> {
    let deadline = tokio::time::Instant::now() + patience;
    let mut pause = Duration::from_millis(1);
    loop {
        // v2 alone has it: all members at once.
        let _ = fs::write(group.join("cgroup.kill"), "1");
        for folder in [
            group.join("programs"),
            group.join("runner"),
            group.to_owned(),
        ] {
            for process in members(&folder).into_iter().filter_map(ProcessRef::of) {
                process.signal(Signal::KILL);
            }
            match fs::remove_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // The kernel tells no one when a group is free of its last dying process.
                Err(error) if tokio::time::Instant::now() >= deadline => return Err(error),
                _ => {}
            }
        }
        if !group.exists() {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
        31 24 0:27 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu\n\
        33 24 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        35 24 0:31 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n\
        36 24 0:32 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n\
        37 24 0:33 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n\
        38 24 0:34 / /proc rw - proc proc rw\n";

    #[test]
    fn each_hierarchy_is_found_at_our_place_in_it() {
        let own = "8:pids:/\n4:memory:/service/x\n1:cpu:/\n0::/\n";
        let bases: Vec<_> = find(HYBRID, own)
            .into_iter()
            .map(|h| h.base.display().to_string())
            .collect();
        let wanted = [
            "/sys/fs/cgroup/cpu/",
            "/sys/fs/cgroup/memory/service/x",
            "/sys/fs/cgroup/pids/",
            "/sys/fs/cgroup/unified/",
        ];
        assert_eq!(bases, wanted);
        let mount = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = find(mount, "0::/user.slice/a.scope\n");
        assert_eq!(
            found,
            [Hierarchy {
                base: "/sys/fs/cgroup/user.slice/a.scope".into(),
                kind: Kind::V2
            }]
        );
        // In a container without a namespace of its own, only its part is mounted.
        let mount = "30 24 0:26 /docker/abc /sys/fs/cgroup ro - cgroup cgroup rw,memory\n";
        assert_eq!(
            find(mount, "4:memory:/docker/abc\n")[0].base,
            Path::new("/sys/fs/cgroup/")
        );
    }

    #[test]
    fn limits_stand_on_programs_and_bound_the_whole() {
        let limits = Limits {
            memory: 1 << 30,
            processes: 100,
            cpu_weight: 200,
            tmp: 0,
        };
        let text = |kind| {
            let lines = plan(&kind, Path::new("/g"), &limits);
            lines
                .iter()
                .map(|s| format!("{} = {}\n", s.file.display(), s.value))
                .collect::<String>()
        };
        insta::assert_snapshot!("limits_v2", text(Kind::V2));
        insta::assert_snapshot!(
            "limits_v1",
            text(Kind::V1 {
                memory: true,
                pids: true,
                cpu: true
            })
        );
    }
}
