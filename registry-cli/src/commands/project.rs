//! What the commands that work with a project have in common.

use super::states;
use crate::arguments::GlobalArguments;
use crate::credentials::{self, Access};
use crate::failure::Failure;
use crate::terminal::Terminal;
use anyhow::Context;
use registry_client::Client;
use registry_client::cache::Cache;
use registry_client::project::{Change, DepsReport, MANIFEST_FILE, Project, Report, Requirement};
use registry_core::name::ReleaseName;
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::{Component, Path, PathBuf};

/// The project that the current folder belongs to.
pub(super) fn find() -> Result<Project, Failure> {
    // Messages name files as somebody in this folder would.
    if Path::new(MANIFEST_FILE).is_file() {
        return Ok(Project::open(Path::new(""))?);
    }
    let folder = env::current_dir().context("cannot find out what the current folder is")?;
    Ok(Project::find(&folder)?)
}

/// A client of the project's registry, with the cache: the command line comes before the project's own file.
pub(super) fn client(project: &Project, global: &GlobalArguments, terminal: &Terminal) -> Result<Client, Failure> {
    let mut global = global.clone();
    if global.registry.as_deref().unwrap_or_default().is_empty() {
        global.registry = project.manifest().registry().map(str::to_owned);
    }
    Ok(credentials::client(&global, Access::Read, terminal)?.with_cache(Cache::of_user()))
}

/// Adds to a report which of the releases that the project needs are yanked or deprecated, as far as the registry can be
/// asked.
pub(super) async fn add_states(report: &mut Report, client: &Client) {
    let names: Vec<ReleaseName> = report.packages.iter().map(|package| package.name.clone()).collect();
    report.warnings.extend(states::known_warnings(&names, client).await);
}

/// Tells what was done, except for what is printed as data.
pub(super) fn tell(report: &Report, terminal: &Terminal) {
    for change in &report.changes {
        terminal.status(verb(change), described(change));
    }
    for rewrite in &report.rewrites {
        let (file, line) = (rewrite.file.display(), rewrite.line);
        terminal.status("Rewrote", format_args!("{file}:{line} {} -> {}", rewrite.from, rewrite.to));
    }
    if let Some(DepsReport { written, removed, unchanged, found }) = &report.deps {
        let files = |count: usize| if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
        let mut parts = vec![format!("{} written", files(written.len()))];
        parts.extend((!removed.is_empty()).then(|| format!("{} removed", removed.len())));
        parts.extend((*unchanged > 0).then(|| format!("{unchanged} unchanged")));
        parts.extend((!found.is_empty()).then(|| format!("{} there already", found.len())));
        terminal.status("Fetched", format_args!("{}, all hashes verified", parts.join(", ")));
    }
    report.notes.iter().for_each(|note| terminal.status("Note", note));
    report.warnings.iter().for_each(|warning| terminal.warn(warning));
}

/// The changes as lines of text.
pub(super) fn lines(report: &Report) -> String {
    let changes = report.changes.iter().map(|change| format!("{}\n", described(change)));
    let rewrites = report.rewrites.iter().map(|rewrite| {
        let (file, line) = (rewrite.file.display(), rewrite.line);
        format!("{file}:{line} {} -> {}\n", rewrite.from, rewrite.to)
    });
    changes.chain(rewrites).collect()
}

/// The ranges of each package that is required.
pub(super) fn by_package(requirements: &BTreeSet<Requirement>) -> BTreeMap<String, Vec<String>> {
    let mut packages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for Requirement { path, range } in requirements {
        packages.entry(path.to_string()).or_default().push(range.to_string());
    }
    packages
}

/// Refuses a `--wit` that is not in the project.
pub(super) fn check_wit(folder: &Path) -> Result<(), Failure> {
    let is_inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    if !folder.as_os_str().is_empty() && folder.components().all(is_inside) {
        return Ok(());
    }
    let message = format!("`--wit {}` is not a folder inside the project: name it from here", folder.display());
    Err(Failure::usage(message))
}

/// Where fetched packages are.
pub(super) fn deps(project: &Project) -> PathBuf {
    project.wit().join("deps")
}

fn verb(change: &Change) -> &'static str {
    match (change.from.is_empty(), change.to.is_empty()) {
        (true, _) => "Added",
        (_, true) => "Removed",
        _ => "Updated",
    }
}

fn described(change: &Change) -> String {
    let list = |versions: &[Version]| versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let (package, from, to) = (&change.package, list(&change.from), list(&change.to));
    match (change.from.is_empty(), change.to.is_empty()) {
        (true, _) => format!("{package} {to}"),
        (_, true) => format!("{package} {from} is no longer needed"),
        _ => format!("{package} {from} -> {to}"),
    }
}
