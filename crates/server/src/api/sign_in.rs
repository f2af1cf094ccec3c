//! Sign-in with the local user's token.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::{HOST, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Body;
use crate::auth::{User, check_origin, expired_cookie};
use crate::db::LOCAL_USER;
use crate::{ApiFailure, App};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignIn {
    token: String,
}

#[derive(Deserialize)]
pub struct SignInAddress {
    #[serde(default)]
    token: String,
}

fn cookie(app: &App, headers: &HeaderMap) -> String {
    let host = headers
        .get(HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or_default();
    app.keys
        .editor_cookie(host, LOCAL_USER, app.config.is_https())
}

/// Exchanges the token for a cookie.
#[utoipa::path(post, path = "/api/sign-in", request_body = SignIn, responses((status = 204), (status = 401)))]
pub async fn sign_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Body(body): Body<SignIn>,
) -> Result<impl IntoResponse, ApiFailure> {
    check_origin(&app, &axum::http::Method::POST, &headers)?;
    if !app.keys.is_token(body.token.trim()) {
        return Err(ApiFailure::WrongToken);
    }
    Ok((
        StatusCode::NO_CONTENT,
        [(SET_COOKIE, cookie(&app, &headers))],
    ))
}

/// `GET /sign-in?token=…`, the address that is printed at the start: leads on to the dashboard, or to
/// the page that asks for the token. (The page itself is the web application's.)
pub async fn by_address(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Query(query): Query<SignInAddress>,
) -> axum::response::Response {
    if query.token.is_empty() {
        return crate::web::page();
    }
    if app.keys.is_token(&query.token) {
        return (
            StatusCode::SEE_OTHER,
            [
                (LOCATION, "/".to_owned()),
                (SET_COOKIE, cookie(&app, &headers)),
            ],
        )
            .into_response();
    }
    (
        StatusCode::SEE_OTHER,
        [(LOCATION, "/sign-in?wrong".to_owned())],
    )
        .into_response()
}

/// Ends the sign-in of this browser, and all its sessions.
#[utoipa::path(post, path = "/api/sign-out", responses((status = 204)))]
pub async fn sign_out(State(app): State<Arc<App>>, user: User) -> impl IntoResponse {
    // Nobody may be connected.
    let _ = app.sign_outs.send(user.id);
    let cookie = expired_cookie(app.config.is_https());
    (StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)])
}
