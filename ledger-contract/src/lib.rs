//! What a Starstream contract in Rust needs beside the bindings of its WIT.
//!
//! A contract is a component. `wit-bindgen` makes Rust of its WIT; this crate has what is left: the identities of
//! methods ([`Method`]), where a UTXO stands ([`Coroutine`]), and, for `wasm32` alone, an allocator and a panic handler.
//! It has no dependencies and does not use `std`.
//!
//! # A UTXO is a coroutine
//!
//! A UTXO's main function runs to a *yield*. There it names the methods that may be called, and stops. A method either
//! leaves the UTXO at its yield, or *resumes* it: then it runs on to the next yield, or to its end, where it is consumed.
//! The state between two transactions is a record, `storage`; whatever is not in it is lost.
//!
//! Starstream's compiler makes such a coroutine out of code that runs straight on. In Rust it is written as the state
//! machine that the compiler would make: each yield has a number, and the code that follows a yield stands in a `match`
//! on the number from which the UTXO goes on.
//!
//! ```
//! use core::cell::Cell;
//! use ledger_contract::{Coroutine, Method, UtxoContext};
//!
//! /// The yield where bids are taken.
//! const OPEN: i32 = 1;
//! /// The yield where the highest bid is to be paid.
//! const CLOSED: i32 = 2;
//!
//! const WHILE_OPEN: &[Method] = &[Method::named("bid"), Method::named("close")];
//! const WHILE_CLOSED: &[Method] = &[Method::named("pay")];
//!
//! struct Auction<C: UtxoContext> {
//!     coroutine: Coroutine<C>,
//!     highest: Cell<i64>,
//! }
//!
//! impl<C: UtxoContext> Auction<C> {
//!     /// The main function: runs to the first yield.
//!     fn start(context: C, least: i64) -> Self {
//!         let auction = Self { coroutine: Coroutine::begin(context), highest: Cell::new(least) };
//!         auction.coroutine.stop_at(OPEN, WHILE_OPEN);
//!         auction
//!     }
//!
//!     /// A method that does not resume: the UTXO stays where it is, and so does what can be called.
//!     fn bid(&self, amount: i64) {
//!         assert!(amount > self.highest.get(), "a bid must be higher than the one before");
//!         self.highest.set(amount);
//!     }
//!
//!     /// Two methods that resume.
//!     fn close(&self) { self.resume() }
//!     fn pay(&self) { self.resume() }
//!
//!     /// What follows each yield.
//!     fn resume(&self) {
//!         match self.coroutine.resume() {
//!             OPEN => self.coroutine.stop_at(CLOSED, WHILE_CLOSED),
//!             _ => self.coroutine.end(),
//!         }
//!     }
//! }
//! # struct Nothing;
//! # impl UtxoContext for Nothing {
//! #     fn resume(&self) {}
//! #     fn implements_method(&self, _: (u64, u64, u64, u64)) {}
//! # }
//! # let auction = Auction::start(Nothing, 10);
//! # auction.bid(12);
//! # auction.close();
//! # assert_eq!(auction.coroutine.place(), CLOSED);
//! # auction.pay();
//! # assert!(auction.coroutine.is_at_end());
//! ```
//!
//! The ledger, not the contract, sees to it that only those methods are called that the yield named, also in a later
//! transaction. A panic is a trap: the transaction fails, and nothing of it remains.
//!
//! # What makes it a contract
//!
//! In the WIT, the UTXO type is an exported interface with `resource utxo`, the record `storage`, and two functions that
//! only the ledger calls: `get-storage` after a call, and `set-storage` in a fresh instance when the UTXO is used again.
//! There is one instance for each UTXO, so a contract may keep what it likes in memory during a transaction.
//!
//! `set-storage` is given a context like a main function. What was offered at the yield still holds, so it is not
//! offered again: [`Coroutine::restore`].

#![no_std]

mod coroutine;
mod method;
#[cfg(all(feature = "runtime", target_arch = "wasm32"))]
mod runtime;
mod sha256;

pub use coroutine::{Coroutine, UtxoContext};
pub use method::Method;
