//! `registry manual`

use crate::arguments::{Arguments, ManualArguments};
use crate::failure::Failure;
use crate::terminal::Terminal;
use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use serde::Serialize;
use std::path::Path;
use std::{fs, io};

#[derive(Serialize)]
struct Document<'a> {
    /// The folder with the pages.
    folder: &'a Path,
}

pub(super) fn run(arguments: &ManualArguments, terminal: &Terminal) -> Result<(), Failure> {
    let folder = &arguments.folder;
    let written = fs::create_dir_all(folder).and_then(|()| write_pages(folder));
    written.with_context(|| format!("cannot write the pages into `{}`", folder.display()))?;
    terminal.data(&Document { folder }, format_args!("{}\n", folder.display()))
}

fn write_pages(folder: &Path) -> io::Result<()> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let source = format!("registry {}", command.get_version().unwrap_or_default());
    write_page(&command, &source, folder)
}

/// The page of a command and those of its subcommands, which all are of one program.
fn write_page(command: &Command, source: &str, folder: &Path) -> io::Result<()> {
    command.get_subcommands().try_for_each(|command| write_page(command, source, folder))?;
    Man::new(command.clone()).source(source).generate_to(folder).map(drop)
}
