//! What a repl's programs may reach is what its settings say, from its start until it stops; never more than the
//! operator says.

mod common;

use alcove_testkit::{Server, Session};
use common::options;
use serde_json::{Value, json};

/// Says which links there are, whether there is a way to a public address, and whether a name can be looked up.
/// Nothing is sent but for that.
const LOOK: &str = r#"
import socket
print(*sorted(name for _, name in socket.if_nameindex()))
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("198.51.100.7", 9))
    print("a way out")
except OSError as error:
    print(error)
    try:
        print(socket.getaddrinfo("alcove.example", 443))
    except socket.gaierror as error:
        print("no names")
"#;

async fn get(server: &Server, path: &str) -> Value {
    server.http().get(path).await.unwrap().json()
}

/// Chooses a network; status and text of the answer.
async fn choose(server: &Server, id: &str, network: &str) -> (u16, String) {
    let path = format!("/api/repls/{id}");
    let change = json!({ "settings": { "network": network } });
    let http = server.http();
    let answer = http.json(hyper::Method::PATCH, &path, change).await;
    let answer = answer.unwrap();
    (answer.status, answer.text())
}

async fn look(page: &mut Session) -> String {
    page.write_file("look.py", LOOK.as_bytes()).await.unwrap();
    page.command("python3 look.py").await.unwrap().0
}

/// There is a link besides the loopback, and a way out.
async fn assert_open(server: &Server, id: &str) {
    let mut page = server.session(id).await.unwrap();
    let said = look(&mut page).await;
    assert!(
        said.contains("a way out") && !said.starts_with("lo\n"),
        "{said}"
    );
    assert_eq!(server.state(id).await.unwrap()["network"], "internet");
}

/// There is nothing but a loopback.
async fn assert_shut(server: &Server, id: &str) {
    let mut page = server.session(id).await.unwrap();
    let said = look(&mut page).await;
    let lines: Vec<&str> = said.lines().collect();
    let expected = ["lo", "[Errno 101] Network is unreachable", "no names"];
    assert_eq!(lines, expected);
    assert_eq!(server.state(id).await.unwrap()["network"], "none");
}

#[tokio::test]
async fn a_network_holds_from_the_next_start_on_whoever_serves_it_until_then() {
    let options = options().arg("--network", "internet");
    let mut server = Server::start(options).await.unwrap();
    let me = get(&server, "/api/me").await;
    assert_eq!(
        me["repl_networks"],
        json!(["none", "registries", "internet"])
    );
    let id = server.create("blank").await.unwrap();
    let other = server.create("blank").await.unwrap();
    assert_eq!(server.state(&id).await.unwrap()["network"], Value::Null);
    assert_open(&server, &id).await;
    assert_eq!(choose(&server, &id, "none").await.0, 200);
    assert_open(&server, &id).await;
    server.end(libc::SIGTERM).await.unwrap();
    let server = server.again().await.unwrap();
    server.until(&id, "running").await;
    assert_open(&server, &id).await;

    server.stop_repl(&id).await.unwrap();
    assert_eq!(server.state(&id).await.unwrap()["network"], Value::Null);
    assert_shut(&server, &id).await;
    assert_open(&server, &other).await;
    let copy = format!("/api/repls/{id}/duplicate");
    let copy = server.http().post(&copy, json!({})).await.unwrap().json();
    assert_eq!(copy["settings"], json!({ "network": "none" }));
    assert_shut(&server, copy["id"].as_str().unwrap()).await;

    assert_eq!(choose(&server, &id, "internet").await.0, 200);
    server.stop_repl(&id).await.unwrap();
    assert_open(&server, &id).await;
}

#[tokio::test]
async fn more_than_the_operator_says_is_refused_in_words_and_does_not_hold_where_it_was_chosen_before()
 {
    let data = tempfile::tempdir().unwrap();
    let open = options().arg("--network", "internet");
    let server = Server::start_over(open, data.path()).await.unwrap();
    let id = server.create("blank").await.unwrap();
    assert_eq!(choose(&server, &id, "internet").await.0, 200);
    let (status, text) = choose(&server, &id, "lan").await;
    assert!(status == 400 && text.contains("lan"), "{status}: {text}");
    assert_open(&server, &id).await;
    server.stop_repl(&id).await.unwrap();
    server.stop().await.unwrap();

    let shut = options().arg("--network", "none");
    let server = Server::start_over(shut, data.path()).await.unwrap();
    let me = get(&server, "/api/me").await;
    assert_eq!(me["repl_networks"], json!(["none"]));
    assert_shut(&server, &id).await;
    let (status, text) = choose(&server, &id, "internet").await;
    assert_eq!(status, 400, "{text}");
    assert!(
        text.contains("`network` is none on this server, not internet."),
        "{text}"
    );
    let settings = get(&server, &format!("/api/repls/{id}")).await["settings"].clone();
    assert_eq!(settings, json!({ "network": "internet" }));
    assert_eq!(choose(&server, &id, "none").await.0, 200);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn without_isolation_there_is_nothing_to_choose() {
    let server = Server::start(options().arg("--spawner", "process"))
        .await
        .unwrap();
    assert_eq!(get(&server, "/api/me").await["repl_networks"], json!([]));
    let id = server.create("blank").await.unwrap();
    let (status, text) = choose(&server, &id, "none").await;
    assert!(
        status == 400 && text.contains("nothing holds programs"),
        "{text}"
    );
    let _page = server.session(&id).await.unwrap();
    assert_eq!(server.state(&id).await.unwrap()["network"], Value::Null);
}
