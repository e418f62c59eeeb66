//! What `std` would bring: an allocator and a panic handler, for contracts on `wasm32` without it.
#![allow(unsafe_code, reason = "an allocator hands out raw memory")]

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::Cell;
use core::panic::PanicInfo;
use core::ptr;

/// A panic is a trap, which keeps its gas exact: the transaction fails, and what it used so far is paid.
#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    wasm32::unreachable()
}

#[global_allocator]
static ALLOCATOR: Stack = Stack { next: Cell::new(0), end: Cell::new(0) };

/// Hands out memory from the end of the data upwards, and takes back only what it handed out last.
///
/// An instance lives for one transaction at most, so memory that is not taken back is no loss, and an allocation costs
/// a few instructions of gas.
struct Stack {
    /// The first address that is free. Zero until the first allocation.
    next: Cell<usize>,
    /// The first address behind the memory.
    end: Cell<usize>,
}

// SAFETY: contracts have one thread; the ledger does not run components with shared memories.
unsafe impl Sync for Stack {}

const PAGE_SIZE_BYTES: usize = 65_536;

unsafe extern "C" {
    /// The linker puts it where the data and the stack end.
    static __heap_base: u8;
}

impl Stack {
    /// The first free address from which `layout` fits, with the memory grown to hold it; none if it cannot be.
    fn reserve(&self, size_bytes: usize, align_bytes: usize) -> Option<usize> {
        if self.end.get() == 0 {
            self.next.set((&raw const __heap_base).addr());
            self.end.set(wasm32::memory_size(0) * PAGE_SIZE_BYTES);
        }
        let start = self.next.get().checked_next_multiple_of(align_bytes)?;
        self.extend(start.checked_add(size_bytes)?)?;
        Some(start)
    }

    /// Makes everything before `next` handed out.
    fn extend(&self, next: usize) -> Option<()> {
        let missing_bytes = next.saturating_sub(self.end.get());
        if missing_bytes > 0 {
            let pages = missing_bytes.div_ceil(PAGE_SIZE_BYTES);
            if wasm32::memory_grow(0, pages) == usize::MAX {
                return None;
            }
            self.end.set(self.end.get() + pages * PAGE_SIZE_BYTES);
        }
        self.next.set(next);
        Some(())
    }

    fn is_last(&self, start: *mut u8, size_bytes: usize) -> bool {
        start.addr() + size_bytes == self.next.get()
    }
}

// SAFETY: whatever was handed out lies before `next`, and what is handed out next lies behind it and before the end of
// the memory. `next` goes down only over the allocation that ends there, when that one is given back.
unsafe impl GlobalAlloc for Stack {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match self.reserve(layout.size(), layout.align()) {
            Some(start) => ptr::with_exposed_provenance_mut(start),
            None => ptr::null_mut(),
        }
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        if self.is_last(start, layout.size()) {
            self.next.set(start.addr());
        }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, new_size_bytes: usize) -> *mut u8 {
        if self.is_last(start, layout.size()) {
            let extended = start.addr().checked_add(new_size_bytes).and_then(|next| self.extend(next));
            return if extended.is_some() { start } else { ptr::null_mut() };
        }
        // SAFETY: the caller promises that the new size with the same alignment is a layout.
        let moved = unsafe { self.alloc(Layout::from_size_align_unchecked(new_size_bytes, layout.align())) };
        if !moved.is_null() {
            // SAFETY: both are at least as long as the shorter one, and the new one is behind all others.
            unsafe { ptr::copy_nonoverlapping(start, moved, layout.size().min(new_size_bytes)) };
        }
        moved
    }
}
