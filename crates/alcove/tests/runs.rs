//! Several run configurations at once, and the file that they are kept in.

mod common;

use alcove_protocol::project::{MAIN_RUN, MAX_RUNS, NamedRun};
use alcove_protocol::session::{
    ClientMessage, ErrorCode, RunConfiguration, RunSet, RunState, RunnerMessage, TerminalKind,
};
use alcove_testkit::{Session, eventually};
use common::{run_start, run_stop, server};

fn named(name: &str, command: &str) -> NamedRun {
    NamedRun {
        name: name.into(),
        command: command.into(),
        port: None,
    }
}

fn save(command: &str, runs: Vec<NamedRun>) -> ClientMessage {
    let run = RunConfiguration {
        command: command.into(),
        port: None,
    };
    let now = RunSet { run, runs };
    ClientMessage::RunsSave { before: None, now }
}

/// What is news of this run configuration next.
async fn state(page: &mut Session, wanted: &str, fits: fn(&RunState) -> bool) -> RunState {
    page.news(|message| match message {
        RunnerMessage::RunState { name, run } if name == wanted && fits(run) => Some(run.clone()),
        _ => None,
    })
    .await
    .unwrap()
}

fn is_running(run: &RunState) -> bool {
    matches!(run, RunState::Running { .. })
}

fn is_over(run: &RunState) -> bool {
    matches!(run, RunState::Exited { .. })
}

#[tokio::test]
async fn several_run_at_once_each_in_a_terminal_of_its_own() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let runs = vec![named("Worker", "sleep 1001"), named("Tests", "exit 3")];
    let saved = page.ask(save("sleep 1000", runs.clone())).await.unwrap();
    assert_eq!(saved, RunnerMessage::Done);
    page.news(|m| match m {
        RunnerMessage::Project { project } => (project.runs == runs).then_some(()),
        _ => None,
    })
    .await
    .unwrap();
    let (text, _) = page.command("cat alcove.toml").await.unwrap();
    assert!(text.contains("[[runs]]"), "{text}");
    assert!(
        text.contains("title = "),
        "the rest of the file stays: {text}"
    );

    for name in [MAIN_RUN, "Worker", "Tests"] {
        assert_eq!(
            page.ask(run_start(name)).await.unwrap(),
            RunnerMessage::Done
        );
    }
    let RunState::Running { terminal: main, .. } = state(&mut page, MAIN_RUN, is_running).await
    else {
        unreachable!()
    };
    let RunState::Running {
        terminal: worker, ..
    } = state(&mut page, "Worker", is_running).await
    else {
        unreachable!()
    };
    let RunState::Exited { exit_code, .. } = state(&mut page, "Tests", is_over).await else {
        unreachable!()
    };
    assert_ne!(main, worker);
    assert_eq!(exit_code, 3);
    // Who comes later sees all of them, and terminals by their names.
    let mut other = server.session(&id).await.unwrap();
    state(&mut other, "Worker", is_running).await;
    state(&mut other, "Tests", is_over).await;
    let names = other
        .news(|m| match m {
            RunnerMessage::Terminals { terminals } => Some(
                terminals
                    .iter()
                    .filter(|t| t.kind == TerminalKind::Run)
                    .map(|t| t.name.clone())
                    .collect::<Vec<_>>(),
            ),
            _ => None,
        })
        .await
        .unwrap();
    assert_eq!(names, [MAIN_RUN, "Worker", "Tests"]);
    // One is stopped, the other goes on.
    assert_eq!(
        other.ask(run_stop("Worker")).await.unwrap(),
        RunnerMessage::Done
    );
    state(&mut other, "Worker", is_over).await;
    let (text, _) = page.command("pgrep -af sleep").await.unwrap();
    assert!(
        text.contains("sleep 1000") && !text.contains("sleep 1001"),
        "{text}"
    );
    // The terminal is used again.
    page.news.clear();
    assert_eq!(
        page.ask(run_start("Worker")).await.unwrap(),
        RunnerMessage::Done
    );
    let RunState::Running { terminal, .. } = state(&mut page, "Worker", is_running).await else {
        unreachable!()
    };
    assert_eq!(terminal, worker);
    // Closing the terminal ends its program.
    let close = ClientMessage::TerminalClose { terminal };
    assert_eq!(page.ask(close).await.unwrap(), RunnerMessage::Done);
    let (text, _) = page.command("pgrep -c -f 'sleep 1001'").await.unwrap();
    assert_eq!(text, "0\n");
}

#[tokio::test]
async fn what_is_wrong_is_refused_and_changes_nothing() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let (before, _) = page.command("cat alcove.toml").await.unwrap();
    let many = (0..=MAX_RUNS).map(|n| named(&n.to_string(), "x")).collect();
    for runs in [
        vec![named("", "x")],
        vec![named("a", "x"), named("a", "y")],
        vec![named(MAIN_RUN, "x")],
        vec![named("a", "")],
        many,
    ] {
        let answer = page.ask(save("x", runs)).await.unwrap();
        let RunnerMessage::Error { code, message } = answer else {
            panic!("{answer:?}")
        };
        assert_eq!(code, ErrorCode::Malformed, "{message}");
    }
    let answer = page.ask(run_start("Nobody")).await.unwrap();
    assert!(
        matches!(
            answer,
            RunnerMessage::Error {
                code: ErrorCode::NotFound,
                ..
            }
        ),
        "{answer:?}"
    );
    assert_eq!(
        page.ask(run_stop("Nobody")).await.unwrap(),
        RunnerMessage::Done
    );
    let (after, _) = page.command("cat alcove.toml").await.unwrap();
    assert_eq!(before, after);
    // What somebody else has saved meanwhile is not written over.
    let stale = ClientMessage::RunsSave {
        before: Some(RunSet::default()),
        now: RunSet::default(),
    };
    let answer = page.ask(stale).await.unwrap();
    assert!(
        matches!(&answer, RunnerMessage::Error { code: ErrorCode::Exists, message } if message.contains("meanwhile")),
        "{answer:?}"
    );
    // A broken file is left as it is, and named.
    page.command("echo '[run' > alcove.toml").await.unwrap();
    let answer = page.ask(save("x", vec![])).await.unwrap();
    let RunnerMessage::Error { message, .. } = answer else {
        panic!("{answer:?}")
    };
    assert!(message.contains("nothing was written"), "{message}");
    let (text, _) = page.command("cat alcove.toml").await.unwrap();
    assert_eq!(text, "[run\n");
}

#[tokio::test]
async fn an_empty_repl_gets_its_project_file_by_saving_run() {
    let server = server().await;
    let created = server
        .http()
        .post("/api/repls", serde_json::json!({ "name": "from nothing" }))
        .await
        .unwrap();
    assert_eq!(created.status, 201, "{}", created.text());
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let mut page = server.session(&id).await.unwrap();
    let (text, _) = page.command("ls -A | wc -l").await.unwrap();
    assert_eq!(text, "0\n");
    assert_eq!(
        page.ask(save("echo hello", vec![])).await.unwrap(),
        RunnerMessage::Done
    );
    assert_eq!(
        page.ask(run_start(MAIN_RUN)).await.unwrap(),
        RunnerMessage::Done
    );
    state(&mut page, MAIN_RUN, is_over).await;
}

#[tokio::test]
async fn a_repository_comes_into_an_empty_repl_and_into_no_other() {
    let server = server().await;
    let created = server
        .http()
        .post("/api/repls", serde_json::json!({}))
        .await
        .unwrap();
    let id = created.json()["id"].as_str().unwrap().to_owned();
    let mut page = server.session(&id).await.unwrap();
    // A repository in the sandbox itself, which has no other network here.
    let made = page
        .command(
            "cd ~ && git init -q -b main src && cd src && echo hi > hello.txt && git add . && \
             git -c user.name=t -c user.email=t@t commit -qm one && cd .. && git clone -q --bare src r.git && \
             git -C r.git update-server-info && cd /workspace && \
             (setsid python3 -m http.server 8123 --bind 127.0.0.1 --directory ~ >/dev/null 2>&1 &) && \
             until git ls-remote http://127.0.0.1:8123/r.git >/dev/null 2>&1; do sleep 0.1; done",
        )
        .await
        .unwrap();
    assert_eq!(made.1, 0, "{}", made.0);
    let clone = |url: &str| ClientMessage::GitClone {
        url: url.to_owned(),
        cols: 80,
        rows: 24,
    };
    let answer = page.ask(clone("ext::sh -c id")).await.unwrap();
    assert!(
        matches!(
            answer,
            RunnerMessage::Error {
                code: ErrorCode::Malformed,
                ..
            }
        ),
        "{answer:?}"
    );
    let answer = page
        .ask(clone("http://127.0.0.1:8123/r.git"))
        .await
        .unwrap();
    let RunnerMessage::TerminalCreated { terminal } = answer else {
        panic!("{answer:?}")
    };
    let code = page
        .news(|m| match m {
            RunnerMessage::Terminals { terminals } => {
                terminals
                    .iter()
                    .find(|t| t.terminal == terminal && t.kind == TerminalKind::Clone)?
                    .exit_code
            }
            _ => None,
        })
        .await
        .unwrap();
    page.attach(terminal, None).await.unwrap();
    page.until_output(terminal, "git clone").await.unwrap();
    assert_eq!(code, 0, "{}", page.output(terminal));
    eventually("the files are here", || async {
        let mut page = server.session(&id).await.ok()?;
        let (text, _) = page
            .command("cat hello.txt; git log --oneline")
            .await
            .ok()?;
        (text.contains("hi") && text.contains("one")).then_some(())
    })
    .await;
    let answer = page
        .ask(clone("http://127.0.0.1:8123/r.git"))
        .await
        .unwrap();
    assert!(
        matches!(
            answer,
            RunnerMessage::Error {
                code: ErrorCode::Exists,
                ..
            }
        ),
        "{answer:?}"
    );
}

#[tokio::test]
async fn an_archive_is_taken_apart_where_it_lies() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let (_, code) = page
        .command("mkdir -p x/top/in && echo one > x/top/in/a && echo '#!' > x/top/b.sh && chmod +x x/top/b.sh && tar -C x -czf x/all.tgz top && rm -r x/top")
        .await
        .unwrap();
    assert_eq!(code, 0);
    let extract = |path: &str, strip, remove| ClientMessage::ArchiveExtract {
        path: path.parse().unwrap(),
        strip,
        remove,
    };
    let done = page.ask(extract("x/all.tgz", true, true)).await.unwrap();
    let expected = RunnerMessage::ArchiveExtracted {
        files: 2,
        left: vec![],
        left_out: 0,
    };
    assert_eq!(done, expected);
    let (text, code) = page
        .command("ls x; test -x x/b.sh && cat x/in/a")
        .await
        .unwrap();
    assert!(
        code == 0 && !text.contains("all.tgz") && text.contains("one"),
        "{text}"
    );
    let answer = page.ask(extract("README.md", false, false)).await.unwrap();
    let RunnerMessage::Error { code, message } = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(code, ErrorCode::Failed);
    assert!(message.contains("zip, tar and tar.gz"), "{message}");
}
