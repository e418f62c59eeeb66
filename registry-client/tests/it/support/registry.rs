//! A real registry over real sockets, in a folder of its own.

use registry_client::Client;
use registry_client::local::{LocalInput, LocalPackage};
use registry_core::limits::Limits;
use registry_core::name::ReleaseName;
use registry_core::wit::PackageIdentity;
use registry_server::{Config, Server};
use std::future::Future;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The namespaces that the tests publish into; they belong to the operator, as whom the tests publish.
const NAMESPACES: [&str; 6] = ["a", "demo", "o", "t", "test", "wasi"];

pub struct TestRegistry {
    runtime: Runtime,
    url: String,
    token: String,
    config: Config,
    running: Option<Running>,
    data: TempDir,
}

/// A server that serves until it is told to stop.
struct Running {
    shutdown: oneshot::Sender<()>,
    stopped: JoinHandle<()>,
}

impl TestRegistry {
    /// A registry whose operator owns the namespaces that the tests publish into.
    pub fn start() -> Self {
        Self::start_with(|_| ())
    }

    /// The same, after the operator changed the configuration.
    pub fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let registry = Self::configured(change);
        for namespace in NAMESPACES {
            registry.block_on(registry.client().claim_namespace(namespace)).unwrap();
        }
        registry
    }

    /// A registry as it is when it starts for the first time.
    pub fn without_namespaces() -> Self {
        Self::configured(|_| ())
    }

    fn configured(change: impl FnOnce(&mut Config)) -> Self {
        let runtime = Runtime::new().unwrap();
        let data = tempfile::tempdir().unwrap();
        let mut config = Config { listen: "127.0.0.1:0".parse().unwrap(), ..Config::in_dir(data.path()) };
        change(&mut config);
        let server = runtime.block_on(Server::bind(config.clone())).unwrap();
        // Whoever is started anew is found where it was.
        config.listen = server.address();
        let url = server.url();
        let token = std::fs::read_to_string(server.admin_token_file()).unwrap().trim_end().to_owned();
        let running = Some(Running::new(&runtime, server));
        Self { runtime, url, token, config, running, data }
    }

    /// Stops the server. It is not there until it is started anew.
    pub fn stop(&mut self) {
        if let Some(Running { shutdown, stopped }) = self.running.take() {
            let _ = shutdown.send(());
            self.runtime.block_on(stopped).unwrap();
        }
    }

    /// Stops the server and starts it anew, at the same address and with what it has.
    pub fn restart(&mut self) {
        self.stop();
        let server = self.runtime.block_on(Server::bind(self.config.clone())).unwrap();
        self.running = Some(Running::new(&self.runtime, server));
    }

    /// The operator's token.
    pub fn token(&self) -> &str {
        &self.token
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the registry keeps its data.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// A folder for what is fetched from this registry.
    pub fn cache(&self) -> PathBuf {
        self.data().join("cache-of-tests")
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url).unwrap().with_token(self.token.as_str().into())
    }

    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Publishes a package with all its dependencies from files on disk.
    pub fn publish(&self, path: &Path, dependencies: Option<&Path>) -> PackageIdentity {
        let package = local_package(path, dependencies);
        for upload in package.uploads(&Limits::default()).unwrap() {
            self.block_on(self.client().publish_package(upload.files, upload.hash)).unwrap();
        }
        package.wit.identity().unwrap().clone()
    }

    /// Publishes one package of one file. Its dependencies must be there or nested in it.
    pub fn publish_text(&self, text: &str) -> PackageIdentity {
        let folder = tempfile::tempdir().unwrap();
        super::write_files(folder.path(), &[("package.wit", text)]);
        self.publish(folder.path(), None)
    }

    pub fn publish_component(&self, bytes: &[u8], name: Option<&str>) -> registry_core::id::ComponentHash {
        let hash = registry_core::id::ComponentHash::of(bytes);
        let name = name.map(|name| name.parse::<ReleaseName>().unwrap());
        self.block_on(self.client().publish_component(bytes.to_vec(), name.as_ref(), hash)).unwrap();
        hash
    }
}

impl Running {
    fn new(runtime: &Runtime, server: Server) -> Self {
        let (shutdown, told) = oneshot::channel::<()>();
        let stopped = runtime.spawn(server.run_until(async move {
            let _ = told.await;
        }));
        Self { shutdown, stopped }
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        let _ = self.running.take().map(|running| running.shutdown.send(()));
    }
}

pub fn local_package(path: &Path, dependencies: Option<&Path>) -> LocalPackage {
    match LocalInput::read(path, dependencies, &Limits::default()).unwrap() {
        LocalInput::Package(package) => *package,
        LocalInput::Component(_) => panic!("{} is a component", path.display()),
    }
}
