//! A session: one page's WebSocket, from its handshake to its end.

mod binary;
mod client;
mod dispatch;
mod files;

use std::rc::Rc;
use std::time::Duration;

use alcove_protocol::MAX_MESSAGE_BYTES;
use alcove_protocol::session::{ClientFrame, ErrorCode, MAX_BAD_FRAMES, Role, RunnerMessage};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role as WsRole, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

pub use client::Client;
pub use dispatch::shell_name;

use crate::Runner;

/// How often an idle connection is pinged, so that proxies keep it open and a dead one is noticed.
const PING: Duration = Duration::from_secs(20);

/// Frames up to this size in all are written at once.
const BATCH_BYTES: usize = 32 * 1024;
/// Room for what is read at once, in bytes: it is cleared before every read.
const READ_BYTES: usize = 8 * 1024;
/// How long an acknowledgement of input waits for something to go along with.
const ACK_DELAY: Duration = Duration::from_millis(10);

/// Why a session ended, to the page: RFC 6455 §7.4.
struct Ending(CloseCode, &'static str);

/// Serves a page until it leaves.
pub async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    runner: Rc<Runner>,
    stream: S,
    name: String,
    role: Role,
) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .read_buffer_size(READ_BYTES)
        .write_buffer_size(BATCH_BYTES)
        .max_write_buffer_size(client::MAX_WAITING_BYTES + 16 * MAX_MESSAGE_BYTES);
    let socket = WebSocketStream::from_raw_socket(stream, WsRole::Server, Some(config)).await;
    let client = Client::new(runner.next_client(), name, role);
    tracing::info!(client = client.id, role = role.as_str(), "session begins");
    let (mut sink, mut source) = socket.split();
    let heard = std::cell::Cell::new(tokio::time::Instant::now());
    let writer = async {
        let sink = &mut sink;
        let mut turn = 0;
        // Left to run out although the acknowledgements have gone: a timer that is set for each key wakes
        // the event loop each time.
        let mut ack_timer = std::pin::pin!(tokio::time::sleep(ACK_DELAY));
        let mut ack_timer_runs = true;
        let mut ping = tokio::time::interval_at(tokio::time::Instant::now() + PING, PING);
        loop {
            let mut fed = false;
            while let Some(message) = client.next(&mut turn).await {
                fed = true;
                if sink.feed(message).await.is_err() {
                    return None;
                }
            }
            if fed || !ack_timer_runs {
                for message in client.take_input_acks() {
                    if sink.feed(message).await.is_err() {
                        return None;
                    }
                }
            }
            if sink.flush().await.is_err() {
                return None;
            }
            if client.overflowed() {
                return Some(Ending(
                    CloseCode::Again,
                    "too much was waiting for this page",
                ));
            }
            tokio::select! {
                () = client.wake.notified() => {
                    if !ack_timer_runs && client.has_input_acks() {
                        ack_timer.as_mut().reset(tokio::time::Instant::now() + ACK_DELAY);
                        ack_timer_runs = true;
                    }
                }
                () = &mut ack_timer, if ack_timer_runs => ack_timer_runs = false,
                _ = ping.tick() => {
                    // A page answers a ping whatever it does (RFC 6455 §5.5.2): this one is gone.
                    if heard.get().elapsed() > PING * 3 {
                        return None;
                    }
                    if sink.send(Message::Ping(Default::default())).await.is_err() {
                        return None;
                    }
                }
                () = runner.closing() => return Some(Ending(CloseCode::Away, "the repl is stopping")),
            }
        }
    };
    let reader = async {
        let mut bad_frames = 0;
        while let Some(message) = source.next().await {
            heard.set(tokio::time::Instant::now());
            let good = match message {
                Ok(Message::Text(text)) => text_frame(&runner, &client, &text).await,
                Ok(Message::Binary(bytes)) => binary::handle(&runner, &client, &bytes),
                Ok(Message::Close(_)) => return Ending(CloseCode::Normal, ""),
                Ok(_) => true,
                Err(WsError::Capacity(_)) => {
                    return Ending(CloseCode::Size, "a message was larger than 1 MiB");
                }
                Err(WsError::Utf8(_)) => {
                    return Ending(CloseCode::Invalid, "a text frame was not UTF-8");
                }
                Err(WsError::Protocol(_)) => return Ending(CloseCode::Protocol, "not WebSocket"),
                Err(_) => return Ending(CloseCode::Normal, ""),
            };
            if !good {
                bad_frames += 1;
                if bad_frames >= MAX_BAD_FRAMES {
                    return Ending(CloseCode::Policy, "too many malformed frames");
                }
            }
        }
        Ending(CloseCode::Normal, "")
    };
    let ending = tokio::select! {
        written = writer => written,
        ending = reader => Some(ending),
    };
    runner.leave(&client);
    if let Some(Ending(code, reason)) = ending {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        // The page may be gone already.
        let _ = tokio::time::timeout(
            Duration::from_secs(2),
            sink.send(Message::Close(Some(frame))),
        )
        .await;
    }
    tracing::info!(client = client.id, "session ends");
}

/// Handles one text frame; `false` when it was malformed.
async fn text_frame(runner: &Rc<Runner>, client: &Rc<Client>, text: &str) -> bool {
    match serde_json::from_str::<ClientFrame>(text) {
        Ok(frame) => {
            dispatch::handle(runner, client, frame).await;
            true
        }
        Err(error) => {
            // The id may be readable although the rest is not: then the request is answered.
            let id = serde_json::from_str::<serde_json::Value>(text)
                .ok()
                .and_then(|v| v.get("id")?.as_u64())
                .and_then(|n| u32::try_from(n).ok());
            let text = error.to_string();
            // serde hands on an error of a field's own parser as text alone.
            let is_path = text.contains("path") && !text.contains("missing field");
            let code = if is_path {
                ErrorCode::BadPath
            } else {
                ErrorCode::Malformed
            };
            client.send(
                id,
                RunnerMessage::Error {
                    code,
                    message: format!("not understood: {text}"),
                },
            );
            false
        }
    }
}
