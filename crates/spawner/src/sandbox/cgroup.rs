//! Control groups: finds what this machine has (v1, v2, or nothing that we may use), and holds
//! each repl's programs to their limits.
//!
//! Each repl has a group with two below it: `runner` for the runner, `programs` for what people
//! start. The limits stand on `programs`, so that a full memory costs a program its life and never
//! the runner; the group above bounds both together. Where a group can be idle (Linux 5.15), programs have a
//! folder of their own among groups of processors, and, while there is anybody else, give way to what has a group
//! beside it; in version 2 the runner then has limits of its own.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;

use super::cgroup_plan::{
    Hierarchy, Kind, Part, Setting, find, handed_over, plan, plan_runners, split,
};
use super::cgroup_usage;
use crate::pid::ProcessRef;
use crate::{Limits, SpawnError, Usage};

/// Where the server's own processes go on v2, unless systemd has handed over a group beside them.
const LEAF: &str = "alcove-server";

/// What is added to the name of our folder for that of programs, where they have another.
const PROGRAMS: &str = "-programs";

/// A group with this set yields to those beside it (`Documentation/admin-guide/cgroup-v2.rst`).
const IDLE: &str = "cpu.idle";

/// The hierarchies in use; empty where none is ours to use.
#[derive(Debug, Clone, Default)]
pub struct Cgroups {
    pub hierarchies: Vec<Hierarchy>,
}

impl Cgroups {
    /// Finds the hierarchies of this machine that we may make groups in; `name` is our folder
    /// there.
    pub fn detect(name: &str) -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let found = find(&read("/proc/self/mountinfo"), &read("/proc/self/cgroup"));
        let found = found.into_iter().filter_map(|h| usable(h, name));
        let hierarchies = found.flat_map(|h| with_idle_programs(h, name)).collect();
        Self { hierarchies }
    }

    /// Whether memory and processes can both be held to limits.
    pub fn limits(&self) -> bool {
        let any = |f: fn(&Kind) -> bool| self.hierarchies.iter().any(|h| f(&h.kind));
        any(|k| matches!(k, Kind::V2 | Kind::V1 { memory: true, .. }))
            && any(|k| matches!(k, Kind::V2 | Kind::V1 { pids: true, .. }))
    }

    /// Whether programs can leave a processor at once to whatever else wants it.
    pub fn yields(&self) -> bool {
        self.hierarchies.iter().any(|h| h.part == Part::Programs)
    }

    /// Has programs yield, where they can, or take processors in turn with all else. Each line that one writes
    /// to its terminal costs it the processor while it yields.
    pub fn set_yielding(&self, yields: bool) -> io::Result<()> {
        let mut programs = self.hierarchies.iter().filter(|h| h.part == Part::Programs);
        let value = if yields { "1" } else { "0" };
        programs.try_for_each(|h| fs::write(h.base.join(IDLE), value))
    }

    /// What a repl's programs use; `None` where nothing says.
    pub fn usage(&self, id: &str) -> Option<Usage> {
        cgroup_usage::usage(&self.hierarchies, id, |path| fs::read_to_string(path).ok())
    }

    /// Folders of a repl's groups.
    pub fn groups(&self, id: &str) -> Vec<PathBuf> {
        self.hierarchies.iter().map(|h| h.base.join(id)).collect()
    }

    /// Opens `cgroup.procs` for writing in each of a repl's groups of that name, `runner` or `programs`.
    pub fn open_procs(&self, id: &str, name: &str) -> io::Result<Vec<OwnedFd>> {
        let of_that_name = |h: &&Hierarchy| h.part.groups().contains(&name);
        let hierarchies = self.hierarchies.iter().filter(of_that_name);
        let open = |hierarchy: &Hierarchy| {
            let file = hierarchy.base.join(id).join(name).join("cgroup.procs");
            let flags = OFlags::WRONLY | OFlags::CLOEXEC;
            Ok(rustix::fs::open(file, flags, Mode::empty())?)
        };
        hierarchies.map(open).collect()
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
            fs::create_dir_all(&group).map_err(failed)?;
            let settings = plan(&hierarchy.kind, hierarchy.part, &group, limits);
            // Files of the groups below exist only once the controllers are switched on above them.
            if hierarchy.kind == Kind::V2 {
                apply(&settings[..1]).map_err(failed)?;
            }
            for below in hierarchy.part.groups() {
                fs::create_dir_all(group.join(below)).map_err(failed)?;
            }
            apply(&settings).map_err(failed)?;
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
    // Where an earlier server has moved its processes (see below), or systemd has put ours.
    let own = match found.base.parent() {
        Some(parent) if found.base.ends_with(LEAF) => parent.to_owned(),
        _ => found.base,
    };
    let above = match found.kind {
        Kind::V2 => handed_over(&own).filter(|group| group.is_dir()),
        Kind::V1 { .. } => None,
    };
    let above = above.unwrap_or(own);
    let base = above.join(name);
    if found.kind == Kind::V2 {
        hand_down(&above, &base)?;
    } else {
        fs::create_dir_all(&base).ok()?;
    }
    Some(Hierarchy { base, ..found })
}

/// With programs in a folder of their own, idle, where that can be (Linux 5.15).
fn with_idle_programs(found: Hierarchy, name: &str) -> Vec<Hierarchy> {
    let programs = found.base.with_file_name(format!("{name}{PROGRAMS}"));
    let Some(both) = split(&found, programs) else {
        return vec![found];
    };
    let [programs, runners] = &both;
    let made = match (&found.kind, programs.base.parent()) {
        (Kind::V2, Some(above)) => hand_down(above, &programs.base),
        _ => fs::create_dir_all(&programs.base).ok(),
    };
    if made.is_none() || fs::write(programs.base.join(IDLE), "1").is_err() {
        let _ = fs::remove_dir(&programs.base);
        return vec![found];
    }
    // Programs of an earlier version's sandboxes are beside their runners: they would use it up.
    if !has_programs(&runners.base) {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let _ = apply(&[plan_runners(runners, processors)]);
    }
    both.into()
}

/// Whether programs of a repl have a group in a folder of repls' groups.
fn has_programs(base: &Path) -> bool {
    let mut repls = fs::read_dir(base).into_iter().flatten().flatten();
    repls.any(|repl| repl.path().join("programs").is_dir())
}

/// Makes `base`, and has `above` and it limit what is below them.
fn hand_down(above: &Path, base: &Path) -> Option<()> {
    let controllers = fs::read_to_string(above.join("cgroup.controllers")).unwrap_or_default();
    let has = |c| controllers.split_whitespace().any(|x| x == c);
    if !has("memory") || !has("pids") {
        return None;
    }
    let limits = "+memory +pids";
    fs::create_dir_all(base).ok()?;
    if fs::write(above.join("cgroup.subtree_control"), limits).is_err() {
        // A group with processes can't hand controllers down (cgroups(7)): ours move below.
        let leaf = above.join(LEAF);
        fs::create_dir_all(&leaf).ok()?;
        for pid in members(above) {
            let _ = fs::write(leaf.join("cgroup.procs"), pid.to_string());
        }
        fs::write(above.join("cgroup.subtree_control"), limits).ok()?;
    }
    fs::write(base.join("cgroup.subtree_control"), limits).ok()?;
    // Shares of processors and disks are welcome, each by itself.
    for shares in ["+cpu", "+io"].into_iter().filter(|c| has(&c[1..])) {
        for group in [above, base] {
            let _ = fs::write(group.join("cgroup.subtree_control"), shares);
        }
    }
    Some(())
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
