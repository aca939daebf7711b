//! How much memory and how much work does a text cost? An allocator that counts, so that a target can hold what it asks of
//! a parser against the length of what it gave it.
#![expect(
    unsafe_code,
    reason = "a global allocator is unsafe to write; it hands everything on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting what this thread does.
#[derive(Debug)]
pub struct Counting;

thread_local! {
    static LIVE: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
    static ALL: Cell<usize> = const { Cell::new(0) };
}

fn taken(bytes: usize) {
    LIVE.with(|live| {
        live.set(live.get().wrapping_add(bytes));
        PEAK.with(|peak| peak.set(peak.get().max(live.get())));
    });
    ALL.with(|all| all.set(all.get().saturating_add(bytes)));
}

fn given_back(bytes: usize) {
    LIVE.with(|live| live.set(live.get().saturating_sub(bytes)));
}

// SAFETY: every call goes to `System` with the same arguments, and what it returns is returned; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        given_back(layout.size());
        // SAFETY: the caller's promises are those of `System`, which has given this pointer.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        given_back(layout.size());
        taken(size);
        // SAFETY: the caller's promises are those of `System`, which has given this pointer.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What `work` returns. `given` says how many bytes it was given, and how many bytes for each it may hold at once.
///
/// # Panics
/// If it holds more, or asks for more than [`WORK`] times as many in all, besides what anything may take.
pub fn bounded<T>(work: impl FnOnce() -> T, given: impl FnOnce(&T) -> (usize, usize)) -> T {
    let before = LIVE.get();
    PEAK.set(before);
    ALL.set(0);
    let done = work();
    let (peak, all) = (PEAK.get().saturating_sub(before), ALL.get());
    let (length, memory) = given(&done);
    assert!(peak <= memory * length + AT_ALL, "{peak} bytes at once for a text of {length}");
    assert!(all <= WORK * length + 8 * AT_ALL, "{all} bytes in all for a text of {length}");
    done
}

/// Times the length of a text that may be held at once.
pub const MEMORY: usize = 100;
/// Times the length of a text that may be asked for in all: what shows a loop in a loop.
const WORK: usize = 10_000;
/// Bytes for anything.
const AT_ALL: usize = 256 << 10;
