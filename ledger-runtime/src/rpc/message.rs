//! The functions of the interfaces in `wit/`, and requests for them.

use super::encoding::Encoded;
use crate::value::{Fault, Reader, Writer};

/// The node's own interface for calls and WIT, in the version that all nodes serve.
const RPC: &str = "ledger:node/rpc@0.1.0";
/// The same, in the version of its package.
const RPC_LATEST: &str = "ledger:node/rpc@0.2.0";
/// The node's own interface to its chain.
const CHAIN: &str = "ledger:node/chain@0.2.0";
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
    Submit,
    Simulate,
    Deploy,
    Utxo,
    Utxos,
    Token,
    Tokens,
    Block,
    Transaction,
    Contract,
    Imports,
    ChainStatus,
}

/// A request for one of these functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    Call { contract: String, function: String, parameters: Vec<u8>, gas_limit: Option<u64> },
    GetWit { contract: String, resolve: bool },
    Status,
    Submit { transaction: Vec<u8> },
    Simulate { transaction: Vec<u8>, is_beginning: bool },
    Deploy { contract: String, gas_limit_max: Option<u64> },
    Utxo { name: String },
    Utxos { contract: Option<String>, after: Option<String>, limit: u32 },
    Token { id: String },
    Tokens { contract: Option<String>, type_name: Option<String>, after: Option<String>, limit: u32 },
    Block { height: Option<u64> },
    Transaction { id: String },
    Contract { contract: String },
    Imports { contract: String },
    ChainStatus,
}

impl Method {
    /// The function of this name, if it is one that a node serves.
    pub(super) fn find(interface: &str, function: &str) -> Option<Self> {
        match (interface, function) {
            (RPC | RPC_LATEST, "call") => Some(Self::Call),
            (RPC | RPC_LATEST, "get-wit") => Some(Self::GetWit),
            (RPC | RPC_LATEST, "status") => Some(Self::Status),
            (MULTIPLEXER, "call") => Some(Self::MultiplexerCall),
            (REGISTRY, "get-wit") => Some(Self::RegistryGetWit),
            (CHAIN, "submit") => Some(Self::Submit),
            (CHAIN, "simulate") => Some(Self::Simulate),
            (CHAIN, "deploy") => Some(Self::Deploy),
            (CHAIN, "utxo") => Some(Self::Utxo),
            (CHAIN, "utxos") => Some(Self::Utxos),
            (CHAIN, "token") => Some(Self::Token),
            (CHAIN, "tokens") => Some(Self::Tokens),
            (CHAIN, "block") => Some(Self::Block),
            (CHAIN, "transaction") => Some(Self::Transaction),
            (CHAIN, "contract") => Some(Self::Contract),
            (CHAIN, "imports") => Some(Self::Imports),
            (CHAIN, "status") => Some(Self::ChainStatus),
            _ => None,
        }
    }

    /// Whether its result has a place for a refusal.
    pub(super) fn answers_refusals(self) -> bool {
        !matches!(self, Self::Status | Self::MultiplexerCall | Self::RegistryGetWit)
    }

    /// Reads the request; [`Fault::Truncated`] as long as it is not complete.
    pub(super) fn parse(self, message: &[u8]) -> Result<Request, Fault> {
        let mut reader = Reader::new(message);
        let request = self.read(&mut reader)?;
        reader.finish()?;
        Ok(request)
    }

    fn read(self, reader: &mut Reader<'_>) -> Result<Request, Fault> {
        Ok(match self {
            Self::Call | Self::MultiplexerCall => Request::Call {
                contract: Encoded::read(reader)?,
                function: Encoded::read(reader)?,
                parameters: Encoded::read(reader)?,
                gas_limit: if self == Self::Call { Encoded::read(reader)? } else { None },
            },
            Self::GetWit | Self::RegistryGetWit => {
                Request::GetWit { contract: Encoded::read(reader)?, resolve: Encoded::read(reader)? }
            }
            Self::Status => Request::Status,
            Self::Submit => Request::Submit { transaction: Encoded::read(reader)? },
            Self::Simulate => {
                Request::Simulate { transaction: Encoded::read(reader)?, is_beginning: Encoded::read(reader)? }
            }
            Self::Deploy => Request::Deploy { contract: Encoded::read(reader)?, gas_limit_max: Encoded::read(reader)? },
            Self::Utxo => Request::Utxo { name: Encoded::read(reader)? },
            Self::Utxos => Request::Utxos {
                contract: Encoded::read(reader)?,
                after: Encoded::read(reader)?,
                limit: Encoded::read(reader)?,
            },
            Self::Token => Request::Token { id: Encoded::read(reader)? },
            Self::Tokens => Request::Tokens {
                contract: Encoded::read(reader)?,
                type_name: Encoded::read(reader)?,
                after: Encoded::read(reader)?,
                limit: Encoded::read(reader)?,
            },
            Self::Block => Request::Block { height: Encoded::read(reader)? },
            Self::Transaction => Request::Transaction { id: Encoded::read(reader)? },
            Self::Contract => Request::Contract { contract: Encoded::read(reader)? },
            Self::Imports => Request::Imports { contract: Encoded::read(reader)? },
            Self::ChainStatus => Request::ChainStatus,
        })
    }
}

impl Request {
    /// Whether every node serves the function, also one of before there was a chain.
    pub(super) fn is_served_by_all(&self) -> bool {
        self.target().0 == RPC
    }

    /// The interface and the function that a client asks.
    pub(super) fn target(&self) -> (&'static str, &'static str) {
        match self {
            Self::Call { .. } => (RPC, "call"),
            Self::GetWit { .. } => (RPC, "get-wit"),
            Self::Status => (RPC, "status"),
            Self::Submit { .. } => (CHAIN, "submit"),
            Self::Simulate { .. } => (CHAIN, "simulate"),
            Self::Deploy { .. } => (CHAIN, "deploy"),
            Self::Utxo { .. } => (CHAIN, "utxo"),
            Self::Utxos { .. } => (CHAIN, "utxos"),
            Self::Token { .. } => (CHAIN, "token"),
            Self::Tokens { .. } => (CHAIN, "tokens"),
            Self::Block { .. } => (CHAIN, "block"),
            Self::Transaction { .. } => (CHAIN, "transaction"),
            Self::Contract { .. } => (CHAIN, "contract"),
            Self::Imports { .. } => (CHAIN, "imports"),
            Self::ChainStatus => (CHAIN, "status"),
        }
    }

    /// The encoded parameters.
    pub(super) fn encode(&self, size_bytes_max: usize) -> Result<Vec<u8>, Fault> {
        let mut writer = Writer::new(size_bytes_max);
        let to = &mut writer;
        match self {
            Self::Call { contract, function, parameters, gas_limit } => {
                contract.write(to)?;
                function.write(to)?;
                parameters.write(to)?;
                gas_limit.write(to)
            }
            Self::GetWit { contract, resolve } => {
                contract.write(to)?;
                resolve.write(to)
            }
            Self::Status | Self::ChainStatus => Ok(()),
            Self::Submit { transaction } => transaction.write(to),
            Self::Simulate { transaction, is_beginning } => {
                transaction.write(to)?;
                is_beginning.write(to)
            }
            Self::Deploy { contract, gas_limit_max } => {
                contract.write(to)?;
                gas_limit_max.write(to)
            }
            Self::Utxo { name } => name.write(to),
            Self::Utxos { contract, after, limit } => {
                contract.write(to)?;
                after.write(to)?;
                limit.write(to)
            }
            Self::Tokens { contract, type_name, after, limit } => {
                contract.write(to)?;
                type_name.write(to)?;
                after.write(to)?;
                limit.write(to)
            }
            Self::Block { height } => height.write(to),
            Self::Transaction { id } | Self::Token { id } => id.write(to),
            Self::Contract { contract } | Self::Imports { contract } => contract.write(to),
        }?;
        Ok(writer.into_bytes())
    }
}
