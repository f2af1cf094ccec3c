//! Ids, and names for repls that were given none.

use alcove_protocol::api::MAX_REPL_NAME_CHARS;
use alcove_protocol::names::{FIRST_WORDS, SECOND_WORDS};
use rand::RngExt;

const ID_ALPHABET: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
/// 12 characters of 36: 62 bits; valid in a host name (RFC 1123 §2.1).
const ID_LENGTH: usize = 12;

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
        pick(FIRST_WORDS, rng.random_range(0..1000)),
        pick(SECOND_WORDS, rng.random_range(0..1000))
    )
}

/// A name with something after it, as far as a repl's name may be long.
pub fn derived(name: &str, suffix: &str) -> String {
    let room = MAX_REPL_NAME_CHARS - suffix.chars().count();
    let kept: String = name.chars().take(room).collect();
    kept.trim_end().to_owned() + suffix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_name_fits() {
        assert_eq!(derived("shop", " copy"), "shop copy");
        let longest = derived(&"é".repeat(MAX_REPL_NAME_CHARS), " copy");
        assert_eq!(longest.chars().count(), MAX_REPL_NAME_CHARS);
        assert!(longest.ends_with("é copy"));
    }

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
