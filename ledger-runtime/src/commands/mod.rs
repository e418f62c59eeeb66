//! What the command does: one module for each subcommand.

mod call;
mod check;
mod data_dir;
mod demo;
mod serve;
mod verify;
mod wit;

use crate::arguments::Command;
use crate::failure::Failure;

/// Does what was asked for.
pub(crate) async fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(arguments) => serve::run(arguments).await,
        Command::Call(arguments) => call::run(arguments).await,
        Command::Verify(arguments) => verify::run(arguments).await,
        Command::Check(arguments) => check::run(arguments).await,
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Wit(arguments) => wit::run(arguments).await,
    }
}
