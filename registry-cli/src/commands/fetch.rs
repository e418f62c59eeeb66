//! `registry fetch`

use super::{Kind, name_of};
use crate::arguments::FetchArguments;
use crate::failure::Failure;
use crate::terminal::Terminal;
use registry_client::layout::{OutputFile, component_files, folder_name, package_files};
use registry_client::local::LocalError;
use registry_client::output::{check_folder, write_folder};
use registry_client::{Client, Fetched};
use registry_core::id::ObjectHash;
use registry_core::name::ReleaseName;
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

pub(super) async fn run(arguments: &FetchArguments, client: &Client, terminal: &Terminal) -> Result<(), Failure> {
    if let Some(output) = &arguments.output {
        check_folder(output, arguments.force)?;
    }
    let (release, fetched) = super::fetch(&arguments.spec, client, terminal).await?;
    let name = name_of(release, &fetched);
    let (hash, files) = prepare(&fetched, name.as_ref())?;
    let folder = arguments.output.clone().unwrap_or_else(|| folder_name(name.as_ref(), hash).into());
    write_folder(&folder, &files, arguments.force)?;

    let called = name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    terminal.status("Fetched", format_args!("{hash}{called}, all hashes verified"));
    let shown = format!("{}\n", folder.display());
    let files = files.into_iter().map(|file| file.path).collect();
    terminal.data(&Document { kind: hash.into(), hash, name, folder, files }, shown)
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
