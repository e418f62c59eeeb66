//! A database file that was changed, cut, or is not one: an error that says so, never a state that was never there.

use super::chain::{CHAIN, Random, assert_holds, commit_all, live};
use super::disk::Disk;
use ledger_runtime::limits::Limits;
use ledger_runtime::store::{RedbStorage, Storage, StorageError};
use redb::{Database, TableDefinition};
use registry_core::limits::Limits as CoreLimits;
use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn open(directory: &Path) -> Result<RedbStorage, StorageError> {
    RedbStorage::open(directory, &Limits::default())
}

/// The bytes of a database with the whole chain, closed properly.
fn written() -> Vec<u8> {
    let disk = Disk::default();
    let storage = RedbStorage::with_backend(disk.clone(), &Limits::default()).unwrap();
    commit_all(&storage, &CHAIN);
    drop(storage);
    disk.content()
}

/// What is said about a file with these bytes: nothing if it is sound, and then it is the chain that was written.
fn verdict(bytes: Vec<u8>) -> Option<String> {
    let disk = Disk::with(bytes);
    let storage = match RedbStorage::with_backend(disk.clone(), &Limits::default()) {
        Ok(storage) => storage,
        Err(error) => {
            assert!(error.hint().is_some(), "{error:?}");
            return Some(error.to_string());
        }
    };
    let report = match storage.check(&CoreLimits::default(), &mut |_| {}) {
        Ok(report) => report,
        Err(error) => return Some(error.to_string()),
    };
    if !report.is_sound() {
        return Some(report.differences.join("; "));
    }
    let storage = RedbStorage::with_backend(disk, &Limits::default()).unwrap();
    assert_holds(&*storage.snapshot(), &CHAIN);
    None
}

#[test]
fn changed_bytes_are_found_or_do_not_matter() {
    let rounds = if std::env::var_os("LEDGER_SLOW_TESTS").is_some() { 2_000 } else { 150 };
    let written = written();
    assert_eq!(verdict(written.clone()), None);
    let mut found = 0;
    for seed in 0..rounds {
        let mut random = Random::new(seed);
        let mut bytes = written.clone();
        for _ in 0..1 + random.below(4) {
            let place = random.below(bytes.len());
            bytes[place] ^= 1 << random.below(8);
        }
        let result = std::panic::catch_unwind(|| verdict(bytes));
        found += usize::from(result.unwrap_or_else(|_| panic!("the change of seed {seed}")).is_some());
    }
    assert!(found > 0, "no change was found");
}

#[test]
fn changed_bytes_of_what_is_kept_are_found() {
    let written = written();
    let utxo = live(&CHAIN).pop().unwrap();
    let component = crate::build::example("counter");
    let places = [
        ("a UTXO's state", utxo.content.state),
        ("a component", component[..64].to_vec()),
        ("a header's root", CHAIN[12].header().receipts_root.as_bytes().to_vec()),
        ("an old header's root", CHAIN[2].header().receipts_root.as_bytes().to_vec()),
        ("a receipt's leaf", CHAIN[5].receipts()[0].created[0].leaf.as_bytes().to_vec()),
    ];
    for (what, pattern) in places {
        let mut bytes = written.clone();
        let starts: Vec<usize> =
            bytes.windows(pattern.len()).enumerate().filter(|(_, found)| *found == pattern).map(|(at, _)| at).collect();
        assert!(!starts.is_empty(), "{what} does not stand in the file");
        for start in starts {
            bytes[start + 5] ^= 0x10;
        }
        let verdict = verdict(bytes).unwrap_or_else(|| panic!("{what} was changed and not found"));
        assert!(!verdict.is_empty());
    }
}

#[test]
fn a_cut_file_is_an_error() {
    let written = written();
    for size in [1, 8, 9, 511, 512, 4_096, 10_000, written.len() / 2, written.len() - 4_096, written.len() - 1] {
        let mut bytes = written.clone();
        bytes.truncate(size);
        assert!(verdict(bytes).is_some(), "{size} of {} bytes", written.len());
    }
}

#[test]
fn what_is_no_database_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    for content in [&b"something else"[..], &[0; 100_000], &[0xff; 8_192]] {
        fs::write(directory.path().join("ledger.redb"), content).unwrap();
        let error = open(directory.path()).err().unwrap();
        assert!(matches!(error, StorageError::Damaged { .. }), "{error:?}");
        assert!(!error.to_string().contains("ledger.redb"), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(fs::read(directory.path().join("ledger.redb")).unwrap(), content);
    }
}

#[test]
fn a_database_with_other_tables_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::create(directory.path().join("ledger.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(TableDefinition::<u64, u64>::new("numbers")).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open(directory.path()).err().unwrap();
    assert!(error.to_string().contains("it has other tables"), "{error}");
}

#[test]
fn a_directory_of_the_first_format_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let database = Database::create(directory.path().join("ledger.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    for table in ["chain", "components", "closures"] {
        let definition = TableDefinition::<&str, &[u8]>::new(table);
        transaction.open_table(definition).unwrap().insert("genesis", b"{}".as_slice()).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    let error = open(directory.path()).err().unwrap();
    assert!(matches!(error, StorageError::OtherFormat { found: 1, expected: 3, .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("move the directory away"));
    let same = RedbStorage::open_existing(directory.path(), &Limits::default()).err().unwrap();
    assert!(matches!(same, StorageError::OtherFormat { .. }), "{same:?}");
}

#[test]
fn a_directory_of_the_second_format_is_told_before_anything_in_it_is_read() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()).unwrap());
    let database = Database::open(directory.path().join("ledger.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut meta = transaction.open_table(TableDefinition::<&str, &[u8]>::new("meta")).unwrap();
        meta.insert("format", [2, 0, 0, 0].as_slice()).unwrap();
        meta.insert("tip", b"of another shape".as_slice()).unwrap();
    }
    transaction.commit().unwrap();
    drop(database);
    for result in [open(directory.path()), RedbStorage::open_existing(directory.path(), &Limits::default())] {
        let error = result.err().unwrap();
        assert!(matches!(error, StorageError::OtherFormat { found: 2, expected: 3, .. }), "{error:?}");
        assert!(error.hint().unwrap().contains("move the directory away"), "{error}");
    }
}

#[test]
fn only_one_can_have_a_directory() {
    let directory = tempfile::tempdir().unwrap();
    let storage = open(directory.path()).unwrap();
    let error = open(directory.path()).err().unwrap();
    assert!(matches!(error, StorageError::InUse { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("stop the other process"));
    drop(storage);
    open(directory.path()).unwrap();
}

#[test]
fn a_directory_that_is_not_there_is_made_or_told() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("a/b");
    let error = RedbStorage::open_existing(&inner, &Limits::default()).err().unwrap();
    assert!(matches!(error, StorageError::NoChain { .. }), "{error:?}");
    assert!(!inner.exists());
    drop(open(&inner).unwrap());
    let names: Vec<_> = fs::read_dir(&inner).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["ledger.redb"]);
    RedbStorage::open_existing(&inner, &Limits::default()).unwrap();
}

#[test]
fn a_directory_that_cannot_be_written_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, b"").unwrap();
    let error = open(&file).err().unwrap();
    assert!(matches!(error, StorageError::Directory { .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("--data-dir"));

    let closed = directory.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o500)).unwrap();
    // The administrator may write everywhere, so the test looks first.
    if OpenOptions::new().create(true).append(true).open(closed.join("probe")).is_err() {
        let error = open(&closed).err().unwrap();
        assert!(matches!(error, StorageError::Directory { .. }), "{error:?}");
    }
}
