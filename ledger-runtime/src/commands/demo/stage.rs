//! How the demo looks: numbered steps, names with their hashes, calls with their results.

use crate::commands::show::Lines;
use anstream::stdout;
use anstyle::{AnsiColor, Style};
use registry_core::id::ComponentHash;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

const STRONG: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Yellow.on_default();

/// Writes the demo to stdout, and counts its steps.
pub(super) struct Stage {
    steps: u32,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self { steps: 0 }
    }

    pub(super) fn title(&self, text: &str) -> io::Result<()> {
        writeln!(stdout(), "{STRONG}{text}{STRONG:#}")
    }

    pub(super) fn step(&mut self, text: &str) -> io::Result<()> {
        self.steps += 1;
        writeln!(stdout(), "\n{STRONG}{}. {text}{STRONG:#}", self.steps)
    }

    pub(super) fn say(&self, text: impl Display) -> io::Result<()> {
        writeln!(stdout(), "   {text}")
    }

    pub(super) fn item(&self, hash: impl Display, name: impl Display) -> io::Result<()> {
        writeln!(stdout(), "   {DIM}{hash}{DIM:#} {name}")
    }

    pub(super) fn command(&self, command: &str, target: impl Display, rest: &str) -> io::Result<()> {
        let target = abbreviated(&target.to_string());
        let space = if rest.is_empty() { "" } else { " " };
        writeln!(stdout(), "   ledger {command} {DIM}{target}{DIM:#}{space}{rest}")
    }

    /// A line of what a command reads.
    pub(super) fn line(&self, text: &str) -> io::Result<()> {
        writeln!(stdout(), "     {}", abbreviated(text))
    }

    /// What a transaction did, line by line.
    pub(super) fn lines(&self, lines: &Lines) -> io::Result<()> {
        lines.each(|label, value| writeln!(stdout(), "     {GOOD}{label}{GOOD:#} {}", abbreviated(value)))
    }

    pub(super) fn result(&self, result: &str, gas_used: u64) -> io::Result<()> {
        writeln!(stdout(), "     {GOOD}{}{GOOD:#} {DIM}({gas_used} gas){DIM:#}", abbreviated(result))
    }

    pub(super) fn failed(&self, reason: &str, gas_used: u64) -> io::Result<()> {
        writeln!(stdout(), "     {BAD}failed: {}{BAD:#} {DIM}({gas_used} gas){DIM:#}", abbreviated(reason))
    }

    pub(super) fn refused(&self, error: &anyhow::Error) -> io::Result<()> {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        let lines = causes.join(": ");
        let mut lines = lines.lines().filter(|line| !line.trim().is_empty());
        writeln!(stdout(), "     {BAD}refused: {}{BAD:#}", abbreviated(lines.next().unwrap_or_default()))?;
        lines.try_for_each(|line| writeln!(stdout(), "       {}", abbreviated(line)))
    }

    /// What to try next with what the demo leaves behind.
    pub(super) fn end(
        &self,
        folder: &Path,
        package: Option<impl Display>,
        contract: &ComponentHash,
        tally: &ComponentHash,
    ) -> io::Result<()> {
        let folder = folder.display();
        let of_package = package.map(|package| {
            format!(
                "   cargo run --bin registry -- tree {package}\n   cargo run --bin registry -- verify {folder}/wasi-http\n"
            )
        });
        let of_package = of_package.unwrap_or_default();
        writeln!(
            stdout(),
            "\n{STRONG}Everything above is kept in {folder}. Go on with it:{STRONG:#}

   # in one terminal
   cargo run --bin registry-server -- --data-dir {folder}/registry
   # in another
   cargo run --bin ledger -- serve --registry http://127.0.0.1:7878 --genesis {folder}/genesis.json --data-dir {folder}/ledger
   # in a third
{of_package}   cargo run --bin ledger -- wit {contract}
   cargo run --bin ledger -- call {contract} gcd '1071, 462'
   cargo run --bin ledger -- transact {tally} counter::start 5
   cargo run --bin ledger -- utxos
   cargo run --bin ledger -- status"
        )
    }
}

/// The text with only the beginning of each hash and id, which are longer than a line of a terminal has room for.
fn abbreviated(text: &str) -> String {
    const DIGITS: usize = 64;
    const SHOWN: usize = 12;
    let is_digit = |character: &char| character.is_ascii_hexdigit();
    let mut parts = text.split("p2:");
    let mut short = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.chars().skip(1).take_while(is_digit).count();
        let (name, rest) = part.split_at(if digits == DIGITS { 1 + DIGITS } else { 0 });
        short.push_str("p2:");
        short.extend(name.chars().take(SHOWN));
        short.push_str(if name.is_empty() { "" } else { "…" });
        short.push_str(rest);
    }
    short
}
