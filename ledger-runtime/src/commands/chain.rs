//! `ledger status`, `ledger block`, `ledger transaction` and `ledger contract`

use super::called::{Called, written};
use super::receipt::{TransactionDocument, arguments_text, kind_name};
use super::show::{Lines, print_json, time};
use crate::arguments::{BlockArguments, ContractArguments, StatusArguments, TransactionArguments};
use crate::failure::Failure;
use anstream::eprintln;
use ledger_core::{Header, Input, RootCall, TokenRef, Transaction, UtxoRef};
use ledger_runtime::chain::Committed;
use ledger_runtime::draft::ContractTexts;
use ledger_runtime::rpc::{BlockAnswer, NodeClient, TransactionAnswer};
use ledger_runtime::wave::{Callee, CalleeError, ContractText};
use serde::Serialize;
use serde_json::{Value as Json, json};

/// Transactions of a block that are shown to a person who did not ask for all.
const TRANSACTIONS_SHOWN_MAX: usize = 50;

pub(crate) async fn run_status(arguments: StatusArguments) -> Result<(), Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    let status = node.chain_status().await?;
    let header = &status.header;
    if arguments.json {
        return print_json(&json!({
            "chain": header.chain,
            "block": status.tip,
            "header": header_json(header),
            "gas_limit_default": status.gas_limit_default,
            "gas_limit_max": status.gas_limit_max,
        }));
    }
    Lines::default()
        .add("chain", &header.chain)
        .add("height", header.moment.height)
        .add("block", status.tip)
        .add("time", format_args!("{} (slot {})", time(header.moment.time_ms), header.moment.slot))
        .add("state root", header.new_root.to_hex())
        .add("contracts", header.next_contract_slot)
        .add("UTXOs so far", header.next_slot)
        .add("profile", header.profile.0.to_hex())
        .add("gas limit", format_args!("{} (at most {})", status.gas_limit_default, status.gas_limit_max))
        .print()
}

pub(crate) async fn run_block(arguments: BlockArguments) -> Result<(), Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    let block = node.block(arguments.height).await?;
    if arguments.json {
        return print_json(&block_json(&block));
    }
    let header = &block.header;
    let mut lines = Lines::default();
    lines
        .add("block", block.id)
        .add("height", header.moment.height)
        .add("chain", &header.chain)
        .add("time", format_args!("{} (slot {})", time(header.moment.time_ms), header.moment.slot))
        .add("parent", header.parent)
        .add("state root", header.new_root.to_hex())
        .add("contracts root", header.contracts_root.to_hex())
        .add("transactions root", header.transactions_root.to_hex())
        .add("receipts root", header.receipts_root.to_hex())
        .add("claims root", header.claims_root.to_hex())
        .add("profile", header.profile.0.to_hex());
    let shown = if arguments.all { usize::MAX } else { TRANSACTIONS_SHOWN_MAX };
    for transaction in block.transactions.iter().take(shown) {
        let end =
            transaction.failure.map_or_else(|| "succeeded".to_owned(), |kind| format!("failed ({})", kind_name(kind)));
        lines.add("transaction", format_args!("{}  {end}  {} gas", transaction.id, transaction.gas_used));
    }
    lines.print()?;
    let more = block.transactions.len().saturating_sub(shown);
    if more > 0 {
        eprintln!("there are {more} more transactions: --all shows them");
    }
    Ok(())
}

fn block_json(block: &BlockAnswer) -> Json {
    let transactions = block.transactions.iter().map(|transaction| {
        json!({
            "transaction": transaction.id,
            "outcome": if transaction.failure.is_none() { "succeeded" } else { "failed" },
            "failure": transaction.failure.map(kind_name),
            "gas_used": transaction.gas_used,
        })
    });
    json!({
        "block": block.id,
        "header": header_json(&block.header),
        "transactions": transactions.collect::<Vec<_>>(),
    })
}

fn header_json(header: &Header) -> Json {
    json!({
        "hash_version": header.hash_version,
        "chain": header.chain,
        "profile": header.profile.0.to_hex(),
        "height": header.moment.height,
        "slot": header.moment.slot,
        "time_ms": header.moment.time_ms,
        "parent": header.parent,
        "old_root": header.old_root.to_hex(),
        "new_root": header.new_root.to_hex(),
        "next_slot": header.next_slot,
        "contracts_root": header.contracts_root.to_hex(),
        "next_contract_slot": header.next_contract_slot,
        "transactions_root": header.transactions_root.to_hex(),
        "receipts_root": header.receipts_root.to_hex(),
        "claims_root": header.claims_root.to_hex(),
    })
}

/// What `--json` prints of a transaction: what it asked for, and what it did.
#[derive(Debug, Serialize)]
struct FullDocument {
    /// None if it made several calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<CallText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    calls: Option<Vec<CallText>>,
    inputs: Vec<InputDocument>,
    references: Vec<InputDocument>,
    /// As text, because many readers of JSON have no numbers of this size.
    nonce: String,
    valid_from: u64,
    valid_until: u64,
    gas_limit: u64,
    #[serde(flatten)]
    done: TransactionDocument,
}

#[derive(Debug, Serialize)]
struct CallText {
    target: String,
    function: String,
    /// None if it is not known any more what takes them.
    arguments: Option<String>,
}

impl CallText {
    fn shown(&self) -> String {
        format!("{} {}({})", self.target, self.function, self.arguments.as_deref().unwrap_or("…"))
    }
}

#[derive(Debug, Serialize)]
struct InputDocument {
    utxo: String,
    version: Option<u64>,
}

pub(crate) async fn run_transaction(arguments: TransactionArguments) -> Result<(), Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    let answer = node.transaction(&arguments.id).await?;
    let document = full_document(&node, answer).await?;
    if arguments.json {
        return print_json(&document);
    }
    let mut lines = Lines::default();
    lines.add_some("call", document.call.as_ref().map(CallText::shown));
    for (number, call) in (1..).zip(document.calls.iter().flatten()) {
        lines.add("call", format_args!("step {number}: {}", call.shown()));
    }
    for (label, inputs) in [("input", &document.inputs), ("reference", &document.references)] {
        for InputDocument { utxo, version } in inputs {
            let version = version.map_or_else(|| "latest".to_owned(), |version| version.to_string());
            lines.add(label, format_args!("{utxo} version {version}"));
        }
    }
    document.done.describe(&mut lines);
    lines.print()
}

async fn full_document(node: &NodeClient, answer: TransactionAnswer) -> Result<FullDocument, Failure> {
    let TransactionAnswer { height, index, block, transaction, receipt } = answer;
    let mut texts = ContractTexts::new(node);
    let called = Called::of_transaction(&mut texts, &transaction, &receipt).await?;
    let (call, calls) = call_texts(&transaction, &called)?;
    let done = TransactionDocument::of(&mut texts, &called, &Committed { height, index, block, receipt }).await?;
    Ok(FullDocument {
        call,
        calls,
        inputs: inputs(&transaction.inputs),
        references: inputs(&transaction.references),
        nonce: transaction.nonce.to_string(),
        valid_from: transaction.valid_from,
        valid_until: transaction.valid_until,
        gas_limit: transaction.gas_limit,
        done,
    })
}

fn inputs(inputs: &[Input]) -> Vec<InputDocument> {
    let document = |input: &Input| InputDocument { utxo: input.utxo.to_string(), version: input.version };
    inputs.iter().map(document).collect()
}

/// The call of a transaction as people write it, or its calls.
fn call_texts(
    transaction: &Transaction,
    called: &Called,
) -> Result<(Option<CallText>, Option<Vec<CallText>>), Failure> {
    let text = |(target, function): (String, String), callee: Option<&Callee>, arguments: &[u8]| {
        let arguments = callee.map(|callee| arguments_text(&callee.signature, arguments)).transpose()?;
        Ok::<_, Failure>(CallText { target, function, arguments })
    };
    Ok(match (&transaction.call, called) {
        (RootCall::Calls(steps), Called::Several { callees, .. }) => {
            let steps = steps.iter().zip(callees);
            let texts = steps.map(|(step, callee)| text(written(&step.call), callee.as_ref(), &step.arguments));
            (None, Some(texts.collect::<Result<_, _>>()?))
        }
        (call, Called::One { callee, .. }) => {
            (Some(text(target_and_function(call), (**callee).as_ref(), &transaction.arguments)?), None)
        }
        (call, _) => {
            let (target, function) = target_and_function(call);
            (Some(CallText { target, function, arguments: Some(String::new()) }), None)
        }
    })
}

fn target_and_function(call: &RootCall) -> (String, String) {
    match call {
        RootCall::Function { contract, function } => (contract.to_string(), function.clone()),
        RootCall::Main { contract, type_name, main } => (contract.to_string(), format!("{type_name}::{main}")),
        RootCall::Method { utxo, method } => (utxo.to_string(), method.clone()),
        RootCall::Deploy { contract, .. } => (contract.to_string(), "deploy".to_owned()),
        RootCall::Calls(steps) => (format!("{} calls", steps.len()), "calls".to_owned()),
    }
}

/// Something that can be called, as it is typed, and what it takes and gives.
struct Callable {
    name: String,
    signature: String,
}

impl Callable {
    fn of(callee: Result<Callee, CalleeError>) -> Self {
        match callee {
            Ok(callee) => Self { name: callee.name, signature: callee.signature.to_string() },
            Err(error) => Self { name: error.to_string(), signature: String::new() },
        }
    }

    fn json(&self) -> Json {
        json!({ "name": self.name, "signature": self.signature })
    }
}

/// What can be called of a UTXO or a token of a type. A signature does not depend on which one it is.
fn methods(text: &ContractText, type_name: &str, is_token: bool) -> Vec<Callable> {
    let names = text.methods(type_name);
    let callees = names.iter().map(|name| match is_token {
        true => text.token_function(TokenRef::Minted(0), type_name, name),
        false => text.method(UtxoRef::Made(0), type_name, name),
    });
    callees.map(Callable::of).collect()
}

pub(crate) async fn run_contract(arguments: ContractArguments) -> Result<(), Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    let answer = node.contract(&arguments.contract).await?;
    let (record, counters) = (&answer.record, &answer.counters);
    let text = ContractTexts::new(&node).of(&record.contract).await?;
    let functions: Vec<Callable> =
        text.callees().iter().map(|name| Callable::of(text.callee(record.contract, name))).collect();
    let of_utxos = text.utxo_types().map(|name| (name, "utxo", methods(&text, name, false)));
    let of_tokens = text.token_types().map(|name| (name, "token", methods(&text, name, true)));
    let methods: Vec<(&str, &str, Vec<Callable>)> = of_utxos.chain(of_tokens).collect();
    if arguments.json {
        let types = methods.iter().map(|(name, kind, methods)| {
            json!({ "name": name, "kind": kind, "methods": methods.iter().map(Callable::json).collect::<Vec<_>>() })
        });
        let packages = record.packages.iter().map(|(name, hash)| json!({ "name": name, "hash": hash }));
        let imports = record.imports.iter().map(|(id, contract)| json!({ "external_id": id, "contract": contract }));
        let tokens = counters.tokens.iter().map(|(name, supply)| {
            let held = supply.minted.saturating_sub(supply.burned);
            json!({ "type": name, "minted": supply.minted, "burned": supply.burned, "held": held })
        });
        return print_json(&json!({
            "contract": record.contract,
            "view": record.view,
            "packages": packages.collect::<Vec<_>>(),
            "imports": imports.collect::<Vec<_>>(),
            "host_interface": record.host_interface.0.to_hex(),
            "gas_limit_max": record.gas_limit_max,
            "slot": record.slot,
            "utxos_so_far": counters.next_serial,
            "tokens": tokens.collect::<Vec<_>>(),
            "functions": functions.iter().map(Callable::json).collect::<Vec<_>>(),
            "types": types.collect::<Vec<_>>(),
            "handles": text.handled(),
        }));
    }
    let mut lines = Lines::default();
    lines
        .add("contract", record.contract)
        .add("view", record.view)
        .add("host interface", record.host_interface.0.to_hex())
        .add("gas limit", record.gas_limit_max.map_or_else(|| "that of the chain".to_owned(), |max| max.to_string()))
        .add("slot", record.slot)
        .add("UTXOs so far", counters.next_serial);
    for Callable { name, signature } in &functions {
        lines.add("function", format_args!("{name}{signature}"));
    }
    for (type_name, _, methods) in &methods {
        for Callable { name, signature } in methods {
            lines.add("method", format_args!("{name}{signature} of {type_name}"));
        }
    }
    for effect in text.handled() {
        lines.add("handles", effect);
    }
    for (name, hash) in &record.packages {
        lines.add("package", format_args!("{name} {hash}"));
    }
    for (id, contract) in &record.imports {
        lines.add("import", format_args!("{id} is {contract}"));
    }
    for (name, supply) in &counters.tokens {
        let held = supply.minted.saturating_sub(supply.burned);
        lines.add("token", format_args!("{name}: {} minted, {} burned, {held} held", supply.minted, supply.burned));
    }
    lines.print()
}
