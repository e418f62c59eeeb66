//! `registry import`

use super::project::{by_package, check_wit};
use crate::arguments::ImportArguments;
use crate::failure::Failure;
use crate::terminal::Terminal;
use registry_client::project::{LeftOut, MANIFEST_FILE, Project};
use registry_core::limits::Limits;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Document {
    /// What was written.
    file: PathBuf,
    /// What was read.
    from: Vec<PathBuf>,
    /// What was taken over.
    requirements: BTreeMap<String, Vec<String>>,
    /// What was not, and why.
    left: Vec<LeftOut>,
}

pub(super) fn run(arguments: &ImportArguments, terminal: &Terminal) -> Result<(), Failure> {
    check_wit(&arguments.wit)?;
    let (_, import) = Project::import(Path::new(""), &arguments.wit, &Limits::default())?;
    let requirements = by_package(&import.requirements);
    for file in &import.files {
        terminal.status("Read", file.display());
    }
    for LeftOut { file, entry, reason } in &import.left {
        terminal.warn(format_args!("{}: `{entry}` was left out: {reason}", file.display()));
    }
    terminal.status("Wrote", MANIFEST_FILE);
    let text: String = requirements.iter().map(|(path, ranges)| format!("{path} {}\n", ranges.join(" "))).collect();
    let (file, from, left) = (MANIFEST_FILE.into(), import.files, import.left);
    terminal.data(&Document { file, from, requirements, left }, text)
}
