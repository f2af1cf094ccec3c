//! What a repl, or all repls of a user, may hold in the store.

mod common;

use alcove_testkit::{Server, eventually};
use common::{open_elsewhere, options};
use serde_json::{Value, json};

/// Waits for what is told of saving.
async fn saved(server: &Server, id: &str, wanted: &str) -> Value {
    eventually(&format!("{id} is {wanted}"), || async {
        let saved = server.state(id).await.ok()?["saved"].clone();
        (saved["state"] == wanted).then_some(saved)
    })
    .await
}

#[tokio::test]
async fn what_is_too_much_is_said_and_kept_and_all_else_is_saved() {
    let server = Server::start(options().arg("--repl-size", "1MiB"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let terminal = page.shell().await.unwrap();
    let (_, code) = page
        .command("head -c 2M /dev/zero > huge.bin; echo small > small.txt")
        .await
        .unwrap();
    assert_eq!(code, 0);
    let said = saved(&server, &id, "partly").await;
    page.until_output(terminal, "One file is not saved")
        .await
        .unwrap();
    assert_eq!(said["files"], 1, "{said}");
    assert_eq!(said["paths"], json!(["workspace/huge.bin"]), "{said}");
    let message = said["message"].as_str().unwrap();
    assert!(message.contains("this repl may hold (1 MiB"), "{message}");
    // What would not be saved is not taken in.
    let upload = |bytes: usize| {
        let body = bytes::Bytes::from(vec![0; bytes]);
        let path = format!("/api/repls/{id}/files/upload.bin");
        let http = server.http();
        async move { http.send(hyper::Method::PUT, &path, body).await.unwrap() }
    };
    let refused = upload(1 << 20).await;
    assert_eq!(refused.status, 413);
    assert!(refused.text().contains("delete something first"));
    assert_eq!(upload(1000).await.status, 201);
    // Which content is saved, programs can ask.
    let ask = |path: &str| {
        let (http, path) = (server.http(), format!("/api/repls/{id}/saved?path={path}"));
        async move { http.get(&path).await.unwrap().json() }
    };
    let hash = blake3::hash(b"small\n").to_hex().to_string();
    let small = ask("small.txt").await;
    assert_eq!(small["file"], json!({ "size": 6, "hash": hash }), "{small}");
    assert_eq!(ask("huge.bin").await["file"], Value::Null);
    // It stops, with what is not saved on this machine alone.
    server.stop_repl(&id).await.unwrap();
    let state = server.state(&id).await.unwrap();
    assert!(
        state["detail"]
            .as_str()
            .unwrap()
            .contains("on this machine alone"),
        "{state}"
    );
    let folder = server.data_dir.join("repls").join(&id);
    assert!(folder.join("workspace/huge.bin").exists());
    // Stopping what rests is no error, and a server that starts anew knows of it.
    server.stop_repl(&id).await.unwrap();
    let mut server = server;
    server.end(libc::SIGINT).await.unwrap();
    let server = server.again().await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let (text, _) = page
        .command("cat small.txt; stat -c %s huge.bin")
        .await
        .unwrap();
    assert_eq!(text, "small\n2097152\n");
    // Deleting makes room.
    page.command("rm huge.bin").await.unwrap();
    saved(&server, &id, "saved").await;
    let usage = server.state(&id).await.unwrap()["usage"].clone();
    assert_eq!(usage["max_bytes"], 1 << 20);
    assert!(usage["bytes"].as_u64().unwrap() < 10_000, "{usage}");
    server.stop_repl(&id).await.unwrap();
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_file_that_grew_too_large_is_brought_back_as_it_was_saved() {
    let server = Server::start(options().arg("--repl-size", "1MiB"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("echo small > notes.txt; echo one > other.txt")
        .await
        .unwrap();
    let save = format!("/api/repls/{id}/save");
    let history = format!("/api/repls/{id}/history");
    let (http, nothing) = (server.http(), json!({}));
    assert_eq!(http.post(&save, nothing).await.unwrap().status, 200);
    let states = http.get(&history).await.unwrap().json();
    let newest = &states["states"][0]["number"];
    let restore = format!("{history}/{newest}/restore");
    page.command("head -c 2M /dev/zero > notes.txt; echo two > other.txt")
        .await
        .unwrap();
    saved(&server, &id, "partly").await;
    // With everything comes nothing over what is on disk alone.
    let answer = http.post(&restore, json!({})).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json()["left"], json!(["notes.txt"]));
    let look = "stat -c %s notes.txt; cat other.txt";
    assert_eq!(page.command(look).await.unwrap().0, "2097152\none\n");
    let answer = http.post(&restore, json!({ "path": "notes.txt" })).await;
    let answer = answer.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (text, _) = page.command("cat notes.txt").await.unwrap();
    assert_eq!(text, "small\n");
    saved(&server, &id, "saved").await;
}

#[tokio::test]
async fn a_repl_that_holds_too_much_can_be_deleted() {
    let server = Server::start(options().arg("--repl-files", "20"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("seq 30 | xargs touch").await.unwrap();
    saved(&server, &id, "partly").await;
    drop(page);
    let answer = server
        .http()
        .send(
            hyper::Method::DELETE,
            &format!("/api/repls/{id}"),
            bytes::Bytes::new(),
        )
        .await
        .unwrap();
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert!(!server.data_dir.join("repls").join(&id).exists());
    // What was saved is in the bin.
    let restored = server
        .http()
        .post(&format!("/api/repls/{id}/restore"), json!({}))
        .await
        .unwrap();
    assert_eq!(restored.status, 200, "{}", restored.text());
    let state = restored.json()["state"].clone();
    assert_eq!(
        (&state["phase"], &state["detail"]),
        (&json!("stopped"), &Value::Null)
    );
    let mut page = server.session(&id).await.unwrap();
    assert_eq!(page.command("test -e README.md").await.unwrap().1, 0);
}

/// What is kept of a repl that another server has opened is all that this one might hold, and not more; where
/// the rest is, is said.
#[tokio::test]
async fn what_is_kept_of_a_replaced_repl_is_within_its_quota_and_nothing_is_lost() {
    let options = options().arg("--repl-size", "1MiB");
    let server = Server::start(options.arg("--user-size", "1MiB"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let make =
        "echo before > a.txt; head -c 700K /dev/zero > large.bin; head -c 2M /dev/zero > huge.bin";
    assert_eq!(page.command(make).await.unwrap().1, 0);
    let said = saved(&server, &id, "partly").await;
    assert_eq!(said["paths"], json!(["workspace/huge.bin"]), "{said}");
    open_elsewhere(&server, &id);
    page.command("echo after >> a.txt").await.unwrap();
    server.until(&id, "failed").await;
    let reason = server.state(&id).await.unwrap()["detail"].clone();
    let reason = reason.as_str().unwrap();
    assert!(reason.contains("(files: 1)"), "{reason}");
    let all = server.http().get("/api/repls").await.unwrap().json();
    let all = all.as_array().unwrap();
    let is_kept = |repl: &&Value| repl["name"].as_str().unwrap().ends_with(" (kept)");
    let kept = all.iter().find(is_kept).expect("a fork");
    assert_eq!(kept["state"]["detail"], reason, "the fork says so, too");
    // Together they are more than their owner may have: nothing is left out for that.
    assert!(kept["state"]["usage"]["bytes"].as_u64().unwrap() > 700 * 1024);
    let (_, place) = reason.split_once("`unsaved/").unwrap();
    let place = server
        .data_dir
        .join("unsaved")
        .join(place.split_once('`').unwrap().0);
    let huge = std::fs::metadata(place.join("workspace/huge.bin")).unwrap();
    assert_eq!(huge.len(), 2 << 20);
    let mut page = server.session(kept["id"].as_str().unwrap()).await.unwrap();
    let (text, _) = page.command("cat a.txt; ls").await.unwrap();
    assert!(text.starts_with("before\nafter\n"), "{text}");
    assert!(
        text.contains("large.bin") && !text.contains("huge.bin"),
        "{text}"
    );
}

#[tokio::test]
async fn no_upload_begins_that_the_users_other_repls_leave_no_room_for() {
    let server = Server::start(options().arg("--user-size", "1MiB"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let _page = server.session(&id).await.unwrap();
    let upload = async |name: &str, bytes: usize| {
        let path = format!("/api/repls/{id}/files/{name}");
        let body = bytes::Bytes::from(vec![0; bytes]);
        let http = server.http();
        http.send(hyper::Method::PUT, &path, body).await.unwrap()
    };
    assert_eq!(upload("first", 100_000).await.status, 201);
    let other = server.create("blank").await.unwrap();
    let mut page = server.session(&other).await.unwrap();
    page.command("head -c 600000 /dev/zero > large")
        .await
        .unwrap();
    let save = format!("/api/repls/{other}/save");
    let saved = server.http().post(&save, json!({})).await.unwrap();
    assert_eq!(saved.status, 200, "{}", saved.text());
    let refused = upload("second", 500_000).await;
    assert_eq!(refused.status, 413, "{}", refused.text());
    let text = refused.text();
    assert!(text.contains("your other repls hold"), "{text}");
    assert_eq!(upload("third", 100_000).await.status, 201);
}

#[tokio::test]
async fn all_repls_of_a_user_together_are_bounded() {
    let server = Server::start(options().arg("--user-files", "10"))
        .await
        .unwrap();
    let mut made = Vec::new();
    let refused = loop {
        let answer = server
            .http()
            .post("/api/repls", json!({ "template": "blank" }))
            .await
            .unwrap();
        match answer.status {
            201 => made.push(answer.json()["id"].as_str().unwrap().to_owned()),
            _ => break answer,
        }
        assert!(made.len() <= 10, "a repl has one file at least");
    };
    assert_eq!(refused.status, 409);
    assert!(
        refused.text().contains("empty the bin"),
        "{}",
        refused.text()
    );
    assert!(!made.is_empty());
    let me = server.http().get("/api/me").await.unwrap().json();
    let used = me["usage"]["files"].as_u64().unwrap();
    assert!(used <= 10 && me["usage"]["max_files"] == 10, "{me}");
    // One that is there is not refused what it had, but what is new.
    let mut page = server.session(&made[0]).await.unwrap();
    page.command("seq 10 | xargs touch; echo more >> README.md")
        .await
        .unwrap();
    let said = saved(&server, &made[0], "partly").await;
    let message = said["message"].as_str().unwrap();
    assert!(message.contains("all your repls"), "{message}");
    assert!(!said["paths"].to_string().contains("README.md"), "{said}");
}
