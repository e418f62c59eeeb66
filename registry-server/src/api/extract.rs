//! Typed values out of addresses and headers.

use super::error::ApiError;
use crate::app::AppError;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use registry_core::id::ParseIdError;
use registry_core::name::{ReleaseName, check_identifier};
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// A hash in the address.
pub(super) struct HashInPath<T>(pub(super) T);

impl<S: Send + Sync, T: FromStr<Err = ParseIdError>> FromRequestParts<S> for HashInPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text: String = path(parts, state).await?;
        text.parse().map(Self).map_err(ApiError::in_address)
    }
}

/// Some other text in the address that must be of a form.
pub(super) struct TextInPath<T>(pub(super) T);

impl<S: Send + Sync, T: FromStr<Err: Into<AppError>>> FromRequestParts<S> for TextInPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text: String = path(parts, state).await?;
        text.parse().map(Self).map_err(ApiError::in_address)
    }
}

/// A `namespace` and a `name` in the address.
pub(super) struct NameInPath(pub(super) String, pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for NameInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let (namespace, name): (String, String) = path(parts, state).await?;
        check_identifier(&namespace).and_then(|()| check_identifier(&name)).map_err(ApiError::in_address)?;
        Ok(Self(namespace, name))
    }
}

/// A `namespace` in the address.
pub(super) struct NamespaceInPath(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for NamespaceInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let namespace: String = path(parts, state).await?;
        check_identifier(&namespace).map_err(ApiError::in_address)?;
        Ok(Self(namespace))
    }
}

/// The id of a token in the address. It is only ever compared.
pub(super) struct TokenInPath(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for TokenInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let id: String = path(parts, state).await?;
        let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let message = "the id of a token is made of hexadecimal digits";
        let hint = Some("`registry token list` shows the ids");
        let not_id = || ApiError::new(StatusCode::BAD_REQUEST, "invalid_path", message, hint);
        is_id.then_some(Self(id)).ok_or_else(not_id)
    }
}

/// A release in the address.
pub(super) struct ReleaseInPath(pub(super) ReleaseName);

impl<S: Send + Sync> FromRequestParts<S> for ReleaseInPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let (namespace, name, version): (String, String, String) = path(parts, state).await?;
        format!("{namespace}:{name}@{version}").parse().map(Self).map_err(ApiError::in_address)
    }
}

/// What stands behind the question mark. A field that the route does not know is an error: a misspelt condition must
/// not be left out silently.
pub(super) struct Asked<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(value)) => Ok(Self(value)),
            Err(error) => Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_query", error.body_text(), None)),
        }
    }
}

/// A value behind the question mark as what it must be.
pub(super) fn typed<T: FromStr<Err: Into<AppError>>>(text: Option<String>) -> Result<Option<T>, ApiError> {
    text.map(|text| text.parse().map_err(ApiError::in_address)).transpose()
}

/// The content type without its parameters, in lower case.
pub(super) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// A body of another type than the route takes.
pub(super) fn unsupported(given: Option<&str>, supported: &str) -> ApiError {
    let message = match given {
        Some(given) => format!("a body of the type `{given}` is not accepted here"),
        None => "the body has no content type".to_owned(),
    };
    let hint = format!("send it as {supported}");
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", message, Some(&hint))
}

async fn path<S: Send + Sync, T: DeserializeOwned + Send>(parts: &mut Parts, state: &S) -> Result<T, ApiError> {
    match Path::from_request_parts(parts, state).await {
        Ok(Path(value)) => Ok(value),
        Err(error) => Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_path", error.body_text(), None)),
    }
}
