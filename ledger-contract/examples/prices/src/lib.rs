//! Scripts that answer what the UTXOs of another contract ask: effects with a handler, which Starstream's compiler does
//! not make yet.
//!
//! A handler is a function that the contract exports. It runs in the instance of the script that installed it, so what
//! the script left in memory is there.

#![no_std]

#[allow(warnings)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

use bindings::exports::starstream::effects::oracle::Guest as Oracle;
use bindings::ledger::handlers::oracle::{install, uninstall};
use bindings::starstream::utxo::asker::Utxo as Asker;
use core::sync::atomic::{AtomicI64, Ordering};

// The runtime of contracts: its allocator, and its panic handler.
use ledger_contract as _;

bindings::export!(Contract with_types_in bindings);

struct Contract;

/// What an item costs while a script runs.
static UNIT_PRICE: AtomicI64 = AtomicI64::new(0);

impl Oracle for Contract {
    fn price(item: i64) -> i64 {
        item.checked_mul(UNIT_PRICE.load(Ordering::Relaxed)).expect("the price is too high")
    }
}

impl bindings::Guest for Contract {
    /// A UTXO that asks, left on the chain.
    fn make() -> Asker {
        Asker::new()
    }

    /// Lets a UTXO of the chain ask, and answers.
    fn ask(asker: &Asker, item: i64, unit_price: i64) -> i64 {
        answering(unit_price, || asker.ask(item))
    }

    /// The same with a UTXO that is made and consumed in this transaction.
    fn ask_anew(item: i64, unit_price: i64) -> i64 {
        let asker = Asker::new();
        let price = answering(unit_price, || asker.ask(item));
        asker.stop();
        price
    }

    /// Two handlers one in the other: the inner one answers; the outer one does when the inner one is gone.
    fn ask_twice(asker: &Asker, item: i64) -> i64 {
        answering(2, || {
            let inner = answering(3, || asker.ask(item));
            UNIT_PRICE.store(2, Ordering::Relaxed);
            inner + asker.ask(item)
        })
    }

    /// Nobody answers: the transaction fails.
    fn ask_unanswered(asker: &Asker, item: i64) -> i64 {
        answering(1, || ());
        asker.ask(item)
    }
}

/// Does `work` while this contract answers what is asked.
fn answering<R>(unit_price: i64, work: impl FnOnce() -> R) -> R {
    UNIT_PRICE.store(unit_price, Ordering::Relaxed);
    install();
    let result = work();
    uninstall();
    result
}
