//! From the first visitor to the last: started once, saved, nothing left behind, nothing lost.

mod common;

use std::path::Path;
use std::process::Command;

use alcove_protocol::session::{ClientMessage, RunnerMessage};
use alcove_testkit::document::Document;
use alcove_testkit::{Server, Session, Traces, eventually, kill_sandbox};
use common::{open_elsewhere, options, server};

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
            .filter(|l| !l.contains(".cache"))
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
async fn a_page_that_was_forgotten_does_not_keep_a_repl_awake() {
    let options = options().arg("--grace-period", "15s");
    let server = Server::start(options.arg("--idle-period", "15s"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    // What a page does by itself is nobody's doing.
    let pings = async {
        while page.ask(ClientMessage::Ping { time: 1.0 }).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    };
    let stopped = server.until(&id, "stopped");
    tokio::select! {
        ((), ()) = async { tokio::join!(pings, stopped) } => {}
    }
    let state = server.state(&id).await.unwrap();
    let said = state["detail"].as_str().unwrap();
    assert!(said.contains("Nobody had done anything"), "{said}");
    assert!(state["awake"].is_null());
}

#[tokio::test]
async fn who_comes_when_the_machine_is_full_waits_in_line() {
    let server = Server::start(options().arg("--max-running", "1"))
        .await
        .unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(server.create("blank").await.unwrap());
    }
    let ask = |id: &str, what: &str| {
        let (http, path) = (server.http(), format!("/api/repls/{id}/{what}"));
        async move { http.post(&path, serde_json::json!({})).await.unwrap() }
    };
    let waits = async |id: &str, place: &str| {
        let wanted = format!("place {place} in line");
        let (server, wanted) = (&server, wanted.as_str());
        eventually("it waits", || async move {
            let state = server.state(id).await.ok()?;
            (state["phase"] == "starting" && state["detail"].as_str()?.contains(wanted))
                .then_some(())
        })
        .await;
    };
    assert_eq!(ask(&ids[0], "start").await.status, 200);
    let second = tokio::spawn(ask(&ids[1], "start"));
    waits(&ids[1], "1").await;
    let third = tokio::spawn(ask(&ids[2], "start"));
    waits(&ids[2], "2").await;
    // Whoever does not want it any more leaves the line.
    assert_eq!(ask(&ids[1], "stop").await.status, 200);
    assert_eq!(second.await.unwrap().status, 503);
    waits(&ids[2], "1").await;
    server.until(&ids[1], "stopped").await;
    assert_eq!(ask(&ids[0], "stop").await.status, 200);
    assert_eq!(third.await.unwrap().status, 200);
    server.until(&ids[2], "running").await;
}

#[tokio::test]
async fn programs_that_work_keep_a_repl_awake() {
    let server = Server::start(options().arg("--grace-period", "90s"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let terminal = page.shell().await.unwrap();
    page.input(terminal, "while :; do :; done\n").await.unwrap();
    let awake = async |wanted: &'static str| {
        let server = &server;
        let id = &id;
        eventually(wanted, || async move {
            let state = server.state(id).await.ok()?;
            (state["awake"]["why"] == wanted).then(|| state["awake"]["until"].is_string())
        })
        .await
    };
    assert!(awake("people").await);
    drop(page);
    assert!(awake("busy").await);
    let path = format!("/api/repls/{id}/keep");
    let kept = server.http().post(&path, serde_json::json!({})).await;
    assert_eq!(kept.unwrap().status, 204);
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
    // After the template's, and that which begins the epoch.
    eventually("a third manifest", || async {
        let manifests = server
            .data_dir
            .join(format!("store/repl/code/{id}/manifests"));
        (std::fs::read_dir(manifests).ok()?.count() > 2).then_some(())
    })
    .await;
    eventually("it is saved", || async {
        (server.state(&id).await.ok()?["saved"]["state"] == "saved").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_told_to_end_saves_what_was_just_typed() {
    for signal in [libc::SIGINT, libc::SIGHUP] {
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

/// What the store holds of a file, without any server.
fn stored(server: &Server, id: &str, path: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_alcove"));
    command
        .args(["store", "export", id])
        .arg(folder.path().join("out"))
        .arg("--store")
        .arg(server.data_dir.join("store"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    std::fs::read_to_string(folder.path().join("out/workspace").join(path)).unwrap()
}

#[tokio::test]
async fn programs_go_on_without_a_server_and_with_the_next() {
    for signal in [libc::SIGTERM, libc::SIGKILL] {
        let mut server = server().await;
        let id = server.create("blank").await.unwrap();
        let mut page = server.session(&id).await.unwrap();
        let client = page.client.clone();
        let terminal = page.shell().await.unwrap();
        let program = "number=42; date > ticks; (while :; do date +%s%N > ticks; sleep 0.05; done) & echo rea''dy\n";
        page.input(terminal, program).await.unwrap();
        page.until_output(terminal, "ready").await.unwrap();
        let mut document = Document::open(&mut page, "README.md").await.unwrap();
        document.insert(&mut page, 0, "last words ").await.unwrap();
        // It has reached the runner when this is answered.
        page.ask(ClientMessage::Ping { time: 1.0 }).await.unwrap();
        let code = server.end(signal).await.unwrap();
        if signal == libc::SIGTERM {
            assert_eq!(code, Some(0));
            assert!(stored(&server, &id, "README.md").starts_with("last words "));
        }
        let ticks = server
            .data_dir
            .join("repls")
            .join(&id)
            .join("workspace/ticks");
        let before = std::fs::read_to_string(&ticks).unwrap();
        eventually("it goes on with no server", || async {
            std::fs::read_to_string(&ticks)
                .ok()
                .filter(|now| !now.is_empty() && *now != before)
        })
        .await;

        let server = server.again().await.unwrap();
        server.until(&id, "running").await;
        let again = Session::connect_as(server.address, &server.token, &id, &client);
        let mut page = again.await.unwrap();
        page.attach(terminal, None).await.unwrap();
        page.input(terminal, "echo number=$number.\n")
            .await
            .unwrap();
        page.until_output(terminal, "number=42.").await.unwrap();
        let mut document = Document::open(&mut page, "README.md").await.unwrap();
        assert!(document.content().starts_with("last words "));
        // It is saved, watched over and ended as ever.
        document.insert(&mut page, 0, "more ").await.unwrap();
        page.ask(ClientMessage::Ping { time: 2.0 }).await.unwrap();
        let path = format!("/api/repls/{id}/save");
        let saved = server.http().post(&path, serde_json::json!({})).await;
        assert_eq!(saved.unwrap().status, 200);
        assert!(stored(&server, &id, "README.md").starts_with("more last words "));
        let path = format!("/api/repls/{id}/stop");
        server
            .http()
            .post(&path, serde_json::json!({}))
            .await
            .unwrap();
        server.until(&id, "stopped").await;
        assert_eq!(traces(&server, &id), Vec::<String>::new());
    }
}

/// `alcove drain` over a server's data folder: whether it ended well, and what it said.
fn drain(server: &Server) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_alcove"))
        .args(["drain", "--data-dir"])
        .arg(&server.data_dir)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    (output.status.success(), said)
}

#[tokio::test]
async fn draining_saves_and_stops_what_runs_with_a_server_or_without() {
    for with_server in [true, false] {
        let mut server = server().await;
        let id = server.create("blank").await.unwrap();
        let mut page = server.session(&id).await.unwrap();
        page.command("echo precious > file").await.unwrap();
        if !with_server {
            assert_eq!(server.end(libc::SIGTERM).await.unwrap(), Some(0));
            page.closed().await.unwrap();
        }
        assert!(!traces(&server, &id).is_empty(), "it runs");
        let everything = Traces::of(&server).unwrap();
        let (drained, said) = drain(&server);
        assert!(drained && said.contains("Everything is saved"), "{said}");
        assert_eq!(said.contains("The server"), with_server, "{said}");
        assert_eq!(traces(&server, &id), Vec::<String>::new());
        assert_eq!(stored(&server, &id, "file"), "precious\n");
        let (again, said) = drain(&server);
        assert!(again, "there is nothing to do: {said}");
        everything.all_gone().await;
    }
    let nothing = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_alcove"))
        .args(["drain", "--data-dir"])
        .arg(nothing.path().join("missing"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("no data folder"),
        "{said}"
    );
}

#[tokio::test]
async fn what_runs_is_not_taken_for_something_else() {
    let mut server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    page.command("echo precious > file").await.unwrap();
    assert_eq!(server.end(libc::SIGTERM).await.unwrap(), Some(0));
    let alcove = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_alcove"))
            .args(arguments)
            .arg("--data-dir")
            .arg(&server.data_dir)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    };
    // Another kind of spawner does not know of it, another store not of its files.
    for kind in ["none", "process"] {
        let (started, said) = alcove(&["serve", "--listen", "127.0.0.1:0", "--spawner", kind]);
        assert!(
            !started && said.contains("alcove drain") && said.contains(&id),
            "{said}"
        );
    }
    let elsewhere = tempfile::tempdir().unwrap();
    let (drained, said) = alcove(&["drain", "--store", elsewhere.path().to_str().unwrap()]);
    assert!(!drained && said.contains("another --store"), "{said}");
    assert!(!traces(&server, &id).is_empty(), "it still runs");
    let (drained, said) = drain(&server);
    assert!(drained, "{said}");
    assert_eq!(stored(&server, &id, "file"), "precious\n");
}

/// A sandbox that ended while no server was there leaves its files, which are saved.
#[tokio::test]
async fn what_a_killed_server_left_is_saved_by_the_next() {
    let mut server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    // A program's change, too fresh to have been saved.
    page.command("echo precious > file; sync").await.unwrap();
    server.end(libc::SIGKILL).await.unwrap();
    assert!(!traces(&server, &id).is_empty(), "its sandbox outlived it");
    kill_sandbox(&server.data_dir, &id).unwrap();
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
async fn a_sandbox_without_all_of_its_files_is_ended_by_the_next_server() {
    let mut server = server().await;
    let id = server.create("blank").await.unwrap();
    drop(server.session(&id).await.unwrap());
    server.end(libc::SIGKILL).await.unwrap();
    assert!(!traces(&server, &id).is_empty(), "its sandbox outlived it");
    // As if it had been killed before the last file was there.
    let mark = server.data_dir.join("repls").join(&id).join("restored");
    std::fs::remove_file(mark).unwrap();
    let server = server.again().await.unwrap();
    server.until(&id, "stopped").await;
    assert_eq!(traces(&server, &id), Vec::<String>::new());
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
    kill_sandbox(&server.data_dir, &id).unwrap();
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
        // The first is the template's, the second begins the epoch.
        String::from_utf8_lossy(&output.stdout).contains("\"number\":3"),
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

/// Two who write one repl can't harm each other: the later goes on, and what the earlier held is kept.
#[tokio::test]
async fn a_repl_that_is_opened_elsewhere_stops_here_and_keeps_what_was_not_saved() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    assert_eq!(page.command("echo before > a.txt").await.unwrap().1, 0);
    eventually("it is saved", || async {
        (server.state(&id).await.ok()?["saved"]["state"] == "saved").then_some(())
    })
    .await;
    open_elsewhere(&server, &id);
    page.command("echo after >> a.txt").await.unwrap();
    server.until(&id, "failed").await;
    let state = server.state(&id).await.unwrap();
    let reason = state["detail"].as_str().unwrap();
    assert!(
        reason.contains("Another server has opened this repl"),
        "{reason}"
    );
    let all = server.http().get("/api/repls").await.unwrap().json();
    let kept = all
        .as_array()
        .unwrap()
        .iter()
        .find(|repl| repl["name"].as_str().unwrap().ends_with(" (kept)"))
        .unwrap_or_else(|| panic!("{all}"));
    assert!(reason.contains(kept["name"].as_str().unwrap()), "{reason}");
    let mut page = server.session(kept["id"].as_str().unwrap()).await.unwrap();
    let (text, _) = page.command("cat a.txt").await.unwrap();
    assert!(text.contains("before") && text.contains("after"), "{text}");
}

/// Without a server: what is in the store is checked, and read.
#[tokio::test]
async fn the_store_is_checked_and_read_without_a_server() {
    let server = server().await;
    let id = server.create("node").await.unwrap();
    let store = server.data_dir.join("store");
    let alcove = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alcove"));
        let output = command
            .arg("store")
            .args(arguments)
            .arg("--store")
            .arg(&store)
            .output();
        let output = output.unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    };
    let (fine, text) = alcove(&["check", "--content"]);
    assert!(fine && text.contains("; 0 problems"), "{text}");
    let out = tempfile::tempdir().unwrap();
    let to = out.path().join("out");
    let (fine, text) = alcove(&["export", &id, to.to_str().unwrap()]);
    assert!(fine, "{text}");
    let (fine, text) = alcove(&["gc", "--dry-run"]);
    assert!(
        fine && text.contains("0 old manifests and 0 other objects"),
        "{text}"
    );
    assert!(to.join("workspace/alcove.toml").exists());
    let (fine, text) = alcove(&["export", &id, to.to_str().unwrap()]);
    assert!(!fine && text.contains("is not empty"), "{text}");
    let (fine, text) = alcove(&[
        "export",
        "nosuchreplid",
        out.path().join("o").to_str().unwrap(),
    ]);
    assert!(!fine && text.contains("no such repl"), "{text}");
    std::fs::write(
        store.join(format!("repl/code/{id}/manifests/00000000000000000009")),
        "nonsense",
    )
    .unwrap();
    let (fine, text) = alcove(&["check"]);
    assert!(!fine && text.contains("damaged"), "{text}");
    // A reader begins no epoch.
    assert!(
        !store
            .join(format!("repl/code/{id}/manifests/00000000000000000002"))
            .exists()
    );
}

/// The database is gone: what is in the store is listed again.
#[tokio::test]
async fn the_list_of_repls_is_made_anew_from_the_store() {
    let mut server = server().await;
    let id = server.create("node").await.unwrap();
    let name = server
        .http()
        .get(&format!("/api/repls/{id}"))
        .await
        .unwrap()
        .json()["name"]
        .clone();
    let import = |data_dir: &Path| {
        let output = Command::new(env!("CARGO_BIN_EXE_alcove"))
            .args(["store", "import"])
            .arg("--store")
            .arg(data_dir.join("store"))
            .arg("--data-dir")
            .arg(data_dir)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.success(), text)
    };
    let (fine, text) = import(&server.data_dir);
    assert!(!fine && text.contains("server"), "one works on it: {text}");
    let binned = server.create("blank").await.unwrap();
    let path = format!("/api/repls/{binned}");
    let deleted = server
        .http()
        .json(hyper::Method::DELETE, &path, serde_json::json!({}))
        .await
        .unwrap();
    assert_eq!(deleted.status, 204);
    assert_eq!(server.end(libc::SIGINT).await.unwrap(), Some(0));
    let (fine, text) = import(&server.data_dir);
    assert!(
        fine && text.contains("0 repls added, 2 were known"),
        "{text}"
    );
    for file in ["alcove.db", "alcove.db-wal", "alcove.db-shm"] {
        let _ = std::fs::remove_file(server.data_dir.join(file));
    }
    let (fine, text) = import(&server.data_dir);
    assert!(
        fine && text.contains("2 repls added, 0 were known"),
        "{text}"
    );
    let (fine, text) = import(&server.data_dir);
    assert!(
        fine && text.contains("0 repls added, 2 were known"),
        "{text}"
    );
    let server = server.again().await.unwrap();
    assert_eq!(
        server
            .http()
            .get(&format!("/api/repls/{id}"))
            .await
            .unwrap()
            .json()["name"],
        name
    );
    let mut page = server.session(&id).await.unwrap();
    assert!(page.command("ls").await.unwrap().0.contains("package.json"));
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

/// Changes a repl; status and text of the answer.
async fn patch(server: &Server, id: &str, change: serde_json::Value) -> (u16, String) {
    let http = server.http();
    let path = format!("/api/repls/{id}");
    let answer = http.json(hyper::Method::PATCH, &path, change).await;
    let answer = answer.unwrap();
    (answer.status, answer.text())
}

/// Waits until a repl goes on for this reason.
async fn until_awake(server: &Server, id: &str, why: &str) {
    eventually(&format!("it goes on: {why}"), || async {
        let state = server.state(id).await.ok()?;
        (state["awake"]["why"] == why).then_some(())
    })
    .await;
}

#[tokio::test]
async fn settings_of_a_repl_are_kept_and_caps_are_named() {
    let options = options()
        .arg("--grace-period", "5m")
        .arg("--max-grace-period", "1h")
        .arg("--max-life", "5h")
        .arg("--keep-alive-allowed", "false");
    let server = Server::start(options).await.unwrap();
    let id = server.create("blank").await.unwrap();
    let me = server.http().get("/api/me").await.unwrap().json();
    assert_eq!(me["repl_limits"]["grace_seconds"], 300);
    assert_eq!(me["repl_limits"]["max_grace_seconds"], 3600);
    assert_eq!(me["repl_limits"]["max_life_seconds"], 18_000);
    assert_eq!(me["repl_limits"]["keep_alive_allowed"], false);
    let shown = async || {
        let http = server.http();
        let answer = http.get(&format!("/api/repls/{id}")).await.unwrap();
        answer.json()
    };
    assert_eq!(shown().await["settings"], serde_json::json!({}));
    let good =
        serde_json::json!({ "grace_minutes": 60, "max_life_hours": 5, "wake_on_touch": false });
    let (status, text) = patch(&server, &id, serde_json::json!({ "settings": good })).await;
    assert_eq!(status, 200, "{text}");
    assert_eq!(shown().await["settings"], good);
    for (bad, words) in [
        (
            serde_json::json!({ "grace_minutes": 61 }),
            "0 to 60 minutes",
        ),
        (serde_json::json!({ "max_life_hours": 6 }), "1 to 5 hours"),
        (serde_json::json!({ "keep_alive": true }), "nobody there"),
        (serde_json::json!({ "keepalive": true }), "keepalive"),
    ] {
        let change = serde_json::json!({ "name": "other", "settings": bad });
        let (status, text) = patch(&server, &id, change).await;
        assert!(status == 400 && text.contains(words), "{status}: {text}");
    }
    // Of what is refused nothing is changed; a name alone leaves them.
    assert_ne!(shown().await["name"], "other");
    patch(&server, &id, serde_json::json!({ "name": "named" })).await;
    let now = shown().await;
    assert_eq!((&now["name"], &now["settings"]), (&"named".into(), &good));
    // All of them are replaced; a copy has none.
    let change = serde_json::json!({ "settings": { "idle_minutes": 7 } });
    assert_eq!(patch(&server, &id, change.clone()).await.0, 200);
    assert_eq!(shown().await["settings"], change["settings"]);
    let path = format!("/api/repls/{id}/duplicate");
    let copy = server.http().post(&path, serde_json::json!({})).await;
    assert_eq!(copy.unwrap().json()["settings"], serde_json::json!({}));
}

#[tokio::test]
async fn one_that_is_kept_alive_goes_on_with_nobody_there() {
    let server = Server::start(options().arg("--grace-period", "300ms"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let keep = |on: bool| serde_json::json!({ "settings": { "keep_alive": on } });
    assert_eq!(patch(&server, &id, keep(true)).await.0, 200);
    let page = server.session(&id).await.unwrap();
    drop(page);
    until_awake(&server, &id, "keep_alive").await;
    let state = server.state(&id).await.unwrap();
    assert!(state["awake"]["until"].is_null(), "{state}");
    // What is changed holds at once.
    assert_eq!(patch(&server, &id, keep(false)).await.0, 200);
    server.until(&id, "stopped").await;
}

#[tokio::test]
async fn a_repl_says_how_long_it_waits_for_somebody() {
    let server = server().await;
    let id = server.create("blank").await.unwrap();
    let page = server.session(&id).await.unwrap();
    drop(page);
    until_awake(&server, &id, "always").await;
    let change = serde_json::json!({ "settings": { "grace_minutes": 0 } });
    assert_eq!(patch(&server, &id, change).await.0, 200);
    server.until(&id, "stopped").await;
}

#[tokio::test]
async fn the_longest_life_is_told_and_ends_a_repl_whatever_it_does() {
    let mut server = Server::start(options().arg("--max-life", "5m"))
        .await
        .unwrap();
    let id = server.create("blank").await.unwrap();
    let change = serde_json::json!({ "settings": { "keep_alive": true } });
    assert_eq!(patch(&server, &id, change).await.0, 200);
    let page = server.session(&id).await.unwrap();
    // So short a life is near its end at once.
    until_awake(&server, &id, "max_life").await;
    let state = server.state(&id).await.unwrap();
    assert!(state["awake"]["until"].is_string(), "{state}");
    // The next server counts from the same start.
    assert_eq!(server.end(libc::SIGTERM).await.unwrap(), Some(0));
    drop(page);
    let script = "import sqlite3, sys\nd = sqlite3.connect(sys.argv[1])\n\
        d.execute(\"update repls set started_ms = started_ms - 300000 where id = ?\", (sys.argv[2],))\nd.commit()";
    let aged = Command::new("python3")
        .args(["-c", script])
        .arg(server.data_dir.join("alcove.db"))
        .arg(&id)
        .status();
    assert!(aged.unwrap().success());
    let server = server.again().await.unwrap();
    eventually("it is over", || async {
        let state = server.state(&id).await.ok()?;
        let detail = state["detail"].as_str()?;
        (state["phase"] == "stopped" && detail.contains("the longest that it may")).then_some(())
    })
    .await;
}

/// A repl that is kept alive and runs, whose program notes in `runs` that it began.
async fn kept_alive(server: &Server, then: &str) -> String {
    let id = server.create("blank").await.unwrap();
    let mut page = server.session(&id).await.unwrap();
    let project = format!("[run]\\ncommand = \"echo began >> runs; {then}\"\\n");
    let (said, code) = page
        .command(&format!("printf '{project}' > alcove.toml"))
        .await
        .unwrap();
    assert_eq!(code, 0, "{said}");
    let keep = serde_json::json!({ "settings": { "keep_alive": true } });
    assert_eq!(patch(server, &id, keep).await.0, 200);
    drop(page);
    until_awake(server, &id, "keep_alive").await;
    let path = format!("/api/repls/{id}/start?run=true");
    let started = server.http().post(&path, serde_json::json!({})).await;
    assert_eq!(started.unwrap().status, 200);
    id
}

/// Waits until the program of such a repl has begun so often.
async fn until_begun(server: &Server, id: &str, times: usize) {
    let runs = server
        .data_dir
        .join("repls")
        .join(id)
        .join("workspace/runs");
    eventually(&format!("its program has begun {times} times"), || async {
        let text = std::fs::read_to_string(&runs).unwrap_or_default();
        (text.lines().count() >= times).then_some(())
    })
    .await;
}

/// Repls stop when nobody is there, unless they are kept alive.
fn keeping() -> alcove_testkit::Options {
    options().arg("--grace-period", "20s")
}

#[tokio::test]
async fn what_is_kept_alive_comes_back_after_a_crash() {
    let server = Server::start(keeping()).await.unwrap();
    let id = kept_alive(&server, "sleep 1000").await;
    until_begun(&server, &id, 1).await;
    kill_sandbox(&server.data_dir, &id).unwrap();
    until_begun(&server, &id, 2).await;
    until_awake(&server, &id, "keep_alive").await;
    // What somebody stops stays stopped, though it was about to be started again.
    kill_sandbox(&server.data_dir, &id).unwrap();
    server.stop_repl(&id).await.unwrap();
    server.until(&id, "stopped").await;
    // A program that fails is started again as well, unless somebody is there.
    let failing = kept_alive(&server, "exit 3").await;
    until_begun(&server, &failing, 3).await;
    assert_eq!(server.state(&failing).await.unwrap()["phase"], "running");
    assert_eq!(server.state(&id).await.unwrap()["phase"], "stopped");
}

#[tokio::test]
async fn what_is_kept_alive_comes_back_with_the_next_server() {
    // The machine fails; the server is told to stop everything.
    for fails in [true, false] {
        let mut server = Server::start(keeping()).await.unwrap();
        let id = kept_alive(&server, "sleep 1000").await;
        let stopped = kept_alive(&server, "sleep 1000").await;
        until_begun(&server, &id, 1).await;
        server.stop_repl(&stopped).await.unwrap();
        if fails {
            server.end(libc::SIGKILL).await.unwrap();
            kill_sandbox(&server.data_dir, &id).unwrap();
        } else {
            assert_eq!(server.end(libc::SIGINT).await.unwrap(), Some(0));
            assert_eq!(traces(&server, &id), Vec::<String>::new());
        }
        let server = server.again().await.unwrap();
        until_begun(&server, &id, 2).await;
        until_awake(&server, &id, "keep_alive").await;
        // What somebody had stopped is not started.
        let state = server.state(&stopped).await.unwrap();
        assert_eq!(state["phase"], "stopped", "{state}");
    }
}

#[tokio::test]
async fn draining_does_not_start_what_is_kept_alive() {
    let mut server = Server::start(keeping()).await.unwrap();
    let id = kept_alive(&server, "sleep 1000").await;
    until_begun(&server, &id, 1).await;
    server.end(libc::SIGKILL).await.unwrap();
    kill_sandbox(&server.data_dir, &id).unwrap();
    let (drained, said) = drain(&server);
    assert!(drained, "{said}");
    assert_eq!(traces(&server, &id), Vec::<String>::new());
    assert_eq!(stored(&server, &id, "runs"), "began\n");
    // The next server does.
    let server = server.again().await.unwrap();
    until_begun(&server, &id, 2).await;
}
