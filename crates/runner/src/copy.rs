//! Copies a file, a link, or a folder with all in it; whole or not at all.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use alcove_protocol::WorkspacePath;

use crate::tree::{TEMPORARY_PREFIX, rename};

/// Most entries that are copied at once.
pub const MAX_COPIED: usize = 100_000;

/// Never replaces what is at `to`.
pub fn copy(top: &Path, from: &WorkspacePath, to: &WorkspacePath) -> io::Result<()> {
    if fs::symlink_metadata(to.under(top)).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let name = format!("{TEMPORARY_PREFIX}copy-{:016x}", rand::random::<u64>());
    let temporary: WorkspacePath = name.parse().map_err(io::Error::other)?;
    let full = temporary.under(top);
    let mut left = MAX_COPIED;
    let copied = copy_entry(&from.under(top), &full, &mut left);
    let done = copied.and_then(|()| rename(top, &temporary, to));
    if done.is_err() {
        // The name is one that is neither shown nor saved.
        let _ = fs::remove_dir_all(&full).or_else(|_| fs::remove_file(&full));
    }
    done
}

fn copy_entry(from: &Path, to: &Path, left: &mut usize) -> io::Result<()> {
    let too_many = || io::Error::other(format!("more than {MAX_COPIED} entries"));
    *left = left.checked_sub(1).ok_or_else(too_many)?;
    let meta = fs::symlink_metadata(from)?;
    if meta.is_symlink() {
        symlink(fs::read_link(from)?, to)
    } else if meta.is_dir() {
        fs::create_dir(to)?;
        for item in fs::read_dir(from)? {
            let item = item?;
            copy_entry(&item.path(), &to.join(item.file_name()), left)?;
        }
        fs::set_permissions(to, meta.permissions())
    } else if meta.is_file() {
        fs::copy(from, to).map(drop)
    } else {
        // A socket or a pipe is of the program that made it.
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_folder_is_copied_with_links_and_permissions_and_nothing_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path();
        let path = |text: &str| text.parse::<WorkspacePath>().unwrap();
        fs::create_dir_all(top.join("a/b")).unwrap();
        fs::write(top.join("a/b/run"), "x").unwrap();
        fs::set_permissions(top.join("a/b/run"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("b/run", top.join("a/link")).unwrap();
        copy(top, &path("a"), &path("c")).unwrap();
        let mode = fs::metadata(top.join("c/b/run"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o755);
        assert_eq!(
            fs::read_link(top.join("c/link")).unwrap(),
            Path::new("b/run")
        );
        let again = copy(top, &path("a"), &path("c")).unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AlreadyExists);
        let missing = copy(top, &path("none"), &path("d")).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        assert_eq!(fs::read_dir(top).unwrap().count(), 2);
    }
}
