//! `/health`: for those who run the server.

use super::ApiState;
use super::error::ApiError;
use super::respond;
use crate::app::AppError;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;

#[derive(Serialize)]
struct Health {
    status: &'static str,
}

/// The process answers.
pub(super) async fn live() -> Response {
    respond::json(&Health { status: "live" })
}

/// The database and the blob store answer.
pub(super) async fn ready(State(state): State<ApiState>) -> Result<Response, ApiError> {
    match state.app.ready().await {
        Ok(()) => Ok(respond::json(&Health { status: "ready" })),
        Err(error) => Err(not_ready(error)),
    }
}

/// Keeps what failed for the log, and tells a load balancer to send requests elsewhere.
fn not_ready(error: AppError) -> ApiError {
    ApiError::from(error).with_status(StatusCode::SERVICE_UNAVAILABLE)
}
