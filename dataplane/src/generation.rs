//! Which policy is in force? One value, replaced while workers read it.
//!
//! The publisher swaps a pointer. A reader takes it up at the end of a burst, so that a burst sees one generation
//! throughout, and tells by its number that it has let go of those before. The publisher, who alone frees, does so
//! once every reader has moved on: no lock, no count of references, and nothing written by a reader but once a
//! generation, in a cache line of its own.
//!
//! | field | written by | read by |
//! | --- | --- | --- |
//! | the current generation | the publisher | all |
//! | the number each reader has reached | that reader | the publisher |
//!
//! A reader keeps what it has read until [`Reader::quiescent`]: one that stops polling holds up all that follows,
//! though not those who read. It is dropped when its worker ends, and waits inside [`Reader::offline`].
#![expect(unsafe_code, reason = "readers follow a pointer that only the publisher may free")]

use std::ptr::NonNull;
use std::sync::OnceLock;

use crate::sync::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::sync::{Arc, AtomicPtr, AtomicU64, fence};

/// Publishes `value` as generation 1, to `readers` readers.
#[must_use]
pub fn publish<T>(value: T, readers: usize) -> (Publisher<T>, Vec<Reader<T>>) {
    const FIRST: u64 = 1;
    let current = Generation::allocate(FIRST, value);
    let shared = Arc::new(Shared {
        current: AtomicPtr::new(current.as_ptr()),
        reached: (0..readers).map(|_| Padded(AtomicU64::new(FIRST))).collect(),
        orphans: OnceLock::new(),
    });
    let reader = |index| Reader { shared: Arc::clone(&shared), index, current };
    let readers = (0..readers).map(reader).collect();
    (Publisher { shared, current, retired: Vec::new() }, readers)
}

/// Replaces the value, and frees the old ones.
#[derive(Debug)]
pub struct Publisher<T> {
    shared: Arc<Shared<T>>,
    current: NonNull<Generation<T>>,
    /// Oldest first.
    retired: Vec<NonNull<Generation<T>>>,
}

impl<T> Publisher<T> {
    /// Makes `value` the next generation and returns its number. Readers take it up at the end of their burst; the
    /// one before is freed by [`reclaim`](Self::reclaim).
    pub fn publish(&mut self, value: T) -> u64 {
        let number = self.number() + 1;
        let old = std::mem::replace(&mut self.current, Generation::allocate(number, value));
        // Release: a reader that sees the pointer sees what it points to.
        self.shared.current.store(self.current.as_ptr(), Release);
        self.retired.push(old);
        number
    }

    /// Frees the generations that no reader can see any more, and returns how many are left over. Never waits.
    pub fn reclaim(&mut self) -> usize {
        // Pairs with the fence in `Reader::go_online`: either the loads below see that reader, or it sees the
        // generation current now.
        fence(SeqCst);
        // Acquire: what a reader did before it moved on comes before the freeing.
        let reached = self.shared.reached.iter().map(|reached| reached.0.load(Acquire)).min();
        let reached = reached.unwrap_or(OFFLINE);
        let freed = self.retired.partition_point(|&old| {
            // SAFETY: only the lines below free a generation, and they take it out of `retired`.
            unsafe { old.as_ref() }.number < reached
        });
        for old in self.retired.drain(..freed) {
            // SAFETY: it came from `allocate`, is no longer current, and leaves `retired` here, so that nobody
            // frees it again. Each reader is offline or at a later number, so none refers to it (see `Reader`).
            unsafe { Generation::free(old) };
        }
        self.retired.len()
    }

    /// The value in force.
    #[must_use]
    pub fn current(&self) -> &T {
        &self.generation().value
    }

    /// The number of the generation in force.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.generation().number
    }

    fn generation(&self) -> &Generation<T> {
        // SAFETY: the current generation is freed by nobody before `publish` makes it a retired one, which takes
        // `&mut self` and so outlives no reference given out here.
        unsafe { self.current.as_ref() }
    }
}

impl<T> Drop for Publisher<T> {
    fn drop(&mut self) {
        if self.reclaim() > 0 {
            let orphans = std::mem::take(&mut self.retired);
            self.shared.orphans.set(Orphans(orphans)).ok();
        }
    }
}

/// One worker's view. While online it may refer to the generation of the number it has told, and to no older one.
#[derive(Debug)]
pub struct Reader<T> {
    shared: Arc<Shared<T>>,
    index: usize,
    /// Valid while online.
    current: NonNull<Generation<T>>,
}

impl<T> Reader<T> {
    /// The value in force as of the end of the last burst.
    #[inline]
    #[must_use]
    pub fn current(&self) -> &T {
        &self.generation().value
    }

    /// Its number: 1 is the first.
    #[inline]
    #[must_use]
    pub fn number(&self) -> u64 {
        self.generation().number
    }

    /// The end of a burst: lets go of the generation read so far and takes up the one in force. Without a new one
    /// this is a load and a comparison.
    #[inline]
    pub fn quiescent(&mut self) {
        // Acquire: see `publish`.
        let current = self.shared.current.load(Acquire);
        if current != self.current.as_ptr() {
            self.take_up(current);
        }
    }

    /// Runs `during`, for instance a wait for packets, without holding up the publisher.
    pub fn offline<R>(&mut self, during: impl FnOnce() -> R) -> R {
        struct Online<'a, T>(&'a mut Reader<T>);
        impl<T> Drop for Online<'_, T> {
            fn drop(&mut self) {
                self.0.go_online();
            }
        }
        self.go_offline();
        let _online = Online(self);
        during()
    }

    fn go_offline(&self) {
        // Release: what was read so far comes before the freeing.
        self.reached().store(OFFLINE, Release);
    }

    fn go_online(&mut self) {
        // Nothing is known yet of the generation to be met: hold them all. Pairs with the fence in `reclaim`.
        self.reached().store(0, Relaxed);
        fence(SeqCst);
        let current = self.shared.current.load(Acquire);
        self.take_up(current);
    }

    #[cold]
    fn take_up(&mut self, current: *mut Generation<T>) {
        self.current = NonNull::new(current).expect("there is always a current generation");
        // Release: what was read of older generations comes before their freeing.
        self.reached().store(self.number(), Release);
    }

    fn generation(&self) -> &Generation<T> {
        // SAFETY: `current` was the shared pointer when this reader had told the number of an older generation or
        // that it holds all; the publisher frees no generation from that number on while it stands. References
        // given out end before the number changes, which takes `&mut self`.
        unsafe { self.current.as_ref() }
    }

    fn reached(&self) -> &AtomicU64 {
        &self.shared.reached[self.index].0
    }
}

impl<T> Drop for Reader<T> {
    fn drop(&mut self) {
        self.go_offline();
    }
}

// SAFETY: a publisher makes and frees values on its thread and gives out `&T` there, as readers do on theirs.
unsafe impl<T: Send + Sync> Send for Publisher<T> {}
// SAFETY: a reader gives out `&T` on its thread and, if it is the last to go, frees values made on another.
unsafe impl<T: Send + Sync> Send for Reader<T> {}

/// What both sides see. The last to go frees what is left.
#[derive(Debug)]
struct Shared<T> {
    current: AtomicPtr<Generation<T>>,
    /// By reader: the oldest generation it may refer to; [`OFFLINE`] if none.
    reached: Box<[Padded]>,
    /// Left behind by a publisher that went first.
    orphans: OnceLock<Orphans<T>>,
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let orphans = self.orphans.take().map(|orphans| orphans.0).unwrap_or_default();
        let current = NonNull::new(self.current.load(Acquire));
        for generation in orphans.into_iter().chain(current) {
            // SAFETY: it came from `allocate`; publisher and readers are gone, and with them all references. The
            // publisher hands over only what it has not freed, and the current one is never among that.
            unsafe { Generation::free(generation) };
        }
    }
}

#[derive(Debug)]
struct Orphans<T>(Vec<NonNull<Generation<T>>>);

/// A value and its number.
#[derive(Debug)]
struct Generation<T> {
    number: u64,
    value: T,
}

impl<T> Generation<T> {
    fn allocate(number: u64, value: T) -> NonNull<Self> {
        NonNull::from(Box::leak(Box::new(Self { number, value })))
    }

    /// # Safety
    /// It came from `allocate`, nothing refers to it, and nobody frees it again.
    unsafe fn free(this: NonNull<Self>) {
        // SAFETY: by the contract above.
        drop(unsafe { Box::from_raw(this.as_ptr()) });
    }
}

/// Alone in its cache line, and in the one that x86 processors fetch along with it.
#[derive(Debug)]
#[repr(align(128))]
struct Padded(AtomicU64);

/// Later than any generation.
const OFFLINE: u64 = u64::MAX;

#[cfg(test)]
mod tests;
