//! What a contract makes of its size: types of very many parts, and what the ledger tells of them.

use crate::build;
use crate::memory_chain::{Chain, id, read_id};
use ledger_core::{Canonical, Failure, FailureKind, Invalid, RootCall};
use registry_core::id::UtxoId;

/// Parameters of the method.
const PARAMETERS: usize = 15;

/// A contract whose UTXO has the method `m`, which takes an enum of very many cases some times; the script `go` calls it by
/// its name with parameters of other names.
fn large() -> Vec<u8> {
    let cases: Vec<String> = (0..600).map(|case| format!("c{case}{}", "a".repeat(110))).collect();
    let parameters = |name: &str| (0..PARAMETERS).map(|i| format!("{name}{i}: e")).collect::<Vec<_>>().join(", ");
    let wit = include_str!("bounds/large.wit")
        .replace("CASES", &cases.join(", "))
        .replace("EXPORTED", &parameters("a"))
        .replace("IMPORTED", &parameters("b"));
    let wat = include_str!("bounds/large.wat")
        .replace("TYPES", &"i32 ".repeat(PARAMETERS))
        .replace("ZEROS", &"(i32.const 0) ".repeat(PARAMETERS));
    build::importing(&wit, &wat, &[])
}

fn made(chain: &mut Chain) -> UtxoId {
    let make = chain.function("make", vec![], &[]);
    read_id(&chain.succeed(make).result)
}

#[test]
fn what_is_told_of_a_large_type_is_short() {
    let mut chain = Chain::with(&large());
    let utxo = made(&mut chain);
    let go = chain.function("go", id(utxo), &[utxo]);
    let (execution, receipt) = chain.commit(go);
    let Err(failure) = &receipt.outcome else { panic!("{execution:?}") };
    assert_eq!(failure.kind, FailureKind::Refused);
    assert!(failure.detail.starts_with("`m` cannot be called: it is `func(a0: enum { c0aa"), "{failure}");
    assert!(failure.detail.contains("aa…` for the UTXO "), "{failure}");
    assert!(failure.detail.len() <= 2_000 && receipt.size_bytes() <= 3_000, "{}", receipt.size_bytes());

    // It is invalid as soon as that is known, and no text about it is longer.
    let call = RootCall::Method { utxo, method: "m".to_owned() };
    let transaction = chain.transaction(call, vec![0xff; 10], &[utxo]);
    let Invalid::BadCall(reason) = chain.invalid(&transaction) else { panic!("it is another reason") };
    assert!(reason.contains("aa…` takes: "), "{reason}");
    assert!(reason.len() <= 2_000, "{}", reason.len());
}

#[test]
fn what_is_told_of_a_transaction_is_no_longer_than_a_failure() {
    let mut chain = Chain::with(&large());
    let transaction = chain.function(&"ä".repeat(100_000), vec![], &[]);
    let Invalid::BadCall(reason) = chain.invalid(&transaction) else { panic!("it is another reason") };
    assert!(reason.ends_with("ä…") && reason.len() <= Failure::DETAIL_SIZE_BYTES_MAX, "{}", reason.len());
}
