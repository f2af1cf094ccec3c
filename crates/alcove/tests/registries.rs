//! A repl that reaches package registries alone: its package clients find them without being told anything, and
//! nothing else is reached.

mod common;

use alcove_protocol::session::RunnerMessage;
use alcove_testkit::{Options, Server, Session};
use common::options;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn registries() -> Options {
    options().arg("--network", "registries")
}

async fn output(page: &mut Session, command: &str) -> String {
    page.command(command).await.unwrap().0
}

/// Asks for a host by the way that the environment says, as package clients do; says what was answered to that,
/// and to a beginning of TLS that asks for `name`.
const ASK: &str = r#"
import os, socket, ssl, sys
address, _, port = os.environ["HTTPS_PROXY"].removeprefix("http://").rpartition(":")
request, name = sys.argv[1:]
way = socket.create_connection((address, int(port)), 30)
way.sendall(f"{request} HTTP/1.1\r\n\r\n".encode())
said = way.recv(4096).decode()
print(said.split("\r\n")[0])
if " 200 " in said:
    began, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(began, out, server_hostname=name)
    try:
        client.do_handshake()
    except ssl.SSLWantReadError:
        way.sendall(out.read())
    print("then", way.recv(100))
"#;

async fn ask(page: &mut Session, request: &str, name: &str) -> String {
    page.write_file("ask.py", ASK.as_bytes()).await.unwrap();
    output(page, &format!("python3 ask.py '{request}' {name}")).await
}

/// A proxy that says what it was asked for to whoever begins TLS; its address.
async fn proxy() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                stream.read_buf(&mut asked).await.unwrap();
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
            let mut hello = [0; 4096];
            if let Ok(1..) = stream.read(&mut hello).await {
                let line = asked.split(|b| *b == b'\r').next().unwrap_or_default();
                let _ = stream.write_all(line).await;
            }
        }
    });
    address
}

#[tokio::test]
async fn registries_are_reached_by_name_on_their_port_and_nothing_else_is() {
    let proxy = proxy().await;
    let options = registries().env("HTTPS_PROXY", &proxy).env("NO_PROXY", "");
    let server = Server::start(options).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    assert_eq!(server.state(&id).await.unwrap()["network"], "registries");
    let said = ask(&mut page, "CONNECT pypi.org:443", "pypi.org").await;
    assert!(
        said.contains(" 200 ") && said.contains("then b'CONNECT pypi.org:443"),
        "{said}"
    );
    for (request, name, refused) in [
        (
            "CONNECT example.com:443",
            "example.com",
            "403 Not a package registry",
        ),
        (
            "CONNECT 203.0.113.9:443",
            "pypi.org",
            "403 Not a package registry",
        ),
        (
            "CONNECT localhost:443",
            "localhost",
            "403 Not a package registry",
        ),
        (
            "CONNECT pypi.org:80",
            "pypi.org",
            "403 Package registries are reached on port 443",
        ),
        (
            "GET http://pypi.org/",
            "pypi.org",
            "405 Package registries are reached by CONNECT",
        ),
        // An alert of TLS; the proxy would have said what it was asked for.
        (
            "CONNECT pypi.org:443",
            "example.com",
            r"then b'\x15\x03\x03\x00\x02\x02p'",
        ),
    ] {
        let said = ask(&mut page, request, name).await;
        assert!(said.contains(refused), "{request}, {name}: {said}");
    }
    // There is no other way, and the way is no program's port.
    let said = output(&mut page, "grep -c : /proc/net/dev; env | grep -i _proxy=").await;
    assert!(said.starts_with("1\n") && !said.contains(&proxy), "{said}");
    let shell = page.shell().await.unwrap();
    page.input(shell, "python3 -m http.server 3000\n")
        .await
        .unwrap();
    let ports = page.news(|message| match message {
        RunnerMessage::Ports { ports } if !ports.is_empty() => {
            Some(ports.iter().map(|p| p.port).collect::<Vec<_>>())
        }
        _ => None,
    });
    assert_eq!(ports.await.unwrap(), [3000]);
}

#[tokio::test]
async fn what_a_repl_reaches_is_reached_under_the_next_server_too() {
    let proxy = proxy().await;
    let options = options().arg("--network", "internet");
    let options = options.env("HTTPS_PROXY", &proxy).env("NO_PROXY", "");
    let mut server = Server::start(options).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let path = format!("/api/repls/{id}");
    let change = json!({ "settings": { "network": "registries" } });
    let http = server.http();
    let answer = http
        .json(hyper::Method::PATCH, &path, change)
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut page = server.session(&id).await.unwrap();
    let said = ask(&mut page, "CONNECT pypi.org:443", "pypi.org").await;
    assert!(said.contains("then b'CONNECT pypi.org:443"), "{said}");
    drop(page);
    server.end(libc::SIGTERM).await.unwrap();
    let server = server.again().await.unwrap();
    server.until(&id, "running").await;
    let mut page = server.session(&id).await.unwrap();
    let said = ask(&mut page, "CONNECT pypi.org:443", "pypi.org").await;
    assert!(said.contains("then b'CONNECT pypi.org:443"), "{said}");
}

#[tokio::test]
async fn the_operator_lists_other_registries() {
    let proxy = proxy().await;
    let options = registries().arg("--registries", "Packages.internal,pypi.example");
    let options = options.env("HTTPS_PROXY", &proxy).env("NO_PROXY", "");
    let server = Server::start(options).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let said = ask(
        &mut page,
        "CONNECT packages.internal:443",
        "packages.internal",
    )
    .await;
    assert!(
        said.contains("then b'CONNECT packages.internal:443"),
        "{said}"
    );
    let said = ask(&mut page, "CONNECT pypi.org:443", "pypi.org").await;
    assert!(said.contains("403 Not a package registry"), "{said}");
}

/// Needs the registry of npm, as templates do.
#[tokio::test]
async fn npm_installs_a_package() {
    let server = Server::start(registries()).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let install =
        "npm install --no-progress is-number@7.0.0 && node -p 'require(\"is-number\")(7)'";
    let (text, code) = page.command(install).await.unwrap();
    assert!(
        code == 0 && text.trim_end().ends_with("true"),
        "{code}: {text}"
    );
    let (text, code) = page.command("curl -sS https://example.com").await.unwrap();
    assert!(code != 0 && text.contains("403"), "{code}: {text}");
}

/// A crate that is nowhere, asked for once: cargo says by which source.
const FETCH: &str = "printf '[package]\\nname = \"mine\"\\n[lib]\\npath = \"lib.rs\"\\n[dependencies]\\ntiny = \"1\"' > Cargo.toml; \
    touch lib.rs; CARGO_NET_RETRY=0 cargo fetch 2>&1 | grep Updating";

fn with_mirror(url: &str) -> Options {
    options().arg("--crates-mirror", url)
}

/// A source of the user's own, in a folder's `.cargo/config.toml`.
fn own_source(folder: &str) -> String {
    format!(
        "mkdir -p {folder}/.cargo; printf '[source.crates-io]\\nreplace-with = \"own\"\\n[source.own]\\n\
         registry = \"sparse+http://127.0.0.1:9/own/\"\\n' > {folder}/.cargo/config.toml"
    )
}

#[tokio::test]
async fn cargo_goes_to_the_operators_mirror_unless_the_project_names_another() {
    let options = with_mirror("sparse+http://127.0.0.1:9/index/");
    let server = Server::start(options).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let said = output(&mut page, "grep registry /.cargo/config.toml").await;
    assert_eq!(
        said.trim(),
        "registry = \"sparse+http://127.0.0.1:9/index/\""
    );
    let said = output(&mut page, "echo > /.cargo/config.toml || touch /.cargo/new").await;
    assert_eq!(said.matches("Read-only file system").count(), 2, "{said}");
    assert!(output(&mut page, FETCH).await.contains("`alcove` index"));
    // Cargo reads its home last of all folders.
    output(&mut page, &own_source("~")).await;
    assert!(output(&mut page, FETCH).await.contains("`alcove` index"));
    output(&mut page, &own_source(".")).await;
    assert!(output(&mut page, FETCH).await.contains("`own` index"));
}

#[tokio::test]
async fn who_reaches_registries_alone_is_led_to_a_mirror_with_tls_and_to_no_other() {
    for (url, is_there) in [
        ("sparse+http://127.0.0.1:9/index/", false),
        ("sparse+https://crates.example.com/index/", true),
    ] {
        let options = with_mirror(url).arg("--network", "registries");
        let server = Server::start(options).await.unwrap();
        let id = server.create("blank").await.unwrap();
        let mut page = server.session(&id).await.unwrap();
        let said = output(&mut page, "cat /.cargo/config.toml").await;
        assert_eq!(said.contains(url), is_there, "{said}");
        let source = output(&mut page, FETCH).await;
        assert_eq!(source.contains("`alcove` index"), is_there, "{source}");
    }
}
