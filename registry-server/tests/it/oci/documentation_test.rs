//! docs/api.md says which test covers which requirement. It names every test of this folder, and none that is not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn the_documentation_names_the_tests() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(crate_dir.join("../docs/api.md")).unwrap();
    let named: BTreeSet<String> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|code| code.split_once("::").is_some_and(|(file, _)| file.ends_with("_test")))
        .map(str::to_owned)
        .collect();
    assert_eq!(named, tests_in(&crate_dir.join("tests/it/oci")));
}

/// `pull_test::parts_of_blobs`, for every test of a folder but those of this file.
fn tests_in(dir: &Path) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap();
        let source = fs::read_to_string(&path).unwrap();
        let marked = source.split("#[tokio::test").skip(1);
        let names = marked.filter_map(|rest| rest.split("async fn ").nth(1)?.split('(').next());
        tests.extend(names.map(|name| format!("{file}::{name}")));
    }
    tests
}
