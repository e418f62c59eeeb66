//! One transaction, from what was checked to what it did.

use super::check::{Checked, Root, arguments_size_bytes};
use super::coroutine::{self, Beginning, Transition};
use super::stop::Stopped;
use super::{ContractProvider, Extent, NodeFault};
use super::{gas, plain, store};
use crate::profile::ExecutionProfile;
use ledger_core::{Effects, Execution, FailureFrame, Moment, ObjectId, Outcome, RootCall, Transaction};
use std::sync::Arc;
use wasmtime::{AsContextMut, Engine};

/// How transactions are executed.
pub(super) struct Machine<'a> {
    pub(super) engine: &'a Engine,
    pub(super) profile: &'a Arc<ExecutionProfile>,
    pub(super) moment: &'a Moment,
    /// Whether rows of the call table are made.
    pub(super) is_recorded: bool,
    /// How much of a transaction it is.
    pub(super) extent: Extent,
}

impl Machine<'_> {
    /// Runs a transaction in a store of its own, which is gone afterwards.
    pub(super) fn run(
        self,
        transaction: &Transaction,
        checked: Checked,
        contracts: Arc<dyn ContractProvider>,
    ) -> Result<Execution, NodeFault> {
        match &checked.root {
            Root::Plain { contract, call } => plain::run(&self, transaction, contract, call, &checked.utxos),
            Root::Script { .. } | Root::Main { .. } | Root::Method { .. } | Root::Steps => {
                self.run_coroutine(transaction, checked, contracts)
            }
        }
    }

    fn run_coroutine(
        self,
        transaction: &Transaction,
        checked: Checked,
        contracts: Arc<dyn ContractProvider>,
    ) -> Result<Execution, NodeFault> {
        let Checked { root, utxos, called } = checked;
        let gas_of_beginning = gas::of_beginning(self.profile, arguments_size_bytes(transaction), &utxos);
        let transition = Transition::new(Beginning {
            profile: Arc::clone(self.profile),
            chain: transaction.chain.clone(),
            transaction: transaction.id(),
            moment: *self.moment,
            gas_limit: transaction.gas_limit,
            utxos,
            contracts,
            called,
            is_recorded: self.is_recorded,
        });
        let mut transition = transition.map_err(Stopped::into_fault)?;
        let gas_of_beginning = gas_of_beginning.saturating_add(transition.take_owed_gas());
        let limit = transaction.gas_limit;
        let mut store = store::open(self.engine, self.profile, limit, Some(Box::new(transition)))?;
        let context = &mut store.as_context_mut();
        let arguments = transaction.arguments.as_slice();
        let begun = gas::charge(&mut *context, gas_of_beginning);
        let result = begun.and_then(|()| match &root {
            Root::Script { contract, script } => coroutine::script(context, contract, script, arguments),
            Root::Main { contract, type_name, main } => coroutine::main(context, contract, type_name, main, arguments)
                .and_then(|id| coroutine::encode_id(&ObjectId::Utxo(id))),
            Root::Method { utxo, method } => coroutine::method(context, utxo, method, arguments),
            Root::Steps => match &transaction.call {
                RootCall::Calls(steps) => coroutine::steps(context, steps),
                _ => Err(Stopped::defect("one call was checked as several")),
            },
            Root::Plain { .. } => Err(Stopped::defect("a plain function was called as a coroutine")),
        });
        let (gas_used, result) = gas::settle(&mut store, self.profile, limit, result);
        let mut transition = store.into_data().into_transition()?;
        let (calls, frames) = (transition.take_calls(), transition.take_failed_frames());
        let result = result.and_then(|result| transition.finish(result, self.extent));
        Ok(Execution { outcome: outcome(result, limit, frames)?, gas_used, calls })
    }
}

/// What came of a transaction, unless this machine failed; `frames` are the calls that did not end, the innermost first.
pub(super) fn outcome(
    result: Result<Effects, Stopped>,
    limit: u64,
    frames: Vec<FailureFrame>,
) -> Result<Outcome, NodeFault> {
    match result {
        Ok(effects) => Ok(Outcome::Succeeded(effects)),
        Err(stopped) => Ok(Outcome::Failed(stopped.into_failure(limit, frames)?)),
    }
}
