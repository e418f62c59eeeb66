//! Answers.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use registry_core::wire::Published;
use serde::Serialize;

/// What a hash names never changes, so whoever has it may keep it for ever: a year, as caches understand it.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const WASM: HeaderValue = HeaderValue::from_static("application/wasm");

/// A value as JSON.
pub(super) fn json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => ([(header::CONTENT_TYPE, JSON)], body).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// 201 for what is new, 200 for what was there.
pub(super) fn published(published: &Published<impl Serialize>) -> Response {
    let status = if published.created { StatusCode::CREATED } else { StatusCode::OK };
    (status, json(published)).into_response()
}

/// JSON about something that a hash names.
pub(super) fn immutable_json(value: &impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, IMMUTABLE)], json(value)).into_response()
}

/// Something that a hash names, written as JSON already.
pub(super) fn immutable_json_bytes(body: Bytes) -> Response {
    immutable(JSON, body)
}

/// A text that a hash names.
pub(super) fn immutable_text(body: Bytes) -> Response {
    immutable(TEXT, body)
}

/// WebAssembly that a hash names.
pub(super) fn immutable_wasm(body: Bytes) -> Response {
    immutable(WASM, body)
}

fn immutable(content_type: HeaderValue, body: Bytes) -> Response {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, IMMUTABLE)], body).into_response()
}
