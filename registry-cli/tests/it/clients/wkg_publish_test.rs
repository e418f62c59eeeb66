//! `wkg publish` and `wkg oci push`: what is pushed is published by the same rules as everything.

use super::fixtures::{bound_hash, host, image, package, source_hash};
use super::wkg::Wkg;
use crate::command::{MAIN, SHAPES, TYPES, assert_contains, json, registry_at, stderr, stdout};
use crate::support::component::component;
use crate::support::registry::TestRegistry;
use crate::support::{wasi, write_files};
use registry_core::id::ComponentHash;
use std::fs;
use std::path::Path;

const CLOCK: &str = "package test:clock@1.0.0;\ninterface clock { now: func() -> u64; }\n";
const RUNNER: &str = "package test:main@1.0.0;\nworld w { import test:clock/clock@1.0.0; export run: func(); }\n";

#[test]
fn packages_that_wkg_publishes_have_the_hashes_of_their_sources() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::operator(&server) else { return };
    let (types, shapes) = (package(TYPES), package(SHAPES));
    wkg.publish(types.path());
    wkg.publish(shapes.path());
    assert_eq!(bound_hash(&server, "test:types@1.0.0"), source_hash(&types.path().join("wit")));

    // `wkg build` fetched nothing into the folder; our own command hashes the package with what the registry has.
    write_files(shapes.path(), &[("whole/shapes.wit", SHAPES), ("whole/deps/types.wit", TYPES)]);
    assert_eq!(bound_hash(&server, "test:shapes@1.0.0"), source_hash(&shapes.path().join("whole")));
    let ours = |arguments: &[&str]| registry_at(&server, shapes.path()).args(arguments).assert().success();
    ours(&["verify", "test:shapes@1.0.0"]);
    ours(&["fetch", "test:shapes", "-o", "fetched"]);
    ours(&["verify", "fetched"]);
    let text = fs::read_to_string(shapes.path().join("fetched/deps/test-types-1.0.0/package.wit")).unwrap();
    assert_contains(&text, &["/// A place.", "record point"]);
    let again = json(&ours(&["publish", "whole", "--json"]));
    assert_eq!((&again["created"], &again["hash"]), (&false.into(), &bound_hash(&server, "test:shapes@1.0.0").into()));
}

#[test]
fn all_of_wasi_is_published_by_wkg_with_the_hashes_of_its_sources() {
    let (server, ours) = (TestRegistry::start(), TestRegistry::start());
    let Some(wkg) = Wkg::operator(&server) else { return };
    // Leaves first, as `wkg` finds what it needs in the registry.
    let older = ["io", "clocks", "random", "filesystem", "sockets", "cli", "http"];
    for (deps, version, names) in
        [(wasi::deps(), "0.2.12", &older[..]), (wasi::deps_of("wasip3"), "0.3.2", &older[1..])]
    {
        let identity = ours.publish(&deps.join("http.wit"), Some(&deps));
        for name in names {
            let folder = tempfile::tempdir().unwrap();
            fs::create_dir(folder.path().join("wit")).unwrap();
            fs::copy(deps.join(name).with_extension("wit"), folder.path().join("wit/package.wit")).unwrap();
            wkg.publish(folder.path());
        }
        let release = format!("wasi:http@{version}");
        assert_eq!(bound_hash(&server, &release), identity.hash.to_string());
        let home = tempfile::tempdir().unwrap();
        registry_at(&server, home.path()).args(["verify", &release]).assert().success();
    }
}

#[test]
fn a_workspace_is_published_at_once() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::operator(&server) else { return };
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("wkg.toml", "[workspace]\nmembers = [\"main\", \"shapes\", \"types\"]\n"),
        ("main/main.wit", MAIN),
        ("shapes/shapes.wit", SHAPES),
        ("types/types.wit", TYPES),
    ];
    write_files(folder.path(), &files);
    let published = wkg.run(folder.path(), &["publish", "--workspace"]).success();
    assert_contains(&stderr(&published), &["Published test:types@1.0.0", "Published test:main@1.0.0"]);
    registry_at(&server, folder.path()).args(["verify", "test:main@1.0.0"]).assert().success();
    wkg.refused(folder.path(), &["publish", "--workspace"], &["already exists"]);
    wkg.run(folder.path(), &["publish", "--workspace", "--skip-dupes"]).success();
}

#[test]
fn a_component_is_published_as_it_is() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::operator(&server) else { return };
    let folder = tempfile::tempdir().unwrap();
    let bytes = component(&[CLOCK, RUNNER]);
    fs::write(folder.path().join("runner.wasm"), &bytes).unwrap();
    // `wkg publish --package` of this version wants a version inside of the component, where none can stand.
    wkg.refused(folder.path(), &["publish", "--package", "test:runner@2.0.0", "runner.wasm"], &["version not found"]);
    let push = || wkg.push(&server, folder.path(), "test/runner:2.0.0", "runner.wasm");
    assert_contains(&stderr(&push().failure()), &["test:clock@1.0.0"]);

    server.publish_text(CLOCK);
    assert_contains(&stdout(&push().success()), &["sha256:"]);
    assert_eq!(bound_hash(&server, "test:runner@2.0.0"), ComponentHash::of(&bytes).to_string());
    let mut ours = registry_at(&server, folder.path());
    ours.args(["fetch", "test:runner", "-o", "fetched"]).assert().success();
    assert_eq!(fs::read(folder.path().join("fetched/runner.wasm")).unwrap(), bytes);
    wkg.run(folder.path(), &["get", "test:runner@2.0.0", "-o", "./got.wasm"]).success();
    assert_eq!(fs::read(folder.path().join("got.wasm")).unwrap(), bytes);
}

#[test]
fn a_component_longer_than_what_is_sent_at_once_arrives_whole() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::operator(&server) else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = component(&["package test:main@1.0.0;\nworld w { export run: func(); }\n"]);
    // A custom section of 5,000,000 bytes with the name `pad`; `wkg` sends 4 MiB at once.
    bytes.extend([0, 0xc4, 0x96, 0xb1, 0x02, 3]);
    bytes.extend(b"pad");
    bytes.extend((0..5_000_000_u32).map(|index| index.to_le_bytes()[1]));
    fs::write(folder.path().join("long.wasm"), &bytes).unwrap();
    wkg.push(&server, folder.path(), "test/long:1.0.0", "long.wasm").success();
    assert_eq!(bound_hash(&server, "test:long@1.0.0"), ComponentHash::of(&bytes).to_string());
    let source = image(&server, "test/long:1.0.0");
    wkg.run(folder.path(), &["oci", "pull", "--insecure", host(&server), &source, "-o", "pulled.wasm"]).success();
    assert!(fs::read(folder.path().join("pulled.wasm")).unwrap() == bytes);
}

#[test]
fn a_release_is_published_once() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::operator(&server) else { return };
    let folder = package(TYPES);
    wkg.publish(folder.path());
    // `wkg` looks before it pushes.
    wkg.refused(folder.path(), &["publish", "wit"], &["test:types@1.0.0 already exists in the registry"]);
    let skipped = wkg.run(folder.path(), &["publish", "--skip-dupes", "wit"]).success();
    assert_contains(&stderr(&skipped), &["already exists"]);

    // Told not to look, it is the registry that answers: the same content is no change, other content is refused.
    let hash = bound_hash(&server, "test:types@1.0.0");
    wkg.run(folder.path(), &["publish", "--skip-semver-check", "wit"]).success();
    write_files(folder.path(), &[("wit/package.wit", &TYPES.replace("x: s32", "x: s64"))]);
    let parts = ["test:types@1.0.0", "is bound to", "publish under a new version"];
    wkg.refused(folder.path(), &["publish", "--skip-semver-check", "wit"], &parts);
    assert_eq!(bound_hash(&server, "test:types@1.0.0"), hash);
}

#[test]
fn what_breaks_users_is_refused_with_what_it_breaks() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::operator(&server) else { return };
    let folder = package(TYPES);
    wkg.publish(folder.path());
    // `wkg` compares worlds, and this package has none.
    write_files(folder.path(), &[("wit/package.wit", &TYPES.replace("1.0.0", "1.1.0").replace("x: s32", "x: s64"))]);
    let parts = ["test:types@1.1.0", "which it must extend", "2.0.0", "point"];
    wkg.refused(folder.path(), &["publish", "wit"], &parts);
    let versions = |folder: &Path| {
        let listed = registry_at(&server, folder).args(["releases", "test:types", "--json"]).assert().success();
        json(&listed)["releases"].as_array().unwrap().len()
    };
    assert_eq!(versions(folder.path()), 1);
    write_files(
        folder.path(),
        &[("wit/package.wit", &TYPES.replace("1.0.0", "1.1.0").replace("}\n}", "}\n f: func();\n}"))],
    );
    wkg.publish(folder.path());
    assert_eq!(versions(folder.path()), 2);
}

#[test]
fn what_a_package_needs_must_be_there() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::operator(&server) else { return };
    let folder = package(SHAPES);
    let overrides = "[overrides]\n\"test:types\" = { path = \"types\" }\n";
    write_files(folder.path(), &[("wkg.toml", overrides), ("types/types.wit", TYPES)]);
    wkg.run(folder.path(), &["build"]).success();
    let parts = ["refers to packages that are not in this registry", "test:types@1.0.0", "registry mirror"];
    wkg.refused(folder.path(), &["publish", "test:shapes@1.0.0.wasm"], &parts);
    server.publish_text(TYPES);
    wkg.run(folder.path(), &["publish", "test:shapes@1.0.0.wasm"]).success();

    // A dependency with the name of a release and other content is not taken for it.
    let other = [
        ("types/types.wit", TYPES.replace("x: s32", "x: s64")),
        ("wit/package.wit", SHAPES.replace("shapes@1.0.0", "shapes@1.0.1")),
    ];
    write_files(folder.path(), &other.each_ref().map(|(path, text)| (*path, text.as_str())));
    wkg.run(folder.path(), &["build"]).success();
    let parts =
        ["was encoded against packages that differ", "`test:types/types@1.0.0`", "`x` is `s64` instead of `s32`"];
    wkg.refused(folder.path(), &["publish", "--skip-semver-check", "test:shapes@1.0.1.wasm"], &parts);
}

#[test]
fn names_stand_in_the_package_and_in_the_address_alike() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::operator(&server) else { return };
    let folder = package(TYPES);
    wkg.run(folder.path(), &["build"]).success();
    let version = "are pushed under their versions, such as `1.0.0`; `latest` is not one";
    for (target, named) in [
        ("test/other:1.0.0", "test:other"),
        ("test/types:1.0.1", "1.0.1"),
        ("test/types:latest", version),
        ("test/types", version),
    ] {
        let refused = wkg.push(&server, folder.path(), target, "test:types@1.0.0.wasm").failure();
        assert_contains(&stderr(&refused), &["MANIFEST_INVALID", named]);
    }
    let mut ours = registry_at(&server, folder.path());
    assert_contains(&stderr(&ours.args(["show", "test:types"]).assert().code(1)), &["test:types"]);
}

#[test]
fn pre_releases_are_versions_and_build_metadata_is_refused_with_the_reason() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::operator(&server) else { return };
    let folder = package(&TYPES.replace("1.0.0", "1.0.0-rc.1"));
    wkg.publish(folder.path());
    assert_eq!(bound_hash(&server, "test:types@1.0.0-rc.1"), source_hash(&folder.path().join("wit")));
    wkg.run(folder.path(), &["get", "test:types@1.0.0-rc.1", "-o", "./types.wit"]).success();
    assert_contains(&fs::read_to_string(folder.path().join("types.wit")).unwrap(), &["test:types@1.0.0-rc.1"]);
    let folder = package(&TYPES.replace("1.0.0", "1.0.0+build.5"));
    wkg.refused(
        folder.path(),
        &["publish", "wit"],
        &["`test:types@1.0.0+build.5` has build metadata", "publish it without"],
    );
}

#[test]
fn what_wkg_refuses_and_the_registry_does_not_is_published_without_its_look() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::operator(&server) else { return };
    let world =
        |version: &str, more: &str| format!("package test:w@{version};\nworld w {{ import f: func();{more} }}\n");
    let folder = package(&world("1.0.0", ""));
    wkg.publish(folder.path());
    write_files(folder.path(), &[("wit/package.wit", &world("1.1.0", " import h: func();"))]);
    wkg.run(folder.path(), &["build"]).success();
    wkg.refused(folder.path(), &["publish", "wit"], &["is not semver-compatible with existing version"]);
    registry_at(&server, folder.path()).args(["check", "wit"]).assert().success();
    wkg.run(folder.path(), &["publish", "--skip-semver-check", "wit"]).success();

    // An added export breaks those who implement the world; `wkg` has nothing against it.
    write_files(folder.path(), &[("wit/package.wit", &world("1.0.1", " export g: func();"))]);
    wkg.run(folder.path(), &["build"]).success();
    wkg.refused(folder.path(), &["publish", "--skip-semver-check", "wit"], &["which it must extend"]);
}

#[test]
fn what_wkg_says_by_itself() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::operator(&server) else { return };
    server.publish_text(TYPES);
    let app = package("package test:app@0.1.0;\nworld app { import test:types/types@1.0.0; }\n");
    wkg.refused(app.path(), &["publish", "wit"], &["wkg.lock would be updated during publish"]);
    let output = ["output directory \"\" does not exist"];
    wkg.refused(app.path(), &["get", "test:types@1.0.0", "-o", "types.wit"], &output);
    write_files(app.path(), &[("wkg.toml", "[workspace]\nmembers = [\"one\"]\n"), ("one/wit/one.wit", TYPES)]);
    wkg.refused(app.path(), &["publish", "--workspace"], &["header was found in any WIT file"]);
}
