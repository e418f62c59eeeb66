//! Everything in a folder that has a hash: what a registry's bindings are compared with.

use super::dependencies::Dependencies;
use super::error::LocalError;
use super::files::{FileReader, entries, has_extension};
use super::{LocalComponent, LocalInput};
use registry_core::component::{DecodedComponent, VerifiedComponent};
use registry_core::id::PackageHash;
use registry_core::limits::Limits;
use registry_core::name::PackageName;
use registry_core::wit::PackageIdentity;
use std::collections::BTreeMap;
use std::path::Path;

/// What is in a folder.
#[derive(Default)]
pub struct LocalFolder {
    /// The hash of each package: the folder's own, those nested in it, and those in `deps`.
    pub packages: BTreeMap<PackageName, PackageHash>,
    /// The components that lie directly in the folder, each verified with the packages in `deps`.
    pub components: Vec<(LocalComponent, VerifiedComponent)>,
}

impl LocalFolder {
    /// Reads a folder as `fetch` writes it, or as any WIT tool knows it.
    ///
    /// # Errors
    /// If something cannot be read or is not valid, a dependency is missing, or a component does not fit the packages.
    pub fn read(folder: &Path, limits: &Limits) -> Result<Self, LocalError> {
        let dependencies = Dependencies::read(&folder.join("deps"), limits)?;
        let mut contents = Self::default();
        contents.add_wasm_files(folder, &dependencies, limits)?;
        contents.add_main_package(folder, limits)?;
        for name in dependencies.names() {
            if !contents.packages.contains_key(name) {
                contents.add([dependencies.package(name)?.wit.identity()?]);
            }
        }
        if contents.packages.is_empty() && contents.components.is_empty() {
            return Err(LocalError::NoWit { path: folder.to_owned() });
        }
        Ok(contents)
    }

    fn add_wasm_files(
        &mut self,
        folder: &Path,
        dependencies: &Dependencies,
        limits: &Limits,
    ) -> Result<(), LocalError> {
        for path in entries(folder)? {
            if !has_extension(&path, "wasm") || FileReader::is_folder(&path)? {
                continue;
            }
            match LocalInput::read(&path, None, limits)? {
                LocalInput::Package(package) => self.add(package.wit.identities().values()),
                LocalInput::Component(component) => {
                    let verified = verify(&component, dependencies, limits)?;
                    self.components.push((component, verified));
                }
            }
        }
        Ok(())
    }

    fn add_main_package(&mut self, folder: &Path, limits: &Limits) -> Result<(), LocalError> {
        match LocalInput::read(folder, None, limits) {
            Ok(LocalInput::Package(package)) => self.add(package.wit.identities().values()),
            // A folder may hold components alone, or `deps` alone.
            Ok(LocalInput::Component(_)) | Err(LocalError::NoWit { .. }) => {}
            Err(error) => return Err(error),
        }
        Ok(())
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
