//! What a component is in Starstream's terms: over the data set of contracts that Starstream's compiler made
//! (`ledger-runtime/tests/starstream`), over a world that has everything, and over components that are no contracts.

use crate::corpus;
use crate::identity_test::build;
use registry_core::closure::Closure;
use registry_core::component::{DecodedComponent, VerifiedComponent};
use registry_core::limits::Limits;
use registry_core::starstream::{Abi, Contract, Function};
use registry_core::wit::{SourceFile, Wit};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use wit_parser::WorldItem;

fn data_set() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../ledger-runtime/tests/starstream")
}

fn expectations() -> Vec<Value> {
    let text = fs::read(data_set().join("expectations.json")).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()["contracts"].as_array().unwrap().clone()
}

fn explain(component: &VerifiedComponent) -> Option<Contract> {
    Contract::of(component.wit().resolve(), component.world().unwrap())
}

fn verify(bytes: &[u8], closure: &Closure) -> VerifiedComponent {
    DecodedComponent::decode(bytes, &Limits::default()).unwrap().verify(closure, &Limits::default()).unwrap()
}

fn compiled(name: &str) -> VerifiedComponent {
    verify(&fs::read(data_set().join(name).join("component.wasm")).unwrap(), &Closure { packages: Vec::new() })
}

fn built(text: &str) -> Option<Contract> {
    let (bytes, closure) = build(text);
    explain(&verify(&bytes, &closure))
}

#[test]
fn everything_that_the_data_set_says_about_a_contract_is_in_its_explanation() {
    let all = expectations();
    assert_eq!(all.len(), 22);
    for expected in &all {
        let name = expected["name"].as_str().unwrap();
        let contract = explain(&compiled(name)).unwrap();
        let objects = expected["objects"].as_object().unwrap();
        let spoken = |declared: &Value| in_starstreams_terms(declared.as_str().unwrap(), objects);

        let scripts = expected["scripts"].as_object().unwrap();
        assert_eq!(signatures(&contract.scripts), expected_signatures(scripts, spoken), "{name}");
        let of_kind = |kind: &str| objects.iter().filter(|(_, object)| object["kind"] == kind).count();
        assert_eq!((contract.utxos.len(), contract.tokens.len()), (of_kind("utxo"), of_kind("token")), "{name}");
        for utxo in &contract.utxos {
            let object = &objects[&utxo.name];
            let expected_mains = expected_signatures(object["mains"].as_object().unwrap(), spoken);
            assert_eq!(signatures(&utxo.mains), expected_mains, "{name}");
            assert_eq!(signatures(&utxo.methods), expected_methods(object, spoken), "{name}");
            let state = utxo.state.as_ref().unwrap();
            let fields = state.fields.iter().map(ToString::to_string);
            assert_eq!(fields.collect::<Vec<_>>(), expected_fields(object), "{name}");
            let yields = expected["yields"].as_object().unwrap().values();
            assert_eq!(
                state.yields,
                Some(yields.filter(|point| point["utxo"] == utxo.name.as_str()).count()).filter(|count| *count > 0),
                "{name}"
            );
        }
        for token in &contract.tokens {
            let object = &objects[&token.name];
            let statics = [token.mints.as_slice(), &token.burns].concat();
            let expected_statics = expected_signatures(object["mains"].as_object().unwrap(), spoken);
            assert_eq!(signatures(&statics), expected_statics, "{name}");
            let methods = [token.attach.as_slice(), token.detach.as_slice(), &token.methods].concat();
            assert_eq!(signatures(&methods), expected_methods(object, spoken), "{name}");
            let state = token.state.as_ref().unwrap();
            assert_eq!(state.fields.iter().map(ToString::to_string).collect::<Vec<_>>(), expected_fields(object));
            assert_eq!(state.yields, None);
        }

        let own = objects.keys().map(|object| format!("starstream:self/{object}"));
        let events = contract.events.iter().map(|abi| format!("starstream:events/{}", abi.name));
        let effects = contract.effects.iter().map(|abi| format!("starstream:effects/{}", abi.name));
        let imports: BTreeSet<String> = contract.host.iter().cloned().chain(own).chain(events).chain(effects).collect();
        let expected_imports = expected["imports"].as_array().unwrap().iter().map(|import| import.as_str().unwrap());
        assert_eq!(imports, expected_imports.map(str::to_owned).collect(), "{name}");
        check_events(expected, &contract.events);
        assert_eq!(contract.rest, [""; 0], "{name}");
        assert!(contract.handlers.is_empty() && contract.contracts.is_empty() && contract.dynamic_methods.is_empty());
    }
}

/// Every event that a step expects is declared, with as many parameters.
fn check_events(expected: &Value, events: &[Abi]) {
    let steps = expected["sequences"].as_array().unwrap().iter().flat_map(|found| found["steps"].as_array().unwrap());
    for event in steps.filter_map(|step| step["expect"]["events"].as_array()).flatten() {
        let interface = event["interface"].as_str().unwrap().strip_prefix("starstream:events/").unwrap();
        let abi = events.iter().find(|abi| abi.name == interface).unwrap();
        let function = abi.functions.iter().find(|function| event["event"] == function.name.as_str()).unwrap();
        assert_eq!(function.parameters.len(), event["args"].as_array().unwrap().len(), "{event}");
    }
}

fn signatures(functions: &[Function]) -> BTreeSet<String> {
    functions.iter().map(ToString::to_string).collect()
}

fn expected_signatures(functions: &Map<String, Value>, spoken: impl Fn(&Value) -> String) -> BTreeSet<String> {
    functions.iter().map(|(name, declared)| format!("{name}{}", spoken(declared))).collect()
}

fn expected_methods(object: &Value, spoken: impl Fn(&Value) -> String) -> BTreeSet<String> {
    let methods = object["methods"].as_object().unwrap().iter();
    methods.map(|(name, method)| format!("{name}{}", spoken(&method["type"]))).collect()
}

/// The fields of the record that the compiler did not add.
fn expected_fields(object: &Value) -> Vec<String> {
    let fields = object["storage"].as_array().unwrap().iter().map(|field| [&field[0], &field[1]]);
    let fields = fields.map(|[name, ty]| (name.as_str().unwrap(), ty.as_str().unwrap()));
    fields.filter(|(name, _)| !name.starts_with("yield")).map(|(name, ty)| format!("{name}: {ty}")).collect()
}

/// `func(utxo-context: s-utxo-context, w: borrow<u-wallet>) -> utxo` as `(w: wallet)`.
fn in_starstreams_terms(declared: &str, objects: &Map<String, Value>) -> String {
    let mut text = declared.strip_prefix("func").unwrap().to_owned();
    let is_main = text.contains("utxo-context: s-utxo-context");
    text = text.replace("utxo-context: s-utxo-context, ", "").replace("utxo-context: s-utxo-context", "");
    text = text
        .strip_suffix(" -> token")
        .or(text.strip_suffix(" -> utxo").filter(|_| is_main))
        .unwrap_or(&text)
        .to_owned();
    while let Some((before, rest)) = text.split_once("borrow<") {
        let (handle, after) = rest.split_once('>').unwrap();
        text = format!("{before}{handle}{after}");
    }
    for object in objects.keys() {
        text = text.replace(&format!(" u-{object}"), &format!(" {object}"));
    }
    text.replace(" s-utxo", " utxo")
}

/// The registry has the component, a user of the ledger its WIT alone.
#[test]
fn the_text_of_a_component_gives_the_same_explanation_as_its_bytes() {
    for expected in expectations() {
        let component = compiled(expected["name"].as_str().unwrap());
        let text = component.flat_text().unwrap();
        let wit = Wit::parse(&[SourceFile::new("contract.wit", text)], &[], &Limits::default()).unwrap();
        let world = *wit.resolve().packages[wit.main()].worlds.values().next().unwrap();
        assert_eq!(Contract::of(wit.resolve(), world), explain(&component));
    }
}

#[test]
fn explanations_are_short_and_in_columns() {
    let texts = ["coin", "counter", "effects", "transfer", "values"].map(|name| {
        let text = explain(&compiled(name)).unwrap().to_string();
        format!("== {name}\n{text}\n")
    });
    insta::assert_snapshot!(texts.concat());
}

const EVERYTHING: &str = include_str!("starstream_everything.wit");

#[test]
fn a_contract_that_has_everything_is_explained_in_full() {
    let contract = built(EVERYTHING).unwrap();
    insta::assert_snapshot!(contract.to_string());
    insta::assert_snapshot!(serde_json::to_string_pretty(&contract).unwrap());
}

#[test]
fn what_is_no_contract_of_starstreams_has_no_explanation() {
    for text in [
        "package a:b; world w { export run: func(); }",
        "package a:b; world w { export counter: interface { resource utxo; get-storage: func() -> u32; } }",
        "package a:b; world w { import starstream:node-rpc/registry; }
         package starstream:node-rpc { interface registry { get: func(); } }",
        "package a:b; world w { export ledger:node/chain; } package ledger:node { interface chain { get: func(); } }",
    ] {
        assert_eq!(built(text), None, "{text}");
    }
    let mut worlds = 0;
    for unit in corpus::wasi_units() {
        let wit = unit.parse().unwrap();
        for world in wit.resolve().packages[wit.main()].worlds.values() {
            assert_eq!(Contract::of(wit.resolve(), *world), None);
            worlds += 1;
        }
    }
    assert!(worlds > 10, "{worlds}");
}

#[test]
fn any_one_interface_of_starstreams_makes_a_contract() {
    for (import, package) in [
        ("import starstream:std/cardano;", "starstream:std { interface cardano { now: func(); } }"),
        ("import starstream:events/news;", "starstream:events { interface news { now: func(); } }"),
        ("export starstream:effects/news;", "starstream:effects { interface news { now: func(); } }"),
        ("import ledger:handlers/news;", "ledger:handlers { interface news { install: func(); } }"),
    ] {
        let contract = built(&format!("package a:b; world w {{ {import} }} package {package}"));
        assert_ne!(contract, None, "{import}");
    }
}

/// What is printed stands in a terminal, or in a comment of a line.
#[test]
fn a_hostile_external_id_cannot_leave_its_line() {
    let text = "package a:b; world w { import starstream:utxo/wallet; }
        package starstream:utxo { interface wallet { resource utxo { get: func() -> s64; } } }";
    let wit = Wit::parse(&[SourceFile::new("a.wit", text)], &[], &Limits::default()).unwrap();
    let world = *wit.resolve().packages[wit.main()].worlds.values().next().unwrap();
    let mut resolve = wit.resolve().clone();
    for item in resolve.worlds[world].imports.values_mut() {
        if let WorldItem::Interface { external_id, .. } = item {
            *external_id = Some(format!("sha256:1\u{1b}[2J\u{202e}\r\n{}", "N".repeat(1000)));
        }
    }
    let text = Contract::of(&resolve, world).unwrap().to_string();
    assert!(text.starts_with("from sha256:1\\u{1b}[2J\\u{202e}\\r\\nNNN"), "{text}");
    assert_eq!((text.lines().count(), text.contains('…')), (3, true), "{text}");
}

/// A type that contains another twice, which contains another twice, and so on, is not written out.
#[test]
fn the_explanation_of_huge_types_is_short() {
    let mut ty = "u8".to_owned();
    let mut aliases = String::new();
    for depth in 0..40 {
        aliases.push_str(&format!("type t{depth} = tuple<{ty}, {ty}>; "));
        ty = format!("t{depth}");
    }
    let text = format!(
        "package a:b; world w {{ import starstream:std/cardano; {aliases} export run: func(a: {ty}); }}
         package starstream:std {{ interface cardano {{ now: func(); }} }}"
    );
    let wit = Wit::parse(&[SourceFile::new("a.wit", text)], &[], &Limits::default()).unwrap();
    let world = *wit.resolve().packages[wit.main()].worlds.values().next().unwrap();
    let explanation = Contract::of(wit.resolve(), world).unwrap().to_string();
    assert!(explanation.chars().count() < 500 && explanation.contains('…'), "{explanation}");
}
