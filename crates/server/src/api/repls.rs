//! Repls: list, create, rename, delete; start, stop, save.

use std::sync::Arc;

use alcove_protocol::api::{
    CreateRepl, DuplicateRepl, MAX_REPL_NAME_CHARS, Repl, ReplSettings, UpdateRepl,
};
use alcove_volume::{Location, Manifest, Meta, Size, fork};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use sea_orm::ActiveValue::Set;
use serde::Deserialize;

use super::stored::{StateName, open};
use super::{Body, owned};
use crate::auth::User;
use crate::db::{now_ms, repl};
use crate::{ApiFailure, App, names, rfc3339, templates};

/// Repls that one user may have.
pub const MAX_REPLS: usize = 1000;

pub(super) fn shown(app: &App, row: &repl::Model) -> Repl {
    Repl {
        id: row.id.clone(),
        name: row.name.clone(),
        template: row.template.clone(),
        created_at: rfc3339(row.created_ms),
        edited_at: rfc3339(row.edited_ms),
        settings: row.settings(),
        state: app.repls.state(row),
    }
}

/// A name as it is kept: what is around it is dropped.
fn checked_name(name: &str) -> Result<String, ApiFailure> {
    let name = name.trim();
    let chars = name.chars().count();
    if chars == 0 || chars > MAX_REPL_NAME_CHARS {
        return Err(ApiFailure::BadRequest(format!(
            "A repl's name has 1 to {MAX_REPL_NAME_CHARS} characters, not {chars}."
        )));
    }
    if name.chars().any(char::is_control) {
        return Err(ApiFailure::BadRequest(
            "A repl's name has no control characters.".into(),
        ));
    }
    Ok(name.to_owned())
}

/// Your repls, the last edited first.
#[utoipa::path(get, path = "/api/repls", responses((status = 200, body = Vec<Repl>)))]
pub async fn list(State(app): State<Arc<App>>, user: User) -> Result<Json<Vec<Repl>>, ApiFailure> {
    let rows = app.db.repls_of(&user.id).await?;
    Ok(Json(rows.iter().map(|row| shown(&app, row)).collect()))
}

/// Makes a repl from a template, at once: its files are the template's, by reference. Without a template
/// it has none.
#[utoipa::path(post, path = "/api/repls", request_body = CreateRepl, responses((status = 201, body = Repl)))]
pub async fn create(
    State(app): State<Arc<App>>,
    user: User,
    Body(body): Body<CreateRepl>,
) -> Result<(StatusCode, Json<Repl>), ApiFailure> {
    let name = match body.name.as_deref().map(str::trim) {
        None | Some("") => names::new_name(),
        Some(name) => checked_name(name)?,
    };
    let files = match &body.template {
        None => Arc::new(Manifest::empty(Meta::default())),
        Some(template) => match app.templates.manifest(template) {
            None => {
                return Err(ApiFailure::BadRequest(format!(
                    "There is no template of the name {template:?}."
                )));
            }
            Some(Err(reason)) => return Err(ApiFailure::Conflict(reason)),
            Some(Ok(manifest)) => manifest,
        },
    };
    refuse_too_many(&app, &user).await?;
    refuse_too_large(&app, &user, files.size()).await?;
    if let Some(template) = &body.template {
        app.templates.prefer(template);
    }
    let template = body.template.unwrap_or_default();
    let settings = ReplSettings {
        size: app.templates.size(&template),
        ..ReplSettings::default()
    };
    let new = New {
        files,
        name,
        template,
        settings,
    };
    let row = insert(app.clone(), user, new).await?;
    tracing::info!(repl = row.id, template = row.template, "created");
    Ok((StatusCode::CREATED, Json(shown(&app, &row))))
}

/// A new repl whose files are a manifest's, by reference.
struct New {
    files: Arc<Manifest>,
    name: String,
    template: String,
    settings: ReplSettings,
}

/// Makes it or not, whether who asked for it waits or not.
async fn insert(app: Arc<App>, user: User, new: New) -> Result<repl::Model, ApiFailure> {
    let made = tokio::spawn(inserted(app, user, new)).await;
    made.map_err(|e| ApiFailure::Internal(e.into()))?
}

async fn inserted(app: Arc<App>, user: User, new: New) -> Result<repl::Model, ApiFailure> {
    let New {
        files,
        name,
        template,
        settings,
    } = new;
    let new_id = app.repls.new_id(&user.policy, &settings);
    let id = new_id.id().to_owned();
    let meta = templates::meta_of_new(&files, &name, &user.id, &template);
    // Another's home folder stays with them. A template's is nobody's.
    let with_home = files.meta.owner.is_empty() || files.meta.owner == user.id;
    let at = Location::Repl(id.clone());
    let held = fork(&app.store, &files, &at, meta, with_home).await?;
    let row = repl::Model {
        id,
        owner_id: user.id.clone(),
        name,
        template,
        created_ms: now_ms(),
        edited_ms: now_ms(),
        head: 1,
        reason: None,
        deleted_ms: None,
        bytes: held.bytes as i64,
        files: held.files as i64,
        settings: as_text(&settings)?,
        started_ms: None,
        program_runs: false,
        halted: None,
    };
    // Before anybody can find it, and start it.
    new_id.take(&row);
    if let Err(error) = app.db.insert_repl(row.clone()).await {
        if let Err(reason) = app.repls.stop(&row).await {
            tracing::warn!(
                repl = row.id,
                reason,
                "what was ready for it could not be ended"
            );
        }
        app.repls.forget(&row.id);
        return Err(error.into());
    }
    Ok(row)
}

fn as_text(settings: &ReplSettings) -> Result<String, ApiFailure> {
    serde_json::to_string(settings).map_err(|e| ApiFailure::Internal(e.into()))
}

pub(super) async fn refuse_too_many(app: &App, user: &User) -> Result<(), ApiFailure> {
    if app.db.repls_of(&user.id).await?.len() >= MAX_REPLS {
        return Err(ApiFailure::Conflict(format!(
            "You have {MAX_REPLS} repls, which is the limit: delete one first."
        )));
    }
    Ok(())
}

/// Unless a user may have a new repl of that size.
async fn refuse_too_large(app: &App, user: &User, more: Size) -> Result<(), ApiFailure> {
    let used = app.db.size_of_repls_of(&user.id, None).await?;
    let refusal = user.policy.quotas.refusal(used, more);
    refusal.map_or(Ok(()), |reason| Err(ApiFailure::Conflict(reason)))
}

/// Makes a repl with the same files, or those of an earlier state, at once and by reference. Of a running
/// one: as it is now, but its derived folders as they were saved last.
#[utoipa::path(post, path = "/api/repls/{id}/duplicate", request_body = DuplicateRepl, responses((status = 201, body = Repl), (status = 404)), params(("id" = String, Path)))]
pub async fn duplicate(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
    Body(body): Body<DuplicateRepl>,
) -> Result<(StatusCode, Json<Repl>), ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let name = match body.name.as_deref().map(str::trim) {
        None | Some("") => names::derived(&row.name, " copy"),
        Some(name) => checked_name(name)?,
    };
    refuse_too_many(&app, &user).await?;
    let state = match body.state {
        Some(number) => StateName::Number(number),
        None => {
            app.repls.save(&row).await.map_err(|e| {
                ApiFailure::Unavailable(format!(
                    "It was not duplicated, since it could not be saved: {e}"
                ))
            })?;
            StateName::Newest
        }
    };
    let files = open(&app, &row, state).await?.manifest;
    refuse_too_large(&app, &user, files.size()).await?;
    let ReplSettings { size, network, .. } = row.settings();
    let settings = ReplSettings {
        size,
        network,
        ..ReplSettings::default()
    };
    let new = New {
        files: Arc::new(files),
        name,
        template: row.template,
        settings,
    };
    let copy = insert(app.clone(), user, new).await?;
    tracing::info!(repl = copy.id, of = id, "duplicated");
    Ok((StatusCode::CREATED, Json(shown(&app, &copy))))
}

#[utoipa::path(get, path = "/api/repls/{id}", responses((status = 200, body = Repl), (status = 404)), params(("id" = String, Path)))]
pub async fn show(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
) -> Result<Json<Repl>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    Ok(Json(shown(&app, &row)))
}

/// Changes what is given.
#[utoipa::path(patch, path = "/api/repls/{id}", request_body = UpdateRepl, responses((status = 200, body = Repl)), params(("id" = String, Path)))]
pub async fn change(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
    Body(body): Body<UpdateRepl>,
) -> Result<Json<Repl>, ApiFailure> {
    let mut row = owned(&app, &user, &id).await?;
    // All of it, or nothing.
    let name = body.name.as_deref().map(checked_name).transpose()?;
    let settings = body.settings.as_ref();
    if let Some(reason) = settings.and_then(|settings| user.policy.refusal(settings)) {
        return Err(ApiFailure::BadRequest(reason));
    }
    if let Some(settings) = body.settings {
        row.settings = as_text(&settings)?;
        let change = repl::ActiveModel {
            id: Set(row.id.clone()),
            settings: Set(row.settings.clone()),
            ..Default::default()
        };
        app.db.update_repl(change).await?;
        app.repls.settings_changed(&row);
    }
    if let Some(name) = name {
        row.name = name;
        let change = repl::ActiveModel {
            id: Set(row.id.clone()),
            name: Set(row.name.clone()),
            ..Default::default()
        };
        app.db.update_repl(change).await?;
        app.repls.renamed(&row);
    }
    Ok(Json(shown(&app, &row)))
}

/// Stops it, and puts it into the bin.
#[utoipa::path(delete, path = "/api/repls/{id}", responses((status = 204)), params(("id" = String, Path)))]
pub async fn delete(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let Some(_deleting) = app.repls.begin_deleting(&row.id) else {
        return Err(ApiFailure::NotFound);
    };
    let deleted = |ms| repl::ActiveModel {
        id: Set(row.id.clone()),
        deleted_ms: Set(ms),
        ..Default::default()
    };
    // First, so that nobody starts it while it is being stopped.
    app.db.update_repl(deleted(Some(now_ms()))).await?;
    if let Err(reason) = app.repls.stop(&row).await {
        app.db.update_repl(deleted(None)).await?;
        return Err(ApiFailure::Unavailable(format!(
            "It was not deleted, since it could not be stopped: {reason}"
        )));
    }
    app.repls.discard(&row).await;
    app.repls.forget(&row.id);
    tracing::info!(repl = row.id, "deleted");
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
pub struct HowToStart {
    #[serde(default)]
    run: bool,
}

/// Starts it, and what Run does if `run` says so; answers when it runs.
#[utoipa::path(post, path = "/api/repls/{id}/start", responses((status = 200, body = Repl), (status = 409), (status = 503)), params(("id" = String, Path), ("run" = Option<bool>, Query)))]
pub async fn start(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
    Query(how): Query<HowToStart>,
) -> Result<Json<Repl>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    if !how.run {
        let started = app.repls.ensure_running(&row).await;
        started.map_err(ApiFailure::Unavailable)?;
        return Ok(Json(shown(&app, &row)));
    }
    let started = app.repls.ensure_program(&row).await;
    started.map_err(ApiFailure::Unavailable)?;
    if let Some(reason) = app.repls.program(&row.id).refusal {
        return Err(ApiFailure::Conflict(reason));
    }
    Ok(Json(shown(&app, &row)))
}

/// Has it go on: the time until it stops for want of anybody begins anew.
#[utoipa::path(post, path = "/api/repls/{id}/keep", responses((status = 204)), params(("id" = String, Path)))]
pub async fn keep(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    app.repls.touch(&row.id);
    Ok(StatusCode::NO_CONTENT)
}

/// Saves and stops it; answers when that is done.
#[utoipa::path(post, path = "/api/repls/{id}/stop", responses((status = 200, body = Repl), (status = 503)), params(("id" = String, Path)))]
pub async fn stop(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
) -> Result<Json<Repl>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    app.repls.stop(&row).await.map_err(|e| {
        ApiFailure::Unavailable(format!(
            "It could not be saved: {e}. Its files are kept; it is tried again."
        ))
    })?;
    Ok(Json(shown(&app, &row)))
}

/// Saves what has changed; answers when it is in the store.
#[utoipa::path(post, path = "/api/repls/{id}/save", responses((status = 200, body = Repl), (status = 503)), params(("id" = String, Path)))]
pub async fn save(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
) -> Result<Json<Repl>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    app.repls.save(&row).await.map_err(|e| {
        ApiFailure::Unavailable(format!(
            "It could not be saved: {e}. Your edits are kept; it is tried again."
        ))
    })?;
    Ok(Json(shown(&app, &row)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_at_their_limit() {
        assert_eq!(checked_name("  my repl ").unwrap(), "my repl");
        assert!(checked_name(&"é".repeat(MAX_REPL_NAME_CHARS)).is_ok());
        for bad in [
            "",
            "   ",
            "a\0b",
            "a\nb",
            &"x".repeat(MAX_REPL_NAME_CHARS + 1),
            &"x".repeat(5000),
        ] {
            assert!(checked_name(bad).is_err(), "{bad:?}");
        }
    }
}
