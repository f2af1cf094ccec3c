//! `alcove.toml`, the project file at the top of a template and of the repls made from it: what Run
//! does, what to install first, what to open. Reference: docs/reference/alcove-toml.md.

use serde::{Deserialize, Serialize};

use crate::WorkspacePath;

/// Name of the project file in a workspace's top folder.
pub const FILE_NAME: &str = "alcove.toml";
/// Largest project file that is read, in bytes.
pub const MAX_FILE_BYTES: usize = 64 * 1024;

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
    /// Files to open first, the most important first.
    #[serde(default)]
    pub open: Vec<WorkspacePath>,
    #[serde(default)]
    pub run: Run,
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
        Ok(project)
    }
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
