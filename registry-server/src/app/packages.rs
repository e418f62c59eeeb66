//! Publishing and reading WIT packages.

use super::{App, AppError, Documents, sha256_hex};
use crate::limits::ServerLimits;
use crate::store::Written;
use bytes::Bytes;
use registry_core::closure::{Closure, ClosureError};
use registry_core::id::{ObjectHash, PackageHash};
use registry_core::limits::{LimitExceeded, Limits};
use registry_core::name::{PackageName, ReleaseName};
use registry_core::wire::{PackageClosure, PackageRecord, PublishPackage, Published};
use registry_core::wit::{AdmissionError, AdmittedPackage, EncodedWit, PackageText, SourceFile, UnresolvedWit, Wit};
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

impl App {
    /// Publishes a package, all of whose dependencies are published already.
    ///
    /// # Errors
    /// If it breaks a rule; nothing is visible of it then.
    pub(crate) async fn publish_package(
        &self,
        upload: PackageUpload,
        expected: Option<PackageHash>,
    ) -> Result<Published<PackageRecord>, AppError> {
        let limits = Arc::clone(&self.limits);
        let parsed = self.workers.run(move || ParsedUpload::parse(upload, expected, &limits)).await??;
        let roots = self.packages_of(&format!("`{}`", parsed.name), &parsed.dependencies).await?;
        let dependencies = self.stored_closure(&roots).await?;
        let limits = Arc::clone(&self.limits);
        let (record, text) = self.workers.run(move || parsed.admit(&dependencies, &limits.content)).await??;
        self.blobs.put(&ObjectHash::Package(record.hash), text.into()).await?;
        let created = match self.store.insert_package(&record).await? {
            Written::Created => true,
            Written::Present => false,
            Written::Bound(bound) => {
                let (name, uploaded) = (Box::new(record.name), ObjectHash::Package(record.hash));
                return Err(AppError::ReleaseBound { name, bound: bound.hash(), uploaded });
            }
        };
        Ok(Published { created, record: self.package(&record.hash).await? })
    }

    /// Everything about a package but its text.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub(crate) async fn package(&self, hash: &PackageHash) -> Result<PackageRecord, AppError> {
        self.store.package(hash).await?.ok_or_else(|| AppError::NotFound(hash.to_string()))
    }

    /// A package's texts, verified.
    ///
    /// # Errors
    /// [`AppError::NotFound`].
    pub(crate) async fn package_documents(&self, hash: &PackageHash) -> Result<Documents, AppError> {
        let key = ObjectHash::Package(*hash);
        if let Some(documents) = self.documents.get(&key) {
            return Ok(documents);
        }
        let stored = self.stored_closure(&[*hash]).await?;
        if stored.packages.is_empty() {
            return Err(AppError::NotFound(hash.to_string()));
        }
        let (root, limits) = (*hash, Arc::clone(&self.limits));
        let documents = self.workers.run(move || verify(root, &stored, &limits.content)).await??;
        self.documents.insert(key, documents.clone());
        Ok(documents)
    }
}

/// A package that is parsed, whose references are still open.
struct ParsedUpload {
    name: ReleaseName,
    source: Source,
    dependencies: BTreeSet<ReleaseName>,
    expected: Option<PackageHash>,
    source_sha256: String,
}

enum Source {
    Text(UnresolvedWit),
    Encoded(EncodedWit),
}

impl ParsedUpload {
    fn parse(upload: PackageUpload, expected: Option<PackageHash>, limits: &ServerLimits) -> Result<Self, AppError> {
        match upload {
            PackageUpload::Encoded(bytes) => {
                let wit = EncodedWit::decode(&bytes, &limits.content)?;
                let (name, foreign) = (wit.name(), wit.foreign_packages());
                Self::new(name, foreign, Source::Encoded(wit), expected, sha256_hex(&bytes))
            }
            PackageUpload::Sources(json) => {
                let request: PublishPackage =
                    serde_json::from_slice(&json).map_err(|error| AppError::Body(error.to_string()))?;
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
        }
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
        Ok(Self { name: release, source, dependencies, expected, source_sha256 })
    }

    /// Recomputes everything and applies the rules. Answers what is to be stored: the record and the canonical text.
    fn admit(self, dependencies: &Closure, limits: &Limits) -> Result<(PackageRecord, String), AppError> {
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
        Ok((record, text))
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
        error => AdmissionError::NotFaithful { package: wit.name().clone(), reason: super::with_causes(&error) }.into(),
    })
}

/// Recomputes every hash of a stored closure and prints what is served.
fn verify(root: PackageHash, stored: &Closure, limits: &Limits) -> Result<Documents, AppError> {
    let wit = stored.verify(&root, limits).map_err(|error| AppError::damaged(root, &error))?;
    let print = |error| AppError::damaged(root, &error);
    let text = PackageText::new(&wit);
    let closure = PackageClosure { root, packages: Closure::of(&wit).map_err(print)? };
    Ok(Documents {
        closure_json: serde_json::to_vec(&closure)?.into(),
        wit: text.file(wit.name()).map_err(print)?.into(),
        flat: text.flat().map_err(print)?.into(),
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
