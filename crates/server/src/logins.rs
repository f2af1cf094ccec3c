//! Sign-ins of browsers. One that ends takes everything along that was opened with it: editor,
//! previews, sessions, event streams.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use sea_orm::DbErr;
use tokio_util::sync::CancellationToken;

use crate::auth::SIGN_IN;
use crate::db::{Db, login, now_ms};
use crate::people::{People, Person};

/// Sign-ins of one user at once; with one more the oldest ends.
pub const MAX_LOGINS: u64 = 50;
/// Ended sign-ins that memory keeps at most, so that a request that is just being answered can't
/// bring one back.
const MAX_ENDED: usize = 1000;

/// One browser's sign-in.
#[derive(Debug, Clone)]
pub struct Login {
    pub id: String,
    pub user: String,
    key_mark: String,
    /// A key does not expire.
    expires_ms: Option<i64>,
    ended: CancellationToken,
}

/// Begins the id of what stands for a user's key, which nobody can sign out.
const KEY: char = '@';

impl Login {
    /// Waits until the user signs out in this browser, or the sign-in has expired.
    pub async fn ended(&self) {
        let cancelled = self.ended.cancelled();
        match self.expires_ms {
            None => cancelled.await,
            Some(ms) => {
                let left = u64::try_from(ms - now_ms()).unwrap_or(0);
                // Either of both is the end.
                let _ = tokio::time::timeout(Duration::from_millis(left), cancelled).await;
            }
        }
    }

    pub fn holds(&self) -> bool {
        !self.ended.is_cancelled() && self.expires_ms.is_none_or(|ms| ms > now_ms())
    }
}

/// All sign-ins. The database has them; memory has those that were used since the start. (One server
/// at a time works on a data folder, so memory is never behind.)
pub struct Logins {
    db: Db,
    people: Arc<People>,
    used: Mutex<HashMap<String, Login>>,
}

impl Logins {
    pub fn new(db: Db, people: Arc<People>) -> Self {
        Self {
            db,
            people,
            used: Mutex::default(),
        }
    }

    /// Begins a sign-in of somebody with the key that they have now, for [`SIGN_IN`].
    pub async fn begin(&self, person: &Person) -> Result<Login, DbErr> {
        let now = now_ms();
        let superfluous = self.db.superfluous_logins(&person.id, MAX_LOGINS - 1, now);
        for old in superfluous.await? {
            self.end(&old).await?;
        }
        let row = login::Model {
            id: URL_SAFE_NO_PAD.encode(rand::random::<[u8; 18]>()),
            user_id: person.id.clone(),
            created_ms: now,
            expires_ms: now + SIGN_IN.as_millis() as i64,
            key_mark: person.key_mark.clone(),
        };
        self.db.insert_login(row.clone()).await?;
        Ok(self.hold(row))
    }

    /// The sign-in of this id, unless it has ended or expired.
    pub async fn find(&self, id: &str) -> Result<Option<Login>, DbErr> {
        if let Some(user) = id.strip_prefix(KEY) {
            let person = user
                .split_once(':')
                .and_then(|(user, _)| self.people.find(user));
            let login = person.and_then(|person| self.by_key(&person));
            return Ok(login.filter(|login| login.id == id));
        }
        let held = self.used.lock().get(id).cloned();
        let login = match held {
            Some(login) => Some(login),
            None => self.db.login(id).await?.map(|row| self.hold(row)),
        };
        Ok(login.filter(|login| self.may(login)))
    }

    /// Stands for the key that somebody had when they were looked up; `None`: they have another by now.
    pub fn by_key(&self, person: &Person) -> Option<Login> {
        let id = format!("{KEY}{}:{}", person.id, person.key_mark);
        let login = self
            .used
            .lock()
            .entry(id.clone())
            .or_insert_with(|| Login {
                id,
                user: person.id.clone(),
                key_mark: person.key_mark.clone(),
                expires_ms: None,
                ended: CancellationToken::new(),
            })
            .clone();
        // Asked for last: whoever gives them another key ends what is held until then.
        self.may(&login).then_some(login)
    }

    /// Whether it holds, and so does the key that it came with. (Those of the server's own token outlive that.)
    fn may(&self, login: &Login) -> bool {
        let person = self.people.find(&login.user);
        let is_of_key = |person: Person| person.is_local() || person.key_mark == login.key_mark;
        login.holds() && person.is_some_and(is_of_key)
    }

    /// Ends all that is open with a user's sign-ins, or their key.
    pub async fn end_all(&self, user: &str) -> Result<(), DbErr> {
        let theirs = |login: &&Login| login.user == user;
        self.used
            .lock()
            .values()
            .filter(theirs)
            .for_each(|login| login.ended.cancel());
        for id in self.db.logins_of(user).await? {
            self.end(&id).await?;
        }
        self.used
            .lock()
            .retain(|id, login| login.user != user || !id.starts_with(KEY) || login.holds());
        Ok(())
    }

    /// Ends a sign-in, and what is open with it.
    pub async fn end(&self, id: &str) -> Result<(), DbErr> {
        if let Some(row) = self.db.login(id).await? {
            self.hold(row).ended.cancel();
        }
        self.db.delete_login(id).await
    }

    fn hold(&self, row: login::Model) -> Login {
        let mut used = self.used.lock();
        if used.values().filter(|l| !l.holds()).count() > MAX_ENDED {
            used.retain(|_, l| l.holds());
        }
        used.entry(row.id.clone())
            .or_insert_with(|| Login {
                id: row.id,
                user: row.user_id,
                key_mark: row.key_mark,
                expires_ms: Some(row.expires_ms),
                ended: CancellationToken::new(),
            })
            .clone()
    }
}
