//! `registry verify`

use super::Kind;
use super::publish::FETCH_WHOLE_HINT;
use crate::arguments::{Subject, VerifyArguments};
use crate::failure::{Failure, Finding};
use crate::terminal::{Terminal, harmless};
use anstyle::{AnsiColor, Style};
use registry_client::local::{LocalError, LocalFolder};
use registry_client::{Client, Fetched};
use registry_core::closure::Closure;
use registry_core::id::{ComponentHash, ObjectHash, PackageHash};
use registry_core::name::{PackageName, ReleaseName, Spec};
use registry_core::wire::ReleaseTarget;
use registry_core::wit::KnownPackages;
use serde::Serialize;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

#[derive(Serialize)]
struct Document {
    /// Whether something is `ok`, and nothing else than that or `unversioned`.
    is_ok: bool,
    results: Vec<Comparison>,
}

#[derive(Serialize)]
struct Comparison {
    /// Absent for what cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Kind>,
    /// The package's name, or the file of a component or of what cannot be read.
    name: String,
    /// The hash computed here; what cannot be read has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<ObjectHash>,
    status: Status,
    /// What it should be, if it differs: the registry's hash, or for a part of a component the hash that is in there.
    #[serde(skip_serializing_if = "Option::is_none")]
    registered: Option<ObjectHash>,
    /// The file of the component that a package without a version is a part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    part_of: Option<String>,
    /// Why it cannot be used, the first reason first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
    /// Whether `wkg fetch` wrote it, which may have kept only a part of it.
    #[serde(skip_serializing_if = "is_false")]
    is_partial: bool,
}

/// What is not so is not said.
fn is_false(value: &bool) -> bool {
    !value
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Ok,
    Differs,
    NotPublished,
    /// It cannot be read, or is not valid.
    Invalid,
    /// The package has no version and is no part of a component here, so that there is nothing to compare it with.
    Unversioned,
}

pub(super) async fn run(arguments: &VerifyArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let results = match &arguments.subject {
        Subject::Spec(spec) => verify_spec(spec, client, terminal).await?,
        Subject::Path(path) => verify_path(path, client, terminal).await?,
    };
    let failed = results.iter().filter(|result| result.is_failure()).count();
    let total = results.len();
    let is_ok = failed == 0 && results.iter().any(|result| result.status == Status::Ok);
    let document = Document { is_ok, results };
    terminal.data(&document, &document)?;
    if document.is_ok {
        return Ok(());
    }
    let is_partial = document.results.iter().any(|result| result.is_failure() && result.is_partial);
    Err(finding(failed, total, is_partial).into())
}

fn finding(failed: usize, total: usize, is_partial: bool) -> Finding {
    let (message, hint) = if failed == 0 {
        (
            "nothing here has a version, so there is nothing to compare with the registry".to_owned(),
            "give the package a version: `package namespace:name@0.1.0;`",
        )
    } else {
        let hint = if is_partial {
            FETCH_WHOLE_HINT
        } else {
            "`registry fetch` gets what the registry has; `registry publish` publishes what it lacks"
        };
        (format!("{failed} of {total} are not what the registry has"), hint)
    };
    Finding { code: "not_verified", message, hint: Some(hint.to_owned()) }
}

/// What comes back from the client has been verified: every hash in it was recomputed here.
async fn verify_spec(spec: &Spec, client: &Client, terminal: &Terminal) -> Result<Vec<Comparison>, Failure> {
    let (release, fetched) = super::fetch(spec, client, terminal).await?;
    let (closure, component) = match &fetched {
        Fetched::Package(wit) => (Closure::of(wit).map_err(LocalError::from)?, None),
        Fetched::Component(fetched) => (fetched.component.closure().clone(), Some(fetched.component.hash())),
    };
    let packages = closure.packages.into_iter();
    let mut results: Vec<Comparison> =
        packages.map(|package| Comparison::ok(package.name.to_string(), ObjectHash::Package(package.hash))).collect();
    if let Some(hash) = component {
        let name = release.map_or_else(|| "component".to_owned(), |name| name.to_string());
        results.push(Comparison::ok(name, ObjectHash::Component(hash)));
    }
    Ok(results)
}

async fn verify_path(path: &Path, client: &Client, terminal: &Terminal) -> Result<Vec<Comparison>, Failure> {
    let progress = terminal.progress(format!("reading {}", path.display()));
    let contents = LocalFolder::read(path, client.limits())?;
    progress.step("asking the registry");
    let components = published_components(&contents, client).await?;
    let mut results = compare_packages(&contents, &components, client).await?;
    results.extend(contents.components.iter().map(|component| {
        let is_published = components.iter().any(|published| published.hash == component.hash);
        let status = if is_published { Status::Ok } else { Status::NotPublished };
        Comparison::new(component.path.display().to_string(), ObjectHash::Component(component.hash), status)
    }));
    results.extend(contents.invalid.iter().map(|(name, error)| Comparison::invalid(name.clone(), error)));
    Ok(results)
}

/// A component of the folder that the registry has, with the packages that it has in itself.
struct PublishedComponent {
    file: String,
    hash: ComponentHash,
    packages: KnownPackages,
}

/// A component's file name is no name in the registry, so its hash is looked up. What the component is made of is judged
/// with the registry's packages: those in the folder may have been changed.
async fn published_components(contents: &LocalFolder, client: &Client) -> Result<Vec<PublishedComponent>, Failure> {
    if contents.components.is_empty() {
        return Ok(Vec::new());
    }
    let hashes: Vec<ObjectHash> =
        contents.components.iter().map(|component| ObjectHash::Component(component.hash)).collect();
    let missing = client.missing(&hashes).await?;
    let mut published = Vec::new();
    for component in &contents.components {
        let (file, hash) = (component.path.display().to_string(), component.hash);
        if !missing.contains(&ObjectHash::Component(hash)) {
            let packages = client.fetch_component(&hash).await?.component.wit().identities().clone();
            published.push(PublishedComponent { file, hash, packages });
        }
    }
    Ok(published)
}

async fn compare_packages(
    contents: &LocalFolder,
    components: &[PublishedComponent],
    client: &Client,
) -> Result<Vec<Comparison>, Failure> {
    let named = |name: &PackageName| ReleaseName::try_from(name).ok();
    let names: Vec<ReleaseName> = contents.packages.keys().filter_map(named).collect();
    let bindings = client.bindings(&names).await?;
    let compare = |(name, hash): (&PackageName, &PackageHash)| {
        if name.version.is_none() {
            return compare_part(name, *hash, components);
        }
        let position = named(name).and_then(|name| names.iter().position(|other| *other == name));
        let registered = position.and_then(|position| bindings.get(position).copied().flatten());
        let compared = compare_release(name, ObjectHash::Package(*hash), registered);
        Comparison { is_partial: contents.partial.contains(name), ..compared }
    };
    Ok(contents.packages.iter().map(compare).collect())
}

fn compare_release(name: &PackageName, hash: ObjectHash, registered: Option<ReleaseTarget>) -> Comparison {
    let name = name.to_string();
    match registered.map(|target| target.hash()) {
        Some(registered) if registered == hash => Comparison::new(name, hash, Status::Ok),
        Some(registered) => Comparison { registered: Some(registered), ..Comparison::new(name, hash, Status::Differs) },
        None => Comparison::new(name, hash, Status::NotPublished),
    }
}

/// A package without a version is bound to nothing; the components here say what it has to be.
fn compare_part(name: &PackageName, hash: PackageHash, components: &[PublishedComponent]) -> Comparison {
    let parts = || components.iter().filter_map(|component| Some((component, component.packages.get(name)?.hash)));
    let same = parts().find(|(_, part)| *part == hash);
    let new = |status| Comparison::new(name.to_string(), ObjectHash::Package(hash), status);
    let part_of = |component: &PublishedComponent| Some(component.file.clone());
    match (same, parts().next()) {
        (Some((component, _)), _) => Comparison { part_of: part_of(component), ..new(Status::Ok) },
        (None, Some((component, part))) => {
            let registered = Some(ObjectHash::Package(part));
            Comparison { part_of: part_of(component), registered, ..new(Status::Differs) }
        }
        (None, None) => new(Status::Unversioned),
    }
}

impl Comparison {
    fn new(name: String, hash: ObjectHash, status: Status) -> Self {
        let (kind, hash) = (Some(hash.into()), Some(hash));
        Self { kind, name, hash, status, registered: None, part_of: None, causes: Vec::new(), is_partial: false }
    }

    fn ok(name: String, hash: ObjectHash) -> Self {
        Self::new(name, hash, Status::Ok)
    }

    fn invalid(name: String, error: &LocalError) -> Self {
        let causes = anyhow::Chain::new(error).map(ToString::to_string).collect();
        let status = Status::Invalid;
        Self { kind: None, name, hash: None, status, registered: None, part_of: None, causes, is_partial: false }
    }

    fn is_failure(&self) -> bool {
        matches!(self.status, Status::Differs | Status::NotPublished | Status::Invalid)
    }
}

impl Display for Comparison {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let style = self.status.style();
        write!(f, "{style}{:13}{style:#} {}", self.status.word(), self.name)?;
        self.hash.iter().try_for_each(|hash| write!(f, " {hash}"))?;
        self.part_of.iter().try_for_each(|file| write!(f, " (part of {file})"))?;
        writeln!(f)?;
        let who = if self.part_of.is_some() { "the component" } else { "the registry" };
        self.registered.iter().try_for_each(|hash| writeln!(f, "{:13} {who} has {hash}", ""))?;
        let indent = format!("\n{:14}", "");
        self.causes.iter().try_for_each(|cause| writeln!(f, "{:13} {}", "", harmless(cause).replace('\n', &indent)))
    }
}

impl Display for Document {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.results.iter().try_for_each(|result| result.fmt(f))
    }
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Differs => "differs",
            Self::NotPublished => "not-published",
            Self::Invalid => "invalid",
            Self::Unversioned => "unversioned",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Ok => AnsiColor::Green.on_default(),
            Self::Differs | Self::NotPublished | Self::Invalid => AnsiColor::Red.on_default(),
            Self::Unversioned => AnsiColor::Yellow.on_default(),
        }
    }
}
