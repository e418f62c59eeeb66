//! From source files in memory to a complete set of packages with their identities.

use super::check::{check_nesting, check_resolve};
use super::elaboration::{DroppedAttribute, dropped_attributes, written_attributes};
use super::encode::EncodeError;
use super::expansion::{check_expansion, own_items};
use super::identity::{KnownPackages, PackageIdentity, identify_all};
use crate::limits::{LimitExceeded, Limits};
use crate::name::PackageName;
use crate::panics::catch_panic;
use std::collections::BTreeSet;
use std::fmt;
use wit_parser::{
    PackageId, ParseError, Resolve, ResolveError, ResolveErrorKind, SourceMap, Span, UnresolvedPackage,
    UnresolvedPackageGroup,
};

/// One WIT file in memory.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SourceFile {
    /// What errors call it. It is never opened.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl SourceFile {
    /// A file of the given path and text.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }
}

/// A place in a source file, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitLocation {
    /// The path that the file was given.
    pub file: String,
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

impl fmt::Display for WitLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Why a text is not a package.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WitError {
    /// The text breaks a rule of WIT. The message shows the source where its place is known.
    #[error("{message}")]
    Invalid {
        /// What is wrong, with the source line if the place is known.
        message: String,
        /// The place, if known.
        location: Option<WitLocation>,
        /// The files that were read.
        files: Vec<String>,
    },
    /// Packages that the text refers to and that were not given.
    #[error("`{package}` refers to packages that are not there: {}{}", list(.missing), first_use(.location))]
    MissingDependencies {
        /// The package that was parsed.
        package: PackageName,
        /// What is missing, in order.
        missing: Vec<PackageName>,
        /// Where the first of them is referred to.
        location: Option<WitLocation>,
    },
    /// A limit was crossed.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The package has no canonical encoding.
    #[error("`{package}` cannot be encoded")]
    Encode {
        /// The main package.
        package: PackageName,
        /// Why.
        #[source]
        source: EncodeError,
    },
    /// A library that reads or writes WIT failed on this input.
    #[error("{0}")]
    Internal(String),
}

impl WitError {
    /// The place in the source, if it is known.
    pub fn location(&self) -> Option<&WitLocation> {
        match self {
            Self::Invalid { location, .. } | Self::MissingDependencies { location, .. } => location.as_ref(),
            Self::Limit(_) | Self::Encode { .. } | Self::Internal(_) => None,
        }
    }
}

fn first_use(location: &Option<WitLocation>) -> String {
    location.as_ref().map(|location| format!(" (first at {location})")).unwrap_or_default()
}

/// Items that a message names; the others are counted.
const LISTED_MAX: usize = 50;

pub(crate) fn list(items: &[impl fmt::Display]) -> String {
    let shown: Vec<String> = items.iter().take(LISTED_MAX).map(|item| format!("`{item}`")).collect();
    match items.len().saturating_sub(LISTED_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Reasons that are sentences of their own.
pub(crate) fn sentences(reasons: &[impl fmt::Display]) -> String {
    reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The files of one package, parsed, with the packages nested in them; references to others are still open.
#[derive(Clone)]
pub struct UnresolvedWit {
    group: UnresolvedPackageGroup,
    size_bytes: usize,
}

impl UnresolvedWit {
    /// Parses the files of one package.
    ///
    /// # Errors
    /// [`WitError::Invalid`] with file, line and column if a file is not WIT; [`WitError::Limit`] if one is too large.
    pub fn parse(files: &[SourceFile], limits: &Limits) -> Result<Self, WitError> {
        let size_bytes = files.iter().map(|file| file.text.len()).sum();
        LimitExceeded::check("the number of files", files.len(), limits.files_max, "files_max")?;
        LimitExceeded::check(
            "the size of the WIT text in bytes",
            size_bytes,
            limits.wit_size_bytes_max,
            "wit_size_bytes_max",
        )?;
        let mut sources = SourceMap::new();
        for file in files {
            check_nesting(file, limits)?;
            sources.push_str(&file.path, file.text.as_str());
        }
        let names: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
        let group =
            without_panic(&names, || sources.parse().map_err(|(sources, error)| parse_error(&error, &sources)))?;
        let wit = Self { group, size_bytes };
        wit.check_counts(limits)?;
        Ok(wit)
    }

    /// Checks counts before anything that costs more than the text is long.
    fn check_counts(&self, limits: &Limits) -> Result<(), LimitExceeded> {
        let check = |what: String, found, max, limit| LimitExceeded::check(what, found, max, limit);
        let packages = 1 + self.group.nested.len();
        check("the number of packages".into(), packages, limits.closure_packages_max, "closure_packages_max")?;
        for package in self.packages() {
            let items = own_items(package);
            let what = format!("the number of interfaces and worlds of `{}`", package.name);
            check(what, items, limits.package_items_max, "package_items_max")?;
        }
        let definitions = self.packages().map(|package| package.types.len()).sum();
        check("the number of types".into(), definitions, limits.closure_definitions_max, "closure_definitions_max")
    }

    /// The main package's name.
    pub fn name(&self) -> PackageName {
        PackageName::from(&self.group.main.name)
    }

    /// The names of packages that are nested in the files.
    pub fn nested(&self) -> Vec<PackageName> {
        self.group.nested.iter().map(|package| PackageName::from(&package.name)).collect()
    }

    /// The packages outside these files that they refer to.
    pub fn foreign_packages(&self) -> BTreeSet<PackageName> {
        let own: BTreeSet<PackageName> = self.packages().map(|package| PackageName::from(&package.name)).collect();
        let named = self.packages().flat_map(|package| package.foreign_deps.keys()).map(PackageName::from);
        named.filter(|name| !own.contains(name)).collect()
    }

    fn packages(&self) -> impl Iterator<Item = &UnresolvedPackage> {
        std::iter::once(&self.group.main).chain(&self.group.nested)
    }

    /// Completes the package with those that it needs, in any order, and computes the identity of each.
    ///
    /// # Errors
    /// [`WitError::MissingDependencies`] lists everything that is missing at once; else as [`UnresolvedWit::parse`].
    pub fn resolve(self, dependencies: Vec<Self>, limits: &Limits) -> Result<Wit, WitError> {
        let size_bytes = dependencies.iter().map(|wit| wit.size_bytes).sum::<usize>() + self.size_bytes;
        LimitExceeded::check(
            "the size of the closure's WIT text in bytes",
            size_bytes,
            limits.closure_size_bytes_max,
            "closure_size_bytes_max",
        )?;
        let packages: Vec<&UnresolvedPackage> = dependencies.iter().chain([&self]).flat_map(Self::packages).collect();
        check_expansion(&packages, limits)?;
        let missing = self.missing(&dependencies);
        let name = self.name();
        let files = self.group.source_map.source_names().map(str::to_owned).collect::<Vec<_>>();
        let mut resolve = Resolve::new();
        resolve.all_features = true;
        let dependencies = dependencies.into_iter().map(|wit| wit.group).collect();
        let written = written_attributes(&self.group.main);
        let resolved = without_panic(&files, move || match resolve.push_groups(self.group, dependencies) {
            Ok(main) => Ok((resolve, main)),
            Err(error) => Err(resolve_error(&error, &resolve)),
        });
        if !missing.is_empty() {
            let location = resolved.err().and_then(|error| error.location().cloned());
            return Err(WitError::MissingDependencies { package: name, missing, location });
        }
        let (resolve, main) = resolved?;
        let mut wit = Wit::new(resolve, main, limits).map_err(|error| error.for_package(name))?;
        wit.dropped_attributes = dropped_attributes(&written, &wit.resolve, main);
        Ok(wit)
    }

    /// The packages that these refer to and that are not among them.
    fn missing(&self, dependencies: &[Self]) -> Vec<PackageName> {
        let all = || dependencies.iter().chain([self]);
        let given: BTreeSet<PackageName> =
            all().flat_map(Self::packages).map(|package| PackageName::from(&package.name)).collect();
        let named: BTreeSet<PackageName> = all().flat_map(Self::foreign_packages).collect();
        named.difference(&given).cloned().collect()
    }
}

/// A package with everything that it needs, and the identity of each.
#[derive(Clone)]
pub struct Wit {
    pub(crate) resolve: Resolve,
    pub(crate) main: PackageId,
    name: PackageName,
    known: KnownPackages,
    dropped_attributes: Vec<DroppedAttribute>,
}

/// A failure after parsing, which has no place in the source.
pub(crate) enum CheckError {
    Limit(LimitExceeded),
    Encode(EncodeError),
}

impl CheckError {
    pub(crate) fn for_package(self, package: PackageName) -> WitError {
        match self {
            Self::Limit(source) => WitError::Limit(source),
            Self::Encode(source) => WitError::Encode { package, source },
        }
    }
}

impl Wit {
    pub(crate) fn new(resolve: Resolve, main: PackageId, limits: &Limits) -> Result<Self, CheckError> {
        check_resolve(&resolve, limits).map_err(CheckError::Limit)?;
        let known = identify_all(&resolve).map_err(CheckError::Encode)?;
        let name = PackageName::from(&resolve.packages[main].name);
        Ok(Self { resolve, main, name, known, dropped_attributes: Vec::new() })
    }

    /// Parses a main package and the packages that it needs, each group in any order of files.
    ///
    /// # Errors
    /// As [`UnresolvedWit::parse`] and [`UnresolvedWit::resolve`].
    pub fn parse(main: &[SourceFile], dependencies: &[Vec<SourceFile>], limits: &Limits) -> Result<Self, WitError> {
        let dependencies =
            dependencies.iter().map(|files| UnresolvedWit::parse(files, limits)).collect::<Result<_, _>>()?;
        UnresolvedWit::parse(main, limits)?.resolve(dependencies, limits)
    }

    /// The main package's name.
    pub fn name(&self) -> &PackageName {
        &self.name
    }

    /// The main package's identity.
    ///
    /// # Errors
    /// Never in practice: every package of the set was identified when the set was made.
    pub fn identity(&self) -> Result<&PackageIdentity, WitError> {
        self.known.get(&self.name).ok_or_else(|| WitError::Internal(format!("`{}` has no identity", self.name)))
    }

    /// The identities of all packages.
    pub fn identities(&self) -> &KnownPackages {
        &self.known
    }

    /// Attributes of the main package's world items that were written and have no effect; worth a warning.
    pub fn dropped_attributes(&self) -> &[DroppedAttribute] {
        &self.dropped_attributes
    }

    /// The parsed packages.
    pub fn resolve(&self) -> &Resolve {
        &self.resolve
    }

    /// The main package in [`Wit::resolve`].
    pub fn main(&self) -> PackageId {
        self.main
    }

    /// The packages that the main package needs, however deep, and itself: depth first, dependencies in the order of their
    /// names, each package after those that it refers to.
    pub fn closure_order(&self) -> Vec<&PackageIdentity> {
        dependency_order(&self.known, std::iter::once(&self.name))
    }
}

/// The closure of some packages: depth first, dependencies in the order of their names, each package after its own.
pub(crate) fn dependency_order<'k>(
    known: &'k KnownPackages,
    roots: impl Iterator<Item = &'k PackageName>,
) -> Vec<&'k PackageIdentity> {
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    for root in roots {
        let mut stack: Vec<(&PackageName, bool)> = vec![(root, false)];
        while let Some((name, dependencies_done)) = stack.pop() {
            let Some(identity) = known.get(name) else { continue };
            if dependencies_done {
                order.push(identity);
            } else if seen.insert(name) {
                stack.push((name, true));
                stack.extend(identity.dependencies.keys().rev().map(|dependency| (dependency, false)));
            }
        }
    }
    order
}

/// Runs a parser of another crate; if it panics on hostile input, that is an error like any other.
pub(crate) fn without_panic<T>(files: &[String], run: impl FnOnce() -> Result<T, WitError>) -> Result<T, WitError> {
    catch_panic(run).unwrap_or_else(|reason| {
        let message = format!("{}: the parser stopped on this input: {reason}", files.join(", "));
        Err(WitError::Invalid { message, location: None, files: files.to_vec() })
    })
}

fn parse_error(error: &ParseError, sources: &SourceMap) -> WitError {
    invalid(error.render(sources), error.kind().span(), sources)
}

fn resolve_error(error: &ResolveError, resolve: &Resolve) -> WitError {
    let sources = &resolve.source_map;
    let mut span = error.kind().span();
    if let (false, ResolveErrorKind::DuplicatePackage { span2, .. }) = (span.is_known(), error.kind()) {
        span = *span2;
    }
    invalid(error.render(sources), span, sources)
}

fn invalid(message: String, span: Span, sources: &SourceMap) -> WitError {
    let files: Vec<String> = sources.source_names().map(str::to_owned).collect();
    let location = locate(span, sources);
    let message = match location {
        Some(_) => cut(message),
        None => format!("{}: {}", files.join(", "), cut(message)),
    };
    WitError::Invalid { message, location, files }
}

/// Cuts a message that repeats a megabyte of the source.
fn cut(message: String) -> String {
    const MESSAGE_CHARS_MAX: usize = 4_000;
    match message.char_indices().nth(MESSAGE_CHARS_MAX) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message,
    }
}

fn locate(span: Span, sources: &SourceMap) -> Option<WitLocation> {
    let path = sources.resolve_span(span)?.path.to_owned();
    let rendered = sources.render_location(span);
    let mut numbers = rendered.rsplitn(3, ':');
    let column = numbers.next()?.parse().ok()?;
    let line = numbers.next()?.parse().ok()?;
    Some(WitLocation { file: path, line, column })
}
