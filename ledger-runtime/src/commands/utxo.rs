//! `ledger utxo` and `ledger utxos`

use super::show::{Lines, listed, or_none, print_json, state_text};
use crate::arguments::{UtxoArguments, UtxosArguments};
use crate::failure::{Failure, printable};
use anstream::{eprintln, stdout};
use ledger_core::{Callable, MethodId, Token};
use ledger_runtime::draft::ContractTexts;
use ledger_runtime::rpc::{ConsumedSummary, LiveUtxo, NodeClient, UtxoAnswer, UtxoPage};
use ledger_runtime::utxo_name::UtxoName;
use serde_json::{Value as Json, json};
use std::io::Write;

pub(crate) async fn run(arguments: UtxoArguments) -> Result<(), Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    match node.utxo(&arguments.name).await? {
        UtxoAnswer::Live(live) => {
            let mut texts = ContractTexts::new(&node);
            let utxo = &live.utxo;
            let state = state_text(&*texts.of(&utxo.contract).await?, &utxo.type_name, &utxo.content.state)?;
            let mut tokens = Vec::new();
            for token in &utxo.content.tokens {
                let state = state_text(&*texts.of(&token.contract).await?, &token.type_name, &token.state)?;
                tokens.push((token, state));
            }
            match arguments.json {
                true => print_json(&live_json(&live, &state, &tokens)),
                false => live_lines(&live, &state, &tokens).print(),
            }
        }
        UtxoAnswer::Consumed(consumed) if arguments.json => print_json(&consumed_json(&consumed)),
        UtxoAnswer::Consumed(consumed) => consumed_lines(&consumed).print(),
    }
}

fn live_lines(live: &LiveUtxo, state: &str, tokens: &[(&Token, String)]) -> Lines {
    let (utxo, content) = (&live.utxo, &live.utxo.content);
    let mut lines = Lines::default();
    lines
        .add("utxo", utxo.id)
        .add("name", UtxoName::Serial(utxo.contract, utxo.serial))
        .add("type", type_name(&utxo.type_name))
        .add("version", utxo.version)
        .add("state", state)
        .add("callable", callable_text(live))
        .add("owner", or_none(content.owner))
        .add("slot", utxo.slot);
    for (Token { id, contract, type_name, .. }, state) in tokens {
        lines.add("token", format_args!("{id} ({type_name} of {contract}) {state}"));
    }
    lines
}

fn consumed_lines(consumed: &ConsumedSummary) -> Lines {
    let mut lines = Lines::default();
    lines
        .add("utxo", consumed.utxo)
        .add("name", UtxoName::Serial(consumed.contract, consumed.serial))
        .add("type", type_name(&consumed.type_name))
        .add("consumed", format_args!("in block {}", consumed.height))
        .add("slot", consumed.slot);
    lines
}

fn consumed_json(consumed: &ConsumedSummary) -> Json {
    json!({
        "utxo": consumed.utxo,
        "status": "consumed",
        "name": UtxoName::Serial(consumed.contract, consumed.serial).to_string(),
        "contract": consumed.contract,
        "serial": consumed.serial,
        "type": consumed.type_name,
        "consumed_at": consumed.height,
        "slot": consumed.slot,
    })
}

fn live_json(live: &LiveUtxo, state: &str, tokens: &[(&Token, String)]) -> Json {
    let (utxo, content) = (&live.utxo, &live.utxo.content);
    let tokens = tokens.iter().map(|(Token { id, contract, type_name, .. }, state)| {
        json!({ "token": id, "contract": contract, "type": type_name, "state": state })
    });
    json!({
        "utxo": utxo.id,
        "status": "live",
        "name": UtxoName::Serial(utxo.contract, utxo.serial).to_string(),
        "contract": utxo.contract,
        "serial": utxo.serial,
        "type": utxo.type_name,
        "version": utxo.version,
        "state": state,
        "callable": callable(live),
        "owner": content.owner,
        "tokens": tokens.collect::<Vec<_>>(),
        "deposit": content.deposit,
        "slot": utxo.slot,
    })
}

/// The methods that may be called, for people.
pub(super) fn callable_text(live: &LiveUtxo) -> String {
    let known = |name: String| {
        if live.method_names.values().any(|known| *known == name) {
            name
        } else {
            format!("{name} (no method of this type)")
        }
    };
    callable(live).map_or_else(|| "all functions".to_owned(), |names| listed(names.into_iter().map(known)))
}

/// The methods that may be called, each by its name, or by its id if the contract exports no method of this id; none if
/// all functions may be called.
fn callable(live: &LiveUtxo) -> Option<Vec<String>> {
    let name = |id: &MethodId| live.method_names.get(id).cloned().unwrap_or_else(|| format!("{id:?}"));
    match &live.utxo.content.callable {
        Callable::All => None,
        Callable::Methods(ids) => {
            let mut names: Vec<String> = ids.iter().map(name).collect();
            names.sort();
            Some(names)
        }
    }
}

/// The empty name is that of contracts that are their own type.
fn type_name(name: &str) -> &str {
    if name.is_empty() { "the contract itself" } else { name }
}

pub(crate) async fn run_list(arguments: UtxosArguments) -> Result<(), Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    let page = node.utxos(arguments.contract.as_ref(), arguments.after.as_ref(), arguments.limit).await?;
    if arguments.json {
        return print_json(&page_json(&page));
    }
    let mut stdout = stdout().lock();
    for utxo in &page.utxos {
        let name = UtxoName::Serial(utxo.contract, utxo.serial);
        writeln!(stdout, "{}  {name}  {}  version {}", utxo.id, printable(type_name(&utxo.type_name)), utxo.version)?;
    }
    stdout.flush()?;
    match &page.next {
        Some(next) => eprintln!("there are more: --after {next}"),
        None if page.utxos.is_empty() => eprintln!("no UTXO lives here"),
        None => {}
    }
    Ok(())
}

fn page_json(page: &UtxoPage) -> Json {
    let utxos = page.utxos.iter().map(|utxo| {
        json!({
            "utxo": utxo.id,
            "name": UtxoName::Serial(utxo.contract, utxo.serial).to_string(),
            "contract": utxo.contract,
            "serial": utxo.serial,
            "type": utxo.type_name,
            "version": utxo.version,
        })
    });
    json!({ "utxos": utxos.collect::<Vec<_>>(), "next": page.next.map(|next| next.to_string()) })
}
