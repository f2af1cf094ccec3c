//! A page's way to its repl's runner: authenticate, start if needed, then splice bytes. No message of
//! a session is read here.

mod splice;

use std::sync::Arc;
use std::time::Duration;

use alcove_protocol::session::Role;
use alcove_protocol::{SUBPROTOCOL, headers};
use axum::body::Body;
use axum::extract::{Path, Query, Request, State};
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use serde::Deserialize;
use tokio::io::AsyncWriteExt;

use crate::auth::User;
use crate::{ApiFailure, App, runner};
pub use splice::Splices;

/// Going away (RFC 6455 §7.4.1), in a frame of its own (§5.5.1).
const GOING_AWAY: [u8; 4] = [0x88, 2, 0x03, 0xE9];

/// How long a page may take to close.
const FAREWELL: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
pub struct Opening {
    /// In place of a connection that broke off: what was stopped meanwhile is not started for it.
    #[serde(default)]
    again: bool,
}

/// `GET /api/repls/{id}/session`
pub async fn session(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
    Query(opening): Query<Opening>,
    mut request: Request,
) -> Result<Response<Body>, ApiFailure> {
    let repl = crate::api::owned(&app, &user, &id).await?;
    let accept = handshake(request.headers())?;
    let is_at_rest = opening.again && app.repls.is_put_to_rest(&repl.id);
    if is_at_rest || app.repls.is_halted(&repl) {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            if let Ok(page) = upgrade.await {
                // It may be gone again.
                let _ = tokio::time::timeout(FAREWELL, say_farewell(TokioIo::new(page))).await;
            }
        });
        return switching(accept);
    }
    let presence = app.repls.enter(&repl, &user.id);
    let socket = app
        .repls
        .ensure_running(&repl)
        .await
        .map_err(ApiFailure::Unavailable)?;
    let name = utf8_percent_encode(&user.name, NON_ALPHANUMERIC).to_string();
    let key = STANDARD.encode(rand::random::<[u8; 16]>());
    let wanted = [
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", key.as_str()),
        ("Sec-WebSocket-Protocol", SUBPROTOCOL),
        (headers::USER, name.as_str()),
        (headers::ROLE, Role::Owner.as_str()),
    ];
    let to_runner = runner::upgrade(&socket, "/session", &wanted)
        .await
        .map_err(|e| {
            ApiFailure::Unavailable(format!(
                "The repl does not answer: {e:#}. Stop it and start it again."
            ))
        })?
        .ok_or_else(|| {
            ApiFailure::Unavailable(
                "The repl refused the connection. Stop it and start it again.".into(),
            )
        })?;
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let _presence = presence;
        let _open = app.metrics.session();
        let stream = match upgrade.await {
            Ok(stream) => stream,
            Err(error) => return tracing::debug!(%error, "session upgrade"),
        };
        let bytes = app.metrics.session_bytes();
        // Either side may break off at any time.
        let _ = app
            .splices
            .splice(stream, to_runner, bytes, user.login.ended())
            .await;
    });
    switching(accept)
}

/// Closes, and takes what the page has said meanwhile: else it might not hear why.
async fn say_farewell(mut page: TokioIo<hyper::upgrade::Upgraded>) -> std::io::Result<()> {
    page.write_all(&GOING_AWAY).await?;
    page.shutdown().await?;
    tokio::io::copy(&mut page, &mut tokio::io::sink()).await?;
    Ok(())
}

fn switching(accept: HeaderValue) -> Result<Response<Body>, ApiFailure> {
    let answer = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(UPGRADE, "websocket")
        .header(CONNECTION, "Upgrade")
        .header(SEC_WEBSOCKET_ACCEPT, accept)
        .header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
        .body(Body::empty());
    answer.map_err(|e| ApiFailure::Internal(e.into()))
}

/// Checks a WebSocket's opening (RFC 6455 §4.2.1), and computes what it is answered with.
fn handshake(headers: &HeaderMap) -> Result<HeaderValue, ApiFailure> {
    let bad = |text: &str| ApiFailure::BadRequest(text.to_owned());
    let text = |name| {
        headers
            .get(name)
            .and_then(|h: &HeaderValue| h.to_str().ok())
            .unwrap_or_default()
    };
    if !text(UPGRADE).eq_ignore_ascii_case("websocket") {
        return Err(bad("This address is a WebSocket."));
    }
    if text(SEC_WEBSOCKET_VERSION) != "13" {
        return Err(bad("WebSocket version 13 is spoken here."));
    }
    if !text(SEC_WEBSOCKET_PROTOCOL)
        .split(',')
        .any(|p| p.trim() == SUBPROTOCOL)
    {
        return Err(ApiFailure::BadRequest(format!(
            "The subprotocol {SUBPROTOCOL} is spoken here: reload the page."
        )));
    }
    let key = text(SEC_WEBSOCKET_KEY);
    if STANDARD.decode(key).map(|k| k.len()) != Ok(16) {
        return Err(bad("Sec-WebSocket-Key is not right."));
    }
    HeaderValue::from_str(&accept_key(key)).map_err(|e| ApiFailure::Internal(e.into()))
}

/// RFC 6455 §4.2.2, 5.4
fn accept_key(key: &str) -> String {
    use sha1::Digest;
    let digest = sha1::Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    STANDARD.encode(digest)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_answer_is_that_of_the_rfc() {
        assert_eq!(
            super::accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }
}
