//! A contract with what it takes to write its arguments and to read what it gives.

use ledger_core::ExternalId;
use ledger_runtime::admission::external_ids;
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::value::{decode_parameters, decode_result, encode_parameters, encode_result};
use ledger_runtime::wave::{ContractText, Signature, to_text};
use registry_core::closure::Closure;
use registry_core::component::{DecodedComponent, VerifiedComponent};
use registry_core::id::ComponentHash;
use registry_core::limits::Limits;
use std::collections::{BTreeMap, BTreeSet};
use wasm_wave::value::{Type, Value};
use wasm_wave::wasm::WasmValue;

pub(crate) struct Contract {
    pub(crate) hash: ComponentHash,
    pub(crate) bytes: Vec<u8>,
    pub(crate) component: VerifiedComponent,
    text: ContractText,
}

impl Contract {
    /// A contract that refers to no registered package.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self::read(bytes).unwrap()
    }

    /// The same of bytes that may be anything; none if they are not a component that a registry takes.
    pub(crate) fn read(bytes: Vec<u8>) -> Option<Self> {
        let limits = Limits::default();
        let component = DecodedComponent::decode(&bytes, &limits).ok()?.verify(&Closure::default(), &limits).ok()?;
        let text = ContractText::parse(&component.flat_text().ok()?, "root:component/root").ok()?;
        Some(Self { hash: component.hash(), bytes, component, text })
    }

    pub(crate) fn script(&self, name: &str) -> Option<Signature> {
        self.text.callee(self.hash, name).ok().map(|callee| callee.signature)
    }

    /// A main function of a UTXO type, or one of a token type that mints or burns.
    pub(crate) fn function_of(&self, type_name: &str, name: &str) -> Option<Signature> {
        self.text.object_function(type_name, name).ok()
    }

    /// A method of a UTXO type or a token type.
    pub(crate) fn method_of(&self, type_name: &str, name: &str) -> Option<Signature> {
        self.text.object_method(type_name, name).ok()
    }

    pub(crate) fn event(&self, interface: &str, name: &str) -> Option<Signature> {
        self.text.event(interface, name).unwrap()
    }

    /// The contracts that it imports something of.
    pub(crate) fn external_ids(&self) -> BTreeSet<ExternalId> {
        external_ids(self.component.wit().resolve(), self.component.world().unwrap()).unwrap()
    }

    /// The fields of a state record as WAVE text.
    pub(crate) fn storage(&self, type_name: &str, state: &[u8]) -> BTreeMap<String, String> {
        let ty = self.text.storage(type_name).unwrap().unwrap();
        let record: Value = decode_result(Some(&ty), state, &limits()).unwrap().unwrap();
        record.unwrap_record().map(|(name, value)| (name.into_owned(), to_text(&value).unwrap())).collect()
    }
}

impl Contract {
    /// The encoding of a state record, whose fields are WAVE text; none if it has others.
    pub(crate) fn encode_storage(&self, type_name: &str, fields: &BTreeMap<String, String>) -> Option<Vec<u8>> {
        let ty = self.text.storage(type_name).unwrap().unwrap();
        let fields: Vec<String> = fields.iter().map(|(field, value)| format!("{field}: {value}")).collect();
        encode_text(&ty, &format!("{{{}}}", fields.join(", ")))
    }
}

/// The encoding of arguments that are written as WAVE.
///
/// # Errors
/// If they are not what the function takes.
pub(crate) fn encode_arguments(signature: &Signature, arguments: &[String]) -> Result<Vec<u8>, String> {
    let values = signature.parse_arguments(&arguments.join(", ")).map_err(|error| error.to_string())?;
    encode_parameters(&signature.parameters, &values, &limits()).map_err(|error| error.to_string())
}

/// Encoded arguments as WAVE.
pub(crate) fn arguments_text(signature: &Signature, bytes: &[u8]) -> Vec<String> {
    let values: Vec<Value> = decode_parameters(&signature.parameters, bytes, &limits()).unwrap();
    values.iter().map(|value| to_text(value).unwrap()).collect()
}

/// An encoded result as WAVE.
pub(crate) fn result_text(ty: Option<&Type>, bytes: &[u8]) -> Option<String> {
    let value: Option<Value> = decode_result(ty, bytes, &limits()).unwrap();
    value.map(|value| to_text(&value).unwrap())
}

/// The encoding of a result that is written as WAVE; none if it is not of the type.
pub(crate) fn encode_text(ty: &Type, text: &str) -> Option<Vec<u8>> {
    let value: Value = wasm_wave::from_str(ty, text).ok()?;
    encode_result(Some((ty, &value)), &limits()).ok()
}

fn limits() -> ledger_runtime::value::ValueLimits {
    ExecutionProfile::default().values
}
