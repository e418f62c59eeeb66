//! Frozen identities of WIT packages and views, and the second implementation beside the first.

use crate::corpus::{Unit, units, wasi_units_of};
use crate::second_implementation;
use crate::vectors_test::vectors_folder;
use registry_core::closure::Closure;
use registry_core::component::DecodedComponent;
use registry_core::limits::Limits;
use registry_core::wit::{SourceFile, Wit};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A package's identity in texts, the shape in which the second implementation gives it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Identity {
    name: String,
    hash: String,
    interfaces: BTreeMap<String, String>,
    worlds: BTreeMap<String, String>,
    dependencies: BTreeMap<String, String>,
}

fn identities(wit: &Wit) -> Vec<Identity> {
    fn texts<K: ToString, V: ToString>(map: &BTreeMap<K, V>) -> BTreeMap<String, String> {
        map.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }
    let identities = wit.identities().values().map(|identity| Identity {
        name: identity.name.to_string(),
        hash: identity.hash.to_string(),
        interfaces: texts(&identity.interfaces),
        worlds: texts(&identity.worlds),
        dependencies: texts(&identity.dependencies),
    });
    identities.collect()
}

fn second_identities(wit: &Wit) -> Vec<Identity> {
    let file = tempfile::NamedTempFile::new().unwrap();
    serde_json::to_writer(&file, wit.resolve()).unwrap();
    let output = second_implementation::run(&["packages", file.path().to_str().unwrap()]);
    let mut identities: Vec<Identity> = serde_json::from_str(&output).unwrap();
    let order: Vec<String> = wit.identities().keys().map(ToString::to_string).collect();
    identities.sort_by_key(|identity| order.iter().position(|name| *name == identity.name));
    identities
}

/// The last package of the alphabet refers to all others, so one parse holds the whole of WASI.
fn all_of(name: &str) -> Wit {
    let unit: Unit = wasi_units_of(name).into_iter().find(|unit| unit.name.ends_with("/http.wit")).unwrap();
    unit.parse().unwrap()
}

#[test]
fn the_second_implementation_agrees_on_all_of_wasi() {
    for name in ["wasip2", "wasip3"] {
        let wit = all_of(name);
        assert!(wit.identities().len() >= 6, "{name} holds only {} packages", wit.identities().len());
        assert_eq!(second_identities(&wit), identities(&wit), "{name}");
    }
}

#[test]
fn the_second_implementation_agrees_on_every_construct() {
    let mut packages = 0;
    for unit in units().iter().filter(|unit| unit.name.starts_with("wit-parser/tests/ui/")) {
        let Ok(wit) = unit.parse() else { continue };
        assert_eq!(second_identities(&wit), identities(&wit), "{}", unit.name);
        packages += wit.identities().len();
    }
    assert!(packages > 100, "only {packages} packages were compared");
    let vectors = wit_vectors();
    for vector in &vectors {
        let wit = parse(&vector.wit);
        assert_eq!(second_identities(&wit), identities(&wit), "{}", vector.name);
    }
}

/// A package in one text with the identities that it must have for ever.
#[derive(Serialize, Deserialize)]
struct WitVector {
    name: String,
    wit: String,
    #[serde(default)]
    identities: Vec<Identity>,
}

fn wit_vectors() -> Vec<WitVector> {
    serde_json::from_slice(&std::fs::read(vectors_folder().join("wit.json")).unwrap()).unwrap()
}

fn parse(text: &str) -> Wit {
    Wit::parse(&[SourceFile::new("vector.wit", text)], &[], &Limits::default()).unwrap()
}

#[test]
fn identities_equal_the_frozen_vectors() {
    bless();
    for vector in wit_vectors() {
        assert_eq!(identities(&parse(&vector.wit)), vector.identities, "{}", vector.name);
    }
    for name in ["wasip2", "wasip3"] {
        let frozen: Vec<Identity> =
            serde_json::from_slice(&std::fs::read(vectors_folder().join(format!("{name}.json"))).unwrap()).unwrap();
        assert_eq!(identities(&all_of(name)), frozen, "{name}");
    }
}

/// Vectors are frozen: `BLESS=1` writes those that have no identities yet, for a vector that was just added.
fn bless() {
    if std::env::var_os("BLESS").is_none() {
        return;
    }
    let mut vectors = wit_vectors();
    for vector in vectors.iter_mut().filter(|vector| vector.identities.is_empty()) {
        vector.identities = identities(&parse(&vector.wit));
    }
    write("wit.json", &vectors);
    let mut views = view_vectors();
    for vector in views.iter_mut().filter(|vector| vector.view.is_empty()) {
        let (component, closure) = build(&vector.wit);
        let decoded = DecodedComponent::decode(&component, &Limits::default()).unwrap();
        vector.view = decoded.verify(&closure, &Limits::default()).unwrap().view_id().to_string();
    }
    write("views.json", &views);
}

fn write(name: &str, value: &impl Serialize) {
    std::fs::write(vectors_folder().join(name), serde_json::to_string_pretty(value).unwrap() + "\n").unwrap();
}

#[derive(Serialize, Deserialize)]
struct ViewVector {
    name: String,
    /// The component's world with its unversioned packages nested, and the registered packages nested too.
    wit: String,
    view: String,
}

fn view_vectors() -> Vec<ViewVector> {
    serde_json::from_slice(&std::fs::read(vectors_folder().join("views.json")).unwrap()).unwrap()
}

#[test]
fn views_equal_the_frozen_vectors_and_the_second_implementation() {
    for vector in view_vectors() {
        let (component, closure) = build(&vector.wit);
        let decoded = DecodedComponent::decode(&component, &Limits::default()).unwrap();
        let verified = decoded.verify(&closure, &Limits::default()).unwrap();
        assert_eq!(verified.view_id().to_string(), vector.view, "{}", vector.name);
        assert_eq!(second_view(&component, &closure), vector.view, "{}", vector.name);
    }
}

/// A component whose world is the only world of the main package, and the closure of the versioned packages it names.
pub fn build(text: &str) -> (Vec<u8>, Closure) {
    build_merging(text, false)
}

/// The same; `is_merged` tells whether the encoder merges imports by semver, as it does unless told otherwise.
pub fn build_merging(text: &str, is_merged: bool) -> (Vec<u8>, Closure) {
    use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
    let wit = parse(text);
    let world = *wit.resolve().packages[wit.main()].worlds.values().next().unwrap();
    let mangling = wit_parser::ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync);
    let mut module = dummy_module(wit.resolve(), world, mangling);
    embed_component_metadata(&mut module, wit.resolve(), world, StringEncoding::UTF8).unwrap();
    let encoder = ComponentEncoder::default().merge_imports_based_on_semver(is_merged);
    let component = encoder.module(&module).unwrap().validate(true).encode().unwrap();
    let named = DecodedComponent::decode(&component, &Limits::default()).unwrap().packages().unwrap();
    let roots: Vec<_> = named.iter().map(registry_core::name::PackageName::from).collect();
    let mut packages = BTreeMap::new();
    for root in &roots {
        let text = registry_core::wit::PackageText::new(&wit);
        let mut open = vec![root.clone()];
        while let Some(name) = open.pop() {
            let identity = &wit.identities()[&name];
            open.extend(identity.dependencies.keys().cloned());
            let package = registry_core::closure::ClosurePackage {
                name: registry_core::name::ReleaseName::try_from(&name).unwrap(),
                hash: identity.hash,
                wit: text.file(&name).unwrap(),
            };
            packages.insert(name, package);
        }
    }
    (component, Closure { packages: packages.into_values().collect() })
}

fn second_view(component: &[u8], closure: &Closure) -> String {
    let wit_component::DecodedWasm::Component(resolve, world) = wit_component::decode(component).unwrap() else {
        panic!("not a component");
    };
    let mut registered = BTreeMap::new();
    let verified = DecodedComponent::decode(component, &Limits::default()).unwrap();
    let verified = verified.verify(closure, &Limits::default()).unwrap();
    for identity in verified.wit().identities().values().filter(|identity| identity.name.version.is_some()) {
        for (name, id) in &identity.interfaces {
            let package = wit_parser::PackageName::from(&identity.name);
            registered.insert(package.interface_id(name), id.to_string());
        }
    }
    let (resolve_file, registered_file) =
        (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    serde_json::to_writer(&resolve_file, &resolve).unwrap();
    serde_json::to_writer(&registered_file, &registered).unwrap();
    let path = |file: &tempfile::NamedTempFile| file.path().to_str().unwrap().to_owned();
    let world = world.index().to_string();
    let output = second_implementation::run(&["view", &path(&resolve_file), &world, &path(&registered_file)]);
    output.trim().to_owned()
}
