//! The real command `registry-server` in a process of its own.

use super::client::Client;
use super::server::admin_token;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

/// A running server; it is killed when this is dropped.
pub struct ServerProcess {
    child: Child,
    pub url: String,
    data_dir: PathBuf,
}

impl ServerProcess {
    /// Starts the command and waits for its one line on stdout.
    pub fn start(data_dir: &Path) -> Self {
        Self::start_with_log(data_dir, Stdio::null())
    }

    /// The same, with a place for what it logs.
    pub fn start_with_log(data_dir: &Path, log: impl Into<Stdio>) -> Self {
        let mut child = command(data_dir).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        Self { child, url: line.trim_end().to_owned(), data_dir: data_dir.to_owned() }
    }

    /// A client with the operator's token.
    pub fn client(&self) -> Client {
        Client::new(self.url.clone()).with_token(&admin_token(&self.data_dir))
    }

    /// `kill -9`: the process cannot do anything about it.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal and waits for the end. Answers what else was on stdout.
    pub fn signal(mut self, name: &str) -> (ExitStatus, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
        let mut rest = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command on a free port, without what the environment of the test might say.
pub fn command(data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_registry-server"));
    for name in ["LISTEN", "DATA_DIR", "DATABASE_URL", "BLOB_URL", "PRIVATE", "RESERVE", "PUBLIC_URL", "OCI_ARTIFACTS"]
    {
        command.env_remove(format!("REGISTRY_{name}"));
    }
    command.env_remove("RUST_LOG");
    command.args(["--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir);
    command
}
