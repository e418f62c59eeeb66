//! `registry check`

use super::content::Content;
use crate::arguments::CheckArguments;
use crate::failure::{Failure, Finding};
use crate::terminal::Terminal;
use registry_client::Client;
use registry_client::local::LocalError;
use registry_core::compatibility::{
    Comparison, Incompatible, Neighbours, Step, check_release, neighbours, required_version,
};
use registry_core::id::ObjectHash;
use registry_core::name::{ReleaseName, Spec};
use registry_core::wire::{CompatibilityRule, Release};
use registry_core::wit::AdmissionError;
use semver::Version;
use serde::Serialize;
use std::fmt::{self, Display, Formatter};

#[derive(Serialize)]
struct Document {
    name: ReleaseName,
    hash: Option<ObjectHash>,
    /// Whether the very same is published already.
    is_published: bool,
    /// The releases that it was compared with: none if its version has no neighbours.
    compared: Vec<Compared>,
}

#[derive(Serialize)]
struct Compared {
    /// The release.
    name: ReleaseName,
    /// What it takes from the lower of the two to the higher one.
    step: Step,
}

pub(super) async fn run(arguments: &CheckArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let content = Content::read(&arguments.path, arguments.deps.as_deref(), client, terminal).await?;
    let name = name_of(arguments, &content, client)?;
    let releases = releases(&name, client).await?;
    let is_published = refuse_bound(&name, &content, &releases)?;
    let compared = match is_published {
        true => Vec::new(),
        false => compare(&name, &content, &releases, client, terminal).await?,
    };
    let document = Document { hash: content.hash(), name, is_published, compared };
    terminal.data(&document, &document)
}

/// The name that it would be published under.
fn name_of(arguments: &CheckArguments, content: &Content, client: &Client) -> Result<ReleaseName, Failure> {
    match (content, &arguments.name) {
        (Content::Package(_), Some(_)) => {
            Err(Failure::usage("`--as` names components; a WIT package has its name in its text"))
        }
        (Content::Package(wit), None) => {
            wit.admit(client.limits()).map_err(LocalError::from)?;
            Ok(ReleaseName::try_from(wit.name()).map_err(|error| LocalError::from(AdmissionError::Name(error)))?)
        }
        (Content::Component(_), Some(name)) => Ok(name.clone()),
        (Content::Component(_), None) => Err(Failure::usage(
            "a component has no name of its own: say with `--as namespace:name@version` what it will be published as",
        )),
    }
}

async fn releases(name: &ReleaseName, client: &Client) -> Result<Vec<Release>, Failure> {
    match client.releases(name.namespace(), name.name()).await {
        Ok(releases) => Ok(releases),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// Whether the very same is published; something else under this name is refused.
fn refuse_bound(name: &ReleaseName, content: &Content, releases: &[Release]) -> Result<bool, Failure> {
    let Some(release) = releases.iter().find(|release| release.name == *name) else { return Ok(false) };
    let bound = release.target.hash();
    if content.hash() == Some(bound) {
        return Ok(true);
    }
    let message = format!("`{name}` is bound to {bound} for ever, and this is something else");
    let hint = Some("a published version never changes; give it a new version".to_owned());
    Err(Finding { code: "release_bound", message, hint }.into())
}

/// Refuses what does not fit, unless the registry says that it compares nothing in this namespace.
async fn refuse(refused: Incompatible, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let namespace = client.namespace(refused.name.namespace()).await.ok().flatten();
    match namespace.filter(|namespace| namespace.compatibility == CompatibilityRule::Relaxed) {
        Some(namespace) => {
            let warning = format!("{refused}; the registry lets it pass, as everything in `{}`", namespace.name);
            terminal.warn(warning);
            Ok(())
        }
        None => Err(anyhow::Error::from(refused).into()),
    }
}

/// Does what the registry does when a release is published.
async fn compare(
    name: &ReleaseName,
    content: &Content,
    releases: &[Release],
    client: &Client,
    terminal: &Terminal,
) -> Result<Vec<Compared>, Failure> {
    let is_comparable =
        |release: &&Release| release.yanked.is_none() && super::Kind::from(release.target.hash()) == content.kind();
    let found = neighbours(name.version(), releases.iter().filter(is_comparable), |release| release.name.version());
    let fetched = Neighbours {
        lower: fetch(found.lower, client, terminal).await?,
        higher: fetch(found.higher, client, terminal).await?,
    };
    let versions: Vec<Version> = releases.iter().map(|release| release.name.version().clone()).collect();
    let limits = client.limits();
    let compare = |old: &Content, new: &Content| old.compare(new, limits).unwrap_or_else(Comparison::nothing);
    if let Err(refused) = check_release(name, content, &fetched, &versions, compare) {
        refuse(refused, client, terminal).await?;
    }
    let mut compared = Vec::new();
    if let Some((lower, old)) = &fetched.lower {
        let step = compare(old, content).step;
        let usual = required_version(lower.version(), step);
        if step != Step::Breaking && *name.version() < usual {
            terminal.warn(format_args!("it adds something to `{lower}`; such a release is usually called `{usual}`"));
        }
        compared.push(Compared { name: lower.clone(), step });
    }
    if let Some((higher, new)) = &fetched.higher {
        compared.push(Compared { name: higher.clone(), step: compare(content, new).step });
    }
    Ok(compared)
}

async fn fetch(
    release: Option<&Release>,
    client: &Client,
    terminal: &Terminal,
) -> Result<Option<(ReleaseName, Content)>, Failure> {
    let Some(release) = release else { return Ok(None) };
    let spec = Spec::Release(release.name.clone());
    let (_, fetched) = super::fetch(&spec, client, terminal).await?;
    Ok(Some((release.name.clone(), Content::from(fetched))))
}

impl Display for Document {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { name, .. } = self;
        if self.is_published {
            return writeln!(f, "{name} is published already");
        }
        if self.compared.is_empty() {
            return writeln!(f, "{name} has nothing to be compared with");
        }
        self.compared.iter().try_for_each(|compared| {
            let verb = match (compared.name.version() < name.version(), compared.step) {
                (true, Step::Breaking) => "breaks",
                (true, _) => "extends",
                (false, Step::Breaking) => "is broken by",
                (false, _) => "is extended by",
            };
            writeln!(f, "{name} {verb} {} ({})", compared.name, step_words(compared.step))
        })
    }
}

fn step_words(step: Step) -> &'static str {
    match step {
        Step::None => "nothing changes for users",
        Step::Addition => "an addition",
        Step::Breaking => "breaking",
    }
}
