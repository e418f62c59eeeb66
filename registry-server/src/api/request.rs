//! What happens around every request: an id, a time limit, one line in the log, and nothing internal in the answer.

use super::error::{ApiError, Refusal};
use super::respond::Download;
use super::{ApiState, oci, unread};
use crate::app::{InternalError, TOKEN_PREFIX};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use futures::FutureExt;
use registry_core::with_causes;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tracing::field::Empty;
use tracing::{Instrument, debug, error, info, info_span};

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Handles one request.
pub(super) async fn handle(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let id = RequestId::next();
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let path = request.uri().path().to_owned();
    let (account, token) = (Empty, Empty);
    let span =
        info_span!("request", %id, method = %request.method(), route, path = without_tokens(&path), account, token);
    let is_knock = oci::is_knock(&request);
    let (parts, body) = request.into_parts();
    let (body, was_read) = unread::watch(body, state.app.limits());
    let request = Request::from_parts(parts, body);
    let (duration_max, method) = (state.app.limits().request_duration_max, request.method().clone());
    async move {
        let started = Instant::now();
        let mut response = answer(request, next, duration_max).await.unwrap_or_else(|error| error.at(&path));
        if let Some(failure) = response.extensions_mut().remove::<Arc<InternalError>>() {
            error!(%id, "request {id} failed: {}", with_causes(&*failure));
            response = opaque(response.status(), &id).at(&path);
        }
        count_download(&state, &method, &mut response);
        let (status, duration_ms) = (response.status().as_u16(), started.elapsed().as_millis() as u64);
        match response.extensions_mut().remove::<Refusal>() {
            Some(_) if is_knock => debug!(status, duration_ms, "told how to prove who asks"),
            Some(Refusal(code)) => info!(status, duration_ms, code, "refused"),
            None => info!(status, duration_ms, "answered"),
        }
        finish(response, &id, was_read.get())
    }
    .instrument(span)
    .await
}

async fn answer(request: Request, next: Next, duration_max: Duration) -> Result<Response, ApiError> {
    let handled = AssertUnwindSafe(next.run(request)).catch_unwind();
    match timeout(duration_max, handled).await {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(_)) => Err(InternalError::HandlerPanicked.into()),
        Err(_) => {
            let message = format!("the request took longer than {} s", duration_max.as_secs());
            Err(ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "request_timeout", message, Some("try again")))
        }
    }
}

/// The path as the log may show it: somebody may have put a token into the address by mistake.
fn without_tokens(path: &str) -> String {
    let hide = |segment: &str| match segment.split_once(TOKEN_PREFIX) {
        Some((before, _)) => format!("{before}{TOKEN_PREFIX}…"),
        None => segment.to_owned(),
    };
    path.split('/').map(hide).collect::<Vec<_>>().join("/")
}

/// Counts what is sent: not what is only asked about, and not what the client has already.
fn count_download(state: &ApiState, method: &Method, response: &mut Response) {
    let Some(Download(hash)) = response.extensions_mut().remove::<Download>() else { return };
    if method == Method::GET && response.status().is_success() {
        state.app.count_download(hash);
    }
}

/// An answer that says nothing but where to look in the log.
fn opaque(status: StatusCode, id: &RequestId) -> ApiError {
    let message = format!("the registry failed on request `{id}`");
    let hint = Some("tell the registry's operator this request's id; the log says more");
    ApiError::new(status, "internal", message, hint)
}

fn finish(mut response: Response, id: &RequestId, body_was_read: bool) -> Response {
    let headers = response.headers_mut();
    // What people publish is text, and no browser shall guess that it is a page.
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if !body_was_read {
        // The rest of the body stands where the next request would.
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
    response
}

/// Names one request in the log and in its answer. The first half tells apart runs of the server.
struct RequestId {
    run: u32,
    number: u64,
}

impl RequestId {
    fn next() -> Self {
        static RUN: LazyLock<u32> = LazyLock::new(|| RandomState::new().hash_one(0) as u32);
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        Self { run: *RUN, number: NUMBER.fetch_add(1, Ordering::Relaxed) }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}", self.run, self.number)
    }
}
