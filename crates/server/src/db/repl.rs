//! Table `repls`.

use alcove_protocol::api::ReplSettings;
use alcove_volume::Size;
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
    /// How large it is, as it was saved last: bytes of its files, and how many these are, with folders
    /// and links; 0 until it has been saved once.
    pub bytes: i64,
    pub files: i64,
    /// What was chosen for it: [`ReplSettings`] as JSON.
    pub settings: String,
    /// When it was started last; none once it was stopped for good, and not merely since the server ended.
    pub started_ms: Option<i64>,
    /// Whether what Run does runs, or ended by a failure, as far as was known last.
    pub program_runs: bool,
    /// What is told of it when the operator stopped it: nothing starts it again but somebody who asks for it.
    pub halted: Option<String>,
}

/// Those of a repl for which nothing was chosen.
pub const NO_SETTINGS: &str = "{}";

#[cfg(test)]
impl Model {
    /// One of the local user, of which nothing is known.
    pub fn sample(id: &str) -> Self {
        Self {
            id: id.into(),
            owner_id: super::LOCAL_USER.into(),
            name: String::new(),
            template: String::new(),
            created_ms: 0,
            edited_ms: 0,
            head: 1,
            reason: None,
            deleted_ms: None,
            bytes: 0,
            files: 0,
            settings: NO_SETTINGS.into(),
            started_ms: None,
            program_runs: false,
            halted: None,
        }
    }
}

impl Model {
    pub fn settings(&self) -> ReplSettings {
        serde_json::from_str(&self.settings).unwrap_or_else(|error| {
            tracing::warn!(repl = self.id, %error, "its settings can't be read");
            ReplSettings::default()
        })
    }

    pub fn size(&self) -> Size {
        size(self.bytes, self.files)
    }
}

pub fn size(bytes: i64, files: i64) -> Size {
    Size {
        bytes: bytes.try_into().unwrap_or(0),
        files: files.try_into().unwrap_or(0),
    }
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
