//! Sign-in with a key, or the server's own token.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::header::{HOST, LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Body;
use crate::auth::{Purpose, User, check_origin, expired_cookie};
use crate::people::Person;
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

/// `Set-Cookie` of a new sign-in.
async fn begin(app: &App, person: &Person, headers: &HeaderMap) -> Result<String, ApiFailure> {
    let host = headers
        .get(HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or_default();
    let login = app.logins.begin(person).await?;
    Ok(app
        .keys
        .editor_cookie(host, &login.id, app.config.is_https()))
}

/// Exchanges the token for a cookie.
#[utoipa::path(post, path = "/api/sign-in", request_body = SignIn, responses((status = 204), (status = 401)))]
pub async fn sign_in(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Body(body): Body<SignIn>,
) -> Result<impl IntoResponse, ApiFailure> {
    check_origin(&app, &axum::http::Method::POST, &headers)?;
    let person = app.people.by_key(body.token.trim());
    let person = person.ok_or(ApiFailure::WrongToken)?;
    let cookie = begin(&app, &person, &headers).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]))
}

/// `GET /sign-in?token=…`, the address that is printed at the start, or that the operator gave: leads on to the
/// dashboard, or to the page that asks for the token. (The page itself is the web application's.)
pub async fn by_address(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Query(query): Query<SignInAddress>,
) -> Result<axum::response::Response, ApiFailure> {
    if query.token.is_empty() {
        return Ok(crate::web::index(app.page));
    }
    if let Some(person) = app.people.by_key(&query.token) {
        // Another site may have led here, to have its visitor work in somebody else's repls: the page asks.
        if comes_from_elsewhere(&headers) || is_somebody_else(&app, &headers, &person).await? {
            return Ok(crate::web::index(app.page));
        }
        let cookie = begin(&app, &person, &headers).await?;
        return Ok((
            StatusCode::SEE_OTHER,
            [(LOCATION, "/".to_owned()), (SET_COOKIE, cookie)],
        )
            .into_response());
    }
    Ok((
        StatusCode::SEE_OTHER,
        [(LOCATION, "/sign-in?wrong".to_owned())],
    )
        .into_response())
}

fn comes_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|h| h.to_str().ok());
    site.is_some_and(|site| !matches!(site, "none" | "same-origin"))
}

/// Whether this browser is signed in, as another.
async fn is_somebody_else(
    app: &App,
    headers: &HeaderMap,
    person: &Person,
) -> Result<bool, ApiFailure> {
    let https = app.config.is_https();
    let Some(id) = app.keys.from_cookies(headers, Purpose::Editor, https) else {
        return Ok(false);
    };
    let login = app.logins.find(&id).await?;
    Ok(login.is_some_and(|login| login.user != person.id))
}

/// Ends the sign-in of this browser, and all that is open with it: sessions, events, previews.
#[utoipa::path(post, path = "/api/sign-out", responses((status = 204)))]
pub async fn sign_out(
    State(app): State<Arc<App>>,
    user: User,
) -> Result<impl IntoResponse, ApiFailure> {
    app.logins.end(&user.login.id).await?;
    let cookie = expired_cookie(app.config.is_https());
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]))
}
