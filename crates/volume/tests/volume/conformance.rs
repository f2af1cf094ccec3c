//! What a volume promises, over every backend of the store.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use alcove_testkit::faults::{Fault, FaultyStore};
use alcove_volume::{
    Amender, Amendment, Location, Meta, Scope, Size, Snapshot, Store, Volume, VolumeError, check,
    collect, export, fork, timeline,
};
use futures_util::TryStreamExt;

use crate::support::{S3Server, picture};

/// A workspace with everything that is easily lost.
fn odd_workspace(dir: &Path) {
    let at = |path: &str| dir.join(path);
    for folder in [
        "workspace/src/deep/er",
        "workspace/empty",
        "workspace/node_modules/pkg/.bin",
        "home/.config",
        "home/.cache/x",
    ] {
        fs::create_dir_all(at(folder)).unwrap();
    }
    fs::write(at("workspace/main.py"), "print('hi')\n").unwrap();
    fs::write(at("workspace/run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(at("workspace/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(at("workspace/src/deep/er/nothing"), "").unwrap();
    fs::write(at("workspace/umlaut ü.txt"), "ü").unwrap();
    fs::write(
        dir.join("workspace")
            .join(OsStr::from_bytes(b"not\xffutf8")),
        "bytes",
    )
    .unwrap();
    fs::write(at("workspace/percent%20.txt"), "%").unwrap();
    let noise: Vec<u8> = (0..9_000_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    fs::write(at("workspace/large.bin"), noise).unwrap();
    symlink("main.py", at("workspace/link")).unwrap();
    symlink("/etc/passwd", at("workspace/outside")).unwrap();
    symlink("nowhere", at("workspace/dangling")).unwrap();
    fs::write(
        at("workspace/node_modules/pkg/index.js"),
        "module.exports = 1",
    )
    .unwrap();
    symlink("../index.js", at("workspace/node_modules/pkg/.bin/pkg")).unwrap();
    fs::write(at("home/.config/tool"), "x").unwrap();
    fs::write(at("home/.cache/x/y"), "never saved").unwrap();
    fs::set_permissions(at("workspace/empty"), fs::Permissions::from_mode(0o750)).unwrap();
    let old = std::time::UNIX_EPOCH + std::time::Duration::new(1_000_000_000, 123_456_789);
    fs::File::open(at("workspace/main.py"))
        .unwrap()
        .set_modified(old)
        .unwrap();
}

async fn saved(store: &Store, dir: &Path) -> Volume {
    let at = Location::Repl("abcdefghijkl".into());
    let volume = Volume::adopt(store.clone(), at, dir.to_owned(), None, Meta::default())
        .await
        .unwrap();
    let outcome = volume.checkpoint(Scope::Everything, None).await.unwrap();
    assert!(outcome.changed && outcome.left_out.is_empty());
    volume
}

async fn restored(store: &Store, dir: &Path) -> Volume {
    let at = Location::Repl("abcdefghijkl".into());
    let volume = Volume::open(store.clone(), at, 0, dir.to_owned(), None)
        .await
        .unwrap();
    volume.restore_sources().await.unwrap();
    volume
}

async fn a_workspace_survives(store: Store) {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    odd_workspace(first.path());
    saved(&store, first.path()).await;
    let volume = restored(&store, second.path()).await;
    assert!(
        !second.path().join("workspace/node_modules").exists(),
        "bulk comes later"
    );
    assert!(second.path().join("workspace/main.py").exists());
    volume.restore_bulk().await.unwrap();
    let mut expected = picture(first.path());
    expected.retain(|path, _| !path.starts_with("home/.cache"));
    assert_eq!(picture(second.path()), expected);
}

async fn a_checkpoint_writes_what_changed_and_no_more(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    odd_workspace(dir.path());
    let volume = saved(&store, dir.path()).await;
    let again = volume.checkpoint(Scope::Everything, None).await.unwrap();
    assert_eq!((again.changed, again.files), (false, 0), "{again:?}");
    fs::write(dir.path().join("workspace/main.py"), "print('changed')\n").unwrap();
    fs::remove_file(dir.path().join("workspace/run.sh")).unwrap();
    let third = volume.checkpoint(Scope::Sources, None).await.unwrap();
    assert_eq!((third.changed, third.files, third.number), (true, 1, 2));
    let other = tempfile::tempdir().unwrap();
    restored(&store, other.path())
        .await
        .restore_bulk()
        .await
        .unwrap();
    assert_eq!(
        fs::read_to_string(other.path().join("workspace/main.py")).unwrap(),
        "print('changed')\n"
    );
    assert!(!other.path().join("workspace/run.sh").exists());
    assert!(
        other
            .path()
            .join("workspace/node_modules/pkg/index.js")
            .exists(),
        "bulk is carried forward"
    );
}

async fn bulk_that_is_not_restored_is_not_lost(store: Store) {
    let (first, second, third) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    odd_workspace(first.path());
    saved(&store, first.path()).await;
    let volume = restored(&store, second.path()).await;
    fs::write(second.path().join("workspace/new"), "1").unwrap();
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    drop(volume);
    // As after a crash in the middle of it.
    saved_after_crash(&store, second.path()).await;
    restored(&store, third.path())
        .await
        .restore_bulk()
        .await
        .unwrap();
    assert!(
        third
            .path()
            .join("workspace/node_modules/pkg/index.js")
            .exists()
    );
    assert!(third.path().join("workspace/newer").exists());
}

async fn saved_after_crash(store: &Store, dir: &Path) {
    fs::write(dir.join("workspace/newer"), "2").unwrap();
    saved(store, dir).await;
}

async fn what_a_user_made_meanwhile_wins(store: Store) {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    odd_workspace(first.path());
    saved(&store, first.path()).await;
    let volume = restored(&store, second.path()).await;
    let mine = second.path().join("workspace/node_modules/mine");
    fs::create_dir_all(&mine).unwrap();
    volume.restore_bulk().await.unwrap();
    assert!(mine.exists());
}

/// Whoever starts a repl fences off those who wrote it before: they can only go on as a fork.
async fn a_replaced_writer_is_refused(store: Store) {
    let (first, second, third) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    odd_workspace(first.path());
    let one = saved(&store, first.path()).await;
    let two = restored(&store, second.path()).await;
    fs::write(first.path().join("workspace/a"), "one").unwrap();
    fs::write(second.path().join("workspace/a"), "two").unwrap();
    for _ in 0..2 {
        assert!(matches!(
            one.checkpoint(Scope::Everything, None).await,
            Err(VolumeError::Replaced)
        ));
        assert!(one.is_replaced().await);
    }
    two.checkpoint(Scope::Everything, None).await.unwrap();
    // The same is known from the folder alone, after a crash.
    drop(one);
    let at = Location::Repl("abcdefghijkl".into());
    let meta = Meta::default;
    let one = Volume::adopt(store.clone(), at, first.path().into(), None, meta())
        .await
        .unwrap();
    assert!(one.is_replaced().await);
    let at = Location::Repl("mnopqrstuvwx".into());
    let fork = one.fork(at.clone(), meta()).await;
    let outcome = fork.checkpoint(Scope::Everything, None).await.unwrap();
    assert_eq!(outcome.number, 1);
    let (_, manifest) = store.head(&at, 0).await.unwrap().unwrap();
    assert_eq!(
        export(&store, &manifest, third.path()).await.unwrap(),
        [""; 0]
    );
    let mut expected = picture(first.path());
    expected.retain(|path, _| !path.starts_with("home/.cache"));
    assert_eq!(picture(third.path()), expected);
}

/// One request for a small change; a large file uploads what changed of it, one that moved nothing.
async fn a_checkpoint_costs_what_changed(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    odd_workspace(dir.path());
    let volume = saved(&store, dir.path()).await;
    let puts = || store.requests()[1].1;
    let before = puts();
    fs::write(
        dir.path().join("workspace/main.py"),
        "print('small')
",
    )
    .unwrap();
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    assert_eq!(puts() - before, 1);
    fs::create_dir(dir.path().join("workspace/moved")).unwrap();
    let at = |path: &str| dir.path().join("workspace").join(path);
    fs::rename(at("large.bin"), at("moved/large.bin")).unwrap();
    let outcome = volume.checkpoint(Scope::Sources, None).await.unwrap();
    assert_eq!((outcome.files, outcome.bytes, puts() - before), (0, 0, 2));
    let file = fs::File::options()
        .write(true)
        .open(at("moved/large.bin"))
        .unwrap();
    file.write_at(b"appended", 9_000_000).unwrap();
    let outcome = volume.checkpoint(Scope::Sources, None).await.unwrap();
    assert_eq!(outcome.files, 1);
    // The last of three chunks has 611,392 bytes, which do not compress well.
    assert!(outcome.bytes < 700_000, "{}", outcome.bytes);
    let other = tempfile::tempdir().unwrap();
    restored(&store, other.path())
        .await
        .restore_bulk()
        .await
        .unwrap();
    let mut expected = picture(dir.path());
    expected.retain(|path, _| !path.starts_with("home/.cache"));
    assert_eq!(picture(other.path()), expected);
}

/// A folder that becomes bulk, or ceases to be it, keeps its files.
async fn rules_may_change(store: Store) {
    let (first, second, third) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    odd_workspace(first.path());
    let volume = saved(&store, first.path()).await;
    volume.set_meta(|meta| meta.bulk = vec!["src".into()]);
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    let volume = restored(&store, second.path()).await;
    assert!(
        !second.path().join("workspace/src").exists(),
        "it is bulk now"
    );
    volume.set_meta(|meta| meta.bulk.clear());
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    volume.restore_bulk().await.unwrap();
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    let volume = restored(&store, third.path()).await;
    let gone = third.path().join("workspace/src");
    assert!(gone.join("deep/er/nothing").exists());
    fs::remove_dir_all(&gone).unwrap();
    volume.restore_bulk().await.unwrap();
    assert!(!gone.exists(), "it is not among the bulk any more");
}

async fn hostile_folders_harm_nothing(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("workspace")).unwrap();
    fs::create_dir_all(dir.path().join("home")).unwrap();
    let secret = tempfile::tempdir().unwrap();
    fs::write(secret.path().join("secret"), "host's").unwrap();
    symlink(secret.path(), dir.path().join("workspace/stolen")).unwrap();
    let status = std::process::Command::new("mkfifo")
        .arg(dir.path().join("workspace/pipe"))
        .status()
        .unwrap();
    assert!(status.success());
    let _socket =
        std::os::unix::net::UnixListener::bind(dir.path().join("workspace/socket")).unwrap();
    saved(&store, dir.path()).await;
    let other = tempfile::tempdir().unwrap();
    restored(&store, other.path())
        .await
        .restore_bulk()
        .await
        .unwrap();
    let there = other.path().join("workspace");
    assert!(
        fs::symlink_metadata(there.join("stolen"))
            .unwrap()
            .is_symlink(),
        "a link is kept as a link"
    );
    assert!(!there.join("pipe").exists() && !there.join("socket").exists());
}

/// A link in the place of a folder whose content is still to be restored.
async fn bulk_is_never_written_through_a_link(store: Store) {
    let (first, second, third, victim) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    odd_workspace(first.path());
    saved(&store, first.path()).await;
    let volume = restored(&store, second.path()).await;
    symlink(victim.path(), second.path().join("workspace/node_modules")).unwrap();
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    volume.restore_bulk().await.unwrap();
    restored(&store, third.path())
        .await
        .restore_bulk()
        .await
        .unwrap();
    assert_eq!(fs::read_dir(victim.path()).unwrap().count(), 0);
    assert!(
        fs::symlink_metadata(third.path().join("workspace/node_modules"))
            .unwrap()
            .is_symlink()
    );
}

async fn an_earlier_state_is_named_brought_back_and_forked(store: Store) {
    let dir = tempfile::tempdir().unwrap();
    odd_workspace(dir.path());
    let volume = saved(&store, dir.path()).await;
    let at = Location::Repl("abcdefghijkl".into());
    store.name(&at, 1, "as it began").await.unwrap();
    fs::write(dir.path().join("workspace/main.py"), "print('changed')\n").unwrap();
    fs::remove_file(dir.path().join("workspace/large.bin")).unwrap();
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    let now_ms = std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64;
    let page = timeline(&store, &at, None, b"", now_ms).await.unwrap();
    let told = page.moments.iter();
    let told: Vec<_> = told
        .map(|m| (m.number, m.changed, m.removed, m.name.as_deref()))
        .collect();
    assert_eq!(told, [(2, 1, 1, None), (1, 0, 0, Some("as it began"))]);
    let first = Snapshot::numbered(&store, &at, 1).await.unwrap().manifest;
    let fork_at = Location::Repl("forkforkfork".into());
    fork(&store, &first, &fork_at, Meta::default(), true)
        .await
        .unwrap();
    let restore = Amendment::Restore {
        from: Arc::new(first),
        number: 1,
        path: Vec::new(),
        or_remove: false,
    };
    let restored = Amender::default()
        .amend(&store, &at, 0, restore, |_| {})
        .await;
    assert_eq!(restored.unwrap(), 3);
    for at in [at.clone(), fork_at] {
        let newest = Snapshot::newest(&store, &at, 0).await.unwrap();
        let pieces: Vec<bytes::Bytes> = newest
            .content(b"large.bin")
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        assert_eq!(
            pieces.iter().map(bytes::Bytes::len).sum::<usize>(),
            9_000_000
        );
        assert_eq!(newest.items(b"").unwrap().len(), 11);
    }
    assert!(store.unname(&at, 1).await.unwrap());
}

async fn all(store: impl Fn() -> Store) {
    store().probe().await.unwrap();
    a_workspace_survives(store()).await;
    a_checkpoint_writes_what_changed_and_no_more(store()).await;
    bulk_that_is_not_restored_is_not_lost(store()).await;
    what_a_user_made_meanwhile_wins(store()).await;
    a_replaced_writer_is_refused(store()).await;
    an_earlier_state_is_named_brought_back_and_forked(store()).await;
    a_checkpoint_costs_what_changed(store()).await;
    rules_may_change(store()).await;
    hostile_folders_harm_nothing(store()).await;
    bulk_is_never_written_through_a_link(store()).await;
}

#[tokio::test]
async fn the_local_disk_keeps_the_promises() {
    let dirs = std::sync::Mutex::new(Vec::new());
    all(|| {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().to_str().unwrap()).unwrap();
        dirs.lock().unwrap().push(dir);
        store
    })
    .await;
}

#[tokio::test]
async fn memory_keeps_the_promises() {
    all(|| Store::over(Arc::new(object_store::memory::InMemory::new()))).await;
}

#[tokio::test]
async fn s3_keeps_the_promises_online() {
    all_of_s3(S3Server::moto()).await;
}

#[tokio::test]
#[ignore = "its server is built with Go: make test-stores"]
async fn versitygw_keeps_the_promises_online() {
    all_of_s3(S3Server::versitygw()).await;
}

async fn all_of_s3(server: S3Server) {
    let parts = std::cell::Cell::new(0);
    all(|| {
        parts.set(parts.get() + 1);
        server.store(&format!("part{}", parts.get()))
    })
    .await;
}

/// What the store has lost costs those files alone, and is not taken for deleted.
#[tokio::test]
async fn a_lost_pack_costs_the_files_in_it() {
    let faulty = FaultyStore::new();
    let store = Store::over(faulty.clone());
    let (first, second, third) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    odd_workspace(first.path());
    fs::write(first.path().join("workspace/one.bin"), vec![7; 20_000]).unwrap();
    let volume = saved(&store, first.path()).await;
    let before = faulty.keys("/packs/").await;
    fs::write(first.path().join("workspace/two.bin"), noise(20_000)).unwrap();
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    let mut packs = faulty.keys("/packs/").await;
    packs.retain(|pack| !before.contains(pack));
    assert_eq!(packs.len(), 1);
    assert_eq!(
        check(&store, true, now_ms()).await.unwrap().problems,
        [""; 0]
    );
    faulty.lose(&packs[0]).await;
    let report = check(&store, true, now_ms()).await.unwrap();
    assert_eq!(report.problems.len(), 1, "{report:?}");
    assert!(report.problems[0].contains("is missing"), "{report:?}");
    let volume = restored(&store, second.path()).await;
    assert_eq!(volume.lost().await, ["workspace/two.bin"]);
    assert!(second.path().join("workspace/one.bin").exists());
    volume.restore_bulk().await.unwrap();
    fs::write(second.path().join("workspace/three"), "3").unwrap();
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    let volume = restored(&store, third.path()).await;
    assert_eq!(volume.lost().await, ["workspace/two.bin"]);
    fs::write(third.path().join("workspace/two.bin"), "new").unwrap();
    volume.restore_bulk().await.unwrap();
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    let (_, manifest) = store
        .head(&Location::Repl("abcdefghijkl".into()), 0)
        .await
        .unwrap()
        .unwrap();
    let out = tempfile::tempdir().unwrap();
    assert_eq!(
        export(&store, &manifest, out.path()).await.unwrap(),
        [""; 0]
    );
    assert_eq!(
        fs::read_to_string(out.path().join("workspace/two.bin")).unwrap(),
        "new"
    );
}

/// A store that has an odd workspace, but for objects of one kind; and the workspace.
async fn saved_and_lost(kind: &str) -> (Store, tempfile::TempDir) {
    let faulty = FaultyStore::new();
    let store = Store::over(faulty.clone());
    let dir = tempfile::tempdir().unwrap();
    odd_workspace(dir.path());
    saved(&store, dir.path()).await;
    for key in faulty.keys(kind).await {
        faulty.lose(&key).await;
    }
    (store, dir)
}

/// What was lost and is made again, with the same bytes too, is saved again; and a crash in between does
/// not make it deleted.
#[tokio::test]
async fn what_was_lost_can_be_made_again() {
    let (store, first) = saved_and_lost("/packs/").await;
    let [second, third] = [0; 2].map(|_| tempfile::tempdir().unwrap());
    let [large, bulk] = ["workspace/large.bin", "workspace/node_modules/pkg/index.js"];
    let volume = restored(&store, second.path()).await;
    volume.restore_bulk().await.unwrap();
    let lost = volume.lost().await;
    assert!(
        lost.iter().any(|l| l == large) && lost.iter().any(|l| l == bulk),
        "{lost:?}"
    );
    // Another process comes after a crash.
    drop(volume);
    let at = || Location::Repl("abcdefghijkl".into());
    let volume = Volume::adopt(
        store.clone(),
        at(),
        second.path().into(),
        None,
        Meta::default(),
    )
    .await
    .unwrap();
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    assert_eq!(volume.lost().await, lost);
    for path in &lost {
        let path = alcove_volume::manifest::decode_path(path);
        let path = OsStr::from_bytes(&path);
        fs::copy(first.path().join(path), second.path().join(path)).unwrap();
    }
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    assert_eq!(volume.lost().await, [""; 0]);
    let out = tempfile::tempdir().unwrap();
    let (_, manifest) = store.head(&at(), 0).await.unwrap().unwrap();
    assert_eq!(
        export(&store, &manifest, out.path()).await.unwrap(),
        [""; 0]
    );
    // What is deleted then stays deleted.
    fs::remove_file(second.path().join(large)).unwrap();
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    let volume = restored(&store, third.path()).await;
    volume.restore_bulk().await.unwrap();
    assert!(!third.path().join(large).exists() && third.path().join(bulk).exists());
}

/// A sub-manifest that is lost costs bulk; what is made anew is saved.
#[tokio::test]
async fn bulk_whose_list_is_lost_can_be_made_again() {
    let (store, _) = saved_and_lost("/bulk/").await;
    let [second, third] = [0; 2].map(|_| tempfile::tempdir().unwrap());
    let volume = restored(&store, second.path()).await;
    volume.restore_bulk().await.unwrap();
    assert!(volume.is_whole() && second.path().join("workspace/main.py").exists());
    fs::create_dir(second.path().join("workspace/node_modules")).unwrap();
    fs::write(second.path().join("workspace/node_modules/new.js"), "new").unwrap();
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    let volume = restored(&store, third.path()).await;
    volume.restore_bulk().await.unwrap();
    assert!(third.path().join("workspace/node_modules/new.js").exists());
}

/// A folder of bulk that is deleted takes along what was lost in it.
#[tokio::test]
async fn what_was_lost_in_a_folder_goes_with_it() {
    let (store, _) = saved_and_lost("/packs/").await;
    let [second, third] = [0; 2].map(|_| tempfile::tempdir().unwrap());
    let volume = restored(&store, second.path()).await;
    volume.restore_bulk().await.unwrap();
    fs::remove_dir_all(second.path().join("workspace/node_modules")).unwrap();
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    restored(&store, third.path())
        .await
        .restore_bulk()
        .await
        .unwrap();
    assert!(!third.path().join("workspace/node_modules").exists());
}

/// Whoever remembers a number that the store does not have (it comes from a backup) finds what there is.
#[tokio::test]
async fn a_head_that_is_older_than_remembered_is_found() {
    let store = Store::over(FaultyStore::new());
    let dir = tempfile::tempdir().unwrap();
    odd_workspace(dir.path());
    saved(&store, dir.path()).await;
    let at = Location::Repl("abcdefghijkl".into());
    assert_eq!(store.head(&at, 7).await.unwrap().unwrap().0, 1);
    let nowhere = Location::Repl("mnopqrstuvwx".into());
    assert!(store.head(&nowhere, 7).await.unwrap().is_none());
}

/// A path that could not be restored by its name is not said to be saved.
#[tokio::test]
async fn paths_that_are_too_long_are_left_out() {
    let store = Store::over(FaultyStore::new());
    let [dir, out] = [0; 2].map(|_| tempfile::tempdir().unwrap());
    fs::create_dir_all(dir.path().join("home")).unwrap();
    let script = format!(
        "import os\nos.makedirs('workspace'); os.chdir('workspace')\nleft = {} - len('workspace')\n\
         while left > 0:\n n = min(250, left - 1); os.mkdir('d' * n); os.chdir('d' * n); left -= n + 1\n\
         os.mkdir('beyond')",
        alcove_volume::MAX_PATH_BYTES
    );
    let made = std::process::Command::new("python3")
        .args(["-c", &script])
        .current_dir(dir.path())
        .status();
    assert!(made.unwrap().success());
    let at = Location::Repl("abcdefghijkl".into());
    let volume = Volume::adopt(
        store.clone(),
        at.clone(),
        dir.path().into(),
        None,
        Meta::default(),
    )
    .await
    .unwrap();
    let outcome = volume.checkpoint(Scope::Everything, None).await.unwrap();
    assert_eq!(outcome.left_out.len(), 1);
    assert!(outcome.left_out[0].ends_with("/beyond"));
    let (_, manifest) = store.head(&at, 0).await.unwrap().unwrap();
    let longest = manifest.sources.entries.last().unwrap().path.len();
    assert_eq!(longest, alcove_volume::MAX_PATH_BYTES);
    export(&store, &manifest, out.path()).await.unwrap();
}

/// What nothing refers to is deleted, a day after that was noticed and not before; what anything refers
/// to, a fork for instance, is not.
#[tokio::test]
async fn garbage_is_collected() {
    const DAY: u64 = 24 * 3_600_000;
    let faulty = FaultyStore::new();
    let store = Store::over(faulty.clone());
    let dir = tempfile::tempdir().unwrap();
    odd_workspace(dir.path());
    let volume = saved(&store, dir.path()).await;
    let fork = Location::Repl("mnopqrstuvwx".into());
    let (_, manifest) = store
        .head(&Location::Repl("abcdefghijkl".into()), 0)
        .await
        .unwrap()
        .unwrap();
    store
        .put_manifest(&fork, 1, &manifest.fork(Meta::default()))
        .await
        .unwrap();
    for n in 0..5 {
        fs::write(dir.path().join("workspace/big"), noise(20_000 + n)).unwrap();
        volume.checkpoint(Scope::Sources, None).await.unwrap();
    }
    let packs = || async { faulty.keys("/packs/").await.len() };
    let before = packs().await;
    let now = now_ms() + 40 * DAY;
    let would = collect(&store, now, true).await.unwrap();
    assert_eq!((would.thinned, would.condemned, would.deleted), (4, 4, 0));
    let first = collect(&store, now, false).await.unwrap();
    assert_eq!(first, would);
    assert_eq!(packs().await, before);
    let early = collect(&store, now + DAY - 1, false).await.unwrap();
    assert_eq!((early.thinned, early.condemned, early.deleted), (0, 4, 0));
    let late = collect(&store, now + DAY, false).await.unwrap();
    assert_eq!((late.condemned, late.deleted), (0, 4));
    assert_eq!(packs().await, before - 4);
    assert_eq!(check(&store, true, now).await.unwrap().problems, [""; 0]);
    // The source goes; the fork stays.
    let source = Location::Repl("abcdefghijkl".into());
    store.delete_manifests(&source).await.unwrap();
    for days in [2, 3, 4] {
        collect(&store, now + days * DAY, false).await.unwrap();
    }
    assert_eq!(packs().await, manifest_packs(&store, &manifest).await);
    let out = tempfile::tempdir().unwrap();
    assert_eq!(
        export(&store, &manifest, out.path()).await.unwrap(),
        [""; 0]
    );
    // What can't be read might refer to anything: nothing is collected then.
    store.delete_manifests(&fork).await.unwrap();
    let bad = object_store::path::Path::from("repl/code/x/manifests/00000000000000000001");
    use object_store::ObjectStoreExt;
    faulty.put(&bad, "nonsense".into()).await.unwrap();
    assert!(matches!(
        collect(&store, now + 9 * DAY, false).await,
        Err(VolumeError::Damaged(..))
    ));
}

async fn manifest_packs(store: &Store, manifest: &alcove_volume::Manifest) -> usize {
    let report = check(store, false, now_ms()).await.unwrap();
    assert_eq!(report.unreferenced, 0);
    // Packs, beside the sub-manifest.
    report.objects - usize::from(manifest.bulk.is_some())
}

fn now_ms() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64
}

/// An answer that is lost does not make a writer take itself for another.
#[tokio::test]
async fn an_attempt_whose_answer_was_lost_is_known_again() {
    let faulty = FaultyStore::new();
    let store = Store::over(faulty.clone());
    let dir = tempfile::tempdir().unwrap();
    odd_workspace(dir.path());
    let volume = saved(&store, dir.path()).await;
    for text in ["first", "second"] {
        fs::write(dir.path().join("workspace/main.py"), text).unwrap();
        faulty.fail(0, Fault::After);
        assert!(matches!(
            volume.checkpoint(Scope::Sources, None).await,
            Err(VolumeError::Store(_))
        ));
        faulty.mend();
    }
    // The first of them is in the store, and the newest follows it.
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    let at = Location::Repl("abcdefghijkl".into());
    let mut texts = Vec::new();
    for number in 2..=volume.number().await {
        let manifest = store.manifest(&at, number).await.unwrap();
        let out = tempfile::tempdir().unwrap();
        export(&store, &manifest, out.path()).await.unwrap();
        texts.push(fs::read_to_string(out.path().join("workspace/main.py")).unwrap());
    }
    assert_eq!(texts, ["first", "second"]);
}

/// A list of bulk that came to the store, though nobody heard of it, is not taken for the one before it.
#[tokio::test]
async fn what_an_unheard_attempt_lists_is_not_taken_for_what_was_there_before() {
    let faulty = FaultyStore::new();
    let store = Store::over(faulty.clone());
    let dir = tempfile::tempdir().unwrap();
    odd_workspace(dir.path());
    let path = dir.path().join("workspace/node_modules/pkg/index.js");
    let time = fs::metadata(&path).unwrap().modified().unwrap();
    let write = |content: &str| {
        fs::write(&path, content).unwrap();
        let file = fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(time).unwrap();
    };
    write("one");
    let volume = saved(&store, dir.path()).await;
    write("two");
    // A pack, the list, and the manifest, whose answer is lost.
    faulty.fail(2, Fault::After);
    let unheard = volume.checkpoint(Scope::Everything, None).await;
    assert!(matches!(unheard, Err(VolumeError::Store(_))), "{unheard:?}");
    faulty.mend();
    write("one");
    // Its number is taken, it is read, and what should follow it fails.
    faulty.fail(2, Fault::Before);
    let failed = volume.checkpoint(Scope::Everything, None).await;
    assert!(matches!(failed, Err(VolumeError::Store(_))), "{failed:?}");
    faulty.mend();
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    let at = Location::Repl("abcdefghijkl".into());
    let (number, head) = store.head(&at, 0).await.unwrap().unwrap();
    assert_eq!(number, 3);
    let out = tempfile::tempdir().unwrap();
    export(&store, &head, out.path()).await.unwrap();
    let stored = out.path().join("workspace/node_modules/pkg/index.js");
    assert_eq!(fs::read_to_string(stored).unwrap(), "one");
}

/// Many small packs become few when a repl stops.
#[tokio::test]
async fn scattered_files_are_gathered() {
    let faulty = FaultyStore::new();
    let store = Store::over(faulty.clone());
    let dir = tempfile::tempdir().unwrap();
    for top in ["workspace", "home"] {
        fs::create_dir_all(dir.path().join(top)).unwrap();
    }
    fs::write(dir.path().join("workspace/start"), "s").unwrap();
    let volume = saved(&store, dir.path()).await;
    for n in 0..40 {
        fs::write(
            dir.path().join(format!("workspace/f{n}")),
            noise(20_000 + n),
        )
        .unwrap();
        volume.checkpoint(Scope::Sources, None).await.unwrap();
    }
    let at = Location::Repl("abcdefghijkl".into());
    let packs = || async {
        store
            .head(&at, 0)
            .await
            .unwrap()
            .unwrap()
            .1
            .sources
            .packs
            .len()
    };
    assert_eq!(packs().await, 40);
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    assert_eq!(packs().await, 9);
    let other = tempfile::tempdir().unwrap();
    restored(&store, other.path()).await;
    assert_eq!(picture(other.path()), picture(dir.path()));
}

/// Bytes that do not compress, each time others.
fn noise(length: usize) -> Vec<u8> {
    let mut reader = blake3::Hasher::new()
        .update(&length.to_le_bytes())
        .finalize_xof();
    let mut bytes = vec![0; length];
    reader.fill(&mut bytes);
    bytes
}

/// Whoever loses this program still gets at the files: by the script of the manual, which uses `tar`,
/// `zstd` and Python.
#[tokio::test]
async fn the_manual_recovers_files_without_this_program() {
    let (dir, store_dir, out) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    odd_workspace(dir.path());
    let volume = saved(
        &Store::open(store_dir.path().to_str().unwrap()).unwrap(),
        dir.path(),
    )
    .await;
    let large = dir.path().join("workspace/large.bin");
    let large = fs::File::options().write(true).open(large).unwrap();
    large.write_at(b"changed in the middle", 5_000_000).unwrap();
    fs::write(dir.path().join("workspace/small"), "in the manifest").unwrap();
    let renamed = |name: &str| dir.path().join("workspace").join(name);
    fs::rename(renamed("src"), renamed("sources")).unwrap();
    fs::rename(renamed("run.sh"), renamed("renamed.sh")).unwrap();
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    let manual = include_str!("../../../../docs/reference/store-format.md");
    let from = manual.find("set -eu\n").unwrap();
    let script = &manual[from..from + manual[from..].find("```").unwrap()];
    fs::write(out.path().join("recover"), script).unwrap();
    let output = std::process::Command::new("bash")
        .arg("recover")
        .arg(store_dir.path())
        .args(["abcdefghijkl", "out"])
        .current_dir(out.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let mut expected = picture(dir.path());
    expected.retain(|path, _| !path.starts_with("home/.cache"));
    assert_eq!(picture(&out.path().join("out")), expected);
}

/// A folder becomes derived, or ceases to be: what of it can't be saved just then stays as it was saved.
#[tokio::test]
async fn what_cannot_be_saved_stays_when_its_folder_becomes_derived_or_ceases_to_be() {
    for (was_bulk, is_huge) in [(false, false), (false, true), (true, false), (true, true)] {
        let case = format!("bulk before: {was_bulk}, too large for any quota: {is_huge}");
        let faulty = FaultyStore::new();
        let store = Store::over(faulty.clone());
        let [first, second, out] = [0; 3].map(|_| tempfile::tempdir().unwrap());
        let rules = |is_bulk| match is_bulk {
            true => vec!["src".to_owned()],
            false => Vec::new(),
        };
        let src = |dir: &tempfile::TempDir, name: &str| dir.path().join("workspace/src").join(name);
        fs::create_dir_all(src(&first, "")).unwrap();
        fs::create_dir_all(first.path().join("home")).unwrap();
        fs::write(src(&first, "lost"), noise(100_000)).unwrap();
        let meta = Meta {
            bulk: rules(was_bulk),
            ..Meta::default()
        };
        let (at, dir) = (Location::Repl("r".into()), first.path().to_owned());
        let volume = Volume::adopt(store.clone(), at.clone(), dir, None, meta).await;
        let volume = volume.unwrap();
        volume.checkpoint(Scope::Everything, None).await.unwrap();
        let packs = faulty.keys("/packs/").await;
        for name in ["grown", "changed", "untouched"] {
            fs::write(src(&first, name), name).unwrap();
        }
        volume.checkpoint(Scope::Everything, None).await.unwrap();
        for pack in packs {
            faulty.lose(&pack).await;
        }

        let dir = second.path().to_owned();
        let volume = Volume::open(store.clone(), at.clone(), 0, dir, None).await;
        let volume = volume.unwrap();
        volume.restore_sources().await.unwrap();
        volume.restore_bulk().await.unwrap();
        assert_eq!(volume.lost().await, ["workspace/src/lost"], "{case}");
        volume.set_meta(|meta| meta.bulk = rules(!was_bulk));
        fs::write(src(&second, "changed"), "new").unwrap();
        // More than there is room for, even where what is lost counts; or more than is read of any file.
        let size = if is_huge { 64 << 30 } else { 150_000 };
        let grown = fs::File::create(src(&second, "grown")).unwrap();
        grown.set_len(size + 1).unwrap();
        let quota = Size {
            bytes: 10,
            files: 100,
        };
        let quota = if is_huge { Size::UNLIMITED } else { quota };
        volume.set_quota(quota).await;
        let outcome = volume.checkpoint(Scope::Sources, None).await.unwrap();
        let not_saved = [&outcome.refused[..], &outcome.left_out].concat();
        assert_eq!(not_saved, ["workspace/src/grown"], "{case}");
        // Content that the store has is not written again for that it is listed elsewhere.
        assert_eq!(outcome.files, 1, "{case}");
        assert_eq!(volume.lost().await, ["workspace/src/lost"], "{case}");

        let (_, head) = store.head(&at, 0).await.unwrap().unwrap();
        assert_eq!(head.bulk.is_some(), !was_bulk, "{case}");
        let lost = export(&store, &head, out.path()).await.unwrap();
        assert_eq!(lost, ["workspace/src/lost"], "{case}");
        for (name, content) in [
            ("grown", "grown"),
            ("changed", "new"),
            ("untouched", "untouched"),
        ] {
            let stored = fs::read_to_string(src(&out, name)).unwrap();
            assert_eq!(stored, content, "{case}");
        }
    }
}

/// Beyond the quota what was saved stays as it was, in bulk too, and what fits is saved.
#[tokio::test]
async fn a_quota_refuses_what_is_too_much_and_loses_nothing() {
    let store = Store::over(FaultyStore::new());
    let dir = tempfile::tempdir().unwrap();
    let path = |path: &str| dir.path().join(path);
    fs::create_dir_all(path("workspace/node_modules")).unwrap();
    fs::create_dir_all(path("home")).unwrap();
    fs::write(path("workspace/main.py"), "12345").unwrap();
    fs::write(path("workspace/node_modules/big.js"), [b'x'; 1000]).unwrap();
    let at = Location::Repl("q".into());
    let here = dir.path().to_owned();
    let volume = Volume::adopt(store.clone(), at.clone(), here, None, Meta::default())
        .await
        .unwrap();
    let quota = |bytes| Size { bytes, files: 100 };
    volume.set_quota(quota(1004)).await;
    let outcome = volume.checkpoint(Scope::Everything, None).await.unwrap();
    assert_eq!(outcome.refused, ["workspace/node_modules/big.js"]);
    assert_eq!(outcome.size, Size { bytes: 5, files: 2 });
    volume.set_quota(quota(1005)).await;
    let outcome = volume.checkpoint(Scope::Everything, None).await.unwrap();
    assert_eq!(outcome.refused, Vec::<String>::new());
    let all = Size {
        bytes: 1005,
        files: 3,
    };
    assert_eq!(outcome.size, all);
    // It has become smaller: nothing that was saved is lost, be it looked at or not.
    volume.set_quota(quota(10)).await;
    fs::write(path("workspace/main.py"), "54321").unwrap();
    fs::write(path("workspace/new.py"), "1").unwrap();
    for scope in [Scope::Sources, Scope::Everything] {
        let outcome = volume.checkpoint(scope, None).await.unwrap();
        assert_eq!(outcome.refused, ["workspace/new.py"], "{scope:?}");
        assert_eq!(outcome.size, all);
    }
    fs::write(path("workspace/node_modules/big.js"), [b'y'; 1001]).unwrap();
    let outcome = volume.checkpoint(Scope::Everything, None).await.unwrap();
    assert_eq!(outcome.refused.len(), 2);
    let copy = tempfile::tempdir().unwrap();
    let (_, head) = store.head(&at, 0).await.unwrap().unwrap();
    assert_eq!(head.size(), all);
    export(&store, &head, copy.path()).await.unwrap();
    let read = |path: &str| fs::read_to_string(copy.path().join(path)).unwrap();
    assert_eq!(read("workspace/main.py"), "54321");
    assert_eq!(read("workspace/node_modules/big.js"), "x".repeat(1000));
    assert!(!copy.path().join("workspace/new.py").exists());
    // The same holds for what is written without a workspace.
    let mut amender = Amender::default();
    amender.set_quota(all);
    let write = |content: &str, before: &str| Amendment::Write {
        path: b"main.py".to_vec(),
        content: content.to_owned().into(),
        before: Some(blake3::hash(before.as_bytes()).to_hex().to_string()),
    };
    let refused = amender.amend(&store, &at, 0, write("123456", "54321"), |_| {});
    assert!(matches!(refused.await, Err(VolumeError::Limit(_))));
    let written = amender.amend(&store, &at, 0, write("12345", "54321"), |_| {});
    written.await.unwrap();
    assert_eq!(amender.size(), all);
}

/// Its room is wanted. What was uploaded of it is not taken for the next.
#[tokio::test]
async fn a_large_file_that_is_deleted_while_it_is_saved_is_let_go() {
    let faulty = FaultyStore::new();
    let store = Store::over(faulty.clone());
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join("workspace").join(name);
    odd_workspace(dir.path());
    let volume = Arc::new(saved(&store, dir.path()).await);
    fs::write(path("large-1"), noise(64 << 20)).unwrap();
    fs::write(path("large-2"), noise(6 << 20)).unwrap();
    faulty.hold(true);
    let saving = tokio::spawn({
        let volume = volume.clone();
        async move { volume.checkpoint(Scope::Sources, None).await }
    });
    let open = || {
        let files = fs::read_dir("/proc/self/fd").unwrap().flatten();
        let mut files = files.flat_map(|fd| fs::read_link(fd.path()));
        files.any(|file| {
            file.starts_with(dir.path()) && file.display().to_string().contains("large-1")
        })
    };
    let until = async |wanted: bool| {
        let waiting = async {
            while open() != wanted {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        let waited = tokio::time::timeout(std::time::Duration::from_secs(60), waiting).await;
        waited.expect("it is opened, and closed");
    };
    // It is not read to its end, since nothing is written.
    until(true).await;
    fs::remove_file(path("large-1")).unwrap();
    faulty.hold(false);
    until(false).await;
    saving.await.unwrap().unwrap();
    let at = Location::Repl("abcdefghijkl".into());
    let (_, head) = store.head(&at, 0).await.unwrap().unwrap();
    let out = tempfile::tempdir().unwrap();
    export(&store, &head, out.path()).await.unwrap();
    assert!(!out.path().join("workspace/large-1").exists());
    let large = |top: &Path| fs::read(top.join("workspace/large-2")).unwrap();
    assert!(large(out.path()) == large(dir.path()));
}

/// What `.alcoveignore` names is neither saved nor, where it was, kept.
#[tokio::test]
async fn what_a_workspace_ignores_is_not_saved() {
    let store = Store::over(FaultyStore::new());
    let dir = tempfile::tempdir().unwrap();
    let path = |path: &str| dir.path().join(path);
    fs::create_dir_all(path("workspace/data/deep")).unwrap();
    fs::create_dir_all(path("home")).unwrap();
    fs::write(path("workspace/data/deep/huge"), "x").unwrap();
    fs::write(path("workspace/a.log"), "x").unwrap();
    fs::write(path("workspace/a.txt"), "x").unwrap();
    let at = Location::Repl("i".into());
    let here = dir.path().to_owned();
    let volume = Volume::adopt(store.clone(), at.clone(), here, None, Meta::default())
        .await
        .unwrap();
    let saved = async || {
        volume.checkpoint(Scope::Sources, None).await.unwrap();
        let (_, head) = store.head(&at, 0).await.unwrap().unwrap();
        let paths = head.sources.entries.iter().map(|entry| entry.path.clone());
        paths.collect::<Vec<_>>()
    };
    assert_eq!(saved().await.len(), 5);
    fs::write(path("workspace/.alcoveignore"), "*.log\n/data/\n").unwrap();
    let wanted = ["workspace/.alcoveignore", "workspace/a.txt"];
    assert_eq!(saved().await, wanted);
    fs::remove_file(path("workspace/.alcoveignore")).unwrap();
    assert_eq!(saved().await.len(), 5);
}
