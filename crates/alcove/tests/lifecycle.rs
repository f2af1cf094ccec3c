//! From the first visitor to the last: started once, saved, nothing left behind, nothing lost.

mod common;

use std::path::Path;
use std::process::Command;

use alcove_protocol::session::{ClientMessage, RunnerMessage};
use alcove_testkit::document::Document;
use alcove_testkit::{Server, eventually};
use common::{options, server};

/// Processes, namespaces, groups, mounts and files of this server that name the repl.
fn traces(server: &Server, id: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut look = |what: &str, program: &str, arguments: &[&str]| {
        let output = Command::new(program)
            .args(arguments)
            .output()
            .expect(program);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        found.extend(
            text.lines()
                .filter(|l| l.contains(id))
                .map(|l| format!("{what}: {l}")),
        );
    };
    look("namespace", "ip", &["netns", "list"]);
    look(
        "group",
        "find",
        &[
            "/sys/fs/cgroup",
            "-maxdepth",
            "5",
            "-name",
            &format!("*{id}*"),
        ],
    );
    look(
        "socket",
        "find",
        &["/run/alcove", "-name", &format!("*{id}*")],
    );
    look(
        "folder",
        "find",
        &[
            server.data_dir.to_str().expect("UTF-8"),
            "-maxdepth",
            "3",
            "-name",
            &format!("*{id}*"),
            "-not",
            "-path",
            "*/store/*",
        ],
    );
    found.extend(
        std::fs::read_to_string("/proc/self/mounts")
            .unwrap()
            .lines()
            .filter(|l| l.contains(id))
            .map(|l| format!("mount: {l}")),
    );
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        // Its mounts name the folders that a sandbox was given.
        let mounts = std::fs::read_to_string(entry.path().join("mountinfo")).unwrap_or_default();
        if mounts.contains(id) {
            found.push(format!("process: {}", entry.path().display()));
        }
    }
    found
}

#[tokio::test]
async fn when_the_last_has_left_all_is_saved_and_nothing_remains() {
    let server = Server::start(options().arg("--grace-period", "300ms"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    assert!(!traces(&server, &id).is_empty(), "it runs, and can be seen");
    let script = "echo '#!/bin/sh' > run.sh; chmod 750 run.sh; ln -s run.sh link; ln -s /nowhere dangling; mkdir -p a/empty; \
        touch -d '2001-02-03 04:05:06.789' run.sh; echo installed > ~/.tool; mkdir -p ~/.cache; echo x > ~/.cache/y; \
        printf 'b\\xffd' | xargs -0 touch; (setsid sleep 1000 &) ; sleep 1000 & true";
    assert_eq!(page.command(script).await.unwrap().1, 0);
    let show = "stat -c '%n %a %Y %F' run.sh a/empty; readlink link dangling; cat ~/.tool; ls -b; ls ~/.cache/y";
    let (before, _) = page.command(show).await.unwrap();
    drop(page);
    server.until(&id, "stopped").await;
    assert_eq!(traces(&server, &id), Vec::<String>::new());
    let mut page = server.session(&id).await.unwrap();
    let (after, _) = page.command(show).await.unwrap();
    let list = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|l| !l.contains(".cache") && !l.contains("stat -c"))
            .map(|l| l.trim().to_owned())
            .collect()
    };
    assert_eq!(list(&after), list(&before));
    assert!(
        after.contains("750 981173106") && after.contains("empty") && after.contains("installed"),
        "{after}"
    );
    assert!(
        after.contains("cannot access") || after.contains("No such file"),
        "caches are not saved: {after}"
    );
}

#[tokio::test]
async fn many_who_come_at_once_start_it_once() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let comers = futures_util::future::join_all((0..12).map(|_| server.session(&id))).await;
    let runners: std::collections::BTreeSet<String> = comers
        .into_iter()
        .map(|page| match page.unwrap().welcome {
            Some(RunnerMessage::Welcome { runner, .. }) => runner,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(runners.len(), 1);
    let text = server.http().get("/metrics").await.unwrap().text();
    assert!(
        text.contains("alcove_phase_changes_total{phase=\"running\"} 1"),
        "{text}"
    );
}

#[tokio::test]
async fn an_edit_is_saved_while_people_are_here() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let mut document = Document::open(&mut page, "README.md").await.unwrap();
    document.insert(&mut page, 0, "typed ").await.unwrap();
    eventually("a second manifest", || async {
        let manifests = server
            .data_dir
            .join(format!("store/repl/code/{id}/manifests"));
        (std::fs::read_dir(manifests).ok()?.count() > 1).then_some(())
    })
    .await;
    eventually("it is saved", || async {
        (server.state(&id).await.ok()?["saved"]["state"] == "saved").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_told_to_end_saves_what_was_just_typed() {
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP] {
        let mut server = server().await;
        let id = server.create("blank").await.unwrap();
        let mut page = server.session(&id).await.unwrap();
        let mut document = Document::open(&mut page, "README.md").await.unwrap();
        document.insert(&mut page, 0, "last words ").await.unwrap();
        // It has reached the runner when this is answered.
        page.ask(ClientMessage::Ping { time: 1.0 }).await.unwrap();
        assert_eq!(server.end(signal).await.unwrap(), Some(0));
        assert_eq!(traces(&server, &id), Vec::<String>::new());
        let server = server.again().await.unwrap();
        let mut page = server.session(&id).await.unwrap();
        assert!(
            page.command("head -c 10 README.md")
                .await
                .unwrap()
                .0
                .contains("last words")
        );
    }
}

#[tokio::test]
async fn what_a_killed_server_left_is_saved_by_the_next() {
    let mut server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    // A program's change, too fresh to have been saved.
    page.command("echo precious > file; sync").await.unwrap();
    server.end(libc::SIGKILL).await.unwrap();
    assert!(!traces(&server, &id).is_empty(), "its sandbox outlived it");
    let server = server.again().await.unwrap();
    server.until(&id, "stopped").await;
    assert_eq!(traces(&server, &id), Vec::<String>::new());
    let mut page = server.session(&id).await.unwrap();
    assert!(
        page.command("cat file")
            .await
            .unwrap()
            .0
            .contains("precious")
    );
}

#[tokio::test]
async fn a_restore_that_was_cut_short_is_not_taken_for_a_deletion() {
    let mut server = server().await;
    let id = server.create("blank").await.unwrap();
    server.end(libc::SIGKILL).await.unwrap();
    let folder = server.data_dir.join("repls").join(&id);
    std::fs::create_dir_all(folder.join("workspace")).unwrap();
    let server = server.again().await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    assert!(page.command("ls").await.unwrap().0.contains("alcove.toml"));
}

#[tokio::test]
async fn a_store_that_fails_keeps_the_local_copy_until_it_works() {
    let server = Server::start(options().arg("--grace-period", "200ms"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let store = server.data_dir.join("store/repl");
    let away = server.data_dir.join("store/away");
    eventually("the first scan is done", || async {
        (server.state(&id).await.ok()?["saved"]["state"] == "saved").then_some(())
    })
    .await;
    std::fs::rename(&store, &away).unwrap();
    // A file in the folder's place: nothing can be written there.
    std::fs::write(&store, "").unwrap();
    page.command("echo kept > file").await.unwrap();
    eventually("the page is told", || async {
        (server.state(&id).await.ok()?["saved"]["state"] == "failing").then_some(())
    })
    .await;
    drop(page);
    server.until(&id, "stopping").await;
    assert!(
        Path::new(&server.data_dir)
            .join("repls")
            .join(&id)
            .join("workspace/file")
            .exists()
    );
    // Whoever comes back meanwhile goes on with it.
    let mut page = server.session(&id).await.unwrap();
    assert!(page.command("cat file").await.unwrap().0.contains("kept"));
    drop(page);
    std::fs::remove_file(&store).unwrap();
    std::fs::rename(&away, &store).unwrap();
    server.until(&id, "stopped").await;
    assert_eq!(traces(&server, &id), Vec::<String>::new());
    let mut page = server.session(&id).await.unwrap();
    assert!(page.command("cat file").await.unwrap().0.contains("kept"));
}

#[tokio::test]
async fn a_sandbox_that_dies_is_said_and_can_be_started_again() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("echo survives > file").await.unwrap();
    let record = std::fs::read_dir(server.data_dir.join("sandboxes/sandboxes"))
        .unwrap()
        .flatten()
        .find(|e| e.file_name().to_string_lossy() == format!("{id}.json"));
    let record: serde_json::Value =
        serde_json::from_slice(&std::fs::read(record.unwrap().path()).unwrap()).unwrap();
    let pid = record["first"]["pid"].as_i64().unwrap() as i32;
    // SAFETY: kill(2) takes two numbers; the pid is that of this test's own sandbox.
    unsafe { libc::kill(pid, libc::SIGKILL) };
    server.until(&id, "failed").await;
    assert!(
        server.state(&id).await.unwrap()["detail"]
            .as_str()
            .unwrap()
            .contains("was killed")
    );
    let mut page = server.session(&id).await.unwrap();
    assert!(
        page.command("cat file")
            .await
            .unwrap()
            .0
            .contains("survives")
    );
}

#[tokio::test]
async fn a_volume_is_a_process_of_its_own_too() {
    let server = server().await;
    let id = server.create("node").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("here");
    let store = server.data_dir.join("store");
    let volume = |action: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alcove"));
        command
            .args(["volume", action, "--repl", &id])
            .arg("--store")
            .arg(&store)
            .arg("--dir")
            .arg(&place);
        command.output().unwrap()
    };
    assert!(volume("hydrate").status.success());
    std::fs::write(place.join("workspace/new.txt"), "from a sidecar").unwrap();
    let output = volume("checkpoint");
    assert!(
        String::from_utf8_lossy(&output.stdout).contains("\"number\":2"),
        "{output:?}"
    );
    let again = volume("hydrate");
    assert!(
        !again.status.success() && String::from_utf8_lossy(&again.stderr).contains("not empty")
    );
    let mut page = server.session(&id).await.unwrap();
    assert!(
        page.command("cat new.txt")
            .await
            .unwrap()
            .0
            .contains("from a sidecar")
    );
}

#[tokio::test]
async fn saving_by_hand_is_answered_while_a_program_goes_on_writing() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let shell = page.shell().await.unwrap();
    page.input(
        shell,
        "echo beg''un; while true; do date >> log; sleep 0.02; done\n",
    )
    .await
    .unwrap();
    page.until_output(shell, "begun").await.unwrap();
    for _ in 0..3 {
        let answer = server
            .http()
            .post(&format!("/api/repls/{id}/save"), serde_json::json!({}))
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

#[tokio::test]
async fn who_comes_while_it_is_deleted_comes_too_late() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let page = server.session(&id).await.unwrap();
    let http = server.http();
    let path = format!("/api/repls/{id}");
    let start = format!("{path}/start");
    // Before, in the middle of it, or after: nothing of it may be left running.
    let deletion = async {
        http.send(hyper::Method::DELETE, &path, bytes::Bytes::new())
            .await
    };
    let starts = async {
        while http
            .post(&start, serde_json::json!({}))
            .await
            .unwrap()
            .status
            == 200
        {}
    };
    let (deleted, ()) = tokio::join!(deletion, starts);
    assert_eq!(deleted.unwrap().status, 204);
    drop(page);
    assert_eq!(traces(&server, &id), Vec::<String>::new());
}
