//! Signing out ends everything that was opened with that sign-in, and nothing else.

mod common;

use alcove_protocol::SUBPROTOCOL;
use alcove_testkit::{DEADLINE, Http, Server, eventually};
use common::server;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Answers an upgrade, and echoes what comes; has an answer without an end.
const PROGRAM: &str = r#"require("http").createServer((q, r) => q.url === "/endless" ? r.write("and on") : r.end("here"))
  .on("upgrade", (q, s) => { s.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"); s.pipe(s); })
  .listen(3000, () => console.log("list" + "ening"))"#;

/// A request whose answer goes on and on.
async fn open(server: &Server, host: &str, path: &str, headers: &[(&str, &str)]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let mut request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n");
    // The connection ends with the answer, instead of waiting for the next request.
    if !headers.iter().any(|(name, _)| *name == "Connection") {
        request.push_str("Connection: close\r\n");
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    stream
        .write_all(format!("{request}\r\n").as_bytes())
        .await
        .unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    assert!(
        head.starts_with("HTTP/1.1 101") || head.starts_with("HTTP/1.1 200"),
        "{path}: {head}"
    );
    stream
}

/// The editor's session and events, and a preview's open connection, of one sign-in.
async fn open_all(server: &Server, id: &str, cookie: &str, preview: &str) -> Vec<TcpStream> {
    let (host, of_preview) = (server.host(), server.preview_host(3000, id));
    let websocket = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Sec-WebSocket-Protocol", SUBPROTOCOL),
    ];
    let with = |cookie| [&websocket[..], &[("Cookie", cookie)]].concat();
    let (session, events) = (
        format!("/api/repls/{id}/session"),
        format!("/api/repls/{id}/events"),
    );
    let cookies = [("Cookie", cookie)];
    vec![
        open(server, &host, &session, &with(cookie)).await,
        open(server, &host, &events, &cookies).await,
        open(server, &host, "/api/events", &cookies).await,
        open(server, &of_preview, "/", &with(preview)).await,
        open(server, &of_preview, "/endless", &[("Cookie", preview)]).await,
    ]
}

#[tokio::test]
async fn signing_out_closes_what_that_browser_had_open_and_no_more() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.write_file("app.cjs", PROGRAM.as_bytes())
        .await
        .unwrap();
    let shell = page.shell().await.unwrap();
    page.input(shell, "node app.cjs\n").await.unwrap();
    page.until_output(shell, "listening").await.unwrap();

    let (leaving, staying) = (
        server.sign_in().await.unwrap(),
        server.sign_in().await.unwrap(),
    );
    let mut previews = Vec::new();
    for cookie in [&leaving, &staying] {
        let cookie = server
            .preview_cookie_of(&server.page(cookie), &id, 3000)
            .await
            .unwrap();
        previews.push(cookie);
    }
    let visitor = |cookie: &str| {
        Http::new(server.address, &server.preview_host(3000, &id)).header("cookie", cookie)
    };
    assert_eq!(visitor(&previews[0]).get("/").await.unwrap().text(), "here");
    let gone = open_all(&server, &id, &leaving, &previews[0]).await;
    let mut kept = open_all(&server, &id, &staying, &previews[1]).await;
    // One that was given out before, and is used after.
    let ticket = server
        .page(&leaving)
        .post(&format!("/api/repls/{id}/preview"), json!({ "port": 3000 }))
        .await
        .unwrap();
    let ticket = ticket.json()["url"].as_str().unwrap().to_owned();

    let out = server
        .page(&leaving)
        .post("/api/sign-out", json!({}))
        .await
        .unwrap();
    assert_eq!(out.status, 204, "{}", out.text());
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    for (what, mut stream) in [
        "session",
        "events",
        "all events",
        "preview",
        "endless answer",
    ]
    .into_iter()
    .zip(gone)
    {
        let mut rest = Vec::new();
        // An end, or a reset.
        tokio::time::timeout(DEADLINE, stream.read_to_end(&mut rest))
            .await
            .unwrap_or_else(|_| panic!("{what} goes on"))
            .ok();
    }
    assert_eq!(
        server.page(&leaving).get("/api/me").await.unwrap().status,
        401
    );
    assert_eq!(visitor(&previews[0]).get("/").await.unwrap().status, 401);
    let path = ticket
        .split_once(&server.address.port().to_string())
        .unwrap()
        .1;
    let answer = Http::new(server.address, &server.preview_host(3000, &id))
        .get(path)
        .await
        .unwrap();
    let late = answer.header("set-cookie").unwrap_or_default();
    let late = late.split(';').next().unwrap();
    assert_eq!(visitor(late).get("/").await.unwrap().status, 401);

    // The other browser's go on, and so does what came with the token.
    assert_eq!(
        server.page(&staying).get("/api/me").await.unwrap().status,
        200
    );
    let preview = &mut kept[3];
    preview.write_all(b"still").await.unwrap();
    let mut back = [0; 5];
    preview.read_exact(&mut back).await.unwrap();
    assert_eq!(&back, b"still");
    page.command("true").await.unwrap();
    // A sign-out outlives the server.
    drop((page, kept));
    let host = server.host();
    let mut server = server;
    assert_eq!(server.end(libc::SIGINT).await.unwrap(), Some(0));
    let server = server.again().await.unwrap();
    for (cookie, status) in [(leaving, 401), (staying, 200)] {
        // The name is the one that the cookies hold for: the port is another now.
        let browser = Http::new(server.address, &host).header("cookie", &cookie);
        assert_eq!(browser.get("/api/me").await.unwrap().status, status);
    }
}

#[tokio::test]
async fn one_user_has_only_so_many_sign_ins_and_the_oldest_goes() {
    let server = server().await;
    let first = server.sign_in().await.unwrap();
    assert_eq!(
        server.page(&first).get("/api/me").await.unwrap().status,
        200
    );
    // So that it is the oldest by the clock, whose unit is a millisecond.
    let began = std::time::Instant::now();
    eventually("a millisecond has passed", || async {
        (began.elapsed().as_millis() > 1).then_some(())
    })
    .await;
    // 50, `MAX_LOGINS` of the server.
    for _ in 0..49 {
        server.sign_in().await.unwrap();
    }
    assert_eq!(
        server.page(&first).get("/api/me").await.unwrap().status,
        200
    );
    server.sign_in().await.unwrap();
    eventually("the oldest has ended", || async {
        let me = server.page(&first).get("/api/me").await.ok()?;
        (me.status == 401).then_some(())
    })
    .await;
}
