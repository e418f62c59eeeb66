//! Transactions: what somebody asks a chain for.

use crate::ChainId;
use crate::domain;
use crate::encoding::{Canonical, hash_of};
use borsh::{BorshDeserialize, BorshSerialize};
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};

/// One call, and what it may use. It happens whole or not at all, and once.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transaction {
    /// The chain that it is for.
    pub chain: ChainId,
    /// Tells two transactions apart that ask for the same: a chain takes each transaction once.
    pub nonce: u64,
    /// The lowest height of a block that it may be in.
    pub valid_from: u64,
    /// The highest height of a block that it may be in.
    pub valid_until: u64,
    /// The UTXOs that it may change and consume. Those that it only reads in the end keep their version.
    pub inputs: Vec<Input>,
    /// The UTXOs that it may only read; if it changes one, it fails.
    pub references: Vec<Input>,
    /// What is called.
    pub call: RootCall,
    /// The arguments, in the strict value encoding. A UTXO is written as its id's text; it must be among the inputs or
    /// references.
    pub arguments: Vec<u8>,
    /// The gas that it may use.
    pub gas_limit: u64,
}

/// A UTXO that a transaction uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Input {
    /// Which one.
    pub utxo: UtxoId,
    /// The version that the sender saw; the transaction is invalid if it has another. None stands for the latest.
    pub version: Option<u64>,
}

/// The one call that a transaction makes from outside.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum RootCall {
    /// A coordination script, or a plain function of a contract. Names are those of the contract's WIT:
    /// `create`, `demo:counting/counters@0.1.0#clamp`.
    Function {
        /// The contract.
        contract: ComponentHash,
        /// The function.
        function: String,
    },
    /// A main function of a UTXO type, which creates a UTXO.
    Main {
        /// The contract.
        contract: ComponentHash,
        /// The exported interface that declares the type; empty for a contract with `get-storage` at its root, of
        /// which any function can be the one that creates.
        type_name: String,
        /// The main function: `start`.
        main: String,
    },
    /// A method of a UTXO that is kept.
    Method {
        /// The UTXO; among the inputs or references.
        utxo: UtxoId,
        /// The method: `bump`.
        method: String,
    },
    /// Makes a contract part of the chain. The block carries its component and its packages.
    Deploy {
        /// The contract.
        contract: ComponentHash,
        /// The gas limit that calls of this contract may ask for at most, if it is below the chain's own.
        gas_limit_max: Option<u64>,
    },
    /// Several calls, one after another: the transaction itself is the coordination script. Its `arguments` are empty; the
    /// result is the value encoding of a list of byte lists, the result of each step.
    Calls(Vec<RootStep>),
}

/// One of several calls of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RootStep {
    /// What is called.
    pub call: StepCall,
    /// The arguments, in the strict value encoding. A UTXO or a token is written as its id's text, or as `made:0` and
    /// `minted:0`: its place among all UTXOs that the transaction made, or all tokens that it minted, so far.
    pub arguments: Vec<u8>,
}

/// What a step of a transaction calls.
#[derive(Debug, Clone, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum StepCall {
    /// As [`RootCall::Function`].
    Function {
        /// The contract.
        contract: ComponentHash,
        /// The function.
        function: String,
    },
    /// As [`RootCall::Main`].
    Main {
        /// The contract.
        contract: ComponentHash,
        /// The exported interface that declares the type.
        type_name: String,
        /// The main function.
        main: String,
    },
    /// A method of a UTXO.
    Method {
        /// The UTXO.
        utxo: UtxoRef,
        /// The method.
        method: String,
    },
    /// A function of a token type that mints a token.
    Mint {
        /// The contract.
        contract: ComponentHash,
        /// The exported interface that declares the type.
        type_name: String,
        /// The function: `mint`.
        function: String,
    },
    /// A method of a token: `attach` binds it to the UTXO that it takes, `detach` unbinds it.
    TokenMethod {
        /// The token.
        token: TokenRef,
        /// The method.
        method: String,
    },
    /// A function of a token's type that burns it.
    Burn {
        /// The token.
        token: TokenRef,
        /// The function: `burn`.
        function: String,
    },
    /// Burns a token without running any of its code, because the UTXO that held it was consumed by a step before. It takes no
    /// arguments and gives nothing.
    Discard {
        /// The token.
        token: TokenRef,
    },
}

/// A UTXO that a step uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum UtxoRef {
    /// One that was kept before; among the inputs or references.
    Kept(UtxoId),
    /// What the transaction made, at this place among all that it made.
    Made(u32),
}

/// A token that a step uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum TokenRef {
    /// One that was kept before; a UTXO among the inputs or references holds it.
    Kept(TokenId),
    /// What the transaction minted, at this place among all that it minted.
    Minted(u32),
}

impl Canonical for Transaction {
    const NAME: &'static str = "a transaction";
    const SIZE_BYTES_MAX: usize = 2 << 20;
}

impl Transaction {
    /// UTXOs that one transaction may name.
    pub const INPUTS_MAX: usize = 256;

    /// Steps that one transaction may have.
    pub const STEPS_MAX: usize = 256;

    /// Its id: the hash of its encoding.
    pub fn id(&self) -> TransactionId {
        TransactionId::from_digest(hash_of(domain::TRANSACTION, self))
    }

    /// The contract that the call names itself; a method's contract is that of its UTXO, and steps have one each.
    pub fn contract(&self) -> Option<ComponentHash> {
        match &self.call {
            RootCall::Function { contract, .. }
            | RootCall::Main { contract, .. }
            | RootCall::Deploy { contract, .. } => Some(*contract),
            RootCall::Method { .. } | RootCall::Calls(_) => None,
        }
    }

    /// The tokens, kept before it, of which its steps call something; a UTXO that it names must hold each.
    pub fn kept_tokens(&self) -> impl Iterator<Item = TokenId> {
        let steps = match &self.call {
            RootCall::Calls(steps) => steps.as_slice(),
            _ => &[],
        };
        steps.iter().filter_map(|step| match &step.call {
            StepCall::TokenMethod { token: TokenRef::Kept(token), .. }
            | StepCall::Burn { token: TokenRef::Kept(token), .. }
            | StepCall::Discard { token: TokenRef::Kept(token) } => Some(*token),
            _ => None,
        })
    }

    /// The UTXOs that it names: its inputs, then its references.
    pub fn named(&self) -> impl Iterator<Item = &Input> {
        self.inputs.iter().chain(&self.references)
    }

    /// Whether it names `utxo` among its inputs or references.
    pub fn names(&self, utxo: &UtxoId) -> bool {
        self.named().any(|input| input.utxo == *utxo)
    }
}
