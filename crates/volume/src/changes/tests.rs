use std::fs;
use std::path::Path;

use super::*;
use crate::ignored::Ignored;
use crate::scan::{Room, Rules};

/// A folder with a workspace.
fn workspace() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("workspace")).unwrap();
    dir
}

fn everything(dir: &Path, changes: &Changes) {
    let rules = Rules {
        skip: &|_| false,
        ignored: &Ignored::default(),
        room: Room::of(2 * MAX_WATCHES as u64),
        is_known: &|_| false,
        changes: Some(changes),
    };
    rules.scan(dir).unwrap();
}

async fn within<T>(what: impl Future<Output = T>) -> T {
    let what = tokio::time::timeout(Duration::from_secs(60), what).await;
    what.expect("it was not heard of")
}

/// What is said until `path` is among it.
async fn until(changes: &Changes, path: &str) -> HashSet<String> {
    let mut all = HashSet::new();
    within(async {
        while !all.contains(path) {
            all.extend(changes.wait().await.paths);
        }
    })
    .await;
    all
}

#[tokio::test]
async fn what_changes_is_named_as_in_a_manifest() {
    let dir = tempfile::tempdir().unwrap();
    let at = |path: &str| dir.path().join(path);
    fs::create_dir_all(at("workspace/src")).unwrap();
    fs::create_dir_all(at("home")).unwrap();
    let changes = Watcher::start().unwrap().changes();
    let look = || everything(dir.path(), &changes);
    look();
    fs::write(at("workspace/src/.~alcove-1"), "x").unwrap();
    fs::rename(at("workspace/src/.~alcove-1"), at("workspace/src/ü.txt")).unwrap();
    fs::write(at("home/last"), "").unwrap();
    let all = until(&changes, "home/last").await;
    let wanted = ["workspace/src/%C3%BC.txt", "home/last"].map(str::to_owned);
    assert_eq!(all, wanted.into());
    // After a move the next scan knows the new name.
    fs::rename(at("workspace/src"), at("workspace/lib")).unwrap();
    look();
    fs::write(at("workspace/lib/a"), "").unwrap();
    let all = until(&changes, "workspace/lib/a").await;
    assert!(all.contains("workspace/src"), "{all:?}");
}

#[tokio::test]
async fn names_are_bounded() {
    let dir = workspace();
    let changes = Watcher::start().unwrap().changes();
    everything(dir.path(), &changes);
    // On this one thread nobody reads meanwhile.
    for i in 0..=MAX_NAMES {
        fs::create_dir(dir.path().join("workspace").join(i.to_string())).unwrap();
    }
    let changed = changes.wait().await;
    assert_eq!((changed.paths.len(), changed.more), (MAX_NAMES, true));
}

#[tokio::test]
async fn one_instance_tells_each_workspace_of_its_own() {
    let watcher = Watcher::start().unwrap();
    let dirs = [workspace(), workspace()];
    let [first, second] = [watcher.changes(), watcher.changes()];
    everything(dirs[0].path(), &first);
    everything(dirs[1].path(), &second);
    fs::write(dirs[0].path().join("workspace/a"), "").unwrap();
    fs::write(dirs[1].path().join("workspace/b"), "").unwrap();
    assert_eq!(until(&first, "workspace/a").await.len(), 1);
    assert_eq!(until(&second, "workspace/b").await.len(), 1);
    // One that is no more leaves the other's watches alone, and none of its own.
    assert_eq!(watched(&watcher), 2);
    drop(first);
    assert_eq!(watched(&watcher), 1);
    fs::write(dirs[0].path().join("workspace/c"), "").unwrap();
    fs::write(dirs[1].path().join("workspace/d"), "").unwrap();
    assert_eq!(until(&second, "workspace/d").await.len(), 1);
    assert!(watcher.watches.owners.lock().len() == 1);
}

/// Watches of an instance. proc_pid_fdinfo(5).
fn watched(watcher: &Watcher) -> usize {
    let fd = watcher.watches.inotify.as_raw_fd();
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).unwrap();
    info.lines()
        .filter(|l| l.starts_with("inotify wd:"))
        .count()
}

#[tokio::test]
async fn where_events_are_lost_every_workspace_is_to_be_scanned() {
    let most = "/proc/sys/fs/inotify/max_queued_events";
    let most: usize = fs::read_to_string(most).unwrap().trim().parse().unwrap();
    let watcher = Watcher::start().unwrap();
    let (busy_dir, quiet_dir) = (workspace(), workspace());
    let [busy, quiet] = [watcher.changes(), watcher.changes()];
    everything(busy_dir.path(), &busy);
    everything(quiet_dir.path(), &quiet);
    // On this one thread nobody reads meanwhile. Each is one event, and no two are alike.
    let at = |name: &str| busy_dir.path().join("workspace").join(name);
    let fill = |events: usize| {
        for i in 0..events {
            match i % 2 {
                0 => fs::create_dir(at("folder")).unwrap(),
                _ => fs::remove_dir(at("folder")).unwrap(),
            }
        }
    };
    fill(most / 2 * 2);
    assert!(!busy.wait().await.more, "the queue is full, and no more");
    assert!(!quiet.workspace.heard.lock().any);
    fill(most / 2 * 2 + 2);
    let lost = async { while !busy.wait().await.more {} };
    within(lost).await;
    let (paths, more) = (vec![], true);
    assert_eq!(within(quiet.wait()).await, Changed { paths, more });
    // It goes on.
    fs::write(quiet_dir.path().join("workspace/a"), "").unwrap();
    until(&quiet, "workspace/a").await;
    assert!(busy.complete() && quiet.complete());
}

#[test]
fn losses_are_told_at_once_and_then_once_in_a_while() {
    let now = Instant::now();
    let mut losses = Losses::default();
    assert_eq!(losses.due(now), None);
    losses.is_any = true;
    assert_eq!(losses.due(now), Some(now));
    losses.told(now);
    assert_eq!(losses.due(now), None);
    losses.is_any = true;
    let soon = now + RESCAN - Duration::from_millis(1);
    assert_eq!(losses.due(soon), Some(now + RESCAN));
    let late = now + RESCAN * 2;
    assert_eq!(losses.due(late), Some(late));
}

#[tokio::test]
async fn a_workspace_of_too_many_folders_is_scanned_and_no_other() {
    let watcher = Watcher::start().unwrap();
    // A disk would take long to make so many.
    let large_dir = tempfile::tempdir_in("/dev/shm").unwrap();
    fs::create_dir(large_dir.path().join("workspace")).unwrap();
    let small_dir = workspace();
    let [large, small] = [watcher.changes(), watcher.changes()];
    for i in 1..MAX_WATCHES {
        fs::create_dir(large_dir.path().join("workspace").join(i.to_string())).unwrap();
    }
    everything(large_dir.path(), &large);
    // Doing it again is harmless, and takes no more.
    everything(large_dir.path(), &large);
    assert!(large.complete());
    assert_eq!(watched(&watcher), MAX_WATCHES);
    fs::create_dir(large_dir.path().join("workspace/one more")).unwrap();
    everything(large_dir.path(), &large);
    everything(small_dir.path(), &small);
    assert!(!large.complete() && small.complete());
    assert_eq!(watched(&watcher), MAX_WATCHES + 1);
    drop(large);
    assert_eq!(watched(&watcher), 1);
}

/// Said to the test that runs itself where only so many watches may be.
const FEW: &str = "ALCOVE_TEST_FEW_WATCHES";

#[tokio::test]
async fn without_more_watches_of_the_user_a_workspace_is_scanned() {
    if std::env::var_os(FEW).is_none() {
        return again_with_few_watches();
    }
    let watcher = Watcher::start().unwrap();
    let dir = workspace();
    let changes = watcher.changes();
    everything(dir.path(), &changes);
    assert!(changes.complete());
    for name in ["a", "b"] {
        fs::create_dir(dir.path().join("workspace").join(name)).unwrap();
    }
    everything(dir.path(), &changes);
    assert!(!changes.complete());
    assert_eq!(watched(&watcher), 2);
    // What is watched is heard of all the same.
    fs::write(dir.path().join("workspace/file"), "").unwrap();
    until(&changes, "workspace/file").await;
}

/// In a user namespace, which has limits of its own. user_namespaces(7), proc_sys_user(5).
fn again_with_few_watches() {
    let script = "echo 2 > /proc/sys/user/max_inotify_watches && exec \"$0\" --exact --nocapture \
        changes::tests::without_more_watches_of_the_user_a_workspace_is_scanned";
    let output = std::process::Command::new("unshare")
        .args(["--user", "--map-root-user", "sh", "-c", script])
        .arg(std::env::current_exe().unwrap())
        .env(FEW, "1")
        .output()
        .expect("unshare");
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{failed}");
    assert!(said.contains("1 passed"), "{said}");
}
