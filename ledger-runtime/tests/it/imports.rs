//! Scripts and UTXOs of other contracts, and UTXOs of any type: `imports/visitor` uses the data set's `counter`, and
//! `imports/relay` uses the visitor.

use crate::build;
use crate::memory_chain::{Chain, check_states, id, read_id, signed, starstream};
use ledger_core::{CallEnd, Callable, Execution, Failure, FailureKind, Invalid, ObjectId, Outcome, Transaction};
use ledger_runtime::profile::ExecutionProfile;
use registry_core::id::{ComponentHash, UtxoId};

/// A chain with the contracts `nim`, `counter`, `visitor` and `relay`.
struct Stage {
    chain: Chain,
    nim: ComponentHash,
    counter: ComponentHash,
    visitor: ComponentHash,
    relay: ComponentHash,
}

impl Stage {
    fn new() -> Self {
        Self::with_profile(ExecutionProfile::default())
    }

    fn with_profile(profile: ExecutionProfile) -> Self {
        let counter_component = starstream("counter");
        let mut chain = Chain::with_profile(&starstream("nim"), profile);
        let nim = chain.contract;
        let counter = chain.deploy(&counter_component);
        let (wit, wat) = (include_str!("imports/visitor.wit"), include_str!("imports/visitor.wat"));
        let visitor_component = build::importing(wit, wat, &[("COUNTER", &counter_component)]);
        let visitor = chain.deploy(&visitor_component);
        let (wit, wat) = (include_str!("imports/relay.wit"), include_str!("imports/relay.wat"));
        let contracts: [(&str, &[u8]); 2] = [("COUNTER", &counter_component), ("VISITOR", &visitor_component)];
        let relay = chain.deploy(&build::importing(wit, wat, &contracts));
        chain.contract = visitor;
        Self { chain, nim, counter, visitor, relay }
    }

    /// A counter that has `first`.
    fn counter(&mut self, first: i64) -> UtxoId {
        self.chain.contract = self.counter;
        let main = self.chain.main("counter", "start", signed(&[first]));
        let utxo = read_id(&self.chain.succeed(main).result);
        self.chain.contract = self.visitor;
        utxo
    }

    /// A game of nim, in which A plays next.
    fn game(&mut self) -> UtxoId {
        self.chain.contract = self.nim;
        let deal = self.chain.function("deal", signed(&[7]), &[]);
        let utxo = read_id(&self.chain.succeed(deal).result);
        self.chain.contract = self.visitor;
        utxo
    }

    fn clerk(&mut self) -> UtxoId {
        let hire = self.chain.function("hire", vec![], &[]);
        read_id(&self.chain.succeed(hire).result)
    }

    /// A script of the visitor with a UTXO and numbers.
    fn script(&mut self, name: &str, utxo: UtxoId, numbers: &[i64]) -> Transaction {
        self.chain.function(name, [id(utxo), signed(numbers)].concat(), &[utxo])
    }

    fn value(&mut self, counter: UtxoId) -> Vec<u8> {
        let value = self.chain.method(counter, "value", vec![]);
        self.chain.succeed(value).result
    }

    fn run(&mut self, transaction: Transaction) -> Execution {
        let (execution, _) = self.chain.commit(transaction);
        assert!(matches!(execution.outcome, Outcome::Succeeded(_)), "{:?}", execution.outcome);
        check_states(&execution.calls);
        execution
    }
}

fn functions(execution: &Execution) -> Vec<&str> {
    execution.calls.iter().map(|call| call.function.as_str()).collect()
}

fn frames(failure: &Failure) -> Vec<(ComponentHash, &str)> {
    failure.frames.iter().map(|frame| (frame.contract, frame.function.as_str())).collect()
}

#[test]
fn a_script_makes_and_calls_utxos_of_another_contract() {
    let mut stage = Stage::new();
    let visit = stage.chain.function("visit", signed(&[10]), &[]);
    let execution = stage.run(visit);
    assert_eq!(
        functions(&execution),
        ["counter#[static]utxo.start", "counter#[method]utxo.bump", "counter#[method]utxo.bump", "visit"]
    );
    let contracts: Vec<ComponentHash> = execution.calls.iter().map(|call| call.contract).collect();
    assert_eq!(contracts, [stage.counter, stage.counter, stage.counter, stage.visitor]);
    let Outcome::Succeeded(effects) = execution.outcome else { panic!("it failed") };
    let counter = read_id(&effects.result);
    assert_eq!((effects.created[0].utxo, effects.created[0].contract), (counter, stage.counter));
    assert_eq!(effects.created[0].type_name, "counter");
    assert_eq!(stage.value(counter), signed(&[21]));

    let total = stage.script("total", counter, &[]);
    let Outcome::Succeeded(effects) = stage.run(total).outcome else { panic!("it failed") };
    assert_eq!((effects.result, effects.read), (signed(&[21]), vec![counter]));

    // It is lent and bumped by its own contract's events and rules.
    let stop = stage.chain.function("make-and-stop", signed(&[3]), &[]);
    let Outcome::Succeeded(effects) = stage.run(stop).outcome else { panic!("it failed") };
    assert_eq!((effects.result, effects.created.len(), effects.ephemeral.len()), (signed(&[4]), 0, 1));
    let [event] = effects.events.as_slice() else { panic!("{:?}", effects.events) };
    assert_eq!((event.contract, event.object), (stage.counter, Some(ObjectId::Utxo(effects.ephemeral[0]))));
}

#[test]
fn a_script_calls_scripts_of_other_contracts() {
    let mut stage = Stage::new();
    let by_script = stage.chain.function("by-script", signed(&[10, 4]), &[]);
    let execution = stage.run(by_script);
    let scripts: Vec<_> =
        execution.calls.iter().rev().take(2).map(|call| (call.contract, call.object, call.end)).collect();
    assert_eq!(scripts, [(stage.visitor, None, CallEnd::Returned), (stage.counter, None, CallEnd::Returned)]);
    let Outcome::Succeeded(effects) = execution.outcome else { panic!("it failed") };
    assert_eq!((effects.result, effects.created.len()), (signed(&[18]), 1));

    // The relay calls the visitor, and calls what that made of a third contract.
    stage.chain.contract = stage.relay;
    for script in ["relay", "relay-any"] {
        let relay = stage.chain.function(script, signed(&[10]), &[]);
        let execution = stage.run(relay);
        assert_eq!(functions(&execution)[3..], ["visit", "counter#[method]utxo.value", script]);
        let Outcome::Succeeded(effects) = execution.outcome else { panic!("it failed") };
        assert_eq!((effects.result, effects.created.len()), (signed(&[21]), 1));
    }
    let stopping = stage.chain.function("stop-by-visitor", signed(&[10]), &[]);
    let failure = stage.chain.fail(stopping);
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.detail.ends_with("was consumed earlier in the same transaction"), "{failure}");
    assert_eq!(frames(&failure), [(stage.visitor, "bump-after-stop"), (stage.relay, "stop-by-visitor")]);
}

#[test]
fn methods_are_called_by_their_names() {
    let mut stage = Stage::new();
    let (counter, game) = (stage.counter(1), stage.game());
    let (of_counter, of_game) = (stage.counter, stage.nim);
    let bump = stage.script("bump-any", counter, &[5]);
    let execution = stage.run(bump);
    assert_eq!(functions(&execution), ["counter#[method]utxo.bump", "bump-any"]);
    assert_eq!(stage.value(counter), signed(&[6]));

    let visitor = stage.visitor;
    for (transaction, expected) in [
        (
            stage.script("bump-any", game, &[5]),
            format!(
                "`bump` cannot be called: the UTXO {game} (`nim` of {of_game}) has no method of this name that a script can call"
            ),
        ),
        (
            stage.script("play-any", game, &[]),
            format!(
                "`play-a` cannot be called: it is `func(taken: s32)` for the UTXO {game} (`nim` of {of_game}), and {visitor} \
                 calls it as `func(taken: s64)`"
            ),
        ),
        (
            stage.script("stop-and-bump-any", counter, &[]),
            format!(
                "`bump` cannot be called: the UTXO {counter} (`counter` of {of_counter}) was consumed earlier in the same \
                 transaction"
            ),
        ),
        (
            stage.script("bump-after-stop", counter, &[]),
            format!(
                "`bump` cannot be called: the UTXO {counter} (`counter` of {of_counter}) was consumed earlier in the same \
                 transaction"
            ),
        ),
    ] {
        let failure = stage.chain.fail(transaction);
        assert_eq!((failure.kind, failure.detail), (FailureKind::Refused, expected));
        assert_eq!(failure.frames.len(), 1);
    }
}

#[test]
fn utxos_of_any_type_are_told_apart() {
    let mut stage = Stage::new();
    let (counter, game) = (stage.counter(8), stage.game());
    for (script, utxo, result) in [
        ("value-of", counter, signed(&[8])),
        ("value-of", game, signed(&[-1])),
        ("offers", counter, vec![1]),
        ("offers", game, vec![2]),
    ] {
        let transaction = stage.script(script, utxo, &[]);
        let Outcome::Succeeded(effects) = stage.run(transaction).outcome else { panic!("it failed") };
        assert_eq!(effects.result, result, "{script}");
        // What was asked of a UTXO was read. Its type is no secret.
        let is_asked = script == "offers" || utxo == counter;
        assert_eq!(effects.read, if is_asked { vec![utxo] } else { vec![] }, "{script}");
    }
    let widen = stage.chain.function("widen", signed(&[4]), &[]);
    let Outcome::Succeeded(effects) = stage.run(widen).outcome else { panic!("it failed") };
    assert_eq!(effects.created[0].utxo, read_id(&effects.result));
    // In the next phase it is other methods that are offered, and of what came to its end none.
    let play = stage.chain.method(game, "play-a", signed(&[1]));
    stage.chain.succeed(play);
    let offers = stage.script("offers", game, &[]);
    assert_eq!(stage.chain.succeed(offers).result, [0]);
    let offers = stage.script("offers-after-stop", counter, &[]);
    let effects = stage.chain.succeed(offers);
    assert_eq!((effects.result, effects.consumed), (vec![0], vec![counter]));
}

#[test]
fn an_argument_of_another_contracts_type_is_checked_before_anything_runs() {
    let mut stage = Stage::new();
    let (counter, game) = (stage.counter(8), stage.game());
    let other_type = stage.script("total", game, &[]);
    assert!(matches!(stage.chain.invalid(&other_type), Invalid::BadCall(_)));
    let arguments = [id(counter), signed(&[1])].concat();
    let undeclared = stage.chain.function("bump-any", arguments, &[game]);
    assert_eq!(stage.chain.invalid(&undeclared), Invalid::UndeclaredUtxo(counter));
}

#[test]
fn utxos_call_nothing_of_other_contracts() {
    let mut stage = Stage::new();
    let (clerk, counter, visitor) = (stage.clerk(), stage.counter(1), stage.visitor);
    let with_counter = |stage: &mut Stage, method: &str| {
        let mut transaction = stage.chain.method(clerk, method, id(counter));
        transaction.inputs.push(ledger_core::Input { utxo: counter, version: None });
        transaction
    };
    for (transaction, method, called) in [
        (with_counter(&mut stage, "call-method"), "call-method", "bump"),
        (with_counter(&mut stage, "call-any"), "call-any", "bump"),
        (stage.chain.method(clerk, "call-script", vec![]), "call-script", "create-bumped"),
        (stage.chain.method(clerk, "make", vec![]), "make", "start"),
    ] {
        let failure = stage.chain.fail(transaction);
        let expected = format!(
            "refused: the UTXO {clerk} (`clerk` of {visitor}) called `{called}`, and only scripts call UTXOs, tokens and \
             scripts"
        );
        assert_eq!((failure.to_string(), frames(&failure)), (expected, vec![(visitor, method)]));
    }
    // To ask what another one offers is no call.
    let look = with_counter(&mut stage, "look");
    let effects = stage.chain.succeed(look);
    assert_eq!((effects.result, effects.read), (vec![1], vec![clerk, counter]));
}

/// The set of methods that can be called is the same for everybody who calls.
#[test]
fn what_is_not_offered_is_refused_however_it_is_called() {
    let mut stage = Stage::new();
    let game = stage.game();
    let (nim, play_b) = (stage.nim, signed(&[1]));
    let directly = stage.chain.method(game, "play-b", play_b);
    assert!(matches!(stage.chain.invalid(&directly), Invalid::NotCallable { .. }));
    // A script of another contract, by the method's name.
    let play = stage.chain.method(game, "play-a", signed(&[1]));
    stage.chain.succeed(play);
    let Callable::Methods(offered) = stage.chain.utxo(game).content.callable else { panic!("all") };
    assert_eq!(offered.len(), 2);
    let component = build::importing(
        &include_str!("imports/visitor.wit").replace(
            "play-a: func(self: borrow<s-utxo>, taken: s64)",
            "play-a: func(self: borrow<s-utxo>, taken: s32)",
        ),
        &include_str!("imports/visitor.wat")
            .replace("\"play-a\" (func $play-any (param i32 i64))", "\"play-a\" (func $play-any (param i32 i32))")
            .replace("(call $play-any (local.get 0) (i64.const 1))", "(call $play-any (local.get 0) (i32.const 1))"),
        &[("COUNTER", &starstream("counter"))],
    );
    stage.chain.deploy(&component);
    let by_name = stage.script("play-any", game, &[]);
    let failure = stage.chain.fail(by_name);
    let expected = format!(
        "refused: `play-a` cannot be called now: the UTXO {game} (`nim` of {nim}) waits at a yield that offers `play-b`, \
         `stones-left`"
    );
    assert_eq!(failure.to_string(), expected);
    let play = stage.chain.method(game, "play-b", signed(&[1]));
    stage.chain.succeed(play);
    let by_name = stage.script("play-any", game, &[]);
    assert_eq!(stage.chain.succeed(by_name).changed.len(), 1);
}

#[test]
fn one_utxo_goes_on_many_times() {
    let mut stage = Stage::new();
    let counter = stage.counter(0);
    let often = stage.script("bump-often", counter, &[300]);
    let execution = stage.run(often);
    assert_eq!(execution.calls.len(), 301);
    let Outcome::Succeeded(effects) = &execution.outcome else { panic!("it failed") };
    assert_eq!(effects.changed.iter().map(|changed| changed.utxo).collect::<Vec<_>>(), [counter]);
    let bumps = &execution.calls[..300];
    for pair in bumps.windows(2) {
        assert_eq!((pair[1].object, pair[1].old_state), (Some(ObjectId::Utxo(counter)), pair[0].new_state));
        assert!(pair[0].old_state != pair[0].new_state && pair[0].end == CallEnd::Yielded);
    }
    assert_eq!((stage.value(counter), stage.chain.utxo(counter).version), (signed(&[300]), 1));
}

/// Each time that a UTXO goes on is a row, which names the one before it, in the same transaction or in an earlier one of the
/// block that succeeded.
#[test]
fn each_resumption_is_a_row_that_names_the_one_before() {
    let mut stage = Stage::new();
    let (a, b) = (stage.counter(1), stage.counter(20));
    let merge = [id(a), id(b), id(b), id(b)].concat();
    let transactions = vec![
        stage.script("bump-often", a, &[2]),
        stage.script("bump-after-stop", a, &[]),
        stage.chain.method(b, "bump", signed(&[1])),
        stage.chain.function("merge", merge, &[a, b]),
        stage.script("bump-often", a, &[1]),
    ];
    let rows = stage.chain.block(transactions);
    let previous: Vec<(u32, &str, u32)> =
        rows.iter().map(|row| (row.transaction, row.function.rsplit('.').next().unwrap(), row.previous)).collect();
    let expected = [
        (0, "bump", 0),
        (0, "bump", 1),
        (0, "bump-often", 0),
        (1, "stop", 2),
        (1, "bump-after-stop", 0),
        (2, "bump", 0),
        // The transaction before the last one failed: what it did is not gone on with.
        (3, "value", 6),
        (3, "bump", 2),
        (3, "stop", 7),
        (3, "merge", 0),
        (4, "bump", 2),
        (4, "bump-often", 0),
    ];
    assert_eq!(previous, expected);
    for row in rows.iter().filter(|row| row.previous > 0) {
        assert_eq!(row.old_state, rows[row.previous as usize - 1].new_state, "{row:?}");
    }
    assert_eq!(stage.value(a), signed(&[4]));
}

#[test]
fn a_script_fans_out_to_as_many_as_there_may_be_instances() {
    let profile = ExecutionProfile::default();
    let most = i64::from(profile.instances_max) - 1;
    let mut stage = Stage::new();
    let fits = stage.chain.function("fan-out", signed(&[most]), &[]);
    let execution = stage.run(fits);
    let Outcome::Succeeded(effects) = &execution.outcome else { panic!("it failed") };
    assert_eq!((effects.created.len() as i64, execution.calls.len() as i64), (most, most + 1));
    for (number, created) in (0_i64..).zip(&effects.created) {
        assert_eq!(created.content.state, stage.chain.utxo(created.utxo).content.state);
        if number % 50 == 0 {
            assert_eq!(stage.value(created.utxo), signed(&[number]));
        }
    }
    let exceeds = stage.chain.function("fan-out", signed(&[most + 1]), &[]);
    let failure = stage.chain.fail(exceeds);
    assert_eq!((failure.kind, failure.frames.len()), (FailureKind::Limit, 2));
    assert!(failure.detail.contains("(`instances_max`)"), "{failure}");
}

#[test]
fn many_are_merged_into_one() {
    let mut stage = Stage::new();
    let [into, a, b, c] = [1, 20, 300, 4000].map(|first| stage.counter(first));
    let utxos = [into, a, b, c];
    let arguments = utxos.map(id).concat();
    let merge = stage.chain.function("merge", arguments.clone(), &utxos);
    let execution = stage.run(merge);
    let Outcome::Succeeded(effects) = &execution.outcome else { panic!("it failed") };
    assert_eq!(effects.consumed, [a, b, c]);
    assert_eq!(effects.changed.iter().map(|changed| changed.utxo).collect::<Vec<_>>(), [into]);
    let ends: Vec<(Option<ObjectId>, CallEnd)> = execution.calls.iter().map(|call| (call.object, call.end)).collect();
    let one = |utxo| [(utxo, CallEnd::Yielded), (into, CallEnd::Yielded), (utxo, CallEnd::Consumed)];
    let expected = [one(a), one(b), one(c)].concat();
    let expected: Vec<_> = expected.into_iter().map(|(utxo, end)| (Some(ObjectId::Utxo(utxo)), end)).collect();
    assert_eq!(ends[..9], expected);
    assert_eq!(stage.value(into), signed(&[4321]));
    // None of them can be named any more.
    let again = stage.chain.function("merge", arguments, &utxos);
    assert!(matches!(stage.chain.invalid(&again), Invalid::ConsumedUtxo { utxo, .. } if utxo == a));
    // One that is named twice is consumed once.
    let twice = stage.counter(5);
    let arguments = [into, twice, twice, twice].map(id).concat();
    let transaction = stage.chain.function("merge", arguments, &[into, twice]);
    assert!(stage.chain.fail(transaction).detail.ends_with("was consumed earlier in the same transaction"));
}
