//! A small HTTP client that says exactly what it is told to say.

use std::net::SocketAddr;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

use crate::DEADLINE;

#[derive(Clone)]
pub struct Http {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Http {
    pub fn new(address: SocketAddr, host: &str) -> Self {
        Self {
            address,
            headers: vec![("host".into(), host.into())],
        }
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> anyhow::Result<Answer> {
        self.json(Method::POST, path, body).await
    }

    pub async fn json(&self, method: Method, path: &str, body: Value) -> anyhow::Result<Answer> {
        let client = self.clone().header("content-type", "application/json");
        client
            .send(method, path, Bytes::from(body.to_string()))
            .await
    }

    pub async fn send(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Answer> {
        tokio::time::timeout(DEADLINE, async {
            let stream = TcpStream::connect(self.address).await?;
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            let connection = tokio::spawn(connection);
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in &self.headers {
                request = request.header(name, value);
            }
            let answer = sender.send_request(request.body(Full::new(body))?).await?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await?.to_bytes();
            connection.abort();
            Ok(Answer {
                status: head.status.as_u16(),
                headers: head.headers,
                body,
            })
        })
        .await
        .context("no answer")?
    }
}
