//! Arguments of the commands about accounts, tokens and namespaces.

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use registry_core::name::{NameError, check_identifier};
use registry_core::wire::{CompatibilityRule, Scope};
use std::str::FromStr;

pub(super) const LOGIN_HELP: &str = "Examples:
  registry login
  registry login --registry https://registry.example --token-file token
  REGISTRY_TOKEN=… registry login

The token is asked for without being shown; without a terminal it is the first line of standard input. The registry is
asked whether it is good before it is kept, in `registry/credentials.toml` in $XDG_CONFIG_HOME or ~/.config, which only
you can read. Each registry has a token of its own.";

pub(super) const WHOAMI_HELP: &str = "Examples:
  registry whoami
  registry whoami --json";

pub(super) const TOKEN_HELP: &str = "Examples:
  registry token create --scope publish --namespace my-team --expires 90d --description ci > token
  registry token list
  registry token revoke 3f9c2a

All of them need a token with the scope `admin`.";

pub(super) const NAMESPACE_HELP: &str = "Examples:
  registry namespace claim my-team
  registry namespace show my-team
  registry namespace owner add my-team bob";

/// Arguments of `logout`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry logout
  registry logout --revoke

Without `--revoke` the token stays good for whoever has it elsewhere.")]
pub(crate) struct LogoutArguments {
    /// Revoke the token too.
    #[arg(long)]
    pub(crate) revoke: bool,
}

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub(crate) enum TokenCommand {
    /// Make a token and print it. It is shown this one time.
    Create(TokenCreateArguments),
    /// List tokens without their secrets.
    #[command(after_help = "Examples:
  registry token list
  registry token list --account bob")]
    List {
        /// Somebody else's; only an operator can see those.
        #[arg(long, value_name = "ACCOUNT", value_parser = identifier)]
        account: Option<String>,
    },
    /// Make a token useless.
    #[command(after_help = "Examples:
  registry token list
  registry token revoke 3f9c2a

The beginning of an id is enough, if only one of your own begins so. Never give the token itself.")]
    Revoke {
        /// Its id, which `list` shows.
        id: String,
    },
}

/// Arguments of `token create`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  registry token create --scope publish --namespace my-team --expires 90d --description ci > token
  registry token create --scope publish,yank,admin --account bob

A token allows no more than the one that makes it. The token alone goes to standard output.")]
pub(crate) struct TokenCreateArguments {
    /// What it allows: publish, yank, admin. Several are separated by commas.
    #[arg(long = "scope", required = true, value_delimiter = ',', value_name = "SCOPE")]
    pub(crate) scopes: Vec<Scope>,
    /// The only namespace that it is good for [default: all of its account].
    #[arg(long, value_parser = identifier)]
    pub(crate) namespace: Option<String>,
    /// How long it is good, such as `90d`, `12h` or `1y`, or until when, such as `2030-01-31T00:00:00Z` [default: as
    /// long as the token in use].
    #[arg(long, value_name = "DURATION|TIME")]
    pub(crate) expires: Option<Expiry>,
    /// What it is for, in your words.
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub(crate) description: String,
    /// For somebody else, whose account is made if there is none. Only an operator can.
    #[arg(long, value_parser = identifier)]
    pub(crate) account: Option<String>,
}

/// What to do with namespaces.
#[derive(Debug, Subcommand)]
pub(crate) enum NamespaceCommand {
    /// Make your account the owner of namespaces that nobody owns.
    #[command(after_help = "Example:
  registry namespace claim my-team")]
    Claim {
        /// The namespaces.
        #[arg(required = true, value_name = "NAMESPACE", value_parser = identifier)]
        names: Vec<String>,
    },
    /// Show who owns a namespace, and its settings.
    #[command(after_help = "Example:
  registry namespace show my-team")]
    Show {
        /// The namespace.
        #[arg(value_name = "NAMESPACE", value_parser = identifier)]
        name: String,
    },
    /// List the namespaces that somebody owns.
    #[command(after_help = "Example:
  registry namespace list --json")]
    List,
    /// Add and remove owners.
    #[command(subcommand)]
    Owner(OwnerCommand),
    /// Change the settings of a namespace. Only an operator can.
    Set(SetArguments),
}

/// What to do with owners.
#[derive(Debug, Subcommand)]
pub(crate) enum OwnerCommand {
    /// Let another account own a namespace too.
    #[command(after_help = "Example:
  registry namespace owner add my-team bob")]
    Add(OwnerArguments),
    /// Take a namespace from one of its owners; the last one stays.
    #[command(after_help = "Example:
  registry namespace owner remove my-team bob")]
    Remove(OwnerArguments),
}

/// Whose ownership of what.
#[derive(Debug, Args)]
pub(crate) struct OwnerArguments {
    /// The namespace.
    #[arg(value_parser = identifier)]
    pub(crate) namespace: String,
    /// The account.
    #[arg(value_parser = identifier)]
    pub(crate) account: String,
}

/// Arguments of `namespace set`.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  registry namespace set wasi --compatibility relaxed

`enforced`: a release must be compatible with those before it of the same semver track. `relaxed`: nothing is compared,
for mirrors of packages that broke their own rule.")]
pub(crate) struct SetArguments {
    /// The namespace.
    #[arg(value_parser = identifier)]
    pub(crate) namespace: String,
    /// Whether releases must be compatible.
    #[arg(long, value_name = "enforced|relaxed", value_parser = compatibility)]
    pub(crate) compatibility: CompatibilityRule,
}

/// The moment at which something ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expiry(pub(crate) Timestamp);

/// A text that is no such moment.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExpiryError {
    #[error("write a duration such as `90d`, or a time such as `2030-01-31T00:00:00Z`: {0}")]
    Form(#[from] jiff::Error),
    #[error("that is not in the future")]
    Past,
}

impl FromStr for Expiry {
    type Err = ExpiryError;

    fn from_str(text: &str) -> Result<Self, ExpiryError> {
        let now = Timestamp::now();
        let end = match text.parse() {
            Ok(end) => end,
            Err(_) => after(text.parse()?, now)?,
        };
        if end > now { Ok(Self(end)) } else { Err(ExpiryError::Past) }
    }
}

/// Days, months and years are those of a calendar, so that they need a time zone.
fn after(span: Span, now: Timestamp) -> Result<Timestamp, jiff::Error> {
    Ok(now.to_zoned(TimeZone::UTC).checked_add(span)?.timestamp())
}

fn identifier(text: &str) -> Result<String, NameError> {
    check_identifier(text).map(|()| text.to_owned())
}

fn compatibility(text: &str) -> Result<CompatibilityRule, &'static str> {
    match text {
        "enforced" => Ok(CompatibilityRule::Enforced),
        "relaxed" => Ok(CompatibilityRule::Relaxed),
        _ => Err("it is `enforced` or `relaxed`"),
    }
}
