//! Expectations with one thing changed.

use serde_json::{Value, json};

/// A copy of a contract's expectations for each thing that is expected in one of its steps, with something else there
/// and without the steps that follow; and what was changed.
pub(crate) fn of_expectations(contract: &Value) -> Vec<(String, Value)> {
    let steps = contract["sequences"][0]["steps"].as_array().unwrap();
    let changed = steps.iter().enumerate().flat_map(|(index, step)| {
        let others = match step["expect"]["outcome"].as_str() {
            Some("ok") => of_effects(&step["expect"]),
            _ => of_failure(&step["expect"]),
        };
        others.into_iter().map(move |expect| (index, expect))
    });
    let with = |(index, expect): (usize, Value)| {
        let what = format!("step {}: {expect}", index + 1);
        let mut contract = contract.clone();
        contract["sequences"][0]["steps"][index]["expect"] = expect;
        // Steps of tokens are one transaction, of which nothing can be left out.
        if contract["sequences"][0]["steps"][index].get("token_type").is_none() {
            contract["sequences"][0]["steps"].as_array_mut().unwrap().truncate(index + 1);
        }
        (what, contract)
    };
    changed.map(with).collect()
}

/// Another reason; and what fails is expected to succeed without doing anything.
fn of_failure(expect: &Value) -> Vec<Value> {
    let reasons = ["trap", "gas", "refused", "bad-call", "effect"];
    let others = reasons.iter().filter(|reason| expect["reason"] != **reason);
    let mut changed: Vec<Value> = others.map(|reason| json!({"outcome": "fail", "reason": reason})).collect();
    let nothing = json!([]);
    changed.push(json!({
        "outcome": "ok", "result": null, "events": nothing, "created": nothing, "ephemeral": nothing,
        "consumed": nothing, "unchanged": nothing, "utxos": {},
    }));
    changed
}

fn of_effects(expect: &Value) -> Vec<Value> {
    let mut changed = vec![json!({"outcome": "fail", "reason": "trap"})];
    let mut change = |pointer: &str, value: Value| {
        let mut other = expect.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        if other != *expect {
            changed.push(other);
        }
    };
    change("/result", if expect["result"] == "-77" { json!("-78") } else { json!("-77") });
    change("/result", Value::Null);
    for list in ["created", "ephemeral", "consumed", "unchanged"] {
        change(&format!("/{list}"), json!([]));
        let mut longer = expect[list].clone();
        longer.as_array_mut().unwrap().push(json!("u8"));
        change(&format!("/{list}"), longer);
    }
    let events = expect["events"].as_array().unwrap();
    change("/events", json!([]));
    change("/events", json!([events.as_slice(), events.as_slice()].concat()));
    change("/events", events.iter().rev().cloned().collect());
    for index in 0..events.len() {
        change(&format!("/events/{index}/interface"), json!("starstream:events/other"));
        change(&format!("/events/{index}/event"), json!("other"));
        change(&format!("/events/{index}/args"), json!(["-77"]));
    }
    if let Some(tokens) = expect.get("tokens") {
        for (name, token) in tokens.as_object().unwrap() {
            change(&format!("/tokens/{name}/storage"), json!({"amount": "1", "moves": "9"}));
            for (field, value) in token["storage"].as_object().unwrap() {
                change(&format!("/tokens/{name}/storage/{field}"), json!(format!("{}7", value.as_str().unwrap())));
            }
        }
    }
    if expect.get("burned").is_some() {
        change("/burned", json!([]));
    }
    change("/utxos", json!({}));
    for (name, utxo) in expect["utxos"].as_object().unwrap() {
        change(&format!("/utxos/{name}/type"), json!("other"));
        for (field, value) in utxo["storage"].as_object().unwrap().iter().filter(|(_, value)| **value != "*") {
            change(&format!("/utxos/{name}/storage/{field}"), json!(format!("{}7", value.as_str().unwrap())));
        }
        let callable = utxo["callable"].as_array().unwrap();
        for index in 0..callable.len() {
            let mut fewer = callable.clone();
            fewer.remove(index);
            change(&format!("/utxos/{name}/callable"), json!(fewer));
        }
    }
    changed
}
