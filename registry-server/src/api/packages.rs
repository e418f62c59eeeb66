//! `/v1/packages`.

use super::ApiState;
use super::access::Authenticated;
use super::body::{SizeLimit, read};
use super::document::{Binary, Guarded, Lookup, Upload};
use super::error::ApiError;
use super::extract::{Asked, HashInPath, content_type, typed, unsupported};
use super::respond;
use crate::app::PackageUpload;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use registry_core::id::{ObjectHash, PackageHash};
use registry_core::wire::{ErrorBody, PackageClosure, PackageRecord, PublishPackage, Published, Scope};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PublishQuery {
    expected: Option<String>,
}

type Answer = Result<Response, ApiError>;

/// Publish a WIT package
///
/// Binds its name for ever. Its dependencies must be published already. Wasm-encoded WIT holds no more than views of
/// other packages; the registered ones take their place if the views agree with them.
#[utoipa::path(post, path = "/packages", tag = "Packages", operation_id = "publish_package",
    params(("expected" = Option<PackageHash>, Query, description = "Refuse an upload with another hash")),
    request_body(content((PublishPackage = "application/json"), (Binary = "application/wasm"))),
    responses(
        (status = 201, description = "It is published now", body = Published<PackageRecord>),
        (status = 200, description = "It was published already", body = Published<PackageRecord>),
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
    let published = state.app.publish_package(&caller, kind(upload.bytes.clone()), expected).await?;
    Ok(respond::published(&published))
}

/// A package's record
///
/// Everything about it but its text.
#[utoipa::path(get, path = "/packages/{hash}", tag = "Packages", operation_id = "package",
    params(("hash" = PackageHash, Path, description = "The package")),
    responses((status = 200, description = "The record", body = PackageRecord), Lookup))]
pub(super) async fn record(State(state): State<ApiState>, HashInPath(hash): HashInPath<PackageHash>) -> Answer {
    Ok(respond::immutable_json(hash, &state.app.package(&hash).await?))
}

/// A package's text
///
/// The package alone, in canonical form.
#[utoipa::path(get, path = "/packages/{hash}/wit", tag = "Packages", operation_id = "package_wit",
    params(("hash" = PackageHash, Path, description = "The package")),
    responses((status = 200, description = "WIT", body = String, content_type = "text/plain"), Lookup))]
pub(super) async fn wit(State(state): State<ApiState>, HashInPath(hash): HashInPath<PackageHash>) -> Answer {
    let answer = respond::immutable_text_part(hash, "/wit", state.app.package_documents(&hash).await?.wit);
    Ok(respond::download(ObjectHash::Package(hash), answer))
}

/// A package's flat document
///
/// Its closure as one WIT text with nested packages, which any WIT tool reads.
#[utoipa::path(get, path = "/packages/{hash}/flat", tag = "Packages", operation_id = "package_flat",
    params(("hash" = PackageHash, Path, description = "The package")),
    responses((status = 200, description = "WIT", body = String, content_type = "text/plain"), Lookup))]
pub(super) async fn flat(State(state): State<ApiState>, HashInPath(hash): HashInPath<PackageHash>) -> Answer {
    let answer = respond::immutable_text_part(hash, "/flat", state.app.package_documents(&hash).await?.flat);
    Ok(respond::download(ObjectHash::Package(hash), answer))
}

/// A package with all its dependencies
///
/// However deep, in one answer: each package stands after those that it refers to.
#[utoipa::path(get, path = "/packages/{hash}/closure", tag = "Packages", operation_id = "package_closure",
    params(("hash" = PackageHash, Path, description = "The package")),
    responses((status = 200, description = "The closure", body = PackageClosure), Lookup))]
pub(super) async fn closure(State(state): State<ApiState>, HashInPath(hash): HashInPath<PackageHash>) -> Answer {
    let documents = state.app.package_documents(&hash).await?;
    let answer = respond::immutable_json_part(hash, "/closure", documents.closure_json);
    Ok(respond::download(ObjectHash::Package(hash), answer))
}
