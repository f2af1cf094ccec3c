//! Files that come in parts: over real sockets, that break.

mod common;

use alcove_testkit::{Answer, Http, Server, Session};
use bytes::Bytes;
use common::server;
use hyper::Method;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

/// As the page cuts them.
const PART: usize = 8 << 20;
/// A file of many parts, which a small machine moves in seconds.
const LARGE: usize = 6 * PART + 12_345;
const LIMIT: u64 = 2 << 30;

/// A repl, and a page that looks at its files from within.
async fn running() -> (Server, String, Session) {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let page = server.session(&id).await.unwrap();
    (server, id, page)
}

/// Bytes of which no two parts are alike.
fn content(length: usize) -> Vec<u8> {
    let mut state = 0x2545_f491u32;
    let next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

struct Upload<'a> {
    http: &'a Http,
    address: String,
    length: u64,
}

impl Upload<'_> {
    async fn part(&self, offset: u64, bytes: impl Into<Bytes>) -> Answer {
        self.http
            .clone()
            .header("upload-offset", &offset.to_string())
            .header("upload-length", &self.length.to_string())
            .send(Method::PUT, &self.address, bytes.into())
            .await
            .unwrap()
    }

    /// How much has come.
    async fn stands(&self) -> usize {
        let answer = self.part(0, "").await;
        assert_eq!(answer.status, 202, "{}", answer.text());
        answer.header("upload-offset").unwrap().parse().unwrap()
    }
}

fn upload<'a>(http: &'a Http, id: &str, name: &str, length: usize) -> Upload<'a> {
    Upload {
        http,
        address: format!(
            "/api/repls/{id}/uploads/{}?path={name}",
            name.replace('.', "-")
        ),
        length: length as u64,
    }
}

/// Sends the head of a part and some of its bytes, and leaves the connection as it is.
async fn hang(server: &Server, upload: &Upload<'_>, offset: usize, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = format!(
        "PUT {} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nContent-Length: {PART}\r\n\
         Upload-Offset: {offset}\r\nUpload-Length: {}\r\n\r\n",
        upload.address, server.token, upload.length
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    stream
}

/// Bytes of all that lies hidden, for as long as uploads are not whole; nothing without any.
async fn hidden(page: &mut Session) -> String {
    let list = "find . -name '.~alcove-upload*' -printf '%s\\n'";
    page.command(list).await.unwrap().0.trim().to_owned()
}

async fn until_hidden(page: &mut Session, what: impl Fn(&str) -> bool) {
    for _ in 0..1000 {
        if what(&hidden(page).await) {
            return;
        }
    }
    panic!("it stays as it is: {}", hidden(page).await);
}

#[tokio::test]
async fn a_large_file_goes_on_where_its_connection_broke() {
    let (server, id, mut page) = running().await;
    let http = server.http();
    let all = content(LARGE);
    let upload = upload(&http, &id, "large.bin", LARGE);
    let first = upload.part(0, all[..PART].to_vec()).await;
    assert_eq!(first.status, 202, "{}", first.text());
    assert_eq!(first.header("upload-offset"), Some("8388608"));

    // It breaks in the middle of a part, which counts as far as it came;
    let some = &all[PART..PART + 300_000];
    let broken = hang(&server, &upload, PART, some).await;
    let wanted = (PART + some.len()).to_string();
    until_hidden(&mut page, |bytes| bytes == wanted).await;
    drop(broken);
    assert_eq!(upload.stands().await, PART + some.len());

    // or nobody notices for a while that it is broken: whoever asks has the upload.
    let at = PART + some.len();
    let dead = hang(&server, &upload, at, &all[at..at + 300_000]).await;
    until_hidden(&mut page, |bytes| bytes != wanted).await;
    let mut at = upload.stands().await;
    assert!((PART + some.len()..LARGE).contains(&at), "{at}");

    let last = loop {
        let end = (at + PART).min(LARGE);
        let answer = upload.part(at as u64, all[at..end].to_vec()).await;
        if end == LARGE {
            break answer;
        }
        assert_eq!(answer.header("upload-offset"), Some(&*end.to_string()));
        at = end;
    };
    drop(dead);
    assert_eq!(last.status, 201, "{}", last.text());
    // A repl that knows nothing of it says so, whatever comes; here of an id of its own.
    let mut unknown = self::upload(&http, &id, "large.bin", LARGE);
    unknown.address = unknown.address.replace("large-bin", "unknown");
    unknown.address += "&overwrite=true";
    let answer = unknown
        .part(PART as u64, all[PART..2 * PART].to_vec())
        .await;
    assert_eq!(
        (answer.status, answer.header("upload-offset")),
        (202, Some("0"))
    );
    // The answer to the last part may have been lost.
    assert_eq!(upload.part(at as u64, "").await.status, 201);
    let whole = http
        .get(&format!("/api/repls/{id}/files/large.bin"))
        .await
        .unwrap();
    assert!(whole.body == all, "{} bytes came", whole.body.len());
    assert_eq!(hidden(&mut page).await, "0");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn nothing_is_overwritten_by_parts_and_what_is_abandoned_is_gone() {
    let (server, id, mut page) = running().await;
    let http = server.http();
    page.command("echo mine > a.txt; chmod 750 a.txt")
        .await
        .unwrap();
    let mut there = upload(&http, &id, "a.txt", 4);
    assert_eq!(there.part(0, "new\n").await.status, 409);
    there.address += "&overwrite=true";
    assert_eq!(there.part(0, "ne").await.status, 202);
    assert_eq!(there.part(2, "w\n").await.status, 204);
    assert_eq!(
        page.command("[ \"$(cat a.txt; stat -c %a a.txt)\" = \"$(printf 'new\\n750')\" ]")
            .await
            .unwrap()
            .1,
        0
    );

    // Something comes into its place meanwhile, and stays.
    let late = upload(&http, &id, "late.txt", 4);
    assert_eq!(late.part(0, "ne").await.status, 202);
    page.command("echo mine > late.txt").await.unwrap();
    assert_eq!(late.part(2, "w\n").await.status, 409);
    assert_eq!(hidden(&mut page).await, "");

    let half = upload(&http, &id, "half.bin", 4);
    assert_eq!(half.part(0, "ne").await.status, 202);
    assert_eq!(hidden(&mut page).await, "2");
    let address = format!("/api/repls/{id}/uploads/half-bin");
    let gone = http.send(Method::DELETE, &address, Bytes::new()).await;
    assert_eq!(gone.unwrap().status, 204);
    until_hidden(&mut page, str::is_empty).await;
    assert_eq!(half.stands().await, 0);

    // Folders above it are made, and an empty file is one as well.
    let mut empty = upload(&http, &id, "deep", 0);
    empty.address = format!("/api/repls/{id}/uploads/e?path=deep%2Fer%2Fempty.txt");
    assert_eq!(empty.part(0, "").await.status, 201);
    assert_eq!(page.command("[ -f deep/er/empty.txt ]").await.unwrap().1, 0);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn bounds_and_bad_words_are_refused() {
    let (server, id, mut page) = running().await;
    let http = server.http();
    let mut large = upload(&http, &id, "large.bin", 0);
    large.length = LIMIT;
    assert_eq!(large.part(0, "x").await.status, 202);
    large.length = LIMIT + 1;
    let refused = large.part(0, "x").await;
    assert_eq!(refused.status, 413, "{}", refused.text());
    assert_eq!(refused.json()["error"]["code"], "too_large");

    // One of its own length is not another's,
    large.length = 3;
    assert_eq!(large.part(1, "x").await.status, 400);
    // and no more comes than was said.
    let short = upload(&http, &id, "short.txt", 3);
    assert_eq!(short.part(0, "four").await.status, 400);
    assert_eq!(short.part(4, "").await.status, 400);
    assert_eq!(short.stands().await, 0);

    let none = format!("/api/repls/{id}/uploads/u?path=x");
    let answer = http.send(Method::PUT, &none, Bytes::new()).await.unwrap();
    assert_eq!(answer.status, 400);
    for bad in [
        format!("{}?path=x", "u".repeat(65)),
        "a%20b?path=x".into(),
        "a%26id=b?path=x".into(),
        "u?path=".into(),
        "u?path=..%2Fx".into(),
    ] {
        let bad = Upload {
            http: &http,
            address: format!("/api/repls/{id}/uploads/{bad}"),
            length: 1,
        };
        assert_eq!(bad.part(0, "x").await.status, 400, "{}", bad.address);
    }
    assert_eq!(page.command("[ ! -e short.txt ]").await.unwrap().1, 0);
    server.stop().await.unwrap();
}
