//! The leak checker of the tests finds what is left on a machine, and a server leaves nothing.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use alcove_testkit::{Server, Traces, eventually};
use common::options;

fn ip(args: &[&str]) {
    let status = Command::new("ip").args(args).status().unwrap();
    assert!(status.success(), "ip {args:?}");
}

#[tokio::test]
async fn whatever_is_left_is_found_and_a_server_leaves_nothing() {
    let server = Server::start(options().arg("--network", "internet"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("sleep 600 & echo started").await.unwrap();
    let traces = Traces::of(&server).unwrap();
    let found = traces.of_repls().join("\n");
    for kind in [
        "process",
        "network namespace",
        "control group",
        "mount",
        "link",
        "socket",
        "record",
        "user",
    ] {
        assert!(
            found.contains(kind),
            "no {kind} of a running repl in:\n{found}"
        );
    }
    drop(page);
    server.stop_repl(&id).await.unwrap();
    traces.of_repls_gone().await;

    // Each kind, planted alone.
    let name = traces.name().to_owned();
    let namespace = format!("{name}-planted");
    ip(&["netns", "add", &namespace]);
    assert!(only(&traces.of_repls(), &namespace));
    ip(&["netns", "del", &namespace]);

    ip(&[
        "-netns", &name, "link", "add", "r9999", "type", "veth", "peer", "name", "planted",
    ]);
    assert!(only(&traces.of_repls(), "planted"));
    ip(&["-netns", &name, "link", "del", "r9999"]);

    for group in traces.groups() {
        let planted = group.join("planted");
        fs::create_dir(&planted).unwrap();
        assert!(only(&traces.of_repls(), "planted"));
        fs::remove_dir(&planted).unwrap();
    }

    for planted in [
        traces.run().join("planted.sock"),
        server.data_dir.join("repls/planted"),
        server.data_dir.join("sandboxes/sandboxes/planted.json"),
    ] {
        fs::write(&planted, "").unwrap();
        assert!(only(&traces.of_repls(), "planted"));
        fs::remove_file(&planted).unwrap();
    }

    let user = PathBuf::from(format!("/run/alcove/uids/planted-{}", std::process::id()));
    let data = server.data_dir.canonicalize().unwrap();
    fs::write(&user, data.join("planted").display().to_string()).unwrap();
    assert!(only(&traces.of_repls(), "planted"));
    // What could not be saved is kept: with what belongs to it, and nothing else.
    let record = data.join("sandboxes/sandboxes/kept.json");
    for kept in ["repls/kept", "unsaved/kept.img"] {
        let kept = data.join(kept);
        fs::create_dir_all(kept.parent().unwrap()).unwrap();
        fs::write(&kept, "").unwrap();
        fs::write(&record, "").unwrap();
        assert!(only(&traces.not_kept(traces.of_repls()), "planted"));
        fs::remove_file(&kept).unwrap();
        let found = traces.not_kept(traces.of_repls()).join("\n");
        assert!(found.contains("kept.json"), "{found}");
        fs::remove_file(&record).unwrap();
    }
    fs::write(&user, data.join("kept").display().to_string()).unwrap();
    fs::write(data.join("unsaved/kept"), "").unwrap();
    assert_eq!(traces.not_kept(traces.of_repls()), Vec::<String>::new());
    assert!(only(&traces.of_repls(), "kept"));
    fs::remove_file(data.join("unsaved/kept")).unwrap();
    fs::remove_file(&user).unwrap();

    let element = "add element inet alcove names { 10.213.9.9 timeout 1h }";
    let nft = |command: &str| ip(&["netns", "exec", &name, "nft", command]);
    nft(element);
    assert!(only(&traces.of_repls(), "set names"));
    nft("delete element inet alcove names { 10.213.9.9 }");
    assert_eq!(traces.of_repls(), Vec::<String>::new());

    // A process that outlives its server.
    let mut planted = Command::new("sh")
        .args(["-c", "read line", &format!("{name}/planted")])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    server.stop().await.unwrap();
    let process = format!("process {}", planted.id());
    // What the server itself had may be there for a moment longer.
    eventually("it alone is found", || async {
        let found = traces.all();
        (found.len() == 1 && found[0].starts_with(&process)).then_some(())
    })
    .await;
    planted.kill().unwrap();
    planted.wait().unwrap();
    traces.all_gone().await;
    assert!(!Path::new("/run/netns").join(&name).exists());
}

/// Whether one thing was found, or the same in several ways.
fn only(found: &[String], what: &str) -> bool {
    let only = !found.is_empty() && found.iter().all(|line| line.contains(what));
    assert!(only, "{what}: {found:#?}");
    only
}
