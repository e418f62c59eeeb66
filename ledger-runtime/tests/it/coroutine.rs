//! Contracts of Starstream's form: what is read from them, and how they must be built.

use crate::support::verified;
use ledger_core::MethodId;
use ledger_runtime::abi::{AbiType, Shape};
use ledger_runtime::admission::coroutine::{CoroutineContract, Entry, Method, Object, ObjectKind, ShapeError};
use ledger_runtime::profile::ExecutionProfile;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/starstream")
}

fn component(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name).join("component.wasm")).unwrap()
}

fn read(bytes: &[u8]) -> Result<CoroutineContract, ShapeError> {
    CoroutineContract::of(&ExecutionProfile::default(), &verified(bytes), bytes)
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
