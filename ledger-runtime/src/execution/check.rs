//! Whether a transaction can be executed at all: everything that is known before any of its code runs.

use super::coroutine::Access;
use super::{ContractProvider, NodeFault, gas};
use crate::abi::{Handed, ObjectName, Resource, Signature};
use crate::admission::coroutine::{Entry, Object, ObjectKind};
use crate::admission::{Executable, Export, RootStorage};
use crate::profile::ExecutionProfile;
use crate::value::{ValueLimits, decode_parameters};
use ledger_core::{Callable, Invalid, Moment, ObjectId, RootCall, State, StateError, Transaction, Utxo, UtxoStatus};
use registry_core::id::UtxoId;
use registry_core::with_causes;
use std::sync::Arc;
use wasmtime::component::Val;

/// A transaction of which everything was checked that can be checked before it runs.
pub(super) struct Checked {
    pub(super) contract: Arc<Executable>,
    pub(super) root: Root,
    /// The UTXOs that it names: its inputs, then its references.
    pub(super) utxos: Vec<(Utxo, Access)>,
}

/// What is called, found in the contract.
pub(super) enum Root {
    /// A coordination script.
    Script(String),
    /// A main function of a type of UTXOs.
    Main {
        /// The type.
        type_name: String,
        /// The function.
        main: String,
    },
    /// A method of a UTXO.
    Method {
        /// The UTXO.
        utxo: UtxoId,
        /// The method.
        method: String,
    },
    /// A function of a contract without Starstream's shape.
    Plain(PlainCall),
}

/// A call of a function that runs in the engine's component model.
pub(super) struct PlainCall {
    /// The function.
    pub(super) export: Arc<Export>,
    /// Its full name.
    pub(super) name: String,
    /// Its arguments.
    pub(super) values: Vec<Val>,
    /// Which state it has, if any is kept.
    pub(super) kept: Option<(RootStorage, Kept)>,
}

/// The state of a contract that is a UTXO type itself.
pub(super) enum Kept {
    /// The call makes a UTXO.
    New,
    /// The call goes on with one.
    Stored(UtxoId),
}

/// Why a transaction is not executed.
pub(super) enum Rejected {
    Invalid(Invalid),
    Node(NodeFault),
}

/// Checks a transaction; the first reason against it is told.
pub(super) fn check(
    transaction: &Transaction,
    moment: &Moment,
    profile: &ExecutionProfile,
    state: &dyn State,
    contracts: &dyn ContractProvider,
) -> Result<Checked, Rejected> {
    // A chain without blocks has no contracts, so nothing is executed on it whatever it is called.
    let chain = state.tip()?.map_or_else(|| transaction.chain.clone(), |tip| tip.chain);
    if let Some(invalid) = transaction.objection(&chain, moment, state)? {
        return Err(invalid.into());
    }
    let utxos = named_utxos(transaction, state)?;
    check_gas_limit(transaction.gas_limit, profile.gas_limit_max)?;
    check_gas_covers_beginning(transaction, profile, &utxos)?;
    let contract = find_contract(transaction, &utxos, state, contracts)?;
    let check = Check { transaction, contract: &contract, utxos: &utxos, limits: &profile.values };
    let root = check.root()?;
    Ok(Checked { contract, root, utxos })
}

/// The UTXOs that it names, which live; none of them may belong to somebody, because nobody signs.
fn named_utxos(transaction: &Transaction, state: &dyn State) -> Result<Vec<(Utxo, Access)>, Rejected> {
    let inputs = transaction.inputs.iter().map(|input| (input.utxo, Access::Input));
    let references = transaction.references.iter().map(|input| (input.utxo, Access::Reference));
    let mut utxos = Vec::new();
    for (id, access) in inputs.chain(references) {
        let Some(UtxoStatus::Live(utxo)) = state.utxo(&id)? else { return Err(Invalid::UnknownUtxo(id).into()) };
        if let Some(owner) = utxo.content.owner {
            return Err(Invalid::NotOwner { utxo: id, owner }.into());
        }
        utxos.push((utxo, access));
    }
    Ok(utxos)
}

fn check_gas_limit(asked: u64, max: u64) -> Result<(), Invalid> {
    if asked > max { Err(Invalid::GasLimitTooHigh { asked, max }) } else { Ok(()) }
}

/// What is paid before any code runs must be affordable: else the transaction could only fail, whatever the state is.
fn check_gas_covers_beginning(
    transaction: &Transaction,
    profile: &ExecutionProfile,
    utxos: &[(Utxo, Access)],
) -> Result<(), Invalid> {
    let (asked, min) = (transaction.gas_limit, gas::of_beginning(profile, transaction.arguments.len(), utxos));
    if asked < min { Err(Invalid::GasLimitTooLow { asked, min }) } else { Ok(()) }
}

/// The contract that is called, with its own gas limit kept.
fn find_contract(
    transaction: &Transaction,
    utxos: &[(Utxo, Access)],
    state: &dyn State,
    contracts: &dyn ContractProvider,
) -> Result<Arc<Executable>, Rejected> {
    let hash = match &transaction.call {
        RootCall::Function { contract, .. } | RootCall::Main { contract, .. } => *contract,
        RootCall::Method { utxo, .. } => named(utxos, utxo)?.contract,
        RootCall::Deploy { .. } => return Err(bad_call("a deployment calls nothing").into()),
        RootCall::Calls(_) => return Err(bad_call("several calls are not executed").into()),
    };
    let (record, _) = state.contract(&hash)?.ok_or(Invalid::UnknownContract(hash))?;
    if let Some(max) = record.gas_limit_max {
        check_gas_limit(transaction.gas_limit, max)?;
    }
    contracts.contract(&hash)?.ok_or_else(|| NodeFault::missing(hash).into())
}

fn named<'a>(utxos: &'a [(Utxo, Access)], id: &UtxoId) -> Result<&'a Utxo, Invalid> {
    let utxo = utxos.iter().find(|(utxo, _)| utxo.id == *id);
    utxo.map(|(utxo, _)| utxo).ok_or(Invalid::UndeclaredUtxo(*id))
}

/// What the call is checked against.
struct Check<'a> {
    transaction: &'a Transaction,
    contract: &'a Executable,
    utxos: &'a [(Utxo, Access)],
    limits: &'a ValueLimits,
}

impl Check<'_> {
    fn root(&self) -> Result<Root, Invalid> {
        match (&self.transaction.call, self.contract.coroutine().map(|form| &form.contract)) {
            (RootCall::Function { function, .. }, Some(contract)) => {
                let script = contract.scripts.get(function);
                let script = script.ok_or_else(|| bad_call(format!("the contract has no script `{function}`")))?;
                self.arguments(script)?;
                Ok(Root::Script(function.clone()))
            }
            (RootCall::Main { type_name, main, .. }, Some(contract)) => {
                let declared = contract.objects.get(type_name);
                let entry = utxo_type(declared, type_name)?.mains.get(main);
                let entry = entry.ok_or_else(|| bad_call(format!("`{type_name}` has no main function `{main}`")))?;
                self.arguments(entry)?;
                Ok(Root::Main { type_name: type_name.clone(), main: main.clone() })
            }
            (RootCall::Method { utxo, method, .. }, Some(contract)) => {
                let called = named(self.utxos, utxo)?;
                self.method(called, contract.objects.get(&called.type_name), method)
            }
            (RootCall::Function { function, .. }, None) => self.plain(function, None),
            (RootCall::Main { type_name, main, .. }, None) if type_name.is_empty() => self.plain(main, Some(Kept::New)),
            (RootCall::Main { type_name, .. }, None) => Err(no_type(type_name)),
            (RootCall::Method { utxo, method }, None) => self.plain(method, Some(Kept::Stored(*utxo))),
            (RootCall::Deploy { .. } | RootCall::Calls(_), _) => Err(bad_call("a deployment calls nothing")),
        }
    }

    /// A method must exist, its arguments must fit, and the UTXO must offer it.
    fn method(&self, utxo: &Utxo, declared: Option<&Object>, name: &str) -> Result<Root, Invalid> {
        let type_name = &utxo.type_name;
        let method = utxo_type(declared, type_name)?.methods.get(name);
        let method = method.ok_or_else(|| bad_call(format!("`{type_name}` has no method `{name}`")))?;
        self.arguments(&method.entry)?;
        let is_offered = match &utxo.content.callable {
            Callable::All => true,
            Callable::Methods(offered) => method.ids.iter().any(|id| offered.contains(id)),
        };
        if !is_offered {
            let (contract, type_name) = (utxo.contract, type_name.clone());
            return Err(Invalid::NotCallable { utxo: utxo.id, contract, type_name, method: name.to_owned() });
        }
        Ok(Root::Method { utxo: utxo.id, method: name.to_owned() })
    }

    /// The arguments are those of the function, and every UTXO in them is declared and of the right type.
    fn arguments(&self, entry: &Entry) -> Result<(), Invalid> {
        let signature: &Signature = &entry.signature;
        let handed = signature.check_parameters(&self.transaction.arguments, self.limits);
        let handed = handed.map_err(|error| bad_call(error.to_string()))?;
        handed.iter().try_for_each(|handed| self.argument(handed))
    }

    fn argument(&self, handed: &Handed) -> Result<(), Invalid> {
        let ObjectName::Id(ObjectId::Utxo(id)) = &handed.name else {
            return Err(bad_call(format!("`{}` is no UTXO", handed.name)));
        };
        let utxo = named(self.utxos, id)?;
        let fits = match &handed.resource {
            Resource::Utxo(None) => true,
            Resource::Utxo(Some(ty)) => {
                utxo.contract == *ty.contract.as_ref().unwrap_or(self.contract.hash()) && utxo.type_name == ty.name
            }
            Resource::Token(_) | Resource::Context => false,
        };
        if fits { Ok(()) } else { Err(bad_call(format!("the UTXO {} is of another type than is taken", utxo.id))) }
    }

    fn plain(&self, function: &str, kept: Option<Kept>) -> Result<Root, Invalid> {
        let form = self.contract.plain().ok_or_else(|| bad_call("the contract has no functions of this kind"))?;
        let export = self.contract.function(function).map_err(|error| bad_call(with_causes(&error)))?;
        let name = self.contract.interface().full_name(function).map_err(|error| bad_call(with_causes(&error)))?;
        let storage = form.storage.as_ref();
        if storage.is_some_and(|storage| storage.is(export)) {
            return Err(bad_call(format!("only the ledger itself calls `{function}`")));
        }
        let no_state = || bad_call("the contract keeps no state, so it has no UTXOs");
        let kept = kept.map(|kept| Ok((storage.ok_or_else(no_state)?.clone(), kept))).transpose()?;
        let values = decode_parameters(&export.parameters, &self.transaction.arguments, self.limits);
        let values = values.map_err(|error| bad_call(error.to_string()))?;
        Ok(Root::Plain(PlainCall { export: Arc::clone(export), name, values, kept }))
    }
}

fn utxo_type<'a>(declared: Option<&'a Object>, type_name: &str) -> Result<&'a Object, Invalid> {
    declared.filter(|declared| declared.kind == ObjectKind::Utxo).ok_or_else(|| no_type(type_name))
}

fn no_type(type_name: &str) -> Invalid {
    bad_call(format!("the contract has no type of UTXOs `{type_name}`"))
}

fn bad_call(reason: impl Into<String>) -> Invalid {
    Invalid::BadCall(reason.into())
}

impl From<Invalid> for Rejected {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<NodeFault> for Rejected {
    fn from(fault: NodeFault) -> Self {
        Self::Node(fault)
    }
}

impl From<StateError> for Rejected {
    fn from(error: StateError) -> Self {
        Self::Node(NodeFault::new("the state cannot be read", error))
    }
}
