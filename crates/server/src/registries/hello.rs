//! The first of TLS that a client says: which host it asks for (RFC 6066 §3).

use std::io;

use rustls::server::Acceptor;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of it: one record is 16 KiB at most.
const MAX_BYTES: usize = 17 * 1024;

pub struct Hello {
    pub bytes: Vec<u8>,
    /// In lower case; none where it names no host.
    pub name: Option<String>,
}

/// Reads it; `bytes` are those that have come already.
pub async fn read(stream: &mut (impl AsyncRead + Unpin), mut bytes: Vec<u8>) -> io::Result<Hello> {
    let mut acceptor = Acceptor::default();
    let mut seen = 0;
    loop {
        while seen < bytes.len() {
            seen += acceptor.read_tls(&mut &bytes[seen..])?;
        }
        let accepted = acceptor.accept();
        if let Some(accepted) = accepted.map_err(|(error, _)| io::Error::other(error))? {
            let name = accepted
                .client_hello()
                .server_name()
                .map(str::to_ascii_lowercase);
            return Ok(Hello { bytes, name });
        }
        if bytes.len() >= MAX_BYTES || stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

#[cfg(test)]
pub mod tests {
    use std::sync::Arc;

    use super::*;

    /// As a client says it that asks for this host.
    pub fn hello(host: &str) -> Vec<u8> {
        let provider = rustls::crypto::ring::default_provider();
        let config = rustls::ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        let name = host.to_owned().try_into().unwrap();
        let mut client = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
        let mut bytes = Vec::new();
        client.write_tls(&mut bytes).unwrap();
        bytes
    }

    #[tokio::test]
    async fn the_name_is_read_wherever_the_bytes_are_cut() {
        let said = hello("PyPI.org");
        for cut in [0, 1, 5, 60, said.len()] {
            let (first, mut rest) = said.split_at(cut);
            let read = read(&mut rest, first.to_vec()).await.unwrap();
            assert_eq!(read.name.as_deref(), Some("pypi.org"), "{cut}");
            assert_eq!(read.bytes, said);
        }
        let by_address = read(&mut &hello("192.0.2.1")[..], Vec::new())
            .await
            .unwrap();
        assert_eq!(by_address.name, None);
    }

    #[tokio::test]
    async fn what_is_no_beginning_of_tls_is_an_error() {
        let said = hello("pypi.org");
        let half = &said[..said.len() / 2];
        for bad in [&b"GET / HTTP/1.1\r\n\r\n"[..], half, b"", &[22; 20_000]] {
            assert!(read(&mut &bad[..], Vec::new()).await.is_err());
        }
    }
}
