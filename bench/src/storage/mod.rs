//! The way of files from and to a store that is 30 ms away: Alcove's, beside the plain way of editors (one
//! object a file), `rclone copy` and `restic`, all through the same proxy to the same server.

mod proxy;
mod server;
pub mod subject;
mod tools;
mod tree;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use proxy::{Proxy, Traffic};
use server::Server;
use subject::{Order, Subject, Took};
use tools::Tools;

use crate::report::{Case, Report, Target};
use crate::{Options, block_on};

const SECTION: &str = "storage";
/// What `make bench` has built and installed.
const SERVER: &str = "target/versitygw/versitygw";
const APP: &str = "target/bench/app";

/// Starts: of Alcove, and of each peer.
const STARTS: usize = 6;
const PEER_STARTS: usize = 3;
/// Checkpoints of one edit, repls that are made: Alcove's, and those of the peers.
const EDITS: usize = 20;
const PEER_EDITS: usize = 5;
const PEER_FORKS: usize = 1;
/// The large file, what of it is changed, and how often.
const LARGE_BYTES: u64 = 1_000_000_000;
const CHANGED_BYTES: usize = 1000;
const CHANGES: usize = 3;

/// The file that is edited.
const EDITED: &str = "app/page.tsx";

pub fn run(_: &Options, report: &mut Report) -> anyhow::Result<()> {
    block_on(async {
        ensure!(
            Path::new(APP).join("node_modules").exists(),
            "{APP} is missing: `make bench SECTION=storage` installs it"
        );
        // On the same disk as the data of `make run`.
        let dir = tempfile::tempdir_in("target/bench")?;
        let mut section = Section::start(dir.path()).await?;
        section.prepare().await?;
        section.edits(report).await?;
        section.new_repls(report).await?;
        section.starts(report).await?;
        section.large_file(report).await
    })
}

/// What one thing took, of one subject.
#[derive(Default)]
struct Samples {
    subject: &'static str,
    seconds: Vec<f64>,
    usable: Vec<f64>,
    cpu: Vec<f64>,
    requests: Vec<f64>,
    sent: Vec<f64>,
    /// How often each method was used, in the last run.
    methods: String,
}

impl Samples {
    fn of(subject: &'static str) -> Self {
        Self {
            subject,
            ..Self::default()
        }
    }

    fn add(&mut self, took: &Took, traffic: &Traffic) {
        self.seconds.push(took.all);
        self.usable.push(took.usable);
        self.cpu.push(took.cpu);
        self.requests.push(traffic.total() as f64);
        self.sent.push(traffic.sent as f64);
        let methods = traffic.requests.iter().map(|(m, n)| format!("{n} {m}"));
        self.methods = methods.collect::<Vec<_>>().join(", ");
    }
}

struct Section {
    _server: Server,
    proxy: Proxy,
    subject: Subject,
    tools: Tools,
    dir: PathBuf,
    /// Number of the newest state of the repl `app`.
    head: u64,
    /// Files of the app, and their bytes.
    size: (usize, u64),
}

impl Section {
    async fn start(dir: &Path) -> anyhow::Result<Self> {
        let dir = dir.canonicalize()?;
        for name in ["store", "tools"] {
            std::fs::create_dir(dir.join(name))?;
        }
        let server = Server::start(Path::new(SERVER), &dir.join("store")).await?;
        let proxy = Proxy::start(server.address).await?;
        Ok(Self {
            subject: Subject::start(proxy.port())?,
            tools: Tools::new(proxy.port(), dir.join("tools")),
            _server: server,
            proxy,
            dir,
            head: 0,
            size: (0, 0),
        })
    }

    /// Carries out an order, with what passes to the store meanwhile.
    async fn order(&mut self, order: &Order) -> anyhow::Result<(Took, Traffic)> {
        let before = self.quiet()?;
        let took = self.subject.order(order).await?;
        Ok((took, self.proxy.traffic()? - &before))
    }

    async fn rclone(&self, from: &str, to: &str) -> anyhow::Result<(Took, Traffic)> {
        let before = self.quiet()?;
        let all = self.tools.rclone(from, to).await?;
        Ok((seconds(all), self.proxy.traffic()? - &before))
    }

    async fn restic(
        &self,
        under: &str,
        arguments: &[&str],
        knows: bool,
    ) -> anyhow::Result<(Took, Traffic)> {
        let before = self.quiet()?;
        let all = self.tools.restic(under, arguments, knows).await?;
        Ok((seconds(all), self.proxy.traffic()? - &before))
    }

    /// What has passed until now. The disk has nothing more to write for what was before.
    fn quiet(&self) -> anyhow::Result<Traffic> {
        rustix::fs::sync();
        self.proxy.traffic()
    }

    /// The repl that is edited.
    fn repl(&self) -> PathBuf {
        self.dir.join("edited")
    }

    fn app(&self) -> PathBuf {
        self.repl().join("workspace")
    }

    /// Puts the app into the store, for each subject, and starts the repl that is edited.
    async fn prepare(&mut self) -> anyhow::Result<()> {
        let first = self.dir.join("first");
        std::fs::create_dir_all(first.join("home"))?;
        tree::copy(Path::new(APP), &first.join("workspace")).await?;
        self.size = tree::size(&first.join("workspace"))?;
        println!(
            "{SECTION:<10} {} files of {} MB",
            self.size.0,
            self.size.1 / 1_000_000
        );
        let put = Order::PlainPut {
            under: "plain".into(),
            dir: first.join("workspace"),
        };
        self.order(&put).await?;
        let import = Order::Import {
            repl: "app".into(),
            dir: first,
        };
        self.head = self.order(&import).await?.0.number;
        self.start_into(self.repl()).await?;
        let app = path(&self.app())?.to_owned();
        self.restic("restic", &["init"], true).await?;
        self.restic("restic", &["backup", &app], true).await?;
        Ok(())
    }

    /// Starts the repl `app` from the store.
    async fn start_into(&mut self, dir: PathBuf) -> anyhow::Result<(Took, Traffic)> {
        std::fs::create_dir(&dir)?;
        let start = Order::Start {
            repl: "app".into(),
            after: self.head,
            dir,
        };
        let (took, traffic) = self.order(&start).await?;
        self.head = took.number;
        Ok((took, traffic))
    }

    /// A repl that is on no disk yet, until it can be used, and until it is whole.
    async fn starts(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let (size, remote) = (self.size, Tools::rclone_place("plain"));
        let mut alcove = Samples::of("alcove");
        let mut plain = Samples::of("plain");
        let mut rclone = Samples::of("rclone");
        let mut restic = Samples::of("restic");
        // All of them stay until the end: ext4 passes over inodes that were deleted a short while ago, one
        // by one, whenever it makes a file.
        let self_dir = self.dir.clone();
        let folder = |turn: usize, by: &str| self_dir.join(format!("{by}-{turn}"));
        for turn in 0..STARTS.max(PEER_STARTS) {
            if turn < STARTS {
                let to = folder(turn, "alcove");
                let (took, traffic) = self.start_into(to.clone()).await?;
                alcove.add(&took, &traffic);
                whole(&to.join("workspace"), size)?;
            }
            if turn < PEER_STARTS {
                let to = folder(turn, "plain");
                let get = Order::PlainGet {
                    under: "plain".into(),
                    dir: to.clone(),
                };
                let (took, traffic) = self.order(&get).await?;
                plain.add(&took, &traffic);
                whole(&to, size)?;
                let to = folder(turn, "rclone");
                let (took, traffic) = self.rclone(&remote, path(&to)?).await?;
                rclone.add(&took, &traffic);
                whole(&to, size)?;
                let to = folder(turn, "restic");
                let arguments = ["restore", "latest", "--target", path(&to)?];
                let (took, traffic) = self.restic("restic", &arguments, false).await?;
                restic.add(&took, &traffic);
                whole(&to, size)?;
            }
        }
        let case = "start, whole app";
        for peer in [&plain, &rclone, &restic] {
            report.add(&of(case, peer, "requests", "", &peer.requests), None, None)?;
            report.add(&of(case, peer, "whole", "s", &peer.seconds), None, None)?;
        }
        for samples in [&alcove, &plain] {
            report.add(&of(case, samples, "CPU", "s", &samples.cpu), None, None)?;
        }
        let requests = of(case, &alcove, "requests", "", &alcove.requests);
        report.add(&requests, Some(("plain", &plain.requests)), None)?;
        let usable = milliseconds(&alcove.usable);
        let usable = of(case, &alcove, "usable", "ms", &usable);
        report.add(&usable, None, Some(Target::AtMost(150.0)))?;
        let seconds = of(case, &alcove, "whole", "s", &alcove.seconds);
        report.add(&seconds, None, Some(Target::AtMost(3.0)))?;
        for (peer, target) in [
            (&plain, Some(Target::RatioAtMost(0.125))),
            (&rclone, None),
            (&restic, None),
        ] {
            report.add(&seconds, Some((peer.subject, &peer.seconds)), target)?;
        }
        methods(case, &[&alcove, &plain, &rclone, &restic]);
        Ok(())
    }

    /// One file of the app is edited, and saved.
    async fn edits(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let edited = self.app().join(EDITED);
        let before = std::fs::read_to_string(&edited)?;
        let (under, _) = EDITED.rsplit_once('/').context("a folder")?;
        let put = Order::PlainPutOne {
            under: format!("plain/{under}"),
            path: edited.clone(),
        };
        let app = path(&self.app())?.to_owned();
        let mut alcove = Samples::of("alcove");
        let mut at_stop = Samples::of("alcove");
        let mut plain = Samples::of("plain");
        let mut rclone = Samples::of("rclone");
        let mut restic = Samples::of("restic");
        for turn in 0..EDITS {
            let edit = |by: &str| {
                let comment = format!("// {by} {turn}\n");
                std::fs::write(&edited, format!("{comment}{before}"))
            };
            for (samples, is_final) in [(&mut alcove, false), (&mut at_stop, true)] {
                edit(if is_final {
                    "at the end"
                } else {
                    "while it runs"
                })?;
                let (took, traffic) = self.order(&Order::Checkpoint { is_final }).await?;
                self.head = took.number;
                samples.add(&took, &traffic);
            }
            if turn < PEER_EDITS {
                edit("plainly")?;
                let (took, traffic) = self.order(&put).await?;
                plain.add(&took, &traffic);
                let (took, traffic) = self.rclone(&app, &Tools::rclone_place("plain")).await?;
                rclone.add(&took, &traffic);
                let (took, traffic) = self.restic("restic", &["backup", &app], true).await?;
                restic.add(&took, &traffic);
            }
        }
        // What is started later is the app as it was.
        std::fs::write(&edited, &before)?;
        let checkpoint = Order::Checkpoint { is_final: true };
        self.head = self.order(&checkpoint).await?.0.number;
        self.order(&put).await?;
        self.restic("restic", &["backup", &app], true).await?;
        let case = "one edit";
        for peer in [&plain, &rclone, &restic] {
            report.add(&of(case, peer, "requests", "", &peer.requests), None, None)?;
            let sent = kilobytes(&peer.sent);
            report.add(&of(case, peer, "sent", "KB", &sent), None, None)?;
            report.add(&of(case, peer, "saved", "s", &peer.seconds), None, None)?;
        }
        // At the end all is looked at, derived folders too.
        let most_cpu = Some(Target::AtMost(50.0));
        for (case, samples, most_cpu) in [
            (case, &alcove, most_cpu),
            ("one edit, at stop", &at_stop, None),
        ] {
            let requests = of(case, samples, "requests", "", &samples.requests);
            report.add(&requests, None, Some(Target::AtMost(5.0)))?;
            let cpu = milliseconds(&samples.cpu);
            report.add(&of(case, samples, "CPU", "ms", &cpu), None, most_cpu)?;
            let (sent, by_restic) = (kilobytes(&samples.sent), kilobytes(&restic.sent));
            let sent = of(case, samples, "sent", "KB", &sent);
            report.add(&sent, Some(("restic", &by_restic)), None)?;
            let seconds = of(case, samples, "saved", "s", &samples.seconds);
            report.add(&seconds, Some(("restic", &restic.seconds)), None)?;
        }
        methods(case, &[&alcove, &at_stop, &plain, &rclone, &restic]);
        Ok(())
    }

    /// A repl from a template, and from another repl.
    async fn new_repls(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let template = Order::Template { repl: "app".into() };
        self.order(&template).await?;
        let (mut create, mut fork) = (Samples::of("alcove"), Samples::of("alcove"));
        for n in 0..EDITS {
            let repl = format!("created-{n}");
            let (took, traffic) = self.order(&Order::Create { repl }).await?;
            create.add(&took, &traffic);
            let order = Order::Fork {
                repl: format!("forked-{n}"),
                from: "app".into(),
            };
            let (took, traffic) = self.order(&order).await?;
            fork.add(&took, &traffic);
        }
        let mut plain = Samples::of("plain");
        for n in 0..PEER_FORKS {
            let order = Order::PlainCopy {
                under: "plain".into(),
                to: format!("copied-{n}"),
            };
            let (took, traffic) = self.order(&order).await?;
            plain.add(&took, &traffic);
        }
        report.add(
            &of("fork", &plain, "requests", "", &plain.requests),
            None,
            None,
        )?;
        report.add(&of("fork", &plain, "made", "s", &plain.seconds), None, None)?;
        for (case, samples) in [("create", &create), ("fork", &fork)] {
            let requests = of(case, samples, "requests", "", &samples.requests);
            report.add(&requests, None, Some(Target::AtMost(5.0)))?;
            let seconds = of(case, samples, "made", "s", &samples.seconds);
            report.add(&seconds, Some(("plain", &plain.seconds)), None)?;
        }
        methods("fork", &[&create, &fork, &plain]);
        Ok(())
    }

    /// A little of a large file is changed, and saved.
    async fn large_file(&mut self, report: &mut Report) -> anyhow::Result<()> {
        let repl = self.dir.join("large");
        std::fs::create_dir_all(repl.join("workspace"))?;
        std::fs::create_dir(repl.join("home"))?;
        let file = repl.join("workspace/large.bin");
        tree::large_file(&file, LARGE_BYTES)?;
        let app = path(&repl.join("workspace"))?.to_owned();
        let remote = Tools::rclone_place("rclone-large");
        let import = Order::Import {
            repl: "large".into(),
            dir: repl,
        };
        self.order(&import).await?;
        self.rclone(&app, &remote).await?;
        self.restic("restic-large", &["init"], true).await?;
        self.restic("restic-large", &["backup", &app], true).await?;
        let mut alcove = Samples::of("alcove");
        let mut plain = Samples::of("plain");
        let mut rclone = Samples::of("rclone");
        let mut restic = Samples::of("restic");
        for turn in 0..CHANGES {
            tree::change(&file, turn as u64 + 1, CHANGED_BYTES)?;
            let checkpoint = Order::Checkpoint { is_final: false };
            let (took, traffic) = self.order(&checkpoint).await?;
            alcove.add(&took, &traffic);
            let put = Order::PlainPutOne {
                under: "plain-large".into(),
                path: file.clone(),
            };
            let (took, traffic) = self.order(&put).await?;
            plain.add(&took, &traffic);
            let (took, traffic) = self.rclone(&app, &remote).await?;
            rclone.add(&took, &traffic);
            let (took, traffic) = self.restic("restic-large", &["backup", &app], true).await?;
            restic.add(&took, &traffic);
        }
        let case = "1 KB of 1 GB changed";
        for peer in [&plain, &rclone, &restic] {
            let sent = megabytes(&peer.sent);
            report.add(&of(case, peer, "sent", "MB", &sent), None, None)?;
            report.add(&of(case, peer, "saved", "s", &peer.seconds), None, None)?;
        }
        let sent = megabytes(&alcove.sent);
        for peer in [&plain, &restic] {
            let by_peer = megabytes(&peer.sent);
            let sent = of(case, &alcove, "sent", "MB", &sent);
            report.add(&sent, Some((peer.subject, &by_peer)), None)?;
        }
        let seconds = of(case, &alcove, "saved", "s", &alcove.seconds);
        report.add(&seconds, Some(("plain", &plain.seconds)), None)?;
        methods(case, &[&alcove, &plain, &rclone, &restic]);
        Ok(())
    }
}

/// Fails unless all files are there: nobody is to be fast by leaving some out.
fn whole(dir: &Path, expected: (usize, u64)) -> anyhow::Result<()> {
    let found = tree::size(dir)?;
    ensure!(
        found == expected,
        "files and bytes of {}: {found:?}, not {expected:?}",
        dir.display()
    );
    Ok(())
}

fn seconds(all: f64) -> Took {
    Took {
        all,
        ..Took::default()
    }
}

fn of<'a>(
    case: &'a str,
    of: &Samples,
    metric: &'a str,
    unit: &'a str,
    samples: &'a [f64],
) -> Case<'a> {
    Case {
        section: SECTION,
        case,
        subject: of.subject,
        metric,
        unit,
        samples,
    }
}

/// Which requests they were.
fn methods(case: &str, subjects: &[&Samples]) {
    for samples in subjects {
        println!(
            "{:<10} {case:<22} {:<14} {}",
            "storage", samples.subject, samples.methods
        );
    }
}

fn milliseconds(seconds: &[f64]) -> Vec<f64> {
    seconds.iter().map(|s| s * 1000.0).collect()
}

fn kilobytes(bytes: &[f64]) -> Vec<f64> {
    bytes.iter().map(|b| b / 1000.0).collect()
}

fn megabytes(bytes: &[f64]) -> Vec<f64> {
    bytes.iter().map(|b| b / 1e6).collect()
}

fn path(path: &Path) -> anyhow::Result<&str> {
    path.to_str().context("a path that is text")
}
