//! The server with PostgreSQL as its database: the same behaviour as with SQLite.

mod common;

use alcove_testkit::postgres::Postgres;
use alcove_testkit::{Http, Server};
use common::options;
use hyper::Method;
use serde_json::json;

#[tokio::test]
async fn repls_and_sign_ins_outlive_the_server_in_postgres() {
    let postgres = Postgres::start().await.unwrap();
    let server = Server::start(options().arg("--database", &postgres.address()))
        .await
        .unwrap();
    let cookie = server.sign_in().await.unwrap();
    let id = server.create("blank").await.unwrap();
    let mut session = server.session(&id).await.unwrap();
    session.command("echo kept > file").await.unwrap();
    let renamed = server
        .http()
        .json(
            Method::PATCH,
            &format!("/api/repls/{id}"),
            json!({ "name": "in Postgres" }),
        )
        .await
        .unwrap();
    assert_eq!(renamed.status, 200, "{}", renamed.text());
    drop(session);
    let other = server.create("blank").await.unwrap();
    let deleted = server
        .http()
        .json(Method::DELETE, &format!("/api/repls/{other}"), json!({}))
        .await
        .unwrap();
    assert_eq!(deleted.status, 204, "{}", deleted.text());

    let host = server.host();
    let mut server = server;
    assert_eq!(server.end(libc::SIGINT).await.unwrap(), Some(0));
    assert!(!server.data_dir.join("alcove.db").exists());
    let server = server.again().await.unwrap();
    let list = server.http().get("/api/repls").await.unwrap().json();
    let names: Vec<_> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["in Postgres"]);
    // The token's and the key's are there, too: who had signed in still is.
    let browser = Http::new(server.address, &host).header("cookie", &cookie);
    let me = browser.get("/api/me").await.unwrap();
    assert_eq!(me.status, 200, "{}", me.text());
    let mut session = server.session(&id).await.unwrap();
    let (text, _) = session.command("cat file").await.unwrap();
    assert!(text.contains("kept"), "{text}");
    drop(session);
    server.stop().await.unwrap();
}
