//! Tickets: what the editor hands a browser so that a preview's origin knows it. Used once, soon.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;

const VALID: Duration = Duration::from_secs(60);
/// Tickets that are out at once; beyond, the oldest are void.
const MAX_TICKETS: usize = 10_000;

struct Ticket {
    login: String,
    repl: String,
    port: u16,
    issued: Instant,
}

#[derive(Default)]
pub struct Tickets(Mutex<HashMap<String, Ticket>>);

impl Tickets {
    pub fn issue(&self, login: &str, repl: &str, port: u16) -> String {
        self.issue_at(login, repl, port, Instant::now())
    }

    fn issue_at(&self, login: &str, repl: &str, port: u16, now: Instant) -> String {
        let text = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>());
        let mut tickets = self.0.lock();
        tickets.retain(|_, t| now.duration_since(t.issued) < VALID);
        if tickets.len() >= MAX_TICKETS {
            let oldest = tickets
                .iter()
                .min_by_key(|(_, t)| t.issued)
                .map(|(text, _)| text.clone());
            oldest.and_then(|text| tickets.remove(&text));
        }
        tickets.insert(
            text.clone(),
            Ticket {
                login: login.into(),
                repl: repl.into(),
                port,
                issued: now,
            },
        );
        text
    }

    /// The login to which a ticket for this repl and port was given; it is void afterwards.
    pub fn take(&self, text: &str, repl: &str, port: u16) -> Option<String> {
        self.take_at(text, repl, port, Instant::now())
    }

    fn take_at(&self, text: &str, repl: &str, port: u16, now: Instant) -> Option<String> {
        let ticket = self.0.lock().remove(text)?;
        let holds =
            ticket.repl == repl && ticket.port == port && now.duration_since(ticket.issued) < VALID;
        holds.then_some(ticket.login)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_good_once_for_its_place_and_soon() {
        let tickets = Tickets::default();
        let now = Instant::now();
        let issue = || tickets.issue_at("ada", "abc", 3000, now);
        let t = issue();
        assert_eq!(
            tickets.take_at(&t, "abc", 3000, now).as_deref(),
            Some("ada")
        );
        assert_eq!(tickets.take_at(&t, "abc", 3000, now), None);
        assert_eq!(tickets.take_at(&issue(), "abd", 3000, now), None);
        assert_eq!(tickets.take_at(&issue(), "abc", 3001, now), None);
        assert_eq!(tickets.take_at(&issue(), "abc", 3000, now + VALID), None);
        assert_eq!(tickets.take_at("nonsense", "abc", 3000, now), None);
    }

    #[test]
    fn only_so_many_are_kept() {
        let tickets = Tickets::default();
        for _ in 0..MAX_TICKETS + 10 {
            if tickets.0.lock().len() < MAX_TICKETS {
                let text = format!("{}", tickets.0.lock().len());
                let ticket = Ticket {
                    login: "a".into(),
                    repl: "b".into(),
                    port: 1,
                    issued: Instant::now(),
                };
                tickets.0.lock().insert(text, ticket);
            }
        }
        tickets.issue("a", "b", 1);
        assert_eq!(tickets.0.lock().len(), MAX_TICKETS);
    }
}
