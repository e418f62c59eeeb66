//! Pages for people.

use super::document::document;
use super::respond;
use crate::web;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use std::sync::LazyLock;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const CSS: HeaderValue = HeaderValue::from_static("text/css; charset=utf-8");

/// No script, nothing from elsewhere, in nobody's frame.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// The first page
///
/// What this registry answers, for people.
#[utoipa::path(get, path = "/", tag = "Pages", operation_id = "front_page",
    responses((status = 200, description = "The page", body = String, content_type = "text/html")))]
pub(super) async fn front() -> Response {
    api().await
}

/// This API as a page
///
/// The same as `/openapi.json`, for people.
#[utoipa::path(get, path = "/api", tag = "Pages", operation_id = "api_page",
    responses((status = 200, description = "The page", body = String, content_type = "text/html")))]
pub(super) async fn api() -> Response {
    static PAGE: LazyLock<Bytes> = LazyLock::new(|| web::api_page(document()).into_string().into());
    ([(header::CONTENT_SECURITY_POLICY, PAGE_POLICY)], respond::named(HTML, PAGE.clone())).into_response()
}

/// How the pages look
#[utoipa::path(get, path = "/style.css", tag = "Pages", operation_id = "style",
    responses((status = 200, description = "The style sheet", body = String, content_type = "text/css")))]
pub(super) async fn style() -> Response {
    respond::named(CSS, Bytes::from_static(web::STYLE.as_bytes()))
}
