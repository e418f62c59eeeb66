//! `/v1/releases` and `/v1/missing`.

use super::ApiState;
use super::access::Authenticated;
use super::body::{SizeLimit, read, read_json};
use super::document::{ExactVersion, Guarded, Identifier, Lookup, Upload};
use super::error::ApiError;
use super::extract::{NameInPath, ReleaseInPath, content_type, unsupported};
use super::respond;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use registry_core::wire::{Deprecation, MissingRequest, MissingResponse, Release, ReleaseList, YankRequest};

type Answer = Result<Response, ApiError>;

/// All releases of a name
///
/// The highest version first; a pre-release stands below its release.
#[utoipa::path(get, path = "/releases/{namespace}/{name}", tag = "Names", operation_id = "releases",
    params(
        ("namespace" = Identifier, Path, description = "The namespace"),
        ("name" = Identifier, Path, description = "The name"),
    ),
    responses((status = 200, description = "The releases", body = ReleaseList), Lookup))]
pub(super) async fn list(State(state): State<ApiState>, NameInPath(namespace, name): NameInPath) -> Answer {
    Ok(respond::named_json(&state.app.releases(&namespace, &name).await?))
}

/// One release
///
/// Its name and its hash never change; what stands beside them may.
#[utoipa::path(get, path = "/releases/{namespace}/{name}/{version}", tag = "Names", operation_id = "release",
    params(
        ("namespace" = Identifier, Path, description = "The namespace"),
        ("name" = Identifier, Path, description = "The name"),
        ("version" = ExactVersion, Path, description = "The version"),
    ),
    responses((status = 200, description = "The release", body = Release), Lookup))]
pub(super) async fn release(State(state): State<ApiState>, ReleaseInPath(name): ReleaseInPath) -> Answer {
    Ok(respond::named_json(&state.app.release(name).await?))
}

/// Yank a release
///
/// New projects do not resolve to it any more. It is still there by hash and for locks.
#[utoipa::path(put, path = "/releases/{namespace}/{name}/{version}/yank", tag = "Names",
    operation_id = "yank",
    params(
        ("namespace" = Identifier, Path, description = "The namespace"),
        ("name" = Identifier, Path, description = "The name"),
        ("version" = ExactVersion, Path, description = "The version"),
    ),
    request_body = YankRequest,
    responses((status = 200, description = "The release as it is now", body = Release), Upload, Lookup, Guarded),
    security(("token" = ["yank"])))]
pub(super) async fn yank(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    ReleaseInPath(name): ReleaseInPath,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let upload = read_json(&state, &headers, body).await?;
    Ok(respond::json(&state.app.yank(&caller, &name, &upload.bytes).await?))
}

/// Take a yank back
///
/// New projects may resolve to the release again, if it is compatible with what was published meanwhile.
#[utoipa::path(delete, path = "/releases/{namespace}/{name}/{version}/yank", tag = "Names",
    operation_id = "unyank",
    params(
        ("namespace" = Identifier, Path, description = "The namespace"),
        ("name" = Identifier, Path, description = "The name"),
        ("version" = ExactVersion, Path, description = "The version"),
    ),
    responses((status = 200, description = "The release as it is now", body = Release),
        (status = 422, description = "It breaks what was published meanwhile", body = registry_core::wire::ErrorBody),
        Lookup, Guarded),
    security(("token" = ["yank"])))]
pub(super) async fn unyank(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    ReleaseInPath(name): ReleaseInPath,
) -> Answer {
    Ok(respond::json(&state.app.unyank(&caller, &name).await?))
}

/// Deprecate a release
///
/// Its users are told, and where to go.
#[utoipa::path(put, path = "/releases/{namespace}/{name}/{version}/deprecation", tag = "Names",
    operation_id = "deprecate",
    params(
        ("namespace" = Identifier, Path, description = "The namespace"),
        ("name" = Identifier, Path, description = "The name"),
        ("version" = ExactVersion, Path, description = "The version"),
    ),
    request_body = Deprecation,
    responses((status = 200, description = "The release as it is now", body = Release), Upload, Lookup, Guarded),
    security(("token" = ["yank"])))]
pub(super) async fn deprecate(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    ReleaseInPath(name): ReleaseInPath,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let upload = read_json(&state, &headers, body).await?;
    Ok(respond::json(&state.app.deprecate(&caller, &name, &upload.bytes).await?))
}

/// Take a deprecation back
///
/// Users of the release are told nothing any more.
#[utoipa::path(delete, path = "/releases/{namespace}/{name}/{version}/deprecation", tag = "Names",
    operation_id = "undeprecate",
    params(
        ("namespace" = Identifier, Path, description = "The namespace"),
        ("name" = Identifier, Path, description = "The name"),
        ("version" = ExactVersion, Path, description = "The version"),
    ),
    responses((status = 200, description = "The release as it is now", body = Release), Lookup, Guarded),
    security(("token" = ["yank"])))]
pub(super) async fn undeprecate(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    ReleaseInPath(name): ReleaseInPath,
) -> Answer {
    Ok(respond::json(&state.app.undeprecate(&caller, &name).await?))
}

/// Which of these are not here
///
/// In the order of the question.
#[utoipa::path(post, path = "/missing", tag = "Names", operation_id = "missing", request_body = MissingRequest,
    responses((status = 200, description = "Those that are not here", body = MissingResponse), Upload))]
pub(super) async fn missing(State(state): State<ApiState>, headers: HeaderMap, body: Body) -> Answer {
    match content_type(&headers).as_deref() {
        Some("application/json") => {}
        other => return Err(unsupported(other, "`application/json`")),
    }
    let size_bytes_max = state.app.limits().missing_json_size_bytes_max;
    let limit = SizeLimit { size_bytes_max, name: "missing_json_size_bytes_max" };
    let upload = read(&state, &headers, body, limit).await?;
    Ok(respond::json(&state.app.missing(&upload.bytes).await?))
}
