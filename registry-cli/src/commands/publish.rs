//! `registry publish`

use super::ownership::ensure_owned;
use super::{Kind, read, states};
use crate::arguments::PublishArguments;
use crate::failure::{Failure, Finding};
use crate::terminal::Terminal;
use registry_client::Client;
use registry_client::local::{Dependencies, LocalComponent, LocalError, LocalInput, LocalPackage, Upload, verify};
use registry_core::id::{ObjectHash, PackageHash};
use registry_core::name::{PackageName, ReleaseName};
use registry_core::wire::ReleaseTarget;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Serialize)]
struct Document {
    kind: Kind,
    name: Option<ReleaseName>,
    hash: ObjectHash,
    /// Whether it was new; if not, the very same was there already.
    created: bool,
    /// The dependencies that were published with it.
    dependencies: Vec<Dependency>,
    /// What its text says without effect, and what it uses that is yanked or deprecated.
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct Dependency {
    name: ReleaseName,
    hash: PackageHash,
    created: bool,
}

pub(super) async fn run(arguments: &PublishArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    let input = read(&arguments.path, arguments.deps.as_deref(), client.limits(), terminal)?;
    let document = match input {
        LocalInput::Package(package) => publish_package(arguments, &package, client, terminal).await?,
        LocalInput::Component(component) => publish_component(arguments, component, client, terminal).await?,
    };
    terminal.data(&document, format_args!("{}\n", document.hash))
}

async fn publish_package(
    arguments: &PublishArguments,
    package: &LocalPackage,
    client: &Client,
    terminal: &Terminal,
) -> Result<Document, Failure> {
    if arguments.name.is_some() {
        return Err(Failure::usage("`--as` names components; a WIT package has its name in its text"));
    }
    let mut warnings: Vec<String> = package.wit.dropped_attributes().iter().map(ToString::to_string).collect();
    warnings.iter().for_each(|warning| terminal.warn(warning));
    let mut uploads = package.uploads(client.limits())?;
    let Some(main) = uploads.pop() else {
        return Err(anyhow::anyhow!("`{}` is not part of its own closure", package.wit.name()).into());
    };
    terminal.status("Hashed", format_args!("{} {}", main.hash, main.name));
    let hashes: Vec<ObjectHash> =
        uploads.iter().chain([&main]).map(|upload| ObjectHash::Package(upload.hash)).collect();
    let missing = client.missing(&hashes).await?;
    uploads.retain(|upload| missing.contains(&ObjectHash::Package(upload.hash)));
    if !uploads.is_empty() && !arguments.with_deps {
        let missing = uploads.iter().map(Missing::from).collect();
        return Err(missing_packages(&main.name.to_string(), missing, client).await?.into());
    }
    let is_new = |upload: &&Upload| missing.contains(&ObjectHash::Package(upload.hash));
    refuse_partial(uploads.iter().chain([&main]).filter(is_new), client).await?;
    refuse_conflicts(&main.name.to_string(), &uploads, client).await?;
    let new = uploads.iter().chain([&main]).filter(is_new);
    own(new.map(|upload| &upload.name), arguments, client, terminal).await?;
    warnings.extend(warn_about(&direct_dependencies(package)?, client, terminal).await?);
    let dependencies = send(uploads, client, terminal).await?;
    let (name, hash) = (Some(main.name.clone()), ObjectHash::Package(main.hash));
    let created = if missing.contains(&hash) {
        send(vec![main], client, terminal).await?.iter().any(|published| published.created)
    } else {
        terminal.status("Unchanged", format_args!("{hash} {} is published already", main.name));
        false
    };
    Ok(Document { kind: Kind::Package, name, hash, created, dependencies, warnings })
}

async fn publish_component(
    arguments: &PublishArguments,
    component: LocalComponent,
    client: &Client,
    terminal: &Terminal,
) -> Result<Document, Failure> {
    terminal.status("Hashed", format_args!("{} {}", component.hash, component.path.display()));
    let dependencies = if arguments.with_deps {
        publish_packages_of(arguments, &component, client, terminal).await?
    } else {
        check_packages_of(&component, client).await?;
        Vec::new()
    };
    own(unbound(arguments, client).await?, arguments, client, terminal).await?;
    let packages: Vec<ReleaseName> = component.packages.iter().cloned().collect();
    let warnings = warn_about(&packages, client, terminal).await?;
    let (name, hash) = (arguments.name.clone(), ObjectHash::Component(component.hash));
    let progress = terminal.progress(format!("publishing {hash}"));
    let published = client.publish_component(component.bytes, name.as_ref(), component.hash).await?;
    drop(progress);
    tell(published.created, hash, name.as_ref(), terminal);
    Ok(Document { kind: Kind::Component, name, hash, created: published.created, dependencies, warnings })
}

/// The component's name if it is new. One that is bound already has its owner, and needs none to be bound to the same.
async fn unbound<'a>(arguments: &'a PublishArguments, client: &Client) -> Result<Option<&'a ReleaseName>, Failure> {
    let Some(name) = &arguments.name else {
        return Ok(None);
    };
    let bindings = client.bindings(std::slice::from_ref(name)).await?;
    Ok(bindings.iter().all(Option::is_none).then_some(name))
}

/// Makes sure that everything new can be published into its namespace, before the first of it is sent.
async fn own<'a>(
    new: impl IntoIterator<Item = &'a ReleaseName>,
    arguments: &PublishArguments,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let namespaces: BTreeSet<&str> = new.into_iter().map(ReleaseName::namespace).collect();
    if namespaces.is_empty() {
        return Ok(());
    }
    ensure_owned(namespaces, arguments.claim, client, terminal).await
}

/// Warns about those of the packages in use that are yanked or deprecated.
async fn warn_about(packages: &[ReleaseName], client: &Client, terminal: &Terminal) -> Result<Vec<String>, Failure> {
    let releases = client.find_releases(packages).await?;
    let warnings: Vec<String> = releases.iter().flatten().flat_map(states::warnings).collect();
    warnings.iter().for_each(|warning| terminal.warn(warning));
    Ok(warnings)
}

fn direct_dependencies(package: &LocalPackage) -> Result<Vec<ReleaseName>, LocalError> {
    let names = package.wit.identity()?.dependencies.keys();
    Ok(names.filter_map(|name| ReleaseName::try_from(name).ok()).collect())
}

/// Publishes the packages that a component names, once it is clear that it fits them.
async fn publish_packages_of(
    arguments: &PublishArguments,
    component: &LocalComponent,
    client: &Client,
    terminal: &Terminal,
) -> Result<Vec<Dependency>, Failure> {
    let folder = arguments.deps.clone().unwrap_or_else(|| beside(&arguments.path));
    let local = Dependencies::read(&folder, client.limits())?;
    if !are_all_here(component, &local, &folder, client).await? {
        return Ok(Vec::new());
    }
    verify(component, &local, client.limits())?;
    let mut uploads = local.uploads(&component.packages)?;
    let hashes: Vec<ObjectHash> = uploads.iter().map(|upload| ObjectHash::Package(upload.hash)).collect();
    let missing = client.missing(&hashes).await?;
    uploads.retain(|upload| missing.contains(&ObjectHash::Package(upload.hash)));
    refuse_partial(&uploads, client).await?;
    refuse_conflicts(&component.path.display().to_string(), &uploads, client).await?;
    let new = uploads.iter().map(|upload| &upload.name).chain(unbound(arguments, client).await?);
    own(new, arguments, client, terminal).await?;
    send(uploads, client, terminal).await
}

/// Whether the packages that a component names are on this machine; if not, all of them must be in the registry.
async fn are_all_here(
    component: &LocalComponent,
    local: &Dependencies,
    folder: &Path,
    client: &Client,
) -> Result<bool, Failure> {
    let here: BTreeSet<&PackageName> = local.names().collect();
    if component.packages.iter().all(|name| here.contains(&PackageName::from(name))) {
        return Ok(true);
    }
    let names: Vec<ReleaseName> = component.packages.iter().cloned().collect();
    let bindings = client.bindings(&names).await?;
    let unbound = names.iter().zip(bindings).filter(|(_, binding)| binding.is_none()).map(|(name, _)| name);
    let absent: Vec<String> = unbound
        .clone()
        .filter(|name| !here.contains(&PackageName::from(*name)))
        .map(|name| format!("`{name}`"))
        .collect();
    if absent.is_empty() {
        // If the registry lacks one that is here, reading the closure says what that one needs here.
        return Ok(unbound.count() > 0);
    }
    let (file, verb) = (component.path.display(), if absent.len() == 1 { "is" } else { "are" });
    let (absent, folder) = (absent.join(", "), folder.display());
    let message = format!("`{file}` needs {absent}, which {verb} neither in the registry nor in `{folder}`");
    let hint = "put the WIT of what is missing into that folder, or name another with `--deps`".to_owned();
    Err(Finding { code: "missing_dependencies", message, hint: Some(hint) }.into())
}

/// Refuses packages of which there may be only parts here: they would have the names of the whole ones for ever.
async fn refuse_partial(uploads: impl IntoIterator<Item = &Upload>, client: &Client) -> Result<(), Failure> {
    let partial: Vec<Missing> = uploads.into_iter().filter(|upload| upload.is_partial).map(Missing::from).collect();
    if partial.is_empty() {
        return Ok(());
    }
    let (list, bound) = list(&partial, client).await?;
    let hint = if bound == partial.len() { FETCH_WHOLE_HINT } else { PUBLISH_WHOLE_HINT };
    let message = format!("`wkg fetch` wrote these, and may have kept only parts of them; nothing was sent{list}");
    Err(Finding { code: "partial_packages", message, hint: Some(hint.to_owned()) }.into())
}

/// Refuses packages whose names the registry has bound to others, before anything is sent.
async fn refuse_conflicts(of: &str, uploads: &[Upload], client: &Client) -> Result<(), Failure> {
    let names: Vec<ReleaseName> = uploads.iter().map(|upload| upload.name.clone()).collect();
    let bindings = client.bindings(&names).await?;
    let bound = uploads.iter().zip(bindings).filter(|(_, binding)| binding.is_some());
    let bound: Vec<Missing> = bound.map(|(upload, _)| Missing::from(upload)).collect();
    if bound.is_empty() {
        return Ok(());
    }
    Err(missing_packages(of, bound, client).await?.into())
}

pub(super) fn beside(path: &Path) -> PathBuf {
    path.parent().map(|folder| folder.join("deps")).unwrap_or_default()
}

/// Says which of the packages that a component names are missing, before its bytes are sent.
async fn check_packages_of(component: &LocalComponent, client: &Client) -> Result<(), Failure> {
    let missing = missing_of_component(component, client).await?;
    if missing.is_empty() {
        return Ok(());
    }
    Err(missing_packages(&component.path.display().to_string(), missing, client).await?.into())
}

/// The packages that a component names and the registry does not have.
pub(super) async fn missing_of_component(component: &LocalComponent, client: &Client) -> Result<Vec<Missing>, Failure> {
    let names: Vec<ReleaseName> = component.packages.iter().cloned().collect();
    let bindings = client.bindings(&names).await?;
    let is_missing = |binding: &Option<ReleaseTarget>| !matches!(binding, Some(ReleaseTarget::Package(_)));
    let missing = names.into_iter().zip(&bindings).filter(|(_, binding)| is_missing(binding));
    Ok(missing.map(|(name, _)| Missing { name, hash: None, is_partial: false }).collect())
}

/// Sends packages in the order given.
async fn send(uploads: Vec<Upload>, client: &Client, terminal: &Terminal) -> Result<Vec<Dependency>, Failure> {
    let progress = terminal.progress("publishing");
    let (total, mut sent) = (uploads.len(), Vec::new());
    for upload in uploads {
        progress.step(format!("publishing {} ({} of {total})", upload.name, sent.len() + 1));
        let created = client.publish_package(upload.files, upload.hash).await?.created;
        progress.pause(|| tell(created, ObjectHash::Package(upload.hash), Some(&upload.name), terminal));
        sent.push(Dependency { name: upload.name, hash: upload.hash, created });
    }
    Ok(sent)
}

fn tell(created: bool, hash: ObjectHash, name: Option<&ReleaseName>, terminal: &Terminal) {
    let name = name.map(|name| format!(" {name}")).unwrap_or_default();
    if created {
        terminal.status("Published", format_args!("{hash}{name}"));
    } else {
        terminal.status("Unchanged", format_args!("{hash}{name} is published already"));
    }
}

/// What helps against parts of packages that the registry lacks.
const PUBLISH_WHOLE_HINT: &str = "publish them whole, leaves first: from their own sources, or with `wkg get NAME@VERSION \
    --format wasm` where they are and `wkg publish FILE` here; then remove `deps`, and `registry import` and `registry \
    fetch` write whole packages into it";

/// What helps against parts of packages that the registry has.
pub(super) const FETCH_WHOLE_HINT: &str = "`wkg fetch` wrote `deps`, and keeps only those parts that are used: remove `deps`, \
    then `registry import` and `registry fetch` write whole packages into it";

/// A package that the registry does not have.
pub(super) struct Missing {
    pub(super) name: ReleaseName,
    /// Its hash, if it is known here.
    hash: Option<PackageHash>,
    /// Whether there may be only a part of it here.
    pub(super) is_partial: bool,
}

impl From<&Upload> for Missing {
    fn from(upload: &Upload) -> Self {
        Self { name: upload.name.clone(), hash: Some(upload.hash), is_partial: upload.is_partial }
    }
}

/// A list of all packages that must be published first, and of those that are there with other contents.
pub(super) async fn missing_packages(of: &str, missing: Vec<Missing>, client: &Client) -> Result<Finding, Failure> {
    let (list, bound) = list(&missing, client).await?;
    let is_partial = missing.iter().any(|package| package.is_partial);
    let part = if is_partial { "; of these `wkg fetch` may have kept only parts" } else { "" };
    let message = format!("`{of}` needs packages that are not in the registry{part}; nothing was sent{list}");
    let hint = if is_partial && bound == missing.len() {
        FETCH_WHOLE_HINT
    } else if is_partial {
        PUBLISH_WHOLE_HINT
    } else if bound > 0 {
        "a published version never changes: get what the registry has with `registry fetch`, or use another version"
    } else {
        "publish them first, or all of them with `--with-deps` if they are in `deps` or in the file"
    };
    let code = if bound > 0 { "release_bound" } else { "missing_dependencies" };
    Ok(Finding { code, message, hint: Some(hint.to_owned()) })
}

/// A line for each package, with what the registry has under its name; and for how many it has something there.
async fn list(packages: &[Missing], client: &Client) -> Result<(String, usize), Failure> {
    let names: Vec<ReleaseName> = packages.iter().map(|package| package.name.clone()).collect();
    let bindings = client.bindings(&names).await?;
    let mut lines = String::new();
    for (Missing { name, hash, .. }, binding) in packages.iter().zip(&bindings) {
        let hash = hash.map(|hash| format!(" {hash}")).unwrap_or_default();
        lines.push_str(&format!("\n  {name}{hash}"));
        if let Some(target) = binding {
            lines.push_str(&format!("\n    the registry has {} under that name", target.hash()));
        }
    }
    Ok((lines, bindings.iter().flatten().count()))
}
