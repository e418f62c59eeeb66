//! `registry hash`

use super::{Kind, read};
use crate::arguments::HashArguments;
use crate::failure::Failure;
use crate::terminal::Terminal;
use registry_client::local::{LocalError, LocalInput};
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
            (ObjectHash::Package(identity.hash), Some(identity.name.to_string()))
        }
        LocalInput::Component(component) => (ObjectHash::Component(component.hash), None),
    };
    terminal.data(&Document { kind: hash.into(), hash, name }, format_args!("{hash}\n"))
}
