//! `/v2`: the OCI distribution API, version 1.1 (<https://github.com/opencontainers/distribution-spec>).
//!
//! Its errors have a shape of their own, and its clients prove who they are in ways of their own. What is published and
//! who may do so is decided by the same rules as everywhere.

mod auth;
mod blobs;
mod error;
mod extract;
mod manifests;
mod referrers;
mod tags;
mod token;
mod uploads;

use super::{ApiState, respond};
use crate::oci::Repository;
use auth::Pusher;
use axum::Router;
use axum::extract::Request;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
pub(super) use error::OciError;

/// The routes below `/v2`.
pub(super) fn router(state: &ApiState) -> Router<ApiState> {
    // Clients begin an upload with a slash at the end, as the specification has it, and some without.
    let begin = || post(uploads::begin);
    let upload = get(uploads::status).patch(uploads::append).put(uploads::finish).delete(uploads::cancel);
    let manifest = get(manifests::pull).put(manifests::push).delete(manifests::delete);
    let repositories = Router::new()
        .route("/", get(ping))
        .route(token::PATH, get(token::by_header).post(token::by_form))
        .route("/{namespace}/{name}/blobs/uploads/", begin())
        .route("/{namespace}/{name}/blobs/uploads", begin())
        .route("/{namespace}/{name}/blobs/uploads/{upload}", upload)
        .route("/{namespace}/{name}/blobs/{digest}", get(blobs::blob).delete(blobs::delete))
        .route("/{namespace}/{name}/manifests/{reference}", manifest)
        .route("/{namespace}/{name}/tags/list", get(tags::list))
        .route("/{namespace}/{name}/referrers/{digest}", get(referrers::list));
    repositories
        .fallback(error::unknown_route)
        .method_not_allowed_fallback(error::unknown_method)
        .layer(from_fn_with_state(state.clone(), auth::admit))
}

/// `/v2/`. A nested router answers `/v2` alone.
pub(super) fn root(state: &ApiState) -> MethodRouter<ApiState> {
    get(ping).fallback(error::unknown_method).layer(from_fn_with_state(state.clone(), auth::admit))
}

/// Whether this is such a registry, and whether the caller's credentials are good. Clients look at the challenge of the
/// refusal alone to learn how they can prove who they are, so it comes even where everybody may read.
async fn ping(_: Pusher) -> Response {
    respond::momentary_json(&serde_json::json!({}))
}

/// Whether an address is one of this API.
pub(super) fn has(path: &str) -> bool {
    path.strip_prefix("/v2").is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a client only looks for the challenges: most do before they send what they have.
pub(super) fn is_knock(request: &Request) -> bool {
    matches!(request.uri().path(), "/v2" | "/v2/") && !request.headers().contains_key(header::AUTHORIZATION)
}

/// The repository that an address below `/v2` is about.
fn repository_of(path: &str) -> Option<Repository> {
    let mut parts = path.strip_prefix('/')?.splitn(3, '/');
    let (namespace, name, _) = (parts.next()?, parts.next()?, parts.next()?);
    Repository::new(namespace, name).ok()
}
