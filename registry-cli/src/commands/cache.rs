//! `registry cache`

use super::Kind;
use crate::arguments::CacheCommand;
use crate::failure::{Failure, Finding};
use crate::terminal::Terminal;
use anyhow::Context;
use registry_client::cache::{Cache, CachedObject, FOLDER_VARIABLE, Inspection};
use registry_core::id::ObjectHash;
use registry_core::limits::Limits;
use serde::Serialize;
use std::error::Error;
use std::path::PathBuf;

#[derive(Serialize)]
struct Folder {
    folder: PathBuf,
}

#[derive(Serialize)]
struct Removed {
    folder: PathBuf,
    files: u64,
    size_bytes: u64,
}

#[derive(Serialize)]
struct Verified {
    folder: PathBuf,
    results: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    status: &'static str,
    kind: Kind,
    hash: ObjectHash,
    name: Option<String>,
    /// What is wrong with a damaged one.
    causes: Vec<String>,
}

pub(super) fn run(command: &CacheCommand, terminal: &Terminal) -> Result<(), Failure> {
    let cache = Cache::of_user().with_context(|| {
        format!("there is no cache: `{FOLDER_VARIABLE}` is empty, or neither it nor $XDG_CACHE_HOME nor $HOME is set")
    })?;
    let folder = cache.folder().to_owned();
    match command {
        CacheCommand::Dir => {
            let text = format!("{}\n", folder.display());
            terminal.data(&Folder { folder }, text)
        }
        CacheCommand::Clean => {
            let cleaned = cache.clean()?;
            let (files, size_bytes) = (cleaned.files, cleaned.size_bytes);
            let text = format!("{files} files, {size_bytes} bytes\n");
            terminal.status("Removed", format_args!("what was cached in {}", folder.display()));
            terminal.data(&Removed { folder, files, size_bytes }, text)
        }
        CacheCommand::Verify => verify(&cache, terminal),
    }
}

fn verify(cache: &Cache, terminal: &Terminal) -> Result<(), Failure> {
    let progress = terminal.progress("recomputing every hash");
    let objects = cache.verify(&Limits::default())?;
    drop(progress);
    let results: Vec<Row> = objects.iter().map(row).collect();
    let damaged = results.iter().filter(|row| !row.causes.is_empty()).count();
    let text: String = results.iter().map(line).collect();
    let folder = cache.folder().to_owned();
    terminal.data(&Verified { folder, results }, text)?;
    if damaged == 0 {
        return Ok(());
    }
    let objects = if damaged == 1 { "1 object is".to_owned() } else { format!("{damaged} objects are") };
    let hint = "nothing damaged is ever used: fetching replaces it, and `registry cache clean` removes it";
    Err(Finding {
        code: "cache_damaged",
        message: format!("{objects} damaged in {}", cache.folder().display()),
        hint: Some(hint.to_owned()),
    }
    .into())
}

fn row(object: &CachedObject) -> Row {
    let (status, causes) = match &object.inspection {
        Inspection::Sound => ("ok", Vec::new()),
        Inspection::Incomplete => ("incomplete", Vec::new()),
        Inspection::Damaged(error) => ("damaged", chain(error)),
    };
    let name = object.name.as_ref().map(ToString::to_string);
    Row { status, kind: object.hash.into(), hash: object.hash, name, causes }
}

fn line(row: &Row) -> String {
    let name = row.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
    let causes: String = row.causes.iter().map(|cause| format!("  {cause}\n")).collect();
    format!("{:<10} {}{name}\n{causes}", row.status, row.hash)
}

fn chain(error: &(dyn Error + 'static)) -> Vec<String> {
    anyhow::Chain::new(error).map(ToString::to_string).collect()
}
