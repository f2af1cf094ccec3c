//! A request to a preview wakes its repl: a page shows how far that is, other requests are held until the
//! program listens.

use std::path::PathBuf;
use std::time::Duration;

use alcove_protocol::api::{Phase, ReplState};
use axum::body::Body;
use axum::http::header::{LOCATION, ORIGIN, REFERER};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;

use super::pages::{self, Words};
use super::{Place, WAIT, headers, is_local_path, tunnel};
use crate::db::repl;
use crate::lifecycle::Program;
use crate::logins::Login;
use crate::{runner, web};

/// How long a page waits until it can say that the repl starts.
const BEGIN: Duration = Duration::from_secs(2);

/// Whether a request may wake a repl: somebody, or a program of theirs, asks for it now. What a page that
/// is already there asks for by itself does not; nor does a frame, whose page says how it is.
/// `is_own`: whether an origin is a preview of the same repl.
fn may_wake(headers: &HeaderMap, is_own: impl Fn(&str) -> bool) -> bool {
    let text = |name: &str| headers.get(name).and_then(|h| h.to_str().ok());
    match text("sec-fetch-mode") {
        Some("navigate") => {
            let is_frame = matches!(text("sec-fetch-dest"), Some("frame" | "iframe"));
            // Without a person's doing: a page that loads itself anew.
            let by_itself =
                text("sec-fetch-site") == Some("same-origin") && text("sec-fetch-user").is_none();
            !is_frame && !by_itself
        }
        Some(_) => false,
        // No browser of today.
        None => [ORIGIN, REFERER]
            .iter()
            .filter_map(|name| text(name.as_str()))
            .all(|from| !is_own(headers::origin_of(from))),
    }
}

/// What a request asks for, as far as its answer depends on it while no program does answer.
pub(super) struct Asked {
    /// It is answered with a page at once, which follows how far it is.
    page: bool,
    may_wake: bool,
    /// Its path and query.
    to: String,
}

impl Place<'_> {
    /// `html`: whether it is answered with a page rather than with text.
    pub(super) fn asked(&self, request: &Request<Body>, html: bool) -> Asked {
        let is_own = |origin: &str| {
            let preview = self.app.hosts.preview_of(origin);
            preview.is_some_and(|(_, repl)| repl == self.repl)
        };
        let to = request.uri().path_and_query().map_or("/", |p| p.as_str());
        Asked {
            page: html && request.method().is_safe(),
            may_wake: may_wake(request.headers(), is_own),
            to: to.to_owned(),
        }
    }

    async fn row(&self) -> Option<repl::Model> {
        self.app.db.repl(self.repl).await.ok().flatten()
    }

    async fn listens(&self) -> bool {
        listens(self.app.repls.socket(self.repl), self.port).await
    }

    /// The runner's socket, once the repl runs, and its program listens if it is being woken. `Err` is
    /// the answer until then, or instead.
    pub(super) async fn arrive(
        &self,
        asked: &Asked,
        login: Option<&Login>,
    ) -> Result<PathBuf, Response<Body>> {
        let socket = self.app.repls.socket(self.repl);
        let is_waking = self.app.repls.is_waking(self.repl);
        if let Some(socket) = socket
            && !is_waking
        {
            return Ok(socket);
        }
        let row = self.row().await;
        // Strangers' preflights are told as it is.
        let (Some(row), Some(login)) = (row, login) else {
            return Err(self.as_it_is(asked, false));
        };
        let rests = !self.is_there(&row);
        let on_touch = self.app.repls.wakes_on_touch(&row);
        if rests && on_touch && asked.may_wake {
            self.wake(&row);
            if asked.page {
                self.until_it_begins(&row).await;
                return Err(self.told(asked, StatusCode::SERVICE_UNAVAILABLE, &self.words(&row)));
            }
        } else if rests && !is_waking {
            return Err(self.as_it_is(asked, on_touch));
        }
        match asked.page {
            true => match self.app.repls.socket(self.repl) {
                Some(socket) if self.listens().await => Ok(socket),
                _ => Err(self.as_it_is(asked, on_touch)),
            },
            false => self.hold(asked, &row, login).await,
        }
    }

    /// Waits until the program listens.
    async fn hold(
        &self,
        asked: &Asked,
        row: &repl::Model,
        login: &Login,
    ) -> Result<PathBuf, Response<Body>> {
        let Some(_held) = self.app.repls.hold(row) else {
            let text = "Too many requests wait for this repl to start.\n";
            return Err(pages::later(web::answer(
                StatusCode::SERVICE_UNAVAILABLE,
                text,
                &[],
            )));
        };
        let arrives = async {
            loop {
                let socket = self.app.repls.socket(self.repl);
                let is_waking = self.app.repls.is_waking(self.repl);
                match socket {
                    Some(socket) if listens(Some(socket.clone()), self.port).await => {
                        return Ok(socket);
                    }
                    // It is told as ever that nothing listens.
                    Some(socket) if !is_waking => return Ok(socket),
                    Some(_) => {}
                    // It may have come to run since it was asked for its socket.
                    None if is_waking || self.is_there(row) => {}
                    None => return Err(self.as_it_is(asked, false)),
                }
                tokio::time::sleep(WAIT.1).await;
            }
        };
        tokio::select! {
            biased;
            () = tokio::time::sleep(self.app.config.wake_patience) => {
                let status = match self.app.repls.socket(self.repl) {
                    Some(_) => StatusCode::GATEWAY_TIMEOUT,
                    None => StatusCode::SERVICE_UNAVAILABLE,
                };
                let text = self.words(row).text();
                Err(pages::later(web::answer(status, &format!("{text}\n"), &[])))
            }
            () = login.ended() => {
                let text = "Open this preview from its repl first.\n";
                Err(web::answer(StatusCode::UNAUTHORIZED, text, &[]))
            }
            arrived = arrives => arrived,
        }
    }

    /// Whether it runs, or is about to.
    fn is_there(&self, row: &repl::Model) -> bool {
        let phase = self.app.repls.state(row).phase;
        matches!(phase, Phase::Starting | Phase::Running)
    }

    /// Starts the repl and its program, and keeps it awake until something listens on the port, the
    /// program has ended, or there is no more patience.
    fn wake(&self, row: &repl::Model) {
        let (app, port, row) = (self.app.clone(), self.port, row.clone());
        let Some(mut waking) = app.repls.waking(&row, port) else {
            return;
        };
        tokio::spawn(async move {
            tracing::info!(repl = row.id, port, "woken by a request to its preview");
            let started = app.repls.ensure_program(&row).await;
            waking.asked();
            if started.is_err() {
                return;
            }
            let comes = async {
                loop {
                    let socket = app.repls.socket(&row.id);
                    let is_over = socket.is_none()
                        || (!app.repls.state(&row).running && ended(&app.repls.program(&row.id)));
                    if is_over || listens(socket, port).await {
                        return;
                    }
                    tokio::time::sleep(WAIT.1).await;
                }
            };
            let _ = tokio::time::timeout(app.config.wake_patience, comes).await;
        });
    }

    async fn until_it_begins(&self, row: &repl::Model) {
        let mut state = self.app.repls.watch(row);
        let begins = state.wait_for(|s| matches!(s.phase, Phase::Starting | Phase::Running));
        // What it says until then is not wrong.
        let _ = tokio::time::timeout(BEGIN, begins).await;
    }

    /// `POST /.alcove/wake?to=/path`: the button of our page.
    pub(super) async fn woken_by_hand(&self, method: Method, query: &str) -> Response<Body> {
        if method != Method::POST {
            return web::answer(StatusCode::METHOD_NOT_ALLOWED, "", &[]);
        }
        let to = value(query, "to")
            .filter(|to| is_local_path(to))
            .unwrap_or_else(|| "/".into());
        if let Some(row) = self.row().await
            && self.app.repls.wakes_on_touch(&row)
            && self.app.repls.socket(self.repl).is_none()
        {
            self.wake(&row);
            self.until_it_begins(&row).await;
        }
        web::answer(StatusCode::SEE_OTHER, "", &[(LOCATION, &to)])
    }

    /// `GET /.alcove/wait`: 204 when something listens on the port; 202, with what is to be said, when that
    /// is no longer what was `said`, or after a while all the same.
    pub(super) async fn wait(&self, query: &str) -> Response<Body> {
        let said = value(query, "said");
        let Some(row) = self.row().await else {
            return web::answer(StatusCode::NOT_FOUND, "", &[]);
        };
        let news = async {
            loop {
                if self.listens().await {
                    return None;
                }
                let words = self.words(&row);
                if said.as_ref().is_some_and(|said| *said != words.said()) {
                    return Some(words);
                }
                tokio::time::sleep(WAIT.1).await;
            }
        };
        match tokio::time::timeout(WAIT.0, news).await {
            Ok(None) => web::answer(StatusCode::NO_CONTENT, "", &[]),
            Ok(Some(words)) => words.json(),
            Err(_) => self.words(&row).json(),
        }
    }

    fn words(&self, row: &repl::Model) -> Words {
        let can_wake = self.app.repls.wakes_on_touch(row);
        self.words_of(&self.app.repls.state(row), can_wake)
    }

    fn words_of(&self, state: &ReplState, can_wake: bool) -> Words {
        let program = self.app.repls.program(self.repl);
        Words::of(state, &program, self.port, can_wake)
    }

    /// What is said of a repl that does not answer yet; `can_wake`: with a button.
    fn as_it_is(&self, asked: &Asked, can_wake: bool) -> Response<Body> {
        let words = match self.app.repls.known_state(self.repl) {
            Some(state) => self.words_of(&state, can_wake),
            None => Words::asleep(can_wake),
        };
        let status = match self.app.repls.socket(self.repl) {
            Some(_) => StatusCode::BAD_GATEWAY,
            None => StatusCode::SERVICE_UNAVAILABLE,
        };
        self.told(asked, status, &words)
    }

    /// It runs, and nothing listens on the port.
    pub(super) fn nothing_listens(&self, asked: &Asked) -> Response<Body> {
        let words = match self.app.repls.known_state(self.repl) {
            Some(state) if state.phase == Phase::Running => self.words_of(&state, false),
            _ => Words::nothing_listens(self.port),
        };
        self.told(asked, StatusCode::BAD_GATEWAY, &words)
    }

    /// Words as a page that follows them, or as text.
    fn told(&self, asked: &Asked, status: StatusCode, words: &Words) -> Response<Body> {
        let editor = format!("/r/{}", self.repl);
        let editor = self.app.hosts.canonical(self.host, &editor);
        pages::waiting(asked.page, status, words, &editor, &asked.to)
    }
}

fn ended(program: &Program) -> bool {
    program.refusal.is_some() || program.exit_code.is_some()
}

async fn listens(socket: Option<PathBuf>, port: u16) -> bool {
    let Some(socket) = socket else { return false };
    let tunnel = runner::upgrade(&socket, &format!("/tunnel/{port}"), &tunnel::HEADERS).await;
    matches!(tunnel, Ok(Some(_)))
}

/// A value of a query, decoded.
pub(super) fn value(query: &str, name: &str) -> Option<String> {
    let mut pairs = query.split('&').filter_map(|p| p.split_once('='));
    let (_, value) = pairs.find(|(n, _)| *n == name)?;
    let value = percent_decode_str(value).decode_utf8().ok()?;
    Some(value.into_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn wakes(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        may_wake(&headers, |origin| origin == "http://3000--own.x")
    }

    #[test]
    fn whoever_asks_now_wakes_it() {
        let navigate = ("sec-fetch-mode", "navigate");
        for request in [
            &[][..],
            &[("accept", "application/json")],
            &[("referer", "http://elsewhere.example/page")],
            // The address bar, a link in the editor or in an e-mail, a click in the page itself.
            &[
                navigate,
                ("sec-fetch-site", "none"),
                ("sec-fetch-user", "?1"),
            ],
            &[navigate, ("sec-fetch-site", "same-site")],
            &[navigate, ("sec-fetch-site", "cross-site")],
            &[
                navigate,
                ("sec-fetch-site", "same-origin"),
                ("sec-fetch-user", "?1"),
            ],
        ] {
            assert!(wakes(request), "{request:?}");
        }
    }

    #[test]
    fn what_a_page_asks_for_by_itself_does_not() {
        let navigate = ("sec-fetch-mode", "navigate");
        for request in [
            &[("sec-fetch-mode", "cors")][..],
            &[("sec-fetch-mode", "no-cors"), ("sec-fetch-user", "?1")],
            &[("sec-fetch-mode", "websocket")],
            // It loads itself anew.
            &[navigate, ("sec-fetch-site", "same-origin")],
            &[
                navigate,
                ("sec-fetch-site", "same-site"),
                ("sec-fetch-dest", "iframe"),
            ],
            // A browser that says less.
            &[("origin", "http://3000--own.x")],
            &[("referer", "http://3000--own.x/page?x=1")],
            &[
                ("origin", "http://elsewhere.example"),
                ("referer", "http://3000--own.x/"),
            ],
        ] {
            assert!(!wakes(request), "{request:?}");
        }
    }

    #[test]
    fn values_of_a_query_are_decoded() {
        assert_eq!(value("a=1&to=%2Fx%3Fy", "to").as_deref(), Some("/x?y"));
        assert_eq!(value("a=1", "to"), None);
        assert_eq!(value("to=%ff", "to"), None);
    }
}
