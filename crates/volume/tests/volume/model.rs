//! Whatever is done to a workspace, and whenever the store fails: what a checkpoint said was saved is
//! there after a restart, and nothing in the store refers to what is not there.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use alcove_testkit::faults::{Fault, FaultyStore};
use alcove_volume::{Location, Meta, Scope, Store, Volume, VolumeError, check, collect, export};
use proptest::prelude::*;

use crate::support::{Picture, picture};

/// What a person, a program or fate does.
#[derive(Debug, Clone)]
enum Step {
    /// Path, length and what it is filled with.
    Write(usize, usize, u8),
    Append(usize),
    Delete(usize),
    Rename(usize, usize),
    Link(usize),
    Folder(usize),
    Mode(usize, u32),
    /// Another folder counts as derived, or none more than usual.
    Rules(usize),
    Checkpoint(bool),
    /// The request after so many fails, and all after it, until the next step.
    Broken(u32, bool, bool),
    /// The process ends; another adopts the folder.
    Crash,
    /// Saved, deleted, restored; a request of the restore may fail.
    Restart(Option<u32>),
    /// It goes on as another repl.
    Fork,
    /// Hours pass, and garbage is collected; a request of that may fail.
    Collect(u64, Option<u32>),
}

const RULES: [&[&str]; 3] = [&[], &["dir"], &["dir/deep", "a"]];

const PATHS: [&str; 11] = [
    "workspace/a",
    "workspace/b",
    "workspace/dir",
    "workspace/dir/c",
    "workspace/dir/deep/d",
    "workspace/dir/node_modules/x",
    "workspace/node_modules",
    "workspace/node_modules/e",
    "workspace/node_modules/f/g",
    "workspace/target/h",
    "home/i",
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let path = || 0..PATHS.len();
    let length = prop_oneof![
        Just(0usize),
        1..100usize,
        15_000..20_000usize,
        Just(5_000_000usize)
    ];
    let step = prop_oneof![
        6 => (path(), length, any::<u8>()).prop_map(|(p, l, b)| Step::Write(p, l, b)),
        2 => path().prop_map(Step::Append),
        2 => path().prop_map(Step::Delete),
        2 => (path(), path()).prop_map(|(a, b)| Step::Rename(a, b)),
        1 => path().prop_map(Step::Link),
        1 => path().prop_map(Step::Folder),
        1 => (path(), 0o600..0o777u32).prop_map(|(p, m)| Step::Mode(p, m)),
        1 => (0..RULES.len()).prop_map(Step::Rules),
        4 => any::<bool>().prop_map(Step::Checkpoint),
        3 => (0..4u32, any::<bool>(), any::<bool>()).prop_map(|(n, a, e)| Step::Broken(n, a, e)),
        1 => Just(Step::Crash),
        2 => proptest::option::of(0..5u32).prop_map(Step::Restart),
        1 => Just(Step::Fork),
        2 => (0..60u64, proptest::option::of(0..12u32)).prop_map(|(h, f)| Step::Collect(h, f)),
    ];
    proptest::collection::vec(step, 1..40)
}

struct World {
    faulty: Arc<FaultyStore>,
    store: Store,
    top: tempfile::TempDir,
    at: Location,
    forks: usize,
    /// Of repls that were left for a fork: what they must hold.
    left: Vec<(Location, Picture)>,
    dir: PathBuf,
    lives: usize,
    now_ms: u64,
}

fn scope(everything: bool) -> Scope {
    if everything {
        Scope::Everything
    } else {
        Scope::Sources
    }
}

impl World {
    fn new() -> Self {
        let faulty = FaultyStore::new();
        let top = tempfile::tempdir().unwrap();
        let dir = top.path().join("0");
        for name in ["workspace", "home"] {
            fs::create_dir_all(dir.join(name)).unwrap();
        }
        Self {
            store: Store::over(faulty.clone()),
            faulty,
            top,
            at: Location::Repl("repl0".into()),
            forks: 0,
            left: Vec::new(),
            dir,
            lives: 0,
            now_ms: std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64,
        }
    }

    async fn adopt(&self) -> Volume {
        let (store, dir) = (self.store.clone(), self.dir.clone());
        let volume = Volume::adopt(store, self.at.clone(), dir, None, Meta::default()).await;
        let volume = volume.unwrap();
        assert!(!volume.is_replaced().await);
        volume
    }

    fn new_dir(&mut self) -> PathBuf {
        self.lives += 1;
        let dir = self.top.path().join(self.lives.to_string());
        fs::create_dir(&dir).unwrap();
        dir
    }

    /// What the store holds of a repl, as a reader finds it.
    async fn stored(&self, at: &Location) -> Picture {
        let (_, manifest) = self.store.head(at, 0).await.unwrap().unwrap();
        let out = tempfile::tempdir().unwrap();
        let lost = export(&self.store, &manifest, out.path()).await.unwrap();
        assert_eq!(lost, [""; 0]);
        picture(out.path())
    }

    /// Everything is saved, and the store has exactly what is on disk.
    async fn save(&self, volume: &Volume) {
        let outcome = volume.checkpoint(Scope::Everything, None).await.unwrap();
        assert!(outcome.left_out.is_empty());
        assert_eq!(self.stored(&self.at).await, picture(&self.dir));
    }

    fn change(&self, step: &Step) {
        let at = |n: &usize| self.dir.join(PATHS[*n]);
        // What a person does may well fail: a folder that is a file, and the like.
        let _: std::io::Result<()> = match step {
            Step::Write(path, length, byte) => {
                with_parent(&at(path), |path| fs::write(path, content(*length, *byte)))
            }
            Step::Append(path) => fs::read(at(path)).and_then(|mut bytes| {
                bytes.extend_from_slice(b"more");
                fs::write(at(path), bytes)
            }),
            Step::Delete(path) => {
                fs::remove_file(at(path)).or_else(|_| fs::remove_dir_all(at(path)))
            }
            Step::Rename(from, to) => with_parent(&at(to), |to| fs::rename(at(from), to)),
            Step::Link(path) => with_parent(&at(path), |path| symlink("../a", path)),
            Step::Folder(path) => fs::create_dir_all(at(path)),
            // A link's mode is its target's.
            Step::Mode(path, mode) if !at(path).is_symlink() => {
                let executable = if at(path).is_dir() { 0o700 } else { 0o400 };
                fs::set_permissions(at(path), fs::Permissions::from_mode(mode | executable))
            }
            _ => Ok(()),
        };
    }
}

fn with_parent(
    path: &Path,
    work: impl FnOnce(&Path) -> std::io::Result<()>,
) -> std::io::Result<()> {
    fs::create_dir_all(path.parent().unwrap())?;
    work(path)
}

fn content(length: usize, byte: u8) -> Vec<u8> {
    (0..length).map(|i| (i / 1000) as u8 ^ byte).collect()
}

async fn run(steps: Vec<Step>) {
    let mut world = World::new();
    let mut volume = world.adopt().await;
    // A repl is in the store before anything runs in it.
    world.save(&volume).await;
    for step in steps {
        match &step {
            Step::Checkpoint(everything) => {
                volume.checkpoint(scope(*everything), None).await.unwrap();
                if *everything {
                    assert_eq!(world.stored(&world.at).await, picture(&world.dir));
                }
            }
            Step::Broken(requests, after, everything) => {
                let fault = if *after { Fault::After } else { Fault::Before };
                world.faulty.fail(*requests, fault);
                let result = volume.checkpoint(scope(*everything), None).await;
                world.faulty.mend();
                assert!(
                    matches!(result, Ok(_) | Err(VolumeError::Store(_))),
                    "{result:?}"
                );
            }
            Step::Crash => {
                drop(volume);
                volume = world.adopt().await;
            }
            Step::Restart(broken) => {
                world.save(&volume).await;
                let before = picture(&world.dir);
                if let Some(requests) = broken {
                    // A start that fails leaves nothing that the next one would trip over.
                    let dir = world.new_dir();
                    world.faulty.fail(*requests, Fault::After);
                    let (store, at) = (world.store.clone(), world.at.clone());
                    if let Ok(volume) = Volume::open(store, at, 0, dir, None).await {
                        let _ = volume.restore_sources().await;
                    }
                    world.faulty.mend();
                }
                world.dir = world.new_dir();
                let (store, dir) = (world.store.clone(), world.dir.clone());
                let at = world.at.clone();
                volume = Volume::open(store, at, 0, dir, None).await.unwrap();
                volume.restore_sources().await.unwrap();
                volume.restore_bulk().await.unwrap();
                assert_eq!(picture(&world.dir), before);
            }
            Step::Fork => {
                world.save(&volume).await;
                world.left.push((world.at.clone(), picture(&world.dir)));
                world.forks += 1;
                world.at = Location::Repl(format!("repl{}", world.forks));
                volume = volume.fork(world.at.clone(), Meta::default()).await;
                volume.checkpoint(Scope::Everything, None).await.unwrap();
            }
            Step::Collect(hours, broken) => {
                world.now_ms += hours * 3_600_000;
                if let Some(requests) = broken {
                    world.faulty.fail(*requests, Fault::After);
                }
                let result = collect(&world.store, world.now_ms, false).await;
                world.faulty.mend();
                assert!(broken.is_some() || result.is_ok(), "{result:?}");
            }
            Step::Rules(rules) => {
                let rules = RULES[*rules].iter().map(|rule| (*rule).to_owned());
                volume.set_meta(|meta| meta.bulk = rules.collect());
            }
            change => world.change(change),
        }
    }
    world.save(&volume).await;
    assert_eq!(
        check(&world.store, true, world.now_ms)
            .await
            .unwrap()
            .problems,
        [""; 0]
    );
    for (at, expected) in &world.left {
        assert_eq!(
            &world.stored(at).await,
            expected,
            "a fork changes nothing of its source"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn what_was_saved_is_there(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(run(steps));
    }
}

/// Two checkpoints whose answers were lost: what the second wrote is the head, though the third finds
/// on disk what the first wrote.
#[test]
fn a_lost_answer_is_not_the_last_word() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(run(vec![
        Step::Folder(6),
        Step::Broken(1, true, true),
        Step::Broken(2, true, false),
        Step::Restart(None),
    ]));
}
