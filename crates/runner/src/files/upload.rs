//! `PUT /upload?id=…`: a file that comes in parts, and goes on where it stood when a connection broke.
//!
//! What has come lies in a hidden file beside its place, and in no list but this one: a runner that ends
//! takes it along. Of one upload there is one writer; a request that comes later ends the one before it,
//! whose connection may be long gone without anybody having noticed.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use alcove_protocol::headers::{UPLOAD_LENGTH, UPLOAD_OFFSET};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::header::HeaderValue;
use hyper::{Request, Response, StatusCode};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::write::{Temporary, begin, put};
use super::{Body, failed, path_of, plain, value};
use crate::Runner;
use crate::http::header;

/// How long half an upload waits for the rest, and how long it is known that one is whole.
const KEPT: Duration = Duration::from_secs(30 * 60);
/// Uploads that are known at once. Beyond them, the one that rests longest is forgotten.
const MAX_UPLOADS: usize = 256;

/// All uploads that have begun.
#[derive(Default)]
pub struct Uploads {
    known: RefCell<HashMap<String, Upload>>,
    /// Somebody sees to it that they are forgotten in time.
    watched: Cell<bool>,
}

struct Upload {
    plan: Plan,
    state: State,
    /// When something came last.
    touched: Instant,
}

/// What every part of an upload says alike.
#[derive(Clone, PartialEq)]
struct Plan {
    target: PathBuf,
    overwrite: bool,
    length: u64,
}

enum State {
    /// Waits for its next part.
    Resting(Half),
    /// A request has it.
    Busy(Rc<Turn>),
    /// In its place; `replaced`: where something was before.
    Whole { replaced: bool },
}

/// What has come so far.
struct Half {
    file: File,
    temporary: Temporary,
    offset: u64,
}

/// One request's time with an upload.
#[derive(Default)]
struct Turn {
    /// Another request wants it, or nobody any more.
    wanted: CancellationToken,
    ended: Notify,
}

/// What a request finds.
enum Found {
    Mine(Option<Half>, Rc<Turn>),
    Whole { replaced: bool },
    Busy(Rc<Turn>),
    OfAnother,
}

impl Uploads {
    /// Takes what there is of an upload; it is this request's until it is given back.
    fn take(&self, id: &str, plan: &Plan) -> Found {
        let mut known = self.known.borrow_mut();
        let turn = Rc::new(Turn::default());
        let Some(upload) = known.get_mut(id) else {
            drop(known);
            self.make_room();
            let upload = Upload {
                plan: plan.clone(),
                state: State::Busy(turn.clone()),
                touched: Instant::now(),
            };
            self.known.borrow_mut().insert(id.to_owned(), upload);
            return Found::Mine(None, turn);
        };
        if upload.plan != *plan {
            return Found::OfAnother;
        }
        match std::mem::replace(&mut upload.state, State::Busy(turn.clone())) {
            State::Resting(half) => Found::Mine(Some(half), turn),
            State::Whole { replaced } => {
                upload.state = State::Whole { replaced };
                Found::Whole { replaced }
            }
            State::Busy(other) => {
                upload.state = State::Busy(other.clone());
                Found::Busy(other)
            }
        }
    }

    /// Ends a request's time. Without a state there is nothing to go on with.
    fn give_back(&self, id: &str, turn: &Rc<Turn>, state: Option<State>) {
        let mut known = self.known.borrow_mut();
        let mine = |upload: &&mut Upload| matches!(&upload.state, State::Busy(holder) if Rc::ptr_eq(holder, turn));
        match (known.get_mut(id).filter(mine), state) {
            (Some(upload), Some(state)) => {
                upload.state = state;
                upload.touched = Instant::now();
            }
            (Some(_), None) => drop(known.remove(id)),
            // Abandoned meanwhile: what has come goes with the state.
            (None, _) => {}
        }
        turn.ended.notify_waiters();
    }

    /// Makes room for one more.
    fn make_room(&self) {
        let mut known = self.known.borrow_mut();
        while known.len() >= MAX_UPLOADS {
            let resting = known.iter().filter(|(_, upload)| !upload.is_busy());
            let Some((id, _)) = resting.min_by_key(|(_, upload)| upload.touched) else {
                // Each has a connection, of which the server has its own bound.
                return;
            };
            let id = id.clone();
            known.remove(&id);
        }
    }

    /// Sees to it, until there are none, that what has rested too long is forgotten.
    fn watch(self: &Rc<Self>) {
        if self.watched.replace(true) {
            return;
        }
        let uploads = self.clone();
        tokio::task::spawn_local(async move {
            while let Some(due) = uploads.forget_late(Instant::now()) {
                tokio::time::sleep_until(due).await;
            }
            uploads.watched.set(false);
        });
    }

    /// Forgets what has rested too long; when that is due again.
    fn forget_late(&self, now: Instant) -> Option<Instant> {
        let mut known = self.known.borrow_mut();
        known.retain(|_, upload| upload.is_busy() || now < upload.touched + KEPT);
        let due = |upload: &Upload| match upload.is_busy() {
            true => now + KEPT,
            false => upload.touched + KEPT,
        };
        known.values().map(due).min()
    }

    /// Forgets an upload, with what has come of it.
    fn abandon(&self, id: &str) {
        let gone = self.known.borrow_mut().remove(id);
        if let Some(State::Busy(turn)) = gone.map(|upload| upload.state) {
            turn.wanted.cancel();
        }
    }
}

impl Upload {
    fn is_busy(&self) -> bool {
        matches!(self.state, State::Busy(_))
    }
}

/// Takes in the next part. The answer: 201 or 200 once the file is in its place, before that 202 with
/// how much has come. A part that begins elsewhere is not taken in.
pub async fn upload(runner: &Rc<Runner>, request: Request<Incoming>) -> Response<Body> {
    let bad = |text| plain(StatusCode::BAD_REQUEST, text);
    let query = request.uri().query();
    let path = match path_of(query) {
        Ok(path) if path.is_root() => return bad("this needs a name"),
        Ok(path) => path,
        Err(answer) => return *answer,
    };
    let number = |name| header(&request, name).and_then(|text| text.parse::<u64>().ok());
    let (Some(id), Some(offset), Some(length)) = (
        value(query, "id"),
        number(UPLOAD_OFFSET),
        number(UPLOAD_LENGTH),
    ) else {
        return bad("this needs an id, an offset and a length");
    };
    let plan = Plan {
        target: path.under(&runner.workspace),
        overwrite: value(query, "overwrite").as_deref() == Some("true"),
        length,
    };
    runner.note_activity();
    let uploads = runner.uploads.clone();
    let (half, turn) = loop {
        match uploads.take(&id, &plan) {
            Found::Mine(half, turn) => break (half, turn),
            Found::Whole { replaced } => return whole(replaced),
            Found::OfAnother => return bad("another file was begun with this id"),
            Found::Busy(turn) => {
                let ended = turn.ended.notified();
                turn.wanted.cancel();
                ended.await;
            }
        }
    };
    uploads.watch();
    // Beside the connection, which may end at any time: the upload is given back in any case.
    let taking = tokio::task::spawn_local(async move {
        let mut body = request.into_body();
        let stand = take_in(half, &plan, offset, &mut body, &turn.wanted).await;
        // Whoever sends hears an answer at the end of the part only.
        tokio::select! {
            () = async { while let Some(Ok(_)) = body.frame().await {} } => {}
            () = turn.wanted.cancelled() => {}
        }
        let (state, answer) = match stand {
            Ok(state) => {
                let answer = answer_of(&state);
                (Some(state), answer)
            }
            Err(error) => (None, failed(&error)),
        };
        uploads.give_back(&id, &turn, state);
        answer
    });
    let answer = taking.await;
    if answer
        .as_ref()
        .is_ok_and(|a| a.status() != StatusCode::ACCEPTED)
    {
        runner.touch_parent(&path);
    }
    answer.unwrap_or_else(|error| plain(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()))
}

/// Forgets an upload.
pub fn abandon(runner: &Runner, request: &Request<Incoming>) -> Response<Body> {
    if let Some(id) = value(request.uri().query(), "id") {
        runner.uploads.abandon(&id);
    }
    plain(StatusCode::NO_CONTENT, "")
}

/// Adds a body to what has come, as far as it comes.
async fn take_in(
    half: Option<Half>,
    plan: &Plan,
    offset: u64,
    body: &mut Incoming,
    wanted: &CancellationToken,
) -> io::Result<State> {
    let Plan {
        target,
        overwrite,
        length,
    } = plan.clone();
    let mut half = match half {
        Some(half) => half,
        None => {
            let place = target.clone();
            let begun = tokio::task::spawn_blocking(move || begin(&place, overwrite)).await?;
            let (file, temporary) = begun?;
            let file = File::from_std(file);
            let offset = 0;
            Half {
                file,
                temporary,
                offset,
            }
        }
    };
    if offset != half.offset {
        return Ok(State::Resting(half));
    }
    loop {
        let frame = tokio::select! {
            frame = body.frame() => frame,
            () = wanted.cancelled() => break,
        };
        // A connection that breaks off ends a part as well as its end does.
        let Some(Ok(frame)) = frame else { break };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if data.len() as u64 > length - half.offset {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        half.file.write_all(&data).await?;
        half.offset += data.len() as u64;
    }
    half.file.flush().await?;
    if half.offset < length {
        return Ok(State::Resting(half));
    }
    let temporary = half.temporary;
    let placed = tokio::task::spawn_blocking(move || {
        let replaced = put(temporary.path(), &target, overwrite)?;
        temporary.keep();
        Ok::<bool, io::Error>(replaced)
    });
    let replaced = placed.await??;
    Ok(State::Whole { replaced })
}

fn answer_of(state: &State) -> Response<Body> {
    let come = match state {
        State::Whole { replaced } => return whole(*replaced),
        State::Resting(half) => half.offset,
        State::Busy(_) => 0,
    };
    let mut answer = plain(StatusCode::ACCEPTED, "");
    let headers = answer.headers_mut();
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(come));
    answer
}

fn whole(replaced: bool) -> Response<Body> {
    match replaced {
        true => plain(StatusCode::OK, ""),
        false => plain(StatusCode::CREATED, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(name: &str) -> Plan {
        Plan {
            target: name.into(),
            overwrite: false,
            length: 10,
        }
    }

    /// An upload of which half has come, in a folder.
    fn rest(uploads: &Uploads, folder: &std::path::Path, id: &str) -> PathBuf {
        let target = folder.join(id);
        let Found::Mine(None, turn) = uploads.take(id, &plan(id)) else {
            panic!("it is new");
        };
        let (file, temporary) = begin(&target, false).unwrap();
        let path = temporary.path().to_owned();
        let half = Half {
            file: File::from_std(file),
            temporary,
            offset: 5,
        };
        uploads.give_back(id, &turn, Some(State::Resting(half)));
        path
    }

    #[tokio::test]
    async fn half_an_upload_waits_for_half_an_hour_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::default();
        let first = rest(&uploads, folder.path(), "first");
        let second = rest(&uploads, folder.path(), "second");
        let since = |id: &str| uploads.known.borrow()[id].touched;
        let due = since("first") + KEPT;
        let later = since("second") + KEPT;
        let moment = Duration::from_nanos(1);
        assert_eq!(uploads.forget_late(due - moment), Some(due));
        assert!(first.exists() && second.exists());
        assert_eq!(uploads.forget_late(due), Some(later));
        assert!(!first.exists() && second.exists());
        assert_eq!(uploads.forget_late(later), None);
        assert!(!second.exists());
    }

    #[tokio::test]
    async fn beyond_the_bound_the_one_that_rests_longest_goes_and_none_that_comes() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::default();
        let Found::Mine(None, _turn) = uploads.take("coming", &plan("coming")) else {
            panic!("it is new");
        };
        let paths: Vec<PathBuf> = (1..MAX_UPLOADS)
            .map(|n| rest(&uploads, folder.path(), &format!("n{n}")))
            .collect();
        assert!(paths.iter().all(|path| path.exists()));
        let more = rest(&uploads, folder.path(), "more");
        assert!(!paths[0].exists());
        assert!(paths[1..].iter().all(|path| path.exists()) && more.exists());
        assert!(matches!(
            uploads.take("coming", &plan("coming")),
            Found::Busy(_)
        ));
    }

    #[tokio::test]
    async fn an_id_is_of_one_file_and_one_that_is_abandoned_ends() {
        let folder = tempfile::tempdir().unwrap();
        let uploads = Uploads::default();
        let path = rest(&uploads, folder.path(), "a");
        assert!(matches!(uploads.take("a", &plan("b")), Found::OfAnother));
        let Found::Mine(Some(half), turn) = uploads.take("a", &plan("a")) else {
            panic!("it rests");
        };
        uploads.abandon("a");
        turn.wanted.cancelled().await;
        // Somebody else has begun with the same id meanwhile.
        let Found::Mine(None, other) = uploads.take("a", &plan("a")) else {
            panic!("it is new");
        };
        uploads.give_back("a", &turn, Some(State::Resting(half)));
        assert!(!path.exists());
        assert!(
            matches!(uploads.take("a", &plan("a")), Found::Busy(turn) if Rc::ptr_eq(&turn, &other))
        );
    }
}
