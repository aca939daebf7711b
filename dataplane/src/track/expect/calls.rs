//! Which call of PPTP does a GRE packet belong to? RFC 2637: each end numbers its calls, and a packet names its receiver's
//! number only.
//!
//! Where a control connection has said how the sender numbers that call, packets both ways belong to one flow: its ports
//! are the two numbers. Shared by all workers, as the control connection may be another's; the table is bounded, and
//! every call looks at 32 slots at most. A name stays until it is taken back; of two that say different things of one
//! packet the older holds, whatever the zone, as in the kernel. So is this: when any GRE ends that the control connection has
//! announced, nothing that it has said holds any longer.
//!
//! When a call ends, its flow ends too, which may be another worker's: who meets that flow asks. There is a counter for
//! all flows of some bits of their hash, and beside it other bits of the flow that ended last. A flow that knows the
//! counter as it was is not over; neither is one that missed a single end, of another flow. One that missed more may have
//! missed its own: it is over.

use super::{Alone, Class, FREE, Handle, LIVE, Refused, busy, free, live, phase, tagged, version};
use crate::flow::{FlowHash, FlowHasher, FlowKey};
use crate::packet::protocol;
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};
use Ordering::{AcqRel, Acquire, Relaxed, Release};

/// An end of a call: its IPv4 address, and its number for it.
pub type End = (u128, u16);

/// The calls that are set up, and what has become of those that were.
#[derive(Debug)]
pub struct Calls {
    hasher: FlowHasher,
    live: Alone,
    next: AtomicU64,
    slots: Box<[Slot]>,
    ended: Box<[AtomicU64]>,
    has_ended: AtomicU32,
}

/// From whom to whom, and since when; held together by the state, as of an expectation.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Slot {
    state: AtomicU64,
    addresses: AtomicU64,
    /// The receiver's, and the sender's.
    numbers: AtomicU64,
    age: AtomicU64,
    /// The hash of the control connection, and how many ends were known when it said so or was believed last.
    control: AtomicU64,
    ends: AtomicU32,
}

/// How a sender numbers a call.
struct Said {
    number: u16,
    /// The number of it among all that were said.
    age: u64,
}

impl Calls {
    /// Room for `slots` names, two of a call, at most 65535.
    pub(super) fn with_capacity(slots: usize, hasher: FlowHasher) -> Self {
        let slots = slots.next_power_of_two().min(1 << 15);
        Self {
            hasher,
            live: Alone(AtomicU32::new(0)),
            next: AtomicU64::new(0),
            slots: (0..slots).map(|_| Slot::default()).collect(),
            ended: (0..slots * ENDS).map(|_| AtomicU64::new(0)).collect(),
            has_ended: AtomicU32::new(0),
        }
    }

    /// Whether any is set up.
    #[inline]
    #[must_use]
    pub fn any(&self) -> bool {
        // Acquire: who sees the count sees the name that was counted.
        self.live.0.load(Acquire) != 0
    }

    /// How the sender numbers the call of a packet that names the receiver's number; 0 if nobody has said.
    #[must_use]
    pub fn number_of_sender(&self, sender: u128, receiver: End) -> u16 {
        if !self.any() {
            return 0;
        }
        let oldest = self.said(sender, receiver).min_by_key(|said| said.age);
        oldest.map_or(0, |said| said.number)
    }

    fn said(&self, sender: u128, receiver: End) -> impl Iterator<Item = Said> {
        let (hash, addresses) = (self.hash(sender, receiver), addresses(sender, receiver.0));
        self.window(hash).filter_map(move |place| {
            let slot = &self.slots[place];
            let state = slot.state.load(Acquire);
            if state != live(version(state), hash) {
                return None;
            }
            let (known, numbers) = (slot.addresses.load(Relaxed), slot.numbers.load(Relaxed));
            let age = slot.age.load(Relaxed);
            let holds = self.holds(slot);
            // Acquire: the body was read before the state is looked at again.
            fence(Acquire);
            let is_it = holds && known == addresses && numbers as u16 == receiver.1;
            let said = Said { number: (numbers >> 16) as u16, age };
            (is_it && slot.state.load(Relaxed) == state).then_some(said)
        })
    }

    /// Packets from `sender` to `receiver` with the receiver's number are of the call that the sender numbers so, says the
    /// control connection with this hash. What it said before by the same `handle` stays.
    ///
    /// # Errors
    /// If that was said of other packets, or there is no room.
    pub fn name(
        &self,
        handle: &mut Handle,
        sender: End,
        receiver: End,
        control: FlowHash,
    ) -> Result<(), Refused> {
        let addresses = addresses(sender.0, receiver.0);
        if self.slot(*handle).is_some_and(|slot| !self.holds(slot)) {
            self.take_back(handle);
        }
        if let Some(slot) = self.slot(*handle) {
            let is_same =
                slot.addresses.load(Relaxed) == addresses && slot.numbers.load(Relaxed) as u16 == receiver.1;
            return if is_same { Ok(()) } else { Err(Refused::Known) };
        }
        let hash = self.hash(sender.0, receiver);
        for place in self.window(hash) {
            let slot = &self.slots[place];
            let state = slot.state.load(Acquire);
            let next = version(state).wrapping_add(1);
            let claimed = phase(state) == FREE
                && slot.state.compare_exchange(state, busy(next), AcqRel, Relaxed).is_ok();
            if claimed {
                self.live.0.fetch_add(1, Relaxed);
                slot.addresses.store(addresses, Relaxed);
                slot.numbers.store(u64::from(receiver.1) | u64::from(sender.1) << 16, Relaxed);
                slot.age.store(self.next.fetch_add(1, Relaxed), Relaxed);
                slot.control.store(control.0, Relaxed);
                slot.ends.store(self.ends(control), Relaxed);
                // Release: who sees it live sees the body.
                slot.state.store(live(next, hash), Release);
                *handle = Handle::new(place, next, Class::Only);
                return Ok(());
            }
        }
        Err(Refused::Full)
    }

    /// What was said by this handle holds no longer.
    pub fn take_back(&self, handle: &mut Handle) {
        if let Some(slot) = self.slot(*handle) {
            let state = slot.state.load(Acquire);
            let is_it = phase(state) == LIVE && version(state) == handle.version();
            let freed =
                is_it && slot.state.compare_exchange(state, free(version(state)), AcqRel, Relaxed).is_ok();
            if freed {
                self.live.0.fetch_sub(1, Relaxed);
            }
        }
        *handle = Handle::NONE;
    }

    /// Whether any call has ended since the start.
    #[inline]
    #[must_use]
    pub fn have_ended(&self) -> bool {
        self.has_ended.load(Acquire) != 0
    }

    /// The flow with this hash ends, whoever has it; or GRE that the control connection with this hash has announced.
    pub fn end(&self, hash: FlowHash) {
        self.has_ended.store(1, Release);
        let ended = self.ended(hash);
        let mut known = ended.load(Relaxed);
        loop {
            let next = tagged(((known >> 32) as u32).wrapping_add(1), tag(hash));
            match ended.compare_exchange_weak(known, next, Release, Relaxed) {
                Ok(_) => return,
                Err(other) => known = other,
            }
        }
    }

    /// What a flow with this hash knows when it begins.
    #[must_use]
    pub fn ends(&self, hash: FlowHash) -> u32 {
        (self.ended(hash).load(Acquire) >> 32) as u32
    }

    /// Whether a flow with this hash that knows so much is over; if not, it knows more now.
    pub fn is_over(&self, hash: FlowHash, known: &mut u32) -> bool {
        let last = self.ended(hash).load(Acquire);
        let count = (last >> 32) as u32;
        let missed = count.wrapping_sub(*known);
        *known = count;
        missed > 1 || missed == 1 && last as u32 == tag(hash)
    }

    /// Whether no GRE that its control connection has announced has ended since this was said.
    fn holds(&self, slot: &Slot) -> bool {
        let before = slot.ends.load(Relaxed);
        let mut known = before;
        let is_over = self.is_over(FlowHash(slot.control.load(Relaxed)), &mut known);
        if !is_over && known != before {
            // Lost to another occupant, it was not meant for that one.
            let _ = slot.ends.compare_exchange(before, known, Relaxed, Relaxed);
        }
        !is_over
    }

    fn ended(&self, hash: FlowHash) -> &AtomicU64 {
        &self.ended[(hash.0 >> 32) as usize & (self.ended.len() - 1)]
    }

    /// Where what was said by this handle stands, if it still holds.
    fn slot(&self, handle: Handle) -> Option<&Slot> {
        let slot = &self.slots[handle.slot()?];
        let state = slot.state.load(Acquire);
        (phase(state) == LIVE && version(state) == handle.version()).then_some(slot)
    }

    fn hash(&self, sender: u128, (receiver, number): End) -> FlowHash {
        let (low, high, high_port) = (sender, receiver, number);
        self.hasher.hash(&FlowKey {
            low,
            high,
            low_port: 0,
            high_port,
            protocol: protocol::GRE,
            version: 4,
            zone: 0,
        })
    }

    fn window(&self, hash: FlowHash) -> impl Iterator<Item = usize> {
        let (home, mask) = ((hash.0 >> 32) as usize, self.slots.len() - 1);
        (0..super::WINDOW.min(self.slots.len())).map(move |step| (home + step) & mask)
    }
}

const fn addresses(sender: u128, receiver: u128) -> u64 {
    tagged(sender as u32, receiver as u32)
}

/// Bits that do not say which counter.
const fn tag(hash: FlowHash) -> u32 {
    hash.0 as u32
}

/// Counters of ends for each slot.
const ENDS: usize = 8;

#[cfg(test)]
mod tests {
    use super::{Calls, Handle, Refused};
    use crate::flow::{FlowHash, FlowHasher};

    const PNS: u128 = 0xc633_6401;
    const PAC: u128 = 0xc000_020a;

    const CONTROL: FlowHash = FlowHash(3 << 32 | 1);

    fn calls(slots: usize) -> Calls {
        Calls::with_capacity(slots, FlowHasher::new([1, 2, 3, 4]))
    }

    #[test]
    fn a_number_is_found_by_who_calls_whom() {
        let calls = calls(64);
        let mut handle = Handle::NONE;
        assert_eq!(calls.number_of_sender(PNS, (PAC, 7)), 0);
        calls.name(&mut handle, (PNS, 5), (PAC, 7), CONTROL).unwrap();
        assert!(calls.any());
        assert_eq!(calls.number_of_sender(PNS, (PAC, 7)), 5);
        for other in [(PAC, (PNS, 7)), (PNS, (PAC, 5)), (PNS, (PAC, 8)), (PNS + 1, (PAC, 7))] {
            assert_eq!(calls.number_of_sender(other.0, other.1), 0, "{other:?}");
        }
        assert_eq!(
            calls.name(&mut handle, (PNS, 6), (PAC, 7), CONTROL),
            Ok(()),
            "said again, it stays as it was"
        );
        assert_eq!(calls.number_of_sender(PNS, (PAC, 7)), 5);
        assert_eq!(
            calls.name(&mut handle, (PNS, 5), (PAC, 8), CONTROL),
            Err(Refused::Known),
            "one at a time"
        );
        let mut same = handle;
        calls.take_back(&mut handle);
        calls.take_back(&mut same);
        assert_eq!((calls.number_of_sender(PNS, (PAC, 7)), calls.any()), (0, false));
    }

    #[test]
    fn the_older_of_two_holds() {
        let calls = calls(64);
        let (mut one, mut other) = (Handle::NONE, Handle::NONE);
        calls.name(&mut one, (PNS, 5), (PAC, 7), CONTROL).unwrap();
        calls.name(&mut other, (PNS, 6), (PAC, 7), CONTROL).unwrap();
        assert_eq!(calls.number_of_sender(PNS, (PAC, 7)), 5);
        calls.take_back(&mut one);
        assert_eq!(calls.number_of_sender(PNS, (PAC, 7)), 6);
        calls.name(&mut one, (PNS, 5), (PAC, 7), CONTROL).unwrap();
        assert_eq!(calls.number_of_sender(PNS, (PAC, 7)), 6, "it is the older now, in whatever slot");
    }

    #[test]
    fn what_a_control_connection_said_holds_until_gre_ends_that_it_announced() {
        let calls = calls(64);
        let (mut one, mut other) = (Handle::NONE, Handle::NONE);
        let stranger = FlowHash(CONTROL.0 + 1);
        calls.name(&mut one, (PNS, 5), (PAC, 7), CONTROL).unwrap();
        calls.name(&mut other, (PAC, 7), (PNS, 5), stranger).unwrap();
        let numbers =
            || [(PNS, (PAC, 7)), (PAC, (PNS, 5))].map(|(from, to)| calls.number_of_sender(from, to));
        calls.end(stranger);
        assert_eq!(numbers(), [5, 0], "they share a counter");
        calls.end(stranger);
        assert_eq!(numbers(), [5, 0], "it was believed since");
        calls.end(CONTROL);
        assert_eq!(numbers(), [0, 0]);
        calls.name(&mut one, (PNS, 6), (PAC, 8), CONTROL).unwrap();
        assert_eq!(calls.number_of_sender(PNS, (PAC, 8)), 6, "the next call");
    }

    #[test]
    fn what_has_no_room_is_refused() {
        let calls = calls(4);
        let mut handles = [Handle::NONE; 5];
        let said: Vec<_> = (1..)
            .zip(&mut handles)
            .map(|(number, handle)| calls.name(handle, (PNS, number), (PAC, number), CONTROL))
            .collect();
        assert_eq!(said, [Ok(()), Ok(()), Ok(()), Ok(()), Err(Refused::Full)]);
        calls.take_back(&mut handles[0]);
        assert_eq!(calls.name(&mut handles[4], (PNS, 5), (PAC, 5), CONTROL), Ok(()));
    }

    #[test]
    fn a_flow_is_over_by_its_own_end_or_by_more_than_it_could_tell() {
        let calls = calls(64);
        let (own, same_counter, other) =
            (FlowHash(9 << 32 | 1), FlowHash(9 << 32 | 2), FlowHash(8 << 32 | 1));
        let mut known = calls.ends(own);
        for hash in [other, other, same_counter] {
            calls.end(hash);
        }
        assert!(!calls.is_over(own, &mut known));
        calls.end(same_counter);
        assert!(!calls.is_over(own, &mut known), "it has seen the one before");
        calls.end(own);
        assert!(calls.is_over(own, &mut { known }));
        calls.end(same_counter);
        assert!(calls.is_over(own, &mut known), "which of the two was meant, nobody knows");
        let mut known = calls.ends(own);
        assert!(!calls.is_over(own, &mut known), "another flow of that name");
    }
}
