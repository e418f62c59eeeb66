//! The signals that end a server in good order.

use std::future::Future;
use std::io;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

/// Waits for SIGINT or SIGTERM, from now on: a signal that comes before the future is polled counts too.
///
/// # Errors
/// If signals cannot be handled here.
pub fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        let name = tokio::select! {
            _ = interrupt.recv() => "SIGINT",
            _ = terminate.recv() => "SIGTERM",
        };
        info!("received {name}");
    })
}
