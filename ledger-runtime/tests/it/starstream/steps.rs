//! Runs the sequences of the data set on a chain, and compares everything that is expected.

use super::contract::{Contract, arguments_text, encode_arguments, encode_text, result_text};
use super::expectations::{
    ChainMoment, ContractExpectations, Expected, ExpectedEffects, ExpectedUtxo, Kind, Reason, Sequence, Step, Text,
};
use ledger_core::{
    Callable, ChainId, Event, FailureKind, Input, Invalid, MethodId, Receipt, RootCall, Transaction, Utxo, UtxoStatus,
};
use ledger_runtime::wave::Signature;
use registry_core::hash::Digest;
use registry_core::id::{TransactionId, UtxoId};
use std::collections::{BTreeMap, BTreeSet};

/// The gas limit of every step.
pub(crate) const GAS_LIMIT: u64 = 100_000_000;

/// What a chain did with a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It is in no block.
    Invalid(Invalid),
    /// It is in a block of its own.
    Executed(Box<Receipt>),
}

/// A chain on which a contract is deployed.
pub(crate) trait Chain {
    fn id(&self) -> &ChainId;

    /// Executes transactions at one moment, in one block if the chain lets the test decide that.
    fn block(&mut self, transactions: Vec<Transaction>, moment: ChainMoment) -> Vec<Answer>;

    fn utxo(&self, id: &UtxoId) -> Option<UtxoStatus>;

    /// The root of the tree of UTXOs.
    fn state_root(&self) -> Digest;
}

/// What was seen of one step.
pub(crate) struct StepReport {
    /// `contract/sequence/step name`.
    pub(crate) name: String,
    /// None if no transaction could be written.
    pub(crate) answer: Option<Answer>,
    /// Everything that is not as expected.
    pub(crate) differences: Vec<String>,
}

/// Runs a sequence.
pub(crate) struct Runner<'a> {
    pub(crate) contract: &'a Contract,
    pub(crate) expectations: &'a ContractExpectations,
    pub(crate) default_moment: ChainMoment,
    /// What makes each transaction another one.
    pub(crate) next_nonce: u64,
}

impl Runner<'_> {
    /// Each step in a block of its own.
    pub(crate) fn run(&mut self, sequence: &Sequence, chain: &mut dyn Chain) -> Vec<StepReport> {
        self.run_together(&[sequence], chain)
    }

    /// The first steps of all sequences in one block, then the second ones, and so on. Sequences know nothing of each
    /// other, so each must come out as if it were alone.
    pub(crate) fn run_together(&mut self, sequences: &[&Sequence], chain: &mut dyn Chain) -> Vec<StepReport> {
        let mut names: Vec<Names> = sequences.iter().map(|_| Names::new(chain.id().clone())).collect();
        let rounds = sequences.iter().map(|sequence| sequence.steps.len()).max().unwrap_or_default();
        (0..rounds).flat_map(|round| self.round(round, sequences, &mut names, chain)).collect()
    }

    fn round(
        &mut self,
        round: usize,
        sequences: &[&Sequence],
        names: &mut [Names],
        chain: &mut dyn Chain,
    ) -> Vec<StepReport> {
        let mut prepared = Vec::new();
        for (sequence, names) in sequences.iter().zip(names) {
            if let Some(step) = sequence.steps.get(round) {
                let name = format!("{}/{}/{} {}", self.expectations.name, sequence.id, step.step, step.name);
                let before = Before::of(names, chain);
                let written = self.transaction(step, names, chain);
                prepared.push((name, step, names, before, written));
            }
        }
        let moment = prepared.first().and_then(|(_, step, ..)| step.chain).unwrap_or(self.default_moment);
        let transactions = prepared.iter().filter_map(|(.., written)| written.transaction().cloned()).collect();
        let mut answers = chain.block(transactions, moment).into_iter();
        let is_alone = prepared.len() == 1;
        let mut reports = Vec::new();
        for (name, step, names, before, written) in prepared {
            assert_eq!(step.chain.unwrap_or(self.default_moment), moment, "{name}");
            let (answer, differences) = match written {
                Written::Transaction(transaction) => {
                    let answer = answers.next().unwrap();
                    let mut differences = self.compare(step, &transaction, &answer, &before, names, chain);
                    if is_alone && matches!(step.expect, Expected::Fail { .. }) {
                        differences.extend(difference("state root", &before.root, &chain.state_root()));
                    }
                    (Some(answer), differences)
                }
                Written::Refused(reason) => (None, refused(step, &reason)),
                Written::Unsupported(reason) => (None, vec![reason]),
            };
            reports.push(StepReport { name, answer, differences });
        }
        reports
    }

    /// The transaction that a step is.
    fn transaction(&mut self, step: &Step, names: &Names, chain: &dyn Chain) -> Written {
        let contract = self.contract.hash;
        let type_name = step.utxo_type.clone().unwrap_or_default();
        let (call, signature) = match step.kind {
            Kind::Script => {
                (RootCall::Function { contract, function: step.name.clone() }, self.contract.script(&step.name))
            }
            Kind::Main => {
                let signature = self.contract.main(&type_name, &step.name);
                (RootCall::Main { contract, type_name, main: step.name.clone() }, signature)
            }
            Kind::Method => {
                let utxo = names.id(step.utxo.as_deref().unwrap());
                let signature = self.contract.method(utxo, &type_name, &step.name);
                (RootCall::Method { utxo, method: step.name.clone() }, signature)
            }
            Kind::Mint | Kind::TokenMethod | Kind::Burn => {
                return Written::Unsupported("transactions have no root calls of tokens".to_owned());
            }
        };
        let arguments = match (signature, names.texts(&step.args)) {
            (Some(signature), texts) => match encode_arguments(&signature, &texts) {
                Ok(bytes) => bytes,
                Err(reason) => match loosely_encoded(&step.args) {
                    Some(bytes) => bytes,
                    None => return Written::Refused(reason),
                },
            },
            // The ledger must say itself that there is no such function.
            (None, _) => Vec::new(),
        };
        self.next_nonce += 1;
        Written::Transaction(Transaction {
            chain: chain.id().clone(),
            nonce: self.next_nonce,
            valid_from: 0,
            valid_until: u64::MAX,
            inputs: names.used(step).into_iter().map(|utxo| input(utxo, chain)).collect(),
            references: Vec::new(),
            call,
            arguments,
            gas_limit: GAS_LIMIT,
        })
    }

    fn compare(
        &self,
        step: &Step,
        transaction: &Transaction,
        answer: &Answer,
        before: &Before,
        names: &mut Names,
        chain: &dyn Chain,
    ) -> Vec<String> {
        let mut differences = Vec::new();
        match (&step.expect, answer) {
            (Expected::Fail { reason }, _) => {
                if reason_of(answer) != Some(*reason) {
                    differences.push(format!("expected to fail ({reason:?}), but: {}", short(answer)));
                }
                if let Answer::Executed(receipt) = answer {
                    differences.extend(nothing_else(receipt));
                }
                differences.extend(before.differences(names, chain, |_| true));
            }
            (Expected::Ok(expected), Answer::Executed(receipt)) => match &receipt.outcome {
                Ok(result) => {
                    names.add(transaction, receipt);
                    let signature = self.signature(step, names);
                    differences.extend(compare_result(expected, signature, result, names));
                    differences.extend(self.compare_events(expected, &receipt.events));
                    differences.extend(compare_sets(expected, receipt, names));
                    differences.extend(self.compare_utxos(expected, before, names, chain));
                }
                Err(failure) => differences.push(format!("expected to succeed, but: {failure}")),
            },
            (Expected::Ok(_), Answer::Invalid(reason)) => {
                differences.push(format!("expected to succeed, but it is invalid: {reason}"));
            }
        }
        if let Answer::Executed(receipt) = answer
            && (receipt.gas_used == 0 || receipt.gas_used > GAS_LIMIT)
        {
            differences.push(format!("used {} of {GAS_LIMIT} gas", receipt.gas_used));
        }
        differences
    }

    fn signature(&self, step: &Step, names: &Names) -> Signature {
        let type_name = step.utxo_type.as_deref().unwrap_or_default();
        let signature = match step.kind {
            Kind::Script => self.contract.script(&step.name),
            Kind::Main => self.contract.main(type_name, &step.name),
            _ => self.contract.method(names.id(step.utxo.as_deref().unwrap()), type_name, &step.name),
        };
        signature.unwrap()
    }

    fn compare_events(&self, expected: &ExpectedEffects, events: &[Event]) -> Vec<String> {
        let expected: Vec<String> = expected
            .events
            .iter()
            .map(|event| format!("{}#{}({})", event.interface, event.event, event.args.join(", ")))
            .collect();
        let found: Vec<String> = events
            .iter()
            .map(|event| {
                let signature = self.contract.event(&event.interface, &event.name).unwrap();
                let arguments = arguments_text(&signature, &event.arguments).join(", ");
                format!("{}#{}({arguments})", event.interface, event.name)
            })
            .collect();
        let mut differences = difference("events", &expected, &found);
        if events.iter().any(|event| event.contract != self.contract.hash) {
            differences.push("an event names another contract".to_owned());
        }
        differences
    }

    fn compare_utxos(
        &self,
        expected: &ExpectedEffects,
        before: &Before,
        names: &Names,
        chain: &dyn Chain,
    ) -> Vec<String> {
        let mut differences = Vec::new();
        for (name, expected_utxo) in &expected.utxos {
            match chain.utxo(&names.id(name)) {
                Some(UtxoStatus::Live(utxo)) => {
                    differences.extend(self.compare_utxo(name, expected_utxo, &utxo));
                    let version = match before.version(name) {
                        None => expected.created.contains(name).then_some(0),
                        Some(version) => Some(version + u64::from(!expected.unchanged.contains(name))),
                    };
                    differences.extend(difference(&format!("version of {name}"), &version, &Some(utxo.version)));
                }
                status => differences.push(format!("{name} should live, but is {status:?}")),
            }
        }
        for name in expected.consumed.iter() {
            if !matches!(chain.utxo(&names.id(name)), Some(UtxoStatus::Consumed { .. })) {
                differences.push(format!("{name} should be consumed"));
            }
        }
        // A UTXO that lived for one transaction leaves nothing.
        for name in expected.ephemeral.iter() {
            if chain.utxo(&names.id(name)).is_some() {
                differences.push(format!("{name} should have left nothing"));
            }
        }
        let touched = |name: &String| expected.utxos.contains_key(name) || expected.consumed.contains(name);
        differences.extend(before.differences(names, chain, |name| !touched(name)));
        differences
    }

    fn compare_utxo(&self, name: &str, expected: &ExpectedUtxo, utxo: &Utxo) -> Vec<String> {
        let mut differences = difference(&format!("type of {name}"), &expected.type_name, &utxo.type_name);
        differences.extend(difference(&format!("contract of {name}"), &self.contract.hash, &utxo.contract));
        let found = self.contract.storage(&utxo.type_name, &utxo.content.state);
        let mut wanted = expected.storage.clone();
        for (field, value) in &mut wanted {
            if value == "*" {
                *value = found.get(field).cloned().unwrap_or_default();
            }
        }
        differences.extend(difference(&format!("storage of {name}"), &wanted, &found));
        let methods = self.expectations.objects.get(&utxo.type_name).map(|object| &object.methods);
        let ids = expected
            .callable
            .iter()
            .filter_map(|method| methods?.get(method))
            .map(|method| method_id(&method.method_hash));
        let callable = Callable::Methods(ids.collect());
        differences.extend(difference(&format!("callable methods of {name}"), &callable, &utxo.content.callable));
        differences
    }
}

/// A step as a transaction.
enum Written {
    Transaction(Transaction),
    /// The arguments are not what the function takes, and have no encoding of their own either.
    Refused(String),
    /// No transaction can ask for it.
    Unsupported(String),
}

impl Written {
    fn transaction(&self) -> Option<&Transaction> {
        match self {
            Self::Transaction(transaction) => Some(transaction),
            Self::Refused(_) | Self::Unsupported(_) => None,
        }
    }
}

/// The UTXOs of a sequence in the order of their creation: `u1`, `u2`, …
struct Names {
    ids: Vec<UtxoId>,
    chain: ChainId,
}

impl Names {
    fn new(chain: ChainId) -> Self {
        Self { ids: Vec::new(), chain }
    }

    /// The id of a UTXO; one that nothing has if it was never made.
    fn id(&self, name: &str) -> UtxoId {
        let number: usize = name.strip_prefix('u').unwrap().parse().unwrap();
        let made = self.ids.get(number - 1).copied();
        made.unwrap_or_else(|| Utxo::id(&self.chain, &TransactionId::from_digest(Digest::ZERO), number as u32))
    }

    fn all(&self) -> impl Iterator<Item = (String, UtxoId)> {
        self.ids.iter().enumerate().map(|(index, id)| (format!("u{}", index + 1), *id))
    }

    /// Names what a transaction made, consumed at once or not.
    fn add(&mut self, transaction: &Transaction, receipt: &Receipt) {
        let created = receipt.created.iter().map(|created| created.utxo);
        let mut made: BTreeSet<UtxoId> = created.chain(receipt.ephemeral.iter().copied()).collect();
        for index in 0..1_000 {
            let id = Utxo::id(&self.chain, &transaction.id(), index);
            if made.remove(&id) {
                self.ids.push(id);
            }
        }
        assert!(made.is_empty(), "ids that do not follow from the transaction: {made:?}");
    }

    fn texts(&self, arguments: &[Text]) -> Vec<String> {
        let text = |argument: &Text| match argument {
            Text::Wave(text) => text.clone(),
            Text::Utxo { utxo } => format!("\"{}\"", self.id(utxo)),
            Text::Token { token } => panic!("the token {token} as an argument"),
        };
        arguments.iter().map(text).collect()
    }

    /// The UTXOs that a step uses, each once.
    fn used(&self, step: &Step) -> Vec<UtxoId> {
        let arguments = step.args.iter().filter_map(|argument| match argument {
            Text::Utxo { utxo } => Some(utxo.as_str()),
            _ => None,
        });
        let mut used = Vec::new();
        for id in step.utxo.as_deref().into_iter().chain(arguments).map(|name| self.id(name)) {
            if !used.contains(&id) {
                used.push(id);
            }
        }
        used
    }

    fn name(&self, id: &UtxoId) -> String {
        let place = self.ids.iter().position(|known| known == id);
        place.map_or_else(|| id.to_string(), |index| format!("u{}", index + 1))
    }

    fn set<'a>(&self, ids: impl Iterator<Item = &'a UtxoId>) -> BTreeSet<String> {
        ids.map(|id| self.name(id)).collect()
    }
}

/// The state before a step.
struct Before {
    root: Digest,
    utxos: BTreeMap<String, Option<UtxoStatus>>,
}

impl Before {
    fn of(names: &Names, chain: &dyn Chain) -> Self {
        Self { root: chain.state_root(), utxos: names.all().map(|(name, id)| (name, chain.utxo(&id))).collect() }
    }

    /// The version that a UTXO had; none if it did not live.
    fn version(&self, name: &str) -> Option<u64> {
        match self.utxos.get(name) {
            Some(Some(UtxoStatus::Live(utxo))) => Some(utxo.version),
            _ => None,
        }
    }

    /// Those UTXOs that are not as before.
    fn differences(&self, names: &Names, chain: &dyn Chain, of: impl Fn(&String) -> bool) -> Vec<String> {
        let others = self.utxos.iter().filter(|(name, _)| of(name));
        others.flat_map(|(name, status)| difference(name, status, &chain.utxo(&names.id(name)))).collect()
    }
}

/// What the client's own reading of the interface refuses never becomes a transaction.
fn refused(step: &Step, reason: &str) -> Vec<String> {
    match step.expect {
        Expected::Fail { reason: Reason::BadCall } => Vec::new(),
        _ => vec![format!("the call cannot be written: {reason}")],
    }
}

fn compare_result(expected: &ExpectedEffects, signature: Signature, result: &[u8], names: &Names) -> Vec<String> {
    let ty = signature.result.as_ref();
    let wanted = match &expected.result {
        None => None,
        Some(Text::Wave(text)) => Some(text.clone()),
        Some(Text::Utxo { utxo }) => Some(format!("\"{}\"", names.id(utxo))),
        Some(Text::Token { token }) => Some(token.clone()),
    };
    let bytes = match (ty, &wanted) {
        (Some(ty), Some(text)) => encode_text(ty, text),
        (None, None) => Some(Vec::new()),
        _ => return vec![format!("the result is typed as {ty:?}, and {wanted:?} is expected")],
    };
    let mut differences = difference("result", &wanted, &result_text(ty, result));
    differences.extend(difference("encoded result", &bytes, &Some(result.to_vec())));
    differences
}

fn compare_sets(expected: &ExpectedEffects, receipt: &Receipt, names: &Names) -> Vec<String> {
    let set = |names: &[String]| names.iter().cloned().collect::<BTreeSet<String>>();
    let (created, unchanged) = (set(&expected.created), set(&expected.unchanged));
    let touched: BTreeSet<String> = expected.utxos.keys().cloned().collect();
    let changed = &(&touched - &created) - &unchanged;
    let created_and_changed = receipt.created.iter().map(|created| &created.utxo);
    let created_and_changed = created_and_changed.chain(receipt.changed.iter().map(|changed| &changed.utxo));
    let live = created_and_changed.chain(&receipt.read);
    [
        ("live", touched, names.set(live)),
        ("created", created, names.set(receipt.created.iter().map(|created| &created.utxo))),
        ("changed", changed, names.set(receipt.changed.iter().map(|changed| &changed.utxo))),
        ("consumed", set(&expected.consumed), names.set(receipt.consumed.iter().map(|consumed| &consumed.utxo))),
        ("ephemeral", set(&expected.ephemeral), names.set(receipt.ephemeral.iter())),
        ("unchanged", unchanged, names.set(receipt.read.iter())),
    ]
    .into_iter()
    .flat_map(|(what, expected, found)| difference(what, &expected, &found))
    .collect()
}

/// What a receipt of a failed transaction has beside its gas.
fn nothing_else(receipt: &Receipt) -> Option<String> {
    let is_empty = receipt.created.is_empty()
        && receipt.changed.is_empty()
        && receipt.consumed.is_empty()
        && receipt.ephemeral.is_empty()
        && receipt.read.is_empty()
        && receipt.events.is_empty();
    (!is_empty).then(|| format!("the transaction failed and did something: {receipt:?}"))
}

/// How the data set calls what happened; none if it succeeded, or failed in a way that the data set does not have.
fn reason_of(answer: &Answer) -> Option<Reason> {
    match answer {
        Answer::Invalid(Invalid::BadCall(_) | Invalid::UnknownUtxo(_)) => Some(Reason::BadCall),
        Answer::Invalid(Invalid::ConsumedUtxo { .. } | Invalid::NotCallable { .. }) => Some(Reason::Refused),
        Answer::Invalid(_) => None,
        Answer::Executed(receipt) => match receipt.outcome.as_ref().err()?.kind {
            FailureKind::OutOfGas => Some(Reason::Gas),
            FailureKind::Trap => Some(Reason::Trap),
            FailureKind::Refused => Some(Reason::Refused),
            FailureKind::Effect => Some(Reason::Effect),
            FailureKind::Limit => None,
        },
    }
}

fn short(answer: &Answer) -> String {
    match answer {
        Answer::Invalid(reason) => format!("invalid: {reason}"),
        Answer::Executed(receipt) => match &receipt.outcome {
            Ok(result) => format!("succeeded with {result:?}"),
            Err(failure) => failure.to_string(),
        },
    }
}

/// Arguments as somebody might send them who does not know the types: integers only, others have no such encoding.
///
/// A `true` would be the same byte as a 1, so it is the client that must refuse it.
fn loosely_encoded(arguments: &[Text]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for argument in arguments {
        let Text::Wave(text) = argument else { return None };
        signed_leb128(text.parse().ok()?, &mut bytes);
    }
    Some(bytes)
}

fn signed_leb128(mut value: i128, bytes: &mut Vec<u8>) {
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        let is_last = (value == 0 && low & 0x40 == 0) || (value == -1 && low & 0x40 != 0);
        bytes.push(if is_last { low } else { low | 0x80 });
        if is_last {
            return;
        }
    }
}

/// The latest version of a UTXO, as somebody sees it who looks before he sends.
fn input(utxo: UtxoId, chain: &dyn Chain) -> Input {
    let version = match chain.utxo(&utxo) {
        Some(UtxoStatus::Live(utxo)) => Some(utxo.version),
        _ => None,
    };
    Input { utxo, version }
}

pub(crate) fn method_id(hex_digits: &str) -> MethodId {
    MethodId(hex::decode(hex_digits).unwrap().try_into().unwrap())
}

fn difference<T: PartialEq + std::fmt::Debug>(what: &str, expected: &T, found: &T) -> Vec<String> {
    if expected == found { Vec::new() } else { vec![format!("{what}: expected {expected:?}, found {found:?}")] }
}
