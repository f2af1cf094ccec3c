//! The agent inside a repl's sandbox: terminals, documents, file tree, ports. It holds no credential
//! and knows neither the server nor the store; whatever it says is taken as hostile outside.
//!
//! It serves HTTP/1.1 on an inherited Unix socket (see [`http`]) from one thread.

mod begin;
mod clone;
mod configure;
mod copy;
pub mod documents;
mod files;
pub mod http;
mod ignored;
mod ports;
pub mod programs;
mod registries;
mod run;
mod search;
mod session;
mod sockets;
mod trash;
mod tree;
mod watch;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use alcove_protocol::WorkspacePath;
use alcove_protocol::binary::{document as kind, frame};
use alcove_protocol::project::{FILE_NAME, MAIN_RUN};
use alcove_protocol::session::{ErrorCode, PortInfo, ProjectInfo, RunnerMessage, TerminalKind};
use alcove_protocol::status::Status;
use rustix::process::Signal;
use tokio::sync::watch as value;

use alcove_terminals::{MAX_TERMINALS, Screens, Terminal};
use documents::{Documents, Event, Listener};
use programs::{Programs, Streams};
use run::Runs;
use search::Search;
use session::Client;
use trash::Trash;
use tree::Tree;
use watch::Watcher;

/// How often ports are looked up while somebody is here, or a program runs,
const PORTS_SOON: Duration = Duration::from_millis(250);
/// and otherwise, while any process is alive.
const PORTS_LATER: Duration = Duration::from_secs(3);

/// Everything of one repl. Single-threaded: no locks, no borrow across an await.
pub struct Runner {
    /// Random, one for each life.
    pub id: String,
    pub workspace: PathBuf,
    home: PathBuf,
    programs: Rc<Programs>,
    pub tree: Tree,
    pub(crate) downloads: files::Downloads,
    pub(crate) uploads: Rc<files::Uploads>,
    pub(crate) trash: Rc<Trash>,
    pub documents: Rc<Documents>,
    pub(crate) search: Rc<Search>,
    pub runs: Runs,
    screens: Rc<Screens>,
    terminals: RefCell<BTreeMap<u32, Rc<Terminal>>>,
    clients: RefCell<BTreeMap<u64, Rc<Client>>>,
    next_id: Cell<u64>,
    ports: RefCell<Vec<PortInfo>>,
    /// The port that is no program's: the way to registries.
    own_port: Cell<Option<u16>>,
    project: RefCell<Option<ProjectInfo>>,
    status: value::Sender<Status>,
    closing: value::Sender<bool>,
    began: std::time::Instant,
    /// When somebody last did something, in seconds after that.
    active: std::cell::Cell<u64>,
}

impl Runner {
    /// Sets everything up over a workspace. Call it on a `LocalSet`. `restoring`: its bulk is still
    /// being restored; [`Runner::ready`] says when it is there.
    pub fn start(workspace: PathBuf, home: PathBuf, restoring: bool) -> anyhow::Result<Rc<Self>> {
        let watcher = Watcher::start(workspace.clone())?;
        let programs = Programs::start()?;
        let documents = Documents::new(workspace.clone(), &home, watcher.clone())?;
        let documents = Rc::new(documents);
        let id = format!("{:016x}", rand::random::<u64>());
        let awaited =
            restoring.then(|| std::env::temp_dir().join(format!(".alcove-restored-{id}")));
        let lock = std::env::temp_dir().join(format!(".alcove-setup-{id}"));
        let runner = Rc::new(Self {
            id,
            downloads: files::Downloads::default(),
            uploads: Rc::default(),
            trash: Rc::new(Trash::new(workspace.clone())),
            tree: Tree::new(workspace.clone(), watcher.clone()),
            runs: Runs::new(workspace.clone(), awaited, lock, programs.clone()),
            search: Rc::new(Search::new(workspace.clone(), documents.clone())),
            documents,
            programs,
            screens: Rc::new(Screens::start()?),
            terminals: RefCell::default(),
            clients: RefCell::default(),
            next_id: Cell::new(1),
            ports: RefCell::default(),
            own_port: Cell::default(),
            project: RefCell::default(),
            status: value::Sender::new(Status::default()),
            closing: value::Sender::new(false),
            began: std::time::Instant::now(),
            active: std::cell::Cell::new(0),
            workspace,
            home,
        });
        let listener: Rc<dyn Listener> = runner.clone();
        runner.documents.set_listener(Rc::downgrade(&listener));
        runner.documents.take_up(restoring);
        runner.project_changed();
        watcher.watch(&WorkspacePath::root());
        let watching = runner.clone();
        tokio::task::spawn_local(async move { watching.follow_files(&watcher).await });
        let looking = runner.clone();
        tokio::task::spawn_local(async move { looking.follow_ports().await });
        Ok(runner)
    }

    fn next(&self) -> u64 {
        self.next_id.replace(self.next_id.get() + 1)
    }

    pub(crate) fn next_client(&self) -> u64 {
        self.next()
    }

    /// A page has said who it is: it gets the state of things, and the others see it.
    pub(crate) fn enter(&self, client: &Rc<Client>) {
        let known = self
            .clients
            .borrow_mut()
            .insert(client.id, client.clone())
            .is_some();
        client.tell(&RunnerMessage::Terminals {
            terminals: self.terminals().iter().map(|t| t.info()).collect(),
        });
        for (name, run) in self.runs.states() {
            client.tell(&RunnerMessage::RunState { name, run });
        }
        client.tell(&RunnerMessage::Ports {
            ports: self.ports.borrow().clone(),
        });
        if !known {
            self.people_changed();
        }
    }

    pub(crate) fn leave(&self, client: &Rc<Client>) {
        client.attachments.borrow_mut().clear();
        client.documents.borrow_mut().clear();
        self.tree.leave(client.id);
        self.documents.leave(client.id);
        self.search.leave(client.id);
        if self.clients.borrow_mut().remove(&client.id).is_some() {
            self.people_changed();
        }
    }

    pub(crate) fn is_here(&self, client: &Client) -> bool {
        self.clients.borrow().contains_key(&client.id)
    }

    fn all_clients(&self) -> Vec<Rc<Client>> {
        self.clients.borrow().values().cloned().collect()
    }

    fn tell_all(&self, message: &RunnerMessage) {
        for client in self.all_clients() {
            client.tell(message);
        }
    }

    fn people_changed(&self) {
        let people = self.all_clients().iter().map(|c| c.person()).collect();
        self.tell_all(&RunnerMessage::People { people });
        self.update_status();
    }

    pub(crate) fn terminals_changed(&self) {
        let terminals = self.terminals().iter().map(|t| t.info()).collect();
        self.tell_all(&RunnerMessage::Terminals { terminals });
    }

    fn run_changed(&self) {
        for (name, run) in self.runs.states() {
            self.tell_all(&RunnerMessage::RunState { name, run });
        }
        self.terminals_changed();
        self.update_status();
    }

    fn project_changed(&self) {
        let info = self.runs.project_info();
        if let Ok(project) = self.runs.project() {
            self.search.set_derived(project.files.clone());
            self.tree.set_derived(project.files);
        }
        if self.project.replace(Some(info.clone())).as_ref() != Some(&info) {
            self.tell_all(&RunnerMessage::Project { project: info });
        }
    }

    /// Somebody did something.
    pub(crate) fn note_activity(&self) {
        self.active.set(self.began.elapsed().as_secs());
        self.update_status();
    }

    fn update_status(&self) {
        let status = self.current_status();
        self.status.send_if_modified(|old| {
            let changed = *old != status;
            *old = status;
            changed
        });
    }

    fn current_status(&self) -> Status {
        Status {
            ports: self.ports.borrow().clone(),
            people: self.clients.borrow().len(),
            running: self.runs.is_any_running(),
            exit_code: self.runs.exit_code(),
            exits: self.runs.exits(),
            unwritten: self.documents.unwritten(),
            active: self.active.get(),
            stopping: *self.closing.borrow(),
        }
    }

    /// For `GET /status`.
    pub fn status(&self) -> value::Receiver<Status> {
        self.status.subscribe()
    }

    /// Shows a line in all terminals, but where a full-screen program would be disturbed. What was in the line
    /// of the cursor, a prompt perhaps, is below it again.
    pub(crate) async fn notice(&self, text: &str) {
        let notice = format!("\r\n{}", run::notice(&format!("[{text}]")));
        for terminal in self.terminals() {
            let snapshot = terminal.snapshot().await;
            if let Some(line) = snapshot.and_then(|snapshot| snapshot.line) {
                terminal.output(format!("{notice}{line}").as_bytes());
            }
        }
    }

    pub(crate) fn terminals(&self) -> Vec<Rc<Terminal>> {
        self.terminals.borrow().values().cloned().collect()
    }

    pub(crate) fn terminal(&self, id: u32) -> Option<Rc<Terminal>> {
        self.terminals.borrow().get(&id).cloned()
    }

    fn new_terminal(&self, kind: TerminalKind, name: String, cols: u16, rows: u16) -> Rc<Terminal> {
        let terminal = Terminal::new(
            self.next() as u32,
            kind,
            name,
            self.screens.clone(),
            cols,
            rows,
        );
        self.terminals
            .borrow_mut()
            .insert(terminal.id, terminal.clone());
        terminal
    }

    pub(crate) fn create_shell(
        self: &Rc<Self>,
        cols: u16,
        rows: u16,
    ) -> Result<u32, (ErrorCode, String)> {
        self.may_open_terminal()?;
        let name = session::shell_name(&self.terminals());
        let terminal = self.new_terminal(TerminalKind::Shell, name, cols, rows);
        let shell = std::env::var("SHELL").unwrap_or_else(|_| "/bin/bash".into());
        self.start_program(
            terminal,
            &shell,
            &["-l"],
            alcove_terminals::marks::environment(&shell),
        )
    }

    /// Gets a repository, with all that git says and asks in a terminal of its own.
    pub(crate) fn clone_repository(
        self: &Rc<Self>,
        url: &str,
        cols: u16,
        rows: u16,
    ) -> Result<u32, (ErrorCode, String)> {
        clone::check(url).map_err(|e| (ErrorCode::Malformed, e))?;
        if !clone::is_empty(&self.workspace) {
            let message = "A repository can be fetched into an empty repl only.";
            return Err((ErrorCode::Exists, message.into()));
        }
        self.may_open_terminal()?;
        let terminal = self.new_terminal(TerminalKind::Clone, "Clone".into(), cols, rows);
        let command = format!("$ git clone {} .", clone::without_secrets(url));
        terminal.output(run::notice(&command).as_bytes());
        let args = ["clone", "--progress", "--", url, "."];
        self.start_program(terminal, "git", &args, &[])
    }

    fn may_open_terminal(&self) -> Result<(), (ErrorCode, String)> {
        if self.terminals.borrow().len() >= MAX_TERMINALS {
            let message = format!("A repl has {MAX_TERMINALS} terminals at most: close one first.");
            return Err((ErrorCode::Limit, message));
        }
        Ok(())
    }

    /// Runs a program in a terminal, and notes its end.
    fn start_program(
        self: &Rc<Self>,
        terminal: Rc<Terminal>,
        program: &str,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Result<u32, (ErrorCode, String)> {
        let started = terminal.open().and_then(|slave| {
            self.programs.spawn(
                program,
                args,
                env,
                &self.workspace,
                Streams::Terminal(slave),
            )
        });
        match started {
            Ok((leader, exited)) => {
                terminal.leader.set(Some(leader));
                self.terminals_changed();
                let runner = self.clone();
                let id = terminal.id;
                tokio::task::spawn_local(async move {
                    let code = exited.await.unwrap_or(-1);
                    terminal.drain().await;
                    terminal.leader.set(None);
                    terminal.exit_code.set(Some(code));
                    runner.terminals_changed();
                });
                Ok(id)
            }
            Err(error) => {
                self.terminals.borrow_mut().remove(&terminal.id);
                terminal.close();
                Err((
                    ErrorCode::Failed,
                    format!("{program} could not be started: {error}"),
                ))
            }
        }
    }

    /// Ends the program in a terminal, and removes it; `false` when there is none.
    pub(crate) async fn close_terminal(&self, id: u32) -> bool {
        let Some(terminal) = self.terminal(id) else {
            return false;
        };
        if let Some(run) = self.runs.in_terminal(id) {
            run.stop().await;
        } else if let Some(leader) = terminal.leader.get() {
            self.programs
                .end_session(leader, Signal::HUP, Duration::from_secs(1))
                .await;
        }
        self.terminals.borrow_mut().remove(&id);
        terminal.close();
        self.terminals_changed();
        true
    }

    /// Runs what the project file says under this name, in the terminal that it had before.
    pub(crate) fn start_run(
        self: &Rc<Self>,
        name: &str,
        cols: u16,
        rows: u16,
    ) -> Result<(), (ErrorCode, String)> {
        let run = self.runs.named(name)?;
        let existing = run.terminal().and_then(|id| self.terminal(id));
        let is_new = existing.is_none();
        if is_new && name != MAIN_RUN {
            self.may_open_terminal()?;
        }
        let terminal = existing
            .unwrap_or_else(|| self.new_terminal(TerminalKind::Run, name.to_owned(), cols, rows));
        match run.start(&terminal) {
            Ok(None) => Ok(()),
            Ok(Some(ends)) => {
                self.run_changed();
                let runner = self.clone();
                tokio::task::spawn_local(async move {
                    ends.await;
                    runner.run_changed();
                });
                Ok(())
            }
            Err(error) => {
                if is_new {
                    self.terminals.borrow_mut().remove(&terminal.id);
                    terminal.close();
                }
                Err(error)
            }
        }
    }

    /// Has the folder that holds `path` looked at again, now rather than when the system says so.
    pub(crate) fn touch_parent(&self, path: &WorkspacePath) {
        self.search.files_changed();
        self.tree_watcher()
            .touch(&path.parent().unwrap_or_default());
    }

    fn tree_watcher(&self) -> &Watcher {
        self.tree.watcher()
    }

    async fn follow_files(self: Rc<Self>, watcher: &Watcher) {
        loop {
            for folder in watcher.changes().await {
                if folder.is_root() {
                    self.project_changed();
                }
                let runner = self.clone();
                // A slow folder holds up nobody else's.
                tokio::task::spawn_local(async move {
                    runner.documents.refresh(&folder).await;
                    let Some((message, clients)) = runner.tree.refresh(&folder).await else {
                        return;
                    };
                    for client in runner
                        .all_clients()
                        .iter()
                        .filter(|c| clients.contains(&c.id))
                    {
                        client.tell(&message);
                    }
                });
            }
            // What comes in a burst is looked at once.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn follow_ports(self: Rc<Self>) {
        loop {
            let known = self.ports.borrow().clone();
            let now = ports::listening(&known, self.own_port.get());
            if now != known {
                *self.ports.borrow_mut() = now.clone();
                self.tell_all(&RunnerMessage::Ports { ports: now });
                // A program that listens has been prepared.
                self.run_changed();
            }
            let soon = !self.clients.borrow().is_empty() || self.runs.is_any_running();
            tokio::time::sleep(if soon { PORTS_SOON } else { PORTS_LATER }).await;
        }
    }

    /// Passes a binary payload on to all others who have the document open.
    pub(crate) fn pass_on(&self, document: u64, from: u64, kind: u8, payload: &[u8]) {
        for client in self.all_clients().iter().filter(|c| c.id != from) {
            for (channel, _) in client
                .documents
                .borrow()
                .iter()
                .filter(|(_, d)| d.id == document)
            {
                client.send_binary(frame(*channel, kind, None, payload));
            }
        }
    }

    /// Writes all documents to disk; how many could not be written.
    pub async fn flush(&self) -> usize {
        let left = self.documents.flush().await;
        self.update_status();
        left
    }

    /// Bulk is in place.
    pub fn ready(&self) -> std::io::Result<()> {
        self.runs.ready()
    }

    /// Ends all programs and closes all sessions.
    pub async fn stop(&self, patience: Duration) {
        self.documents.keep_unwritten().await;
        self.programs.end_all(patience).await;
        self.closing.send_replace(true);
    }

    /// Resolves when sessions are to end.
    pub(crate) async fn closing(&self) {
        let mut closing = self.closing.subscribe();
        // The sender lives as long as `self`.
        let _ = closing.wait_for(|c| *c).await;
    }

    pub(crate) fn programs(&self) -> &Programs {
        &self.programs
    }

    pub(crate) fn home(&self) -> &std::path::Path {
        &self.home
    }
}

impl Listener for Runner {
    fn document_event(&self, document: u64, event: &Event) {
        match event {
            Event::Update { update, from } => {
                self.pass_on(document, from.unwrap_or(0), kind::UPDATE, update)
            }
            Event::OnDisk(vector) => {
                self.pass_on(document, 0, kind::ON_DISK, vector);
                self.update_status();
            }
            _ => {
                for client in self.all_clients() {
                    for (channel, _) in client
                        .documents
                        .borrow()
                        .iter()
                        .filter(|(_, d)| d.id == document)
                    {
                        let channel = *channel;
                        client.tell(&match event.clone() {
                            Event::Moved(path) => RunnerMessage::DocumentMoved { channel, path },
                            Event::Gone(gone) => RunnerMessage::DocumentGone { channel, gone },
                            Event::Conflict(clash) => {
                                RunnerMessage::DocumentConflict { channel, clash }
                            }
                            Event::Unwritable(message) => {
                                RunnerMessage::DocumentUnwritable { channel, message }
                            }
                            Event::LineEnds(line_ends) => {
                                RunnerMessage::DocumentLineEndsAre { channel, line_ends }
                            }
                            Event::Update { .. } | Event::OnDisk(_) => continue,
                        });
                    }
                }
            }
        }
    }
}

/// Runs the agent over the socket it inherited, until it is ended from outside. Nothing is looked at, and nothing
/// served, until `POST /begin` says that the files are there.
/// `ALCOVE_WORKSPACE` (default `/workspace`) and `HOME` name the folders.
pub fn main() -> anyhow::Result<()> {
    // Other processes of this user can't trace it, or read its memory (prctl(2), PR_SET_DUMPABLE).
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    let workspace = std::env::var_os("ALCOVE_WORKSPACE")
        .map_or_else(|| PathBuf::from("/workspace"), PathBuf::from);
    let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/home/user"), PathBuf::from);
    let listener = http::inherited_listener()?;
    let registries = registries::open()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()?;
    let local = tokio::task::LocalSet::new();
    runtime.block_on(local.run_until(async move {
        let listener = tokio::net::UnixListener::from_std(listener)?;
        let begin = begin::asked(&listener).await;
        let runner = Runner::start(workspace, home, begin.restoring)?;
        runner.own_port.set(registries);
        tracing::info!(workspace = %runner.workspace.display(), "runner serves; {FILE_NAME} says what Run does");
        begin.done();
        http::serve(runner, listener).await
    }))
}
