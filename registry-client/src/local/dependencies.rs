//! The packages of a `deps` folder: WIT files, folders of them, and wasm-encoded WIT.

use super::error::LocalError;
use super::files::{FileReader, entries, has_extension, limit, read_package_folder};
use super::partial::{Partial, wkg_lock_of};
use super::{LocalPackage, Upload};
use registry_core::closure::Closure;
use registry_core::id::PackageHash;
use registry_core::limits::Limits;
use registry_core::name::{PackageName, ReleaseName};
use registry_core::wit::{EncodedWit, PackageText, SourceFile, UnresolvedWit, WasmKind, Wit, wasm_kind};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Packages by name, to complete others with. They need not be complete themselves until they are used.
///
/// Each is parsed by itself. Wasm-encoded packages hold views of others, which never count: they are decoded against
/// the packages that are here.
pub struct Dependencies {
    folder: PathBuf,
    limits: Limits,
    found: Vec<Found>,
    /// Which of `found` holds a package.
    holders: BTreeMap<PackageName, usize>,
    sources: Sources,
    /// Those of which `wkg` may have kept only what is used.
    partial: Partial,
}

/// The files of packages that stand alone in theirs: no other is nested there.
pub(super) type Sources = BTreeMap<PackageName, Vec<SourceFile>>;

/// An entry of the folder that cannot be used, and why.
pub(crate) type Refused = (PathBuf, LocalError);

/// One entry of the folder: a package with those that are nested in its files.
struct Found {
    path: PathBuf,
    wit: UnresolvedWit,
}

impl Found {
    fn names(&self) -> Vec<PackageName> {
        std::iter::once(self.wit.name()).chain(self.wit.nested()).collect()
    }
}

impl Dependencies {
    /// Reads the packages of a folder: each `.wit` file, each folder of `.wit` files, and each wasm-encoded WIT file in
    /// it. Links are followed, other files are passed over. A folder that does not exist holds nothing.
    ///
    /// # Errors
    /// If something cannot be read, is over a limit or not valid, or if a package is there twice.
    pub fn read(folder: &Path, limits: &Limits) -> Result<Self, LocalError> {
        Self::read_with(folder, FileReader::new(limits))
    }

    /// [`Dependencies::read`], except that an entry which cannot be used is returned beside those that can.
    pub(crate) fn read_usable(folder: &Path, limits: &Limits) -> Result<(Self, Vec<Refused>), LocalError> {
        Self::read_each(folder, FileReader::new(limits))
    }

    /// The entries of the folder with the packages in them.
    pub(crate) fn found(&self) -> impl Iterator<Item = (&Path, &UnresolvedWit)> {
        self.found.iter().map(|found| (found.path.as_path(), &found.wit))
    }

    pub(super) fn read_with(folder: &Path, reader: FileReader<'_>) -> Result<Self, LocalError> {
        let (dependencies, refused) = Self::read_each(folder, reader)?;
        refused.into_iter().next().map_or(Ok(dependencies), |(_, error)| Err(error))
    }

    /// [`Dependencies::read`], except that an entry which cannot be used is returned beside those that can.
    pub(super) fn read_each(folder: &Path, mut reader: FileReader<'_>) -> Result<(Self, Vec<Refused>), LocalError> {
        let mut dependencies = Self {
            folder: folder.to_owned(),
            limits: reader.limits.clone(),
            found: Vec::new(),
            holders: BTreeMap::new(),
            sources: Sources::new(),
            partial: Partial::default(),
        };
        let (mut encoded, mut refused) = (Vec::new(), Vec::new());
        let paths = if folder.exists() { entries(folder)? } else { Vec::new() };
        for path in paths {
            if let Err(error) = dependencies.read_entry(path.clone(), &mut reader, &mut encoded) {
                refused.push((path, error));
            }
        }
        refused.extend(dependencies.add_encoded(encoded));
        dependencies.find_partial();
        Ok((dependencies, refused))
    }

    /// What `wkg` fetched for its own sake it wrote whole; only what another package in the folder needs can be cut.
    fn find_partial(&mut self) {
        let needed: BTreeSet<PackageName> = self.found.iter().flat_map(|found| found.wit.foreign_packages()).collect();
        for (name, files) in self.sources.iter().filter(|(name, _)| needed.contains(*name)) {
            if let Some(lock) = wkg_lock_of(name, files) {
                self.partial.add(name.clone(), &lock, &self.limits);
            }
        }
    }

    fn read_entry(
        &mut self,
        path: PathBuf,
        reader: &mut FileReader<'_>,
        encoded: &mut Vec<(PathBuf, EncodedWit)>,
    ) -> Result<(), LocalError> {
        let count = self.found.len() + encoded.len();
        limit(&self.folder, "the number of packages", count, self.limits.closure_packages_max, "closure_packages_max")?;
        let (is_text, is_wasm) = (has_extension(&path, "wit"), has_extension(&path, "wasm"));
        let files = if FileReader::is_folder(&path)? {
            read_package_folder(&path, reader)?
        } else if is_text || is_wasm {
            let bytes = reader.bytes(&path)?;
            if wasm_kind(&bytes) != WasmKind::Other || is_wasm {
                let wit = EncodedWit::decode(&bytes, &self.limits).map_err(|source| LocalError::wasm(&path, source))?;
                encoded.push((path, wit));
                return Ok(());
            }
            vec![reader.source(&path, bytes)?]
        } else {
            Vec::new()
        };
        if files.is_empty() {
            return Ok(());
        }
        let wit = UnresolvedWit::parse(&files, &self.limits)?;
        if wit.nested().is_empty() {
            self.sources.insert(wit.name(), files);
        }
        self.add(Found { path, wit })
    }

    fn add(&mut self, found: Found) -> Result<(), LocalError> {
        for name in found.names() {
            let first = self.holders.insert(name.clone(), self.found.len()).and_then(|first| self.found.get(first));
            if let Some(first) = first {
                return Err(LocalError::Repeated {
                    name: Box::new(name),
                    first: first.path.clone(),
                    second: found.path,
                });
            }
        }
        self.found.push(found);
        Ok(())
    }

    /// Adds wasm-encoded packages, each once everything that it refers to is there. Returns those that cannot be used.
    fn add_encoded(&mut self, mut waiting: Vec<(PathBuf, EncodedWit)>) -> Vec<Refused> {
        let mut refused = Vec::new();
        while !waiting.is_empty() {
            let is_ready = |(_, wit): &(PathBuf, EncodedWit)| self.reach(wit.foreign_packages()).1.is_empty();
            // What no order makes ready misses something that the first of them reports.
            let (path, encoded) = waiting.remove(waiting.iter().position(is_ready).unwrap_or(0));
            if let Err(error) = self.add_encoded_package(path.clone(), encoded) {
                refused.push((path, error));
            }
        }
        refused
    }

    fn add_encoded_package(&mut self, path: PathBuf, encoded: EncodedWit) -> Result<(), LocalError> {
        let name = encoded.name();
        let wit = self.complete_encoded(&path, encoded)?;
        let text = PackageText::new(&wit).file(&name)?;
        let file = SourceFile::new(path.display().to_string(), text);
        let wit = UnresolvedWit::parse(&[file], &self.limits)?;
        self.add(Found { path, wit })
    }

    /// Completes a package with those here that it needs.
    pub(super) fn complete(&self, main: UnresolvedWit) -> Result<Wit, LocalError> {
        let needed = self.needed(&main.name(), main.foreign_packages(), &main.nested())?;
        Ok(main.resolve(needed, &self.limits)?)
    }

    pub(super) fn complete_encoded(&self, path: &Path, encoded: EncodedWit) -> Result<Wit, LocalError> {
        let needed = self.needed(&encoded.name(), encoded.foreign_packages(), &[])?;
        encoded.resolve(needed, &self.limits).map_err(|source| LocalError::wasm(path, source))
    }

    fn needed(
        &self,
        package: &PackageName,
        names: BTreeSet<PackageName>,
        nested: &[PackageName],
    ) -> Result<Vec<UnresolvedWit>, LocalError> {
        let (reached, mut missing) = self.reach(names);
        missing.retain(|name| name != package && !nested.contains(name));
        if !missing.is_empty() {
            return Err(self.missing(package, missing.into_iter().collect()));
        }
        let found = reached.into_iter().filter_map(|index| self.found.get(index));
        // The package itself may lie among its dependencies: then it is completed, not repeated.
        Ok(found.filter(|found| !found.names().contains(package)).map(|found| found.wit.clone()).collect())
    }

    /// Where the named packages and all that they need are found, and which of them are not.
    fn reach(&self, names: BTreeSet<PackageName>) -> (BTreeSet<usize>, BTreeSet<PackageName>) {
        let (mut reached, mut missing) = (BTreeSet::new(), BTreeSet::new());
        let mut open: Vec<PackageName> = names.into_iter().collect();
        while let Some(name) = open.pop() {
            let Some((index, found)) =
                self.holders.get(&name).and_then(|index| Some((*index, self.found.get(*index)?)))
            else {
                missing.insert(name);
                continue;
            };
            if reached.insert(index) {
                open.extend(found.wit.foreign_packages());
            }
        }
        (reached, missing)
    }

    /// Whether a package of this name and content is here and may be only a part, as [`Upload::is_partial`] has it.
    pub(super) fn is_partial(&self, name: &PackageName, hash: &PackageHash) -> bool {
        self.partial.contains(name, hash)
    }

    /// The names of all packages, nested ones too.
    pub fn names(&self) -> impl Iterator<Item = &PackageName> {
        self.holders.keys()
    }

    /// One of the packages, complete.
    ///
    /// # Errors
    /// If it is not here, or something that it needs is not.
    pub fn package(&self, name: &PackageName) -> Result<LocalPackage, LocalError> {
        Ok(LocalPackage { wit: self.wit(name)?, sources: self.sources.clone(), partial: self.partial.clone() })
    }

    /// The closure of the named packages, each after those that it refers to.
    ///
    /// # Errors
    /// As [`Dependencies::package`]; if a name in it is not that of a release.
    pub fn closure(&self, names: &BTreeSet<ReleaseName>) -> Result<Closure, LocalError> {
        let mut packages = Vec::new();
        let mut seen = BTreeSet::new();
        for name in names {
            let members = Closure::of(&self.wit(&PackageName::from(name))?)?.packages;
            packages.extend(members.into_iter().filter(|member| seen.insert(member.name.clone())));
        }
        Ok(Closure { packages })
    }

    /// What to send so that a registry has the named packages, each after those that it refers to.
    ///
    /// # Errors
    /// As [`LocalPackage::uploads`] and [`Dependencies::package`].
    pub fn uploads(&self, names: &BTreeSet<ReleaseName>) -> Result<Vec<Upload>, LocalError> {
        let mut uploads = Vec::new();
        let mut seen = BTreeSet::new();
        for name in names {
            let members = self.package(&PackageName::from(name))?.uploads(&self.limits)?;
            uploads.extend(members.into_iter().filter(|member| seen.insert(member.hash)));
        }
        Ok(uploads)
    }

    /// A package that was completed with what is here, and is not here itself: what lies here under its name is not it.
    pub(super) fn into_package(mut self, wit: Wit) -> LocalPackage {
        self.sources.remove(wit.name());
        self.partial.remove(wit.name());
        LocalPackage { wit, sources: self.sources, partial: self.partial }
    }

    fn wit(&self, name: &PackageName) -> Result<Wit, LocalError> {
        let found = self.holders.get(name).and_then(|index| self.found.get(*index));
        let Some(found) = found else { return Err(self.missing(name, vec![name.clone()])) };
        let wit = self.complete(found.wit.clone())?;
        if wit.name() == name { Ok(wit) } else { self.promote(&wit, name) }
    }

    /// A nested package becomes a main package through its canonical text.
    fn promote(&self, wit: &Wit, name: &PackageName) -> Result<Wit, LocalError> {
        let printer = PackageText::new(wit);
        let print = |name: &PackageName| -> Result<Vec<SourceFile>, LocalError> {
            Ok(vec![SourceFile::new(format!("{name}.wit"), printer.file(name)?)])
        };
        let others = wit.identities().keys().filter(|other| *other != name);
        let others = others.map(print).collect::<Result<Vec<_>, _>>()?;
        Ok(Wit::parse(&print(name)?, &others, &self.limits)?)
    }

    fn missing(&self, package: &PackageName, missing: Vec<PackageName>) -> LocalError {
        LocalError::Missing { package: Box::new(package.clone()), missing, searched: self.folder.clone() }
    }
}
