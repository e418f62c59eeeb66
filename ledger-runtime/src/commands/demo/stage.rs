//! How the demo looks: numbered steps, names with their hashes, calls with their results.

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

    pub(super) fn call(&self, contract: ComponentHash, function: &str, arguments: &str) -> io::Result<()> {
        let short: String = contract.to_string().chars().take(16).collect();
        writeln!(stdout(), "   ledger call {DIM}{short}…{DIM:#} {function} '{arguments}'")
    }

    pub(super) fn result(&self, result: &str, gas_used: u64) -> io::Result<()> {
        writeln!(stdout(), "     {GOOD}{result}{GOOD:#} {DIM}({gas_used} gas){DIM:#}")
    }

    pub(super) fn failed(&self, reason: &str, gas_used: u64) -> io::Result<()> {
        writeln!(stdout(), "     {BAD}failed: {reason}{BAD:#} {DIM}({gas_used} gas){DIM:#}")
    }

    pub(super) fn refused(&self, error: &anyhow::Error) -> io::Result<()> {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        let lines = causes.join(": ");
        let mut lines = lines.lines().filter(|line| !line.trim().is_empty());
        writeln!(stdout(), "     {BAD}refused: {}{BAD:#}", lines.next().unwrap_or_default())?;
        lines.try_for_each(|line| writeln!(stdout(), "       {line}"))
    }

    /// What to try next with what the demo leaves behind.
    pub(super) fn end(&self, folder: &Path, package: impl Display, contract: &ComponentHash) -> io::Result<()> {
        let folder = folder.display();
        writeln!(
            stdout(),
            "\n{STRONG}Everything above is kept in {folder}. Go on with it:{STRONG:#}

   # in one terminal
   cargo run --bin registry-server -- --data-dir {folder}/registry
   # in another
   cargo run --bin ledger -- serve --registry http://127.0.0.1:7878 --genesis {folder}/genesis.json --data-dir {folder}/ledger
   # in a third
   cargo run --bin registry -- tree {package}
   cargo run --bin registry -- verify {folder}/wasi-http
   cargo run --bin ledger -- wit {contract}
   cargo run --bin ledger -- call {contract} gcd '1071, 462'"
        )
    }
}
