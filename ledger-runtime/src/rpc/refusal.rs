//! Why a node did not do what was asked, as it travels.

use super::encoding::{Encoded, read_case, record};
use crate::chain::{ProposeError, SubmitError};
use crate::contracts::ContractError;
use crate::execution::CallError;
use crate::interface::FunctionError;
use crate::service::ServiceError;
use crate::source::SourceError;
use crate::value::{Fault, Reader, Writer};
use ledger_core::Invalid;
use registry_core::with_causes;
use std::fmt;

/// Why the node did not do what was asked.
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

record!(Refusal { code, message, hint });

/// An enum whose cases have the names that they have in WIT.
macro_rules! named_cases {
    ($(#[$enum_meta:meta])* $enum:ident { $($(#[$meta:meta])* $name:ident = $text:literal,)* } $($payload:tt)*) => {
        $(#[$enum_meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $enum {
            $($(#[$meta])* $name,)*
            $($payload)*
        }

        impl $enum {
            /// Those without more to say, in order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            fn simple_name(self) -> Option<&'static str> {
                match self {
                    $(Self::$name => Some($text),)*
                    #[allow(unreachable_patterns, reason = "an enum may have no other cases")]
                    _ => None,
                }
            }
        }
    };
}

named_cases! {
    /// The kinds of refusal, in the order of `error-code` in `wit/ledger-node`.
    ErrorCode {
        /// The request itself is not what the function takes.
        MalformedRequest = "malformed-request",
        /// A name is not the hash or id that it must be.
        MalformedHash = "malformed-hash",
        /// The registry does not have the contract.
        UnknownContract = "unknown-contract",
        /// The contract is not what its hash says, or not one that a ledger executes.
        RefusedContract = "refused-contract",
        /// The contract had to be fetched, and the registry could not be used.
        RegistryUnavailable = "registry-unavailable",
        /// The contract has no such function, or several are meant.
        UnknownFunction = "unknown-function",
        /// The function takes or gives what can't leave its instance, or it runs on a chain only.
        FunctionNotCallable = "function-not-callable",
        /// The parameters are not the encoding of what the function takes.
        MalformedParams = "malformed-params",
        /// The gas limit is over the maximum.
        GasLimitTooHigh = "gas-limit-too-high",
        /// The node has too much to do.
        Busy = "busy",
        /// Something on the node failed.
        NodeFault = "node-fault",
        /// The bytes are not the canonical encoding of a transaction.
        MalformedTransaction = "malformed-transaction",
        /// The chain has nothing of this name.
        NotFound = "not-found",
    }
    /// The transaction can't be in a block here.
    InvalidTransaction(InvalidReason),
}

named_cases! {
    /// Why a transaction can't be in a block, in the order of `invalid-reason` in `wit/ledger-node`.
    InvalidReason {
        /// It is for another chain.
        OtherChain = "other-chain",
        /// It is in the chain already.
        Repeated = "repeated",
        /// It may be in later blocks only.
        TooEarly = "too-early",
        /// It may be in earlier blocks only.
        Expired = "expired",
        /// It asks for more gas than a transaction may have.
        GasLimitTooHigh = "gas-limit-too-high",
        /// Its gas limit does not cover what is paid before anything runs.
        GasLimitTooLow = "gas-limit-too-low",
        /// It names a UTXO that never was.
        UnknownUtxo = "unknown-utxo",
        /// It names a UTXO that is consumed.
        ConsumedUtxo = "consumed-utxo",
        /// It names a version that is not the latest.
        StaleVersion = "stale-version",
        /// It names a UTXO twice.
        RepeatedUtxo = "repeated-utxo",
        /// It uses a UTXO that it does not name.
        UndeclaredUtxo = "undeclared-utxo",
        /// It uses a token that no UTXO holds which it names.
        UndeclaredToken = "undeclared-token",
        /// It uses a UTXO that belongs to somebody else.
        NotOwner = "not-owner",
        /// Its contract is not deployed.
        UnknownContract = "unknown-contract",
        /// The contract is deployed already.
        DeployedContract = "deployed-contract",
        /// What it deploys is not what its hash says, or not one that a ledger executes.
        Deployment = "deployment",
        /// The method may not be called where the UTXO waits.
        NotCallable = "not-callable",
        /// What it calls is not there, or can't be called, or takes other arguments.
        BadCall = "bad-call",
        /// It is larger than a transaction may be.
        TooLarge = "too-large",
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidTransaction(reason) => write!(f, "invalid-transaction({reason})"),
            simple => f.write_str(simple.simple_name().unwrap_or_default()),
        }
    }
}

impl fmt::Display for InvalidReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.simple_name().unwrap_or_default())
    }
}

/// What has no more to say comes first, so the enum of `rpc`, which is shorter, has the same encoding.
impl Encoded for ErrorCode {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        let index = Self::ALL.iter().position(|code| code == self).unwrap_or(Self::ALL.len());
        writer.unsigned(index as u64)?;
        match self {
            Self::InvalidTransaction(reason) => reason.write(writer),
            _ => Ok(()),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        let index = read_case(reader)?;
        if index as usize == Self::ALL.len() {
            return Ok(Self::InvalidTransaction(InvalidReason::read(reader)?));
        }
        Self::ALL.get(index as usize).copied().ok_or(Fault::UnknownCase { index })
    }
}

impl Encoded for InvalidReason {
    fn write(&self, writer: &mut Writer) -> Result<(), Fault> {
        super::encoding::write_enum(Self::ALL, self, writer)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        super::encoding::read_enum(Self::ALL, reader)
    }
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        let message = match &error {
            ServiceError::Contract(contract) => message_about(contract),
            error => with_causes(error),
        };
        Self { code: ErrorCode::of(&error), message, hint: error.hint() }
    }
}

/// Which registry a node has, and how it gets there, is told to the node's operator only.
fn message_about(error: &ContractError) -> String {
    match error {
        ContractError::Source { error: unavailable @ SourceError::Unavailable(_), .. }
        | ContractError::Find { error: unavailable @ SourceError::Unavailable(_), .. } => {
            format!("{error}: {unavailable}")
        }
        ContractError::Import { error: import, .. } => format!("{error}: {}", message_about(import)),
        error => with_causes(error),
    }
}

impl From<SubmitError> for Refusal {
    fn from(error: SubmitError) -> Self {
        let message = match &error {
            SubmitError::Contract(contract) => message_about(contract),
            error => with_causes(error),
        };
        Self { code: ErrorCode::of_submit(&error), message, hint: error.hint() }
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
            ContractError::Import { error, .. } => Self::of_contract(error),
            ContractError::Source { error, .. } | ContractError::Find { error, .. } => Self::of_source(error),
            ContractError::Timeout { .. } | ContractError::NotFoundInTime { .. } => Self::RegistryUnavailable,
            ContractError::Deployment { .. } | ContractError::Admission { .. } => Self::RefusedContract,
            ContractError::Wit { .. } | ContractError::Store(_) | ContractError::Node(_) => Self::NodeFault,
        }
    }

    fn of_source(error: &SourceError) -> Self {
        match error {
            SourceError::NotFound(_) | SourceError::NoneFound(_) => Self::UnknownContract,
            SourceError::Unavailable(_) => Self::RegistryUnavailable,
            SourceError::Refused(_) | SourceError::Other(_) => Self::RefusedContract,
        }
    }

    fn of_submit(error: &SubmitError) -> Self {
        match error {
            SubmitError::Invalid(invalid) => Self::InvalidTransaction(InvalidReason::of(invalid)),
            SubmitError::Propose(ProposeError::TooLarge { .. }) => Self::InvalidTransaction(InvalidReason::TooLarge),
            SubmitError::Propose(ProposeError::Busy { .. }) | SubmitError::Busy { .. } => Self::Busy,
            SubmitError::Contract(error) => Self::of_contract(error),
            SubmitError::Stopped { .. } | SubmitError::Fault { .. } => Self::NodeFault,
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

impl InvalidReason {
    fn of(invalid: &Invalid) -> Self {
        match invalid {
            Invalid::OtherChain { .. } => Self::OtherChain,
            Invalid::Repeated { .. } => Self::Repeated,
            Invalid::TooEarly { .. } => Self::TooEarly,
            Invalid::Expired { .. } => Self::Expired,
            Invalid::GasLimitTooHigh { .. } => Self::GasLimitTooHigh,
            Invalid::GasLimitTooLow { .. } => Self::GasLimitTooLow,
            Invalid::UnknownUtxo(_) => Self::UnknownUtxo,
            Invalid::ConsumedUtxo { .. } => Self::ConsumedUtxo,
            Invalid::StaleVersion { .. } => Self::StaleVersion,
            Invalid::RepeatedUtxo(_) => Self::RepeatedUtxo,
            Invalid::UndeclaredUtxo(_) => Self::UndeclaredUtxo,
            Invalid::UndeclaredToken(_) => Self::UndeclaredToken,
            Invalid::NotOwner { .. } => Self::NotOwner,
            Invalid::UnknownContract(_) => Self::UnknownContract,
            Invalid::DeployedContract(_) => Self::DeployedContract,
            Invalid::Deployment { .. } => Self::Deployment,
            Invalid::NotCallable { .. } => Self::NotCallable,
            Invalid::BadCall(_) => Self::BadCall,
            Invalid::TooLarge { .. } => Self::TooLarge,
        }
    }
}
