//! What the Run button does, and the further run configurations of the project file: of each one program
//! at a time, in a terminal of its own, seen by all.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use alcove_protocol::project::{FILE_NAME, MAIN_RUN, MAX_FILE_BYTES, MAX_RUNS, Project};
use alcove_protocol::session::{ErrorCode, ProjectInfo, RunState};
use rustix::process::{Pid, Signal};
use tokio::sync::watch;

use crate::programs::{Programs, Streams};
use alcove_terminals::Terminal;

/// How long a program may take to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(3);

/// All run configurations that have been used, by their names.
pub struct Runs {
    place: Rc<Place>,
    runs: RefCell<BTreeMap<String, Rc<Run>>>,
}

/// What all of them need.
struct Place {
    workspace: PathBuf,
    /// While bulk is being restored: what stands here when it is in place. Programs wait for it.
    awaited: RefCell<Option<PathBuf>>,
    /// Held by the one that does the setup.
    lock: PathBuf,
    programs: Rc<Programs>,
}

/// One of them.
pub struct Run {
    name: String,
    place: Rc<Place>,
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

impl Runs {
    pub fn new(
        workspace: PathBuf,
        awaited: Option<PathBuf>,
        lock: PathBuf,
        programs: Rc<Programs>,
    ) -> Self {
        Self {
            place: Rc::new(Place {
                workspace,
                awaited: RefCell::new(awaited),
                lock,
                programs,
            }),
            runs: RefCell::default(),
        }
    }

    /// Bulk is in place: programs that wait for it begin.
    pub fn ready(&self) -> std::io::Result<()> {
        self.place
            .awaited
            .take()
            .map_or(Ok(()), |path| std::fs::write(path, ""))
    }

    /// The state of each that was used, the main one's in any case.
    pub fn states(&self) -> Vec<(String, RunState)> {
        let runs = self.runs.borrow();
        let main = (!runs.contains_key(MAIN_RUN)).then(|| (MAIN_RUN.to_owned(), RunState::Idle));
        main.into_iter()
            .chain(runs.iter().map(|(name, run)| (name.clone(), run.state())))
            .collect()
    }

    pub fn is_any_running(&self) -> bool {
        self.runs.borrow().values().any(|run| run.is_running())
    }

    /// How the main one's program ended, when it has, and nobody stopped it.
    pub fn exit_code(&self) -> Option<i32> {
        match &*self.get(MAIN_RUN)?.state.borrow() {
            State::Exited {
                exit_code,
                stopped: false,
                ..
            } => Some(*exit_code),
            _ => None,
        }
    }

    /// How often the main one's program has ended.
    pub fn exits(&self) -> u64 {
        self.get(MAIN_RUN).map_or(0, |run| *run.ended.borrow())
    }

    /// The one of this name, which the project file need not know (any more).
    pub fn get(&self, name: &str) -> Option<Rc<Run>> {
        self.runs.borrow().get(name).cloned()
    }

    /// The one whose program has this terminal.
    pub fn in_terminal(&self, terminal: u32) -> Option<Rc<Run>> {
        let runs = self.runs.borrow();
        runs.values()
            .find(|run| run.terminal() == Some(terminal))
            .cloned()
    }

    /// The one of this name, for a start: the project file must know it.
    pub fn named(&self, name: &str) -> Result<Rc<Run>, RunError> {
        let project = self.project().map_err(|e| (ErrorCode::Failed, e))?;
        if project.run_named(name).is_none() {
            let message =
                format!("There is no run configuration \u{201c}{name}\u{201d} in {FILE_NAME}.");
            return Err((ErrorCode::NotFound, message));
        }
        let mut runs = self.runs.borrow_mut();
        // Those that were renamed or removed are forgotten when they are done.
        if runs.len() > MAX_RUNS {
            runs.retain(|known, run| run.is_running() || project.run_named(known).is_some());
        }
        let run = runs.entry(name.to_owned()).or_insert_with(|| {
            Rc::new(Run {
                name: name.to_owned(),
                place: self.place.clone(),
                state: RefCell::new(State::Idle),
                ended: watch::Sender::new(0),
            })
        });
        Ok(run.clone())
    }

    /// Reads the project file; without one, nothing is known and nothing is wrong.
    pub fn project(&self) -> Result<Project, String> {
        self.place.project()
    }

    pub fn project_info(&self) -> ProjectInfo {
        match self.project() {
            Ok(project) => ProjectInfo {
                run_command: project.run.command,
                run_port: project.run.port,
                runs: project.runs,
                open: project.open,
                error: None,
            },
            Err(error) => ProjectInfo {
                run_command: String::new(),
                run_port: None,
                runs: vec![],
                open: vec![],
                error: Some(error),
            },
        }
    }
}

impl Place {
    fn project(&self) -> Result<Project, String> {
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
}

impl Run {
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

    /// Where its program is, or was last.
    pub fn terminal(&self) -> Option<u32> {
        match &*self.state.borrow() {
            State::Idle => None,
            State::Running { terminal, .. } | State::Exited { terminal, .. } => Some(*terminal),
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
        let project = self.place.project().map_err(|e| (ErrorCode::Failed, e))?;
        let command = project
            .run_named(&self.name)
            .map_or_else(String::new, |run| run.command);
        if command.is_empty() {
            return Err((
                ErrorCode::NotFound,
                format!("There is nothing to run: {FILE_NAME} has no run.command."),
            ));
        }
        let awaited = self.place.awaited.borrow().clone();
        let creates = project
            .setup
            .creates
            .filter(|_| !project.setup.command.is_empty());
        let setup = awaited.is_none()
            && creates
                .as_ref()
                .is_some_and(|p| !p.under(&self.place.workspace).exists());
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
            p.under(&self.place.workspace)
                .to_string_lossy()
                .into_owned()
        });
        let awaited = awaited.map_or_else(String::new, |p| p.to_string_lossy().into_owned());
        let lock = self.place.lock.to_string_lossy().into_owned();
        let env = [
            ("ALCOVE_RUN", command.as_str()),
            ("ALCOVE_CREATES", &creates),
            ("ALCOVE_AWAITED", &awaited),
            ("ALCOVE_LOCK", &lock),
        ];
        let failed = |e: std::io::Error| {
            (
                ErrorCode::Failed,
                format!("The program could not be started: {e}"),
            )
        };
        let slave = terminal.open().map_err(failed)?;
        let (leader, exited) = self
            .place
            .programs
            .spawn(
                "/bin/sh",
                &["-c", &script],
                &env,
                &self.place.workspace,
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
        self.place
            .programs
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
        // Of two that start at once, one does the setup, and the other waits for it (flock(1)).
        script.push_str(&format!(
            "if command -v flock >/dev/null; then exec 9>\"$ALCOVE_LOCK\" && flock 9; fi\n\
             if [ ! -e \"$ALCOVE_CREATES\" ]; then\n(\n{setup}\n) 9>&-\nalcove_code=$?\n\
             [ $alcove_code -eq 0 ] || exit $alcove_code\nfi\nexec 9>&-\n"
        ));
    }
    script.push_str("printf '\\033[2m$ %s\\033[0m\\n' \"$ALCOVE_RUN\"\n");
    script + command
}

/// A line of our own in a terminal: dim, on a line of its own, with the cursor shown and attributes
/// reset whatever the program left.
pub fn notice(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("\x1b[0m\x1b[?25h\r\x1b[2m{clean}\x1b[0m\r\n")
}
