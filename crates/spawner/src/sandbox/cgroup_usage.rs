//! What a repl's programs use, as its control groups say: pure functions over the text of their files.

use std::path::Path;
use std::time::Duration;

use super::cgroup_plan::{Hierarchy, Kind, Part};
use crate::Usage;

/// What the groups of a repl say, in all hierarchies together; `read` gives a file's text, if there is one.
pub fn usage(
    hierarchies: &[Hierarchy],
    id: &str,
    read: impl Fn(&Path) -> Option<String>,
) -> Option<Usage> {
    let mut usage = Usage::default();
    let mut is_known = false;
    for Hierarchy { base, kind, part } in hierarchies {
        let group = base.join(id).join("programs");
        // What an earlier version started has its programs beside the runner, and not where they would be now.
        if *part != Part::Whole && read(&group.join("cgroup.procs")).is_none() {
            continue;
        }
        let number = |file: &str| read(&group.join(file))?.trim().parse::<u64>().ok();
        let named = |file: &str, name: &str| field(&read(&group.join(file))?, name);
        match kind {
            Kind::V2 => {
                // Pages of files that nobody uses are given back before anything is refused.
                let cached = named("memory.stat", "inactive_file").unwrap_or(0);
                usage.memory = number("memory.current")?.saturating_sub(cached);
                usage.processes = number("pids.current")? as u32;
                usage.cpu = Duration::from_micros(named("cpu.stat", "usage_usec").unwrap_or(0));
                usage.killed = named("memory.events", "oom_kill").unwrap_or(0);
                usage.refused = named("pids.events", "max").unwrap_or(0);
                is_known = true;
            }
            Kind::V1 {
                memory,
                pids,
                cpuacct,
                ..
            } => {
                if *memory {
                    let cached = named("memory.stat", "total_inactive_file").unwrap_or(0);
                    usage.memory = number("memory.usage_in_bytes")?.saturating_sub(cached);
                    usage.killed = named("memory.oom_control", "oom_kill").unwrap_or(0);
                    is_known = true;
                }
                if *pids {
                    usage.processes = number("pids.current")? as u32;
                    usage.refused = named("pids.events", "max").unwrap_or(0);
                }
                if *cpuacct {
                    usage.cpu = Duration::from_nanos(number("cpuacct.usage")?);
                }
            }
        }
    }
    is_known.then_some(usage)
}

/// The number that stands behind a name, in a file of such lines.
fn field(text: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.split_once(' '));
    let (_, value) = lines.find(|(key, _)| *key == name)?;
    value.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::PathBuf;

    use super::*;

    fn read(files: &[(&str, &str)]) -> impl Fn(&Path) -> Option<String> {
        let files: HashMap<PathBuf, String> = files
            .iter()
            .map(|(path, text)| (PathBuf::from(path), (*text).to_owned()))
            .collect();
        move |path| files.get(path).cloned()
    }

    #[test]
    fn version_two_has_all_in_one_group() {
        let of = |base: &str, part| Hierarchy {
            base: base.into(),
            kind: Kind::V2,
            part,
        };
        // What the runner uses is not counted.
        let hierarchies = [
            of("/cg/alcove-programs", Part::Programs),
            of("/cg/alcove", Part::Runner),
        ];
        let files = [
            ("/cg/alcove-programs/a/programs/cgroup.procs", ""),
            ("/cg/alcove-programs/a/programs/memory.current", "1000\n"),
            (
                "/cg/alcove-programs/a/programs/memory.stat",
                "anon 1\ninactive_file 300\nactive_file 7\n",
            ),
            ("/cg/alcove-programs/a/programs/pids.current", "4\n"),
            (
                "/cg/alcove-programs/a/programs/cpu.stat",
                "usage_usec 2500\nuser_usec 1\n",
            ),
            (
                "/cg/alcove-programs/a/programs/memory.events",
                "low 0\noom 3\noom_kill 2\n",
            ),
            ("/cg/alcove-programs/a/programs/pids.events", "max 5\n"),
        ];
        let expected = Usage {
            memory: 700,
            processes: 4,
            cpu: Duration::from_micros(2500),
            killed: 2,
            refused: 5,
            disk: None,
        };
        assert_eq!(usage(&hierarchies, "a", read(&files)), Some(expected));
        assert_eq!(usage(&hierarchies, "b", read(&files)), None);
        // As an earlier version has started it.
        let before = files.map(|(path, text)| (path.replace("-programs", ""), text));
        let before = before.each_ref().map(|(path, text)| (path.as_str(), *text));
        assert_eq!(usage(&hierarchies, "a", read(&before)), Some(expected));
    }

    #[test]
    fn version_one_has_a_group_for_each_controller() {
        let v1 = |base: &str, memory, pids, cpuacct| Hierarchy {
            base: base.into(),
            kind: Kind::V1 {
                memory,
                pids,
                cpu: false,
                cpuacct,
                blkio: false,
            },
            part: Part::Whole,
        };
        let hierarchies = [
            v1("/cg/memory", true, false, false),
            v1("/cg/pids", false, true, false),
            v1("/cg/cpuacct", false, false, true),
        ];
        let files = [
            ("/cg/memory/a/programs/memory.usage_in_bytes", "100\n"),
            (
                "/cg/memory/a/programs/memory.stat",
                "inactive_file 5\ntotal_inactive_file 200\n",
            ),
            (
                "/cg/memory/a/programs/memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n",
            ),
            ("/cg/pids/a/programs/pids.current", "9\n"),
            ("/cg/pids/a/programs/pids.events", "max 0\n"),
            ("/cg/cpuacct/a/programs/cpuacct.usage", "1500000\n"),
        ];
        let expected = Usage {
            memory: 0,
            processes: 9,
            cpu: Duration::from_micros(1500),
            killed: 1,
            refused: 0,
            disk: None,
        };
        assert_eq!(usage(&hierarchies, "a", read(&files)), Some(expected));
        assert_eq!(usage(&[], "a", read(&files)), None);
    }
}
