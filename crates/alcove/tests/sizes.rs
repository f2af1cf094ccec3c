//! What a repl may use is that of its size, from its start until it stops.

mod common;

use alcove_testkit::{Server, Session, eventually};
use common::{give_to_eve, options};
use serde_json::{Value, json};

const MIB: u64 = 1 << 20;

async fn get(server: &Server, path: &str) -> Value {
    server.http().get(path).await.unwrap().json()
}

/// Changes a repl's settings; status and text of the answer.
async fn set(server: &Server, id: &str, settings: Value) -> (u16, String) {
    let path = format!("/api/repls/{id}");
    let change = json!({ "settings": settings });
    let http = server.http();
    let answer = http.json(hyper::Method::PATCH, &path, change).await;
    let answer = answer.unwrap();
    (answer.status, answer.text())
}

/// The exit code of a program that takes so many MiB.
async fn take(page: &mut Session, mib: u64) -> i32 {
    let program = format!("python3 -c 'bytearray({mib} << 20)'");
    page.command(&program).await.unwrap().1
}

/// Waits until the meter says that a repl may take so many MiB.
async fn until_meter(server: &Server, id: &str, mib: u64) {
    eventually(&format!("it may take {mib} MiB"), || async {
        let state = server.state(id).await.ok()?;
        (state["resources"]["max_memory"] == mib * MIB).then_some(())
    })
    .await;
}

/// A folder with one template, `own`, that names a size.
fn template_of(size: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own");
    std::fs::create_dir(&own).unwrap();
    let project = format!("title = 'Own'\nsize = '{size}'\n");
    std::fs::write(own.join("alcove.toml"), project).unwrap();
    folder
}

#[tokio::test]
async fn a_small_repl_is_held_to_512_mib_and_a_standard_one_is_not() {
    let templates = template_of("small");
    let options = options().arg("--templates", templates.path().to_str().unwrap());
    let server = Server::start(options).await.unwrap();
    let small = server.create("own").await.unwrap();
    let standard = server.create("blank").await.unwrap();
    let settings = get(&server, &format!("/api/repls/{small}")).await["settings"].clone();
    assert_eq!(settings, json!({ "size": "small" }));
    let mut page = server.session(&small).await.unwrap();
    assert_eq!(take(&mut page, 400).await, 0);
    assert_eq!(take(&mut page, 600).await, 137);
    until_meter(&server, &small, 512).await;
    let mut page = server.session(&standard).await.unwrap();
    assert_eq!(take(&mut page, 600).await, 0);
    until_meter(&server, &standard, 2048).await;
    // As root, where there are loop devices.
    let disk = async |id: &str| {
        let state = server.state(id).await.unwrap();
        state["resources"]["disk"]["max_bytes"].as_u64().unwrap() >> 30
    };
    assert!(disk(&small).await < 4 && disk(&standard).await >= 4);
}

#[tokio::test]
async fn a_size_holds_from_the_next_start_on_whoever_serves_it_until_then() {
    let mut server = Server::start(options()).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let page = server.session(&id).await.unwrap();
    until_meter(&server, &id, 2048).await;
    assert_eq!(set(&server, &id, json!({ "size": "small" })).await.0, 200);
    drop(page);
    server.end(libc::SIGTERM).await.unwrap();
    let server = server.again().await.unwrap();
    server.until(&id, "running").await;
    until_meter(&server, &id, 2048).await;
    let mut page = server.session(&id).await.unwrap();
    assert_eq!(take(&mut page, 600).await, 0);
    drop(page);
    server.stop_repl(&id).await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    until_meter(&server, &id, 512).await;
    assert_eq!(take(&mut page, 600).await, 137);
}

#[tokio::test]
async fn what_may_not_be_chosen_is_refused_in_words_and_a_copy_has_the_size() {
    let options = options()
        .arg("--memory", "1GiB")
        .arg("--sizes", "large:memory=4GiB,processes=1024,cpu=200");
    let server = Server::start(options).await.unwrap();
    let me = get(&server, "/api/me").await;
    let sizes: Vec<_> = me["repl_sizes"].as_array().unwrap().iter().collect();
    let shown = |size: &Value| (size["name"].clone(), size["memory"].clone());
    assert_eq!(shown(sizes[0]), (json!("small"), json!(512 * MIB)));
    assert_eq!(shown(sizes[1]), (json!("standard"), json!(1024 * MIB)));
    assert_eq!((sizes.len(), &sizes[1]["usual"]), (2, &json!(true)));

    let id = server.create("blank").await.unwrap();
    for bad in ["large", "huge", ""] {
        let (status, text) = set(&server, &id, json!({ "size": bad })).await;
        assert_eq!(status, 400, "{bad}: {text}");
        assert!(
            text.contains("one of small, standard on this server"),
            "{text}"
        );
    }
    let small = json!({ "size": "small", "idle_minutes": 7 });
    assert_eq!(set(&server, &id, small).await.0, 200);
    let copy = format!("/api/repls/{id}/duplicate");
    let copy = server.http().post(&copy, json!({})).await.unwrap().json();
    assert_eq!(copy["settings"], json!({ "size": "small" }));
    // Of another's it is nobody else's business.
    give_to_eve(&server, &id);
    assert_eq!(
        set(&server, &id, json!({ "size": "standard" })).await.0,
        404
    );
}

#[tokio::test]
async fn a_template_of_a_size_that_there_is_not_says_so() {
    let templates = template_of("huge");
    let options = options().arg("--templates", templates.path().to_str().unwrap());
    let server = Server::start(options).await.unwrap();
    let list = get(&server, "/api/templates").await;
    let own = |t: &&Value| t["name"] == "own";
    let own = list.as_array().unwrap().iter().find(own).unwrap();
    let said = own["setup"]["message"].as_str().unwrap();
    assert!(
        said.contains("`huge`") && said.contains("small, standard"),
        "{said}"
    );
    assert!(server.create("own").await.is_err());
    assert!(server.create("blank").await.is_ok());
}

#[tokio::test]
async fn no_more_memory_is_promised_than_there_is_and_who_comes_then_waits() {
    let options = options()
        .arg("--max-size", "small")
        .arg("--total-memory", "1100MiB");
    let server = Server::start(options).await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(server.create("blank").await.unwrap());
    }
    let start = |id: &str| {
        let (http, path) = (server.http(), format!("/api/repls/{id}/start"));
        async move { http.post(&path, json!({})).await.unwrap().status }
    };
    // All are small, since none may be larger.
    assert_eq!(start(&ids[0]).await, 200);
    assert_eq!(start(&ids[1]).await, 200);
    let third = tokio::spawn(start(&ids[2]));
    eventually("it waits", || async {
        let state = server.state(&ids[2]).await.ok()?;
        let said = state["detail"].as_str()?;
        said.contains("place 1 in line").then_some(())
    })
    .await;
    server.stop_repl(&ids[0]).await.unwrap();
    assert_eq!(third.await.unwrap(), 200);
}

#[tokio::test]
async fn who_chooses_a_smaller_size_in_line_starts_with_that_once_there_is_room_for_it() {
    let options = options()
        .arg("--memory", "2GiB")
        .arg("--total-memory", "2600MiB");
    let server = Server::start(options).await.unwrap();
    let first = server.create("blank").await.unwrap();
    let second = server.create("blank").await.unwrap();
    let _page = server.session(&first).await.unwrap();
    let (http, path) = (server.http(), format!("/api/repls/{second}/start"));
    let start = tokio::spawn(async move { http.post(&path, json!({})).await.unwrap().status });
    eventually("it waits", || async {
        let state = server.state(&second).await.ok()?;
        let said = state["detail"].as_str()?;
        said.contains("place 1 in line").then_some(())
    })
    .await;
    let chosen = set(&server, &second, json!({ "size": "small" })).await;
    assert_eq!(chosen.0, 200, "{}", chosen.1);
    assert_eq!(start.await.unwrap(), 200);
    assert_eq!(server.state(&first).await.unwrap()["phase"], "running");
    let record = format!("sandboxes/sandboxes/{second}.json");
    let record = std::fs::read(server.data_dir.join(record)).unwrap();
    let record: Value = serde_json::from_slice(&record).unwrap();
    assert_eq!(record["limits"]["memory"], 512 << 20);
}

#[test]
fn a_server_with_sizes_that_make_no_sense_does_not_start() {
    let data = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (
            ["--max-size", "huge"],
            "there is no such size, but small, standard",
        ),
        (["--sizes", "standard:memory=1GiB"], "--memory"),
        (["--sizes", "large:memory=1MiB"], "64MiB"),
    ] {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_alcove"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(data.path().join("data"))
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{arguments:?}");
        assert!(said.contains(words), "{arguments:?}: {said}");
        assert!(!data.path().join("data").exists());
    }
}
