//! Whether a transaction can be executed at all: everything that is known before any of its code runs.

use super::coroutine::Access;
use super::{ContractProvider, NodeFault, gas};
use crate::abi::{Handed, ObjectName, Resource, Signature};
use crate::admission::coroutine::{CoroutineContract, Entry, Method, Object, ObjectKind};
use crate::admission::{Executable, Export, RootStorage};
use crate::bounded::bounded;
use crate::profile::ExecutionProfile;
use crate::value::{ValueError, ValueLimits, decode_parameters};
use ledger_core::{
    Callable, Failure, Invalid, Moment, ObjectId, RootCall, RootStep, State, StateError, StepCall, Token, TokenRef,
    Transaction, Utxo, UtxoRef, UtxoStatus,
};
use registry_core::id::{ComponentHash, TokenId, UtxoId};
use registry_core::with_causes;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use wasmtime::component::Val;

/// A transaction of which everything was checked that can be checked before it runs.
pub(super) struct Checked {
    pub(super) root: Root,
    /// The UTXOs that it names: its inputs, then its references.
    pub(super) utxos: Vec<(Utxo, Access)>,
    /// The contracts of which it is known that something is called.
    pub(super) called: Vec<Arc<Executable>>,
}

/// What is called, found in the contract.
pub(super) enum Root {
    /// A coordination script.
    Script {
        /// Its contract.
        contract: Arc<Executable>,
        /// Its name.
        script: String,
    },
    /// A main function of a type of UTXOs.
    Main {
        /// The contract.
        contract: Arc<Executable>,
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
    Plain {
        /// The contract.
        contract: Arc<Executable>,
        /// The call.
        call: PlainCall,
    },
    /// The calls of a transaction that coordinates by itself; they stand in it.
    Steps,
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
    let finder = Finder { gas_limit: transaction.gas_limit, state, contracts, found: RefCell::default() };
    let root = match &transaction.call {
        RootCall::Calls(steps) => {
            check_steps(steps, &finder, &utxos, &profile.values)?;
            Root::Steps
        }
        call => {
            let contract = finder.find(&contract_of(call, &utxos)?)?;
            let (arguments, limits) = (transaction.arguments.as_slice(), &profile.values);
            let check = Check { contract: &contract, arguments, utxos: &utxos, limits, is_step: false };
            check.root(call)?
        }
    };
    let called = finder.found.into_inner().into_values().collect();
    Ok(Checked { root, utxos, called })
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

/// What is paid before any code runs must be affordable: else the transaction could only fail, whatever the state is. What
/// the contracts that are called cost by their size, and those that they import, is known only when they are loaded; whoever
/// cannot pay that fails, and has paid.
fn check_gas_covers_beginning(
    transaction: &Transaction,
    profile: &ExecutionProfile,
    utxos: &[(Utxo, Access)],
) -> Result<(), Invalid> {
    let contracts = (called(&transaction.call, utxos).len() as u64).saturating_mul(profile.gas_per_contract);
    let min = gas::of_beginning(profile, arguments_size_bytes(transaction), utxos).saturating_add(contracts);
    let asked = transaction.gas_limit;
    if asked < min { Err(Invalid::GasLimitTooLow { asked, min }) } else { Ok(()) }
}

/// The contracts that a transaction is known to call.
fn called(call: &RootCall, utxos: &[(Utxo, Access)]) -> BTreeSet<ComponentHash> {
    match call {
        RootCall::Calls(steps) => {
            let subjects = steps.iter().filter_map(|step| Subject::of(&step.call, utxos).ok());
            subjects.filter_map(|subject| subject.contract()).collect()
        }
        call => contract_of(call, utxos).into_iter().collect(),
    }
}

/// Bytes of all arguments of a transaction.
pub(super) fn arguments_size_bytes(transaction: &Transaction) -> usize {
    let steps = match &transaction.call {
        RootCall::Calls(steps) => steps.as_slice(),
        _ => &[],
    };
    transaction.arguments.len() + steps.iter().map(|step| step.arguments.len()).sum::<usize>()
}

/// The contract that is called.
fn contract_of(call: &RootCall, utxos: &[(Utxo, Access)]) -> Result<ComponentHash, Invalid> {
    match call {
        RootCall::Function { contract, .. } | RootCall::Main { contract, .. } => Ok(*contract),
        RootCall::Method { utxo, .. } => Ok(named(utxos, utxo)?.contract),
        RootCall::Deploy { .. } => Err(bad_call("a deployment calls nothing")),
        RootCall::Calls(_) => Err(bad_call("several calls have no one contract")),
    }
}

/// Finds contracts, each with its own gas limit kept.
struct Finder<'a> {
    gas_limit: u64,
    state: &'a dyn State,
    contracts: &'a dyn ContractProvider,
    found: RefCell<BTreeMap<ComponentHash, Arc<Executable>>>,
}

impl Finder<'_> {
    fn find(&self, hash: &ComponentHash) -> Result<Arc<Executable>, Rejected> {
        if let Some(found) = self.found.borrow().get(hash) {
            return Ok(Arc::clone(found));
        }
        let (record, _) = self.state.contract(hash)?.ok_or(Invalid::UnknownContract(*hash))?;
        if let Some(max) = record.gas_limit_max {
            check_gas_limit(self.gas_limit, max)?;
        }
        let found = self.contracts.contract(hash)?.ok_or_else(|| NodeFault::missing(*hash))?;
        self.found.borrow_mut().insert(*hash, Arc::clone(&found));
        Ok(found)
    }
}

/// Everything about the steps that is known before any of them runs. The first reason against one is told with its number.
fn check_steps(
    steps: &[RootStep],
    finder: &Finder<'_>,
    utxos: &[(Utxo, Access)],
    limits: &ValueLimits,
) -> Result<(), Rejected> {
    // What was called before can offer other methods by then, and a script may call whatever it gets hold of.
    let (mut called, mut is_script_before) = (BTreeSet::new(), false);
    for (number, step) in (1_usize..).zip(steps) {
        let subject = Subject::of(&step.call, utxos)?;
        if matches!(step.call, StepCall::Discard { .. }) {
            check_discard(&step.arguments).map_err(|invalid| in_step(invalid, number))?;
            continue;
        }
        let Some(hash) = subject.contract() else { continue };
        let contract = finder.find(&hash)?;
        let arguments = step.arguments.as_slice();
        let check = Check { contract: &contract, arguments, utxos, limits, is_step: true };
        let was_called = is_script_before || subject.utxo().is_some_and(|utxo| called.contains(&utxo));
        check.step(&step.call, &subject, was_called).map_err(|invalid| in_step(invalid, number))?;
        called.extend(subject.utxo());
        is_script_before |= matches!(step.call, StepCall::Function { .. });
    }
    Ok(())
}

/// No code runs when a token is discarded, so there is nothing that could take arguments.
fn check_discard(arguments: &[u8]) -> Result<(), Invalid> {
    if arguments.is_empty() { Ok(()) } else { Err(bad_call("a token is discarded without arguments")) }
}

/// What a step is about, as far as it is known before it.
enum Subject<'a> {
    /// A function of a contract.
    Contract(ComponentHash),
    /// A UTXO that was kept.
    Utxo(&'a Utxo),
    /// A token that was kept.
    Token(&'a Token),
    /// Something that the transaction makes.
    Unknown,
}

impl<'a> Subject<'a> {
    fn of(call: &StepCall, utxos: &'a [(Utxo, Access)]) -> Result<Self, Invalid> {
        Ok(match call {
            StepCall::Function { contract, .. } | StepCall::Main { contract, .. } | StepCall::Mint { contract, .. } => {
                Self::Contract(*contract)
            }
            StepCall::Method { utxo: UtxoRef::Kept(utxo), .. } => Self::Utxo(named(utxos, utxo)?),
            StepCall::TokenMethod { token: TokenRef::Kept(token), .. }
            | StepCall::Burn { token: TokenRef::Kept(token), .. }
            | StepCall::Discard { token: TokenRef::Kept(token) } => Self::Token(held(utxos, token)?),
            StepCall::Method { utxo: UtxoRef::Made(_), .. }
            | StepCall::TokenMethod { token: TokenRef::Minted(_), .. }
            | StepCall::Burn { token: TokenRef::Minted(_), .. }
            | StepCall::Discard { token: TokenRef::Minted(_) } => Self::Unknown,
        })
    }

    fn contract(&self) -> Option<ComponentHash> {
        match self {
            Self::Contract(contract) => Some(*contract),
            Self::Utxo(utxo) => Some(utxo.contract),
            Self::Token(token) => Some(token.contract),
            Self::Unknown => None,
        }
    }

    fn utxo(&self) -> Option<UtxoId> {
        match self {
            Self::Utxo(utxo) => Some(utxo.id),
            Self::Contract(_) | Self::Token(_) | Self::Unknown => None,
        }
    }
}

fn in_step(invalid: Invalid, number: usize) -> Invalid {
    match invalid {
        Invalid::BadCall(reason) => Invalid::BadCall(format!("step {number}: {reason}")),
        other => other,
    }
}

fn named<'a>(utxos: &'a [(Utxo, Access)], id: &UtxoId) -> Result<&'a Utxo, Invalid> {
    let utxo = utxos.iter().find(|(utxo, _)| utxo.id == *id);
    utxo.map(|(utxo, _)| utxo).ok_or(Invalid::UndeclaredUtxo(*id))
}

/// A token that a named UTXO holds.
fn held<'a>(utxos: &'a [(Utxo, Access)], id: &TokenId) -> Result<&'a Token, Invalid> {
    let mut tokens = utxos.iter().flat_map(|(utxo, _)| &utxo.content.tokens);
    tokens.find(|token| token.id == *id).ok_or(Invalid::UndeclaredToken(*id))
}

/// What a call is checked against.
struct Check<'a> {
    contract: &'a Arc<Executable>,
    arguments: &'a [u8],
    utxos: &'a [(Utxo, Access)],
    limits: &'a ValueLimits,
    /// Whether it is one of several calls, whose arguments may name what calls before it made.
    is_step: bool,
}

impl Check<'_> {
    fn root(&self, call: &RootCall) -> Result<Root, Invalid> {
        let contract = Arc::clone(self.contract);
        match (call, self.form()) {
            (RootCall::Function { function, .. }, Some(form)) => {
                self.script(form, function)?;
                Ok(Root::Script { contract, script: function.clone() })
            }
            (RootCall::Main { type_name, main, .. }, Some(form)) => {
                self.main(form, type_name, main)?;
                Ok(Root::Main { contract, type_name: type_name.clone(), main: main.clone() })
            }
            (RootCall::Method { utxo, method }, Some(form)) => {
                let called = named(self.utxos, utxo)?;
                self.check_offered(called, self.method(form, called, method)?, method)?;
                Ok(Root::Method { utxo: called.id, method: method.clone() })
            }
            (RootCall::Function { function, .. }, None) => self.plain(function, None),
            (RootCall::Main { type_name, main, .. }, None) if type_name.is_empty() => self.plain(main, Some(Kept::New)),
            (RootCall::Main { type_name, .. }, None) => Err(self.no_type(ObjectKind::Utxo, type_name)),
            (RootCall::Method { utxo, method }, None) => self.plain(method, Some(Kept::Stored(*utxo))),
            (RootCall::Deploy { .. } | RootCall::Calls(_), _) => Err(bad_call("a deployment calls nothing")),
        }
    }

    /// Checks one of several calls. What a UTXO offers is not known before if it may have been called (`was_called`).
    fn step(&self, call: &StepCall, subject: &Subject<'_>, was_called: bool) -> Result<(), Invalid> {
        let form = self.form().ok_or_else(|| {
            bad_call(format!(
                "{} is no contract of Starstream, and only such can be called in steps",
                self.contract.hash()
            ))
        })?;
        match (call, subject) {
            (StepCall::Function { function, .. }, _) => self.script(form, function),
            (StepCall::Main { type_name, main, .. }, _) => self.main(form, type_name, main),
            (StepCall::Method { method, .. }, Subject::Utxo(utxo)) => {
                let found = self.method(form, utxo, method)?;
                if was_called { Ok(()) } else { self.check_offered(utxo, found, method) }
            }
            (StepCall::Mint { type_name, function, .. }, _) => self.token_function(form, type_name, function, true),
            (StepCall::Burn { function, .. }, Subject::Token(token)) => {
                self.token_function(form, &token.type_name, function, false)
            }
            (StepCall::TokenMethod { method, .. }, Subject::Token(token)) => {
                let found = self.object_type(form, ObjectKind::Token, &token.type_name)?.methods.get(method);
                let found = found.ok_or_else(|| self.no_function("method", &token.type_name, method))?;
                self.arguments(method, &found.entry)
            }
            _ => Ok(()),
        }
    }

    fn form(&self) -> Option<&CoroutineContract> {
        self.contract.coroutine().map(|form| &form.contract)
    }

    /// A script must exist and its arguments must fit.
    fn script(&self, form: &CoroutineContract, name: &str) -> Result<(), Invalid> {
        let script = form.scripts.get(name);
        let missing = || bad_call(format!("the contract {} has no script `{name}`", self.contract.hash()));
        self.arguments(name, script.ok_or_else(missing)?)
    }

    fn main(&self, form: &CoroutineContract, type_name: &str, main: &str) -> Result<(), Invalid> {
        let entry = self.object_type(form, ObjectKind::Utxo, type_name)?.mains.get(main);
        self.arguments(main, entry.ok_or_else(|| self.no_function("main function", type_name, main))?)
    }

    /// A method must exist, and its arguments must fit.
    fn method<'c>(&self, form: &'c CoroutineContract, utxo: &Utxo, name: &str) -> Result<&'c Method, Invalid> {
        let type_name = &utxo.type_name;
        let method = self.object_type(form, ObjectKind::Utxo, type_name)?.methods.get(name);
        let method = method.ok_or_else(|| self.no_function("method", type_name, name))?;
        self.arguments(name, &method.entry)?;
        Ok(method)
    }

    /// The UTXO must offer the method.
    fn check_offered(&self, utxo: &Utxo, method: &Method, name: &str) -> Result<(), Invalid> {
        let is_offered = match &utxo.content.callable {
            Callable::All => true,
            Callable::Methods(offered) => method.ids.iter().any(|id| offered.contains(id)),
        };
        if is_offered {
            return Ok(());
        }
        let (contract, type_name) = (utxo.contract, utxo.type_name.clone());
        Err(Invalid::NotCallable { utxo: utxo.id, contract, type_name, method: name.to_owned() })
    }

    /// A function of a token type that mints or burns must exist, and its arguments must fit.
    fn token_function(
        &self,
        form: &CoroutineContract,
        type_name: &str,
        name: &str,
        mints: bool,
    ) -> Result<(), Invalid> {
        let entry = self.object_type(form, ObjectKind::Token, type_name)?.mains.get(name);
        let entry = entry.filter(|entry| entry.signature.result().is_some() == mints);
        let kind = if mints { "function that mints," } else { "function that burns," };
        self.arguments(name, entry.ok_or_else(|| self.no_function(kind, type_name, name))?)
    }

    /// The arguments are those of the function, and every UTXO and every token in them is declared and of the right type.
    fn arguments(&self, function: &str, entry: &Entry) -> Result<(), Invalid> {
        let signature: &Signature = &entry.signature;
        let handed = signature.check_parameters(self.arguments, self.limits);
        let handed = handed.map_err(|error| not_taken(&format!("{function}: {signature}"), &error))?;
        handed.iter().try_for_each(|handed| self.argument(function, handed))
    }

    fn argument(&self, function: &str, handed: &Handed) -> Result<(), Invalid> {
        let (contract, type_name, taken) = match (&handed.name, &handed.resource) {
            (ObjectName::Id(ObjectId::Utxo(id)), Resource::Utxo(taken)) => {
                let utxo = named(self.utxos, id)?;
                (utxo.contract, &utxo.type_name, taken)
            }
            (ObjectName::Id(ObjectId::Token(id)), Resource::Token(taken)) => {
                let token = held(self.utxos, id)?;
                (token.contract, &token.type_name, taken)
            }
            (ObjectName::Made(_), Resource::Utxo(_)) | (ObjectName::Minted(_), Resource::Token(_)) if self.is_step => {
                return Ok(());
            }
            (ObjectName::Made(_) | ObjectName::Minted(_), _) if !self.is_step => {
                return Err(bad_call(format!(
                    "`{}` means something in a transaction of several calls only",
                    handed.name
                )));
            }
            (name, Resource::Utxo(_)) => return Err(bad_call(format!("`{name}` is no UTXO"))),
            (name, Resource::Token(_)) => return Err(bad_call(format!("`{name}` is no token"))),
            (name, Resource::Context) => return Err(bad_call(format!("`{name}` is no context"))),
        };
        let fits = taken.as_ref().is_none_or(|ty| {
            contract == *ty.contract.as_ref().unwrap_or(self.contract.hash()) && *type_name == ty.name
        });
        let kind = if matches!(handed.resource, Resource::Utxo(_)) { "UTXO" } else { "token" };
        if fits {
            return Ok(());
        }
        let taken = taken.as_ref().map(|ty| format!("`{}` of {}", ty.name, ty.contract(self.contract.hash())));
        Err(bad_call(format!(
            "the {kind} {} is of the type `{type_name}` of {contract}, and `{function}` takes one of the type {}",
            handed.name,
            taken.unwrap_or_default()
        )))
    }

    /// A type of UTXOs or tokens that the contract declares.
    fn object_type<'c>(
        &self,
        form: &'c CoroutineContract,
        kind: ObjectKind,
        type_name: &str,
    ) -> Result<&'c Object, Invalid> {
        let declared = form.objects.get(type_name).filter(|declared| declared.kind == kind);
        declared.ok_or_else(|| self.no_type(kind, type_name))
    }

    fn no_type(&self, kind: ObjectKind, type_name: &str) -> Invalid {
        let kind = match kind {
            ObjectKind::Utxo => "UTXOs",
            ObjectKind::Token => "tokens",
        };
        bad_call(format!("the contract {} has no type of {kind} `{type_name}`", self.contract.hash()))
    }

    fn no_function(&self, kind: &str, type_name: &str, name: &str) -> Invalid {
        bad_call(format!("`{type_name}` of {} has no {kind} `{name}`", self.contract.hash()))
    }

    fn plain(&self, function: &str, kept: Option<Kept>) -> Result<Root, Invalid> {
        let form = self.contract.plain().ok_or_else(|| bad_call("the contract has no functions of this kind"))?;
        let export = self.contract.function(function).map_err(|error| bad_call(with_causes(&error)))?;
        let name = self.contract.interface().full_name(function).map_err(|error| bad_call(with_causes(&error)))?;
        let storage = form.storage.as_ref();
        if storage.is_some_and(|storage| storage.is(export)) {
            return Err(bad_call(format!("only the ledger itself calls `{function}`")));
        }
        let no_state = || bad_call(format!("the contract {} keeps no state, so it has no UTXOs", self.contract.hash()));
        let kept = kept.map(|kept| Ok((storage.ok_or_else(no_state)?.clone(), kept))).transpose()?;
        let values = decode_parameters(&export.parameters, self.arguments, self.limits);
        let values = values.map_err(|error| not_taken(function, &error))?;
        let contract = Arc::clone(self.contract);
        Ok(Root::Plain { contract, call: PlainCall { export: Arc::clone(export), name, values, kept } })
    }
}

/// The arguments are not the encoding of what a function takes.
fn not_taken(function: &str, error: &ValueError) -> Invalid {
    bad_call(format!("the arguments are not what `{function}` takes: {error}"))
}

fn bad_call(reason: impl AsRef<str>) -> Invalid {
    Invalid::BadCall(bounded(Failure::DETAIL_SIZE_BYTES_MAX, reason.as_ref()))
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
