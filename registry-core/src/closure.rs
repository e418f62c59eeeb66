//! A package with all its dependencies, as it travels and as it is checked.

use crate::id::PackageHash;
use crate::limits::{LimitExceeded, Limits};
use crate::name::{PackageName, ReleaseName};
use crate::wit::{KnownPackages, PackageIdentity, PackageText, SourceFile, UnresolvedWit, Wit, WitError};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// One package of a closure. What it claims is worth nothing before it is verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClosurePackage {
    /// Its name.
    pub name: ReleaseName,
    /// Its hash.
    pub hash: PackageHash,
    /// Its WIT text, a file of its own that refers to the other packages by name.
    pub wit: String,
}

/// Packages with all their dependencies, each after those that it refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Closure {
    /// The packages; an empty closure is that of a component which refers to none.
    pub packages: Vec<ClosurePackage>,
}

/// On the wire it is the list alone, which the derivation does not see.
impl PartialSchema for Closure {
    fn schema() -> RefOr<Schema> {
        Vec::<ClosurePackage>::schema()
    }
}

impl ToSchema for Closure {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((ClosurePackage::name().into_owned(), ClosurePackage::schema()));
        ClosurePackage::schemas(schemas);
    }
}

/// Why a closure is not what it claims to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClosureError {
    /// A package's text has another hash.
    #[error("`{name}` has the hash {actual}, but {claimed} was expected")]
    HashMismatch {
        /// The package.
        name: PackageName,
        /// The hash that was asked for or claimed.
        claimed: PackageHash,
        /// The hash of the text.
        actual: PackageHash,
    },
    /// The package that was asked for is not there.
    #[error("the package {0} is not in its own closure")]
    RootMissing(PackageHash),
    /// A package stands under another name than its text has.
    #[error("a package is called `{claimed}`, but its text says `{actual}`")]
    NameMismatch {
        /// The name in the list.
        claimed: ReleaseName,
        /// The name in the text.
        actual: PackageName,
    },
    /// One name stands twice.
    #[error("`{0}` stands twice in one closure")]
    Repeated(ReleaseName),
    /// Packages that nothing refers to.
    #[error("the closure holds packages that nothing in it refers to: {}", crate::wit::list(.0))]
    Surplus(Vec<PackageName>),
    /// A text is not valid WIT, or something that it refers to is missing.
    #[error(transparent)]
    Wit(#[from] WitError),
    /// A limit was crossed.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
}

impl Closure {
    /// The closure of a parsed package, in canonical text.
    ///
    /// # Errors
    /// If a package's name is not that of a release, or cannot be printed.
    pub fn of(wit: &Wit) -> Result<Self, WitError> {
        Self::of_packages(wit, wit.closure_order().into_iter())
    }

    /// The given packages of a set, in canonical text.
    pub(crate) fn of_packages<'a>(
        wit: &Wit,
        packages: impl Iterator<Item = &'a PackageIdentity>,
    ) -> Result<Self, WitError> {
        let printer = PackageText::new(wit);
        let package = |identity: &PackageIdentity| {
            let name = ReleaseName::try_from(&identity.name).map_err(|error| WitError::Internal(error.to_string()))?;
            Ok(ClosurePackage { name, hash: identity.hash, wit: printer.file(&identity.name)? })
        };
        Ok(Self { packages: packages.map(package).collect::<Result<_, WitError>>()? })
    }

    /// Parses the closure of `root` and recomputes every hash in it.
    ///
    /// # Errors
    /// If anything in it is not what it claims to be, is missing, or is not part of the closure of `root`.
    pub fn verify(&self, root: &PackageHash, limits: &Limits) -> Result<Wit, ClosureError> {
        let index = self.packages.iter().position(|package| &package.hash == root);
        let index = index.ok_or(ClosureError::RootMissing(*root))?;
        let mut parsed = self.parse(limits)?;
        let main = parsed.remove(index);
        let wit = main.resolve(parsed, limits)?;
        self.check(wit.identities())?;
        let reached: BTreeSet<&PackageName> = wit.closure_order().into_iter().map(|identity| &identity.name).collect();
        self.check_surplus(&reached)?;
        Ok(wit)
    }

    /// Parses each package; references between them are still open.
    ///
    /// # Errors
    /// If there are too many, a text is not valid, or a package is not called what its text says.
    pub fn parse(&self, limits: &Limits) -> Result<Vec<UnresolvedWit>, ClosureError> {
        let count = self.packages.len();
        LimitExceeded::check("the number of packages", count, limits.closure_packages_max, "closure_packages_max")?;
        let mut names = BTreeSet::new();
        self.packages.iter().map(|package| package.parse(&mut names, limits)).collect()
    }

    /// Compares the claimed hashes with the identities that the texts have.
    ///
    /// # Errors
    /// [`ClosureError::HashMismatch`] with both hashes, or [`ClosureError::RootMissing`] if a package has no identity.
    pub fn check(&self, known: &KnownPackages) -> Result<(), ClosureError> {
        for package in &self.packages {
            let name = PackageName::from(&package.name);
            let identity = known.get(&name).ok_or(ClosureError::RootMissing(package.hash))?;
            if identity.hash != package.hash {
                return Err(ClosureError::HashMismatch { name, claimed: package.hash, actual: identity.hash });
            }
        }
        Ok(())
    }

    /// Refuses packages that are not among those reached: they could be anything.
    pub(crate) fn check_surplus(&self, reached: &BTreeSet<&PackageName>) -> Result<(), ClosureError> {
        let names = self.packages.iter().map(|package| PackageName::from(&package.name));
        let surplus: Vec<PackageName> = names.filter(|name| !reached.contains(name)).collect();
        if surplus.is_empty() { Ok(()) } else { Err(ClosureError::Surplus(surplus)) }
    }

    /// The hashes by name.
    pub fn hashes(&self) -> BTreeMap<&ReleaseName, &PackageHash> {
        self.packages.iter().map(|package| (&package.name, &package.hash)).collect()
    }
}

impl ClosurePackage {
    fn parse<'a>(
        &'a self,
        names: &mut BTreeSet<&'a ReleaseName>,
        limits: &Limits,
    ) -> Result<UnresolvedWit, ClosureError> {
        if !names.insert(&self.name) {
            return Err(ClosureError::Repeated(self.name.clone()));
        }
        let file = SourceFile::new(format!("{}.wit", self.name), self.wit.clone());
        let parsed = UnresolvedWit::parse(&[file], limits)?;
        let actual = parsed.name();
        if actual != PackageName::from(&self.name) {
            return Err(ClosureError::NameMismatch { claimed: self.name.clone(), actual });
        }
        if let Some(nested) = parsed.nested().into_iter().next() {
            return Err(ClosureError::NameMismatch { claimed: self.name.clone(), actual: nested });
        }
        Ok(parsed)
    }
}
