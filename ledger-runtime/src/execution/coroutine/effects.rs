//! Effects: what a contract asks of whoever coordinates the transaction.

use ledger_core::Failure;
use registry_core::id::{ComponentHash, UtxoId};

/// An effect that was raised.
#[derive(Debug, Clone, Copy)]
pub struct Effect<'a> {
    /// The contract that raised it.
    pub contract: ComponentHash,
    /// The UTXO that raised it; none if a script did.
    pub utxo: Option<UtxoId>,
    /// The interface, as the contract's WIT has it: `starstream:effects/oracle`.
    pub interface: &'a str,
    /// The effect: `price`.
    pub name: &'a str,
    /// Its arguments, in the strict value encoding.
    pub arguments: &'a [u8],
}

/// Answers effects.
///
/// It decides results, so it must be a function of what was asked of it in this transaction, and of nothing else.
pub trait EffectHandler: Send + Sync {
    /// The encoded answer; none if it does not handle this effect.
    ///
    /// # Errors
    /// If the transaction shall fail.
    fn handle(&mut self, effect: &Effect<'_>) -> Option<Result<Vec<u8>, Failure>>;
}
