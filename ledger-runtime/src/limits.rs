//! Every limit of a node on input, memory, connections and time, in one place.
//!
//! What decides the result of a call stands in [`ExecutionProfile`](crate::profile::ExecutionProfile); two nodes may
//! differ in everything that stands here.

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
}

impl Default for Limits {
    fn default() -> Self {
        Self { concurrent_calls_max: nonzero(64), call_queue_wait_max: Duration::from_secs(30) }
    }
}

const fn nonzero(number: u32) -> NonZeroU32 {
    match NonZeroU32::new(number) {
        Some(number) => number,
        None => NonZeroU32::MIN,
    }
}
