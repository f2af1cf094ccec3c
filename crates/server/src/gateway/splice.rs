//! Threads that copy bytes between pages and runners, and do nothing else. A thread with an event loop
//! of its own is woken by the bytes themselves; a worker of the server's runtime would be woken for
//! other work as well, and wakes its siblings.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use alcove_socket::QuietStream;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::runner;

/// Bytes that a splice holds in each direction.
const BUFFER_BYTES: usize = 64 * 1024;
/// Threads at most; as many as there are cores below that.
const MAX_THREADS: usize = 8;

/// The threads. They end with the process.
pub struct Splices {
    threads: Vec<Handle>,
    next: AtomicUsize,
}

impl Splices {
    pub fn start() -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..cores.min(MAX_THREADS))
            .map(|_| thread())
            .collect::<Result<_, _>>()?;
        Ok(Self {
            threads,
            next: AtomicUsize::new(0),
        })
    }

    /// Copies in both directions until both sides have closed, one fails, or `end` has come. Bytes
    /// from the page and from the runner.
    pub async fn splice(
        &self,
        page: Upgraded,
        runner: runner::Upgraded,
        end: impl Future<Output = ()>,
    ) -> io::Result<(u64, u64)> {
        let page = page
            .downcast::<TokioIo<TcpStream>>()
            .map_err(|_| io::Error::other("a session comes by TCP"))?;
        let (from_page, from_runner) = (page.read_buf, runner.buffer().to_vec());
        let page = page.io.into_inner().into_std()?;
        let runner = runner.into_inner().into_std();
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let copying = self.threads[turn % self.threads.len()].spawn(async move {
            // Registered with this thread's event loop.
            let (mut page, mut runner) = (TcpStream::from_std(page)?, QuietStream::new(runner)?);
            // What came along with the handshakes.
            page.write_all(&from_runner).await?;
            runner.write_all(&from_page).await?;
            tokio::io::copy_bidirectional_with_sizes(
                &mut page,
                &mut runner,
                BUFFER_BYTES,
                BUFFER_BYTES,
            )
            .await
        });
        let abort = copying.abort_handle();
        tokio::select! {
            copied = copying => copied.map_err(io::Error::other)?,
            () = end => {
                abort.abort();
                Err(io::Error::other("signed out"))
            }
        }
    }
}

fn thread() -> io::Result<Handle> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let handle = runtime.handle().clone();
    std::thread::Builder::new()
        .name("splices".into())
        .spawn(move || runtime.block_on(std::future::pending::<()>()))?;
    Ok(handle)
}
