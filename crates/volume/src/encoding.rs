//! How manifests are written: as a tar archive in one zstd frame (RFC 8878), in which a JSON file comes
//! first and then the files whose content is in the manifest itself. So `tar` and `zstd` read all of it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, BufWriter, Read, Write};
use std::sync::Arc;

use blake3::Hash;
use bytes::Bytes;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::VolumeError;
use crate::manifest::{
    BulkRef, Chunk, Entry, Kind, Manifest, Meta, Place, Span, Tree, decode_path,
};
use crate::pack::{END, header, padding};
use crate::store::MAX_MANIFEST_BYTES;
use crate::upload::{inlined_content, set_place};

/// The version of the format that is written. Version 1 is read too: it is the JSON alone, and lists
/// bulk among the rest.
pub const VERSION: u32 = 2;
/// The JSON's name in the archive.
const MANIFEST: &str = "manifest.json";
const TREE: &str = "tree.json";
/// Largest manifest, unpacked.
const MAX_BYTES: u64 = 1024 * 1024 * 1024;
const LEVEL: i32 = 3;

/// What a manifest says, as it is written.
#[derive(Serialize)]
struct Root<'a> {
    version: u32,
    meta: &'a Meta,
    epoch: u64,
    #[serde(skip_serializing_if = "is_false")]
    begins: bool,
    writer: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bulk: Option<&'a BulkRef>,
    packs: &'a [String],
    #[serde(serialize_with = "write_rows")]
    entries: &'a [Arc<Entry>],
}

#[derive(Serialize)]
struct SubTree<'a> {
    version: u32,
    packs: &'a [String],
    #[serde(serialize_with = "write_rows")]
    entries: &'a [Arc<Entry>],
}

/// The same as it is read: content that is in the manifest itself is not in its entry yet.
#[derive(Deserialize)]
struct RootRead {
    version: u32,
    meta: Meta,
    #[serde(default)]
    epoch: u64,
    #[serde(default)]
    begins: bool,
    #[serde(default)]
    writer: String,
    #[serde(default)]
    bulk: Option<BulkRef>,
    packs: Vec<String>,
    #[serde(deserialize_with = "read_rows")]
    entries: Vec<Arc<Entry>>,
}

#[derive(Deserialize)]
struct SubTreeRead {
    version: u32,
    packs: Vec<String>,
    #[serde(deserialize_with = "read_rows")]
    entries: Vec<Arc<Entry>>,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq)]
enum KindRow {
    #[serde(rename = "f")]
    File,
    #[serde(rename = "d")]
    Folder,
    #[serde(rename = "y")]
    Symlink,
}

/// An entry, flat: thousands of them are read when a repl starts. Each is there for its own moment only.
#[derive(Serialize, Deserialize)]
struct Row<'a> {
    #[serde(borrow)]
    p: Cow<'a, str>,
    m: u32,
    t: i64,
    k: KindRow,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    s: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    h: Option<Hex>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    o: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    l: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    c: Vec<ChunkRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    g: Option<Cow<'a, str>>,
}

/// Size, hash, pack, offset, length.
#[derive(Serialize, Deserialize)]
struct ChunkRow(u64, Hex, u32, u64, u64);

/// A hash in hexadecimal digits.
struct Hex(Hash);

impl Serialize for Hex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.to_hex())
    }
}

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let hex = Cow::<str>::deserialize(deserializer)?;
        let hash = Hash::from_hex(hex.as_bytes());
        let refused = |e| serde::de::Error::custom(format!("{hex} is no hash: {e}"));
        hash.map(Self).map_err(refused)
    }
}

fn write_rows<S: Serializer>(entries: &[Arc<Entry>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(entries.iter().map(|entry| Row::from(&**entry)))
}

fn read_rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Arc<Entry>>, D::Error> {
    struct Rows;
    impl<'de> Visitor<'de> for Rows {
        type Value = Vec<Arc<Entry>>;

        fn expecting(&self, out: &mut fmt::Formatter) -> fmt::Result {
            out.write_str("entries")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut rows: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(row) = rows.next_element::<Row>()? {
                let entry = Entry::try_from(row).map_err(serde::de::Error::custom)?;
                entries.push(Arc::new(entry));
            }
            entries.shrink_to_fit();
            Ok(entries)
        }
    }
    deserializer.deserialize_seq(Rows)
}

fn is_false(b: &bool) -> bool {
    !*b
}

impl Manifest {
    /// As it is stored; too large a one is refused.
    pub fn encode(&self) -> Result<Vec<u8>, VolumeError> {
        let root = Root {
            version: VERSION,
            meta: &self.meta,
            epoch: self.epoch,
            begins: self.begins,
            writer: &self.writer,
            bulk: self.bulk.as_ref(),
            packs: &self.sources.packs,
            entries: &self.sources.entries,
        };
        archive(MANIFEST, &root, &self.sources)
    }

    /// Reads and checks; the error is for a log.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (json, inline) = unarchive(MANIFEST, bytes)?;
        let root: RootRead = serde_json::from_slice(&json).map_err(|e| e.to_string())?;
        if !(1..=VERSION).contains(&root.version) {
            return Err(unknown(root.version));
        }
        let sources = tree(root.packs, root.entries, inline)?;
        // What lies in no folder of this manifest, or twice at one place, could be written through a
        // link.
        if let Some(stray) = sources.strays().first() {
            return Err(format!(
                "{} lies in no folder",
                sources.entries[*stray].path
            ));
        }
        Ok(Self {
            meta: root.meta,
            epoch: root.epoch,
            begins: root.begins,
            writer: root.writer,
            sources,
            bulk: root.bulk,
        })
    }
}

impl Tree {
    /// As a sub-manifest.
    pub fn encode(&self) -> Result<Vec<u8>, VolumeError> {
        let row = SubTree {
            version: VERSION,
            packs: &self.packs,
            entries: &self.entries,
        };
        archive(TREE, &row, self)
    }

    /// Reads and checks; the error is for a log.
    pub fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (json, inline) = unarchive(TREE, bytes)?;
        let row: SubTreeRead = serde_json::from_slice(&json).map_err(|e| e.to_string())?;
        if row.version != VERSION {
            return Err(unknown(row.version));
        }
        let tree = tree(row.packs, row.entries, inline)?;
        match tree.stray_of_bulk() {
            Some(path) => Err(format!("{path} lies in no folder")),
            None => Ok(tree),
        }
    }
}

fn unknown(version: u32) -> String {
    format!("its version is {version}, this program reads up to {VERSION}")
}

fn archive(name: &str, row: &impl Serialize, tree: &Tree) -> Result<Vec<u8>, VolumeError> {
    // The JSON of very many files is never whole in memory: it is made twice, first to know its length.
    let mut length = Counted::new(io::sink());
    serde_json::to_writer(&mut length, row).expect("a manifest has no maps with odd keys");
    let mut plain_bytes = 0;
    let compressed = (|| {
        let out = zstd::stream::Encoder::new(Vec::new(), LEVEL)?;
        let mut out = Counted::new(BufWriter::new(out));
        out.write_all(&header(name, length.bytes, 0o644, 0))?;
        serde_json::to_writer(&mut out, row)?;
        out.pad()?;
        for entry in &tree.entries {
            if let Some(content) = inlined_content(entry) {
                let size = content.len() as u64;
                let head = header(&entry.path, size, entry.mode, entry.mtime_ns);
                out.write_all(&head)?;
                out.write_all(&content)?;
                out.pad()?;
            }
        }
        out.write_all(&END)?;
        plain_bytes = out.bytes;
        let out = out.inner.into_inner().map_err(|e| e.into_error())?;
        out.finish()
    })();
    let bytes = compressed.expect("compressing into memory does not fail");
    if plain_bytes > MAX_BYTES || bytes.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(VolumeError::Limit(format!(
            "the list of its {} files is too large to be saved: delete some, or name their folder under `caches`",
            tree.entries.len()
        )));
    }
    Ok(bytes)
}

/// Counts what is written.
struct Counted<W> {
    inner: W,
    bytes: u64,
}

impl<W: Write> Counted<W> {
    fn new(inner: W) -> Self {
        Self { inner, bytes: 0 }
    }

    /// Fills the last block of a tar archive.
    fn pad(&mut self) -> io::Result<()> {
        self.write_all(padding(self.bytes))
    }
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The JSON, and contents by path.
type Unarchived = (Bytes, HashMap<Vec<u8>, Bytes>);

fn unarchive(name: &str, bytes: &[u8]) -> Result<Unarchived, String> {
    let text = |e: std::io::Error| e.to_string();
    let mut plain = Vec::new();
    zstd::stream::Decoder::with_buffer(bytes)
        .and_then(|decoder| decoder.take(MAX_BYTES + 1).read_to_end(&mut plain))
        .map_err(text)?;
    if plain.len() as u64 > MAX_BYTES {
        return Err("it is larger than any that is written".into());
    }
    let plain = Bytes::from(plain);
    if plain.first() == Some(&b'{') {
        return Ok((plain, HashMap::new()));
    }
    let mut archive = tar::Archive::new(&plain[..]);
    let mut json = None;
    let mut inline = HashMap::new();
    for entry in archive.entries().map_err(text)? {
        let entry = entry.map_err(text)?;
        let at = entry.raw_file_position() as usize;
        let content = at
            .checked_add(entry.size() as usize)
            .filter(|end| *end <= plain.len())
            .map(|end| plain.slice(at..end))
            .ok_or("it is cut short")?;
        let path = entry.path_bytes().into_owned();
        if json.is_none() && path == name.as_bytes() {
            json = Some(content);
        } else {
            // A copy: the rest of the archive need not stay.
            inline.insert(path, Bytes::copy_from_slice(&content));
        }
    }
    Ok((json.ok_or_else(|| format!("{name} is not in it"))?, inline))
}

fn tree(
    packs: Vec<String>,
    mut entries: Vec<Arc<Entry>>,
    mut inline: HashMap<Vec<u8>, Bytes>,
) -> Result<Tree, String> {
    for entry in &mut entries {
        let path = decode_path(&entry.path);
        let sound = path
            .split(|b| *b == b'/')
            .all(|n| !matches!(n, b"" | b"." | b".."))
            && !path.contains(&0);
        if !sound {
            return Err(format!("a path leads out of the workspace: {}", entry.path));
        }
        if let Kind::File {
            size,
            place: Place::Inline(_),
            ..
        } = entry.kind
            && size > 0
        {
            let content = inline.remove(&path);
            let content = content.ok_or_else(|| format!("{} lacks its content", entry.path))?;
            set_place(Arc::make_mut(entry), Place::Inline(content));
        }
        if !is_as_large_as_it_says(&entry.kind) {
            return Err(format!("{} is not as large as it says", entry.path));
        }
        if entry.kind.spans().any(|s| s.pack as usize >= packs.len()) {
            return Err(format!(
                "{} refers to a pack that is not listed",
                entry.path
            ));
        }
    }
    Ok(Tree { packs, entries })
}

fn is_as_large_as_it_says(kind: &Kind) -> bool {
    match kind {
        Kind::File {
            size,
            place: Place::Inline(content),
            ..
        } => content.len() as u64 == *size,
        Kind::File {
            size,
            place: Place::Chunked(chunks),
            ..
        } => chunks.iter().map(|chunk| chunk.size).sum::<u64>() == *size,
        _ => true,
    }
}

impl<'a> From<&'a Entry> for Row<'a> {
    fn from(entry: &'a Entry) -> Self {
        let mut row = Row {
            p: Cow::Borrowed(&entry.path),
            m: entry.mode,
            t: entry.mtime_ns,
            k: KindRow::Folder,
            s: None,
            h: None,
            a: None,
            o: None,
            l: None,
            c: Vec::new(),
            g: None,
        };
        match &entry.kind {
            Kind::Folder => {}
            Kind::Symlink { target } => {
                (row.k, row.g) = (KindRow::Symlink, Some(Cow::Borrowed(target.as_str())));
            }
            Kind::File { size, hash, place } => {
                (row.k, row.s) = (KindRow::File, Some(*size));
                row.h = Some(Hex(*hash));
                match place {
                    Place::Inline(_) => {}
                    Place::Packed(Span {
                        pack,
                        offset,
                        length,
                    }) => {
                        (row.a, row.o, row.l) = (Some(*pack), Some(*offset), Some(*length));
                    }
                    Place::Chunked(chunks) => row.c = chunks.iter().map(ChunkRow::from).collect(),
                }
            }
        }
        row
    }
}

impl TryFrom<Row<'_>> for Entry {
    type Error = String;

    /// Content that is in the manifest is still to come.
    fn try_from(row: Row<'_>) -> Result<Self, String> {
        let lacks = |what: &str| format!("{} lacks {what}", row.p);
        let kind = match row.k {
            KindRow::Folder => Kind::Folder,
            KindRow::Symlink => Kind::Symlink {
                target: row.g.ok_or_else(|| lacks("its target"))?.into_owned(),
            },
            KindRow::File => {
                let size = row.s.ok_or_else(|| lacks("its size"))?;
                let place = match (row.a, row.o, row.l) {
                    (Some(pack), Some(offset), Some(length)) => Place::Packed(Span {
                        pack,
                        offset,
                        length,
                    }),
                    _ if !row.c.is_empty() => {
                        Place::Chunked(row.c.iter().map(Chunk::from).collect())
                    }
                    _ => Place::Inline(Bytes::new()),
                };
                let Hex(hash) = row.h.ok_or_else(|| lacks("its hash"))?;
                Kind::File { size, hash, place }
            }
        };
        Ok(Self {
            path: row.p.into_owned(),
            mode: row.m,
            mtime_ns: row.t,
            kind,
        })
    }
}

impl From<&Chunk> for ChunkRow {
    fn from(chunk: &Chunk) -> Self {
        let Span {
            pack,
            offset,
            length,
        } = chunk.span;
        Self(chunk.size, Hex(chunk.hash), pack, offset, length)
    }
}

impl From<&ChunkRow> for Chunk {
    fn from(ChunkRow(size, Hex(hash), pack, offset, length): &ChunkRow) -> Self {
        Self {
            size: *size,
            hash: *hash,
            span: Span {
                pack: *pack,
                offset: *offset,
                length: *length,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(path: &str) -> Manifest {
        let mut manifest = Manifest::empty(Meta::default());
        manifest.sources.entries.push(Arc::new(Entry {
            path: path.into(),
            mode: 0o644,
            mtime_ns: -1,
            kind: Kind::Folder,
        }));
        manifest
    }

    #[test]
    fn it_survives_the_store() {
        let m = manifest("workspace/a%20b");
        assert_eq!(Manifest::decode(&m.encode().unwrap()).unwrap(), m);
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
            assert!(
                Manifest::decode(&manifest(bad).encode().unwrap()).is_err(),
                "{bad}"
            );
        }
        assert!(Manifest::decode(b"nonsense").is_err());
    }

    #[test]
    fn nothing_lies_below_a_link() {
        let mut m = manifest("workspace/a");
        let link = Kind::Symlink {
            target: "/etc".into(),
        };
        m.sources.entries.push(Arc::new(Entry {
            path: "workspace/b".into(),
            mode: 0,
            mtime_ns: 0,
            kind: link,
        }));
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
            bad.sources.entries.push(Arc::new(entry));
            bad.sources.entries.sort_by(|a, b| a.path.cmp(&b.path));
            let fine = path == "workspace/a/x";
            assert_eq!(
                Manifest::decode(&bad.encode().unwrap()).is_ok(),
                fine,
                "{path}"
            );
            bad.sources.drop_strays();
            assert_eq!(
                bad.sources.entries.len(),
                if fine { 3 } else { 2 },
                "{path}"
            );
            assert!(Manifest::decode(&bad.encode().unwrap()).is_ok());
        }
    }

    fn file(path: &str, content: &[u8], place: Place) -> Arc<Entry> {
        Arc::new(Entry {
            path: path.into(),
            mode: 0o644,
            mtime_ns: 1_500_000_000,
            kind: Kind::File {
                size: content.len() as u64,
                hash: blake3::hash(content),
                place,
            },
        })
    }

    #[test]
    fn contents_survive_in_all_places() {
        let span = |offset| Span {
            pack: 0,
            offset,
            length: 10,
        };
        let long = format!("workspace/{}", "x".repeat(250));
        let chunks = [3, 1].map(|size| Chunk {
            size,
            hash: blake3::hash(b"?"),
            span: span(size),
        });
        let mut m = Manifest::empty(Meta::default());
        (m.epoch, m.begins, m.writer) = (7, true, "w".into());
        m.bulk = Some(BulkRef {
            key: "k".into(),
            entries: 3,
            bytes: 9,
            home: Some(1),
        });
        m.sources.packs.push("repl/code/x/packs/y.tar.zst".into());
        m.sources.entries = vec![
            file(
                "workspace/a",
                b"inline",
                Place::Inline(Bytes::from_static(b"inline")),
            ),
            file("workspace/b", b"", Place::Inline(Bytes::new())),
            file("workspace/c", b"packed", Place::Packed(span(0))),
            file("workspace/d", b"abcd", Place::Chunked(chunks.to_vec())),
            file(&long, b"too", Place::Inline(Bytes::from_static(b"too"))),
        ];
        let bytes = m.encode().unwrap();
        assert_eq!(Manifest::decode(&bytes).unwrap(), m);
        assert!(Manifest::decode(&bytes[..bytes.len() - 8]).is_err());
        // A file that says another size than its chunks have, and one that refers to no pack.
        let mut bad = m.clone();
        bad.sources.entries[3] = file("workspace/d", b"abc", Place::Chunked(chunks.to_vec()));
        assert!(Manifest::decode(&bad.encode().unwrap()).is_err());
        bad.sources.entries[3] = file(
            "workspace/d",
            b"packed",
            Place::Packed(Span { pack: 1, ..span(0) }),
        );
        assert!(Manifest::decode(&bad.encode().unwrap()).is_err());
    }

    #[test]
    fn a_manifest_of_version_1_is_read() {
        let json = r#"{"version":1,"meta":{"name":"n","owner":"o","template":"t","written_ms":1},
            "packs":["p"],"entries":[{"p":"workspace/a","m":420,"t":5,"k":"f","s":3,
            "h":"c51af38587166e4723cc6d1e212f4cac6b251b260a0e40c7b2d1df92f63829c0","a":0,"o":0,"l":92}]}"#;
        let m = Manifest::decode(&zstd::bulk::compress(json.as_bytes(), 3).unwrap()).unwrap();
        assert_eq!((m.epoch, m.meta.name.as_str(), m.bulk), (0, "n", None));
        assert_eq!(m.sources.entries.len(), 1);
    }

    #[test]
    fn bulk_lies_in_folders_alone() {
        let folder = |path: &str| Entry {
            path: path.into(),
            mode: 0o755,
            mtime_ns: 0,
            kind: Kind::Folder,
        };
        let link = |path: &str| Entry {
            kind: Kind::Symlink { target: "/".into() },
            ..folder(path)
        };
        let read = |entries: Vec<Entry>| {
            let tree = Tree {
                packs: Vec::new(),
                entries: entries.into_iter().map(Arc::new).collect(),
            };
            Tree::decode(&tree.encode().unwrap())
        };
        // Sorted, the one stands between the other and what is in it.
        let fine = read(vec![
            folder("workspace/a/target"),
            folder("workspace/a/target.d"),
            folder("workspace/a/target/x"),
            link("workspace/a/target/x/y"),
        ]);
        assert_eq!(
            fine.unwrap().roots(),
            ["workspace/a/target", "workspace/a/target.d"]
        );
        for bad in [
            vec![link("workspace/a")],
            vec![
                folder("workspace/a"),
                link("workspace/a/b"),
                folder("workspace/a/b/c"),
            ],
            vec![folder("workspace/a"), folder("workspace/a/b/c")],
            vec![folder("workspace/a"), folder("workspace/a")],
        ] {
            assert!(read(bad.clone()).is_err(), "{bad:?}");
        }
    }
}
