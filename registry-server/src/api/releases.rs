//! `/v1/releases` and `/v1/missing`.

use super::ApiState;
use super::body::{SizeLimit, read};
use super::document::{ExactVersion, Identifier, Lookup, Upload};
use super::error::ApiError;
use super::extract::{NameInPath, ReleaseInPath, content_type, unsupported};
use super::respond;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use registry_core::wire::{MissingRequest, MissingResponse, Release, ReleaseList};

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
