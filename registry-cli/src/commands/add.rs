//! `registry add`

use super::project::{client, find, lines, tell};
use crate::arguments::{AddArguments, GlobalArguments};
use crate::failure::Failure;
use crate::terminal::Terminal;

pub(super) async fn run(
    arguments: &AddArguments,
    global: &GlobalArguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let mut project = find()?;
    let client = client(&project, global, terminal)?;
    let progress = terminal.progress("resolving and fetching");
    let report = project.add(&arguments.requirements, &client).await?;
    drop(progress);
    for requirement in &arguments.requirements {
        let range = project.manifest().requirements().get(&requirement.path);
        let range = range.map(ToString::to_string).unwrap_or_default();
        terminal.status("Required", format_args!("{} {range}", requirement.path));
    }
    tell(&report, terminal);
    terminal.data(&report, lines(&report))
}
