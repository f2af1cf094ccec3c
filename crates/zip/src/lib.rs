//! Writes zip archives (PKWARE APPNOTE 6.3.10) without going back, contents as they are: no entry above
//! 4 GiB, and at most 65,535 entries. Whoever uses it holds those bounds.

mod pieces;

use std::io::{self, Read, Write};

pub use pieces::{Pieces, in_pieces};

/// Files up to this are read before they are written, so that their head says what follows.
const SMALL_BYTES: u64 = 1024 * 1024;
/// Names are UTF-8; size and checksum follow the content.
const UTF8: u16 = 1 << 11;
const SIZE_FOLLOWS: u16 = 1 << 3;
/// Made on Unix, by version 3.0 of the format; 2.0 is needed to extract.
const MADE_BY: u16 = (3 << 8) | 30;
const NEEDED: u16 = 20;

/// What is known of an entry before its content.
#[derive(Clone, Copy)]
pub struct Entry<'a> {
    /// UTF-8, with slashes.
    pub name: &'a str,
    /// As `st_mode` of stat(2).
    pub mode: u32,
    /// Seconds since 1970.
    pub modified: i64,
}

pub struct Zip<W> {
    out: W,
    at: u64,
    directory: Vec<u8>,
    entries: u16,
}

struct Content {
    crc: u32,
    size: u32,
}

impl<W: Write> Zip<W> {
    pub fn new(out: W) -> Self {
        Self {
            out,
            at: 0,
            directory: Vec::new(),
            entries: 0,
        }
    }

    pub fn folder(&mut self, entry: Entry) -> io::Result<()> {
        let name = format!("{}/", entry.name);
        let name = name.as_str();
        self.small(Entry { name, ..entry }, b"")
    }

    /// A file, or the target of a link.
    pub fn small(&mut self, entry: Entry, content: &[u8]) -> io::Result<()> {
        let known = Content {
            crc: crc32fast::hash(content),
            size: fits(content.len() as u64)?,
        };
        let at = self.begin(entry, UTF8, Some(&known))?;
        self.put(content)?;
        self.enter(entry, UTF8, at, &known)
    }

    /// A file whose size may change while it is read: what is beyond `size` is left out.
    pub fn file(&mut self, entry: Entry, file: impl Read, size: u64) -> io::Result<()> {
        let mut file = file.take(size);
        if size <= SMALL_BYTES {
            let mut content = Vec::with_capacity(size as usize);
            file.read_to_end(&mut content)?;
            return self.small(entry, &content);
        }
        let flags = UTF8 | SIZE_FOLLOWS;
        let at = self.begin(entry, flags, None)?;
        let mut crc = crc32fast::Hasher::new();
        let mut read = 0;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            crc.update(&buffer[..count]);
            read += count as u64;
            self.put(&buffer[..count])?;
        }
        let known = Content {
            crc: crc.finalize(),
            size: fits(read)?,
        };
        let mut follows = Vec::with_capacity(16);
        follows.extend(0x0807_4b50u32.to_le_bytes());
        known.write(&mut follows);
        self.put(&follows)?;
        self.enter(entry, flags, at, &known)
    }

    /// Writes the directory, with a comment for people.
    pub fn finish(mut self, comment: &str) -> io::Result<()> {
        let at = fits(self.at)?;
        let size = fits(self.directory.len() as u64)?;
        let directory = std::mem::take(&mut self.directory);
        self.put(&directory)?;
        let mut end = Vec::with_capacity(22);
        end.extend(0x0605_4b50u32.to_le_bytes());
        end.extend([0; 4]);
        end.extend(self.entries.to_le_bytes());
        end.extend(self.entries.to_le_bytes());
        end.extend(size.to_le_bytes());
        end.extend(at.to_le_bytes());
        end.extend((comment.len() as u16).to_le_bytes());
        end.extend(comment.as_bytes());
        self.put(&end)
    }

    /// The head of an entry; where it begins.
    fn begin(&mut self, entry: Entry, flags: u16, content: Option<&Content>) -> io::Result<u32> {
        let at = fits(self.at)?;
        let mut head = Vec::with_capacity(30 + entry.name.len());
        head.extend(0x0403_4b50u32.to_le_bytes());
        common(&mut head, entry, flags, content);
        head.extend(0u16.to_le_bytes());
        head.extend(entry.name.as_bytes());
        self.put(&head)?;
        Ok(at)
    }

    /// Notes an entry for the directory.
    fn enter(&mut self, entry: Entry, flags: u16, at: u32, content: &Content) -> io::Result<()> {
        let too_many = || io::Error::other("too many entries");
        self.entries = self.entries.checked_add(1).ok_or_else(too_many)?;
        let to = &mut self.directory;
        to.extend(0x0201_4b50u32.to_le_bytes());
        to.extend(MADE_BY.to_le_bytes());
        common(to, entry, flags, Some(content));
        // No extra field, no comment, first disk, no internal attributes.
        to.extend([0; 8]);
        to.extend((entry.mode << 16).to_le_bytes());
        to.extend(at.to_le_bytes());
        to.extend(entry.name.as_bytes());
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.at += bytes.len() as u64;
        Ok(())
    }
}

impl Content {
    fn write(&self, to: &mut Vec<u8>) {
        to.extend(self.crc.to_le_bytes());
        to.extend(self.size.to_le_bytes());
        to.extend(self.size.to_le_bytes());
    }
}

/// What head and directory have in common, up to the length of the name.
fn common(to: &mut Vec<u8>, entry: Entry, flags: u16, content: Option<&Content>) {
    let (date, time) = dos_time(entry.modified);
    for field in [NEEDED, flags, 0, time, date] {
        to.extend(field.to_le_bytes());
    }
    match content {
        Some(content) => content.write(to),
        None => to.extend([0; 12]),
    }
    to.extend((entry.name.len() as u16).to_le_bytes());
}

fn fits(number: u64) -> io::Result<u32> {
    u32::try_from(number).map_err(|_| io::Error::other("more than 4 GiB"))
}

/// Date and time as DOS has them, in UTC; 1980 for what is before. Days by Howard Hinnant's
/// `civil_from_days`.
fn dos_time(seconds: i64) -> (u16, u16) {
    const FIRST: i64 = 315_532_800;
    const LAST: i64 = 4_354_819_198;
    let seconds = seconds.clamp(FIRST, LAST);
    let (days, of_day) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year + era * 400 + i64::from(month <= 2);
    let date = ((year - 1980) << 9) | (month << 5) | day;
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let time = (hour << 11) | (minute << 5) | (second / 2);
    (date as u16, time as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let shown = |seconds| {
            let (date, time) = dos_time(seconds);
            let (date, time) = (u32::from(date), u32::from(time));
            let day = ((date >> 9) + 1980, date >> 5 & 15, date & 31);
            (day, (time >> 11, time >> 5 & 63, (time & 31) * 2))
        };
        assert_eq!(shown(1_709_210_096), ((2024, 2, 29), (12, 34, 56)));
        assert_eq!(shown(0), ((1980, 1, 1), (0, 0, 0)));
        assert_eq!(shown(i64::MAX), ((2107, 12, 31), (23, 59, 58)));
    }

    #[test]
    fn large_files_are_written_without_knowing_their_end() {
        let mut out = Vec::new();
        let mut zip = Zip::new(&mut out);
        let entry = Entry {
            name: "large",
            mode: 0o100_644,
            modified: 0,
        };
        let large = vec![7; SMALL_BYTES as usize + 1];
        zip.file(entry, large.as_slice(), large.len() as u64 + 9)
            .unwrap();
        zip.finish("").unwrap();
        let crc = crc32fast::hash(&large).to_le_bytes();
        let after = &out[30 + 5 + large.len()..];
        assert_eq!(after[..4], 0x0807_4b50u32.to_le_bytes());
        assert_eq!(after[4..8], crc);
    }
}
