//! The client of a node.

use super::answer::{
    BlockAnswer, ChainStatus, ContractAnswer, ImportedContract, Outcome, TokenAnswer, TransactionAnswer, UtxoAnswer,
    UtxoPage, WitAnswer,
};
use super::encoding::Encoded;
use super::message::Request;
use super::refusal::{ErrorCode, Refusal};
use super::wire::{self, WireError};
use crate::chain::{Committed, Simulated};
use crate::limits::Limits;
use crate::service::Status;
use crate::store::TokenPage;
use crate::utxo_name::UtxoName;
use crate::value::Fault;
use bytes::Bytes;
use ledger_core::{Canonical, Transaction};
use registry_core::id::{ComponentHash, TokenId, TransactionId};
use std::io;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What the URL of a node begins with.
pub const URL_SCHEME: &str = "wrpc+tcp://";

/// How long making a connection may take.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long an answer may take: the node may have to fetch the contract, compile it, and wait for a free worker.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(180);

/// Talks to one node. Each function is one connection.
#[derive(Debug, Clone)]
pub struct NodeClient {
    address: String,
    limits: Limits,
}

/// Why a node did not answer as asked.
#[derive(Debug, thiserror::Error)]
pub enum NodeClientError {
    /// The text is not the URL of a node.
    #[error("`{url}` is not the URL of a node: it must look like `{URL_SCHEME}127.0.0.1:7879`")]
    Url {
        /// What was given.
        url: String,
    },
    /// The request is too large.
    #[error("the request cannot be sent: {0}")]
    Request(Fault),
    /// The node can't be reached.
    #[error("cannot reach the node at `{address}`")]
    Unreachable {
        /// Its address.
        address: String,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// There was no answer in time.
    #[error("the node at `{address}` did not answer within {} seconds", .waited.as_secs())]
    Timeout {
        /// Its address.
        address: String,
        /// How long the client waited.
        waited: Duration,
    },
    /// The answer is not one of a node.
    #[error("the answer of `{address}` is not that of a node")]
    Answer {
        /// Its address.
        address: String,
        /// What is wrong with it.
        #[source]
        error: WireError,
    },
    /// The node answers other questions, but not this one.
    #[error("the node at `{address}` answers, but not `{function}` of `{interface}`")]
    Unserved {
        /// Its address.
        address: String,
        /// What was asked.
        interface: &'static str,
        /// What was asked of it.
        function: &'static str,
    },
    /// The answer is about something else, or contradicts itself.
    #[error("the node at `{address}` gave {what} that does not fit its id")]
    Contradiction {
        /// Its address.
        address: String,
        /// What it gave.
        what: &'static str,
    },
    /// The node answered that it did not do what was asked.
    #[error(transparent)]
    Refused(Refusal),
}

impl NodeClient {
    /// A client of the node at `url`, as in `wrpc+tcp://127.0.0.1:7879`. Nothing is sent yet.
    ///
    /// # Errors
    /// If that is not such a URL.
    pub fn new(url: &str) -> Result<Self, NodeClientError> {
        let invalid = || NodeClientError::Url { url: url.to_owned() };
        let address = url.strip_prefix(URL_SCHEME).ok_or_else(invalid)?.trim_end_matches('/');
        let (host, port) = address.rsplit_once(':').ok_or_else(invalid)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(invalid());
        }
        Ok(Self { address: address.to_owned(), limits: Limits::default() })
    }

    /// Calls a function of a contract with encoded parameters.
    ///
    /// # Errors
    /// If the node can't be reached or refuses; a call that fails is an outcome.
    pub async fn call(
        &self,
        contract: &ComponentHash,
        function: &str,
        parameters: Vec<u8>,
        gas_limit: Option<u64>,
    ) -> Result<Outcome, NodeClientError> {
        let (contract, function) = (contract.to_string(), function.to_owned());
        self.ask(Request::Call { contract, function, parameters, gas_limit }).await
    }

    /// A contract's WIT; with `resolve` all packages that it refers to are nested in it.
    ///
    /// # Errors
    /// If the node can't be reached or refuses.
    pub async fn wit(&self, contract: &ComponentHash, resolve: bool) -> Result<WitAnswer, NodeClientError> {
        self.ask(Request::GetWit { contract: contract.to_string(), resolve }).await
    }

    /// What the node is.
    ///
    /// # Errors
    /// If the node can't be reached.
    pub async fn status(&self) -> Result<Status, NodeClientError> {
        self.invoke(&Request::Status).await
    }

    /// Sends a transaction and waits until it is in a durable block. A transaction that failed while it ran is in a block
    /// too.
    ///
    /// # Errors
    /// If the node can't be reached or refuses. Whether a transaction is in a block after an error of the connection
    /// only [`NodeClient::transaction`] can tell; it can be sent again, and is executed once.
    pub async fn submit(&self, transaction: &Transaction) -> Result<Committed, NodeClientError> {
        let committed: Committed = self.ask(Request::Submit { transaction: transaction.to_bytes() }).await?;
        self.expect(committed.receipt.transaction == transaction.id(), "a receipt")?;
        Ok(committed)
    }

    /// Executes a transaction on the node's latest state, as if it were in the next block, and changes nothing.
    ///
    /// # Errors
    /// If the node can't be reached or refuses; a transaction that fails while it runs is an outcome.
    pub async fn simulate(&self, transaction: &Transaction) -> Result<Simulated, NodeClientError> {
        self.ask(Request::Simulate { transaction: transaction.to_bytes(), is_beginning: false }).await
    }

    /// As [`NodeClient::simulate`], for the first calls of a transaction: tokens may be unbound after them, and look like
    /// tokens that were burned.
    ///
    /// # Errors
    /// As [`NodeClient::simulate`].
    pub async fn simulate_beginning(&self, transaction: &Transaction) -> Result<Simulated, NodeClientError> {
        self.ask(Request::Simulate { transaction: transaction.to_bytes(), is_beginning: true }).await
    }

    /// Makes a contract part of the chain.
    ///
    /// # Errors
    /// If the node can't be reached or refuses.
    pub async fn deploy(
        &self,
        contract: &ComponentHash,
        gas_limit_max: Option<u64>,
    ) -> Result<Committed, NodeClientError> {
        self.ask(Request::Deploy { contract: contract.to_string(), gas_limit_max }).await
    }

    /// A UTXO.
    ///
    /// # Errors
    /// If the node can't be reached, or the chain has never had it.
    pub async fn utxo(&self, name: &UtxoName) -> Result<UtxoAnswer, NodeClientError> {
        let answer: UtxoAnswer = self.ask(Request::Utxo { name: name.to_string() }).await?;
        let is_wanted = match (name, &answer) {
            (UtxoName::Id(id), UtxoAnswer::Live(live)) => live.utxo.id == *id,
            (UtxoName::Id(id), UtxoAnswer::Consumed(consumed)) => consumed.utxo == *id,
            (UtxoName::Serial(contract, serial), UtxoAnswer::Live(live)) => {
                live.utxo.contract == *contract && live.utxo.serial == *serial
            }
            (UtxoName::Serial(contract, serial), UtxoAnswer::Consumed(consumed)) => {
                consumed.contract == *contract && consumed.serial == *serial
            }
        };
        self.expect(is_wanted, "a UTXO")?;
        Ok(answer)
    }

    /// UTXOs that live, of one contract or of all, in the order of contracts and serials: at most `limit`, and those after
    /// the page of which `after` was the `next`.
    ///
    /// # Errors
    /// If the node can't be reached or refuses.
    pub async fn utxos(
        &self,
        contract: Option<&ComponentHash>,
        after: Option<&UtxoName>,
        limit: u32,
    ) -> Result<UtxoPage, NodeClientError> {
        let (contract, after) = (contract.map(ToString::to_string), after.map(ToString::to_string));
        self.ask(Request::Utxos { contract, after, limit }).await
    }

    /// A token.
    ///
    /// # Errors
    /// If the node can't be reached, or the chain has never had it.
    pub async fn token(&self, id: &TokenId) -> Result<TokenAnswer, NodeClientError> {
        let answer: TokenAnswer = self.ask(Request::Token { id: id.to_string() }).await?;
        let found = match &answer {
            TokenAnswer::Held(held) => held.token.id,
            TokenAnswer::Burned(burned) => burned.token,
        };
        self.expect(found == *id, "a token")?;
        Ok(answer)
    }

    /// Tokens that are not burned, of one contract or of all, of one type or of all, in the order of contracts and ids: at
    /// most `limit`, and those after the page of which `after` was the `next`.
    ///
    /// # Errors
    /// If the node can't be reached or refuses.
    pub async fn tokens(
        &self,
        contract: Option<&ComponentHash>,
        type_name: Option<&str>,
        after: Option<&TokenId>,
        limit: u32,
    ) -> Result<TokenPage, NodeClientError> {
        let (contract, after) = (contract.map(ToString::to_string), after.map(ToString::to_string));
        self.ask(Request::Tokens { contract, type_name: type_name.map(str::to_owned), after, limit }).await
    }

    /// The block at a height, or the latest.
    ///
    /// # Errors
    /// If the node can't be reached, or the chain is not that high.
    pub async fn block(&self, height: Option<u64>) -> Result<BlockAnswer, NodeClientError> {
        let block: BlockAnswer = self.ask(Request::Block { height }).await?;
        let is_wanted = height.is_none_or(|height| block.header.moment.height == height);
        self.expect(is_wanted && block.header.id() == block.id, "a block")?;
        Ok(block)
    }

    /// A transaction of the chain.
    ///
    /// # Errors
    /// If the node can't be reached, or the chain does not have it.
    pub async fn transaction(&self, id: &TransactionId) -> Result<TransactionAnswer, NodeClientError> {
        let answer: TransactionAnswer = self.ask(Request::Transaction { id: id.to_string() }).await?;
        self.expect(answer.transaction.id() == *id && answer.receipt.transaction == *id, "a transaction")?;
        Ok(answer)
    }

    /// A contract of the chain.
    ///
    /// # Errors
    /// If the node can't be reached, or the chain does not have it.
    pub async fn contract(&self, contract: &ComponentHash) -> Result<ContractAnswer, NodeClientError> {
        let answer: ContractAnswer = self.ask(Request::Contract { contract: contract.to_string() }).await?;
        self.expect(answer.record.contract == *contract, "a contract")?;
        Ok(answer)
    }

    /// The contracts that a contract needs, deployed or not: those that it imports, those that they import, and so on, each
    /// after those that it imports itself. So they can be deployed in this order.
    ///
    /// # Errors
    /// If the node can't be reached or refuses, because it cannot find or use one of them for example.
    pub async fn imports(&self, contract: &ComponentHash) -> Result<Vec<ImportedContract>, NodeClientError> {
        self.ask(Request::Imports { contract: contract.to_string() }).await
    }

    /// How far the chain is.
    ///
    /// # Errors
    /// If the node can't be reached.
    pub async fn chain_status(&self) -> Result<ChainStatus, NodeClientError> {
        let status: ChainStatus = self.ask(Request::ChainStatus).await?;
        self.expect(status.header.id() == status.tip, "a block")?;
        Ok(status)
    }

    fn expect(&self, is_right: bool, what: &'static str) -> Result<(), NodeClientError> {
        if is_right {
            return Ok(());
        }
        Err(NodeClientError::Contradiction { address: self.address.clone(), what })
    }

    /// Asks a function whose result has a place for a refusal.
    async fn ask<T: Encoded>(&self, request: Request) -> Result<T, NodeClientError> {
        let answer: Result<Result<T, Refusal>, _> = self.invoke(&request).await;
        match answer {
            // A node that does not know a function ends the connection; every node has a status.
            Err(NodeClientError::Answer { error: WireError::Malformed(Fault::Truncated), .. })
                if !request.is_served_by_all() && self.status().await.is_ok() =>
            {
                let (interface, function) = request.target();
                Err(NodeClientError::Unserved { address: self.address.clone(), interface, function })
            }
            answer => answer?.map_err(NodeClientError::Refused),
        }
    }

    async fn invoke<T: Encoded>(&self, request: &Request) -> Result<T, NodeClientError> {
        let (interface, function) = request.target();
        let parameters = request.encode(self.limits.request_size_bytes_max).map_err(NodeClientError::Request)?;
        let connection = self.connect().await?;
        let exchange = async {
            let (reader, writer) = connection.into_split();
            wire::write_invocation(writer, interface, function, Bytes::from(parameters))
                .await
                .map_err(|error| self.unreachable(error))?;
            let (size, frames) = (self.limits.answer_size_bytes_max, self.limits.message_frames_max);
            wire::read_message(reader, size, frames, T::parse)
                .await
                .map_err(|error| NodeClientError::Answer { address: self.address.clone(), error })
        };
        timeout(ANSWER_TIME_MAX, exchange).await.map_err(|_| self.too_late(ANSWER_TIME_MAX))?
    }

    async fn connect(&self) -> Result<TcpStream, NodeClientError> {
        let connection = timeout(CONNECT_TIME_MAX, TcpStream::connect(&self.address)).await;
        let connection = connection.map_err(|_| self.too_late(CONNECT_TIME_MAX))?;
        let connection = connection.map_err(|error| self.unreachable(error))?;
        connection.set_nodelay(true).map_err(|error| self.unreachable(error))?;
        Ok(connection)
    }

    fn unreachable(&self, error: io::Error) -> NodeClientError {
        NodeClientError::Unreachable { address: self.address.clone(), error }
    }

    fn too_late(&self, waited: Duration) -> NodeClientError {
        NodeClientError::Timeout { address: self.address.clone(), waited }
    }
}

impl NodeClientError {
    /// The kind, for programs: what the node called it, if it is a refusal.
    pub fn code(&self) -> String {
        match self {
            Self::Refused(refusal) => refusal.code.to_string(),
            Self::Request(_) => ErrorCode::MalformedRequest.to_string(),
            Self::Url { .. } => "usage".to_owned(),
            Self::Unreachable { .. } => "unreachable".to_owned(),
            Self::Timeout { .. } => "timeout".to_owned(),
            Self::Unserved { .. } => "unserved".to_owned(),
            Self::Answer { .. } | Self::Contradiction { .. } => "malformed-answer".to_owned(),
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unreachable { .. } => Some("is the node running, and is this its URL? `ledger serve` starts one"),
            Self::Answer { .. } => Some("is this the URL of a node of this version?"),
            Self::Unserved { .. } => {
                Some("is the node older than this program? `ledger serve` of this version serves it")
            }
            Self::Timeout { .. } => Some("try again; look at the node's log"),
            Self::Refused(refusal) => refusal.hint.as_deref(),
            Self::Contradiction { .. } => Some("do not trust this node"),
            Self::Url { .. } | Self::Request(_) => None,
        }
    }
}
