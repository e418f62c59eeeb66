//! A part of bytes that never change, for downloads that are continued (RFC 9110, section 14).

use super::error::ApiError;
use super::respond;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum_extra::headers::{ContentRange, ETag, HeaderMapExt, IfRange};
use bytes::Bytes;
use registry_core::id::{ComponentHash, ObjectHash};
use std::ops::Range;

const WASM: HeaderValue = HeaderValue::from_static("application/wasm");
const BYTES: HeaderValue = HeaderValue::from_static("bytes");

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Everything.
    Whole,
    /// Some bytes, at least one.
    Part(Range<usize>),
    /// Bytes that are not there.
    Outside,
}

/// Answers with a component's bytes, or with the part of them that the request asks for.
pub(super) fn wasm(method: &Method, headers: &HeaderMap, hash: &ComponentHash, bytes: Bytes) -> Response {
    let asked = asked(method, headers, respond::tag(hash, ""), bytes.len());
    let reaches_end = match &asked {
        Asked::Whole => true,
        Asked::Part(part) => part.end == bytes.len(),
        Asked::Outside => false,
    };
    let mut response = match asked {
        Asked::Whole => respond::immutable(WASM, respond::tag(hash, ""), bytes),
        Asked::Part(part) => partial(hash, &bytes, part),
        Asked::Outside => outside(hash, bytes.len()),
    };
    response.headers_mut().insert(header::ACCEPT_RANGES, BYTES);
    // A download in several parts is one download, when it ends.
    if reaches_end { respond::download(ObjectHash::Component(*hash), response) } else { response }
}

/// What a request asks for of `size_bytes` bytes under an entity tag.
pub(super) fn asked(method: &Method, headers: &HeaderMap, tag: Option<HeaderValue>, size_bytes: usize) -> Asked {
    let Some(value) = headers.get(header::RANGE).and_then(|value| value.to_str().ok()) else { return Asked::Whole };
    let tag: Option<ETag> = tag.and_then(|tag| tag.to_str().ok()?.parse().ok());
    let is_other = headers.typed_get::<IfRange>().is_some_and(|held| held.is_modified(tag.as_ref(), None));
    // An `If-Range` that cannot be read is one that does not hold.
    let is_unreadable = headers.contains_key(header::IF_RANGE) && headers.typed_get::<IfRange>().is_none();
    if method != Method::GET || is_other || is_unreadable {
        return Asked::Whole;
    }
    parse(value, size_bytes)
}

/// Several ranges, and what is no range, are answered with everything, as the RFC allows.
fn parse(value: &str, size_bytes: usize) -> Asked {
    let Some((unit, range)) = value.split_once('=') else { return Asked::Whole };
    let Some((first, last)) = range.trim().split_once('-') else { return Asked::Whole };
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !unit.trim().eq_ignore_ascii_case("bytes") || !is_number(first) || !is_number(last) {
        return Asked::Whole;
    }
    // Digits alone can only fail to be a number because it is too large.
    let number = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap_or(usize::MAX));
    let part = match (number(first), number(last)) {
        (None, None) => return Asked::Whole,
        // The RFC allows to ignore it as well, but then nobody would learn that it is wrong.
        (Some(first), Some(last)) if last < first => return Asked::Outside,
        (Some(first), last) => first..last.map_or(size_bytes, |last| last.saturating_add(1).min(size_bytes)),
        (None, Some(count)) => size_bytes.saturating_sub(count)..size_bytes,
    };
    if part.is_empty() { Asked::Outside } else { Asked::Part(part) }
}

fn partial(hash: &ComponentHash, bytes: &Bytes, part: Range<usize>) -> Response {
    let content_range = ContentRange::bytes(part.start as u64..part.end as u64, bytes.len() as u64);
    let mut response = respond::immutable(WASM, respond::tag(hash, ""), bytes.slice(part));
    if let Ok(content_range) = content_range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response.headers_mut().typed_insert(content_range);
    }
    response
}

fn outside(hash: &ComponentHash, size_bytes: usize) -> Response {
    let message = format!("the component has {size_bytes} bytes; the `range` header asks for others");
    let hint = Some("ask for bytes that are there, or leave the header out");
    let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", message, hint);
    let mut response = error.into_response();
    response.headers_mut().typed_insert(ContentRange::unsatisfied_bytes(size_bytes as u64));
    if let Some(tag) = respond::tag(hash, "") {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::{Asked, parse};

    #[test]
    fn one_range_is_a_part_and_everything_else_is_the_whole_or_outside() {
        let table = [
            ("bytes=0-9", Asked::Part(0..10)),
            ("bytes=0-0", Asked::Part(0..1)),
            ("bytes=90-", Asked::Part(90..100)),
            ("bytes=90-1000", Asked::Part(90..100)),
            ("bytes=99-99999999999999999999999999", Asked::Part(99..100)),
            ("bytes=-10", Asked::Part(90..100)),
            ("bytes=-1000", Asked::Part(0..100)),
            ("Bytes = 0-9", Asked::Part(0..10)),
            ("bytes=100-", Asked::Outside),
            ("bytes=100-200", Asked::Outside),
            ("bytes=99999999999999999999999999-", Asked::Outside),
            ("bytes=-0", Asked::Outside),
            ("bytes=9-0", Asked::Outside),
            ("bytes=-", Asked::Whole),
            ("bytes=", Asked::Whole),
            ("bytes", Asked::Whole),
            ("bytes=0-9,20-29", Asked::Whole),
            ("bytes=+0-9", Asked::Whole),
            ("bytes=0--9", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("lines=0-9", Asked::Whole),
        ];
        for (value, expected) in table {
            assert_eq!(parse(value, 100), expected, "{value}");
        }
        assert_eq!(parse("bytes=0-", 0), Asked::Outside);
    }
}
