//! UTXOs: what a chain's state consists of.

use crate::domain;
use crate::encoding::{Canonical, hash_of};
use crate::{CallRow, ChainId};
use borsh::{BorshDeserialize, BorshSerialize};
use registry_core::hash::{Digest, Domain, blob, hash_elements, merge};
use registry_core::id::{AccountId, ComponentHash, TokenId, TransactionId, UtxoId};
use std::collections::BTreeSet;
use std::fmt;

/// A UTXO that lives: a coroutine of a contract that waits at a yield.
///
/// It is linear: consumed once. A changed content is a new version of the same UTXO.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Utxo {
    /// What it is called for ever.
    pub id: UtxoId,
    /// Its place in the tree of UTXOs, given once.
    pub slot: u32,
    /// Its contract.
    pub contract: ComponentHash,
    /// How many UTXOs its contract had before it: with the contract a second name for it, `contract#serial`.
    pub serial: u64,
    /// The exported interface of the contract that declares its type; empty if the contract itself is the type.
    pub type_name: String,
    /// How often its content has changed.
    pub version: u64,
    /// What a transaction can change.
    pub content: UtxoContent,
}

/// What a transaction can change about a UTXO. All of it decides what may happen next.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct UtxoContent {
    /// The record that the contract's `get-storage` gives, in the strict value encoding.
    pub state: Vec<u8>,
    /// The methods that may be called while it waits where it is.
    pub callable: Callable,
    /// The tokens that it holds, in the order in which they came.
    pub tokens: Vec<Token>,
    /// Who alone may use it; nobody in particular if there is none.
    pub owner: Option<AccountId>,
    /// What was paid for keeping it.
    pub deposit: u64,
}

/// Which methods of a UTXO may be called.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Callable {
    /// All functions of its contract: it has no yields that could say.
    All,
    /// Those that it named before it stopped at its yield.
    Methods(BTreeSet<MethodId>),
}

/// The SHA-256 of a method's name in its source.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct MethodId(pub [u8; 32]);

impl fmt::Debug for MethodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A token: linear like a UTXO, and always held by one.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Token {
    /// What it is called for ever.
    pub id: TokenId,
    /// Its contract.
    pub contract: ComponentHash,
    /// The exported interface of the contract that declares its type.
    pub type_name: String,
    /// Its record, in the strict value encoding.
    pub state: Vec<u8>,
}

impl Canonical for Utxo {
    const NAME: &'static str = "a UTXO";
    const SIZE_BYTES_MAX: usize = 4 << 20;
}

impl Utxo {
    /// The id of what `transaction` made at place `index` (counted over all that it made, consumed at once or not).
    pub fn id(chain: &ChainId, transaction: &TransactionId, index: u32) -> UtxoId {
        UtxoId::from_digest(place_digest(domain::UTXO_ID, chain, transaction, index))
    }

    /// What stands for it in the tree of UTXOs.
    pub fn leaf(&self) -> Digest {
        let mut identity = Vec::with_capacity(14);
        identity.extend(self.id.digest().elements());
        identity.extend(self.contract.digest().elements());
        identity.extend(blob(domain::TYPE, self.type_name.as_bytes()).elements());
        identity.extend(limbs(self.serial));
        let mut content = Vec::with_capacity(20);
        content.extend(limbs(self.version));
        content.extend(self.content.state_digest().elements());
        content.extend(hash_of(domain::CALLABLE, &self.content.callable).elements());
        content.extend(hash_of(domain::TOKENS, &self.content.tokens).elements());
        content.extend(self.content.owner.map_or(Digest::ZERO, |owner| *owner.digest()).elements());
        content.extend(limbs(self.content.deposit));
        let identity = hash_elements(domain::IDENTITY, &identity);
        merge(domain::LEAF, &identity, &hash_elements(domain::CONTENT, &content))
    }

    /// What stands in the tree where a UTXO was consumed: different for each, and never what stands for a place that was
    /// not used yet.
    pub fn tombstone(id: &UtxoId) -> Digest {
        hash_elements(domain::TOMBSTONE, &id.digest().elements())
    }
}

impl UtxoContent {
    /// The digest of the state record alone, as the call table has it.
    pub fn state_digest(&self) -> Digest {
        CallRow::state(&self.state)
    }
}

impl Token {
    /// The id of what `transaction` minted at place `index` (counted over all that it minted, burned at once or not).
    pub fn id(chain: &ChainId, transaction: &TransactionId, index: u32) -> TokenId {
        TokenId::from_digest(place_digest(domain::TOKEN_ID, chain, transaction, index))
    }
}

/// What names the thing that a transaction made at a place.
fn place_digest(domain: Domain, chain: &ChainId, transaction: &TransactionId, index: u32) -> Digest {
    let mut elements = Vec::with_capacity(9);
    elements.extend(chain.digest().elements());
    elements.extend(transaction.digest().elements());
    elements.push(index.into());
    hash_elements(domain, &elements)
}

/// A number as two elements of 32 bits, the lower first, so that a proof can check their range.
pub(crate) fn limbs(number: u64) -> [u64; 2] {
    [number & 0xffff_ffff, number >> 32]
}
