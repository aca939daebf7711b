//! Where mbufs come from.

use std::ffi::CString;
use std::ptr::NonNull;
use std::sync::Arc;

use dpdk_sys as sys;

use crate::runtime::{MempoolPointer, Runtime};
use crate::{Eal, Error, Mbuf};

/// The size of a mempool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MempoolConfig {
    /// How many mbufs. Memory is used best by a power of two less one.
    pub mbufs: u32,
    /// How many free mbufs each lcore may keep for itself; at most 512 and two thirds of `mbufs`.
    pub cache: u32,
    /// The bytes a segment holds, without the headroom.
    pub segment: u16,
    /// The NUMA socket of the memory; `None` is any.
    pub socket: Option<u32>,
    /// Whether mbufs may lie across pages. On ordinary pages of 4 KiB each takes a page of its own otherwise, and all
    /// begin at the same place in it: the cache has room for few of them. Not for devices that reach into the pool by
    /// themselves: cards, and net_af_xdp.
    pub across_pages: bool,
}

impl Default for MempoolConfig {
    /// 8,191 mbufs of 2,048 bytes, a cache of 256, for any device.
    fn default() -> MempoolConfig {
        MempoolConfig { mbufs: 8191, cache: 256, segment: 2048, socket: None, across_pages: false }
    }
}

/// A pool of mbufs of one size.
///
/// The memory lives until EAL's cleanup, even when the last handle is gone: mbufs may be out, in
/// worker threads and in devices, and a firewall makes its pools once. Clones are the same pool.
#[derive(Debug, Clone)]
pub struct Mempool {
    pointer: MempoolPointer,
    capacity: u32,
    _runtime: Arc<Runtime>,
}

impl Mempool {
    /// Makes a pool. The name is unique in the process and at most 25 characters long.
    ///
    /// # Errors
    ///
    /// [`Error::Call`] when there is no memory, the name is taken or too long, or the cache too
    /// large; [`Error::InvalidArgument`] for a segment that is too large or a name with a NUL.
    pub fn create(eal: &Eal, name: &str, config: &MempoolConfig) -> Result<Mempool, Error> {
        let invalid = |argument: String, reason| Error::InvalidArgument { argument, reason };
        let c_name =
            CString::new(name).map_err(|_| invalid(name.to_owned(), "a mempool's name holds no NUL"))?;
        let room = u16::try_from(sys::RTE_PKTMBUF_HEADROOM)
            .ok()
            .and_then(|headroom| config.segment.checked_add(headroom))
            .ok_or_else(|| invalid(config.segment.to_string(), "the segment is too large"))?;
        let socket = match config.socket {
            None => sys::SOCKET_ID_ANY,
            Some(socket) => i32::try_from(socket)
                .map_err(|_| invalid(socket.to_string(), "there is no such NUMA socket"))?,
        };
        let flags = if config.across_pages { sys::RTE_MEMPOOL_F_NO_IOVA_CONTIG } else { 0 };
        // SAFETY: EAL runs; the name is a terminated string and is copied. The pool's private part and its elements are
        // as large as those that set them up make of them: without an argument, all of an element behind its mbuf is
        // the segment.
        let pool = unsafe {
            sys::rte_mempool_create(
                c_name.as_ptr(),
                config.mbufs,
                size_of::<sys::rte_mbuf>() as u32 + u32::from(room),
                config.cache,
                size_of::<sys::rte_pktmbuf_pool_private>() as u32,
                Some(sys::rte_pktmbuf_pool_init),
                std::ptr::null_mut(),
                Some(sys::rte_pktmbuf_init),
                std::ptr::null_mut(),
                socket,
                flags,
            )
        };
        let pointer =
            MempoolPointer(NonNull::new(pool).ok_or_else(|| Error::last("rte_mempool_create", name))?);
        eal.runtime().add_mempool(pointer);
        Ok(Mempool { pointer, capacity: config.mbufs, _runtime: Arc::clone(eal.runtime()) })
    }

    /// An empty packet, or `None` when all mbufs are in use.
    #[inline]
    #[must_use]
    pub fn allocate(&self) -> Option<Mbuf> {
        // SAFETY: the pool lives; what it returns is nobody else's.
        unsafe {
            let mbuf = sys::rte_pktmbuf_alloc(self.as_ptr());
            NonNull::new(mbuf).map(|mbuf| Mbuf::from_raw(mbuf))
        }
    }

    /// A packet with these bytes, in as many segments as they need; `None` when there are not
    /// enough mbufs.
    #[must_use]
    pub fn copy_from_slice(&self, bytes: &[u8]) -> Option<Mbuf> {
        let mut packet = self.allocate()?;
        let room = packet.tailroom();
        let (first, rest) = bytes.split_at(bytes.len().min(room));
        packet.append(first).ok()?;
        if !rest.is_empty() {
            // A pool of segments without room could not hold anything, however long the chain.
            if room == 0 {
                return None;
            }
            for chunk in rest.chunks(room) {
                let mut segment = self.allocate()?;
                segment.append(chunk).ok()?;
                packet.chain(segment).ok()?;
            }
        }
        Some(packet)
    }

    /// How many mbufs the pool has.
    #[must_use]
    pub fn capacity(&self) -> u32 {
        self.capacity
    }

    /// How many are free, those in caches included. Slow: for tests and metrics.
    #[must_use]
    pub fn available(&self) -> u32 {
        // SAFETY: the pool lives.
        unsafe { sys::rte_mempool_avail_count(self.as_ptr()) }
    }

    /// How many are out: held here, or waiting in a device's queue. Slow: for tests and metrics.
    #[must_use]
    pub fn in_use(&self) -> u32 {
        // SAFETY: the pool lives.
        unsafe { sys::rte_mempool_in_use_count(self.as_ptr()) }
    }

    /// The pool, for calls that take one.
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut sys::rte_mempool {
        self.pointer.0.as_ptr()
    }
}
