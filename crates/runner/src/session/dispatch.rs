//! What a page asks for, request by request.

use std::io;
use std::rc::Rc;

use alcove_protocol::WorkspacePath;
use alcove_protocol::binary::{document as kind, frame};
use alcove_protocol::session::{
    ClientFrame, ClientMessage, ErrorCode, MAX_TERMINAL_NAME_CHARS, Role, RunnerMessage,
    TerminalInput, TerminalKind,
};

use super::{Client, files};
use crate::documents::OpenError;
use crate::search::Kind;
use crate::{Runner, configure};
use alcove_terminals::Attachment;

/// Documents that one page may have open.
const MAX_DOCUMENTS: usize = 256;
/// Terminals that one page may be attached to.
const MAX_ATTACHMENTS: usize = 64;

pub(super) type Answer = Result<RunnerMessage, (ErrorCode, String)>;

/// Handles a request, and answers it when it has an id. Slow ones go on beside the connection, so
/// that keystrokes never wait for them.
pub async fn handle(runner: &Rc<Runner>, client: &Rc<Client>, frame: ClientFrame) {
    let ClientFrame { id, message } = frame;
    if client.token.borrow().is_empty() && !matches!(message, ClientMessage::Hello { .. }) {
        return answer(
            client,
            id,
            Err((
                ErrorCode::Malformed,
                "the first message must be `hello`".into(),
            )),
        );
    }
    if client.role == Role::Viewer && changes_something(&message) {
        return answer(
            client,
            id,
            Err((
                ErrorCode::Forbidden,
                "You may look at this repl, but not change it.".into(),
            )),
        );
    }
    // Answered in any case: a page that hears nothing takes the connection for dead.
    if let ClientMessage::Ping { time } = message {
        return client.send(id, RunnerMessage::Pong { time });
    }
    runner.note_activity();
    match message {
        ClientMessage::TreeList { .. }
        | ClientMessage::FileCreate { .. }
        | ClientMessage::FileMove { .. }
        | ClientMessage::FileCopy { .. }
        | ClientMessage::FileDelete { .. }
        | ClientMessage::FilesTrash { .. }
        | ClientMessage::FilesRestore { .. }
        | ClientMessage::ArchiveExtract { .. }
        | ClientMessage::DocumentOpen { .. }
        | ClientMessage::DocumentFlush { .. }
        | ClientMessage::Replace { .. }
        | ClientMessage::ReplaceUndo { .. }
        | ClientMessage::TerminalClose { .. }
        | ClientMessage::RunStop { .. }
        | ClientMessage::RunsSave { .. } => {
            let (runner, client) = (runner.clone(), client.clone());
            tokio::task::spawn_local(async move {
                let result = slow(&runner, &client, id, message).await;
                if let Some(result) = result {
                    answer(&client, id, result);
                }
            });
        }
        ClientMessage::FilesFind { query } => {
            let stop = runner.search.begin(client.id, Kind::Names, 0);
            let (search, client) = (runner.search.clone(), client.clone());
            tokio::task::spawn_local(async move {
                answer(&client, id, search.find(stop, query).await);
            });
        }
        ClientMessage::Search {
            search: number,
            query,
        } => {
            let stop = runner.search.begin(client.id, Kind::Text, number);
            let (search, client) = (runner.search.clone(), client.clone());
            tokio::task::spawn_local(async move {
                let tell = |files| {
                    let search = number;
                    client.tell(&RunnerMessage::SearchFound { search, files });
                };
                let result = search.text(stop, number, query, tell).await;
                answer(&client, id, result);
            });
        }
        quick => {
            let result = self::quick(runner, client, quick);
            answer(client, id, result);
        }
    }
}

fn answer(client: &Client, id: Option<u32>, result: Answer) {
    match result {
        Ok(message) if id.is_some() => client.send(id, message),
        Ok(_) => {}
        Err((code, message)) => client.send(id, RunnerMessage::Error { code, message }),
    }
}

fn changes_something(message: &ClientMessage) -> bool {
    use ClientMessage as M;
    !matches!(
        message,
        M::Hello { .. }
            | M::Ping { .. }
            | M::TreeList { .. }
            | M::TreeUnwatch { .. }
            | M::FilesFind { .. }
            | M::Search { .. }
            | M::SearchCancel { .. }
            | M::DocumentOpen { .. }
            | M::DocumentClose { .. }
            | M::TerminalAttach { .. }
            | M::TerminalDetach { .. }
    )
}

fn quick(runner: &Rc<Runner>, client: &Rc<Client>, message: ClientMessage) -> Answer {
    match message {
        ClientMessage::Hello { client: token } => {
            let fits = (16..=64).contains(&token.len())
                && token
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if !fits {
                return Err((
                    ErrorCode::Malformed,
                    "`client` must be 16 to 64 letters, digits or hyphens".into(),
                ));
            }
            if !client.token.borrow().is_empty() {
                return Err((ErrorCode::Malformed, "`hello` has been said already".into()));
            }
            let inputs = runner
                .terminals()
                .iter()
                .map(|t| TerminalInput {
                    terminal: t.id,
                    received: t.received(&token),
                })
                .collect();
            *client.token.borrow_mut() = token;
            runner.enter(client);
            Ok(RunnerMessage::Welcome {
                runner: runner.id.clone(),
                role: client.role,
                project: runner.runs.project_info(),
                inputs,
            })
        }
        ClientMessage::SearchCancel { search } => {
            runner.search.cancel(client.id, search);
            Ok(RunnerMessage::Done)
        }
        ClientMessage::TreeUnwatch { path } => {
            runner.tree.unwatch(&path, client.id);
            Ok(RunnerMessage::Done)
        }
        ClientMessage::DocumentClose { channel } => {
            let document = client
                .documents
                .borrow_mut()
                .remove(&channel)
                .ok_or_else(no_channel)?;
            let still_open = client
                .documents
                .borrow()
                .values()
                .any(|d| d.id == document.id);
            if !still_open {
                let (runner, id) = (runner.clone(), client.id);
                tokio::task::spawn_local(
                    async move { runner.documents.close(&document, id).await },
                );
            }
            Ok(RunnerMessage::Done)
        }
        ClientMessage::DocumentLineEnds { channel, line_ends } => {
            let document = client.documents.borrow().get(&channel).cloned();
            let document = document.ok_or_else(no_channel)?;
            runner.documents.set_line_ends(&document, line_ends);
            Ok(RunnerMessage::Done)
        }
        ClientMessage::TerminalCreate { cols, rows } => {
            let terminal = runner.create_shell(cols, rows)?;
            Ok(RunnerMessage::TerminalCreated { terminal })
        }
        ClientMessage::TerminalAttach {
            terminal,
            from,
            cols,
            rows,
        } => {
            let terminal = runner.terminal(terminal).ok_or_else(no_terminal)?;
            if client.attachments.borrow().len() >= MAX_ATTACHMENTS {
                return Err((
                    ErrorCode::Limit,
                    format!("A page may show {MAX_ATTACHMENTS} terminals."),
                ));
            }
            if client.role != Role::Viewer && terminal.resize(cols, rows) {
                runner.terminals_changed();
            }
            let channel = client.new_channel();
            let attachment = Attachment::new(
                channel,
                terminal.clone(),
                from,
                (cols, rows),
                client.wake.clone(),
            );
            client.attachments.borrow_mut().insert(channel, attachment);
            Ok(RunnerMessage::TerminalAttached {
                terminal: terminal.id,
                channel,
            })
        }
        ClientMessage::TerminalDetach { channel } => {
            client
                .attachments
                .borrow_mut()
                .remove(&channel)
                .ok_or_else(no_channel)?;
            Ok(RunnerMessage::Done)
        }
        ClientMessage::TerminalResize {
            terminal,
            cols,
            rows,
        } => {
            let terminal = runner.terminal(terminal).ok_or_else(no_terminal)?;
            for attachment in client
                .attachments
                .borrow()
                .values()
                .filter(|a| a.terminal.id == terminal.id)
            {
                attachment.size.set((cols, rows));
            }
            if terminal.resize(cols, rows) {
                runner.terminals_changed();
            }
            Ok(RunnerMessage::Done)
        }
        ClientMessage::TerminalRename { terminal, name } => {
            let terminal = runner.terminal(terminal).ok_or_else(no_terminal)?;
            let name = terminal_name(&name)?;
            if !terminal.is_called(name) {
                terminal.rename(name);
                runner.terminals_changed();
            }
            Ok(RunnerMessage::Done)
        }
        ClientMessage::RunStart { name, cols, rows } => {
            runner.start_run(&name, cols, rows)?;
            Ok(RunnerMessage::Done)
        }
        ClientMessage::GitClone { url, cols, rows } => {
            let terminal = runner.clone_repository(&url, cols, rows)?;
            Ok(RunnerMessage::TerminalCreated { terminal })
        }
        _ => Err((ErrorCode::Malformed, "not a quick request".into())),
    }
}

/// `None`: it was answered already.
async fn slow(
    runner: &Rc<Runner>,
    client: &Rc<Client>,
    id: Option<u32>,
    message: ClientMessage,
) -> Option<Answer> {
    let result = match message {
        ClientMessage::TreeList { path } => match runner.tree.list(&path, client.id).await {
            Ok(entries) => {
                if !runner.is_here(client) {
                    runner.tree.leave(client.id);
                }
                Ok(RunnerMessage::TreeListed { path, entries })
            }
            Err(error) => Err(failure(&path, &error)),
        },
        message @ (ClientMessage::FileCreate { .. }
        | ClientMessage::FileMove { .. }
        | ClientMessage::FileCopy { .. }
        | ClientMessage::FileDelete { .. }
        | ClientMessage::FilesTrash { .. }
        | ClientMessage::FilesRestore { .. }
        | ClientMessage::ArchiveExtract { .. }) => files::handle(runner, client, message).await,
        ClientMessage::DocumentOpen { path, .. } => {
            return open_document(runner, client, id, path).await;
        }
        ClientMessage::DocumentFlush { channel } => {
            let document = client.documents.borrow().get(&channel).cloned();
            match document {
                None => Err(no_channel()),
                Some(document) => {
                    runner.documents.write(&document).await;
                    if document.is_dirty() {
                        Err((
                            ErrorCode::Failed,
                            "The file could not be written; your text is kept.".into(),
                        ))
                    } else {
                        Ok(RunnerMessage::Done)
                    }
                }
            }
        }
        ClientMessage::Replace {
            replace,
            query,
            files,
        } => {
            let replacements = &runner.search.replacements;
            let token = client.token.borrow().clone();
            replacements.replace(&token, replace, query, files).await
        }
        ClientMessage::ReplaceUndo { replace } => {
            let token = client.token.borrow().clone();
            runner.search.replacements.undo(&token, replace).await
        }
        ClientMessage::TerminalClose { terminal } => match runner.close_terminal(terminal).await {
            true => Ok(RunnerMessage::Done),
            false => Err(no_terminal()),
        },
        ClientMessage::RunStop { name } => {
            if let Some(run) = runner.runs.get(&name) {
                run.stop().await;
            }
            Ok(RunnerMessage::Done)
        }
        ClientMessage::RunsSave { before, now } => configure::save(runner, before, now).await,
        _ => Err((ErrorCode::Malformed, "not a slow request".into())),
    };
    Some(result)
}

async fn open_document(
    runner: &Rc<Runner>,
    client: &Rc<Client>,
    id: Option<u32>,
    path: WorkspacePath,
) -> Option<Answer> {
    if client.documents.borrow().len() >= MAX_DOCUMENTS {
        return Some(Err((
            ErrorCode::Limit,
            format!("A page may have {MAX_DOCUMENTS} documents open."),
        )));
    }
    match runner.documents.open(&path, client.id).await {
        Ok(document) => {
            if !runner.is_here(client) {
                runner.documents.leave(client.id);
                return None;
            }
            let channel = client.new_channel();
            client
                .documents
                .borrow_mut()
                .insert(channel, document.clone());
            client.send(
                id,
                RunnerMessage::DocumentOpened {
                    path,
                    channel,
                    epoch: document.epoch.clone(),
                    line_ends: document.line_ends(),
                },
            );
            // Asks for what the page has and we lack.
            client.send_binary(frame(
                channel,
                kind::STATE_VECTOR,
                None,
                &document.state_vector(),
            ));
            if !document.is_dirty() {
                client.send_binary(frame(
                    channel,
                    kind::ON_DISK,
                    None,
                    &document.state_vector(),
                ));
            }
            None
        }
        Err(OpenError::Refused(reason, size)) => {
            Some(Ok(RunnerMessage::DocumentRefused { path, reason, size }))
        }
        Err(OpenError::Io(error)) => Some(Err(failure(&path, &error))),
    }
}

pub(super) fn failure(path: &WorkspacePath, error: &io::Error) -> (ErrorCode, String) {
    match error.kind() {
        io::ErrorKind::NotFound => (ErrorCode::NotFound, format!("There is no {path}.")),
        io::ErrorKind::AlreadyExists => (ErrorCode::Exists, format!("{path} already exists.")),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => (
            ErrorCode::Limit,
            "The disk is full: delete something first.".into(),
        ),
        _ => (ErrorCode::Failed, format!("{path}: {error}")),
    }
}

fn no_terminal() -> (ErrorCode, String) {
    (ErrorCode::NotFound, "There is no such terminal.".into())
}

/// The name that a person gave, without spaces at its ends.
fn terminal_name(given: &str) -> Result<&str, (ErrorCode, String)> {
    let name = given.trim();
    let length = name.chars().count();
    if length == 0 || length > MAX_TERMINAL_NAME_CHARS || name.chars().any(char::is_control) {
        return Err((
            ErrorCode::Malformed,
            format!(
                "A terminal’s name has 1 to {MAX_TERMINAL_NAME_CHARS} characters, all in one line."
            ),
        ));
    }
    Ok(name)
}

fn no_channel() -> (ErrorCode, String) {
    (ErrorCode::NotFound, "There is no such channel.".into())
}

/// For the names in messages.
pub fn shell_name(terminals: &[Rc<alcove_terminals::Terminal>]) -> String {
    let taken = |n: &usize| {
        terminals
            .iter()
            .any(|t| t.kind == TerminalKind::Shell && t.is_called(&format!("Shell {n}")))
    };
    let free = (1..).find(|n| !taken(n)).unwrap_or(1);
    format!("Shell {free}")
}
