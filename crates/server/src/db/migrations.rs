//! The tables' history. A migration that was released is never changed: add the next.

use sea_orm_migration::prelude::*;
use sea_orm_migration::schema::{big_integer, big_integer_null, string, string_null, text};

pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![Box::new(First), Box::new(Logins), Box::new(UserSettings)]
    }
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
