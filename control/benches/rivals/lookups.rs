//! What does it cost to find a flow and touch its record? The flow table beside `rte_hash` with records of its own, and
//! beside hashbrown with ahash: the same flows, the same shuffled order, records of a cache line.

use crate::duel::{Contender, Cycles, Random, duel};
use dataplane::flow::{self, FlowHash, FlowHasher, FlowKey, Table};
use dataplane::time::Tick;
use dpdk::Eal;
use dpdk::rivals::{BULK, Hash};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What was found for so many flows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lookups {
    /// Flows.
    pub flows: u32,
    /// The flow table.
    pub sluice: Cycles,
    /// `rte_hash_lookup_bulk_data`, 32 at a time, and a record by index.
    pub rte_hash: Cycles,
    /// hashbrown with ahash, one at a time.
    pub hashbrown: Cycles,
    /// Bytes of a flow, record included, at three quarters full.
    pub sluice_bytes: f64,
    /// Bytes of a flow, record included.
    pub rte_hash_bytes: f64,
}

/// A record of one line, its key inside, as the firewall keeps it.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(64))]
struct Record {
    key: FlowKey,
    packets: u32,
    seen: Tick,
}

impl flow::Entry for Record {
    type Stored = Self;
    type More = ();
    type Extra = ();

    fn key(&self) -> &FlowKey {
        &self.key
    }

    fn store(&self) -> (Self, Option<()>) {
        (*self, None)
    }

    fn load(stored: &Self, (): &()) -> Self {
        *stored
    }

    fn is_named(stored: &Self, (): &(), key: &FlowKey) -> bool {
        stored.key == *key
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
    let mut table: Table<Record> = Table::with_capacity(flows as usize);
    let _ = dpdk::place(&table.regions(), eal.main_lcore());
    let before = dpdk::rivals::heap_bytes(eal);
    let mut rte =
        Hash::create(eal, "lookups", flows.next_multiple_of(64) * 5 / 4 + 64).expect("a table of DPDK's");
    let rte_bytes = dpdk::rivals::heap_bytes(eal) - before;
    let mut lines = vec![Line::default(); flows as usize];
    let mut map: HashMap<[u8; 16], Rest, ahash::RandomState> =
        HashMap::with_capacity_and_hasher(flows as usize, ahash::RandomState::with_seeds(1, 2, 3, 4));
    for number in 0..flows {
        let record = Record { key: key(number), ..Record::default() };
        let slot = table.insert(hasher.hash(&record.key), record, Tick(1 << 30), Tick(0), |_| false);
        assert!(slot.is_ok(), "the table has room");
        assert!(rte.add(&packed(number), number as usize), "rte_hash has room");
        map.insert(packed(number), Rest::default());
    }
    let (sluice_bytes, rte_hash_bytes) = (
        table.memory() as f64 / (table.capacity() as f64 * 0.75),
        rte_bytes as f64 / f64::from(flows) + size_of::<Line>() as f64,
    );
    let mut walks = [0; 3].map(|_| Walk { order: &order, at: random.below(u64::from(flows)) as usize });
    let [own, theirs, others] = &mut walks;
    let mut contenders: [Contender<'_>; 3] = [
        Box::new(|| timed(|| burst_of_sluice(&mut table, &hasher, own))),
        Box::new(|| timed(|| burst_of_rte(&rte, &mut lines, theirs))),
        Box::new(|| {
            timed(|| {
                for _ in 0..BULK {
                    let rest = map.get_mut(&packed(others.next())).expect("every flow is there");
                    rest.packets += 1;
                    rest.seen = 7;
                }
            })
        }),
    ];
    let cycles = duel(length, &mut contenders);
    let &[sluice, rte_hash, hashbrown] = &cycles[..] else { unreachable!("as many as took part") };
    Lookups { flows, sluice, rte_hash, hashbrown, sluice_bytes, rte_hash_bytes }
}

/// The stages of the worker: hash and bucket, entry, the few that live away, the touch.
fn burst_of_sluice(table: &mut Table<Record>, hasher: &FlowHasher, walk: &mut Walk<'_>) {
    let keys: [FlowKey; BULK] = std::array::from_fn(|_| key(walk.next()));
    let mut hashes = [FlowHash(0); BULK];
    for (hash, key) in hashes.iter_mut().zip(&keys) {
        *hash = hasher.hash(key);
        table.prefetch(*hash);
    }
    let mut away = 0u32;
    for (at, hash) in hashes.iter().enumerate() {
        away |= u32::from(!table.prefetch_entry(*hash)) << at;
    }
    while away != 0 {
        table.prefetch_displaced(hashes[away.trailing_zeros() as usize], None);
        away &= away - 1;
    }
    for (hash, key) in hashes.iter().zip(&keys) {
        let slot = table.find(*hash, key, Tick(7)).expect("every flow is there");
        let record = table.stored_mut(slot);
        record.packets += 1;
        record.seen = Tick(7);
    }
}

fn burst_of_rte(hash: &Hash, lines: &mut [Line], walk: &mut Walk<'_>) {
    let keys: [[u8; 16]; BULK] = std::array::from_fn(|_| packed(walk.next()));
    let mut data = [0; BULK];
    assert_eq!(hash.look_up(&keys, &mut data), (1 << BULK) - 1, "every flow is there");
    for at in data {
        let line = &mut lines[at];
        line.packets += 1;
        line.seen = 7;
    }
}

/// A chunk of bursts.
fn timed(mut burst: impl FnMut()) -> (u64, u64) {
    let begin = dpdk::cycles();
    for _ in 0..BURSTS {
        burst();
    }
    ((BURSTS * BULK) as u64, dpdk::cycles() - begin)
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

/// The same in 16 bytes.
#[inline]
fn packed(number: u32) -> [u8; 16] {
    let ports = u128::from(1024 + number % 30_000) << 16 | 443;
    let key = u128::from(client(number)) << 96 | 0xc000_020a << 64 | ports << 32 | 6;
    key.to_ne_bytes()
}

const BURSTS: usize = 64;
