//! Logs of open documents: from them a document goes on with the ids that pages know, after its runner
//! died. One file each, which only grows until it is written anew as a whole.
//!
//! They lie in the home folder, where programs can write as well: what is read is taken as hostile. A log
//! that makes no sense up to its end is cut off there; one that makes none at all is removed, and the
//! document begins a new epoch.
//!
//! A log is frames: length of the payload (`u32`, little-endian), kind, the first 8 bytes of the BLAKE3 of
//! kind and payload, payload. The first is the [`Head`], the second the whole document.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};

use alcove_protocol::WorkspacePath;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use yrs::{Doc, GetString, Transact};

use super::{new_doc, updates};
use crate::tree::TEMPORARY_PREFIX;

/// Largest log, in bytes; a document whose log would outgrow it goes on without one.
pub const MAX_LOG_BYTES: u64 = 64 * 1024 * 1024;
/// Logs that a runner takes up when it starts; the rest are removed.
pub const MAX_LOGS: usize = 256;
/// Below the home folder. Checkpoints know it as well (`RUNNING` in `volume/src/rules.rs`).
const FOLDER: &str = ".local/state/alcove/documents";
/// Bytes of logs that a runner takes up when it starts; the rest are removed.
const MAX_TAKEN_UP_BYTES: u64 = 2 * MAX_LOG_BYTES;
/// Beside the logs while they are taken up, for the first time and for the second: a runner that dies of what
/// is in them twice in a row finds none the third time.
const TAKING_UP: [&str; 2] = ["taking-up", "taking-up-again"];

const VERSION: u32 = 1;
const HEAD_BYTES: usize = 4 + 1 + CHECK_BYTES;
const CHECK_BYTES: usize = 8;
/// Of the first frame's payload.
const MAX_HEAD_PAYLOAD: usize = 32 * 1024;
const EPOCH_CHARS: usize = 16;

/// What a frame's payload is.
mod kind {
    /// [`super::Head`], as JSON.
    pub const HEAD: u8 = 1;
    /// A Yjs update that is the whole document.
    pub const STATE: u8 = 2;
    /// A Yjs update.
    pub const UPDATE: u8 = 3;
    /// The text that the file holds, as a document holds it.
    pub const BASE: u8 = 4;
    /// BLAKE3 of the document's text at this point, which is about to be written to the file.
    pub const WRITING: u8 = 5;
    /// Empty: the text of the last `WRITING` is what the file holds.
    pub const WRITTEN: u8 = 6;
}

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    version: u32,
    epoch: String,
    path: WorkspacePath,
    /// Which run of the machine wrote it: after another the log's end may be missing, although the file has it.
    boot: String,
}

/// Frames of a log in a row, as they are written to it.
#[derive(Debug, Default)]
pub struct Frames(Vec<u8>);

impl Frames {
    pub fn update(&mut self, update: &[u8]) {
        self.push(kind::UPDATE, update);
    }

    /// The file holds this text.
    pub fn base(&mut self, text: &str) {
        self.push(kind::BASE, text.as_bytes());
    }

    /// The document's text, which is this, is about to be written.
    pub fn writing(&mut self, text: &str) {
        self.push(kind::WRITING, blake3::hash(text.as_bytes()).as_bytes());
    }

    pub fn written(&mut self) {
        self.push(kind::WRITTEN, &[]);
    }

    /// The whole document: what its log begins with. `base`: what its file holds.
    pub fn whole(state: &[u8], text: &str, base: &str) -> Self {
        let mut frames = Self::default();
        frames.push(kind::STATE, state);
        if base == text {
            frames.writing(text);
            frames.written();
        } else {
            frames.base(base);
        }
        frames
    }

    pub fn len(&self) -> u64 {
        self.0.len() as u64
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn push(&mut self, kind: u8, payload: &[u8]) {
        // Longer ones are beyond the largest log.
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.0.extend(length.to_le_bytes());
        self.0.push(kind);
        self.0.extend(check(kind, payload));
        self.0.extend(payload);
    }
}

fn check(kind: u8, payload: &[u8]) -> [u8; CHECK_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&[kind]).update(payload);
    let mut check = [0; CHECK_BYTES];
    check.copy_from_slice(&hasher.finalize().as_bytes()[..CHECK_BYTES]);
    check
}

/// The frames that are whole, up to the first that is not.
fn parse(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut frames = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(HEAD_BYTES) {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]);
        let Some((payload, rest)) = rest.split_at_checked(length as usize) else {
            break;
        };
        let kind = head[4];
        if head[5..] != check(kind, payload) {
            break;
        }
        frames.push((kind, payload));
        bytes = rest;
    }
    frames
}

fn parse_head(frame: Option<&(u8, &[u8])>) -> Option<Head> {
    let (kind::HEAD, payload) = frame? else {
        return None;
    };
    let head: Head = serde_json::from_slice(payload).ok()?;
    let is_epoch =
        head.epoch.len() == EPOCH_CHARS && head.epoch.bytes().all(|b| b.is_ascii_hexdigit());
    (head.version == VERSION && is_epoch).then_some(head)
}

/// A document as its log has it.
pub struct Replayed {
    pub epoch: String,
    pub doc: Doc,
    pub text: String,
    /// What the file held when the document last knew it; `file` itself, where it is what the document wrote.
    pub base: String,
}

/// The document in a log; nothing where that makes no sense, or can't go on beside what `file` holds now.
/// `boot`: which run of the machine this is.
pub fn replay(bytes: &[u8], path: &WorkspacePath, boot: &str, file: &str) -> Option<Replayed> {
    let frames = parse(bytes);
    let head = parse_head(frames.first()).filter(|head| &head.path == path)?;
    if frames.get(1)?.0 != kind::STATE {
        return None;
    }
    // Where the text is what the file holds, and its hash; texts that may be in the file since.
    let mut known: Option<(usize, Option<&str>, blake3::Hash)> = None;
    let mut writing: Option<(usize, blake3::Hash)> = None;
    let mut attempts = HashSet::new();
    for (at, (kind, payload)) in frames.iter().enumerate().skip(2) {
        match *kind {
            kind::BASE => {
                let text = std::str::from_utf8(payload).ok()?;
                known = Some((at, Some(text), blake3::hash(payload)));
                attempts.clear();
            }
            kind::WRITING => {
                let hash = blake3::Hash::from_bytes((*payload).try_into().ok()?);
                writing = Some((at, hash));
                attempts.insert(hash);
            }
            kind::WRITTEN => {
                let (at, hash) = writing?;
                known = Some((at, None, hash));
                attempts.clear();
            }
            kind::UPDATE => {}
            _ => return None,
        }
    }
    let (known_at, known_text, known_hash) = known?;
    let (doc, text) = new_doc();
    let mut base = known_text.map(str::to_owned);
    for (at, (kind, payload)) in frames.iter().enumerate() {
        if matches!(*kind, kind::STATE | kind::UPDATE) {
            updates::apply(&doc, payload).ok()?;
        }
        if at == known_at && base.is_none() {
            let there = text.get_string(&doc.transact());
            if blake3::hash(there.as_bytes()) != known_hash {
                return None;
            }
            base = Some(there);
        }
    }
    let mut base = base?;
    let now = blake3::hash(file.as_bytes());
    if attempts.contains(&now) {
        base = file.to_owned();
    } else if now != known_hash && head.boot != boot {
        // It may be a program's text, or the document's own of a moment that the log has lost.
        return None;
    }
    let text = text.get_string(&doc.transact());
    Some(Replayed {
        epoch: head.epoch,
        doc,
        text,
        base,
    })
}

/// The folder of the logs. All that is done with it is done by one thread of its own, in the order in which
/// it is asked for: neither keystrokes nor each other's slow reads and writes hold it up.
pub struct Logs {
    folder: PathBuf,
    boot: Arc<str>,
    jobs: mpsc::Sender<Box<dyn FnOnce() + Send>>,
}

impl Logs {
    pub fn start(home: &Path) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
        let work = move || queue.iter().for_each(|job| job());
        std::thread::Builder::new()
            .name("logs".into())
            .spawn(work)?;
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")
            .unwrap_or_else(|_| format!("{:032x}", rand::random::<u128>()));
        Ok(Self {
            folder: home.join(FOLDER),
            boot: boot.trim().into(),
            jobs,
        })
    }

    pub fn boot(&self) -> Arc<str> {
        self.boot.clone()
    }

    /// The answer comes when all that was asked for before has been done, too.
    fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (answer, answered) = oneshot::channel();
        // Whoever asked may be gone.
        let job = move || drop(answer.send(job()));
        // The thread lives as long as `self`.
        let _ = self.jobs.send(Box::new(job));
        answered
    }

    fn place(&self, path: &WorkspacePath) -> PathBuf {
        self.folder.join(name(path))
    }

    /// Makes a document's log, in place of what there was.
    pub fn create(
        &self,
        path: &WorkspacePath,
        epoch: &str,
        frames: Frames,
    ) -> impl Future<Output = io::Result<Arc<File>>> + use<> {
        let head = Head {
            version: VERSION,
            epoch: epoch.to_owned(),
            path: path.clone(),
            boot: self.boot.to_string(),
        };
        let (folder, place) = (self.folder.clone(), self.place(path));
        let made = self.run(move || {
            let mut whole = Frames::default();
            whole.push(kind::HEAD, &serde_json::to_vec(&head)?);
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)?;
            let temporary =
                folder.join(format!("{TEMPORARY_PREFIX}{:016x}", rand::random::<u64>()));
            let written = (|| {
                let mut file = OpenOptions::new()
                    .append(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(&temporary)?;
                file.write_all(&whole.0)?;
                file.write_all(&frames.0)?;
                fs::rename(&temporary, &place)?;
                Ok(Arc::new(file))
            })();
            if written.is_err() {
                // A full disk must not be made fuller by what failed.
                let _ = fs::remove_file(&temporary);
            }
            written
        });
        async { made.await.unwrap_or_else(|e| Err(io::Error::other(e))) }
    }

    pub fn append(
        &self,
        file: &Arc<File>,
        frames: Frames,
    ) -> impl Future<Output = io::Result<()>> + use<> {
        let file = file.clone();
        let written = self.run(move || (&*file).write_all(&frames.0));
        async { written.await.unwrap_or_else(|e| Err(io::Error::other(e))) }
    }

    /// The log of a file, as far as it may be as large as it is.
    pub fn read(&self, path: &WorkspacePath) -> impl Future<Output = Option<Vec<u8>>> + use<> {
        let place = self.place(path);
        let read = self.run(move || read_whole(&place));
        async { read.await.ok().flatten() }
    }

    pub fn remove(&self, path: &WorkspacePath) {
        let place = self.place(path);
        drop(self.run(move || remove(&place)));
    }

    /// All that has been asked for is done.
    pub fn done(&self) -> impl Future<Output = ()> + use<> {
        let done = self.run(|| ());
        async { drop(done.await) }
    }

    /// Which files have logs; what else lies in the folder is removed.
    pub fn take_up(&self) -> impl Future<Output = Vec<WorkspacePath>> + use<> {
        let folder = self.folder.clone();
        let found = self.run(move || take_up(&folder));
        async { found.await.unwrap_or_default() }
    }

    /// It went well.
    pub fn taken_up(&self) {
        let folder = self.folder.clone();
        drop(self.run(move || TAKING_UP.map(|mark| remove(&folder.join(mark)))));
    }
}

fn name(path: &WorkspacePath) -> String {
    blake3::hash(path.to_string().as_bytes())
        .to_hex()
        .to_string()
}

/// A regular file through no link; whatever lies there, this waits for nothing.
fn open(place: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(place)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn read_whole(place: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open(place).ok()?;
    file.take(MAX_LOG_BYTES + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= MAX_LOG_BYTES).then_some(bytes)
}

fn remove(place: &Path) {
    // Most have none.
    let _ = fs::remove_file(place);
}

fn take_up(folder: &Path) -> Vec<WorkspacePath> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mark = TAKING_UP.iter().find(|mark| !folder.join(mark).exists());
    let mut room = match mark {
        Some(_) => MAX_TAKEN_UP_BYTES,
        None => 0,
    };
    let mut found = Vec::new();
    // Wherever a link may lead to: nothing is touched but what is called like a log.
    for entry in entries.flatten().filter(|e| is_ours(&e.file_name())) {
        let place = entry.path();
        let path = read_path(&place).filter(|path| entry.file_name() == *name(path));
        let size = entry.metadata().map_or(u64::MAX, |metadata| metadata.len());
        match path.filter(|_| found.len() < MAX_LOGS && size <= room) {
            Some(path) => {
                room -= size;
                found.push(path);
            }
            None => remove(&place),
        }
    }
    match mark {
        // Where it can't be made, nothing could be written anyway.
        Some(mark) if !found.is_empty() => drop(File::create_new(folder.join(mark))),
        _ => TAKING_UP.iter().for_each(|mark| remove(&folder.join(mark))),
    }
    found
}

fn is_ours(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let is_name = name.len() == 2 * blake3::OUT_LEN && name.iter().all(u8::is_ascii_hexdigit);
    is_name || name.starts_with(TEMPORARY_PREFIX.as_bytes())
}

fn read_path(place: &Path) -> Option<WorkspacePath> {
    let mut bytes = Vec::new();
    let most = (HEAD_BYTES + MAX_HEAD_PAYLOAD) as u64;
    open(place).ok()?.take(most).read_to_end(&mut bytes).ok()?;
    Some(parse_head(parse(&bytes).first())?.path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use yrs::{ReadTxn, StateVector, Text};

    use super::*;

    const EPOCH: &str = "0123456789abcdef";
    const BOOT: &str = "this run";

    fn path() -> WorkspacePath {
        "src/ü.txt".parse().unwrap()
    }

    /// A log as it grows: the text after each frame, and where that frame ends.
    struct Growing {
        doc: Doc,
        text: yrs::TextRef,
        frames: Frames,
        after: Vec<(usize, String)>,
    }

    impl Growing {
        fn new(begin: &str) -> Self {
            let (doc, text) = new_doc();
            text.insert(&mut doc.transact_mut(), 0, begin);
            let mut frames = Frames::default();
            let head = Head {
                version: VERSION,
                epoch: EPOCH.into(),
                path: path(),
                boot: BOOT.into(),
            };
            frames.push(kind::HEAD, &serde_json::to_vec(&head).unwrap());
            let state = doc
                .transact()
                .encode_state_as_update_v1(&StateVector::default());
            frames.0.extend(Frames::whole(&state, begin, begin).0);
            let after = vec![(frames.0.len(), begin.to_owned())];
            Self {
                doc,
                text,
                frames,
                after,
            }
        }

        fn now(&self) -> &str {
            &self.after.last().unwrap().1
        }

        fn note(&mut self) {
            let now = self.text.get_string(&self.doc.transact());
            self.after.push((self.frames.0.len(), now));
        }

        fn edit(&mut self, at: u32, delete: u32, insert: &str) {
            let length = self.now().len() as u32;
            let (at, delete) = (at.min(length), delete.min(length - at.min(length)));
            let update = {
                let mut txn = self.doc.transact_mut();
                self.text.remove_range(&mut txn, at, delete);
                self.text.insert(&mut txn, at, insert);
                txn.encode_update_v1()
            };
            self.frames.update(&update);
            self.note();
        }

        fn writing(&mut self) {
            let now = self.now().to_owned();
            self.frames.writing(&now);
            self.note();
        }

        fn written(&mut self) {
            self.frames.written();
            self.note();
        }

        fn replay(&self, file: &str) -> Option<Replayed> {
            replay(&self.frames.0, &path(), BOOT, file)
        }
    }

    #[test]
    fn what_the_document_wrote_is_known_again_and_all_else_is_a_programs() {
        let mut log = Growing::new("one");
        log.edit(3, 0, " two");
        let base = |log: &Growing, file: &str| log.replay(file).unwrap().base;
        assert_eq!(base(&log, "one"), "one");
        assert_eq!(
            base(&log, "one two"),
            "one",
            "it was not about to be written"
        );
        log.writing();
        log.edit(7, 0, " three");
        assert_eq!(base(&log, "one two"), "one two");
        assert_eq!(base(&log, "one"), "one", "nor need it have been");
        log.written();
        assert_eq!(base(&log, "one"), "one two", "a program took it back");
        log.frames.base("by a program");
        assert_eq!(base(&log, "one two"), "by a program");
        assert_eq!(log.replay("x").unwrap().text, "one two three");
        assert_eq!(log.replay("x").unwrap().epoch, EPOCH);
    }

    #[test]
    fn after_another_run_of_the_machine_only_what_is_known_goes_on() {
        let mut log = Growing::new("one");
        log.edit(3, 0, " two");
        log.writing();
        let after = |file: &str| replay(&log.frames.0, &path(), "another", file);
        assert!(after("one").is_some() && after("one two").is_some());
        // The log's end may be missing, and the file have it.
        assert!(after("one two three").is_none());
    }

    #[test]
    fn what_makes_no_sense_is_no_log() {
        let log = Growing::new("one");
        let bytes = &log.frames.0;
        assert!(log.replay("one").is_some());
        let other = "other".parse().unwrap();
        assert!(
            replay(bytes, &other, BOOT, "one").is_none(),
            "of another file"
        );
        let with = |add: &dyn Fn(&mut Frames)| {
            let mut frames = Frames(bytes.clone());
            add(&mut frames);
            replay(&frames.0, &path(), BOOT, "one")
        };
        assert!(
            with(&|frames| frames.push(9, b"")).is_none(),
            "of another kind"
        );
        assert!(with(&|frames| frames.update(b"\xff\xff\xff")).is_none());
        assert!(with(&|frames| frames.base("one")).is_some());
        assert!(with(&|frames| frames.push(kind::BASE, b"\xff")).is_none());
        assert!(with(&|frames| frames.push(kind::WRITING, b"short")).is_none());
        let lies = with(&|frames| {
            frames.writing("not the text");
            frames.written();
        });
        assert!(lies.is_none());
        let head = |json: &str| {
            let mut frames = Frames::default();
            frames.push(kind::HEAD, json.as_bytes());
            parse_head(parse(&frames.0).first()).is_some()
        };
        let json = |version: u32, epoch: &str| {
            format!(r#"{{"version":{version},"epoch":"{epoch}","path":"a","boot":""}}"#)
        };
        assert!(head(&json(1, EPOCH)));
        assert!(!head(&json(2, EPOCH)) && !head(&json(1, "short")) && !head("{}"));
        assert!(!head(&json(1, EPOCH).replace(r#""a""#, r#""../a""#)));
    }

    #[test]
    fn a_log_of_the_longest_path_is_found_again() {
        let home = tempfile::tempdir().unwrap();
        let name = [0xff; 255];
        let mut longest = vec![name.as_slice(); 14].join(&b'/');
        longest.push(b'/');
        longest.extend([0xff; 216]);
        let path = WorkspacePath::from_bytes(&longest).unwrap();
        longest.push(0xff);
        assert!(WorkspacePath::from_bytes(&longest).is_err());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let logs = Logs::start(home.path()).unwrap();
            let frames = Frames::whole(b"", "", "");
            logs.create(&path, EPOCH, frames).await.unwrap();
            assert_eq!(logs.take_up().await, [path]);
        });
    }

    #[tokio::test]
    async fn limits_hold_at_their_edge() {
        let home = tempfile::tempdir().unwrap();
        let logs = Logs::start(home.path()).unwrap();
        let path = |n: usize| n.to_string().parse().unwrap();
        for n in 0..MAX_LOGS {
            let frames = Frames::whole(b"", "", "");
            logs.create(&path(n), EPOCH, frames).await.unwrap();
        }
        let count = || fs::read_dir(home.path().join(FOLDER)).unwrap().count();
        let taken_up = async || {
            let found = logs.take_up().await;
            logs.taken_up();
            logs.done().await;
            found.len()
        };
        assert_eq!(taken_up().await, MAX_LOGS);
        let frames = Frames::whole(b"", "", "");
        logs.create(&path(MAX_LOGS), EPOCH, frames).await.unwrap();
        assert_eq!(count(), MAX_LOGS + 1);
        assert_eq!(taken_up().await, MAX_LOGS);
        assert_eq!(count(), MAX_LOGS);
        // All together.
        let half = MAX_TAKEN_UP_BYTES / 2;
        for n in 0..3 {
            let place = home.path().join(FOLDER).join(name(&path(n)));
            if place.exists() {
                File::options()
                    .write(true)
                    .open(place)
                    .unwrap()
                    .set_len(half)
                    .unwrap();
            }
        }
        assert!(taken_up().await < MAX_LOGS);
        let sizes = fs::read_dir(home.path().join(FOLDER)).unwrap();
        let sizes = sizes.map(|entry| entry.unwrap().metadata().unwrap().len());
        assert!(sizes.sum::<u64>() <= MAX_TAKEN_UP_BYTES);
        let file = File::create(logs.place(&path(0))).unwrap();
        file.set_len(MAX_LOG_BYTES).unwrap();
        let read = logs.read(&path(0)).await.map(|bytes| bytes.len() as u64);
        assert_eq!(read, Some(MAX_LOG_BYTES));
        file.set_len(MAX_LOG_BYTES + 1).unwrap();
        assert!(logs.read(&path(0)).await.is_none());
    }

    #[tokio::test]
    async fn nothing_is_touched_but_what_is_called_like_a_log() {
        let home = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let folder = home.path().join(FOLDER);
        fs::create_dir_all(folder.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), &folder).unwrap();
        let put = |name: &str| fs::write(elsewhere.path().join(name), "x").unwrap();
        put("main.py");
        put(".~alcove-0123");
        put(&"0".repeat(64));
        let logs = Logs::start(home.path()).unwrap();
        assert_eq!(logs.take_up().await, []);
        let left = fs::read_dir(elsewhere.path()).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["main.py"]);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Edit(u32, u32, String),
        Write,
        Fail,
        Program(String),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let edit = (0u32..30, 0u32..5, "[a-c\n]{0,6}");
        let step = prop_oneof![
            6 => edit.prop_map(|(at, delete, insert)| Step::Edit(at, delete, insert)),
            2 => Just(Step::Write),
            1 => Just(Step::Fail),
            1 => "[x-z\n]{0,6}".prop_map(Step::Program),
        ];
        proptest::collection::vec(step, 0..30)
    }

    fn grown(steps: Vec<Step>) -> Growing {
        let mut log = Growing::new("begin\n");
        for step in steps {
            match step {
                Step::Edit(at, delete, insert) => log.edit(at, delete, &insert),
                Step::Write => {
                    log.writing();
                    log.written();
                }
                Step::Fail => log.writing(),
                Step::Program(text) => {
                    log.frames.base(&text);
                    log.note();
                }
            }
        }
        log
    }

    proptest! {
        #[test]
        fn a_log_that_was_cut_or_damaged_is_an_earlier_one(
            steps in steps(),
            at in any::<prop::sample::Index>(),
            damage in proptest::option::of(1u8..),
            junk in proptest::collection::vec(any::<u8>(), 0..20),
        ) {
            let log = grown(steps);
            let whole = &log.frames.0;
            prop_assert_eq!(log.replay("?").unwrap().text, log.now());
            let at = at.index(whole.len() + 1);
            let mut bytes = whole.clone();
            match damage {
                Some(bits) if at < whole.len() => bytes[at] ^= bits,
                _ => {
                    bytes.truncate(at);
                    bytes.extend(junk);
                }
            }
            let expected = log.after.iter().rev().find(|(end, _)| *end <= at);
            let replayed = replay(&bytes, &path(), BOOT, "?");
            prop_assert_eq!(replayed.map(|r| r.text), expected.map(|(_, text)| text.clone()));
        }

        #[test]
        fn whatever_lies_there_harms_nothing(
            junk in proptest::collection::vec(any::<u8>(), 0..200),
            frames in proptest::collection::vec((1u8..8, proptest::collection::vec(any::<u8>(), 0..60)), 0..6),
        ) {
            prop_assert!(replay(&junk, &path(), BOOT, "").is_none());
            let mut log = Growing::new("text");
            for (kind, payload) in &frames {
                log.frames.push(*kind, payload);
            }
            // Whether it makes sense or not.
            let _ = log.replay("text");
        }
    }

    #[tokio::test]
    async fn a_runner_that_dies_of_its_logs_twice_finds_none_the_third_time() {
        let home = tempfile::tempdir().unwrap();
        let path: WorkspacePath = "a".parse().unwrap();
        let make = async |logs: &Logs| {
            let frames = Frames::whole(b"", "", "");
            logs.create(&path, EPOCH, frames).await.unwrap();
        };
        // Each one dies before it has said that it went well; but for the second.
        for (taken, went_well) in [
            (1, false),
            (1, true),
            (1, false),
            (1, false),
            (0, false),
            (1, true),
        ] {
            let logs = Logs::start(home.path()).unwrap();
            make(&logs).await;
            assert_eq!(logs.take_up().await.len(), taken);
            if went_well {
                logs.taken_up();
                logs.done().await;
            }
        }
    }
}
