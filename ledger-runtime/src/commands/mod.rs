//! What the command does: one module for each subcommand.

mod build;
mod call;
mod called;
mod chain;
mod check;
mod data_dir;
mod demo;
mod new;
mod receipt;
mod serve;
mod show;
mod token;
mod transact;
mod utxo;
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
        Command::Transact(arguments) => transact::run(arguments).await,
        Command::Deploy(arguments) => transact::run_deploy(arguments).await,
        Command::Utxo(arguments) => utxo::run(arguments).await,
        Command::Utxos(arguments) => utxo::run_list(arguments).await,
        Command::Token(arguments) => token::run(arguments).await,
        Command::Tokens(arguments) => token::run_list(arguments).await,
        Command::Block(arguments) => chain::run_block(arguments).await,
        Command::Transaction(arguments) => chain::run_transaction(arguments).await,
        Command::Contract(arguments) => chain::run_contract(arguments).await,
        Command::Status(arguments) => chain::run_status(arguments).await,
        Command::Demo(arguments) => demo::run(arguments).await,
        Command::Wit(arguments) => wit::run(arguments).await,
        Command::New(arguments) => new::run(&arguments),
        Command::Build(arguments) => build::run(arguments).await,
    }
}
