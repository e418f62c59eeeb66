//! `skopeo`, as somebody uses it.

use super::programs::{isolated, of_debian};
use assert_cmd::Command;
use assert_cmd::assert::Assert;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Somebody with `skopeo`, and with the credentials of those registries where it logged in.
pub struct Skopeo {
    program: PathBuf,
    home: TempDir,
}

impl Skopeo {
    /// Somebody without credentials. `None` if there is no `skopeo`.
    pub fn new() -> Option<Self> {
        Some(Self { program: of_debian("skopeo")?, home: tempfile::tempdir().unwrap() })
    }

    /// The home, which is also where it runs.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The command.
    pub fn command(&self) -> Command {
        let mut command = isolated(&self.program, self.home());
        // Images of strangers are not signed; what is tested is another thing.
        command.current_dir(self.home()).arg("--insecure-policy");
        command
    }

    /// Runs it on images, each `HOST/NAMESPACE/NAME[:TAG]`.
    pub fn run(&self, arguments: &[&str], images: &[&str]) -> Assert {
        let images = images.iter().map(|image| format!("docker://{image}"));
        self.command().args(arguments).args(images).assert()
    }

    /// Copies between any two of its places.
    pub fn copy(&self, from: &str, to: &str) -> Assert {
        let arguments = ["copy", "--all", "--preserve-digests", "--src-tls-verify=false", "--dest-tls-verify=false"];
        self.command().args(arguments).args([from, to]).assert()
    }

    /// Logs in with a token.
    pub fn login(&self, host: &str, token: &str) -> Assert {
        let arguments = ["login", "--tls-verify=false", "--username", "somebody", "--password-stdin", host];
        self.command().args(arguments).write_stdin(token).assert()
    }

    /// The manifest of an image, byte for byte.
    pub fn manifest(&self, image: &str) -> String {
        crate::command::stdout(&self.run(&["inspect", "--raw", "--tls-verify=false"], &[image]).success())
    }
}
