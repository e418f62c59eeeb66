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
  registry diff old/deps/http new/deps/http.wit
  registry diff old.wasm my-team:adder@1.1.0 --json

What changed is told in plain words with the step that it needs: `breaking` if something that worked stops working,
`addition` if everything that there was is still there, `none` if nothing changes for users. Two packages are compared,
or the worlds of two components. Each side on this machine is completed from the first folder of dependencies that has all
it needs, in the end from the one that it lies in. The rules are in docs/compatibility.md.")]
pub(crate) struct DiffArguments {
    /// The old side: `namespace:name[@version]`, a hash, a folder, or a file.
    #[arg(value_name = "OLD")]
    pub(crate) old: Subject,
    /// The new side.
    #[arg(value_name = "NEW")]
    pub(crate) new: Subject,
    /// Where the dependencies of what is on this machine are, instead of `deps` inside the folder or beside the file;
    /// may be given again for the other side.
    #[arg(long, value_name = "DIR")]
    pub(crate) deps: Vec<PathBuf>,
    /// End with exit code 1 if the two are not the very same.
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry check wit/
  registry check wit/ --with-deps
  registry check adder.wasm --as my-team:adder@1.1.0

Says what `publish` would say, and publishes nothing: whether what it needs is in the registry, whether its namespace is
yours (without a token, whether anybody has claimed it), whether its version is taken, and whether it is compatible. It is
compared with the releases between which its version stands: with the nearest lower and the nearest higher one of its
semver track. In a namespace that the registry's operator has relaxed, what broke is listed and passes. The exit code is 1
if publishing would be refused; `--json` has `passes` and the `reasons`.")]
pub(crate) struct CheckArguments {
    /// A WIT folder, a `.wit` file, wasm-encoded WIT, or a component.
    pub(crate) path: PathBuf,
    /// The name that a component will be published under. A WIT package has its name in its text.
    #[arg(long = "as", value_name = "NAMESPACE:NAME@VERSION")]
    pub(crate) name: Option<ReleaseName>,
    /// Take for granted that missing dependencies are published too, as `publish --with-deps` does.
    #[arg(long)]
    pub(crate) with_deps: bool,
    /// Where the dependencies are, instead of `deps` inside the folder or beside the file.
    #[arg(long, value_name = "DIR")]
    pub(crate) deps: Option<PathBuf>,
}
