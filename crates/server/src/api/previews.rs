//! Tickets to previews.

use std::sync::Arc;

use alcove_protocol::api::{PreviewAddress, PreviewRequest};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::{HOST, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;

use super::{Body, owned};
use crate::auth::User;
use crate::{ApiFailure, App, preview};

fn address(
    app: &App,
    headers: &HeaderMap,
    user: &User,
    id: &str,
    port: u16,
    path: &str,
) -> Result<PreviewAddress, ApiFailure> {
    if port == 0 {
        return Err(ApiFailure::BadRequest(
            "A port is a number from 1 to 65535.".into(),
        ));
    }
    if !preview::is_local_path(path) {
        return Err(ApiFailure::BadRequest(
            "A preview's path begins with one /.".into(),
        ));
    }
    let host = headers
        .get(HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or_default();
    let origin = app.hosts.preview_origin(host, port, id);
    let ticket = app.tickets.issue(&user.login.id, id, port);
    Ok(PreviewAddress {
        url: preview::ticket_address(&origin, &ticket, path),
        origin,
    })
}

/// An address, good once and for a minute, that signs this browser in to a repl's preview.
#[utoipa::path(post, path = "/api/repls/{id}/preview", request_body = PreviewRequest, responses((status = 200, body = PreviewAddress)), params(("id" = String, Path)))]
pub async fn ticket(
    State(app): State<Arc<App>>,
    user: User,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(body): Body<PreviewRequest>,
) -> Result<Json<PreviewAddress>, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    address(
        &app,
        &headers,
        &user,
        &row.id,
        body.port,
        body.path.as_deref().unwrap_or("/"),
    )
    .map(Json)
}

#[derive(Deserialize)]
pub struct To {
    #[serde(default)]
    to: Option<String>,
}

/// Leads to a preview: where a preview sends a browser that it does not know yet.
#[utoipa::path(get, path = "/api/repls/{id}/preview/{port}", responses((status = 303)), params(("id" = String, Path), ("port" = u16, Path)))]
pub async fn open(
    State(app): State<Arc<App>>,
    user: User,
    Path((id, port)): Path<(String, u16)>,
    Query(query): Query<To>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, ApiFailure> {
    let row = owned(&app, &user, &id).await?;
    let address = address(
        &app,
        &headers,
        &user,
        &row.id,
        port,
        query.to.as_deref().unwrap_or("/"),
    )?;
    Ok((StatusCode::SEE_OTHER, [(LOCATION, address.url)]))
}
