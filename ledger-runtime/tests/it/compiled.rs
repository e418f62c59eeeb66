//! Compiled code on disk: it is used if this node wrote it, and otherwise as if it were not there.

use crate::build;
use ledger_runtime::compiled::CompiledCache;
use ledger_runtime::engine;
use ledger_runtime::profile::{ExecutionProfile, OperatorGas};
use registry_core::id::ComponentHash;
use std::fs::{self, File};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use wasmtime::component::{Component, Linker, Val};
use wasmtime::{Engine, Store};

const SIZE_BYTES_MAX: u64 = 64 << 20;
/// What is never compiled: whoever gets code for it got it from a file.
const NOTHING: &[u8] = &[];

fn new_engine() -> Engine {
    engine::build(&ExecutionProfile::default(), NonZeroU32::MIN).unwrap()
}

fn open(data_dir: &Path) -> CompiledCache {
    CompiledCache::open(new_engine(), data_dir, SIZE_BYTES_MAX)
}

/// A data directory in which the contract `arithmetic` is compiled; its hash, and its file.
fn compiled() -> (tempfile::TempDir, CompiledCache, ComponentHash, PathBuf) {
    let data = tempfile::tempdir().unwrap();
    let cache = open(data.path());
    let bytes = build::example("arithmetic");
    let hash = ComponentHash::of(&bytes);
    cache.component(hash, &bytes).unwrap();
    let file = only_file(data.path());
    (data, cache, hash, file)
}

fn files(data_dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(data_dir.join("compiled")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn only_file(data_dir: &Path) -> PathBuf {
    let [file] = files(data_dir).try_into().unwrap();
    file
}

fn gcd(component: &Component) -> Val {
    let mut store = Store::new(component.engine(), ());
    store.set_fuel(1_000_000).unwrap();
    let instance = Linker::new(component.engine()).instantiate(&mut store, component).unwrap();
    let function = instance.get_func(&mut store, "gcd").unwrap();
    let mut results = [Val::Bool(false)];
    function.call(&mut store, &[Val::U64(1071), Val::U64(462)], &mut results).unwrap();
    let [result] = results;
    result
}

#[test]
fn what_was_compiled_is_loaded_by_the_next_process() {
    let (data, cache, hash, _) = compiled();
    for cache in [cache, open(data.path())] {
        assert_eq!(gcd(&cache.component(hash, NOTHING).unwrap()), Val::U64(21));
    }
    let unknown = ComponentHash::of(b"unknown");
    assert!(open(data.path()).component(unknown, NOTHING).is_err());
}

#[test]
fn a_component_and_its_module_are_two_files() {
    let (data, cache, hash, _) = compiled();
    assert!(cache.module(hash, NOTHING).is_err());
    let module = wat::parse_str(r#"(module (func (export "run")))"#).unwrap();
    cache.module(hash, &module).unwrap();
    assert_eq!(files(data.path()).len(), 2);
    assert!(open(data.path()).module(hash, NOTHING).unwrap().get_export("run").is_some());
    assert!(open(data.path()).component(hash, NOTHING).is_ok());
}

#[test]
fn without_files_everything_is_compiled_each_time() {
    let cache = CompiledCache::without_files(new_engine());
    let bytes = build::example("arithmetic");
    let hash = ComponentHash::of(&bytes);
    assert_eq!(gcd(&cache.component(hash, &bytes).unwrap()), Val::U64(21));
    assert!(cache.component(hash, NOTHING).is_err());
}

#[test]
fn a_changed_byte_anywhere_is_noticed() {
    let (_data, cache, hash, file) = compiled();
    let original = fs::read(&file).unwrap();
    for place in (0..original.len()).step_by(97).chain([0, 31, 32, original.len() - 1]) {
        let mut changed = original.clone();
        changed[place] ^= 0x10;
        fs::write(&file, changed).unwrap();
        assert!(cache.component(hash, NOTHING).is_err(), "byte {place}");
        assert!(!file.exists(), "byte {place}");
    }
    fs::write(&file, &original).unwrap();
    assert!(cache.component(hash, NOTHING).is_ok());
}

#[test]
fn a_file_that_is_too_short_or_too_long_is_removed() {
    let (_data, cache, hash, file) = compiled();
    let original = fs::read(&file).unwrap();
    for size_bytes in [0, 1, 31, 32, 33, original.len() / 2, original.len() - 1] {
        fs::write(&file, &original[..size_bytes]).unwrap();
        assert!(cache.component(hash, NOTHING).is_err(), "{size_bytes} bytes");
        assert!(!file.exists(), "{size_bytes} bytes");
    }
    let longer = [original.as_slice(), b"x"].concat();
    fs::write(&file, longer).unwrap();
    assert!(cache.component(hash, NOTHING).is_err());
    // Longer than everything that the cache may hold, without anything being written.
    File::create(&file).unwrap().set_len(SIZE_BYTES_MAX + 1).unwrap();
    assert!(cache.component(hash, NOTHING).is_err());
    assert!(!file.exists());
}

#[test]
fn what_was_removed_is_compiled_and_kept_again() {
    let (data, cache, hash, file) = compiled();
    fs::write(&file, b"something else").unwrap();
    assert_eq!(gcd(&cache.component(hash, &build::example("arithmetic")).unwrap()), Val::U64(21));
    assert!(open(data.path()).component(hash, NOTHING).is_ok());
}

#[test]
fn code_of_another_contract_form_or_engine_is_not_taken() {
    let (data, cache, hash, file) = compiled();
    let original = fs::read(&file).unwrap();

    let other = ComponentHash::of(b"another contract");
    let name = file.file_name().unwrap().to_str().unwrap();
    let renamed = file.with_file_name(name.replace(&hash.digest().to_hex(), &other.digest().to_hex()));
    fs::write(&renamed, &original).unwrap();
    assert!(cache.component(other, NOTHING).is_err());
    assert!(!renamed.exists());

    let renamed = file.with_file_name(name.replace("component", "module"));
    fs::write(&renamed, &original).unwrap();
    assert!(cache.module(hash, NOTHING).is_err());
    assert!(!renamed.exists());

    let operators = OperatorGas { call: 5, ..OperatorGas::default() };
    let profile = ExecutionProfile { operators, ..ExecutionProfile::default() };
    let dearer = engine::build(&profile, NonZeroU32::MIN).unwrap();
    let dearer = CompiledCache::open(dearer, data.path(), SIZE_BYTES_MAX);
    assert!(dearer.component(hash, NOTHING).is_err());
    dearer.component(hash, &build::example("arithmetic")).unwrap();
    let [first, second] = files(data.path()).try_into().unwrap();
    let renamed = if first == file { second } else { first };
    fs::write(&renamed, &original).unwrap();
    assert!(dearer.component(hash, NOTHING).is_err());
    assert!(!renamed.exists());

    assert!(cache.component(hash, NOTHING).is_ok());
}

#[test]
fn code_that_was_written_with_another_key_is_not_taken() {
    let (data, _cache, hash, file) = compiled();
    let key = data.path().join("compiled.key");
    let original = fs::read(&file).unwrap();
    let old_key = fs::read(&key).unwrap();
    let is_taken = || {
        fs::write(&file, &original).unwrap();
        open(data.path()).component(hash, NOTHING).is_ok()
    };
    assert!(is_taken());
    fs::remove_file(&key).unwrap();
    assert!(!is_taken());
    fs::write(&key, &old_key[1..]).unwrap();
    assert!(!is_taken());
    assert_eq!(fs::read(&key).unwrap().len(), 32);
    fs::write(&key, &old_key).unwrap();
    assert!(is_taken());
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_the_key_or_enter_the_folder() {
    use std::os::unix::fs::PermissionsExt;
    let (data, _cache, hash, _) = compiled();
    let (key, folder) = (data.path().join("compiled.key"), data.path().join("compiled"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&key), mode(&folder)), (0o600, 0o700));

    let old_key = fs::read(&key).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(open(data.path()).component(hash, NOTHING).is_err(), "a key that others could read recognises nothing");
    assert_eq!((mode(&key), mode(&folder)), (0o600, 0o700));
    assert_ne!(fs::read(&key).unwrap(), old_key);
}

#[test]
fn a_cache_that_cannot_be_written_fails_no_call() {
    let bytes = build::example("arithmetic");
    let hash = ComponentHash::of(&bytes);
    for name in ["compiled", "compiled.key"] {
        let data = tempfile::tempdir().unwrap();
        // A file where a folder should be, and a folder where a file should be.
        if name == "compiled" {
            fs::write(data.path().join(name), b"")
        } else {
            fs::create_dir(data.path().join(name))
        }
        .unwrap();
        let cache = open(data.path());
        assert_eq!(gcd(&cache.component(hash, &bytes).unwrap()), Val::U64(21), "{name}");
    }
    let (data, cache, _, _) = compiled();
    fs::remove_dir_all(data.path().join("compiled")).unwrap();
    assert_eq!(gcd(&cache.component(hash, &bytes).unwrap()), Val::U64(21));
}

#[test]
fn what_was_not_used_for_the_longest_time_goes_first() {
    let (data, cache, hash, file) = compiled();
    let size_bytes = fs::metadata(&file).unwrap().len();
    // Room for two of about the same size.
    let cache_of_two = CompiledCache::open(new_engine(), data.path(), size_bytes * 5 / 2);
    let age = |path: &Path, seconds: u64| {
        let time = SystemTime::now() - Duration::from_secs(seconds);
        File::options().append(true).open(path).unwrap().set_modified(time).unwrap();
    };
    let bytes = build::example("arithmetic");
    let second = ComponentHash::of(b"second");
    cache_of_two.component(second, &bytes).unwrap();
    for path in files(data.path()) {
        age(&path, if path == file { 200 } else { 100 });
    }
    assert!(cache_of_two.component(hash, NOTHING).is_ok(), "now the older one is the one that was used last");
    let third = ComponentHash::of(b"third");
    cache_of_two.component(third, &bytes).unwrap();
    assert_eq!(files(data.path()).len(), 2);
    assert!(cache.component(second, NOTHING).is_err());
    assert!(cache.component(hash, NOTHING).is_ok());
    assert!(cache.component(third, NOTHING).is_ok());

    let too_small = CompiledCache::open(new_engine(), data.path(), size_bytes / 2);
    too_small.component(ComponentHash::of(b"fourth"), &bytes).unwrap();
    assert_eq!(files(data.path()).len(), 0, "what alone is too large is not written, and what was there has to go");
}

/// Processes share nothing but the folder, and so do these caches.
#[test]
fn several_processes_at_once_share_the_files() {
    let data = tempfile::tempdir().unwrap();
    let bytes = build::example("arithmetic");
    let hashes: Vec<ComponentHash> = (0..4_u8).map(|index| ComponentHash::of(&[index])).collect();
    let caches: Vec<Engine> = (0..4).map(|_| new_engine()).collect();
    std::thread::scope(|scope| {
        for engine in &caches {
            scope.spawn(|| {
                let cache = CompiledCache::open(engine.clone(), data.path(), SIZE_BYTES_MAX);
                for hash in &hashes {
                    assert_eq!(gcd(&cache.component(*hash, &bytes).unwrap()), Val::U64(21));
                }
            });
        }
    });
    assert_eq!(files(data.path()).len(), hashes.len());
    for hash in hashes {
        assert!(open(data.path()).component(hash, NOTHING).is_ok());
    }
}
