//! Our own pages on a preview's origin: nothing listens, asleep, broken off.

use axum::body::Body;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, Response, StatusCode};

use crate::web;

pub fn wants_html(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|h| h.to_str().ok())
        .is_some_and(|a| a.contains("text/html"))
}

/// It reloads itself when something listens.
pub fn nothing_listens(html: bool, port: u16) -> Response<Body> {
    let text = format!("Nothing listens on port {port} yet.");
    page(
        html,
        StatusCode::BAD_GATEWAY,
        &text,
        "Start your program. This page shows it as soon as it listens.",
        true,
    )
}

pub fn asleep(html: bool, editor: &str, starting: bool) -> Response<Body> {
    let (text, what) = match starting {
        true => (
            "This repl is starting.",
            "Its program is shown here once it listens.".to_owned(),
        ),
        false => (
            "This repl is asleep.",
            format!(
                "<a href=\"{}\" target=\"_top\">Open it</a> and press Run.",
                escape(editor)
            ),
        ),
    };
    page(html, StatusCode::SERVICE_UNAVAILABLE, text, &what, true)
}

pub fn failed(html: bool, port: u16, error: &str) -> Response<Body> {
    let text = format!("The program on port {port} broke off without an answer.");
    page(
        html,
        StatusCode::BAD_GATEWAY,
        &text,
        &format!("Its terminal may say why. ({})", escape(error)),
        false,
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// `what` is HTML.
fn page(html: bool, status: StatusCode, text: &str, what: &str, waits: bool) -> Response<Body> {
    let no_store = (CACHE_CONTROL, "no-store");
    if !html {
        return web::answer(
            status,
            &format!("{text}\n"),
            &[no_store, (CONTENT_TYPE, "text/plain; charset=utf-8")],
        );
    }
    let script = if waits { SCRIPT } else { "" };
    let text = escape(text);
    let document = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{text}</title><style>{STYLE}</style><main role=status><h1>{text}</h1><p>{what}</main>{script}"
    );
    web::answer(
        status,
        &document,
        &[no_store, (CONTENT_TYPE, "text/html; charset=utf-8")],
    )
}

const STYLE: &str = "html{color-scheme:light dark;font:15px/1.5 system-ui,sans-serif}\
    body{margin:0;min-height:100vh;display:grid;place-items:center}\
    main{padding:24px;max-width:32em;text-align:center}h1{font-size:17px;margin:0}p{opacity:.75;margin:.5em 0 0}";

const SCRIPT: &str = "<script>(async()=>{for(;;){try{\
    const r=await fetch('/.alcove/wait',{cache:'no-store'});if(r.status===204)return location.reload();\
    if(r.status!==202)await new Promise(f=>setTimeout(f,3000))}\
    catch{await new Promise(f=>setTimeout(f,3000))}}})()</script>";
