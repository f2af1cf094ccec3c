//! The tables' history. A migration that was released is never changed: add the next.

use sea_orm::DbErr;
use sea_orm::sea_query::{ForeignKey, Index, Table};

use super::schema::{
    MigrationName, MigrationTrait, SchemaManager, big_integer, big_integer_null, boolean, string,
    string_null, text,
};

pub fn all() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(First),
        Box::new(Logins),
        Box::new(UserSettings),
        Box::new(Sizes),
        Box::new(Lifetimes),
        Box::new(Halts),
        Box::new(People),
    ]
}

struct First;

impl MigrationName for First {
    fn name(&self) -> &str {
        "m0001_first"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for First {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("users")
                    .col(string("id").primary_key())
                    .col(string("name"))
                    .col(big_integer("created_ms"))
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("repls")
                    .col(string("id").primary_key())
                    .col(string("owner_id"))
                    .col(string("name"))
                    .col(string("template"))
                    .col(big_integer("created_ms"))
                    .col(big_integer("edited_ms"))
                    .col(big_integer("head"))
                    .col(string_null("reason"))
                    .col(big_integer_null("deleted_ms"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("repls", "owner_id")
                            .to("users", "id"),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("repls_by_owner")
                    .table("repls")
                    .col("owner_id")
                    .to_owned(),
            )
            .await?;
        manager
            .create_table(
                Table::create()
                    .table("settings")
                    .col(string("key").primary_key())
                    .col(text("value"))
                    .to_owned(),
            )
            .await
    }
}

struct Logins;

impl MigrationName for Logins {
    fn name(&self) -> &str {
        "m0002_logins"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Logins {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("logins")
                    .col(string("id").primary_key())
                    .col(string("user_id"))
                    .col(big_integer("created_ms"))
                    .col(big_integer("expires_ms"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("logins", "user_id")
                            .to("users", "id"),
                    )
                    .to_owned(),
            )
            .await?;
        manager
            .create_index(
                Index::create()
                    .name("logins_by_user")
                    .table("logins")
                    .col("user_id")
                    .to_owned(),
            )
            .await
    }
}

/// What each user chose: a JSON text, so that a new choice needs no new column.
struct UserSettings;

impl MigrationName for UserSettings {
    fn name(&self) -> &str {
        "m0003_user_settings"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for UserSettings {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .create_table(
                Table::create()
                    .table("user_settings")
                    .col(string("user_id").primary_key())
                    .col(text("value"))
                    .foreign_key(
                        ForeignKey::create()
                            .from("user_settings", "user_id")
                            .to("users", "id"),
                    )
                    .to_owned(),
            )
            .await
    }
}

/// How long each repl goes on (a JSON text, so that a new choice needs no new column), since when it runs, and its program.
struct Lifetimes;

impl MigrationName for Lifetimes {
    fn name(&self) -> &str {
        "m0005_lifetimes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Lifetimes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in [
            text("settings").default("{}").take(),
            big_integer_null("started_ms"),
            boolean("program_runs").default(false).take(),
        ] {
            let table = Table::alter().table("repls").add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        Ok(())
    }
}

/// How large each repl is.
struct Sizes;

impl MigrationName for Sizes {
    fn name(&self) -> &str {
        "m0004_sizes"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Sizes {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in ["bytes", "files"] {
            manager
                .alter_table(
                    Table::alter()
                        .table("repls")
                        .add_column(big_integer(name).default(0))
                        .to_owned(),
                )
                .await?;
        }
        Ok(())
    }
}

/// Why the operator stopped a repl.
struct Halts;

impl MigrationName for Halts {
    fn name(&self) -> &str {
        "m0006_halts"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Halts {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::alter()
            .table("repls")
            .add_column(string_null("halted"))
            .to_owned();
        manager.alter_table(table).await
    }
}

struct People;

impl MigrationName for People {
    fn name(&self) -> &str {
        "m0007_people"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for People {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            string("role").default("member").take(),
            string_null("key_hash"),
            big_integer_null("left_ms"),
        ];
        for column in columns {
            let table = Table::alter().table("users").add_column(column).to_owned();
            manager.alter_table(table).await?;
        }
        let mark = string("key_mark").default("").take();
        let logins = Table::alter().table("logins").add_column(mark).to_owned();
        manager.alter_table(logins).await
    }
}
