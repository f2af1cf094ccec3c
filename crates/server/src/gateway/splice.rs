//! Threads that copy bytes between pages and runners, and do nothing else. A thread with an event loop
//! of its own is woken by the bytes themselves; a worker of the server's runtime would be woken for
//! other work as well, and wakes its siblings.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use alcove_socket::QuietStream;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use prometheus_client::metrics::counter::Counter;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::metrics::SessionBytes;
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

    /// Copies in both directions until both sides have closed, one fails, or `end` has come.
    pub async fn splice(
        &self,
        page: Upgraded,
        runner: runner::Upgraded,
        bytes: SessionBytes,
        end: impl Future<Output = ()>,
    ) -> io::Result<()> {
        let page = page
            .downcast::<TokioIo<TcpStream>>()
            .map_err(|_| io::Error::other("a session comes by TCP"))?;
        let (first_of_page, first_of_runner) = (page.read_buf, runner.buffer().to_vec());
        let page = page.io.into_inner().into_std()?;
        let runner = runner.into_inner().into_std();
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let copying = self.threads[turn % self.threads.len()].spawn(async move {
            // Registered with this thread's event loop.
            let (mut page, runner) = (TcpStream::from_std(page)?, QuietStream::new(runner)?);
            let (from_runner, mut to_runner) = tokio::io::split(runner);
            // What came along with the handshakes.
            page.write_all(&first_of_runner).await?;
            to_runner.write_all(&first_of_page).await?;
            let (from_page, to_page) = page.split();
            tokio::try_join!(
                pass(from_page, to_runner, &bytes.from_page),
                pass(from_runner, to_page, &bytes.from_runner),
            )?;
            Ok(())
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

/// Copies in one direction until its end, which it passes on.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    count: &Counter,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
        count.inc_by(read as u64);
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
