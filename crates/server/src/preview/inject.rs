//! A script of ours in the pages that the editor shows: what they write to their console, and where they
//! are, is seen beside them. A page in a tab of its own is left as it is.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    IF_MODIFIED_SINCE, IF_NONE_MATCH, RANGE, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use hyper::body::Frame;

use super::headers;

/// The script's address on each preview's origin.
pub const ADDRESS: &str = "/.alcove/page.js";
pub const SCRIPT: &str = include_str!("page.js");
const TAG: &[u8] = b"<script src=\"/.alcove/page.js\"></script>";
/// A document's beginning is held back until it is clear where the script goes, or is this long.
const MOST_HELD_BYTES: usize = 4 * 1024;

/// Whether the answer to this request is shown in a frame of the editor (Fetch Metadata §2.1). Such a
/// page is asked for without compression.
pub fn is_framed(headers: &mut HeaderMap) -> bool {
    let framed = headers.get("sec-fetch-dest").is_some_and(|d| d == "iframe")
        && !headers.contains_key(RANGE);
    if framed {
        headers::set(headers, ACCEPT_ENCODING.as_str(), "identity");
        // What a browser kept may have come into a tab, without the script.
        for name in [IF_NONE_MATCH, IF_MODIFIED_SINCE] {
            headers.remove(name);
        }
    }
    framed
}

/// The same address has another content in a frame than in a tab: who keeps answers must know.
pub fn vary(headers: &mut HeaderMap) {
    if is_page(headers) {
        headers.append(VARY, HeaderValue::from_static("Sec-Fetch-Dest"));
    }
}

/// Puts the script into the answer, if that is a page which lets it run.
pub fn into(answer: Response<Body>) -> Response<Body> {
    let (mut parts, body) = answer.into_parts();
    if parts.status == StatusCode::PARTIAL_CONTENT
        || !is_page(&parts.headers)
        || !may_run(&parts.headers)
        || body.is_end_stream()
    {
        return Response::from_parts(parts, body);
    }
    parts.headers.remove(CONTENT_LENGTH);
    let page = Page {
        body,
        held: Some(Vec::new()),
    };
    Response::from_parts(parts, Body::new(page))
}

fn is_page(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|h| h.to_str().ok());
    let kind = text(CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let plain = text(CONTENT_ENCODING).is_none_or(|e| e.eq_ignore_ascii_case("identity"));
    kind.trim_start().starts_with("text/html") && !kind.contains("utf-16") && plain
}

/// Whether the program's policies allow scripts of its own origin (CSP 3 §6.7.1.1).
fn may_run(headers: &HeaderMap) -> bool {
    headers
        .get_all(CONTENT_SECURITY_POLICY)
        .iter()
        .filter_map(|policy| policy.to_str().ok())
        .all(|policy| {
            let directive = |name: &str| {
                policy
                    .split(';')
                    .map(|d| d.trim().to_ascii_lowercase())
                    .find_map(|d| {
                        let (found, sources) = d.split_once(' ').unwrap_or((&d, ""));
                        (found == name).then(|| sources.to_owned())
                    })
            };
            ["script-src-elem", "script-src", "default-src"]
                .into_iter()
                .find_map(directive)
                .is_none_or(|sources| {
                    let mut sources = sources.split_ascii_whitespace();
                    sources.clone().all(|s| s != "'strict-dynamic'")
                        && sources.any(|s| matches!(s, "'self'" | "*" | "http:" | "https:"))
                })
        })
}

/// A document, with the script after its doctype.
struct Page {
    body: Body,
    /// What has come before the place is clear; `None` once the script is in.
    held: Option<Vec<u8>>,
}

impl HttpBody for Page {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        loop {
            let next = Pin::new(&mut self.body).poll_frame(cx);
            let Some(held) = &mut self.held else {
                return next;
            };
            let is_whole = match next {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        held.extend_from_slice(&data);
                        held.len() >= MOST_HELD_BYTES
                    }
                    // Trailers come last.
                    Err(_) => true,
                },
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Ready(None) => true,
            };
            let place = place(held);
            if place.is_none() && !is_whole {
                continue;
            }
            let mut document = std::mem::take(held);
            // Where the place is not clear, the document stays as it is.
            if let Some(place) = place {
                document.splice(place..place, TAG.iter().copied());
            }
            self.held = None;
            if document.is_empty() {
                return Poll::Ready(None);
            }
            return Poll::Ready(Some(Ok(Frame::data(document.into()))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_none() && self.body.is_end_stream()
    }
}

/// Where a script may stand first without changing how the document is read: after its doctype
/// (HTML §13.2.6.4.1), or where one would be. `None`: more is needed to tell.
fn place(document: &[u8]) -> Option<usize> {
    const DOCTYPE: &[u8] = b"<!doctype";
    let mut at = 0;
    if document.starts_with(b"\xef\xbb\xbf") {
        at = 3;
    } else if b"\xef\xbb\xbf".starts_with(document) {
        return None;
    }
    loop {
        let rest = &document[at..];
        let blank = rest.iter().take_while(|b| b.is_ascii_whitespace()).count();
        if blank > 0 {
            at += blank;
            continue;
        }
        if rest.starts_with(b"<!--") {
            at += find(rest, b"-->")? + 3;
            continue;
        }
        let begins = &rest[..rest.len().min(DOCTYPE.len())];
        if begins.eq_ignore_ascii_case(DOCTYPE) {
            return Some(at + find(rest, b">")? + 1);
        }
        let may_become_one =
            begins.eq_ignore_ascii_case(&DOCTYPE[..begins.len()]) || b"<!--".starts_with(begins);
        return if may_become_one && begins.len() < DOCTYPE.len() {
            None
        } else {
            Some(at)
        };
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|w| w == what)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;
    use proptest::prelude::*;

    #[test]
    fn the_script_comes_after_the_doctype() {
        for (document, before) in [
            ("<!doctype html><html>", "<!doctype html>"),
            (
                "\u{feff} \n<!-- a > b -->\n<!DOCTYPE html SYSTEM 'x'><p>",
                "\u{feff} \n<!-- a > b -->\n<!DOCTYPE html SYSTEM 'x'>",
            ),
            ("<html><head>", ""),
            ("  text", "  "),
            ("<!-- one --><p>", "<!-- one -->"),
            ("<!x>", ""),
        ] {
            assert_eq!(place(document.as_bytes()), Some(before.len()), "{document}");
        }
        for more in [
            "",
            "\u{feff}",
            "<",
            "<!",
            "<!-",
            "<!-- a",
            "<!docty",
            "<!doctype html",
            "  ",
        ] {
            assert_eq!(place(more.as_bytes()), None, "{more}");
        }
    }

    #[test]
    fn a_policy_without_our_origin_is_respected() {
        for (policy, may) in [
            ("img-src 'none'", true),
            ("default-src 'self'", true),
            ("default-src 'none'; script-src 'self' 'nonce-x'", true),
            ("script-src 'nonce-x'", false),
            ("script-src 'self' 'strict-dynamic' 'nonce-x'", false),
            ("default-src 'none'", false),
            (
                "script-src-elem https://cdn.example; script-src 'self'",
                false,
            ),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(CONTENT_SECURITY_POLICY, policy.parse().unwrap());
            assert_eq!(may_run(&headers), may, "{policy}");
        }
    }

    fn through(chunks: Vec<Vec<u8>>, kind: &'static str) -> (HeaderMap, Vec<u8>) {
        let body = Body::from_stream(futures_util::stream::iter(
            chunks.into_iter().map(Ok::<_, std::io::Error>),
        ));
        let answer = Response::builder()
            .header(CONTENT_TYPE, kind)
            .header(CONTENT_LENGTH, "5")
            .body(body)
            .unwrap();
        let (parts, body) = into(answer).into_parts();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let bytes = runtime.block_on(body.collect()).unwrap().to_bytes();
        (parts.headers, bytes.to_vec())
    }

    #[test]
    fn what_is_no_page_is_left_alone() {
        let (headers, bytes) = through(
            vec![b"{\"a\":".to_vec(), b"1}".to_vec()],
            "application/json",
        );
        assert_eq!(bytes, b"{\"a\":1}");
        assert!(headers.contains_key(CONTENT_LENGTH));
    }

    proptest! {
        /// However a document is cut, the script is in it once, and all else is as it was.
        #[test]
        fn nothing_else_changes(
            head in "(\u{feff})?([ \n]{0,3}|[ ]{5000})(<!-- [a-z>]{0,9} -->)?(<!doctype html>)?(<html>)?",
            text in ".{0,200}",
            long in 0usize..6_000,
            cuts in prop::collection::vec(1usize..700, 1..30),
        ) {
            let document = format!("{head}{text}{}", "x".repeat(long)).into_bytes();
            let mut chunks = Vec::new();
            let mut rest = &document[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break; }
                let (chunk, after) = rest.split_at((*cut).min(rest.len()));
                chunks.push(chunk.to_vec());
                rest = after;
            }
            let (headers, bytes) = through(chunks, "text/html; charset=utf-8");
            prop_assert!(!headers.contains_key(CONTENT_LENGTH));
            let mut without = bytes.clone();
            match find(&bytes, TAG) {
                Some(at) => drop(without.drain(at..at + TAG.len())),
                None => prop_assert!(place(&document).is_none_or(|p| p >= MOST_HELD_BYTES)),
            }
            prop_assert_eq!(without, document);
        }
    }
}
