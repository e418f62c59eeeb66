//! Components and wasm-encoded WIT, made by the ecosystem's own encoder.

use wasm_metadata::{AddMetadata, AddMetadataField, Description, Licenses};
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, PackageId, Resolve};

/// A component for the world `w` of the last of the given packages. Each package stands after its dependencies.
pub fn component(packages: &[&str]) -> Vec<u8> {
    encoder(packages).encode().unwrap()
}

/// The same, but imports that are compatible by semver stay apart.
pub fn component_with_separate_imports(packages: &[&str]) -> Vec<u8> {
    encoder(packages).merge_imports_based_on_semver(false).encode().unwrap()
}

/// A component that also says what it is for and under which licences it stands.
pub fn described(component: &[u8], description: &str, licenses: &str) -> Vec<u8> {
    let mut add = AddMetadata::default();
    add.description = AddMetadataField::Set(Description::new(description.to_owned()));
    add.licenses = AddMetadataField::Set(Licenses::new(licenses).unwrap());
    add.to_wasm(component).unwrap()
}

fn encoder(packages: &[&str]) -> ComponentEncoder {
    let (resolve, package) = resolve(packages);
    let world = resolve.select_world(&[package], Some("w")).unwrap();
    let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().validate(true)
}

/// The last of the given packages as wasm-encoded WIT.
pub fn encoded_wit(packages: &[&str]) -> Vec<u8> {
    let (resolve, package) = resolve(packages);
    wit_component::encode(&resolve, package).unwrap()
}

/// A core module with nothing in it.
pub fn core_module() -> Vec<u8> {
    b"\0asm\x01\0\0\0".to_vec()
}

fn resolve(packages: &[&str]) -> (Resolve, PackageId) {
    let mut resolve = Resolve { all_features: true, ..Resolve::default() };
    let ids: Vec<PackageId> = packages.iter().map(|text| resolve.push_str("package.wit", text).unwrap()).collect();
    (resolve, *ids.last().unwrap())
}

/// Wasm-encoded WIT of types that contain each other to a depth, as no parser of text would let it pass.
pub fn deep_wit(depth: usize) -> Vec<u8> {
    let types: String = (1..depth).map(|index| format!("type t{index} = list<t{}>;\n", index - 1)).collect();
    let text = format!("package t:deep@1.0.0; interface a {{ type t0 = u8; {types} }}");
    let encoding = std::thread::Builder::new().stack_size(4 << 30).spawn(move || encoded_wit(&[&text])).unwrap();
    encoding.join().unwrap()
}
