//! Registries, each a process of its own with its data in a folder of its own, without logs.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// The environment variable with which this program starts itself as our registry, so that no other has to be built.
pub const SERVE_IN: &str = "REGISTRY_BENCH_SERVE_IN";

/// The password `bench` as docker-registry wants it: bcrypt at the cost (5) that `htpasswd -B` has by default.
const HTPASSWD: &str = "bench:$2b$05$7UzHWHoTKQa/CJ2qZipt/uMBzsThGhYP3/o6RBH.u5bj.SFCXnVhq\n";

/// What somebody who may publish shows.
#[derive(Clone)]
pub struct Credentials {
    pub user: String,
    pub password: String,
}

/// A registry that runs as long as this value lives.
pub struct Server {
    address: SocketAddr,
    credentials: Option<Credentials>,
    data: TempDir,
    process: Child,
}

impl Server {
    /// This project's registry on SQLite, with the namespaces that are published into.
    pub fn ours(parent: &Path) -> Self {
        let data = TempDir::new_in(parent).unwrap();
        let mut command = Command::new(env::current_exe().unwrap());
        let mut process = command.env(SERVE_IN, data.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut url = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let token = fs::read_to_string(data.path().join("admin-token")).unwrap().trim_end().to_owned();
        claim_namespaces(url.trim_end(), &token);
        let address = url.trim_end().trim_start_matches("http://").parse().unwrap();
        // Our registry looks at the password alone.
        let credentials = Some(Credentials { user: "token".to_owned(), password: token });
        Self { address, credentials, data, process }
    }

    /// Debian's docker-registry with its files in a folder, as its own configuration has it.
    pub fn docker_registry(program: &Path, parent: &Path, needs_password: bool) -> Self {
        let data = TempDir::new_in(parent).unwrap();
        // The program does not tell which port it picked.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let configuration = docker_configuration(data.path(), address, needs_password);
        let process = Command::new(program).arg("serve").arg(configuration).stderr(Stdio::null()).spawn().unwrap();
        let credentials =
            needs_password.then(|| Credentials { user: "bench".to_owned(), password: "bench".to_owned() });
        let server = Self { address, credentials, data, process };
        server.wait();
        server
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where its data is.
    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// The credentials of somebody who may publish, if the server asks for them.
    pub fn credentials(&self) -> Option<Credentials> {
        self.credentials.clone()
    }

    fn wait(&self) {
        for _ in 0..500 {
            if TcpStream::connect(self.address).is_ok() {
                return;
            }
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the registry in {} does not answer", self.data.path().display());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What the process of our registry does.
pub fn serve(folder: &Path) {
    let config =
        registry_server::Config { listen: "127.0.0.1:0".parse().unwrap(), ..registry_server::Config::in_dir(folder) };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let server = registry_server::Server::bind(config).await.unwrap();
        println!("{}", server.url());
        server.run_until(std::future::pending()).await;
    });
}

fn claim_namespaces(url: &str, token: &str) {
    let client = registry_client::Client::new(url).unwrap().with_token(token.into());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for namespace in ["wasi", "bench"] {
        runtime.block_on(client.claim_namespace(namespace)).unwrap();
    }
}

fn docker_configuration(data: &Path, address: SocketAddr, needs_password: bool) -> PathBuf {
    let folder = data.display();
    let mut text = format!(
        "version: 0.1
log: {{level: error, accesslog: {{disabled: true}}}}
storage:
  cache: {{blobdescriptor: inmemory}}
  filesystem: {{rootdirectory: '{folder}/registry'}}
http: {{addr: '{address}'}}
"
    );
    if needs_password {
        fs::write(data.join("htpasswd"), HTPASSWD).unwrap();
        text.push_str(&format!("auth: {{htpasswd: {{realm: bench, path: '{folder}/htpasswd'}}}}\n"));
    }
    let path = data.join("configuration.yml");
    fs::write(&path, text).unwrap();
    path
}
