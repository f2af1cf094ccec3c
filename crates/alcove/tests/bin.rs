//! Repls are duplicated, deleted and brought back, with all that is in them.

mod common;

use alcove_testkit::{Server, eventually};
use common::{give_to_eve, server};
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
async fn the_bin_is_emptied_by_hand_of_ones_own_repls_alone() {
    let server = server().await;
    let http = server.http();
    let send = async |method, path: &str| http.json(method, path, json!({})).await.unwrap().status;
    let mut ids = Vec::new();
    for name in ["kept", "first", "second", "eves"] {
        let wish = json!({ "template": "blank", "name": name });
        let made = http.post("/api/repls", wish).await.unwrap();
        ids.push(made.json()["id"].as_str().unwrap().to_owned());
    }
    let [kept, first, second, eves] = &ids[..] else {
        unreachable!("four were made")
    };
    // What is not in the bin is not deleted for good.
    assert_eq!(send(Method::DELETE, &format!("/api/bin/{kept}")).await, 404);
    for id in [first, second, eves] {
        let path = format!("/api/repls/{id}");
        assert_eq!(send(Method::DELETE, &path).await, 204);
    }
    give_to_eve(&server, eves);
    let eves_path = format!("/api/bin/{eves}");
    assert_eq!(send(Method::DELETE, &eves_path).await, 404);

    let path = format!("/api/bin/{first}");
    assert_eq!(send(Method::DELETE, &path).await, 204);
    assert_eq!(send(Method::DELETE, &path).await, 404);
    let restore = format!("/api/repls/{first}/restore");
    assert_eq!(send(Method::POST, &restore).await, 404);
    assert_eq!(names(&server, "/api/bin").await, ["second"]);

    assert_eq!(send(Method::DELETE, "/api/bin").await, 204);
    assert_eq!(names(&server, "/api/bin").await, [""; 0]);
    assert_eq!(names(&server, "/api/repls").await, ["kept"]);
    let states = server.data_dir.join("store/repl/code");
    eventually("nothing of them is left in the store", || async {
        let left = |id: &str| {
            let manifests = states.join(id).join("manifests");
            std::fs::read_dir(manifests).is_ok_and(|mut all| all.next().is_some())
        };
        assert!(left(kept) && left(eves));
        (!left(first) && !left(second)).then_some(())
    })
    .await;
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
