//! Local input that cannot be used: every error says which path, what is wrong and what to do.

use crate::support::component::{component, encoded};
use crate::support::{chain, write_files};
use registry_client::local::{Dependencies, LocalError, LocalFolder, LocalInput, verify};
use registry_core::id::ComponentHash;
use registry_core::limits::Limits;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const BASE: &str = "package test:base@1.0.0;\ninterface types { type t = u8; }\n";
const MAIN: &str = "package test:main@1.0.0;\ninterface api { use test:base/types@1.0.0.{t}; f: func(x: t); }\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), files);
    folder
}

fn error_of(path: &Path, limits: &Limits) -> LocalError {
    LocalInput::read(path, None, limits).err().unwrap()
}

/// The whole message of reading a path, checked to name it.
fn message(path: &Path) -> String {
    let error = error_of(path, &Limits::default());
    format!("{}\n{}", chain(&error), error.hint().unwrap_or_default())
}

fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no `{part}` in: {text}");
    }
}

#[test]
fn what_is_not_there_or_not_readable_is_named() {
    let folder = folder(&[("empty/x.txt", ""), ("project/wit/main.wit", BASE)]);
    let path = folder.path();
    assert_contains(&message(&path.join("nothing")), &["cannot read", "nothing", "No such file"]);
    assert_contains(&message(&path.join("empty")), &["no `.wit` file in", "empty", "name the folder"]);
    assert_contains(&message(&path.join("project")), &["did you mean", "project/wit`?"]);
}

#[test]
fn text_that_is_not_wit_is_shown_with_file_line_and_column() {
    let folder = folder(&[("wit/a.wit", BASE), ("wit/b.wit", "interface more {\n  oops!\n}\n")]);
    let text = message(&folder.path().join("wit"));
    assert_contains(&text, &["wit/b.wit:2:7", "oops!", "^"]);
    let error = error_of(&folder.path().join("wit"), &Limits::default());
    let LocalError::Wit(error) = error else { panic!("{error:?}") };
    assert_eq!(error.location().map(|location| (location.line, location.column)), Some((2, 7)));
}

#[test]
fn bytes_that_are_neither_text_nor_webassembly_are_refused() {
    let folder = folder(&[("wit/.keep", "")]);
    let path = folder.path().join("wit/a.wit");
    fs::write(&path, b"package test:a@1.0.0;\n// \xff\n").unwrap();
    assert_contains(&message(&path), &["a.wit", "neither WebAssembly nor UTF-8", "give a WIT folder"]);
    assert_contains(&message(&folder.path().join("wit")), &["a.wit", "UTF-8"]);
    fs::write(&path, "").unwrap();
    assert_contains(&message(&path), &["a.wit"]);
}

#[test]
fn all_missing_dependencies_are_listed_at_once() {
    let user = "package test:user@1.0.0;\nworld w { import test:b/i@1.0.0; import test:a/i@2.0.0-rc.1; import test:main/api@1.0.0; }";
    let folder = folder(&[("wit/user.wit", user), ("wit/deps/main.wit", MAIN)]);
    let text = message(&folder.path().join("wit"));
    assert_contains(&text, &["`test:a@2.0.0-rc.1`, `test:b@1.0.0`, `test:base@1.0.0`", "wit/deps", "--deps"]);
}

#[test]
fn encoded_wit_cannot_be_hashed_without_its_dependencies() {
    let folder = folder(&[("x.txt", "")]);
    let path = folder.path().join("main.wasm");
    fs::write(&path, encoded(&[BASE, MAIN])).unwrap();
    assert_contains(&message(&path), &["`test:main@1.0.0` needs", "`test:base@1.0.0`", "--deps"]);
    write_files(folder.path(), &[("deps/base.wit", &BASE.replace("u8", "u16"))]);
    assert_contains(&message(&path), &["main.wasm", "differ from those here", "test:base"]);
}

#[test]
fn a_file_among_dependencies_is_told_where_they_are() {
    let folder = folder(&[("wit/deps/main.wit", MAIN), ("wit/deps/base.wit", BASE)]);
    let text = message(&folder.path().join("wit/deps/main.wit"));
    assert_contains(&text, &[&format!("`--deps {}`", folder.path().join("wit/deps").display())]);
}

#[test]
fn a_package_that_is_there_twice_is_refused_with_both_places() {
    let folder = folder(&[("wit/main.wit", MAIN), ("wit/deps/a.wit", BASE), ("wit/deps/b/base.wit", BASE)]);
    assert_contains(&message(&folder.path().join("wit")), &["`test:base@1.0.0`", "deps/a.wit", "deps/b`", "keep one"]);
}

#[test]
fn packages_that_need_each_other_are_refused() {
    let a = "package test:a@1.0.0;\ninterface i { use test:b/i@1.0.0.{t}; type u = t; }";
    let b = "package test:b@1.0.0;\ninterface i { use test:a/i@1.0.0.{u}; type t = u; }";
    let folder = folder(&[("wit/a.wit", a), ("wit/deps/b.wit", b)]);
    assert_contains(&message(&folder.path().join("wit")), &["cycle", "wit:"]);
}

#[test]
fn input_over_a_limit_names_the_limit() {
    let folder = folder(&[("wit/a.wit", BASE), ("wit/b.wit", "interface more {}")]);
    let path = folder.path().join("wit");
    let default = Limits::default;
    let cases = [
        (Limits { files_max: 1, ..default() }, "files_max"),
        (Limits { wit_size_bytes_max: 20, ..default() }, "wit_size_bytes_max"),
        (Limits { closure_size_bytes_max: 60, ..default() }, "closure_size_bytes_max"),
        (Limits { component_size_bytes_max: 20, ..default() }, "component_size_bytes_max"),
        (Limits { package_items_max: 1, ..default() }, "package_items_max"),
    ];
    for (limits, name) in cases {
        let text = chain(&error_of(&path, &limits));
        assert_contains(&text, &[&format!("(`{name}`)")]);
    }
    write_files(folder.path(), &[("wit/deps/a.wit", BASE), ("wit/deps/b.wit", MAIN)]);
    let limits = Limits { closure_packages_max: 0, ..default() };
    assert_contains(&chain(&error_of(&path, &limits)), &["closure_packages_max"]);
}

#[test]
fn a_file_without_end_is_not_read_to_its_end() {
    let text = chain(&error_of(Path::new("/dev/zero"), &Limits::default()));
    assert_contains(&text, &["`/dev/zero` is neither a file nor a folder"]);
}

#[test]
fn ten_thousand_nested_brackets_are_an_error_and_no_crash() {
    let deep = format!(
        "package test:a@1.0.0;\ninterface i {{ type t = {}u8{}; }}",
        "list<".repeat(10_000),
        ">".repeat(10_000)
    );
    let folder = folder(&[("a.wit", &deep)]);
    assert_contains(&message(&folder.path().join("a.wit")), &["a.wit", "nesting_depth_max"]);
}

#[test]
fn a_core_module_and_broken_components_are_refused() {
    let folder = folder(&[("x.txt", "")]);
    let path = folder.path().join("a.wasm");
    fs::write(&path, b"\0asm\x01\0\0\0").unwrap();
    assert_contains(&message(&path), &["a.wasm", "core WebAssembly module", "wasm-tools component new"]);
    let bytes = component(&["package test:a@1.0.0;\nworld w { export f: func() -> string; }"]);
    for size in 0..bytes.len() {
        fs::write(&path, &bytes[..size]).unwrap();
        // What ends where a section ends is a component, but another one.
        match LocalInput::read(&path, None, &Limits::default()) {
            Ok(LocalInput::Component(cut)) => assert_ne!(cut.hash, ComponentHash::of(&bytes)),
            Ok(LocalInput::Package(_)) => panic!("{size} bytes of a component are WIT"),
            Err(error) => assert_contains(&chain(&error), &["a.wasm"]),
        }
    }
    for size in [9, bytes.len() - 1] {
        fs::write(&path, &bytes[..size]).unwrap();
        assert_contains(&message(&path), &["a.wasm", "not valid"]);
    }
}

#[test]
fn only_wit_is_a_dependency() {
    let folder = folder(&[("wit/main.wit", MAIN), ("wit/deps/base.wit", BASE)]);
    let bytes = component(&["package test:a@1.0.0;\nworld w { export f: func(); }"]);
    fs::write(folder.path().join("wit/deps/a.wasm"), bytes).unwrap();
    assert_contains(&message(&folder.path().join("wit")), &["deps/a.wasm", "not wasm-encoded WIT"]);
}

#[test]
fn what_cannot_be_published_is_found_before_anything_is_sent() {
    let cases = [
        ("package test:a;\ninterface i { f: func(); }", "give the package a version"),
        ("package p2:a@1.0.0;\ninterface i { f: func(); }", "reserved"),
        ("package root:a@1.0.0;\ninterface i { f: func(); }", "namespace of your own"),
        ("package test:a@1.0.0+build;\ninterface i { f: func(); }", "build metadata"),
        (
            "package test:a@1.0.0;\ninterface i { use test:b/i.{t}; f: func(x: t); }\npackage test:b { interface i { type t = u8; } }",
            "exact versions",
        ),
        ("package test:a@1.0.0;", "empty"),
    ];
    for (text, part) in cases {
        let folder = folder(&[("a.wit", text)]);
        let input = LocalInput::read(&folder.path().join("a.wit"), None, &Limits::default()).unwrap();
        let LocalInput::Package(package) = input else { panic!("a package was written") };
        let error = package.uploads(&Limits::default()).unwrap_err();
        assert_contains(&format!("{}\n{}", chain(&error), error.hint().unwrap_or_default()), &[part]);
    }
}

#[test]
fn a_component_that_does_not_fit_its_packages_is_refused() {
    let user = "package test:user@1.0.0;\nworld w { import test:main/api@1.0.0; }";
    let folder = folder(&[("deps/main.wit", &MAIN.replace("f: func(x: t)", "f: func(y: t)")), ("deps/base.wit", BASE)]);
    let path = folder.path().join("user.wasm");
    fs::write(&path, component(&[BASE, MAIN, user])).unwrap();
    let LocalInput::Component(component) = LocalInput::read(&path, None, &Limits::default()).unwrap() else {
        panic!("a component was written")
    };
    let dependencies = Dependencies::read(&folder.path().join("deps"), &Limits::default()).unwrap();
    let error = verify(&component, &dependencies, &Limits::default()).err().unwrap();
    assert_contains(&chain(&error), &["user.wasm", "differ from the registered ones", "test:main/api"]);
}

#[test]
fn what_is_invalid_in_a_folder_does_not_hide_the_rest() {
    let folder = folder(&[("main.wit", MAIN), ("deps/base.wit", BASE), ("deps/bad.wit", "package test:bad@1.0.0; no")]);
    fs::write(folder.path().join("module.wasm"), b"\0asm\x01\0\0\0").unwrap();
    let contents = LocalFolder::read(folder.path(), &Limits::default()).unwrap();
    let mut names: Vec<&str> = contents.invalid.iter().map(|(name, _)| name.rsplit('/').next().unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, ["bad.wit", "module.wasm"]);
    assert_eq!(contents.packages.len(), 2);
}
