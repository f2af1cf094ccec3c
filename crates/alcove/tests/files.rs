//! Files as bytes over the API: reading, writing, a folder as an archive; what must not run, and what
//! must not be reached.

mod common;

use alcove_protocol::WorkspacePath;
use alcove_protocol::session::{ClientMessage, ErrorCode, MAX_TRASHED, RunnerMessage};
use alcove_testkit::{Answer, Http, Server, eventually};
use bytes::Bytes;
use common::server;
use hyper::Method;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

async fn running() -> (Server, String) {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let start = format!("/api/repls/{id}/start");
    let answer = server.http().send(Method::POST, &start, Bytes::new()).await;
    assert_eq!(answer.unwrap().status, 200);
    (server, id)
}

async fn put(http: &Http, id: &str, path: &str, content: impl Into<Bytes>) -> Answer {
    let path = format!("/api/repls/{id}/files/{path}");
    http.send(Method::PUT, &path, content.into()).await.unwrap()
}

async fn get(http: &Http, id: &str, path: &str) -> Answer {
    http.get(&format!("/api/repls/{id}/files/{path}"))
        .await
        .unwrap()
}

#[tokio::test]
async fn bytes_come_back_as_they_were_sent_whole_and_in_parts() {
    let (server, id) = running().await;
    let http = server.http();
    let content: Vec<u8> = (0..200_000u32).map(|n| (n * 7 % 251) as u8).collect();
    let odd = "new%20folder/%C3%A9%5Cx5c%23%3F.bin";
    assert_eq!(put(&http, &id, odd, content.clone()).await.status, 201);
    let whole = get(&http, &id, odd).await;
    assert_eq!(
        (whole.status, whole.body.as_ref()),
        (200, content.as_slice())
    );
    assert_eq!(whole.header("content-length"), Some("200000"));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert!(whole.header("last-modified").unwrap().ends_with("GMT"));
    let tag = whole.header("etag").unwrap();

    let part = get(&http.clone().header("range", "bytes=1000-1999"), &id, odd).await;
    assert_eq!(
        (part.status, part.body.as_ref()),
        (206, &content[1000..2000])
    );
    assert_eq!(part.header("content-range"), Some("bytes 1000-1999/200000"));
    let beyond = get(&http.clone().header("range", "bytes=200000-"), &id, odd).await;
    assert_eq!(beyond.status, 416);
    assert_eq!(beyond.header("content-range"), Some("bytes */200000"));
    let known = get(&http.clone().header("if-none-match", tag), &id, odd).await;
    assert_eq!((known.status, known.body.len()), (304, 0));

    assert_eq!(
        put(&http, &id, &format!("{odd}?overwrite=true"), "x")
            .await
            .status,
        204
    );
    let stale = http
        .clone()
        .header("range", "bytes=0-0")
        .header("if-range", tag);
    let answer = get(&stale, &id, odd).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "x"));
    assert_eq!(get(&http, &id, "alcove.toml/x").await.status, 404);
    assert_eq!(get(&http, &id, "new%20folder").await.status, 409);
    assert_eq!(get(&http, &id, "none.txt").await.status, 404);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_is_overwritten_unless_it_is_asked_for() {
    let (server, id) = running().await;
    let http = server.http();
    assert_eq!(put(&http, &id, "a.sh", "one").await.status, 201);
    let mut page = server.session(&id).await.unwrap();
    page.command("chmod 755 a.sh").await.unwrap();
    let refused = put(&http, &id, "a.sh", "two").await;
    assert_eq!(refused.status, 409);
    assert_eq!(refused.json()["error"]["code"], "conflict");
    let only_new = http.clone().header("if-none-match", "*");
    assert_eq!(
        put(&only_new, &id, "a.sh?overwrite=true", "two")
            .await
            .status,
        409
    );
    assert_eq!(get(&http, &id, "a.sh").await.text(), "one");
    assert_eq!(
        put(&http, &id, "a.sh?overwrite=true", "two").await.status,
        204
    );
    let both = "[ \"$(cat a.sh; stat -c %a a.sh)\" = two755 ]";
    assert_eq!(page.command(both).await.unwrap().1, 0);
    page.command("mkdir folder").await.unwrap();
    assert_eq!(
        put(&http, &id, "folder?overwrite=true", "x").await.status,
        409
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let (server, id) = running().await;
    let mut page = server.session(&id).await.unwrap();
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "PUT /api/repls/{id}/files/deep/er/half.bin HTTP/1.1\r\nHost: localhost\r\n\
         Authorization: Bearer {}\r\nContent-Length: 1000000\r\n\r\n",
        server.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b'x'; 300_000]).await.unwrap();
    let list = "find . -name '.~alcove-upload*' -o -name deep | grep -q .";
    // It is under way: what has come lies in a hidden file.
    while page.command(list).await.unwrap().1 != 0 {}
    drop(stream);
    for _ in 0..1000 {
        if page.command(list).await.unwrap().1 != 0 {
            return server.stop().await.unwrap();
        }
    }
    panic!("something is left");
}

#[tokio::test]
async fn a_file_over_the_limit_is_refused_before_it_is_sent() {
    let (server, id) = running().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "PUT /api/repls/{id}/files/big HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 2147483649\r\n\r\n",
        server.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 4096];
    let read = tokio::io::AsyncReadExt::read(&mut stream, &mut answer)
        .await
        .unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn what_a_user_wrote_never_runs_in_the_editors_origin() {
    let (server, id) = running().await;
    let http = server.http();
    for (name, media, attached) in [
        ("a.html", "application/octet-stream", true),
        ("a.xhtml", "application/octet-stream", true),
        ("a.js", "application/octet-stream", true),
        ("a.svg", "image/svg+xml", false),
        ("a.png", "image/png", false),
    ] {
        put(&http, &id, name, "<script>alert(1)</script>").await;
        let answer = get(&http, &id, name).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("content-type"), Some(media), "{name}");
        let disposition = answer.header("content-disposition");
        assert_eq!(disposition.is_some(), attached, "{name}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(
            answer.header("cross-origin-resource-policy"),
            Some("same-origin")
        );
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("sandbox; default-src 'none'"),
            "{policy}"
        );
        let saved = get(&http, &id, &format!("{name}?download=true")).await;
        assert!(saved.header("content-disposition").is_some());
        assert_eq!(
            saved.header("content-type").unwrap(),
            "application/octet-stream"
        );
    }
    // A page of another site, a preview's among them.
    let page = server.page(&server.sign_in().await.unwrap());
    for site in ["same-site", "cross-site"] {
        let other = page.clone().header("sec-fetch-site", site);
        assert_eq!(get(&other, &id, "a.png").await.status, 403);
        let download = format!("/api/repls/{id}/download");
        assert_eq!(other.get(&download).await.unwrap().status, 403);
    }
    let own = page.header("sec-fetch-site", "same-origin");
    assert_eq!(get(&own, &id, "a.png").await.status, 200);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn paths_that_lead_out_are_none() {
    let (server, id) = running().await;
    let http = server.http();
    for bad in [
        "../../etc/passwd",
        "..%2f..%2fetc%2fpasswd",
        "%2e%2e/etc/passwd",
        "a/./b",
        "%2fetc%2fpasswd",
        "a//b",
        "a%00b",
        "a%5Cb",
        "%ff",
        &"x".repeat(300),
    ] {
        let answer = get(&http, &id, bad).await;
        assert_eq!(answer.status, 400, "{bad}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], "bad_request", "{bad}");
        assert_eq!(put(&http, &id, bad, "x").await.status, 400, "{bad}");
    }
    for bad in ["..", "%2e%2e%2f", "%2fetc", "a%2f..%2fb"] {
        let path = format!("/api/repls/{id}/download?path={bad}");
        assert_eq!(http.get(&path).await.unwrap().status, 400, "{bad}");
    }
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_link_out_of_the_sandbox_meets_the_sandboxs_files_alone() {
    let (server, id) = running().await;
    let secret = server.data_dir.join("secret");
    std::fs::write(&secret, "of the host").unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command(&format!("ln -s {} link; mkfifo pipe", secret.display()))
        .await
        .unwrap();
    assert_eq!(get(&server.http(), &id, "link").await.status, 404);
    // A pipe is no file, and waits for nobody.
    assert_eq!(get(&server.http(), &id, "pipe").await.status, 409);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_folder_comes_as_an_archive_with_links_and_permissions() {
    let (server, id) = running().await;
    let mut page = server.session(&id).await.unwrap();
    page.command(
        "mkdir -p top/sub/empty top/node_modules && printf one > top/sub/one.txt && chmod 755 top/sub/one.txt \
         && ln -s sub/one.txt top/link && touch 'top/é.txt' && mkfifo top/pipe && ln -s /etc top/etc \
         && head -c 3000000 /dev/zero > top/large && echo x > top/node_modules/x.js && mkdir node_modules \
         && echo x > node_modules/x.js && printf '\\n[files]\\nbulk = [\"node_modules\"]\\n' >> alcove.toml",
    )
    .await
    .unwrap();
    let unpack = |body: &[u8]| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.zip");
        std::fs::write(&file, body).unwrap();
        let script = "import sys, zipfile\nz = zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n\
            for i in z.infolist(): print(i.filename, oct(i.external_attr >> 16), i.file_size)";
        let out = std::process::Command::new("python3")
            .args(["-c", script])
            .arg(&file)
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap()
    };
    let http = server.http();
    let download = format!("/api/repls/{id}/download");
    let answer = http.get(&format!("{download}?path=top")).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/zip"));
    let disposition = answer.header("content-disposition").unwrap();
    assert!(disposition.ends_with("''top.zip"), "{disposition}");
    assert_eq!(
        unpack(&answer.body),
        "top/etc 0o120777 4\ntop/large 0o100644 3000000\ntop/link 0o120777 11\n\
         top/node_modules/ 0o40755 0\ntop/node_modules/x.js 0o100644 2\ntop/sub/ 0o40755 0\n\
         top/sub/empty/ 0o40755 0\ntop/sub/one.txt 0o100755 3\ntop/é.txt 0o100644 0\n"
    );
    let inner = http
        .get(&format!("{download}?path=top%2Fsub"))
        .await
        .unwrap();
    assert!(unpack(&inner.body).starts_with("sub/empty/"));
    // Of everything, what can be made again is left out.
    eventually("bulk is left out", || async {
        let all = unpack(&http.get(&download).await.ok()?.body);
        assert!(all.contains("main.sh") && all.contains("top/sub/one.txt"));
        (!all.contains("node_modules")).then_some(())
    })
    .await;
    assert_eq!(
        http.get(&format!("{download}?path=none"))
            .await
            .unwrap()
            .status,
        404
    );
    assert_eq!(
        http.get(&format!("{download}?path=main.sh"))
            .await
            .unwrap()
            .status,
        404
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_repl_that_sleeps_has_no_files_to_give() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let answer = get(&server.http(), &id, "main.sh").await;
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["error"]["code"], "unavailable");
}

fn path(text: &str) -> WorkspacePath {
    text.parse().unwrap()
}

#[tokio::test]
async fn what_was_deleted_is_put_back_by_whoever_deleted_it() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let mut other = server.session(&id).await.unwrap();
    page.command(
        "mkdir -p a/b && echo one > a/b/one && echo two > two && echo x > a-b && ln -s a link",
    )
    .await
    .unwrap();
    let paths = ["a", "a-b", "a/b/one", "link", "two"].map(path).to_vec();
    let throw = ClientMessage::FilesTrash { trash: 7, paths };
    assert_eq!(page.ask(throw).await.unwrap(), RunnerMessage::Done);
    let gone = page.command("[ ! -e a ] && [ ! -L link ] && [ ! -e two ]");
    assert_eq!(gone.await.unwrap().1, 0);
    let back = ClientMessage::FilesRestore { trash: 7 };
    let refused = other.ask(back.clone()).await.unwrap();
    assert!(
        matches!(&refused, RunnerMessage::Error { code, .. } if *code == ErrorCode::NotFound),
        "{refused:?}"
    );
    // What has come into its place stays there.
    page.command("echo new > two").await.unwrap();
    let left = vec![path("two")];
    let restored = page.ask(back.clone()).await.unwrap();
    assert_eq!(restored, RunnerMessage::FilesRestored { left });
    let all = "[ \"$(cat a/b/one link/b/one two | tr '\\n' ,)\" = one,one,new, ] && [ -L link ]";
    assert_eq!(page.command(all).await.unwrap().1, 0);
    assert!(matches!(
        page.ask(back).await.unwrap(),
        RunnerMessage::Error { .. }
    ));
    server.stop().await.unwrap();
}

#[tokio::test]
async fn deleting_too_much_or_what_is_not_there_changes_nothing() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let many = (0..=MAX_TRASHED).map(|n| path(&format!("f{n}"))).collect();
    for (paths, wanted) in [
        (vec![], ErrorCode::Limit),
        (many, ErrorCode::Limit),
        (vec![WorkspacePath::root()], ErrorCode::BadPath),
        (vec![path("main.sh"), path("none")], ErrorCode::NotFound),
    ] {
        let answer = page
            .ask(ClientMessage::FilesTrash { trash: 1, paths })
            .await;
        let answer = answer.unwrap();
        assert!(
            matches!(&answer, RunnerMessage::Error { code, .. } if *code == wanted),
            "{answer:?}"
        );
    }
    assert_eq!(page.command("[ -e main.sh ]").await.unwrap().1, 0);
    let (from, to) = (path("main.sh"), path("copies/main.sh"));
    let copy = ClientMessage::FileCopy { from, to };
    assert_eq!(page.ask(copy.clone()).await.unwrap(), RunnerMessage::Done);
    let again = page.ask(copy).await.unwrap();
    assert!(
        matches!(&again, RunnerMessage::Error { code, .. } if *code == ErrorCode::Exists),
        "{again:?}"
    );
    assert_eq!(
        page.command("cmp main.sh copies/main.sh").await.unwrap().1,
        0
    );
    server.stop().await.unwrap();
}
