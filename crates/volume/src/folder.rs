//! A store in a folder. The file system below it may go away while a server runs (a disk that is unplugged, a
//! network's share): what is written then must fail, instead of beginning another store in the empty place.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
    UploadPart,
};

/// Lies in each folder that is a store.
const MARK: &str = "alcove-store";
const MARK_SAYS: &str =
    "The files of an Alcove server: docs/reference/store-format.md of its sources.\n";

/// A folder, looked for before each request, and after those that write or find nothing: what is acknowledged
/// is in it, and what is missing is not.
#[derive(Debug)]
pub(crate) struct FolderStore {
    inner: LocalFileSystem,
    place: Place,
}

#[derive(Debug, Clone)]
struct Place {
    mark: PathBuf,
    /// One that was made before there were marks has none until a server works with it.
    is_marked: Arc<AtomicBool>,
}

impl Place {
    async fn check(&self) -> Result<()> {
        let is_marked = self.is_marked.load(Ordering::Acquire);
        // Of a file system that hangs nobody else must wait for the answer.
        if !is_marked || tokio::fs::try_exists(&self.mark).await.unwrap_or(false) {
            return Ok(());
        }
        let why = format!(
            "{} is not there: the store's folder was moved, or its file system is not mounted",
            self.mark.display()
        );
        Err(Error::Generic {
            store: "folder",
            source: why.into(),
        })
    }

    /// What was not found may only be away.
    async fn found<T>(&self, answer: Result<T>) -> Result<T> {
        if let Err(Error::NotFound { .. }) = &answer {
            self.check().await?;
        }
        answer
    }
}

#[derive(Debug)]
struct Upload {
    inner: Box<dyn MultipartUpload>,
    place: Place,
}

#[async_trait]
impl MultipartUpload for Upload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        let put = self.inner.complete().await?;
        self.place.check().await?;
        Ok(put)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

impl FolderStore {
    /// `create`: a folder that is missing is made.
    pub fn open(root: PathBuf, create: bool) -> std::io::Result<Self> {
        if create {
            std::fs::create_dir_all(&root)?;
        }
        // Other folders than this process's own may be the current one later.
        let root = root.canonicalize()?;
        let mark = root.join(MARK);
        Ok(Self {
            inner: LocalFileSystem::new_with_prefix(&root)?.with_fsync(true),
            place: Place {
                is_marked: Arc::new(mark.exists().into()),
                mark,
            },
        })
    }

    /// It is the right one: from now on it is known by a mark.
    pub async fn mark(&self) -> std::io::Result<()> {
        if !self.place.is_marked.load(Ordering::Acquire) {
            tokio::fs::write(&self.place.mark, MARK_SAYS).await?;
            self.place.is_marked.store(true, Ordering::Release);
        }
        Ok(())
    }

    async fn there(&self) -> Result<&LocalFileSystem> {
        self.place.check().await?;
        Ok(&self.inner)
    }

    /// What a listing does not have may only be away.
    fn stream<T: Send + 'static>(
        &self,
        begin: impl FnOnce(LocalFileSystem) -> BoxStream<'static, Result<T>> + Send + 'static,
    ) -> BoxStream<'static, Result<T>> {
        let (inner, before, after) = (self.inner.clone(), self.place.clone(), self.place.clone());
        let all = async move { before.check().await.map(|()| begin(inner)) };
        let end = async move { after.check().await.err().map(Err) };
        let end = futures_util::stream::once(end).filter_map(std::future::ready);
        let all = futures_util::stream::once(all).try_flatten();
        all.chain(end).boxed()
    }
}

impl fmt::Display for FolderStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for FolderStore {
    async fn put_opts(
        &self,
        at: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self.there().await?.put_opts(at, payload, options).await?;
        self.place.check().await?;
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Upload {
            inner: self.there().await?.put_multipart_opts(at, options).await?,
            place: self.place.clone(),
        }))
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        let got = self.there().await?.get_opts(at, options).await;
        self.place.found(got).await
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let got = self.there().await?.get_ranges(at, ranges).await;
        self.place.found(got).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.stream(|inner| inner.delete_stream(paths))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.cloned();
        self.stream(move |inner| inner.list(prefix.as_ref()))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (prefix, offset) = (prefix.cloned(), offset.clone());
        self.stream(move |inner| inner.list_with_offset(prefix.as_ref(), &offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.there().await?.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.there().await?.copy_opts(from, to, options).await?;
        self.place.check().await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.there().await?.rename_opts(from, to, options).await?;
        self.place.check().await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    #[tokio::test]
    async fn what_is_gone_is_not_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (root, away) = (folder.path().join("store"), folder.path().join("away"));
        let store = FolderStore::open(root.clone(), true).unwrap();
        store.mark().await.unwrap();
        let (known, new) = (Path::from("repl/known"), Path::from("repl/new"));
        store.put(&known, "one".into()).await.unwrap();
        std::fs::rename(&root, &away).unwrap();
        let refused = |error: Error| assert!(error.to_string().contains("is not there"), "{error}");
        refused(store.put(&new, "two".into()).await.unwrap_err());
        refused(store.put_multipart(&new).await.err().unwrap());
        refused(store.get(&known).await.err().unwrap());
        refused(store.delete(&known).await.unwrap_err());
        refused(store.copy(&known, &new).await.unwrap_err());
        refused(store.list(None).next().await.unwrap().unwrap_err());
        // As an empty mount point.
        std::fs::create_dir(&root).unwrap();
        refused(store.put(&new, "two".into()).await.unwrap_err());
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0);
        std::fs::remove_dir(&root).unwrap();
        std::fs::rename(&away, &root).unwrap();
        store.put(&new, "two".into()).await.unwrap();
        assert_eq!(
            store.get(&known).await.unwrap().bytes().await.unwrap(),
            "one"
        );
    }

    #[tokio::test]
    async fn a_folder_without_a_mark_can_be_used_and_gets_one_once_it_is_known() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let store = FolderStore::open(root.clone(), true).unwrap();
        store.put(&Path::from("a"), "one".into()).await.unwrap();
        assert!(
            !root.join(MARK).exists(),
            "whether it is the right one is not known"
        );
        store.mark().await.unwrap();
        assert!(root.join(MARK).exists());
        std::fs::remove_file(root.join(MARK)).unwrap();
        assert!(store.get(&Path::from("a")).await.is_err());
        assert!(FolderStore::open(root.join("missing"), false).is_err());
    }
}
