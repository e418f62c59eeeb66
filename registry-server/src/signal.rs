//! The signals that end a server in good order.

use std::future::Future;
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a program that a signal ended exits with, less the signal's number: a shell's convention.
const SIGNALLED: i32 = 128;

/// A signal that came: its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopSignal {
    /// The first one: the program stops in good order.
    First(&'static str),
    /// Another one: the program ends at once.
    Another(&'static str),
}

/// Waits for SIGINT or SIGTERM, from now on: a signal that comes before the future is polled counts too.
///
/// Whoever sends a second signal does not want to wait any longer: it ends the program at once. `log` is told of both, so
/// that the program's log says which program was meant.
///
/// # Errors
/// If signals cannot be handled here.
pub fn stop_signal(log: fn(StopSignal)) -> io::Result<impl Future<Output = ()>> {
    let mut signals =
        Signals { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? };
    Ok(async move {
        let (name, _) = signals.next().await;
        log(StopSignal::First(name));
        tokio::spawn(async move {
            let (name, kind) = signals.next().await;
            log(StopSignal::Another(name));
            std::process::exit(SIGNALLED + kind.as_raw_value());
        });
    })
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    async fn next(&mut self) -> (&'static str, SignalKind) {
        tokio::select! {
            _ = self.interrupt.recv() => ("SIGINT", SignalKind::interrupt()),
            _ = self.terminate.recv() => ("SIGTERM", SignalKind::terminate()),
        }
    }
}
