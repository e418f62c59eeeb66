//! Coroutine contracts that break the rules, each on a real chain: their transactions fail in a way that every node
//! sees the same, they pay, and nothing else changes.

use super::stage::{Stage, failed, succeeded};
use super::thing::Thing;
use crate::starstream::chain::{Machine, TestChain};
use crate::starstream::steps::{Answer, Chain};
use crate::support;
use ledger_core::{Callable, FailureKind, Input, Invalid, RootCall, UtxoStatus};
use ledger_runtime::profile::ExecutionProfile;
use registry_core::id::UtxoId;

fn script(name: &str, code: &str) -> String {
    format!("(func (export \"{name}\") {code})")
}

#[test]
fn a_thing_that_behaves_well() {
    let mut stage = Stage::of_thing(&Thing::default());
    let thing = stage.thing();
    succeeded(&stage.method(thing, "go"));
    succeeded(&stage.method(thing, "go"));
    assert_eq!(stage.total(&thing), "2");
    assert_eq!(succeeded(&stage.read(thing, "look")).outcome, Ok(vec![2]));
    assert_eq!(failed(&stage.read(thing, "go")), FailureKind::Refused);
    assert_eq!(succeeded(&stage.script("make")).created.len(), 1);
}

/// Each of these scripts hands the ledger a handle that it does not have.
#[test]
fn forged_handles_of_a_script() {
    let scripts: [(&'static str, &str); 14] = [
        ("negative: func()", "(call $go (i32.const -1))"),
        ("zero: func()", "(call $go (i32.const 0))"),
        ("unknown: func()", "(call $go (i32.const 1))"),
        ("huge: func()", "(call $go (i32.const 0x7fffffff))"),
        ("next: func()", "(call $go (i32.add (call $create) (i32.const 1)))"),
        (
            "dropped: func()",
            "(local $h i32) (local.set $h (call $create)) (call $drop-handle (local.get $h)) (call $go (local.get $h))",
        ),
        (
            "dropped-twice: func()",
            "(local $h i32) (local.set $h (call $create)) (call $drop-handle (local.get $h)) (call $drop-handle (local.get $h))",
        ),
        ("drop-unknown: func()", "(call $drop-handle (i32.const 3))"),
        ("drop-own-unknown: func()", "(call $drop-own (i32.const 0))"),
        ("resume: func()", "(call $resume (i32.const 0))"),
        ("offer: func()", "(call $offer-both (i32.const 0))"),
        ("end: func()", "(call $end (i32.const 0))"),
        ("context-of-utxo: func()", "(call $resume (call $create))"),
        ("own-of-utxo: func()", "(call $drop-own (call $create))"),
    ];
    let thing = scripts.iter().fold(Thing::default(), |thing, (declaration, code)| {
        let name = declaration.split(':').next().unwrap();
        thing.script(declaration, &script(name, code))
    });
    let thing = thing
        .script("forged-result: func() -> u-thing", r#"(func (export "forged-result") (result i32) (i32.const 9))"#);
    let mut stage = Stage::of_thing(&thing);
    let names = scripts.iter().map(|(declaration, _)| declaration.split(':').next().unwrap());
    for name in names.chain(["forged-result"]) {
        let kind = failed(&stage.script(name));
        assert!(matches!(kind, FailureKind::Refused | FailureKind::Trap), "{name}: {kind:?}");
    }
}

/// Two contracts may call their types alike.
#[test]
fn a_utxo_of_another_contract_with_a_type_of_the_same_name() {
    let using = |constant: u32| {
        let code = format!(
            "(func (export \"use-it\") (param i32) (result i64) (i64.add (call $look (local.get 0)) (i64.const {constant})))"
        );
        Thing::default().script("use-it: func(it: borrow<u-thing>) -> s64", &code).contract()
    };
    let [mine, foreign] = [using(1), using(2)];
    let mut chain = TestChain::with(&[&mine, &foreign]);
    let mut made = [mine.hash, foreign.hash].map(|contract| {
        let (type_name, main) = ("thing".to_owned(), "start".to_owned());
        let start = chain.transaction(RootCall::Main { contract, type_name, main }, Vec::new(), Vec::new());
        succeeded(&chain.submit(start, TestChain::MOMENT)).created[0].utxo
    });
    let mut use_it = |contract, utxo: UtxoId| {
        let text = utxo.to_string();
        let arguments = [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        let call = RootCall::Function { contract, function: "use-it".to_owned() };
        let transaction = chain.transaction(call, vec![Input { utxo, version: None }], arguments);
        chain.submit(transaction, TestChain::MOMENT)
    };
    assert_eq!(succeeded(&use_it(mine.hash, made[0])).outcome, Ok(vec![1]));
    assert_eq!(succeeded(&use_it(foreign.hash, made[1])).outcome, Ok(vec![2]));
    made.reverse();
    for (contract, utxo) in [mine.hash, foreign.hash].into_iter().zip(made) {
        assert!(matches!(use_it(contract, utxo), Answer::Invalid(Invalid::BadCall(_))));
    }
}

/// What a script makes with `resource-new` is no UTXO: only a main makes one.
#[test]
fn a_script_cannot_make_a_utxo_by_itself() {
    let thing = Thing::default()
        .script("call-it: func()", &script("call-it", "(call $go (call $new (i32.const 0)))"))
        .script("give-it: func() -> u-thing", r#"(func (export "give-it") (result i32) (call $new (i32.const 0)))"#)
        .script("keep-it: func()", &script("keep-it", "(drop (call $new (i32.const 0)))"));
    let mut stage = Stage::of_thing(&thing);
    for name in ["call-it", "give-it"] {
        failed(&stage.script(name));
    }
    if let Answer::Executed(receipt) = stage.script("keep-it") {
        assert!(receipt.created.is_empty() && receipt.ephemeral.is_empty());
    }
}

/// Only scripts call UTXOs and make them.
#[test]
fn a_utxo_cannot_call_another() {
    for go in [
        "(drop (call $create))",
        "(call $go (local.get $self))",
        "(call $go (i32.const 0))",
        "(call $go (i32.const 1))",
        "(drop (call $look (i32.const 1)))",
        "(call $go (call $create))",
    ] {
        let mut stage = Stage::of_thing(&Thing { go: go.to_owned(), ..Thing::default() });
        let thing = stage.thing();
        let kind = failed(&stage.method(thing, "go"));
        assert!(matches!(kind, FailureKind::Refused | FailureKind::Trap), "{go}: {kind:?}");
    }
    let start = format!("(drop (call $create)) {}", Thing::default().start);
    let mut stage = Stage::of_thing(&Thing { start, ..Thing::default() });
    failed(&stage.main());
    failed(&stage.script("make"));
}

/// A context belongs to one instance, once.
#[test]
fn a_context_that_is_not_there() {
    for go in [
        "(call $end (global.get $context)) (call $end (global.get $context))",
        "(call $end (global.get $context)) (call $resume (global.get $context))",
        "(call $end (global.get $context)) (call $offer-both (global.get $context))",
        "(call $resume (i32.const 1))",
        "(call $resume (i32.const -1))",
        "(call $resume (i32.const 77))",
        "(call $offer-both (i32.const 77))",
        "(call $end (i32.const 77))",
    ] {
        let mut stage = Stage::of_thing(&Thing { go: go.to_owned(), ..Thing::default() });
        let thing = stage.thing();
        let kind = failed(&stage.method(thing, "go"));
        assert!(matches!(kind, FailureKind::Refused | FailureKind::Trap), "{go}: {kind:?}");
        assert_eq!(succeeded(&stage.read(thing, "look")).outcome, Ok(vec![0]));
    }
}

#[test]
fn resuming_again_while_resuming() {
    let go = format!("(call $resume (global.get $context)) {}", Thing::default().go);
    let mut stage = Stage::of_thing(&Thing { go, ..Thing::default() });
    let thing = stage.thing();
    assert_eq!(succeeded(&stage.method(thing, "go")).changed.len(), 1);
    assert_eq!(stage.total(&thing), "1");
}

#[test]
fn a_thing_that_offers_nothing_is_consumed() {
    let mut stage =
        Stage::of_thing(&Thing { go: "(call $resume (global.get $context))".to_owned(), ..Thing::default() });
    let thing = stage.thing();
    assert_eq!(succeeded(&stage.method(thing, "go")).consumed.len(), 1);
    let mut stage = Stage::of_thing(&Thing { start: "(call $new (i32.const 0))".to_owned(), ..Thing::default() });
    assert_eq!(succeeded(&stage.main()).ephemeral.len(), 1);
}

#[test]
fn a_main_that_gives_what_it_did_not_make() {
    for start in
        ["(i32.const 0)", "(i32.const 5)", "(i32.const -1)", "(call $drop-own (call $new (i32.const 0))) (i32.const 1)"]
    {
        let mut stage = Stage::of_thing(&Thing { start: start.to_owned(), ..Thing::default() });
        let kind = failed(&stage.main());
        assert!(matches!(kind, FailureKind::Refused | FailureKind::Trap), "{start}: {kind:?}");
        failed(&stage.script("make"));
    }
}

/// Everything that never ends is ended by its gas or by a limit.
#[test]
fn without_end() {
    let resuming = "(loop $again (call $resume (global.get $context)) (br $again))";
    let offering = "(loop $again (call $offer-both (global.get $context)) (br $again))";
    for go in [resuming, offering, "(loop $again (br $again))"] {
        let mut stage = Stage::of_thing(&Thing { go: go.to_owned(), ..Thing::default() });
        let thing = stage.thing();
        let kind = failed(&stage.method(thing, "go"));
        assert!(matches!(kind, FailureKind::OutOfGas | FailureKind::Limit), "{go}: {kind:?}");
        assert_eq!(succeeded(&stage.read(thing, "look")).outcome, Ok(vec![0]));
    }
    let mut thing = Thing::default()
        .script("create: func()", &script("create", "(loop $again (drop (call $create)) (br $again))"))
        .script("tell: func()", &script("tell", "(loop $again (call $tell (i64.const 1)) (br $again))"))
        .script(
            "call: func()",
            &script(
                "call",
                "(local $h i32) (local.set $h (call $create)) (loop $again (call $go (local.get $h)) (br $again))",
            ),
        )
        .script(
            "allocate: func()",
            &script("allocate", "(loop $again (drop (memory.grow (i32.const 16))) (br $again))"),
        )
        .script("recurse: func()", &script("recurse", "(call $deep (i32.const 0))"));
    thing.events = vec![(
        "told: func(n: s64)".to_owned(),
        r#"(import "starstream:events/noise" "told" (func $tell (param i64)))"#.to_owned(),
    )];
    thing.module_items = "(func $deep (param i32) (call $deep (i32.add (local.get 0) (i32.const 1))))".to_owned();
    let mut stage = Stage::of_thing(&thing);
    for (name, kinds) in [
        ("create", [FailureKind::Limit, FailureKind::OutOfGas]),
        ("tell", [FailureKind::Limit, FailureKind::OutOfGas]),
        ("call", [FailureKind::Limit, FailureKind::OutOfGas]),
        ("allocate", [FailureKind::Limit, FailureKind::OutOfGas]),
        ("recurse", [FailureKind::Trap, FailureKind::OutOfGas]),
    ] {
        let kind = failed(&stage.script(name));
        assert!(kinds.contains(&kind), "{name}: {kind:?}");
    }
}

/// The stack of a transaction is one: what a script calls ends where the script itself would.
#[test]
fn a_recursion_fills_the_stack_in_a_script_and_in_what_it_calls() {
    let deep = "(func $deep (param i32) (call $deep (i32.add (local.get 0) (i32.const 1))))";
    let thing =
        Thing { go: "(call $deep (i32.const 0))".to_owned(), module_items: deep.to_owned(), ..Thing::default() };
    let thing = thing
        .script("recurse: func()", &script("recurse", "(call $deep (i32.const 0))"))
        .script("nested: func()", &script("nested", "(call $go (call $create))"));
    let mut stage = Stage::of_thing(&thing);
    let utxo = stage.thing();
    for answer in [stage.script("recurse"), stage.script("nested"), stage.method(utxo, "go")] {
        assert_eq!(failed(&answer), FailureKind::Trap);
    }
}

/// The set is kept, or refused; never cut.
#[test]
fn a_main_that_offers_ten_thousand_methods() {
    let offer_many = "(local $n i64) \
        (loop $again \
            (call $offer (local.get $context) (local.get $n) (i64.const 1) (i64.const 2) (i64.const 3)) \
            (local.set $n (i64.add (local.get $n) (i64.const 1))) \
            (br_if $again (i64.lt_u (local.get $n) (i64.const 10000))))";
    let start = format!("{offer_many} {}", Thing::default().start);
    let mut stage = Stage::of_thing(&Thing { start, ..Thing::default() });
    match stage.main() {
        Answer::Executed(receipt) if receipt.outcome.is_ok() => {
            let Some(UtxoStatus::Live(utxo)) = stage.chain.utxo(&receipt.created[0].utxo) else { panic!("it lives") };
            let Callable::Methods(methods) = utxo.content.callable else { panic!("it has yields") };
            assert_eq!(methods.len(), 10_002);
        }
        answer => assert!(matches!(failed(&answer), FailureKind::Limit | FailureKind::OutOfGas)),
    }
}

/// The host's own calls of a contract fail like the contract's.
#[test]
fn a_record_that_cannot_be_read() {
    for (get_storage, kinds) in [
        ("(unreachable)", vec![FailureKind::Trap]),
        ("(loop $again (br $again)) (i32.const 16)", vec![FailureKind::OutOfGas]),
        ("(i32.const -8)", vec![FailureKind::Trap]),
        ("(i32.const 65528)", vec![FailureKind::Trap]),
        ("(i32.const 17)", vec![FailureKind::Trap]),
        ("(call $resume (global.get $context)) (i32.const 16)", vec![FailureKind::Refused, FailureKind::Trap]),
        ("(call $offer-both (global.get $context)) (i32.const 16)", vec![FailureKind::Refused, FailureKind::Trap]),
        ("(call $end (global.get $context)) (i32.const 16)", vec![FailureKind::Refused, FailureKind::Trap]),
        ("(drop (call $create)) (i32.const 16)", vec![FailureKind::Refused, FailureKind::Trap]),
    ] {
        let mut stage = Stage::of_thing(&Thing { get_storage: get_storage.to_owned(), ..Thing::default() });
        for kind in [failed(&stage.main()), failed(&stage.script("make"))] {
            assert!(kinds.contains(&kind), "{get_storage}: {kind:?}");
        }
    }
}

#[test]
fn a_record_that_cannot_be_put_back() {
    for (set_storage, kinds) in [
        ("(unreachable)", vec![FailureKind::Trap]),
        ("(loop $again (br $again)) (i32.const 0)", vec![FailureKind::OutOfGas]),
        ("(i32.const 5)", vec![FailureKind::Refused, FailureKind::Trap]),
        ("(drop (call $create)) (call $new (i32.const 0))", vec![FailureKind::Refused, FailureKind::Trap]),
        ("(call $end (i32.const 0)) (call $new (i32.const 0))", vec![FailureKind::Refused, FailureKind::Trap]),
        ("(call $resume (i32.const 0)) (call $new (i32.const 0))", vec![FailureKind::Refused, FailureKind::Trap]),
    ] {
        let mut stage = Stage::of_thing(&Thing { set_storage: set_storage.to_owned(), ..Thing::default() });
        let thing = stage.thing();
        for name in ["go", "look"] {
            let kind = failed(&stage.method(thing, name));
            assert!(kinds.contains(&kind), "{set_storage}: {name}: {kind:?}");
        }
    }
}

/// What comes back is compared with what is kept, so it cannot change in silence.
#[test]
fn a_record_that_comes_back_as_another() {
    let forgetful = Thing { set_storage: "(call $new (i32.const 0))".to_owned(), ..Thing::default() };
    let restless = Thing {
        get_storage: format!(
            "(global.set $total (i64.add (global.get $total) (i64.const 1))) {}",
            Thing::default().get_storage
        ),
        ..Thing::default()
    };
    for thing in [forgetful, restless] {
        let mut stage = Stage::of_thing(&thing);
        let utxo = stage.thing();
        assert_eq!(failed(&stage.read(utxo, "look")), FailureKind::Refused);
        let receipt = succeeded(&stage.method(utxo, "look")).clone();
        assert_eq!((receipt.changed.len(), receipt.read.len()), (1, 0));
    }
}

/// Before the first call nobody calls, so there is nobody whose imports these would be.
#[test]
fn imports_called_while_an_instance_is_made() {
    for call in ["(drop (call $create))", "(call $resume (i32.const 0))", "(drop (call $new (i32.const 0)))"] {
        let module_items = format!("(func $begin {call}) (start $begin)");
        let thing = Thing { module_items, ..Thing::default() };
        match TestChain::admit(&thing.contract()) {
            Err(_) => {}
            Ok(_) => {
                let mut stage = Stage::of_thing(&thing);
                failed(&stage.main());
                failed(&stage.script("make"));
            }
        }
    }
}

/// Sixteen parameters are the most that are passed without memory; the compiler makes no more, and no more are taken.
#[test]
fn an_event_with_sixteen_parameters() {
    let noisy = |count: usize| {
        let parameters: Vec<String> = (0..count).map(|index| format!("p{index}: s64")).collect();
        let types = if count > 16 { "i32".to_owned() } else { "i64 ".repeat(count) };
        let values: String = match count {
            0..=16 => (0..count).map(|index| format!("(i64.const {index})")).collect(),
            _ => "(i32.const 0)".to_owned(),
        };
        let mut thing = Thing::default().script("tell: func()", &script("tell", &format!("(call $tell {values})")));
        thing.events = vec![(
            format!("told: func({})", parameters.join(", ")),
            format!(r#"(import "starstream:events/noise" "told" (func $tell (param {types})))"#),
        )];
        thing
    };
    let mut stage = Stage::of_thing(&noisy(16));
    let receipt = succeeded(&stage.script("tell")).clone();
    assert_eq!(receipt.events.len(), 1);
    assert_eq!(receipt.events[0].arguments, (0..16).collect::<Vec<u8>>());
    assert!(TestChain::admit(&noisy(17).contract()).is_err());
}

/// In the types of a script, in its code, and in a record.
#[test]
fn floats_where_the_chain_forbids_them() {
    let floats = Thing::default().script(
        "half: func(x: f64) -> f64",
        r#"(func (export "half") (param f64) (result f64) (f64.mul (local.get 0) (f64.const 0.5)))"#,
    );
    let hidden =
        Thing::default().script("third: func()", &script("third", "(drop (f32.div (f32.const 1) (f32.const 3)))"));
    let profile = ExecutionProfile { floats_allowed: false, ..ExecutionProfile::default() };
    let machine = Machine::with(profile);
    for thing in [floats, hidden] {
        let contract = thing.contract();
        TestChain::admit(&contract).unwrap();
        let error = support::chain(&machine.admit(&contract).err().unwrap());
        assert!(error.contains("float"), "{error}");
    }
    machine.admit(&Thing::default().contract()).unwrap();
}
