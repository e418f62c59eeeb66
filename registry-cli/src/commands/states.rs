//! `registry yank`, `unyank`, `deprecate` and `releases`: what is said about releases.

use super::token::shown_time;
use crate::arguments::{DeprecateArguments, ReleasesArguments, YankArguments};
use crate::failure::Failure;
use crate::terminal::{Terminal, harmless, table};
use registry_client::Client;
use registry_core::name::ReleaseName;
use registry_core::wire::{Deprecation, Release};
use serde::Serialize;

#[derive(Serialize)]
struct Document {
    releases: Vec<Release>,
}

pub(super) async fn yank(arguments: &YankArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let release = client.yank(&arguments.name, &arguments.reason).await?;
    terminal.status("Yanked", format_args!("{}; locks and hashes still find it", release.name));
    terminal.data(&release, "")
}

pub(super) async fn unyank(name: &ReleaseName, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let release = client.unyank(name).await?;
    terminal.status("Unyanked", &release.name);
    terminal.data(&release, "")
}

pub(super) async fn deprecate(
    arguments: &DeprecateArguments,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let release = match &arguments.message {
        Some(message) => {
            let successor = arguments.successor.as_ref().map(|successor| successor.0.clone());
            let deprecation = Deprecation { message: message.clone(), successor };
            client.deprecate(&arguments.name, &deprecation).await?
        }
        None => client.undeprecate(&arguments.name).await?,
    };
    let verb = if release.deprecated.is_some() { "Deprecated" } else { "Undeprecated" };
    terminal.status(verb, &release.name);
    terminal.data(&release, "")
}

pub(super) async fn list(arguments: &ReleasesArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let releases = client.releases(&arguments.name.namespace, &arguments.name.name).await?;
    let headings = ["VERSION", "KIND", "PUBLISHED", "BY", "DOWNLOADS", "STATE", "HASH"];
    let rows = releases.iter().map(|release| {
        [
            release.name.version().to_string(),
            super::Kind::from(release.target.hash()).as_str().to_owned(),
            release.published_at.as_ref().map(shown_time).unwrap_or_default(),
            release.published_by.clone().unwrap_or_default(),
            release.downloads.to_string(),
            state(release).to_owned(),
            release.target.hash().to_string(),
        ]
    });
    let text = table(headings, rows);
    terminal.data(&Document { releases }, text)
}

fn state(release: &Release) -> &'static str {
    match (&release.yanked, &release.deprecated) {
        (Some(_), Some(_)) => "yanked, deprecated",
        (Some(_), None) => "yanked",
        (None, Some(_)) => "deprecated",
        (None, None) => "",
    }
}

/// What somebody who uses these releases must know, as far as the registry can be asked.
pub(super) async fn known_warnings(names: &[ReleaseName], client: &Client) -> Vec<String> {
    client.known_releases(names).await.iter().flat_map(warnings).collect()
}

/// What somebody who uses a release must know.
pub(super) fn warnings(release: &Release) -> Vec<String> {
    let name = &release.name;
    let yank = release.yanked.iter().map(|yank| format!("`{name}` is yanked: {}", harmless(&yank.reason)));
    let deprecation = release.deprecated.iter().map(|deprecation| {
        let successor = deprecation.successor.iter().map(|successor| format!("; use `{}`", harmless(successor)));
        let message = harmless(&deprecation.message);
        format!("`{name}` is deprecated: {message}{}", successor.collect::<String>())
    });
    yank.chain(deprecation).collect()
}
