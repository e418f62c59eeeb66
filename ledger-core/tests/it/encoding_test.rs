//! One object has one encoding, and everything else is refused.

use crate::support::*;
use ledger_core::*;
use proptest::prelude::*;
use registry_core::id::{AccountId, ComponentHash, UtxoId};
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Reads back what was written, and refuses it cut anywhere, with a byte more, or with any byte changed into something
/// that is not another object's encoding.
fn has_one_encoding<T: Canonical + PartialEq + Debug>(object: &T) {
    let bytes = object.to_bytes();
    assert_eq!((bytes.len(), &T::from_bytes(&bytes).unwrap()), (object.size_bytes(), object));
    for end in 0..bytes.len() {
        assert!(T::from_bytes(&bytes[..end]).is_err(), "{} of {} bytes of {}", end, bytes.len(), T::NAME);
    }
    assert!(T::from_bytes(&[bytes.as_slice(), &[0]].concat()).is_err(), "a byte follows {}", T::NAME);
    for place in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[place] ^= flip;
            if let Ok(other) = T::from_bytes(&changed) {
                assert_ne!(&other, object, "two encodings of {}", T::NAME);
                assert_eq!(other.to_bytes(), changed, "two encodings of {}", T::NAME);
            }
        }
    }
}

#[test]
fn every_object_has_one_encoding() {
    let utxo: UtxoId = Utxo::id(&chain(), &transaction(1).id(), 0);
    let held = token(transaction(1).id(), 2);
    let input = |version| Input { utxo, version };
    let calls = steps_of_every_kind(utxo, held.id);
    let calls = calls.into_iter().map(|call| RootStep { call, arguments: vec![1] }).collect();
    for call in [
        RootCall::Calls(calls),
        RootCall::Calls(Vec::new()),
        RootCall::Function { contract: contract(0), function: "test:api/api@0.2.0#go".into() },
        RootCall::Main { contract: contract(0), type_name: "counter".into(), main: "start".into() },
        RootCall::Method { utxo, method: "bump".into() },
        RootCall::Deploy { contract: contract(0), gas_limit_max: Some(9) },
        RootCall::Deploy { contract: contract(0), gas_limit_max: None },
    ] {
        let named =
            Transaction { inputs: vec![input(Some(1)), input(None)], references: vec![input(None)], ..transaction(1) };
        has_one_encoding(&Transaction { call, ..named });
    }
    let methods = Callable::Methods([[1; 32], [2; 32], [3; 32]].map(MethodId).into());
    let owner = Some(AccountId::from_digest(digest(3)));
    for callable in [Callable::All, methods, Callable::Methods(BTreeSet::new())] {
        let content = UtxoContent { callable, owner, tokens: vec![held.clone()], ..content(1) };
        has_one_encoding(&Utxo {
            id: utxo,
            slot: 1,
            contract: contract(0),
            serial: 2,
            type_name: "é".into(),
            version: 3,
            content,
        });
    }
    let genesis = genesis();
    has_one_encoding(genesis.header());
    has_one_encoding(genesis.block());
    for (record, counters) in genesis.contracts().values() {
        has_one_encoding(record);
        has_one_encoding(counters);
    }
    let supply = TokenSupply { minted: 2, burned: 1 };
    let tokens = [("coin".into(), supply), ("gem".into(), supply)].into();
    has_one_encoding(&ContractCounters { next_serial: 3, tokens });
    for receipt in receipts() {
        has_one_encoding(&receipt);
    }
    let mut state = state();
    for row in apply(&mut state, vec![(transaction(1), failed())]).calls() {
        has_one_encoding(row);
        for object in [ObjectId::Utxo(utxo), ObjectId::Token(held.id)] {
            has_one_encoding(&CallRow { object: Some(object), end: CallEnd::Consumed, ..row.clone() });
        }
    }
}

/// A receipt with something in every list, and that of a failure.
fn receipts() -> Vec<Receipt> {
    let mut state = state();
    let making = transaction(50);
    let made = [0, 1, 2].map(|index| created(&making, index, 1));
    let [a, b, c] = made.each_ref().map(|created| created.utxo);
    apply(&mut state, vec![(making, succeeded(Effects { created: made.into(), ..Effects::default() }))]);
    let transaction = transaction_on(60, &[a, b, c]);
    let [kept, burned] = [0, 1].map(|index| token(transaction.id(), index));
    let event = |object| Event {
        contract: contract(0),
        object,
        interface: "test:api/events@0.2.0".into(),
        name: "stopped".into(),
        arguments: vec![1],
    };
    let effects = Effects {
        result: vec![1, 2, 3],
        created: vec![created(&transaction, 0, 1)],
        changed: vec![holding(a, 2, std::slice::from_ref(&kept))],
        consumed: vec![b],
        ephemeral: vec![Utxo::id(&chain(), &transaction.id(), 1)],
        read: vec![c],
        minted: minted(transaction.id(), 2),
        events: vec![event(Some(ObjectId::Utxo(a))), event(Some(ObjectId::Token(burned.id))), event(None)],
    };
    let frame = |object: Option<(ObjectId, &str)>| FailureFrame {
        contract: contract(0),
        object: object.map(|(id, type_name)| FailureObject { id, type_name: type_name.into() }),
        function: "bump".into(),
    };
    let frames =
        vec![frame(Some((ObjectId::Token(kept.id), "coin"))), frame(Some((ObjectId::Utxo(a), "counter"))), frame(None)];
    let failure = Failure { frames, ..Failure::new(FailureKind::Refused, "it does not") };
    let failing = Execution { outcome: Outcome::Failed(failure), ..failed() };
    let transactions = vec![
        (transaction, succeeded(effects)),
        (transaction_on(61, &[a]), failed()),
        (transaction_on(62, &[a]), failing),
    ];
    let sealed = apply(&mut state, transactions);
    [sealed.receipts(), genesis().receipts()].concat()
}

#[test]
fn sets_and_maps_are_sorted_and_have_nothing_twice() {
    let sorted = ContractCounters {
        next_serial: 0,
        tokens: [("a".into(), TokenSupply::default()), ("b".into(), TokenSupply::default())].into(),
    };
    let bytes = sorted.to_bytes();
    let entry_size_bytes = 4 + 1 + 16;
    let (head, entries) = bytes.split_at(8 + 4);
    let (a, b) = entries.split_at(entry_size_bytes);
    assert!(ContractCounters::from_bytes(&[head, a, b].concat()).is_ok());
    assert!(ContractCounters::from_bytes(&[head, b, a].concat()).is_err(), "not sorted");
    assert!(ContractCounters::from_bytes(&[head, a, a].concat()).is_err(), "twice");
}

#[test]
fn a_digest_that_is_not_canonical_is_refused() {
    let deploy =
        Transaction { call: RootCall::Deploy { contract: contract(0), gas_limit_max: None }, ..transaction(1) };
    let bytes = deploy.to_bytes();
    let place = bytes.windows(32).position(|window| window == contract(0).digest().as_bytes()).unwrap();
    let modulus = 0xffff_ffff_0000_0001_u64.to_le_bytes();
    for element in 0..4 {
        let mut changed = bytes.clone();
        changed[place + 8 * element..place + 8 * (element + 1)].copy_from_slice(&modulus);
        let error = Transaction::from_bytes(&changed).unwrap_err();
        assert_eq!(error.to_string(), "the bytes are not a transaction");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert_eq!(cause, "a digest has an element that is not canonical");
    }
    let zero: ComponentHash = ComponentHash::from_digest(registry_core::hash::Digest::ZERO);
    let of_zero = Transaction { call: RootCall::Deploy { contract: zero, gas_limit_max: None }, ..deploy };
    has_one_encoding(&of_zero);
}

#[test]
fn a_chain_has_a_name() {
    let longest = "a".repeat(64);
    for name in ["a", "0", "-", "test-1", &longest] {
        let chain: ChainId = name.parse().unwrap();
        assert_eq!((chain.to_string().as_str(), chain.as_str()), (name, name));
        let bytes = Transaction { chain: chain.clone(), ..transaction(1) }.to_bytes();
        assert_eq!(Transaction::from_bytes(&bytes).unwrap().chain, chain);
    }
    let too_long = "a".repeat(65);
    let valid = Transaction { chain: "abc".parse().unwrap(), ..transaction(1) }.to_bytes();
    for name in ["", "A", "test_1", "test 1", "é", "a\0", "a\n", &too_long, &"é".repeat(10_000)] {
        let error = name.parse::<ChainId>().unwrap_err();
        assert!(error.to_string().chars().count() < 200, "{error}");
        assert!(serde_json::from_str::<ChainId>(&serde_json::to_string(name).unwrap()).is_err());
        let length = (name.len() as u32).to_le_bytes();
        let bytes = [length.as_slice(), name.as_bytes(), &valid[4 + 3..]].concat();
        assert!(Transaction::from_bytes(&bytes).is_err(), "{name:?}");
    }
}

#[test]
fn lengths_that_the_bytes_do_not_have_cost_nothing() {
    let mut bytes = transaction(1).to_bytes();
    let inputs = 4 + chain().as_str().len() + 3 * 8;
    bytes[inputs..inputs + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(Transaction::from_bytes(&bytes).is_err());
}

proptest! {
    #[test]
    fn random_bytes_are_no_object_or_its_one_encoding(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        fn check<T: Canonical>(bytes: &[u8]) {
            if let Ok(object) = T::from_bytes(bytes) {
                assert_eq!(object.to_bytes(), bytes);
            }
        }
        check::<Transaction>(&bytes);
        check::<Block>(&bytes);
        check::<Utxo>(&bytes);
        check::<Receipt>(&bytes);
        check::<CallRow>(&bytes);
        check::<ContractRecord>(&bytes);
        check::<ContractCounters>(&bytes);
    }
}
