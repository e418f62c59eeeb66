//! Receipts: what a transaction did.

use crate::domain;
use crate::encoding::{Canonical, hash_of};
use borsh::{BorshDeserialize, BorshSerialize};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};
use std::fmt;

/// What a transaction did. All of it is in the block's receipts root.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Receipt {
    /// The transaction.
    pub transaction: TransactionId,
    /// The encoded result, or why it failed. A transaction that failed has nothing below but its gas.
    pub outcome: Result<Vec<u8>, Failure>,
    /// The gas that it used, at most its limit.
    pub gas_used: u64,
    /// The UTXOs that it made and that live on, in the order of their creation.
    pub created: Vec<CreatedUtxo>,
    /// The UTXOs whose content it changed.
    pub changed: Vec<ChangedUtxo>,
    /// The UTXOs that it consumed.
    pub consumed: Vec<ConsumedUtxo>,
    /// The UTXOs that it made and consumed.
    pub ephemeral: Vec<UtxoId>,
    /// The UTXOs that it used and left as they were.
    pub read: Vec<UtxoId>,
    /// The contract that it deployed.
    pub deployed: Option<ComponentHash>,
    /// The tokens that it minted, in the order of their minting, and then those of earlier that it moved or burned, in the
    /// order of the transaction's inputs and of what each held.
    pub tokens: Vec<TokenChange>,
    /// What the contracts told, in order.
    pub events: Vec<Event>,
}

/// A UTXO that a transaction made.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CreatedUtxo {
    /// Its id.
    pub utxo: UtxoId,
    /// Its contract.
    pub contract: ComponentHash,
    /// Its number among its contract's UTXOs.
    pub serial: u64,
    /// Its place in the tree.
    pub slot: u32,
    /// What stands there.
    pub leaf: Digest,
}

/// A UTXO whose content a transaction changed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ChangedUtxo {
    /// Its id.
    pub utxo: UtxoId,
    /// Its new version.
    pub version: u64,
    /// Its place in the tree.
    pub slot: u32,
    /// What stands there now.
    pub leaf: Digest,
}

/// A UTXO that a transaction consumed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ConsumedUtxo {
    /// Its id.
    pub utxo: UtxoId,
    /// Its place in the tree, which nothing else will have.
    pub slot: u32,
}

/// What became of a token.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TokenChange {
    /// The token.
    pub token: TokenId,
    /// Its contract.
    pub contract: ComponentHash,
    /// The exported interface of the contract that declares its type.
    pub type_name: String,
    /// The UTXO that held it before; none if the transaction minted it.
    pub from: Option<UtxoId>,
    /// The UTXO that holds it now; none if it was burned.
    pub to: Option<UtxoId>,
}

/// Something that a contract told.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Event {
    /// The contract.
    pub contract: ComponentHash,
    /// The UTXO or the token in which it happened; none in a script.
    pub object: Option<ObjectId>,
    /// The interface, as the contract's WIT has it: `starstream:events/counting`.
    pub interface: String,
    /// The event: `stopped`.
    pub name: String,
    /// Its arguments, in the strict value encoding.
    pub arguments: Vec<u8>,
}

/// Why a transaction failed while it ran.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Failure {
    /// The kind.
    pub kind: FailureKind,
    /// What happened, in the ledger's own words: the same on every node.
    pub detail: String,
    /// The calls that were going on, the innermost first; empty if it happened after all calls had ended.
    pub frames: Vec<FailureFrame>,
}

/// A call that was going on when a transaction failed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FailureFrame {
    /// The contract.
    pub contract: ComponentHash,
    /// The UTXO or the token of which something was called; none in a script and in a plain function.
    pub object: Option<FailureObject>,
    /// The function, as the contract's WIT calls it: `bump`, and `starstream:effects/oracle#price` for a handler.
    pub function: String,
}

/// The object of which something was called when a transaction failed.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FailureObject {
    /// Which one. What a transaction that failed made or minted exists nowhere.
    pub id: ObjectId,
    /// The exported interface of the contract that declares its type.
    pub type_name: String,
}

/// A UTXO or a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub enum ObjectId {
    /// A UTXO.
    Utxo(UtxoId),
    /// A token.
    Token(TokenId),
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub enum FailureKind {
    /// The gas limit was reached.
    OutOfGas,
    /// A contract stopped itself, or did what WebAssembly does not allow.
    Trap,
    /// A contract did what the ledger does not allow.
    Refused,
    /// A contract raised an effect that nobody handles.
    Effect,
    /// A contract asked for more of something than a transaction may have.
    Limit,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OutOfGas => "out of gas",
            Self::Trap => "trap",
            Self::Refused => "refused",
            Self::Effect => "unhandled effect",
            Self::Limit => "limit",
        })
    }
}

impl Failure {
    /// Bytes of the text that says what happened. Whoever executes keeps to it.
    pub const DETAIL_SIZE_BYTES_MAX: usize = 4 << 10;

    /// A failure of which it is not known (yet) which calls were going on.
    pub fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), frames: Vec::new() }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Utxo(id) => id.fmt(f),
            Self::Token(id) => id.fmt(f),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.detail)
    }
}

impl Canonical for Receipt {
    const NAME: &'static str = "a receipt";
    const SIZE_BYTES_MAX: usize = 16 << 20;
}

impl Receipt {
    /// The receipt of a transaction that did nothing but use gas.
    pub(crate) fn of(transaction: TransactionId, gas_used: u64) -> Self {
        Self {
            transaction,
            outcome: Ok(Vec::new()),
            gas_used,
            created: Vec::new(),
            changed: Vec::new(),
            consumed: Vec::new(),
            ephemeral: Vec::new(),
            read: Vec::new(),
            deployed: None,
            tokens: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Its digest in the block's receipts root.
    pub fn digest(&self) -> Digest {
        hash_of(domain::RECEIPT, self)
    }
}
