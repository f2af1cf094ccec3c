//! Writes run configurations to the project file. Comments, order and all other keys stay as they are.

use alcove_protocol::WorkspacePath;
use alcove_protocol::project::{self, FILE_NAME, NamedRun, Project};
use alcove_protocol::session::{ErrorCode, RunConfiguration, RunSet, RunnerMessage};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use crate::Runner;
use crate::documents::{Changed, diff};

/// Writes these to the project file, which is made if there is none, unless it has others than `before`.
pub async fn save(
    runner: &Runner,
    before: Option<RunSet>,
    now: RunSet,
) -> Result<RunnerMessage, (ErrorCode, String)> {
    let RunSet { run, runs } = now;
    project::check_runs(&runs).map_err(|e| (ErrorCode::Malformed, sentence(&e)))?;
    if run.port == Some(0) {
        return Err((ErrorCode::Malformed, "The port must not be 0.".into()));
    }
    if let (Some(before), Ok(project)) = (before, runner.runs.project()) {
        let there = RunSet {
            run: RunConfiguration {
                command: project.run.command,
                port: project.run.port,
            },
            runs: project.runs,
        };
        if there != before {
            let message = format!(
                "Nothing was written: the run configurations in {FILE_NAME} were changed meanwhile. Open the form again to see them."
            );
            return Err((ErrorCode::Exists, message));
        }
    }
    let path: WorkspacePath = FILE_NAME
        .parse()
        .expect("the project file's name is a path");
    let full = path.under(&runner.workspace);
    match std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&full)
    {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err((
                ErrorCode::Failed,
                format!("{FILE_NAME} can't be made: {error}"),
            ));
        }
        _ => {}
    }
    let changed = runner
        .documents
        .change(&path, move |text| match edited(text, &run, &runs) {
            Ok(new) => Some((diff(text, &new), Ok(()))),
            Err(error) => Some((vec![], Err(error))),
        })
        .await;
    runner.touch_parent(&path);
    match changed {
        Changed::Yes(Ok(())) => {
            runner.project_changed();
            Ok(RunnerMessage::Done)
        }
        Changed::Yes(Err(error)) => Err((ErrorCode::Failed, error)),
        Changed::Meanwhile => Err((
            ErrorCode::Failed,
            format!("{FILE_NAME} was changed meanwhile: look at it, and save again."),
        )),
        Changed::Failed(error) => Err((ErrorCode::Failed, error)),
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).chain(['.']).collect()
    })
}

/// The project file's text with these run configurations.
fn edited(text: &str, run: &RunConfiguration, runs: &[NamedRun]) -> Result<String, String> {
    let wrong = |e: String| {
        format!("{FILE_NAME} is not right, so nothing was written to it. Mend it first: {e}")
    };
    let mut file: DocumentMut = text
        .parse()
        .map_err(|e: toml_edit::TomlError| wrong(e.to_string()))?;
    let table = file
        .entry("run")
        .or_insert_with(|| Item::Table(Table::new()))
        .as_table_like_mut()
        .ok_or_else(|| wrong("`run` is not a table".into()))?;
    if run.command.is_empty() {
        table.remove("command");
    } else {
        set(table, "command", value(&run.command));
    }
    set_port(table, run.port);
    if table.is_empty() {
        file.remove("run");
    }
    let old = match file.remove("runs") {
        Some(Item::ArrayOfTables(tables)) => tables,
        _ => ArrayOfTables::new(),
    };
    let mut tables = ArrayOfTables::new();
    for run in runs {
        // One that was there keeps its comments.
        let known = old
            .iter()
            .find(|t| t.get("name").and_then(Item::as_str) == Some(&run.name));
        let mut table = known.cloned().unwrap_or_default();
        table.set_position(None);
        set(&mut table, "name", value(&run.name));
        set(&mut table, "command", value(&run.command));
        set_port(&mut table, run.port);
        tables.push(table);
    }
    if !tables.is_empty() {
        file.insert("runs", Item::ArrayOfTables(tables));
    }
    let new = file.to_string();
    Project::parse(&new).map_err(|e| wrong(e.to_string()))?;
    Ok(new)
}

fn set_port(table: &mut dyn toml_edit::TableLike, port: Option<u16>) {
    match port {
        Some(port) => set(table, "port", value(i64::from(port))),
        None => {
            table.remove("port");
        }
    }
}

/// Sets a key, unless it has this value already: what surrounds it stays.
fn set(table: &mut dyn toml_edit::TableLike, key: &str, new: Item) {
    let Some(new) = new.as_value() else { return };
    if let Some(old) = table.get_mut(key).and_then(Item::as_value_mut) {
        let same = match (old.as_str(), new.as_str()) {
            (Some(a), Some(b)) => a == b,
            _ => old.as_integer().is_some() && old.as_integer() == new.as_integer(),
        };
        if !same {
            let decor = old.decor().clone();
            *old = new.clone();
            *old.decor_mut() = decor;
        }
        return;
    }
    table.insert(key, Item::Value(new.clone()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn run(command: &str, port: Option<u16>) -> RunConfiguration {
        RunConfiguration {
            command: command.into(),
            port,
        }
    }

    fn named(name: &str, command: &str) -> NamedRun {
        NamedRun {
            name: name.into(),
            command: command.into(),
            port: None,
        }
    }

    #[test]
    fn comments_and_other_keys_stay() {
        let text = "# Ours\ntitle = \"Shop\" # it is\n\n[run]\n# how\ncommand = \"a\" # so\nport = 3000\n\n[setup]\ncommand = 's'\n\n# checks\n[[runs]]\nname = \"Tests\"\ncommand = \"t\"\n";
        let new = edited(
            text,
            &run("b", Some(3000)),
            &[named("Tests", "t"), named("Worker", "w")],
        )
        .unwrap();
        assert_eq!(
            new,
            "# Ours\ntitle = \"Shop\" # it is\n\n[run]\n# how\ncommand = \"b\" # so\nport = 3000\n\n[setup]\ncommand = 's'\n\n# checks\n[[runs]]\nname = \"Tests\"\ncommand = \"t\"\n\n[[runs]]\nname = \"Worker\"\ncommand = \"w\"\n"
        );
        let same = edited(text, &run("a", Some(3000)), &[named("Tests", "t")]).unwrap();
        assert_eq!(same, text);
        assert_eq!(
            edited(
                "[run]\ncommand='x'\n[[runs]]\nname='a'\ncommand='b'\n",
                &run("", None),
                &[]
            )
            .unwrap(),
            ""
        );
    }

    #[test]
    fn a_broken_file_is_left_alone() {
        for text in ["[run", "run = 1\n", "nonsense = 1\n"] {
            let error = edited(text, &run("a", None), &[]).unwrap_err();
            assert!(error.contains("nothing was written"), "{error}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            command in "[^\u{0}-\u{1f}\u{7f}]{0,30}",
            port in proptest::option::of(1u16..),
            names in proptest::collection::btree_set("[a-zA-Zü\" #'\\\\]{1,10}", 0..5),
        ) {
            let runs: Vec<NamedRun> = names.iter().filter(|n| !n.trim().is_empty() && *n != "Run")
                .map(|n| NamedRun { name: n.clone(), command: format!("x{command}"), port }).collect();
            let once = edited("open = []\n", &run(&command, port), &runs).unwrap();
            let project = Project::parse(&once).unwrap();
            prop_assert_eq!(&project.run.command, &command);
            prop_assert_eq!(project.run.port, port);
            prop_assert_eq!(&project.runs, &runs);
            prop_assert_eq!(edited(&once, &run(&command, port), &runs).unwrap(), once);
        }
    }
}
