//! Somebody who works with one registry: a home with a configuration, a cache and a project.

use crate::server::Credentials;
use crate::support::write_files;
use registry_core::name::ReleaseName;
use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const CONFIGURATION: &str = "configuration.toml";
const ARTIFACT: &str = "new.wasm";

/// What the project says for itself; everything else comes from the registry.
const PROJECT: [(&str, &str); 2] = [
    ("project/wit/world.wit", "package bench:app@0.1.0;\n\nworld app {\n    include wasi:http/proxy@0.2.12;\n}\n"),
    ("project/registry.toml", "[dependencies]\n\"wasi:http\" = \"=0.2.12\"\n"),
];

/// The program that a user has.
#[derive(Clone)]
pub enum Client {
    /// `wkg`, and where it is.
    Wkg(PathBuf),
    /// `registry`, which is built with this benchmark.
    Registry,
}

pub struct User {
    client: Client,
    address: SocketAddr,
    credentials: Option<Credentials>,
    home: TempDir,
}

impl User {
    pub fn new(client: Client, address: SocketAddr, credentials: Option<Credentials>) -> Self {
        let home = tempfile::tempdir().unwrap();
        write_files(home.path(), &PROJECT);
        write_files(home.path(), &[(CONFIGURATION, &configuration(address, credentials.as_ref()))]);
        Self { client, address, credentials, home }
    }

    /// Puts what the project needs into it.
    pub fn fetch(&self) -> Command {
        match &self.client {
            Client::Wkg(program) => self.wkg(program, &["wit", "fetch"]),
            Client::Registry => self.registry(&["fetch"]),
        }
    }

    /// The same for a project with a lock. `wkg` has no word for it: it finds the lock and asks all the same.
    pub fn fetch_locked(&self) -> Command {
        match &self.client {
            Client::Wkg(_) => self.fetch(),
            Client::Registry => self.registry(&["fetch", "--locked"]),
        }
    }

    /// Publishes a WIT package under the name that it has.
    pub fn publish_package(&self, bytes: &[u8]) -> Command {
        fs::write(self.project().join(ARTIFACT), bytes).unwrap();
        match &self.client {
            Client::Wkg(program) => self.wkg(program, &["publish", ARTIFACT]),
            Client::Registry => self.registry(&["publish", ARTIFACT, "--deps", "wit/deps"]),
        }
    }

    /// Publishes a component under a name. `wkg publish` of 0.16.1 takes none: it looks for a version inside, where none
    /// has one.
    pub fn publish_component(&self, bytes: &[u8], name: &ReleaseName) -> Command {
        fs::write(self.project().join(ARTIFACT), bytes).unwrap();
        let Client::Wkg(program) = &self.client else {
            return self.registry(&["publish", ARTIFACT, "--as", &name.to_string()]);
        };
        let server = self.address.to_string();
        let reference = format!("{server}/{}/{}:{}", name.namespace(), name.name(), name.version());
        let mut command = self.wkg(program, &["oci", "push", "--insecure", &server, &reference, ARTIFACT]);
        if let Some(Credentials { user, password }) = &self.credentials {
            command.env("WKG_OCI_USERNAME", user).env("WKG_OCI_PASSWORD", password);
        }
        command
    }

    /// As in a fresh clone of a project without a lock.
    pub fn forget_everything(&self) {
        self.forget_what_was_fetched();
        for lock in ["wkg.lock", "registry.lock"] {
            let _ = fs::remove_file(self.project().join(lock));
        }
    }

    /// As in a fresh clone of a project with a lock.
    pub fn forget_what_was_fetched(&self) {
        for folder in [self.cache(), self.project().join("wit/deps"), self.project().join("deps")] {
            let _ = fs::remove_dir_all(folder);
        }
    }

    fn wkg(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = self.command(program, arguments);
        command.env("WKG_CONFIG_FILE", self.home.path().join(CONFIGURATION)).env("WKG_CACHE_DIR", self.cache());
        command
    }

    fn registry(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_registry")), arguments);
        command.env("REGISTRY_URL", format!("http://{}", self.address)).env("REGISTRY_CACHE_DIR", self.cache());
        if let Some(Credentials { password, .. }) = &self.credentials {
            command.env("REGISTRY_TOKEN", password);
        }
        command
    }

    /// A program in the project's folder. It sees nothing of the environment but where programs are: no other
    /// configuration, no credentials, no wish for backtraces.
    fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        let path = env::var_os("PATH").unwrap_or_default();
        command.env_clear().env("PATH", path).env("HOME", self.home.path());
        command.current_dir(self.project()).args(arguments);
        command
    }

    fn cache(&self) -> PathBuf {
        self.home.path().join("cache")
    }

    fn project(&self) -> PathBuf {
        self.home.path().join("project")
    }
}

/// The configuration of `wkg`.
fn configuration(address: SocketAddr, credentials: Option<&Credentials>) -> String {
    let mut text = format!("default_registry = \"{address}\"\n[registry.\"{address}\".oci]\nprotocol = \"http\"\n");
    if let Some(Credentials { user, password }) = credentials {
        text.push_str(&format!("auth = {{ username = \"{user}\", password = \"{password}\" }}\n"));
    }
    text
}
