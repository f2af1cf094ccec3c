//! One terminal, of Alcove or of the bare peer: as little of a client as there can be.

use std::time::Duration;

use alcove_protocol::binary::{self, frame, put_varint, take_varint, terminal};
use alcove_protocol::session::{ClientFrame, ClientMessage, RunnerFrame, RunnerMessage};
use alcove_testkit::Server;
use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// Output is acknowledged in steps of this.
const ACK_BYTES: u64 = 64 * 1024;
/// Longest that one answer may take.
pub const LIMIT: Duration = Duration::from_secs(60);

pub enum Line {
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
    /// A new shell of a repl.
    pub async fn of_repl(server: &Server, repl: &str) -> anyhow::Result<Self> {
        let mut socket = server.session(repl).await?.socket;
        let (cols, rows) = (120, 30);
        let create = ClientMessage::TerminalCreate { cols, rows };
        let terminal = match ask(&mut socket, 1, create).await? {
            RunnerMessage::TerminalCreated { terminal } => terminal,
            other => bail!("{other:?}"),
        };
        let attach = ClientMessage::TerminalAttach {
            terminal,
            from: None,
            cols,
            rows,
        };
        let channel = match ask(&mut socket, 2, attach).await? {
            RunnerMessage::TerminalAttached { channel, .. } => channel,
            other => bail!("{other:?}"),
        };
        Ok(Self::Alcove {
            socket,
            channel,
            sent: 0,
            seen: 0,
            acked: 0,
        })
    }

    /// A shell of the peer that serves this port.
    pub async fn of_peer(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await?;
        stream.set_nodelay(true)?;
        let address = format!("ws://127.0.0.1:{port}/");
        let (socket, _) = tokio_tungstenite::client_async(address, stream).await?;
        Ok(Self::Bare { socket })
    }

    pub async fn send(&mut self, text: &str) -> anyhow::Result<()> {
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
    pub async fn take(&mut self) -> anyhow::Result<Vec<u8>> {
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

    /// Output up to a text, and whatever came along with it.
    pub async fn until(&mut self, wanted: &str) -> anyhow::Result<String> {
        let mut all = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&all);
            if text.contains(wanted) {
                return Ok(text.into_owned());
            }
            let piece = tokio::time::timeout(LIMIT, self.take());
            all.extend(piece.await.with_context(|| format!("no {wanted}"))??);
        }
    }
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
