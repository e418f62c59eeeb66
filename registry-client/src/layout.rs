//! How fetched things lie in a folder: the layout that `wit-bindgen`, `wasm-tools` and `wit-parser` read.

use crate::client::FetchedComponent;
use crate::limits::FOLDER_NAME_CHARS_MAX;
use crate::output::OutputError;
use registry_core::closure::{Closure, ClosurePackage};
use registry_core::id::ObjectHash;
use registry_core::name::ReleaseName;
use registry_core::wit::Wit;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file to be written: its path inside the folder, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// The path, made of parsed names only.
    pub path: PathBuf,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The files of a package: `<name>.wit`, and `deps/<namespace>-<name>-<version>/package.wit` for each dependency.
///
/// The text is printed from what the hash covers, and it is never the registry's.
///
/// # Errors
/// If a package has no name to be published under.
pub fn package_files(wit: &Wit) -> Result<Vec<OutputFile>, OutputError> {
    let mut packages = Closure::of(wit)?.packages;
    let Some(main) = packages.pop() else { return Ok(Vec::new()) };
    let mut files = vec![OutputFile { path: format!("{}.wit", main.name.name()).into(), bytes: main.wit.into_bytes() }];
    files.extend(dependency_files(packages));
    Ok(files)
}

/// The files of a component: `<stem>.wasm`, its world as `<stem>.wit`, and `deps/` as for a package.
///
/// # Errors
/// If the world cannot be printed.
pub fn component_files(fetched: &FetchedComponent, stem: &str) -> Result<Vec<OutputFile>, OutputError> {
    let world = fetched.component.world_text()?;
    let mut files = vec![
        OutputFile { path: format!("{stem}.wasm").into(), bytes: fetched.bytes.clone() },
        OutputFile { path: format!("{stem}.wit").into(), bytes: world.into_bytes() },
    ];
    files.extend(dependency_files(fetched.component.closure().packages.clone()));
    Ok(files)
}

/// What a folder for something fetched is called: by its name and version, or else by its hash.
pub fn folder_name(name: Option<&ReleaseName>, hash: ObjectHash) -> String {
    let plain = name.map_or_else(|| hash.to_string().replace(':', "-"), plain_folder_name);
    if plain.len() <= FOLDER_NAME_CHARS_MAX { plain } else { cut(&plain, &hash.to_string()) }
}

/// The files of packages in `deps`, in the order given.
pub(crate) fn dependency_files(packages: Vec<ClosurePackage>) -> Vec<OutputFile> {
    let mut taken = BTreeSet::new();
    let file = |package: ClosurePackage| {
        let folder = dependency_folder(&package, &mut taken);
        OutputFile { path: Path::new("deps").join(folder).join("package.wit"), bytes: package.wit.into_bytes() }
    };
    packages.into_iter().map(file).collect()
}

/// `a-b:c` and `a:b-c` would share a folder, and so would versions that differ in case only on some file systems: the
/// second of them has its hash in its name.
fn dependency_folder(package: &ClosurePackage, taken: &mut BTreeSet<String>) -> String {
    let plain = plain_folder_name(&package.name);
    if plain.len() <= FOLDER_NAME_CHARS_MAX && taken.insert(plain.to_lowercase()) {
        return plain;
    }
    cut(&plain, &package.hash.to_string())
}

fn plain_folder_name(name: &ReleaseName) -> String {
    format!("{}-{}-{}", name.namespace(), name.name(), name.version())
}

/// No name contains an underscore, so that this is never the folder of another package.
fn cut(plain: &str, hash: &str) -> String {
    let (kept, digits): (String, String) = (plain.chars().take(100).collect(), hash.chars().skip(4).take(64).collect());
    format!("{kept}_{digits}")
}
