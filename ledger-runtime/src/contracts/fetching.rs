//! Contracts that are not deployed, together with those that they import.

use super::{ContractError, Contracts, blocking};
use crate::admission::imports::check_count;
use crate::admission::{AdmissionError, Executable, Imports, external_ids};
use crate::contracts::Contract;
use crate::source::SourceError;
use futures::FutureExt;
use futures::future::BoxFuture;
use ledger_core::ExternalId;
use registry_client::FetchedComponent;
use registry_core::id::ComponentHash;
use std::collections::BTreeSet;
use std::sync::Arc;

/// One request for a contract that is not deployed. What it imports is loaded one after another, so that it needs the
/// place of one contract only.
pub(super) struct Fetching<'c> {
    contracts: &'c Arc<Contracts>,
    /// How many contracts were fetched because another one imports them.
    imported: usize,
    /// The size of their components.
    imported_size_bytes: usize,
}

impl<'c> Fetching<'c> {
    pub(super) fn new(contracts: &'c Arc<Contracts>) -> Self {
        Self { contracts, imported: 0, imported_size_bytes: 0 }
    }

    /// The contract from the source, with what it imports from wherever that is. `depth` is how many contracts stand above
    /// it of which each imports the next.
    pub(super) async fn contract(
        &mut self,
        hash: ComponentHash,
        depth: usize,
    ) -> Result<(FetchedComponent, Contract), ContractError> {
        let fetched = self.contracts.fetch_bytes(hash).await?;
        if depth > 0 {
            self.check_size(&fetched).map_err(|error| ContractError::Admission { hash, error })?;
        }
        let imports = self.imports(&fetched, depth).await?;
        self.contracts.admit(fetched, imports).await
    }

    async fn imports(&mut self, fetched: &FetchedComponent, depth: usize) -> Result<Imports, ContractError> {
        let hash = fetched.component.hash();
        let named = self.named(fetched).map_err(|error| ContractError::Admission { hash, error })?;
        let mut imports = Imports::new();
        for id in named {
            let import = self.import(id, depth.saturating_add(1)).await;
            let wrapped = |error| ContractError::Import { hash, id, error: Box::new(error) };
            imports.insert(id, import.map_err(wrapped)?);
        }
        Ok(imports)
    }

    fn named(&self, fetched: &FetchedComponent) -> Result<BTreeSet<ExternalId>, AdmissionError> {
        let component = &fetched.component;
        let world = component.world().ok_or(AdmissionError::NoWorld)?;
        let named = external_ids(component.wit().resolve(), world)?;
        check_count(self.contracts.executor.profile(), named.len())?;
        Ok(named)
    }

    /// Boxed, because what it imports imports others.
    fn import(&mut self, id: ExternalId, depth: usize) -> BoxFuture<'_, Result<Arc<Executable>, ContractError>> {
        async move {
            let hash = self.contracts.find(id).await?;
            if let Some(known) = self.contracts.known_or_deployed(hash).await? {
                return Ok(Arc::clone(&known.executable));
            }
            self.check_limits(depth).map_err(|error| ContractError::Admission { hash, error })?;
            let contract = Arc::new(self.contract(hash, depth).await?.1);
            self.contracts.state().keep_undeployed(Arc::clone(&contract));
            Ok(Arc::clone(&contract.executable))
        }
        .boxed()
    }

    /// Nothing is fetched for a contract that has too many imports.
    fn check_limits(&mut self, depth: usize) -> Result<(), AdmissionError> {
        let profile = self.contracts.executor.profile();
        if depth > profile.import_depth_max {
            return Err(AdmissionError::ImportsTooDeep { depth, max: profile.import_depth_max });
        }
        self.imported += 1;
        let (count, max) = (self.imported, profile.imported_contracts_max);
        if count > max { Err(AdmissionError::TooManyImported { count, max }) } else { Ok(()) }
    }

    /// Nothing is compiled for a contract whose imports are too large, and no more is fetched.
    fn check_size(&mut self, fetched: &FetchedComponent) -> Result<(), AdmissionError> {
        self.imported_size_bytes = self.imported_size_bytes.saturating_add(fetched.bytes.len());
        let (size_bytes, max) = (self.imported_size_bytes, self.contracts.executor.profile().imported_size_bytes_max);
        if size_bytes > max { Err(AdmissionError::ImportedTooLarge { size_bytes, max }) } else { Ok(()) }
    }
}

impl Contracts {
    /// The contract that an external id means: one of the chain, or else what the source has.
    async fn find(&self, id: ExternalId) -> Result<ComponentHash, ContractError> {
        let sha256 = match id {
            ExternalId::Contract(hash) => return Ok(hash),
            ExternalId::Sha256(sha256) => sha256,
        };
        let storage = Arc::clone(&self.storage);
        if let Some(deployed) = blocking(move || storage.snapshot().contract_by_sha256(&sha256)).await?? {
            return Ok(deployed);
        }
        let waited = self.fetch_time_max;
        let found = tokio::time::timeout(waited, self.source.find(sha256)).await;
        let found = found.map_err(|_| ContractError::NotFoundInTime { id, waited })?;
        found.map_err(|error| not_found(id, error))
    }
}

/// As [`not_fetched`](super::not_fetched).
fn not_found(id: ExternalId, error: SourceError) -> ContractError {
    if let SourceError::Unavailable(_) = &error {
        tracing::warn!("the contract {id} could not be found: {}", registry_core::with_causes(&error));
    }
    ContractError::Find { id, error }
}
