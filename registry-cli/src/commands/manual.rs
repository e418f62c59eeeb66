//! `registry manual`

use crate::arguments::{Arguments, ManualArguments};
use crate::failure::Failure;
use crate::terminal::Terminal;
use anyhow::Context;
use clap::CommandFactory;
use serde::Serialize;
use std::fs;
use std::path::Path;

#[derive(Serialize)]
struct Document<'a> {
    /// The folder with the pages.
    folder: &'a Path,
}

pub(super) fn run(arguments: &ManualArguments, terminal: &Terminal) -> Result<(), Failure> {
    let folder = &arguments.folder;
    let written = fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
    written.with_context(|| format!("cannot write the pages into `{}`", folder.display()))?;
    terminal.data(&Document { folder }, format_args!("{}\n", folder.display()))
}
