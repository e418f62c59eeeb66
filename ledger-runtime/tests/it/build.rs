//! Components made from a world and a core module in text form.

use ledger_core::ExternalId;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The example contracts.
pub(crate) const EXAMPLES: [&str; 5] = ["arithmetic", "shop", "counter", "endless", "foreign-import"];

/// The folder of the example contracts.
pub(crate) fn contracts_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts")
}

/// The folders of the WIT packages that the example contracts use.
pub(crate) fn package_folders() -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        contracts_dir().join("packages").read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

/// These packages, parsed.
pub(crate) fn packages() -> Resolve {
    let mut resolve = Resolve::default();
    for folder in package_folders() {
        resolve.push_dir(folder).unwrap();
    }
    resolve
}

/// The component whose world is the only one of the package `wit`, and whose code is `wat`.
pub(crate) fn component(wit: &str, wat: &str) -> Vec<u8> {
    component_with(packages(), wit, wat)
}

/// The same with other packages to refer to.
pub(crate) fn component_with(packages: Resolve, wit: &str, wat: &str) -> Vec<u8> {
    // A contract is run only with exactly the interfaces that it was written against.
    component_merging(packages, wit, wat, false)
}

/// The same; `is_merged` tells whether imports are merged by semver, as the encoder does unless told otherwise.
pub(crate) fn component_merging(packages: Resolve, wit: &str, wat: &str, is_merged: bool) -> Vec<u8> {
    encoded(packages, wit, wat::parse_str(wat).unwrap(), is_merged)
}

/// The component of a module that is compiled already.
pub(crate) fn component_of_module(packages: Resolve, wit: &str, module: &[u8]) -> Vec<u8> {
    encoded(packages, wit, module.to_vec(), false)
}

fn encoded(packages: Resolve, wit: &str, mut module: Vec<u8>, is_merged: bool) -> Vec<u8> {
    let mut resolve = packages;
    let package = resolve.push_str("contract.wit", wit).unwrap();
    let world = resolve.select_world(&[package], None).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default()
        .module(&module)
        .unwrap()
        .validate(true)
        .merge_imports_based_on_semver(is_merged)
        .encode()
        .unwrap()
}

/// A contract of Starstream's form, in which a name in capitals stands for the external id of another contract's component,
/// and `METHOD(bump)` for the id of the method `bump`, as four numbers.
pub(crate) fn importing(wit: &str, wat: &str, contracts: &[(&str, &[u8])]) -> Vec<u8> {
    let name = |wit: String, (name, component): &(&str, &[u8])| {
        wit.replace(name, &ExternalId::Sha256(Sha256::digest(component).into()).to_string())
    };
    component_with(Resolve::default(), &contracts.iter().fold(wit.to_owned(), name), &with_method_ids(wat))
}

fn with_method_ids(wat: &str) -> String {
    let mut parts = wat.split("METHOD(");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |text, part| {
        let (method, rest) = part.split_once(')').unwrap();
        let id: [u8; 32] = Sha256::digest(method).into();
        let numbers = id.chunks_exact(8).map(|number| i64::from_le_bytes(number.try_into().unwrap()));
        let numbers: Vec<String> = numbers.map(|number| format!("(i64.const {number})")).collect();
        text + &numbers.join(" ") + rest
    })
}

/// The committed component of the example contract `name`.
pub(crate) fn example(name: &str) -> Vec<u8> {
    std::fs::read(contracts_dir().join(name).join(format!("{name}.wasm"))).unwrap()
}
