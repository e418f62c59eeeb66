//! Reading bodies: never more than a limit, never more at one time than the server has memory for.

use super::ApiState;
use super::error::ApiError;
use super::extract::{content_type, unsupported};
use crate::app::AppError;
use crate::limits::ServerLimits;
use axum::body::{Body, BodyDataStream};
use axum::http::{HeaderMap, StatusCode, header};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use registry_core::limits::LimitExceeded;
use std::mem;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout, timeout_at};

/// Bytes of uploads in memory for each permit.
pub(super) const PERMIT_SIZE_BYTES: usize = 1 << 10;

/// A body in memory. What it takes there is given back when this is dropped.
pub(super) struct Upload {
    pub(super) bytes: Bytes,
    _memory: Option<OwnedSemaphorePermit>,
}

/// How large a body may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct SizeLimit {
    pub(super) size_bytes_max: usize,
    /// The limit's name.
    pub(super) name: &'static str,
}

/// Reads a body up to a limit.
///
/// # Errors
/// If it is larger, comes too slowly, or the server has no memory for it now.
pub(super) async fn read(
    state: &ApiState,
    headers: &HeaderMap,
    body: Body,
    limit: SizeLimit,
) -> Result<Upload, ApiError> {
    if let Some(size_bytes) = announced(headers) {
        limit.check(size_bytes)?;
    }
    let reader = Reader { limits: state.app.limits(), memory: &state.upload_memory, limit };
    reader.read(&mut body.into_data_stream()).await
}

/// How many bytes a body has, if its sender says so.
pub(super) fn announced(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body that must be JSON, up to the limit of small requests.
///
/// # Errors
/// As [`read`], or if it has another type.
pub(super) async fn read_json(state: &ApiState, headers: &HeaderMap, body: Body) -> Result<Upload, ApiError> {
    match content_type(headers).as_deref() {
        Some("application/json") => {}
        other => return Err(unsupported(other, "`application/json`")),
    }
    let size_bytes_max = state.app.limits().request_json_size_bytes_max;
    read(state, headers, body, SizeLimit { size_bytes_max, name: "request_json_size_bytes_max" }).await
}

/// Memory for bytes that come from somewhere else on behalf of an upload. It is given back when this is dropped.
///
/// # Errors
/// If the server has none now.
pub(super) fn reserve(state: &ApiState, size_bytes: usize) -> Result<OwnedSemaphorePermit, AppError> {
    permits(&state.upload_memory, size_bytes.div_ceil(PERMIT_SIZE_BYTES))
}

fn permits(memory: &Arc<Semaphore>, permits: usize) -> Result<OwnedSemaphorePermit, AppError> {
    let permits = u32::try_from(permits).map_err(|_| AppError::Overloaded)?;
    Arc::clone(memory).try_acquire_many_owned(permits).map_err(|_| AppError::Overloaded)
}

impl SizeLimit {
    fn check(self, size_bytes: usize) -> Result<(), ApiError> {
        Ok(LimitExceeded::check("the size of the body in bytes", size_bytes, self.size_bytes_max, self.name)?)
    }
}

struct Reader<'a> {
    limits: &'a ServerLimits,
    memory: &'a Arc<Semaphore>,
    limit: SizeLimit,
}

impl Reader<'_> {
    async fn read(&self, stream: &mut BodyDataStream) -> Result<Upload, ApiError> {
        let mut gathered = Gathered::default();
        while let Some(chunk) = next(stream, self.limits).await? {
            self.limit.check(gathered.bytes.len() + chunk.len())?;
            gathered.push(&chunk, self.memory)?;
        }
        Ok(gathered.finish())
    }
}

/// A body that is read in parts, of which one is in memory at a time.
pub(super) struct Parts {
    state: ApiState,
    stream: BodyDataStream,
    deadline: Instant,
    /// What came with the last part and belongs to the next.
    rest: Bytes,
    /// Why nothing comes after the last part.
    broken: Option<ApiError>,
}

impl Parts {
    /// The parts of a body, which must have come when a request's time is over.
    pub(super) fn of(state: ApiState, body: Body) -> Self {
        let deadline = Instant::now() + state.app.limits().request_duration_max;
        Self { state, stream: body.into_data_stream(), deadline, rest: Bytes::new(), broken: None }
    }

    /// The next part: of `size_bytes_max` bytes, or the last one. If the body breaks off, what has come is a part as
    /// well, and the error follows it.
    ///
    /// # Errors
    /// If the body breaks off, comes too slowly, or the server has no memory for it now.
    pub(super) async fn next(&mut self, size_bytes_max: usize) -> Result<Option<Upload>, ApiError> {
        let mut gathered = Gathered::default();
        while gathered.bytes.len() < size_bytes_max {
            match self.piece().await {
                Ok(Some(mut piece)) => {
                    let room = size_bytes_max - gathered.bytes.len();
                    self.rest = piece.split_off(room.min(piece.len()));
                    gathered.push(&piece, &self.state.upload_memory)?;
                }
                Ok(None) => break,
                Err(error) => {
                    self.broken = Some(error);
                    break;
                }
            }
        }
        if !gathered.bytes.is_empty() {
            return Ok(Some(gathered.finish()));
        }
        self.broken.take().map_or(Ok(None), Err)
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, ApiError> {
        if let Some(error) = self.broken.take() {
            return Err(error);
        }
        if !self.rest.is_empty() {
            return Ok(Some(mem::take(&mut self.rest)));
        }
        let limits = self.state.app.limits();
        let in_time = timeout_at(self.deadline, next(&mut self.stream, limits)).await;
        in_time.unwrap_or_else(|_| Err(too_slow(limits.request_duration_max)))
    }
}

/// Bytes that are in memory, and the permits for them.
#[derive(Default)]
struct Gathered {
    bytes: BytesMut,
    memory: Option<OwnedSemaphorePermit>,
}

impl Gathered {
    fn push(&mut self, chunk: &[u8], memory: &Arc<Semaphore>) -> Result<(), ApiError> {
        let held = self.memory.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let needed = (self.bytes.len() + chunk.len()).div_ceil(PERMIT_SIZE_BYTES).saturating_sub(held);
        let permit = permits(memory, needed)?;
        match self.memory.as_mut() {
            Some(memory) => memory.merge(permit),
            None => self.memory = Some(permit),
        }
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> Upload {
        Upload { bytes: self.bytes.freeze(), _memory: self.memory }
    }
}

async fn next(stream: &mut BodyDataStream, limits: &ServerLimits) -> Result<Option<Bytes>, ApiError> {
    match timeout(limits.body_wait_max, stream.next()).await {
        Ok(None) => Ok(None),
        Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
        Ok(Some(Err(error))) => {
            let message = format!("the body could not be read: {error}");
            Err(ApiError::new(StatusCode::BAD_REQUEST, "incomplete_body", message, None))
        }
        Err(_) => {
            let message = format!("no more of the body came for {} s", limits.body_wait_max.as_secs());
            Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message, Some("try again")))
        }
    }
}

fn too_slow(duration_max: Duration) -> ApiError {
    let message = format!("the body took longer than {} s", duration_max.as_secs());
    let hint = Some("go on with the upload where it has ended, in smaller parts");
    ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message, hint)
}
