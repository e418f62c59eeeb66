//! Other crates' panics on hostile or damaged input are errors here.

use crate::id::shorten;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Does something that stops the thread when its input is not what it expects.
///
/// What the action has changed stays as it was left: use it only where nothing is used afterwards but the result.
///
/// # Errors
/// The reason that the panic gave, shortened.
pub fn catch_panic<T>(action: impl FnOnce() -> T) -> Result<T, String> {
    let outer = PANICS_ARE_CAUGHT.replace(true);
    let result = catch_unwind(AssertUnwindSafe(action));
    PANICS_ARE_CAUGHT.set(outer);
    result.map_err(|panic| {
        let reason =
            panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        shorten(reason.unwrap_or("no reason given"))
    })
}

thread_local! {
    static PANICS_ARE_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Keeps panics that become errors in [`catch_panic`] off the screen; all others are shown as before. For programs, once,
/// at their start.
pub fn hide_caught_panics() {
    let show = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !PANICS_ARE_CAUGHT.get() {
            show(panic);
        }
    }));
}
