//! Which form of an answer is sent: compressed or not, and nothing at all to those who have it already.

use super::error::ApiError;
use crate::limits::COMPRESSED_SIZE_BYTES_MIN;
use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::headers::{ETag, HeaderMapExt, IfNoneMatch};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

/// What the headers say about the content that is sent.
const OF_CONTENT: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    header::CONTENT_DISPOSITION,
    header::TRANSFER_ENCODING,
];

/// Compresses answers for those who accept it. The fastest level: what is large here is read once and then kept.
pub(super) fn compression() -> CompressionLayer<SizeAbove> {
    CompressionLayer::new().quality(CompressionLevel::Fastest).compress_when(SizeAbove::new(COMPRESSED_SIZE_BYTES_MIN))
}

/// Stands around the compression.
pub(super) async fn choose(mut request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    if !is_read {
        // The compression refuses encodings only after the handler ran, and what was written cannot be refused then.
        request.headers_mut().remove(header::ACCEPT_ENCODING);
    }
    let held = request.headers().typed_get::<IfNoneMatch>().filter(|_| is_read);
    let mut response = next.run(request).await;
    if response.status() == StatusCode::NOT_ACCEPTABLE {
        return not_acceptable().into_response();
    }
    weaken_tag(&mut response);
    match (held, response.headers().typed_get::<ETag>()) {
        (Some(held), Some(tag)) if !held.precondition_passes(&tag) => not_modified(response),
        _ => response,
    }
}

/// A strong tag promises the very same bytes, and compressed ones are others.
fn weaken_tag(response: &mut Response) {
    let headers = response.headers_mut();
    if !headers.contains_key(header::CONTENT_ENCODING) {
        return;
    }
    let strong = headers.get(header::ETAG).filter(|tag| tag.as_bytes().starts_with(b"\""));
    let weak = strong.and_then(|tag| HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()).ok());
    if let Some(weak) = weak {
        headers.insert(header::ETAG, weak);
    }
}

/// The answer without its content and the headers that describe it. What else its headers say may be news.
fn not_modified(response: Response) -> Response {
    let mut answer = StatusCode::NOT_MODIFIED.into_response();
    *answer.headers_mut() = response.into_parts().0.headers;
    for name in OF_CONTENT {
        answer.headers_mut().remove(name);
    }
    answer
}

fn not_acceptable() -> ApiError {
    let message = "the `accept-encoding` header leaves no encoding that there is";
    ApiError::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", message, Some("accept `identity` or `gzip`"))
}
