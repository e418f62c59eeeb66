//! Connections: accepting them, serving them, and ending them in good order.

use crate::admin_token;
use crate::api;
use crate::app::{App, Rules};
use crate::blob::{BlobError, BlobStore};
use crate::config::Config;
use crate::limits::ServerLimits;
use crate::store::{Store, StoreError};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use registry_core::name::{NameError, check_identifier};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

/// How long to wait after the system refused a connection, most likely because too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why a server could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The blob store cannot be used.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The operator's token cannot be made.
    #[error("there is no randomness for the operator's token")]
    Random(#[from] getrandom::Error),
    /// The operator's token cannot be kept.
    #[error("the operator's token cannot be written to `{path}`")]
    AdminToken {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A namespace was given that cannot be one.
    #[error("a namespace that was given cannot be one")]
    Reserved(#[from] NameError),
    /// The threads that parse and hash cannot be started.
    #[error("the worker threads cannot be started")]
    Workers(#[source] io::Error),
    /// The address cannot be listened on.
    #[error("the address {address} cannot be listened on")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl StartError {
    /// What to do about it, if something can be done.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Store(StoreError::InUse { .. }) => Some("stop the other server, or give this one another --data-dir"),
            Self::Store(StoreError::Connect(_)) => {
                Some("the database must be there already: check --database-url, and make it with `createdb`")
            }
            Self::AdminToken { .. } => Some("give a --data-dir that can be written"),
            Self::Listen { .. } => Some("give another address, such as `--listen 127.0.0.1:0` for any free port"),
            _ => None,
        }
    }
}

/// A registry that listens, and answers as soon as it runs.
#[derive(Debug)]
pub struct Server {
    app: Arc<App>,
    listener: TcpListener,
    address: SocketAddr,
    admin_token_file: PathBuf,
    limits: Arc<ServerLimits>,
}

impl Server {
    /// Opens the database and the blob store and listens on the address.
    ///
    /// # Errors
    /// If one of them cannot be used.
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        let named = config.reserved_namespaces.iter().chain(&config.artifact_namespaces);
        named.into_iter().try_for_each(|name| check_identifier(name))?;
        let admin_token_file = config.admin_token_file();
        let limits = Arc::new(config.limits);
        let store = Store::open(&config.database, &limits).await?;
        let blobs = BlobStore::open(&config.blobs).await?;
        admin_token::provide(&store, &admin_token_file, config.renews_admin_token).await?;
        let rules = Rules {
            reserved_namespaces: config.reserved_namespaces,
            artifact_namespaces: config.artifact_namespaces,
            // Behind a proxy, those who ask are elsewhere.
            is_local: config.listen.ip().is_loopback() && config.public_url.is_none(),
            public_url: config.public_url,
            is_private: config.is_private,
        };
        let app = App::new(store, blobs, rules, Arc::clone(&limits)).map_err(StartError::Workers)?;
        let listen = |source| StartError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        info!(version = env!("CARGO_PKG_VERSION"), %address, private = app.is_private(), "the registry listens");
        Ok(Self { app: Arc::new(app), listener, address, admin_token_file, limits })
    }

    /// The address, with the port that was picked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where clients on this machine find the server: `http://127.0.0.1:7878`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The file with the operator's token, which can do everything. It is there unless somebody took it away.
    pub fn admin_token_file(&self) -> &Path {
        &self.admin_token_file
    }

    /// Serves until `shutdown` is done. Then it takes no more connections, and requests that are being handled have
    /// [`ServerLimits::shutdown_duration_max`] to finish.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) {
        let mut connections = Connections::new(api::router(Arc::clone(&self.app)), &self.limits);
        let mut shutdown = pin!(shutdown);
        let indexing = Arc::clone(&self.app);
        let indexing = tokio::spawn(async move { indexing.index_what_is_not().await });
        let collecting = Arc::clone(&self.app);
        let collecting = tokio::spawn(async move { collecting.collect_garbage().await });
        let (stop, stopped) = oneshot::channel::<()>();
        let counting = Arc::clone(&self.app);
        let counting = tokio::spawn(async move { counting.write_downloads_until(stopped).await });
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                (stream, permit) = connections.accept(&self.listener) => connections.serve(stream, permit),
            }
        }
        drop(self.listener);
        connections.finish(self.limits.shutdown_duration_max).await;
        indexing.abort();
        collecting.abort();
        drop(stop);
        // It ends by itself, so that no count is lost while it is being written.
        let _ = counting.await;
        self.app.close().await;
    }
}

struct Connections {
    http: http1::Builder,
    router: Router,
    places: Arc<Semaphore>,
    graceful: GracefulShutdown,
    tasks: JoinSet<()>,
}

impl Connections {
    fn new(router: Router, limits: &ServerLimits) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(limits.header_wait_max)
            .max_headers(limits.headers_max)
            .max_header_size(limits.header_size_bytes_max);
        Self {
            http,
            router,
            places: Arc::new(Semaphore::new(limits.connections_max)),
            graceful: GracefulShutdown::new(),
            tasks: JoinSet::new(),
        }
    }

    /// Waits for a place, and then for a connection.
    async fn accept(&self, listener: &TcpListener) -> (TcpStream, Option<OwnedSemaphorePermit>) {
        let permit = Arc::clone(&self.places).acquire_owned().await.ok();
        loop {
            match listener.accept().await {
                Ok((stream, _)) => return (stream, permit),
                Err(error) => {
                    warn!("a connection could not be accepted: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn serve(&mut self, stream: TcpStream, permit: Option<OwnedSemaphorePermit>) {
        while self.tasks.try_join_next().is_some() {}
        if let Err(error) = stream.set_nodelay(true) {
            debug!("the connection cannot be set to send small packets at once: {error}");
        }
        let service = TowerToHyperService::new(self.router.clone());
        let connection = self.graceful.watch(self.http.serve_connection(TokioIo::new(stream), service));
        self.tasks.spawn(async move {
            if let Err(error) = connection.await {
                debug!("a connection ended: {error}");
            }
            drop(permit);
        });
    }

    async fn finish(mut self, duration_max: Duration) {
        let open = self.graceful.count();
        let seconds = duration_max.as_secs();
        if open > 0 {
            info!("stopping; waiting up to {seconds} s for {open} open connections; Ctrl-C again to stop now");
        }
        if timeout(duration_max, self.graceful.shutdown()).await.is_err() {
            warn!("requests that took longer than {} s to finish were cut off", duration_max.as_secs());
        }
        self.tasks.shutdown().await;
    }
}
