//! The expectations of the data set, as `tests/starstream/INDEX.md` describes them.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder of the data set.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/starstream")
}

/// The committed component of a contract of the data set.
pub(crate) fn component(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name).join("component.wasm")).unwrap()
}

/// All contracts with all that is expected of them.
pub(crate) fn read() -> Expectations {
    let text = std::fs::read(folder().join("expectations.json")).unwrap();
    let expectations: Expectations = serde_json::from_slice(&text).unwrap();
    assert_eq!(expectations.schema, 1);
    expectations
}

/// What is expected of a contract, with one of its sequences, as JSON.
pub(crate) fn read_value(contract: &str, sequence: &str) -> Value {
    let text = std::fs::read(folder().join("expectations.json")).unwrap();
    let mut all: Value = serde_json::from_slice(&text).unwrap();
    let contracts = all["contracts"].as_array_mut().unwrap();
    let mut found = contracts.iter().find(|found| found["name"] == contract).unwrap().clone();
    found["sequences"].as_array_mut().unwrap().retain(|found| found["id"] == sequence);
    found
}

#[derive(Debug, Deserialize)]
pub(crate) struct Expectations {
    schema: u32,
    pub(crate) default_chain: ChainMoment,
    pub(crate) contracts: Vec<ContractExpectations>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) struct ChainMoment {
    pub(crate) block_height: u64,
    pub(crate) slot: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ContractExpectations {
    pub(crate) name: String,
    pub(crate) component_sha256: String,
    /// Types of UTXOs and tokens, by the exported interface that declares them.
    pub(crate) objects: BTreeMap<String, ObjectExpectations>,
    pub(crate) sequences: Vec<Sequence>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ObjectExpectations {
    pub(crate) methods: BTreeMap<String, MethodExpectations>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct MethodExpectations {
    pub(crate) source_name: String,
    /// 64 hexadecimal digits.
    pub(crate) method_hash: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Sequence {
    pub(crate) id: String,
    pub(crate) steps: Vec<Step>,
}

/// One transaction.
#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) step: u32,
    pub(crate) kind: Kind,
    /// The UTXO whose method is called.
    pub(crate) utxo: Option<String>,
    /// The type of that UTXO, or of the one that a main creates.
    pub(crate) utxo_type: Option<String>,
    pub(crate) name: String,
    pub(crate) args: Vec<Text>,
    pub(crate) chain: Option<ChainMoment>,
    pub(crate) expect: Expected,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Script,
    Main,
    Method,
    Mint,
    TokenMethod,
    Burn,
}

/// WAVE text, or the name of a UTXO or a token in its sequence.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Wave(String),
    Utxo { utxo: String },
    Token { token: String },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub(crate) enum Expected {
    Ok(ExpectedEffects),
    Fail { reason: Reason },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reason {
    Trap,
    Gas,
    Refused,
    BadCall,
    Effect,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ExpectedEffects {
    pub(crate) result: Option<Text>,
    pub(crate) events: Vec<ExpectedEvent>,
    pub(crate) created: Vec<String>,
    pub(crate) ephemeral: Vec<String>,
    pub(crate) consumed: Vec<String>,
    pub(crate) unchanged: Vec<String>,
    pub(crate) utxos: BTreeMap<String, ExpectedUtxo>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ExpectedEvent {
    pub(crate) interface: String,
    pub(crate) event: String,
    pub(crate) args: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ExpectedUtxo {
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    /// WAVE text by field; `*` stands for any value.
    pub(crate) storage: BTreeMap<String, String>,
    pub(crate) callable: Vec<String>,
}
