//! `/v1/components`.

use super::ApiState;
use super::body::{SizeLimit, read};
use super::error::ApiError;
use super::extract::{Asked, HashInPath, content_type, typed, unsupported};
use super::respond;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use registry_core::id::ComponentHash;
use registry_core::name::ReleaseName;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishQuery {
    name: Option<String>,
    expected: Option<String>,
}

type Answer = Result<Response, ApiError>;

pub(super) async fn publish(
    State(state): State<ApiState>,
    Asked(query): Asked<PublishQuery>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let name: Option<ReleaseName> = typed(query.name)?;
    let expected: Option<ComponentHash> = typed(query.expected)?;
    match content_type(&headers).as_deref() {
        Some("application/wasm") => {}
        other => return Err(unsupported(other, "`application/wasm`")),
    }
    let size_bytes_max = state.app.limits().content.component_size_bytes_max;
    let limit = SizeLimit { size_bytes_max, name: "component_size_bytes_max" };
    let upload = read(&state, &headers, body, limit).await?;
    let published = state.app.publish_component(upload.bytes.clone(), name, expected).await?;
    Ok(respond::published(&published))
}

pub(super) async fn record(State(state): State<ApiState>, HashInPath(hash): HashInPath<ComponentHash>) -> Answer {
    Ok(respond::immutable_json(&state.app.component(&hash).await?))
}

pub(super) async fn wasm(State(state): State<ApiState>, HashInPath(hash): HashInPath<ComponentHash>) -> Answer {
    Ok(respond::immutable_wasm(state.app.component_bytes(&hash).await?))
}

pub(super) async fn wit(State(state): State<ApiState>, HashInPath(hash): HashInPath<ComponentHash>) -> Answer {
    Ok(respond::immutable_text(state.app.component_documents(&hash).await?.wit))
}

pub(super) async fn flat(State(state): State<ApiState>, HashInPath(hash): HashInPath<ComponentHash>) -> Answer {
    Ok(respond::immutable_text(state.app.component_documents(&hash).await?.flat))
}

pub(super) async fn closure(State(state): State<ApiState>, HashInPath(hash): HashInPath<ComponentHash>) -> Answer {
    Ok(respond::immutable_json_bytes(state.app.component_documents(&hash).await?.closure_json))
}
