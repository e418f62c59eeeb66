//! The contracts that a node can execute, by hash: compiled in memory, in the chain's own data, or in the registry.
//!
//! A contract that is deployed is part of the chain's data, and no registry is asked for it again. The registry is asked
//! twice only: before a deployment is proposed, and for a simulated call of a contract that is not deployed. Whoever asks
//! for contracts that are not deployed can make others wait who do the same, and nobody else: what is deployed has places
//! of its own, and the thread that makes blocks needs none.
//!
//! A contract is loaded with the contracts that it imports: those that its record pins, or those that its component names.
//! In memory each of them is there once, however many import it, and longer than these. What one of these holds alone counts
//! with it.

mod fetching;

use crate::admission::{AdmissionError, Executable, Imports};
use crate::compiled::CompiledCache;
use crate::execution::{Executor, NodeFault};
use crate::limits::Limits;
use crate::source::{ContractSource, SourceError};
use crate::store::{Snapshot, Storage, StorageError};
use fetching::Fetching;
use futures::FutureExt;
use futures::future::BoxFuture;
use ledger_core::{ContractRecord, Deployment, ExternalId};
use lru::LruCache;
use registry_client::FetchedComponent;
use registry_core::closure::{Closure, ClosurePackage};
use registry_core::component::VerifiedComponent;
use registry_core::id::{ComponentHash, PackageHash, ViewId};
use registry_core::limits::Limits as CoreLimits;
use registry_core::name::NameError;
use registry_core::wit::WitError;
use registry_core::with_causes;
use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::warn;

/// A contract that can be executed.
pub struct Contract {
    /// Its hash.
    pub hash: ComponentHash,
    /// Its compiled form.
    pub executable: Arc<Executable>,
    /// Its WIT.
    pub wit: ContractWit,
    /// Its own world, as extracted from it.
    pub view: ViewId,
    /// Every package that it refers to, by `namespace:name@version`, with its hash.
    pub packages: BTreeMap<String, PackageHash>,
    /// The contracts that it imports, by the external ids with which its component names them.
    pub imports: BTreeMap<ExternalId, ComponentHash>,
}

/// A contract's WIT as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContractWit {
    /// Its world and its own packages, which refer to registered packages by name.
    pub own: String,
    /// The same with all registered packages nested in it, so that it parses on its own.
    pub flat: String,
    /// The full name of its world in these texts.
    pub world: String,
}

/// Why a contract can't be executed.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// It could not be fetched.
    #[error("the contract {hash} could not be resolved")]
    Source {
        /// The contract.
        hash: ComponentHash,
        /// Why.
        #[source]
        error: SourceError,
    },
    /// Fetching it took too long.
    #[error("the contract {hash} was not resolved within {} seconds", .waited.as_secs())]
    Timeout {
        /// The contract.
        hash: ComponentHash,
        /// How long the node waited.
        waited: Duration,
    },
    /// A contract could not be found by its bytes' digest.
    #[error("the contract `{id}` could not be resolved")]
    Find {
        /// How it was named.
        id: ExternalId,
        /// Why.
        #[source]
        error: SourceError,
    },
    /// Finding a contract by its bytes' digest took too long.
    #[error("the contract `{id}` was not found within {} seconds", .waited.as_secs())]
    NotFoundInTime {
        /// How it was named.
        id: ExternalId,
        /// How long the node waited.
        waited: Duration,
    },
    /// A contract that it imports can't be executed.
    #[error("the contract {hash} imports `{id}`, which cannot be used")]
    Import {
        /// The contract.
        hash: ComponentHash,
        /// How it names the other one.
        id: ExternalId,
        /// Why.
        #[source]
        error: Box<ContractError>,
    },
    /// It is not one that the ledger executes.
    #[error("the contract {hash} was refused")]
    Admission {
        /// The contract.
        hash: ComponentHash,
        /// Why.
        #[source]
        error: AdmissionError,
    },
    /// Its WIT can't be printed.
    #[error("the WIT of the contract {hash} cannot be printed")]
    Wit {
        /// The contract.
        hash: ComponentHash,
        /// Why.
        #[source]
        error: Box<WitError>,
    },
    /// What came with a deployment is not what it claims to be.
    #[error("the contract {hash} did not come as what its hash says")]
    Deployment {
        /// The contract.
        hash: ComponentHash,
        /// Why.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The node's own data failed.
    #[error(transparent)]
    Store(#[from] StorageError),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeFault),
}

const STATE_UNREADABLE: &str = "the chain's state cannot be read";

/// One result for all who wait for it.
type Loaded = Result<Arc<Contract>, Arc<ContractError>>;

/// What a deployment brings, once for all who wait for it.
type Fetched = Result<Arc<Deployment>, Arc<ContractError>>;

/// Work that goes on when those who asked first are gone.
type Shared<T> = futures::future::Shared<BoxFuture<'static, T>>;

/// Finds contracts, each once even if many ask at the same time, and keeps the compiled ones that were used last.
pub struct Contracts {
    executor: Arc<Executor>,
    compiled: Arc<CompiledCache>,
    storage: Arc<dyn Storage>,
    source: Arc<dyn ContractSource>,
    /// What every node accepts; it decides whether a deployment is valid.
    deployment_limits: CoreLimits,
    /// Places for contracts that are fetched.
    fetching: Semaphore,
    fetch_time_max: Duration,
    compiling: Arc<Semaphore>,
    /// Places for contracts that are deployed.
    loading_deployed: Semaphore,
    state: Mutex<State>,
}

struct State {
    compiled: LruCache<ComponentHash, Kept>,
    compiled_size_bytes: usize,
    compiled_size_bytes_max: usize,
    refused: LruCache<ComponentHash, (Instant, Arc<ContractError>)>,
    refusal_kept_max: Duration,
    loading: HashMap<ComponentHash, Shared<Loaded>>,
    fetching: HashMap<ComponentHash, Shared<Fetched>>,
    /// Held by whoever loads a deployed contract.
    loading_deployed: HashMap<ComponentHash, Arc<Mutex<()>>>,
}

/// A contract in memory, and what it takes there.
struct Kept {
    contract: Arc<Contract>,
    size_bytes: usize,
}

impl Contracts {
    /// With nothing in memory yet, and code that was compiled before in `compiled`.
    pub fn new(
        executor: Arc<Executor>,
        compiled: CompiledCache,
        storage: Arc<dyn Storage>,
        source: Arc<dyn ContractSource>,
        limits: &Limits,
    ) -> Self {
        let refusals = NonZeroUsize::new(limits.refusals_kept_max).unwrap_or(NonZeroUsize::MIN);
        Self {
            deployment_limits: Limits::of_deployments(executor.profile()),
            executor,
            compiled: Arc::new(compiled),
            storage,
            source,
            fetching: Semaphore::new(limits.concurrent_loads_max),
            fetch_time_max: limits.fetch_time_max,
            compiling: Arc::new(Semaphore::new(limits.concurrent_compilations_max)),
            loading_deployed: Semaphore::new(limits.concurrent_loads_max),
            state: Mutex::new(State {
                compiled: LruCache::unbounded(),
                compiled_size_bytes: 0,
                compiled_size_bytes_max: limits.compiled_size_bytes_max,
                refused: LruCache::new(refusals),
                refusal_kept_max: limits.refusal_kept_max,
                loading: HashMap::new(),
                fetching: HashMap::new(),
                loading_deployed: HashMap::new(),
            }),
        }
    }

    /// The contract with this hash: from memory, from the chain's data, or from the source. What comes from the source is
    /// kept in memory only.
    ///
    /// # Errors
    /// If it can't be found, is not what was asked for, or is not one that the ledger executes.
    pub async fn get(self: &Arc<Self>, hash: ComponentHash) -> Loaded {
        let loading = {
            let mut state = self.state();
            if let Some(known) = state.known(&hash) {
                return known;
            }
            state.loading.entry(hash).or_insert_with(|| Arc::clone(self).start_loading(hash)).clone()
        };
        loading.await
    }

    /// Fetches a contract from the source, to be deployed. It is admitted and compiled before anybody is asked to order
    /// its deployment. What is deployed already comes from the chain's data.
    ///
    /// # Errors
    /// As [`Contracts::get`].
    pub async fn fetch_deployment(self: &Arc<Self>, hash: ComponentHash) -> Fetched {
        let fetching = {
            let mut state = self.state();
            state.fetching.entry(hash).or_insert_with(|| Arc::clone(self).start_fetching(hash)).clone()
        };
        fetching.await
    }

    /// Verifies what a deployment brings, and admits it with the contracts that it says it imports. Compiling is spared if
    /// the same contract is in memory. To be called on a thread that may block, with [`THREAD_STACK_SIZE_BYTES`](crate::node::THREAD_STACK_SIZE_BYTES).
    ///
    /// # Errors
    /// If it is not what it claims to be, or not one that the ledger executes, or this machine fails.
    pub fn admit_deployment(&self, deployment: &Deployment, imports: &Imports) -> Result<Arc<Contract>, ContractError> {
        let Deployment { contract: hash, component: bytes, .. } = deployment;
        let component = self.verify(deployment).map_err(|error| ContractError::Deployment { hash: *hash, error })?;
        let same = self.state().used(hash).filter(|known| known.is(&component, imports));
        let contract = match same {
            Some(contract) => contract,
            None => {
                let fetched = FetchedComponent { bytes: bytes.clone(), component };
                Arc::new(Contract::admit(&self.executor, &self.compiled, &fetched, imports)?)
            }
        };
        self.state().keep(Arc::clone(&contract));
        Ok(contract)
    }

    fn verify(&self, deployment: &Deployment) -> Result<VerifiedComponent, Box<dyn std::error::Error + Send + Sync>> {
        let closure = closure(deployment)?;
        let component =
            VerifiedComponent::check(&deployment.contract, &deployment.component, &closure, &self.deployment_limits)?;
        // A chain keeps packages by their hashes, each once. Whoever executes the block again gets the text that is kept,
        // and so there must be only one.
        if *component.closure() != closure {
            return Err("its packages are not in their canonical text and order".into());
        }
        Ok(component)
    }

    /// A contract that is deployed; none if it is not. No source is asked. To be called on a thread that may block, outside
    /// of asynchronous code.
    ///
    /// # Errors
    /// If the chain's data are damaged, or this machine fails.
    pub fn deployed(&self, hash: &ComponentHash) -> Result<Option<Arc<Contract>>, NodeFault> {
        if let Some(known) = self.state().used(hash) {
            return Ok(Some(known));
        }
        let what = "a deployed contract cannot be loaded";
        if self.storage.snapshot().contract(hash).map_err(|error| NodeFault::new(what, error))?.is_none() {
            return Ok(None);
        }
        self.load_deployed(hash).map_err(|error| NodeFault::new(what, error))
    }

    /// Loads a deployed contract on this thread; none if it is not deployed. Others who want the same one wait for this.
    fn load_deployed(&self, hash: &ComponentHash) -> Result<Option<Arc<Contract>>, ContractError> {
        let turn = Arc::clone(self.state().loading_deployed.entry(*hash).or_default());
        let _turn = turn.lock().unwrap_or_else(PoisonError::into_inner);
        let known = self.state().used(hash);
        let loaded = match known {
            Some(known) => Ok(Some(known)),
            None => self.compile_deployed(hash),
        };
        self.state().loading_deployed.remove(hash);
        loaded
    }

    /// What its record pins was part of the chain before it, and is loaded first.
    fn compile_deployed(&self, hash: &ComponentHash) -> Result<Option<Arc<Contract>>, ContractError> {
        let snapshot = self.storage.snapshot();
        let record = snapshot.contract(hash).map_err(|error| NodeFault::new(STATE_UNREADABLE, error))?;
        let Some(stored) = snapshot.component(hash, &self.deployment_limits)? else { return Ok(None) };
        let imports = match record {
            Some((record, _)) => self.pinned(&*snapshot, &record)?,
            None => Imports::new(),
        };
        let contract = Arc::new(Contract::admit(&self.executor, &self.compiled, &stored, &imports)?);
        self.state().keep(Arc::clone(&contract));
        Ok(Some(contract))
    }

    /// The contracts that a record pins. Each pin is compared with what it pins before that is loaded, so that damaged data
    /// lead nowhere.
    fn pinned(&self, snapshot: &dyn Snapshot, record: &ContractRecord) -> Result<Imports, ContractError> {
        let what = "what the chain keeps of a contract's imports is damaged";
        let mut imports = Imports::new();
        for (text, pinned) in &record.imports {
            let id: ExternalId = text.parse().map_err(|error| NodeFault::new(what, error))?;
            let meant = match id {
                ExternalId::Contract(hash) => Some(hash),
                ExternalId::Sha256(sha256) => snapshot.contract_by_sha256(&sha256)?,
            };
            let import = if meant == Some(*pinned) { self.deployed(pinned)? } else { None };
            let wrong = || NodeFault::new(what, format!("{} has `{id}` as {pinned}, which it is not", record.contract));
            imports.insert(id, Arc::clone(&import.ok_or_else(wrong)?.executable));
        }
        Ok(imports)
    }

    /// Loads on a task of its own, so that it goes on when those who asked first are gone.
    fn start_loading(self: Arc<Self>, hash: ComponentHash) -> Shared<Loaded> {
        let task = tokio::spawn(async move {
            let loaded = self.load(hash).await.map_err(Arc::new);
            self.state().finish(hash, &loaded);
            loaded
        });
        let defect = |error| Arc::new(NodeFault::new("loading a contract ended in a defect of the node", error).into());
        async move { task.await.map_err(defect)? }.boxed().shared()
    }

    /// As [`Contracts::start_loading`].
    fn start_fetching(self: Arc<Self>, hash: ComponentHash) -> Shared<Fetched> {
        let task = tokio::spawn(async move {
            let fetched = self.deployment(hash).await.map(Arc::new).map_err(Arc::new);
            self.state().fetching.remove(&hash);
            fetched
        });
        let defect =
            |error| Arc::new(NodeFault::new("fetching a contract ended in a defect of the node", error).into());
        async move { task.await.map_err(defect)? }.boxed().shared()
    }

    /// Only so many at a time: each has a component, its packages, and what they are parsed to in memory.
    async fn fetching_place(&self, hash: ComponentHash) -> Result<SemaphorePermit<'_>, ContractError> {
        let waited = self.fetch_time_max;
        let place = tokio::time::timeout(waited, self.fetching.acquire()).await;
        let place = place.map_err(|_| ContractError::Timeout { hash, waited })?;
        Ok(place.map_err(|error| NodeFault::new("contracts are not loaded any more", error))?)
    }

    async fn load(self: &Arc<Self>, hash: ComponentHash) -> Result<Arc<Contract>, ContractError> {
        if let Some(contract) = self.known_or_deployed(hash).await? {
            return Ok(contract);
        }
        let _place = self.fetching_place(hash).await?;
        Ok(Arc::new(Fetching::new(self).contract(hash, 0).await?.1))
    }

    /// A contract for which no source is needed.
    async fn known_or_deployed(self: &Arc<Self>, hash: ComponentHash) -> Result<Option<Arc<Contract>>, ContractError> {
        if let Some(known) = self.state().used(&hash) {
            return Ok(Some(known));
        }
        if !self.is_deployed(hash).await? {
            return Ok(None);
        }
        let place = self.loading_deployed.acquire().await;
        let _place = place.map_err(|error| NodeFault::new("contracts are not loaded any more", error))?;
        let contracts = Arc::clone(self);
        blocking(move || contracts.load_deployed(&hash)).await?
    }

    async fn deployment(self: &Arc<Self>, hash: ComponentHash) -> Result<Deployment, ContractError> {
        if let Some(stored) = self.stored(hash).await? {
            return Ok(stored);
        }
        let _place = self.fetching_place(hash).await?;
        let (fetched, contract) = Fetching::new(self).contract(hash, 0).await?;
        let imports = contract.imports.iter().map(|(id, import)| (id.to_string(), *import)).collect();
        if !self.is_deployed(hash).await? {
            self.state().keep_undeployed(Arc::new(contract));
        }
        Ok(deployment(fetched, imports))
    }

    async fn is_deployed(&self, hash: ComponentHash) -> Result<bool, ContractError> {
        let storage = Arc::clone(&self.storage);
        let found = blocking(move || storage.snapshot().contract(&hash).map(|found| found.is_some())).await?;
        Ok(found.map_err(|error| NodeFault::new(STATE_UNREADABLE, error))?)
    }

    /// What was deployed, as it came.
    async fn stored(&self, hash: ComponentHash) -> Result<Option<Deployment>, ContractError> {
        let (storage, limits) = (Arc::clone(&self.storage), self.deployment_limits.clone());
        blocking(move || {
            let snapshot = storage.snapshot();
            let record = snapshot.contract(&hash).map_err(|error| NodeFault::new(STATE_UNREADABLE, error))?;
            let Some((record, _)) = record else { return Ok(None) };
            Ok(snapshot.component(&hash, &limits)?.map(|stored| deployment(stored, record.imports)))
        })
        .await?
    }

    async fn fetch_bytes(&self, hash: ComponentHash) -> Result<FetchedComponent, ContractError> {
        let waited = self.fetch_time_max;
        let fetched = tokio::time::timeout(waited, self.source.fetch(hash)).await;
        let fetched = fetched.map_err(|_| ContractError::Timeout { hash, waited })?;
        let fetched = fetched.map_err(|error| not_fetched(hash, error))?;
        match fetched.component.hash() {
            actual if actual == hash => Ok(fetched),
            actual => Err(ContractError::Source { hash, error: SourceError::Other(actual) }),
        }
    }

    async fn admit(
        &self,
        fetched: FetchedComponent,
        imports: Imports,
    ) -> Result<(FetchedComponent, Contract), ContractError> {
        let permit = Arc::clone(&self.compiling).acquire_owned().await;
        let (executor, compiled) = (Arc::clone(&self.executor), Arc::clone(&self.compiled));
        blocking(move || {
            let _permit = permit;
            let contract = Contract::admit(&executor, &compiled, &fetched, &imports)?;
            Ok((fetched, contract))
        })
        .await?
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contract {
    fn admit(
        executor: &Executor,
        compiled: &CompiledCache,
        fetched: &FetchedComponent,
        imports: &Imports,
    ) -> Result<Self, ContractError> {
        let FetchedComponent { component, bytes } = fetched;
        let hash = component.hash();
        let executable = Executable::admit_with(compiled, executor.profile(), component, bytes, imports)
            .map_err(|error| ContractError::Admission { hash, error })?;
        let unprintable = |error| ContractError::Wit { hash, error: Box::new(error) };
        let wit = ContractWit {
            own: component.world_text().map_err(unprintable)?,
            flat: component.flat_text().map_err(unprintable)?,
            world: world_name(component),
        };
        Ok(Self {
            hash,
            executable: Arc::new(executable),
            wit,
            view: component.view_id(),
            packages: packages(component.closure()),
            imports: hashes(imports),
        })
    }

    /// Whether it was made of this component with the same packages and imports.
    fn is(&self, component: &VerifiedComponent, imports: &Imports) -> bool {
        let is_same = self.hash == component.hash() && self.packages == packages(component.closure());
        is_same && self.imports == hashes(imports)
    }

    fn size_bytes(&self) -> usize {
        self.executable.size_bytes() + self.wit.own.len() + self.wit.flat.len()
    }
}

impl State {
    fn known(&mut self, hash: &ComponentHash) -> Option<Loaded> {
        if let Some(contract) = self.used(hash) {
            return Some(Ok(contract));
        }
        let (since, error) = self.refused.get(hash)?;
        if since.elapsed() < self.refusal_kept_max {
            return Some(Err(Arc::clone(error)));
        }
        self.refused.pop(hash);
        None
    }

    /// A contract in memory, which was used last then.
    fn used(&mut self, hash: &ComponentHash) -> Option<Arc<Contract>> {
        let contract = Arc::clone(&self.compiled.get(hash)?.contract);
        self.promote_needed(&contract);
        Some(contract)
    }

    /// What a contract imports stays in memory as long as the contract does, which holds it; so it is dropped later, and
    /// counts as long as it is there.
    fn promote_needed(&mut self, contract: &Contract) {
        for needed in contract.executable.needed().iter().rev() {
            self.compiled.promote(needed.hash());
        }
    }

    fn finish(&mut self, hash: ComponentHash, loaded: &Loaded) {
        self.loading.remove(&hash);
        match loaded {
            Ok(contract) => self.keep_undeployed(Arc::clone(contract)),
            Err(error) => {
                self.refused.put(hash, (Instant::now(), Arc::clone(error)));
            }
        }
    }

    /// Keeps a contract that is not known to be deployed. What was deployed meanwhile stays: it is what the chain says that
    /// this contract is.
    fn keep_undeployed(&mut self, contract: Arc<Contract>) {
        self.refused.pop(&contract.hash);
        if !self.compiled.contains(&contract.hash) {
            self.keep(contract);
        }
    }

    /// Keeps a contract, and drops those that were not used for the longest time until all fit. One stays even if it
    /// alone does not.
    fn keep(&mut self, contract: Arc<Contract>) {
        let hash = contract.hash;
        self.refused.pop(&hash);
        if let Some(replaced) = self.drop_kept(&hash).filter(|replaced| !Arc::ptr_eq(replaced, &contract)) {
            self.drop_importers(&replaced);
        }
        let size_bytes = contract.size_bytes().saturating_add(self.held_size_bytes(&contract));
        self.compiled_size_bytes = self.compiled_size_bytes.saturating_add(size_bytes);
        self.compiled.put(hash, Kept { contract: Arc::clone(&contract), size_bytes });
        self.promote_needed(&contract);
        while self.compiled_size_bytes > self.compiled_size_bytes_max && self.compiled.len() > 1 {
            let Some((_, dropped)) = self.compiled.pop_lru() else { break };
            self.compiled_size_bytes = self.compiled_size_bytes.saturating_sub(dropped.size_bytes);
        }
    }

    /// What stays in memory only because `contract` needs it: others may have had to go, or were loaded anew, since that was
    /// loaded.
    fn held_size_bytes(&self, contract: &Contract) -> usize {
        let is_kept = |needed: &Arc<Executable>| {
            let kept = self.compiled.peek(needed.hash());
            kept.is_some_and(|kept| Arc::ptr_eq(&kept.contract.executable, needed))
        };
        let held = contract.executable.needed().iter().filter(|needed| !is_kept(needed));
        held.map(|needed| needed.size_bytes()).sum()
    }

    fn drop_kept(&mut self, hash: &ComponentHash) -> Option<Arc<Contract>> {
        let dropped = self.compiled.pop(hash)?;
        self.compiled_size_bytes = self.compiled_size_bytes.saturating_sub(dropped.size_bytes);
        Some(dropped.contract)
    }

    /// Drops the contracts that need one which is there no more: they would keep it in memory, and nothing would count it.
    fn drop_importers(&mut self, dropped: &Contract) {
        let needs = |kept: &Kept| {
            let needed = kept.contract.executable.needed();
            needed.iter().any(|needed| Arc::ptr_eq(needed, &dropped.executable))
        };
        let importers = self.compiled.iter().filter(|(_, kept)| needs(kept)).map(|(hash, _)| *hash);
        for importer in importers.collect::<Vec<_>>() {
            self.drop_kept(&importer);
        }
    }
}

fn packages(closure: &Closure) -> BTreeMap<String, PackageHash> {
    closure.hashes().into_iter().map(|(name, hash)| (name.to_string(), *hash)).collect()
}

fn hashes(imports: &Imports) -> BTreeMap<ExternalId, ComponentHash> {
    imports.iter().map(|(id, executable)| (*id, *executable.hash())).collect()
}

fn deployment(fetched: FetchedComponent, imports: BTreeMap<String, ComponentHash>) -> Deployment {
    let packages = fetched.component.closure().packages.iter();
    let packages = packages.map(|package| (package.name.to_string(), package.hash, package.wit.clone())).collect();
    Deployment { contract: fetched.component.hash(), component: fetched.bytes, packages, imports }
}

fn closure(deployment: &Deployment) -> Result<Closure, NameError> {
    let package = |(name, hash, wit): &(String, PackageHash, String)| {
        Ok(ClosurePackage { name: name.parse()?, hash: *hash, wit: wit.clone() })
    };
    Ok(Closure { packages: deployment.packages.iter().map(package).collect::<Result<_, _>>()? })
}

fn world_name(component: &registry_core::component::VerifiedComponent) -> String {
    let resolve = component.wit().resolve();
    let world = component.world().map(|world| resolve.worlds[world].name.clone()).unwrap_or_default();
    format!("{}/{world}", component.wit().name())
}

/// Those who asked for a contract are not told which registry could not be used; the operator is.
fn not_fetched(hash: ComponentHash, error: SourceError) -> ContractError {
    if let SourceError::Unavailable(_) = &error {
        warn!(contract = %hash, "a contract could not be fetched: {}", with_causes(&error));
    }
    ContractError::Source { hash, error }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, NodeFault> {
    let defect = |error| NodeFault::new("the node's own work ended in a defect", error);
    tokio::task::spawn_blocking(work).await.map_err(defect)
}
