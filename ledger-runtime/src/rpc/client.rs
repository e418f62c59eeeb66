//! The client of a node.

use super::message::{Answer, Outcome, Refusal, Request, WitAnswer};
use super::wire::{self, WireError};
use crate::limits::Limits;
use crate::service::Status;
use crate::value::Fault;
use bytes::Bytes;
use registry_core::id::ComponentHash;
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
        let answer: Result<Outcome, Refusal> =
            self.invoke(&Request::Call { contract, function, parameters, gas_limit }).await?;
        answer.map_err(NodeClientError::Refused)
    }

    /// A contract's WIT; with `resolve` all packages that it refers to are nested in it.
    ///
    /// # Errors
    /// If the node can't be reached or refuses.
    pub async fn wit(&self, contract: &ComponentHash, resolve: bool) -> Result<WitAnswer, NodeClientError> {
        let answer: Result<WitAnswer, Refusal> =
            self.invoke(&Request::GetWit { contract: contract.to_string(), resolve }).await?;
        answer.map_err(NodeClientError::Refused)
    }

    /// What the node is.
    ///
    /// # Errors
    /// If the node can't be reached.
    pub async fn status(&self) -> Result<Status, NodeClientError> {
        self.invoke(&Request::Status).await
    }

    async fn invoke<T: Answer>(&self, request: &Request) -> Result<T, NodeClientError> {
        let encoded = request.encode(self.limits.request_size_bytes_max).map_err(NodeClientError::Request)?;
        let (interface, function, parameters) = encoded;
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
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unreachable { .. } => Some("is the node running, and is this its URL? `ledger serve` starts one"),
            Self::Answer { .. } => Some("is this the URL of a node of this version?"),
            Self::Timeout { .. } => Some("try again; look at the node's log"),
            Self::Refused(refusal) => refusal.hint.as_deref(),
            Self::Url { .. } | Self::Request(_) => None,
        }
    }
}
