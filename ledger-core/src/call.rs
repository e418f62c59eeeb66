//! The call table: every call of a block, in order.

use crate::domain;
use crate::encoding::{Canonical, hash_of};
use crate::{Call, ObjectId};
use borsh::{BorshDeserialize, BorshSerialize};
use registry_core::hash::{Digest, blob};
use registry_core::id::ComponentHash;

/// One call of a script, a UTXO or a token, whoever made it. With the tree's siblings this is what a proof of a block starts
/// from.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CallRow {
    /// The transaction's place in the block.
    pub transaction: u32,
    /// The row's number in the block, counted from 1, in the order in which the calls ended.
    pub timestamp: u32,
    /// The number of the last row of the same object in this block whose effects this call could see: earlier in the same
    /// transaction, or in an earlier one that succeeded; 0 if there is none.
    pub previous: u32,
    /// The UTXO or the token; none for a script, and for an effect's handler.
    pub object: Option<ObjectId>,
    /// The contract.
    pub contract: ComponentHash,
    /// The function, by its name in the core module or in the WIT.
    pub function: String,
    /// What went in.
    pub input: Digest,
    /// The state record before; zero if there was none.
    pub old_state: Digest,
    /// What came out; zero if the call did not return.
    pub output: Digest,
    /// The state record after; zero if there is none any more.
    pub new_state: Digest,
    /// The gas that was used from its beginning to its end, calls inside it included.
    pub gas: u64,
    /// What host and contract said to each other meanwhile: effects with answers, events, token moves, the chain's moment.
    pub host: Digest,
    /// How it ended.
    pub end: CallEnd,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum CallEnd {
    /// It returned.
    Returned,
    /// The UTXO waits at a yield.
    Yielded,
    /// The UTXO came to its end.
    Consumed,
    /// The transaction failed in it.
    Failed,
}

impl Canonical for CallRow {
    const NAME: &'static str = "a row of the call table";
    const SIZE_BYTES_MAX: usize = 1 << 20;
}

impl CallRow {
    /// The row of a call, with its place in the block.
    pub(crate) fn of(call: &Call, transaction: u32, timestamp: u32, previous: u32) -> Self {
        Self {
            transaction,
            timestamp,
            previous,
            object: call.object,
            contract: call.contract,
            function: call.function.clone(),
            input: call.input,
            old_state: call.old_state,
            output: call.output,
            new_state: call.new_state,
            gas: call.gas,
            host: call.host,
            end: call.end,
        }
    }

    /// Its digest in the chain of claims.
    pub fn digest(&self) -> Digest {
        hash_of(domain::CALL_ROW, self)
    }

    /// The digest of encoded values that go into a call or come out.
    pub fn values(bytes: &[u8]) -> Digest {
        blob(domain::VALUES, bytes)
    }

    /// The digest of a state record.
    pub fn state(bytes: &[u8]) -> Digest {
        blob(domain::STATE, bytes)
    }

    /// The digest of what host and contract said to each other, as an executor has put it into bytes.
    pub fn host(bytes: &[u8]) -> Digest {
        blob(domain::HOST, bytes)
    }
}
