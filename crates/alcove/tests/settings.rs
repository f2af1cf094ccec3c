//! What a user chose is kept over restarts, and what makes no sense is refused.

mod common;

use alcove_protocol::settings::{MAX_CHANGED_KEYS, Settings, ThemeChoice};
use alcove_testkit::{Http, Server};
use common::server;
use hyper::Method;
use serde_json::{Value, json};

const ADDRESS: &str = "/api/me/settings";

async fn put(server: &Server, settings: Value) -> (u16, Value) {
    let answer = server
        .http()
        .json(Method::PUT, ADDRESS, settings)
        .await
        .unwrap();
    (answer.status, answer.json())
}

async fn kept(server: &Server) -> Settings {
    let answer = server.http().get(ADDRESS).await.unwrap();
    serde_json::from_value(answer.json()).unwrap()
}

#[tokio::test]
async fn settings_are_the_defaults_until_they_are_chosen_and_survive_a_restart() {
    let mut server = server().await;
    assert_eq!(kept(&server).await, Settings::default());
    let chosen = Settings {
        theme: ThemeChoice::Dark,
        tab_columns: 8,
        keys: [("file.save".to_owned(), "Alt+S".to_owned())].into(),
        ..Settings::default()
    };
    let (status, answer) = put(&server, serde_json::to_value(&chosen).unwrap()).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(kept(&server).await, chosen);
    server.end(libc::SIGINT).await.unwrap();
    let server = server.again().await.unwrap();
    assert_eq!(kept(&server).await, chosen);
    // Another choice takes its place; what is absent becomes the default.
    assert_eq!(put(&server, json!({ "vim": true })).await.0, 200);
    let vim = Settings {
        vim: true,
        ..Settings::default()
    };
    assert_eq!(kept(&server).await, vim);
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let server = server().await;
    let keys = |n: usize| -> Value { (0..n).map(|i| (i.to_string(), "F9")).collect() };
    for bad in [
        json!({ "theme": "blue" }),
        json!({ "editor_font_px": 7 }),
        json!({ "editor_font_px": "large" }),
        json!({ "terminal_font_px": 41 }),
        json!({ "tab_columns": 0 }),
        json!({ "tab_columns": 2.5 }),
        json!({ "editor_font": "x; color: red" }),
        json!({ "word_wrap": 1 }),
        json!({ "keys": keys(MAX_CHANGED_KEYS + 1) }),
        json!({ "unknown": true }),
    ] {
        let (status, answer) = put(&server, bad.clone()).await;
        assert_eq!(status, 400, "{bad}: {answer}");
        assert!(
            answer["error"]["message"]
                .as_str()
                .is_some_and(|m| !m.is_empty())
        );
    }
    let large = json!({ "editor_font": "x".repeat(64 * 1024) });
    assert_eq!(put(&server, large).await.0, 413);
    assert_eq!(
        put(&server, json!({ "keys": keys(MAX_CHANGED_KEYS) }))
            .await
            .0,
        200
    );
    assert_eq!(kept(&server).await.keys.len(), MAX_CHANGED_KEYS);
}

#[tokio::test]
async fn a_page_of_another_origin_changes_no_settings() {
    let server = server().await;
    let answer = Http::new(server.address, &server.host())
        .header("origin", "https://example.org")
        .json(Method::PUT, ADDRESS, json!({ "vim": true }))
        .await
        .unwrap();
    assert!(
        answer.status == 401 || answer.status == 403,
        "{}",
        answer.status
    );
    assert_eq!(kept(&server).await, Settings::default());
}
