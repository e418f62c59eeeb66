//! `registry fetch`

use super::project::{add_states, client, deps, find, tell};
use super::{Kind, name_of, states};
use crate::arguments::{FetchArguments, GlobalArguments};
use crate::credentials::{self, Access};
use crate::failure::Failure;
use crate::terminal::Terminal;
use registry_client::cache::Cache;
use registry_client::layout::{OutputFile, component_files, folder_name, package_files};
use registry_client::local::LocalError;
use registry_client::output::{check_folder, write_folder};
use registry_client::project::Permissions;
use registry_client::{Client, Fetched};
use registry_core::id::ObjectHash;
use registry_core::name::{ReleaseName, Spec};
use serde::Serialize;
use std::path::PathBuf;

#[derive(Serialize)]
struct Document {
    kind: Kind,
    hash: ObjectHash,
    name: Option<ReleaseName>,
    /// The folder that was written.
    folder: PathBuf,
    /// The files in it.
    files: Vec<PathBuf>,
}

pub(super) async fn run(
    arguments: &FetchArguments,
    global: &GlobalArguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let offline = |client: Client| if arguments.offline { client.offline() } else { client };
    match &arguments.spec {
        Some(spec) => {
            let client = credentials::client(global, Access::Read, terminal)?.with_cache(Cache::of_user());
            fetch_spec(spec, arguments, &offline(client), terminal).await
        }
        None => fetch_project(arguments, offline, global, terminal).await,
    }
}

/// Puts what the project needs into its `deps`.
async fn fetch_project(
    arguments: &FetchArguments,
    offline: impl Fn(Client) -> Client,
    global: &GlobalArguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let project = find()?;
    let client = offline(client(&project, global, terminal)?);
    let permissions = Permissions {
        is_locked: arguments.locked || arguments.offline,
        replaces_changed: arguments.force,
        is_dry_run: false,
    };
    let progress = terminal.progress("fetching and verifying");
    let mut report = project.fetch(&client, permissions).await?;
    add_states(&mut report, &client).await;
    drop(progress);
    tell(&report, terminal);
    terminal.data(&report, format_args!("{}\n", deps(&project).display()))
}

async fn fetch_spec(
    spec: &Spec,
    arguments: &FetchArguments,
    client: &Client,
    terminal: &Terminal,
) -> Result<(), Failure> {
    if let Some(output) = &arguments.output {
        check_folder(output, arguments.force)?;
    }
    let (release, fetched) = super::fetch(spec, client, terminal).await?;
    let name = name_of(release, &fetched);
    let (hash, files) = prepare(&fetched, name.as_ref())?;
    let folder = arguments.output.clone().unwrap_or_else(|| folder_name(name.as_ref(), hash).into());
    write_folder(&folder, &files, arguments.force)?;

    if let (Spec::Package(_), Some(name)) = (spec, &name) {
        warn_of_release(name, hash, client, terminal).await;
    }
    let called = name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    terminal.status("Fetched", format_args!("{hash}{called}, all hashes verified"));
    let shown = format!("{}\n", folder.display());
    let files = files.into_iter().map(|file| file.path).collect();
    terminal.data(&Document { kind: hash.into(), hash, name, folder, files }, shown)
}

/// Warns about the release that a package which was asked for by hash is, if the registry has bound its name to it.
async fn warn_of_release(name: &ReleaseName, hash: ObjectHash, client: &Client, terminal: &Terminal) {
    let releases = client.known_releases(std::slice::from_ref(name)).await;
    let same = releases.iter().filter(|release| release.target.hash() == hash);
    same.flat_map(states::warnings).for_each(|warning| terminal.warn(warning));
}

fn prepare(fetched: &Fetched, name: Option<&ReleaseName>) -> Result<(ObjectHash, Vec<OutputFile>), Failure> {
    match fetched {
        Fetched::Package(wit) => {
            let hash = wit.identity().map_err(LocalError::from)?.hash;
            Ok((ObjectHash::Package(hash), package_files(wit)?))
        }
        Fetched::Component(fetched) => {
            let hash = ObjectHash::Component(fetched.component.hash());
            let stem = name.map_or_else(|| folder_name(None, hash), |name| name.name().to_owned());
            Ok((hash, component_files(fetched, &stem)?))
        }
    }
}
