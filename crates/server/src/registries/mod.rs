//! The way to package registries for repls that have no network: a Unix socket in a folder that their sandboxes
//! show. It speaks HTTP's CONNECT (RFC 9110 §9.3.6), to listed hosts on port 443 alone, and passes on no TLS that
//! names another host.

mod addresses;
mod hello;
mod hosts;
mod places;
mod proxy;
mod request;
mod splice;

use std::fs::{File, Permissions};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alcove_spawner::REGISTRIES_SOCKET;
use anyhow::Context;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

pub use hosts::Hosts;
use places::Places;
pub use proxy::Proxy;
use request::{Head, PORT, Refusal};

const TIMES: Times = Times {
    head: Duration::from_secs(10),
    connect: Duration::from_secs(20),
    idle: Duration::from_secs(5 * 60),
};
/// Connections of one user of this machine at once: of one repl, where each has its own,
const MAX_OF_USER: usize = 64;
/// and of all.
const MAX_OF_ALL: usize = 1024;
/// Until the next is accepted after one could not be.
const AGAIN: Duration = Duration::from_millis(100);

/// How long is waited,
struct Times {
    /// until a request, and then the first of TLS, is there,
    head: Duration,
    /// until a registry has taken the connection,
    connect: Duration,
    /// and without a byte in either direction.
    idle: Duration,
}

/// What is reached, and how.
struct Way {
    times: Times,
    hosts: Hosts,
    proxy: Option<Proxy>,
    places: Arc<Places>,
}

/// Listens in `folder` until the answer is dropped.
pub(crate) fn start(
    folder: &Path,
    hosts: Hosts,
    proxy: Option<Proxy>,
) -> anyhow::Result<AbortOnDropHandle<()>> {
    let way = Way {
        times: TIMES,
        hosts,
        proxy,
        places: Arc::new(Places::new(MAX_OF_USER, MAX_OF_ALL)),
    };
    serve(folder, way).with_context(|| format!("the socket in {}", folder.display()))
}

fn serve(folder: &Path, way: Way) -> std::io::Result<AbortOnDropHandle<()>> {
    let (listener, way) = (listen(folder)?, Arc::new(way));
    let serving = tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => drop(tokio::spawn(way.clone().take(stream))),
                Err(error) => {
                    tracing::warn!(%error, "the way to registries");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    });
    Ok(AbortOnDropHandle::new(serving))
}

/// The folder stays: sandboxes of an earlier server show it, and see the new socket in it.
fn listen(folder: &Path) -> std::io::Result<UnixListener> {
    std::fs::create_dir_all(folder)?;
    // Users of repls are others than the server's. On the host the data folder keeps them out.
    std::fs::set_permissions(folder, Permissions::from_mode(0o711))?;
    let socket = folder.join(REGISTRIES_SOCKET);
    match std::fs::remove_file(&socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // By a descriptor: the path of a socket has 108 bytes at most.
    let opened = File::open(folder)?;
    let short = format!("/proc/self/fd/{}/{REGISTRIES_SOCKET}", opened.as_raw_fd());
    let listener = UnixListener::bind(short)?;
    std::fs::set_permissions(socket, Permissions::from_mode(0o666))?;
    Ok(listener)
}

impl Way {
    async fn take(self: Arc<Self>, mut stream: UnixStream) {
        let user = stream.peer_cred().map(|peer| peer.uid());
        let place = user.ok().and_then(|user| self.places.enter(user));
        let passed = match &place {
            Some(_) => self.pass(&mut stream).await,
            None => Err(Refusal::too_many(MAX_OF_USER)),
        };
        if let Err(refusal) = passed {
            tracing::debug!(%refusal, "registries");
            // Whoever does not read it is not waited for.
            let _ = timeout(self.times.head, stream.write_all(&refusal.answer())).await;
        }
    }

    async fn pass(&self, stream: &mut UnixStream) -> Result<(), Refusal> {
        let head = timeout(self.times.head, Head::read(stream)).await;
        let Head { host, rest } = head.map_err(|_| Refusal::late())??;
        if !self.hosts.allow(&host) {
            return Err(Refusal::elsewhere(&host, &self.hosts));
        }
        let connected = timeout(self.times.connect, self.connect(&host)).await;
        let mut registry = connected.map_err(|_| Refusal::away(&host, "it does not answer"))??;
        let begun = async {
            stream.write_all(request::ESTABLISHED).await?;
            hello::read(stream, rest).await
        };
        let Ok(Ok(hello)) = timeout(self.times.head, begun).await else {
            return Err(Refusal::not_tls());
        };
        if hello.name.as_deref() != Some(&host) {
            return Err(Refusal::other_name());
        }
        if registry.write_all(&hello.bytes).await.is_ok() {
            splice::splice(stream, &mut registry, self.times.idle).await;
        }
        Ok(())
    }

    async fn connect(&self, host: &str) -> Result<TcpStream, Refusal> {
        let away = |error: std::io::Error| Refusal::away(host, &error.to_string());
        if let Some(proxy) = self.proxy.as_ref().filter(|proxy| proxy.is_for(host)) {
            return proxy.connect(host).await.map_err(away);
        }
        let found = tokio::net::lookup_host((host, PORT)).await;
        let found: Vec<SocketAddr> = found.map_err(away)?.collect();
        let may = self.hosts.reachable(found);
        if may.is_empty() {
            return Err(Refusal::private(host));
        }
        TcpStream::connect(&may[..]).await.map_err(away)
    }
}

#[cfg(test)]
mod tests;
