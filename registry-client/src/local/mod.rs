//! Reading what is on this machine: WIT folders and files, wasm-encoded WIT, components.

mod dependencies;
mod error;
mod files;
mod folder;
mod partial;

pub use dependencies::Dependencies;
pub use error::LocalError;
pub use folder::{LocalFolder, verify};

use dependencies::Sources;
use files::{FileReader, entries, has_extension, read_package_folder};
use partial::{Partial, wkg_lock_of};
use registry_core::component::{ComponentError, DecodedComponent};
use registry_core::id::{ComponentHash, PackageHash};
use registry_core::limits::Limits;
use registry_core::name::{PackageName, ReleaseName};
use registry_core::wit::{
    AdmissionError, EncodedWit, PackageIdentity, PackageText, SourceFile, UnresolvedWit, WasmKind, Wit, wasm_kind,
};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a path holds.
pub enum LocalInput {
    /// A WIT package with everything that it needs.
    Package(Box<LocalPackage>),
    /// A component. It names the packages that it needs and does not hold them.
    Component(LocalComponent),
}

/// A WIT package with everything that it needs.
pub struct LocalPackage {
    /// The package, complete, and the identity of each package in it.
    pub wit: Wit,
    sources: Sources,
    partial: Partial,
}

/// A component, valid by itself.
pub struct LocalComponent {
    /// Where it was read.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Their hash.
    pub hash: ComponentHash,
    /// The packages whose interfaces it names.
    pub packages: BTreeSet<ReleaseName>,
}

/// One package as it is sent to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Its name.
    pub name: ReleaseName,
    /// Its hash.
    pub hash: PackageHash,
    /// Its files, none of which holds a nested package.
    pub files: Vec<SourceFile>,
    /// Whether it may be only a part of the package: `wkg fetch` wrote it, which keeps what is used.
    pub is_partial: bool,
}

/// The `.wit` files that lie directly in a folder. Their paths are those under which they were read.
pub(crate) fn read_sources(folder: &Path, limits: &Limits) -> Result<Vec<SourceFile>, LocalError> {
    read_package_folder(folder, &mut FileReader::new(limits))
}

impl LocalInput {
    /// Reads a WIT folder, a `.wit` file (nested packages and all), wasm-encoded WIT, or a component.
    ///
    /// The dependencies of WIT are looked for in the folder `dependencies`; without it, in `deps` inside the folder or
    /// beside the file.
    ///
    /// # Errors
    /// If something cannot be read, is over a limit, is not valid, or a dependency is missing.
    pub fn read(path: &Path, dependencies: Option<&Path>, limits: &Limits) -> Result<Self, LocalError> {
        let mut reader = FileReader::new(limits);
        if FileReader::is_folder(path)? {
            let files = read_package_folder(path, &mut reader)?;
            if files.is_empty() {
                return Err(LocalError::NoWit { path: path.to_owned() });
            }
            let dependencies = dependencies.map_or_else(|| path.join("deps"), Path::to_owned);
            let input = read_package(files, &dependencies, reader)?;
            return refuse_component_folder(path, input, limits);
        }
        let bytes = reader.bytes(path)?;
        let beside = || path.parent().map(|folder| folder.join("deps")).unwrap_or_default();
        let dependencies = dependencies.map_or_else(beside, Path::to_owned);
        match wasm_kind(&bytes) {
            WasmKind::CoreModule => Err(LocalError::component(path, ComponentError::CoreModule)),
            WasmKind::Component => read_wasm(path, bytes, &dependencies, reader),
            WasmKind::Other => read_package(vec![reader.source(path, bytes)?], &dependencies, reader),
        }
    }
}

/// What tools call a component's own world is no package: beside a component, the component itself is meant.
fn refuse_component_folder(folder: &Path, input: LocalInput, limits: &Limits) -> Result<LocalInput, LocalError> {
    let is_world = matches!(&input, LocalInput::Package(package) if package.wit.name().namespace == "root");
    if !is_world {
        return Ok(input);
    }
    for path in entries(folder)? {
        let is_file = has_extension(&path, "wasm") && path.is_file();
        if is_file && wasm_kind(&FileReader::new(limits).bytes(&path)?) == WasmKind::Component {
            return Err(LocalError::ComponentFolder { path: folder.to_owned(), component: path });
        }
    }
    Ok(input)
}

fn read_package(files: Vec<SourceFile>, dependencies: &Path, reader: FileReader<'_>) -> Result<LocalInput, LocalError> {
    let limits = reader.limits;
    let main = UnresolvedWit::parse(&files, limits)?;
    let dependencies = Dependencies::read_with(dependencies, reader)?;
    let (name, stands_alone) = (main.name(), main.nested().is_empty());
    let wit = dependencies.complete(main)?;
    let mut package = dependencies.into_package(wit);
    if let Some(lock) = wkg_lock_of(&name, &files) {
        package.partial.add(name.clone(), &lock, limits);
    }
    if stands_alone {
        package.sources.insert(name, files);
    }
    Ok(LocalInput::Package(Box::new(package)))
}

fn read_wasm(
    path: &Path,
    bytes: Vec<u8>,
    dependencies: &Path,
    reader: FileReader<'_>,
) -> Result<LocalInput, LocalError> {
    let refused = |error| LocalError::component(path, error);
    let packages = match DecodedComponent::decode(&bytes, reader.limits) {
        Ok(component) => component.packages().map_err(refused)?,
        Err(ComponentError::WitPackage) => return read_encoded(path, &bytes, dependencies, reader),
        Err(error) => return Err(refused(error)),
    };
    let hash = ComponentHash::of(&bytes);
    Ok(LocalInput::Component(LocalComponent { path: path.to_owned(), bytes, hash, packages }))
}

fn read_encoded(
    path: &Path,
    bytes: &[u8],
    dependencies: &Path,
    reader: FileReader<'_>,
) -> Result<LocalInput, LocalError> {
    let encoded = EncodedWit::decode(bytes, reader.limits).map_err(|source| LocalError::wasm(path, source))?;
    let dependencies = Dependencies::read_with(dependencies, reader)?;
    let wit = dependencies.complete_encoded(path, encoded)?;
    Ok(LocalInput::Package(Box::new(dependencies.into_package(wit))))
}

impl LocalPackage {
    /// The packages to send, each after those that it refers to, the package itself last.
    ///
    /// A package that stands alone in its files goes as these; one that was nested or encoded goes as canonical text.
    ///
    /// # Errors
    /// The first rule of publishing that the package breaks.
    pub fn uploads(&self, limits: &Limits) -> Result<Vec<Upload>, LocalError> {
        self.wit.admit(limits)?;
        let printer = PackageText::new(&self.wit);
        let upload = |identity: &PackageIdentity| {
            let name = ReleaseName::try_from(&identity.name).map_err(AdmissionError::Name)?;
            // Source that names a package which is no dependency after `include` is expanded would need that package.
            let source = self.sources.get(&identity.name).filter(|files| names_only(files, identity, limits));
            let files = match source {
                Some(files) => files.iter().map(without_folder).collect(),
                None => vec![SourceFile::new("package.wit", printer.file(&identity.name)?)],
            };
            let is_partial = self.partial.contains(&identity.name, &identity.hash);
            Ok(Upload { name, hash: identity.hash, files, is_partial })
        };
        self.wit.closure_order().into_iter().map(upload).collect()
    }

    /// Those of its packages that may be only parts, as [`Upload::is_partial`] has it.
    pub fn partial_packages(&self) -> Vec<&PackageName> {
        let identities = self.wit.identities().values();
        let partial = identities.filter(|identity| self.partial.contains(&identity.name, &identity.hash));
        partial.map(|identity| &identity.name).collect()
    }
}

fn names_only(files: &[SourceFile], identity: &PackageIdentity, limits: &Limits) -> bool {
    UnresolvedWit::parse(files, limits)
        .is_ok_and(|wit| wit.foreign_packages().iter().all(|name| identity.dependencies.contains_key(name)))
}

/// Where a file lies on this machine concerns no registry.
fn without_folder(file: &SourceFile) -> SourceFile {
    let name = Path::new(&file.path).file_name().map(|name| name.to_string_lossy().into_owned());
    SourceFile::new(name.unwrap_or_else(|| "package.wit".to_owned()), file.text.clone())
}
