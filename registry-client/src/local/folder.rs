//! Everything in a folder that has a hash: what a registry's bindings are compared with.

use super::dependencies::Dependencies;
use super::error::LocalError;
use super::files::{FileReader, entries, has_extension, read_package_folder};
use super::{LocalComponent, LocalInput};
use registry_core::component::{DecodedComponent, VerifiedComponent};
use registry_core::id::PackageHash;
use registry_core::limits::Limits;
use registry_core::name::PackageName;
use registry_core::wit::{PackageIdentity, UnresolvedWit};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is in a folder. What cannot be used stands beside the rest and does not hide it.
#[derive(Default)]
pub struct LocalFolder {
    /// The hash of each package: the folder's own, those nested in it, and those in `deps`.
    pub packages: BTreeMap<PackageName, PackageHash>,
    /// The components that lie directly in the folder. Each is valid by itself; `deps` is not looked at for them.
    pub components: Vec<LocalComponent>,
    /// Those of the packages that may be only parts, as [`super::Upload::is_partial`] has it.
    pub partial: BTreeSet<PackageName>,
    /// What cannot be used, by its path or name, and why.
    pub invalid: Vec<(String, LocalError)>,
}

impl LocalFolder {
    /// Reads a folder as `fetch` writes it, or as any WIT tool knows it; or one WIT file or component.
    ///
    /// # Errors
    /// If the folder cannot be read, or there is nothing in it.
    pub fn read(path: &Path, limits: &Limits) -> Result<Self, LocalError> {
        let mut contents = Self::default();
        if !FileReader::is_folder(path)? {
            contents.add_file(path, limits);
            return Ok(contents);
        }
        let (dependencies, refused) = Dependencies::read_each(&path.join("deps"), FileReader::new(limits))?;
        contents.invalid.extend(refused.into_iter().map(|(path, error)| (path.display().to_string(), error)));
        contents.add_wasm_files(path, limits)?;
        if let Err(error) = contents.add_main_package(path, &dependencies, limits) {
            contents.invalid.push((path.display().to_string(), error));
        }
        contents.add_dependencies(&dependencies);
        contents.add_partial(&dependencies);
        if contents.packages.is_empty() && contents.components.is_empty() && contents.invalid.is_empty() {
            return Err(LocalError::NoWit { path: path.to_owned() });
        }
        Ok(contents)
    }

    fn add_wasm_files(&mut self, folder: &Path, limits: &Limits) -> Result<(), LocalError> {
        for path in entries(folder)? {
            if has_extension(&path, "wasm") && path.is_file() {
                self.add_file(&path, limits);
            }
        }
        Ok(())
    }

    fn add_file(&mut self, path: &Path, limits: &Limits) {
        match LocalInput::read(path, None, limits) {
            Ok(LocalInput::Package(package)) => {
                self.partial.extend(package.partial_packages().into_iter().cloned());
                self.add(package.wit.identities().values());
            }
            Ok(LocalInput::Component(component)) => self.components.push(component),
            Err(error) => self.invalid.push((path.display().to_string(), error)),
        }
    }

    /// The package of the `.wit` files; a folder may hold components alone, or `deps` alone.
    fn add_main_package(
        &mut self,
        folder: &Path,
        dependencies: &Dependencies,
        limits: &Limits,
    ) -> Result<(), LocalError> {
        let files = read_package_folder(folder, &mut FileReader::new(limits))?;
        if !files.is_empty() {
            let wit = dependencies.complete(UnresolvedWit::parse(&files, limits)?)?;
            self.add(wit.identities().values());
        }
        Ok(())
    }

    fn add_dependencies(&mut self, dependencies: &Dependencies) {
        for name in dependencies.names() {
            if self.packages.contains_key(name) {
                continue;
            }
            match dependencies.package(name).and_then(|package| Ok(package.wit.identity()?.clone())) {
                Ok(identity) => self.add([&identity]),
                Err(error) => self.invalid.push((name.to_string(), error)),
            }
        }
    }

    fn add_partial(&mut self, dependencies: &Dependencies) {
        let is_partial = |(name, hash): &(&PackageName, &PackageHash)| dependencies.is_partial(name, hash);
        self.partial.extend(self.packages.iter().filter(is_partial).map(|(name, _)| name.clone()));
    }

    fn add<'a>(&mut self, identities: impl IntoIterator<Item = &'a PackageIdentity>) {
        self.packages.extend(identities.into_iter().map(|identity| (identity.name.clone(), identity.hash)));
    }
}

/// Compares a component with the packages of a folder.
///
/// # Errors
/// If a package is missing, or the component does not fit.
pub fn verify(
    component: &LocalComponent,
    dependencies: &Dependencies,
    limits: &Limits,
) -> Result<VerifiedComponent, LocalError> {
    let refused = |error| LocalError::component(&component.path, error);
    let closure = dependencies.closure(&component.packages)?;
    let decoded = DecodedComponent::decode(&component.bytes, limits).map_err(refused)?;
    decoded.verify(&closure, limits).map_err(refused)
}
