//! What is asked for, and what is answered.

use std::fmt;

use httparse::Status;
use tokio::io::{AsyncRead, AsyncReadExt};

use super::Hosts;

/// The one port of registries.
pub const PORT: u16 = 443;
/// Bytes of a request's head,
const MAX_HEAD_BYTES: usize = 8 * 1024;
/// and fields in it.
const MAX_FIELDS: usize = 64;

pub const ESTABLISHED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";
/// A fatal alert of TLS, `unrecognized_name` (RFC 8446 §6).
const UNRECOGNIZED_NAME: &[u8] = &[21, 3, 3, 0, 2, 2, 112];

/// A request for a host.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// In lower case.
    pub host: String,
    /// What came behind it.
    pub rest: Vec<u8>,
}

/// Why something is not passed on.
#[derive(Debug)]
pub struct Refusal {
    /// None: TLS has begun, or was to.
    status: Option<(u16, &'static str)>,
    words: String,
}

impl Head {
    pub async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Result<Self, Refusal> {
        let mut bytes = Vec::with_capacity(1024);
        while bytes.len() < MAX_HEAD_BYTES {
            let room = (MAX_HEAD_BYTES - bytes.len()) as u64;
            let read = (&mut *stream).take(room).read_buf(&mut bytes).await;
            if read.unwrap_or(0) == 0 {
                return Err(Refusal::malformed());
            }
            if let Some(head) = Self::parse(&bytes)? {
                return Ok(head);
            }
        }
        Err(Refusal::malformed())
    }

    /// `None`: it has not ended yet.
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Refusal> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
        let mut request = httparse::Request::new(&mut fields);
        let length = match request.parse(bytes) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(None),
            Err(_) => return Err(Refusal::malformed()),
        };
        if request.method != Some("CONNECT") {
            return Err(Refusal::other_method());
        }
        let target = request.path.unwrap_or_default();
        let (host, port) = target.rsplit_once(':').unwrap_or((target, ""));
        if port != PORT.to_string() {
            return Err(Refusal::other_port(target));
        }
        Ok(Some(Self {
            host: host.to_ascii_lowercase(),
            rest: bytes[length..].to_vec(),
        }))
    }
}

impl Refusal {
    fn new(status: u16, reason: &'static str, words: impl Into<String>) -> Self {
        Self {
            status: Some((status, reason)),
            words: words.into(),
        }
    }

    fn malformed() -> Self {
        Self::new(400, "Bad Request", "This is no request of HTTP/1.1.")
    }

    pub fn late() -> Self {
        Self::new(408, "Request Timeout", "The request did not come in time.")
    }

    fn other_method() -> Self {
        Self::new(
            405,
            "Package registries are reached by CONNECT alone",
            "This repl reaches package registries alone, by https: CONNECT and a host's name with :443.",
        )
    }

    fn other_port(target: &str) -> Self {
        Self::new(
            403,
            "Package registries are reached on port 443 alone",
            format!(
                "{target:?} can't be reached from this repl: it reaches package registries alone, on port {PORT}."
            ),
        )
    }

    pub fn elsewhere(host: &str, hosts: &Hosts) -> Self {
        Self::new(
            403,
            "Not a package registry that this repl reaches",
            format!(
                "{host:?} can't be reached from this repl. It reaches package registries alone: {}.",
                hosts.words()
            ),
        )
    }

    pub fn private(host: &str) -> Self {
        Self::new(
            403,
            "The name of this registry leads to a private address",
            format!(
                "{host} leads to a private address. The operator of this server may allow it: --registries."
            ),
        )
    }

    pub fn too_many(most: usize) -> Self {
        Self::new(
            503,
            "Too many connections to package registries",
            format!(
                "There are too many connections to package registries: {most} at once of one user. Try again."
            ),
        )
    }

    pub fn away(host: &str, why: &str) -> Self {
        Self::new(
            502,
            "The package registry can't be reached",
            format!("The server can't reach {host}: {why}."),
        )
    }

    pub fn not_tls() -> Self {
        Self {
            status: None,
            words: "what came is no beginning of TLS".into(),
        }
    }

    pub fn other_name() -> Self {
        Self {
            status: None,
            words: "TLS names another host than the request".into(),
        }
    }

    pub fn answer(&self) -> Vec<u8> {
        let Some((status, reason)) = self.status else {
            return UNRECOGNIZED_NAME.to_vec();
        };
        let allow = if status == 405 {
            "Allow: CONNECT\r\n"
        } else {
            ""
        };
        let (words, length) = (&self.words, self.words.len() + 1);
        format!(
            "HTTP/1.1 {status} {reason}\r\n{allow}Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{words}\n"
        )
        .into_bytes()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(text: &str) -> Result<Head, Refusal> {
        Head::read(&mut text.as_bytes()).await
    }

    async fn status(text: &str) -> u16 {
        read(text).await.unwrap_err().status.unwrap().0
    }

    #[tokio::test]
    async fn a_host_is_asked_for_on_its_one_port() {
        let asked = "CONNECT PyPI.org:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\nrest";
        let head = read(asked).await.unwrap();
        assert_eq!(
            (head.host.as_str(), &head.rest[..]),
            ("pypi.org", &b"rest"[..])
        );
        for (text, code) in [
            ("CONNECT pypi.org:80 HTTP/1.1\r\n\r\n", 403),
            ("CONNECT pypi.org:0443 HTTP/1.1\r\n\r\n", 403),
            ("CONNECT pypi.org HTTP/1.1\r\n\r\n", 403),
            ("GET http://pypi.org/ HTTP/1.1\r\n\r\n", 405),
            ("GET https://pypi.org:443/ HTTP/1.1\r\n\r\n", 405),
            ("CONNECT\r\n\r\n", 400),
            ("\u{16}\u{3}\u{1}", 400),
            ("CONNECT pypi.org:443 HTTP/1.1\r\nHost", 400),
        ] {
            assert_eq!(status(text).await, code, "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_head_has_an_end() {
        let with = |length: usize| {
            let line = "CONNECT pypi.org:443 HTTP/1.1\r\nX: ";
            let filling = "x".repeat(length - line.len() - 4);
            format!("{line}{filling}\r\n\r\n")
        };
        assert!(read(&with(MAX_HEAD_BYTES)).await.is_ok());
        assert_eq!(status(&with(MAX_HEAD_BYTES + 1)).await, 400);
    }
}
