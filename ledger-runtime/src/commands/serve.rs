//! `ledger serve`

use crate::arguments::ServeArguments;
use crate::failure::Failure;
use anstream::{eprintln, stdout};
use anyhow::Context;
use ledger_runtime::genesis::Genesis;
use ledger_runtime::limits::Limits;
use ledger_runtime::node::{Node, NodeConfig};
use ledger_runtime::profile::ExecutionProfile;
use registry_client::Client;
use registry_server::stop_signal;
use std::env;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// The name of the data directory among the user's.
const DATA_DIR_NAME: &str = "ledger";

pub(crate) async fn run(arguments: ServeArguments) -> Result<(), Failure> {
    let stopped = stop_signal().context("signals cannot be handled")?;
    let mut stopped = std::pin::pin!(stopped);
    let (profile, limits) = (ExecutionProfile::default(), Limits::default());
    let registry = Client::with_limits(&arguments.registry, limits.of_components(&profile), limits.of_transport());
    let registry = Arc::new(registry.map_err(anyhow::Error::from)?);
    let genesis = Genesis::read(&arguments.genesis).map_err(anyhow::Error::from)?;
    let data_dir = data_dir(arguments.data_dir)?;
    eprintln!("data directory: {}", data_dir.display());
    let config = NodeConfig { listen: arguments.listen, data_dir, genesis, profile, limits };
    let node = tokio::select! {
        node = Node::start(config, registry) => node.map_err(anyhow::Error::from)?,
        () = &mut stopped => return Ok(()),
    };
    let mut stdout = stdout();
    writeln!(stdout, "{}", node.url())?;
    stdout.flush()?;
    node.run_until(stopped).await;
    Ok(())
}

fn data_dir(given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    // The XDG specification says where the user's data is.
    let data_home = || variable("XDG_DATA_HOME").filter(|path| path.is_absolute());
    let in_home = || Some(variable("HOME")?.join(".local/share"));
    let default = || Some(data_home().or_else(in_home)?.join(DATA_DIR_NAME));
    let data_dir = given.or_else(default);
    let data_dir = data_dir.context("there is no data directory: neither --data-dir nor $HOME is given")?;
    std::path::absolute(data_dir).context("the data directory has no absolute path")
}
