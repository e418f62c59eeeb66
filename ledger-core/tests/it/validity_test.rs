//! Which transactions cannot be in a block, whatever their contracts are.

use crate::support::*;
use ledger_core::*;
use registry_core::id::UtxoId;

#[test]
fn a_transaction_fits_the_chain_the_height_and_the_state() {
    let mut state = state();
    let making = transaction(50);
    let made = [0, 1, 2].map(|index| created(&making, index, 1));
    let [a, b, c] = made.each_ref().map(|created| created.utxo);
    let done = Effects { created: made.into(), ..Effects::default() };
    let change = Effects { changed: vec![changed(b, 2)], consumed: vec![c], ..Effects::default() };
    apply(&mut state, vec![(making.clone(), succeeded(done)), (transaction_on(51, &[b, c]), succeeded(change))]);

    let unknown = Utxo::id(&chain(), &making.id(), 9);
    let input = |utxo: UtxoId, version: Option<u64>| vec![Input { utxo, version }];
    let new = || transaction(60);
    let many: Vec<Input> =
        (0..257).map(|index| Input { utxo: Utxo::id(&chain(), &making.id(), index), version: None }).collect();
    let on = |inputs: Vec<Input>| Transaction { inputs, ..new() };
    let reading = |references: Vec<Input>| Transaction { references, ..new() };
    let bump = |utxo| RootCall::Method { utxo, method: "bump".into() };
    let stale = |expected, actual| Some(Invalid::StaleVersion { utxo: b, expected, actual });
    let too_many = |actual, unit, max| Some(Invalid::TooLarge { actual, unit, max });
    let other_chain = Invalid::OtherChain { found: "test-2".into(), expected: "test-1".into() };
    let deploys_only = Some(Invalid::BadCall("a deployment has no inputs, references or arguments".into()));
    let cases: Vec<(Transaction, Option<Invalid>)> = vec![
        (new(), None),
        (on(input(a, None)), None),
        (on(input(a, Some(0))), None),
        (on(input(b, Some(1))), None),
        (Transaction { call: bump(a), ..on(input(a, None)) }, None),
        (Transaction { call: bump(a), ..reading(input(a, None)) }, None),
        (Transaction { valid_from: 2, valid_until: 2, ..new() }, None),
        (Transaction { chain: "test-2".parse().unwrap(), ..new() }, Some(other_chain)),
        (making.clone(), Some(Invalid::Repeated { height: 1 })),
        (Transaction { valid_from: 3, ..new() }, Some(Invalid::TooEarly { valid_from: 3, height: 2 })),
        (Transaction { valid_until: 1, ..new() }, Some(Invalid::Expired { valid_until: 1, height: 2 })),
        (Transaction { valid_from: 3, valid_until: 1, ..new() }, Some(Invalid::TooEarly { valid_from: 3, height: 2 })),
        (on(input(unknown, None)), Some(Invalid::UnknownUtxo(unknown))),
        (reading(input(unknown, None)), Some(Invalid::UnknownUtxo(unknown))),
        (on(input(c, None)), Some(Invalid::ConsumedUtxo { utxo: c, height: 1 })),
        (reading(input(c, Some(0))), Some(Invalid::ConsumedUtxo { utxo: c, height: 1 })),
        (on(input(b, Some(0))), stale(0, 1)),
        (reading(input(b, Some(2))), stale(2, 1)),
        (on([input(a, None), input(a, None)].concat()), Some(Invalid::RepeatedUtxo(a))),
        (Transaction { references: input(a, None), ..on(input(a, Some(0))) }, Some(Invalid::RepeatedUtxo(a))),
        (Transaction { call: bump(a), ..on(input(b, None)) }, Some(Invalid::UndeclaredUtxo(a))),
        (Transaction { arguments: vec![0], ..deployment(2).0 }, deploys_only.clone()),
        (Transaction { inputs: input(a, None), ..deployment(2).0 }, deploys_only.clone()),
        (Transaction { references: input(a, None), ..deployment(2).0 }, deploys_only),
        (on(many.clone()), too_many(257, "inputs and references", 256)),
        (
            Transaction { references: many[..1].to_vec(), ..on(many[1..].to_vec()) },
            too_many(257, "inputs and references", 256),
        ),
        (on(many[..256].to_vec()), Some(Invalid::ConsumedUtxo { utxo: c, height: 1 })),
    ];
    for (case, (transaction, expected)) in cases.into_iter().enumerate() {
        let objection = transaction.objection(&chain(), &moment(2), &state).unwrap();
        assert_eq!(objection, expected, "case {case}");
        let pushed = begin(&state).push(transaction, failed()).map(drop);
        let refused = pushed.err().map(|error| match error {
            SealError::Invalid { invalid, .. } => invalid,
            other => panic!("another error: {other}"),
        });
        assert_eq!(refused, expected, "a block takes what there is no objection to, case {case}");
    }
}

#[test]
fn steps_use_what_the_transaction_names() {
    let (mut state, [a, b, c]) = state_with_three();
    let minting = transaction_on(51, &[a, b]);
    let [first, second] = [0, 1].map(|index| token(minting.id(), index));
    let effects = Effects {
        changed: vec![holding(a, 20, std::slice::from_ref(&first)), holding(b, 20, std::slice::from_ref(&second))],
        minted: minted(minting.id(), 2),
        ..Effects::default()
    };
    apply(&mut state, vec![(minting.clone(), succeeded(effects))]);

    let unknown = token(minting.id(), 2).id;
    let on = |inputs: &[UtxoId], calls| steps(60, inputs, calls);
    let bump = |utxo| StepCall::Method { utxo, method: "bump".into() };
    let detach = |token| StepCall::TokenMethod { token, method: "detach".into() };
    let burn = |token| StepCall::Burn { token, function: "burn".into() };
    let of_steps = "a transaction of several calls has at least one, and its arguments stand with each";
    let no_steps = Some(Invalid::BadCall(of_steps.into()));
    let too_many = Some(Invalid::TooLarge { actual: 257, unit: "calls", max: 256 });
    let undeclared = |token| Some(Invalid::UndeclaredToken(token));
    let reading = |references: &[UtxoId], transaction: Transaction| {
        let references = references.iter().map(|utxo| Input { utxo: *utxo, version: None }).collect();
        Transaction { references, ..transaction }
    };
    let (kept, made, minted) = (UtxoRef::Kept(a), UtxoRef::Made(9), TokenRef::Minted(9));
    let (first, second, unknown) = (first.id, second.id, unknown);
    let cases: Vec<(Transaction, Option<Invalid>)> = vec![
        (on(&[a], steps_of_every_kind(a, first)), None),
        (on(&[], vec![bump(made), detach(minted), burn(minted)]), None),
        (on(&[], vec![bump(made); 256]), None),
        (reading(&[a], on(&[], vec![bump(kept), detach(TokenRef::Kept(first))])), None),
        (on(&[], Vec::new()), no_steps.clone()),
        (Transaction { arguments: vec![0], ..on(&[], vec![bump(made)]) }, no_steps),
        (on(&[], vec![bump(made); 257]), too_many),
        (on(&[b, c], vec![bump(made), bump(kept)]), Some(Invalid::UndeclaredUtxo(a))),
        (on(&[a], vec![detach(TokenRef::Kept(first)), burn(TokenRef::Kept(second))]), undeclared(second)),
        (on(&[b, c], vec![detach(TokenRef::Kept(first))]), undeclared(first)),
        (on(&[a, b, c], vec![burn(TokenRef::Kept(unknown))]), undeclared(unknown)),
        (on(&[b, c], vec![StepCall::Discard { token: TokenRef::Kept(first) }]), undeclared(first)),
    ];
    for (case, (transaction, expected)) in cases.into_iter().enumerate() {
        let objection = transaction.objection(&chain(), &moment(3), &state).unwrap();
        assert_eq!(objection, expected, "case {case}");
        let pushed = begin(&state).push(transaction, failed()).map(drop);
        let refused = pushed.err().map(|error| match error {
            SealError::Invalid { invalid, .. } => invalid,
            other => panic!("another error: {other}"),
        });
        assert_eq!(refused, expected, "a block takes what there is no objection to, case {case}");
    }
}

#[test]
fn what_is_invalid_about_tokens_and_methods_is_told_with_names() {
    let (utxo, contract) = (Utxo::id(&chain(), &transaction(1).id(), 0), contract(0));
    let (type_name, method) = ("counter".to_owned(), "bump".to_owned());
    let told = Invalid::NotCallable { utxo, contract, type_name, method }.to_string();
    let expected = format!("the UTXO {utxo} (`counter` of {contract}) does not offer `bump` where it waits now");
    assert_eq!(told, expected);
    let token = token(transaction(1).id(), 0).id;
    let expected = format!("no UTXO that the transaction names holds the token {token}");
    assert_eq!(Invalid::UndeclaredToken(token).to_string(), expected);
}

#[test]
fn a_transaction_has_a_greatest_size() {
    let state = state();
    let overhead = Transaction { arguments: Vec::new(), ..transaction(60) }.size_bytes();
    let of_size = |size_bytes: usize| Transaction { arguments: vec![0; size_bytes - overhead], ..transaction(60) };
    let max = Transaction::SIZE_BYTES_MAX;
    assert_eq!(of_size(max).to_bytes().len(), max);
    assert_eq!(of_size(max).objection(&chain(), &moment(1), &state).unwrap(), None);
    let expected = Invalid::TooLarge { actual: max + 1, unit: "bytes", max };
    assert_eq!(of_size(max + 1).objection(&chain(), &moment(1), &state).unwrap(), Some(expected));
    assert!(Transaction::from_bytes(&of_size(max).to_bytes()).is_ok());
    assert!(matches!(Transaction::from_bytes(&of_size(max + 1).to_bytes()), Err(DecodeError::TooLarge { .. })));

    let call = |size_bytes: usize| {
        let call = StepCall::Function { contract: contract(0), function: "create".into() };
        RootCall::Calls(vec![RootStep { call, arguments: vec![0; size_bytes] }])
    };
    let with = |size_bytes| Transaction { call: call(size_bytes), arguments: Vec::new(), ..transaction(60) };
    let room = max - with(0).size_bytes();
    assert_eq!(with(room).objection(&chain(), &moment(1), &state).unwrap(), None);
    let expected = Invalid::TooLarge { actual: max + 1, unit: "bytes", max };
    assert_eq!(with(room + 1).objection(&chain(), &moment(1), &state).unwrap(), Some(expected));
}

#[test]
fn a_transaction_is_spent_once_in_a_block() {
    let mut state = state();
    let making = transaction(50);
    let made = created(&making, 0, 1);
    let id = made.utxo;
    apply(&mut state, vec![(making, succeeded(Effects { created: vec![made], ..Effects::default() }))]);
    let consume = || succeeded(Effects { consumed: vec![id], ..Effects::default() });
    let mut block = begin(&state);
    block.push(transaction_on(60, &[id]), consume()).unwrap();
    let double_spend = transaction_on(61, &[id]);
    let expected = Some(Invalid::ConsumedUtxo { utxo: id, height: 2 });
    assert_eq!(double_spend.objection(&chain(), block.moment(), block.state()).unwrap(), expected);
    assert!(matches!(block.push(double_spend, consume()), Err(SealError::Invalid { .. })));
    let same = transaction_on(60, &[id]).objection(&chain(), block.moment(), block.state()).unwrap();
    assert_eq!(same, Some(Invalid::Repeated { height: 2 }));
}
