//! Transactions out of names and WAVE text: what somebody who uses a chain has to know about it, asked of a node.

mod calls;
mod steps;
mod text;

pub use steps::draft_steps;
pub use text::StepsTextError;

use crate::contract_hash::{self, ContractHashError};
use crate::interface::FunctionError;
use crate::rpc::{ErrorCode, InvalidReason, NodeClient, NodeClientError};
use crate::utxo_name::{UtxoName, UtxoNameError};
use crate::value::{Fault, Reader, ValueError, ValueLimits, encode_parameters};
use crate::wave::{ArgumentError, Callee, CalleeError, ContractText, FindObject, Signature, TextError};
use calls::{Calls, Thing};
use ledger_core::{RootCall, StepCall, Transaction};
use registry_core::id::{ComponentHash, ParseIdError, TokenId, UtxoId};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use text::DISCARD;
use wasm_wave::value::Value;

/// For how many blocks a transaction is valid if nobody says.
pub const VALID_BLOCKS_DEFAULT: u64 = 1_000;

/// What a transaction calls something of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A contract: a script, a plain function, a main function of one of its types, or one that mints a token.
    Contract(ComponentHash),
    /// A UTXO: one of its methods.
    Utxo(UtxoName),
    /// A token: one of its methods, or a function that burns it.
    Token(TokenId),
}

/// A text that names neither a contract nor a UTXO nor a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It looks like the name of a UTXO.
    #[error(transparent)]
    Utxo(#[from] UtxoNameError),
    /// It is a name that a registry may know.
    #[error(transparent)]
    Contract(ContractHashError),
    /// It looks like the id of a token.
    #[error(transparent)]
    Token(ParseIdError),
    /// It is something else.
    #[error("neither a contract's hash (`p2:c…`) nor a UTXO (`p2:u…`, `p2:c…#0`) nor a token (`p2:k…`): {0}")]
    Neither(ParseIdError),
}

/// How a transaction is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftOptions {
    /// The gas that it may use; what the node says if there is none, or what the contract allows if that is less.
    pub gas_limit: Option<u64>,
    /// UTXOs that it may only read, beside those that its arguments name.
    pub references: Vec<UtxoName>,
    /// Whether it may only read all UTXOs that it names.
    pub is_read_only: bool,
    /// Whether it takes the UTXOs as they are when it is executed, whatever changed meanwhile.
    pub takes_latest: bool,
    /// The version that the UTXO must have whose method is called; the one that it has now if there is none.
    pub version: Option<u64>,
    /// The highest block that it may be in; [`VALID_BLOCKS_DEFAULT`] from the latest if there is none.
    pub valid_until: Option<u64>,
    /// Tells it apart from others that ask for the same.
    pub nonce: u64,
}

/// A transaction that can be sent, and what its result means.
pub struct Draft {
    /// The transaction.
    pub transaction: Transaction,
    /// What it calls, one after another.
    pub calls: Vec<Callee>,
    /// Where each of the calls stands in the text that they were read from; nothing if there was none.
    pub lines: Vec<CallLine>,
    /// Whether the contract could keep a state, and that of this call is dropped.
    pub drops_state: bool,
}

/// Where one of several calls is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallLine {
    /// Counted from 1.
    pub line: usize,
    /// The call, on one line.
    pub text: String,
}

/// The WIT of the contracts of a node, each fetched once.
pub struct ContractTexts<'n> {
    node: &'n NodeClient,
    known: HashMap<ComponentHash, Arc<ContractText>>,
}

/// Why there is no transaction.
#[derive(Debug, thiserror::Error)]
pub enum DraftError {
    /// The node was needed, and did not answer.
    #[error(transparent)]
    Node(#[from] NodeClientError),
    /// The contract's WIT cannot be read.
    #[error("the WIT of {contract} cannot be read")]
    Text {
        /// The contract.
        contract: ComponentHash,
        /// Why.
        #[source]
        error: TextError,
    },
    /// The name means nothing that can be called.
    #[error(transparent)]
    Callee(#[from] CalleeError),
    /// The arguments are not what the function takes.
    #[error("{}", .error.shown())]
    Arguments {
        /// What is called.
        function: String,
        /// What it takes.
        signature: Box<Signature>,
        /// What is wrong, and where.
        error: ArgumentError,
    },
    /// The arguments cannot be sent.
    #[error("the arguments cannot be sent")]
    Values(#[from] ValueError),
    /// The text of several calls is not one.
    #[error(transparent)]
    Steps(#[from] StepsTextError),
    /// One of several calls cannot be made.
    #[error("line {line}, `{text}`, is not a call that can be sent")]
    Line {
        /// Counted from 1.
        line: usize,
        /// The call.
        text: String,
        /// Why.
        #[source]
        error: Box<DraftError>,
    },
    /// Which UTXOs and tokens a script makes is found out by simulating it, and that failed.
    #[error("what the calls up to there make cannot be found out: {failure}")]
    Simulation {
        /// Why not.
        failure: String,
    },
    /// A result that is no object was named.
    #[error("`{function}` gives no UTXO and no token that could be named: it is {signature}")]
    NothingToName {
        /// What is called.
        function: String,
        /// What it gives.
        signature: Box<Signature>,
    },
    /// The type of a UTXO or a token that a script made is not known.
    #[error("it is not known which type of {contract} the {what} `{name}` has")]
    UnknownType {
        /// What it is.
        what: &'static str,
        /// What it is called.
        name: String,
        /// Its contract.
        contract: ComponentHash,
    },
    /// The node's answer is not what was asked for.
    #[error("the node's answer is not what the contract's WIT says")]
    Answer(#[source] ValueError),
    /// A token was burned.
    #[error("the token {token} was burned in block {height}")]
    Burned {
        /// The token.
        token: TokenId,
        /// The height of the block that burned it.
        height: u64,
    },
    /// A UTXO does not live any more.
    #[error("the UTXO {utxo} was consumed in block {height}")]
    Consumed {
        /// The UTXO.
        utxo: UtxoName,
        /// The height of the block that consumed it.
        height: u64,
    },
}

/// Makes the transaction that calls `function` of `target` with `arguments`, which are WAVE. The UTXOs that the
/// arguments name, the one whose method is called, and those that hold the tokens which are used become its inputs with the
/// versions that they have now.
///
/// # Errors
/// If the node can't be asked, or the call does not fit the contract.
pub async fn draft(
    texts: &mut ContractTexts<'_>,
    target: &Target,
    function: &str,
    arguments: &str,
    options: &DraftOptions,
) -> Result<Draft, DraftError> {
    let mut calls = Calls::begin(texts, options).await?;
    let target = calls.target(target).await?;
    if let (Some(version), Thing::Object(_)) = (options.version, &target) {
        calls.expect_version(version);
    }
    let callee = match calls.callee(&target, function).await {
        // A token's type may have a function of this name.
        Err(error @ DraftError::Callee(_)) if function == DISCARD => Calls::discard(&target).ok_or(error)?,
        callee => callee?,
    };
    let arguments = calls.arguments(target.contract(), &callee, arguments, &|_| Ok(None)).await?;
    let drops_state = match &callee.call {
        StepCall::Function { contract, .. } => calls.text(contract).await?.is_type(),
        _ => false,
    };
    let (call, arguments) = callee.alone(arguments);
    let transaction = calls.transaction(call, arguments).await?;
    Ok(Draft { transaction, calls: vec![callee], lines: Vec::new(), drops_state })
}

/// Whether a call is of a function of a contract that is itself the type of its UTXOs, and makes none.
pub fn drops_state(text: &ContractText, call: &StepCall) -> bool {
    text.is_type() && matches!(call, StepCall::Function { .. })
}

/// The encoded arguments of a call; `find` says which UTXO or token a name among them means, or why none is meant.
///
/// # Errors
/// If they are not what the function takes.
pub fn encode_arguments(callee: &Callee, text: &str, find: FindObject<'_>) -> Result<Vec<u8>, DraftError> {
    let values: Vec<Value> = callee.signature.parse_arguments_with(text, find).map_err(|error| {
        DraftError::Arguments { function: callee.name.clone(), signature: Box::new(callee.signature.clone()), error }
    })?;
    Ok(encode_parameters(&callee.signature.parameters, &values, &ValueLimits::default())?)
}

/// The encoded results of the calls that a transaction made, out of its own: one for each.
///
/// # Errors
/// If it is not the result of a transaction of this call.
pub fn results(call: &RootCall, encoded: &[u8]) -> Result<Vec<Vec<u8>>, Fault> {
    let RootCall::Calls(steps) = call else { return Ok(vec![encoded.to_vec()]) };
    let mut reader = Reader::new(encoded);
    let count = reader.unsigned(32)?;
    let results: Vec<Vec<u8>> =
        (0..count).map(|_| reader.list_of_bytes().map(<[u8]>::to_vec)).collect::<Result<_, Fault>>()?;
    reader.finish()?;
    if results.len() == steps.len() { Ok(results) } else { Err(Fault::NotOfForm { what: "one result for each call" }) }
}

impl<'n> ContractTexts<'n> {
    /// Those of `node`. Nothing is asked yet.
    pub fn new(node: &'n NodeClient) -> Self {
        Self { node, known: HashMap::new() }
    }

    /// The node.
    pub fn node(&self) -> &'n NodeClient {
        self.node
    }

    /// The WIT of a contract.
    ///
    /// # Errors
    /// If the node does not give it, or it cannot be read.
    pub async fn of(&mut self, contract: &ComponentHash) -> Result<Arc<ContractText>, DraftError> {
        match self.known.entry(*contract) {
            Entry::Occupied(known) => Ok(Arc::clone(known.get())),
            Entry::Vacant(place) => {
                let answer = self.node.wit(contract, true).await?;
                let text = ContractText::parse(&answer.wit, &answer.entrypoint);
                let text = text.map_err(|error| DraftError::Text { contract: *contract, error })?;
                Ok(Arc::clone(place.insert(Arc::new(text))))
            }
        }
    }
}

impl DraftError {
    /// The kind, for programs: that of the refusal which a node would give.
    pub fn code(&self) -> String {
        let code = match self {
            Self::Node(error) => return error.code(),
            Self::Line { error, .. } => return error.code(),
            Self::Text { .. } => ErrorCode::RefusedContract,
            Self::Callee(CalleeError::Function(FunctionError::NotCallable { .. }) | CalleeError::Type { .. }) => {
                ErrorCode::FunctionNotCallable
            }
            Self::Callee(CalleeError::Function(_)) | Self::UnknownType { .. } => ErrorCode::UnknownFunction,
            Self::Arguments { .. } | Self::Values(_) | Self::NothingToName { .. } => ErrorCode::MalformedParams,
            Self::Steps(_) => ErrorCode::MalformedTransaction,
            Self::Simulation { .. } => return "failed".to_owned(),
            Self::Answer(_) => return "malformed-answer".to_owned(),
            Self::Burned { .. } => ErrorCode::InvalidTransaction(InvalidReason::UndeclaredToken),
            Self::Consumed { .. } => ErrorCode::InvalidTransaction(InvalidReason::ConsumedUtxo),
        };
        code.to_string()
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Node(error) => error.hint().map(str::to_owned),
            Self::Line { error, .. } => error.hint(),
            Self::Steps(error) => error.hint().map(str::to_owned),
            Self::Simulation { .. } => Some(
                "a name for what is made after a script, or by it, needs a simulation of the calls up to there, which must \
                 not fail; names for what mains make, and for what is minted, before all scripts need none"
                    .to_owned(),
            ),
            Self::Burned { .. } => Some("a token is burned once; `ledger tokens` lists those that exist".to_owned()),
            Self::Callee(CalleeError::Function(error)) => error.hint(),
            Self::Arguments { function, signature, error } => Some(match error.hint() {
                Some(hint) => format!("{hint}; {function} is {signature}"),
                None => format!("{function} is {signature}"),
            }),
            Self::Consumed { .. } => Some("a UTXO is consumed once; `ledger utxos` lists those that live".to_owned()),
            Self::Text { .. }
            | Self::Callee(CalleeError::Type { .. })
            | Self::Values(_)
            | Self::NothingToName { .. }
            | Self::UnknownType { .. }
            | Self::Answer(_) => None,
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.contains('#') || text.starts_with(UtxoId::PREFIX) {
            return Ok(Self::Utxo(text.parse()?));
        }
        if text.starts_with(TokenId::PREFIX) {
            return text.parse().map(Self::Token).map_err(TargetError::Token);
        }
        contract_hash::parse(text).map(Self::Contract).map_err(|error| match error {
            ContractHashError::Malformed(error) => TargetError::Neither(error),
            name @ ContractHashError::Name(_) => TargetError::Contract(name),
        })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contract(contract) => contract.fmt(f),
            Self::Utxo(utxo) => utxo.fmt(f),
            Self::Token(token) => token.fmt(f),
        }
    }
}
