//! From what an executor says about one transaction to what it changes, every claim checked against the state.

use super::overlay::Overlay;
use super::tokens::Tokens;
use super::{Contradiction, SealError};
use crate::{
    Changed, ChangedUtxo, ConsumedUtxo, ContractCounters, ContractRecord, Created, CreatedUtxo, Effects, Receipt,
    State, StateError, Transaction, Utxo, UtxoStatus,
};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TransactionId, UtxoId};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// What a transaction changes. Nothing of it is in the block until all of it is.
pub(super) struct Step {
    pub(super) utxos: BTreeMap<UtxoId, UtxoStatus>,
    pub(super) leaves: BTreeMap<u32, Digest>,
    pub(super) contracts: BTreeMap<ComponentHash, (ContractRecord, ContractCounters)>,
    pub(super) next_slot: u32,
    pub(super) receipt: Receipt,
}

impl Step {
    /// That of a transaction that failed.
    pub(super) fn without_effects(next_slot: u32, receipt: Receipt) -> Self {
        Self { utxos: BTreeMap::new(), leaves: BTreeMap::new(), contracts: BTreeMap::new(), next_slot, receipt }
    }
}

/// What a transaction made, kept or consumed at once, each in the order in which it is told of.
struct Made {
    created: Vec<UtxoId>,
    ephemeral: Vec<UtxoId>,
}

impl Made {
    fn of(effects: &Effects) -> Self {
        let created = effects.created.iter().map(|created| created.utxo).collect();
        Self { created, ephemeral: effects.ephemeral.clone() }
    }

    /// Together they have the ids of the places 0, 1, and so on, and both are in the order of creation.
    fn check_ids(self, transaction: &Transaction, id: &TransactionId) -> Result<(), StepError> {
        let mut created = self.created.into_iter().peekable();
        let mut ephemeral = self.ephemeral.into_iter().peekable();
        let mut index = 0_u32;
        while let Some(next) = created.peek().or(ephemeral.peek()).copied() {
            let expected = Utxo::id(&transaction.chain, id, index);
            if created.next_if_eq(&expected).or_else(|| ephemeral.next_if_eq(&expected)).is_none() {
                return Err(Contradiction::NotItsId(next).into());
            }
            index = index.checked_add(1).ok_or(StepError::Full("UTXOs of a transaction"))?;
        }
        Ok(())
    }
}

/// Why there is no step.
pub(super) enum StepError {
    State(StateError),
    Contradiction(Contradiction),
    Full(&'static str),
}

/// Computes what a transaction that succeeded changes on top of `state`.
pub(super) fn step(
    state: &Overlay<'_>,
    next_slot: u32,
    transaction: &Transaction,
    mut effects: Effects,
    receipt: Receipt,
) -> Result<Step, StepError> {
    let tokens = Tokens::of(transaction, &receipt.transaction, std::mem::take(&mut effects.minted))?;
    let step = Step::without_effects(next_slot, receipt);
    let mut builder = StepBuilder { state, transaction, touched: BTreeSet::new(), tokens, step };
    let made = Made::of(&effects);
    effects.created.into_iter().try_for_each(|created| builder.create(created))?;
    effects.changed.into_iter().try_for_each(|changed| builder.change(changed))?;
    effects.consumed.into_iter().try_for_each(|utxo| builder.consume(utxo))?;
    effects.ephemeral.into_iter().try_for_each(|utxo| builder.pass(utxo))?;
    effects.read.into_iter().try_for_each(|utxo| builder.read(utxo))?;
    made.check_ids(transaction, &builder.step.receipt.transaction)?;
    builder.tell_tokens()?;
    let mut step = builder.step;
    step.receipt.outcome = Ok(effects.result);
    step.receipt.events = effects.events;
    Ok(step)
}

impl StepError {
    pub(super) fn of(self, transaction: TransactionId) -> SealError {
        match self {
            Self::State(error) => error.into(),
            Self::Contradiction(contradiction) => contradiction.of(transaction),
            Self::Full(what) => SealError::Full(what),
        }
    }
}

impl From<StateError> for StepError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl From<Contradiction> for StepError {
    fn from(contradiction: Contradiction) -> Self {
        Self::Contradiction(contradiction)
    }
}

struct StepBuilder<'a> {
    state: &'a Overlay<'a>,
    transaction: &'a Transaction,
    touched: BTreeSet<UtxoId>,
    tokens: Tokens,
    step: Step,
}

impl StepBuilder<'_> {
    fn create(&mut self, created: Created) -> Result<(), StepError> {
        self.touch_new(created.utxo)?;
        let slot = self.step.next_slot;
        self.step.next_slot = slot.checked_add(1).ok_or(StepError::Full("UTXOs"))?;
        let (_, counters) = self.contract(&created.contract)?;
        let serial = counters.next_serial;
        counters.next_serial = serial.checked_add(1).ok_or(StepError::Full("UTXOs of a contract"))?;
        self.tokens.come(created.utxo, &created.content.tokens)?;
        let Created { utxo: id, contract, type_name, content } = created;
        let leaf = self.keep(Utxo { id, slot, contract, serial, type_name, version: 0, content })?;
        self.step.receipt.created.push(CreatedUtxo { utxo: id, contract, serial, slot, leaf });
        Ok(())
    }

    fn change(&mut self, changed: Changed) -> Result<(), StepError> {
        let mut utxo = self.take_input(changed.utxo)?;
        if utxo.content == changed.content {
            return Err(Contradiction::Unchanged(utxo.id).into());
        }
        self.tokens.come(changed.utxo, &changed.content.tokens)?;
        utxo.version = utxo.version.checked_add(1).ok_or(StepError::Full("versions of a UTXO"))?;
        utxo.content = changed.content;
        let (id, version, slot) = (utxo.id, utxo.version, utxo.slot);
        let leaf = self.keep(utxo)?;
        self.step.receipt.changed.push(ChangedUtxo { utxo: id, version, slot, leaf });
        Ok(())
    }

    fn consume(&mut self, id: UtxoId) -> Result<(), StepError> {
        let Utxo { slot, contract, serial, type_name, .. } = self.take_input(id)?;
        let height = self.state.height;
        self.step.leaves.insert(slot, Utxo::tombstone(&id));
        self.step.utxos.insert(id, UtxoStatus::Consumed { slot, height, contract, serial, type_name });
        self.step.receipt.consumed.push(ConsumedUtxo { utxo: id, slot });
        Ok(())
    }

    /// A UTXO that did not outlive the transaction has no place anywhere but in the receipt.
    fn pass(&mut self, id: UtxoId) -> Result<(), StepError> {
        self.touch_new(id)?;
        self.step.receipt.ephemeral.push(id);
        Ok(())
    }

    fn read(&mut self, id: UtxoId) -> Result<(), StepError> {
        self.touch(id)?;
        if !self.transaction.names(&id) {
            return Err(Contradiction::NotNamed(id).into());
        }
        self.step.receipt.read.push(id);
        Ok(())
    }

    /// Puts a UTXO into the state and gives its leaf.
    fn keep(&mut self, utxo: Utxo) -> Result<Digest, StepError> {
        Contradiction::if_too_large(&utxo)?;
        let leaf = utxo.leaf();
        self.step.leaves.insert(utxo.slot, leaf);
        self.step.utxos.insert(utxo.id, UtxoStatus::Live(utxo));
        Ok(leaf)
    }

    /// An input as it was before the transaction. That it lives was checked with the transaction's validity.
    fn take_input(&mut self, id: UtxoId) -> Result<Utxo, StepError> {
        self.touch(id)?;
        let is_input = self.transaction.inputs.iter().any(|input| input.utxo == id);
        match self.state.utxo(&id)? {
            Some(UtxoStatus::Live(utxo)) if is_input => {
                self.tokens.leave(id, &utxo.content.tokens);
                Ok(utxo)
            }
            _ => Err(Contradiction::NotAnInput(id).into()),
        }
    }

    fn touch_new(&mut self, id: UtxoId) -> Result<(), StepError> {
        self.touch(id)?;
        match self.state.utxo(&id)? {
            None => Ok(()),
            Some(_) => Err(Contradiction::Existing(id).into()),
        }
    }

    fn touch(&mut self, id: UtxoId) -> Result<(), StepError> {
        if self.touched.insert(id) { Ok(()) } else { Err(Contradiction::Repeated(id).into()) }
    }

    /// Tells what became of the tokens, and counts them.
    fn tell_tokens(&mut self) -> Result<(), StepError> {
        let changes = self.tokens.changes(self.transaction)?;
        let counted = changes.iter().filter(|change| change.from.is_none() || change.to.is_none());
        for change in counted {
            let supply = self.contract(&change.contract)?.1.tokens.entry(change.type_name.clone()).or_default();
            if change.from.is_none() {
                supply.minted = supply.minted.checked_add(1).ok_or(StepError::Full("tokens of a type"))?;
            }
            if change.to.is_none() {
                supply.burned = supply.burned.checked_add(1).ok_or(StepError::Full("tokens of a type"))?;
            }
        }
        self.step.contracts.values().try_for_each(|(_, counters)| Contradiction::if_too_large(counters))?;
        self.step.receipt.tokens = changes;
        Ok(())
    }

    /// A contract with its counters, to be changed.
    fn contract(&mut self, contract: &ComponentHash) -> Result<&mut (ContractRecord, ContractCounters), StepError> {
        match self.step.contracts.entry(*contract) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let known = self.state.contract(contract)?;
                Ok(entry.insert(known.ok_or(Contradiction::UnknownContract(*contract))?))
            }
        }
    }
}
