//! What a contract makes of its size: types of very many parts, and what the ledger tells of them.

use crate::build;
use crate::importing::{self, Import};
use crate::memory_chain::{Chain, id, read_id, signed, starstream};
use ledger_core::{
    Canonical, ChangedUtxo, ConsumedUtxo, CreatedUtxo, Event, Execution, Failure, FailureFrame, FailureKind,
    FailureObject, Invalid, ObjectId, Outcome, Receipt, RootCall, RootStep, StepCall, TokenChange, Transaction,
    Verdict,
};
use ledger_runtime::execution::Extent;
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::value::ValueLimits;
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TokenId, TransactionId, UtxoId};
use std::sync::Arc;

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

fn execution(chain: &Chain, transaction: &Transaction) -> Execution {
    match chain.verdict(transaction) {
        Verdict::Executed(execution) => execution,
        Verdict::Invalid(invalid) => panic!("{invalid}"),
    }
}

/// What is kept of what host and contract say to each other is paid by its bytes.
#[test]
fn what_host_and_contract_say_is_paid() {
    let profile = ExecutionProfile::default();
    let effects = starstream("effects");
    let mut chain = Chain::with(&effects);
    let (wit, wat) = (include_str!("handlers/broker.wit"), include_str!("handlers/broker.wat"));
    chain.deploy(&build::importing(wit, wat, &[("EFFECTS", &effects)]));
    let mut gas = |times| {
        let install = chain.function("install", signed(&[times]), &[]);
        execution(&chain, &install).gas_used
    };
    let each = gas(2) - gas(1);
    // The case, and the interface with its length.
    let said = 1 + 4 + "starstream:effects/oracle".len() as u64;
    assert!(each >= profile.gas_per_host_call + said * profile.gas_per_value_byte, "{each}");
    assert_eq!(gas(11) - gas(1), 10 * each);
}

/// A contract is paid with all that it imports, each once, whatever is called how often.
#[test]
fn what_is_loaded_for_a_call_is_paid() {
    let profile = ExecutionProfile::default();
    let first = importing::contract("first", &[]);
    let second = importing::contract("second", &[Import::by_sha256(&first, "first")]);
    let third = importing::contract("third", &[Import::by_sha256(&second, "second")]);
    let mut chain = Chain::with(&first);
    let mut used = Vec::new();
    for (component, script) in [(&first, "first"), (&second, "second"), (&third, "third")] {
        if used.is_empty() {
            chain.contract
        } else {
            chain.deploy(component)
        };
        let call = chain.function(script, vec![], &[]);
        used.push(execution(&chain, &call));
    }
    for (at, component) in [(1, &second), (2, &third)] {
        let of_contract = profile.gas_per_contract + profile.gas_per_contract_byte * component.len() as u64;
        let more = used[at].gas_used - used[at - 1].gas_used;
        // The rest is a call of one more script.
        let rest = profile.gas_per_utxo_call + profile.gas_per_instance + profile.gas_per_host_call;
        assert!((of_contract + rest..of_contract + rest + 2_000).contains(&more), "{more} {of_contract}");
    }

    // It is paid before anything runs, also if that is all that happens.
    let needed = [&first, &second, &third].map(|component| component.len() as u64).iter().sum::<u64>();
    let loading = 3 * profile.gas_per_contract + profile.gas_per_contract_byte * needed;
    let mut poor = chain.function("third", vec![], &[]);
    poor.gas_limit = profile.gas_per_transaction + loading - 1;
    let execution = execution(&chain, &poor);
    assert!(matches!(&execution.outcome, Outcome::Failed(failure) if failure.kind == FailureKind::OutOfGas));
    assert!(execution.calls.is_empty() && execution.gas_used == poor.gas_limit);
}

/// A simulation has no call table, and costs what the transaction will cost.
#[tokio::test]
async fn a_simulation_pays_the_same() {
    let counter = starstream("counter");
    let mut chain = Chain::with(&counter);
    let script = chain.function("create-bumped", signed(&[1, 2]), &[]);
    let executed = execution(&chain, &script);
    let (state, contracts) = (Arc::new(chain.state.clone()), Arc::new(chain.deployed.clone()));
    let simulated =
        chain.machine.executor.simulate(script, Extent::Whole, chain.moment(), state, contracts).await.unwrap();
    let Verdict::Executed(simulated) = simulated else { panic!("it is invalid") };
    assert_eq!((simulated.gas_used, simulated.calls.len()), (executed.gas_used, 0));
}

/// Each step's result is within the limit of a value, and so are all of them together.
#[test]
fn the_results_of_all_steps_have_the_limit_of_one_value() {
    let values = ValueLimits { encoded_size_bytes_max: 200, ..ValueLimits::default() };
    let profile = ExecutionProfile { values, ..ExecutionProfile::default() };
    let mut chain = Chain::with_profile(&starstream("counter"), profile);
    for (count, fits) in [(2, true), (3, false)] {
        let (contract, type_name, main) = (chain.contract, "counter".to_owned(), "start".to_owned());
        let step = RootStep { call: StepCall::Main { contract, type_name, main }, arguments: signed(&[1]) };
        let transaction = chain.transaction(RootCall::Calls(vec![step; count]), vec![], &[]);
        let execution = execution(&chain, &transaction);
        match execution.outcome {
            Outcome::Succeeded(effects) => assert!(fits && effects.result.len() <= 200, "{effects:?}"),
            Outcome::Failed(failure) => {
                assert!(!fits && failure.kind == FailureKind::Limit, "{failure}");
                assert_eq!(execution.gas_used, transaction.gas_limit);
            }
        }
    }
}

/// Everything in a receipt has a limit in the profile or in the transaction, and all of them together fit.
#[test]
fn the_largest_receipt_fits() {
    let profile = ExecutionProfile::default();
    let (digest, name) = (Digest::ZERO, "n".repeat(profile.identifier_chars_max));
    let (contract, utxo) = (ComponentHash::from_digest(digest), UtxoId::from_digest(digest));
    // Whatever is made, changed or consumed has an instance; what a transaction names may be read or lose its tokens.
    let (instances, named) = (profile.instances_max as usize, Transaction::INPUTS_MAX);
    let token = TokenChange {
        token: TokenId::from_digest(digest),
        contract,
        type_name: name.clone(),
        from: Some(utxo),
        to: Some(utxo),
    };
    let event = Event {
        contract,
        object: Some(ObjectId::Utxo(utxo)),
        interface: String::new(),
        name: String::new(),
        arguments: vec![0; profile.event_size_bytes_max / profile.events_max as usize],
    };
    let mut receipt = Receipt {
        transaction: TransactionId::from_digest(digest),
        outcome: Ok(vec![0; profile.values.encoded_size_bytes_max]),
        gas_used: u64::MAX,
        created: vec![CreatedUtxo { utxo, contract, serial: 0, slot: 0, leaf: digest }; instances],
        changed: vec![ChangedUtxo { utxo, version: 0, slot: 0, leaf: digest }; instances],
        consumed: vec![ConsumedUtxo { utxo, slot: 0 }; instances],
        ephemeral: vec![utxo; instances],
        read: vec![utxo; named],
        deployed: Some(contract),
        tokens: vec![token; instances + named * profile.tokens_per_utxo_max],
        events: vec![event; profile.events_max as usize],
    };
    assert!(receipt.size_bytes() <= Receipt::SIZE_BYTES_MAX / 2, "{}", receipt.size_bytes());

    // The functions of handlers have the longest names: those of the package, the interface and the function.
    let object = Some(FailureObject { id: ObjectId::Utxo(utxo), type_name: name.clone() });
    let frame = FailureFrame { contract, object, function: [name.as_str(); 4].concat() };
    let detail = "d".repeat(Failure::DETAIL_SIZE_BYTES_MAX);
    let frames = vec![frame; profile.frames_max as usize + 1];
    receipt.outcome = Err(Failure { kind: FailureKind::Trap, detail, frames });
    assert!(receipt.size_bytes() <= Receipt::SIZE_BYTES_MAX / 2, "{}", receipt.size_bytes());
}
