//! The database: users, repls, settings. SQLite by default; Postgres by address.

mod applied;
pub mod login;
mod migrations;
pub mod repl;
mod schema;
pub mod setting;
pub mod user;
pub mod user_settings;

use std::collections::HashMap;
use std::path::Path;

use crate::config::OPERATOR;
use alcove_volume::Size;
use sea_orm::sea_query::{Expr, ExprTrait, OnConflict};
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectOptions, Database, DatabaseConnection,
    DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
};

/// A handle; clones share the connections.
#[derive(Clone)]
pub struct Db {
    connection: DatabaseConnection,
}

/// Who has the server's own token.
pub const LOCAL_USER: &str = "local";

impl Db {
    /// Connects, and brings the tables up to date. Without an address it is a file in the data folder.
    pub async fn open(data_dir: &Path, address: Option<&str>) -> anyhow::Result<Self> {
        std::fs::create_dir_all(data_dir)?;
        let address = match address {
            Some(address) => address.to_owned(),
            None => format!("sqlite://{}?mode=rwc", data_dir.join("alcove.db").display()),
        };
        let mut options = ConnectOptions::new(address);
        options.sqlx_logging(false).max_connections(8);
        let connection = Database::connect(options)
            .await
            .map_err(|e| anyhow::anyhow!("The database can't be opened: {e}"))?;
        schema::bring_up_to_date(&connection, migrations::all()).await?;
        let db = Self { connection };
        let local = user::Model {
            id: LOCAL_USER.into(),
            name: "you".into(),
            created_ms: now_ms(),
            role: OPERATOR.into(),
            key_hash: None,
            left_ms: None,
        };
        match db.user(LOCAL_USER).await? {
            None => db.insert_user(local).await?,
            Some(known) if known.role != OPERATOR => {
                let role = local.role;
                db.update_user(user::Model { role, ..known }).await?;
            }
            Some(_) => {}
        }
        Ok(db)
    }

    /// All who may sign in, or might.
    pub async fn all_users(&self) -> Result<Vec<user::Model>, DbErr> {
        user::Entity::find().all(&self.connection).await
    }

    /// Those who may not any more, the last one first.
    pub async fn users_sent_away(&self) -> Result<Vec<user::Model>, DbErr> {
        user::Entity::find()
            .filter(user::Column::LeftMs.is_not_null())
            .order_by_desc(user::Column::LeftMs)
            .all(&self.connection)
            .await
    }

    pub async fn insert_user(&self, row: user::Model) -> Result<(), DbErr> {
        let row = user::ActiveModel::from(row).reset_all();
        user::Entity::insert(row)
            .exec_without_returning(&self.connection)
            .await?;
        Ok(())
    }

    pub async fn update_user(&self, row: user::Model) -> Result<(), DbErr> {
        let row = user::ActiveModel::from(row).reset_all();
        row.update(&self.connection).await.map(drop)
    }

    /// Ids of all sign-ins of a user.
    pub async fn logins_of(&self, user: &str) -> Result<Vec<String>, DbErr> {
        let rows = login::Entity::find().filter(login::Column::UserId.eq(user));
        let rows = rows.all(&self.connection).await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// How many repls each user has, but for those in the bin, and what all of theirs hold.
    pub async fn repls_by_owner(&self) -> Result<HashMap<String, (usize, Size)>, DbErr> {
        let mut owners: HashMap<String, (usize, Size)> = HashMap::new();
        let rows: Vec<(String, Option<i64>, i64, i64)> = repl::Entity::find()
            .select_only()
            .columns([
                repl::Column::OwnerId,
                repl::Column::DeletedMs,
                repl::Column::Bytes,
                repl::Column::Files,
            ])
            .into_tuple()
            .all(&self.connection)
            .await?;
        for (owner, deleted_ms, bytes, files) in rows {
            let (repls, held) = owners.entry(owner).or_default();
            *repls += usize::from(deleted_ms.is_none());
            *held = held.and(repl::size(bytes, files));
        }
        Ok(owners)
    }

    pub async fn user(&self, id: &str) -> Result<Option<user::Model>, DbErr> {
        user::Entity::find_by_id(id).one(&self.connection).await
    }

    pub async fn login(&self, id: &str) -> Result<Option<login::Model>, DbErr> {
        login::Entity::find_by_id(id).one(&self.connection).await
    }

    pub async fn insert_login(&self, row: login::Model) -> Result<(), DbErr> {
        let row = login::ActiveModel::from(row).reset_all();
        login::Entity::insert(row).exec(&self.connection).await?;
        Ok(())
    }

    pub async fn delete_login(&self, id: &str) -> Result<(), DbErr> {
        login::Entity::delete_by_id(id)
            .exec(&self.connection)
            .await?;
        Ok(())
    }

    /// Ids of a user's logins that have expired, and of all but the newest `most`.
    pub async fn superfluous_logins(
        &self,
        user: &str,
        most: u64,
        now_ms: i64,
    ) -> Result<Vec<String>, DbErr> {
        let all = login::Entity::find()
            .filter(login::Column::UserId.eq(user))
            .order_by_desc(login::Column::CreatedMs)
            .all(&self.connection)
            .await?;
        let superfluous =
            |(i, l): &(usize, login::Model)| *i as u64 >= most || l.expires_ms <= now_ms;
        Ok(all
            .into_iter()
            .enumerate()
            .filter(superfluous)
            .map(|(_, l)| l.id)
            .collect())
    }

    pub async fn setting(&self, key: &str) -> Result<Option<String>, DbErr> {
        Ok(setting::Entity::find_by_id(key)
            .one(&self.connection)
            .await?
            .map(|s| s.value))
    }

    pub async fn set_setting(&self, key: &str, value: &str) -> Result<(), DbErr> {
        let row = setting::ActiveModel {
            key: Set(key.into()),
            value: Set(value.into()),
        };
        setting::Entity::insert(row)
            .on_conflict(
                OnConflict::column(setting::Column::Key)
                    .update_column(setting::Column::Value)
                    .to_owned(),
            )
            .exec(&self.connection)
            .await?;
        Ok(())
    }

    /// What a user chose, as JSON; `None` before the first choice.
    pub async fn user_settings(&self, user: &str) -> Result<Option<String>, DbErr> {
        Ok(user_settings::Entity::find_by_id(user)
            .one(&self.connection)
            .await?
            .map(|row| row.value))
    }

    pub async fn set_user_settings(&self, user: &str, value: String) -> Result<(), DbErr> {
        let row = user_settings::ActiveModel {
            user_id: Set(user.into()),
            value: Set(value),
        };
        user_settings::Entity::insert(row)
            .on_conflict(
                OnConflict::column(user_settings::Column::UserId)
                    .update_column(user_settings::Column::Value)
                    .to_owned(),
            )
            .exec_without_returning(&self.connection)
            .await?;
        Ok(())
    }

    pub async fn insert_repl(&self, repl: repl::Model) -> Result<(), DbErr> {
        repl::ActiveModel::from(repl)
            .insert_all_set(&self.connection)
            .await
    }

    /// A repl that is not deleted, of anybody.
    pub async fn repl(&self, id: &str) -> Result<Option<repl::Model>, DbErr> {
        Ok(repl::Entity::find_by_id(id)
            .one(&self.connection)
            .await?
            .filter(|r| r.deleted_ms.is_none()))
    }

    /// Those of these ids that are not deleted, of anybody.
    pub async fn repls_among(
        &self,
        ids: impl Iterator<Item = &String>,
    ) -> Result<Vec<repl::Model>, DbErr> {
        repl::Entity::find()
            .filter(repl::Column::Id.is_in(ids))
            .filter(repl::Column::DeletedMs.is_null())
            .all(&self.connection)
            .await
    }

    /// A repl, deleted or not, of anybody.
    pub async fn any_repl(&self, id: &str) -> Result<Option<repl::Model>, DbErr> {
        repl::Entity::find_by_id(id).one(&self.connection).await
    }

    /// Whether there is a repl, deleted or not.
    pub async fn has_repl(&self, id: &str) -> Result<bool, DbErr> {
        Ok(self.any_repl(id).await?.is_some())
    }

    /// Whether there is any repl that has been saved.
    pub async fn has_saved_repls(&self) -> Result<bool, DbErr> {
        let saved = repl::Entity::find().filter(repl::Column::Head.gt(0));
        Ok(saved.one(&self.connection).await?.is_some())
    }

    /// A user's repls, the last edited first.
    pub async fn repls_of(&self, owner: &str) -> Result<Vec<repl::Model>, DbErr> {
        repl::Entity::find()
            .filter(repl::Column::OwnerId.eq(owner))
            .filter(repl::Column::DeletedMs.is_null())
            .order_by_desc(repl::Column::EditedMs)
            .all(&self.connection)
            .await
    }

    /// A user's repls that were deleted since `since_ms`, the last one first.
    pub async fn binned_repls_of(
        &self,
        owner: &str,
        since_ms: i64,
    ) -> Result<Vec<repl::Model>, DbErr> {
        repl::Entity::find()
            .filter(repl::Column::OwnerId.eq(owner))
            .filter(repl::Column::DeletedMs.gt(since_ms))
            .order_by_desc(repl::Column::DeletedMs)
            .all(&self.connection)
            .await
    }

    /// Repls that run, or did when the server ended, of anybody; the one that was started first first.
    pub async fn repls_that_ran(&self) -> Result<Vec<repl::Model>, DbErr> {
        repl::Entity::find()
            .filter(repl::Column::StartedMs.is_not_null())
            .filter(repl::Column::DeletedMs.is_null())
            .order_by_asc(repl::Column::StartedMs)
            .all(&self.connection)
            .await
    }

    /// How much a user's repls hold together, those in the bin included, but for this one.
    pub async fn size_of_repls_of(&self, owner: &str, but: Option<&str>) -> Result<Size, DbErr> {
        // A sum of large numbers is a decimal number to Postgres.
        let sum = |column: repl::Column| column.sum().cast_as("bigint");
        let mut rows = repl::Entity::find()
            .select_only()
            .column_as(sum(repl::Column::Bytes), "bytes")
            .column_as(sum(repl::Column::Files), "files")
            .filter(repl::Column::OwnerId.eq(owner));
        if let Some(but) = but {
            rows = rows.filter(repl::Column::Id.ne(but));
        }
        let sums: Option<(Option<i64>, Option<i64>)> =
            rows.into_tuple().one(&self.connection).await?;
        let (bytes, files) = sums.unwrap_or_default();
        Ok(repl::size(bytes.unwrap_or(0), files.unwrap_or(0)))
    }

    /// Says when a repl was deleted that lies in the bin since `since_ms` at the most; whether it did.
    pub async fn set_deleted(
        &self,
        id: &str,
        since_ms: i64,
        deleted_ms: Option<i64>,
    ) -> Result<bool, DbErr> {
        let done = repl::Entity::update_many()
            .col_expr(repl::Column::DeletedMs, Expr::value(deleted_ms))
            .filter(repl::Column::Id.eq(id))
            .filter(repl::Column::DeletedMs.gt(since_ms))
            .exec(&self.connection)
            .await?;
        Ok(done.rows_affected == 1)
    }

    /// Ids of all repls that were deleted before then, of anybody.
    pub async fn binned_before(&self, ms: i64) -> Result<Vec<String>, DbErr> {
        let rows = repl::Entity::find()
            .filter(repl::Column::DeletedMs.lt(ms))
            .all(&self.connection)
            .await?;
        Ok(rows.into_iter().map(|row| row.id).collect())
    }

    /// Takes a repl off the list for good.
    pub async fn remove_repl(&self, id: &str) -> Result<(), DbErr> {
        let gone = repl::Entity::delete_by_id(id).exec(&self.connection);
        gone.await.map(drop)
    }

    /// Changes the given columns of a repl.
    pub async fn update_repl(&self, change: repl::ActiveModel) -> Result<(), DbErr> {
        match change.update(&self.connection).await {
            // Deleted meanwhile: nothing to change.
            Ok(_) | Err(DbErr::RecordNotUpdated) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A round trip.
    pub async fn ping(&self) -> Result<(), DbErr> {
        self.connection.ping().await
    }
}

/// Milliseconds since 1970.
pub fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| d.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_a_user_holds_is_the_sum_of_all_but_one() {
        let dir = tempfile::tempdir().unwrap();
        let db = Db::open(dir.path(), None).await.unwrap();
        let eve = user::Model {
            id: "eve".into(),
            name: "Eve".into(),
            created_ms: 0,
            role: "member".into(),
            key_hash: None,
            left_ms: None,
        };
        db.insert_user(eve).await.unwrap();
        let size = |bytes, files| Size { bytes, files };
        let held = async |but| db.size_of_repls_of(LOCAL_USER, but).await.unwrap();
        assert_eq!(held(None).await, Size::default());
        // More than 32 bits hold, and what lies in the bin counts.
        let repls = [
            ("first", LOCAL_USER, 5 << 32, 1, None),
            ("second", LOCAL_USER, 1, 20, Some(1)),
            ("third", LOCAL_USER, 2, 300, None),
            ("eves", "eve", 7, 7, None),
        ];
        for (id, owner, bytes, files, deleted_ms) in repls {
            let row = repl::Model {
                owner_id: owner.into(),
                deleted_ms,
                bytes,
                files,
                ..repl::Model::sample(id)
            };
            db.insert_repl(row).await.unwrap();
        }
        assert_eq!(held(None).await, size((5 << 32) + 3, 321));
        assert_eq!(held(Some("first")).await, size(3, 320));
        assert_eq!(held(Some("eves")).await, held(None).await);
        assert_eq!(
            db.size_of_repls_of("nobody", None).await.unwrap(),
            size(0, 0)
        );
    }
}
