//! Who an OCI client speaks for: a token of this registry as the password of Basic credentials, or as it is.

use super::error::OciError;
use crate::api::ApiState;
use crate::app::{AppError, Caller};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use axum_extra::headers::authorization::{Basic, Bearer, Credentials};
use oci_spec::distribution::ErrorCode;
use secrecy::SecretString;

/// The one who pushes. Without a good token the request ends here.
pub(super) struct Pusher(pub(super) Caller);

/// Somebody who may read: anybody, unless the registry is private. Credentials that are given must be good all the same.
pub(super) struct Reader;

impl FromRequestParts<ApiState> for Pusher {
    type Rejection = OciError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, OciError> {
        required(&parts.headers, state).await.map(Self)
    }
}

impl FromRequestParts<ApiState> for Reader {
    type Rejection = OciError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, OciError> {
        if state.app.is_private() {
            required(&parts.headers, state).await?;
        } else {
            given(&parts.headers, state).await?;
        }
        Ok(Self)
    }
}

/// Whom the request speaks for.
///
/// # Errors
/// If it gives no credentials, or those that are not good.
pub(super) async fn required(headers: &HeaderMap, state: &ApiState) -> Result<Caller, OciError> {
    let required = || AppError::TokenRequired { is_local: state.app.is_local() }.into();
    given(headers, state).await?.ok_or_else(required)
}

async fn given(headers: &HeaderMap, state: &ApiState) -> Result<Option<Caller>, OciError> {
    match secret(headers)? {
        Some(secret) => Ok(Some(state.app.authenticate(&secret).await?)),
        None => Ok(None),
    }
}

/// The token that a request gives. Some clients send empty Basic credentials when they have none.
fn secret(headers: &HeaderMap) -> Result<Option<SecretString>, OciError> {
    let Some(value) = headers.get(header::AUTHORIZATION) else { return Ok(None) };
    let has_scheme = |scheme: &str| {
        let text = value.as_bytes().get(..scheme.len()).unwrap_or_default();
        text.eq_ignore_ascii_case(scheme.as_bytes())
    };
    let secret = if has_scheme(Basic::SCHEME) {
        Basic::decode(value).map(|basic| SecretString::from(basic.password()))
    } else if has_scheme(Bearer::SCHEME) {
        Bearer::decode(value).map(|bearer| SecretString::from(bearer.token()))
    } else {
        None
    };
    let message = "the `authorization` header is neither `Basic` with a token as the password nor `Bearer regt_…`";
    let unreadable = || OciError::new(StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, "token_invalid", message);
    let secret = secret.ok_or_else(unreadable)?;
    Ok((!secrecy::ExposeSecret::expose_secret(&secret).is_empty()).then_some(secret))
}

/// Tells those who are refused how they can prove who they are.
pub(super) async fn challenge(State(_state): State<ApiState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"registry\""));
    }
    response
}
