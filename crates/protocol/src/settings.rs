//! What a user chose for the editor: `GET` and `PUT /api/me/settings`.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use utoipa::ToSchema;

/// Sizes of letters, in CSS pixels.
pub const FONT_PX: RangeInclusive<f32> = 8.0..=40.0;
/// Columns of a tab.
pub const TAB_COLUMNS: RangeInclusive<u8> = 1..=16;
/// Longest list of font families, in bytes.
pub const MAX_FONT_BYTES: usize = 200;
/// Most commands whose keys were changed,
pub const MAX_CHANGED_KEYS: usize = 500;
/// and the longest name of a command or a combination, in bytes.
pub const MAX_KEY_BYTES: usize = 64;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    pub theme: ThemeChoice,
    /// Pixels, 8 to 40.
    pub editor_font_px: f32,
    /// Pixels, 8 to 40.
    pub terminal_font_px: f32,
    /// Font families as in CSS; empty for Alcove's own.
    pub editor_font: String,
    /// Columns of a tab, 1 to 16; also the indentation of files that show none of their own.
    pub tab_columns: u8,
    pub word_wrap: bool,
    /// Vim's keys in the editor.
    pub vim: bool,
    /// The terminal keeps its text where screen readers find it; slower.
    pub screen_reader: bool,
    /// Combinations by command; empty: the command has none.
    #[ts(type = "Record<string, string>")]
    pub keys: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ThemeChoice {
    /// As the person's system says.
    #[default]
    System,
    Light,
    Dark,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            theme: ThemeChoice::default(),
            editor_font_px: 13.0,
            terminal_font_px: 12.5,
            editor_font: String::new(),
            tab_columns: 4,
            word_wrap: false,
            vim: false,
            screen_reader: false,
            keys: BTreeMap::new(),
        }
    }
}

impl Settings {
    /// What is out of bounds, in words for a person.
    pub fn check(&self) -> Result<(), String> {
        for (what, px) in [
            ("The editor’s letters", self.editor_font_px),
            ("The terminal’s letters", self.terminal_font_px),
        ] {
            if !FONT_PX.contains(&px) {
                let (least, most) = (FONT_PX.start(), FONT_PX.end());
                return Err(format!("{what} may be {least} to {most} pixels large."));
            }
        }
        if !TAB_COLUMNS.contains(&self.tab_columns) {
            let (least, most) = (TAB_COLUMNS.start(), TAB_COLUMNS.end());
            return Err(format!("A tab may have {least} to {most} columns."));
        }
        // It becomes part of a style.
        let odd = |c: char| c.is_control() || "{};<>\\".contains(c);
        if self.editor_font.len() > MAX_FONT_BYTES || self.editor_font.contains(odd) {
            return Err(format!(
                "A font is named by {MAX_FONT_BYTES} bytes at most, without braces, semicolons and the like."
            ));
        }
        let fits = |text: &String| text.len() <= MAX_KEY_BYTES && !text.contains(char::is_control);
        if self.keys.len() > MAX_CHANGED_KEYS
            || !self
                .keys
                .iter()
                .all(|(command, keys)| fits(command) && fits(keys))
        {
            return Err(format!(
                "Keys of {MAX_CHANGED_KEYS} commands may be changed, with names of {MAX_KEY_BYTES} bytes at most."
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(change: impl FnOnce(&mut Settings)) -> bool {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.check().is_ok()
    }

    #[test]
    fn each_bound_holds_at_its_edge() {
        assert!(with(|_| {}));
        let sizes = [8.0, 7.9, 40.0, 40.1, f32::NAN];
        for (px, fits) in sizes.into_iter().zip([true, false, true, false, false]) {
            assert_eq!(with(|s| s.editor_font_px = px), fits, "{px}");
            assert_eq!(with(|s| s.terminal_font_px = px), fits, "{px}");
        }
        for (columns, fits) in [(1, true), (0, false), (16, true), (17, false)] {
            assert_eq!(with(|s| s.tab_columns = columns), fits, "{columns}");
        }
        assert!(with(|s| s.editor_font = "a".repeat(MAX_FONT_BYTES)));
        assert!(!with(|s| s.editor_font = "a".repeat(MAX_FONT_BYTES + 1)));
        assert!(with(
            |s| s.editor_font = "\"Fira Code\", 'x', monospace".into()
        ));
        for odd in ["a;b", "a}b", "a\\b", "a\nb"] {
            assert!(!with(|s| s.editor_font = odd.into()), "{odd}");
        }
        let keys = |n: usize, length: usize| {
            with(|s| {
                s.keys = (0..n)
                    .map(|i| (format!("{i:0>length$}"), "F9".into()))
                    .collect();
            })
        };
        assert!(keys(MAX_CHANGED_KEYS, MAX_KEY_BYTES));
        assert!(!keys(MAX_CHANGED_KEYS + 1, 4));
        assert!(!keys(1, MAX_KEY_BYTES + 1));
    }

    #[test]
    fn what_is_absent_is_the_default_and_what_is_unknown_is_refused() {
        let read = |text: &str| serde_json::from_str::<Settings>(text);
        assert_eq!(read("{}").unwrap(), Settings::default());
        assert_eq!(
            read(r#"{"theme":"dark"}"#).unwrap().theme,
            ThemeChoice::Dark
        );
        assert!(read(r#"{"theme":"blue"}"#).is_err());
        assert!(read(r#"{"wrap":true}"#).is_err());
    }
}
