//! A proxy before npm's registry, for the repls of this machine alone: it counts how often each package is
//! fetched through it.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

/// Longest that the registry may take for one answer.
const LIMIT: Duration = Duration::from_secs(120);

struct Upstream {
    client: reqwest::Client,
    /// Address of the registry, and ours, without a slash at the end.
    registry: String,
    own: String,
    downloads: Mutex<BTreeMap<String, u64>>,
}

/// A running proxy; it ends when this is dropped.
pub struct Registry {
    pub address: SocketAddr,
    upstream: Arc<Upstream>,
    task: AbortHandle,
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Registry {
    /// Before the registry that npm uses here. No repl reaches this machine's loopback, so it listens on
    /// another address of it, and answers nobody but this machine.
    pub async fn start() -> anyhow::Result<Self> {
        let said = output("hostname", &["-I"])?;
        let own = said.split_whitespace().find(|a| !a.contains(':'));
        let own = own.context("this machine has no IPv4 address but its loopback's")?;
        let registry = output("npm", &["config", "get", "registry"])?;
        let listener = TcpListener::bind((own, 0)).await?;
        let address = listener.local_addr()?;
        // Whoever installed another before keeps it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let upstream = Arc::new(Upstream {
            client: reqwest::Client::builder().timeout(LIMIT).build()?,
            registry: registry.trim().trim_end_matches('/').to_owned(),
            own: format!("http://{address}"),
            downloads: Mutex::default(),
        });
        let shared = upstream.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                if peer.ip() != address.ip() {
                    continue;
                }
                let upstream = shared.clone();
                let service = service_fn(move |request| {
                    let upstream = upstream.clone();
                    async move { Ok::<_, Infallible>(upstream.answer(request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Ok(Self {
            address,
            upstream,
            task: task.abort_handle(),
        })
    }

    /// As npm wants its setting.
    pub fn url(&self) -> &str {
        &self.upstream.own
    }

    /// How often each package was fetched, by its path.
    pub fn downloads(&self) -> BTreeMap<String, u64> {
        lock(&self.upstream.downloads).clone()
    }
}

fn lock(
    downloads: &Mutex<BTreeMap<String, u64>>,
) -> std::sync::MutexGuard<'_, BTreeMap<String, u64>> {
    downloads.lock().expect("nothing panics while it counts")
}

impl Upstream {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        if request.method() != Method::GET {
            return plain(StatusCode::METHOD_NOT_ALLOWED, String::new());
        }
        let (head, _) = request.into_parts();
        self.fetch(&head.uri, head.headers.get(ACCEPT))
            .await
            .unwrap_or_else(|error| plain(StatusCode::BAD_GATEWAY, format!("{error:#}")))
    }

    async fn fetch(
        &self,
        asked: &Uri,
        kind: Option<&HeaderValue>,
    ) -> anyhow::Result<Response<Full<Bytes>>> {
        let path = asked.path_and_query().context("a path")?;
        let mut request = self.client.get(format!("{}{path}", self.registry));
        if let Some(kind) = kind {
            request = request.header(ACCEPT, kind);
        }
        let answer = request.send().await?;
        let (status, kind) = (answer.status(), answer.headers().get(CONTENT_TYPE).cloned());
        let mut body = answer.bytes().await?;
        if !is_package(asked.path()) {
            // What is told of a package says where it is: here.
            let text = String::from_utf8_lossy(&body);
            body = text.replace(&self.registry, &self.own).into();
        } else if status.is_success() {
            let path = asked.path().to_owned();
            *lock(&self.downloads).entry(path).or_default() += 1;
        }
        let mut response = Response::builder().status(status);
        if let Some(kind) = kind {
            response = response.header(CONTENT_TYPE, kind);
        }
        Ok(response.body(Full::new(body))?)
    }
}

/// Whether a path is that of a package itself: `/react/-/react-19.0.0.tgz`.
fn is_package(path: &str) -> bool {
    path.contains("/-/") && path.ends_with(".tgz")
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    response
}

fn output(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(arguments).output();
    let output = output.with_context(|| program.to_owned())?;
    ensure!(
        output.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::is_package;

    #[test]
    fn packages_are_told_from_what_is_said_of_them() {
        assert!(is_package("/react/-/react-19.0.0.tgz"));
        assert!(is_package("/@types/react/-/react-19.0.0.tgz"));
        assert!(!is_package("/react"));
        assert!(!is_package("/@types%2freact"));
        assert!(!is_package("/-/npm/v1/security/advisories"));
    }
}
