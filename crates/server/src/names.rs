//! Ids, and names for repls that were given none.

use rand::RngExt;

const ID_ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// 12 characters of 36: 62 bits; valid in a host name (RFC 1123 §2.1).
const ID_LENGTH: usize = 12;

const FIRST: &[&str] = &[
    "amber", "brisk", "calm", "clear", "clever", "coral", "crisp", "dapper", "eager", "early",
    "gentle", "golden", "keen", "light", "lively", "lucky", "mellow", "merry", "misty", "nimble",
    "olive", "proud", "quiet", "rapid", "sandy", "silver", "snowy", "sunny", "swift", "tidy",
    "velvet", "vivid", "warm", "wild", "young",
];
const SECOND: &[&str] = &[
    "acorn", "badger", "beacon", "birch", "brook", "canyon", "cedar", "comet", "cove", "delta",
    "ember", "falcon", "fern", "finch", "garden", "glade", "harbor", "heron", "island", "lagoon",
    "lantern", "maple", "meadow", "otter", "pebble", "pine", "planet", "prairie", "reef", "river",
    "sparrow", "summit", "thicket", "valley", "willow",
];

/// A new repl's id.
pub fn new_id() -> String {
    let mut rng = rand::rng();
    (0..ID_LENGTH)
        .map(|_| ID_ALPHABET[rng.random_range(0..ID_ALPHABET.len())] as char)
        .collect()
}

/// Whether a text has an id's form.
pub fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|b| ID_ALPHABET.contains(&b))
}

/// Two words, such as `quiet-otter`.
pub fn new_name() -> String {
    let mut rng = rand::rng();
    let pick = |list: &[&'static str], n: usize| list[n % list.len()];
    format!(
        "{}-{}",
        pick(FIRST, rng.random_range(0..1000)),
        pick(SECOND, rng.random_range(0..1000))
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_form() {
        assert!(is_id(&new_id()));
        for bad in [
            "",
            "short",
            "ABCDEFGHIJKL",
            "abcdefghijk-",
            "abcdefghijklm",
            "../../../etc",
        ] {
            assert!(!is_id(bad), "{bad}");
        }
    }
}
