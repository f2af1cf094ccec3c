//! Who may do what, and what bad input gets.

mod common;

use std::process::Command;

use alcove_testkit::{Http, Options, Server};
use common::{give_to_eve, options, server};
use hyper::Method;
use serde_json::json;

#[tokio::test]
async fn every_address_of_the_api_asks_who_it_is() {
    let server = server().await;
    let document = server.http().get("/api/openapi.json").await.unwrap().json();
    let open = ["/healthz", "/readyz", "/api/sign-in"];
    let mut tried = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods
            .as_object()
            .unwrap()
            .keys()
            .filter(|m| *m != "parameters")
        {
            if open.contains(&path.as_str()) {
                continue;
            }
            let path = path
                .replace("{id}", "abcdefghijkl")
                .replace("{port}", "3000")
                .replace("{state}", "1")
                .replace("{upload}", "u1")
                .replace("{*path}", "a.txt");
            let method: Method = method.to_uppercase().parse().unwrap();
            for client in [
                Http::new(server.address, "localhost"),
                Http::new(server.address, "localhost").bearer("wrong"),
            ] {
                let answer = client
                    .json(
                        method.clone(),
                        &path,
                        json!({ "port": 3000, "template": "node" }),
                    )
                    .await
                    .unwrap();
                assert_eq!(answer.status, 401, "{method} {path}: {}", answer.text());
                assert_eq!(answer.json()["error"]["code"], "signed_out");
            }
            tried += 1;
        }
    }
    assert!(tried >= 15, "{tried}");
    let session = Http::new(server.address, "localhost")
        .header("upgrade", "websocket")
        .header("connection", "upgrade");
    assert_eq!(
        session
            .get("/api/repls/abcdefghijkl/session")
            .await
            .unwrap()
            .status,
        401
    );
}

#[tokio::test]
async fn a_repl_of_someone_else_does_not_exist() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    give_to_eve(&server, &id);
    for id in [
        id.as_str(),
        "zzzzzzzzzzzz",
        "..",
        "ABCDEFGHIJKL",
        "%00",
        &"x".repeat(5000),
    ] {
        let path = format!("/api/repls/{id}");
        let all = [
            (Method::GET, path.clone()),
            (Method::PATCH, path.clone()),
            (Method::DELETE, path.clone()),
            (Method::POST, format!("{path}/duplicate")),
            (Method::POST, format!("{path}/restore")),
            (Method::DELETE, format!("/api/bin/{id}")),
            (Method::POST, format!("{path}/start")),
            (Method::POST, format!("{path}/stop")),
            (Method::POST, format!("{path}/save")),
            (Method::POST, format!("{path}/preview")),
            (Method::GET, format!("{path}/preview/3000")),
            (Method::GET, format!("{path}/events")),
            (Method::GET, format!("{path}/files/main.sh")),
            (Method::PUT, format!("{path}/files/main.sh")),
            (Method::GET, format!("{path}/download")),
            (Method::GET, format!("{path}/saved")),
            (Method::GET, format!("{path}/history")),
            (Method::POST, format!("{path}/history")),
            (Method::GET, format!("{path}/history/1/changes")),
            (Method::PUT, format!("{path}/history/1/name")),
            (Method::DELETE, format!("{path}/history/1/name")),
            (Method::POST, format!("{path}/history/1/restore")),
            (Method::GET, format!("{path}/history/latest/folder")),
            (Method::GET, format!("{path}/history/1/files/main.sh")),
            (Method::PUT, format!("{path}/history/latest/files/main.sh")),
            (Method::GET, format!("{path}/history/1/download")),
            (Method::PUT, format!("{path}/uploads/u1?path=main.sh")),
            (Method::DELETE, format!("{path}/uploads/u1")),
        ];
        for (method, path) in all {
            let body = if path.ends_with("preview") {
                json!({ "port": 3000 })
            } else if path.contains("/history/1/restore") {
                json!({})
            } else {
                json!({ "name": "mine now" })
            };
            let answer = server
                .http()
                .json(method.clone(), &path, body)
                .await
                .unwrap();
            assert_eq!(answer.status, 404, "{method} {path}: {}", answer.text());
        }
        assert!(server.session(id).await.is_err());
    }
    assert_eq!(
        server.http().get("/api/repls").await.unwrap().json(),
        json!([])
    );
}

#[tokio::test]
async fn what_another_origin_sends_with_our_cookie_is_refused() {
    let server = server().await;
    let cookie = server.sign_in().await.unwrap();
    let id = server.create("blank").await.unwrap();
    let client = Http::new(server.address, &server.host()).header("cookie", &cookie);
    assert_eq!(client.get("/api/me").await.unwrap().status, 200);
    let own = format!("http://{}", server.host());
    let preview = format!("http://{}", server.preview_host(3000, &id));
    for origin in [
        Some("https://evil.example"),
        Some(preview.as_str()),
        Some("null"),
        None,
    ] {
        let client = origin.map_or(client.clone(), |o| client.clone().header("origin", o));
        for (method, path) in [
            (Method::POST, format!("/api/repls/{id}/start")),
            (Method::DELETE, format!("/api/repls/{id}")),
            (Method::POST, "/api/repls".into()),
            (Method::POST, "/api/sign-out".into()),
        ] {
            let answer = client
                .json(method.clone(), &path, json!({ "template": "blank" }))
                .await
                .unwrap();
            assert_eq!(answer.status, 403, "{method} {path} from {origin:?}");
        }
        let socket = client
            .clone()
            .header("upgrade", "websocket")
            .header("connection", "upgrade");
        assert_eq!(
            socket
                .get(&format!("/api/repls/{id}/session"))
                .await
                .unwrap()
                .status,
            403,
            "{origin:?}"
        );
    }
    let same = client.clone().header("origin", &own);
    assert_eq!(
        same.json(Method::POST, "/api/repls", json!({ "template": "blank" }))
            .await
            .unwrap()
            .status,
        201
    );
    let sly = client
        .header("origin", &own)
        .header("sec-fetch-site", "same-site");
    assert_eq!(
        sly.json(Method::POST, "/api/repls", json!({ "template": "blank" }))
            .await
            .unwrap()
            .status,
        403
    );
}

#[tokio::test]
async fn a_forged_or_foreign_cookie_is_none() {
    let server = server().await;
    let cookie = server.sign_in().await.unwrap();
    let (name, value) = cookie.split_once('=').unwrap();
    let id = server.create("blank").await.unwrap();
    let preview = server.preview_cookie(&id, 3000).await.unwrap();
    let preview_value = preview.split_once('=').unwrap().1;
    let host = server.host();
    let other = if value.starts_with('_') { "-" } else { "_" };
    for bad in [
        format!("{name}=local.99999999999999.x"),
        format!("{name}={other}{}", &value[1..]),
        format!("{name}={preview_value}"),
    ] {
        let answer = Http::new(server.address, &host)
            .header("cookie", &bad)
            .get("/api/me")
            .await
            .unwrap();
        assert_eq!(answer.status, 401, "{bad}");
    }
    // Ours, at another name of the same server.
    assert_eq!(
        Http::new(server.address, "localhost")
            .header("cookie", &cookie)
            .get("/api/me")
            .await
            .unwrap()
            .status,
        401
    );
    // A preview's script may set cookies for the whole site: they don't get in the way.
    let many = format!("{name}=junk; {name}=more; {cookie}");
    assert_eq!(
        Http::new(server.address, &host)
            .header("cookie", &many)
            .get("/api/me")
            .await
            .unwrap()
            .status,
        200
    );
}

#[tokio::test]
async fn bad_requests_get_a_clear_answer() {
    let server = server().await;
    let http = server.http();
    let create = |body| http.post("/api/repls", body);
    for (body, status, says) in [
        (json!({ "template": "nonsense" }), 400, "nonsense"),
        (json!({ "template": "../../etc" }), 400, "no template"),
        (json!({ "template": 7 }), 400, "template"),
        (json!({ "template": "blank", "extra": 1 }), 400, "extra"),
        (
            json!({ "template": "blank", "name": "x".repeat(101) }),
            400,
            "100 characters",
        ),
        (
            json!({ "template": "blank", "name": "x".repeat(5000) }),
            400,
            "100 characters",
        ),
        (
            json!({ "template": "blank", "name": "a\u{0}b" }),
            400,
            "control",
        ),
        (
            json!({ "template": "blank", "name": "x".repeat(70_000) }),
            413,
            "bytes",
        ),
    ] {
        let answer = create(body).await.unwrap();
        let message = answer.json()["error"]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        assert!(
            answer.status == status && message.contains(says),
            "{} {message}",
            answer.status
        );
    }
    let answer = http
        .clone()
        .header("content-type", "application/json")
        .send(Method::POST, "/api/repls", "{".into())
        .await
        .unwrap();
    assert_eq!(answer.status, 400);
    assert_eq!(http.get("/api/nothing").await.unwrap().status, 404);
    let id = server.create("blank").await.unwrap();
    for (body, status) in [
        (json!({ "port": 0 }), 400),
        (json!({ "port": 70000 }), 400),
        (json!({ "port": 3000, "path": "//evil.example" }), 400),
        (json!({ "port": 3000, "path": "/ok" }), 200),
    ] {
        assert_eq!(
            http.post(&format!("/api/repls/{id}/preview"), body)
                .await
                .unwrap()
                .status,
            status
        );
    }
    let renamed = http
        .json(
            Method::PATCH,
            &format!("/api/repls/{id}"),
            json!({ "name": "  new name " }),
        )
        .await
        .unwrap();
    assert_eq!(renamed.json()["name"], "new name");
    assert_eq!(
        http.send(
            Method::DELETE,
            &format!("/api/repls/{id}"),
            bytes::Bytes::new()
        )
        .await
        .unwrap()
        .status,
        204
    );
    assert_eq!(
        http.get(&format!("/api/repls/{id}")).await.unwrap().status,
        404
    );
}

#[tokio::test]
async fn names_that_are_not_ours_lead_nowhere() {
    let server = server().await;
    let at = |host: &str| Http::new(server.address, host).bearer(&server.token);
    assert_eq!(at("evil.example").get("/api/me").await.unwrap().status, 421);
    assert_eq!(at("").get("/api/me").await.unwrap().status, 421);
    for nonsense in [
        "x--abcdefghijkl",
        "0--abcdefghijkl",
        "3000--ABC..",
        "3000--abcdefghijkl--x",
        &"a".repeat(300),
    ] {
        assert_eq!(
            at(&format!("{nonsense}.alcove.localhost"))
                .get("/")
                .await
                .unwrap()
                .status,
            404,
            "{nonsense}"
        );
    }
    // Probes come by address.
    assert_eq!(
        at("10.1.2.3:8080").get("/healthz").await.unwrap().status,
        200
    );
    assert_eq!(
        at("10.1.2.3:8080").get("/readyz").await.unwrap().status,
        200
    );
    // A browser on another loopback name is led to the proper one, with its port.
    let browser = Http::new(server.address, "localhost:9999").header("accept", "text/html");
    let answer = browser.get("/r/abc?x=1").await.unwrap();
    assert_eq!(
        (answer.status, answer.header("location")),
        (307, Some("http://alcove.localhost:9999/r/abc?x=1"))
    );
}

#[tokio::test]
async fn figures_are_for_those_who_are_signed_in() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    drop(server.session(&id).await.unwrap());
    let text = server.http().get("/metrics").await.unwrap().text();
    for name in [
        "alcove_step_seconds_bucket",
        "alcove_phase_changes_total{phase=\"running\"} 1",
        "alcove_sessions",
        "alcove_store_requests{kind=\"put\"}",
    ] {
        assert!(text.contains(name), "{name} is missing in\n{text}");
    }
}

/// Runs the program, which is to refuse; what it says.
fn refused(options: &Options, arguments: &[&str]) -> String {
    let output = Command::new(&options.alcove)
        .args(arguments)
        .env_remove("ALCOVE_TOKEN")
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// As root, on a machine with control groups, loop devices and Landlock.
#[tokio::test]
async fn a_server_that_must_isolate_says_what_is_missing_and_does_not_start() {
    let strict = options().arg("--require-isolation", "strict");
    let said = |more: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let mut arguments = vec!["serve", "--listen", "127.0.0.1:0", "--data-dir"];
        arguments.push(data.to_str().unwrap());
        arguments.extend(strict.arguments.iter().map(String::as_str));
        arguments.extend(more);
        let words = refused(&strict, &arguments);
        let router = data.join("sandboxes/router.json");
        assert!(!router.exists(), "the network of repls is left");
        words
    };
    let unlimited = said(&["--disk", "0"]);
    assert!(
        unlimited.contains("this machine lacks\n- a limit of the disk")
            && unlimited.contains("--disk"),
        "{unlimited}"
    );
    let process = said(&["--spawner", "process"]);
    assert!(process.contains("isolates nothing"), "{process}");
    let server = Server::start(strict).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    assert!(
        page.command("echo isolated")
            .await
            .unwrap()
            .0
            .contains("isolated")
    );
}

#[tokio::test]
async fn what_stands_in_the_way_of_a_start_is_said_plainly() {
    let server = server().await;
    let listen = server.address.to_string();
    let data = server.data_dir.to_str().unwrap();
    let said = refused(
        &options(),
        &[
            "serve",
            "--listen",
            &listen,
            "--data-dir",
            "/nonexistent/never-made",
        ],
    );
    assert!(
        said.contains("is in use") && said.contains("--listen"),
        "{said}"
    );
    let said = refused(
        &options(),
        &["serve", "--listen", "127.0.0.1:0", "--data-dir", data],
    );
    assert!(
        said.contains("another server works on the data folder") && said.contains("--data-dir"),
        "{said}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alcove.toml");
    std::fs::write(&file, "listn = '127.0.0.1:1'").unwrap();
    let said = refused(&options(), &["serve", "--config", file.to_str().unwrap()]);
    assert!(said.contains("listn"), "{said}");
    let said = refused(
        &options(),
        &[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--store",
            "s3://bucket",
            "--data-dir",
            folder.path().to_str().unwrap(),
        ],
    );
    assert!(said.contains("s3"), "{said}");
    let said = refused(&options(), &["runner"]);
    assert!(said.contains("alcove serve"), "{said}");
}

#[tokio::test]
async fn a_store_without_what_the_database_knows_is_not_begun_anew() {
    let mut server = server().await;
    server.create("blank").await.unwrap();
    assert_eq!(server.end(libc::SIGINT).await.unwrap(), Some(0));
    let path = |name: &str| server.data_dir.join(name);
    // Its file system is not mounted, say.
    std::fs::rename(path("store"), path("away")).unwrap();
    let data = server.data_dir.to_str().unwrap();
    let serve = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data];
    let said = refused(&options(), &serve);
    assert!(
        said.contains("has no repls in it") && said.contains("mounted"),
        "{said}"
    );
    let left = std::fs::read_dir(path("store")).unwrap().count();
    assert_eq!(left, 0, "nothing is begun there");
    std::fs::remove_dir(path("store")).unwrap();
    std::fs::rename(path("away"), path("store")).unwrap();
    server.again().await.unwrap().stop().await.unwrap();
}

#[tokio::test]
async fn a_broken_template_is_named_and_harms_no_other() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("broken", "titel = 'x'"),
        ("fine", "title = 'Fine'\ndescription = 'x'"),
        ("none", ""),
    ] {
        std::fs::create_dir(folder.path().join(name)).unwrap();
        if name != "none" {
            std::fs::write(folder.path().join(name).join("alcove.toml"), text).unwrap();
        }
    }
    let server = Server::start(options().arg("--templates", folder.path().to_str().unwrap()))
        .await
        .unwrap();
    let list = server.http().get("/api/templates").await.unwrap().json();
    let broken = list
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["name"] == "broken")
        .unwrap();
    assert!(
        broken["setup"]["message"]
            .as_str()
            .unwrap()
            .contains("titel"),
        "{broken}"
    );
    let answer = server
        .http()
        .post("/api/repls", json!({ "template": "broken" }))
        .await
        .unwrap();
    assert!(
        answer.status == 409 && answer.text().contains("titel"),
        "{}",
        answer.text()
    );
    let answer = server
        .http()
        .post("/api/repls", json!({ "template": "none" }))
        .await
        .unwrap();
    assert!(
        answer.status == 409 && answer.text().contains("alcove.toml is missing"),
        "{}",
        answer.text()
    );
    server.create("fine").await.unwrap();
    server.create("node").await.unwrap();
}
