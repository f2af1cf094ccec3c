//! The line in which a repl waits for room on this machine, and who is not let into it.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::admission::{Ticket, TooMany};
use super::life::{Command, Life, Reply};
use super::transitions::Event;

/// When one that is kept alive is tried again that was not let in.
const LATER: Duration = Duration::from_secs(60);
/// Why a repl is not started whose owner was sent away, for a person.
const SENT_AWAY: &str = "Its owner may not use this server any more.";

impl Life {
    /// Waits until there is room on this machine for its size, which may be chosen anew meanwhile, with all who ask
    /// for it. `None`: somebody did not want it any more, or it may not be started. `is_due`: it comes back by itself.
    pub(super) async fn admitted(
        &mut self,
        waiting: &mut Vec<Reply<PathBuf>>,
        is_due: bool,
    ) -> Option<Ticket> {
        let (repls, entry) = (self.repls.clone(), self.entry.clone());
        if !repls.people.may_use(&entry.owner) {
            self.refuse(waiting, SENT_AWAY, false).await;
            return None;
        }
        let who = (
            entry.owner.as_str(),
            self.policy().running.unwrap_or(usize::MAX),
        );
        let limits = || entry.terms().limits;
        let mut enter = std::pin::pin!(repls.admission.enter(who, limits, |place| {
            let words = format!("This server is full: place {place} in line. It starts by itself.");
            repls.happens(&entry, Event::Queue, Some(&words));
        }));
        loop {
            let reply = tokio::select! {
                entered = &mut enter => match entered {
                    Ok(ticket) => return Some(ticket),
                    Err(TooMany(most)) => {
                        self.refuse(waiting, &too_many(most), is_due).await;
                        return None;
                    }
                },
                command = self.commands.recv() => match command? {
                    Command::Start(start) => {
                        waiting.push(self.asked(start));
                        continue;
                    }
                    Command::Stop(reply) | Command::Leave(reply) => reply,
                    Command::Save(reply) => {
                        let _ = reply.send(self.at_rest());
                        continue;
                    }
                    Command::Amend(amend) => {
                        amend.refuse();
                        continue;
                    }
                    Command::Fill(fill) => {
                        fill.refuse();
                        continue;
                    }
                    Command::Discard(done) => {
                        self.discard().await;
                        let _ = done.send(());
                        continue;
                    }
                    Command::Rename(_)
                    | Command::Restored(_)
                    | Command::Adopt(_)
                    | Command::Rescue
                    | Command::ComeBack
                    | Command::Forget => continue,
                },
            };
            self.wants_program = false;
            let cooled = self.cool().await;
            let reason = self.reason().await;
            self.rest(reason).await;
            for reply in waiting.drain(..) {
                let _ = reply.send(Err("It was stopped before there was room for it.".into()));
            }
            let _ = reply.send(cooled.and(self.at_rest()));
            return None;
        }
    }

    /// It is not started; those who asked for it are told why, for a person. One that comes back by itself is tried
    /// again, if it is still to be kept alive.
    async fn refuse(&mut self, waiting: &mut Vec<Reply<PathBuf>>, why: &str, is_due: bool) {
        self.wants_program = false;
        let _ = self.cool().await;
        // Not noted: how it came to rest last still holds, and is told again by the next server.
        let row = self.any_row().await.ok();
        let reason = row.as_ref().and_then(|row| row.reason.as_deref());
        let words = match (is_due && self.entry.lifetime().keep_alive, reason) {
            (true, _) => {
                self.again = Some(Instant::now() + LATER);
                format!("{why} It is tried again each minute.")
            }
            (false, Some(reason)) => format!("{why} {reason}"),
            (false, None) => why.to_owned(),
        };
        self.entry.set_halted(row.and_then(|row| row.halted));
        self.happens(Event::Fail, Some(&words));
        for reply in waiting.drain(..) {
            let _ = reply.send(Err(why.to_owned()));
        }
    }
}

/// Why one more is not started, for a person.
fn too_many(most: usize) -> String {
    let running = match most {
        1 => "Another repl of yours runs, and you may have one at once".to_owned(),
        _ => format!("{most} other repls of yours run, which is as many as you may have at once"),
    };
    format!("{running}. Stop one on the dashboard, then start this one.")
}
