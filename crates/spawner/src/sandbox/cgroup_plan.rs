//! What a machine's control groups are, and what is written into a repl's: pure functions over the
//! text of /proc and the limits.

use std::path::{Path, PathBuf};

use crate::Limits;

/// What the runner may need beyond its programs.
const RUNNER_MEMORY: u64 = 256 << 20;
const RUNNER_PROCESSES: u32 = 64;
/// What it may have where it is held apart from them, and gets nothing of what they leave.
const RUNNER_MEMORY_APART: u64 = 512 << 20;
/// Of a quota of processors, as the kernel has it unless it is told otherwise.
const PERIOD_US: u64 = 100_000;

/// A hierarchy that we may make groups in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// Folder in which repls' groups are made.
    pub base: PathBuf,
    pub kind: Kind,
    pub part: Part,
}

/// What of a repl has a group in a folder of repls' groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Whole,
    Programs,
    Runner,
}

impl Part {
    /// Names of the groups below a repl's own.
    pub fn groups(self) -> &'static [&'static str] {
        match self {
            Self::Whole => &["runner", "programs"],
            Self::Programs => &["programs"],
            Self::Runner => &["runner"],
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// One folder for all controllers.
    V2,
    /// One folder for each controller.
    V1 {
        memory: bool,
        pids: bool,
        cpu: bool,
        /// Counts the time that programs take.
        cpuacct: bool,
        /// Shares out what disks read and write.
        blkio: bool,
    },
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
                let (cpuacct, blkio) = (has("cpuacct"), has("blkio"));
                let named = [
                    (memory, "memory"),
                    (pids, "pids"),
                    (cpu, "cpu"),
                    (cpuacct, "cpuacct"),
                    (blkio, "blkio"),
                ];
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
                let kind = Kind::V1 {
                    memory,
                    pids,
                    cpu,
                    cpuacct,
                    blkio,
                };
                (kind, place)
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
        let part = Part::Whole;
        found.push(Hierarchy { base, kind, part });
    }
    found
}

/// The group that systemd keeps for the repls of a service, by the service's own: that of the unit with the
/// same name and `-repls` (`deploy/alcove-repls.service`). In the service's own they would be in the way:
/// systemd could not start it again there, since a group that hands controllers down takes no processes.
pub fn handed_over(own: &Path) -> Option<PathBuf> {
    let unit = own.file_name()?.to_str()?.strip_suffix(".service")?;
    Some(own.with_file_name(format!("{unit}-repls.service")))
}

/// Splits a hierarchy of processors into one for runners, in the same folder, and one for programs, in the
/// folder `programs`, which is to be idle (`cpu.idle`, `Documentation/admin-guide/cgroup-v2.rst`): whatever has a
/// group beside that folder takes a processor from a program at once, not at the end of its turn, and programs
/// take what is left, in their shares. `None`: it is no such hierarchy, or (v1) also one of memory, where runner
/// and programs are held together.
pub fn split(found: &Hierarchy, programs: PathBuf) -> Option<[Hierarchy; 2]> {
    let is_apart = match found.kind {
        Kind::V2 => true,
        Kind::V1 {
            memory,
            pids,
            cpu,
            blkio,
            cpuacct: _,
        } => cpu && !memory && !pids && !blkio,
    };
    let half = |base: PathBuf, part| Hierarchy {
        base,
        kind: found.kind.clone(),
        part,
    };
    is_apart.then(|| {
        [
            half(programs, Part::Programs),
            half(found.base.clone(), Part::Runner),
        ]
    })
}

/// What all runners together get of so many processors, since they go before programs: never all.
pub fn plan_runners(runners: &Hierarchy, processors: usize) -> Setting {
    let quota = PERIOD_US * processors as u64 * 3 / 4;
    quota_of(&runners.kind, &runners.base, quota)
}

/// Microseconds of processors in each tenth of a second.
fn quota_of(kind: &Kind, group: &Path, quota_us: u64) -> Setting {
    let (file, value) = match kind {
        Kind::V2 => ("cpu.max", format!("{quota_us} {PERIOD_US}")),
        Kind::V1 { .. } => ("cpu.cfs_quota_us", quota_us.to_string()),
    };
    Setting {
        file: group.join(file),
        value,
        optional: true,
    }
}

/// What to write for one repl, in order; `group` is the repl's folder in this hierarchy.
pub fn plan(kind: &Kind, part: Part, group: &Path, limits: &Limits) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut set = |folder: &Path, file: &str, value: String, optional: bool| {
        settings.push(Setting {
            file: folder.join(file),
            value,
            optional,
        });
    };
    let (programs, runner) = (group.join("programs"), group.join("runner"));
    let of_programs = (programs.as_path(), limits.memory, limits.processes);
    let levels = match part {
        Part::Whole => vec![
            (
                group,
                limits.memory + RUNNER_MEMORY,
                limits.processes + RUNNER_PROCESSES,
            ),
            of_programs,
        ],
        Part::Programs => vec![of_programs],
        Part::Runner => vec![(runner.as_path(), RUNNER_MEMORY_APART, RUNNER_PROCESSES)],
    };
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
            // The same scale; one file is that of iocost, the other that of BFQ.
            set(
                group,
                "io.weight",
                limits.cpu_weight.clamp(1, 10_000).to_string(),
                true,
            );
            set(group, "io.bfq.weight", bfq_weight(limits), true);
        }
        Kind::V1 {
            memory,
            pids,
            cpu,
            blkio,
            cpuacct: _,
        } => {
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
            if *blkio {
                set(group, "blkio.bfq.weight", bfq_weight(limits), true);
            }
        }
    }
    if part == Part::Runner {
        settings.push(quota_of(kind, group, PERIOD_US));
    }
    settings
}

/// 1 to 1000, usually 100, as for processors (`Documentation/block/bfq-iosched.rst`).
fn bfq_weight(limits: &Limits) -> String {
    limits.cpu_weight.clamp(1, 1000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
        31 24 0:27 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu\n\
        33 24 0:29 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
        35 24 0:31 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n\
        39 24 0:35 / /sys/fs/cgroup/blkio rw,relatime - cgroup cgroup rw,blkio\n\
        36 24 0:32 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd\n\
        37 24 0:33 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n\
        38 24 0:34 / /proc rw - proc proc rw\n";

    #[test]
    fn each_hierarchy_is_found_at_our_place_in_it() {
        let own = "8:pids:/\n7:blkio:/disks\n4:memory:/service/x\n1:cpu:/\n0::/\n";
        let bases: Vec<_> = find(HYBRID, own)
            .into_iter()
            .map(|h| h.base.display().to_string())
            .collect();
        let wanted = [
            "/sys/fs/cgroup/cpu/",
            "/sys/fs/cgroup/memory/service/x",
            "/sys/fs/cgroup/pids/",
            "/sys/fs/cgroup/blkio/disks",
            "/sys/fs/cgroup/unified/",
        ];
        assert_eq!(bases, wanted);
        let mount = "30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
        let found = find(mount, "0::/user.slice/a.scope\n");
        assert_eq!(
            found,
            [Hierarchy {
                base: "/sys/fs/cgroup/user.slice/a.scope".into(),
                kind: Kind::V2,
                part: Part::Whole,
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
    fn a_service_has_a_group_for_repls_beside_its_own() {
        let beside = |own: &str| handed_over(Path::new(own)).map(|p| p.display().to_string());
        let group = "/sys/fs/cgroup/system.slice/alcove.service";
        let wanted = "/sys/fs/cgroup/system.slice/alcove-repls.service";
        assert_eq!(beside(group).as_deref(), Some(wanted));
        assert_eq!(beside("/sys/fs/cgroup/user.slice/a.scope"), None);
        assert_eq!(beside("/sys/fs/cgroup/"), None);
    }

    #[test]
    fn limits_stand_on_programs_and_bound_the_whole() {
        let limits = Limits {
            memory: 1 << 30,
            processes: 100,
            cpu_weight: 200,
            tmp: 0,
            disk: None,
        };
        let text = |kind, part| {
            let lines = plan(&kind, part, Path::new("/g"), &limits);
            lines
                .iter()
                .map(|s| format!("{} = {}\n", s.file.display(), s.value))
                .collect::<String>()
        };
        insta::assert_snapshot!("limits_v2", text(Kind::V2, Part::Whole));
        insta::assert_snapshot!("limits_v2_programs", text(Kind::V2, Part::Programs));
        insta::assert_snapshot!("limits_v2_runner", text(Kind::V2, Part::Runner));
        let v1 = Kind::V1 {
            memory: true,
            pids: true,
            cpu: true,
            cpuacct: true,
            blkio: true,
        };
        insta::assert_snapshot!("limits_v1", text(v1, Part::Whole));
        let v1_of_processors = Kind::V1 {
            memory: false,
            pids: false,
            cpu: true,
            cpuacct: false,
            blkio: false,
        };
        insta::assert_snapshot!("limits_v1_runner", text(v1_of_processors, Part::Runner));
    }

    #[test]
    fn runners_are_apart_where_processors_are_and_memory_is_held_all_the_same() {
        let found = find(HYBRID, "1:cpu:/\n0::/x\n");
        let parts: Vec<_> = found
            .iter()
            .filter_map(|hierarchy| split(hierarchy, "/programs".into()))
            .map(|both| both.map(|half| (half.base.display().to_string(), half.part)))
            .collect();
        let half = |base: &str| {
            [
                ("/programs".to_owned(), Part::Programs),
                (base.to_owned(), Part::Runner),
            ]
        };
        let wanted = [
            half("/sys/fs/cgroup/cpu/"),
            half("/sys/fs/cgroup/unified/x"),
        ];
        assert_eq!(parts, wanted);
    }

    #[test]
    fn a_share_is_one_that_the_kernel_takes() {
        let share = |kind: &Kind, file: &str, cpu_weight| {
            let limits = Limits {
                cpu_weight,
                ..Limits::default()
            };
            let settings = plan(kind, Part::Whole, Path::new("/g"), &limits);
            let setting = settings.iter().find(|s| s.file.ends_with(file));
            let setting = setting.expect("planned");
            assert!(setting.optional, "{file}");
            setting.value.clone()
        };
        let v1 = Kind::V1 {
            memory: false,
            pids: false,
            cpu: true,
            cpuacct: false,
            blkio: true,
        };
        for (kind, file, least, most) in [
            (&Kind::V2, "cpu.weight", "1", "10000"),
            (&Kind::V2, "io.weight", "1", "10000"),
            (&Kind::V2, "io.bfq.weight", "1", "1000"),
            (&v1, "cpu.shares", "2", "262144"),
            (&v1, "blkio.bfq.weight", "1", "1000"),
        ] {
            assert_eq!(share(kind, file, 0), least, "{file}");
            assert_eq!(share(kind, file, u32::MAX), most, "{file}");
        }
        assert_eq!(share(&Kind::V2, "io.weight", 1001), "1001");
        assert_eq!(share(&Kind::V2, "io.bfq.weight", 1001), "1000");
        assert_eq!(share(&v1, "blkio.bfq.weight", 1), "1");
    }
}
