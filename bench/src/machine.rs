//! What this machine says of processes and sandboxes: memory, processor time.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::Value;

/// Bytes that programs may still take (`MemAvailable`, proc_meminfo(5)).
pub fn available_memory() -> anyhow::Result<u64> {
    let text = fs::read_to_string("/proc/meminfo")?;
    Ok(field(&text, "MemAvailable:").context("MemAvailable")? as u64 * 1024)
}

/// Proportional set size of a process, in MB (proc_pid_smaps_rollup(5)).
pub fn pss(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    Some(field(&text, "Pss:")? * 1024.0 / 1e6)
}

/// Processor time that a process has taken, in ms (proc_pid_stat(5)).
pub fn cpu(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything.
    let mut fields = text.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    let per_second = rustix::param::clock_ticks_per_second() as f64;
    Some((ticks()? + ticks()?) / per_second * 1000.0)
}

/// The number behind a name, in a file of such lines.
fn field(text: &str, name: &str) -> Option<f64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(name));
    lines.next()?.split_whitespace().next()?.parse().ok()
}

/// A figure of `/metrics`, by its name with labels.
pub fn figure(metrics: &str, name: &str) -> Option<f64> {
    field(metrics, &format!("{name} "))
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let texts = tasks.filter_map(|task| fs::read_to_string(task.path().join("children")).ok());
    let pids = |text: String| -> Vec<u32> {
        let words = text.split_whitespace();
        words.filter_map(|pid| pid.parse().ok()).collect()
    };
    texts.flat_map(pids).collect()
}

/// A sandbox that runs, by the server's record of it.
pub struct Sandbox {
    launcher: u32,
    runner: u32,
    groups: Vec<PathBuf>,
}

impl Sandbox {
    pub fn read(data_dir: &Path, repl: &str) -> anyhow::Result<Self> {
        let path = data_dir.join(format!("sandboxes/sandboxes/{repl}.json"));
        let text = fs::read(&path).with_context(|| path.display().to_string())?;
        let record: Value = serde_json::from_slice(&text)?;
        let pid = |name: &str| -> anyhow::Result<u32> {
            let pid = record[name]["pid"].as_u64();
            Ok(u32::try_from(pid.with_context(|| format!("its {name}"))?)?)
        };
        let groups = record["cgroups"].as_array().into_iter().flatten();
        Ok(Self {
            launcher: pid("monitor")?,
            runner: pid("first")?,
            groups: groups.filter_map(|g| Some(g.as_str()?.into())).collect(),
        })
    }

    /// Ids of those that a server has a record of.
    pub fn all(data_dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(data_dir.join("sandboxes/sandboxes"));
        let names = entries.into_iter().flatten().flatten();
        let ids = names.filter_map(|e| Some(e.file_name().to_str()?.strip_suffix(".json")?.into()));
        ids.collect()
    }

    /// MB of launcher and runner.
    pub fn own_memory(&self) -> Option<f64> {
        Some(pss(self.launcher)? + pss(self.runner)?)
    }

    /// MB of its programs.
    pub fn programs_memory(&self) -> f64 {
        let (mut all, mut next) = (0.0, children(self.runner));
        while let Some(pid) = next.pop() {
            all += pss(pid).unwrap_or(0.0);
            next.extend(children(pid));
        }
        all
    }

    /// Processor time of all of it, in ms. `None`: no control group counts it.
    pub fn cpu(&self) -> Option<f64> {
        let read = |file: &str| {
            let mut texts = self.groups.iter().map(|g| fs::read_to_string(g.join(file)));
            texts.find_map(Result::ok)
        };
        // Version 1 counts in ns, version 2 in µs.
        match read("cpuacct.usage") {
            Some(text) => Some(text.trim().parse::<f64>().ok()? / 1e6),
            None => Some(field(&read("cpu.stat")?, "usage_usec")? / 1e3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_found_by_their_whole_name() {
        let text = "# TYPE alcove_step_seconds histogram\n\
            alcove_step_seconds_sum{step=\"start\"} 0.25\n\
            alcove_step_seconds_count{step=\"start\"} 3\n";
        let of = |name| figure(text, name);
        assert_eq!(of("alcove_step_seconds_sum{step=\"start\"}"), Some(0.25));
        assert_eq!(of("alcove_step_seconds_sum{step=\"sandbox\"}"), None);
        assert_eq!(of("alcove_step_seconds"), None);
    }

    #[test]
    fn this_process_takes_memory_and_time() {
        let own = std::process::id();
        let began = cpu(own).unwrap();
        assert!(pss(own).unwrap() > 0.1);
        let mut n = 0u64;
        while cpu(own).unwrap() < began + 30.0 {
            n = std::hint::black_box(n + 1);
        }
        assert!(available_memory().unwrap() > 1 << 20);
        assert_eq!(pss(u32::MAX), None);
    }
}
