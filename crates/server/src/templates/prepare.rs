//! Prepares templates, one after another: the setup of each runs once, in a sandbox, and what it
//! makes is the template's bulk.

use std::cmp::Reverse;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use alcove_protocol::api::SetupState;
use alcove_protocol::project::Project;
use alcove_spawner::{Holds, Limits, SandboxSpec};
use alcove_volume::{Location, Manifest, Scope, Volume};
use anyhow::{Context, bail};
use tracing::{Instrument, info, warn};

use super::{Templates, order, sandbox_id};
use crate::runner;

/// Longest that a setup may take.
const SETUP_LIMIT: Duration = Duration::from_secs(20 * 60);
/// Waits before a setup that failed is tried again: package registries stumble. After the last it has failed.
const RETRIES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];
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
        loop {
            match self.next(Instant::now()) {
                Next::Prepare(name, project) => {
                    let span = tracing::info_span!("template", name);
                    let preparing = self.prepare_and_note(&name, &project);
                    preparing.instrument(span).await;
                }
                Next::Wait(until) => tokio::time::sleep_until(until.into()).await,
                Next::Nothing => return,
            }
        }
    }

    async fn prepare_and_note(&self, name: &str, project: &Project) {
        let began = Instant::now();
        let result = self.prepare(name, project).await;
        let mut known = self.known.lock();
        let Some(known) = known.get_mut(name) else {
            return;
        };
        match result {
            Ok(manifest) => {
                info!(seconds = began.elapsed().as_secs(), "prepared");
                (known.manifest, known.setup) = (Some(Arc::new(manifest)), SetupState::Ready);
            }
            Err(error) => {
                let message = format!("{error:#}");
                if let Some(wait) = RETRIES.get(known.failures) {
                    let seconds = wait.as_secs();
                    warn!(message, seconds, "not prepared; it is tried again");
                    known.not_before = Some(Instant::now() + *wait);
                } else {
                    warn!(
                        message,
                        "could not be prepared: the first Run of its repls does it"
                    );
                    known.setup = SetupState::Failed { message };
                }
                known.failures += 1;
            }
        }
    }

    fn next(&self, now: Instant) -> Next {
        let known = self.known.lock();
        let waiting = known.iter().filter(|(_, k)| {
            k.setup == SetupState::Preparing && self.missing(&k.project.language).is_none()
        });
        let waiting = waiting.map(|(name, k)| (name.as_str(), k.wanted, k.not_before));
        match first(waiting, now) {
            Some((name, None)) => {
                Next::Prepare(name.to_owned(), Box::new(known[name].project.clone()))
            }
            Some((_, Some(until))) => Next::Wait(until),
            None => Next::Nothing,
        }
    }

    /// Runs a template's setup in a sandbox; the manifest with what it made.
    async fn prepare(&self, name: &str, project: &Project) -> anyhow::Result<Manifest> {
        let (id, dir) = (sandbox_id(name), self.config.templates_dir().join(name));
        let prepared = self.run_setup(name, &id, &dir, project).await;
        // Whatever came of it, nothing of it stays here.
        self.spawner.stop(&id).await?;
        self.folder(name).delete().await?;
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
        let folder = self.folder(name);
        folder.delete().await?;
        let policy = self.config.roles.usual();
        let size = Some(project.size.as_str());
        let limits = setup_limits(policy.sizes.of(size));
        folder.create(limits.disk, Holds::default()).await?;
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
            limits,
            network: policy.networks.most,
        };
        let member = self.crowd.enter();
        let sandbox = self.spawner.start(&spec).await?;
        let setup = async {
            runner::begin(&sandbox.socket, false, SETUP_LIMIT).await?;
            runner::run(&sandbox.socket, &project.setup.command).await
        };
        let ran = tokio::time::timeout(SETUP_LIMIT, setup).await;
        self.spawner.stop(id).await?;
        drop(member);
        let (code, output) = ran.context("it took longer than 20 minutes")??;
        if code != 0 {
            let lines: Vec<&str> = output.lines().filter(|l| !l.trim().is_empty()).collect();
            let end = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
            bail!(
                "`{}` ended with exit code {code}:\n{end}",
                project.setup.command
            );
        }
        volume.set_meta(|meta| meta.prepared = true);
        volume.checkpoint(Scope::Everything, None).await?;
        Ok(self
            .store
            .head(&at, 0)
            .await?
            .context("it was written a moment ago")?
            .1)
    }
}

/// What is to be done next.
enum Next {
    Prepare(String, Box<Project>),
    Wait(Instant),
    Nothing,
}

/// What somebody waits for, else what is listed first; and when, unless it is now.
fn first<'a>(
    waiting: impl Iterator<Item = (&'a str, bool, Option<Instant>)>,
    now: Instant,
) -> Option<(&'a str, Option<Instant>)> {
    waiting
        .map(|(name, wanted, until)| (name, wanted, until.filter(|until| *until > now)))
        .min_by_key(|(name, wanted, until)| (*until, Reverse(*wanted), order::rank(name)))
        .map(|(name, _, until)| (name, until))
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
        let now = Instant::now();
        let first = |names: &[(&'static str, bool)]| {
            let waiting = names.iter().map(|(name, wanted)| (*name, *wanted, None));
            first(waiting, now).map(|(name, _)| name)
        };
        let none = [("flask", false), ("next", false), ("react", false)];
        assert_eq!(first(&none), Some("react"));
        let one = [("flask", true), ("next", false), ("react", false)];
        assert_eq!(first(&one), Some("flask"));
        let two = [("flask", true), ("next", true), ("react", false)];
        assert_eq!(first(&two), Some("next"));
        assert_eq!(first(&[]), None);
    }

    #[test]
    fn what_failed_comes_after_what_was_not_tried_and_in_its_time() {
        let now = Instant::now();
        let soon = now + RETRIES[0];
        let waiting = [("react", true, Some(soon)), ("flask", false, None)];
        assert_eq!(first(waiting.into_iter(), now), Some(("flask", None)));
        let left = [waiting[0], ("flask", false, Some(now + RETRIES[1]))];
        assert_eq!(first(left.into_iter(), now), Some(("react", Some(soon))));
        assert_eq!(first(left.into_iter(), soon), Some(("react", None)));
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
