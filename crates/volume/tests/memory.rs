//! How much memory a volume takes while it saves and restores a workspace of very many files. Each step is
//! a process of its own, so that the kernel's count of it is that step's alone.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use alcove_volume::{Location, Meta, Outcome, Scope, Size, Store, Volume};

/// What a volume may take at its peak, and for each file that may be saved: with the usual limit of 100,000
/// files 64 MB.
const BYTES: u64 = 12_000_000;
const BYTES_PER_FILE: u64 = 520;
const FILES: u64 = 20_000;
const STEP: &str = "MEMORY_STEP";
const PLACE: &str = "MEMORY_PLACE";

/// In bytes; proc(5).
fn memory(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}

/// So many empty files, with names as packages have them.
fn fill(dir: &Path, files: u64) {
    for i in 0..files {
        let folder = dir.join(format!("package-{}/lib/internal", i / 100));
        if i % 100 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        fs::write(folder.join(format!("some-module-{i}.js")), "").unwrap();
    }
}

fn within_limits(what: &str, before: u64) {
    let bytes = memory("VmHWM:").saturating_sub(before);
    println!("{what}: {bytes} bytes");
    assert!(
        bytes < BYTES + FILES * BYTES_PER_FILE,
        "{what} took {bytes} bytes"
    );
}

async fn step(name: &str, place: &Path) {
    let store = Store::open(place.join("store").to_str().unwrap()).unwrap();
    let at = || Location::Repl("large".into());
    let quota = Size {
        bytes: u64::MAX,
        files: FILES,
    };
    let adopted = async || -> Volume {
        let dir = place.join("one");
        let volume = Volume::adopt(store.clone(), at(), dir, None, Meta::default()).await;
        let volume = volume.unwrap();
        volume.set_quota(quota).await;
        volume
    };
    let before = memory("VmRSS:");
    match name {
        "save" => {
            let volume = adopted().await;
            let saved = volume.checkpoint(Scope::Everything, None).await.unwrap();
            assert_eq!((saved.refused.len(), saved.beyond), (0, 0));
            fs::write(place.join("one/workspace/package-0/lib/new"), "x").unwrap();
            volume.checkpoint(Scope::Everything, None).await.unwrap();
        }
        "save what is far too much" => {
            let volume = adopted().await;
            let saved = volume.checkpoint(Scope::Everything, None).await.unwrap();
            told_and_kept(&saved);
        }
        "restore" => {
            let volume = Volume::open(store, at(), 0, place.join("two"), None).await;
            volume.unwrap().restore_sources().await.unwrap();
        }
        other => panic!("{other}"),
    }
    within_limits(name, before);
}

/// Nothing that was saved is missing, and what is not saved is counted.
fn told_and_kept(saved: &Outcome) {
    assert!(
        saved.size.files <= FILES && saved.size.files > FILES * 9 / 10,
        "{saved:?}"
    );
    assert!(saved.beyond > 100, "{}", saved.beyond);
}

fn run(name: &str, place: &Path) {
    let status = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "memory_is_bounded_whatever_is_in_a_workspace",
            "--nocapture",
        ])
        .envs([(STEP, name.as_ref()), (PLACE, place.as_os_str())])
        .status()
        .unwrap();
    assert!(status.success(), "{name}");
}

#[tokio::test]
async fn memory_is_bounded_whatever_is_in_a_workspace() {
    if let (Ok(name), Some(place)) = (std::env::var(STEP), std::env::var_os(PLACE)) {
        return step(&name, Path::new(&place)).await;
    }
    let place = tempfile::tempdir().unwrap();
    for folder in ["store", "one/home", "two"] {
        fs::create_dir_all(place.path().join(folder)).unwrap();
    }
    let workspace = place.path().join("one/workspace");
    fill(&workspace, FILES * 95 / 100);
    run("save", place.path());
    // Three times as many as may be saved, and links with as much in them as links can have.
    fill(&workspace.join("more"), 2 * FILES);
    fs::create_dir(workspace.join("links")).unwrap();
    for i in 0..FILES {
        symlink("x".repeat(4000), workspace.join(format!("links/{i}"))).unwrap();
    }
    run("save what is far too much", place.path());
    run("restore", place.path());
}
