//! The store of the section: versitygw, an S3 server that is used in production, on this machine.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

pub const ACCESS: &str = "access-of-the-bench";
pub const SECRET: &str = "secret-of-the-bench";
pub const REGION: &str = "us-east-1";
pub const BUCKET: &str = "bucket";

/// How long it may take to start.
const START: Duration = Duration::from_secs(60);

/// It ends when this is dropped.
pub struct Server {
    _child: Child,
    pub address: SocketAddr,
}

impl Server {
    /// `program`: what `make bench` has built. Objects are files below `dir`, which must be empty.
    pub async fn start(program: &Path, dir: &Path) -> anyhow::Result<Self> {
        ensure!(
            program.exists(),
            "{} is missing: `make bench SECTION=storage` builds it, where Go is",
            program.display()
        );
        std::fs::create_dir(dir.join(BUCKET))?;
        let free = TcpListener::bind("127.0.0.1:0")?;
        let address = free.local_addr()?;
        drop(free);
        let mut child = Command::new(program)
            .args(["--access", ACCESS, "--secret", SECRET])
            .args(["--port", &address.to_string(), "posix"])
            .arg(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| program.display().to_string())?;
        let deadline = Instant::now() + START;
        while TcpStream::connect(address).await.is_err() {
            ensure!(child.try_wait()?.is_none(), "the store's server has ended");
            ensure!(
                Instant::now() < deadline,
                "the store's server does not answer"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Self {
            _child: child,
            address,
        })
    }
}
