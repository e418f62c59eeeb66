//! The command line.

mod account;
mod compare;
mod mirror;
mod project;
mod query;
#[cfg(test)]
mod reference;
mod release;

pub(crate) use account::*;
pub(crate) use compare::*;
pub(crate) use mirror::*;
pub(crate) use project::*;
pub(crate) use query::*;
pub(crate) use release::*;

use clap::{Args, ColorChoice, Parser, Subcommand};
use clap_complete::Shell;
use registry_core::name::{ReleaseName, Spec, SpecError};
use std::path::PathBuf;
use std::str::FromStr;

/// Publish, fetch and verify WIT packages and WebAssembly components by content hash.
///
/// SPEC is `namespace:name` (its newest release), `namespace:name@version`, or a hash (`p2:w…` a WIT package, `p2:c…` a
/// component). Whatever is fetched is verified here, by recomputing every hash, before anything is shown or written.
#[derive(Debug, Parser)]
#[command(name = "registry", version, propagate_version = true, after_help = EXIT_CODES)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub(crate) global: GlobalArguments,
}

const EXIT_CODES: &str = "Exit codes: 0 success, 1 failure, 2 wrong usage.
Data goes to standard output; status, progress and errors go to standard error.

Reading needs no token, unless the registry is private. A token comes from --token-file, else from REGISTRY_TOKEN, else
from `registry login`; a registry on this machine that keeps its data in the default place needs no set-up at all: what
needs a token uses the administrator's, which `registry-server` wrote there.";

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArguments {
    /// The registry [default: that of `registry.toml` for a project, else http://127.0.0.1:7878].
    #[arg(long, global = true, env = "REGISTRY_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) registry: Option<String>,
    /// A file with the token to use, instead of REGISTRY_TOKEN and of what `registry login` keeps.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Send a token even to another machine without TLS, where everybody on the way can read it.
    #[arg(long, global = true)]
    pub(crate) allow_plain_http: bool,
    /// Print one JSON document instead of text, no status, and errors as JSON too.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to color; NO_COLOR is respected too.
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub(crate) color: ColorChoice,
    /// Print no status and no progress.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Print what is sent and received; twice for more.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Publish a WIT package or a component.
    Publish(PublishArguments),
    /// Fetch what the project needs, or one package or component with everything that it needs, and verify it.
    Fetch(FetchArguments),
    /// Show what a package or a component is and what it needs.
    ///
    /// A contract of Starstream's is also explained in Starstream's terms: its types of UTXOs and tokens with their mains,
    /// methods and state, its scripts, events and effects, and what it uses of other contracts.
    Show(ShowArguments),
    /// Print the hash of a local WIT package or component. Works offline.
    Hash(HashArguments),
    /// Show the dependencies of a package or a component as a tree.
    Tree(TreeArguments),
    /// Fetch and recompute every hash, or compare a folder with what the registry has bound its names to.
    Verify(VerifyArguments),
    /// Tell in plain words what changed between two packages or components, and which semver step it is.
    Diff(DiffArguments),
    /// Check that a package or component may be published among the releases of its name.
    Check(CheckArguments),
    /// List the releases of a name with their states.
    Releases(ReleasesArguments),
    /// Find packages and components by words.
    Search(SearchArguments),
    /// List what imports an interface.
    #[command(after_help = query::WHO_IMPORTS_HELP)]
    WhoImports(UsersArguments),
    /// List what exports an interface.
    #[command(after_help = query::WHO_EXPORTS_HELP)]
    WhoExports(UsersArguments),
    /// List what refers to a package directly.
    Dependents(DependentsArguments),
    /// Say what a hash, the beginning of one, or a sha256 stands for.
    Identify(IdentifyArguments),
    /// Take a release out of new resolutions; whoever has it keeps it.
    Yank(YankArguments),
    /// Take a yank back.
    Unyank(UnyankArguments),
    /// Tell the users of a release to go elsewhere.
    Deprecate(DeprecateArguments),
    /// Copy packages and components from another registry, with everything that they need.
    Mirror(MirrorArguments),
    /// Keep a token for a registry, so that commands use it.
    #[command(after_help = account::LOGIN_HELP)]
    Login,
    /// Forget the token that `login` keeps for a registry.
    Logout(LogoutArguments),
    /// Show whom the token in use speaks for and what it allows.
    #[command(after_help = account::WHOAMI_HELP)]
    Whoami,
    /// Make, list and revoke tokens.
    #[command(subcommand, after_help = account::TOKEN_HELP)]
    Token(TokenCommand),
    /// Claim namespaces and change who owns them.
    #[command(subcommand, after_help = account::NAMESPACE_HELP)]
    Namespace(NamespaceCommand),
    /// Make a project of the current folder: write `registry.toml`.
    Init(InitArguments),
    /// Require packages, and fetch them.
    Add(AddArguments),
    /// Move requirements to their highest versions, in the lock, in `deps` and in the project's own WIT.
    Update(UpdateArguments),
    /// Write the lock, or check that everything fits it.
    Lock(LockArguments),
    /// Take over the requirements of a project of wkg or wit-deps.
    Import(ImportArguments),
    /// Look after what was fetched before.
    #[command(subcommand)]
    Cache(CacheCommand),
    /// Print a completion script for a shell.
    Completions(CompletionsArguments),
    /// Write man pages, one for each command.
    Manual(ManualArguments),
}

/// Arguments of `publish`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry publish wit/
  registry publish wit/ --with-deps
  registry publish package.wasm --deps wit/deps
  registry publish adder.wasm --as my-team:adder@1.0.0
  registry publish wit/ --claim

Only owners of a namespace publish into it. The hash is computed here and printed; the registry computes it again and refuses a package that has another.
Dependencies go up only with `--with-deps`, each before those that need it; those that `wkg fetch` wrote do not, because it
keeps only the parts of them that are used. Publishing the same again is success.")]
pub(crate) struct PublishArguments {
    /// A WIT folder, a `.wit` file, wasm-encoded WIT, or a component.
    pub(crate) path: PathBuf,
    /// The name to bind a component to. A WIT package has its name in its text.
    #[arg(long = "as", value_name = "NAMESPACE:NAME@VERSION")]
    pub(crate) name: Option<ReleaseName>,
    /// Publish missing dependencies too, those in `deps` and those nested in the file.
    #[arg(long)]
    pub(crate) with_deps: bool,
    /// Where the dependencies are, instead of `deps` inside the folder or beside the file.
    #[arg(long, value_name = "DIR")]
    pub(crate) deps: Option<PathBuf>,
    /// Claim the namespaces of what is published that nobody owns yet.
    #[arg(long)]
    pub(crate) claim: bool,
}

/// Arguments of `show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry show wasi:http
  registry show wasi:http@0.2.0 --wit
  registry show my-team:adder --json")]
pub(crate) struct ShowArguments {
    /// `namespace:name[@version]`, or a hash.
    pub(crate) spec: Spec,
    /// Print the WIT text instead: of a package itself, or of a component's world.
    #[arg(long)]
    pub(crate) wit: bool,
}

/// Arguments of `hash`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry hash wit/
  registry hash package.wasm --deps wit/deps
  registry hash adder.wasm

Source, wasm-encoded WIT and one flat document of the same package have the same hash. Wasm-encoded WIT holds only parts
of other packages, so these must be there: in `deps` beside the file, or where `--deps` says.")]
pub(crate) struct HashArguments {
    /// A WIT folder, a `.wit` file, wasm-encoded WIT, or a component.
    pub(crate) path: PathBuf,
    /// Where the dependencies are, instead of `deps` inside the folder or beside the file.
    #[arg(long, value_name = "DIR")]
    pub(crate) deps: Option<PathBuf>,
}

/// Arguments of `tree`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry tree wasi:http@0.2.0
  registry tree my-team:adder --json

A package that is shown further up too is marked with (*); its dependencies stand there.")]
pub(crate) struct TreeArguments {
    /// `namespace:name[@version]`, or a hash.
    pub(crate) spec: Spec,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry verify wasi:http@0.2.0
  registry verify wit/

A SPEC is fetched and every hash in its closure is recomputed. For a folder or a file, each package and each component
in it (`deps` included) is a line of its own: `ok`, `differs` (with both hashes), `not-published` or `invalid` (with
the reason). Packages are compared with what the registry has bound their name and version to, components with what it
has under their hash, and the WIT of a fetched component with the world that is in the component. A package without a
version that is no part of a component is `unversioned`: there is nothing to compare it with.
The exit code is 0 if something is `ok` and everything else is that or `unversioned`.")]
pub(crate) struct VerifyArguments {
    /// `namespace:name[@version]`, a hash, a folder, or a file.
    #[arg(value_name = "SPEC|PATH")]
    pub(crate) subject: Subject,
}

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  registry completions bash > ~/.local/share/bash-completion/completions/registry")]
pub(crate) struct CompletionsArguments {
    /// The shell.
    pub(crate) shell: Shell,
}

/// Arguments of `manual`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  registry manual ~/.local/share/man/man1")]
pub(crate) struct ManualArguments {
    /// The folder to write them into.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

/// What `verify` and `diff` are asked about.
#[derive(Debug, Clone)]
pub(crate) enum Subject {
    /// Something in the registry.
    Spec(Spec),
    /// A folder or a file on this machine.
    Path(PathBuf),
}

/// A text that is no [`Subject`].
#[derive(Debug, thiserror::Error)]
#[error("there is no such file or folder, and it is not a name or hash either: {0}")]
pub(crate) struct SubjectError(SpecError);

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let path = PathBuf::from(text);
        // A name contains no separator, so that a path that looks like one is never sent to a registry.
        if path.exists() || path.components().count() > 1 {
            return Ok(Self::Path(path));
        }
        text.parse().map(Self::Spec).map_err(SubjectError)
    }
}
