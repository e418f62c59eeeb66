//! The client of a registry: asks, verifies, and only then answers.

use crate::cache::{Cache, CacheError};
use crate::error::ClientError;
use crate::http::{Answer, Body, Http, SizeLimit, is_this_machine, shown};
use crate::limits::{SHOWN_VERSIONS_MAX, TransportLimits};
use crate::verification::Verification;
use futures::{StreamExt, TryStreamExt};
use registry_core::closure::ClosureError;
use registry_core::component::{ComponentError, VerifiedComponent};
use registry_core::id::{ComponentHash, ObjectHash, PackageHash};
use registry_core::limits::{LimitExceeded, Limits};
use registry_core::name::{PackageName, ReleaseName, Spec};
use registry_core::wire::{
    ComponentClosure, ComponentRecord, MissingRequest, MissingResponse, PackageClosure, PackageRecord, PublishPackage,
    Published, Release, ReleaseList, ReleaseTarget,
};
use registry_core::wit::{SourceFile, Wit};
use reqwest::Method;
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use url::Url;

/// Where a registry listens that was started without an address.
pub const DEFAULT_URL: &str = "http://127.0.0.1:7878";

/// Talks to one registry. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    cache: Option<Cache>,
}

#[derive(Clone)]
struct Shared {
    url: Url,
    http: Http,
    limits: Limits,
    transport: TransportLimits,
    verification: Verification,
}

/// A component whose bytes have the hash that was asked for and fit the packages that it names.
#[derive(Clone)]
pub struct FetchedComponent {
    /// The component's bytes.
    pub bytes: Vec<u8>,
    /// Its hash, its world, and the closure of the packages that it needs, all recomputed here.
    pub component: VerifiedComponent,
}

/// Something that was fetched, verified.
#[derive(Clone)]
pub enum Fetched {
    /// A WIT package with everything that it needs.
    Package(Box<Wit>),
    /// A component.
    Component(Box<FetchedComponent>),
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (url, token) = (shown(self.url()), self.has_token().then_some("…"));
        f.debug_struct("Client").field("url", &url).field("token", &token).finish_non_exhaustive()
    }
}

impl Client {
    /// A client of the registry at `url`, `http` or `https`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`ClientError::Url`] if that is not such a URL; [`ClientError::Tls`] if a TLS client cannot be made.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        Self::with_limits(url, Limits::default(), TransportLimits::default())
    }

    /// [`Client::new`] with other limits than the product's.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_limits(url: &str, limits: Limits, transport: TransportLimits) -> Result<Self, ClientError> {
        let url = parse_url(url)?;
        let http = Http::new(&url, transport.clone())?;
        let shared = Shared { url, http, limits, transport, verification: Verification::new() };
        Ok(Self { shared: Arc::new(shared), cache: None })
    }

    /// The same client with a cache: what is in it is not asked for, and what is fetched by hash is kept in it. What
    /// the cache answers is verified like what a registry answers.
    #[must_use]
    pub fn with_cache(mut self, cache: Option<Cache>) -> Self {
        self.cache = cache;
        self
    }

    /// The same client, except that it sends nothing: what is not in its cache is [`ClientError::Offline`].
    #[must_use]
    pub fn offline(mut self) -> Self {
        Arc::make_mut(&mut self.shared).http.go_offline();
        self
    }

    /// This client with a token, which every request to the registry carries from now on; it takes the place of a name
    /// and a password in the URL. A text that is no token is an error of each request, and never sent.
    #[must_use]
    pub fn with_token(mut self, token: SecretString) -> Self {
        Arc::make_mut(&mut self.shared).http.set_token(token);
        self
    }

    /// Whether requests carry a token.
    pub fn has_token(&self) -> bool {
        self.shared.http.has_token()
    }

    /// Whether nobody on the way can read what is sent: the registry has TLS or is on this machine.
    pub fn is_confidential(&self) -> bool {
        self.url().scheme() == "https" || self.is_on_this_machine()
    }

    /// Whether the registry's URL names this machine.
    pub fn is_on_this_machine(&self) -> bool {
        is_this_machine(self.url())
    }

    /// The registry's URL.
    pub fn url(&self) -> &Url {
        &self.shared.url
    }

    /// The limits on an exchange with the registry.
    pub(crate) fn transport(&self) -> &TransportLimits {
        &self.shared.transport
    }

    /// The limits on what is fetched and published.
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Finds out what a spec names. For a hash nothing is asked, and there is no release.
    ///
    /// # Errors
    /// [`ClientError::NoRelease`] if the registry has no such release, [`ClientError::AllYanked`] if the newest is asked
    /// for and all are yanked; else if the registry cannot be used.
    pub async fn resolve(&self, spec: &Spec) -> Result<(Option<Release>, ReleaseTarget), ClientError> {
        let release = match spec {
            Spec::Package(hash) => return Ok((None, ReleaseTarget::Package(*hash))),
            Spec::Component(hash) => return Ok((None, ReleaseTarget::Component(*hash))),
            Spec::Release(name) => match self.release(name).await {
                Err(ClientError::NoRelease(_)) => return Err(self.no_version(name).await),
                found => found?,
            },
            Spec::Newest { namespace, name } => self.newest_release(namespace, name).await?,
        };
        let target = release.target;
        Ok((Some(release), target))
    }

    /// What one exact release is bound to.
    ///
    /// # Errors
    /// As [`Client::resolve`].
    pub async fn release(&self, name: &ReleaseName) -> Result<Release, ClientError> {
        let version = name.version().to_string();
        let asked = self.get_record(&["releases", name.namespace(), name.name(), &version]).await;
        let release: Release = no_release(asked, || Spec::Release(name.clone()))?;
        same(name, &release.name)?;
        Ok(release)
    }

    /// What each of these names is bound to, in the order given; `None` for a name that the registry does not have.
    ///
    /// # Errors
    /// If the registry cannot be used.
    pub async fn bindings(&self, names: &[ReleaseName]) -> Result<Vec<Option<ReleaseTarget>>, ClientError> {
        let releases = self.find_releases(names).await?.into_iter();
        Ok(releases.map(|release| release.map(|release| release.target)).collect())
    }

    /// The releases of these names, in the order given; `None` for a name that the registry does not have.
    ///
    /// # Errors
    /// If the registry cannot be used.
    pub async fn find_releases(&self, names: &[ReleaseName]) -> Result<Vec<Option<Release>>, ClientError> {
        let asked = futures::stream::iter(names).map(|name| async move {
            match self.release(name).await {
                Ok(release) => Ok(Some(release)),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(error),
            }
        });
        asked.buffered(self.shared.transport.questions_at_once_max).try_collect().await
    }

    /// What the registry says about these releases, with one question for each name. Left out is what it does not have,
    /// and what cannot be found out within [`TransportLimits::states_time_max`]: nothing depends on it.
    pub async fn known_releases(&self, names: &[ReleaseName]) -> Vec<Release> {
        let paths: BTreeSet<(&str, &str)> = names.iter().map(|name| (name.namespace(), name.name())).collect();
        let asked = futures::stream::iter(paths).map(|(namespace, name)| async move {
            let asked = self.releases(namespace, name).await;
            asked
                .inspect_err(|error| tracing::debug!(namespace, name, %error, "its states are unknown"))
                .unwrap_or_default()
        });
        let transport = &self.shared.transport;
        let asked = asked.buffer_unordered(transport.questions_at_once_max);
        let mut known = asked.take_until(tokio::time::sleep(transport.states_time_max)).concat().await;
        known.retain(|release| names.contains(&release.name));
        known.sort_by(|left, right| left.name.cmp(&right.name));
        known
    }

    /// The release with the highest version that is not yanked; pre-releases count only where there is nothing else.
    ///
    /// # Errors
    /// As [`Client::resolve`].
    pub async fn newest_release(&self, namespace: &str, name: &str) -> Result<Release, ClientError> {
        let mut yanked = None;
        for release in self.releases(namespace, name).await? {
            let Some(yank) = &release.yanked else {
                return Ok(release);
            };
            yanked.get_or_insert_with(|| (release.name.version().to_string(), yank.reason.clone()));
        }
        let (namespace, name) = (namespace.to_owned(), name.to_owned());
        Err(match yanked {
            Some((version, reason)) => ClientError::AllYanked { namespace, name, version, reason },
            None => ClientError::NoRelease(Spec::Newest { namespace, name }),
        })
    }

    /// All releases of a name, the newest first; pre-releases come last.
    ///
    /// # Errors
    /// As [`Client::resolve`].
    pub async fn releases(&self, namespace: &str, name: &str) -> Result<Vec<Release>, ClientError> {
        let spec = || Spec::Newest { namespace: namespace.to_owned(), name: name.to_owned() };
        let asked = self.get_record(&["releases", namespace, name]).await;
        let ReleaseList { mut releases, .. } = no_release(asked, spec)?;
        let is_other = |release: &&Release| (release.name.namespace(), release.name.name()) != (namespace, name);
        if let Some(release) = releases.iter().find(is_other) {
            return Err(other(spec(), &release.name));
        }
        releases.sort_by(|left, right| precedence(&right.name).cmp(&precedence(&left.name)));
        Ok(releases)
    }

    /// Why there is no such release: with the versions that there are, or because there are none.
    async fn no_version(&self, name: &ReleaseName) -> ClientError {
        match self.releases(name.namespace(), name.name()).await {
            Ok(releases) if !releases.is_empty() => {
                let versions = releases.iter().take(SHOWN_VERSIONS_MAX);
                let versions = versions.map(|release| release.name.version().to_string()).collect();
                ClientError::NoVersion { name: Box::new(name.clone()), versions }
            }
            Err(error) if !error.is_not_found() => error,
            Ok(_) | Err(_) => ClientError::NoRelease(Spec::Release(name.clone())),
        }
    }

    /// Fetches what a spec names, with everything that it needs, and verifies it. A package that is found by name must
    /// have that name.
    ///
    /// # Errors
    /// As [`Client::resolve`], [`Client::fetch_package`] and [`Client::fetch_component`].
    pub async fn fetch(&self, spec: &Spec) -> Result<(Option<Release>, Fetched), ClientError> {
        let (release, target) = self.resolve(spec).await?;
        let fetched = match target {
            ReleaseTarget::Package(hash) => {
                let wit = self.fetch_package(&hash).await?;
                check_binding(release.as_ref().map(|release| &release.name), &wit, hash)?;
                Fetched::Package(Box::new(wit))
            }
            ReleaseTarget::Component(hash) => Fetched::Component(Box::new(self.fetch_component(&hash).await?)),
        };
        Ok((release, fetched))
    }

    /// Fetches a package with its whole closure in one request, or takes it from the cache, and recomputes every hash.
    ///
    /// # Errors
    /// [`ClientError::FalsePackages`] with both hashes if the answer is not what was asked for.
    pub async fn fetch_package(&self, hash: &PackageHash) -> Result<Wit, ClientError> {
        let hash = *hash;
        if let Some(wit) = self.cached(move |cache, limits| cache.package(&hash, limits)).await? {
            return Ok(wit);
        }
        let answer = self.answer(&["packages", &hash.to_string(), "closure"], self.closure_size()).await?;
        let (shared, cache) = (Arc::clone(&self.shared), self.cache.clone());
        let verified = move || {
            let wit = verify_package(&hash, &answer, &shared.limits)?;
            keep(cache.map_or(Ok(()), |cache| cache.keep_package(&wit)));
            Ok(wit)
        };
        self.shared.verification.run(verified).await
    }

    /// Fetches a component with the closure of the packages that it names and verifies all of it.
    ///
    /// # Errors
    /// [`ClientError::FalseComponent`] with both hashes if the answer is not what was asked for, or what differs if the
    /// component does not fit the packages.
    pub async fn fetch_component(&self, hash: &ComponentHash) -> Result<FetchedComponent, ClientError> {
        let hash = *hash;
        if let Some(fetched) = self.cached(move |cache, limits| cache.component(&hash, limits)).await? {
            return Ok(fetched);
        }
        let text = hash.to_string();
        let (closure_path, bytes_path) = (["components", &text, "closure"], ["components", &text, "wasm"]);
        let size = SizeLimit::new(self.shared.limits.component_size_bytes_max, "component_size_bytes_max");
        let (closure, bytes) =
            tokio::try_join!(self.answer(&closure_path, self.closure_size()), self.answer(&bytes_path, size),)?;
        let (shared, cache) = (Arc::clone(&self.shared), self.cache.clone());
        let verified = move || {
            let fetched = verify_component(&hash, &closure, bytes.body, &shared.limits)?;
            keep(cache.map_or(Ok(()), |cache| cache.keep_component(&fetched)));
            Ok(fetched)
        };
        self.shared.verification.run(verified).await
    }

    /// What the cache has. A damaged file is removed, so that what is fetched instead can take its place; a client that
    /// is offline has nothing to replace it with and leaves it.
    async fn cached<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Cache, &Limits) -> Result<Option<T>, CacheError> + Send + 'static,
    ) -> Result<Option<T>, ClientError> {
        let Some(cache) = self.cache.clone() else { return Ok(None) };
        let shared = Arc::clone(&self.shared);
        let answer = move || match read(&cache, &shared.limits) {
            Err(error) if shared.http.is_offline() => Err(error.into()),
            Err(CacheError::Damaged { hash, paths, source }) => {
                tracing::warn!(%hash, error = %source, "the cache holds damaged files; fetching again");
                Ok(cache.remove(&paths).map(|()| None)?)
            }
            read => Ok(read?),
        };
        self.shared.verification.run(answer).await
    }

    /// Which of these the registry does not have, in the order given; one request for all.
    ///
    /// # Errors
    /// If the registry cannot be used.
    pub async fn missing(&self, hashes: &[ObjectHash]) -> Result<Vec<ObjectHash>, ClientError> {
        let question = MissingRequest { hashes: hashes.to_vec() };
        let answer = self.change_with(Method::POST, &["missing"], &question).await?;
        let MissingResponse { missing } = parse(&answer)?;
        match missing.iter().find(|hash| !hashes.contains(hash)) {
            Some(surplus) => Err(other("the missing ones of the given hashes", surplus)),
            None => Ok(missing),
        }
    }

    /// Publishes a package. Its dependencies must be there; the very same content again is success.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the registry's reason.
    pub async fn publish_package(
        &self,
        files: Vec<SourceFile>,
        expected: PackageHash,
    ) -> Result<Published<PackageRecord>, ClientError> {
        let publication = PublishPackage { files, expected: Some(expected) };
        let answer = self.change_with(Method::POST, &["packages"], &publication).await?;
        let published: Published<PackageRecord> = parse(&answer)?;
        same(&expected, &published.record.hash)?;
        Ok(published)
    }

    /// Publishes a component and binds it to a name if one is given. The packages that it names must be there.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with the registry's reason; [`ClientError::Limit`] if the component is too large.
    pub async fn publish_component(
        &self,
        bytes: Vec<u8>,
        name: Option<&ReleaseName>,
        expected: ComponentHash,
    ) -> Result<Published<ComponentRecord>, ClientError> {
        let max = self.shared.limits.component_size_bytes_max;
        LimitExceeded::check("the size of the component in bytes", bytes.len(), max, "component_size_bytes_max")?;
        let mut url = self.address(&["components"]);
        url.query_pairs_mut().append_pair("expected", &expected.to_string());
        if let Some(name) = name {
            url.query_pairs_mut().append_pair("name", &name.to_string());
        }
        let body = Body { content_type: "application/wasm", bytes };
        let answer = self.shared.http.send_once(Method::POST, url, Some(body), self.record_size()).await?;
        let published: Published<ComponentRecord> = parse(&answer)?;
        same(&expected, &published.record.hash)?;
        Ok(published)
    }

    /// Asks for a record or a list.
    pub(crate) async fn get_record<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, ClientError> {
        parse(&self.answer(path, self.record_size()).await?)
    }

    /// Asks for a record or a list, with parameters.
    pub(crate) async fn get_query<T: DeserializeOwned>(
        &self,
        path: &[&str],
        parameters: &[(&str, &str)],
    ) -> Result<T, ClientError> {
        let mut url = self.address(path);
        if !parameters.is_empty() {
            url.query_pairs_mut().extend_pairs(parameters);
        }
        parse(&self.shared.http.get(url, self.record_size()).await?)
    }

    /// Sends a change that needs no body.
    pub(crate) async fn change(&self, method: Method, path: &[&str]) -> Result<Answer, ClientError> {
        self.shared.http.send_once(method, self.address(path), None, self.record_size()).await
    }

    /// Sends a change with JSON.
    pub(crate) async fn change_with(
        &self,
        method: Method,
        path: &[&str],
        body: &impl Serialize,
    ) -> Result<Answer, ClientError> {
        let url = self.address(path);
        let body = Body { content_type: "application/json", bytes: json(&url, body)? };
        self.shared.http.send_once(method, url, Some(body), self.record_size()).await
    }

    async fn answer(&self, path: &[&str], size: SizeLimit) -> Result<Answer, ClientError> {
        self.shared.http.get(self.address(path), size).await
    }

    /// The address of a part of the API. Each element is encoded, but `.` and `..` would be left out.
    fn address(&self, path: &[&str]) -> Url {
        let mut url = self.shared.url.clone();
        // Every `http` URL has a path; `parse_url` let nothing else in.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        url
    }

    fn record_size(&self) -> SizeLimit {
        SizeLimit::new(self.shared.transport.record_size_bytes_max, "record_size_bytes_max")
    }

    fn closure_size(&self) -> SizeLimit {
        SizeLimit::new(self.shared.transport.closure_size_bytes_max(&self.shared.limits), "closure_size_bytes_max")
    }
}

/// A cache that cannot be written to costs time and nothing else.
fn keep(kept: Result<(), CacheError>) {
    if let Err(error) = kept {
        tracing::warn!(%error, "this was fetched and is not cached");
    }
}

fn parse_url(text: &str) -> Result<Url, ClientError> {
    let refused = |reason: String| ClientError::Url { url: text.to_owned(), reason };
    let mut url = Url::parse(text).map_err(|error| refused(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused("it must begin with `http://` or `https://`".to_owned()));
    }
    url.set_query(None);
    url.set_fragment(None);
    Ok(url)
}

fn verify_package(hash: &PackageHash, answer: &Answer, limits: &Limits) -> Result<Wit, ClientError> {
    let closure: PackageClosure = parse(answer)?;
    same(hash, &closure.root)?;
    let packages = &closure.packages.packages;
    if let (false, Some(last)) = (packages.iter().any(|package| &package.hash == hash), packages.last()) {
        return Err(other(hash, last.hash));
    }
    let refused = |source: ClosureError| ClientError::FalsePackages {
        hash: ObjectHash::Package(*hash),
        source: Box::new(source),
    };
    closure.packages.verify(hash, limits).map_err(refused)
}

fn verify_component(
    hash: &ComponentHash,
    answer: &Answer,
    bytes: Vec<u8>,
    limits: &Limits,
) -> Result<FetchedComponent, ClientError> {
    let closure: ComponentClosure = parse(answer)?;
    same(hash, &closure.component.hash)?;
    let refused = |source: ComponentError| ClientError::FalseComponent {
        hash: ObjectHash::Component(*hash),
        source: Box::new(source),
    };
    let component = VerifiedComponent::check(hash, &bytes, &closure.packages, limits).map_err(refused)?;
    same(&component.view_id(), &closure.component.view)?;
    Ok(FetchedComponent { bytes, component })
}

/// The package that a release name is bound to says its name itself.
pub(crate) fn check_binding(release: Option<&ReleaseName>, wit: &Wit, hash: PackageHash) -> Result<(), ClientError> {
    let Some(release) = release.filter(|release| &PackageName::from(*release) != wit.name()) else {
        return Ok(());
    };
    let hash = ObjectHash::Package(hash);
    Err(ClientError::FalseBinding { release: Box::new(release.clone()), hash, actual: Box::new(wit.name().clone()) })
}

fn precedence(name: &ReleaseName) -> (bool, &semver::Version) {
    (name.version().pre.is_empty(), name.version())
}

fn no_release<T>(asked: Result<T, ClientError>, spec: impl FnOnce() -> Spec) -> Result<T, ClientError> {
    asked.map_err(|error| if error.is_not_found() { ClientError::NoRelease(spec()) } else { error })
}

pub(crate) fn same<T: PartialEq + std::fmt::Display>(asked: &T, actual: &T) -> Result<(), ClientError> {
    if asked == actual { Ok(()) } else { Err(other(asked, actual)) }
}

pub(crate) fn other(asked: impl std::fmt::Display, actual: impl std::fmt::Display) -> ClientError {
    ClientError::OtherObject { asked: format!("`{asked}`"), actual: format!("`{actual}`") }
}

fn json(url: &Url, body: &impl Serialize) -> Result<Vec<u8>, ClientError> {
    serde_json::to_vec(body).map_err(|error| ClientError::Answer { url: shown(url), reason: error.to_string() })
}

pub(crate) fn parse<T: DeserializeOwned>(answer: &Answer) -> Result<T, ClientError> {
    serde_json::from_slice(&answer.body)
        .map_err(|error| ClientError::Answer { url: shown(&answer.url), reason: error.to_string() })
}
