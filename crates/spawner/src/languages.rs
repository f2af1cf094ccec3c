//! Finds the language tools of this machine, and what a sandbox must be shown for them to work.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;

/// What was found. Detection runs once, at the server's start.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Languages {
    pub found: Vec<Language>,
    /// Folders outside `/usr` that the tools need: shown read-only, at the same path.
    pub binds: Vec<PathBuf>,
    /// Folders to put before the usual ones in `PATH`.
    pub path: Vec<PathBuf>,
}

/// A language that programs inside will find.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Language {
    /// `node`, `python`, `rust`, `go`, `java`, `c` or `cpp`: as templates call it.
    pub name: &'static str,
    pub version: String,
    /// The tool itself, behind every link and shim.
    pub program: PathBuf,
}

/// A language that is not here, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    pub language: String,
    pub why: String,
    /// A command that installs it on the host.
    pub install: String,
}

/// A language that we look for.
struct Known {
    name: &'static str,
    /// The tool that stands for it. For Java the compiler: a runtime alone can't run sources.
    tool: &'static str,
    version_args: &'static [&'static str],
    /// What its templates need besides, found on `PATH`.
    with: &'static [&'static str],
    /// A command that installs all of it on the host.
    install: &'static str,
}

const KNOWN: [Known; 7] = [
    Known {
        name: "node",
        tool: "node",
        version_args: &["--version"],
        with: &["npm"],
        install: "sudo apt install nodejs npm",
    },
    Known {
        name: "python",
        tool: "python3",
        version_args: &["--version"],
        with: &[],
        install: "sudo apt install python3 python3-venv python3-pip",
    },
    Known {
        name: "rust",
        tool: "rustc",
        version_args: &["--version"],
        with: &["cargo"],
        install: "curl https://sh.rustup.rs -sSf | sh",
    },
    Known {
        name: "go",
        tool: "go",
        version_args: &["version"],
        with: &[],
        install: "sudo apt install golang-go",
    },
    Known {
        name: "java",
        tool: "javac",
        version_args: &["-version"],
        with: &["java"],
        install: "sudo apt install default-jdk-headless",
    },
    Known {
        name: "c",
        tool: "gcc",
        version_args: &["-dumpfullversion"],
        with: &["make"],
        install: "sudo apt install build-essential",
    },
    Known {
        name: "cpp",
        tool: "g++",
        version_args: &["-dumpfullversion"],
        with: &["make"],
        install: "sudo apt install build-essential",
    },
];

impl Languages {
    /// Asks every known tool on `PATH`. Takes some hundred milliseconds: call it off the runtime.
    pub fn detect() -> Self {
        let mut languages = Self::default();
        let mut binds = BTreeSet::new();
        let mut path = Vec::new();
        for known in &KNOWN {
            if known.with.iter().any(|tool| on_path(tool).is_none()) {
                continue;
            }
            let Some((program, prefix)) = locate(known.name, known.tool) else {
                continue;
            };
            let Some(version) = first_line(Command::new(&program).args(known.version_args)) else {
                continue;
            };
            languages.found.push(Language {
                name: known.name,
                version: short_version(&version),
                program: program.clone(),
            });
            if !is_usr(&prefix) {
                binds.insert(prefix);
            }
            // /usr/bin and /usr/local/bin are on every PATH.
            let bin = program.parent().unwrap_or(Path::new("/usr/bin")).to_owned();
            if bin != Path::new("/usr/bin")
                && bin != Path::new("/usr/local/bin")
                && !path.contains(&bin)
            {
                path.push(bin);
            }
        }
        languages.binds = binds.into_iter().collect();
        languages.path = path;
        languages
    }

    /// Why a language of a template can't be used here; `None` when it can, or is unknown to us.
    pub fn missing(&self, language: &str) -> Option<Missing> {
        let known = KNOWN.iter().find(|k| k.name == language)?;
        if self.found.iter().any(|l| l.name == known.name) {
            return None;
        }
        let tools: Vec<String> = [known.tool]
            .iter()
            .chain(known.with)
            .map(|tool| format!("`{tool}`"))
            .collect();
        Some(Missing {
            language: known.name.to_owned(),
            why: format!(
                "{} was not found on this machine's PATH when Alcove was started.",
                tools.join(" or ")
            ),
            install: known.install.to_owned(),
        })
    }
}

fn is_usr(path: &Path) -> bool {
    path.starts_with("/usr")
}

/// The real tool, and the folder that holds all it needs.
fn locate(name: &str, tool: &str) -> Option<(PathBuf, PathBuf)> {
    let on_path = on_path(tool)?;
    match name {
        // A shim of pyenv, or a virtual environment: Python knows where it really lives.
        "python" => {
            let prefix = PathBuf::from(first_line(
                Command::new(&on_path).args(["-c", "import sys; print(sys.base_prefix)"]),
            )?);
            let program = prefix.join("bin/python3");
            program.is_file().then(|| contained(program, prefix))?
        }
        // `rustc` on PATH is rustup's proxy, which needs rustup's whole home.
        "rust" => {
            let prefix = PathBuf::from(first_line(
                Command::new(&on_path).args(["--print", "sysroot"]),
            )?);
            let program = prefix.join("bin/rustc");
            program.is_file().then(|| contained(program, prefix))?
        }
        "go" => {
            let prefix = PathBuf::from(first_line(Command::new(&on_path).args(["env", "GOROOT"]))?);
            let program = prefix.join("bin/go");
            if program.is_file() {
                contained(program, prefix)
            } else {
                None
            }
        }
        "java" => {
            let home = std::env::var_os("JAVA_HOME")
                .map(PathBuf::from)
                .filter(|h| h.join("bin").join(tool).is_file());
            by_link(&home.map_or(on_path, |h| h.join("bin").join(tool)))
        }
        _ => by_link(&on_path),
    }
}

/// Follows links to `<prefix>/bin/<tool>`, as version managers lay their tools out.
fn by_link(on_path: &Path) -> Option<(PathBuf, PathBuf)> {
    if on_path.starts_with("/usr/bin") || on_path.starts_with("/usr/local/bin") {
        return Some((on_path.to_owned(), PathBuf::from("/usr")));
    }
    let program = on_path.canonicalize().ok()?;
    let prefix = program.parent()?.parent()?.to_owned();
    contained(program, prefix)
}

/// Refuses a prefix that would show more than a toolchain: the root, a home folder, or what lies
/// above them.
fn contained(program: PathBuf, prefix: PathBuf) -> Option<(PathBuf, PathBuf)> {
    let real = prefix.canonicalize().ok()?;
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .and_then(|h| h.canonicalize().ok());
    let depth = real.components().count();
    let exposes_home = home.is_some_and(|h| h.starts_with(&real));
    if !is_usr(&real) && (depth < 3 || exposes_home || real.parent() == Some(Path::new("/home"))) {
        tracing::warn!(program = %program.display(), "left out: its folder holds more than a toolchain");
        return None;
    }
    // Where links lead through a folder that isn't shown, the real path is what works.
    let program = program
        .strip_prefix(&prefix)
        .map(|rest| real.join(rest))
        .unwrap_or(program);
    Some((program, real))
}

fn on_path(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    std::env::split_paths(&path)
        .map(|folder| folder.join(tool))
        .find(|file| file.is_file())
}

/// First line of what a tool prints; some print their version to the error stream.
fn first_line(command: &mut Command) -> Option<String> {
    // Not the server's folder: a rust-toolchain.toml or .python-version in it would decide.
    let output = command
        .current_dir("/")
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|o| o.status.success())?;
    let text = if output.stdout.is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    let line = String::from_utf8_lossy(&text)
        .lines()
        .next()?
        .trim()
        .to_owned();
    (!line.is_empty()).then_some(line)
}

/// The first word that begins with a digit, without what surrounds it.
fn short_version(line: &str) -> String {
    line.split_whitespace()
        .map(|word| word.trim_start_matches(|c: char| !c.is_ascii_digit()))
        .find(|word| !word.is_empty())
        .unwrap_or(line)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_tools_print() {
        assert_eq!(short_version("v20.20.2"), "20.20.2");
        assert_eq!(short_version("Python 3.11.7"), "3.11.7");
        assert_eq!(
            short_version("rustc 1.95.0 (59807616e 2026-04-14)"),
            "1.95.0"
        );
        assert_eq!(short_version("go version go1.24.1 linux/amd64"), "1.24.1");
        assert_eq!(short_version("javac 17.0.15"), "17.0.15");
    }

    #[test]
    fn a_home_folder_is_never_a_toolchain() {
        let home = PathBuf::from(std::env::var_os("HOME").expect("HOME is set"));
        assert!(contained(home.join("bin/tool"), home.clone()).is_none());
        assert!(contained("/bin/tool".into(), "/".into()).is_none());
    }

    #[test]
    fn a_missing_language_says_what_to_do() {
        let none = Languages::default();
        assert!(
            none.missing("python")
                .expect("known")
                .install
                .contains("apt install python3")
        );
        let cpp = none.missing("cpp").expect("known");
        assert!(cpp.why.starts_with("`g++` or `make` was not found"));
        assert!(none.missing("cobol").is_none());
    }
}
