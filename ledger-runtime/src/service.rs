//! What a node does for those who ask, whatever they ask through.

use crate::admission::AdmissionError;
use crate::chain::Ledger;
use crate::contract_hash::{self, ContractHashError};
use crate::contracts::{Contract, ContractError, ContractWit, Contracts};
use crate::execution::{CallError, CallOutcome, Executor, NodeFault};
use crate::source::SourceError;
use bytes::Bytes;
use registry_core::id::ComponentHash;
use std::sync::Arc;

/// The functions of a node.
pub struct Service {
    ledger: Arc<Ledger>,
    contracts: Arc<Contracts>,
    executor: Arc<Executor>,
}

/// What a node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// The version of its program.
    pub version: String,
    /// Its chain.
    pub chain_id: String,
    /// The contracts of its genesis.
    pub contracts: Vec<String>,
    /// The gas limit of a call that does not say.
    pub gas_limit_default: u64,
    /// The highest gas limit of a call.
    pub gas_limit_max: u64,
}

/// Why a node did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The contract's name is not a hash.
    #[error(transparent)]
    Hash(#[from] ContractHashError),
    /// The contract can't be executed.
    #[error(transparent)]
    Contract(#[from] Arc<ContractError>),
    /// The call can't be made.
    #[error(transparent)]
    Call(#[from] CallError),
}

impl Service {
    /// The functions of a node with this chain.
    pub fn new(ledger: Arc<Ledger>, contracts: Arc<Contracts>, executor: Arc<Executor>) -> Self {
        Self { ledger, contracts, executor }
    }

    /// The chain.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Calls a function of a contract.
    ///
    /// # Errors
    /// If the call can't be made; a call that fails is an outcome.
    pub async fn call(
        &self,
        contract: &str,
        function: &str,
        parameters: Bytes,
        gas_limit: Option<u64>,
    ) -> Result<CallOutcome, ServiceError> {
        let hash = contract_hash::parse(contract)?;
        let contract = self.contract(&hash).await?;
        let gas_limit = self.gas_limit(&hash, gas_limit).await?;
        let executable = Arc::clone(&contract.executable);
        Ok(self.executor.call(executable, function, parameters, gas_limit).await?)
    }

    /// What a call may use: a contract that is deployed can allow less than the node does.
    async fn gas_limit(&self, contract: &ComponentHash, asked: Option<u64>) -> Result<Option<u64>, CallError> {
        let hash = *contract;
        let record = self.ledger.read(move |snapshot| snapshot.contract(&hash)).await?;
        let record = record.map_err(|error| NodeFault::new("the chain's state cannot be read", error))?;
        let Some(max) = record.and_then(|(record, _)| record.gas_limit_max) else { return Ok(asked) };
        match asked {
            Some(asked) if asked > max => Err(CallError::GasLimit { asked, max }),
            Some(asked) => Ok(Some(asked)),
            None => Ok(Some(max.min(self.executor.profile().gas_limit_default))),
        }
    }

    /// The WIT of a contract.
    ///
    /// # Errors
    /// If the contract can't be found, or is not one that the ledger executes.
    pub async fn wit(&self, contract: &str) -> Result<ContractWit, ServiceError> {
        Ok(self.contract(&contract_hash::parse(contract)?).await?.wit.clone())
    }

    /// The contracts that a contract needs: those that it imports, those that they import, and so on, each after those that
    /// it imports itself.
    ///
    /// # Errors
    /// If one of them can't be found, or is not one that the ledger executes.
    pub async fn imports(&self, contract: &str) -> Result<Vec<ComponentHash>, ServiceError> {
        Ok(self
            .contract(&contract_hash::parse(contract)?)
            .await?
            .executable
            .needed()
            .iter()
            .map(|needed| *needed.hash())
            .collect())
    }

    /// What this node is.
    pub fn status(&self) -> Status {
        let profile = self.executor.profile();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            chain_id: self.ledger.genesis().chain_id.to_string(),
            contracts: self.ledger.genesis().contracts.keys().map(ToString::to_string).collect(),
            gas_limit_default: profile.gas_limit_default,
            gas_limit_max: profile.gas_limit_max,
        }
    }

    /// A contract, ready to be executed.
    ///
    /// # Errors
    /// If the contract can't be found, or is not one that the ledger executes.
    pub async fn contract(&self, contract: &ComponentHash) -> Result<Arc<Contract>, ServiceError> {
        Ok(self.contracts.get(*contract).await?)
    }
}

impl ServiceError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Hash(_) => Some("`registry show` and `registry hash` tell a component's hash".to_owned()),
            Self::Contract(error) => error.hint(),
            Self::Call(CallError::Function(error)) => error.hint(),
            Self::Call(CallError::Parameters { .. }) => {
                Some("the contract's WIT says what the function takes (`ledger wit`)".to_owned())
            }
            Self::Call(CallError::GasLimit { .. } | CallError::Node(_)) => None,
            Self::Call(CallError::Busy { .. }) => Some("try again".to_owned()),
        }
    }
}

impl ContractError {
    /// Whether the registry did not give an answer that says anything about the contract.
    pub(crate) fn is_registry_unavailable(&self) -> bool {
        match self {
            Self::Import { error, .. } => error.is_registry_unavailable(),
            Self::Source { error, .. } | Self::Find { error, .. } => matches!(error, SourceError::Unavailable(_)),
            Self::Timeout { .. } | Self::NotFoundInTime { .. } => true,
            _ => false,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Import { error, .. } => return error.hint(),
            Self::Source { error: SourceError::NotFound(_) | SourceError::NoneFound(_), .. }
            | Self::Find { error: SourceError::NotFound(_) | SourceError::NoneFound(_), .. } => {
                Some("publish the component to the node's registry first (`registry publish`)")
            }
            Self::Source { error: SourceError::Unavailable(_), .. }
            | Self::Find { error: SourceError::Unavailable(_), .. }
            | Self::Timeout { .. }
            | Self::NotFoundInTime { .. } => Some("is the registry running? Contracts that are deployed need none"),
            Self::Source { .. } | Self::Find { .. } => Some("do not trust this registry, or tell its operator"),
            Self::Admission { hash, error: AdmissionError::UnservedImports(_) } => {
                return Some(format!(
                    "a contract can import types only; `registry show --wit {hash}` shows the WIT of this one"
                ));
            }
            Self::Admission { error: AdmissionError::Merged(_), .. } => {
                Some(registry_core::component::BUILD_WITHOUT_MERGING)
            }
            Self::Admission { error, .. } => error.hint().or(Some("build the contract without what is refused")),
            Self::Store(error) => error.hint(),
            Self::Deployment { .. } => Some("deploy it from a registry that verifies it"),
            Self::Wit { .. } | Self::Node(_) => None,
        };
        hint.map(str::to_owned)
    }
}
