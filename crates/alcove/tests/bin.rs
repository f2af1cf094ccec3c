//! Repls are duplicated, deleted and brought back, with all that is in them.

mod common;

use alcove_testkit::Server;
use common::server;
use hyper::Method;
use serde_json::{Value, json};

async fn names(server: &Server, path: &str) -> Vec<String> {
    let list = server.http().get(path).await.unwrap().json();
    let name = |r: &Value| r["name"].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn what_was_deleted_lies_in_the_bin_and_comes_back_whole() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("echo kept > file; chmod 750 file")
        .await
        .unwrap();
    // It runs while it is deleted.
    let path = format!("/api/repls/{id}");
    let deleted = server
        .http()
        .json(Method::DELETE, &path, json!({}))
        .await
        .unwrap();
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    drop(page);
    assert_eq!(server.http().get(&path).await.unwrap().status, 404);
    let bin = server.http().get("/api/bin").await.unwrap().json();
    assert_eq!(bin[0]["id"], id.as_str());
    assert!(bin[0]["kept_until"].as_str() > bin[0]["deleted_at"].as_str());

    let restore = format!("{path}/restore");
    let back = server.http().post(&restore, json!({})).await.unwrap();
    assert_eq!(back.status, 200, "{}", back.text());
    assert_eq!(names(&server, "/api/bin").await.len(), 0);
    assert_eq!(names(&server, "/api/repls").await.len(), 1);
    let mut page = server.session(&id).await.unwrap();
    let (text, _) = page.command("cat file; stat -c %a file").await.unwrap();
    assert!(text.contains("kept") && text.contains("750"), "{text}");
    // It is in the bin no more.
    let again = server.http().post(&restore, json!({})).await.unwrap();
    assert_eq!(again.status, 404);
}

#[tokio::test]
async fn a_copy_has_what_was_typed_a_moment_ago_and_goes_its_own_way() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("echo original > file").await.unwrap();
    let path = format!("/api/repls/{id}/duplicate");
    let made = server
        .http()
        .post(&path, json!({ "name": "mine" }))
        .await
        .unwrap();
    assert_eq!(made.status, 201, "{}", made.text());
    let copy = made.json()["id"].as_str().unwrap().to_owned();
    let mut other = server.session(&copy).await.unwrap();
    let (text, _) = other
        .command("cat file; echo changed > file")
        .await
        .unwrap();
    assert!(text.contains("original"), "{text}");
    let (text, _) = page.command("cat file").await.unwrap();
    assert!(text.contains("original"), "{text}");
    for bad in [json!({ "name": "x".repeat(101) }), json!({ "nonsense": 1 })] {
        assert_eq!(server.http().post(&path, bad).await.unwrap().status, 400);
    }
    assert_eq!(names(&server, "/api/repls").await.len(), 2);
}
