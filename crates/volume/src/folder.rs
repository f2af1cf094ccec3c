//! A store in a folder. The file system below it may go away while a server runs (a disk that is unplugged, a
//! network's share): what is written then must fail, instead of beginning another store in the empty place.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
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

/// A folder, looked for before each request, and after those that write: what is acknowledged is in it.
#[derive(Debug)]
pub(crate) struct FolderStore {
    inner: LocalFileSystem,
    place: Place,
}

#[derive(Debug, Clone)]
struct Place {
    mark: PathBuf,
    /// One that was made before there were marks has none until a server opens it.
    is_marked: bool,
}

impl Place {
    fn check(&self) -> Result<()> {
        if !self.is_marked || self.mark.exists() {
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
        self.place.check()?;
        Ok(put)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

impl FolderStore {
    /// `create`: a folder that is missing is made, and marked.
    pub fn open(root: PathBuf, create: bool) -> std::io::Result<Self> {
        if create {
            std::fs::create_dir_all(&root)?;
        }
        // Other folders than this process's own may be the current one later.
        let root = root.canonicalize()?;
        let mark = root.join(MARK);
        if create && !mark.exists() {
            std::fs::write(&mark, MARK_SAYS)?;
        }
        Ok(Self {
            inner: LocalFileSystem::new_with_prefix(&root)?.with_fsync(true),
            place: Place {
                is_marked: mark.exists(),
                mark,
            },
        })
    }

    fn there(&self) -> Result<&LocalFileSystem> {
        self.place.check()?;
        Ok(&self.inner)
    }

    fn stream<T: Send + 'static>(
        &self,
        begin: impl FnOnce(&LocalFileSystem) -> BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        match self.there() {
            Ok(inner) => begin(inner),
            Err(error) => futures_util::stream::once(async { Err(error) }).boxed(),
        }
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
        let put = self.there()?.put_opts(at, payload, options).await?;
        self.place.check()?;
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        at: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Ok(Box::new(Upload {
            inner: self.there()?.put_multipart_opts(at, options).await?,
            place: self.place.clone(),
        }))
    }

    async fn get_opts(&self, at: &Path, options: GetOptions) -> Result<GetResult> {
        self.there()?.get_opts(at, options).await
    }

    async fn get_ranges(&self, at: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.there()?.get_ranges(at, ranges).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.stream(|inner| inner.delete_stream(paths))
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.stream(|inner| inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.stream(|inner| inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.there()?.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.there()?.copy_opts(from, to, options).await?;
        self.place.check()
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.there()?.rename_opts(from, to, options).await?;
        self.place.check()
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
    async fn a_folder_without_a_mark_can_be_read_and_gets_one_from_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        FolderStore::open(root.clone(), false)
            .unwrap()
            .there()
            .unwrap();
        assert!(!root.join(MARK).exists());
        FolderStore::open(root.clone(), true).unwrap();
        assert!(root.join(MARK).exists());
        assert!(FolderStore::open(root.join("missing"), false).is_err());
    }
}
