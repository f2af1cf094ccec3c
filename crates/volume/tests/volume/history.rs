//! Earlier states: read, compared, restored, forked, named, and never lost while they have a name.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove_testkit::faults::FaultyStore;
use alcove_volume::{
    Amender, Amendment, Differences, ItemKind, Location, MAX_NAMED, MAX_PATH_BYTES, MAX_READERS,
    MAX_WRITTEN_BYTES, Manifest, Meta, PAGE_MANIFESTS, PAGE_STATES, Restoration, Scope, Size,
    Snapshot, Store, Volume, VolumeError, changes_between, check, collect, export, fork, timeline,
};
use bytes::Bytes;
use futures_util::TryStreamExt;
use proptest::prelude::*;

use crate::support::{Picture, picture};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn now_ms() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64
}

fn repl(id: &str) -> Location {
    Location::Repl(id.to_owned())
}

fn nothing_special(_: &mut Meta) {}

/// A repl whose workspace is in a folder of its own.
struct World {
    faulty: Arc<FaultyStore>,
    store: Store,
    dir: tempfile::TempDir,
    at: Location,
}

impl World {
    fn new() -> Self {
        let faulty = FaultyStore::new();
        let dir = tempfile::tempdir().unwrap();
        for name in ["workspace", "home"] {
            fs::create_dir(dir.path().join(name)).unwrap();
        }
        Self {
            store: Store::over(faulty.clone()),
            faulty,
            dir,
            at: repl("abcdefghijkl"),
        }
    }

    async fn volume(&self) -> Volume {
        let dir = self.dir.path().to_owned();
        let adopted = Volume::adopt(
            self.store.clone(),
            self.at.clone(),
            dir,
            None,
            Meta::default(),
        );
        adopted.await.unwrap()
    }

    fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    async fn newest(&self) -> Snapshot {
        Snapshot::newest(&self.store, &self.at, 0).await.unwrap()
    }

    async fn numbered(&self, number: u64) -> Snapshot {
        Snapshot::numbered(&self.store, &self.at, number)
            .await
            .unwrap()
    }

    async fn amend(&self, amender: &mut Amender, amendment: Amendment) -> Result<u64, VolumeError> {
        amender
            .amend(&self.store, &self.at, 0, amendment, nothing_special)
            .await
    }

    async fn restoring(&self, number: u64, path: &[u8]) -> Amendment {
        Amendment::Restore {
            from: Arc::new(self.numbered(number).await.manifest),
            number,
            path: path.to_vec(),
            or_remove: false,
        }
    }
}

async fn text(snapshot: &Snapshot, path: &str) -> Result<String, VolumeError> {
    let pieces: Vec<Bytes> = snapshot.content(path.as_bytes())?.try_collect().await?;
    Ok(String::from_utf8(pieces.concat()).unwrap())
}

fn writing(path: &str, content: impl Into<Bytes>, before: Option<&[u8]>) -> Amendment {
    Amendment::Write {
        path: path.into(),
        content: content.into(),
        before: before.map(|content| blake3::hash(content).to_hex().to_string()),
    }
}

async fn exported(store: &Store, manifest: &Manifest) -> Picture {
    let out = tempfile::tempdir().unwrap();
    assert_eq!(export(store, manifest, out.path()).await.unwrap(), [""; 0]);
    picture(out.path())
}

/// Without times of modification, which a restore may set.
fn timeless(picture: Picture) -> BTreeMap<PathBuf, (String, u32)> {
    let all = picture.into_iter();
    all.map(|(path, (content, mode, _))| (path, (content, mode)))
        .collect()
}

/// A program that nothing isolates can delete one of the two; a disk that is unmounted has neither.
#[tokio::test]
async fn a_top_that_is_missing_is_deleted_and_both_are_elsewhere() {
    let world = World::new();
    let [workspace, home] = ["workspace", "home"].map(|top| world.dir.path().join(top));
    let save = async |volume: &Volume| volume.checkpoint(Scope::Final, None).await;
    world.put("workspace/file", "1");
    let volume = world.volume().await;
    save(&volume).await.unwrap();
    fs::remove_dir_all(&home).unwrap();
    world.put("workspace/file", "2");
    save(&volume).await.unwrap();
    assert_eq!(text(&world.newest().await, "file").await.unwrap(), "2");

    fs::create_dir(&home).unwrap();
    fs::remove_dir_all(&workspace).unwrap();
    save(&volume).await.unwrap();
    assert!(world.newest().await.item(b"file").is_none());

    world.put("workspace/file", "3");
    save(&volume).await.unwrap();
    for top in [&workspace, &home] {
        fs::remove_dir_all(top).unwrap();
    }
    let refused = save(&volume).await.unwrap_err();
    assert!(refused.to_string().contains("workspace"), "{refused}");
    assert_eq!(text(&world.newest().await, "file").await.unwrap(), "3");
}

#[tokio::test]
async fn a_file_of_an_earlier_state_is_read_by_the_ranges_that_hold_it() {
    let world = World::new();
    let noise: Vec<u8> = (0..9_000_000u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    world.put("workspace/large.bin", &noise);
    world.put("workspace/medium.txt", "x".repeat(20_000));
    world.put("workspace/small.txt", "one");
    let volume = world.volume().await;
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    world.put("workspace/small.txt", "two");
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    let first = world.numbered(1).await;
    let gets = |store: &Store| store.requests()[0].1;
    for (path, content, requests) in [
        ("small.txt", b"one".to_vec(), 1),
        ("medium.txt", "x".repeat(20_000).into_bytes(), 1),
        ("large.bin", noise, 3),
    ] {
        let before = gets(&world.store);
        let pieces = first.content(path.as_bytes()).unwrap();
        let pieces: Vec<Bytes> = pieces.try_collect().await.unwrap();
        assert!(pieces.concat() == content, "{path}");
        assert_eq!(gets(&world.store) - before, requests, "{path}");
    }
    assert_eq!(
        text(&world.numbered(2).await, "small.txt").await.unwrap(),
        "two"
    );
    assert!(matches!(
        Snapshot::numbered(&world.store, &world.at, 3).await,
        Err(VolumeError::Missing(_))
    ));
}

#[tokio::test]
async fn folders_are_listed_one_by_one_without_what_is_derived() {
    let world = World::new();
    for path in [
        "workspace/a.txt",
        "workspace/src/b.txt",
        "workspace/src/deep/c.txt",
        "workspace/src-other/d.txt",
        "workspace/node_modules/e.js",
        "home/f",
    ] {
        world.put(path, path);
    }
    symlink("a.txt", world.dir.path().join("workspace/link")).unwrap();
    world
        .volume()
        .await
        .checkpoint(Scope::Everything, None)
        .await
        .unwrap();
    let snapshot = world.newest().await;
    let names = |folder: &str| {
        let items = snapshot.items(folder.as_bytes())?;
        let names = items
            .iter()
            .map(|item| String::from_utf8_lossy(&item.path).into_owned());
        Some(names.collect::<Vec<_>>())
    };
    assert_eq!(names("").unwrap(), ["a.txt", "link", "src", "src-other"]);
    assert_eq!(names("src").unwrap(), ["src/b.txt", "src/deep"]);
    for none in ["a.txt", "link", "node_modules", "nowhere", "../home", "sr"] {
        assert_eq!(names(none), None, "{none}");
    }
    let link = snapshot.item(b"link").unwrap();
    assert_eq!(link.kind, ItemKind::Symlink(b"a.txt".to_vec()));
    assert!(snapshot.content(b"link").is_err(), "a link is not followed");
    assert_eq!(snapshot.all_below(b"src").len(), 3);
}

#[tokio::test]
async fn the_timeline_says_what_changed_and_passes_over_starts() {
    let world = World::new();
    world.put("workspace/a", "1");
    let volume = world.volume().await;
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    world.put("workspace/a", "2");
    world.put("workspace/b", "1");
    volume.set_meta(|meta| meta.by = Some(vec!["ada".into()]));
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    world.put("home/.history", "typed");
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    drop(volume);
    // A start: the same files, another epoch.
    let other = tempfile::tempdir().unwrap();
    let dir = other.path().to_owned();
    let started = Volume::open(world.store.clone(), world.at.clone(), 0, dir, None)
        .await
        .unwrap();
    started.restore_sources().await.unwrap();
    fs::remove_file(other.path().join("workspace/a")).unwrap();
    started.set_meta(|meta| meta.by = Some(vec![]));
    started.checkpoint(Scope::Sources, None).await.unwrap();

    let page = timeline(&world.store, &world.at, None, b"", now_ms())
        .await
        .unwrap();
    assert_eq!(page.before, None);
    let told: Vec<_> = page
        .moments
        .iter()
        .map(|m| {
            (
                m.number,
                m.since,
                m.by.clone(),
                m.added,
                m.changed,
                m.removed,
            )
        })
        .collect();
    let ada = Some(vec!["ada".to_owned()]);
    assert_eq!(
        told,
        [
            (5, Some(4), Some(vec![]), 0, 0, 1),
            (2, Some(1), ada, 1, 1, 0),
            (1, None, None, 1, 0, 0),
        ]
    );
    let of_b = timeline(&world.store, &world.at, None, b"b", now_ms())
        .await
        .unwrap();
    let numbers: Vec<u64> = of_b.moments.iter().map(|m| m.number).collect();
    assert_eq!(numbers, [2]);
    let changes = changes_between(&world.store, &world.at, Some(1), 5, b"")
        .await
        .unwrap();
    let expected = Differences {
        added: vec![b"b".to_vec()],
        changed: vec![],
        removed: vec![b"a".to_vec()],
    };
    assert_eq!(changes, expected);
}

#[tokio::test]
async fn a_long_timeline_comes_page_by_page() {
    let world = World::new();
    let volume = world.volume().await;
    let all = PAGE_STATES as u64 * 2 + 1;
    for n in 0..all {
        world.put("workspace/a", n.to_string());
        volume.checkpoint(Scope::Sources, None).await.unwrap();
    }
    let (mut before, mut numbers, mut sizes) = (None, Vec::new(), Vec::new());
    loop {
        let page = timeline(&world.store, &world.at, before, b"", now_ms())
            .await
            .unwrap();
        numbers.extend(page.moments.iter().map(|m| m.number));
        sizes.push(page.moments.len());
        match page.before {
            Some(number) => before = Some(number),
            None => break,
        }
    }
    assert_eq!(numbers, (1..=all).rev().collect::<Vec<_>>());
    assert_eq!(sizes, [PAGE_STATES, PAGE_STATES, 1]);
}

#[tokio::test]
async fn a_named_state_outlives_its_age_until_its_name_is_taken_off() {
    let world = World::new();
    world.put("workspace/a", "x".repeat(20_000));
    let volume = world.volume().await;
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    world.put("workspace/a", "y".repeat(20_000));
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    world.put("workspace/a", "z".repeat(20_000));
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    let (store, at) = (&world.store, &world.at);
    store.name(at, 2, "works").await.unwrap();
    store.name(at, 2, "works well").await.unwrap();
    let later = now_ms() + 400 * DAY_MS;
    for day in 0..3 {
        collect(store, later + day * DAY_MS, false).await.unwrap();
    }
    assert!(matches!(
        store.manifest(at, 2).await,
        Err(VolumeError::Missing(_))
    ));
    let page = timeline(store, at, None, b"", later).await.unwrap();
    let names: Vec<_> = page
        .moments
        .iter()
        .map(|m| (m.number, m.name.as_deref()))
        .collect();
    assert_eq!(names, [(3, None), (2, Some("works well"))]);
    assert_eq!(
        text(&world.numbered(2).await, "a").await.unwrap(),
        "y".repeat(20_000)
    );
    assert_eq!(check(store, true, later).await.unwrap().problems, [""; 0]);
    // It can be named anew, though it is among the named ones alone.
    store.name(at, 2, "first").await.unwrap();
    assert!(store.unname(at, 2).await.unwrap());
    assert!(!store.unname(at, 2).await.unwrap());
    assert!(matches!(
        store.name(at, 2, "again").await,
        Err(VolumeError::Missing(_))
    ));
    for day in 3..6 {
        collect(store, later + day * DAY_MS, false).await.unwrap();
    }
    assert!(Snapshot::numbered(store, at, 2).await.is_err());
    assert_eq!(world.faulty.keys("/named/").await, []);
    assert_eq!(world.faulty.keys("/packs/").await.len(), 1);
}

#[tokio::test]
async fn what_only_keeps_a_number_taken_is_no_state_to_be_read() {
    let world = World::new();
    let (store, at) = (&world.store, &world.at);
    // Two of one hour, a hundred days ago.
    let hour_ms = DAY_MS / 24;
    let begun_ms = (now_ms() - 100 * DAY_MS) / hour_ms * hour_ms;
    for (number, begins) in [(1, true), (2, false), (3, true)] {
        let mut manifest = Manifest::empty(Meta::default());
        manifest.meta.written_ms = begun_ms + number * 1000;
        (manifest.epoch, manifest.begins) = (number, begins);
        store.put_manifest(at, number, &manifest).await.unwrap();
    }
    let bare = Snapshot::numbered(store, at, 1).await;
    assert!(matches!(bare, Err(VolumeError::Missing(_))));
    let named = store.name(at, 1, "too late").await;
    assert!(matches!(named, Err(VolumeError::Missing(_))));
    assert_eq!(world.numbered(3).await.number, 3, "the newest always stays");
    let page = timeline(store, at, None, b"", now_ms()).await.unwrap();
    assert!(page.moments.iter().all(|moment| moment.number != 1));
}

#[tokio::test]
async fn a_timeline_comes_to_its_end_however_many_there_are_that_are_not_in_it() {
    let world = World::new();
    let (store, at) = (&world.store, &world.at);
    // All of one hour, a hundred days ago: between the first and the last there are only those that keep
    // their numbers taken, two more than are read for a page.
    let hour_ms = DAY_MS / 24;
    let begun_ms = (now_ms() - 100 * DAY_MS) / hour_ms * hour_ms;
    let last = PAGE_MANIFESTS as u64 + 4;
    for number in 1..=last {
        let mut manifest = Manifest::empty(Meta::default());
        manifest.meta.written_ms = begun_ms + number * 1000;
        manifest.meta.restored = (number == last).then_some(1);
        (manifest.epoch, manifest.begins) = (number, number != 1);
        store.put_manifest(at, number, &manifest).await.unwrap();
    }
    let read = async |before| {
        let page = timeline(store, at, before, b"", now_ms()).await.unwrap();
        let numbers: Vec<u64> = page.moments.iter().map(|m| m.number).collect();
        (numbers, page.before)
    };
    assert_eq!(read(None).await, (vec![last, 1], None));
    assert_eq!(read(Some(last + 1)).await, (vec![last, 1], None));
    assert_eq!(read(Some(last)).await, (vec![], Some(4)));
    assert_eq!(read(Some(4)).await, (vec![1], None));
}

#[tokio::test]
async fn there_is_a_limit_to_names_and_a_new_name_for_a_named_state_is_within_it() {
    let world = World::new();
    let volume = world.volume().await;
    for n in 0..=MAX_NAMED as u64 {
        world.put("workspace/a", n.to_string());
        volume.checkpoint(Scope::Sources, None).await.unwrap();
    }
    let (store, at) = (&world.store, &world.at);
    for number in 1..=MAX_NAMED as u64 {
        store.name(at, number, "a").await.unwrap();
    }
    let one_more = MAX_NAMED as u64 + 1;
    assert!(matches!(
        store.name(at, one_more, "a").await,
        Err(VolumeError::Limit(_))
    ));
    store.name(at, 1, "b").await.unwrap();
    store.unname(at, 1).await.unwrap();
    store.name(at, one_more, "a").await.unwrap();
    store.delete_manifests(at).await.unwrap();
    assert_eq!(world.faulty.keys("repl/code/abcdefghijkl/n").await, []);
}

#[tokio::test]
async fn a_file_is_written_while_nothing_runs_unless_it_was_changed_meanwhile() {
    let world = World::new();
    world.put("workspace/a", "1");
    world.put("workspace/src/b", "1");
    fs::set_permissions(
        world.dir.path().join("workspace/a"),
        fs::Permissions::from_mode(0o755),
    )
    .unwrap();
    symlink("a", world.dir.path().join("workspace/link")).unwrap();
    world
        .volume()
        .await
        .checkpoint(Scope::Everything, None)
        .await
        .unwrap();
    let amender = &mut Amender::default();
    assert_eq!(
        world
            .amend(amender, writing("a", "2", Some(b"1")))
            .await
            .unwrap(),
        2
    );
    let large = "l".repeat(MAX_WRITTEN_BYTES);
    // The workspace's own name counts.
    let longest = "n".repeat(MAX_PATH_BYTES - "workspace/".len());
    let too_long = longest.clone() + "n";
    assert_eq!(
        world
            .amend(amender, writing("src/new", large.clone(), None))
            .await
            .unwrap(),
        3
    );
    assert_eq!(
        world
            .amend(amender, writing("a", "2", Some(b"2")))
            .await
            .unwrap(),
        3,
        "nothing is different"
    );
    for refused in [
        writing("a", "3", Some(b"1")),
        writing("a", "3", None),
        writing("gone", "3", Some(b"1")),
        writing("link", "3", None),
        writing("src", "3", None),
        writing("a/below", "3", None),
        writing("nowhere/c", "3", None),
        writing("a", large.clone() + "l", Some(b"2")),
        writing(&too_long, "3", None),
    ] {
        let refused = world.amend(amender, refused).await;
        assert!(matches!(refused, Err(VolumeError::Limit(_))), "{refused:?}");
    }
    let written = world.amend(amender, writing(&longest, "3", None)).await;
    assert_eq!(written.unwrap(), 4);
    let newest = world.newest().await;
    assert_eq!(newest.number, 4);
    assert_eq!(text(&newest, "a").await.unwrap(), "2");
    assert_eq!(newest.item(b"a").unwrap().mode, 0o755);
    assert_eq!(text(&newest, "src/new").await.unwrap(), large);
    assert_eq!((newest.manifest.epoch, newest.manifest.begins), (2, false));
    assert_eq!(
        check(&world.store, true, now_ms()).await.unwrap().problems,
        [""; 0]
    );
}

#[tokio::test]
async fn whoever_starts_in_between_wins_and_a_paused_writer_is_fenced() {
    let world = World::new();
    world.put("workspace/a", "1");
    let paused = world.volume().await;
    paused.checkpoint(Scope::Everything, None).await.unwrap();
    let amender = &mut Amender::default();
    world
        .amend(amender, writing("a", "2", Some(b"1")))
        .await
        .unwrap();
    world.put("workspace/a", "of the paused");
    assert!(matches!(
        paused.checkpoint(Scope::Sources, None).await,
        Err(VolumeError::Replaced)
    ));
    // A start that is under way.
    let other = tempfile::tempdir().unwrap();
    let dir = other.path().to_owned();
    let started = Volume::open(world.store.clone(), world.at.clone(), 0, dir, None)
        .await
        .unwrap();
    started.restore_sources().await.unwrap();
    assert_eq!(fs::read(other.path().join("workspace/a")).unwrap(), b"2");
    // The amender goes by what is there: it is a writer of a later epoch then.
    let number = world
        .amend(amender, writing("a", "3", Some(b"2")))
        .await
        .unwrap();
    assert_eq!(world.numbered(number).await.manifest.epoch, 4);
    fs::write(other.path().join("workspace/a"), "of the start").unwrap();
    assert!(matches!(
        started.checkpoint(Scope::Sources, None).await,
        Err(VolumeError::Replaced)
    ));
}

#[tokio::test]
async fn a_folder_comes_back_as_it_was_and_nothing_else_changes() {
    let world = World::new();
    world.put("workspace/src/a", "1");
    world.put("workspace/src/deep/b", "1");
    world.put("workspace/other", "1");
    let volume = world.volume().await;
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    world.put("workspace/src/a", "2");
    world.put("workspace/src/new", "2");
    world.put("workspace/other", "2");
    fs::remove_dir_all(world.dir.path().join("workspace/src/deep")).unwrap();
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    let amender = &mut Amender::default();
    let restoring = world.restoring(1, b"src").await;
    world.amend(amender, restoring).await.unwrap();
    let newest = world.newest().await;
    assert_eq!(text(&newest, "src/a").await.unwrap(), "1");
    assert_eq!(text(&newest, "src/deep/b").await.unwrap(), "1");
    assert_eq!(text(&newest, "other").await.unwrap(), "2");
    assert!(newest.item(b"src/new").is_none());
    assert_eq!(newest.manifest.meta.restored, Some(1));
    // One file, with folders that are gone.
    world.put("workspace/src/a", "2");
    let restoring = world.restoring(2, b"").await;
    let whole = world.amend(amender, restoring).await.unwrap();
    let restoring = world.restoring(1, b"src/deep/b").await;
    world.amend(amender, restoring).await.unwrap();
    let newest = world.newest().await;
    assert_eq!(text(&newest, "src/deep/b").await.unwrap(), "1");
    assert_eq!(text(&newest, "src/a").await.unwrap(), "2");
    let restoring = world.restoring(whole, b"src/deep").await;
    assert!(matches!(
        world.amend(amender, restoring).await,
        Err(VolumeError::Missing(_))
    ));
    world
        .amend(amender, writing("deep", "a file", None))
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_derived_or_in_no_state_by_now_is_not_to_be_written_over() {
    let world = World::new();
    for path in ["lib/b", "cached/c", "data.db", "saved"] {
        world.put(&format!("workspace/{path}"), "1");
    }
    let volume = world.volume().await;
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    world.put("workspace/.alcoveignore", "data.db\n");
    for path in ["lib/b", "cached/c", "data.db", "saved"] {
        world.put(&format!("workspace/{path}"), "2");
    }
    let now_derived = |meta: &mut Meta| {
        meta.bulk = vec!["lib".into()];
        meta.caches = vec!["cached".into()];
    };
    volume.set_meta(now_derived);
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    let (then, now) = (world.numbered(1).await, world.numbered(2).await);
    let between = |path: &[u8]| {
        Restoration::between(&now.manifest, &[], &then.manifest, path, false).unwrap()
    };
    assert!(between(b"lib").is_empty() && between(b"cached").is_empty());
    let everything = between(b"");
    assert_eq!(everything.bytes(), 2, "data.db and saved");
    assert_eq!(everything.replaced, [b"saved"]);
    assert_eq!(everything.going, [b".alcoveignore"]);
}

#[tokio::test]
async fn a_file_that_was_not_there_goes_where_that_is_wanted_and_nothing_else_does() {
    let world = World::new();
    world.put("workspace/src/a", "1");
    let volume = world.volume().await;
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    world.put("workspace/src/a", "2");
    world.put("workspace/src/b", "1");
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    let (then, now) = (world.numbered(1).await, world.numbered(2).await);
    let between =
        |or_remove| Restoration::between(&now.manifest, &[], &then.manifest, b"src/b", or_remove);
    assert!(matches!(between(false), Err(VolumeError::Missing(_))));
    let removing = between(true).unwrap();
    assert_eq!(
        (removing.going.as_slice(), removing.bytes()),
        (&[b"src/b".to_vec()][..], 0)
    );

    let mut restoring = world.restoring(1, b"src/b").await;
    if let Amendment::Restore { or_remove, .. } = &mut restoring {
        *or_remove = true;
    }
    let amender = &mut Amender::default();
    assert_eq!(world.amend(amender, restoring).await.unwrap(), 3);
    let newest = world.newest().await;
    assert_eq!(newest.item(b"src/b"), None);
    assert_eq!(text(&newest, "src/a").await.unwrap(), "2");
}

#[tokio::test]
async fn what_the_store_has_lost_is_left_out_and_named() {
    let world = World::new();
    world.put("workspace/lost", "x".repeat(20_000));
    let volume = world.volume().await;
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    let packs = world.faulty.keys("/packs/").await;
    world.put("workspace/kept", "y".repeat(20_000));
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    for name in ["lost", "kept"] {
        fs::remove_file(world.dir.path().join("workspace").join(name)).unwrap();
    }
    // It has taken the place of the one that is lost.
    world.put("workspace/lost/stays", "1");
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    for pack in packs {
        world.faulty.lose(&pack).await;
    }
    let (then, now) = (world.numbered(2).await, world.numbered(3).await);
    let between = Restoration::between(&now.manifest, &[], &then.manifest, b"", false);
    let mut restoration = between.unwrap();
    assert_eq!(restoration.bytes(), 40_000);
    assert_eq!(restoration.leave_lost(&then).await.unwrap(), [b"lost"]);
    assert_eq!((restoration.bytes(), restoration.going.len()), (20_000, 0));
    let archive = restoration.archive(Arc::new(then), "plan", Vec::new());
    let archive: Vec<Bytes> = archive.try_collect().await.unwrap();
    assert!(
        archive
            .concat()
            .windows(20_000)
            .any(|part| part.iter().all(|byte| *byte == b'y'))
    );
}

/// Of a folder that can't be read nobody knows what is in it: what was saved of it does not replace that.
#[tokio::test]
async fn nothing_in_a_folder_that_could_not_be_read_is_replaced() {
    let world = World::new();
    for path in ["src/a", "src/b", "other"] {
        world.put(&format!("workspace/{path}"), "1");
    }
    let volume = world.volume().await;
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    for path in ["src/a", "src/new", "other"] {
        world.put(&format!("workspace/{path}"), "2");
    }
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    let (then, now) = (world.numbered(1).await, world.numbered(2).await);
    let not_saved = ["workspace/src".to_owned()];
    let restoring = |path: &[u8]| {
        let between = Restoration::between(&now.manifest, &not_saved, &then.manifest, path, false);
        let mut restoration = between.unwrap();
        let left = restoration.leave_not_saved(&not_saved, path);
        (restoration, left)
    };
    let (restoration, left) = restoring(b"");
    assert_eq!(left, [&b"src"[..], b"src/a", b"src/b", b"src/new"]);
    assert_eq!((restoration.bytes(), restoration.going.len()), (1, 0));
    // A file that is itself asked for does come.
    let (restoration, left) = restoring(b"src/b");
    assert_eq!((restoration.bytes(), left.len()), (1, 0));
}

/// However many ask for the history: of what may be large in memory there are so many at once.
#[tokio::test]
async fn so_many_read_states_at_once_and_a_start_does_not_wait_for_them() {
    let world = World::new();
    world.put("workspace/a", "1");
    let volume = world.volume().await;
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    let waiting = async |wanted: usize| {
        let all = async {
            while world.faulty.waiting() < wanted {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(std::time::Duration::from_secs(60), all).await;
        in_time.unwrap_or_else(|_| panic!("{} of {wanted}", world.faulty.waiting()));
        // Whoever else there is has come as far, too.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(world.faulty.waiting(), wanted);
    };
    for kind in 0..5 {
        world.faulty.hold(true);
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..MAX_READERS + 3 {
            let (store, at) = (world.store.clone(), world.at.clone());
            all.spawn(async move {
                match kind {
                    0 => timeline(&store, &at, None, b"", 0).await.map(drop),
                    1 => changes_between(&store, &at, None, 1, b"").await.map(drop),
                    2 => Snapshot::newest(&store, &at, 0).await.map(drop),
                    3 => Snapshot::numbered(&store, &at, 1).await.map(drop),
                    _ => store.name(&at, 1, "a name").await,
                }
            });
        }
        waiting(MAX_READERS).await;
        let (store, at) = (world.store.clone(), world.at.clone());
        let dir = tempfile::tempdir().unwrap();
        let opening = Volume::open(store, at, 0, dir.path().to_owned(), None);
        let opening = tokio::spawn(opening);
        waiting(MAX_READERS + 1).await;
        world.faulty.hold(false);
        for done in all.join_all().await {
            done.unwrap();
        }
        opening.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn the_home_folder_stays_with_its_owner() {
    let world = World::new();
    world.put("workspace/a", "1");
    world.put("workspace/node_modules/b", "1");
    world.put("home/.secret", "1");
    world.put("home/.cargo/registry/cache/c", "1");
    world
        .volume()
        .await
        .checkpoint(Scope::Everything, None)
        .await
        .unwrap();
    let (_, head) = world.store.head(&world.at, 0).await.unwrap().unwrap();
    for (id, with_home) in [("bbbbbbbbbbbb", true), ("cccccccccccc", false)] {
        let at = repl(id);
        let size = fork(&world.store, &head, &at, Meta::default(), with_home)
            .await
            .unwrap();
        // Of them three folders and two files are in the home folder.
        let (bytes, files) = if with_home { (4, 8) } else { (2, 3) };
        assert_eq!(size, Size { bytes, files });
        let (_, forked) = world.store.head(&at, 0).await.unwrap().unwrap();
        let files = exported(&world.store, &forked).await;
        assert!(files.contains_key(Path::new("workspace/node_modules/b")));
        assert_eq!(files.contains_key(Path::new("home/.secret")), with_home);
        let in_bulk = Path::new("home/.cargo/registry/cache/c");
        assert_eq!(files.contains_key(in_bulk), with_home);
    }
    assert_eq!(
        check(&world.store, true, now_ms()).await.unwrap().problems,
        [""; 0]
    );
}

const LOG: &str = "home/.local/state/alcove/documents/0a";

/// What serves to go on after a crash is of the state that was saved after it, and of no other.
#[tokio::test]
async fn what_is_kept_of_a_run_comes_back_after_a_crash_alone() {
    let world = World::new();
    world.put("workspace/a", "1");
    world.put("home/.local/state/other", "1");
    world.put(LOG, "1");
    let volume = world.volume().await;
    let log = Path::new(LOG);
    let mut states = Vec::new();
    for scope in [
        Scope::Sources,
        Scope::Everything,
        Scope::Final,
        Scope::Sources,
    ] {
        volume.checkpoint(scope, None).await.unwrap();
        let (_, head) = world.store.head(&world.at, 0).await.unwrap().unwrap();
        let files = exported(&world.store, &head).await;
        assert!(files.contains_key(Path::new("home/.local/state/other")));
        assert_eq!(
            files.contains_key(log),
            scope == Scope::Final,
            "after {scope:?}"
        );
        let folder = Path::new("home/.local/state/alcove");
        assert_eq!(files.contains_key(folder), scope == Scope::Final);
        states.push(head);
    }
    // Not even its owner's other repls get it.
    let at = repl("bbbbbbbbbbbb");
    fork(&world.store, &states[2], &at, Meta::default(), true)
        .await
        .unwrap();
    let (_, forked) = world.store.head(&at, 0).await.unwrap().unwrap();
    let files = exported(&world.store, &forked).await;
    assert!(files.contains_key(Path::new("home/.local/state/other")));
    assert!(!files.contains_key(Path::new("home/.local/state/alcove")));
    // Nor does it come back with all of an earlier state.
    let from = Amendment::Restore {
        from: Arc::new(states[2].clone()),
        number: 3,
        path: Vec::new(),
        or_remove: false,
    };
    let amended = Amender::default()
        .amend(&world.store, &world.at, 0, from, |_| ())
        .await;
    let amended = amended.unwrap();
    let (number, head) = world.store.head(&world.at, 0).await.unwrap().unwrap();
    assert_eq!(number, amended);
    assert!(!exported(&world.store, &head).await.contains_key(log));
}

/// Of a run that ended in order there is nothing: a stop saves no other state than its last.
#[tokio::test]
async fn empty_folders_of_a_run_are_no_change() {
    let world = World::new();
    world.put("workspace/a", "1");
    world.put(LOG, "1");
    let volume = world.volume().await;
    volume.checkpoint(Scope::Sources, None).await.unwrap();
    fs::remove_file(world.dir.path().join(LOG)).unwrap();
    let outcome = volume.checkpoint(Scope::Final, None).await.unwrap();
    assert!(!outcome.changed);
}

/// However many files are derived: their list is read only where something of it lies in the home folder, or
/// a state of earlier versions does not say.
#[tokio::test]
async fn a_fork_for_another_is_one_request_where_nothing_derived_lies_in_the_home_folder() {
    let world = World::new();
    world.put("workspace/node_modules/b", "1");
    world.put("home/.secret", "1");
    let volume = world.volume().await;
    volume.checkpoint(Scope::Everything, None).await.unwrap();
    let (_, mut head) = world.store.head(&world.at, 0).await.unwrap().unwrap();
    let requests = async |head: &Manifest, id: &str| {
        let before = world.store.requests();
        let size = fork(&world.store, head, &repl(id), Meta::default(), false).await;
        let (_, forked) = world.store.head(&repl(id), 0).await.unwrap().unwrap();
        assert_eq!(size.unwrap(), forked.size());
        assert_eq!(forked.bulk.unwrap().key, head.bulk.as_ref().unwrap().key);
        let made = |(before, after): ((_, u64), (_, u64))| after.1 - before.1;
        let [get, put, ..] = world.store.requests();
        // One of the reads is this test's.
        (made((before[0], get)) - 1, made((before[1], put)))
    };
    assert_eq!(requests(&head, "bbbbbbbbbbbb").await, (0, 1));
    head.bulk.as_mut().unwrap().home = None;
    assert_eq!(requests(&head, "cccccccccccc").await, (1, 1));
}

#[derive(Debug, Clone)]
enum Step {
    Write(usize, usize, u8),
    Delete(usize),
    Mode(usize, u32),
    Save,
    Name,
    /// Of which of the states so far: everything, or what is at a path.
    Restore(usize, Option<usize>),
}

const PATHS: [&str; 7] = [
    "workspace/a",
    "workspace/dir",
    "workspace/dir/b",
    "workspace/dir/deep/c",
    "workspace/dir-2",
    "workspace/node_modules/d",
    "home/e",
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let path = || 0..PATHS.len();
    let length = prop_oneof![
        Just(0usize),
        1..100usize,
        Just(20_000usize),
        Just(4_500_000usize)
    ];
    let step = prop_oneof![
        6 => (path(), length, any::<u8>()).prop_map(|(p, l, b)| Step::Write(p, l, b)),
        2 => path().prop_map(Step::Delete),
        1 => (path(), 0o600..0o777u32).prop_map(|(p, m)| Step::Mode(p, m)),
        4 => Just(Step::Save),
        1 => Just(Step::Name),
        2 => (any::<usize>(), proptest::option::of(0..5usize)).prop_map(|(n, p)| Step::Restore(n, p)),
    ];
    proptest::collection::vec(step, 1..30)
}

/// What a picture becomes when what is at `path` is restored from an earlier one; `None`: it was not there.
fn with_restored(now: &Picture, then: &Picture, path: &Path) -> Option<Picture> {
    let workspace = Path::new("workspace");
    if path != workspace && !then.contains_key(path) {
        return None;
    }
    let mut picture: Picture = now
        .iter()
        .filter(|(p, _)| !p.starts_with(path))
        .map(|(p, what)| (p.clone(), what.clone()))
        .collect();
    for (p, what) in then {
        if p.starts_with(path) {
            picture.insert(p.clone(), what.clone());
        } else if path.starts_with(p) {
            // A folder that it lies in must be one, or is made.
            let now = picture.entry(p.clone()).or_insert_with(|| what.clone());
            if now.0 != "folder" {
                return None;
            }
        }
    }
    Some(picture)
}

async fn run(steps: Vec<Step>) {
    let mut world = World::new();
    let mut volume = world.volume().await;
    let mut states: Vec<(u64, Picture)> = Vec::new();
    let mut named = Vec::new();
    for step in steps {
        let at = |n: &usize| world.dir.path().join(PATHS[*n]);
        match &step {
            Step::Write(path, length, byte) => {
                let content: Vec<u8> = (0..*length).map(|i| (i / 1000) as u8 ^ byte).collect();
                // It may well fail: a folder that is a file, and the like.
                let _ = fs::create_dir_all(at(path).parent().unwrap())
                    .and_then(|()| fs::write(at(path), content));
            }
            Step::Delete(path) => {
                let _ = fs::remove_file(at(path)).or_else(|_| fs::remove_dir_all(at(path)));
            }
            Step::Mode(path, mode) => {
                let usable = if at(path).is_dir() { 0o700 } else { 0o400 };
                let mode = fs::Permissions::from_mode(mode | usable);
                let _ = fs::set_permissions(at(path), mode);
            }
            Step::Save => {
                let outcome = volume.checkpoint(Scope::Everything, None).await.unwrap();
                if outcome.changed {
                    states.push((outcome.number, picture(world.dir.path())));
                }
            }
            Step::Name => {
                if let Some(state) = states.last() {
                    world.store.name(&world.at, state.0, "kept").await.unwrap();
                    named.push(state.clone());
                }
            }
            Step::Restore(n, path) => {
                volume.checkpoint(Scope::Everything, None).await.unwrap();
                let before = picture(world.dir.path());
                let Some((number, then)) = states.get(n % states.len().max(1)) else {
                    continue;
                };
                let path = path.map_or("workspace", |n| PATHS[n]);
                let inner = path
                    .strip_prefix("workspace")
                    .unwrap()
                    .trim_start_matches('/');
                let restoring = world.restoring(*number, inner.as_bytes()).await;
                let result = world.amend(&mut Amender::default(), restoring).await;
                let expected = with_restored(&before, then, Path::new(path));
                assert_eq!(result.is_ok(), expected.is_some(), "{result:?}");
                // The next life.
                drop(volume);
                world.dir = tempfile::tempdir().unwrap();
                let dir = world.dir.path().to_owned();
                let (store, at) = (world.store.clone(), world.at.clone());
                volume = Volume::open(store, at, 0, dir, None).await.unwrap();
                volume.restore_sources().await.unwrap();
                volume.restore_bulk().await.unwrap();
                let now = timeless(picture(world.dir.path()));
                assert_eq!(now, timeless(expected.unwrap_or(before)));
            }
        }
    }
    for (number, then) in &states {
        let snapshot = world.numbered(*number).await;
        assert_eq!(&exported(&world.store, &snapshot.manifest).await, then);
        let at = repl(&format!("fork{number:08}"));
        fork(&world.store, &snapshot.manifest, &at, Meta::default(), true)
            .await
            .unwrap();
        let (_, forked) = world.store.head(&at, 0).await.unwrap().unwrap();
        assert_eq!(&exported(&world.store, &forked).await, then);
    }
    let later = now_ms() + 400 * DAY_MS;
    for day in 0..3 {
        collect(&world.store, later + day * DAY_MS, false)
            .await
            .unwrap();
    }
    for (number, then) in &named {
        let snapshot = world.numbered(*number).await;
        assert_eq!(&exported(&world.store, &snapshot.manifest).await, then);
    }
    let report = check(&world.store, true, later).await.unwrap();
    assert_eq!(report.problems, [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn every_state_can_be_restored_and_forked_and_named_ones_stay(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(run(steps));
    }
}
