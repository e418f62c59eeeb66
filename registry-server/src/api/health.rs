//! `/health`: for those who run the server.

use super::ApiState;
use super::error::ApiError;
use super::respond;
use crate::app::AppError;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `live` or `ready`.
    status: &'static str,
}

/// Whether the process answers
#[utoipa::path(get, path = "/health/live", tag = "Health", operation_id = "live",
    responses((status = 200, description = "It does", body = Health)))]
pub(super) async fn live() -> Response {
    respond::momentary_json(&Health { status: "live" })
}

/// Whether the database and the content store answer
#[utoipa::path(get, path = "/health/ready", tag = "Health", operation_id = "ready",
    responses((status = 200, description = "They do", body = Health)))]
pub(super) async fn ready(State(state): State<ApiState>) -> Result<Response, ApiError> {
    match state.app.ready().await {
        Ok(()) => Ok(respond::momentary_json(&Health { status: "ready" })),
        Err(error) => Err(not_ready(error)),
    }
}

/// Keeps what failed for the log, and tells a load balancer to send requests elsewhere.
fn not_ready(error: AppError) -> ApiError {
    ApiError::from(error).with_status(StatusCode::SERVICE_UNAVAILABLE)
}
