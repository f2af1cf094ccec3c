//! What the tests share: a store that fails when it is told to, servers of S3, and pictures of folders.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::PathBuf;
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
    /// Requests until the one that fails; `None`: none does.
    countdown: Mutex<Option<(u32, Fault)>>,
    /// While it is so, requests wait.
    is_held: watch::Sender<bool>,
    waiting: AtomicUsize,
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
        *self.faults.countdown.lock().unwrap() = Some((requests, fault));
    }

    pub fn mend(&self) {
        *self.faults.countdown.lock().unwrap() = None;
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
        let due = {
            let mut countdown = self.countdown.lock().unwrap();
            match &mut *countdown {
                None => None,
                Some((0, fault)) => Some(std::mem::replace(fault, Fault::Before)),
                Some((left, _)) => {
                    *left -= 1;
                    None
                }
            }
        };
        match due {
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

/// Key, kind and content, mode, mtime in nanoseconds.
pub type Picture = BTreeMap<PathBuf, (String, u32, i128)>;

/// All that must survive, of everything below a folder.
pub fn picture(top: &std::path::Path) -> Picture {
    fn walk(top: &std::path::Path, dir: &std::path::Path, all: &mut Picture) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let meta = fs::symlink_metadata(&path).unwrap();
            let time = i128::from(meta.mtime()) * 1_000_000_000 + i128::from(meta.mtime_nsec());
            let name = path.strip_prefix(top).unwrap().to_owned();
            if meta.is_symlink() {
                all.insert(
                    name,
                    (
                        format!("-> {}", fs::read_link(&path).unwrap().display()),
                        0,
                        0,
                    ),
                );
            } else if meta.is_dir() {
                walk(top, &path, all);
                all.insert(
                    name,
                    ("folder".into(), meta.permissions().mode() & 0o7777, time),
                );
            } else {
                let hash = blake3::hash(&fs::read(&path).unwrap()).to_hex().to_string();
                all.insert(name, (hash, meta.permissions().mode() & 0o7777, time));
            }
        }
    }
    let mut all = Picture::new();
    for name in ["workspace", "home"] {
        walk(top, &top.join(name), &mut all);
    }
    all
}

const ACCESS: &str = "access-of-the-tests";
const SECRET: &str = "secret-of-the-tests";

/// A server that speaks S3, on this machine.
pub struct S3Server {
    child: std::process::Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl S3Server {
    /// moto, a model of S3 that `make test` installs.
    pub fn moto() -> Self {
        Self::start("moto/bin/moto_server", |command, port, _| {
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        })
    }

    /// versitygw, which people use: `make test-stores` builds it. Its buckets are folders.
    pub fn versitygw() -> Self {
        Self::start("versitygw/versitygw", |command, port, folder| {
            fs::create_dir(folder.join("bucket")).unwrap();
            command
                .args(["--access", ACCESS, "--secret", SECRET])
                .args(["--port", &format!("127.0.0.1:{port}"), "posix"])
                .arg(folder);
        })
    }

    /// Starts a program of `target/`, and waits until it has a bucket.
    fn start(
        program: &str,
        arguments: impl Fn(&mut std::process::Command, u16, &std::path::Path),
    ) -> Self {
        let program = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../target")
            .join(program);
        let folder = tempfile::tempdir().unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let mut command = std::process::Command::new(&program);
        arguments(&mut command, port, folder.path());
        let child = command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("{}: {e}. See `make help`.", program.display()));
        let server = Self {
            child,
            port,
            _folder: folder,
        };
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        while !server.has_bucket() {
            let in_time = std::time::Instant::now() < deadline;
            assert!(in_time, "the server has no bucket");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        server
    }

    /// moto makes one for whoever asks. Another says that we may not, once it answers.
    fn has_bucket(&self) -> bool {
        use std::io::{Read, Write};
        let ask = || -> std::io::Result<String> {
            let mut connection = std::net::TcpStream::connect(("127.0.0.1", self.port))?;
            write!(
                connection,
                "PUT /bucket HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
                self.port
            )?;
            let mut answer = String::new();
            connection.read_to_string(&mut answer)?;
            Ok(answer)
        };
        ask().is_ok_and(|answer| {
            ["HTTP/1.1 200", "HTTP/1.1 403"]
                .iter()
                .any(|a| answer.starts_with(a))
        })
    }

    /// A part of it that nothing else uses.
    pub fn store(&self, prefix: &str) -> alcove_volume::Store {
        let url = format!(
            "s3://bucket/{prefix}?endpoint=http://127.0.0.1:{}&region=us-east-1",
            self.port
        );
        let environment = [
            ("AWS_ACCESS_KEY_ID", ACCESS),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ];
        let environment = environment.map(|(key, value)| (key.to_owned(), value.to_owned()));
        alcove_volume::Store::open_with(&url, &environment.into()).unwrap()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
