//! Tokens in requests.

use super::ApiState;
use super::error::ApiError;
use super::oci;
use crate::app::{AppError, Caller};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::headers::authorization::Bearer;
use axum_extra::headers::{Authorization, HeaderMapExt};
use secrecy::SecretString;

/// What a private registry answers to everybody: nothing about what it holds.
const OPEN_PATHS: [&str; 4] = ["/", "/api", "/openapi.json", "/style.css"];
const OPEN_PREFIXES: [&str; 2] = ["/health/", "/.well-known/"];

/// Whom the request speaks for. Without a good token the request ends here.
pub(super) struct Authenticated(pub(super) Caller);

impl FromRequestParts<ApiState> for Authenticated {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        match parts.extensions.remove::<Caller>() {
            Some(caller) => Ok(Self(caller)),
            None => caller_of(&parts.headers, state).await.map(Self),
        }
    }
}

/// Lets nobody without a token read a private registry, and no cache keep what is private for others.
pub(super) async fn guard(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let is_open = OPEN_PATHS.contains(&path) || OPEN_PREFIXES.iter().any(|prefix| path.starts_with(prefix));
    if !state.app.is_private() || is_open {
        return next.run(request).await;
    }
    // OCI clients prove who they are in other ways, and its own guard stands before them.
    if !oci::has(path) {
        match caller_of(request.headers(), &state).await {
            Ok(caller) => request.extensions_mut().insert(caller),
            Err(error) => return error.into_response(),
        };
    }
    let mut response = next.run(request).await;
    if let Some(keep) = response.headers_mut().get_mut(header::CACHE_CONTROL) {
        let private = keep.to_str().unwrap_or_default().replace("public", "private");
        *keep = HeaderValue::from_str(&private).unwrap_or(HeaderValue::from_static("private"));
    }
    response
}

async fn caller_of(headers: &HeaderMap, state: &ApiState) -> Result<Caller, ApiError> {
    match headers.typed_try_get::<Authorization<Bearer>>() {
        Ok(Some(authorization)) => {
            let secret = SecretString::from(authorization.token());
            Ok(state.app.authenticate(&secret).await?)
        }
        Ok(None) => Err(AppError::TokenRequired { is_local: state.app.is_local() }.into()),
        Err(_) => {
            let message = "the `authorization` header is not of the form `Bearer regt_…`";
            let hint = "give the token alone, for example with `registry login`";
            Err(ApiError::new(StatusCode::UNAUTHORIZED, "token_invalid", message, Some(hint)))
        }
    }
}
