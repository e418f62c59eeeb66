//! What a block builder takes, what it refuses, and what a transaction leaves in its block.

use crate::support::*;
use ledger_core::*;
use registry_core::hash::Digest;
use registry_core::id::UtxoId;
use std::collections::BTreeMap;

#[test]
fn the_genesis_follows_nothing() {
    let genesis = genesis();
    let header = genesis.header();
    assert_eq!((header.parent.digest(), header.old_root), (&Digest::ZERO, empty_root()));
    assert_eq!((header.new_root, header.next_slot, header.next_contract_slot), (empty_root(), 0, 2));
    assert_ne!(header.contracts_root, empty_root());
    assert_eq!(header.claims_root, Digest::ZERO);
    let deployed: Vec<_> = genesis.receipts().iter().map(|receipt| receipt.deployed.unwrap()).collect();
    assert_eq!(deployed, [contract(0), contract(1)]);
    assert_eq!(genesis.block().deployments.len(), 2);
    let (record, counters) = &genesis.contracts()[&contract(1)];
    assert_eq!((record.slot, record.gas_limit_max), (1, Some(5_000)));
    assert!(record.packages.keys().eq(["test:api@0.2.0", "test:types@0.1.0"]));
    assert_eq!(counters, &ContractCounters::default());
    assert!(record.imports.keys().eq([contract(0).to_string(), CONTRACT_0_SHA256.to_owned()].iter()));
    assert!(record.imports.values().all(|imported| *imported == contract(0)));
    let opening = |state: &MemoryState| Opening::read(state, Tree::Contracts, 1).unwrap();
    assert!(opening(&state()).verify(&header.contracts_root, &record.leaf(counters)));
}

#[test]
fn places_and_serials_are_given_in_order_and_once() {
    let (mut state, [a, _, c]) = state_with_three();
    let (first, second) = (transaction_on(60, &[c, a]), transaction(61));
    let in_other = |created: Created| Created { contract: contract(1), ..created };
    let made = vec![created(&first, 0, 7), in_other(created(&first, 1, 8))];
    let sealed = apply(
        &mut state,
        vec![
            (first.clone(), succeeded(Effects { consumed: vec![c, a], created: made, ..Effects::default() })),
            (second.clone(), succeeded(Effects { created: vec![created(&second, 0, 9)], ..Effects::default() })),
        ],
    );
    let places: Vec<_> =
        sealed.receipts().iter().flat_map(|receipt| &receipt.created).map(|utxo| (utxo.slot, utxo.serial)).collect();
    assert_eq!(places, [(3, 3), (4, 0), (5, 4)]);
    let consumed: Vec<_> = sealed.receipts()[0].consumed.iter().map(|utxo| (utxo.utxo, utxo.slot)).collect();
    assert_eq!(consumed, [(c, 2), (a, 0)], "in the executor's order, at the places that they had");
    assert_eq!(state.utxo(&a).unwrap(), Some(consumed_counter(0, 2, 0)));
    let leaves: BTreeMap<u32, Digest> =
        sealed.nodes(Tree::Utxos).iter().filter(|node| node.level == 0).map(|node| (node.index, node.digest)).collect();
    assert_eq!(leaves.keys().copied().collect::<Vec<_>>(), [0, 2, 3, 4, 5]);
    assert_eq!((leaves[&0], leaves[&2]), (Utxo::tombstone(&a), Utxo::tombstone(&c)));
    for made in sealed.receipts().iter().flat_map(|receipt| &receipt.created) {
        assert_eq!(leaves[&made.slot], made.leaf);
    }
}

#[test]
fn a_later_transaction_of_a_block_sees_the_earlier_ones() {
    let (mut state, [a, b, _]) = state_with_three();
    let making = transaction(60);
    let made = created(&making, 0, 5);
    let id = made.utxo;
    let once = |utxo, version| Transaction { inputs: vec![Input { utxo, version: Some(version) }], ..transaction(61) };
    let sealed = apply(
        &mut state,
        vec![
            (making, succeeded(Effects { created: vec![made], ..Effects::default() })),
            (once(id, 0), succeeded(Effects { changed: vec![changed(id, 6)], ..Effects::default() })),
            (once(id, 1), succeeded(Effects { consumed: vec![id], ..Effects::default() })),
            (once(a, 0), succeeded(Effects { changed: vec![changed(a, 8)], ..Effects::default() })),
            (once(b, 0), succeeded(Effects { read: vec![b], ..Effects::default() })),
        ],
    );
    assert_eq!(sealed.utxos()[&id], consumed_counter(3, 2, 3), "made and consumed in one block");
    assert!(matches!(&sealed.utxos()[&a], UtxoStatus::Live(utxo) if utxo.version == 1));
    assert!(!sealed.utxos().contains_key(&b), "reading changes nothing");
    assert_eq!(sealed.header().next_slot, 4);
}

#[test]
fn a_failed_transaction_leaves_its_receipt_and_its_rows() {
    let (mut state, [a, ..]) = state_with_three();
    let before = state.tip().unwrap().unwrap();
    let sealed = apply(&mut state, vec![(transaction_on(60, &[a]), failed())]);
    let receipt = &sealed.receipts()[0];
    let script = FailureFrame { contract: contract(0), object: None, function: "go".into() };
    assert!(
        matches!(&receipt.outcome, Err(failure) if failure.kind == FailureKind::Trap && failure.frames == [script])
    );
    assert_eq!((receipt.gas_used, sealed.calls().len()), (90, 1));
    assert_eq!((sealed.header().new_root, sealed.header().next_slot), (before.new_root, before.next_slot));
    assert_eq!(sealed.header().contracts_root, before.contracts_root);
    assert!(sealed.utxos().is_empty() && sealed.contracts().is_empty() && sealed.nodes(Tree::Utxos).is_empty());
    assert_ne!(sealed.header().receipts_root, before.receipts_root);
    let again = begin(&state).push(transaction_on(60, &[a]), failed()).map(drop).unwrap_err();
    assert!(matches!(again, SealError::Invalid { invalid: Invalid::Repeated { height: 2 }, .. }), "it had its chance");
}

#[test]
fn a_row_points_to_the_last_call_whose_effects_it_could_see() {
    let (state, [a, b, _]) = state_with_three();
    let mut block = begin(&state);
    let with_calls = |utxos: &[Option<UtxoId>], execution: Execution| Execution {
        calls: utxos.iter().map(|utxo| call(*utxo)).collect(),
        ..execution
    };
    let nothing = || succeeded(Effects::default());
    block.push(transaction_on(60, &[a, b]), with_calls(&[Some(a), Some(b), Some(a), None], nothing())).unwrap();
    block.push(transaction_on(61, &[a]), with_calls(&[Some(a), Some(a), None], failed())).unwrap();
    block.push(transaction_on(62, &[a, b]), with_calls(&[Some(b), Some(a)], nothing())).unwrap();
    let sealed = block.seal().unwrap();
    let rows: Vec<_> = sealed.calls().iter().map(|row| (row.transaction, row.timestamp, row.previous)).collect();
    assert_eq!(
        rows,
        [(0, 1, 0), (0, 2, 0), (0, 3, 1), (0, 4, 0), (1, 5, 3), (1, 6, 5), (1, 7, 0), (2, 8, 2), (2, 9, 3)]
    );
}

#[test]
fn an_executor_that_contradicts_the_state_is_refused() {
    let (mut state, [a, b, c]) = state_with_three();
    let gone = Effects { consumed: vec![c], ..Effects::default() };
    apply(&mut state, vec![(transaction_on(51, &[c]), succeeded(gone))]);
    let on_a = transaction_on(60, &[a]);
    let reading_b = Transaction { references: vec![Input { utxo: b, version: None }], ..on_a.clone() };
    let made = created(&on_a, 0, 1);
    let new = made.utxo;
    let elsewhere = Created { contract: contract(9), ..made.clone() };
    let again = |utxo| Created { utxo, ..made.clone() };
    let none = Effects::default;
    let cases: Vec<(Effects, Contradiction)> = vec![
        (Effects { changed: vec![changed(b, 1)], ..none() }, Contradiction::NotAnInput(b)),
        (Effects { consumed: vec![b], ..none() }, Contradiction::NotAnInput(b)),
        (Effects { consumed: vec![c], ..none() }, Contradiction::NotAnInput(c)),
        (Effects { read: vec![c], ..none() }, Contradiction::NotNamed(c)),
        (Effects { consumed: vec![a, a], ..none() }, Contradiction::Repeated(a)),
        (Effects { consumed: vec![a], changed: vec![changed(a, 1)], ..none() }, Contradiction::Repeated(a)),
        (Effects { consumed: vec![a], read: vec![a], ..none() }, Contradiction::Repeated(a)),
        (Effects { changed: vec![changed(a, 0)], ..none() }, Contradiction::Unchanged(a)),
        (Effects { created: vec![made.clone(), made.clone()], ..none() }, Contradiction::Repeated(new)),
        (Effects { created: vec![made.clone()], ephemeral: vec![new], ..none() }, Contradiction::Repeated(new)),
        (Effects { created: vec![again(b)], ..none() }, Contradiction::Existing(b)),
        (Effects { created: vec![again(c)], ..none() }, Contradiction::Existing(c)),
        (Effects { ephemeral: vec![c], ..none() }, Contradiction::Existing(c)),
        (Effects { created: vec![elsewhere], ..none() }, Contradiction::UnknownContract(contract(9))),
    ];
    for (effects, expected) in cases {
        assert_eq!(contradiction(&state, reading_b.clone(), succeeded(effects)), expected);
    }
    let greedy = Execution { gas_used: 1_001, ..succeeded(Effects::default()) };
    assert_eq!(contradiction(&state, on_a, greedy), Contradiction::GasOverLimit { used: 1_001, limit: 1_000 });
}

#[test]
fn what_is_made_has_the_id_of_its_place() {
    let (state, _) = state_with_three();
    let making = transaction(60);
    let made = |index| created(&making, index, 1);
    let id = |index| made(index).utxo;
    let effects = |created: &[u32], ephemeral: &[u32]| {
        let created = created.iter().map(|index| made(*index)).collect();
        succeeded(Effects {
            created,
            ephemeral: ephemeral.iter().map(|index| id(*index)).collect(),
            ..Effects::default()
        })
    };
    for (kept, passed, wrong) in [(&[1][..], &[][..], 1), (&[0, 2], &[], 2), (&[1, 0], &[], 1), (&[0], &[3, 1], 3)] {
        assert_eq!(contradiction(&state, making.clone(), effects(kept, passed)), Contradiction::NotItsId(id(wrong)));
    }
    begin(&state).push(making.clone(), effects(&[1, 3], &[0, 2])).unwrap();
}

#[test]
fn what_is_called_is_named_or_made() {
    let (state, [a, b, _]) = state_with_three();
    let calling = transaction_on(60, &[a]);
    let made = created(&calling, 0, 1);
    let with = |utxo, execution: Execution| Execution { calls: vec![call(Some(utxo)), call(None)], ..execution };
    let making = || succeeded(Effects { created: vec![made.clone()], ..Effects::default() });
    let nothing = || succeeded(Effects::default());
    for (utxo, execution) in [(b, nothing()), (b, failed()), (b, making()), (made.utxo, nothing())] {
        assert_eq!(
            contradiction(&state, calling.clone(), with(utxo, execution)),
            Contradiction::NotUsed(ObjectId::Utxo(utxo))
        );
    }
    for (utxo, execution) in [(a, nothing()), (a, failed()), (made.utxo, making()), (made.utxo, failed())] {
        begin(&state).push(calling.clone(), with(utxo, execution)).unwrap();
    }
}

#[test]
fn what_could_not_be_read_again_is_refused() {
    let (state, [a, ..]) = state_with_three();
    let too_large = |execution: Execution| match contradiction(&state, transaction_on(60, &[a]), execution) {
        Contradiction::TooLarge { what, size_bytes, max } => (what, size_bytes - max),
        other => panic!("another contradiction: {other}"),
    };
    let with_state = |size_bytes: usize| {
        let content = UtxoContent { state: vec![0; size_bytes], ..content(1) };
        succeeded(Effects { changed: vec![Changed { utxo: a, content }], ..Effects::default() })
    };
    let Some(UtxoStatus::Live(known)) = state.utxo(&a).unwrap() else { panic!("it lives") };
    let room = Utxo::SIZE_BYTES_MAX - known.size_bytes() + known.content.state.len();
    assert_eq!(too_large(with_state(room + 1)), ("a UTXO", 1));
    begin(&state).push(transaction_on(60, &[a]), with_state(room)).unwrap();

    let with_result = |size_bytes: usize| succeeded(Effects { result: vec![0; size_bytes], ..Effects::default() });
    assert_eq!(too_large(with_result(Receipt::SIZE_BYTES_MAX)).0, "a receipt");
    let endless = Call { function: "f".repeat(CallRow::SIZE_BYTES_MAX), ..call(None) };
    assert_eq!(too_large(Execution { calls: vec![endless], ..failed() }).0, "a row of the call table");
}

#[test]
fn a_deployment_is_one_contract_that_is_new() {
    let state = state();
    let push = |transaction, deployment, admission| {
        let mut block = begin(&state);
        let error = block.push_deployment(transaction, 1, deployment, admission).map(drop).unwrap_err();
        assert_eq!(block.seal().unwrap(), begin(&state).seal().unwrap());
        match error {
            SealError::Contradiction { contradiction, .. } => contradiction,
            other => panic!("another error: {other}"),
        }
    };
    let (mut again, known, admission) = deployment(1);
    again.nonce = 99;
    assert_eq!(push(again, known, admission), Contradiction::DeployedContract(contract(1)));
    let (asked, mut brought, _) = deployment(2);
    assert_eq!(push(transaction(70), brought.clone(), admission), Contradiction::Deployment, "a call");
    assert_eq!(push(asked.clone(), deployment(3).1, admission), Contradiction::Deployment, "another contract");
    brought.packages.push(brought.packages[0].clone());
    assert_eq!(push(asked.clone(), brought, admission), Contradiction::Deployment, "a package twice");
    assert_eq!(contradiction(&state, asked, succeeded(Effects::default())), Contradiction::Deployment);
}

#[test]
fn a_deployment_imports_contracts_that_are_there_by_the_names_that_are_written() {
    let state = state();
    let sha256 = CONTRACT_0_SHA256;
    let push = |imports: &[(&str, u8)]| {
        let (transaction, deployment, admission) = deployment(2);
        let imports = imports.iter().map(|(name, number)| ((*name).to_owned(), contract(*number))).collect();
        let mut block = begin(&state);
        match block.push_deployment(transaction, 1, Deployment { imports, ..deployment }, admission) {
            Ok(_) => Ok(block.seal().unwrap().contracts()[&contract(2)].0.imports.clone()),
            Err(SealError::Contradiction { contradiction: Contradiction::Import(name), .. }) => Err(name),
            Err(other) => panic!("another error: {other}"),
        }
    };
    let names = [contract(0), contract(1), contract(2), contract(3)].map(|contract| contract.to_string());
    let [first, second, itself, unknown] = names.each_ref().map(String::as_str);
    let multihash = "bciqm2ahcslczodj4lyxq76srohsvlpcgx7cpvxp3jjayw2caxbxhtiy";
    let upper = sha256.to_uppercase();
    let taken: [&[(&str, u8)]; 4] = [&[], &[(first, 0)], &[(sha256, 1)], &[(first, 0), (second, 1), (sha256, 0)]];
    for imports in taken {
        let kept: Vec<(String, _)> = push(imports).unwrap().into_iter().collect();
        let mut expected: Vec<_> =
            imports.iter().map(|(name, number)| ((*name).to_owned(), contract(*number))).collect();
        expected.sort();
        assert_eq!(kept, expected);
    }
    let refused =
        [(first, 1), (unknown, 3), (sha256, 3), (itself, 2), (multihash, 0), (&upper, 0), ("", 0), ("contract", 0)];
    for (name, number) in refused {
        assert_eq!(push(&[(second, 1), (name, number)]), Err(name.to_owned()));
    }
}

#[test]
fn a_moment_is_after_the_last_one() {
    let state = state();
    let begin = |state: &MemoryState, chain: &str, profile, moment| {
        BlockBuilder::begin(state, chain.parse().unwrap(), profile, moment).map(drop).unwrap_err()
    };
    let (now, ours) = (moment(1), profile());
    let fresh = MemoryState::default();
    for height in [0, 2, u64::MAX] {
        let error = begin(&state, "test-1", ours, Moment { height, ..now });
        assert!(matches!(error, SealError::Height { found, expected: 1 } if found == height), "{error}");
    }
    assert!(matches!(begin(&fresh, "test-1", ours, now), SealError::Height { found: 1, expected: 0 }));
    assert!(matches!(begin(&fresh, "test-1", ours, Moment { slot: 1, ..moment(0) }), SealError::GenesisSlot(1)));
    let earlier = Moment { time_ms: moment(0).time_ms - 1, ..now };
    assert!(matches!(begin(&state, "test-1", ours, earlier), SealError::Time { .. }));
    assert!(matches!(begin(&state, "test-2", ours, now), SealError::OtherChain { field: "chain", .. }));
    let profile = ProfileId(digest(2));
    assert!(matches!(begin(&state, "test-1", profile, now), SealError::OtherChain { field: "execution profile", .. }));
    let same_time = Moment { height: 1, ..moment(0) };
    assert!(BlockBuilder::begin(&state, chain(), ours, same_time).is_ok(), "time may stand still");
}

#[test]
fn time_does_not_go_back_in_slots_either() {
    let mut state = state();
    apply(&mut state, Vec::new());
    let slot_back = Moment { slot: moment(1).slot - 1, ..moment(2) };
    let error = BlockBuilder::begin(&state, chain(), profile(), slot_back).map(drop).unwrap_err();
    assert!(matches!(error, SealError::Time { .. }), "{error}");
}

#[test]
fn a_block_is_applied_to_the_state_on_which_it_was_sealed() {
    let (mut state, [a, b, _]) = state_with_three();
    let consume = |nonce, utxo| {
        let mut block = begin(&state);
        let effects = Effects { consumed: vec![utxo], ..Effects::default() };
        block.push(transaction_on(nonce, &[utxo]), succeeded(effects)).unwrap();
        block.seal().unwrap()
    };
    let (one, other) = (consume(60, a), consume(60, b));
    state.apply(&one).unwrap();
    for late in [&other, &one, &genesis()] {
        assert_eq!(state.apply(late), Err(NotNext { height: late.header().moment.height }));
    }
    assert_eq!(state.tip().unwrap().as_ref(), Some(one.header()));
}

#[test]
fn a_difference_of_headers_is_named() {
    type Change = fn(&mut Header);
    let header = genesis().header().clone();
    assert_eq!(header.difference(&header), None);
    let with = |change: Change| {
        let mut other = header.clone();
        change(&mut other);
        assert_ne!(other.id(), header.id(), "every field is in the id");
        header.difference(&other).unwrap()
    };
    let changes: [(Change, &str); 15] = [
        (|header| header.hash_version = 2, "hash version: `1` and `2`"),
        (|header| header.chain = "other".parse().unwrap(), "chain: `test-1` and `other`"),
        (|header| header.profile = ProfileId(digest(2)), "profile: "),
        (|header| header.moment.height = 7, "height: `0` and `7`"),
        (|header| header.moment.slot = 7, "slot: `0` and `7`"),
        (|header| header.moment.time_ms = 7, "time: `1000000` and `7`"),
        (|header| header.parent = registry_core::id::BlockId::from_digest(digest(2)), "parent: `p2:b0"),
        (|header| header.old_root = digest(2), "old root: "),
        (|header| header.transactions_root = digest(2), "transactions root: "),
        (|header| header.receipts_root = digest(2), "receipts root: "),
        (|header| header.claims_root = digest(2), "claims root: "),
        (|header| header.next_slot = 7, "next slot: `0` and `7`"),
        (|header| header.new_root = digest(2), "new root: "),
        (|header| header.next_contract_slot = 7, "next contract slot: `2` and `7`"),
        (|header| header.contracts_root = digest(2), "contracts root: "),
    ];
    for (change, expected) in changes {
        let told = with(change);
        assert!(told.starts_with(expected), "{told}");
    }
}
