//! Was a connection announced by another? The expectations of helpers, shared by all workers.
//!
//! A helper reads in one connection that another will come, which may well belong to another worker: whoever meets its
//! first packet takes the expectation, once. Where none is in force a worker reads one word that nobody writes. The
//! table is bounded, and every call but a sweep looks at 32 slots at most.
//!
//! Each slot has a state word: its phase, a tag of the key, and a version that changes with every occupant.
//!
//! | phase | who may write the body | left by |
//! |---|---|---|
//! | free | nobody | whoever makes it busy, by compare-and-swap |
//! | busy | who made it so | the same, which publishes it live |
//! | live | nobody; mark and end by compare-and-swap, under the version | whoever takes, withdraws or finds it over |
//!
//! A body is read between two looks at the state word and holds if that has not changed. An expectation ends with
//! its own time or with that of the connection that announced it; one whose connection was evicted early ends when
//! that would have. Two workers that announce the same at the same moment may both be heard.

use crate::flow::{FlowHash, FlowHasher, FlowKey};
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};
use crate::time::Tick;
use Ordering::{AcqRel, Acquire, Relaxed, Release};
use config::policy::HelperKind;
use zerocopy::FromZeros;

/// Connections that may be expected at a time, over all workers: as in Linux with 262144 buckets.
pub const MOST_EXPECTED: usize = 4096;

/// Who is expected to call whom: from any port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announced(FlowKey);

impl Announced {
    /// A connection of this protocol, from this host, to this host and L4 port; `version` is 4 or 6.
    #[must_use]
    pub const fn new(
        source: u128,
        (destination, port): (u128, u16),
        protocol: u8,
        version: u8,
        zone: u16,
    ) -> Self {
        Self(FlowKey {
            low: source,
            high: destination,
            low_port: 0,
            high_port: port,
            protocol,
            version,
            zone,
        })
    }

    const fn words(&self) -> [u64; 5] {
        let FlowKey { low, high, high_port, protocol, version, zone, .. } = self.0;
        let rest = high_port as u64 | (protocol as u64) << 16 | (version as u64) << 24 | (zone as u64) << 32;
        [low as u64, (low >> 64) as u64, high as u64, (high >> 64) as u64, rest]
    }
}

/// What a connection that was expected inherits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inherited {
    /// The helper that announced it.
    pub helper: HelperKind,
    /// `ct mark` of the connection that announced it.
    pub mark: u32,
}

/// Why a connection cannot be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Another connection has announced the same.
    Taken,
    /// There is no room.
    Full,
}

/// An expectation, for the connection that announced it. All zero is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, FromZeros)]
#[repr(C)]
pub struct Handle {
    /// The slot, from 1.
    slot: u32,
    version: u32,
}

impl Handle {
    /// Of nothing.
    pub const NONE: Self = Self { slot: 0, version: 0 };

    /// Whether it is of nothing.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.slot == 0
    }
}

/// The expectations in force.
#[derive(Debug)]
pub struct Expectations {
    hasher: FlowHasher,
    live: Alone,
    states: Box<[AtomicU64]>,
    bodies: Box<[Body]>,
}

impl Expectations {
    /// Room for `slots` of them, a power of two; `hasher` is that of the flows.
    #[must_use]
    pub fn with_capacity(slots: usize, hasher: FlowHasher) -> Self {
        let slots = slots.next_power_of_two();
        Self {
            hasher,
            live: Alone(AtomicU32::new(0)),
            states: (0..slots).map(|_| AtomicU64::new(0)).collect(),
            bodies: (0..slots).map(|_| Body::default()).collect(),
        }
    }

    /// Whether any is in force.
    #[inline]
    #[must_use]
    pub fn any(&self) -> bool {
        // Acquire: who sees the count sees the expectation that was counted.
        self.live.0.load(Acquire) != 0
    }

    /// How many are in force, those included that are over and that nobody met since.
    #[must_use]
    pub fn len(&self) -> usize {
        self.live.0.load(Relaxed) as usize
    }

    /// Whether none is in force.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.any()
    }

    /// Expects a connection in place of the one `before`, until `until` or until the connection that announces it ends.
    ///
    /// # Errors
    /// If another connection has announced the same, or there is no room; the one before stays in the first case.
    pub fn expect(
        &self,
        announced: &Announced,
        inherited: Inherited,
        [now, until, announcer_ends]: [Tick; 3],
        before: Handle,
    ) -> Result<Handle, Refused> {
        let hash = self.hasher.hash(&announced.0);
        let taken = self.window(hash).any(|slot| {
            let state = self.states[slot].load(Acquire);
            let own = before.slot as usize == slot + 1 && before.version == version(state);
            !own && self.matches(slot, state, hash, announced, now)
        });
        if taken {
            return Err(Refused::Taken);
        }
        self.withdraw(before);
        for slot in self.window(hash) {
            let state = self.states[slot].load(Acquire);
            if phase(state) == LIVE && self.is_over(slot, now) {
                self.free(slot, state);
            }
            let state = self.states[slot].load(Acquire);
            let next = version(state).wrapping_add(1);
            let claimed = phase(state) == FREE
                && self.states[slot].compare_exchange(state, busy(next), AcqRel, Relaxed).is_ok();
            if claimed {
                self.live.0.fetch_add(1, Relaxed);
                self.bodies[slot].write(announced, inherited, [until, announcer_ends], next);
                // Release: who sees it live sees the body.
                self.states[slot].store(live(next, hash), Release);
                return Ok(Handle { slot: slot as u32 + 1, version: next });
            }
        }
        Err(Refused::Full)
    }

    /// Takes the expectation that the first packet of a connection fulfils.
    #[must_use]
    pub fn take(&self, announced: &Announced, now: Tick) -> Option<Inherited> {
        let hash = self.hasher.hash(&announced.0);
        self.window(hash).find_map(|slot| {
            let state = self.states[slot].load(Acquire);
            if !self.matches(slot, state, hash, announced, now) {
                return None;
            }
            let inherited = self.bodies[slot].inherited();
            self.free(slot, state).then_some(inherited?)
        })
    }

    /// The connection that announced it now ends at `ends`.
    pub fn renew(&self, handle: Handle, ends: Tick) {
        self.under_version(handle, |body| &body.announcer_ends, ends.0);
    }

    /// The connection that announced it now has this mark.
    pub fn mark(&self, handle: Handle, mark: u32) {
        self.under_version(handle, |body| &body.mark, mark);
    }

    /// Nobody is expected any more.
    pub fn withdraw(&self, handle: Handle) {
        let Some(slot) = (handle.slot as usize).checked_sub(1) else { return };
        let state = self.states[slot].load(Acquire);
        if phase(state) == LIVE && version(state) == handle.version {
            self.free(slot, state);
        }
    }

    /// Frees those of `slots` slots from `from` on that are over at `now`; says where to go on.
    pub fn sweep(&self, from: usize, slots: usize, now: Tick) -> usize {
        for slot in (from..from + slots).map(|slot| slot & (self.states.len() - 1)) {
            let state = self.states[slot].load(Acquire);
            if phase(state) == LIVE && self.is_over(slot, now) {
                self.free(slot, state);
            }
        }
        (from + slots) & (self.states.len() - 1)
    }

    /// Frees all that are over at `now`: for a clock that leaps.
    pub fn purge(&self, now: Tick) {
        self.sweep(0, self.states.len(), now);
    }

    /// The slots where an expectation may be.
    fn window(&self, hash: FlowHash) -> impl Iterator<Item = usize> {
        let (home, mask) = ((hash.0 >> 32) as usize, self.states.len() - 1);
        (0..WINDOW.min(self.states.len())).map(move |step| (home + step) & mask)
    }

    /// Whether the slot, whose state was read, holds this and is not over.
    fn matches(&self, slot: usize, state: u64, hash: FlowHash, announced: &Announced, now: Tick) -> bool {
        if state != live(version(state), hash) || self.bodies[slot].key() != announced.words() {
            return false;
        }
        let over = self.is_over(slot, now);
        // Acquire: the body was read before the state is looked at again.
        fence(Acquire);
        !over && self.states[slot].load(Relaxed) == state
    }

    fn is_over(&self, slot: usize, now: Tick) -> bool {
        let body = &self.bodies[slot];
        let until = Tick((body.about.load(Relaxed) >> 32) as u32);
        until.is_at_or_before(now) || Tick(body.announcer_ends.load(Relaxed) as u32).is_at_or_before(now)
    }

    /// Ends the occupant of a slot, whose state was read; `false` if somebody else has.
    fn free(&self, slot: usize, state: u64) -> bool {
        let freed = self.states[slot].compare_exchange(state, free(version(state)), AcqRel, Relaxed).is_ok();
        if freed {
            self.live.0.fetch_sub(1, Relaxed);
        }
        freed
    }

    /// Changes a word of the body, as long as the occupant is the one meant.
    fn under_version(&self, handle: Handle, word: impl Fn(&Body) -> &AtomicU64, value: u32) {
        let Some(slot) = (handle.slot as usize).checked_sub(1) else { return };
        let word = word(&self.bodies[slot]);
        let old = word.load(Relaxed);
        if (old >> 32) as u32 == handle.version {
            // Lost to another occupant, it was not meant for that one.
            let _ = word.compare_exchange(old, tagged(handle.version, value), Relaxed, Relaxed);
        }
    }
}

/// What a slot holds.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Body {
    key: [AtomicU64; 5],
    /// When it is over, and below that which helper announced it.
    about: AtomicU64,
    /// Under the version: `ct mark` of the connection that announced it.
    mark: AtomicU64,
    /// Under the version: when that connection ends.
    announcer_ends: AtomicU64,
}

impl Body {
    fn write(&self, announced: &Announced, inherited: Inherited, [until, ends]: [Tick; 2], version: u32) {
        for (word, value) in self.key.iter().zip(announced.words()) {
            word.store(value, Relaxed);
        }
        self.about.store(tagged(until.0, inherited.helper as u32), Relaxed);
        self.mark.store(tagged(version, inherited.mark), Relaxed);
        self.announcer_ends.store(tagged(version, ends.0), Relaxed);
    }

    fn key(&self) -> [u64; 5] {
        std::array::from_fn(|at| self.key[at].load(Relaxed))
    }

    fn inherited(&self) -> Option<Inherited> {
        let helper = *HelperKind::ALL.get(self.about.load(Relaxed) as u32 as usize)?;
        Some(Inherited { helper, mark: self.mark.load(Relaxed) as u32 })
    }
}

/// Alone in its cache line, and in the one that x86 processors fetch along with it.
#[derive(Debug)]
#[repr(align(128))]
struct Alone(AtomicU32);

/// Slots that may hold an expectation.
const WINDOW: usize = 32;

const FREE: u64 = 0;
const BUSY: u64 = 1;
const LIVE: u64 = 2;

const fn phase(state: u64) -> u64 {
    state & 3
}

const fn version(state: u64) -> u32 {
    (state >> 32) as u32
}

const fn tagged(high: u32, low: u32) -> u64 {
    (high as u64) << 32 | low as u64
}

const fn free(version: u32) -> u64 {
    tagged(version, 0) | FREE
}

const fn busy(version: u32) -> u64 {
    tagged(version, 0) | BUSY
}

/// The state of a slot with an occupant of this hash.
const fn live(version: u32, hash: FlowHash) -> u64 {
    tagged(version, (hash.0 as u32) << 2) | LIVE
}

#[cfg(test)]
mod tests;
