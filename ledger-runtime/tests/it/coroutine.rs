//! Contracts of Starstream's form: what is read from them, and how they must be built.

use crate::support::verified;
use ledger_core::MethodId;
use ledger_runtime::abi::{AbiType, ObjectType, Resource, Shape};
use ledger_runtime::admission::Imports;
use ledger_runtime::admission::coroutine::{
    CoroutineContract, Difference, Entry, HostFunction, Method, Object, ObjectKind, ShapeError, host_interface_id,
    method_ids,
};
use ledger_runtime::profile::ExecutionProfile;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/starstream")
}

fn component(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name).join("component.wasm")).unwrap()
}

fn read(bytes: &[u8]) -> Result<CoroutineContract, ShapeError> {
    CoroutineContract::of(&ExecutionProfile::default(), &verified(bytes), bytes, &Imports::new())
}

#[test]
fn all_contracts_of_the_set_are_read() {
    let expectations = std::fs::read_to_string(folder().join("expectations.json")).unwrap();
    let expectations: Value = serde_json::from_str(&expectations).unwrap();
    for expected in expectations["contracts"].as_array().unwrap() {
        let name = expected["name"].as_str().unwrap();
        let contract = read(&component(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        compare_scripts(name, &contract, &expected["scripts"]);
        let objects = expected["objects"].as_object().unwrap();
        assert_eq!(names(&contract.objects), keys(&expected["objects"]), "{name}");
        for (object_name, object) in &contract.objects {
            compare_object(&format!("{name}/{object_name}"), object, &objects[object_name]);
        }
    }
}

fn compare_scripts(name: &str, contract: &CoroutineContract, expected: &Value) {
    assert_eq!(names(&contract.scripts), keys(expected), "{name}");
    for (script, entry) in &contract.scripts {
        assert_eq!(&entry.core_name, script);
        compare_parameters(name, entry, expected[script].as_str().unwrap());
    }
}

fn compare_object(name: &str, object: &Object, expected: &Value) {
    let kind = if expected["kind"] == "utxo" { ObjectKind::Utxo } else { ObjectKind::Token };
    assert_eq!(object.kind, kind, "{name}");
    assert_eq!(names(&object.mains), keys(&expected["mains"]), "{name}");
    for (main, entry) in &object.mains {
        compare_parameters(name, entry, expected["mains"][main].as_str().unwrap());
    }
    assert_eq!(names(&object.methods), keys(&expected["methods"]), "{name}");
    for (method, Method { entry, ids }) in &object.methods {
        let expected = &expected["methods"][method];
        compare_parameters(name, entry, expected["type"].as_str().unwrap());
        let mut id = [0; 32];
        hex::decode_to_slice(expected["method_hash"].as_str().unwrap(), &mut id).unwrap();
        assert!(ids.contains(&MethodId(id)), "{name}: {method}");
    }
    let fields: Vec<Value> =
        object.storage.fields().iter().map(|field| json!([field.name, primitive(&field.ty)])).collect();
    assert_eq!(Value::Array(fields), expected["storage"], "{name}");
}

/// Compares the names of the parameters with those of a type in WIT, which has the context of a main function too.
fn compare_parameters(name: &str, entry: &Entry, expected: &str) {
    let parameters: Vec<String> = entry.signature.parameters().iter().map(|(name, _)| format!("{name}: ")).collect();
    let mut rest = expected.strip_prefix("func(").unwrap();
    rest = rest.strip_prefix("utxo-context: s-utxo-context").unwrap_or(rest);
    for parameter in &parameters {
        let (_, after) = rest.split_once(parameter.as_str()).unwrap_or_else(|| panic!("{name}: {expected}"));
        rest = after;
    }
    assert!(!rest.contains(": "), "{name}: {expected}");
    assert_eq!(entry.signature.result().is_some(), expected.contains("->"), "{name}: {expected}");
}

fn names<T>(items: &BTreeMap<String, T>) -> BTreeSet<&str> {
    items.keys().map(String::as_str).collect()
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

/// The fields of storage records are the module's globals.
fn primitive(ty: &AbiType) -> &'static str {
    match ty.shape() {
        Shape::S32 => "s32",
        Shape::S64 => "s64",
        other => panic!("{other:?}"),
    }
}

/// A contract that is written by hand, with each text, which stands in it exactly once, replaced by another.
fn changed(changes: &[(&str, &str)]) -> Vec<u8> {
    changed_text(include_str!("coroutine.wat"), changes)
}

fn changed_text(text: &str, changes: &[(&str, &str)]) -> Vec<u8> {
    let mut text = text.to_owned();
    for (from, to) in changes {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text = text.replace(from, to);
    }
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_contract_by_hand_is_read() {
    let contract = read(&changed(&[])).unwrap();
    assert_eq!(names(&contract.scripts), BTreeSet::from(["double", "same", "send"]));
    assert_eq!(names(&contract.objects), BTreeSet::from(["cell", "pot"]));
    assert_eq!(names(&contract.objects["cell"].methods), BTreeSet::from(["add", "take"]));
    let functions: Vec<&HostFunction> = contract.imports.iter().map(|import| &import.function).collect();
    assert!(matches!(
        functions[..3],
        [HostFunction::DropContext, HostFunction::Resume, HostFunction::ImplementsMethod]
    ));
    assert!(matches!(functions[3..5], [HostFunction::BlockHeight, HostFunction::CurrentSlot]));
    let utxo = Resource::Utxo(Some(ObjectType { contract: None, name: "cell".to_owned() }));
    assert_eq!(functions[10], &HostFunction::DropHandle(utxo));
    assert_eq!(functions[12], &HostFunction::NewObject { object: "pot".to_owned() });
}

#[test]
fn every_other_shape_is_refused_with_its_difference() {
    for (text, cases) in [
        (include_str!("coroutine.wat"), include_str!("coroutine.cases")),
        (include_str!("encoded.wat"), include_str!("encoded.cases")),
    ] {
        let cases = Case::all(cases);
        assert!(cases.len() > 30);
        let wrong = cases.iter().filter_map(|Case { title, changes, reason }| {
            let told =
                read(&changed_text(text, changes)).map_or_else(|error| error.to_string(), |_| "taken".to_owned());
            (told != *reason).then(|| format!("{title}: {told}"))
        });
        assert_eq!(wrong.collect::<Vec<_>>(), Vec::<String>::new());
    }
}

/// Options that say what the canonical ABI could need for other types.
#[test]
fn options_that_change_nothing_are_taken() {
    let text = include_str!("encoded.wat");
    let whole = read(&changed_text(text, &[])).unwrap();
    for options in ["(memory $memory) (realloc $realloc)", "(memory $memory) string-encoding=utf8"] {
        for function in ["lower (func $price)", "lift (core func $pair)"] {
            let without = format!("(canon {function} (memory $memory))");
            let with = format!("(canon {function} {options})");
            let contract = read(&changed_text(text, &[(&without, &with)])).unwrap();
            assert_eq!(contract.imports, whole.imports);
            assert_eq!(contract.scripts, whole.scripts);
            assert_eq!(contract.objects, whole.objects);
        }
    }
}

/// A change that makes a contract something else.
pub(crate) struct Case<'a> {
    pub(crate) title: &'a str,
    pub(crate) changes: Vec<(&'a str, &'a str)>,
    pub(crate) reason: &'a str,
}

impl<'a> Case<'a> {
    /// All cases of a file.
    pub(crate) fn all(text: &'a str) -> Vec<Self> {
        text.split("\n# ").skip(1).map(Self::read).collect()
    }

    fn read(text: &'a str) -> Self {
        let mut lines = text.trim_end().lines();
        let title = lines.next().unwrap();
        let mut changes = Vec::new();
        loop {
            let line = lines.next().unwrap();
            if let Some(reason) = line.strip_prefix("= ") {
                return Self { title, changes, reason };
            }
            let replaced = line.strip_prefix("- ").unwrap();
            changes.push((replaced, lines.next().unwrap().strip_prefix('+').unwrap()));
        }
    }
}

#[test]
fn large_types_are_not_kept_without_end() {
    let mut types = String::from(r#"(type $d0 (record (field "a" u8))) (export "r0" (type $r0 (eq $d0)))"#);
    for at in 1..12 {
        let before = at - 1;
        write!(types, r#"(type $d{at} (record (field "a" $r{before}) (field "b" $r{before})))"#).unwrap();
        write!(types, r#"(export "r{at}" (type $r{at} (eq $d{at})))"#).unwrap();
    }
    let functions: String = (0..20).map(|at| format!(r#"(export "f{at}" (func (result $r11)))"#)).collect();
    let ask = r#"(export "ask" (func (param "n" s64) (result s64)))"#;
    let error = read(&changed(&[(ask, &format!("{types} {functions} {ask}"))])).unwrap_err();
    assert_eq!(error.difference(), &Difference::TooManyParts { max: 100_000 });
}

#[test]
fn a_method_has_the_ids_of_its_possible_names_in_the_source() {
    let id = |name: &str| MethodId(Sha256::digest(name.as_bytes()).into());
    assert_eq!(method_ids("do-thing"), ["do-thing", "do_thing", "doThing", "DoThing"].map(id));
    assert_eq!(method_ids("bump"), ["bump", "Bump"].map(id));
    assert_eq!(method_ids("take-2-now"), ["take-2-now", "take_2_now", "take2Now", "Take2Now"].map(id));
}

/// A chain's contracts were deployed under this id: it changes with everything that the host offers, and with nothing
/// else.
#[test]
fn the_host_has_an_id() {
    let id = host_interface_id().unwrap();
    assert_eq!(id.0.to_hex(), "eb7304092f9f913492d93de8d1ef8aff0a39673c642d69892b890284bb2adf2e");
}
