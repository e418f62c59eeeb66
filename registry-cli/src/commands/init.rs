//! `registry init`

use super::project::{by_package, check_wit, tell};
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
    requirements: BTreeMap<String, Vec<String>>,
    notes: Vec<String>,
}

pub(super) fn run(arguments: &InitArguments, terminal: &Terminal) -> Result<(), Failure> {
    check_wit(&arguments.wit)?;
    let (project, report) = Project::init(Path::new(""), &arguments.wit, &Limits::default())?;
    let requirements = by_package(project.manifest().requirements());
    terminal.status("Created", MANIFEST_FILE);
    for (path, ranges) in &requirements {
        terminal.status("Required", format_args!("{path} {}, which the WIT refers to", ranges.join(" and ")));
    }
    tell(&report, terminal);
    let document = Document { file: MANIFEST_FILE.into(), requirements, notes: report.notes };
    terminal.data(&document, format_args!("{MANIFEST_FILE}\n"))
}
