//! Takes an archive apart: zip (PKWARE APPNOTE 6.3), tar (POSIX.1-2001 pax, GNU), the latter also in
//! gzip (RFC 1952). What it makes is new; nothing that is there is replaced, and nothing lies outside: every
//! file is opened below one folder, through no link (openat2(2)).

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use alcove_protocol::WorkspacePath;
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Most names that are told of those left out.
pub const MAX_TOLD: usize = 100;
/// Longest target of a link, in bytes.
const MAX_LINK_BYTES: u64 = 4096;

/// How much may come out of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files, folders and links, those folders included that no entry names.
    pub entries: u32,
    /// Of the files' contents.
    pub bytes: u64,
}

/// What became of an archive.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Files and links.
    pub files: u32,
    /// The first names of those left out.
    pub left: Vec<String>,
    pub left_out: u32,
}

/// One entry, as the archive has it.
struct Entry<'a> {
    name: &'a [u8],
    kind: Kind,
    /// As the archive says.
    bytes: u64,
    executable: bool,
    /// A file's content; a link's target, too, in a zip archive.
    content: &'a mut dyn Read,
}

enum Kind {
    File,
    Folder,
    Link(Vec<u8>),
    Other,
}

/// Takes an archive apart, into a folder. `strip`: without the one folder that all of it lies in. What is
/// wrong with the archive is an error of `InvalidData`, what is too much one of `FileTooLarge`; what was made
/// until then stays.
pub fn extract(
    archive: &File,
    folder: BorrowedFd<'_>,
    strip: bool,
    limits: Limits,
) -> io::Result<Extracted> {
    let mut tops = HashSet::new();
    let mut bare = false;
    let (mut count, mut bytes) = (0, 0u64);
    each(archive, limits, &mut |entry| {
        count += 1;
        bytes = bytes.saturating_add(entry.bytes);
        if count > limits.entries || bytes > limits.bytes {
            return Err(limits.exceeded());
        }
        if let Some(path) = path_of(entry.name) {
            let mut parts = path.as_bytes().split(|b| *b == b'/');
            tops.insert(parts.next().unwrap_or_default().to_vec());
            bare |= parts.next().is_none() && !matches!(entry.kind, Kind::Folder);
        }
        Ok(())
    })?;
    let stripped = usize::from(strip && tops.len() == 1 && !bare);
    let mut out = Out {
        top: folder,
        open: None,
        limits,
        room: limits.bytes,
        places: limits.entries,
        done: Extracted::default(),
        links: Vec::new(),
    };
    each(archive, limits, &mut |entry| out.make(entry, stripped))?;
    out.link()?;
    Ok(out.done)
}

impl Limits {
    fn exceeded(self) -> io::Error {
        let text = format!(
            "More than {} entries or {} would come out of the archive: take it apart on your own machine, and \
             upload what you need.",
            self.entries,
            in_words(self.bytes)
        );
        io::Error::new(io::ErrorKind::FileTooLarge, text)
    }
}

/// `4 GiB`, `1000 bytes`.
fn in_words(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} KiB", bytes >> 10),
        0x10_0000..0x4000_0000 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}

struct Link {
    /// As the archive names it.
    name: String,
    path: Vec<u8>,
    to: Vec<u8>,
}

struct Out<'a> {
    top: BorrowedFd<'a>,
    /// The folder that the last file went to: mostly that of the next one.
    open: Option<(Vec<u8>, OwnedFd)>,
    limits: Limits,
    /// Bytes that may still be written,
    room: u64,
    /// and entries that may still be made.
    places: u32,
    done: Extracted,
    /// Made at the end, so that nothing is in the way of what comes after.
    links: Vec<Link>,
}

impl Out<'_> {
    fn make(&mut self, entry: Entry<'_>, stripped: usize) -> io::Result<()> {
        let shown = String::from_utf8_lossy(entry.name).into_owned();
        let Some(path) = path_of(entry.name) else {
            self.leave(shown);
            return Ok(());
        };
        let parts: Vec<&[u8]> = path
            .as_bytes()
            .split(|b| *b == b'/')
            .skip(stripped)
            .collect();
        if parts.is_empty() {
            return Ok(());
        }
        let path = parts.join(&b'/');
        let is_folder = matches!(entry.kind, Kind::Folder);
        let made = match entry.kind {
            Kind::Folder => self.folder(&path).map(|_| ()),
            Kind::File => self.write(&path, entry.content, entry.executable),
            Kind::Link(to) => {
                self.links.push(Link {
                    name: shown,
                    path,
                    to,
                });
                return Ok(());
            }
            Kind::Other => Err(io::ErrorKind::AlreadyExists.into()),
        };
        match made {
            Ok(()) => self.done.files += u32::from(!is_folder),
            Err(error) if is_in_the_way(&error) => self.leave(shown),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// A folder below the top, made with those that it lies in.
    fn folder(&mut self, path: &[u8]) -> io::Result<BorrowedFd<'_>> {
        if path.is_empty() {
            return Ok(self.top);
        }
        if self.open.as_ref().is_none_or(|(known, _)| known != path) {
            let folder = match beneath(self.top, path, OFlags::DIRECTORY, Mode::empty()) {
                Err(Errno::NOENT) => self.make_folders(path)?,
                found => found?,
            };
            self.open = Some((path.to_vec(), folder));
        }
        Ok(self
            .open
            .as_ref()
            .map_or(self.top, |(_, folder)| folder.as_fd()))
    }

    fn make_folders(&mut self, path: &[u8]) -> io::Result<OwnedFd> {
        let mut folder = self.top.try_clone_to_owned()?;
        for name in path.split(|b| *b == b'/') {
            match rustix::fs::mkdirat(&folder, name, Mode::from_raw_mode(0o755)) {
                Ok(()) => self.take_place()?,
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            folder = beneath(folder.as_fd(), name, OFlags::DIRECTORY, Mode::empty())?;
        }
        Ok(folder)
    }

    fn take_place(&mut self) -> io::Result<()> {
        let left = self.places.checked_sub(1);
        self.places = left.ok_or_else(|| self.limits.exceeded())?;
        Ok(())
    }

    fn write(&mut self, path: &[u8], content: &mut dyn Read, executable: bool) -> io::Result<()> {
        let (limits, room) = (self.limits, self.room);
        let (parent, name) = split(path);
        let folder = self.folder(parent)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL;
        let mode = if executable { 0o755 } else { 0o644 };
        let mut file = File::from(beneath(folder, name, flags, Mode::from_raw_mode(mode))?);
        let written = io::copy(&mut content.take(room + 1), &mut file).map_err(|error| match error
            .raw_os_error()
        {
            Some(_) => error,
            None => broken(&error.to_string()),
        });
        match written {
            Ok(written) if written <= room => {
                self.room -= written;
                self.take_place()
            }
            result => {
                drop(file);
                // Half a file is worse than none; the error that is told is the first.
                let _ = rustix::fs::unlinkat(folder, name, AtFlags::empty());
                Err(result.err().unwrap_or_else(|| limits.exceeded()))
            }
        }
    }

    fn link(&mut self) -> io::Result<()> {
        for Link { name, path, to } in std::mem::take(&mut self.links) {
            let (parent, last) = split(&path);
            let made = self
                .folder(parent)
                .and_then(|folder| Ok(rustix::fs::symlinkat(&*to, folder, last)?));
            match made {
                Ok(()) => self.take_place()?,
                Err(error) if error.kind() == io::ErrorKind::FileTooLarge => return Err(error),
                // If its folder can't be made, nor can the link.
                Err(_) => {
                    self.leave(name);
                    continue;
                }
            }
            self.done.files += 1;
        }
        Ok(())
    }

    fn leave(&mut self, name: String) {
        self.done.left_out += 1;
        if self.done.left.len() < MAX_TOLD {
            self.done.left.push(name);
        }
    }
}

/// Opens what is below a folder, through no link.
fn beneath(
    folder: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
    mode: Mode,
) -> rustix::io::Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat2(folder, path, flags, mode, resolve)
}

/// The folder that something lies in, and its name there.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|b| *b == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

fn is_in_the_way(error: &io::Error) -> bool {
    // Of a link in the way says openat2 that it is one loop too many.
    error.raw_os_error() == Some(Errno::LOOP.raw_os_error())
        || matches!(
            error.kind(),
            io::ErrorKind::AlreadyExists
                | io::ErrorKind::NotADirectory
                | io::ErrorKind::IsADirectory
                | io::ErrorKind::InvalidFilename
        )
}

/// A name as a path below the folder; `None`: it would lead elsewhere, or nowhere.
fn path_of(name: &[u8]) -> Option<WorkspacePath> {
    let name = name.strip_prefix(b"./").unwrap_or(name);
    let name = name.strip_suffix(b"/").unwrap_or(name);
    let path = WorkspacePath::from_bytes(name).ok()?;
    (!path.is_root()).then_some(path)
}

/// What the archiver of macOS adds for itself.
const OF_MACOS: &[u8] = b"__MACOSX/";

/// Hands each entry to `take`, in the archive's order.
fn each(
    mut archive: &File,
    limits: Limits,
    take: &mut dyn FnMut(Entry<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let take = &mut |entry: Entry<'_>| match entry.name.starts_with(OF_MACOS) {
        true => Ok(()),
        false => take(entry),
    };
    let mut head = [0; 512];
    let mut length = 0;
    archive.rewind()?;
    while let read @ 1.. = archive.read(&mut head[length..])? {
        length += read;
    }
    archive.rewind()?;
    let file = BufReader::new(archive);
    match &head[..length] {
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => each_of_zip(file, limits, take),
        [0x1f, 0x8b, ..] => each_of_tar(flate2::read::MultiGzDecoder::new(file), take),
        [..] if length == 512 && &head[257..262] == b"ustar" => each_of_tar(file, take),
        _ => Err(broken(
            "it is no archive of a known kind: zip, tar and tar.gz can be taken apart",
        )),
    }
}

fn each_of_zip(
    file: BufReader<&File>,
    limits: Limits,
    take: &mut dyn FnMut(Entry<'_>) -> io::Result<()>,
) -> io::Result<()> {
    const TYPE: u32 = 0o170_000;
    const LINK: u32 = 0o120_000;
    let mut zip = zip::ZipArchive::new(file).map_err(|e| broken(&e.to_string()))?;
    if zip.len() > limits.entries as usize {
        return Err(limits.exceeded());
    }
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(|e| broken(&e.to_string()))?;
        let mode = entry.unix_mode().unwrap_or(0);
        let name = entry.name_raw().to_vec();
        let kind = if mode & TYPE == LINK {
            let mut to = Vec::new();
            (&mut entry).take(MAX_LINK_BYTES + 1).read_to_end(&mut to)?;
            match to.len() as u64 <= MAX_LINK_BYTES {
                true => Kind::Link(to),
                false => Kind::Other,
            }
        } else if entry.is_dir() {
            Kind::Folder
        } else {
            Kind::File
        };
        take(Entry {
            name: &name,
            kind,
            bytes: entry.size(),
            executable: mode & 0o111 != 0,
            content: &mut entry,
        })?;
    }
    Ok(())
}

fn each_of_tar(
    file: impl Read,
    take: &mut dyn FnMut(Entry<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let unreadable = |e: io::Error| match e.raw_os_error() {
        Some(_) => e,
        None => broken(&e.to_string()),
    };
    let mut tar = tar::Archive::new(file);
    for entry in tar.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        let kind = if kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse() {
            Kind::File
        } else if kind.is_dir() {
            Kind::Folder
        } else if kind.is_symlink() {
            Kind::Link(entry.link_name_bytes().unwrap_or_default().into_owned())
        } else {
            Kind::Other
        };
        let name = entry.path_bytes().into_owned();
        let executable = entry.header().mode().unwrap_or(0) & 0o111 != 0;
        take(Entry {
            name: &name,
            kind,
            bytes: entry.size(),
            executable,
            content: &mut entry,
        })?;
    }
    Ok(())
}

fn broken(what: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("The archive can't be read: {what}."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    const LIMITS: Limits = Limits {
        entries: 1000,
        bytes: 1 << 20,
    };

    fn tar_of(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_mode(if name.ends_with(".sh") { 0o755 } else { 0o600 });
            if let Some(to) = content.strip_prefix("-> ") {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_size(0);
                header.set_link_name(to).unwrap();
            } else if name.ends_with('/') {
                header.set_entry_type(tar::EntryType::Directory);
                header.set_size(0);
            } else {
                header.set_size(content.len() as u64);
            }
            // As `append_data` would not: names that lead out.
            let bytes = name.as_bytes();
            header.as_old_mut().name[..bytes.len()].copy_from_slice(bytes);
            header.set_cksum();
            let content = if content.starts_with("-> ") {
                ""
            } else {
                content
            };
            tar.append(&header, content.as_bytes()).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    }

    fn zip_of(entries: &[(&str, &str)]) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
        for (name, content) in entries {
            let mode = if name.ends_with(".sh") { 0o755 } else { 0o644 };
            let options = zip::write::SimpleFileOptions::default().unix_permissions(mode);
            if let Some(to) = content.strip_prefix("-> ") {
                zip.add_symlink(*name, to, options).unwrap();
            } else {
                zip.start_file(*name, options).unwrap();
                zip.write_all(content.as_bytes()).unwrap();
            }
        }
        zip.finish().unwrap().into_inner()
    }

    fn into(folder: &Path, archive: &[u8], strip: bool, limits: Limits) -> io::Result<Extracted> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(archive).unwrap();
        extract(&file, File::open(folder).unwrap().as_fd(), strip, limits)
    }

    /// The folder, and what became of the archive.
    fn taken_apart(archive: &[u8], strip: bool) -> (tempfile::TempDir, io::Result<Extracted>) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        fs::write(dir.path().join("in/there"), "before").unwrap();
        let done = into(&dir.path().join("in"), archive, strip, LIMITS);
        (dir, done)
    }

    const ENTRIES: &[(&str, &str)] = &[
        ("top/a.txt", "one"),
        ("top/bin/run.sh", "two"),
        ("top/link", "-> a.txt"),
    ];

    #[test]
    fn each_kind_gives_the_same_files() {
        for archive in [tar_of(ENTRIES), gzip(&tar_of(ENTRIES)), zip_of(ENTRIES)] {
            for strip in [true, false] {
                let (dir, done) = taken_apart(&archive, strip);
                assert_eq!(
                    done.unwrap(),
                    Extracted {
                        files: 3,
                        ..Default::default()
                    }
                );
                let top = dir.path().join(if strip { "in" } else { "in/top" });
                let read = |name| fs::read_to_string(top.join(name)).unwrap();
                assert_eq!(
                    (read("a.txt").as_str(), read("link").as_str()),
                    ("one", "one")
                );
                let mode = fs::metadata(top.join("bin/run.sh"))
                    .unwrap()
                    .permissions()
                    .mode();
                assert_eq!(mode & 0o777, 0o755);
                assert!(fs::symlink_metadata(top.join("link")).unwrap().is_symlink());
            }
        }
    }

    #[test]
    fn what_an_archiver_adds_for_itself_is_left_away() {
        let entries = &[("top/a", "1"), ("__MACOSX/top/._a", "x")];
        for archive in [tar_of(entries), zip_of(entries)] {
            let (dir, done) = taken_apart(&archive, true);
            assert_eq!(done.unwrap().files, 1);
            assert!(dir.path().join("in/a").exists());
        }
    }

    #[test]
    fn a_size_that_is_too_large_ends_it_before_anything_is_made() {
        let mut header = tar::Header::new_gnu();
        header.set_path("huge").unwrap();
        header.set_size(LIMITS.bytes + 1);
        header.set_cksum();
        let (dir, done) = taken_apart(&gzip(header.as_bytes()), false);
        assert_eq!(done.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(!dir.path().join("in/huge").exists());
    }

    #[test]
    fn two_tops_or_a_bare_file_are_not_stripped() {
        for second in ["other/b", "b"] {
            let (dir, done) = taken_apart(&tar_of(&[("top/a", "1"), (second, "2")]), true);
            assert_eq!(done.unwrap().files, 2);
            assert!(dir.path().join("in/top/a").exists());
        }
    }

    #[test]
    fn nothing_leads_out_and_nothing_is_replaced() {
        let entries = &[
            ("../evil", "x"),
            ("/abs", "x"),
            ("a/../../evil", "x"),
            ("there", "x"),
            ("way", "-> .."),
            ("way/evil", "x"),
            ("good", "y"),
        ];
        for archive in [tar_of(entries), zip_of(entries)] {
            let (dir, done) = taken_apart(&archive, false);
            let done = done.unwrap();
            // `way` becomes a folder, since a link would come last.
            assert_eq!((done.files, done.left_out), (2, 5), "{done:?}");
            assert!(!dir.path().join("evil").exists());
            assert_eq!(fs::read(dir.path().join("in/there")).unwrap(), b"before");
            assert_eq!(fs::read(dir.path().join("in/good")).unwrap(), b"y");
        }
    }

    #[test]
    fn what_is_no_archive_is_named() {
        let mut cut = gzip(&tar_of(ENTRIES));
        cut.truncate(60);
        for bytes in [&b""[..], b"hello", b"PK\x03\x04 nonsense", &cut] {
            let (_dir, done) = taken_apart(bytes, false);
            let error = done.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        }
    }

    #[test]
    fn what_comes_out_is_counted_at_its_limit_and_no_half_file_stays() {
        let archive = tar_of(&[("a/one", "12345"), ("a/two", "12345")]);
        let with = |entries, bytes| {
            let dir = tempfile::tempdir().unwrap();
            let done = into(dir.path(), &archive, false, Limits { entries, bytes });
            (done.map_err(|e| e.kind()), dir)
        };
        assert!(with(3, 10).0.is_ok());
        for (entries, bytes) in [(1, 10), (2, 9)] {
            let (done, dir) = with(entries, bytes);
            assert_eq!(done.unwrap_err(), io::ErrorKind::FileTooLarge);
            assert!(!dir.path().join("a").exists());
        }
        // The folder counts, though no entry names it.
        assert_eq!(with(2, 10).0.unwrap_err(), io::ErrorKind::FileTooLarge);
        // One that holds more than it says.
        let dir = tempfile::tempdir().unwrap();
        let top = File::open(dir.path()).unwrap();
        let mut out = Out {
            top: top.as_fd(),
            open: None,
            limits: LIMITS,
            room: 5,
            places: 9,
            done: Extracted::default(),
            links: vec![],
        };
        out.write(b"a/fits", &mut &b"12345"[..], false).unwrap();
        out.room = 5;
        let error = out.write(b"a/not", &mut &b"123456"[..], false);
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert!(dir.path().join("a/fits").exists() && !dir.path().join("a/not").exists());
    }

    #[test]
    fn nothing_goes_through_a_link_that_is_there() {
        for archive in [tar_of(ENTRIES), zip_of(ENTRIES)] {
            let dir = tempfile::tempdir().unwrap();
            for name in ["in", "out"] {
                fs::create_dir(dir.path().join(name)).unwrap();
            }
            symlink("../out", dir.path().join("in/top")).unwrap();
            let done = into(&dir.path().join("in"), &archive, false, LIMITS).unwrap();
            assert_eq!((done.files, done.left_out), (0, 3), "{done:?}");
            assert_eq!(fs::read_dir(dir.path().join("out")).unwrap().count(), 0);
        }
    }
}
