//! Where the programs are, and what they may see and reach.

use assert_cmd::Command;
use std::collections::BTreeSet;
use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

/// Where `.ci/clients` installed the clients; `target/clients` if it is not said.
const FOLDER_VARIABLE: &str = "REGISTRY_TEST_CLIENTS";

/// No client takes this long; one that waits for an answer that never comes shall not hold up everything.
const DURATION_MAX: Duration = Duration::from_secs(120);

/// Nothing listens there: what goes through this proxy fails at once.
const NOWHERE: &str = "http://127.0.0.1:9";

/// A client that `.ci/clients` installs. `None`, said loudly, if it did not run.
///
/// # Panics
/// If it did not and `CI` is set: there it must.
pub fn installed(name: &str) -> Option<PathBuf> {
    let folder = env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/clients"));
    there(name, folder.join("bin").join(name), "`.ci/clients` installs it")
}

/// A client that Debian has. `None`, said loudly, if it is not installed.
///
/// # Panics
/// As [`installed`].
pub fn of_debian(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path).map(|folder| folder.join(name)).find(|program| program.is_file());
    there(name, found.unwrap_or_default(), "`apt-get install` installs it")
}

fn there(name: &str, program: PathBuf, remedy: &str) -> Option<PathBuf> {
    static TOLD: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if program.is_file() {
        return Some(program);
    }
    assert!(env::var_os("CI").is_none(), "there is no `{name}` to test with: {remedy}");
    if TOLD.lock().unwrap().insert(name.to_owned()) {
        // Past the capture of the test's output: whoever runs the tests must see it.
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: everything with `{name}`, which is not there: {remedy}\n");
    }
    None
}

/// A program with nothing of this machine's user around it, in a home of its own.
pub fn isolated(program: &Path, home: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().timeout(DURATION_MAX).env("HOME", home).env("NO_COLOR", "1");
    command.env("PATH", env::var_os("PATH").unwrap_or_default());
    // Without it, `skopeo` keeps what it logs in with in a folder of the whole machine.
    command.env("REGISTRY_AUTH_FILE", home.join("auth.json"));
    for name in ["http_proxy", "https_proxy", "all_proxy"] {
        command.env(name, NOWHERE).env(name.to_uppercase(), NOWHERE);
    }
    for name in ["no_proxy", "NO_PROXY"] {
        command.env(name, "127.0.0.1,localhost");
    }
    command
}
