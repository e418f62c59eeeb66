//! Pages of any origin may read, and none may write or send what a browser keeps for the user.

use super::request::REQUEST_ID;
use axum::http::{HeaderName, Method, header};
use std::time::Duration;
use tower_http::cors::{Any, CorsLayer};

/// How long a browser may remember what is allowed.
const REMEMBERED_MAX: Duration = Duration::from_secs(24 * 60 * 60);

pub(super) fn reads() -> CorsLayer {
    let no_variation: [HeaderName; 0] = [];
    CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET, Method::HEAD, Method::OPTIONS])
        .allow_headers([header::AUTHORIZATION, header::IF_NONE_MATCH, header::IF_RANGE, header::RANGE])
        .expose_headers([header::CONTENT_RANGE, header::ETAG, header::RETRY_AFTER, REQUEST_ID])
        .max_age(REMEMBERED_MAX)
        .vary(no_variation)
}
