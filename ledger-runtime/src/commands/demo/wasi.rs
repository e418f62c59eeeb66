//! WASI 0.2, from the WIT that the wasip2 crate ships: cargo knows where it is.

use anyhow::{Context, ensure};
use registry_client::local::{Dependencies, Upload};
use registry_core::limits::Limits;
use registry_core::name::ReleaseName;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

const CRATE: &str = "wasip2";

/// The packages of WASI, each after those that it refers to.
pub(super) fn uploads(folder: Option<&Path>) -> anyhow::Result<Vec<Upload>> {
    let folder = folder.map_or_else(find_folder, |folder| Ok(folder.to_owned()))?;
    let packages = Dependencies::read(&folder, &Limits::default())?;
    let names = packages.names().map(ReleaseName::try_from).collect::<Result<BTreeSet<_>, _>>()?;
    ensure!(!names.is_empty(), "there are no WIT packages in `{}`", folder.display());
    Ok(packages.uploads(&names)?)
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
    ensure!(output.status.success(), "`cargo metadata` failed: {}", message.trim());
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("`cargo metadata` gave no metadata")?;
    let newest = metadata
        .packages
        .into_iter()
        .filter(|package| package.name == CRATE)
        .max_by_key(|package| package.version.clone());
    let newest =
        newest.with_context(|| format!("this workspace has no `{CRATE}`; name a folder of WIT with --wasi"))?;
    let folder = newest.manifest_path.parent().context("the crate has no folder")?;
    Ok(folder.join("wit").join("deps"))
}
