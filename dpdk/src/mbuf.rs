//! One packet's bytes, owned.

use std::fmt;
use std::marker::PhantomData;
use std::ptr::NonNull;

use dpdk_sys as sys;
use sys::dpdk_sys_mbuf as field;

use crate::{PortId, timestamp};

/// A packet: one or more segments of a mempool, freed when dropped.
///
/// A pointer wide. The segments belong to this handle alone: there is no way to make a second one
/// to the same bytes.
#[repr(transparent)]
pub struct Mbuf(NonNull<sys::rte_mbuf>);

// SAFETY: an mbuf is plain memory and not tied to a thread; its mempool takes it back from any.
unsafe impl Send for Mbuf {}

/// The last segment has no room for the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRoom;

impl Mbuf {
    /// Takes ownership.
    ///
    /// # Safety
    ///
    /// `pointer` is the first segment of a packet that nobody else will use or free.
    #[inline]
    pub(crate) unsafe fn from_raw(pointer: NonNull<sys::rte_mbuf>) -> Mbuf {
        Mbuf(pointer)
    }

    /// Gives up ownership without freeing.
    #[inline]
    pub(crate) fn into_raw(self) -> NonNull<sys::rte_mbuf> {
        std::mem::ManuallyDrop::new(self).0
    }

    /// The bytes of the first segment: all of them when the packet is contiguous.
    #[inline]
    #[must_use]
    pub fn first_segment(&self) -> &[u8] {
        // SAFETY: the segment is ours, and borrowed as long as the slice.
        unsafe { segment_bytes(self.0) }
    }

    /// The bytes of the first segment, to be changed in place.
    #[inline]
    #[must_use]
    pub fn first_segment_mut(&mut self) -> &mut [u8] {
        // SAFETY: `segment_bytes` upholds what a slice needs; the segment is ours alone and
        // exclusively borrowed as long as the slice.
        unsafe {
            let bytes = segment_bytes(self.0);
            std::slice::from_raw_parts_mut(bytes.as_ptr().cast_mut(), bytes.len())
        }
    }

    /// The bytes of each segment in turn.
    #[inline]
    #[must_use]
    pub fn segments(&self) -> Segments<'_> {
        Segments { next: Some(self.0), packet: PhantomData }
    }

    /// The bytes from `start` up to `end`: the packet's own when one segment holds them all,
    /// otherwise copied into `scratch`. `None` when the packet or `scratch` is too short.
    #[must_use]
    pub fn read<'a>(&'a self, start: usize, end: usize, scratch: &'a mut [u8]) -> Option<&'a [u8]> {
        if let Some(bytes) = self.first_segment().get(start..end) {
            return Some(bytes);
        }
        let wanted = end.checked_sub(start)?;
        let scratch = scratch.get_mut(..wanted)?;
        let (mut skip, mut filled) = (start, 0);
        for segment in self.segments() {
            let Some(bytes) = segment.get(skip..) else {
                skip -= segment.len();
                continue;
            };
            skip = 0;
            let count = bytes.len().min(wanted - filled);
            scratch[filled..filled + count].copy_from_slice(&bytes[..count]);
            filled += count;
            if filled == wanted {
                return Some(scratch);
            }
        }
        None
    }

    /// The bytes of the whole packet.
    #[inline]
    #[must_use]
    pub fn packet_len(&self) -> u32 {
        // SAFETY: the offset is that of a u32.
        unsafe { get(self.0, field::DPDK_SYS_MBUF_PKT_LEN) }
    }

    /// How many segments the packet has.
    #[inline]
    #[must_use]
    pub fn segment_count(&self) -> u16 {
        // SAFETY: the offset is that of a u16.
        unsafe { get(self.0, field::DPDK_SYS_MBUF_NB_SEGS) }
    }

    /// Does the first segment hold the whole packet?
    #[inline]
    #[must_use]
    pub fn is_contiguous(&self) -> bool {
        self.segment_count() == 1
    }

    /// The port the packet came in by. Meaningless for a packet made here.
    #[inline]
    #[must_use]
    pub fn port(&self) -> PortId {
        // SAFETY: the offset is that of a u16.
        PortId::new(unsafe { get(self.0, field::DPDK_SYS_MBUF_PORT) })
    }

    /// The hash the device chose the queue by, when it told.
    #[inline]
    #[must_use]
    pub fn rss_hash(&self) -> Option<u32> {
        (self.flags() & sys::RTE_MBUF_F_RX_RSS_HASH != 0)
            // SAFETY: the offset is that of a u32, and the flag says that it is set.
            .then(|| unsafe { get(self.0, field::DPDK_SYS_MBUF_HASH_RSS) })
    }

    /// The time of reception, when the device told. Its unit is the device's: net_pcap gives the
    /// capture's time in microseconds since 1970.
    #[inline]
    #[must_use]
    pub fn timestamp(&self) -> Option<u64> {
        // SAFETY: the offset is that of a registered dynamic field, which is a u64 by its name, and
        // the flag says that it is set.
        timestamp::offset(self.flags()).map(|offset| unsafe { get_at(self.0, offset) })
    }

    /// Adds bytes at the end of the last segment.
    ///
    /// # Errors
    ///
    /// [`NoRoom`] when that segment cannot take them all; nothing is added then.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), NoRoom> {
        let count = u16::try_from(bytes.len()).map_err(|_| NoRoom)?;
        // SAFETY: the packet is ours. The call makes room for `count` bytes and returns where they
        // are, or a null pointer; mempool memory does not overlap a slice the caller can have, as
        // this packet is borrowed exclusively.
        unsafe {
            let place = sys::rte_pktmbuf_append(self.0.as_ptr(), count);
            let place = NonNull::new(place).ok_or(NoRoom)?;
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), place.as_ptr().cast::<u8>(), usize::from(count));
        }
        Ok(())
    }

    /// Makes a packet of one segment this long, if it is longer.
    #[inline]
    pub fn truncate(&mut self, length: usize) {
        if self.is_contiguous() && length < self.packet_len() as usize {
            // SAFETY: the offsets are those of a u16 and a u32; the packet is ours and exclusively borrowed, and
            // a shorter one lies within what it was.
            unsafe {
                set(self.0, field::DPDK_SYS_MBUF_DATA_LEN, length as u16);
                set(self.0, field::DPDK_SYS_MBUF_PKT_LEN, length as u32);
            }
        }
    }

    /// How many bytes the first segment can still take at its end.
    #[must_use]
    pub fn tailroom(&self) -> usize {
        // SAFETY: the offsets are those of three u16.
        let (size, offset, len): (u16, u16, u16) = unsafe {
            (
                get(self.0, field::DPDK_SYS_MBUF_BUF_LEN),
                get(self.0, field::DPDK_SYS_MBUF_DATA_OFF),
                get(self.0, field::DPDK_SYS_MBUF_DATA_LEN),
            )
        };
        usize::from(size).saturating_sub(usize::from(offset) + usize::from(len))
    }

    /// Adds another packet's segments at the end.
    ///
    /// # Errors
    ///
    /// Returns the other packet when together they have more segments than can be counted.
    pub fn chain(&mut self, tail: Mbuf) -> Result<(), Mbuf> {
        // SAFETY: both are ours; when the call succeeds, the first owns the segments of the second.
        let status = unsafe { sys::rte_pktmbuf_chain(self.0.as_ptr(), tail.0.as_ptr()) };
        if status != 0 {
            return Err(tail);
        }
        let _ = tail.into_raw();
        Ok(())
    }

    #[inline]
    fn flags(&self) -> u64 {
        // SAFETY: the offset is that of a u64.
        unsafe { get(self.0, field::DPDK_SYS_MBUF_OL_FLAGS) }
    }
}

impl Drop for Mbuf {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the packet is ours, and gone after this.
        unsafe { sys::rte_pktmbuf_free(self.0.as_ptr()) }
    }
}

impl fmt::Debug for Mbuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mbuf")
            .field("packet_len", &self.packet_len())
            .field("segment_count", &self.segment_count())
            .field("port", &self.port())
            .finish_non_exhaustive()
    }
}

/// The segments of a packet.
#[derive(Debug, Clone)]
pub struct Segments<'a> {
    next: Option<NonNull<sys::rte_mbuf>>,
    packet: PhantomData<&'a Mbuf>,
}

impl<'a> Iterator for Segments<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let segment = self.next?;
        // SAFETY: the segments of a packet are linked, the last one to a null pointer, and all are
        // borrowed with the packet.
        unsafe {
            let next: *mut sys::rte_mbuf = get(segment, field::DPDK_SYS_MBUF_NEXT);
            self.next = NonNull::new(next);
            Some(segment_bytes(segment))
        }
    }
}

/// The bytes of a segment.
///
/// # Safety
///
/// `segment` is valid, and nobody changes it while the slice is in use.
#[inline]
unsafe fn segment_bytes<'a>(segment: NonNull<sys::rte_mbuf>) -> &'a [u8] {
    // SAFETY: the offsets are those of a pointer and two u16; a segment's data lies inside its
    // buffer, from `data_off` on, `data_len` bytes, which a device or `append` has written.
    unsafe {
        let buffer: *mut u8 = get(segment, field::DPDK_SYS_MBUF_BUF_ADDR);
        let offset: u16 = get(segment, field::DPDK_SYS_MBUF_DATA_OFF);
        let len: u16 = get(segment, field::DPDK_SYS_MBUF_DATA_LEN);
        std::slice::from_raw_parts(buffer.add(usize::from(offset)), usize::from(len))
    }
}

/// Reads a field.
///
/// # Safety
///
/// `mbuf` is valid, and a `T` is at the offset.
#[inline]
unsafe fn get<T: Copy>(mbuf: NonNull<sys::rte_mbuf>, offset: field::Type) -> T {
    // SAFETY: the caller's promise.
    unsafe { get_at(mbuf, offset as usize) }
}

/// Writes a field.
///
/// # Safety
///
/// `mbuf` is valid and ours alone, and a `T` is at the offset.
#[inline]
unsafe fn set<T: Copy>(mbuf: NonNull<sys::rte_mbuf>, offset: field::Type, value: T) {
    // SAFETY: the caller's promise; every field is aligned for its type.
    unsafe { mbuf.as_ptr().cast::<u8>().add(offset as usize).cast::<T>().write(value) }
}

/// Reads a field, see [`get`].
///
/// # Safety
///
/// As for [`get`].
#[inline]
unsafe fn get_at<T: Copy>(mbuf: NonNull<sys::rte_mbuf>, offset: usize) -> T {
    // SAFETY: the caller's promise; every field is aligned for its type.
    unsafe { mbuf.as_ptr().cast::<u8>().add(offset).cast::<T>().read() }
}

const _: () = assert!(size_of::<Option<Mbuf>>() == size_of::<*mut sys::rte_mbuf>());
