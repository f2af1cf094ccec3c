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

use std::process::ExitCode;
use std::time::Duration;

use alcove_testkit::document::Document;
use alcove_testkit::{DEADLINE, Options, Server, Session, eventually, kill_sandbox};
use anyhow::{Context, bail, ensure};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::time::{Instant, timeout_at};

const ROUNDS: u32 = 25;
/// A round is killed before this.
const LONGEST_ROUND: Duration = Duration::from_millis(1500);
/// Number of the process that writes; not among what is saved.
const PROGRAM: &str = "/tmp/program";
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

/// What a round wrote, and what was acknowledged of it. Both only ever grow at their end.
#[derive(Debug, Default, Clone)]
struct Round {
    number: u32,
    typed: String,
    /// Bytes of `typed` that are said to be on disk,
    typed_on_disk: usize,
    /// and lines of the program.
    lines_on_disk: usize,
    /// The same when a save was asked for that succeeded.
    saved: (usize, usize),
}

/// What one file must be.
struct Expected {
    path: String,
    content: Vec<u8>,
    at_least: usize,
}

impl Round {
    fn notes(&self) -> String {
        format!("notes-{}.txt", self.number)
    }

    fn log(&self) -> String {
        format!("log-{}.txt", self.number)
    }

    /// Both files begin as given here, and reach to where they were acknowledged at least. `lost`: with
    /// the machine's disk.
    fn expected(&self, lost: bool, lines: usize) -> [Expected; 2] {
        let (typed, written) = match lost {
            true => self.saved,
            false => (self.typed_on_disk, self.lines_on_disk),
        };
        [
            Expected {
                path: self.notes(),
                content: self.typed.clone().into_bytes(),
                at_least: typed,
            },
            Expected {
                path: self.log(),
                content: log(lines),
                at_least: log(written).len(),
            },
        ]
    }
}

/// The first lines that the program writes.
fn log(lines: usize) -> Vec<u8> {
    (1..=lines)
        .flat_map(|line| format!("line {line}\n").into_bytes())
        .collect()
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
    options: fn() -> Options,
    data: tempfile::TempDir,
    server: Option<Server>,
    repl: String,
    random: StdRng,
    acknowledged: usize,
    lost: Vec<String>,
}

fn options() -> Options {
    Options::new(env!("CARGO_BIN_EXE_alcove"))
        .arg("--network", "none")
        .arg("--grace-period", "never")
        .arg("--stop-patience", "200ms")
}

impl Trial {
    async fn server(&mut self) -> anyhow::Result<&mut Server> {
        if self.server.is_none() {
            let folder = self.data.path().join("data");
            self.server = Some(Server::start_over((self.options)(), &folder).await?);
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
        let (notes, log) = (round.notes(), round.log());
        let pair = format!("pair-{number}.txt");
        let make = format!(": > {notes}; : > {log}; : > {pair}");
        ensure!(
            page.command(&make).await?.1 == 0,
            "the files could not be made"
        );
        let mut pair = Pair::open(server, &repl, pair).await?;
        let mut document = Document::open(&mut page, &notes).await?;
        let program = page.shell().await?;
        let lines = format!(
            "echo $$ > {PROGRAM}; i=0; while :; do i=$((i+1)); echo \"line $i\" >> {log} && echo \"wro\"te $i.; sleep 0.01; done\n"
        );
        page.input(program, &lines).await?;
        let began = Instant::now();
        let mut saving = None;
        while began.elapsed() < length {
            let word = format!("{number}-{} ", round.typed.len());
            let at = u32::try_from(round.typed.len())?;
            document.insert(&mut page, at, &word).await?;
            round.typed.push_str(&word);
            pair.type_words().await?;
            listen(&mut page, &document, program, &mut round, TYPING).await?;
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
        let _ = listen(&mut page, &document, program, &mut round, DEADLINE).await;
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
        let stop = format!("if [ -e {PROGRAM} ]; then kill -9 $(cat {PROGRAM}); rm {PROGRAM}; fi");
        ensure!(
            page.command(&stop).await?.1 == 0,
            "the program could not be ended"
        );
        drop(page);
        let http = server.http();
        let read = async |path: &str| -> anyhow::Result<Vec<u8>> {
            let answer = http.get(&format!("/api/repls/{repl}/files/{path}")).await?;
            match answer.status {
                200 => Ok(answer.body.to_vec()),
                404 => Ok(Vec::new()),
                status => bail!("{path}: {status}: {}", answer.text()),
            }
        };
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

impl Expected {
    fn compare(&self, there: &[u8]) -> Option<String> {
        let (path, least) = (&self.path, self.at_least);
        if !self.content.starts_with(there) {
            let same = there.iter().zip(&self.content).take_while(|(a, b)| a == b);
            let at = same.count();
            let around = |bytes: &[u8]| {
                let from = at.saturating_sub(20).min(bytes.len());
                String::from_utf8_lossy(&bytes[from..(at + 20).min(bytes.len())]).into_owned()
            };
            let (is, was) = (around(there), around(&self.content));
            return Some(format!("{path} is {is:?} near byte {at}, and was {was:?}"));
        }
        (there.len() < least).then(|| {
            format!(
                "{path} ends at byte {} of {least} acknowledged",
                there.len()
            )
        })
    }
}

/// Takes what the session brings for a while; an error when it has ended.
async fn listen(
    page: &mut Session,
    document: &Document,
    program: u32,
    round: &mut Round,
    time: Duration,
) -> anyhow::Result<()> {
    let until = Instant::now() + time;
    let ended = loop {
        match timeout_at(until, page.take()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => break Err(error),
            Err(_) => break Ok(()),
        }
    };
    // All that is typed is ASCII: a character is a byte.
    round.typed_on_disk = round.typed_on_disk.max(document.on_disk(page)? as usize);
    let said = page.output(program).rsplit_once("wrote ");
    // A number may be cut short at the end of a frame.
    let said = said.and_then(|(before, last)| match last.split_once('.') {
        Some((number, _)) => number.parse().ok(),
        None => {
            let (_, number) = before.rsplit_once("wrote ")?;
            number.split_once('.')?.0.parse().ok()
        }
    });
    round.lines_on_disk = round.lines_on_disk.max(said.unwrap_or(0));
    ended
}

async fn run(rounds: u32, seed: u64) -> anyhow::Result<(usize, Vec<String>)> {
    let mut trial = Trial {
        options,
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

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // As `cargo test` does with tests of other names.
    let mut filters = std::env::args().skip(1).filter(|a| !a.starts_with('-'));
    if filters
        .next()
        .is_some_and(|filter| !"kills".contains(&filter))
    {
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
