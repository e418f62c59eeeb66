//! Copying from one registry to another. Everything is verified on its way, so a copy is either the very same or not there.

use crate::client::{Client, Fetched};
use crate::error::ClientError;
use crate::http::shown;
use crate::namespaces::Ownership;
use registry_core::closure::{Closure, ClosurePackage};
use registry_core::id::{ObjectHash, PackageHash};
use registry_core::name::{ReleaseName, Spec};
use registry_core::wire::{Release, ReleaseTarget, Yank};
use registry_core::wit::{SourceFile, WitError};
use std::collections::{BTreeMap, BTreeSet};

/// Which releases of a name are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Versions {
    /// The newest that is not yanked.
    Newest,
    /// All that are not yanked.
    All,
}

/// Something that is to be copied with everything that it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorRoot {
    /// Its name at the source, which it keeps; none for what is asked for by hash.
    pub name: Option<ReleaseName>,
    /// What the name is bound to there.
    pub target: ReleaseTarget,
    /// Set if the source yanked it. A copy is not yanked.
    pub yanked: Option<Yank>,
}

impl MirrorRoot {
    fn of(release: Release) -> Self {
        Self { name: Some(release.name), target: release.target, yanked: release.yanked }
    }

    fn spec(&self) -> Spec {
        match (&self.name, self.target) {
            (Some(name), _) => Spec::Release(name.clone()),
            (None, ReleaseTarget::Package(hash)) => Spec::Package(hash),
            (None, ReleaseTarget::Component(hash)) => Spec::Component(hash),
        }
    }
}

/// A package or a component that is at the target now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// Its name; none for a component that was asked for by hash.
    pub name: Option<ReleaseName>,
    /// Its hash, which is the same in both registries.
    pub hash: ObjectHash,
    /// Whether it was copied; if not, it was there.
    pub is_new: bool,
}

/// What goes on.
#[derive(Debug, Clone, Copy)]
pub enum MirrorEvent<'a> {
    /// Something is read from the source and verified: a name or a hash.
    Fetching(&'a Spec),
    /// Something is sent.
    Sending(&'a ReleaseTarget, Option<&'a ReleaseName>),
    /// A namespace of the target belongs to the client's account now.
    Claimed(&'a str),
    /// Something is there now.
    Done(&'a Mirrored),
}

/// Why a copy stopped. What was copied until then is whole; the same again goes on where this ended.
#[derive(Debug, thiserror::Error)]
pub enum MirrorError {
    /// The source cannot be read, or what it gave was refused.
    #[error("cannot copy from {registry}")]
    Source {
        /// The source's URL.
        registry: String,
        /// Why.
        #[source]
        source: Box<ClientError>,
    },
    /// The target cannot be used, or refused something.
    #[error("cannot copy {what} to {registry}")]
    Target {
        /// What was to be copied.
        what: String,
        /// Its namespace, if it is one thing that was refused.
        namespace: Option<String>,
        /// The target's URL.
        registry: String,
        /// Why.
        #[source]
        source: Box<ClientError>,
    },
    /// Namespaces of the target that nobody owns.
    #[error("nobody owns {} at {registry}", quoted(.namespaces))]
    Unclaimed {
        /// The namespaces.
        namespaces: Vec<String>,
        /// The target's URL.
        registry: String,
    },
    /// Namespaces of the target that others own.
    #[error("the account `{account}` owns none of {} at {registry}", quoted(.namespaces))]
    Foreign {
        /// Whose token the client has.
        account: String,
        /// The namespaces.
        namespaces: Vec<String>,
        /// The target's URL.
        registry: String,
    },
    /// The target has bound a name to something else.
    #[error("`{name}` is {bound} at {registry}, and {hash} at the source")]
    Bound {
        /// The name.
        name: Box<ReleaseName>,
        /// What it is bound to at the target.
        bound: ObjectHash,
        /// What it is bound to at the source.
        hash: ObjectHash,
        /// The target's URL.
        registry: String,
    },
    /// What was verified cannot be printed.
    #[error("cannot print what is to be copied")]
    Print(#[from] WitError),
}

impl MirrorError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unclaimed { namespaces, registry } => Some(format!(
                "`registry namespace claim {} --registry {registry}` makes them yours, and so does `--claim`",
                namespaces.join(" ")
            )),
            Self::Foreign { namespaces, account, registry } => {
                let first = namespaces.first().map(String::as_str).unwrap_or_default();
                Some(format!(
                    "one of the owners can add you: `registry namespace owner add {first} {account} --registry {registry}`"
                ))
            }
            Self::Bound { .. } => {
                Some("a published version never changes: the two registries disagree about what it is".to_owned())
            }
            Self::Source { registry, source } | Self::Target { registry, source, .. } if wants_token(source) => {
                Some(format!("`registry login --registry {registry}` keeps a token for it"))
            }
            Self::Target { registry, source, namespace: Some(namespace), .. } if source.code() == "incompatible" => {
                Some(format!(
                    "its operator can let it pass: `registry namespace set {namespace} --compatibility relaxed \
                     --registry {registry}`"
                ))
            }
            Self::Source { source, .. } | Self::Target { source, .. } => source.hint(),
            Self::Print(_) => None,
        }
    }

    /// One word for programs: the registry's for its own errors.
    pub fn code(&self) -> &str {
        match self {
            Self::Unclaimed { .. } => "namespace_not_claimed",
            Self::Foreign { .. } => "forbidden",
            Self::Bound { .. } => "release_bound",
            Self::Source { source, .. } | Self::Target { source, .. } => source.code(),
            Self::Print(_) => "internal",
        }
    }

    /// The single points of a registry's refusal.
    pub fn details(&self) -> &[String] {
        match self {
            Self::Source { source, .. } | Self::Target { source, .. } => source.details(),
            Self::Unclaimed { .. } | Self::Foreign { .. } | Self::Bound { .. } | Self::Print(_) => &[],
        }
    }
}

fn wants_token(error: &ClientError) -> bool {
    matches!(error.code(), "token_required" | "token_invalid")
}

/// Copies closures from one registry to another.
pub struct Mirror {
    source: Client,
    target: Client,
    claims: bool,
    /// Namespaces of the target that were found to be the account's.
    owned: BTreeSet<String>,
    /// Packages that the target has.
    present: BTreeSet<PackageHash>,
}

impl Mirror {
    /// From `source` to `target`, for which a client needs a token. With `claims`, namespaces that nobody owns are
    /// claimed.
    pub fn new(source: Client, target: Client, claims: bool) -> Self {
        Self { source, target, claims, owned: BTreeSet::new(), present: BTreeSet::new() }
    }

    /// What a spec names at the source; `versions` is for a name without a version.
    ///
    /// # Errors
    /// [`MirrorError::Source`] if the source has nothing of that name.
    pub async fn roots(&self, spec: &Spec, versions: Versions) -> Result<Vec<MirrorRoot>, MirrorError> {
        if let (Spec::Newest { namespace, name }, Versions::All) = (spec, versions) {
            let releases = self.source.releases(namespace, name).await.map_err(|error| self.source_failed(error))?;
            let releases: Vec<Release> = releases.into_iter().filter(|release| release.yanked.is_none()).collect();
            if !releases.is_empty() {
                return Ok(releases.into_iter().map(MirrorRoot::of).collect());
            }
        }
        let (release, target) = self.source.resolve(spec).await.map_err(|error| self.source_failed(error))?;
        let unnamed = MirrorRoot { name: None, target, yanked: None };
        Ok(vec![release.map_or(unnamed, MirrorRoot::of)])
    }

    /// Copies what the target lacks, dependencies first, and tells what is there at the end: each package and component
    /// once, dependencies only if they were copied.
    ///
    /// # Errors
    /// The first failure. Nothing is half there, and what was copied is not copied again.
    pub async fn copy(
        &mut self,
        roots: &[MirrorRoot],
        mut tell: impl FnMut(MirrorEvent<'_>),
    ) -> Result<Vec<Mirrored>, MirrorError> {
        let mut mirrored = Vec::new();
        for (root, is_there) in roots.iter().zip(self.are_there(roots).await?) {
            let hash = root.target.hash();
            if is_there || matches!(root.target, ReleaseTarget::Package(hash) if self.present.contains(&hash)) {
                let is_same = |other: &Mirrored| other.hash == hash && (root.name.is_none() || other.name == root.name);
                if !mirrored.iter().any(is_same) {
                    done(Mirrored { name: root.name.clone(), hash, is_new: false }, &mut mirrored, &mut tell);
                }
                continue;
            }
            self.copy_root(root, &mut mirrored, &mut tell).await?;
        }
        Ok(mirrored)
    }

    /// Which of these need not be copied: the target has the content, and has bound the name to it.
    async fn are_there(&self, roots: &[MirrorRoot]) -> Result<Vec<bool>, MirrorError> {
        let hashes: Vec<ObjectHash> = roots.iter().map(|root| root.target.hash()).collect();
        let mut missing = BTreeSet::new();
        for some in hashes.chunks(self.target.transport().hashes_asked_max) {
            missing.extend(self.target.missing(some).await.map_err(|error| self.target_failed("anything", error))?);
        }
        let names: Vec<ReleaseName> = roots.iter().filter_map(|root| root.name.clone()).collect();
        let bindings = self.target.bindings(&names).await.map_err(|error| self.target_failed("anything", error))?;
        let bindings: BTreeMap<ReleaseName, ReleaseTarget> =
            names.into_iter().zip(bindings).filter_map(|(name, binding)| Some((name, binding?))).collect();
        let mut are_there = Vec::with_capacity(roots.len());
        for root in roots {
            let hash = root.target.hash();
            let bound = root.name.as_ref().and_then(|name| Some((name, bindings.get(name)?)));
            if let Some((name, bound)) = bound.filter(|(_, bound)| bound.hash() != hash) {
                return Err(self.bound(name, bound.hash(), hash));
            }
            are_there.push(!missing.contains(&hash) && (root.name.is_none() || bound.is_some()));
        }
        Ok(are_there)
    }

    async fn copy_root(
        &mut self,
        root: &MirrorRoot,
        mirrored: &mut Vec<Mirrored>,
        tell: &mut impl FnMut(MirrorEvent<'_>),
    ) -> Result<(), MirrorError> {
        let spec = root.spec();
        tell(MirrorEvent::Fetching(&spec));
        let (_, fetched) = self.source.fetch(&spec).await.map_err(|error| self.source_failed(error))?;
        let closure = match &fetched {
            Fetched::Package(wit) => Closure::of(wit)?,
            Fetched::Component(fetched) => fetched.component.closure().clone(),
        };
        let packages = self.lacking(closure).await?;
        let own = root.name.as_ref().filter(|_| matches!(fetched, Fetched::Component(_)));
        let namespaces = packages.iter().map(|package| &package.name).chain(own).map(ReleaseName::namespace);
        self.own(namespaces.map(str::to_owned).collect(), tell).await?;
        for package in packages {
            self.send_package(package, mirrored, tell).await?;
        }
        if let Fetched::Component(fetched) = fetched {
            let (hash, name) = (fetched.component.hash(), root.name.as_ref());
            tell(MirrorEvent::Sending(&root.target, name));
            let sent = self.target.publish_component(fetched.bytes, name, hash).await;
            let is_new = sent
                .map_err(|error| self.refused(&format!("`{spec}`"), name.map(ReleaseName::namespace), error))?
                .created;
            done(Mirrored { name: root.name.clone(), hash: root.target.hash(), is_new }, mirrored, tell);
        }
        Ok(())
    }

    /// The packages of a closure that the target does not have, in the same order.
    async fn lacking(&mut self, closure: Closure) -> Result<Vec<ClosurePackage>, MirrorError> {
        let mut packages = closure.packages;
        packages.retain(|package| !self.present.contains(&package.hash));
        let hashes: Vec<ObjectHash> = packages.iter().map(|package| ObjectHash::Package(package.hash)).collect();
        let missing = self.target.missing(&hashes).await.map_err(|error| self.target_failed("anything", error))?;
        let missing: BTreeSet<ObjectHash> = missing.into_iter().collect();
        self.present.extend(
            packages.iter().map(|package| package.hash).filter(|hash| !missing.contains(&ObjectHash::Package(*hash))),
        );
        packages.retain(|package| missing.contains(&ObjectHash::Package(package.hash)));
        Ok(packages)
    }

    async fn send_package(
        &mut self,
        package: ClosurePackage,
        mirrored: &mut Vec<Mirrored>,
        tell: &mut impl FnMut(MirrorEvent<'_>),
    ) -> Result<(), MirrorError> {
        let ClosurePackage { name, hash, wit } = package;
        tell(MirrorEvent::Sending(&ReleaseTarget::Package(hash), Some(&name)));
        let file = SourceFile::new(format!("{name}.wit"), wit);
        let sent = self.target.publish_package(vec![file], hash).await;
        let is_new = sent.map_err(|error| self.refused(&format!("`{name}`"), Some(name.namespace()), error))?.created;
        self.present.insert(hash);
        done(Mirrored { name: Some(name), hash: ObjectHash::Package(hash), is_new }, mirrored, tell);
        Ok(())
    }

    /// Makes sure, before anything is sent, that the account may publish into all of these namespaces.
    async fn own(
        &mut self,
        namespaces: BTreeSet<String>,
        tell: &mut impl FnMut(MirrorEvent<'_>),
    ) -> Result<(), MirrorError> {
        let unknown: Vec<String> = namespaces.difference(&self.owned).cloned().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let ownership = self.target.ownership(unknown.iter().map(String::as_str)).await;
        let ownership = ownership.map_err(|error| self.target_failed("anything", error))?;
        let Ownership { account, unclaimed, foreign, .. } = ownership;
        let registry = shown(self.target.url());
        if !foreign.is_empty() {
            let namespaces = foreign.into_iter().map(|namespace| namespace.name).collect();
            return Err(MirrorError::Foreign { account, namespaces, registry });
        }
        if !unclaimed.is_empty() && !self.claims {
            return Err(MirrorError::Unclaimed { namespaces: unclaimed, registry });
        }
        for name in &unclaimed {
            let claimed = self.target.claim_namespace(name).await;
            claimed.map_err(|error| self.target_failed(&format!("into `{name}`"), error))?;
            tell(MirrorEvent::Claimed(name));
        }
        self.owned.extend(unknown);
        Ok(())
    }

    fn bound(&self, name: &ReleaseName, bound: ObjectHash, hash: ObjectHash) -> MirrorError {
        MirrorError::Bound { name: Box::new(name.clone()), bound, hash, registry: shown(self.target.url()) }
    }

    fn source_failed(&self, error: ClientError) -> MirrorError {
        MirrorError::Source { registry: shown(self.source.url()), source: Box::new(error) }
    }

    fn target_failed(&self, what: &str, error: ClientError) -> MirrorError {
        self.refused(what, None, error)
    }

    fn refused(&self, what: &str, namespace: Option<&str>, error: ClientError) -> MirrorError {
        let (registry, namespace) = (shown(self.target.url()), namespace.map(str::to_owned));
        MirrorError::Target { what: what.to_owned(), namespace, registry, source: Box::new(error) }
    }
}

fn done(result: Mirrored, mirrored: &mut Vec<Mirrored>, tell: &mut impl FnMut(MirrorEvent<'_>)) {
    tell(MirrorEvent::Done(&result));
    mirrored.push(result);
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
