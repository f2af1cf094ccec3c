//! The server's way to a runner's socket. What comes back is hostile: every answer is bounded.

use std::path::Path;
use std::time::Duration;

use alcove_protocol::status::{
    BeginRequest, MAX_RESTORE_ANSWER_BYTES, MAX_STATUS_BYTES, RestoreAnswer, Status,
};
use alcove_socket::QuietStream;
use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

/// Largest head of an answer to an upgrade, in bytes.
const MAX_HEAD_BYTES: usize = 8 * 1024;
/// How long a runner may take to answer (it may just be starting).
const ANSWER: Duration = Duration::from_secs(20);
/// The same for a line in the terminals: a repl's life waits for it.
const NOTICE: Duration = Duration::from_secs(1);
/// Output of a command that is kept: its end, in bytes.
const MAX_OUTPUT_BYTES: usize = 64 * 1024;

/// A raw connection, after an upgrade. Bytes that came with the answer are read first.
pub type Upgraded = BufReader<QuietStream>;

/// Asks the runner to turn a connection into something else. `Ok(None)`: it refused.
pub async fn upgrade(
    socket: &Path,
    path: &str,
    headers: &[(&str, &str)],
) -> anyhow::Result<Option<Upgraded>> {
    tokio::time::timeout(ANSWER, async {
        let stream = QuietStream::connect(socket)
            .await
            .context("the runner's socket")?;
        let mut stream = BufReader::with_capacity(MAX_HEAD_BYTES, stream);
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: runner\r\nConnection: Upgrade\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str("\r\n");
        stream.write_all(request.as_bytes()).await?;
        let status = read_head(&mut stream).await?;
        Ok((status == StatusCode::SWITCHING_PROTOCOLS).then_some(stream))
    })
    .await
    .context("the runner does not answer")?
}

/// Reads an answer's head, and nothing after it.
async fn read_head(stream: &mut Upgraded) -> anyhow::Result<StatusCode> {
    let mut head = Vec::with_capacity(512);
    loop {
        let available = stream.fill_buf().await?;
        if available.is_empty() {
            bail!("the runner closed the connection");
        }
        // Up to the next line's end, so that nothing beyond the empty line is taken.
        let line = available
            .iter()
            .position(|b| *b == b'\n')
            .map_or(available.len(), |i| i + 1);
        head.extend_from_slice(&available[..line]);
        stream.consume(line);
        if head.ends_with(b"\r\n\r\n") {
            break;
        }
        if head.len() > MAX_HEAD_BYTES {
            bail!("the runner's answer has no end");
        }
    }
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut answer = httparse::Response::new(&mut headers);
    answer.parse(&head).context("the runner's answer")?;
    Ok(StatusCode::from_u16(answer.code.unwrap_or(0))?)
}

async fn request(
    socket: &Path,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> anyhow::Result<Response<Incoming>> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Full::new(Bytes::from(body)))?;
    exchange(socket, request).await
}

/// Sends one request over a connection of its own. The answer's head is bounded; its body, and how long
/// it takes, are for the caller to bound.
pub async fn exchange<B>(
    socket: &Path,
    mut request: Request<B>,
) -> anyhow::Result<Response<Incoming>>
where
    B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static,
{
    let stream = QuietStream::connect(socket)
        .await
        .context("the runner's socket")?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(64 * 1024)
        .handshake(TokioIo::new(stream))
        .await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection to a runner");
        }
    });
    request
        .headers_mut()
        .insert(HOST, HeaderValue::from_static("runner"));
    Ok(sender.send_request(request).await?)
}

/// Has all documents written to disk.
pub async fn flush(socket: &Path, patience: Duration) -> anyhow::Result<()> {
    let answer =
        tokio::time::timeout(patience, request(socket, Method::POST, "/flush", vec![])).await??;
    if !answer.status().is_success() {
        bail!(
            "the runner could not write all documents ({})",
            answer.status()
        );
    }
    Ok(())
}

/// Has all programs ended.
pub async fn stop(socket: &Path, patience: Duration) -> anyhow::Result<()> {
    let body = serde_json::json!({ "patience_ms": patience.as_millis() as u64 });
    let limit = patience * 3 + Duration::from_secs(2);
    tokio::time::timeout(
        limit,
        request(socket, Method::POST, "/stop", body.to_string().into_bytes()),
    )
    .await??;
    Ok(())
}

/// Shows a line in the terminals.
pub async fn notice(socket: &Path, text: &str) -> anyhow::Result<()> {
    let body = serde_json::json!({ "text": text }).to_string().into_bytes();
    tokio::time::timeout(NOTICE, request(socket, Method::POST, "/notice", body)).await??;
    Ok(())
}

/// Has what Run does started, unless it runs. The inner `Err` is why it can't be, for a person.
pub async fn start_run(socket: &Path) -> anyhow::Result<Result<(), String>> {
    let asked = async {
        let answer = request(socket, Method::POST, "/run/start", vec![]).await?;
        let status = answer.status();
        let words = http_body_util::Limited::new(answer.into_body(), MAX_HEAD_BYTES)
            .collect()
            .await
            .map_err(|e| anyhow::anyhow!(e))?
            .to_bytes();
        match status {
            StatusCode::NO_CONTENT => Ok(Ok(())),
            StatusCode::CONFLICT => Ok(Err(String::from_utf8_lossy(&words).into_owned())),
            other => bail!("the runner did not start the program ({other})"),
        }
    };
    tokio::time::timeout(ANSWER, asked)
        .await
        .context("the runner does not answer")?
}

/// Tells the runner that its files are there, but for bulk if that is still `restoring`; it serves from then on.
pub async fn begin(socket: &Path, restoring: bool, patience: Duration) -> anyhow::Result<()> {
    let body = serde_json::to_vec(&BeginRequest { restoring })?;
    let asked = request(socket, Method::POST, "/begin", body);
    let status = tokio::time::timeout(patience, asked)
        .await
        .context("the runner does not answer")??
        .status();
    // One of an earlier version has begun by itself.
    if !status.is_success() && status != StatusCode::NOT_FOUND {
        bail!("the runner does not begin ({status})");
    }
    Ok(())
}

/// Tells the runner that bulk is in place.
pub async fn ready(socket: &Path) -> anyhow::Result<()> {
    tokio::time::timeout(ANSWER, request(socket, Method::POST, "/ready", vec![])).await??;
    Ok(())
}

/// Has files brought back, see the runner's `POST /restore`. How long it may take is for the caller to bound.
pub async fn restore<B>(socket: &Path, archive: B) -> anyhow::Result<RestoreAnswer>
where
    B: hyper::body::Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>>
        + Send
        + 'static,
{
    let request = Request::builder()
        .method(Method::POST)
        .uri("/restore")
        .body(archive)?;
    let answer = exchange(socket, request).await?;
    let status = answer.status();
    let body = http_body_util::Limited::new(answer.into_body(), MAX_RESTORE_ANSWER_BYTES);
    let bytes = body
        .collect()
        .await
        .map_err(|e| anyhow::anyhow!(e))?
        .to_bytes();
    if !status.is_success() {
        bail!("the runner could not bring it back ({status})");
    }
    serde_json::from_slice(&bytes).context("the runner's answer")
}

/// Runs a command; its exit code and the end of its output.
pub async fn run(socket: &Path, command: &str) -> anyhow::Result<(i32, String)> {
    let body = serde_json::json!({ "command": command })
        .to_string()
        .into_bytes();
    let answer = request(socket, Method::POST, "/run", body).await?;
    if !answer.status().is_success() {
        bail!("the runner refused to run a command ({})", answer.status());
    }
    let mut tail: Vec<u8> = Vec::new();
    let mut body = answer.into_body();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            tail.extend_from_slice(&data);
            if tail.len() > 2 * MAX_OUTPUT_BYTES {
                tail.drain(..tail.len() - MAX_OUTPUT_BYTES);
            }
        }
    }
    let end = tail
        .iter()
        .rposition(|b| *b == 0)
        .context("the command's end is missing")?;
    let code = std::str::from_utf8(&tail[end + 1..])?
        .trim()
        .strip_prefix("exit ")
        .context("the exit code is missing")?
        .parse()?;
    Ok((code, String::from_utf8_lossy(&tail[..end]).into_owned()))
}

/// Follows the runner's status; ends with the connection, or with the first line that is none.
pub async fn follow(socket: &Path, mut each: impl FnMut(Status)) -> anyhow::Result<()> {
    let answer = request(socket, Method::GET, "/status", vec![]).await?;
    let mut body = answer.into_body();
    let mut line: Vec<u8> = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else {
            continue;
        };
        for piece in data.split_inclusive(|b| *b == b'\n') {
            line.extend_from_slice(piece);
            if line.len() > MAX_STATUS_BYTES {
                bail!("a status line of the runner is too long");
            }
            if line.ends_with(b"\n") {
                each(serde_json::from_slice(&line).context("a status line")?);
                line.clear();
            }
        }
    }
    Ok(())
}
