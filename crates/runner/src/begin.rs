//! The wait for the repl's files: a sandbox may be there before they are.

use std::cell::RefCell;
use std::convert::Infallible;
use std::rc::Rc;
use std::time::Duration;

use alcove_protocol::status::BeginRequest;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::oneshot;

use crate::files::{Body, plain};
use crate::http;

/// Its files are there.
pub(crate) struct Begin {
    /// But for bulk, which is still being restored.
    pub restoring: bool,
    answer: oneshot::Sender<()>,
}

impl Begin {
    /// Whoever asked is answered.
    pub fn done(self) {
        // They may have gone.
        let _ = self.answer.send(());
    }
}

/// Waits for `POST /begin`, one connection after the other: nobody but the server can connect yet.
pub(crate) async fn asked(listener: &UnixListener) -> Begin {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                if let Some(begin) = first_of(stream).await {
                    return begin;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "accept");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// What a connection says first; the rest of it is served beside what follows.
async fn first_of(stream: UnixStream) -> Option<Begin> {
    let (heard, hears) = oneshot::channel();
    let heard = Rc::new(RefCell::new(Some(heard)));
    let service = service_fn(move |request| answer(request, heard.clone()));
    let connection = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection");
        }
    });
    hears.await.ok()
}

async fn answer(
    request: Request<Incoming>,
    heard: Rc<RefCell<Option<oneshot::Sender<Begin>>>>,
) -> Result<Response<Body>, Infallible> {
    if (request.method(), request.uri().path()) != (&Method::POST, "/begin") {
        return Ok(plain(StatusCode::CONFLICT, "the files are not there yet"));
    }
    let BeginRequest { restoring } = match http::body(request).await {
        Ok(begin) => begin,
        Err(refusal) => return Ok(refusal),
    };
    let (answer, answered) = oneshot::channel();
    if let Some(heard) = heard.borrow_mut().take() {
        let _ = heard.send(Begin { restoring, answer });
    }
    Ok(match answered.await {
        Ok(()) => plain(StatusCode::NO_CONTENT, ""),
        Err(_) => plain(StatusCode::CONFLICT, "it has begun already"),
    })
}
