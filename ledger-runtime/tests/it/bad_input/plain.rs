//! Contracts without Starstream's shape that do their worst, in transactions of a chain. What they do in calls that no
//! block has is in `execution.rs`.

use super::stage::{Stage, failed, succeeded};
use crate::build;
use crate::starstream::contract::Contract;
use ledger_core::FailureKind;

#[test]
fn functions_that_do_their_worst() {
    let wat = r#"(module
        (memory (export "memory") 1)
        (func (export "endless") (loop $again (br $again)))
        (func (export "allocate") (loop $again (drop (memory.grow (i32.const 16))) (br $again)))
        (func (export "allocate-at-once") (drop (memory.grow (i32.const 60000))))
        (func $recurse (export "recurse") (call $recurse))
        (func (export "stop") (unreachable))
        (func (export "divide") (drop (i32.div_u (i32.const 1) (i32.const 0))))
        (func (export "outside") (drop (i32.load (i32.const 65533))))
        ;; A text of two megabytes.
        (func (export "huge") (result i32)
            (drop (memory.grow (i32.const 40)))
            (memory.fill (i32.const 16) (i32.const 97) (i32.const 2097152))
            (i32.store (i32.const 4) (i32.const 2097152))
            (i32.store (i32.const 0) (i32.const 16))
            (i32.const 0))
        ;; A text that lies outside of the memory.
        (func (export "nowhere") (result i32)
            (i32.store (i32.const 0) (i32.const 65536))
            (i32.store (i32.const 4) (i32.const 5))
            (i32.const 0))
        ;; A text that is no text.
        (func (export "garbled") (result i32)
            (i32.store (i32.const 0) (i32.const 16))
            (i32.store (i32.const 4) (i32.const 4))
            (i32.store (i32.const 16) (i32.const -1))
            (i32.const 0)))"#;
    let wit = "package demo:test; world test {
        export endless: func(); export allocate: func(); export allocate-at-once: func(); export recurse: func();
        export stop: func(); export divide: func(); export outside: func();
        export huge: func() -> string; export nowhere: func() -> string; export garbled: func() -> string;
    }";
    let mut stage = Stage::new(Contract::new(build::component(wit, wat)), "", "");
    for (function, kinds) in [
        ("endless", [FailureKind::OutOfGas, FailureKind::OutOfGas]),
        ("allocate", [FailureKind::Limit, FailureKind::OutOfGas]),
        ("allocate-at-once", [FailureKind::Limit, FailureKind::OutOfGas]),
        ("recurse", [FailureKind::Trap, FailureKind::OutOfGas]),
        ("stop", [FailureKind::Trap, FailureKind::Trap]),
        ("divide", [FailureKind::Trap, FailureKind::Trap]),
        ("outside", [FailureKind::Trap, FailureKind::Trap]),
        ("huge", [FailureKind::Limit, FailureKind::Limit]),
        ("nowhere", [FailureKind::Trap, FailureKind::Trap]),
        ("garbled", [FailureKind::Trap, FailureKind::Trap]),
    ] {
        let kind = failed(&stage.script(function));
        assert!(kinds.contains(&kind), "{function}: {kind:?}");
    }
}

/// A contract that is itself the type of its UTXOs, with a text of so many bytes as its record. `grow` makes it longer,
/// and `grow-then-stop` does that and fails.
fn keeper(set_storage: &str) -> Contract {
    let wat = format!(
        r#"(module
            (memory (export "memory") 40)
            (global $size (mut i32) (i32.const 3))
            (func (export "grow") (global.set $size (i32.mul (global.get $size) (i32.const 30))))
            (func (export "grow-then-stop") (global.set $size (i32.const 9)) (unreachable))
            (func (export "size") (result i32) (global.get $size))
            (func (export "get-storage") (result i32)
                (memory.fill (i32.const 64) (i32.const 97) (global.get $size))
                (i32.store (i32.const 0) (i32.const 64))
                (i32.store (i32.const 4) (global.get $size))
                (i32.const 0))
            (func (export "set-storage") (param i32 i32) {set_storage})
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 64)))"#
    );
    let wit = "package demo:test; world test {
        export grow: func(); export grow-then-stop: func(); export size: func() -> u32;
        export get-storage: func() -> string; export set-storage: func(storage: string);
    }";
    Contract::new(build::component(wit, &wat))
}

#[test]
fn a_record_that_grows_without_end() {
    let mut stage = Stage::new(keeper("(global.set $size (local.get 1))"), "", "size");
    let utxo = stage.thing();
    let mut size = 3;
    loop {
        let answer = stage.method(utxo, "grow");
        if size * 30 > 64 << 10 {
            assert_eq!(failed(&answer), FailureKind::Limit);
            break;
        }
        size *= 30;
        assert_eq!(succeeded(&answer).changed.len(), 1);
    }
    assert_eq!(succeeded(&stage.read(utxo, "size")).read, [utxo]);
}

#[test]
fn a_trap_after_the_state_was_changed_leaves_the_state() {
    let mut stage = Stage::new(keeper("(global.set $size (local.get 1))"), "", "size");
    let utxo = stage.thing();
    assert_eq!(failed(&stage.method(utxo, "grow-then-stop")), FailureKind::Trap);
    assert_eq!(succeeded(&stage.read(utxo, "size")).outcome, Ok(vec![3]));
}

#[test]
fn a_record_that_is_not_taken() {
    for (set_storage, kind) in
        [("(unreachable)", FailureKind::Trap), ("(loop $again (br $again))", FailureKind::OutOfGas)]
    {
        let mut stage = Stage::new(keeper(set_storage), "", "size");
        let utxo = stage.thing();
        for method in ["grow", "size"] {
            assert_eq!(failed(&stage.method(utxo, method)), kind);
        }
    }
    // What comes back as something else is a change, and a reference may not change.
    let mut stage = Stage::new(keeper("(global.set $size (i32.const 5))"), "", "size");
    let utxo = stage.thing();
    assert_eq!(failed(&stage.read(utxo, "size")), FailureKind::Refused);
}

/// A contract whose record is a list of `count` elements of the type `ty` that are full of `half_words`.
fn lister(declared: &str, ty: &str, count: u32, size_bytes: u32, half_words: u32) -> Contract {
    let end = count * size_bytes;
    let wat = format!(
        r#"(module
            (memory (export "memory") 40)
            (func (export "touch") (result i32) (i32.const 5))
            (func (export "get-storage") (result i32)
                (local $at i32)
                (loop $next
                    (i32.store16 offset=64 (local.get $at) (i32.const {half_words}))
                    (local.set $at (i32.add (local.get $at) (i32.const 2)))
                    (br_if $next (i32.lt_u (local.get $at) (i32.const {end}))))
                (i32.store (i32.const 0) (i32.const 64))
                (i32.store (i32.const 4) (i32.const {count}))
                (i32.const 0))
            (func (export "set-storage") (param i32 i32))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 131072)))"#
    );
    let wit = format!(
        "package demo:test; world test {{ {declared}
            export get-storage: func() -> list<{ty}>; export set-storage: func(storage: list<{ty}>);
            export touch: func() -> u32; }}"
    );
    Contract::new(build::component(&wit, &wat))
}

#[test]
fn a_record_that_is_kept_can_be_loaded_again() {
    let cases: Vec<String> = (0..9_000).map(|index| format!("c{index}")).collect();
    let many_cases = format!("enum choice {{ {} }}", cases.join(", "));
    let mut stage = Stage::new(lister(&many_cases, "choice", 12_000, 2, 8_999), "", "touch");
    let utxo = stage.thing();
    assert_eq!(succeeded(&stage.read(utxo, "touch")).outcome, Ok(vec![5]));
    assert_eq!(succeeded(&stage.method(utxo, "touch")).read, [utxo]);
}

#[test]
fn a_record_that_could_not_be_loaded_again_is_not_kept() {
    // A byte of the record each, and thirty values in memory.
    let nested = format!("{}u8{}", "tuple<".repeat(30), ">".repeat(30));
    let mut stage = Stage::new(lister("", &nested, 60_000, 1, 0), "", "touch");
    assert_eq!(failed(&stage.main()), FailureKind::Limit);
}
