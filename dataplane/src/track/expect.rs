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
//! that would have. Who takes looks by the target alone, as what is expected from anyone is found so. Two workers
//! that announce the same at the same moment may both be heard.

use crate::flow::{FlowHash, FlowHasher, FlowKey};
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};
use crate::time::Tick;
use Ordering::{AcqRel, Acquire, Relaxed, Release};
use announced::Words;
use begun::Begun;
use body::{Body, FREE, Flags, LIVE, busy, free, live, phase, tagged, version};
use config::policy::HelperKind;

pub use announced::{Announced, gre};
pub use calls::{Calls, End};
pub use doubts::Doubts;
pub use own::{Handle, MOST_OF_ONE, Own};

/// Connections that may be expected at a time, over all workers: as in Linux with 262144 buckets.
pub const MOST_EXPECTED: usize = 4096;

/// What is expected: each kind has a bound of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Class {
    /// What a helper with one kind expects; of SIP, signalling.
    #[default]
    Only,
    /// SIP: sound.
    Audio,
    /// SIP: pictures that move.
    Video,
    /// SIP: pictures that do not.
    Image,
}

impl Class {
    const ALL: [Self; 4] = [Self::Only, Self::Audio, Self::Video, Self::Image];
}

/// How it is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// Of which kind it is.
    pub class: Class,
    /// So many of a kind may one connection announce; one more takes the place of the oldest.
    pub most: usize,
    /// For so many milliseconds.
    pub milliseconds: u32,
    /// How many connections fulfil it.
    pub times: Times,
    /// By which helper each is read.
    pub read_by: Option<HelperKind>,
}

impl Terms {
    /// Once, read by nobody; so many may be announced, for so many seconds.
    #[must_use]
    pub const fn once(most: usize, seconds: u32) -> Self {
        let milliseconds = seconds * 1000;
        Self { class: Class::Only, most, milliseconds, times: Times::Once, read_by: None }
    }
}

/// How many connections fulfil what is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Times {
    /// The first that comes.
    Once,
    /// As many as come.
    Any,
    /// As many as come once it is confirmed.
    AnyConfirmed,
}

/// What a connection that was expected inherits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inherited {
    /// The helper that announced it.
    pub helper: HelperKind,
    /// `ct mark` of the connection that announced it.
    pub mark: u32,
    /// The helper it has itself.
    pub read_by: Option<HelperKind>,
    /// Whether the kernel may have forgotten that it was expected.
    pub is_doubted: bool,
    /// The hash of the connection that announced it.
    pub announcer: FlowHash,
}

/// Who announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Announcer {
    /// Its helper.
    pub helper: HelperKind,
    /// Its `ct mark`.
    pub mark: u32,
    /// When it ends.
    pub ends: Tick,
    /// Its hash.
    pub hash: FlowHash,
}

/// Why a connection cannot be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// Another connection has announced what one packet could fulfil as well.
    Taken,
    /// The very same is announced, by another connection or as of another kind.
    Known,
    /// There is no room.
    Full,
    /// Another connection has announced the like, or the kernel has forgotten that: it cannot be told which.
    Doubted,
}

/// The expectations in force.
#[derive(Debug)]
pub struct Expectations {
    hasher: FlowHasher,
    live: Alone,
    states: Box<[AtomicU64]>,
    bodies: Box<[Body]>,
    calls: Calls,
    doubts: Doubts,
    begun: Begun,
}

impl Expectations {
    /// Room for `slots` of them, a power of two; `hasher` is that of the flows.
    #[must_use]
    pub fn with_capacity(slots: usize, hasher: FlowHasher) -> Self {
        let slots = slots.next_power_of_two();
        Self {
            calls: Calls::with_capacity(2 * slots, hasher.clone()),
            doubts: Doubts::with_buckets(slots),
            begun: Begun::with_buckets(slots),
            hasher,
            live: Alone(AtomicU32::new(0)),
            states: (0..slots).map(|_| AtomicU64::new(0)).collect(),
            bodies: (0..slots).map(|_| Body::default()).collect(),
        }
    }

    /// The calls of PPTP.
    #[inline]
    #[must_use]
    pub const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Which GRE of calls that are over is doubtful.
    #[inline]
    #[must_use]
    pub const fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    /// GRE has begun that the control connection with this hash has announced.
    pub fn gre_begins(&self, gre: FlowHash, control: FlowHash) {
        self.begun.note(gre, control);
    }

    /// It has ended, and with it, as in the kernel, what names the call that the control connection has by now. Whether
    /// anybody knew of it.
    pub fn gre_ends(&self, gre: FlowHash) -> bool {
        let control = self.begun.take(gre);
        if let Some(control) = control {
            self.calls.end(control);
        }
        control.is_some()
    }

    /// A call of PPTP in this zone is over, from client to server: its flow ends, whoever has it. As in the kernel, if there
    /// is none nothing of the call is expected any more, and if there is one the server's GRE is not. Where nobody
    /// announced that flow, whether there is one is not known here: GRE of the client that is expected becomes doubtful.
    pub fn end_call(&self, client: End, server: End, zone: u16, now: Tick) {
        let gre = self.hasher.hash(&FlowKey { zone, ..gre(client, server) });
        self.calls.end(gre);
        if !self.gre_ends(gre) {
            self.doubt_any(&Announced::of_call(client, server, zone), now);
        }
        self.unexpect_any(&Announced::of_call(server, client, zone), now);
    }

    /// The same of a call whose control connection nothing but its timeout has ended: when the kernel cleans up is doubtful,
    /// and with it all GRE that is of the call or would be without it.
    pub fn end_call_sometime(&self, client: End, server: End, zone: u16, now: Tick) {
        let ([client_host, server_host], none) = ([client.0, server.0], 0);
        let named = (client, server);
        for (client, server) in [named, ((client_host, none), server), (client, (server_host, none))] {
            self.doubts.cast(self.hasher.hash(&FlowKey { zone, ..gre(client, server) }), now);
        }
        self.end_call(client, server, zone, now);
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

    /// Expects a connection, on behalf of the one whose `own` those are that it has announced.
    ///
    /// # Errors
    /// If something like it is announced already, by which nothing changes; or if there is no room.
    pub fn expect(
        &self,
        own: &mut Own,
        announced: &Announced,
        by: Announcer,
        terms: Terms,
        now: Tick,
    ) -> Result<(), Refused> {
        let (hash, words) = (self.hash(announced), announced.words());
        own.retain(|handle| self.is_in_force(handle, now));
        let mut same = Handle::NONE;
        for slot in self.window(hash) {
            let state = self.states[slot].load(Acquire);
            let Some(known) = self.occupant(slot, state, hash, now) else { continue };
            if !known.clashes(&words) {
                continue;
            }
            match own.in_slot(slot, version(state)) {
                None if self.bodies[slot].inherited().0.is_doubted() => return Err(Refused::Doubted),
                _ if known != words => return Err(Refused::Taken),
                Some(handle) if handle.class() == terms.class => same = handle,
                _ => return Err(Refused::Known),
            }
        }
        if same.is_none() && own.count(terms.class) >= terms.most {
            same = own.oldest(terms.class);
        }
        own.remove(same);
        self.withdraw(same);
        let (until, flags) = (now.after(terms.milliseconds), Flags::of(by.helper, terms));
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
                self.bodies[slot].write(&words, flags, by.mark, [until, by.ends], next);
                self.bodies[slot].announcer.store(by.hash.0, Relaxed);
                // Release: who sees it live sees the body.
                self.states[slot].store(live(next, hash), Release);
                own.add(Handle::new(slot, next, terms.class));
                return Ok(());
            }
        }
        Err(Refused::Full)
    }

    /// The expectation that the first packet of a connection fulfils, which is over then, unless it is for any number or
    /// doubted.
    #[must_use]
    pub fn take(&self, announced: &Announced, now: Tick) -> Option<Inherited> {
        let (hash, words) = (self.hash(announced), announced.words());
        self.window(hash).find_map(|slot| {
            let state = self.states[slot].load(Acquire);
            let known = self.occupant(slot, state, hash, now)?;
            let (flags, mark) = self.bodies[slot].inherited();
            let announcer = FlowHash(self.bodies[slot].announcer.load(Relaxed));
            if !known.clashes(&words) || flags.is_dormant() || !self.is_still(slot, state) {
                return None;
            }
            let (helper, is_doubted) = (flags.helper()?, flags.is_doubted());
            let inherited = Inherited { helper, mark, read_by: flags.read_by(), is_doubted, announcer };
            (flags.stays() || is_doubted || self.free(slot, state)).then_some(inherited)
        })
    }

    /// What such a packet would fulfil is not expected any more, whoever announced it.
    pub fn unexpect_any(&self, announced: &Announced, now: Tick) {
        if let Some((slot, state)) = self.fulfilled(announced, now) {
            self.free(slot, state);
        }
    }

    /// What such a packet would fulfil may have been forgotten by the kernel, whoever announced it.
    fn doubt_any(&self, announced: &Announced, now: Tick) {
        if let Some((slot, state)) = self.fulfilled(announced, now) {
            let flags = self.bodies[slot].inherited().0;
            let handle = Handle::new(slot, version(state), flags.class());
            self.under_version(handle, |body| &body.flags, flags.doubted().0);
        }
    }

    fn fulfilled(&self, announced: &Announced, now: Tick) -> Option<(usize, u64)> {
        let (hash, words) = (self.hash(announced), announced.words());
        self.window(hash).find_map(|slot| {
            let state = self.states[slot].load(Acquire);
            let known = self.occupant(slot, state, hash, now)?;
            known.clashes(&words).then_some((slot, state))
        })
    }

    /// Whether another connection than the one with these `own` expects the like, by the same helper and of that class.
    #[must_use]
    pub fn is_expected_elsewhere(
        &self,
        own: &Own,
        announced: &Announced,
        (helper, class): (HelperKind, Class),
        now: Tick,
    ) -> bool {
        let (hash, words) = (self.hash(announced), announced.words());
        let found = self.window(hash).find_map(|slot| {
            let state = self.states[slot].load(Acquire);
            let known = self.occupant(slot, state, hash, now)?;
            let flags = self.bodies[slot].inherited().0;
            let is_like = known.clashes(&words) && self.is_still(slot, state);
            is_like.then(|| {
                let is_same_kind = flags.helper() == Some(helper) && flags.class() == class;
                is_same_kind && own.in_slot(slot, version(state)).is_none()
            })
        });
        found.unwrap_or(false)
    }

    /// A registration of such a connection is confirmed, for so many milliseconds; `false` if there is none.
    pub fn confirm(&self, own: &Own, announced: &Announced, now: Tick, milliseconds: u32) -> bool {
        let target = announced.words().target;
        let mut found = false;
        for handle in own.of_class(Class::Only) {
            let Some(slot) = handle.slot() else { continue };
            if !found && self.is_in_force(handle, now) && self.bodies[slot].words().target == target {
                let flags = self.bodies[slot].inherited().0.awake();
                self.under_version(handle, |body| &body.until, now.after(milliseconds).0);
                self.under_version(handle, |body| &body.flags, flags.0);
                found = true;
            }
        }
        found
    }

    /// The connection that announced them now ends at `ends`.
    pub fn renew(&self, own: &Own, ends: Tick) {
        for handle in own.iter() {
            self.under_version(handle, |body| &body.announcer_ends, ends.0);
        }
    }

    /// The connection that announced them now has this mark.
    pub fn mark(&self, own: &Own, mark: u32) {
        for handle in own.iter() {
            self.under_version(handle, |body| &body.mark, mark);
        }
    }

    /// Nobody is expected any more of those of which `is_meant` holds.
    pub fn forget(&self, own: &mut Own, is_meant: impl Fn(Class) -> bool) {
        own.retain(|handle| {
            let is_over = is_meant(handle.class());
            if is_over {
                self.withdraw(handle);
            }
            !is_over
        });
    }

    /// This is not expected any more, if it is one of such a connection's.
    pub fn unexpect(&self, own: &mut Own, announced: &Announced) {
        let (hash, words) = (self.hash(announced), announced.words());
        for slot in self.window(hash) {
            let state = self.states[slot].load(Acquire);
            let own_here = own.in_slot(slot, version(state));
            if let Some(handle) = own_here.filter(|_| self.bodies[slot].words() == words) {
                own.remove(handle);
                self.withdraw(handle);
            }
        }
    }

    fn withdraw(&self, handle: Handle) {
        let Some(slot) = handle.slot() else { return };
        let state = self.states[slot].load(Acquire);
        if phase(state) == LIVE && version(state) == handle.version() {
            self.free(slot, state);
        }
    }

    fn is_in_force(&self, handle: Handle, now: Tick) -> bool {
        let Some(slot) = handle.slot() else { return false };
        let state = self.states[slot].load(Acquire);
        phase(state) == LIVE && version(state) == handle.version() && !self.is_over(slot, now)
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

    /// By whom is called, so that what is expected from anyone is found.
    fn hash(&self, announced: &Announced) -> FlowHash {
        self.hasher.hash(&FlowKey { low: 0, low_port: 0, ..announced.key })
    }

    /// The slots where an expectation may be.
    fn window(&self, hash: FlowHash) -> impl Iterator<Item = usize> {
        let (home, mask) = ((hash.0 >> 32) as usize, self.states.len() - 1);
        (0..WINDOW.min(self.states.len())).map(move |step| (home + step) & mask)
    }

    /// What the slot, whose state was read, expects of this hash, if it is not over.
    fn occupant(&self, slot: usize, state: u64, hash: FlowHash, now: Tick) -> Option<Words> {
        if state != live(version(state), hash) {
            return None;
        }
        let words = self.bodies[slot].words();
        let over = self.is_over(slot, now);
        (!over && self.is_still(slot, state)).then_some(words)
    }

    /// Whether what was read of a slot since its state was, is of one occupant.
    fn is_still(&self, slot: usize, state: u64) -> bool {
        // Acquire: the body was read before the state is looked at again.
        fence(Acquire);
        self.states[slot].load(Relaxed) == state
    }

    fn is_over(&self, slot: usize, now: Tick) -> bool {
        let body = &self.bodies[slot];
        Tick(body.until.load(Relaxed) as u32).is_at_or_before(now)
            || Tick(body.announcer_ends.load(Relaxed) as u32).is_at_or_before(now)
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
        let Some(slot) = handle.slot() else { return };
        let word = word(&self.bodies[slot]);
        let old = word.load(Relaxed);
        if (old >> 32) as u32 == handle.version() {
            // Lost to another occupant, it was not meant for that one.
            let _ = word.compare_exchange(old, tagged(handle.version(), value), Relaxed, Relaxed);
        }
    }
}

/// Alone in its cache line, and in the one that x86 processors fetch along with it.
#[derive(Debug)]
#[repr(align(128))]
struct Alone(AtomicU32);

/// Slots that may hold an expectation.
const WINDOW: usize = 32;

mod announced;
mod begun;
mod body;
mod calls;
mod doubts;
mod own;
#[cfg(test)]
mod tests;
