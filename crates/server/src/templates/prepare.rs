//! Prepares templates, one after another: the setup of each runs once, in a sandbox, and what it
//! makes is the template's bulk.

use std::cmp::Reverse;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_protocol::api::SetupState;
use alcove_protocol::project::Project;
use alcove_spawner::{Limits, SandboxSpec};
use alcove_volume::{Location, Manifest, Scope, Volume};
use anyhow::{Context, bail};
use tracing::{Instrument, info, warn};

use super::{Templates, order, remove, sandbox_id};
use crate::runner;

/// Longest that a setup may take.
const SETUP_LIMIT: Duration = Duration::from_secs(20 * 60);
/// Lines of a failed setup's output that are shown.
const SHOWN_LINES: usize = 6;
/// A setup's share of the CPU beside repls, which have 100: people come first.
const CPU_WEIGHT: u32 = 20;

impl Templates {
    /// Has a template prepared before the others, if it waits for it.
    pub fn prefer(&self, name: &str) {
        if let Some(known) = self.known.lock().get_mut(name) {
            known.wanted = true;
        }
    }

    pub(super) async fn prepare_all(self: Arc<Self>) {
        while let Some((name, project)) = self.next() {
            let span = tracing::info_span!("template", name);
            let began = Instant::now();
            let result = self.prepare(&name, &project).instrument(span.clone()).await;
            let _entered = span.enter();
            let mut known = self.known.lock();
            let Some(known) = known.get_mut(&name) else {
                continue;
            };
            match result {
                Ok(manifest) => {
                    info!(seconds = began.elapsed().as_secs(), "prepared");
                    (known.manifest, known.setup) = (Some(Arc::new(manifest)), SetupState::Ready);
                }
                Err(error) => {
                    let message = format!("{error:#}");
                    warn!(
                        message,
                        "could not be prepared: the first Run of its repls does it"
                    );
                    known.setup = SetupState::Failed { message };
                }
            }
        }
    }

    /// What is to be prepared next.
    fn next(&self) -> Option<(String, Project)> {
        let known = self.known.lock();
        let waiting = known.iter().filter(|(_, k)| {
            k.setup == SetupState::Preparing && self.missing(&k.project.language).is_none()
        });
        let name = first(waiting.map(|(name, k)| (name.as_str(), k.wanted)))?;
        Some((name.to_owned(), known[name].project.clone()))
    }

    /// Runs a template's setup in a sandbox; the manifest with what it made.
    async fn prepare(&self, name: &str, project: &Project) -> anyhow::Result<Manifest> {
        let (id, dir) = (sandbox_id(name), self.config.templates_dir().join(name));
        let prepared = self.run_setup(name, &id, &dir, project).await;
        // Whatever came of it, nothing of it stays here.
        self.spawner.stop(&id).await?;
        remove(&dir).await?;
        self.spawner.release(&id).await?;
        prepared
    }

    async fn run_setup(
        &self,
        name: &str,
        id: &str,
        dir: &Path,
        project: &Project,
    ) -> anyhow::Result<Manifest> {
        info!(command = project.setup.command, "preparing");
        self.spawner.stop(id).await?;
        remove(dir).await?;
        std::fs::create_dir_all(dir)?;
        let owner = self.spawner.owner(id).await?.other();
        let at = Location::Template(name.to_owned());
        let volume = Volume::open(self.store.clone(), at.clone(), 0, dir.to_owned(), owner).await?;
        volume.restore_sources().await?;
        volume.restore_bulk().await?;
        let spec = SandboxSpec {
            id: id.to_owned(),
            workspace: volume.workspace(),
            home: volume.home(),
            env: vec![],
            limits: setup_limits(&self.config.limits),
            network: self.config.network,
        };
        let sandbox = self.spawner.start(&spec).await?;
        let ran = tokio::time::timeout(
            SETUP_LIMIT,
            runner::run(&sandbox.socket, &project.setup.command),
        )
        .await;
        self.spawner.stop(id).await?;
        let (code, output) = ran.context("it took longer than 20 minutes")??;
        if code != 0 {
            let lines: Vec<&str> = output.lines().filter(|l| !l.trim().is_empty()).collect();
            let end = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
            bail!(
                "`{}` ended with exit code {code}:\n{end}",
                project.setup.command
            );
        }
        volume.set_meta(|meta| meta.prepared = true).await;
        volume.checkpoint(Scope::Everything, None).await?;
        Ok(self
            .store
            .head(&at, 0)
            .await?
            .context("it was written a moment ago")?
            .1)
    }
}

/// What somebody waits for, else what is listed first.
fn first<'a>(waiting: impl Iterator<Item = (&'a str, bool)>) -> Option<&'a str> {
    waiting
        .min_by_key(|(name, wanted)| (Reverse(*wanted), order::rank(name)))
        .map(|(name, _)| name)
}

fn setup_limits(limits: &Limits) -> Limits {
    Limits {
        cpu_weight: limits.cpu_weight.min(CPU_WEIGHT),
        ..limits.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_waits_for_is_prepared_first_then_what_is_listed_first() {
        let none = [("flask", false), ("next", false), ("react", false)];
        assert_eq!(first(none.into_iter()), Some("react"));
        let one = [("flask", true), ("next", false), ("react", false)];
        assert_eq!(first(one.into_iter()), Some("flask"));
        let two = [("flask", true), ("next", true), ("react", false)];
        assert_eq!(first(two.into_iter()), Some("next"));
        assert_eq!(first([].into_iter()), None);
    }

    #[test]
    fn a_setup_gets_less_of_the_cpu_than_a_repl_and_the_same_of_all_else() {
        let limits = Limits::default();
        let setup = setup_limits(&limits);
        assert!(setup.cpu_weight < limits.cpu_weight);
        assert_eq!(
            setup,
            Limits {
                cpu_weight: setup.cpu_weight,
                ..limits
            }
        );
    }
}
