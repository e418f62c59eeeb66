//! `ledger transact` and `ledger deploy`

use super::receipt::TransactionDocument;
use super::show::{Lines, print_json};
use crate::arguments::{DeployArguments, TransactArguments};
use crate::failure::{Failure, Finding};
use anstream::eprintln;
use anyhow::Context;
use ledger_runtime::draft::{ContractTexts, Draft, DraftOptions, draft};
use ledger_runtime::rpc::{NodeClient, NodeClientError};
use registry_core::id::TransactionId;

pub(crate) async fn run(arguments: TransactArguments) -> Result<(), Failure> {
    let json = arguments.invocation.json;
    let document = transact(&arguments, |id| {
        // Whoever gives up waiting can still ask what became of it.
        if !json {
            eprintln!("sent {id}");
        }
    });
    let document = document.await?;
    print(&document, json)?;
    document.call.check("the transaction failed")
}

/// Sends the transaction and waits until it is durable; `sending` is told its id before.
pub(super) async fn transact(
    arguments: &TransactArguments,
    sending: impl FnOnce(&TransactionId),
) -> Result<TransactionDocument, Failure> {
    let invocation = &arguments.invocation;
    let node = NodeClient::new(&invocation.node.url)?;
    let mut texts = ContractTexts::new(&node);
    let options = DraftOptions {
        gas_limit: invocation.gas_limit,
        references: arguments.references.clone(),
        is_read_only: arguments.read_only,
        takes_latest: arguments.latest,
        version: arguments.version,
        valid_until: arguments.valid_until,
        nonce: match arguments.nonce {
            Some(nonce) => nonce,
            None => getrandom::u64().context("this machine gives no random numbers")?,
        },
    };
    let draft = draft(&mut texts, &invocation.target, &invocation.function, &invocation.arguments, &options).await?;
    sending(&draft.transaction.id());
    let committed = node.submit(&draft.transaction).await.map_err(|error| of_submission(error, &draft))?;
    TransactionDocument::of(&mut texts, Some(&draft.callee.signature), &committed).await
}

/// A node that did not answer may have the transaction nevertheless.
fn of_submission(error: NodeClientError, draft: &Draft) -> Failure {
    match error {
        NodeClientError::Timeout { .. } | NodeClientError::Answer { .. } => {
            let id = draft.transaction.id();
            let hint = format!("it may be in a block nevertheless: `ledger transaction {id}` tells");
            let code = error.code();
            Finding { message: format!("{:#}", anyhow::Error::from(error)), hint: Some(hint), code }.into()
        }
        other => other.into(),
    }
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
