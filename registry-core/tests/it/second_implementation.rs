//! Runs the second implementation (`tests/second_implementation.py`), which was written from docs/hash.md without sight of the
//! first.

use std::path::Path;
use std::process::Command;

/// Runs it with Python 3 and gives back what it printed.
///
/// # Panics
/// If Python is not installed or the program fails: this is a test, and skipping it would hide a difference.
pub fn run(arguments: &[&str]) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/second_implementation.py");
    let output = Command::new("python3").arg(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("python3 is needed for this test: {error}"));
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "second_implementation.py {}: {shown}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}
