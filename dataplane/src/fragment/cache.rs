//! Where do fragments wait for the rest of their datagram? In cells taken at the start, found by a keyed hash.
//!
//! A datagram has a slot and a list of cells, in the order of its bytes. Slots are linked by age, for each network layer
//! of its own, as all of one have the same time to wait.

use super::MOST_FRAGMENTS;
use super::datagram::{Datagram, Place, Refusal, Summary, place};
use crate::flow::{FlowHash, FlowHasher, FlowKey};
use crate::packet::{Network, Piece, Tuple};
use crate::reason::Reason;
use crate::time::Tick;

/// How much may wait at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Datagrams.
    pub datagrams: u32,
    /// Fragments, over all of them.
    pub fragments: u32,
}

impl Default for Capacity {
    /// About what the kernel's 4 MiB hold of fragments that fill a page each.
    fn default() -> Self {
        Self { datagrams: 1024, fragments: 2048 }
    }
}

/// Who puts datagrams together: fragments of one user never meet those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct User {
    /// The wire they came by.
    pub wire: u16,
    /// From inside.
    pub from_inside: bool,
    /// The protected host, as it takes datagrams in, and not connection tracking.
    pub is_delivery: bool,
}

/// Which fragments belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    network: Network,
    source: u128,
    destination: u128,
    identification: u32,
    protocol: u8,
    user: User,
}

impl Key {
    /// The key of a fragment. In IPv6 the protocol is no part of it: only the first fragment need know it.
    #[must_use]
    pub const fn of(tuple: &Tuple, identification: u32, user: User) -> Self {
        let Tuple { network, source, destination, protocol, .. } = *tuple;
        let protocol = if matches!(network, Network::Ipv4) { protocol } else { 0 };
        Self { network, source, destination, identification, protocol, user }
    }

    /// The network layer.
    #[must_use]
    pub const fn network(&self) -> Network {
        self.network
    }

    fn hash(&self, hasher: &FlowHasher) -> u64 {
        let User { wire, from_inside, is_delivery } = self.user;
        let key = FlowKey {
            low: self.source,
            high: self.destination,
            low_port: self.identification as u16,
            high_port: (self.identification >> 16) as u16,
            protocol: self.protocol,
            version: self.network as u8 | u8::from(from_inside) << 6 | u8::from(is_delivery) << 7,
            zone: wire,
        };
        hasher.hash(&key).0
    }
}

/// The hash that says which worker gathers the fragments of this sender.
#[must_use]
pub fn sender(tuple: &Tuple, hasher: &FlowHasher) -> FlowHash {
    hasher.hash(&FlowKey { low: tuple.source, version: tuple.network as u8, ..FlowKey::default() })
}

/// A fragment of a datagram that has become whole.
#[derive(Debug)]
pub struct Part<T> {
    /// What it carries.
    pub piece: Piece,
    /// What was given with it.
    pub item: T,
}

/// What became of a fragment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It waits.
    Held,
    /// It does not; whoever is dropped has been told of.
    Dropped,
    /// Its datagram is whole.
    Whole(Summary),
}

/// Waiting fragments, each with something of the caller's, mostly its buffer.
#[derive(Debug)]
pub struct Cache<T> {
    hasher: FlowHasher,
    buckets: Box<[u32]>,
    slots: Box<[Slot]>,
    cells: Box<[Cell<T>]>,
    free_slot: u32,
    free_cell: u32,
    held: u32,
    /// The oldest and the youngest slot, of IPv4 and of IPv6.
    ages: [Age; 2],
    /// How many fragments came from each sender; senders may share a number.
    senders: Box<[u32]>,
}

#[derive(Debug, Clone)]
struct Slot {
    key: Key,
    datagram: Datagram,
    deadline: Tick,
    /// The number of its sender when its last fragment came.
    distance: u32,
    first: u32,
    last: u32,
    fragments: u32,
    /// The next in its bucket, or of the free ones.
    next: u32,
    older: u32,
    younger: u32,
}

#[derive(Debug)]
struct Cell<T> {
    next: u32,
    begins_run: bool,
    piece: Piece,
    item: Option<T>,
}

#[derive(Debug, Clone, Copy)]
struct Age {
    oldest: u32,
    youngest: u32,
}

impl<T> Cache<T> {
    /// Room for so much, with the workers' hash.
    #[must_use]
    pub fn new(capacity: Capacity, hasher: FlowHasher) -> Self {
        let Capacity { datagrams, fragments } = capacity;
        let linked = |number: u32, of: u32| if number + 1 < of { number + 1 } else { NONE };
        let empty = Key::of(&Tuple::default(), 0, User::default());
        let slot = |number| Slot {
            key: empty,
            datagram: Datagram::default(),
            deadline: Tick(0),
            distance: 0,
            first: NONE,
            last: NONE,
            fragments: 0,
            next: linked(number, datagrams),
            older: NONE,
            younger: NONE,
        };
        let cell = |number| Cell {
            next: linked(number, fragments),
            begins_run: false,
            piece: Piece::default(),
            item: None,
        };
        Self {
            hasher,
            buckets: vec![NONE; datagrams.next_power_of_two() as usize * 2].into(),
            slots: (0..datagrams).map(slot).collect(),
            cells: (0..fragments).map(cell).collect(),
            free_slot: if datagrams > 0 { 0 } else { NONE },
            free_cell: if fragments > 0 { 0 } else { NONE },
            held: 0,
            ages: [Age { oldest: NONE, youngest: NONE }; 2],
            senders: vec![0; SENDERS].into(),
        }
    }

    /// How many fragments wait.
    #[must_use]
    pub const fn held(&self) -> usize {
        self.held as usize
    }

    /// Whether nothing is to expire: a datagram may be known of which no fragment waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ages[0].oldest == NONE && self.ages[1].oldest == NONE
    }

    /// Takes a fragment in, at `now`. Whoever is dropped for it, itself perhaps among them, goes to `gone`, with why.
    /// All parts of a datagram that has become whole go to the end of `whole`, in the order of their bytes.
    pub fn take(
        &mut self,
        key: &Key,
        piece: Piece,
        item: T,
        now: Tick,
        whole: &mut Vec<Part<T>>,
        mut gone: impl FnMut(T, Reason),
    ) -> Taken {
        let hash = key.hash(&self.hasher);
        let Some(number) = self.find(hash, key, now, &mut gone).or_else(|| self.open(hash, key, now)) else {
            gone(item, Reason::FragmentOverflow);
            return Taken::Dropped;
        };
        if key.network == Network::Ipv4 {
            self.measure(number, now, &mut gone);
        }
        let refusal = match self.place(number, &piece) {
            Ok((before, begins_run)) => {
                self.link(number, before, begins_run, piece, item);
                let slot = &mut self.slots[number as usize];
                slot.datagram.note(&piece);
                if !slot.datagram.is_whole() {
                    return Taken::Held;
                }
                let first = self.cells[slot.first as usize].piece;
                match slot.datagram.summary(key.network, &first) {
                    Some(summary) => {
                        self.empty(number, |piece, item| whole.push(Part { piece, item }));
                        self.close(hash, number);
                        return Taken::Whole(summary);
                    }
                    None => {
                        self.empty(number, |_, item| gone(item, Reason::FragmentMalformed));
                        self.close(hash, number);
                        return Taken::Dropped;
                    }
                }
            }
            Err(refusal) => refusal,
        };
        match refusal {
            Refusal::This(reason) => gone(item, reason),
            Refusal::All(reason) => {
                self.empty(number, |_, item| gone(item, reason));
                self.close(hash, number);
                gone(item, reason);
            }
        }
        Taken::Dropped
    }

    /// Gives up on a datagram, if it is known.
    pub fn give_up(&mut self, key: &Key, now: Tick, mut gone: impl FnMut(T, Reason)) {
        let hash = key.hash(&self.hasher);
        if let Some(number) = self.find(hash, key, now, &mut gone) {
            self.empty(number, |_, item| gone(item, Reason::FragmentMalformed));
            self.close(hash, number);
        }
    }

    /// Gives up on at most `datagrams` datagrams whose time is over at `now`.
    pub fn expire(&mut self, now: Tick, datagrams: usize, mut gone: impl FnMut(T, Reason)) {
        let mut left = datagrams;
        for age in 0..self.ages.len() {
            while left > 0 {
                let number = self.ages[age].oldest;
                if number == NONE || !self.slots[number as usize].deadline.is_at_or_before(now) {
                    break;
                }
                self.give_up_late(number, &mut gone);
                left -= 1;
            }
        }
    }

    /// Gives up on everything that waits.
    pub fn clear(&mut self, mut gone: impl FnMut(T, Reason)) {
        for age in 0..self.ages.len() {
            while self.ages[age].oldest != NONE {
                self.give_up_late(self.ages[age].oldest, &mut gone);
            }
        }
    }

    fn give_up_late(&mut self, number: u32, gone: &mut impl FnMut(T, Reason)) {
        let hash = self.slots[number as usize].key.hash(&self.hasher);
        self.empty(number, |_, item| gone(item, Reason::FragmentTimeout));
        self.close(hash, number);
    }

    /// The slot of `key`. One whose time is over is given up.
    fn find(&mut self, hash: u64, key: &Key, now: Tick, gone: &mut impl FnMut(T, Reason)) -> Option<u32> {
        let mut number = self.buckets[self.bucket(hash)];
        while number != NONE {
            let slot = &self.slots[number as usize];
            if slot.key == *key {
                if !slot.deadline.is_at_or_before(now) {
                    return Some(number);
                }
                self.give_up_late(number, gone);
                return None;
            }
            number = slot.next;
        }
        None
    }

    /// A new slot for `key`, if there is one.
    fn open(&mut self, hash: u64, key: &Key, now: Tick) -> Option<u32> {
        let number = self.free_slot;
        if number == NONE || self.free_cell == NONE {
            return None;
        }
        let bucket = self.bucket(hash);
        let slot = &mut self.slots[number as usize];
        self.free_slot = slot.next;
        let next = std::mem::replace(&mut self.buckets[bucket], number);
        *slot = Slot {
            key: *key,
            datagram: Datagram::default(),
            deadline: now.after(patience(key.network)),
            distance: 0,
            first: NONE,
            last: NONE,
            fragments: 0,
            next,
            older: NONE,
            younger: NONE,
        };
        self.grow_old(number);
        Some(number)
    }

    /// Counts a fragment of its sender. Where too many others of his have come since the last of this datagram, what
    /// there is of it is given up, and it begins anew (`ipfrag_max_dist`).
    fn measure(&mut self, number: u32, now: Tick, gone: &mut impl FnMut(T, Reason)) {
        let key = self.slots[number as usize].key;
        let sender = FlowKey { low: key.source, zone: key.user.wire, ..FlowKey::default() };
        let sender = self.hasher.hash(&sender).0 as usize % SENDERS;
        self.senders[sender] = self.senders[sender].wrapping_add(1);
        let slot = &mut self.slots[number as usize];
        let distance =
            self.senders[sender].wrapping_sub(std::mem::replace(&mut slot.distance, self.senders[sender]));
        if slot.first != NONE && distance > MOST_DISTANCE {
            self.empty(number, |_, item| gone(item, Reason::FragmentDistance));
            self.rejuvenate(number);
            let slot = &mut self.slots[number as usize];
            slot.datagram = Datagram::default();
            slot.deadline = now.after(patience(key.network));
        }
    }

    /// Behind which cell of its datagram a fragment goes, and whether a run begins with it.
    fn place(&mut self, number: u32, piece: &Piece) -> Result<(u32, bool), Refusal> {
        let slot = &mut self.slots[number as usize];
        slot.datagram.admit(slot.key.network, piece)?;
        let slot = &self.slots[number as usize];
        let cells = &self.cells;
        let last = cells.get(slot.last as usize).map(|cell| (cell.piece.start, cell.piece.end));
        let numbers = || {
            let mut next = slot.first;
            std::iter::from_fn(move || {
                let at = next;
                next = cells.get(at as usize)?.next;
                Some(at)
            })
        };
        let parts = numbers().map(|at| {
            let Cell { piece, begins_run, .. } = &cells[at as usize];
            (piece.start, piece.end, *begins_run)
        });
        let found = match place(piece.start, piece.end, last, parts)? {
            Place::Behind(goes_on) => (slot.last, !goes_on),
            Place::Before(0) => (NONE, true),
            Place::Before(place) => (numbers().nth(place - 1).unwrap_or(NONE), true),
        };
        if slot.fragments as usize >= MOST_FRAGMENTS {
            return Err(Refusal::All(Reason::FragmentOverflow));
        }
        if self.free_cell == NONE {
            return Err(Refusal::This(Reason::FragmentOverflow));
        }
        Ok(found)
    }

    /// Puts a fragment into a cell behind another one.
    fn link(&mut self, number: u32, before: u32, begins_run: bool, piece: Piece, item: T) {
        let at = self.free_cell;
        self.free_cell = self.cells[at as usize].next;
        let slot = &mut self.slots[number as usize];
        let next = match self.cells.get_mut(before as usize) {
            Some(before) => std::mem::replace(&mut before.next, at),
            None => std::mem::replace(&mut slot.first, at),
        };
        if next == NONE {
            slot.last = at;
        }
        slot.fragments += 1;
        self.held += 1;
        self.cells[at as usize] = Cell { next, begins_run, piece, item: Some(item) };
    }

    /// Takes every fragment out of a slot.
    fn empty(&mut self, number: u32, mut each: impl FnMut(Piece, T)) {
        let slot = &mut self.slots[number as usize];
        let mut at = std::mem::replace(&mut slot.first, NONE);
        (slot.last, slot.fragments) = (NONE, 0);
        while at != NONE {
            let cell = &mut self.cells[at as usize];
            let next = std::mem::replace(&mut cell.next, self.free_cell);
            self.free_cell = at;
            if let Some(item) = cell.item.take() {
                self.held -= 1;
                each(cell.piece, item);
            }
            at = next;
        }
    }

    /// Gives an empty slot back.
    fn close(&mut self, hash: u64, number: u32) {
        let bucket = self.bucket(hash);
        let next = self.slots[number as usize].next;
        if self.buckets[bucket] == number {
            self.buckets[bucket] = next;
        } else {
            let mut at = self.buckets[bucket];
            while at != NONE {
                let slot = &mut self.slots[at as usize];
                if slot.next == number {
                    slot.next = next;
                    break;
                }
                at = slot.next;
            }
        }
        self.forget_age(number);
        self.slots[number as usize].next = self.free_slot;
        self.free_slot = number;
    }

    const fn bucket(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.buckets.len() - 1)
    }

    fn rejuvenate(&mut self, number: u32) {
        self.forget_age(number);
        self.grow_old(number);
    }

    /// Makes a slot the youngest of its network layer.
    fn grow_old(&mut self, number: u32) {
        let age = &mut self.ages[age_of(self.slots[number as usize].key.network)];
        let older = std::mem::replace(&mut age.youngest, number);
        match self.slots.get_mut(older as usize) {
            Some(older) => older.younger = number,
            None => age.oldest = number,
        }
        let slot = &mut self.slots[number as usize];
        (slot.older, slot.younger) = (older, NONE);
    }

    fn forget_age(&mut self, number: u32) {
        let Slot { older, younger, key, .. } = self.slots[number as usize];
        let age = &mut self.ages[age_of(key.network)];
        match self.slots.get_mut(older as usize) {
            Some(older) => older.younger = younger,
            None => age.oldest = younger,
        }
        match self.slots.get_mut(younger as usize) {
            Some(younger) => younger.older = older,
            None => age.youngest = older,
        }
    }
}

/// For how long fragments wait, in milliseconds: `ipfrag_time`, `nf_conntrack_frag6_timeout`.
pub(super) const fn patience(network: Network) -> u32 {
    match network {
        Network::Ipv4 => 30_000,
        _ => 60_000,
    }
}

const fn age_of(network: Network) -> usize {
    matches!(network, Network::Ipv4) as usize
}

/// No slot, no cell.
const NONE: u32 = u32::MAX;
/// Other fragments of the same sender that may come between two of a datagram: `ipfrag_max_dist`.
pub(super) const MOST_DISTANCE: u32 = 64;
/// Numbers for senders.
const SENDERS: usize = 4096;
