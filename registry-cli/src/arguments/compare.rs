//! Arguments of the commands that compare.

use super::Subject;
use clap::Args;
use registry_core::name::ReleaseName;
use std::path::PathBuf;

/// Arguments of `diff`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry diff wasi:http@0.2.4 wasi:http@0.2.12
  registry diff wasi:http wit/
  registry diff old.wasm my-team:adder@1.1.0 --json

What changed is told in plain words with the step that it needs: `breaking` if something that worked stops working,
`addition` if everything that there was is still there, `none` if nothing changes for users. Two packages are compared,
or the worlds of two components. The rules are in docs/compatibility.md.")]
pub(crate) struct DiffArguments {
    /// The old side: `namespace:name[@version]`, a hash, a folder, or a file.
    #[arg(value_name = "OLD")]
    pub(crate) old: Subject,
    /// The new side.
    #[arg(value_name = "NEW")]
    pub(crate) new: Subject,
    /// Where the dependencies of what is on this machine are, instead of `deps` inside the folder or beside the file.
    #[arg(long, value_name = "DIR")]
    pub(crate) deps: Option<PathBuf>,
    /// End with exit code 1 if the two are not the very same.
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry check wit/
  registry check adder.wasm --as my-team:adder@1.1.0

The package is compared with the releases between which its version stands, as the registry does when it is published:
with the nearest lower and the nearest higher one of its semver track. The exit code is 1 if it would be refused.")]
pub(crate) struct CheckArguments {
    /// A WIT folder, a `.wit` file, wasm-encoded WIT, or a component.
    pub(crate) path: PathBuf,
    /// The name that a component will be published under. A WIT package has its name in its text.
    #[arg(long = "as", value_name = "NAMESPACE:NAME@VERSION")]
    pub(crate) name: Option<ReleaseName>,
    /// Where the dependencies are, instead of `deps` inside the folder or beside the file.
    #[arg(long, value_name = "DIR")]
    pub(crate) deps: Option<PathBuf>,
}
