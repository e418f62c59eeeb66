//! One module for each command.

mod add;
mod cache;
mod check;
mod content;
mod diff;
mod fetch;
mod hash;
mod import;
mod init;
mod lock;
mod login;
mod logout;
mod manual;
mod mirror;
mod namespace;
mod ownership;
mod project;
mod publish;
mod search;
mod show;
mod states;
mod token;
mod tree;
mod update;
mod verify;
mod whoami;

use crate::arguments::{Arguments, Command, NamespaceCommand};
use crate::credentials::{self, Access};
use crate::failure::Failure;
use crate::terminal::Terminal;
use clap::CommandFactory;
use registry_client::local::LocalInput;
use registry_client::{Client, Fetched};
use registry_core::component::Direction;
use registry_core::id::ObjectHash;
use registry_core::limits::Limits;
use registry_core::name::{ReleaseName, Spec};
use registry_core::wire::Release;
use serde::Serialize;
use std::path::Path;

/// Does what the command line says.
pub(crate) async fn run(arguments: Arguments, terminal: &Terminal) -> Result<(), Failure> {
    let global = &arguments.global;
    let reader = || credentials::client(global, Access::Read, terminal);
    let account = || credentials::client(global, Access::Account, terminal);
    match &arguments.command {
        Command::Publish(publish) => publish::run(publish, &account()?, terminal).await,
        Command::Fetch(fetch) => fetch::run(fetch, global, terminal).await,
        Command::Show(show) => show::run(show, &reader()?, terminal).await,
        Command::Hash(hash) => hash::run(hash, terminal),
        Command::Tree(tree) => tree::run(tree, &reader()?, terminal).await,
        Command::Verify(verify) => verify::run(verify, &reader()?, terminal).await,
        Command::Diff(diff) => diff::run(diff, &reader()?, terminal).await,
        Command::Check(check) => check::run(check, &reader()?, &account()?, terminal).await,
        Command::Releases(releases) => states::list(releases, &reader()?, terminal).await,
        Command::Search(words) => search::search(words, &reader()?, terminal).await,
        Command::WhoImports(users) => search::users(users, Direction::Import, &reader()?, terminal).await,
        Command::WhoExports(users) => search::users(users, Direction::Export, &reader()?, terminal).await,
        Command::Dependents(dependents) => search::dependents(dependents, &reader()?, terminal).await,
        Command::Identify(identify) => search::identify(identify, &reader()?, terminal).await,
        Command::Yank(yank) => states::yank(yank, &account()?, terminal).await,
        Command::Unyank(unyank) => states::unyank(&unyank.name, &account()?, terminal).await,
        Command::Deprecate(deprecate) => states::deprecate(deprecate, &account()?, terminal).await,
        Command::Mirror(mirror) => mirror::run(mirror, global, terminal).await,
        Command::Login => login::run(global, terminal).await,
        Command::Logout(logout) => logout::run(logout, global, terminal).await,
        Command::Whoami => whoami::run(&account()?, terminal).await,
        Command::Token(token) => token::run(token, &account()?, terminal).await,
        Command::Namespace(command) => {
            let is_reading = matches!(command, NamespaceCommand::Show { .. } | NamespaceCommand::List);
            let client = if is_reading { reader() } else { account() };
            namespace::run(command, &client?, terminal).await
        }
        Command::Manual(pages) => manual::run(pages, terminal),
        Command::Init(arguments) => init::run(arguments, terminal),
        Command::Add(arguments) => add::run(arguments, global, terminal).await,
        Command::Update(arguments) => update::run(arguments, global, terminal).await,
        Command::Lock(arguments) => lock::run(arguments, global, terminal).await,
        Command::Import(arguments) => import::run(arguments, terminal),
        Command::Cache(command) => cache::run(command, terminal),
        Command::Completions(completions) => {
            let mut script = Vec::new();
            clap_complete::generate(completions.shell, &mut Arguments::command(), "registry", &mut script);
            let script = String::from_utf8_lossy(&script);
            terminal.data(&script, &script)
        }
    }
}

/// A WIT package or a component, in the words of `--json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Package,
    Component,
}

impl Kind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Component => "component",
        }
    }
}

impl From<ObjectHash> for Kind {
    fn from(hash: ObjectHash) -> Self {
        match hash {
            ObjectHash::Package(_) => Self::Package,
            ObjectHash::Component(_) => Self::Component,
        }
    }
}

/// Fetches and verifies, while a person can see that it goes on.
async fn fetch(spec: &Spec, client: &Client, terminal: &Terminal) -> Result<(Option<ReleaseName>, Fetched), Failure> {
    let (release, fetched) = fetch_release(spec, client, terminal).await?;
    Ok((release.map(|release| release.name), fetched))
}

/// The same, with all that the registry says about the release that was asked for.
async fn fetch_release(
    spec: &Spec,
    client: &Client,
    terminal: &Terminal,
) -> Result<(Option<Release>, Fetched), Failure> {
    let progress = terminal.progress(format!("fetching and verifying {spec}"));
    let (release, fetched) = client.fetch(spec).await?;
    drop(progress);
    release.iter().flat_map(states::warnings).for_each(|warning| terminal.warn(warning));
    Ok((release, fetched))
}

/// What was fetched is called: the release that was asked for, or the name that a package has itself.
fn name_of(release: Option<ReleaseName>, fetched: &Fetched) -> Option<ReleaseName> {
    match fetched {
        Fetched::Package(wit) => release.or_else(|| ReleaseName::try_from(wit.name()).ok()),
        Fetched::Component(_) => release,
    }
}

/// Reads a local package or component, while a person can see that it goes on.
fn read(path: &Path, deps: Option<&Path>, limits: &Limits, terminal: &Terminal) -> Result<LocalInput, Failure> {
    let _progress = terminal.progress(format!("reading {}", path.display()));
    if let Some(deps) = deps.filter(|deps| !deps.is_dir()) {
        return Err(Failure::usage(format!("`--deps {}` is not a folder", deps.display())));
    }
    Ok(LocalInput::read(path, deps, limits)?)
}
