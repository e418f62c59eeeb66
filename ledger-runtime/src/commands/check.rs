//! `ledger check`

use super::data_dir;
use crate::arguments::DataArguments;
use crate::failure::{Failure, Finding};
use anstream::{eprintln, stdout};
use anyhow::Context;
use ledger_runtime::limits::Limits;
use ledger_runtime::profile::ExecutionProfile;
use ledger_runtime::store::{CheckReport, RedbStorage, StorageError};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often somebody who waits is told how far it is.
const PROGRESS_PERIOD: Duration = Duration::from_secs(2);

const HINT: &str = "put the data directory back from a copy";

pub(crate) async fn run(arguments: DataArguments) -> Result<(), Failure> {
    let data_dir = data_dir::of(arguments.data_dir)?;
    let directory = data_dir.clone();
    let checked = tokio::task::spawn_blocking(move || check_data(&directory)).await;
    let report = checked.context("checking ended in a defect")?.map_err(|error| unchecked(error, &data_dir))?;
    let mut stdout = stdout();
    if arguments.json {
        writeln!(stdout, "{}", document(&report))?;
    } else {
        write_report(&mut stdout, &report)?;
    }
    if report.is_sound() {
        return Ok(());
    }
    let message = format!("{} things in the data are not as they must be", report.differences_count);
    Err(damaged(message))
}

fn damaged(message: String) -> Failure {
    Finding { message, hint: Some(HINT.to_owned()), code: "damaged".to_owned() }.into()
}

/// Why nothing could be compared: a database so damaged that it cannot even be opened is a finding too.
fn unchecked(error: StorageError, data_dir: &Path) -> Failure {
    let data_dir = data_dir.display();
    match error {
        StorageError::Damaged { what, .. } => {
            damaged(format!("the database in `{data_dir}` is damaged, and cannot be opened: {what}"))
        }
        error => anyhow::Error::new(error).context(format!("cannot check the data in `{data_dir}`")).into(),
    }
}

fn check_data(data_dir: &Path) -> Result<CheckReport, StorageError> {
    let limits = Limits::default();
    let storage = RedbStorage::open_existing(data_dir, &limits)?;
    let mut told = Instant::now();
    storage.check(&Limits::of_deployments(&ExecutionProfile::default()), &mut |progress| {
        if told.elapsed() >= PROGRESS_PERIOD {
            eprintln!("checked {} of {} {}", progress.done, progress.total, progress.part);
            told = Instant::now();
        }
    })
}

fn write_report(stdout: &mut impl Write, report: &CheckReport) -> std::io::Result<()> {
    let CheckReport { blocks, transactions, utxos, tokens, contracts, nodes, packages, .. } = report;
    report.differences.iter().try_for_each(|difference| writeln!(stdout, "{difference}"))?;
    if report.is_sound() {
        writeln!(stdout, "everything is as it must be")?;
    }
    writeln!(
        stdout,
        "{blocks} blocks, {transactions} transactions, {utxos} UTXOs, {tokens} tokens, {contracts} contracts, {packages} packages, {nodes} nodes of trees"
    )
}

fn document(report: &CheckReport) -> serde_json::Value {
    json!({
        "sound": report.is_sound(),
        "blocks": report.blocks,
        "transactions": report.transactions,
        "utxos": report.utxos,
        "tokens": report.tokens,
        "contracts": report.contracts,
        "packages": report.packages,
        "nodes": report.nodes,
        "differences": report.differences,
        "differences_count": report.differences_count,
    })
}
