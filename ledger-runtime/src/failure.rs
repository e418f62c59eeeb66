//! What a command can fail with, and how that ends the program.

use anstream::eprintln;
use ledger_runtime::admission::AdmissionError;
use ledger_runtime::chain::VerifyError;
use ledger_runtime::draft::DraftError;
use ledger_runtime::node::StartError;
use ledger_runtime::rpc::NodeClientError;
use ledger_runtime::store::StorageError;
use registry_client::ClientError;
use serde_json::json;
use std::io;
use std::process::ExitCode;

/// Why a command did not succeed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something went wrong; all of it is told.
    Error(anyhow::Error),
    /// Nobody reads the output any more, which is no error.
    BrokenPipe,
}

/// Something that a command found, with what a person can do about it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Finding {
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
    /// The kind, for programs.
    pub(crate) code: String,
}

/// The kind of error of a command line that cannot be understood.
pub(crate) const USAGE: &str = "usage";
/// The kind of every error that has no other.
const FAULT: &str = "fault";

impl Failure {
    /// Tells what went wrong, to a program or to a person, and how the program ends.
    pub(crate) fn report(&self, json: bool) -> ExitCode {
        let Self::Error(error) = self else { return ExitCode::SUCCESS };
        if json {
            report_json(&format!("{error:#}"), hint(error), &code(error));
            return ExitCode::FAILURE;
        }
        eprintln!("error: {}", printable(&error.to_string()));
        for cause in error.chain().skip(1) {
            eprintln!("Caused by: {}", printable(&cause.to_string()));
        }
        if let Some(hint) = hint(error) {
            eprintln!("hint: {}", printable(&hint));
        }
        ExitCode::FAILURE
    }
}

/// Tells a program what went wrong.
pub(crate) fn report_json(message: &str, hint: Option<String>, code: &str) {
    eprintln!("{}", json!({ "error": { "message": message, "hint": hint, "code": code } }));
}

/// Messages may come from a node: what could command the terminal is shown, not sent.
pub(crate) fn printable(text: &str) -> String {
    let escape = |character: char| match character {
        '\n' => "\n".to_owned(),
        _ if character.is_control() => character.escape_default().to_string(),
        _ => character.to_string(),
    };
    text.chars().map(escape).collect()
}

/// The kind, for programs.
fn code(error: &anyhow::Error) -> String {
    let code = error.chain().find_map(|error| {
        let node = error.downcast_ref().map(NodeClientError::code);
        let draft = || error.downcast_ref().map(DraftError::code);
        let finding = || error.downcast_ref::<Finding>().map(|finding| finding.code.clone());
        node.or_else(draft).or_else(finding)
    });
    code.unwrap_or_else(|| FAULT.to_owned())
}

/// The first hint that an error in the chain has.
fn hint(error: &anyhow::Error) -> Option<String> {
    error.chain().find_map(|error| {
        let start = error.downcast_ref::<StartError>().and_then(StartError::hint);
        let verify = || error.downcast_ref::<VerifyError>().and_then(VerifyError::hint);
        let storage = || error.downcast_ref::<StorageError>().and_then(StorageError::hint).map(str::to_owned);
        let node = || error.downcast_ref::<NodeClientError>().and_then(NodeClientError::hint).map(str::to_owned);
        let client = || error.downcast_ref::<ClientError>().and_then(ClientError::hint);
        let draft = || error.downcast_ref::<DraftError>().and_then(DraftError::hint);
        let finding = || error.downcast_ref::<Finding>().and_then(|finding| finding.hint.clone());
        let admission = || error.downcast_ref::<AdmissionError>().and_then(AdmissionError::hint).map(str::to_owned);
        start
            .or_else(verify)
            .or_else(storage)
            .or_else(node)
            .or_else(client)
            .or_else(draft)
            .or_else(finding)
            .or_else(admission)
    })
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Error(error)
    }
}

impl From<NodeClientError> for Failure {
    fn from(error: NodeClientError) -> Self {
        Self::Error(error.into())
    }
}

impl From<DraftError> for Failure {
    fn from(error: DraftError) -> Self {
        match error {
            DraftError::Node(error) => error.into(),
            error => Self::Error(error.into()),
        }
    }
}

impl From<Finding> for Failure {
    fn from(error: Finding) -> Self {
        Self::Error(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::BrokenPipe;
        }
        Self::Error(anyhow::Error::new(error).context("cannot write to standard output"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_component_lacks_has_the_hint_of_how_to_write_it() {
        let refused = AdmissionError::NoExternalId { import: "starstream:token/coin".to_owned() };
        let error = anyhow::Error::new(refused).context("the ledger would refuse it");
        assert!(hint(&error).unwrap().contains("@external-id"), "{error:?}");
    }
}
