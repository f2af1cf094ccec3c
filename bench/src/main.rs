//! `make bench`: measures what a person feels, beside a peer or the floor in the same run.
//!
//! Results are appended to `target/bench.jsonl`, one JSON object a line; the last line printed is
//! `N targets, M missed`.

mod class;
mod density;
mod line;
mod machine;
mod neighbours;
mod peer;
mod registry;
mod report;
mod start;
mod storage;
mod terminal;

use std::path::PathBuf;

use anyhow::bail;
use clap::Parser;
use report::Report;
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
struct Options {
    /// One section alone: echo, output, start, density, neighbours, storage, class
    #[arg(long)]
    section: Option<String>,
    /// The program that is measured
    #[arg(long, default_value = "target/debug/alcove")]
    alcove: PathBuf,
    /// How often a start is measured, in the section start
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..))]
    starts: u32,
    /// How many repls are to run at once, in the section density
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=5000))]
    repls: u32,
    /// Serves as the peer of the terminal sections (started by this program itself)
    #[arg(long, hide = true)]
    peer: bool,
    /// Serves as what is measured of the section storage, before the store on this port
    #[arg(long, hide = true)]
    subject: Option<u16>,
}

impl Options {
    /// A server that Ctrl-C does not reach: it ends with its section.
    fn server(&self) -> alcove_testkit::Options {
        alcove_testkit::Options {
            is_apart: true,
            ..alcove_testkit::Options::new(&self.alcove)
        }
    }
}

type Section = (
    &'static str,
    fn(&Options, &mut Report) -> anyhow::Result<()>,
);

const SECTIONS: [Section; 7] = [
    ("echo", terminal::echo),
    ("output", terminal::output),
    ("start", start::run),
    ("density", density::run),
    ("neighbours", neighbours::run),
    ("storage", storage::run),
    ("class", class::run),
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
        bail!(
            "there is no section {name}; there are: {}",
            names.join(", ")
        );
    }
    let mut report = Report::open("target/bench.jsonl")?;
    for (name, run) in SECTIONS {
        if wanted.is_none_or(|w| w == name) {
            run(&options, &mut report)?;
        }
    }
    report.end();
    Ok(())
}

/// Runs a section's work to its end, or until it is interrupted: then what it started ends with it.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(async {
            let mut interrupt = signal(SignalKind::interrupt())?;
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::select! {
                done = work => done,
                _ = interrupt.recv() => bail!("interrupted"),
                _ = terminate.recv() => bail!("told to end"),
            }
        })
}
