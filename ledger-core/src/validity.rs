//! The part of validity that needs no contract.

use crate::encoding::Canonical;
use crate::{
    ChainId, Invalid, Moment, RootCall, RootStep, State, StateError, StepCall, Transaction, UtxoRef, UtxoStatus,
};
use registry_core::id::{TokenId, TransactionId};
use std::collections::BTreeSet;

impl Transaction {
    /// Why it cannot be in a block of `chain` at `moment`, on top of `state`, whatever its contract is; none if nothing
    /// of this kind is against it. What is checked first is told first: chain, size, repetition, heights, UTXOs,
    /// tokens.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub fn objection(
        &self,
        chain: &ChainId,
        moment: &Moment,
        state: &dyn State,
    ) -> Result<Option<Invalid>, StateError> {
        self.objection_as(&self.id(), chain, moment, state)
    }

    /// As [`Transaction::objection`], for who has computed the id already.
    pub(crate) fn objection_as(
        &self,
        id: &TransactionId,
        chain: &ChainId,
        moment: &Moment,
        state: &dyn State,
    ) -> Result<Option<Invalid>, StateError> {
        if let Some(invalid) = self.objection_to_form(chain) {
            return Ok(Some(invalid));
        }
        if let Some(height) = state.transaction_height(id)? {
            return Ok(Some(Invalid::Repeated { height }));
        }
        if let Some(invalid) = self.objection_to_height(moment.height) {
            return Ok(Some(invalid));
        }
        self.objection_to_inputs(state)
    }

    /// What can be said without a state.
    fn objection_to_form(&self, chain: &ChainId) -> Option<Invalid> {
        if self.chain != *chain {
            return Some(Invalid::OtherChain { found: self.chain.to_string(), expected: chain.to_string() });
        }
        let size_bytes = self.size_bytes();
        if size_bytes > Self::SIZE_BYTES_MAX {
            return Some(Invalid::TooLarge { actual: size_bytes, unit: "bytes", max: Self::SIZE_BYTES_MAX });
        }
        let named = self.inputs.len() + self.references.len();
        if named > Self::INPUTS_MAX {
            return Some(Invalid::TooLarge { actual: named, unit: "inputs and references", max: Self::INPUTS_MAX });
        }
        let mut seen = BTreeSet::new();
        let repeated = self.named().find(|input| !seen.insert(input.utxo));
        if let Some(input) = repeated {
            return Some(Invalid::RepeatedUtxo(input.utxo));
        }
        match &self.call {
            RootCall::Calls(steps) => self.objection_to_steps(steps),
            RootCall::Method { utxo, .. } if !self.names(utxo) => Some(Invalid::UndeclaredUtxo(*utxo)),
            RootCall::Deploy { .. } if named > 0 || !self.arguments.is_empty() => {
                Some(Invalid::BadCall("a deployment has no inputs, references or arguments".into()))
            }
            _ => None,
        }
    }

    fn objection_to_steps(&self, steps: &[RootStep]) -> Option<Invalid> {
        if steps.is_empty() || !self.arguments.is_empty() {
            let reason = "a transaction of several calls has at least one, and its arguments stand with each";
            return Some(Invalid::BadCall(reason.into()));
        }
        if steps.len() > Self::STEPS_MAX {
            return Some(Invalid::TooLarge { actual: steps.len(), unit: "calls", max: Self::STEPS_MAX });
        }
        let mut called = steps.iter().filter_map(|step| match &step.call {
            StepCall::Method { utxo: UtxoRef::Kept(utxo), .. } => Some(*utxo),
            _ => None,
        });
        called.find(|utxo| !self.names(utxo)).map(Invalid::UndeclaredUtxo)
    }

    fn objection_to_height(&self, height: u64) -> Option<Invalid> {
        if height < self.valid_from {
            return Some(Invalid::TooEarly { valid_from: self.valid_from, height });
        }
        (height > self.valid_until).then_some(Invalid::Expired { valid_until: self.valid_until, height })
    }

    /// Every UTXO that it names lives, in the version that it names, and they hold every token that its steps name.
    fn objection_to_inputs(&self, state: &dyn State) -> Result<Option<Invalid>, StateError> {
        let mut tokens: BTreeSet<TokenId> = self.kept_tokens().collect();
        for input in self.named() {
            let utxo = match state.utxo(&input.utxo)? {
                None => return Ok(Some(Invalid::UnknownUtxo(input.utxo))),
                Some(UtxoStatus::Consumed { height, .. }) => {
                    return Ok(Some(Invalid::ConsumedUtxo { utxo: input.utxo, height }));
                }
                Some(UtxoStatus::Live(utxo)) => utxo,
            };
            if let Some(expected) = input.version.filter(|version| *version != utxo.version) {
                return Ok(Some(Invalid::StaleVersion { utxo: input.utxo, expected, actual: utxo.version }));
            }
            for held in &utxo.content.tokens {
                tokens.remove(&held.id);
            }
        }
        Ok(tokens.first().map(|token| Invalid::UndeclaredToken(*token)))
    }
}
