//! Starts nothing, for a machine that can't: repls can be looked at there, edited in the store, and
//! downloaded.

use async_trait::async_trait;

use crate::doctor::{Check, State};
use crate::languages::Languages;
use crate::{Exit, Owner, Sandbox, SandboxSpec, SpawnError, Spawner, Usage};

pub struct NoSpawner {
    languages: Languages,
}

impl NoSpawner {
    /// Looks for languages all the same: repls that are made here may be started elsewhere.
    pub async fn new() -> Result<Self, SpawnError> {
        let languages = tokio::task::spawn_blocking(Languages::detect).await;
        let languages = languages.map_err(|error| SpawnError::Io {
            what: "looking for languages".into(),
            source: std::io::Error::other(error),
        })?;
        Ok(Self { languages })
    }
}

#[async_trait]
impl Spawner for NoSpawner {
    async fn owner(&self, _id: &str) -> Result<Owner, SpawnError> {
        Ok(Owner {
            uid: rustix::process::geteuid().as_raw(),
            gid: rustix::process::getegid().as_raw(),
        })
    }

    async fn start(&self, _spec: &SandboxSpec) -> Result<Sandbox, SpawnError> {
        Err(SpawnError::Unable(
            "this server starts no repls (`--spawner none`). Their code can be looked at and edited.".into(),
        ))
    }

    async fn wait(&self, _id: &str) -> Exit {
        Exit::Unknown
    }

    async fn stop(&self, _id: &str) -> Result<(), SpawnError> {
        Ok(())
    }

    async fn release(&self, _id: &str) -> Result<(), SpawnError> {
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Sandbox>, SpawnError> {
        Ok(Vec::new())
    }

    async fn usage(&self, _: &str) -> Option<Usage> {
        None
    }

    async fn shutdown(&self) {}

    /// Nothing runs that would have to be kept apart.
    fn isolates(&self) -> bool {
        true
    }

    async fn checks(&self) -> Vec<Check> {
        vec![Check {
            name: "isolation".into(),
            state: State::Ok,
            detail: "nothing is started on this server (`--spawner none`)".into(),
            remedy: None,
        }]
    }

    fn languages(&self) -> &Languages {
        &self.languages
    }
}
