//! Contracts without Starstream's shape: each call in a fresh instance of the component, by the engine's component model.
//!
//! Such a contract can keep state too: with `get-storage` and `set-storage` at the root of its world it is a type of
//! UTXOs itself. It has no yields that could say what may be called, so all its functions may.

use super::NodeFault;
use super::check::{Kept, PlainCall};
use super::coroutine::Access;
use super::stop::Stopped;
use super::store::TransactionStore;
use super::transaction::{Machine, outcome};
use super::{gas, store};
use crate::admission::{Executable, Export, RootStorage};
use crate::profile::ExecutionProfile;
use crate::value::{ValueLimits, decode_parameters, encode_result};
use ledger_core::{
    Call, CallEnd, CallRow, Callable, Changed, Created, Effects, Execution, Failure, FailureFrame, FailureObject,
    ObjectId, Transaction, Utxo, UtxoContent,
};
use registry_core::hash::Digest;
use registry_core::id::UtxoId;
use std::slice;
use wasmtime::component::{Instance, Val};
use wasmtime::{Engine, Store};

/// A call of one function, of which nothing is kept.
pub(super) struct Single<'a> {
    pub(super) engine: &'a Engine,
    pub(super) profile: &'a ExecutionProfile,
    pub(super) contract: &'a Executable,
    pub(super) export: &'a Export,
    pub(super) gas_limit: u64,
}

impl Single<'_> {
    /// Makes the call on this thread, and gives the gas used and the encoded result. `size_bytes` is the size of the
    /// encoding of `values`.
    pub(super) fn run(&self, values: &[Val], size_bytes: usize) -> Result<(u64, Result<Vec<u8>, Failure>), NodeFault> {
        let mut store = store::open(self.engine, self.profile, self.gas_limit, None)?;
        let mut run = Run { store: &mut store, profile: self.profile };
        let gas = gas::of_transaction(self.profile, size_bytes);
        let result = run.begin(self.contract, gas).and_then(|instance| run.call(&instance, self.export, values));
        let (gas_used, result) = gas::settle(&mut store, self.profile, self.gas_limit, result);
        match result {
            Ok(bytes) => Ok((gas_used, Ok(bytes))),
            Err(stopped) => {
                let frames = vec![frame(self.contract, None, &self.export.name)];
                Ok((gas_used, Err(stopped.into_failure(self.gas_limit, frames)?)))
            }
        }
    }
}

/// Runs a transaction that calls such a contract.
pub(super) fn run(
    machine: &Machine<'_>,
    transaction: &Transaction,
    contract: &Executable,
    call: &PlainCall,
    utxos: &[(Utxo, Access)],
) -> Result<Execution, NodeFault> {
    let (limit, profile) = (transaction.gas_limit, machine.profile);
    let subject = Subject::of(transaction, call, utxos);
    let mut store = store::open(machine.engine, profile, limit, None)?;
    let mut run = Run { store: &mut store, profile };
    let gas = gas::of_beginning(profile, transaction.arguments.len(), utxos);
    let result = run.begin(contract, gas.saturating_add(gas::of_contract(profile, contract)));
    let result = result.and_then(|instance| run.stateful_call(&instance, call, subject.as_ref()));
    let (gas_used, result) = gas::settle(&mut store, profile, limit, result);
    let row = || row(transaction, contract, call, subject.as_ref(), gas_used, result.as_ref().ok());
    let calls = if machine.is_recorded { vec![row()] } else { Vec::new() };
    let frames = match &result {
        Err(_) => vec![frame(contract, subject.as_ref(), &call.name)],
        Ok(_) => Vec::new(),
    };
    let effects = result.and_then(|done| effects(contract, subject, done));
    Ok(Execution { outcome: outcome(effects, limit, frames)?, gas_used, calls })
}

/// The UTXO whose state the call makes or goes on with.
struct Subject<'a> {
    id: UtxoId,
    stored: Option<&'a (Utxo, Access)>,
}

impl<'a> Subject<'a> {
    fn of(transaction: &Transaction, call: &PlainCall, utxos: &'a [(Utxo, Access)]) -> Option<Self> {
        match &call.kept.as_ref()?.1 {
            Kept::New => Some(Self { id: Utxo::id(&transaction.chain, &transaction.id(), 0), stored: None }),
            Kept::Stored(id) => Some(Self { id: *id, stored: utxos.iter().find(|(utxo, _)| utxo.id == *id) }),
        }
    }
}

/// What a call gave: its encoded result, and the state record after it if one is kept.
struct Done {
    result: Vec<u8>,
    state: Option<Vec<u8>>,
}

/// What happens in one store.
struct Run<'a> {
    store: &'a mut Store<TransactionStore>,
    profile: &'a ExecutionProfile,
}

impl Run<'_> {
    /// Charges `gas` for the beginning of a transaction, and makes a fresh instance.
    fn begin(&mut self, contract: &Executable, gas: u64) -> Result<Instance, Stopped> {
        gas::charge(&mut *self.store, gas.saturating_add(self.profile.gas_per_instance))?;
        let plain = contract.plain().ok_or_else(|| Stopped::defect("a contract has another form than was checked"))?;
        let instance = plain.instance.instantiate(&mut *self.store).map_err(Stopped::of)?;
        gas::charge_owed(&mut *self.store, self.profile)?;
        Ok(instance)
    }

    /// Loads the state that is kept, calls, and reads the state again.
    fn stateful_call(
        &mut self,
        instance: &Instance,
        call: &PlainCall,
        subject: Option<&Subject<'_>>,
    ) -> Result<Done, Stopped> {
        let storage = call.kept.as_ref().map(|(storage, _)| storage);
        if let (Some(storage), Some((utxo, _))) = (storage, subject.and_then(|subject| subject.stored)) {
            self.load(instance, storage, &utxo.content.state)?;
        }
        let result = self.call(instance, &call.export, &call.values)?;
        let state = storage.map(|storage| self.read(instance, storage)).transpose()?;
        Ok(Done { result, state })
    }

    fn load(&mut self, instance: &Instance, storage: &RootStorage, state: &[u8]) -> Result<(), Stopped> {
        let values = decode_parameters(&storage.set.parameters, state, &self.state_limits());
        // What is kept was encoded within the limits and with the charges of decoding; whatever a record may be, that it
        // cannot be read is told of the transaction and paid by it.
        let values: Vec<Val> = values.map_err(|error| Stopped::too_long(&error))?;
        self.call(instance, &storage.set, &values).map(|_| ())
    }

    fn read(&mut self, instance: &Instance, storage: &RootStorage) -> Result<Vec<u8>, Stopped> {
        let state = self.call(instance, &storage.get, &[])?;
        let max = self.profile.state_size_bytes_max;
        if state.len() > max {
            return Err(Stopped::limit(max, "bytes of a state record", "state_size_bytes_max"));
        }
        gas::charge(&mut *self.store, gas::of_state(self.profile, state.len()))?;
        Ok(state)
    }

    fn state_limits(&self) -> ValueLimits {
        ValueLimits { encoded_size_bytes_max: self.profile.state_size_bytes_max, ..self.profile.values }
    }

    /// Calls a function and gives its encoded result, which is charged.
    fn call(&mut self, instance: &Instance, export: &Export, values: &[Val]) -> Result<Vec<u8>, Stopped> {
        let function = instance.get_func(&mut *self.store, export.index);
        let function = function.ok_or_else(|| Stopped::defect("a function that was admitted is gone"))?;
        let mut value = Val::Bool(false);
        let results = if export.result.is_some() { slice::from_mut(&mut value) } else { &mut [] };
        function.call(&mut *self.store, values, results).map_err(Stopped::of)?;
        // Even if there is nothing to charge: a call may have used more than it had since the engine looked last.
        gas::charge_owed(&mut *self.store, self.profile)?;
        let result = export.result.as_ref().map(|ty| (ty, &value));
        let bytes = encode_result(result, &self.profile.values).map_err(|error| Stopped::too_long(&error))?;
        gas::charge(&mut *self.store, gas::of_values(self.profile, bytes.len()))?;
        Ok(bytes)
    }
}

/// What came of the state that is kept.
fn effects(contract: &Executable, subject: Option<Subject<'_>>, done: Done) -> Result<Effects, Stopped> {
    let mut effects = Effects { result: done.result, ..Effects::default() };
    let (Some(Subject { id, stored }), Some(state)) = (subject, done.state) else { return Ok(effects) };
    match stored {
        None => {
            let content = UtxoContent { state, callable: Callable::All, tokens: Vec::new(), owner: None, deposit: 0 };
            let contract = *contract.hash();
            effects.created.push(Created { utxo: id, contract, type_name: String::new(), content });
        }
        Some((utxo, _)) if utxo.content.state == state => effects.read.push(id),
        Some((_, Access::Reference)) => return Err(Stopped::changed_reference(&format!("the UTXO {id}"))),
        Some((utxo, Access::Input)) => {
            effects.changed.push(Changed { utxo: id, content: UtxoContent { state, ..utxo.content.clone() } });
        }
    }
    Ok(effects)
}

/// The one call that was going on when it failed. The type of such a UTXO has no name.
fn frame(contract: &Executable, subject: Option<&Subject<'_>>, function: &str) -> FailureFrame {
    let object = subject.map(|subject| FailureObject { id: ObjectId::Utxo(subject.id), type_name: String::new() });
    FailureFrame { contract: *contract.hash(), object, function: function.to_owned() }
}

/// The one row of the call table.
fn row(
    transaction: &Transaction,
    contract: &Executable,
    call: &PlainCall,
    subject: Option<&Subject<'_>>,
    gas: u64,
    done: Option<&Done>,
) -> Call {
    let stored = subject.and_then(|subject| subject.stored);
    let new_state = done.and_then(|done| done.state.as_ref());
    Call {
        object: subject.map(|subject| ObjectId::Utxo(subject.id)),
        contract: *contract.hash(),
        function: call.name.clone(),
        input: CallRow::values(&transaction.arguments),
        old_state: stored.map_or(Digest::ZERO, |(utxo, _)| utxo.content.state_digest()),
        output: done.map_or(Digest::ZERO, |done| CallRow::values(&done.result)),
        new_state: new_state.map_or(Digest::ZERO, |state| CallRow::state(state)),
        gas,
        host: CallRow::host(&[]),
        end: match (done, subject) {
            (None, _) => CallEnd::Failed,
            (Some(_), None) => CallEnd::Returned,
            (Some(_), Some(_)) => CallEnd::Yielded,
        },
    }
}
