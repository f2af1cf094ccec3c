//! What `.gitignore` names: those of a folder and of the folders above it count, as in Git.

use std::fs;
use std::path::Path;

use alcove_protocol::WorkspacePath;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 256 * 1024;

/// The rules that hold in one folder.
pub struct Ignored {
    /// From the top down.
    levels: Vec<Gitignore>,
    /// The folder itself is ignored.
    whole: bool,
}

impl Ignored {
    pub fn of(top: &Path, folder: &WorkspacePath) -> Self {
        let mut at = top.to_owned();
        let mut levels = vec![rules(&at)];
        for name in folder.as_path() {
            at.push(name);
            if is(&levels, &at, true) {
                return Self {
                    levels,
                    whole: true,
                };
            }
            levels.push(rules(&at));
        }
        let whole = false;
        Self { levels, whole }
    }

    /// Whether an entry of the folder is ignored.
    pub fn has(&self, full: &Path, is_folder: bool) -> bool {
        self.whole || is(&self.levels, full, is_folder)
    }
}

/// The rule nearest to the entry decides.
fn is(levels: &[Gitignore], full: &Path, is_folder: bool) -> bool {
    for level in levels.iter().rev() {
        match level.matched(full, is_folder) {
            Match::None => {}
            Match::Ignore(_) => return true,
            Match::Whitelist(_) => return false,
        }
    }
    false
}

fn rules(folder: &Path) -> Gitignore {
    let file = folder.join(".gitignore");
    if !fs::metadata(&file).is_ok_and(|m| m.is_file() && m.len() <= MAX_BYTES) {
        return Gitignore::empty();
    }
    let mut builder = GitignoreBuilder::new(folder);
    // Lines that can't be read are left out, as by Git.
    let _ = builder.add(file);
    builder.build().unwrap_or_else(|_| Gitignore::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_rule_decides_and_an_ignored_folder_is_so_whole() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path();
        fs::create_dir_all(top.join("src/deep")).unwrap();
        fs::create_dir_all(top.join("dist/a")).unwrap();
        fs::write(top.join(".gitignore"), "*.log\n/dist\n").unwrap();
        fs::write(top.join("src/.gitignore"), "!keep.log\n").unwrap();
        let has = |folder: &str, name: &str| {
            let path: WorkspacePath = folder.parse().unwrap();
            Ignored::of(top, &path).has(&path.under(top).join(name), false)
        };
        assert!(has("", "a.log") && !has("", "a.txt"));
        assert!(has("src", "a.log") && !has("src", "keep.log"));
        assert!(has("src/deep", "a.log") && !has("src/deep", "keep.log"));
        assert!(has("dist/a", "anything"));
    }
}
