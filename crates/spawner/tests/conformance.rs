//! What every spawner does, whether it isolates or not.

mod common;

use std::path::Path;
use std::sync::Arc;

use alcove_spawner::{Exit, Network, SpawnError, Spawner};
use common::{DEADLINE, Place, ask, gone, sh};
use serde_json::json;

async fn a_socket_answers_until_stop_and_nothing_is_left(place: &Place, spawner: Arc<dyn Spawner>) {
    let sandbox = place.start(&*spawner, "one", Network::None).await;
    assert!(Path::new(&format!("/proc/{}", sandbox.pid)).exists());
    assert_eq!(sh(&sandbox, "echo hello").await, (0, "hello\n".into()));
    assert_eq!(spawner.list().await.expect("lists").len(), 1);

    // Programs in sessions of their own end, too, and those whose parents have ended.
    let marker = place.path("one-workspace").join("marker");
    ask(
        &sandbox.socket,
        json!({ "leave": "setsid sh -c \"touch marker; exec sleep 1234.5678\" & exit" }),
    )
    .await;
    let started = async {
        while !marker.exists() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, started)
        .await
        .expect("the program starts");

    let waiting = tokio::spawn({
        let spawner = spawner.clone();
        async move { spawner.wait("one").await }
    });
    tokio::task::yield_now().await;
    spawner.stop("one").await.expect("stops");
    let exit = tokio::time::timeout(DEADLINE, waiting)
        .await
        .expect("wait ends")
        .expect("no panic");
    assert_eq!(exit, Exit::Code(137));
    assert!(!sandbox.socket.exists());
    gone(sandbox.pid).await;
    let workspace = place.path("one-workspace").display().to_string();
    let left = common::host("pgrep", &["-fa", &workspace]);
    assert_eq!(left, "", "processes remain");
    assert!(spawner.list().await.expect("lists").is_empty());
    assert_eq!(spawner.wait("one").await, Exit::Unknown);
    spawner.stop("one").await.expect("again is no error");

    spawner.release("one").await.expect("releases");
    spawner.shutdown().await;
}

async fn an_exit_code_is_told(place: &Place, spawner: Arc<dyn Spawner>) {
    let sandbox = place.start(&*spawner, "two", Network::None).await;
    ask(&sandbox.socket, json!({ "exit": 7 })).await;
    let exit = tokio::time::timeout(DEADLINE, spawner.wait("two"))
        .await
        .expect("wait ends");
    assert_eq!(exit, Exit::Code(7));
    // It can be started again without a stop in between.
    let sandbox = place.start(&*spawner, "two", Network::None).await;
    assert_eq!(sh(&sandbox, "echo again").await.1, "again\n");
    spawner.stop("two").await.expect("stops");
    spawner.release("two").await.expect("releases");
    spawner.shutdown().await;
}

async fn a_second_start_is_refused(place: &Place, spawner: Arc<dyn Spawner>) {
    let sandbox = place.start(&*spawner, "three", Network::None).await;
    let spec = place.spec(&*spawner, "three", Network::None).await;
    assert!(matches!(
        spawner.start(&spec).await,
        Err(SpawnError::AlreadyRuns(_))
    ));
    assert_eq!(sh(&sandbox, "echo unharmed").await.1, "unharmed\n");
    spawner.stop("three").await.expect("stops");
    for id in ["", "A", "../x", "a-b", &"z".repeat(33)] {
        let bad = alcove_spawner::SandboxSpec {
            id: id.into(),
            ..spec.clone()
        };
        assert!(spawner.start(&bad).await.is_err(), "{id:?} was taken");
        assert!(spawner.owner(id).await.is_err());
        assert!(spawner.stop(id).await.is_err());
        assert!(spawner.release(id).await.is_err());
    }
    spawner.release("three").await.expect("releases");
    spawner.shutdown().await;
}

/// The server dies without a word; the next one finds what runs.
async fn a_later_server_takes_over(
    place: &Place,
    first: Arc<dyn Spawner>,
    second: Arc<dyn Spawner>,
) {
    let sandbox = place.start(&*first, "four", Network::None).await;
    drop(first);
    // `second` was made before: a third reads what is there now.
    let found = second.list().await.expect("lists");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].id.as_str(), found[0].pid), ("four", sandbox.pid));
    assert_eq!(sh(&found[0], "echo still here").await.1, "still here\n");
    second.stop("four").await.expect("stops");
    gone(sandbox.pid).await;
    assert!(!sandbox.socket.exists());
    second.release("four").await.expect("releases");
    second.shutdown().await;
}

macro_rules! conformance {
    ($module:ident, $make:ident) => {
        mod $module {
            use super::*;

            #[tokio::test]
            async fn a_socket_answers_until_stop_and_nothing_is_left() {
                let place = Place::new();
                let spawner = place.$make().await;
                super::a_socket_answers_until_stop_and_nothing_is_left(&place, spawner).await;
            }

            #[tokio::test]
            async fn an_exit_code_is_told() {
                let place = Place::new();
                let spawner = place.$make().await;
                super::an_exit_code_is_told(&place, spawner).await;
            }

            #[tokio::test]
            async fn a_second_start_and_bad_ids_are_refused() {
                let place = Place::new();
                let spawner = place.$make().await;
                super::a_second_start_is_refused(&place, spawner).await;
            }

            #[tokio::test]
            async fn a_later_server_takes_over() {
                let place = Place::new();
                let (first, second) = (place.$make().await, place.$make().await);
                super::a_later_server_takes_over(&place, first, second).await;
            }
        }
    };
}

conformance!(sandboxes, sandboxes);
conformance!(processes, processes);
