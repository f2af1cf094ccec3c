//! Previews: programs of repls in a browser, on origins of their own.

mod common;

use alcove_testkit::{Http, Server, Session, eventually};
use bytes::Bytes;
use common::server;
use hyper::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A program with everything that a proxy can get wrong.
const PROGRAM: &str = r#"
const http = require("http");
const [host, port, name] = process.argv.slice(2);
let waiting;
const server = http.createServer((req, res) => {
  const url = new URL(req.url, "http://x");
  if (url.pathname === "/name") return res.end(name);
  if (url.pathname === "/page") {
    const page = Buffer.from(`<!doctype html><title>${req.headers["accept-encoding"]}</title>`);
    return res.writeHead(200, { "content-type": "text/html", "content-length": page.length }).end(page);
  }
  if (url.pathname === "/headers") return res.end(JSON.stringify(req.headers));
  if (url.pathname === "/redirect") return res.writeHead(302, { location: `http://localhost:${port}/after` }).end();
  if (url.pathname === "/login") return res.writeHead(204, { "set-cookie": ["sid=1; Path=/; Domain=alcove.localhost", "alcove_session=evil"] }).end();
  if (url.pathname === "/second") return waiting(), res.end();
  if (url.pathname === "/events") {
    res.writeHead(200, { "content-type": "text/event-stream" });
    res.write("data: first\n\n");
    waiting = () => res.end("data: second\n\n");
    return;
  }
  if (url.pathname === "/range") {
    const whole = Buffer.from("0123456789");
    const [, from, to] = /bytes=(\d+)-(\d+)/.exec(req.headers.range);
    return res.writeHead(206, { "content-range": `bytes ${from}-${to}/10` }).end(whole.subarray(+from, +to + 1));
  }
  if (url.pathname === "/upload") {
    let size = 0;
    req.on("data", (c) => (size += c.length));
    return req.on("end", () => res.end(String(size)));
  }
  res.end("hello");
});
server.on("upgrade", (req, socket) => {
  socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
  socket.pipe(socket);
});
server.listen(+port, host, () => console.log("lis" + "tening"));
"#;

struct Repl {
    id: String,
    page: Session,
}

/// A repl in which the program listens.
async fn serving(server: &Server, host: &str, port: u16, name: &str) -> Repl {
    let id = server.create("node").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.write_file("app.cjs", PROGRAM.as_bytes())
        .await
        .unwrap();
    let terminal = page.shell().await.unwrap();
    page.input(terminal, &format!("node app.cjs {host} {port} {name}\n"))
        .await
        .unwrap();
    page.until_output(terminal, "listening").await.unwrap();
    Repl { id, page }
}

/// A browser that holds the preview's cookie.
async fn browser(server: &Server, id: &str, port: u16) -> Http {
    let cookie = server.preview_cookie(id, port).await.unwrap();
    Http::new(server.address, &server.preview_host(port, id)).header("cookie", &cookie)
}

#[tokio::test]
async fn two_repls_on_one_port_each_show_their_own() {
    let server = server().await;
    let (one, two) = tokio::join!(
        serving(&server, "127.0.0.1", 3000, "one"),
        serving(&server, "::1", 3000, "two")
    );
    let (of_one, of_two) = (
        browser(&server, &one.id, 3000).await,
        browser(&server, &two.id, 3000).await,
    );
    assert_eq!(of_one.get("/name").await.unwrap().text(), "one");
    assert_eq!(
        of_two.get("/name").await.unwrap().text(),
        "two",
        "a program that listens on ::1 only is reached"
    );
    // One's cookie is no key to the other.
    let cookie = server.preview_cookie(&one.id, 3000).await.unwrap();
    let thief =
        Http::new(server.address, &server.preview_host(3000, &two.id)).header("cookie", &cookie);
    assert_eq!(thief.get("/name").await.unwrap().status, 401);
    // Nor may a page of one reach the other with its visitor's cookies.
    let origin = format!("http://{}", server.preview_host(3000, &one.id));
    for method in [Method::GET, Method::POST] {
        let answer = of_two
            .clone()
            .header("origin", &origin)
            .send(method, "/name", Bytes::new())
            .await
            .unwrap();
        assert_eq!(answer.status, 403);
    }
    let script = of_two
        .clone()
        .header("sec-fetch-site", "same-site")
        .header("sec-fetch-mode", "no-cors");
    assert_eq!(script.get("/name").await.unwrap().status, 403);
    let socket = of_two
        .clone()
        .header("origin", &origin)
        .header("upgrade", "websocket")
        .header("connection", "upgrade");
    assert_eq!(socket.get("/").await.unwrap().status, 403);
    let link = of_two
        .header("sec-fetch-site", "same-site")
        .header("sec-fetch-mode", "navigate");
    assert_eq!(link.get("/name").await.unwrap().status, 200);
    drop((one.page, two.page));
}

#[tokio::test]
async fn what_passes_between_browser_and_program() {
    let server = server().await;
    let repl = serving(&server, "127.0.0.1", 3000, "app").await;
    let browser = browser(&server, &repl.id, 3000).await;
    let host = server.preview_host(3000, &repl.id);
    let origin = format!("http://{host}");

    let seen = browser
        .clone()
        .header("origin", &origin)
        .get("/headers")
        .await
        .unwrap()
        .json();
    assert_eq!(seen["host"], "localhost:3000");
    assert_eq!(seen["origin"], "http://localhost:3000");
    assert_eq!(seen["x-forwarded-host"], host);
    assert!(
        seen.get("cookie").is_none(),
        "our cookie never reaches the program: {seen}"
    );

    let redirect = browser.get("/redirect").await.unwrap();
    assert_eq!(
        redirect.header("location"),
        Some(format!("{origin}/after").as_str())
    );
    assert_eq!(redirect.header("origin-agent-cluster"), Some("?1"));
    let login = browser.get("/login").await.unwrap();
    let cookies: Vec<_> = login.headers.get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["sid=1; Path=/"]);
    let range = browser
        .clone()
        .header("range", "bytes=2-5")
        .get("/range")
        .await
        .unwrap();
    assert_eq!((range.status, range.text().as_str()), (206, "2345"));
    let upload = browser
        .clone()
        .send(Method::POST, "/upload", Bytes::from(vec![7; 50_000_000]))
        .await
        .unwrap();
    assert_eq!(upload.text(), "50000000");
    for _ in 0..50 {
        assert_eq!(browser.get("/name").await.unwrap().text(), "app");
    }
    let preflight = Http::new(server.address, &host)
        .header(
            "origin",
            &format!("http://{}", server.preview_host(5173, &repl.id)),
        )
        .header("access-control-request-method", "PUT");
    assert_eq!(
        preflight
            .send(Method::OPTIONS, "/", Bytes::new())
            .await
            .unwrap()
            .status,
        200
    );
    drop(repl.page);
}

#[tokio::test]
async fn a_page_in_the_editors_frame_tells_of_its_console() {
    let server = server().await;
    let repl = serving(&server, "127.0.0.1", 3000, "app").await;
    let browser = browser(&server, &repl.id, 3000)
        .await
        .header("accept-encoding", "gzip, br");
    let tab = browser
        .clone()
        .header("sec-fetch-dest", "document")
        .get("/page")
        .await
        .unwrap();
    assert_eq!(
        tab.text(),
        "<!doctype html><title>gzip, br</title>",
        "in a tab of its own it is as the program sent it"
    );
    let framed = browser.clone().header("sec-fetch-dest", "iframe");
    let page = framed.get("/page").await.unwrap();
    assert_eq!(
        page.text(),
        "<!doctype html><script src=\"/.alcove/page.js\"></script><title>identity</title>"
    );
    assert_eq!(page.header("vary"), Some("Sec-Fetch-Dest"));
    assert_eq!(page.header("content-length"), None);
    assert_eq!(framed.get("/name").await.unwrap().text(), "app");
    let script = browser.get("/.alcove/page.js").await.unwrap();
    assert_eq!(
        script.header("content-type"),
        Some("text/javascript; charset=utf-8")
    );
    let stranger = Http::new(server.address, &server.preview_host(3000, &repl.id));
    assert_eq!(stranger.get("/.alcove/page.js").await.unwrap().status, 401);
    drop(repl.page);
}

#[tokio::test]
async fn an_event_arrives_before_the_next_one_is_sent() {
    let server = server().await;
    let repl = serving(&server, "127.0.0.1", 3000, "app").await;
    let cookie = server.preview_cookie(&repl.id, 3000).await.unwrap();
    let host = server.preview_host(3000, &repl.id);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "GET /events HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("data: first") {
        seen.push(stream.read_u8().await.unwrap());
    }
    // The program sends the second when it is asked to, and not before.
    let browser = browser(&server, &repl.id, 3000).await;
    assert_eq!(browser.get("/second").await.unwrap().status, 200);
    stream.read_to_end(&mut seen).await.unwrap();
    assert!(String::from_utf8_lossy(&seen).contains("data: second"));
    drop(repl.page);
}

#[tokio::test]
async fn an_upgraded_connection_carries_bytes_both_ways() {
    let server = server().await;
    let repl = serving(&server, "127.0.0.1", 3000, "app").await;
    let cookie = server.preview_cookie(&repl.id, 3000).await.unwrap();
    let host = server.preview_host(3000, &repl.id);
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nCookie: {cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    let sent: Vec<u8> = (0..300_000u32).map(|i| i as u8).collect();
    let (mut reader, mut writer) = stream.split();
    let mut back = vec![0; sent.len()];
    let (wrote, read) = tokio::join!(writer.write_all(&sent), reader.read_exact(&mut back));
    wrote.unwrap();
    read.unwrap();
    assert_eq!(back, sent);
    drop(repl.page);
}

#[tokio::test]
async fn where_nothing_listens_a_page_says_so_and_knows_when_something_does() {
    let server = server().await;
    let id = server.create("node").await.unwrap();
    let visitor = browser(&server, &id, 4000).await;
    let mut page = server.session(&id).await.unwrap();
    let nothing = visitor
        .clone()
        .header("accept", "text/html")
        .get("/")
        .await
        .unwrap();
    assert!(
        nothing.status == 502 && nothing.text().contains("Nothing listens on port 4000"),
        "{}",
        nothing.text()
    );
    assert!(
        nothing.text().contains("/.alcove/wait"),
        "it waits by itself"
    );
    let waiting = {
        let visitor = visitor.clone();
        tokio::spawn(async move { visitor.get("/.alcove/wait").await.unwrap().status })
    };
    let terminal = page.shell().await.unwrap();
    page.input(terminal, "python3 -m http.server 4000 --bind 127.0.0.1\n")
        .await
        .unwrap();
    assert_eq!(waiting.await.unwrap(), 204);
    assert!(
        visitor
            .get("/alcove.toml")
            .await
            .unwrap()
            .text()
            .contains("Node.js")
    );
}

#[tokio::test]
async fn a_ticket_is_good_once_and_strangers_are_sent_to_the_editor() {
    let server = server().await;
    let id = server.create("node").await.unwrap();
    let answer = server
        .http()
        .post(
            &format!("/api/repls/{id}/preview"),
            serde_json::json!({ "port": 3000, "path": "/x?y=1" }),
        )
        .await
        .unwrap();
    let url = answer.json()["url"].as_str().unwrap().to_owned();
    let host = server.preview_host(3000, &id);
    let path = url.strip_prefix(&format!("http://{host}")).unwrap();
    let visitor = Http::new(server.address, &host).header("accept", "text/html");
    let first = visitor.get(path).await.unwrap();
    assert_eq!(
        (first.status, first.header("location")),
        (303, Some("/x?y=1"))
    );
    assert!(first.header("set-cookie").is_some());
    let second = visitor.get(path).await.unwrap();
    assert!(second.header("set-cookie").is_none());
    let editor = format!(
        "http://{}/api/repls/{id}/preview/3000?to=%2Fx%3Fy%3D1",
        server.host()
    );
    assert_eq!(
        second.header("location"),
        Some(editor.as_str()),
        "a reload goes by the editor"
    );
    let stranger = visitor.get("/secret").await.unwrap();
    assert_eq!(stranger.status, 303);
    assert_eq!(
        Http::new(server.address, &host)
            .get("/secret")
            .await
            .unwrap()
            .status,
        401
    );
    // Another port's ticket, another repl's.
    let other = server.create("node").await.unwrap();
    for elsewhere in [
        server.preview_host(3001, &id),
        server.preview_host(3000, &other),
    ] {
        let answer = server
            .http()
            .post(
                &format!("/api/repls/{id}/preview"),
                serde_json::json!({ "port": 3000 }),
            )
            .await
            .unwrap();
        let url = answer.json()["url"].as_str().unwrap().to_owned();
        let path = url
            .strip_prefix(&format!("http://{host}"))
            .unwrap()
            .to_owned();
        assert!(
            Http::new(server.address, &elsewhere)
                .get(&path)
                .await
                .unwrap()
                .header("set-cookie")
                .is_none()
        );
    }
}

#[tokio::test]
async fn ports_are_announced_as_they_come_and_go() {
    use alcove_protocol::session::RunnerMessage;
    let server = server().await;
    let mut repl = serving(&server, "127.0.0.1", 3000, "app").await;
    let wanted = |m: &RunnerMessage| match m {
        RunnerMessage::Ports { ports } => ports
            .iter()
            .find(|p| p.port == 3000)
            .map(|p| p.process.clone()),
        _ => None,
    };
    let process = repl.page.news(wanted).await.unwrap();
    assert_eq!(process, "node");
    // What was told before is no news any more.
    repl.page.news.clear();
    repl.page.command("pkill node").await.unwrap();
    repl.page
        .news(|m| matches!(m, RunnerMessage::Ports { ports } if ports.is_empty()).then_some(()))
        .await
        .unwrap();
    eventually("nothing listens", || async {
        let visitor = browser(&server, &repl.id, 3000).await;
        (visitor.get("/").await.ok()?.status == 502).then_some(())
    })
    .await;
}

/// A repl that does not run, with this command behind its Run.
async fn resting(server: &Server, command: &str) -> String {
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.write_file("app.cjs", PROGRAM.as_bytes())
        .await
        .unwrap();
    let project = format!("[run]\ncommand = '{command}'\nport = 3000\n");
    let replaces = format!("/api/repls/{id}/files/alcove.toml?overwrite=true");
    let http = server.http();
    let written = http.send(Method::PUT, &replaces, Bytes::from(project));
    assert_eq!(written.await.unwrap().status, 204);
    drop(page);
    server.stop_repl(&id).await.unwrap();
    id
}

const SERVES: &str = "node app.cjs 127.0.0.1 3000 woken";

#[tokio::test]
async fn a_request_wakes_a_repl_and_is_held_until_its_program_listens() {
    let server = server().await;
    let id = resting(&server, SERVES).await;
    let visitor = browser(&server, &id, 3000).await;
    // More than any buffer holds: it waits with its sender.
    let upload = Bytes::from(vec![7; 20_000_000]);
    let asks = (0..5).map(|_| {
        let visitor = visitor.clone();
        async move { visitor.get("/name").await.unwrap().text() }
    });
    let (uploaded, names) = tokio::join!(
        visitor.send(Method::POST, "/upload", upload),
        futures_util::future::join_all(asks)
    );
    assert_eq!(uploaded.unwrap().text(), "20000000");
    assert_eq!(names, vec!["woken"; 5]);
    let state = server.state(&id).await.unwrap();
    assert_eq!(state["running"], true, "{state}");
}

#[tokio::test]
async fn a_page_shows_how_a_repl_wakes_and_then_its_program() {
    let server = server().await;
    let id = resting(&server, SERVES).await;
    let visitor = browser(&server, &id, 3000).await;
    let page = visitor.clone().header("accept", "text/html,*/*");
    // What is there already asks in vain: a poll, a page that loads itself anew, the editor's frame.
    let origin = format!("http://{}", server.preview_host(3000, &id));
    let poll = visitor
        .clone()
        .header("origin", &origin)
        .header("sec-fetch-mode", "cors");
    let answer = poll.get("/name").await.unwrap();
    assert!(
        answer.status == 503 && answer.text().contains("asleep"),
        "{answer:?}"
    );
    let navigate = page.clone().header("sec-fetch-mode", "navigate");
    for by_itself in [
        navigate.clone().header("sec-fetch-site", "same-origin"),
        navigate
            .clone()
            .header("sec-fetch-site", "same-site")
            .header("sec-fetch-dest", "iframe"),
    ] {
        let answer = by_itself.get("/").await.unwrap();
        let text = answer.text();
        assert!(
            answer.status == 503 && text.contains("asleep") && text.contains("Start it"),
            "{text}"
        );
        assert!(!text.contains("\" hidden>"), "its button is seen: {text}");
    }
    assert_eq!(server.state(&id).await.unwrap()["phase"], "stopped");
    // Somebody comes.
    let answer = navigate
        .header("sec-fetch-site", "none")
        .get("/name?x=1")
        .await
        .unwrap();
    let text = answer.text();
    assert_eq!(answer.status, 503, "{text}");
    assert!(answer.header("retry-after").is_some());
    assert!(
        text.contains("/.alcove/wait") && text.contains(&format!("/r/{id}")),
        "it follows, and leads to the editor: {text}"
    );
    // What is said changes until the program listens.
    let mut said = "nothing".to_owned();
    loop {
        let answer = poll.get(&format!("/.alcove/wait?said={said}")).await;
        let answer = answer.unwrap();
        if answer.status == 204 {
            break;
        }
        assert_eq!(answer.status, 202);
        let words = answer.json();
        let told = format!(
            "{}\n{}",
            words["title"].as_str().unwrap(),
            words["what"].as_str().unwrap()
        );
        said = percent_encoding::utf8_percent_encode(&told, percent_encoding::NON_ALPHANUMERIC)
            .to_string();
    }
    assert_eq!(page.get("/name?x=1").await.unwrap().text(), "woken");
    // By the button, after somebody has stopped it.
    server.stop_repl(&id).await.unwrap();
    let pressed = page
        .clone()
        .header("origin", &origin)
        .send(Method::POST, "/.alcove/wake?to=%2Fname", Bytes::new())
        .await
        .unwrap();
    assert_eq!(
        (pressed.status, pressed.header("location")),
        (303, Some("/name"))
    );
    eventually("its program listens", || async {
        let answer = poll.get("/name").await.ok()?;
        (answer.text() == "woken").then_some(())
    })
    .await;
    let stranger = Http::new(server.address, &server.preview_host(3000, &id));
    let answer = stranger.send(Method::POST, "/.alcove/wake", Bytes::new());
    assert_eq!(answer.await.unwrap().status, 401);
    // In the bin it is nobody's.
    let path = format!("/api/repls/{id}");
    let http = server.http();
    let binned = http.send(Method::DELETE, &path, Bytes::new());
    assert_eq!(binned.await.unwrap().status, 204);
    assert_eq!(visitor.get("/name").await.unwrap().status, 401);
}

#[tokio::test]
async fn a_request_is_not_held_for_ever() {
    let options = common::options().arg("--wake-patience", "300ms");
    let server = Server::start(options).await.unwrap();
    let id = resting(&server, "sleep 1000").await;
    let visitor = browser(&server, &id, 3000).await;
    let answer = visitor.get("/").await.unwrap();
    // By then it starts, or its program does not listen.
    assert!(matches!(answer.status, 503 | 504), "{answer:?}");
    assert!(answer.header("retry-after").is_some());
    server.until(&id, "running").await;
    // What is said of a program that can't be started, or has ended.
    let server = common::server().await;
    let id = resting(&server, "exit 3").await;
    let visitor = browser(&server, &id, 3000).await;
    let answer = visitor.get("/").await.unwrap();
    assert!(
        answer.status == 502 && answer.text().contains("exit code 3"),
        "{answer:?}"
    );
    let id = resting(&server, "").await;
    let visitor = browser(&server, &id, 3000).await;
    let answer = visitor.get("/").await.unwrap();
    assert!(
        answer.status == 502 && answer.text().contains("There is nothing to run"),
        "{answer:?}"
    );
    let path = format!("/api/repls/{id}/start?run=true");
    let answer = server.http().post(&path, serde_json::json!({})).await;
    assert_eq!(answer.unwrap().status, 409);
}

#[tokio::test]
async fn where_the_operator_says_so_a_request_wakes_nothing() {
    let options = common::options().arg("--wake-on-touch", "false");
    let server = Server::start(options).await.unwrap();
    let id = resting(&server, SERVES).await;
    let visitor = browser(&server, &id, 3000).await;
    let answer = visitor.get("/name").await.unwrap();
    assert!(
        answer.status == 503 && answer.text().contains("asleep"),
        "{answer:?}"
    );
    let page = visitor.clone().header("accept", "text/html");
    let answer = page.get("/name").await.unwrap();
    assert!(answer.text().contains("hidden"), "{}", answer.text());
    let pressed = page.send(Method::POST, "/.alcove/wake", Bytes::new()).await;
    assert_eq!(pressed.unwrap().status, 303);
    assert_eq!(server.state(&id).await.unwrap()["phase"], "stopped");
    // By the API, with its program.
    let path = format!("/api/repls/{id}/start?run=true");
    let started = server.http().post(&path, serde_json::json!({})).await;
    assert_eq!(started.unwrap().status, 200);
    eventually("its program listens", || async {
        (visitor.get("/name").await.ok()?.text() == "woken").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_repl_says_whether_a_request_wakes_it() {
    let server = server().await;
    let id = resting(&server, SERVES).await;
    let visitor = browser(&server, &id, 3000).await;
    let change = async |wakes: bool| {
        let body = serde_json::json!({ "settings": { "wake_on_touch": wakes } });
        let path = format!("/api/repls/{id}");
        let changed = server.http().json(Method::PATCH, &path, body).await;
        assert_eq!(changed.unwrap().status, 200);
    };
    change(false).await;
    assert_eq!(visitor.get("/name").await.unwrap().status, 503);
    change(true).await;
    assert_eq!(visitor.get("/name").await.unwrap().text(), "woken");
}
