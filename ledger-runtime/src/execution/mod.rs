//! Calls: each in a fresh instance, within gas and memory limits, with the same result on every node.

mod call;
mod limiter;

use crate::admission::Executable;
use crate::engine::{self, EngineError};
use crate::interface::FunctionError;
use crate::limits::Limits;
use crate::profile::ExecutionProfile;
use crate::value::ValueError;
use bytes::Bytes;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use wasmtime::Engine;

pub(crate) use limiter::CallState;

/// What a call gave. It is a function of the contract, the function, the parameters and the gas limit, and of nothing
/// else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallOutcome {
    /// The encoded result; empty for a function without one.
    pub result: Result<Vec<u8>, CallFailure>,
    /// The gas that the call used, at most its limit.
    pub gas_used: u64,
}

/// Why a call has no result. It happened within the rules, and every node sees it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// The gas limit was reached.
    #[error("the call ran out of gas: its limit is {limit}")]
    OutOfGas {
        /// The limit.
        limit: u64,
    },
    /// The contract stopped itself, or did something that WebAssembly does not allow.
    #[error("the contract failed: {reason}")]
    Trap {
        /// What happened.
        reason: String,
    },
    /// The contract asked for more memory than a call may have.
    #[error("the contract asked for more than {max} {unit} (`{limit}`)")]
    MemoryLimit {
        /// The limit.
        max: usize,
        /// What is counted.
        unit: &'static str,
        /// The limit's name.
        limit: &'static str,
    },
    /// The result is larger than a result may be.
    #[error("the result cannot be sent")]
    Result(#[source] ValueError),
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

/// Executes calls on a bounded number of threads that are not those of the asynchronous runtime.
pub struct Executor {
    engine: Engine,
    profile: ExecutionProfile,
    workers: Arc<Semaphore>,
    queue_wait_max: Duration,
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
            profile,
            workers: Arc::new(Semaphore::new(workers.get() as usize)),
            queue_wait_max: limits.call_queue_wait_max,
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

    /// Calls `function` of a contract with encoded `parameters`; without a `gas_limit` the profile's default holds.
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
        let waiting = tokio::time::timeout(self.queue_wait_max, Arc::clone(&self.workers).acquire_owned());
        let worker = waiting.await.map_err(|_| CallError::Busy { waited: self.queue_wait_max })?;
        let worker = worker.map_err(|error| NodeFault::new("the workers are shut down", error))?;
        let call = call::Call { profile: self.profile.clone(), contract, export, gas_limit };
        let function = function.to_owned();
        let finished = tokio::task::spawn_blocking(move || {
            let outcome = call.run(&parameters);
            // Everything that the call took is given back before the next one may start.
            drop(call);
            drop(worker);
            outcome.map_err(|error| match error {
                call::Stopped::Parameters(error) => CallError::Parameters { function, error: Box::new(error) },
                call::Stopped::Node(fault) => CallError::Node(fault),
            })
        });
        finished.await.map_err(|error| NodeFault::new("a call ended in a defect of the node", error))?
    }

    fn gas_limit(&self, asked: Option<u64>) -> Result<u64, CallError> {
        let (limit, max) = (asked.unwrap_or(self.profile.gas_limit_default), self.profile.gas_limit_max);
        if limit > max { Err(CallError::GasLimit { asked: limit, max }) } else { Ok(limit) }
    }
}

impl NodeFault {
    pub(crate) fn new(what: &'static str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { what, cause: Some(cause.into()) }
    }
}

fn processors() -> NonZeroU32 {
    let count = std::thread::available_parallelism().ok().and_then(|count| u32::try_from(count.get()).ok());
    count.and_then(NonZeroU32::new).unwrap_or(NonZeroU32::MIN)
}
