//! Sizes as the command line names them: `large:memory=4GiB,processes=1024,cpu=200,disk=32GiB`; and as the
//! settings file does, in tables `[sizes.large]`.

use std::ops::RangeInclusive;

use alcove_server::config::NamedSize;

use crate::options;

/// What a size says, each at most once.
const KEYS: &str = "memory, processes, cpu or disk";
/// Longest name of one, in characters.
const MAX_NAME: usize = 40;

pub fn parse(text: &str) -> Result<NamedSize, String> {
    let (name, limits) = text
        .split_once(':')
        .ok_or("a size is NAME:memory=4GiB,processes=1024,cpu=200,disk=32GiB")?;
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_name) {
        return Err(format!(
            "a size has a name of 1 to {MAX_NAME} lower-case letters, digits and hyphens, not {name:?}"
        ));
    }
    let mut size = NamedSize {
        name: name.to_owned(),
        ..NamedSize::default()
    };
    for limit in limits.split(',') {
        let (key, value) = limit
            .split_once('=')
            .ok_or_else(|| format!("{name}: {limit:?} is not {KEYS} with a value"))?;
        let was_there = match key {
            "memory" => size
                .memory
                .replace(of(name, key, options::size(value))?)
                .is_some(),
            "disk" => size
                .disk
                .replace(of(name, key, options::size(value))?)
                .is_some(),
            "processes" => {
                let most = number(value, options::PROCESSES);
                size.processes.replace(of(name, key, most)?).is_some()
            }
            "cpu" => {
                let weight = number(value, options::CPU_WEIGHTS);
                size.cpu_weight.replace(of(name, key, weight)?).is_some()
            }
            _ => return Err(format!("{name}: a size has {KEYS}, not `{key}`")),
        };
        if was_there {
            return Err(format!("{name}: `{key}` is said twice"));
        }
    }
    Ok(size)
}

/// Tables of the settings file, as they would stand on the command line.
pub fn from_file(value: &toml::Value) -> Result<Vec<String>, String> {
    let tables = value.as_table().ok_or("it is tables: [sizes.large]")?;
    let one = |(name, limits): (&String, &toml::Value)| {
        let limits = limits.as_table();
        let limits = limits.ok_or_else(|| format!("`{name}` is a table: [sizes.{name}]"))?;
        let pair = |(key, value)| {
            let value = options::plain(value).map_err(|why| format!("{name}: {key}: {why}"))?;
            Ok(format!("{key}={value}"))
        };
        let pairs: Result<Vec<String>, String> = limits.iter().map(pair).collect();
        Ok(format!("{name}:{}", pairs?.join(",")))
    };
    tables.iter().map(one).collect()
}

fn of<T>(name: &str, key: &str, value: Result<T, String>) -> Result<T, String> {
    value.map_err(|why| format!("{name}: {key}: {why}"))
}

pub fn number(text: &str, bounds: RangeInclusive<u32>) -> Result<u32, String> {
    let number = text.parse().ok().filter(|n| bounds.contains(n));
    number.ok_or_else(|| format!("a number from {} to {}", bounds.start(), bounds.end()))
}

#[cfg(test)]
mod tests {
    use super::*;

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
