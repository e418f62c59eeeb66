//! Execution with the node's own engine and contracts.

use super::executor::{Executed, FreshContracts, TransactionExecutor};
use super::sequencer::Proposal;
use crate::admission::coroutine::host_interface_id;
use crate::admission::{AdmissionError, Executable, Imports, compilation_cost};
use crate::bounded::bounded;
use crate::contracts::{ContractError, Contracts};
use crate::execution::{ContractProvider, Executor, NodeFault};
use ledger_core::{
    Admission, ChainId, Deployment, ExternalId, Failure, Invalid, Moment, RootCall, State, StateError, Transaction,
    Verdict,
};
use registry_core::id::ComponentHash;
use registry_core::with_causes;
use std::sync::Arc;

/// Executes the transactions of one chain with contracts that are deployed on it.
pub struct NodeExecutor {
    chain: ChainId,
    executor: Arc<Executor>,
    contracts: Arc<Contracts>,
    deployed: DeployedContracts,
}

/// What a deployment asks for.
struct Asked<'a> {
    transaction: &'a Transaction,
    contract: ComponentHash,
    gas_limit_max: Option<u64>,
}

impl NodeExecutor {
    /// An executor for the transactions of `chain`.
    pub fn new(chain: ChainId, executor: Arc<Executor>, contracts: Arc<Contracts>) -> Self {
        let deployed = DeployedContracts(Arc::clone(&contracts));
        Self { chain, executor, contracts, deployed }
    }

    fn execute_call(
        &self,
        transaction: &Transaction,
        moment: &Moment,
        state: &dyn State,
        fresh: &FreshContracts,
    ) -> Result<Executed, NodeFault> {
        let contracts = Arc::new(self.contracts_with(fresh));
        Ok(match self.executor.execute(transaction, moment, state, contracts)? {
            Verdict::Invalid(reason) => Executed::Invalid(reason),
            Verdict::Executed(execution) => Executed::Call(execution),
        })
    }

    fn contracts_with(&self, fresh: &FreshContracts) -> BlockContracts {
        BlockContracts { fresh: fresh.clone(), deployed: self.deployed.clone() }
    }

    /// A deployment is valid or not; it cannot fail, so what stands in a block was deployed.
    fn deploy(
        &self,
        asked: &Asked<'_>,
        deployment: Option<&Arc<Deployment>>,
        moment: &Moment,
        state: &dyn State,
        fresh: &mut FreshContracts,
    ) -> Result<Executed, NodeFault> {
        if let Some(invalid) = self.objection_to_deployment(asked, moment, state)? {
            return Ok(Executed::Invalid(invalid));
        }
        // What is told of a component may name very much of it.
        let refused = |reason: String| {
            let reason = bounded(Failure::DETAIL_SIZE_BYTES_MAX, &reason);
            Ok(Executed::Invalid(Invalid::Deployment { contract: asked.contract, reason }))
        };
        let Some(deployment) = deployment.filter(|deployment| deployment.contract == asked.contract) else {
            return refused("its component did not come with the transaction".to_owned());
        };
        let gas_used = match self.gas_of(deployment) {
            Ok(gas_used) => gas_used,
            Err(error) => return refused(with_causes(&ContractError::Admission { hash: asked.contract, error })),
        };
        let gas_limit = asked.transaction.gas_limit;
        if gas_used > gas_limit {
            return Ok(Executed::Invalid(Invalid::GasLimitTooLow { asked: gas_limit, min: gas_used }));
        }
        if let Some(reason) = objection_to_imports(deployment, state).map_err(unreadable)? {
            return refused(reason);
        }
        let imports = self.imports(deployment, fresh)?;
        let contract = match self.contracts.admit_deployment(deployment, &imports) {
            Ok(contract) => contract,
            Err(ContractError::Node(fault)) => return Err(fault),
            Err(error) => return refused(with_causes(&error)),
        };
        fresh.insert(asked.contract, Arc::clone(&contract.executable));
        let host_interface =
            host_interface_id().map_err(|error| NodeFault::new("the ledger's own interfaces cannot be read", error))?;
        let admission = Admission { view: contract.view, host_interface };
        Ok(Executed::Deployment { gas_used, admission })
    }

    /// The contracts that a deployment says it imports, all of which are part of the chain.
    fn imports(&self, deployment: &Deployment, fresh: &FreshContracts) -> Result<Imports, NodeFault> {
        let contracts = self.contracts_with(fresh);
        let import = |(id, hash): (&String, &ComponentHash)| {
            let lost = || NodeFault::new("a deployed contract cannot be loaded", format!("{hash} is not there"));
            let id = id.parse().map_err(|error| NodeFault::new("an import has a name that was found good", error))?;
            Ok((id, contracts.contract(hash)?.ok_or_else(lost)?))
        };
        deployment.imports.iter().map(import).collect()
    }

    fn objection_to_deployment(
        &self,
        asked: &Asked<'_>,
        moment: &Moment,
        state: &dyn State,
    ) -> Result<Option<Invalid>, NodeFault> {
        if let Some(invalid) = asked.transaction.objection(&self.chain, moment, state).map_err(unreadable)? {
            return Ok(Some(invalid));
        }
        let (gas, max) = (asked.transaction.gas_limit, self.executor.profile().gas_limit_max);
        if gas > max {
            return Ok(Some(Invalid::GasLimitTooHigh { asked: gas, max }));
        }
        if let Some(reason) = self.executor.profile().objection_to_contract_gas_limit(asked.gas_limit_max) {
            return Ok(Some(Invalid::Deployment { contract: asked.contract, reason }));
        }
        let known = state.contract(&asked.contract).map_err(unreadable)?;
        Ok(known.map(|_| Invalid::DeployedContract(asked.contract)))
    }

    /// Gas for verifying, compiling and keeping a component and its packages; known before anything is compiled.
    fn gas_of(&self, deployment: &Deployment) -> Result<u64, AdmissionError> {
        let packages = deployment.packages.iter().map(|(name, _, wit)| name.len() + wit.len()).sum::<usize>();
        let size_bytes = (deployment.component.len() + packages) as u64;
        let profile = self.executor.profile();
        let compilation = compilation_cost(profile, &deployment.component)?;
        let kept = size_bytes.saturating_mul(profile.gas_per_component_byte);
        Ok(profile.gas_per_transaction.saturating_add(kept).saturating_add(compilation))
    }
}

impl TransactionExecutor for NodeExecutor {
    fn check(
        &self,
        transaction: &Transaction,
        moment: &Moment,
        state: &dyn State,
    ) -> Result<Option<Invalid>, NodeFault> {
        match asked(transaction) {
            Some(asked) => self.objection_to_deployment(&asked, moment, state),
            None => self.executor.check(transaction, moment, state, &self.deployed),
        }
    }

    fn execute(
        &self,
        proposal: &Proposal,
        moment: &Moment,
        state: &dyn State,
        fresh: &mut FreshContracts,
    ) -> Result<Executed, NodeFault> {
        match asked(&proposal.transaction) {
            Some(asked) => self.deploy(&asked, proposal.deployment.as_ref(), moment, state, fresh),
            None => self.execute_call(&proposal.transaction, moment, state, fresh),
        }
    }
}

/// What is wrong with what a deployment says about the contracts that it imports, as far as that can be said without its
/// component: each must be part of the chain, and named as every node names it.
pub(super) fn objection_to_imports(deployment: &Deployment, state: &dyn State) -> Result<Option<String>, StateError> {
    for (text, import) in &deployment.imports {
        match text.parse::<ExternalId>() {
            Ok(id) if id.to_string() == *text => {}
            Ok(id) => return Ok(Some(format!("it names an import `{text}`, which is written `{id}`"))),
            Err(error) => return Ok(Some(format!("it names an import that is none: {error}"))),
        }
        if state.contract(import)?.is_none() {
            let reason = format!("it imports `{text}`, and {import} is not part of the chain: deploy {import} first");
            return Ok(Some(reason));
        }
    }
    Ok(None)
}

fn asked(transaction: &Transaction) -> Option<Asked<'_>> {
    match &transaction.call {
        RootCall::Deploy { contract, gas_limit_max } => {
            Some(Asked { transaction, contract: *contract, gas_limit_max: *gas_limit_max })
        }
        RootCall::Function { .. } | RootCall::Main { .. } | RootCall::Method { .. } | RootCall::Calls(_) => None,
    }
}

fn unreadable(error: StateError) -> NodeFault {
    NodeFault::new("the chain's state cannot be read", error)
}

/// The contracts of a chain, as its storage has them.
#[derive(Clone)]
pub(super) struct DeployedContracts(pub(super) Arc<Contracts>);

/// The contracts that a transaction of a block can use: those of the chain, and those that the block deployed before it.
struct BlockContracts {
    fresh: FreshContracts,
    deployed: DeployedContracts,
}

impl ContractProvider for DeployedContracts {
    fn contract(&self, hash: &ComponentHash) -> Result<Option<Arc<Executable>>, NodeFault> {
        Ok(self.0.deployed(hash)?.map(|contract| Arc::clone(&contract.executable)))
    }
}

impl ContractProvider for BlockContracts {
    fn contract(&self, hash: &ComponentHash) -> Result<Option<Arc<Executable>>, NodeFault> {
        match self.fresh.get(hash) {
            Some(fresh) => Ok(Some(Arc::clone(fresh))),
            None => self.deployed.contract(hash),
        }
    }
}
