//! `registry update`

use super::project::{add_states, client, find, lines, tell};
use crate::arguments::{GlobalArguments, UpdateArguments};
use crate::failure::Failure;
use crate::terminal::Terminal;
use registry_client::project::Permissions;

pub(super) async fn run(
    arguments: &UpdateArguments,
    global: &GlobalArguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let project = find()?;
    let client = client(&project, global, terminal)?;
    let progress = terminal.progress("resolving and fetching");
    let permissions = Permissions { is_dry_run: arguments.dry_run, ..Permissions::default() };
    let mut report = project.update(&arguments.names, &client, permissions).await?;
    add_states(&mut report, &client).await;
    drop(progress);
    tell(&report, terminal);
    if report.changes.is_empty() && report.rewrites.is_empty() {
        terminal.status("Unchanged", "every requirement has its highest version already");
    } else if arguments.dry_run {
        terminal.status("Unchanged", "nothing was written; without `--dry-run` it is");
    }
    terminal.data(&report, lines(&report))
}
