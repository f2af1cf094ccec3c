//! Attempts whose end is seen from elsewhere: by a page, or by another repl.

use alcove_protocol::session::{ErrorCode, RunnerFrame, RunnerMessage};
use alcove_testkit::Server;
use anyhow::Context;

use crate::attempt::{Row, Verdict};
use crate::scene::{Repl, Scene, put};

/// Takes all instances of inotify, and holds them.
const TAKE_INOTIFY: &str = r#"
import ctypes, signal
libc = ctypes.CDLL(None)
while libc.inotify_init1(0) >= 0:
    pass
print("all", "taken", flush=True)
signal.pause()
"#;

const ONE_INOTIFY: &str = r#"
import ctypes
print("answer", ctypes.CDLL(None).inotify_init1(0) >= 0)
"#;

/// Listens on thousands of ports.
const LISTEN: &str = r#"
import signal, socket
held = [socket.create_server(("127.0.0.1", port)) for port in range(20_000, 22_000)]
print("all", "listen", flush=True)
signal.pause()
"#;

pub async fn attempts(scene: &Scene) -> anyhow::Result<Vec<Row>> {
    let Scene {
        server,
        attacker,
        neighbour,
        ..
    } = scene;
    Ok(vec![
        inotify(server, attacker, neighbour).await?,
        ports(server, attacker).await?,
        forged_frame(server, attacker).await?,
    ])
}

async fn inotify(server: &Server, attacker: &Repl, neighbour: &Repl) -> anyhow::Result<Row> {
    put(server, &attacker.id, "take.py", TAKE_INOTIFY).await?;
    for repl in [&attacker.id, &neighbour.id] {
        put(server, repl, "one.py", ONE_INOTIFY).await?;
    }
    let (mut page, mut other) = (
        server.session(&attacker.id).await?,
        server.session(&neighbour.id).await?,
    );
    let terminal = page.shell().await?;
    let take = "/usr/bin/python3 attempts/take.py\n";
    page.input(terminal, take).await?;
    page.until_output(terminal, "all taken").await?;
    let one = "/usr/bin/python3 attempts/one.py";
    let (of_neighbour, _) = other.command(one).await?;
    let (of_attacker, _) = page.command(one).await?;
    page.input(terminal, "\x03").await?;
    Ok(Row {
        name: "inotify-bomb",
        tries: "takes all instances of inotify of its user, so that others can watch no files",
        stopped: &["others have theirs"],
        control_words: "the attacker's own repl, where none is left",
        inside: Verdict::of(!of_neighbour.contains("True"), "others have theirs"),
        as_user: None,
        control: Verdict::of(of_attacker.contains("False"), "none is left"),
    })
}

async fn ports(server: &Server, attacker: &Repl) -> anyhow::Result<Row> {
    put(server, &attacker.id, "listen.py", LISTEN).await?;
    let mut page = server.session(&attacker.id).await?;
    let terminal = page.shell().await?;
    let listen = "/usr/bin/python3 attempts/listen.py\n";
    page.input(terminal, listen).await?;
    page.until_output(terminal, "all listen").await?;
    let told = |message: &RunnerMessage| match message {
        RunnerMessage::Ports { ports } if ports.len() >= 60 => Some(ports.len()),
        _ => None,
    };
    let told = page.news(told).await?;
    // The page goes on meanwhile.
    let count = "grep -c ' 0A ' /proc/net/tcp";
    let (listening, _) = page.command(count).await?;
    let listening: u32 = listening.trim().parse().context("a number")?;
    page.input(terminal, "\x03").await?;
    Ok(Row {
        name: "port-flood",
        tries: "listens on thousands of ports, all of which the page would have to show",
        stopped: &["64 are shown"],
        control_words: "the kernel's table of the repl",
        inside: Verdict::of(told > 64, format!("{told} are shown")),
        as_user: None,
        control: Verdict::of(listening >= 2000, listening),
    })
}

async fn forged_frame(server: &Server, attacker: &Repl) -> anyhow::Result<Row> {
    let mut page = server.session(&attacker.id).await?;
    let frame = RunnerFrame {
        re: None,
        message: RunnerMessage::Error {
            code: ErrorCode::Failed,
            message: "forged".into(),
        },
    };
    let text = serde_json::to_string(&frame)?;
    let is_forged = |message: &RunnerMessage| matches!(message, RunnerMessage::Error { message, .. } if message == "forged");
    // Bare, and as the frames of a WebSocket (RFC 6455 §5.2).
    let command = format!("printf '%s\\n\\201\\{:o}%s' '{text}' '{text}'", text.len());
    let (said, _) = page.command(&command).await?;
    // All that came before its answer is there.
    page.command("true").await?;
    let taken = page.news.iter().any(is_forged);
    let shown = said.matches("forged").count() == 2;
    let alone: RunnerFrame = serde_json::from_str(&text)?;
    Ok(Row {
        name: "forged-frame",
        tries: "writes a message of its runner into a terminal, for the page to take as one",
        stopped: &["shown as text"],
        control_words: "the message alone, which a page takes",
        inside: Verdict::of(taken || !shown, "shown as text"),
        as_user: None,
        control: Verdict::of(is_forged(&alone.message), "taken"),
    })
}
