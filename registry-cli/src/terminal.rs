//! Everything that is printed: data, status, progress, errors.

use crate::arguments::GlobalArguments;
use crate::failure::{Failure, FailureReport};
use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, Table};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use std::env;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;
use tracing_subscriber::EnvFilter;

const ERROR: Style = AnsiColor::Red.on_default().bold();
const CAUSE: Style = Style::new().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const STATUS: Style = AnsiColor::Green.on_default().bold();

/// The exit code of wrong usage, which is clap's too.
const USAGE: u8 = 2;

/// What helps against wrong usage.
pub(crate) const USAGE_HINT: &str = "`--help` shows how it is used";

/// Where a command prints to, and how.
pub(crate) struct Terminal {
    is_json: bool,
    is_quiet: bool,
}

impl Terminal {
    pub(crate) fn new(arguments: &GlobalArguments) -> Self {
        let choice = match arguments.color {
            clap::ColorChoice::Auto => ColorChoice::Auto,
            clap::ColorChoice::Always => ColorChoice::Always,
            clap::ColorChoice::Never => ColorChoice::Never,
        };
        choice.write_global();
        start_log(arguments.verbose);
        // Whoever reads JSON from standard error reads nothing else there.
        Self { is_json: arguments.json, is_quiet: arguments.quiet || arguments.json }
    }

    /// Prints data: the document as JSON if that was asked for, else the text.
    pub(crate) fn data(&self, document: &impl Serialize, text: impl Display) -> Result<(), Failure> {
        let mut stdout = anstream::stdout().lock();
        if self.is_json {
            serde_json::to_writer_pretty(&mut stdout, document).map_err(io::Error::from)?;
            writeln!(stdout)?;
        } else {
            write!(stdout, "{text}")?;
        }
        Ok(stdout.flush()?)
    }

    /// Tells a person what was done.
    pub(crate) fn status(&self, verb: &str, what: impl Display) {
        if !self.is_quiet {
            // A status that nobody reads is no reason to stop.
            let _ = writeln!(anstream::stderr(), "{STATUS}{verb:>12}{STATUS:#} {what}");
        }
    }

    /// Tells a person about something that is probably not meant.
    pub(crate) fn warn(&self, what: impl Display) {
        if !self.is_quiet {
            let _ = writeln!(anstream::stderr(), "{WARNING}warning:{WARNING:#} {what}");
        }
    }

    /// Shows that something is going on, where somebody can see it. Gone when dropped.
    pub(crate) fn progress(&self, message: impl Into<String>) -> Progress {
        if self.is_quiet {
            return Progress(ProgressBar::hidden());
        }
        // The bar is drawn on standard error, and only if that is a terminal.
        let bar = ProgressBar::new_spinner().with_message(message.into());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Progress(bar)
    }

    /// Tells why a command failed, and with which exit code the program ends.
    pub(crate) fn report(&self, failure: &Failure) -> ExitCode {
        let (report, code) = match failure {
            Failure::BrokenPipe => return ExitCode::SUCCESS,
            Failure::Error(error) => (FailureReport::new(error), ExitCode::FAILURE),
            Failure::Refused(report) => (report.clone(), ExitCode::FAILURE),
            Failure::Usage { message, hint } => (FailureReport::usage(message.clone(), hint.clone()), USAGE.into()),
        };
        // When standard error is gone too, the exit code has to say it all.
        let _ = if self.is_json { print_json(&report) } else { print_text(&report) };
        code
    }
}

/// Tells how the command line is wrong, as JSON if it asks for that, or shows the help that it asks for.
pub(crate) fn report_usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || !env::args_os().take_while(|text| text != "--").any(|text| text == "--json") {
        // When both outputs are gone, the exit code has to say it all.
        let _ = error.print();
        return u8::try_from(error.exit_code()).unwrap_or(USAGE).into();
    }
    let text = error.render().to_string();
    let message = text.split("\n\nUsage:").next().unwrap_or_default();
    let message = message.split("\n\nFor more information").next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message).trim().to_owned();
    let _ = print_json(&FailureReport::usage(message, Some(USAGE_HINT.to_owned())));
    USAGE.into()
}

/// A spinner that is gone when it is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn step(&self, message: impl Into<String>) {
        self.0.set_message(message.into());
    }

    /// Prints something else meanwhile.
    pub(crate) fn pause(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn print_json(report: &FailureReport) -> io::Result<()> {
    let mut stderr = anstream::stderr().lock();
    serde_json::to_writer(&mut stderr, &serde_json::json!({ "error": report }))?;
    writeln!(stderr)
}

fn print_text(report: &FailureReport) -> io::Result<()> {
    let mut stderr = anstream::stderr().lock();
    writeln!(stderr, "{ERROR}error:{ERROR:#} {}", harmless(&report.message))?;
    if !report.causes.is_empty() {
        writeln!(stderr, "{CAUSE}Caused by:{CAUSE:#}")?;
        report.causes.iter().try_for_each(|cause| writeln!(stderr, "  {}", harmless(cause).replace('\n', "\n  ")))?;
    }
    report.details.iter().try_for_each(|detail| writeln!(stderr, "  {}", harmless(detail).replace('\n', "\n  ")))?;
    report.hint.iter().try_for_each(|hint| writeln!(stderr, "{HINT}hint:{HINT:#} {}", harmless(hint)))
}

/// Rows in columns below their headings, for people. Everything but the headings may come from elsewhere.
pub(crate) fn table<const COLUMNS: usize>(
    headings: [&str; COLUMNS],
    rows: impl IntoIterator<Item = [String; COLUMNS]>,
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(headings);
    table.add_rows(rows.into_iter().map(|row| row.map(|text| Cell::new(harmless(&text).replace('\n', " ")))));
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    format!("{}\n", table.trim_fmt())
}

/// Messages repeat what a registry or a file said, which must not control the terminal.
pub(crate) fn harmless(text: &str) -> String {
    let is_bidirectional = |char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let is_harmful = |char: char| (char.is_control() && !matches!(char, '\n' | '\t')) || is_bidirectional(char);
    text.chars().map(|char| if is_harmful(char) { char::REPLACEMENT_CHARACTER } else { char }).collect()
}

fn start_log(verbosity: u8) {
    let filter = match verbosity {
        0 => return,
        1 => "registry=debug,registry_client=debug",
        _ => "trace",
    };
    // `anstream` takes colors away where standard error shows none.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_ansi(true)
        .with_writer(anstream::stderr)
        .init();
}
