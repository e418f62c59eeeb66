//! WASI 0.2, from the WIT that the wasip2 crate ships: cargo knows where it is.

use crate::failure::Finding;
use anyhow::{Context, ensure};
use registry_client::local::{Dependencies, Upload};
use registry_core::id::PackageHash;
use registry_core::limits::Limits;
use registry_core::name::ReleaseName;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const CRATE: &str = "wasip2";

/// WASI as it is published.
pub(super) struct Wasi {
    /// Its packages, each after those that it refers to.
    pub(super) uploads: Vec<Upload>,
    /// The name of `wasi:http`, which is one of them.
    pub(super) http_name: ReleaseName,
    /// The hash of `wasi:http`.
    pub(super) http_hash: PackageHash,
}

/// Reads the packages in `folder`, or in that of the wasip2 crate. Nothing is written.
pub(super) fn read(folder: Option<&Path>) -> anyhow::Result<Wasi> {
    let found = folder.map_or_else(find_folder, |folder| Ok(folder.to_owned())).and_then(|folder| read_folder(&folder));
    let hint = Some("name a folder of WIT packages, `wasi:http` among them, with `--wasi DIR`".to_owned());
    found
        .map_err(|error| Finding { message: format!("{error:#}"), hint, code: "fault".to_owned() })
        .context("there is no WASI 0.2 to publish")
}

fn read_folder(folder: &Path) -> anyhow::Result<Wasi> {
    let packages = Dependencies::read(folder, &Limits::default())?;
    let names = packages.names().map(ReleaseName::try_from).collect::<Result<BTreeSet<_>, _>>()?;
    let uploads = packages.uploads(&names)?;
    let http = uploads.iter().find(|upload| upload.name.namespace() == "wasi" && upload.name.name() == "http");
    let http = http.with_context(|| format!("there is no package `wasi:http` in `{}`", folder.display()))?;
    Ok(Wasi { http_name: http.name.clone(), http_hash: http.hash, uploads })
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: semver::Version,
    manifest_path: PathBuf,
}

/// Asks cargo where the newest wasip2 crate of this workspace is. `cargo run` says which cargo and which workspace.
fn find_folder() -> anyhow::Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--format-version", "1", "--locked"]);
    if let Some(folder) = std::env::var_os("CARGO_MANIFEST_DIR") {
        command.arg("--manifest-path").arg(Path::new(&folder).join("Cargo.toml"));
    }
    let output = command.output().context("cargo is needed to find the WIT of WASI")?;
    let message = String::from_utf8_lossy(&output.stderr);
    // The first line says what is wrong; a trace of the program that said it may follow.
    let message = message.lines().next().unwrap_or_default();
    ensure!(output.status.success(), "`cargo metadata` failed: {message}");
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("`cargo metadata` gave no metadata")?;
    let newest = metadata
        .packages
        .into_iter()
        .filter(|package| package.name == CRATE)
        .max_by_key(|package| package.version.clone());
    let newest = newest.with_context(|| format!("this workspace has no crate `{CRATE}`"))?;
    let folder = newest.manifest_path.parent().context("the crate has no folder")?;
    Ok(folder.join("wit").join("deps"))
}
