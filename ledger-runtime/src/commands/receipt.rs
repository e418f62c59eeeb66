//! What a transaction did, or would do, with all values as WAVE.

use super::called::Called;
use super::show::{Lines, state_text};
use crate::failure::{Failure, Finding};
use anyhow::Context;
use ledger_core::{Event, FailureFrame, FailureKind, FailureObject, ObjectId, Receipt, TokenChange};
use ledger_runtime::chain::Committed;
use ledger_runtime::draft::{ContractTexts, results};
use ledger_runtime::rpc::{self, NodeClient, TokenAnswer, UtxoAnswer};
use ledger_runtime::utxo_name::UtxoName;
use ledger_runtime::value::{ValueLimits, decode_parameters, decode_result};
use ledger_runtime::wave::{Signature, to_text};
use registry_core::id::{BlockId, ComponentHash, TokenId, TransactionId, UtxoId};
use serde::Serialize;
use std::collections::BTreeMap;
use wasm_wave::value::Value;

/// What came of a call: four members for a plain function, and what it does to the chain for others.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CallDocument {
    pub(super) outcome: Outcome,
    pub(super) result: Option<String>,
    /// That of each call, if there were several.
    #[serde(skip_serializing_if = "Option::is_none")]
    results: Option<Vec<ResultDocument>>,
    pub(super) gas_used: u64,
    pub(super) errors: Vec<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) effects: Option<EffectsDocument>,
}

/// What one of several calls gave.
#[derive(Debug, Clone, Serialize)]
struct ResultDocument {
    /// None if it is not known any more what was called.
    function: Option<String>,
    result: Option<String>,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Outcome {
    Succeeded,
    /// While it ran.
    Failed,
    /// It did not run.
    Invalid,
}

/// What a transaction does to the chain.
#[derive(Debug, Clone, Serialize)]
pub(super) struct EffectsDocument {
    failure: Option<&'static str>,
    /// The calls that were going on when it failed, the innermost first.
    frames: Vec<FrameDocument>,
    created: Vec<CreatedDocument>,
    changed: Vec<ChangedDocument>,
    consumed: Vec<UtxoId>,
    ephemeral: Vec<UtxoId>,
    read: Vec<UtxoId>,
    deployed: Option<ComponentHash>,
    tokens: Vec<TokenDocument>,
    events: Vec<EventDocument>,
    /// What people call UTXOs that were there before, as far as it was asked for.
    #[serde(skip)]
    names: BTreeMap<UtxoId, String>,
}

#[derive(Debug, Clone, Serialize)]
struct FrameDocument {
    contract: ComponentHash,
    object: Option<FrameObject>,
    function: String,
    /// What it takes and gives; none if the contract's WIT does not tell.
    signature: Option<String>,
    /// Whether it makes an object of the type: a main function, or one that mints.
    #[serde(skip)]
    is_creator: bool,
}

#[derive(Debug, Clone, Serialize)]
struct FrameObject {
    id: String,
    /// `contract#serial` of a UTXO that was there before.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(rename = "type")]
    type_name: String,
}

#[derive(Debug, Clone, Serialize)]
struct TokenDocument {
    token: TokenId,
    contract: ComponentHash,
    #[serde(rename = "type")]
    type_name: String,
    from: Option<UtxoId>,
    to: Option<UtxoId>,
    /// Its record, if it was asked for and the token is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<String>,
}

#[derive(Debug, Clone, Serialize)]
struct CreatedDocument {
    utxo: UtxoId,
    name: String,
}

#[derive(Debug, Clone, Serialize)]
struct ChangedDocument {
    utxo: UtxoId,
    version: u64,
}

#[derive(Debug, Clone, Serialize)]
struct EventDocument {
    contract: ComponentHash,
    object: Option<String>,
    interface: String,
    name: String,
    /// WAVE with commas, as arguments are written.
    arguments: String,
}

/// What `--json` prints of a transaction in a block.
#[derive(Debug, Clone, Serialize)]
pub(super) struct TransactionDocument {
    pub(super) transaction: TransactionId,
    pub(super) height: u64,
    pub(super) index: u32,
    pub(super) block: BlockId,
    #[serde(flatten)]
    pub(super) call: CallDocument,
}

impl CallDocument {
    /// What a plain function gave.
    pub(super) fn of_answer(signature: &Signature, answer: rpc::Outcome) -> Result<Self, Failure> {
        let rpc::Outcome { valid, result, gas_used, errors } = answer;
        let result = if valid { result_text(signature, &result)? } else { None };
        Ok(Self { outcome: Outcome::of(valid), result, results: None, gas_used, errors, effects: None })
    }

    /// What a receipt says of what was called. A deployment has no result.
    pub(super) async fn of_receipt(
        texts: &mut ContractTexts<'_>,
        called: &Called,
        receipt: &Receipt,
    ) -> Result<Self, Failure> {
        let failure = receipt.outcome.as_ref().err();
        let all = match &receipt.outcome {
            Ok(encoded) => result_documents(called, encoded)?,
            Err(_) => Vec::new(),
        };
        let (result, results) = match called {
            Called::Several { .. } => (None, failure.is_none().then_some(all)),
            Called::One { .. } | Called::Deployment => (all.into_iter().find_map(|document| document.result), None),
        };
        let mut frames = Vec::new();
        for frame in failure.iter().flat_map(|failure| &failure.frames) {
            frames.push(frame_document(texts, frame).await?);
        }
        let mut events = Vec::new();
        for event in &receipt.events {
            events.push(event_document(texts, event).await?);
        }
        let created = receipt.created.iter().map(|created| CreatedDocument {
            utxo: created.utxo,
            name: UtxoName::Serial(created.contract, created.serial).to_string(),
        });
        let changed =
            receipt.changed.iter().map(|changed| ChangedDocument { utxo: changed.utxo, version: changed.version });
        let effects = EffectsDocument {
            failure: failure.map(|failure| kind_name(failure.kind)),
            frames,
            created: created.collect(),
            changed: changed.collect(),
            consumed: receipt.consumed.iter().map(|consumed| consumed.utxo).collect(),
            ephemeral: receipt.ephemeral.clone(),
            read: receipt.read.clone(),
            deployed: receipt.deployed,
            tokens: receipt.tokens.iter().map(TokenDocument::of).collect(),
            events,
            names: names(texts.node(), receipt).await,
        };
        Ok(Self {
            outcome: Outcome::of(failure.is_none()),
            result,
            results,
            gas_used: receipt.gas_used,
            errors: failure.iter().map(|failure| called.in_lines(&failure.to_string())).collect(),
            effects: Some(effects),
        })
    }

    /// A call that was not made.
    pub(super) fn of_error(error: &anyhow::Error) -> Self {
        Self {
            outcome: Outcome::Invalid,
            result: None,
            results: None,
            gas_used: 0,
            errors: vec![format!("{error:#}")],
            effects: None,
        }
    }

    /// The UTXOs that it made or changed and that lived on.
    pub(super) fn living(&self) -> impl Iterator<Item = UtxoId> {
        let effects = self.effects.iter();
        effects.flat_map(|effects| {
            let created = effects.created.iter().map(|created| created.utxo);
            created.chain(effects.changed.iter().map(|changed| changed.utxo))
        })
    }

    /// Adds what the tokens that it minted or moved keep now.
    pub(super) async fn add_token_states(
        &mut self,
        node: &NodeClient,
        texts: &mut ContractTexts<'_>,
    ) -> Result<(), Failure> {
        let tokens = self.effects.iter_mut().flat_map(|effects| &mut effects.tokens);
        for document in tokens.filter(|document| document.to.is_some()).take(TOKEN_STATES_MAX) {
            // Somebody else may have burned it meanwhile.
            if let Ok(TokenAnswer::Held(held)) = node.token(&document.token).await {
                let contract = texts.of(&held.token.contract).await?;
                document.state = Some(state_text(&contract, &held.token.type_name, &held.token.state)?);
            }
        }
        Ok(())
    }

    /// The calls that were going on when it failed, line by line.
    pub(super) fn describe_frames(&self, lines: &mut Lines) {
        let frames = self.effects.iter().flat_map(|effects| &effects.frames);
        for (frame, label) in frames.zip(["  in"].into_iter().chain(std::iter::repeat("  from"))) {
            lines.add(label, frame.text());
        }
    }

    /// The results, in the order of the calls that gave one.
    pub(super) fn results(&self) -> impl Iterator<Item = &str> {
        let of_several = self.results.iter().flatten().filter_map(|document| document.result.as_deref());
        self.result.as_deref().into_iter().chain(of_several)
    }

    /// What it gave, line by line.
    pub(super) fn describe_results(&self, lines: &mut Lines) {
        lines.add_some("result", self.result.as_ref());
        for ResultDocument { function, result } in self.results.iter().flatten() {
            let function = function.as_deref().unwrap_or("an unknown function");
            lines.add_some("result", result.as_ref().map(|result| format!("{result} ({function})")));
        }
    }

    /// What it does to the chain, line by line.
    pub(super) fn describe(&self, lines: &mut Lines) {
        let Some(effects) = &self.effects else { return };
        for created in &effects.created {
            lines.add("created", format_args!("{} ({})", created.utxo, created.name));
        }
        for changed in &effects.changed {
            lines.add("changed", format_args!("{} to version {}", effects.named(&changed.utxo), changed.version));
        }
        for (label, utxos) in
            [("consumed", &effects.consumed), ("ephemeral", &effects.ephemeral), ("read", &effects.read)]
        {
            for utxo in utxos {
                lines.add(label, effects.named(utxo));
            }
        }
        for token in &effects.tokens {
            let (label, text) = token.text();
            lines.add(label, text);
        }
        lines.add_some("deployed", effects.deployed);
        for event in &effects.events {
            let of_token = event.object.as_ref().filter(|object| object.starts_with(TokenId::PREFIX));
            let of_token = of_token.map(|token| format!(" of {token}")).unwrap_or_default();
            lines.add("event", format_args!("{}.{}({}){of_token}", event.interface, event.name, event.arguments));
        }
    }

    /// An error if the call failed.
    pub(super) fn check(&self, what: &'static str) -> Result<(), Failure> {
        if self.outcome == Outcome::Succeeded {
            return Ok(());
        }
        let kind = self.effects.as_ref().and_then(|effects| effects.failure);
        let code = kind.map_or_else(|| "failed".to_owned(), |kind| format!("failed({kind})"));
        let hint = match kind {
            Some(OUT_OF_GAS) => Some("ask for more with `--gas-limit`; `ledger status` shows the most that there is"),
            Some(EFFECT) => Some("a coordination script that installs a handler can call it; see docs/transactions.md"),
            _ => None,
        };
        let reason = Finding { message: self.errors.join("; "), hint: hint.map(str::to_owned), code };
        Err(anyhow::Error::new(reason).context(what).into())
    }
}

impl Outcome {
    fn of(is_success: bool) -> Self {
        if is_success { Self::Succeeded } else { Self::Failed }
    }
}

impl EffectsDocument {
    /// A UTXO with what else it is called, if that is known.
    fn named(&self, utxo: &UtxoId) -> String {
        self.names.get(utxo).map_or_else(|| utxo.to_string(), |name| format!("{utxo} ({name})"))
    }
}

/// `contract#serial` and the type of each UTXO that was there before. Each is a question to the node, so of many UTXOs not
/// all are asked for; what does not answer has no name.
async fn names(node: &NodeClient, receipt: &Receipt) -> BTreeMap<UtxoId, String> {
    let changed = receipt.changed.iter().map(|changed| changed.utxo);
    let consumed = receipt.consumed.iter().map(|consumed| consumed.utxo);
    let utxos = changed.chain(consumed).chain(receipt.read.iter().copied());
    let mut names = BTreeMap::new();
    for id in utxos.take(NAMES_MAX) {
        let (contract, serial, type_name) = match node.utxo(&UtxoName::Id(id)).await {
            Ok(UtxoAnswer::Live(live)) => (live.utxo.contract, live.utxo.serial, live.utxo.type_name),
            Ok(UtxoAnswer::Consumed(consumed)) => (consumed.contract, consumed.serial, consumed.type_name),
            Err(_) => continue,
        };
        let of_type = if type_name.is_empty() { String::new() } else { format!(", {type_name}") };
        names.insert(id, format!("{}{of_type}", UtxoName::Serial(contract, serial)));
    }
    names
}

/// UTXOs of which a receipt says what else they are called.
const NAMES_MAX: usize = 20;

impl TransactionDocument {
    pub(super) async fn of(
        texts: &mut ContractTexts<'_>,
        called: &Called,
        committed: &Committed,
    ) -> Result<Self, Failure> {
        Ok(Self {
            transaction: committed.receipt.transaction,
            height: committed.height,
            index: committed.index,
            block: committed.block,
            call: CallDocument::of_receipt(texts, called, &committed.receipt).await?,
        })
    }

    pub(super) fn describe(&self, lines: &mut Lines) {
        lines.add("transaction", self.transaction);
        lines.add("block", format_args!("{} ({})", self.height, self.block));
        lines.add_some("failure", self.call.errors.first());
        self.call.describe_frames(lines);
        self.call.describe_results(lines);
        self.call.describe(lines);
        lines.add("gas used", self.call.gas_used);
    }
}

const OUT_OF_GAS: &str = "out-of-gas";
const EFFECT: &str = "effect";

/// The kinds of failure, as the WIT of the node calls them.
pub(super) fn kind_name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::OutOfGas => OUT_OF_GAS,
        FailureKind::Trap => "trap",
        FailureKind::Refused => "refused",
        FailureKind::Effect => EFFECT,
        FailureKind::Limit => "limit",
    }
}

/// Tokens of which the state is asked for at the end of a transaction. Each is a question to the node.
const TOKEN_STATES_MAX: usize = 20;

impl TokenDocument {
    fn of(change: &TokenChange) -> Self {
        let TokenChange { token, contract, type_name, from, to } = change.clone();
        Self { token, contract, type_name, from, to, state: None }
    }

    /// What became of it, for people.
    fn text(&self) -> (&'static str, String) {
        let what = format!("{} ({} of {})", self.token, self.type_name, self.contract);
        let state = self.state.as_ref().map(|state| format!(" {state}")).unwrap_or_default();
        match (self.from, self.to) {
            (None, Some(to)) => ("minted", format!("{what}{state} held by {to}")),
            (None, None) => ("minted", format!("{what} and burned")),
            (Some(from), Some(to)) => ("moved", format!("{what}{state} from {from} to {to}")),
            (Some(from), None) => ("burned", format!("{what}, held by {from} before")),
        }
    }
}

impl FrameDocument {
    fn text(&self) -> String {
        let Self { contract, object, function, signature, is_creator } = self;
        let signature = signature.as_deref().unwrap_or_default();
        match object {
            None => format!("{function}{signature} of {contract}"),
            Some(FrameObject { id, name, type_name }) => {
                let kind = if id.starts_with(TokenId::PREFIX) { "token" } else { "UTXO" };
                let name = name.as_ref().map_or_else(|| format!("{id} of {contract}"), |name| format!("{name} ({id})"));
                let of_type = match (type_name.as_str(), is_creator) {
                    ("", _) => String::new(),
                    (_, true) => format!("{type_name}::"),
                    (_, false) => format!("{type_name}."),
                };
                format!("{of_type}{function}{signature} of the {kind} {name}")
            }
        }
    }
}

async fn frame_document(texts: &mut ContractTexts<'_>, frame: &FailureFrame) -> Result<FrameDocument, Failure> {
    let FailureFrame { contract, object, function } = frame;
    let type_name = object.as_ref().map(|object| object.type_name.as_str());
    let text = texts.of(contract).await?;
    let signature = text.called(type_name, function).map_err(anyhow::Error::from)?;
    let is_creator = type_name.is_some_and(|type_name| text.is_creator(type_name, function));
    let object = match object {
        Some(object) => Some(frame_object(texts.node(), object).await),
        None => None,
    };
    let signature = signature.as_ref().map(ToString::to_string);
    Ok(FrameDocument { contract: *contract, object, function: function.clone(), signature, is_creator })
}

/// An object of a call that failed. What the transaction itself made was never part of the chain, and has no other name.
async fn frame_object(node: &NodeClient, object: &FailureObject) -> FrameObject {
    let name = match object.id {
        ObjectId::Utxo(id) => match node.utxo(&UtxoName::Id(id)).await {
            Ok(UtxoAnswer::Live(live)) => Some(UtxoName::Serial(live.utxo.contract, live.utxo.serial)),
            Ok(UtxoAnswer::Consumed(consumed)) => Some(UtxoName::Serial(consumed.contract, consumed.serial)),
            Err(_) => None,
        },
        ObjectId::Token(_) => None,
    };
    let name = name.map(|name| name.to_string());
    FrameObject { id: object.id.to_string(), name, type_name: object.type_name.clone() }
}

/// What each call gave.
fn result_documents(called: &Called, encoded: &[u8]) -> Result<Vec<ResultDocument>, Failure> {
    const WRONG: &str = "the node's answer is not what the contract's WIT says";
    let (call, callees) = match called {
        Called::Deployment => return Ok(Vec::new()),
        Called::One { call, callee } => (call, std::slice::from_ref(&**callee)),
        Called::Several { call, callees, .. } => (call, callees.as_slice()),
    };
    let results = results(call, encoded).context(WRONG)?;
    let documents = callees.iter().zip(results).map(|(callee, encoded)| {
        let result = callee.as_ref().map(|callee| result_text(&callee.signature, &encoded)).transpose()?.flatten();
        Ok(ResultDocument { function: callee.as_ref().map(|callee| callee.name.clone()), result })
    });
    documents.collect()
}

fn result_text(signature: &Signature, encoded: &[u8]) -> Result<Option<String>, Failure> {
    let value: Option<Value> = decode_result(signature.result.as_ref(), encoded, &ValueLimits::default())
        .context("the node's answer is not what the contract's WIT says")?;
    Ok(value.as_ref().map(to_text).transpose().context("the result has no text")?)
}

async fn event_document(texts: &mut ContractTexts<'_>, event: &Event) -> Result<EventDocument, Failure> {
    let contract = texts.of(&event.contract).await?;
    let signature = contract.event(&event.interface, &event.name).map_err(anyhow::Error::from)?;
    let signature = signature.context("the contract's WIT does not have the event that the node tells of")?;
    Ok(EventDocument {
        contract: event.contract,
        object: event.object.map(|object| object.to_string()),
        interface: event.interface.clone(),
        name: event.name.clone(),
        arguments: arguments_text(&signature, &event.arguments)?,
    })
}

/// Encoded parameters as arguments are written.
pub(super) fn arguments_text(signature: &Signature, encoded: &[u8]) -> Result<String, Failure> {
    let values: Vec<Value> = decode_parameters(&signature.parameters, encoded, &ValueLimits::default())
        .context("the node's answer is not what the contract's WIT says")?;
    let texts = values.iter().map(to_text).collect::<Result<Vec<_>, _>>().context("an argument has no text")?;
    Ok(texts.join(", "))
}
