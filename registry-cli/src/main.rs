//! The `registry` command: publishes, fetches and verifies WIT packages and components.

mod arguments;
mod commands;
mod credentials;
mod failure;
mod terminal;

use anyhow::Context;
use arguments::Arguments;
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;
use std::thread;
use terminal::Terminal;

/// The parsers of WIT and WebAssembly recurse as deep as the limits allow. Unused pages cost nothing.
const STACK_SIZE_BYTES: usize = 64 << 20;

fn main() -> ExitCode {
    registry_core::panics::hide_caught_panics();
    let thread = thread::Builder::new().stack_size(STACK_SIZE_BYTES).spawn(run_command);
    // A panic has been reported by its own thread.
    thread.map_or(ExitCode::FAILURE, |thread| thread.join().unwrap_or(ExitCode::FAILURE))
}

fn run_command() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return terminal::report_usage(&error),
    };
    let terminal = Terminal::new(&arguments.global);
    match run(arguments, &terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => terminal.report(&failure),
    }
}

fn run(arguments: Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start")?;
    runtime.block_on(commands::run(arguments, terminal))
}
