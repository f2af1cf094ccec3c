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
    /// Any parameter at all.
    parameters: bool,
    number: u32,
    /// One of the parameters is a mode that switches screens.
    screens: bool,
}

impl Sequence {
    fn end_of_number(&mut self) {
        self.screens |= matches!(self.number, 47 | 1047 | 1049);
        self.number = 0;
    }
}

/// Bytes of an unfinished control sequence that wait for its end.
const MAX_UNFINISHED_BYTES: usize = 4096;

/// A piece of output in four parts, any of which may be empty.
#[derive(Debug, PartialEq, Eq)]
pub struct Skim<'a> {
    pub head: &'a [u8],
    /// Whole lines of text, with attributes at the most; can be left out on the primary screen.
    pub skippable: &'a [u8],
    pub tail: &'a [u8],
    /// A character or control sequence whose end is to come: it belongs before the next piece.
    pub unfinished: &'a [u8],
}

impl Skimmer {
    /// Splits the next piece of output. At least `lines` line feeds follow what is skippable.
    pub fn skim<'a>(&mut self, bytes: &'a [u8], lines: usize) -> Skim<'a> {
        // Where the text begins that is only text to the end, and the sequence that is being read.
        let (mut begin, mut sequence) = (0, None);
        let mut more_than_text = self.state != State::Ground;
        for (i, byte) in bytes.iter().enumerate() {
            if self.state == State::Ground {
                sequence = Some(i);
            }
            more_than_text |= !self.step(*byte);
            if more_than_text && self.state == State::Ground {
                (begin, more_than_text) = (i + 1, false);
            }
        }
        let waits = match (self.state, sequence) {
            (State::Ground, _) => incomplete_character(bytes),
            (_, Some(at)) if bytes.len() - at <= MAX_UNFINISHED_BYTES => {
                self.state = State::Ground;
                bytes.len() - at
            }
            // It is too long to wait for, or the emulator has had its beginning.
            _ => 0,
        };
        let (bytes, unfinished) = bytes.split_at(bytes.len() - waits);
        let (head, text) = bytes.split_at(begin.min(bytes.len()));
        let (skippable, tail) = text.split_at(self.skippable(text, lines).unwrap_or(0));
        Skim {
            head,
            skippable,
            tail,
            unfinished,
        }
    }

    /// How much of `text` can be left out.
    fn skippable(&self, text: &[u8], lines: usize) -> Option<usize> {
        if self.regions[usize::from(self.alternate)] || self.state != State::Ground {
            return None;
        }
        let mut end = text.len();
        for _ in 0..lines {
            end = text[..end].iter().rposition(|b| *b == b'\n')?;
        }
        // After a carriage return and a line feed the column is known, whatever came before.
        let at = text[..end].windows(2).rposition(|two| two == b"\r\n")?;
        Some(at + 2)
    }

    /// Takes one byte; `false` when it ends something that does more than write text on lines, or set
    /// attributes for it.
    fn step(&mut self, byte: u8) -> bool {
        match (self.state, byte) {
            (State::Ground, 0x20.. | b'\r' | b'\n' | b'\t' | 0x08 | 0x07) => return true,
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
                    b'h' | b'l' if screens => self.alternate = byte == b'h',
                    _ => {}
                }
            }
            (State::Sequence, _) => self.sequence.plain = false,
            (State::Escape | State::String, _) => {}
        }
        false
    }
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
    while let Some(at) = rest.iter().position(|b| *b == 0x1b) {
        let sequence = &rest[at..];
        let end = sequence.iter().position(|b| *b == b'm');
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
    use std::num::NonZeroU16;

    use proptest::prelude::*;

    use super::*;

    const ROWS: u16 = 4;
    const SCROLLBACK: usize = 6;

    fn emulator() -> vt100::Parser {
        let size = |n| NonZeroU16::new(n).unwrap();
        vt100::Parser::new(size(ROWS), size(12), SCROLLBACK)
    }

    /// Everything that can be seen, by scrolling too.
    fn seen(parser: &mut vt100::Parser) -> Vec<String> {
        let mut all = vec![format!("{:?}", parser.screen().cursor_position())];
        for above in 0..=SCROLLBACK {
            parser.screen_mut().set_scrollback(above);
            let rows = parser.screen().rows_formatted(0, 12);
            all.extend(rows.map(|r| r.as_bytes().escape_ascii().to_string()));
        }
        parser.screen_mut().set_scrollback(0);
        all.push(
            parser
                .screen()
                .state_formatted()
                .as_bytes()
                .escape_ascii()
                .to_string(),
        );
        all
    }

    fn piece() -> impl Strategy<Value = Vec<u8>> {
        let plain = "[a-zé你 ]{0,16}".prop_map(|text| (text + "\r\n").into_bytes());
        let lines = proptest::collection::vec(plain, 1..20).prop_map(|l| l.concat());
        let sequence = prop_oneof![
            Just("\x1b[31m"),
            Just("\x1b[1;4m"),
            Just("\x1b[0m"),
            Just("\x1b[2;3r"),
            Just("\x1b[r"),
            Just("\x1b[?1049h"),
            Just("\x1b[?1049l"),
            Just("\x1b[H"),
            Just("\x1b[2J"),
            Just("\x1b]0;title\x07"),
            Just("\x1b]2;a\r\nb\x1b\\"),
            Just("\x1b[3\n1m"),
            Just("\x1b[?25l"),
            Just("\x1bM"),
            Just("\x1bc"),
            Just("\n"),
            Just("\x08\t"),
            Just("\x0e"),
        ];
        let long = (MAX_UNFINISHED_BYTES - 100..MAX_UNFINISHED_BYTES + 500)
            .prop_map(|n| [b"\x1b]0;", &vec![b'a'; n][..], b"\r\n\x07"].concat());
        prop_oneof![
            12 => lines,
            4 => sequence.prop_map(|s| s.as_bytes().to_vec()),
            1 => long,
        ]
    }

    proptest! {
        #[test]
        fn a_screen_that_was_shown_less_is_the_same(
            pieces in proptest::collection::vec(piece(), 1..25),
            cuts in proptest::collection::vec(1usize..400, 1..6),
        ) {
            let output = pieces.concat();
            let (mut whole, mut less) = (emulator(), emulator());
            whole.process(&output);
            let mut skimmer = Skimmer::default();
            let (mut held, mut done) = (Vec::new(), 0);
            for cut in cuts.into_iter().cycle() {
                let end = output.len().min(done + cut);
                let piece = [&held[..], &output[done..end]].concat();
                let skim = skimmer.skim(&piece, SCROLLBACK + 2 * usize::from(ROWS));
                prop_assert_eq!(
                    [skim.head, skim.skippable, skim.tail, skim.unfinished].concat(),
                    &piece[..]
                );
                less.process(skim.head);
                if less.screen().alternate_screen() {
                    less.process(skim.skippable);
                } else {
                    less.process(&attributes(skim.skippable));
                }
                less.process(skim.tail);
                held = skim.unfinished.to_vec();
                done = end;
                if done == output.len() {
                    break;
                }
            }
            less.process(&held);
            prop_assert_eq!(seen(&mut less), seen(&mut whole));
        }
    }

    #[test]
    fn most_of_a_flood_is_skippable() {
        let flood = "a line\r\n".repeat(1000);
        let mut skimmer = Skimmer::default();
        let skim = skimmer.skim(flood.as_bytes(), 100);
        assert_eq!(skim.head.len(), 0);
        assert_eq!(skim.tail.len(), 100 * 8);
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
            let skim = skimmer.skim(&piece, 1);
            assert_eq!((skim.tail, skim.unfinished), (&b"text"[..], unfinished));
        }
        let endless = [b"\x1b]0;", &[b'a'; MAX_UNFINISHED_BYTES][..]].concat();
        assert_eq!(skimmer.skim(&endless, 1).unfinished, b"");
        // All of this is still the title.
        let flood = "a line\r\n".repeat(1000);
        assert_eq!(skimmer.skim(flood.as_bytes(), 1).skippable, b"");
    }

    #[test]
    fn attributes_before_a_reset_are_void() {
        assert_eq!(
            attributes(b"\x1b[1mbold\x1b[m plain \x1b[32mgreen\r\n"),
            b"\x1b[m\x1b[32m"
        );
    }
}
