//! The one shape of every error.

use super::oci::{self, OciError};
use super::respond;
use crate::app::{AppError, InternalError, OciFault};
use crate::limits::ERROR_MESSAGE_CHARS_MAX;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use registry_core::limits::LimitExceeded;
use registry_core::wire::ErrorBody;
use std::sync::Arc;

/// Seconds after which a client may try again.
pub(super) const RETRY_AFTER_S: u64 = 2;

/// An error as it is answered.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    /// What failed inside: not for the client, but for the log.
    failure: Option<Arc<InternalError>>,
}

impl ApiError {
    /// An error of HTTP itself, before the application is asked.
    pub(super) fn new(status: StatusCode, code: &str, message: impl Into<String>, hint: Option<&str>) -> Self {
        Self { status, body: body(code, message.into(), hint), failure: None }
    }

    /// An error in the address, whatever the same text would be in an upload.
    pub(super) fn in_address(error: impl Into<AppError>) -> Self {
        Self::from(error.into()).with_status(StatusCode::BAD_REQUEST)
    }

    /// The status, what is answered, and what is for the log alone.
    pub(super) fn into_parts(self) -> (StatusCode, ErrorBody, Option<Arc<InternalError>>) {
        (self.status, self.body, self.failure)
    }

    /// The same error in the shape of the API that the address belongs to.
    pub(super) fn at(self, path: &str) -> Response {
        if oci::has(path) { OciError::from(self).into_response() } else { self.into_response() }
    }

    /// The same error under another status.
    pub(super) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

impl<E: Into<AppError>> From<E> for ApiError {
    fn from(error: E) -> Self {
        let error = error.into();
        let (code, hint) = error.explain();
        let status = status_of(&error);
        let body = ErrorBody { details: error.details(), ..body(code, error.message(), hint.as_deref()) };
        let failure = match error {
            AppError::Internal(failure) => Some(Arc::new(failure)),
            _ => None,
        };
        Self { status, body, failure }
    }
}

/// The code of the error that an answer is, for the log.
#[derive(Debug, Clone)]
pub(super) struct Refusal(pub(super) String);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, respond::json(&self.body)).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response.extensions_mut().insert(Refusal(self.body.code));
        if let Some(failure) = self.failure {
            response.extensions_mut().insert(failure);
        }
        response
    }
}

fn body(code: &str, message: String, hint: Option<&str>) -> ErrorBody {
    ErrorBody { code: code.to_owned(), message: limited(message), hint: hint.map(str::to_owned), details: Vec::new() }
}

/// A message that is no longer than an answer allows.
pub(super) fn limited(mut message: String) -> String {
    if let Some((end, _)) = message.char_indices().nth(ERROR_MESSAGE_CHARS_MAX) {
        message.truncate(end);
        message.push('…');
    }
    message
}

pub(super) fn status_of(error: &AppError) -> StatusCode {
    match error {
        AppError::NotFound(_) | AppError::NotAPackage(_) => StatusCode::NOT_FOUND,
        AppError::Body(_) => StatusCode::BAD_REQUEST,
        AppError::TokenRequired { .. } | AppError::Token(_) => StatusCode::UNAUTHORIZED,
        AppError::Forbidden { .. } | AppError::NotClaimed { .. } | AppError::NamespaceReserved(_) => {
            StatusCode::FORBIDDEN
        }
        AppError::ReleaseBound { .. }
        | AppError::OtherKind { .. }
        | AppError::NamespaceTaken(_)
        | AppError::NamespaceTooSimilar { .. }
        | AppError::LastOwner { .. }
        // The only one of OCI's errors that others can run into.
        | AppError::Oci(OciFault::TagBound { .. }) => StatusCode::CONFLICT,
        AppError::Limit(LimitExceeded { limit, .. }) if limit.ends_with("size_bytes_max") => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        AppError::Limit(_)
        | AppError::Hash(_)
        | AppError::HashPrefix(_)
        | AppError::Interface(_)
        | AppError::Sha256
        | AppError::Cursor
        | AppError::Name(_)
        | AppError::UnknownAccount(_)
        | AppError::Text { .. }
        | AppError::NestedPackages { .. }
        | AppError::MissingDependencies { .. }
        | AppError::HashMismatch { .. }
        | AppError::Package(_)
        | AppError::Incompatible(_)
        | AppError::Component(_) => StatusCode::UNPROCESSABLE_ENTITY,
        AppError::Oci(_) => StatusCode::BAD_REQUEST,
        AppError::Overloaded => StatusCode::SERVICE_UNAVAILABLE,
        AppError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(super) async fn unknown_route(uri: Uri) -> ApiError {
    let message = format!("there is nothing at `{}`", uri.path());
    ApiError::new(StatusCode::NOT_FOUND, "unknown_route", message, Some("docs/api.md lists the addresses"))
}

pub(super) async fn unknown_method(method: Method, uri: Uri) -> ApiError {
    let message = format!("`{method}` is not possible at `{}`", uri.path());
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        message,
        Some("the `Allow` header lists what is"),
    )
}
