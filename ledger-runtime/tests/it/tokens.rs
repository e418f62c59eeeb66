//! Tokens, and transactions of several calls: the compiler's own `coin`, which no script can mint, held by a `counter`.

mod purse;

use crate::starstream::chain::{Machine, TestChain};
use crate::starstream::contract::Contract;
use crate::starstream::expectations;
use crate::starstream::steps::{Answer, Chain};
use ledger_core::{
    CallEnd, CallRow, Failure, FailureKind, Input, Invalid, ObjectId, Outcome, Receipt, RootCall, RootStep, StepCall,
    Token, TokenChange, TokenRef, TokenSupply, Transaction, Utxo, UtxoRef, UtxoStatus, Verdict,
};
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::value::{Reader, Writer};
use registry_core::hash::Digest;
use registry_core::id::{TokenId, UtxoId};
use std::sync::Arc;

/// A chain with both contracts.
struct Stage {
    chain: TestChain,
    coin: Contract,
    counter: Contract,
}

impl Stage {
    fn new() -> Self {
        Self::on(Machine::shared())
    }

    fn on(machine: Arc<Machine>) -> Self {
        let [coin, counter] = ["coin", "counter"].map(|name| Contract::new(expectations::component(name)));
        let chain = TestChain::on(machine, &[&coin, &counter]);
        Self { chain, coin, counter }
    }

    /// Makes a counter.
    fn start(&self) -> RootStep {
        let call = StepCall::Main { contract: self.counter.hash, type_name: "counter".into(), main: "start".into() };
        step(call, signed(0))
    }

    fn mint(&self, amount: u64) -> RootStep {
        let call = StepCall::Mint { contract: self.coin.hash, type_name: "coin".into(), function: "mint".into() };
        step(call, unsigned(amount))
    }

    fn transaction(&mut self, steps: &[RootStep], inputs: &[UtxoId]) -> Transaction {
        let inputs = inputs.iter().map(|utxo| Input { utxo: *utxo, version: None }).collect();
        self.chain.transaction(RootCall::Calls(steps.to_vec()), inputs, Vec::new())
    }

    /// Executes it twice, which must give the same, and puts it into a block.
    fn submit(&mut self, transaction: Transaction) -> Answer {
        let first = self.chain.execute(&transaction, TestChain::MOMENT);
        assert_eq!(self.chain.execute(&transaction, TestChain::MOMENT), first);
        self.chain.submit(transaction, TestChain::MOMENT)
    }

    fn run(&mut self, steps: &[RootStep], inputs: &[UtxoId]) -> Receipt {
        let transaction = self.transaction(steps, inputs);
        match self.submit(transaction) {
            Answer::Executed(receipt) if receipt.outcome.is_ok() => *receipt,
            other => panic!("{other:?}"),
        }
    }

    fn fail(&mut self, steps: &[RootStep], inputs: &[UtxoId]) -> Failure {
        let (transaction, root) = (self.transaction(steps, inputs), self.chain.state_root());
        match self.submit(transaction) {
            Answer::Executed(receipt) => {
                assert_eq!(self.chain.state_root(), root);
                assert!(receipt.tokens.is_empty() && receipt.created.is_empty(), "{receipt:?}");
                receipt.outcome.unwrap_err()
            }
            Answer::Invalid(invalid) => panic!("{invalid}"),
        }
    }

    fn invalid(&mut self, steps: &[RootStep], inputs: &[UtxoId]) -> Invalid {
        let transaction = self.transaction(steps, inputs);
        match self.submit(transaction) {
            Answer::Invalid(invalid) => invalid,
            Answer::Executed(receipt) => panic!("{receipt:?}"),
        }
    }

    /// A counter that holds a coin of 7.
    fn holder(&mut self) -> (UtxoId, TokenId) {
        let receipt = self.run(&[self.start(), self.mint(7), attach(minted(0), "made:0")], &[]);
        (receipt.created[0].utxo, receipt.tokens[0].token)
    }

    fn utxo(&self, id: UtxoId) -> Utxo {
        match self.chain.utxo(&id) {
            Some(UtxoStatus::Live(utxo)) => utxo,
            other => panic!("{other:?}"),
        }
    }

    fn supply(&self) -> TokenSupply {
        let (_, counters) = self.chain.contract(&self.coin.hash).unwrap();
        counters.tokens.get("coin").copied().unwrap_or_default()
    }

    /// The amount of a coin, and how often it was moved.
    fn coin_state(&self, token: &Token) -> (String, String) {
        let fields = self.coin.storage("coin", &token.state);
        (fields["amount"].clone(), fields["moves"].clone())
    }

    fn coin_text(&self, token: impl std::fmt::Display) -> String {
        format!("the token {token} (`coin` of {})", self.coin.hash)
    }

    fn counter_text(&self, utxo: impl std::fmt::Display) -> String {
        format!("the UTXO {utxo} (`counter` of {})", self.counter.hash)
    }
}

fn step(call: StepCall, arguments: Vec<u8>) -> RootStep {
    RootStep { call, arguments }
}

fn attach(token: TokenRef, utxo: impl ToString) -> RootStep {
    step(StepCall::TokenMethod { token, method: "attach".into() }, text(&utxo.to_string()))
}

fn detach(token: TokenRef, utxo: impl ToString) -> RootStep {
    step(StepCall::TokenMethod { token, method: "detach".into() }, text(&utxo.to_string()))
}

fn burn(token: TokenRef) -> RootStep {
    step(StepCall::Burn { token, function: "burn".into() }, Vec::new())
}

fn method(utxo: UtxoRef, name: &str, arguments: Vec<u8>) -> RootStep {
    step(StepCall::Method { utxo, method: name.into() }, arguments)
}

fn minted(place: u32) -> TokenRef {
    TokenRef::Minted(place)
}

fn made(place: u32) -> UtxoRef {
    UtxoRef::Made(place)
}

fn encoded(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::new(1_000);
    write(&mut writer);
    writer.into_bytes()
}

fn text(text: &str) -> Vec<u8> {
    encoded(|writer| writer.text(text).unwrap())
}

fn signed(number: i64) -> Vec<u8> {
    encoded(|writer| writer.signed(number).unwrap())
}

fn unsigned(number: u64) -> Vec<u8> {
    encoded(|writer| writer.unsigned(number).unwrap())
}

/// The results of the steps.
fn results(result: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(result);
    let count = reader.unsigned(32).unwrap();
    let results = (0..count).map(|_| reader.list_of_bytes().unwrap().to_vec()).collect();
    reader.finish().unwrap();
    results
}

#[test]
fn a_token_is_minted_held_and_burned_when_its_holder_ends() {
    let mut stage = Stage::new();
    let receipt = stage.run(&[stage.start(), stage.mint(7), attach(minted(0), "made:0")], &[]);
    let (counter, token) = (receipt.created[0].utxo, receipt.tokens[0].token);
    assert_eq!(
        results(receipt.outcome.as_ref().unwrap()),
        [text(&counter.to_string()), text(&token.to_string()), Vec::new()]
    );
    let (contract, type_name) = (stage.coin.hash, "coin".to_owned());
    let change = |from, to| TokenChange { token, contract, type_name: type_name.clone(), from, to };
    assert_eq!(receipt.tokens, [change(None, Some(counter))]);
    let held = stage.utxo(counter).content.tokens;
    assert_eq!((held.len(), held[0].id), (1, token));
    assert_eq!(stage.coin_state(&held[0]), ("7".into(), "1".into()));
    assert_eq!(stage.supply(), TokenSupply { minted: 1, burned: 0 });

    // What holds a token goes on as before.
    let receipt = stage.run(&[method(UtxoRef::Kept(counter), "bump", signed(3))], &[counter]);
    assert_eq!((receipt.changed[0].utxo, receipt.tokens.len()), (counter, 0));
    assert_eq!(stage.utxo(counter).content.tokens, held);

    let stop = method(UtxoRef::Kept(counter), "stop", Vec::new());
    let failure = stage.fail(std::slice::from_ref(&stop), &[counter]);
    let expected = format!(
        "{} is bound to no UTXO at the end of the transaction, because {}, which held it, was consumed: bind it with `attach`, \
         burn it, or discard it",
        stage.coin_text(token),
        stage.counter_text(counter)
    );
    assert_eq!((failure.kind, failure.detail, failure.frames), (FailureKind::Refused, expected, Vec::new()));

    let receipt = stage.run(&[stop, burn(TokenRef::Kept(token))], &[counter]);
    assert_eq!((receipt.consumed[0].utxo, receipt.tokens), (counter, vec![change(Some(counter), None)]));
    assert_eq!(stage.supply(), TokenSupply { minted: 1, burned: 1 });
    stage.chain.check();
}

#[test]
fn a_whole_life_of_a_token_is_one_transaction() {
    let mut stage = Stage::new();
    let steps =
        [stage.start(), stage.mint(7), attach(minted(0), "made:0"), detach(minted(0), "made:0"), burn(minted(0))];
    let transaction = stage.transaction(&steps, &[]);
    let Verdict::Executed(execution) = stage.chain.execute(&transaction, TestChain::MOMENT) else { panic!() };
    let receipt = stage.run(&steps, &[]);
    assert_eq!((receipt.tokens[0].from, receipt.tokens[0].to), (None, None));
    assert_eq!(stage.supply(), TokenSupply { minted: 1, burned: 1 });
    assert!(stage.utxo(receipt.created[0].utxo).content.tokens.is_empty());

    // Each call is a row; the token's states are a chain from nothing to nothing.
    let Outcome::Succeeded(effects) = execution.outcome else { panic!("{:?}", execution.outcome) };
    let token = ObjectId::Token(effects.minted[0].token);
    let rows: Vec<_> = execution.calls.iter().filter(|call| call.object == Some(token)).collect();
    let functions: Vec<&str> = rows.iter().map(|row| row.function.as_str()).collect();
    let prefix = ["coin#[static]token.mint", "coin#[method]token.attach", "coin#[method]token.detach"];
    assert_eq!(functions, [&prefix[..], &["coin#[static]token.burn"]].concat());
    assert_eq!((rows[0].old_state, rows[3].new_state), (Digest::ZERO, Digest::ZERO));
    for pair in rows.windows(2) {
        assert_eq!(pair[0].new_state, pair[1].old_state);
        assert_ne!(pair[0].new_state, Digest::ZERO);
    }
    let ends: Vec<CallEnd> = rows.iter().map(|row| row.end).collect();
    assert_eq!(ends, [CallEnd::Returned, CallEnd::Returned, CallEnd::Returned, CallEnd::Consumed]);
    assert_eq!(rows[0].output, CallRow::values(&text(&token.to_string())));
    assert_eq!(rows[1].input, CallRow::values(&text("made:0")));
}

#[test]
fn a_token_moves_to_another_utxo_when_its_holder_ends() {
    let mut stage = Stage::new();
    let (first, token) = stage.holder();
    let kept = TokenRef::Kept(token);
    let steps = [stage.start(), method(UtxoRef::Kept(first), "stop", Vec::new()), attach(kept, "made:0")];
    let receipt = stage.run(&steps, &[first]);
    let second = receipt.created[0].utxo;
    assert_eq!((receipt.tokens[0].from, receipt.tokens[0].to), (Some(first), Some(second)));
    let held = stage.utxo(second).content.tokens;
    assert_eq!(stage.coin_state(&held[0]), ("7".into(), "2".into()));
    assert_eq!(stage.supply(), TokenSupply { minted: 1, burned: 0 });

    // Those that came first are first.
    let receipt =
        stage.run(&[stage.mint(1), stage.mint(2), attach(minted(1), second), attach(minted(0), second)], &[second]);
    let [one, two] = [receipt.tokens[0].token, receipt.tokens[1].token];
    let held: Vec<TokenId> = stage.utxo(second).content.tokens.iter().map(|token| token.id).collect();
    assert_eq!(held, [token, two, one]);
    stage.chain.check();
}

/// Each rule is broken once. `{token}` and `{counter}` stand for the first token that is minted and the first counter that is
/// made.
#[test]
fn what_may_not_be_done_with_tokens_is_refused() {
    let mut stage = Stage::new();
    let (start, mint) = (stage.start(), stage.mint(7));
    let bound = [start.clone(), mint.clone(), attach(minted(0), "made:0")];
    let after_bound = |steps: &[RootStep]| [&bound[..], steps].concat();
    let cases: Vec<(Vec<RootStep>, &str)> = vec![
        (
            vec![mint.clone()],
            "{token} is bound to no UTXO at the end of the transaction: bind it with `attach`, or burn it",
        ),
        (
            after_bound(&[detach(minted(0), "made:0")]),
            "{token} is bound to no UTXO at the end of the transaction: bind it with `attach`, or burn it",
        ),
        (
            after_bound(&[attach(minted(0), "made:0")]),
            "step 4: {token} cannot be bound to {counter}, because it is bound to {counter}",
        ),
        (
            after_bound(&[start.clone(), attach(minted(0), "made:1")]),
            "step 5: {token} cannot be bound to {counter 1}, because it is bound to {counter}",
        ),
        (
            after_bound(&[start.clone(), detach(minted(0), "made:1")]),
            "step 5: {token} cannot be unbound from {counter 1}, because it is bound to {counter}",
        ),
        (
            vec![start.clone(), mint.clone(), detach(minted(0), "made:0")],
            "step 3: {token} cannot be unbound from {counter}, because it is bound to no UTXO",
        ),
        (
            after_bound(&[method(made(0), "bump", signed(1)), detach(minted(0), "made:0")]),
            "step 5: only {counter} itself can let go of {token}: it has run, or its tokens were looked at, since it got this one",
        ),
        (after_bound(&[burn(minted(0))]), "step 4: {token} cannot be burned, because it is bound to {counter}"),
        (
            vec![mint.clone(), burn(minted(0)), burn(minted(0))],
            "step 3: {token} cannot be burned, because it was burned earlier in the transaction",
        ),
        (
            vec![start.clone(), mint.clone(), burn(minted(0)), attach(minted(0), "made:0")],
            "step 4: {token} cannot be bound, because it was burned earlier in the transaction",
        ),
        (
            vec![start.clone(), mint.clone(), burn(minted(0)), detach(minted(0), "made:0")],
            "step 4: {token} cannot be unbound, because it was burned earlier in the transaction",
        ),
        (
            vec![start.clone(), method(made(0), "stop", Vec::new()), mint.clone(), attach(minted(0), "made:0")],
            "step 4: {token} cannot be bound to {counter}, which was consumed earlier in the transaction",
        ),
        (
            after_bound(&[method(made(0), "stop", Vec::new())]),
            "{token} is bound to no UTXO at the end of the transaction, because {counter}, which held it, was consumed: bind it \
             with `attach`, burn it, or discard it",
        ),
        (vec![mint.clone(), attach(minted(0), "made:0")], "step 2: the transaction has not made the UTXO `made:0` yet"),
        (
            vec![mint.clone(), attach(minted(0), "minted:0")],
            "step 2: {token} is of another type than `attach` takes, which is a UTXO of any type",
        ),
        (vec![burn(minted(0)), mint.clone()], "step 1: the transaction has not minted the token `minted:0` yet"),
        (
            vec![start.clone(), method(made(0), "stop", Vec::new()), method(made(0), "value", Vec::new())],
            "step 3: `value` cannot be called: {counter} was consumed earlier in the same transaction",
        ),
        (vec![start.clone(), method(made(0), "launch", Vec::new())], "step 2: {counter} has no method `launch`"),
        (
            vec![mint.clone(), step(StepCall::Burn { token: minted(0), function: "mint".into() }, unsigned(1))],
            "step 2: {token} has no function `mint` that could be called so",
        ),
    ];
    for (steps, expected) in cases {
        let transaction = stage.transaction(&steps, &[]);
        let (chain, id) = (transaction.chain.clone(), transaction.id());
        let Verdict::Executed(execution) = stage.chain.execute(&transaction, TestChain::MOMENT) else {
            panic!("{expected}")
        };
        let Outcome::Failed(failure) = execution.outcome else { panic!("{expected}") };
        let expected = expected
            .replace("{token}", &stage.coin_text(Token::id(&chain, &id, 0)))
            .replace("{counter}", &stage.counter_text(Utxo::id(&chain, &id, 0)))
            .replace("{counter 1}", &stage.counter_text(Utxo::id(&chain, &id, 1)));
        assert_eq!((failure.kind, failure.detail), (FailureKind::Refused, expected));
    }
}

#[test]
fn nobody_but_a_utxo_lets_go_of_what_it_held_before() {
    let mut stage = Stage::new();
    let (counter, token) = stage.holder();
    let kept = TokenRef::Kept(token);
    let (coin, holder) = (stage.coin_text(token), stage.counter_text(counter));
    let failure = stage.fail(&[detach(kept, counter), burn(kept)], &[counter]);
    let expected =
        format!("step 1: only {holder} itself can let go of {coin}: it holds the token since an earlier transaction");
    assert_eq!(failure.detail, expected);
    let failure = stage.fail(&[burn(kept)], &[counter]);
    assert_eq!(failure.detail, format!("step 1: {coin} cannot be burned, because it is bound to {holder}"));

    // What may only be read gets no tokens.
    let mut transaction = stage.transaction(&[stage.mint(1), attach(minted(0), counter)], &[counter]);
    transaction.references = std::mem::take(&mut transaction.inputs);
    let Answer::Executed(receipt) = stage.submit(transaction) else { panic!() };
    let failure = receipt.outcome.unwrap_err();
    assert!(failure.detail.ends_with("which the transaction may only read: name it among the inputs"), "{failure}");
}

#[test]
fn a_utxo_holds_so_many_tokens_and_no_more() {
    let profile = ExecutionProfile { tokens_per_utxo_max: 2, ..ExecutionProfile::default() };
    let mut stage = Stage::on(Arc::new(Machine::with(profile)));
    let (counter, _) = stage.holder();
    let more = |stage: &Stage, count: u32| -> Vec<RootStep> {
        (0..count).flat_map(|place| [stage.mint(1), attach(minted(place), counter)]).collect()
    };
    let (one, two) = (more(&stage, 1), more(&stage, 2));
    let failure = stage.fail(&two, &[counter]);
    let expected =
        format!("step 4: {} cannot hold more than 2 tokens (`tokens_per_utxo_max`)", stage.counter_text(counter));
    assert_eq!((failure.kind, failure.detail), (FailureKind::Limit, expected));
    stage.run(&one, &[counter]);
    assert_eq!(stage.utxo(counter).content.tokens.len(), 2);
}

#[test]
fn what_is_known_before_a_step_runs_makes_the_transaction_invalid() {
    let mut stage = Stage::new();
    let (counter, token) = stage.holder();
    let kept = TokenRef::Kept(token);
    let (coin, counters) = (stage.coin.hash, stage.counter.hash);
    let bad = |reason: &str| {
        let reason = reason.replace("{counters}", &counters.to_string());
        Invalid::BadCall(reason.replace("{coins}", &coin.to_string()))
    };
    let function = |function: &str| StepCall::Function { contract: counters, function: function.into() };
    let mint = |type_name: &str, function: &str| StepCall::Mint {
        contract: coin,
        type_name: type_name.into(),
        function: function.into(),
    };
    let utxo = UtxoRef::Kept(counter);
    let (none, named): (&[UtxoId], &[UtxoId]) = (&[], &[counter]);
    let cases: Vec<(RootStep, &[UtxoId], Invalid)> = vec![
        (method(utxo, "bump", signed(1)), none, Invalid::UndeclaredUtxo(counter)),
        (burn(kept), none, Invalid::UndeclaredToken(token)),
        (method(utxo, "launch", Vec::new()), named, bad("step 2: `counter` of {counters} has no method `launch`")),
        (step(function("launch"), Vec::new()), none, bad("step 2: the contract {counters} has no script `launch`")),
        (
            step(mint("gold", "mint"), unsigned(1)),
            none,
            bad("step 2: the contract {coins} has no type of tokens `gold`"),
        ),
        (
            step(mint("coin", "burn"), Vec::new()),
            none,
            bad("step 2: `coin` of {coins} has no function that mints, `burn`"),
        ),
        (
            step(StepCall::Burn { token: kept, function: "mint".into() }, unsigned(1)),
            named,
            bad("step 2: `coin` of {coins} has no function that burns, `mint`"),
        ),
        (
            step(StepCall::TokenMethod { token: kept, method: "split".into() }, Vec::new()),
            named,
            bad("step 2: `coin` of {coins} has no method `split`"),
        ),
        (
            step(StepCall::Discard { token: kept }, unsigned(1)),
            named,
            bad("step 2: a token is discarded without arguments"),
        ),
        (attach(kept, token), named, bad(&format!("step 2: `{token}` is no UTXO"))),
        (attach(kept, "minted:0"), named, bad("step 2: `minted:0` is no UTXO")),
    ];
    for (broken, inputs, expected) in cases {
        let steps = [stage.start(), broken];
        assert_eq!(stage.invalid(&steps, inputs), expected);
    }
    // What is no handle cannot be one.
    let invalid = stage.invalid(&[method(utxo, "bump", text("minted:0"))], &[counter]);
    assert!(matches!(&invalid, Invalid::BadCall(reason) if reason.starts_with("step 1: ")), "{invalid}");
    // Places mean something in steps only.
    let call = RootCall::Method { utxo: counter, method: "bump".into() };
    let transaction = stage.chain.transaction(call, vec![Input { utxo: counter, version: None }], text("made:0"));
    assert!(matches!(stage.submit(transaction), Answer::Invalid(Invalid::BadCall(_))));
}

#[test]
fn steps_call_scripts_and_utxos_one_after_another() {
    let mut stage = Stage::new();
    let create = StepCall::Function { contract: stage.counter.hash, function: "create-bumped".into() };
    let receipt = stage.run(
        &[
            step(
                create,
                encoded(|writer| {
                    writer.signed(5).unwrap();
                    writer.signed(2).unwrap();
                }),
            ),
            stage.start(),
            method(made(0), "bump", signed(1)),
            method(made(0), "value", Vec::new()),
            method(made(1), "stop", Vec::new()),
        ],
        &[],
    );
    let results = results(receipt.outcome.as_ref().unwrap());
    assert_eq!((&results[0], &results[3]), (&signed(9), &signed(10)));
    assert_eq!((receipt.created.len(), receipt.ephemeral.len(), receipt.events.len()), (1, 1, 1));
}

#[test]
fn steps_pay_for_each_call_and_for_tokens_that_are_named() {
    let mut stage = Stage::new();
    let steps = [stage.start(), stage.mint(7), attach(minted(0), "made:0")];
    let transaction = stage.transaction(&steps, &[]);
    let gas_of = |stage: &Stage, transaction: &Transaction| match stage.chain.execute(transaction, TestChain::MOMENT) {
        Verdict::Executed(execution) => (execution.gas_used, execution.outcome),
        Verdict::Invalid(invalid) => panic!("{invalid}"),
    };
    let (gas_used, _) = gas_of(&stage, &transaction);
    let with = |gas_limit| Transaction { gas_limit, ..transaction.clone() };
    assert!(matches!(gas_of(&stage, &with(gas_used)), (used, Outcome::Succeeded(_)) if used == gas_used));
    let (used, outcome) = gas_of(&stage, &with(gas_used - 1));
    assert!(matches!(&outcome, Outcome::Failed(failure) if failure.kind == FailureKind::OutOfGas), "{outcome:?}");
    assert_eq!(used, gas_used - 1);

    let profile = ExecutionProfile::default();
    let bare = stage.run(&[stage.start()], &[]).created[0].utxo;
    let (holder, token) = stage.holder();
    let read = |stage: &mut Stage, utxo| {
        let transaction = stage.transaction(&[method(UtxoRef::Kept(utxo), "value", Vec::new())], &[utxo]);
        gas_of(stage, &transaction).0
    };
    let (without, with) = (read(&mut stage, bare), read(&mut stage, holder));
    let held = stage.utxo(holder).content.tokens;
    let held = held.iter().find(|held| held.id == token).unwrap();
    // Its id, its contract, its type and its record.
    let size_bytes = 32 + 32 + "coin".len() + held.state.len();
    assert_eq!(with - without, size_bytes as u64 * profile.gas_per_state_byte);
}
