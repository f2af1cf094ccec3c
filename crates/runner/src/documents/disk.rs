//! Text files on disk: read whole, written atomically, with their line endings, byte order mark and
//! mode kept.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use alcove_merge::DiffOp;
use alcove_protocol::session::{LineEnds, RefusedReason};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::tree::TEMPORARY_PREFIX;

/// Largest file that opens as a document, in bytes.
pub const MAX_DOCUMENT_BYTES: u64 = 5 * 1024 * 1024;
const BOM: &str = "\u{feff}";

/// A text without line endings and byte order mark of its own, and how to put them back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// Lines end with `\n`.
    pub text: String,
    pub format: Format,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Format {
    bom: bool,
    endings: Endings,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Ending {
    #[default]
    Lf,
    CrLf,
    Cr,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Endings {
    Same(Ending),
    /// One for each line of the text as it was read.
    Mixed(Vec<Ending>),
}

impl Default for Endings {
    fn default() -> Self {
        Self::Same(Ending::Lf)
    }
}

impl Format {
    pub fn line_ends(&self) -> LineEnds {
        match self.endings {
            Endings::Same(Ending::Lf) => LineEnds::Lf,
            Endings::Same(Ending::CrLf) => LineEnds::CrLf,
            Endings::Same(Ending::Cr) => LineEnds::Cr,
            Endings::Mixed(_) => LineEnds::Mixed,
        }
    }

    /// Gives all lines this end; `false` when they have it already. Which ones `Mixed` means, nobody
    /// could say: it changes nothing.
    pub fn set_line_ends(&mut self, line_ends: LineEnds) -> bool {
        let ending = match line_ends {
            LineEnds::Lf => Ending::Lf,
            LineEnds::CrLf => Ending::CrLf,
            LineEnds::Cr => Ending::Cr,
            LineEnds::Mixed => return false,
        };
        let wanted = Endings::Same(ending);
        let changes = self.endings != wanted;
        self.endings = wanted;
        changes
    }
}

impl Ending {
    fn as_str(self) -> &'static str {
        match self {
            Self::Lf => "\n",
            Self::CrLf => "\r\n",
            Self::Cr => "\r",
        }
    }
}

impl Text {
    /// Takes a file's content apart.
    pub fn decode(content: &str) -> Self {
        let (bom, content) = match content.strip_prefix(BOM) {
            Some(rest) => (true, rest),
            None => (false, content),
        };
        if !content.contains('\r') {
            return Self {
                text: content.to_owned(),
                format: Format {
                    bom,
                    endings: Endings::default(),
                },
            };
        }
        let mut text = String::with_capacity(content.len());
        let mut endings = Vec::new();
        let mut rest = content;
        while let Some(at) = rest.find(['\r', '\n']) {
            text.push_str(&rest[..at]);
            text.push('\n');
            let ending = [Ending::CrLf, Ending::Lf, Ending::Cr]
                .into_iter()
                .find(|e| rest[at..].starts_with(e.as_str()))
                .unwrap_or_default();
            rest = &rest[at + ending.as_str().len()..];
            endings.push(ending);
        }
        text.push_str(rest);
        let endings = match endings.first() {
            Some(first) if endings.iter().all(|e| e == first) => Endings::Same(*first),
            _ => Endings::Mixed(endings),
        };
        Self {
            text,
            format: Format { bom, endings },
        }
    }

    /// The file's content for `text`, which came from this by editing: each line that is still there
    /// keeps its ending, new ones get the most frequent.
    pub fn encode(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len() + 3);
        if self.format.bom {
            out.push_str(BOM);
        }
        match &self.format.endings {
            Endings::Same(Ending::Lf) => out.push_str(text),
            Endings::Same(ending) => out.push_str(&text.replace('\n', ending.as_str())),
            Endings::Mixed(endings) => self.encode_mixed(text, endings, &mut out),
        }
        out
    }

    fn encode_mixed(&self, text: &str, endings: &[Ending], out: &mut String) {
        let count = |e: Ending| endings.iter().filter(|x| **x == e).count();
        let usual = [Ending::Lf, Ending::CrLf, Ending::Cr]
            .into_iter()
            .max_by_key(|e| count(*e))
            .unwrap_or_default();
        let old: Vec<&str> = self.text.split('\n').collect();
        let new: Vec<&str> = text.split('\n').collect();
        let mut chosen = vec![usual; new.len()];
        for op in alcove_merge::lines(&old, &new) {
            if let DiffOp::Equal {
                old_index,
                new_index,
                len,
            }
            | DiffOp::Replace {
                old_index,
                new_index,
                new_len: len,
                ..
            } = op
            {
                for i in 0..len {
                    if let Some(ending) = endings.get(old_index + i) {
                        chosen[new_index + i] = *ending;
                    }
                }
            }
        }
        for (i, line) in new.iter().enumerate() {
            if i > 0 {
                out.push_str(chosen[i - 1].as_str());
            }
            out.push_str(line);
        }
    }
}

/// Tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    fn of(meta: &fs::Metadata) -> Self {
        Self {
            inode: meta.ino(),
            size: meta.size(),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }

    /// The file's present stamp.
    pub fn read(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|m| Self::of(&m))
    }
}

/// Why a file does not open as a document.
#[derive(Debug)]
pub enum Refused {
    Reason(RefusedReason, u64),
    Io(io::Error),
}

/// Reads a text file.
pub fn read(path: &Path) -> Result<(Text, Stamp), Refused> {
    let meta = fs::metadata(path).map_err(Refused::Io)?;
    if !meta.is_file() {
        return Err(Refused::Reason(RefusedReason::NotAFile, 0));
    }
    if meta.len() > MAX_DOCUMENT_BYTES {
        return Err(Refused::Reason(RefusedReason::TooLarge, meta.len()));
    }
    let bytes = fs::read(path).map_err(Refused::Io)?;
    if bytes.len() as u64 > MAX_DOCUMENT_BYTES {
        return Err(Refused::Reason(RefusedReason::TooLarge, bytes.len() as u64));
    }
    let size = bytes.len() as u64;
    if bytes.contains(&0) {
        return Err(Refused::Reason(RefusedReason::Binary, size));
    }
    let content =
        String::from_utf8(bytes).map_err(|_| Refused::Reason(RefusedReason::Binary, size))?;
    Ok((Text::decode(&content), Stamp::of(&meta)))
}

/// What a write found.
pub enum Written {
    Yes(Stamp),
    /// A program changed or removed the file since `expected`: nothing was written.
    Changed,
}

/// Writes a whole file so that it is the old or the new one at any moment: a temporary file beside it,
/// then the two are exchanged. A symlink's target is written; a file with several names, or in a folder that can't
/// be written, is written in place. `expected`: the stamp that the file must still have, `None` when
/// it must not exist. What a program writes while its file is replaced is there again afterwards, where
/// files can be exchanged (renameat2(2)).
pub fn write(path: &Path, content: &str, expected: Option<Stamp>) -> io::Result<Written> {
    replace(path, content, expected, || {})
}

/// `meanwhile`: what programs do before the new file takes the old one's place.
fn replace(
    path: &Path,
    content: &str,
    expected: Option<Stamp>,
    meanwhile: impl FnOnce(),
) -> io::Result<Written> {
    let target = match fs::canonicalize(path) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_path_buf(),
        Err(error) => return Err(error),
    };
    let meta = fs::metadata(&target).ok();
    if meta.as_ref().map(Stamp::of) != expected {
        return Ok(Written::Changed);
    }
    let Some(folder) = target.parent() else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    if meta.is_none() {
        fs::create_dir_all(folder)?;
    }
    if meta.as_ref().is_some_and(|m| m.nlink() > 1) {
        return in_place(&target, content);
    }
    let temporary = temporary_name(folder);
    let result = (|| {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)?;
        file.write_all(content.as_bytes())?;
        if let Some(meta) = &meta {
            file.set_permissions(fs::Permissions::from_mode(meta.mode() & 0o7777))?;
        }
        meanwhile();
        let Some(before) = &meta else {
            fs::rename(&temporary, &target)?;
            return Ok(Written::Yes(Stamp::read(&target)?));
        };
        match exchange(&target, &temporary) {
            Ok(true) => {}
            Ok(false) => {
                fs::rename(&temporary, &target)?;
                return Ok(Written::Yes(Stamp::read(&target)?));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Written::Changed),
            Err(error) => return Err(error),
        }
        // The old file keeps a name until it is known that nobody has written to it meanwhile.
        let is_untouched = content_stamp(before) == content_stamp(&fs::metadata(&temporary)?);
        if is_untouched || !exchange(&target, &temporary)? {
            return Ok(Written::Yes(Stamp::read(&target)?));
        }
        Ok(Written::Changed)
    })();
    // The old file, or the new one that could not be put there: a full disk must not be made fuller by it.
    let _ = fs::remove_file(&temporary);
    match result {
        Err(error) if is_denied(&error) && meta.is_some() => in_place(&target, content),
        result => result,
    }
}

/// Two files take each other's names at once. Whoever watches the old one hears of nothing before that: a
/// watcher that looks at its file at the first event, and takes those just after it for the same (chokidar
/// does for 5 ms), sees the new one. To whoever watches the folder, the last that happens to `target`'s name is
/// that it is there: what is moved second is told second. `false`: this file system has no such thing.
fn exchange(target: &Path, other: &Path) -> io::Result<bool> {
    match renameat_with(CWD, target, CWD, other, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(true),
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Changes with a file's content, and not with its names.
fn content_stamp(meta: &fs::Metadata) -> (u64, u64, i64, i64) {
    (meta.ino(), meta.size(), meta.mtime(), meta.mtime_nsec())
}

fn is_denied(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    )
}

fn in_place(target: &Path, content: &str) -> io::Result<Written> {
    fs::write(target, content)?;
    Ok(Written::Yes(Stamp::read(target)?))
}

fn temporary_name(folder: &Path) -> PathBuf {
    folder.join(format!("{TEMPORARY_PREFIX}{:016x}", rand::random::<u64>()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
    use std::mem::MaybeUninit;

    #[test]
    fn kept_lines_keep_their_endings() {
        let text = Text::decode("\u{feff}a\r\nb\nc\r\n");
        assert_eq!(text.text, "a\nb\nc\n");
        assert_eq!(
            text.encode("a\nnew\nb\nc\n"),
            "\u{feff}a\r\nnew\r\nb\nc\r\n"
        );
        assert_eq!(
            Text::decode("a\r\nb\r\n").encode("a\nx\nb\n"),
            "a\r\nx\r\nb\r\n"
        );
    }

    #[test]
    fn all_lines_can_be_given_one_end() {
        let mut text = Text::decode("\u{feff}a\r\nb\nc\r");
        assert_eq!(text.format.line_ends(), LineEnds::Mixed);
        assert!(!text.format.set_line_ends(LineEnds::Mixed));
        assert!(text.format.set_line_ends(LineEnds::CrLf));
        assert_eq!(text.encode(&text.text), "\u{feff}a\r\nb\r\nc\r\n");
        assert!(!text.format.set_line_ends(LineEnds::CrLf));
        assert!(text.format.set_line_ends(LineEnds::Lf));
        assert_eq!(text.encode("x\ny"), "\u{feff}x\ny");
    }

    #[test]
    fn binary_large_and_odd_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        let reason = || match read(&file) {
            Err(Refused::Reason(reason, size)) => Some((reason, size)),
            _ => None,
        };
        fs::write(&file, b"a\0b").unwrap();
        assert_eq!(reason(), Some((RefusedReason::Binary, 3)));
        fs::write(&file, b"\xff\xfe").unwrap();
        assert_eq!(reason(), Some((RefusedReason::Binary, 2)));
        fs::write(&file, vec![b'a'; MAX_DOCUMENT_BYTES as usize]).unwrap();
        assert_eq!(reason(), None);
        fs::write(&file, vec![b'a'; MAX_DOCUMENT_BYTES as usize + 1]).unwrap();
        assert_eq!(
            reason(),
            Some((RefusedReason::TooLarge, MAX_DOCUMENT_BYTES + 1))
        );
        assert!(matches!(
            read(dir.path()),
            Err(Refused::Reason(RefusedReason::NotAFile, _))
        ));
    }

    #[test]
    fn a_write_keeps_mode_and_links() {
        let dir = tempfile::tempdir().unwrap();
        let (file, link) = (dir.path().join("run.sh"), dir.path().join("link"));
        fs::write(&file, "old").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o750)).unwrap();
        std::os::unix::fs::symlink("run.sh", &link).unwrap();
        let stamp = Stamp::read(&link).unwrap();
        assert!(matches!(
            write(&link, "new", Some(stamp)).unwrap(),
            Written::Yes(_)
        ));
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o750);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        fs::hard_link(&file, dir.path().join("other")).unwrap();
        let stamp = Stamp::read(&file).unwrap();
        write(&file, "newer", Some(stamp)).unwrap();
        assert_eq!(
            fs::read_to_string(dir.path().join("other")).unwrap(),
            "newer"
        );
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            3,
            "no temporary file stays"
        );
    }

    #[test]
    fn what_a_program_wrote_meanwhile_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        fs::write(&file, "one").unwrap();
        let stamp = Stamp::read(&file).unwrap();
        fs::write(&file, "two, by a program").unwrap();
        assert!(matches!(
            write(&file, "mine", Some(stamp)).unwrap(),
            Written::Changed
        ));
        assert!(matches!(
            write(&file, "mine", None).unwrap(),
            Written::Changed
        ));
        assert_eq!(fs::read_to_string(&file).unwrap(), "two, by a program");
    }

    #[test]
    fn what_a_program_writes_while_its_file_is_replaced_is_there_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        fs::write(&file, "one").unwrap();
        let stamp = Stamp::read(&file).unwrap();
        let mut program = fs::File::options().write(true).open(&file).unwrap();
        let written = replace(&file, "mine", Some(stamp), || {
            program.write_all(b"two, ").unwrap();
        });
        assert!(matches!(written.unwrap(), Written::Changed));
        // It goes on with the same file.
        program.write_all(b"by a program").unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "two, by a program");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn whoever_watches_a_file_hears_of_a_write_when_it_is_done() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("f");
        fs::write(&file, "one").unwrap();
        let stamp = Stamp::read(&file).unwrap();
        let watch = |path: &Path| {
            let watch = inotify::init(CreateFlags::NONBLOCK).unwrap();
            inotify::add_watch(&watch, path, WatchFlags::ALL_EVENTS).unwrap();
            watch
        };
        let (of_file, of_folder) = (watch(&file), watch(dir.path()));
        let mut buffer = [const { MaybeUninit::uninit() }; 4096];
        let mut hears = || inotify::Reader::new(&of_file, &mut buffer).next().is_ok();
        let written = replace(&file, "two", Some(stamp), || assert!(!hears()));
        assert!(matches!(written.unwrap(), Written::Yes(_)));
        assert!(hears());
        let mut buffer = [const { MaybeUninit::uninit() }; 4096];
        let mut events = inotify::Reader::new(&of_folder, &mut buffer);
        let mut last = ReadFlags::empty();
        while let Ok(event) = events.next() {
            let moved = event.events() & (ReadFlags::MOVED_FROM | ReadFlags::MOVED_TO);
            if event.file_name() == Some(c"f") && !moved.is_empty() {
                last = moved;
            }
        }
        assert_eq!(last, ReadFlags::MOVED_TO);
    }

    proptest! {
        #[test]
        fn an_unedited_text_is_written_as_it_was(content in "(\u{feff})?[ab\r\n]{0,40}") {
            let text = Text::decode(&content);
            prop_assert!(!text.text.contains('\r'));
            prop_assert_eq!(text.encode(&text.text), content);
        }
    }
}
