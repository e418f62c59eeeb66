//! Runs the sequences of the data set on a chain, and compares everything that is expected.

use super::cast::Cast;
use super::contract::{Contract, arguments_text, encode_arguments, encode_text, result_text};
use super::expectations::{
    ChainMoment, ContractExpectations, Expected, ExpectedEffects, ExpectedEvent, ExpectedSupply, ExpectedToken,
    ExpectedUtxo, Kind, Reason, Sequence, Step, Text,
};
use ledger_core::{
    Call, CallRow, Callable, ChainId, ContractCounters, ContractRecord, Event, FailureKind, Input, Invalid, MethodId,
    ObjectId, Receipt, RootCall, RootStep, StepCall, Token, TokenRef, TokenSupply, Transaction, Utxo, UtxoRef,
    UtxoStatus,
};
use ledger_runtime::value::Reader;
use ledger_runtime::wave::Signature;
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};
use sha2::{Digest as _, Sha256};
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

    fn contract(&self, contract: &ComponentHash) -> Option<(ContractRecord, ContractCounters)>;

    /// The calls of the last block; none if the chain does not say.
    fn calls(&self) -> Option<&[Call]>;

    /// The root of the tree of UTXOs.
    fn state_root(&self) -> Digest;
}

/// What was seen of one transaction.
pub(crate) struct StepReport {
    /// `contract/sequence/step name`, with the number and the name of its first step.
    pub(crate) name: String,
    /// How many steps it has.
    pub(crate) steps: usize,
    /// None if no transaction could be written.
    pub(crate) answer: Option<Answer>,
    /// Everything that is not as expected.
    pub(crate) differences: Vec<String>,
}

/// Runs a sequence.
pub(crate) struct Runner<'a> {
    pub(crate) cast: &'a Cast,
    pub(crate) expectations: &'a ContractExpectations,
    pub(crate) default_moment: ChainMoment,
    /// What makes each transaction another one.
    pub(crate) next_nonce: u64,
}

/// A transaction of a sequence that is about to be sent.
struct Prepared<'s, 'n> {
    name: String,
    steps: &'s [Step],
    names: &'n mut Names,
    before: Before,
    written: Written,
}

impl Runner<'_> {
    /// Each transaction in a block of its own.
    pub(crate) fn run(&mut self, sequence: &Sequence, chain: &mut dyn Chain) -> Vec<StepReport> {
        self.run_together(&[sequence], chain)
    }

    /// The first transactions of all sequences in one block, then the second ones, and so on. Sequences know nothing of
    /// each other, so each must come out as if it were alone.
    pub(crate) fn run_together(&mut self, sequences: &[&Sequence], chain: &mut dyn Chain) -> Vec<StepReport> {
        let any = self.make_any(chain);
        let mut names: Vec<Names> = sequences.iter().map(|_| Names::new(chain.id().clone(), any)).collect();
        let transactions: Vec<Vec<&[Step]>> = sequences.iter().map(|sequence| sequence.transactions()).collect();
        let rounds = transactions.iter().map(Vec::len).max().unwrap_or_default();
        let mut reports = Vec::new();
        for round in 0..rounds {
            let of_round =
                sequences.iter().zip(&transactions).map(|(sequence, all)| (*sequence, all.get(round).copied()));
            reports.extend(self.round(&of_round.collect::<Vec<_>>(), &mut names, chain));
        }
        reports
    }

    /// A UTXO of another contract, for steps that take any.
    fn make_any(&mut self, chain: &mut dyn Chain) -> Option<UtxoId> {
        let contract = self.cast.any()?.hash;
        let call = RootCall::Main { contract, type_name: "counter".to_owned(), main: "start".to_owned() };
        let arguments = loosely_encoded(&[Text::Wave("0".to_owned())]).unwrap();
        let transaction = self.transaction_of(call, Vec::new(), arguments, chain);
        let id = Utxo::id(chain.id(), &transaction.id(), 0);
        chain.block(vec![transaction], self.default_moment);
        assert!(chain.utxo(&id).is_some());
        Some(id)
    }

    fn round(
        &mut self,
        transactions: &[(&Sequence, Option<&[Step]>)],
        names: &mut [Names],
        chain: &mut dyn Chain,
    ) -> Vec<StepReport> {
        let mut prepared = Vec::new();
        for ((sequence, steps), names) in transactions.iter().zip(names) {
            if let Some(steps @ [first, ..]) = steps {
                let name = format!("{}/{}/{} {}", self.expectations.name, sequence.id, first.step, first.name);
                let before = Before::of(names, chain);
                let written = self.write(steps, names, chain);
                prepared.push(Prepared { name, steps, names, before, written });
            }
        }
        let moment = prepared.first().and_then(|it| it.steps[0].chain).unwrap_or(self.default_moment);
        let sent = prepared.iter().filter_map(|it| it.written.transaction().cloned()).collect();
        let mut answers = chain.block(sent, moment).into_iter();
        let is_alone = prepared.len() == 1;
        let mut reports = Vec::new();
        for Prepared { name, steps, names, before, written } in prepared {
            assert!(steps.iter().all(|step| step.chain.unwrap_or(self.default_moment) == moment), "{name}");
            let (answer, differences) = match written {
                Written::Transaction(transaction) => {
                    let answer = answers.next().unwrap();
                    let mut differences = self.compare(steps, &transaction, &answer, &before, names, chain);
                    if is_alone && failure(steps).is_some() {
                        differences.extend(difference("state root", &before.root, &chain.state_root()));
                    }
                    (Some(answer), differences)
                }
                Written::Refused(reason) => (None, refused(steps, &reason)),
            };
            reports.push(StepReport { name, steps: steps.len(), answer, differences });
        }
        reports
    }

    /// The transaction that some steps are.
    fn write(&mut self, steps: &[Step], names: &Names, chain: &dyn Chain) -> Written {
        let inputs: Vec<Input> = names.used(steps, chain).into_iter().map(|utxo| input(utxo, chain)).collect();
        let written = match steps {
            [step] if !step.kind.is_of_token() => {
                self.arguments(step, names).map(|bytes| (self.call(step, names), bytes))
            }
            steps => {
                let step =
                    |step| Ok(RootStep { call: self.step_call(step, names), arguments: self.arguments(step, names)? });
                let steps: Result<Vec<RootStep>, String> = steps.iter().map(step).collect();
                steps.map(|steps| (RootCall::Calls(steps), Vec::new()))
            }
        };
        match written {
            Ok((call, arguments)) => Written::Transaction(self.transaction_of(call, inputs, arguments, chain)),
            Err(reason) => Written::Refused(reason),
        }
    }

    fn transaction_of(
        &mut self,
        call: RootCall,
        inputs: Vec<Input>,
        arguments: Vec<u8>,
        chain: &dyn Chain,
    ) -> Transaction {
        self.next_nonce += 1;
        Transaction {
            chain: chain.id().clone(),
            nonce: self.next_nonce,
            valid_from: 0,
            valid_until: u64::MAX,
            inputs,
            references: Vec::new(),
            call,
            arguments,
            gas_limit: GAS_LIMIT,
        }
    }

    fn contract(&self, step: &Step) -> &Contract {
        self.cast.get(step.contract.as_deref())
    }

    fn call(&self, step: &Step, names: &Names) -> RootCall {
        let (contract, name) = (self.contract(step).hash, step.name.clone());
        match step.kind {
            Kind::Main => RootCall::Main { contract, type_name: type_name(step), main: name },
            Kind::Method => RootCall::Method { utxo: names.id(step.utxo.as_deref().unwrap()), method: name },
            _ => RootCall::Function { contract, function: name },
        }
    }

    fn step_call(&self, step: &Step, names: &Names) -> StepCall {
        let (contract, name) = (self.contract(step).hash, step.name.clone());
        let token = || names.token_ref(step.token.as_deref().unwrap());
        match step.kind {
            Kind::Script => StepCall::Function { contract, function: name },
            Kind::Main => StepCall::Main { contract, type_name: type_name(step), main: name },
            Kind::Method => StepCall::Method { utxo: names.utxo_ref(step.utxo.as_deref().unwrap()), method: name },
            Kind::Mint => StepCall::Mint { contract, type_name: type_name(step), function: name },
            Kind::TokenMethod => StepCall::TokenMethod { token: token(), method: name },
            Kind::Burn => StepCall::Burn { token: token(), function: name },
        }
    }

    fn signature(&self, step: &Step) -> Option<Signature> {
        let (contract, type_name) = (self.contract(step), type_name(step));
        match step.kind {
            Kind::Script => contract.script(&step.name),
            Kind::Main | Kind::Mint | Kind::Burn => contract.function_of(&type_name, &step.name),
            Kind::Method | Kind::TokenMethod => contract.method_of(&type_name, &step.name),
        }
    }

    fn arguments(&self, step: &Step, names: &Names) -> Result<Vec<u8>, String> {
        match self.signature(step) {
            Some(signature) => {
                let encoded = encode_arguments(&signature, &names.texts(&step.args));
                encoded.or_else(|reason| loosely_encoded(&step.args).ok_or(reason))
            }
            // The ledger must say itself that there is no such function.
            None => Ok(Vec::new()),
        }
    }

    fn compare(
        &self,
        steps: &[Step],
        transaction: &Transaction,
        answer: &Answer,
        before: &Before,
        names: &mut Names,
        chain: &dyn Chain,
    ) -> Vec<String> {
        let mut differences = Vec::new();
        match (failure(steps), answer) {
            (Some(reason), _) => {
                if reason_of(answer) != Some(reason) {
                    differences.push(format!("expected to fail ({reason:?}), but: {}", short(answer)));
                }
                if let Answer::Executed(receipt) = answer {
                    differences.extend(nothing_else(receipt));
                }
                differences.extend(before.differences(names, chain, |_| true));
            }
            (None, Answer::Executed(receipt)) => match &receipt.outcome {
                Ok(result) => {
                    names.add(transaction, receipt);
                    let expected = Joined::of(steps);
                    differences.extend(self.compare_results(steps, result, names));
                    differences.extend(self.compare_events(&expected, &receipt.events));
                    differences.extend(compare_sets(&expected, receipt, names));
                    differences.extend(self.compare_utxos(&expected, before, names, chain));
                    differences.extend(self.compare_tokens(&expected, receipt, names, chain));
                    differences.extend(self.compare_token_rows(steps, names, chain));
                }
                Err(failure) => differences.push(format!("expected to succeed, but: {failure}")),
            },
            (None, Answer::Invalid(reason)) => {
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

    fn compare_results(&self, steps: &[Step], result: &[u8], names: &Names) -> Vec<String> {
        let results = match steps {
            [step] if !step.kind.is_of_token() => vec![result.to_vec()],
            _ => list_of_byte_lists(result),
        };
        let mut differences = difference("results", &steps.len(), &results.len());
        for (step, result) in steps.iter().zip(&results) {
            if let (Expected::Ok(expected), Some(signature)) = (&step.expect, self.signature(step)) {
                let found = compare_result(expected, signature, result, names);
                differences.extend(found.into_iter().map(|difference| format!("{}: {difference}", step.name)));
            }
        }
        differences
    }

    fn compare_events(&self, expected: &Joined<'_>, events: &[Event]) -> Vec<String> {
        let expected: Vec<String> = expected
            .events
            .iter()
            .map(|event| {
                let contract = self.cast.get(event.contract.as_deref()).hash;
                format!("{contract} {}#{}({})", event.interface, event.event, event.args.join(", "))
            })
            .collect();
        let found: Vec<String> = events
            .iter()
            .map(|event| {
                let contract = self.cast.of_hash(&event.contract);
                let signature = contract.event(&event.interface, &event.name).unwrap();
                let arguments = arguments_text(&signature, &event.arguments).join(", ");
                format!("{} {}#{}({arguments})", event.contract, event.interface, event.name)
            })
            .collect();
        difference("events", &expected, &found)
    }

    fn compare_utxos(&self, expected: &Joined<'_>, before: &Before, names: &Names, chain: &dyn Chain) -> Vec<String> {
        let mut differences = Vec::new();
        for (name, expected_utxo) in &expected.utxos {
            match chain.utxo(&names.id(name)) {
                Some(UtxoStatus::Live(utxo)) => {
                    differences.extend(self.compare_utxo(name, expected_utxo, &utxo));
                    let version = match before.version(name) {
                        None => expected.created.contains(*name).then_some(0),
                        Some(version) => Some(version + u64::from(!expected.unchanged.contains(*name))),
                    };
                    differences.extend(difference(&format!("version of {name}"), &version, &Some(utxo.version)));
                }
                status => differences.push(format!("{name} should live, but is {status:?}")),
            }
        }
        for name in &expected.consumed {
            if !matches!(chain.utxo(&names.id(name)), Some(UtxoStatus::Consumed { .. })) {
                differences.push(format!("{name} should be consumed"));
            }
        }
        // A UTXO that lived for one transaction leaves nothing.
        for name in &expected.ephemeral {
            if chain.utxo(&names.id(name)).is_some() {
                differences.push(format!("{name} should have left nothing"));
            }
        }
        let touched =
            |name: &String| expected.utxos.contains_key(&name.as_str()) || expected.consumed.contains(name.as_str());
        differences.extend(before.differences(names, chain, |name| !touched(name)));
        differences
    }

    fn compare_utxo(&self, name: &str, expected: &ExpectedUtxo, utxo: &Utxo) -> Vec<String> {
        let contract = self.cast.get(expected.contract.as_deref());
        let mut differences = difference(&format!("type of {name}"), &expected.type_name, &utxo.type_name);
        differences.extend(difference(&format!("contract of {name}"), &contract.hash, &utxo.contract));
        let found = contract.storage(&utxo.type_name, &utxo.content.state);
        differences.extend(difference(&format!("storage of {name}"), &with_any(&expected.storage, &found), &found));
        let ids: BTreeSet<MethodId> = match (&expected.contract, self.expectations.objects.get(&utxo.type_name)) {
            (None, Some(object)) => {
                let methods = expected.callable.iter().filter_map(|method| object.methods.get(method));
                methods.map(|method| method_id(&method.method_hash)).collect()
            }
            _ => expected.callable.iter().map(|method| MethodId(Sha256::digest(method).into())).collect(),
        };
        differences.extend(difference(
            &format!("callable methods of {name}"),
            &Callable::Methods(ids),
            &utxo.content.callable,
        ));
        differences
    }

    fn compare_tokens(
        &self,
        expected: &Joined<'_>,
        receipt: &Receipt,
        names: &Names,
        chain: &dyn Chain,
    ) -> Vec<String> {
        let mut differences = Vec::new();
        let gone = receipt.tokens.iter().filter(|change| change.to.is_none());
        let gone: BTreeSet<String> = gone.map(|change| names.token_name(&change.token)).collect();
        let burned: BTreeSet<String> = expected.burned.iter().map(|name| (*name).to_owned()).collect();
        differences.extend(difference("burned tokens", &burned, &gone));
        for (name, wanted) in &expected.tokens {
            let id = names.token_id(name);
            match (names.holder(&id, chain), burned.contains(*name)) {
                (None, true) => {}
                (Some((holder, token)), false) => {
                    let contract = self.cast.get(wanted.contract.as_deref());
                    differences.extend(difference(&format!("type of {name}"), &wanted.type_name, &token.type_name));
                    differences.extend(difference(&format!("contract of {name}"), &contract.hash, &token.contract));
                    let found = contract.storage(&token.type_name, &token.state);
                    differences.extend(difference(
                        &format!("storage of {name}"),
                        &with_any(&wanted.storage, &found),
                        &found,
                    ));
                    if let Some(wanted) = &wanted.holder {
                        differences.extend(difference(&format!("holder of {name}"), wanted, &names.name(&holder)));
                    }
                }
                (found, _) => {
                    differences.push(format!("{name} is held by {:?}", found.map(|(holder, _)| names.name(&holder))))
                }
            }
        }
        for (type_name, supply) in &expected.supply {
            let contract = self.cast.get(supply.contract.as_deref()).hash;
            let (_, counters) = chain.contract(&contract).unwrap();
            let found = counters.tokens.get(*type_name).copied().unwrap_or_default();
            let wanted = TokenSupply { minted: supply.minted, burned: supply.burned };
            differences.extend(difference(&format!("supply of {type_name}"), &wanted, &found));
        }
        differences
    }

    /// Each step that uses a token from outside is a row of the call table, which commits to the token's record.
    fn compare_token_rows(&self, steps: &[Step], names: &Names, chain: &dyn Chain) -> Vec<String> {
        let Some(calls) = chain.calls() else { return Vec::new() };
        // Other transactions of the block have tokens of their own.
        let own: Vec<ObjectId> = steps
            .iter()
            .filter_map(|step| match &step.expect {
                Expected::Ok(expected) => Some(expected.tokens.keys()),
                Expected::Fail { .. } => None,
            })
            .flatten()
            .map(|name| ObjectId::Token(names.token_id(name)))
            .collect();
        let mut rows = calls.iter().filter(|call| call.object.is_some_and(|object| own.contains(&object)));
        let mut differences = Vec::new();
        for step in steps.iter().filter(|step| step.kind.is_of_token()) {
            let Expected::Ok(expected) = &step.expect else { continue };
            let Some(row) = rows.next() else {
                differences.push(format!("`{}` has no row of the call table", step.name));
                continue;
            };
            let mut states = expected.tokens.values().map(|token| {
                let contract = self.cast.get(token.contract.as_deref());
                contract.encode_storage(&token.type_name, &token.storage).map(|state| CallRow::state(&state))
            });
            let wanted = states.next_back().unwrap_or(Some(Digest::ZERO));
            differences.extend(difference(&format!("record after `{}`", step.name), &wanted, &Some(row.new_state)));
            if let Some(name) = &step.token {
                let wanted = Some(ObjectId::Token(names.token_id(name)));
                differences.extend(difference(&format!("token of `{}`", step.name), &wanted, &row.object));
            }
        }
        differences
    }
}

/// What is expected of the steps of a transaction together.
#[derive(Default)]
struct Joined<'s> {
    events: Vec<&'s ExpectedEvent>,
    created: BTreeSet<&'s str>,
    ephemeral: BTreeSet<&'s str>,
    consumed: BTreeSet<&'s str>,
    unchanged: BTreeSet<&'s str>,
    utxos: BTreeMap<&'s str, &'s ExpectedUtxo>,
    tokens: BTreeMap<&'s str, &'s ExpectedToken>,
    burned: BTreeSet<&'s str>,
    supply: BTreeMap<&'s str, &'s ExpectedSupply>,
}

impl<'s> Joined<'s> {
    fn of(steps: &'s [Step]) -> Self {
        let mut joined = Self::default();
        for step in steps {
            if let Expected::Ok(expected) = &step.expect {
                joined.add(expected);
            }
        }
        let gone: Vec<&str> = joined.created.intersection(&joined.consumed).copied().collect();
        for name in gone {
            joined.created.remove(name);
            joined.consumed.remove(name);
            joined.ephemeral.insert(name);
        }
        let ended = |name: &&str| joined.consumed.contains(*name) || joined.ephemeral.contains(*name);
        joined.utxos =
            joined.utxos.iter().filter(|(name, _)| !ended(name)).map(|(name, utxo)| (*name, *utxo)).collect();
        joined
    }

    /// What a later step says of an object is what is so in the end.
    fn add(&mut self, expected: &'s ExpectedEffects) {
        let names = |names: &'s [String]| names.iter().map(String::as_str);
        self.events.extend(&expected.events);
        self.created.extend(names(&expected.created));
        self.ephemeral.extend(names(&expected.ephemeral));
        self.consumed.extend(names(&expected.consumed));
        for (name, utxo) in &expected.utxos {
            let is_first = self.utxos.insert(name, utxo).is_none();
            let is_unchanged = expected.unchanged.contains(name);
            if !is_unchanged {
                self.unchanged.remove(name.as_str());
            } else if is_first {
                self.unchanged.insert(name);
            }
        }
        self.unchanged.extend(names(&expected.unchanged).filter(|name| !expected.utxos.contains_key(*name)));
        self.tokens.extend(expected.tokens.iter().map(|(name, token)| (name.as_str(), token)));
        self.burned.extend(names(&expected.burned));
        self.supply.extend(expected.supply.iter().map(|(name, supply)| (name.as_str(), supply)));
    }
}

/// The failure that is expected of a transaction, whose last step says so.
fn failure(steps: &[Step]) -> Option<Reason> {
    steps.iter().find_map(|step| match step.expect {
        Expected::Fail { reason } => Some(reason),
        Expected::Ok(_) => None,
    })
}

/// The fields that are expected, with what was found where any value will do.
fn with_any(expected: &BTreeMap<String, String>, found: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let field = |(field, value): (&String, &String)| match value.as_str() {
        "*" => (field.clone(), found.get(field).cloned().unwrap_or_default()),
        _ => (field.clone(), value.clone()),
    };
    expected.iter().map(field).collect()
}

fn type_name(step: &Step) -> String {
    step.utxo_type.clone().or_else(|| step.token_type.clone()).unwrap_or_default()
}

/// A value of `list<list<u8>>`.
fn list_of_byte_lists(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(bytes);
    let count = reader.unsigned(32).unwrap();
    let lists = (0..count).map(|_| reader.list_of_bytes().unwrap().to_vec()).collect();
    reader.finish().unwrap();
    lists
}

/// Some steps as a transaction.
enum Written {
    Transaction(Transaction),
    /// The arguments are not what the function takes, and have no encoding of their own either.
    Refused(String),
}

impl Written {
    fn transaction(&self) -> Option<&Transaction> {
        match self {
            Self::Transaction(transaction) => Some(transaction),
            Self::Refused(_) => None,
        }
    }
}

/// The UTXOs and tokens of a sequence in the order of their creation: `u1`, `u2`, …, `t1`, `t2`, …
struct Names {
    utxos: Vec<UtxoId>,
    tokens: Vec<TokenId>,
    /// The UTXO that is meant where any will do.
    any: Option<UtxoId>,
    chain: ChainId,
}

const ANY: &str = "any";

impl Names {
    fn new(chain: ChainId, any: Option<UtxoId>) -> Self {
        Self { utxos: Vec::new(), tokens: Vec::new(), any, chain }
    }

    /// The id of a UTXO; one that nothing has if it was never made.
    fn id(&self, name: &str) -> UtxoId {
        if name == ANY {
            return self.any.unwrap();
        }
        let number = number(name, 'u');
        let made = self.utxos.get(number - 1).copied();
        made.unwrap_or_else(|| Utxo::id(&self.chain, &TransactionId::from_digest(Digest::ZERO), number as u32))
    }

    /// A UTXO that is there, or will be made by an earlier step of the same transaction.
    fn utxo_ref(&self, name: &str) -> UtxoRef {
        match name == ANY || number(name, 'u') <= self.utxos.len() {
            true => UtxoRef::Kept(self.id(name)),
            false => UtxoRef::Made((number(name, 'u') - self.utxos.len() - 1) as u32),
        }
    }

    fn token_id(&self, name: &str) -> TokenId {
        self.tokens.get(number(name, 't') - 1).copied().unwrap_or_else(|| panic!("{name} was never minted"))
    }

    fn token_ref(&self, name: &str) -> TokenRef {
        match number(name, 't') <= self.tokens.len() {
            true => TokenRef::Kept(self.token_id(name)),
            false => TokenRef::Minted((number(name, 't') - self.tokens.len() - 1) as u32),
        }
    }

    fn all(&self) -> impl Iterator<Item = (String, UtxoId)> {
        self.utxos.iter().enumerate().map(|(index, id)| (format!("u{}", index + 1), *id))
    }

    /// Names what a transaction made and minted, consumed or burned at once or not.
    fn add(&mut self, transaction: &Transaction, receipt: &Receipt) {
        let created = receipt.created.iter().map(|created| created.utxo);
        let mut made: BTreeSet<UtxoId> = created.chain(receipt.ephemeral.iter().copied()).collect();
        for index in 0..1_000 {
            let id = Utxo::id(&self.chain, &transaction.id(), index);
            if made.remove(&id) {
                self.utxos.push(id);
            }
        }
        assert!(made.is_empty(), "ids that do not follow from the transaction: {made:?}");
        let minted = receipt.tokens.iter().filter(|change| change.from.is_none()).map(|change| change.token);
        for (index, token) in minted.enumerate() {
            assert_eq!(token, Token::id(&self.chain, &transaction.id(), index as u32));
            self.tokens.push(token);
        }
    }

    fn texts(&self, arguments: &[Text]) -> Vec<String> {
        let text = |argument: &Text| match argument {
            Text::Wave(text) => text.clone(),
            Text::Utxo { utxo } => match self.utxo_ref(utxo) {
                // Alone, a transaction may name what never was.
                UtxoRef::Kept(id) => format!("\"{id}\""),
                UtxoRef::Made(place) => format!("\"made:{place}\""),
            },
            Text::Token { token } => match self.token_ref(token) {
                TokenRef::Kept(id) => format!("\"{id}\""),
                TokenRef::Minted(place) => format!("\"minted:{place}\""),
            },
        };
        arguments.iter().map(text).collect()
    }

    /// The UTXOs that some steps use, each once: those that they name, and those that hold the tokens which they name.
    fn used(&self, steps: &[Step], chain: &dyn Chain) -> Vec<UtxoId> {
        let is_one = steps.len() == 1;
        let mut used = Vec::new();
        for step in steps {
            let texts = step.args.iter();
            let utxos = texts.clone().filter_map(|text| match text {
                Text::Utxo { utxo } => Some(utxo.as_str()),
                _ => None,
            });
            let tokens = texts.filter_map(|text| match text {
                Text::Token { token } => Some(token.as_str()),
                _ => None,
            });
            let kept = step.utxo.as_deref().into_iter().chain(utxos).filter_map(|name| match self.utxo_ref(name) {
                UtxoRef::Kept(id) => Some(id),
                UtxoRef::Made(_) => is_one.then(|| self.id(name)),
            });
            let held = step.token.as_deref().into_iter().chain(tokens).filter_map(|name| match self.token_ref(name) {
                TokenRef::Kept(id) => self.holder(&id, chain).map(|(holder, _)| holder),
                TokenRef::Minted(_) => None,
            });
            used.extend(kept.chain(held));
        }
        let mut seen = BTreeSet::new();
        used.retain(|id| seen.insert(*id));
        used
    }

    /// The UTXO that holds a token, with the token.
    fn holder(&self, id: &TokenId, chain: &dyn Chain) -> Option<(UtxoId, Token)> {
        self.utxos.iter().chain(&self.any).find_map(|utxo| match chain.utxo(utxo) {
            Some(UtxoStatus::Live(live)) => {
                live.content.tokens.into_iter().find(|token| token.id == *id).map(|token| (*utxo, token))
            }
            _ => None,
        })
    }

    fn name(&self, id: &UtxoId) -> String {
        if self.any == Some(*id) {
            return ANY.to_owned();
        }
        let place = self.utxos.iter().position(|known| known == id);
        place.map_or_else(|| id.to_string(), |index| format!("u{}", index + 1))
    }

    fn token_name(&self, id: &TokenId) -> String {
        let place = self.tokens.iter().position(|known| known == id);
        place.map_or_else(|| id.to_string(), |index| format!("t{}", index + 1))
    }

    /// The names of some UTXOs; where any will do, nothing is expected.
    fn set<'a>(&self, ids: impl Iterator<Item = &'a UtxoId>) -> BTreeSet<String> {
        ids.filter(|id| self.any != Some(**id)).map(|id| self.name(id)).collect()
    }
}

fn number(name: &str, letter: char) -> usize {
    name.strip_prefix(letter).and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("`{name}`"))
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
fn refused(steps: &[Step], reason: &str) -> Vec<String> {
    match failure(steps) {
        Some(Reason::BadCall) => Vec::new(),
        _ => vec![format!("the call cannot be written: {reason}")],
    }
}

fn compare_result(expected: &ExpectedEffects, signature: Signature, result: &[u8], names: &Names) -> Vec<String> {
    let ty = signature.result.as_ref();
    let wanted = match &expected.result {
        None => None,
        Some(Text::Wave(text)) => Some(text.clone()),
        Some(Text::Utxo { utxo }) => Some(format!("\"{}\"", names.id(utxo))),
        Some(Text::Token { token }) => Some(format!("\"{}\"", names.token_id(token))),
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

fn compare_sets(expected: &Joined<'_>, receipt: &Receipt, names: &Names) -> Vec<String> {
    let set = |names: &BTreeSet<&str>| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<String>>();
    let (created, unchanged) = (set(&expected.created), set(&expected.unchanged));
    let touched: BTreeSet<String> = expected.utxos.keys().map(|name| (*name).to_owned()).collect();
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
        && receipt.tokens.is_empty()
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
