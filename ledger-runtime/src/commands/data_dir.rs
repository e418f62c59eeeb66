//! Where a node's data are if nobody says.

use anyhow::Context;
use std::env;
use std::path::PathBuf;

/// The name of the data directory among the user's.
const DATA_DIR_NAME: &str = "ledger";

/// The directory that was given, or the user's own.
pub(crate) fn of(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG specification says where the user's data is.
    let data_home = || variable("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let in_home = || Some(variable("HOME")?.join(".local/share"));
    let default = || Some(data_home().or_else(in_home)?.join(DATA_DIR_NAME));
    let data_dir = given.or_else(default);
    let data_dir = data_dir.context("there is no data directory: neither --data-dir nor $HOME is given")?;
    std::path::absolute(data_dir).context("the data directory has no absolute path")
}
