//! The runner's socket: HTTP/1.1.
//!
//! | request | what it does |
//! | --- | --- |
//! | `GET /session` | upgrades to a WebSocket that speaks the session protocol |
//! | `GET /tunnel/{port}` | upgrades to raw TCP towards whichever loopback address listens |
//! | `GET /status` | newline-delimited JSON, one [`alcove_protocol::status::Status`] now and after each change |
//! | `GET /file?path=…` | a file's bytes; ranges, and `If-None-Match` |
//! | `PUT /file?path=…` | writes a file; `overwrite=true` replaces one |
//! | `PUT /upload?id=…&path=…` | adds a part to a file that comes in parts; `DELETE` forgets it |
//! | `GET /download?path=…` | a folder as a zip archive |
//! | `POST /restore` | brings files back, see [`files::restore`] |
//! | `POST /run` | runs a command without a terminal, see [`RunRequest`] |
//! | `POST /run/start` | does what the Run button does; 204, or 409 with why it can't |
//! | `POST /flush` | writes all documents to disk; 204, or 507 when some could not be written |
//! | `POST /notice` | shows a line in the terminals, see [`NoticeRequest`]; 204 |
//! | `POST /stop` | ends all programs, see [`StopRequest`]; 204 |

use std::convert::Infallible;
use std::os::fd::{FromRawFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use alcove_protocol::project::MAIN_RUN;
use alcove_protocol::session::Role;
use alcove_protocol::status::{NoticeRequest, RunRequest, StopRequest};
use alcove_protocol::{SUBPROTOCOL, headers};
use alcove_socket::QuietStream;
use bytes::Bytes;
use futures_util::StreamExt;
use http_body_util::{BodyExt, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, UPGRADE,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, UnixListener};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::Runner;
use crate::files::{self, Body, plain};
use crate::programs::{Streams, close_on_exec};
use crate::session;

/// Largest body of a request, in bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
/// Columns and rows of a program's terminal until somebody looks at it.
const DEFAULT_SIZE: (u16, u16) = (80, 24);
/// The first descriptor that a supervisor hands over, sd_listen_fds(3).
const LISTEN_FD: i32 = 3;

/// The listening socket handed over by whoever started us.
pub fn inherited_listener() -> anyhow::Result<std::os::unix::net::UnixListener> {
    if std::env::var("LISTEN_FDS").as_deref() != Ok("1") {
        anyhow::bail!(
            "`alcove runner` is started by `alcove serve`, which hands it a socket (LISTEN_FDS=1)"
        );
    }
    close_on_exec(LISTEN_FD);
    // SAFETY: LISTEN_FDS says that this descriptor was opened for us; nothing else in the process owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(LISTEN_FD) };
    let listener = std::os::unix::net::UnixListener::from(fd);
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves connections for ever.
pub async fn serve(runner: Rc<Runner>, listener: UnixListener) -> anyhow::Result<()> {
    loop {
        let (stream, _) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: what is open goes on.
                tracing::warn!(%error, "accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let stream = match stream.into_std().and_then(QuietStream::new) {
            Ok(stream) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection");
                continue;
            }
        };
        let runner = runner.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| handle(runner.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection");
            }
        });
    }
}

async fn handle(
    runner: Rc<Runner>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    Ok(match (request.method(), path.as_str()) {
        (&Method::GET, "/session") => open_session(&runner, request),
        (&Method::GET, "/status") => status(&runner),
        (&Method::GET, "/file") => files::read(&runner, request).await,
        (&Method::PUT, "/file") => files::write(&runner, request).await,
        (&Method::PUT, "/upload") => files::upload(&runner, request).await,
        (&Method::DELETE, "/upload") => files::abandon(&runner, &request),
        (&Method::GET, "/download") => files::download(&runner, request).await,
        (&Method::POST, "/restore") => files::restore(&runner, request).await,
        (&Method::POST, "/flush") => match runner.flush().await {
            0 => plain(StatusCode::NO_CONTENT, ""),
            n => plain(
                StatusCode::INSUFFICIENT_STORAGE,
                &format!("{n} documents could not be written"),
            ),
        },
        // Asked again, by a server that took over and can't know.
        (&Method::POST, "/begin") => plain(StatusCode::NO_CONTENT, ""),
        (&Method::POST, "/ready") => match runner.ready() {
            Ok(()) => plain(StatusCode::NO_CONTENT, ""),
            Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
        },
        (&Method::POST, "/notice") => match body::<NoticeRequest>(request).await {
            Ok(notice) => {
                runner.notice(&notice.text).await;
                plain(StatusCode::NO_CONTENT, "")
            }
            Err(answer) => answer,
        },
        (&Method::POST, "/stop") => match body::<StopRequest>(request).await {
            Ok(stop) => {
                runner.stop(Duration::from_millis(stop.patience_ms)).await;
                plain(StatusCode::NO_CONTENT, "")
            }
            Err(answer) => answer,
        },
        (&Method::POST, "/run/start") => {
            match runner.start_run(MAIN_RUN, DEFAULT_SIZE.0, DEFAULT_SIZE.1) {
                Ok(()) => plain(StatusCode::NO_CONTENT, ""),
                Err((_, reason)) => plain(StatusCode::CONFLICT, &reason),
            }
        }
        (&Method::POST, "/run") => match body::<RunRequest>(request).await {
            Ok(run) => run_command(&runner, &run.command),
            Err(answer) => answer,
        },
        (&Method::GET, path) => match path.strip_prefix("/tunnel/").and_then(|p| p.parse().ok()) {
            Some(port) => tunnel(request, port).await,
            None => plain(StatusCode::NOT_FOUND, "no such address"),
        },
        _ => plain(StatusCode::NOT_FOUND, "no such address"),
    })
}

pub(crate) async fn body<T: serde::de::DeserializeOwned>(
    request: Request<Incoming>,
) -> Result<T, Response<Body>> {
    let bad = |text: String| plain(StatusCode::BAD_REQUEST, &text);
    let bytes = Limited::new(request.into_body(), MAX_BODY_BYTES)
        .collect()
        .await
        .map_err(|e| bad(e.to_string()))?;
    serde_json::from_slice(&bytes.to_bytes()).map_err(|e| bad(e.to_string()))
}

pub(crate) fn header<'a>(request: &'a Request<Incoming>, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

fn open_session(runner: &Rc<Runner>, mut request: Request<Incoming>) -> Response<Body> {
    let Some(key) = request.headers().get(SEC_WEBSOCKET_KEY) else {
        return plain(StatusCode::UPGRADE_REQUIRED, "this is a WebSocket");
    };
    let accept = derive_accept_key(key.as_bytes());
    let Some(role) = header(&request, headers::ROLE).and_then(Role::parse) else {
        return plain(StatusCode::BAD_REQUEST, "no role");
    };
    let name = header(&request, headers::USER)
        .map(percent_decode)
        .unwrap_or_default();
    let runner = runner.clone();
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::task::spawn_local(async move {
        match upgrade.await {
            Ok(stream) => session::serve(runner, TokioIo::new(stream), name, role).await,
            Err(error) => tracing::debug!(%error, "session upgrade"),
        }
    });
    let mut response = plain(StatusCode::SWITCHING_PROTOCOLS, "");
    let headers = response.headers_mut();
    headers.insert(
        UPGRADE,
        hyper::header::HeaderValue::from_static("websocket"),
    );
    headers.insert(
        CONNECTION,
        hyper::header::HeaderValue::from_static("Upgrade"),
    );
    headers.insert(
        SEC_WEBSOCKET_PROTOCOL,
        hyper::header::HeaderValue::from_static(SUBPROTOCOL),
    );
    if let Ok(accept) = accept.parse() {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// `%XX` to bytes; what isn't UTF-8 then is replaced.
pub(crate) fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |b: &u8| (*b as char).to_digit(16);
        if *first == b'%'
            && let [a, b, after @ ..] = tail
            && let (Some(a), Some(b)) = (hex(a), hex(b))
        {
            out.push((a * 16 + b) as u8);
            rest = after;
        } else {
            out.push(*first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

async fn tunnel(mut request: Request<Incoming>, port: u16) -> Response<Body> {
    // Dev servers listen on one of them only, and which one depends on their resolver.
    let target = match TcpStream::connect(("127.0.0.1", port)).await {
        Ok(stream) => Ok(stream),
        Err(_) => TcpStream::connect(("::1", port)).await,
    };
    let Ok(mut target) = target else {
        return plain(StatusCode::BAD_GATEWAY, "nothing listens on this port");
    };
    // Delayed small packets would be felt in every request.
    let _ = target.set_nodelay(true);
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::task::spawn_local(async move {
        if let Ok(stream) = upgrade.await {
            // Either side may break off at any time.
            let _ = tokio::io::copy_bidirectional(&mut TokioIo::new(stream), &mut target).await;
        }
    });
    let mut response = plain(StatusCode::SWITCHING_PROTOCOLS, "");
    response
        .headers_mut()
        .insert(UPGRADE, hyper::header::HeaderValue::from_static("tcp"));
    response.headers_mut().insert(
        CONNECTION,
        hyper::header::HeaderValue::from_static("Upgrade"),
    );
    response
}

fn status(runner: &Runner) -> Response<Body> {
    let stream = futures_util::stream::unfold(
        (runner.status(), true),
        |(mut receiver, first)| async move {
            if !first {
                receiver.changed().await.ok()?;
            }
            let status = receiver.borrow_and_update().clone();
            let mut line = serde_json::to_vec(&status).ok()?;
            line.push(b'\n');
            Some((
                Ok::<_, std::io::Error>(Frame::data(Bytes::from(line))),
                (receiver, false),
            ))
        },
    );
    Response::new(StreamBody::new(stream).boxed_unsync())
}

fn run_command(runner: &Rc<Runner>, command: &str) -> Response<Body> {
    let failed = |e: std::io::Error| plain(StatusCode::INTERNAL_SERVER_ERROR, &e.to_string());
    let (reader, writer) = match rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC) {
        Ok(pipe) => pipe,
        Err(error) => return failed(error.into()),
    };
    let home = runner.home().to_string_lossy().into_owned();
    let spawned = runner.programs().spawn(
        "/bin/sh",
        &["-c", command],
        &[("HOME", &home), ("CI", "true")],
        &runner.workspace,
        Streams::Pipe(writer),
    );
    let exited = match spawned {
        Ok((_, exited)) => exited,
        Err(error) => return failed(error),
    };
    let reader = match tokio::net::unix::pipe::Receiver::from_owned_fd(reader) {
        Ok(reader) => reader,
        Err(error) => return failed(error),
    };
    let output = tokio_util::io::ReaderStream::new(reader).filter_map(|chunk| async { chunk.ok() });
    let end = futures_util::stream::once(async move {
        let code = exited.await.unwrap_or(-1);
        Bytes::from(format!("\0exit {code}\n"))
    });
    let frames = output
        .chain(end)
        .map(|bytes| Ok::<_, std::io::Error>(Frame::data(bytes)));
    Response::new(StreamBody::new(frames).boxed_unsync())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_through_the_header() {
        assert_eq!(percent_decode("Zo%C3%AB%20M"), "Zoë M");
        assert_eq!(percent_decode("50%"), "50%");
        assert_eq!(percent_decode("%zz"), "%zz");
    }
}
