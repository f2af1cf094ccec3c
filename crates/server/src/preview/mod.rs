//! Previews: the programs of repls, each port on an origin of its own. A browser shows a cookie that
//! it got for a ticket; the program never sees it.

mod answer;
mod headers;
mod inject;
mod pages;
mod tickets;
mod tunnel;
mod wake;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_TYPE, LOCATION, ORIGIN, REFERER, SET_COOKIE, UPGRADE,
};
use axum::http::{HeaderMap, Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::auth::Purpose;
use crate::logins::Login;
use crate::{App, web};
use answer::Answer;
use headers::Rewrite;
pub use tickets::Tickets;
pub use tunnel::Tunnels;

/// Addresses below this are ours on every preview's origin.
const OURS: &str = "/.alcove/";
/// How long a page waits in one request for a program to listen, and how often it is looked.
const WAIT: (Duration, Duration) = (Duration::from_secs(25), Duration::from_millis(300));
/// Bytes that an upgraded connection holds in each direction.
const BUFFER_BYTES: usize = 64 * 1024;

/// Where a ticket is exchanged for a cookie.
pub fn ticket_address(origin: &str, ticket: &str, path: &str) -> String {
    format!(
        "{origin}{OURS}ticket?t={ticket}&to={}",
        utf8_percent_encode(path, NON_ALPHANUMERIC)
    )
}

/// Whether a redirect to `path` stays on its origin.
pub fn is_local_path(path: &str) -> bool {
    let mut bytes = path.bytes();
    bytes.next() == Some(b'/')
        && !matches!(bytes.next(), Some(b'/' | b'\\'))
        && path.bytes().all(|b| b > 0x20 && b != 0x7f)
}

/// Where a preview's request goes.
struct Place<'a> {
    app: &'a Arc<App>,
    host: &'a str,
    port: u16,
    repl: &'a str,
    peer: SocketAddr,
}

/// Answers a request to `host`, which names `port` of `repl`.
pub async fn serve(
    app: &Arc<App>,
    request: Request<Body>,
    host: &str,
    port: u16,
    repl: &str,
    peer: SocketAddr,
) -> Response<Body> {
    let place = Place {
        app,
        host,
        port,
        repl,
        peer,
    };
    let mut response = place.answer(request).await;
    // Without it a busy loop in a preview freezes every page of the same site.
    headers::set(response.headers_mut(), "origin-agent-cluster", "?1");
    response
}

impl Place<'_> {
    async fn answer(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path();
        if path == "/.alcove/ticket" {
            return self.exchange(request.uri().query().unwrap_or_default());
        }
        if !self.may_come_from(request.method(), request.headers()) {
            return web::answer(
                StatusCode::FORBIDDEN,
                "This request comes from another repl, or another site.\n",
                &[],
            );
        }
        let Some(login) = self.login(request.headers()).await else {
            if self.is_preflight(&request) {
                // Nobody has shown who they are: it brings no body, and keeps nothing awake.
                return self.forward(request.map(|_| Body::empty()), None).await;
            }
            return self.sign_in_first(&request);
        };
        if path == "/.alcove/wait" {
            let query = request.uri().query().unwrap_or_default().to_owned();
            return self.wait(&query).await;
        }
        if path == "/.alcove/wake" {
            let query = request.uri().query().unwrap_or_default().to_owned();
            return self.woken_by_hand(request.method().clone(), &query).await;
        }
        if path == inject::ADDRESS {
            return web::answer(
                StatusCode::OK,
                inject::SCRIPT,
                &[
                    (CONTENT_TYPE, "text/javascript; charset=utf-8"),
                    (CACHE_CONTROL, "no-cache"),
                ],
            );
        }
        if path.starts_with(OURS) {
            return web::answer(StatusCode::NOT_FOUND, "There is nothing here.\n", &[]);
        }
        self.app.repls.touch(self.repl);
        self.forward(request, Some(login)).await
    }

    /// A ticket for a cookie.
    fn exchange(&self, query: &str) -> Response<Body> {
        let to = wake::value(query, "to")
            .filter(|to| is_local_path(to))
            .unwrap_or_else(|| "/".into());
        let login =
            wake::value(query, "t").and_then(|t| self.app.tickets.take(&t, self.repl, self.port));
        let Some(login) = login else {
            // Used already (a reload), or too old: the editor knows who it is.
            return web::answer(
                StatusCode::SEE_OTHER,
                "",
                &[(LOCATION, &self.by_editor(&to))],
            );
        };
        let https = self.app.config.is_https();
        let same_site = self.app.hosts.previews_are_same_site();
        let cookie = self
            .app
            .keys
            .preview_cookie(self.host, &login, https, same_site);
        web::answer(
            StatusCode::SEE_OTHER,
            "",
            &[(LOCATION, &to), (SET_COOKIE, &cookie)],
        )
    }

    /// The editor's address that leads to here with a ticket.
    fn by_editor(&self, to: &str) -> String {
        let path = format!(
            "/api/repls/{}/preview/{}?to={}",
            self.repl,
            self.port,
            utf8_percent_encode(to, NON_ALPHANUMERIC)
        );
        self.app.hosts.canonical(self.host, &path)
    }

    /// Another repl's page, whom the browser shows the same cookie jar, must reach nothing here; nor
    /// must another site's, but by a link.
    fn may_come_from(&self, method: &Method, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).and_then(|h| h.to_str().ok());
        let is_ours = |origin: &str| {
            self.app
                .hosts
                .preview_of(origin)
                .is_some_and(|(_, repl)| repl == self.repl)
        };
        if let Some(origin) = text(ORIGIN.as_str()) {
            if origin != "null" {
                return is_ours(origin);
            }
            // A page that sends no referrer says so to itself too; anybody may follow a link.
            return match text("sec-fetch-site") {
                Some("same-origin" | "none") => true,
                Some(_) => method.is_safe() && text("sec-fetch-mode") == Some("navigate"),
                None => method.is_safe() && !headers.contains_key(UPGRADE),
            };
        }
        if headers.contains_key(UPGRADE) {
            // A program, not a page: pages say where they are from.
            return text("sec-fetch-site").is_none();
        }
        let foreign = matches!(text("sec-fetch-site"), Some("same-site" | "cross-site"));
        let is_navigation = matches!(text("sec-fetch-mode"), Some("navigate"));
        !foreign
            || (is_navigation && method.is_safe())
            || text(REFERER.as_str()).is_some_and(|r| is_ours(headers::origin_of(r)))
    }

    /// CORS preflights carry no cookie (Fetch §4.8); those between ports of one repl pass.
    fn is_preflight(&self, request: &Request<Body>) -> bool {
        request.method() == Method::OPTIONS
            && request
                .headers()
                .contains_key("access-control-request-method")
            && request.headers().contains_key(ORIGIN)
    }

    /// The sign-in of a request whose user may see this repl.
    async fn login(&self, headers: &HeaderMap) -> Option<Login> {
        let https = self.app.config.is_https();
        let id = self
            .app
            .keys
            .from_cookies(headers, Purpose::Preview, https)?;
        let login = self.app.logins.find(&id).await.ok()??;
        let owner = match self.app.repls.owner(self.repl) {
            Some(owner) => owner,
            None => self.app.db.repl(self.repl).await.ok()??.owner_id,
        };
        (owner == login.user).then_some(login)
    }

    fn sign_in_first(&self, request: &Request<Body>) -> Response<Body> {
        let is_page = request.method() == Method::GET && pages::wants_html(request.headers());
        if !is_page {
            return web::answer(
                StatusCode::UNAUTHORIZED,
                "Open this preview from its repl first.\n",
                &[],
            );
        }
        let to = request.uri().path_and_query().map_or("/", |p| p.as_str());
        web::answer(
            StatusCode::SEE_OTHER,
            "",
            &[(LOCATION, &self.by_editor(to))],
        )
    }

    /// Hands the request to the program. What outlives the answer ends with the `login`.
    async fn forward(&self, mut request: Request<Body>, login: Option<Login>) -> Response<Body> {
        let html = pages::wants_html(request.headers());
        let asked = self.asked(&request, html);
        let socket = match self.arrive(&asked, login.as_ref()).await {
            Ok(socket) => socket,
            Err(answer) => return answer,
        };
        let rewrite = Rewrite {
            hosts: &self.app.hosts,
            host: self.host,
            port: self.port,
            repl: self.repl,
            peer: self.peer,
        };
        rewrite.request(&mut request);
        let is_framed = inject::is_framed(request.headers_mut());
        let upgraded = request
            .headers()
            .contains_key(UPGRADE)
            .then(|| hyper::upgrade::on(&mut request));
        let answer = match self
            .app
            .tunnels
            .send(&socket, self.repl, self.port, request)
            .await
        {
            Ok(Some(answer)) => answer,
            Ok(None) => return self.nothing_listens(&asked),
            Err(error) => return pages::failed(html, self.port, &format!("{error:#}")),
        };
        let mut answer = answer.map(Body::new);
        rewrite.response(answer.headers_mut());
        inject::vary(answer.headers_mut());
        if is_framed {
            answer = inject::into(answer);
        }
        // A preflight is answered for strangers too, and keeps nothing awake.
        let Some(login) = login else { return answer };
        let watching = self.app.repls.keep(self.repl);
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS
            && let Some(upgraded) = upgraded
        {
            let to_program = hyper::upgrade::on(&mut answer);
            tokio::spawn(async move {
                let _watching = watching;
                let (Ok(browser), Ok(program)) = (upgraded.await, to_program.await) else {
                    return;
                };
                let (mut browser, mut program) = (TokioIo::new(browser), TokioIo::new(program));
                let copied = tokio::io::copy_bidirectional_with_sizes(
                    &mut browser,
                    &mut program,
                    BUFFER_BYTES,
                    BUFFER_BYTES,
                );
                // Either side may break off at any time.
                tokio::select! {
                    _ = copied => {}
                    () = login.ended() => {}
                }
            });
            return answer;
        }
        answer.map(|body| Answer::body(body, login, watching))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_redirect_stays_on_its_origin() {
        for good in ["/", "/a?b=c#d", "/a//b"] {
            assert!(super::is_local_path(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "//evil.example",
            "/\\evil.example",
            "http://evil.example",
            "/a\r\nSet-Cookie: x",
            "/\t/evil",
        ] {
            assert!(!super::is_local_path(bad), "{bad}");
        }
    }
}
