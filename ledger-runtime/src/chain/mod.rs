//! A chain: transactions are submitted, ordered, executed, sealed in blocks, committed, and only then acknowledged.
//!
//! The parts know each other by one trait each: a [`Sequencer`] orders, a [`TransactionExecutor`] executes, a
//! [`Storage`](crate::store::Storage) keeps. [`Ledger`] puts them together, one thread making one block after another.
//! [`verify`] executes a whole chain again and compares.

mod block;
mod clock;
mod establish;
mod executor;
mod ledger;
mod node_executor;
mod production;
mod sequencer;
mod submission;
mod verify;

pub use clock::{Clock, SystemClock};
pub use executor::{Executed, FreshContracts, TransactionExecutor};
pub use ledger::{ChainError, Ledger, Parts, Simulated};
pub use node_executor::NodeExecutor;
pub use production::ChainEnd;
pub use sequencer::{BlockProduction, Decision, Proposal, ProposeError, Sequencer, SoloSequencer};
pub use submission::{Committed, SubmitError};
pub use verify::{Verification, VerifyError, verify};
