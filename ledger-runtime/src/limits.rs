//! Every limit of a node on input, memory, connections and time, in one place.
//!
//! What decides the result of a call stands in [`ExecutionProfile`]; two nodes may differ in everything that stands
//! here. What a genesis may be stands with its format in [`genesis`](crate::genesis).

use crate::profile::ExecutionProfile;
use registry_client::TransportLimits;
use registry_core::limits::Limits as CoreLimits;
use std::num::NonZeroU32;
use std::time::Duration;

/// What a node accepts, keeps and waits for.
///
/// `Default` holds the values that the product uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Calls that are executed at the same time; never more than there are processors.
    pub concurrent_calls_max: NonZeroU32,
    /// How long a call waits for a free worker.
    pub call_queue_wait_max: Duration,

    /// Contracts that are compiled at the same time.
    pub concurrent_compilations_max: usize,
    /// Contracts that are fetched, verified and compiled at the same time; others wait.
    pub concurrent_loads_max: usize,
    /// How long a contract may wait for others to be loaded, and then how long it may take to fetch it.
    pub fetch_time_max: Duration,
    /// Bytes of the WIT text of a contract with all packages that it needs.
    pub wit_size_bytes_max: usize,
    /// Bytes of all components of a genesis together; they are in memory at once when a chain begins.
    pub genesis_size_bytes_max: usize,
    /// Bytes of compiled contracts that stay in memory.
    pub compiled_size_bytes_max: usize,
    /// Bytes of compiled contracts that stay on disk.
    pub compiled_disk_size_bytes_max: u64,
    /// Refused contracts that are remembered.
    pub refusals_kept_max: usize,
    /// How long a refusal is remembered: long enough to stop a flood, too short to keep a contract from being used
    /// that was just published.
    pub refusal_kept_max: Duration,

    /// Bytes of the database that stay in memory.
    pub database_cache_size_bytes: usize,
    /// UTXOs, consumed ones among them, or tokens that are looked at for one page of a list.
    pub utxos_scanned_max: usize,

    /// Transactions in a block that this node orders.
    pub block_transactions_max: usize,
    /// Bytes of the transactions and deployments of a block that this node orders.
    pub block_size_bytes_max: usize,
    /// The gas limits of all transactions of a block that this node orders, together: what it may take to execute it.
    /// Ordinary work takes less than a nanosecond for each unit, the dearest kinds found some: a block takes a second, and
    /// at worst some more (`docs/execution.md`, 4).
    pub block_gas_max: u64,
    /// Transactions that wait to be ordered.
    pub waiting_transactions_max: usize,
    /// Bytes of the transactions and deployments that wait to be ordered.
    pub waiting_size_bytes_max: usize,
    /// Blocks for which a deployment that the node was asked for stays valid.
    pub deployment_blocks_max: u64,

    /// Connections at the same time; others wait.
    pub connections_max: usize,
    /// Bytes of the names with which an invocation begins.
    pub header_size_bytes_max: usize,
    /// Bytes of one request: the largest parameters, and the names before them.
    pub request_size_bytes_max: usize,
    /// Bytes of one answer: the largest WIT text is what it must hold.
    pub answer_size_bytes_max: usize,
    /// UTXOs or tokens that one page of a list may have.
    pub page_utxos_max: u32,
    /// Frames that one message may be split into.
    pub message_frames_max: usize,
    /// How long a peer may take to send its request.
    pub request_time_max: Duration,
    /// How long a peer may take to receive its answer.
    pub answer_time_max: Duration,
    /// How long invocations have to finish when the node stops.
    pub shutdown_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_calls_max: NonZeroU32::new(64).unwrap_or(NonZeroU32::MIN),
            call_queue_wait_max: Duration::from_secs(30),
            concurrent_compilations_max: 2,
            concurrent_loads_max: 8,
            fetch_time_max: Duration::from_secs(60),
            wit_size_bytes_max: 4 << 20,
            genesis_size_bytes_max: 256 << 20,
            compiled_size_bytes_max: 512 << 20,
            compiled_disk_size_bytes_max: 2 << 30,
            refusals_kept_max: 1_000,
            refusal_kept_max: Duration::from_secs(2),
            database_cache_size_bytes: 128 << 20,
            utxos_scanned_max: 10_000,
            block_transactions_max: 2_000,
            block_size_bytes_max: 32 << 20,
            block_gas_max: 1_000_000_000,
            waiting_transactions_max: 10_000,
            waiting_size_bytes_max: 128 << 20,
            deployment_blocks_max: 1_000,
            connections_max: 128,
            header_size_bytes_max: 1 << 10,
            request_size_bytes_max: (1 << 20) + (64 << 10),
            answer_size_bytes_max: 8 << 20,
            page_utxos_max: 1_000,
            message_frames_max: 1_000,
            request_time_max: Duration::from_secs(10),
            answer_time_max: Duration::from_secs(30),
            shutdown_time_max: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// What a component and its packages may be, wherever they come from.
    pub fn of_components(&self, profile: &ExecutionProfile) -> CoreLimits {
        CoreLimits {
            component_size_bytes_max: profile.component_size_bytes_max,
            wit_size_bytes_max: self.wit_size_bytes_max,
            closure_size_bytes_max: self.wit_size_bytes_max,
            ..CoreLimits::default()
        }
    }

    /// What a component and its packages may be to be deployed: nothing of this is a node's own choice.
    pub fn of_deployments(profile: &ExecutionProfile) -> CoreLimits {
        CoreLimits { component_size_bytes_max: profile.component_size_bytes_max, ..CoreLimits::default() }
    }

    /// How a node talks to its registry: with less patience than a person has.
    pub fn of_transport(&self) -> TransportLimits {
        TransportLimits {
            connect_time_max: Duration::from_secs(5),
            silence_time_max: Duration::from_secs(20),
            request_time_max: self.fetch_time_max,
            ..TransportLimits::default()
        }
    }
}
