//! Blocks: what is agreed on.

use crate::domain;
use crate::encoding::{Canonical, hash_of};
use crate::{ChainId, Moment, Transaction, empty_root};
use borsh::{BorshDeserialize, BorshSerialize};
use registry_core::hash::Digest;
use registry_core::id::{BlockId, ComponentHash, PackageHash};
use std::collections::BTreeMap;

/// Everything that a block commits to.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Header {
    /// The version of `docs/hash.md` and `docs/ledger.md` by which everything here is hashed.
    pub hash_version: u32,
    /// The chain.
    pub chain: ChainId,
    /// What decides the results of calls.
    pub profile: ProfileId,
    /// Its height, and the time that the sequencer gave it.
    pub moment: Moment,
    /// The block below it; zero for the genesis.
    pub parent: BlockId,
    /// The root of the tree of UTXOs before it.
    pub old_root: Digest,
    /// The root of the tree of UTXOs after it.
    pub new_root: Digest,
    /// The next place in the tree of UTXOs.
    pub next_slot: u32,
    /// The root of the tree of contracts after it: their records, serial counters and token supplies.
    pub contracts_root: Digest,
    /// The next place in the tree of contracts.
    pub next_contract_slot: u32,
    /// Over the ids of its transactions.
    pub transactions_root: Digest,
    /// Over its receipts.
    pub receipts_root: Digest,
    /// The chain of its call rows.
    pub claims_root: Digest,
}

/// Names an execution profile: features, operator costs, limits, the engine and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct ProfileId(pub Digest);

/// A block with everything that is needed to execute it again, without asking anybody.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Block {
    /// Its header.
    pub header: Header,
    /// Its transactions, in order.
    pub transactions: Vec<Transaction>,
    /// What its deployments brought, in their order.
    pub deployments: Vec<Deployment>,
}

/// A component with every package that it needs. Everything in it has a hash, and is checked against it.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Deployment {
    /// The component's hash.
    pub contract: ComponentHash,
    /// Its bytes.
    pub component: Vec<u8>,
    /// Name, hash and WIT text of each package, each after those that it refers to.
    pub packages: Vec<(String, PackageHash, String)>,
    /// The contracts that it imports, by the external ids with which it names them ([`ExternalId`](crate::ExternalId) as
    /// text).
    pub imports: BTreeMap<String, ComponentHash>,
}

impl Canonical for Header {
    const NAME: &'static str = "a block's header";
    const SIZE_BYTES_MAX: usize = 4 << 10;
}

impl Canonical for Block {
    const NAME: &'static str = "a block";
    const SIZE_BYTES_MAX: usize = 1 << 30;
}

impl Header {
    /// The version that this code writes.
    pub const HASH_VERSION: u32 = 1;

    /// The block's id: the hash of its header.
    pub fn id(&self) -> BlockId {
        BlockId::from_digest(hash_of(domain::BLOCK, self))
    }

    /// Whether it is the header of the block that follows `tip`, or of a genesis if there is none, as far as headers tell.
    pub fn follows(&self, tip: Option<&Self>) -> bool {
        let expected = match tip {
            None => (0, BlockId::from_digest(Digest::ZERO), empty_root()),
            Some(tip) => (tip.moment.height.saturating_add(1), tip.id(), tip.new_root),
        };
        (self.moment.height, self.parent, self.old_root) == expected
    }

    /// Names the first field in which it differs from another, with both values; none if they are equal.
    ///
    /// Causes come before their consequences: what a block was made from, then its transactions, then what they did.
    pub fn difference(&self, other: &Self) -> Option<String> {
        let (mine, others) = (self.fields(), other.fields());
        let differing = mine.into_iter().zip(others).find(|(mine, other)| mine.1 != other.1);
        differing.map(|((name, mine), (_, other))| format!("{name}: `{mine}` and `{other}`"))
    }

    fn fields(&self) -> [(&'static str, String); 15] {
        [
            ("hash version", self.hash_version.to_string()),
            ("chain", self.chain.to_string()),
            ("profile", self.profile.0.to_hex()),
            ("height", self.moment.height.to_string()),
            ("slot", self.moment.slot.to_string()),
            ("time", self.moment.time_ms.to_string()),
            ("parent", self.parent.to_string()),
            ("old root", self.old_root.to_hex()),
            ("transactions root", self.transactions_root.to_hex()),
            ("receipts root", self.receipts_root.to_hex()),
            ("claims root", self.claims_root.to_hex()),
            ("next slot", self.next_slot.to_string()),
            ("new root", self.new_root.to_hex()),
            ("next contract slot", self.next_contract_slot.to_string()),
            ("contracts root", self.contracts_root.to_hex()),
        ]
    }
}
