//! `/v2/NAMESPACE/NAME/blobs/uploads/`: pushing blobs at once, in parts, or out of another repository.

use super::auth::Pusher;
use super::blobs::created;
use super::error::OciError;
use super::extract::{RepositoryInPath, typed};
use crate::api::ApiState;
use crate::api::body::{Parts as BodyParts, announced};
use crate::app::{AppError, Caller, InternalError, OciFault};
use crate::oci::{Digest, Repository};
use axum::body::Body;
use axum::extract::{FromRequestParts, Query, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use oci_spec::distribution::ErrorCode;
use serde::Deserialize;
use std::str::FromStr;
use tracing::Instrument;

/// The header in which Docker's registry says an upload's id.
const UPLOAD_ID: HeaderName = HeaderName::from_static("docker-upload-uuid");

type Answer = Result<Response, OciError>;

/// What can stand behind the question mark.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Asked {
    digest: Option<String>,
    mount: Option<String>,
    from: Option<String>,
}

/// The questions of the address. Others than the known ones mean nothing here.
pub(super) struct Questions(Asked);

impl<S: Send + Sync> FromRequestParts<S> for Questions {
    type Rejection = OciError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, OciError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(asked)) => Ok(Self(asked)),
            Err(error) => Err(invalid(error.body_text())),
        }
    }
}

/// The upload in the address, and whose it must be.
#[derive(Clone)]
pub(super) struct Upload {
    caller: Caller,
    repository: Repository,
    id: String,
}

impl FromRequestParts<ApiState> for Upload {
    type Rejection = OciError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, OciError> {
        let Pusher(caller) = Pusher::from_request_parts(parts, state).await?;
        let RepositoryInPath(repository) = RepositoryInPath::from_request_parts(parts, state).await?;
        let UploadId(id) = typed(parts, state, "upload").await?;
        Ok(Self { caller, repository, id })
    }
}

/// The id of an upload. It is only ever compared.
struct UploadId(String);

impl FromStr for UploadId {
    type Err = OciFault;

    fn from_str(text: &str) -> Result<Self, OciFault> {
        let is_id = text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_id { Ok(Self(text.to_owned())) } else { Err(OciFault::UploadUnknown("of this name".to_owned())) }
    }
}

/// Begins an upload, or does all of it: with the blob as the body, or with one that is there already.
pub(super) async fn begin(
    State(state): State<ApiState>,
    Pusher(caller): Pusher,
    RepositoryInPath(repository): RepositoryInPath,
    Questions(asked): Questions,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    if let Some(mount) = &asked.mount {
        // What could be no digest and no repository is not there, and clients expect that the upload begins then.
        let from: Result<Option<Repository>, _> = asked.from.as_deref().map(str::parse).transpose();
        if let (Ok(digest), Ok(from)) = (mount.parse(), from)
            && state.app.mount_oci_blob(&caller, &repository, from.as_ref(), &digest).await?
        {
            return Ok(created(&repository, &digest));
        }
    }
    let digest: Option<Digest> = asked.digest.as_deref().map(str::parse).transpose().map_err(OciFault::from)?;
    check_announced(&state, &repository, 0, &headers)?;
    let id = state.app.begin_oci_upload(&caller, &repository).await?;
    let upload = Upload { caller, repository, id };
    match digest {
        None => Ok(upload.answer(StatusCode::ACCEPTED, 0)),
        Some(digest) => detached(upload.do_at_once(state, headers, body, digest)).await,
    }
}

/// Appends the body to an upload. If it breaks off, what has come of it stays.
pub(super) async fn append(State(state): State<ApiState>, upload: Upload, headers: HeaderMap, body: Body) -> Answer {
    let size_bytes = upload.receive(&state, &headers, body).await?;
    Ok(upload.answer(StatusCode::ACCEPTED, size_bytes))
}

/// Makes an upload a blob, after the body has been appended to it.
pub(super) async fn finish(
    State(state): State<ApiState>,
    upload: Upload,
    Questions(asked): Questions,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let missing = || {
        let message = "the digest of the blob is missing: `?digest=sha256:…`";
        OciError::new(StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid, "invalid_digest", message)
    };
    let digest = asked.digest.ok_or_else(missing)?.parse().map_err(OciFault::from)?;
    detached(async move { upload.receive_and_finish(&state, &headers, body, &digest).await }).await
}

/// Says how much of an upload has come.
pub(super) async fn status(State(state): State<ApiState>, upload: Upload) -> Answer {
    let size_bytes = upload.size(&state).await?;
    Ok(upload.answer(StatusCode::NO_CONTENT, size_bytes))
}

/// Ends an upload without a blob.
pub(super) async fn cancel(State(state): State<ApiState>, upload: Upload) -> Answer {
    state.app.cancel_oci_upload(&upload.caller, &upload.repository, &upload.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

impl Upload {
    async fn size(&self, state: &ApiState) -> Result<u64, OciError> {
        Ok(state.app.oci_upload_size(&self.caller, &self.repository, &self.id).await?)
    }

    /// Receives a blob whose sender does not know the upload: if it fails, nobody can go on with it.
    async fn do_at_once(self, state: ApiState, headers: HeaderMap, body: Body, digest: Digest) -> Answer {
        let finished = self.receive_and_finish(&state, &headers, body, &digest).await;
        if finished.is_err() {
            // It has ended already, if the digest was wrong; else it is collected if it cannot be ended now.
            let _ = state.app.cancel_oci_upload(&self.caller, &self.repository, &self.id).await;
        }
        finished
    }

    async fn receive_and_finish(&self, state: &ApiState, headers: &HeaderMap, body: Body, digest: &Digest) -> Answer {
        self.receive(state, headers, body).await?;
        state.app.finish_oci_upload(&self.caller, &self.repository, &self.id, digest).await?;
        Ok(created(&self.repository, digest))
    }

    /// Appends a body and answers how many bytes the upload has then.
    async fn receive(&self, state: &ApiState, headers: &HeaderMap, body: Body) -> Result<u64, OciError> {
        let start = self.size(state).await?;
        let announced = announced(headers).map(|size_bytes| size_bytes as u64);
        let end = match content_range(headers)? {
            Some((first, end)) => {
                let out_of_order = OciFault::OutOfOrder { size_bytes: start, start: first };
                (first == start).then_some(()).ok_or_else(|| self.located(out_of_order))?;
                announced.map_or(Ok(()), |size_bytes| check_length(end - first, size_bytes))?;
                Some(end)
            }
            None => None,
        };
        check_announced(state, &self.repository, start, headers)?;
        detached(self.clone().append_parts(state.clone(), body, start, end)).await
    }

    async fn append_parts(self, state: ApiState, body: Body, start: u64, end: Option<u64>) -> Result<u64, OciError> {
        let part_size_bytes_max = state.app.limits().oci_part_size_bytes_max;
        let mut parts = BodyParts::of(state.clone(), body);
        let mut position = start;
        while let Some(part) = parts.next(part_size_bytes_max).await? {
            let reached = position + part.bytes.len() as u64;
            if let Some(end) = end.filter(|end| reached > *end) {
                return Err(wrong_length(end - start, reached - start));
            }
            let Self { caller, repository, id } = &self;
            let appended = state.app.append_to_oci_upload(caller, repository, id, position, part.bytes.clone()).await;
            position = appended.map_err(|error| self.located(error))?;
        }
        match end.filter(|end| *end != position) {
            Some(end) => Err(wrong_length(end - start, position - start)),
            None => Ok(position),
        }
    }

    /// An error of this upload. Whoever is told where it ended is told as well where it goes on.
    fn located(&self, error: impl Into<AppError>) -> OciError {
        let mut error = OciError::from(error);
        error.location = error.upload_size_bytes.map(|_| self.location());
        error
    }

    fn location(&self) -> String {
        format!("/v2/{}/blobs/uploads/{}", self.repository, self.id)
    }

    fn answer(&self, status: StatusCode, size_bytes: u64) -> Response {
        let headers = [
            (header::LOCATION, self.location()),
            (header::RANGE, format!("0-{}", size_bytes.saturating_sub(1))),
            (UPLOAD_ID, self.id.clone()),
        ];
        let momentary = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
        (status, headers, momentary).into_response()
    }
}

/// Does something to its end. A connection that breaks ends its handler: bytes that have come would be lost with it, and
/// objects that are written stay without a row.
async fn detached<T: Send + 'static>(
    work: impl Future<Output = Result<T, OciError>> + Send + 'static,
) -> Result<T, OciError> {
    match tokio::spawn(work.in_current_span()).await {
        Ok(result) => result,
        Err(_) => Err(AppError::from(InternalError::HandlerPanicked).into()),
    }
}

/// Which bytes a body is, by its first and the one after its last: `content-range: FIRST-LAST`, as the specification
/// writes it, which is not as HTTP does.
fn content_range(headers: &HeaderMap) -> Result<Option<(u64, u64)>, OciError> {
    let Some(value) = headers.get(header::CONTENT_RANGE) else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(|text| {
        let (first, last) = text.split_once('-')?;
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
        let (first, last): (u64, u64) = (number(first)?, number(last)?);
        (first <= last).then_some((first, last.checked_add(1)?))
    });
    let invalid =
        || invalid("`content-range` is of the form `FIRST-LAST`, the numbers of the body's bytes in the blob");
    parsed.map(Some).ok_or_else(invalid)
}

/// Refuses a body that would make the blob too large, before any of it is read.
fn check_announced(state: &ApiState, repository: &Repository, start: u64, headers: &HeaderMap) -> Result<(), OciError> {
    let end = announced(headers).map(|size_bytes| start.saturating_add(size_bytes as u64));
    Ok(end.map_or(Ok(()), |end| state.app.check_oci_blob_size(repository, end))?)
}

fn check_length(claimed: u64, actual: u64) -> Result<(), OciError> {
    if claimed == actual { Ok(()) } else { Err(wrong_length(claimed, actual)) }
}

fn wrong_length(claimed: u64, actual: u64) -> OciError {
    OciFault::SizeMismatch { what: "the part of the upload".to_owned(), claimed, actual }.into()
}

fn invalid(message: impl Into<String>) -> OciError {
    OciFault::UploadInvalid(message.into()).into()
}
