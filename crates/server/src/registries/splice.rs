//! Passes bytes on in both directions.

use std::io;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Instant;

const BUFFER_BYTES: usize = 16 * 1024;

/// Until both have ended, one has failed, or nothing has come for `idle`.
pub async fn splice(client: &mut UnixStream, registry: &mut TcpStream, idle: Duration) {
    let last = Mutex::new(Instant::now());
    let (from_client, to_client) = client.split();
    let (from_registry, to_registry) = registry.split();
    let both = async {
        tokio::try_join!(
            pump(from_client, to_registry, &last),
            pump(from_registry, to_client, &last)
        )
    };
    tokio::select! {
        done = both => {
            if let Err(error) = done {
                tracing::debug!(%error, "registries");
            }
        }
        () = is_idle(&last, idle) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    last: &Mutex<Instant>,
) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = from.read(&mut buffer).await?;
        *last.lock() = Instant::now();
        if read == 0 {
            return to.shutdown().await;
        }
        to.write_all(&buffer[..read]).await?;
    }
}

async fn is_idle(last: &Mutex<Instant>, idle: Duration) {
    loop {
        let until = *last.lock() + idle;
        if until <= Instant::now() {
            return;
        }
        tokio::time::sleep_until(until).await;
    }
}
