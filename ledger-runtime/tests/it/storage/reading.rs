//! Blocks are kept and told again; what does not follow is refused.

use super::chain::{CHAIN, GENESIS, Maker, assert_holds, blocks, commit, commit_all, live, tokens};
use crate::build;
use ledger_runtime::limits::Limits;
use ledger_runtime::store::{RedbStorage, Storage, StorageError, TokenStatus, TransactionPlace};
use registry_core::id::{ComponentHash, TokenId};
use registry_core::limits::Limits as CoreLimits;

fn open(directory: &std::path::Path) -> RedbStorage {
    RedbStorage::open(directory, &Limits::default()).unwrap()
}

#[test]
fn a_chain_is_told_as_it_was_written_also_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path());
    assert_eq!(storage.snapshot().tip().unwrap(), None);
    assert_eq!(storage.snapshot().genesis().unwrap(), None);
    for count in 1..=CHAIN.len() {
        commit(&storage, &CHAIN[count - 1]).unwrap();
        assert_holds(&*storage.snapshot(), &CHAIN[..count]);
    }
    drop(storage);
    let storage = open(directory.path());
    assert_holds(&*storage.snapshot(), &CHAIN);
    assert_eq!(storage.snapshot().genesis().unwrap().as_deref(), Some(GENESIS));
    let report = storage.check(&CoreLimits::default(), &mut |_| {}).unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
    assert_eq!((report.blocks, report.contracts, report.packages), (13, 2, 2));
    assert_eq!(report.transactions, 12 * 6 + 2);
}

#[test]
fn a_snapshot_stays_what_it_was() {
    let storage = RedbStorage::in_memory(&Limits::default()).unwrap();
    let mut snapshots = vec![storage.snapshot()];
    for block in CHAIN.iter() {
        commit(&storage, block).unwrap();
        snapshots.push(storage.snapshot());
    }
    for (count, snapshot) in snapshots.iter().enumerate() {
        assert_holds(&**snapshot, &CHAIN[..count]);
    }
}

#[test]
fn transactions_are_found_by_their_ids() {
    let storage = RedbStorage::in_memory(&Limits::default()).unwrap();
    commit_all(&storage, &CHAIN);
    let snapshot = storage.snapshot();
    for (height, block) in (0..).zip(CHAIN.iter()) {
        for (index, (transaction, receipt)) in (0..).zip(block.block().transactions.iter().zip(block.receipts())) {
            let place = TransactionPlace { height, index };
            assert_eq!(snapshot.place(&transaction.id()).unwrap(), Some(place));
            assert_eq!(snapshot.transaction_height(&transaction.id()).unwrap(), Some(height));
            assert_eq!(snapshot.transaction(place).unwrap(), Some((transaction.clone(), receipt.clone())));
        }
    }
    assert_eq!(snapshot.transaction(TransactionPlace { height: 5, index: 6 }).unwrap(), None);
}

#[test]
fn lists_are_paged_and_complete() {
    let limits = Limits { utxos_scanned_max: 3, ..Limits::default() };
    let storage = RedbStorage::in_memory(&limits).unwrap();
    commit_all(&storage, &CHAIN);
    let snapshot = storage.snapshot();
    let contract = ComponentHash::of(&build::example("counter"));
    let expected = live(&CHAIN);
    for (limit, of) in [(1, None), (2, Some(&contract)), (100, None), (100, Some(&contract))] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = snapshot.utxos(of, after, limit).unwrap();
            assert!(page.utxos.len() <= limit && page.utxos.len() <= limits.utxos_scanned_max + 1);
            found.extend(page.utxos);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        assert_eq!(found, expected);
    }
    let other = ComponentHash::of(b"never deployed");
    assert!(snapshot.utxos(Some(&other), None, 10).unwrap().utxos.is_empty());

    let first = snapshot.contracts(None, 1).unwrap();
    let second = snapshot.contracts(Some(first[0].0.contract), 5).unwrap();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert_eq!(snapshot.contract(&second[0].0.contract).unwrap().as_ref(), second.first());
    assert!(snapshot.contracts(Some(second[0].0.contract), 5).unwrap().is_empty());
}

#[test]
fn a_deployed_component_is_kept_with_its_packages() {
    let storage = RedbStorage::in_memory(&Limits::default()).unwrap();
    commit_all(&storage, &CHAIN);
    let snapshot = storage.snapshot();
    for example in ["counter", "shop"] {
        let bytes = build::example(example);
        let contract = ComponentHash::of(&bytes);
        let fetched = snapshot.component(&contract, &CoreLimits::default()).unwrap().unwrap();
        assert_eq!(fetched.bytes, bytes);
        assert_eq!(fetched.component.closure(), crate::support::verified(&bytes).closure());
    }
    let unknown = snapshot.component(&ComponentHash::of(b"unknown"), &CoreLimits::default()).unwrap();
    assert!(unknown.is_none());
}

#[test]
fn a_block_that_does_not_follow_is_refused_and_leaves_nothing() {
    let storage = RedbStorage::in_memory(&Limits::default()).unwrap();
    let refused = |result: Result<(), StorageError>, expected: &str| {
        let error = result.unwrap_err();
        assert!(matches!(error, StorageError::NotNext(_)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    };
    refused(storage.commit(&CHAIN[1]), "there is no chain yet");
    refused(storage.begin(GENESIS, &CHAIN[1]), "the height is 1");
    commit_all(&storage, &CHAIN[..3]);
    refused(storage.begin(GENESIS, &CHAIN[0]), "there is a chain already");
    refused(storage.commit(&CHAIN[2]), "the height is 2, and after the last block it is 3");
    refused(storage.commit(&CHAIN[4]), "the height is 4");
    // The same height on another chain of the same name.
    refused(storage.commit(&blocks(3, 4, 99)[3]), "the parent is");
    assert_holds(&*storage.snapshot(), &CHAIN[..3]);
    commit_all(&storage, &CHAIN[3..]);
    assert_holds(&*storage.snapshot(), &CHAIN);
}

#[test]
fn two_blocks_for_one_height_are_not_both_kept() {
    let storage = RedbStorage::in_memory(&Limits::default()).unwrap();
    commit_all(&storage, &CHAIN[..1]);
    let before = storage.snapshot();
    let rivals: Vec<_> = (0..4).map(|seed| Maker::new(seed).block(&*before, 1, 3)).collect();
    let kept: Vec<bool> = std::thread::scope(|scope| {
        let commits: Vec<_> = rivals.iter().map(|block| scope.spawn(|| storage.commit(block).is_ok())).collect();
        commits.into_iter().map(|commit| commit.join().unwrap()).collect()
    });
    assert_eq!(kept.iter().filter(|kept| **kept).count(), 1);
    let winner = kept.iter().position(|kept| *kept).unwrap();
    assert_eq!(storage.snapshot().tip().unwrap().as_ref(), Some(rivals[winner].header()));
}

#[test]
fn tokens_are_listed_in_pages_by_contract_and_type() {
    let storage = RedbStorage::in_memory(&Limits::default()).unwrap();
    commit_all(&storage, &CHAIN);
    let snapshot = storage.snapshot();
    let all = tokens(&CHAIN);
    let held: Vec<TokenId> =
        all.iter().filter(|(_, status)| matches!(status, TokenStatus::Held { .. })).map(|(id, _)| *id).collect();
    assert!(held.len() > 5 && held.len() < all.len(), "{} of {}", held.len(), all.len());
    let contract = live(&CHAIN)[0].contract;
    for wanted in [None, Some(&contract)] {
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = snapshot.tokens(wanted, Some("coin"), after.as_ref(), 2).unwrap();
            assert!(page.tokens.len() <= 2);
            listed.extend(page.tokens);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(listed.iter().map(|token| token.id).collect::<Vec<_>>(), held);
        for token in &listed {
            let TokenStatus::Held { token: kept, holder } = &all[&token.id] else { panic!("{token:?}") };
            assert_eq!((&token.type_name, &token.holder), (&kept.type_name, holder));
        }
    }
    assert!(snapshot.tokens(None, Some("note"), None, 2).unwrap().tokens.is_empty());
    let other = ComponentHash::of(b"another contract");
    assert!(snapshot.tokens(Some(&other), None, None, 2).unwrap().tokens.is_empty());
    assert_eq!(snapshot.token(&TokenId::from_digest(*other.digest())).unwrap(), None);
    drop(snapshot);
    let report = storage.check(&CoreLimits::default(), &mut |_| {}).unwrap();
    assert_eq!((report.is_sound(), report.tokens), (true, all.len() as u64));
}
