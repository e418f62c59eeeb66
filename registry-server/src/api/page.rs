//! Lists that come page by page: how long a page is, and what the next one begins after.

use super::error::ApiError;
use crate::app::AppError;
use crate::limits::ServerLimits;
use axum::http::StatusCode;
use registry_core::limits::LimitExceeded;

/// How many items a page has.
///
/// # Errors
/// If it is none, or more than the limit.
pub(super) fn length(asked: Option<usize>, limits: &ServerLimits) -> Result<usize, ApiError> {
    let length = asked.unwrap_or(limits.page_items_default);
    if length == 0 {
        return Err(ApiError::new(StatusCode::BAD_REQUEST, "invalid_query", "a page of no items was asked for", None));
    }
    let max = limits.page_items_max;
    LimitExceeded::check("the number of items on a page", length, max, "page_items_max")
        .map_err(ApiError::in_address)?;
    Ok(length)
}

/// What the next page begins after, as text whose form is nobody's business.
pub(super) fn cursor(key: &[&str]) -> String {
    hex::encode(key.join("\n"))
}

/// The key in a cursor; nothing for the first page.
///
/// Anybody can write a cursor, which is no harm: it begins a page in another place. But it holds what keys are made of.
///
/// # Errors
/// `invalid_cursor`.
pub(super) fn key<const PARTS: usize>(
    cursor: Option<&str>,
    limits: &ServerLimits,
) -> Result<Option<[String; PARTS]>, ApiError> {
    let Some(cursor) = cursor else { return Ok(None) };
    let is_possible = !cursor.is_empty() && cursor.len() <= limits.cursor_size_bytes_max;
    let decoded = is_possible.then_some(cursor).and_then(decode);
    let parts: Option<[String; PARTS]> = decoded.and_then(|parts| parts.try_into().ok());
    parts.map(Some).ok_or_else(invalid_cursor)
}

fn decode(cursor: &str) -> Option<Vec<String>> {
    let text = String::from_utf8(hex::decode(cursor).ok()?).ok()?;
    let parts: Vec<String> = text.split('\n').map(str::to_owned).collect();
    let is_plain = |part: &String| !part.chars().any(char::is_control);
    parts.iter().all(is_plain).then_some(parts)
}

/// A cursor that no page ended with.
pub(super) fn invalid_cursor() -> ApiError {
    ApiError::from(AppError::Cursor).with_status(StatusCode::BAD_REQUEST)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{cursor, key};
    use crate::limits::ServerLimits;

    #[test]
    fn a_cursor_holds_its_key_and_nothing_else_is_one() {
        let limits = ServerLimits::default();
        let parts = ["name", "wasi", "größe", ""];
        let found: [String; 4] = key(Some(&cursor(&parts)), &limits).unwrap().unwrap();
        assert_eq!(found, parts);
        assert!(key::<2>(None, &limits).unwrap().is_none());
        let (long, nul, other) = ("61".repeat(10_000), hex::encode("a\0\nb"), hex::encode(b"\xff\xfe\nb"));
        for text in ["", "a", "zz", "%", "' OR 1=1", &long, &nul, &other, &cursor(&["a"]), &cursor(&["a", "b", "c"])] {
            assert!(key::<2>(Some(text), &limits).is_err(), "{text}");
        }
    }
}
