//! A package on its way in: parsed, completed with its dependencies, and checked against every rule.

use super::index::package_document;
use super::{AppError, sha256_hex};
use crate::limits::ServerLimits;
use crate::store::SearchDocument;
use bytes::Bytes;
use registry_core::closure::{Closure, ClosureError};
use registry_core::id::{ObjectHash, PackageHash};
use registry_core::limits::{LimitExceeded, Limits};
use registry_core::name::{PackageName, ReleaseName};
use registry_core::wire::{PackageRecord, PublishPackage};
use registry_core::wit::{AdmissionError, AdmittedPackage, EncodedWit, SourceFile, UnresolvedWit, Wit, WorldInterface};
use registry_core::with_causes;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A package as it is uploaded.
#[derive(Debug, Clone)]
pub(crate) enum PackageUpload {
    /// The JSON of [`PublishPackage`].
    Sources(Bytes),
    /// Wasm-encoded WIT.
    Encoded(Bytes),
}

/// A package that is parsed, whose references are still open.
pub(super) struct ParsedUpload {
    /// The package's name.
    pub(super) name: ReleaseName,
    /// The packages that it refers to.
    pub(super) dependencies: BTreeSet<ReleaseName>,
    source: Source,
    expected: Option<PackageHash>,
    source_sha256: String,
}

/// What is to be stored of a package.
pub(super) struct AdmittedUpload {
    /// Everything about it.
    pub(super) record: PackageRecord,
    /// Its canonical text.
    pub(super) text: String,
    /// The interfaces that its worlds import and export.
    pub(super) worlds: Vec<WorldInterface>,
    /// What a search finds of it.
    pub(super) document: SearchDocument,
    /// It and everything that it refers to, to compare it with other releases.
    pub(super) wit: Arc<Wit>,
}

enum Source {
    Text(UnresolvedWit),
    Encoded(EncodedWit),
}

impl ParsedUpload {
    /// Parses an upload and checks what can be checked without its dependencies.
    pub(super) fn parse(
        upload: PackageUpload,
        expected: Option<PackageHash>,
        limits: &ServerLimits,
    ) -> Result<Self, AppError> {
        match upload {
            PackageUpload::Encoded(bytes) => {
                let wit = EncodedWit::decode(&bytes, &limits.content)?;
                let (name, foreign) = (wit.name(), wit.foreign_packages());
                Self::new(name, foreign, Source::Encoded(wit), expected, sha256_hex(&bytes))
            }
            PackageUpload::Sources(json) => Self::parse_sources(&json, expected, limits),
        }
    }

    fn parse_sources(json: &[u8], expected: Option<PackageHash>, limits: &ServerLimits) -> Result<Self, AppError> {
        let request: PublishPackage =
            serde_json::from_slice(json).map_err(|error| AppError::Body(error.to_string()))?;
        if request.files.is_empty() {
            return Err(AppError::Body("there are no files in it".to_owned()));
        }
        check_paths(&request.files, limits.path_size_bytes_max)?;
        let wit = UnresolvedWit::parse(&request.files, &limits.content)?;
        let (name, nested) = (wit.name(), wit.nested());
        if !nested.is_empty() {
            return Err(AppError::NestedPackages { package: name, nested });
        }
        let expected = both_or_either(request.expected, expected)?;
        let foreign = wit.foreign_packages();
        Self::new(name, foreign, Source::Text(wit), expected, sources_sha256_hex(request.files))
    }

    fn new(
        name: PackageName,
        foreign: BTreeSet<PackageName>,
        source: Source,
        expected: Option<PackageHash>,
        source_sha256: String,
    ) -> Result<Self, AppError> {
        let release = ReleaseName::try_from(&name)?;
        let (mut dependencies, mut reasons) = (BTreeSet::new(), Vec::new());
        for package in foreign {
            match ReleaseName::try_from(&package) {
                Ok(name) => drop(dependencies.insert(name)),
                Err(reason) => reasons.push(reason),
            }
        }
        if !reasons.is_empty() {
            return Err(AdmissionError::Dependencies { package: name, reasons }.into());
        }
        Ok(Self { name: release, dependencies, source, expected, source_sha256 })
    }

    /// Recomputes everything and applies the rules.
    pub(super) fn admit(self, dependencies: &Closure, limits: &Limits) -> Result<AdmittedUpload, AppError> {
        let wit = self.source.resolve(dependencies, limits)?;
        let AdmittedPackage { name, identity, text } = wit.admit(limits)?;
        if let Some(claimed) = self.expected.filter(|claimed| *claimed != identity.hash) {
            let (claimed, actual) = (ObjectHash::Package(claimed), ObjectHash::Package(identity.hash));
            return Err(AppError::HashMismatch { claimed, actual });
        }
        check_served(&wit, &identity.hash, limits)?;
        let dependencies: BTreeMap<ReleaseName, PackageHash> = identity
            .dependencies
            .iter()
            .map(|(name, hash)| Ok((ReleaseName::try_from(name)?, *hash)))
            .collect::<Result<_, AppError>>()?;
        let record = PackageRecord {
            hash: identity.hash,
            name,
            interfaces: identity.interfaces,
            worlds: identity.worlds,
            dependencies,
            source_sha256: self.source_sha256,
        };
        let document = package_document(&record.name, &wit);
        Ok(AdmittedUpload { document, worlds: wit.world_interfaces(), record, text, wit: Arc::new(wit) })
    }
}

impl Source {
    fn resolve(self, dependencies: &Closure, limits: &Limits) -> Result<Wit, AppError> {
        let stored = |error: ClosureError| match error {
            ClosureError::Limit(error) => AppError::Limit(error),
            error => AppError::damaged("the package's dependencies", &error),
        };
        let parsed = dependencies.parse(limits).map_err(stored)?;
        let wit = match self {
            Self::Text(wit) => wit.resolve(parsed, limits)?,
            Self::Encoded(wit) => wit.resolve(parsed, limits)?,
        };
        dependencies.check(wit.identities()).map_err(stored)?;
        Ok(wit)
    }
}

/// Makes sure that a client will be able to verify what is about to be published.
fn check_served(wit: &Wit, hash: &PackageHash, limits: &Limits) -> Result<(), AppError> {
    let served = Closure::of(wit)?;
    served.verify(hash, limits).map(|_| ()).map_err(|error| match error {
        ClosureError::Limit(error) => AppError::Limit(error),
        error => AdmissionError::NotFaithful { package: wit.name().clone(), reason: with_causes(&error) }.into(),
    })
}

fn check_paths(files: &[SourceFile], size_bytes_max: usize) -> Result<(), LimitExceeded> {
    let longest = files.iter().map(|file| file.path.len()).max().unwrap_or(0);
    LimitExceeded::check("the size of a file's path in bytes", longest, size_bytes_max, "path_size_bytes_max")
}

fn both_or_either(body: Option<PackageHash>, query: Option<PackageHash>) -> Result<Option<PackageHash>, AppError> {
    match (body, query) {
        (Some(body), Some(query)) if body != query => {
            Err(AppError::Body(format!("it expects {body}, but the address expects {query}")))
        }
        (body, query) => Ok(body.or(query)),
    }
}

/// The sha256 of source files: of each, in the order of the paths' bytes, path and text, each after its length in bytes
/// as eight bytes, the lowest first.
fn sources_sha256_hex(mut files: Vec<SourceFile>) -> String {
    files.sort_by(|a, b| (&a.path, &a.text).cmp(&(&b.path, &b.text)));
    let mut hasher = Sha256::new();
    for text in files.iter().flat_map(|file| [&file.path, &file.text]) {
        hasher.update((text.len() as u64).to_le_bytes());
        hasher.update(text);
    }
    hex::encode(hasher.finalize())
}
