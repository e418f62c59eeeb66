//! Where a UTXO stands.

use crate::Method;
use core::cell::{Cell, RefCell};

/// The resource `starstream:std/utxo-context`, through which a UTXO tells the ledger about itself.
///
/// The bindings of a contract have a type for it; [`utxo_context!`](crate::utxo_context) implements this for that type.
/// A test on the machine where the contract is written can use any other.
pub trait UtxoContext {
    /// The UTXO goes on from its yield: what it offered there is not offered any more.
    fn resume(&self);

    /// The method with this hash may be called at the yield that comes next.
    fn implements_method(&self, hash: (u64, u64, u64, u64));
}

/// Implements [`UtxoContext`] for the type that the bindings have for `starstream:std/utxo-context`.
///
/// ```ignore
/// ledger_contract::utxo_context!(bindings::starstream::std::utxo_context::UtxoContext);
/// ```
#[macro_export]
macro_rules! utxo_context {
    ($context:ty) => {
        impl $crate::UtxoContext for $context {
            fn resume(&self) {
                <$context>::resume(self);
            }

            fn implements_method(&self, hash: (u64, u64, u64, u64)) {
                <$context>::implements_method(self, hash);
            }
        }
    };
}

/// Where a UTXO stands: at one of its yields, or at its end. It owns the UTXO's context.
///
/// Yields have numbers of the contract's choice; the number belongs into the storage record, because a UTXO that is used
/// again in another transaction goes on from there ([`Coroutine::place`], [`Coroutine::restore`]).
#[derive(Debug)]
pub struct Coroutine<C: UtxoContext> {
    /// None at the end: the ledger takes a dropped context as the end of the UTXO.
    context: RefCell<Option<C>>,
    place: Cell<i32>,
}

/// Where a main function begins, before its first yield.
const BEGINNING: i32 = 0;

impl<C: UtxoContext> Coroutine<C> {
    /// A UTXO whose main function was called with `context`. It stands at no yield yet, and its place is 0.
    pub fn begin(context: C) -> Self {
        Self::restore(context, BEGINNING)
    }

    /// A UTXO that was stored at the yield `place` and is used again. What it offered there still holds.
    pub fn restore(context: C, place: i32) -> Self {
        Self { context: RefCell::new(Some(context)), place: Cell::new(place) }
    }

    /// The UTXO stops at the yield `place`, where the methods of `offered` may be called until it is resumed. One that
    /// offers nothing can never be called again: the ledger takes it as consumed.
    ///
    /// # Panics
    /// If the UTXO is at its end.
    pub fn stop_at(&self, place: i32, offered: &[Method]) {
        self.with_context(|context| offered.iter().for_each(|method| context.implements_method(method.hash())));
        self.place.set(place);
    }

    /// The UTXO goes on; gives the number of the yield from which it does. What follows is another
    /// [`stop_at`](Self::stop_at) or the [`end`](Self::end).
    ///
    /// # Panics
    /// If the UTXO is at its end.
    pub fn resume(&self) -> i32 {
        self.with_context(C::resume);
        self.place.get()
    }

    /// The UTXO is at its end: this transaction consumes it.
    pub fn end(&self) {
        self.context.replace(None);
    }

    /// The number of the yield where it stands, for the storage record.
    pub fn place(&self) -> i32 {
        self.place.get()
    }

    /// Whether it is at its end.
    pub fn is_at_end(&self) -> bool {
        self.context.borrow().is_none()
    }

    fn with_context(&self, work: impl FnOnce(&C)) {
        match &*self.context.borrow() {
            Some(context) => work(context),
            None => panic!("a UTXO that is at its end cannot go on"),
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::rc::Rc;
    use std::vec::Vec;

    #[derive(Debug, PartialEq, Eq)]
    enum Told {
        Resumed,
        Offered(Method),
        Dropped,
    }

    /// A context that keeps what it is told.
    #[derive(Debug, Clone, Default)]
    struct Record(Rc<RefCell<Vec<Told>>>);

    struct Context(Record);

    impl UtxoContext for Context {
        fn resume(&self) {
            self.0.0.borrow_mut().push(Told::Resumed);
        }

        fn implements_method(&self, (first, second, third, fourth): (u64, u64, u64, u64)) {
            let known = [BUMP, STOP].into_iter().find(|method| method.hash() == (first, second, third, fourth));
            self.0.0.borrow_mut().push(Told::Offered(known.expect("only these are offered")));
        }
    }

    impl Drop for Context {
        fn drop(&mut self) {
            self.0.0.borrow_mut().push(Told::Dropped);
        }
    }

    const BUMP: Method = Method::named("bump");
    const STOP: Method = Method::named("stop");

    #[test]
    fn the_ledger_is_told_of_yields_resumptions_and_the_end() {
        let record = Record::default();
        let coroutine = Coroutine::begin(Context(record.clone()));
        assert_eq!(coroutine.place(), 0);
        coroutine.stop_at(1, &[BUMP, STOP]);
        assert_eq!((coroutine.place(), coroutine.is_at_end()), (1, false));
        assert_eq!(coroutine.resume(), 1);
        coroutine.stop_at(2, &[STOP]);
        assert_eq!(coroutine.resume(), 2);
        coroutine.end();
        assert!(coroutine.is_at_end());
        let told = [
            Told::Offered(BUMP),
            Told::Offered(STOP),
            Told::Resumed,
            Told::Offered(STOP),
            Told::Resumed,
            Told::Dropped,
        ];
        assert_eq!(*record.0.borrow(), told);
    }

    #[test]
    fn a_stored_utxo_goes_on_from_its_yield_and_offers_nothing_again() {
        let record = Record::default();
        let coroutine = Coroutine::restore(Context(record.clone()), 3);
        assert!(record.0.borrow().is_empty());
        assert_eq!(coroutine.resume(), 3);
        assert_eq!(*record.0.borrow(), [Told::Resumed]);
    }

    #[test]
    #[should_panic(expected = "at its end")]
    fn nothing_follows_the_end() {
        let coroutine = Coroutine::begin(Context(Record::default()));
        coroutine.end();
        coroutine.resume();
    }
}
