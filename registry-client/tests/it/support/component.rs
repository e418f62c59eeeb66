//! Components and wasm-encoded WIT, made by the ecosystem's own encoder.

use std::path::Path;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{ManglingAndAbi, PackageId, Resolve};

/// A component for the world `w` of the last of the given packages. Each package stands after its dependencies.
pub fn component(packages: &[&str]) -> Vec<u8> {
    let (resolve, package) = resolve(packages);
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Standard32);
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true).encode().unwrap()
}

/// The last of the given packages as wasm-encoded WIT.
pub fn encoded(packages: &[&str]) -> Vec<u8> {
    let (resolve, package) = resolve(packages);
    wit_component::encode(&resolve, package).unwrap()
}

/// A WIT folder, as `wit-parser` reads it, as wasm-encoded WIT.
pub fn encoded_folder(folder: &Path) -> Vec<u8> {
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let (package, _) = resolve.push_dir(folder).unwrap();
    wit_component::encode(&resolve, package).unwrap()
}

fn resolve(packages: &[&str]) -> (Resolve, PackageId) {
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let ids: Vec<PackageId> = packages.iter().map(|text| resolve.push_str("package.wit", text).unwrap()).collect();
    (resolve, *ids.last().unwrap())
}
