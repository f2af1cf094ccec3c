//! The database: users, repls, settings. SQLite by default; Postgres by address.

pub mod login;
mod migrations;
pub mod repl;
pub mod setting;
pub mod user;
pub mod user_settings;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Set, ColumnTrait, ConnectOptions, Database, DatabaseConnection,
    DbErr, EntityTrait, QueryFilter, QueryOrder,
};
use sea_orm_migration::MigratorTrait;

use crate::config::Config;

/// A handle; clones share the connections.
#[derive(Clone)]
pub struct Db {
    connection: DatabaseConnection,
}

/// The one user of a local server.
pub const LOCAL_USER: &str = "local";

impl Db {
    /// Connects, and brings the tables up to date.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        std::fs::create_dir_all(&config.data_dir)?;
        let address = match &config.database {
            Some(address) => address.clone(),
            None => format!(
                "sqlite://{}?mode=rwc",
                config.data_dir.join("alcove.db").display()
            ),
        };
        let mut options = ConnectOptions::new(address);
        options.sqlx_logging(false).max_connections(8);
        let connection = Database::connect(options)
            .await
            .map_err(|e| anyhow::anyhow!("The database can't be opened: {e}"))?;
        migrations::Migrator::up(&connection, None).await?;
        let db = Self { connection };
        if user::Entity::find_by_id(LOCAL_USER)
            .one(&db.connection)
            .await?
            .is_none()
        {
            let user = user::ActiveModel {
                id: Set(LOCAL_USER.into()),
                name: Set("you".into()),
                created_ms: Set(now_ms()),
            };
            user.insert(&db.connection).await?;
        }
        Ok(db)
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
