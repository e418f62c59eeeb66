//! How what a node tells is shown: as labelled lines to people, as one JSON document to programs.

use crate::failure::{Failure, printable};
use anstream::{stderr, stdout};
use anyhow::Context;
use jiff::Timestamp;
use ledger_runtime::value::{ValueLimits, decode_result};
use ledger_runtime::wave::{ContractText, to_text};
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write};
use wasm_wave::value::Value;

/// Lines with a label each.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<(&'static str, String)>);

impl Lines {
    pub(super) fn add(&mut self, label: &'static str, value: impl Display) -> &mut Self {
        self.0.push((label, value.to_string()));
        self
    }

    /// Adds a line if there is something to say.
    pub(super) fn add_some(&mut self, label: &'static str, value: Option<impl Display>) -> &mut Self {
        value.map(|value| self.add(label, value));
        self
    }

    /// Does something with each line's label and value.
    pub(super) fn each(&self, mut action: impl FnMut(&str, &str) -> io::Result<()>) -> io::Result<()> {
        self.0.iter().try_for_each(|(label, value)| action(label, &printable(value)))
    }

    /// To stdout, as data.
    pub(super) fn print(&self) -> Result<(), Failure> {
        Ok(self.write(stdout().lock())?)
    }

    /// To stderr, as remarks.
    pub(super) fn remark(&self) -> Result<(), Failure> {
        Ok(self.write(stderr().lock())?)
    }

    /// The values may be a node's, so nothing in them commands the terminal.
    fn write(&self, mut to: impl Write) -> io::Result<()> {
        let width = self.0.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
        self.0.iter().try_for_each(|(label, value)| writeln!(to, "{label:width$}  {}", printable(value)))?;
        to.flush()
    }
}

/// Prints one JSON document.
pub(super) fn print_json(document: &impl Serialize) -> Result<(), Failure> {
    let mut stdout = stdout().lock();
    serde_json::to_writer(&mut stdout, document).map_err(io::Error::from)?;
    writeln!(stdout)?;
    Ok(stdout.flush()?)
}

/// Milliseconds since 1970 as a date and a time (UTC).
pub(super) fn time(time_ms: u64) -> String {
    let time = i64::try_from(time_ms).ok().and_then(|time_ms| Timestamp::from_millisecond(time_ms).ok());
    time.map_or_else(|| format!("{time_ms} ms"), |time| format!("{time:.3}"))
}

/// `none` where there is nothing.
pub(super) fn or_none(value: Option<impl Display>) -> String {
    value.map_or_else(|| "none".to_owned(), |value| value.to_string())
}

/// Texts with commas between them; `none` without any.
pub(super) fn listed(texts: impl IntoIterator<Item = impl Display>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| text.to_string()).collect();
    or_none((!texts.is_empty()).then(|| texts.join(", ")))
}

/// The record that a UTXO or a token of a type keeps, as WAVE.
pub(super) fn state_text(contract: &ContractText, type_name: &str, state: &[u8]) -> Result<String, Failure> {
    let ty = contract.storage(type_name).map_err(anyhow::Error::from)?;
    let ty = ty.with_context(|| format!("the contract's WIT does not have the type `{type_name}`"))?;
    let value: Option<Value> = decode_result(Some(&ty), state, &ValueLimits::default())
        .with_context(|| format!("the state is not what the contract's WIT says of `{type_name}`"))?;
    let value = value.context("there is no state")?;
    Ok(to_text(&value).context("the state has no text")?)
}
