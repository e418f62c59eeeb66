//! The HTTP API (`docs/api.md`): extract, call the application, respond.

mod body;
mod components;
mod error;
mod extract;
mod health;
mod packages;
mod releases;
mod request;
mod respond;
mod unread;

use crate::app::App;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What every handler can reach.
#[derive(Debug, Clone)]
pub(crate) struct ApiState {
    app: Arc<App>,
    /// One permit for each KiB of uploads in memory.
    upload_memory: Arc<Semaphore>,
}

/// All routes of the server.
pub(crate) fn router(app: Arc<App>) -> Router {
    let upload_memory = Arc::new(Semaphore::new(app.limits().uploads_size_bytes_max / body::PERMIT_SIZE_BYTES));
    let state = ApiState { app, upload_memory };
    Router::new()
        .nest("/v1", version_1())
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(error::unknown_route)
        .method_not_allowed_fallback(error::unknown_method)
        .layer(from_fn_with_state(state.clone(), request::handle))
        .with_state(state)
}

fn version_1() -> Router<ApiState> {
    Router::new()
        .route("/packages", post(packages::publish))
        .route("/packages/{hash}", get(packages::record))
        .route("/packages/{hash}/wit", get(packages::wit))
        .route("/packages/{hash}/flat", get(packages::flat))
        .route("/packages/{hash}/closure", get(packages::closure))
        .route("/components", post(components::publish))
        .route("/components/{hash}", get(components::record))
        .route("/components/{hash}/wasm", get(components::wasm))
        .route("/components/{hash}/wit", get(components::wit))
        .route("/components/{hash}/flat", get(components::flat))
        .route("/components/{hash}/closure", get(components::closure))
        .route("/releases/{namespace}/{name}", get(releases::list))
        .route("/releases/{namespace}/{name}/{version}", get(releases::release))
        .route("/missing", post(releases::missing))
}
