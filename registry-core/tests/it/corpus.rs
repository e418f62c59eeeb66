//! WIT that others wrote: the test corpora inside wit-parser and wit-component, and all of WASI, found through
//! `cargo metadata`.

use registry_core::limits::Limits;
use registry_core::wit::{EncodedWit, SourceFile, UnresolvedWit, Wit, WitError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// One input: a WIT file, or a folder with its `deps/`.
#[derive(Clone, Debug)]
pub struct Unit {
    /// Crate and path inside it: what the lists of exceptions call it.
    pub name: String,
    pub main: Vec<SourceFile>,
    pub dependencies: Vec<Vec<SourceFile>>,
    /// Wasm-encoded WIT in `deps/`.
    pub encoded_dependencies: Vec<Vec<u8>>,
    /// The files that this unit covers, to check that none is left out.
    pub files: Vec<PathBuf>,
}

impl Unit {
    pub fn parse(&self) -> Result<Wit, WitError> {
        let limits = Limits::default();
        let mut dependencies = Vec::new();
        for files in &self.dependencies {
            dependencies.push(UnresolvedWit::parse(files, &limits)?);
        }
        for bytes in &self.encoded_dependencies {
            let wit = EncodedWit::decode(bytes, &limits)?.resolve(dependencies.clone(), &limits)?;
            let text = registry_core::wit::PackageText::new(&wit).file(wit.name())?;
            dependencies.push(UnresolvedWit::parse(&[SourceFile::new("decoded.wit", text)], &limits)?);
        }
        UnresolvedWit::parse(&self.main, &limits)?.resolve(dependencies, &limits)
    }

    /// The same unit with every source text changed.
    pub fn map(&self, mut change: impl FnMut(&SourceFile) -> SourceFile) -> Self {
        let mut unit = self.clone();
        for file in unit.main.iter_mut().chain(unit.dependencies.iter_mut().flatten()) {
            *file = change(file);
        }
        unit
    }
}

/// Hashes of all packages by name, to compare two parses.
pub fn hashes(wit: &Wit) -> BTreeMap<String, String> {
    wit.identities().iter().map(|(name, identity)| (name.to_string(), identity.hash.to_string())).collect()
}

/// The folder of the highest version of a crate.
pub fn crate_folder(name: &str) -> PathBuf {
    let versions = crate_folders().get(name).unwrap_or_else(|| panic!("cargo metadata knows no crate `{name}`"));
    versions.last_key_value().unwrap().1.clone()
}

/// The folder of one version of a crate, whatever its build metadata.
pub fn crate_folder_of(name: &str, version: &str) -> PathBuf {
    let versions = crate_folders().get(name).unwrap_or_else(|| panic!("cargo metadata knows no crate `{name}`"));
    let is_it = |found: &semver::Version| found.to_string().split('+').next() == Some(version);
    let found = versions.iter().find(|(found, _)| is_it(found));
    found.unwrap_or_else(|| panic!("cargo metadata knows no `{name}` {version}")).1.clone()
}

/// The folders of the crates that `cargo metadata` knows, by name and version.
fn crate_folders() -> &'static BTreeMap<String, BTreeMap<semver::Version, PathBuf>> {
    static FOLDERS: OnceLock<BTreeMap<String, BTreeMap<semver::Version, PathBuf>>> = OnceLock::new();
    FOLDERS.get_or_init(|| {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()))
            .args(["metadata", "--format-version", "1", "--locked", "--manifest-path"])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
            .output()
            .unwrap();
        assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
        let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let mut folders: BTreeMap<String, BTreeMap<semver::Version, PathBuf>> = BTreeMap::new();
        for package in metadata["packages"].as_array().unwrap() {
            let version = package["version"].as_str().unwrap().parse().unwrap();
            let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned();
            folders.entry(package["name"].as_str().unwrap().to_owned()).or_default().insert(version, folder);
        }
        folders
    })
}

/// Everything in the corpora of wit-parser and wit-component.
pub fn units() -> Vec<Unit> {
    let mut units = Vec::new();
    for name in ["wit-parser", "wit-component"] {
        let folder = crate_folder(name);
        collect(name, &folder, &folder.join("tests"), &mut units);
    }
    units.sort_by(|a, b| a.name.cmp(&b.name));
    units
}

/// All of WASI 0.2 and 0.3: one unit for each package, the others being its dependencies.
pub fn wasi_units() -> Vec<Unit> {
    ["wasip2", "wasip3"].into_iter().flat_map(wasi_units_of).collect()
}

pub fn wasi_units_of(name: &str) -> Vec<Unit> {
    wasi_units_in(name, &crate_folder(name))
}

/// All packages of WASI in the folder of one of its crates.
pub fn wasi_units_in(name: &str, folder: &Path) -> Vec<Unit> {
    let deps = wit_entries(&folder.join("wit/deps"));
    let read = |path: &PathBuf| if path.is_dir() { folder_files(path) } else { vec![read_file(path)] };
    deps.iter()
        .map(|path| Unit {
            name: format!("{name}/{}", path.file_name().unwrap().to_string_lossy()),
            main: read(path),
            dependencies: deps.iter().filter(|other| *other != path).map(read).collect(),
            encoded_dependencies: Vec::new(),
            files: Vec::new(),
        })
        .collect()
}

/// Folders in which each file is a package of its own.
fn holds_single_files(folder: &Path) -> bool {
    let name = folder.file_name().unwrap().to_str().unwrap();
    matches!(name, "ui" | "parse-fail" | "interfaces")
}

fn collect(crate_name: &str, root: &Path, folder: &Path, units: &mut Vec<Unit>) {
    let name = |path: &Path| format!("{crate_name}/{}", path.strip_prefix(root).unwrap().display());
    let files: Vec<PathBuf> = entries(folder).into_iter().filter(|path| is_wit(path)).collect();
    if !files.is_empty() {
        let whole = read_folder(name(folder), folder);
        if !holds_single_files(folder) && (whole.parse().is_ok() || files.len() == 1 || expects_failure(&whole.name)) {
            units.push(whole);
            return;
        }
        for file in files {
            let deps = folder.join("deps");
            let dependencies = if deps.is_dir() { deps } else { PathBuf::new() };
            units.push(read_unit(name(&file), vec![file], &dependencies));
        }
    }
    for child in entries(folder).into_iter().filter(|path| path.is_dir()) {
        if files_below(&child).is_empty() {
            continue;
        }
        let has_own = entries(&child).iter().any(|path| is_wit(path));
        if !has_own && child.join("deps").is_dir() {
            // A folder that should have had a file of its own: it must fail as a whole.
            units.push(read_folder(name(&child), &child));
        } else if !child.ends_with("deps") || holds_single_files(folder) || folder.ends_with("parse-dir") {
            collect(crate_name, root, &child, units);
        }
    }
}

/// Whether the corpus says that this must not parse.
pub fn expects_failure(name: &str) -> bool {
    name.contains("/parse-fail/")
}

fn read_folder(name: String, folder: &Path) -> Unit {
    let files = entries(folder).into_iter().filter(|path| is_wit(path)).collect();
    read_unit(name, files, &folder.join("deps"))
}

fn read_unit(name: String, files: Vec<PathBuf>, deps: &Path) -> Unit {
    let mut unit = Unit {
        name,
        main: files.iter().map(|path| read_file(path)).collect(),
        dependencies: Vec::new(),
        encoded_dependencies: Vec::new(),
        files,
    };
    let entries = if deps.is_dir() { wit_entries(deps) } else { Vec::new() };
    for entry in entries {
        match entry.extension().and_then(|extension| extension.to_str()) {
            _ if entry.is_dir() => {
                unit.dependencies.push(folder_files(&entry));
                unit.files.extend(files_below(&entry));
            }
            Some("wasm" | "wat") => unit.encoded_dependencies.push(wat::parse_file(&entry).unwrap()),
            _ => {
                unit.dependencies.push(vec![read_file(&entry)]);
                unit.files.push(entry);
            }
        }
    }
    unit
}

fn wit_entries(folder: &Path) -> Vec<PathBuf> {
    let is_entry = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        path.is_dir() || matches!(extension, Some("wit" | "wasm" | "wat"))
    };
    entries(folder).into_iter().filter(is_entry).collect()
}

fn folder_files(folder: &Path) -> Vec<SourceFile> {
    entries(folder).iter().filter(|path| is_wit(path)).map(|path| read_file(path)).collect()
}

pub fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for path in entries(folder) {
        if path.is_dir() {
            files.extend(files_below(&path));
        } else if is_wit(&path) {
            files.push(path);
        }
    }
    files
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn is_wit(path: &Path) -> bool {
    path.is_file() && path.extension().is_some_and(|extension| extension == "wit")
}

fn read_file(path: &Path) -> SourceFile {
    SourceFile::new(path.display().to_string(), String::from_utf8_lossy(&std::fs::read(path).unwrap()))
}
