//! Towards the editor's origin: what a program in a preview, a page of it, and a runner that user code has
//! taken over could send there. Over sockets, as a browser would put it.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alcove_testkit::{Answer, Http, Server};
use anyhow::Context;
use bytes::Bytes;
use hyper::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::attempt::{Row, Verdict};
use crate::scene::{Repl, Scene, put, runner_socket};

/// A program that wants to be the editor.
const APP: &str = r#"
import http.server, json
class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, body = "text/plain", b"hello"
        if self.path == "/evil.html":
            kind, body = "text/html", b"<script>evil()</script>"
        if self.path == "/evil.js":
            kind, body = "text/javascript", b"evil()"
        if self.path == "/headers":
            body = json.dumps(dict(self.headers)).encode()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.path == "/cookies":
            self.send_header("Set-Cookie", "alcove_session=evil; Path=/")
            self.send_header("Set-Cookie", "sid=1; Domain=alcove.localhost; Path=/")
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 3000), App)
print("app", "listens", flush=True)
server.serve_forever()
"#;

const SCRIPT: &str = "<script>evil()</script>";
/// Cookies of our name that a server looks at; one of them is true.
const TOSSED: usize = 15;

pub async fn attempts(scene: &Scene) -> anyhow::Result<Vec<Row>> {
    let mut rows = previews(&scene.server, &scene.attacker, &scene.neighbour.id).await?;
    rows.extend(hostile_runner(&scene.server, &scene.attacker.id).await?);
    Ok(rows)
}

async fn previews(server: &Server, attacker: &Repl, neighbour: &str) -> anyhow::Result<Vec<Row>> {
    let id = attacker.id.clone();
    put(server, &id, "app.py", APP).await?;
    for (name, text) in [("evil.html", SCRIPT), ("evil.js", "evil()")] {
        put(server, &id, name, text).await?;
    }
    let mut page_of_repl = server.session(&id).await?;
    let terminal = page_of_repl.shell().await?;
    let start = "/usr/bin/python3 attempts/app.py\n";
    page_of_repl.input(terminal, start).await?;
    page_of_repl.until_output(terminal, "app listens").await?;

    let host = server.preview_host(3000, &id);
    let origin = format!("http://{host}");
    let cookie = server.preview_cookie(&id, 3000).await?;
    let preview = Http::new(server.address, &host).header("cookie", &cookie);
    let sign_in = server.sign_in().await?;
    let editor = server.page(&sign_in);
    let from_preview = Http::new(server.address, &server.host())
        .header("cookie", &sign_in)
        .header("origin", &origin);
    let mut rows = Vec::new();

    // Cookies.
    let said = preview.get("/cookies").await?;
    let set: Vec<_> = said.headers.get_all("set-cookie").iter().collect();
    let set = format!("{set:?}");
    let (raw, _) = page_of_repl
        .command(
            "/usr/bin/python3 -c \"import urllib.request as u; print(u.urlopen('http://127.0.0.1:3000/cookies').headers)\"",
        )
        .await?;
    rows.push(Row {
        name: "cookie-of-editor",
        tries: "a program sets the editor's sign-in cookie",
        stopped: &["dropped"],
        control_words: "the program's answer before the gateway",
        inside: Verdict::of(set.contains("alcove_session"), "dropped"),
        as_user: None,
        control: Verdict::of(raw.contains("alcove_session=evil"), "it is set there"),
    });
    rows.push(Row {
        name: "cookie-for-parent-domain",
        tries: "a program sets a cookie for the editor's domain",
        stopped: &["for its own host alone"],
        control_words: "the program's answer before the gateway",
        inside: Verdict::of(
            !set.contains("sid=1") || set.to_lowercase().contains("domain"),
            "for its own host alone",
        ),
        as_user: None,
        control: Verdict::of(raw.contains("Domain=alcove.localhost"), "it is set there"),
    });
    let forged = format!("{}x", &sign_in[..sign_in.len() - 1]);
    let (with_forged, with_true) = (
        server.page(&forged).get("/api/me").await?,
        editor.get("/api/me").await?,
    );
    rows.push(Row {
        name: "cookie-forged",
        tries: "a page's script sets a sign-in cookie of its own make for the parent domain",
        stopped: &["401"],
        control_words: "the true cookie",
        inside: Verdict::of(with_forged.status == 200, with_forged.status),
        as_user: None,
        control: Verdict::of(with_true.status == 200, with_true.status),
    });
    let tossed = "alcove_session=evil; ".repeat(TOSSED);
    let (shadowed, alone) = (
        server
            .page(&format!("{tossed}{sign_in}"))
            .get("/api/me")
            .await?,
        server
            .page(tossed.trim_end_matches("; "))
            .get("/api/me")
            .await?,
    );
    rows.push(Row {
        name: "cookies-tossed",
        tries: "a page's script shadows the true cookie by fifteen of its name, and so signs its visitor out",
        stopped: &["200"],
        control_words: "the fifteen alone",
        inside: Verdict::of(shadowed.status == 401, shadowed.status),
        as_user: None,
        control: Verdict::of(alone.status == 401, alone.status),
    });
    // All that a browser keeps of one site, which is 180 cookies of 4 KiB (Chromium); then more.
    let bomb = |count: usize| {
        let cookies: String = (0..count)
            .map(|n| format!("bomb{n}={}; ", "x".repeat(4096)))
            .collect();
        format!("{cookies}{sign_in}")
    };
    let full = server.page(&bomb(180)).get("/api/me").await?;
    // Refused before it has been read, and so perhaps while it is still being sent.
    let beyond = server.page(&bomb(1000)).get("/api/me").await;
    let beyond = beyond.map_or(431, |answer| answer.status);
    rows.push(Row {
        name: "cookies-overflowing",
        tries: "a page's script fills the browser with cookies for the parent domain, so that the editor can't be asked any more",
        stopped: &["200"],
        control_words: "more cookies than browsers keep",
        inside: Verdict::of(full.status != 200, full.status),
        as_user: None,
        control: Verdict::of(beyond == 431, beyond),
    });
    let seen = preview
        .clone()
        .header("cookie", "own=1")
        .get("/headers")
        .await?;
    rows.push(Row {
        name: "cookie-of-preview-read",
        tries: "a program reads its visitor's key to the preview",
        stopped: &["taken out"],
        control_words: "another cookie, which it is given",
        inside: Verdict::of(seen.text().contains("alcove_preview"), "taken out"),
        as_user: None,
        control: Verdict::of(seen.text().contains("own=1"), "given"),
    });

    // Requests with the visitor's cookie.
    let body = serde_json::json!({ "template": "blank" });
    let (foreign, own) = (
        from_preview.post("/api/repls", body.clone()).await?,
        editor.post("/api/repls", body.clone()).await?,
    );
    rows.push(Row {
        name: "request-from-preview",
        tries: "a page in a preview has its visitor's browser make a repl",
        stopped: &["403"],
        control_words: "the editor's own page",
        inside: Verdict::of(foreign.status < 300, foreign.status),
        as_user: None,
        control: Verdict::of(own.status == 201, own.status),
    });
    // A form sends no JSON and asks nobody before (CORS); some browsers send no Origin with it.
    let form = Http::new(server.address, &server.host())
        .header("cookie", &sign_in)
        .header("sec-fetch-site", "same-site")
        .header("sec-fetch-mode", "navigate")
        .header("content-type", "text/plain");
    let stop = format!("/api/repls/{neighbour}/save");
    let (foreign, own) = (
        form.send(Method::POST, &stop, Bytes::new()).await?,
        editor.send(Method::POST, &stop, Bytes::new()).await?,
    );
    rows.push(Row {
        name: "form-from-preview",
        tries: "a form in a preview is sent to the API",
        stopped: &["403"],
        control_words: "the editor's own page",
        inside: Verdict::of(foreign.status < 300, foreign.status),
        as_user: None,
        control: Verdict::of(own.status < 300, own.status),
    });
    let foreign = from_preview.get("/api/repls").await?;
    let shared = foreign.header("access-control-allow-origin").is_some();
    let own = editor.get("/api/repls").await?;
    rows.push(Row {
        name: "reading-from-preview",
        tries: "a page in a preview reads the API's answers",
        stopped: &["not shared"],
        control_words: "the editor's own page",
        inside: Verdict::of(shared, "not shared"),
        as_user: None,
        control: Verdict::of(own.text().contains(neighbour), own.status),
    });
    let session = |origin: &str| {
        format!(
            "GET /api/repls/{neighbour}/session HTTP/1.1\r\nHost: {}\r\nCookie: {sign_in}\r\nOrigin: {origin}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {}\r\n\r\n",
            server.host(),
            alcove_protocol::SUBPROTOCOL
        )
    };
    let foreign = head(server, &session(&origin)).await?;
    let own = head(server, &session(&format!("http://{}", server.host()))).await?;
    rows.push(Row {
        name: "websocket-from-preview",
        tries: "a page in a preview opens another repl's session",
        stopped: &["403"],
        control_words: "the editor's own page",
        inside: Verdict::of(status(&foreign) == "101", status(&foreign)),
        as_user: None,
        control: Verdict::of(status(&own) == "101", status(&own)),
    });
    let to_neighbour = Http::new(server.address, &server.preview_host(3000, neighbour));
    let (foreign, own) = (
        to_neighbour.header("cookie", &cookie).get("/").await?,
        preview.get("/").await?,
    );
    rows.push(Row {
        name: "key-of-other-preview",
        tries: "a preview's key is used for another repl's preview",
        stopped: &["401"],
        control_words: "its own preview",
        inside: Verdict::of(foreign.status == 200, foreign.status),
        as_user: None,
        control: Verdict::of(own.status == 200, own.status),
    });
    let evil = Http::new(server.address, "evil.example").header("cookie", &sign_in);
    let (foreign, own) = (evil.get("/api/me").await?, editor.get("/api/me").await?);
    rows.push(Row {
        name: "name-that-leads-here",
        tries: "another site's name is made to lead to the server (DNS rebinding)",
        stopped: &["421"],
        control_words: "the server's own name",
        inside: Verdict::of(foreign.status == 200, foreign.status),
        as_user: None,
        control: Verdict::of(own.status == 200, own.status),
    });

    // Pages in the editor's origin.
    let html = Http::new(server.address, &server.host()).header("accept", "text/html");
    let (page, framed) = (html.get("/").await?, preview.get("/evil.html").await?);
    let ancestors = |answer: &Answer| {
        let policies = answer.headers.get_all("content-security-policy");
        let policies: Vec<_> = policies.iter().filter_map(|p| p.to_str().ok()).collect();
        let all = policies.join(";");
        all.split(';')
            .find_map(|d| d.trim().strip_prefix("frame-ancestors "))
            .unwrap_or("anyone")
            .to_owned()
    };
    rows.push(Row {
        name: "editor-in-a-frame",
        tries: "a page in a preview shows the editor in a frame, to have it clicked",
        stopped: &["'none'"],
        control_words: "a preview, which the editor may frame",
        inside: Verdict::of(ancestors(&page) != "'none'", ancestors(&page)),
        as_user: None,
        control: Verdict::of(
            ancestors(&framed).contains("http://alcove.localhost"),
            ancestors(&framed),
        ),
    });
    let cluster = |answer: &Answer| answer.header("origin-agent-cluster") == Some("?1");
    let apart = cluster(&page) && cluster(&framed);
    rows.push(Row {
        name: "busy-page",
        tries: "a busy loop of a page in a preview freezes the editor, whose process it would share",
        stopped: &["a cluster each"],
        control_words: "the program's answer before the gateway, which asks for none",
        inside: Verdict::of(!apart, "a cluster each"),
        as_user: None,
        control: Verdict::of(
            !raw.is_empty() && !raw.to_lowercase().contains("origin-agent-cluster"),
            "none",
        ),
    });
    for (name, tries, file, active) in [
        (
            "page-in-editors-origin",
            "a page that a program wrote is opened from the editor's origin",
            "evil.html",
            "text/html",
        ),
        (
            "worker-in-editors-origin",
            "a script that a program wrote becomes the editor's service worker",
            "evil.js",
            "javascript",
        ),
    ] {
        let of_editor = editor
            .get(&format!("/api/repls/{id}/files/attempts/{file}"))
            .await?;
        let of_preview = preview.get(&format!("/{file}")).await?;
        let kind = |answer: &Answer| answer.header("content-type").unwrap_or_default().to_owned();
        let policy = of_editor.header("content-security-policy");
        let is_inert = of_editor.status == 200
            && !kind(&of_editor).contains(active)
            && of_editor.header("x-content-type-options") == Some("nosniff")
            && policy.is_some_and(|p| p.contains("sandbox") && p.contains("default-src 'none'"));
        rows.push(Row {
            name,
            tries,
            stopped: &["inert"],
            control_words: "the preview's origin",
            inside: Verdict::of(!is_inert, "inert"),
            as_user: None,
            control: Verdict::of(kind(&of_preview).contains(active), kind(&of_preview)),
        });
    }
    Ok(rows)
}

/// User code that has taken over its runner: another one answers on its socket.
async fn hostile_runner(server: &Server, id: &str) -> anyhow::Result<Vec<Row>> {
    let sign_in = server.sign_in().await?;
    let session = format!(
        "GET /api/repls/{id}/session HTTP/1.1\r\nHost: {host}\r\nCookie: {sign_in}\r\nOrigin: http://{host}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n",
        host = server.host(),
        protocol = alcove_protocol::SUBPROTOCOL,
    );
    let file = format!(
        "GET /api/repls/{id}/files/alcove.toml HTTP/1.1\r\nHost: {host}\r\nCookie: {sign_in}\r\nConnection: close\r\n\r\n",
        host = server.host(),
    );
    let page = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: alcove_session=evil\r\nContent-Length: {}\r\n\r\n{SCRIPT}",
        SCRIPT.len()
    );
    let upgraded = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Type: text/html\r\n\
         Set-Cookie: alcove_session=evil\r\n\r\n{SCRIPT}"
    );
    let redirect =
        "HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n";
    let endless = format!(
        "HTTP/1.1 101 Switching\r\nX-Endless: {}",
        "x".repeat(1 << 20)
    );
    let attempts = [
        (
            "upgrade-answered-by-a-page",
            "a runner answers the gateway's upgrade with a page of script",
            &["503"][..],
            page.clone(),
            &session,
        ),
        (
            "upgrade-with-headers",
            "a runner's answer to the upgrade sets cookies and a type",
            &["101"],
            upgraded,
            &session,
        ),
        (
            "upgrade-without-end",
            "a runner's answer to the upgrade has no end",
            &["503"],
            endless,
            &session,
        ),
        (
            "file-as-a-page",
            "a runner says that a file is a page, and sets a cookie with it",
            &["200"],
            page,
            &file,
        ),
        (
            "file-elsewhere",
            "a runner sends the reader of a file elsewhere",
            &["503", "500", "502"],
            redirect.to_owned(),
            &file,
        ),
    ];
    let mut rows = Vec::new();
    for (name, tries, stopped, answer, request) in attempts {
        let impostor = Impostor::take(runner_socket(server, id)?, answer)?;
        let said = head(server, request).await?;
        let lower = said.to_lowercase();
        let marks = ["evil", "text/html", "set-cookie", "location:"];
        let inside = match marks.iter().find(|mark| lower.contains(*mark)) {
            Some(mark) => Verdict::Reached((*mark).to_owned()),
            None => Verdict::Stopped(status(&said).to_owned()),
        };
        let asked = impostor.asked.load(Ordering::Relaxed);
        let direct = impostor.ask()?.to_lowercase();
        let is_hostile = asked && (direct.contains("evil") || direct.contains("x-endless"));
        rows.push(Row {
            name,
            tries,
            stopped,
            control_words: "the runner's answer before the server, which asked for it",
            inside,
            as_user: None,
            control: Verdict::of(is_hostile, "it is as said"),
        });
        impostor.leave()?;
    }
    Ok(rows)
}

/// Sends a request as it is; the answer's head.
async fn head(server: &Server, request: &str) -> anyhow::Result<String> {
    let asked = async {
        let mut stream = TcpStream::connect(server.address).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut said = Vec::new();
        while !said.windows(4).any(|w| w == b"\r\n\r\n") {
            if stream.read_buf(&mut said).await? == 0 {
                break;
            }
        }
        let text = String::from_utf8_lossy(&said).into_owned();
        Ok(text.split("\r\n\r\n").next().unwrap_or_default().to_owned())
    };
    tokio::time::timeout(alcove_testkit::DEADLINE, asked)
        .await
        .context("no answer")?
}

/// The code of an answer's head.
fn status(head: &str) -> &str {
    head.split(' ').nth(1).unwrap_or("nothing")
}

/// Answers on a runner's socket in the runner's place; the same to every request.
struct Impostor {
    path: PathBuf,
    aside: PathBuf,
    /// Whether the server has come.
    asked: Arc<AtomicBool>,
}

impl Impostor {
    fn take(path: PathBuf, answer: String) -> anyhow::Result<Self> {
        let aside = path.with_extension("aside");
        std::fs::rename(&path, &aside)?;
        let listener = UnixListener::bind(&path)?;
        let asked = Arc::new(AtomicBool::new(false));
        let told = asked.clone();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let mut request = Vec::new();
                let mut buffer = [0; 1024];
                while !request.windows(4).any(|w| w == b"\r\n\r\n") {
                    match stream.read(&mut buffer) {
                        Ok(0) | Err(_) => break,
                        Ok(n) => request.extend_from_slice(&buffer[..n]),
                    }
                }
                if request.starts_with(b"END") {
                    return;
                }
                told.store(true, Ordering::Relaxed);
                // The other side may have had enough.
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Ok(Self { path, aside, asked })
    }

    /// What it says to anybody.
    fn ask(&self) -> anyhow::Result<String> {
        let mut stream = UnixStream::connect(&self.path)?;
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n")?;
        let mut said = Vec::new();
        stream.read_to_end(&mut said)?;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    /// Gives the socket back.
    fn leave(self) -> anyhow::Result<()> {
        UnixStream::connect(&self.path)?.write_all(b"END\r\n\r\n")?;
        Ok(std::fs::rename(&self.aside, &self.path)?)
    }
}
