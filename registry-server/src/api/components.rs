//! `/v1/components`.

use super::ApiState;
use super::access::Authenticated;
use super::body::{SizeLimit, read};
use super::document::{Binary, Guarded, Lookup, Upload};
use super::error::ApiError;
use super::extract::{Asked, HashInPath, content_type, typed, unsupported};
use super::{range, respond};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use registry_core::id::ComponentHash;
use registry_core::name::ReleaseName;
use registry_core::wire::{ComponentClosure, ComponentRecord, ErrorBody, Published, Scope};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishQuery {
    name: Option<String>,
    expected: Option<String>,
}

type Answer = Result<Response, ApiError>;

/// Publish a component
///
/// Every versioned package that it names must be published, and its view of each interface must fit the registered one.
#[utoipa::path(post, path = "/components", tag = "Components", operation_id = "publish_component",
    params(
        ("name" = Option<ReleaseName>, Query, description = "Bind this name to it"),
        ("expected" = Option<ComponentHash>, Query, description = "Refuse an upload with another hash"),
    ),
    request_body(content = Binary, content_type = "application/wasm"),
    responses(
        (status = 201, description = "It or its name is new", body = Published<ComponentRecord>),
        (status = 200, description = "Both were there already", body = Published<ComponentRecord>),
        (status = 409, description = "The name is bound to another hash; the message has both", body = ErrorBody),
        Upload,
        Guarded,
    ),
    security(("token" = ["publish"])))]
pub(super) async fn publish(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    Asked(query): Asked<PublishQuery>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    caller.require(Scope::Publish)?;
    let name: Option<ReleaseName> = typed(query.name)?;
    let expected: Option<ComponentHash> = typed(query.expected)?;
    match content_type(&headers).as_deref() {
        Some("application/wasm") => {}
        other => return Err(unsupported(other, "`application/wasm`")),
    }
    let size_bytes_max = state.app.limits().content.component_size_bytes_max;
    let limit = SizeLimit { size_bytes_max, name: "component_size_bytes_max" };
    let upload = read(&state, &headers, body, limit).await?;
    let published = state.app.publish_component(&caller, upload.bytes.clone(), name, expected, None).await?;
    Ok(respond::published(&published))
}

/// A component's record
///
/// Everything about it but its bytes and texts.
#[utoipa::path(get, path = "/components/{hash}", tag = "Components", operation_id = "component",
    params(("hash" = ComponentHash, Path, description = "The component")),
    responses((status = 200, description = "The record", body = ComponentRecord), Lookup))]
pub(super) async fn record(State(state): State<ApiState>, HashInPath(hash): HashInPath<ComponentHash>) -> Answer {
    Ok(respond::immutable_json(hash, &state.app.component(&hash).await?))
}

/// A component's bytes
///
/// Whole, or one range of them, so that a download can be continued.
#[utoipa::path(get, path = "/components/{hash}/wasm", tag = "Components", operation_id = "component_wasm",
    params(
        ("hash" = ComponentHash, Path, description = "The component"),
        ("range" = Option<String>, Header, description = "One range, such as `bytes=1000-`; several are answered with everything"),
        ("if-range" = Option<String>, Header, description = "The entity tag of what the client has of it"),
    ),
    responses(
        (status = 200, description = "The bytes", body = Binary, content_type = "application/wasm"),
        (status = 206, description = "The range", body = Binary, content_type = "application/wasm",
            headers(("content-range" = String, description = "Which bytes of how many"))),
        (status = 416, description = "The range is outside of the component", body = ErrorBody,
            headers(("content-range" = String, description = "How many bytes there are"))),
        Lookup,
    ))]
pub(super) async fn wasm(
    State(state): State<ApiState>,
    HashInPath(hash): HashInPath<ComponentHash>,
    method: Method,
    headers: HeaderMap,
) -> Answer {
    let bytes = state.app.component_bytes(&hash).await?;
    Ok(range::wasm(&method, &headers, &hash, bytes))
}

/// A component's world
///
/// Its own world and its unversioned packages, as WIT.
#[utoipa::path(get, path = "/components/{hash}/wit", tag = "Components", operation_id = "component_wit",
    params(("hash" = ComponentHash, Path, description = "The component")),
    responses((status = 200, description = "WIT", body = String, content_type = "text/plain"), Lookup))]
pub(super) async fn wit(State(state): State<ApiState>, HashInPath(hash): HashInPath<ComponentHash>) -> Answer {
    Ok(respond::immutable_text_part(hash, "/wit", state.app.component_documents(&hash).await?.wit))
}

/// A component's world with everything that it needs
///
/// As one WIT text with nested packages, which any WIT tool reads.
#[utoipa::path(get, path = "/components/{hash}/flat", tag = "Components", operation_id = "component_flat",
    params(("hash" = ComponentHash, Path, description = "The component")),
    responses((status = 200, description = "WIT", body = String, content_type = "text/plain"), Lookup))]
pub(super) async fn flat(State(state): State<ApiState>, HashInPath(hash): HashInPath<ComponentHash>) -> Answer {
    Ok(respond::immutable_text_part(hash, "/flat", state.app.component_documents(&hash).await?.flat))
}

/// What is needed to check a component
///
/// Its record, its world, and the registered packages that it names, each after those that it refers to.
#[utoipa::path(get, path = "/components/{hash}/closure", tag = "Components", operation_id = "component_closure",
    params(("hash" = ComponentHash, Path, description = "The component")),
    responses((status = 200, description = "The closure", body = ComponentClosure), Lookup))]
pub(super) async fn closure(State(state): State<ApiState>, HashInPath(hash): HashInPath<ComponentHash>) -> Answer {
    let documents = state.app.component_documents(&hash).await?;
    Ok(respond::immutable_json_part(hash, "/closure", documents.closure_json))
}
