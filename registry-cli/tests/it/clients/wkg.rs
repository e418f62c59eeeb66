//! `wkg`, as somebody uses it.

use super::fixtures::{host, image};
use super::programs::{installed, isolated};
use crate::command::{assert_contains, stderr};
use crate::support::registry::TestRegistry;
use assert_cmd::Command;
use assert_cmd::assert::Assert;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Somebody with `wkg`: a home, a configuration and a cache.
pub struct Wkg {
    program: PathBuf,
    home: TempDir,
}

impl Wkg {
    /// Somebody who uses this registry with a token. `None` if there is no `wkg`.
    pub fn with(server: &TestRegistry, token: &str) -> Option<Self> {
        Self::configured(server, &format!("auth = {{ username = \"somebody\", password = \"{token}\" }}\n"))
    }

    /// Somebody who uses this registry without a token. `None` if there is no `wkg`.
    pub fn anonymous(server: &TestRegistry) -> Option<Self> {
        Self::configured(server, "")
    }

    /// The operator of this registry. `None` if there is no `wkg`.
    pub fn operator(server: &TestRegistry) -> Option<Self> {
        Self::with(server, server.token())
    }

    /// Somebody with more lines in the configuration of the registry.
    pub fn configured(server: &TestRegistry, lines: &str) -> Option<Self> {
        Self::at(host(server), &format!("protocol = \"http\"\n{lines}"))
    }

    /// Somebody who reaches a registry at this host with these lines in its configuration.
    pub fn at(host: &str, lines: &str) -> Option<Self> {
        let program = installed("wkg")?;
        let home = tempfile::tempdir().unwrap();
        let text = format!("default_registry = \"{host}\"\n\n[registry.\"{host}\".oci]\n{lines}");
        fs::write(home.path().join("config.toml"), text).unwrap();
        Some(Self { program, home })
    }

    /// The home.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The command in a folder.
    pub fn command(&self, folder: &Path) -> Command {
        let mut command = isolated(&self.program, self.home.path());
        command.current_dir(folder).env("WKG_CACHE_DIR", self.home.path().join("cache"));
        command.env("WKG_CONFIG_FILE", self.home.path().join("config.toml"));
        command
    }

    /// Runs it.
    pub fn run(&self, folder: &Path, arguments: &[&str]) -> Assert {
        self.command(folder).args(arguments).assert()
    }

    /// Runs it, and expects that it fails and says all of this.
    pub fn refused(&self, folder: &Path, arguments: &[&str], parts: &[&str]) {
        assert_contains(&stderr(&self.run(folder, arguments).failure()), parts);
    }

    /// Pushes a file to `NAMESPACE/NAME:TAG` as the operator. For this, `wkg` does not look into its configuration.
    pub fn push(&self, server: &TestRegistry, folder: &Path, target: &str, file: &str) -> Assert {
        let mut command = self.command(folder);
        command.env("WKG_OCI_USERNAME", "somebody").env("WKG_OCI_PASSWORD", server.token());
        command.args(["oci", "push", "--insecure", host(server), &image(server, target), file]).assert()
    }

    /// Builds and publishes the package in `wit` of a folder.
    pub fn publish(&self, folder: &Path) {
        self.run(folder, &["build"]).success();
        let published = self.run(folder, &["publish", "wit"]).success();
        assert_contains(&stderr(&published), &["Published "]);
    }

    /// Forgets what was fetched.
    pub fn clear_cache(&self) {
        let _ = fs::remove_dir_all(self.home.path().join("cache"));
    }
}
