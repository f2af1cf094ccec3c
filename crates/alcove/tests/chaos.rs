//! People type and run programs in many repls while anything is killed, cut off or taken away, at random:
//! the server, runners, programs, the way to the network, connections, the store. Afterwards every repl must
//! open, hold what was acknowledged (as in `kills.rs`), and have left nothing on the machine.
//!
//! `CHAOS_REPLS` repls, 10 unless said otherwise, for `CHAOS_SECONDS`, 60; `CHAOS_SEED` repeats one run's
//! choices, though not its moments. The last line is `N leaked, M lost, K of L reopened`.

mod common;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use alcove_testkit::writing::{Round, file, stop_program, write_lines};
use alcove_testkit::{Options, Server, Session, Traces, kill_sandbox};
use anyhow::{Context, ensure};
use common::{is_asked_for, number};
use futures_util::future::join_all;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};

const REPLS: usize = 10;
const SECONDS: u64 = 60;
/// A person works for so long at most before they come anew,
const LONGEST_ROUND: Duration = Duration::from_secs(8);
/// and is away for so long at most: longer than the repl waits for them.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Between two harms.
const LONGEST_PEACE: Duration = Duration::from_millis(800);
/// One of so many repls is harmed at a time.
const PART: usize = 10;
/// The store is away for so long: at least until what was being written when it went has been looked for.
const ABSENCE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// Between two words of all people together, and two lines of all programs.
const TURN: Duration = Duration::from_millis(8);

/// What is done to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Harm {
    Server,
    Runner,
    Program,
    /// The way of all sandboxes to the network: slirp4netns.
    Uplink,
    Connection,
    Store,
}

const HARMS: [Harm; 6] = [
    Harm::Server,
    Harm::Runner,
    Harm::Program,
    Harm::Uplink,
    Harm::Connection,
    Harm::Store,
];

/// Sandboxes that are ready while harm is done.
const WARM: &str = "2";

/// `warm`: how many sandboxes may be ready for repls that are not made yet.
fn options(warm: &str) -> Options {
    Options::new(env!("CARGO_BIN_EXE_alcove"))
        .arg("--network", "internet")
        .arg("--grace-period", "500ms")
        .arg("--stop-patience", "200ms")
        .arg("--warm", warm)
}

/// One who works in a repl, whatever happens to it.
struct Person {
    repl: String,
    token: String,
    /// Of the server that runs now.
    address: watch::Receiver<SocketAddr>,
    over: watch::Receiver<bool>,
    /// The connection breaks off.
    cut: Arc<Notify>,
    turn: Duration,
    random: StdRng,
}

impl Person {
    async fn live(mut self) -> Vec<Round> {
        let mut rounds = Vec::new();
        while !*self.over.borrow() {
            let mut round = Round {
                number: rounds.len() as u32 + 1,
                ..Round::default()
            };
            let mut over = self.over.clone();
            tokio::select! {
                // That it fails is what is tried.
                _ = self.work(&mut round) => {}
                () = self.cut.notified() => {}
                _ = over.wait_for(|over| *over) => {}
            }
            rounds.push(round);
            sleep(LONGEST_PAUSE.mul_f64(self.random.random())).await;
        }
        rounds
    }

    async fn work(&self, round: &mut Round) -> anyhow::Result<()> {
        let address = *self.address.borrow();
        let mut page = Session::connect(address, &self.token, &self.repl).await?;
        stop_program(&mut page).await?;
        let (mut document, program) = round.begin(&mut page).await?;
        let lines = write_lines(&round.log(), self.turn.as_secs_f64());
        page.input(program, &lines).await?;
        let began = Instant::now();
        while began.elapsed() < LONGEST_ROUND {
            round.type_word(&mut page, &mut document).await?;
            round
                .listen(&mut page, &document, program, self.turn)
                .await?;
        }
        Ok(())
    }
}

/// What is left of the trial when it is over.
struct Outcome {
    leaked: Vec<String>,
    lost: Vec<String>,
    reopened: usize,
    acknowledged: usize,
    done: BTreeMap<Harm, usize>,
}

struct Trial {
    data: PathBuf,
    server: Server,
    address: watch::Sender<SocketAddr>,
    traces: Traces,
    repls: Vec<(String, Arc<Notify>)>,
    random: StdRng,
}

impl Trial {
    async fn do_harm(&mut self, harm: Harm) -> anyhow::Result<()> {
        match harm {
            Harm::Server => {
                self.server.end(libc::SIGKILL).await?;
                self.server = Server::start_over(options(WARM), &self.data).await?;
                self.address.send_replace(self.server.address);
            }
            Harm::Runner | Harm::Program | Harm::Connection => {
                for _ in 0..self.repls.len().div_ceil(PART) {
                    self.harm_a_repl(harm)?;
                }
            }
            Harm::Uplink => {
                let record = std::fs::read(self.data.join("sandboxes/router.json"))?;
                let record: Value = serde_json::from_slice(&record)?;
                let pid = record["uplink"]["pid"].as_u64().unwrap_or(0);
                // It may have ended just now.
                let command = std::fs::read_to_string(format!("/proc/{pid}/cmdline"));
                if command.is_ok_and(|command| command.contains("slirp4netns")) {
                    kill(u32::try_from(pid)?)?;
                }
            }
            Harm::Store => {
                let (store, away) = (self.data.join("store"), self.data.join("store-away"));
                std::fs::rename(&store, &away)?;
                let (shortest, longest) = ABSENCE;
                sleep(shortest + (longest - shortest).mul_f64(self.random.random())).await;
                // What was just being written may have begun another folder: nothing in it was acknowledged.
                while std::fs::rename(&away, &store).is_err() {
                    let _ = std::fs::remove_dir_all(&store);
                }
            }
        }
        Ok(())
    }

    fn harm_a_repl(&mut self, harm: Harm) -> anyhow::Result<()> {
        let (repl, cut) = &self.repls[self.random.random_range(0..self.repls.len())];
        match harm {
            Harm::Connection => cut.notify_one(),
            // It may not run just now.
            Harm::Runner => drop(kill_sandbox(&self.data, repl)),
            _ => {
                let programs = self.traces.programs_of(repl);
                if !programs.is_empty() {
                    kill(programs[self.random.random_range(0..programs.len())])?;
                }
            }
        }
        Ok(())
    }

    /// Stops all repls: whatever is not saved is saved now.
    async fn rest(&self) -> anyhow::Result<()> {
        let stops = self
            .repls
            .iter()
            .map(|(repl, _)| self.server.stop_repl(repl));
        join_all(stops).await.into_iter().collect()
    }

    /// Opens a repl; what is missing in it, of what was acknowledged.
    async fn reopen(&self, repl: &str, rounds: &[Round]) -> anyhow::Result<Vec<String>> {
        let mut page = self.server.session(repl).await?;
        ensure!(page.command("true").await?.1 == 0, "no shell");
        let http = self.server.http();
        let mut lost = Vec::new();
        for round in rounds {
            let lines = file(&http, repl, &round.log()).await?;
            let lines = String::from_utf8(lines)?.lines().count();
            for expected in round.expected(false, lines) {
                let there = file(&http, repl, &expected.path).await?;
                let wrong = expected.compare(&there);
                lost.extend(wrong.map(|wrong| format!("{repl}: {wrong}")));
            }
        }
        Ok(lost)
    }
}

fn kill(pid: u32) -> anyhow::Result<()> {
    // SAFETY: kill(2) takes two numbers; the pid is that of a process of this trial's own server.
    unsafe { libc::kill(i32::try_from(pid)?, libc::SIGKILL) };
    Ok(())
}

async fn run(repls: usize, time: Duration, seed: u64) -> anyhow::Result<Outcome> {
    let folder = tempfile::Builder::new().prefix("alcove-chaos-").tempdir()?;
    let data = folder.path().join("data");
    let server = Server::start_over(options(WARM), &data).await?;
    let mut random = StdRng::seed_from_u64(seed);
    let address = watch::Sender::new(server.address);
    let over = watch::Sender::new(false);
    let (mut made, mut people) = (Vec::new(), Vec::new());
    for _ in 0..repls {
        let repl = server.create("blank").await?;
        let cut = Arc::new(Notify::new());
        made.push((repl.clone(), cut.clone()));
        people.push(Person {
            repl,
            token: server.token.clone(),
            address: address.subscribe(),
            over: over.subscribe(),
            cut,
            turn: TURN * u32::try_from(repls)?,
            random: StdRng::seed_from_u64(random.random()),
        });
    }
    let first = server.session(&made[0].0).await?;
    let traces = Traces::of(&server)?;
    drop(first);
    let people: Vec<_> = people.into_iter().map(|p| tokio::spawn(p.live())).collect();
    let mut trial = Trial {
        data,
        server,
        address,
        traces,
        repls: made,
        random,
    };
    let mut done = BTreeMap::new();
    let end = Instant::now() + time;
    while Instant::now() < end {
        sleep(LONGEST_PEACE.mul_f64(trial.random.random())).await;
        let harm = HARMS[trial.random.random_range(0..HARMS.len())];
        trial
            .do_harm(harm)
            .await
            .with_context(|| format!("{harm:?}"))?;
        *done.entry(harm).or_default() += 1;
    }
    over.send_replace(true);
    let mut rounds = Vec::new();
    for person in people {
        rounds.push(person.await?);
    }
    trial.rest().await?;
    // What is ready for others is no leak: from now on nothing is.
    trial.server.end(libc::SIGINT).await?;
    trial.server = Server::start_over(options("0"), &trial.data).await?;
    let mut leaked = trial.traces.left_of_repls().await;
    let (mut lost, mut reopened) = (Vec::new(), 0);
    for ((repl, _), rounds) in trial.repls.iter().zip(&rounds) {
        match trial.reopen(repl, rounds).await {
            Ok(missing) => {
                reopened += 1;
                lost.extend(missing);
            }
            Err(error) => eprintln!("{repl} does not open: {error:#}"),
        }
    }
    trial.rest().await?;
    trial.server.stop().await?;
    leaked.extend(trial.traces.left().await);
    for what in leaked.iter().chain(&lost) {
        eprintln!("{what}");
    }
    if !lost.is_empty() || reopened < repls {
        eprintln!("kept: {}", folder.keep().display());
    }
    let acknowledged = rounds.iter().flatten();
    Ok(Outcome {
        leaked,
        lost,
        reopened,
        acknowledged: acknowledged
            .map(|r| r.typed_on_disk + r.lines_on_disk)
            .sum(),
        done,
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if !is_asked_for("chaos") {
        return ExitCode::SUCCESS;
    }
    let repls = number("CHAOS_REPLS").map_or(REPLS, |n| n as usize);
    let time = Duration::from_secs(number("CHAOS_SECONDS").unwrap_or(SECONDS));
    let seed = number("CHAOS_SEED").unwrap_or_else(rand::random);
    println!("{repls} repls for {time:?}, seed {seed}");
    match run(repls, time, seed).await {
        Ok(Outcome {
            leaked,
            lost,
            reopened,
            acknowledged,
            done,
        }) => {
            println!("{done:?}, {acknowledged} acknowledged");
            let (leaked, lost) = (leaked.len(), lost.len());
            println!("{leaked} leaked, {lost} lost, {reopened} of {repls} reopened");
            ExitCode::from(u8::from(leaked + lost > 0 || reopened < repls))
        }
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
