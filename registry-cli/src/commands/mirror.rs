//! `registry mirror`

use super::Kind;
use crate::arguments::{GlobalArguments, MirrorArguments};
use crate::credentials::{self, Access};
use crate::failure::Failure;
use crate::terminal::{Progress, Terminal, harmless};
use registry_client::Client;
use registry_client::mirror::{Mirror, MirrorEvent, MirrorRoot, Mirrored, Versions};
use registry_core::id::ObjectHash;
use registry_core::name::ReleaseName;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

#[derive(Serialize)]
struct Document {
    /// What is in the other registry now: what was asked for, and the dependencies that were copied with it.
    mirrored: Vec<Item>,
}

#[derive(Serialize)]
struct Item {
    kind: Kind,
    name: Option<ReleaseName>,
    hash: ObjectHash,
    /// Whether it was copied; if not, it was there already.
    created: bool,
}

pub(super) async fn run(
    arguments: &MirrorArguments,
    global: &GlobalArguments,
    terminal: &Terminal,
) -> Result<(), Failure> {
    let source = credentials::second_client(&arguments.from, global, terminal)?;
    let target = match &arguments.to {
        Some(url) => credentials::client_of(Client::new(url)?, global, Access::Account, terminal)?,
        None => credentials::client(global, Access::Account, terminal)?,
    };
    if source.url() == target.url() {
        return Err(Failure::usage(format!("`{}` cannot be copied to itself", arguments.from)));
    }
    let mut mirror = Mirror::new(source, target, arguments.claim);
    let progress = terminal.progress("asking what there is");
    let roots = roots(arguments, &mirror).await?;
    progress.pause(|| warn_of_yanks(&roots, terminal));
    let mut mirrored = Vec::new();
    let result = mirror.copy(&roots, |event| {
        show(event, &progress, terminal);
        if let MirrorEvent::Done(done) = event {
            mirrored.push(Item::from(done.clone()));
        }
    });
    let result = result.await;
    drop(progress);
    // What was copied stays copied when a later one is refused.
    let document = Document { mirrored };
    terminal.data(&document, &document)?;
    result.map(drop).map_err(Failure::from)
}

/// What is to be copied, each once.
async fn roots(arguments: &MirrorArguments, mirror: &Mirror) -> Result<Vec<MirrorRoot>, Failure> {
    let (mut roots, mut seen) = (Vec::new(), BTreeSet::new());
    for asked in &arguments.specs {
        let versions = if arguments.all_versions { Versions::All } else { asked.versions };
        for root in mirror.roots(&asked.spec, versions).await? {
            if seen.insert((root.name.clone(), root.target.hash())) {
                roots.push(root);
            }
        }
    }
    Ok(roots)
}

fn warn_of_yanks(roots: &[MirrorRoot], terminal: &Terminal) {
    for root in roots {
        if let (Some(name), Some(yank)) = (&root.name, &root.yanked) {
            let reason = harmless(&yank.reason);
            terminal.warn(format_args!("`{name}` is yanked where it comes from, and its copy is not: {reason}"));
        }
    }
}

fn show(event: MirrorEvent<'_>, progress: &Progress, terminal: &Terminal) {
    match event {
        MirrorEvent::Fetching(spec) => progress.step(format!("fetching and verifying {spec}")),
        MirrorEvent::Sending(_, Some(name)) => progress.step(format!("sending {name}")),
        MirrorEvent::Sending(target, None) => progress.step(format!("sending {}", target.hash())),
        MirrorEvent::Claimed(namespace) => progress.pause(|| terminal.status("Claimed", format_args!("`{namespace}`"))),
        MirrorEvent::Done(Mirrored { name, hash, is_new }) => {
            let (verb, end) = if *is_new { ("Copied", "") } else { ("Unchanged", " is there already") };
            let name = name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
            progress.pause(|| terminal.status(verb, format_args!("{hash}{name}{end}")));
        }
    }
}

impl From<Mirrored> for Item {
    fn from(mirrored: Mirrored) -> Self {
        let Mirrored { name, hash, is_new } = mirrored;
        Self { kind: hash.into(), name, hash, created: is_new }
    }
}

impl Display for Document {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.mirrored.iter().try_for_each(|item| match &item.name {
            Some(name) => writeln!(f, "{} {name}", item.hash),
            None => writeln!(f, "{}", item.hash),
        })
    }
}
