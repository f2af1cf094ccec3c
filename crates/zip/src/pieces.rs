//! Hands an archive on in pieces while it is made.

use std::io::{self, Write};
use std::thread;

use bytes::Bytes;
use tokio::sync::mpsc;

/// Pieces that wait to be taken, and their size in bytes.
const WAITING: usize = 4;
const PIECE_BYTES: usize = 64 * 1024;

/// What takes an archive; it waits for whoever reads the pieces.
pub struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    waiting: Vec<u8>,
}

/// Makes an archive on a thread of its own. The last piece is the error that `make` ended with, if it did; it
/// ends with `BrokenPipe` when nobody takes the pieces any more. An error: there can be no more threads.
pub fn in_pieces(
    make: impl FnOnce(&mut Pieces) -> io::Result<()> + Send + 'static,
) -> io::Result<mpsc::Receiver<io::Result<Bytes>>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    let thread = thread::Builder::new().name("archive".into());
    thread.spawn(move || {
        let mut out = Pieces {
            sender,
            waiting: Vec::with_capacity(PIECE_BYTES),
        };
        if let Err(error) = make(&mut out).and_then(|()| out.flush()) {
            // Whoever read it may have gone.
            let _ = out.sender.blocking_send(Err(error));
        }
    })?;
    Ok(receiver)
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() >= PIECE_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.waiting, Vec::with_capacity(PIECE_BYTES));
        self.sender
            .blocking_send(Ok(piece.into()))
            .map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_comes_out_and_then_what_went_wrong() {
        let text: Vec<u8> = (0..PIECE_BYTES * 3 + 7).map(|i| (i / 100) as u8).collect();
        for fails in [false, true] {
            let written = text.clone();
            let mut pieces = in_pieces(move |out| {
                written
                    .chunks(1000)
                    .try_for_each(|part| out.write_all(part))?;
                match fails {
                    true => Err(io::Error::other("broken")),
                    false => Ok(()),
                }
            })
            .unwrap();
            let (mut read, mut error) = (Vec::new(), None);
            while let Some(piece) = pieces.blocking_recv() {
                match piece {
                    Ok(piece) => read.extend_from_slice(&piece),
                    Err(e) => error = Some(e.to_string()),
                }
            }
            assert_eq!(error.as_deref(), fails.then_some("broken"));
            // What was written before an error need not come.
            assert!(text.starts_with(&read) && (fails || read == text));
        }
    }

    #[test]
    fn it_ends_when_nobody_takes_it_any_more() {
        let (ended, end) = std::sync::mpsc::channel();
        let mut pieces = in_pieces(move |out| {
            let error = loop {
                if let Err(error) = out.write_all(&[0; PIECE_BYTES]) {
                    break error;
                }
            };
            let _ = ended.send(error.kind());
            Err(error)
        })
        .unwrap();
        assert!(pieces.blocking_recv().unwrap().is_ok());
        drop(pieces);
        assert_eq!(end.recv().unwrap(), io::ErrorKind::BrokenPipe);
    }
}
