//! What a chain must withstand.

mod coroutines;
mod thing;
mod transactions;
