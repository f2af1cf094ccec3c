//! What a volume promises, over every backend of the store.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove_volume::{Location, Meta, Scope, Store, Volume, VolumeError};

/// Path, kind and content, mode, mtime in nanoseconds.
type Picture = BTreeMap<PathBuf, (String, u32, i128)>;

/// All that must survive, of everything below a folder.
fn picture(top: &Path) -> Picture {
    fn walk(top: &Path, dir: &Path, all: &mut Picture) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let time = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
            let name = path.strip_prefix(top).unwrap().to_owned();
            if meta.is_symlink() {
                all.insert(
                    name,
                    (
                        format!("-> {}", fs::read_link(&path).unwrap().display()),
                        0,
                        0,
                    ),
                );
            } else if meta.is_dir() {
                walk(top, &path, all);
                all.insert(
                    name,
                    ("folder".into(), meta.permissions().mode() & 0o7777, time),
                );
            } else {
                let hash = blake3::hash(&fs::read(&path).unwrap()).to_hex().to_string();
                all.insert(name, (hash, meta.permissions().mode() & 0o7777, time));
            }
        }
    }
    let mut all = Picture::new();
    for name in ["workspace", "home"] {
        walk(top, &top.join(name), &mut all);
    }
    all
}

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
    assert!(!again.changed && again.files == 0);
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

async fn a_second_writer_is_refused(store: Store) {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    odd_workspace(first.path());
    let one = saved(&store, first.path()).await;
    let two = restored(&store, second.path()).await;
    fs::write(first.path().join("workspace/a"), "one").unwrap();
    fs::write(second.path().join("workspace/a"), "two").unwrap();
    one.checkpoint(Scope::Everything, None).await.unwrap();
    assert!(matches!(
        two.checkpoint(Scope::Everything, None).await,
        Err(VolumeError::Replaced)
    ));
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

async fn all(store: impl Fn() -> Store) {
    store().probe().await.unwrap();
    a_workspace_survives(store()).await;
    a_checkpoint_writes_what_changed_and_no_more(store()).await;
    bulk_that_is_not_restored_is_not_lost(store()).await;
    what_a_user_made_meanwhile_wins(store()).await;
    a_second_writer_is_refused(store()).await;
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

/// Whoever loses this program still gets at the files: `tar` and `zstd` read a pack.
#[tokio::test]
async fn a_pack_is_an_ordinary_archive() {
    let (dir, store_dir, out) = (
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    odd_workspace(dir.path());
    saved(
        &Store::open(store_dir.path().to_str().unwrap()).unwrap(),
        dir.path(),
    )
    .await;
    let packs = store_dir.path().join("repl/code/abcdefghijkl/packs");
    for pack in fs::read_dir(packs).unwrap() {
        let bytes = fs::read(pack.unwrap().path()).unwrap();
        let plain = zstd::stream::decode_all(bytes.as_slice()).unwrap();
        fs::write(out.path().join("pack.tar"), plain).unwrap();
        let status = std::process::Command::new("tar")
            .args(["-xf", "pack.tar"])
            .current_dir(out.path())
            .status()
            .unwrap();
        assert!(status.success());
    }
    assert_eq!(
        fs::read_to_string(out.path().join("workspace/main.py")).unwrap(),
        "print('hi')\n"
    );
    assert_eq!(
        fs::read(out.path().join("workspace/large.bin")).unwrap(),
        fs::read(dir.path().join("workspace/large.bin")).unwrap()
    );
}
