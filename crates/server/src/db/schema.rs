//! Brings the tables up to date: applies those migrations that the database has not had, each whole or
//! not at all. What it has had is in the table that SeaORM's own tool keeps, so that databases which
//! were made by that go on.

use std::collections::HashSet;

use async_trait::async_trait;
use sea_orm::sea_query::{
    ColumnDef, IndexCreateStatement, IntoIden, Table, TableAlterStatement, TableCreateStatement,
};
use sea_orm::{
    ActiveValue::Set, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbErr, EntityTrait,
    TransactionTrait,
};

use super::{applied, now_ms};

pub trait MigrationName {
    fn name(&self) -> &str;
}

/// One step of the tables' history.
#[async_trait]
pub trait MigrationTrait: MigrationName + Send + Sync {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr>;
}

/// What a migration changes tables with.
pub struct SchemaManager {
    transaction: DatabaseTransaction,
}

impl SchemaManager {
    pub async fn create_table(&self, table: TableCreateStatement) -> Result<(), DbErr> {
        self.transaction.execute(&table).await?;
        Ok(())
    }

    pub async fn alter_table(&self, table: TableAlterStatement) -> Result<(), DbErr> {
        self.transaction.execute(&table).await?;
        Ok(())
    }

    pub async fn create_index(&self, index: IndexCreateStatement) -> Result<(), DbErr> {
        self.transaction.execute(&index).await?;
        Ok(())
    }
}

/// Applies what is missing of `migrations`, in their order. `Err` when the database has had one that is
/// not among them: a newer Alcove has been at work there.
pub async fn bring_up_to_date(
    connection: &DatabaseConnection,
    migrations: Vec<Box<dyn MigrationTrait>>,
) -> anyhow::Result<()> {
    let table = Table::create()
        .table(applied::Entity)
        .if_not_exists()
        .col(string("version").primary_key())
        .col(big_integer("applied_at"))
        .to_owned();
    connection.execute(&table).await?;
    let mut had: HashSet<String> = applied::Entity::find()
        .all(connection)
        .await?
        .into_iter()
        .map(|row| row.version)
        .collect();
    let missing: Vec<_> = migrations
        .into_iter()
        .filter(|m| !had.remove(m.name()))
        .collect();
    if let Some(unknown) = had.into_iter().min() {
        anyhow::bail!(
            "The database was last used by a newer Alcove (this one does not know `{unknown}`). Start that one."
        );
    }
    for migration in missing {
        let manager = SchemaManager {
            transaction: connection.begin().await?,
        };
        migration.up(&manager).await?;
        let row = applied::ActiveModel {
            version: Set(migration.name().to_owned()),
            applied_at: Set(now_ms() / 1000),
        };
        applied::Entity::insert(row)
            .exec_without_returning(&manager.transaction)
            .await?;
        manager.transaction.commit().await?;
    }
    Ok(())
}

pub fn string(name: impl IntoIden) -> ColumnDef {
    ColumnDef::new(name).string().not_null().take()
}

pub fn string_null(name: impl IntoIden) -> ColumnDef {
    ColumnDef::new(name).string().null().take()
}

pub fn text(name: impl IntoIden) -> ColumnDef {
    ColumnDef::new(name).text().not_null().take()
}

pub fn big_integer(name: impl IntoIden) -> ColumnDef {
    ColumnDef::new(name).big_integer().not_null().take()
}

pub fn boolean(name: impl IntoIden) -> ColumnDef {
    ColumnDef::new(name).boolean().not_null().take()
}

pub fn big_integer_null(name: impl IntoIden) -> ColumnDef {
    ColumnDef::new(name).big_integer().null().take()
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectOptions, Database};

    use super::super::migrations;
    use super::*;

    /// A database in memory, which goes with its one connection.
    async fn database() -> DatabaseConnection {
        let mut options = ConnectOptions::new("sqlite::memory:");
        options.sqlx_logging(false).max_connections(1);
        Database::connect(options).await.unwrap()
    }

    async fn applied_to(connection: &DatabaseConnection) -> Vec<String> {
        let rows = applied::Entity::find().all(connection).await.unwrap();
        rows.into_iter().map(|row| row.version).collect()
    }

    fn table(name: &'static str) -> TableCreateStatement {
        Table::create().table(name).col(string("id")).to_owned()
    }

    /// Fails when it is half done.
    struct Broken;

    impl MigrationName for Broken {
        fn name(&self) -> &str {
            "m9998_broken"
        }
    }

    #[async_trait]
    impl MigrationTrait for Broken {
        async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
            manager.create_table(table("half")).await?;
            manager.create_table(table("users")).await
        }
    }

    #[tokio::test]
    async fn a_migration_is_applied_once() {
        let connection = database().await;
        for _ in 0..2 {
            bring_up_to_date(&connection, migrations::all())
                .await
                .unwrap();
        }
        let names: Vec<String> = migrations::all().iter().map(|m| m.name().into()).collect();
        assert_eq!(applied_to(&connection).await, names);
    }

    #[tokio::test]
    async fn a_migration_that_fails_leaves_nothing() {
        let connection = database().await;
        let mut migrations = migrations::all();
        migrations.push(Box::new(Broken));
        bring_up_to_date(&connection, migrations).await.unwrap_err();
        assert_eq!(applied_to(&connection).await.len(), migrations::all().len());
        connection
            .execute(&table("half"))
            .await
            .expect("it is not there");
    }

    #[tokio::test]
    async fn a_database_of_a_newer_version_is_refused() {
        let connection = database().await;
        let mut newer = migrations::all();
        bring_up_to_date(&connection, migrations::all())
            .await
            .unwrap();
        newer.pop();
        let error = bring_up_to_date(&connection, newer).await.unwrap_err();
        assert!(error.to_string().contains("a newer Alcove"), "{error}");
    }
}
