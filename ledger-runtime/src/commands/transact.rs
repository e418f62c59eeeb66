//! `ledger transact` and `ledger deploy`

use super::called::Called;
use super::receipt::TransactionDocument;
use super::show::{Lines, print_json};
use super::utxo::callable_text;
use crate::arguments::{DeployArguments, InvocationArguments, TransactArguments};
use crate::failure::{Failure, Finding};
use anstream::eprintln;
use anyhow::Context;
use ledger_core::{RootCall, StepCall, UtxoRef};
use ledger_runtime::chain::Committed;
use ledger_runtime::draft::{ContractTexts, Draft, DraftOptions, draft, draft_steps};
use ledger_runtime::rpc::{
    ErrorCode, ImportedContract, InvalidReason, NodeClient, NodeClientError, Refusal, TransactionAnswer, UtxoAnswer,
};
use ledger_runtime::utxo_name::UtxoName;
use registry_core::id::{ComponentHash, TransactionId, UtxoId};
use serde::Serialize;
use std::path::Path;

pub(crate) async fn run(arguments: TransactArguments) -> Result<(), Failure> {
    let json = arguments.invocation.json;
    let document = transact(&arguments, |draft| {
        if json {
            return;
        }
        // Whoever gives up waiting can still ask what became of it.
        eprintln!("sent {}", draft.transaction.id());
        if draft.drops_state {
            hint_at_state(arguments.invocation.function.as_deref().unwrap_or_default());
        }
    });
    let document = document.await?;
    if json {
        print_json(&document)?;
    } else {
        let mut lines = Lines::default();
        document.describe(&mut lines);
        add_offers(&NodeClient::new(&arguments.invocation.node.url)?, &document, &mut lines).await;
        lines.print()?;
    }
    document.call.check("the transaction failed")
}

/// Sends the transaction and waits until it is durable; `sending` is shown it before.
pub(super) async fn transact(
    arguments: &TransactArguments,
    sending: impl FnOnce(&Draft),
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
    let draft = draft_of(&mut texts, invocation, &options).await?;
    sending(&draft);
    let committed = match node.submit(&draft.transaction).await {
        Ok(committed) => committed,
        Err(error) => return Err(of_submission(&node, error, &draft).await),
    };
    let mut document = TransactionDocument::of(&mut texts, &Called::of_draft(&draft), &committed).await?;
    document.call.add_token_states(&node, &mut texts).await?;
    Ok(document)
}

/// The transaction that the command line asks for: one call, or several.
pub(super) async fn draft_of(
    texts: &mut ContractTexts<'_>,
    invocation: &InvocationArguments,
    options: &DraftOptions,
) -> Result<Draft, Failure> {
    if let Some(steps) = steps_text(invocation)? {
        return Ok(draft_steps(texts, &steps, options).await?);
    }
    let (target, function) =
        invocation.target.zip(invocation.function.as_deref()).context("nothing is to be called")?;
    Ok(draft(texts, &target, function, &invocation.arguments, options).await?)
}

/// The calls of a transaction of several; none if there is one.
fn steps_text(invocation: &InvocationArguments) -> Result<Option<String>, Failure> {
    let text = match invocation.steps.as_deref() {
        Some(path) if path == Path::new("-") => {
            std::io::read_to_string(std::io::stdin()).context("cannot read the calls from stdin")?
        }
        Some(path) => {
            std::fs::read_to_string(path).with_context(|| format!("cannot read the calls in `{}`", path.display()))?
        }
        None if invocation.step.is_empty() => return Ok(None),
        None => invocation.step.join("\n"),
    };
    Ok(Some(text))
}

/// A node that did not answer may have the transaction nevertheless.
async fn of_submission(node: &NodeClient, error: NodeClientError, draft: &Draft) -> Failure {
    match error {
        NodeClientError::Timeout { .. } | NodeClientError::Answer { .. } => {
            let id = draft.transaction.id();
            let hint = format!("it may be in a block nevertheless: `ledger transaction {id}` tells");
            let code = error.code();
            Finding { message: format!("{:#}", anyhow::Error::from(error)), hint: Some(hint), code }.into()
        }
        other => with_what_is_offered(node, other, draft).await,
    }
}

/// The error of a method that may not be called where its UTXO waits, with those that may.
pub(super) async fn with_what_is_offered(node: &NodeClient, error: NodeClientError, draft: &Draft) -> Failure {
    let not_callable = ErrorCode::InvalidTransaction(InvalidReason::NotCallable);
    let NodeClientError::Refused(refusal) = error else { return error.into() };
    let refusal = Refusal { message: Called::of_draft(draft).in_lines(&refusal.message), ..refusal };
    let error = NodeClientError::Refused(refusal.clone());
    if refusal.code != not_callable {
        return error.into();
    }
    let mut offers = Vec::new();
    for utxo in called_utxos(&draft.transaction.call).iter().take(OFFERS_SHOWN_MAX) {
        offers.extend(offered(node, utxo).await.map(|offered| (*utxo, offered)));
    }
    let hint = match offers.as_slice() {
        [] => return error.into(),
        [(_, offered)] => format!("the UTXO offers now: {offered}"),
        several => {
            let each: Vec<String> = several.iter().map(|(utxo, offered)| format!("{utxo} offers {offered}")).collect();
            format!("now {}", each.join("; "))
        }
    };
    let (message, code) = (refusal.message.clone(), refusal.code.to_string());
    Finding { message, hint: Some(hint), code }.into()
}

/// The UTXOs that were there before, and of which a transaction calls methods itself.
fn called_utxos(call: &RootCall) -> Vec<UtxoId> {
    match call {
        RootCall::Method { utxo, .. } => vec![*utxo],
        RootCall::Calls(steps) => {
            let called = steps.iter().filter_map(|step| match &step.call {
                StepCall::Method { utxo: UtxoRef::Kept(utxo), .. } => Some(*utxo),
                _ => None,
            });
            let mut called: Vec<UtxoId> = called.collect();
            called.sort();
            called.dedup();
            called
        }
        RootCall::Function { .. } | RootCall::Main { .. } | RootCall::Deploy { .. } => Vec::new(),
    }
}

/// The methods that can be called of a UTXO now; none if it does not live.
async fn offered(node: &NodeClient, utxo: &UtxoId) -> Option<String> {
    match node.utxo(&UtxoName::Id(*utxo)).await {
        Ok(UtxoAnswer::Live(live)) => Some(callable_text(&live)),
        Ok(UtxoAnswer::Consumed(_)) | Err(_) => None,
    }
}

/// Adds what the UTXOs offer now that a transaction made or changed.
async fn add_offers(node: &NodeClient, document: &TransactionDocument, lines: &mut Lines) {
    for utxo in document.call.living().take(OFFERS_SHOWN_MAX) {
        if let Some(offered) = offered(node, &utxo).await {
            lines.add("offers now", format_args!("{utxo}: {offered}"));
        }
    }
}

/// UTXOs of which a transaction's end says what they offer. Each is asked for.
const OFFERS_SHOWN_MAX: usize = 10;

/// Tells that a call leaves no state, and how one would.
pub(super) fn hint_at_state(function: &str) {
    eprintln!(
        "hint: the contract has a state (`get-storage`), and that of this call is dropped: `::{function}` makes a UTXO \
         that keeps it; name a UTXO to call a function of it"
    );
}

pub(crate) async fn run_deploy(arguments: DeployArguments) -> Result<(), Failure> {
    let node = NodeClient::new(&arguments.node.url)?;
    let imports = if arguments.no_imports { Vec::new() } else { deploy_imports(&node, &arguments).await? };
    let committed = match node.deploy(&arguments.contract, arguments.gas_limit_max).await {
        Err(NodeClientError::Refused(refusal)) if refusal.code == DEPLOYED_ALREADY => {
            earlier_deployment(&node, &arguments, refusal).await?
        }
        answer => answer?,
    };
    let done = TransactionDocument::of(&mut ContractTexts::new(&node), &Called::Deployment, &committed).await?;
    let document = DeployDocument { imports, done };
    document.print(arguments.json)?;
    document.done.call.check("the deployment failed")
}

/// What `--json` prints of a deployment.
#[derive(Debug, Serialize)]
struct DeployDocument {
    /// The deployments that were made because the contract needs them.
    imports: Vec<ImportDocument>,
    #[serde(flatten)]
    done: TransactionDocument,
}

#[derive(Debug, Serialize)]
struct ImportDocument {
    contract: ComponentHash,
    transaction: TransactionId,
    height: u64,
}

/// Deploys what the contract needs and the chain does not have.
async fn deploy_imports(node: &NodeClient, arguments: &DeployArguments) -> Result<Vec<ImportDocument>, Failure> {
    let imports = node.imports(&arguments.contract).await?;
    let mut deployed = Vec::new();
    for ImportedContract { contract, .. } in imports.into_iter().filter(|import| !import.is_deployed) {
        if !arguments.json {
            eprintln!("deploying {contract}, which it needs");
        }
        match node.deploy(&contract, None).await {
            Ok(Committed { height, receipt, .. }) => {
                deployed.push(ImportDocument { contract, transaction: receipt.transaction, height });
            }
            // Somebody else was faster.
            Err(NodeClientError::Refused(refusal)) if refusal.code == DEPLOYED_ALREADY => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(deployed)
}

const DEPLOYED_ALREADY: ErrorCode = ErrorCode::InvalidTransaction(InvalidReason::DeployedContract);

/// The transaction that deployed a contract. It is as good as the one that was asked for, if that asked for no other limit.
async fn earlier_deployment(
    node: &NodeClient,
    arguments: &DeployArguments,
    refusal: Refusal,
) -> Result<Committed, Failure> {
    let record = node.contract(&arguments.contract).await?.record;
    if arguments.gas_limit_max.is_some() && arguments.gas_limit_max != record.gas_limit_max {
        return Err(NodeClientError::Refused(refusal).into());
    }
    let height = height_of(node, record.slot).await?;
    for transaction in node.block(Some(height)).await?.transactions {
        let TransactionAnswer { height, index, block, receipt, .. } = node.transaction(&transaction.id).await?;
        if receipt.deployed == Some(arguments.contract) {
            if !arguments.json {
                eprintln!("deployed already in block {height}");
            }
            return Ok(Committed { block, height, index, receipt });
        }
    }
    Err(NodeClientError::Refused(refusal).into())
}

/// The height of the block that took a slot of contracts: the first after which the next slot is a later one.
async fn height_of(node: &NodeClient, slot: u32) -> Result<u64, NodeClientError> {
    let mut first = 0;
    let mut last = node.chain_status().await?.header.moment.height;
    while first < last {
        let middle = first + (last - first) / 2;
        if node.block(Some(middle)).await?.header.next_contract_slot > slot {
            last = middle;
        } else {
            first = middle + 1;
        }
    }
    Ok(first)
}

impl DeployDocument {
    fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            return print_json(self);
        }
        let mut lines = Lines::default();
        for ImportDocument { contract, height, .. } in &self.imports {
            lines.add("import", format_args!("{contract} in block {height}"));
        }
        self.done.describe(&mut lines);
        lines.print()
    }
}
