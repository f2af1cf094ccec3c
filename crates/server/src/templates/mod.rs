//! Templates: imported into the store at first start and when they change, then prepared: their
//! setup runs once, in a sandbox, and what it makes is the template's bulk.

mod files;
mod order;
mod prepare;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use alcove_protocol::api::{MissingLanguage, SetupState, Template};
use alcove_protocol::project::{FILE_NAME, Project};
use alcove_spawner::Spawner;
use alcove_volume::{Location, Manifest, Meta, Scope, Store, Volume};
use anyhow::{Context, ensure};
use parking_lot::Mutex;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::config::Config;
use crate::crowd::Crowd;
use crate::lifecycle::Folder;
use files::Files;

struct Known {
    project: Project,
    /// What new repls begin with; none when the template is broken.
    manifest: Option<Arc<Manifest>>,
    setup: SetupState,
    /// Somebody has made a repl of it: it is prepared before the others.
    wanted: bool,
    /// How often its preparation has failed,
    failures: usize,
    /// and when it is tried again.
    not_before: Option<Instant>,
}

impl Known {
    fn new(project: Project, manifest: Option<Arc<Manifest>>, setup: SetupState) -> Self {
        Self {
            project,
            manifest,
            setup,
            wanted: false,
            failures: 0,
            not_before: None,
        }
    }
}

pub struct Templates {
    store: Store,
    spawner: Arc<dyn Spawner>,
    crowd: Arc<Crowd>,
    config: Config,
    known: Mutex<BTreeMap<String, Known>>,
    preparing: Mutex<Option<JoinHandle<()>>>,
}

impl Templates {
    /// Imports what changed, and begins to prepare in the background.
    pub async fn start(
        config: &Config,
        store: Store,
        spawner: Arc<dyn Spawner>,
        crowd: Arc<Crowd>,
    ) -> anyhow::Result<Arc<Self>> {
        let templates = Arc::new(Self {
            store,
            spawner,
            crowd,
            config: config.clone(),
            known: Mutex::default(),
            preparing: Mutex::default(),
        });
        let mut all = files::embedded();
        if let Some(folder) = &config.templates {
            all.extend(
                files::from_folder(folder)
                    .with_context(|| format!("templates in {}", folder.display()))?,
            );
        }
        // Left by a preparation that was cut short.
        for left in std::fs::read_dir(config.templates_dir())
            .into_iter()
            .flatten()
        {
            let name = left?.file_name().to_string_lossy().into_owned();
            templates.spawner.stop(&sandbox_id(&name)).await?;
            templates.folder(&name).delete().await?;
        }
        remove(&config.templates_dir()).await?;
        for (name, files) in all {
            let known = match templates.import(&name, &files).await {
                Ok(known) => known,
                Err(error) => {
                    warn!(
                        template = name,
                        error = format!("{error:#}"),
                        "this template can't be used"
                    );
                    let project = Project {
                        title: name.clone(),
                        ..Project::default()
                    };
                    let message = format!("{error:#}");
                    Known::new(project, None, SetupState::Failed { message })
                }
            };
            templates.known.lock().insert(name, known);
        }
        if config.prepare_templates {
            let preparing = templates.clone();
            *templates.preparing.lock() =
                Some(tokio::spawn(async move { preparing.prepare_all().await }));
        }
        Ok(templates)
    }

    /// All templates, for the dashboard.
    pub fn list(&self) -> Vec<Template> {
        let known = self.known.lock();
        let template = |(name, known): (&String, &Known)| Template {
            name: name.clone(),
            title: known.project.title.clone(),
            description: known.project.description.clone(),
            icon: known.project.icon.clone(),
            language: known.project.language.clone(),
            missing: self.missing(&known.project.language),
            setup: known.setup.clone(),
        };
        let mut list: Vec<_> = known.iter().map(template).collect();
        // What can be used before what can't.
        list.sort_by_cached_key(|t| (t.missing.is_some(), order::rank(&t.name), t.name.clone()));
        list
    }

    /// Where it is prepared.
    fn folder(&self, name: &str) -> Folder {
        let path = self.config.templates_dir().join(name);
        Folder::of(self.spawner.clone(), &sandbox_id(name), path)
    }

    fn missing(&self, language: &str) -> Option<MissingLanguage> {
        let missing = self.spawner.languages().missing(language)?;
        Some(MissingLanguage {
            message: missing.why,
            command: missing.install,
        })
    }

    /// What a new repl begins with; `Err` says why not, for a person. `None`: no such template.
    pub fn manifest(&self, name: &str) -> Option<Result<Arc<Manifest>, String>> {
        let known = self.known.lock();
        let template = known.get(name)?;
        if let Some(missing) = self.missing(&template.project.language) {
            return Some(Err(format!(
                "{}. Install it with: {}",
                missing.message, missing.command
            )));
        }
        Some(match (&template.manifest, &template.setup) {
            (Some(manifest), _) => Ok(manifest.clone()),
            (None, SetupState::Failed { message }) => {
                Err(format!("This template can't be used: {message}"))
            }
            (None, _) => Err("This template can't be used.".into()),
        })
    }

    /// The size that a template's repls begin with, if it names one.
    pub fn size(&self, name: &str) -> Option<String> {
        let known = self.known.lock();
        let size = &known.get(name)?.project.size;
        (!size.is_empty()).then(|| size.clone())
    }

    /// Ends a preparation that is under way: the next start does it again.
    pub async fn stop(&self) {
        let preparing = self.preparing.lock().take();
        if let Some(task) = preparing {
            task.abort();
            let _ = task.await;
        }
        let names: Vec<String> = self.known.lock().keys().cloned().collect();
        for name in names {
            if let Err(error) = self.spawner.stop(&sandbox_id(&name)).await {
                warn!(%error, template = name, "its sandbox could not be removed");
            } else if let Err(error) = self.folder(&name).delete().await {
                warn!(%error, template = name, "its folder could not be deleted");
            }
        }
    }

    async fn import(&self, name: &str, files: &Files) -> anyhow::Result<Known> {
        let text = files
            .get(FILE_NAME)
            .with_context(|| format!("{FILE_NAME} is missing"))?;
        let project = Project::parse(std::str::from_utf8(&text.content).context(FILE_NAME)?)?;
        let sizes = &self.config.roles.usual().sizes;
        ensure!(
            project.size.is_empty() || sizes.is_known(&project.size),
            "{FILE_NAME}: there is no size `{}` on this server, but {}",
            project.size,
            sizes.names()
        );
        let at = Location::Template(name.to_owned());
        let source = files::digest(files);
        let needs_setup = !project.setup.command.is_empty();
        let setup = |prepared: bool| match prepared {
            true => SetupState::Ready,
            false if self.config.prepare_templates => SetupState::Preparing,
            false => SetupState::Failed {
                message: "This server does not prepare templates.".into(),
            },
        };
        if let Some((_, manifest)) = self.store.head(&at, 0).await?
            && manifest.meta.source.as_ref() == Some(&source)
        {
            let setup = setup(manifest.meta.prepared);
            return Ok(Known::new(project, Some(Arc::new(manifest)), setup));
        }
        info!(template = name, "importing");
        let dir = self.config.templates_dir().join(name);
        let (at_dir, content) = (dir.clone(), files.clone());
        tokio::task::spawn_blocking(move || files::write(&at_dir, &content)).await??;
        let texts = |list: &[alcove_protocol::WorkspacePath]| {
            list.iter().map(ToString::to_string).collect()
        };
        let meta = Meta {
            name: project.title.clone(),
            template: name.to_owned(),
            source: Some(source),
            prepared: !needs_setup,
            bulk: texts(&project.files.bulk),
            caches: texts(&project.files.caches),
            ..Meta::default()
        };
        let volume = Volume::adopt(self.store.clone(), at.clone(), dir.clone(), None, meta).await?;
        volume.checkpoint(Scope::Everything, None).await?;
        remove(&dir).await?;
        let (_, manifest) = self
            .store
            .head(&at, 0)
            .await?
            .context("it was imported a moment ago")?;
        let setup = setup(manifest.meta.prepared);
        Ok(Known::new(project, Some(Arc::new(manifest)), setup))
    }
}

/// What is known beside the files of a new repl, whose files are a template's or another's.
pub fn meta_of_new(files: &Manifest, name: &str, owner: &str, template: &str) -> Meta {
    Meta {
        name: name.to_owned(),
        owner: owner.to_owned(),
        template: template.to_owned(),
        source: None,
        written_ms: crate::db::now_ms() as u64,
        by: Some(vec![owner.to_owned()]),
        ..files.meta.clone()
    }
}

/// A sandbox's id for a template: it differs from every repl's by its length.
fn sandbox_id(name: &str) -> String {
    format!("template{}", &blake3::hash(name.as_bytes()).to_hex()[..16])
}

async fn remove(dir: &Path) -> std::io::Result<()> {
    let dir: PathBuf = dir.to_owned();
    match tokio::fs::remove_dir_all(dir).await {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_sound() {
        let all = files::embedded();
        for (name, files) in &all {
            let project =
                Project::parse(std::str::from_utf8(&files[FILE_NAME].content).unwrap()).unwrap();
            assert!(
                !project.title.is_empty() && !project.description.is_empty(),
                "{name}"
            );
            for path in &project.open {
                assert!(
                    files.contains_key(&path.to_string()),
                    "{name}: {path} is not there to be opened"
                );
            }
            assert_eq!(
                project.setup.command.is_empty(),
                project.setup.creates.is_none(),
                "{name}"
            );
        }
    }
}
