//! Named states: copies of manifests beside the others, which no age thins out. Their name is in them, so
//! that it outlives a database; what a name is changed to is another copy.

use crate::history::stays;
use crate::manifest::Manifest;
use crate::store::{Location, Store};
use crate::volume::now_ms;
use crate::{Result, VolumeError};

/// States of one repl that have a name.
pub const MAX_NAMED: usize = 100;

/// A state of a repl that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Kept {
    pub number: u64,
    /// Bytes of its manifest.
    pub bytes: u64,
    /// Whether it is among the manifests, not only among the named ones.
    pub is_numbered: bool,
    /// Keys of copies with a name: more than one while a name is being changed.
    pub named: Vec<String>,
}

impl Store {
    /// All states that there are, the oldest first.
    pub(crate) async fn kept(&self, at: &Location) -> Result<Vec<Kept>> {
        let mut all = std::collections::BTreeMap::new();
        for folder in ["manifests", "named"] {
            for object in self.objects(&format!("{}/{folder}", at.prefix())).await? {
                let numbered = Location::of_manifest(&object.key);
                let Some((_, number)) =
                    numbered.clone().or_else(|| Location::of_named(&object.key))
                else {
                    continue;
                };
                let kept = all.entry(number).or_insert(Kept {
                    number,
                    bytes: object.bytes,
                    is_numbered: false,
                    named: Vec::new(),
                });
                kept.is_numbered |= numbered.is_some();
                if numbered.is_none() {
                    kept.named.push(object.key);
                }
            }
        }
        Ok(all.into_values().collect())
    }

    async fn named_keys(&self, at: &Location, number: Option<u64>) -> Result<Vec<String>> {
        let objects = self.objects(&format!("{}/named", at.prefix())).await?;
        let of = |key: &str| Location::of_named(key).map(|(_, number)| number);
        let keys = objects.into_iter().map(|object| object.key);
        let keys = keys.filter(|key| number.is_none() || of(key) == number);
        Ok(keys.collect())
    }

    /// A state that can be read: one of the manifests, or a named one. A manifest that only stays since an
    /// epoch began with it is none: what it refers to may be gone.
    pub(crate) async fn state(&self, at: &Location, number: u64) -> Result<Manifest> {
        match self.manifest(at, number).await {
            Ok(manifest) if self.is_bare(at, number, &manifest).await? => {}
            Err(VolumeError::Missing(_)) => {}
            found => return found,
        }
        self.named_state(at, number).await
    }

    async fn is_bare(&self, at: &Location, number: u64, manifest: &Manifest) -> Result<bool> {
        if !manifest.begins {
            return Ok(false);
        }
        let kept = self.kept(at).await?;
        let next = kept.iter().find(|k| k.number > number && k.is_numbered);
        let Some(next) = next else {
            return Ok(false);
        };
        let next_ms = self.manifest(at, next.number).await?.meta.written_ms;
        Ok(!stays(manifest.meta.written_ms, next_ms, now_ms()))
    }

    /// A named state, of the number that it had among the others.
    async fn named_state(&self, at: &Location, number: u64) -> Result<Manifest> {
        let keys = self.named_keys(at, Some(number)).await?;
        let missing = || VolumeError::Missing(at.manifest(number).to_string());
        self.manifest_at(keys.first().ok_or_else(missing)?).await
    }

    /// Gives a state a name, in place of the one that it may have. It stays for as long as it has one.
    pub async fn name(&self, at: &Location, number: u64, label: &str) -> Result<()> {
        let _place = self.reading().await;
        let all = self.named_keys(at, None).await?;
        let is_this = |key: &&String| Location::of_named(key).is_some_and(|(_, n)| n == number);
        let before: Vec<&String> = all.iter().filter(is_this).collect();
        if before.is_empty() && all.len() >= MAX_NAMED {
            return Err(VolumeError::Limit(format!(
                "{MAX_NAMED} states of this repl have a name, which is the limit: take one off first"
            )));
        }
        let mut manifest = self.state(at, number).await?;
        manifest.meta.label = Some(label.to_owned());
        self.put_manifest_at(&at.new_named(number), &manifest)
            .await?;
        for key in before {
            self.delete(key).await?;
        }
        Ok(())
    }

    /// Takes a state's name off: from then on it grows old like the others. One that was kept by its name
    /// alone is gone. Whether it had one.
    pub async fn unname(&self, at: &Location, number: u64) -> Result<bool> {
        let keys = self.named_keys(at, Some(number)).await?;
        for key in &keys {
            self.delete(key).await?;
        }
        Ok(!keys.is_empty())
    }
}
