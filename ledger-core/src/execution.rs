//! What an executor says about a transaction, before anything has a place in a tree.

use crate::{CallEnd, Event, Failure, ObjectId, UtxoContent};
use registry_core::hash::Digest;
use registry_core::id::{AccountId, ComponentHash, TokenId, UtxoId};

/// What an executor says about a transaction on a given state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It cannot be in a block here.
    Invalid(Invalid),
    /// It was executed; it may have failed.
    Executed(Execution),
}

/// Why a transaction cannot be in a block.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// It is for another chain.
    #[error("the transaction is for the chain `{found}`, and this is `{expected}`")]
    OtherChain {
        /// The chain that it is for.
        found: String,
        /// This chain.
        expected: String,
    },
    /// It is in the chain already.
    #[error("the transaction is in block {height} already")]
    Repeated {
        /// That block's height.
        height: u64,
    },
    /// It may be in later blocks only.
    #[error("the transaction is valid from height {valid_from}, and this is height {height}")]
    TooEarly {
        /// The lowest height.
        valid_from: u64,
        /// This height.
        height: u64,
    },
    /// It may be in earlier blocks only.
    #[error("the transaction was valid until height {valid_until}, and this is height {height}")]
    Expired {
        /// The highest height.
        valid_until: u64,
        /// This height.
        height: u64,
    },
    /// It asks for more gas than a transaction may have.
    #[error("the gas limit {asked} is over the maximum of {max}")]
    GasLimitTooHigh {
        /// What it asks for.
        asked: u64,
        /// The maximum of the chain, or of the contract.
        max: u64,
    },
    /// Its gas limit does not cover what is paid before anything runs.
    #[error("the gas limit {asked} is below the {min} gas that the transaction costs before anything runs")]
    GasLimitTooLow {
        /// What it asks for.
        asked: u64,
        /// What it costs at least.
        min: u64,
    },
    /// It names a UTXO that never was.
    #[error("there is no UTXO {0}")]
    UnknownUtxo(UtxoId),
    /// It names a UTXO that is consumed.
    #[error("the UTXO {utxo} was consumed in block {height}")]
    ConsumedUtxo {
        /// The UTXO.
        utxo: UtxoId,
        /// The height of the block that consumed it.
        height: u64,
    },
    /// It names a version that is not the latest.
    #[error("the UTXO {utxo} has version {actual}, and the transaction is for version {expected}")]
    StaleVersion {
        /// The UTXO.
        utxo: UtxoId,
        /// The version that the transaction names.
        expected: u64,
        /// The version that it has.
        actual: u64,
    },
    /// It names a UTXO twice among inputs and references.
    #[error("the transaction names the UTXO {0} twice")]
    RepeatedUtxo(UtxoId),
    /// It uses a UTXO that it does not name.
    #[error("the transaction uses the UTXO {0}, which is not among its inputs and references")]
    UndeclaredUtxo(UtxoId),
    /// It uses a token that no UTXO holds which it names.
    #[error("no UTXO that the transaction names holds the token {0}")]
    UndeclaredToken(TokenId),
    /// It belongs to somebody, and there is no proof that the sender is that.
    #[error("the UTXO {utxo} belongs to {owner}")]
    NotOwner {
        /// The UTXO.
        utxo: UtxoId,
        /// Its owner.
        owner: AccountId,
    },
    /// Its contract is not part of the chain.
    #[error("the contract {0} is not deployed")]
    UnknownContract(ComponentHash),
    /// The contract is part of the chain already.
    #[error("the contract {0} is deployed already")]
    DeployedContract(ComponentHash),
    /// What it deploys did not come with it, or is not what its hash says, or no ledger executes it.
    #[error("the contract {contract} cannot be deployed: {reason}")]
    Deployment {
        /// The contract.
        contract: ComponentHash,
        /// Why.
        reason: String,
    },
    /// The method may not be called where the UTXO waits.
    #[error("the UTXO {utxo} (`{type_name}` of {contract}) does not offer `{method}` where it waits now")]
    NotCallable {
        /// The UTXO.
        utxo: UtxoId,
        /// Its contract.
        contract: ComponentHash,
        /// The exported interface of the contract that declares its type.
        type_name: String,
        /// The method.
        method: String,
    },
    /// What it calls is not there, or cannot be called, or takes other arguments.
    #[error("the call does not fit the contract: {0}")]
    BadCall(String),
    /// It is larger than a transaction may be.
    #[error("the transaction has {actual} {unit}, over the limit of {max}")]
    TooLarge {
        /// What it has.
        actual: usize,
        /// What is counted.
        unit: &'static str,
        /// The limit.
        max: usize,
    },
}

/// What executing a transaction did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Execution {
    /// What came of it. A transaction that failed did nothing else but use gas.
    pub outcome: Outcome,
    /// The gas that it used, at most its limit.
    pub gas_used: u64,
    /// Its calls in the order in which they ended, also those of a transaction that failed.
    pub calls: Vec<Call>,
}

/// What came of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It changes the state.
    Succeeded(Effects),
    /// It changes nothing.
    Failed(Failure),
}

/// What a transaction that succeeded did. No UTXO stands in two of the lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effects {
    /// The encoded result; empty for a function without one.
    pub result: Vec<u8>,
    /// The UTXOs that it made and that live on, in the order of their creation.
    pub created: Vec<Created>,
    /// The UTXOs whose content it changed, in the order of the transaction's inputs.
    pub changed: Vec<Changed>,
    /// The earlier UTXOs that it consumed, in the order of the transaction's inputs.
    pub consumed: Vec<UtxoId>,
    /// The UTXOs that it made and consumed, in the order of their creation.
    pub ephemeral: Vec<UtxoId>,
    /// The UTXOs that it used and left as they were, in the order of the transaction's inputs and references.
    pub read: Vec<UtxoId>,
    /// The tokens that it minted, burned at once or not, in the order of their minting.
    pub minted: Vec<Minted>,
    /// What the contracts told, in order.
    pub events: Vec<Event>,
}

/// A token that a transaction minted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minted {
    /// Its id.
    pub token: TokenId,
    /// Its contract.
    pub contract: ComponentHash,
    /// The exported interface of the contract that declares its type.
    pub type_name: String,
}

/// A UTXO that a transaction made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Created {
    /// Its id.
    pub utxo: UtxoId,
    /// Its contract.
    pub contract: ComponentHash,
    /// The exported interface that declares its type; empty if the contract itself is the type.
    pub type_name: String,
    /// What it begins with.
    pub content: UtxoContent,
}

/// A UTXO whose content a transaction changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Its id.
    pub utxo: UtxoId,
    /// What it has now.
    pub content: UtxoContent,
}

/// A call, before it has a place in a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The UTXO or the token; none for a script, and for an effect's handler.
    pub object: Option<ObjectId>,
    /// The contract.
    pub contract: ComponentHash,
    /// The function.
    pub function: String,
    /// What went in.
    pub input: Digest,
    /// The state record before; zero if there was none.
    pub old_state: Digest,
    /// What came out; zero if the call did not return.
    pub output: Digest,
    /// The state record after; zero if there is none any more.
    pub new_state: Digest,
    /// The gas that was used from its beginning to its end.
    pub gas: u64,
    /// What host and contract said to each other meanwhile.
    pub host: Digest,
    /// How it ended.
    pub end: CallEnd,
}
