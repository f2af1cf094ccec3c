//! Memory of the server, and of one idle repl: proportional set size, proc_pid_smaps_rollup(5).

use std::path::PathBuf;
use std::time::Duration;

use alcove_testkit::{Options, Server, eventually};
use anyhow::Context;

use crate::block_on;
use crate::report::{Case, Report, Target};

const REPLS: usize = 10;

/// MB of a process.
fn pss(pid: u32) -> Option<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let kb: f64 = text
        .lines()
        .find(|l| l.starts_with("Pss:"))?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()?;
    Some(kb / 1000.0)
}

/// Our own processes beside the server: launchers and runners, not the users' shells.
fn helpers(server: u32) -> Vec<u32> {
    let children = |pid: u32| -> Vec<u32> {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
            .into_iter()
            .flatten()
            .flatten();
        tasks
            .filter_map(|t| std::fs::read_to_string(t.path().join("children")).ok())
            .flat_map(|text| {
                text.split_whitespace()
                    .filter_map(|p| p.parse().ok())
                    .collect::<Vec<u32>>()
            })
            .collect()
    };
    let mut found = Vec::new();
    let mut next = children(server);
    while let Some(pid) = next.pop() {
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if matches!(name.trim(), "bwrap" | "alcove") {
            found.push(pid);
        }
        next.extend(children(pid));
    }
    found
}

pub fn run(alcove: &PathBuf, report: &mut Report) -> anyhow::Result<()> {
    block_on(async {
        let server = Server::start(Options::new(alcove).arg("--grace-period", "never")).await?;
        let before = pss(server.pid()).context("the server's memory")?;
        let mut add = |case, value, target| {
            let case = Case {
                section: "memory",
                case,
                subject: "alcove",
                metric: "PSS",
                unit: "MB",
                samples: &[value],
            };
            report.add(&case, None, target)
        };
        add("server, no repl", before, None)?;
        for _ in 0..REPLS {
            let repl = server.create("blank").await?;
            let mut session = server.session(&repl).await?;
            let terminal = session.shell().await?;
            session.until_output(terminal, "$ ").await?;
        }
        // One shell at its prompt, nobody there.
        eventually("nobody is there", || async {
            let list = server.http().get("/api/repls").await.ok()?.json();
            list.as_array()?
                .iter()
                .all(|r| r["state"]["people"] == 0)
                .then_some(())
        })
        .await;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let grown =
            (pss(server.pid()).context("the server's memory")? - before).max(0.0) / REPLS as f64;
        let ours: f64 = helpers(server.pid())
            .into_iter()
            .filter_map(pss)
            .sum::<f64>()
            / REPLS as f64;
        add("an idle repl's share of the server", grown, None)?;
        add(
            "one idle repl, all of ours",
            grown + ours,
            Some(Target::AtMost(5.0)),
        )?;
        server.stop().await?;
        Ok(())
    })
}
