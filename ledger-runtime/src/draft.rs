//! Transactions out of names and WAVE text: what somebody who uses a chain has to know about it, asked of a node.

use crate::contract_hash::{self, ContractHashError};
use crate::interface::FunctionError;
use crate::rpc::{ErrorCode, InvalidReason, LiveUtxo, NodeClient, NodeClientError, UtxoAnswer};
use crate::utxo_name::{UtxoName, UtxoNameError};
use crate::value::{ValueError, ValueLimits, encode_parameters};
use crate::wave::{ArgumentError, Callee, CalleeError, ContractText, FindUtxo, Signature, TextError};
use ledger_core::{Input, RootCall, Transaction};
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, ParseIdError, UtxoId};
use std::cell::RefCell;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use wasm_wave::value::Value;

/// For how many blocks a transaction is valid if nobody says.
pub const VALID_BLOCKS_DEFAULT: u64 = 1_000;

/// What a transaction calls something of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A contract: a script, a plain function, or a main function of one of its types.
    Contract(ComponentHash),
    /// A UTXO: one of its methods.
    Utxo(UtxoName),
}

/// A text that names neither a contract nor a UTXO.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// It looks like the name of a UTXO.
    #[error(transparent)]
    Utxo(#[from] UtxoNameError),
    /// It is a name that a registry may know.
    #[error(transparent)]
    Contract(ContractHashError),
    /// It is something else.
    #[error("neither a contract's hash (`p2:c…`) nor a UTXO (`p2:u…` or `p2:c…#0`): {0}")]
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
    /// What it calls.
    pub callee: Callee,
    /// The contract that it calls.
    pub contract: ComponentHash,
    /// Whether the contract could keep a state, and that of this call is dropped.
    pub drops_state: bool,
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
    /// A UTXO does not live any more.
    #[error("the UTXO {utxo} was consumed in block {height}")]
    Consumed {
        /// The UTXO.
        utxo: UtxoName,
        /// The height of the block that consumed it.
        height: u64,
    },
}

/// A UTXO that lives, as far as a transaction must know it.
#[derive(Debug, Clone, Copy)]
struct Found {
    id: UtxoId,
    version: u64,
}

/// Makes the transaction that calls `function` of `target` with `arguments`, which are WAVE. The UTXOs that the
/// arguments name, and the one whose method is called, become its inputs with the versions that they have now.
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
    let node = texts.node;
    let status = node.chain_status().await?;
    let (contract, callee, own) = match target {
        Target::Contract(contract) => (*contract, texts.of(contract).await?.callee(*contract, function)?, None),
        Target::Utxo(name) => {
            let utxo = live(node, name).await?.utxo;
            let callee = texts.of(&utxo.contract).await?.method(utxo.id, &utxo.type_name, function)?;
            (utxo.contract, callee, Some(Found { id: utxo.id, version: options.version.unwrap_or(utxo.version) }))
        }
    };
    let (arguments, named) = read_arguments(node, &callee, arguments).await?;
    let mut references = Vec::new();
    for name in &options.references {
        let utxo = live(node, name).await?;
        references.push(found(&utxo));
    }
    let used = own.into_iter().chain(named);
    let (inputs, references) = inputs_and_references(used, references, options);
    let height = status.header.moment.height;
    let gas_limit = match options.gas_limit {
        Some(gas_limit) => gas_limit,
        None => gas_limit_default(node, &contract, status.gas_limit_default).await?,
    };
    let transaction = Transaction {
        chain: status.header.chain,
        nonce: options.nonce,
        valid_from: 0,
        valid_until: options.valid_until.unwrap_or(height.saturating_add(VALID_BLOCKS_DEFAULT)),
        inputs,
        references,
        call: callee.call.clone(),
        arguments,
        gas_limit,
    };
    let drops_state = drops_state(&*texts.of(&contract).await?, &callee.call);
    Ok(Draft { transaction, callee, contract, drops_state })
}

/// Whether a call is of a function of a contract that is itself the type of its UTXOs, and makes none.
pub fn drops_state(text: &ContractText, call: &RootCall) -> bool {
    text.is_type() && matches!(call, RootCall::Function { .. })
}

/// What a call of a contract may use if nobody says: what the node says, or what the contract allows if that is less.
async fn gas_limit_default(node: &NodeClient, contract: &ComponentHash, of_node: u64) -> Result<u64, DraftError> {
    match node.contract(contract).await {
        Ok(answer) => Ok(answer.record.gas_limit_max.map_or(of_node, |max| max.min(of_node))),
        // Whoever makes a block says what is wrong with a contract that is not deployed.
        Err(NodeClientError::Refused(refusal)) if refusal.code == ErrorCode::NotFound => Ok(of_node),
        Err(error) => Err(error.into()),
    }
}

/// The encoded arguments, and the UTXOs that they name, in the order in which they are named.
async fn read_arguments(node: &NodeClient, callee: &Callee, text: &str) -> Result<(Vec<u8>, Vec<Found>), DraftError> {
    // Which UTXO a name means has to be asked of the node, so the text is read twice: for the names, and with the answers.
    let mut found: Vec<(UtxoName, Result<Found, String>)> = Vec::new();
    for name in names(callee, text)? {
        if found.iter().all(|(known, _)| *known != name) {
            found.push((name, find(node, &name).await?));
        }
    }
    let look_up = |text: &str| {
        let (_, answer) = found.iter().find(|(name, _)| name.to_string() == text).ok_or("it is not known")?;
        answer.as_ref().map(|found| found.id).map_err(String::clone)
    };
    Ok((encode_arguments(callee, text, &look_up)?, found.into_iter().filter_map(|(_, answer)| answer.ok()).collect()))
}

/// The names of UTXOs among the arguments.
fn names(callee: &Callee, text: &str) -> Result<Vec<UtxoName>, DraftError> {
    let names = RefCell::new(Vec::new());
    let note = |text: &str| {
        let name: UtxoName = text.parse().map_err(|error: UtxoNameError| error.to_string())?;
        names.borrow_mut().push(name);
        // Which one it is does not matter for the names.
        Ok(UtxoId::from_digest(Digest::ZERO))
    };
    encode_arguments(callee, text, &note)?;
    Ok(names.into_inner())
}

/// The encoded arguments of a call; `utxo` says which UTXO a name among them means, or why none is meant.
///
/// # Errors
/// If they are not what the function takes.
pub fn encode_arguments(callee: &Callee, text: &str, utxo: FindUtxo<'_>) -> Result<Vec<u8>, DraftError> {
    let values: Vec<Value> = callee.signature.parse_arguments_with(text, utxo).map_err(|error| {
        DraftError::Arguments { function: callee.name.clone(), signature: Box::new(callee.signature.clone()), error }
    })?;
    Ok(encode_parameters(&callee.signature.parameters, &values, &ValueLimits::default())?)
}

/// A UTXO that an argument names, or why none is meant, to be shown where it is named.
async fn find(node: &NodeClient, name: &UtxoName) -> Result<Result<Found, String>, DraftError> {
    match live(node, name).await {
        Ok(utxo) => Ok(Ok(found(&utxo))),
        Err(error @ DraftError::Consumed { .. }) => Ok(Err(error.to_string())),
        Err(DraftError::Node(NodeClientError::Refused(refusal))) => Ok(Err(refusal.message)),
        Err(other) => Err(other),
    }
}

async fn live(node: &NodeClient, name: &UtxoName) -> Result<Box<LiveUtxo>, DraftError> {
    match node.utxo(name).await? {
        UtxoAnswer::Live(utxo) => Ok(utxo),
        UtxoAnswer::Consumed(consumed) => Err(DraftError::Consumed { utxo: *name, height: consumed.height }),
    }
}

fn found(live: &LiveUtxo) -> Found {
    Found { id: live.utxo.id, version: live.utxo.version }
}

/// Each UTXO once: among the references if it is named as one or nothing may be changed, among the inputs otherwise.
fn inputs_and_references(
    used: impl Iterator<Item = Found>,
    references: Vec<Found>,
    options: &DraftOptions,
) -> (Vec<Input>, Vec<Input>) {
    let reference_ids: BTreeSet<UtxoId> = references.iter().map(|reference| reference.id).collect();
    let mut seen = BTreeSet::new();
    let all = references.into_iter().chain(used).filter(|found| seen.insert(found.id));
    let inputs = all
        .map(|found| Input { utxo: found.id, version: if options.takes_latest { None } else { Some(found.version) } });
    inputs.partition(|input| !options.is_read_only && !reference_ids.contains(&input.utxo))
}

impl<'n> ContractTexts<'n> {
    /// Those of `node`. Nothing is asked yet.
    pub fn new(node: &'n NodeClient) -> Self {
        Self { node, known: HashMap::new() }
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
            Self::Text { .. } => ErrorCode::RefusedContract,
            Self::Callee(CalleeError::Function(FunctionError::NotCallable { .. }) | CalleeError::Type { .. }) => {
                ErrorCode::FunctionNotCallable
            }
            Self::Callee(CalleeError::Function(_)) => ErrorCode::UnknownFunction,
            Self::Arguments { .. } | Self::Values(_) => ErrorCode::MalformedParams,
            Self::Consumed { .. } => ErrorCode::InvalidTransaction(InvalidReason::ConsumedUtxo),
        };
        code.to_string()
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Node(error) => error.hint().map(str::to_owned),
            Self::Callee(CalleeError::Function(error)) => error.hint(),
            Self::Arguments { function, signature, error } => Some(match error.hint() {
                Some(hint) => format!("{hint}; {function} is {signature}"),
                None => format!("{function} is {signature}"),
            }),
            Self::Consumed { .. } => Some("a UTXO is consumed once; `ledger utxos` lists those that live".to_owned()),
            Self::Text { .. } | Self::Callee(CalleeError::Type { .. }) | Self::Values(_) => None,
        }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.contains('#') || text.starts_with(UtxoId::PREFIX) {
            return Ok(Self::Utxo(text.parse()?));
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
        }
    }
}
