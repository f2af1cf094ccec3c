//! `alcove.toml`, the project file at the top of a template and of the repls made from it: what Run
//! does, what to install first, what to open. Reference: docs/reference/alcove-toml.md.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::WorkspacePath;

/// Name of the project file in a workspace's top folder.
pub const FILE_NAME: &str = "alcove.toml";
/// Largest project file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 64 * 1024;
/// The name of what the Run button does, beside which further ones have names of their own.
pub const MAIN_RUN: &str = "Run";
/// Most further run configurations.
pub const MAX_RUNS: usize = 20;
/// Longest name of one, in characters.
pub const MAX_RUN_NAME: usize = 40;

/// The whole file. Unknown keys are errors, so that a typing mistake is not a silent default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Project {
    /// Shown on the dashboard.
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub description: String,
    /// One to three characters, drawn in the template's tile.
    #[serde(default)]
    pub icon: String,
    /// What must be installed where the code runs: `node`, `python`, `rust`, …; empty for nothing.
    #[serde(default)]
    pub language: String,
    /// Of a template: the size that its repls begin with, one of the server's; empty: the usual one.
    #[serde(default)]
    pub size: String,
    /// Files to open first, the most important first.
    #[serde(default)]
    pub open: Vec<WorkspacePath>,
    #[serde(default)]
    pub run: Run,
    /// Further programs that can be run beside it.
    #[serde(default)]
    pub runs: Vec<NamedRun>,
    #[serde(default)]
    pub setup: Setup,
    #[serde(default)]
    pub files: Files,
}

/// What the Run button does.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Shell command, run by `sh -c` in the workspace's top folder. Empty: there is nothing to run.
    #[serde(default)]
    pub command: String,
    /// The port that the program is expected to listen on; none for a program of the console.
    #[serde(default)]
    pub port: Option<u16>,
}

/// A further run configuration: tests, a worker, a second server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct NamedRun {
    /// Unique, 1 to 40 characters.
    pub name: String,
    /// As in [`Run`], but never empty.
    pub command: String,
    #[serde(default)]
    pub port: Option<u16>,
}

/// What prepares the workspace before its first run (dependencies, a first build).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    /// Shell command; empty: nothing to prepare.
    #[serde(default)]
    pub command: String,
    /// What exists once the setup has been done; Run does the setup first while it is missing.
    #[serde(default)]
    pub creates: Option<WorkspacePath>,
}

/// How files are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Folders, at any depth, that are derived and replaceable (`node_modules`, `target`): names
    /// without a slash, or paths from the top folder.
    #[serde(default)]
    pub bulk: Vec<WorkspacePath>,
    /// Folders that are never saved.
    #[serde(default)]
    pub caches: Vec<WorkspacePath>,
}

/// Why a project file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("alcove.toml is larger than {MAX_FILE_BYTES} bytes")]
    TooLarge,
    /// With the parser's words, which name line and key.
    #[error("alcove.toml is not right: {0}")]
    Syntax(String),
    #[error("alcove.toml: `icon` has more than three characters")]
    Icon,
    #[error("alcove.toml: `run.port` must not be 0")]
    Port,
    /// With what is wrong with a further run configuration.
    #[error("alcove.toml: {0}")]
    Runs(String),
}

impl Project {
    pub fn parse(text: &str) -> Result<Self, ProjectError> {
        if text.len() > MAX_FILE_BYTES {
            return Err(ProjectError::TooLarge);
        }
        let project: Self = toml::from_str(text)
            .map_err(|e| ProjectError::Syntax(e.to_string().trim_end().to_owned()))?;
        if project.icon.chars().count() > 3 {
            return Err(ProjectError::Icon);
        }
        if project.run.port == Some(0) {
            return Err(ProjectError::Port);
        }
        check_runs(&project.runs).map_err(ProjectError::Runs)?;
        Ok(project)
    }

    /// The command and the port of a run configuration, by its name.
    pub fn run_named(&self, name: &str) -> Option<Run> {
        if name == MAIN_RUN {
            return Some(self.run.clone());
        }
        let found = self.runs.iter().find(|r| r.name == name)?;
        Some(Run {
            command: found.command.clone(),
            port: found.port,
        })
    }
}

/// Whether these may stand in a project file together; if not, why.
pub fn check_runs(runs: &[NamedRun]) -> Result<(), String> {
    if runs.len() > MAX_RUNS {
        return Err(format!("there are more than {MAX_RUNS} `[[runs]]`"));
    }
    for (n, run) in runs.iter().enumerate() {
        let name = &run.name;
        if name.trim().is_empty()
            || name.chars().count() > MAX_RUN_NAME
            || name.chars().any(char::is_control)
        {
            return Err(format!(
                "`[[runs]]` number {} needs a `name` of 1 to {MAX_RUN_NAME} characters",
                n + 1
            ));
        }
        if name == MAIN_RUN {
            return Err(format!(
                "`{MAIN_RUN}` is the name of what `[run]` says: `[[runs]]` need another"
            ));
        }
        if runs[..n].iter().any(|r| r.name == *name) {
            return Err(format!("two of `[[runs]]` are named `{name}`"));
        }
        if run.command.trim().is_empty() {
            return Err(format!("`{name}` of `[[runs]]` has an empty `command`"));
        }
        if run.port == Some(0) {
            return Err(format!("`port` of `{name}` must not be 0"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file_is_read() {
        let p = Project::parse(
            "title='Node'\nopen=['index.js']\n[run]\ncommand='node .'\nport=3000\n[files]\nbulk=['node_modules']",
        )
        .unwrap();
        assert_eq!(p.run.port, Some(3000));
        assert_eq!(p.files.bulk[0].to_string(), "node_modules");
    }

    #[test]
    fn further_runs_have_names() {
        let p = Project::parse("[run]\ncommand='a'\n[[runs]]\nname='Tests'\ncommand='b'\nport=1")
            .unwrap();
        assert_eq!(p.run_named("Run").unwrap().command, "a");
        assert_eq!(p.run_named("Tests").unwrap().port, Some(1));
        assert_eq!(p.run_named("tests"), None);
        let one = |name: &str| format!("[[runs]]\nname='{name}'\ncommand='x'\n");
        let many = |n: usize| (0..n).map(|i| one(&i.to_string())).collect::<String>();
        assert!(Project::parse(&many(MAX_RUNS)).is_ok());
        assert!(Project::parse(&one(&"ü".repeat(MAX_RUN_NAME))).is_ok());
        for (bad, word) in [
            (many(MAX_RUNS + 1), "more than 20"),
            (one(&"ü".repeat(MAX_RUN_NAME + 1)), "number 1"),
            (one(" "), "number 1"),
            (one("Run"), "another"),
            (one("a") + &one("a"), "two"),
            ("[[runs]]\nname='a'\ncommand=' '".into(), "empty"),
            ("[[runs]]\nname='a'\ncommand='x'\nport=0".into(), "port"),
            ("[[runs]]\nname='a'".into(), "command"),
        ] {
            let error = Project::parse(&bad).unwrap_err().to_string();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let error = Project::parse("titel = 'x'").unwrap_err().to_string();
        assert!(error.contains("titel"), "{error}");
        let error = Project::parse("open = ['../x']").unwrap_err().to_string();
        assert!(error.contains(".."), "{error}");
        assert!(matches!(
            Project::parse("[run]\nport = 0"),
            Err(ProjectError::Port)
        ));
        assert!(matches!(
            Project::parse("icon = 'Rust'"),
            Err(ProjectError::Icon)
        ));
        assert!(matches!(
            Project::parse(&" ".repeat(MAX_FILE_BYTES + 1)),
            Err(ProjectError::TooLarge)
        ));
    }
}
