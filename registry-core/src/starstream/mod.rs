//! What a component is in Starstream's terms: its types of UTXOs and tokens, their mains, methods and state, its scripts,
//! events and effects, and what it uses of other contracts. Read from its WIT alone.
//!
//! This describes, it does not admit: what does not fit is listed. Names and forms are those of Starstream's compiler, and
//! of the interfaces `ledger:host` and `ledger:handlers`, which this project's ledger defines beside them.

mod names;
mod reader;
mod text;

use serde::Serialize;
use wit_parser::{InterfaceId, Resolve, WorldId, WorldKey};

/// The packages by which a world is known as that of a contract: namespace and name.
const PACKAGES: [(&str, &str); 9] = [
    ("starstream", "std"),
    ("starstream", "self"),
    ("starstream", "events"),
    ("starstream", "effects"),
    ("starstream", "utxo"),
    ("starstream", "token"),
    ("starstream", "contract"),
    ("ledger", "host"),
    ("ledger", "handlers"),
];

/// Whether the world is that of a contract of Starstream, whatever language it is written in: it imports or exports an
/// interface of Starstream's packages.
pub fn is_contract(resolve: &Resolve, world: WorldId) -> bool {
    let is_known = |id: InterfaceId| {
        let package = resolve.interfaces[id].package;
        let name = package.map(|package| &resolve.packages[package].name);
        name.is_some_and(|name| PACKAGES.contains(&(name.namespace.as_str(), name.name.as_str())))
    };
    let world = &resolve.worlds[world];
    let mut keys = world.imports.keys().chain(world.exports.keys());
    keys.any(|key| matches!(key, WorldKey::Interface(id) if is_known(*id)))
}

/// A contract in Starstream's terms. Types are WIT's; a handle of a UTXO or a token is written as the name of its type, or
/// as `utxo` or `token` if it can be of any. The lists have the order of the WIT.
///
/// Printed, it is a line for each item, without any control characters, whatever the component holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Contract {
    /// The types of UTXOs that it defines.
    pub utxos: Vec<UtxoType>,
    /// The types of tokens that it defines.
    pub tokens: Vec<TokenType>,
    /// Its coordination scripts.
    pub scripts: Vec<Function>,
    /// The events that it emits.
    pub events: Vec<Abi>,
    /// The effects that it raises.
    pub effects: Vec<Abi>,
    /// The effects that it has handlers for, which its scripts may install.
    pub handlers: Vec<Abi>,
    /// What it uses of other contracts.
    pub contracts: Vec<OtherContract>,
    /// The methods that it calls on UTXOs of any type (`starstream:contract/dynamic-utxo`).
    pub dynamic_methods: Vec<Function>,
    /// The types that functions and states name, as far as they are defined in the WIT.
    pub types: Vec<TypeDefinition>,
    /// The full names of the interfaces of the host that it imports.
    pub host: Vec<String>,
    /// What is no part of a contract of Starstream's, in words.
    pub rest: Vec<String>,
}

/// A type of UTXOs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UtxoType {
    /// Its name: that of the interface.
    pub name: String,
    /// The main functions, each of which creates a UTXO; without the context, which the ledger gives them.
    pub mains: Vec<Function>,
    /// The methods. Which of them a UTXO offers, it says at each yield.
    pub methods: Vec<Function>,
    /// What a UTXO keeps; only the contract that defines the type tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

/// A type of tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenType {
    /// Its name: that of the interface.
    pub name: String,
    /// The functions that mint a token.
    pub mints: Vec<Function>,
    /// The functions that burn one; without the token itself.
    pub burns: Vec<Function>,
    /// What is asked before a token is bound to a UTXO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attach: Option<Function>,
    /// What is asked before a token is unbound from a UTXO.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detach: Option<Function>,
    /// The other methods.
    pub methods: Vec<Function>,
    /// What a token keeps; only the contract that defines the type tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

/// What a UTXO or a token keeps from one transaction to the next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct State {
    /// The fields that are declared, in the order of the record. Starstream's compiler flattens a field that has several
    /// parts: those after the first are called `field-v1`, `field-v2`, and so on.
    pub fields: Vec<Field>,
    /// How many points the UTXO can stop at, if the record is one of Starstream's compiler and there are any; what it keeps
    /// for each of them is not in the fields.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yields: Option<usize>,
}

/// A name with its type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The type.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// A function as it is called: without the parameters that the ledger itself gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Function {
    /// Its name, without its resource.
    pub name: String,
    /// Its parameters in their order.
    pub parameters: Vec<Field>,
    /// The type of what it gives, if it gives anything. A main gives its UTXO and a mint its token; that is not said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<String>,
}

/// A named set of events or effects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Abi {
    /// Its name: `purse` for `starstream:events/purse`.
    pub name: String,
    /// Its functions, one for each event or effect.
    pub functions: Vec<Function>,
}

/// What a contract uses of another.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct OtherContract {
    /// Which one, as the WIT says with `@external-id`.
    pub external_id: Option<String>,
    /// Its types of UTXOs.
    pub utxos: Vec<UtxoType>,
    /// Its types of tokens.
    pub tokens: Vec<TokenType>,
    /// Its scripts.
    pub scripts: Vec<Function>,
}

/// A type with members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeDefinition {
    /// Its name; if another type has the name too, with the interface that declares it: `demo:types/shapes.{point}`.
    pub name: String,
    /// `record`, `variant`, `enum`, `flags` or `resource`.
    pub kind: &'static str,
    /// Its fields, cases or flags.
    pub members: Vec<Member>,
}

/// A field, a case or a flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The name.
    pub name: String,
    /// The type, if it has one.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<String>,
}

impl Contract {
    /// Reads the world of a component; none if it is not that of a contract of Starstream ([`is_contract`]).
    pub fn of(resolve: &Resolve, world: WorldId) -> Option<Self> {
        is_contract(resolve, world).then(|| reader::read(resolve, world))
    }
}
