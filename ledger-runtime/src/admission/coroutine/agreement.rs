//! What is imported from a contract, itself or another one, must be what that contract exports.

use super::error::{Difference, ShapeError};
use super::reader::Reader;
use super::{Entry, HostFunction, Object};
use crate::abi::{ObjectType, Signature};
use registry_core::id::ComponentHash;

impl Reader<'_> {
    /// Compares all imports with the exports of `contract`, which is being read, and of the others.
    pub(super) fn check_agreement(&self, contract: &ComponentHash) -> Result<(), ShapeError> {
        for (import, (object, kind)) in &self.imported {
            if self.declared(object).is_some_and(|declared| declared.kind == *kind) {
                continue;
            }
            let name = &object.name;
            let (place, difference) = match object.contract {
                None => (format!("the exported `{name}`"), Difference::Missing),
                contract => {
                    let export = format!("{name}: interface {{ resource {} }}", kind.resource_name());
                    (format!("the import `{import}`"), Difference::NotExported { export, contract })
                }
            };
            return Err(ShapeError::new(place, difference));
        }
        for ((interface, name), function) in &self.functions {
            let place = || format!("the import `{interface}` `{name}`");
            self.check_function(contract, function).map_err(|difference| ShapeError::new(place(), difference))?;
        }
        Ok(())
    }

    fn check_function(&self, contract: &ComponentHash, function: &HostFunction) -> Result<(), Difference> {
        match function {
            HostFunction::Main { object, main: name, signature }
            | HostFunction::Mint { object, function: name, signature }
            | HostFunction::Burn { object, function: name, signature } => {
                let entry = self.declared(object).and_then(|declared| declared.mains.get(name));
                let export = || self.export_name(object, "static", name);
                Compared { contract, of: object.contract.as_ref(), signature }.check(entry, export)
            }
            HostFunction::Method { object, method, signature }
            | HostFunction::TokenMethod { object, method, signature } => {
                let entry = self.declared(object).and_then(|declared| declared.methods.get(method));
                let export = || self.export_name(object, "method", method);
                Compared { contract, of: object.contract.as_ref(), signature }.check(entry.map(|it| &it.entry), export)
            }
            HostFunction::Script { contract: of, script, signature } => {
                let entry = self.other(of).and_then(|other| other.scripts.get(script));
                Compared { contract, of: Some(of), signature }.check(entry, || script.clone())
            }
            HostFunction::InstallHandler { interface } | HostFunction::UninstallHandler { interface }
                if !self.handlers.contains_key(interface) =>
            {
                Err(Difference::NoHandler { interface: interface.clone() })
            }
            _ => Ok(()),
        }
    }

    /// How a function of a type of objects is exported: `counter#[method]utxo.bump`.
    fn export_name(&self, object: &ObjectType, kind: &str, function: &str) -> String {
        let resource = self.declared(object).map_or("", |declared| declared.kind.resource_name());
        format!("{}#[{kind}]{resource}.{function}", object.name)
    }

    /// A type of objects, of this contract or of another.
    fn declared(&self, object: &ObjectType) -> Option<&Object> {
        match &object.contract {
            None => self.objects.get(&object.name),
            Some(contract) => self.other(contract)?.objects.get(&object.name),
        }
    }
}

/// An imported function, to be compared with an exported one.
struct Compared<'a> {
    /// The contract that imports it.
    contract: &'a ComponentHash,
    /// The contract that exports it; none if that is the same.
    of: Option<&'a ComponentHash>,
    signature: &'a Signature,
}

impl Compared<'_> {
    fn check(&self, exported: Option<&Entry>, export: impl Fn() -> String) -> Result<(), Difference> {
        let contract = self.of.copied();
        let Some(entry) = exported else { return Err(Difference::NotExported { export: export(), contract }) };
        if self.signature.is_same(self.contract, &entry.signature, self.of.unwrap_or(self.contract)) {
            return Ok(());
        }
        Err(Difference::OtherTypes {
            imported: self.signature.to_string(),
            export: export(),
            contract,
            exported: entry.signature.to_string(),
        })
    }
}
