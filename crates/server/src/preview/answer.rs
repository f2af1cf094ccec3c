//! A program's answer on its way to a browser: it keeps the repl awake, and is cut when its user signs out.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use crate::lifecycle::Watching;
use crate::logins::Login;

pub struct Answer {
    body: Body,
    ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    _watching: Option<Watching>,
}

impl Answer {
    pub fn body(body: Body, login: Login, watching: Option<Watching>) -> Body {
        if body.is_end_stream() {
            return body;
        }
        Body::new(Self {
            body,
            ended: Box::pin(async move { login.ended().await }),
            _watching: watching,
        })
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.ended.as_mut().poll(cx).is_ready() {
            // An error, so that the browser does not take a part for the whole.
            return Poll::Ready(Some(Err(axum::Error::new("signed out"))));
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
