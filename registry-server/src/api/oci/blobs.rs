//! `/v2/NAMESPACE/NAME/blobs/DIGEST`.

use super::auth::Reader;
use super::error::OciError;
use super::extract::{RepositoryInPath, typed};
use crate::api::range::{Asked, asked};
use crate::api::{ApiState, respond};
use crate::app::{AppError, OciFault};
use crate::oci::{Digest, Repository};
use crate::store::{OciBlob, VisibleOciBlob};
use axum::body::Body;
use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::headers::{ContentRange, HeaderMapExt};
use futures::TryStreamExt;
use oci_spec::distribution::ErrorCode;
use registry_core::with_causes;
use std::ops::Range;
use tracing::warn;

/// The header in which every answer about content says its digest.
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

const OCTETS: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// The digest in the address: the path's parameter `digest`.
pub(super) struct DigestInPath(pub(super) Digest);

impl<S: Send + Sync> FromRequestParts<S> for DigestInPath {
    type Rejection = OciError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, OciError> {
        typed(parts, state, "digest").await.map(Self)
    }
}

/// The bytes of a blob, or the part of them that the request asks for.
pub(super) async fn blob(
    State(state): State<ApiState>,
    _: Reader,
    RepositoryInPath(repository): RepositoryInPath,
    DigestInPath(digest): DigestInPath,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, OciError> {
    let VisibleOciBlob { blob, is_bound } = state.app.visible_oci_blob(&repository, &digest).await?;
    let size_bytes = usize::try_from(blob.size_bytes).unwrap_or(usize::MAX);
    let (range, is_part) = match asked(&method, &headers, respond::tag(&digest, ""), size_bytes) {
        Asked::Outside => return Ok(outside(&blob)),
        Asked::Whole => (0..blob.size_bytes, false),
        Asked::Part(part) => (part.start as u64..part.end as u64, true),
    };
    let body = if method == Method::HEAD { Body::empty() } else { body_of(&state, &blob, range.clone()).await? };
    let mut response = respond::immutable(OCTETS, respond::tag(&digest, ""), body);
    describe(response.headers_mut(), &blob, &range);
    if !is_bound {
        // Whoever asks a cache whether it is there would not push it again when it has gone.
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if is_part {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let content_range = ContentRange::bytes(range, blob.size_bytes);
        content_range.into_iter().for_each(|range| response.headers_mut().typed_insert(range));
    }
    Ok(response)
}

/// Whoever asks to delete a blob is told that nothing is.
pub(super) async fn delete(
    _: Reader,
    RepositoryInPath(_): RepositoryInPath,
    DigestInPath(_): DigestInPath,
) -> Response {
    let mut response = OciError::from(OciFault::Immutable("a blob")).into_response();
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    response
}

/// Where a blob is.
pub(super) fn location_of(repository: &Repository, digest: &Digest) -> String {
    format!("/v2/{repository}/blobs/{digest}")
}

/// Answers that a blob is there now.
pub(super) fn created(repository: &Repository, digest: &Digest) -> Response {
    let headers = [(header::LOCATION, location_of(repository, digest)), (CONTENT_DIGEST, digest.to_string())];
    (StatusCode::CREATED, headers).into_response()
}

/// A small blob is verified before it is sent, and a large one while it is: a damaged one breaks off before its end. A part
/// cannot be verified alone, so all of the blob is before, once.
async fn body_of(state: &ApiState, blob: &OciBlob, range: Range<u64>) -> Result<Body, OciError> {
    let is_whole = range == (0..blob.size_bytes);
    let small_max = state.app.limits().oci_small_blob_size_bytes_max;
    let in_memory = match state.app.oci_blob_in_memory(blob) {
        None if is_whole && blob.size_bytes <= small_max as u64 => {
            Some(state.app.oci_blob_bytes(blob, small_max).await?)
        }
        in_memory => in_memory,
    };
    if let Some(bytes) = in_memory {
        return Ok(Body::from(bytes.slice(range.start as usize..range.end as usize)));
    }
    if !is_whole {
        state.app.verify_oci_blob(blob).await?;
    }
    let failed = |error: &AppError| warn!("a blob is not sent to its end: {}", with_causes(error));
    Ok(Body::from_stream(state.app.oci_blob_stream(blob.clone(), range).inspect_err(failed)))
}

fn describe(headers: &mut HeaderMap, blob: &OciBlob, range: &Range<u64>) {
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    if let Ok(digest) = HeaderValue::from_str(&blob.digest.to_string()) {
        headers.insert(CONTENT_DIGEST, digest);
    }
}

fn outside(blob: &OciBlob) -> Response {
    let message = format!("the blob has {} bytes; the `range` header asks for others", blob.size_bytes);
    let status = StatusCode::RANGE_NOT_SATISFIABLE;
    let mut response = OciError::new(status, ErrorCode::SizeInvalid, "range_not_satisfiable", message).into_response();
    response.headers_mut().typed_insert(ContentRange::unsatisfied_bytes(blob.size_bytes));
    response
}
