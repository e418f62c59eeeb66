//! Typed values out of OCI addresses.

use super::error::OciError;
use crate::app::OciFault;
use crate::oci::Repository;
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use oci_spec::distribution::ErrorCode;
use std::str::FromStr;

/// The repository in the address: the path's parameters `namespace` and `name`.
pub(super) struct RepositoryInPath(pub(super) Repository);

impl<S: Send + Sync> FromRequestParts<S> for RepositoryInPath {
    type Rejection = OciError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, OciError> {
        let namespace = parameter(parts, state, "namespace").await?;
        let name = parameter(parts, state, "name").await?;
        Ok(Self(Repository::new(&namespace, &name).map_err(OciFault::from)?))
    }
}

/// Another text in the address that must be of a form: the path's parameter of the given name.
pub(super) async fn typed<T, S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<T, OciError>
where
    T: FromStr<Err: Into<OciFault>>,
{
    parameter(parts, state, name).await?.parse().map_err(|error: T::Err| error.into().into())
}

async fn parameter<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Result<String, OciError> {
    let invalid =
        |message: String| OciError::new(StatusCode::BAD_REQUEST, ErrorCode::NameInvalid, "invalid_path", message);
    let parameters =
        RawPathParams::from_request_parts(parts, state).await.map_err(|error| invalid(error.to_string()))?;
    let found = parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    found.ok_or_else(|| invalid("the address is not complete".to_owned()))
}

/// A value behind the question mark, the first one of its name. Others are not looked at: clients send what other
/// registries know.
pub(super) fn asked(uri: &Uri, name: &str) -> Option<String> {
    let query = uri.query()?.as_bytes();
    url::form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// A text behind the question mark that is looked for as it is.
///
/// # Errors
/// If it holds control characters: nothing is called so, and not every database takes all of them.
pub(super) fn asked_text(uri: &Uri, name: &str) -> Result<Option<String>, OciError> {
    let text = asked(uri, name);
    if text.as_ref().is_some_and(|text| text.chars().any(char::is_control)) {
        let message = format!("`{name}` holds control characters");
        return Err(OciError::new(StatusCode::BAD_REQUEST, ErrorCode::Unsupported, "invalid_query", message));
    }
    Ok(text)
}

/// Tells where a list goes on.
pub(super) fn next_page(mut response: Response, path: &str, query: &[(&str, &str)]) -> Response {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    if let Ok(link) = HeaderValue::from_str(&format!("<{path}?{query}>; rel=\"next\"")) {
        response.headers_mut().insert(header::LINK, link);
    }
    response
}
