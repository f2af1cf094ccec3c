//! What of a flood the emulator need not be shown: lines that scroll out of everything that is kept
//! before anybody could see them. The screen comes out the same; a flood costs a fraction.

/// Where in a control sequence a stream is (ECMA-48; the states of Williams' DEC parser).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Ground,
    Escape,
    Sequence,
    /// A command or text string, until ST, BEL or CAN.
    String,
}

/// Follows a terminal's output across its pieces.
#[derive(Default)]
pub struct Skimmer {
    state: State,
    sequence: Sequence,
    /// The alternate screen is shown.
    alternate: bool,
    /// Which screens have a scroll region, the primary one first: rows outside it stay when lines scroll.
    regions: [bool; 2],
}

/// The control sequence that is being read.
#[derive(Default)]
struct Sequence {
    /// Nothing but digits and separators.
    plain: bool,
    /// The same after a question mark: a private mode.
    private: bool,
    /// Any parameter at all.
    parameters: bool,
    number: u32,
    /// One of the parameters is a mode that switches screens.
    screens: bool,
}

impl Sequence {
    fn end_of_number(&mut self) {
        // Those that the emulator knows.
        self.screens |= matches!(self.number, 47 | 1049);
        self.number = 0;
    }
}

/// Bytes of an unfinished control sequence that wait for its end.
pub const MAX_UNFINISHED_BYTES: usize = 4096;

/// A piece of output in three parts, any of which may be empty.
#[derive(Debug, PartialEq, Eq)]
pub struct Split<'a> {
    pub head: &'a [u8],
    /// Does no more than write text on lines, with attributes at the most.
    pub text: &'a [u8],
    /// A character or control sequence whose end is to come: it belongs before the next piece.
    pub unfinished: &'a [u8],
}

impl Skimmer {
    /// Splits the next piece of output.
    pub fn split<'a>(&mut self, bytes: &'a [u8]) -> Split<'a> {
        // Where the text begins that is only text to the end, and the sequence that is being read.
        let (mut begin, mut sequence) = (0, None);
        let mut more_than_text = self.state != State::Ground;
        let mut i = 0;
        while i < bytes.len() {
            if self.state == State::Ground {
                i += plain(&bytes[i..]);
                sequence = Some(i);
            }
            let Some(byte) = bytes.get(i) else { break };
            more_than_text |= !self.step(*byte);
            i += 1;
            if more_than_text && self.state == State::Ground {
                (begin, more_than_text) = (i, false);
            }
        }
        let waits = match (self.state, sequence) {
            (State::Ground, _) => incomplete_character(bytes),
            (_, Some(at)) if bytes.len() - at <= MAX_UNFINISHED_BYTES => {
                self.state = State::Ground;
                bytes.len() - at
            }
            // It is too long to wait for, or the emulator has had its beginning.
            _ => {
                begin = bytes.len();
                0
            }
        };
        let (bytes, unfinished) = bytes.split_at(bytes.len() - waits);
        let (head, text) = bytes.split_at(begin.min(bytes.len()));
        Split {
            head,
            text,
            unfinished,
        }
    }

    /// How much of the beginning of `text`, which is what the pieces so far ended with, can be left out on the
    /// primary screen, but for its attributes: at least `lines` line feeds follow that.
    pub fn skippable(&self, text: &[u8], lines: usize) -> usize {
        if self.regions[usize::from(self.alternate)] {
            return 0;
        }
        let mut feeds = memchr::memrchr_iter(b'\n', text);
        let Some(last) = feeds.nth(lines.saturating_sub(1)) else {
            return 0;
        };
        // After a carriage return and a line feed the column is known, whatever came before.
        let known = memchr::memmem::rfind(&text[..last], b"\r\n");
        known.map_or(0, |at| at + 2)
    }

    /// Takes one byte; `false` when it ends something that does more than write text on lines, or set
    /// attributes for it.
    fn step(&mut self, byte: u8) -> bool {
        match (self.state, byte) {
            (State::Ground, byte) if is_plain(byte) => return true,
            (_, 0x1b) => {
                self.state = State::Escape;
                return true;
            }
            (State::Ground, _) => {}
            // CAN, SUB: nothing of the sequence holds.
            (_, 0x18 | 0x1a) | (State::String, 0x07) => self.state = State::Ground,
            (State::Escape, b'[') => {
                self.state = State::Sequence;
                self.sequence = Sequence {
                    plain: true,
                    ..Sequence::default()
                };
                return true;
            }
            (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => self.state = State::String,
            (State::Escape, 0x30..=0x7e) => {
                self.state = State::Ground;
                if byte == b'c' {
                    // RIS resets everything.
                    (self.alternate, self.regions) = (false, [false; 2]);
                }
            }
            (State::Sequence, b'0'..=b'9') => {
                let number = self.sequence.number.saturating_mul(10);
                self.sequence.number = number.saturating_add(u32::from(byte - b'0'));
                self.sequence.parameters = true;
                return true;
            }
            (State::Sequence, b';' | b':') => {
                self.sequence.end_of_number();
                return true;
            }
            (State::Sequence, 0x40..=0x7e) => {
                self.state = State::Ground;
                self.sequence.end_of_number();
                let Sequence {
                    plain,
                    private,
                    parameters,
                    screens,
                    ..
                } = self.sequence;
                match byte {
                    // SGR.
                    b'm' if plain => return true,
                    // DECSTBM.
                    b'r' if plain => self.regions[usize::from(self.alternate)] = parameters,
                    // DECSET, DECRST.
                    b'h' | b'l' if private && screens => self.alternate = byte == b'h',
                    _ => {}
                }
            }
            (State::Sequence, byte) => {
                self.sequence.private =
                    byte == b'?' && self.sequence.plain && !self.sequence.parameters;
                self.sequence.plain = false;
            }
            (State::Escape | State::String, _) => {}
        }
        false
    }
}

/// Writes text on lines, and nothing else.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | b'\t' | 0x08 | 0x07 | 0x20..)
}

/// How many plain bytes come first. A chunk at once: the compiler makes vector instructions of it.
fn plain(bytes: &[u8]) -> usize {
    let chunk = |chunk: &&[u8]| chunk.iter().fold(true, |all, byte| all & is_plain(*byte));
    let chunks = bytes.chunks_exact(64).take_while(chunk).count() * 64;
    let rest = &bytes[chunks..];
    let end = rest.iter().position(|byte| !is_plain(*byte));
    chunks + end.unwrap_or(rest.len())
}

/// Bytes at the end that begin a UTF-8 character and do not end it.
fn incomplete_character(bytes: &[u8]) -> usize {
    for (before, byte) in bytes.iter().rev().take(3).enumerate() {
        let length = match byte {
            0x80..=0xbf => continue,
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf7 => 4,
            _ => return 0,
        };
        return if length > before + 1 { before + 1 } else { 0 };
    }
    0
}

/// The attribute sequences of skippable text, which hold for what follows.
pub fn attributes(skippable: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut rest = skippable;
    while let Some(at) = memchr::memchr(0x1b, rest) {
        let sequence = &rest[at..];
        let end = memchr::memchr(b'm', sequence);
        let (sequence, after) = sequence.split_at(end.map_or(sequence.len(), |e| e + 1));
        if matches!(sequence, b"\x1b[m" | b"\x1b[0m") {
            kept.clear();
        }
        kept.extend_from_slice(sequence);
        rest = after;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_of_a_flood_is_skippable() {
        let flood = "a line\r\n".repeat(1000);
        let mut skimmer = Skimmer::default();
        let split = skimmer.split(flood.as_bytes());
        assert_eq!((split.head.len(), split.text.len()), (0, flood.len()));
        let skippable = skimmer.skippable(split.text, 100);
        assert_eq!(flood.len() - skippable, 100 * 8);
    }

    #[test]
    fn what_is_unfinished_waits_and_an_endless_sequence_does_not() {
        let mut skimmer = Skimmer::default();
        for unfinished in [
            "\x1b[3".as_bytes(),
            "\x1b]0;title".as_bytes(),
            &"你".as_bytes()[..2],
        ] {
            let piece = [b"text", unfinished].concat();
            let split = skimmer.split(&piece);
            assert_eq!((split.text, split.unfinished), (&b"text"[..], unfinished));
        }
        let endless = [b"\x1b]0;", &[b'a'; MAX_UNFINISHED_BYTES][..]].concat();
        assert_eq!(skimmer.split(&endless).unfinished, b"");
        // All of this is still the title.
        let flood = "a line\r\n".repeat(1000);
        assert_eq!(skimmer.split(flood.as_bytes()).text, b"");
    }

    #[test]
    fn plain_bytes_are_counted_up_to_the_first_that_is_not() {
        for at in 0..200 {
            let mut bytes = "é\r\n\t\x07 text".repeat(20).into_bytes();
            bytes[at] = 0x1b;
            assert_eq!(plain(&bytes), at);
        }
        assert_eq!((plain(b""), plain(&[b'a'; 65])), (0, 65));
    }

    #[test]
    fn attributes_before_a_reset_are_void() {
        assert_eq!(
            attributes(b"\x1b[1mbold\x1b[m plain \x1b[32mgreen\r\n"),
            b"\x1b[m\x1b[32m"
        );
    }
}
