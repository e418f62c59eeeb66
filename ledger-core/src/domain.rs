//! What kind of object each hash of a ledger names.

use registry_core::hash::Domain;

/// A chain's name.
pub(crate) const CHAIN: Domain = Domain::new(b"p2chai1");
/// A transaction.
pub(crate) const TRANSACTION: Domain = Domain::new(b"p2txn01");
/// The id of a UTXO.
pub(crate) const UTXO_ID: Domain = Domain::new(b"p2utxo1");
/// The id of a token.
pub(crate) const TOKEN_ID: Domain = Domain::new(b"p2toki1");
/// What a UTXO is for as long as it lives: the left half of its leaf.
pub(crate) const IDENTITY: Domain = Domain::new(b"p2uidn1");
/// What a transaction can change about it: the right half of its leaf.
pub(crate) const CONTENT: Domain = Domain::new(b"p2ucon1");
/// A UTXO in the tree.
pub(crate) const LEAF: Domain = Domain::new(b"p2ulea1");
/// A consumed UTXO in the tree.
pub(crate) const TOMBSTONE: Domain = Domain::new(b"p2utom1");
/// An inner node of a positional tree.
pub(crate) const TREE: Domain = Domain::new(b"p2tree1");
/// A state record.
pub(crate) const STATE: Domain = Domain::new(b"p2stat1");
/// A set of callable methods.
pub(crate) const CALLABLE: Domain = Domain::new(b"p2call1");
/// The tokens that a UTXO holds.
pub(crate) const TOKENS: Domain = Domain::new(b"p2tokn1");
/// The name of a type.
pub(crate) const TYPE: Domain = Domain::new(b"p2type1");
/// A contract's record.
pub(crate) const CONTRACT: Domain = Domain::new(b"p2ctrc1");
/// What changes about a contract.
pub(crate) const COUNTERS: Domain = Domain::new(b"p2ctrs1");
/// A receipt.
pub(crate) const RECEIPT: Domain = Domain::new(b"p2rcpt1");
/// A row of the call table.
pub(crate) const CALL_ROW: Domain = Domain::new(b"p2row01");
/// The chain of a block's call rows.
pub(crate) const CLAIMS: Domain = Domain::new(b"p2clms1");
/// What went into a call, or came out.
pub(crate) const VALUES: Domain = Domain::new(b"p2vals1");
/// What host and contract said to each other during a call.
pub(crate) const HOST: Domain = Domain::new(b"p2host1");
/// A list of digests.
pub(crate) const LIST: Domain = Domain::new(b"p2list1");
/// A block's header.
pub(crate) const BLOCK: Domain = Domain::new(b"p2blok1");
/// What the ledger offers to contracts.
pub(crate) const HOST_INTERFACE: Domain = Domain::new(b"p2hifc1");
