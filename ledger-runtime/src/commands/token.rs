//! `ledger token` and `ledger tokens`

use super::show::{Lines, print_json, state_text};
use crate::arguments::{TokenArguments, TokensArguments};
use crate::failure::{Failure, printable};
use anstream::{eprintln, stdout};
use ledger_runtime::draft::ContractTexts;
use ledger_runtime::rpc::{BurnedToken, HeldToken, NodeClient, TokenAnswer};
use serde_json::json;
use std::io::Write;

pub(crate) async fn run(arguments: TokenArguments) -> Result<(), Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    match node.token(&arguments.id).await? {
        TokenAnswer::Held(HeldToken { token, holder }) => {
            let contract = ContractTexts::new(&node).of(&token.contract).await?;
            let state = state_text(&contract, &token.type_name, &token.state)?;
            if arguments.json {
                return print_json(&json!({
                    "token": token.id,
                    "status": "held",
                    "contract": token.contract,
                    "type": token.type_name,
                    "holder": holder,
                    "state": state,
                }));
            }
            let mut lines = Lines::default();
            lines.add("token", token.id).add("type", &token.type_name).add("contract", token.contract);
            lines.add("held by", holder).add("state", state).print()
        }
        TokenAnswer::Burned(BurnedToken { token, contract, type_name, height }) => {
            if arguments.json {
                return print_json(&json!({
                    "token": token,
                    "status": "burned",
                    "contract": contract,
                    "type": type_name,
                    "burned_at": height,
                }));
            }
            let mut lines = Lines::default();
            lines.add("token", token).add("type", type_name).add("contract", contract);
            lines.add("burned", format_args!("in block {height}")).print()
        }
    }
}

pub(crate) async fn run_list(arguments: TokensArguments) -> Result<(), Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    let TokensArguments { contract, type_name, after, limit, .. } = &arguments;
    let page = node.tokens(contract.as_ref(), type_name.as_deref(), after.as_ref(), *limit).await?;
    if arguments.json {
        let tokens = page.tokens.iter().map(|token| {
            json!({ "token": token.id, "contract": token.contract, "type": token.type_name, "holder": token.holder })
        });
        return print_json(&json!({ "tokens": tokens.collect::<Vec<_>>(), "next": page.next }));
    }
    let mut stdout = stdout().lock();
    for token in &page.tokens {
        let type_name = printable(&token.type_name);
        writeln!(stdout, "{}  {type_name} of {}  held by {}", token.id, token.contract, token.holder)?;
    }
    stdout.flush()?;
    match &page.next {
        Some(next) => eprintln!("there are more: --after {next}"),
        None if page.tokens.is_empty() => eprintln!("there is no token here"),
        None => {}
    }
    Ok(())
}
