//! `ledger call`

use super::called::Called;
use super::receipt::{CallDocument, Outcome};
use super::show::{Lines, print_json};
use super::transact::{draft_of, hint_at_state, with_what_is_offered};
use crate::arguments::InvocationArguments;
use crate::failure::Failure;
use anstream::{eprintln, stdout};
use ledger_core::StepCall;
use ledger_runtime::draft::{ContractTexts, DraftError, DraftOptions, Target, drops_state, encode_arguments};
use ledger_runtime::rpc::{NodeClient, NodeClientError};
use registry_core::id::ComponentHash;
use serde::Serialize;
use std::io::Write;

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct CalledDocument {
    /// Whether it succeeded, as programs know it that read what there was before there were transactions.
    valid: bool,
    #[serde(flatten)]
    call: CallDocument,
}

pub(crate) async fn run(arguments: InvocationArguments) -> Result<(), Failure> {
    let called = call(&arguments).await;
    if arguments.json
        && let Some(document) = document(&called)
    {
        let valid = document.outcome == Outcome::Succeeded;
        print_json(&CalledDocument { valid, call: document })?;
    }
    let document = called?;
    if !arguments.json {
        print(&document)?;
    }
    document.check("the call failed")
}

/// Calls, with arguments and result as WAVE.
pub(super) async fn call(arguments: &InvocationArguments) -> Result<CallDocument, Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    let mut texts = ContractTexts::new(&node);
    match (arguments.target, arguments.function.as_deref()) {
        (Some(Target::Contract(contract)), Some(function)) if is_plain(&mut texts, contract, function).await? => {
            call_plain(&node, &mut texts, contract, function, arguments).await
        }
        _ => simulate(&node, &mut texts, arguments).await,
    }
}

/// Whether a function does not need the chain: it has neither UTXOs nor a state.
async fn is_plain(texts: &mut ContractTexts<'_>, contract: ComponentHash, function: &str) -> Result<bool, DraftError> {
    Ok(!function.contains("::") && !texts.of(&contract).await?.is_coroutine())
}

async fn call_plain(
    node: &NodeClient,
    texts: &mut ContractTexts<'_>,
    contract: ComponentHash,
    function: &str,
    arguments: &InvocationArguments,
) -> Result<CallDocument, Failure> {
    let text = texts.of(&contract).await?;
    let callee = text.callee(contract, function).map_err(DraftError::from)?;
    if drops_state(&text, &callee.call) && !arguments.json {
        hint_at_state(function);
    }
    let no_utxo = |_: &str| Err("a plain function takes no UTXOs".to_owned());
    let parameters = encode_arguments(&callee, &arguments.arguments, &no_utxo)?;
    let function = match &callee.call {
        StepCall::Function { function, .. } => function,
        _ => function,
    };
    let outcome = node.call(&contract, function, parameters, arguments.gas_limit).await?;
    CallDocument::of_answer(&callee.signature, outcome)
}

async fn simulate(
    node: &NodeClient,
    texts: &mut ContractTexts<'_>,
    arguments: &InvocationArguments,
) -> Result<CallDocument, Failure> {
    let options = DraftOptions { gas_limit: arguments.gas_limit, ..DraftOptions::default() };
    let draft = draft_of(texts, arguments, &options).await?;
    let simulated = node.simulate(&draft.transaction).await;
    let simulated = match simulated {
        Ok(simulated) => simulated,
        Err(error) => return Err(with_what_is_offered(node, error, &draft).await),
    };
    CallDocument::of_receipt(texts, &Called::of_draft(&draft), &simulated.receipt).await
}

fn print(document: &CallDocument) -> Result<(), Failure> {
    let mut stdout = stdout().lock();
    for result in document.results() {
        writeln!(stdout, "{result}")?;
    }
    stdout.flush()?;
    let mut lines = Lines::default();
    if document.result.is_none() {
        document.describe_results(&mut lines);
    }
    document.describe_frames(&mut lines);
    document.describe(&mut lines);
    lines.remark()?;
    eprintln!("gas used: {}", document.gas_used);
    Ok(())
}

/// What `--json` prints: the outcome, or what kept the call from being made as one that is invalid. If no node
/// answered, there is nothing to print.
fn document(called: &Result<CallDocument, Failure>) -> Option<CallDocument> {
    let error = match called {
        Ok(document) => return Some(document.clone()),
        Err(Failure::Error(error)) => error,
        Err(Failure::BrokenPipe) => return None,
    };
    match error.downcast_ref() {
        Some(
            NodeClientError::Url { .. }
            | NodeClientError::Unreachable { .. }
            | NodeClientError::Timeout { .. }
            | NodeClientError::Answer { .. }
            | NodeClientError::Unserved { .. }
            | NodeClientError::Contradiction { .. },
        ) => None,
        Some(NodeClientError::Refused(_) | NodeClientError::Request(_)) | None => Some(CallDocument::of_error(error)),
    }
}
