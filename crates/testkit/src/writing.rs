//! What a page types and a program writes, and how much of it was acknowledged: for trials in which
//! anything may be killed at any moment.

use std::time::Duration;

use anyhow::{bail, ensure};
use tokio::time::{Instant, timeout_at};

use crate::document::Document;
use crate::{Http, Session};

/// Number of the process that writes; not among what is saved.
const PROGRAM: &str = "/tmp/program";

/// What a round wrote, and what was acknowledged of it. Both only ever grow at their end.
#[derive(Debug, Default, Clone)]
pub struct Round {
    pub number: u32,
    pub typed: String,
    /// Bytes of `typed` that are said to be on disk,
    pub typed_on_disk: usize,
    /// and lines of the program.
    pub lines_on_disk: usize,
    /// The same when a save was asked for that succeeded.
    pub saved: (usize, usize),
}

/// What one file must be: it begins as given here, and is so long at least.
pub struct Expected {
    pub path: String,
    pub content: Vec<u8>,
    pub at_least: usize,
}

impl Round {
    pub fn notes(&self) -> String {
        format!("notes-{}.txt", self.number)
    }

    pub fn log(&self) -> String {
        format!("log-{}.txt", self.number)
    }

    /// Makes both files; the first as a document of the page, and a shell for the program that writes the
    /// second.
    pub async fn begin(&self, page: &mut Session) -> anyhow::Result<(Document, u32)> {
        let make = format!(": > {}; : > {}", self.notes(), self.log());
        let (said, code) = page.command(&make).await?;
        ensure!(code == 0, "the files could not be made: {said}");
        let document = Document::open(page, &self.notes()).await?;
        Ok((document, page.shell().await?))
    }

    /// Types one word behind what there is.
    pub async fn type_word(
        &mut self,
        page: &mut Session,
        document: &mut Document,
    ) -> anyhow::Result<()> {
        let word = format!("{}-{} ", self.number, self.typed.len());
        let at = u32::try_from(self.typed.len())?;
        // First: whoever is cut off in between may have sent it.
        self.typed.push_str(&word);
        document.insert(page, at, &word).await
    }

    /// Takes what the session brings for a while; an error when it has ended.
    pub async fn listen(
        &mut self,
        page: &mut Session,
        document: &Document,
        program: u32,
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
        self.typed_on_disk = self.typed_on_disk.max(document.on_disk(page)? as usize);
        let said = page.output(program).rsplit_once("wrote ");
        // A number may be cut short at the end of a frame.
        let said = said.and_then(|(before, last)| match last.split_once('.') {
            Some((number, _)) => number.parse().ok(),
            None => {
                let (_, number) = before.rsplit_once("wrote ")?;
                number.split_once('.')?.0.parse().ok()
            }
        });
        self.lines_on_disk = self.lines_on_disk.max(said.unwrap_or(0));
        ended
    }

    /// Both files, of which the second has so many lines now. `lost`: with the machine's disk.
    pub fn expected(&self, lost: bool, lines: usize) -> [Expected; 2] {
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

impl Expected {
    /// What is wrong with what is there.
    pub fn compare(&self, there: &[u8]) -> Option<String> {
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

/// What is typed in a shell to have a program write lines into a file, so many seconds apart, and say so.
pub fn write_lines(log: &str, pause: f64) -> String {
    format!(
        "echo $$ > {PROGRAM}; i=0; while :; do i=$((i+1)); echo \"line $i\" >> {log} && echo \"wro\"te $i.; sleep {pause}; done\n"
    )
}

/// Ends that program, if it runs.
pub async fn stop_program(page: &mut Session) -> anyhow::Result<()> {
    let stop = format!("if [ -e {PROGRAM} ]; then kill -9 $(cat {PROGRAM}); rm {PROGRAM}; fi");
    let (said, code) = page.command(&stop).await?;
    ensure!(code == 0, "the program could not be ended: {said}");
    Ok(())
}

/// What a file of a repl holds by now; nothing where there is none.
pub async fn file(http: &Http, repl: &str, path: &str) -> anyhow::Result<Vec<u8>> {
    let answer = http.get(&format!("/api/repls/{repl}/files/{path}")).await?;
    match answer.status {
        200 => Ok(answer.body.to_vec()),
        404 => Ok(Vec::new()),
        status => bail!("{path}: {status}: {}", answer.text()),
    }
}

/// The first lines that the program writes.
fn log(lines: usize) -> Vec<u8> {
    (1..=lines)
        .flat_map(|line| format!("line {line}\n").into_bytes())
        .collect()
}
