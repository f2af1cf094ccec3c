//! Folders that are moved: which files they have, and copies of them.

use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// Bytes of which the large file is written at once.
const PIECE_BYTES: usize = 4 << 20;

/// Regular files below `dir`, relative to it. Links are left out: not every subject keeps them.
pub fn files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut next = vec![PathBuf::new()];
    while let Some(folder) = next.pop() {
        for entry in fs::read_dir(dir.join(&folder))? {
            let entry = entry?;
            let path = folder.join(entry.file_name());
            let kind = entry.file_type()?;
            if kind.is_dir() {
                next.push(path);
            } else if kind.is_file() {
                found.push(path);
            }
        }
    }
    Ok(found)
}

/// How many regular files there are, and their bytes together.
pub fn size(dir: &Path) -> anyhow::Result<(usize, u64)> {
    let files = files(dir)?;
    let mut bytes = 0;
    for file in &files {
        bytes += fs::metadata(dir.join(file))?.len();
    }
    Ok((files.len(), bytes))
}

/// Copies a folder with all that is in it.
pub async fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut copy = tokio::process::Command::new("cp");
    let status = copy.arg("-a").arg(from).arg(to).status().await?;
    anyhow::ensure!(status.success(), "{} can't be copied", from.display());
    Ok(())
}

/// Bytes that don't compress, the same for each seed.
fn noise(seed: u64) -> blake3::OutputReader {
    blake3::Hasher::new()
        .update(&seed.to_le_bytes())
        .finalize_xof()
}

/// A file that does not compress.
pub fn large_file(path: &Path, bytes: u64) -> anyhow::Result<()> {
    use std::io::Write;
    let mut out = fs::File::create(path).with_context(|| path.display().to_string())?;
    let (mut noise, mut piece) = (noise(0), vec![0; PIECE_BYTES]);
    let mut left = bytes;
    while left > 0 {
        let n = left.min(PIECE_BYTES as u64);
        let piece = &mut piece[..n as usize];
        noise.fill(piece);
        out.write_all(piece)?;
        left -= n;
    }
    Ok(())
}

/// Other bytes in place of some, somewhere in the file.
pub fn change(path: &Path, seed: u64, bytes: usize) -> anyhow::Result<()> {
    let file = fs::File::options().read(true).write(true).open(path)?;
    let (mut noise, mut other, mut place) = (noise(seed), vec![0; bytes], [0; 8]);
    noise.fill(&mut other);
    noise.fill(&mut place);
    let last = file.metadata()?.len() - bytes as u64;
    file.write_all_at(&other, u64::from_le_bytes(place) % (last + 1))?;
    Ok(())
}
