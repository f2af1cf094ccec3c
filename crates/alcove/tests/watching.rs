//! How the server hears of changes in the folders of repls.

mod common;

use alcove_testkit::{Server, eventually};
use common::server;

/// Instances of inotify that the server has. proc_pid_fd(5).
fn instances(server: &Server) -> usize {
    let folder = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).unwrap();
    folder
        .flatten()
        .filter_map(|fd| std::fs::read_link(fd.path()).ok())
        .filter(|kind| kind.as_os_str() == "anon_inode:inotify")
        .count()
}

#[tokio::test]
async fn one_instance_of_inotify_serves_all_repls() {
    let server = server().await;
    let mut repls = Vec::new();
    for _ in 0..3 {
        let id = server.create("blank").await.unwrap();
        let page = server.session(&id).await.unwrap();
        repls.push((id, page));
    }
    assert_eq!(instances(&server), 1);
    // Each is heard of, and one that stops takes nothing from the others.
    while let Some((id, mut page)) = repls.pop() {
        page.command("echo changed > file").await.unwrap();
        let stored = format!("/api/repls/{id}/history/latest/files/file");
        eventually(&format!("the change in {id} is saved"), || async {
            let answer = server.http().get(&stored).await.ok()?;
            (answer.text() == "changed\n").then_some(())
        })
        .await;
        server.stop_repl(&id).await.unwrap();
    }
    assert_eq!(instances(&server), 1);
}
