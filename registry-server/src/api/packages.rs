//! `/v1/packages`.

use super::ApiState;
use super::body::{SizeLimit, read};
use super::error::ApiError;
use super::extract::{Asked, HashInPath, content_type, typed, unsupported};
use super::respond;
use crate::app::PackageUpload;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use registry_core::id::PackageHash;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishQuery {
    expected: Option<String>,
}

type Answer = Result<Response, ApiError>;

pub(super) async fn publish(
    State(state): State<ApiState>,
    Asked(query): Asked<PublishQuery>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let expected: Option<PackageHash> = typed(query.expected)?;
    let limits = state.app.limits();
    let (size_bytes_max, name, kind): (_, _, fn(_) -> _) = match content_type(&headers).as_deref() {
        Some("application/json") => {
            (limits.package_json_size_bytes_max, "package_json_size_bytes_max", PackageUpload::Sources)
        }
        Some("application/wasm") => {
            (limits.content.wasm_wit_size_bytes_max, "wasm_wit_size_bytes_max", PackageUpload::Encoded)
        }
        other => return Err(unsupported(other, "`application/json` or `application/wasm`")),
    };
    let upload = read(&state, &headers, body, SizeLimit { size_bytes_max, name }).await?;
    let published = state.app.publish_package(kind(upload.bytes.clone()), expected).await?;
    Ok(respond::published(&published))
}

pub(super) async fn record(State(state): State<ApiState>, HashInPath(hash): HashInPath<PackageHash>) -> Answer {
    Ok(respond::immutable_json(&state.app.package(&hash).await?))
}

pub(super) async fn wit(State(state): State<ApiState>, HashInPath(hash): HashInPath<PackageHash>) -> Answer {
    Ok(respond::immutable_text(state.app.package_documents(&hash).await?.wit))
}

pub(super) async fn flat(State(state): State<ApiState>, HashInPath(hash): HashInPath<PackageHash>) -> Answer {
    Ok(respond::immutable_text(state.app.package_documents(&hash).await?.flat))
}

pub(super) async fn closure(State(state): State<ApiState>, HashInPath(hash): HashInPath<PackageHash>) -> Answer {
    Ok(respond::immutable_json_bytes(state.app.package_documents(&hash).await?.closure_json))
}
