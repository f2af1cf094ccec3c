//! `alcove stop`: the operator stops one repl, and its people read why.

mod common;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use alcove_testkit::{Server, Session, eventually, kill_sandbox};
use common::options;
use serde_json::json;

/// One that can be asked: its socket is there a moment after it takes connections.
async fn server() -> Server {
    let server = common::server().await;
    let socket = server.data_dir.join("operator.sock");
    eventually("its socket is there", || async {
        socket.exists().then_some(())
    })
    .await;
    server
}

/// Whether it went well, and what it said.
fn stop(data_dir: &Path, id: &str, more: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_alcove"))
        .args(["stop", id, "--data-dir"])
        .arg(data_dir)
        .args(more)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}

const TOLD: &str = "Stopped by the operator: new disks at noon.";

async fn is_told(server: &Server, id: &str) {
    let state = server.state(id).await.unwrap();
    assert_eq!(
        (&state["phase"], &state["detail"]),
        (&json!("stopped"), &json!(TOLD))
    );
}

/// A page that opens is closed at once, and starts nothing.
async fn is_refused(server: &Server, id: &str) {
    let opened = Session::open(server.address, &server.token, id, "somebody").await;
    opened.unwrap().closed().await.unwrap();
    is_told(server, id).await;
}

#[tokio::test]
async fn what_the_operator_stopped_says_why_and_only_a_person_starts_it() {
    let mut server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("echo precious > file").await.unwrap();
    let terminal = page.shell().await.unwrap();
    let (stopped, said) = stop(&server.data_dir, &id, &["--reason", "new disks at noon"]);
    assert!(stopped && said.contains("It is saved"), "{said}");
    page.until_output(terminal, TOLD).await.unwrap();
    page.closed().await.unwrap();
    is_told(&server, &id).await;
    is_refused(&server, &id).await;
    assert_eq!(server.end(libc::SIGTERM).await.unwrap(), Some(0));
    let server = server.again().await.unwrap();
    is_told(&server, &id).await;
    is_refused(&server, &id).await;
    let cookie = server.preview_cookie(&id, 3000).await.unwrap();
    let visitor = alcove_testkit::Http::new(server.address, &server.preview_host(3000, &id))
        .header("cookie", &cookie);
    let answer = visitor.get("/").await.unwrap();
    assert_eq!(answer.status, 503, "{}", answer.text());
    is_told(&server, &id).await;

    let path = format!("/api/repls/{id}/start");
    let started = server.http().post(&path, json!({})).await.unwrap();
    assert_eq!(started.status, 200, "{}", started.text());
    let mut page = server.session(&id).await.unwrap();
    assert_eq!(page.command("cat file").await.unwrap().0, "precious\n");
    server.stop_repl(&id).await.unwrap();
    assert_eq!(server.state(&id).await.unwrap()["detail"], json!(null));
}

#[tokio::test]
async fn what_rests_is_told_as_well_and_what_waits_in_line_leaves_it() {
    let server = Server::start(options().arg("--max-running", "1"))
        .await
        .unwrap();
    let [first, second] = [(); 2].map(|()| server.create("blank"));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let (stopped, said) = stop(&server.data_dir, &second, &[]);
    assert!(stopped, "{said}");
    let told = "Stopped by the operator of this server.";
    assert_eq!(server.state(&second).await.unwrap()["detail"], json!(told));
    let _page = server.session(&first).await.unwrap();
    let path = format!("/api/repls/{second}/start");
    let http = server.http();
    let waiting = tokio::spawn(async move { http.post(&path, json!({})).await.unwrap() });
    eventually("it stands in line", || async {
        let state = server.state(&second).await.ok()?;
        state["detail"].as_str()?.contains("place 1").then_some(())
    })
    .await;
    let (stopped, said) = stop(
        &server.data_dir,
        &second,
        &["--reason", "new disks at noon"],
    );
    assert!(stopped, "{said}");
    assert_eq!(waiting.await.unwrap().status, 503);
    is_told(&server, &second).await;
}

#[tokio::test]
async fn what_is_kept_alive_stays_stopped_with_the_next_server() {
    let mut server = server().await;
    let [id, other] = [(); 2].map(|()| kept_alive(&server));
    let (id, other) = (id.await, other.await);
    let (stopped, said) = stop(&server.data_dir, &id, &["--reason", "new disks at noon"]);
    assert!(stopped, "{said}");
    server.end(libc::SIGKILL).await.unwrap();
    kill_sandbox(&server.data_dir, &other).unwrap();
    let server = server.again().await.unwrap();
    // Who was started first is asked first to come back.
    server.until(&other, "running").await;
    is_told(&server, &id).await;
}

/// A repl that runs with nobody there.
async fn kept_alive(server: &Server) -> String {
    let id = server.create("blank").await.unwrap();
    let keep = json!({ "settings": { "keep_alive": true } });
    let path = format!("/api/repls/{id}");
    let http = server.http();
    let kept = http.json(hyper::Method::PATCH, &path, keep).await.unwrap();
    assert_eq!(kept.status, 200, "{}", kept.text());
    drop(server.session(&id).await.unwrap());
    id
}

#[tokio::test]
async fn it_is_said_what_can_not_be_stopped_and_nobody_else_may() {
    let nothing = tempfile::tempdir().unwrap();
    let (stopped, said) = stop(nothing.path(), "abcdefghijkl", &[]);
    assert!(!stopped && said.contains("no server works on"), "{said}");
    let server = server().await;
    let (stopped, said) = stop(&server.data_dir, "abcdefghijkl", &[]);
    assert!(!stopped && said.contains("there is no repl"), "{said}");
    let (stopped, said) = stop(&server.data_dir, "../x y", &[]);
    assert!(!stopped && said.contains("there is no repl"), "{said}");
    let id = server.create("blank").await.unwrap();
    let most = alcove_server::MAX_REASON_CHARS;
    let (stopped, said) = stop(&server.data_dir, &id, &["--reason", &"x".repeat(most + 1)]);
    assert!(!stopped && said.contains("200 characters"), "{said}");
    assert_eq!(server.state(&id).await.unwrap()["detail"], json!(null));
    let (stopped, said) = stop(&server.data_dir, &id, &["--reason", &"x".repeat(most)]);
    assert!(stopped, "{said}");
    let socket = std::fs::metadata(server.data_dir.join("operator.sock")).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
}
