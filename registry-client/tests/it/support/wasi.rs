//! Real WASI, from the crates that ship it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder with the packages of WASI 0.2, one file each.
pub fn deps() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| deps_of("wasip2")).clone()
}

/// The folder with the packages that a crate ships in its highest version.
pub fn deps_of(name: &str) -> PathBuf {
    crate_folder(name, &semver::VersionReq::STAR).join("wit/deps")
}

/// The folder with the packages of WASI 0.2.4, one folder each.
pub fn old_deps() -> PathBuf {
    crate_folder("wasip2", &"=1.0.1".parse().unwrap()).join("wit/deps")
}

/// The file of one package of WASI 0.2.
pub fn file(name: &str) -> PathBuf {
    deps().join(format!("{name}.wit"))
}

fn crate_folder(name: &str, versions: &semver::VersionReq) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let version = |package: &&serde_json::Value| semver::Version::parse(package["version"].as_str().unwrap()).unwrap();
    let is_meant = |package: &&serde_json::Value| package["name"] == name && versions.matches(&version(package));
    // Other crates may bring an older one along.
    let packages = metadata["packages"].as_array().unwrap().iter().filter(is_meant);
    let manifest = packages.max_by_key(version).unwrap()["manifest_path"].as_str().unwrap();
    Path::new(manifest).parent().unwrap().to_owned()
}
