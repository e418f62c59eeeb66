//! Pages of any origin may read, and none may write or send what a browser keeps for the user.

use super::error::unknown_route;
use super::request::REQUEST_ID;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Duration;
use tower_http::cors::{Any, CorsLayer};

/// How long a browser may remember what is allowed.
const REMEMBERED_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What pages may look at besides what is always open to them.
const EXPOSED: [HeaderName; 9] = [
    header::CONTENT_RANGE,
    header::ETAG,
    header::LINK,
    header::RETRY_AFTER,
    header::WARNING,
    REQUEST_ID,
    HeaderName::from_static("docker-content-digest"),
    HeaderName::from_static("oci-filters-applied"),
    HeaderName::from_static("registry-hash"),
];

pub(super) fn reads() -> CorsLayer {
    let no_variation: [HeaderName; 0] = [];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::OPTIONS])
        .allow_headers([header::AUTHORIZATION, header::IF_NONE_MATCH, header::IF_RANGE, header::RANGE])
        .expose_headers(EXPOSED)
        .max_age(REMEMBERED_MAX)
        .vary(no_variation)
}

/// Answers OPTIONS for what is not there: the layer above would take it for a browser's question whether it may ask.
pub(super) async fn options(request: Request, next: Next) -> Response {
    let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let is_known = request.extensions().get::<MatchedPath>().is_some();
    if request.method() != Method::OPTIONS || asks || is_known {
        return next.run(request).await;
    }
    unknown_route(request.uri().clone()).await.at(request.uri().path())
}
