//! All of WASI 0.2, out of the wasip2 crate.

use super::client::Client;
use registry_core::limits::Limits;
use registry_core::name::PackageName;
use registry_core::wire::PackageRecord;
use registry_core::wit::{SourceFile, UnresolvedWit};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The texts of WASI's packages, each after those that it refers to.
pub fn texts() -> &'static [String] {
    static TEXTS: OnceLock<Vec<String>> = OnceLock::new();
    TEXTS.get_or_init(|| texts_of("wasip2"))
}

/// The texts of the WASI packages inside of a crate, each after those that it refers to.
pub fn texts_of(crate_name: &str) -> Vec<String> {
    in_dependency_order(read(&crate_folder(crate_name).join("wit/deps")))
}

/// Publishes all of WASI and answers the records by name, without namespace and version.
pub async fn publish(client: &Client) -> BTreeMap<String, PackageRecord> {
    let mut records = BTreeMap::new();
    for text in texts() {
        let record = client.publish_wit(text).await.record;
        records.insert(record.name.name().to_owned(), record);
    }
    records
}

fn read(dir: &Path) -> Vec<String> {
    let mut files: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

fn in_dependency_order(texts: Vec<String>) -> Vec<String> {
    let parse = |text: &str| UnresolvedWit::parse(&[SourceFile::new("deps.wit", text)], &Limits::default()).unwrap();
    let (mut ordered, mut known, mut open) = (Vec::new(), Vec::<PackageName>::new(), texts);
    while !open.is_empty() {
        let is_ready = |text: &String| parse(text).foreign_packages().iter().all(|name| known.contains(name));
        let (ready, rest): (Vec<_>, Vec<_>) = open.into_iter().partition(is_ready);
        assert!(!ready.is_empty(), "WASI's packages have no order");
        known.extend(ready.iter().map(|text| parse(text).name()));
        ordered.extend(ready);
        open = rest;
    }
    ordered
}

/// Where cargo keeps the sources of a crate, the highest version if there are several.
fn crate_folder(name: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter().filter(|package| package["name"] == name);
    let version =
        |package: &&serde_json::Value| package["version"].as_str().unwrap().parse::<semver::Version>().unwrap();
    let manifest = packages.max_by_key(version).unwrap()["manifest_path"].as_str().unwrap();
    Path::new(manifest).parent().unwrap().to_owned()
}
