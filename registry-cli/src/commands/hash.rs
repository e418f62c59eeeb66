//! `registry hash`

use super::{Kind, read};
use crate::arguments::HashArguments;
use crate::failure::Failure;
use crate::terminal::Terminal;
use registry_client::local::{LocalError, LocalInput, LocalPackage};
use registry_core::id::ObjectHash;
use registry_core::limits::Limits;
use serde::Serialize;

#[derive(Serialize)]
struct Document {
    kind: Kind,
    hash: ObjectHash,
    /// The package's name, with or without a version; a component has none of its own.
    name: Option<String>,
}

pub(super) fn run(arguments: &HashArguments, terminal: &Terminal) -> Result<(), Failure> {
    let input = read(&arguments.path, arguments.deps.as_deref(), &Limits::default(), terminal)?;
    let (hash, name) = match input {
        LocalInput::Package(package) => {
            let identity = package.wit.identity().map_err(LocalError::from)?;
            warn_about_parts(&package, terminal);
            (ObjectHash::Package(identity.hash), Some(identity.name.to_string()))
        }
        LocalInput::Component(component) => (ObjectHash::Component(component.hash), None),
    };
    terminal.data(&Document { kind: hash.into(), hash, name }, format_args!("{hash}\n"))
}

/// The hash covers what is here; with parts of packages it is not the one that the registry has.
fn warn_about_parts(package: &LocalPackage, terminal: &Terminal) {
    let names: Vec<String> = package.partial_packages().iter().map(|name| format!("`{name}`")).collect();
    if !names.is_empty() {
        let (names, advice) =
            (names.join(", "), "without `deps`, `registry import` and `registry fetch` write them whole");
        terminal.warn(format_args!("`wkg fetch` may have kept only parts of {names}; {advice}"));
    }
}
