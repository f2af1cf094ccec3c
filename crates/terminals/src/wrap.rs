//! Wrapping a screen's lines anew when a terminal becomes narrower or wider.

use std::num::NonZeroU16;

use vt100::capture::{BasicFormattedCaptureRange, basic_formatted_rows};

use crate::screen::SCROLLBACK_ROWS;

/// The same scrollback, screen, modes and cursor with other columns. Lines that the old width had wrapped are
/// one again. The row that was on top stays there while what is below it has room.
pub fn rewrapped(screen: &vt100::Screen, cols: NonZeroU16) -> vt100::Parser {
    let (rows, _) = screen.size();
    if !screen.alternate_screen() {
        return main_rewrapped(screen, cols);
    }
    let mut parser = main_rewrapped(&below(screen), cols);
    // Programs that fill the screen draw themselves anew.
    let mut full = screen.clone();
    full.set_size(rows, cols);
    parser.process(b"\x1b[?1049h");
    parser.process(full.state_formatted().as_bytes());
    parser
}

/// What lies under a program that fills the screen.
pub fn below(screen: &vt100::Screen) -> vt100::Screen {
    let (rows, cols) = screen.size();
    let mut parser = vt100::Parser::new(rows, cols, 0);
    *parser.screen_mut() = screen.clone();
    parser.process(b"\x1b[?47l");
    parser.screen().clone()
}

fn main_rewrapped(screen: &vt100::Screen, cols: NonZeroU16) -> vt100::Parser {
    let (rows, old_cols) = screen.size();
    let mut text = String::new();
    let mut state = Default::default();
    screen
        .write_contents_formatted_basic(&mut text, BasicFormattedCaptureRange::Full(&mut state))
        .expect("writing to a string succeeds");
    let mut lines: Vec<&str> = text.split('\n').collect();

    let (row, col) = screen.cursor_position();
    let above = screen.scrollback_len();
    let top = Place::of_row(&lines, above, 0, old_cols);
    let cursor = Place::of_row(&lines, above + usize::from(row), col, old_cols);
    let used = lines.iter().rposition(|line| !line.is_empty());
    lines.truncate(used.map_or(0, |last| last + 1).max(cursor.line + 1));

    let height: usize = lines.iter().map(|line| height(line, cols)).sum();
    let screen_rows = usize::from(rows.get());
    let (top_row, _) = top.at(&lines, cols);
    let (cursor_row, cursor_col) = cursor.at(&lines, cols);
    let top_row = top_row.max(height.max(cursor_row + 1).saturating_sub(screen_rows));

    let mut parser = vt100::Parser::new(rows, cols, SCROLLBACK_ROWS);
    let blank = top_row + screen_rows - height;
    let mut drawn = lines.join("\r\n");
    drawn.push_str("\x1b[m");
    drawn.push_str(&"\r\n".repeat(blank));
    parser.process(drawn.as_bytes());
    let (row, col) = (cursor_row.saturating_sub(top_row) + 1, cursor_col + 1);
    parser.process(format!("\x1b[{row};{col}H").as_bytes());
    if screen.hide_cursor() {
        parser.process(b"\x1b[?25l");
    }
    parser.process(screen.attributes_formatted().as_bytes());
    parser.process(screen.input_mode_formatted().as_bytes());
    parser
}

/// Rows that a line takes.
fn height(line: &str, cols: NonZeroU16) -> usize {
    basic_formatted_rows(line, cols.get()).count()
}

/// A cell of a text that does not depend on where its lines are wrapped.
struct Place {
    line: usize,
    /// Columns from the line's beginning.
    column: usize,
}

impl Place {
    /// The cell at `col` of a row, counted from the first of the scrollback.
    fn of_row(lines: &[&str], row: usize, col: u16, cols: NonZeroU16) -> Self {
        let mut begin = 0;
        for (line, text) in lines.iter().enumerate() {
            let end = begin + height(text, cols);
            if row < end {
                let column = (row - begin) * usize::from(cols.get()) + usize::from(col);
                return Self { line, column };
            }
            begin = end;
        }
        Self {
            line: lines.len().saturating_sub(1),
            column: usize::from(col),
        }
    }

    /// Row, counted from the first of the scrollback, and column. What lies behind a line's end stays on its last
    /// row; behind one that is full, the next begins.
    fn at(&self, lines: &[&str], cols: NonZeroU16) -> (usize, usize) {
        let begin: usize = lines[..self.line].iter().map(|l| height(l, cols)).sum();
        let cols_count = usize::from(cols.get());
        let last = height(lines[self.line], cols) - 1;
        let row = self.column / cols_count;
        if self.column == (last + 1) * cols_count {
            (begin + last + 1, 0)
        } else if row > last {
            (begin + last, cols_count - 1)
        } else {
            (begin + row, self.column % cols_count)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn size(n: u16) -> NonZeroU16 {
        NonZeroU16::new(n).unwrap()
    }

    fn parser(cols: u16, rows: u16, output: &str) -> vt100::Parser {
        let mut parser = vt100::Parser::new(size(rows), size(cols), SCROLLBACK_ROWS);
        parser.process(output.as_bytes());
        parser
    }

    fn everything(screen: &vt100::Screen) -> String {
        let mut text = String::new();
        let mut state = Default::default();
        let range = BasicFormattedCaptureRange::Full(&mut state);
        screen
            .write_contents_formatted_basic(&mut text, range)
            .unwrap();
        text.trim_end_matches('\n').to_owned()
    }

    #[test]
    fn a_line_is_wrapped_where_the_screen_ends_now_and_is_one_again_later() {
        let long = "0123456789".repeat(9);
        let before = parser(100, 5, &format!("\x1b[31m{long}\x1b[m\r\n\x1b[?2004h$ "));
        let narrow = rewrapped(before.screen(), size(50));
        assert_eq!(narrow.screen().cursor_position(), (2, 2));
        assert!(narrow.screen().row_wrapped(0) && narrow.screen().bracketed_paste());
        assert_eq!(narrow.screen().cell(1, 39).unwrap().contents(), "9");
        let wide = rewrapped(narrow.screen(), size(100));
        assert_eq!(wide.screen().contents(), before.screen().contents());
        assert_eq!(wide.screen().cursor_position(), (1, 2));
        assert_eq!(everything(wide.screen()), everything(before.screen()));
    }

    #[test]
    fn what_follows_a_line_that_fills_the_screen_is_written_behind_it() {
        for rows in [1, 3] {
            let before = parser(80, rows, &"x".repeat(50));
            let mut narrow = rewrapped(before.screen(), size(50));
            narrow.process(b"y");
            let text = everything(narrow.screen()).replace('\n', "");
            assert_eq!(text, format!("{}y", "x".repeat(50)));
        }
    }

    #[test]
    fn an_emptied_screen_stays_empty_above_the_prompt() {
        let lines: String = (0..20).map(|i| format!("line {i}\r\n")).collect();
        let before = parser(40, 5, &format!("{lines}\x1b[H\x1b[2J$ ls"));
        let narrow = rewrapped(before.screen(), size(20));
        assert_eq!(narrow.screen().contents(), "$ ls");
        assert_eq!(narrow.screen().cursor_position(), (0, 4));
        assert_eq!(
            narrow.screen().scrollback_len(),
            before.screen().scrollback_len()
        );
    }

    #[test]
    fn what_no_longer_has_room_goes_above() {
        let before = parser(
            20,
            3,
            &format!("{}\r\n{}\r\n$ ", "a".repeat(20), "b".repeat(20)),
        );
        let narrow = rewrapped(before.screen(), size(10));
        assert_eq!(narrow.screen().scrollback_len(), 2);
        assert_eq!(
            narrow.screen().contents(),
            format!("{}\n$ ", "b".repeat(20))
        );
        assert_eq!(narrow.screen().cursor_position(), (2, 2));
    }

    #[test]
    fn a_full_screen_program_keeps_what_is_below_it() {
        let long = "0123456789".repeat(4);
        let before = parser(
            40,
            5,
            &format!("{long}\r\n$ vim\x1b[?1049h\x1b[2J\x1b[Hin vim"),
        );
        let mut after = rewrapped(before.screen(), size(25));
        assert!(after.screen().alternate_screen());
        assert_eq!(after.screen().contents(), "in vim");
        after.process(b"\x1b[?1049l");
        assert_eq!(after.screen().contents(), format!("{long}\n$ vim"));
        assert_eq!(after.screen().cursor_position(), (2, 5));
    }

    fn through(widths: &[u16], lines: &[String]) -> (String, String) {
        let before = parser(80, 6, &lines.join("\r\n"));
        let mut screen = before.screen().clone();
        for cols in widths {
            screen = rewrapped(&screen, size(*cols)).screen().clone();
        }
        let end = rewrapped(&screen, size(80));
        (everything(before.screen()), everything(end.screen()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn nothing_is_lost_whatever_the_widths(
            lines in prop::collection::vec("[a-z]{0,60}", 0..30),
            widths in prop::collection::vec(2u16..80, 1..5),
        ) {
            let (before, after) = through(&widths, &lines);
            prop_assert_eq!(before, after);
        }

        /// A character that is moved to the next row since half of it has no room ends a line of the emulator's.
        #[test]
        fn no_wide_character_is_lost(
            lines in prop::collection::vec("[a-z\u{4f60}]{0,40}", 0..20),
            widths in prop::collection::vec(2u16..80, 1..5),
        ) {
            let (before, after) = through(&widths, &lines);
            prop_assert_eq!(before.replace('\n', ""), after.replace('\n', ""));
        }
    }
}
