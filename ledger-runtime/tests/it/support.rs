//! What several tests need: verified components without a registry, and calls of them.

use crate::build;
use bytes::Bytes;
use ledger_runtime::admission::{AdmissionError, Executable};
use ledger_runtime::execution::{CallError, CallOutcome, Executor};
use ledger_runtime::limits::Limits;
use ledger_runtime::profile::ExecutionProfile;
use registry_core::closure::Closure;
use registry_core::component::{DecodedComponent, VerifiedComponent};
use registry_core::limits::Limits as CoreLimits;
use registry_core::wit::{SourceFile, Wit};
use std::sync::Arc;

/// The packages that `bytes` names, out of those of the example contracts.
pub(crate) fn closure(bytes: &[u8]) -> Closure {
    let limits = CoreLimits::default();
    let named = DecodedComponent::decode(bytes, &limits).unwrap().packages().unwrap();
    let mut closure = Closure::default();
    for folder in build::package_folders() {
        let file = folder.read_dir().unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let wit = Wit::parse(&[SourceFile::new("package.wit", text)], &[], &limits).unwrap();
        closure
            .packages
            .extend(Closure::of(&wit).unwrap().packages.into_iter().filter(|package| named.contains(&package.name)));
    }
    closure
}

/// `bytes` verified against the packages of the example contracts.
pub(crate) fn verified(bytes: &[u8]) -> VerifiedComponent {
    let limits = CoreLimits::default();
    DecodedComponent::decode(bytes, &limits).unwrap().verify(&closure(bytes), &limits).unwrap()
}

/// An executor with one profile, and what it makes of components.
pub(crate) struct Machine {
    pub(crate) executor: Executor,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self::with(ExecutionProfile::default())
    }

    pub(crate) fn with(profile: ExecutionProfile) -> Self {
        Self { executor: Executor::new(profile, &Limits::default()).unwrap() }
    }

    pub(crate) fn admit(&self, bytes: &[u8]) -> Result<Arc<Executable>, AdmissionError> {
        let component = verified(bytes);
        Executable::admit(self.executor.engine(), self.executor.profile(), &component, bytes).map(Arc::new)
    }

    /// The contract whose world has the items `wit` and whose module is `wat`.
    pub(crate) fn contract(&self, items: &str, wat: &str) -> Arc<Executable> {
        self.admit(&build::component(&format!("package demo:test; world test {{ {items} }}"), wat)).unwrap()
    }

    pub(crate) async fn call(
        &self,
        contract: &Arc<Executable>,
        function: &str,
        parameters: &[u8],
        gas_limit: Option<u64>,
    ) -> Result<CallOutcome, CallError> {
        self.executor.call(Arc::clone(contract), function, Bytes::copy_from_slice(parameters), gas_limit).await
    }
}

/// An error with all its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
