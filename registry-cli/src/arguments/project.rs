//! Arguments of the commands that work with a project, and of those about the cache.

use clap::{Args, Subcommand};
use registry_client::project::{Addition, PackagePath};
use registry_core::name::Spec;
use std::path::PathBuf;

/// Arguments of `init`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry init
  registry init --wit interfaces

Writes `registry.toml` into the current folder. What the WIT there refers to becomes a requirement.")]
pub(crate) struct InitArguments {
    /// The folder with the project's own WIT.
    #[arg(long, value_name = "DIR", default_value = registry_client::project::WIT_FOLDER)]
    pub(crate) wit: PathBuf,
}

/// Arguments of `add`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry add wasi:http
  registry add wasi:http@0.2.4
  registry add wasi:io@=0.2.4 'wasi:cli@>=0.2.3, <0.2.8'
  registry add wasi:clocks@0.2 wasi:clocks@0.3

A range is written as in Cargo: `0.2.4` is that version or a later compatible one, `=0.2.4` that one alone. Without a
range, the newest version and later compatible ones. Several ranges of one package bring a version for each; they take
the place of those that were there. What is locked keeps its version. `registry.toml`, `registry.lock`
and `deps` are brought up to date together; if anything fails, nothing is added.")]
pub(crate) struct AddArguments {
    /// What to require: `namespace:name[@range]`.
    #[arg(required = true, value_name = "NAMESPACE:NAME[@RANGE]")]
    pub(crate) additions: Vec<Addition>,
}

/// Arguments of `update`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry update --dry-run
  registry update
  registry update wasi:http

Each requirement gets the highest version in its range that is not yanked, preferring those that leave one version of
each package. WIT has no ranges, so the exact versions in the project's own WIT are changed too; nothing else in it is.")]
pub(crate) struct UpdateArguments {
    /// The requirements to update [default: all].
    #[arg(value_name = "NAMESPACE:NAME")]
    pub(crate) names: Vec<PackagePath>,
    /// Show what would change and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Arguments of `fetch`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry fetch
  registry fetch --locked
  registry fetch wasi:http
  registry fetch wasi:http@0.2.0 -o wit
  registry fetch my-team:adder@1.0.0 -o adder --force

Without a SPEC: puts what the project needs into its `deps`. What is locked keeps its version; what is not is resolved
and locked. Files that you put there yourself are never touched, and a fetched file that was changed is an error.

With a SPEC, no project is needed: the folder has the layout that wit-bindgen and wasm-tools read, the package's `.wit`
file and `deps/`; for a component the `.wasm`, its world as `.wit` and `deps/`. It is written whole or not at all. Its
path is printed.")]
pub(crate) struct FetchArguments {
    /// `namespace:name[@version]`, or a hash [default: everything that the project needs].
    pub(crate) spec: Option<Spec>,
    /// The folder to write [default: one in the current folder, called by name and version].
    #[arg(short, long, value_name = "DIR", requires = "spec")]
    pub(crate) output: Option<PathBuf>,
    /// Replace the folder, if it holds nothing but WIT and components; in a project, the fetched files that were changed.
    #[arg(long)]
    pub(crate) force: bool,
    /// Fail if the lock is not there, does not fit `registry.toml` or the packages, or would have to be changed.
    #[arg(long, conflicts_with = "spec")]
    pub(crate) locked: bool,
    /// Send nothing: take everything from the lock and the cache. Implies `--locked`.
    #[arg(long)]
    pub(crate) offline: bool,
}

/// Arguments of `lock`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry lock
  registry lock --check

Without `--check`: resolves what is not locked yet and writes `registry.lock`. With it: works offline, writes nothing, and
recomputes the hash of every package in `deps`. The exit code is 0 if everything fits.")]
pub(crate) struct LockArguments {
    /// Check that lock, `registry.toml`, `deps` and the project's own WIT fit each other.
    #[arg(long)]
    pub(crate) check: bool,
}

/// Arguments of `import`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry import
  registry import --wit interfaces

Reads `wkg.toml` and `wkg.lock` (wkg) or `deps.toml` (wit-deps) and writes the same requirements into `registry.toml`, in
exactly the versions that are used now. What cannot be taken over is listed with the reason. Then `registry fetch`.")]
pub(crate) struct ImportArguments {
    /// The folder with the project's own WIT.
    #[arg(long, value_name = "DIR", default_value = registry_client::project::WIT_FOLDER)]
    pub(crate) wit: PathBuf,
}

/// What to do with the cache.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheCommand {
    /// Print the folder of the cache.
    #[command(after_help = "Examples:
  registry cache dir
  registry cache dir --json

The folder is REGISTRY_CACHE_DIR, or `registry-cache` in $XDG_CACHE_HOME or ~/.cache. If REGISTRY_CACHE_DIR is empty,
nothing is cached.")]
    Dir,
    /// Recompute the hash of everything in the cache.
    #[command(after_help = "Examples:
  registry cache verify
  registry cache verify --json

Each package and component is a line of its own: `ok`, `incomplete` (something that it needs is not in the cache; it is
fetched again when it is needed) or `damaged`. The exit code is 0 if nothing is damaged.")]
    Verify,
    /// Remove everything that is cached.
    #[command(after_help = "Examples:
  registry cache clean
  registry cache clean --json")]
    Clean,
}
