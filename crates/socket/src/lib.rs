//! The Unix socket between server and runner, as both sides of it use it: woken by what can be read.
//!
//! tokio's own `UnixStream` is woken, too, whenever the other side has read something, for it might want
//! to write again (`EPOLLOUT`, edge-triggered, epoll(7)). For a key's way to a terminal and back that is
//! four threads woken for nothing.

use std::io;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use rustix::net::{RecvFlags, SendFlags};
use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// A connected stream socket on the event loop of the runtime in which it was made.
#[derive(Debug)]
pub struct QuietStream {
    socket: AsyncFd<UnixStream>,
    /// While the other side does not read: watched for room.
    full: Option<AsyncFd<UnixStream>>,
}

impl QuietStream {
    /// Registers a connected socket, which becomes non-blocking.
    pub fn new(socket: UnixStream) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            socket: watched(socket, Interest::READABLE)?,
            full: None,
        })
    }

    /// Connects. Fails at once if the listener's queue is full.
    pub async fn connect(path: &Path) -> io::Result<Self> {
        Self::new(tokio::net::UnixStream::connect(path).await?.into_std()?)
    }

    /// The socket, to be registered elsewhere.
    pub fn into_std(self) -> UnixStream {
        self.socket.into_inner()
    }
}

fn watched(socket: UnixStream, interest: Interest) -> io::Result<AsyncFd<UnixStream>> {
    // SAFETY: a `UnixStream` answers the same open descriptor for as long as it lives.
    Ok(unsafe { AsyncFd::register_with_interest(socket, interest)? })
}

impl AsyncRead for QuietStream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let mut readable = ready!(self.socket.poll_read_ready(cx))?;
            let room = buffer.initialize_unfilled();
            let wanted = room.len();
            let read = readable.try_io(|socket| {
                let (_, read) = rustix::net::recv(socket, &mut *room, RecvFlags::empty())?;
                Ok(read)
            });
            match read {
                // It was not yet readable, or a signal came.
                Err(_) => {}
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Poll::Ready(Err(error)),
                Ok(Ok(read)) => {
                    if 0 < read && read < wanted {
                        // All that was there: what comes next is a new edge.
                        readable.clear_ready();
                    }
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
            }
        }
    }
}

impl AsyncWrite for QuietStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            if let Some(full) = &self.full {
                ready!(full.poll_write_ready(cx))?.clear_ready();
            }
            match rustix::net::send(self.socket.get_ref(), bytes, SendFlags::NOSIGNAL) {
                Ok(written) => {
                    self.full = None;
                    return Poll::Ready(Ok(written));
                }
                Err(rustix::io::Errno::AGAIN) if self.full.is_none() => {
                    let same = self.socket.get_ref().try_clone()?;
                    self.full = Some(watched(same, Interest::WRITABLE)?);
                }
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.socket.get_ref().shutdown(Shutdown::Write) {
            // The other side has closed already.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Poll::Ready(Ok(())),
            done => Poll::Ready(done),
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn pair() -> (QuietStream, QuietStream) {
        let (one, other) = UnixStream::pair().unwrap();
        (
            QuietStream::new(one).unwrap(),
            QuietStream::new(other).unwrap(),
        )
    }

    #[tokio::test]
    async fn more_than_a_socket_holds_goes_through_whole_in_both_directions() {
        let sent: Vec<u8> = (0..3_000_000u32).map(|i| (i / 7) as u8).collect();
        let (one, other) = pair();
        let (mut from_one, mut to_one) = tokio::io::split(one);
        let (mut from_other, mut to_other) = tokio::io::split(other);
        let (mut there, mut back) = (vec![0; sent.len()], vec![0; sent.len()]);
        let passed_on = async {
            from_other.read_exact(&mut there).await.unwrap();
            to_other.write_all(&there).await.unwrap();
        };
        let (wrote, read, ()) = tokio::join!(
            to_one.write_all(&sent),
            from_one.read_exact(&mut back),
            passed_on
        );
        wrote.unwrap();
        read.unwrap();
        assert!(back == sent);
    }

    #[tokio::test]
    async fn the_end_of_one_direction_is_seen_and_the_other_goes_on() {
        let (mut one, mut other) = pair();
        one.write_all(b"last words").await.unwrap();
        one.shutdown().await.unwrap();
        let mut heard = String::new();
        other.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, "last words");
        other.write_all(b"answer").await.unwrap();
        drop(other);
        let mut answer = String::new();
        one.read_to_string(&mut answer).await.unwrap();
        assert_eq!(answer, "answer");
    }

    #[tokio::test]
    async fn writing_to_a_closed_socket_is_an_error_and_no_signal() {
        let (mut one, other) = pair();
        drop(other);
        let error = one.write_all(b"x").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
