//! Which UTXOs and tokens a transaction may have used.

use super::overlay::Overlay;
use super::step::StepError;
use super::{Contradiction, State, UtxoStatus};
use crate::{Execution, ObjectId, Outcome, StateError, Token, Transaction, Utxo};
use registry_core::id::TransactionId;
use std::collections::BTreeSet;

/// Every object of which something was called, or in which something was told, is a UTXO that the transaction names or
/// made, or a token that such a UTXO held or that the transaction minted.
pub(super) fn check_used(
    state: &Overlay<'_>,
    transaction: &Transaction,
    id: &TransactionId,
    execution: &Execution,
) -> Result<(), StepError> {
    let mut used = used(execution);
    for input in transaction.named() {
        used.remove(&ObjectId::Utxo(input.utxo));
    }
    remove_made(&mut used, transaction, id, execution);
    remove_held(&mut used, state, transaction)?;
    used.first().map_or(Ok(()), |object| Err(Contradiction::NotUsed(*object).into()))
}

fn used(execution: &Execution) -> BTreeSet<ObjectId> {
    let called = execution.calls.iter().filter_map(|call| call.object);
    match &execution.outcome {
        Outcome::Succeeded(effects) => called.chain(effects.events.iter().filter_map(|event| event.object)).collect(),
        Outcome::Failed(_) => called.collect(),
    }
}

/// What a transaction that failed made is told of nowhere but in its rows; it made no more than it called.
fn remove_made(used: &mut BTreeSet<ObjectId>, transaction: &Transaction, id: &TransactionId, execution: &Execution) {
    match &execution.outcome {
        Outcome::Succeeded(effects) => {
            let created = effects.created.iter().map(|created| ObjectId::Utxo(created.utxo));
            let ephemeral = effects.ephemeral.iter().map(|utxo| ObjectId::Utxo(*utxo));
            let minted = effects.minted.iter().map(|minted| ObjectId::Token(minted.token));
            for object in created.chain(ephemeral).chain(minted) {
                used.remove(&object);
            }
        }
        Outcome::Failed(_) => {
            for (index, _) in (0..).zip(&execution.calls) {
                if used.is_empty() {
                    return;
                }
                used.remove(&ObjectId::Utxo(Utxo::id(&transaction.chain, id, index)));
                used.remove(&ObjectId::Token(Token::id(&transaction.chain, id, index)));
            }
        }
    }
}

fn remove_held(
    used: &mut BTreeSet<ObjectId>,
    state: &Overlay<'_>,
    transaction: &Transaction,
) -> Result<(), StateError> {
    for input in transaction.named() {
        if used.is_empty() {
            return Ok(());
        }
        if let Some(UtxoStatus::Live(utxo)) = state.utxo(&input.utxo)? {
            for token in &utxo.content.tokens {
                used.remove(&ObjectId::Token(token.id));
            }
        }
    }
    Ok(())
}
