//! A repl while it runs: its changes are saved, and it stops when the last person has left.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_protocol::api::{Awake, AwakeWhy, Saved};
use alcove_protocol::status::Status;
use alcove_spawner::Exit;
use alcove_volume::{Changed, Changes, Volume};
use tokio::task::JoinHandle;
use tracing::{info, warn};

use super::activity::{BUSY_PERCENT, Seen, Verdict, verdict};
use super::comeback::{Comebacks, Next};
use super::ledger::Ledger;
use super::life::{Command, Life, REPLACED, Reply, Running};
use super::lifetime::Lifetime;
use super::measured::Measured;
use super::meter::Meter;
use super::rest::Ending;
use super::saving::Saving;
use super::schedule::Schedule;
use super::transitions::Event;
use crate::db::now_ms;
use crate::runner;

/// Times are told in steps of a minute.
const MINUTE_MS: i64 = 60_000;
/// Why a repl was stopped while a page showed it.
const IDLE: &str = "Nobody had done anything here for long.";
/// Changes within this of each other are one.
const BURST: Duration = Duration::from_millis(50);
/// A change that is this old is due.
const LONG_AGO: Duration = Duration::from_secs(60);
/// How long the runner may take to write its documents before everything is ended.
const FLUSH: Duration = Duration::from_secs(10);

/// What Run does, of a repl that is kept alive.
struct Program {
    comebacks: Comebacks,
    began: Instant,
    /// When it is started again.
    again: Option<Instant>,
    /// What the database knows of it.
    noted: Option<bool>,
}

impl Program {
    fn new() -> Self {
        Self {
            comebacks: Comebacks::default(),
            began: Instant::now(),
            again: None,
            noted: None,
        }
    }

    fn begins(&mut self) {
        (self.began, self.again) = (Instant::now(), None);
    }
}

impl Life {
    /// While it runs: checkpoints, people, the sandbox's end.
    pub(super) async fn watch_over(&mut self, mut running: Running) -> (Ending, Arc<Volume>) {
        let volume = running.volume.clone();
        let changes = match self.repls.watch_files() {
            Ok(changes) => Some(Arc::new(changes)),
            Err(error) => {
                warn!(%error, "changes can't be watched: scanning instead");
                None
            }
        };
        let mut schedule = Schedule::default();
        let mut ledger = Ledger::default();
        let mut measured = running.measured.take();
        let mut meter = Meter::new(running.terms.limits.clone(), measured.is_some());
        // When programs were last at work.
        let mut work = None;
        // The first scan, at once, sets the watches and finds what changed since the files were restored.
        schedule.changed(Instant::now() - LONG_AGO);
        let mut program = Program::new();
        let status = running.status.borrow().clone();
        self.plan_program(&mut program, &status);
        // What comes in a burst is one change.
        let mut quiet = Instant::now();
        let mut saving: Option<JoinHandle<Result<Saving, String>>> = None;
        // Those who wait for a checkpoint that begins after they asked, and for the one under way.
        let mut asked_to_save: Vec<Reply<()>> = Vec::new();
        let mut being_saved: Vec<Reply<()>> = Vec::new();
        let spawner = self.repls.spawner.clone();
        let id = self.entry.id.clone();
        let mut ended = tokio::spawn(async move { spawner.wait(&id).await });
        let ending = loop {
            if saving.is_none() && !asked_to_save.is_empty() {
                being_saved = std::mem::take(&mut asked_to_save);
                schedule.began();
                ledger.began();
                saving = Some(self.begin_checkpoint(&volume, changes.clone()));
            }
            let watched = changes.as_ref().is_some_and(|c| c.complete());
            let due = if saving.is_some() {
                None
            } else {
                schedule.due(Instant::now(), watched)
            };
            let now = Instant::now();
            let lifetime = self.entry.lifetime();
            let goes_on = self.goes_on(lifetime, work, running.began, now);
            if goes_on.until.is_some_and(|until| until <= now) {
                info!(why = ?goes_on.why, "nobody needs it any more");
                let note = match goes_on.why {
                    AwakeWhy::Idle => Some(IDLE.to_owned()),
                    AwakeWhy::MaxLife => lifetime.max_life.map(life_is_over),
                    _ => None,
                };
                break Ending {
                    note,
                    ..Ending::default()
                };
            }
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Start(start)) => {
                        if start.run {
                            self.start_program(&running.socket).await;
                        }
                        drop(start.reply.send(Ok(running.socket.clone())));
                    }
                    Some(Command::Stop(reply)) => break Ending { asked: vec![reply], ..Ending::default() },
                    Some(Command::Leave(reply)) => break Ending { leave: Some(reply), ..Ending::default() },
                    Some(Command::Save(reply)) => {
                        if let Err(error) = runner::flush(&running.socket, FLUSH).await {
                            warn!(%error, "flush");
                        }
                        asked_to_save.push(reply);
                    }
                    Some(Command::Rename(name)) => {
                        volume.set_meta(|meta| meta.name = name);
                        schedule.changed(Instant::now());
                    }
                    Some(Command::Restored(state)) => {
                        volume.set_meta(|meta| meta.restored = state);
                    }
                    Some(Command::Amend(amend)) => amend.refuse(),
                    Some(Command::Fill(fill)) => fill.refuse(),
                    Some(
                        Command::Adopt(_)
                        | Command::Rescue
                        | Command::ComeBack
                        | Command::Discard(_)
                        | Command::Forget,
                    ) => {}
                    None => break Ending::default(),
                },
                what = changed(changes.as_deref(), quiet) => {
                    quiet = Instant::now() + BURST;
                    schedule.changed(Instant::now());
                    ledger.changed(what);
                    self.entry.update(|state| {
                        state.unsaved = ledger.told();
                        if state.saved == Saved::Saved {
                            state.saved = Saved::Saving;
                        }
                    });
                }
                () = until(due) => {
                    schedule.began();
                    ledger.began();
                    saving = Some(self.begin_checkpoint(&volume, changes.clone()));
                }
                done = finished(&mut saving) => {
                    saving = None;
                    let result = done.unwrap_or_else(|e| Err(e.to_string()));
                    match &result {
                        Ok(saving) => schedule.succeeded(Instant::now(), saving.took),
                        Err(error) => {
                            warn!(error, "checkpoint");
                            schedule.failed(Instant::now());
                        }
                    }
                    ledger.ended(result.is_ok());
                    if let Some(refused) = self.newly_refused(&result) {
                        say(&running.socket, &refused).await;
                    }
                    self.tell_saved(result.as_ref(), schedule.is_dirty(), ledger.told());
                    if result.is_err() && volume.is_replaced().await {
                        break Ending { reason: Some(REPLACED.into()), ..Ending::default() };
                    }
                    for reply in being_saved.drain(..) {
                        let _ = reply.send(result.as_ref().map(drop).map_err(Clone::clone));
                    }
                }
                Ok(()) = running.status.changed() => {
                    let status = running.status.borrow_and_update().clone();
                    let begins = status.running && !self.entry.state().running;
                    self.entry.update(|s| s.running = status.running);
                    self.entry.program.lock().exit_code = status.exit_code;
                    self.note_program(&mut program, &status).await;
                    if begins {
                        program.begins();
                    }
                    if running.exits != status.exits {
                        running.exits = status.exits;
                        self.plan_program(&mut program, &status);
                    }
                    if running.active != status.active {
                        running.active = status.active;
                        // Where no page is open a runner says what it likes.
                        if self.entry.present().people > 0 {
                            self.entry.touch();
                        }
                    }
                }
                exit = &mut ended => {
                    let exit = exit.unwrap_or(Exit::Unknown);
                    break Ending { reason: Some(why_it_ended(&exit)), is_gone: true, ..Ending::default() };
                }
                () = until(Some(meter.due())) => {
                    let mut usage = self.repls.spawner.usage(&self.entry.id).await;
                    if let (Some(usage), Some(measured)) = (&mut usage, &measured) {
                        usage.disk = measured.usage();
                    }
                    let is_watched = self.entry.present().people > 0;
                    let grace = lifetime.patience.grace;
                    let resources = meter.read(Instant::now(), usage, is_watched, grace);
                    if let Some(news) = meter.take_news() {
                        say(&running.socket, &news).await;
                    }
                    self.repls.metrics.resources(&self.entry.id, resources.as_ref());
                    if resources.as_ref().is_some_and(|r| r.cpu >= BUSY_PERCENT) {
                        work = Some(Instant::now());
                    }
                    self.entry.update(|state| state.resources = resources);
                }
                () = next_of(&mut measured) => {
                    if let Some(reason) = measured.as_ref().and_then(Measured::excess) {
                        warn!("its files take more than they may");
                        break Ending { reason: Some(reason), ..Ending::default() };
                    }
                }
                // Whoever came wants to know at once.
                () = self.entry.moved.notified() => {
                    meter.hurry();
                    let status = running.status.borrow().clone();
                    // Whoever saw its program fail has left.
                    if program.again.is_none() && self.is_to_go_on(&status) {
                        self.plan_program(&mut program, &status);
                    }
                }
                () = self.entry.touched.notified() => {}
                () = until(program.again) => {
                    program.again = None;
                    let status = running.status.borrow().clone();
                    if self.is_to_go_on(&status) {
                        self.start_program(&running.socket).await;
                    }
                }
                () = until(goes_on.changes.or(goes_on.until)) => {}
            }
        };
        let stops = ending.leave.is_none();
        if stops {
            self.entry.set_socket(None);
            self.happens(Event::End, Some("Ending its programs"));
            self.tell_terminals(&ending, &running.socket).await;
        }
        let began = Instant::now();
        if !ending.is_gone
            && let Err(error) = runner::flush(&running.socket, FLUSH).await
        {
            warn!(%error, "flush");
        }
        if stops && !ending.is_gone {
            if let Err(error) = runner::stop(&running.socket, self.repls.config.stop_patience).await
            {
                warn!(%error, "the runner could not end its programs: they are killed");
            }
            self.repls.metrics.step("end_programs", began.elapsed());
        }
        ended.abort();
        running.end().await;
        if let Some(saving) = saving {
            let _ = saving.await;
        }
        for reply in asked_to_save.into_iter().chain(being_saved) {
            let _ = reply.send(Err("The repl is stopping: it is saved now.".into()));
        }
        (ending, volume)
    }

    /// What a quota refused for the first time since all was saved.
    fn newly_refused(&self, result: &Result<Saving, String>) -> Option<String> {
        let Some(Saved::Partly { message, .. }) = &result.as_ref().ok()?.partly else {
            return None;
        };
        let is_new = !matches!(self.entry.state().saved, Saved::Partly { .. });
        is_new.then(|| message.clone())
    }

    /// Whoever has a terminal open reads there why it stops, unless that is what they asked for.
    async fn tell_terminals(&self, ending: &Ending, socket: &Path) {
        let halted = self.entry.halted();
        let why = halted.or_else(|| ending.reason.clone().or_else(|| ending.note.clone()));
        if let Some(why) = why.filter(|_| !ending.is_gone) {
            say(socket, &why).await;
        }
    }

    /// Whether its program runs is known when it comes back.
    async fn note_program(&self, program: &mut Program, status: &Status) {
        let runs = status.running || has_failed(status);
        if program.noted.replace(runs) != Some(runs) {
            self.note_program_runs(runs).await;
        }
    }

    /// Whether a program is to be started again: it failed, and nobody is there to see it.
    fn is_to_go_on(&self, status: &Status) -> bool {
        has_failed(status) && self.entry.lifetime().keep_alive && self.entry.present().people == 0
    }

    /// A program has ended: it may be started again after a while.
    fn plan_program(&self, program: &mut Program, status: &Status) {
        program.again = None;
        if !self.is_to_go_on(status) {
            return;
        }
        let next = program.comebacks.next(program.began.elapsed());
        info!(?next, "its program failed");
        match next {
            Next::Again(after, ..) => program.again = Some(Instant::now() + after),
            Next::Never(_) => {
                let words = format!("Its program failed. {}", next.words());
                self.entry.update(|state| state.detail = Some(words));
            }
        }
    }

    /// Why it goes on and until when, which is told.
    fn goes_on(
        &self,
        lifetime: Lifetime,
        work: Option<Instant>,
        began: Instant,
        now: Instant,
    ) -> Verdict {
        let present = self.entry.present();
        let seen = Seen {
            is_open: present.people > 0 || present.watching > 0,
            person: present.last_seen,
            work,
            began,
        };
        let verdict = verdict(lifetime, seen, now);
        let until = verdict.until.map(|until| {
            let ms = now_ms() + until.saturating_duration_since(now).as_millis() as i64;
            crate::rfc3339((ms + MINUTE_MS - 1) / MINUTE_MS * MINUTE_MS)
        });
        let why = verdict.why;
        self.entry
            .update(|state| state.awake = Some(Awake { why, until }));
        verdict
    }
}

/// Says a line in the terminals.
async fn say(socket: &Path, line: &str) {
    if let Err(error) = runner::notice(socket, line).await {
        warn!(%error, "the terminals were not told");
    }
}

/// Why a repl was stopped that had run for long.
fn life_is_over(life: Duration) -> String {
    let minutes = life.as_secs().div_ceil(60);
    let long = match minutes % 60 {
        0 => format!("{} h", minutes / 60),
        _ => format!("{minutes} min"),
    };
    format!("It had run for {long}, the longest that it may in one go.")
}

fn has_failed(status: &Status) -> bool {
    status.exit_code.is_some_and(|code| code != 0)
}

fn why_it_ended(exit: &Exit) -> String {
    match exit {
        Exit::Code(137) => "Its sandbox was killed: by the system for want of memory, or by an operator of the server.".into(),
        Exit::Code(code) => format!("Its sandbox ended unexpectedly (exit code {code})."),
        Exit::Unknown => "Its sandbox ended unexpectedly.".into(),
    }
}

/// The next change after `quiet`. No change is lost when this is dropped.
async fn changed(changes: Option<&Changes>, quiet: Instant) -> Changed {
    match changes {
        Some(changes) => {
            tokio::time::sleep_until(quiet.into()).await;
            changes.wait().await
        }
        None => std::future::pending().await,
    }
}

pub(super) async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

async fn next_of(measured: &mut Option<Measured>) {
    match measured {
        Some(measured) => measured.next().await,
        None => std::future::pending().await,
    }
}

async fn finished<T>(task: &mut Option<JoinHandle<T>>) -> Result<T, tokio::task::JoinError> {
    match task {
        Some(task) => task.await,
        None => std::future::pending().await,
    }
}
