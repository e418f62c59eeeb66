//! A node: from a genesis and a data directory to a service that listens.

use crate::contracts::{Contract, ContractError, Contracts};
use crate::engine::EngineError;
use crate::execution::{Executor, NodeFault};
use crate::genesis::Genesis;
use crate::limits::Limits;
use crate::profile::ExecutionProfile;
use crate::rpc::{Server, URL_SCHEME};
use crate::service::Service;
use crate::source::ContractSource;
use crate::store::{Store, StoreError};
use futures::{StreamExt, stream};
use registry_client::FetchedComponent;
use registry_core::id::ComponentHash;
use registry_core::with_causes;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tracing::info;

/// Where a node listens that is started without an address.
pub const LISTEN_DEFAULT: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 7879));

/// The stack that threads of a node's runtime must have: the parsers of WIT and WebAssembly recurse as deep as their
/// limits allow.
pub const THREAD_STACK_SIZE_BYTES: usize = 16 << 20;

/// How a node is set up.
#[derive(Debug, Clone)]
pub struct NodeConfig {
    /// Where it listens; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Where it keeps its data; created if it is not there.
    pub data_dir: PathBuf,
    /// What its chain begins with.
    pub genesis: Genesis,
    /// What decides the results of calls.
    pub profile: ExecutionProfile,
    /// What the node accepts, keeps and waits for.
    pub limits: Limits,
}

/// A node that is ready: every contract of its genesis is verified, compiled and kept durably.
pub struct Node {
    server: Server,
    listener: TcpListener,
    address: SocketAddr,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine can't be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The node's data can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The data belongs to another chain.
    #[error("the data directory `{}` was made with another genesis: {difference}", .directory.display())]
    OtherGenesis {
        /// The directory.
        directory: PathBuf,
        /// How the genesis in it differs from the one given.
        difference: String,
    },
    /// Contracts of the genesis can't be used.
    #[error("{} of {total} contracts of the genesis cannot be used:\n{}", .errors.len(), list(.errors))]
    Contracts {
        /// How many contracts the genesis has.
        total: usize,
        /// Each that can't be used, and why.
        errors: Vec<ContractError>,
    },
    /// The contracts are too large together.
    #[error("the contracts of the genesis have {size_bytes} bytes, over the limit of {max} (`genesis_size_bytes_max`)")]
    TooLarge {
        /// Their size.
        size_bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The address can't be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeFault),
}

impl Node {
    /// Starts a node. A data directory that is empty is filled from `source`, all or nothing; one that was filled with
    /// the same genesis needs no source.
    ///
    /// The threads of the runtime should have [`THREAD_STACK_SIZE_BYTES`].
    ///
    /// # Errors
    /// If a contract of the genesis can't be used, the data belong to another chain or process, or the address is taken.
    pub async fn start(config: NodeConfig, source: Arc<dyn ContractSource>) -> Result<Self, StartError> {
        let NodeConfig { listen, data_dir, genesis, profile, limits } = config;
        let executor = Arc::new(Executor::new(profile, &limits)?);
        let (store, kept) = open_store(data_dir.clone()).await?;
        let contracts = Contracts::new(Arc::clone(&executor), Arc::clone(&store), source, &limits);
        let contracts = Arc::new(contracts);
        match kept {
            Some(kept) => {
                if let Some(difference) = kept.difference(&genesis) {
                    return Err(StartError::OtherGenesis { directory: data_dir, difference });
                }
                restore(&contracts, &genesis, &limits).await?;
            }
            None => establish(&contracts, store, &genesis, &limits).await?,
        }
        let unusable = |error| StartError::Listen { address: listen, error };
        let listener = TcpListener::bind(listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        info!(chain = genesis.chain_id(), contracts = genesis.contracts().len(), "the node is ready on {address}");
        let server = Server::new(Service::new(contracts, executor, genesis), limits);
        Ok(Self { server, listener, address })
    }

    /// Where it listens, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients on this machine find it: `wrpc+tcp://127.0.0.1:7879`.
    pub fn url(&self) -> String {
        format!("{URL_SCHEME}{}", self.address)
    }

    /// Serves until `shutdown` is done, and then lets what is being served finish for a while.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        self.server.serve(self.listener, shutdown).await;
    }
}

impl StartError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::OtherGenesis { .. } => Some("use the genesis that it was made with, or another --data-dir"),
            Self::Contracts { errors, .. } if errors.iter().any(ContractError::is_registry_unavailable) => Some(
                "start the registry, or name another with --registry: at its first start a node fetches every contract of the genesis",
            ),
            Self::Contracts { errors, .. } => return errors.iter().find_map(ContractError::hint),
            Self::Listen { .. } => Some("stop what listens there, or use another --listen; port 0 picks a free one"),
            Self::Store(StoreError::InUse { .. }) => Some("stop the other node, or use another --data-dir"),
            Self::Engine(error) => error.hint(),
            Self::Store(_) | Self::TooLarge { .. } | Self::Node(_) => None,
        };
        hint.map(str::to_owned)
    }
}

/// Opens the data and reads the genesis in it. After a crash the database may have to be repaired, which takes time.
async fn open_store(data_dir: PathBuf) -> Result<(Arc<Store>, Option<Genesis>), StartError> {
    let open = tokio::task::spawn_blocking(move || {
        let store = Store::open(&data_dir)?;
        let genesis = store.genesis()?;
        Ok((Arc::new(store), genesis))
    });
    open.await.map_err(|error| NodeFault::new("opening the data ended in a defect of the node", error))?
}

/// Verifies and compiles what the node keeps. No source is asked.
async fn restore(contracts: &Arc<Contracts>, genesis: &Genesis, limits: &Limits) -> Result<(), StartError> {
    let restored = stream::iter(genesis.contracts().iter().copied())
        .map(|hash| contracts.restore(hash))
        .buffered(limits.concurrent_loads_max);
    let mut restored = std::pin::pin!(restored);
    let mut errors = Vec::new();
    while let Some(result) = restored.next().await {
        match result {
            Ok(contract) => contracts.keep(contract),
            Err(error) => errors.push(error),
        }
    }
    all_usable(genesis, errors)
}

/// Fetches, verifies and compiles all contracts; keeps them if all can be used.
async fn establish(
    contracts: &Arc<Contracts>,
    store: Arc<Store>,
    genesis: &Genesis,
    limits: &Limits,
) -> Result<(), StartError> {
    let fetches = stream::iter(genesis.contracts().iter().copied())
        .map(|hash| fetch(contracts, hash))
        .buffered(limits.concurrent_loads_max);
    let mut fetches = std::pin::pin!(fetches);
    let (mut fetched, mut errors, mut size_bytes) = (Vec::new(), Vec::new(), 0);
    while let Some(result) = fetches.next().await {
        match result {
            Ok((component, contract)) => {
                size_bytes += component.bytes.len();
                fetched.push((component, contract));
            }
            Err(error) => errors.push(error),
        }
        let max = limits.genesis_size_bytes_max;
        if size_bytes > max {
            return Err(StartError::TooLarge { size_bytes, max });
        }
    }
    all_usable(genesis, errors)?;
    let (components, compiled): (Vec<FetchedComponent>, Vec<Contract>) = fetched.into_iter().unzip();
    let kept = genesis.clone();
    let commit = tokio::task::spawn_blocking(move || store.commit(&kept, components.iter()));
    commit.await.map_err(|error| NodeFault::new("keeping the genesis ended in a defect of the node", error))??;
    compiled.into_iter().for_each(|contract| contracts.keep(Arc::new(contract)));
    Ok(())
}

async fn fetch(contracts: &Contracts, hash: ComponentHash) -> Result<(FetchedComponent, Contract), ContractError> {
    let fetched = contracts.fetch(hash).await?;
    info!(contract = %hash, "fetched and verified {hash}");
    Ok(fetched)
}

fn all_usable(genesis: &Genesis, errors: Vec<ContractError>) -> Result<(), StartError> {
    if errors.is_empty() {
        return Ok(());
    }
    Err(StartError::Contracts { total: genesis.contracts().len(), errors })
}

fn list(errors: &[ContractError]) -> String {
    errors.iter().map(|error| format!("  {}", with_causes(error))).collect::<Vec<_>>().join("\n")
}
