//! Our own pages on a preview's origin: it starts, nothing listens, asleep, broken off.

use alcove_protocol::api::{Phase, ReplState};
use axum::body::Body;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::lifecycle::Program;
use crate::web;

/// When a request that was not held to its end may be sent again, in seconds.
const RETRY_SECONDS: &str = "5";

pub fn wants_html(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|h| h.to_str().ok())
        .is_some_and(|a| a.contains("text/html"))
}

/// What is said of a repl whose program does not answer yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    title: String,
    what: String,
    /// It can be started from here.
    has_button: bool,
}

impl Words {
    fn new(title: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            what: what.into(),
            has_button: false,
        }
    }

    pub fn nothing_listens(port: u16) -> Self {
        Self::new(
            format!("Nothing listens on port {port} yet."),
            "Start your program. This page shows it as soon as it listens.",
        )
    }

    pub fn asleep(can_wake: bool) -> Self {
        Self {
            has_button: can_wake,
            ..Self::new("This repl is asleep.", "Its program does not run.")
        }
    }

    /// `can_wake`: whether a preview may start a repl that rests.
    pub fn of(state: &ReplState, program: &Program, port: u16, can_wake: bool) -> Self {
        let detail = state.detail.clone().unwrap_or_default();
        let far = state.progress.filter(|p| p.total > 0);
        let far = far.map_or(String::new(), |p| {
            format!(" ({} of {} files)", p.done.min(p.total), p.total)
        });
        match state.phase {
            Phase::Starting => Self::new("This repl is starting.", format!("{detail}{far}")),
            Phase::Stopping => Self::new(
                "This repl is stopping.",
                "It is being saved. Its program is shown here once it runs again.",
            ),
            Phase::Stopped => Self {
                what: match detail.is_empty() {
                    true => Self::asleep(can_wake).what,
                    false => detail,
                },
                ..Self::asleep(can_wake)
            },
            Phase::Failed => Self {
                has_button: can_wake,
                ..Self::new("This repl does not run.", detail)
            },
            Phase::Running if state.running && state.progress.is_some() => Self::new(
                format!("Waiting for port {port}."),
                format!("Its dependencies are being restored{far}."),
            ),
            Phase::Running if state.running => Self::new(
                format!("Waiting for port {port}."),
                "Its program runs. This page shows it as soon as it listens.",
            ),
            Phase::Running => {
                let nothing = Self::nothing_listens(port);
                let what = match (&program.refusal, program.exit_code) {
                    (Some(reason), _) => format!("Its program could not be started: {reason}"),
                    (None, Some(code)) => format!(
                        "Its program ended with exit code {code}. Its terminal in the editor may say why."
                    ),
                    (None, None) => nothing.what.clone(),
                };
                Self { what, ..nothing }
            }
        }
    }

    /// In one line.
    pub fn text(&self) -> String {
        format!("{} {}", self.title, self.what)
            .trim_end()
            .to_owned()
    }

    /// As the page's script reads it off the page.
    pub fn said(&self) -> String {
        format!("{}\n{}", self.title, self.what)
    }

    /// For the page's script.
    pub fn json(&self) -> Response<Body> {
        let json = serde_json::json!({
            "title": self.title,
            "what": self.what,
            "button": self.has_button,
        });
        web::answer(
            StatusCode::ACCEPTED,
            &json.to_string(),
            &[
                (CACHE_CONTROL, "no-store"),
                (CONTENT_TYPE, "application/json"),
            ],
        )
    }
}

/// Says when to try again.
pub fn later(mut answer: Response<Body>) -> Response<Body> {
    let headers = answer.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// A page that follows what is to be said, and loads `to` when something listens.
pub fn waiting(
    html: bool,
    status: StatusCode,
    words: &Words,
    editor: &str,
    to: &str,
) -> Response<Body> {
    if !html {
        return later(text(status, &words.text()));
    }
    let hidden = if words.has_button { "" } else { " hidden" };
    let to = utf8_percent_encode(to, NON_ALPHANUMERIC);
    let what = format!(
        "<p id=what>{}</p><form id=wake method=post action=\"/.alcove/wake?to={to}\"{hidden}><button>Start it</button></form>\
         <p><a href=\"{}\" target=_top>Open it in the editor</a></p>",
        escape(&words.what),
        escape(editor),
    );
    later(page(status, &words.title, &what, SCRIPT))
}

pub fn failed(html: bool, port: u16, error: &str) -> Response<Body> {
    let title = format!("The program on port {port} broke off without an answer.");
    if !html {
        return text(StatusCode::BAD_GATEWAY, &title);
    }
    let what = format!("<p>Its terminal may say why. ({})</p>", escape(error));
    page(StatusCode::BAD_GATEWAY, &title, &what, "")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

fn text(status: StatusCode, text: &str) -> Response<Body> {
    let no_store = (CACHE_CONTROL, "no-store");
    let plain = (CONTENT_TYPE, "text/plain; charset=utf-8");
    web::answer(status, &format!("{text}\n"), &[no_store, plain])
}

/// `what` is HTML.
fn page(status: StatusCode, title: &str, what: &str, script: &str) -> Response<Body> {
    let title = escape(title);
    let document = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{title}</title><style>{STYLE}</style><main role=status><h1 id=title>{title}</h1>{what}</main>{script}"
    );
    web::answer(
        status,
        &document,
        &[
            (CACHE_CONTROL, "no-store"),
            (CONTENT_TYPE, "text/html; charset=utf-8"),
        ],
    )
}

const STYLE: &str = "html{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}\
    body{margin:0;min-height:100vh;display:grid;place-items:center}\
    main{padding:24px;max-width:32em;text-align:center}h1{font-size:17px;margin:0}p{opacity:.75;margin:.5em 0 0}\
    form{margin:1em 0 0}button{font:inherit;padding:6px 14px}";

const SCRIPT: &str = "<script>(async()=>{const e=i=>document.getElementById(i),\
    pause=ms=>new Promise(f=>setTimeout(f,ms));for(;;){try{\
    const said=e('title').textContent+'\\n'+e('what').textContent;\
    const r=await fetch('/.alcove/wait?said='+encodeURIComponent(said),{cache:'no-store'});\
    if(r.status===204)return location.reload();\
    if(r.status===202){const s=await r.json();document.title=e('title').textContent=s.title;\
    e('what').textContent=s.what;e('wake').hidden=!s.button;await pause(300)}else await pause(3000)}\
    catch{await pause(3000)}}})()</script>";

#[cfg(test)]
mod tests {
    use alcove_protocol::api::{Progress, Saved, Unsaved, Usage};

    use super::*;

    fn state(phase: Phase, detail: Option<&str>) -> ReplState {
        ReplState {
            phase,
            detail: detail.map(str::to_owned),
            progress: None,
            saved: Saved::Saved,
            unsaved: Unsaved::default(),
            usage: Usage {
                bytes: 0,
                files: 0,
                max_bytes: 0,
                max_files: 0,
            },
            awake: None,
            resources: None,
            network: None,
            running: false,
            people: 0,
        }
    }

    #[test]
    fn what_is_said_tells_how_far_it_is() {
        let none = Program::default();
        let text =
            |state: &ReplState, program: &Program| Words::of(state, program, 3000, true).text();
        let mut restoring = state(Phase::Starting, Some("Restoring files"));
        restoring.progress = Some(Progress {
            done: 12,
            total: 30,
            done_bytes: 0,
            total_bytes: 0,
        });
        assert_eq!(
            text(&restoring, &none),
            "This repl is starting. Restoring files (12 of 30 files)"
        );
        let mut running = state(Phase::Running, None);
        assert!(text(&running, &none).starts_with("Nothing listens on port 3000 yet. Start your"));
        let refused = Program {
            refusal: Some("there is nothing to run".into()),
            exit_code: None,
        };
        assert!(
            text(&running, &refused).ends_with("could not be started: there is nothing to run")
        );
        let ended = Program {
            refusal: None,
            exit_code: Some(3),
        };
        assert!(text(&running, &ended).contains("exit code 3"));
        running.running = true;
        assert!(text(&running, &none).starts_with("Waiting for port 3000."));
        let failed = state(Phase::Failed, Some("No <space>."));
        assert_eq!(text(&failed, &none), "This repl does not run. No <space>.");
    }

    #[test]
    fn only_a_repl_that_rests_has_a_button() {
        for (phase, rests) in [
            (Phase::Stopped, true),
            (Phase::Failed, true),
            (Phase::Starting, false),
            (Phase::Running, false),
            (Phase::Stopping, false),
        ] {
            let state = state(phase, None);
            for can_wake in [true, false] {
                let words = Words::of(&state, &Program::default(), 1, can_wake);
                assert_eq!(words.has_button, rests && can_wake, "{phase:?}");
            }
        }
    }
}
