//! Whether all that the store refers to is there, and is what was saved.

use std::collections::{HashMap, HashSet};

use crate::gc::{Present, is_state, manifests};
use crate::hydrate::check_content;
use crate::manifest::{Manifest, Tree};
use crate::store::{Location, Store};
use crate::{Result, VolumeError};

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    pub manifests: usize,
    /// Packs and sub-manifests.
    pub objects: usize,
    /// Of them, those that no manifest refers to, and their bytes: no harm.
    pub unreferenced: usize,
    pub unreferenced_bytes: u64,
    /// What is missing or damaged, each for a person.
    pub problems: Vec<String>,
}

/// Looks at the states of all repls and templates that are kept at `now_ms` (milliseconds since 1970).
/// `content`: reads all files too, and compares their hashes. Reads only; writers may be at work.
pub async fn check(store: &Store, content: bool, now_ms: u64) -> Result<Report> {
    let mut check = Check {
        store,
        content,
        report: Report::default(),
        packs: HashMap::new(),
        trees: HashSet::new(),
        checked: HashSet::new(),
    };
    // Manifests first: what they refer to was there before them.
    let objects = store.objects("repl").await?;
    for (at, numbers) in manifests(&objects) {
        check.place(&at, &numbers, now_ms).await?;
    }
    for object in &objects {
        if Location::of_named(&object.key).is_some() {
            check.named(&object.key).await?;
        }
    }
    let Check {
        packs,
        trees,
        mut report,
        ..
    } = check;
    let objects = store.objects("repl").await?;
    let objects = objects.into_iter().filter(|object| !is_state(&object.key));
    let sizes: HashMap<String, u64> = objects.map(|object| (object.key, object.bytes)).collect();
    for (pack, (end, by)) in &packs {
        let trouble = match sizes.get(pack) {
            None => "is missing",
            Some(size) if size < end => "is too short",
            Some(_) => continue,
        };
        let problem = format!("{pack} {trouble}: {by} refers to it");
        report.problems.push(problem);
    }
    report.objects = sizes.len();
    for (key, size) in &sizes {
        if !packs.contains_key(key) && !trees.contains(key) {
            report.unreferenced += 1;
            report.unreferenced_bytes += size;
        }
    }
    report.problems.sort();
    Ok(report)
}

struct Check<'a> {
    store: &'a Store,
    content: bool,
    report: Report,
    /// Packs, with how far they are referred to, and by what.
    packs: HashMap<String, (u64, String)>,
    trees: HashSet<String>,
    /// Members whose content has been read: pack and offset.
    checked: HashSet<(String, u64)>,
}

impl Check<'_> {
    async fn place(&mut self, at: &Location, numbers: &[u64], now_ms: u64) -> Result<()> {
        self.report.manifests += numbers.len();
        let problems = &mut self.report.problems;
        let damaged = |error: VolumeError| {
            problems.push(error.to_string());
            Ok(())
        };
        let present = Present::read(self.store, at, numbers, now_ms, damaged).await?;
        for (number, manifest) in &present.manifests {
            let key = at.manifest(*number).to_string();
            self.manifest(&key, manifest).await?;
        }
        Ok(())
    }

    async fn named(&mut self, key: &str) -> Result<()> {
        self.report.manifests += 1;
        match self.store.manifest_at(key).await {
            Ok(manifest) => self.manifest(key, &manifest).await,
            // Its name was taken off meanwhile.
            Err(VolumeError::Missing(_)) => Ok(()),
            Err(error @ VolumeError::Damaged(..)) => {
                self.report.problems.push(error.to_string());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn manifest(&mut self, key: &str, manifest: &Manifest) -> Result<()> {
        self.tree(key, &manifest.sources).await?;
        let Some(bulk) = &manifest.bulk else {
            return Ok(());
        };
        if !self.trees.insert(bulk.key.clone()) {
            return Ok(());
        }
        match self.store.tree(&bulk.key).await {
            Ok(tree) => self.tree(&bulk.key, &tree).await?,
            Err(VolumeError::Missing(_)) => {
                let problem = format!("{} is missing: {key} refers to it", bulk.key);
                self.report.problems.push(problem);
            }
            Err(error @ VolumeError::Damaged(..)) => self.report.problems.push(error.to_string()),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn tree(&mut self, by: &str, tree: &Tree) -> Result<()> {
        for span in tree.entries.iter().flat_map(|entry| entry.kind.spans()) {
            let pack = &tree.packs[span.pack as usize];
            let known = self.packs.entry(pack.clone());
            let known = known.or_insert_with(|| (0, by.to_owned()));
            known.0 = known.0.max(span.offset + span.length);
        }
        if self.content {
            for (path, why) in check_content(self.store, tree, &mut self.checked).await? {
                self.report.problems.push(format!("{by}: {path} {why}"));
            }
        }
        Ok(())
    }
}
