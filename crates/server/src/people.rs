//! Who may use this server, and as what. The operator lets people in: each has a key, with which they sign in,
//! and a role, which says what their repls may be.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::RwLock;
use sea_orm::DbErr;

use crate::ApiFailure;
use crate::config::{MEMBER, OPERATOR, Policy, Roles};
use crate::db::{Db, LOCAL_USER, now_ms, user};

/// Characters of a person's name.
pub const MAX_NAME_CHARS: usize = 60;
/// People of one server.
pub const MAX_PEOPLE: usize = 10_000;
/// Characters of a key's hash that tell it from others.
const MARK_CHARS: usize = 16;

/// Somebody who may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub role: String,
    pub created_ms: i64,
    /// By which it is known that a key is still theirs.
    pub key_mark: String,
}

impl Person {
    pub fn is_operator(&self) -> bool {
        self.role == OPERATOR
    }

    /// Who has the server's own token, and can't be sent away.
    pub fn is_local(&self) -> bool {
        self.id == LOCAL_USER
    }

    /// How others call them: to themselves, who has the server's own token is “you”.
    pub fn told_name(&self) -> &str {
        match self.is_local() {
            true => OPERATOR,
            false => &self.name,
        }
    }

    fn is_called(&self, name: &str) -> bool {
        [&self.name, self.told_name()]
            .map(folded)
            .contains(&folded(name))
    }
}

/// Everybody, as the database has them. (One server at a time works on it, so memory is never behind.)
pub struct People {
    db: Db,
    roles: Roles,
    known: RwLock<Known>,
    /// Only one is let in, changed or sent away at a time.
    changing: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Known {
    by_id: HashMap<String, Person>,
    /// Of all, those who were sent away included.
    roles: HashMap<String, String>,
    /// Ids by what a key's hash is.
    by_key: HashMap<String, String>,
}

impl People {
    /// `token` is the server's own.
    pub async fn load(db: Db, roles: Roles, token: &str) -> Result<Self, DbErr> {
        let mut known = Known::default();
        for mut row in db.all_users().await? {
            if row.id == LOCAL_USER {
                row.key_hash = Some(hash(token));
            }
            if row.left_ms.is_none() && !roles.is_known(&row.role) {
                tracing::warn!(
                    person = row.name,
                    role = row.role,
                    "there is no such role: they are treated as `{MEMBER}`"
                );
            }
            known.put(row);
        }
        Ok(Self {
            db,
            roles,
            known: RwLock::new(known),
            changing: tokio::sync::Mutex::default(),
        })
    }

    pub fn roles(&self) -> &Roles {
        &self.roles
    }

    /// What the repls of somebody may be; of whoever was sent away, what they might: it is still to be saved.
    pub fn policy(&self, id: &str) -> Arc<Policy> {
        let known = self.known.read();
        let role = known.roles.get(id).map_or(MEMBER, String::as_str);
        self.roles.of(role).clone()
    }

    pub fn find(&self, id: &str) -> Option<Person> {
        self.known.read().by_id.get(id).cloned()
    }

    /// Whether somebody is let in, and was not sent away.
    pub fn may_use(&self, id: &str) -> bool {
        self.known.read().by_id.contains_key(id)
    }

    /// Whose key this is.
    pub fn by_key(&self, key: &str) -> Option<Person> {
        let known = self.known.read();
        let id = known.by_key.get(&hash(key))?;
        known.by_id.get(id).cloned()
    }

    /// In the order in which they came.
    pub fn all(&self) -> Vec<Person> {
        let mut all: Vec<Person> = self.known.read().by_id.values().cloned().collect();
        all.sort_by(|a, b| (a.created_ms, &a.id).cmp(&(b.created_ms, &b.id)));
        all
    }

    /// Somebody of that name, with whatever stands around it.
    pub fn named(&self, name: &str) -> Option<Person> {
        let known = self.known.read();
        known.by_id.values().find(|p| p.is_called(name)).cloned()
    }

    /// Lets somebody in, or in again: their key, which is told this once.
    pub async fn add(
        &self,
        name: &str,
        role: Option<&str>,
    ) -> Result<(Person, String), ApiFailure> {
        let name = checked_name(name).map_err(ApiFailure::BadRequest)?;
        let role = self.checked_role(role.unwrap_or(MEMBER))?;
        let _changing = self.changing.lock().await;
        if self.named(&name).is_some() {
            return Err(ApiFailure::Conflict(format!(
                "There is somebody of the name {name} already."
            )));
        }
        if self.known.read().by_id.len() >= MAX_PEOPLE {
            return Err(ApiFailure::Conflict(format!(
                "There are {MAX_PEOPLE} people, which is the limit."
            )));
        }
        let before = self.db.users_sent_away().await?;
        let before = before
            .into_iter()
            .find(|row| folded(&row.name) == folded(&name));
        let key = new_key();
        let row = user::Model {
            id: before
                .as_ref()
                .map_or_else(crate::names::new_id, |row| row.id.clone()),
            name,
            created_ms: now_ms(),
            role,
            key_hash: Some(hash(&key)),
            left_ms: None,
        };
        match before {
            Some(_) => self.db.update_user(row.clone()).await?,
            None => self.db.insert_user(row.clone()).await?,
        }
        Ok((self.known.write().put(row), key))
    }

    pub async fn set_role(&self, id: &str, role: &str) -> Result<Person, ApiFailure> {
        let role = self.checked_role(role)?;
        self.change(id, |row| row.role = role).await
    }

    /// Another key: the one before is void.
    pub async fn renew_key(&self, id: &str) -> Result<(Person, String), ApiFailure> {
        let key = new_key();
        let person = self
            .change(id, |row| row.key_hash = Some(hash(&key)))
            .await?;
        Ok((person, key))
    }

    /// Nobody can sign in as them any more. What they have is kept.
    pub async fn send_away(&self, id: &str) -> Result<(), ApiFailure> {
        let left = |row: &mut user::Model| (row.key_hash, row.left_ms) = (None, Some(now_ms()));
        self.change(id, left).await.map(drop)
    }

    async fn change(
        &self,
        id: &str,
        change: impl FnOnce(&mut user::Model),
    ) -> Result<Person, ApiFailure> {
        if id == LOCAL_USER {
            return Err(ApiFailure::Conflict(
                "Whoever has the server's own token is its operator: that can't be changed.".into(),
            ));
        }
        let _changing = self.changing.lock().await;
        let mut row = self.db.user(id).await?.ok_or(ApiFailure::NotFound)?;
        let was_here = row.left_ms.is_none();
        change(&mut row);
        // Whoever has gone can be sent away again, so that what failed is done.
        if !was_here && row.left_ms.is_none() {
            return Err(ApiFailure::NotFound);
        }
        self.db.update_user(row.clone()).await?;
        Ok(self.known.write().put(row))
    }

    fn checked_role(&self, role: &str) -> Result<String, ApiFailure> {
        if self.roles.is_known(role) {
            return Ok(role.to_owned());
        }
        let names: Vec<&str> = self.roles.names().collect();
        Err(ApiFailure::BadRequest(format!(
            "The roles of this server are {}; there is no `{role}`.",
            names.join(", ")
        )))
    }
}

impl Known {
    /// Takes in somebody as they are now.
    fn put(&mut self, row: user::Model) -> Person {
        let person = Person {
            id: row.id.clone(),
            name: row.name,
            role: row.role,
            created_ms: row.created_ms,
            key_mark: row
                .key_hash
                .iter()
                .flat_map(|hash| hash.chars())
                .take(MARK_CHARS)
                .collect(),
        };
        self.by_key.retain(|_, id| *id != row.id);
        self.roles.insert(row.id.clone(), person.role.clone());
        if row.left_ms.is_some() {
            self.by_id.remove(&row.id);
            return person;
        }
        if let Some(hash) = row.key_hash {
            self.by_key.insert(hash, row.id.clone());
        }
        self.by_id.insert(row.id, person.clone());
        person
    }
}

fn new_key() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 24]>())
}

/// Keys have 192 random bits: what the database has of them needs no salt.
fn hash(key: &str) -> String {
    blake3::hash(key.as_bytes()).to_hex().to_string()
}

/// Names that differ by case alone are one.
pub(crate) fn folded(name: &str) -> String {
    name.trim().to_lowercase()
}

fn checked_name(name: &str) -> Result<String, String> {
    let name = name.trim();
    let chars = name.chars().count();
    if chars == 0 || chars > MAX_NAME_CHARS || name.chars().any(char::is_control) {
        return Err(format!(
            "A name is one line of 1 to {MAX_NAME_CHARS} characters."
        ));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lifecycle::usual_policy;

    async fn people(dir: &std::path::Path) -> People {
        let db = Db::open(dir, None).await.unwrap();
        People::load(db, Roles::new(usual_policy(), &[]).unwrap(), "token")
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn who_is_let_in_has_a_key_until_it_is_renewed_or_they_are_sent_away() {
        let dir = tempfile::tempdir().unwrap();
        let people = people(dir.path()).await;
        let (eve, first) = people.add(" Eve ", None).await.unwrap();
        assert_eq!((eve.name.as_str(), eve.role.as_str()), ("Eve", MEMBER));
        assert_eq!(people.by_key(&first), Some(eve.clone()));
        let (_, second) = people.renew_key(&eve.id).await.unwrap();
        assert_eq!(people.by_key(&first), None);
        assert_eq!(people.by_key(&second).unwrap().id, eve.id);
        people.set_role(&eve.id, OPERATOR).await.unwrap();
        // The next server knows them, too.
        let people = self::people(dir.path()).await;
        assert_eq!(people.by_key(&second).unwrap().id, eve.id);
        assert!(people.find(&eve.id).unwrap().is_operator());
        people.send_away(&eve.id).await.unwrap();
        assert_eq!((people.by_key(&second), people.find(&eve.id)), (None, None));
        let people = self::people(dir.path()).await;
        assert_eq!((people.by_key(&second), people.all().len()), (None, 1));
        let (again, _) = people.add("eve", None).await.unwrap();
        assert_eq!(again.id, eve.id, "what was theirs is theirs again");
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let people = people(dir.path()).await;
        let longest = "ü".repeat(MAX_NAME_CHARS);
        assert!(people.add(&longest, None).await.is_ok());
        for bad in ["", "  ", "a\nb", &"x".repeat(MAX_NAME_CHARS + 1)] {
            assert!(
                matches!(people.add(bad, None).await, Err(ApiFailure::BadRequest(_))),
                "{bad:?}"
            );
        }
        assert!(matches!(
            people.add(&longest.to_uppercase(), None).await,
            Err(ApiFailure::Conflict(_))
        ));
        let refused = people.add("Bob", Some("king")).await;
        assert!(
            matches!(refused, Err(ApiFailure::BadRequest(words)) if words.contains("member, operator"))
        );
        assert!(matches!(
            people.set_role("nobody", MEMBER).await,
            Err(ApiFailure::NotFound)
        ));
        assert!(matches!(
            people.send_away(LOCAL_USER).await,
            Err(ApiFailure::Conflict(_))
        ));
        assert!(matches!(
            people.renew_key(LOCAL_USER).await,
            Err(ApiFailure::Conflict(_))
        ));
        assert_eq!(people.by_key(""), None);
        assert!(people.by_key("token").unwrap().is_local());
    }
}
