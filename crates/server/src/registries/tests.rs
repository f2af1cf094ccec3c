use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::hello::tests::hello;
use super::*;

/// A proxy for one connection: says what it was asked for, then sends back what it gets, in capitals.
async fn proxy() -> (Proxy, tokio::task::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            stream.read_buf(&mut asked).await.unwrap();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        let mut buffer = vec![0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut buffer).await {
            let echo = buffer[..read].to_ascii_uppercase();
            stream.write_all(&echo).await.unwrap();
        }
        String::from_utf8(asked).unwrap()
    });
    (Proxy::parse(&at, "").unwrap(), serving)
}

fn way(hosts: &[String], proxy: Option<Proxy>) -> Way {
    Way {
        times: TIMES,
        hosts: Hosts::new(hosts),
        proxy,
        places: Arc::new(Places::new(MAX_OF_USER, MAX_OF_ALL)),
    }
}

/// A connection to the socket in a new folder.
async fn connected(
    hosts: &[String],
    proxy: Option<Proxy>,
) -> (UnixStream, AbortOnDropHandle<()>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let serving = serve(folder.path(), way(hosts, proxy)).unwrap();
    let stream = UnixStream::connect(folder.path().join(REGISTRIES_SOCKET)).await;
    (stream.unwrap(), serving, folder)
}

async fn ask(stream: &mut UnixStream, host: &str) {
    let request = format!("CONNECT {host}:443 HTTP/1.1\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
}

async fn said(stream: &mut UnixStream) -> String {
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

async fn until_established(stream: &mut UnixStream) {
    let mut answer = vec![0; request::ESTABLISHED.len()];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, request::ESTABLISHED);
}

#[tokio::test]
async fn a_registry_is_reached_and_bytes_pass_in_both_directions() {
    let (proxy, asked) = proxy().await;
    let (mut stream, _serving, _folder) = connected(&[], Some(proxy)).await;
    ask(&mut stream, "pypi.org").await;
    until_established(&mut stream).await;
    let hello = hello("pypi.org");
    stream.write_all(&hello).await.unwrap();
    stream.write_all(b"and more").await.unwrap();
    let mut echo = vec![0; hello.len() + 8];
    stream.read_exact(&mut echo).await.unwrap();
    assert_eq!(
        echo,
        [&hello[..], b"and more"].concat().to_ascii_uppercase()
    );
    stream.shutdown().await.unwrap();
    assert_eq!(said(&mut stream).await, "");
    let asked = asked.await.unwrap();
    assert!(
        asked.starts_with("CONNECT pypi.org:443 HTTP/1.1\r\n"),
        "{asked}"
    );
}

#[tokio::test]
async fn another_host_is_refused_in_words_and_never_asked_for() {
    let (proxy, asked) = proxy().await;
    let (mut stream, _serving, _folder) = connected(&[], Some(proxy)).await;
    ask(&mut stream, "example.com").await;
    let said = said(&mut stream).await;
    assert!(said.starts_with("HTTP/1.1 403 "), "{said}");
    assert!(
        said.contains("\"example.com\"") && said.contains("pypi.org, "),
        "{said}"
    );
    assert!(!asked.is_finished());
}

#[tokio::test]
async fn tls_that_names_another_host_or_is_none_does_not_reach_the_registry() {
    for begins in [
        hello("example.com"),
        hello("192.0.2.1"),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        let (proxy, _asked) = proxy().await;
        let (mut stream, _serving, _folder) = connected(&[], Some(proxy)).await;
        ask(&mut stream, "pypi.org").await;
        until_established(&mut stream).await;
        stream.write_all(&begins).await.unwrap();
        let mut alert = Vec::new();
        stream.read_to_end(&mut alert).await.unwrap();
        assert_eq!(alert, [21, 3, 3, 0, 2, 2, 112], "an alert, and no echo");
    }
}

#[tokio::test]
async fn a_name_of_this_machine_is_reached_only_where_the_operator_named_it() {
    let refusal = way(&[], None).connect("localhost").await.unwrap_err();
    assert!(refusal.to_string().contains("private address"), "{refusal}");
    // Something may listen there, or not.
    let named = way(&["localhost".into()], None);
    if let Err(refusal) = named.connect("localhost").await {
        assert!(refusal.to_string().contains("refused"), "{refusal}");
    }
}

#[tokio::test]
async fn one_user_has_so_many_connections_and_no_more() {
    let (stream, _serving, folder) = connected(&[], None).await;
    let mut held = vec![stream];
    let again = async || UnixStream::connect(folder.path().join(REGISTRIES_SOCKET)).await;
    for _ in 1..MAX_OF_USER {
        held.push(again().await.unwrap());
    }
    let text = said(&mut again().await.unwrap()).await;
    assert!(
        text.starts_with("HTTP/1.1 503 ") && text.contains("64 at once"),
        "{text}"
    );
    held.pop();
    // Its place is free as soon as its end was seen.
    let deadline = tokio::time::Instant::now() + TIMES.head / 2;
    loop {
        let mut stream = again().await.unwrap();
        ask(&mut stream, "example.com").await;
        let text = said(&mut stream).await;
        if text.starts_with("HTTP/1.1 403 ") {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{text}");
    }
}

#[tokio::test]
async fn who_says_nothing_is_not_waited_for() {
    let short = Duration::from_millis(50);
    let (proxy, _asked) = proxy().await;
    let mut way = way(&[], Some(proxy));
    (way.times.head, way.times.idle) = (short, short);
    let folder = tempfile::tempdir().unwrap();
    let _serving = serve(folder.path(), way).unwrap();
    let connect = async || UnixStream::connect(folder.path().join(REGISTRIES_SOCKET)).await;
    let text = said(&mut connect().await.unwrap()).await;
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
    // And not where it stops in the middle.
    let mut stream = connect().await.unwrap();
    ask(&mut stream, "pypi.org").await;
    until_established(&mut stream).await;
    let hello = hello("pypi.org");
    stream.write_all(&hello).await.unwrap();
    let mut echo = Vec::new();
    stream.read_to_end(&mut echo).await.unwrap();
    assert_eq!(echo, hello.to_ascii_uppercase());
}
