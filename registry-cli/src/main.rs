//! The `registry` command: publishes, fetches and verifies WIT packages and components.

mod arguments;
mod commands;
mod failure;
mod terminal;

use arguments::Arguments;
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;
use terminal::Terminal;

/// The parsers of WIT and WebAssembly recurse as deep as the limits allow.
const THREAD_STACK_SIZE_BYTES: usize = 16 << 20;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let terminal = Terminal::new(&arguments.global);
    match run(arguments, &terminal) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => terminal.report(&failure),
    }
}

fn run(arguments: Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(THREAD_STACK_SIZE_BYTES)
        .enable_all()
        .build()
        .map_err(|error| Failure::from(anyhow::Error::new(error).context("cannot start")))?;
    // Waiting happens on a thread of the runtime, because its stack is large enough for parsing.
    runtime.block_on(commands::run(arguments, terminal))
}
