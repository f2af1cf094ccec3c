//! What a workspace's own `.alcoveignore` keeps from being saved: patterns as in gitignore(5).

use std::ffi::OsStr;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::scan::{open_file, open_top};

/// Where the patterns are.
pub const IGNORE_FILE: &str = "workspace/.alcoveignore";
/// Bytes of it that are read: patterns beyond, and one that they end in, don't count.
pub const MAX_IGNORE_BYTES: u64 = 16 * 1024;

/// Which paths are not saved. Made anew only when the patterns are others: that takes long, beside reading them.
pub(crate) struct Ignored {
    text: Vec<u8>,
    patterns: Gitignore,
}

impl Default for Ignored {
    fn default() -> Self {
        Self::of(Vec::new())
    }
}

impl Ignored {
    /// What the file in a workspace says now: hostile input, read through no link. One that can't be read is
    /// as none, and so is each pattern that can't be understood.
    pub fn read(self: &Arc<Self>, dir: &Path) -> Arc<Self> {
        let mut text = Vec::new();
        let read = open_top(dir).ok().and_then(|top| {
            let (file, _) = open_file(top.as_fd(), IGNORE_FILE.as_bytes()).ok()?;
            file.take(MAX_IGNORE_BYTES).read_to_end(&mut text).ok()
        });
        if text.len() as u64 == MAX_IGNORE_BYTES {
            text.truncate(text.iter().rposition(|b| *b == b'\n').unwrap_or(0));
        }
        if read.is_none() {
            text.clear();
        }
        if text == self.text {
            return self.clone();
        }
        Arc::new(Self::of(text))
    }

    fn of(text: Vec<u8>) -> Self {
        let mut builder = GitignoreBuilder::new("");
        for line in text.split(|b| *b == b'\n') {
            // A pattern that makes no sense is passed over, as Git does.
            if let Ok(line) = std::str::from_utf8(line) {
                let _ = builder.add_line(None, line.trim_end_matches('\r'));
            }
        }
        let patterns = builder.build().unwrap_or_else(|_| Gitignore::empty());
        Self { text, patterns }
    }

    /// `path`: from a top folder on, as bytes. The patterns themselves are always saved, or the next start
    /// would not know them.
    pub fn matches(&self, path: &[u8], is_folder: bool) -> bool {
        let Some(below) = path.strip_prefix(b"workspace/") else {
            return false;
        };
        path != IGNORE_FILE.as_bytes()
            && self
                .patterns
                .matched(Path::new(OsStr::from_bytes(below)), is_folder)
                .is_ignore()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_git() {
        let ignored = Ignored::of(b"*.log\n/data/\n!keep.log\n# caf\xe9\nbuild/out\r\n".to_vec());
        let matches = |path: &str, is_folder| ignored.matches(path.as_bytes(), is_folder);
        assert!(matches("workspace/a.log", false));
        assert!(matches("workspace/deep/b.log", false));
        assert!(!matches("workspace/keep.log", false));
        assert!(matches("workspace/data", true));
        assert!(!matches("workspace/data", false));
        assert!(!matches("workspace/src/data", true));
        assert!(matches("workspace/build/out", false));
        assert!(!matches("home/a.log", false));
    }

    #[test]
    fn the_patterns_are_saved_whatever_they_say() {
        let ignored = Ignored::of(b"*\n".to_vec());
        assert!(ignored.matches(b"workspace/a", false));
        assert!(!ignored.matches(IGNORE_FILE.as_bytes(), false));
    }

    #[test]
    fn no_more_than_its_limit_is_read_and_no_half_pattern() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("workspace")).unwrap();
        let file = dir.path().join(IGNORE_FILE);
        let limit = MAX_IGNORE_BYTES as usize;
        let first = "first\n";
        // The last line ends one byte before the limit, and one behind it.
        for (length, is_read) in [(limit - 1, true), (limit, false)] {
            let last = "x".repeat(1000);
            let fill = length - first.len() - last.len();
            let text = format!("{first}{}{last}\n", "\n".repeat(fill));
            std::fs::write(&file, text).unwrap();
            let ignored = Arc::<Ignored>::default().read(dir.path());
            assert!(ignored.matches(b"workspace/first", false));
            let path = format!("workspace/{last}");
            assert_eq!(ignored.matches(path.as_bytes(), false), is_read, "{length}");
        }
        std::fs::remove_file(&file).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
        let ignored = Arc::<Ignored>::default().read(dir.path());
        assert!(!ignored.matches(b"workspace/first", false));
    }

    #[test]
    fn they_are_made_anew_only_when_they_are_others() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("workspace")).unwrap();
        let file = dir.path().join(IGNORE_FILE);
        let none = Arc::<Ignored>::default();
        assert!(Arc::ptr_eq(&none.read(dir.path()), &none));
        std::fs::write(&file, "a\n").unwrap();
        let first = none.read(dir.path());
        assert!(first.matches(b"workspace/a", false));
        assert!(Arc::ptr_eq(&first.read(dir.path()), &first));
        // As long as before, and of the same moment.
        let time = std::fs::metadata(&file).unwrap().modified().unwrap();
        std::fs::write(&file, "b\n").unwrap();
        let opened = std::fs::File::options().write(true).open(&file).unwrap();
        opened.set_modified(time).unwrap();
        let second = first.read(dir.path());
        assert!(second.matches(b"workspace/b", false) && !second.matches(b"workspace/a", false));
        std::fs::remove_file(&file).unwrap();
        assert!(!second.read(dir.path()).matches(b"workspace/b", false));
    }
}
