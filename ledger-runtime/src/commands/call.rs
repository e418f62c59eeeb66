//! `ledger call`

use crate::arguments::CallArguments;
use crate::failure::{Failure, Finding};
use anstream::{eprintln, stdout};
use anyhow::Context;
use ledger_runtime::interface::FunctionError;
use ledger_runtime::rpc::{NodeClient, NodeClientError, Outcome};
use ledger_runtime::value::{ValueLimits, decode_result, encode_parameters};
use ledger_runtime::wave::{ContractText, Signature, to_text};
use serde::Serialize;
use std::io::Write;
use wasm_wave::value::Value;

/// What `--json` prints.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Document {
    pub(super) valid: bool,
    pub(super) result: Option<String>,
    pub(super) gas_used: u64,
    pub(super) errors: Vec<String>,
}

pub(crate) async fn run(arguments: CallArguments) -> Result<(), Failure> {
    let called = call(&arguments).await;
    if arguments.json
        && let Some(document) = document(&called)
    {
        let mut stdout = stdout().lock();
        serde_json::to_writer(&mut stdout, &document).map_err(std::io::Error::from)?;
        writeln!(stdout)?;
        stdout.flush()?;
    }
    let document = called?;
    if !arguments.json {
        print(&document)?;
    }
    match document.valid {
        true => Ok(()),
        false => Err(anyhow::Error::msg(document.errors.join("; ")).context("the call failed").into()),
    }
}

/// Calls, with arguments and result as WAVE.
pub(super) async fn call(arguments: &CallArguments) -> Result<Document, Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    let answer = node.wit(&arguments.contract, true).await?;
    let contract = ContractText::parse(&answer.wit, &answer.entrypoint).map_err(anyhow::Error::from)?;
    let functions = contract.interface();
    let index = functions.find(&arguments.function).map_err(unknown_function)?;
    let function = functions.functions().get(index).context("the function was lost")?;
    let signature = contract.signature(&function.declaration).map_err(anyhow::Error::from)?;
    let parameters = encode(&function.to_string(), &signature, &arguments.arguments)?;
    let outcome = node.call(&arguments.contract, &function.to_string(), parameters, arguments.gas_limit).await?;
    read(&signature, outcome)
}

fn encode(function: &str, signature: &Signature, arguments: &str) -> Result<Vec<u8>, Failure> {
    let values = signature.parse_arguments(arguments).map_err(|error| Finding {
        // In a text of nothing there is no place to point at.
        message: if arguments.trim().is_empty() {
            error.to_string()
        } else {
            format!("{error}\n\n{}\n", error.pointer())
        },
        hint: Some(match error.hint() {
            Some(hint) => format!("{hint}; {function} is {signature}"),
            None => format!("{function} is {signature}"),
        }),
    })?;
    let encoded = encode_parameters(&signature.parameters, &values, &ValueLimits::default());
    Ok(encoded.context("the arguments cannot be sent")?)
}

fn read(signature: &Signature, outcome: Outcome) -> Result<Document, Failure> {
    let Outcome { valid, result, gas_used, errors } = outcome;
    let value: Option<Value> = if valid {
        decode_result(signature.result.as_ref(), &result, &ValueLimits::default())
            .context("the node's answer is not what the contract's WIT says")?
    } else {
        None
    };
    let result = value.as_ref().map(to_text).transpose().context("the result has no text")?;
    Ok(Document { valid, result, gas_used, errors })
}

fn print(document: &Document) -> Result<(), Failure> {
    if let Some(result) = &document.result {
        let mut stdout = stdout().lock();
        writeln!(stdout, "{result}")?;
        stdout.flush()?;
    }
    eprintln!("gas used: {}", document.gas_used);
    Ok(())
}

fn unknown_function(error: FunctionError) -> Finding {
    Finding { hint: error.hint(), message: error.to_string() }
}

/// What `--json` prints: the outcome, or what kept the call from being made as a call that is not valid. If no node
/// answered, there is nothing to print.
fn document(called: &Result<Document, Failure>) -> Option<Document> {
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
            | NodeClientError::Answer { .. },
        ) => None,
        Some(NodeClientError::Refused(_) | NodeClientError::Request(_)) | None => {
            Some(Document { valid: false, result: None, gas_used: 0, errors: vec![format!("{error:#}")] })
        }
    }
}
