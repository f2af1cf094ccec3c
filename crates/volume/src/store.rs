//! The object store, seen as manifests and packs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::manifest::Manifest;
use crate::{Result, VolumeError};

/// Largest manifest that is read, in bytes, compressed.
const MAX_MANIFEST_BYTES: u64 = 256 * 1024 * 1024;

/// Where a workspace lies in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `repl/base/<name>`
    Template(String),
    /// `repl/code/<id>`
    Repl(String),
}

impl Location {
    fn prefix(&self) -> String {
        match self {
            Self::Template(name) => format!("repl/base/{name}"),
            Self::Repl(id) => format!("repl/code/{id}"),
        }
    }

    fn manifest(&self, number: u64) -> Path {
        // Twenty digits: names sort like the numbers.
        Path::from(format!("{}/manifests/{number:020}", self.prefix()))
    }

    /// A key that was never used.
    pub(crate) fn new_pack(&self) -> String {
        format!(
            "{}/packs/{:032x}.tar.zst",
            self.prefix(),
            rand::random::<u128>()
        )
    }
}

/// A handle to the store; clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    is_local: bool,
    counts: Arc<Counts>,
}

/// Requests made, by kind.
#[derive(Default)]
struct Counts {
    get: AtomicU64,
    put: AtomicU64,
    list: AtomicU64,
    delete: AtomicU64,
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Store {
    /// Opens the store at `url`: a folder on this machine, as a path or `file:///path`. It is made
    /// when missing.
    pub fn open(url: &str) -> Result<Self> {
        let path = match url.split_once("://") {
            None => url,
            Some(("file", path)) => path,
            Some((scheme, _)) => {
                return Err(VolumeError::Limit(format!(
                    "a store at {scheme}:// is not supported: give a folder, or file:///folder"
                )));
            }
        };
        std::fs::create_dir_all(path)
            .map_err(|e| VolumeError::local(format!("the store's folder {path}"), e))?;
        let inner = LocalFileSystem::new_with_prefix(path)?.with_fsync(true);
        Ok(Self {
            inner: Arc::new(inner),
            is_local: true,
            counts: Arc::default(),
        })
    }

    /// Over any backend; for tests.
    pub fn over(inner: Arc<dyn ObjectStore>) -> Self {
        Self {
            inner,
            is_local: false,
            counts: Arc::default(),
        }
    }

    /// Whether what is saved is on this machine's own disk.
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// Requests made since it was opened, by kind.
    pub fn requests(&self) -> [(&'static str, u64); 4] {
        let c = &self.counts;
        [
            ("get", &c.get),
            ("put", &c.put),
            ("list", &c.list),
            ("delete", &c.delete),
        ]
        .map(|(kind, n)| (kind, n.load(Ordering::Relaxed)))
    }

    /// Tries what everything rests on: two creates of one key, of which the second must fail.
    pub async fn probe(&self) -> Result<()> {
        let key = Path::from(format!("probe/{:032x}", rand::random::<u128>()));
        let create = || {
            self.inner.put_opts(
                &key,
                PutPayload::from_static(b"probe"),
                PutMode::Create.into(),
            )
        };
        create().await?;
        let second = create().await;
        self.inner.delete(&key).await?;
        match second {
            Err(object_store::Error::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Err(VolumeError::Limit(
                "this store overwrites where it was told to create only if absent: workspaces would not be safe in it".into(),
            )),
        }
    }

    /// The newest manifest with its number; `None` when there is none. `after`: a number that is
    /// known to exist, so that the listing is short.
    pub async fn head(&self, at: &Location, after: u64) -> Result<Option<(u64, Manifest)>> {
        let folder = Path::from(format!("{}/manifests", at.prefix()));
        let mut newest = (after > 0).then_some(after);
        count(&self.counts.list);
        let mut list = match after {
            0 => self.inner.list(Some(&folder)),
            n => self.inner.list_with_offset(Some(&folder), &at.manifest(n)),
        };
        while let Some(object) = list.try_next().await? {
            let number = object.location.filename().and_then(|n| n.parse().ok());
            newest = newest.max(number);
        }
        let Some(number) = newest else {
            return Ok(None);
        };
        self.manifest(at, number).await.map(|m| Some((number, m)))
    }

    /// One manifest.
    pub async fn manifest(&self, at: &Location, number: u64) -> Result<Manifest> {
        let key = at.manifest(number);
        count(&self.counts.get);
        let answer = match self.inner.get(&key).await {
            Err(object_store::Error::NotFound { .. }) => {
                return Err(VolumeError::Missing(key.to_string()));
            }
            other => other?,
        };
        if answer.meta.size > MAX_MANIFEST_BYTES {
            return Err(VolumeError::Damaged(
                key.to_string(),
                "it is larger than any that is written".into(),
            ));
        }
        let bytes = answer.bytes().await?;
        crate::blocking(move || {
            Manifest::decode(&bytes).map_err(|e| VolumeError::Damaged(key.to_string(), e))
        })
        .await
    }

    /// Makes manifest `number`; [`VolumeError::Replaced`] when there is one already.
    pub async fn put_manifest(
        &self,
        at: &Location,
        number: u64,
        manifest: &Manifest,
    ) -> Result<()> {
        let bytes = manifest.encode();
        let options = PutOptions::from(PutMode::Create);
        count(&self.counts.put);
        match self
            .inner
            .put_opts(&at.manifest(number), bytes.into(), options)
            .await
        {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. }) => Err(VolumeError::Replaced),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes all manifests of a repl. What its packs hold may be shared, and stays.
    pub async fn delete_manifests(&self, at: &Location) -> Result<()> {
        let folder = Path::from(format!("{}/manifests", at.prefix()));
        let keys: Vec<Path> = self
            .inner
            .list(Some(&folder))
            .map_ok(|o| o.location)
            .try_collect()
            .await?;
        for key in keys {
            count(&self.counts.delete);
            match self.inner.delete(&key).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    pub(crate) async fn range(&self, key: &str, range: std::ops::Range<u64>) -> Result<Bytes> {
        count(&self.counts.get);
        match self.inner.get_range(&Path::from(key), range).await {
            Err(object_store::Error::NotFound { .. }) => Err(VolumeError::Missing(key.to_owned())),
            other => Ok(other?),
        }
    }

    /// Begins an object of unknown length.
    pub(crate) async fn begin(&self, key: &str) -> Result<object_store::WriteMultipart> {
        count(&self.counts.put);
        let upload = self.inner.put_multipart(&Path::from(key)).await?;
        Ok(object_store::WriteMultipart::new_with_chunk_size(
            upload,
            8 * 1024 * 1024,
        ))
    }
}
