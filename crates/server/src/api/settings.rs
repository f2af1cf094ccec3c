//! What a user chose for the editor. The server keeps it, and acts on none of it.

use std::sync::Arc;

use alcove_protocol::settings::Settings;
use axum::Json;
use axum::extract::State;

use super::Body;
use crate::auth::User;
use crate::{ApiFailure, App};

/// What this user chose; the defaults before the first choice.
#[utoipa::path(get, path = "/api/me/settings", responses((status = 200, body = Settings)))]
pub async fn show(State(app): State<Arc<App>>, user: User) -> Result<Json<Settings>, ApiFailure> {
    let kept = app.db.user_settings(&user.id).await?;
    let settings = kept.map(|text| {
        serde_json::from_str(&text).unwrap_or_else(|error| {
            // Written by a newer version, say.
            tracing::warn!(user = user.id, %error, "settings can't be read: the defaults are used");
            Settings::default()
        })
    });
    Ok(Json(settings.unwrap_or_default()))
}

/// Replaces all of them; what is absent becomes the default.
#[utoipa::path(put, path = "/api/me/settings", request_body = Settings,
    responses((status = 200, body = Settings), (status = 400)))]
pub async fn change(
    State(app): State<Arc<App>>,
    user: User,
    Body(settings): Body<Settings>,
) -> Result<Json<Settings>, ApiFailure> {
    settings.check().map_err(ApiFailure::BadRequest)?;
    let text = serde_json::to_string(&settings).map_err(anyhow::Error::from)?;
    app.db.set_user_settings(&user.id, text).await?;
    Ok(Json(settings))
}
