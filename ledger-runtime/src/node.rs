//! A node: from a genesis and a data directory to a service that listens.

use crate::chain::{
    BlockProduction, ChainEnd, ChainError, Clock, Ledger, NodeExecutor, Parts, SoloSequencer, SystemClock,
};
use crate::compiled::CompiledCache;
use crate::contracts::Contracts;
use crate::engine::EngineError;
use crate::execution::{Executor, NodeFault};
use crate::genesis::Genesis;
use crate::limits::Limits;
use crate::profile::ExecutionProfile;
use crate::rpc::{Server, URL_SCHEME};
use crate::service::Service;
use crate::source::ContractSource;
use crate::store::{RedbStorage, Storage};
use registry_core::with_causes;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tracing::{info, warn};

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
    /// What its chain begins with. Without one, a chain that is there goes on with its own, and an empty data directory
    /// becomes a [local chain](Genesis::local).
    pub genesis: Option<Genesis>,
    /// What decides the results of calls, as far as the genesis does not say.
    pub profile: ExecutionProfile,
    /// When blocks are made.
    pub production: BlockProduction,
    /// What the node accepts, keeps and waits for.
    pub limits: Limits,
}

/// A node that is ready: its chain runs, and it listens.
pub struct Node {
    server: Server,
    ledger: Arc<Ledger>,
    listener: TcpListener,
    address: SocketAddr,
}

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The engine can't be set up.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The chain can't be started.
    #[error(transparent)]
    Chain(#[from] ChainError),
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
    /// Starts a node. A data directory that is empty is filled from `source`, all or nothing; one that has a chain needs no
    /// source. Nothing is made before the address is taken; who connects earlier than the node is ready, waits.
    ///
    /// The threads of the runtime should have [`THREAD_STACK_SIZE_BYTES`].
    ///
    /// # Errors
    /// If a contract of the genesis can't be used, the data belong to another chain or process, or the address is taken.
    pub async fn start(config: NodeConfig, source: Arc<dyn ContractSource>) -> Result<Self, StartError> {
        let NodeConfig { listen, data_dir, genesis, profile, production, limits } = config;
        let unusable = |error| StartError::Listen { address: listen, error };
        let listener = TcpListener::bind(listen).await.map_err(unusable)?;
        let address = listener.local_addr().map_err(unusable)?;
        let clock = Arc::new(SystemClock);
        let storage: Arc<dyn Storage> = Arc::new(open_storage(data_dir.clone(), limits.clone()).await?);
        let genesis = match genesis {
            Some(genesis) => genesis,
            None => own_genesis(&*storage, &*clock)?,
        };
        let profile = ExecutionProfile { floats_allowed: genesis.floats_allowed, ..profile };
        let engine = Arc::new(Executor::new(profile, &limits)?);
        let size_bytes_max = limits.compiled_disk_size_bytes_max;
        let compiled = CompiledCache::open(engine.engine().clone(), &data_dir, size_bytes_max);
        let contracts = Contracts::new(Arc::clone(&engine), compiled, Arc::clone(&storage), source, &limits);
        let contracts = Arc::new(contracts);
        let executor = NodeExecutor::new(genesis.chain_id.clone(), Arc::clone(&engine), Arc::clone(&contracts));
        let parts = Parts {
            genesis,
            storage,
            engine: Arc::clone(&engine),
            contracts: Arc::clone(&contracts),
            executor: Arc::new(executor),
            sequencer: Arc::new(SoloSequencer::new(production, clock.clone(), &limits)),
            clock,
            limits: limits.clone(),
        };
        let ledger = Arc::new(Ledger::start(parts).await?);
        let tip = ledger.tip()?;
        let (height, contracts_count) = (tip.moment.height, tip.next_contract_slot);
        info!(chain = %tip.chain, height, contracts = contracts_count, data = %data_dir.display(), "the node is ready on {address}");
        let server = Server::new(Service::new(Arc::clone(&ledger), contracts, engine), limits);
        Ok(Self { server, ledger, listener, address })
    }

    /// Where it listens, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients on this machine find it: `wrpc+tcp://127.0.0.1:7879`.
    pub fn url(&self) -> String {
        format!("{URL_SCHEME}{}", self.address)
    }

    /// Its chain.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Serves until `shutdown` is done or the chain ends. Then the block that is being made is finished, and what is being
    /// served has a while to finish too. Tells why the chain ended.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> ChainEnd {
        let Self { server, ledger, listener, .. } = self;
        let stop = async {
            tokio::select! {
                () = shutdown => {}
                _ = ledger.ended() => {}
            }
            ledger.stop().await;
        };
        server.serve(listener, stop).await;
        let end = ledger.stop().await;
        match ledger.tip() {
            Ok(tip) => info!("stopped at height {}", tip.moment.height),
            Err(error) => warn!("stopped, and the height cannot be told: {}", with_causes(&error)),
        }
        end
    }
}

impl StartError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Chain(error) => error.hint(),
            Self::Listen { .. } => {
                Some("stop what listens there, or use another --listen; port 0 picks a free one".to_owned())
            }
            Self::Engine(error) => error.hint().map(Into::into),
            Self::Node(_) => None,
        }
    }
}

impl ChainError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::OtherGenesis { .. } => "use the genesis that it was made with, or another --data-dir",
            Self::OtherProfile { .. } => "use the version of this program that made the chain, or another --data-dir",
            Self::Contracts { errors, .. } if errors.iter().any(|error| error.is_registry_unavailable()) => {
                "start the registry, or name another with --registry: at its first start a node fetches every contract of the genesis"
            }
            Self::Contracts { errors, .. } => return errors.iter().find_map(|error| error.hint()),
            Self::Storage(error) => return error.hint().map(str::to_owned),
            Self::Genesis(_) | Self::TooLarge { .. } | Self::GenesisBlock(_) | Self::State(_) | Self::Node(_) => {
                return None;
            }
        };
        Some(hint.to_owned())
    }
}

/// The genesis of the chain that is there, or that of a new local one.
fn own_genesis(storage: &dyn Storage, clock: &dyn Clock) -> Result<Genesis, ChainError> {
    match storage.snapshot().genesis()? {
        Some(kept) => Ok(Genesis::parse(Path::new("the data directory"), &kept)?),
        None => Ok(Genesis::local(clock.now_ms())),
    }
}

/// Opens the data. After a crash the database may have to be repaired, which takes time.
async fn open_storage(data_dir: PathBuf, limits: Limits) -> Result<RedbStorage, StartError> {
    let open = tokio::task::spawn_blocking(move || RedbStorage::open(&data_dir, &limits));
    let opened = open.await.map_err(|error| NodeFault::new("opening the data ended in a defect of the node", error))?;
    Ok(opened.map_err(ChainError::from)?)
}
