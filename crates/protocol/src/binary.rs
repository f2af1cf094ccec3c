//! Binary frames of the session: a varint channel number, then a payload whose first byte is its
//! kind. Channels are given out by the runner (`terminal_attached`, `document_opened`) and hold for
//! one connection.

/// What a payload on a terminal's channel is.
///
/// | kind | direction | rest of the payload |
/// | --- | --- | --- |
/// | `OUTPUT` | to the browser | varint: number of the first byte; then bytes as the program wrote them |
/// | `SCREEN` | to the browser | varint: number of the next output byte; then bytes that, written to an emptied terminal, draw scrollback, screen and modes as they are |
/// | `INPUT` | to the runner | varint: number of the first byte, counted per client and terminal; then bytes |
/// | `INPUT_ACK` | to the browser | varint: input bytes received so far |
/// | `OUTPUT_ACK` | to the runner | varint: output bytes that the terminal has drawn so far |
pub mod terminal {
    pub const OUTPUT: u8 = 0;
    pub const SCREEN: u8 = 1;
    pub const INPUT: u8 = 2;
    pub const INPUT_ACK: u8 = 3;
    pub const OUTPUT_ACK: u8 = 4;
}

/// What a payload on a document's channel is. Updates and state vectors are Yjs's, encoding v1.
///
/// | kind | direction | rest of the payload |
/// | --- | --- | --- |
/// | `STATE_VECTOR` | both | what the sender has; answered by an `UPDATE` with what it lacks |
/// | `UPDATE` | both | changes |
/// | `AWARENESS` | both | cursors and names (y-protocols' awareness encoding), passed on as it is |
/// | `ON_DISK` | to the browser | a state vector: all it covers is in the file on the runner's disk |
pub mod document {
    pub const STATE_VECTOR: u8 = 0;
    pub const UPDATE: u8 = 1;
    pub const AWARENESS: u8 = 2;
    pub const ON_DISK: u8 = 3;
}

/// Appends an unsigned LEB128 number.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes an unsigned LEB128 number off the front; `None` when it is cut short or over 64 bits.
pub fn take_varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0u64;
    for (i, b) in bytes.iter().enumerate().take(10) {
        let bits = u64::from(b & 0x7f);
        if i == 9 && bits > 1 {
            return None;
        }
        value |= bits << (7 * i);
        if b & 0x80 == 0 {
            return Some((value, &bytes[i + 1..]));
        }
    }
    None
}

/// A frame of `kind` on `channel`, with an optional number before the bytes.
pub fn frame(channel: u32, kind: u8, number: Option<u64>, bytes: &[u8]) -> Vec<u8> {
    let mut out = begin_frame(channel, kind, number, bytes.len());
    out.extend_from_slice(bytes);
    out
}

/// The beginning of a frame, to which `capacity` bytes can be appended.
pub fn begin_frame(channel: u32, kind: u8, number: Option<u64>, capacity: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(capacity + 16);
    put_varint(&mut out, channel.into());
    out.push(kind);
    if let Some(n) = number {
        put_varint(&mut out, n);
    }
    out
}

/// Splits a frame into channel, kind and the rest; `None` when it is malformed.
pub fn parse(frame: &[u8]) -> Option<(u32, u8, &[u8])> {
    let (channel, rest) = take_varint(frame)?;
    let (kind, rest) = rest.split_first()?;
    Some((u32::try_from(channel).ok()?, *kind, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_survive(value: u64, tail in proptest::collection::vec(any::<u8>(), 0..8)) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            out.extend_from_slice(&tail);
            prop_assert_eq!(take_varint(&out), Some((value, &tail[..])));
        }

        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..32)) {
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn a_number_cut_short_is_refused() {
        assert_eq!(take_varint(&[0x80, 0x80]), None);
        assert_eq!(take_varint(&[0xff; 11]), None);
        assert_eq!(parse(&[]), None);
        assert_eq!(parse(&[1]), None);
    }
}
