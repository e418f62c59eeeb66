//! Parsing and hashing of what a registry answered, on threads of their own.

use crate::error::ClientError;
use crate::limits::{VERIFICATION_STACK_SIZE_BYTES, VERIFICATION_THREADS_MAX};
use std::sync::Arc;
use std::thread;
use tokio::sync::{Semaphore, oneshot};

/// Runs work that takes long away from the threads that serve sockets.
#[derive(Clone)]
pub(crate) struct Verification {
    permits: Arc<Semaphore>,
}

impl Verification {
    pub(crate) fn new() -> Self {
        Self { permits: Arc::new(Semaphore::new(VERIFICATION_THREADS_MAX)) }
    }

    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, ClientError> + Send + 'static,
    ) -> Result<T, ClientError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| ClientError::Interrupted)?;
        let (sender, receiver) = oneshot::channel();
        let job = move || {
            let result = work();
            drop(permit);
            // Whoever asked may be gone; then nobody needs the result.
            let _ = sender.send(result);
        };
        let thread =
            thread::Builder::new().name("registry-verify".to_owned()).stack_size(VERIFICATION_STACK_SIZE_BYTES);
        thread.spawn(job).map_err(ClientError::Thread)?;
        // The sender is dropped without a result only if the work panicked.
        receiver.await.unwrap_or(Err(ClientError::Interrupted))
    }
}
