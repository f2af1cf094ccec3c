//! All files of a workspace that people work on: not what `.gitignore` names, not `.git`, no derived
//! folders, and no link is followed.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use alcove_protocol::WorkspacePath;
use alcove_protocol::project::Files;
use ignore::WalkBuilder;

use crate::tree::{TEMPORARY_PREFIX, covers};

/// Deepest folder that is looked into.
const MAX_DEPTH: usize = 64;

/// Calls `take` for each file, until it says `false`. `enter` says whether a folder is looked into.
pub fn files(
    top: &Path,
    derived: &Files,
    enter: impl Fn(&WorkspacePath) -> bool + Send + Sync + 'static,
    mut take: impl FnMut(WorkspacePath) -> bool,
) {
    let left_out: Vec<_> = derived
        .bulk
        .iter()
        .chain(&derived.caches)
        .cloned()
        .collect();
    let beginning = top.to_path_buf();
    let wanted = move |path: &Path, is_folder: bool| {
        let Some(path) = path_in(&beginning, path) else {
            return false;
        };
        let name = path
            .name()
            .map(|n| n.as_bytes().to_vec())
            .unwrap_or_default();
        if name.starts_with(TEMPORARY_PREFIX.as_bytes()) {
            return false;
        }
        let derived = || left_out.iter().any(|rule| covers(rule, &path));
        !is_folder || path.is_root() || (name != b".git" && !derived() && enter(&path))
    };
    let walk = WalkBuilder::new(top)
        .hidden(false)
        .parents(false)
        .git_global(false)
        // Templates have a `.gitignore`, and no repository yet.
        .require_git(false)
        .follow_links(false)
        .max_depth(Some(MAX_DEPTH))
        .filter_entry(move |e| wanted(e.path(), e.file_type().is_some_and(|t| t.is_dir())))
        .build();
    // A folder that can't be read, or goes away meanwhile, is left out.
    for entry in walk.flatten() {
        if !entry.file_type().is_some_and(|t| t.is_file()) {
            continue;
        }
        if let Some(path) = path_in(top, entry.path())
            && !take(path)
        {
            return;
        }
    }
}

fn path_in(top: &Path, path: &Path) -> Option<WorkspacePath> {
    let rest = path.strip_prefix(top).ok()?;
    WorkspacePath::from_bytes(rest.as_os_str().as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_is_derived_or_ignored_is_left_out_and_hidden_files_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path();
        for folder in ["src", ".git", "node_modules/x", "src/target", "deep/skip"] {
            fs::create_dir_all(top.join(folder)).unwrap();
        }
        for file in [
            "src/main.rs",
            "src/target/out.rs",
            ".git/config",
            ".env",
            "node_modules/x/index.js",
            "noise.log",
            "deep/skip/a",
            ".~alcove-12",
        ] {
            fs::write(top.join(file), "x").unwrap();
        }
        fs::write(top.join(".gitignore"), "*.log\n").unwrap();
        std::os::unix::fs::symlink("/etc", top.join("etc")).unwrap();
        let derived = Files {
            bulk: vec!["node_modules".parse().unwrap()],
            caches: vec!["src/target".parse().unwrap()],
        };
        let mut found = Vec::new();
        files(
            top,
            &derived,
            |folder| folder.to_string() != "deep/skip",
            |path| {
                found.push(path.to_string());
                true
            },
        );
        found.sort();
        assert_eq!(found, [".env", ".gitignore", "src/main.rs"]);
    }
}
