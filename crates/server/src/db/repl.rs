//! Table `repls`.

use sea_orm::ConnectionTrait;
use sea_orm::entity::prelude::*;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "repls")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub owner_id: String,
    pub name: String,
    pub template: String,
    pub created_ms: i64,
    pub edited_ms: i64,
    /// Highest manifest number known: where the search for the head begins.
    pub head: i64,
    /// Why it was stopped or failed, for a person; none after an ordinary stop.
    pub reason: Option<String>,
    pub deleted_ms: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    /// Inserts a row of which every column is given.
    pub async fn insert_all_set(self, db: &impl ConnectionTrait) -> Result<(), DbErr> {
        Entity::insert(self.reset_all())
            .exec_without_returning(db)
            .await
            .map(drop)
    }
}
