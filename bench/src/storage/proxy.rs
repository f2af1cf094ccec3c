//! A proxy before the store: the store is then as far away as one in another city, and what passes is
//! counted. Connections are as many as the clients make, and as fast as this machine is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Sub;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, sleep_until};

/// What each answer is later by, and each connection: one round trip.
pub const LATENCY: Duration = Duration::from_millis(30);
/// Bytes that are passed on at once,
const PIECE_BYTES: usize = 64 * 1024;
/// and how many pieces of an answer may be on their way: 64 MiB, which no connection here fills in 30 ms.
const PIECES: usize = 1024;
/// Headers of one request.
const HEADERS: usize = 64;
/// Largest head of a request, in bytes.
const HEAD_BYTES: usize = 64 * 1024;

/// What has passed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Requests, by their method; `LIST` and `COPY` are told from other `GET` and `PUT`.
    pub requests: BTreeMap<String, u64>,
    /// Bytes of requests, heads included.
    pub sent: u64,
    /// Bytes of answers, heads included.
    pub received: u64,
}

impl Traffic {
    pub fn total(&self) -> u64 {
        self.requests.values().sum()
    }
}

impl Sub<&Self> for Traffic {
    type Output = Self;

    /// What has passed since `before`.
    fn sub(mut self, before: &Self) -> Self {
        for (method, n) in &before.requests {
            if let Some(now) = self.requests.get_mut(method) {
                *now -= n;
            }
        }
        self.requests.retain(|_, n| *n > 0);
        self.sent -= before.sent;
        self.received -= before.received;
        self
    }
}

#[derive(Default)]
struct Counts {
    traffic: Traffic,
    /// Why the count is wrong, if it is.
    wrong: Option<String>,
}

/// A running proxy; it ends when this is dropped.
pub struct Proxy {
    port: u16,
    counts: Arc<Mutex<Counts>>,
    task: AbortHandle,
}

impl Proxy {
    /// Before a server on this machine.
    pub async fn start(server: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let counts: Arc<Mutex<Counts>> = Arc::default();
        let shared = counts.clone();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let counts = shared.clone();
                tokio::spawn(async move {
                    // Clients close connections in the midst of things, as they like.
                    let _ = connection(client, server, &counts).await;
                });
            }
        });
        Ok(Self {
            port,
            counts,
            task: task.abort_handle(),
        })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// What has passed since the start. An error: not all of it could be counted.
    pub fn traffic(&self) -> anyhow::Result<Traffic> {
        let counts = lock(&self.counts);
        match &counts.wrong {
            None => Ok(counts.traffic.clone()),
            Some(why) => anyhow::bail!("requests can't be counted: {why}"),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock(counts: &Mutex<Counts>) -> std::sync::MutexGuard<'_, Counts> {
    counts.lock().expect("nothing panics while it counts")
}

async fn connection(
    client: TcpStream,
    server: SocketAddr,
    counts: &Mutex<Counts>,
) -> anyhow::Result<()> {
    let server = TcpStream::connect(server).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    sleep(LATENCY).await;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::try_join!(
        requests(from_client, to_server, counts),
        answers(from_server, to_client, counts),
    )?;
    Ok(())
}

/// Passes requests on at once.
async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    counts: &Mutex<Counts>,
) -> anyhow::Result<()> {
    let mut parser = Parser::default();
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let n = from.read(&mut piece).await?;
        if n == 0 {
            return Ok(to.shutdown().await?);
        }
        count(&mut lock(counts), n, parser.take(&piece[..n]))?;
        to.write_all(&piece[..n]).await?;
    }
}

fn count(
    counts: &mut Counts,
    bytes: usize,
    begun: anyhow::Result<Vec<String>>,
) -> anyhow::Result<()> {
    counts.traffic.sent += bytes as u64;
    match begun {
        Ok(methods) => {
            for method in methods {
                *counts.traffic.requests.entry(method).or_default() += 1;
            }
            Ok(())
        }
        Err(error) => {
            counts.wrong = Some(format!("{error:#}"));
            Err(error)
        }
    }
}

/// Passes answers on, each piece `LATENCY` after it came.
async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    counts: &Mutex<Counts>,
) -> anyhow::Result<()> {
    let (sender, mut pieces) = mpsc::channel::<(Instant, Vec<u8>)>(PIECES);
    let mut piece = vec![0; PIECE_BYTES];
    let read = async move {
        loop {
            let n = from.read(&mut piece).await?;
            lock(counts).traffic.received += n as u64;
            let due = Instant::now() + LATENCY;
            if n == 0 || sender.send((due, piece[..n].to_vec())).await.is_err() {
                return std::io::Result::Ok(());
            }
        }
    };
    let write = async move {
        while let Some((due, piece)) = pieces.recv().await {
            sleep_until(due).await;
            to.write_all(&piece).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(read, write)?;
    Ok(())
}

/// Finds the requests in what one connection sends.
#[derive(Default)]
struct Parser {
    /// Of the request that is coming, as far as it is there.
    head: Vec<u8>,
    /// Bytes of the present body that are to come.
    body: u64,
}

impl Parser {
    /// The next bytes, wherever they begin and end: methods of the requests whose heads end in them.
    fn take(&mut self, mut bytes: &[u8]) -> anyhow::Result<Vec<String>> {
        let mut begun = Vec::new();
        while !bytes.is_empty() {
            let of_body = bytes.len().min(usize::try_from(self.body)?);
            bytes = &bytes[of_body..];
            self.body -= of_body as u64;
            if bytes.is_empty() {
                break;
            }
            let before = self.head.len();
            self.head.extend_from_slice(bytes);
            let mut headers = [httparse::EMPTY_HEADER; HEADERS];
            let mut request = httparse::Request::new(&mut headers);
            match request.parse(&self.head).context("a request")? {
                httparse::Status::Partial => {
                    ensure!(self.head.len() <= HEAD_BYTES, "a head is too large");
                    break;
                }
                httparse::Status::Complete(end) => {
                    begun.push(method(&request));
                    self.body = body_bytes(&request)?;
                    bytes = &bytes[end - before..];
                    self.head.clear();
                }
            }
        }
        Ok(begun)
    }
}

fn header<'a>(request: &httparse::Request<'_, 'a>, name: &str) -> Option<&'a [u8]> {
    let mut headers = request.headers.iter();
    headers
        .find(|h| h.name.eq_ignore_ascii_case(name))
        .map(|h| h.value)
}

fn method(request: &httparse::Request<'_, '_>) -> String {
    let method = request.method.unwrap_or_default();
    let query = request
        .path
        .and_then(|path| path.split_once('?'))
        .map_or("", |(_, q)| q);
    let is_list = query
        .split('&')
        .any(|p| p.starts_with("list-type=") || p.starts_with("prefix="));
    match method {
        "GET" if is_list => "LIST".into(),
        "PUT" if header(request, "x-amz-copy-source").is_some() => "COPY".into(),
        other => other.into(),
    }
}

fn body_bytes(request: &httparse::Request<'_, '_>) -> anyhow::Result<u64> {
    ensure!(
        header(request, "transfer-encoding").is_none(),
        "a body's length is not told before it"
    );
    match header(request, "content-length") {
        None => Ok(0),
        Some(length) => Ok(std::str::from_utf8(length)?.trim().parse()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: &[u8] =
        b"PUT /bucket/a HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n\
        GET /bucket?list-type=2&prefix=a HTTP/1.1\r\nHost: x\r\n\r\n\
        PUT /bucket/b HTTP/1.1\r\nX-Amz-Copy-Source: bucket/a\r\nContent-Length: 0\r\n\r\n";

    #[test]
    fn requests_are_counted_wherever_the_pieces_end() {
        for size in 1..=THREE.len() {
            let mut parser = Parser::default();
            let pieces = THREE.chunks(size);
            let found: Vec<String> = pieces.flat_map(|p| parser.take(p).unwrap()).collect();
            assert_eq!(found, ["PUT", "LIST", "COPY"], "in pieces of {size}");
        }
    }

    #[test]
    fn what_cannot_be_counted_is_refused() {
        let mut parser = Parser::default();
        let chunked = b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert!(parser.take(chunked).is_err());
        let mut parser = Parser::default();
        assert!(parser.take(&[b'x'; 2 * HEAD_BYTES]).is_err());
    }

    #[tokio::test]
    async fn answers_are_late_and_whole() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", proxy.port()))
            .await
            .unwrap();
        let (mut server, _) = listener.accept().await.unwrap();
        let answer = vec![7; 3 * PIECE_BYTES + 5];
        for n in 1..=2 {
            let began = Instant::now();
            client.write_all(THREE).await.unwrap();
            let mut got = vec![0; THREE.len()];
            server.read_exact(&mut got).await.unwrap();
            assert_eq!(got, THREE);
            let (mut sent, mut seen) = (&answer[..], vec![0; answer.len()]);
            let (a, b) = tokio::join!(
                tokio::io::copy(&mut sent, &mut server),
                client.read_exact(&mut seen)
            );
            a.unwrap();
            b.unwrap();
            assert_eq!(seen, answer);
            assert!(began.elapsed() >= LATENCY);
            let traffic = proxy.traffic().unwrap();
            assert_eq!(traffic.total(), 3 * n);
            assert_eq!(traffic.requests["LIST"], n);
            assert_eq!(traffic.sent, n * THREE.len() as u64);
            assert_eq!(traffic.received, n * answer.len() as u64);
        }
        client
            .write_all(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
            .await
            .unwrap();
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0, "it is closed");
        assert!(proxy.traffic().is_err());
    }
}
