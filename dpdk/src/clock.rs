//! The time stamp counter.

#[cfg(not(target_arch = "x86_64"))]
use dpdk_sys as sys;

/// The TSC of this CPU. [`Eal::cycles_per_second`](crate::Eal::cycles_per_second) is its rate.
#[inline]
#[must_use]
pub fn cycles() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has the instruction, and Linux lets programs use it.
    unsafe {
        core::arch::x86_64::_rdtsc()
    }
    #[cfg(not(target_arch = "x86_64"))]
    // SAFETY: reads a counter, with or without EAL.
    unsafe {
        sys::rte_rdtsc()
    }
}
