//! What is written can be read by the tools that people use, and by ourselves, with the same hash.

use crate::support::component::component;
use crate::support::registry::{TestRegistry, local_package};
use crate::support::{read_files, wasi};
use registry_client::layout::{component_files, folder_name, package_files};
use registry_client::local::{Dependencies, LocalFolder, verify};
use registry_client::output::write_folder;
use registry_core::id::ObjectHash;
use registry_core::limits::Limits;
use registry_core::name::ReleaseName;
use registry_core::wit::{SourceFile, Wit};
use std::path::Path;
use wit_parser::Resolve;

/// Reads a folder as wit-bindgen and wasm-tools do.
fn push_dir(folder: &Path) -> (Resolve, wit_parser::PackageId) {
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let (package, _) = resolve.push_dir(folder).unwrap();
    (resolve, package)
}

#[test]
fn a_package_is_written_for_other_tools_and_keeps_its_hash() {
    let registry = TestRegistry::start();
    let http = registry.publish(&wasi::file("http"), Some(&wasi::deps()));
    let wit = registry.block_on(registry.client().fetch_package(&http.hash)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out");
    write_folder(&target, &package_files(&wit).unwrap(), false).unwrap();

    let files: Vec<String> = read_files(&target).into_iter().map(|(path, _)| path).collect();
    assert_eq!(files.len(), 7);
    assert!(files.contains(&"http.wit".to_owned()));
    let version = http.name.version.as_ref().unwrap();
    assert!(files.contains(&format!("deps/wasi-io-{version}/package.wit")), "{files:?}");

    let (resolve, package) = push_dir(&target);
    assert_eq!(resolve.packages[package].name.to_string(), http.name.to_string());
    assert!(resolve.select_world(&[package], Some("proxy")).is_ok());
    assert_eq!(local_package(&target, None).wit.identity().unwrap(), &http);
}

#[test]
fn a_component_is_written_with_its_world_and_packages() {
    let registry = TestRegistry::start();
    let types = "package test:types@1.0.0;\ninterface types { record point { x: s32, y: s32 } }";
    let user = "package test:user@1.0.0;\ninterface api { use test:types/types@1.0.0.{point}; f: func(p: point); }\n\
        world w { import api; export run: func(); }";
    let folder = tempfile::tempdir().unwrap();
    crate::support::write_files(folder.path(), &[("in/user.wit", user), ("in/deps/types.wit", types)]);
    registry.publish(&folder.path().join("in"), None);
    let bytes = component(&[types, user]);
    let hash = registry.publish_component(&bytes, None);
    let fetched = registry.block_on(registry.client().fetch_component(&hash)).unwrap();
    let target = folder.path().join("out");
    write_folder(&target, &component_files(&fetched, "runner").unwrap(), false).unwrap();

    let files = read_files(&target);
    let names: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(
        names,
        ["deps/test-types-1.0.0/package.wit", "deps/test-user-1.0.0/package.wit", "runner.wasm", "runner.wit"]
    );
    assert_eq!(files[2].1, bytes);
    let (resolve, package) = push_dir(&target);
    let world = resolve.select_world(&[package], None).unwrap();
    wit_component::targets(&resolve, world, &bytes).unwrap();
    let contents = LocalFolder::read(&target, &Limits::default()).unwrap();
    assert_eq!(contents.components[0].hash, hash);
    let dependencies = Dependencies::read(&target.join("deps"), &Limits::default()).unwrap();
    let verified = verify(&contents.components[0], &dependencies, &Limits::default()).unwrap();
    assert_eq!(verified.view_id(), fetched.component.view_id());
    for (name, hash) in &contents.packages {
        assert_eq!(fetched.component.wit().identities().get(name).unwrap().hash, *hash, "{name}");
    }
}

#[test]
fn packages_whose_names_would_share_a_folder_get_folders_of_their_own() {
    let leaf = |name: &str| format!("package {name};\ninterface i {{ type t = u8; }}\n");
    let names = ["a-b:c@1.0.0", "a:b-c@1.0.0", "a:d@1.0.0-RC", "a:d@1.0.0-rc"];
    let uses: String = names
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let (name, version) = name.split_once('@').unwrap();
            format!("use {name}/i@{version}.{{t as t{index}}}; ")
        })
        .collect();
    let main = format!("package test:main@1.0.0;\ninterface i {{ {uses} }}");
    let dependencies: Vec<Vec<SourceFile>> =
        names.iter().map(|name| vec![SourceFile::new(*name, leaf(name))]).collect();
    let wit = Wit::parse(&[SourceFile::new("main.wit", main)], &dependencies, &Limits::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out");
    write_folder(&target, &package_files(&wit).unwrap(), false).unwrap();
    let folders = read_files(&target).len() - 1;
    assert_eq!(folders, names.len());
    push_dir(&target);
    let read = local_package(&target, None).wit.identity().unwrap().hash;
    assert_eq!(read, wit.identity().unwrap().hash);
}

#[test]
fn the_longest_names_fit_into_a_file_system() {
    let (word, pre_release) = ("a".repeat(128), "b".repeat(120));
    let main = format!("package test:main@1.0.0;\ninterface i {{ use {word}:{word}/i@1.0.0-{pre_release}.{{t}}; }}");
    let long = format!("package {word}:{word}@1.0.0-{pre_release};\ninterface i {{ type t = u8; }}");
    let dependency = vec![SourceFile::new("long.wit", long)];
    let wit = Wit::parse(&[SourceFile::new("main.wit", main)], &[dependency], &Limits::default()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("out");
    write_folder(&target, &package_files(&wit).unwrap(), false).unwrap();
    let read = local_package(&target, None).wit.identity().unwrap().hash;
    assert_eq!(read, wit.identity().unwrap().hash);

    let name: ReleaseName = format!("{word}:{word}@1.0.0-{pre_release}").parse().unwrap();
    let hash = ObjectHash::Package(read);
    assert!(folder_name(Some(&name), hash).len() < 200);
    assert_eq!(folder_name(Some(&"wasi:http@0.2.0".parse().unwrap()), hash), "wasi-http-0.2.0");
    assert_eq!(folder_name(None, hash), hash.to_string().replace(':', "-"));
}
