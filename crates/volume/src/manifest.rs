//! A manifest: every file of a workspace at one moment, and where its bytes are.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, percent_encode};
use serde::{Deserialize, Serialize};

/// The version of the format that is written.
pub const VERSION: u32 = 1;

/// What is escaped in a path besides control characters and bytes above 127 (RFC 3986 §2.1).
const ESCAPED: &AsciiSet = &CONTROLS.add(b'%');

/// One durable state of a workspace. In the store: JSON, compressed with zstd (RFC 8878).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    pub meta: Meta,
    /// Keys of the packs that entries refer to by their index.
    pub packs: Vec<String>,
    /// Sorted by path; a folder stands before what is in it.
    pub entries: Vec<Entry>,
}

/// What is known of the workspace beside its files, so that a database can be rebuilt from the store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Meta {
    pub name: String,
    pub owner: String,
    pub template: String,
    /// When it was written, milliseconds since 1970.
    pub written_ms: u64,
    /// For a template: digest of the files it was imported from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// For a template: its setup has been done, the result is among the entries.
    #[serde(default)]
    pub prepared: bool,
    /// Folders (names, or paths below `workspace/`) that are derived and replaceable.
    #[serde(default)]
    pub bulk: Vec<String>,
    /// Folders that are never saved.
    #[serde(default)]
    pub caches: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From the top: `workspace/…` or `home/…`; percent-encoded where it isn't printable ASCII.
    #[serde(rename = "p")]
    pub path: String,
    /// Permission bits.
    #[serde(rename = "m")]
    pub mode: u32,
    /// Nanoseconds since 1970.
    #[serde(rename = "t")]
    pub mtime_ns: i64,
    #[serde(flatten)]
    pub kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "k")]
pub enum Kind {
    #[serde(rename = "f")]
    File {
        #[serde(rename = "s")]
        size: u64,
        /// BLAKE3 of the content, hexadecimal.
        #[serde(rename = "h")]
        hash: String,
        /// Index into the manifest's packs.
        #[serde(rename = "a")]
        pack: u32,
        /// Where its frames lie in the pack.
        #[serde(rename = "o")]
        offset: u64,
        #[serde(rename = "l")]
        length: u64,
    },
    #[serde(rename = "d")]
    Folder,
    #[serde(rename = "y")]
    Symlink {
        /// Percent-encoded like a path.
        #[serde(rename = "g")]
        target: String,
    },
}

impl Manifest {
    pub fn empty(meta: Meta) -> Self {
        Self {
            version: VERSION,
            meta,
            packs: Vec::new(),
            entries: Vec::new(),
        }
    }

    pub fn encode(&self) -> Vec<u8> {
        let json = serde_json::to_vec(self).expect("a manifest has no maps with odd keys");
        zstd::bulk::compress(&json, 3).expect("compressing into memory does not fail")
    }

    /// Reads and checks; the error is for a log.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let json = zstd::stream::decode_all(bytes).map_err(|e| e.to_string())?;
        let manifest: Self = serde_json::from_slice(&json).map_err(|e| e.to_string())?;
        if manifest.version != VERSION {
            return Err(format!(
                "its version is {}, this program reads {VERSION}",
                manifest.version
            ));
        }
        // What lies in no folder of this manifest, or twice at one place, could be written through a
        // link.
        if let Some(stray) = manifest.strays().first() {
            return Err(format!(
                "{} lies in no folder",
                manifest.entries[*stray].path
            ));
        }
        for entry in &manifest.entries {
            let path = decode_path(&entry.path);
            let sound = path
                .split(|b| *b == b'/')
                .all(|n| !matches!(n, b"" | b"." | b".."))
                && !path.contains(&0);
            if !sound {
                return Err(format!("a path leads out of the workspace: {}", entry.path));
            }
            if let Kind::File { pack, .. } = entry.kind
                && pack as usize >= manifest.packs.len()
            {
                return Err(format!(
                    "{} refers to a pack that is not listed",
                    entry.path
                ));
            }
        }
        Ok(manifest)
    }

    /// Takes out every entry whose parent is not a folder here, and all but the first of a path.
    pub(crate) fn drop_strays(&mut self) {
        let strays = self.strays();
        let mut index = 0;
        self.entries.retain(|_| {
            index += 1;
            strays.binary_search(&(index - 1)).is_err()
        });
    }

    /// Indices of entries that are in no folder of this manifest, in order; entries must be sorted.
    fn strays(&self) -> Vec<usize> {
        let mut folders = std::collections::HashSet::from(["workspace", "home"]);
        let mut last = None;
        let mut strays = Vec::new();
        for (i, entry) in self.entries.iter().enumerate() {
            let path = entry.path.as_str();
            let parent = path.rsplit_once('/').map(|(parent, _)| parent);
            if parent.is_none_or(|p| !folders.contains(p)) || last == Some(path) {
                strays.push(i);
                continue;
            }
            last = Some(path);
            if entry.kind == Kind::Folder {
                folders.insert(path);
            }
        }
        strays
    }

    /// Whether a path lies in, or is, one of `rules`' folders: a rule without a slash is a folder's
    /// name anywhere in the workspace, one with a slash a path below `workspace/` or from the top.
    pub fn matches(rules: &[String], path: &str) -> bool {
        rules.iter().any(|rule| {
            if rule.contains('/') {
                let below = |p: &str| {
                    p == rule
                        || p.strip_prefix(rule.as_str())
                            .is_some_and(|r| r.starts_with('/'))
                };
                below(path) || path.strip_prefix("workspace/").is_some_and(below)
            } else {
                path.split('/').skip(1).any(|name| name == rule)
            }
        })
    }
}

/// Bytes of a path, as it is written in a manifest.
pub fn encode_path(bytes: &[u8]) -> String {
    percent_encode(bytes, ESCAPED).to_string()
}

/// The reverse of [`encode_path`].
pub fn decode_path(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn manifest(path: &str) -> Manifest {
        let mut manifest = Manifest::empty(Meta::default());
        manifest.entries.push(Entry {
            path: path.into(),
            mode: 0o644,
            mtime_ns: -1,
            kind: Kind::Folder,
        });
        manifest
    }

    #[test]
    fn it_survives_the_store() {
        let m = manifest("workspace/a%20b");
        assert_eq!(Manifest::decode(&m.encode()).unwrap(), m);
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for bad in [
            "workspace/../../etc",
            "/etc",
            "workspace//x",
            "workspace/%2e%2e/x",
            "workspace/%00",
        ] {
            assert!(Manifest::decode(&manifest(bad).encode()).is_err(), "{bad}");
        }
        assert!(Manifest::decode(b"nonsense").is_err());
    }

    #[test]
    fn nothing_lies_below_a_link() {
        let mut m = manifest("workspace/a");
        let link = Kind::Symlink {
            target: "/etc".into(),
        };
        m.entries.push(Entry {
            path: "workspace/b".into(),
            mode: 0,
            mtime_ns: 0,
            kind: link,
        });
        for path in [
            "workspace/a/x",
            "workspace/b/passwd",
            "workspace/b/passwd/y",
            "workspace/a",
        ] {
            let mut bad = m.clone();
            let entry = Entry {
                path: path.into(),
                mode: 0,
                mtime_ns: 0,
                kind: Kind::Folder,
            };
            bad.entries.push(entry);
            bad.entries.sort_by(|a, b| a.path.cmp(&b.path));
            let fine = path == "workspace/a/x";
            assert_eq!(Manifest::decode(&bad.encode()).is_ok(), fine, "{path}");
            bad.drop_strays();
            assert_eq!(bad.entries.len(), if fine { 3 } else { 2 }, "{path}");
            assert!(Manifest::decode(&bad.encode()).is_ok());
        }
    }

    #[test]
    fn rules_match_names_anywhere_and_paths_from_the_top() {
        let rules = [
            "node_modules".to_owned(),
            "build/out".to_owned(),
            "home/.cache".to_owned(),
        ];
        for path in [
            "workspace/node_modules",
            "workspace/a/node_modules/b/c.js",
            "workspace/build/out/x",
            "home/.cache/pip",
        ] {
            assert!(Manifest::matches(&rules, path), "{path}");
        }
        for path in [
            "workspace/node_modules2",
            "workspace/a/build/out",
            "workspace/build/outer",
            "home/.cached",
        ] {
            assert!(!Manifest::matches(&rules, path), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_name_survives(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert_eq!(decode_path(&encode_path(&bytes)), bytes);
        }
    }
}
