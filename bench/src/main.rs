//! `make bench`: measures what a person feels, beside a peer or the floor in the same run.
//!
//! Results are appended to `target/bench.jsonl`, one JSON object a line; the last line printed is
//! `N targets, M missed`.

mod create;
mod memory;
mod peer;
mod report;
mod storage;
mod terminal;

use std::path::PathBuf;

use clap::Parser;
use report::Report;

#[derive(Parser)]
struct Options {
    /// One section alone: echo, output, create, memory, storage
    #[arg(long)]
    section: Option<String>,
    /// The program that is measured
    #[arg(long, default_value = "target/debug/alcove")]
    alcove: PathBuf,
    /// Serves as the peer of the terminal sections (started by this program itself)
    #[arg(long, hide = true)]
    peer: bool,
    /// Serves as what is measured of the section storage, before the store on this port
    #[arg(long, hide = true)]
    subject: Option<u16>,
}

type Section = (
    &'static str,
    fn(&PathBuf, &mut Report) -> anyhow::Result<()>,
);

const SECTIONS: [Section; 5] = [
    ("echo", terminal::echo),
    ("output", terminal::output),
    ("create", create::run),
    ("memory", memory::run),
    ("storage", storage::run),
];

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if options.peer {
        return peer::serve();
    }
    if let Some(port) = options.subject {
        return storage::subject::serve(port);
    }
    let wanted = options.section.as_deref();
    if let Some(name) = wanted
        && !SECTIONS.iter().any(|(known, _)| *known == name)
    {
        let names: Vec<&str> = SECTIONS.iter().map(|(name, _)| *name).collect();
        anyhow::bail!(
            "there is no section {name}; there are: {}",
            names.join(", ")
        );
    }
    let mut report = Report::open("target/bench.jsonl")?;
    for (name, run) in SECTIONS {
        if wanted.is_none_or(|w| w == name) {
            run(&options.alcove, &mut report)?;
        }
    }
    report.end();
    Ok(())
}

/// Runs a section's work to its end.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(work)
}
