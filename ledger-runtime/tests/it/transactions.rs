//! Transactions on a chain in memory: what they do to UTXOs, what they tell, and what is refused.

use crate::build;
use crate::memory_chain::{Chain, GAS_LIMIT, check_rows, id, read_id, signed, starstream};
use ledger_core::{CallEnd, Callable, FailureKind, Invalid, ObjectId, Outcome, RootCall, State, Transaction, Verdict};
use ledger_runtime::execution::{ContractProvider, Extent};
use ledger_runtime::profile::ExecutionProfile;
use std::sync::Arc;

#[test]
fn a_counter_lives_over_several_transactions() {
    let mut chain = Chain::with(&starstream("counter"));
    let create = chain.function("create", signed(&[10]), &[]);
    let effects = chain.succeed(create);
    assert_eq!((effects.result.as_slice(), effects.created.len()), ([].as_slice(), 1));
    let counter = effects.created[0].utxo;
    let utxo = chain.utxo(counter);
    assert_eq!((utxo.type_name.as_str(), utxo.serial, utxo.version), ("counter", 0, 0));
    let Callable::Methods(methods) = &utxo.content.callable else { panic!("{:?}", utxo.content.callable) };
    assert_eq!(methods.len(), 3);

    for (method, arguments, result, version) in [
        ("value", vec![], signed(&[10]), 0),
        ("bump", signed(&[5]), vec![], 1),
        ("value", vec![], signed(&[15]), 1),
        ("bump", signed(&[-20]), vec![], 2),
        ("value", vec![], signed(&[-5]), 2),
    ] {
        let transaction = chain.method(counter, method, arguments);
        let effects = chain.succeed(transaction);
        assert_eq!(effects.result, result, "{method}");
        assert_eq!(effects.read.len() + effects.changed.len(), 1);
        assert_eq!(chain.utxo(counter).version, version, "{method}");
    }

    let stop = chain.method(counter, "stop", vec![]);
    let effects = chain.succeed(stop);
    assert_eq!(effects.consumed, [counter]);
    let [event] = effects.events.as_slice() else { panic!("{:?}", effects.events) };
    assert_eq!((event.interface.as_str(), event.name.as_str()), ("starstream:events/counting", "stopped"));
    assert_eq!(
        (event.contract, event.object, event.arguments.as_slice()),
        (chain.contract, Some(ObjectId::Utxo(counter)), &*signed(&[-5]))
    );

    let again = chain.method(counter, "value", vec![]);
    assert!(matches!(chain.invalid(&again), Invalid::ConsumedUtxo { utxo, .. } if utxo == counter));
}

#[test]
fn a_whole_life_in_one_transaction_leaves_nothing_but_events() {
    let mut chain = Chain::with(&starstream("counter"));
    let transaction = chain.function("whole-life", signed(&[7]), &[]);
    let (execution, receipt) = chain.commit(transaction);
    let Outcome::Succeeded(effects) = execution.outcome else { panic!("{:?}", execution.outcome) };
    assert_eq!(effects.result, signed(&[8]));
    assert_eq!((effects.created.len(), effects.ephemeral.len(), effects.events.len()), (0, 1, 1));
    assert_eq!(receipt.ephemeral, effects.ephemeral);

    let ends: Vec<(&str, CallEnd)> = execution.calls.iter().map(|call| (call.function.as_str(), call.end)).collect();
    assert_eq!(
        ends,
        [
            ("counter#[static]utxo.start", CallEnd::Yielded),
            ("counter#[method]utxo.bump", CallEnd::Yielded),
            ("counter#[method]utxo.value", CallEnd::Yielded),
            ("counter#[method]utxo.stop", CallEnd::Consumed),
            ("whole-life", CallEnd::Returned),
        ]
    );
    check_rows(&execution.calls, execution.gas_used);
}

#[test]
fn a_consumed_utxo_cannot_be_used_in_the_same_script() {
    let mut chain = Chain::with(&starstream("counter"));
    let transaction = chain.function("use-after-stop", signed(&[7]), &[]);
    let failure = chain.fail(transaction);
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.detail.ends_with("was consumed earlier in the same transaction"), "{failure}");
}

#[test]
fn a_main_is_called_from_outside() {
    let mut chain = Chain::with(&starstream("counter"));
    let transaction = chain.main("counter", "start", signed(&[77]));
    let effects = chain.succeed(transaction);
    let counter = read_id(&effects.result);
    assert_eq!(effects.created[0].utxo, counter);
    let value = chain.method(counter, "value", vec![]);
    assert_eq!(chain.succeed(value).result, signed(&[77]));

    let mut chain = Chain::with(&starstream("flash"));
    let transaction = chain.main("flash", "run", signed(&[5]));
    let effects = chain.succeed(transaction);
    assert_eq!(effects.ephemeral, [read_id(&effects.result)]);
    assert!(effects.created.is_empty());
}

#[test]
fn scripts_take_utxos_and_give_them() {
    let mut chain = Chain::with(&starstream("transfer"));
    let open = chain.function("open-two", signed(&[100, 7]), &[]);
    let created = chain.succeed(open).created;
    let [a, b] = [created[0].utxo, created[1].utxo];
    let send = |amount| [id(a), id(b), signed(&[amount])].concat();
    let transaction = chain.function("send", send(30), &[a, b]);
    let effects = chain.succeed(transaction);
    assert_eq!(effects.changed.iter().map(|changed| changed.utxo).collect::<Vec<_>>(), [a, b]);
    assert_eq!(effects.events[0].object, None);
    let transaction = chain.function("sum", [id(a), id(b)].concat(), &[b, a]);
    let effects = chain.succeed(transaction);
    assert_eq!((effects.result, effects.read), (signed(&[107]), vec![b, a]));

    let undeclared = chain.function("send", send(1), &[a]);
    assert_eq!(chain.invalid(&undeclared), Invalid::UndeclaredUtxo(b));
    let overdrawn = chain.function("send", send(71), &[a, b]);
    let failure = chain.fail(overdrawn);
    assert_eq!(failure.to_string(), "trap: an integer was divided by zero");

    let split = chain.function("split", [id(a), signed(&[20])].concat(), &[a]);
    let effects = chain.succeed(split);
    assert_eq!((effects.created[0].utxo, effects.changed.len()), (read_id(&effects.result), 1));
    let twice = chain.function("close-twice", id(a), &[a]);
    assert_eq!(chain.fail(twice).kind, FailureKind::Refused);
    let merge = chain.function("merge", [id(a), id(b)].concat(), &[a, b]);
    assert_eq!(chain.succeed(merge).consumed, [a]);
}

#[test]
fn a_reference_is_only_read() {
    let mut chain = Chain::with(&starstream("counter"));
    let create = chain.function("create", signed(&[1]), &[]);
    let counter = chain.succeed(create).created[0].utxo;
    let as_reference = |mut transaction: Transaction| {
        transaction.references = std::mem::take(&mut transaction.inputs);
        transaction
    };
    let value = as_reference(chain.method(counter, "value", vec![]));
    assert_eq!(chain.succeed(value).read, [counter]);
    for (method, arguments) in [("bump", signed(&[1])), ("stop", vec![])] {
        let transaction = as_reference(chain.method(counter, method, arguments));
        let failure = chain.fail(transaction);
        assert_eq!(
            failure.to_string(),
            format!(
                "refused: the UTXO {counter} (`counter` of {}) was changed, and the transaction may only read it",
                chain.contract
            )
        );
    }
    // A change that changes nothing is none.
    let bump = as_reference(chain.method(counter, "bump", signed(&[0])));
    assert_eq!(chain.succeed(bump).read, [counter]);
}

#[test]
fn methods_are_offered_or_not() {
    let mut chain = Chain::with(&starstream("nim"));
    let deal = chain.function("deal", signed(&[7]), &[]);
    let game = chain.succeed(deal).created[0].utxo;
    let too_early = chain.method(game, "play-b", signed(&[1]));
    assert_eq!(
        chain.invalid(&too_early),
        Invalid::NotCallable {
            utxo: game,
            contract: chain.contract,
            type_name: "nim".to_owned(),
            method: "play-b".to_owned()
        }
    );
    let play = chain.method(game, "play-a", signed(&[3]));
    assert_eq!(chain.succeed(play).changed[0].utxo, game);
    let too_late = chain.method(game, "play-a", signed(&[3]));
    assert!(matches!(chain.invalid(&too_late), Invalid::NotCallable { .. }));
    let play = chain.method(game, "play-b", signed(&[3]));
    assert_eq!(chain.succeed(play).changed[0].utxo, game);
    let play = chain.method(game, "play-a", signed(&[1]));
    assert_eq!(chain.succeed(play).consumed, [game]);
    // A script may return a UTXO that came to its end in it.
    let deal = chain.function("deal", signed(&[0]), &[]);
    let effects = chain.succeed(deal);
    assert_eq!(effects.ephemeral, [read_id(&effects.result)]);
}

#[test]
fn what_does_not_fit_the_contract_is_invalid() {
    let mut chain = Chain::with(&starstream("counter"));
    let create = chain.function("create", signed(&[1]), &[]);
    let counter = chain.succeed(create).created[0].utxo;
    let contract = chain.contract;
    let main = |type_name: &str, main: &str| RootCall::Main {
        contract,
        type_name: type_name.to_owned(),
        main: main.to_owned(),
    };
    let method = |method: &str| RootCall::Method { utxo: counter, method: method.to_owned() };
    let function = |function: &str| RootCall::Function { contract, function: function.to_owned() };
    for (call, arguments, reason) in [
        (function("no-such-script"), vec![], "the contract {contract} has no script `no-such-script`"),
        (function("counter#get-storage"), vec![], "the contract {contract} has no script `counter#get-storage`"),
        (function("create"), vec![], "{create}parameter 1 `first`, byte 0: the bytes end too early"),
        (function("create"), signed(&[1, 2]), "{create}parameters, byte 1: more bytes follow the last value (1)"),
        (
            function("create"),
            vec![0x80, 0],
            "{create}parameter 1 `first`, byte 2: an integer is not in its shortest form",
        ),
        (main("counter", "bump"), signed(&[1]), "`counter` of {contract} has no main function `bump`"),
        (main("purse", "start"), signed(&[1]), "the contract {contract} has no type of UTXOs `purse`"),
        (main("", "create"), signed(&[1]), "the contract {contract} has no type of UTXOs ``"),
        (method("start"), signed(&[1]), "`counter` of {contract} has no method `start`"),
        (method("get-storage"), vec![], "`counter` of {contract} has no method `get-storage`"),
        (method("bump"), vec![], "{bump}parameter 1 `n`, byte 0: the bytes end too early"),
    ] {
        let transaction = chain.transaction(call, arguments, &[counter]);
        let reason = reason
            .replace("{contract}", &contract.to_string())
            .replace("{create}", "the arguments are not what `create: func(first: s64)` takes: ")
            .replace("{bump}", "the arguments are not what `bump: func(n: s64)` takes: ");
        assert_eq!(chain.invalid(&transaction), Invalid::BadCall(reason));
    }
}

#[test]
fn traps_change_nothing_and_say_why() {
    let mut chain = Chain::with(&starstream("traps"));
    let make = chain.function("make", signed(&[0]), &[]);
    let fragile = chain.succeed(make).created[0].utxo;
    let stopped = "trap: the contract stopped itself (`unreachable`)";
    let divided = "trap: an integer was divided by zero";
    for (transaction, message, uses_all_gas) in [
        (chain.function("add", signed(&[i64::MAX, 1]), &[]), stopped, false),
        (chain.function("div", signed(&[1, 0]), &[]), divided, true),
        (chain.function("div", signed(&[i64::MIN, -1]), &[]), "trap: an integer overflowed", true),
        (chain.function("second-fails", signed(&[1, 100]), &[]), stopped, false),
        (chain.function("make-and-overflow", signed(&[0, 8]), &[]), stopped, false),
        (chain.method(fragile, "grow", signed(&[8])), stopped, false),
        (chain.method(fragile, "grow-then-fail", signed(&[3])), divided, true),
        (chain.method(fragile, "fail-on-resume", vec![]), divided, true),
    ] {
        let Verdict::Executed(execution) = chain.verdict(&transaction) else { panic!("it is invalid") };
        assert_eq!(execution.gas_used == GAS_LIMIT, uses_all_gas, "{message}");
        assert!(execution.calls.iter().any(|call| call.end == CallEnd::Failed));
        assert_eq!(chain.fail(transaction).to_string(), message);
    }
    assert_eq!(chain.utxo(fragile).version, 0);
}

#[test]
fn gas_suffices_exactly_or_not() {
    let mut chain = Chain::with(&starstream("gas"));
    let make = chain.function("make", signed(&[1_000]), &[]);
    let worker = chain.succeed(make).created[0].utxo;
    for mut transaction in [
        chain.function("sum-to", signed(&[100]), &[]),
        chain.function("make", signed(&[100]), &[]),
        chain.method(worker, "spin", signed(&[50])),
    ] {
        let Verdict::Executed(execution) = chain.verdict(&transaction) else { panic!("it is invalid") };
        assert!(matches!(execution.outcome, Outcome::Succeeded(_)), "{:?}", execution.outcome);
        assert_eq!(Verdict::Executed(execution.clone()), chain.verdict(&transaction), "another run differs");
        transaction.gas_limit = execution.gas_used;
        let Verdict::Executed(exact) = chain.verdict(&transaction) else { panic!("it is invalid") };
        assert!(matches!(exact.outcome, Outcome::Succeeded(_)), "{:?}", exact.outcome);
        assert_eq!(exact.gas_used, execution.gas_used);
        transaction.gas_limit -= 1;
        let Verdict::Executed(short) = chain.verdict(&transaction) else { panic!("it is invalid") };
        let Outcome::Failed(failure) = short.outcome else { panic!("{:?}", short.outcome) };
        assert_eq!((failure.kind, short.gas_used), (FailureKind::OutOfGas, transaction.gas_limit));
    }
    let hang = chain.method(worker, "hang", vec![]);
    assert_eq!(chain.fail(hang).to_string(), "out of gas: the gas limit of 100000000 was reached");
    let mut dear = chain.function("forever", vec![], &[]);
    dear.gas_limit = GAS_LIMIT + 1;
    assert!(matches!(chain.invalid(&dear), Invalid::GasLimitTooHigh { .. }));
}

/// A transaction that cannot pay for itself takes no place in a block.
#[test]
fn gas_covers_what_is_paid_before_anything_runs() {
    let mut chain = Chain::with(&starstream("gas"));
    let mut poor = chain.function("sum-to", signed(&[100]), &[]);
    let profile = ExecutionProfile::default();
    let of_arguments = profile.gas_per_value_byte * poor.arguments.len() as u64;
    let min = profile.gas_per_transaction + of_arguments + profile.gas_per_contract;
    poor.gas_limit = min - 1;
    assert_eq!(chain.invalid(&poor), Invalid::GasLimitTooLow { asked: min - 1, min });
    poor.gas_limit = min;
    let Verdict::Executed(execution) = chain.verdict(&poor) else { panic!("it is invalid") };
    let Outcome::Failed(failure) = execution.outcome else { panic!("{:?}", execution.outcome) };
    assert_eq!((failure.kind, execution.gas_used), (FailureKind::OutOfGas, min));
}

#[test]
fn an_effect_that_nobody_handles_names_everything() {
    let mut chain = Chain::with(&starstream("effects"));
    let make = chain.function("make", vec![], &[]);
    let asker = chain.succeed(make).created[0].utxo;
    let contract = chain.contract;
    for (transaction, who) in [
        (chain.function("ask-direct", signed(&[5]), &[]), format!("a script of {contract}")),
        (chain.method(asker, "ask", signed(&[6])), format!("the UTXO {asker} (`asker` of {contract})")),
    ] {
        let expected = format!(
            "unhandled effect: nobody handles the effect `starstream:effects/oracle#price`, which {who} raised"
        );
        assert_eq!(chain.fail(transaction).to_string(), expected);
    }
}

#[test]
fn a_contract_is_told_the_moment() {
    let mut chain = Chain::with(&starstream("deadline"));
    let now = chain.function("now", vec![], &[]);
    let moment = chain.moment();
    let expected = signed(&[moment.height, moment.slot].map(|number| i64::try_from(number).unwrap()));
    assert_eq!(chain.succeed(now).result, expected);
}

#[test]
fn a_transaction_has_limits() {
    let profile = ExecutionProfile { instances_max: 3, ..ExecutionProfile::default() };
    let mut chain = Chain::with_profile(&starstream("flash"), profile);
    let fits = chain.function("fire-many", signed(&[2]), &[]);
    assert_eq!(chain.succeed(fits).ephemeral.len(), 2);
    let exceeds = chain.function("fire-many", signed(&[3]), &[]);
    assert_eq!(
        chain.fail(exceeds).to_string(),
        "limit: the contract asked for more than 3 instances (`instances_max`)"
    );
    for (profile, limit) in [
        (ExecutionProfile { calls_max: 3, ..ExecutionProfile::default() }, "3 calls (`calls_max`)"),
        (ExecutionProfile { events_max: 2, ..ExecutionProfile::default() }, "2 events (`events_max`)"),
        (
            ExecutionProfile { event_size_bytes_max: 2, ..ExecutionProfile::default() },
            "2 bytes of events (`event_size_bytes_max`)",
        ),
        (ExecutionProfile { frames_max: 1, ..ExecutionProfile::default() }, "1 calls inside each other (`frames_max`)"),
    ] {
        let mut chain = Chain::with_profile(&starstream("flash"), profile);
        let exceeds = chain.function("fire-many", signed(&[3]), &[]);
        assert_eq!(chain.fail(exceeds).to_string(), format!("limit: the contract asked for more than {limit}"));
    }
    let profile = ExecutionProfile { state_size_bytes_max: 4, ..ExecutionProfile::default() };
    let mut chain = Chain::with_profile(&starstream("counter"), profile);
    let create = chain.function("create", signed(&[3]), &[]);
    assert!(chain.fail(create).to_string().ends_with("4 bytes of a state record (`state_size_bytes_max`)"));
    let profile = ExecutionProfile { callable_methods_max: 2, ..ExecutionProfile::default() };
    let mut chain = Chain::with_profile(&starstream("counter"), profile);
    let create = chain.function("create", signed(&[3]), &[]);
    assert!(chain.fail(create).to_string().ends_with("(`callable_methods_max`)"));
}

/// A contract that keeps one number, and is a type of UTXOs itself.
fn keeper() -> Vec<u8> {
    let items = "export get-storage: func() -> u64; export set-storage: func(number: u64);
                 export add: func(number: u64) -> u64; export fail: func();";
    let wat = r#"(module
        (memory (export "memory") 1)
        (global $number (mut i64) (i64.const 0))
        (func (export "get-storage") (result i64) (global.get $number))
        (func (export "set-storage") (param i64) (global.set $number (local.get 0)))
        (func (export "add") (param i64) (result i64)
            (global.set $number (i64.add (global.get $number) (local.get 0))) (global.get $number))
        (func (export "fail") (global.set $number (i64.const 1)) unreachable))"#;
    build::component(&format!("package demo:test; world test {{ {items} }}"), wat)
}

#[test]
fn a_contract_with_storage_at_its_root_is_a_type_of_utxos() {
    let mut chain = Chain::with(&keeper());
    let plain = chain.function("add", vec![5], &[]);
    let effects = chain.succeed(plain);
    assert_eq!((effects.result.as_slice(), effects.created.len()), ([5].as_slice(), 0));

    let make = chain.main("", "add", vec![5]);
    let (execution, receipt) = chain.commit(make);
    assert_eq!((execution.calls.len(), execution.calls[0].end), (1, CallEnd::Yielded));
    let keeper = receipt.created[0].utxo;
    assert_eq!(execution.calls[0].object, Some(ObjectId::Utxo(keeper)));
    let utxo = chain.utxo(keeper);
    assert_eq!((utxo.content.state.as_slice(), &utxo.content.callable), ([5].as_slice(), &Callable::All));

    let add = chain.method(keeper, "add", vec![2]);
    let effects = chain.succeed(add);
    assert_eq!((effects.result.as_slice(), effects.changed.len()), ([7].as_slice(), 1));
    assert_eq!(chain.utxo(keeper).version, 1);
    let nothing = chain.method(keeper, "add", vec![0]);
    assert_eq!(chain.succeed(nothing).read, [keeper]);
    let fail = chain.method(keeper, "fail", vec![]);
    assert_eq!(chain.fail(fail).kind, FailureKind::Trap);
    for function in ["get-storage", "set-storage"] {
        let transaction = chain.method(keeper, function, vec![]);
        assert!(matches!(chain.invalid(&transaction), Invalid::BadCall(_)), "{function}");
    }
    let mut reference = chain.method(keeper, "add", vec![1]);
    reference.references = std::mem::take(&mut reference.inputs);
    assert_eq!(chain.fail(reference).kind, FailureKind::Refused);
}

#[test]
fn a_contract_without_storage_has_no_utxos() {
    let mut chain = Chain::with(&build::example("arithmetic"));
    let gcd = chain.function("gcd", vec![12, 18], &[]);
    assert_eq!(chain.succeed(gcd).result, [6]);
    let main = chain.main("", "gcd", vec![12, 18]);
    assert!(matches!(chain.invalid(&main), Invalid::BadCall(_)));
}

#[tokio::test]
async fn a_simulation_says_what_execution_will_say() {
    let mut chain = Chain::with(&starstream("counter"));
    let transaction = chain.function("create-bumped", signed(&[1, 4]), &[]);
    let Verdict::Executed(executed) = chain.verdict(&transaction) else { panic!("it is invalid") };
    let state: Arc<dyn State> = Arc::new(chain.state.clone());
    let contracts: Arc<dyn ContractProvider> = Arc::new(chain.deployed.clone());
    let moment = chain.moment();
    let simulated =
        chain.machine.executor.simulate(transaction, Extent::Whole, moment, state, contracts).await.unwrap();
    let Verdict::Executed(simulated) = simulated else { panic!("it is invalid") };
    assert_eq!((simulated.outcome, simulated.gas_used), (executed.outcome, executed.gas_used));
    assert!(simulated.calls.is_empty() && !executed.calls.is_empty());
}
