//! The cache of the `registry` command.

use crate::command::{MAIN, SHAPES, TYPES, assert_contains, json, published, registry, registry_at, stderr, stdout};
use crate::support::component::component;
use crate::support::proxy::rewriting;
use crate::support::registry::TestRegistry;
use crate::support::{read_files, wasi, write_files};
use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The files of the cache, by what they are called.
fn files(server: &TestRegistry) -> Vec<PathBuf> {
    let files = read_files(&server.cache()).into_iter();
    files.map(|(path, _)| server.cache().join(path)).collect()
}

/// A proxy in front of the registry, and how many requests have passed it.
fn counted(server: &TestRegistry) -> (String, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let url = rewriting(server.url(), move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
    });
    (url, count)
}

#[test]
fn a_closure_is_one_request_when_cold_and_none_when_cached_beside_that_for_its_state() {
    let (server, folder, hash) = published();
    let component = server.publish_component(&component(&[TYPES, SHAPES, MAIN]), None).to_string();
    let (url, count) = counted(&server);
    // Whether a package is yanked is asked each time; a component has no name of its own to ask for.
    for (spec, requests, state) in [(&hash, 1, 1), (&component, 2, 0)] {
        for (target, expected) in [("cold", requests + state), ("cached", state)] {
            count.store(0, Ordering::SeqCst);
            let arguments = ["--registry", &url, "fetch", spec, "--force", "-o", target];
            registry_at(&server, folder.path()).args(arguments).assert().success();
            assert_eq!(count.load(Ordering::SeqCst), expected, "{target} {spec}");
        }
        assert_eq!(read_files(&folder.path().join("cold")), read_files(&folder.path().join("cached")));
        count.store(0, Ordering::SeqCst);
        let offline = ["--registry", &url, "fetch", spec, "--offline", "--force", "-o", "offline"];
        registry_at(&server, folder.path()).args(offline).assert().success();
        assert_eq!(count.load(Ordering::SeqCst), 0);
        assert_eq!(read_files(&folder.path().join("cold")), read_files(&folder.path().join("offline")));
    }
}

#[test]
fn a_locked_project_fetches_nothing_that_another_fetched() {
    let (server, folder, _) = published();
    let (url, count) = counted(&server);
    write_files(
        folder.path(),
        &[("a/registry.toml", "[dependencies]\n\"test:main\" = \"1\"\n\"test:types\" = \"1\"\n")],
    );
    let run = |folder: &Path, arguments: &[&str]| {
        registry_at(&server, folder).args(["--registry", &url]).args(arguments).assert().success()
    };
    // Which of them are yanked is asked once for each of the three names, unless offline.
    let states = 3;
    run(&folder.path().join("a"), &["fetch"]);
    let requests = count.swap(0, Ordering::SeqCst);
    assert_eq!(requests, 3 + states, "two lists of versions, and one closure that holds both");
    write_files(
        folder.path(),
        &[("b/registry.toml", &fs::read_to_string(folder.path().join("a/registry.toml")).unwrap())],
    );
    fs::copy(folder.path().join("a/registry.lock"), folder.path().join("b/registry.lock")).unwrap();
    run(&folder.path().join("b"), &["fetch", "--locked"]);
    assert_eq!(count.swap(0, Ordering::SeqCst), states);
    run(&folder.path().join("b"), &["fetch", "--offline"]);
    assert_eq!(count.load(Ordering::SeqCst), 0);
    run(&folder.path().join("b"), &["cache", "clean"]);
    fs::remove_dir_all(folder.path().join("b/wit")).unwrap();
    run(&folder.path().join("b"), &["fetch", "--locked"]);
    assert_eq!(count.load(Ordering::SeqCst), 1 + states, "a locked closure is one request");
}

#[cfg(unix)]
#[test]
fn the_cache_is_private_and_named_by_hashes_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (server, folder, hash) = published();
    registry_at(&server, folder.path()).args(["fetch", "test:main", "-o", "out"]).assert().success();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&server.cache()), 0o700);
    let files = files(&server);
    assert_eq!(files.len(), 3);
    for path in files {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        let inside = path.strip_prefix(server.cache()).unwrap().to_str().unwrap().to_owned();
        let digits = inside.strip_prefix("v1/packages/").unwrap().strip_suffix(".json").unwrap().to_owned();
        assert!(digits.len() == 64 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()), "{inside}");
    }
    let path = server.cache().join(format!("v1/packages/{}.json", &hash[4..]));
    assert!(path.exists());
    let assert = registry_at(&server, folder.path()).args(["cache", "dir"]).assert().success();
    assert_eq!(stdout(&assert).trim(), server.cache().to_str().unwrap());
}

#[test]
fn every_changed_byte_is_found_offline_and_mended_online() {
    let (server, folder, hash) = published();
    let component = server.publish_component(&component(&[TYPES, SHAPES, MAIN]), None).to_string();
    let fetch = |spec: &str, extra: &[&str]| {
        let mut command = registry_at(&server, folder.path());
        command.args(["fetch", spec, "-o", "out", "--force"]).args(extra).assert()
    };
    fetch(&hash, &[]).success();
    fetch(&component, &[]).success();
    let sound = read_files(&server.cache());
    assert_eq!(sound.len(), 5);
    type Change = (&'static str, fn(&mut Vec<u8>));
    let changes: [Change; 4] = [
        ("a byte in the middle", |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        }),
        ("half of it", |bytes| bytes.truncate(bytes.len() / 2)),
        ("nothing left", Vec::clear),
        ("something else", |bytes| *bytes = b"{}".to_vec()),
    ];
    for (path, bytes) in &sound {
        for (what, change) in changes {
            let mut changed = bytes.clone();
            change(&mut changed);
            fs::write(server.cache().join(path), &changed).unwrap();
            let assert = fetch(&component, &["--offline"]).code(1);
            assert_contains(&stderr(&assert), &["the cache holds damaged files for p2:", path, "hint: "]);
            let verified = registry_at(&server, folder.path()).args(["cache", "verify"]).assert().code(1);
            assert_contains(&stdout(&verified), &["damaged"]);
            fetch(&component, &[]).success();
            fetch(&hash, &[]).success();
            assert_eq!(read_files(&server.cache()), sound, "{what} of {path}");
            registry_at(&server, folder.path()).args(["cache", "verify"]).assert().success();
        }
    }
}

#[test]
fn changed_wit_is_told_with_both_hashes() {
    let (server, folder, hash) = published();
    let fetch = ["fetch", &hash, "-o", "out", "--force"];
    registry_at(&server, folder.path()).args(fetch).assert().success();
    let path = files(&server).into_iter().find(|path| fs::read_to_string(path).unwrap().contains("A place")).unwrap();
    let text = fs::read_to_string(&path).unwrap().replace("A place", "A trap!");
    fs::write(&path, &text).unwrap();
    let offline = || registry_at(&server, folder.path()).args(fetch).arg("--offline").assert().code(1);
    assert_contains(&stderr(&offline()), &["its sha256 is ", "was written"]);

    // Somebody who changes the sha256 too is found out by the package's own hash.
    let (_, json_text) = text.split_once('\n').unwrap();
    fs::write(&path, format!("{}\n{json_text}", hex::encode(Sha256::digest(json_text)))).unwrap();
    let digits = path.file_stem().unwrap().to_str().unwrap();
    let both = ["`test:types@1.0.0` has the hash p2:w", &format!("but p2:w{digits} was expected")];
    assert_contains(&stderr(&offline()), &both);
    let document = json(&registry_at(&server, folder.path()).args(["cache", "verify", "--json"]).assert().code(1));
    let damaged = document["results"].as_array().unwrap().iter().filter(|row| row["status"] == "damaged");
    assert!(damaged.map(|row| row["name"].as_str().unwrap()).any(|name| name == "test:types@1.0.0"));
}

#[test]
fn what_is_not_cached_cannot_be_had_offline() {
    let (server, folder, hash) = published();
    for spec in [hash.as_str(), "test:main@1.0.0", "test:main"] {
        let arguments = ["fetch", spec, "--offline", "-o", "out"];
        let assert = registry_at(&server, folder.path()).args(arguments).assert().code(1);
        assert_contains(&stderr(&assert), &["`--offline` forbids it", "hint: run it once without"]);
        assert!(!folder.path().join("out").exists());
    }
    // A part that is missing is fetched again.
    registry_at(&server, folder.path()).args(["fetch", &hash, "-o", "out"]).assert().success();
    fs::remove_file(files(&server).pop().unwrap()).unwrap();
    let assert = registry_at(&server, folder.path()).args(["cache", "verify"]).assert().success();
    let lines = stdout(&assert).lines().count();
    assert_eq!(lines, 2);
    registry_at(&server, folder.path()).args(["fetch", &hash, "-o", "again"]).assert().success();
    assert_eq!(files(&server).len(), 3);
}

#[test]
fn cleaning_leaves_what_is_not_the_caches() {
    let (server, folder, hash) = published();
    registry_at(&server, folder.path()).args(["fetch", &hash, "-o", "out"]).assert().success();
    write_files(&server.cache(), &[("mine.txt", "Mine.")]);
    let document = json(&registry_at(&server, folder.path()).args(["cache", "clean", "--json"]).assert().success());
    assert_eq!(document["files"], 3);
    assert!(document["size_bytes"].as_u64().unwrap() > 100);
    assert_eq!(files(&server), [server.cache().join("mine.txt")]);
    let assert = registry_at(&server, folder.path()).args(["cache", "clean"]).assert().success();
    assert_eq!(stdout(&assert), "0 files, 0 bytes\n");
}

#[cfg(target_os = "linux")]
#[test]
fn no_cache_and_one_that_cannot_be_written_still_fetch() {
    let (server, folder, hash) = published();
    let fetch = |cache: &Path, target: &str| {
        let mut command = registry_at(&server, folder.path());
        command.env("REGISTRY_CACHE_DIR", cache).args(["fetch", &hash, "-o", target]).assert()
    };
    fetch(Path::new(""), "one").success();
    // Nobody can make a folder there.
    fetch(Path::new("/proc/registry-cache"), "two").success();
    let file = folder.path().join("a-file");
    fs::write(&file, "").unwrap();
    let assert = fetch(&file.join("cache"), "three").code(1);
    assert_contains(&stderr(&assert), &["the cache cannot use", "hint: name another folder in `REGISTRY_CACHE_DIR`"]);
    assert_contains(&stderr(&registry().args(["cache", "dir"]).assert().code(1)), &["there is no cache"]);
}

fn spawn(server: &TestRegistry, folder: &Path, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_registry"))
        .args(arguments)
        .current_dir(folder)
        .env("REGISTRY_URL", server.url())
        .env("REGISTRY_CACHE_DIR", server.cache())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn many_processes_share_one_cache() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    server.publish(&wasi::file("http"), Some(&wasi::deps()));
    for round in 0..3 {
        let mut children: Vec<Child> = Vec::new();
        for number in 0..6 {
            let target = format!("out-{round}-{number}");
            children.push(spawn(&server, folder.path(), &["fetch", "wasi:http", "-o", &target]));
            if number % 3 == 1 {
                children.push(spawn(&server, folder.path(), &["cache", "clean"]));
                children.push(spawn(&server, folder.path(), &["cache", "verify"]));
            }
        }
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let first = read_files(&folder.path().join(format!("out-{round}-0")));
        for number in 1..6 {
            assert_eq!(read_files(&folder.path().join(format!("out-{round}-{number}"))), first);
        }
    }
    registry_at(&server, folder.path()).args(["cache", "verify"]).assert().success();
}

#[test]
fn a_writer_that_is_killed_leaves_nothing_false() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    server.publish(&wasi::file("http"), Some(&wasi::deps()));
    for attempt in 0..40_u64 {
        let mut child = spawn(&server, folder.path(), &["fetch", "wasi:http", "--force", "-o", "out"]);
        std::thread::sleep(std::time::Duration::from_millis(attempt * 3));
        let _ = child.kill();
        child.wait().unwrap();
        registry_at(&server, folder.path()).args(["cache", "verify"]).assert().success();
        if attempt % 5 == 4 {
            registry_at(&server, folder.path()).args(["cache", "clean"]).assert().success();
        }
    }
}
