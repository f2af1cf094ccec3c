//! What the Run button does: one program at a time, in a terminal of its own, seen by all.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use alcove_protocol::project::{FILE_NAME, MAX_FILE_BYTES, Project};
use alcove_protocol::session::{ErrorCode, ProjectInfo, RunState};
use rustix::process::{Pid, Signal};
use tokio::sync::watch;

use crate::programs::{Programs, Streams};
use crate::terminals::Terminal;

/// How long a program may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(3);

pub struct Run {
    workspace: PathBuf,
    /// While bulk is being restored: what stands here when it is in place. Programs wait for it.
    awaited: RefCell<Option<PathBuf>>,
    programs: Rc<Programs>,
    state: RefCell<State>,
    /// Counts the programs that have ended.
    ended: watch::Sender<u64>,
}

enum State {
    Idle,
    Running {
        terminal: u32,
        command: String,
        started: Instant,
        /// While this is missing, the setup is under way.
        prepares: Option<PathBuf>,
        leader: Pid,
        stopped: bool,
    },
    Exited {
        terminal: u32,
        command: String,
        exit_code: i32,
        stopped: bool,
        elapsed: Duration,
    },
}

/// A refusal, for the person who pressed the button.
pub type RunError = (ErrorCode, String);

impl Run {
    pub fn new(workspace: PathBuf, awaited: Option<PathBuf>, programs: Rc<Programs>) -> Self {
        Self {
            workspace,
            awaited: RefCell::new(awaited),
            programs,
            state: RefCell::new(State::Idle),
            ended: watch::Sender::new(0),
        }
    }

    /// Bulk is in place: programs that wait for it begin.
    pub fn ready(&self) -> std::io::Result<()> {
        self.awaited
            .take()
            .map_or(Ok(()), |path| std::fs::write(path, ""))
    }

    pub fn state(&self) -> RunState {
        match &*self.state.borrow() {
            State::Idle => RunState::Idle,
            State::Running {
                terminal,
                command,
                started,
                prepares,
                ..
            } => RunState::Running {
                terminal: *terminal,
                command: command.clone(),
                elapsed_ms: started.elapsed().as_millis() as u64,
                setup: prepares.as_ref().is_some_and(|path| !path.exists()),
            },
            State::Exited {
                terminal,
                command,
                exit_code,
                stopped,
                elapsed,
            } => RunState::Exited {
                terminal: *terminal,
                command: command.clone(),
                exit_code: *exit_code,
                stopped: *stopped,
                elapsed_ms: elapsed.as_millis() as u64,
            },
        }
    }

    pub fn is_running(&self) -> bool {
        matches!(&*self.state.borrow(), State::Running { .. })
    }

    /// Reads `alcove.toml`; without one, nothing is known and nothing is wrong.
    pub fn project(&self) -> Result<Project, String> {
        let path = self.workspace.join(FILE_NAME);
        match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Project::default());
            }
            Ok(meta) if meta.len() > MAX_FILE_BYTES as u64 => {
                return Err(format!("{FILE_NAME} is larger than {MAX_FILE_BYTES} bytes"));
            }
            _ => {}
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|e| format!("{FILE_NAME} can't be read: {e}"))?;
        Project::parse(&text).map_err(|e| e.to_string())
    }

    pub fn project_info(&self) -> ProjectInfo {
        match self.project() {
            Ok(project) => ProjectInfo {
                run_command: project.run.command,
                run_port: project.run.port,
                open: project.open,
                error: None,
            },
            Err(error) => ProjectInfo {
                run_command: String::new(),
                run_port: None,
                open: vec![],
                error: Some(error),
            },
        }
    }

    /// Starts the program in `terminal`, unless one runs. The future ends with the program.
    pub fn start(
        self: &Rc<Self>,
        terminal: &Rc<Terminal>,
    ) -> Result<Option<impl Future<Output = ()> + use<>>, RunError> {
        if self.is_running() {
            return Ok(None);
        }
        let project = self.project().map_err(|e| (ErrorCode::Failed, e))?;
        let command = project.run.command;
        if command.is_empty() {
            return Err((
                ErrorCode::NotFound,
                format!("There is nothing to run: {FILE_NAME} has no run.command."),
            ));
        }
        let awaited = self.awaited.borrow().clone();
        let creates = project
            .setup
            .creates
            .filter(|_| !project.setup.command.is_empty());
        let setup = awaited.is_none()
            && creates
                .as_ref()
                .is_some_and(|p| !p.under(&self.workspace).exists());
        let begins = match (&awaited, setup) {
            (Some(_), _) => "Waiting until the dependencies are restored".to_owned(),
            (None, true) => format!("Preparing first: {}", project.setup.command),
            (None, false) => format!("$ {command}"),
        };
        terminal.output(notice(&begins).as_bytes());
        let script = match (setup || awaited.is_some(), &creates) {
            (true, creates) => script(
                awaited.is_some(),
                creates.as_ref().map(|_| project.setup.command.as_str()),
                &command,
            ),
            (false, _) => command.clone(),
        };
        let creates = creates.map_or_else(String::new, |p| {
            p.under(&self.workspace).to_string_lossy().into_owned()
        });
        let awaited = awaited.map_or_else(String::new, |p| p.to_string_lossy().into_owned());
        let env = [
            ("ALCOVE_RUN", command.as_str()),
            ("ALCOVE_CREATES", &creates),
            ("ALCOVE_AWAITED", &awaited),
        ];
        let failed = |e: std::io::Error| {
            (
                ErrorCode::Failed,
                format!("The program could not be started: {e}"),
            )
        };
        let slave = terminal.open().map_err(failed)?;
        let (leader, exited) = self
            .programs
            .spawn(
                "/bin/sh",
                &["-c", &script],
                &env,
                &self.workspace,
                Streams::Terminal(slave),
            )
            .map_err(failed)?;
        terminal.leader.set(Some(leader));
        let started = Instant::now();
        *self.state.borrow_mut() = State::Running {
            terminal: terminal.id,
            command,
            started,
            prepares: (setup && !creates.is_empty()).then(|| PathBuf::from(&creates)),
            leader,
            stopped: false,
        };
        let (run, terminal) = (self.clone(), terminal.clone());
        Ok(Some(async move {
            let exit_code = exited.await.unwrap_or(-1);
            terminal.drain().await;
            terminal.leader.set(None);
            terminal.exit_code.set(Some(exit_code));
            let state = run.state.replace(State::Idle);
            if let State::Running {
                command,
                started,
                stopped,
                ..
            } = state
            {
                let words = if stopped {
                    "stopped".to_owned()
                } else {
                    format!("exit {exit_code}")
                };
                terminal.output(notice(&format!("[{words}]")).as_bytes());
                let elapsed = started.elapsed();
                *run.state.borrow_mut() = State::Exited {
                    terminal: terminal.id,
                    command,
                    exit_code,
                    stopped,
                    elapsed,
                };
            }
            run.ended.send_modify(|count| *count += 1);
        }))
    }

    /// Ends the program and all that it started in its session.
    pub async fn stop(&self) {
        let leader = match &mut *self.state.borrow_mut() {
            State::Running {
                leader, stopped, ..
            } => {
                *stopped = true;
                *leader
            }
            _ => return,
        };
        let mut ended = self.ended.subscribe();
        self.programs
            .end_session(leader, Signal::TERM, PATIENCE)
            .await;
        // Its processes are gone, its end is still to be noted: who starts the next must find nothing running.
        while self.leader() == Some(leader) && ended.changed().await.is_ok() {}
    }

    fn leader(&self) -> Option<Pid> {
        match &*self.state.borrow() {
            State::Running { leader, .. } => Some(*leader),
            _ => None,
        }
    }
}

/// What runs when something comes before the command: waiting for bulk, the setup unless its result is
/// there. The command is shown when its turn has come.
fn script(waits: bool, setup: Option<&str>, command: &str) -> String {
    let mut script = String::new();
    if waits {
        script.push_str("while [ ! -e \"$ALCOVE_AWAITED\" ]; do sleep 0.05; done\n");
    }
    if let Some(setup) = setup {
        script.push_str(&format!(
            "if [ ! -e \"$ALCOVE_CREATES\" ]; then\n{setup}\nalcove_code=$?\n[ $alcove_code -eq 0 ] || exit $alcove_code\nfi\n"
        ));
    }
    script.push_str("printf '\\033[2m$ %s\\033[0m\\n' \"$ALCOVE_RUN\"\n");
    script + command
}

/// A line of our own in a terminal: dim, on a line of its own, with the cursor shown and attributes
/// reset whatever the program left.
fn notice(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("\x1b[0m\x1b[?25h\r\x1b[2m{clean}\x1b[0m\r\n")
}
