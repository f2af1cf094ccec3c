//! The server as an ordinary user: no root, all repls under one uid, kept apart by namespaces.

mod common;

use std::os::unix::fs::PermissionsExt;

use alcove_testkit::{Server, eventually};
use common::options;

/// A uid that nobody has.
const USER: &str = "69991";

#[tokio::test]
async fn it_isolates_saves_and_cleans_up_without_root() {
    // SAFETY: geteuid(2) takes nothing and can't fail.
    let is_root = unsafe { libc::geteuid() } == 0;
    let top = tempfile::Builder::new()
        .prefix("alcove-user-")
        .tempdir()
        .unwrap();
    std::fs::set_permissions(top.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let mut options = options();
    if is_root {
        // The same program, as somebody else.
        let script = top.path().join("alcove");
        let alcove = options.alcove.display();
        let text = format!(
            "#!/bin/sh\nexec setpriv --reuid {USER} --regid {USER} --clear-groups env HOME={} PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin {alcove} \"$@\"\n",
            top.path().display()
        );
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
        options.alcove = script;
    }
    let server = Server::start_over(options, &top.path().join("data"))
        .await
        .unwrap();
    let me = server.http().get("/api/me").await.unwrap().json();
    assert_eq!(me["isolated"], true);
    let (one, two) = (
        server.create("blank").await.unwrap(),
        server.create("blank").await.unwrap(),
    );
    let mut of_one = server.session(&one).await.unwrap();
    let mut of_two = server.session(&two).await.unwrap();
    of_one
        .command("echo mine > only-mine; mkdir shut; echo x > shut/y; chmod 0 shut")
        .await
        .unwrap();
    let (seen, _) = of_two
        .command("ps -e | wc -l; ls /workspace; id -u; ls /root /tmp")
        .await
        .unwrap();
    assert!(
        !seen.contains("only-mine") && seen.contains("1000"),
        "{seen}"
    );
    // Neither sees the other's processes.
    let shell = of_one.shell().await.unwrap();
    of_one.input(shell, "sleep 4321\n").await.unwrap();
    let (seen, _) = of_two
        .command("ps -eo args | grep -c '[s]leep 4321'")
        .await
        .unwrap();
    assert_eq!(seen, "0\n");
    for id in [&one, &two] {
        server.stop_repl(id).await.unwrap();
    }
    let left = std::fs::read_dir(top.path().join("data/repls"))
        .unwrap()
        .count();
    assert_eq!(left, 0);
    // What its user shut away from itself, and so from us, is kept rather than lost.
    let kept = std::fs::read_dir(top.path().join("data/unsaved"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(kept.file_name().to_string_lossy(), one);
    assert!(kept.path().join("workspace/shut").exists());
    let mut again = server.session(&one).await.unwrap();
    let (text, _) = again
        .command("cat only-mine; stat -c %a shut")
        .await
        .unwrap();
    assert!(text.contains("mine"), "{text}");
    drop(again);
    server.stop().await.unwrap();
    eventually("no process of this user is left", || async {
        let output = std::process::Command::new("pgrep")
            .args(["-u", USER, "-f", "alcove"])
            .output()
            .ok()?;
        (!is_root || output.stdout.is_empty()).then_some(())
    })
    .await;
}
