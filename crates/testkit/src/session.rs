//! A client of the session protocol, as a page is one.

use std::collections::HashMap;
use std::net::SocketAddr;

use alcove_protocol::SUBPROTOCOL;
use alcove_protocol::binary::{self, frame, put_varint, take_varint, terminal};
use alcove_protocol::session::{ClientFrame, ClientMessage, ErrorCode, RunnerFrame, RunnerMessage};
use anyhow::{Context, bail};
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::DEADLINE;

/// Rows and columns that a test's terminals have.
const SIZE: (u16, u16) = (80, 24);

pub struct Session {
    pub socket: WebSocketStream<TcpStream>,
    pub client: String,
    next: u32,
    /// What came while something else was awaited.
    pub news: Vec<RunnerMessage>,
    pub binary: Vec<(u32, u8, Vec<u8>)>,
    terminals: HashMap<u32, Screen>,
    pub welcome: Option<RunnerMessage>,
}

/// Text as a person reads it: without what moves the cursor or sets modes (ECMA-48 §5.4), and without
/// carriage returns.
fn without_escapes(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, rest.clone().next()) {
            ('\x1b', Some('[')) => {
                rest.next();
                rest.by_ref().find(|c| ('@'..='~').contains(c));
            }
            // An operating system command ends with BEL, or with ESC and a backslash (ECMA-48 §8.3.89).
            ('\x1b', Some(']')) => {
                if rest.by_ref().find(|c| matches!(c, '\x07' | '\x1b')) == Some('\x1b') {
                    rest.next();
                }
            }
            ('\x1b', _) => drop(rest.next()),
            ('\r', _) => {}
            _ => plain.push(c),
        }
    }
    plain
}

fn new_screen() -> vt100::Parser {
    let size = |n| std::num::NonZeroU16::new(n).expect("a terminal has rows and columns");
    vt100::Parser::new(size(SIZE.1), size(SIZE.0), 1000)
}

/// What a page knows of a terminal.
struct Screen {
    channel: u32,
    parser: vt100::Parser,
    text: String,
    sent: u64,
    seen: u64,
}

impl Session {
    /// Connects as a new page, and says hello.
    pub async fn connect(address: SocketAddr, token: &str, repl: &str) -> anyhow::Result<Self> {
        let client = format!("{:032x}", rand::random::<u128>());
        Self::connect_as(address, token, repl, &client).await
    }

    /// Connects as a page that was here before.
    pub async fn connect_as(
        address: SocketAddr,
        token: &str,
        repl: &str,
        client: &str,
    ) -> anyhow::Result<Self> {
        let mut session = Self::open(address, token, repl, client).await?;
        let welcome = session
            .ask(ClientMessage::Hello {
                client: client.to_owned(),
            })
            .await?;
        session.welcome = Some(welcome);
        Ok(session)
    }

    /// Connects, and says nothing.
    pub async fn open(
        address: SocketAddr,
        token: &str,
        repl: &str,
        client: &str,
    ) -> anyhow::Result<Self> {
        let url = format!("ws://{address}/api/repls/{repl}/session");
        Self::dial(address, token, url, client).await
    }

    /// The same, in place of a connection that broke off.
    pub async fn open_again(
        address: SocketAddr,
        token: &str,
        repl: &str,
        client: &str,
    ) -> anyhow::Result<Self> {
        let url = format!("ws://{address}/api/repls/{repl}/session?again=true");
        Self::dial(address, token, url, client).await
    }

    async fn dial(
        address: SocketAddr,
        token: &str,
        url: String,
        client: &str,
    ) -> anyhow::Result<Self> {
        let mut request = url.into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("authorization", format!("Bearer {token}").parse()?);
        headers.insert("sec-websocket-protocol", SUBPROTOCOL.parse()?);
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let connected = tokio_tungstenite::client_async(request, stream);
        let connected = tokio::time::timeout(DEADLINE, connected)
            .await
            .context("no session")?;
        let (socket, _) = connected.map_err(|error| match error {
            Error::Http(answer) => {
                let said = answer
                    .body()
                    .as_deref()
                    .map(String::from_utf8_lossy)
                    .unwrap_or_default();
                anyhow::anyhow!("no session: {}: {said}", answer.status())
            }
            other => other.into(),
        })?;
        Ok(Self {
            socket,
            client: client.to_owned(),
            next: 1,
            news: Vec::new(),
            binary: Vec::new(),
            terminals: HashMap::new(),
            welcome: None,
        })
    }

    pub async fn send(&mut self, frame: &ClientFrame) -> anyhow::Result<()> {
        self.socket
            .send(Message::text(serde_json::to_string(frame)?))
            .await?;
        Ok(())
    }

    /// A request, and its answer; an `error` is one.
    pub async fn ask(&mut self, message: ClientMessage) -> anyhow::Result<RunnerMessage> {
        let id = self.next;
        self.next += 1;
        self.send(&ClientFrame {
            id: Some(id),
            message,
        })
        .await?;
        self.take_until(|frame| (frame.re == Some(id)).then(|| frame.message.clone()))
            .await
    }

    /// Takes frames until `wanted` finds what it looks for; news among them are kept.
    async fn take_until<T>(
        &mut self,
        mut wanted: impl FnMut(&RunnerFrame) -> Option<T>,
    ) -> anyhow::Result<T> {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        loop {
            let Some(frame) = tokio::time::timeout_at(deadline, self.take())
                .await
                .context("no answer")??
            else {
                continue;
            };
            if let Some(found) = wanted(&frame) {
                return Ok(found);
            }
            if frame.re.is_none() {
                self.news.push(frame.message);
            }
        }
    }

    /// Takes one frame; `None` for a binary one, which is dealt with or kept.
    pub async fn take(&mut self) -> anyhow::Result<Option<RunnerFrame>> {
        loop {
            match self
                .socket
                .next()
                .await
                .context("the session was closed")??
            {
                Message::Text(text) => return Ok(Some(serde_json::from_str(&text)?)),
                Message::Binary(bytes) => {
                    let (channel, kind, payload) =
                        binary::parse(&bytes).context("a binary frame")?;
                    let payload = payload.to_vec();
                    if !self.terminal_frame(channel, kind, &payload).await? {
                        self.binary.push((channel, kind, payload));
                    }
                    return Ok(None);
                }
                Message::Close(frame) => bail!("the session was closed: {frame:?}"),
                _ => {}
            }
        }
    }

    async fn terminal_frame(
        &mut self,
        channel: u32,
        kind: u8,
        payload: &[u8],
    ) -> anyhow::Result<bool> {
        let Some(screen) = self.terminals.values_mut().find(|s| s.channel == channel) else {
            return Ok(false);
        };
        let (number, bytes) = take_varint(payload).context("a number")?;
        match kind {
            terminal::OUTPUT => {
                anyhow::ensure!(
                    number == screen.seen,
                    "output {number} after {}",
                    screen.seen
                );
                screen.seen += bytes.len() as u64;
                screen.parser.process(bytes);
                screen.text.push_str(&String::from_utf8_lossy(bytes));
                let mut ack = Vec::new();
                put_varint(&mut ack, screen.seen);
                let ack = frame(channel, terminal::OUTPUT_ACK, None, &ack);
                self.socket.send(Message::binary(ack)).await?;
            }
            terminal::SCREEN => {
                screen.seen = number;
                screen.parser = new_screen();
                screen.parser.process(bytes);
                screen.text = String::from_utf8_lossy(bytes).into_owned();
            }
            _ => {}
        }
        Ok(true)
    }

    /// Waits for a message without being asked for, those that came meanwhile included.
    pub async fn news<T>(
        &mut self,
        mut wanted: impl FnMut(&RunnerMessage) -> Option<T>,
    ) -> anyhow::Result<T> {
        if let Some(found) = self.news.iter().find_map(&mut wanted) {
            return Ok(found);
        }
        self.take_until(|frame| wanted(&frame.message)).await
    }

    /// A new shell, and the channel of its output.
    pub async fn shell(&mut self) -> anyhow::Result<u32> {
        let (cols, rows) = SIZE;
        match self
            .ask(ClientMessage::TerminalCreate { cols, rows })
            .await?
        {
            RunnerMessage::TerminalCreated { terminal } => {
                self.attach(terminal, None).await?;
                Ok(terminal)
            }
            other => bail!("no shell: {other:?}"),
        }
    }

    pub async fn attach(&mut self, terminal: u32, from: Option<u64>) -> anyhow::Result<()> {
        let (cols, rows) = SIZE;
        let id = self.next;
        self.next += 1;
        let message = ClientMessage::TerminalAttach {
            terminal,
            from,
            cols,
            rows,
        };
        self.send(&ClientFrame {
            id: Some(id),
            message,
        })
        .await?;
        let channel = self
            .take_until(|f| match f.message {
                RunnerMessage::TerminalAttached { channel, .. } if f.re == Some(id) => {
                    Some(channel)
                }
                _ => None,
            })
            .await?;
        let received = match &self.welcome {
            Some(RunnerMessage::Welcome { inputs, .. }) => inputs
                .iter()
                .find(|i| i.terminal == terminal)
                .map_or(0, |i| i.received),
            _ => 0,
        };
        let parser = new_screen();
        let screen = Screen {
            channel,
            parser,
            text: String::new(),
            sent: received,
            seen: from.unwrap_or(0),
        };
        self.terminals.insert(terminal, screen);
        // What came between the answer and now.
        for (at, kind, payload) in std::mem::take(&mut self.binary) {
            if at != channel || !self.terminal_frame(at, kind, &payload).await? {
                self.binary.push((at, kind, payload));
            }
        }
        Ok(())
    }

    /// Types into a terminal.
    pub async fn input(&mut self, terminal: u32, text: &str) -> anyhow::Result<()> {
        let screen = self.terminals.get_mut(&terminal).context("not attached")?;
        let message = frame(
            screen.channel,
            terminal::INPUT,
            Some(screen.sent),
            text.as_bytes(),
        );
        screen.sent += text.len() as u64;
        self.socket.send(Message::binary(message)).await?;
        Ok(())
    }

    /// What a terminal shows.
    pub fn screen(&self, terminal: u32) -> String {
        self.terminals
            .get(&terminal)
            .map(|s| s.parser.screen().contents())
            .unwrap_or_default()
    }

    /// All that a terminal's programs wrote since it was attached.
    pub fn output(&self, terminal: u32) -> &str {
        self.terminals
            .get(&terminal)
            .map(|s| s.text.as_str())
            .unwrap_or_default()
    }

    /// Bytes of output seen.
    pub fn seen(&self, terminal: u32) -> u64 {
        self.terminals.get(&terminal).map_or(0, |s| s.seen)
    }

    /// Waits until a terminal's output holds a text.
    pub async fn until_output(&mut self, terminal: u32, text: &str) -> anyhow::Result<()> {
        let deadline = tokio::time::Instant::now() + DEADLINE;
        while !self.output(terminal).contains(text) {
            match tokio::time::timeout_at(deadline, self.take()).await {
                Ok(frame) => {
                    if let Some(frame) = frame? {
                        self.news.push(frame.message);
                    }
                }
                Err(_) => bail!("{text:?} was not written, but: {:?}", self.output(terminal)),
            }
        }
        Ok(())
    }

    /// Sends input again, of which the runner has `received` bytes: the rest counts.
    pub async fn repeat_input(
        &mut self,
        terminal: u32,
        from: u64,
        received: u64,
    ) -> anyhow::Result<()> {
        let screen = self.terminals.get(&terminal).context("not attached")?;
        let old = "x".repeat((received - from) as usize);
        let message = frame(screen.channel, terminal::INPUT, Some(from), old.as_bytes());
        self.socket.send(Message::binary(message)).await?;
        Ok(())
    }

    /// The answer to a request that was sent by hand.
    pub async fn answer(&mut self, id: u32) -> anyhow::Result<RunnerMessage> {
        self.take_until(|frame| (frame.re == Some(id)).then(|| frame.message.clone()))
            .await
    }

    /// Waits for an error that answers no request.
    pub async fn error(&mut self, wanted: ErrorCode) -> anyhow::Result<()> {
        self.take_until(|frame| {
            matches!(frame.message, RunnerMessage::Error { code, .. } if code == wanted)
                .then_some(())
        })
        .await
    }

    /// Waits until the other side closes.
    pub async fn closed(&mut self) -> anyhow::Result<()> {
        let closed = async { while self.take().await.is_ok() {} };
        tokio::time::timeout(DEADLINE, closed)
            .await
            .context("it is still open")
    }

    /// Runs a command in a new shell; what it wrote, without escape sequences, and its exit code.
    pub async fn command(&mut self, command: &str) -> anyhow::Result<(String, i32)> {
        let terminal = self.shell().await?;
        // The marks are put together by the shell, so that the typed line, which a shell that is
        // just starting shows twice, does not hold them.
        self.input(
            terminal,
            &format!("printf 'be''gin:\\n'; {command}; printf 'do''ne:%s:\\n' $?\n"),
        )
        .await?;
        self.until_output(terminal, "done:").await?;
        while !self
            .output(terminal)
            .split_once("done:")
            .is_some_and(|(_, rest)| rest.contains(':'))
        {
            if let Some(frame) = self.take().await? {
                self.news.push(frame.message);
            }
        }
        let text = without_escapes(self.output(terminal));
        let (_, text) = text.split_once("begin:\n").context("the beginning")?;
        let (text, rest) = text.split_once("done:").context("the end")?;
        let code = rest.split(':').next().unwrap_or_default().parse()?;
        let text = text.to_owned();
        self.ask(ClientMessage::TerminalClose { terminal }).await?;
        self.terminals.remove(&terminal);
        Ok((text, code))
    }

    /// Writes a file through a shell.
    pub async fn write_file(&mut self, path: &str, content: &[u8]) -> anyhow::Result<()> {
        use base64::Engine;
        let text = base64::engine::general_purpose::STANDARD.encode(content);
        // A shell that is just starting takes lines of 4,095 bytes at most (termios(3)).
        for (i, piece) in text.as_bytes().chunks(3000).enumerate() {
            let piece = std::str::from_utf8(piece)?;
            let arrow = if i == 0 { ">" } else { ">>" };
            self.command(&format!("printf %s {piece} {arrow} '{path}.b64'"))
                .await?;
        }
        let (said, code) = self
            .command(&format!(
                "base64 -d < '{path}.b64' > '{path}' && rm '{path}.b64'"
            ))
            .await?;
        anyhow::ensure!(code == 0, "{path} was not written: {said}");
        Ok(())
    }
}
