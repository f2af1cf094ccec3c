//! HTTP/1.1 to a program through its runner's tunnel, over connections that are kept for the next
//! request.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;

use crate::runner;

/// What makes the runner turn a connection into a tunnel.
pub const HEADERS: [(&str, &str); 1] = [("Upgrade", "tcp")];
/// Connections kept for one port of a repl, and how long.
const MAX_IDLE: usize = 16;
const IDLE: Duration = Duration::from_secs(20);

type Idle = Vec<(SendRequest<Body>, Instant)>;

#[derive(Default)]
pub struct Tunnels {
    idle: Mutex<HashMap<(String, u16), Idle>>,
}

impl Tunnels {
    /// Sends a request to `port` of `repl`, whose runner is at `socket`. `None`: nothing listens.
    pub async fn send(
        &self,
        socket: &Path,
        repl: &str,
        port: u16,
        mut request: Request<Body>,
    ) -> anyhow::Result<Option<Response<Incoming>>> {
        let key = (repl.to_owned(), port);
        let keep = !request.headers().contains_key(hyper::header::UPGRADE);
        loop {
            let (mut sender, is_new) = match self.take(&key) {
                Some(sender) => (sender, false),
                None => match connect(socket, port).await? {
                    Some(sender) => (sender, true),
                    None => return Ok(None),
                },
            };
            match sender.try_send_request(request).await {
                Ok(answer) => {
                    if keep {
                        self.give(key, sender);
                    }
                    return Ok(Some(answer));
                }
                Err(mut error) => match error.take_message() {
                    // The program had closed it meanwhile; nothing of the request was sent.
                    Some(unsent) if !is_new => request = unsent,
                    _ => return Err(error.into_error().into()),
                },
            }
        }
    }

    fn take(&self, key: &(String, u16)) -> Option<SendRequest<Body>> {
        let mut idle = self.idle.lock();
        let list = idle.get_mut(key)?;
        let now = Instant::now();
        list.retain(|(sender, since)| !sender.is_closed() && now.duration_since(*since) < IDLE);
        // Senders come back when the answer's head is there; they are ready when its body has ended.
        let ready = list.iter().position(|(sender, _)| sender.is_ready());
        let taken = ready.map(|i| list.swap_remove(i).0);
        if list.is_empty() {
            idle.remove(key);
        }
        taken
    }

    fn give(&self, key: (String, u16), sender: SendRequest<Body>) {
        let mut idle = self.idle.lock();
        let list = idle.entry(key).or_default();
        list.retain(|(sender, _)| !sender.is_closed());
        if list.len() < MAX_IDLE {
            list.push((sender, Instant::now()));
        }
    }

    /// Drops connections that nobody needs any more.
    pub fn sweep(&self) {
        let now = Instant::now();
        self.idle.lock().retain(|_, list| {
            list.retain(|(sender, since)| !sender.is_closed() && now.duration_since(*since) < IDLE);
            !list.is_empty()
        });
    }
}

async fn connect(socket: &Path, port: u16) -> anyhow::Result<Option<SendRequest<Body>>> {
    let Some(stream) = runner::upgrade(socket, &format!("/tunnel/{port}"), &HEADERS).await? else {
        return Ok(None);
    };
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .context("the program's connection")?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "connection to a program");
        }
    });
    Ok(Some(sender))
}
