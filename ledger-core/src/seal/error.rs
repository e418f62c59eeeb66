//! Why a block cannot be made.

use crate::{Canonical, Invalid, Moment, ObjectId, StateError};
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};

/// Why a block cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The state could not be read.
    #[error(transparent)]
    State(#[from] StateError),
    /// The chain's next block has another height.
    #[error("the next block has height {expected}, and this one would have {found}")]
    Height {
        /// The height that was asked for.
        found: u64,
        /// The height of the next block.
        expected: u64,
    },
    /// The genesis is where slots are counted from.
    #[error("the genesis is in slot 0, and this one would be in slot {0}")]
    GenesisSlot(u64),
    /// Time would go back.
    #[error(
        "the last block is of slot {} and {} ms, and this one would be of slot {} and {} ms",
        parent.slot, parent.time_ms, moment.slot, moment.time_ms
    )]
    Time {
        /// The moment that was asked for.
        moment: Moment,
        /// That of the last block.
        parent: Moment,
    },
    /// The state is that of another chain, of another execution profile, or of another version of the hashes.
    #[error("this is for the {field} `{ours}`, and the last block has `{theirs}`")]
    OtherChain {
        /// What differs.
        field: &'static str,
        /// What was asked for.
        ours: String,
        /// What the last block has.
        theirs: String,
    },
    /// A transaction that cannot be in this block was given to it.
    #[error("the transaction {transaction} cannot be in this block")]
    Invalid {
        /// The transaction.
        transaction: TransactionId,
        /// Why.
        #[source]
        invalid: Invalid,
    },
    /// What an executor said does not fit the state.
    #[error("what was executed for the transaction {transaction} does not fit the state")]
    Contradiction {
        /// The transaction.
        transaction: TransactionId,
        /// Why.
        #[source]
        contradiction: Contradiction,
    },
    /// There is no number left for something that is counted.
    #[error("there can be no more {0}")]
    Full(&'static str),
}

/// How an executor contradicts the state. It is a fault of the executor, never of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Contradiction {
    /// More gas was used than there was.
    #[error("{used} gas was used, and the limit is {limit}")]
    GasOverLimit {
        /// The gas that was used.
        used: u64,
        /// The transaction's limit.
        limit: u64,
    },
    /// A UTXO stands in two places of what was done.
    #[error("the UTXO {0} is told of twice")]
    Repeated(UtxoId),
    /// A UTXO was changed or consumed that is not an input.
    #[error("the UTXO {0} was changed or consumed, and is not among the inputs")]
    NotAnInput(UtxoId),
    /// A UTXO was read that the transaction does not name.
    #[error("the UTXO {0} was read, and is not among the inputs and references")]
    NotNamed(UtxoId),
    /// A UTXO was made that there is already, or was.
    #[error("the UTXO {0} was made a second time")]
    Existing(UtxoId),
    /// A UTXO was made that has not the id of its place among all that the transaction made, or not its place in order.
    #[error("the UTXO {0} was made, and its id is not that of its place")]
    NotItsId(UtxoId),
    /// Something was called or told of a UTXO that the transaction neither names nor made, or of a token that it did not
    /// mint and that no UTXO which it names held.
    #[error("{0} was used, and the transaction neither made it nor names it or the UTXO that holds it")]
    NotUsed(ObjectId),
    /// A UTXO was changed into what it was.
    #[error("the UTXO {0} is told of as changed, and its content is what it was")]
    Unchanged(UtxoId),
    /// A UTXO or a token belongs to a contract that is not part of the chain.
    #[error("the contract {0} is not deployed")]
    UnknownContract(ComponentHash),
    /// A token came from nowhere, or became another, or is in two places.
    #[error("the token {0} came from nowhere, became another, is in two places, or does not have the id of its place")]
    Token(TokenId),
    /// A contract imports what is not part of the chain, or another contract than the one that it names.
    #[error("`{0}` does not name a contract of the chain that the deployment brings with it")]
    Import(String),
    /// Something is larger than can be read again.
    #[error("{what} has {size_bytes} bytes, over the limit of {max}")]
    TooLarge {
        /// What it is.
        what: &'static str,
        /// The bytes of its encoding.
        size_bytes: usize,
        /// The limit.
        max: usize,
    },
    /// A deployment was given as a call, or a call as a deployment, or what came is another contract, or names a package
    /// twice.
    #[error("the transaction and what came with it are not one deployment")]
    Deployment,
    /// The contract is part of the chain already.
    #[error("the contract {0} is deployed already")]
    DeployedContract(ComponentHash),
}

impl Contradiction {
    /// Refuses what could be written but not read again.
    pub(super) fn if_too_large<T: Canonical>(object: &T) -> Result<(), Self> {
        let (size_bytes, max) = (object.size_bytes(), T::SIZE_BYTES_MAX);
        if size_bytes <= max { Ok(()) } else { Err(Self::TooLarge { what: T::NAME, size_bytes, max }) }
    }

    pub(super) fn of(self, transaction: TransactionId) -> SealError {
        SealError::Contradiction { transaction, contradiction: self }
    }
}
