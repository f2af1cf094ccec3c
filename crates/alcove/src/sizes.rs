//! Sizes as the command line names them: `large:memory=4GiB,processes=1024,cpu=200,disk=32GiB`.

use std::ops::RangeInclusive;

use alcove_server::config::NamedSize;

use crate::named::Named;
use crate::options;

/// What a size says, each at most once.
const KEYS: &str = "memory, processes, cpu or disk";

pub fn parse(text: &str) -> Result<NamedSize, String> {
    let example = "size NAME:memory=4GiB,processes=1024,cpu=200,disk=32GiB";
    let named = Named::parse(text, example, KEYS)?;
    let mut size = NamedSize {
        name: named.name.to_owned(),
        ..NamedSize::default()
    };
    for (key, value) in &named.pairs {
        let said = match *key {
            "memory" => options::size(value).map(|memory| size.memory = Some(memory)),
            "disk" => options::size(value).map(|disk| size.disk = Some(disk)),
            "processes" => {
                number(value, options::PROCESSES).map(|most| size.processes = Some(most))
            }
            "cpu" => {
                number(value, options::CPU_WEIGHTS).map(|weight| size.cpu_weight = Some(weight))
            }
            _ => return Err(format!("{}: a size has {KEYS}, not `{key}`", named.name)),
        };
        said.map_err(|why| named.wrong(key, &why))?;
    }
    Ok(size)
}

pub fn number(text: &str, bounds: RangeInclusive<u32>) -> Result<u32, String> {
    let number = text.parse().ok().filter(|n| bounds.contains(n));
    number.ok_or_else(|| format!("a number from {} to {}", bounds.start(), bounds.end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::named::MAX_NAME;

    #[test]
    fn a_size_says_some_limits_or_all() {
        let size = parse("large:memory=4GiB,processes=1024,cpu=200,disk=32GiB").unwrap();
        let wanted = NamedSize {
            name: "large".into(),
            memory: Some(4 << 30),
            processes: Some(1024),
            cpu_weight: Some(200),
            disk: Some(32 << 30),
        };
        assert_eq!(size, wanted);
        let size = parse("class-1:memory=384MiB").unwrap();
        assert_eq!((size.memory, size.disk), (Some(384 << 20), None));
    }

    #[test]
    fn what_is_wrong_is_said_and_of_which() {
        for (bad, words) in [
            ("large", "NAME:memory"),
            (":memory=1GiB", "1 to 40"),
            ("Large:memory=1GiB", "lower-case"),
            (
                &format!("{}:memory=1GiB", "a".repeat(MAX_NAME + 1)),
                "1 to 40",
            ),
            ("large:", "is not memory"),
            ("large:memory", "is not memory"),
            ("large:memory=63MiB", "large: memory: a repl needs 64MiB"),
            ("large:memory=much", "large: memory"),
            ("large:disk=0", "large: disk"),
            ("large:processes=15", "from 16 to 65536"),
            ("large:cpu=0", "from 1 to 10000"),
            ("large:cpu=10001", "from 1 to 10000"),
            ("large:ram=1GiB", "not `ram`"),
            ("large:cpu=1,cpu=2", "twice"),
        ] {
            let said = parse(bad).unwrap_err();
            assert!(said.contains(words), "{bad}: {said}");
        }
        let edges = "large:memory=64MiB,processes=16,cpu=1,disk=64MiB";
        assert!(parse(edges).is_ok());
        assert!(parse("large:processes=65536,cpu=10000").is_ok());
        assert!(parse(&format!("{}:cpu=1", "a".repeat(MAX_NAME))).is_ok());
    }
}
