//! Packs: valid `.tar.zst` archives whose members are zstd frames of their own, so that one file is
//! read by one range request, and tar and zstd alone recover them all.

use std::io::{self, Read, Write};

use crate::manifest::{Kind, decode_path};
use crate::store::{Location, Store};
use crate::{Result, VolumeError};

/// Content of a member is cut into frames of this many bytes, which bounds memory.
const FRAME_BYTES: usize = 4 * 1024 * 1024;
/// A pack that has grown beyond this is closed, and the next begun.
const PACK_BYTES: u64 = 64 * 1024 * 1024;
/// A little is won beyond it, at many times the cost.
const LEVEL: i32 = 3;
/// Uploads of parts under way at once.
const PARTS_AT_ONCE: usize = 4;

/// Writes packs, one after the other.
pub(crate) struct PackWriter<'a> {
    store: &'a Store,
    at: &'a Location,
    /// Keys of the packs written, the present one included.
    pub keys: Vec<String>,
    upload: Option<object_store::WriteMultipart>,
    offset: u64,
    pub bytes: u64,
}

/// Where a member went.
pub(crate) struct Placed {
    /// Index into `keys`.
    pub pack: usize,
    pub offset: u64,
    pub length: u64,
}

impl<'a> PackWriter<'a> {
    pub fn new(store: &'a Store, at: &'a Location) -> Self {
        Self {
            store,
            at,
            keys: Vec::new(),
            upload: None,
            offset: 0,
            bytes: 0,
        }
    }

    /// Adds a member whose frames were made by [`member`].
    pub async fn add(&mut self, frames: Vec<u8>) -> Result<Placed> {
        let placed = self.begin().await?;
        self.write(&frames).await?;
        self.place(placed)
    }

    /// Begins a member that is written piece by piece.
    pub async fn begin(&mut self) -> Result<u64> {
        if self.offset > PACK_BYTES {
            self.close().await?;
        }
        if self.upload.is_none() {
            let key = self.at.new_pack();
            self.upload = Some(self.store.begin(&key).await?);
            self.keys.push(key);
            self.offset = 0;
        }
        Ok(self.offset)
    }

    pub async fn write(&mut self, frames: &[u8]) -> Result<()> {
        if let Some(upload) = &mut self.upload {
            upload.wait_for_capacity(PARTS_AT_ONCE).await?;
            upload.write(frames);
            self.offset += frames.len() as u64;
            self.bytes += frames.len() as u64;
        }
        Ok(())
    }

    pub fn place(&self, began: u64) -> Result<Placed> {
        Ok(Placed {
            pack: self.keys.len() - 1,
            offset: began,
            length: self.offset - began,
        })
    }

    async fn close(&mut self) -> Result<()> {
        if let Some(mut upload) = self.upload.take() {
            // Two empty blocks end an archive.
            upload.write(&compress(&[0; 1024]));
            upload.finish().await?;
        }
        Ok(())
    }

    /// Makes the last pack durable.
    pub async fn finish(mut self) -> Result<(Vec<String>, u64)> {
        self.close().await?;
        Ok((std::mem::take(&mut self.keys), self.bytes))
    }

    /// Drops what was written of the present pack.
    pub async fn abort(mut self) {
        if let Some(upload) = self.upload.take()
            && let Err(error) = upload.abort().await
        {
            tracing::debug!(%error, "an unfinished pack stays behind");
        }
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

fn pad(out: &mut Vec<u8>) {
    out.resize(out.len().next_multiple_of(512), 0);
}

/// A small file's member: header, content and padding in one frame.
pub(crate) fn member(mut header: Vec<u8>, content: &[u8]) -> Vec<u8> {
    header.extend_from_slice(content);
    pad(&mut header);
    compress(&header)
}

/// Cuts a large member into frames: hands each to `sink`, and ends with the padding. `content` must
/// yield exactly `size` bytes: what is missing is filled with zeros, more is not read.
pub(crate) fn large_member(
    header: Vec<u8>,
    size: u64,
    content: &mut impl Read,
    mut sink: impl FnMut(&[u8], Vec<u8>) -> io::Result<()>,
) -> io::Result<()> {
    sink(&[], compress(&header))?;
    let mut left = size;
    let mut buffer = vec![0; FRAME_BYTES];
    while left > 0 {
        let want = left.min(FRAME_BYTES as u64) as usize;
        let mut got = 0;
        while got < want {
            match content.read(&mut buffer[got..want]) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        buffer[got..want].fill(0);
        sink(&buffer[..want], compress(&buffer[..want]))?;
        left -= want as u64;
    }
    let padding = (size.next_multiple_of(512) - size) as usize;
    sink(&[], compress(&vec![0; padding]))
}

/// Files above this many bytes are written piece by piece.
pub(crate) const LARGE_BYTES: u64 = FRAME_BYTES as u64;

fn compress(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, LEVEL).expect("compressing into memory does not fail")
}

/// Unpacks one member's frames into `out`, and checks size and hash.
pub(crate) fn extract(path: &str, kind: &Kind, frames: &[u8], out: &mut impl Write) -> Result<()> {
    let Kind::File { size, hash, .. } = kind else {
        return Ok(());
    };
    let damaged = |why: &str| VolumeError::Damaged(path.to_owned(), why.to_owned());
    let decoder =
        zstd::stream::Decoder::with_buffer(frames).map_err(|e| damaged(&e.to_string()))?;
    let mut archive = tar::Archive::new(decoder);
    let mut entry = archive
        .entries()
        .and_then(|mut entries| entries.next().transpose())
        .map_err(|e| damaged(&e.to_string()))?
        .ok_or_else(|| damaged("the pack holds nothing there"))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut written = 0;
    loop {
        let n = entry
            .read(&mut buffer)
            .map_err(|e| damaged(&e.to_string()))?;
        if n == 0 {
            break;
        }
        hasher.update(&buffer[..n]);
        written += n as u64;
        out.write_all(&buffer[..n])
            .map_err(|e| VolumeError::local(path, e))?;
    }
    if written != *size || hasher.finalize().to_hex().as_str() != hash {
        return Err(damaged("its content is not what was saved"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &[u8]) -> Kind {
        let hash = blake3::hash(content).to_hex().to_string();
        Kind::File {
            size: content.len() as u64,
            hash,
            pack: 0,
            offset: 0,
            length: 0,
        }
    }

    #[test]
    fn a_member_comes_back_and_damage_is_found() {
        for (path, content) in [
            ("workspace/a", &b"hello"[..]),
            ("workspace/empty", b""),
            (&format!("workspace/{}", "x".repeat(250)), b"long"),
        ] {
            let frames = member(header(path, content.len() as u64, 0o644, 0), content);
            let mut out = Vec::new();
            extract(path, &file(content), &frames, &mut out).unwrap();
            assert_eq!(out, content);
            assert!(extract(path, &file(b"other"), &frames, &mut Vec::new()).is_err());
            assert!(
                extract(
                    path,
                    &file(content),
                    &frames[..frames.len() / 2],
                    &mut Vec::new()
                )
                .is_err()
            );
        }
    }

    #[test]
    fn a_large_file_is_cut_into_frames() {
        let content: Vec<u8> = (0..FRAME_BYTES + 1000).map(|i| (i / 7) as u8).collect();
        let mut frames = Vec::new();
        let mut pieces = 0;
        large_member(
            header("workspace/big", content.len() as u64, 0o644, 0),
            content.len() as u64,
            &mut &content[..],
            |_, f| {
                frames.extend(f);
                pieces += 1;
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(pieces, 4);
        let mut out = Vec::new();
        extract("workspace/big", &file(&content), &frames, &mut out).unwrap();
        assert!(out == content);
    }
}
