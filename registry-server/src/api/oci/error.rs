//! Errors as the distribution specification shapes them, with this registry's own reasons.

use crate::api::error::{ApiError, RETRY_AFTER_S, Refusal, limited, status_of};
use crate::api::respond;
use crate::app::{AppError, InternalError, OciFault};
use axum::extract::OriginalUri;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oci_spec::distribution::ErrorCode;
use registry_core::limits::LimitExceeded;
use serde::Serialize;
use std::sync::Arc;

/// An error as an OCI client is answered.
#[derive(Debug)]
pub(in crate::api) struct OciError {
    status: StatusCode,
    /// `None` for what the specification has no code for.
    code: Option<ErrorCode>,
    message: String,
    detail: Detail,
    failure: Option<Arc<InternalError>>,
    /// How many bytes of an upload are there, for those who sent others.
    pub(super) upload_size_bytes: Option<u64>,
    /// Where the upload goes on.
    pub(super) location: Option<String>,
}

/// The shape of the specification.
#[derive(Serialize)]
struct Body<'a> {
    errors: [Entry<'a>; 1],
}

#[derive(Serialize)]
struct Entry<'a> {
    code: Code<'a>,
    message: &'a str,
    detail: &'a Detail,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Code<'a> {
    Standard(&'a ErrorCode),
    Other(&'static str),
}

/// Details of an error that its message repeats.
const DETAILS_SHOWN_MAX: usize = 3;

/// What other registries say where the specification has no code.
const UNKNOWN: &str = "UNKNOWN";

/// What the registry's other clients are told as well.
#[derive(Debug, Default, Serialize)]
struct Detail {
    /// This registry's own word for the error.
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<String>,
}

impl OciError {
    /// An error that the application does not know.
    pub(super) fn new(status: StatusCode, code: ErrorCode, own_code: &str, message: impl Into<String>) -> Self {
        let detail = Detail { code: own_code.to_owned(), ..Detail::default() };
        Self {
            status,
            code: Some(code),
            message: limited(message.into()),
            detail,
            failure: None,
            upload_size_bytes: None,
            location: None,
        }
    }

    /// Most clients show the message alone, so the first of the reasons and what to do about them stand there too.
    fn shown_message(&self) -> String {
        let Detail { hint, details, .. } = &self.detail;
        let mut message = self.message.clone();
        for detail in details.iter().take(DETAILS_SHOWN_MAX) {
            message = format!("{message}; {detail}");
        }
        if details.len() > DETAILS_SHOWN_MAX {
            message = format!("{message}; and {} more", details.len() - DETAILS_SHOWN_MAX);
        }
        match hint {
            Some(hint) => format!("{}; {hint}", limited(message)),
            None => limited(message),
        }
    }
}

impl<E: Into<AppError>> From<E> for OciError {
    fn from(error: E) -> Self {
        let error = error.into();
        let (own_code, hint) = error.explain();
        let (status, code) = standard(&error);
        let hint = where_to_give_tokens(&error).map(str::to_owned).or_else(|| hint.map(|hint| hint.into_owned()));
        let detail = Detail { code: own_code.to_owned(), hint, details: error.details() };
        let message = limited(error.message());
        let upload_size_bytes = match &error {
            AppError::Oci(OciFault::OutOfOrder { size_bytes, .. }) => Some(*size_bytes),
            _ => None,
        };
        let failure = match error {
            AppError::Internal(failure) => Some(Arc::new(failure)),
            _ => None,
        };
        Self { status, code, message, detail, failure, upload_size_bytes, location: None }
    }
}

/// `registry login`, which others are told of, is not where these clients take their tokens from.
fn where_to_give_tokens(error: &AppError) -> Option<&'static str> {
    match error {
        AppError::TokenRequired { is_local: true } => Some(
            "give a token as the password, with any user name; the operator's is in `DATA_DIR/admin-token` of this server",
        ),
        AppError::TokenRequired { is_local: false } | AppError::Token(_) => {
            Some("give a token of this registry as the password, with any user name")
        }
        _ => None,
    }
}

impl IntoResponse for OciError {
    fn into_response(self) -> Response {
        let message = self.shown_message();
        let code = self.code.as_ref().map_or(Code::Other(UNKNOWN), Code::Standard);
        let entry = Entry { code, message: &message, detail: &self.detail };
        // What is not there yet may be in a moment, above all for whoever pushes it.
        let mut response = (self.status, respond::momentary_json(&Body { errors: [entry] })).into_response();
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_S.into());
        }
        if let Some(size_bytes) = self.upload_size_bytes
            && let Ok(range) = format!("0-{}", size_bytes.saturating_sub(1)).parse()
        {
            response.headers_mut().insert(header::RANGE, range);
        }
        if let Some(location) = self.location.and_then(|location| location.parse().ok()) {
            response.headers_mut().insert(header::LOCATION, location);
        }
        response.extensions_mut().insert(Refusal(self.detail.code));
        if let Some(failure) = self.failure {
            response.extensions_mut().insert(failure);
        }
        response
    }
}

/// The status and the code that the specification has for an error. It has few codes; the message says the rest.
fn standard(error: &AppError) -> (StatusCode, Option<ErrorCode>) {
    let code = match error {
        AppError::Oci(fault) => {
            let (status, code) = standard_fault(fault);
            return (status, Some(code));
        }
        AppError::Internal(_) => return (status_of(error), None),
        AppError::NotFound(_) => ErrorCode::ManifestUnknown,
        AppError::TokenRequired { .. } | AppError::Token(_) => ErrorCode::Unauthorized,
        AppError::Forbidden { .. }
        | AppError::NotClaimed { .. }
        | AppError::NamespaceReserved(_)
        | AppError::ReleaseBound { .. }
        | AppError::OtherKind { .. } => ErrorCode::Denied,
        AppError::Limit(LimitExceeded { limit, .. }) if limit.ends_with("size_bytes_max") => ErrorCode::SizeInvalid,
        AppError::Overloaded => ErrorCode::TooManyRequests,
        _ => ErrorCode::ManifestInvalid,
    };
    (status_of(error), Some(code))
}

/// What HTTP itself is answered with, before the application is asked.
impl From<ApiError> for OciError {
    fn from(error: ApiError) -> Self {
        let (status, body, failure) = error.into_parts();
        let code = match status {
            StatusCode::UNAUTHORIZED => Some(ErrorCode::Unauthorized),
            StatusCode::PAYLOAD_TOO_LARGE => Some(ErrorCode::SizeInvalid),
            StatusCode::SERVICE_UNAVAILABLE => Some(ErrorCode::TooManyRequests),
            StatusCode::REQUEST_TIMEOUT => Some(ErrorCode::BlobUploadInvalid),
            status if status.is_client_error() => Some(ErrorCode::Unsupported),
            _ => None,
        };
        let detail = Detail { code: body.code, hint: body.hint, details: body.details };
        Self { status, code, message: body.message, detail, failure, upload_size_bytes: None, location: None }
    }
}

fn standard_fault(fault: &OciFault) -> (StatusCode, ErrorCode) {
    match fault {
        OciFault::Repository(_) => (StatusCode::BAD_REQUEST, ErrorCode::NameInvalid),
        OciFault::Digest(_) | OciFault::DigestMismatch { .. } => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
        OciFault::Tag(_) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid),
        OciFault::RepositoryUnknown(_) => (StatusCode::NOT_FOUND, ErrorCode::NameUnknown),
        OciFault::ManifestUnknown { .. } => (StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown),
        OciFault::BlobUnknown { .. } => (StatusCode::NOT_FOUND, ErrorCode::BlobUnknown),
        OciFault::UploadUnknown(_) => (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown),
        OciFault::OutOfOrder { .. } => (StatusCode::RANGE_NOT_SATISFIABLE, ErrorCode::BlobUploadInvalid),
        OciFault::UploadInvalid(_) => (StatusCode::BAD_REQUEST, ErrorCode::BlobUploadInvalid),
        OciFault::SizeMismatch { .. } => (StatusCode::BAD_REQUEST, ErrorCode::SizeInvalid),
        OciFault::ManifestInvalid(_) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid),
        OciFault::ManifestBlobUnknown { .. } => (StatusCode::NOT_FOUND, ErrorCode::ManifestBlobUnknown),
        OciFault::TagBound { .. } | OciFault::TagOfRelease(_) => (StatusCode::CONFLICT, ErrorCode::Denied),
        OciFault::TooManyManifests(_) => (StatusCode::FORBIDDEN, ErrorCode::Denied),
        OciFault::ArtifactRefused { .. } => (StatusCode::FORBIDDEN, ErrorCode::Denied),
        OciFault::Immutable(_) => (StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported),
        OciFault::TooMuchUnbound(_) => (StatusCode::TOO_MANY_REQUESTS, ErrorCode::TooManyRequests),
    }
}

pub(super) async fn unknown_route(OriginalUri(uri): OriginalUri) -> OciError {
    let message = format!("there is nothing at `{}`; repositories are at `/v2/NAMESPACE/NAME`", uri.path());
    OciError::new(StatusCode::NOT_FOUND, ErrorCode::NameInvalid, "unknown_route", message)
}

pub(super) async fn unknown_method(method: Method, OriginalUri(uri): OriginalUri) -> OciError {
    let message = format!("`{method}` is not possible at `{}`", uri.path());
    OciError::new(StatusCode::METHOD_NOT_ALLOWED, ErrorCode::Unsupported, "method_not_allowed", message)
}
