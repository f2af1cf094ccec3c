//! Binary frames of a page: terminal input and acknowledgements, document updates.

use std::rc::Rc;

use alcove_protocol::binary::{document as kind, frame, parse, take_varint, terminal};
use alcove_protocol::session::{ErrorCode, Role, RunnerMessage};
use yrs::StateVector;

use super::Client;
use crate::Runner;
use crate::documents::{Document, updates};
use alcove_terminals::{Attachment, Input};

/// Handles one frame; `false` when it was malformed. A frame on a channel that has just been closed
/// is none of the page's faults.
pub fn handle(runner: &Rc<Runner>, client: &Rc<Client>, bytes: &[u8]) -> bool {
    let Some((channel, kind, payload)) = parse(bytes) else {
        return false;
    };
    let attachment = client.attachments.borrow().get(&channel).cloned();
    if let Some(attachment) = attachment {
        return terminal_frame(runner, client, &attachment, kind, payload);
    }
    let document = client.documents.borrow().get(&channel).cloned();
    if let Some(document) = document {
        return document_frame(runner, client, channel, &document, kind, payload);
    }
    true
}

fn terminal_frame(
    runner: &Rc<Runner>,
    client: &Rc<Client>,
    attachment: &Attachment,
    kind: u8,
    payload: &[u8],
) -> bool {
    let Some((number, bytes)) = take_varint(payload) else {
        return false;
    };
    match kind {
        terminal::OUTPUT_ACK => attachment.acknowledge(number),
        terminal::INPUT if client.role == Role::Viewer => return false,
        terminal::INPUT => {
            let terminal = &attachment.terminal;
            let (cols, rows) = attachment.size.get();
            if terminal.resize(cols, rows) {
                runner.terminals_changed();
            }
            let received = match terminal.input(&client.token.borrow(), number, bytes) {
                Input::Received(n) => n,
                Input::Gap => return false,
                Input::Dropped(n) => {
                    let message = "The program does not read its input, and 1 MiB waits for it: the rest was dropped.";
                    client.tell(&RunnerMessage::Error {
                        code: ErrorCode::Limit,
                        message: message.into(),
                    });
                    n
                }
            };
            client.acknowledge_input(attachment.channel, received);
            runner.note_activity();
        }
        _ => return false,
    }
    true
}

fn document_frame(
    runner: &Rc<Runner>,
    client: &Rc<Client>,
    channel: u32,
    document: &Rc<Document>,
    kind: u8,
    payload: &[u8],
) -> bool {
    match kind {
        kind::STATE_VECTOR => match updates::decode_vector(payload) {
            Ok(vector) => send_missing(runner, client, channel, document, vector),
            Err(_) => return false,
        },
        kind::UPDATE if client.role == Role::Viewer => return false,
        kind::UPDATE => {
            runner.note_activity();
            if let Err(error) = runner.documents.update(document, payload, client.id) {
                let message = format!("The edit was not taken: {error}.");
                client.tell(&RunnerMessage::Error {
                    code: ErrorCode::Limit,
                    message,
                });
                return false;
            }
        }
        kind::AWARENESS => runner.pass_on(document.id, client.id, kind::AWARENESS, payload),
        _ => return false,
    }
    true
}

/// Sends what a page lacks, and then where a program had changed the same words while no page was there.
fn send_missing(
    runner: &Rc<Runner>,
    client: &Rc<Client>,
    channel: u32,
    document: &Rc<Document>,
    vector: StateVector,
) {
    let (runner, client, document) = (runner.clone(), client.clone(), document.clone());
    tokio::task::spawn_local(async move {
        runner.documents.at_rest(&document).await;
        let update = document.missing(&vector);
        client.send_binary(frame(channel, kind::UPDATE, None, &update));
        for clash in document.take_clashes() {
            client.tell(&RunnerMessage::DocumentConflict { channel, clash });
        }
    });
}
