//! The chain on disk: what is written is read, what does not follow is refused, and what crashes, fills up or is damaged
//! is never told as if it were whole.

mod chain;
mod crash;
mod damage;
mod disk;
mod reading;
mod tampering;
