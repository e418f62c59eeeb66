//! Answers, and how long others may keep them.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use registry_core::id::ObjectHash;
use registry_core::wire::Published;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::fmt::Display;

/// What a hash names never changes, so whoever has it may keep it for ever: a year, as caches understand it.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// What a name stands for can change: a release is added or yanked.
const SHORT: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// What holds at this moment only.
const NEVER: HeaderValue = HeaderValue::from_static("no-store");

/// Bytes of the sha256 that tag an answer which no hash of its own names.
const TAG_SIZE_BYTES: usize = 16;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// A value as JSON, about whose keeping nothing is said: errors, and what was written.
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

/// JSON that nobody keeps.
pub(super) fn momentary_json(value: &impl Serialize) -> Response {
    ([(header::CACHE_CONTROL, NEVER)], json(value)).into_response()
}

/// JSON about something that stands under a name: kept for a minute, and tagged by its own bytes.
pub(super) fn named_json(value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => named(JSON, body.into()),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Something that stands under a name, written already.
pub(super) fn named(content_type: HeaderValue, body: Bytes) -> Response {
    let digest = Sha256::digest(&body);
    let tag = tag(hex::encode(digest.get(..TAG_SIZE_BYTES).unwrap_or(&digest)), "");
    tagged(content_type, SHORT, tag, body)
}

/// Bytes that a name stands for at the moment, under their own entity tag.
pub(super) fn named_bytes(content_type: HeaderValue, tag: Option<HeaderValue>, body: Bytes) -> Response {
    tagged(content_type, SHORT, tag, body)
}

/// JSON about something that a hash names.
pub(super) fn immutable_json(hash: impl Display, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => immutable(JSON, tag(hash, ""), Bytes::from(body)),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A part of what a hash names, such as `/closure`, written as JSON already.
pub(super) fn immutable_json_part(hash: impl Display, part: &str, body: Bytes) -> Response {
    immutable(JSON, tag(hash, part), body)
}

/// A text that belongs to what a hash names, such as `/flat`.
pub(super) fn immutable_text_part(hash: impl Display, part: &str, body: Bytes) -> Response {
    immutable(TEXT, tag(hash, part), body)
}

/// Bytes that never change, under an entity tag.
pub(super) fn immutable(content_type: HeaderValue, tag: Option<HeaderValue>, body: impl IntoResponse) -> Response {
    tagged(content_type, IMMUTABLE, tag, body)
}

/// What an answer is a download of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Download(pub(super) ObjectHash);

/// An answer that counts as a download, if it is sent.
pub(super) fn download(hash: ObjectHash, mut response: Response) -> Response {
    response.extensions_mut().insert(Download(hash));
    response
}

/// The strong entity tag of a hash, or of a part of what it names.
pub(super) fn tag(hash: impl Display, part: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("\"{hash}{part}\"")).ok()
}

fn tagged(content_type: HeaderValue, keep: HeaderValue, tag: Option<HeaderValue>, body: impl IntoResponse) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, keep)];
    let tag = tag.map(|tag| [(header::ETAG, tag)]);
    match tag {
        Some(tag) => (headers, tag, body).into_response(),
        None => (headers, body).into_response(),
    }
}
