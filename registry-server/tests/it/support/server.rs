//! A server inside the test's process.

use super::client::Client;
use super::postgres;
use registry_server::{Config, Server, ServerLimits};
use std::fs;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The namespaces that the tests publish into.
const NAMESPACES: [&str; 7] = ["a", "demo", "many", "o", "t", "test", "wasi"];

/// A server on a free port, and its client.
pub struct TestServer {
    pub address: SocketAddr,
    client: Client,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl TestServer {
    /// A server on a data directory, with the product's limits.
    pub async fn on(data_dir: &Path) -> Self {
        Self::with_limits(data_dir, ServerLimits::default()).await
    }

    /// A server on a data directory, with other limits.
    pub async fn with_limits(data_dir: &Path, limits: ServerLimits) -> Self {
        Self::with_config(config(data_dir, limits)).await
    }

    /// A server whose client has the operator's token, which owns the namespaces of the tests.
    pub async fn with_config(config: Config) -> Self {
        let server = Self::bare(config).await;
        for namespace in NAMESPACES {
            server.claim(namespace).await;
        }
        server
    }

    /// A server whose client has the operator's token, without any namespace.
    pub async fn bare(config: Config) -> Self {
        let data_dir = config.data_dir.clone();
        let server = Server::bind(config).await.unwrap();
        let (stop, stopped) = oneshot::channel();
        let client = Client::new(server.url()).with_token(&admin_token(&data_dir));
        let address = server.address();
        let task = tokio::spawn(server.run_until(async {
            let _ = stopped.await;
        }));
        Self { address, client, stop, task }
    }

    /// Asks the server to stop; it goes on with the requests that it is handling.
    pub fn ask_to_stop(self) -> JoinHandle<()> {
        self.stop.send(()).unwrap();
        self.task
    }

    /// Stops the server and waits until it has stopped.
    pub async fn stop(self) {
        self.ask_to_stop().await.unwrap();
    }
}

impl Deref for TestServer {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

/// A server on a data directory that goes away with it.
pub async fn temporary() -> (TempDir, TestServer) {
    let dir = TempDir::new().unwrap();
    let server = TestServer::on(dir.path()).await;
    (dir, server)
}

/// A server on each database that there is: SQLite, and PostgreSQL if there is one.
pub async fn on_both_databases() -> Vec<(TempDir, TestServer)> {
    on_both_databases_with(|_| {}).await
}

/// The same with another configuration.
pub async fn on_both_databases_with(change: impl Fn(&mut Config)) -> Vec<(TempDir, TestServer)> {
    let mut servers = Vec::new();
    for (dir, config) in configs(change).await {
        servers.push((dir, TestServer::with_config(config).await));
    }
    servers
}

/// The configuration of a server on each database that there is.
pub async fn configs(change: impl Fn(&mut Config)) -> Vec<(TempDir, Config)> {
    let dir = TempDir::new().unwrap();
    let sqlite = config(dir.path(), ServerLimits::default());
    let mut configs = vec![(dir, sqlite)];
    if let Some(url) = postgres::new_database().await {
        let dir = TempDir::new().unwrap();
        let postgres = Config { database: url.parse().unwrap(), ..config(dir.path(), ServerLimits::default()) };
        configs.push((dir, postgres));
    }
    configs.iter_mut().for_each(|(_, config)| change(config));
    configs
}

/// The operator's token, as a server has left it in its data directory.
pub fn admin_token(data_dir: &Path) -> String {
    fs::read_to_string(data_dir.join("admin-token")).unwrap().trim_end().to_owned()
}

pub fn config(data_dir: &Path, limits: ServerLimits) -> Config {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Config { listen, limits, ..Config::in_dir(data_dir) }
}

/// The file in which the server keeps something with the given hash.
pub fn blob_file(data_dir: &Path, kind: &str, hash: &str) -> PathBuf {
    data_dir.join("blobs").join(format!("{kind}-{}", &hash["p2:w".len()..]))
}
