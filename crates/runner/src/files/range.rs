//! `Range` of a request (RFC 9110 §14.2): one range of bytes; anything else means the whole. Pure.

/// What part of a file is wanted.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    /// First and last byte, both within the file.
    Part(u64, u64),
    /// Beyond its end.
    Nothing,
}

/// Reads a `Range` header for a file of `size` bytes.
pub fn wanted(header: Option<&str>, size: u64) -> Wanted {
    let Some((first, last)) = header
        .and_then(|h| h.strip_prefix("bytes="))
        .and_then(|r| r.split_once('-'))
    else {
        return Wanted::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    match (number(first), number(last)) {
        (Some(first), _) if first >= size => Wanted::Nothing,
        (Some(first), Some(last)) if last < first => Wanted::Whole,
        (Some(first), Some(last)) => Wanted::Part(first, last.min(size - 1)),
        (Some(first), None) if last.is_empty() => Wanted::Part(first, size - 1),
        (None, Some(0)) if first.is_empty() => Wanted::Nothing,
        (None, Some(_)) if first.is_empty() && size == 0 => Wanted::Nothing,
        (None, Some(count)) if first.is_empty() => {
            Wanted::Part(size.saturating_sub(count), size - 1)
        }
        _ => Wanted::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_within_the_file_is_a_part_of_it() {
        for (header, part) in [
            ("bytes=0-0", Wanted::Part(0, 0)),
            ("bytes=2-", Wanted::Part(2, 9)),
            ("bytes=2-99", Wanted::Part(2, 9)),
            ("bytes=-3", Wanted::Part(7, 9)),
            ("bytes=-99", Wanted::Part(0, 9)),
            ("bytes=10-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=99999999999999999999-", Wanted::Nothing),
            ("bytes=5-2", Wanted::Whole),
            ("bytes=0-1,4-5", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("lines=1-2", Wanted::Whole),
            ("bytes=+1-2", Wanted::Whole),
        ] {
            assert_eq!(wanted(Some(header), 10), part, "{header}");
        }
        assert_eq!(wanted(None, 10), Wanted::Whole);
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Nothing);
        assert_eq!(wanted(Some("bytes=-1"), 0), Wanted::Nothing);
    }
}
