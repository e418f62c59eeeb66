//! `/v2/{namespace}/{name}/manifests/{reference}`.

use super::auth::{Pusher, Reader};
use super::blobs::CONTENT_DIGEST;
use super::error::OciError;
use super::extract::{RepositoryInPath, typed};
use crate::api::body::{SizeLimit, read, reserve};
use crate::api::extract::content_type;
use crate::api::{ApiState, respond};
use crate::app::{OciFault, PushedManifest, ServedManifest};
use crate::oci::{Reference, Repository};
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use registry_core::id::ObjectHash;
use registry_core::wire::{Release, Scope};
use std::fmt::Display;

/// Says that the registry has read the pushed manifest's subject, so that its sender need not list referrers itself.
const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// This registry's own hash of the package or the component.
const REGISTRY_HASH: HeaderName = HeaderName::from_static("registry-hash");

/// Bytes of the text of one warning. The specification allows 4,096 in all headers together, and a release can have two.
const WARNING_SIZE_BYTES_MAX: usize = 1_900;

/// A manifest in the address: by a tag or by its digest.
pub(super) struct ReferenceInPath(Reference);

impl<S: Send + Sync> FromRequestParts<S> for ReferenceInPath {
    type Rejection = OciError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, OciError> {
        Ok(Self(typed(parts, state, "reference").await?))
    }
}

/// A manifest, byte for byte, in the type that it has, whichever types the client would like: there is no other.
pub(super) async fn pull(
    State(state): State<ApiState>,
    _: Reader,
    RepositoryInPath(repository): RepositoryInPath,
    ReferenceInPath(reference): ReferenceInPath,
) -> Result<Response, OciError> {
    Ok(served(&reference, state.app.oci_manifest(&repository, &reference).await?))
}

/// Stores a manifest; one of a WebAssembly artifact publishes its layer.
pub(super) async fn push(
    State(state): State<ApiState>,
    Pusher(caller): Pusher,
    RepositoryInPath(repository): RepositoryInPath,
    ReferenceInPath(reference): ReferenceInPath,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, OciError> {
    caller.require(Scope::Publish)?;
    let size_bytes_max = state.app.limits().oci_manifest_size_bytes_max;
    let limit = SizeLimit { size_bytes_max, name: "oci_manifest_size_bytes_max" };
    let upload = read(&state, &headers, body, limit).await?;
    let content_type = content_type(&headers);
    let checked =
        state.app.check_manifest(&caller, &repository, &reference, content_type.as_deref(), &upload.bytes).await?;
    let _memory = reserve(&state, checked.layer_size_bytes())?;
    Ok(stored(&repository, &state.app.push_manifest(&caller, checked).await?))
}

/// What is published stays.
pub(super) async fn delete(
    _: Reader,
    RepositoryInPath(_): RepositoryInPath,
    ReferenceInPath(reference): ReferenceInPath,
) -> Response {
    let what = match reference {
        Reference::Tag(_) => "a tag",
        Reference::Digest(_) => "a manifest",
    };
    ([(header::ALLOW, "GET, HEAD, PUT")], OciError::from(OciFault::Immutable(what))).into_response()
}

fn served(reference: &Reference, ServedManifest { manifest, release }: ServedManifest) -> Response {
    let type_of_json = HeaderValue::from_static("application/json");
    let content_type = HeaderValue::from_str(&manifest.media_type).unwrap_or(type_of_json);
    let tag = respond::tag(&manifest.digest, "");
    let body = Bytes::from(manifest.content);
    let mut response = match (reference, &release) {
        // What a tag or a digest names never changes, but what the headers say of a release may.
        (Reference::Tag(_), _) | (_, Some(_)) => respond::named_bytes(content_type, tag, body),
        (Reference::Digest(_), None) => respond::immutable(content_type, tag, body),
    };
    set(response.headers_mut(), CONTENT_DIGEST, &manifest.digest);
    let Some(release) = release else { return response };
    let hash = release.target.hash();
    set_hash(response.headers_mut(), &hash);
    for warning in warnings(&release) {
        response.headers_mut().append(header::WARNING, warning);
    }
    respond::download(hash, response)
}

fn stored(repository: &Repository, pushed: &PushedManifest) -> Response {
    let mut response = StatusCode::CREATED.into_response();
    let headers = response.headers_mut();
    set(headers, header::LOCATION, format_args!("/v2/{repository}/manifests/{}", pushed.digest));
    set(headers, CONTENT_DIGEST, &pushed.digest);
    if let Some(subject) = &pushed.subject {
        set(headers, SUBJECT, subject);
    }
    if let Some(hash) = &pushed.hash {
        set_hash(headers, hash);
    }
    response
}

fn set_hash(headers: &mut HeaderMap, hash: &ObjectHash) {
    set(headers, REGISTRY_HASH, hash);
}

/// Hashes and addresses always are values of headers.
fn set(headers: &mut HeaderMap, name: HeaderName, value: impl Display) {
    if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
        headers.insert(name, value);
    }
}

/// What users of a release should know, as the specification has it: OCI has no word for a release that is yanked, and
/// locks must go on working.
fn warnings(release: &Release) -> impl Iterator<Item = HeaderValue> {
    let yanked = release.yanked.as_ref().map(|yank| format!("{} is yanked: {}", release.name, yank.reason));
    let deprecated = release.deprecated.as_ref().map(|deprecation| match &deprecation.successor {
        Some(successor) => format!("{} is deprecated: {}; use {successor}", release.name, deprecation.message),
        None => format!("{} is deprecated: {}", release.name, deprecation.message),
    });
    yanked.into_iter().chain(deprecated).filter_map(|text| HeaderValue::from_str(&warning(&text)).ok())
}

/// A text as a warning's value, cut if it is long. Few clients read anything but ASCII in a header.
fn warning(text: &str) -> String {
    let mut quoted = String::new();
    for character in text.chars() {
        if quoted.len() >= WARNING_SIZE_BYTES_MAX {
            quoted.push_str("...");
            break;
        }
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            ' '..='~' => quoted.push(character),
            _ => quoted.push('?'),
        }
    }
    format!("299 - \"{quoted}\"")
}

#[cfg(test)]
mod tests {
    use super::warning;

    #[test]
    fn a_warning_is_one_quoted_ascii_text() {
        let long = warning(&"\\".repeat(5_000));
        assert!(2 * long.len() < 4_096 && long.ends_with("\\\\...\""), "{long}");
        assert_eq!(warning("a\\b \"c\" é\r\n"), r#"299 - "a\\b \"c\" ???""#);
    }
}
