//! Effects, and contracts that handle them: `handlers/broker` installs handlers in many ways, `handlers/keeper` has an
//! effect with a record and a variant, and the data set's `effects` raises what it knows nothing about.

use crate::build;
use crate::memory_chain::{Chain, check_states, id, read_id, signed, starstream};
use ledger_core::{CallEnd, Failure, FailureKind, Outcome, RootCall, Transaction};
use ledger_runtime::profile::ExecutionProfile;
use registry_core::id::{ComponentHash, UtxoId};

const PRICE: &str = "starstream:effects/oracle#price";

/// A chain with the contract `effects` and one that imports it.
struct Stage {
    chain: Chain,
    effects: ComponentHash,
    askers: [UtxoId; 2],
}

impl Stage {
    fn with(wit: &str, wat: &str) -> Self {
        Self::with_profile(wit, wat, ExecutionProfile::default())
    }

    fn with_profile(wit: &str, wat: &str, profile: ExecutionProfile) -> Self {
        let effects = starstream("effects");
        let mut chain = Chain::with_profile(&effects, profile);
        let hash = chain.contract;
        let askers = [(); 2].map(|()| {
            let make = chain.function("make", vec![], &[]);
            read_id(&chain.succeed(make).result)
        });
        chain.deploy(&build::importing(wit, wat, &[("EFFECTS", &effects)]));
        Self { chain, effects: hash, askers }
    }

    fn broker() -> Self {
        Self::with(include_str!("handlers/broker.wit"), include_str!("handlers/broker.wat"))
    }

    fn keeper() -> Self {
        Self::with(include_str!("handlers/keeper.wit"), include_str!("handlers/keeper.wat"))
    }

    /// A script with the first asker and a number.
    fn ask(&mut self, script: &str, item: i64) -> Transaction {
        let [asker, _] = self.askers;
        self.chain.function(script, [id(asker), signed(&[item])].concat(), &[asker])
    }

    /// The functions that were going on, the innermost first.
    fn frames(failure: &Failure) -> Vec<&str> {
        failure.frames.iter().map(|frame| frame.function.as_str()).collect()
    }
}

#[test]
fn a_script_handles_what_it_calls() {
    let mut stage = Stage::broker();
    let [asker, other] = stage.askers;
    let by_way_of = [id(asker), id(other), signed(&[3])].concat();
    let (a, b) = ("asker#[method]utxo.ask", "asker#[static]utxo.new");
    for (transaction, answer, rows) in [
        (stage.chain.function("raise-handled", signed(&[3]), &[]), 30, vec![PRICE]),
        (stage.ask("ask", 3), 30, vec![PRICE, a]),
        (stage.chain.function("ask-new", signed(&[3]), &[]), 30, vec![b, PRICE, a]),
        (stage.ask("ask-nested", 3), 1040, vec![PRICE, PRICE, a]),
        (stage.chain.function("ask-by-way-of", by_way_of, &[asker, other]), 2050, vec![PRICE, a, PRICE, a]),
        (stage.ask("ask-twice", 3), 4070, vec![PRICE, PRICE, a]),
        (stage.chain.function("ask-across", signed(&[3]), &[]), 30, vec![PRICE, "ask-direct"]),
    ] {
        let RootCall::Function { function, .. } = transaction.call.clone() else { panic!("no script") };
        let (execution, _) = stage.chain.commit(transaction);
        let Outcome::Succeeded(effects) = &execution.outcome else { panic!("{function}: {:?}", execution.outcome) };
        assert_eq!(effects.result, signed(&[answer]), "{function}");
        check_states(&execution.calls);
        let calls: Vec<&str> = execution.calls.iter().map(|call| call.function.as_str()).collect();
        assert_eq!(calls, [rows, vec![function.as_str()]].concat());
        let handled = execution.calls.iter().filter(|call| call.function == PRICE);
        for call in handled {
            assert_eq!((call.contract, call.object, call.end), (stage.chain.contract, None, CallEnd::Returned));
        }
    }
    // Handlers change nothing of how the UTXO goes on: it has kept the answers.
    assert_eq!(stage.chain.utxo(asker).version, 4);
}

#[test]
fn without_a_handler_the_transaction_fails_and_names_everything() {
    let mut stage = Stage::broker();
    let (broker, [asker, _]) = (stage.chain.contract, stage.askers);
    let of_script = format!("nobody handles the effect `{PRICE}`, which a script of {broker} raised");
    let masked = " (a handler does not handle what is raised while it runs)";
    for (transaction, detail, frames) in [
        (stage.chain.function("raise", signed(&[3]), &[]), of_script.clone(), vec!["raise"]),
        (stage.chain.function("forget", signed(&[3]), &[]), of_script.clone(), vec!["forget"]),
        (stage.ask("ask-no-further", 3), of_script + masked, vec![PRICE, "ask", "ask-no-further"]),
        (
            stage.chain.method(asker, "ask", signed(&[3])),
            format!(
                "nobody handles the effect `{PRICE}`, which the UTXO {asker} (`asker` of {}) raised",
                stage.effects
            ),
            vec!["ask"],
        ),
    ] {
        let failure = stage.chain.fail(transaction);
        assert_eq!((failure.kind, failure.detail.as_str()), (FailureKind::Effect, detail.as_str()));
        assert_eq!(Stage::frames(&failure), frames);
    }
    // What one script leaves installed is gone in the next transaction.
    let leave = stage.chain.function("leave", vec![], &[]);
    stage.chain.succeed(leave);
    let raise = stage.chain.function("raise", signed(&[3]), &[]);
    assert_eq!(stage.chain.fail(raise).kind, FailureKind::Effect);
}

#[test]
fn a_handler_that_stops_itself_fails_the_transaction() {
    let mut stage = Stage::broker();
    let (broker, effects, [asker, _]) = (stage.chain.contract, stage.effects, stage.askers);
    let transaction = stage.ask("ask-in-vain", 3);
    let failure = stage.chain.fail(transaction);
    assert_eq!(failure.to_string(), "trap: the contract stopped itself (`unreachable`)");
    assert_eq!(Stage::frames(&failure), [PRICE, "ask", "ask-in-vain"]);
    let contracts: Vec<ComponentHash> = failure.frames.iter().map(|frame| frame.contract).collect();
    assert_eq!(contracts, [broker, effects, broker]);
    let object = failure.frames[1].object.as_ref().unwrap();
    assert_eq!((object.id.to_string(), object.type_name.as_str()), (asker.to_string(), "asker"));
    assert!(failure.frames[0].object.is_none() && failure.frames[2].object.is_none());
}

#[test]
fn a_utxo_that_waits_for_an_answer_cannot_be_called() {
    let mut stage = Stage::broker();
    let [asker, _] = stage.askers;
    let transaction = stage.ask("ask-itself", 3);
    let failure = stage.chain.fail(transaction);
    let expected = format!(
        "refused: `ask` cannot be called: the UTXO {asker} (`asker` of {}) is running, and waits for an answer",
        stage.effects
    );
    assert_eq!(failure.to_string(), expected);
    assert_eq!(Stage::frames(&failure), [PRICE, "ask", "ask-itself"]);
}

#[test]
fn handlers_within_handlers_have_a_limit() {
    let mut stage = Stage::broker();
    let transaction = stage.ask("ask-for-ever", 3);
    let failure = stage.chain.fail(transaction);
    let max = ExecutionProfile::default().frames_max;
    let expected = format!("limit: the contract asked for more than {max} calls inside each other (`frames_max`)");
    assert_eq!(failure.to_string(), expected);
    // The last one is the call that was one too many.
    let frames = Stage::frames(&failure);
    assert_eq!(frames.len(), max as usize + 1);
    assert!(frames[..frames.len() - 2].iter().all(|function| *function == PRICE));
    assert_eq!(frames[frames.len() - 2..], ["ask", "ask-for-ever"]);
}

#[test]
fn only_who_installed_uninstalls() {
    let mut stage = Stage::broker();
    let broker = stage.chain.contract;
    let uninstall = stage.chain.function("uninstall", vec![], &[]);
    let expected = format!(
        "refused: handlers of `starstream:effects/oracle` were uninstalled by a script of {broker}, which did not install \
         the last ones of this interface"
    );
    assert_eq!(stage.chain.fail(uninstall).to_string(), expected);
}

#[test]
fn handlers_have_a_limit() {
    let profile = ExecutionProfile { handlers_max: 3, ..ExecutionProfile::default() };
    let (wit, wat) = (include_str!("handlers/broker.wit"), include_str!("handlers/broker.wat"));
    let mut stage = Stage::with_profile(wit, wat, profile);
    let fits = stage.chain.function("install", signed(&[3]), &[]);
    stage.chain.succeed(fits);
    let exceeds = stage.chain.function("install", signed(&[4]), &[]);
    assert_eq!(
        stage.chain.fail(exceeds).to_string(),
        "limit: the contract asked for more than 3 installed handlers (`handlers_max`)"
    );
}

#[test]
fn effects_carry_records_and_variants() {
    let mut stage = Stage::keeper();
    let open = stage.chain.function("open", vec![], &[]);
    let keeper = read_id(&stage.chain.succeed(open).result);
    let trade = |stage: &mut Stage, script: &str, amount: i64| {
        stage.chain.function(script, [id(keeper), signed(&[amount])].concat(), &[keeper])
    };
    for (amount, answer) in [(-5, -1), (50, 100), (101, 101_007)] {
        let transaction = trade(&mut stage, "trade", amount);
        assert_eq!(stage.chain.succeed(transaction).result, signed(&[answer]), "{amount}");
    }
    // Handlers of several interfaces do not stand in each other's way.
    let cross = trade(&mut stage, "cross", 1);
    assert_eq!(stage.chain.succeed(cross).result, signed(&[2]));
    let alone = trade(&mut stage, "trade-alone", 1);
    assert!(stage.chain.fail(alone).detail.starts_with("nobody handles the effect `starstream:effects/shop#deal`"));
}

/// What a contract calls its own type is by the contract's name for the other one.
#[test]
fn effects_carry_utxos() {
    let lot = build::importing(include_str!("handlers/lot.wit"), include_str!("handlers/lot.wat"), &[]);
    let mut chain = Chain::with(&lot);
    let of_lot = chain.contract;
    let (wit, wat) = (include_str!("handlers/market.wit"), include_str!("handlers/market.wat"));
    chain.deploy(&build::importing(wit, wat, &[("LOT", &lot)]));
    let little = chain.function("buy", signed(&[7]), &[]);
    let effects = chain.succeed(little);
    assert_eq!((effects.result, effects.created.len(), effects.ephemeral.len()), (signed(&[14]), 1, 0));
    let much = chain.function("buy", signed(&[12]), &[]);
    let effects = chain.succeed(much);
    assert_eq!((effects.result, effects.created.len(), effects.ephemeral.len()), (signed(&[2_024]), 1, 1));
    assert_eq!((effects.created[0].contract, effects.created[0].type_name.as_str()), (of_lot, "lot"));
}

#[test]
fn a_handler_of_another_type_is_refused() {
    let mut stage = Stage::keeper();
    let (keeper, effects) = (stage.chain.contract, stage.effects);
    let transaction = stage.ask("ask", 3);
    let failure = stage.chain.fail(transaction);
    let expected = format!(
        "refused: the effect `{PRICE}` is `func(item: s64) -> s64` in {effects}, which raised it, and \
         `func(item: u32) -> s64` in {keeper}, which handles it"
    );
    assert_eq!(failure.to_string(), expected);
}

#[test]
fn only_scripts_install() {
    let mut stage = Stage::keeper();
    let contract = stage.chain.contract;
    let open = stage.chain.function("open", vec![], &[]);
    let keeper = read_id(&stage.chain.succeed(open).result);
    let install = stage.chain.method(keeper, "install", vec![]);
    let expected = format!(
        "refused: handlers of `starstream:effects/shop` were installed by the UTXO {keeper} (`keeper` of {contract}), and \
         only scripts may do that"
    );
    assert_eq!(stage.chain.fail(install).to_string(), expected);
}

#[test]
fn gas_for_handlers_suffices_exactly_or_not() {
    let mut stage = Stage::broker();
    let mut transaction = stage.ask("ask-nested", 3);
    let run = |stage: &Stage, transaction: &Transaction| match stage.chain.verdict(transaction) {
        ledger_core::Verdict::Executed(execution) => execution,
        ledger_core::Verdict::Invalid(invalid) => panic!("{invalid}"),
    };
    let used = run(&stage, &transaction).gas_used;
    transaction.gas_limit = used;
    let exact = run(&stage, &transaction);
    assert!(matches!(exact.outcome, Outcome::Succeeded(_)), "{:?}", exact.outcome);
    for limit in [used - 1, used * 9 / 10, used / 2] {
        transaction.gas_limit = limit;
        let short = run(&stage, &transaction);
        let Outcome::Failed(failure) = short.outcome else { panic!("{:?}", short.outcome) };
        assert_eq!((failure.kind, short.gas_used), (FailureKind::OutOfGas, limit));
    }
}

/// A token cannot be bound to what ends while it is asked: it would be gone without having been burned.
#[test]
fn a_handler_cannot_end_what_a_token_is_bound_to_meanwhile() {
    let component = build::importing(include_str!("handlers/seal.wit"), include_str!("handlers/seal.wat"), &[]);
    let mut chain = Chain::with(&component);
    let seal = chain.function("seal-up", vec![], &[]);
    let created = chain.succeed(seal).created;
    assert_eq!(created[0].content.tokens.len(), 1);
    for (script, detail) in [
        ("seal-what-ends", "which was consumed earlier in the transaction"),
        ("unseal-what-ends", "because it is bound to no UTXO"),
    ] {
        let transaction = chain.function(script, vec![], &[]);
        let failure = chain.fail(transaction);
        assert_eq!(failure.kind, FailureKind::Refused);
        assert!(failure.detail.ends_with(detail), "{failure}");
        assert_eq!(Stage::frames(&failure), [script]);
    }
}
