//! Which stage of a repl's life follows which: pure, and the only way from one phase to another. The table in
//! docs/reference/lifecycle.md is written from here.

use alcove_protocol::api::Phase;

/// Where a repl is in its life. A page sees the coarser [`Phase`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Stopped,
    Failed,
    Waiting,
    Starting,
    Adopting,
    Running,
    Ending,
    Saving,
    Unsaved,
    Left,
    Deleted,
}

/// What leads to another stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Event {
    Queue,
    Start,
    Adopt,
    Run,
    End,
    Save,
    SaveFailed,
    Rest,
    Fail,
    Leave,
    Delete,
}

impl Stage {
    /// Of a repl that nothing has happened to since the server started.
    pub fn resting(has_reason: bool) -> Self {
        if has_reason {
            Self::Failed
        } else {
            Self::Stopped
        }
    }

    pub fn phase(self) -> Phase {
        match self {
            Self::Stopped | Self::Deleted => Phase::Stopped,
            Self::Failed => Phase::Failed,
            Self::Waiting | Self::Starting | Self::Adopting => Phase::Starting,
            Self::Running | Self::Left => Phase::Running,
            Self::Ending | Self::Saving | Self::Unsaved => Phase::Stopping,
        }
    }

    /// What follows; `None`: this can't happen here.
    pub fn after(self, event: Event) -> Option<Self> {
        use Event as E;
        use Stage::*;
        let next = match (self, event) {
            (Stopped | Failed | Waiting, E::Queue) => Waiting,
            (Stopped | Failed | Waiting | Unsaved, E::Start) => Starting,
            (Stopped | Failed, E::Adopt) => Adopting,
            (Starting | Adopting, E::Run) => Running,
            (Running, E::End) => Ending,
            (Stopped | Failed | Adopting | Ending | Unsaved, E::Save) => Saving,
            (Saving, E::SaveFailed) => Unsaved,
            (Stopped | Failed | Waiting | Adopting | Saving, E::Rest) => Stopped,
            (Stopped | Failed | Waiting | Starting | Adopting | Saving | Unsaved, E::Fail) => {
                Failed
            }
            (Running, E::Leave) => Left,
            (Stopped | Failed, E::Delete) => Deleted,
            _ => return None,
        };
        Some(next)
    }
}

#[cfg(test)]
mod tests;
