//! Changes that are made to files as wholes, open or not: replacing what was found. An open file is
//! changed through its document, so that what others type meanwhile is merged.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use alcove_protocol::WorkspacePath;

use super::disk::{self, Refused, Written};
use super::{Document, Documents, MAX_DOCUMENT_BYTES, OpenError};
use alcove_merge::Edit;

/// What became of a change.
#[derive(Debug)]
pub enum Changed<T> {
    Yes(T),
    /// Somebody or a program changed the file meanwhile: nothing was done.
    Meanwhile,
    Failed(String),
}

/// Edits of a text, and what their maker wants to know of them; `None`: it is not the expected text.
pub type Plan<T> = Option<(Vec<Edit>, T)>;

/// The text of a file, as a document would hold it.
pub fn read_text(path: &Path) -> Result<String, OpenError> {
    match disk::read(path) {
        Ok((text, _)) => Ok(text.text),
        Err(Refused::Reason(reason, size)) => Err(OpenError::Refused(reason, size)),
        Err(Refused::Io(error)) => Err(OpenError::Io(error)),
    }
}

/// `text` with the edits made; they are ascending and do not overlap.
pub fn edited(text: &str, edits: &[Edit]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits {
        out.push_str(&text[at..edit.range.start]);
        out.push_str(&edit.insert);
        at = edit.range.end;
    }
    out.push_str(&text[at..]);
    out
}

/// The edits that lead back from what `edits` make of `text`.
pub fn inverse(text: &str, edits: &[Edit]) -> Vec<Edit> {
    let mut moved = 0isize;
    edits
        .iter()
        .map(|edit| {
            let start = edit.range.start.saturating_add_signed(moved);
            moved += edit.insert.len() as isize - edit.range.len() as isize;
            Edit {
                range: start..start + edit.insert.len(),
                insert: text[edit.range.clone()].to_owned(),
            }
        })
        .collect()
}

fn grows_too_large(text: &str, edits: &[Edit]) -> bool {
    let inserted: usize = edits.iter().map(|e| e.insert.len()).sum();
    (text.len() + inserted) as u64 > 2 * MAX_DOCUMENT_BYTES
}

const TOO_LARGE: &str = "The file would become too large.";

impl Documents {
    /// Texts that are not on disk yet.
    pub fn unsaved(&self) -> HashMap<WorkspacePath, String> {
        self.all()
            .into_iter()
            .filter(|d| d.is_dirty())
            .map(|d| (d.path.borrow().clone(), d.string()))
            .collect()
    }

    /// Changes a file by what `plan` makes of its text, on a blocking thread.
    pub async fn change<T: Send + 'static>(
        self: &Rc<Self>,
        path: &WorkspacePath,
        plan: impl FnOnce(&str) -> Plan<T> + Send + 'static,
    ) -> Changed<T> {
        match self.get(path) {
            Some(document) => self.change_open(&document, plan).await,
            None => self.change_closed(path, plan).await,
        }
    }

    async fn change_open<T: Send + 'static>(
        self: &Rc<Self>,
        document: &Rc<Document>,
        plan: impl FnOnce(&str) -> Plan<T> + Send + 'static,
    ) -> Changed<T> {
        let before: Arc<str> = document.string().into();
        let text = before.clone();
        let planned = tokio::task::spawn_blocking(move || {
            let plan = plan(&text)?;
            Some((grows_too_large(&text, &plan.0), plan))
        });
        let (too_large, (edits, told)) = match planned.await {
            Ok(Some(planned)) => planned,
            Ok(None) => return Changed::Meanwhile,
            Err(error) => return Changed::Failed(error.to_string()),
        };
        if too_large {
            return Changed::Failed(TOO_LARGE.into());
        }
        // Somebody may have typed while it was planned.
        if document.string() != *before {
            return Changed::Meanwhile;
        }
        self.apply(document, &edits);
        document.note_edit();
        self.write(document).await;
        Changed::Yes(told)
    }

    async fn change_closed<T: Send + 'static>(
        &self,
        path: &WorkspacePath,
        plan: impl FnOnce(&str) -> Plan<T> + Send + 'static,
    ) -> Changed<T> {
        let full = path.under(&self.top);
        let work = tokio::task::spawn_blocking(move || {
            let (text, stamp) = match disk::read(&full) {
                Ok(read) => read,
                Err(Refused::Io(error)) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Changed::Failed(error.to_string());
                }
                // Gone, or no text any more.
                Err(_) => return Changed::Meanwhile,
            };
            let Some((edits, told)) = plan(&text.text) else {
                return Changed::Meanwhile;
            };
            if grows_too_large(&text.text, &edits) {
                return Changed::Failed(TOO_LARGE.into());
            }
            let content = text.encode(&edited(&text.text, &edits));
            match disk::write(&full, &content, Some(stamp)) {
                Ok(Written::Yes(_)) => Changed::Yes(told),
                Ok(Written::Changed) => Changed::Meanwhile,
                Err(error) => Changed::Failed(error.to_string()),
            }
        });
        work.await
            .unwrap_or_else(|error| Changed::Failed(error.to_string()))
    }
}
