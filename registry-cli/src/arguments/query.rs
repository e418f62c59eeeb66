//! Arguments of the commands that find things in a registry.

use clap::{Args, ValueEnum};
use registry_client::SearchKind;
use registry_core::id::HashPrefix;
use registry_core::name::{InterfaceSpec, Spec};
use std::str::FromStr;

/// Arguments of `search`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry search http request
  registry search key value --kind package --limit 10
  registry search streams --json

Found is what has every one of the words, or a word that begins so, in its name, in the names of its interfaces, worlds,
functions and types, in its metadata, or in its docs; what has them in the name comes first.")]
pub(crate) struct SearchArguments {
    /// The words.
    #[arg(required = true, value_name = "WORD")]
    pub(crate) words: Vec<String>,
    /// Only packages, or only components.
    #[arg(long, value_enum)]
    pub(crate) kind: Option<KindArgument>,
    #[command(flatten)]
    pub(crate) limit: LimitArguments,
}

/// Packages or components.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum KindArgument {
    /// WIT packages.
    Package,
    /// Components.
    Component,
}

impl From<KindArgument> for SearchKind {
    fn from(kind: KindArgument) -> Self {
        match kind {
            KindArgument::Package => Self::Package,
            KindArgument::Component => Self::Component,
        }
    }
}

/// Arguments of `who-imports` and `who-exports`.
#[derive(Debug, Args)]
pub(crate) struct UsersArguments {
    /// `namespace:package/interface[@version]`, or the id of an interface (`p2:i…`).
    pub(crate) interface: InterfaceSpec,
    #[command(flatten)]
    pub(crate) limit: LimitArguments,
}

pub(super) const WHO_IMPORTS_HELP: &str = "Examples:
  registry who-imports wasi:io/streams
  registry who-imports wasi:io/streams@0.2.12 --json

Listed are components, and worlds of WIT packages. Without a version, users of every version are.";

pub(super) const WHO_EXPORTS_HELP: &str = "Examples:
  registry who-exports wasi:http/incoming-handler
  registry who-exports wasi:http/incoming-handler@0.2.12 --json

Listed are components, and worlds of WIT packages. Without a version, users of every version are.";

/// Arguments of `dependents`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry dependents wasi:io@0.2.12
  registry dependents wasi:io --limit all

Listed are the packages and components that refer to the package directly.")]
pub(crate) struct DependentsArguments {
    /// The package: `namespace:name[@version]`, or a hash.
    pub(crate) spec: Spec,
    #[command(flatten)]
    pub(crate) limit: LimitArguments,
}

/// Arguments of `identify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry identify p2:w4a73
  registry identify 4a73ff3c27ea
  registry identify $(sha256sum < adder.wasm | cut -d' ' -f1)

It is enough to give `p2:`, the letter and four digits, or eight digits alone. Sixty-four digits alone may be a sha256 too.")]
pub(crate) struct IdentifyArguments {
    /// A hash or an id, the beginning of one, or a sha256.
    #[arg(value_name = "HASH")]
    pub(crate) hash: HashPrefix,
    #[command(flatten)]
    pub(crate) limit: LimitArguments,
}

/// How much of a list to print.
#[derive(Debug, Args)]
pub(crate) struct LimitArguments {
    /// Print at most so many, or `all`.
    #[arg(long, value_name = "N|all", default_value = "50")]
    pub(crate) limit: Limit,
}

/// A number of items.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit(pub(crate) usize);

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        if text == "all" {
            return Ok(Self(usize::MAX));
        }
        match text.parse() {
            Ok(0) | Err(_) => Err("it is a number from 1 on, or `all`"),
            Ok(limit) => Ok(Self(limit)),
        }
    }
}
