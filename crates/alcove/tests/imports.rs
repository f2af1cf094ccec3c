//! Archives that are brought into a repl while nothing runs, and those that are made to do harm.

mod common;

use std::io::{Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use alcove_testkit::http::Answer;
use alcove_testkit::{Server, eventually};
use bytes::Bytes;
use common::options;
use hyper::Method;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// An archive of these entries, each a name and a content; `-> target` is a link.
fn archive(kind: &str, entries: &[(&str, &str)]) -> Bytes {
    const SCRIPT: &str = r#"
import io, json, stat, sys, tarfile, zipfile
kind, entries, out = sys.argv[1], json.load(sys.stdin), io.BytesIO()
if kind == "zip":
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as all:
        for name, content in entries:
            item = zipfile.ZipInfo(name)
            is_link = content.startswith("-> ")
            item.external_attr = ((stat.S_IFLNK if is_link else stat.S_IFREG) | 0o644) << 16
            all.writestr(item, content[3:] if is_link else content)
else:
    with tarfile.open(fileobj=out, mode="w:gz" if kind == "tar.gz" else "w") as all:
        for name, content in entries:
            item = tarfile.TarInfo(name)
            if content.startswith("-> "):
                item.type, item.linkname = tarfile.SYMTYPE, content[3:]
                all.addfile(item)
            else:
                item.size = len(content)
                all.addfile(item, io.BytesIO(content.encode()))
sys.stdout.buffer.write(out.getvalue())
"#;
    let mut python = Command::new("python3")
        .args(["-c", SCRIPT, kind])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python");
    let mut input = python.stdin.take().unwrap();
    input
        .write_all(json!(entries).to_string().as_bytes())
        .unwrap();
    drop(input);
    let made = python.wait_with_output().unwrap();
    assert!(made.status.success(), "{made:?}");
    made.stdout.into()
}

async fn without_compute() -> Server {
    Server::start(options().arg("--spawner", "none"))
        .await
        .expect("a server")
}

async fn empty_repl(server: &Server) -> String {
    let http = server.http();
    let made = http.post("/api/repls", json!({ "name": "mine" })).await;
    let made = made.unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

async fn fill(server: &Server, id: &str, archive: Bytes) -> Answer {
    let path = format!("/api/repls/{id}/archive?strip=true");
    let http = server.http();
    http.send(Method::PUT, &path, archive).await.unwrap()
}

/// What is in the newest state; the status where that is not 200.
async fn stored(server: &Server, id: &str, path: &str) -> Result<String, u16> {
    let path = format!("/api/repls/{id}/history/latest/files/{path}");
    let answer = server.http().get(&path).await.unwrap();
    match answer.status {
        200 => Ok(answer.text()),
        status => Err(status),
    }
}

fn left_behind(server: &Server) -> usize {
    std::fs::read_dir(server.data_dir.join("importing")).map_or(0, Iterator::count)
}

const ENTRIES: &[(&str, &str)] = &[
    ("top/README.md", "hello"),
    ("top/src/main.py", "print(1)"),
    ("top/link", "-> README.md"),
    ("top/node_modules/dep/index.js", "1"),
];

#[tokio::test]
async fn an_archive_becomes_the_files_of_a_repl_that_nothing_can_start() {
    let server = without_compute().await;
    for kind in ["zip", "tar", "tar.gz"] {
        let id = empty_repl(&server).await;
        let answer = fill(&server, &id, archive(kind, ENTRIES)).await;
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
        let nothing_left = json!({ "files": 4, "left": [], "left_out": 0 });
        assert_eq!(answer.json(), nothing_left, "{kind}");
        assert_eq!(stored(&server, &id, "README.md").await.unwrap(), "hello");
        assert_eq!(
            stored(&server, &id, "src/main.py").await.unwrap(),
            "print(1)"
        );
        let usage = server.state(&id).await.unwrap()["usage"].clone();
        // With the folders; what is derived is saved, too.
        assert_eq!((&usage["files"], &usage["bytes"]), (&json!(7), &json!(14)));
        let history = format!("/api/repls/{id}/history");
        let states = server.http().get(&history).await.unwrap().json();
        assert_eq!(states["states"][0]["by"], json!(["you"]), "{states}");
        // What is there is never replaced.
        let again = fill(&server, &id, archive(kind, ENTRIES)).await;
        assert_eq!(again.status, 409, "{}", again.text());
        // It is a repl like any other: it goes on from there.
        let write = format!("/api/repls/{id}/history/latest/files/new.txt");
        let written = server.http().send(Method::PUT, &write, "new".into()).await;
        assert_eq!(written.unwrap().status, 204);
    }
    assert_eq!(left_behind(&server), 0);
}

#[tokio::test]
async fn an_archive_is_taken_in_by_an_empty_repl_that_does_not_run_and_by_no_other() {
    let server = Server::start(options()).await.unwrap();
    let id = empty_repl(&server).await;
    let mut page = server.session(&id).await.unwrap();
    assert_eq!(page.command("true").await.unwrap().1, 0);
    let running = fill(&server, &id, archive("zip", ENTRIES)).await;
    assert_eq!(running.status, 409, "{}", running.text());
    drop(page);
    server.stop_repl(&id).await.unwrap();
    // Its home folder is not empty any more, which is no obstacle; and it starts with what came.
    let filled = fill(&server, &id, archive("zip", ENTRIES)).await;
    assert_eq!(filled.status, 200, "{}", filled.text());
    let mut page = server.session(&id).await.unwrap();
    let (text, _) = page
        .command("cat README.md link; ls node_modules")
        .await
        .unwrap();
    assert_eq!(text, "hellohellodep\n");
    let other = server.create("blank").await.unwrap();
    let refused = fill(&server, &other, archive("zip", ENTRIES)).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
}

#[tokio::test]
async fn hostile_archives_harm_nothing() {
    let options = options()
        .arg("--spawner", "none")
        .arg("--repl-size", "1MiB");
    let server = Server::start(options.arg("--repl-files", "1000"))
        .await
        .unwrap();
    let id = empty_repl(&server).await;
    let large = "x".repeat(2 << 20);
    let many: Vec<String> = (0..1001).map(|n| format!("f{n}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "")).collect();
    // Without the outermost.
    let folders = "d/".repeat(1001) + "f";
    for (what, status, body) in [
        (
            "compressed a thousandfold",
            413,
            archive("tar.gz", &[("a", &large)]),
        ),
        ("too many", 413, archive("zip", &many)),
        ("too many folders", 413, archive("tar", &[(&folders, "")])),
        ("no archive", 400, Bytes::from_static(b"hello")),
        ("nothing", 400, Bytes::new()),
    ] {
        let answer = fill(&server, &id, body).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        assert_eq!(stored(&server, &id, "a").await, Err(404), "{what}");
    }
    let deep = "d/".repeat(300) + "f";
    let entries = [
        ("../evil", "x"),
        ("/abs", "x"),
        ("way", "-> /etc"),
        ("way/evil", "x"),
        ("secret", "-> /etc/passwd"),
        ("good", "y"),
        (&deep, "x"),
    ];
    let answer = fill(&server, &id, archive("tar", &entries)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let told = answer.json();
    // What leads out, the link whose place a folder has taken, and what is too deep to be saved.
    let left: Vec<&str> = told["left"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(Value::as_str)
        .collect();
    assert_eq!(left[..3], ["../evil", "/abs", "way"]);
    assert!(left[3].starts_with("d/d/d"));
    assert_eq!(told["left_out"], 4);
    assert!(!server.data_dir.join("evil").exists() && !std::fs::exists("/abs").unwrap());
    assert_eq!(stored(&server, &id, "way/evil").await.unwrap(), "x");
    assert_eq!(stored(&server, &id, "good").await.unwrap(), "y");
    // A link stays one: nobody reads what it leads to.
    assert_eq!(stored(&server, &id, "secret").await, Err(409));
    assert_eq!(left_behind(&server), 0);
}

#[tokio::test]
async fn so_many_archives_are_taken_in_at_once_and_one_that_breaks_off_leaves_nothing() {
    const MOST: usize = 4;
    let server = without_compute().await;
    let id = empty_repl(&server).await;
    let mut held = Vec::new();
    for _ in 0..MOST {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "PUT /api/repls/{id}/archive HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\
             content-length: 1000\r\n\r\nPK",
            server.token
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        held.push(stream);
    }
    eventually("all of them are being taken in", || async {
        (left_behind(&server) == MOST).then_some(())
    })
    .await;
    let refused = fill(&server, &id, archive("zip", ENTRIES)).await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    held.pop();
    eventually("one has broken off, and its place is free", || async {
        let answer = fill(&server, &id, archive("zip", ENTRIES)).await;
        assert!([200, 503].contains(&answer.status), "{}", answer.text());
        (answer.status == 200).then_some(())
    })
    .await;
    drop(held);
    eventually("nothing is left of them", || async {
        (left_behind(&server) == 0).then_some(())
    })
    .await;
    assert_eq!(stored(&server, &id, "README.md").await.unwrap(), "hello");
}

#[test]
fn an_archive_is_read_by_nobody_and_within_a_bound_of_memory() {
    let is_root = std::fs::metadata("/proc/self").unwrap().uid() == 0;
    let unpack = |archive: std::fs::File| {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_alcove"));
        command.args(["unpack", "--entries", "9", "--bytes", "9"]);
        command.arg("--dir").arg(dir.path());
        if is_root {
            std::os::unix::fs::chown(dir.path(), Some(65534), Some(65534)).unwrap();
            command.args(["--user", "65534"]);
        }
        let output = command
            .stdin(Stdio::from(archive))
            .stderr(Stdio::null())
            .output()
            .unwrap();
        (output, dir)
    };
    let file = |bytes: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        file
    };
    let (output, dir) = unpack(file(&archive("tar", &[("a", "1")])));
    let done = br#"{"done":{"files":1,"left":[],"left_out":0}}"#;
    assert_eq!(
        (output.status.success(), &output.stdout[..]),
        (true, &done[..])
    );
    let made = std::fs::metadata(dir.path().join("a")).unwrap();
    let owner = std::fs::metadata(dir.path()).unwrap().uid();
    assert_eq!((made.uid(), owner == 65534), (owner, is_root));
    // A name of two gigabytes (a GNU long link, as tar(5) has it), most of which is a hole.
    let mut header = [0; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"././@LongLink");
    put(124, b"20000000000\0");
    put(156, b"L");
    put(257, b"ustar  \0");
    put(148, b"        ");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let bomb = file(&header);
    bomb.set_len(512 + (2 << 30) + 1024).unwrap();
    let (output, dir) = unpack(bomb);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("refused") && said.contains("memory"),
        "{output:?}"
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}
