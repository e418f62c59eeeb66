//! `registry hash`: offline, and just the hash.

use crate::command::{MAIN, SHAPES, TYPES, assert_contains, json, project, registry, stderr, stdout};
use crate::support::component::{component, encoded};
use crate::support::{wasi, write_files};
use registry_core::id::ComponentHash;
use std::fs;
use std::path::Path;

/// The hash of a path, computed with a registry that does not exist.
fn hash(arguments: &[&str], folder: &Path) -> String {
    let url = ["--registry", "http://127.0.0.1:1"];
    let assert = registry().arg("hash").args(arguments).args(url).current_dir(folder).assert().success();
    assert_eq!(stderr(&assert), "");
    stdout(&assert)
}

#[test]
fn folder_encoding_and_flat_document_have_one_hash_which_is_all_that_is_printed() {
    let project = project();
    let expected = hash(&["wit"], project.path());
    assert!(expected.starts_with("p2:w") && expected.ends_with('\n') && expected.len() == 69, "{expected:?}");
    fs::write(project.path().join("main.wasm"), encoded(&[TYPES, SHAPES, MAIN])).unwrap();
    assert_eq!(hash(&["main.wasm", "--deps", "wit/deps"], project.path()), expected);
    let nested = |text: &str| format!("{}}}\n", text.replacen(';', " {", 1));
    write_files(project.path(), &[("flat.wit", &format!("{MAIN}{}{}", nested(SHAPES), nested(TYPES)))]);
    assert_eq!(hash(&["flat.wit"], project.path()), expected);
    assert_eq!(hash(&["wit/main.wit"], project.path()), expected);
}

#[test]
fn the_hash_of_wasi_http_does_not_depend_on_how_it_lies_there() {
    let folder = tempfile::tempdir().unwrap();
    let (file, deps) = (wasi::file("http"), wasi::deps());
    let (file, deps) = (file.to_str().unwrap(), deps.to_str().unwrap());
    let expected = hash(&[file, "--deps", deps], folder.path());
    write_files(folder.path(), &[("http/a.wit", &fs::read_to_string(file).unwrap().replace('\n', "\r\n"))]);
    assert_eq!(hash(&["http", "--deps", deps], folder.path()), expected);
}

#[test]
fn encoded_wit_without_its_dependencies_lists_them() {
    let project = project();
    fs::write(project.path().join("main.wasm"), encoded(&[TYPES, SHAPES, MAIN])).unwrap();
    let assert = registry().args(["hash", "main.wasm"]).current_dir(project.path()).assert().code(1);
    assert_eq!(stdout(&assert), "");
    assert_contains(
        &stderr(&assert),
        &["error: ", "`test:shapes@1.0.0`, `test:types@1.0.0`", "hint: ", "--deps", "registry fetch NAME -o tmp"],
    );
}

#[test]
fn a_component_is_named_by_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = component(&["package test:a;\nworld w { export f: func(); }"]);
    fs::write(folder.path().join("a.wasm"), &bytes).unwrap();
    assert_eq!(hash(&["a.wasm"], folder.path()), format!("{}\n", ComponentHash::of(&bytes)));
    let assert = registry().args(["hash", "a.wasm", "--json"]).current_dir(folder.path()).assert().success();
    let expected =
        serde_json::json!({"kind": "component", "hash": ComponentHash::of(&bytes).to_string(), "name": null});
    assert_eq!(json(&assert), expected);
}

#[test]
fn json_names_the_package() {
    let project = project();
    let assert = registry().args(["--json", "hash", "wit"]).current_dir(project.path()).assert().success();
    let document = json(&assert);
    assert_eq!((&document["kind"], &document["name"]), (&"package".into(), &"test:main@1.0.0".into()));
    assert_eq!(format!("{}\n", document["hash"].as_str().unwrap()), hash(&["wit"], project.path()));
}

#[test]
fn wit_errors_show_file_line_column_and_source() {
    let project = project();
    write_files(project.path(), &[("wit/bad.wit", "interface i {\n  f: func(x: nonsense);\n}\n")]);
    let assert = registry().args(["hash", "wit"]).current_dir(project.path()).assert().code(1);
    assert_contains(&stderr(&assert), &["error: ", "wit/bad.wit:2:14", "f: func(x: nonsense);", "^"]);
}

#[test]
fn a_deps_folder_that_is_not_there_is_wrong_usage() {
    let project = project();
    let assert = registry().args(["hash", "wit", "--deps", "nowhere"]).current_dir(project.path()).assert().code(2);
    assert_contains(&stderr(&assert), &["`--deps nowhere` is not a folder"]);
}

#[test]
fn the_folder_of_a_component_is_not_a_package() {
    let folder = tempfile::tempdir().unwrap();
    let world = "package root:component;\nworld root { export f: func(); }";
    write_files(folder.path(), &[("a/a.wit", world)]);
    fs::write(folder.path().join("a/a.wasm"), component(&["package test:a;\nworld w { export f: func(); }"])).unwrap();
    for command in ["hash", "publish"] {
        let assert = registry().args([command, "a"]).current_dir(folder.path()).assert().code(1);
        assert_contains(&stderr(&assert), &["`a` is the folder of a component", "hint: name `a/a.wasm`"]);
    }
    assert!(hash(&["a/a.wasm"], folder.path()).starts_with("p2:c"));
    // Without a component beside it, the text alone can be hashed.
    fs::remove_file(folder.path().join("a/a.wasm")).unwrap();
    assert!(hash(&["a"], folder.path()).starts_with("p2:w"));
    let assert = registry().args(["publish", "a"]).current_dir(folder.path()).assert().code(1);
    assert_contains(&stderr(&assert), &["hint: this is the world of a component"]);
}
