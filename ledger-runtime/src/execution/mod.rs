//! Calls and transactions: each in fresh instances, within gas and memory limits, with the same result on every node.
//!
//! - [`Executor`]: executes transactions of a block, simulates them, and calls single functions.
//! - `check`: whether a transaction can be executed at all; `transaction`: runs it in a store of its own.
//! - `coroutine`: Starstream's contracts, whose UTXOs are coroutines; `plain`: all others.
//! - `gas`, `stop`: what is charged, and why running code ends early.

mod check;
mod coroutine;
mod gas;
mod plain;
mod stop;
mod store;
mod transaction;

use crate::admission::{Executable, Export};
use crate::engine::{self, EngineError};
use crate::interface::FunctionError;
use crate::limits::Limits;
use crate::profile::ExecutionProfile;
use crate::value::{ValueError, decode_parameters};
use bytes::Bytes;
use check::{Rejected, check};
use ledger_core::{Failure, Invalid, Moment, State, Transaction, Verdict};
use registry_core::id::ComponentHash;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use transaction::Machine;
use wasmtime::Engine;
use wasmtime::component::Val;

pub(crate) use coroutine::link;
pub(crate) use store::TransactionStore;

/// What a call gave. It is a function of the contract, the function, the parameters and the gas limit, and of nothing
/// else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallOutcome {
    /// The encoded result, empty for a function without one; or why there is none.
    pub result: Result<Vec<u8>, Failure>,
    /// The gas that the call used, at most its limit.
    pub gas_used: u64,
}

/// Where an executor finds contracts that are deployed.
pub trait ContractProvider: Send + Sync {
    /// A deployed contract; none if it is not there.
    ///
    /// # Errors
    /// If what keeps it fails.
    fn contract(&self, hash: &ComponentHash) -> Result<Option<Arc<Executable>>, NodeFault>;
}

/// Why there was no call. Nothing was executed to its end and no gas counts.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The function can't be called.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// The parameters are not the encoding of what the function takes.
    #[error("the parameters are not what `{function}` takes")]
    Parameters {
        /// The function.
        function: String,
        /// Where and why.
        #[source]
        error: Box<ValueError>,
    },
    /// The gas limit is over the maximum.
    #[error("the gas limit {asked} is over the maximum of {max}")]
    GasLimit {
        /// What was asked for.
        asked: u64,
        /// The maximum.
        max: u64,
    },
    /// All workers were busy for too long.
    #[error("the node had no free worker for {} seconds", .waited.as_secs())]
    Busy {
        /// How long the call waited.
        waited: Duration,
    },
    /// Something on the node failed, not the call.
    #[error("the node failed, not the call")]
    Node(#[from] NodeFault),
}

/// Trouble of this machine: no memory, no free slot, a defect. It is never part of a result.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct NodeFault {
    what: &'static str,
    #[source]
    cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Why a transaction was not simulated. It says nothing about the transaction.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// All workers were busy for too long.
    #[error("the node had no free worker for {} seconds", .waited.as_secs())]
    Busy {
        /// How long the transaction waited.
        waited: Duration,
    },
    /// Something on the node failed, not the transaction.
    #[error("the node failed, not the transaction")]
    Node(#[from] NodeFault),
}

/// How much of a transaction is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it, as it would be in a block.
    Whole,
    /// The first of its calls. Others are to come, which bind or burn the tokens that are unbound after these.
    Beginning,
}

/// Executes transactions and calls. What somebody only asks for runs on a bounded number of threads that are not those
/// of the asynchronous runtime.
pub struct Executor {
    engine: Engine,
    profile: Arc<ExecutionProfile>,
    workers: Arc<Semaphore>,
    queue_wait_max: Duration,
    /// The engine has room for one transaction of a block beside those of the workers.
    block: Mutex<()>,
}

impl Executor {
    /// An executor with its engine.
    ///
    /// # Errors
    /// If the engine can't be set up on this machine.
    pub fn new(profile: ExecutionProfile, limits: &Limits) -> Result<Self, EngineError> {
        let workers = limits.concurrent_calls_max.min(processors());
        Ok(Self {
            engine: engine::build(&profile, workers)?,
            profile: Arc::new(profile),
            workers: Arc::new(Semaphore::new(workers.get() as usize)),
            queue_wait_max: limits.call_queue_wait_max,
            block: Mutex::new(()),
        })
    }

    /// The engine, to compile contracts with.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The profile.
    pub fn profile(&self) -> &ExecutionProfile {
        &self.profile
    }

    /// Why a transaction cannot be in a block on top of `state`, as far as that can be told without executing it; none if
    /// it can.
    ///
    /// # Errors
    /// As [`Executor::execute`].
    pub fn check(
        &self,
        transaction: &Transaction,
        moment: &Moment,
        state: &dyn State,
        contracts: &dyn ContractProvider,
    ) -> Result<Option<Invalid>, NodeFault> {
        match check(transaction, moment, &self.profile, state, contracts) {
            Ok(_) => Ok(None),
            Err(Rejected::Invalid(invalid)) => Ok(Some(invalid)),
            Err(Rejected::Node(fault)) => Err(fault),
        }
    }

    /// Executes a transaction of a block on `state`, on this thread, one at a time. A deployment is not executed.
    ///
    /// # Errors
    /// If this machine fails; that says nothing about the transaction.
    pub fn execute(
        &self,
        transaction: &Transaction,
        moment: &Moment,
        state: &dyn State,
        contracts: Arc<dyn ContractProvider>,
    ) -> Result<Verdict, NodeFault> {
        let _one_at_a_time = self.block.lock().unwrap_or_else(PoisonError::into_inner);
        let (engine, profile) = (&self.engine, &self.profile);
        let machine = Machine { engine, profile, moment, is_recorded: true, extent: Extent::Whole };
        verdict(machine, transaction, state, contracts)
    }

    /// Finds out what a transaction would do at `moment`, as soon as a worker is free. It has no rows of the call table. Of
    /// the beginning of one, tokens that are unbound at its end look like tokens that were burned.
    ///
    /// # Errors
    /// If there is no free worker, or this machine fails.
    pub async fn simulate(
        &self,
        transaction: Transaction,
        extent: Extent,
        moment: Moment,
        state: Arc<dyn State>,
        contracts: Arc<dyn ContractProvider>,
    ) -> Result<Verdict, SimulateError> {
        let (engine, profile) = (self.engine.clone(), Arc::clone(&self.profile));
        self.on_worker(move || {
            let (engine, profile, moment) = (&engine, &profile, &moment);
            let machine = Machine { engine, profile, moment, is_recorded: false, extent };
            verdict(machine, &transaction, state.as_ref(), contracts).map_err(SimulateError::Node)
        })
        .await
    }

    /// Calls `function` of a contract without Starstream's shape with encoded `parameters`; without a `gas_limit` the
    /// profile's default holds. Nothing is kept.
    ///
    /// # Errors
    /// If the call can't be made; a call that fails is an outcome.
    pub async fn call(
        &self,
        contract: Arc<Executable>,
        function: &str,
        parameters: Bytes,
        gas_limit: Option<u64>,
    ) -> Result<CallOutcome, CallError> {
        let gas_limit = self.gas_limit(gas_limit)?;
        let export = Arc::clone(contract.function(function)?);
        let (engine, profile) = (self.engine.clone(), Arc::clone(&self.profile));
        let function = function.to_owned();
        self.on_worker(move || {
            let values = decode_parameters(&export.parameters, &parameters, &profile.values)
                .map_err(|error| CallError::Parameters { function, error: Box::new(error) })?;
            let (engine, profile) = (&engine, profile.as_ref());
            let call = plain::Single { engine, profile, contract: &contract, export: &export, gas_limit };
            let (gas_used, result) = call.run(&values, parameters.len())?;
            Ok(CallOutcome { result, gas_used })
        })
        .await
    }

    /// As [`Executor::call`], on this thread, with parameters that are decoded already; `size_bytes` is the size of their
    /// encoding. For one who has threads for calls, and for measuring.
    ///
    /// # Errors
    /// If all workers are busy, or this machine fails; a call that fails is an outcome.
    pub fn call_here(
        &self,
        contract: &Executable,
        export: &Export,
        values: &[Val],
        size_bytes: usize,
        gas_limit: u64,
    ) -> Result<CallOutcome, CallError> {
        let gas_limit = self.gas_limit(Some(gas_limit))?;
        // The engine has slots for so many stores, and for no more.
        let _worker = self.workers.try_acquire().map_err(|_| CallError::Busy { waited: Duration::ZERO })?;
        let call = plain::Single { engine: &self.engine, profile: &self.profile, contract, export, gas_limit };
        let (gas_used, result) = call.run(values, size_bytes)?;
        Ok(CallOutcome { result, gas_used })
    }

    /// Does `work` on a thread of its own when a worker is free.
    async fn on_worker<T, E>(&self, work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<NodeFault> + From<Busy> + Send + 'static,
    {
        let waited = self.queue_wait_max;
        let waiting = tokio::time::timeout(waited, Arc::clone(&self.workers).acquire_owned());
        let worker = waiting.await.map_err(|_| Busy { waited })?;
        let worker = worker.map_err(|error| NodeFault::new("the workers are shut down", error))?;
        let finished = tokio::task::spawn_blocking(move || {
            let result = work();
            // Everything that the work took is given back before the next one may start.
            drop(worker);
            result
        });
        finished.await.map_err(|error| NodeFault::new("a call ended in a defect of the node", error))?
    }

    fn gas_limit(&self, asked: Option<u64>) -> Result<u64, CallError> {
        let (limit, max) = (asked.unwrap_or(self.profile.gas_limit_default), self.profile.gas_limit_max);
        if limit > max { Err(CallError::GasLimit { asked: limit, max }) } else { Ok(limit) }
    }
}

/// What an executor says about a transaction.
fn verdict(
    machine: Machine<'_>,
    transaction: &Transaction,
    state: &dyn State,
    contracts: Arc<dyn ContractProvider>,
) -> Result<Verdict, NodeFault> {
    match check(transaction, machine.moment, machine.profile, state, contracts.as_ref()) {
        Ok(checked) => Ok(Verdict::Executed(machine.run(transaction, checked, contracts)?)),
        Err(Rejected::Invalid(invalid)) => Ok(Verdict::Invalid(invalid)),
        Err(Rejected::Node(fault)) => Err(fault),
    }
}

/// All workers were busy for too long.
struct Busy {
    waited: Duration,
}

impl From<Busy> for CallError {
    fn from(busy: Busy) -> Self {
        Self::Busy { waited: busy.waited }
    }
}

impl From<Busy> for SimulateError {
    fn from(busy: Busy) -> Self {
        Self::Busy { waited: busy.waited }
    }
}

impl NodeFault {
    /// Trouble with `what`, because of `cause`.
    pub fn new(what: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what, cause: Some(cause.into()) }
    }

    /// This program is wrong: something that was checked before is not so.
    fn defect(what: &'static str) -> Self {
        Self::new("executing a transaction found a defect of the node", what)
    }

    /// A contract that the state has and that cannot be had: the node lost it.
    fn missing(hash: ComponentHash) -> Self {
        Self::new("a deployed contract cannot be found", format!("{hash} is deployed, and the node does not have it"))
    }
}

fn processors() -> NonZeroU32 {
    let count = std::thread::available_parallelism().ok().and_then(|count| u32::try_from(count.get()).ok());
    count.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}
