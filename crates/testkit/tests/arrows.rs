//! Which part may use which: an arrow that is not drawn here is a mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Crate, and what of ours it may depend on. Tests and measurements may use `testkit` besides.
const ARROWS: [(&str, &[&str]); 13] = [
    ("protocol", &[]),
    ("socket", &[]),
    ("merge", &[]),
    ("zip", &[]),
    ("archive", &["protocol"]),
    ("terminals", &["protocol"]),
    (
        "runner",
        &["archive", "merge", "protocol", "socket", "terminals", "zip"],
    ),
    ("volume", &[]),
    ("spawner", &[]),
    (
        "server",
        &["protocol", "socket", "spawner", "volume", "zip"],
    ),
    (
        "alcove",
        &[
            "archive", "protocol", "runner", "server", "spawner", "volume",
        ],
    ),
    ("testkit", &["protocol"]),
    ("bench", &["protocol", "testkit", "volume"]),
];

#[test]
fn parts_use_only_what_they_may() {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--locked",
            "--offline",
        ])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let short = |name: &str| name.strip_prefix("alcove-").unwrap_or(name).to_owned();
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for package in metadata["packages"].as_array().unwrap() {
        let uses = found
            .entry(short(package["name"].as_str().unwrap()))
            .or_default();
        for dependency in package["dependencies"].as_array().unwrap() {
            let name = dependency["name"].as_str().unwrap();
            let is_test = dependency["kind"] == "dev";
            if !name.starts_with("alcove")
                || (is_test && matches!(name, "alcove-testkit" | "alcove-protocol"))
            {
                continue;
            }
            uses.insert(short(name));
        }
    }
    let drawn: BTreeSet<&str> = ARROWS.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        found.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        drawn,
        "every crate is drawn, and no other"
    );
    for (name, may) in ARROWS {
        for used in &found[name] {
            assert!(
                may.contains(&used.as_str()),
                "`{name}` must not use `{used}`"
            );
        }
    }
}

/// Lock files name packages, never the registry that one developer fetched them from.
#[test]
fn lock_files_name_no_host_of_ours() {
    let top = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let cargo = std::fs::read_to_string(format!("{top}/Cargo.lock")).unwrap();
    for source in cargo.lines().filter_map(|l| l.strip_prefix("source = ")) {
        assert_eq!(
            source,
            "\"registry+https://github.com/rust-lang/crates.io-index\""
        );
    }
    for path in [
        "web/package-lock.json",
        "bench/app/package-lock.json",
        "templates/react/package-lock.json",
        "templates/node/package-lock.json",
    ] {
        let text = std::fs::read_to_string(format!("{top}/{path}")).unwrap();
        assert!(!text.contains("\"resolved\""), "{path}");
    }
}
