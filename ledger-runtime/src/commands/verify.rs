//! `ledger verify`

use super::data_dir;
use crate::arguments::DataArguments;
use crate::failure::Failure;
use anstream::{eprintln, stdout};
use anyhow::Context;
use ledger_runtime::chain::{Verification, VerifyError, verify};
use ledger_runtime::limits::Limits;
use ledger_runtime::store::{RedbStorage, Storage};
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often somebody who waits is told how far it is.
const PROGRESS_PERIOD: Duration = Duration::from_secs(2);

pub(crate) async fn run(arguments: DataArguments) -> Result<(), Failure> {
    let data_dir = data_dir::of(arguments.data_dir)?;
    let directory = data_dir.clone();
    let verified = tokio::task::spawn_blocking(move || verify_data(&directory)).await;
    let verification = verified.context("verifying ended in a defect")?.map_err(|error| {
        let is_unreadable = matches!(error, VerifyError::Storage(_) | VerifyError::Unreadable(_));
        let error = anyhow::Error::new(error);
        if is_unreadable { error.context(format!("cannot verify the data in `{}`", data_dir.display())) } else { error }
    })?;
    let mut stdout = stdout();
    if arguments.json {
        writeln!(stdout, "{}", document(&verification))?;
        return Ok(());
    }
    let Verification { chain, blocks, transactions, gas_used, tip, state_root } = verification;
    writeln!(stdout, "the chain `{chain}` is what its transactions make")?;
    writeln!(stdout, "{blocks} blocks, {transactions} transactions, {gas_used} gas")?;
    writeln!(stdout, "last block {tip}")?;
    writeln!(stdout, "state root {}", state_root.to_hex())?;
    Ok(())
}

/// Executes the chain in a data directory again.
pub(super) fn verify_data(data_dir: &Path) -> Result<Verification, VerifyError> {
    let limits = Limits::default();
    let storage = RedbStorage::open_existing(data_dir, &limits)?;
    let mut told = Instant::now();
    verify(&*storage.snapshot(), &limits, |done, blocks| {
        if told.elapsed() >= PROGRESS_PERIOD {
            eprintln!("verified {done} of {blocks} blocks");
            told = Instant::now();
        }
    })
}

fn document(verification: &Verification) -> serde_json::Value {
    let Verification { chain, blocks, transactions, gas_used, tip, state_root } = verification;
    json!({
        "chain": chain,
        "blocks": blocks,
        "transactions": transactions,
        "gas_used": gas_used,
        "tip": tip,
        "state_root": state_root.to_hex(),
    })
}
