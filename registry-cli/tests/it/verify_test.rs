//! `registry verify`

use crate::command::{MAIN, SHAPES, TYPES, assert_contains, json, json_error, published, registry_at, stderr, stdout};
use crate::support::component::component;
use crate::support::proxy::tampering;
use crate::support::write_files;
use serde_json::Value;
use std::fs;

fn statuses(document: &Value) -> Vec<(String, String)> {
    let results = document["results"].as_array().unwrap();
    let text = |result: &Value, field: &str| result[field].as_str().unwrap().to_owned();
    results.iter().map(|result| (text(result, "name"), text(result, "status"))).collect()
}

#[test]
fn a_spec_is_fetched_and_recomputed() {
    let (server, folder, hash) = published();
    let text = stdout(&registry_at(&server, folder.path()).args(["verify", "test:main"]).assert().success());
    assert_contains(
        &text,
        &[&format!("ok            test:main@1.0.0 {hash}\n"), "ok            test:types@1.0.0 p2:w"],
    );
    let component = server.publish_component(&component(&[TYPES, SHAPES, MAIN]), Some("test:runner@1.0.0"));
    let document =
        json(&registry_at(&server, folder.path()).args(["verify", "test:runner", "--json"]).assert().success());
    assert_eq!(document["is_ok"], true);
    assert_eq!(document["results"].as_array().unwrap().len(), 4);
    let last = &document["results"][3];
    assert_eq!((&last["kind"], last["hash"].as_str()), (&"component".into(), Some(component.to_string().as_str())));
}

#[test]
fn a_tampered_spec_fails() {
    let (server, folder, hash) = published();
    let url = tampering(server.url(), "A place", "A trap!");
    let arguments = ["--registry", &url, "verify", &hash, "--json"];
    let assert = registry_at(&server, folder.path()).args(arguments).assert().code(1);
    assert_eq!(stdout(&assert), "");
    let error = json_error(&assert);
    assert_contains(error["causes"][0].as_str().unwrap(), &["`test:types@1.0.0` has the hash p2:w", "was expected"]);
    assert_contains(error["hint"].as_str().unwrap(), &["do not trust this registry"]);
}

#[test]
fn a_folder_is_compared_package_by_package() {
    let (server, folder, hash) = published();
    let verify = || registry_at(&server, folder.path()).args(["verify", "wit", "--json"]).assert();
    let document = json(&verify().success());
    assert_eq!(document["is_ok"], true);
    assert_eq!(document["results"][0]["hash"].as_str(), Some(hash.as_str()));

    // A change in a dependency changes everything that needs it.
    write_files(folder.path(), &[("wit/deps/types.wit", &TYPES.replace("A place", "A point"))]);
    write_files(folder.path(), &[("wit/deps/new.wit", "package test:new@0.1.0;\ninterface i { f: func(); }")]);
    let assert = verify().code(1);
    let document = json(&assert);
    assert_eq!(document["is_ok"], false);
    let expected = [
        ("test:main@1.0.0", "differs"),
        ("test:new@0.1.0", "not-published"),
        ("test:shapes@1.0.0", "differs"),
        ("test:types@1.0.0", "differs"),
    ];
    assert_eq!(statuses(&document), expected.map(|(name, status)| (name.to_owned(), status.to_owned())));
    assert_eq!(document["results"][0]["registered"].as_str(), Some(hash.as_str()));
    assert_contains(json_error(&assert)["message"].as_str().unwrap(), &["4 of 4 are not what the registry has"]);

    let text = registry_at(&server, folder.path()).args(["verify", "wit"]).assert().code(1);
    let main = document["results"][0]["hash"].as_str().unwrap();
    let differs = format!("differs       test:main@1.0.0 {main}\n              the registry has {hash}\n");
    assert_contains(&stdout(&text), &[&differs, "not-published test:new@0.1.0 p2:w"]);
    assert_contains(&stderr(&text), &["error: 4 of 4", "hint: "]);
}

#[test]
fn a_package_without_a_version_has_nothing_to_be_compared_with() {
    let (server, folder, _) = published();
    write_files(folder.path(), &[("wit/main.wit", &MAIN.replace("main@1.0.0", "main"))]);
    let document = json(&registry_at(&server, folder.path()).args(["verify", "wit", "--json"]).assert().success());
    assert_eq!(statuses(&document)[0], ("test:main".to_owned(), "unversioned".to_owned()));
}

#[test]
fn a_fetched_component_is_compared_by_its_bytes_and_its_packages() {
    let (server, folder, _) = published();
    let bytes = component(&[TYPES, SHAPES, MAIN]);
    server.publish_component(&bytes, Some("test:runner@1.0.0"));
    registry_at(&server, folder.path()).args(["fetch", "test:runner", "-o", "out"]).assert().success();
    let verify = || registry_at(&server, folder.path()).args(["verify", "out", "--json"]).assert();
    let document = json(&verify().success());
    let (name, status) = statuses(&document).pop().unwrap();
    assert_eq!((name.as_str(), status.as_str()), ("out/runner.wasm", "ok"));

    // Another component that fits the same packages: valid, but not published.
    let other = component(&[
        TYPES,
        SHAPES,
        &MAIN.replace("run:", "walk:").replace("main@1.0.0", "other").replace("api;", "test:shapes/shapes@1.0.0;"),
    ]);
    fs::write(folder.path().join("out/runner.wasm"), other).unwrap();
    assert_eq!(statuses(&json(&verify().code(1))).pop().unwrap().1, "not-published");
    // Bytes that are no component any more end nothing but their own line.
    fs::write(folder.path().join("out/runner.wasm"), &bytes[..bytes.len() - 1]).unwrap();
    let document = json(&verify().code(1));
    assert_eq!(statuses(&document).pop().unwrap(), ("out/runner.wasm".to_owned(), "invalid".to_owned()));
    assert_contains(&document["results"].as_array().unwrap().last().unwrap()["causes"].to_string(), &["not valid"]);
    assert!(statuses(&document).contains(&("test:types@1.0.0".to_owned(), "ok".to_owned())));
}

#[test]
fn the_wit_beside_a_component_must_be_its_own() {
    let (server, folder, _) = published();
    let bytes = component(&[TYPES, SHAPES, MAIN]);
    server.publish_component(&bytes, Some("test:runner@1.0.0"));
    registry_at(&server, folder.path()).args(["fetch", "test:runner", "-o", "out"]).assert().success();
    let verify = |path: &str| registry_at(&server, folder.path()).args(["verify", path, "--json"]).assert();
    let status = |document: &Value, name: &str| {
        statuses(document).into_iter().find(|(found, _)| found == name).map(|(_, status)| status).unwrap()
    };
    let document = json(&verify("out").success());
    assert_eq!(status(&document, "root:component"), "ok");
    assert_eq!(document["results"][0]["part_of"], "out/runner.wasm");
    let text = stdout(&registry_at(&server, folder.path()).args(["verify", "out"]).assert().success());
    assert_contains(&text, &["ok            root:component p2:w", "(part of out/runner.wasm)"]);

    // A change of the component's WIT.
    let wit = fs::read_to_string(folder.path().join("out/runner.wit")).unwrap();
    write_files(folder.path(), &[("out/runner.wit", &wit.replace("run: func()", "walk: func()"))]);
    let document = json(&verify("out").code(1));
    assert_eq!(status(&document, "root:component"), "differs");
    assert_eq!(status(&document, "out/runner.wasm"), "ok");
    write_files(folder.path(), &[("out/runner.wit", &wit)]);

    // Another component, published too.
    let other = component(&["package test:a;\nworld w { export f: func(); }"]);
    server.publish_component(&other, None);
    fs::write(folder.path().join("out/runner.wasm"), &other).unwrap();
    assert_eq!(status(&json(&verify("out").code(1)), "root:component"), "differs");
    fs::write(folder.path().join("out/runner.wasm"), &bytes).unwrap();

    // A change of a dependency is that dependency's, not the component's.
    let types = "out/deps/test-types-1.0.0/package.wit";
    let text = fs::read_to_string(folder.path().join(types)).unwrap();
    write_files(folder.path(), &[(types, &text.replace("x: s32", "x: s64"))]);
    let document = json(&verify("out").code(1));
    assert_eq!(status(&document, "test:types@1.0.0"), "differs");
    assert_eq!(status(&document, "out/runner.wasm"), "ok");
}

#[test]
fn a_file_is_verified_too() {
    let (server, folder, hash) = published();
    let verify = |path: &str| registry_at(&server, folder.path()).args(["verify", path]).assert();
    assert_contains(&stdout(&verify("wit/main.wit").success()), &[&format!("ok            test:main@1.0.0 {hash}\n")]);
    fs::write(folder.path().join("a.wasm"), component(&["package test:a;\nworld w { export f: func(); }"])).unwrap();
    assert_contains(&stdout(&verify("a.wasm").code(1)), &["not-published a.wasm p2:c"]);
    assert_contains(&stderr(&verify("nofolder").code(2)), &["no such file or folder", "not a name"]);
}

#[test]
fn a_folder_with_nothing_to_compare_is_not_verified() {
    let (server, folder, _) = published();
    write_files(folder.path(), &[("plain/a.wit", "package test:a;\ninterface i { f: func(); }")]);
    let assert = registry_at(&server, folder.path()).args(["verify", "plain"]).assert().code(1);
    assert_contains(&stdout(&assert), &["unversioned   test:a p2:w"]);
    assert_contains(&stderr(&assert), &["nothing here has a version", "hint: give the package a version"]);
}

#[test]
fn a_folder_that_is_not_there_is_never_sent_to_the_registry() {
    let (server, folder, _) = published();
    let assert = registry_at(&server, folder.path()).args(["verify", "no/such/folder"]).assert().code(1);
    assert_contains(&stderr(&assert), &["cannot read `no/such/folder", "No such file"]);
    registry_at(&server, folder.path()).args(["verify", "neither-spec-nor-folder"]).assert().code(2);
    fs::create_dir(folder.path().join("empty")).unwrap();
    let assert = registry_at(&server, folder.path()).args(["verify", "empty"]).assert().code(1);
    assert_contains(&stderr(&assert), &["no `.wit` file in `empty`"]);
}
