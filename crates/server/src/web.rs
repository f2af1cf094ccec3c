//! Which part answers a request, by the host it names; the web application's files; the accept loop.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HOST, HeaderName, IF_NONE_MATCH, LOCATION, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rust_embed::EmbeddedFile;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::hosts::Target;
use crate::{App, api, preview};

/// How long a client may take to send a request's head,
const HEAD: Duration = Duration::from_secs(30);
/// and how large it may be, in bytes. A preview's script can fill a browser with cookies for the parent
/// domain: all that browsers keep of one site (180 of 4 KiB) must fit, or the editor would be shut off.
const MAX_HEAD_BYTES: usize = 1024 * 1024;
/// Pages of the application run our own code only; frames are previews.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
    connect-src 'self' ws: wss:; frame-src http: https:; worker-src 'self' blob:; object-src 'none'; \
    base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The web application's files, each by its path. The program brings them along: so this crate is
/// compiled without them.
pub type Page = fn(path: &str) -> Option<EmbeddedFile>;

/// All that answers under the editor's name.
pub fn service(app: &Arc<App>) -> Router {
    let page = app.page;
    api::router(app).fallback(move |request| files(page, request))
}

/// Takes connections until `closing`.
pub async fn accept(
    app: Arc<App>,
    listener: TcpListener,
    editor: Router,
    closing: CancellationToken,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = closing.cancelled() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: what is open goes on.
                tracing::warn!(%error, "accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // A keystroke must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let (app, editor, closing) = (app.clone(), editor.clone(), closing.clone());
        tokio::spawn(async move {
            let service =
                service_fn(move |request| route(app.clone(), editor.clone(), request, peer));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD)
                .max_buf_size(MAX_HEAD_BYTES)
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!(%error, "connection");
                },
                () = closing.cancelled() => {}
            }
        });
    }
}

async fn route(
    app: Arc<App>,
    editor: Router,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Result<Response<Body>, Infallible> {
    let request = request.map(Body::new);
    let path = request.uri().path();
    let host = request
        .headers()
        .get(HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    Ok(match app.hosts.target(&host) {
        Target::Preview { port, repl } => {
            preview::serve(&app, request, &host, port, &repl, peer).await
        }
        Target::Editor { canonical: false } if wants_page(&request) => {
            let to = app.hosts.canonical(
                &host,
                request.uri().path_and_query().map_or("/", |p| p.as_str()),
            );
            answer(StatusCode::TEMPORARY_REDIRECT, "", &[(LOCATION, &to)])
        }
        Target::Editor { .. } => editor.oneshot(request).await?,
        // Probes of an orchestrator come by address.
        _ if matches!(path, "/healthz" | "/readyz") => editor.oneshot(request).await?,
        Target::BadPreview => answer(
            StatusCode::NOT_FOUND,
            "No repl's port has this name: <port>--<repl id> is wanted.\n",
            &[],
        ),
        Target::Unknown => answer(
            StatusCode::MISDIRECTED_REQUEST,
            "This server does not go by that name: see --public-url.\n",
            &[],
        ),
    })
}

/// A person's browser, that shows what it gets in a tab.
fn wants_page<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET
        && !request.uri().path().starts_with("/api/")
        && request
            .headers()
            .get(ACCEPT)
            .and_then(|h| h.to_str().ok())
            .is_some_and(|a| a.contains("text/html"))
}

pub(crate) fn answer(
    status: StatusCode,
    text: &str,
    headers: &[(HeaderName, &str)],
) -> Response<Body> {
    let mut response = Response::new(Body::from(text.to_owned()));
    *response.status_mut() = status;
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// The web application's page.
pub(crate) fn index(page: Page) -> Response<Body> {
    let Some(file) = page("index.html") else {
        return answer(
            StatusCode::SERVICE_UNAVAILABLE,
            "This binary was built without the web application: run `make build`.\n",
            &[],
        );
    };
    let mut response = Response::new(Body::from(file.data));
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (HeaderName::from_static("origin-agent-cluster"), "?1"),
        (HeaderName::from_static("referrer-policy"), "no-referrer"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        // A preview, or a page opened from one, gets no handle on this window.
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin-allow-popups",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

async fn files(page: Page, request: Request<Body>) -> Response<Body> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return answer(StatusCode::METHOD_NOT_ALLOWED, "", &[]);
    }
    let path = request.uri().path().trim_start_matches('/');
    let file = match page(path) {
        Some(file) if path != "index.html" => file,
        // The application has its own addresses; what looks like a file is none of them.
        None if path.contains('.') => {
            return answer(StatusCode::NOT_FOUND, "There is no such file.\n", &[]);
        }
        _ => return index(page),
    };
    let hash = blake3::Hash::from(file.metadata.sha256_hash()).to_hex();
    let (data, coding) = match compressed(page, path, request.headers()) {
        Some((data, coding)) => (data, Some(coding)),
        None => (file.data, None),
    };
    let tag = format!("\"{hash}{}\"", coding.unwrap_or_default());
    // Vite names these files by their content.
    let cache = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    if request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|h| h.to_str().ok())
        == Some(tag.as_str())
    {
        return answer(
            StatusCode::NOT_MODIFIED,
            "",
            &[(ETAG, &tag), (CACHE_CONTROL, cache)],
        );
    }
    let kind = match path.rsplit_once('.').map(|(_, end)| end) {
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("woff2") => "font/woff2",
        Some("json" | "map") => "application/json",
        Some("wasm") => "application/wasm",
        _ => "application/octet-stream",
    };
    let mut response = Response::new(Body::from(data));
    if let Some(coding) = coding {
        response
            .headers_mut()
            .insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, cache),
        (ETAG, tag.as_str()),
        (VARY, "Accept-Encoding"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// What Vite's build compressed, in the best coding that the browser takes (RFC 9110 §12.5.3).
fn compressed(
    page: Page,
    path: &str,
    headers: &HeaderMap,
) -> Option<(Cow<'static, [u8]>, &'static str)> {
    let accepted = headers.get(ACCEPT_ENCODING)?.to_str().ok()?;
    [("br", "br"), ("gz", "gzip")]
        .into_iter()
        .filter(|(_, coding)| accepts(accepted, coding))
        .find_map(|(end, coding)| Some((page(&format!("{path}.{end}"))?.data, coding)))
}

/// Whether `coding` is named, and not with a weight of nought.
fn accepts(accepted: &str, coding: &str) -> bool {
    accepted.split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        let is_nought = weight
            .trim()
            .strip_prefix("q=")
            .is_some_and(|q| q.parse() == Ok(0.0));
        name.trim().eq_ignore_ascii_case(coding) && !is_nought
    })
}

#[cfg(test)]
mod tests {
    use super::accepts;

    #[test]
    fn a_coding_is_used_only_where_it_is_named() {
        assert!(accepts("gzip, deflate, br, zstd", "br"));
        assert!(accepts("GZIP;q=0.5", "gzip"));
        for no in ["", "gzip", "br;q=0", "br; q=0.000", "brotli"] {
            assert!(!accepts(no, "br"), "{no}");
        }
    }
}
