//! A path inside a workspace: parsed once at the border, trusted from there on.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ts_rs::TS;

/// Longest name of one file or folder, in bytes (Linux `NAME_MAX`).
pub const MAX_NAME_BYTES: usize = 255;
/// Longest path, in bytes (Linux `PATH_MAX`, less room for the workspace's own prefix).
pub const MAX_PATH_BYTES: usize = 3800;

/// A relative path without `.`, `..`, empty or over-long components. The root is the empty path.
///
/// Names on disk are bytes. On the wire a path is a string in which a byte that is not part of
/// valid UTF-8, and the backslash itself, is written `\xNN` (two lower-case hex digits); all else
/// stands for itself. The encoding is reversible.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default, TS)]
#[ts(type = "string")]
pub struct WorkspacePath(Vec<u8>);

/// Why a text is not a workspace path.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the path has an empty part, `.` or `..`")]
    Component,
    #[error("the path has a NUL character")]
    Nul,
    #[error("a name is longer than {MAX_NAME_BYTES} bytes")]
    NameTooLong,
    #[error("the path is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    #[error("a backslash must be written \\x5c")]
    Escape,
}

impl WorkspacePath {
    /// The workspace's top folder.
    pub fn root() -> Self {
        Self::default()
    }

    /// Checks raw bytes, as a file system gives them.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PathError> {
        if bytes.is_empty() {
            return Ok(Self::root());
        }
        if bytes.len() > MAX_PATH_BYTES {
            return Err(PathError::TooLong);
        }
        if bytes.contains(&0) {
            return Err(PathError::Nul);
        }
        for name in bytes.split(|b| *b == b'/') {
            match name {
                b"" | b"." | b".." => return Err(PathError::Component),
                n if n.len() > MAX_NAME_BYTES => return Err(PathError::NameTooLong),
                _ => {}
            }
        }
        Ok(Self(bytes.to_vec()))
    }

    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The path as the operating system takes it, relative to the workspace's top folder.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }

    /// Where this path lies below `top`.
    pub fn under(&self, top: &Path) -> PathBuf {
        if self.is_root() {
            return top.to_path_buf();
        }
        top.join(self.as_path())
    }

    /// The last component; `None` for the root.
    pub fn name(&self) -> Option<&OsStr> {
        self.as_path().file_name()
    }

    /// The folder that holds this; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|b| *b == b'/').unwrap_or(0);
        Some(Self(self.0[..end].to_vec()))
    }

    /// The entry `name` of this folder.
    pub fn child(&self, name: &OsStr) -> Result<Self, PathError> {
        let mut bytes = self.0.clone();
        if !bytes.is_empty() {
            bytes.push(b'/');
        }
        bytes.extend_from_slice(name.as_bytes());
        if name.is_empty() || name.as_bytes().contains(&b'/') {
            return Err(PathError::Component);
        }
        Self::from_bytes(&bytes)
    }

    /// Whether this is `folder` itself or lies below it.
    pub fn starts_with(&self, folder: &Self) -> bool {
        folder.is_root()
            || self.0 == folder.0
            || (self.0.starts_with(&folder.0) && self.0.get(folder.0.len()) == Some(&b'/'))
    }

    /// The same entry after `from` was moved to `to`; `None` when it does not lie below `from`.
    pub fn rebase(&self, from: &Self, to: &Self) -> Option<Self> {
        if !self.starts_with(from) || from.is_root() {
            return None;
        }
        let mut bytes = to.0.clone();
        bytes.extend_from_slice(&self.0[from.0.len()..]);
        Self::from_bytes(&bytes).ok()
    }
}

/// Writes bytes as on the wire: `\xNN` for a backslash and for what isn't UTF-8.
pub fn encode_name(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\\' {
                out.push_str("\\x5c")
            } else {
                out.push(c)
            }
        }
        for b in chunk.invalid() {
            out.push_str(&format!("\\x{b:02x}"));
        }
    }
    out
}

/// The reverse of [`encode_name`].
pub fn decode_name(text: &str) -> Result<OsString, PathError> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        if *first != b'\\' {
            out.push(*first);
            rest = tail;
            continue;
        }
        let [b'x', high, low, tail @ ..] = tail else {
            return Err(PathError::Escape);
        };
        let digit = |b: u8| (b as char).to_digit(16).ok_or(PathError::Escape);
        out.push((digit(*high)? * 16 + digit(*low)?) as u8);
        rest = tail;
    }
    Ok(OsString::from_vec(out))
}

impl FromStr for WorkspacePath {
    type Err = PathError;
    fn from_str(text: &str) -> Result<Self, PathError> {
        // Escapes quadruple a byte at most: refuse a monster before decoding it.
        if text.len() > MAX_PATH_BYTES * 4 {
            return Err(PathError::TooLong);
        }
        Self::from_bytes(decode_name(text)?.as_bytes())
    }
}

impl fmt::Display for WorkspacePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_name(&self.0))
    }
}

impl fmt::Debug for WorkspacePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", encode_name(&self.0))
    }
}

impl Serialize for WorkspacePath {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WorkspacePath {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_leaves_the_workspace_is_refused() {
        for bad in [
            "..",
            "../a",
            "a/../b",
            "/etc/passwd",
            "a//b",
            "a/",
            "./a",
            "a/./b",
        ] {
            assert_eq!(
                bad.parse::<WorkspacePath>(),
                Err(PathError::Component),
                "{bad}"
            );
        }
        assert_eq!("a\0b".parse::<WorkspacePath>(), Err(PathError::Nul));
        assert_eq!("\\x00".parse::<WorkspacePath>(), Err(PathError::Nul));
        assert_eq!(
            "\\x2e\\x2e/x".parse::<WorkspacePath>(),
            Err(PathError::Component)
        );
        assert_eq!("a\\b".parse::<WorkspacePath>(), Err(PathError::Escape));
    }

    #[test]
    fn limits_hold_at_their_edge() {
        assert!("x".repeat(MAX_NAME_BYTES).parse::<WorkspacePath>().is_ok());
        assert_eq!(
            "x".repeat(MAX_NAME_BYTES + 1).parse::<WorkspacePath>(),
            Err(PathError::NameTooLong)
        );
        let deep = "abc/".repeat(MAX_PATH_BYTES / 4);
        assert!(deep[..deep.len() - 1].parse::<WorkspacePath>().is_ok());
        assert_eq!(
            format!("{deep}abcdef").parse::<WorkspacePath>(),
            Err(PathError::TooLong)
        );
        assert_eq!(
            "x".repeat(5000).parse::<WorkspacePath>(),
            Err(PathError::TooLong)
        );
    }

    #[test]
    fn a_move_takes_along_only_what_lies_below() {
        let p = |s: &str| s.parse::<WorkspacePath>().unwrap();
        assert_eq!(p("a/b/c").rebase(&p("a/b"), &p("x")), Some(p("x/c")));
        assert_eq!(p("a/b").rebase(&p("a/b"), &p("x/y")), Some(p("x/y")));
        assert_eq!(p("a/bc").rebase(&p("a/b"), &p("x")), None);
    }

    proptest! {
        #[test]
        fn any_bytes_survive_the_wire(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let text = encode_name(&bytes);
            let decoded = decode_name(&text).unwrap();
            prop_assert_eq!(decoded.as_bytes(), &bytes[..]);
        }

        #[test]
        fn a_parsed_path_stays_below_its_top(text in ".{0,80}") {
            if let Ok(path) = text.parse::<WorkspacePath>() {
                let under = path.under(Path::new("/top"));
                prop_assert!(under.starts_with("/top"));
                prop_assert!(!under.components().any(|c| matches!(c, std::path::Component::ParentDir)));
            }
        }
    }
}
