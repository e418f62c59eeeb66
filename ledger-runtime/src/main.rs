//! The `ledger` command: serves a node, and asks one.

mod arguments;
mod commands;
mod failure;

use arguments::{Arguments, Command};
use failure::Failure;
use ledger_runtime::node::THREAD_STACK_SIZE_BYTES;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

/// How long work on other threads has to finish once the command is done.
const SHUTDOWN_TIME_MAX: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    registry_core::panics::hide_caught_panics();
    let arguments = Arguments::read();
    start_logging(&arguments.command);
    let json = arguments.command.prints_json();
    match run(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(json),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(THREAD_STACK_SIZE_BYTES)
        .enable_all()
        .build()
        .map_err(|error| anyhow::Error::new(error).context("cannot start"))?;
    // The main thread's stack is not ours to choose, so the work is done on a thread of the runtime.
    let finished = runtime.block_on(runtime.spawn(commands::run(command)));
    // A call or a compilation that nobody waits for any more is cut off.
    runtime.shutdown_timeout(SHUTDOWN_TIME_MAX);
    finished.map_err(|error| anyhow::Error::new(error).context("the command ended in a defect"))?
}

/// A node logs what it does; the commands that ask one say it themselves.
fn start_logging(command: &Command) {
    let default = if matches!(command, Command::Serve(_)) { "info" } else { "warn" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
}
