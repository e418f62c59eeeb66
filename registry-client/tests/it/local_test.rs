//! One package has one hash, in whatever form it lies on disk.

use crate::support::component::{component, encoded, encoded_folder};
use crate::support::registry::local_package;
use crate::support::{wasi, write_files};
use registry_client::local::{Dependencies, LocalFolder, LocalInput};
use registry_core::id::{ComponentHash, PackageHash};
use registry_core::limits::Limits;
use registry_core::wit::PackageText;
use std::fs;
use std::path::Path;

const BASE: &str = "package test:base@1.0.0;\ninterface types { record point { x: s32, y: s32 } }\n";
const MIDDLE: &str = "package test:middle@1.0.0;\ninterface shapes { use test:base/types@1.0.0.{point}; \
    record line { start: point, end: point } }\n";
const MAIN: &str = "package test:main@1.0.0;\ninterface api { use test:middle/shapes@1.0.0.{line}; draw: func(l: line); }\n\
    world w { import api; }\n";

fn hash(path: &Path, dependencies: Option<&Path>) -> PackageHash {
    local_package(path, dependencies).wit.identity().unwrap().hash
}

/// A package as a nested one.
fn nested(text: &str) -> String {
    format!("{}}}\n", text.replacen(';', " {", 1))
}

#[test]
fn folder_file_flat_document_and_encoding_have_one_hash() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_files(path, &[("wit/main.wit", MAIN), ("wit/deps/middle.wit", MIDDLE), ("wit/deps/base/types.wit", BASE)]);
    let expected = hash(&path.join("wit"), None);

    write_files(path, &[("wit/README.md", "# no WIT"), ("wit/deps/.DS_Store", "\u{1}"), ("wit/deps/empty/x.txt", "")]);
    assert_eq!(hash(&path.join("wit"), None), expected, "other files are passed over");
    assert_eq!(hash(&path.join("wit/main.wit"), None), expected, "one file with deps beside it");

    let (interface, world) = MAIN.split_once("world").unwrap();
    write_files(path, &[("split/a.wit", &format!("package test:main@1.0.0;\nworld{world}").replace('\n', "\r\n"))]);
    write_files(path, &[("split/b.wit", interface)]);
    assert_eq!(hash(&path.join("split"), Some(&path.join("wit/deps"))), expected, "split, CRLF, deps elsewhere");

    write_files(path, &[("flat.wit", &format!("{MAIN}{}{}", nested(MIDDLE), nested(BASE)))]);
    assert_eq!(hash(&path.join("flat.wit"), None), expected, "nested packages");
    let package = local_package(&path.join("wit"), None);
    write_files(path, &[("printed.wit", &PackageText::new(&package.wit).flat().unwrap())]);
    assert_eq!(hash(&path.join("printed.wit"), None), expected, "the flat document that we print");

    fs::write(path.join("main.wasm"), encoded(&[BASE, MIDDLE, MAIN])).unwrap();
    assert_eq!(hash(&path.join("main.wasm"), Some(&path.join("wit/deps"))), expected, "encoded, deps elsewhere");
    fs::copy(path.join("main.wasm"), path.join("wit/encoded.wasm")).unwrap();
    assert_eq!(hash(&path.join("wit/encoded.wasm"), None), expected, "encoded, deps beside it");
}

#[test]
fn encoded_dependencies_are_decoded_against_each_other_in_any_order() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_files(path, &[("text/main.wit", MAIN), ("text/deps/b.wit", MIDDLE), ("text/deps/c.wit", BASE)]);
    let expected = hash(&path.join("text"), None);
    // The first in the order of names needs the last.
    for (middle, base) in [("a", "z"), ("z", "a")] {
        write_files(path, &[(&format!("{middle}/main.wit"), MAIN), (&format!("{middle}/deps/.keep"), "")]);
        let deps = path.join(middle).join("deps");
        fs::write(deps.join(format!("{middle}.wasm")), encoded(&[BASE, MIDDLE])).unwrap();
        fs::write(deps.join(format!("{base}.wasm")), encoded(&[BASE])).unwrap();
        assert_eq!(hash(&path.join(middle), None), expected);
    }
}

#[test]
fn a_view_of_a_dependency_never_counts_as_the_dependency() {
    // The encoding of `middle` holds the view of `base` that was there when it was encoded.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let wider = BASE.replace("}\n", "record unused { a: u8 } }\n");
    write_files(path, &[("wit/main.wit", MAIN), ("wit/deps/base.wit", &wider)]);
    fs::write(path.join("wit/deps/middle.wasm"), encoded(&[BASE, MIDDLE])).unwrap();
    write_files(path, &[("text/main.wit", MAIN), ("text/deps/base.wit", &wider), ("text/deps/middle.wit", MIDDLE)]);
    assert_eq!(hash(&path.join("wit"), None), hash(&path.join("text"), None));
}

#[test]
fn real_wasi_has_one_hash_as_source_and_encoded() {
    let folder = tempfile::tempdir().unwrap();
    let root = wasi::deps();
    for name in ["io", "clocks", "http"] {
        let work = folder.path().join(name);
        fs::create_dir_all(work.join("deps")).unwrap();
        fs::copy(wasi::file(name), work.join("package.wit")).unwrap();
        for dependency in fs::read_dir(&root).unwrap().map(Result::unwrap) {
            if dependency.file_name().to_str() != Some(&format!("{name}.wit")) {
                fs::copy(dependency.path(), work.join("deps").join(dependency.file_name())).unwrap();
            }
        }
        fs::write(work.join("package.wasm"), encoded_folder(&work)).unwrap();
        assert_eq!(hash(&work.join("package.wasm"), None), hash(&wasi::file(name), Some(&root)), "{name}");
    }
}

#[test]
fn a_package_that_needs_nothing_ignores_broken_strangers_that_only_lack_something() {
    let folder = tempfile::tempdir().unwrap();
    write_files(
        folder.path(),
        &[("wit/main.wit", BASE), ("wit/deps/stranger.wit", MIDDLE.replace("base", "lost").as_str())],
    );
    hash(&folder.path().join("wit"), None);
}

#[cfg(unix)]
#[test]
fn links_in_deps_are_followed() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_files(path, &[("wit/main.wit", MAIN), ("elsewhere/middle.wit", MIDDLE), ("elsewhere/base/b.wit", BASE)]);
    fs::create_dir(path.join("wit/deps")).unwrap();
    symlink(path.join("elsewhere/middle.wit"), path.join("wit/deps/middle.wit")).unwrap();
    symlink(path.join("elsewhere/base"), path.join("wit/deps/base")).unwrap();
    write_files(path, &[("text/main.wit", MAIN), ("text/deps/b.wit", MIDDLE), ("text/deps/c.wit", BASE)]);
    assert_eq!(hash(&path.join("wit"), None), hash(&path.join("text"), None));
}

#[test]
fn a_component_is_hashed_by_its_bytes_and_needs_no_packages_for_that() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = component(&[BASE, MIDDLE, MAIN]);
    let path = folder.path().join("main.wasm");
    fs::write(&path, &bytes).unwrap();
    // Cargo puts a folder called `deps`, full of other things, beside the components that it builds.
    write_files(folder.path(), &[("deps/main.d", "x"), ("deps/other.wit", "no WIT")]);
    let LocalInput::Component(component) = LocalInput::read(&path, None, &Limits::default()).unwrap() else {
        panic!("a component was written")
    };
    assert_eq!(component.hash, ComponentHash::of(&bytes));
    let names: Vec<String> = component.packages.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["test:base@1.0.0", "test:main@1.0.0", "test:middle@1.0.0"]);
}

#[test]
fn every_package_of_a_deps_folder_can_be_taken_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path(), &[("flat.wit", &format!("{MAIN}{}", nested(MIDDLE))), ("base.wit", BASE)]);
    let dependencies = Dependencies::read(folder.path(), &Limits::default()).unwrap();
    let names: Vec<String> = dependencies.names().map(ToString::to_string).collect();
    assert_eq!(names, ["test:base@1.0.0", "test:main@1.0.0", "test:middle@1.0.0"]);
    write_files(folder.path(), &[("text/main.wit", MIDDLE), ("text/deps/base.wit", BASE)]);
    let middle = dependencies.names().find(|name| name.name == "middle").unwrap();
    let nested = dependencies.package(middle).unwrap().wit.identity().unwrap().hash;
    assert_eq!(nested, hash(&folder.path().join("text"), None));
}

#[test]
fn a_folder_knows_everything_in_it_that_has_a_hash() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    write_files(path, &[("main.wit", MAIN), ("deps/middle.wit", MIDDLE), ("deps/base.wit", BASE)]);
    write_files(path, &[("deps/stranger.wit", "package test:stranger@1.0.0;\ninterface i { f: func(); }")]);
    fs::write(
        path.join("main.wasm"),
        component(&[BASE, MIDDLE, "package test:w;\ninterface api { use test:middle/shapes@1.0.0.{line}; f: func(l: line); }\nworld w { import api; }"]),
    )
    .unwrap();
    let contents = LocalFolder::read(path, &Limits::default()).unwrap();
    let names: Vec<String> = contents.packages.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["test:base@1.0.0", "test:main@1.0.0", "test:middle@1.0.0", "test:stranger@1.0.0"]);
    assert_eq!(contents.components.len(), 1);
    assert_eq!(contents.components[0].packages.len(), 2, "the unversioned package is the component's own");
    assert_eq!(contents.invalid.len(), 0);
}
