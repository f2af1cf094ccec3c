//! Reads files of a workspace, and puts into packs what of their content is not in the store yet.

use std::collections::{HashMap, HashSet};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use blake3::Hash;
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::manifest::{Chunk, Entry, Kind, Place, Span, Tree, decode_path};
use crate::pack::{CHUNK_BYTES, MAX_CONTENT_BYTES, PackWriter, chunk_name, header, member};
use crate::scan::{Found, FoundKind, Stamp, nanoseconds, open_file, open_top};
use crate::stamps::Stamps;
use crate::store::{Location, Store};
use crate::{Result, VolumeError};

/// Largest file whose content may be in the manifest itself, in bytes,
pub(crate) const INLINE_FILE_BYTES: u64 = 16 * 1024;
/// and what all of these may have together: beyond, they go into a pack.
pub(crate) const INLINE_BYTES: u64 = 128 * 1024;
/// Largest file that is saved, holes included, in bytes.
pub(crate) const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// Pieces of files that wait for the store while the next are read.
const PIECES_AHEAD: usize = 4;
/// Priority at which files are read and compressed for the store, nice(2).
const UPLOAD_NICE: i32 = 10;
/// A file that changes while it is read is read again this often.
const READS: usize = 3;

/// What an upload brought.
#[derive(Default)]
pub(crate) struct Uploaded {
    pub entries: Vec<Arc<Entry>>,
    /// Of files that held still while they were read.
    pub stamps: Stamps,
    /// Could not be read.
    pub left_out: Vec<String>,
    /// Files whose content is new, and the bytes that it took, compressed.
    pub files: usize,
    pub bytes: u64,
}

/// Where files are read from, and where they go.
pub(crate) struct Upload<'a> {
    pub store: &'a Store,
    pub at: &'a Location,
    pub dir: &'a Path,
    /// How the tree was: entries that are as they were are shared with it.
    pub old: &'a Tree,
    /// Small contents may be kept in the manifest.
    pub may_inline: bool,
}

/// Reads `files` for `tree`, whose packs begin with those of `known`; new ones are added. Content that is
/// known is not uploaded again.
pub(crate) async fn upload(
    &Upload {
        store,
        at,
        dir,
        old,
        may_inline,
    }: &Upload<'_>,
    files: Vec<Found>,
    known: Known,
    tree: &mut Tree,
) -> Result<Uploaded> {
    let mut up = Uploaded::default();
    let mut inlined = inline_bytes(&tree.entries);
    let has_room = Arc::new(AtomicBool::new(may_inline));
    let (sender, mut pieces) = mpsc::channel(PIECES_AHEAD);
    let known = Arc::new(known);
    let reader = Reader {
        known: known.clone(),
        has_room: has_room.clone(),
        out: sender,
    };
    let folder = dir.to_path_buf();
    let reading = at_low_priority(move || reader.run(&folder, files));
    let mut writer = PackWriter::new(store, at, tree.packs.len());
    let written: Result<()> = async {
        let mut chunks = Vec::new();
        let mut is_new = false;
        while let Some(piece) = pieces.recv().await {
            match piece {
                Piece::LeftOut(path) => {
                    up.left_out.push(path);
                    (chunks, is_new) = (Vec::new(), false);
                }
                Piece::Gone => (chunks, is_new) = (Vec::new(), false),
                Piece::Chunk(chunk) => chunks.push(chunk),
                Piece::NewChunk(size, hash, frame) => {
                    let span = writer.add(frame).await?;
                    chunks.push(Chunk { size, hash, span });
                    is_new = true;
                }
                Piece::File(file, content) => {
                    is_new |= matches!(content, Content::Small(_) | Content::Frame(_));
                    let place = match content {
                        Content::Known(place) => place,
                        Content::Chunks if chunks.is_empty() => Place::Inline(Bytes::new()),
                        Content::Chunks => Place::Chunked(std::mem::take(&mut chunks)),
                        Content::Small(content) => Place::Inline(content.into()),
                        Content::Frame(frame) => Place::Packed(writer.add(frame).await?),
                    };
                    let own = known.own_place(old, &file.found.path, &file.hash);
                    let place = own.cloned().unwrap_or(place);
                    if let Place::Inline(content) = &place {
                        inlined += content.len() as u64;
                        has_room.fetch_and(inlined <= INLINE_BYTES, Ordering::Relaxed);
                    }
                    up.files += usize::from(std::mem::take(&mut is_new));
                    up.add(file, place, old);
                }
            }
        }
        // One pack is written anyway, or there is no room: then all of them go there.
        if writer.has_begun() || inlined > INLINE_BYTES {
            for entry in tree.entries.iter_mut().chain(&mut up.entries) {
                pack_one(&mut writer, entry).await?;
            }
        }
        Ok(())
    }
    .await;
    // Ends the reader too, if it is still at work.
    drop(pieces);
    let read = reading
        .await
        .unwrap_or_else(|e| Err(VolumeError::local("reading", io::Error::other(e))));
    if let Err(error) = written.and(read) {
        writer.abort().await;
        return Err(error);
    }
    let (packs, bytes) = writer.finish().await?;
    up.bytes = bytes;
    tree.packs.extend(packs);
    Ok(up)
}

/// Contents that are in the manifest go into a pack, if together they are more than `most` bytes.
pub(crate) async fn pack_inlined(
    store: &Store,
    at: &Location,
    tree: &mut Tree,
    most: u64,
) -> Result<()> {
    if inline_bytes(&tree.entries) <= most {
        return Ok(());
    }
    let mut writer = PackWriter::new(store, at, tree.packs.len());
    for entry in &mut tree.entries {
        pack_one(&mut writer, entry).await?;
    }
    tree.packs.extend(writer.finish().await?.0);
    Ok(())
}

async fn pack_one(writer: &mut PackWriter<'_>, entry: &mut Arc<Entry>) -> Result<()> {
    if let Some(content) = inlined_content(entry) {
        let size = content.len() as u64;
        let head = header(&entry.path, size, entry.mode, entry.mtime_ns);
        let span = writer.add(member(head, &content)).await?;
        set_place(Arc::make_mut(entry), Place::Packed(span));
    }
    Ok(())
}

fn inline_bytes(entries: &[Arc<Entry>]) -> u64 {
    let sizes = entries.iter().map(|entry| match &entry.kind {
        Kind::File {
            place: Place::Inline(content),
            ..
        } => content.len() as u64,
        _ => 0,
    });
    sizes.sum()
}

/// Does what reads, hashes and compresses on a thread of its own, which people's programs and terminals
/// go before: for the disk, too, where its scheduler knows priorities (ionice(1)). Threads that are lent
/// out again could not be used: an ordinary user can't raise a priority.
fn at_low_priority<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> oneshot::Receiver<T> {
    let (sender, done) = oneshot::channel();
    std::thread::spawn(move || {
        // It is only slower for others where this is refused.
        let _ = rustix::process::nice(UPLOAD_NICE);
        // Whoever waited may have given up.
        let _ = sender.send(work());
    });
    done
}

/// Its content, if that is in the manifest. Nothing at all needs no pack.
pub(crate) fn inlined_content(entry: &Entry) -> Option<Bytes> {
    match &entry.kind {
        Kind::File {
            place: Place::Inline(content),
            ..
        } if !content.is_empty() => Some(content.clone()),
        _ => None,
    }
}

pub(crate) fn set_place(entry: &mut Entry, new: Place) {
    if let Kind::File { place, .. } = &mut entry.kind {
        *place = new;
    }
}

impl Uploaded {
    fn add(&mut self, file: Done, place: Place, old: &Tree) {
        let Found {
            path,
            mode,
            mtime_ns,
            ..
        } = file.found;
        if let Some(stamp) = file.stamp {
            self.stamps.note(&path, &stamp);
        }
        let (size, hash) = (file.size, file.hash);
        let kind = Kind::File { size, hash, place };
        self.entries.push(old.shared(Entry {
            path,
            mode,
            mtime_ns,
            kind,
        }));
    }
}

/// What is in the store already, by its content: but for what is lost there, and what lies in packs that
/// are to be left.
pub(crate) struct Known {
    files: HashMap<Hash, Place>,
    chunks: HashMap<Hash, Chunk>,
    lost: HashSet<String>,
    leave: Vec<u32>,
}

impl Known {
    pub fn of(tree: &Tree, lost: &HashSet<&str>, leave: Vec<u32>) -> Self {
        let mut known = Self {
            files: HashMap::new(),
            chunks: HashMap::new(),
            lost: lost.iter().map(ToString::to_string).collect(),
            leave,
        };
        for entry in &tree.entries {
            let Kind::File { hash, place, .. } = &entry.kind else {
                continue;
            };
            if known.is_lost(entry) {
                continue;
            }
            if let Place::Chunked(chunks) = place {
                let chunks = chunks.iter().filter(|chunk| known.stays(&chunk.span));
                let chunks: Vec<_> = chunks.map(|chunk| (chunk.hash, *chunk)).collect();
                known.chunks.extend(chunks);
            }
            if place.spans().all(|span| known.stays(span)) {
                known.files.insert(*hash, place.clone());
            }
        }
        known
    }

    fn is_lost(&self, entry: &Entry) -> bool {
        self.lost.contains(&entry.path)
    }

    fn stays(&self, span: &Span) -> bool {
        !self.leave.contains(&span.pack)
    }

    /// Where a file's content was before: it is not another's place that holds the same, so that what did
    /// not change is not taken for changed.
    fn own_place<'a>(&self, old: &'a Tree, path: &str, hash: &Hash) -> Option<&'a Place> {
        let entry = &old.entries[old.find(path).ok()?];
        match &entry.kind {
            Kind::File { hash: h, place, .. } if h == hash && !self.is_lost(entry) => {
                Some(place).filter(|place| place.spans().all(|span| self.stays(span)))
            }
            _ => None,
        }
    }
}

/// A file that was read; `stamp` only when a change after that shows in it.
struct Done {
    found: Found,
    size: u64,
    hash: Hash,
    stamp: Option<Stamp>,
}

enum Content {
    /// In the store already.
    Known(Place),
    /// May be kept in the manifest.
    Small(Vec<u8>),
    /// A member of a pack.
    Frame(Vec<u8>),
    /// In the chunks that came before.
    Chunks,
}

enum Piece {
    File(Done, Content),
    /// The next of a large file: one that is in the store, or size, hash and member of one that is not.
    Chunk(Chunk),
    NewChunk(u64, Hash, Vec<u8>),
    LeftOut(String),
    /// It was deleted since it was scanned: then it is not part of this checkpoint.
    Gone,
}

/// Reads on a thread of its own. Ends early when nobody takes the pieces any more.
struct Reader {
    known: Arc<Known>,
    has_room: Arc<AtomicBool>,
    out: mpsc::Sender<Piece>,
}

impl Reader {
    fn run(&self, dir: &Path, files: Vec<Found>) -> Result<()> {
        let top = open_top(dir)?;
        for found in files {
            let path = found.path.clone();
            let is_large = matches!(found.kind, FoundKind::File(stamp) if stamp.size > CHUNK_BYTES);
            let read = if is_large {
                self.large(top.as_fd(), found)
            } else {
                self.small(top.as_fd(), found)
            };
            let piece = match read {
                Ok((done, content)) => Piece::File(done, content),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Piece::Gone,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                Err(error) => {
                    tracing::debug!(%path, %error, "left out");
                    Piece::LeftOut(path)
                }
            };
            if self.out.blocking_send(piece).is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    fn small(&self, top: BorrowedFd<'_>, found: Found) -> io::Result<(Done, Content)> {
        let mut content = Vec::new();
        let mut held = None;
        let mut began_ns = 0;
        for _ in 0..READS {
            began_ns = now_ns();
            let (mut file, first) = open_file(top, &decode_path(&found.path))?;
            content.clear();
            // It may grow without end while it is read.
            (&mut file)
                .take(MAX_CONTENT_BYTES)
                .read_to_end(&mut content)?;
            let after = Stamp::of(&rustix::fs::fstat(&file)?);
            if first == after && content.len() as u64 == after.size {
                held = Some(after);
                break;
            }
        }
        let (size, hash) = (content.len() as u64, blake3::hash(&content));
        let mtime_ns = held.map_or(found.mtime_ns, |s| s.mtime_ns);
        let found = Found { mtime_ns, ..found };
        let has_room = size <= INLINE_FILE_BYTES && self.has_room.load(Ordering::Relaxed);
        let content = match self.known.files.get(&hash) {
            Some(place) => Content::Known(place.clone()),
            None if has_room || size == 0 => Content::Small(content),
            None => Content::Frame(member(
                header(&found.path, size, found.mode, mtime_ns),
                &content,
            )),
        };
        let done = Done {
            found,
            size,
            hash,
            stamp: held.filter(|stamp| stamp.is_settled(began_ns)),
        };
        Ok((done, content))
    }

    /// What it has when it is opened, chunk by chunk. It may become shorter meanwhile; longer is not read.
    fn large(&self, top: BorrowedFd<'_>, found: Found) -> io::Result<(Done, Content)> {
        let began_ns = now_ns();
        let (mut file, first) = open_file(top, &decode_path(&found.path))?;
        if first.size > MAX_FILE_BYTES {
            return Err(io::Error::other("it is larger than any that is saved"));
        }
        let mut whole = blake3::Hasher::new();
        let mut size = 0;
        let mut content = Vec::with_capacity(CHUNK_BYTES as usize);
        while size < first.size {
            // Who deletes it wants its room: a disk that is full is full until this is closed.
            // What was put in its place since is saved next; this state has it as it was.
            if rustix::fs::fstat(&file)?.st_nlink == 0
                && let Err(error) = open_file(top, &decode_path(&found.path))
                && error.kind() == io::ErrorKind::NotFound
            {
                return Err(error);
            }
            content.clear();
            (&mut file)
                .take(CHUNK_BYTES.min(first.size - size))
                .read_to_end(&mut content)?;
            if content.is_empty() {
                break;
            }
            whole.update(&content);
            let (length, hash) = (content.len() as u64, blake3::hash(&content));
            let piece = match self.known.chunks.get(&hash) {
                Some(chunk) => Piece::Chunk(*chunk),
                None => {
                    let name = chunk_name(&found.path, size);
                    let head = header(&name, length, found.mode, first.mtime_ns);
                    Piece::NewChunk(length, hash, member(head, &content))
                }
            };
            let sent = self.out.blocking_send(piece);
            sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            size += length;
        }
        let after = Stamp::of(&rustix::fs::fstat(&file)?);
        let held = first == after && size == after.size;
        let done = Done {
            found: Found {
                mtime_ns: first.mtime_ns,
                ..found
            },
            size,
            hash: whole.finalize(),
            stamp: (held && after.is_settled(began_ns)).then_some(after),
        };
        Ok((done, Content::Chunks))
    }
}

/// Since 1970, by the clock that the kernel stamps files with.
fn now_ns() -> i64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    nanoseconds(now.tv_sec, now.tv_nsec as i64)
}
