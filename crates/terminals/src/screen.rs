//! Terminal emulators, so that a new client gets each screen as it is. They run on a thread of
//! their own, off the way of the output.

use std::collections::HashMap;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::skim::{self, Skimmer};
use crate::wrap;

/// Rows above the screen that a new client gets too.
pub const SCROLLBACK_ROWS: usize = 1000;
/// Batches of output that may wait for the emulators before reading from programs pauses.
const MAX_WAITING_BATCHES: usize = 3;

enum Command {
    /// The permit goes back when the output has been drawn.
    Feed(u32, Vec<u8>, Option<OwnedSemaphorePermit>),
    Resize(u32, u16, u16),
    Snapshot(u32, oneshot::Sender<Snapshot>),
    Remove(u32),
}

/// What a new client is to draw.
pub struct Snapshot {
    /// Number of the first output byte that is not in it.
    pub offset: u64,
    /// Written to an emptied terminal of the same size, these draw scrollback, screen and modes.
    pub bytes: Vec<u8>,
    /// The line that the cursor is in, and the cursor's place in it, drawn; `None`: a full-screen program has
    /// the screen.
    pub line: Option<String>,
}

/// Handle to the emulators' thread, which starts with the first use and ends with the handle.
pub struct Screens {
    commands: Sender<Command>,
    room: Arc<Semaphore>,
}

impl Screens {
    pub fn start() -> std::io::Result<Self> {
        let (commands, receiver) = channel();
        std::thread::Builder::new()
            .name("screens".into())
            .stack_size(256 * 1024)
            .spawn(move || serve(receiver))?;
        Ok(Self {
            commands,
            room: Arc::new(Semaphore::new(MAX_WAITING_BATCHES)),
        })
    }

    /// Waits until a batch of output may be handed over; in the order in which it was asked for.
    pub async fn room(&self) -> Option<OwnedSemaphorePermit> {
        self.room.clone().acquire_owned().await.ok()
    }

    /// Hands output over. Without a permit from [`Screens::room`] it is not counted: only where a
    /// screen is asked for, or changes its size.
    pub fn feed(&self, terminal: u32, bytes: Vec<u8>, room: Option<OwnedSemaphorePermit>) {
        self.send(Command::Feed(terminal, bytes, room));
    }

    pub fn resize(&self, terminal: u32, cols: u16, rows: u16) {
        self.send(Command::Resize(terminal, cols, rows));
    }

    pub fn remove(&self, terminal: u32) {
        self.send(Command::Remove(terminal));
    }

    /// The screen after all that was fed before this call; `None` when there is no such terminal.
    pub async fn snapshot(&self, terminal: u32) -> Option<Snapshot> {
        let (sender, receiver) = oneshot::channel();
        self.send(Command::Snapshot(terminal, sender));
        receiver.await.ok()
    }

    fn send(&self, command: Command) {
        // The thread only ends with this sender.
        let _ = self.commands.send(command);
    }
}

/// Screens begin with their first size: what comes for another has been closed.
fn serve(commands: Receiver<Command>) {
    let mut screens: HashMap<u32, Screen> = HashMap::new();
    for command in commands {
        match command {
            Command::Feed(id, bytes, _room) => {
                if let Some(screen) = screens.get_mut(&id) {
                    screen.feed_or_reset(&bytes);
                }
            }
            Command::Resize(id, cols, rows) => {
                let screen = screens.entry(id).or_insert_with(|| Screen::new(cols, rows));
                screen.or_reset(0, |screen| screen.resize(nonzero(cols), nonzero(rows)));
                // One that was emptied has its old size.
                screen.parser.set_size(nonzero(rows), nonzero(cols));
            }
            Command::Snapshot(id, answer) => {
                if let Some(screen) = screens.get_mut(&id) {
                    screen.or_reset(0, Screen::settle);
                    // The client may have gone meanwhile.
                    let _ = answer.send(screen.snapshot());
                }
            }
            Command::Remove(id) => {
                screens.remove(&id);
            }
        }
    }
}

fn nonzero(n: u16) -> NonZeroU16 {
    NonZeroU16::new(n).unwrap_or(NonZeroU16::MIN)
}

/// Text that waits, in bytes: what is more than that is rather drawn than searched again.
const MAX_TEXT_BYTES: usize = 256 * 1024;

struct Screen {
    parser: vt100::Parser,
    /// Rows above the screen that are kept.
    scrollback: usize,
    skimmer: Skimmer,
    /// Text that the emulator has not been shown yet: most of a flood scrolls away before anybody asks.
    text: Vec<u8>,
    /// The beginning of a character or control sequence whose end is to come.
    unfinished: Vec<u8>,
    offset: u64,
}

impl Screen {
    fn new(cols: u16, rows: u16) -> Self {
        Self::with_scrollback(cols, rows, SCROLLBACK_ROWS)
    }

    fn with_scrollback(cols: u16, rows: u16, scrollback: usize) -> Self {
        Self {
            parser: vt100::Parser::new(nonzero(rows), nonzero(cols), scrollback),
            scrollback,
            skimmer: Skimmer::default(),
            text: Vec::new(),
            unfinished: Vec::new(),
            offset: 0,
        }
    }

    fn feed_or_reset(&mut self, bytes: &[u8]) {
        self.or_reset(bytes.len(), |screen| screen.feed(bytes));
    }

    /// The emulator's input is whatever programs write. If that makes it panic, an empty screen takes its
    /// place, which has had all so far and `more` bytes, and the output goes on.
    fn or_reset(&mut self, more: usize, work: impl FnOnce(&mut Self)) {
        let end = self.offset + (self.unfinished.len() + more) as u64;
        let (rows, cols) = self.parser.screen().size();
        let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(self)));
        if done.is_err() {
            tracing::error!("a terminal's emulator failed: its screen is emptied");
            *self = Self::new(cols.get(), rows.get());
            self.offset = end;
        }
    }

    /// Lines are wrapped anew, as terminals do it: the emulator alone would cut off what is wider.
    fn resize(&mut self, cols: NonZeroU16, rows: NonZeroU16) {
        self.settle();
        if cols != self.parser.screen().size().1 {
            self.parser = wrap::rewrapped(self.parser.screen(), cols);
        }
        self.parser.set_size(rows, cols);
    }

    fn feed(&mut self, bytes: &[u8]) {
        let piece = [&std::mem::take(&mut self.unfinished), bytes].concat();
        let split = self.skimmer.split(&piece);
        if !split.head.is_empty() {
            self.settle();
            show(&mut self.parser, split.head);
        }
        self.text.extend_from_slice(split.text);
        // A client that comes now gets it whole, after the screen.
        self.unfinished = split.unfinished.to_vec();
        self.offset += (piece.len() - split.unfinished.len()) as u64;
        if self.parser.screen().alternate_screen() {
            self.settle();
            return;
        }
        // So many line feeds replace every row, those of the scrollback too, wherever the cursor is.
        let lines = self.scrollback + 2 * usize::from(self.parser.screen().size().0.get());
        let skippable = self.skimmer.skippable(&self.text, lines);
        let attributes = skim::attributes(&self.text[..skippable]);
        self.text.splice(..skippable, attributes);
        self.text.shrink_to(MAX_TEXT_BYTES);
        if self.text.len() > MAX_TEXT_BYTES {
            self.settle();
        }
    }

    /// Shows the emulator all that it was fed.
    fn settle(&mut self) {
        show(&mut self.parser, &std::mem::take(&mut self.text));
    }

    fn snapshot(&self) -> Snapshot {
        let screen = self.parser.screen();
        let mut bytes = Vec::new();
        if screen.alternate_screen() {
            // What lies under the full-screen program is there when it ends.
            draw(&mut wrap::below(screen), &mut bytes);
            bytes.extend_from_slice(b"\x1b[?1049h");
            bytes.extend_from_slice(screen.state_formatted().as_bytes());
        } else {
            draw(&mut screen.clone(), &mut bytes);
        }
        Snapshot {
            offset: self.offset,
            bytes,
            line: (!screen.alternate_screen()).then(|| line(screen)),
        }
    }
}

/// How long the emulators are shown output before they rest, and for how long: else another's keystroke would wait
/// until a turn of this thread has ended, for milliseconds. The kernel makes some 70 µs of it (`PR_SET_TIMERSLACK`,
/// prctl(2)).
const TURN: Duration = Duration::from_micros(200);
const REST: Duration = Duration::from_micros(20);
/// So many bytes take a fraction of a turn.
const PIECE_BYTES: usize = 2048;

/// Shows an emulator output, in turns.
fn show(parser: &mut vt100::Parser, bytes: &[u8]) {
    let mut began = Instant::now();
    for piece in bytes.chunks(PIECE_BYTES) {
        if began.elapsed() >= TURN {
            std::thread::sleep(REST);
            began = Instant::now();
        }
        parser.process(piece);
    }
}

/// The row of the cursor, drawn from the left edge of an empty one.
fn line(screen: &vt100::Screen) -> String {
    let (row, column) = screen.cursor_position();
    let (_, columns) = screen.size();
    let mut rows = screen.rows_formatted(0, columns.get());
    let line = rows.nth(usize::from(row)).unwrap_or_default();
    let attributes = screen.attributes_formatted();
    format!("{line}\x1b[{}G{attributes}", column + 1)
}

/// Scrollback, then the screen with its modes and the cursor where it is.
fn draw(screen: &mut vt100::Screen, out: &mut Vec<u8>) {
    let (rows, cols) = screen.size();
    let above = screen.scrollback_len();
    let mut left = above;
    while left > 0 {
        screen.set_scrollback(left);
        let shown = left.min(usize::from(rows.get()));
        let wrapped: Vec<bool> = (0..shown).map(|i| screen.row_wrapped(i as u16)).collect();
        for (row, wraps) in screen
            .rows_formatted(0, cols.get())
            .take(shown)
            .zip(wrapped)
        {
            out.extend_from_slice(row.as_bytes());
            out.extend_from_slice(if wraps { b"\x1b[m" } else { b"\x1b[m\r\n" });
        }
        left -= shown;
    }
    screen.set_scrollback(0);
    if above > 0 {
        // Moves the scrollback out of the screen, which is cleared by what follows.
        for _ in 1..rows.get() {
            out.extend_from_slice(b"\r\n");
        }
    }
    out.extend_from_slice(screen.state_formatted().as_bytes());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn screen(cols: u16, rows: u16, output: &str) -> Screen {
        let mut screen = Screen::new(cols, rows);
        screen.offset = output.len() as u64;
        screen.parser.process(output.as_bytes());
        screen
    }

    fn redrawn(from: &Screen) -> vt100::Parser {
        let (rows, cols) = from.parser.screen().size();
        let mut parser = vt100::Parser::new(rows, cols, SCROLLBACK_ROWS);
        parser.process(&from.snapshot().bytes);
        parser
    }

    const ROWS: u16 = 4;
    const COLS: u16 = 12;
    const SCROLLBACK: usize = 6;

    /// Everything that can be seen, by scrolling too.
    fn seen(parser: &mut vt100::Parser) -> Vec<String> {
        let mut all = vec![format!("{:?}", parser.screen().cursor_position())];
        for above in 0..=SCROLLBACK {
            parser.screen_mut().set_scrollback(above);
            let rows = parser.screen().rows_formatted(0, COLS);
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
            Just("\x1b[31\x1b[m"),
            Just("\x1b[?47h"),
            Just("\x1b[?1047l"),
            Just("\x1b[?25l"),
            Just("\x1bM"),
            Just("\x1bc"),
            Just("\n"),
            Just("\x08\t"),
            Just("\x0e"),
        ];
        let long = (skim::MAX_UNFINISHED_BYTES - 100..skim::MAX_UNFINISHED_BYTES + 500)
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
            cuts in proptest::collection::vec((1usize..400, proptest::bool::weighted(0.1)), 1..6),
        ) {
            let output = pieces.concat();
            let mut whole = vt100::Parser::new(nonzero(ROWS), nonzero(COLS), SCROLLBACK);
            whole.process(&output);
            let mut less = Screen::with_scrollback(COLS, ROWS, SCROLLBACK);
            let mut done = 0;
            for (cut, settles) in cuts.into_iter().cycle() {
                let end = output.len().min(done + cut);
                less.feed(&output[done..end]);
                let had = less.offset as usize;
                prop_assert_eq!(&less.unfinished[..], &output[had..end]);
                if settles {
                    less.settle();
                    let mut shown = vt100::Parser::new(nonzero(ROWS), nonzero(COLS), SCROLLBACK);
                    shown.process(&output[..had]);
                    prop_assert_eq!(seen(&mut less.parser), seen(&mut shown));
                }
                done = end;
                if done == output.len() {
                    break;
                }
            }
            less.settle();
            less.parser.process(&less.unfinished);
            prop_assert_eq!(seen(&mut less.parser), seen(&mut whole));
        }
    }

    #[test]
    fn the_emulators_modes_alone_switch_screens() {
        for other in ["\x1b[?1047l", "\x1b[1049l", "\x1b[?1049$l", "\x1b[1;?1049l"] {
            let before = format!("\x1b[2;3r\x1b[?1049h{other}\x1b[r\x1b[?1049l\x1b[H");
            let lines: String = (0..30).map(|i| format!("line {i}\r\n")).collect();
            let output = before + &lines;
            let mut whole = vt100::Parser::new(nonzero(ROWS), nonzero(COLS), SCROLLBACK);
            whole.process(output.as_bytes());
            let mut less = Screen::with_scrollback(COLS, ROWS, SCROLLBACK);
            less.feed(output.as_bytes());
            less.settle();
            assert_eq!(seen(&mut less.parser), seen(&mut whole), "{other:?}");
        }
    }

    #[test]
    fn an_emulator_that_fails_has_had_all_that_came() {
        let mut screen = Screen::new(80, 24);
        screen.feed(b"ab\x1b[3");
        assert_eq!((screen.offset, &screen.unfinished[..]), (2, &b"\x1b[3"[..]));
        screen.or_reset(0, |_| panic!("of its own accord"));
        assert_eq!((screen.offset, screen.unfinished.len()), (5, 0));
    }

    #[test]
    fn a_flood_waits_with_its_attributes_and_is_drawn_when_it_is_asked_for() {
        let mut screen = Screen::new(80, 24);
        screen.feed("first\x1b[31m\r\n".as_bytes());
        for _ in 0..100 {
            screen.feed("a line\r\n".repeat(10_000).as_bytes());
            assert!(screen.text.len() < 16 * 1024, "{}", screen.text.len());
        }
        assert_eq!(screen.parser.screen().contents(), "");
        screen.settle();
        assert!(
            screen
                .parser
                .screen()
                .contents()
                .starts_with("a line\na line\n")
        );
        assert_eq!(screen.parser.screen().scrollback_len(), SCROLLBACK_ROWS);
        let red = screen.parser.screen().cell(0, 0).expect("a cell").fgcolor();
        assert_eq!(red, vt100::Color::Idx(1));
    }

    #[test]
    fn what_waits_has_a_bound() {
        let mut screen = Screen::new(80, 24);
        screen.feed("a line\r\n".repeat(MAX_TEXT_BYTES).as_bytes());
        assert!(!screen.text.is_empty() && screen.text.capacity() <= MAX_TEXT_BYTES);
        for _ in 0..10 {
            screen.feed(&vec![b'x'; MAX_TEXT_BYTES / 2]);
            assert!(screen.text.capacity() <= MAX_TEXT_BYTES);
        }
        for _ in 0..10 {
            screen.feed("\x1b[31m\r\n".repeat(MAX_TEXT_BYTES / 4).as_bytes());
            assert!(screen.text.capacity() <= MAX_TEXT_BYTES);
        }
    }

    #[test]
    fn the_line_of_the_cursor_can_be_drawn_again() {
        let from = screen(30, 4, "out\r\n\x1b[32muser\x1b[0m$ ec\x1b[1mho\x1b[2D");
        let line = from.snapshot().line.unwrap();
        let mut parser = vt100::Parser::new(
            NonZeroU16::new(4).unwrap(),
            NonZeroU16::new(30).unwrap(),
            SCROLLBACK_ROWS,
        );
        parser.process(format!("above\r\n{line}").as_bytes());
        let (before, after) = (from.parser.screen(), parser.screen());
        assert_eq!(after.contents(), "above\nuser$ echo");
        assert_eq!(after.cursor_position(), (1, 8));
        assert_eq!(after.attributes_formatted(), before.attributes_formatted());
        assert_eq!(
            after.rows_formatted(0, 30).nth(1),
            before.rows_formatted(0, 30).nth(1)
        );
        assert!(screen(30, 4, "\x1b[?1049hfull").snapshot().line.is_none());
    }

    fn history(parser: &mut vt100::Parser) -> Vec<String> {
        let cols = parser.screen().size().1.get();
        let mut lines = Vec::new();
        for above in (1..=parser.screen().scrollback_len()).rev() {
            parser.screen_mut().set_scrollback(above);
            lines.extend(parser.screen().rows(0, cols).take(1));
        }
        parser.screen_mut().set_scrollback(0);
        lines.extend(parser.screen().rows(0, cols));
        lines
    }

    #[test]
    fn a_snapshot_draws_the_same_screen() {
        let original = screen(
            20,
            5,
            "one\r\n\x1b[31;1mtwo\x1b[m wide: \u{4f60}\r\n\x1b[?2004h$ ",
        );
        let copy = redrawn(&original);
        assert_eq!(
            copy.screen().contents(),
            original.parser.screen().contents()
        );
        assert_eq!(
            copy.screen().cursor_position(),
            original.parser.screen().cursor_position()
        );
        assert!(copy.screen().bracketed_paste());
        assert!(copy.screen().cell(1, 0).unwrap().bold());
    }

    #[tokio::test]
    async fn a_closed_terminal_takes_nothing_and_holds_nobody_back() {
        let screens = Screens::start().unwrap();
        screens.resize(1, 80, 24);
        screens.remove(1);
        for _ in 0..3 * MAX_WAITING_BATCHES {
            let room = screens.room().await;
            screens.feed(1, b"late".to_vec(), room);
        }
        assert!(screens.snapshot(1).await.is_none());
    }

    #[tokio::test]
    async fn terminals_that_flood_at_once_all_get_their_turn() {
        let screens = std::rc::Rc::new(Screens::start().unwrap());
        let local = tokio::task::LocalSet::new();
        for terminal in 1..=8 {
            let screens = screens.clone();
            local.spawn_local(async move {
                screens.resize(terminal, 80, 24);
                for _ in 0..20 {
                    let room = screens.room().await;
                    screens.feed(terminal, b"\x1b[1;1Hxy".repeat(2000), room);
                }
                assert_eq!(
                    screens.snapshot(terminal).await.unwrap().offset,
                    20 * 2000 * 8
                );
            });
        }
        tokio::time::timeout(std::time::Duration::from_secs(60), local)
            .await
            .expect("none waits for ever");
    }

    #[test]
    fn scrollback_comes_along_line_by_line() {
        let text: String = (0..40).map(|i| format!("line {i}\r\n")).collect();
        let mut original = screen(20, 5, &text);
        let mut copy = redrawn(&original);
        assert_eq!(history(&mut copy), history(&mut original.parser));
    }

    #[test]
    fn under_a_full_screen_program_lies_the_shell() {
        let original = screen(20, 5, "$ vim\r\n\x1b[?1049h\x1b[2J\x1b[Hin vim");
        let mut copy = redrawn(&original);
        assert!(copy.screen().alternate_screen());
        assert_eq!(copy.screen().contents(), "in vim");
        copy.process(b"\x1b[?1049l");
        assert_eq!(copy.screen().contents(), "$ vim");
        assert_eq!(copy.screen().cursor_position(), (1, 0));
    }
}
