//! What is left of a body that was not read to its end, because the request was refused before.
//!
//! To drop it would reset the connection while the client is still sending, and the client would never see the answer.

use crate::limits::ServerLimits;
use axum::body::{Body, HttpBody};
use bytes::Bytes;
use futures::StreamExt;
use hyper::body::{Frame, SizeHint};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::timeout;

/// Whether a body was read to its end.
#[derive(Debug, Clone)]
pub(super) struct WasRead(Arc<AtomicBool>);

impl WasRead {
    /// The state at this moment: a body that is still being read may reach its end later.
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The same body; what is not read of it is thrown away slowly and up to a limit.
pub(super) fn watch(body: Body, limits: &ServerLimits) -> (Body, WasRead) {
    let was_read = WasRead(Arc::new(AtomicBool::new(body.is_end_stream())));
    let watched = WatchedBody {
        body,
        was_read: was_read.clone(),
        size_bytes_max: limits.discarded_size_bytes_max,
        duration_max: limits.discard_duration_max,
    };
    (Body::new(watched), was_read)
}

struct WatchedBody {
    body: Body,
    was_read: WasRead,
    size_bytes_max: usize,
    duration_max: Duration,
}

impl HttpBody for WatchedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        if frame.is_none() {
            self.was_read.0.store(true, Ordering::Relaxed);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for WatchedBody {
    fn drop(&mut self) {
        if !self.was_read.get() {
            let body = mem::take(&mut self.body);
            tokio::spawn(timeout(self.duration_max, discard(body, self.size_bytes_max)));
        }
    }
}

/// Reads some of a body, and then keeps it open without reading, until the caller's time is over.
async fn discard(body: Body, size_bytes_max: usize) {
    let mut stream = body.into_data_stream();
    let mut size_bytes = 0;
    while size_bytes < size_bytes_max {
        let Some(Ok(chunk)) = stream.next().await else { return };
        size_bytes += chunk.len();
    }
    std::future::pending().await
}
