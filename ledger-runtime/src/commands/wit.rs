//! `ledger wit`

use crate::arguments::WitArguments;
use crate::failure::Failure;
use anstream::stdout;
use ledger_runtime::rpc::NodeClient;
use serde_json::json;
use std::io::Write;

pub(crate) async fn run(arguments: WitArguments) -> Result<(), Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    let answer = node.wit(&arguments.contract, arguments.resolve).await?;
    let mut stdout = stdout().lock();
    if arguments.json {
        writeln!(stdout, "{}", json!({ "wit": answer.wit, "entrypoint": answer.entrypoint }))?;
    } else {
        write!(stdout, "{}", answer.wit)?;
    }
    Ok(stdout.flush()?)
}
