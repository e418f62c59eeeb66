//! `wkg wit fetch` and `wkg wit build` of projects, and what they lock.

use super::fixtures::{bound_hash, package, with_wasi};
use super::wkg::Wkg;
use crate::command::{TYPES, assert_contains, registry_at, stderr, stdout};
use crate::support::component::component;
use crate::support::registry::TestRegistry;
use crate::support::{read_files, wasi, write_files};
use std::fs;
use std::path::Path;
use wit_parser::Resolve;

const APP: &str = "package test:app@0.1.0;\nworld app { include wasi:http/proxy@0.2.12; }\n";

/// What a folder of WIT parses to: how many packages it has besides its own.
fn dependencies(folder: &Path) -> usize {
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let (package, _) = resolve.push_dir(folder).unwrap();
    assert_eq!(resolve.packages[package].name.to_string(), "test:app@0.1.0");
    resolve.packages.len() - 1
}

fn lock(folder: &Path) -> String {
    fs::read_to_string(folder.join("wkg.lock")).unwrap()
}

#[test]
fn a_project_on_wasi_http_is_fetched_locked_built_and_published() {
    let server = with_wasi();
    let Some(wkg) = Wkg::operator(&server) else { return };
    let app = package(APP);
    wkg.run(app.path(), &["wit", "fetch"]).success();
    // `http`, and of what it needs those parts that this world uses: `cli`, `clocks`, `io` and `random`.
    assert_eq!(dependencies(&app.path().join("wit")), 5);
    let locked = lock(app.path());
    assert_contains(&locked, &["wasi:http", "digest = \"sha256:"]);

    // Again with the lock, with and without what was kept, and by a server that was started anew.
    let deps = read_files(&app.path().join("wit/deps"));
    for clears in [false, true] {
        if clears {
            wkg.clear_cache();
        }
        wkg.run(app.path(), &["wit", "fetch"]).success();
        assert_eq!((lock(app.path()), read_files(&app.path().join("wit/deps"))), (locked.clone(), deps.clone()));
    }

    wkg.run(app.path(), &["wit", "build"]).success();
    assert_eq!(lock(app.path()), locked);
    let built = fs::read(app.path().join("test:app@0.1.0.wasm")).unwrap();
    let wit_component::DecodedWasm::WitPackage(resolve, id) = wit_component::decode(&built).unwrap() else {
        panic!("not a package");
    };
    assert_eq!(resolve.packages[id].name.to_string(), "test:app@0.1.0");
    wkg.run(app.path(), &["publish", "wit"]).success();
    registry_at(&server, app.path()).args(["verify", "test:app@0.1.0"]).assert().success();

    // Our own command fetches the same project with the same hash.
    let ours = registry_at(&server, app.path()).args(["fetch", "test:app", "-o", "ours"]).assert().success();
    assert_contains(&stderr(&ours), &[&bound_hash(&server, "test:app@0.1.0")]);
    // With everything that `cli` needs: `filesystem` and `sockets` too.
    assert_eq!(dependencies(&app.path().join("ours")), 7);
}

#[test]
fn a_project_on_the_next_wasi_is_fetched_and_built() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::anonymous(&server) else { return };
    let deps = wasi::deps_of("wasip3");
    server.publish(&deps.join("http.wit"), Some(&deps));
    let app = package("package test:app@0.1.0;\nworld app { include wasi:http/service@0.3.2; }\n");
    wkg.run(app.path(), &["fetch"]).success();
    // `http`, and of what it needs those parts that this world uses: `cli`, `clocks` and `random`.
    assert_eq!(dependencies(&app.path().join("wit")), 4);
    wkg.run(app.path(), &["build"]).success();
}

#[test]
fn dependencies_are_written_as_webassembly_too() {
    let server = with_wasi();
    let Some(wkg) = Wkg::anonymous(&server) else { return };
    let app = package(APP);
    wkg.run(app.path(), &["wit", "fetch", "--type", "wasm"]).success();
    let deps = read_files(&app.path().join("wit/deps"));
    assert!(deps.iter().any(|(path, _)| path == "wasi-http-0.2.12.wasm"), "{:?}", deps.iter().map(|(path, _)| path));
    for (path, bytes) in deps {
        assert!(matches!(wit_component::decode(&bytes), Ok(wit_component::DecodedWasm::WitPackage(..))), "{path}");
    }
}

#[test]
fn two_registries_and_a_restart_give_the_same_lock() {
    let (mut first, second) = (with_wasi(), with_wasi());
    let (Some(one), Some(two)) = (Wkg::anonymous(&first), Wkg::anonymous(&second)) else { return };
    let (app, other) = (package(APP), package(APP));
    one.run(app.path(), &["wit", "fetch"]).success();
    two.run(other.path(), &["wit", "fetch"]).success();
    let digests = |folder: &Path| -> Vec<String> {
        lock(folder).lines().filter(|line| line.starts_with("digest")).map(str::to_owned).collect()
    };
    assert!(!digests(app.path()).is_empty());
    assert_eq!(digests(app.path()), digests(other.path()));
    let locked = lock(app.path());
    first.restart();
    one.clear_cache();
    fs::remove_file(app.path().join("wkg.lock")).unwrap();
    one.run(app.path(), &["wit", "fetch"]).success();
    assert_eq!(lock(app.path()), locked);
}

#[test]
fn a_newer_release_does_not_change_what_is_locked() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::operator(&server) else { return };
    server.publish_text(TYPES);
    let app = package("package test:app@0.1.0;\nworld app { import test:types/types@1.0.0; }\n");
    wkg.run(app.path(), &["wit", "fetch"]).success();
    let locked = lock(app.path());
    server.publish_text(&TYPES.replace("1.0.0", "1.1.0").replace("}\n}", "}\n f: func();\n}"));
    wkg.run(app.path(), &["wit", "fetch"]).success();
    wkg.run(app.path(), &["wit", "build"]).success();
    assert_eq!(lock(app.path()), locked);

    // Yanked for others, and there for this lock.
    let yank = ["yank", "test:types@1.0.0", "--reason", "wrong unit"];
    registry_at(&server, app.path()).args(yank).assert().success();
    wkg.clear_cache();
    wkg.run(app.path(), &["wit", "build"]).success();
    assert_eq!(lock(app.path()), locked);

    // Who takes the newer one says so in the WIT.
    write_files(
        app.path(),
        &[("wit/package.wit", "package test:app@0.1.0;\nworld app { import test:types/types@1.1.0; }\n")],
    );
    wkg.run(app.path(), &["wit", "fetch"]).success();
    assert_contains(&lock(app.path()), &["1.1.0"]);
    let text = fs::read_to_string(app.path().join("wit/deps/test-types-1.1.0/package.wit")).unwrap();
    assert_contains(&text, &["f: func();"]);
}

#[test]
fn a_dependency_that_is_not_there_is_said_to_be_missing() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::anonymous(&server) else { return };
    let app = package("package test:app@0.1.0;\nworld app { import test:types/types@1.0.0; }\n");
    wkg.refused(app.path(), &["wit", "fetch"], &["package `test:types` was not found in component registry"]);
    server.publish_text(&TYPES.replace("1.0.0", "1.1.0"));
    wkg.refused(app.path(), &["wit", "fetch"], &["`test:types` has no release matching version requirement"]);
}

#[test]
fn nothing_is_fetched_while_the_registry_is_away_and_everything_when_it_is_back() {
    let mut server = TestRegistry::start();
    let Some(wkg) = Wkg::anonymous(&server) else { return };
    server.publish_text(TYPES);
    let app = package("package test:app@0.1.0;\nworld app { import test:types/types@1.0.0; }\n");
    wkg.run(app.path(), &["fetch"]).success();
    let locked = lock(app.path());
    server.stop();
    // Everything is in the lock and in the cache, and `wkg` asks all the same.
    wkg.refused(app.path(), &["build"], &["test:types", "Connection refused"]);
    server.restart();
    wkg.run(app.path(), &["build"]).success();
    assert_eq!(lock(app.path()), locked);
}

#[test]
fn a_component_is_built_on_what_wkg_fetched() {
    let server = with_wasi();
    let Some(wkg) = Wkg::operator(&server) else { return };
    let app =
        package("package test:app@0.1.0;\nworld w { import wasi:clocks/wall-clock@0.2.12; export run: func(); }\n");
    wkg.run(app.path(), &["wit", "fetch"]).success();
    let text = |path: &str| fs::read_to_string(app.path().join(path)).unwrap();
    let clocks = read_files(&app.path().join("wit/deps"));
    let name = |name: &str| clocks.iter().map(|(path, _)| path).find(|path| path.starts_with(name)).unwrap();
    let paths = ["wasi-io", "wasi-clocks"].map(|prefix| format!("wit/deps/{}", name(prefix)));
    let texts = [text(&paths[0]), text(&paths[1]), text("wit/package.wit")];
    let bytes = component(&texts.each_ref().map(String::as_str));
    // The registry compares what the component says of its imports with the packages that it has.
    server.publish_component(&bytes, Some("test:runner@1.0.0"));
    wkg.run(app.path(), &["get", "test:runner@1.0.0", "-o", "./runner.wasm"]).success();
    assert_eq!(fs::read(app.path().join("runner.wasm")).unwrap(), bytes);
}

#[test]
fn parts_of_wasi_never_take_the_place_of_wasi() {
    let (source, target) = (with_wasi(), TestRegistry::start());
    let (Some(from), Some(to)) = (Wkg::anonymous(&source), Wkg::operator(&target)) else { return };
    let app = package("package test:app@0.1.0;\nworld app { export wasi:http/incoming-handler@0.2.12; }\n");
    from.run(app.path(), &["fetch"]).success();
    let ours = |server: &TestRegistry, arguments: &[&str]| registry_at(server, app.path()).args(arguments).assert();
    for server in [&source, &target] {
        let refused = stderr(&ours(server, &["publish", "wit", "--with-deps", "--claim"]).code(1));
        assert_contains(&refused, &["wasi:cli@0.2.12", "`wkg fetch`", "only parts", "hint: "]);
    }
    ours(&target, &["show", "wasi:cli"]).code(1);

    // What the registry says to a client that pushes leads to the whole packages, and so does our own hint.
    from.run(app.path(), &["build"]).success();
    to.refused(app.path(), &["publish", "test:app@0.1.0.wasm"], &["wasi:http@0.2.12", "`wkg get"]);
    ours(&target, &["namespace", "claim", "wasi"]).success();
    for name in ["io", "clocks", "random", "filesystem", "sockets", "cli", "http"] {
        let (release, file) = (format!("wasi:{name}@0.2.12"), format!("./{name}.wasm"));
        from.run(app.path(), &["get", &release, "--format", "wasm", "-o", &file]).success();
        to.run(app.path(), &["publish", &file]).success();
        assert_eq!(bound_hash(&target, &release), bound_hash(&source, &release));
    }
    to.run(app.path(), &["publish", "test:app@0.1.0.wasm"]).success();

    // The project's own hash is told apart from the registry's until its `deps` are whole.
    assert_contains(&stderr(&ours(&target, &["hash", "wit"]).success()), &["warning: `wkg fetch`", "wasi:cli@0.2.12"]);
    let verified = ours(&target, &["verify", "wit"]).code(1);
    assert_contains(&stderr(&verified), &["`wkg fetch` wrote `deps`", "`registry import` and `registry fetch`"]);
    fs::remove_dir_all(app.path().join("wit/deps")).unwrap();
    ours(&target, &["import"]).success();
    ours(&target, &["fetch"]).success();
    let hash = ours(&target, &["hash", "wit"]).success();
    assert_eq!((stdout(&hash).trim(), stderr(&hash).as_str()), (bound_hash(&target, "test:app@0.1.0").as_str(), ""));
    ours(&target, &["verify", "wit"]).success();
}
