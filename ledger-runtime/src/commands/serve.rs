//! `ledger serve`

use super::data_dir;
use crate::arguments::ServeArguments;
use crate::failure::Failure;
use anstream::{eprintln, stdout};
use anyhow::Context;
use ledger_runtime::chain::{BlockProduction, ChainEnd};
use ledger_runtime::genesis::Genesis;
use ledger_runtime::limits::Limits;
use ledger_runtime::node::{Node, NodeConfig};
use ledger_runtime::profile::ExecutionProfile;
use registry_client::Client;
use registry_server::{StopSignal, stop_signal};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tracing::{info, warn};

pub(crate) async fn run(arguments: ServeArguments) -> Result<(), Failure> {
    let stopped = stop_signal(log_signal).context("signals cannot be handled")?;
    let mut stopped = std::pin::pin!(stopped);
    let (profile, limits) = (ExecutionProfile::default(), Limits::default());
    let registry = Client::with_limits(&arguments.registry, limits.of_components(&profile), limits.of_transport());
    let registry = Arc::new(registry.map_err(anyhow::Error::from)?);
    let genesis = arguments.genesis.as_deref().map(Genesis::read).transpose().map_err(anyhow::Error::from)?;
    let production = production(&arguments);
    let data_dir = data_dir::of(arguments.data_dir)?;
    eprintln!("data directory: {}", data_dir.display());
    let config = NodeConfig { listen: arguments.listen, data_dir, genesis, profile, production, limits };
    let node = tokio::select! {
        node = Node::start(config, registry) => node.map_err(anyhow::Error::from)?,
        () = &mut stopped => return Ok(()),
    };
    let mut stdout = stdout();
    writeln!(stdout, "{}", node.url())?;
    stdout.flush()?;
    match node.run_until(stopped).await {
        ChainEnd::Stopped => Ok(()),
        end => Err(anyhow::Error::new(end).context("the node stopped by itself").into()),
    }
}

fn production(arguments: &ServeArguments) -> BlockProduction {
    match arguments.block_time_ms {
        None => BlockProduction::Instant,
        Some(milliseconds) => BlockProduction::Interval {
            period: Duration::from_millis(milliseconds.get()),
            empty_blocks: arguments.empty_blocks,
        },
    }
}

fn log_signal(signal: StopSignal) {
    match signal {
        StopSignal::First(name) => info!("the node received {name}, and stops"),
        StopSignal::Another(name) => warn!("the node received {name} after another signal, and stops at once"),
    }
}
