//! The loopback port by which package clients reach the server's way to registries, where the sandbox has no
//! network: bytes are passed on to a Unix socket, and nothing is looked at. In a thread of its own, so that no
//! download keeps a keystroke waiting.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::Semaphore;

/// Connections at once; others wait. The server has the same limit.
const MAX_CONNECTIONS: usize = 64;
/// Until the next is accepted after one could not be.
const AGAIN: Duration = Duration::from_millis(100);

/// While the server is started anew.
const AWAY: &[u8] = b"HTTP/1.1 503 The server is being started anew: try again\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Listens where `ALCOVE_REGISTRIES_WAY` says, `address,socket`; the port. `None`: it says nothing.
pub fn open() -> anyhow::Result<Option<u16>> {
    let Ok(text) = std::env::var("ALCOVE_REGISTRIES_WAY") else {
        return Ok(None);
    };
    let (address, socket) = text.split_once(',').context("ALCOVE_REGISTRIES_WAY")?;
    let address: SocketAddr = address.parse().context("ALCOVE_REGISTRIES_WAY")?;
    let listener = TcpListener::bind(address).with_context(|| format!("listening on {address}"))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let socket = PathBuf::from(socket);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    std::thread::Builder::new()
        .name("registries".into())
        .spawn(move || {
            if let Err(error) = runtime.block_on(serve(listener, socket)) {
                tracing::error!(%error, "the way to registries has ended");
            }
        })?;
    Ok(Some(port))
}

async fn serve(listener: TcpListener, socket: PathBuf) -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let (places, socket) = (Arc::new(Semaphore::new(MAX_CONNECTIONS)), Arc::new(socket));
    loop {
        let place = places.clone().acquire_owned().await;
        match listener.accept().await {
            Ok((client, _)) => {
                let socket = socket.clone();
                tokio::spawn(async move {
                    let _place = place;
                    if let Err(error) = pass(client, &socket).await {
                        tracing::debug!(%error, "the way to registries");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the way to registries");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

async fn pass(mut client: TcpStream, socket: &Path) -> std::io::Result<()> {
    let Ok(mut server) = UnixStream::connect(socket).await else {
        // What nobody has read has the kernel reset the connection, and the answer is lost.
        let _ = client.read(&mut [0; 4096]).await?;
        return client.write_all(AWAY).await;
    };
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_are_passed_on_and_who_finds_nobody_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("proxy.sock");
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, path.clone()));
        let asked = async || {
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(b"asked").await.unwrap();
            client.shutdown().await.unwrap();
            let mut said = String::new();
            client.read_to_string(&mut said).await.unwrap();
            said
        };
        assert!(asked().await.starts_with("HTTP/1.1 503 "));
        let server = tokio::net::UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = server.accept().await.unwrap();
            let mut said = Vec::new();
            stream.read_to_end(&mut said).await.unwrap();
            said.make_ascii_uppercase();
            stream.write_all(&said).await.unwrap();
        });
        assert_eq!(asked().await, "ASKED");
    }
}
