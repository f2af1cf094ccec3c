//! What the operator of a server sees of it, and does: what runs on this machine, and who may.

use std::collections::HashMap;
use std::sync::Arc;

use alcove_protocol::host::{Host, HostRepl, HostRoom, NewKey, People, Person, Role};
use alcove_volume::Size;

use crate::config::Roles;
use crate::db::repl;
use crate::{ApiFailure, App, people, rfc3339};

/// Characters of why a repl is stopped.
pub const MAX_REASON_CHARS: usize = 200;

impl App {
    pub async fn host(&self) -> Result<Host, ApiFailure> {
        let standing = self.repls.standing();
        let live = self.repls.live();
        let rows = self.db.repls_among(live.iter().map(|(id, _)| id)).await?;
        let mut rows: HashMap<String, repl::Model> =
            rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        let shown = live.into_iter().filter_map(|(id, state)| {
            let row = rows.remove(&id)?;
            let owner = self.people.find(&row.owner_id);
            Some(HostRepl {
                id,
                name: row.name,
                owner: owner.map_or(row.owner_id, |person| person.told_name().to_owned()),
                phase: state.phase,
                detail: state.detail,
                started_at: row.started_ms.map(rfc3339),
                people: state.people,
                resources: state.resources,
            })
        });
        let mut repls: Vec<HostRepl> = shown.collect();
        let memory = |repl: &HostRepl| repl.resources.as_ref().map_or(0, |r| r.memory);
        repls.sort_by_key(|repl| (std::cmp::Reverse(memory(repl)), repl.id.clone()));
        Ok(Host {
            version: env!("CARGO_PKG_VERSION").into(),
            started_at: rfc3339(self.started_ms),
            room: HostRoom {
                running: standing.running,
                max_running: self.config.room.repls,
                promised_memory: standing.promised,
                total_memory: standing.total,
                available_memory: standing.available,
                spare_memory: self.config.room.spare,
                waiting: standing.waiting,
                ready: self.repls.ready(),
            },
            repls,
        })
    }

    /// Saves and stops a repl, whosoever it is; its people read why.
    pub async fn halt(&self, id: &str, reason: Option<&str>) -> Result<(), ApiFailure> {
        let row = self.db.repl(id).await?.ok_or(ApiFailure::NotFound)?;
        let words = words(reason).map_err(ApiFailure::BadRequest)?;
        tracing::info!(repl = row.id, words, "stopped by the operator");
        let stopped = self.repls.halt(&row, words).await;
        stopped.map_err(ApiFailure::Unavailable)
    }

    pub async fn people_told(&self) -> Result<People, ApiFailure> {
        let owners = self.db.repls_by_owner().await?;
        let told = |person: people::Person| {
            let (repls, held) = owners.get(&person.id).copied().unwrap_or_default();
            self.told(person, repls, held)
        };
        Ok(People {
            people: self.people.all().into_iter().map(told).collect(),
            roles: roles(self.people.roles()),
        })
    }

    fn told(&self, person: people::Person, repls: usize, held: Size) -> Person {
        Person {
            is_local: person.is_local(),
            since: rfc3339(person.created_ms),
            running: self.repls.running_of(&person.id),
            usage: self.people.policy(&person.id).quotas.usage_of_user(held),
            name: person.told_name().to_owned(),
            repls,
            id: person.id,
            role: person.role,
        }
    }

    /// Lets somebody in.
    pub async fn let_in(
        self: &Arc<Self>,
        name: &str,
        role: Option<&str>,
    ) -> Result<NewKey, ApiFailure> {
        let (app, name, role) = (self.clone(), name.to_owned(), role.map(str::to_owned));
        to_its_end(async move {
            let (person, key) = app.people.add(&name, role.as_deref()).await?;
            tracing::info!(person = person.name, role = person.role, "let in");
            let repls = app.policy_changed(&person.id).await?;
            Ok(app.new_key(person, key, repls))
        })
        .await
    }

    /// Another key for somebody: whoever is signed in with the one before is no more.
    pub async fn renew_key(self: &Arc<Self>, id: &str) -> Result<NewKey, ApiFailure> {
        let (app, id) = (self.clone(), id.to_owned());
        to_its_end(async move {
            let (person, key) = app.people.renew_key(&id).await?;
            app.logins.end_all(&id).await?;
            tracing::info!(person = person.name, "has another key");
            Ok(app.new_key(person, key, 0))
        })
        .await
    }

    fn new_key(&self, person: people::Person, key: String, repls: usize) -> NewKey {
        NewKey {
            address: format!("{}/sign-in?token={key}", self.config.public_url),
            id: person.id,
            name: person.name,
            key,
            repls,
        }
    }

    /// What it says holds for what is started from now on.
    pub async fn set_role(self: &Arc<Self>, id: &str, role: &str) -> Result<(), ApiFailure> {
        let (app, id, role) = (self.clone(), id.to_owned(), role.to_owned());
        to_its_end(async move {
            let person = app.people.set_role(&id, &role).await?;
            tracing::info!(person = person.name, role, "has another role");
            app.policy_changed(&id).await.map(drop)
        })
        .await
    }

    /// Somebody's repls may be something else now; how many they have.
    async fn policy_changed(&self, owner: &str) -> Result<usize, ApiFailure> {
        let rows = self.db.repls_of(owner).await?;
        for row in &rows {
            self.repls.settings_changed(row);
        }
        Ok(rows.len())
    }

    /// Signs somebody out everywhere, for good, and stops what they have running. Their repls are kept.
    pub async fn send_away(self: &Arc<Self>, id: &str) -> Result<(), ApiFailure> {
        let (app, id) = (self.clone(), id.to_owned());
        to_its_end(async move {
            app.people.send_away(&id).await?;
            tracing::info!(person = id, "sent away");
            // Whatever of it fails, the rest is done.
            let (signed_out, stopped) = (app.logins.end_all(&id).await, app.stop_all_of(&id).await);
            signed_out?;
            stopped
        })
        .await
    }

    async fn stop_all_of(&self, owner: &str) -> Result<(), ApiFailure> {
        let rows = self.db.repls_of(owner).await?;
        // What nobody has asked for since the server started does not run.
        let known = rows
            .iter()
            .filter(|row| self.repls.known_state(&row.id).is_some());
        let stops = known.map(|row| self.repls.stop(row));
        for stopped in futures_util::future::join_all(stops).await {
            stopped.map_err(|why| {
                ApiFailure::Unavailable(format!(
                    "They can't sign in any more, but a repl of theirs could not be saved: {why}. It is tried again."
                ))
            })?;
        }
        Ok(())
    }
}

/// Whether whoever asked for it waits or not.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, ApiFailure>> + Send + 'static,
) -> Result<T, ApiFailure> {
    let done = tokio::spawn(work).await;
    done.map_err(|e| ApiFailure::Internal(e.into()))?
}

fn roles(roles: &Roles) -> Vec<Role> {
    let told = |name: &str| {
        let policy = roles.of(name);
        let lifetimes = policy.lifetimes.told();
        Role {
            name: name.to_owned(),
            max_size: policy.sizes.max().to_owned(),
            network: policy.networks.told().last().copied(),
            keep_alive_allowed: lifetimes.keep_alive_allowed,
            max_life_seconds: lifetimes.max_life_seconds,
            max_running: policy.running,
            max_bytes: policy.quotas.user.bytes,
            max_files: policy.quotas.user.files,
        }
    };
    roles.names().map(told).collect()
}

/// As a person is told of it.
fn words(reason: Option<&str>) -> Result<String, String> {
    let reason = reason.unwrap_or_default().trim();
    if reason.chars().count() > MAX_REASON_CHARS || reason.contains(char::is_control) {
        return Err(format!(
            "A reason is one line of {MAX_REASON_CHARS} characters at most."
        ));
    }
    Ok(
        match reason.strip_suffix(['.', '!', '?']).unwrap_or(reason) {
            "" => "Stopped by the operator of this server.".into(),
            _ if reason.ends_with(['.', '!', '?']) => format!("Stopped by the operator: {reason}"),
            _ => format!("Stopped by the operator: {reason}."),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_short_line() {
        let told = |reason| words(Some(reason)).unwrap();
        assert_eq!(
            words(None).unwrap(),
            "Stopped by the operator of this server."
        );
        assert_eq!(told("  "), "Stopped by the operator of this server.");
        assert_eq!(told("maintenance"), "Stopped by the operator: maintenance.");
        assert_eq!(
            told("Please wait!"),
            "Stopped by the operator: Please wait!"
        );
        assert!(words(Some(&"ü".repeat(MAX_REASON_CHARS))).is_ok());
        assert!(words(Some(&"ü".repeat(MAX_REASON_CHARS + 1))).is_err());
        assert!(words(Some("two\nlines")).is_err());
    }
}
