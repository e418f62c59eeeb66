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
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

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
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if let Some(size_bytes) = announced {
        limit.check(size_bytes)?;
    }
    let reader = Reader { limits: state.app.limits(), memory: &state.upload_memory, limit };
    reader.read(&mut body.into_data_stream()).await
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
        let mut bytes = BytesMut::new();
        let mut memory: Option<OwnedSemaphorePermit> = None;
        while let Some(chunk) = self.next(stream).await? {
            self.limit.check(bytes.len() + chunk.len())?;
            let held = memory.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
            let needed = (bytes.len() + chunk.len()).div_ceil(PERMIT_SIZE_BYTES).saturating_sub(held);
            let permit = permits(self.memory, needed)?;
            match memory.as_mut() {
                Some(memory) => memory.merge(permit),
                None => memory = Some(permit),
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Upload { bytes: bytes.freeze(), _memory: memory })
    }

    async fn next(&self, stream: &mut BodyDataStream) -> Result<Option<Bytes>, ApiError> {
        match timeout(self.limits.body_wait_max, stream.next()).await {
            Ok(None) => Ok(None),
            Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
            Ok(Some(Err(error))) => {
                let message = format!("the body could not be read: {error}");
                Err(ApiError::new(StatusCode::BAD_REQUEST, "incomplete_body", message, None))
            }
            Err(_) => {
                let message = format!("no more of the body came for {} s", self.limits.body_wait_max.as_secs());
                Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "request_timeout", message, Some("try again")))
            }
        }
    }
}
