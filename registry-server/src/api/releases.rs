//! `/v1/releases` and `/v1/missing`.

use super::ApiState;
use super::body::{SizeLimit, read};
use super::error::ApiError;
use super::extract::{NameInPath, ReleaseInPath, content_type, unsupported};
use super::respond;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

type Answer = Result<Response, ApiError>;

pub(super) async fn list(State(state): State<ApiState>, NameInPath(namespace, name): NameInPath) -> Answer {
    Ok(respond::json(&state.app.releases(&namespace, &name).await?))
}

pub(super) async fn release(State(state): State<ApiState>, ReleaseInPath(name): ReleaseInPath) -> Answer {
    Ok(respond::immutable_json(&state.app.release(name).await?))
}

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
