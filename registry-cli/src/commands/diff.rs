//! `registry diff`

use super::Kind;
use super::content::Content;
use crate::arguments::DiffArguments;
use crate::failure::{Failure, Finding};
use crate::terminal::{Terminal, harmless};
use anstyle::{AnsiColor, Style};
use registry_client::Client;
use registry_core::compatibility::{Change, Comparison, Step, Track, required_version};
use registry_core::id::ObjectHash;
use registry_core::name::{ReleaseName, check_identifier};
use semver::Version;
use serde::Serialize;
use std::fmt::{self, Display, Formatter};

const HEADING: Style = Style::new().bold();

#[derive(Serialize)]
struct Document {
    kind: Kind,
    old: Side,
    new: Side,
    /// Whether the two are the very same.
    is_same: bool,
    /// The lowest version that the new side may have, if both are releases of one name.
    #[serde(skip_serializing_if = "Option::is_none")]
    required: Option<Version>,
    /// Whether the two are releases, or WIT, of packages with different names.
    are_different_packages: bool,
    #[serde(flatten)]
    comparison: Comparison,
    #[serde(skip)]
    note: Option<String>,
}

#[derive(Serialize)]
struct Side {
    name: String,
    hash: Option<ObjectHash>,
}

pub(super) async fn run(arguments: &DiffArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let deps = &arguments.deps;
    let (old_name, old) = Content::of(&arguments.old, deps, client, terminal).await?;
    let (new_name, new) = Content::of(&arguments.new, deps, client, terminal).await?;
    let Some(comparison) = old.compare(&new, client.limits()) else {
        let (old, new) = (old.kind().as_str(), new.kind().as_str());
        let message = format!("`{old_name}` is a {old} and `{new_name}` a {new}: only two of one kind can be compared");
        return Err(Failure::Usage { message, hint: None });
    };
    let (required, note) = versions(&old_name, &new_name, comparison.step);
    let document = Document {
        kind: old.kind(),
        are_different_packages: package(&old_name).is_some_and(|old| package(&new_name).is_some_and(|new| old != new)),
        is_same: old.hash() == new.hash(),
        old: Side { name: old_name, hash: old.hash() },
        new: Side { name: new_name, hash: new.hash() },
        required,
        comparison,
        note,
    };
    terminal.data(&document, &document)?;
    if arguments.exit_code && !document.is_same {
        let message = format!("`{}` and `{}` are not the same", document.old.name, document.new.name);
        return Err(Finding { code: "different", message, hint: None }.into());
    }
    Ok(())
}

/// The name without a version; none for a path or a hash.
fn package(name: &str) -> Option<&str> {
    let path = name.split('@').next().unwrap_or(name);
    let (namespace, name) = path.split_once(':')?;
    [namespace, name].into_iter().all(|part| check_identifier(part).is_ok()).then_some(path)
}

/// The version that a change needs, if both sides are releases of one name and the new one is the higher, and what there
/// is to say about the version that it has.
fn versions(old: &str, new: &str, step: Step) -> (Option<Version>, Option<String>) {
    let (Ok(old), Ok(new)) = (old.parse::<ReleaseName>(), new.parse::<ReleaseName>()) else { return (None, None) };
    let is_one_name = (old.namespace(), old.name()) == (new.namespace(), new.name());
    if !is_one_name || new.version() <= old.version() {
        return (None, None);
    }
    let required = required_version(old.version(), step);
    let shares_track = Track::of(old.version()).is_some_and(|track| Track::of(new.version()) == Some(track));
    let note = match step {
        Step::Breaking if shares_track => {
            Some(format!("`{}` may not break `{}`: it needs the version `{required}`", new.version(), old.version()))
        }
        _ => None,
    };
    (Some(required), note)
}

impl Display for Document {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (old, new) = (harmless(&self.old.name), harmless(&self.new.name));
        writeln!(f, "{HEADING}{old} → {new}{HEADING:#}")?;
        if self.are_different_packages {
            writeln!(f, "these are two different packages")?;
        }
        if self.is_same {
            return writeln!(f, "the very same");
        }
        let style = style(self.comparison.step);
        writeln!(f, "{style}{}{style:#}", summary(self.comparison.step))?;
        self.note.iter().try_for_each(|note| writeln!(f, "{note}"))?;
        write_changes(f, &self.comparison)
    }
}

/// The changes below headings, one for each step.
fn write_changes(f: &mut Formatter<'_>, comparison: &Comparison) -> fmt::Result {
    for step in [Step::Breaking, Step::Addition, Step::None] {
        let changes: Vec<&Change> = comparison.changes.iter().filter(|change| change.step == step).collect();
        if changes.is_empty() {
            continue;
        }
        let style = style(step);
        writeln!(f, "\n{style}{}{style:#}", heading(step))?;
        changes.iter().try_for_each(|change| writeln!(f, "  {}", harmless(&change.to_string())))?;
    }
    match comparison.left_out {
        0 => Ok(()),
        left_out => writeln!(f, "\nand {left_out} more that are not listed"),
    }
}

fn summary(step: Step) -> &'static str {
    match step {
        Step::None => "nothing changes for users",
        Step::Addition => "addition: everything that there was is still there",
        Step::Breaking => "breaking: something that worked stops working",
    }
}

fn heading(step: Step) -> &'static str {
    match step {
        Step::None => "no change for users",
        Step::Addition => "additions",
        Step::Breaking => "breaking",
    }
}

fn style(step: Step) -> Style {
    match step {
        Step::None => Style::new().bold(),
        Step::Addition => AnsiColor::Green.on_default().bold(),
        Step::Breaking => AnsiColor::Red.on_default().bold(),
    }
}
