//! `registry check`

use super::content::Content;
use super::ownership::objections;
use super::publish::{Missing, beside, missing_of_component, missing_packages};
use super::read;
use crate::arguments::CheckArguments;
use crate::failure::{Failure, FailureReport, Finding};
use crate::terminal::{Terminal, harmless};
use registry_client::Client;
use registry_client::local::{Dependencies, LocalError, LocalInput};
use registry_core::compatibility::{
    Comparison, Incompatible, Neighbours, Step, check_release, neighbours, required_version,
};
use registry_core::id::ObjectHash;
use registry_core::name::{PackageName, ReleaseName, Spec};
use registry_core::wire::{CompatibilityRule, Release};
use registry_core::wit::AdmissionError;
use semver::Version;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

#[derive(Serialize)]
struct Document {
    name: ReleaseName,
    hash: ObjectHash,
    /// Whether publishing would succeed, as far as it can be known without publishing.
    passes: bool,
    /// Why it would not.
    reasons: Vec<FailureReport>,
    /// Whether the very same is published already.
    is_published: bool,
    /// The releases that it was compared with: none if its version has no neighbours.
    compared: Vec<Compared>,
    /// What it breaks, where the registry lets that pass.
    broken: Vec<String>,
}

#[derive(Serialize)]
struct Compared {
    /// The release.
    name: ReleaseName,
    /// What it takes from the lower of the two to the higher one.
    step: Step,
}

pub(super) async fn run(
    arguments: &CheckArguments,
    client: &Client,
    account: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let input = read(&arguments.path, arguments.deps.as_deref(), client.limits(), terminal)?;
    let name = name_of(arguments, &input)?;
    let of = match &input {
        LocalInput::Package(_) => name.to_string(),
        LocalInput::Component(component) => component.path.display().to_string(),
    };
    let hash = match &input {
        LocalInput::Package(package) => ObjectHash::Package(package.wit.identity().map_err(LocalError::from)?.hash),
        LocalInput::Component(component) => ObjectHash::Component(component.hash),
    };
    let (missing, unpublished) = missing(arguments, &input, client).await?;
    let is_missing = !missing.is_empty();
    let mut reasons: Vec<FailureReport> = Vec::new();
    if is_missing {
        reasons.push(missing_packages(&of, missing, client).await?.into());
    }
    let releases = releases(&name, client).await?;
    // What a component is made of cannot be verified before the packages that it names are there.
    let content = match Content::of_input(input, arguments.deps.as_deref(), client, terminal).await {
        Err(Failure::Error(error)) if is_missing && FailureReport::new(&error).code == "not_found" => None,
        content => Some(content?),
    };
    let bound = releases.iter().find(|release| release.name == name).map(|release| release.target.hash());
    let is_published = bound == Some(hash);
    if !is_published {
        let new = unpublished.iter().chain([&name]).map(ReleaseName::namespace).collect();
        reasons.extend(objections(new, account, terminal).await?.into_iter().map(FailureReport::from));
    }
    let mut document =
        Document { name, hash, passes: true, reasons, is_published, compared: Vec::new(), broken: Vec::new() };
    match (bound, content) {
        (Some(_), _) if is_published => {}
        (Some(bound), _) => document.reasons.push(taken(&document.name, bound).into()),
        (None, None) => {}
        (None, Some(content)) => compare(&mut document, &content, &releases, client, terminal).await?,
    }
    document.passes = document.reasons.is_empty();
    terminal.data(&document, &document)?;
    refused(document.reasons).map_or(Ok(()), |report| Err(Failure::Refused(report)))
}

/// The reason, or one that lists them.
fn refused(mut reasons: Vec<FailureReport>) -> Option<FailureReport> {
    if reasons.len() <= 1 {
        return reasons.pop();
    }
    let first = reasons.first()?;
    let (code, hint) = (first.code.clone(), first.hint.clone());
    let message = format!("publishing would be refused for {} reasons", reasons.len());
    let details = reasons.into_iter().flat_map(|reason| {
        let points = reason.causes.into_iter().chain(reason.details).map(|point| format!("  {point}"));
        std::iter::once(reason.message).chain(points)
    });
    Some(FailureReport { code, message, causes: Vec::new(), details: details.collect(), hint })
}

/// The name that it would be published under.
fn name_of(arguments: &CheckArguments, input: &LocalInput) -> Result<ReleaseName, Failure> {
    match (input, &arguments.name) {
        (LocalInput::Package(_), Some(_)) => {
            Err(Failure::usage("`--as` names components; a WIT package has its name in its text"))
        }
        (LocalInput::Package(package), None) => {
            let name = ReleaseName::try_from(package.wit.name());
            Ok(name.map_err(|error| LocalError::from(AdmissionError::Name(error)))?)
        }
        (LocalInput::Component(_), Some(name)) => Ok(name.clone()),
        (LocalInput::Component(_), None) => Err(Failure::usage(
            "a component has no name of its own: say with `--as namespace:name@version` what it will be published as",
        )),
    }
}

/// What would have to be published first, and what would be published with it.
async fn missing(
    arguments: &CheckArguments,
    input: &LocalInput,
    client: &Client,
) -> Result<(Vec<Missing>, Vec<ReleaseName>), Failure> {
    match input {
        LocalInput::Package(package) => {
            let mut uploads = package.uploads(client.limits())?;
            let main = uploads.pop();
            let all = uploads.iter().chain(&main);
            let hashes: Vec<ObjectHash> = all.map(|upload| ObjectHash::Package(upload.hash)).collect();
            let missing = client.missing(&hashes).await?;
            let main = main.filter(|main| main.is_partial && missing.contains(&ObjectHash::Package(main.hash)));
            uploads.retain(|upload| missing.contains(&ObjectHash::Package(upload.hash)));
            let mut lacking: Vec<Missing> = uploads.iter().map(Missing::from).collect();
            let mut unpublished = Vec::new();
            if arguments.with_deps {
                let names: Vec<ReleaseName> = lacking.iter().map(|package| package.name.clone()).collect();
                let mut bindings = client.bindings(&names).await?.into_iter();
                // Others of the same names are in the way, and parts are not published.
                lacking.retain(|package| bindings.next().flatten().is_some() || package.is_partial);
                unpublished = names;
            }
            lacking.extend(main.iter().map(Missing::from));
            Ok((lacking, unpublished))
        }
        LocalInput::Component(component) => {
            let mut lacking = missing_of_component(component, client).await?;
            let mut unpublished = Vec::new();
            if arguments.with_deps {
                let folder = arguments.deps.clone().unwrap_or_else(|| beside(&arguments.path));
                let local = Dependencies::read(&folder, client.limits())?;
                let here: BTreeSet<&PackageName> = local.names().collect();
                let is_here = |name: &ReleaseName| here.contains(&PackageName::from(name));
                unpublished = lacking.iter().map(|package| package.name.clone()).filter(is_here).collect();
                for package in &mut lacking {
                    let local = local.package(&PackageName::from(&package.name));
                    package.is_partial = local.is_ok_and(|local| !local.partial_packages().is_empty());
                }
                lacking.retain(|package| package.is_partial || !is_here(&package.name));
            }
            Ok((lacking, unpublished))
        }
    }
}

async fn releases(name: &ReleaseName, client: &Client) -> Result<Vec<Release>, Failure> {
    match client.releases(name.namespace(), name.name()).await {
        Ok(releases) => Ok(releases),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn taken(name: &ReleaseName, bound: ObjectHash) -> Finding {
    Finding {
        code: "release_bound",
        message: format!("`{name}` is bound to {bound} for ever, and this is something else"),
        hint: Some("a published version never changes; give it a new version".to_owned()),
    }
}

/// A reason, unless the registry says that it compares nothing in this namespace; then what broke is listed.
async fn judge(
    refused: Incompatible,
    document: &mut Document,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let namespace = client.namespace(refused.name.namespace()).await?;
    match namespace.filter(|namespace| namespace.compatibility == CompatibilityRule::Relaxed) {
        Some(namespace) => {
            document.broken = refused.details();
            let points: String = document.broken.iter().map(|point| format!("\n  {}", harmless(point))).collect();
            let end = format!("the registry lets it pass, because the namespace `{}` is relaxed", namespace.name);
            terminal.warn(format_args!("{refused}; {end}{points}"));
        }
        None => document.reasons.push(FailureReport::new(&refused.into())),
    }
    Ok(())
}

/// Does what the registry does when a release is published.
async fn compare(
    document: &mut Document,
    content: &Content,
    releases: &[Release],
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let name = &document.name.clone();
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
        judge(refused, document, client, terminal).await?;
    }
    if let Some((lower, old)) = &fetched.lower {
        let step = compare(old, content).step;
        let usual = required_version(lower.version(), step);
        if step != Step::Breaking && *name.version() < usual {
            terminal.warn(format_args!("it adds something to `{lower}`; such a release is usually called `{usual}`"));
        }
        document.compared.push(Compared { name: lower.clone(), step });
    }
    if let Some((higher, new)) = &fetched.higher {
        document.compared.push(Compared { name: higher.clone(), step: compare(content, new).step });
    }
    Ok(())
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
        if self.compared.is_empty() && self.passes {
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
