//! Repls: list, create, rename, delete; start, stop, save.

use std::sync::Arc;

use alcove_protocol::api::{
    BIN_DAYS, BinnedRepl, CreateRepl, DuplicateRepl, MAX_REPL_NAME_CHARS, Repl, UpdateRepl,
};
use alcove_volume::{Location, Manifest};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use sea_orm::ActiveValue::Set;

use super::{Body, owned};
use crate::auth::User;
use crate::db::{now_ms, repl};
use crate::{ApiFailure, App, names, rfc3339, templates};

/// Repls that one user may have.
pub const MAX_REPLS: usize = 1000;
const BIN_MS: i64 = BIN_DAYS as i64 * 24 * 3600 * 1000;

fn shown(app: &App, row: &repl::Model) -> Repl {
    Repl {
        id: row.id.clone(),
        name: row.name.clone(),
        template: row.template.clone(),
        created_at: rfc3339(row.created_ms),
        edited_at: rfc3339(row.edited_ms),
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

/// Makes a repl from a template, at once: its files are the template's, by reference.
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
    let template = match app.templates.manifest(&body.template) {
        None => {
            return Err(ApiFailure::BadRequest(format!(
                "There is no template of the name {:?}.",
                body.template
            )));
        }
        Some(Err(reason)) => return Err(ApiFailure::Conflict(reason)),
        Some(Ok(manifest)) => manifest,
    };
    refuse_too_many(&app, &user).await?;
    app.templates.prefer(&body.template);
    let row = insert(&app, &user, &template, name, body.template).await?;
    tracing::info!(repl = row.id, template = row.template, "created");
    Ok((StatusCode::CREATED, Json(shown(&app, &row))))
}

/// A new repl whose files are a manifest's, by reference.
async fn insert(
    app: &App,
    user: &User,
    files: &Manifest,
    name: String,
    template: String,
) -> Result<repl::Model, ApiFailure> {
    let id = names::new_id();
    let manifest = templates::new_repl(files, &name, &user.id, &template);
    app.store
        .put_manifest(&Location::Repl(id.clone()), 1, &manifest)
        .await?;
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
    };
    app.db.insert_repl(row.clone()).await?;
    Ok(row)
}

async fn refuse_too_many(app: &App, user: &User) -> Result<(), ApiFailure> {
    if app.db.repls_of(&user.id).await?.len() >= MAX_REPLS {
        return Err(ApiFailure::Conflict(format!(
            "You have {MAX_REPLS} repls, which is the limit: delete one first."
        )));
    }
    Ok(())
}

/// Makes a repl with the same files, at once and by reference. Of a running one: as it is now, but its
/// derived folders as they were saved last.
#[utoipa::path(post, path = "/api/repls/{id}/duplicate", request_body = DuplicateRepl, responses((status = 201, body = Repl), (status = 404)), params(("id" = String, Path)))]
pub async fn duplicate(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
    Body(body): Body<DuplicateRepl>,
) -> Result<(StatusCode, Json<Repl>), ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let name = match body.name.as_deref().map(str::trim) {
        None | Some("") => name_of_copy(&row.name),
        Some(name) => checked_name(name)?,
    };
    refuse_too_many(&app, &user).await?;
    app.repls.save(&row).await.map_err(|e| {
        ApiFailure::Unavailable(format!(
            "It was not duplicated, since it could not be saved: {e}"
        ))
    })?;
    let at = Location::Repl(row.id.clone());
    let (_, files) = app
        .store
        .head(&at, 0)
        .await?
        .ok_or_else(|| anyhow::anyhow!("a repl without files: {}", row.id))?;
    let copy = insert(&app, &user, &files, name, row.template).await?;
    tracing::info!(repl = copy.id, of = id, "duplicated");
    Ok((StatusCode::CREATED, Json(shown(&app, &copy))))
}

fn name_of_copy(name: &str) -> String {
    const COPY: &str = " copy";
    let most = MAX_REPL_NAME_CHARS - COPY.len();
    name.chars().take(most).collect::<String>() + COPY
}

/// When a repl must have been deleted to be in the bin still.
fn bin_begins() -> i64 {
    now_ms() - BIN_MS
}

/// What you deleted in the last 30 days, the last one first.
#[utoipa::path(get, path = "/api/bin", responses((status = 200, body = Vec<BinnedRepl>)))]
pub async fn bin(
    State(app): State<Arc<App>>,
    user: User,
) -> Result<Json<Vec<BinnedRepl>>, ApiFailure> {
    let rows = app.db.binned_repls_of(&user.id, bin_begins()).await?;
    let binned = |row: repl::Model| {
        let deleted_ms = row.deleted_ms.unwrap_or_default();
        BinnedRepl {
            id: row.id,
            name: row.name,
            template: row.template,
            deleted_at: rfc3339(deleted_ms),
            kept_until: rfc3339(deleted_ms + BIN_MS),
        }
    };
    Ok(Json(rows.into_iter().map(binned).collect()))
}

/// Takes a repl out of the bin again, with all files.
#[utoipa::path(post, path = "/api/repls/{id}/restore", responses((status = 200, body = Repl), (status = 404)), params(("id" = String, Path)))]
pub async fn restore(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
) -> Result<Json<Repl>, ApiFailure> {
    let rows = app.db.binned_repls_of(&user.id, bin_begins()).await?;
    let mut row = rows
        .into_iter()
        .find(|row| row.id == id)
        .ok_or(ApiFailure::NotFound)?;
    refuse_too_many(&app, &user).await?;
    row.deleted_ms = None;
    let change = repl::ActiveModel {
        id: Set(row.id.clone()),
        deleted_ms: Set(None),
        ..Default::default()
    };
    app.db.update_repl(change).await?;
    tracing::info!(repl = row.id, "brought back");
    Ok(Json(shown(&app, &row)))
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
    if let Some(name) = body.name {
        row.name = checked_name(&name)?;
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
    app.repls.forget(&row.id);
    tracing::info!(repl = row.id, "deleted");
    Ok(StatusCode::NO_CONTENT)
}

/// Starts it; answers when it runs.
#[utoipa::path(post, path = "/api/repls/{id}/start", responses((status = 200, body = Repl), (status = 503)), params(("id" = String, Path)))]
pub async fn start(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
) -> Result<Json<Repl>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    app.repls
        .ensure_running(&row)
        .await
        .map_err(ApiFailure::Unavailable)?;
    Ok(Json(shown(&app, &row)))
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
    fn a_copy_has_a_name_that_fits() {
        assert_eq!(name_of_copy("shop"), "shop copy");
        let longest = name_of_copy(&"é".repeat(MAX_REPL_NAME_CHARS));
        assert!(checked_name(&longest).is_ok() && longest.ends_with("é copy"));
    }

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
