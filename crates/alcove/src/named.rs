//! Settings that have a name and say several things: `NAME:KEY=VALUE,KEY=VALUE` on the command line, tables
//! `[sizes.NAME]` in the settings file.

use crate::options;

/// Longest name of one, in characters.
pub const MAX_NAME: usize = 40;

/// A name, and what is said of it: each at most once.
pub struct Named<'a> {
    pub name: &'a str,
    pub pairs: Vec<(&'a str, &'a str)>,
}

impl<'a> Named<'a> {
    /// `example` is one that is right, `keys` in words what may be said.
    pub fn parse(text: &'a str, example: &str, keys: &str) -> Result<Self, String> {
        let what = example.split_once(' ').map_or(example, |(what, _)| what);
        let (name, said) = text
            .split_once(':')
            .ok_or_else(|| format!("a {what} is {}", &example[what.len() + 1..]))?;
        let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_name) {
            return Err(format!(
                "a {what} has a name of 1 to {MAX_NAME} lower-case letters, digits and hyphens, not {name:?}"
            ));
        }
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for pair in said.split(',') {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| format!("{name}: {pair:?} is not {keys} with a value"))?;
            if pairs.iter().any(|(known, _)| *known == key) {
                return Err(format!("{name}: `{key}` is said twice"));
            }
            pairs.push((key, value));
        }
        Ok(Self { name, pairs })
    }

    /// What is wrong with what is said of it.
    pub fn wrong(&self, key: &str, why: &str) -> String {
        format!("{}: {key}: {why}", self.name)
    }
}

/// Tables of the settings file, as they would stand on the command line. `kind` is how the file calls them.
pub fn from_file(kind: &str, value: &toml::Value) -> Result<Vec<String>, String> {
    let tables = value.as_table();
    let tables = tables.ok_or_else(|| format!("it is tables: [{kind}.NAME]"))?;
    let one = |(name, said): (&String, &toml::Value)| {
        let said = said.as_table();
        let said = said.ok_or_else(|| format!("`{name}` is a table: [{kind}.{name}]"))?;
        let pair = |(key, value): (&String, _)| {
            let value = options::plain(value).map_err(|why| format!("{name}: {key}: {why}"))?;
            Ok(format!("{}={value}", key.replace('_', "-")))
        };
        let pairs: Result<Vec<String>, String> = said.iter().map(pair).collect();
        Ok(format!("{name}:{}", pairs?.join(",")))
    };
    tables.iter().map(one).collect()
}
