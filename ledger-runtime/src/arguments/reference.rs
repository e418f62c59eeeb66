//! `docs/ledger-cli.md`: what `--help` says about every command, made from the definition of the command line.

use super::Arguments;
use clap::{Command, CommandFactory};
use std::path::Path;
use std::{env, fs};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/ledger-cli.md");

const INTRODUCTION: &str = "# The `ledger` command

This is what `--help` says, made from the definition of the command line by the test `the_reference_is_up_to_date`;
`BLESS=1 cargo test -p ledger-runtime reference` writes it anew.
";

#[test]
fn the_reference_is_up_to_date() {
    let (path, expected) = (Path::new(PATH), reference());
    if env::var_os("BLESS").is_some() {
        fs::write(path, &expected).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    let differing = committed.lines().zip(expected.lines()).position(|(left, right)| left != right);
    let line = differing.unwrap_or_else(|| committed.lines().count().min(expected.lines().count())) + 1;
    assert!(
        committed == expected,
        "docs/ledger-cli.md differs from line {line}: run `BLESS=1 cargo test -p ledger-runtime reference`"
    );
}

fn reference() -> String {
    let mut command = Arguments::command();
    command.build();
    let mut text = format!("{INTRODUCTION}\n## ledger\n{}", help(command.clone()));
    for command in command.get_subcommands().filter(|command| command.get_name() != "help") {
        let own = command.clone().mut_args(|argument| {
            let is_hidden = argument.is_hide_set() || argument.get_id().as_str() == "help";
            argument.hide(is_hidden).hide_env_values(true)
        });
        text.push_str(&format!("\n## ledger {}\n{}", command.get_name(), help(own)));
    }
    text
}

fn help(mut command: Command) -> String {
    let text = command.render_long_help().to_string();
    let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
    format!("```text\n{}\n```\n", lines.join("\n"))
}
