//! Whatever happens to the disk, a block that was acknowledged is there afterwards, and all of it.

use super::chain::{CHAIN, Random, assert_holds, commit, commit_all};
use super::disk::Disk;
use ledger_runtime::limits::Limits;
use ledger_runtime::store::{RedbStorage, Storage, StorageError};
use registry_core::limits::Limits as CoreLimits;

/// A small cache, so that pages are also written before the end of a transaction.
fn limits() -> Limits {
    Limits { database_cache_size_bytes: 64 << 10, ..Limits::default() }
}

fn open(disk: &Disk) -> Result<RedbStorage, StorageError> {
    RedbStorage::with_backend(disk.clone(), &limits())
}

/// A disk with an empty chain, as a directory has it from the moment on at which the database has its name.
fn prepared() -> Disk {
    let disk = Disk::default();
    drop(open(&disk).unwrap());
    Disk::with(disk.content())
}

/// Writes the chain until something fails. Gives how many blocks were acknowledged.
fn write_until_failure(disk: &Disk) -> usize {
    let Ok(storage) = open(disk) else { return 0 };
    CHAIN.iter().take_while(|block| commit(&storage, block).is_ok()).count()
}

/// How many blocks are there; that they are whole, everything fits, and the chain goes on from there.
fn assert_whole(disk: &Disk, acknowledged: usize) {
    let storage = open(disk).unwrap();
    let tip = storage.snapshot().tip().unwrap();
    let kept = tip.map_or(0, |tip| usize::try_from(tip.moment.height).unwrap() + 1);
    assert!(kept == acknowledged || kept == acknowledged + 1, "{acknowledged} were acknowledged, {kept} are there");
    assert_holds(&*storage.snapshot(), &CHAIN[..kept]);
    commit_all(&storage, &CHAIN[kept..]);
    assert_holds(&*storage.snapshot(), &CHAIN);
    let report = storage.check(&CoreLimits::default(), &mut |_| {}).unwrap();
    assert_eq!(report.differences, Vec::<String>::new());
}

#[test]
fn no_loss_of_power_loses_what_was_acknowledged() {
    let rounds = if std::env::var_os("LEDGER_SLOW_TESTS").is_some() { 1_000 } else { 100 };
    let empty = prepared();
    let whole = Disk::with(empty.content());
    assert_eq!(write_until_failure(&whole), CHAIN.len());
    let operations = usize::try_from(whole.operations()).unwrap();
    for seed in 0..rounds {
        let mut random = Random::new(seed);
        let disk = Disk::with(empty.content());
        disk.lose_power_at(1 + u64::try_from(random.below(operations)).unwrap());
        let acknowledged = write_until_failure(&disk);
        let mut after = disk.after_power_loss(&mut random);
        // Power may go again while the database is repaired.
        if random.below(3) == 0 {
            after.lose_power_at(1 + u64::try_from(random.below(20)).unwrap());
            drop(open(&after));
            after = after.after_power_loss(&mut random);
        }
        let result = std::panic::catch_unwind(|| assert_whole(&after, acknowledged));
        assert!(result.is_ok(), "the power loss of seed {seed}");
    }
}

#[test]
fn a_full_disk_loses_nothing_and_the_chain_goes_on_when_there_is_room() {
    let empty = prepared();
    let disk = Disk::with(empty.content());
    let storage = open(&disk).unwrap();
    commit_all(&storage, &CHAIN[..4]);
    let before = disk.operations();
    commit(&storage, &CHAIN[4]).unwrap();
    let operations = disk.operations() - before;
    assert!(operations > 5, "the commit of a block has {operations} operations");
    let mut refused = 0;
    for operation in 1..=operations {
        let disk = Disk::with(empty.content());
        let storage = open(&disk).unwrap();
        commit_all(&storage, &CHAIN[..4]);
        disk.fill_up_at(disk.operations() + operation);
        match commit(&storage, &CHAIN[4]) {
            // The last operations of a commit need no space.
            Ok(()) => assert_holds(&*storage.snapshot(), &CHAIN[..5]),
            Err(error) => {
                refused += 1;
                assert!(error.hint().unwrap().contains("make room on the disk"), "{error:?}");
                // It takes nothing more until it is opened again.
                assert!(commit(&storage, &CHAIN[4]).is_err());
            }
        }
        let acknowledged = storage.snapshot().tip().unwrap().unwrap().moment.height + 1;
        drop(storage);
        assert_whole(&Disk::with(disk.content()), acknowledged.try_into().unwrap());
    }
    assert!(refused > operations / 2, "{refused} of {operations} were refused");
}
