//! `/v2`: the OCI distribution API, version 1.1 (<https://github.com/opencontainers/distribution-spec>).
//!
//! Its errors have a shape of their own, and its clients prove who they are in ways of their own. What is published and
//! who may do so is decided by the same rules as everywhere.

mod auth;
mod error;
mod extract;

use super::ApiState;
use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use error::OciError;

/// The routes below `/v2`.
pub(super) fn router(state: &ApiState) -> Router<ApiState> {
    let repositories = Router::new().route("/", get(ping));
    repositories
        .fallback(error::unknown_route)
        .method_not_allowed_fallback(error::unknown_method)
        .layer(from_fn_with_state(state.clone(), auth::challenge))
}

/// Whether this is such a registry, and whether the caller's credentials are good. Clients look at the challenge of the
/// refusal alone to learn how they can prove who they are, so it comes even where everybody may read.
async fn ping(State(state): State<ApiState>, headers: HeaderMap) -> Result<Response, OciError> {
    auth::required(&headers, &state).await?;
    Ok(axum::Json(serde_json::json!({})).into_response())
}
