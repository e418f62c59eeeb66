//! What several tests need: verified components without a registry, and calls of them.

use crate::build;
use bytes::Bytes;
use futures::future::BoxFuture;
use ledger_core::ExternalId;
use ledger_runtime::admission::{AdmissionError, Executable, Imports};
use ledger_runtime::chain::{BlockProduction, ChainEnd};
use ledger_runtime::execution::{CallError, CallOutcome, Executor};
use ledger_runtime::genesis::Genesis;
use ledger_runtime::limits::Limits;
use ledger_runtime::node::{Node, NodeConfig, StartError};
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::rpc::NodeClient;
use ledger_runtime::source::{ContractSource, SourceError};
use registry_client::{Client, FetchedComponent};
use registry_core::closure::Closure;
use registry_core::component::{DecodedComponent, VerifiedComponent};
use registry_core::id::ComponentHash;
use registry_core::limits::Limits as CoreLimits;
use registry_core::wit::{SourceFile, Wit};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The packages that `bytes` names, out of those of the example contracts.
pub(crate) fn closure(bytes: &[u8]) -> Closure {
    let limits = CoreLimits::default();
    let named = DecodedComponent::decode(bytes, &limits).unwrap().packages().unwrap();
    let mut closure = Closure::default();
    for folder in build::package_folders() {
        let file = folder.read_dir().unwrap().next().unwrap().unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let wit = Wit::parse(&[SourceFile::new("package.wit", text)], &[], &limits).unwrap();
        closure
            .packages
            .extend(Closure::of(&wit).unwrap().packages.into_iter().filter(|package| named.contains(&package.name)));
    }
    closure
}

/// `bytes` verified against the packages of the example contracts.
pub(crate) fn verified(bytes: &[u8]) -> VerifiedComponent {
    let limits = CoreLimits::default();
    DecodedComponent::decode(bytes, &limits).unwrap().verify(&closure(bytes), &limits).unwrap()
}

/// Those of a node with few workers: each worker of each engine reserves addresses, and tests run side by side in one
/// process.
pub(crate) fn limits() -> Limits {
    Limits { concurrent_calls_max: NonZeroU32::new(2).unwrap(), ..Limits::default() }
}

/// An executor with one profile, and what it makes of components.
pub(crate) struct Machine {
    pub(crate) executor: Executor,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self::with(ExecutionProfile::default())
    }

    pub(crate) fn with(profile: ExecutionProfile) -> Self {
        Self { executor: Executor::new(profile, &limits()).unwrap() }
    }

    pub(crate) fn admit(&self, bytes: &[u8]) -> Result<Arc<Executable>, AdmissionError> {
        let component = verified(bytes);
        Executable::admit(self.executor.engine(), self.executor.profile(), &component, bytes, &Imports::new())
            .map(Arc::new)
    }

    /// The contract whose world has the items `wit` and whose module is `wat`.
    pub(crate) fn contract(&self, items: &str, wat: &str) -> Arc<Executable> {
        self.admit(&build::component(&format!("package demo:test; world test {{ {items} }}"), wat)).unwrap()
    }

    pub(crate) async fn call(
        &self,
        contract: &Arc<Executable>,
        function: &str,
        parameters: &[u8],
        gas_limit: Option<u64>,
    ) -> Result<CallOutcome, CallError> {
        self.executor.call(Arc::clone(contract), function, Bytes::copy_from_slice(parameters), gas_limit).await
    }
}

/// An error with all its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    std::iter::successors(error.source(), |error| error.source())
        .fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// Components by hash in memory, in the place of a registry.
#[derive(Default)]
pub(crate) struct LocalSource {
    pub(crate) components: Mutex<HashMap<ComponentHash, Vec<u8>>>,
    /// How long each fetch takes.
    pub(crate) delay: Duration,
    /// How often something was fetched.
    pub(crate) fetches: AtomicUsize,
}

impl LocalSource {
    pub(crate) fn add(&self, bytes: Vec<u8>) -> ComponentHash {
        let hash = ComponentHash::of(&bytes);
        self.components.lock().unwrap().insert(hash, bytes);
        hash
    }

    /// With all example contracts.
    pub(crate) fn with_examples() -> Self {
        let source = Self::default();
        for name in build::EXAMPLES {
            source.add(build::example(name));
        }
        source
    }

    /// Has nothing any more.
    pub(crate) fn clear(&self) {
        self.components.lock().unwrap().clear();
    }
}

impl ContractSource for LocalSource {
    fn fetch(&self, hash: ComponentHash) -> BoxFuture<'_, Result<FetchedComponent, SourceError>> {
        Box::pin(async move {
            self.fetches.fetch_add(1, Ordering::SeqCst);
            tokio::time::sleep(self.delay).await;
            let bytes = self.components.lock().unwrap().get(&hash).cloned();
            let bytes = bytes.ok_or(SourceError::NotFound(hash))?;
            let component = verified(&bytes);
            Ok(FetchedComponent { bytes, component })
        })
    }

    fn find(&self, sha256: [u8; 32]) -> BoxFuture<'_, Result<ComponentHash, SourceError>> {
        Box::pin(async move {
            let components = self.components.lock().unwrap();
            let found = components.iter().find(|(_, bytes)| <[u8; 32]>::from(Sha256::digest(bytes)) == sha256);
            found.map(|(hash, _)| *hash).ok_or(SourceError::NoneFound(ExternalId::Sha256(sha256)))
        })
    }
}

/// A genesis with these contracts.
pub(crate) fn genesis(contracts: &[ComponentHash]) -> Genesis {
    Genesis::new("test", contracts).unwrap()
}

/// A running node, and what stops it.
pub(crate) struct RunningNode {
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<ChainEnd>,
}

impl RunningNode {
    pub(crate) async fn start(
        data_dir: &Path,
        contracts: &[ComponentHash],
        source: Arc<dyn ContractSource>,
    ) -> Result<Self, StartError> {
        Self::with(data_dir, genesis(contracts), limits(), source).await
    }

    pub(crate) async fn with(
        data_dir: &Path,
        genesis: impl Into<Option<Genesis>>,
        limits: Limits,
        source: Arc<dyn ContractSource>,
    ) -> Result<Self, StartError> {
        let config = NodeConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            data_dir: data_dir.to_owned(),
            genesis: genesis.into(),
            profile: ExecutionProfile::default(),
            production: BlockProduction::Instant,
            limits,
        };
        let node = Node::start(config, source).await?;
        let (url, address) = (node.url(), node.address());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(node.run_until(async move {
            let _ = stopped.await;
        }));
        Ok(Self { url, address, stop, task })
    }

    pub(crate) fn client(&self) -> NodeClient {
        NodeClient::new(&self.url).unwrap()
    }

    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        assert_eq!(self.task.await.unwrap(), ChainEnd::Stopped);
    }
}

/// A real registry on a port of its own.
pub(crate) struct RunningRegistry {
    pub(crate) url: String,
    token: String,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    _data: tempfile::TempDir,
}

impl RunningRegistry {
    pub(crate) async fn start() -> Self {
        let data = tempfile::tempdir().unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let config = registry_server::Config { listen, ..registry_server::Config::in_dir(data.path()) };
        let server = registry_server::Server::bind(config).await.unwrap();
        let url = server.url();
        let token = std::fs::read_to_string(server.admin_token_file()).unwrap().trim_end().to_owned();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(server.run_until(async move {
            let _ = stopped.await;
        }));
        let registry = Self { url, token, stop, task, _data: data };
        for namespace in ["demo", "test"] {
            registry.client().claim_namespace(namespace).await.unwrap();
        }
        registry
    }

    /// A client of the registry's operator, who owns the namespaces.
    pub(crate) fn client(&self) -> Client {
        Client::new(&self.url).unwrap().with_token(self.token.as_str().into())
    }

    /// Publishes the packages of the example contracts.
    pub(crate) async fn publish_packages(&self) {
        for folder in build::package_folders() {
            let file = folder.read_dir().unwrap().next().unwrap().unwrap().path();
            let source = SourceFile::new("package.wit", std::fs::read_to_string(file).unwrap());
            let wit = Wit::parse(std::slice::from_ref(&source), &[], &CoreLimits::default()).unwrap();
            self.client().publish_package(vec![source], wit.identity().unwrap().hash).await.unwrap();
        }
    }

    pub(crate) async fn publish(&self, bytes: Vec<u8>) -> ComponentHash {
        let hash = ComponentHash::of(&bytes);
        self.client().publish_component(bytes, None, hash).await.unwrap();
        hash
    }

    /// A registry with all packages and the contracts of these names, and their hashes.
    pub(crate) async fn with_examples(names: &[&str]) -> (Self, Vec<ComponentHash>) {
        let registry = Self::start().await;
        registry.publish_packages().await;
        let mut hashes = Vec::new();
        for name in names {
            hashes.push(registry.publish(build::example(name)).await);
        }
        (registry, hashes)
    }

    pub(crate) async fn stop(self) {
        let _ = self.stop.send(());
        self.task.await.unwrap();
    }
}
