//! `registry verify`

use super::Kind;
use crate::arguments::{Subject, VerifyArguments};
use crate::failure::{Failure, Finding};
use crate::terminal::Terminal;
use anstyle::{AnsiColor, Style};
use registry_client::local::{LocalError, LocalFolder};
use registry_client::{Client, Fetched};
use registry_core::closure::Closure;
use registry_core::id::ObjectHash;
use registry_core::name::{PackageName, ReleaseName, Spec};
use serde::Serialize;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

#[derive(Serialize)]
struct Document {
    /// Whether every result is `ok` or has nothing to be compared with.
    is_ok: bool,
    results: Vec<Comparison>,
}

#[derive(Serialize)]
struct Comparison {
    kind: Kind,
    /// The package's name, or the file of a component.
    name: String,
    /// The hash computed here.
    hash: ObjectHash,
    status: Status,
    /// What it should be, if it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    registered: Option<ObjectHash>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Status {
    Ok,
    Differs,
    NotPublished,
    /// The package has no version, so that nothing can be bound to its name.
    Unversioned,
}

pub(super) async fn run(arguments: &VerifyArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let results = match &arguments.subject {
        Subject::Spec(spec) => verify_spec(spec, client, terminal).await?,
        Subject::Folder(folder) => verify_folder(folder, client, terminal).await?,
    };
    let failed = results.iter().filter(|result| result.is_failure()).count();
    let total = results.len();
    let document = Document { is_ok: failed == 0, results };
    terminal.data(&document, &document)?;
    if document.is_ok {
        return Ok(());
    }
    let message = format!("{failed} of {total} are not what the registry has");
    let hint = "`registry fetch` gets what the registry has; `registry publish` publishes what it lacks".to_owned();
    Err(Finding { message, hint: Some(hint) }.into())
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

async fn verify_folder(folder: &Path, client: &Client, terminal: &Terminal) -> Result<Vec<Comparison>, Failure> {
    let progress = terminal.progress(format!("reading {}", folder.display()));
    let contents = LocalFolder::read(folder, client.limits())?;
    progress.step("asking the registry");
    let mut results = compare_packages(&contents, client).await?;
    results.extend(compare_components(&contents, client).await?);
    Ok(results)
}

async fn compare_packages(contents: &LocalFolder, client: &Client) -> Result<Vec<Comparison>, Failure> {
    let named = |name: &PackageName| ReleaseName::try_from(name).ok();
    let names: Vec<ReleaseName> = contents.packages.keys().filter_map(named).collect();
    let bindings = client.bindings(&names).await?;
    let compare = |(name, hash): (&PackageName, _)| {
        let hash = ObjectHash::Package(hash);
        let position = named(name).and_then(|name| names.iter().position(|other| *other == name));
        let registered = position.and_then(|position| bindings.get(position).copied().flatten());
        let status = match registered.map(|target| target.hash()) {
            Some(registered) if registered == hash => Status::Ok,
            Some(_) => Status::Differs,
            None if name.version.is_none() => Status::Unversioned,
            None => Status::NotPublished,
        };
        let registered = registered.map(|target| target.hash()).filter(|_| status == Status::Differs);
        Comparison { kind: Kind::Package, name: name.to_string(), hash, status, registered }
    };
    Ok(contents.packages.iter().map(|(name, hash)| compare((name, *hash))).collect())
}

/// A component's file name is no name in the registry, so its hash is looked up.
async fn compare_components(contents: &LocalFolder, client: &Client) -> Result<Vec<Comparison>, Failure> {
    let hashes: Vec<ObjectHash> =
        contents.components.iter().map(|(component, _)| ObjectHash::Component(component.hash)).collect();
    if hashes.is_empty() {
        return Ok(Vec::new());
    }
    let missing = client.missing(&hashes).await?;
    let compare = |(hash, name): (ObjectHash, String)| {
        let status = if missing.contains(&hash) { Status::NotPublished } else { Status::Ok };
        Comparison { kind: Kind::Component, name, hash, status, registered: None }
    };
    let names = contents.components.iter().map(|(component, _)| component.path.display().to_string());
    Ok(hashes.iter().copied().zip(names).map(compare).collect())
}

impl Comparison {
    fn ok(name: String, hash: ObjectHash) -> Self {
        Self { kind: hash.into(), name, hash, status: Status::Ok, registered: None }
    }

    fn is_failure(&self) -> bool {
        matches!(self.status, Status::Differs | Status::NotPublished)
    }
}

impl Display for Document {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.results.iter().try_for_each(|result| {
            let style = result.status.style();
            writeln!(f, "{style}{:13}{style:#} {} {}", result.status.word(), result.name, result.hash)?;
            result.registered.iter().try_for_each(|hash| writeln!(f, "{:13} the registry has {hash}", ""))
        })
    }
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Differs => "differs",
            Self::NotPublished => "not-published",
            Self::Unversioned => "unversioned",
        }
    }

    fn style(self) -> Style {
        match self {
            Self::Ok => AnsiColor::Green.on_default(),
            Self::Differs | Self::NotPublished => AnsiColor::Red.on_default(),
            Self::Unversioned => AnsiColor::Yellow.on_default(),
        }
    }
}
