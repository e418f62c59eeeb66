//! `ledger wit`

use super::show::print_json;
use crate::arguments::WitArguments;
use crate::failure::Failure;
use anstream::stdout;
use ledger_runtime::draft::ContractTexts;
use ledger_runtime::rpc::NodeClient;
use registry_core::starstream::Contract;
use serde::Serialize;
use std::io::Write;

/// What `--json` prints.
#[derive(Serialize)]
struct WitDocument {
    wit: String,
    entrypoint: String,
    /// What the contract is in Starstream's terms, if it is of that form.
    #[serde(skip_serializing_if = "Option::is_none")]
    starstream: Option<Contract>,
}

pub(crate) async fn run(arguments: WitArguments) -> Result<(), Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    let answer = node.wit(&arguments.contract, arguments.resolve).await?;
    let starstream = match arguments.plain {
        true => None,
        false => ContractTexts::new(&node).of(&arguments.contract).await?.starstream(),
    };
    if arguments.json {
        print_json(&WitDocument { wit: answer.wit, entrypoint: answer.entrypoint, starstream })?;
        return Ok(());
    }
    let mut stdout = stdout().lock();
    write!(stdout, "{}{}", starstream.as_ref().map(comment).unwrap_or_default(), answer.wit)?;
    Ok(stdout.flush()?)
}

/// The explanation as a comment, so that what is printed stays WIT.
fn comment(contract: &Contract) -> String {
    let text = contract.to_string();
    let lines = text.lines().map(|line| format!("// {line}").trim_end().to_owned() + "\n");
    lines.chain(["\n".to_owned()]).collect()
}
