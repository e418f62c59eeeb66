//! What is expected of the contracts of a set, as `tests/starstream/INDEX.md` describes it, with what `tests/sets/README.md`
//! adds.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The set that Starstream's compiler made.
pub(crate) const COMPILER: &str = "starstream";

/// A folder with contracts and what is expected of them.
#[derive(Debug)]
pub(crate) struct Set {
    pub(crate) name: String,
    folder: PathBuf,
    pub(crate) expectations: Expectations,
}

impl Set {
    fn read(folder: PathBuf) -> Self {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read(folder.join(FILE)).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let expectations: Expectations =
            serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        assert_eq!(expectations.schema, 1, "{name}");
        Self { name, folder, expectations }
    }

    /// The compiler's.
    pub(crate) fn of_compiler() -> Self {
        Self::read(folder_of(COMPILER))
    }

    /// The committed component of one of its contracts; of another set's as `set/contract`.
    pub(crate) fn component(&self, contract: &str) -> Vec<u8> {
        let folder = match contract.split_once('/') {
            Some((set, contract)) => folder_of(set).join(contract),
            None => self.folder.join(contract),
        };
        std::fs::read(folder.join("component.wasm")).unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
    }
}

const FILE: &str = "expectations.json";

/// Every set that there is: the compiler's, and each folder of `tests/sets` that has a file with expectations. Who adds a
/// folder there adds a set.
pub(crate) fn sets() -> Vec<Set> {
    let entries = std::fs::read_dir(tests().join("sets")).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|folder| folder.join(FILE).exists()).collect();
    folders.sort();
    folders.insert(0, folder_of(COMPILER));
    folders.into_iter().map(Set::read).collect()
}

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

fn folder_of(set: &str) -> PathBuf {
    if set == COMPILER { tests().join(set) } else { tests().join("sets").join(set) }
}

/// The committed component of a contract of the compiler's set.
pub(crate) fn component(name: &str) -> Vec<u8> {
    Set::of_compiler().component(name)
}

/// The compiler's set.
pub(crate) fn read() -> Expectations {
    Set::of_compiler().expectations
}

/// What is expected of a contract of the compiler's set, with one of its sequences, as JSON.
pub(crate) fn read_value(contract: &str, sequence: &str) -> Value {
    let text = std::fs::read(folder_of(COMPILER).join(FILE)).unwrap();
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
    /// The contracts that are deployed before it, in order; `set/contract` for one of another set.
    #[serde(default)]
    pub(crate) after: Vec<String>,
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

/// One call of a transaction.
#[derive(Debug, Deserialize)]
pub(crate) struct Step {
    pub(crate) step: u32,
    /// Steps that follow each other with the same number are one transaction.
    pub(crate) tx: u32,
    /// The contract that it calls, if it is not the one that the sequence is about.
    pub(crate) contract: Option<String>,
    pub(crate) kind: Kind,
    /// The UTXO whose method is called.
    pub(crate) utxo: Option<String>,
    /// The type of that UTXO, or of the one that a main creates.
    pub(crate) utxo_type: Option<String>,
    /// The token whose method is called, or that is burned.
    pub(crate) token: Option<String>,
    /// The type of that token, or of the one that is minted.
    pub(crate) token_type: Option<String>,
    pub(crate) name: String,
    pub(crate) args: Vec<Text>,
    pub(crate) chain: Option<ChainMoment>,
    pub(crate) expect: Expected,
}

impl Sequence {
    /// The steps of each transaction. A sequence that uses tokens from outside is one transaction: alone, its first step
    /// leaves a token unbound.
    pub(crate) fn transactions(&self) -> Vec<&[Step]> {
        let is_one = self.steps.iter().any(|step| step.kind.is_of_token());
        self.steps.chunk_by(|one, next| is_one || one.tx == next.tx).collect()
    }
}

impl Kind {
    pub(crate) fn is_of_token(self) -> bool {
        matches!(self, Self::Mint | Self::TokenMethod | Self::Burn)
    }
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
    Ok(Box<ExpectedEffects>),
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
    /// The tokens that the step touched and that are not burned.
    #[serde(default)]
    pub(crate) tokens: BTreeMap<String, ExpectedToken>,
    #[serde(default)]
    pub(crate) burned: Vec<String>,
    /// How many tokens of each type there were and are after the transaction.
    #[serde(default)]
    pub(crate) supply: BTreeMap<String, ExpectedSupply>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ExpectedToken {
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    /// The contract, if it is not the one that the sequence is about.
    pub(crate) contract: Option<String>,
    /// WAVE text by field; `*` stands for any value.
    pub(crate) storage: BTreeMap<String, String>,
    /// The UTXO that holds it after the transaction, if that is said.
    pub(crate) holder: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ExpectedSupply {
    /// The contract, if it is not the one that the sequence is about.
    pub(crate) contract: Option<String>,
    pub(crate) minted: u64,
    pub(crate) burned: u64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ExpectedEvent {
    /// The contract, if it is not the one that the sequence is about.
    pub(crate) contract: Option<String>,
    pub(crate) interface: String,
    pub(crate) event: String,
    pub(crate) args: Vec<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ExpectedUtxo {
    #[serde(rename = "type")]
    pub(crate) type_name: String,
    /// The contract, if it is not the one that the sequence is about.
    pub(crate) contract: Option<String>,
    /// WAVE text by field; `*` stands for any value.
    pub(crate) storage: BTreeMap<String, String>,
    pub(crate) callable: Vec<String>,
}
