//! The session protocol over a real socket: terminals, documents, tree, and what is malformed.

mod common;

use alcove_protocol::project::MAIN_RUN;
use alcove_protocol::session::{
    ClientFrame, ClientMessage, EntryKind, ErrorCode, LineEnds, MAX_TERMINAL_NAME_CHARS, RunState,
    RunnerMessage,
};
use alcove_protocol::{MAX_MESSAGE_BYTES, WorkspacePath};
use alcove_testkit::document::Document;
use alcove_testkit::{Session, eventually};
use common::{run_start, run_stop, server};
use futures_util::SinkExt;
use tokio_tungstenite::tungstenite::Message;

fn path(text: &str) -> WorkspacePath {
    text.parse().unwrap()
}

#[tokio::test]
async fn a_terminal_is_real_and_its_screen_survives_the_page() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let terminal = page.shell().await.unwrap();
    page.input(
        terminal,
        "tty; stty size; echo $TERM-$COLORTERM-$(tput colors); printf '\\033[31mred\\033[0m %s\\n' $((6*7))\n",
    )
    .await
    .unwrap();
    page.until_output(terminal, "42").await.unwrap();
    assert!(page.output(terminal).contains("/dev/pts/") && page.output(terminal).contains("24 80"));
    assert!(
        page.output(terminal)
            .contains("xterm-256color-truecolor-256")
    );
    // A full-screen program, on the alternate screen.
    page.input(
        terminal,
        "printf '\\033[?1049h\\033[2J\\033[5;10Hmiddle\\033[1;1Htop'; sleep 1000\n",
    )
    .await
    .unwrap();
    page.until_output(terminal, "\x1b[1;1Htop").await.unwrap();
    let before = page.screen(terminal);
    drop(page);
    let mut again = server.session(&id).await.unwrap();
    again.attach(terminal, None).await.unwrap();
    again.until_output(terminal, "middle").await.unwrap();
    assert_eq!(again.screen(terminal), before);
    // Ctrl-C reaches the program.
    again.input(terminal, "\x03").await.unwrap();
    again
        .input(terminal, "printf '\\033[?1049l'; echo ba''ck\n")
        .await
        .unwrap();
    again.until_output(terminal, "back").await.unwrap();
    assert!(
        again.screen(terminal).contains("red 42"),
        "{}",
        again.screen(terminal)
    );
}

#[tokio::test]
async fn a_terminals_name_is_everybodys_and_only_words() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut one = server.session(&id).await.unwrap();
    let mut two = server.session(&id).await.unwrap();
    let terminal = one.shell().await.unwrap();
    let called = |name: &str| ClientMessage::TerminalRename {
        terminal,
        name: name.into(),
    };
    let longest = "ß".repeat(MAX_TERMINAL_NAME_CHARS);
    for name in ["Tests", " More tests ", &longest] {
        assert_eq!(one.ask(called(name)).await.unwrap(), RunnerMessage::Done);
        two.news(|m| match m {
            RunnerMessage::Terminals { terminals } => terminals
                .iter()
                .any(|t| t.terminal == terminal && t.name == name.trim())
                .then_some(()),
            _ => None,
        })
        .await
        .unwrap();
    }
    let too_long = format!("{longest}x");
    for name in ["", "  ", "a\nb", "\u{1b}[31m", &too_long] {
        assert!(
            matches!(
                one.ask(called(name)).await.unwrap(),
                RunnerMessage::Error {
                    code: ErrorCode::Malformed,
                    ..
                }
            ),
            "{name:?}"
        );
    }
    let nobodys = ClientMessage::TerminalRename {
        terminal: 999,
        name: "x".into(),
    };
    assert!(matches!(
        one.ask(nobodys).await.unwrap(),
        RunnerMessage::Error {
            code: ErrorCode::NotFound,
            ..
        }
    ));
}

#[tokio::test]
async fn a_reconnect_loses_and_doubles_nothing() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let terminal = page.shell().await.unwrap();
    page.input(
        terminal,
        "for i in $(seq 1 40000); do echo line $i; done; echo e''nd\n",
    )
    .await
    .unwrap();
    page.until_output(terminal, "line 100\r\n").await.unwrap();
    let (client, seen, first) = (
        page.client.clone(),
        page.seen(terminal),
        page.output(terminal).to_owned(),
    );
    // Typed, but whether it arrived is not known: it is sent again, and taken once.
    page.input(terminal, "echo on''ce\n").await.unwrap();
    drop(page);
    let mut again = Session::connect_as(server.address, &server.token, &id, &client)
        .await
        .unwrap();
    again.attach(terminal, Some(seen)).await.unwrap();
    let Some(RunnerMessage::Welcome { inputs, .. }) = again.welcome.clone() else {
        panic!("no welcome")
    };
    let received = inputs
        .iter()
        .find(|i| i.terminal == terminal)
        .unwrap()
        .received;
    again.repeat_input(terminal, 0, received).await.unwrap();
    again.until_output(terminal, "end\r\n").await.unwrap();
    let all = first + again.output(terminal);
    if !again.output(terminal).contains("\x1b") {
        // The ring still had all: every line is there once.
        for i in [1, 99, 100, 101, 5000, 39999, 40000] {
            assert_eq!(all.matches(&format!("line {i}\r\n")).count(), 1, "line {i}");
        }
    }
}

#[tokio::test]
async fn a_page_that_lost_its_connection_does_not_start_what_was_stopped() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let client = "c".repeat(32);
    let again = || Session::open_again(server.address, &server.token, &id, &client);
    // The first who comes starts it, whatever it says of itself.
    drop(again().await.unwrap());
    let phase = async || server.state(&id).await.unwrap()["phase"].clone();
    assert_eq!(phase().await, "running");
    server.stop_repl(&id).await.unwrap();
    again().await.unwrap().closed().await.unwrap();
    assert_eq!(phase().await, "stopped");
    // Somebody wants it again: whoever was there before comes back.
    let page = server.session(&id).await.unwrap();
    let hello = ClientMessage::Hello {
        client: client.clone(),
    };
    let welcome = again().await.unwrap().ask(hello).await.unwrap();
    assert!(
        matches!(welcome, RunnerMessage::Welcome { .. }),
        "{welcome:?}"
    );
    drop(page);
}

#[tokio::test]
async fn two_who_press_run_start_one_program_and_stop_ends_all_of_it() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let (mut one, mut two) = (
        server.session(&id).await.unwrap(),
        server.session(&id).await.unwrap(),
    );
    let (_, code) = one
        .command("echo 'echo started >> runs; sleep 1000 & sleep 1000' > main.sh")
        .await
        .unwrap();
    assert_eq!(code, 0);
    let start = || run_start(MAIN_RUN);
    let (a, b) = tokio::join!(one.ask(start()), two.ask(start()));
    assert_eq!(
        (a.unwrap(), b.unwrap()),
        (RunnerMessage::Done, RunnerMessage::Done)
    );
    for page in [&mut one, &mut two] {
        page.news(|m| {
            matches!(
                m,
                RunnerMessage::RunState {
                    run: RunState::Running { .. },
                    ..
                }
            )
            .then_some(())
        })
        .await
        .unwrap();
    }
    let running = eventually("both sleeps run", || async {
        let mut page = server.session(&id).await.ok()?;
        let (text, _) = page.command("pgrep -c sleep; cat runs").await.ok()?;
        text.starts_with("2\n").then_some(text)
    })
    .await;
    assert_eq!(running.matches("started").count(), 1, "{running}");
    assert_eq!(
        two.ask(run_stop(MAIN_RUN)).await.unwrap(),
        RunnerMessage::Done
    );
    // Whoever stops it can start it at once.
    assert_eq!(two.ask(start()).await.unwrap(), RunnerMessage::Done);
    let again = eventually("it was started a second time", || async {
        let mut page = server.session(&id).await.ok()?;
        let (text, _) = page.command("cat runs").await.ok()?;
        (text.matches("started").count() == 2).then_some(())
    });
    again.await;
    assert_eq!(
        two.ask(run_stop(MAIN_RUN)).await.unwrap(),
        RunnerMessage::Done
    );
    one.news(|m| {
        matches!(
            m,
            RunnerMessage::RunState {
                run: RunState::Exited { stopped: true, .. },
                ..
            }
        )
        .then_some(())
    })
    .await
    .unwrap();
    let (text, _) = one.command("pgrep -c sleep").await.unwrap();
    assert_eq!(text, "0\n");
}

#[tokio::test]
async fn edits_of_two_people_and_a_program_meet_in_one_text() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let (mut ada, mut bob) = (
        server.session(&id).await.unwrap(),
        server.session(&id).await.unwrap(),
    );
    ada.command("printf 'one\\ntwo\\nthree\\n' > text")
        .await
        .unwrap();
    let mut of_ada = Document::open(&mut ada, "text").await.unwrap();
    let mut of_bob = Document::open(&mut bob, "text").await.unwrap();
    assert_eq!(
        (of_ada.content(), &of_ada.epoch),
        (of_bob.content(), &of_bob.epoch)
    );
    of_ada.insert(&mut ada, 0, "ADA ").await.unwrap();
    of_bob.insert(&mut bob, 4, "BOB ").await.unwrap();
    let both = |t: &str| t.contains("ADA ") && t.contains("BOB ");
    of_ada.until(&mut ada, both).await.unwrap();
    of_bob.until(&mut bob, both).await.unwrap();
    assert_eq!(of_ada.content(), of_bob.content());
    // On disk, then changed there by a program: the change arrives as one.
    let mut shell = server.session(&id).await.unwrap();
    eventually("the text is on disk", || async {
        let mut page = server.session(&id).await.ok()?;
        let (text, _) = page.command("cat text").await.ok()?;
        (text.contains("ADA ") && text.contains("BOB ")).then_some(())
    })
    .await;
    shell.command("sed -i 's/three/THREE/' text").await.unwrap();
    of_ada
        .until(&mut ada, |t| t.contains("THREE") && both(t))
        .await
        .unwrap();
    of_bob
        .until(&mut bob, |t| t.contains("THREE") && both(t))
        .await
        .unwrap();
    assert_eq!(of_ada.content(), of_bob.content());
}

#[tokio::test]
async fn the_ends_of_lines_can_be_changed_and_all_are_told() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let (mut ada, mut bob) = (
        server.session(&id).await.unwrap(),
        server.session(&id).await.unwrap(),
    );
    ada.command("printf 'one\\r\\ntwo\\n' > text")
        .await
        .unwrap();
    let document = Document::open(&mut ada, "text").await.unwrap();
    let open = ClientMessage::DocumentOpen {
        path: path("text"),
        epoch: None,
    };
    let RunnerMessage::DocumentOpened { line_ends, .. } = bob.ask(open).await.unwrap() else {
        panic!("not opened");
    };
    assert_eq!(line_ends, LineEnds::Mixed);
    let change = |line_ends| ClientMessage::DocumentLineEnds {
        channel: document.channel,
        line_ends,
    };
    // Which ones are meant, nobody could say.
    ada.ask(change(LineEnds::Mixed)).await.unwrap();
    ada.ask(change(LineEnds::CrLf)).await.unwrap();
    let told = |m: &RunnerMessage| match m {
        RunnerMessage::DocumentLineEndsAre { line_ends, .. } => Some(*line_ends),
        _ => None,
    };
    assert_eq!(bob.news(told).await.unwrap(), LineEnds::CrLf);
    let channel = document.channel;
    ada.ask(ClientMessage::DocumentFlush { channel })
        .await
        .unwrap();
    let (text, _) = ada.command("od -An -c text").await.unwrap();
    assert_eq!(text.matches("\\r").count(), 2, "{text}");
    // A program writes others.
    ada.command("printf 'one\\ntwo\\n' > text").await.unwrap();
    assert_eq!(bob.news(told).await.unwrap(), LineEnds::Lf);
}

#[tokio::test]
async fn a_file_that_is_emptied_and_filled_again_is_never_seen_empty() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("printf 'one\\ntwo\\nthree\\n' > text")
        .await
        .unwrap();
    let mut document = Document::open(&mut page, "text").await.unwrap();
    // As most programs write: the old text goes at once, the new comes a little later.
    let mut other = server.session(&id).await.unwrap();
    let script =
        "import time; f = open('text', 'w'); time.sleep(0.06); f.write('one\\ntwo\\nTHREE\\n')";
    other
        .command(&format!("python3 -c \"{script}\""))
        .await
        .unwrap();
    let seen = |text: &str| {
        assert!(text.contains("two"), "{text:?}");
        text.contains("THREE")
    };
    document.until(&mut page, seen).await.unwrap();
    assert_eq!(document.content(), "one\ntwo\nTHREE\n");
    other.command("true > text").await.unwrap();
    document.until(&mut page, str::is_empty).await.unwrap();
}

#[tokio::test]
async fn files_are_made_moved_and_deleted_and_bad_names_refused() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let listed = page
        .ask(ClientMessage::TreeList {
            path: WorkspacePath::root(),
        })
        .await
        .unwrap();
    let RunnerMessage::TreeListed { entries, .. } = listed else {
        panic!("{listed:?}")
    };
    assert!(entries.iter().any(|e| e.name == "alcove.toml"));
    let create = |p: &str| ClientMessage::FileCreate {
        path: path(p),
        kind: EntryKind::File,
    };
    assert_eq!(
        page.ask(create("a/b/c.txt")).await.unwrap(),
        RunnerMessage::Done
    );
    page.news(|m| match m {
        RunnerMessage::TreeChanged { upserted, .. } => {
            upserted.iter().any(|e| e.name == "a").then_some(())
        }
        _ => None,
    })
    .await
    .unwrap();
    let again = page.ask(create("a/b/c.txt")).await.unwrap();
    assert!(
        matches!(
            again,
            RunnerMessage::Error {
                code: ErrorCode::Exists,
                ..
            }
        ),
        "{again:?}"
    );
    let moved = ClientMessage::FileMove {
        from: path("a/b/c.txt"),
        to: path("d.txt"),
    };
    assert_eq!(page.ask(moved).await.unwrap(), RunnerMessage::Done);
    let onto = ClientMessage::FileMove {
        from: path("d.txt"),
        to: path("main.sh"),
    };
    assert!(matches!(
        page.ask(onto).await.unwrap(),
        RunnerMessage::Error {
            code: ErrorCode::Exists,
            ..
        }
    ));
    assert_eq!(
        page.ask(ClientMessage::FileDelete { path: path("a") })
            .await
            .unwrap(),
        RunnerMessage::Done
    );
    let gone = page
        .ask(ClientMessage::FileDelete { path: path("a") })
        .await
        .unwrap();
    assert!(
        matches!(
            gone,
            RunnerMessage::Error {
                code: ErrorCode::NotFound,
                ..
            }
        ),
        "{gone:?}"
    );
    for bad in [
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a\\u0000b",
        "a//b",
        &"x".repeat(5000),
        ".",
    ] {
        let text = format!(r#"{{"id":7,"type":"file_create","path":"{bad}","kind":"file"}}"#);
        page.socket.send(Message::text(text)).await.unwrap();
        let answer = page.answer(7).await.unwrap();
        assert!(
            matches!(answer, RunnerMessage::Error { .. }),
            "{bad}: {answer:?}"
        );
    }
    let root = page
        .ask(ClientMessage::FileDelete {
            path: WorkspacePath::root(),
        })
        .await
        .unwrap();
    assert!(matches!(root, RunnerMessage::Error { .. }), "{root:?}");
}

#[tokio::test]
async fn malformed_frames_are_answered_and_harm_nobody_else() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut other = server.session(&id).await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    for bad in [
        "",
        "{",
        "[]",
        "null",
        r#"{"type":"nonsense"}"#,
        r#"{"type":"tree_list"}"#,
        r#"{"type":"tree_list","path":7}"#,
    ] {
        page.socket.send(Message::text(bad)).await.unwrap();
        page.error(ErrorCode::Malformed)
            .await
            .unwrap_or_else(|e| panic!("{bad}: {e:#}"));
    }
    for bytes in [vec![], vec![0xff; 20], vec![1], vec![0x80]] {
        page.socket.send(Message::binary(bytes)).await.unwrap();
    }
    // It still works.
    assert_eq!(
        page.ask(ClientMessage::Ping { time: 1.0 }).await.unwrap(),
        RunnerMessage::Pong { time: 1.0 }
    );
    // At the limit it holds, above it is closed.
    let fits = format!(
        r#"{{"type":"nonsense","x":"{}"}}"#,
        "x".repeat(MAX_MESSAGE_BYTES - 30)
    );
    page.socket.send(Message::text(fits)).await.unwrap();
    assert_eq!(
        page.ask(ClientMessage::Ping { time: 2.0 }).await.unwrap(),
        RunnerMessage::Pong { time: 2.0 }
    );
    let _ = page
        .socket
        .send(Message::binary(vec![0; MAX_MESSAGE_BYTES + 1]))
        .await;
    page.closed().await.unwrap();
    // Who sends nothing but nonsense is sent away.
    let mut rude = server.session(&id).await.unwrap();
    for _ in 0..alcove_protocol::session::MAX_BAD_FRAMES + 1 {
        if rude.socket.send(Message::text("nonsense")).await.is_err() {
            break;
        }
    }
    rude.closed().await.unwrap();
    assert_eq!(
        other.ask(ClientMessage::Ping { time: 3.0 }).await.unwrap(),
        RunnerMessage::Pong { time: 3.0 }
    );
}

#[tokio::test]
async fn another_subprotocol_is_refused_in_words() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let socket = server
        .http()
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", "alcove.session.v0");
    let answer = socket
        .get(&format!("/api/repls/{id}/session"))
        .await
        .unwrap();
    assert!(
        answer.status == 400 && answer.text().contains("alcove.session.v1"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn text_that_cannot_be_written_is_told_and_kept() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let mut document = Document::open(&mut page, "README.md").await.unwrap();
    // Another program makes something else of the file, in which nothing can be merged.
    let mut other = server.session(&id).await.unwrap();
    other.command("printf 'a\\0b' > README.md").await.unwrap();
    document.insert(&mut page, 0, "precious ").await.unwrap();
    page.news(|m| match m {
        RunnerMessage::DocumentUnwritable {
            message: Some(message),
            ..
        } => Some(message.clone()),
        _ => None,
    })
    .await
    .unwrap();
    server.stop_repl(&id).await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let (text, _) = page
        .command("head -c 9 README.md.unsaved; od -c README.md | head -1")
        .await
        .unwrap();
    assert!(text.contains("precious") && text.contains("\\0"), "{text}");
}

/// As pages do it: they ask nothing, and must hear something.
#[tokio::test]
async fn a_ping_is_answered_though_it_is_no_request() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let ping = ClientFrame {
        id: None,
        message: ClientMessage::Ping { time: 7.0 },
    };
    page.send(&ping).await.unwrap();
    page.news(|message| (*message == RunnerMessage::Pong { time: 7.0 }).then_some(()))
        .await
        .unwrap();
}
