//! Servers and sandboxes are killed in the midst of work, again and again. What had been acknowledged
//! must be there afterwards, once, and in order:
//!
//! - what a page typed, from the moment that the runner says "on disk" (`ON_DISK`);
//! - what two pages typed in one document, once they have come back, whether it was acknowledged or not; unless
//!   the machine's disk is lost;
//! - what a program wrote, from the moment that it has said so on its terminal;
//! - when the machine's disk is lost, too: all that was there when a save was asked for that succeeded.
//!
//! Each round is killed at a moment of its own. `KILL_ROUNDS` of them, 25 unless said otherwise;
//! `KILL_SEED` repeats one run's choices. The last line is `N acknowledged, M lost`.

mod common;

use std::process::ExitCode;
use std::time::Duration;

use alcove_testkit::document::Document;
use alcove_testkit::writing::{Round, file, stop_program, write_lines};
use alcove_testkit::{DEADLINE, Server, Session, eventually, kill_sandbox};
use anyhow::{Context, ensure};
use common::{is_asked_for, number, options};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, timeout_at};

const ROUNDS: u32 = 25;
/// A round is killed before this.
const LONGEST_ROUND: Duration = Duration::from_millis(1500);
/// Between two words that are typed.
const TYPING: Duration = Duration::from_millis(15);

/// What is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Server,
    /// The runner is its first process: all in it ends.
    Sandbox,
    Both,
    /// Both, and the disk that they work on.
    Machine,
}

/// Two pages with one document.
struct Pair {
    path: String,
    pages: [(Session, Document); 2],
    words: Vec<String>,
    /// One has seen what the other typed: from then on they must be able to come back.
    met: bool,
}

impl Pair {
    async fn open(server: &Server, repl: &str, path: String) -> anyhow::Result<Self> {
        let mut pages = Vec::new();
        for _ in 0..2 {
            let mut session = server.session(repl).await?;
            let document = Document::open(&mut session, &path).await?;
            pages.push((session, document));
        }
        let pages = pages.try_into().ok().context("two pages")?;
        Ok(Self {
            path,
            pages,
            words: Vec::new(),
            met: false,
        })
    }

    /// Each types a word, one before the text and one behind it, and sees what has come of the other's.
    async fn type_words(&mut self) -> anyhow::Result<()> {
        for (page, (session, document)) in self.pages.iter_mut().enumerate() {
            let word = format!("{page}-{} ", self.words.len());
            let at = [0, document.content().len()][page];
            document.insert(session, u32::try_from(at)?, &word).await?;
            self.words.push(word);
            let now = Instant::now();
            while let Ok(taken) = timeout_at(now, session.take()).await {
                taken?;
            }
            document.catch_up(session)?;
            self.met |= document.content().split(' ').any(|word| {
                let other = ["1-", "0-"][page];
                word.starts_with(other)
            });
        }
        Ok(())
    }

    /// Both come back at the same moment; what is wrong then.
    async fn come_back(mut self, server: &Server, repl: &str) -> anyhow::Result<Option<String>> {
        for (session, _) in &mut self.pages {
            *session = server.session(repl).await?;
        }
        let [(a, first), (b, second)] = &mut self.pages;
        let (first_knows, second_knows) =
            tokio::try_join!(first.reopen(a, &self.path), second.reopen(b, &self.path))?;
        if !first_knows || !second_knows {
            return Ok(self.met.then(|| format!("{} has another epoch", self.path)));
        }
        self.words.sort_unstable();
        for (session, document) in &mut self.pages {
            let has_all = |text: &str| self.words.iter().all(|word| text.contains(word.as_str()));
            document.until(session, has_all).await?;
            let mut there: Vec<String> = document
                .content()
                .split_inclusive(' ')
                .map(str::to_owned)
                .collect();
            there.sort_unstable();
            if there != self.words {
                let (there, words) = (there.len(), self.words.len());
                return Ok(Some(format!("{} has {there} words of {words}", self.path)));
            }
        }
        Ok(None)
    }
}

struct Trial {
    data: tempfile::TempDir,
    server: Option<Server>,
    repl: String,
    random: StdRng,
    acknowledged: usize,
    lost: Vec<String>,
}

impl Trial {
    async fn server(&mut self) -> anyhow::Result<&mut Server> {
        if self.server.is_none() {
            let folder = self.data.path().join("data");
            self.server = Some(Server::start_over(options(), &folder).await?);
        }
        self.server.as_mut().context("a server")
    }

    /// Works until something is killed; what came of it.
    async fn work(&mut self, number: u32, victim: Victim) -> anyhow::Result<(Round, Pair)> {
        let repl = self.repl.clone();
        let length = LONGEST_ROUND.mul_f64(self.random.random());
        let save_after = LONGEST_ROUND.mul_f64(self.random.random());
        let server = self.server().await?;
        let http = server.http();
        let mut page = server.session(&repl).await?;
        let mut round = Round {
            number,
            ..Round::default()
        };
        let (mut document, program) = round.begin(&mut page).await?;
        let pair = format!("pair-{number}.txt");
        ensure!(
            page.command(&format!(": > {pair}")).await?.1 == 0,
            "the file could not be made"
        );
        let mut pair = Pair::open(server, &repl, pair).await?;
        page.input(program, &write_lines(&round.log(), 0.01))
            .await?;
        let began = Instant::now();
        let mut saving = None;
        while began.elapsed() < length {
            round.type_word(&mut page, &mut document).await?;
            pair.type_words().await?;
            round.listen(&mut page, &document, program, TYPING).await?;
            if saving.is_none() && began.elapsed() > save_after {
                let (http, path) = (http.clone(), format!("/api/repls/{repl}/save"));
                let now = (round.typed_on_disk, round.lines_on_disk);
                let asked = async move {
                    let answer = http.post(&path, serde_json::json!({})).await;
                    answer
                        .is_ok_and(|answer| answer.status == 200)
                        .then_some(now)
                };
                saving = Some(tokio::spawn(asked));
            }
        }
        self.kill(victim).await?;
        // What was said before it died counts.
        let _ = round.listen(&mut page, &document, program, DEADLINE).await;
        if let Some(saving) = saving
            && let Some(saved) = saving.await?
        {
            round.saved = saved;
        }
        Ok((round, pair))
    }

    async fn kill(&mut self, victim: Victim) -> anyhow::Result<()> {
        let data = self.data.path().join("data");
        if victim != Victim::Sandbox
            && let Some(mut server) = self.server.take()
        {
            server.end(libc::SIGKILL).await?;
        }
        if victim != Victim::Server {
            kill_sandbox(&data, &self.repl)?;
        }
        if victim == Victim::Machine {
            let folder = data.join("repls").join(&self.repl);
            // It may be a disk of its own, in a file.
            let _ = std::process::Command::new("umount")
                .args(["--lazy", "--quiet"])
                .arg(&folder)
                .status();
            let image = format!("sandboxes/disks/{}.img", self.repl);
            let _ = std::fs::remove_file(data.join(image));
            // Until its last program has died, something may be made in it.
            eventually("the disk is gone", || async {
                std::fs::remove_dir_all(&folder).ok()
            })
            .await;
        }
        if victim == Victim::Sandbox {
            let (repl, server) = (self.repl.clone(), self.server().await?);
            server.until(&repl, "failed").await;
        }
        Ok(())
    }

    /// Compares what is there now, and takes it as what must be there from now on.
    async fn check(
        &mut self,
        rounds: &mut [Round],
        pair: Pair,
        victim: Victim,
    ) -> anyhow::Result<()> {
        let repl = self.repl.clone();
        let (last, earlier) = rounds.split_last_mut().context("a round")?;
        // The newest, and one of those before it.
        let other = match earlier.len() {
            0 => None,
            some => Some(self.random.random_range(0..some)),
        };
        let server = self.server().await?;
        // It must run for its files to be asked for. What outlived the server writes no more.
        let mut page = server.session(&repl).await?;
        stop_program(&mut page).await?;
        drop(page);
        let http = server.http();
        let read = async |path: &str| file(&http, &repl, path).await;
        let mut lost = Vec::new();
        if victim != Victim::Machine {
            lost.extend(pair.come_back(server, &repl).await?);
        }
        let lines = String::from_utf8(read(&last.log()).await?)?.lines().count();
        for expected in last.expected(victim == Victim::Machine, lines) {
            let there = read(&expected.path).await?;
            lost.extend(expected.compare(&there));
            match expected.path == last.notes() {
                true => last.typed.truncate(there.len()),
                false => last.lines_on_disk = lines,
            }
        }
        // What is there now must outlive the machine's disk, too. (What goes on without a server is only saved
        // some time after the next one has taken it over.)
        let path = format!("/api/repls/{repl}/save");
        let answer = http.post(&path, serde_json::json!({})).await?;
        ensure!(answer.status == 200, "it could not be saved");
        self.acknowledged += last.typed_on_disk + last.lines_on_disk;
        last.typed_on_disk = last.typed.len();
        last.saved = (last.typed_on_disk, last.lines_on_disk);
        if let Some(other) = other {
            let round = &earlier[other];
            for expected in round.expected(true, round.lines_on_disk) {
                lost.extend(expected.compare(&read(&expected.path).await?));
            }
        }
        let tag = format!("round {} ({victim:?})", last.number);
        for what in lost {
            eprintln!("{tag}: {what}");
            self.lost.push(format!("{tag}: {what}"));
        }
        Ok(())
    }
}

async fn run(rounds: u32, seed: u64) -> anyhow::Result<(usize, Vec<String>)> {
    let mut trial = Trial {
        data: tempfile::Builder::new().prefix("alcove-kills-").tempdir()?,
        server: None,
        repl: String::new(),
        random: StdRng::seed_from_u64(seed),
        acknowledged: 0,
        lost: Vec::new(),
    };
    trial.repl = trial.server().await?.create("blank").await?;
    let mut done: Vec<Round> = Vec::new();
    for number in 1..=rounds {
        let victims = [
            Victim::Server,
            Victim::Sandbox,
            Victim::Both,
            Victim::Machine,
        ];
        let victim = victims[trial.random.random_range(0..victims.len())];
        let at = || format!("round {number} ({victim:?}), seed {seed}");
        let (round, pair) = trial.work(number, victim).await.with_context(at)?;
        done.push(round);
        let checked = trial.check(&mut done, pair, victim).await;
        checked.with_context(at)?;
        if number % 50 == 0 {
            eprintln!(
                "{number} rounds, {} acknowledged, {} lost",
                trial.acknowledged,
                trial.lost.len()
            );
        }
    }
    if let Some(server) = trial.server.take() {
        server.stop().await?;
    }
    if !trial.lost.is_empty() {
        eprintln!("kept: {}", trial.data.keep().display());
    }
    Ok((trial.acknowledged, trial.lost))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    if !is_asked_for("kills") {
        return ExitCode::SUCCESS;
    }
    let rounds = number("KILL_ROUNDS").map_or(ROUNDS, |n| n as u32);
    let seed = number("KILL_SEED").unwrap_or_else(rand::random);
    println!("{rounds} rounds, seed {seed}");
    match run(rounds, seed).await {
        Ok((acknowledged, lost)) => {
            println!("{acknowledged} acknowledged, {} lost", lost.len());
            ExitCode::from(u8::from(!lost.is_empty()))
        }
        Err(error) => {
            println!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
