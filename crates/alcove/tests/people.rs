//! Who may use a server: let in and sent away by the operator, each with what their role lets their repls be.

mod common;

use std::process::Command;

use alcove_testkit::{Http, Server, Session, eventually};
use common::options;
use hyper::Method;
use serde_json::{Value, json};

/// One whose operator can be heard.
async fn server(roles: &str) -> Server {
    let options = match roles {
        "" => options(),
        roles => options().arg("--roles", roles),
    };
    let server = Server::start(options).await.unwrap();
    let socket = server.data_dir.join("operator.sock");
    eventually("its socket is there", || async {
        socket.exists().then_some(())
    })
    .await;
    server
}

/// What `alcove user` says; `Err`: it failed.
fn user(server: &Server, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_alcove"))
        .arg("user")
        .args(arguments)
        .arg("--data-dir")
        .arg(&server.data_dir)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

/// The key in an address that was printed.
fn key(said: &str) -> String {
    let (_, key) = said.split_once("/sign-in?token=").unwrap();
    key.trim().to_owned()
}

/// A client of the API with a key.
fn client(server: &Server, key: &str) -> Http {
    Http::new(server.address, &server.address.to_string()).bearer(key)
}

/// The page of a browser in which somebody has opened their address.
async fn signed_in(server: &Server, key: &str) -> Http {
    let page = Http::new(server.address, &server.host());
    let opened = page.get(&format!("/sign-in?token={key}")).await.unwrap();
    let led_to = (opened.status, opened.header("location"));
    assert_eq!(led_to, (303, Some("/")));
    let cookie = opened.header("set-cookie").unwrap();
    server.page(cookie.split(';').next().unwrap())
}

async fn create(http: &Http) -> String {
    let body = json!({ "template": "blank" });
    let made = http.post("/api/repls", body).await.unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn start(http: &Http, id: &str) -> (u16, String) {
    let path = format!("/api/repls/{id}/start");
    let started = http.post(&path, json!({})).await.unwrap();
    (started.status, started.text())
}

async fn set(http: &Http, id: &str, settings: Value) -> (u16, String) {
    let body = json!({ "settings": settings });
    let path = format!("/api/repls/{id}");
    let answer = http.json(Method::PATCH, &path, body).await.unwrap();
    (answer.status, answer.text())
}

#[tokio::test]
async fn who_is_let_in_has_repls_of_their_own_until_they_are_sent_away() {
    let mut server = server("").await;
    let eves = key(&user(&server, &["add", "Eve"]).unwrap());
    let browser = signed_in(&server, &eves).await;
    let me = browser.get("/api/me").await.unwrap().json();
    assert_eq!(
        (&me["name"], &me["role"], &me["is_operator"]),
        (&json!("Eve"), &json!("member"), &json!(false))
    );
    let id = create(&browser).await;
    let others = server.create("blank").await.unwrap();
    let theirs = format!("/api/repls/{others}");
    assert_eq!(browser.get(&theirs).await.unwrap().status, 404);
    assert!(
        Session::connect(server.address, &eves, &others)
            .await
            .is_err()
    );
    assert!(server.session(&id).await.is_err());
    let list = user(&server, &["list"]).unwrap();
    let line: Vec<&str> = list.lines().last().unwrap().split_whitespace().collect();
    assert_eq!(line[..4], ["Eve", "member", "1", "0"]);

    let mut session = Session::connect(server.address, &eves, &id).await.unwrap();
    session.command("echo precious > file").await.unwrap();
    user(&server, &["remove", "eve"]).unwrap();
    session.closed().await.unwrap();
    assert_eq!(browser.get("/api/me").await.unwrap().status, 401);
    let denied = client(&server, &eves).get("/api/me").await.unwrap();
    assert_eq!(denied.status, 401);
    let page = Http::new(server.address, &server.host());
    let wrong = page.get(&format!("/sign-in?token={eves}")).await.unwrap();
    assert_eq!(wrong.header("location"), Some("/sign-in?wrong"));
    let host = server.http().get("/api/host").await.unwrap().json();
    assert_eq!(host["repls"], json!([]));
    let path = format!("/api/people/{}", me["id"].as_str().unwrap());
    let http = server.http();
    let twice = http.json(Method::DELETE, &path, json!({})).await;
    assert_eq!(twice.unwrap().status, 204);

    server.end(libc::SIGTERM).await.unwrap();
    let server = server.again().await.unwrap();
    let again = client(&server, &eves).get("/api/me").await.unwrap();
    assert_eq!(again.status, 401);
    // What was theirs is theirs again.
    let body = json!({ "name": "Eve" });
    let let_in = server.http().post("/api/people", body).await.unwrap();
    assert_eq!(let_in.status, 201, "{}", let_in.text());
    assert_eq!(let_in.json()["repls"], json!(1));
    let new = let_in.json()["key"].as_str().unwrap().to_owned();
    let mut session = Session::connect(server.address, &new, &id).await.unwrap();
    assert_eq!(session.command("cat file").await.unwrap().0, "precious\n");
}

#[tokio::test]
async fn another_key_ends_all_that_was_opened_with_the_one_before() {
    let server = server("").await;
    let first = key(&user(&server, &["add", "Eve"]).unwrap());
    let id = create(&client(&server, &first)).await;
    let mut session = Session::connect(server.address, &first, &id).await.unwrap();
    let preview = server
        .preview_cookie_of(&client(&server, &first), &id, 3000)
        .await
        .unwrap();
    let visit = || async {
        let host = server.preview_host(3000, &id);
        let visitor = Http::new(server.address, &host).header("cookie", &preview);
        visitor.get("/").await.unwrap().status
    };
    assert_ne!(visit().await, 401);
    let browser = signed_in(&server, &first).await;
    assert_eq!(browser.get("/api/me").await.unwrap().status, 200);
    let second = key(&user(&server, &["key", "Eve"]).unwrap());
    session.closed().await.unwrap();
    assert_eq!(visit().await, 401);
    assert_eq!(browser.get("/api/me").await.unwrap().status, 401);
    let status = async |key| client(&server, key).get("/api/me").await.unwrap().status;
    assert_eq!((status(&first).await, status(&second).await), (401, 200));
    assert!(Session::connect(server.address, &second, &id).await.is_ok());
}

#[tokio::test]
async fn a_role_says_what_the_repls_of_its_people_may_be() {
    let roles =
        "student:max-size=small,user-running=1,user-files=30,network=none,keep-alive-allowed=false";
    let mut server = server(roles).await;
    let said = user(&server, &["add", "Eve", "--role", "student"]).unwrap();
    let eves = key(&said);
    let eve = client(&server, &eves);
    let me = eve.get("/api/me").await.unwrap().json();
    assert_eq!(me["repl_sizes"].as_array().unwrap().len(), 1);
    assert_eq!(me["repl_networks"], json!(["none"]));
    assert_eq!(me["usage"]["max_files"], json!(30));
    let [first, second] = [create(&eve).await, create(&eve).await];
    for refused in [
        json!({ "size": "standard" }),
        json!({ "network": "internet" }),
        json!({ "keep_alive": true }),
    ] {
        let (status, said) = set(&eve, &first, refused.clone()).await;
        assert_eq!(status, 400, "{refused}: {said}");
    }

    assert_eq!(start(&eve, &first).await.0, 200);
    let path = format!("/api/repls/{first}");
    eventually("it is held to a small one's memory", || async {
        let state = eve.get(&path).await.ok()?.json()["state"].clone();
        (state["resources"]["max_memory"] == 512 << 20 && state["network"] == "none").then_some(())
    })
    .await;
    let (status, said) = start(&eve, &second).await;
    assert_eq!(status, 503);
    assert!(
        said.contains("you may have one at once") && said.contains("dashboard"),
        "{said}"
    );
    let refused = create(&eve).await;
    assert_eq!(start(&eve, &refused).await.0, 503);
    // Of others' there may be more.
    let [third, fourth] = [(); 2].map(|()| server.create("blank"));
    let (third, fourth) = (third.await.unwrap(), fourth.await.unwrap());
    for id in [&third, &fourth] {
        assert_eq!(start(&server.http(), id).await.0, 200);
        assert_eq!(
            set(&server.http(), id, json!({ "keep_alive": true }))
                .await
                .0,
            200
        );
    }
    let stop = format!("/api/repls/{first}/stop");
    assert_eq!(eve.post(&stop, json!({})).await.unwrap().status, 200);
    assert_eq!(start(&eve, &second).await.0, 200);

    // Another role holds from the next start on, and for what may be chosen at once.
    user(&server, &["role", "Eve", "member"]).unwrap();
    let standard = json!({ "size": "standard", "keep_alive": true });
    assert_eq!(set(&eve, &second, standard).await.0, 200);
    assert_eq!(start(&eve, &first).await.0, 200);
    let host = server.http().get("/api/host").await.unwrap().json();
    let mut running: Vec<_> = host["repls"].as_array().unwrap().iter().collect();
    running.sort_by_key(|repl| repl["owner"].to_string());
    let owners: Vec<_> = running.iter().map(|repl| &repl["owner"]).collect();
    assert_eq!(owners, ["Eve", "Eve", "operator", "operator"]);
    assert_eq!(host["room"]["running"], json!(4));
    // That it was not started was no failure of its own.
    server.end(libc::SIGINT).await.unwrap();
    let server = server.again().await.unwrap();
    let eve = client(&server, &eves);
    let repl = eve.get(&format!("/api/repls/{refused}")).await.unwrap();
    let state = repl.json()["state"].clone();
    assert_eq!(
        (&state["phase"], &state["detail"]),
        (&json!("stopped"), &json!(null))
    );
}

#[tokio::test]
async fn what_is_the_operators_is_nobody_elses() {
    let server = server("").await;
    let eve = client(&server, &key(&user(&server, &["add", "Eve"]).unwrap()));
    let id = create(&eve).await;
    let all = [
        (Method::GET, "/api/host".to_owned(), json!({})),
        (Method::GET, "/api/host/checks".into(), json!({})),
        (Method::GET, "/metrics".into(), json!({})),
        (
            Method::POST,
            format!("/api/host/repls/{id}/stop"),
            json!({}),
        ),
        (Method::GET, "/api/people".into(), json!({})),
        (Method::POST, "/api/people".into(), json!({ "name": "Bob" })),
        (
            Method::PATCH,
            "/api/people/local".into(),
            json!({ "role": "member" }),
        ),
        (Method::POST, "/api/people/local/key".into(), json!({})),
        (Method::DELETE, "/api/people/local".into(), json!({})),
    ];
    for (method, path, body) in all {
        let answer = eve.json(method.clone(), &path, body).await.unwrap();
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.text());
    }
    // The operator may, but for what would shut out the last one.
    assert_eq!(start(&eve, &id).await.0, 200);
    let stop = format!("/api/host/repls/{id}/stop");
    let reason = json!({ "reason": "new disks at noon" });
    assert_eq!(server.http().post(&stop, reason).await.unwrap().status, 204);
    let state = eve.get(&format!("/api/repls/{id}")).await.unwrap().json()["state"].clone();
    assert_eq!(
        state["detail"],
        json!("Stopped by the operator: new disks at noon.")
    );
    for (method, path) in [
        (Method::DELETE, "/api/people/local"),
        (Method::POST, "/api/people/local/key"),
    ] {
        let answer = server.http().json(method, path, json!({})).await.unwrap();
        assert_eq!(answer.status, 409, "{path}: {}", answer.text());
    }
    let http = server.http();
    let missing = http.json(Method::DELETE, "/api/people/nobody", json!({}));
    assert_eq!(missing.await.unwrap().status, 404);
    // What Eve may not see she may not stop either; another operator may do all.
    user(&server, &["role", "Eve", "operator"]).unwrap();
    let people = eve.get("/api/people").await.unwrap();
    assert_eq!(people.json()["people"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn nobody_is_led_into_somebody_elses_repls_without_being_asked() {
    let server = server("").await;
    let address = user(&server, &["add", "Eve"]).unwrap();
    let path = format!("/sign-in?token={}", key(&address));
    let page = Http::new(server.address, &server.host());
    let elsewhere = page.clone().header("sec-fetch-site", "cross-site");
    let operator = page
        .clone()
        .header("cookie", &server.sign_in().await.unwrap());
    for browser in [elsewhere, operator] {
        let asked = browser.get(&path).await.unwrap();
        assert_eq!((asked.status, asked.header("set-cookie")), (200, None));
    }
    let typed = page
        .header("sec-fetch-site", "none")
        .get(&path)
        .await
        .unwrap();
    assert!(typed.header("set-cookie").is_some());
}

#[tokio::test]
async fn who_is_let_in_again_has_the_role_that_was_given_then() {
    let server = server("student:max-size=small,network=none").await;
    let said = user(&server, &["add", "Eve"]).unwrap();
    let eve = client(&server, &key(&said));
    let id = create(&eve).await;
    assert_eq!(start(&eve, &id).await.0, 200);
    user(&server, &["remove", "Eve"]).unwrap();
    let said = user(&server, &["add", "Eve", "--role", "student"]).unwrap();
    assert!(said.contains("One repl is theirs"), "{said}");
    let eve = client(&server, &key(&said));
    assert_eq!(start(&eve, &id).await.0, 200);
    let path = format!("/api/repls/{id}");
    eventually("it is held to a small one's memory", || async {
        let state = eve.get(&path).await.ok()?.json()["state"].clone();
        (state["resources"]["max_memory"] == 512 << 20).then_some(())
    })
    .await;
}

/// Behind the server's back, as by one that ended in the midst of it.
fn sent_away(server: &Server, name: &str) {
    let script = "import sqlite3, sys\nd = sqlite3.connect(sys.argv[1])\n\
        d.execute('update users set left_ms = 1, key_hash = null where name = ?', (sys.argv[2],))\nd.commit()";
    let done = Command::new("python3")
        .args(["-c", script])
        .arg(server.data_dir.join("alcove.db"))
        .arg(name)
        .status();
    assert!(done.unwrap().success());
}

#[tokio::test]
async fn what_ran_of_somebody_who_was_sent_away_does_not_go_on_with_the_next_server() {
    let mut server = server("").await;
    let eves = key(&user(&server, &["add", "Eve"]).unwrap());
    let eve = client(&server, &eves);
    let id = create(&eve).await;
    let kept = json!({ "keep_alive": true });
    assert_eq!(set(&eve, &id, kept.clone()).await.0, 200);
    let mut session = Session::connect(server.address, &eves, &id).await.unwrap();
    session.command("echo precious > file").await.unwrap();
    let others = server.create("blank").await.unwrap();
    assert_eq!(set(&server.http(), &others, kept).await.0, 200);
    assert_eq!(start(&server.http(), &others).await.0, 200);
    server.end(libc::SIGKILL).await.unwrap();
    sent_away(&server, "Eve");
    let server = server.again().await.unwrap();
    server.until(&others, "running").await;
    eventually("it is saved, and runs no more", || async {
        let host = server.http().get("/api/host").await.ok()?.json();
        let repls = host["repls"].as_array()?;
        repls
            .iter()
            .all(|repl| repl["id"] == others.as_str())
            .then_some(())
    })
    .await;
    let body = json!({ "name": "Eve" });
    let again = server.http().post("/api/people", body).await.unwrap();
    let new = again.json()["key"].as_str().unwrap().to_owned();
    let eve = client(&server, &new);
    let repl = eve.get(&format!("/api/repls/{id}")).await.unwrap().json();
    assert_eq!(
        repl["state"]["detail"],
        json!(null),
        "it was not asked to start"
    );
    let mut session = Session::connect(server.address, &new, &id).await.unwrap();
    assert_eq!(session.command("cat file").await.unwrap().0, "precious\n");
}

#[tokio::test]
async fn a_request_that_ends_after_its_role_has_gone_does_nothing() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = server("").await;
    let eves = key(&user(&server, &["add", "Eve", "--role", "operator"]).unwrap());
    let body = r#"{"name":"Mallory","role":"operator"}"#;
    let mut stream = tokio::net::TcpStream::connect(server.address)
        .await
        .unwrap();
    let head = format!(
        "POST /api/people HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {eves}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nexpect: 100-continue\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // It is asked for once the head has been looked at.
    let mut said = [0; 12];
    stream.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"HTTP/1.1 100");
    user(&server, &["role", "Eve", "member"]).unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).await.unwrap();
    assert!(said.contains("403 Forbidden"), "{said}");
    let people = user(&server, &["list"]).unwrap();
    assert!(!people.contains("Mallory"), "{people}");
}

#[tokio::test]
async fn the_operator_sees_what_keeps_repls_apart() {
    let server = server("").await;
    let checks = server.http().get("/api/host/checks").await.unwrap().json();
    let named = |name: &str| {
        let mut checks = checks.as_array().unwrap().iter();
        let check = checks.find(|check| check["name"] == name);
        check
            .unwrap_or_else(|| panic!("{name} in {checks:?}"))
            .clone()
    };
    for name in [
        "user",
        "namespaces",
        "control groups",
        "Landlock",
        "disk limit",
    ] {
        assert!(named(name)["detail"].is_string());
    }
    assert_eq!(named("trial sandbox")["state"], json!("ok"));
    // With one person, a page of a preview has nobody else's cookies to set.
    assert_eq!(named("previews")["state"], json!("ok"));
    user(&server, &["add", "Eve"]).unwrap();
    let checks = server.http().get("/api/host/checks").await.unwrap().json();
    let previews = checks.as_array().unwrap().last().unwrap().clone();
    assert_eq!(previews["state"], json!("warn"));
    assert!(
        previews["remedy"]
            .as_str()
            .unwrap()
            .contains("--preview-domain")
    );
}

#[tokio::test]
async fn what_can_not_be_done_is_said_in_words() {
    let server = server("student:user-running=1").await;
    for (arguments, words) in [
        (&["add", ""][..], "1 to 60 characters"),
        (&["add", "You"], "There is somebody of the name You"),
        (
            &["add", "Operator"],
            "There is somebody of the name Operator",
        ),
        (
            &["add", "Eve", "--role", "king"],
            "member, operator, student",
        ),
        (
            &["role", "Bob", "member"],
            "there is nobody of the name Bob",
        ),
        (&["role", "Operator", "member"], "that can't be changed"),
        (&["key", "operator"], "that can't be changed"),
        (&["remove", "operator"], "that can't be changed"),
    ] {
        let said = user(&server, arguments).unwrap_err();
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let nothing = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_alcove"))
        .args(["user", "list", "--data-dir"])
        .arg(nothing.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("no server works on"), "{said}");
}

#[test]
fn a_server_with_roles_that_make_no_sense_does_not_start() {
    let data = tempfile::tempdir().unwrap();
    for (role, words) in [
        ("student:max-size=huge", "the role `student`: max-size huge"),
        ("student:network=internet", "--network says"),
        ("student:user-running=0", "from 1 to 5000"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_alcove"))
            .args([
                "serve",
                "--listen",
                "127.0.0.1:0",
                "--network",
                "none",
                "--data-dir",
            ])
            .arg(data.path().join("data"))
            .args(["--roles", role])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{role}");
        assert!(said.contains(words), "{role}: {said}");
        assert!(!data.path().join("data").exists());
    }
}
