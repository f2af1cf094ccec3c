//! What is rewritten between a browser and a program that thinks it serves `localhost`.

use std::net::SocketAddr;

use alcove_protocol::headers as internal;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, COOKIE,
    EXPIRES, HOST, LOCATION, ORIGIN, REFERER, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
    X_FRAME_OPTIONS,
};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request, Uri};

use crate::auth::Purpose;
use crate::hosts::Hosts;

/// Names by which programs call themselves.
const LOCAL: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

pub fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}

/// `http://host:port` of an address.
pub fn origin_of(address: &str) -> &str {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address;
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    &address[..scheme.len() + 3 + end]
}

/// One request's preview.
pub struct Rewrite<'a> {
    pub hosts: &'a Hosts,
    /// As the browser names it.
    pub host: &'a str,
    pub port: u16,
    pub repl: &'a str,
    /// Who connected to us.
    pub peer: SocketAddr,
}

impl Rewrite<'_> {
    /// What the program is to see.
    pub fn request<B>(&self, request: &mut Request<B>) {
        let path = request
            .uri()
            .path_and_query()
            .cloned()
            .unwrap_or_else(|| PathAndQuery::from_static("/"));
        *request.uri_mut() = Uri::from(path);
        let headers = request.headers_mut();
        drop_hop_by_hop(headers);
        for name in [internal::USER, internal::ROLE] {
            headers.remove(name);
        }
        set(headers, "x-forwarded-host", self.host);
        set(headers, "x-forwarded-proto", self.hosts.scheme());
        // A proxy before us has written down whom it speaks for (RFC 7239 §5.2 is its successor).
        let before = headers.get("x-forwarded-for").and_then(|h| h.to_str().ok());
        let chain = before.map_or(String::new(), |b| format!("{b}, "));
        set(
            headers,
            "x-forwarded-for",
            &format!("{chain}{}", self.peer.ip()),
        );
        headers.remove("forwarded");
        for name in [ORIGIN, REFERER] {
            let local = headers
                .get(&name)
                .and_then(|h| h.to_str().ok())
                .and_then(|text| self.to_local(text));
            if let Some(local) = local.and_then(|l| HeaderValue::from_str(&l).ok()) {
                headers.insert(name, local);
            }
        }
        if let Ok(host) = HeaderValue::from_str(&format!("localhost:{}", self.port)) {
            headers.insert(HOST, host);
        }
        strip_our_cookies(headers);
    }

    /// What the browser is to see.
    pub fn response(&self, headers: &mut HeaderMap) {
        let upgraded = headers.get(UPGRADE).cloned();
        drop_hop_by_hop(headers);
        if let Some(upgrade) = upgraded {
            headers.insert(UPGRADE, upgrade);
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        }
        for name in [LOCATION, ACCESS_CONTROL_ALLOW_ORIGIN] {
            let public = headers
                .get(&name)
                .and_then(|h| h.to_str().ok())
                .and_then(|text| self.to_public(text));
            if let Some(public) = public.and_then(|p| HeaderValue::from_str(&p).ok()) {
                headers.insert(name, public);
            }
        }
        self.cookies(headers);
        self.frames(headers);
        // Without a word of the program on it, a browser may show an old page for hours (RFC 9111
        // §4.2.2), and a person who develops must see what is there now.
        if !headers.contains_key(CACHE_CONTROL) && !headers.contains_key(EXPIRES) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
    }

    /// An address on one of this repl's previews, as the program knows it.
    fn to_local(&self, address: &str) -> Option<String> {
        let origin = origin_of(address);
        let (port, repl) = self.hosts.preview_of(origin)?;
        (repl == self.repl).then(|| format!("http://localhost:{port}{}", &address[origin.len()..]))
    }

    /// An address on the program's `localhost`, as the browser can reach it.
    fn to_public(&self, address: &str) -> Option<String> {
        let origin = origin_of(address);
        let (scheme, name) = origin.split_once("://")?;
        let (name, port) = match name.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()?),
            _ => (name, if scheme == "https" { 443 } else { 80 }),
        };
        let is_local = matches!(scheme, "http" | "https")
            && LOCAL.contains(&name.to_ascii_lowercase().as_str());
        is_local.then(|| {
            format!(
                "{}{}",
                self.hosts.preview_origin(self.host, port, self.repl),
                &address[origin.len()..]
            )
        })
    }

    /// A program's cookies are for its own host alone, and never take our names.
    fn cookies(&self, headers: &mut HeaderMap) {
        let cookies: Vec<HeaderValue> = headers.get_all(SET_COOKIE).iter().cloned().collect();
        headers.remove(SET_COOKIE);
        for cookie in cookies {
            let Ok(text) = std::str::from_utf8(cookie.as_bytes()) else {
                continue;
            };
            let mut parts = text.split(';');
            let pair = parts.next().unwrap_or_default();
            if is_ours(pair.split('=').next().unwrap_or_default().trim()) {
                continue;
            }
            let is_domain = |part: &&str| {
                part.split('=')
                    .next()
                    .unwrap_or_default()
                    .trim()
                    .eq_ignore_ascii_case("domain")
            };
            let kept: Vec<&str> = std::iter::once(pair)
                .chain(parts.filter(|part| !is_domain(part)))
                .collect();
            if let Ok(value) = HeaderValue::from_str(&kept.join(";")) {
                headers.append(SET_COOKIE, value);
            }
        }
    }

    /// The editor, and nobody else, may show a program in a frame, whatever the program says of it:
    /// many frameworks forbid all frames by default.
    fn frames(&self, headers: &mut HeaderMap) {
        headers.remove(X_FRAME_OPTIONS);
        let policies: Vec<HeaderValue> = headers
            .get_all(CONTENT_SECURITY_POLICY)
            .iter()
            .cloned()
            .collect();
        headers.remove(CONTENT_SECURITY_POLICY);
        for policy in policies {
            let Ok(text) = policy.to_str() else { continue };
            let kept: Vec<&str> = text
                .split(';')
                .filter(|d| {
                    !d.trim_start()
                        .to_ascii_lowercase()
                        .starts_with("frame-ancestors")
                })
                .collect();
            if let (false, Ok(value)) = (
                kept.iter().all(|d| d.trim().is_empty()),
                HeaderValue::from_str(&kept.join(";")),
            ) {
                headers.append(CONTENT_SECURITY_POLICY, value);
            }
        }
        let editor = self.hosts.frame_source(self.host);
        if let Ok(value) = HeaderValue::from_str(&format!("frame-ancestors 'self' {editor}")) {
            headers.append(CONTENT_SECURITY_POLICY, value);
        }
    }
}

fn is_ours(name: &str) -> bool {
    [Purpose::Editor, Purpose::Preview]
        .iter()
        .any(|p| [false, true].iter().any(|https| p.cookie(*https) == name))
}

/// RFC 9110 §7.6.1. An upgrade stays one.
fn drop_hop_by_hop(headers: &mut HeaderMap) {
    let upgrade = headers.get(UPGRADE).cloned();
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|h| h.to_str().ok())
        .flat_map(|h| h.split(',').map(|n| n.trim().to_ascii_lowercase()))
        .collect();
    for name in named {
        headers.remove(name.as_str());
    }
    for name in [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
    headers.remove("keep-alive");
    headers.remove("proxy-connection");
    if let Some(upgrade) = upgrade {
        headers.insert(UPGRADE, upgrade);
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    }
}

fn strip_our_cookies(headers: &mut HeaderMap) {
    let mut theirs: Vec<u8> = Vec::new();
    for pair in headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|h| h.as_bytes().split(|b| *b == b';'))
    {
        let pair = pair.trim_ascii();
        let name = pair.split(|b| *b == b'=').next().unwrap_or_default();
        if pair.is_empty() || std::str::from_utf8(name).is_ok_and(is_ours) {
            continue;
        }
        if !theirs.is_empty() {
            theirs.extend_from_slice(b"; ");
        }
        theirs.extend_from_slice(pair);
    }
    headers.remove(COOKIE);
    if let (false, Ok(value)) = (theirs.is_empty(), HeaderValue::from_bytes(&theirs)) {
        headers.insert(COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST_NAME: &str = "3000--abcdefghijkl.alcove.localhost:8080";

    fn with(test: impl FnOnce(&Rewrite<'_>)) {
        let hosts = Hosts::for_tests();
        test(&Rewrite {
            hosts: &hosts,
            host: HOST_NAME,
            port: 3000,
            repl: "abcdefghijkl",
            peer: "192.0.2.7:5".parse().unwrap(),
        });
    }

    fn response(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), value.parse().unwrap());
        }
        with(|r| r.response(&mut headers));
        headers
    }

    #[test]
    fn a_program_sees_localhost_and_none_of_our_cookies() {
        let mut request = Request::builder()
            .uri("/a?b=c")
            .header(HOST, HOST_NAME)
            .header(ORIGIN, format!("http://{HOST_NAME}"))
            .header(
                REFERER,
                "http://5173--abcdefghijkl.alcove.localhost:8080/x?y",
            )
            .header(
                COOKIE,
                "a=1; alcove_preview=secret; __Host-alcove_session=s; b=2",
            )
            .header("alcove-user", "evil")
            .header("x-forwarded-for", "198.51.100.1")
            .header(CONNECTION, "keep-alive, x-gone")
            .header("x-gone", "1")
            .body(())
            .unwrap();
        with(|r| r.request(&mut request));
        let headers = request.headers();
        assert_eq!(headers[HOST], "localhost:3000");
        assert_eq!(headers[ORIGIN], "http://localhost:3000");
        assert_eq!(headers[REFERER], "http://localhost:5173/x?y");
        assert_eq!(headers[COOKIE], "a=1; b=2");
        assert_eq!(headers["x-forwarded-host"], HOST_NAME);
        assert_eq!(headers["x-forwarded-for"], "198.51.100.1, 192.0.2.7");
        assert!(!headers.contains_key("alcove-user") && !headers.contains_key("x-gone"));
        assert_eq!(request.uri(), "/a?b=c");
    }

    #[test]
    fn another_repls_origin_is_not_made_local() {
        with(|r| {
            assert_eq!(
                r.to_local("http://3000--zzzzzzzzzzzz.alcove.localhost:8080"),
                None
            );
            assert_eq!(r.to_local("https://evil.example/"), None);
        });
    }

    #[test]
    fn redirects_lead_to_where_the_browser_can_go() {
        let public = |to| {
            response(&[(LOCATION, to)])[LOCATION]
                .to_str()
                .unwrap()
                .to_owned()
        };
        assert_eq!(
            public("http://localhost:3000/login"),
            format!("http://{HOST_NAME}/login")
        );
        assert_eq!(
            public("http://127.0.0.1:8000"),
            "http://8000--abcdefghijkl.alcove.localhost:8080"
        );
        assert_eq!(public("http://[::1]:3000/"), format!("http://{HOST_NAME}/"));
        assert_eq!(public("/login"), "/login");
        assert_eq!(public("https://example.com/"), "https://example.com/");
    }

    #[test]
    fn cookies_lose_their_domain_and_cannot_be_ours() {
        let headers = response(&[
            (
                SET_COOKIE,
                "sid=1; Path=/; Domain=.alcove.localhost; HttpOnly",
            ),
            (SET_COOKIE, "alcove_session=evil; Domain=alcove.localhost"),
            (SET_COOKIE, "domain_id=5; domain = x"),
        ]);
        let all: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
        assert_eq!(all, ["sid=1; Path=/; HttpOnly", "domain_id=5"]);
    }

    #[test]
    fn the_editor_may_frame_what_forbids_frames() {
        let headers = response(&[
            (X_FRAME_OPTIONS, "DENY"),
            (
                CONTENT_SECURITY_POLICY,
                "default-src 'self'; frame-ancestors 'none'",
            ),
        ]);
        assert!(!headers.contains_key(X_FRAME_OPTIONS));
        let all: Vec<_> = headers.get_all(CONTENT_SECURITY_POLICY).iter().collect();
        assert_eq!(
            all,
            [
                "default-src 'self'",
                "frame-ancestors 'self' http://alcove.localhost:*"
            ]
        );
    }

    #[test]
    fn an_old_page_is_never_shown_unasked() {
        assert_eq!(response(&[])[CACHE_CONTROL], "no-cache");
        assert_eq!(
            response(&[(CACHE_CONTROL, "max-age=60")])[CACHE_CONTROL],
            "max-age=60"
        );
        assert!(!response(&[(EXPIRES, "0")]).contains_key(CACHE_CONTROL));
    }

    #[test]
    fn an_upgrade_stays_one() {
        let headers = response(&[(CONNECTION, "upgrade"), (UPGRADE, "websocket")]);
        assert_eq!(
            (headers[UPGRADE].as_bytes(), headers[CONNECTION].as_bytes()),
            (&b"websocket"[..], &b"Upgrade"[..])
        );
    }
}
