//! Ordering: who decides which transactions come next, and at what time.
//!
//! A chain knows its sequencer by two functions. It proposes what was submitted, and executes what is decided, in the
//! order of the decisions. Nothing about a result is known when an order is decided, so that a consensus engine can
//! take the place of the one node that orders here (see `docs/decisions/0004-ordering-before-execution.md`).

use super::Clock;
use crate::limits::Limits;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use ledger_core::{Canonical, Deployment, RootCall, Transaction};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Orders proposals.
pub trait Sequencer: Send + Sync + 'static {
    /// Proposes a transaction for one of the next decisions. That it was taken does not mean that it will be decided.
    ///
    /// # Errors
    /// If it is not taken.
    fn propose(&self, proposal: Proposal) -> Result<(), ProposeError>;

    /// The decisions of the blocks from `height` on, in order: one decision makes one block. The next one is asked for
    /// when the block of the last one is committed, so an engine that remembers its decisions gives again, after a crash,
    /// what was decided and not committed.
    fn decisions(&self, height: u64) -> BoxStream<'static, Decision>;
}

/// A transaction with everything that nodes need to execute it.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// The transaction.
    pub transaction: Transaction,
    /// What a transaction that deploys a contract brings.
    pub deployment: Option<Arc<Deployment>>,
}

/// What was agreed on: what comes next. It makes one block, of the proposals that are valid where their turn is.
#[derive(Debug, Clone)]
pub struct Decision {
    /// The time, in milliseconds since 1970 (UTC). A block never has an earlier time than the one below it, whatever
    /// this says.
    pub time_ms: u64,
    /// The transactions, in order.
    pub proposals: Vec<Proposal>,
    /// Whether a transaction that this machine cannot execute may be left out of the block. Only where no other node makes
    /// the same block: there the trouble of a machine would make blocks differ.
    pub may_leave_out: bool,
}

/// Why a proposal was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Too much waits already.
    #[error("too many transactions wait to be ordered: {waiting}")]
    Busy {
        /// How many wait.
        waiting: usize,
    },
    /// It alone is more than a block may have.
    #[error("the transaction has {actual} {unit}, and a block of this node may have {max}")]
    TooLarge {
        /// What it has.
        actual: u64,
        /// What is counted.
        unit: &'static str,
        /// The limit.
        max: u64,
    },
}

/// When a [`SoloSequencer`] decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockProduction {
    /// As soon as something waits and the block before is committed. What came meanwhile makes one block, so load
    /// makes larger blocks by itself.
    Instant,
    /// Once in each period.
    Interval {
        /// The time between two decisions.
        period: Duration,
        /// Whether a decision is made when nothing waits.
        empty_blocks: bool,
    },
}

/// Orders alone: first come, first served.
pub struct SoloSequencer {
    queue: Arc<Queue>,
}

/// How much may be in a block, and how much may wait for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bounds {
    block_transactions_max: usize,
    block_size_bytes_max: usize,
    block_gas_max: u64,
    waiting_transactions_max: usize,
    waiting_size_bytes_max: usize,
}

struct Queue {
    production: BlockProduction,
    clock: Arc<dyn Clock>,
    bounds: Bounds,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    proposals: VecDeque<Measured>,
    size_bytes: usize,
}

struct Measured {
    proposal: Proposal,
    size_bytes: usize,
}

impl SoloSequencer {
    /// A sequencer with an empty queue.
    pub fn new(production: BlockProduction, clock: Arc<dyn Clock>, limits: &Limits) -> Self {
        let bounds = Bounds {
            block_transactions_max: limits.block_transactions_max,
            block_size_bytes_max: limits.block_size_bytes_max,
            block_gas_max: limits.block_gas_max,
            waiting_transactions_max: limits.waiting_transactions_max,
            waiting_size_bytes_max: limits.waiting_size_bytes_max,
        };
        let (waiting, arrived) = (Mutex::default(), Notify::new());
        Self { queue: Arc::new(Queue { production, clock, bounds, waiting, arrived }) }
    }
}

impl Sequencer for SoloSequencer {
    fn propose(&self, proposal: Proposal) -> Result<(), ProposeError> {
        let size_bytes = proposal.size_bytes();
        self.queue.bounds.check_alone(&proposal, size_bytes)?;
        self.queue.push(Measured { proposal, size_bytes })?;
        self.queue.arrived.notify_one();
        Ok(())
    }

    fn decisions(&self, _height: u64) -> BoxStream<'static, Decision> {
        // What it decided and what was not committed was not acknowledged either: whoever submitted it sends it again.
        let queue = Arc::clone(&self.queue);
        let ticks = match queue.production {
            BlockProduction::Instant => None,
            BlockProduction::Interval { period, empty_blocks } => Some((ticks(period), empty_blocks)),
        };
        let next = |(queue, mut ticks): (Arc<Queue>, Option<(Interval, bool)>)| async move {
            let decision = match &mut ticks {
                None => queue.next_proposals().await,
                Some((ticks, empty_blocks)) => queue.next_tick(ticks, *empty_blocks).await,
            };
            Some((decision, (queue, ticks)))
        };
        stream::unfold((queue, ticks), next).boxed()
    }
}

fn ticks(period: Duration) -> Interval {
    // A period of zero is no period.
    let mut ticks = interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

impl Proposal {
    /// What it adds to a block, in bytes.
    pub fn size_bytes(&self) -> usize {
        let deployment = self.deployment.as_deref().map_or(0, |deployment| {
            let packages = deployment.packages.iter().map(|(name, _, wit)| name.len() + wit.len()).sum::<usize>();
            deployment.component.len() + packages
        });
        self.transaction.to_bytes().len() + deployment
    }

    /// Whether it is complete: what deploys brings what it deploys, and nothing else brings anything.
    pub fn is_complete(&self) -> bool {
        matches!(self.transaction.call, RootCall::Deploy { .. }) == self.deployment.is_some()
    }
}

impl Bounds {
    /// What fits into no block would wait for ever.
    fn check_alone(&self, proposal: &Proposal, size_bytes: usize) -> Result<(), ProposeError> {
        let (size, size_max) = (size_bytes as u64, self.block_size_bytes_max as u64);
        let gas = proposal.transaction.gas_limit;
        if size > size_max {
            return Err(ProposeError::TooLarge { actual: size, unit: "bytes", max: size_max });
        }
        if gas > self.block_gas_max {
            return Err(ProposeError::TooLarge { actual: gas, unit: "gas", max: self.block_gas_max });
        }
        Ok(())
    }
}

impl Queue {
    fn push(&self, measured: Measured) -> Result<(), ProposeError> {
        let mut waiting = self.waiting();
        let size_bytes = waiting.size_bytes.saturating_add(measured.size_bytes);
        let is_full = waiting.proposals.len() >= self.bounds.waiting_transactions_max;
        if is_full || size_bytes > self.bounds.waiting_size_bytes_max {
            return Err(ProposeError::Busy { waiting: waiting.proposals.len() });
        }
        waiting.size_bytes = size_bytes;
        waiting.proposals.push_back(measured);
        Ok(())
    }

    /// Waits until there is something to decide on.
    async fn next_proposals(&self) -> Decision {
        loop {
            let decision = self.decide();
            if !decision.proposals.is_empty() {
                return decision;
            }
            self.arrived.notified().await;
        }
    }

    async fn next_tick(&self, ticks: &mut Interval, empty_blocks: bool) -> Decision {
        loop {
            ticks.tick().await;
            let decision = self.decide();
            if empty_blocks || !decision.proposals.is_empty() {
                return decision;
            }
        }
    }

    /// The proposals that came first, as many as fit into a block.
    fn decide(&self) -> Decision {
        let mut waiting = self.waiting();
        let (mut size_bytes, mut gas) = (0_usize, 0_u64);
        let fitting = waiting.proposals.iter().take(self.bounds.block_transactions_max).take_while(|next| {
            size_bytes = size_bytes.saturating_add(next.size_bytes);
            gas = gas.saturating_add(next.proposal.transaction.gas_limit);
            size_bytes <= self.bounds.block_size_bytes_max && gas <= self.bounds.block_gas_max
        });
        let count = fitting.count();
        let taken: Vec<Measured> = waiting.proposals.drain(..count).collect();
        waiting.size_bytes -= taken.iter().map(|measured| measured.size_bytes).sum::<usize>();
        let proposals = taken.into_iter().map(|measured| measured.proposal).collect();
        // Nobody else makes blocks of what is decided here.
        Decision { time_ms: self.clock.now_ms(), proposals, may_leave_out: true }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::chain::SystemClock;
    use futures::FutureExt;
    use registry_core::id::ComponentHash;

    fn proposal(nonce: u64, gas_limit: u64) -> Proposal {
        let call = RootCall::Function { contract: ComponentHash::of(b"nobody's contract"), function: "run".to_owned() };
        let transaction = Transaction {
            chain: "test".parse().unwrap(),
            nonce,
            valid_from: 0,
            valid_until: u64::MAX,
            inputs: Vec::new(),
            references: Vec::new(),
            call,
            arguments: Vec::new(),
            gas_limit,
        };
        Proposal { transaction, deployment: None }
    }

    fn sequencer(production: BlockProduction, limits: &Limits) -> SoloSequencer {
        SoloSequencer::new(production, Arc::new(SystemClock), limits)
    }

    fn nonces(decision: &Decision) -> Vec<u64> {
        decision.proposals.iter().map(|proposal| proposal.transaction.nonce).collect()
    }

    #[tokio::test]
    async fn what_waits_is_decided_at_once_and_in_order() {
        let sequencer = sequencer(BlockProduction::Instant, &Limits::default());
        let mut decisions = sequencer.decisions(1);
        assert!(decisions.next().now_or_never().is_none());
        for nonce in 0..3 {
            sequencer.propose(proposal(nonce, 1)).unwrap();
        }
        assert_eq!(nonces(&decisions.next().await.unwrap()), [0, 1, 2]);
        sequencer.propose(proposal(3, 1)).unwrap();
        assert_eq!(nonces(&decisions.next().await.unwrap()), [3]);
        assert!(decisions.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_block_has_bounds() {
        let size_bytes = proposal(0, 1).size_bytes();
        let cases = [
            (Limits { block_transactions_max: 2, ..Limits::default() }, vec![1, 1, 1], 2),
            (Limits { block_size_bytes_max: 2 * size_bytes, ..Limits::default() }, vec![1, 1, 1], 2),
            (Limits { block_gas_max: 10, ..Limits::default() }, vec![4, 6, 1], 2),
            (Limits { block_gas_max: 10, ..Limits::default() }, vec![4, 7, 1], 1),
        ];
        for (limits, gas, expected) in cases {
            let sequencer = sequencer(BlockProduction::Instant, &limits);
            for (nonce, gas) in (0_u64..).zip(&gas) {
                sequencer.propose(proposal(nonce, *gas)).unwrap();
            }
            let mut decisions = sequencer.decisions(1);
            let first = decisions.next().await.unwrap();
            assert_eq!(first.proposals.len(), expected, "{limits:?}");
            let rest = decisions.next().await.unwrap();
            assert_eq!(rest.proposals.len(), gas.len() - expected, "{limits:?}");
        }
    }

    #[tokio::test]
    async fn what_does_not_fit_is_refused() {
        let waiting_size_bytes_max = 2 * proposal(0, 1).size_bytes();
        let small = Limits { waiting_size_bytes_max, ..Limits::default() };
        let small = sequencer(BlockProduction::Instant, &small);
        let results = [1, 2, 3].map(|nonce| small.propose(proposal(nonce, 1)));
        assert_eq!(results, [Ok(()), Ok(()), Err(ProposeError::Busy { waiting: 2 })]);
        let limits = Limits { block_gas_max: 10, waiting_transactions_max: 2, ..Limits::default() };
        let sequencer = sequencer(BlockProduction::Instant, &limits);
        let error = sequencer.propose(proposal(0, 11)).unwrap_err();
        assert_eq!(error, ProposeError::TooLarge { actual: 11, unit: "gas", max: 10 });
        sequencer.propose(proposal(1, 10)).unwrap();
        sequencer.propose(proposal(2, 10)).unwrap();
        assert_eq!(sequencer.propose(proposal(3, 10)).unwrap_err(), ProposeError::Busy { waiting: 2 });
        // A decision makes room.
        assert_eq!(nonces(&sequencer.decisions(1).next().await.unwrap()), [1]);
        sequencer.propose(proposal(3, 10)).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_period_passes_between_decisions() {
        let period = Duration::from_secs(5);
        let production = BlockProduction::Interval { period, empty_blocks: false };
        let sequencer = sequencer(production, &Limits::default());
        let mut decisions = sequencer.decisions(1);
        sequencer.propose(proposal(0, 1)).unwrap();
        assert_eq!(nonces(&decisions.next().await.unwrap()), [0]);
        sequencer.propose(proposal(1, 1)).unwrap();
        let before = tokio::time::Instant::now();
        assert_eq!(nonces(&decisions.next().await.unwrap()), [1]);
        assert!(before.elapsed() >= period);
        assert!(tokio::time::timeout(10 * period, decisions.next()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn empty_blocks_are_made_if_they_are_asked_for() {
        let production = BlockProduction::Interval { period: Duration::from_secs(5), empty_blocks: true };
        let mut decisions = sequencer(production, &Limits::default()).decisions(1);
        for _ in 0..3 {
            assert!(decisions.next().await.unwrap().proposals.is_empty());
        }
    }
}
