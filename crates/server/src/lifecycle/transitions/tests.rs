use std::collections::HashSet;
use std::path::Path;

use alcove_protocol::api::Phase;
use proptest::prelude::*;

use super::Event as E;
use super::Stage::{self, *};

/// Each stage, and what it is.
const STAGES: [(Stage, &str); 11] = [
    (
        Stopped,
        "Nothing runs, and its files are in the store. A sandbox that nobody has been in may be ready.",
    ),
    (
        Failed,
        "Nothing runs, and a person is told why. Files that could not be saved are still on this machine.",
    ),
    (Waiting, "This machine is full: it has a place in line."),
    (
        Starting,
        "What an earlier life left is saved, files are restored, the sandbox is started.",
    ),
    (
        Adopting,
        "An earlier server left it running: its sandbox and its files are taken over.",
    ),
    (Running, "Its sandbox runs; changes are saved as they come."),
    (
        Ending,
        "Open documents are written, its programs are ended.",
    ),
    (
        Saving,
        "The sandbox is gone; the last checkpoint is made, then the local copy is deleted.",
    ),
    (
        Unsaved,
        "That checkpoint failed, and is tried again after a while.",
    ),
    (
        Left,
        "The server ends and its programs go on, for the next server to take over.",
    ),
    (
        Deleted,
        "It is in the bin: whoever brings it back begins a new life.",
    ),
];

/// Each event, and what it is.
const EVENTS: [(E, &str); 11] = [
    (
        E::Queue,
        "somebody wants it, and there is no room, or another place in line",
    ),
    (
        E::Start,
        "somebody wants it, or it is kept alive, and there is room",
    ),
    (E::Adopt, "this server found its sandbox"),
    (E::Run, "the sandbox runs"),
    (
        E::End,
        "somebody stops it, nobody needs it any more, a limit is exceeded, or its sandbox ended",
    ),
    (E::Save, "it is to be saved for good"),
    (E::SaveFailed, "the store or the sandbox's end failed"),
    (
        E::Rest,
        "nothing of it is on this machine alone: it is saved, or was thrown away by a person",
    ),
    (
        E::Fail,
        "it ended, or could not go on, for a reason that is told",
    ),
    (E::Leave, "the server ends and leaves it running"),
    (E::Delete, "it was deleted"),
];

/// What a person or a server that wants it to run, or to be gone, brings about; the rest follows by itself.
const WANTED: [E; 5] = [E::Queue, E::Start, E::Adopt, E::Leave, E::Delete];

fn reached_from(stage: Stage, events: impl Fn(&E) -> bool) -> HashSet<Stage> {
    let mut reached = HashSet::from([stage]);
    let mut next = vec![stage];
    while let Some(stage) = next.pop() {
        for (event, _) in EVENTS.iter().filter(|(event, _)| events(event)) {
            next.extend(stage.after(*event).filter(|then| reached.insert(*then)));
        }
    }
    reached
}

#[test]
fn every_stage_can_be_reached_and_only_two_are_final() {
    let reached = reached_from(Stopped, |_| true);
    assert_eq!(reached.len(), STAGES.len());
    let is_final = |stage: &Stage| {
        EVENTS
            .iter()
            .all(|(event, _)| stage.after(*event).is_none())
    };
    let finals: Vec<_> = reached.into_iter().filter(is_final).collect();
    assert_eq!(HashSet::from_iter(finals), HashSet::from([Left, Deleted]));
}

#[test]
fn from_every_stage_it_comes_to_rest_without_anybody_wanting_it() {
    for (stage, _) in STAGES
        .into_iter()
        .filter(|(s, _)| ![Left, Deleted].contains(s))
    {
        let reached = reached_from(stage, |event| !WANTED.contains(event));
        assert!(reached.contains(&Stopped), "{stage:?} reaches {reached:?}");
        let fails = stage.after(E::Fail) == Some(Failed);
        assert!(
            fails || [Running, Ending].contains(&stage),
            "{stage:?}: no reason can be told"
        );
    }
}

/// What there is beside the stage.
#[derive(Debug, Default)]
struct World {
    sandbox: bool,
    /// It has run since it was saved for good, or that was tried.
    ran: bool,
    deleted: bool,
}

impl World {
    /// What an event means, and what must hold then.
    fn goes_on(&mut self, from: Stage, event: E, to: Stage) {
        assert!(!self.deleted, "{event:?} of what was deleted");
        match event {
            E::Start => assert_ne!(from, Saving, "what is being saved was started"),
            E::Adopt => (self.sandbox, self.ran) = (true, true),
            E::Run => {
                assert!([Starting, Adopting].contains(&from), "it ran from {from:?}");
                (self.sandbox, self.ran) = (true, true);
            }
            // Nothing is saved for good while a program may still write.
            E::Save => (self.sandbox, self.ran) = (false, false),
            // None of its files had been restored, or none can be read.
            E::Rest | E::Fail if from == Adopting => (self.sandbox, self.ran) = (false, false),
            E::Delete => self.deleted = true,
            E::Queue | E::End | E::SaveFailed | E::Rest | E::Fail | E::Leave => {}
        }
        if to.phase() == Phase::Running {
            assert!(self.sandbox, "{from:?} led to {to:?} without a sandbox");
        }
        if [Stopped, Failed, Waiting, Starting, Deleted].contains(&to) {
            assert!(!self.sandbox, "{from:?} led to {to:?} with a sandbox");
            assert!(!self.ran, "{from:?} led to {to:?}, and it was not saved");
        }
    }
}

fn events() -> impl Strategy<Value = Vec<E>> {
    proptest::collection::vec(
        proptest::sample::select(EVENTS.map(|(event, _)| event).to_vec()),
        0..200,
    )
}

proptest! {
    #[test]
    fn whatever_happens_nothing_runs_twice_rests_unsaved_or_outlives_its_end(
        is_failed: bool,
        events in events(),
    ) {
        let (mut stage, mut world) = (Stage::resting(is_failed), World::default());
        for event in events {
            let Some(next) = stage.after(event) else { continue };
            world.goes_on(stage, event, next);
            stage = next;
        }
    }
}

const MARKS: (&str, &str) = (
    "<!-- from crates/server/src/lifecycle/transitions.rs: make transitions -->\n",
    "<!-- to here -->\n",
);

fn tables() -> String {
    let mut text =
        "\n| stage | phase | what it is | and then |\n| --- | --- | --- | --- |\n".to_owned();
    for (stage, words) in STAGES {
        let then: Vec<_> = EVENTS
            .iter()
            .filter_map(|(event, _)| Some(format!("{event:?} → `{:?}`", stage.after(*event)?)))
            .collect();
        let phase = serde_json::to_value(stage.phase()).unwrap();
        let phase = phase.as_str().unwrap();
        text += &format!(
            "| `{stage:?}` | {phase} | {words} | {} |\n",
            then.join("<br>")
        );
    }
    text += "\n| event | what happened |\n| --- | --- |\n";
    for (event, words) in EVENTS {
        text += &format!("| {event:?} | {words} |\n");
    }
    text + "\n"
}

#[test]
fn the_document_has_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/lifecycle.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text
        .split_once(MARKS.0)
        .expect("the beginning of the table");
    let (there, after) = rest.split_once(MARKS.1).expect("the end of the table");
    let now = tables();
    if there != now && std::env::var_os("UPDATE_TRANSITIONS").is_some() {
        let new = format!("{before}{}{now}{}{after}", MARKS.0, MARKS.1);
        return std::fs::write(&path, new).unwrap();
    }
    assert!(
        there == now,
        "docs/reference/lifecycle.md has another table: run `make transitions`"
    );
}
