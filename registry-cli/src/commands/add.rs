//! `registry add`

use super::project::{add_states, client, find, lines, tell};
use crate::arguments::{AddArguments, GlobalArguments};
use crate::failure::Failure;
use crate::terminal::Terminal;
use registry_client::project::{PackagePath, Requirement};

pub(super) async fn run(
    arguments: &AddArguments,
    global: &GlobalArguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut project = find()?;
    let client = client(&project, global, terminal)?;
    let progress = terminal.progress("resolving and fetching");
    let mut report = project.add(&arguments.additions, &client).await?;
    add_states(&mut report, &client).await;
    drop(progress);
    let is_added = |path: &PackagePath| arguments.additions.iter().any(|addition| &addition.path == path);
    for Requirement { path, range } in project.manifest().requirements().iter().filter(|added| is_added(&added.path)) {
        terminal.status("Required", format_args!("{path} {range}"));
    }
    tell(&report, terminal);
    terminal.data(&report, lines(&report))
}
