//! The server's own proxy (`HTTPS_PROXY`), where it has one: registries are then reached by it, and it looks up
//! their names.

use std::io;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::request::PORT;

/// Bytes of its answer.
const MAX_ANSWER_BYTES: usize = 8 * 1024;

#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Host and port.
    at: String,
    /// As the field `Proxy-Authorization` has it.
    login: Option<String>,
    /// Hosts, and domains, that are reached without it.
    except: Vec<String>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Proxy")
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

impl Proxy {
    /// As `HTTPS_PROXY` and `NO_PROXY` say it. `Err` is for the operator.
    pub fn parse(address: &str, except: &str) -> Result<Self, String> {
        let rest = address.strip_prefix("http://");
        let rest = rest.ok_or("HTTPS_PROXY is no address that begins with http://")?;
        let rest = rest.trim_end_matches('/');
        let (login, at) = match rest.rsplit_once('@') {
            Some((login, at)) => (Some(login), at),
            None => (None, rest),
        };
        let at = match at.rsplit_once(':') {
            Some((_, port)) if port.parse::<u16>().is_ok() => at.to_owned(),
            _ => format!("{at}:80"),
        };
        let plain = |login: &str| percent_encoding::percent_decode_str(login).collect::<Vec<u8>>();
        let except = except.split(',').map(|e| e.trim().trim_start_matches("*."));
        Ok(Self {
            at,
            login: login.map(|login| format!("Basic {}", BASE64_STANDARD.encode(plain(login)))),
            except: except
                .map(|e| e.trim_start_matches('.').to_ascii_lowercase())
                .filter(|e| !e.is_empty())
                .collect(),
        })
    }

    pub(super) fn is_for(&self, host: &str) -> bool {
        let is_below = |domain: &str| {
            let before = host.strip_suffix(domain);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        !self.except.iter().any(|e| e == "*" || is_below(e))
    }

    pub(super) async fn connect(&self, host: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.at).await?;
        let login = self.login.iter();
        let login: String = login
            .map(|l| format!("Proxy-Authorization: {l}\r\n"))
            .collect();
        let request =
            format!("CONNECT {host}:{PORT} HTTP/1.1\r\nHost: {host}:{PORT}\r\n{login}\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        // A registry says nothing before its client does: there is nothing behind the answer.
        while !answer.ends_with(b"\r\n\r\n") {
            let is_full = answer.len() >= MAX_ANSWER_BYTES;
            if is_full || stream.read_buf(&mut answer).await? == 0 {
                return Err(io::Error::other(
                    "the server's proxy does not answer as one",
                ));
            }
        }
        let line = String::from_utf8_lossy(&answer);
        let line = line.lines().next().unwrap_or_default();
        match line.split(' ').nth(1) {
            Some("200") => Ok(stream),
            status => Err(io::Error::other(format!(
                "the server's proxy answers {}",
                status.unwrap_or("nothing")
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_as_the_environment_says() {
        let proxy = Proxy::parse(
            "http://me:a%40b@proxy.internal:3128/",
            "localhost, .internal,*.corp",
        )
        .unwrap();
        assert_eq!(proxy.at, "proxy.internal:3128");
        assert_eq!(proxy.login.as_deref(), Some("Basic bWU6YUBi"));
        assert!(proxy.is_for("pypi.org") && proxy.is_for("notinternal"));
        assert!(!proxy.is_for("packages.internal") && !proxy.is_for("a.corp"));
        let plain = Proxy::parse("http://proxy", "").unwrap();
        assert_eq!((plain.at.as_str(), &plain.login), ("proxy:80", &None));
        assert!(plain.is_for("packages.internal"));
        assert!(
            !Proxy::parse("http://proxy", "*")
                .unwrap()
                .is_for("pypi.org")
        );
        assert!(
            Proxy::parse("https://proxy", "")
                .unwrap_err()
                .contains("HTTPS_PROXY")
        );
    }
}
