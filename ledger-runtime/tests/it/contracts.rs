//! The committed components are what their sources give.

use crate::build;

#[test]
fn examples_are_built_from_their_sources() {
    let bless = std::env::var_os("BLESS").is_some();
    for name in build::EXAMPLES {
        let folder = build::contracts_dir().join(name);
        let source = |extension: &str| std::fs::read_to_string(folder.join(format!("{name}.{extension}"))).unwrap();
        let built = build::component(&source("wit"), &source("wat"));
        if bless {
            std::fs::write(folder.join(format!("{name}.wasm")), &built).unwrap();
        }
        assert!(built == build::example(name), "{name}.wasm differs from its source; BLESS=1 writes it");
    }
}

#[test]
fn every_example_is_tested() {
    let folders = build::contracts_dir().read_dir().unwrap().map(|entry| entry.unwrap());
    let contracts = folders.filter(|entry| entry.path().is_dir() && entry.file_name() != "packages").count();
    assert_eq!(contracts, build::EXAMPLES.len());
}
