//! A keystroke's echo and a program's output, through Alcove and through the bare peer, in turns.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use alcove_protocol::binary::{self, frame, put_varint, take_varint, terminal};
use alcove_protocol::session::{ClientFrame, ClientMessage, RunnerFrame, RunnerMessage};
use alcove_testkit::{Options, Server};
use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::block_on;
use crate::report::{Case, Report, Target};

/// Keystrokes of one turn, and turns.
const KEYS: usize = 400;
const TURNS: usize = 6;
/// Output is acknowledged in steps of this.
const ACK_BYTES: u64 = 64 * 1024;
/// Output of one turn.
const OUTPUT_BYTES: u64 = 64 << 20;
/// Longest that one answer may take.
const LIMIT: Duration = Duration::from_secs(60);

/// One terminal, of either server.
enum Line {
    Alcove {
        socket: WebSocketStream<TcpStream>,
        channel: u32,
        sent: u64,
        seen: u64,
        acked: u64,
    },
    Bare {
        socket: WebSocketStream<TcpStream>,
    },
}

impl Line {
    async fn send(&mut self, text: &str) -> anyhow::Result<()> {
        match self {
            Self::Alcove {
                socket,
                channel,
                sent,
                ..
            } => {
                let message = frame(*channel, terminal::INPUT, Some(*sent), text.as_bytes());
                *sent += text.len() as u64;
                socket.send(Message::binary(message)).await?;
            }
            Self::Bare { socket } => {
                socket
                    .send(Message::binary(text.as_bytes().to_vec()))
                    .await?
            }
        }
        Ok(())
    }

    /// The next piece of output.
    async fn take(&mut self) -> anyhow::Result<Vec<u8>> {
        loop {
            match self {
                Self::Bare { socket } => {
                    let message = socket.next().await.context("closed")??;
                    if message.is_binary() {
                        return Ok(message.into_data().to_vec());
                    }
                }
                Self::Alcove {
                    socket,
                    channel,
                    seen,
                    acked,
                    ..
                } => {
                    let Message::Binary(bytes) = socket.next().await.context("closed")?? else {
                        continue;
                    };
                    let (at, kind, payload) = binary::parse(&bytes).context("a frame")?;
                    if at != *channel || kind != terminal::OUTPUT {
                        continue;
                    }
                    let (number, output) = take_varint(payload).context("a number")?;
                    *seen = number + output.len() as u64;
                    let output = output.to_vec();
                    // As the page does while output comes.
                    if *seen - *acked >= ACK_BYTES {
                        *acked = *seen;
                        let mut ack = Vec::new();
                        put_varint(&mut ack, *seen);
                        let ack = frame(*channel, terminal::OUTPUT_ACK, None, &ack);
                        socket.send(Message::binary(ack)).await?;
                    }
                    return Ok(output);
                }
            }
        }
    }

    async fn until(&mut self, wanted: &str) -> anyhow::Result<()> {
        let mut all = Vec::new();
        while !String::from_utf8_lossy(&all).contains(wanted) {
            all.extend(
                tokio::time::timeout(LIMIT, self.take())
                    .await
                    .with_context(|| format!("no {wanted}"))??,
            );
        }
        Ok(())
    }

    /// Milliseconds from each key to its echo.
    async fn keys(&mut self) -> anyhow::Result<Vec<f64>> {
        let mut samples = Vec::with_capacity(KEYS);
        for i in 0..KEYS {
            if i % 60 == 59 {
                // A line is not to grow without end; `cat` answers with it.
                self.send("\n").await?;
                self.until("x\r\n").await?;
                continue;
            }
            let began = Instant::now();
            self.send("x").await?;
            tokio::time::timeout(LIMIT, self.take()).await??;
            samples.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(samples)
    }

    /// MB/s of a flood.
    async fn flood(&mut self) -> anyhow::Result<f64> {
        self.send(&format!(
            "head -c {OUTPUT_BYTES} /dev/zero | tr '\\0' 'y' | fold -w 100; echo e''nd\n"
        ))
        .await?;
        let began = Instant::now();
        let (mut seen, mut tail) = (0u64, Vec::new());
        loop {
            let piece = tokio::time::timeout(LIMIT, self.take())
                .await
                .context("the flood stopped")??;
            seen += piece.len() as u64;
            // The prompt comes after it.
            tail.extend_from_slice(&piece[piece.len().saturating_sub(256)..]);
            tail.drain(..tail.len().saturating_sub(512));
            if seen > OUTPUT_BYTES && String::from_utf8_lossy(&tail).contains("end") {
                return Ok(seen as f64 / 1e6 / began.elapsed().as_secs_f64());
            }
        }
    }
}

/// Both servers, and a terminal of each.
struct Both {
    _peer: Child,
    server: Server,
    alcove: Line,
    bare: Line,
}

async fn both(alcove: &PathBuf) -> anyhow::Result<Both> {
    let server = Server::start(Options::new(alcove).arg("--network", "none")).await?;
    let repl = server.create("blank").await?;
    let session = server.session(&repl).await?;
    let mut socket = session.socket;
    let terminal = match ask(
        &mut socket,
        1,
        ClientMessage::TerminalCreate {
            cols: 120,
            rows: 30,
        },
    )
    .await?
    {
        RunnerMessage::TerminalCreated { terminal } => terminal,
        other => bail!("{other:?}"),
    };
    let attach = ClientMessage::TerminalAttach {
        terminal,
        from: None,
        cols: 120,
        rows: 30,
    };
    let channel = match ask(&mut socket, 2, attach).await? {
        RunnerMessage::TerminalAttached { channel, .. } => channel,
        other => bail!("{other:?}"),
    };
    let mut peer = Command::new(std::env::current_exe()?)
        .arg("--peer")
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(peer.stdout.take().context("stdout")?).lines();
    let port = lines.next_line().await?.context("the peer's port")?;
    let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
    stream.set_nodelay(true)?;
    let (bare, _) =
        tokio_tungstenite::client_async(format!("ws://127.0.0.1:{port}/"), stream).await?;
    Ok(Both {
        _peer: peer,
        server,
        alcove: Line::Alcove {
            socket,
            channel,
            sent: 0,
            seen: 0,
            acked: 0,
        },
        bare: Line::Bare { socket: bare },
    })
}

async fn ask(
    socket: &mut WebSocketStream<TcpStream>,
    id: u32,
    message: ClientMessage,
) -> anyhow::Result<RunnerMessage> {
    let text = serde_json::to_string(&ClientFrame {
        id: Some(id + 1000),
        message,
    })?;
    socket.send(Message::text(text)).await?;
    loop {
        if let Message::Text(text) = socket.next().await.context("closed")?? {
            let frame: RunnerFrame = serde_json::from_str(&text)?;
            if frame.re == Some(id + 1000) {
                return Ok(frame.message);
            }
        }
    }
}

pub fn echo(alcove: &PathBuf, report: &mut Report) -> anyhow::Result<()> {
    block_on(async {
        let mut both = both(alcove).await?;
        for line in [&mut both.alcove, &mut both.bare] {
            line.send("echo re''ady; exec cat\n").await?;
            line.until("ready").await?;
            // Warm, and past the prompt.
            line.keys().await?;
        }
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            theirs.extend(both.bare.keys().await?);
            ours.extend(both.alcove.keys().await?);
        }
        let case = |subject, samples| Case {
            section: "echo",
            case: "key in cat",
            subject,
            metric: "round trip",
            unit: "ms",
            samples,
        };
        report.add(&case("bare", &theirs), None, None)?;
        report.add(
            &case("alcove", &ours),
            Some(("bare", &theirs)),
            Some(Target::RatioAtMost(1.3)),
        )?;
        both.server.stop().await?;
        Ok(())
    })
}

pub fn output(alcove: &PathBuf, report: &mut Report) -> anyhow::Result<()> {
    block_on(async {
        let mut both = both(alcove).await?;
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            theirs.push(both.bare.flood().await?);
            ours.push(both.alcove.flood().await?);
        }
        let case = |subject, samples| Case {
            section: "output",
            case: "64 MiB of lines",
            subject,
            metric: "throughput",
            unit: "MB/s",
            samples,
        };
        report.add(&case("bare", &theirs), None, None)?;
        report.add(
            &case("alcove", &ours),
            Some(("bare", &theirs)),
            Some(Target::RatioAtLeast(1.0)),
        )?;
        // A flood that is cut short by a key.
        let mut cuts = Vec::new();
        for i in 0..20 {
            both.alcove.send("yes\n").await?;
            both.alcove.until("y\r\ny\r\ny").await?;
            let began = Instant::now();
            both.alcove.send("\x03").await?;
            both.alcove.until("^C").await?;
            cuts.push(began.elapsed().as_secs_f64() * 1000.0);
            both.alcove.send(&format!("echo ne''xt{i}\n")).await?;
            both.alcove.until(&format!("next{i}")).await?;
        }
        let case = Case {
            section: "output",
            case: "Ctrl-C during a flood",
            subject: "alcove",
            metric: "to ^C",
            unit: "ms",
            samples: &cuts,
        };
        report.add(&case, None, Some(Target::AtMost(5.0)))?;
        both.server.stop().await?;
        Ok(())
    })
}
