//! Steps that fail when they are told to, and a store of such steps, in memory.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
    UploadPart,
};
use tokio::sync::watch;

/// When a request fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing has been done.
    Before,
    /// It has been done, and the answer was lost.
    After,
}

/// In memory; one request may fail, and so do all after it until it is mended.
#[derive(Debug)]
pub struct FaultyStore {
    inner: Arc<InMemory>,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    due: Due,
    /// While it is so, requests wait.
    is_held: watch::Sender<bool>,
    waiting: AtomicUsize,
}

/// When a step fails, of those that are taken one after another.
#[derive(Debug, Default)]
pub struct Due(Mutex<Option<Plan>>);

#[derive(Debug)]
struct Plan {
    /// Steps until the one that fails.
    left: u32,
    fault: Fault,
    /// All after it fail too.
    lasts: bool,
}

impl Due {
    /// The step after `steps` others fails; `lasts`: and all after it, until that is mended.
    pub fn plan(&self, steps: u32, fault: Fault, lasts: bool) {
        let left = steps;
        *self.0.lock().unwrap() = Some(Plan { left, fault, lasts });
    }

    /// No step fails any more. Whether one was still to fail for the first time.
    pub fn mend(&self) -> bool {
        self.0.lock().unwrap().take().is_some()
    }

    /// A step is taken: whether it fails.
    pub fn step(&self) -> Option<Fault> {
        let mut plan = self.0.lock().unwrap();
        let now = plan.as_mut()?;
        if now.left > 0 {
            now.left -= 1;
            return None;
        }
        let fault = std::mem::replace(&mut now.fault, Fault::Before);
        if !now.lasts {
            *plan = None;
        }
        Some(fault)
    }
}

impl FaultyStore {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::default(),
            faults: Arc::default(),
        })
    }

    /// The request after `requests` others fails, and all after it.
    pub fn fail(&self, requests: u32, fault: Fault) {
        self.faults.due.plan(requests, fault, true);
    }

    pub fn mend(&self) {
        self.faults.due.mend();
    }

    /// When requests fail.
    pub fn due(&self) -> &Due {
        &self.faults.due
    }

    /// From now on requests wait, until it is told otherwise.
    pub fn hold(&self, is_held: bool) {
        self.faults.is_held.send_replace(is_held);
    }

    /// How many requests wait.
    pub fn waiting(&self) -> usize {
        self.faults.waiting.load(Ordering::SeqCst)
    }

    /// All keys that hold `part`.
    pub async fn keys(&self, part: &str) -> Vec<Key> {
        let all: Vec<ObjectMeta> = self.inner.list(None).try_collect().await.unwrap();
        let keys = all.into_iter().map(|object| object.location);
        keys.filter(|key| key.as_ref().contains(part)).collect()
    }

    /// An object is lost.
    pub async fn lose(&self, key: &Key) {
        self.inner.delete(key).await.unwrap();
    }
}

impl Faults {
    async fn request<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let mut held = self.is_held.subscribe();
        let _ = held.wait_for(|is_held| !is_held).await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        match self.due.step() {
            None => return work.await,
            Some(Fault::After) => drop(work.await),
            Some(Fault::Before) => {}
        }
        Err(Error::Generic {
            store: "faulty",
            source: "it was told to fail".into(),
        })
    }
}

#[derive(Debug)]
struct FaultyUpload {
    inner: Box<dyn MultipartUpload>,
    faults: Arc<Faults>,
}

#[async_trait]
impl MultipartUpload for FaultyUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (part, faults) = (self.inner.put_part(data), self.faults.clone());
        Box::pin(async move { faults.request(part).await })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.faults.request(self.inner.complete()).await
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

impl fmt::Display for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a store that fails when it is told to")
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        at: &Key,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let work = self.inner.put_opts(at, payload, options);
        self.faults.request(work).await
    }

    async fn put_multipart_opts(
        &self,
        at: &Key,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let work = self.inner.put_multipart_opts(at, options);
        Ok(Box::new(FaultyUpload {
            inner: self.faults.request(work).await?,
            faults: self.faults.clone(),
        }))
    }

    async fn get_opts(&self, at: &Key, options: GetOptions) -> Result<GetResult> {
        self.faults.request(self.inner.get_opts(at, options)).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Key>>,
    ) -> BoxStream<'static, Result<Key>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        let (inner, faults, prefix) = (self.inner.clone(), self.faults.clone(), prefix.cloned());
        let asked = async move { faults.request(async { Ok(()) }).await };
        futures_util::stream::once(asked)
            .map_ok(move |()| inner.list(prefix.as_ref()))
            .try_flatten()
            .boxed()
    }

    async fn list_with_delimiter(&self, prefix: Option<&Key>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Key, to: &Key, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
