//! docs/api.md says which test covers which requirement: it names every test of this folder, and none that is not there.
//! And it has every code of an error.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn the_documentation_names_the_tests() {
    let is_test = |code: &&str| code.split_once("::").is_some_and(|(file, _)| file.ends_with("_test"));
    let text = documentation();
    let named: BTreeSet<String> = codes(&text).filter(is_test).map(str::to_owned).collect();
    assert_eq!(named, tests_in(&in_crate("tests/it/oci")));
}

#[test]
fn the_documentation_has_every_code_of_an_error() {
    let text = documentation();
    let documented: BTreeSet<&str> = codes(&text).collect();
    for file in ["src/app/explain.rs", "src/app/oci/error.rs"] {
        let source = fs::read_to_string(in_crate(file)).unwrap();
        let is_code =
            |text: &&str| text.contains('_') && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        let found: Vec<&str> =
            source.split("(\"").skip(1).filter_map(|rest| rest.split('"').next()).filter(is_code).collect();
        assert!(found.len() > 10, "{file}");
        for code in found {
            assert!(documented.contains(code), "`{code}` of {file} is not in docs/api.md");
        }
    }
}

fn in_crate(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn documentation() -> String {
    fs::read_to_string(in_crate("../docs/api.md")).unwrap()
}

/// What stands between backticks, outside of blocks of code.
fn codes(text: &str) -> impl Iterator<Item = &str> {
    let outside = text.split("```").step_by(2);
    outside.flat_map(|text| text.split('`').skip(1).step_by(2))
}

/// `pull_test::parts_of_blobs`, for every test of a folder but those of this file.
fn tests_in(dir: &Path) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap();
        let source = fs::read_to_string(&path).unwrap();
        if file == "documentation_test" {
            continue;
        }
        let marked = source.split("#[tokio::test").skip(1);
        let names = marked.filter_map(|rest| rest.split("async fn ").nth(1)?.split('(').next());
        tests.extend(names.map(|name| format!("{file}::{name}")));
    }
    tests
}
