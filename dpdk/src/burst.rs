//! What one receive call returns.

use std::fmt;
use std::mem::MaybeUninit;
use std::ops::{Deref, DerefMut};

use dpdk_sys as sys;

use crate::Mbuf;

/// Up to [`Burst::CAPACITY`] packets, in place: no allocation, freed in bulk when dropped.
///
/// A slice of [`Mbuf`] by its deref; order is the order of arrival.
pub struct Burst {
    /// The first `len` are packets, and owned.
    slots: [MaybeUninit<Mbuf>; Burst::CAPACITY],
    len: usize,
}

impl Burst {
    /// How many packets fit.
    pub const CAPACITY: usize = 64;

    /// An empty burst.
    #[must_use]
    pub const fn new() -> Burst {
        Burst { slots: [const { MaybeUninit::uninit() }; Burst::CAPACITY], len: 0 }
    }

    /// Is there no room for another packet?
    #[inline]
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.len == Burst::CAPACITY
    }

    /// How many more packets fit.
    #[inline]
    #[must_use]
    pub fn room(&self) -> usize {
        Burst::CAPACITY - self.len
    }

    /// Adds a packet at the end.
    ///
    /// # Errors
    ///
    /// Returns the packet when the burst is full.
    #[inline]
    pub fn push(&mut self, packet: Mbuf) -> Result<(), Mbuf> {
        match self.slots.get_mut(self.len) {
            Some(slot) => {
                slot.write(packet);
                self.len += 1;
                Ok(())
            }
            None => Err(packet),
        }
    }

    /// Takes the last packet out.
    #[inline]
    pub fn pop(&mut self) -> Option<Mbuf> {
        self.len = self.len.checked_sub(1)?;
        // SAFETY: the slot was one of the first `len`, and is no longer.
        Some(unsafe { self.slots[self.len].assume_init_read() })
    }

    /// Takes all packets out, in order. Those the iterator does not reach are freed.
    #[inline]
    pub fn drain(&mut self) -> Drain<'_> {
        let end = std::mem::take(&mut self.len);
        Drain { slots: &mut self.slots, next: 0, end }
    }

    /// Takes all packets out, in order, to the end of `into`, each made into what that holds.
    #[inline]
    pub fn drain_into<T>(&mut self, into: &mut Vec<T>, make: impl Fn(Mbuf) -> T) {
        let len = std::mem::take(&mut self.len);
        // SAFETY: the first `len` slots were packets, and each is read once. Should `make` panic, packets are lost, not
        // freed twice.
        into.extend(self.slots[..len].iter().map(|slot| make(unsafe { slot.assume_init_read() })));
    }

    /// Adds packets at the end, in order, as many as there is room for, taken from the front of `packets`.
    #[inline]
    pub fn append<T>(&mut self, packets: &mut Vec<T>, open: impl Fn(T) -> Mbuf) {
        let count = packets.len().min(self.room());
        for (slot, packet) in self.slots[self.len..].iter_mut().zip(packets.drain(..count)) {
            slot.write(open(packet));
        }
        self.len += count;
    }

    /// Keeps the packets `keep` says yes to, in order, and frees the others.
    #[inline]
    pub fn retain(&mut self, mut keep: impl FnMut(&Mbuf) -> bool) {
        let end = std::mem::take(&mut self.len);
        for index in 0..end {
            // SAFETY: the slot was one of the first `end`, is read once, and the burst counts it as
            // empty. Should `keep` panic, the packets not reached are lost, not freed twice.
            let packet = unsafe { self.slots[index].assume_init_read() };
            if keep(&packet) {
                self.slots[self.len].write(packet);
                self.len += 1;
            }
        }
    }

    /// Frees all packets in one call.
    #[inline]
    pub fn free_bulk(&mut self) {
        let len = std::mem::take(&mut self.len);
        if len > 0 {
            // SAFETY: the first `len` slots were packets, and are not any more.
            unsafe { free(&mut self.slots[..len]) };
        }
    }

    /// The slots after the last packet, for a receive call to fill.
    #[inline]
    pub(crate) fn vacant(&mut self) -> &mut [MaybeUninit<Mbuf>] {
        &mut self.slots[self.len..]
    }

    /// Counts `count` slots of [`Burst::vacant`] as packets.
    ///
    /// # Safety
    ///
    /// That many were filled with packets that are now this burst's.
    #[inline]
    pub(crate) unsafe fn fill(&mut self, count: usize) {
        debug_assert!(count <= self.room());
        self.len += count;
    }

    /// Forgets the first `count` packets, which somebody else owns now, and closes the gap.
    ///
    /// # Safety
    ///
    /// `count` is at most the number of packets, and somebody else owns those.
    #[inline]
    pub(crate) unsafe fn forget_first(&mut self, count: usize) {
        debug_assert!(count <= self.len);
        let rest = self.len - count;
        if count > 0 && rest > 0 {
            let slots = self.slots.as_mut_ptr();
            // SAFETY: both ranges lie in the array, by the caller's promise.
            unsafe { std::ptr::copy(slots.add(count), slots, rest) };
        }
        self.len = rest;
    }
}

impl Default for Burst {
    fn default() -> Burst {
        Burst::new()
    }
}

impl Drop for Burst {
    fn drop(&mut self) {
        self.free_bulk();
    }
}

impl Deref for Burst {
    type Target = [Mbuf];

    #[inline]
    fn deref(&self) -> &[Mbuf] {
        // SAFETY: the first `len` slots are packets, and a slot has the layout of one.
        unsafe { std::slice::from_raw_parts(self.slots.as_ptr().cast::<Mbuf>(), self.len) }
    }
}

impl DerefMut for Burst {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Mbuf] {
        // SAFETY: as for `deref`, and the burst is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.slots.as_mut_ptr().cast::<Mbuf>(), self.len) }
    }
}

impl fmt::Debug for Burst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The packets of a burst, taken out by [`Burst::drain`].
#[derive(Debug)]
pub struct Drain<'a> {
    slots: &'a mut [MaybeUninit<Mbuf>; Burst::CAPACITY],
    /// The slots from `next` up to `end` are packets, and owned.
    next: usize,
    end: usize,
}

impl Iterator for Drain<'_> {
    type Item = Mbuf;

    #[inline]
    fn next(&mut self) -> Option<Mbuf> {
        if self.next == self.end {
            return None;
        }
        let slot = self.next;
        self.next += 1;
        // SAFETY: the slot was between `next` and `end`, and is no longer.
        Some(unsafe { self.slots[slot].assume_init_read() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.end - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Drain<'_> {}

impl Drop for Drain<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.next < self.end {
            // SAFETY: those slots are packets, and nobody looks at them again.
            unsafe { free(&mut self.slots[self.next..self.end]) };
        }
    }
}

/// Frees packets in one call.
///
/// # Safety
///
/// Every slot holds a packet, which the caller counts as gone.
#[inline]
unsafe fn free(slots: &mut [MaybeUninit<Mbuf>]) {
    // SAFETY: the caller's promise; a slot has the layout of a pointer.
    unsafe {
        sys::rte_pktmbuf_free_bulk(slots.as_mut_ptr().cast::<*mut sys::rte_mbuf>(), slots.len() as u32);
    }
}
