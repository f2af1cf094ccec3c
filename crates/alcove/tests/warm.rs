//! Sandboxes that are ready before anybody asks: given to new repls, and gone when nobody needs them.

mod common;

use std::fs;

use alcove_testkit::{Options, Server, Session, Traces, eventually, kill_sandbox};
use common::options;
use hyper::Method;
use serde_json::{Value, json};

/// One sandbox is ready, never more.
fn one() -> Options {
    options().arg("--warm", "1")
}

async fn figure(server: &Server, name: &str) -> Option<u64> {
    let text = server.http().get("/metrics").await.ok()?.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().parse().ok()
}

async fn choose(server: &Server, id: &str, settings: Value) {
    let path = format!("/api/repls/{id}");
    let change = json!({ "settings": settings });
    let answer = server.http().json(Method::PATCH, &path, change).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn output(page: &mut Session, command: &str) -> String {
    page.command(command).await.unwrap().0
}

/// The id of the one that is ready, once it is.
async fn ready(server: &Server) -> String {
    eventually("a sandbox is ready", || async {
        (figure(server, "alcove_warm_sandboxes").await? == 1).then_some(())
    })
    .await;
    let mut ids = records(server);
    assert_eq!(ids.len(), 1, "{ids:?}");
    ids.remove(0)
}

/// Ids of all sandboxes that are written down.
fn records(server: &Server) -> Vec<String> {
    let folder = server.data_dir.join("sandboxes/sandboxes");
    let names = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names
        .filter_map(|name| name.strip_suffix(".json").map(str::to_owned))
        .collect()
}

async fn starts(server: &Server, kind: &str) -> u64 {
    let name = format!("alcove_starts_total{{kind=\"{kind}\"}}");
    figure(server, &name).await.unwrap_or(0)
}

#[tokio::test]
async fn a_new_repl_has_the_one_that_is_ready_and_the_next_has_another() {
    let server = Server::start(one()).await.unwrap();
    let mut traces = None;
    for _ in 0..2 {
        let first = ready(&server).await;
        traces = Traces::of(&server).ok();
        let id = server.create("node").await.unwrap();
        assert_eq!(id, first);
        let mut page = server.session(&id).await.unwrap();
        let said = output(&mut page, "ls; stat -c %U /workspace; id -un").await;
        assert!(said.contains("package.json"), "{said}");
        let lines: Vec<&str> = said.lines().map(str::trim).collect();
        assert!(
            lines.windows(2).any(|two| two == ["user", "user"]),
            "{said}"
        );
        page.command("echo kept > mine.txt").await.unwrap();
        drop(page);
        server.stop_repl(&id).await.unwrap();
        // It is a repl like any other from then on.
        let mut page = server.session(&id).await.unwrap();
        let said = output(&mut page, "cat mine.txt").await;
        assert!(said.contains("kept"), "{said}");
        drop(page);
        server.stop_repl(&id).await.unwrap();
    }
    assert_eq!(starts(&server, "warm").await, 2);
    assert_eq!(starts(&server, "cold").await, 2);
    server.stop().await.unwrap();
    traces.unwrap().all_gone().await;
}

#[tokio::test]
async fn dependencies_are_brought_into_one_too() {
    let server = Server::start(one()).await.unwrap();
    ready(&server).await;
    let id = server.create("node").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let made = "mkdir -p node_modules/some && echo there > node_modules/some/file && echo made";
    page.command(made).await.unwrap();
    drop(page);
    server.stop_repl(&id).await.unwrap();
    let first = ready(&server).await;
    let copy = server
        .http()
        .post(&format!("/api/repls/{id}/duplicate"), json!({}))
        .await
        .unwrap();
    let copy = copy.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(copy, first);
    let mut page = server.session(&copy).await.unwrap();
    let waits =
        "until [ -e node_modules/some/file ]; do sleep 0.05; done; cat node_modules/some/file";
    let said = output(&mut page, waits).await;
    assert!(said.contains("there"), "{said}");
    drop(page);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn one_that_has_ended_meanwhile_is_replaced_by_a_start_like_any_other() {
    let server = Server::start(one()).await.unwrap();
    let first = ready(&server).await;
    kill_sandbox(&server.data_dir, &first).unwrap();
    let id = server.create("node").await.unwrap();
    assert_eq!(id, first);
    let mut page = server.session(&id).await.unwrap();
    let said = output(&mut page, "ls").await;
    assert!(said.contains("package.json"), "{said}");
    assert_eq!(starts(&server, "cold").await, 1);
    drop(page);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_repl_of_another_size_starts_without_one() {
    let server = Server::start(
        one()
            .arg("--sizes", "large:memory=3GiB")
            .arg("--max-size", "large"),
    )
    .await
    .unwrap();
    let first = ready(&server).await;
    let id = server.create("node").await.unwrap();
    assert_eq!(id, first);
    choose(&server, &id, json!({ "size": "large" })).await;
    let mut page = server.session(&id).await.unwrap();
    assert!(output(&mut page, "ls").await.contains("package.json"));
    assert_eq!(starts(&server, "cold").await, 1);
    drop(page);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_nobody_opens_ends() {
    let server = Server::start(one().arg("--grace-period", "1s"))
        .await
        .unwrap();
    let first = ready(&server).await;
    let traces = Traces::of(&server).unwrap();
    let id = server.create("node").await.unwrap();
    assert_eq!(id, first);
    eventually("its sandbox has ended, another one is ready", || async {
        let ids = records(&server);
        let folder = server.data_dir.join("repls").join(&id);
        (ids.len() == 1 && ids[0] != id && !folder.exists()).then_some(())
    })
    .await;
    // It was deleted before anybody came.
    let second = ready(&server).await;
    let id = server.create("node").await.unwrap();
    assert_eq!(id, second);
    let path = format!("/api/repls/{id}");
    let deleted = server.http().json(Method::DELETE, &path, json!({})).await;
    assert_eq!(deleted.unwrap().status, 204);
    eventually("the deleted one has none", || async {
        (!records(&server).contains(&id)).then_some(())
    })
    .await;
    server.stop().await.unwrap();
    traces.all_gone().await;
}

/// What is written into its database fails, or does not any more.
fn refuse_repls(server: &Server, refuse: bool) {
    let sql = match refuse {
        true => "create trigger no before insert on repls begin select raise(abort, 'no'); end",
        false => "drop trigger no",
    };
    let script = "import sqlite3, sys\nd = sqlite3.connect(sys.argv[1], 60)\nd.execute(sys.argv[2])\nd.commit()";
    let done = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(server.data_dir.join("alcove.db"))
        .arg(sql)
        .status();
    assert!(done.unwrap().success());
}

#[tokio::test]
async fn one_whose_repl_could_not_be_made_is_nobody_elses() {
    let server = Server::start(one()).await.unwrap();
    let first = ready(&server).await;
    let traces = Traces::of(&server).unwrap();
    refuse_repls(&server, true);
    let refused = server.create("node").await.unwrap_err().to_string();
    assert!(refused.starts_with("500"), "{refused}");
    refuse_repls(&server, false);
    eventually("it has ended, and another one is ready", || async {
        let is_ready = figure(&server, "alcove_warm_sandboxes").await? == 1;
        (is_ready && !records(&server).contains(&first)).then_some(())
    })
    .await;
    let id = server.create("node").await.unwrap();
    assert_ne!(id, first);
    let mut page = server.session(&id).await.unwrap();
    assert!(output(&mut page, "ls").await.contains("package.json"));
    drop(page);
    server.stop().await.unwrap();
    traces.all_gone().await;
}

#[tokio::test]
async fn one_whose_repl_is_stopped_in_line_ends() {
    let options = options().arg("--warm", "2").arg("--max-running", "1");
    let server = Server::start(options).await.unwrap();
    ready(&server).await;
    let first = server.create("node").await.unwrap();
    eventually("another one is ready", || async {
        (figure(&server, "alcove_warm_sandboxes").await? == 1).then_some(())
    })
    .await;
    let second = server.create("node").await.unwrap();
    assert!(records(&server).contains(&second));
    let page = server.session(&first).await.unwrap();
    let http = server.http();
    let path = format!("/api/repls/{second}/start");
    let waiting = tokio::spawn(async move { http.post(&path, json!({})).await.unwrap() });
    eventually("it stands in line", || async {
        let state = server.state(&second).await.ok()?;
        state["detail"].as_str()?.contains("place 1").then_some(())
    })
    .await;
    server.stop_repl(&second).await.unwrap();
    assert_eq!(waiting.await.unwrap().status, 503);
    assert_eq!(records(&server), [first]);
    drop(page);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn those_of_a_server_that_was_killed_are_ended_by_the_next() {
    let mut server = Server::start(options().arg("--warm", "2")).await.unwrap();
    // One is a repl's that nobody has opened, one is nobody's.
    let made = ready(&server).await;
    let traces = Traces::of(&server).unwrap();
    let id = server.create("node").await.unwrap();
    assert_eq!(id, made);
    eventually("another one is ready", || async {
        (figure(&server, "alcove_warm_sandboxes").await? == 1).then_some(())
    })
    .await;
    assert_eq!(records(&server).len(), 2);
    server.end(libc::SIGKILL).await.unwrap();
    let server = server.again().await.unwrap();
    eventually("one is ready, and no other is there", || async {
        let is_ready = figure(&server, "alcove_warm_sandboxes").await? == 1;
        let ids = records(&server);
        (is_ready && ids.len() == 1 && ids[0] != id).then_some(())
    })
    .await;
    let mut page = server.session(&id).await.unwrap();
    assert!(output(&mut page, "ls").await.contains("package.json"));
    drop(page);
    server.stop().await.unwrap();
    traces.all_gone().await;
}

#[tokio::test]
async fn none_is_ready_where_none_is_wanted() {
    let server = Server::start(options().arg("--warm", "0")).await.unwrap();
    let id = server.create("node").await.unwrap();
    let page = server.session(&id).await.unwrap();
    assert_eq!(figure(&server, "alcove_warm_sandboxes").await, Some(0));
    assert_eq!(records(&server), [id]);
    drop(page);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_repl_that_reaches_less_has_a_sandbox_of_its_own() {
    let server = Server::start(one().arg("--network", "internet"))
        .await
        .unwrap();
    let first = ready(&server).await;
    let id = server.create("blank").await.unwrap();
    assert_eq!(id, first);
    choose(&server, &id, json!({ "network": "none" })).await;
    let mut page = server.session(&id).await.unwrap();
    let said = output(&mut page, "grep -c : /proc/net/dev").await;
    assert_eq!(said.trim(), "1", "a loopback, and no link");
    assert_eq!(
        (starts(&server, "warm").await, starts(&server, "cold").await),
        (0, 1)
    );
}
