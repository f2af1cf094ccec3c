//! Packs: valid `.tar.zst` archives whose members are zstd frames of their own, so that one file is
//! read by one range request, and tar and zstd alone recover them all.

use std::io::{Read, Write};

use blake3::Hash;
use object_store::buffered::BufWriter;
use tokio::io::AsyncWriteExt;

use crate::manifest::{Span, decode_path};
use crate::store::{Location, Store};
use crate::{Result, VolumeError};

/// Content of a file is cut into chunks of this many bytes, each a member of its own: that bounds
/// memory, and what a change of a large file uploads.
pub(crate) const CHUNK_BYTES: u64 = 4 * 1024 * 1024;
/// A pack that has grown beyond this is closed, and the next begun.
const PACK_BYTES: u64 = 64 * 1024 * 1024;
/// Most that one member of this version holds: a file that grew from one chunk to two while it was read.
pub(crate) const MAX_CONTENT_BYTES: u64 = 2 * CHUNK_BYTES;
/// Most that is around its content: headers, of which one has a name, and padding.
const MAX_HEADER_BYTES: usize = 8 * 1024;
/// A little is won beyond it, at many times the cost.
const LEVEL: i32 = 3;

/// Of a tar archive: content is filled up to a whole number of them,
pub(crate) const BLOCK_BYTES: usize = 512;
/// and two that are empty end it.
pub(crate) const END: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];

/// Writes packs, one after the other.
pub(crate) struct PackWriter<'a> {
    store: &'a Store,
    at: &'a Location,
    /// Index of the first pack in its tree.
    first: u32,
    /// Keys of the packs written, the present one included.
    keys: Vec<String>,
    upload: Option<BufWriter>,
    offset: u64,
    bytes: u64,
}

impl<'a> PackWriter<'a> {
    /// `packs`: how many its tree has already.
    pub fn new(store: &'a Store, at: &'a Location, packs: usize) -> Self {
        Self {
            store,
            at,
            first: packs as u32,
            keys: Vec::new(),
            upload: None,
            offset: 0,
            bytes: 0,
        }
    }

    /// Whether anything has been written.
    pub fn has_begun(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Adds a member whose frame was made by [`member`].
    pub async fn add(&mut self, frame: Vec<u8>) -> Result<Span> {
        if self.offset > PACK_BYTES {
            self.close().await?;
        }
        let upload = match &mut self.upload {
            Some(upload) => upload,
            empty => {
                let key = self.at.new_pack();
                let upload = self.store.begin(&key);
                self.keys.push(key);
                self.offset = 0;
                empty.insert(upload)
            }
        };
        let length = frame.len() as u64;
        upload.put(frame.into()).await?;
        let span = Span {
            pack: self.first + self.keys.len() as u32 - 1,
            offset: self.offset,
            length,
        };
        self.offset += length;
        self.bytes += length;
        Ok(span)
    }

    async fn close(&mut self) -> Result<()> {
        if let Some(mut upload) = self.upload.take() {
            upload.put(compress(&END).into()).await?;
            upload.shutdown().await.map_err(store_error)?;
        }
        Ok(())
    }

    /// Makes the last pack durable: the keys of all, and bytes written.
    pub async fn finish(mut self) -> Result<(Vec<String>, u64)> {
        self.close().await?;
        Ok((std::mem::take(&mut self.keys), self.bytes))
    }

    /// Drops what was written of the present pack.
    pub async fn abort(mut self) {
        if let Some(mut upload) = self.upload.take()
            && let Err(error) = upload.abort().await
        {
            tracing::debug!(%error, "an unfinished pack stays behind");
        }
    }
}

/// What an `AsyncWrite` wrapped.
fn store_error(error: std::io::Error) -> VolumeError {
    match error.downcast::<object_store::Error>() {
        Ok(error) => error.into(),
        Err(error) => VolumeError::local("the store", error),
    }
}

/// The tar header of a file, with the extension that a long name needs.
pub(crate) fn header(path: &str, size: u64, mode: u32, mtime_ns: i64) -> Vec<u8> {
    let name = decode_path(path);
    let mut out = Vec::with_capacity(1536);
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(u64::try_from(mtime_ns / 1_000_000_000).unwrap_or(0));
    header.set_entry_type(tar::EntryType::Regular);
    let short = name.len() < 100;
    if !short {
        // GNU's way: a member of its own before the file, which holds the name.
        let mut long = tar::Header::new_gnu();
        let bytes = &mut long.as_old_mut().name;
        bytes[..13].copy_from_slice(b"././@LongLink");
        long.set_mode(0o644);
        long.set_entry_type(tar::EntryType::GNULongName);
        long.set_size(name.len() as u64 + 1);
        long.set_cksum();
        out.extend_from_slice(long.as_bytes());
        out.extend_from_slice(&name);
        out.push(0);
        pad(&mut out);
    }
    let kept = &name[..name.len().min(99)];
    header.as_old_mut().name[..kept.len()].copy_from_slice(kept);
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
    out
}

/// What fills the last block of content of this many bytes.
pub(crate) fn padding(length: u64) -> &'static [u8] {
    let rest = length.next_multiple_of(BLOCK_BYTES as u64) - length;
    &END[..rest as usize]
}

pub(crate) fn pad(out: &mut Vec<u8>) {
    out.extend_from_slice(padding(out.len() as u64));
}

/// A member: header, content and padding in one frame.
pub(crate) fn member(mut header: Vec<u8>, content: &[u8]) -> Vec<u8> {
    header.extend_from_slice(content);
    pad(&mut header);
    compress(&header)
}

/// What a chunk of a file is called in its pack: the file's path, and where the chunk begins in it.
pub(crate) fn chunk_name(path: &str, offset: u64) -> String {
    format!("{path}.chunk-{offset:016}")
}

fn compress(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, LEVEL).expect("compressing into memory does not fail")
}

/// Unpacks members one after the other, in the same memory: making it anew for each of thousands of files
/// takes longer than unpacking them.
pub(crate) struct Unpacker {
    zstd: zstd::bulk::Decompressor<'static>,
    /// The present member: headers, content, padding.
    member: Vec<u8>,
}

impl Unpacker {
    pub fn new() -> Self {
        let zstd = zstd::bulk::Decompressor::new();
        Self {
            zstd: zstd.expect("without a dictionary there is nothing to refuse"),
            member: Vec::new(),
        }
    }

    /// Unpacks one member's frames into `out`, and checks size and hash: before anything is written, but
    /// for members that only version 1 wrote, larger than [`MAX_CONTENT_BYTES`].
    pub fn extract(
        &mut self,
        path: &str,
        check: (u64, Hash),
        frames: &[u8],
        out: &mut impl Write,
    ) -> Result<()> {
        let (size, hash) = check;
        if size > MAX_CONTENT_BYTES {
            return extract_large(path, check, frames, out);
        }
        self.member.clear();
        self.member.reserve(size as usize + MAX_HEADER_BYTES);
        self.zstd
            .decompress_to_buffer(frames, &mut self.member)
            .map_err(|e| damaged(path, e))?;
        let mut archive = tar::Archive::new(&self.member[..]);
        let mut entries = archive.entries().map_err(|e| damaged(path, e))?;
        let begin = match entries.next() {
            None => return Err(damaged(path, EMPTY)),
            Some(entry) => entry.map_err(|e| damaged(path, e))?.raw_file_position(),
        };
        let content = usize::try_from(begin)
            .ok()
            .and_then(|begin| self.member.get(begin..)?.get(..size as usize));
        match content {
            Some(content) if blake3::hash(content) == hash => out
                .write_all(content)
                .map_err(|e| VolumeError::local(path, e)),
            _ => Err(damaged(path, OTHER)),
        }
    }
}

const EMPTY: &str = "the pack holds nothing there";
const OTHER: &str = "its content is not what was saved";

fn damaged(path: &str, why: impl ToString) -> VolumeError {
    VolumeError::Damaged(path.to_owned(), why.to_string())
}

/// The same piece by piece, for one of any size.
fn extract_large(
    path: &str,
    (size, hash): (u64, Hash),
    frames: &[u8],
    out: &mut impl Write,
) -> Result<()> {
    let decoder = zstd::stream::Decoder::with_buffer(frames).map_err(|e| damaged(path, e))?;
    let mut archive = tar::Archive::new(decoder);
    let mut entry = archive
        .entries()
        .and_then(|mut entries| entries.next().transpose())
        .map_err(|e| damaged(path, e))?
        .ok_or_else(|| damaged(path, EMPTY))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut written = 0;
    loop {
        let n = entry.read(&mut buffer).map_err(|e| damaged(path, e))?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
        written += n as u64;
        out.write_all(&buffer[..n])
            .map_err(|e| VolumeError::local(path, e))?;
    }
    if written != size || hasher.finalize() != hash {
        return Err(damaged(path, OTHER));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::MAX_PATH_BYTES;

    #[test]
    fn a_member_comes_back_and_damage_is_found() {
        let check = |content: &[u8]| (content.len() as u64, blake3::hash(content));
        // As large as those of this version can be, and one that only version 1 wrote.
        let largest = vec![b'x'; MAX_CONTENT_BYTES as usize];
        let larger = vec![b'x'; MAX_CONTENT_BYTES as usize + 1];
        let long_name = format!("workspace/{}", "x".repeat(250));
        let longest_name = format!("workspace/{}", "y".repeat(MAX_PATH_BYTES - 10));
        // One after the other in the same memory.
        let mut unpacker = Unpacker::new();
        let mut extract = |path: &str, check, frames: &[u8], out: &mut Vec<u8>| {
            unpacker.extract(path, check, frames, out)
        };
        for (path, content) in [
            ("workspace/a", &b"hello"[..]),
            ("workspace/empty", b""),
            (&long_name, b"long"),
            (&longest_name, &largest),
            ("workspace/larger", &larger),
            ("workspace/b", b"shorter"),
        ] {
            let frames = member(header(path, content.len() as u64, 0o644, 0), content);
            let mut out = Vec::new();
            extract(path, check(content), &frames, &mut out).unwrap();
            assert!(out == content, "{path}");
            let mut bad = |check, frames: &[u8]| {
                let error = extract(path, check, frames, &mut Vec::new()).unwrap_err();
                assert!(matches!(error, VolumeError::Damaged(..)), "{path}: {error}");
            };
            bad(check(b"other"), &frames);
            bad((content.len() as u64 + 1, blake3::hash(content)), &frames);
            bad(check(content), &frames[..frames.len() / 2]);
            bad(check(content), b"");
            bad(check(content), &compress(b""));
        }
        // It unpacks to more than it says.
        let frames = member(header("workspace/a", 5, 0o644, 0), &vec![0; 1 << 20]);
        assert!(extract("workspace/a", check(b"hello"), &frames, &mut Vec::new()).is_err());
    }
}
