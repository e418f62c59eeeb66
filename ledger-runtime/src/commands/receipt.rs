//! What a transaction did, or would do, with all values as WAVE.

use super::show::Lines;
use crate::failure::{Failure, Finding};
use anyhow::Context;
use ledger_core::{Event, FailureKind, Receipt};
use ledger_runtime::chain::Committed;
use ledger_runtime::draft::ContractTexts;
use ledger_runtime::rpc;
use ledger_runtime::utxo_name::UtxoName;
use ledger_runtime::value::{ValueLimits, decode_parameters, decode_result};
use ledger_runtime::wave::{Signature, to_text};
use registry_core::id::{BlockId, ComponentHash, TransactionId, UtxoId};
use serde::Serialize;
use wasm_wave::value::Value;

/// What came of a call: four members for a plain function, and what it does to the chain for others.
#[derive(Debug, Clone, Serialize)]
pub(super) struct CallDocument {
    pub(super) outcome: Outcome,
    pub(super) result: Option<String>,
    pub(super) gas_used: u64,
    pub(super) errors: Vec<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub(super) effects: Option<EffectsDocument>,
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
    created: Vec<CreatedDocument>,
    changed: Vec<ChangedDocument>,
    consumed: Vec<UtxoId>,
    ephemeral: Vec<UtxoId>,
    read: Vec<UtxoId>,
    deployed: Option<ComponentHash>,
    events: Vec<EventDocument>,
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
        Ok(Self { outcome: Outcome::of(valid), result, gas_used, errors, effects: None })
    }

    /// What a receipt says. A deployment has no signature and no result.
    pub(super) async fn of_receipt(
        texts: &mut ContractTexts<'_>,
        signature: Option<&Signature>,
        receipt: &Receipt,
    ) -> Result<Self, Failure> {
        let (result, failure) = match (&receipt.outcome, signature) {
            (Ok(result), Some(signature)) => (result_text(signature, result)?, None),
            (Ok(_), None) => (None, None),
            (Err(failure), _) => (None, Some(failure)),
        };
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
            created: created.collect(),
            changed: changed.collect(),
            consumed: receipt.consumed.iter().map(|consumed| consumed.utxo).collect(),
            ephemeral: receipt.ephemeral.clone(),
            read: receipt.read.clone(),
            deployed: receipt.deployed,
            events,
        };
        Ok(Self {
            outcome: Outcome::of(failure.is_none()),
            result,
            gas_used: receipt.gas_used,
            errors: failure.iter().map(ToString::to_string).collect(),
            effects: Some(effects),
        })
    }

    /// A call that was not made.
    pub(super) fn of_error(error: &anyhow::Error) -> Self {
        Self { outcome: Outcome::Invalid, result: None, gas_used: 0, errors: vec![format!("{error:#}")], effects: None }
    }

    /// The UTXOs that it made or changed and that lived on.
    pub(super) fn living(&self) -> impl Iterator<Item = UtxoId> {
        let effects = self.effects.iter();
        effects.flat_map(|effects| {
            let created = effects.created.iter().map(|created| created.utxo);
            created.chain(effects.changed.iter().map(|changed| changed.utxo))
        })
    }

    /// What it does to the chain, line by line.
    pub(super) fn describe(&self, lines: &mut Lines) {
        let Some(effects) = &self.effects else { return };
        for created in &effects.created {
            lines.add("created", format_args!("{} ({})", created.utxo, created.name));
        }
        for changed in &effects.changed {
            lines.add("changed", format_args!("{} to version {}", changed.utxo, changed.version));
        }
        for (label, utxos) in
            [("consumed", &effects.consumed), ("ephemeral", &effects.ephemeral), ("read", &effects.read)]
        {
            for utxo in utxos {
                lines.add(label, utxo);
            }
        }
        lines.add_some("deployed", effects.deployed);
        for event in &effects.events {
            lines.add("event", format_args!("{}.{}({})", event.interface, event.name, event.arguments));
        }
    }

    /// An error if the call failed.
    pub(super) fn check(&self, what: &'static str) -> Result<(), Failure> {
        if self.outcome == Outcome::Succeeded {
            return Ok(());
        }
        let kind = self.effects.as_ref().and_then(|effects| effects.failure);
        let code = kind.map_or_else(|| "failed".to_owned(), |kind| format!("failed({kind})"));
        let reason = Finding { message: self.errors.join("; "), hint: None, code };
        Err(anyhow::Error::new(reason).context(what).into())
    }
}

impl Outcome {
    fn of(is_success: bool) -> Self {
        if is_success { Self::Succeeded } else { Self::Failed }
    }
}

impl TransactionDocument {
    pub(super) async fn of(
        texts: &mut ContractTexts<'_>,
        signature: Option<&Signature>,
        committed: &Committed,
    ) -> Result<Self, Failure> {
        Ok(Self {
            transaction: committed.receipt.transaction,
            height: committed.height,
            index: committed.index,
            block: committed.block,
            call: CallDocument::of_receipt(texts, signature, &committed.receipt).await?,
        })
    }

    pub(super) fn describe(&self, lines: &mut Lines) {
        lines.add("transaction", self.transaction);
        lines.add("block", format_args!("{} ({})", self.height, self.block));
        lines.add_some("failure", self.call.errors.first());
        lines.add_some("result", self.call.result.as_ref());
        self.call.describe(lines);
        lines.add("gas used", self.call.gas_used);
    }
}

/// The kinds of failure, as the WIT of the node calls them.
pub(super) fn kind_name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::OutOfGas => "out-of-gas",
        FailureKind::Trap => "trap",
        FailureKind::Refused => "refused",
        FailureKind::Effect => "effect",
        FailureKind::Limit => "limit",
    }
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
