//! `registry lock`

use super::project::{add_states, client, find, lines, tell};
use crate::arguments::{GlobalArguments, LockArguments};
use crate::failure::{Failure, Finding};
use crate::terminal::Terminal;
use registry_client::project::{LOCK_FILE, Problems, Project};
use registry_core::limits::Limits;
use serde::Serialize;

#[derive(Serialize)]
struct Document {
    /// In what something does not fit, one sentence each.
    problems: Vec<String>,
}

pub(super) async fn run(
    arguments: &LockArguments,
    global: &GlobalArguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let project = find()?;
    if arguments.check {
        return check(&project, terminal);
    }
    let client = client(&project, global, terminal)?;
    let progress = terminal.progress("resolving");
    let mut report = project.write_lock(&client).await?;
    add_states(&mut report, &client).await;
    drop(progress);
    tell(&report, terminal);
    terminal.status(if report.lock_changed { "Wrote" } else { "Unchanged" }, LOCK_FILE);
    terminal.data(&report, lines(&report))
}

fn check(project: &Project, terminal: &Terminal) -> Result<(), Failure> {
    let found = project.check(&Limits::default())?;
    let hint = hint(&found);
    let problems: Vec<String> = [found.lock, found.deps, found.wit].concat();
    let (count, text) = (problems.len(), problems.iter().map(|problem| format!("{problem}\n")).collect::<String>());
    terminal.data(&Document { problems }, text)?;
    if count == 0 {
        terminal.status("Checked", "the lock, the requirements and `deps` fit each other, all hashes recomputed");
        return Ok(());
    }
    let things = if count == 1 { "1 thing does" } else { &format!("{count} things do") };
    let message = format!("{things} not fit: {LOCK_FILE}, the requirements, `deps` and the WIT differ");
    Err(Finding { code: "lock_outdated", message, hint: Some(hint) }.into())
}

/// What helps against each kind of problem that there is.
fn hint(problems: &Problems) -> String {
    let Problems { lock, deps, wit } = problems;
    let hints = [
        (lock, "`registry lock` brings the lock up to date with the requirements"),
        (deps, "`registry fetch` makes `deps` what the lock says, with `--force` also what was changed by hand"),
        (wit, "`registry add` requires what the WIT refers to, `registry update` moves its versions"),
    ];
    let hints = hints.into_iter().filter(|(problems, _)| !problems.is_empty()).map(|(_, hint)| hint);
    hints.collect::<Vec<_>>().join("; ")
}
