//! A counter that can be closed and opened again, and scripts that use it.
//!
//! The documentation of `ledger-contract` says how a UTXO is written: `cargo doc --open -p ledger-contract`.

#![no_std]

#[allow(warnings)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

use bindings::exports::counter::{Guest as CounterFunctions, GuestUtxo, Storage, Utxo as NewCounter, UtxoBorrow};
use bindings::starstream::events::counting;
use bindings::starstream::self_::counter::Utxo as Counter;
use bindings::starstream::std::utxo_context::UtxoContext;
use core::cell::Cell;
use ledger_contract::{Coroutine, Method};

ledger_contract::utxo_context!(UtxoContext);
bindings::export!(Contract with_types_in bindings);

struct Contract;

/// The coordination scripts. They see a counter as whoever calls it: as a handle.
impl bindings::Guest for Contract {
    /// Makes a counter, which the transaction leaves on the chain.
    fn create(first: i64) -> Counter {
        Counter::start(first)
    }

    /// The same, and calls it.
    fn create_bumped(first: i64, n: i64) -> i64 {
        let counter = Counter::start(first);
        counter.bump(n);
        counter.bump(n);
        counter.value()
    }

    /// A counter that nobody ever sees on the chain: made and consumed in one transaction.
    fn whole_life(first: i64) -> i64 {
        let counter = Counter::start(first);
        counter.bump(1);
        let seen = counter.value();
        counter.stop();
        seen
    }

    /// Adds the value of one counter, which ends, to another.
    fn add_up(source: &Counter, target: &Counter) -> i64 {
        target.bump(source.value());
        source.stop();
        target.value()
    }
}

/// The state of a counter.
struct CounterState {
    coroutine: Coroutine<UtxoContext>,
    total: Cell<i64>,
}

/// The yield where the counter counts.
const OPEN: i32 = 1;
const WHILE_OPEN: &[Method] =
    &[Method::named("bump"), Method::named("value"), Method::named("close"), Method::named("stop")];

/// The yield where it can only be read, and opened again.
const CLOSED: i32 = 2;
const WHILE_CLOSED: &[Method] = &[Method::named("value"), Method::named("reopen")];

/// The main function and the methods. The ledger calls a method only where the counter's yield offers it.
impl GuestUtxo for CounterState {
    fn start(context: UtxoContext, first: i64) -> NewCounter {
        let counter = Self { coroutine: Coroutine::begin(context), total: Cell::new(first) };
        counter.coroutine.stop_at(OPEN, WHILE_OPEN);
        NewCounter::new(counter)
    }

    fn bump(&self, n: i64) {
        // A panic is a trap: the transaction fails, and nothing of it remains.
        self.total.set(self.total.get().checked_add(n).expect("the sum is too large"));
    }

    fn value(&self) -> i64 {
        self.total.get()
    }

    fn close(&self) {
        self.coroutine.resume();
        self.coroutine.stop_at(CLOSED, WHILE_CLOSED);
    }

    fn reopen(&self) {
        self.coroutine.resume();
        self.coroutine.stop_at(OPEN, WHILE_OPEN);
    }

    fn stop(&self) {
        self.coroutine.resume();
        counting::stopped(self.total.get());
        self.coroutine.end();
    }
}

/// How a counter gets on and off the chain.
impl CounterFunctions for Contract {
    type Utxo = CounterState;

    fn get_storage(counter: UtxoBorrow<'_>) -> Storage {
        let counter: &CounterState = counter.get();
        Storage { yield_: counter.coroutine.place(), total: counter.total.get() }
    }

    fn set_storage(context: UtxoContext, storage: Storage) -> NewCounter {
        let coroutine = Coroutine::restore(context, storage.yield_);
        NewCounter::new(CounterState { coroutine, total: Cell::new(storage.total) })
    }
}
