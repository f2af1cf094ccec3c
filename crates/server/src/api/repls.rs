//! Repls: list, create, rename, delete; start, stop, save.

use std::sync::Arc;

use alcove_protocol::api::{CreateRepl, MAX_REPL_NAME_CHARS, Repl, UpdateRepl};
use alcove_volume::Location;
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
    if app.db.repls_of(&user.id).await?.len() >= MAX_REPLS {
        return Err(ApiFailure::Conflict(format!(
            "You have {MAX_REPLS} repls, which is the limit: delete one first."
        )));
    }
    app.templates.prefer(&body.template);
    let id = names::new_id();
    let manifest = templates::new_repl(&template, &name, &user.id, &body.template);
    app.store
        .put_manifest(&Location::Repl(id.clone()), 1, &manifest)
        .await?;
    let row = repl::Model {
        id,
        owner_id: user.id,
        name,
        template: body.template,
        created_ms: now_ms(),
        edited_ms: now_ms(),
        head: 1,
        reason: None,
        deleted_ms: None,
    };
    app.db.insert_repl(row.clone()).await?;
    tracing::info!(repl = row.id, template = row.template, "created");
    Ok((StatusCode::CREATED, Json(shown(&app, &row))))
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

/// Stops it, and deletes it from your list.
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
