//! What becomes of tokens: told in receipts, counted for each type, and never more than the state can bear out.

use crate::support::*;
use ledger_core::*;
use registry_core::hash::Digest;
use registry_core::id::{ComponentHash, TransactionId, UtxoId};
use std::slice::from_ref;

/// How many coins were minted and burned; none if the contract never minted any.
fn supply(state: &dyn State) -> Option<(u64, u64)> {
    let (_, counters) = state.contract(&contract(1)).unwrap().unwrap();
    counters.tokens.get("coin").map(|supply| (supply.minted, supply.burned))
}

/// A state with three UTXOs, of which the first holds two coins and the second one; and these.
fn state_with_tokens() -> (MemoryState, [UtxoId; 3], [Token; 3]) {
    let (mut state, [a, b, c]) = state_with_three();
    let minting = transaction_on(51, &[a, b]);
    let tokens = [0, 1, 2].map(|index| token(minting.id(), index));
    let effects = Effects {
        changed: vec![holding(a, 20, &tokens[..2]), holding(b, 20, &tokens[2..])],
        minted: minted(minting.id(), 3),
        ..Effects::default()
    };
    apply(&mut state, vec![(minting, succeeded(effects))]);
    (state, [a, b, c], tokens)
}

#[test]
fn what_becomes_of_tokens_is_told_in_order_and_counted() {
    let (mut state, [a, b, c], [first, second, third]) = state_with_tokens();
    assert_eq!(supply(&state), Some((3, 0)));

    // On the inputs in another order: of two new ones one is bound and one burned at once; one moves, one stays, and one
    // is burned whose holder is consumed.
    let transaction = transaction_on(60, &[b, a, c]);
    let new = [0, 1].map(|index| token(transaction.id(), index));
    let made = created(&transaction, 0, 1);
    let holder = made.utxo;
    let content = UtxoContent { tokens: vec![second.clone(), new[1].clone()], ..made.content.clone() };
    let effects = Effects {
        created: vec![Created { content, ..made }],
        changed: vec![holding(a, 21, from_ref(&first))],
        consumed: vec![b],
        read: vec![c],
        minted: minted(transaction.id(), 2),
        ..Effects::default()
    };
    let sealed = apply(&mut state, vec![(transaction, succeeded(effects))]);
    let expected = [
        token_change(new[0].id, None, None),
        token_change(new[1].id, None, Some(holder)),
        token_change(third.id, Some(b), None),
        token_change(second.id, Some(a), Some(holder)),
    ];
    assert_eq!(sealed.receipts()[0].tokens, expected);
    assert_eq!(supply(&state), Some((5, 2)), "what was minted and burned at once counts twice");
    let Some(UtxoStatus::Live(utxo)) = state.utxo(&holder).unwrap() else { panic!("it lives") };
    assert_eq!(utxo.content.tokens, [second, new[1].clone()], "in the order in which they came");
}

#[test]
fn a_token_that_moves_changes_no_supply() {
    let (mut state, [a, b, _], [first, second, third]) = state_with_tokens();
    let effects = Effects {
        changed: vec![holding(a, 21, from_ref(&third)), holding(b, 21, &[second.clone(), first.clone()])],
        ..Effects::default()
    };
    let sealed = apply(&mut state, vec![(transaction_on(60, &[a, b]), succeeded(effects))]);
    let expected = [
        token_change(first.id, Some(a), Some(b)),
        token_change(second.id, Some(a), Some(b)),
        token_change(third.id, Some(b), Some(a)),
    ];
    assert_eq!(sealed.receipts()[0].tokens, expected);
    assert!(sealed.contracts().is_empty(), "nothing was counted");
    assert_eq!(supply(&state), Some((3, 0)));
}

#[test]
fn a_token_that_stays_may_have_another_record() {
    let (mut state, [a, ..], [first, second, _]) = state_with_tokens();
    let changed = Token { state: vec![6], ..first };
    let effects = Effects { changed: vec![holding(a, 20, &[changed.clone(), second])], ..Effects::default() };
    let sealed = apply(&mut state, vec![(transaction_on(60, &[a]), succeeded(effects))]);
    assert!(sealed.receipts()[0].tokens.is_empty() && sealed.contracts().is_empty());
    assert!(matches!(&sealed.utxos()[&a], UtxoStatus::Live(utxo) if utxo.version == 2));
    assert!(matches!(&sealed.utxos()[&a], UtxoStatus::Live(utxo) if utxo.content.tokens[0] == changed));
}

#[test]
fn an_executor_that_invents_tokens_is_refused() {
    let (mut state, [a, b, c], [first, second, third]) = state_with_tokens();
    let burning = Effects { changed: vec![holding(a, 21, from_ref(&first))], ..Effects::default() };
    apply(&mut state, vec![(transaction_on(52, &[a]), succeeded(burning))]);
    let dead = second;

    let on_a = Transaction { references: vec![Input { utxo: b, version: None }], ..transaction_on(60, &[a, c]) };
    let id = on_a.id();
    let new = token(id, 0);
    let none = Effects::default;
    let holds = |utxo, tokens: &[&Token]| {
        let tokens: Vec<Token> = tokens.iter().map(|token| (*token).clone()).collect();
        vec![holding(utxo, 30, &tokens)]
    };
    let other_type = Token { type_name: "gem".into(), ..first.clone() };
    let other_contract = Token { contract: contract(0), ..first.clone() };
    let new_as_another = Token { type_name: "gem".into(), ..new.clone() };
    let in_two = [holds(a, &[&first]), holds(c, &[&first])].concat();
    let made = created(&on_a, 0, 1);
    let made = Created { content: UtxoContent { tokens: vec![first.clone()], ..made.content.clone() }, ..made };
    let of_nobody = Token { contract: contract(9), ..new.clone() };
    let mint = |count| minted(id, count);
    let of_other = minted(transaction(61).id(), 1);
    let twice = [mint(1), mint(1)].concat();
    let token = |token: &Token| Contradiction::Token(token.id);
    let cases: Vec<(&str, Effects, Contradiction)> = vec![
        ("burned before", Effects { changed: holds(a, &[&first, &dead]), ..none() }, token(&dead)),
        ("twice in one", Effects { changed: holds(a, &[&first, &first]), ..none() }, token(&first)),
        ("in two inputs", Effects { changed: in_two, ..none() }, token(&first)),
        (
            "kept, and in a new one",
            Effects { created: vec![made], changed: holds(a, &[&first]), ..none() },
            token(&first),
        ),
        ("another type", Effects { changed: holds(a, &[&other_type]), ..none() }, token(&first)),
        ("another contract", Effects { changed: holds(a, &[&other_contract]), ..none() }, token(&first)),
        ("out of a reference", Effects { changed: holds(a, &[&first, &third]), ..none() }, token(&third)),
        ("out of what was read", Effects { changed: holds(c, &[&first]), read: vec![a], ..none() }, token(&first)),
        ("out of what is not told of", Effects { changed: holds(c, &[&first]), ..none() }, token(&first)),
        ("not minted", Effects { changed: holds(a, &[&first, &new]), ..none() }, token(&new)),
        (
            "minted as another",
            Effects { changed: holds(a, &[&first, &new_as_another]), minted: mint(1), ..none() },
            token(&new),
        ),
        (
            "minted at the place 1",
            Effects { minted: mint(2).split_off(1), ..none() },
            Contradiction::Token(mint(2)[1].token),
        ),
        (
            "minted in another transaction",
            Effects { minted: of_other.clone(), ..none() },
            Contradiction::Token(of_other[0].token),
        ),
        ("minted twice", Effects { minted: twice, ..none() }, token(&new)),
        (
            "minted by nobody",
            Effects { minted: vec![minted_as(&of_nobody)], ..none() },
            Contradiction::UnknownContract(contract(9)),
        ),
    ];
    for (case, effects, expected) in cases {
        assert_eq!(contradiction(&state, on_a.clone(), succeeded(effects)), expected, "{case}");
    }
}

#[test]
fn a_token_that_is_used_is_held_by_what_is_named_or_minted() {
    let (state, [a, b, _], [first, _, third]) = state_with_tokens();
    let on_a = transaction_on(60, &[a]);
    let with_b = Transaction { references: vec![Input { utxo: b, version: None }], ..on_a.clone() };
    let new = |transaction: &Transaction, index| token(transaction.id(), index).id;
    let called = |token, execution: Execution| Execution {
        calls: vec![call_of(Some(ObjectId::Token(token))), call(None)],
        ..execution
    };
    let minting =
        |transaction: &Transaction| succeeded(Effects { minted: minted(transaction.id(), 1), ..Effects::default() });
    let nothing = || succeeded(Effects::default());
    let told = |object| {
        let (interface, name) = ("test:api/events@0.2.0".into(), "stopped".into());
        let event = Event { contract: contract(1), object: Some(object), interface, name, arguments: Vec::new() };
        succeeded(Effects { events: vec![event], ..Effects::default() })
    };

    let unused = |object| Contradiction::NotUsed(object);
    for (token, execution) in [
        (third.id, nothing()),
        (third.id, failed()),
        (new(&on_a, 0), nothing()),
        (new(&on_a, 1), minting(&on_a)),
        (new(&on_a, 2), failed()),
    ] {
        let expected = unused(ObjectId::Token(token));
        assert_eq!(contradiction(&state, on_a.clone(), called(token, execution)), expected);
    }
    for object in [ObjectId::Token(third.id), ObjectId::Utxo(b)] {
        assert_eq!(contradiction(&state, on_a.clone(), told(object)), unused(object), "an event");
    }
    for (token, execution) in [
        (first.id, nothing()),
        (first.id, failed()),
        (third.id, nothing()),
        (new(&with_b, 0), minting(&with_b)),
        (new(&with_b, 1), failed()),
    ] {
        begin(&state).push(with_b.clone(), called(token, execution)).unwrap();
    }
    for object in [ObjectId::Token(third.id), ObjectId::Utxo(b)] {
        begin(&state).push(with_b.clone(), told(object)).unwrap();
    }
}

#[test]
fn rows_of_tokens_point_to_rows_of_the_same_token() {
    let (state, [a, ..], [first, second, _]) = state_with_tokens();
    let [utxo, first, second] = [ObjectId::Utxo(a), ObjectId::Token(first.id), ObjectId::Token(second.id)].map(Some);
    let with = |objects: &[Option<ObjectId>], execution| Execution {
        calls: objects.iter().map(|object| call_of(*object)).collect(),
        ..execution
    };
    let nothing = || succeeded(Effects::default());
    let mut block = begin(&state);
    block.push(transaction_on(60, &[a]), with(&[first, utxo, second, first, None], nothing())).unwrap();
    block.push(transaction_on(61, &[a]), with(&[first, None], failed())).unwrap();
    block.push(transaction_on(62, &[a]), with(&[second, first, utxo], nothing())).unwrap();
    let previous: Vec<_> = block.seal().unwrap().calls().iter().map(|row| row.previous).collect();
    assert_eq!(previous, [0, 0, 0, 1, 0, 4, 0, 3, 4, 2]);
}

#[test]
fn a_contract_counts_no_more_types_than_can_be_read_again() {
    let (state, [a, ..], _) = state_with_tokens();
    let minting = transaction_on(60, &[a]);
    let (_, counters) = state.contract(&contract(1)).unwrap().unwrap();
    // A type's entry has the length of its name, the name, and two numbers.
    let room = ContractCounters::SIZE_BYTES_MAX - counters.size_bytes() - (4 + 8 + 8);
    let mint = |name_size_bytes: usize| {
        let token = Token { type_name: "t".repeat(name_size_bytes), ..token(minting.id(), 0) };
        succeeded(Effects { minted: vec![minted_as(&token)], ..Effects::default() })
    };
    begin(&state).push(minting.clone(), mint(room)).unwrap();
    let max = ContractCounters::SIZE_BYTES_MAX;
    let expected = Contradiction::TooLarge { what: ContractCounters::NAME, size_bytes: max + 1, max };
    assert_eq!(contradiction(&state, minting.clone(), mint(room + 1)), expected);
}

/// A state in which so many coins were minted and burned.
struct Counted {
    state: MemoryState,
    supply: TokenSupply,
}

impl State for Counted {
    fn tip(&self) -> Result<Option<Header>, StateError> {
        self.state.tip()
    }

    fn utxo(&self, id: &UtxoId) -> Result<Option<UtxoStatus>, StateError> {
        self.state.utxo(id)
    }

    fn contract(&self, contract: &ComponentHash) -> Result<Option<(ContractRecord, ContractCounters)>, StateError> {
        let mut known = self.state.contract(contract)?;
        if let Some((_, counters)) = &mut known {
            counters.tokens.insert("coin".into(), self.supply);
        }
        Ok(known)
    }

    fn transaction_height(&self, transaction: &TransactionId) -> Result<Option<u64>, StateError> {
        self.state.transaction_height(transaction)
    }

    fn node(&self, tree: Tree, level: u8, index: u32) -> Result<Option<Digest>, StateError> {
        self.state.node(tree, level, index)
    }
}

#[test]
fn there_are_at_most_as_many_tokens_as_can_be_counted() {
    let (state, [a, ..], [first, ..]) = state_with_tokens();
    let minting = transaction_on(60, &[a]);
    let mint = Effects { minted: minted(minting.id(), 1), ..Effects::default() };
    let burn = Effects { changed: vec![holding(a, 30, from_ref(&first))], ..Effects::default() };
    for (effects, counted, fits) in [
        (&mint, TokenSupply { minted: u64::MAX - 1, burned: u64::MAX - 1 }, true),
        (&mint, TokenSupply { minted: u64::MAX, burned: 0 }, false),
        (&burn, TokenSupply { minted: u64::MAX, burned: u64::MAX - 1 }, true),
        (&burn, TokenSupply { minted: u64::MAX, burned: u64::MAX }, false),
    ] {
        let state = Counted { state: state.clone(), supply: counted };
        let mut block = BlockBuilder::begin(&state, chain(), profile(), moment(3)).unwrap();
        match block.push(minting.clone(), succeeded(effects.clone())) {
            Ok(_) => assert!(fits, "{counted:?}"),
            Err(SealError::Full(what)) => assert!(!fits && what == "tokens of a type", "{counted:?}: {what}"),
            Err(other) => panic!("another error: {other}"),
        }
    }
}
