//! How is memory asked for before it is needed? By the processor's hint; elsewhere not at all.
#![cfg_attr(target_arch = "x86_64", expect(unsafe_code, reason = "the prefetch hint takes a pointer"))]

/// Asks for the cache lines of `value`.
#[inline]
pub(super) fn prefetch<T>(value: &T) {
    let start = std::ptr::from_ref(value).cast::<i8>();
    for offset in (0..size_of::<T>()).step_by(LINE) {
        line(start.wrapping_add(offset));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn line(address: *const i8) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint: it reads nothing that the program can see and faults on no address; SSE is part of x86-64.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address) }
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn line(_: *const i8) {}

const LINE: usize = 64;
