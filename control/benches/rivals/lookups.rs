//! What does it cost to find a flow and touch its record? The flow table in the worker's stages and bursts, beside
//! `rte_hash` with records of its own, its calls as long and half as long, and beside hashbrown with ahash: the same flows,
//! the same shuffled order, records of a cache line.

use crate::duel::{Contender, Cycles, Random, duel};
use dataplane::flow::{self, FlowHash, FlowHasher, FlowKey, Name, Sought, Table};
use dataplane::io::BURST;
use dataplane::time::Tick;
use dpdk::Eal;
use dpdk::rivals::{BULK, Hash};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::time::Duration;

/// What was found for so many flows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lookups {
    /// Flows.
    pub flows: u32,
    /// The flow table, a burst of the worker's at a time.
    pub sluice: Cycles,
    /// `rte_hash_lookup_bulk_data`, 32 at a time, and a record by index.
    pub rte_hash: Cycles,
    /// The same, as many at a time as the worker takes.
    pub rte_hash_by_bursts: Cycles,
    /// hashbrown with ahash, one at a time.
    pub hashbrown: Cycles,
    /// Bytes of a flow, record included, at three quarters full.
    pub sluice_bytes: f64,
    /// Bytes of a flow, record included.
    pub rte_hash_bytes: f64,
}

/// What is put in.
#[derive(Debug, Clone, Copy)]
struct Flow(FlowKey);

/// With its deadline a record of one line, the flow's name inside, as the firewall keeps it.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
struct Record {
    addresses: [u32; 2],
    ports_and_protocol: [u32; 2],
    packets: u32,
    seen: Tick,
    other: [u32; 9],
}

impl Record {
    #[inline]
    fn is_named(&self, name: &Name) -> bool {
        [self.addresses, self.ports_and_protocol].map(|[low, high]| u64::from(low) | u64::from(high) << 32)
            == [name.number() as u64, (name.number() >> 64) as u64]
    }
}

impl flow::Entry for Flow {
    type Stored = Record;
    type More = ();
    type Extra = ();

    fn key(&self) -> &FlowKey {
        &self.0
    }

    fn store(&self) -> (Record, Option<()>) {
        let number = Name::of(&self.0).number();
        let [a, b, c, d] = [0, 32, 64, 96].map(|shift| (number >> shift) as u32);
        (Record { addresses: [a, b], ports_and_protocol: [c, d], ..Record::default() }, None)
    }

    fn load(stored: &Record, (): &()) -> Self {
        let Record { addresses: [low, high], ports_and_protocol: [ports, rest], .. } = *stored;
        Self(FlowKey {
            low: low.into(),
            high: high.into(),
            low_port: ports as u16,
            high_port: (ports >> 16) as u16,
            protocol: rest as u8,
            version: 4,
            zone: (rest >> 16) as u16,
        })
    }

    fn is_named(stored: &Record, (): &(), key: &FlowKey) -> bool {
        stored.is_named(&Name::of(key))
    }
}

/// What the others keep besides the key.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
struct Line {
    packets: u32,
    seen: u32,
}

/// What hashbrown keeps beside its key of 16 bytes: 64 together.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C)]
struct Rest {
    packets: u32,
    seen: u32,
    other: [u64; 5],
}

/// Measures with so many flows.
pub fn measure(eal: &Eal, flows: u32, length: Duration) -> Lookups {
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut order: Vec<u32> = (0..flows).collect();
    for at in (1..order.len()).rev() {
        order.swap(at, random.below(at as u64 + 1) as usize);
    }
    let hasher = FlowHasher::new([1, 2, 3, 4]);
    let mut table: Table<Flow> = Table::with_capacity(flows as usize);
    let _ = dpdk::place(&table.regions(), eal.main_lcore());
    let before = dpdk::rivals::heap_bytes(eal);
    let mut rte =
        Hash::create(eal, "lookups", flows.next_multiple_of(64) * 5 / 4 + 64).expect("a table of DPDK's");
    let rte_bytes = dpdk::rivals::heap_bytes(eal) - before;
    let mut lines = vec![Line::default(); flows as usize];
    let mut map: HashMap<[u8; 16], Rest, ahash::RandomState> =
        HashMap::with_capacity_and_hasher(flows as usize, ahash::RandomState::with_seeds(1, 2, 3, 4));
    for number in 0..flows {
        let flow = Flow(key(number));
        let slot = table.insert(hasher.hash(&flow.0), flow, Tick(1 << 30), Tick(0), |_| false);
        assert!(slot.is_ok(), "the table has room");
        assert!(rte.add(&packed(number), number as usize), "rte_hash has room");
        map.insert(packed(number), Rest::default());
    }
    let (sluice_bytes, rte_hash_bytes) = (
        table.memory() as f64 / (table.capacity() as f64 * 0.75),
        rte_bytes as f64 / f64::from(flows) + size_of::<Line>() as f64,
    );
    let mut walks = [0; 4].map(|_| Walk { order: &order, at: random.below(u64::from(flows)) as usize });
    let [own, theirs, longer, others] = &mut walks;
    let lines = RefCell::new(&mut lines[..]);
    let mut contenders: [Contender<'_>; 4] = [
        Box::new(|| timed::<BURST>(|| burst_of_sluice(&mut table, &hasher, own))),
        Box::new(|| timed::<BULK>(|| burst_of_rte::<BULK>(&rte, *lines.borrow_mut(), theirs))),
        Box::new(|| timed::<BURST>(|| burst_of_rte::<BURST>(&rte, *lines.borrow_mut(), longer))),
        Box::new(|| {
            timed::<BULK>(|| {
                for _ in 0..BULK {
                    let rest = map.get_mut(&packed(others.next())).expect("every flow is there");
                    rest.packets += 1;
                    rest.seen = 7;
                }
            })
        }),
    ];
    let cycles = duel(length, &mut contenders);
    let &[sluice, rte_hash, rte_hash_by_bursts, hashbrown] = &cycles[..] else {
        unreachable!("as many as took part")
    };
    Lookups { flows, sluice, rte_hash, rte_hash_by_bursts, hashbrown, sluice_bytes, rte_hash_bytes }
}

/// The stages of the worker, each through the whole burst: hash and bucket, entry, the few that live away, the touch.
fn burst_of_sluice(table: &mut Table<Flow>, hasher: &FlowHasher, walk: &mut Walk<'_>) {
    let names: [Name; BURST] = std::array::from_fn(|_| name(walk.next()));
    let mut hashes = [FlowHash(0); BURST];
    table.begin();
    for (hash, name) in hashes.iter_mut().zip(&names) {
        *hash = hasher.hash_v4(name);
        table.prefetch(*hash);
    }
    let (mut sought, mut away) = ([Sought::Away; BURST], 0u64);
    for (at, (hash, sought)) in hashes.iter().zip(&mut sought).enumerate() {
        *sought = table.seek(*hash, || None);
        away |= u64::from(*sought == Sought::Away) << at;
    }
    while away != 0 {
        let at = away.trailing_zeros() as usize;
        sought[at] = table.prefetch_displaced(hashes[at], None);
        away &= away - 1;
    }
    for ((hash, name), sought) in hashes.iter().zip(&names).zip(&sought) {
        let found = table.peek_where(*hash, *sought, |record| record.is_named(name));
        let (slot, deadline) = found.expect("every flow is there");
        assert!(!deadline.is_at_or_before(Tick(7)), "it lives");
        let record = table.stored_mut(slot);
        record.packets += 1;
        record.seen = Tick(7);
    }
}

fn burst_of_rte<const N: usize>(hash: &Hash, lines: &mut [Line], walk: &mut Walk<'_>) {
    let keys: [[u8; 16]; N] = std::array::from_fn(|_| packed(walk.next()));
    let mut data = [0; N];
    assert_eq!(hash.look_up(&keys, &mut data), u64::MAX >> (64 - N), "every flow is there");
    for at in data {
        let line = &mut lines[at];
        line.packets += 1;
        line.seen = 7;
    }
}

/// A chunk of lookups, `N` in a burst.
fn timed<const N: usize>(mut burst: impl FnMut()) -> (u64, u64) {
    let begin = dpdk::cycles();
    for _ in 0..LOOKUPS / N {
        burst();
    }
    (LOOKUPS as u64, dpdk::cycles() - begin)
}

/// Endlessly through the flows, in shuffled order.
struct Walk<'a> {
    order: &'a [u32],
    at: usize,
}

impl Walk<'_> {
    #[inline]
    fn next(&mut self) -> u32 {
        let number = self.order[self.at];
        self.at = if self.at + 1 == self.order.len() { 0 } else { self.at + 1 };
        number
    }
}

#[inline]
fn client(number: u32) -> u32 {
    number.wrapping_mul(0x9e37_79b1)
}

#[inline]
fn key(number: u32) -> FlowKey {
    FlowKey {
        low: client(number).into(),
        high: 0xc000_020a,
        low_port: 1024 + (number % 30_000) as u16,
        high_port: 443,
        protocol: 6,
        version: 4,
        zone: 0,
    }
}

/// As the worker reads it from a frame.
#[inline]
fn name(number: u32) -> Name {
    Name::of(&key(number))
}

/// The same in 16 bytes.
#[inline]
fn packed(number: u32) -> [u8; 16] {
    let ports = u128::from(1024 + number % 30_000) << 16 | 443;
    let key = u128::from(client(number)) << 96 | 0xc000_020a << 64 | ports << 32 | 6;
    key.to_ne_bytes()
}

/// Lookups of one turn: whole bursts.
const LOOKUPS: usize = 32 * BURST;

const _: () = assert!(BURST.is_multiple_of(BULK));
