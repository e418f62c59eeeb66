//! `registry fetch`

use crate::command::{MAIN, SHAPES, TYPES, assert_contains, json, published, registry_at, stderr, stdout};
use crate::support::component::component;
use crate::support::proxy::{rewriting, tampering};
use crate::support::registry::TestRegistry;
use crate::support::{read_files, wasi, write_files};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use wit_parser::Resolve;

fn paths(folder: &Path) -> Vec<String> {
    read_files(folder).into_iter().map(|(path, _)| path).collect()
}

const FILES: [&str; 3] = ["deps/test-shapes-1.0.0/package.wit", "deps/test-types-1.0.0/package.wit", "main.wit"];

#[test]
fn a_package_is_written_with_deps_and_hashes_the_same() {
    let (server, folder, hash) = published();
    let assert = registry_at(&server, folder.path()).args(["fetch", "test:main"]).assert().success();
    assert_eq!(stdout(&assert), "test-main-1.0.0\n");
    assert_contains(&stderr(&assert), &["Fetched", &hash, "all hashes verified"]);
    let written = folder.path().join("test-main-1.0.0");
    assert_eq!(paths(&written), FILES);
    let assert = registry_at(&server, folder.path()).args(["hash", "test-main-1.0.0"]).assert().success();
    assert_eq!(stdout(&assert).trim(), hash);
    Resolve::default().push_dir(&written).unwrap();
}

#[test]
fn hash_exact_version_and_newest_name_the_same_package() {
    let (server, folder, hash) = published();
    for (spec, target) in [(hash.as_str(), "a"), ("test:main@1.0.0", "b"), ("test:main", "c/d")] {
        let assert =
            registry_at(&server, folder.path()).args(["fetch", spec, "-o", target, "--json"]).assert().success();
        let document = json(&assert);
        assert_eq!((document["hash"].as_str(), document["folder"].as_str()), (Some(hash.as_str()), Some(target)));
        assert_eq!((&document["kind"], &document["name"]), (&"package".into(), &"test:main@1.0.0".into()));
        assert_eq!(document["files"].as_array().unwrap().len(), 3);
    }
    assert_eq!(read_files(&folder.path().join("a")), read_files(&folder.path().join("c/d")));
}

#[test]
fn real_wasi_is_written_for_other_tools() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    server.publish(&wasi::file("http"), Some(&wasi::deps()));
    registry_at(&server, folder.path()).args(["fetch", "wasi:http", "-o", "wit"]).assert().success();
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let (package, _) = resolve.push_dir(folder.path().join("wit")).unwrap();
    resolve.select_world(&[package], Some("proxy")).unwrap();
    registry_at(&server, folder.path()).args(["verify", "wit"]).assert().success();
}

#[test]
fn a_component_is_written_with_its_wit_and_deps() {
    let (server, folder, _) = published();
    let bytes = component(&[TYPES, SHAPES, MAIN]);
    let hash = server.publish_component(&bytes, Some("test:runner@2.0.0")).to_string();
    let assert = registry_at(&server, folder.path()).args(["fetch", "test:runner"]).assert().success();
    let written = folder.path().join(stdout(&assert).trim());
    let deps = ["main", "shapes", "types"].map(|name| format!("deps/test-{name}-1.0.0/package.wit"));
    assert_eq!(paths(&written), [&deps[..], &["runner.wasm".to_owned(), "runner.wit".to_owned()]].concat());
    assert_eq!(fs::read(written.join("runner.wasm")).unwrap(), bytes);
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(&written).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    wit_component::targets(&resolve, world, &bytes).unwrap();

    let assert = registry_at(&server, folder.path()).args(["fetch", &hash]).assert().success();
    let stem = hash.replace(':', "-");
    assert_eq!(stdout(&assert), format!("{stem}\n"));
    assert_eq!(fs::read(folder.path().join(&stem).join(format!("{stem}.wasm"))).unwrap(), bytes);
    registry_at(&server, folder.path()).args(["verify", &stem]).assert().success();
}

#[test]
fn what_was_fetched_can_be_published_to_another_registry() {
    let (server, folder, hash) = published();
    let component = server.publish_component(&component(&[TYPES, SHAPES, MAIN]), Some("test:runner@1.0.0")).to_string();
    for (spec, path, hash) in [("test:main", "main", &hash), ("test:runner", "runner/runner.wasm", &component)] {
        let target = path.split('/').next().unwrap();
        registry_at(&server, folder.path()).args(["fetch", spec, "-o", target]).assert().success();
        let mirror = TestRegistry::start();
        let arguments = ["publish", path, "--with-deps", "--json"];
        let document = json(&registry_at(&mirror, folder.path()).args(arguments).assert().success());
        assert_eq!((document["hash"].as_str(), &document["created"]), (Some(hash.as_str()), &true.into()));
        registry_at(&mirror, folder.path()).args(["verify", hash]).assert().success();
    }
}

#[test]
fn a_folder_that_is_not_empty_is_kept_unless_forced() {
    let (server, folder, _) = published();
    let fetch = |extra: &[&str]| {
        let mut command = registry_at(&server, folder.path());
        command.args(["fetch", "test:main", "-o", "out"]).args(extra);
        command.assert()
    };
    write_files(folder.path(), &[("out/old.wit", "package test:old;")]);
    assert_contains(
        &stderr(&fetch(&[]).code(1)),
        &["exists and is not empty", "hint: ", "`--force` deletes everything in this one, `old.wit` too"],
    );
    assert_eq!(paths(&folder.path().join("out")), ["old.wit"]);
    fetch(&["--force"]).success();
    assert_eq!(paths(&folder.path().join("out")), FILES);

    write_files(folder.path(), &[("out/thesis.odt", "precious")]);
    assert_contains(&stderr(&fetch(&["--force"]).code(1)), &["will not be replaced", "thesis.odt"]);
    assert_eq!(paths(&folder.path().join("out")).len(), 4);
    let assert =
        registry_at(&server, folder.path()).args(["fetch", "test:main", "-o", ".", "--force"]).assert().code(1);
    assert_contains(&stderr(&assert), &["is the current folder", "hint: "]);
}

#[test]
fn a_tampered_answer_is_refused_with_both_hashes_and_nothing_is_written() {
    let (server, folder, hash) = published();
    let component = server.publish_component(&component(&[TYPES, SHAPES, MAIN]), Some("test:runner@1.0.0"));
    let cases: [(&str, &[u8], &[u8], String); 3] = [
        ("test:main", b"f: func(", b"g: func(", hash.clone()),
        ("test:main", b"A place", b"A trap!", "p2:w".to_owned()),
        ("test:runner", b"wit-component", b"wat-component", component.to_string()),
    ];
    for (spec, original, replacement, named) in cases {
        let mut command = registry_at(&server, folder.path());
        command.args(["--registry", &tampering(server.url(), original, replacement)]);
        let assert = command.args(["fetch", spec, "-o", "out"]).assert().code(1);
        let text = stderr(&assert);
        assert_contains(&text, &["was refused", "Caused by:", "has the hash", "was expected", &named]);
        let kind = &named[..4];
        assert!(text.matches(kind).count() >= 3, "both hashes are shown: {text}");
        assert_eq!(stdout(&assert), "");
        assert!(!folder.path().join("out").exists());
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing temporary is left");
}

#[test]
fn a_connection_that_breaks_off_leaves_nothing() {
    let (server, folder, _) = published();
    let url = rewriting(server.url(), |answer| answer.truncate(answer.len() / 2));
    let arguments = ["--registry", &url, "fetch", "test:main@1.0.0", "-o", "out"];
    let assert = registry_at(&server, folder.path()).args(arguments).assert().code(1);
    assert_contains(&stderr(&assert), &["cannot reach the registry", "Caused by:", "hint: "]);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_kill_at_any_moment_leaves_the_whole_folder_or_none() {
    let (server, folder) = (TestRegistry::start(), tempfile::tempdir().unwrap());
    server.publish(&wasi::file("http"), Some(&wasi::deps()));
    let mut outcomes = [0, 0];
    // Longer and longer, and on a busy machine until one gets through.
    for attempt in 0..1_000_u64 {
        if attempt >= 60 && outcomes[1] > 0 {
            break;
        }
        let target = format!("out-{attempt}");
        let mut child = Command::new(env!("CARGO_BIN_EXE_registry"))
            .args(["--registry", server.url(), "fetch", "wasi:http", "-o", &target])
            .current_dir(folder.path())
            .env("REGISTRY_CACHE_DIR", "")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(attempt * 4));
        let _ = child.kill();
        child.wait().unwrap();
        let target = folder.path().join(target);
        outcomes[usize::from(target.exists())] += 1;
        if target.exists() {
            assert_eq!(paths(&target).len(), 7);
            Resolve { all_features: true, ..Resolve::default() }.push_dir(&target).unwrap();
        }
    }
    assert!(outcomes[0] > 0 && outcomes[1] > 0, "killed before and after: {outcomes:?}");
}

#[test]
fn what_does_not_exist_is_said_to_be_missing() {
    let (server, folder, _) = published();
    let absent = "p2:w4a73ff3c27ea5a8ce1cb0ac3efee7a2a436127f780421ae61991b61ba90ac8d1";
    for spec in ["test:none", "test:main@9.0.0", absent, &absent.replace("p2:w", "p2:c")] {
        let assert = registry_at(&server, folder.path()).args(["fetch", spec, "-o", "out"]).assert().code(1);
        assert_contains(&stderr(&assert), &["error: ", spec, "hint: "]);
        assert!(!folder.path().join("out").exists());
    }
}
