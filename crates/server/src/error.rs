//! Errors of the API: what a person is told, and in the log what really happened.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use alcove_protocol::api::{ApiError, ApiErrorBody};

/// Why a request fails. What one may not see doesn't exist: [`ApiFailure::NotFound`].
#[derive(Debug, thiserror::Error)]
pub enum ApiFailure {
    #[error("There is nothing here, or not for you.")]
    NotFound,
    #[error(
        "Sign in first: open the address that Alcove printed when it was started, or that its operator gave you."
    )]
    SignedOut,
    #[error(
        "This is not the token. `alcove serve` prints the address that holds it; its operator gives other people theirs."
    )]
    WrongToken,
    #[error("{0}")]
    Forbidden(&'static str),
    #[error("{0}")]
    BadRequest(String),
    #[error("{0}")]
    TooLarge(String),
    #[error("{0}")]
    Conflict(String),
    /// It may work later.
    #[error("{0}")]
    Unavailable(String),
    #[error("Something went wrong on the server; its log says what.")]
    Internal(#[source] anyhow::Error),
}

impl ApiFailure {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::SignedOut | Self::WrongToken => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::BadRequest(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::SignedOut => "signed_out",
            Self::WrongToken => "wrong_token",
            Self::Forbidden(_) => "forbidden",
            Self::BadRequest(_) => "bad_request",
            Self::TooLarge(_) => "too_large",
            Self::Conflict(_) => "conflict",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

impl IntoResponse for ApiFailure {
    fn into_response(self) -> Response {
        if let Self::Internal(error) = &self {
            tracing::error!(error = format!("{error:#}"), "request failed");
        }
        let error = ApiErrorBody {
            code: self.code().to_owned(),
            message: self.to_string(),
        };
        (self.status(), Json(ApiError { error })).into_response()
    }
}

impl From<sea_orm::DbErr> for ApiFailure {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Internal(anyhow::Error::new(error).context("database"))
    }
}

impl From<anyhow::Error> for ApiFailure {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl From<alcove_volume::VolumeError> for ApiFailure {
    fn from(error: alcove_volume::VolumeError) -> Self {
        tracing::warn!(%error, "store");
        Self::Unavailable(format!(
            "The store can't be used now: {error}. Try again in a moment."
        ))
    }
}
