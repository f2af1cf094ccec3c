//! Names that are unique on this machine, and the check of ids.

use std::path::Path;

use crate::SpawnError;

/// Eight hexadecimal digits that stand for a state folder: they keep the servers of one machine
/// apart. FNV-1a, which is stable over versions of Rust (unlike `DefaultHasher`).
pub fn short_hash(path: &Path) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in path.as_os_str().as_encoded_bytes() {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    format!("{:08x}", (hash ^ (hash >> 32)) as u32)
}

/// Ids become names of files, namespaces and control groups: anything else is refused.
pub fn check_id(id: &str) -> Result<(), SpawnError> {
    let fits = (1..=32).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    if fits {
        Ok(())
    } else {
        Err(SpawnError::Unable(format!(
            "{id:?} is no id: 1 to 32 characters of 0-9a-z"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_lower_case_ids_pass() {
        for good in ["a", "0", "abc123", &"z".repeat(32)] {
            assert!(check_id(good).is_ok(), "{good}");
        }
        for bad in ["", "A", "a-b", "../x", "a/b", "a\0", "ä", &"z".repeat(33)] {
            assert!(check_id(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn another_folder_has_another_hash() {
        assert_eq!(
            short_hash(Path::new("/srv/alcove")),
            short_hash(Path::new("/srv/alcove"))
        );
        assert_ne!(
            short_hash(Path::new("/srv/alcove")),
            short_hash(Path::new("/srv/alcove2"))
        );
        assert_eq!(short_hash(Path::new("/srv/alcove")).len(), 8);
    }
}
