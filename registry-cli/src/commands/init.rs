//! `registry init`

use super::project::tell;
use crate::arguments::InitArguments;
use crate::failure::Failure;
use crate::terminal::Terminal;
use registry_client::project::{MANIFEST_FILE, Project};
use registry_core::limits::Limits;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Document {
    file: PathBuf,
    requirements: BTreeMap<String, String>,
    notes: Vec<String>,
}

pub(super) fn run(arguments: &InitArguments, terminal: &Terminal) -> Result<(), Failure> {
    let (project, report) = Project::init(Path::new(""), &arguments.wit, &Limits::default())?;
    let requirements = project.manifest().requirements();
    let requirements: BTreeMap<String, String> =
        requirements.iter().map(|(path, range)| (path.to_string(), range.to_string())).collect();
    terminal.status("Created", MANIFEST_FILE);
    for (path, range) in &requirements {
        terminal.status("Required", format_args!("{path} {range}, which the WIT refers to"));
    }
    tell(&report, terminal);
    let document = Document { file: MANIFEST_FILE.into(), requirements, notes: report.notes };
    terminal.data(&document, format_args!("{MANIFEST_FILE}\n"))
}
