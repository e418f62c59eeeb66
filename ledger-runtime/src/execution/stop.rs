//! Why running code ends early, and what its gas counter is worth then.

use super::NodeFault;
use crate::bounded::bounded;
use crate::engine::is_of_machine;
use ledger_core::{Failure, FailureFrame, FailureKind};
use wasmtime::Trap;

/// Why running code ended before it was done.
#[derive(Debug)]
pub(super) enum Stopped {
    /// Nothing is left of the gas.
    OutOfGas,
    /// It failed, and the engine knows what it used.
    Failed(Failure),
    /// It failed where the engine's counter is not current: everything it had counts as used.
    FailedWithAllGas(Failure),
    /// It did not fail: this machine did.
    Node(NodeFault),
}

/// A [`Stopped`] on its way through the engine, from a host function to the call from outside.
#[derive(Debug, thiserror::Error)]
#[error("{0:?}")]
struct Travelling(Stopped);

impl Stopped {
    /// The contract did what the ledger does not allow.
    pub(super) fn refused(detail: impl Into<String>) -> Self {
        Self::Failed(Failure::new(FailureKind::Refused, detail))
    }

    /// The contract did what the rules for calls between components do not allow.
    pub(super) fn trap(detail: impl Into<String>) -> Self {
        Self::Failed(Failure::new(FailureKind::Trap, detail))
    }

    /// The contract asked for more of something than a transaction may have.
    pub(super) fn limit(max: impl std::fmt::Display, unit: &str, limit: &str) -> Self {
        Self::Failed(over(max, unit, limit))
    }

    /// A contract raised an effect that nobody handles.
    pub(super) fn unhandled(detail: impl Into<String>) -> Self {
        Self::Failed(Failure::new(FailureKind::Effect, detail))
    }

    /// A value is larger than values may be. What was done until that was noticed is paid by nothing else, so it takes all
    /// gas.
    pub(super) fn too_long(reason: &impl std::fmt::Display) -> Self {
        Self::FailedWithAllGas(Failure::new(FailureKind::Limit, reason.to_string()))
    }

    /// The same, told with the number of the transaction's step in which it happened, counted from 1.
    pub(super) fn in_step(self, number: usize) -> Self {
        let numbered = |failure: Failure| Failure { detail: format!("step {number}: {}", failure.detail), ..failure };
        match self {
            Self::Failed(failure) => Self::Failed(numbered(failure)),
            Self::FailedWithAllGas(failure) => Self::FailedWithAllGas(numbered(failure)),
            Self::OutOfGas | Self::Node(_) => self,
        }
    }

    /// The same, if it is a trap, told as what a contract refuses by trapping.
    pub(super) fn refused_by(self, refusal: &str) -> Self {
        let told = |failure: Failure| match failure.kind {
            FailureKind::Trap => Failure { detail: format!("{refusal}: {}", failure.detail), ..failure },
            _ => failure,
        };
        match self {
            Self::Failed(failure) => Self::Failed(told(failure)),
            Self::FailedWithAllGas(failure) => Self::FailedWithAllGas(told(failure)),
            Self::OutOfGas | Self::Node(_) => self,
        }
    }

    /// A UTXO would hold more tokens than it may.
    pub(super) fn too_many_tokens(max: usize, utxo: &impl std::fmt::Display) -> Self {
        let detail = format!("{utxo} cannot hold more than {max} tokens (`tokens_per_utxo_max`)");
        Self::Failed(Failure::new(FailureKind::Limit, detail))
    }

    /// A UTXO was changed or consumed that the transaction only refers to.
    pub(super) fn changed_reference(utxo: &impl std::fmt::Display) -> Self {
        Self::refused(format!("{utxo} was changed, and the transaction may only read it"))
    }

    /// What it means for the transaction, whose gas limit is `limit`; `frames` are the calls that were going on, the
    /// innermost first. Every failure comes through here, and so none has a longer text than a receipt may have.
    pub(super) fn into_failure(self, limit: u64, frames: Vec<FailureFrame>) -> Result<Failure, NodeFault> {
        let failure = match self {
            Self::OutOfGas => Failure::new(FailureKind::OutOfGas, format!("the gas limit of {limit} was reached")),
            Self::Failed(failure) | Self::FailedWithAllGas(failure) => failure,
            Self::Node(fault) => return Err(fault),
        };
        let detail = bounded(Failure::DETAIL_SIZE_BYTES_MAX, &failure.detail);
        Ok(Failure { detail, frames, ..failure })
    }

    /// The trouble of this machine, where nothing else can have happened.
    pub(super) fn into_fault(self) -> NodeFault {
        match self {
            Self::Node(fault) => fault,
            other => NodeFault::new("a transaction cannot begin", Travelling(other)),
        }
    }

    /// This program is wrong: something that was checked before is not so.
    pub(super) fn defect(what: &'static str) -> Self {
        Self::Node(NodeFault::defect(what))
    }

    /// The error that ends a host function, and with it everything that waits for it.
    pub(super) fn into_error(self) -> wasmtime::Error {
        wasmtime::Error::new(Travelling(self))
    }

    /// Sorts out whose trouble an error of the engine is.
    pub(super) fn of(error: wasmtime::Error) -> Self {
        let error = match error.downcast::<Travelling>() {
            Ok(Travelling(stopped)) => return stopped,
            Err(error) => error,
        };
        match error.downcast_ref::<Trap>() {
            Some(Trap::OutOfFuel) => Self::OutOfGas,
            // Of all traps only this one brings the counter up to date.
            Some(Trap::UnreachableCodeReached) => Self::trap(words(Trap::UnreachableCodeReached)),
            Some(trap) => Self::trap_with_all_gas(words(*trap)),
            None if is_of_machine(&error) || error.chain().any(|cause| cause.is::<NodeFault>()) => {
                Self::Node(NodeFault::new("an instance could not be set up", error))
            }
            None => Self::trap_with_all_gas(VALUES),
        }
    }

    fn trap_with_all_gas(detail: &str) -> Self {
        Self::FailedWithAllGas(Failure::new(FailureKind::Trap, detail))
    }
}

impl From<NodeFault> for Stopped {
    fn from(fault: NodeFault) -> Self {
        Self::Node(fault)
    }
}

/// Crossing a limit, in words that are the same everywhere.
pub(super) fn over(max: impl std::fmt::Display, unit: &str, limit: &str) -> Failure {
    Failure::new(FailureKind::Limit, format!("the contract asked for more than {max} {unit} (`{limit}`)"))
}

/// What the engine reports without a trap, and what is not the machine's trouble, is about values that cross the
/// boundary of a component.
const VALUES: &str = "a value that crosses the boundary of the contract breaks the rules of the component model";

/// A trap in the ledger's own words: those of the engine may change with its version, and receipts may not.
fn words(trap: Trap) -> &'static str {
    match trap {
        Trap::UnreachableCodeReached => "the contract stopped itself (`unreachable`)",
        Trap::StackOverflow => "the contract's calls are nested too deeply",
        Trap::MemoryOutOfBounds => "the contract used memory outside of its memory",
        Trap::TableOutOfBounds => "the contract used an element outside of a table",
        Trap::IndirectCallToNull => "the contract called an empty element of a table",
        Trap::BadSignature => "the contract called a function as one of another type",
        Trap::IntegerOverflow => "an integer overflowed",
        Trap::IntegerDivisionByZero => "an integer was divided by zero",
        Trap::BadConversionToInteger => "a number was converted that no integer can hold",
        Trap::HeapMisaligned => "the contract used memory at an address that is not aligned",
        Trap::NullReference => "the contract used a null reference",
        Trap::CannotEnterComponent | Trap::CannotLeaveComponent => "a component was entered that may not be now",
        _ => VALUES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_of_the_machine_is_told_from_that_of_a_contract() {
        let machine = wasmtime::Error::new(std::io::Error::from(std::io::ErrorKind::OutOfMemory)).context("mapping");
        assert!(matches!(Stopped::of(machine), Stopped::Node(_)));
        let values = wasmtime::Error::msg("a list ends beyond the memory");
        assert!(matches!(Stopped::of(values), Stopped::FailedWithAllGas(_)));
        assert!(matches!(Stopped::of(wasmtime::Error::new(Trap::StackOverflow)), Stopped::FailedWithAllGas(_)));
        assert!(matches!(Stopped::of(wasmtime::Error::new(Trap::OutOfFuel)), Stopped::OutOfGas));
    }

    #[test]
    fn what_a_host_function_ends_with_arrives_unchanged() {
        let error = Stopped::refused("no").into_error().context("on the way");
        let Stopped::Failed(failure) = Stopped::of(error) else { panic!("not a failure") };
        assert_eq!(failure.to_string(), "refused: no");
    }
}
