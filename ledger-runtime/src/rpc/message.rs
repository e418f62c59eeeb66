//! The requests and answers of the interfaces in `wit/`, as bytes and as types.

use crate::contracts::{ContractError, ContractWit};
use crate::execution::{CallError, CallOutcome};
use crate::interface::FunctionError;
use crate::service::{ServiceError, Status};
use crate::source::SourceError;
use crate::value::{Fault, Reader, Writer};
use registry_core::with_causes;
use std::fmt;

/// The node's own interface.
pub(super) const NODE: &str = "ledger:node/rpc@0.1.0";
const MULTIPLEXER: &str = "starstream:wrpc-multiplexer/handler";
const REGISTRY: &str = "starstream:node-rpc/registry";

/// A function of one of the interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Call,
    GetWit,
    Status,
    MultiplexerCall,
    RegistryGetWit,
}

/// A request for one of these functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Call { contract: String, function: String, parameters: Vec<u8>, gas_limit: Option<u64> },
    GetWit { contract: String, resolve: bool },
    Status,
}

/// A contract's WIT and the name of its world in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitAnswer {
    /// The text.
    pub wit: String,
    /// The full name of the contract's world.
    pub entrypoint: String,
}

/// What a call gave, as it travels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the function returned.
    pub valid: bool,
    /// The encoded result.
    pub result: Vec<u8>,
    /// The gas used.
    pub gas_used: u64,
    /// Why it did not return.
    pub errors: Vec<String>,
}

/// Why the node did not do what was asked, as it travels.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// The kind, for programs.
    pub code: ErrorCode,
    /// For people, with the causes.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

macro_rules! error_codes {
    ($($(#[$meta:meta])* $name:ident = $text:literal,)*) => {
        /// The kinds of refusal, in the order of the enum `error-code` in `wit/ledger-node`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum ErrorCode {
            $($(#[$meta])* $name,)*
        }

        impl ErrorCode {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$name),*];
        }

        impl fmt::Display for ErrorCode {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self {
                    $(Self::$name => $text,)*
                })
            }
        }
    };
}

error_codes! {
    /// The request itself is not what the function takes.
    MalformedRequest = "malformed-request",
    /// The contract's name is not a component hash.
    MalformedHash = "malformed-hash",
    /// The registry does not have the contract.
    UnknownContract = "unknown-contract",
    /// The contract is not what its hash says, or not one that a ledger executes.
    RefusedContract = "refused-contract",
    /// The contract had to be fetched, and the registry could not be used.
    RegistryUnavailable = "registry-unavailable",
    /// The contract has no such function, or several are meant.
    UnknownFunction = "unknown-function",
    /// The function takes or gives what can't leave its instance.
    FunctionNotCallable = "function-not-callable",
    /// The parameters are not the encoding of what the function takes.
    MalformedParams = "malformed-params",
    /// The gas limit is over the maximum.
    GasLimitTooHigh = "gas-limit-too-high",
    /// The node has too much to do.
    Busy = "busy",
    /// Something on the node failed.
    NodeFault = "node-fault",
}

impl Method {
    /// The function of this name, if it is one that a node serves.
    pub(super) fn find(interface: &str, function: &str) -> Option<Self> {
        match (interface, function) {
            (NODE, "call") => Some(Self::Call),
            (NODE, "get-wit") => Some(Self::GetWit),
            (NODE, "status") => Some(Self::Status),
            (MULTIPLEXER, "call") => Some(Self::MultiplexerCall),
            (REGISTRY, "get-wit") => Some(Self::RegistryGetWit),
            _ => None,
        }
    }

    /// Whether its result has a place for a refusal.
    pub(super) fn answers_refusals(self) -> bool {
        matches!(self, Self::Call | Self::GetWit)
    }

    /// Reads the request; [`Fault::Truncated`] as long as it is not complete.
    pub(super) fn parse(self, message: &[u8]) -> Result<Request, Fault> {
        let mut reader = Reader::new(message);
        let request = match self {
            Self::Call | Self::MultiplexerCall => {
                let (contract, function) = (reader.text()?, reader.text()?);
                let parameters = reader.list_of_bytes()?;
                let gas_limit = match self {
                    Self::Call if reader.boolean()? => Some(reader.unsigned(64)?),
                    _ => None,
                };
                reader.finish()?;
                Request::Call {
                    contract: contract.to_owned(),
                    function: function.to_owned(),
                    parameters: parameters.to_owned(),
                    gas_limit,
                }
            }
            Self::GetWit | Self::RegistryGetWit => {
                let contract = reader.text()?;
                let resolve = reader.boolean()?;
                reader.finish()?;
                Request::GetWit { contract: contract.to_owned(), resolve }
            }
            Self::Status => {
                reader.finish()?;
                Request::Status
            }
        };
        Ok(request)
    }
}

impl Request {
    /// The interface, the function, and the encoded parameters by which a client asks.
    pub(super) fn encode(&self, size_bytes_max: usize) -> Result<(&'static str, &'static str, Vec<u8>), Fault> {
        let mut writer = Writer::new(size_bytes_max);
        let function = match self {
            Self::Call { contract, function, parameters, gas_limit } => {
                writer.text(contract)?;
                writer.text(function)?;
                writer.list_of_bytes(parameters)?;
                writer.boolean(gas_limit.is_some())?;
                gas_limit.map_or(Ok(()), |limit| writer.unsigned(limit))?;
                "call"
            }
            Self::GetWit { contract, resolve } => {
                writer.text(contract)?;
                writer.boolean(*resolve)?;
                "get-wit"
            }
            Self::Status => "status",
        };
        Ok((NODE, function, writer.into_bytes()))
    }
}

/// Something that travels as the result of a function.
pub(super) trait Answer: Sized {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault>;
    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault>;

    /// The whole message.
    fn encode(&self, size_bytes_max: usize) -> Result<Vec<u8>, Fault> {
        let mut writer = Writer::new(size_bytes_max);
        self.write(&mut writer)?;
        Ok(writer.into_bytes())
    }

    /// The whole message; [`Fault::Truncated`] as long as it is not complete.
    fn parse(message: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(message);
        let answer = Self::read(&mut reader)?;
        reader.finish()?;
        Ok(answer)
    }
}

impl Answer for Outcome {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.boolean(self.valid)?;
        writer.list_of_bytes(&self.result)?;
        writer.unsigned(self.gas_used)?;
        write_texts(writer, &self.errors)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            valid: reader.boolean()?,
            result: reader.list_of_bytes()?.to_owned(),
            gas_used: reader.unsigned(64)?,
            errors: read_texts(reader)?,
        })
    }
}

impl Answer for WitAnswer {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.text(&self.wit)?;
        writer.text(&self.entrypoint)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self { wit: reader.text()?.to_owned(), entrypoint: reader.text()?.to_owned() })
    }
}

impl Answer for Status {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.text(&self.version)?;
        writer.text(&self.chain_id)?;
        write_texts(writer, &self.contracts)?;
        writer.unsigned(self.gas_limit_default)?;
        writer.unsigned(self.gas_limit_max)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            version: reader.text()?.to_owned(),
            chain_id: reader.text()?.to_owned(),
            contracts: read_texts(reader)?,
            gas_limit_default: reader.unsigned(64)?,
            gas_limit_max: reader.unsigned(64)?,
        })
    }
}

impl Answer for Refusal {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        let index = ErrorCode::ALL.iter().position(|code| *code == self.code).unwrap_or_default();
        writer.unsigned(index as u64)?;
        writer.text(&self.message)?;
        writer.boolean(self.hint.is_some())?;
        self.hint.as_ref().map_or(Ok(()), |hint| writer.text(hint))
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let index = u32::try_from(reader.unsigned(32)?).map_err(|_| Fault::TooLarge { bits: 32 })?;
        let code = ErrorCode::ALL.get(index as usize).copied().ok_or(Fault::UnknownCase { index })?;
        let message = reader.text()?.to_owned();
        let hint = if reader.boolean()? { Some(reader.text()?.to_owned()) } else { None };
        Ok(Self { code, message, hint })
    }
}

impl<T: Answer> Answer for Result<T, Refusal> {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        writer.boolean(self.is_err())?;
        match self {
            Ok(answer) => answer.write(writer),
            Err(refusal) => refusal.write(writer),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(if reader.boolean()? { Err(Refusal::read(reader)?) } else { Ok(T::read(reader)?) })
    }
}

fn write_texts(writer: &mut Writer, texts: &[String]) -> Result<(), Fault> {
    writer.unsigned(texts.len() as u64)?;
    texts.iter().try_for_each(|text| writer.text(text))
}

/// The list grows as texts really come, whatever its length says.
fn read_texts(reader: &mut Reader<'_>) -> Result<Vec<String>, Fault> {
    (0..reader.unsigned(32)?).map(|_| reader.text().map(str::to_owned)).collect()
}

impl From<CallOutcome> for Outcome {
    fn from(outcome: CallOutcome) -> Self {
        let (result, errors) = match outcome.result {
            Ok(result) => (result, Vec::new()),
            Err(failure) => (Vec::new(), vec![failure.to_string()]),
        };
        Self { valid: errors.is_empty(), result, gas_used: outcome.gas_used, errors }
    }
}

impl WitAnswer {
    /// The text with or without the packages that it refers to.
    pub(super) fn new(wit: ContractWit, resolve: bool) -> Self {
        Self { wit: if resolve { wit.flat } else { wit.own }, entrypoint: wit.world }
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        Self { code: ErrorCode::of(&error), message: with_causes(&error), hint: error.hint() }
    }
}

impl ErrorCode {
    fn of(error: &ServiceError) -> Self {
        match error {
            ServiceError::Hash(_) => Self::MalformedHash,
            ServiceError::Contract(error) => Self::of_contract(error),
            ServiceError::Call(error) => Self::of_call(error),
        }
    }

    fn of_contract(error: &ContractError) -> Self {
        match error {
            ContractError::Source { error: SourceError::NotFound(_), .. } => Self::UnknownContract,
            ContractError::Source { error: SourceError::Unavailable(_), .. } | ContractError::Timeout { .. } => {
                Self::RegistryUnavailable
            }
            ContractError::Source { error: SourceError::Refused(_) | SourceError::Other(_), .. }
            | ContractError::Deployment { .. }
            | ContractError::Admission { .. } => Self::RefusedContract,
            ContractError::Wit { .. } | ContractError::Store(_) | ContractError::Node(_) => Self::NodeFault,
        }
    }

    fn of_call(error: &CallError) -> Self {
        match error {
            CallError::Function(FunctionError::NotCallable { .. }) => Self::FunctionNotCallable,
            CallError::Function(_) => Self::UnknownFunction,
            CallError::Parameters { .. } => Self::MalformedParams,
            CallError::GasLimit { .. } => Self::GasLimitTooHigh,
            CallError::Busy { .. } => Self::Busy,
            CallError::Node(_) => Self::NodeFault,
        }
    }
}
