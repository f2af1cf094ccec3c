//! What came of the attempts: on the terminal, and as a list in the documentation.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use crate::attempt::Row;

/// The list is between these lines of the document.
const MARKS: (&str, &str) = ("<!-- attempts -->\n", "<!-- end of attempts -->\n");

type Group = (&'static str, Vec<Row>);

/// Prints every attempt, and fails when one escaped, one is without control, or the document is another.
pub fn print_and_compare(groups: &[Group]) -> ExitCode {
    let rows = || groups.iter().flat_map(|(_, rows)| rows);
    let (mut escaped, mut without) = (0, 0);
    for row in rows() {
        let mut words = Vec::new();
        if row.escaped() {
            escaped += 1;
            words.push(format!("ESCAPED {:?}", row.inside));
            words.extend(row.as_user.as_ref().map(|v| format!("as a user {v:?}")));
        }
        if row.without_control() {
            without += 1;
            words.push(format!("WITHOUT CONTROL {:?}", row.control));
        }
        let words = match words.is_empty() {
            true => "stopped".to_owned(),
            false => words.join(", "),
        };
        println!("{:<28} {words}", row.name);
    }
    let document = compare(groups);
    if let Err(error) = &document {
        println!("{error}");
    }
    let count = rows().count();
    println!("{count} attempts, {escaped} escaped, {without} without control");
    match escaped + without == 0 && document.is_ok() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn list(groups: &[Group]) -> String {
    let mut text = String::new();
    for (name, rows) in groups {
        text += &format!(
            "\n### {name}\n\n| attempt | what it tries | ends with | control: it succeeds for | ordinary user |\n| --- | --- | --- | --- | --- |\n"
        );
        for row in rows {
            let ends = row.stopped.join(" or ");
            let as_user = row.as_user.as_ref().map_or("", |_| "tried too");
            let line = [row.tries, &ends, row.control_words, as_user].join(" | ");
            text += &format!("| `{}` | {line} |\n", row.name);
        }
    }
    text + "\n"
}

/// Whether the document has this list, and speaks of each attempt among the threats.
fn compare(groups: &[Group]) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/security.md");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let (before, rest) = text.split_once(MARKS.0).ok_or("no list in security.md")?;
    let (there, after) = rest.split_once(MARKS.1).ok_or("no end of the list")?;
    let wanted = list(groups);
    if there != wanted {
        if std::env::var_os("UPDATE_ATTEMPTS").is_none() {
            return Err(
                "docs/reference/security.md lists other attempts: `make attempts` writes them"
                    .into(),
            );
        }
        let new = format!("{before}{}{wanted}{}{after}", MARKS.0, MARKS.1);
        std::fs::write(&path, new).map_err(|e| e.to_string())?;
    }
    let threats = before.split("\n## Threats\n").nth(1).ok_or("no threats")?;
    let threats = threats.split("\n## ").next().unwrap_or_default();
    // Of each row the last column.
    let named: BTreeSet<&str> = threats
        .lines()
        .filter_map(|line| line.trim_end_matches(" |").rsplit_once(" | "))
        .flat_map(|(_, column)| column.split('`').skip(1).step_by(2))
        .collect();
    let tried: BTreeSet<&str> = groups
        .iter()
        .flat_map(|(_, rows)| rows)
        .map(|r| r.name)
        .collect();
    match named == tried {
        true => Ok(()),
        false => Err(format!(
            "the threats in docs/reference/security.md name attempts that are none: {:?}; and leave out: {:?}",
            named.difference(&tried),
            tried.difference(&named)
        )),
    }
}
