//! `ledger transact` and `ledger deploy`

use super::receipt::TransactionDocument;
use super::show::{Lines, print_json};
use crate::arguments::{DeployArguments, TransactArguments};
use crate::failure::Failure;
use anyhow::Context;
use ledger_runtime::draft::{ContractTexts, DraftOptions, draft};
use ledger_runtime::rpc::NodeClient;

pub(crate) async fn run(arguments: TransactArguments) -> Result<(), Failure> {
    let document = transact(&arguments).await?;
    print(&document, arguments.invocation.json)?;
    document.call.check("the transaction failed")
}

/// Sends the transaction and waits until it is durable.
pub(super) async fn transact(arguments: &TransactArguments) -> Result<TransactionDocument, Failure> {
    let invocation = &arguments.invocation;
    let node = NodeClient::new(&invocation.node.url)?;
    let mut texts = ContractTexts::new(&node);
    let options = DraftOptions {
        gas_limit: invocation.gas_limit,
        references: arguments.references.clone(),
        is_read_only: arguments.read_only,
        takes_latest: arguments.latest,
        valid_until: arguments.valid_until,
        nonce: match arguments.nonce {
            Some(nonce) => nonce,
            None => getrandom::u64().context("this machine gives no random numbers")?,
        },
    };
    let draft = draft(&mut texts, &invocation.target, &invocation.function, &invocation.arguments, &options).await?;
    let committed = node.submit(&draft.transaction).await?;
    TransactionDocument::of(&mut texts, Some(&draft.callee.signature), &committed).await
}

pub(crate) async fn run_deploy(arguments: DeployArguments) -> Result<(), Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    let committed = node.deploy(&arguments.contract, arguments.gas_limit_max).await?;
    let document = TransactionDocument::of(&mut ContractTexts::new(&node), None, &committed).await?;
    print(&document, arguments.json)?;
    document.call.check("the deployment failed")
}

fn print(document: &TransactionDocument, json: bool) -> Result<(), Failure> {
    if json {
        return print_json(document);
    }
    let mut lines = Lines::default();
    document.describe(&mut lines);
    lines.print()
}
