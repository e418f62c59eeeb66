//! `wkg get`: what was published in any way is there, the same every time.

use super::fixtures::{image, source_hash};
use super::skopeo::Skopeo;
use super::wkg::Wkg;
use crate::command::{MAIN, SHAPES, TYPES, assert_contains, project, registry_at, stderr};
use crate::support::component::component;
use crate::support::registry::TestRegistry;
use std::fs;

#[test]
fn what_our_command_published_is_got_as_text_and_as_webassembly() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::anonymous(&server) else { return };
    let project = project();
    let identity = server.publish(&project.path().join("wit"), None);
    let folder = tempfile::tempdir().unwrap();
    let got = wkg.run(folder.path(), &["get", "test:main"]).success();
    assert_contains(&stderr(&got), &["test:main@1.0.0"]);
    let text = fs::read_to_string(folder.path().join("test_main@1.0.0.wit")).unwrap();
    assert_contains(&text, &["package test:main@1.0.0;", "export run: func();"]);

    let wit = project.path().join("wit");
    wkg.run(&wit, &["get", "test:main@1.0.0", "--format", "wasm", "-o", "./main.wasm"]).success();
    // With the packages that it needs beside it, it has the hash of the source.
    assert_eq!(source_hash(&wit.join("main.wasm")), identity.hash.to_string());
    wkg.run(&wit, &["get", "test:main@1.0.0", "--format", "wasm", "-o", "./main.wasm", "--check"]).success();
}

#[test]
fn a_component_is_got_byte_for_byte() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::anonymous(&server) else { return };
    let project = project();
    server.publish(&project.path().join("wit"), None);
    let bytes = component(&[TYPES, SHAPES, MAIN]);
    server.publish_component(&bytes, Some("test:runner@1.0.0"));
    wkg.run(project.path(), &["get", "test:runner", "-o", "./runner.wasm"]).success();
    assert_eq!(fs::read(project.path().join("runner.wasm")).unwrap(), bytes);
}

#[test]
fn digests_are_the_same_in_every_registry_and_after_a_restart() {
    let (mut server, other) = (TestRegistry::start(), TestRegistry::start());
    let Some(skopeo) = Skopeo::new() else { return };
    let project = project();
    for registry in [&server, &other] {
        registry.publish(&project.path().join("wit"), None);
        registry.publish_component(&component(&[TYPES, SHAPES, MAIN]), Some("test:runner@1.0.0"));
    }
    for image_name in ["test/main:1.0.0", "test/runner:1.0.0"] {
        let manifest = |server: &TestRegistry| skopeo.manifest(&image(server, image_name));
        let first = manifest(&server);
        assert_eq!(manifest(&other), first);
        server.restart();
        assert_eq!(manifest(&server), first);
        assert_contains(&first, &["\"application/vnd.wasm.config.v0+json\"", "\"application/wasm\"", "p2:"]);
    }
}

#[test]
fn what_is_missing_is_said_to_be_missing() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::anonymous(&server) else { return };
    let folder = tempfile::tempdir().unwrap();
    server.publish_text(TYPES);
    wkg.refused(folder.path(), &["get", "test:nothing"], &["Package not found"]);
    wkg.refused(folder.path(), &["get", "nobody:nothing"], &["Package not found"]);
    let parts = ["`test/nothing` is not in this registry", "check the name"];
    wkg.refused(folder.path(), &["get", "test:nothing@1.0.0"], &parts);
    let parts = ["`test/types` has no manifest `9.0.0`", "check the version"];
    wkg.refused(folder.path(), &["get", "test:types@9.0.0"], &parts);
}

#[test]
fn a_yanked_release_is_there_for_those_who_have_it_in_a_lock() {
    let server = TestRegistry::start();
    let Some(wkg) = Wkg::anonymous(&server) else { return };
    let folder = tempfile::tempdir().unwrap();
    for version in ["1.0.0", "1.1.0"] {
        server.publish_text(&TYPES.replace("1.0.0", version));
    }
    let yank = ["yank", "test:types@1.1.0", "--reason", "wrong unit"];
    registry_at(&server, folder.path()).args(yank).assert().success();
    // Nothing in OCI says it, so `wkg` takes it for the newest.
    for (index, package) in ["test:types@1.1.0", "test:types"].into_iter().enumerate() {
        let target = format!("./{index}.wit");
        wkg.run(folder.path(), &["get", package, "-o", &target]).success();
        assert_contains(&fs::read_to_string(folder.path().join(target)).unwrap(), &["test:types@1.1.0"]);
    }
}
