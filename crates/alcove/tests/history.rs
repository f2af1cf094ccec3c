//! Earlier states over the API: what changed, by whom; names, restoring, forks; and files of a repl that
//! does not run, or can't.

mod common;

use alcove_testkit::document::Document;
use alcove_testkit::{Answer, Http, Server, eventually};
use bytes::Bytes;
use common::{options, server};
use hyper::Method;
use serde_json::{Value, json};

async fn stopped(server: &Server) -> String {
    server.create("blank").await.unwrap()
}

async fn get(http: &Http, id: &str, what: &str) -> Answer {
    let path = format!("/api/repls/{id}/history{what}");
    http.get(&path).await.unwrap()
}

async fn states(http: &Http, id: &str) -> Vec<Value> {
    let answer = get(http, id, "").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["states"].as_array().unwrap().clone()
}

async fn post(http: &Http, id: &str, what: &str, body: Value) -> Answer {
    let path = format!("/api/repls/{id}/{what}");
    http.post(&path, body).await.unwrap()
}

/// Writes a file of a repl that does not run, over content with the hash that the store has of it.
async fn write(http: &Http, id: &str, path: &str, content: impl Into<Bytes>) -> Answer {
    let address = format!("/api/repls/{id}/history/latest/files/{path}");
    let before = http.get(&address).await.unwrap();
    let query = match before.header("etag") {
        Some(tag) if before.status == 200 => format!("?before={}", tag.trim_matches('"')),
        _ => String::new(),
    };
    let address = address + &query;
    let sent = http.send(Method::PUT, &address, content.into());
    sent.await.unwrap()
}

async fn read(http: &Http, id: &str, state: &str, path: &str) -> Answer {
    get(http, id, &format!("/{state}/files/{path}")).await
}

async fn start(http: &Http, id: &str) -> Answer {
    post(http, id, "start", json!({})).await
}

#[tokio::test]
async fn what_was_edited_in_a_session_can_be_seen_named_and_brought_back() {
    let server = server().await;
    let (http, id) = (server.http(), stopped(&server).await);
    let mut page = server.session(&id).await.unwrap();
    page.command("printf one > a.txt; mkdir -p src; echo deep > src/b.txt; chmod 755 src/b.txt")
        .await
        .unwrap();
    let named = post(&http, &id, "history", json!({ "name": "  first  " })).await;
    assert_eq!(named.status, 201, "{}", named.text());
    let first = named.json()["number"].as_u64().unwrap();
    page.command("printf two > a.txt; rm -r src; echo new > c.txt; ln -s c.txt link")
        .await
        .unwrap();
    let mut document = Document::open(&mut page, "a.txt").await.unwrap();
    assert_eq!(post(&http, &id, "save", json!({})).await.status, 200);

    let all = states(&http, &id).await;
    assert_eq!(all[0]["by"], json!(["you"]));
    let named: Vec<&Value> = all.iter().filter(|s| s["name"] == "first").collect();
    assert_eq!(named.len(), 1);
    assert_eq!(named[0]["number"], first);
    let newest = all[0]["number"].as_u64().unwrap();
    let changes = get(&http, &id, &format!("/{newest}/changes?since={first}")).await;
    assert_eq!(
        changes.json(),
        json!({ "added": ["c.txt", "link"], "changed": ["a.txt"], "removed": ["src/b.txt"], "more": 0 })
    );
    let of_file = get(&http, &id, "?path=src/b.txt").await.json();
    let numbers: Vec<_> = of_file["states"].as_array().unwrap().iter().collect();
    assert_eq!(numbers.len(), 2, "made and removed: {of_file}");

    // Everything, while it runs: the open document shows it.
    let restored = post(&http, &id, &format!("history/{first}/restore"), json!({})).await;
    assert_eq!(restored.status, 200, "{}", restored.text());
    assert_eq!(restored.json()["left_out"], 0);
    document
        .until(&mut page, |text| text == "one")
        .await
        .unwrap();
    let (shown, _) = page
        .command("cat a.txt src/b.txt; stat -c %a src/b.txt; ls")
        .await
        .unwrap();
    assert!(
        shown.contains("one") && shown.contains("deep") && shown.contains("755"),
        "{shown}"
    );
    assert!(
        !shown.contains("c.txt") && !shown.contains("link"),
        "{shown}"
    );
    let all = states(&http, &id).await;
    assert_eq!(all[0]["restored"], first);
    assert_eq!(all[0]["number"], restored.json()["number"]);

    // That is undone by the state before it; one file alone this time.
    let before = restored.json()["before"].as_u64().unwrap();
    let undo = format!("history/{before}/restore");
    let undone = post(&http, &id, &undo, json!({ "path": "a.txt" })).await;
    assert_eq!(undone.status, 200, "{}", undone.text());
    document
        .until(&mut page, |text| text == "two")
        .await
        .unwrap();
    assert_eq!(
        post(&http, &id, &undo, json!({ "path": "nowhere" }))
            .await
            .status,
        404
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_fork_of_an_earlier_state_has_its_files() {
    let server = server().await;
    let (http, id) = (server.http(), stopped(&server).await);
    assert_eq!(write(&http, &id, "a.txt", "one").await.status, 204);
    let first = states(&http, &id).await[0]["number"].as_u64().unwrap();
    assert_eq!(write(&http, &id, "a.txt", "two").await.status, 204);
    let forked = post(
        &http,
        &id,
        "duplicate",
        json!({ "state": first, "name": "then" }),
    )
    .await;
    assert_eq!(forked.status, 201, "{}", forked.text());
    let fork = forked.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(read(&http, &fork, "latest", "a.txt").await.text(), "one");
    assert_eq!(read(&http, &id, "latest", "a.txt").await.text(), "two");
    let mut page = server.session(&fork).await.unwrap();
    assert!(page.command("cat a.txt").await.unwrap().0.contains("one"));
    let none = post(&http, &id, "duplicate", json!({ "state": 999 })).await;
    assert_eq!(none.status, 404);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn names_are_given_changed_and_taken_off_and_are_within_their_limits() {
    let server = server().await;
    let (http, id) = (server.http(), stopped(&server).await);
    let number = states(&http, &id).await[0]["number"].as_u64().unwrap();
    let address = format!("/api/repls/{id}/history/{number}/name");
    for (name, status) in [
        ("a".repeat(100), 204),
        ("ü".repeat(101), 400),
        (String::new(), 400),
        ("a\nb".into(), 400),
        ("works".into(), 204),
    ] {
        let answer = http
            .json(Method::PUT, &address, json!({ "name": name }))
            .await;
        assert_eq!(answer.unwrap().status, status, "{name}");
    }
    assert_eq!(states(&http, &id).await[0]["name"], "works");
    // The name is in the store.
    let named = server.data_dir.join(format!("store/repl/code/{id}/named"));
    assert_eq!(std::fs::read_dir(named).unwrap().count(), 1);
    let off = |http: Http, address: String| async move {
        http.send(Method::DELETE, &address, Bytes::new())
            .await
            .unwrap()
            .status
    };
    assert_eq!(off(http.clone(), address.clone()).await, 204);
    assert_eq!(off(http.clone(), address).await, 404);
    assert_eq!(states(&http, &id).await[0]["name"], Value::Null);
    let gone = format!("/api/repls/{id}/history/99/name");
    let answer = http
        .json(Method::PUT, &gone, json!({ "name": "x" }))
        .await
        .unwrap();
    assert_eq!(answer.status, 404);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn code_is_there_where_nothing_can_be_started() {
    let data = tempfile::tempdir().unwrap();
    let nothing = options().arg("--spawner", "none");
    let server = Server::start_over(nothing, &data.path().join("data"))
        .await
        .unwrap();
    let (http, id) = (server.http(), stopped(&server).await);
    let failed = start(&http, &id).await;
    assert_eq!(failed.status, 503, "{}", failed.text());
    server.until(&id, "failed").await;

    let folder = get(&http, &id, "/latest/folder").await.json();
    let paths: Vec<&str> = folder["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["path"].as_str().unwrap())
        .collect();
    assert!(paths.contains(&"alcove.toml"), "{paths:?}");
    assert_eq!(write(&http, &id, "notes.md", "# Plan\n").await.status, 204);
    assert_eq!(
        read(&http, &id, "latest", "notes.md").await.text(),
        "# Plan\n"
    );
    let first = states(&http, &id).await[0].clone();
    assert_eq!(
        (&first["by"], &first["added"]),
        (&json!(["you"]), &json!(1))
    );
    assert_eq!(write(&http, &id, "notes.md", "# Other\n").await.status, 204);
    let restore = format!("history/{}/restore", first["number"]);
    let restored = post(&http, &id, &restore, json!({ "path": "notes.md" })).await;
    assert_eq!(restored.status, 200, "{}", restored.text());
    assert_eq!(
        read(&http, &id, "latest", "notes.md").await.text(),
        "# Plan\n"
    );
    let zip = get(&http, &id, "/latest/download").await;
    assert_eq!(zip.header("content-type"), Some("application/zip"));
    let file = data.path().join("all.zip");
    std::fs::write(&file, &zip.body).unwrap();
    let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
        print(z.read('notes.md').decode())";
    let output = std::process::Command::new("python3")
        .args(["-c", script])
        .arg(&file)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "# Plan");

    // All of that is there where it can be started again.
    server.stop().await.unwrap();
    let server = Server::start_over(options(), &data.path().join("data"))
        .await
        .unwrap();
    let mut page = server.session(&id).await.unwrap();
    assert!(
        page.command("cat notes.md")
            .await
            .unwrap()
            .0
            .contains("# Plan")
    );
    drop(page);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_edit_in_the_store_is_refused_where_it_would_lose_something() {
    let server = server().await;
    let (http, id) = (server.http(), stopped(&server).await);
    assert_eq!(write(&http, &id, "a.txt", "one").await.status, 204);
    let address = format!("/api/repls/{id}/history/latest/files/a.txt");
    let stale = "0".repeat(64);
    for query in [String::new(), format!("?before={stale}")] {
        let address = address.clone() + &query;
        let sent = http.send(Method::PUT, &address, "two".into());
        let answer = sent.await.unwrap();
        assert_eq!(answer.status, 409, "{}", answer.text());
        assert!(
            answer.text().contains("Nothing was written"),
            "{}",
            answer.text()
        );
    }
    let large = "x".repeat(1024 * 1024);
    assert_eq!(
        write(&http, &id, "large.txt", large.clone()).await.status,
        204
    );
    assert_eq!(
        write(&http, &id, "large.txt", large + "y").await.status,
        413
    );
    let number = states(&http, &id).await[0]["number"].clone();
    let old = format!("/api/repls/{id}/history/{number}/files/b.txt");
    let answer = http.send(Method::PUT, &old, "b".into()).await.unwrap();
    assert_eq!(answer.status, 409, "{}", answer.text());

    // Once it runs, the edit belongs there.
    assert_eq!(start(&http, &id).await.status, 200);
    let refused = write(&http, &id, "a.txt", "two").await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    assert!(refused.text().contains("started"), "{}", refused.text());
    assert_eq!(read(&http, &id, "latest", "a.txt").await.text(), "one");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn content_that_the_store_has_lost_is_said_to_be_and_the_rest_is_there() {
    let server = server().await;
    let (http, id) = (server.http(), stopped(&server).await);
    let large = "x".repeat(100_000);
    assert_eq!(write(&http, &id, "large.txt", large).await.status, 204);
    assert_eq!(write(&http, &id, "small.txt", "one").await.status, 204);
    let packs = server.data_dir.join(format!("store/repl/code/{id}/packs"));
    std::fs::remove_dir_all(packs).unwrap();
    let lost = read(&http, &id, "latest", "large.txt").await;
    assert_eq!(lost.status, 503, "{}", lost.text());
    assert!(lost.text().contains("lost or damaged"), "{}", lost.text());
    assert_eq!(read(&http, &id, "latest", "small.txt").await.text(), "one");
    assert_eq!(get(&http, &id, "/latest/folder").await.status, 200);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn starts_and_edits_in_the_store_at_once_lose_nothing() {
    let server = server().await;
    let (http, id) = (server.http(), stopped(&server).await);
    for round in 0..5 {
        let name = format!("{round}.txt");
        let (written, started) = tokio::join!(write(&http, &id, &name, "x"), start(&http, &id));
        assert_eq!(started.status, 200, "{}", started.text());
        assert!([204, 409].contains(&written.status), "{}", written.text());
        let there = eventually("the repl answers", || async {
            let file = format!("/api/repls/{id}/files/{name}");
            let answer = http.get(&file).await.ok()?;
            (answer.status != 503).then_some(answer.status == 200)
        })
        .await;
        assert_eq!(there, written.status == 204);
        assert_eq!(post(&http, &id, "stop", json!({})).await.status, 200);
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn what_the_store_sends_runs_nothing_and_leads_nowhere() {
    let server = server().await;
    let (http, id) = (server.http(), stopped(&server).await);
    let page = "<script>alert(1)</script>";
    assert_eq!(write(&http, &id, "a.html", page).await.status, 204);
    let answer = read(&http, &id, "latest", "a.html").await;
    assert_eq!(
        answer.header("content-type"),
        Some("application/octet-stream")
    );
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(
        answer
            .header("content-security-policy")
            .unwrap()
            .starts_with("sandbox")
    );
    assert!(
        answer
            .header("content-disposition")
            .unwrap()
            .starts_with("attachment")
    );
    let preview = http.clone().header("sec-fetch-site", "same-site");
    for what in ["/latest/files/a.html", "/latest/download"] {
        assert_eq!(get(&preview, &id, what).await.status, 403);
    }
    for (what, status) in [
        ("/latest/files/..%2fhome%2fx", 400),
        ("/latest/folder?path=../home", 400),
        ("/latest/folder?path=nowhere", 404),
        ("/latest/files/nowhere", 404),
        ("/0/files/a.html", 404),
        ("/99999999999999999999/files/a.html", 404),
        ("/newest/folder", 404),
        ("/latest/download?path=a.html", 404),
        ("?path=/etc", 400),
    ] {
        let answer = get(&http, &id, what).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
    }
    server.stop().await.unwrap();
}
