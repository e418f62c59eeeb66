//! What a chain is made of, and the one rule by which a block follows from another.
//!
//! Pure: no files, no clock, no randomness, no WebAssembly. A node, a prover and a light client compute the same with
//! it. `docs/ledger.md` is the normative text of every encoding and hash here.
//!
//! - [`Transaction`]: what somebody asks for; [`Verdict`]: what an executor says about it.
//! - [`Utxo`], [`ContractRecord`]: what a chain keeps.
//! - [`Receipt`], [`Event`], [`CallRow`]: what is told about a transaction for ever.
//! - [`Block`], [`Header`]: what is agreed on.
//! - [`BlockBuilder`], [`SealedBlock`]: the rule by which a block follows from another.
//! - [`State`]: what a block is made on, wherever it is kept; [`MemoryState`] keeps it in memory.
//! - [`TreeUpdate`], [`Opening`]: the tree whose root stands in the header, and what proves a part of it.

mod block;
mod call;
mod chain;
mod contract;
mod domain;
mod encoding;
mod execution;
mod external_id;
mod list;
mod memory;
mod receipt;
mod seal;
mod state;
mod transaction;
mod tree;
mod utxo;
mod validity;

pub use block::{Block, Deployment, Header, ProfileId};
pub use call::{CallEnd, CallRow};
pub use chain::{ChainId, ChainIdError, Moment};
pub use contract::{ContractCounters, ContractRecord, HostInterfaceId, TokenSupply};
pub use encoding::{Canonical, DecodeError, encoding_of};
pub use execution::{Call, Changed, Created, Effects, Execution, Invalid, Minted, Outcome, Verdict};
pub use external_id::{ExternalId, ParseExternalIdError};
pub use list::{chain_root, list_root};
pub use memory::{MemoryState, NotNext};
pub use receipt::{
    ChangedUtxo, ConsumedUtxo, CreatedUtxo, Event, Failure, FailureFrame, FailureKind, FailureObject, ObjectId,
    Receipt, TokenChange,
};
pub use seal::{Admission, BlockBuilder, Contradiction, SealError, SealedBlock};
pub use state::{State, StateError, Tree, UtxoStatus};
pub use transaction::{Input, RootCall, RootStep, StepCall, TokenRef, Transaction, UtxoRef};
pub use tree::{Opening, TREE_DEPTH, TreeNode, TreeUpdate, empty_root};
pub use utxo::{Callable, MethodId, Token, Utxo, UtxoContent};
