//! Where in an mbuf is the time of reception?
//!
//! It is a dynamic field: the first port that stamps packets registers it, once for the process.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use dpdk_sys as sys;

/// The offset of the field, and the flag that says it is set. The flag is written last and read
/// first; while it is zero there is no field.
static OFFSET: AtomicUsize = AtomicUsize::new(0);
static FLAG: AtomicU64 = AtomicU64::new(0);

/// Looks the field up. To be called when a port has started.
pub(crate) fn look_up() {
    // SAFETY: terminated strings, and a null pointer for the description that is not wanted.
    let (offset, bit) = unsafe {
        (
            sys::rte_mbuf_dynfield_lookup(c"rte_dynfield_timestamp".as_ptr(), std::ptr::null_mut()),
            sys::rte_mbuf_dynflag_lookup(c"rte_dynflag_rx_timestamp".as_ptr(), std::ptr::null_mut()),
        )
    };
    if let (Ok(offset), Ok(bit @ 0..64)) = (usize::try_from(offset), u32::try_from(bit)) {
        OFFSET.store(offset, Ordering::Relaxed);
        FLAG.store(1 << bit, Ordering::Release);
    }
}

/// The offset of the field in an mbuf with these flags.
#[inline]
pub(crate) fn offset(flags: u64) -> Option<usize> {
    let flag = FLAG.load(Ordering::Acquire);
    (flags & flag != 0).then(|| OFFSET.load(Ordering::Relaxed))
}
