//! The object store, seen as manifests and packs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::backend::{self, Environment};
use crate::folder::FolderStore;
use crate::manifest::{Manifest, Tree};
use crate::{Result, VolumeError};

/// Largest manifest that is read, in bytes, compressed.
pub(crate) const MAX_MANIFEST_BYTES: u64 = 256 * 1024 * 1024;

/// Requests for the history, or for files of a state, that may read manifests at once: each may be large.
/// Starts and saves of repls don't wait for them.
pub const MAX_READERS: usize = 8;

/// What is larger is uploaded in parts of this many bytes,
const PART_BYTES: usize = 8 * 1024 * 1024;
/// so many at once.
const PARTS_AT_ONCE: usize = 3;

/// Where garbage collection keeps its lists.
const CONDEMNED: &str = "gc/condemned";

/// Where a workspace lies in the store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// `repl/base/<name>`
    Template(String),
    /// `repl/code/<id>`
    Repl(String),
}

impl Location {
    pub(crate) fn prefix(&self) -> String {
        match self {
            Self::Template(name) => format!("repl/base/{name}"),
            Self::Repl(id) => format!("repl/code/{id}"),
        }
    }

    pub(crate) fn manifest(&self, number: u64) -> Path {
        // Twenty digits: names sort like the numbers.
        Path::from(format!("{}/manifests/{number:020}", self.prefix()))
    }

    /// Where a manifest lies, and its number, by its key.
    pub(crate) fn of_manifest(key: &str) -> Option<(Self, u64)> {
        let (at, folder, number) = Self::of(key)?;
        (folder == "manifests").then_some((at, number.parse().ok()?))
    }

    /// Where a named state lies, and its number, by its key.
    pub(crate) fn of_named(key: &str) -> Option<(Self, u64)> {
        let (at, folder, name) = Self::of(key)?;
        let (number, _) = name.split_once('-')?;
        (folder == "named").then_some((at, number.parse().ok()?))
    }

    fn of(key: &str) -> Option<(Self, &str, &str)> {
        let parts: Vec<&str> = key.split('/').collect();
        let ["repl", kind, name, folder, file] = parts[..] else {
            return None;
        };
        let at = match kind {
            "base" => Self::Template(name.to_owned()),
            "code" => Self::Repl(name.to_owned()),
            _ => return None,
        };
        Some((at, folder, file))
    }

    /// A key for a named state, which was never used.
    pub(crate) fn new_named(&self, number: u64) -> String {
        format!("{}/named/{number:020}-{}", self.prefix(), new_id())
    }

    /// A key that was never used.
    pub(crate) fn new_pack(&self) -> String {
        format!("{}/packs/{}.tar.zst", self.prefix(), new_id())
    }

    fn new_tree(&self) -> String {
        format!("{}/bulk/{}.tar.zst", self.prefix(), new_id())
    }
}

/// An id that nothing else has.
pub(crate) fn new_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// What lies under a key.
pub(crate) struct Object {
    pub key: String,
    pub bytes: u64,
    /// Milliseconds since 1970, by the store's clock.
    pub modified_ms: u64,
}

/// A handle to the store; clones share it.
#[derive(Clone)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    /// That it is in, if it is in one.
    folder: Option<Arc<FolderStore>>,
    counts: Arc<Counts>,
    readers: Arc<Semaphore>,
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
    /// Opens the store at `url`: [`FORMS`](crate::FORMS). A folder is made when it is missing. Settings
    /// may follow a `?`; credentials come from the environment. Nothing is asked of it yet.
    pub fn open(url: &str) -> Result<Self> {
        Self::open_with(url, &std::env::vars().collect())
    }

    /// The same, with credentials of S3 from another environment.
    pub fn open_with(url: &str, environment: &Environment) -> Result<Self> {
        let (inner, folder) = backend::open(url, true, environment)?;
        Ok(Self::new(inner, folder))
    }

    /// The same, but a folder that is missing is an error.
    pub fn open_existing(url: &str) -> Result<Self> {
        let (inner, folder) = backend::open(url, false, &std::env::vars().collect())?;
        Ok(Self::new(inner, folder))
    }

    fn new(inner: Arc<dyn ObjectStore>, folder: Option<Arc<FolderStore>>) -> Self {
        Self {
            inner,
            folder,
            counts: Arc::default(),
            readers: Arc::new(Semaphore::new(MAX_READERS)),
        }
    }

    /// Over any backend; for tests.
    pub fn over(inner: Arc<dyn ObjectStore>) -> Self {
        Self::new(inner, None)
    }

    /// Waits for a place among those who read states, in the order in which they came.
    pub(crate) async fn reading(&self) -> SemaphorePermit<'_> {
        let place = self.readers.acquire().await;
        place.expect("nobody closes it")
    }

    /// Whether what is saved is on this machine's own disk.
    pub fn is_local(&self) -> bool {
        self.folder.is_some()
    }

    /// It is the right one: a folder is known by a mark from now on, and nothing is begun where it is missing.
    pub async fn mark(&self) -> Result<()> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let marked = folder.mark().await;
        marked.map_err(|e| VolumeError::local("the store's mark", e))
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
        let key = Path::from(format!("probe/{}", new_id()));
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

    /// Whether any repl is in it.
    pub async fn has_repls(&self) -> Result<bool> {
        count(&self.counts.list);
        let mut repls = self.inner.list(Some(&Path::from("repl/code")));
        Ok(repls.try_next().await?.is_some())
    }

    /// The newest manifest with its number; `None` when there is none. `after`: a number that is known to
    /// exist. It is mostly the newest: then this takes one round trip, else two.
    pub async fn head(&self, at: &Location, after: u64) -> Result<Option<(u64, Manifest)>> {
        if after > 0 {
            let (newer, known) =
                futures_util::join!(self.newest(at, after), self.manifest(at, after));
            match (newer?, known) {
                (Some(number), _) => return Ok(Some((number, self.manifest(at, number).await?))),
                // It is not there: the store is older than who remembers, a backup for instance.
                (None, Err(VolumeError::Missing(_))) => {}
                (None, known) => return known.map(|manifest| Some((after, manifest))),
            }
        }
        match self.newest(at, 0).await? {
            Some(number) => Ok(Some((number, self.manifest(at, number).await?))),
            None => Ok(None),
        }
    }

    /// The highest number of a manifest that is above `after`, if there is one.
    async fn newest(&self, at: &Location, after: u64) -> Result<Option<u64>> {
        let folder = Path::from(format!("{}/manifests", at.prefix()));
        count(&self.counts.list);
        let mut list = match after {
            0 => self.inner.list(Some(&folder)),
            n => self.inner.list_with_offset(Some(&folder), &at.manifest(n)),
        };
        let mut newest = None;
        while let Some(object) = list.try_next().await? {
            let number = object.location.filename().and_then(|n| n.parse().ok());
            newest = newest.max(number);
        }
        Ok(newest)
    }

    /// One manifest.
    pub async fn manifest(&self, at: &Location, number: u64) -> Result<Manifest> {
        self.document(at.manifest(number), Manifest::decode).await
    }

    /// All objects below `prefix`.
    pub(crate) async fn objects(&self, prefix: &str) -> Result<Vec<Object>> {
        count(&self.counts.list);
        let objects = self.inner.list(Some(&Path::from(prefix)));
        let objects = objects.map_ok(|object| Object {
            key: object.location.to_string(),
            bytes: object.size,
            modified_ms: u64::try_from(object.last_modified.timestamp_millis()).unwrap_or(0),
        });
        Ok(objects.try_collect().await?)
    }

    /// Deletes an object; one that is gone already is fine.
    pub(crate) async fn delete(&self, key: &str) -> Result<()> {
        count(&self.counts.delete);
        match self.inner.delete(&Path::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) async fn delete_manifest(&self, at: &Location, number: u64) -> Result<()> {
        self.delete(at.manifest(number).as_ref()).await
    }

    /// The newest list of what is condemned, with its number.
    pub(crate) async fn last_condemned(&self) -> Result<Option<(u64, Bytes)>> {
        let lists = self.objects(CONDEMNED).await?;
        let Some(newest) = lists.into_iter().map(|object| object.key).max() else {
            return Ok(None);
        };
        let name = newest.rsplit('/').next().unwrap_or_default();
        let number = name
            .parse()
            .map_err(|_| VolumeError::Damaged(newest.clone(), "its name is no number".into()))?;
        count(&self.counts.get);
        let answer = self.inner.get(&Path::from(newest)).await?;
        Ok(Some((number, answer.bytes().await?)))
    }

    /// Writes the next list, and deletes those before it.
    pub(crate) async fn put_condemned(&self, number: u64, list: Vec<u8>) -> Result<()> {
        let before = self.objects(CONDEMNED).await?;
        let key = Path::from(format!("{CONDEMNED}/{number:020}"));
        count(&self.counts.put);
        let options = PutOptions::from(PutMode::Create);
        match self.inner.put_opts(&key, list.into(), options).await {
            Ok(_) => {}
            Err(object_store::Error::AlreadyExists { .. }) => {
                return Err(VolumeError::Limit(
                    "another garbage collection is at work: try again when it is done".into(),
                ));
            }
            Err(error) => return Err(error.into()),
        }
        for object in before {
            self.delete(&object.key).await?;
        }
        Ok(())
    }

    /// Ids of all repls that have a manifest, sorted.
    pub async fn repls(&self) -> Result<Vec<String>> {
        let mut ids = Vec::new();
        for object in self.objects("repl/code").await? {
            if let Some((Location::Repl(id), _)) = Location::of_manifest(&object.key) {
                ids.push(id);
            }
        }
        ids.sort();
        ids.dedup();
        Ok(ids)
    }

    /// A sub-manifest.
    pub(crate) async fn tree(&self, key: &str) -> Result<Tree> {
        self.document(Path::from(key), Tree::decode).await
    }

    async fn document<T: Send + 'static>(
        &self,
        key: Path,
        decode: fn(&[u8]) -> Result<T, String>,
    ) -> Result<T> {
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
            decode(&bytes).map_err(|e| VolumeError::Damaged(key.to_string(), e))
        })
        .await
    }

    /// Writes a sub-manifest: its key.
    pub(crate) async fn put_tree(&self, at: &Location, tree: &Tree) -> Result<String> {
        let key = at.new_tree();
        count(&self.counts.put);
        let payload = tree.encode()?.into();
        let options = PutOptions::from(PutMode::Create);
        self.inner
            .put_opts(&Path::from(key.as_str()), payload, options)
            .await?;
        Ok(key)
    }

    /// Makes manifest `number`; [`VolumeError::Replaced`] when there is one already.
    pub async fn put_manifest(
        &self,
        at: &Location,
        number: u64,
        manifest: &Manifest,
    ) -> Result<()> {
        let bytes = manifest.encode()?;
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

    /// Deletes all states of a repl, named ones too. What its packs hold may be shared: garbage collection
    /// sees to them.
    pub async fn delete_manifests(&self, at: &Location) -> Result<()> {
        for folder in ["named", "manifests"] {
            for object in self.objects(&format!("{}/{folder}", at.prefix())).await? {
                self.delete(&object.key).await?;
            }
        }
        Ok(())
    }

    /// A manifest, by its key.
    pub(crate) async fn manifest_at(&self, key: &str) -> Result<Manifest> {
        self.document(Path::from(key), Manifest::decode).await
    }

    /// Writes a manifest under a key that was never used.
    pub(crate) async fn put_manifest_at(&self, key: &str, manifest: &Manifest) -> Result<()> {
        count(&self.counts.put);
        let payload = manifest.encode()?.into();
        let options = PutOptions::from(PutMode::Create);
        self.inner
            .put_opts(&Path::from(key), payload, options)
            .await?;
        Ok(())
    }

    /// Bytes of a pack, all of those asked for.
    pub(crate) async fn range(&self, key: &str, range: std::ops::Range<u64>) -> Result<Bytes> {
        count(&self.counts.get);
        let path = Path::from(key);
        let wanted = range.end - range.start;
        let too_short = || VolumeError::Damaged(key.to_owned(), "it is too short".into());
        match self.inner.get_range(&path, range.clone()).await {
            Ok(bytes) if bytes.len() as u64 == wanted => Ok(bytes),
            Ok(_) => Err(too_short()),
            Err(object_store::Error::NotFound { .. }) => Err(VolumeError::Missing(key.to_owned())),
            // How a range beyond the end is refused is each backend's own.
            Err(error) => match self.inner.head(&path).await {
                Ok(meta) if meta.size < range.end => Err(too_short()),
                _ => Err(error.into()),
            },
        }
    }

    /// Begins an object of unknown length: a small one is one request.
    pub(crate) fn begin(&self, key: &str) -> BufWriter {
        count(&self.counts.put);
        BufWriter::with_capacity(self.inner.clone(), Path::from(key), PART_BYTES)
            .with_max_concurrency(PARTS_AT_ONCE)
    }
}
